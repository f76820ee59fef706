/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names of bits, and of the types of files. */
#ifndef CORELETS_FLAGS_H
#define CORELETS_FLAGS_H

#include <stdint.h>

#include "lib/column.h"

struct flag_name {
	const char *name;
	uint64_t mask, value; /* the flag is set if (flags & mask) == value */
};

#define FLAG(flag)                \
	{                         \
#flag, flag, flag \
	}
#define FLAG_MASK(name, mask, value) \
	{                            \
		name, mask, value    \
	}
#define FLAG_NAMES_END     \
	{                  \
		NULL, 0, 0 \
	}

/* The entry of that name, or NULL. */
const struct flag_name *flag_find(const struct flag_name *names, const char *name);

/* "O_RDWR|O_CREAT" into *v*, which is valid until the next call; bits that none of the names has
 * follow in hex.  Of two names that overlap only the one with more bits is told. */
void flags_text(const struct flag_name *names, uint64_t flags, struct value *v);

/* reg, dir, char, block, fifo, sock or link of the S_IFMT bits; NULL for none. */
const char *file_type_name(uint32_t mode);

#endif
