/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "lib/btf_find.h"
#include "lib/util.h"

#define SMALL 4096 /* types: of so few, all are compared */

/* Caches of one struct each, on 5.10 to 7.2.  Those that the kernel has merged with others are passed
 * over, and sock_inode_cache, whose objects are larger on 7.2. */
static const struct {
	const char *cache, *type;
} caches[] = {
	{ "TCP", "tcp_sock" },
	{ "UDP", "udp_sock" },
	{ "cred", "cred" },
	{ "cred_jar", "cred" },
	{ "dentry", "dentry" },
	{ "files_cache", "files_struct" },
	{ "filp", "file" },
	{ "inode_cache", "inode" },
	{ "kernfs_node_cache", "kernfs_node" },
	{ "net_namespace", "net" },
	{ "nsproxy", "nsproxy" },
	{ "proc_inode_cache", "proc_inode" },
	{ "shmem_inode_cache", "shmem_inode_info" },
	{ "sighand_cache", "sighand_struct" },
	{ "signal_cache", "signal_struct" },
	{ "skbuff_head_cache", "sk_buff" },
	{ "task_group", "task_group" },
	{ "vm_area_struct", "vm_area_struct" },
};

/* What tools read most, and what changes from one version to the next. */
static const char *const usual[] = {
	"cgroup",	"cred",		  "css_set",	 "dentry",	  "file",
	"files_struct", "inode",	  "io_kiocb",	 "kernfs_node",	  "linux_binprm",
	"mm_struct",	"mount",	  "net",	 "net_device",	  "nsproxy",
	"pid",		"request",	  "rq",		 "signal_struct", "sk_buff",
	"sock",		"super_block",	  "task_struct", "tcp_sock",	  "upid",
	"vfsmount",	"vm_area_struct",
};

/* ---- the running kernel ---- */

void kernel_build_id(char hex[129])
{
	_cleanup_close_ int fd = open("/sys/kernel/notes", O_RDONLY | O_CLOEXEC);
	char notes[4096];
	ssize_t len = fd < 0 ? 0 : read(fd, notes, sizeof(notes));
	Elf64_Nhdr note;

	*hex = '\0';
	for (ssize_t at = 0; at + (ssize_t)sizeof(note) <= len;) {
		size_t name, desc;

		memcpy(&note, notes + at, sizeof(note));
		name = (note.n_namesz + 3ul) & ~3ul;
		desc = (note.n_descsz + 3ul) & ~3ul;
		at += sizeof(note);
		if (name + desc > (size_t)(len - at))
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    !memcmp(notes + at, "GNU", 4) && note.n_descsz <= 64) {
			for (size_t i = 0; i < note.n_descsz; i++)
				sprintf(hex + 2 * i, "%02x", (uint8_t)notes[at + name + i]);
			return;
		}
		at += name + desc;
	}
}

bool written_by(int fd, mode_t type, uid_t user)
{
	struct stat st;

	return !fstat(fd, &st) && (st.st_mode & S_IFMT) == type &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH)) && (!st.st_uid || st.st_uid == user);
}

/* In one directory, which belongs to the caller. */
static int find_in(char *directory, const char *const names[2], char **ret_path, struct buf *passed)
{
	_cleanup_close_ int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir >= 0 && !written_by(dir, S_IFDIR, geteuid())) {
		buf_printf(passed, "; %s: others could write into it", directory);
		return -ENOENT;
	}
	for (int i = 0; dir >= 0 && i < 2; i++) {
		_cleanup_free_ char *file = NULL;
		_cleanup_close_ int fd = -1;

		if (!*names[i])
			continue;
		if (asprintf(&file, "%s.btf", names[i]) < 0) {
			file = NULL;
			return -ENOMEM;
		}
		fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0 || !written_by(fd, S_IFREG, geteuid())) {
			buf_printf(passed, "; %s/%s: %s", directory, file,
				   fd >= 0	  ? "others could write it" :
				   errno == ELOOP ? "a symbolic link" :
						    strerror(errno));
			continue;
		}
		if (asprintf(ret_path, "%s/%s", directory, file) < 0)
			return -ENOMEM;
		return take_fd(fd);
	}
	return -ENOENT;
}

int btf_find(char **ret_path, struct buf *passed)
{
	const char *home = secure_getenv("XDG_DATA_HOME");
	char exe[4096] = "", hex[129];
	struct utsname uts;
	const char *const names[] = { hex, uts.release };
	const struct {
		const char *base, *below;
	} places[] = {
		{ home && *home == '/' ? home : NULL, "/corelets/btf" },
		{ "/usr/share", "/corelets/btf" },
		{ readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0 ? dirname(exe) : NULL,
		  "/btf" },
	};
	int fd = -ENOENT;

	kernel_build_id(hex);
	uname(&uts);
	for (size_t i = 0; fd == -ENOENT && i < ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *directory = NULL;

		if (!places[i].base)
			continue;
		if (asprintf(&directory, "%s%s", places[i].base, places[i].below) < 0) {
			directory = NULL;
			return -ENOMEM;
		}
		fd = find_in(directory, names, ret_path, passed);
	}
	return fd;
}

/* ---- whether it is this kernel's ---- */

static const char *name_of(const struct btf *btf, uint32_t off)
{
	return btf__name_by_offset(btf, off) ?: "";
}

/* Members without a name say nothing. */
static bool members_agree(const struct btf *a, const struct btf_type *t, const struct btf *b,
			  const struct btf_type *u, const char **ret_member)
{
	for (uint32_t i = 0, k = 0; i < btf_vlen(t); i++) {
		const char *name = name_of(a, btf_members(t)[i].name_off);

		if (!*name)
			continue;
		/* Both are in the same order, mostly. */
		for (uint32_t n = 0; n < btf_vlen(u); n++, k++)
			if (!strcmp(name, name_of(b, btf_members(u)[k % btf_vlen(u)].name_off)))
				break;
		if (!btf_vlen(u) ||
		    strcmp(name, name_of(b, btf_members(u)[k % btf_vlen(u)].name_off)) ||
		    btf_member_bit_offset(t, i) != btf_member_bit_offset(u, k % btf_vlen(u)) ||
		    btf_member_bitfield_size(t, i) !=
			    btf_member_bitfield_size(u, k % btf_vlen(u))) {
			*ret_member = name;
			return false;
		}
	}
	return true;
}

/* The struct is as one of the kernel's of this name, or the kernel has none. */
static int struct_agrees(const struct btf *btf, const struct btf_type *t, const struct btf *kernel,
			 char why[256])
{
	const char *name = name_of(btf, t->name_off), *member = NULL;
	uint32_t count = btf__type_cnt(kernel);
	bool any = false;

	for (uint32_t id = 1; id < count; id++) {
		const struct btf_type *u = btf__type_by_id(kernel, id);

		if (btf_kind(u) != btf_kind(t) || strcmp(name_of(kernel, u->name_off), name))
			continue;
		if (u->size == t->size && members_agree(btf, t, kernel, u, &member))
			return 0;
		if (!any && u->size != t->size)
			snprintf(why, 256, "struct %.100s has %u bytes there, here %u", name,
				 t->size, u->size);
		else if (!any)
			snprintf(why, 256, "%.80s.%.80s is elsewhere here", name, member);
		any = true;
	}
	return any ? -EBADMSG : 0;
}

static int agrees_with_kernel(const struct btf *btf, const char *path, char why[256])
{
	struct btf *kernel = btf__parse(path, NULL);
	uint32_t len, kernel_len, count = btf__type_cnt(btf);
	const void *raw, *kernel_raw;
	int err = 0;

	if (!kernel)
		return 0;
	raw = btf__raw_data(btf, &len);
	kernel_raw = btf__raw_data(kernel, &kernel_len);
	if (raw && kernel_raw && len == kernel_len && !memcmp(raw, kernel_raw, len))
		goto out;
	for (uint32_t id = 1; !err && id < count; id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);
		bool look = count <= SMALL;

		if (!btf_is_composite(t) || !*name_of(btf, t->name_off))
			continue;
		for (size_t i = 0; !look && i < ARRAY_SIZE(usual); i++)
			look = !strcmp(name_of(btf, t->name_off), usual[i]);
		if (look)
			err = struct_agrees(btf, t, kernel, why);
	}
out:
	btf__free(kernel);
	return err;
}

/* A number from a file of sysfs, -1 if there is none. */
static long slab_number(const char *slab, const char *cache, const char *file)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[512];
	long n;

	if (snprintf(path, sizeof(path), "%s/%s/%s", slab, cache, file) >= (int)sizeof(path))
		return -1;
	f = fopen(path, "re");
	return f && fscanf(f, "%ld", &n) == 1 ? n : -1;
}

static int agrees_with_slab(const struct btf *btf, const char *slab, char why[256])
{
	for (size_t i = 0; i < ARRAY_SIZE(caches); i++) {
		int id = btf__find_by_name_kind(btf, caches[i].type, BTF_KIND_STRUCT);
		long size;

		if (id <= 0 || slab_number(slab, caches[i].cache, "aliases"))
			continue;
		size = slab_number(slab, caches[i].cache, "object_size");
		if (size <= 0 || size == btf__type_by_id(btf, id)->size)
			continue;
		snprintf(why, 256, "struct %s has %u bytes there, here %ld", caches[i].type,
			 btf__type_by_id(btf, id)->size, size);
		return -EBADMSG;
	}
	return 0;
}

/* Marks of kernels, and none of this one. */
static int agrees_with_mark(const struct btf *btf, const struct kernel_facts *facts, char why[256])
{
	uint32_t len;
	const struct btf_header *header = btf__raw_data(btf, &len);
	const char *at = header ? (const char *)header + header->hdr_len + header->str_off : NULL;
	const char *end = header ? at + header->str_len : NULL, *other = NULL;

	for (; at < end; at += strlen(at) + 1) {
		const char *name = at + strlen(BTF_MARK);

		if (strncmp(at, BTF_MARK, strlen(BTF_MARK)))
			continue;
		if ((facts->release && !strcmp(name, facts->release)) ||
		    (facts->build_id && !strcmp(name, facts->build_id)))
			return 0;
		other = name;
	}
	if (!other)
		return 0;
	snprintf(why, 256, "it is of %.100s, this is %.100s", other, facts->release ?: "another");
	return -EBADMSG;
}

int btf_agrees(const char *path, const struct kernel_facts *facts, char why[256])
{
	struct btf *btf = btf__parse(path, NULL);
	int err = btf ? 0 : -errno;

	if (err && access(path, R_OK)) {
		err = -errno;
		snprintf(why, 256, "%s", strerror(errno));
	} else if (err) { /* in libbpf's numbers too */
		err = -EINVAL;
		snprintf(why, 256, "neither BTF nor an ELF file with BTF");
	}
	err = err ?: agrees_with_mark(btf, facts, why);
	if (!err && facts->btf)
		err = agrees_with_kernel(btf, facts->btf, why);
	if (!err && facts->slab)
		err = agrees_with_slab(btf, facts->slab, why);
	btf__free(btf);
	return err;
}

int btf_belongs(const char *path, char why[256])
{
	char hex[129];
	struct utsname uts;
	const struct kernel_facts facts = { .release = uts.release,
					    .build_id = hex,
					    .btf = "/sys/kernel/btf/vmlinux",
					    .slab = "/sys/kernel/slab" };

	kernel_build_id(hex);
	uname(&uts);
	return btf_agrees(path, &facts, why);
}
