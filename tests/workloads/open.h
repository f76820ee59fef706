/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the workloads that open files share: names of flags and types, the calls
 * themselves (never through the C library, which changes call and flags), and the
 * report of what was opened.
 */
#ifndef OPEN_H
#define OPEN_H

#include "workload.h"

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

/* struct open_how of linux/openat2.h */
struct how {
	uint64_t flags, mode, resolve;
};

struct flag {
	const char *name;
	uint64_t value;
};

#define FLAG(f)       \
	{             \
#f, f \
	}
static const struct flag open_flags[] = {
	{ "O_RDONLY", 0 },
	FLAG(O_WRONLY),
	FLAG(O_RDWR),
	/* Those made of several bits come before their parts. */
	FLAG(O_SYNC),
	FLAG(O_DSYNC),
	FLAG(O_TMPFILE),
	FLAG(O_DIRECTORY),
	FLAG(O_CREAT),
	FLAG(O_EXCL),
	FLAG(O_NOCTTY),
	FLAG(O_TRUNC),
	FLAG(O_APPEND),
	FLAG(O_NONBLOCK),
	FLAG(O_ASYNC),
	FLAG(O_DIRECT),
	FLAG(O_NOFOLLOW),
	FLAG(O_NOATIME),
	FLAG(O_CLOEXEC),
	FLAG(O_PATH),
	{ "O_LARGEFILE", 0100000 },
};
#undef FLAG

static const struct flag resolve_flags[] = {
	{ "RESOLVE_NO_XDEV", 0x01 },	 { "RESOLVE_NO_MAGICLINKS", 0x02 },
	{ "RESOLVE_NO_SYMLINKS", 0x04 }, { "RESOLVE_BENEATH", 0x08 },
	{ "RESOLVE_IN_ROOT", 0x10 },	 { "RESOLVE_CACHED", 0x20 },
};

/* Names joined by | or comma, or a number.  Exits if there is no such name. */
MAYBE_UNUSED static uint64_t parse_flags(const char *text, const struct flag *known, size_t count)
{
	char *copy = duplicate(text), *name, *end;
	uint64_t value = 0, number;
	size_t i;

	for (name = strtok(copy, "|,"); name; name = strtok(NULL, "|,")) {
		number = strtoull(name, &end, 0);
		if (end != name && !*end) {
			value |= number;
			continue;
		}
		for (i = 0; i < count && strcmp(known[i].name, name); i++)
			;
		if (i == count)
			usage_error("no such flag: %s", name);
		value |= known[i].value;
	}
	free(copy);
	return value;
}

/* "O_WRONLY|O_CREAT": the access mode first, the others in the order above. */
MAYBE_UNUSED static void json_flags(struct json *j, uint64_t flags)
{
	char text[512];
	size_t i, len;

	len = snprintf(text, sizeof(text), "%s",
		       (flags & O_ACCMODE) == O_WRONLY ? "O_WRONLY" :
		       (flags & O_ACCMODE) == O_RDWR   ? "O_RDWR" :
		       (flags & O_ACCMODE) == O_RDONLY ? "O_RDONLY" :
							 "O_ACCMODE");
	json_number(j, "flags_number", flags);
	flags &= ~(uint64_t)O_ACCMODE;
	for (i = 3; i < ARRAY_SIZE(open_flags); i++) {
		if ((flags & open_flags[i].value) != open_flags[i].value)
			continue;
		len += snprintf(text + len, sizeof(text) - len, "|%s", open_flags[i].name);
		flags &= ~open_flags[i].value;
	}
	if (flags)
		snprintf(text + len, sizeof(text) - len, "|0x%llx", (unsigned long long)flags);
	json_string(j, "flags", text);
}

MAYBE_UNUSED static const char *type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "dir";
	case S_IFCHR:
		return "chr";
	case S_IFBLK:
		return "blk";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "sock";
	case S_IFLNK:
		return "lnk";
	default:
		return "other"; /* anonymous inodes have none */
	}
}

/* What an open file is, asked from the kernel by ways other than tracing. */
struct opened {
	bool known;
	struct stat st;
	char path[PATH_MAX + 16]; /* "" if the kernel would not say */
};

/* *fd_dir* is /proc/self/fd, opened before a chroot; -1: by name. */
MAYBE_UNUSED static void opened_fill(struct opened *o, int fd, int fd_dir)
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), fd_dir < 0 ? "/proc/self/fd/%d" : "%d", fd);
	n = readlinkat(fd_dir < 0 ? AT_FDCWD : fd_dir, link, o->path, sizeof(o->path) - 1);
	o->path[n < 0 ? 0 : n] = 0;
	o->known = !fstat(fd, &o->st);
}

MAYBE_UNUSED static void json_opened(struct json *j, const struct opened *o)
{
	char dev[32];

	json_string(j, "path", o->path[0] ? o->path : NULL);
	if (!o->known)
		return;
	snprintf(dev, sizeof(dev), "%u:%u", major(o->st.st_dev), minor(o->st.st_dev));
	json_string(j, "dev", dev);
	json_number(j, "dev_major", major(o->st.st_dev));
	json_number(j, "dev_minor", minor(o->st.st_dev));
	json_number(j, "ino", o->st.st_ino);
	json_string(j, "type", type_name(o->st.st_mode));
}

MAYBE_UNUSED static long call_openat(int dirfd, const char *path, uint64_t flags, mode_t mode)
{
	long fd = syscall(SYS_openat, dirfd, path, (int)flags, mode);

	return fd < 0 ? -errno : fd;
}

/* ---- 32-bit calls ---- */

#ifdef __x86_64__
static long int80(long nr, long a, long b, long c, long d)
{
	int ret;

	asm volatile("int $0x80"
		     : "=a"(ret)
		     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d)
		     : "memory", "r8", "r9", "r10", "r11", "cc");
	return ret;
}

/* Without IA32 emulation int 0x80 is a general protection fault. */
MAYBE_UNUSED static void int80_check(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(int80(20 /* getpid */, 0, 0, 0, 0) != getpid());
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		die("fork");
	if (status)
		skip("this kernel takes no 32-bit calls (CONFIG_IA32_EMULATION, ia32_emulation=)");
}

/* Memory that a 32-bit call can point to. */
MAYBE_UNUSED static void *allocate_low(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
		       -1, 0);

	if (p == MAP_FAILED)
		die("mmap below 4 GiB");
	return p;
}
#else
MAYBE_UNUSED static long int80(long nr, long a, long b, long c, long d)
{
	(void)nr, (void)a, (void)b, (void)c, (void)d;
	return -ENOSYS;
}

MAYBE_UNUSED static void int80_check(void)
{
	skip("int 0x80 is for x86-64");
}

MAYBE_UNUSED static void *allocate_low(size_t size)
{
	return allocate(size);
}
#endif

#endif
