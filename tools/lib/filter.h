/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The common filters, from option to the BPF side. */
#ifndef CORELETS_FILTER_H
#define CORELETS_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include <bpf/libbpf.h>

#include "lib/event.h"

/* A list of numbers, as given to -p, -t or -u. */
struct id_list {
	uint32_t *ids;
	size_t count;
};

struct filter_options {
	struct id_list pids, tids, uids;
	char comms[FILTER_COMMS][COMM_SIZE];
	uint32_t comm_len[FILTER_COMMS];
	size_t comm_count;
	const char *cgroup;
	bool follow;  /* -f */
	bool command; /* -- COMMAND */
	bool self;    /* --self */
};

/* Parsers for OPT_CALL; *target* is a struct id_list, or struct filter_options for the names.  They
 * resolve what is named: a pid that does not exist is an error. */
int filter_parse_pids(const char *arg, void *target, char why[128]);
int filter_parse_tids(const char *arg, void *target, char why[128]);
int filter_parse_users(const char *arg, void *target, char why[128]);
int filter_parse_comms(const char *arg, void *target, char why[128]);

/* Opens the directory of a cgroup (v2), given as a path to it or below the root of the hierarchy.
 * Returns a descriptor, or a negative errno with one line in *why*. */
int filter_open_cgroup(const char *path, char why[256]);

/* Before load: fills the constants, and sizes the maps or leaves them out.  *ring_size* in bytes.
 * Returns 0 or a negative errno. */
int filter_configure(const struct filter_options *options, struct filter *filter,
		     struct bpf_object *object, uint32_t ring_size);

/* After load, before attach: fills the maps; *cgroup_fd* as opened, or -1. */
int filter_fill(const struct filter_options *options, struct bpf_object *object, int cgroup_fd);

void filter_options_done(struct filter_options *options);

#endif
