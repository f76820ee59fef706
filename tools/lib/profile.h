/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A profile: stacks and how often they were seen, and the forms it is written in. */
#ifndef CORELETS_PROFILE_H
#define CORELETS_PROFILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/frame.h"

struct profile;

/* What a stack is counted in. */
enum profile_value {
	PROFILE_SAMPLES, /* how often it was seen */
	PROFILE_CPU_NS,	 /* time on a CPU */
	PROFILE_OFF_NS,	 /* time blocked */
	PROFILE_VALUES,
};

/* What a profile says of itself. */
struct profile_about {
	const char *title; /* "cycles at 99 Hz, all CPUs" */
	const char *event; /* "cycles", "cpu-clock", "off-cpu" */
	uint64_t start_ns; /* since the epoch */
	uint64_t duration_ns;
	uint64_t period_ns; /* between two samples of a CPU; 0: none */
	uint64_t samples, lost, throttled, truncated;
	uint64_t unnamed[WHY_COUNT];
};

/* Whose stack it is. */
struct profile_task {
	pid_t pid, tid;
	const char *comm;
};

int profile_new(struct profile **ret);
void profile_free(struct profile *profile);

/* Adds to the stack *frames* (innermost first) of *task*; copies all strings.  Sums stop at UINT64_MAX.
 * Returns 0, -ENOMEM, or -E2BIG if the call tree has more nodes than PROFILE_NODES_MAX. */
int profile_add(struct profile *profile, const struct profile_task *task,
		const struct frame *frames, size_t count, const uint64_t values[PROFILE_VALUES]);

/* What the numbers are of: copied. */
int profile_set_about(struct profile *profile, const struct profile_about *about);

uint64_t profile_total(const struct profile *profile, enum profile_value value);

/* Each writes to *fd* all of it, and returns 0 or -errno of the write, or -ENOMEM.  Where a form has
 * one value only, it is time (on and off CPU) if there is time, else samples. */
/* For people; *columns* of the terminal, 0: as wide as it gets. */
int profile_write_report(const struct profile *profile, int fd, unsigned int columns);
/* "comm;outermost;…;innermost COUNT", sorted, escaped as profile_folded.c says. */
int profile_write_folded(const struct profile *profile, int fd);
/* Flame graphs: an SVG image with a script, and an HTML page with the same. */
int profile_write_svg(const struct profile *profile, int fd);
int profile_write_html(const struct profile *profile, int fd);
/* profile.proto of google/pprof, gzipped: samples/count, cpu/nanoseconds, and off-cpu/nanoseconds if
 * there is any; labels pid, tid and comm. */
int profile_write_pprof(const struct profile *profile, int fd);
int profile_write_speedscope(const struct profile *profile, int fd);
/* JSON lines, one a stack, those with the most first:
 * {"type":"stack","comm":…,"pid":…,"tid":…,"samples":…,"cpu_ns":…,"off_ns":…,"frames":[{"kind":…,
 * "name":…,"module":…,"build_id":…,"source":…,"line":…,"address":"0x…"},…]}, innermost first. */
int profile_put_json(const struct profile *profile, struct buf *b);
/* The top functions, self and total, for a terminal of that size: at most rows - 1 lines. */
int profile_put_top(const struct profile *profile, struct buf *b, unsigned int columns,
		    unsigned int rows);

/* Reads a folded file or a pprof file (gzipped or not) of up to 1 GiB, that may be damaged or hostile.
 * Returns 0, or -errno with one line in *why*: "PATH: what is wrong". */
int profile_read(const char *path, struct profile **ret, char why[256]);

/* A differential flame graph of *b* against *a*, by their shares of all; HTML if *html*, else SVG. */
int profile_write_diff(const struct profile *a, const struct profile *b, int fd, int html);

#endif
