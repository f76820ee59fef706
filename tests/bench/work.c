/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the benchmark traces: one operation N times, and what one took, as JSON:
 *
 *   {"op":"open","pid":…,"times":20000,"ns":…,"ns_min":…,"cpu_ns":…,"per_s":…}
 *
 *   work [options] OP N
 *
 *   getppid    the cheapest system call
 *   open       openat of LABEL, which must be there (closed 256 at a time)
 *   exec       vfork, execve of a program with the argument LABEL, wait
 *   burn       no operation: N ms of calls and small reads, as deep as --bytes
 *   sleepers   starts N processes that sleep, prints their ids, and ends them when
 *              its standard input ends
 *
 *   -l LABEL     what a tool will show of it
 *   -r ROUNDS    so many times N (1), after one more that is not counted; ns and cpu_ns are medians
 *   -t THREADS   N is shared out among so many (1); each opens a LABEL.NUMBER of its own
 *   -R RATE      at most so many in a second, all threads together, and no round before
 *   -b BYTES     exec: another argument of so many bytes; burn: depth of the calls
 *   -x FILE      what exec executes (this program)
 *   -p           all of it on one processor: elapsed times of short processes vary less
 *   -s           with BPF_ENABLE_STATS
 *   -w           prints {"pid":…}, and begins when a line comes
 *
 * ns is elapsed time, cpu_ns the time on a processor of this process and its
 * children; both per operation.
 */
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "../workloads/workload.h"

#define OPEN_FILES 256

static const char *label = "/dev/null", *executed = "/proc/self/exe";
static char *exec_argv[4] = { "noop" }, *exec_env[] = { NULL };
static __thread const char *opened;
static long times, threads = 1, rate, bytes;
static int first_file = 3; /* what opens get */
static void (*operate)(long n);

static void op_getppid(long n)
{
	while (n--)
		syscall(SYS_getppid);
}

static void op_open(long n)
{
	while (n--) {
		if (syscall(SYS_openat, AT_FDCWD, opened, O_RDONLY | O_CLOEXEC, 0) < 0)
			die("%s", opened);
		if (n % OPEN_FILES == 0)
			syscall(SYS_close_range, first_file, ~0U, 0);
	}
}

static void op_exec(long n)
{
	int status;
	pid_t pid;

	while (n--) {
		pid = vfork();
		if (!pid) {
			execve(executed, exec_argv, exec_env);
			_exit(127);
		}
		if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
			die("exec");
	}
}

__attribute__((noinline)) static long descend(long depth, int zero)
{
	volatile char here[64] = {};
	char buf[64];

	if (depth > 0)
		return descend(depth - 1, zero) + here[0];
	for (int i = 0; i < 1000; i++)
		here[i % 64]++;
	return read(zero, buf, sizeof(buf)) + here[0];
}

static void op_burn(long ms)
{
	uint64_t end = clock_ns(CLOCK_MONOTONIC) + ms * 1000000ULL;
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	if (zero < 0)
		die("/dev/zero");
	while (clock_ns(CLOCK_MONOTONIC) < end)
		descend(bytes, zero);
}

/* Forks from the first one, all of them its children. */
static int sleepers(long n)
{
	pid_t *pids = allocate(n * sizeof(*pids));
	char c;

	for (long i = 0; i < n; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			die("fork");
		if (!pids[i]) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
	}
	printf("{\"pids\":[");
	for (long i = 0; i < n; i++)
		printf("%s%d", i ? "," : "", pids[i]);
	printf("]}\n");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		;
	for (long i = 0; i < n; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	return 0;
}

/* Keeps the pace by sleeping where it is ahead. */
static void run_at_rate(long n, double per_ns)
{
	const struct timespec nap = { .tv_nsec = 50000 };
	uint64_t start = clock_ns(CLOCK_MONOTONIC);
	long done = 0, due;

	while (done < n) {
		due = (clock_ns(CLOCK_MONOTONIC) - start) * per_ns;
		if (due > n)
			due = n;
		if (due > done)
			operate(due - done);
		else
			nanosleep(&nap, NULL);
		done = due > done ? due : done;
	}
}

static void *run_share(void *arg)
{
	long n = operate == op_burn ? times : times / threads;
	char own[PATH_MAX];

	opened = label;
	/* Threads that share what they open wait for each other, now more and now less. */
	if (threads > 1) {
		snprintf(own, sizeof(own), "%s.%ld", label, (long)arg);
		opened = own;
		if (unshare(CLONE_FILES) ||
		    (operate == op_open && mknod(own, 0600, 0) && errno != EEXIST))
			die("%s", own);
	}
	if (rate)
		run_at_rate(n, rate / 1e9 / threads);
	else
		operate(n);
	return NULL;
}

static void run_all(void)
{
	pthread_t *others = allocate(threads * sizeof(*others));

	for (long i = 1; i < threads; i++)
		if (pthread_create(&others[i], NULL, run_share, (void *)i))
			die("pthread_create");
	run_share(NULL);
	for (long i = 1; i < threads; i++)
		pthread_join(others[i], NULL);
	free(others);
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

static void enable_stats(void)
{
	union bpf_attr attr = { .enable_stats.type = BPF_STATS_RUN_TIME };

	/* It stays open until this process ends. */
	int fd = syscall(SYS_bpf, BPF_ENABLE_STATS, &attr, sizeof(attr));

	if (fd < 0)
		die("BPF_ENABLE_STATS");
	first_file = fd + 1;
}

static void stay_here(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

/* Each thread has open files. */
static void raise_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*operate)(long n);
	} ops[] = {
		{ "getppid", op_getppid }, { "open", op_open },	 { "exec", op_exec },
		{ "burn", op_burn },	   { "sleepers", NULL },
	};
	long rounds = 1;
	uint64_t *ns, *cpu;
	size_t op;
	int c;

	if (argc > 0 && !strcmp(argv[0], "noop"))
		return 0;
	program = "work";
	while ((c = getopt(argc, argv, "l:r:t:R:b:x:psw")) != -1) {
		switch (c) {
		case 'l':
			label = optarg;
			break;
		case 'r':
			rounds = parse_number("-r", optarg, 1, 100000);
			break;
		case 't':
			threads = parse_number("-t", optarg, 1, 10000);
			break;
		case 'R':
			rate = parse_number("-R", optarg, 1, LONG_MAX);
			break;
		case 'b':
			bytes = parse_number("-b", optarg, 0, 128 << 10);
			break;
		case 'x':
			executed = optarg;
			break;
		case 'p':
			stay_here();
			break;
		case 's':
			enable_stats();
			break;
		case 'w':
			printf("{\"pid\":%d}\n", getpid());
			fflush(stdout);
			if (getchar() != '\n')
				return 1;
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 2)
		usage_error("work [options] OP N: told at the top of work.c");
	for (op = 0; op < ARRAY_SIZE(ops) && strcmp(ops[op].name, argv[optind]); op++)
		;
	if (op == ARRAY_SIZE(ops))
		usage_error("no such operation: %s", argv[optind]);
	times = parse_number("N", argv[optind + 1], 1, LONG_MAX);
	operate = ops[op].operate;
	if (!operate)
		return sleepers(times);
	if (operate != op_burn)
		times -= times % threads;
	raise_limit();
	exec_argv[1] = (char *)label;
	if (bytes && operate == op_exec)
		exec_argv[2] = memset(allocate(bytes), 'a', bytes - 1);

	ns = allocate(rounds * sizeof(*ns));
	cpu = allocate(rounds * sizeof(*cpu));
	for (long i = rate || operate == op_burn ? 0 : -1; i < rounds; i++) {
		uint64_t cpu_before = cpu_ns(), before = clock_ns(CLOCK_MONOTONIC);

		run_all();
		if (i < 0)
			continue;
		ns[i] = clock_ns(CLOCK_MONOTONIC) - before;
		cpu[i] = cpu_ns() - cpu_before;
	}
	qsort(ns, rounds, sizeof(*ns), compare);
	qsort(cpu, rounds, sizeof(*cpu), compare);
	printf("{\"op\":\"%s\",\"pid\":%d,\"times\":%ld,\"ns\":%.1f,\"ns_min\":%.1f,\"cpu_ns\":%.1f,"
	       "\"per_s\":%.0f}\n",
	       ops[op].name, getpid(), times, (double)ns[rounds / 2] / times, (double)ns[0] / times,
	       (double)cpu[rounds / 2] / times, times * 1e9 / ns[rounds / 2]);
	return fflush(stdout) ? 1 : 0;
}
