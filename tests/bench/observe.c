/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Runs a tracing tool beside workloads, and measures the tool: start, steady
 * state and end.  One JSON object on standard output:
 *
 *   {"start_wall_ms":…,"start_cpu_ms":…,"run_cpu_ms":…,"end_wall_ms":…,"end_cpu_ms":…,
 *    "peak_kb":…,"steady_kb":…,"output_bytes":…,"counted":…,"status":…,"workloads":[…]}
 *
 *   observe --output FILE [options] -- TOOL [ARG…] [-- WORKLOAD [ARG…]]…
 *
 *   --output FILE   the tool's standard output, and FILE.err its standard error
 *   --pty           its standard output is a terminal; what it writes goes to FILE all the same
 *   --mark open     what the tool must show to be called ready: a failing open, or
 *   --mark exec     an exec with an argument, done every ms until it is seen; or
 *   --mark none     nothing: the workloads start at once
 *   --tracefs       tracefs is mounted for the tool, in a mount namespace of its own
 *   --count REGEX   `counted` is how many lines of the output match (extended)
 *   --settle MS     the tool is idle when it took less than 1 % of a processor for so long (200)
 *   --timeout SEC   give up (60)
 *
 * start_* lasts from fork until the first mark can be read where the tool writes;
 * run_* until the tool is idle after the last workload; end_* from SIGINT until
 * it has ended.  cpu is user and system time of the tool's process, all threads.
 * peak_kb is VmHWM (ru_maxrss would count the parent's memory at exec).
 *
 * The workloads run one after the other; each one's output, which must be JSON
 * or nothing, becomes an element of `workloads`.  A tool that ends by itself
 * before it is told to: {"error":"…","status":…}, exit status 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <regex.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum mark { MARK_OPEN, MARK_EXEC, MARK_NONE };

static const char *output;
static enum mark mark_kind;
static bool pty, tracefs;
static bool count;
static regex_t count_regex;
static long settle_ms = 200, timeout_s = 60;

static pid_t tool;
static clockid_t tool_clock;
static int master = -1; /* of the pty */
static int out_fd = -1; /* FILE, for reading, or for what comes from the pty */
static char mark_text[64];

static void die(const char *what)
{
	fprintf(stderr, "observe: %s: %s\n", what, strerror(errno));
	if (tool > 0)
		kill(tool, SIGKILL);
	exit(2);
}

static double now_ms(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) < 0)
		return -1;
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void sleep_ms(double ms)
{
	struct timespec t = { .tv_sec = ms / 1e3, .tv_nsec = (long)(ms * 1e6) % 1000000000 };

	nanosleep(&t, NULL);
}

static void print_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < 0x20 || (unsigned char)*s > 0x7e)
			printf("\\u%04x", (unsigned char)*s);
		else
			putchar(*s);
	}
	putchar('"');
}

/* ---- the tool ---- */

static int open_pty(void)
{
	struct winsize size = { .ws_row = 50, .ws_col = 200 };
	int slave;

	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		die("pty");
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		die("pty");
	ioctl(slave, TIOCSWINSZ, &size);
	fcntl(master, F_SETFL, O_NONBLOCK);
	return slave;
}

/* For the calling process alone, unless it is there for all. */
static int mount_tracefs(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	if (mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL) < 0 && errno != EBUSY)
		return -1;
	return 0;
}

static void start_tool(char **argv)
{
	char errors[4096];
	int out, err;

	snprintf(errors, sizeof(errors), "%s.err", output);
	unlink(output);
	out_fd = open(output, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	err = open(errors, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	/* A description of its own: the tool's offset is not ours. */
	out = pty ? open_pty() : open(output, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (out_fd < 0 || err < 0 || out < 0)
		die(output);

	tool = fork();
	if (tool < 0)
		die("fork");
	if (!tool) {
		if (tracefs && mount_tracefs() < 0) {
			dprintf(err, "tracefs: %s\n", strerror(errno));
			_exit(126);
		}
		signal(SIGINT, SIG_DFL);
		dup2(open("/dev/null", O_RDONLY), 0);
		dup2(out, 1);
		dup2(err, 2);
		execvp(argv[0], argv);
		dprintf(2, "%s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(out);
	close(err);
	if (clock_getcpuclockid(tool, &tool_clock))
		die("clock_getcpuclockid");
}

/* From the pty into the file. */
static void drain_pty(void)
{
	char buf[65536];
	ssize_t n;

	if (master < 0)
		return;
	while ((n = read(master, buf, sizeof(buf))) > 0)
		if (write(out_fd, buf, n) != n)
			die(output);
}

/* Does what came since the last call have the mark in it? */
static bool mark_seen(void)
{
	static char buf[65536 + sizeof(mark_text)];
	static off_t done;
	static size_t kept;
	ssize_t n;

	drain_pty();
	while ((n = pread(out_fd, buf + kept, 65536, done)) > 0) {
		done += n;
		n += kept;
		if (memmem(buf, n, mark_text, strlen(mark_text)))
			return true;
		kept = n < (ssize_t)sizeof(mark_text) ? n : (ssize_t)sizeof(mark_text);
		memmove(buf, buf + n - kept, kept);
	}
	return false;
}

/* Has the tool ended by itself?  It stays a zombie. */
static bool tool_ended(void)
{
	siginfo_t info = {};

	return waitid(P_PID, tool, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid;
}

static void tool_failed(const char *why)
{
	char path[4096], line[512] = "", last[512] = "";
	int status = 0;
	FILE *f;

	kill(tool, SIGKILL);
	waitpid(tool, &status, 0);
	snprintf(path, sizeof(path), "%s.err", output);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (*line)
			strcpy(last, line);
	}
	printf("{\"error\":");
	print_string(*last ? last : why);
	printf(",\"status\":%d}\n",
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	exit(1);
}

static void mark(void)
{
	static char *const env[] = { NULL };
	char path[128];
	pid_t pid;

	if (mark_kind == MARK_OPEN) {
		snprintf(path, sizeof(path), "/nonexistent/%s", mark_text);
		if (open(path, O_RDONLY) >= 0)
			die(path);
		return;
	}
	pid = vfork();
	if (!pid) {
		execve("/proc/self/exe", (char *[]){ "mark", mark_text, NULL }, env);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

static void wait_ready(double start)
{
	if (mark_kind == MARK_NONE)
		return;
	snprintf(mark_text, sizeof(mark_text), "observe-mark-%d", getpid());
	do {
		if (tool_ended())
			tool_failed("ended before it was ready");
		if (now_ms(CLOCK_MONOTONIC) - start > timeout_s * 1e3)
			tool_failed("no event was seen in time");
		mark();
		sleep_ms(1);
	} while (!mark_seen());
}

static void wait_idle(void)
{
	double start = now_ms(CLOCK_MONOTONIC), since = start, t;
	double cpu = now_ms(tool_clock), c;

	while ((t = now_ms(CLOCK_MONOTONIC)) - since < settle_ms) {
		if (tool_ended())
			tool_failed("ended by itself");
		if (t - start > timeout_s * 1e3)
			tool_failed("is not idle in time");
		sleep_ms(5);
		drain_pty();
		c = now_ms(tool_clock);
		if (c - cpu > settle_ms / 100.0) {
			cpu = c;
			since = now_ms(CLOCK_MONOTONIC);
		}
	}
}

static long status_kb(const char *key)
{
	char path[64], line[256];
	long kb = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", tool);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			kb = strtol(line + strlen(key), NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

static long count_lines(long long *bytes)
{
	struct stat st;
	char *line = NULL;
	size_t size = 0;
	long lines = 0;
	ssize_t n;
	FILE *f;

	drain_pty();
	f = fopen(output, "re");
	if (!f || fstat(fileno(f), &st) < 0)
		die(output);
	while (count && (n = getline(&line, &size, f)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = 0;
		lines += !regexec(&count_regex, line, 0, NULL, 0);
	}
	free(line);
	fclose(f);
	*bytes = st.st_size;
	return lines;
}

/* ---- the workloads ---- */

/* Appends what the workload prints, without its newline, to *text*. */
static void run_workload(char **argv, FILE *text)
{
	char buf[4096];
	int p[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		dup2(p[1], 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(p[1]);
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	for (;;) {
		n = read(p[0], buf, sizeof(buf));
		if (!n)
			break;
		if (n < 0) {
			drain_pty();
			sleep_ms(1);
			continue;
		}
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != '\n')
				fputc(buf[i], text);
	}
	close(p[0]);
	if (waitpid(pid, &status, 0) < 0 || status) {
		fprintf(stderr, "observe: workload %s: status %#x\n", argv[0], status);
		kill(tool, SIGKILL);
		exit(2);
	}
}

/* Cuts *argv* at the next "--"; the rest, or NULL. */
static char **next_command(char **argv)
{
	for (; *argv; argv++) {
		if (!strcmp(*argv, "--")) {
			*argv = NULL;
			return argv + 1;
		}
	}
	return NULL;
}

static void usage(void)
{
	fputs("observe --output FILE [--pty] [--mark open|exec|none] [--tracefs] [--count REGEX]\n"
	      "        [--settle MS] [--timeout SEC] -- TOOL [ARG…] [-- WORKLOAD [ARG…]]…\n",
	      stderr);
	exit(2);
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = { { "output", required_argument, NULL, 'o' },
						 { "pty", no_argument, NULL, 'p' },
						 { "mark", required_argument, NULL, 'm' },
						 { "tracefs", no_argument, NULL, 't' },
						 { "count", required_argument, NULL, 'c' },
						 { "settle", required_argument, NULL, 's' },
						 { "timeout", required_argument, NULL, 'T' },
						 {} };
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (c) {
		case 'o':
			output = optarg;
			break;
		case 'p':
			pty = true;
			break;
		case 'm':
			if (!strcmp(optarg, "open"))
				mark_kind = MARK_OPEN;
			else if (!strcmp(optarg, "exec"))
				mark_kind = MARK_EXEC;
			else if (!strcmp(optarg, "none"))
				mark_kind = MARK_NONE;
			else
				usage();
			break;
		case 't':
			tracefs = true;
			break;
		case 'c':
			count = true;
			if (regcomp(&count_regex, optarg, REG_EXTENDED | REG_NOSUB))
				usage();
			break;
		case 's':
			settle_ms = atol(optarg);
			break;
		case 'T':
			timeout_s = atol(optarg);
			break;
		default:
			usage();
		}
	}
	if (!output || !argv[optind])
		usage();
}

int main(int argc, char **argv)
{
	double start, ready, cpu_ready, cpu_idle, told, ended, cpu;
	char **command, **next, *text = NULL;
	long peak_kb, steady_kb, counted;
	struct rusage usage_;
	long long bytes;
	size_t text_size;
	bool first = true;
	FILE *texts;
	int status;

	if (argc > 0 && !strcmp(argv[0], "mark"))
		return 0;
	parse(argc, argv);
	command = argv + optind;
	next = next_command(command);

	start = now_ms(CLOCK_MONOTONIC);
	start_tool(command);
	wait_ready(start);
	ready = now_ms(CLOCK_MONOTONIC);
	cpu_ready = now_ms(tool_clock);

	texts = open_memstream(&text, &text_size);
	if (!texts)
		die("open_memstream");
	while ((command = next)) {
		next = next_command(command);
		if (!first)
			fputc(',', texts);
		first = false;
		run_workload(command, texts);
		wait_idle();
	}
	fclose(texts);

	steady_kb = status_kb("VmRSS:");
	peak_kb = status_kb("VmHWM:");
	cpu_idle = now_ms(tool_clock);
	told = now_ms(CLOCK_MONOTONIC);
	kill(tool, SIGINT);
	do {
		drain_pty();
		if (now_ms(CLOCK_MONOTONIC) - told > timeout_s * 1e3)
			tool_failed("does not end after SIGINT");
		sleep_ms(0.1);
	} while (!tool_ended());
	ended = now_ms(CLOCK_MONOTONIC);
	if (wait4(tool, &status, 0, &usage_) < 0)
		die("wait4");
	cpu = usage_.ru_utime.tv_sec * 1e3 + usage_.ru_utime.tv_usec / 1e3 +
	      usage_.ru_stime.tv_sec * 1e3 + usage_.ru_stime.tv_usec / 1e3;
	counted = count_lines(&bytes);

	printf("{\"start_wall_ms\":%.2f,\"start_cpu_ms\":%.2f,\"run_cpu_ms\":%.2f,"
	       "\"end_wall_ms\":%.2f,\"end_cpu_ms\":%.2f,\"peak_kb\":%ld,\"steady_kb\":%ld,"
	       "\"output_bytes\":%lld,\"counted\":%ld,\"status\":%d,\"workloads\":[%s]}\n",
	       ready - start, cpu_ready, cpu_idle - cpu_ready, ended - told, cpu - cpu_idle,
	       peak_kb, steady_kb, bytes, counted,
	       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), text);
	return 0;
}
