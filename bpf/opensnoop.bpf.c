/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every open.  At the exit of the call the kernel has resolved the path already: the descriptor
 * leads to the file, and the file to its path.  A failure has the path as given only. */
#include "vmlinux.h"
#include "opensnoop.h"
#define EVENT	   struct open_event
#define RECORD_MAX (24 << 10)

#include "lib/trace.bpf.h"
#include "lib/follow.bpf.h"
#include "lib/path.bpf.h"
#include "lib/syscall.bpf.h"
#include "lib/task.bpf.h"

#define EINTR	    4
#define EFAULT	    14
#define AT_FDCWD    -100
#define O_CREAT	    00000100 /* include/uapi/asm-generic/fcntl.h */
#define O_WRONLY    00000001
#define O_TRUNC	    00001000
#define __O_TMPFILE 020000000

const volatile __u32 failed_only = 0;
const volatile __u64 flags_any = 0;  /* --flags: one of these; 0: all opens */
const volatile __u32 access_any = 0; /* --flags: bit n: access mode n */
const volatile __u32 prefix_len = 0;
const volatile char prefix[PREFIX_MAX] = {};

/* io_uring: what was asked for, from submission to completion. */
struct uring_open {
	__u64 start_ns;
	__u64 ids; /* of the thread that asked: a worker may do it */
	char comm[COMM_SIZE];
	__u32 len; /* with its NUL; 0: could not be read */
	__u32 cut; /* there may be more of it */
	char name[1024];
};

/* An open, whichever way it was asked for. */
struct open_call {
	__u64 start_ns;
	__u64 flags;
	__u32 mode;
	__s32 dfd;
	__s32 ret;
	__u32 via;
	__u32 fixed;
	__u64 given; /* address in user memory; io_uring: key of uring_opens */
	__u64 regs;  /* if not 0: where given and dfd, which are 0 then, can be had */
	const struct uring_open *asked;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 512);
	__type(key, __u64);
	__type(value, struct uring_open);
} uring_opens SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct uring_open);
} uring_new SEC(".maps");

static __always_inline bool open_flags_wanted(__u64 flags)
{
	if (!flags_any && !access_any)
		return true;
	return (flags & flags_any) || (access_any & (1 << (flags & 3)));
}

/* Whether the path in s->path, up to *end*, begins with --path-prefix. */
static __always_inline bool path_has_prefix(struct scratch *s, __u32 end)
{
	__u64 pos = path_close(s);

	if (prefix_len > end - pos)
		return false;
	for (__u32 i = 0; i < PREFIX_MAX; i++) {
		if (i >= prefix_len)
			return true;
		if (s->path[(pos + i) & (2 * PATH_SIZE - 1)] != prefix[i])
			return false;
	}
	return true;
}

/* The same for a failure, whose path is the directory (just walked) and what was given. */
static __always_inline bool given_has_prefix(struct scratch *s, const struct open_event *ev)
{
	__u64 len = ev->given.len, off = ev->given.off, at = PATH_SIZE;

	if (!ev->dir.len) {
		s->path_pos = PATH_SIZE; /* absolute */
	} else if (path_close(s) < PATH_SIZE - 1) {
		s->path[PATH_SIZE] = '/';
		at++;
	}
	opaque(len);
	opaque(off);
	if (len >= PATH_SIZE || off > RECORD_MAX)
		return false;
	bpf_probe_read_kernel(s->path + at, len, s->record + off);
	if (!ev->dir.len) {
		/* path_close() would add a slash. */
		if (!len || s->path[PATH_SIZE] != '/')
			return false;
		bpf_probe_read_kernel(s->path + PATH_SIZE - 1, len, s->record + off);
		at--;
		s->path_pos = at;
	}
	return path_has_prefix(s, at + len);
}

static __always_inline void open_inode(struct open_event *ev, struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);

	ev->dev = BPF_CORE_READ(inode, i_sb, s_dev);
	ev->ino = BPF_CORE_READ(inode, i_ino);
	ev->type = BPF_CORE_READ(inode, i_mode) & 0170000;
}

/* Whether the task's root is that of its mount namespace. */
static __always_inline bool open_root_is_plain(struct fs_struct *fs)
{
	struct dentry *root = BPF_CORE_READ(fs, root.dentry);
	struct vfsmount *mnt = BPF_CORE_READ(fs, root.mnt);
	struct mount *m = mount_of(mnt), *up = BPF_CORE_READ(m, mnt_parent);

	return root == BPF_CORE_READ(mnt, mnt_root) &&
	       (m == up || BPF_CORE_READ(m, mnt_mountpoint) == BPF_CORE_READ(up, mnt.mnt_root));
}

/* What the call has to say by itself. */
static __always_inline void open_fill(struct open_event *ev, const struct open_call *call)
{
	task_info_fill(&ev->task);
	if (call->asked) {
		ev->task.pid = call->asked->ids >> 32;
		ev->task.tid = call->asked->ids;
		__builtin_memcpy(ev->task.comm, call->asked->comm, sizeof(ev->task.comm));
	}
	ev->ret = call->ret;
	/* ERESTARTSYS and the like (include/linux/errno.h) are EINTR to the caller, if at all. */
	if (ev->ret <= -512 && ev->ret >= -516)
		ev->ret = -EINTR;
	ev->flags = call->flags;
	ev->mode = call->flags & (O_CREAT | __O_TMPFILE) ? call->mode : ~0;
	ev->via = call->via;
	ev->fixed = call->fixed;
	ev->dev = ~0;
	ev->lat_ns = ~0ull;
	if (call->start_ns) {
		if (call->start_ns <= ev->task.boot_ns)
			ev->lat_ns = ev->task.boot_ns - call->start_ns;
		else
			lost_count(LOST_NEGATIVE);
	}
}

static __always_inline void open_root(struct scratch *s, struct open_event *ev,
				      struct task_struct *task)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);

	if (wants(WANT_MNTNS))
		ev->mntns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
	if (open_root_is_plain(fs)) {
		s->path_pos = PATH_SIZE;
		s->path_flags = 0;
	} else {
		path_walk((__u64)&fs->root, false);
		s->path_flags &= ~BYTES_DETACHED;
	}
	path_add(offsetof(struct open_event, root));
}

static __always_inline void open_given(struct scratch *s, struct open_event *ev, __u64 given)
{
	if (ev->via == VIA_IO_URING) {
		struct uring_open *asked = bpf_map_lookup_elem(&uring_opens, &given);

		if (asked && asked->len)
			record_string(s, &ev->given, asked->name, sizeof(asked->name), FROM_KERNEL);
		else
			ev->given.flags |= BYTES_UNREAD;
		if (asked && asked->cut)
			ev->given.flags |= BYTES_TRUNCATED;
		return;
	}
	record_string(s, &ev->given, (void *)given, PATH_SIZE, FROM_USER);
	if ((ev->given.flags & BYTES_UNREAD) && ev->ret != -EFAULT)
		lost_count(LOST_READ_FAILED);
}

/* The directory that a relative path starts from. */
static __always_inline void open_dir(struct scratch *s, struct open_event *ev, int dfd,
				     struct task_struct *task)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct file *dir;

	/* Behind the fixed part and two paths at most: 16 KiB are enough, and fit. */
	if (ev->given.len && s->record[ev->given.off & 16383] == '/')
		return;
	if (dfd == AT_FDCWD) {
		path_walk((__u64)&fs->pwd, true);
	} else {
		dir = current_file(dfd);
		if (!dir) {
			ev->dir.flags |= BYTES_UNREAD;
			return;
		}
		path_walk((__u64)&dir->f_path, true);
	}
	path_add(offsetof(struct open_event, dir));
}

/* The rest of a record that has been begun: names and places.  A global function: the verifier looks
 * at it once, and not for each way that leads to it.  *given* as in struct open_call. */
__noinline int open_rest(__u64 given, int dfd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct scratch *s = scratch_current();
	struct file *file = NULL;
	struct open_event *ev;

	if (!s)
		return 0;
	ev = (void *)s->record;
	if (wants(WANT_CGROUP_ID))
		ev->cgroup_id = task_cgroup_id(task);
	if (wants(WANT_CGROUP))
		task_cgroup_path(s, offsetof(struct open_event, cgroup), task);
	if (wants(WANT_ROOT | WANT_MNTNS))
		open_root(s, ev, task);
	if (ev->ret >= 0 && !ev->fixed)
		file = current_file(ev->ret);
	if (!file && s->source) {
		/* It is closed again already. */
		bool compat = ev->via >= VIA_COMPAT, at = (ev->via & ~VIA_COMPAT) >= VIA_OPENAT;
		__u64 args[5] = {};

		syscall_args(args, (void *)s->source, compat);
		given = args[at ? 1 : 0];
		dfd = at ? args[0] : AT_FDCWD;
	}
	if (!file || wants(WANT_GIVEN))
		open_given(s, ev, given);
	if (!file || wants(WANT_DIR))
		open_dir(s, ev, dfd, task);
	if (!file) {
		/* The front end joins dir and given. */
		if (prefix_len && !given_has_prefix(s, ev))
			record_discard(s);
		else
			record_submit(s);
		return 0;
	}
	if (wants(WANT_INODE))
		open_inode(ev, file);
	if (wants(WANT_PATH) || prefix_len) {
		path_walk((__u64)&file->f_path, true);
		if (prefix_len && !path_has_prefix(s, PATH_SIZE)) {
			record_discard(s);
			return 0;
		}
		path_add(offsetof(struct open_event, path));
	}
	record_submit(s);
	return 0;
}

static __always_inline int open_record(const struct open_call *call)
{
	struct open_event *ev;
	struct scratch *s;

	ev = record_new(s, struct open_event);
	if (!ev)
		return 0;
	open_fill(ev, call);
	s->source = call->regs;
	return open_rest(call->given, call->dfd);
}

/* ---- system calls ---- */

static __always_inline int open_syscall(const struct syscall *sys, enum call what, __u64 regs)
{
	struct open_call call = {
		.regs = regs,
		.start_ns = sys->start_ns,
		.ret = sys->ret,
		.dfd = AT_FDCWD,
		.given = sys->args[0],
	};
	struct open_how how = {};

	switch (what) {
	case CALL_OPEN:
		call.via = VIA_OPEN;
		call.flags = sys->args[1];
		call.mode = sys->args[2];
		break;
	case CALL_CREAT:
		call.via = VIA_CREAT;
		call.flags = O_CREAT | O_WRONLY | O_TRUNC;
		call.mode = sys->args[1];
		break;
	case CALL_OPENAT:
		call.via = VIA_OPENAT;
		call.dfd = sys->args[0];
		call.given = sys->args[1];
		call.flags = sys->args[2];
		call.mode = sys->args[3];
		break;
	default:
		call.via = VIA_OPENAT2;
		call.dfd = sys->args[0];
		call.given = sys->args[1];
		if (!regs)
			bpf_probe_read_user(&how, sizeof(how), (void *)sys->args[2]);
		call.flags = how.flags;
		call.mode = how.mode;
	}
	if (what != CALL_OPENAT2)
		call.flags = (__u32)call.flags;
	call.mode &= 07777;
	if (sys->compat)
		call.via += VIA_COMPAT;
	if (!open_flags_wanted(call.flags))
		return 0;
	return open_record(&call);
}

static __always_inline int open_exit_record(struct pt_regs *regs, __u32 nr, long ret)
{
	struct syscall sys = { .nr = nr, .ret = ret };
	enum call what;

	if (!OPEN_NUMBER(nr) || (failed_only && ret >= 0) || !task_wanted())
		return 0;
	sys.compat = syscall_compat();
	what = open_call(nr, sys.compat);
	if (!what)
		return 0;
	if (wants(WANT_LATENCY))
		pending_take(nr, &sys);
	/* Of an open that succeeds there is seldom more to tell than its file. */
	if (ret >= 0 && !wants(WANT_FLAGS | WANT_GIVEN | WANT_DIR) && !flags_any && !access_any)
		return open_syscall(&sys, what, (__u64)regs);
	syscall_args(sys.args, regs, sys.compat);
	return open_syscall(&sys, what, 0);
}

static __always_inline int open_enter_record(__u32 nr, const __u64 *args)
{
	if (!open_call(nr, syscall_compat()) || !task_wanted())
		return 0;
	pending_put(nr, args);
	return 0;
}

/* What open, creat, openat and openat2 have in common, also those of 32-bit programs; where it can be
 * hooked, no other call of the machine pays anything.  Of io_uring it is not a part.  An openat2
 * whose struct open_how cannot be used does not come so far. */

static __always_inline __u32 call_via(void)
{
	bool compat = syscall_compat();
	__u32 via = VIA_UNKNOWN;

	/* Linux 5.15, dd6e10fbd9fb ("bpf: Add bpf_task_pt_regs() helper"); may go with 5.10. */
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs)) {
		struct pt_regs *regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());

		switch (open_call(SYSCALL_NR(regs), compat)) {
		case CALL_OPEN:
			via = VIA_OPEN;
			break;
		case CALL_CREAT:
			via = VIA_CREAT;
			break;
		case CALL_OPENAT:
			via = VIA_OPENAT;
			break;
		case CALL_OPENAT2:
			via = VIA_OPENAT2;
			break;
		default:
			break;
		}
	}
	return via + (compat ? VIA_COMPAT : 0);
}

SEC("?fexit/do_sys_openat2")
int BPF_PROG(open_return, int dfd, const char *name, struct open_how *how, long result)
{
	struct open_call call = {
		.dfd = dfd, .given = (__u64)name, .ret = result, .mode = how->mode
	};
	struct syscall sys;

	call.via = call_via();
	call.flags = how->flags;
	/* The kernel adds it, but for those who may not want large files. */
	if (call.via < VIA_COMPAT || call.via == VIA_OPENAT2 + VIA_COMPAT)
		call.flags &= ~(__u64)KERNEL_O_LARGEFILE;
	if ((failed_only && call.ret >= 0) || !open_flags_wanted(call.flags) || !task_wanted())
		return 0;
	if (wants(WANT_LATENCY) && pending_take(PENDING_ANY, &sys))
		call.start_ns = sys.start_ns;
	call.mode &= 07777;
	return open_record(&call);
}

SEC("?fentry/do_sys_openat2")
int BPF_PROG(open_call_start)
{
	__u64 args[5] = {};

	if (task_wanted())
		pending_put(PENDING_ANY, args);
	return 0;
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(open_exit, struct pt_regs *regs, long ret)
{
	return open_exit_record(regs, SYSCALL_NR(regs), ret);
}

SEC("?raw_tp/sys_exit")
int open_exit_raw(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs *regs = (void *)ctx->args[0];

	return open_exit_record(regs, SYSCALL_NR_READ(regs), ctx->args[1]);
}

SEC("?tp/raw_syscalls/sys_exit")
int open_exit_tp(struct trace_event_raw_sys_exit *ctx)
{
	struct syscall sys = { .nr = ctx->id & ~X32_SYSCALL_BIT, .ret = ctx->ret };
	enum call what;

	if (!OPEN_NUMBER(sys.nr) || (failed_only && sys.ret >= 0))
		return 0;
	sys.compat = syscall_compat();
	what = open_call(sys.nr, sys.compat);
	if (!what || !task_wanted() || !pending_take(sys.nr, &sys))
		return 0;
	return open_syscall(&sys, what, 0);
}

/* The entry: for latencies, and for the classic tracepoint, whose exit has no arguments. */

SEC("?tp_btf/sys_enter")
int BPF_PROG(open_enter, struct pt_regs *regs, long id)
{
	__u32 nr = id & ~X32_SYSCALL_BIT;
	__u64 args[5] = {};

	return OPEN_NUMBER(nr) ? open_enter_record(nr, args) : 0;
}

SEC("?raw_tp/sys_enter")
int open_enter_raw(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 nr = ctx->args[1] & ~X32_SYSCALL_BIT;
	__u64 args[5] = {};

	return OPEN_NUMBER(nr) ? open_enter_record(nr, args) : 0;
}

SEC("?tp/raw_syscalls/sys_enter")
int open_enter_tp(struct trace_event_raw_sys_enter *ctx)
{
	__u32 nr = ctx->id & ~X32_SYSCALL_BIT;
	__u64 args[5];

	if (!OPEN_NUMBER(nr))
		return 0;
	bpf_core_read(args, sizeof(args), &ctx->args);
	return open_enter_record(nr, args);
}

/* ---- io_uring ---- */

#define OP_OPENAT  18 /* IORING_OP_*, include/uapi/linux/io_uring.h */
#define OP_OPENAT2 28

static __always_inline bool uring_is_open(struct io_kiocb *req)
{
	__u8 op = BPF_CORE_READ(req, opcode);

	return op == OP_OPENAT || op == OP_OPENAT2;
}

/* The name is in the kernel by now, and gone when the request completes. */
static __always_inline int uring_submit(struct io_kiocb *req)
{
	struct io_open *open = (void *)req;
	struct uring_open *new;
	__u32 zero = 0;
	__u64 key = (__u64)req;
	long len;

	if (!uring_is_open(req) || !task_wanted())
		return 0;
	new = bpf_map_lookup_elem(&uring_new, &zero);
	if (!new)
		return 0;
	new->start_ns = bpf_ktime_get_boot_ns();
	new->ids = current_ids();
	bpf_get_current_comm(new->comm, sizeof(new->comm));
	len = bpf_probe_read_kernel_str(new->name, sizeof(new->name), io_open_name(open));
	new->len = len < 0 ? 0 : len;
	new->cut = len == sizeof(new->name);
	if (bpf_map_update_elem(&uring_opens, &key, new, BPF_ANY))
		lost_count(LOST_MAP_FULL);
	return 0;
}

static __always_inline int uring_done(struct io_kiocb *req)
{
	struct io_open *open = (void *)req;
	__u64 key = (__u64)req;
	struct open_call call = { .via = VIA_IO_URING, .given = key };
	struct uring_open *asked;

	if (!req || !uring_is_open(req))
		return 0;
	/* What was asked for has passed the filters then; the worker's name would not. */
	asked = bpf_map_lookup_elem(&uring_opens, &key);
	if (!asked && !task_wanted())
		return 0;
	call.ret = BPF_CORE_READ(req, cqe.res);
	call.dfd = BPF_CORE_READ(open, dfd);
	call.flags = BPF_CORE_READ(open, how.flags) & ~(__u64)KERNEL_O_LARGEFILE;
	call.mode = BPF_CORE_READ(open, how.mode) & 07777;
	if (bpf_core_field_exists(open->file_slot))
		call.fixed = !!BPF_CORE_READ(open, file_slot);
	if (asked) {
		call.start_ns = asked->start_ns;
		call.asked = asked;
	} else if (call.ret < 0) {
		lost_count(LOST_UNPAIRED); /* its path */
	}
	if ((!failed_only || call.ret < 0) && open_flags_wanted(call.flags))
		open_record(&call);
	if (asked)
		bpf_map_delete_elem(&uring_opens, &key);
	return 0;
}

SEC("?tp_btf/io_uring_submit_req")
int BPF_PROG(uring_open_submit, struct io_kiocb *req)
{
	return uring_submit(req);
}

SEC("?raw_tp/io_uring_submit_req")
int uring_open_submit_raw(struct bpf_raw_tracepoint_args *ctx)
{
	return uring_submit((void *)ctx->args[0]);
}

SEC("?tp_btf/io_uring_complete")
int BPF_PROG(uring_open_done, struct io_ring_ctx *ring, void *req)
{
	return uring_done(req);
}

SEC("?raw_tp/io_uring_complete")
int uring_open_done_raw(struct bpf_raw_tracepoint_args *ctx)
{
	return uring_done((void *)ctx->args[1]);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
