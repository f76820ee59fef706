/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Following processes to their children, for -f and -- COMMAND: a child enters `followed` in the
 * fork hook, which runs before the child can do anything, and leaves it with its last thread. */
#ifndef CORELETS_FOLLOW_BPF_H
#define CORELETS_FOLLOW_BPF_H

#include "lib/trace.bpf.h"

/* The parent is the current task. */
static __always_inline int follow_fork(__u32 child_tgid)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, pid = current_ids() >> 32;

	if (child_tgid != tgid &&
	    ((filter.command && pid == filter.tool) ||
	     (filter.follow_pids && bpf_map_lookup_elem(&filter_pids, &pid)) || followed_get(tgid)))
		followed_set(child_tgid, true);
	return 0;
}

static __always_inline int follow_exit(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = id >> 32, tid = id;

	if (!BPF_CORE_READ(task, signal, live.counter))
		followed_set(tgid, false);
	if (tid != tgid)
		followed_set(tid, false); /* see task_fork_tp */
	return 0;
}

SEC("?tp_btf/sched_process_fork")
int BPF_PROG(task_fork, struct task_struct *parent, struct task_struct *child)
{
	return follow_fork(child->tgid);
}

SEC("?raw_tp/sched_process_fork")
int task_fork_raw(struct bpf_raw_tracepoint_args *ctx)
{
	return follow_fork(BPF_CORE_READ((struct task_struct *)ctx->args[1], tgid));
}

/* Knows the child's thread number only: that of a new thread is harmless in `followed`. */
SEC("?tp/sched/sched_process_fork")
int task_fork_tp(struct trace_event_raw_sched_process_fork *ctx)
{
	return follow_fork(ctx->child_pid);
}

SEC("?tp_btf/sched_process_exit")
int BPF_PROG(task_exit)
{
	return follow_exit();
}

SEC("?raw_tp/sched_process_exit")
int task_exit_raw(void *ctx)
{
	return follow_exit();
}

SEC("?tp/sched/sched_process_exit")
int task_exit_tp(void *ctx)
{
	return follow_exit();
}

#endif
