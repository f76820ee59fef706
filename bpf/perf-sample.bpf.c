/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stacks: of what runs when a CPU's event fires, and of what goes off its CPU to wait. */
#include "vmlinux.h"
#include "perf-sample.h"
#define EVENT	   struct sample_event
#define RECORD_MAX 4096

#include "lib/trace.bpf.h"
#include "lib/follow.bpf.h"
#include "lib/stack.bpf.h"

#define SEEN	  4096
#define TASK_DEAD 0x80 /* include/linux/sched.h */

const volatile __u32 idle_too = 0;
const volatile __u32 no_kernel = 0;
const volatile __u32 no_user = 0;
const volatile __u64 min_off_ns = 0;

__u32 command = 0; /* pid of the traced command, set before it starts */

/* What was sampled lately: address spaces, at the places that they hash to. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SEEN);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

/* A thread that waits: its record, but for how long. */
struct waiting {
	__u32 live;
	__u32 len;
	struct sample_event event;
	char frames[2 * STACK_BYTES(STACK_DEPTH) + 8];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct waiting);
} pending_storage SEC(".maps");

/* For kernels and programs that have no task storage, or no memory for it at that moment. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct waiting);
} pending_lru SEC(".maps");

/* Fills a record that *frames* of 2 * STACK_BYTES() follow.  Returns its length. */
static __always_inline __u32 sample_fill(void *ctx, struct sample_event *ev, char *frames)
{
	__u32 len = 0;

	task_info_fill(&ev->task);
	if (!no_kernel)
		len = stack_add(ctx, frames, 0, &ev->kernel, STACK_DEPTH, 0);
	if (!no_user)
		len += stack_add(ctx, frames, len, &ev->user, STACK_DEPTH, BPF_F_USER_STACK);
	ev->kernel.off += sizeof(*ev);
	ev->user.off += sizeof(*ev);
	return sizeof(*ev) + len;
}

/* Whether the current process is new here: then its files must be looked at before it ends. */
static __always_inline bool space_is_new(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 mm = (__u64)BPF_CORE_READ(task, mm), hash, *known;
	__u32 at;

	mm ^= bpf_get_current_pid_tgid() & ~0ull << 32;
	hash = mm * 0x9e3779b97f4a7c15ull;
	at = hash >> 52;
	known = bpf_map_lookup_elem(&seen, &at);
	if (!known || *known == mm)
		return false;
	*known = mm;
	return true;
}

/* Whether the current task passes the filters, and is none of the tool's own processes: its child
 * that reads files. */
static __always_inline bool sample_wanted(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (!task_wanted())
		return false;
	if (!filter.self || task_pid(BPF_CORE_READ(task, real_parent)) != filter.self)
		return true;
	return current_ids() >> 32 == *(volatile __u32 *)&command;
}

static __always_inline int sample(void *ctx)
{
	struct sample_event *ev;
	struct scratch *s;
	__u32 len;

	if (!idle_too && !(__u32)bpf_get_current_pid_tgid())
		return 0;
	if (!sample_wanted())
		return 0;
	ev = record_new(s, struct sample_event);
	if (!ev)
		return 0;
	len = sample_fill(ctx, ev, s->record + sizeof(*ev));
	opaque(len);
	if (len <= RECORD_MAX)
		ring_output(ev, len, ev->user.len && space_is_new());
	record_discard(s);
	return 0;
}

SEC("?perf_event/cycles")
int sample_cycles(struct bpf_perf_event_data *ctx)
{
	return sample(ctx);
}

SEC("?perf_event/cpu-clock")
int sample_clock(struct bpf_perf_event_data *ctx)
{
	return sample(ctx);
}

/* ---- off CPU ---- */

static __always_inline struct waiting *wait_stored(struct task_struct *task, bool storage,
						   __u64 flags)
{
	return storage ? bpf_task_storage_get(&pending_storage, task, NULL, flags) : NULL;
}

/* That a thread came back on a CPU before was not seen, if it goes off it while it waits still. */
static __always_inline void wait_missed(struct waiting *w)
{
	if (w && w->live) {
		lost_count(LOST_UNPAIRED);
		w->live = 0;
	}
}

/* The current thread, *prev*, is about to wait. */
static __always_inline void wait_begin(void *ctx, struct task_struct *prev, bool storage)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct waiting *w;
	struct scratch *s;

	if (!sample_wanted())
		return;
	w = wait_stored(prev, storage, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (w) {
		wait_missed(w);
		__builtin_memset(&w->event, 0, sizeof(w->event));
		w->len = sample_fill(ctx, &w->event, w->frames);
		w->live = 1;
		return;
	}
	wait_missed(bpf_map_lookup_elem(&pending_lru, &tid));
	s = record_start(sizeof(struct waiting) - sizeof(w->frames));
	if (!s)
		return;
	w = (struct waiting *)s->record;
	w->len = sample_fill(ctx, &w->event, w->frames);
	w->live = 1;
	if (bpf_map_update_elem(&pending_lru, &tid, w, BPF_ANY))
		lost_count(LOST_MAP_FULL);
	record_discard(s);
}

/* It is about to go for ever. */
static __always_inline void wait_never(struct task_struct *prev, bool storage)
{
	__u32 tid = bpf_get_current_pid_tgid();

	wait_missed(wait_stored(prev, storage, 0));
	wait_missed(bpf_map_lookup_elem(&pending_lru, &tid));
	bpf_map_delete_elem(&pending_lru, &tid);
}

static __always_inline void wait_submit(struct waiting *w)
{
	__u64 now = bpf_ktime_get_boot_ns(), since = w->event.task.boot_ns;
	__u32 len = w->len;

	w->live = 0;
	if (now < since) {
		lost_count(LOST_NEGATIVE);
		return;
	}
	if (now - since < min_off_ns)
		return;
	w->event.off_ns = now - since ?: 1;
	opaque(len);
	if (len > sizeof(w->event) + sizeof(w->frames))
		return;
	ring_output(&w->event, len, false);
}

static __always_inline void wait_end(struct task_struct *next, __u32 tid, bool storage)
{
	struct waiting *w = wait_stored(next, storage, 0);

	if (w && w->live) {
		wait_submit(w);
		return;
	}
	w = bpf_map_lookup_elem(&pending_lru, &tid);
	if (!w)
		return;
	wait_submit(w);
	bpf_map_delete_elem(&pending_lru, &tid);
}

/* One that is preempted waits for a CPU only. */
static __always_inline void switch_out(void *ctx, bool preempt, struct task_struct *prev,
				       bool storage)
{
	__u32 state = task_state(prev);

	if (state & TASK_DEAD)
		wait_never(prev, storage);
	else if (!preempt && state)
		wait_begin(ctx, prev, storage);
}

SEC("?tp_btf/sched_switch")
int BPF_PROG(switch_btf, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	bool storage = !(filter.without & WITHOUT_TASK_STORAGE);

	switch_out(ctx, preempt, prev, storage);
	wait_end(next, next->pid, storage);
	return 0;
}

SEC("?raw_tp/sched_switch")
int switch_raw(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *prev = (void *)ctx->args[1], *next = (void *)ctx->args[2];

	switch_out(ctx, ctx->args[0], prev, false);
	wait_end(next, BPF_CORE_READ(next, pid), false);
	return 0;
}

/* prev_state: 0 or TASK_REPORT_MAX (include/linux/sched.h) for one that could go on. */
SEC("?tp/sched/sched_switch")
int switch_tp(struct trace_event_raw_sched_switch *ctx)
{
	bool preempt = !(BPF_CORE_READ(ctx, prev_state) & 0xff);

	switch_out(ctx, preempt, (void *)bpf_get_current_task(), false);
	wait_end(NULL, BPF_CORE_READ(ctx, next_pid), false);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
