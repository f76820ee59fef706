/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Every exec.  sched_process_exec is the truth for the successful ones, whichever call made them;
 * the exits of the calls themselves tell of the failures. */
#include "vmlinux.h"
#include "execsnoop.h"
#define EVENT	   struct exec_event
#define RECORD_MAX (96 << 10)

#include "lib/trace.bpf.h"
#include "lib/follow.bpf.h"
#include "lib/path.bpf.h"
#include "lib/syscall.bpf.h"
#include "lib/task.bpf.h"

#define EFAULT		14
#define FAILED_ARGS	64 /* arguments read of a failed attempt: pointer by pointer */
#define FAILED_ARG_SIZE 1024

/* The pids of the ancestors, parent first, 0 after the last. */
__noinline int exec_ancestors(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct scratch *s = scratch_current();
	struct exec_event *ev;
	__u64 off;

	if (!s)
		return 0;
	ev = (struct exec_event *)s->record;
	off = (*(volatile __u32 *)&s->len + 3) & ~3u;
	opaque(off);
	if (off > RECORD_MAX - ANCESTORS * sizeof(__u32))
		return 0;
	for (int i = 0; i < ANCESTORS; i++) {
		__u32 *pid = (__u32 *)(s->record + off) + i;

		task = BPF_CORE_READ(task, real_parent);
		*pid = task_pid(task);
		ev->ancestors.len += sizeof(*pid);
		if (*pid <= 1)
			break;
	}
	ev->ancestors.off = off;
	s->len = off + ev->ancestors.len;
	return 0;
}

static __always_inline void exec_task(struct scratch *s, struct exec_event *ev,
				      struct task_struct *task)
{
	task_info_fill(&ev->task);
	if (wants(WANT_PCOMM))
		bpf_probe_read_kernel_str(ev->pcomm, sizeof(ev->pcomm),
					  BPF_CORE_READ(task, real_parent, comm));
	if (wants(WANT_SESSION)) {
		ev->loginuid = task_loginuid(task);
		ev->session = task_audit_session(task);
		ev->sid = pid_number(BPF_CORE_READ(task, signal, pids[PIDTYPE_SID]));
	}
	if (wants(WANT_PIDNS)) {
		struct pid *pid = BPF_CORE_READ(task, signal, pids[PIDTYPE_TGID]);
		__u32 level = BPF_CORE_READ(pid, level);
		struct upid upid = {};

		bpf_core_read(&upid, sizeof(upid), &pid->numbers[level]);
		ev->pidns_pid = upid.nr;
		ev->pidns = BPF_CORE_READ(upid.ns, ns.inum);
	}
	if (wants(WANT_CGROUP_ID))
		ev->cgroup_id = task_cgroup_id(task);
	if (wants(WANT_CGROUP))
		task_cgroup_path(s, offsetof(struct exec_event, cgroup), task);
	if (wants(WANT_TTY))
		task_tty(s, &ev->tty, task);
	if (wants(WANT_CWD))
		task_cwd(offsetof(struct exec_event, cwd), task);
	if (wants(WANT_TREE))
		exec_ancestors();
}

/* The arguments as they lie in the new image: every one with its NUL, in one piece. */
static __always_inline void exec_args(struct scratch *s, struct exec_event *ev,
				      struct task_struct *task)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	__u64 start = BPF_CORE_READ(mm, arg_start), end = BPF_CORE_READ(mm, arg_end);

	ev->args_len = end - start;
	record_add(s, &ev->args, (void *)start, end - start, ARGS_MAX, FROM_USER);
	if (ev->args.flags & BYTES_UNREAD)
		lost_count(LOST_READ_FAILED);
}

/* *filename*, *interp*: linux_binprm's, NULL if the hook does not show them. */
static __always_inline int exec_record(const char *filename, const char *interp, __u32 argc)
{
	struct task_struct *task;
	struct exec_event *ev;
	struct scratch *s;

	if (!task_wanted())
		return 0;
	ev = record_new(s, struct exec_event);
	if (!ev)
		return 0;
	task = (void *)bpf_get_current_task();
	exec_task(s, ev, task);
	ev->argc = argc;
	if (wants(WANT_EXE)) {
		struct file *exe = BPF_CORE_READ(task, mm, exe_file);

		path_walk((__u64)&exe->f_path, true);
		path_add(offsetof(struct exec_event, exe));
	}
	if (wants(WANT_SCRIPT) && filename != interp)
		record_string(s, &ev->script, filename, PATH_SIZE, FROM_KERNEL);
	exec_args(s, ev, task);
	record_submit(s);
	return 0;
}

SEC("?tp_btf/sched_process_exec")
int BPF_PROG(exec_done, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	return exec_record(bprm->filename, bprm->interp, bprm->argc);
}

SEC("?raw_tp/sched_process_exec")
int exec_done_raw(struct bpf_raw_tracepoint_args *ctx)
{
	struct linux_binprm *bprm = (void *)ctx->args[2];

	return exec_record(BPF_CORE_READ(bprm, filename), BPF_CORE_READ(bprm, interp),
			   BPF_CORE_READ(bprm, argc));
}

/* Does not tell a script from its interpreter, nor argc. */
SEC("?tp/sched/sched_process_exec")
int exec_done_tp(void *ctx)
{
	return exec_record(NULL, NULL, ~0);
}

/* ---- failures ---- */

enum { ARG_MORE, ARG_LAST, ARG_UNREAD };

/* Appends the argument that the pointer at *slot* in the caller's memory leads to. */
__noinline int failed_arg(__u64 slot, __u32 pointer_size)
{
	struct scratch *s = scratch_current();
	struct exec_event *ev;
	__u64 arg;
	int bad;

	if (!s)
		return ARG_UNREAD;
	ev = (struct exec_event *)s->record;
	if (read_user_pointer(&arg, pointer_size, slot))
		return ARG_UNREAD;
	if (!arg)
		return ARG_LAST;
	bad = record_add_string(arg, FAILED_ARG_SIZE, FROM_USER);
	if (bad)
		ev->args.flags |= BYTES_TRUNCATED;
	if (bad & BYTES_UNREAD)
		return ARG_UNREAD;
	s->len++; /* keep the NUL */
	return ARG_MORE;
}

static __always_inline void failed_args(struct scratch *s, struct exec_event *ev, __u64 argv,
					__u32 pointer_size)
{
	int last = ARG_MORE;
	__u32 i;

	ev->args.off = s->len;
	for (i = 0; i < FAILED_ARGS; i++) {
		last = failed_arg(argv + i * pointer_size, pointer_size);
		if (last != ARG_MORE)
			break;
	}
	if (last == ARG_LAST)
		ev->argc = i;
	else
		ev->args.flags |= last == ARG_UNREAD && !i ? BYTES_UNREAD : BYTES_TRUNCATED;
	ev->args.len = s->len - ev->args.off;
	ev->args_len = last == ARG_LAST && !ev->args.flags ? ev->args.len : ~0ull;
	if ((ev->args.flags & BYTES_UNREAD) && ev->ret != -EFAULT)
		lost_count(LOST_READ_FAILED); /* a page that is not resident */
}

static __always_inline int exec_failed(const struct syscall *call)
{
	bool at = exec_call(call->nr, call->compat) == CALL_EXECVEAT;
	struct task_struct *task;
	struct exec_event *ev;
	struct scratch *s;

	ev = record_new(s, struct exec_event);
	if (!ev)
		return 0;
	task = (void *)bpf_get_current_task();
	exec_task(s, ev, task);
	ev->ret = call->ret;
	ev->argc = ~0;
	if (wants(WANT_EXE))
		record_string(s, &ev->exe, (void *)call->args[at], PATH_SIZE, FROM_USER);
	failed_args(s, ev, call->args[1 + at], syscall_pointer_size(call->nr, call->compat));
	record_submit(s);
	return 0;
}

static __always_inline int exec_exit_record(struct pt_regs *regs, __u32 nr, long ret)
{
	struct syscall call = { .ret = ret, .nr = nr };

	if (!EXEC_NUMBER(nr) || ret >= 0)
		return 0;
	call.compat = syscall_compat();
	if (!exec_call(nr, call.compat) || !task_wanted())
		return 0;
	syscall_args(call.args, regs, call.compat);
	return exec_failed(&call);
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(exec_exit, struct pt_regs *regs, long ret)
{
	return exec_exit_record(regs, SYSCALL_NR(regs), ret);
}

SEC("?raw_tp/sys_exit")
int exec_exit_raw(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs *regs = (void *)ctx->args[0];

	return exec_exit_record(regs, SYSCALL_NR_READ(regs), ctx->args[1]);
}

SEC("?tp/raw_syscalls/sys_enter")
int exec_enter_tp(struct trace_event_raw_sys_enter *ctx)
{
	__u32 nr = ctx->id & ~X32_SYSCALL_BIT;
	__u64 args[5];

	if (!EXEC_NUMBER(nr) || !exec_call(nr, syscall_compat()) || !task_wanted())
		return 0;
	bpf_core_read(args, sizeof(args), &ctx->args);
	pending_put(nr, args);
	return 0;
}

SEC("?tp/raw_syscalls/sys_exit")
int exec_exit_tp(struct trace_event_raw_sys_exit *ctx)
{
	struct syscall call = { .ret = ctx->ret, .nr = ctx->id & ~X32_SYSCALL_BIT };

	if (!EXEC_NUMBER(call.nr) || ctx->ret >= 0)
		return 0;
	call.compat = syscall_compat();
	if (!exec_call(call.nr, call.compat) || !task_wanted() || !pending_take(call.nr, &call))
		return 0;
	return exec_failed(&call);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
