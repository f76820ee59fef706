/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* perf-sample: where the CPU time goes; with --off-cpu, where threads wait.
 *
 * A stack is counted by its addresses, in its process.  The addresses get their names when the
 * process executes another program or ends, at the end, or if there are too many stacks: by then the
 * files are known, and open. */
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/ioctl.h>
#include <time.h>

#include "lib/perf.h"
#include "lib/process.h"
#include "lib/profile.h"
#include "lib/replace.h"
#include "lib/tool.h"
#include "perf-sample.h"
#include "perf-sample.skel.h"

#define NS_PER_SEC  1000000000ull
#define FRAMES_MAX  4096
#define STACKS_MAX  (64 << 20) /* bytes of stacks without names */
#define SCHED_DEPTH 12	       /* frames between the hook and __schedule() */

static uint64_t frequency, min_off_ns;
static bool off_cpu, on_cpu, kernel_only, user_only, idle, folded, live, diff;
static bool only_cycles, only_clock, either = true;
static const char *flamegraph_path, *pprof_path, *speedscope_path;
static struct symbol_options symbols;

static int parse_frequency(const char *arg, void *target, char why[128])
{
	uint64_t *hz = target;
	char *end;

	errno = 0;
	*hz = strtoull(arg, &end, 10);
	if (!errno && end != arg && !*end && *arg >= '0' && *arg <= '9' && *hz && *hz <= 1000000)
		return 0;
	snprintf(why, 128, "'%.60s' is no number of samples per second", arg);
	return -EINVAL;
}

static int parse_event(const char *arg, void *target, char why[128])
{
	(void)target;
	only_cycles = !strcmp(arg, "cycles");
	only_clock = !strcmp(arg, "cpu-clock");
	either = false;
	if (only_cycles || only_clock)
		return 0;
	snprintf(why, 128, "'%.60s' is none of cycles, cpu-clock", arg);
	return -EINVAL;
}

static const struct opt options[] = {
	OPT_CALL('F', "frequency", "HZ", parse_frequency, &frequency,
		 "samples per second of each CPU (99)"),
	OPT_CALL(0, "event", "NAME", parse_event, NULL,
		 "cycles or cpu-clock; without it, cycles if there is such a counter",
		 .words = "cycles cpu-clock"),
	OPT_BOOL('K', "kernel-only", &kernel_only, "stacks of the kernel only"),
	OPT_BOOL('U', "user-only", &user_only, "stacks of programs only"),
	OPT_BOOL('I', "idle", &idle, "the idle tasks too"),
	OPT_BOOL(0, "off-cpu", &off_cpu, "where threads wait, and for how long, instead"),
	OPT_BOOL(0, "on-cpu", &on_cpu, "with --off-cpu: samples too"),
	OPT_CALL(0, "min-off", "TIME", opt_parse_time, &min_off_ns,
		 "with --off-cpu: only waits of at least this"),
	OPT_BOOL(0, "inlined", &symbols.inlined, "inlined functions and source lines (slower)"),
	OPT_BOOL(0, "debuginfod", &symbols.debuginfod,
		 "ask the servers of $DEBUGINFOD_URLS for symbols"),
	OPT_BOOL(0, "no-demangle", &symbols.no_demangle, "names as in the symbol table"),
	OPT_BOOL(0, "folded", &folded, "one line a stack, as flamegraph.pl takes them"),
	OPT_STRING(0, "flamegraph", "FILE", &flamegraph_path, "flame graph: FILE.svg or FILE.html"),
	OPT_STRING(0, "pprof", "FILE", &pprof_path, "profile for pprof, gzipped"),
	OPT_STRING(0, "speedscope", "FILE", &speedscope_path, "profile for speedscope.app"),
	OPT_BOOL(
		0, "diff", &diff,
		"of two folded or pprof files, A and B: what B has more or less, with --flamegraph"),
	OPT_BOOL(0, "live", &live, "the top functions of the last second, on the terminal"),
	OPT_END,
};

static struct need_event event = { .pages = 1 }; /* for PERF_RECORD_THROTTLE */

#define SAMPLES .name = "samples", .event = &event

static const struct need needs[] = {
	{ SAMPLES, .when = &either, .points = { "sample_cycles", "sample_clock" } },
	{ SAMPLES, .when = &only_cycles, .points = { "sample_cycles" } },
	{ SAMPLES, .when = &only_clock, .points = { "sample_clock" } },
	{ .name = "waits",
	  .when = &off_cpu,
	  .points = { "switch_btf", "switch_raw", "switch_tp" },
	  .in_flight = true },
	NEED_END,
};

static bool ends_in(const char *s, const char *end)
{
	size_t len = strlen(s), n = strlen(end);

	return len > n && !strcmp(s + len - n, end);
}

static uint64_t rate_limit(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/sys/kernel/perf_event_max_sample_rate", "re");
	unsigned long hz;

	return file && fscanf(file, "%lu", &hz) == 1 ? hz : UINT64_MAX;
}

static bool flamegraph_named(char why[256])
{
	if (!flamegraph_path || ends_in(flamegraph_path, ".svg") ||
	    ends_in(flamegraph_path, ".html"))
		return true;
	snprintf(why, 256, "--flamegraph: name a file that ends in .svg or .html");
	return false;
}

static int check(char why[256])
{
	uint64_t limit = rate_limit();

	if (!flamegraph_named(why))
		return -EINVAL;
	if (kernel_only && user_only)
		snprintf(why, 256, "--kernel-only and --user-only exclude each other");
	else if (!off_cpu && (on_cpu || min_off_ns))
		snprintf(why, 256, "%s goes with --off-cpu", on_cpu ? "--on-cpu" : "--min-off");
	else if (off_cpu && !on_cpu && (frequency || idle || !either))
		snprintf(why, 256, "%s: nothing is sampled with --off-cpu: add --on-cpu",
			 frequency ? "--frequency" :
			 idle	   ? "--idle" :
				     "--event");
	else if (frequency > limit)
		snprintf(
			why, 256,
			"--frequency: this kernel takes %llu at most (kernel.perf_event_max_sample_rate)",
			(unsigned long long)limit);
	else if (live && !isatty(STDOUT_FILENO))
		snprintf(why, 256, "--live: standard output is no terminal");
	else if (live && folded)
		snprintf(why, 256, "--live and --folded exclude each other");
	if (why[0])
		return -EINVAL;
	frequency = frequency ?: 99;
	if (off_cpu && !on_cpu)
		either = false;
	return 0;
}

static void configure(void *skeleton)
{
	struct perf_sample_bpf *bpf = skeleton;

	bpf->rodata->idle_too = idle;
	bpf->rodata->no_kernel = user_only;
	bpf->rodata->no_user = kernel_only;
	bpf->rodata->min_off_ns = min_off_ns;
	event.attr.freq = 1;
	event.attr.sample_freq = frequency;
	event.attr.exclude_idle = !idle;
}

/* ---- what is counted ---- */

struct stack {
	struct stack *next;
	uint64_t hash;
	uint64_t values[PROFILE_VALUES];
	uint32_t kernel, user; /* addresses, the kernel's first */
	uint8_t truncated;     /* 1: the kernel's, 2: the program's */
	bool off;
	char comm[COMM_SIZE];
	uint64_t addresses[];
};

struct stacks {
	uint32_t count, size; /* size: a power of two */
	struct stack *buckets[];
};

struct output_file {
	const char *option, *path;
	struct replace file;
	int (*write)(const struct profile *profile, int fd);
};

static struct output_file outputs[] = {
	{ .option = "--flamegraph", .file = REPLACE_NONE },
	{ .option = "--pprof", .file = REPLACE_NONE, .write = profile_write_pprof },
	{ .option = "--speedscope", .file = REPLACE_NONE, .write = profile_write_speedscope },
};

static struct symbolizer *symbolizer;
static struct processes *processes;
static struct profile *profile, *last_second;
static uint64_t samples, waits, throttled, truncated, distinct, stacks_bytes, start_ns, live_ns;
static uint64_t unknown; /* counted, but without memory for them */
static bool mixed;	 /* samples and waits */
static char title[96], event_name[32];

static uint64_t hash_words(uint64_t hash, const uint64_t *words, size_t count)
{
	while (count--) {
		hash = (hash ^ *words++) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 29;
	}
	return hash;
}

static int stacks_grow(struct process *process)
{
	struct stacks *old = process->stacks, *new;
	uint32_t size = old ? old->size * 4 : 16;

	if (old && old->count < old->size)
		return 0;
	new = calloc(1, sizeof(*new) + size * sizeof(*new->buckets));
	if (!new)
		return old ? 0 : -ENOMEM;
	new->size = size;
	for (uint32_t i = 0; old && i < old->size; i++)
		for (struct stack *s = old->buckets[i], *next; s; s = next) {
			next = s->next;
			s->next = new->buckets[s->hash & (size - 1)];
			new->buckets[s->hash & (size - 1)] = s;
			new->count++;
		}
	free(old);
	process->stacks = new;
	return 0;
}

/* The stack that *like* (with its addresses) is equal to, or a new one; NULL: no memory. */
static struct stack *stack_find(struct process *process, struct stack *like)
{
	size_t words = like->kernel + like->user, bytes = sizeof(*like) + 8 * words;
	struct stack **bucket, *s;
	struct stacks *stacks;

	if (stacks_grow(process))
		return NULL;
	stacks = process->stacks;
	bucket = &stacks->buckets[like->hash & (stacks->size - 1)];
	for (s = *bucket; s; s = s->next)
		if (s->hash == like->hash && s->kernel == like->kernel && s->user == like->user &&
		    s->truncated == like->truncated && s->off == like->off &&
		    !memcmp(s->comm, like->comm, COMM_SIZE) &&
		    !memcmp(s->addresses, like->addresses, 8 * words))
			return s;
	s = malloc(bytes);
	if (!s)
		return NULL;
	memcpy(s, like, bytes);
	s->next = *bucket;
	*bucket = s;
	stacks->count++;
	stacks_bytes += bytes;
	distinct++;
	return s;
}

static struct frame note(const char *text)
{
	return (struct frame){ .kind = FRAME_NOTE, .name = text };
}

/* Leaves out, of a stack that was taken in the scheduler, what belongs to the taking.  (On arm64, that
 * of a classic tracepoint begins with __schedule() twice.) */
static size_t leave_hook(struct frame *frames, size_t count)
{
	for (size_t i = count < SCHED_DEPTH ? count : SCHED_DEPTH; i > 0; i--)
		if (frames[i - 1].name && !strcmp(frames[i - 1].name, "__schedule")) {
			memmove(frames, frames + i, (count - i) * sizeof(*frames));
			return count - i;
		}
	return count;
}

/* Gives a stack its names, and adds it to the profile. */
static void stack_name(struct process *process, const struct stack *s)
{
	static struct frame frames[FRAMES_MAX + 8];
	struct profile_task task = { process->pid, process->pid, s->comm };
	const uint64_t *at = s->addresses;
	size_t n = 0;

	/* All but the innermost are return addresses. */
	for (uint32_t i = 0; i < s->kernel && n < FRAMES_MAX; i++)
		n += symbol_kernel(symbolizer, *at++ - !!i, frames + n, FRAMES_MAX - n);
	if (s->off)
		n = leave_hook(frames, n);
	if (s->off && mixed) {
		memmove(frames + 1, frames, n++ * sizeof(*frames));
		frames[0] = note("[off-cpu]");
	}
	if (s->truncated & 1)
		frames[n++] = note("[truncated]");
	for (uint32_t i = 0; i < s->user && n < FRAMES_MAX && process->space; i++)
		n += symbol_user(process->space, *at++, i > 0, frames + n, FRAMES_MAX - n);
	if (s->truncated & 2 || n >= FRAMES_MAX)
		frames[n++] = note("[truncated]");
	if (profile_add(profile, &task, frames, n, s->values) ||
	    (last_second && profile_add(last_second, &task, frames, n, s->values)))
		unknown += s->values[PROFILE_SAMPLES];
}

/* Gives all stacks of a process their names. */
static void process_name(void *context, struct process *process)
{
	struct stacks *stacks = process->stacks;

	(void)context;
	for (uint32_t i = 0; stacks && i < stacks->size; i++)
		for (struct stack *s = stacks->buckets[i], *next; s; s = next) {
			next = s->next;
			stack_name(process, s);
			stacks_bytes -= sizeof(*s) + 8ul * (s->kernel + s->user);
			free(s);
		}
	free(stacks);
	process->stacks = NULL;
}

static uint32_t bytes_copy(const void *record, size_t size, const struct bytes *b, uint64_t *to)
{
	size_t len = b->len & ~7u;

	if (len > 8 * STACK_DEPTH || b->off > size || len > size - b->off)
		return 0;
	memcpy(to, (const char *)record + b->off, len);
	return len / 8;
}

static void record(struct session *session, void *data, size_t size)
{
	static union {
		struct stack stack;
		char room[sizeof(struct stack) + 2 * 8 * STACK_DEPTH];
	} u;
	const struct sample_event *ev = data;
	struct stack *like = &u.stack, *s = NULL;
	struct process *process;

	if (size < sizeof(*ev))
		return;
	memset(like, 0, sizeof(*like));
	memcpy(like->comm, ev->task.comm, strnlen(ev->task.comm, COMM_SIZE - 1));
	like->kernel = bytes_copy(data, size, &ev->kernel, like->addresses);
	like->user = bytes_copy(data, size, &ev->user, like->addresses + like->kernel);
	/* What a thread's first function was called by. */
	while (like->user > 1 && !like->addresses[like->kernel + like->user - 1])
		like->user--;
	like->off = ev->off_ns;
	like->truncated = (ev->kernel.flags & BYTES_TRUNCATED ? 1 : 0) |
			  (ev->user.flags & BYTES_TRUNCATED ? 2 : 0);
	like->hash = hash_words(like->kernel + ((uint64_t)like->off << 32), like->addresses,
				like->kernel + like->user);
	process = process_at(processes, ev->task.pid, ev->task.boot_ns, like->user);
	if (process)
		s = stack_find(process, like);
	if (s) {
		s->values[PROFILE_SAMPLES]++;
		s->values[like->off ? PROFILE_OFF_NS : PROFILE_CPU_NS] +=
			like->off ? ev->off_ns : NS_PER_SEC / frequency;
	} else {
		unknown++;
	}
	if (!s)
		return;
	truncated += !!like->truncated;
	*(like->off ? &waits : &samples) += 1;
	if (stacks_bytes > STACKS_MAX)
		processes_each(processes, process_name, NULL);
	tool_event(session, data, size);
}

/* ---- life ---- */

static void say_unwritable(const struct output_file *output, int err, char why[256])
{
	snprintf(why, 256, "%s: cannot write %.150s: %s", output->option, output->path,
		 strerror(-err));
}

static int open_outputs(uint64_t *keep, char why[256])
{
	const char *paths[] = { flamegraph_path, pprof_path, speedscope_path };

	for (size_t i = 0; i < ARRAY_SIZE(outputs); i++) {
		int err;

		outputs[i].path = paths[i];
		err = paths[i] ? replace_open(&outputs[i].file, paths[i], keep) : 0;
		if (err) {
			say_unwritable(&outputs[i], err, why);
			return err;
		}
	}
	if (flamegraph_path)
		outputs[0].write =
			ends_in(flamegraph_path, ".svg") ? profile_write_svg : profile_write_html;
	return 0;
}

static int instead(int argc, char **argv, char why[256])
{
	struct profile *a = NULL, *b = NULL;
	uint64_t keep = 0;
	int err;

	if (!diff)
		return -1;
	if (argc > 2) { /* options may follow the two */
		int left = opt_parse(options, NULL, argc - 1, argv + 1, why);

		if (left < 0)
			return 2;
		argc = left < argc - 1 ? argc : 2;
	}
	if (argc != 2)
		snprintf(why, 256, "--diff: name two files");
	else if (!flamegraph_path)
		snprintf(why, 256, "--diff: say where to write it: --diff A B --flamegraph FILE");
	else
		flamegraph_named(why);
	if (why[0])
		return 2;
	err = profile_read(argv[0], &a, why);
	if (!err)
		err = profile_read(argv[1], &b, why);
	if (!err)
		err = open_outputs(&keep, why);
	if (!err) {
		err = profile_write_diff(a, b, outputs[0].file.fd,
					 ends_in(flamegraph_path, ".html"));
		if (!err)
			err = replace_commit(&outputs[0].file);
		if (err)
			say_unwritable(&outputs[0], err, why);
	}
	for (size_t i = 0; i < ARRAY_SIZE(outputs); i++)
		replace_done(&outputs[i].file);
	profile_free(a);
	profile_free(b);
	return err ? 1 : 0;
}

/* What is sampled, as the kernel took it. */
static void name_event(struct session *session)
{
	const struct needs *all = tool_needs(session);

	snprintf(event_name, sizeof(event_name), "off-cpu");
	for (size_t i = 0; i < all->count; i++) {
		const struct need_state *state = &all->state[i];

		if (state->need->event == &event)
			snprintf(event_name, sizeof(event_name), "%s",
				 strcmp(state->need->points[state->point], "sample_cycles") ?
					 "cpu-clock" :
					 "cycles");
	}
	mixed = off_cpu && on_cpu;
	if (off_cpu && !on_cpu)
		snprintf(title, sizeof(title), "off-CPU time");
	else
		snprintf(title, sizeof(title), "%s at %llu Hz%s", event_name,
			 (unsigned long long)frequency, mixed ? ", and off-CPU time" : "");
}

static int start(struct session *session, char why[256])
{
	struct perf_sample_bpf *bpf = tool_skeleton(session);
	uint64_t keep = 0;
	int err = open_outputs(&keep, why);

	bpf->bss->command = tool_command(session);
	tool_keep(session, keep);
	if (!err)
		err = profile_new(&profile);
	if (!err && live)
		err = profile_new(&last_second);
	if (!err)
		err = symbolizer_new(&symbols, &symbolizer);
	if (!err) {
		err = processes_new(symbolizer, process_name, NULL, &processes);
		if (err) {
			char reason[128];

			perf_refusal(err, reason, sizeof(reason));
			snprintf(why, 256, "the kernel does not tell of processes (%s)", reason);
			err = -EOPNOTSUPP;
		}
	}
	name_event(session);
	start_ns = live_ns = clock_ns(CLOCK_REALTIME);
	return err;
}

static void on_perf_record(void *context, const struct perf_event_header *r, unsigned int cpu)
{
	(void)context;
	(void)cpu;
	throttled += r->type == PERF_RECORD_THROTTLE;
}

static unsigned int terminal_size(int fd, unsigned int *rows)
{
	struct winsize size = {};

	if (ioctl(fd, TIOCGWINSZ, &size) || !size.ws_col)
		size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	if (rows)
		*rows = size.ws_row;
	return size.ws_col;
}

static void write_terminal(const struct buf *b)
{
	for (size_t at = 0; at < b->len;) {
		ssize_t n = write(STDOUT_FILENO, b->data + at, b->len - at);

		if (n < 0)
			return;
		at += n;
	}
}

static void show_last_second(void)
{
	struct buf text = {}, screen = {};
	unsigned int rows, columns = terminal_size(STDOUT_FILENO, &rows);
	struct profile *next = NULL;

	processes_each(processes, process_name, NULL);
	if (profile_put_top(last_second, &text, columns, rows > 1 ? rows - 1 : 1) || text.failed)
		goto out;
	buf_str(&screen, "\033[H");
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == '\n')
			buf_str(&screen, "\033[K\r\n");
		else
			buf_char(&screen, text.data[i]);
	buf_str(&screen, "\033[J");
	write_terminal(&screen);
	if (!profile_new(&next)) {
		profile_free(last_second);
		last_second = next;
	}
out:
	buf_done(&text);
	buf_done(&screen);
}

static void tick(struct session *session)
{
	(void)session;
	processes_tick(processes);
	perf_rings_read(&event.rings, on_perf_record, NULL);
	if (live && clock_ns(CLOCK_REALTIME) - live_ns >= NS_PER_SEC) {
		live_ns = clock_ns(CLOCK_REALTIME);
		show_last_second();
	}
}

static void put_counts(struct session *session, const struct profile_about *about)
{
	struct output *output = tool_output(session);
	struct buf *b = &output->buf, text = {};
	const char *separator = "";
	uint64_t unnamed = 0;

	for (int i = 1; i < WHY_COUNT; i++) {
		unnamed += about->unnamed[i];
		if (!about->unnamed[i])
			continue;
		buf_printf(&text, output->format == OUTPUT_JSON ? "%s\"%s\":%llu" : "%s%s %llu",
			   separator, frame_why_name(i), (unsigned long long)about->unnamed[i]);
		separator = output->format == OUTPUT_JSON ? "," : ", ";
	}
	buf_char(&text, '\0');
	if (output->format == OUTPUT_JSON) {
		buf_printf(b, "{\"type\":\"profile\",\"event\":\"%s\",", event_name);
		if (!off_cpu || on_cpu)
			buf_printf(b, "\"frequency\":%llu,\"period_ns\":%llu,",
				   (unsigned long long)frequency,
				   (unsigned long long)about->period_ns);
		buf_printf(
			b,
			"\"duration_ns\":%llu,\"samples\":%llu,\"waits\":%llu,\"cpu_ns\":%llu,\"off_ns\":%llu,"
			"\"stacks\":%llu,\"truncated\":%llu,\"throttled\":%llu,\"process_records_lost\":%llu,"
			"\"unnamed\":{%s}}\n",
			(unsigned long long)about->duration_ns, (unsigned long long)samples,
			(unsigned long long)waits,
			(unsigned long long)profile_total(profile, PROFILE_CPU_NS),
			(unsigned long long)profile_total(profile, PROFILE_OFF_NS),
			(unsigned long long)distinct, (unsigned long long)truncated,
			(unsigned long long)throttled,
			(unsigned long long)processes_lost(processes), text.data ?: "");
	} else {
		tool_say(session, "%s: %llu stacks, %llu cut at %d frames, throttled %llu times",
			 title, (unsigned long long)distinct, (unsigned long long)truncated,
			 STACK_DEPTH, (unsigned long long)throttled);
		if (unnamed)
			tool_say(session, "%llu frames without a name (%s)",
				 (unsigned long long)unnamed, text.data ?: "");
		if (processes_lost(processes))
			tool_say(session,
				 "%llu records about processes were lost: names may be wrong",
				 (unsigned long long)processes_lost(processes));
	}
	buf_done(&text);
}

static int write_outputs(struct session *session)
{
	bool files = false;
	int failed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(outputs); i++) {
		char why[256];
		int err;

		if (!outputs[i].path)
			continue;
		files = true;
		err = outputs[i].write(profile, outputs[i].file.fd);
		if (!err)
			err = replace_commit(&outputs[i].file);
		if (err) {
			say_unwritable(&outputs[i], err, why);
			tool_say(session, "%s", why);
			failed = failed ?: err;
		}
	}
	if (!failed && !files && !folded && tool_output(session)->format != OUTPUT_JSON)
		failed =
			output_flush(tool_output(session)) ?:
				profile_write_report(profile, tool_output(session)->fd,
						     terminal_size(tool_output(session)->fd, NULL));
	else if (folded)
		failed = output_flush(tool_output(session)) ?:
				 profile_write_folded(profile, tool_output(session)->fd);
	return failed;
}

static int finish(struct session *session)
{
	struct profile_about about = {
		.title = title,
		.event = event_name,
		.start_ns = start_ns,
		.duration_ns = clock_ns(CLOCK_REALTIME) - start_ns,
		.period_ns = off_cpu && !on_cpu ? 0 : NS_PER_SEC / frequency,
	};
	struct output *output = tool_output(session);
	int err;

	if (live)
		write_terminal(&(struct buf){ .data = "\033[H\033[J", .len = 6 });
	perf_rings_read(&event.rings, on_perf_record, NULL);
	processes_each(processes, process_name, NULL);
	if (unknown)
		tool_lose(session, LOST_MAP_FULL, unknown);
	about.samples = samples + waits;
	about.lost = tool_lost(session);
	about.throttled = throttled;
	about.truncated = truncated;
	memcpy(about.unnamed, symbolizer_unnamed(symbolizer), sizeof(about.unnamed));
	err = profile_set_about(profile, &about);
	if (!err && output->format == OUTPUT_JSON)
		err = profile_put_json(profile, &output->buf);
	if (!err)
		err = write_outputs(session);
	if (!err)
		put_counts(session, &about);
	if (err == -EPIPE)
		output->error = err;
	return err == -EPIPE ? 0 : err;
}

static void done(void)
{
	processes_free(processes);
	symbolizer_free(symbolizer);
	profile_free(profile);
	profile_free(last_second);
	perf_rings_close(&event.rings);
	for (size_t i = 0; i < ARRAY_SIZE(outputs); i++)
		replace_done(&outputs[i].file);
}

TOOL(perf_sample, .brief = "Sample stacks of all CPUs, or of waiting threads", .group = "CPU",
     .event = "sample", .options = options, .needs = needs, .check = check, .configure = configure,
     .instead = instead, .start = start, .record = record, .tick = tick, .finish = finish,
     .done = done,
     .keep = 1ull << CAP_SYS_PTRACE | 1ull << CAP_DAC_READ_SEARCH | 1ull << CAP_CHECKPOINT_RESTORE)
