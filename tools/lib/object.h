/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The BPF object of a tool, which is in its program as gzip made it: a fifth of its size.  Skeletons
 * ask for it (Makefile). */
#ifndef CORELETS_OBJECT_H
#define CORELETS_OBJECT_H

#include <stddef.h>

extern const unsigned char object_packed[], object_packed_end[];

#define OBJECT_UNPACK(size) object_unpack(object_packed, object_packed_end - object_packed, size)

/* Returns the object, to be freed, and its size in bytes; NULL, and 0, if there is no memory or if
 * *packed* (*len* bytes) is not what gzip makes. */
void *object_unpack(const unsigned char *packed, size_t len, size_t *size);

#endif
