/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files that are written completely or not at all: what was there stays until the end.  They have
 * mode 0600. */
#ifndef CORELETS_REPLACE_H
#define CORELETS_REPLACE_H

#include <stdbool.h>
#include <stdint.h>

struct replace {
	int fd; /* to write to; -1: nothing is open */
	char *path;
	char *temporary; /* NULL: the file has no name yet, or is written in place */
	bool in_place;	 /* a device or a pipe */
};

#define REPLACE_NONE     \
	{                \
		.fd = -1 \
	}

/* Opens *path* (of a symbolic link: what it leads to) for writing.  *keep* gets a bit 1 << CAP_* if
 * replace_commit() needs that capability.  Returns 0 or -errno. */
int replace_open(struct replace *replace, const char *path, uint64_t *keep);

/* All has been written: puts it in place.  Returns 0 or -errno. */
int replace_commit(struct replace *replace);

/* Closes; what was not committed is gone. */
void replace_done(struct replace *replace);

#endif
