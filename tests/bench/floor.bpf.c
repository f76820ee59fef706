/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What cannot be gone below: the attach points of opensnoop and execsnoop with programs that do
 * nothing, and with ones that put as many bytes into a ring for each open or exec. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile __u32 bytes = 0;
const volatile __u32 openat = 0; /* its number */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} events SEC(".maps");

static __always_inline void submit(void)
{
	void *record = bpf_ringbuf_reserve(&events, bytes, 0);

	if (record)
		bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(open_floor, struct pt_regs *regs, long ret)
{
#ifdef __TARGET_ARCH_arm64
	if ((__u32)regs->syscallno == openat)
#else
	if (regs->orig_ax == openat)
#endif
		submit();
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(open_empty, struct pt_regs *regs, long ret)
{
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec_floor)
{
	submit();
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(exec_empty)
{
	return 0;
}
