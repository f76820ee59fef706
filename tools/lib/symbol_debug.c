/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where distributions and gdb keep separate debug files ("Debugging Information in Separate Files"
 * of the gdb manual): by build ID, then by name beside the file, in .debug/ there, and below
 * /usr/lib/debug; in the root of the process, then in ours; then on servers, if these are asked.
 *
 * A file that is mapped by processes of several users is read once, so a debug file counts only if
 * it belongs to root or to who owns the file: others could give its functions other names.  And it must be readable for
 * all: what is asked for comes from the file too. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "lib/symbol_internal.h"
#include "lib/util.h"

#define DEBUG_DIR      "/usr/lib/debug"
#define DEBUG_SIZE_MAX (1LL << 30)

static int open_checked(const struct file *file, const struct root *root, const char *path)
{
	_cleanup_close_ int path_fd = root_open(root, path, 0);
	struct stat st;

	if (path_fd < 0 || fstat(path_fd, &st) || st.st_size > DEBUG_SIZE_MAX ||
	    (st.st_uid != file->st.st_uid && (st.st_uid || !(st.st_mode & S_IROTH))))
		return -ENOENT;
	/* A link to itself: the file has no separate one. */
	if (st.st_dev == file->st.st_dev && st.st_ino == file->st.st_ino)
		return -ENOENT;
	return file_reopen(path_fd, &st);
}

static int open_debuginfod(struct file *file, const struct elf_want *want)
{
	struct symbolizer *symbolizer = file->symbolizer;
	int (*find)(void *, const unsigned char *, int, char **);
	const char *urls = getenv("DEBUGINFOD_URLS");
	void *(*begin)(void);
	void (*end)(void *);
	void *client;
	int fd;

	if (!symbolizer->options.debuginfod || !urls || !*urls || !want->id_len)
		return -ENOENT;
	if (!symbolizer->debuginfod_tried) {
		symbolizer->debuginfod_tried = true;
		symbolizer->debuginfod = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
	}
	if (!symbolizer->debuginfod)
		return -ENOENT;
	*(void **)&begin = dlsym(symbolizer->debuginfod, "debuginfod_begin");
	*(void **)&find = dlsym(symbolizer->debuginfod, "debuginfod_find_debuginfo");
	*(void **)&end = dlsym(symbolizer->debuginfod, "debuginfod_end");
	client = begin && find && end ? begin() : NULL;
	if (!client)
		return -ENOENT;
	fd = find(client, want->id, want->id_len, NULL);
	end(client);
	return fd < 0 ? -ENOENT : fd;
}

int debug_open(struct file *file, const struct elf_want *want, unsigned int n)
{
	const struct root *own = file->symbolizer->own_root;
	const struct root *root = n % 2 ? own : file->root;
	bool alt = want->kind == ELF_WANT_ALT;
	char id[2 * ELF_ID_MAX + 1] = "", path[PATH_MAX + ELF_LINK_MAX + 64] = "";
	const char *slash = file->path ? strrchr(file->path, '/') : NULL;
	int dir = slash ? slash - file->path : 0;
	/* Names come from the file.  A link is the name of a file; that of dwz is a path. */
	bool named = slash && want->link[0] && (alt || !strchr(want->link, '/'));

	for (uint32_t i = 0; i < want->id_len; i++)
		snprintf(id + 2 * i, 3, "%02x", want->id[i]);
	if (n >= 10)
		return -ERANGE;
	if (n / 2 && n < 8 && !named)
		return -ENOENT;
	switch (n / 2) {
	case 0:
		if (want->id_len > 1)
			snprintf(path, sizeof(path), DEBUG_DIR "/.build-id/%.2s/%s.debug", id,
				 id + 2);
		break;
	case 1:
		if (alt && want->link[0] == '/')
			snprintf(path, sizeof(path), "%s", want->link);
		else
			snprintf(path, sizeof(path), "%.*s/%s", dir, file->path, want->link);
		break;
	case 2:
		if (alt)
			snprintf(path, sizeof(path), DEBUG_DIR "/.build-id/00/%s", want->link);
		else
			snprintf(path, sizeof(path), "%.*s/.debug/%s", dir, file->path, want->link);
		break;
	case 3:
		snprintf(path, sizeof(path), DEBUG_DIR "%.*s/%s", dir, file->path, want->link);
		break;
	default:
		return n % 2 ? -ENOENT : open_debuginfod(file, want);
	}
	if (!path[0] || !root || (n % 2 && own == file->root))
		return -ENOENT;
	return open_checked(file, root, path);
}

void debug_done(struct symbolizer *symbolizer)
{
	if (symbolizer->debuginfod)
		dlclose(symbolizer->debuginfod);
}
