/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Opening files whose names are under the control of others, as root: a path is looked up inside of
 * the process's root and without following links of /proc; what is found is only looked at (O_PATH)
 * until it is known to be a regular file and the one that was asked for.  Opening it for reading
 * then has no effects, and does not wait (a FIFO, a lease). */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "lib/symbol_internal.h"
#include "lib/symbol_root.h"
#include "lib/util.h"

#define ELF_SIZE_MAX  (1LL << 30)
#define PROC_SIZE_MAX (64 << 20)

#ifndef BCACHEFS_SUPER_MAGIC
#define BCACHEFS_SUPER_MAGIC 0xca451a4e
#endif

struct root *root_ref(struct root *root)
{
	if (root)
		root->refs++;
	return root;
}

static struct root *root_of(struct symbolizer *symbolizer, const char *path)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct root *root;
	uint64_t mount, inode;

	if (fd < 0 || root_id(fd, &mount, &inode))
		return NULL;
	for (root = symbolizer->roots; root; root = root->next)
		if (root->mount == mount && root->inode == inode)
			return root_ref(root);
	root = malloc(sizeof(*root));
	if (!root)
		return NULL;
	*root = (struct root){ .fd = take_fd(fd),
			       .mount = mount,
			       .inode = inode,
			       .refs = 1,
			       .next = symbolizer->roots };
	symbolizer->roots = root;
	return root;
}

struct root *root_get(struct symbolizer *symbolizer, pid_t pid)
{
	char path[64];

	if (!pid)
		return root_of(symbolizer, "/");
	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	return root_of(symbolizer, path);
}

void root_put(struct symbolizer *symbolizer, struct root *root)
{
	struct root **at = &symbolizer->roots;

	if (!root || --root->refs)
		return;
	while (*at != root)
		at = &(*at)->next;
	*at = root->next;
	close(root->fd);
	free(root);
}

int root_open(const struct root *root, const char *path, int flags)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC | flags,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int fd = syscall(SYS_openat2, root->fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

int file_reopen(int path_fd, struct stat *ret)
{
	char path[64];
	struct stat st;
	int fd;

	if (fstat(path_fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret = st;
	return fd;
}

int file_read_proc(pid_t pid, const char *name, struct buf *b)
{
	_cleanup_close_ int fd = -1;
	char path[64];
	ssize_t n;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	else
		snprintf(path, sizeof(path), "/proc/self/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (b->len < PROC_SIZE_MAX) {
		if (!buf_room(b, 32 << 10))
			return -ENOMEM;
		n = read(fd, b->data + b->len, 32 << 10);
		if (n < 0)
			return -errno;
		if (!n)
			break;
		b->len += n;
	}
	return 0;
}

/* How the kernel calls a file where it is mapped: in btrfs and overlayfs that is not what stat(2)
 * says.  Seen at a mapping of our own, which is never touched. */
static bool mapped_as(int fd, const struct mapping *want)
{
	long page = sysconf(_SC_PAGESIZE);
	void *own = mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, 0);
	struct buf text = {};
	struct mapping m;
	bool same = false;
	size_t at = 0, start = 0;
	ssize_t n;

	if (own == MAP_FAILED)
		return false;
	if (!file_read_proc(0, "maps", &text))
		while ((n = symbol_line(text.data, text.len, &at)) >= 0) {
			if (symbol_maps_line(text.data + start, n, &m) &&
			    m.start <= (uintptr_t)own && m.end > (uintptr_t)own) {
				same = m.major == want->major && m.minor == want->minor &&
				       m.inode == want->inode;
				break;
			}
			start = at;
		}
	buf_done(&text);
	munmap(own, page);
	return same;
}

/* The file to read, if *path_fd* is what is mapped. */
static int open_same(int path_fd, const struct mapping *m, struct stat *st)
{
	_cleanup_close_ int fd = -1;
	struct statfs fs;
	unsigned int generation;
	bool same;

	if (fstat(path_fd, st))
		return -errno;
	if (!S_ISREG(st->st_mode))
		return -EINVAL;
	same = !m->inode || (st->st_dev == makedev(m->major, m->minor) && st->st_ino == m->inode);
	if (!same &&
	    (fstatfs(path_fd, &fs) || (fs.f_type != (__typeof__(fs.f_type))BTRFS_SUPER_MAGIC &&
				       fs.f_type != (__typeof__(fs.f_type))BCACHEFS_SUPER_MAGIC &&
				       fs.f_type != (__typeof__(fs.f_type))OVERLAYFS_SUPER_MAGIC)))
		return -ESTALE;
	fd = file_reopen(path_fd, st);
	if (fd < 0)
		return fd;
	if (!same && !mapped_as(fd, m))
		return -ESTALE;
	if (m->generation && !ioctl(fd, FS_IOC_GETVERSION, &generation) &&
	    generation != (unsigned int)m->generation)
		return -ESTALE;
	return take_fd(fd);
}

/* Where what is mapped may be found.  The links in /proc lead to the file itself, also if it has no
 * name any more, or not there. */
static int open_mapped(struct space *space, const struct mapping *m, struct stat *st)
{
	const struct root *own = space->symbolizer->own_root;
	bool gone = false;
	char path[96];
	int err = -ENOENT, fd;

	for (unsigned int i = 0; i < 4; i++) {
		_cleanup_close_ int path_fd = -1;

		switch (i) {
		case 0:
			snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", space->pid,
				 (unsigned long long)m->start, (unsigned long long)m->end);
			path_fd = open(path, O_PATH | O_CLOEXEC);
			break;
		case 1:
			path_fd = space->root ? root_open(space->root, m->path, 0) : -1;
			break;
		case 2:
			snprintf(path, sizeof(path), "/proc/%d/exe", space->pid);
			path_fd = open(path, O_PATH | O_CLOEXEC);
			gone = path_fd < 0;
			break;
		case 3: /* its root cannot be asked for any more */
			if (gone && own && own != space->root)
				path_fd = root_open(own, m->path, 0);
			break;
		}
		if (path_fd < 0)
			continue;
		fd = open_same(path_fd, m, st);
		if (fd >= 0)
			return fd;
		err = fd;
	}
	return err;
}

static struct file **bucket(struct symbolizer *symbolizer, dev_t dev, ino_t inode)
{
	return &symbolizer->files[(inode * 2654435761U ^ dev) % FILE_BUCKETS];
}

static bool unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Makes room for one more open file.  Files that are mapped nowhere any more go. */
static bool may_open(struct symbolizer *symbolizer)
{
	struct file *file;

	for (size_t i = 0; i < FILE_BUCKETS && symbolizer->files_open >= symbolizer->files_max; i++)
		for (file = symbolizer->files[i]; file; file = file->next)
			if (!file->refs && file->fd >= 0) {
				close(take_fd(file->fd));
				symbolizer->files_open--;
			}
	return symbolizer->files_open < symbolizer->files_max;
}

static struct file *file_new(struct symbolizer *symbolizer, struct file **at)
{
	struct file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file->symbolizer = symbolizer;
	file->id = ++symbolizer->file_count;
	file->fd = -1;
	file->next = *at;
	*at = file;
	return file;
}

static enum frame_why usable(int fd, const struct stat *st)
{
	char magic[4];

	if (st->st_size > ELF_SIZE_MAX)
		return WHY_LIMIT;
	if (pread(fd, magic, sizeof(magic), 0) != sizeof(magic) || memcmp(magic, "\177ELF", 4))
		return WHY_DAMAGED;
	return WHY_NAMED;
}

struct file *file_get(struct space *space, const struct mapping *m, enum frame_why *why)
{
	struct symbolizer *symbolizer = space->symbolizer;
	dev_t dev = makedev(m->major, m->minor);
	_cleanup_close_ int fd = -1;
	struct file *file, **at;
	struct stat st;

	/* As long as it is open, no other file gets its inode. */
	for (file = *bucket(symbolizer, dev, m->inode); file; file = file->next)
		if (m->inode && file->fd >= 0 && file->st.st_dev == dev &&
		    file->st.st_ino == m->inode &&
		    (!m->generation || file->generation == m->generation)) {
			file->refs++;
			return file;
		}
	*why = WHY_LIMIT;
	if (!may_open(symbolizer))
		return NULL;
	fd = open_mapped(space, m, &st);
	if (fd < 0) {
		*why = WHY_NO_FILE;
		return NULL;
	}
	at = bucket(symbolizer, st.st_dev, st.st_ino);
	for (file = *at; file; file = file->next)
		if (file->st.st_dev == st.st_dev && file->st.st_ino == st.st_ino &&
		    (file->fd >= 0 || unchanged(&file->st, &st)))
			break;
	if (!file) {
		file = file_new(symbolizer, at);
		if (!file)
			return NULL;
		file->st = st;
		file->why = usable(fd, &st);
		file->root = root_ref(space->root ?: symbolizer->own_root);
		file->path = symbol_string(symbolizer, m->path, strlen(m->path));
	}
	if (m->generation)
		file->generation = m->generation;
	if (!file->why && file->fd < 0) {
		file->fd = take_fd(fd);
		symbolizer->files_open++;
	}
	file->refs++;
	*why = file->why;
	return file;
}

/* The kernel maps the same image into all processes of the same kind: ours is copied. */
struct file *file_get_vdso(struct symbolizer *symbolizer)
{
	uint64_t address = getauxval(AT_SYSINFO_EHDR);
	struct file *file = symbolizer->vdso;
	struct buf text = {};
	size_t at = 0, start = 0;
	struct mapping m;
	ssize_t n;

	if (file || !address) {
		if (file)
			file->refs++;
		return file;
	}
	if (file_read_proc(0, "maps", &text))
		goto out;
	while ((n = symbol_line(text.data, text.len, &at)) >= 0) {
		if (symbol_maps_line(text.data + start, n, &m) && m.start == address)
			break;
		start = at;
	}
	if (n < 0 || !may_open(symbolizer))
		goto out;
	file = file_new(symbolizer, bucket(symbolizer, 0, 0));
	if (!file)
		goto out;
	file->refs = 2; /* one stays */
	file->fd = memfd_create("vdso", MFD_CLOEXEC);
	if (file->fd < 0 || write(file->fd, (void *)(uintptr_t)m.start, m.end - m.start) !=
				    (ssize_t)(m.end - m.start))
		file->why = WHY_NO_FILE;
	symbolizer->files_open += file->fd >= 0;
	symbolizer->vdso = file;
out:
	buf_done(&text);
	return file;
}

void file_put(struct file *file)
{
	if (file)
		file->refs--;
}

void files_free(struct symbolizer *symbolizer)
{
	struct file *file;

	for (size_t i = 0; i < FILE_BUCKETS; i++)
		while ((file = symbolizer->files[i])) {
			symbolizer->files[i] = file->next;
			close_fd(&file->fd);
			root_put(symbolizer, file->root);
			free(file);
		}
}
