/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which of many address ranges, that may overlap, an address is in: symbols, JIT code, DWARF. */
#ifndef CORELETS_SYMBOL_RANGE_H
#define CORELETS_SYMBOL_RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbol_range {
	uint64_t start, end; /* [start, end) */
	uint64_t reach;	     /* the largest end up to here */
	uint32_t value;	     /* the user's */
	uint32_t rank : 31;
	uint32_t open : 1; /* of unknown size: ends where the next one starts, or at *end* */
};

/* Zero-initialised is empty. */
struct symbol_ranges {
	struct symbol_range *ranges;
	size_t count, cap;
	bool sorted;
	bool ranked; /* the highest rank is looked for, not the closest start */
};

/* Adds a range; an empty one is left out.  Returns 0, -ENOMEM, or -E2BIG if there are too many. */
int symbol_ranges_add(struct symbol_ranges *ranges, const struct symbol_range *range);

/* The range that *address* is in, or NULL.  Of several the one that starts last (of those the one
 * with the highest rank), but one of known size before an open one.  If *ranked*, the one with the
 * highest rank, wherever it starts.  *ret_limit* (may be NULL) is set if there were too many to
 * look at all of them. */
const struct symbol_range *symbol_ranges_find(struct symbol_ranges *ranges, uint64_t address,
					      bool *ret_limit);

void symbol_ranges_done(struct symbol_ranges *ranges);

#endif
