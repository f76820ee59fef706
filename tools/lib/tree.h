/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ancestry among the processes that a tool has shown. */
#ifndef CORELETS_TREE_H
#define CORELETS_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"

/* Remembers a process.  *ancestors* are __u32 pids in the record *event* of *size* bytes, parent
 * first, 0 after the last. */
void tree_add(uint32_t pid, const struct bytes *ancestors, const void *event, size_t size);

/* How many of the ancestors have been remembered, along the chain; 0 for a root. */
unsigned int tree_depth(uint32_t pid, const struct bytes *ancestors, const void *event,
			size_t size);

#endif
