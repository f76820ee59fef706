/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// build: -static
/*
 * Does one operation N times, R rounds of it, and prints what one took:
 *
 *   {"what":"loop","op":"open-fail","pid":…,"times":100000,"rounds":5,
 *    "ns_min":…,"ns_median":…,"cpu_ns_min":…,"cpu_ns_median":…}
 *
 *   loop OP N [--rounds R] [--path PATH] [--cpu CPU]
 *
 *   null       nothing: what the loop itself takes
 *   getppid    the cheapest system call
 *   open-fail  openat of PATH, which must fail (/nonexistent/loop)
 *   open-ok    openat and close of PATH (/dev/null)
 *   exec       vfork, execve of this program as `noop`, wait
 *
 * ns is elapsed time (CLOCK_MONOTONIC), cpu_ns the time on a processor of this
 * process and its children; both per operation, over the rounds (default 5; one
 * more, not counted, goes first).  --cpu: stay on this processor.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <sched.h>
#include <sys/resource.h>

#include "workload.h"

static const char *path;
static char *noop_argv[] = { "noop", NULL }, *noop_env[] = { NULL };

static void op_null(long n)
{
	while (n--)
		asm volatile("" ::: "memory");
}

static void op_getppid(long n)
{
	while (n--)
		syscall(SYS_getppid);
}

static void op_open_fail(long n)
{
	while (n--)
		if (syscall(SYS_openat, AT_FDCWD, path, O_RDONLY, 0) >= 0)
			usage_error("open-fail: %s is there", path);
}

static void op_open_ok(long n)
{
	long fd;

	while (n--) {
		fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY, 0);
		if (fd < 0)
			die("%s", path);
		syscall(SYS_close, fd);
	}
}

static pid_t spawn_noop(const char *self)
{
	pid_t pid = vfork();

	if (!pid) {
		execve(self, noop_argv, noop_env);
		_exit(127);
	}
	return pid;
}

static void op_exec(long n)
{
	const char *self = self_path();
	int status;
	pid_t pid;

	while (n--) {
		pid = spawn_noop(self);
		if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
			die("exec");
	}
}

/* CLOCK_PROCESS_CPUTIME_ID is without children, but exact; getrusage has both. */
static uint64_t cpu_ns(void)
{
	struct rusage r;

	getrusage(RUSAGE_CHILDREN, &r);
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID) +
	       (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000000ULL +
	       (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1000ULL;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void print_round(struct json *j, const char *key, uint64_t *ns, long rounds, long times)
{
	qsort(ns, rounds, sizeof(*ns), compare);
	json_key(j, format("%s_min", key));
	json_format(j, "%.1f", (double)ns[0] / times);
	json_key(j, format("%s_median", key));
	json_format(j, "%.1f", (double)ns[rounds / 2] / times);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "rounds", required_argument, NULL, 'r' },
						 { "path", required_argument, NULL, 'p' },
						 { "cpu", required_argument, NULL, 'c' },
						 {} };
	static const struct {
		const char *name;
		void (*run)(long n);
	} ops[] = {
		{ "null", op_null },	   { "getppid", op_getppid }, { "open-fail", op_open_fail },
		{ "open-ok", op_open_ok }, { "exec", op_exec },
	};
	long rounds = 5, times, i;
	uint64_t *ns, *cpu;
	struct json j = {};
	cpu_set_t set;
	size_t op;
	int c;

	if (is_noop(argc, argv))
		return 0;
	program = "loop";
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			rounds = parse_number("--rounds", optarg, 1, 100000);
			break;
		case 'p':
			path = optarg;
			break;
		case 'c':
			CPU_ZERO(&set);
			CPU_SET(parse_number("--cpu", optarg, 0, CPU_SETSIZE - 1), &set);
			if (sched_setaffinity(0, sizeof(set), &set) < 0)
				die("--cpu %s", optarg);
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 2)
		usage_error(
			"loop OP N [--rounds R] [--path PATH] [--cpu CPU]: told at the top of loop.c");
	for (op = 0; op < ARRAY_SIZE(ops) && strcmp(ops[op].name, argv[optind]); op++)
		;
	if (op == ARRAY_SIZE(ops))
		usage_error("no such operation: %s", argv[optind]);
	times = parse_number("N", argv[optind + 1], 1, LONG_MAX);
	if (!path)
		path = ops[op].run == op_open_ok ? "/dev/null" : "/nonexistent/loop";

	ns = allocate(rounds * sizeof(*ns));
	cpu = allocate(rounds * sizeof(*cpu));
	for (i = -1; i < rounds; i++) {
		uint64_t cpu_before = cpu_ns(), before = clock_ns(CLOCK_MONOTONIC);

		ops[op].run(times);
		if (i < 0)
			continue;
		ns[i] = clock_ns(CLOCK_MONOTONIC) - before;
		cpu[i] = cpu_ns() - cpu_before;
	}
	json_string(&j, "what", "loop");
	json_string(&j, "op", ops[op].name);
	json_number(&j, "pid", getpid());
	json_number(&j, "times", times);
	json_number(&j, "rounds", rounds);
	print_round(&j, "ns", ns, rounds, times);
	print_round(&j, "cpu_ns", cpu, rounds, times);
	json_print(&j);
	return fflush(stdout) ? 1 : 0;
}
