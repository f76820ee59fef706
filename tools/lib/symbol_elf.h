/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The functions of one ELF file, by libdw.
 *
 * libdw was not written for files that want to harm it, and it maps them, so that a file that gets
 * shorter while it is read ends the process.  What runs this must be able to die: see
 * symbol_helper.h. */
#ifndef CORELETS_SYMBOL_ELF_H
#define CORELETS_SYMBOL_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/frame.h"

#define ELF_ID_MAX	64 /* bytes of a build ID */
#define ELF_LINK_MAX	1024
#define ELF_FRAMES_MAX	64 /* at one address */
#define ELF_STRINGS_MAX (96 << 10)

struct elf_file;

/* A file that would help: by its build ID (id_len is not 0), by its name (not "") and CRC, or
 * both. */
struct elf_want {
	enum { ELF_WANT_NOTHING, ELF_WANT_DEBUG, ELF_WANT_ALT } kind;
	uint32_t crc; /* of ELF_WANT_DEBUG, if there is a name */
	uint32_t id_len;
	uint8_t id[ELF_ID_MAX];
	char link[ELF_LINK_MAX]; /* .gnu_debuglink: a name; .gnu_debugaltlink: a path */
};

/* Opens the ELF file *fd*, which is the file's from now on, also after an error.  *inlined*: DWARF
 * is asked too.  Returns 0, -EBADMSG if it is no ELF file or a damaged one, or -ENOMEM. */
int elf_file_open(int fd, bool inlined, bool demangle, struct elf_file **ret);
void elf_file_free(struct elf_file *file);

/* The file's own build ID: its length. */
size_t elf_file_id(const struct elf_file *file, uint8_t id[ELF_ID_MAX]);

/* What would help now; once for each file that is wanted. */
void elf_file_wants(struct elf_file *file, struct elf_want *ret);

/* Offers what elf_file_wants() asked for; *fd* is the file's from now on, also after an error.
 * Returns 0, or -ESTALE if it is another file, or a damaged one. */
int elf_file_offer(struct elf_file *file, int fd);

/* Adds the functions at *offset* in the file to *frames*, innermost first, and says in *address*
 * where that is as the file is linked.  Strings are added to *strings*; the frames' pointers are
 * offsets in it, plus one.  The return value is how many frames, at least 1: of one without a name,
 * *why* is set. */
size_t elf_file_find(struct elf_file *file, uint64_t offset, uint64_t *address,
		     struct frame *frames, size_t max, struct buf *strings);

#endif
