/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// build: -static -pthread
/*
 * Opens files in ways that are hard to trace, and prints one JSON line for each:
 * {"what":"open","mode":"bind","way":"dir","given":…,"ret":3,"times":1,"path":…,…}.
 *
 *   open-cases burst   [--threads T] [--unique] [--prefix PATH]
 *                      failing opens as fast as possible, N in all (20000)
 *   open-cases symlink   chain dotdot magic nofollow dangling loop
 *   open-cases chroot    inside a chroot: path is the inner one, path_outside the other
 *   open-cases bind      dir file tmpfs, in a private mount namespace
 *   open-cases cwd       deleted dot dotdot renamed
 *   open-cases deep      long-names short-names missing beyond too-long name-too-long
 *   open-cases types     path fifo chr dir lnk proc pipe memfd tmpfile unlinked
 *   open-cases fail      ENOENT ENOTDIR EISDIR EEXIST EMFILE EFAULT EINVAL ENXIO
 *                        ENXIO-socket EBADF
 *   open-cases latency   [--delay MS]  fifo interrupted: blocks for that long (50)
 *   open-cases hostile   file names with every kind of hostile byte, there and missing
 *
 * Behind the mode, the names of those wanted (all).  --times N: each N times.
 *
 * path is what the kernel calls the open file, checked against how it was made; if
 * the open failed, as given.  given, with cwd if it is relative, is what was asked
 * for (null: a bad pointer).  Where the whole path is too long for the kernel to
 * tell, path is null and path_made has it.
 * lat_ns is the call's time as the caller saw it, the shortest of the N times.
 * Lines with "what":"setup" tell of opens that prepare.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "open.h"

static const char *mode;
static char **wanted;
static long times = -1, threads = 1, delay_ms = 50;
static const char *prefix;
static bool unique;

static bool want(const char *way)
{
	char **w = wanted;

	if (!*w)
		return true;
	for (; *w; w++)
		if (!strcmp(*w, way))
			return true;
	return false;
}

struct open_case {
	const char *way, *given;
	const char *path;    /* expected; NULL: whatever the kernel says */
	const char *outside; /* seen from outside the chroot */
	const char *bad;     /* pass this pointer instead */
	uint64_t flags;
	mode_t mode;
	int dirfd;	  /* 0: AT_FDCWD */
	int fd_dir;	  /* 0: /proc/self/fd by name */
	int err;	  /* expected */
	bool may_fail;	  /* some filesystems do not have it */
	bool path_unseen; /* too long for the kernel to tell */
	long delay_ns;
	pthread_barrier_t *gate; /* wait there before each call */
};

static void open_case(const struct open_case *c)
{
	static struct opened o;
	uint64_t before, took, shortest = UINT64_MAX;
	int dirfd = c->dirfd ? c->dirfd : AT_FDCWD;
	long ret = 0, i;
	char cwd[PATH_MAX];
	struct json j = {};

	if (!want(c->way))
		return;
	for (i = 0; i < times; i++) {
		if (c->gate)
			pthread_barrier_wait(c->gate);
		before = clock_ns(CLOCK_MONOTONIC);
		ret = call_openat(dirfd, c->bad ? c->bad : c->given, c->flags, c->mode);
		took = clock_ns(CLOCK_MONOTONIC) - before;
		if (took < shortest)
			shortest = took;
		if (ret >= 0) {
			opened_fill(&o, ret, c->fd_dir ? c->fd_dir : -1);
			close(ret);
			if (c->path_unseen)
				snprintf(o.path, sizeof(o.path), "%s", "");
			else if (c->path && strcmp(c->path, o.path))
				unexpected("%s %s: the kernel calls it %s", mode, c->way, o.path);
		}
		if (ret < 0 && c->may_fail)
			continue;
		if (ret != (c->err ? -c->err : ret < 0 ? 0 : ret))
			unexpected("%s %s: %s", mode, c->way, ret < 0 ? strerror(-ret) : "opened");
	}
	json_string(&j, "what", "open");
	json_string(&j, "call", "openat");
	json_string(&j, "mode", mode);
	json_string(&j, "way", c->way);
	json_number(&j, "pid", getpid());
	json_number(&j, "tid", thread_id());
	json_number(&j, "ppid", getppid());
	json_string(&j, "given", c->bad ? NULL : c->given);
	if (!c->bad && c->given[0] != '/')
		json_string(&j, "cwd", getcwd(cwd, sizeof(cwd)));
	json_flags(&j, c->flags);
	json_result(&j, ret);
	json_number(&j, "times", times);
	json_number(&j, "lat_ns", times ? shortest : 0);
	if (c->delay_ns)
		json_number(&j, "delay_ns", c->delay_ns);
	if (ret >= 0) {
		json_opened(&j, &o);
		if (c->path_unseen)
			json_string(&j, "path_made", c->path);
	} else {
		json_string(&j, "path", c->bad ? NULL : c->given);
	}
	if (c->outside)
		json_string(&j, "path_outside", c->outside);
	json_print(&j);
}

/* For what must not change this process: its root, its mounts, its directory. */
static void in_child(void (*work)(const char *), const char *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		work(arg);
		child_exit();
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		die("fork");
	if (!WIFEXITED(status))
		unexpected("%s: wait status 0x%x", mode, status);
	else if (WEXITSTATUS(status) == 77)
		exit(77);
	else if (status)
		failed = true;
}

/* ---- burst ---- */

struct burst {
	pthread_t thread;
	pthread_barrier_t *start;
	long index, times, ret;
	uint64_t ns;
	pid_t tid;
};

static void *burst_work(void *arg)
{
	struct burst *b = arg;
	char path[PATH_MAX];
	uint64_t before;
	long i;

	b->tid = thread_id();
	pthread_barrier_wait(b->start);
	before = clock_ns(CLOCK_MONOTONIC);
	for (i = 0; i < b->times; i++) {
		if (unique)
			snprintf(path, sizeof(path), "%s-%ld-%06ld", prefix, b->index, i);
		b->ret = call_openat(AT_FDCWD, unique ? path : prefix, O_RDONLY, 0);
		if (b->ret >= 0) {
			unexpected("burst: %s is there", unique ? path : prefix);
			close(b->ret);
		}
	}
	b->ns = clock_ns(CLOCK_MONOTONIC) - before;
	return NULL;
}

/* With --unique the names are PREFIX-THREAD-NUMBER: two numbers from 0, the
 * second with six digits. */
static void mode_burst(void)
{
	struct burst *all = allocate(threads * sizeof(*all));
	pthread_barrier_t start;
	struct json j = {};
	long i;

	if (!prefix)
		prefix = "/nonexistent/burst";
	pthread_barrier_init(&start, NULL, threads);
	for (i = 0; i < threads; i++) {
		all[i].index = i;
		all[i].start = &start;
		all[i].times = times / threads + (i < times % threads);
		if (threads == 1) {
			burst_work(&all[i]);
			break;
		}
		errno = pthread_create(&all[i].thread, NULL, burst_work, &all[i]);
		if (errno)
			die("pthread_create");
	}
	for (i = 0; i < threads; i++) {
		if (threads > 1)
			pthread_join(all[i].thread, NULL);
		json_string(&j, "what", "open");
		json_string(&j, "call", "openat");
		json_string(&j, "mode", mode);
		json_number(&j, "thread", i);
		json_number(&j, "pid", getpid());
		json_number(&j, "tid", all[i].tid);
		json_string(&j, "given", unique ? format("%s-%ld-", prefix, i) : prefix);
		json_bool(&j, "unique", unique);
		json_result(&j, all[i].ret);
		json_number(&j, "times", all[i].times);
		json_number(&j, "elapsed_ns", all[i].ns);
		json_print(&j);
	}
}

/* ---- the others ---- */

static void mode_symlink(void)
{
	const char *dir = temp_mkdir(temp_path("real"));
	const char *file = temp_file(format("%s/file", dir), 0644, "x", 1);
	int fd;

	temp_symlink("real", temp_path("first"));
	temp_symlink(temp_path("first"), temp_path("second"));
	open_case(&(struct open_case){
		.way = "chain", .given = temp_path("second/file"), .path = file });
	if (chdir(temp_dir()) < 0)
		die("%s", temp_dir());
	open_case(&(struct open_case){
		.way = "dotdot", .given = "second/.././/real/../first/file", .path = file });
	fd = setup_open(file, O_RDONLY | O_CLOEXEC, 0);
	open_case(&(struct open_case){
		.way = "magic", .given = format("/proc/self/fd/%d", fd), .path = file });
	close(fd);
	open_case(&(struct open_case){
		.way = "nofollow", .given = temp_path("first"), .flags = O_NOFOLLOW, .err = ELOOP });
	open_case(&(struct open_case){ .way = "dangling",
				       .given = temp_symlink("nowhere", temp_path("dangling")),
				       .err = ENOENT });
	open_case(&(struct open_case){
		.way = "loop", .given = temp_symlink("loop", temp_path("loop")), .err = ELOOP });
}

static void chroot_child(const char *root)
{
	/* A magic link tells a path as seen from the reader's root. */
	int fd_dir = setup_open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);

	if (chroot(root) < 0 || chdir("/dir") < 0)
		die("chroot");
	open_case(&(struct open_case){ .way = "absolute",
				       .given = "/x",
				       .path = "/x",
				       .outside = format("%s/x", root),
				       .fd_dir = fd_dir });
	open_case(&(struct open_case){ .way = "relative",
				       .given = "../../x",
				       .path = "/x",
				       .outside = format("%s/x", root),
				       .fd_dir = fd_dir });
	open_case(&(struct open_case){
		.way = "root", .given = "/", .path = "/", .outside = root, .fd_dir = fd_dir });
	open_case(&(struct open_case){ .way = "missing",
				       .given = "/missing",
				       .err = ENOENT,
				       .outside = format("%s/missing", root) });
}

static void mode_chroot(void)
{
	const char *root;

	if (geteuid())
		skip("chroot needs root");
	root = temp_mkdir(temp_path("root"));
	temp_file(format("%s/x", root), 0644, "x", 1);
	temp_mkdir(format("%s/dir", root));
	in_child(chroot_child, root);
}

static void bind_child(const char *dir)
{
	const char *source = format("%s/source", dir), *target = format("%s/target", dir);
	const char *file = format("%s/file", dir), *tmpfs = format("%s/tmpfs", dir);
	const char *inner = format("%s/inner", tmpfs);

	if (unshare(CLONE_NEWNS) < 0)
		skip("no mount namespace: %s", strerror(errno));
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		skip("mounts cannot be made private: %s", strerror(errno));
	if (mount(source, target, NULL, MS_BIND, NULL) < 0 ||
	    mount(format("%s/a", source), file, NULL, MS_BIND, NULL) < 0)
		skip("no bind mount: %s", strerror(errno));
	open_case(&(struct open_case){
		.way = "dir", .given = format("%s/a", target), .path = format("%s/a", target) });
	open_case(&(struct open_case){ .way = "file", .given = file, .path = file });
	open_case(&(struct open_case){
		.way = "source", .given = format("%s/a", source), .path = format("%s/a", source) });
	open_case(&(struct open_case){ .way = "mount-root", .given = target, .path = target });
	if (want("tmpfs")) {
		if (mount("none", tmpfs, "tmpfs", 0, NULL) < 0)
			skip("no tmpfs: %s", strerror(errno));
		close(setup_open(inner, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
		open_case(&(struct open_case){ .way = "tmpfs", .given = inner, .path = inner });
	}
}

static void mode_bind(void)
{
	const char *source = temp_mkdir(temp_path("source"));

	temp_mkdir(temp_path("target"));
	temp_mkdir(temp_path("tmpfs"));
	temp_file(format("%s/a", source), 0644, "x", 1);
	temp_file(temp_path("file"), 0644, "", 0);
	in_child(bind_child, temp_dir());
}

static void cwd_child(const char *dir)
{
	const char *gone = format("%s/gone", dir), *before = format("%s/before", dir);

	if (mkdir(gone, 0755) < 0 || chdir(gone) < 0 || rmdir(gone) < 0)
		die("%s", gone);
	open_case(&(struct open_case){ .way = "deleted", .given = "file", .err = ENOENT });
	open_case(&(struct open_case){
		.way = "dot", .given = ".", .path = format("%s (deleted)", gone) });
	open_case(&(struct open_case){ .way = "dotdot", .given = "..", .path = dir });
	if (chdir(before) < 0 || rename(before, format("%s/after", dir)) < 0)
		die("%s", before);
	open_case(&(struct open_case){
		.way = "renamed", .given = "file", .path = format("%s/after/file", dir) });
	if (rename(format("%s/after", dir), before) < 0)
		die("%s", before);
}

static void mode_cwd(void)
{
	temp_file(format("%s/file", temp_mkdir(temp_path("before"))), 0644, "x", 1);
	in_child(cwd_child, temp_dir());
}

static void beyond_child(const char *dir)
{
	char name[256] = "";
	const char *file;

	memset(name, 'b', 255);
	file = format("%s/file", name);
	if (chdir(dir) < 0 || mkdir(name, 0755) < 0)
		die("a directory beyond PATH_MAX");
	close(setup_open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	open_case(&(struct open_case){ .way = "beyond",
				       .given = file,
				       .path_unseen = true,
				       .path = format("%s/%s", dir, file) });
	if (unlink(file) < 0 || rmdir(name) < 0)
		die("a directory beyond PATH_MAX");
}

static void mode_deep(void)
{
	const char *dir;
	char *path;

	if (want("long-names") || want("missing") || want("beyond")) {
		dir = temp_mkdir_deep(3990, 255, 'l');
		path = format("%s/file", dir);
		temp_file(path, 0644, "x", 1);
		open_case(&(struct open_case){ .way = "long-names", .given = path, .path = path });
		open_case(&(struct open_case){
			.way = "missing", .given = format("%s/missing", dir), .err = ENOENT });
		if (want("beyond"))
			in_child(beyond_child, dir);
	}
	if (want("short-names")) {
		dir = temp_mkdir_deep(4000, 1, 's');
		path = format("%s/f", dir);
		temp_file(path, 0644, "x", 1);
		open_case(&(struct open_case){ .way = "short-names", .given = path, .path = path });
	}
	path = allocate(PATH_MAX + 1);
	memset(path, '/', PATH_MAX);
	open_case(&(struct open_case){ .way = "too-long", .given = path, .err = ENAMETOOLONG });
	memset(path, 0, PATH_MAX);
	memcpy(path, "/tmp/", 5);
	memset(path + 5, 'n', 256);
	open_case(
		&(struct open_case){ .way = "name-too-long", .given = path, .err = ENAMETOOLONG });
}

static const char *socket_path(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char *path = temp_path("socket");
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		skip("%s is too long for a socket", path);
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 && errno == EAFNOSUPPORT)
		return NULL;
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("%s", path);
	temp_note(path, 0);
	close(fd);
	return path;
}

static void mode_types(void)
{
	const char *file = temp_file(temp_path("file"), 0644, "x", 1), *path;
	int fd, pipes[2];

	open_case(
		&(struct open_case){ .way = "path", .given = file, .path = file, .flags = O_PATH });
	path = temp_path("fifo");
	if (mkfifo(path, 0644) < 0)
		die("%s", path);
	temp_note(path, 0);
	open_case(
		&(struct open_case){ .way = "fifo", .given = path, .path = path, .flags = O_RDWR });
	open_case(&(struct open_case){
		.way = "chr", .given = "/dev/null", .path = "/dev/null", .flags = O_WRONLY });
	open_case(&(struct open_case){
		.way = "dir", .given = temp_dir(), .path = temp_dir(), .flags = O_DIRECTORY });
	path = temp_symlink("file", temp_path("link"));
	open_case(&(struct open_case){
		.way = "lnk", .given = path, .path = path, .flags = O_PATH | O_NOFOLLOW });
	open_case(&(struct open_case){ .way = "proc",
				       .given = "/proc/self/stat",
				       .path = format("/proc/%d/stat", getpid()) });
	if (pipe2(pipes, O_CLOEXEC) < 0)
		die("pipe2");
	open_case(&(struct open_case){ .way = "pipe",
				       .given = format("/proc/self/fd/%d", pipes[0]) });
	close(pipes[0]);
	close(pipes[1]);
	if (want("memfd")) {
		fd = memfd_create("workload", MFD_CLOEXEC);
		if (fd < 0)
			die("memfd_create");
		open_case(&(struct open_case){ .way = "memfd",
					       .path = "/memfd:workload (deleted)",
					       .given = format("/proc/self/fd/%d", fd) });
		close(fd);
	}
	open_case(&(struct open_case){ .way = "tmpfile",
				       .given = temp_dir(),
				       .mode = 0600,
				       .flags = O_TMPFILE | O_RDWR,
				       .may_fail = true });
	fd = setup_open(file, O_RDONLY | O_CLOEXEC, 0);
	if (unlink(file) < 0)
		die("%s", file);
	open_case(&(struct open_case){ .way = "unlinked",
				       .given = format("/proc/self/fd/%d", fd),
				       .path = format("%s (deleted)", file) });
	close(fd);
}

static void emfile_child(const char *file)
{
	struct rlimit none = {};

	if (setrlimit(RLIMIT_NOFILE, &none) < 0)
		die("setrlimit");
	open_case(&(struct open_case){ .way = "EMFILE", .given = file, .err = EMFILE });
}

static void mode_fail(void)
{
	const char *file = temp_file(temp_path("file"), 0644, "x", 1), *path;
	int pair[2];

	open_case(&(struct open_case){
		.way = "ENOENT", .given = temp_path("missing"), .err = ENOENT });
	open_case(&(struct open_case){
		.way = "ENOTDIR", .given = format("%s/x", file), .err = ENOTDIR });
	open_case(&(struct open_case){
		.way = "EISDIR", .given = temp_dir(), .flags = O_WRONLY, .err = EISDIR });
	open_case(&(struct open_case){ .way = "EEXIST",
				       .given = file,
				       .mode = 0600,
				       .flags = O_CREAT | O_EXCL | O_WRONLY,
				       .err = EEXIST });
	in_child(emfile_child, file);
	open_case(&(struct open_case){ .way = "EFAULT", .bad = (char *)8, .err = EFAULT });
	open_case(&(struct open_case){ .way = "EINVAL",
				       .given = temp_dir(),
				       .err = EINVAL,
				       .mode = 0600,
				       .flags = O_TMPFILE | O_RDONLY });
	open_case(&(struct open_case){
		.way = "EBADF", .given = "file", .dirfd = 1000000, .err = EBADF });
	path = socket_path();
	if (path)
		open_case(&(struct open_case){ .way = "ENXIO", .given = path, .err = ENXIO });
	if (!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		open_case(&(struct open_case){ .way = "ENXIO-socket",
					       .err = ENXIO,
					       .given = format("/proc/self/fd/%d", pair[0]) });
		close(pair[0]);
		close(pair[1]);
	}
}

struct writer {
	pthread_t thread;
	pthread_barrier_t gate; /* the FIFO is closed at both ends */
	const char *path;
};

static void *writer_work(void *arg)
{
	struct timespec delay = { delay_ms / 1000, delay_ms % 1000 * 1000000 };
	struct writer *w = arg;
	struct json j = {};
	long i, fd;

	for (i = 0; i < times; i++) {
		pthread_barrier_wait(&w->gate);
		nanosleep(&delay, NULL);
		fd = call_openat(AT_FDCWD, w->path, O_WRONLY, 0);
		close(fd);
		json_string(&j, "what", "setup");
		json_string(&j, "call", "openat");
		json_number(&j, "pid", getpid());
		json_number(&j, "tid", thread_id());
		json_string(&j, "given", w->path);
		json_result(&j, fd);
		json_print(&j);
	}
	return NULL;
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void mode_latency(void)
{
	struct itimerval timer = { .it_value = { delay_ms / 1000, delay_ms % 1000 * 1000 },
				   .it_interval = { delay_ms / 1000, delay_ms % 1000 * 1000 } };
	struct sigaction action = { .sa_handler = on_alarm }; /* no SA_RESTART */
	char *path = temp_path("fifo");
	struct writer w = { .path = path };

	if (mkfifo(path, 0644) < 0)
		die("%s", path);
	temp_note(path, 0);
	if (want("fifo")) {
		pthread_barrier_init(&w.gate, NULL, 2);
		errno = pthread_create(&w.thread, NULL, writer_work, &w);
		if (errno)
			die("pthread_create");
		open_case(&(struct open_case){ .way = "fifo",
					       .given = path,
					       .path = path,
					       .delay_ns = delay_ms * 1000000,
					       .gate = &w.gate });
		pthread_join(w.thread, NULL);
	}
	if (want("interrupted")) {
		sigaction(SIGALRM, &action, NULL);
		if (setitimer(ITIMER_REAL, &timer, NULL) < 0)
			die("setitimer");
		open_case(&(struct open_case){ .way = "interrupted",
					       .given = path,
					       .err = EINTR,
					       .delay_ns = delay_ms * 1000000 });
		memset(&timer, 0, sizeof(timer));
		setitimer(ITIMER_REAL, &timer, NULL);
	}
}

static void mode_hostile(void)
{
	static const struct {
		const char *way, *name;
	} names[] = {
		{ "blank", "two words" },
		{ "leading-blank", " x" },
		{ "newline", "new\nline" },
		{ "only-newline", "\n" },
		{ "tab", "tab\tbed" },
		{ "cr", "a\rb" },
		{ "bell", "bell\a" },
		{ "backspace", "a\b\b" },
		{ "del", "a\x7f" },
		{ "color", "\033[31mred\033[0m" },
		{ "title", "\033]0;title\a" },
		{ "quote", "dou\"ble" },
		{ "apostrophe", "it's" },
		{ "backslash", "back\\slash" },
		{ "escaped", "\\x1b" },
		{ "comma", "a,b;c" },
		{ "formula", "=1+1" },
		{ "shell", "$(id)`id`" },
		{ "dash", "-n" },
		{ "latin", "\xc3\xa9" },
		{ "combining", "e\xcc\x81" },
		{ "wide", "\xe4\xb8\xad\xe6\x96\x87" },
		{ "emoji", "\xf0\x9f\x98\x80" },
		{ "c1", "\xc2\x9b"
			"31m" },
		{ "nel", "a\xc2\x85"
			 "b" },
		{ "line-separator", "a\xe2\x80\xa8"
				    "b" },
		{ "bidi", "\xe2\x80\xae"
			  "gpj.exe" },
		{ "isolate", "\xe2\x81\xa6"
			     "x\xe2\x81\xa9" },
		{ "zero-width", "a\xe2\x80\x8b"
				"b" },
		{ "bom", "\xef\xbb\xbf"
			 "x" },
		{ "replacement", "\xef\xbf\xbd" },
		{ "deleted", "x (deleted)" },
		{ "bytes", "\xff\xfe" },
		{ "lone-c1", "\x9b"
			     "31m" },
		{ "lone-tail", "\x80" },
		{ "overlong", "\xc0\xaf" },
		{ "overlong-3", "\xe0\x80\xaf" },
		{ "surrogate", "\xed\xa0\x80" },
		{ "too-high", "\xf4\x90\x80\x80" },
		{ "cut-3", "\xe2\x82" },
		{ "cut-4", "\xf0\x9f\x98"
			   "x" },
		{ "cut-2", "\xc3" },
	};
	char *path;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!want(names[i].way))
			continue;
		path = temp_path(names[i].name);
		temp_file(path, 0644, "x", 1);
		open_case(&(struct open_case){ .way = names[i].way, .given = path, .path = path });
		open_case(&(struct open_case){
			.way = names[i].way, .err = ENOENT, .given = format("%s.missing", path) });
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "times", required_argument, NULL, 'n' },
						 { "threads", required_argument, NULL, 't' },
						 { "unique", no_argument, NULL, 'u' },
						 { "prefix", required_argument, NULL, 'p' },
						 { "delay", required_argument, NULL, 'd' },
						 {} };
	static const struct {
		const char *name;
		void (*run)(void);
	} modes[] = {
		{ "burst", mode_burst },     { "symlink", mode_symlink },
		{ "chroot", mode_chroot },   { "bind", mode_bind },
		{ "cwd", mode_cwd },	     { "deep", mode_deep },
		{ "types", mode_types },     { "fail", mode_fail },
		{ "latency", mode_latency }, { "hostile", mode_hostile },
	};
	size_t i;
	int c;

	program = "open-cases";
	setup_reported = true;
	if (argc < 2)
		usage_error(
			"open-cases MODE [options]: the modes are told at the top of open-cases.c");
	mode = argv[1];
	optind = 2;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			times = parse_number("--times", optarg, 0, 100000000);
			break;
		case 't':
			threads = parse_number("--threads", optarg, 1, 1000);
			break;
		case 'u':
			unique = true;
			break;
		case 'p':
			prefix = optarg;
			break;
		case 'd':
			delay_ms = parse_number("--delay", optarg, 1, 60000);
			break;
		default:
			return 2;
		}
	}
	wanted = argv + optind;
	if (times < 0)
		times = !strcmp(mode, "burst") ? 20000 : 1;
	for (i = 0; i < ARRAY_SIZE(modes) && strcmp(modes[i].name, mode); i++)
		;
	if (i == ARRAY_SIZE(modes))
		usage_error("no such mode: %s", mode);
	modes[i].run();
	if (fflush(stdout))
		return 1;
	return failed;
}
