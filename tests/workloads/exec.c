/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// build: -static -pthread
/*
 * Executes programs in a known way a known number of times, and prints one JSON
 * line for each: {"what":"execve","mode":"plain","pid":…,"exe":…,"args":[…],…}.
 *
 *   exec plain     [--program PATH] [-- ARG…]   fork and execve
 *   exec execveat  [WAY…]     dirfd empty memfd memfd-script memfd-script-cloexec nofollow
 *   exec thread               by a thread that is not the leader
 *   exec int80     [WAY…]     execve execveat fail: 32-bit calls of this 64-bit program
 *   exec script    [WAY…]     plain nested
 *   exec args      [KIND…]    long many empty hostile, or bytes in all: 60k 64k 64k+1 1m
 *   exec fail      [ERROR…]   ENOENT EACCES ENOEXEC ELOOP ENOTDIR E2BIG EFAULT ENAMETOOLONG
 *   exec path      [WAY…]     deep deep-at symlink deleted relative
 *   exec chroot               inside a chroot
 *   exec pidns                inside a PID namespace of its own
 *   exec burst     [--parallel P]               short processes, P at a time
 *   exec tree      [--depth D]                  each process forks the next, which executes
 *   exec fork-tree PATH [--children C] [--grandchildren G] [--orphan]
 *                             each descendant opens PATH once, then executes once;
 *                             orphan: the children end before the grandchildren act
 *   exec noop …               does nothing: the default program executed (if its last
 *                             argument begins with /, it asks bpf(2) for that path)
 *
 * --times N: each of them N times (1; burst: 200).  --uid UID: as this user.
 * Without a WAY, KIND or ERROR: each of those listed.
 *
 * pid and ppid are as the caller sees them; tid is the thread that called, before
 * the exec; path is as given, exe what was executed (for a script, the last
 * interpreter), args what the new program has.  argc and args_bytes (with the NUL
 * of each) count those; args is null where they are more than 128 KiB.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <getopt.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

#include "workload.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

/* One way to execute. */
struct launch {
	const char *mode, *way;
	const char *path; /* as given */
	char **argv;
	const char *exe;	 /* what is executed, if not the path resolved */
	char **args;		 /* what the new program has, if not argv */
	const char *interpreter; /* a script's own, from its first line */
	const char *root;	 /* chroot there first */
	const char *cwd;
	int dirfd, flags;
	int err; /* expected */
	bool at, thread, int80, in_pidns, argc_as_status;
};

/* What the child says before it executes. */
struct facts {
	pid_t pid, tid;
	int err;
};

static struct facts *facts;
static const char *mode;
static char *no_env[] = { NULL };
static char *argc_env[] = { "NOOP=argc", NULL };
static long times = -1, parallel = 20, depth = 10, children = 2, grandchildren = 2;
static const char *target;
static bool orphan;

/* ---- 32-bit calls ---- */

#ifdef __x86_64__
#define INT80_GETPID   20
#define INT80_EXECVE   11
#define INT80_EXECVEAT 358

static long int80(long nr, long a, long b, long c, long d, long e)
{
	int ret;

	asm volatile("int $0x80"
		     : "=a"(ret)
		     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
		     : "memory", "r8", "r9", "r10", "r11", "cc");
	return ret;
}

static uint32_t low_string(char **at, const char *s)
{
	size_t size = strlen(s) + 1;
	char *copy = memcpy(*at, s, size);

	*at += size;
	return (uintptr_t)copy;
}

static int int80_exec(const struct launch *l, char **env)
{
	uint32_t *argv, *envp, path;
	size_t size = 1 << 20;
	char *at;
	int i;

	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1,
		  0);
	if (at == MAP_FAILED)
		return -errno;
	argv = (uint32_t *)at;
	at += 1024 * sizeof(*argv);
	envp = (uint32_t *)at;
	at += 16 * sizeof(*envp);
	for (i = 0; l->argv[i]; i++)
		argv[i] = low_string(&at, l->argv[i]);
	for (i = 0; env[i]; i++)
		envp[i] = low_string(&at, env[i]);
	path = low_string(&at, l->path);
	if (l->at)
		return int80(INT80_EXECVEAT, l->dirfd, path, (uintptr_t)argv, (uintptr_t)envp,
			     l->flags);
	return int80(INT80_EXECVE, path, (uintptr_t)argv, (uintptr_t)envp, 0, 0);
}

/* Without IA32 emulation int 0x80 is a general protection fault. */
static void int80_check(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(int80(INT80_GETPID, 0, 0, 0, 0, 0) != getpid());
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		die("fork");
	if (status)
		skip("this kernel takes no 32-bit calls (CONFIG_IA32_EMULATION, ia32_emulation=)");
}
#else
static int int80_exec(const struct launch *l, char **env)
{
	(void)l;
	(void)env;
	return -ENOSYS;
}

static void int80_check(void)
{
	skip("int 0x80 is for x86-64");
}
#endif

/* ---- one exec ---- */

static int launch_call(const struct launch *l)
{
	char **env = l->argc_as_status ? argc_env : no_env;
	long ret;

	if (l->int80)
		return -int80_exec(l, env);
	if (l->at)
		ret = syscall(SYS_execveat, l->dirfd, l->path, l->argv, env, l->flags);
	else
		ret = syscall(SYS_execve, l->path, l->argv, env);
	return ret < 0 ? errno : 0;
}

static void *launch_thread(void *arg)
{
	const struct launch *l = arg;

	facts->tid = thread_id();
	facts->err = launch_call(l);
	_exit(127);
}

NORETURN static void launch_child(const struct launch *l)
{
	pthread_t thread;

	facts->pid = getpid();
	facts->tid = thread_id();
	facts->err = 0;
	if (l->root && (chroot(l->root) < 0 || chdir("/") < 0))
		facts->err = errno;
	else if (l->cwd && chdir(l->cwd) < 0)
		facts->err = errno;
	else if (l->thread &&
		 !(facts->err = pthread_create(&thread, NULL, launch_thread, (void *)l)))
		for (;;)
			pause();
	else if (!facts->err)
		facts->err = launch_call(l);
	_exit(127);
}

static void launch_report(const struct launch *l, pid_t pid, pid_t ppid, const struct facts *f,
			  int status)
{
	static char *one_empty[] = { "", NULL };
	char **args = l->args ? l->args : l->argv;
	char real[PATH_MAX], *exe = NULL;
	size_t argc = 0, bytes = 0;
	struct json j = {};

	if (l->argc_as_status && !f->err && WIFEXITED(status)) {
		args = WEXITSTATUS(status) ? one_empty : no_env;
		status = 0;
	}
	for (argc = 0; args[argc]; argc++)
		bytes += strlen(args[argc]) + 1;
	if (l->exe)
		exe = (char *)l->exe;
	else if (!f->err && realpath(l->path, real))
		exe = real;

	json_string(&j, "what", l->at ? "execveat" : "execve");
	json_string(&j, "mode", l->mode);
	if (l->way)
		json_string(&j, "way", l->way);
	if (l->int80)
		json_bool(&j, "int80", true);
	json_number(&j, "pid", pid);
	json_number(&j, "tid", f->tid == f->pid ? pid : f->tid);
	json_number(&j, "ppid", ppid);
	json_number(&j, "uid", getuid());
	if (l->in_pidns)
		json_number(&j, "ns_pid", f->pid);
	if (l->root)
		json_string(&j, "root", l->root);
	if (l->cwd)
		json_string(&j, "cwd", l->cwd);
	json_string(&j, "path", l->path);
	json_string(&j, "exe", f->err ? NULL : exe);
	if (l->interpreter)
		json_string(&j, "interpreter", l->interpreter);
	json_number(&j, "argc", argc);
	json_number(&j, "args_bytes", bytes);
	if (bytes <= 128 * 1024) {
		json_strings(&j, "args", args);
	} else {
		json_key(&j, "args");
		json_format(&j, "null");
	}
	json_result(&j, -f->err);
	json_number(&j, "status", status);
	json_print(&j);

	if (f->err != l->err)
		unexpected("%s %s: %s", l->mode, l->way ? l->way : "", strerror(f->err));
	else if (!f->err && status && !target)
		unexpected("%s %s: wait status 0x%x", l->mode, l->way ? l->way : "", status);
}

static void launch(const struct launch *l)
{
	int status;
	pid_t pid;
	long i;

	for (i = 0; i < times; i++) {
		fflush(stdout);
		pid = fork();
		if (!pid)
			launch_child(l);
		if (pid < 0 || waitpid(pid, &status, 0) < 0)
			die("fork");
		launch_report(l, pid, getpid(), facts, status);
	}
}

static bool chosen(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(name, *names))
			return true;
	return false;
}

static void check_names(char **names, const char *const *known)
{
	const char *const *k;

	for (; *names; names++) {
		for (k = known; *k && strcmp(*k, *names); k++)
			;
		if (!*k)
			usage_error("%s: nothing of this name: %s", mode, *names);
	}
}

/* ---- modes ---- */

static void mode_plain(char **args)
{
	size_t n = 0;
	char **argv;

	while (args[n])
		n++;
	argv = allocate((n + 2) * sizeof(*argv));
	argv[0] = target ? (char *)target : "noop";
	memcpy(argv + 1, args, n * sizeof(*argv));
	launch(&(struct launch){
		.mode = mode, .path = target ? target : self_path(), .argv = argv });
}

static int memory_file(const char *name, unsigned int flags)
{
	int fd = syscall(SYS_memfd_create, name, flags | MFD_EXEC);

	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = syscall(SYS_memfd_create, name, flags);
	if (fd < 0 && (errno == ENOSYS || errno == EACCES))
		skip("no executable memfd here: %s", strerror(errno));
	if (fd < 0)
		die("memfd_create");
	return fd;
}

static void mode_execveat(char **ways)
{
	static const char *const known[] = {
		"dirfd", "empty", "memfd", "memfd-script", "memfd-script-cloexec", "nofollow", NULL
	};
	struct launch l = { .mode = mode, .at = true, .argv = (char *[]){ "noop", "one", NULL } };
	const char *dir, *slash;
	int fd;

	check_names(ways, known);
	slash = strrchr(self_path(), '/');
	if (chosen("dirfd", ways)) {
		dir = format("%.*s", (int)(slash - self_path()), self_path());
		l.dirfd = setup_open(*dir ? dir : "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
		l.way = "dirfd";
		l.path = slash + 1;
		l.exe = self_path();
		launch(&l);
		close(l.dirfd);
	}
	if (chosen("empty", ways)) {
		l.dirfd = setup_open(self_path(), O_PATH | O_CLOEXEC, 0);
		l.way = "empty";
		l.path = "";
		l.exe = self_path();
		l.flags = AT_EMPTY_PATH;
		launch(&l);
		close(l.dirfd);
	}
	if (chosen("memfd", ways)) {
		fd = memory_file("workload", MFD_CLOEXEC);
		self_copy(fd);
		/* A file open for writing is not executed (ETXTBSY). */
		l.dirfd = setup_open(format("/proc/self/fd/%d", fd), O_RDONLY | O_CLOEXEC, 0);
		close(fd);
		l.way = "memfd";
		l.path = "";
		l.exe = "/memfd:workload (deleted)";
		l.flags = AT_EMPTY_PATH;
		launch(&l);
		close(l.dirfd);
	}
	if (chosen("memfd-script", ways) || chosen("memfd-script-cloexec", ways)) {
		const char *text = format("#!%s noop\n", self_path());

		fd = memory_file("script", 0);
		write_all(fd, text, strlen(text));
		l.dirfd = setup_open(format("/proc/self/fd/%d", fd), O_RDONLY, 0);
		close(fd);
		l.path = "";
		l.exe = self_path();
		l.interpreter = self_path();
		l.flags = AT_EMPTY_PATH;
		l.args = (char *[]){ (char *)self_path(), "noop", format("/dev/fd/%d", l.dirfd),
				     "one", NULL };
		if (chosen("memfd-script", ways)) {
			l.way = "memfd-script";
			launch(&l);
		}
		if (chosen("memfd-script-cloexec", ways)) {
			if (fcntl(l.dirfd, F_SETFD, FD_CLOEXEC) < 0)
				die("fcntl");
			l.way = "memfd-script-cloexec"; /* the interpreter could not open it */
			l.args = NULL;
			l.err = ENOENT;
			launch(&l);
		}
		close(l.dirfd);
	}
	if (chosen("nofollow", ways)) {
		l.way = "nofollow";
		l.dirfd = AT_FDCWD;
		l.path = temp_symlink(self_path(), temp_path("link"));
		l.exe = NULL;
		l.interpreter = NULL;
		l.args = NULL;
		l.flags = AT_SYMLINK_NOFOLLOW;
		l.err = ELOOP;
		launch(&l);
	}
}

static void mode_thread(void)
{
	launch(&(struct launch){ .mode = mode,
				 .path = self_path(),
				 .thread = true,
				 .argv = (char *[]){ "noop", "thread", NULL } });
}

static void mode_int80(char **ways)
{
	static const char *const known[] = { "execve", "execveat", "fail", NULL };
	struct launch l = { .mode = mode,
			    .int80 = true,
			    .path = self_path(),
			    .argv = (char *[]){ "noop", "one", "two words", NULL } };

	check_names(ways, known);
	int80_check();
	if (chosen("execve", ways)) {
		l.way = "execve";
		launch(&l);
	}
	if (chosen("execveat", ways)) {
		l.way = "execveat";
		l.at = true;
		l.path = "";
		l.exe = self_path();
		l.flags = AT_EMPTY_PATH;
		l.dirfd = setup_open(self_path(), O_PATH | O_CLOEXEC, 0);
		launch(&l);
		close(l.dirfd);
	}
	if (chosen("fail", ways)) {
		l.way = "fail";
		l.at = false;
		l.exe = NULL;
		l.path = temp_path("missing");
		l.err = ENOENT;
		launch(&l);
	}
}

static void mode_script(char **ways)
{
	static const char *const known[] = { "plain", "nested", NULL };
	const char *text, *script, *outer;
	struct launch l = { .mode = mode };

	check_names(ways, known);
	text = format("#!%s noop\n", self_path());
	if (strlen(text) > 127) /* what kernels before 5.1 read of the line */
		die("the path of this program is too long for a #! line");
	script = temp_file(temp_path("script"), 0755, text, strlen(text));
	l.exe = self_path();
	if (chosen("plain", ways)) {
		l.way = "plain";
		l.path = script;
		l.interpreter = self_path();
		l.argv = (char *[]){ "ignored", "one", "two words", NULL };
		l.args = (char *[]){ (char *)self_path(), "noop", (char *)script, "one",
				     "two words",	  NULL };
		launch(&l);
	}
	if (chosen("nested", ways)) {
		text = format("#!%s option with blanks\n", script);
		outer = temp_file(temp_path("outer"), 0755, text, strlen(text));
		l.way = "nested";
		l.path = outer;
		l.interpreter = script;
		l.argv = (char *[]){ "ignored", "one", NULL };
		l.args = (char *[]){ (char *)self_path(),
				     "noop",
				     (char *)script,
				     "option with blanks",
				     (char *)outer,
				     "one",
				     NULL };
		launch(&l);
	}
}

/* Arguments of *size* bytes in all, with argv[0] and the NUL of each. */
static char **args_sized(size_t size)
{
	size_t i, n, left = size - sizeof("noop"), max = 1000;
	char **argv = allocate((left / max + 3) * sizeof(*argv));
	char number[32];

	argv[0] = "noop";
	for (i = 1; left; i++, left -= n) {
		n = left < max ? left : max;
		argv[i] = allocate(n);
		memset(argv[i], 'x', n - 1);
		snprintf(number, sizeof(number), "%05zu-", i);
		memcpy(argv[i], number, n - 1 < 6 ? n - 1 : 6);
	}
	return argv;
}

/* 64k+1 and the like; 0 if it is no size. */
static size_t parse_size(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end == 'k')
		n <<= 10, end++;
	else if (*end == 'm')
		n <<= 20, end++;
	if (*end == '+' || *end == '-')
		n += strtol(end, &end, 10);
	return end == text || *end || n < 6 || n > 16 << 20 ? 0 : n;
}

static void mode_args(char **kinds)
{
	static char *all[] = {
		"long", "many", "60k", "64k", "64k+1", "1m", "empty", "hostile", NULL
	};
	static char *hostile[] = { "noop",
				   "",
				   "two words",
				   "new\nline",
				   "tab\t",
				   "cr\roverwritten",
				   "bell\a",
				   "\b\b",
				   "\033[31mred\033[0m",
				   "\033]0;title\a",
				   "\x7f",
				   "\"double\"",
				   "'single'",
				   "it's",
				   "back\\slash",
				   "\\x1b",
				   "$(id)`id`",
				   "${HOME}",
				   "*",
				   "?",
				   "~",
				   "#",
				   "-n",
				   "--",
				   "a=b",
				   ";",
				   "&",
				   "|",
				   ">x",
				   "!",
				   "{a,b}",
				   "\xc3\xa9",
				   "e\xcc\x81",
				   "\xe4\xb8\xad\xe6\x96\x87",
				   "\xf0\x9f\x98\x80",
				   "\xc2\x9b"
				   "31m", /* U+009B, the 8-bit CSI */
				   "\xc2\x85",
				   "\xe2\x80\xa8", /* line separators */
				   "\xe2\x80\xae"
				   "evil",
				   "\xe2\x81\xa6"
				   "isolate\xe2\x81\xa9", /* bidi */
				   "\xe2\x80\x8b",
				   "\xef\xbb\xbf",
				   "\xef\xbf\xbd",
				   "\xef\xbf\xbf",
				   "\xff\xfe",
				   "\x9b"
				   "31m",
				   "\x80",
				   "\xc3(",
				   "\xc0\xaf",
				   "\xe0\x80\xaf",
				   "\xed\xa0\x80",
				   "\xf4\x90\x80\x80",
				   "\xf5",
				   "\xe2\x82",
				   "\xf0\x9f\x98"
				   "x",
				   "\xc3",
				   "",
				   NULL };
	static char *empty[] = { NULL };
	struct launch l = { .mode = mode };
	size_t size;
	int i;

	l.path = self_path();
	for (kinds = *kinds ? kinds : all; *kinds; kinds++) {
		l.way = *kinds;
		l.argc_as_status = false;
		size = parse_size(*kinds);
		if (size) {
			l.argv = args_sized(size);
		} else if (!strcmp(*kinds, "long")) {
			l.argv = allocate(3 * sizeof(*l.argv));
			l.argv[0] = "noop";
			l.argv[1] = allocate(301);
			for (i = 0; i < 300; i++)
				l.argv[1][i] = 'a' + i % 26;
		} else if (!strcmp(*kinds, "many")) {
			l.argv = allocate(5001 * sizeof(*l.argv));
			l.argv[0] = "noop";
			for (i = 1; i < 5000; i++)
				l.argv[i] = format("%d", i);
		} else if (!strcmp(*kinds, "empty")) {
			l.argv = empty;
			l.argc_as_status = true;
		} else if (!strcmp(*kinds, "hostile")) {
			l.argv = hostile;
		} else {
			usage_error("args: nothing of this name: %s", *kinds);
		}
		launch(&l);
	}
}

/* Failing calls need no process of their own. */
static void fail(const char *path, const char *shown, char **argv, int err, const char *way)
{
	struct json j = {};
	int got = 0;
	long i;

	for (i = 0; i < times; i++) {
		syscall(SYS_execve, path, argv, no_env);
		got = errno;
		if (got != err)
			unexpected("fail %s: %s", way, strerror(got));
	}
	json_string(&j, "what", "execve");
	json_string(&j, "mode", mode);
	json_string(&j, "way", way);
	json_number(&j, "pid", getpid());
	json_number(&j, "tid", thread_id());
	json_number(&j, "ppid", getppid());
	json_number(&j, "uid", getuid());
	json_string(&j, "path", shown);
	json_result(&j, -got);
	json_number(&j, "times", times);
	json_print(&j);
}

static void mode_fail(char **errors)
{
	static const char *const known[] = { "ENOENT", "EACCES", "ENOEXEC",	 "ELOOP", "ENOTDIR",
					     "E2BIG",  "EFAULT", "ENAMETOOLONG", NULL };
	static char *argv[] = { "noop", "one", NULL };
	const char *file, *path;
	size_t max;
	char *big;

	check_names(errors, known);
	file = temp_file(temp_path("file"), 0644, "\0no program\n", 12);
	if (chosen("ENOENT", errors)) {
		path = temp_path("missing");
		fail(path, path, argv, ENOENT, "ENOENT");
	}
	if (chosen("EACCES", errors))
		fail(file, file, argv, EACCES, "EACCES");
	if (chosen("ENOEXEC", errors)) {
		path = temp_file(temp_path("garbage"), 0755, "\0no program\n", 12);
		fail(path, path, argv, ENOEXEC, "ENOEXEC");
	}
	if (chosen("ELOOP", errors)) {
		path = temp_symlink("loop", temp_path("loop"));
		fail(path, path, argv, ELOOP, "ELOOP");
	}
	if (chosen("ENOTDIR", errors)) {
		path = format("%s/x", file);
		fail(path, path, argv, ENOTDIR, "ENOTDIR");
	}
	if (chosen("E2BIG", errors)) {
		max = 32 * sysconf(_SC_PAGESIZE); /* MAX_ARG_STRLEN, which counts the NUL */
		big = allocate(max + 1);
		memset(big, 'x', max);
		fail(self_path(), self_path(), (char *[]){ "noop", big, NULL }, E2BIG, "E2BIG");
		free(big);
	}
	if (chosen("EFAULT", errors)) {
		fail((char *)8, NULL, argv, EFAULT, "EFAULT");
		fail(self_path(), self_path(), (char *[]){ "noop", (char *)8, NULL }, EFAULT,
		     "EFAULT-argv");
	}
	if (chosen("ENAMETOOLONG", errors)) {
		big = allocate(PATH_MAX + 1);
		memset(big, '/', PATH_MAX);
		fail(big, NULL, argv, ENAMETOOLONG, "ENAMETOOLONG");
		free(big);
	}
}

static void mode_path(char **ways)
{
	static const char *const known[] = { "deep",	"deep-at",  "symlink",
					     "deleted", "relative", NULL };
	struct launch l = { .mode = mode, .argv = (char *[]){ "noop", "one", NULL } };
	const char *dir;

	check_names(ways, known);
	if (chosen("deep", ways) || chosen("deep-at", ways)) {
		dir = temp_mkdir_deep(3990, 200, 'd');
		l.path = temp_self(format("%s/program", dir));
		l.exe = l.path;
		l.way = "deep";
		if (chosen("deep", ways))
			launch(&l);
		l.way = "deep-at";
		l.path = "program";
		l.at = true;
		l.dirfd = setup_open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
		if (chosen("deep-at", ways))
			launch(&l);
		close(l.dirfd);
		l.at = false;
	}
	if (chosen("symlink", ways)) {
		l.way = "symlink";
		l.path = temp_symlink(temp_symlink(self_path(), temp_path("first")),
				      temp_path("second"));
		l.exe = self_path();
		launch(&l);
	}
	if (chosen("relative", ways)) {
		l.way = "relative";
		l.exe = temp_self(temp_path("program"));
		l.cwd = temp_mkdir(temp_path("cwd"));
		l.path = "../cwd/.././program";
		launch(&l);
		l.cwd = NULL;
	}
	if (chosen("deleted", ways)) {
		l.way = "deleted";
		l.path = temp_self(temp_path("gone"));
		l.dirfd = setup_open(l.path, O_PATH | O_CLOEXEC, 0);
		if (unlink(l.path) < 0)
			die("%s", l.path);
		l.exe = format("%s (deleted)", l.path);
		l.path = "";
		l.at = true;
		l.flags = AT_EMPTY_PATH;
		launch(&l);
		close(l.dirfd);
	}
}

static void mode_chroot(void)
{
	const char *root;

	if (geteuid())
		skip("chroot needs root");
	root = temp_mkdir(temp_path("root"));
	temp_mkdir(format("%s/bin", root));
	temp_self(format("%s/bin/program", root));
	launch(&(struct launch){ .mode = mode,
				 .path = "/bin/program",
				 .exe = "/bin/program",
				 .root = root,
				 .argv = (char *[]){ "noop", "one", NULL } });
}

/* The init of the new namespace only waits, so the others are numbered from 2. */
static void mode_pidns(void)
{
	int status, release[2];
	struct stat st;
	pid_t helper, init;
	struct json j = {};
	char c;

	fflush(stdout);
	helper = fork();
	if (helper < 0)
		die("fork");
	if (helper) {
		if (waitpid(helper, &status, 0) < 0 || !WIFEXITED(status))
			die("the process that makes the namespace ended early");
		if (WEXITSTATUS(status) == 77)
			exit(77);
		failed |= WEXITSTATUS(status);
		return;
	}
	if (unshare(CLONE_NEWPID) < 0) {
		fprintf(stderr, "%s: no PID namespace: %s\n", program, strerror(errno));
		_exit(77);
	}
	if (pipe(release) < 0)
		die("pipe");
	init = fork();
	if (!init) {
		close(release[1]);
		_exit(read(release[0], &c, 1) != 0);
	}
	if (init < 0)
		die("fork");
	if (stat("/proc/self/ns/pid_for_children", &st) < 0)
		st.st_ino = 0;
	json_string(&j, "what", "pidns");
	json_number(&j, "pidns", st.st_ino);
	json_number(&j, "init", init);
	json_print(&j);
	launch(&(struct launch){ .mode = mode,
				 .path = self_path(),
				 .in_pidns = true,
				 .argv = (char *[]){ "noop", "one", NULL } });
	close(release[1]);
	waitpid(init, &status, 0);
	child_exit();
}

static void mode_burst(void)
{
	struct burst {
		pid_t pid;
		char *argv[3];
	} *all = allocate(times * sizeof(*all));
	struct facts *own = facts, *each;
	long started = 0, running = 0, ended = 0, i;
	struct launch l = { .mode = mode, .path = self_path() };
	int status;
	pid_t pid;

	each = mmap(NULL, times * sizeof(*each), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0);
	if (each == MAP_FAILED)
		die("mmap");
	fflush(stdout);
	for (i = 0; i < times; i++) {
		all[i].argv[0] = "noop";
		all[i].argv[1] = format("burst-%05ld", i);
	}
	while (ended < times) {
		if (started < times && running < parallel) {
			facts = &each[started];
			l.argv = all[started].argv;
			pid = fork();
			if (!pid)
				launch_child(&l);
			if (pid < 0)
				die("fork");
			all[started++].pid = pid;
			running++;
			continue;
		}
		pid = wait(&status);
		if (pid < 0)
			die("wait");
		/* Numbers may come round again: the one still running is the latest. */
		for (i = started - 1; i >= 0 && all[i].pid != pid; i--)
			;
		if (i < 0)
			continue;
		l.argv = all[i].argv;
		launch_report(&l, pid, getpid(), &each[i], status);
		fflush(stdout); /* nothing buffered may be forked */
		running--;
		ended++;
	}
	facts = own;
}

/* A step of the chain: says what it is, and forks the next, which executes. */
static void mode_tree(char **args)
{
	long step = 0;
	struct json j = {};
	pid_t pid;
	int status;

	if (args[0]) {
		step = parse_number("tree", args[0], 1, 1000000);
		json_string(&j, "what", "execve");
		json_string(&j, "mode", mode);
		json_number(&j, "pid", getpid());
		json_number(&j, "tid", thread_id());
		json_number(&j, "ppid", getppid());
		json_number(&j, "uid", getuid());
		json_number(&j, "depth", step);
		json_string(&j, "path", self_path());
		json_string(&j, "exe", self_path());
		json_strings(&j, "args",
			     (char *[]){ "exec", "tree", args[0], "--depth", format("%ld", depth),
					 NULL });
		json_result(&j, 0);
		json_print(&j);
		fflush(stdout);
	}
	if (step >= depth)
		return;
	pid = fork();
	if (!pid) {
		execve(self_path(),
		       (char *[]){ "exec", "tree", format("%ld", step + 1), "--depth",
				   format("%ld", depth), NULL },
		       no_env);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		die("fork");
	if (status)
		unexpected("tree: step %ld: wait status 0x%x", step + 1, status);
}

/* What each descendant of fork-tree does: one open, one exec. */
NORETURN static void fork_tree_act(const char *path, const char *role, pid_t ppid)
{
	char *argv[] = { "noop", (char *)role, NULL };
	struct json j = {};
	long fd;

	ask_bpf(path);
	fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		fd = -errno;
	json_string(&j, "what", "open");
	json_string(&j, "call", "openat");
	json_string(&j, "mode", mode);
	json_string(&j, "role", role);
	json_number(&j, "pid", getpid());
	json_number(&j, "tid", thread_id());
	json_number(&j, "ppid", ppid);
	json_string(&j, "given", path);
	json_result(&j, fd);
	json_print(&j);
	json_string(&j, "what", "execve");
	json_string(&j, "mode", mode);
	json_string(&j, "role", role);
	json_number(&j, "pid", getpid());
	json_number(&j, "tid", thread_id());
	json_number(&j, "ppid", ppid);
	json_string(&j, "path", self_path());
	json_string(&j, "exe", self_path());
	json_strings(&j, "args", argv);
	json_result(&j, 0);
	json_print(&j);
	fflush(stdout);
	execve(self_path(), argv, no_env);
	_exit(127);
}

static void mode_fork_tree(char **args)
{
	pid_t parent = getpid();
	int status, gate[2];
	long i, k;
	pid_t pid;
	char c;

	if (!args[0])
		usage_error("fork-tree: which path to open?");
	self_path();
	/* Orphans come to this process, which waits for them. */
	if (orphan && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		die("prctl");
	if (pipe(gate) < 0)
		die("pipe");
	fflush(stdout);
	for (i = 0; i < children; i++) {
		pid = fork();
		if (pid < 0)
			die("fork");
		if (pid)
			continue;
		close(gate[1]);
		for (k = 0; k < grandchildren; k++) {
			pid_t child = getpid();

			pid = fork();
			if (pid < 0)
				die("fork");
			if (pid)
				continue;
			/* The gate opens when the children have ended. */
			if (orphan && read(gate[0], &c, 1) != 0)
				_exit(1);
			fork_tree_act(args[0], "grandchild", orphan ? parent : child);
		}
		if (orphan)
			_exit(0);
		while (wait(&status) > 0)
			if (status)
				_exit(1);
		fork_tree_act(args[0], "child", parent);
	}
	for (i = 0; orphan && i < children; i++)
		if (wait(&status) < 0 || status)
			unexpected("fork-tree: a child failed");
	close(gate[1]);
	while (wait(&status) > 0)
		if (status)
			unexpected("fork-tree: a process failed: wait status 0x%x", status);
}

/* ---- command line ---- */

static void become(uid_t uid)
{
	gid_t gid = uid;

	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		skip("--uid needs root: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "times", required_argument, NULL, 'n' },
						 { "program", required_argument, NULL, 'p' },
						 { "parallel", required_argument, NULL, 'P' },
						 { "depth", required_argument, NULL, 'd' },
						 { "children", required_argument, NULL, 'c' },
						 { "grandchildren", required_argument, NULL, 'g' },
						 { "orphan", no_argument, NULL, 'o' },
						 { "uid", required_argument, NULL, 'u' },
						 {} };
	char **args;
	int c;

	if (is_noop(argc, argv)) {
		ask_bpf(argv[argc - 1]);
		if (getenv("NOOP"))
			return argc;
		return 0;
	}
	program = "exec";
	if (argc < 2)
		usage_error("exec MODE [options]: the modes are told at the top of exec.c");
	mode = argv[1];
	optind = 2;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			times = parse_number("--times", optarg, 0, 10000000);
			break;
		case 'p':
			target = optarg;
			break;
		case 'P':
			parallel = parse_number("--parallel", optarg, 1, 10000);
			break;
		case 'd':
			depth = parse_number("--depth", optarg, 1, 10000);
			break;
		case 'c':
			children = parse_number("--children", optarg, 0, 10000);
			break;
		case 'g':
			grandchildren = parse_number("--grandchildren", optarg, 0, 10000);
			break;
		case 'o':
			orphan = true;
			break;
		case 'u':
			become(parse_number("--uid", optarg, 0, INT_MAX));
			break;
		default:
			return 2;
		}
	}
	args = argv + optind;
	if (times < 0)
		times = !strcmp(mode, "burst") ? 200 : 1;
	facts = mmap(NULL, sizeof(*facts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (facts == MAP_FAILED)
		die("mmap");

	if (!strcmp(mode, "plain"))
		mode_plain(args);
	else if (!strcmp(mode, "execveat"))
		mode_execveat(args);
	else if (!strcmp(mode, "thread"))
		mode_thread();
	else if (!strcmp(mode, "int80"))
		mode_int80(args);
	else if (!strcmp(mode, "script"))
		mode_script(args);
	else if (!strcmp(mode, "args"))
		mode_args(args);
	else if (!strcmp(mode, "fail"))
		mode_fail(args);
	else if (!strcmp(mode, "path"))
		mode_path(args);
	else if (!strcmp(mode, "chroot"))
		mode_chroot();
	else if (!strcmp(mode, "pidns"))
		mode_pidns();
	else if (!strcmp(mode, "burst"))
		mode_burst();
	else if (!strcmp(mode, "tree"))
		mode_tree(args);
	else if (!strcmp(mode, "fork-tree"))
		mode_fork_tree(args);
	else
		usage_error("no such mode: %s", mode);
	if (fflush(stdout))
		return 1;
	return failed;
}
