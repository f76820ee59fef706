/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the running kernel calls the numbers of its BPF interface, from its BTF: one that is newer
 * than this build has names too.  A minimal BTF need not have them: then the build's are used. */
#ifndef CORELETS_ENUMS_H
#define CORELETS_ENUMS_H

#include <stdint.h>

#include <bpf/btf.h>

enum kernel_enum {
	ENUM_CMD,	  /* PROG_LOAD, ... */
	ENUM_PROG_TYPE,	  /* xdp, ... */
	ENUM_ATTACH_TYPE, /* cgroup_inet_ingress, ... */
	ENUM_MAP_TYPE,	  /* hash, ... */
	ENUM_LINK_TYPE,	  /* raw_tracepoint, ... */
	ENUM_COUNT,
};

/* Before the BTF is opened: asks it for all names. */
void enums_ask(void);

/* Afterwards: takes what it did not have from *own*, the BTF of the tool's BPF object, which knows
 * the enums of the build's vmlinux.h. */
void enums_init(const struct btf *own);
void enums_done(void);

/* The name, without the prefix that all of its kind have; a number as text if there is none, valid
 * until the next but seven calls. */
const char *enum_text(enum kernel_enum which, uint32_t value);

#endif
