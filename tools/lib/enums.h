/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the running kernel calls the numbers of its BPF interface, from its BTF: one that is newer
 * than this build has names too. */
#ifndef CORELETS_ENUMS_H
#define CORELETS_ENUMS_H

#include <stdint.h>

enum kernel_enum {
	ENUM_CMD,	  /* PROG_LOAD, ... */
	ENUM_PROG_TYPE,	  /* xdp, ... */
	ENUM_ATTACH_TYPE, /* cgroup_inet_ingress, ... */
	ENUM_MAP_TYPE,	  /* hash, ... */
	ENUM_LINK_TYPE,	  /* raw_tracepoint, ... */
	ENUM_COUNT,
};

/* Reads all names.  Returns 0 or a negative errno; what could not be read has no name. */
int enums_init(void);
void enums_done(void);

/* The name, without the prefix that all of its kind have; a number as text if there is none, valid
 * until the next but seven calls. */
const char *enum_text(enum kernel_enum which, uint32_t value);

#endif
