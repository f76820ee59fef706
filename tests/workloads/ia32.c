/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// build: -m32 -static -nostdlib -ffreestanding -fno-pie -fno-stack-protector
/*
 * A 32-bit program (x86, or arm for arm64), without a C library, so that it builds on a
 * machine that has none for 32 bits.
 *
 *   ia32 exec [N]         forks and executes itself N times (1), as `noop one`
 *   ia32 open PATH [N]    open of PATH N times (1), then openat
 *   ia32 noop …           does nothing
 *
 * Prints JSON lines like exec and open.  PATH must be printable ASCII.  On a kernel
 * without 32-bit programs it does not start at all (ENOEXEC: status 126 in a shell).
 */

/* The numbers of arch/x86/entry/syscalls/syscall_32.tbl; most are arch/arm/tools/syscall.tbl's too. */
enum {
	NR_EXIT = 1,
	NR_FORK = 2,
	NR_WRITE = 4,
	NR_OPEN = 5,
	NR_CLOSE = 6,
	NR_EXECVE = 11,
	NR_GETPID = 20,
	NR_GETPPID = 64,
	NR_READLINK = 85,
	NR_WAIT4 = 114,
	NR_GETTID = 224,
#ifdef __arm__
	NR_OPENAT = 322,
#else
	NR_OPENAT = 295,
#endif
};

#define AT_FDCWD (-100)

static long syscall4(long nr, long a, long b, long c, long d)
{
#ifdef __arm__
	register long r0 asm("r0") = a, r1 asm("r1") = b, r2 asm("r2") = c, r3 asm("r3") = d;
	register long r7 asm("r7") = nr;

	asm volatile("svc #0" : "+r"(r0) : "r"(r1), "r"(r2), "r"(r3), "r"(r7) : "memory");
	return r0;
#else
	long ret;

	asm volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d) : "memory");
	return ret;
#endif
}

static char line[16384];
static unsigned int line_len;

static void put(const char *s)
{
	while (*s && line_len < sizeof(line))
		line[line_len++] = *s++;
}

static void put_number(long n)
{
	char digits[16], *at = digits + sizeof(digits) - 1;
	unsigned long u = n < 0 ? -n : n;

	*at = 0;
	do {
		*--at = '0' + u % 10;
		u /= 10;
	} while (u);
	if (n < 0)
		*--at = '-';
	put(at);
}

static void put_field(const char *key, long n)
{
	put(",\"");
	put(key);
	put("\":");
	put_number(n);
}

static void put_path(const char *key, const char *s)
{
	char c[3] = { '\\', 0, 0 };

	put(",\"");
	put(key);
	put("\":\"");
	for (; *s; s++) {
		c[1] = *s;
		put(*s == '"' || *s == '\\' ? c : c + 1);
	}
	put("\"");
}

static void print(void)
{
	put("}\n");
	syscall4(NR_WRITE, 1, (long)line, line_len, 0);
	line_len = 0;
}

static int equal(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	return *a == *b;
}

static long number(const char *s)
{
	long n = 0;

	for (; *s >= '0' && *s <= '9'; s++)
		n = n * 10 + *s - '0';
	return n;
}

static int run_exec(long times)
{
	static char self[4096];
	char *argv[] = { "noop", "one", 0 }, *envp[] = { 0 };
	int status, failed = 0;
	long pid;

	if (syscall4(NR_READLINK, (long)"/proc/self/exe", (long)self, sizeof(self) - 1, 0) < 0)
		return 1;
	while (times-- > 0) {
		pid = syscall4(NR_FORK, 0, 0, 0, 0);
		if (!pid) {
			syscall4(NR_EXECVE, (long)self, (long)argv, (long)envp, 0);
			syscall4(NR_EXIT, 127, 0, 0, 0);
		}
		if (pid < 0 || syscall4(NR_WAIT4, pid, (long)&status, 0, 0) < 0)
			return 1;
		put("{\"what\":\"execve\",\"mode\":\"ia32\"");
		put_field("pid", pid);
		put_field("tid", pid);
		put_field("ppid", syscall4(NR_GETPID, 0, 0, 0, 0));
		put_path("path", self);
		put_path("exe", self);
		put(",\"argc\":2,\"args_bytes\":9,\"args\":[\"noop\",\"one\"]");
		put_field("ret", 0);
		put_field("errno", 0);
		put_field("status", status);
		print();
		failed |= status != 0;
	}
	return failed;
}

static void run_open(const char *call, const char *path, long times)
{
	int at = equal(call, "openat");
	long ret = 0, i;

	for (i = 0; i < times; i++) {
		ret = at ? syscall4(NR_OPENAT, AT_FDCWD, (long)path, 0, 0) :
			   syscall4(NR_OPEN, (long)path, 0, 0, 0);
		if (ret >= 0)
			syscall4(NR_CLOSE, ret, 0, 0, 0);
	}
	put("{\"what\":\"open\",\"call\":\"");
	put(call);
	put("\",\"mode\":\"ia32\"");
	put_field("pid", syscall4(NR_GETPID, 0, 0, 0, 0));
	put_field("tid", syscall4(NR_GETTID, 0, 0, 0, 0));
	put_field("ppid", syscall4(NR_GETPPID, 0, 0, 0, 0));
	put_path("given", path);
	put_field("flags_number", 0);
	put(",\"flags\":\"O_RDONLY\"");
	put_field("ret", ret);
	put_field("errno", ret < 0 ? -ret : 0);
	put_field("times", times);
	print();
}

static int run(int argc, char **argv)
{
	static const char usage[] = "ia32: exec [N], open PATH [N], or noop\n";
	const char *c;

	if (argc < 1 || equal(argv[0], "noop") || (argc > 1 && equal(argv[1], "noop")))
		return 0;
	if (argc > 1 && equal(argv[1], "exec"))
		return run_exec(argc > 2 ? number(argv[2]) : 1);
	if (argc > 2 && equal(argv[1], "open")) {
		for (c = argv[2]; *c >= ' ' && *c < 127; c++)
			;
		if (!*c && c - argv[2] < 4096) {
			run_open("open", argv[2], argc > 3 ? number(argv[3]) : 1);
			run_open("openat", argv[2], argc > 3 ? number(argv[3]) : 1);
			return 0;
		}
	}
	syscall4(NR_WRITE, 2, (long)usage, sizeof(usage) - 1, 0);
	return 2;
}

/* The stack at the start: argc, argv…, NULL, envp… */
__attribute__((used, noreturn)) static void start(long *stack)
{
	syscall4(NR_EXIT, run(stack[0], (char **)(stack + 1)), 0, 0, 0);
	for (;;)
		;
}

#ifdef __arm__
asm(".globl _start\n"
    "_start:\n"
    "	mov fp, #0\n"
    "	mov r0, sp\n"
    "	bic sp, sp, #7\n"
    "	bl start\n");
#else
asm(".globl _start\n"
    "_start:\n"
    "	xor %ebp, %ebp\n"
    "	mov %esp, %eax\n"
    "	and $-16, %esp\n"
    "	sub $12, %esp\n"
    "	push %eax\n"
    "	call start\n");
#endif
