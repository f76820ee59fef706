/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Paths as the kernel has them, by walking dentries and mounts upwards (as fs/d_path.c does; the
 * helper bpf_d_path() is allowed in a few fentry programs only).  The path grows backwards from
 * the end of s->path, so it is in order and in one piece when the root is reached.
 *
 * The walk is a global function: the verifier looks at its loop once, however often it is called,
 * and it is called until the root is reached.  So a path may have as many components as PATH_MAX
 * allows on every kernel, without bpf_loop() (5.17) and at little cost at load time. */
#ifndef CORELETS_PATH_BPF_H
#define CORELETS_PATH_BPF_H

#include "lib/trace.bpf.h"

/* PATH_STEPS components in one call of path_climb(), PATH_CALLS calls in each of two levels of
 * functions above it: enough for PATH_MAX / 2 components, and mount points on the way. */
#define PATH_STEPS 4
#define PATH_CALLS 24

static __always_inline struct mount *mount_of(struct vfsmount *mnt)
{
	return (void *)mnt - bpf_core_field_offset(struct mount, mnt);
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

static __always_inline void path_prepend_char(struct scratch *s, char c)
{
	__u64 pos = *(volatile __u32 *)&s->path_pos - 1;

	opaque(pos);
	s->path[pos & (PATH_SIZE - 1)] = c;
	s->path_pos = pos;
}

#define PIPEFS_MAGIC 0x50495045 /* include/uapi/linux/magic.h */
#define SOCKFS_MAGIC 0x534f434b
#define NSFS_MAGIC   0x6e736673

/* The whole name of a file that is in no directory: as its d_dname() makes it ("pipe:[INODE]",
 * "socket:[INODE]", "net:[INODE]" of a namespace), else its own ("memfd:NAME"). */
__noinline int path_alone(__u64 at)
{
	struct dentry *dentry = (void *)at;
	struct inode *inode = BPF_CORE_READ(dentry, d_inode);
	__u64 magic = BPF_CORE_READ(dentry, d_sb, s_magic), ino = BPF_CORE_READ(inode, i_ino);
	struct scratch *s = scratch_current();
	char name[16] = "socket";
	long len = 6;

	if (!s)
		return 0;
	if (magic != PIPEFS_MAGIC && magic != SOCKFS_MAGIC && magic != NSFS_MAGIC) {
		__u32 own = BPF_CORE_READ(dentry, d_name.len);

		s->path_flags |= BYTES_DETACHED;
		if (own)
			path_prepend(s, BPF_CORE_READ(dentry, d_name.name), own);
		return 0;
	}
	path_prepend_char(s, ']');
	for (int i = 0; i < 20; i++) {
		path_prepend_char(s, '0' + ino % 10);
		ino /= 10;
		if (!ino)
			break;
	}
	path_prepend_char(s, '[');
	path_prepend_char(s, ':');
	/* Read again: or the verifier goes through the loop for each of the three. */
	magic = BPF_CORE_READ(dentry, d_sb, s_magic);
	if (magic == PIPEFS_MAGIC) {
		__builtin_memcpy(name, "pipe", 5);
		len = 4;
	} else if (magic == NSFS_MAGIC) {
		struct ns_common *ns = BPF_CORE_READ(inode, i_private);

		len = bpf_probe_read_kernel_str(name, sizeof(name), BPF_CORE_READ(ns, ops, name));
		len--;
	}
	path_prepend(s, (unsigned char *)name, len);
	s->path_pos++; /* no slash */
	return 0;
}

/* What one step needs of a dentry, in one read: d_parent and d_name lie side by side in every
 * kernel so far (include/linux/dcache.h: all the path lookup touches is kept together). */
struct dentry_up {
	struct dentry *parent;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	__u32 len, hash; /* struct qstr, HASH_LEN_DECLARE */
#else
	__u32 hash, len;
#endif
	const unsigned char *name;
};

#define PATH_ALONE 2

/* Walks up at most PATH_STEPS components towards the root in the scratch area.  Returns 1 when it
 * is there, PATH_ALONE if the file is in no directory, 0 if there is more to walk. */
__noinline int path_climb(void)
{
	struct scratch *s = scratch_current();
	struct dentry *dentry, *mnt_root, *root;
	struct vfsmount *mnt, *root_mnt;

	if (!s)
		return 1;
	dentry = (void *)s->path_dentry;
	mnt = (void *)s->path_mnt;
	root = (void *)s->root_dentry;
	root_mnt = (void *)s->root_mnt;
	mnt_root = BPF_CORE_READ(mnt, mnt_root);
	for (int i = 0; i < PATH_STEPS; i++) {
		struct dentry_up up;

		if (dentry == root && mnt == root_mnt)
			return 1;
		if (dentry == mnt_root) {
			struct mount *m = mount_of(mnt), *above = BPF_CORE_READ(m, mnt_parent);

			if (m == above) {
				/* The top of a mount tree that is not the task's root. */
				s->path_flags |= BYTES_DETACHED;
				return 1;
			}
			dentry = BPF_CORE_READ(m, mnt_mountpoint);
			mnt = (void *)above + bpf_core_field_offset(struct mount, mnt);
			mnt_root = BPF_CORE_READ(mnt, mnt_root);
			continue;
		}
		bpf_core_read(&up, sizeof(up), &dentry->d_parent);
		if (up.parent == dentry) {
			/* In no directory. */
			s->path_dentry = (__u64)dentry;
			if (s->path_pos == PATH_SIZE)
				return PATH_ALONE;
			s->path_flags |= BYTES_DETACHED;
			return 1;
		}
		if (!path_prepend(s, up.name, up.len)) {
			s->path_flags |= BYTES_FRONT_CUT;
			return 1;
		}
		dentry = up.parent;
	}
	s->path_dentry = (__u64)dentry;
	s->path_mnt = (__u64)mnt;
	return 0;
}

__noinline int path_climb_more(void)
{
	for (int i = 0; i < PATH_CALLS; i++) {
		int end = path_climb();

		if (end)
			return end;
	}
	return 0;
}

/* Where the current task's absolute paths begin. */
static __always_inline struct path current_root(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fs_struct *fs = BPF_CORE_READ(task, fs);
	struct path root = {};

	bpf_core_read(&root, sizeof(root), &fs->root);
	return root;
}

/* Walks from *at*, the address of a struct path in the kernel, to the current task's root, or if not
 * *rooted* to the top of the mount namespace.  The result is in the scratch area. */
__noinline int path_walk(__u64 at, __u32 rooted)
{
	struct scratch *s = scratch_current();
	struct path pos = {}, end = {};

	if (!s)
		return 0;
	bpf_core_read(&pos, sizeof(pos), (struct path *)at);
	if (rooted)
		end = current_root();
	s->path_pos = PATH_SIZE;
	s->path_flags = 0;
	s->path_dentry = (__u64)pos.dentry;
	s->path_mnt = (__u64)pos.mnt;
	s->root_dentry = (__u64)end.dentry;
	s->root_mnt = (__u64)end.mnt;
	/* d_unlinked() of include/linux/dcache.h. */
	if (!BPF_CORE_READ(pos.dentry, d_hash.pprev) && pos.dentry != end.dentry &&
	    BPF_CORE_READ(pos.dentry, d_parent) != pos.dentry)
		s->path_flags = BYTES_DELETED;
	for (int i = 0; i < PATH_CALLS; i++) {
		int end = path_climb_more();

		/* Not called from there, where the stack is nearly full. */
		if (end == PATH_ALONE)
			path_alone(s->path_dentry);
		if (end)
			return 0;
	}
	s->path_flags |= BYTES_FRONT_CUT;
	return 0;
}

/* Where the walked path begins in s->path; the root itself has not one component. */
static __always_inline __u64 path_close(struct scratch *s)
{
	if (*(volatile __u32 *)&s->path_pos >= PATH_SIZE) {
		s->path[PATH_SIZE - 1] = '/';
		s->path_pos = PATH_SIZE - 1;
	}
	return s->path_pos;
}

/* Appends the path that has been walked to the record, for the struct bytes at *field*. */
__noinline int path_add(__u32 field)
{
	struct scratch *s = scratch_current();
	struct bytes *b;
	__u64 pos;

	if (!s)
		return 0;
	b = record_field(s, field);
	pos = path_close(s);
	b->flags |= s->path_flags;
	opaque(pos);
	record_add(s, b, s->path + (pos & (PATH_SIZE - 1)), PATH_SIZE - pos, PATH_SIZE,
		   FROM_KERNEL);
	return 0;
}

#endif
