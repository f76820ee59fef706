/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* BTF from elsewhere, for kernels that have none: where it is looked for, and whether it is this
 * kernel's.
 *
 * A BTF does not say whose it is.  So there is no proof; what is looked at, until something
 * contradicts:
 *
 *   - the mark that "make btf" leaves: a string that no type has, of BTF_MARK and then the release or
 *     the build ID (hex) of the kernel; of several, one must be right;
 *   - the kernel's own BTF if it has one: of each struct that both have, size and members;
 *   - the sizes of the structs that have a slab cache of their own, which sysfs tells to root.
 *
 * A BTF of another build of a kernel whose structs are laid out the same passes, which does no harm;
 * one where only structs differ that have no such cache passes too, which may. */
#ifndef CORELETS_BTF_FIND_H
#define CORELETS_BTF_FIND_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/buf.h"

#define BTF_MARK "corelets_btf_of:"

/* The build ID of the running kernel, in hex; empty if it has none. */
void kernel_build_id(char hex[129]);

/* Whether *fd* is of this type (S_IFREG, S_IFDIR), and nobody but root and *user* can have written
 * it. */
bool written_by(int fd, mode_t type, uid_t user);

/* Looks for the BTF of the running kernel, BUILD-ID.btf or RELEASE.btf, in $XDG_DATA_HOME/corelets/btf,
 * /usr/share/corelets/btf, and btf beside the program.  Files and directories that others than root
 * and the caller could write are passed over, and told in *passed*: "; PATH: WHY" each.  Returns a
 * descriptor, its path in *ret_path (to be freed); or -ENOENT, or another negative errno. */
int btf_find(char **ret_path, struct buf *passed);

/* Whether *path* is a BTF, and can be this kernel's.  Returns 0, or a negative errno with the reason
 * in *why*: -EBADMSG if it is not this kernel's. */
int btf_belongs(const char *path, char why[256]);

/* The same, with the facts about the kernel from elsewhere: for tests.  Each may be NULL, and a file
 * or directory that is not there is no contradiction. */
struct kernel_facts {
	const char *release, *build_id;
	const char *btf;  /* /sys/kernel/btf/vmlinux */
	const char *slab; /* /sys/kernel/slab */
};

int btf_agrees(const char *path, const struct kernel_facts *facts, char why[256]);

#endif
