/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// build: -O1 -fno-omit-frame-pointer -fno-optimize-sibling-calls
/*
 * Spends CPU time, or waits, in known functions, and says how much:
 *
 *   {"what":"work","mode":"shares","pid":…,"three":3000000,"one":1000000,
 *    "waited_three_ns":…,"waited_one_ns":…,"cpu_ns":…}
 *
 *   sample-work MODE [--ms MS] [--times N] [--unlink]
 *
 *   shares    three() turns a loop three times as often as one() does
 *   deep      recurse() calls itself --times times, then turns
 *   inlined   holder() turns in a function that is inlined into it
 *   jit       turns in code made on the fly, named "jitted_turns" in /tmp/perf-PID.map
 *   kernel    reads() reads /dev/zero
 *   waits     --times times each: three_naps() sleeps 30 ms, one_nap() 10 ms
 *
 * The loops go on until the process has used --ms of CPU time (1000).  --unlink removes the
 * program's own file first.
 */
#define _GNU_SOURCE
#include <getopt.h>

#include "workload.h"

#define NOINLINE __attribute__((noinline, noclone))

static uint64_t budget_ns = 1000000000;
static uint64_t turned_three, turned_one, waited_three_ns, waited_one_ns;

/* How long a piece of work is: never the same, so that it does not go along with the sampling. */
static uint64_t next_unit(void)
{
	static uint64_t state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return 1000 + state % 9000;
}

static bool time_is_left(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID) < budget_ns;
}

/* Else a function that calls none has no frame, and then its caller is not found. */
#define WITH_FRAME() asm volatile("" : : "r"(__builtin_frame_address(0)))

NOINLINE void turn(uint64_t n)
{
	WITH_FRAME();
	while (n--)
		asm volatile("");
}

NOINLINE void three(uint64_t unit)
{
	turn(3 * unit);
	turned_three += 3 * unit;
}

NOINLINE void one(uint64_t unit)
{
	turn(unit);
	turned_one += unit;
}

NOINLINE void shares(void)
{
	while (time_is_left())
		for (int i = 0; i < 64; i++) {
			uint64_t unit = next_unit();

			three(unit);
			one(unit);
		}
}

NOINLINE void recurse(long depth)
{
	if (depth > 1)
		recurse(depth - 1);
	else
		while (time_is_left())
			turn(1000000);
	asm volatile("");
}

__attribute__((always_inline)) static inline void inlined_turns(uint64_t n)
{
	while (n--)
		asm volatile("");
}

NOINLINE void holder(void)
{
	while (time_is_left())
		inlined_turns(1000000);
	asm volatile("");
}

static void write_map(const void *code, size_t size)
{
	char *path = format("/tmp/perf-%d.map", getpid());
	FILE *file = fopen(path, "we");

	if (!file)
		die("%s", path);
	fprintf(file, "%lx %zx jitted_turns\n", (unsigned long)code, size);
	if (fclose(file))
		die("%s", path);
	free(path);
}

NOINLINE void jit(void)
{
#if defined(__x86_64__)
	/* push rbp; mov rbp,rsp; 1: dec rdi; jnz 1b; pop rbp; ret */
	static const unsigned char code[] = { 0x55, 0x48, 0x89, 0xe5, 0x48, 0xff,
					      0xcf, 0x75, 0xfb, 0x5d, 0xc3 };
#elif defined(__aarch64__)
	/* stp x29,x30,[sp,-16]!; mov x29,sp; 1: subs x0,x0,1; b.ne 1b; ldp x29,x30,[sp],16; ret */
	static const uint32_t code[] = { 0xa9bf7bfd, 0x910003fd, 0xf1000400,
					 0x54ffffe1, 0xa8c17bfd, 0xd65f03c0 };
#else
#error "which code turns on this architecture?"
#endif
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);

	if (at == MAP_FAILED)
		skip("no memory that can be written and executed");
	memcpy(at, code, sizeof(code));
	__builtin___clear_cache(at, (char *)at + sizeof(code));
	write_map(at, sizeof(code));
	while (time_is_left())
		((void (*)(uint64_t))at)(1000000);
}

NOINLINE void reads(void)
{
	static char buf[1 << 20];
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	while (time_is_left())
		for (int i = 0; i < 16; i++)
			if (read(fd, buf, sizeof(buf)) != sizeof(buf))
				die("/dev/zero");
	close(fd);
}

/* Here, and not in the C library, which has no frame pointers. */
__attribute__((always_inline)) static inline void nap(long ns)
{
	struct timespec time = { .tv_nsec = ns };
#if defined(__x86_64__)
	long ret;

	asm volatile("syscall"
		     : "=a"(ret)
		     : "a"(SYS_nanosleep), "D"(&time), "S"(NULL)
		     : "rcx", "r11", "memory");
#elif defined(__aarch64__)
	register long nr asm("x8") = SYS_nanosleep;
	register void *ret asm("x0") = &time;
	register void *rest asm("x1") = NULL;

	asm volatile("svc 0" : "+r"(ret) : "r"(nr), "r"(rest) : "memory");
#endif
	if (ret)
		die("nanosleep");
}

NOINLINE void three_naps(void)
{
	WITH_FRAME();
	nap(30000000);
}

NOINLINE void one_nap(void)
{
	WITH_FRAME();
	nap(10000000);
}

NOINLINE void waits(long times)
{
	while (times--) {
		uint64_t start = clock_ns(CLOCK_MONOTONIC), middle;

		three_naps();
		middle = clock_ns(CLOCK_MONOTONIC);
		waited_three_ns += middle - start;
		one_nap();
		waited_one_ns += clock_ns(CLOCK_MONOTONIC) - middle;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "ms", required_argument, NULL, 'm' },
						 { "times", required_argument, NULL, 't' },
						 { "unlink", no_argument, NULL, 'u' },
						 {} };
	long times = 10;
	struct json j = {};
	const char *mode;
	int c;

	program = "sample-work";
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'm':
			budget_ns = parse_number("--ms", optarg, 1, 1000000) * 1000000ull;
			break;
		case 't':
			times = parse_number("--times", optarg, 1, 100000);
			break;
		case 'u':
			if (unlink(self_path()))
				die("%s", self_path());
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 1)
		usage_error("sample-work MODE: told at the top of sample-work.c");
	mode = argv[optind];
	if (!strcmp(mode, "shares"))
		shares();
	else if (!strcmp(mode, "deep"))
		recurse(times);
	else if (!strcmp(mode, "inlined"))
		holder();
	else if (!strcmp(mode, "jit"))
		jit();
	else if (!strcmp(mode, "kernel"))
		reads();
	else if (!strcmp(mode, "waits"))
		waits(times);
	else
		usage_error("no such mode: %s", mode);
	json_string(&j, "what", "work");
	json_string(&j, "mode", mode);
	json_number(&j, "pid", getpid());
	json_number(&j, "three", turned_three);
	json_number(&j, "one", turned_one);
	json_number(&j, "waited_three_ns", waited_three_ns);
	json_number(&j, "waited_one_ns", waited_one_ns);
	json_number(&j, "cpu_ns", clock_ns(CLOCK_PROCESS_CPUTIME_ID));
	json_print(&j);
	return failed || fflush(stdout) ? 1 : 0;
}
