/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One function of a stack, as the symbolizer found it and as the outputs show it. */
#ifndef CORELETS_FRAME_H
#define CORELETS_FRAME_H

#include <stdint.h>

enum frame_kind {
	FRAME_USER,    /* a function of an ELF file */
	FRAME_INLINED, /* inlined into the next frame of the same address */
	FRAME_JIT,     /* from a perf map */
	FRAME_KERNEL,  /* of the kernel or one of its modules */
	FRAME_BPF,     /* a BPF program */
	FRAME_NOTE,    /* no function: a process's name, "[truncated]" */
	FRAME_KINDS,
};

/* Why a frame has no name. */
enum frame_why {
	WHY_NAMED,
	WHY_NO_MAPPING,	 /* the address is in no mapping that we know */
	WHY_NO_FILE,	 /* the file could not be opened (gone, or another one by now) */
	WHY_NO_SYMBOL,	 /* the file has no symbol there: stripped */
	WHY_ANONYMOUS,	 /* anonymous memory, and no perf map for it */
	WHY_DAMAGED,	 /* no ELF file, or a broken one */
	WHY_LIMIT,	 /* a bound on size or time was reached */
	WHY_UNTRUSTED,	 /* a perf map that belongs to somebody else */
	WHY_NO_KALLSYMS, /* the kernel does not show its symbols */
	WHY_COUNT,
};

/* Strings belong to whoever made the frame. */
struct frame {
	enum frame_kind kind;
	enum frame_why why;
	const char *name;    /* demangled; NULL: has none, see *why* */
	const char *linkage; /* as in the symbol table, if it differs; or NULL */
	const char *
		module; /* path of the file, "[kernel]", "[nf_tables]", "[vdso]", "[bpf]", "[jit]"; NULL */
	const char *build_id; /* in hex; or NULL */
	const char *source;   /* file; or NULL */
	uint32_t line;	      /* in it; 0: not known */
	uint64_t address;     /* in the file as it is linked; of the kernel: as it runs */
};

/* "no_symbol", ...: as counted and shown. */
const char *frame_why_name(enum frame_why why);

#endif
