/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From addresses to functions: kernel and modules (kallsyms), BPF programs, vdso, ELF files with
 * their symbol tables, separate debug files and DWARF, perf maps of JITs.
 *
 * The files belong to the processes that are looked at, and so does what is in them: nothing of
 * them is trusted.  They are opened here, inside of the process's root, only if they are regular
 * files and the ones that are mapped; ELF files are read by a child without privileges.
 *
 * Which capabilities what needs, beside read access to what the files' permissions allow:
 *
 *	symbolizer_new()	CAP_SYSLOG, if kernel.kptr_restrict hides kernel addresses: they are
 *				read later, but asked for here
 *	space_new(), space_map(), space_fork(), space_exec(), space_exit(), symbol_user()
 *				CAP_SYS_PTRACE (other users' /proc/PID/{maps,root,exe}),
 *				CAP_DAC_READ_SEARCH (their files), CAP_SYS_ADMIN or
 *				CAP_CHECKPOINT_RESTORE (/proc/PID/map_files: files that were replaced
 *				or are in a mount namespace that cannot be entered by path)
 *
 * Without one of them, less has a name.  One thread at a time. */
#ifndef CORELETS_SYMBOL_H
#define CORELETS_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/frame.h"

struct symbolizer;
struct space; /* the address space of a process */

struct symbol_options {
	bool inlined;	 /* inlined functions and source lines from DWARF */
	bool debuginfod; /* ask the servers of $DEBUGINFOD_URLS too */
	bool no_demangle;
};

/* A mapping of a file, as PERF_RECORD_MMAP2 and /proc/PID/maps have it. */
struct mapping {
	uint64_t start, end, offset;
	uint32_t major, minor;
	uint64_t inode; /* 0: not known, or no file */
	uint64_t generation;
	bool executable;
	const char *path; /* as the process sees it; "//anon", "[vdso]", "" */
};

/* Starts a child (see symbolizer_helper()), which keeps what is open and mapped now from going away:
 * best before there is much of it.  Raises the soft limit of open files to the hard one, at most
 * 32768, and keeps up to half of it open: what programs are started later should get the old one
 * back.  Returns 0 or -errno. */
int symbolizer_new(const struct symbol_options *options, struct symbolizer **ret);
void symbolizer_free(struct symbolizer *symbolizer);

/* The child that reads ELF files: part of the tool, not of what it looks at.  It is started again
 * when it dies, so the number changes; 0: there is none now. */
pid_t symbolizer_helper(const struct symbolizer *symbolizer);

/* The address space of process *pid* (as this /proc numbers it), read from /proc now; what cannot be
 * read is left out: an empty space is no error.  Files are opened now, so that they are there when
 * the process is not. */
int space_new(struct symbolizer *symbolizer, pid_t pid, struct space **ret);
/* A copy for a forked child *pid*. */
int space_fork(struct space *parent, pid_t pid, struct space **ret);
void space_free(struct space *space);
/* A mapping that the process has made since.  It takes the place of what was there; one that is not
 * executable only removes that. */
int space_map(struct space *space, const struct mapping *mapping);
/* The process has called execve(2): nothing of before is left. */
void space_exec(struct space *space);
/* The process is about to end, or has: what needs its /proc is done now, if it still can be. */
void space_exit(struct space *space);

/* The functions at *address* of a process, innermost first: inlined ones, then the one that they are
 * in.  *call*: the address is a return address, its call is what is looked for, so that one less is
 * looked up (and is frame->address).  At least one frame comes back (which may have no name); at
 * most *max*.  The strings live as long as the symbolizer, also if the space is gone. */
size_t symbol_user(struct space *space, uint64_t address, bool call, struct frame *frames,
		   size_t max);
size_t symbol_kernel(struct symbolizer *symbolizer, uint64_t address, struct frame *frames,
		     size_t max);

/* Frames without a name that were handed out, by reason. */
const uint64_t *symbolizer_unnamed(const struct symbolizer *symbolizer);

#endif
