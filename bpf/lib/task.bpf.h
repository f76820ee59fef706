/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Facts about a task that only some columns ask for. */
#ifndef CORELETS_TASK_BPF_H
#define CORELETS_TASK_BPF_H

#include "lib/path.bpf.h"

#define CGROUP_DEPTH 32

/* The path of the task's cgroup (v2) below the root of that hierarchy. */
static __always_inline void task_cgroup_path(struct scratch *s, struct bytes *b,
					     struct task_struct *task)
{
	struct kernfs_node *node = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn), *parent;
	unsigned char *name;
	char one[256];
	bool whole = false;

	s->path_pos = PATH_SIZE;
	s->path_flags = 0;
	for (int i = 0; i < CGROUP_DEPTH; i++) {
		long len;

		parent = node ? kernfs_parent(node) : NULL;
		if (!parent) {
			whole = true;
			break;
		}
		name = (void *)BPF_CORE_READ(node, name);
		len = bpf_probe_read_kernel_str(one, sizeof(one), name);
		if (len <= 0 || !path_prepend(s, name, len - 1))
			break;
		node = parent;
	}
	if (!whole)
		s->path_flags |= BYTES_FRONT_CUT;
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
	struct mount_pos root = task_root(task);
	struct fs_struct *fs = BPF_CORE_READ(task, fs);

	path_add_of(s, b, &fs->pwd, &root);
}

#endif
