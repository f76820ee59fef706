/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* execsnoop: every exec, with its arguments. */
#include "execsnoop.h"
#include "execsnoop.skel.h"
#include "lib/tool.h"
#include "lib/tree.h"

static bool failed;
static bool tree;
static uint64_t max_args;
static const char *contains;

static const struct opt options[] = {
	OPT_BOOL('x', "failed", &failed, "failed attempts too"),
	OPT_U64(0, "max-args", "N", &max_args, "show at most N arguments"),
	OPT_STRING(0, "args-contains", "TEXT", &contains,
		   "only if the arguments, joined by spaces, contain TEXT"),
	OPT_BOOL(0, "tree", &tree, "indent by ancestry within what is traced"),
	OPT_END,
};

static const struct need needs[] = {
	{ .name = "exec", .points = { "exec_done", "exec_done_raw", "exec_done_tp" } },
	{ .name = "failed exec",
	  .when = &failed,
	  .points = { "exec_exit", "exec_exit_raw", "exec_enter_tp+exec_exit_tp" } },
	NEED_END,
};

/* The arguments, up to --max-args of them. */
static void get_args(const void *event, size_t size, struct value *v)
{
	static const struct column whole = COL(struct exec_event, "", args, 0, "");
	uint64_t left = max_args;

	column_value(&whole, event, size, v);
	for (size_t i = 0; left && v->kind == VALUE_TEXT && i < v->len; i++)
		if (!v->data[i] && !--left && i + 1 < v->len) {
			v->len = i + 1;
			v->flags |= BYTES_TRUNCATED;
		}
}

static unsigned int depth(const void *event, size_t size)
{
	const struct exec_event *ev = event;

	return tree ? tree_depth(ev->task.pid, &ev->ancestors, event, size) : 0;
}

static void get_depth(const void *event, size_t size, struct value *v)
{
	v->kind = tree ? VALUE_UINT : VALUE_ABSENT;
	v->number = depth(event, size);
}

static bool show(const void *event, size_t size)
{
	const struct exec_event *ev = event;
	_cleanup_free_ char *joined = NULL;
	struct value v;

	if (tree && ev->ret >= 0)
		tree_add(ev->task.pid, &ev->ancestors, event, size);
	if (!contains)
		return true;
	column_value(&(struct column)COL(struct exec_event, "", args, 0, ""), event, size, &v);
	joined = v.kind == VALUE_TEXT ? malloc(v.len + 1) : NULL;
	if (!joined)
		return false;
	for (size_t i = 0; i < v.len; i++)
		joined[i] = v.data[i] ?: ' ';
	return memmem(joined, v.len, contains, strlen(contains));
}

static void configure(void *skeleton)
{
	struct execsnoop_bpf *bpf = skeleton;

	if (tree)
		bpf->rodata->wanted |= WANT_TREE;
}

static const struct column columns[] = {
	COL_TIME,
	COL_COMM(struct exec_event),
	COL_PID(struct exec_event),
	COL_TID(struct exec_event, .flags = COL_WIDE),
	COL_PPID(struct exec_event),
	COL(struct exec_event, "PCOMM", pcomm, -15, "name of the parent", .flags = COL_WIDE,
	    .want = WANT_PCOMM),
	COL_UID(struct exec_event),
	COL_GID(struct exec_event),
	COL_CPU(struct exec_event),
	COL(struct exec_event, "LOGINUID", loginuid, 8, "user who logged in (audit)",
	    .flags = COL_EXTRA | COL_ABSENT, .absent = UINT32_MAX, .want = WANT_SESSION),
	COL(struct exec_event, "SESSION", session, 7, "login session (audit)",
	    .flags = COL_EXTRA | COL_ABSENT, .absent = UINT32_MAX, .want = WANT_SESSION),
	COL(struct exec_event, "SID", sid, 7, "session leader, see setsid(2)", .flags = COL_EXTRA,
	    .want = WANT_SESSION),
	COL(struct exec_event, "TTY", tty, -8, "controlling terminal", .flags = COL_EXTRA,
	    .want = WANT_TTY),
	COL(struct exec_event, "PIDNS", pidns, 10, "innermost PID namespace", .flags = COL_EXTRA,
	    .want = WANT_PIDNS),
	COL(struct exec_event, "NSPID", pidns_pid, 7, "process as numbered inside it",
	    .flags = COL_EXTRA, .want = WANT_PIDNS),
	COL(struct exec_event, "CGROUPID", cgroup_id, 8, "id of the cgroup (v2)",
	    .flags = COL_EXTRA, .want = WANT_CGROUP_ID),
	COL(struct exec_event, "CGROUP", cgroup, -24, "path of the cgroup (v2)", .fmt = FMT_PATH,
	    .flags = COL_EXTRA, .want = WANT_CGROUP),
	COL(struct exec_event, "CWD", cwd, -20, "working directory", .fmt = FMT_PATH,
	    .flags = COL_EXTRA, .want = WANT_CWD),
	COL(struct exec_event, "ARGC", argc, 5, "number of arguments",
	    .flags = COL_EXTRA | COL_ABSENT, .absent = UINT32_MAX),
	COL(struct exec_event, "ARGSLEN", args_len, 7, "bytes of all arguments with their NULs",
	    .fmt = FMT_SIZE, .flags = COL_EXTRA | COL_ABSENT, .absent = UINT64_MAX),
	COL(struct exec_event, "RET", ret, 6, "0, or the error", .fmt = FMT_ERRNO),
	COL(struct exec_event, "EXE", exe, -20,
	    "program that runs, resolved; of a failure: as given", .fmt = FMT_PATH,
	    .flags = COL_WIDE, .want = WANT_EXE),
	COL(struct exec_event, "SCRIPT", script, -20, "script, if EXE is its interpreter",
	    .fmt = FMT_PATH, .flags = COL_WIDE, .want = WANT_SCRIPT),
	COL_GET("DEPTH", "depth", get_depth, 5, "ancestors within what is traced (--tree)",
		.flags = COL_EXTRA),
	COL_GET("ARGS", "args", get_args, 0, "arguments, quoted for a shell", .fmt = FMT_ARGS,
		.indent = depth),
	COL_END,
};

TOOL(execsnoop, .brief = "Trace every exec, with arguments", .group = "processes", .event = "exec",
     .columns = columns, .options = options, .needs = needs, .configure = configure, .show = show)
