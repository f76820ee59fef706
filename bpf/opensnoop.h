/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CORELETS_OPENSNOOP_H
#define CORELETS_OPENSNOOP_H

#include "lib/event.h"

#define PREFIX_MAX 256 /* --path-prefix, with its NUL */

#define WANT_LATENCY   (1ull << 0)
#define WANT_GIVEN     (1ull << 1)
#define WANT_INODE     (1ull << 2)
#define WANT_ROOT      (1ull << 3)
#define WANT_PATH      (1ull << 4)
#define WANT_CGROUP    (1ull << 5)
#define WANT_DIR       (1ull << 6)
#define WANT_CGROUP_ID (1ull << 7)
#define WANT_MNTNS     (1ull << 8)
#define WANT_FLAGS     (1ull << 9)

/* How a file was opened: the call's name, or io_uring. */
enum open_via {
	VIA_OPEN,
	VIA_CREAT,
	VIA_OPENAT,
	VIA_OPENAT2,
	VIA_IO_URING,
	VIA_UNKNOWN,
	VIA_COMPAT = 16, /* added to the others: by a 32-bit program */
};

struct open_event {
	struct task_info task;
	__u64 lat_ns; /* ~0: not measured */
	__u64 ino;
	__u64 cgroup_id;
	__u64 flags; /* O_* as asked for */
	__s32 ret;
	__u32 mode;	    /* asked for, or ~0 where it has no meaning */
	__u32 dev;	    /* as the kernel encodes it: major << 20 | minor; ~0: no file */
	__u32 type;	    /* S_IFMT bits of the file */
	__u32 via;	    /* enum open_via */
	__u32 mntns;	    /* mount namespace of the process */
	struct bytes path;  /* of the open file; of a failure: dir and given, see FAILED_* */
	struct bytes given; /* what the caller passed */
	struct bytes dir;   /* the directory that a relative path starts from */
	struct bytes root;  /* where the process's root lies in its mount namespace */
	struct bytes cgroup;
	__u32 fixed; /* ret is a slot of io_uring's file table, not a descriptor */
};

#endif
