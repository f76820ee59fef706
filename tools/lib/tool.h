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
#include "lib/need.h"
#include "lib/opt.h"
#include "lib/util.h"

/* What the runtime uses of a skeleton. */
struct tool_skeleton {
	struct bpf_object_skeleton *skeleton;
	struct bpf_object *object;
	struct filter *filter;
	__u64 *wanted;
	void *self; /* struct X_bpf, for .configure */
};

struct tool {
	const char *stem;  /* execsnoop, perf_sample */
	const char *brief; /* one line, without a full stop */
	const char *event; /* "type" of its events in JSON */
	const struct column *columns;
	const struct opt *options; /* its own, or NULL */
	const struct need *needs;
	/* After the options, before anything is opened: whether they make sense together.  Returns
	 * 0, or -EINVAL with one line in *why*. */
	int (*check)(char why[256]);
	/* Between open and load: fills the tool's own constants; *skeleton* is a struct X_bpf. */
	void (*configure)(void *skeleton);
	/* Whether an event is shown, for what the kernel cannot decide.  May be NULL. */
	bool (*show)(const void *event, size_t size);
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

/* Runs a tool.  Returns its exit status (see the contract: 0, 1, 2, 3, or the command's). */
int tool_main(const struct tool *tool, int argc, char **argv);

#endif
