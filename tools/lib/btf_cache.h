/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What one tool needs to know of the running kernel's BTF, kept from one start to the next: the
 * types, as btf_cut.h cuts them out, and the IDs of what its programs attach to.
 *
 * There is one file a tool, /var/cache/corelets/TOOL, made on request; each tool makes its own, for
 * it has its programs.  It is good for one build of the tool's programs on one build of a kernel: an ID
 * means another hook in another kernel, so the kernel's build ID decides, and the release, the version
 * and the size of the BTF have to agree as well.  A kernel without a build ID gets no file.  A file
 * that fits no more is passed over until it is made again. */
#ifndef CORELETS_BTF_CACHE_H
#define CORELETS_BTF_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/buf.h"

#define BTF_CACHE	"/var/cache/corelets"
#define BTF_ANSWERS_MAX 64

/* Whether the kernel's BTF has something of this name. */
struct btf_answer {
	char name[96];
	uint32_t kind; /* BTF_KIND_*, with the ID; 0: of any kind */
	uint32_t id;   /* 0: it has not; without a kind: 1 if it has */
};

struct btf_known {
	struct btf_answer answers[BTF_ANSWERS_MAX];
	uint32_t answer_count;
	uint32_t lacks;	 /* a type that relocations start from: it may be in a module */
	struct buf data; /* the types, a whole BTF */
};

/* Which kernel, and which programs. */
struct btf_cache_key {
	char release[65], version[65], machine[65];
	char build_id[129]; /* hex */
	char suite[28];
	uint64_t btf_size;
	uint64_t programs;
};

/* That of the running kernel and of the BPF object *elf*.  Returns 0, or -ENODATA if the kernel has
 * no build ID or no BTF. */
int btf_cache_key(struct btf_cache_key *key, const void *elf, size_t size);

/* The directory: that of CORELETS_CACHE, or BTF_CACHE. */
const char *btf_cache_directory(void);

/* Fills *known*, whose data is empty, from the tool's file.  Returns 0, or a negative errno with the
 * reason in *why*: -ENOENT, -EPERM if others than root could have written it, -ESTALE if it is of
 * another kernel or build, -EBADMSG if it is damaged. */
int btf_cache_read(const char *directory, const char *tool, const struct btf_cache_key *key,
		   struct btf_known *known, char why[128]);

/* The same, of the bytes of a file. */
int btf_cache_parse(const void *file, size_t len, const struct btf_cache_key *key,
		    struct btf_known *known, char why[128]);

/* Writes the tool's file, completely or not at all; makes the directory.  Returns 0, or a negative
 * errno with the reason in *why*. */
int btf_cache_write(const char *directory, const char *tool, const struct btf_cache_key *key,
		    const struct btf_known *known, char why[128]);

#endif
