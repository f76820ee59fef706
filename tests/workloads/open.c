/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// build: -static -pthread
/*
 * Opens each PATH a known number of times, closes it each time, and prints one
 * JSON line for each path and thread (before that, it asks bpf(2) for it once):
 *
 *   {"what":"open","call":"openat","pid":…,"tid":…,"given":…,"flags":"O_RDONLY",
 *    "ret":3,"errno":0,"times":23,"path":…,"dev":"8:1","ino":…,"type":"file"}
 *
 *   open [options] PATH…
 *     --times N        each path N times (1)
 *     --call CALL      open, openat (default), openat2 or creat
 *     --flags NAMES    O_RDWR|O_CREAT … (O_RDONLY), or numbers
 *     --mode OCTAL     for O_CREAT and O_TMPFILE (0)
 *     --resolve NAMES  RESOLVE_NO_SYMLINKS … of openat2
 *     --how-size N     tell openat2 that its struct has N bytes
 *     --dirfd DIR      the paths are relative to this directory's descriptor
 *     --bad-dirfd      … or to a descriptor that is not open
 *     --chdir DIR      go there first
 *     --threads T      each of T threads does all of it
 *     --int80          by 32-bit calls (int 0x80) of this 64-bit program
 *     --uring          through io_uring (openat and openat2)
 *     --uring-async    … and always by its worker threads
 *     --uid UID        as this user
 *     --comm NAME      under this thread name
 *
 * ret is the descriptor or -errno, of the first time; should it differ at another
 * time, "same":false.  On success, path is what the kernel calls the open file.
 * Lines with "what":"setup" tell of opens that prepare (--dirfd).
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <grp.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sys/prctl.h>

#include "open.h"

enum call { CALL_OPEN, CALL_OPENAT, CALL_OPENAT2, CALL_CREAT };

static const char *const call_names[] = { "open", "openat", "openat2", "creat" };
static const int int80_numbers[] = { 5, 295, 437, 8 };

/* Written before the threads start. */
static enum call call = CALL_OPENAT;
static struct how how;
static size_t how_size = sizeof(how);
static bool mode_given, use_int80, use_uring, uring_async;
static long times = 1, threads = 1;
static const char *dirfd_path, *chdir_path;
static int dirfd_number = AT_FDCWD;
static char **paths;
static pthread_barrier_t start;

/* ---- io_uring, without a library ---- */

struct ring {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
};

static void ring_init(struct ring *r)
{
	struct io_uring_params p = {};
	char *sq, *cq;

	r->fd = syscall(SYS_io_uring_setup, 4, &p);
	if (r->fd < 0 && (errno == ENOSYS || errno == EPERM || errno == EACCES))
		skip("no io_uring here: %s%s", strerror(errno),
		     errno == EPERM ? " (kernel.io_uring_disabled?)" : "");
	if (r->fd < 0)
		die("io_uring_setup");
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * sizeof(unsigned int),
		  PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe),
		  PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_CQ_RING);
	r->sqes = mmap(NULL, p.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || r->sqes == MAP_FAILED)
		die("mmap of the io_uring");
	r->sq_tail = (unsigned int *)(sq + p.sq_off.tail);
	r->sq_mask = (unsigned int *)(sq + p.sq_off.ring_mask);
	r->sq_array = (unsigned int *)(sq + p.sq_off.array);
	r->cq_head = (unsigned int *)(cq + p.cq_off.head);
	r->cq_tail = (unsigned int *)(cq + p.cq_off.tail);
	r->cq_mask = (unsigned int *)(cq + p.cq_off.ring_mask);
	r->cqes = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
}

static long ring_open(struct ring *r, const char *path)
{
	unsigned int tail = *r->sq_tail, slot = tail & *r->sq_mask, head = *r->cq_head;
	struct io_uring_sqe *sqe = &r->sqes[slot];
	long ret;

	memset(sqe, 0, sizeof(*sqe));
	sqe->fd = dirfd_number;
	sqe->addr = (uintptr_t)path;
	if (uring_async)
		sqe->flags = IOSQE_ASYNC;
	if (call == CALL_OPENAT2) {
		sqe->opcode = IORING_OP_OPENAT2;
		sqe->len = how_size;
		sqe->off = (uintptr_t)&how;
	} else {
		sqe->opcode = IORING_OP_OPENAT;
		sqe->len = how.mode;
		sqe->open_flags = how.flags;
	}
	r->sq_array[slot] = slot;
	__atomic_store_n(r->sq_tail, tail + 1, __ATOMIC_RELEASE);
	do {
		ret = syscall(SYS_io_uring_enter, r->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		die("io_uring_enter");
	while (__atomic_load_n(r->cq_tail, __ATOMIC_ACQUIRE) == head)
		syscall(SYS_io_uring_enter, r->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	ret = r->cqes[head & *r->cq_mask].res;
	__atomic_store_n(r->cq_head, head + 1, __ATOMIC_RELEASE);
	return ret;
}

/* ---- the work ---- */

static long open_int80(const char *low_path, const struct how *low_how)
{
	long path = (uintptr_t)low_path;
	int nr = int80_numbers[call];

	switch (call) {
	case CALL_OPEN:
		return int80(nr, path, how.flags, how.mode, 0);
	case CALL_CREAT:
		return int80(nr, path, how.mode, 0, 0);
	case CALL_OPENAT2:
		return int80(nr, dirfd_number, path, (uintptr_t)low_how, how_size);
	default:
		return int80(nr, dirfd_number, path, how.flags, how.mode);
	}
}

static long open_native(const char *path)
{
	long ret;

	switch (call) {
#ifdef SYS_open /* newer architectures have only openat */
	case CALL_OPEN:
		ret = syscall(SYS_open, path, (int)how.flags, (mode_t)how.mode);
		break;
	case CALL_CREAT:
		ret = syscall(SYS_creat, path, (mode_t)how.mode);
		break;
#endif
	case CALL_OPENAT2:
		ret = syscall(SYS_openat2, dirfd_number, path, &how, how_size);
		break;
	case CALL_OPENAT:
		ret = syscall(SYS_openat, dirfd_number, path, (int)how.flags, (mode_t)how.mode);
		break;
	default:
		errno = ENOSYS;
		ret = -1;
	}
	return ret < 0 ? -errno : ret;
}

static void report(const char *path, long ret, bool same, const struct opened *o)
{
	char cwd[PATH_MAX], text[16];
	struct json j = {};

	json_string(&j, "what", "open");
	json_string(&j, "call", call_names[call]);
	if (use_int80)
		json_bool(&j, "int80", true);
	if (use_uring)
		json_bool(&j, "uring", true);
	json_number(&j, "pid", getpid());
	json_number(&j, "tid", thread_id());
	json_number(&j, "ppid", getppid());
	json_number(&j, "uid", getuid());
	json_string(&j, "given", path);
	if (path[0] != '/') {
		if (dirfd_path)
			json_string(&j, "dirfd", dirfd_path);
		json_string(&j, "cwd", getcwd(cwd, sizeof(cwd)));
	}
	json_flags(&j, how.flags);
	if (mode_given) {
		snprintf(text, sizeof(text), "%04o", (unsigned int)how.mode);
		json_string(&j, "mode", text);
	}
	json_result(&j, ret);
	json_number(&j, "times", times);
	json_bool(&j, "same", same);
	if (ret >= 0)
		json_opened(&j, o);
	else
		json_string(&j, "path", path);
	json_print(&j);
}

static void *work(void *arg)
{
	struct opened *o = allocate(sizeof(*o));
	char *low_path = NULL, **path;
	struct how *low_how = NULL;
	long ret, first = 0, i;
	struct ring ring = {};
	bool same;

	(void)arg;
	if (use_int80) {
		low_path = allocate_low(65536);
		low_how = (struct how *)(low_path + 65536 - sizeof(*low_how));
		*low_how = how;
	}
	if (use_uring)
		ring_init(&ring);
	if (threads > 1)
		pthread_barrier_wait(&start);
	for (path = paths; *path; path++) {
		same = true;
		ask_bpf(*path);
		if (use_int80)
			snprintf(low_path, 65536 - sizeof(*low_how), "%s", *path);
		for (i = 0; i < times; i++) {
			ret = use_uring ? ring_open(&ring, *path) :
			      use_int80 ? open_int80(low_path, low_how) :
					  open_native(*path);
			if (!i)
				first = ret;
			if (ret != first)
				same = false;
			if (ret < 0)
				continue;
			if (!i)
				opened_fill(o, ret, -1);
			close(ret);
		}
		if (!times)
			continue;
		if (first == -ENOSYS)
			skip("no %s here: %s", call_names[call], strerror(ENOSYS));
		report(*path, first, same, o);
	}
	if (use_uring)
		close(ring.fd);
	free(o);
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "times", required_argument, NULL, 'n' },
						 { "call", required_argument, NULL, 'c' },
						 { "flags", required_argument, NULL, 'f' },
						 { "mode", required_argument, NULL, 'm' },
						 { "resolve", required_argument, NULL, 'r' },
						 { "how-size", required_argument, NULL, 's' },
						 { "dirfd", required_argument, NULL, 'd' },
						 { "bad-dirfd", no_argument, NULL, 'b' },
						 { "chdir", required_argument, NULL, 'C' },
						 { "threads", required_argument, NULL, 't' },
						 { "int80", no_argument, NULL, '8' },
						 { "uring", no_argument, NULL, 'u' },
						 { "uring-async", no_argument, NULL, 'a' },
						 { "uid", required_argument, NULL, 'U' },
						 { "comm", required_argument, NULL, 'N' },
						 {} };
	const char *comm = NULL;
	pthread_t *ids;
	long uid = -1, i;
	size_t k;
	int c;

	program = "open";
	setup_reported = true;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			times = parse_number("--times", optarg, 0, LONG_MAX);
			break;
		case 'c':
			for (k = 0; k < ARRAY_SIZE(call_names) && strcmp(call_names[k], optarg);
			     k++)
				;
			if (k == ARRAY_SIZE(call_names))
				usage_error("no such call: %s", optarg);
			call = k;
			break;
		case 'f':
			how.flags = parse_flags(optarg, open_flags, ARRAY_SIZE(open_flags));
			break;
		case 'm':
			how.mode = strtoul(optarg, NULL, 8);
			mode_given = true;
			break;
		case 'r':
			how.resolve = parse_flags(optarg, resolve_flags, ARRAY_SIZE(resolve_flags));
			break;
		case 's':
			how_size = parse_number("--how-size", optarg, 0, sizeof(how));
			break;
		case 'd':
			dirfd_path = optarg;
			break;
		case 'b':
			dirfd_number = 1000000;
			break;
		case 'C':
			chdir_path = optarg;
			break;
		case 't':
			threads = parse_number("--threads", optarg, 1, 1000);
			break;
		case '8':
			use_int80 = true;
			break;
		case 'a':
			uring_async = true;
			use_uring = true;
			break;
		case 'u':
			use_uring = true;
			break;
		case 'U':
			uid = parse_number("--uid", optarg, 0, INT_MAX);
			break;
		case 'N':
			comm = optarg;
			break;
		default:
			return 2;
		}
	}
	paths = argv + optind;
	if (!*paths)
		usage_error("open [options] PATH…: the options are told at the top of open.c");
	if (use_uring && (use_int80 || call == CALL_OPEN || call == CALL_CREAT))
		usage_error("io_uring has openat and openat2 only");
	if (how.resolve && call != CALL_OPENAT2)
		usage_error("--resolve is for openat2");
	if (call == CALL_CREAT)
		how.flags = O_CREAT | O_WRONLY | O_TRUNC;

	if (use_int80)
		int80_check();
	if (dirfd_path)
		dirfd_number = setup_open(dirfd_path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	if (chdir_path && chdir(chdir_path) < 0)
		die("%s", chdir_path);
	if (uid >= 0 && (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
			 setresuid(uid, uid, uid) < 0))
		skip("--uid needs root: %s", strerror(errno));
	if (comm)
		prctl(PR_SET_NAME, comm);

	if (threads == 1) {
		work(NULL);
	} else {
		ids = allocate(threads * sizeof(*ids));
		pthread_barrier_init(&start, NULL, threads);
		for (i = 0; i < threads; i++) {
			errno = pthread_create(&ids[i], NULL, work, NULL);
			if (errno)
				die("pthread_create");
		}
		for (i = 0; i < threads; i++)
			pthread_join(ids[i], NULL);
	}
	if (fflush(stdout))
		return 1;
	return failed;
}
