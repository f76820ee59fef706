/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stacks of the current task, in their exact length, at the end of a record.
 *
 * bpf_get_stack(), and not bpf_get_stackid(), which loses a stack or hands out another one's where
 * two hash alike. */
#ifndef CORELETS_STACK_BPF_H
#define CORELETS_STACK_BPF_H

#include "lib/trace.bpf.h"

#define STACK_BYTES(depth) ((depth)*8)

/* Puts the stack of the kernel, or with BPF_F_USER_STACK the program's, at *at* + *off*, where there
 * is room for *depth* (a constant, 2^n - 1) frames.  Returns the bytes of it, and sets *b*. */
static __always_inline __u32 stack_add(void *ctx, char *at, __u32 off, struct bytes *b,
				       const __u32 depth, __u64 flags)
{
	long n = bpf_get_stack(ctx, at + off, STACK_BYTES(depth), flags);

	if (n < 0)
		lost_count(LOST_READ_FAILED);
	if (n <= 0)
		return 0; /* a kernel thread has no program, a program that was interrupted no kernel */
	b->off = off;
	b->len = n;
	if (n >= STACK_BYTES(depth))
		b->flags = BYTES_TRUNCATED;
	return n & STACK_BYTES(depth);
}

/* Copies a record that is not in the scratch area into the ring, as record_submit() does; *now*: the
 * reader is woken up. */
static __always_inline void ring_output(void *record, __u32 len, bool now)
{
	__u64 before = bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA), after = before + len + 8;
	__u64 flags = BPF_RB_NO_WAKEUP;

	if (now || (before ^ after) >> filter.ring_shift)
		flags = BPF_RB_FORCE_WAKEUP;
	if (bpf_ringbuf_output(&events, record, len, flags))
		lost_count(LOST_RING_FULL);
}

#endif
