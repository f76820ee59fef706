/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* corelets doctor: which tools run here, by which attach points, and what would help the others.
 *
 * A tool knows what it needs: "TOOL --describe needs" loads and attaches each point by itself, then
 * starts as it always does, up to the moment when it would begin to trace. */
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "corelets/corelets.h"
#include "lib/opt.h"
#include "lib/text.h"
#include "lib/util.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF	    39
#endif

#define BIT(n)	 (1ull << (n))
#define NEEDS	 32
#define POINTS	 8
#define FIXES	 32
#define FIX_SIZE 192
#define AT_ONCE	 8 /* tools that are asked at the same time: they wait most of it */

struct point {
	const char *attach, *why;
	bool works;
};

struct need {
	const char *name, *with, *lacking, *used;
	bool optional;
	struct point points[POINTS];
	size_t count;
};

enum verdict { RUNS, RUNS_PARTLY, RUNS_NOT };

static const char *const verdicts[] = { "yes", "partly", "no" };

struct report {
	const char *name;
	char *path;
	int status;	 /* of the tool, or a negative errno */
	const char *why; /* it does not run */
	enum verdict verdict;
	struct need needs[NEEDS];
	size_t count;
	char fixes[FIXES][FIX_SIZE];
	size_t fix_count;
	struct answer answer;
	struct buf out, err; /* what the pointers point into */
};

static bool json, verbose, cache, help_asked;
static const char *btf;

static const struct opt options[] = {
	OPT_BOOL('j', "json", &json, "JSON lines: the machine, the tools, a summary"),
	OPT_BOOL('v', "verbose", &verbose, "every attach point that was tried"),
	OPT_STRING(0, "btf", "FILE", &btf, "BTF of this kernel, if it has none itself"),
	OPT_BOOL(0, "cache", &cache, "make the files by which the tools start sooner, instead"),
	OPT_BOOL('h', "help", &help_asked, "this text"),
	OPT_END,
};

/* ---- what would help ---- */

static void add_fix(struct report *r, const char *text)
{
	for (size_t i = 0; i < r->fix_count; i++)
		if (!strcmp(r->fixes[i], text))
			return;
	if (r->fix_count < FIXES)
		snprintf(r->fixes[r->fix_count++], FIX_SIZE, "%s", text);
}

/* A kernel option that is missing, or may be. */
static void add_config(struct report *r, const struct machine *m, const char *option)
{
	char text[FIX_SIZE], value = machine_config(m, option);

	if (value == 'y' || value == 'm')
		return;
	snprintf(text, sizeof(text), "a kernel with CONFIG_%s=y%s", option,
		 value == 'n' ? " (here it is not set)" : "");
	add_fix(r, text);
}

static void fix_start(struct report *r, const struct machine *m)
{
	const uint64_t any = BIT(CAP_SYS_ADMIN);

	if (m->user_namespace)
		add_fix(r, "run it outside of the container: in the initial user namespace");
	else if (!(m->capabilities & (any | BIT(CAP_BPF))) ||
		 !(m->capabilities & (any | BIT(CAP_PERFMON))))
		add_fix(r, "run it as root (sudo corelets TOOL), or with CAP_BPF and CAP_PERFMON "
			   "(systemd: AmbientCapabilities=)");
	else if (!m->btf && !btf)
		add_fix(r,
			"a kernel with CONFIG_DEBUG_INFO_BTF=y, or a file of its BTF: --btf FILE");
	else if (!strcmp(m->lockdown, "confidentiality"))
		add_fix(r, "boot with lockdown=integrity, or without");
}

static void fix_point(struct report *r, const struct machine *m, const struct point *point)
{
	static const struct {
		const char *attach, *option;
	} configs[] = {
		{ "tp/syscalls/", "FTRACE_SYSCALLS" },
		{ "tp_btf/io_uring_", "IO_URING" },
		{ "raw_tp/io_uring_", "IO_URING" },
		{ "fentry/", "DYNAMIC_FTRACE_WITH_DIRECT_CALLS" },
		{ "fexit/", "DYNAMIC_FTRACE_WITH_DIRECT_CALLS" },
		{ "kprobe/", "KPROBE_EVENTS" },
		{ "kretprobe/", "KPROBE_EVENTS" },
		{ "uprobe/", "UPROBE_EVENTS" },
		{ "tp_btf/", "DEBUG_INFO_BTF" },
		{ "", "BPF_EVENTS" },
	};
	const char *attach = point->attach;
	bool admin = m->capabilities & BIT(CAP_SYS_ADMIN);

	if (strstr(point->why, "CORELETS_WITHOUT")) {
		add_fix(r, "unset CORELETS_WITHOUT");
	} else if (!strcmp(attach, "perf_event/cycles") && !m->pmu) {
		add_fix(r,
			"a PMU: a virtual machine gets one from its host (QEMU: -cpu host,pmu=on)");
	} else if (!strncmp(attach, "perf_event/", 11) && m->paranoid > 2 && !admin) {
		add_fix(r, "sysctl kernel.perf_event_paranoid=2");
	} else if (!strncmp(attach, "tp/", 3) && !m->tracefs && !admin) {
		add_fix(r, "mount -t tracefs tracefs /sys/kernel/tracing");
	} else {
		for (size_t i = 0; i < ARRAY_SIZE(configs); i++)
			if (!strncmp(attach, configs[i].attach, strlen(configs[i].attach)))
				add_config(r, m, configs[i].option);
	}
}

/* ---- asking a tool ---- */

static bool need_works(const struct need *need)
{
	for (size_t i = 0; i < need->count; i++)
		if (need->points[i].works)
			return true;
	return false;
}

static void report_add(struct report *r, const char **f)
{
	struct need *last = r->count ? &r->needs[r->count - 1] : NULL;

	if (!strcmp(f[0], "need") && r->count < NEEDS)
		r->needs[r->count++] = (struct need){
			.name = f[1],
			.with = f[2],
			.optional = !strcmp(f[3], "optional"),
			.lacking = f[4],
		};
	else if (!strcmp(f[0], "point") && last && last->count < POINTS)
		last->points[last->count++] = (struct point){ .attach = f[1],
							      .works = !strcmp(f[2], "yes"),
							      .why = f[3] };
	for (size_t i = 0; !strcmp(f[0], "used") && *f[2] && i < r->count; i++)
		if (!strcmp(r->needs[i].name, f[1]) && !*r->needs[i].with)
			r->needs[i].used = f[2];
}

/* What the tool said on standard error: the last line, without its name. */
static const char *reason(const struct report *r)
{
	size_t len = strlen(r->name);
	char *line, *end = strchr(r->err.data, '\0');

	while (end > r->err.data && end[-1] == '\n')
		*--end = '\0';
	line = strrchr(r->err.data, '\n');
	line = line ? line + 1 : r->err.data;
	return !strncmp(line, r->name, len) && !strncmp(line + len, ": ", 2) ? line + len + 2 :
									       line;
}

/* Starts the tool; report_make() waits for it. */
static void report_ask(struct report *r)
{
	const char *needs[] = { r->path, "--describe", "needs", btf ? "--btf" : NULL, btf, NULL };
	const char *made[] = { r->path, NULL };

	r->status = tool_ask(&r->answer, cache ? made : needs);
}

static void report_make(struct report *r, const struct machine *m)
{
	const char *fields[5];
	char *text;

	if (r->status < 0) {
		r->why = r->status == -EINTR ? "it was killed by a signal" : strerror(-r->status);
		r->verdict = RUNS_NOT;
		return;
	}
	for (text = r->out.data; next_line(&text, fields, ARRAY_SIZE(fields));)
		report_add(r, fields);
	r->verdict = RUNS;
	if (r->status) {
		r->why = reason(r);
		r->verdict = RUNS_NOT;
		fix_start(r, m);
	}
	for (size_t i = 0; i < r->count; i++) {
		const struct need *need = &r->needs[i];

		if (!need_works(need) && r->verdict == RUNS)
			r->verdict = RUNS_PARTLY;
		for (size_t p = 0; p < need->count && !need->points[p].works; p++)
			fix_point(r, m, &need->points[p]);
	}
}

static void report_done(struct report *r)
{
	buf_done(&r->out);
	buf_done(&r->err);
	free(r->path);
}

/* ---- JSON ---- */

static void put_string(struct buf *b, const char *text)
{
	if (text && *text)
		text_json(b, text, strlen(text));
	else
		buf_str(b, "null");
}

static void put_json(const struct report *r, struct buf *b)
{
	buf_printf(b, "{\"type\":\"tool\",\"tool\":\"%s\",\"path\":", r->name);
	put_string(b, r->path);
	buf_printf(b, ",\"runs\":\"%s\",\"status\":%d,\"why\":", verdicts[r->verdict],
		   r->status < 0 ? -1 : r->status);
	put_string(b, r->why);
	buf_str(b, ",\"needs\":[");
	for (size_t i = 0; i < r->count; i++) {
		const struct need *need = &r->needs[i];

		buf_str(b, i ? ",{\"need\":" : "{\"need\":");
		put_string(b, need->name);
		buf_str(b, ",\"with\":");
		put_string(b, need->with);
		buf_printf(b, ",\"optional\":%s,\"lacking\":", need->optional ? "true" : "false");
		put_string(b, need->lacking);
		buf_str(b, ",\"used\":");
		put_string(b, need->used);
		buf_str(b, ",\"points\":[");
		for (size_t p = 0; p < need->count; p++) {
			buf_str(b, p ? ",{\"attach\":" : "{\"attach\":");
			put_string(b, need->points[p].attach);
			buf_printf(b, ",\"works\":%s,\"why\":",
				   need->points[p].works ? "true" : "false");
			put_string(b, need->points[p].why);
			buf_char(b, '}');
		}
		buf_str(b, "]}");
	}
	buf_str(b, "],\"fixes\":[");
	for (size_t i = 0; i < r->fix_count; i++) {
		buf_str(b, i ? "," : "");
		put_string(b, r->fixes[i]);
	}
	buf_str(b, "]}\n");
}

/* ---- the table ---- */

#define ROW "%-14s %-7s %-16s "

static void put_points(const struct need *need, struct buf *b)
{
	for (size_t p = 0; p < need->count; p++) {
		const struct point *point = &need->points[p];

		if (point->works && !verbose)
			break;
		buf_printf(b, ROW "  %-3s %s%s%s\n", "", "", "", point->works ? "yes" : "no",
			   point->attach, *point->why ? ": " : "", point->why);
	}
}

/* A line for each need that is met, or cannot be; below it the points that cannot be had. */
static void put_rows(const struct report *r, struct buf *b)
{
	const char *name = r->name, *verdict = verdicts[r->verdict];

	if (r->why) {
		buf_printf(b, "%-14s %-7s %s\n", name, verdict, r->why);
		name = verdict = "";
	}
	for (size_t i = 0; i < r->count; i++) {
		const struct need *need = &r->needs[i];
		bool works = need_works(need);

		if (!need->used && works && !verbose)
			continue;
		buf_printf(b, ROW "%s%s%s%s%s%s\n", name, verdict, need->name,
			   *need->with ? "with " : "", need->with,
			   *need->with && !works ? ": " : "",
			   need->used	 ?:
				   works ? "" :
					   "none",
			   !works && *need->lacking ? ": not seen: " : "",
			   works ? "" : need->lacking);
		put_points(need, b);
		name = verdict = "";
	}
}

/* What would help, once, with the tools that it would help. */
static void put_fixes(const struct report *reports, size_t count, struct buf *b)
{
	const char *heading = "\nWhat would help:\n";

	for (size_t i = 0; i < count; i++)
		for (size_t f = 0; f < reports[i].fix_count; f++) {
			const char *fix = reports[i].fixes[f], *separator = "";
			struct buf tools = {};
			bool told = false;

			for (size_t j = 0; j < count; j++)
				for (size_t g = 0; g < reports[j].fix_count; g++)
					if (!strcmp(reports[j].fixes[g], fix)) {
						told |= j < i;
						buf_printf(&tools, "%s%s", separator,
							   reports[j].name);
						separator = ", ";
					}
			if (!told) {
				buf_printf(b, "%s  %s\n    for %.*s\n", heading, fix,
					   (int)tools.len, tools.data ?: "");
				heading = "";
			}
			buf_done(&tools);
		}
}

/* ---- the command ---- */

static int help(void)
{
	printf("Usage: corelets doctor [options] [TOOL...]\n"
	       "\n"
	       "Say for each tool whether it runs on this kernel, with these privileges, by which attach\n"
	       "points, and what would help. It is found out by loading and attaching; nothing stays.\n"
	       "\n"
	       "Options:\n");
	opt_help(options, stdout);
	printf("\n"
	       "Exit status: 0 all tools run, if only partly or by fallbacks; 1 doctor itself failed; 2 bad\n"
	       "command line; 3 a tool does not run here, or its cache cannot be made.\n");
	return fflush(stdout) || ferror(stdout) ? EXIT_FAILED : EXIT_FINE;
}

/* Which tools are asked about: those of the command line, or all.  Returns how many, or -EINVAL
 * after a line about it. */
static int choose_tools(int argc, char **argv, struct report *reports, size_t max)
{
	char why[256] = "";
	size_t count = 0;
	int left;

	while ((left = opt_parse(options, NULL, argc, argv, why)) >= 0 && left < argc) {
		argv += left;
		argc -= left;
		if (count == max) {
			say("doctor: so many tools there are not");
			return -EINVAL;
		}
		reports[count].name = argv[0];
		reports[count].path = tool_find(argv[0]);
		if (!reports[count++].path) {
			say("doctor: no tool '%.100s': 'corelets' lists those that there are",
			    argv[0]);
			return -EINVAL;
		}
	}
	if (left < 0) {
		say("doctor: %s", why);
		return -EINVAL;
	}
	for (size_t i = 0, all = !help_asked && !count; all && tool_names[i]; i++) {
		reports[count].name = tool_names[i];
		reports[count].path = tool_find(tool_names[i]);
		count += !!reports[count].path;
	}
	return count;
}

/* Waits for the answer of report *i*, while those after it are being asked.  Returns false if there is
 * none. */
static bool ask_all(struct report *reports, size_t count, size_t i)
{
	size_t first = i ? i + AT_ONCE - 1 : 0;

	for (size_t j = first; j < i + AT_ONCE && j < count; j++)
		report_ask(&reports[j]);
	if (i >= count)
		return false;
	if (!reports[i].status)
		reports[i].status =
			tool_answer(&reports[i].answer, &reports[i].out, &reports[i].err);
	return true;
}

static int examine(struct report *reports, size_t count, const struct machine *m)
{
	unsigned int verdict_count[ARRAY_SIZE(verdicts)] = {};
	int status = EXIT_FINE;
	struct buf b = {};

	machine_put(m, &b, json);
	if (!json)
		buf_printf(&b, "\n" ROW "%s\n", "TOOL", "RUNS", "NEED", "ATTACHED TO");
	for (size_t i = 0; ask_all(reports, count, i); i++) {
		report_make(&reports[i], m);
		(json ? put_json : put_rows)(&reports[i], &b);
		verdict_count[reports[i].verdict]++;
		if (reports[i].status < 0)
			status = EXIT_FAILED;
		else if (reports[i].verdict == RUNS_NOT && status != EXIT_FAILED)
			status = reports[i].status == EXIT_USAGE ? EXIT_USAGE : EXIT_LACKING;
	}
	if (json)
		buf_printf(
			&b,
			"{\"type\":\"summary\",\"tools\":%zu,\"yes\":%u,\"partly\":%u,\"no\":%u}\n",
			count, verdict_count[RUNS], verdict_count[RUNS_PARTLY],
			verdict_count[RUNS_NOT]);
	else
		put_fixes(reports, count, &b);
	if (b.failed || fwrite(b.data, 1, b.len, stdout) != b.len || fflush(stdout))
		status = EXIT_FAILED;
	buf_done(&b);
	return status;
}

/* Each tool makes its own file, and says which, or why not. */
static int make_caches(struct report *reports, size_t count)
{
	struct buf b = {};
	int status = EXIT_FINE;

	setenv("CORELETS_CACHE_MAKE", "1", 1);
	for (size_t i = 0; ask_all(reports, count, i); i++) {
		struct report *r = &reports[i];

		if (r->status < 0)
			buf_add(&r->err, "cannot be run", sizeof("cannot be run"));
		if (r->status)
			status = r->status == EXIT_LACKING ? EXIT_LACKING : EXIT_FAILED;
		if (json) {
			buf_printf(&b, "{\"type\":\"cache\",\"tool\":\"%s\",\"made\":%s,\"text\":",
				   r->name, r->status ? "false" : "true");
			put_string(&b, reason(r));
			buf_str(&b, "}\n");
		} else {
			buf_printf(&b, "%-14s %s\n", r->name, reason(r));
		}
	}
	if (b.failed || fwrite(b.data, 1, b.len, stdout) != b.len || fflush(stdout))
		status = EXIT_FAILED;
	buf_done(&b);
	return status;
}

int doctor(int argc, char **argv)
{
	_cleanup_free_ struct report *reports = calloc(64, sizeof(*reports));
	struct machine machine;
	int status = EXIT_USAGE, count;

	if (!reports)
		return EXIT_FAILED;
	count = choose_tools(argc, argv, reports, 64);
	if (count >= 0 && help_asked) {
		status = help();
	} else if (!count) {
		say("no tools are installed");
		status = EXIT_FAILED;
	} else if (count > 0 && cache) {
		status = make_caches(reports, count);
	} else if (count > 0) {
		machine_look(&machine, btf);
		status = examine(reports, count, &machine);
		machine_done(&machine);
	}
	for (size_t i = 0; i < 64; i++)
		report_done(&reports[i]);
	return status;
}
