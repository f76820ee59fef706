/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Needs and attach points.  A tool needs facts ("exec"); each can be had at several attach points,
 * best first.  What this kernel takes is decided from its BTF and by trying, never by version.
 *
 * CORELETS_WITHOUT=tp_btf,raw_tp,task_storage,... leaves out kinds of programs, helpers, or single
 * programs by name, so that every fallback can be run on a kernel that has the best. */
#ifndef CORELETS_NEED_H
#define CORELETS_NEED_H

#include <stdbool.h>
#include <stdint.h>

#include <bpf/libbpf.h>

#include "lib/perf.h"

/* The event of points that are "perf_event/NAME": on all CPUs, with rings.  *type* and *config* come
 * from NAME ("cycles", "cpu-clock"), the rest of *attr* is set before needs_attach(). */
struct need_event {
	struct perf_event_attr attr;
	size_t pages;		 /* of each ring */
	struct perf_rings rings; /* open from needs_attach() on; closed by its owner, in the end */
};

struct need {
	const char *name;
	/* Programs, best first; "a+b" are attached together, in this order. */
	const char *points[6];
	const bool *when;     /* needed only if this is set */
	uint64_t when_wanted; /* ... and if one of these columns is shown */
	const char *type;     /* ... and only where the kernel's BTF has this */
	bool in_flight;	      /* remembers calls; so do all points of several programs */
	bool optional;	      /* without it the tool runs on and says what it cannot see */
	const char *lacking;  /* that, for -v */
	struct need_event *event;
};

#define NEED_END             \
	{                    \
		.name = NULL \
	}
#define NEEDS_MAX 16

/* One need on this kernel. */
struct need_state {
	const struct need *need;
	int point;     /* the one in use; -1: none is left */
	char why[384]; /* why the ones before it were not taken */
};

struct needs {
	struct need_state state[NEEDS_MAX];
	size_t count;
	const char *without; /* CORELETS_WITHOUT */
	bool without_task_storage;
	struct bpf_link *links[2 * NEEDS_MAX];
	int events[2 * NEEDS_MAX]; /* perf events of classic tracepoints */
	size_t link_count;
	const struct perf_rings *rings; /* perf events that run programs */
	int tracefs;
};

/* Starts with the best point of each need in *table* (ended by NEED_END) that applies. */
void needs_init(struct needs *needs);
int needs_add(struct needs *needs, const struct need *table, uint64_t wanted);

/* Before load: skips the points that this kernel is known not to have (*has_btf_name* asks its
 * BTF), and sets what is loaded.  Returns 0, or -EOPNOTSUPP with one line in *why* if a need that
 * is not optional has no point left. */
int needs_choose(struct needs *needs, struct bpf_object *object,
		 bool (*has_btf_name)(const char *name), char why[256]);

/* After a failed load: moves on from the point that libbpf's *log* blames.  Returns whether there
 * was one, that is, whether it makes sense to try again. */
bool needs_blame(struct needs *needs, struct bpf_object *object, const char *log);

/* Attaches all.  Returns 0, or -EAGAIN if a point was refused: then choose and load again. */
int needs_attach(struct needs *needs, struct bpf_object *object);

void needs_detach(struct needs *needs);

/* The attach points in use, as "tp_btf/sched_process_exec"; joined by "+" if there are several. */
void need_point(const struct need_state *state, struct bpf_object *object, char text[192]);

#endif
