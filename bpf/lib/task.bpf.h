/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Facts about a task that only some columns ask for. */
#ifndef CORELETS_TASK_BPF_H
#define CORELETS_TASK_BPF_H

#include "lib/path.bpf.h"

#define CGROUP_DEPTH 32

/* Walks up from the kernfs node at s->path_dentry.  Global for the verifier's sake, see path.bpf.h. */
__noinline int cgroup_climb(void)
{
	struct scratch *s = scratch_current();
	struct kernfs_node *node, *parent;

	if (!s)
		return 1;
	node = (void *)s->path_dentry;
	for (int i = 0; i < CGROUP_DEPTH; i++) {
		unsigned char *name;
		char one[256];
		long len;

		parent = node ? kernfs_parent(node) : NULL;
		if (!parent)
			return 1;
		name = (void *)BPF_CORE_READ(node, name);
		len = bpf_probe_read_kernel_str(one, sizeof(one), name);
		if (len <= 0 || !path_prepend(s, name, len - 1))
			break;
		node = parent;
	}
	s->path_flags |= BYTES_FRONT_CUT;
	return 1;
}

/* The path of the task's cgroup (v2) below the root of that hierarchy. */
static __always_inline void task_cgroup_path(struct scratch *s, struct bytes *b,
					     struct task_struct *task)
{
	s->path_pos = PATH_SIZE;
	s->path_flags = 0;
	s->path_dentry = (__u64)BPF_CORE_READ(task, cgroups, dfl_cgrp, kn);
	cgroup_climb();
	path_add(s, b);
}

static __always_inline __u64 task_cgroup_id(struct task_struct *task)
{
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

static __always_inline void task_tty(struct scratch *s, struct bytes *b, struct task_struct *task)
{
	struct tty_struct *tty = BPF_CORE_READ(task, signal, tty);

	if (tty)
		record_add_str(s, b, tty->name, 64, FROM_KERNEL);
}

static __always_inline void task_cwd(struct scratch *s, struct bytes *b, struct task_struct *task)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);

	path_walk(s, mount_pos_of(&fs->pwd), mount_pos_of(&fs->root));
	path_add(s, b);
}

#endif
