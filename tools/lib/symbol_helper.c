/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/symbol_helper.h"
#include "lib/util.h"

/* On top of what the child starts with: half of what there is, but from 512 MiB to 4 GiB. */
#define MEMORY_MIN (512ULL << 20)
#define MEMORY_MAX (4ULL << 30)
#define LOADED_MAX 64	       /* files at a time */
#define BYTES_MAX  (2LL << 30) /* of them together */

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#if defined(__x86_64__)
#define SECCOMP_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define SECCOMP_ARCH AUDIT_ARCH_AARCH64
#elif defined(__i386__)
#define SECCOMP_ARCH AUDIT_ARCH_I386
#elif defined(__riscv) && __riscv_xlen == 64
#define SECCOMP_ARCH AUDIT_ARCH_RISCV64
#elif defined(__s390x__)
#define SECCOMP_ARCH AUDIT_ARCH_S390X
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SECCOMP_ARCH AUDIT_ARCH_PPC64LE
#endif

/* ---------------------------------------------------------------- the child */

struct loaded {
	uint32_t id;
	uint64_t used; /* when */
	off_t bytes;
	struct elf_file *file;
};

struct child {
	const struct helper *helper;
	int fd;
	uint64_t clock;
	struct loaded loaded[LOADED_MAX];
	struct buf strings;
	struct helper_message message;
};

/* Memory, reading what is open, and talking to the parent.  The rest fails with EPERM, as libraries
 * differ in what they try. */
static void seccomp(void)
{
#ifdef SECCOMP_ARCH
	static const int allowed[] = {
#ifdef SYS_lseek
		SYS_lseek,
#endif
#ifdef SYS__llseek
		SYS__llseek,
#endif
#ifdef SYS_mmap
		SYS_mmap,
#endif
#ifdef SYS_mmap2
		SYS_mmap2,
#endif
#ifdef SYS_fstat
		SYS_fstat,
#endif
#ifdef SYS_fstat64
		SYS_fstat64,
#endif
#ifdef SYS_newfstatat
		SYS_newfstatat, /* fstat(3) is this; tells no more than names and sizes */
#endif
#ifdef SYS_fcntl64
		SYS_fcntl64,
#endif
		SYS_fcntl,
		SYS_read,
		SYS_pread64,
		SYS_close,
		SYS_munmap,
		SYS_mremap,
		SYS_mprotect,
		SYS_madvise,
		SYS_brk,
		SYS_futex,
		SYS_recvmsg,
		SYS_sendmsg,
		SYS_getrandom,
		SYS_gettid,
		SYS_getpid,
		SYS_tgkill,
		SYS_rt_sigprocmask,
		SYS_rt_sigaction,
		SYS_rt_sigreturn,
		SYS_exit,
		SYS_exit_group,
		SYS_restart_syscall,
		SYS_sysinfo, /* by qsort(3) */
	};
	struct sock_filter filter[ARRAY_SIZE(allowed) + 16];
	struct sock_fprog program = { .filter = filter };
	unsigned short n = 0, jumps;

#define OP(code, k, jt, jf) (filter[n++] = (struct sock_filter){ code, jt, jf, k })
	OP(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	OP(BPF_JMP | BPF_JEQ | BPF_K, SECCOMP_ARCH, 1, 0);
	OP(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	OP(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	if (SANITIZED) /* they write what they found */
		OP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, ARRAY_SIZE(allowed) + 1, 0);
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		jumps = ARRAY_SIZE(allowed) - i;
		OP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], jumps, 0);
	}
	OP(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM, 0, 0);
	OP(BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
#undef OP
	program.len = n;
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
#endif
}

/* Each step as far as this kernel and these privileges allow it.  The user stays the same: the
 * parent could not end another user's process once it has given up CAP_KILL. */
static void confine(void)
{
	struct rlimit limit = { .rlim_cur = 0 };
	_cleanup_fclose_ FILE *statm = fopen("/proc/self/statm", "re");
	_cleanup_fclose_ FILE *score = fopen("/proc/self/oom_score_adj", "we");
	unsigned long long pages, memory;
	sigset_t all;

	memory = (unsigned long long)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) / 2;

	if (score) { /* this process first, if memory runs out */
		fputs("1000", score);
		fflush(score);
	}
	if (!SANITIZED && statm && fscanf(statm, "%llu", &pages) == 1) {
		memory = memory < MEMORY_MIN ? MEMORY_MIN :
			 memory > MEMORY_MAX ? MEMORY_MAX :
					       memory;
		limit.rlim_cur = limit.rlim_max = pages * sysconf(_SC_PAGESIZE) + memory;
		setrlimit(RLIMIT_AS, &limit);
	}
	limit.rlim_cur = limit.rlim_max = 0;
	setrlimit(RLIMIT_CORE, &limit);
	setrlimit(RLIMIT_FSIZE, &limit);
	/* Signals of the terminal are the parent's business. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_apply(CAPNG_SELECT_BOTH))
		capng_apply(CAPNG_SELECT_CAPS);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void close_from(int first)
{
	struct rlimit limit;

#ifdef SYS_close_range
	if (!syscall(SYS_close_range, first, ~0U, 0))
		return;
#endif
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > 1 << 20)
		limit.rlim_cur = 1 << 20;
	for (int fd = first; (rlim_t)fd < limit.rlim_cur; fd++)
		close(fd);
}

static void unload(struct loaded *loaded)
{
	elf_file_free(loaded->file);
	*loaded = (struct loaded){};
}

static struct loaded *loaded_find(struct child *child, uint32_t id)
{
	for (size_t i = 0; i < LOADED_MAX; i++)
		if (child->loaded[i].file && child->loaded[i].id == id)
			return &child->loaded[i];
	return NULL;
}

/* A place for a file of that size; what was not used for longest goes. */
static struct loaded *loaded_place(struct child *child, off_t bytes)
{
	struct loaded *oldest, *place;
	size_t used;
	off_t sum;

	for (;;) {
		oldest = place = NULL;
		used = 0;
		sum = bytes;
		for (struct loaded *l = child->loaded; l < child->loaded + LOADED_MAX; l++) {
			if (!l->file) {
				place = l;
				continue;
			}
			used++;
			sum += l->bytes;
			if (!oldest || l->used < oldest->used)
				oldest = l;
		}
		if (place && (!used || sum <= BYTES_MAX))
			return place;
		unload(oldest);
	}
}

static int answer_open(struct child *child, uint32_t id, int fd, bool bare)
{
	const struct helper *helper = child->helper;
	struct helper_reply *reply = &child->message.reply;
	struct loaded *loaded = loaded_find(child, id);
	struct stat st;
	int err;

	if (fstat(fd, &st)) {
		close_fd(&fd);
		return -EBADMSG;
	}
	if (loaded)
		unload(loaded);
	loaded = loaded_place(child, st.st_size);
	err = elf_file_open(fd, helper->inlined && !bare, helper->demangle, &loaded->file);
	if (err)
		return err;
	loaded->id = id;
	loaded->bytes = st.st_size;
	loaded->used = ++child->clock;
	reply->build_id_len = elf_file_id(loaded->file, reply->build_id);
	elf_file_wants(loaded->file, &reply->want);
	return 0;
}

static int answer(struct child *child, const struct helper_request *request, int fd)
{
	struct helper_reply *reply = &child->message.reply;
	struct loaded *loaded;
	int err;

	if (request->op == HELPER_OPEN)
		return answer_open(child, request->id, fd, request->offset);
	loaded = loaded_find(child, request->id);
	if (!loaded) {
		close_fd(&fd);
		return -ENOENT;
	}
	loaded->used = ++child->clock;
	if (request->op == HELPER_OFFER) {
		/* No descriptor: there is no such file. */
		err = fd < 0 ? 0 : elf_file_offer(loaded->file, fd);
		if (!err)
			elf_file_wants(loaded->file, &reply->want);
		return err;
	}
	close_fd(&fd);
	reply->count = elf_file_find(loaded->file, request->offset, &reply->address, reply->frames,
				     ELF_FRAMES_MAX, &child->strings);
	return child->strings.failed ? -ENOMEM : 0;
}

/* Returns the length; *fd* (-1: none) comes or goes with it. */
static ssize_t message_recv(int socket, struct iovec *parts, size_t count, int *fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {};
	struct msghdr msg = { .msg_iov = parts,
			      .msg_iovlen = count,
			      .msg_control = fd ? control.bytes : NULL,
			      .msg_controllen = fd ? sizeof(control) : 0 };
	struct cmsghdr *c;
	ssize_t n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);

	if (!fd)
		return n;
	*fd = -1;
	c = n >= 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(c), sizeof(int));
	return n;
}

static ssize_t message_send(int socket, struct iovec *parts, size_t count, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {};
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = count };
	struct cmsghdr *c;

	if (fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	return sendmsg(socket, &msg, MSG_NOSIGNAL);
}

static __attribute__((noreturn)) void child_main(const struct helper *helper, int fd)
{
	struct child *child = calloc(1, sizeof(*child));
	struct helper_request request;
	int passed, null;

	if (!child)
		_exit(1);
	/* What the caller has open would stay open as long as this process: 3 is the socket. */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd != 3 && dup2(fd, 3) < 0)
		_exit(1);
	for (int i = 0; i < (SANITIZED ? 2 : 3); i++)
		if (null < 0 || dup2(null, i) < 0)
			close(i);
	close_from(4);
	confine();
	child->helper = helper;
	child->fd = 3;
	seccomp();
	for (;;) {
		struct iovec in = { &request, sizeof(request) };
		struct iovec out[] = { { &child->message.reply, sizeof(child->message.reply) },
				       {} };

		if (message_recv(child->fd, &in, 1, &passed) != sizeof(request))
			_exit(0);
		child->message.reply = (struct helper_reply){};
		buf_reset(&child->strings);
		child->message.reply.error = answer(child, &request, passed);
		out[1] = (struct iovec){ child->strings.data, child->strings.len };
		if (message_send(child->fd, out, 2, -1) < 0)
			_exit(0);
	}
}

/* --------------------------------------------------------------- the parent */

int helper_start(struct helper *helper)
{
	int pair[2], size = 2 * sizeof(struct helper_message);
	pid_t parent = getpid(), pid;

	if (helper->pid)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	pid = fork();
	if (pid < 0) {
		int err = -errno;

		close(pair[0]);
		close(pair[1]);
		return err;
	}
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		child_main(helper, pair[1]);
	}
	close(pair[1]);
	helper->pid = pid;
	helper->fd = pair[0];
	helper->starts++;
	return 0;
}

void helper_stop(struct helper *helper)
{
	if (!helper->pid)
		return;
	kill(helper->pid, SIGKILL);
	while (waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(helper->fd);
	helper->pid = 0;
}

static int64_t now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

/* Offset plus one into what came behind the reply, to a string that ends in it. */
static bool string_fix(const char **s, struct helper_message *message, size_t len)
{
	size_t at = (size_t)*s;

	if (!at)
		return true;
	if (at > len || !memchr(message->strings + at - 1, '\0', len - (at - 1)))
		return false;
	*s = message->strings + at - 1;
	return true;
}

bool helper_message_check(struct helper_message *message, size_t len)
{
	struct helper_reply *reply = &message->reply;

	if (len < sizeof(*reply))
		return false;
	len -= sizeof(*reply);
	if (reply->build_id_len > ELF_ID_MAX || reply->count > ELF_FRAMES_MAX ||
	    reply->want.id_len > ELF_ID_MAX ||
	    !memchr(reply->want.link, '\0', sizeof(reply->want.link)))
		return false;
	for (struct frame *f = reply->frames; f < reply->frames + reply->count; f++) {
		if ((f->kind != FRAME_USER && f->kind != FRAME_INLINED) || f->module ||
		    f->build_id || (unsigned int)f->why >= WHY_COUNT ||
		    !string_fix(&f->name, message, len) || !string_fix(&f->linkage, message, len) ||
		    !string_fix(&f->source, message, len) || !f->name != (f->why != WHY_NAMED))
			return false;
	}
	return true;
}

int helper_call(struct helper *helper, const struct helper_request *request, int fd,
		struct helper_reply **ret)
{
	static struct helper_message message;
	struct iovec out = { (void *)request, sizeof(*request) },
		     in = { &message, sizeof(message) };
	int64_t deadline = now_ms() + helper->timeout_ms, left;
	struct pollfd poll_fd;
	ssize_t n;
	int err;

	err = helper_start(helper);
	if (err)
		return err;
	err = -EPIPE;
	if (message_send(helper->fd, &out, 1, fd) != sizeof(*request))
		goto fail;
	poll_fd = (struct pollfd){ .fd = helper->fd, .events = POLLIN };
	for (;;) {
		left = deadline - now_ms();
		if (left <= 0) {
			err = -ETIME;
			goto fail;
		}
		if (poll(&poll_fd, 1, left) > 0)
			break;
	}
	n = message_recv(helper->fd, &in, 1, NULL);
	if (n < 0 || !helper_message_check(&message, n))
		goto fail;
	*ret = &message.reply;
	return 0;
fail:
	helper_stop(helper);
	return err;
}
