/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The BTF of the running kernel: which types and hooks it has, and what is relocated against.
 *
 * libbpf is given a small BTF (see btf_cut.h) in a memfd as a custom one.  It would still load the
 * kernel's to find the ID of what tp_btf, fentry and fexit programs attach to, so these sections get
 * a handler of ours, which has seen the ID in passing.  bpf_program__attach() does not work for such
 * a program, bpf_program__attach_trace() does.  Where anything of this does not work, libbpf goes
 * its own way; CORELETS_WITHOUT=btf_cut makes it.  What was cut out can be kept for the next start
 * (see btf_cache.h); CORELETS_WITHOUT=btf_cache leaves that alone. */
#ifndef CORELETS_BTF_H
#define CORELETS_BTF_H

#include <stdbool.h>

#include <bpf/libbpf.h>

#include "lib/btf_cut.h"

/* Whether the kernel says what its types look like (CONFIG_DEBUG_INFO_BTF). */
bool kernel_btf_exists(void);

/* Before all that follows: whether *file*, the user's choice, can be this kernel's BTF.  Without one,
 * and if the kernel has none, one is looked for (btf_find.h), and put there.  Returns 0, or a negative
 * errno with one line in *why*. */
int kernel_btf_choose(const char **file, char why[256]);

/* Also before: what kernel_btf_has() will be asked, so that one look at the BTF is enough; and the
 * enums (ended by NULL) whose enumerators kernel_btf_done() tells, as btf_file_enums() does.  Names
 * must stay. */
void kernel_btf_ask(const char *name);
void kernel_btf_ask_enums(const char *const *enums, btf_enumerator_fn *each, void *context);

/* Whether that BTF has something of this name: a type, a function, a member.  False without BTF. */
bool kernel_btf_has(const char *name);

/* For bpf_object_open_opts.btf_custom_path.  *file*: the user's choice, or NULL; so may be what is
 * returned. */
const char *kernel_btf_path(const char *file);

/* Once an object has been opened with that path, and before it is loaded: puts into the file what
 * the object needs, from the cache of *tool* (btf_cache.h) if that is good.  Returns 0, or -EAGAIN if
 * that cannot be: then the object is to be opened again, for the path has become another. */
int kernel_btf_fill(const struct bpf_object_skeleton *skeleton, const char *tool);

/* Instead: makes the cache.  Returns 0 with its path in *why*, or a negative errno with one line. */
int kernel_btf_keep(const struct bpf_object_skeleton *skeleton, const char *tool, char why[256]);

/* Which BTF is used, and in brackets what would have come before it, and why it is not. */
const char *kernel_btf_source(void);

/* Frees all of it, when no object is to be loaded any more. */
void kernel_btf_done(void);

#endif
