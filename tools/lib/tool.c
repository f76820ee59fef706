/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <fcntl.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include <bpf/bpf.h>

#include "lib/btf.h"
#include "lib/command.h"
#include "lib/exit.h"
#include "lib/filter.h"
#include "lib/loop.h"
#include "lib/loss.h"
#include "lib/output.h"
#include "lib/privilege.h"
#include "lib/ring.h"
#include "lib/text.h"
#include "lib/tool.h"

#ifndef CORELETS_VERSION
#define CORELETS_VERSION "unknown"
#endif

#define SCHEMA	       1
#define BATCH	       4096 /* records between two looks at signals and timers */
#define BUFFER_DEFAULT (4ull << 20)
#define BUFFER_MAX     (1ull << 30)

struct session {
	const struct tool *tool;
	char name[32];

	/* options */
	struct filter_options filters;
	const char *columns, *output_file, *btf;
	uint64_t duration_ns, max_events, buffer;
	bool json, csv, no_header, stats, verbose, version, help;
	enum output_time time;
	bool time_set;
	enum { DESCRIBE_NOTHING, DESCRIBE_OPTIONS, DESCRIBE_NEEDS } describe;

	/* while it runs */
	struct tool_skeleton skeleton;
	struct needs needs;
	struct buf log; /* what libbpf said during the last attempt */
	bool denied;	/* the kernel answered EPERM */
	uint64_t keep;	/* capabilities that are not dropped */
	struct ring ring;
	struct loss loss;
	unsigned int ticks;
	uint64_t events;
	bool complete; /* --max-events reached */
	struct output output;
	struct loop loop;
	int stats_fd;
	struct command command;
	sigset_t signals; /* blocked when the tool was started */
};

/* The one session, for libbpf's log, which has no context. */
static struct session *logging;

/* One line on standard error; what it quotes can forge nothing. */
void tool_say(const struct session *s, const char *fmt, ...)
{
	struct buf line = {};
	va_list args;

	va_start(args, fmt);
	text_message(&line, s->name, fmt, args);
	va_end(args);
	fwrite(line.data, 1, line.len, stderr);
	buf_done(&line);
}

/* ---- options ---- */

static int parse_timestamp(const char *arg, void *target, char why[128])
{
	static const char *const names[] = { "clock", "iso", "delta", "mono", "none" };
	struct session *s = target;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(arg, names[i])) {
			s->time = i;
			s->time_set = true;
			return 0;
		}
	snprintf(why, 128, "'%.60s' is none of clock, iso, delta, mono, none", arg);
	return -EINVAL;
}

static int parse_describe(const char *arg, void *target, char why[128])
{
	struct session *s = target;

	s->describe = !strcmp(arg, "options") ? DESCRIBE_OPTIONS :
		      !strcmp(arg, "needs")   ? DESCRIBE_NEEDS :
						DESCRIBE_NOTHING;
	if (s->describe)
		return 0;
	snprintf(why, 128, "'%.60s' is none of options, needs", arg);
	return -EINVAL;
}

static int parse_duration(const char *arg, void *target, char why[128])
{
	int err = opt_parse_time(arg, target, why);

	if (err || *(uint64_t *)target)
		return err;
	snprintf(why, 128, "'%.60s' is no time above 0", arg);
	return -EINVAL;
}

static int parse_count(const char *arg, void *target, char why[128])
{
	uint64_t *count = target;
	char *end;

	errno = 0;
	*count = strtoull(arg, &end, 10);
	if (!errno && end != arg && !*end && *arg >= '0' && *arg <= '9' && *count)
		return 0;
	snprintf(why, 128, "'%.60s' is no number above 0", arg);
	return -EINVAL;
}

static void print_help(const struct session *s, const struct opt *common)
{
	const struct tool *tool = s->tool;

	printf("Usage: %s [options] [-- COMMAND [ARG...]]\n\n%s.\n", s->name, tool->brief);
	if (tool->options) {
		printf("\nOptions of %s:\n", s->name);
		opt_help(tool->options, stdout);
	}
	printf("\nOptions of all tools:\n");
	opt_help(common, stdout);
	if (tool->columns) {
		printf("\nColumns (-o):\n");
		columns_help(tool->columns, stdout);
	}
	printf("\nExit status: 0 fine, 1 failed while running, 2 bad command line, 3 this kernel or these\n"
	       "privileges lack what the tool needs; with -- COMMAND, the command's (126: it could not\n"
	       "be run, 127: it was not found).\n");
}

/* What corelets(8) and the completions know of a tool: lines, with tabs between. */
static void describe(const struct session *s, const struct opt *common)
{
	const struct tool *tool = s->tool;

	printf("tool\t%s\t%s\t%s\t%s\n", s->name, CORELETS_VERSION, tool->group, tool->brief);
	opt_describe("own", tool->options, stdout);
	opt_describe("common", common, stdout);
	for (const struct column *c = tool->columns; c && c->header; c++)
		printf("column\t%s\t%s\t%s\t%s\n", c->key, c->header,
		       c->flags & COL_EXTRA ? "extra" :
		       c->flags & COL_WIDE  ? "wide" :
					      "default",
		       c->help);
}

static int session_parse(struct session *s, int argc, char **argv)
{
	const bool no_rows = !s->tool->columns;
	const struct opt common[] = {
		OPT_CALL('p', "pid", "PID[,...]", filter_parse_pids, &s->filters.pids,
			 "only these processes"),
		OPT_CALL('t', "tid", "TID[,...]", filter_parse_tids, &s->filters.tids,
			 "only these threads"),
		OPT_BOOL('f', "follow", &s->filters.follow, "with -p: their future children too"),
		OPT_CALL('u', "uid", "USER[,...]", filter_parse_users, &s->filters.uids,
			 "only these users, by name or number"),
		OPT_CALL('n', "name", "COMM[,...]", filter_parse_comms, &s->filters,
			 "only threads of this name; a trailing * matches a prefix"),
		OPT_STRING('c', "cgroup", "PATH", &s->filters.cgroup,
			   "only tasks in or below this cgroup (v2)"),
		OPT_CALL('d', "duration", "TIME", parse_duration, &s->duration_ns,
			 "stop after 10, 1.5, 500ms, 2m, 1h"),
		OPT_CALL(0, "max-events", "N", parse_count, &s->max_events,
			 "stop after exactly N events"),
		OPT_BOOL('j', "json", &s->json, "JSON lines"),
		OPT_BOOL(0, "csv", &s->csv, "CSV (RFC 4180)", .hidden = no_rows),
		OPT_STRING('o', "columns", "LIST", &s->columns,
			   "which columns, in which order; +NAME adds to the default ones; all",
			   .hidden = no_rows),
		OPT_CALL('T', "timestamp", "FORMAT", parse_timestamp, s,
			 "clock (default), iso, delta, mono, none",
			 .words = "clock iso delta mono none", .hidden = no_rows),
		OPT_BOOL(0, "no-header", &s->no_header, "no header line", .hidden = no_rows),
		OPT_STRING(0, "output", "FILE", &s->output_file,
			   "write there, mode 0600, instead of standard output"),
		OPT_CALL(0, "buffer", "SIZE", opt_parse_size, &s->buffer, "ring buffer size (4M)"),
		OPT_STRING(0, "btf", "FILE", &s->btf, "BTF of this kernel, if it has none itself"),
		OPT_BOOL(0, "self", &s->filters.self, "show also what the tool does itself"),
		OPT_BOOL(0, "stats", &s->stats,
			 "at the end: losses, and calls and mean ns of each BPF program"),
		OPT_BOOL('v', "verbose", &s->verbose, "attach points chosen and why, libbpf's log"),
		OPT_CALL(0, "describe", "WHAT", parse_describe, s,
			 "options, or needs (tries each attach point), for corelets(8)",
			 .words = "options needs"),
		OPT_BOOL('V', "version", &s->version, "version"),
		OPT_BOOL('h', "help", &s->help, "this text"),
		OPT_END,
	};
	char why[256] = "";
	int left = opt_parse(common, s->tool->options, argc, argv, why);

	if (left < 0) {
		tool_say(s, "%s", why);
		return EXIT_USAGE;
	}
	if (s->help) {
		print_help(s, common);
		return -1;
	}
	if (s->describe == DESCRIBE_OPTIONS) {
		describe(s, common);
		return -1;
	}
	if (s->version) {
		printf("%s (corelets) %s\n", s->name, CORELETS_VERSION);
		return -1;
	}
	if (left < argc && !strcmp(argv[left - 1], "--")) {
		s->command.argv = argv + left;
		s->filters.command = true;
	} else if (!strcmp(argv[argc - 1], "--") && argc > 1 && left == argc) {
		tool_say(s, "-- needs a command");
		return EXIT_USAGE;
	}
	if (s->json && s->csv)
		snprintf(why, sizeof(why), "--json and --csv exclude each other");
	else if (s->filters.follow && !s->filters.pids.count)
		snprintf(why, sizeof(why), "--follow goes with --pid");
	else if (s->command.argv && (s->filters.pids.count || s->filters.tids.count))
		snprintf(why, sizeof(why), "--pid and --tid do not go with a command");
	else if (s->buffer > BUFFER_MAX)
		snprintf(why, sizeof(why), "--buffer: at most 1G");
	else if (!s->tool->columns && (s->csv || s->columns || s->time_set || s->no_header))
		snprintf(why, sizeof(why), "%s: there are no rows here",
			 s->csv	     ? "--csv" :
			 s->columns  ? "--columns" :
			 s->time_set ? "--timestamp" :
				       "--no-header");
	else if (s->tool->columns && columns_select(&s->output.columns, s->tool->columns,
						    s->columns, s->json || s->csv, why))
		;
	else if (s->tool->check)
		s->tool->check(why);
	if (!why[0] && s->tool->instead && !s->command.argv) {
		int status = s->tool->instead(argc - left, argv + left, why);

		if (status >= 0) {
			if (why[0])
				tool_say(s, "%s", why);
			return status ? status : -1;
		}
	}
	if (!why[0] && left < argc && !s->command.argv)
		snprintf(why, sizeof(why),
			 "unexpected argument '%.100s': a command to trace comes after --",
			 argv[left]);
	if (why[0]) {
		tool_say(s, "%s", why);
		return EXIT_USAGE;
	}
	return 0;
}

/* ---- loading ---- */

static int log_libbpf(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char line[1024];
	int n;

	/* Every relocation (thousands of lines), and that objects have no lines of source (bpf/strip). */
	if (level == LIBBPF_DEBUG || strstr(fmt, ".BTF.ext line info"))
		return 0;
	if (logging->verbose) {
		va_list again;

		va_copy(again, args);
		vfprintf(stderr, fmt, again);
		va_end(again);
	}
	if (level == LIBBPF_WARN) {
		n = vsnprintf(line, sizeof(line), fmt, args);
		if (n > 0)
			buf_add(&logging->log, line,
				(size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
	}
	return 0;
}

/* What libbpf needs of the object's file, it has copied when it has opened it. */
static void object_drop(struct bpf_object_skeleton *skeleton)
{
	free((void *)skeleton->data);
	skeleton->data = NULL;
}

/* One attempt to open and load with the points chosen so far.  Returns 0, -EAGAIN to try again, or
 * an errno with one line in *why*. */
static int session_load(struct session *s, int cgroup_fd, char why[256])
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = kernel_btf_path(s->btf));
	int err;

	buf_reset(&s->log);
	err = s->tool->open(&opts, &s->skeleton);
	if (err) {
		snprintf(why, 256, "cannot open the BPF object: %s", strerror(-err));
		return err;
	}
	err = kernel_btf_fill(s->skeleton.skeleton, s->name);
	if (err)
		return err;
	object_drop(s->skeleton.skeleton);
	err = filter_configure(&s->filters, s->skeleton.filter, s->skeleton.object, s->buffer);
	if (err)
		return err;
	*s->skeleton.wanted = s->output.columns.wanted;
	if (s->tool->configure)
		s->tool->configure(s->skeleton.self);
	err = needs_choose(&s->needs, s->skeleton.object, kernel_btf_has, why);
	if (err)
		return err;
	if (s->needs.without_task_storage)
		s->skeleton.filter->without |= WITHOUT_TASK_STORAGE;
	err = bpf_object__load_skeleton(s->skeleton.skeleton);
	if (err) {
		s->denied |= err == -EPERM; /* EACCES is the verifier's word */
		buf_char(&s->log, '\0');
		if (!s->log.failed && needs_blame(&s->needs, s->skeleton.object, s->log.data))
			return -EAGAIN;
		return err;
	}
	err = filter_fill(&s->filters, s->skeleton.object, cgroup_fd);
	return err ? err : needs_attach(&s->needs, s->skeleton.object);
}

static void session_unload(struct session *s)
{
	needs_detach(&s->needs);
	if (!s->skeleton.self)
		return;
	object_drop(s->skeleton.skeleton);
	s->tool->close(&s->skeleton);
}

/* Why loading failed, as one line. */
static void explain(const struct session *s, int err, char why[256])
{
	const char *prog;

	if (why[0] && !(err == -EOPNOTSUPP && s->denied))
		return;
	if (s->denied)
		err = -EPERM;
	if (!kernel_btf_exists() && !s->btf)
		snprintf(why, 256,
			 "this kernel has no BTF (CONFIG_DEBUG_INFO_BTF): pass --btf FILE");
	else if (err == -EPERM)
		/* Linux 5.11, 80ee81e0403c ("bpf: Eliminate rlimit-based memory accounting infra
		 * for bpf maps"): this type went.  libbpf tries to raise the limit where that
		 * matters. */
		privilege_refusal(kernel_btf_has("bpf_map_memory"), why);
	else if (err == -ENOMEM)
		snprintf(why, 256, "the kernel has no memory for the maps; is --buffer too large?");
	else if (s->log.data && (prog = strstr(s->log.data, "prog '")))
		snprintf(why, 256, "the kernel refused program %.*s (see -v)",
			 (int)strcspn(prog + 6, "'"), prog + 6);
	else
		snprintf(why, 256, "cannot load the BPF programs: %s (see -v)", strerror(-err));
}

static const struct need follow_needs[] = {
	{ .name = "exit", .points = { "task_exit", "task_exit_raw", "task_exit_tp" } },
	{ .name = "fork", .points = { "task_fork", "task_fork_raw", "task_fork_tp" } },
	NEED_END
};

/* Loads and attaches by the first points that work.  What a failure leaves, session_unload() takes
 * away. */
static int session_attach(struct session *s, const struct need *needs, bool follow, int cgroup_fd,
			  char why[256])
{
	int err = 0;

	why[0] = '\0';
	s->denied = false;
	needs_init(&s->needs);
	if (follow)
		err = needs_add(&s->needs, follow_needs, 0);
	if (!err)
		err = needs_add(&s->needs, needs, s->output.columns.wanted);
	while (!err && (err = session_load(s, cgroup_fd, why)) == -EAGAIN) {
		session_unload(s);
		err = 0;
	}
	return err;
}

/* ---- --describe needs ---- */

/* What, not given on the command line, makes a need one: "--light -o lat_ns".  Returns false if no
 * option of this tool does. */
static bool need_with(const struct session *s, const struct need *need, char text[128])
{
	const struct opt *opt = s->tool->options;
	const struct column *column = s->tool->columns;

	text[0] = '\0';
	if (need->when && !*need->when) {
		while (opt && opt->kind != OPT_KIND_END && opt->target != need->when)
			opt++;
		if (!opt || opt->kind == OPT_KIND_END)
			return false;
		snprintf(text, 128, "--%s", opt->name);
	}
	if (need->when_wanted && !(need->when_wanted & s->output.columns.wanted)) {
		while (column && column->header && !(column->want & need->when_wanted))
			column++;
		if (column && column->header)
			snprintf(text + strlen(text), 128 - strlen(text), "%s-o %s",
				 text[0] ? " " : "", column->key);
	}
	return true;
}

/* Tries a single point of a need, unless its line is there already. */
static void describe_point(struct session *s, const struct need *need, const char *point,
			   int cgroup_fd)
{
	static struct {
		const char *point;
		char line[512];
	} tried[64];
	static size_t tried_count;
	struct need one[] = { *need, NEED_END };
	const struct need_state first = { .need = one };
	char why[256], attach[192];
	const char *reason = why;
	struct buf line = {};
	size_t i = 0;
	int err;

	while (i < tried_count && strcmp(tried[i].point, point))
		i++;
	if (i < tried_count || i == ARRAY_SIZE(tried)) {
		printf("%s", i < tried_count ? tried[i].line : "");
		return;
	}
	one->when = NULL;
	one->when_wanted = 0;
	one->optional = false;
	memset(one->points, 0, sizeof(one->points));
	one->points[0] = point;
	err = session_attach(s, one, false, cgroup_fd, why);
	need_point(&first, s->skeleton.object, attach);
	if (err && !s->denied && s->needs.state[0].why[0]) {
		size_t len = strlen(attach);

		reason = s->needs.state[0].why;
		if (!strncmp(reason, attach, len) && !strncmp(reason + len, ": ", 2))
			reason += len + 2;
	} else if (err) {
		explain(s, err, why);
	}
	text_put(&line, reason, err ? strlen(reason) : 0);
	tried[i].point = point;
	tried_count++;
	snprintf(tried[i].line, sizeof(tried[i].line), "point\t%s\t%s\t%.*s\n", attach,
		 err ? "no" : "yes", line.len < 256 ? (int)line.len : 256, line.data ?: "");
	printf("%s", tried[i].line);
	buf_done(&line);
	session_unload(s);
}

/* Tries every point of every need, as far as they can be asked for. */
static void describe_needs(struct session *s, int cgroup_fd)
{
	const struct need *tables[] = { s->tool->needs, follow_needs };
	const bool follow = s->filters.follow;
	char with[128];

	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct need *need = tables[t]; need->name; need++) {
			s->filters.follow = follow || tables[t] == follow_needs;
			if (tables[t] == follow_needs)
				strcpy(with, "--follow");
			else if (!need_with(s, need, with))
				continue;
			printf("need\t%s\t%s\t%s\t%s\n", need->name, with,
			       need->optional ? "optional" : "", need->lacking ?: "");
			for (size_t p = 0; p < ARRAY_SIZE(need->points) && need->points[p]; p++)
				describe_point(s, need, need->points[p], cgroup_fd);
		}
	s->filters.follow = follow;
}

/* The points that are in use, after the start. */
static void describe_used(const struct session *s)
{
	char attach[192];

	for (size_t i = 0; i < s->needs.count; i++) {
		need_point(&s->needs.state[i], s->skeleton.object, attach);
		printf("used\t%s\t%s\n", s->needs.state[i].need->name, attach);
	}
}

/* What needs_choose() will want to know. */
static void ask_btf(const struct session *s)
{
	for (const struct need *need = s->tool->needs; need->name; need++)
		if (need->type)
			kernel_btf_ask(need->type);
}

/* CORELETS_CACHE_MAKE: the next start is quicker (btf_cache.h). */
static int session_make_cache(struct session *s)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts);
	char why[256] = "";
	int err;

	logging = s;
	libbpf_set_print(log_libbpf);
	ask_btf(s);
	opts.btf_custom_path = kernel_btf_path(NULL);
	err = s->tool->open(&opts, &s->skeleton);
	if (err)
		snprintf(why, sizeof(why), "cannot open the BPF object: %s", strerror(-err));
	else
		err = kernel_btf_keep(s->skeleton.skeleton, s->name, why);
	kernel_btf_done();
	tool_say(s, "%s%s", err ? "cannot make " : "made ", why);
	return err ? EXIT_LACKING : EXIT_FINE;
}

static int session_start(struct session *s)
{
	_cleanup_close_ int cgroup_fd = -1;
	char why[256] = "";
	int err, status;

	if (s->filters.cgroup) {
		cgroup_fd = filter_open_cgroup(s->filters.cgroup, why);
		if (cgroup_fd < 0) {
			tool_say(s, "%s", why);
			return EXIT_USAGE;
		}
	}
	if (!privilege_enough(why)) {
		tool_say(s, "%s", why);
		return EXIT_LACKING;
	}
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	logging = s;
	libbpf_set_print(log_libbpf);
	status = s->btf ? EXIT_USAGE : EXIT_LACKING;
	if (kernel_btf_choose(&s->btf, why)) {
		tool_say(s, "%s", why);
		return status;
	}
	if (s->stats)
		s->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (s->stats && s->stats_fd < 0)
		tool_say(
			s,
			"--stats: the kernel does not measure programs for us (needs CAP_SYS_ADMIN)");

	ask_btf(s);
	if (s->describe)
		describe_needs(s, cgroup_fd);
	err = session_attach(s, s->tool->needs, s->filters.follow || s->filters.command, cgroup_fd,
			     why);
	if (s->verbose)
		tool_say(s, "BTF: %s", kernel_btf_source());
	if (err) {
		explain(s, err, why);
		tool_say(s, "%s", why);
	}
	kernel_btf_done();
	return err ? EXIT_LACKING : 0;
}

static void say_points(const struct session *s)
{
	char point[192];

	for (size_t i = 0; i < s->needs.count; i++) {
		const struct need_state *state = &s->needs.state[i];

		need_point(state, s->skeleton.object, point);
		if (state->point >= 0)
			tool_say(s, "%s: %s%s%s%s", state->need->name, point,
				 state->why[0] ? " (" : "", state->why, state->why[0] ? ")" : "");
		else
			tool_say(s, "%s: none (%s)%s%s", state->need->name, state->why,
				 state->need->lacking ? ": not seen: " : "",
				 state->need->lacking ?: "");
	}
}

/* ---- the end ---- */

/* Says what has been lost since the last time. */
static void tell_losses(struct session *s, bool programs)
{
	if (!loss_look(&s->loss, programs))
		return;
	for (int i = 0; i < LOST_REASONS; i++) {
		const char *name;
		unsigned long long n = loss_new(&s->loss, i, &name);

		if (n && s->output.format == OUTPUT_JSON)
			buf_printf(&s->output.buf,
				   "{\"type\":\"lost\",\"reason\":\"%s\",\"count\":%llu}\n", name,
				   n);
		else if (n)
			tool_say(s, "lost %llu (%s)", n, name);
	}
}

static void print_stats(const struct session *s)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, s->skeleton.object) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		if (bpf_program__fd(program) < 0 ||
		    bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
			continue;
		tool_say(s, "%s: %llu calls, %llu ns each", bpf_program__section_name(program),
			 (unsigned long long)info.run_cnt,
			 (unsigned long long)(info.run_cnt ? info.run_time_ns / info.run_cnt : 0));
	}
}

static void print_summary(struct session *s)
{
	unsigned long long events = s->events, total;
	struct buf *b = &s->output.buf, text = {};

	tell_losses(s, true);
	total = s->loss.total;
	if (s->output.format == OUTPUT_JSON) {
		buf_printf(b, "{\"type\":\"summary\",\"events\":%llu,\"lost\":%llu,\"lost_by\":{",
			   events, total);
		loss_put(&s->loss, b, true);
		buf_str(b, "}}\n");
	}
	output_flush(&s->output);
	if (s->output.format != OUTPUT_JSON || s->stats) {
		loss_put(&s->loss, &text, false);
		buf_char(&text, '\0');
		tool_say(s, "%llu events, %llu lost%s%s%s", events, total, total ? " (" : "",
			 text.data ? text.data : "", total ? ")" : "");
		buf_done(&text);
	}
	if (s->stats)
		print_stats(s);
}

/* ---- while it runs ---- */

static void print_attached(struct session *s)
{
	struct buf *b = &s->output.buf;
	struct utsname uts;
	bool any = false;
	char point[192];

	if (s->output.format != OUTPUT_JSON) {
		output_header(&s->output);
		output_flush(&s->output);
		return;
	}
	uname(&uts);
	buf_printf(
		b,
		"{\"type\":\"attached\",\"tool\":\"%s\",\"version\":\"%s\",\"schema\":%d,\"kernel\":",
		s->name, CORELETS_VERSION, SCHEMA);
	text_json(b, uts.release, strlen(uts.release));
	buf_str(b, ",\"programs\":[");
	for (size_t i = 0; i < s->needs.count; i++) {
		if (s->needs.state[i].point < 0)
			continue;
		need_point(&s->needs.state[i], s->skeleton.object, point);
		buf_printf(b, "%s{\"need\":\"%s\",\"attach\":\"%s\"}", any ? "," : "",
			   s->needs.state[i].need->name, point);
		any = true;
	}
	buf_str(b, "]}\n");
	output_flush(&s->output);
}

void tool_event(struct session *s, const void *event, size_t size)
{
	if (s->complete || (s->tool->show && !s->tool->show(event, size)))
		return;
	if (s->tool->columns)
		output_event(&s->output, event, size);
	s->events++;
	if (s->events == s->max_events) {
		s->complete = true;
		s->loop.done = true;
	}
}

static int on_record(void *context, void *data, size_t size)
{
	struct session *s = context;

	if (s->complete || size < sizeof(struct task_info))
		return 0;
	if (s->tool->record)
		s->tool->record(s, data, size);
	else
		tool_event(s, data, size);
	/* Back to the loop now and then, and when the output has failed. */
	return s->output.error || s->complete || s->events % BATCH == 0 ? -EAGAIN : 0;
}

static bool on_ring(void *context)
{
	struct session *s = context;
	int err = ring_consume(&s->ring, on_record, s);

	if (output_flush(&s->output))
		s->loop.done = true;
	return err == -EAGAIN;
}

static void on_tick(void *context)
{
	struct session *s = context;

	if (s->tool->tick)
		s->tool->tick(s);
	if (++s->ticks % 20 == 0)
		output_sync_clocks(&s->output);
	tell_losses(s, s->ticks % 20 == 0);
	output_flush(&s->output);
}

/* ---- for the tool's hooks ---- */

void tool_lose(struct session *s, enum lost_reason reason, uint64_t n)
{
	s->loss.own[reason] += n;
}

void tool_keep(struct session *s, uint64_t capabilities)
{
	s->keep |= capabilities;
}

uint64_t tool_lost(const struct session *s)
{
	return loss_now(&s->loss);
}

void tool_stop(struct session *s)
{
	s->loop.done = true;
}

struct output *tool_output(struct session *s)
{
	return &s->output;
}

void *tool_skeleton(const struct session *s)
{
	return s->skeleton.self;
}

struct bpf_object *tool_object(const struct session *s)
{
	return s->skeleton.object;
}

const struct needs *tool_needs(const struct session *s)
{
	return &s->needs;
}

bool tool_verbose(const struct session *s)
{
	return s->verbose;
}

int tool_command(const struct session *s)
{
	return s->command.pid;
}

const struct filter_options *tool_filters(const struct session *s)
{
	return &s->filters;
}

/* ---- the run ---- */

static bool wait_writable(void *context, int fd)
{
	return loop_wait_writable(context, fd);
}

static bool bpf_works(void *context)
{
	struct session *s = context;
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return !bpf_obj_get_info_by_fd(bpf_object__find_map_fd_by_name(s->skeleton.object, "lost"),
				       &info, &len);
}

/* Programs that were running when they were detached have ended after a grace period. */
static void wait_for_programs(void)
{
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

static int session_run(struct session *s)
{
	const struct loop_calls calls = { .ring = on_ring, .tick = on_tick, .context = s };
	char why[256] = "";
	int err;

	err = ring_init(&s->ring, bpf_object__find_map_fd_by_name(s->skeleton.object, "events"),
			s->buffer);
	if (!err)
		err = loss_init(&s->loss, s->skeleton.object);
	if (!err)
		err = loop_init(&s->loop, s->ring.fd, s->duration_ns, s->output.fd);
	if (!err && s->command.pid)
		err = loop_watch_command(&s->loop, s->command.pid);
	if (!err && s->tool->start)
		err = s->tool->start(s, why);
	if (!err)
		err = privilege_drop(s->tool->keep | s->keep, bpf_works, s);
	if (err) {
		tool_say(s, "cannot start: %s", why[0] ? why : strerror(-err));
		return err == -EOPNOTSUPP ? EXIT_LACKING : EXIT_FAILED;
	}
	if (s->describe) {
		describe_used(s);
		return EXIT_FINE;
	}
	if (s->output_file && ftruncate(s->output.fd, 0) && errno != EINVAL) {
		tool_say(s, "--output: cannot empty %s: %s", s->output_file, strerror(errno));
		return EXIT_FAILED;
	}
	s->output.waiting = wait_writable;
	s->output.context = &s->loop;
	print_attached(s);
	if (s->command.pid)
		command_start(&s->command);
	err = loop_run(&s->loop, &calls);

	needs_detach(&s->needs);
	if (!s->complete) {
		wait_for_programs();
		while (!s->output.error && ring_consume(&s->ring, on_record, s) == -EAGAIN)
			;
	}
	if (s->tool->finish) {
		int failed = s->tool->finish(s);

		err = err ? err : failed;
	}
	print_summary(s);
	if (err) {
		tool_say(s, "cannot go on: %s", strerror(-err));
		return EXIT_FAILED;
	}
	if (s->output.error && s->output.error != -EPIPE) {
		tool_say(s, "cannot write: %s", strerror(-s->output.error));
		return EXIT_FAILED;
	}
	return EXIT_FINE;
}

/* The command's exit status; it is waited for if something else ended the tool. */
static int wait_for_command(struct session *s)
{
	int status = s->loop.command_status;

	loop_end(&s->loop, &s->signals);
	if (s->loop.forward && !s->loop.command_ended)
		kill(s->command.pid, s->loop.forward);
	if (!s->loop.command_ended && waitpid(s->command.pid, &status, 0) != s->command.pid)
		return EXIT_FAILED;
	return command_status(status);
}

static int output_open(struct session *s)
{
	struct stat st;

	s->output.fd = STDOUT_FILENO;
	if (s->output_file) {
		s->output.fd = open(s->output_file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (s->output.fd < 0 || fstat(s->output.fd, &st) ||
		    (S_ISREG(st.st_mode) && fchmod(s->output.fd, 0600))) {
			tool_say(s, "--output: cannot write %s: %s", s->output_file,
				 strerror(errno));
			return EXIT_FAILED;
		}
	}
	s->output.format = s->json ? OUTPUT_JSON : s->csv ? OUTPUT_CSV : OUTPUT_TABLE;
	s->output.time = s->csv && !s->time_set ? TIME_ISO : s->time;
	s->output.header = !s->no_header && s->tool->columns;
	s->output.event = s->tool->event;
	return output_init(&s->output) ? EXIT_FAILED : 0;
}

static void session_done(struct session *s)
{
	ring_done(&s->ring);
	loss_done(&s->loss);
	session_unload(s);
	loop_done(&s->loop);
	if (s->tool->done)
		s->tool->done();
	output_done(&s->output);
	buf_done(&s->log);
	filter_options_done(&s->filters);
	command_cancel(&s->command);
	close_fd(&s->stats_fd);
}

/* What the kernel takes: a power of two, of at least a page. */
static uint64_t buffer_size(uint64_t asked)
{
	uint64_t size = sysconf(_SC_PAGESIZE);

	while (size < asked)
		size <<= 1;
	return size;
}

int tool_main(const struct tool *tool, int argc, char **argv)
{
	struct session session = {
		.tool = tool, .buffer = BUFFER_DEFAULT, .stats_fd = -1, .command.go = -1,
		.loop = { .epoll = -1, .signals = -1, .tick = -1, .deadline = -1, .command = -1 },
		.needs.tracefs = -1,
	}, *s = &session;
	int status, err = 0;

	for (size_t i = 0; tool->stem[i] && i < sizeof(s->name) - 1; i++)
		s->name[i] = tool->stem[i] == '_' ? '-' : tool->stem[i];
	text_init();
	status = session_parse(s, argc, argv);
	if (status) {
		filter_options_done(&s->filters);
		if (status > 0)
			return status;
		return fflush(stdout) || ferror(stdout) ? EXIT_FAILED : EXIT_FINE;
	}
	s->buffer = buffer_size(s->buffer);
	if (secure_getenv("CORELETS_CACHE_MAKE")) {
		status = session_make_cache(s);
		session_unload(s);
		filter_options_done(&s->filters);
		return status;
	}
	tzset(); /* reads its file now, not between events */
	sigprocmask(SIG_SETMASK, NULL, &s->signals);
	if (s->command.argv && (err = command_find(&s->command))) {
		tool_say(s, "cannot run '%s': %s", s->command.argv[0], strerror(-err));
		status = err == -ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN;
	}
	if (!status)
		status = output_open(s);
	if (!status)
		status = session_start(s);
	if (!status && s->verbose)
		say_points(s);
	if (!status && s->command.argv && (err = command_fork(&s->command, s->name, &s->signals))) {
		tool_say(s, "cannot fork: %s", strerror(-err));
		status = EXIT_FAILED;
	}
	if (!status)
		status = session_run(s);
	if (s->command.pid && !status) {
		status = wait_for_command(s);
	} else if (s->command.pid) {
		command_cancel(&s->command);
		wait_for_command(s);
	}
	session_done(s);
	return status;
}
