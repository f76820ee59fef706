/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Facts about a task that only some columns ask for. */
#ifndef CORELETS_TASK_BPF_H
#define CORELETS_TASK_BPF_H

#include "lib/path.bpf.h"

#define CGROUP_DEPTH 32

/* One step up from the kernfs node at s->path_dentry.  Returns 1 at the root, or if nothing more
 * fits. */
__noinline int cgroup_climb(void)
{
	struct scratch *s = scratch_current();
	struct kernfs_node *node, *parent;
	unsigned char *name;
	long len;

	if (!s)
		return 1;
	node = (void *)s->path_dentry;
	parent = node ? kernfs_parent(node) : NULL;
	if (!parent)
		return 1;
	name = (void *)BPF_CORE_READ(node, name);
	len = bpf_probe_read_kernel_str(s->path + PATH_SIZE, 256, name);
	if (len <= 0 || !path_prepend(s, name, len - 1)) {
		s->path_flags |= BYTES_FRONT_CUT;
		return 1;
	}
	s->path_dentry = (__u64)parent;
	return 0;
}

/* The path of a cgroup below the root of its hierarchy. */
static __always_inline void cgroup_path(struct scratch *s, __u32 field, struct cgroup *cgroup)
{
	s->path_pos = PATH_SIZE;
	s->path_flags = 0;
	s->path_dentry = (__u64)BPF_CORE_READ(cgroup, kn);
	for (int i = 0; i < CGROUP_DEPTH; i++)
		if (cgroup_climb())
			goto out;
	s->path_flags |= BYTES_FRONT_CUT;
out:
	path_add(field);
}

/* Of the task's cgroup (v2). */
static __always_inline void task_cgroup_path(struct scratch *s, __u32 field,
					     struct task_struct *task)
{
	cgroup_path(s, field, BPF_CORE_READ(task, cgroups, dfl_cgrp));
}

/* The open file behind a descriptor of the current task, or NULL. */
static __always_inline struct file *current_file(__u32 fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file *file = NULL;
	/* One read: include/linux/fdtable.h has them side by side. */
	struct {
		__u32 max_fds, hole;
		struct file **fd;
	} table;

	bpf_core_read(&table, sizeof(table), &fdt->max_fds);
	if (fd < table.max_fds)
		bpf_probe_read_kernel(&file, sizeof(file), table.fd + fd);
	return file;
}

static __always_inline __u64 task_cgroup_id(struct task_struct *task)
{
	return BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
}

static __always_inline void task_tty(struct scratch *s, struct bytes *b, struct task_struct *task)
{
	struct tty_struct *tty = BPF_CORE_READ(task, signal, tty);

	if (tty)
		record_string(s, b, tty->name, sizeof(tty->name), FROM_KERNEL);
}

static __always_inline void task_cwd(__u32 field, struct task_struct *task)
{
	struct fs_struct *fs = BPF_CORE_READ(task, fs);

	path_walk((__u64)&fs->pwd, true);
	path_add(field);
}

#endif
