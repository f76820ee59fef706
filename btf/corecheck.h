/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether the programs of a BPF object would find in a kernel's BTF what they were compiled for,
 * without loading them: what libbpf does when it relocates (relo_core.c, in words and by its
 * documentation), and as much of the verifier as it takes to tell dead code.
 *
 * An instruction whose relocation finds nothing is poisoned by libbpf, and the verifier refuses the
 * program if it gets there.  It does not where a bpf_core_field_exists() or the like says so, which
 * is a constant by then: so constants are followed, and what cannot be reached counts as guarded. */
#ifndef CORELETS_CORECHECK_H
#define CORELETS_CORECHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/btf.h>
#include <linux/bpf.h>

#include "lib/buf.h"

struct kernel {
	const char *path;
	char *name; /* of its column */
	struct btf *btf;
	uint32_t *heads, *next; /* its types by the hashes of their essential names */
};

/* A CO-RE relocation. */
struct relo {
	uint32_t section, insn;
	uint32_t type;
	const char *access;
	enum bpf_core_relo_kind kind;
};

/* Where a call or an address leads. */
struct target {
	bool relocated;
	uint32_t section, insn; /* of a function; section 0 if it is none of this object */
};

struct section {
	const char *name;
	struct bpf_insn *insns; /* in the byte order of this machine; NULL: no code */
	uint32_t count;
	uint32_t *relos; /* for each instruction: its relocation in the object's list, plus 1 */
	struct target *targets; /* for each instruction */
};

struct program {
	const char *name, *hook; /* the section, without the mark of optional programs */
	uint32_t section, insn, count;
};

struct object {
	char *name;
	void *elf; /* the file in memory, which names point into */
	size_t elf_len;
	struct Elf *handle;
	bool big_endian;
	struct btf *btf;
	struct section *sections;
	uint32_t section_count;
	struct program *programs;
	uint32_t program_count;
	struct relo *relos;
	uint32_t relo_count;
};

/* Reads an object or a kernel's BTF: 0, or a negative errno with the cause in *why*.  Either way
 * it is to be freed. */
int object_open(struct object *object, const char *path, char why[256]);
void object_close(struct object *object);
int kernel_open(struct kernel *kernel, const char *path, char why[256]);
void kernel_close(struct kernel *kernel);

/* What relocating against a kernel gives. */
struct outcome {
	enum {
		RELO_HOLDS,
		RELO_POISONS, /* fatal where it is reached */
		RELO_FAILS    /* libbpf gives up on the object */
	} state;
	uint64_t value; /* that the instruction gets */
	char why[160];	/* "no task_struct.__state" */
};

void relo_resolve(const struct object *object, const struct relo *relo, const struct kernel *kernel,
		  struct outcome *outcome);

/* What a program was found to do: bit by bit for all instructions of all sections. */
struct reach {
	const struct object *object;
	const struct outcome *outcomes; /* of all relocations of the object */
	uint8_t **reached;		/* by section and instruction */
	struct state ***states;
	struct place {
		uint32_t section, insn;
	} * todo;
	uint32_t todo_count, todo_cap;
	uint32_t context_end; /* of what it reads of its context, in bytes */
};

/* Follows a program.  Returns 0, -ENOMEM, or -EINVAL if it goes where there is no code. */
int reach_run(struct reach *reach, const struct object *object, const struct program *program,
	      const struct outcome *outcomes);
void reach_done(struct reach *reach);

/* Whether a kernel has the hook that a program names, with as many arguments as it reads.
 * False with the cause in *why*. */
bool hook_holds(const struct kernel *kernel, const char *hook, uint32_t context_end, char why[160]);

/* The length of a type's name without its flavour: "task_struct" of "task_struct___old". */
size_t essential_length(const char *name);

/* The first type of the kernel that may have this essential name, and the next; 0: no more. */
uint32_t kernel_first(const struct kernel *kernel, const char *name, size_t len);
uint32_t kernel_next(const struct kernel *kernel, uint32_t id);

/* Never NULL: a name that is out of range is an empty one. */
const char *name_of(const struct btf *btf, uint32_t off);

#endif
