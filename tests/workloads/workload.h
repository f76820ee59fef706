/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the workloads share: JSON lines, temporary files, options, skipping.
 *
 * A workload prints one JSON object for each thing it did.  The output is plain
 * ASCII.  A string that is no valid UTF-8 comes in its \ufffd form (one for each
 * maximal ill-formed subpart, as Unicode recommends), with the exact bytes in
 * KEY_hex, as the tools print it: compare `.KEY_hex // .KEY`.
 *
 * Exit status: 0 all went as intended, 1 something did not, 2 bad command line,
 * 77 this kernel or this user cannot do it (one line on standard error).
 */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#ifndef _GNU_SOURCE
#error "define _GNU_SOURCE before including workload.h"
#endif

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAYBE_UNUSED  __attribute__((unused))
#define NORETURN      __attribute__((noreturn))
#define PRINTF(n)     __attribute__((format(printf, n, (n) + 1)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const char *program = "workload";
static bool failed; /* something did not go as intended: exit status 1 */

/* ---- ends ---- */

MAYBE_UNUSED PRINTF(1) NORETURN static void die(const char *format, ...)
{
	int err = errno;
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "%s: ", program);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, ": %s\n", strerror(err));
	exit(1);
}

MAYBE_UNUSED PRINTF(1) NORETURN static void skip(const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "%s: ", program);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(77);
}

MAYBE_UNUSED PRINTF(1) NORETURN static void usage_error(const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", program);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

/* Says that something went otherwise than intended, and goes on. */
MAYBE_UNUSED PRINTF(1) static void unexpected(const char *format, ...)
{
	va_list ap;

	failed = true;
	fprintf(stderr, "%s: unexpected: ", program);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* Ends a forked child: its output, but not its parent's cleanup. */
MAYBE_UNUSED NORETURN static void child_exit(void)
{
	fflush(stdout);
	_exit(failed);
}

MAYBE_UNUSED static pid_t thread_id(void)
{
	return syscall(SYS_gettid);
}

MAYBE_UNUSED static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

MAYBE_UNUSED static void *allocate(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		die("%zu bytes", size);
	return p;
}

MAYBE_UNUSED static char *duplicate(const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(allocate(size), s, size);
}

MAYBE_UNUSED PRINTF(1) static char *format(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		die("format");
	va_end(ap);
	return s;
}

MAYBE_UNUSED static long parse_number(const char *what, const char *text, long min, long max)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < min || n > max)
		usage_error("%s: no number from %ld to %ld: %s", what, min, max, text);
	return n;
}

/* ---- JSON ---- */

struct json {
	char *buf;
	size_t len, size;
};

MAYBE_UNUSED static void json_raw(struct json *j, const char *bytes, size_t len)
{
	if (j->len + len + 1 > j->size) {
		j->size = 2 * (j->len + len + 1);
		j->buf = realloc(j->buf, j->size);
		if (!j->buf)
			die("%zu bytes", j->size);
	}
	memcpy(j->buf + j->len, bytes, len);
	j->len += len;
}

MAYBE_UNUSED PRINTF(2) static void json_format(struct json *j, const char *fmt, ...)
{
	char text[128];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_raw(j, text, n);
}

MAYBE_UNUSED static void json_key(struct json *j, const char *key)
{
	json_format(j, "%c\"%s\":", j->len ? ',' : '{', key);
}

/* Decodes one character of well-formed UTF-8 (Unicode, table 3-7).  Returns its
 * length; or 0, with the length of the maximal ill-formed subpart in *bad*. */
MAYBE_UNUSED static size_t utf8_decode(const unsigned char *s, size_t len, uint32_t *c, size_t *bad)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t need, i;

	*bad = 1;
	if (s[0] < 0x80) {
		*c = s[0];
		return 1;
	} else if (s[0] >= 0xc2 && s[0] <= 0xdf) {
		need = 2;
		*c = s[0] & 0x1f;
	} else if (s[0] >= 0xe0 && s[0] <= 0xef) {
		need = 3;
		*c = s[0] & 0x0f;
		if (s[0] == 0xe0)
			low = 0xa0;
		if (s[0] == 0xed)
			high = 0x9f;
	} else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		need = 4;
		*c = s[0] & 0x07;
		if (s[0] == 0xf0)
			low = 0x90;
		if (s[0] == 0xf4)
			high = 0x8f;
	} else {
		return 0;
	}
	for (i = 1; i < need; i++) {
		if (i >= len || s[i] < low || s[i] > high) {
			*bad = i;
			return 0;
		}
		*c = *c << 6 | (s[i] & 0x3f);
		low = 0x80;
		high = 0xbf;
	}
	return need;
}

/* Returns whether the bytes were valid UTF-8. */
MAYBE_UNUSED static bool json_quote(struct json *j, const void *bytes, size_t len)
{
	const unsigned char *s = bytes;
	bool valid = true;
	size_t n, bad;
	uint32_t c;

	json_raw(j, "\"", 1);
	while (len) {
		n = utf8_decode(s, len, &c, &bad);
		if (!n) {
			valid = false;
			c = 0xfffd;
			n = bad;
		}
		if (c == '"' || c == '\\')
			json_format(j, "\\%c", c);
		else if (c >= 0x20 && c < 0x7f)
			json_raw(j, (const char *)s, 1);
		else if (c < 0x10000)
			json_format(j, "\\u%04x", c);
		else
			json_format(j, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
				    0xdc00 + ((c - 0x10000) & 0x3ff));
		s += n;
		len -= n;
	}
	json_raw(j, "\"", 1);
	return valid;
}

MAYBE_UNUSED static void json_hex(struct json *j, const void *bytes, size_t len)
{
	const unsigned char *s = bytes;

	json_raw(j, "\"", 1);
	while (len--)
		json_format(j, "%02x", *s++);
	json_raw(j, "\"", 1);
}

/* A NULL string is null. */
MAYBE_UNUSED static void json_string(struct json *j, const char *key, const char *s)
{
	json_key(j, key);
	if (!s) {
		json_format(j, "null");
		return;
	}
	if (!json_quote(j, s, strlen(s))) {
		json_format(j, ",\"%s_hex\":", key);
		json_hex(j, s, strlen(s));
	}
}

MAYBE_UNUSED static void json_number(struct json *j, const char *key, long long n)
{
	json_key(j, key);
	json_format(j, "%lld", n);
}

MAYBE_UNUSED static void json_bool(struct json *j, const char *key, bool b)
{
	json_key(j, key);
	json_format(j, "%s", b ? "true" : "false");
}

/* If one string is no valid UTF-8, KEY_hex has all of them. */
MAYBE_UNUSED static void json_strings(struct json *j, const char *key, char *const *strings)
{
	bool valid = true;
	size_t i;

	json_key(j, key);
	json_raw(j, "[", 1);
	for (i = 0; strings[i]; i++) {
		if (i)
			json_raw(j, ",", 1);
		if (!json_quote(j, strings[i], strlen(strings[i])))
			valid = false;
	}
	json_raw(j, "]", 1);
	if (valid)
		return;
	json_format(j, ",\"%s_hex\":[", key);
	for (i = 0; strings[i]; i++) {
		if (i)
			json_raw(j, ",", 1);
		json_hex(j, strings[i], strlen(strings[i]));
	}
	json_raw(j, "]", 1);
}

MAYBE_UNUSED static const char *errno_name(int err)
{
	static const struct {
		int err;
		const char *name;
	} names[] = {
#define NAME(e) { e, #e }
		NAME(EPERM),   NAME(ENOENT),	   NAME(EIO),	  NAME(ENXIO),	NAME(E2BIG),
		NAME(ENOEXEC), NAME(EBADF),	   NAME(EAGAIN),  NAME(ENOMEM), NAME(EACCES),
		NAME(EFAULT),  NAME(ENOTBLK),	   NAME(EBUSY),	  NAME(EEXIST), NAME(EXDEV),
		NAME(ENODEV),  NAME(ENOTDIR),	   NAME(EISDIR),  NAME(EINVAL), NAME(ENFILE),
		NAME(EMFILE),  NAME(ENOTTY),	   NAME(ETXTBSY), NAME(EFBIG),	NAME(ENOSPC),
		NAME(EROFS),   NAME(ENAMETOOLONG), NAME(ENOSYS),  NAME(ELOOP),	NAME(EOPNOTSUPP),
		NAME(EINTR),   NAME(EOVERFLOW),
#undef NAME
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].err == err)
			return names[i].name;
	return NULL;
}

/* ret as the kernel returned it (a value, or -errno), errno and its name. */
MAYBE_UNUSED static void json_result(struct json *j, long ret)
{
	json_number(j, "ret", ret);
	json_number(j, "errno", ret < 0 ? -ret : 0);
	if (ret < 0)
		json_string(j, "error", errno_name(-ret));
}

/* Prints the object as one line and frees it. */
MAYBE_UNUSED static void json_print(struct json *j)
{
	json_raw(j, "}\n", 2);
	if (fwrite(j->buf, 1, j->len, stdout) != j->len)
		exit(1);
	free(j->buf);
	memset(j, 0, sizeof(*j));
}

/* ---- temporary files, removed at the end without opening anything ---- */

struct temp {
	struct temp *next;
	size_t base; /* parents down to this length are removed as well */
	char path[];
};

static struct temp *temps;
static pid_t temp_owner;
static char *temp_base;

MAYBE_UNUSED static void temp_remove(void)
{
	struct temp *t;
	char *slash;

	if (getpid() != temp_owner)
		return;
	if (chdir("/") < 0)
		return;
	for (t = temps; t; t = t->next) {
		if (unlink(t->path) < 0)
			rmdir(t->path);
		while ((slash = strrchr(t->path, '/')) && (size_t)(slash - t->path) > t->base) {
			*slash = 0;
			rmdir(t->path);
		}
	}
}

MAYBE_UNUSED static void temp_signal(int sig)
{
	temp_remove();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Remembers a path to remove, before those remembered earlier.  With a *base*,
 * its parents too, as long as they are longer than that. */
MAYBE_UNUSED static const char *temp_note(const char *path, size_t base)
{
	size_t len = strlen(path);
	struct temp *t = allocate(sizeof(*t) + len + 1);

	memcpy(t->path, path, len + 1);
	t->base = base ? base : len;
	t->next = temps;
	temps = t;
	return t->path;
}

/* The directory for this run's files: absolute, without symlinks. */
MAYBE_UNUSED static const char *temp_dir(void)
{
	const char *const places[] = { getenv("TMPDIR"), "/tmp", "/var/tmp", "/dev/shm", "." };
	const int signals[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE };
	char real[PATH_MAX];
	char *path;
	size_t i;

	if (temp_base)
		return temp_base;
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		if (!places[i] || !realpath(places[i], real))
			continue;
		path = format("%s/workload.XXXXXX", strcmp(real, "/") ? real : "");
		if (mkdtemp(path)) {
			temp_base = path;
			break;
		}
		free(path);
	}
	if (!temp_base)
		die("no directory for temporary files");
	if (chmod(temp_base, 0755) < 0)
		die("%s", temp_base);
	temp_owner = getpid();
	temp_note(temp_base, 0);
	atexit(temp_remove);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i], temp_signal);
	return temp_base;
}

/* The absolute path of *name* in the directory for this run's files. */
MAYBE_UNUSED static char *temp_path(const char *name)
{
	return format("%s/%s", temp_dir(), name);
}

MAYBE_UNUSED static const char *temp_mkdir(const char *path)
{
	if (mkdir(path, 0755) < 0)
		die("%s", path);
	return temp_note(path, 0);
}

MAYBE_UNUSED static const char *temp_symlink(const char *target, const char *path)
{
	if (symlink(target, path) < 0)
		die("%s", path);
	return temp_note(path, 0);
}

/* Makes a directory whose absolute path has *len* bytes, from components of
 * *component* bytes.  Returns its path. */
MAYBE_UNUSED static const char *temp_mkdir_deep(size_t len, size_t component, char fill)
{
	size_t base = strlen(temp_dir());
	char path[PATH_MAX];
	size_t n, at = base;

	if (len >= sizeof(path) || len < base + 2)
		die("no path of %zu bytes", len);
	memcpy(path, temp_base, base + 1);
	while (at < len) {
		n = len - at - 1;
		if (n > component) /* never leave one byte: it takes a name after the slash */
			n = len - at - 1 - component == 1 && component > 1 ? component - 1 :
									     component;
		path[at] = '/';
		memset(path + at + 1, fill, n);
		at += n + 1;
		path[at] = 0;
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			die("mkdir of a path of %zu bytes", at);
		if (len - at == 1)
			break;
	}
	return temp_note(path, base);
}

/* An open that only prepares: reported as such if *setup_reported* is set, so
 * that a test can account for every open of the process. */
static bool setup_reported;

MAYBE_UNUSED static int setup_open(const char *path, int flags, mode_t mode)
{
	int fd = syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	struct json j = {};

	if (fd < 0)
		die("%s", path);
	if (setup_reported) {
		json_string(&j, "what", "setup");
		json_string(&j, "call", "openat");
		json_number(&j, "pid", getpid());
		json_number(&j, "tid", thread_id());
		json_string(&j, "given", path);
		json_result(&j, fd);
		json_print(&j);
	}
	return fd;
}

MAYBE_UNUSED static void write_all(int fd, const void *data, size_t len)
{
	const char *at = data;
	ssize_t n;

	for (; len; at += n, len -= n) {
		n = write(fd, at, len);
		if (n < 0)
			die("write");
	}
}

MAYBE_UNUSED static const char *temp_file(const char *path, mode_t mode, const void *data,
					  size_t len)
{
	int fd = setup_open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);

	path = temp_note(path, 0);
	write_all(fd, data, len);
	if (fchmod(fd, mode) < 0)
		die("%s", path);
	close(fd);
	return path;
}

/* ---- the program itself ---- */

MAYBE_UNUSED static const char *self_path(void)
{
	static char path[PATH_MAX];
	ssize_t n;

	if (path[0])
		return path;
	n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (n < 0)
		die("/proc/self/exe");
	path[n] = 0;
	return path;
}

/* Writes a copy of the running program to *fd*. */
MAYBE_UNUSED static void self_copy(int fd)
{
	int self = setup_open("/proc/self/exe", O_RDONLY | O_CLOEXEC, 0);
	char buf[65536];
	ssize_t n;

	while ((n = read(self, buf, sizeof(buf))) > 0)
		write_all(fd, buf, n);
	if (n < 0)
		die("%s", self_path());
	close(self);
}

MAYBE_UNUSED static const char *temp_self(const char *path)
{
	int fd = setup_open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0755);

	path = temp_note(path, 0);
	self_copy(fd);
	if (fchmod(fd, 0755) < 0)
		die("%s", path);
	close(fd);
	return path;
}

/* Whether this process was started as the program that does nothing. */
MAYBE_UNUSED static bool is_noop(int argc, char **argv)
{
	const char *slash;

	if (!argc || !argv[0][0])
		return true;
	slash = strrchr(argv[0], '/');
	return !strcmp(slash ? slash + 1 : argv[0], "noop") ||
	       (argc > 1 && !strcmp(argv[1], "noop"));
}

/* One command of bpf(2), for a path: BPF_OBJ_GET of a file that is not there. */
MAYBE_UNUSED static void ask_bpf(const char *path)
{
	struct {
		uint64_t pathname;
		uint32_t bpf_fd, file_flags;
	} attr = { .pathname = (uintptr_t)path };

	if (*path == '/')
		syscall(SYS_bpf, 7, &attr, sizeof(attr));
}

#endif
