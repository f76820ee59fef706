/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel says of a program, a map or a link when it is asked by its id (which takes
 * CAP_SYS_ADMIN). */
#ifndef CORELETS_BPF_INFO_H
#define CORELETS_BPF_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/bpf.h>

#include "lib/buf.h"

struct prog_details {
	struct bpf_prog_info info;
	struct buf name;    /* in full, from its BTF; else what the info has */
	struct buf helpers; /* each with its NUL, in the order of the first use */
	struct buf maps;    /* ids, each as text with its NUL */
	struct buf source;  /* "file.bpf.c:12" of its first instruction */
	bool helpers_known; /* the kernel showed what is called */
};

/* Asks for the program *id*; *deep*: also its helpers, maps and source.  Returns 0, or a negative
 * errno: -ENOENT if it is gone, -EPERM.  The buffers are reused: zero them before the first call. */
int prog_details(uint32_t id, bool deep, struct prog_details *ret);
void prog_details_done(struct prog_details *details);

/* Returns 0 or a negative errno, as above. */
int map_details(uint32_t id, struct bpf_map_info *ret);

/* Also what the link is attached to, as text, if it can be told ("sched_switch", "net:[4026531840]"),
 * or as the number of an interface of the network namespace that it was made in. */
int link_details(uint32_t id, struct bpf_link_info *ret, struct buf *target, uint32_t *ifindex);

/* Forgets the kernel's symbols. */
void bpf_info_done(void);

#endif
