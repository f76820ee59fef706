/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* opensnoop: every open, with the path as the kernel resolved it. */
#include "lib/flags.h"
#include "lib/tool.h"
#include "opensnoop.h"
#include "opensnoop.skel.h"

static bool failed;
static bool given_path;
static bool light;
static bool thorough = true;
static const char *prefix;
static struct open_flags asked;

static const struct opt options[] = {
	OPT_BOOL('x', "failed", &failed, "only opens that failed"),
	OPT_CALL(0, "flags", "LIST", open_flags_parse, &asked,
		 "only opens with any of these O_ flags"),
	OPT_STRING(0, "path-prefix", "TEXT", &prefix, "only paths that begin like this"),
	OPT_BOOL(0, "light", &light,
		 "hook opens alone (fexit), not the exit of all calls: see the man page"),
	OPT_BOOL('F', "given-path", &given_path, "show the path as given, not as resolved"),
	OPT_END,
};

static const struct need needs[] = {
	{ .name = "open",
	  .when = &thorough,
	  .points = { "open_exit", "open_exit_raw", "open_enter_tp+open_exit_tp" } },
	{ .name = "open",
	  .when = &light,
	  .points = { "open_return", "open_exit", "open_exit_raw", "open_enter_tp+open_exit_tp" } },
	{ .name = "latency",
	  .when = &thorough,
	  .points = { "open_enter", "open_enter_raw", "open_enter_tp" },
	  .when_wanted = WANT_LATENCY,
	  .in_flight = true },
	{ .name = "latency",
	  .when = &light,
	  .points = { "open_call_start", "open_enter", "open_enter_raw", "open_enter_tp" },
	  .when_wanted = WANT_LATENCY,
	  .in_flight = true },
	{ .name = "io_uring submit",
	  .points = { "uring_open_submit", "uring_open_submit_raw" },
	  .type = "io_cqe",
	  .optional = true,
	  .lacking = "paths of opens through io_uring that failed" },
	{ .name = "io_uring open",
	  .points = { "uring_open_done", "uring_open_done_raw" },
	  .type = "io_cqe", /* Linux 5.19; before, the tracepoint does not name the request */
	  .optional = true,
	  .lacking = "opens through io_uring" },
	NEED_END,
};

static int check(char why[256])
{
	thorough = !light;
	if (prefix && (*prefix != '/' || strlen(prefix) >= PREFIX_MAX)) {
		snprintf(why, 256, "--path-prefix: begin with / and write at most %d bytes",
			 PREFIX_MAX - 1);
		return -EINVAL;
	}
	return 0;
}

static void configure(void *skeleton)
{
	struct opensnoop_bpf *bpf = skeleton;

	bpf->rodata->failed_only = failed;
	bpf->rodata->flags_any = asked.any;
	bpf->rodata->access_any = asked.access;
	if (prefix) {
		bpf->rodata->prefix_len = strlen(prefix);
		memcpy((char *)bpf->rodata->prefix, prefix, strlen(prefix));
	}
	if (given_path)
		bpf->rodata->wanted = (bpf->rodata->wanted & ~WANT_PATH) | WANT_GIVEN;
}

static const struct column path_column = COL(struct open_event, "", path, 0, "");
static const struct column given_column = COL(struct open_event, "", given, 0, "");
static const struct column dir_column = COL(struct open_event, "", dir, 0, "");

/* The path of the open file; of a failure: as given, after the directory that it starts from. */
static void get_path(const void *event, size_t size, struct value *v)
{
	struct value dir;

	column_value(&path_column, event, size, v);
	if (!given_path && v->kind != VALUE_ABSENT)
		return;
	column_value(&given_column, event, size, v);
	column_value(&dir_column, event, size, &dir);
	if (!given_path)
		value_join_path(v, &dir);
}

static void get_flags(const void *event, size_t size, struct value *v)
{
	const struct open_event *ev = event;

	(void)size;
	open_flags_text(ev->flags, v);
}

static void get_type(const void *event, size_t size, struct value *v)
{
	const struct open_event *ev = event;

	(void)size;
	value_text(v, ev->dev == UINT32_MAX ? NULL : file_type_name(ev->type));
}

static void get_call(const void *event, size_t size, struct value *v)
{
	static const char *const names[][2] = {
		[VIA_OPEN] = { "open", "open/32" },
		[VIA_CREAT] = { "creat", "creat/32" },
		[VIA_OPENAT] = { "openat", "openat/32" },
		[VIA_OPENAT2] = { "openat2", "openat2/32" },
		[VIA_IO_URING] = { "io_uring", "io_uring" },
	};
	const struct open_event *ev = event;
	uint32_t via = ev->via & ~VIA_COMPAT;

	(void)size;
	value_text(v, via < ARRAY_SIZE(names) ? names[via][!!(ev->via & VIA_COMPAT)] : NULL);
}

static const struct column columns[] = {
	COL_TIME,
	COL_COMM(struct open_event),
	COL_PID(struct open_event),
	COL_TID(struct open_event, .flags = COL_EXTRA),
	COL_PPID(struct open_event, .flags = COL_EXTRA),
	COL_UID(struct open_event, .flags = COL_EXTRA),
	COL_GID(struct open_event),
	COL_CPU(struct open_event),
	COL_GET("CALL", "call", get_call, -10,
		"how: open, creat, openat, openat2 (/32: by a 32-bit "
		"program), io_uring",
		.flags = COL_WIDE),
	COL_GET("FLAGS", "flags", get_flags, -18, "O_ flags", .flags = COL_EXTRA,
		.want = WANT_FLAGS),
	COL(struct open_event, "MODE", mode, 5, "permissions, where O_CREAT or O_TMPFILE uses them",
	    .fmt = FMT_OCTAL, .flags = COL_EXTRA | COL_ABSENT, .absent = UINT32_MAX,
	    .want = WANT_FLAGS),
	COL(struct open_event, "LAT", lat_ns, 7, "time that the call took", .fmt = FMT_DURATION,
	    .flags = COL_EXTRA | COL_ABSENT, .absent = UINT64_MAX, .want = WANT_LATENCY),
	COL(struct open_event, "DEV", dev, 7, "device of the file", .fmt = FMT_DEVICE,
	    .flags = COL_EXTRA | COL_ABSENT, .absent = UINT32_MAX, .want = WANT_INODE),
	COL(struct open_event, "INODE", ino, 8, "inode of the file",
	    .flags = COL_EXTRA | COL_ABSENT, .want = WANT_INODE),
	COL_GET("TYPE", "file_type", get_type, -6, "type of the file", .flags = COL_EXTRA,
		.want = WANT_INODE),
	COL(struct open_event, "CGROUPID", cgroup_id, 8, "id of the cgroup (v2)",
	    .flags = COL_EXTRA, .want = WANT_CGROUP_ID),
	COL(struct open_event, "CGROUP", cgroup, -24, "path of the cgroup (v2)", .fmt = FMT_PATH,
	    .flags = COL_EXTRA, .want = WANT_CGROUP),
	COL(struct open_event, "MNTNS", mntns, 10, "mount namespace", .flags = COL_EXTRA,
	    .want = WANT_MNTNS),
	COL(struct open_event, "ROOT", root, -12, "root that PATH starts from, in that namespace",
	    .fmt = FMT_PATH, .flags = COL_WIDE, .want = WANT_ROOT),
	COL(struct open_event, "DIR", dir, -20, "directory that a relative path starts from",
	    .fmt = FMT_PATH, .flags = COL_EXTRA, .want = WANT_DIR | WANT_GIVEN),
	COL(struct open_event, "GIVEN", given, -24, "path as given", .fmt = FMT_PATH,
	    .flags = COL_EXTRA, .want = WANT_GIVEN),
	COL(struct open_event, "FIXED", fixed, 5, "1: RET is a slot of io_uring's file table",
	    .flags = COL_EXTRA),
	COL(struct open_event, "RET", ret, 6, "file descriptor, or the error", .fmt = FMT_ERRNO),
	COL_GET("PATH", "path", get_path, 0,
		"path as the kernel resolved it; of a failure: as given, "
		"after its directory",
		.fmt = FMT_PATH, .want = WANT_PATH),
	COL_END,
};

TOOL(opensnoop, .brief = "Trace open(2) and its variants", .group = "files", .event = "open",
     .columns = columns, .options = options, .needs = needs, .check = check, .configure = configure)
