/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CORELETS_BPFLOAD_WATCH_H
#define CORELETS_BPFLOAD_WATCH_H

#include "lib/event.h"

#define ATTR_MAX    192	 /* bytes of union bpf_attr kept */
#define LOG_MAX	    1024 /* of the end of the verifier's log */
#define MESSAGE_MAX 1024 /* of a netlink message */
#define ARGS_MAX    1024

#define WANT_EXE	(1ull << 0)
#define WANT_ARGS	(1ull << 1)
#define WANT_CGROUP	(1ull << 2)
#define WANT_NAMESPACES (1ull << 3)

/* How something was done to BPF. */
enum watch_via {
	VIA_BPF, /* bpf(2): cmd is enum bpf_cmd */
	VIA_IOCTL,
	VIA_SETSOCKOPT, /* cmd is the option */
	VIA_PRCTL,
	VIA_SECCOMP,
	VIA_NETLINK, /* cmd is the type of the message */
	/* The rest is made by the tool. */
	VIA_END,     /* cmd is enum object_kind */
	VIA_PRESENT, /* the same */
	VIA_PROBES,
	VIA_QUERIES,
};

enum object_kind { OBJECT_PROG, OBJECT_MAP, OBJECT_LINK };

/* Which facts are the kernel's own. */
#define HAVE_PROG 1
#define HAVE_MAP  2
#define HAVE_LINK 4
#define HAVE_BTF  8
#define HAVE_PERF 16

/* Something that was done to BPF. */
struct bpfload_event {
	struct task_info task;
	__u64 lat_ns; /* ~0: not known */
	__u64 cgroup_id;
	__u64 caps;			      /* the caller's, effective */
	__u64 load_ns;			      /* CLOCK_BOOTTIME when the program was loaded */
	__u64 perf_config;		      /* of a perf event */
	__u64 lifetime_ns, run_count, run_ns; /* of an end; ~0: not known */
	__u8 tag[8];
	__s32 ret;
	__u32 via, cmd;
	__u32 compat; /* by a 32-bit program */
	__u32 userns; /* inode numbers of the caller's namespaces */
	__u32 netns, mntns, pidns;
	__u32 user_level; /* 0: the initial user namespace */
	__u32 have;	  /* HAVE_* */
	__u32 prog_id, prog_type, attach_type, verified_insns, jited_len, functions, used_maps, gpl;
	__u32 map_id, map_type, key_size, value_size, max_entries, map_flags;
	__u32 link_id, link_type;
	__u32 btf_id;
	__u32 perf_type;
	__u32 insns; /* instructions */
	__u32 flags;
	__u32 count; /* calls that this row stands for */
	__u32 errors;
	__u32 ifindex;
	struct bytes attr;     /* union bpf_attr as the caller has it after the call */
	struct bytes map_name; /* the object's */
	struct bytes prog_name;
	struct bytes license;
	struct bytes log;
	struct bytes attach_func; /* that a tracing program is for */
	struct bytes attach_btf;  /* whose function that is */
	struct bytes target;
	struct bytes exe;
	struct bytes args; /* each with its NUL */
	struct bytes cgroup;
	struct bytes message; /* netlink */
	/* By the tool. */
	struct bytes helpers, map_ids, source, detail;
};

/* Element operations are counted, not told one by one. */
struct element_key {
	__u32 pid, cmd, map_id, compat;
};

struct element_count {
	struct task_info task; /* of the first one */
	__u64 count, errors;
	__u32 map_type, pad;
	char map_name[16];
};

#endif
