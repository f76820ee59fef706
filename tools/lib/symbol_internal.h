/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the parts of the symbolizer share; of no use to others.
 *
 *	symbol.c	strings, the cache, the lookups
 *	symbol_space.c	which file is mapped where
 *	symbol_file.c	opens files of others, one for each inode
 *	symbol_root.c	which root directory is which
 *	symbol_debug.c	where debug files may be
 *	symbol_jit.c	perf maps
 *	symbol_kernel.c	kallsyms
 *	symbol_helper.c	the child that reads ELF files: with symbol_elf.c, which runs nowhere else
 *	symbol_text.c, symbol_range.c	parsers and tables */
#ifndef CORELETS_SYMBOL_INTERNAL_H
#define CORELETS_SYMBOL_INTERNAL_H

#include <sys/stat.h>
#include <time.h>

#include "lib/symbol.h"
#include "lib/symbol_helper.h"
#include "lib/symbol_text.h"

#define FILE_BUCKETS 1024

/* A root directory that processes have.  Held, because it cannot be reached by a process's /proc
 * any more when that has ended. */
struct root {
	int fd; /* O_PATH */
	uint64_t mount, inode;
	unsigned int refs;
	struct root *next;
};

/* A file that is mapped somewhere. */
struct file {
	struct symbolizer *symbolizer;
	struct file *next; /* in its bucket */
	uint32_t id;
	unsigned int refs; /* mappings */
	struct stat st;
	uint64_t generation;
	int fd;		    /* -1: closed, to make room for others, or because *why* */
	enum frame_why why; /* WHY_NAMED: usable */
	bool bare;	    /* with DWARF or debug files it was too much for the helper */
	uint32_t loaded;    /* in the helper that was started as this one */
	int64_t spent_ns;   /* by the helper */
	struct root *root;  /* of the process that it was first seen in */
	const char *path;   /* there */
	const char *build_id;
};

/* How far a perf map has been read. */
struct jit {
	struct symbol_names names;
	struct stat st;
	off_t done;
	uint64_t budget; /* bytes read, also of what was written anew since */
	char tail[64];	 /* the last bytes before *done* */
	size_t tail_len;
	bool limit, untrusted;
};

enum map_kind {
	KIND_FILE,
	KIND_ANONYMOUS,
	KIND_VDSO,
	KIND_NAMED, /* by the kernel: "[vsyscall]" */
};

struct map {
	uint64_t start, end, offset;
	struct file *file;  /* NULL: see *why* */
	const char *module; /* or NULL */
	uint8_t kind, why;
};

struct space {
	struct symbolizer *symbolizer;
	pid_t pid;
	struct root *root;
	struct map *maps; /* by address; they do not overlap */
	size_t count, cap;
	bool anonymous; /* has anonymous executable memory */
	pid_t own_pid;	/* as the process itself sees it; 0: not known */
	uid_t uid;
	struct jit jit;
};

/* The frames of an address that has been looked up. */
struct found {
	uint64_t offset;
	uint32_t file; /* id; 0: empty */
	uint32_t count;
	struct frame *frames;
};

struct kernel {
	int fd;
	bool read;
	int64_t read_ns;
	struct symbol_names names;
};

struct symbolizer {
	struct symbol_options options;
	struct helper helper;
	struct root *own_root, *roots;
	struct file *files[FILE_BUCKETS];
	struct file *vdso;
	uint32_t file_count;
	size_t files_open, files_max;
	struct found *found;
	size_t found_count, found_cap;
	const char **strings; /* a hash set */
	size_t string_count, string_cap;
	char *chunk; /* where the next ones go; each chunk starts with a pointer to the last */
	size_t chunk_left;
	struct kernel kernel;
	void *debuginfod; /* the library; NULL: none */
	bool debuginfod_tried;
	uint64_t unnamed[WHY_COUNT];
};

/* symbol.c: a copy that stays, the same one for the same string; NULL if there is no memory. */
const char *symbol_string(struct symbolizer *symbolizer, const char *s, size_t len);

/* symbol_file.c.  What returns a descriptor returns -errno too. */
struct root *root_get(struct symbolizer *symbolizer, pid_t pid); /* NULL: cannot be had */
struct root *root_ref(struct root *root);
void root_put(struct symbolizer *symbolizer, struct root *root);
/* A path in *root*, as nobody else can lead elsewhere: O_PATH, without following the last link if
 * *flags* is O_NOFOLLOW. */
int root_open(const struct root *root, const char *path, int flags);
/* A descriptor to read from an O_PATH one; -EINVAL if that is no regular file, which could block or
 * have effects. */
int file_reopen(int path_fd, struct stat *ret);
/* All of a file of /proc/PID, up to a limit (0: our own); returns 0 or -errno. */
int file_read_proc(pid_t pid, const char *name, struct buf *b);
/* The file of a mapping, referenced; NULL, with *why*. */
struct file *file_get(struct space *space, const struct mapping *mapping, enum frame_why *why);
struct file *file_get_vdso(struct symbolizer *symbolizer);
void file_put(struct file *file);
void files_free(struct symbolizer *symbolizer);

/* symbol_debug.c: the nth place where what is wanted may be: a descriptor to read; -ENOENT if it is
 * not there, -ERANGE if there are no more places. */
int debug_open(struct file *file, const struct elf_want *want, unsigned int n);
void debug_done(struct symbolizer *symbolizer);

/* symbol_jit.c: the name at *address*, in the symbolizer's strings; NULL, with *why*. */
const char *jit_find(struct space *space, uint64_t address, enum frame_why *why);
void jit_update(struct space *space);
void jit_done(struct jit *jit);

/* symbol_space.c */
const struct map *space_find(const struct space *space, uint64_t address);
/* Asks /proc who the process is, if that can still be asked. */
void space_identify(struct space *space);

/* symbol_kernel.c */
void kernel_init(struct kernel *kernel);
void kernel_done(struct kernel *kernel);

#endif
