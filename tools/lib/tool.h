/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The life of a tool: options → open → configure → load → attach → loop → summary.
 *
 * A tool declares its columns, options and needs, and TOOL() makes main() of that. */
#ifndef CORELETS_TOOL_H
#define CORELETS_TOOL_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "lib/column.h"
#include "lib/event.h"
#include "lib/filter.h"
#include "lib/need.h"
#include "lib/opt.h"
#include "lib/output.h"
#include "lib/util.h"

/* What the runtime uses of a skeleton. */
struct tool_skeleton {
	struct bpf_object_skeleton *skeleton;
	struct bpf_object *object;
	struct filter *filter;
	__u64 *wanted;
	void *self; /* struct X_bpf, for .configure */
};

struct session; /* a tool that runs */

struct tool {
	const char *stem;	      /* execsnoop, perf_sample */
	const char *brief;	      /* one line, without a full stop */
	const char *group;	      /* what it is about: the heading in corelets(8)'s list */
	const char *event;	      /* "type" of its events in JSON */
	const struct column *columns; /* NULL: no rows; then there is no -o, --csv, -T, --no-header */
	const struct opt *options;    /* its own, or NULL */
	const struct need *needs;
	/* After the options, before anything is opened: whether they make sense together.  Returns
	 * 0, or -EINVAL with one line in *why*. */
	int (*check)(char why[256]);
	/* Between open and load: fills the tool's own constants; *skeleton* is a struct X_bpf. */
	void (*configure)(void *skeleton);
	/* Whether an event is shown, for what the kernel cannot decide.  May be NULL. */
	bool (*show)(const void *event, size_t size);
	/* The rest is for tools that have other sources too, or whose output is not a row an event.
	 *
	 * What the options ask for instead of tracing, with the arguments that are left: returns the
	 * exit status, or -1 to trace; an error is one line in *why*. */
	int (*instead)(int argc, char **argv, char why[256]);
	/* After attaching, with all privileges; *why* may say more than the negative errno
	 * (-EOPNOTSUPP: this kernel, or these privileges, lack something). */
	int (*start)(struct session *session, char why[256]);
	/* A record of the ring, instead of tool_event(). */
	void (*record)(struct session *session, void *event, size_t size);
	void (*tick)(struct session *session); /* every 50 ms, after the records */
	/* After the last record, before the summary.  Returns 0, or a negative errno that is said. */
	int (*finish)(struct session *session);
	void (*done)(void); /* frees; also if nothing else was called */
	uint64_t keep;	    /* capabilities needed while running: bits 1 << CAP_* */
	int (*open)(const struct bpf_object_open_opts *opts, struct tool_skeleton *skeleton);
	void (*close)(struct tool_skeleton *skeleton);
};

#define TOOL(stem_, ...)                                                                          \
	static int stem_##_open(const struct bpf_object_open_opts *opts,                          \
				struct tool_skeleton *ret)                                        \
	{                                                                                         \
		struct stem_##_bpf *skeleton = stem_##_bpf__open_opts(opts);                      \
		if (!skeleton)                                                                    \
			return -errno;                                                            \
		*ret = (struct tool_skeleton){ skeleton->skeleton, skeleton->obj,                 \
					       (struct filter *)&skeleton->rodata->filter,        \
					       (__u64 *)&skeleton->rodata->wanted, skeleton };    \
		return 0;                                                                         \
	}                                                                                         \
	static void stem_##_close(struct tool_skeleton *skeleton)                                 \
	{                                                                                         \
		stem_##_bpf__destroy(skeleton->self);                                             \
		*skeleton = (struct tool_skeleton){};                                             \
	}                                                                                         \
	int main(int argc, char **argv)                                                           \
	{                                                                                         \
		static const struct tool tool = {                                                 \
			.stem = #stem_, .open = stem_##_open, .close = stem_##_close, __VA_ARGS__ \
		};                                                                                \
		return tool_main(&tool, argc, argv);                                              \
	}

/* ---- for the hooks ---- */

/* An event, as if it came from the ring: counted, shown. */
void tool_event(struct session *session, const void *event, size_t size);
/* One line on standard error, after the tool's name. */
__attribute__((format(printf, 2, 3))) void tool_say(const struct session *session, const char *fmt,
						    ...);
/* Counts *n* as lost. */
void tool_lose(struct session *session, enum lost_reason reason, uint64_t n);
/* In start(): capabilities needed while running, beside those of tool.keep. */
void tool_keep(struct session *session, uint64_t capabilities);
/* What has been lost up to now, for whatever reason. */
uint64_t tool_lost(const struct session *session);
/* Ends the run, as --duration does. */
void tool_stop(struct session *session);
/* The writer, for lines that are no events: put into its buf, then output_flush(). */
struct output *tool_output(struct session *session);
void *tool_skeleton(const struct session *session);
struct bpf_object *tool_object(const struct session *session);
const struct needs *tool_needs(const struct session *session);
bool tool_verbose(const struct session *session);
/* The traced command (its PID here), 0: none. */
int tool_command(const struct session *session);
/* The common filters, as the options gave them. */
const struct filter_options *tool_filters(const struct session *session);

/* Runs a tool.  Returns its exit status (see the contract: 0, 1, 2, 3, or the command's). */
int tool_main(const struct tool *tool, int argc, char **argv);

#endif
