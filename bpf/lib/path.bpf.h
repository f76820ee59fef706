/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Paths as the kernel has them, by walking dentries and mounts upwards (as fs/d_path.c does; the
 * helper bpf_d_path() is allowed in a few fentry programs only).  The path grows backwards from
 * the end of s->path, so it is in order and in one piece when the root is reached. */
#ifndef CORELETS_PATH_BPF_H
#define CORELETS_PATH_BPF_H

#include "lib/trace.bpf.h"

#define PATH_STEPS 64 /* components walked in one go */

struct mount_pos {
	struct dentry *dentry;
	struct vfsmount *mnt;
};

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
}

static __always_inline void path_start(struct scratch *s, const struct path *path)
{
	s->path_pos = PATH_SIZE;
	s->path_flags = 0;
	s->path_dentry = (__u64)BPF_CORE_READ(path, dentry);
	s->path_mnt = (__u64)BPF_CORE_READ(path, mnt);
}

/* Prepends "/name", or what fits of the end of it.  Returns false if the buffer is full. */
static __always_inline bool path_prepend(struct scratch *s, const unsigned char *name, __u32 len)
{
	__u64 pos = *(volatile __u32 *)&s->path_pos;

	if (len > 255)
		len = 255; /* NAME_MAX */
	if (pos < len + 1 || pos > PATH_SIZE)
		return false;
	pos -= len + 1;
	opaque(pos);
	opaque(len);
	pos &= PATH_SIZE - 1;
	len &= 255;
	if (bpf_probe_read_kernel(s->path + pos + 1, len, name))
		s->path_flags |= BYTES_UNREAD;
	s->path[pos] = '/';
	s->path_pos = pos;
	return true;
}

/* Walks up at most PATH_STEPS components towards *root*.  Returns true when it is there, false if
 * there is more to walk: call it again (after a tail call, for the verifier counts steps). */
static __always_inline bool path_walk(struct scratch *s, const struct mount_pos *root)
{
	struct dentry *dentry = (void *)s->path_dentry, *mnt_root;
	struct vfsmount *mnt = (void *)s->path_mnt;

	mnt_root = BPF_CORE_READ(mnt, mnt_root);
	for (int i = 0; i < PATH_STEPS; i++) {
		struct dentry *parent;
		struct qstr name;

		if (dentry == root->dentry && mnt == root->mnt)
			return true;
		if (dentry == mnt_root) {
			struct mount *m = mount_of(mnt), *up = BPF_CORE_READ(m, mnt_parent);

			if (m == up) {
				/* The top of a mount tree that is not the task's root. */
				s->path_flags |= BYTES_DETACHED;
				return true;
			}
			dentry = BPF_CORE_READ(m, mnt_mountpoint);
			mnt = (void *)up + bpf_core_field_offset(struct mount, mnt);
			mnt_root = BPF_CORE_READ(mnt, mnt_root);
			continue;
		}
		parent = BPF_CORE_READ(dentry, d_parent);
		bpf_core_read(&name, sizeof(name), &dentry->d_name);
		if (parent == dentry) {
			/* No directory: a memfd, pipe or socket has a name of its own at most. */
			s->path_flags |= BYTES_DETACHED;
			if (name.len && s->path_pos == PATH_SIZE)
				path_prepend(s, name.name, name.len);
			return true;
		}
		if (!path_prepend(s, name.name, name.len)) {
			s->path_flags |= BYTES_FRONT_CUT;
			return true;
		}
		dentry = parent;
	}
	s->path_dentry = (__u64)dentry;
	s->path_mnt = (__u64)mnt;
	return false;
}

/* Where the walked path begins in s->path; the root itself has not one component. */
static __always_inline __u32 path_close(struct scratch *s)
{
	if (*(volatile __u32 *)&s->path_pos >= PATH_SIZE) {
		s->path[PATH_SIZE - 1] = '/';
		s->path_pos = PATH_SIZE - 1;
	}
	return s->path_pos;
}

/* Appends the path that has been walked to the record. */
static __always_inline void path_add(struct scratch *s, struct bytes *b)
{
	__u64 pos = path_close(s);

	b->flags |= s->path_flags;
	opaque(pos);
	record_add(s, b, s->path + (pos & (PATH_SIZE - 1)), PATH_SIZE - pos, PATH_SIZE,
		   FROM_KERNEL);
}

/* d_unlinked() of include/linux/dcache.h. */
static __always_inline bool dentry_unlinked(struct dentry *dentry)
{
	return !BPF_CORE_READ(dentry, d_hash.pprev) && BPF_CORE_READ(dentry, d_parent) != dentry;
}

static __always_inline struct mount_pos task_root(struct task_struct *task)
{
	struct mount_pos root = {
		.dentry = BPF_CORE_READ(task, fs, root.dentry),
		.mnt = BPF_CORE_READ(task, fs, root.mnt),
	};

	return root;
}

/* The whole in one go; a path of more than PATH_STEPS components loses its beginning, marked. */
static __always_inline void path_add_of(struct scratch *s, struct bytes *b, const struct path *path,
					const struct mount_pos *root)
{
	path_start(s, path);
	if (dentry_unlinked((void *)s->path_dentry))
		s->path_flags |= BYTES_DELETED;
	if (!path_walk(s, root))
		s->path_flags |= BYTES_FRONT_CUT;
	path_add(s, b);
}

#endif
