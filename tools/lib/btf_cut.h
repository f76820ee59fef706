/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Cuts out of a kernel's BTF what the relocations of one BPF object look at.
 *
 * A kernel's BTF has some 150,000 types in 4 to 6 MB, of which a tool needs about a hundred.  Left
 * alone, libbpf reads them all into memory and compares all names again for every type that a tool
 * names.  Here one pass over the file finds the types by name, and a BTF of a few KB is written
 * with these and what they contain; whatever is in it is as it was, so relocating against it gives
 * the same results.  Left out are: members and enumerators of a name that no relocation looks at, and
 * what pointers point to, for no relocation of a field follows them.
 *
 * The format is described in Documentation/bpf/btf.rst of the kernel; what relocations look at, in
 * relo_core.c of libbpf.  A file is not trusted: everything read from it is checked. */
#ifndef CORELETS_BTF_CUT_H
#define CORELETS_BTF_CUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/btf.h>

#include "lib/buf.h"

/* A BTF file: its strings in memory, its types read piece by piece; or all of it mapped. */
struct btf_file {
	int fd;
	char *map; /* strings and window are in it */
	size_t map_len;
	uint32_t types_off; /* in the file */
	uint32_t types_len;
	char *strings;
	uint32_t strings_len;
	char *window; /* on the types */
	uint32_t window_off, window_len, window_cap;
};

/* Opens a BTF that stands for itself: not an ELF file, nor one of the other byte order, nor that
 * of a module, which goes on where the kernel's ends.  Returns 0, or a negative errno: -EINVAL if
 * it is no such file. */
int btf_file_open(struct btf_file *file, const char *path);

/* The same, of a copy of *data*. */
int btf_file_memory(struct btf_file *file, const void *data, size_t len);

/* Whether all of it can be followed: lengths, names, IDs, and nothing contains itself.  For one that
 * was cut out, which has no functions.  Returns 0, -EINVAL or -ENOMEM. */
int btf_file_sound(struct btf_file *file);

/* Frees all.  Takes what btf_file_open() failed on, and zeroes. */
void btf_file_close(struct btf_file *file);

/* Called for each enumerator of an enum that was asked for: the index of its name in the list. */
typedef void btf_enumerator_fn(void *context, size_t which, uint32_t value, const char *name);

/* Reads the enumerators of the (32-bit) enums that *enums*, ended by NULL, names.  Returns 0, or a
 * negative errno: -EINVAL if the file is malformed. */
int btf_file_enums(struct btf_file *file, const char *const *enums, btf_enumerator_fn *each,
		   void *context);

/* A set of names to look for. */
struct btf_cut;

struct btf_cut *btf_cut_new(void);
void btf_cut_free(struct btf_cut *cut);

/* The section .BTF.ext of a BPF object in memory, as the build made it, or NULL. */
const void *btf_ext_find(const void *elf);

/* Looks for what the relocations of an object need, which are told by its BTF and its .BTF.ext
 * (may be NULL).  Both are the build's, so they are not checked, and must stay until the cut is
 * done.  Returns 0, -ENOMEM, or -EOPNOTSUPP if there is a relocation that needs the whole: for IDs
 * of the kernel's types, for matches of whole types, for the existence of pointer types. */
int btf_cut_want(struct btf_cut *cut, const struct btf *btf, const void *btf_ext);

/* Looks for the ID of the first type of this name (without a flavour), which must stay, and of this
 * kind, BTF_KIND_*.  Returns 0 or -ENOMEM. */
int btf_cut_want_id(struct btf_cut *cut, const char *name, uint32_t kind);

/* Keeps all enumerators of a (32-bit) enum, whose name must stay; for btf_file_enums(). */
int btf_cut_want_enum(struct btf_cut *cut, const char *name);

/* Searches *file*, and adds to *out* a BTF with what was found.  Once for a cut.  Returns 0, or a
 * negative errno: -EINVAL if the file is malformed, -E2BIG if too much of it would be needed. */
int btf_cut_run(struct btf_cut *cut, struct btf_file *file, struct buf *out);

/* The ID that was looked for, 0 if there is none. */
uint32_t btf_cut_id(const struct btf_cut *cut, const char *name);

/* Whether one of the types that relocations start from has not been found. */
bool btf_cut_lacks(const struct btf_cut *cut);

#endif
