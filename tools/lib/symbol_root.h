/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CORELETS_SYMBOL_ROOT_H
#define CORELETS_SYMBOL_ROOT_H

#include <stdint.h>

/* Which file this is: the ID of its mount, and its inode number.  Returns 0 or -errno. */
int root_id(int fd, uint64_t *mount, uint64_t *inode);

#endif
