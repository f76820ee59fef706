/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names of the flags of open(2) and of the types of files. */
#ifndef CORELETS_FLAGS_H
#define CORELETS_FLAGS_H

#include <stdint.h>

#include "lib/column.h"

/* What --flags asks for: opens with any of these bits, or of these access modes. */
struct open_flags {
	uint64_t any;
	uint32_t access; /* bit n: access mode n */
};

/* A parser for OPT_CALL: "O_CREAT,O_WRONLY" into a struct open_flags. */
int open_flags_parse(const char *arg, void *target, char why[128]);

/* "O_RDWR|O_CREAT" into *v*, which is valid until the next call; bits without a name follow in
 * hex.  Of two flags of which one contains the other only the larger is told. */
void open_flags_text(uint64_t flags, struct value *v);

/* reg, dir, char, block, fifo, sock or link of the S_IFMT bits; NULL for none. */
const char *file_type_name(uint32_t mode);

#endif
