/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One accessor for each difference between kernels: the commit, its version, and when the shim
 * may go.  Nothing else in the tree asks what a kernel looks like. */
#ifndef CORELETS_COMPAT_BPF_H
#define CORELETS_COMPAT_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

struct kernfs_node___parent {
	struct kernfs_node *parent;
} __attribute__((preserve_access_index));

struct kernfs_node___rcu {
	struct kernfs_node *__parent;
} __attribute__((preserve_access_index));

/* Linux 6.15, 633488947ef6 ("kernfs: Use RCU to access kernfs_node::parent."): renamed.
 * May go when 6.12 goes. */
static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *node)
{
	struct kernfs_node___parent *old = (void *)node;
	struct kernfs_node___rcu *new = (void *)node;

	if (bpf_core_field_exists(new->__parent))
		return BPF_CORE_READ(new, __parent);
	return BPF_CORE_READ(old, parent);
}

struct task_struct___old {
	long state;
} __attribute__((preserve_access_index));

/* Linux 5.14, 2f064a59a11f ("sched: Change task_struct::state"): renamed, and narrower; vendors
 * backported it.  May go when 5.10 goes. */
static __always_inline __u32 task_state(struct task_struct *task)
{
	struct task_struct___old *old = (void *)task;

	if (bpf_core_field_exists(task->__state))
		return BPF_CORE_READ(task, __state);
	return BPF_CORE_READ(old, state);
}

/* CONFIG_AUDIT: task_struct has no loginuid and no sessionid without it (linux/sched.h). */
struct task_struct___audit {
	kuid_t loginuid;
	unsigned int sessionid;
} __attribute__((preserve_access_index));

#define AUDIT_UNSET 0xffffffffu

static __always_inline __u32 task_loginuid(struct task_struct *task)
{
	struct task_struct___audit *t = (void *)task;

	return bpf_core_field_exists(t->loginuid) ? BPF_CORE_READ(t, loginuid.val) : AUDIT_UNSET;
}

static __always_inline __u32 task_audit_session(struct task_struct *task)
{
	struct task_struct___audit *t = (void *)task;

	return bpf_core_field_exists(t->sessionid) ? BPF_CORE_READ(t, sessionid) : AUDIT_UNSET;
}

struct cred___words {
	struct {
		__u32 cap[2];
	} cap_effective;
} __attribute__((preserve_access_index));

/* Linux 6.3, f122a08b197d ("capability: just use a 'u64' instead of a 'u32[2]' array").  May go
 * when 6.1 goes. */
static __always_inline __u64 cred_caps(const struct cred *cred)
{
	const struct cred___words *old = (void *)cred;
	__u64 caps = 0;

	if (bpf_core_field_exists(old->cap_effective.cap))
		return BPF_CORE_READ(old, cap_effective.cap[0]) |
		       (__u64)BPF_CORE_READ(old, cap_effective.cap[1]) << 32;
	bpf_core_read(&caps, sizeof(caps), &cred->cap_effective);
	return caps;
}

struct io_open___plain {
	struct filename *filename;
} __attribute__((preserve_access_index));

struct io_open___delayed {
	struct delayed_filename filename;
} __attribute__((preserve_access_index));

/* Linux 7.0, 9fa3ec84587c ("allow incomplete imports of filenames"): the pointer went into a
 * struct delayed_filename.  May go when 6.18 goes. */
static __always_inline const char *io_open_name(struct io_open *open)
{
	struct io_open___delayed *new = (void *)open;
	struct io_open___plain *old = (void *)open;
	struct filename *name = NULL;

	if (bpf_core_field_exists(old->filename))
		name = BPF_CORE_READ(old, filename);
	else if (bpf_core_field_exists(new->filename))
		bpf_core_read(&name, sizeof(name), &new->filename);
	return BPF_CORE_READ(name, name);
}

struct bpf_prog_aux___verified {
	__u32 verified_insns;
} __attribute__((preserve_access_index));

/* Linux 5.16, aba64c7da983 ("bpf: Add verified_insns to bpf_prog_info and fdinfo").  0: not known.
 * May go when 5.10 goes. */
static __always_inline __u32 prog_verified_insns(struct bpf_prog_aux *aux)
{
	struct bpf_prog_aux___verified *new = (void *)aux;

	return bpf_core_field_exists(new->verified_insns) ? BPF_CORE_READ(new, verified_insns) : 0;
}

struct bpf_prog_aux___attach {
	struct btf *attach_btf;
} __attribute__((preserve_access_index));

/* Linux 5.11, 22dc4a0f5ed1 ("bpf: Remove hard-coded btf_vmlinux assumption from BPF verifier").
 * May go when 5.10 goes. */
static __always_inline struct btf *prog_attach_btf(struct bpf_prog_aux *aux)
{
	struct bpf_prog_aux___attach *new = (void *)aux;

	return bpf_core_field_exists(new->attach_btf) ? BPF_CORE_READ(new, attach_btf) : NULL;
}

/* CONFIG_CGROUP_BPF */
struct bpf_cgroup_link___any {
	struct cgroup *cgroup;
} __attribute__((preserve_access_index));

static __always_inline struct cgroup *link_cgroup(struct bpf_link *link)
{
	struct bpf_cgroup_link___any *l = (void *)link;

	return bpf_core_field_exists(l->cgroup) ? BPF_CORE_READ(l, cgroup) : NULL;
}

struct bpf_perf_link___any {
	struct file *perf_file;
} __attribute__((preserve_access_index));

/* Linux 5.15, b89fbfbb854c ("bpf: Implement minimal BPF perf link").  May go when 5.10 goes. */
static __always_inline struct file *link_perf_file(struct bpf_link *link)
{
	struct bpf_perf_link___any *l = (void *)link;

	return bpf_core_field_exists(l->perf_file) ? BPF_CORE_READ(l, perf_file) : NULL;
}

/* Linux 5.11, 3ca1032ab7ab ("bpf: Add bpf_get_current_task_btf helper"): the current task as the verifier
 * knows it, whose members are read in place, without a helper for each.  (Not for members that are
 * pointers: Linux 6.18 takes half a millisecond to verify each.)  May go when 5.10 goes. */
#define CURRENT_TYPED bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf)

#endif
