/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* bpfload-watch: everything that is done to BPF on this machine, as it happens. */
#include <linux/capability.h>
#include <time.h>

#include <bpf/bpf.h>

#include "bpfload-watch/watch.h"
#include "bpfload-watch.skel.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF	    39
#endif

static bool all, summary, snapshot;

static const struct opt options[] = {
	OPT_BOOL('a', "all", &all, "also feature probes, queries and (counted) element operations"),
	OPT_BOOL(0, "summary", &summary,
		 "at the end: counts by type, process and error, slowest verifications"),
	OPT_BOOL(0, "snapshot", &snapshot, "begin with what is loaded already"),
	OPT_END,
};

static const struct need needs[] = {
	{ .name = "call",
	  .points = { "call_start+call_done", "call_start_raw+call_done_raw",
		      "call_start_tp+call_done_tp" } },
	NEED_END,
};

/* ---- hooks of the runtime ---- */

static void on_record(struct session *session, void *record, size_t size)
{
	if (size < sizeof(struct bpfload_event))
		return;
	row_start(record, size);
	if (!all && call_queries()) {
		fold_add(session, VIA_QUERIES);
	} else if (!all && call_probes()) {
		known_made(true);
		fold_add(session, VIA_PROBES);
	} else if (call_fill()) {
		if (summary)
			count_row();
		known_made(false);
		row_tell(session);
	}
}

/* Tells the element operations since the last time. */
static void tell_elements(struct session *session)
{
	struct bpfload_watch_bpf *bpf = tool_skeleton(session);
	int fd = bpf_map__fd(bpf->maps.element_counts);
	struct element_key key, next, *last = NULL;
	struct element_count count;

	while (!bpf_map_get_next_key(fd, last, &next)) {
		/* What was read is taken away when the next key is known. */
		if (last)
			bpf_map_delete_elem(fd, last);
		if (bpf_map_lookup_elem(fd, &next, &count))
			break;
		row_own(&count.task, count.task.boot_ns, VIA_BPF, next.cmd);
		row.event.count = count.count;
		row.event.errors = count.errors;
		row.event.compat = next.compat;
		if (next.map_id) {
			row.event.have = HAVE_MAP;
			row.event.map_id = next.map_id;
			row.event.map_type = count.map_type;
			row_add(&row.event.map_name, count.map_name, strnlen(count.map_name, 16));
		}
		row_tell(session);
		key = next;
		last = &key;
	}
	if (last)
		bpf_map_delete_elem(fd, last);
}

static void on_tick(struct session *session)
{
	static unsigned int ticks;

	known_ends(session);
	if (++ticks % 20)
		return;
	known_look(session);
	folds_tell(session, clock_ns(CLOCK_BOOTTIME) - 1000000000);
	if (all)
		tell_elements(session);
}

static int check(char why[256])
{
	(void)why;
	enums_ask();
	return 0;
}

static int start(struct session *session, char why[256])
{
	const struct filter_options *filters = tool_filters(session);

	(void)why;
	enums_init(bpf_object__btf(tool_object(session)));
	known_start(session,
		    filters->pids.count || filters->tids.count || filters->uids.count ||
			    filters->comm_count || filters->cgroup || filters->command,
		    snapshot);
	return 0;
}

static int finish(struct session *session)
{
	known_ends(session);
	known_look(session);
	folds_tell(session, UINT64_MAX);
	if (all)
		tell_elements(session);
	if (summary)
		counts_print(session);
	return 0;
}

static void done(void)
{
	calls_done();
	known_done();
	counts_done();
	enums_done();
	bpf_info_done();
}

static void configure(void *skeleton)
{
	struct bpfload_watch_bpf *bpf = skeleton;

	bpf->rodata->elements = all;
	if (!all)
		bpf_map__set_max_entries(bpf->maps.element_counts, 1);
}

/* ---- columns ---- */

#define E    struct bpfload_event
#define SOME .flags = COL_WIDE | COL_ABSENT
#define MANY .flags = COL_WIDE | COL_ABSENT, .absent = UINT64_MAX

static const struct column columns[] = {
	COL_TIME,
	COL_COMM(E),
	COL_PID(E),
	COL_TID(E, .flags = COL_EXTRA),
	COL_PPID(E, .flags = COL_EXTRA),
	COL_UID(E, .flags = COL_WIDE),
	COL_GID(E),
	COL_CPU(E),
	COL_GET("CMD", "cmd", get_cmd, -11,
		"what was done: commands of bpf(2), and other calls; _END, _PRESENT: of an object; "
		"PROBES, QUERIES: several, folded"),
	COL_GET("VIA", "via", get_via, -10, "the system call", .flags = COL_WIDE),
	COL_GET("TYPE", "object_type", get_type, -10, "type of program, map or link"),
	COL_GET("ID", "id", get_id, 5, "id of the program, map, link or BTF"),
	COL(E, "LAT", lat_ns, 7, "time that the call took", .fmt = FMT_DURATION,
	    .flags = COL_ABSENT, .absent = UINT64_MAX),
	COL(E, "RET", ret, 6, "what the call returned", .fmt = FMT_ERRNO,
	    .flags = COL_WIDE | COL_ABSENT, .absent = (uint64_t)NO_RESULT),
	COL(E, "COUNT", count, 5, "calls that the row stands for", .flags = COL_WIDE),
	COL(E, "ERRORS", errors, 5, "how many of them failed", .flags = COL_WIDE),
	COL_GET("FACTS", "facts", get_facts, -6, "kernel: its own; caller: as it asked",
		.flags = COL_WIDE),
	COL(E, "PROG", prog_id, 5, "id of the program", SOME),
	COL_GET("PROGTYPE", "prog_type", get_prog_type, -12, "type of the program",
		.flags = COL_WIDE),
	COL_GET("ATTACHTYPE", "attach_type", get_attach_type, -16,
		"where it is to be attached, if the type leaves a choice", .flags = COL_WIDE),
	COL(E, "PROGNAME", prog_name, -15, "name of the program, in full if its BTF has it",
	    .flags = COL_WIDE),
	COL_GET("TAG", "tag", get_tag, -16, "hash of its instructions", .flags = COL_WIDE),
	COL(E, "LICENSE", license, -12, "as the caller gave it", .flags = COL_WIDE),
	COL(E, "GPL", gpl, 3, "1: the license is compatible with the GPL",
	    .flags = COL_WIDE | COL_ABSENT, .absent = UINT32_MAX),
	COL(E, "ASKED", insns, 6, "instructions given, also to filters of sockets and seccomp",
	    SOME),
	COL(E, "INSNS", verified_insns, 7,
	    "instructions that the verifier looked at (since Linux 5.16)", SOME),
	COL(E, "JITED", jited_len, 6, "bytes of machine code", .fmt = FMT_SIZE, SOME),
	COL(E, "FUNCS", functions, 5, "functions", SOME),
	COL(E, "MAPS", used_maps, 4, "maps that it uses", SOME),
	COL(E, "MAPIDS", map_ids, -12, "their ids", .fmt = FMT_ARGS, .flags = COL_WIDE),
	COL(E, "HELPERS", helpers, -24, "functions of the kernel that it calls", .fmt = FMT_ARGS,
	    .flags = COL_WIDE),
	COL(E, "SOURCE", source, -24, "source line of its first instruction", .fmt = FMT_PATH,
	    .flags = COL_WIDE),
	COL(E, "FUNCTION", attach_func, -20, "function that it is for", .flags = COL_WIDE),
	COL(E, "BTF", attach_btf, -8, "whose function that is", .flags = COL_WIDE),
	COL(E, "BTFID", btf_id, 5, "id of the BTF", SOME),
	COL(E, "FLAGS", flags, 5, "flags given to the load, or to seccomp", SOME),
	COL(E, "MAP", map_id, 5, "id of the map", SOME),
	COL_GET("MAPTYPE", "map_type", get_map_type, -12, "type of the map", .flags = COL_WIDE),
	COL(E, "MAPNAME", map_name, -15, "name of the map", .flags = COL_WIDE),
	COL(E, "KEY", key_size, 4, "bytes of a key", SOME),
	COL(E, "VALUE", value_size, 5, "bytes of a value", SOME),
	COL(E, "ENTRIES", max_entries, 7, "entries at most", SOME),
	COL(E, "MAPFLAGS", map_flags, 5, "flags of the map", SOME),
	COL(E, "LINK", link_id, 5, "id of the link", SOME),
	COL_GET("LINKTYPE", "link_type", get_link_type, -14, "type of the link", .flags = COL_WIDE),
	COL(E, "TARGET", target, -24, "what it is attached to, or the path that it is pinned at",
	    .flags = COL_WIDE),
	COL(E, "IFINDEX", ifindex, 7, "interface", SOME),
	COL(E, "LOG", log, -32, "last line of the verifier's log, of a failure", .flags = COL_WIDE),
	COL(E, "LIFE", lifetime_ns, 7, "of an end: how long it was there", .fmt = FMT_DURATION,
	    MANY),
	COL(E, "RUNS", run_count, 8,
	    "of an end: how often the program had run when last looked at, if that is counted",
	    MANY),
	COL(E, "RUNTIME", run_ns, 7, "of an end: for how long", .fmt = FMT_DURATION, MANY),
	COL_GET("CAPABILITY", "capability", get_capability, -16, "which one allowed it",
		.flags = COL_WIDE),
	COL(E, "32", compat, 2, "1: by a 32-bit program", .flags = COL_WIDE),
	COL(E, "EXE", exe, -24, "program of the process", .fmt = FMT_PATH, .flags = COL_WIDE,
	    .want = WANT_EXE),
	COL(E, "ARGS", args, -32, "its arguments", .fmt = FMT_ARGS, .flags = COL_WIDE,
	    .want = WANT_ARGS),
	COL(E, "CGROUPID", cgroup_id, 8, "id of its cgroup (v2)", .flags = COL_EXTRA),
	COL(E, "CGROUP", cgroup, -24, "path of its cgroup (v2)", .fmt = FMT_PATH, .flags = COL_WIDE,
	    .want = WANT_CGROUP),
	COL(E, "NETNS", netns, 10, "its network namespace", .flags = COL_WIDE),
	COL(E, "MNTNS", mntns, 10, "its mount namespace", .flags = COL_EXTRA,
	    .want = WANT_NAMESPACES),
	COL(E, "PIDNS", pidns, 10, "its PID namespace", .flags = COL_EXTRA,
	    .want = WANT_NAMESPACES),
	COL(E, "USERNS", userns, 10, "its user namespace", .flags = COL_EXTRA),
	COL(E, "DETAIL", detail, -12, "what could not be looked at", .flags = COL_WIDE),
	COL_GET("WHAT", "what", get_what, 0, "name, what it is attached to, or why it failed"),
	COL_END,
};

TOOL(bpfload_watch, .brief = "Trace what is done to BPF: loads, attachments, ends", .group = "BPF",
     .event = "bpf", .columns = columns, .options = options, .needs = needs, .check = check,
     .configure = configure, .start = start, .record = on_record, .tick = on_tick, .finish = finish,
     .done = done,
     .keep = 1ull << CAP_SYS_ADMIN | 1ull << CAP_BPF | 1ull << CAP_SYSLOG | 1ull << CAP_SYS_PTRACE)
