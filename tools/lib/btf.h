/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The BTF of the running kernel: which types and hooks it has. */
#ifndef CORELETS_BTF_H
#define CORELETS_BTF_H

#include <stdbool.h>

/* Whether the kernel says what its types look like (CONFIG_DEBUG_INFO_BTF). */
bool kernel_btf_exists(void);

/* Whether that BTF has something of this name: a type, a function, a member.  False without BTF. */
bool kernel_btf_has(const char *name);

/* Frees what the answers were looked up in. */
void kernel_btf_done(void);

#endif
