/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// build: -m32 -static -nostdlib -ffreestanding -fno-pie -fno-stack-protector
/*
 * A 32-bit program (x86, or arm for arm64), without a C library or headers, that creates a
 * BPF map, loads a program that uses it, and one that is refused, by its own number of bpf(2).
 *
 * Prints JSON lines as bpf.h has them, with fewer facts.  On a kernel without 32-bit programs
 * it does not start at all (ENOEXEC: status 126 in a shell).  Exit status 77: no privilege.
 */

/* The numbers of arch/x86/entry/syscalls/syscall_32.tbl, or of arch/arm/tools/syscall.tbl. */
enum { NR_EXIT = 1, NR_WRITE = 4, NR_CLOSE = 6, NR_GETPID = 20, NR_GETTID = 224 };
#ifdef __arm__
enum { NR_BPF = 386 };
#else
enum { NR_BPF = 357 };
#endif

/* enum bpf_cmd, and two of the types */
enum { MAP_CREATE = 0, PROG_LOAD = 5, INFO_BY_FD = 15 };
enum { TYPE_ARRAY = 2, TYPE_SOCKET_FILTER = 1 };

typedef unsigned int u32;
typedef unsigned long long u64 __attribute__((aligned(8)));

/* The beginnings of those of linux/bpf.h. */
struct map_attr {
	u32 type, key_size, value_size, max_entries, flags, inner_fd, numa_node;
	char name[16];
};

struct prog_attr {
	u32 type, count;
	u64 insns, license;
	u32 log_level, log_size;
	u64 log;
	u32 kern_version, flags;
	char name[16];
};

struct info_attr {
	u32 fd, size;
	u64 info;
};

struct insn {
	unsigned char code, registers; /* destination in the lower half */
	short off;
	int imm;
};

static long syscall3(long nr, long a, long b, long c)
{
#ifdef __arm__
	register long r0 asm("r0") = a, r1 asm("r1") = b, r2 asm("r2") = c, r7 asm("r7") = nr;

	asm volatile("svc #0" : "+r"(r0) : "r"(r1), "r"(r2), "r"(r7) : "memory");
	return r0;
#else
	long ret;

	asm volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
	return ret;
#endif
}

static char line[4096], verifier_log[4096];
static u32 line_len;

static void put(const char *s)
{
	while (*s && line_len < sizeof(line))
		line[line_len++] = *s++;
}

static void put_field(const char *key, long n)
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
	put(",\"");
	put(key);
	put("\":");
	put(at);
}

static void put_string(const char *key, const char *s)
{
	put(",\"");
	put(key);
	put("\":\"");
	put(s);
	put("\"");
}

static void start_line(const char *step, const char *call, long ret)
{
	put("{\"case\":\"ia32\"");
	put_string("step", step);
	put_string("call", call);
	put_field("pid", syscall3(NR_GETPID, 0, 0, 0));
	put_field("tid", syscall3(NR_GETTID, 0, 0, 0));
	put_field("ret", ret);
	put_field("errno", ret < 0 ? -ret : 0);
}

static void end_line(void)
{
	put("}\n");
	syscall3(NR_WRITE, 1, (long)line, line_len);
	line_len = 0;
}

static void copy_name(char *to, const char *name)
{
	while (*name)
		*to++ = *name++;
}

/* The second number of what the kernel says about a map or a program is its own; a
 * program's tag follows. */
static u32 object_id(long fd, u32 *info)
{
	struct info_attr attr = { .fd = fd, .size = 16, .info = (u32)info };

	return syscall3(NR_BPF, INFO_BY_FD, (long)&attr, sizeof(attr)) < 0 ? 0 : info[1];
}

static long load(const char *step, const char *name, const struct insn *insns, u32 count)
{
	static const char hex[] = "0123456789abcdef";
	struct prog_attr attr = {
		.type = TYPE_SOCKET_FILTER,
		.count = count,
		.insns = (u32)insns,
		.license = (u32) "GPL",
		.log_level = 1,
		.log_size = sizeof(verifier_log),
		.log = (u32)verifier_log,
	};
	u32 info[4], i, last = 0;
	char tag[17] = { 0 };
	long ret;

	copy_name(attr.name, name);
	ret = syscall3(NR_BPF, PROG_LOAD, (long)&attr, sizeof(attr));
	start_line(step, "BPF_PROG_LOAD", ret);
	put_string("type", "socket_filter");
	put_string("name", name);
	put_field("insns", count);
	put_field("log_level", 1);
	if (ret >= 0) {
		put_field("prog_id", object_id(ret, info));
		for (i = 0; i < 8; i++) {
			unsigned char c = ((unsigned char *)(info + 2))[i];

			tag[2 * i] = hex[c >> 4];
			tag[2 * i + 1] = hex[c & 15];
		}
		put_string("tag", tag);
	} else { /* the line before the statistics */
		for (i = 0; verifier_log[i]; i++) {
			if (verifier_log[i] != '\n')
				continue;
			verifier_log[i] = 0;
			if (verifier_log[i + 1] && verifier_log[i + 1] != 'p')
				last = i + 1;
		}
		put_string("log_last", verifier_log + last);
	}
	end_line();
	return ret;
}

static void end(const char *step, const char *key, long fd)
{
	u32 info[4], id = object_id(fd, info);

	start_line(step, "close", syscall3(NR_CLOSE, fd, 0, 0));
	put_field(key, id);
	end_line();
}

static int run(void)
{
	struct map_attr attr = {
		.type = TYPE_ARRAY,
		.key_size = 4,
		.value_size = 8,
		.max_entries = 32,
		.name = "w32_map",
	};
	struct insn insns[] = {
		{ 0x18, 0x11, 0, 0 },
		{ 0, 0, 0, 0 },	       /* r1 = map */
		{ 0xb7, 0x00, 0, 32 }, /* r0 = 32 */
		{ 0x95, 0x00, 0, 0 },  /* exit */
	};
	const struct insn refused[] = { { 0xbf, 0x50, 0, 0 }, { 0x95, 0, 0, 0 } }; /* r0 = r5 */
	long map, prog, bad;
	u32 info[4];

	map = syscall3(NR_BPF, MAP_CREATE, (long)&attr, sizeof(attr));
	if (map == -1) { /* EPERM */
		static const char text[] = "bpf-32: needs root\n";

		syscall3(NR_WRITE, 2, (long)text, sizeof(text) - 1);
		return 77;
	}
	start_line("map_create", "BPF_MAP_CREATE", map);
	put_string("type", "array");
	put_string("name", attr.name);
	put_field("max_entries", attr.max_entries);
	if (map >= 0)
		put_field("map_id", object_id(map, info));
	end_line();
	insns[0].imm = map;
	prog = load("load", "w32_prog", insns, 4);
	bad = load("load_refused", "w32_refused", refused, 2);
	if (map >= 0)
		end("map_close", "map_id", map);
	if (prog >= 0)
		end("unload", "prog_id", prog);
	if (map >= 0 && prog >= 0 && bad < 0)
		return 0;
	static const char text[] = "bpf-32: a call had not the result that it should have\n";

	syscall3(NR_WRITE, 2, (long)text, sizeof(text) - 1);
	return 1;
}

__attribute__((used, noreturn)) static void start(void)
{
	syscall3(NR_EXIT, run(), 0, 0);
	for (;;)
		;
}

#ifdef __arm__
asm(".globl _start\n"
    "_start:\n"
    "	mov fp, #0\n"
    "	bic sp, sp, #7\n"
    "	bl start\n");
#else
asm(".globl _start\n"
    "_start:\n"
    "	xor %ebp, %ebp\n"
    "	and $-16, %esp\n"
    "	call start\n");
#endif
