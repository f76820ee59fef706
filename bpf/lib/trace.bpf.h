/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every program starts from: the ring, the record under construction, the filters, the loss
 * counters and the facts about a task.
 *
 * A record is put together in a scratch area of this CPU and copied into the ring in its exact
 * length: bpf_ringbuf_reserve() wants a constant size, and most strings are short.  The area is
 * guarded by a counter, because on preemptible kernels another task's program may run on the same
 * CPU in the middle: whoever comes second gives up and is counted.
 *
 * Before this is included: EVENT is the struct of the tool's events, RECORD_MAX the bytes of its
 * longest record. */
#ifndef CORELETS_TRACE_BPF_H
#define CORELETS_TRACE_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "lib/event.h"
#include "lib/compat.bpf.h"

#define RECORD_SLACK 4096 /* so that the verifier sees that what is checked fits */
#define STRING_MAX   4096
#define FIXED_MAX    512 /* the fixed part of a record at most */

const volatile struct filter filter = {};
const volatile __u64 wanted = 0; /* columns asked for: WANT_* of the tool */

struct scratch {
	__u32 busy;
	__u32 len;	/* bytes of the record so far */
	__u32 path_pos; /* where the path under construction starts */
	__u32 path_flags;
	__u64 path_dentry, path_mnt; /* how far up the walk has come */
	__u64 root_dentry, root_mnt; /* where it ends */
	__u64 source;
	__u32 unlooked;		  /* bytes since record_submit() looked at the ring */
	__u32 shares;		  /* of the ring that were full then */
	char path[2 * PATH_SIZE]; /* filled from PATH_SIZE downwards */
	union {
		EVENT event; /* so that the object's BTF has it */
		char record[RECORD_MAX + RECORD_SLACK];
	};
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} events SEC(".maps");

/* One for each CPU (set before load); not a per-CPU map, whose values may have 32 KiB at most. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* One for each CPU (set before load), read by the tool through mmap without any privilege. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct losses);
} lost SEC(".maps");

/* The lists of -p, -t and -u; sized and filled by the tool, not created if empty. */
struct task_list {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u8);
};
struct task_list filter_pids SEC(".maps");
struct task_list filter_tids SEC(".maps");
struct task_list filter_uids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 4);
	__uint(value_size, 4);
} filter_cgroup SEC(".maps");

/* Processes traced because of their ancestry: a byte for every number that the kernel gives out
 * (pid_max, set before load), so it cannot fill up.  Not a hash: one that allocates as it goes is
 * warned about in tracing programs before Linux 6.1, and one that does not takes ten times this. */
struct followed {
	__u8 is[FOLLOWED_CHUNK];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct followed);
} followed SEC(".maps");

/* Adds without fetching: plain XADD, which every kernel knows.  Compilers may turn the builtin
 * into an atomic with BPF_FETCH, refused before Linux 5.12. */
static __always_inline void add_u32(__u32 *p, __u32 n)
{
	asm volatile("lock *(u32 *)(%0 + 0) += %1" : : "r"(p), "r"(n) : "memory");
}

static __always_inline void add_u64(__u64 *p, __u64 n)
{
	asm volatile("lock *(u64 *)(%0 + 0) += %1" : : "r"(p), "r"(n) : "memory");
}

static __always_inline void lost_count(enum lost_reason reason)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct losses *losses = bpf_map_lookup_elem(&lost, &cpu);

	if (losses)
		add_u64(&losses->count[reason & 7], 1);
}

static __always_inline bool followed_get(__u32 tgid)
{
	__u32 chunk = tgid / FOLLOWED_CHUNK;
	struct followed *f = bpf_map_lookup_elem(&followed, &chunk);

	return f && f->is[tgid % FOLLOWED_CHUNK];
}

static __always_inline void followed_set(__u32 tgid, bool is)
{
	__u32 chunk = tgid / FOLLOWED_CHUNK;
	struct followed *f = bpf_map_lookup_elem(&followed, &chunk);

	if (f)
		f->is[tgid % FOLLOWED_CHUNK] = is;
	else
		lost_count(LOST_MAP_FULL);
}

static __always_inline bool wants(__u64 what)
{
	return wanted & what;
}

/* ---- tasks ---- */

/* A struct pid's number in the tool's namespace, which is not the initial one; 0 if it has none there.
 * Not inline: most programs have it several times, and never run it. */
static __noinline __u32 pid_in_view(struct pid *pid)
{
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid upid;

	for (__u32 i = 0; i < 32; i++) {
		if (i > level)
			break;
		if (bpf_core_read(&upid, sizeof(upid), &pid->numbers[i]))
			break;
		if (BPF_CORE_READ(upid.ns, ns.inum) == filter.pidns)
			return upid.nr;
	}
	return 0;
}

static __always_inline __u32 pid_number(struct pid *pid)
{
	return filter.pidns ? pid_in_view(pid) : BPF_CORE_READ(pid, numbers[0].nr);
}

static __always_inline __u32 task_tid(struct task_struct *task)
{
	return filter.pidns ? pid_in_view(BPF_CORE_READ(task, thread_pid)) :
			      BPF_CORE_READ(task, pid);
}

static __always_inline __u32 task_pid(struct task_struct *task)
{
	return filter.pidns ? pid_in_view(BPF_CORE_READ(task, signal, pids[PIDTYPE_TGID])) :
			      BPF_CORE_READ(task, tgid);
}

/* pid << 32 | tid of the current task, in the tool's namespace. */
static __always_inline __u64 current_ids(void)
{
	struct task_struct *task;

	if (!filter.pidns)
		return bpf_get_current_pid_tgid();
	task = (void *)bpf_get_current_task();
	return (__u64)task_pid(task) << 32 | task_tid(task);
}

static __always_inline bool comm_wanted(void)
{
	char comm[COMM_SIZE] = {};

	bpf_get_current_comm(comm, sizeof(comm));
	for (__u32 i = 0; i < FILTER_COMMS; i++) {
		bool same = true;

		if (i >= filter.comms)
			break;
		for (__u32 k = 0; k < COMM_SIZE; k++) {
			if (k >= filter.comm_len[i])
				break;
			if (comm[k] != filter.comm[i][k]) {
				same = false;
				break;
			}
		}
		if (same)
			return true;
	}
	return false;
}

/* Takes the current process for followed if its parent is, and it began after the tool: where
 * programs can be preempted (Linux 7.0), the kernel may leave out the one at its fork, for another
 * task is in it on that CPU.  That is counted as a loss; the process is not to be lost with it. */
static __always_inline bool follow_adopt(void)
{
	struct task_struct *task = (void *)bpf_get_current_task(), *parent;
	__u32 pid, tgid = bpf_get_current_pid_tgid() >> 32;

	if (BPF_CORE_READ(task, group_leader, start_boottime) < filter.since_ns)
		return false;
	parent = BPF_CORE_READ(task, real_parent);
	pid = task_pid(parent);
	if (!(filter.command && pid == filter.tool) &&
	    !(filter.follow_pids && bpf_map_lookup_elem(&filter_pids, &pid)) &&
	    !followed_get(BPF_CORE_READ(parent, tgid)))
		return false;
	followed_set(tgid, true);
	return true;
}

/* Whether the current task passes -p, -t, -f, -u, -n, -c and is not the tool itself.  Call it
 * before anything is read or remembered. */
static __always_inline bool task_wanted(void)
{
	__u64 ids = current_ids();
	__u32 pid = ids >> 32, tid = ids, uid;

	if (filter.self && pid == filter.self)
		return false;
	if (filter.pids || filter.follow) {
		bool listed = filter.only_pid ?
				      pid == filter.only_pid :
				      filter.pids && bpf_map_lookup_elem(&filter_pids, &pid);

		if (!listed && filter.follow)
			listed = followed_get(bpf_get_current_pid_tgid() >> 32) || follow_adopt();
		if (!listed)
			return false;
	}
	if (filter.tids && !bpf_map_lookup_elem(&filter_tids, &tid))
		return false;
	if (filter.uids) {
		uid = bpf_get_current_uid_gid();
		if (!bpf_map_lookup_elem(&filter_uids, &uid))
			return false;
	}
	if (filter.comms && !comm_wanted())
		return false;
	if (filter.cgroup && bpf_current_task_under_cgroup(&filter_cgroup, 0) != 1)
		return false;
	return true;
}

static __always_inline void task_info_fill(struct task_info *info)
{
	__u64 ids = current_ids(), owner = bpf_get_current_uid_gid();

	info->boot_ns = bpf_ktime_get_boot_ns();
	info->pid = ids >> 32;
	info->tid = ids;
	info->uid = owner;
	info->gid = owner >> 32;
	info->cpu = bpf_get_smp_processor_id();
	if (wants(WANT_PPID)) {
		struct task_struct *task = (void *)bpf_get_current_task();

		info->ppid = task_pid(BPF_CORE_READ(task, real_parent));
	}
	bpf_get_current_comm(info->comm, sizeof(info->comm));
}

/* ---- records ---- */

static __always_inline struct scratch *scratch_current(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&scratches, &cpu);
}

/* Starts a record whose fixed part has *size* bytes, zeroed.  Returns NULL, counted, if another
 * record is being made on this CPU.  Every path from here ends in record_submit() or
 * record_discard(). */
static __always_inline struct scratch *record_start(__u32 size)
{
	struct scratch *s = scratch_current();

	if (!s)
		return NULL;
	add_u32(&s->busy, 1);
	if (*(volatile __u32 *)&s->busy != 1) {
		add_u32(&s->busy, -1);
		lost_count(LOST_RECURSION);
		return NULL;
	}
	__builtin_memset(s->record, 0, size);
	s->len = size;
	return s;
}

#define record_new(s, type) ((s) = record_start(sizeof(type)), (s) ? (type *)(s)->record : NULL)

static __always_inline void record_discard(struct scratch *s)
{
	add_u32(&s->busy, -1);
}

static __always_inline void record_output(struct scratch *s, __u64 flags)
{
	__u32 len = *(volatile __u32 *)&s->len;

	if (len > RECORD_MAX)
		len = RECORD_MAX;
	if (bpf_ringbuf_output(&events, s->record, len, flags))
		lost_count(LOST_RING_FULL);
	add_u32(&s->busy, -1);
}

/* Copies the record into the ring.  The reader is woken up only when the ring has filled up by
 * another share (filter.ring_shift), else it looks by itself every few milliseconds.  To look how full
 * it is costs as much as half of the copy: this is done for each 64th part of a share. */
static __always_inline void record_submit(struct scratch *s)
{
	__u64 flags = BPF_RB_NO_WAKEUP;
	__u32 shares;

	s->unlooked += s->len;
	if (s->unlooked >> (filter.ring_shift - 6)) {
		s->unlooked = 0;
		shares = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >> filter.ring_shift;
		if (shares > s->shares)
			flags = BPF_RB_FORCE_WAKEUP;
		s->shares = shares;
	}
	record_output(s, flags);
}

/* The same for what is rare and pressing: the reader is woken up. */
static __always_inline void record_submit_now(struct scratch *s)
{
	record_output(s, BPF_RB_FORCE_WAKEUP);
}

/* Keeps a value in a register as it was checked: without this, compilers check one copy and use
 * another. */
#define opaque(x) asm volatile("" : "+r"(x))

enum record_source { FROM_KERNEL, FROM_USER };

/* The struct bytes at offset *field* of the record.  Functions that the verifier is to look at once,
 * however often they are called, are global, and get numbers instead of pointers. */
static __always_inline struct bytes *record_field(struct scratch *s, __u32 field)
{
	opaque(field);
	if (field > FIXED_MAX - sizeof(struct bytes))
		field = 0;
	return (struct bytes *)(s->record + field);
}

/* Appends *len* bytes (at most *max*, a constant) from *src* to the record. */
static __always_inline bool record_add(struct scratch *s, struct bytes *b, const void *src,
				       __u64 len, const __u32 max, enum record_source from)
{
	__u64 off = *(volatile __u32 *)&s->len;
	long err;

	if (len > max) {
		len = max;
		b->flags |= BYTES_TRUNCATED;
	}
	opaque(len);
	opaque(off);
	if (off > RECORD_MAX - max || len > max) {
		b->flags |= BYTES_TRUNCATED;
		return false;
	}
	b->off = off;
	if (!len)
		return true;
	if (from == FROM_USER)
		err = bpf_probe_read_user(s->record + off, len, src);
	else
		err = bpf_probe_read_kernel(s->record + off, len, src);
	if (err) {
		b->flags |= BYTES_UNREAD;
		return false;
	}
	b->len = len;
	s->len = off + len;
	return true;
}

/* Appends the NUL-terminated string at *src*, without its NUL: at most *max* - 1 bytes, *max* up to
 * STRING_MAX.  Returns 0, or BYTES_* of what went wrong. */
__noinline int record_add_string(__u64 src, __u32 max, __u32 from)
{
	struct scratch *s = scratch_current();
	char next = 0;
	__u64 off;
	long n;

	if (!s)
		return BYTES_UNREAD;
	off = *(volatile __u32 *)&s->len;
	opaque(off);
	if (off > RECORD_MAX - STRING_MAX)
		return BYTES_TRUNCATED;
	if (max > STRING_MAX)
		max = STRING_MAX;
	if (from == FROM_USER)
		n = bpf_probe_read_user_str(s->record + off, max, (void *)src);
	else
		n = bpf_probe_read_kernel_str(s->record + off, max, (void *)src);
	if (n < 0)
		return BYTES_UNREAD;
	if (!n)
		n = 1; /* an empty string, until Linux 6.13 without its NUL */
	s->len = off + n - 1;
	if (n < max)
		return 0;
	/* Full to the last byte, and the helper puts a NUL there: the byte of the source tells. */
	if (from == FROM_USER)
		bpf_probe_read_user(&next, 1, (void *)(src + max - 1));
	else
		bpf_probe_read_kernel(&next, 1, (void *)(src + max - 1));
	return next ? BYTES_TRUNCATED : 0;
}

/* The same into the struct bytes *b*.  Returns whether it could be read. */
static __always_inline bool record_string(struct scratch *s, struct bytes *b, const void *src,
					  __u32 max, enum record_source from)
{
	__u32 off = s->len;

	/* Through memory: a typed pointer is no number to the verifier. */
	s->source = (__u64)src;
	b->flags |= record_add_string(*(volatile __u64 *)&s->source, max, from);
	b->off = off;
	b->len = s->len - off;
	return !(b->flags & BYTES_UNREAD);
}

#endif
