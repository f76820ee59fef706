/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CORELETS_EXECSNOOP_H
#define CORELETS_EXECSNOOP_H

#include "lib/event.h"

#define ARGS_MAX  (64 << 10) /* bytes of arguments kept */
#define ANCESTORS 32	     /* generations looked at for --tree */
#define TTY_SIZE  64

#define WANT_EXE       (1ull << 0)
#define WANT_SCRIPT    (1ull << 1)
#define WANT_CWD       (1ull << 2)
#define WANT_CGROUP    (1ull << 3)
#define WANT_TTY       (1ull << 4)
#define WANT_PCOMM     (1ull << 5)
#define WANT_SESSION   (1ull << 6)
#define WANT_PIDNS     (1ull << 7)
#define WANT_TREE      (1ull << 8)
#define WANT_CGROUP_ID (1ull << 9)

/* A new program in a process, or (ret < 0) an attempt at that. */
struct exec_event {
	struct task_info task;
	__u64 cgroup_id;
	__u64 args_len; /* of all arguments with their NULs, also of those not read; ~0: not known */
	__s32 ret;
	__u32 argc; /* ~0: not known */
	__u32 loginuid;
	__u32 session; /* of the audit subsystem */
	__u32 sid;
	__u32 pidns;
	__u32 pidns_pid; /* pid inside its innermost namespace */
	char pcomm[COMM_SIZE];
	struct bytes exe;    /* resolved path of the image that runs; of a failure: as given */
	struct bytes script; /* what was asked for, if an interpreter runs it */
	struct bytes cwd;
	struct bytes cgroup;
	struct bytes tty;
	struct bytes args;	/* each with its NUL */
	struct bytes ancestors; /* pids, parent first */
};

#endif
