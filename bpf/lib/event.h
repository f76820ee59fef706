/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the BPF programs and the front ends share: everything that crosses from one side to the
 * other is declared here or in a tool's own X.h.  Fixed-width types, no holes. */
#ifndef CORELETS_EVENT_H
#define CORELETS_EVENT_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define COMM_SIZE    16	  /* TASK_COMM_LEN */
#define PATH_SIZE    4096 /* PATH_MAX */
#define FILTER_COMMS 16	  /* names that -n takes */

/* include/uapi/asm-generic/fcntl.h, arch/arm64/include/uapi/asm/fcntl.h */
#if defined(__aarch64__) || defined(__TARGET_ARCH_arm64)
#define KERNEL_O_LARGEFILE 0400000
#else
#define KERNEL_O_LARGEFILE 0100000
#endif

/* The thread that caused an event.  Every event starts with this. */
struct task_info {
	__u64 boot_ns; /* CLOCK_BOOTTIME, when it happened */
	__u32 pid; /* pid, tid and ppid as the tool's PID namespace numbers them; 0: not in it */
	__u32 tid;
	__u32 ppid;
	__u32 uid;
	__u32 gid;
	__u32 cpu;
	char comm[COMM_SIZE];
};

/* A string in the tail of a record: where, how long, and what is wrong with it. */
struct bytes {
	__u32 off; /* from the start of the record; 0: never filled */
	__u32 len;
	__u32 flags; /* BYTES_* */
};

#define BYTES_TRUNCATED 1  /* the end is missing */
#define BYTES_FRONT_CUT 2  /* the beginning is missing (a path deeper than we walk) */
#define BYTES_UNREAD	4  /* could not be read */
#define BYTES_DELETED	8  /* a path whose last component has been unlinked */
#define BYTES_DETACHED	16 /* a path that does not lead to the root it is relative to */

#define WANT_PPID (1ull << 63) /* columns of the runtime; a tool's own start at bit 0 */

/* Why an event, or a value of one, was lost.  Names in tools/lib/tool.c. */
enum lost_reason {
	LOST_RING_FULL,	  /* the ring buffer had no room */
	LOST_MAP_FULL,	  /* no room to remember a call or a process */
	LOST_UNPAIRED,	  /* the end of a call whose beginning was not seen, or was evicted */
	LOST_READ_FAILED, /* a value could not be read: the event is shown with ? */
	LOST_RECURSION,	  /* a program interrupted another one in the middle of a record */
	LOST_NEGATIVE,	  /* an interval came out negative */
	LOST_REASONS,
};

/* One CPU's counters; a cache line of its own. */
struct losses {
	__u64 count[8];
};

/* The common filters, constant while the programs run. */
struct filter {
	__u32 self;	   /* the tool's own pid, which is never traced; 0: trace it */
	__u32 command;	   /* children of the tool are traced (-- COMMAND) */
	__u32 follow;	   /* the processes in `followed` are traced */
	__u32 follow_pids; /* children of listed processes enter `followed` (-f) */
	__u32 pids;	   /* lengths of the lists; 0: no such filter */
	__u32 tids;
	__u32 uids;
	__u32 comms;
	__u32 cgroup;		      /* the task must be below filter_cgroup[0] */
	__u32 pidns;		      /* inode of the tool's PID namespace; 0: the initial one */
	__u32 ring_shift;	      /* log2 of how many bytes in the ring make a wake-up */
	__u32 without;		      /* WITHOUT_*: helpers not to be used */
	__u32 tool;		      /* the tool's own pid, also with --self */
	__u32 only_pid;		      /* the one of the list, if there is but one */
	__u64 since_ns;		      /* CLOCK_BOOTTIME, before anything was attached */
	__u32 comm_len[FILTER_COMMS]; /* bytes to compare; COMM_SIZE means all, with the NUL */
	char comm[FILTER_COMMS][COMM_SIZE];
};

#define FOLLOWED_CHUNK 64 /* processes in one element of the map followed */

#define WITHOUT_TASK_STORAGE 1

#endif
