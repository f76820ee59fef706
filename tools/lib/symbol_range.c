/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>

#include "lib/symbol_range.h"

#define COUNT_MAX (1U << 25)
#define STEPS_MAX 4096 /* back from the address: who writes the file may nest ranges without end */

int symbol_ranges_add(struct symbol_ranges *r, const struct symbol_range *range)
{
	size_t cap = r->cap ? r->cap * 2 : 64;
	struct symbol_range *grown;

	if (range->end <= range->start)
		return 0;
	if (r->count == COUNT_MAX)
		return -E2BIG;
	if (r->count == r->cap) {
		grown = realloc(r->ranges, cap * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		r->ranges = grown;
		r->cap = cap;
	}
	r->ranges[r->count++] = *range;
	r->sorted = false;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct symbol_range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static void sort(struct symbol_ranges *r)
{
	uint64_t next = UINT64_MAX, reach = 0;
	struct symbol_range *range;

	qsort(r->ranges, r->count, sizeof(*r->ranges), compare);
	for (size_t i = r->count; i--;) {
		range = &r->ranges[i];
		if (i + 1 < r->count && range[1].start > range->start)
			next = range[1].start;
		if (range->open && range->end > next)
			range->end = next;
	}
	for (size_t i = 0; i < r->count; i++) {
		range = &r->ranges[i];
		reach = range->end > reach ? range->end : reach;
		range->reach = reach;
	}
	r->sorted = true;
}

const struct symbol_range *symbol_ranges_find(struct symbol_ranges *r, uint64_t address,
					      bool *ret_limit)
{
	const struct symbol_range *range, *found = NULL;
	size_t low = 0, high = r->count, middle;
	unsigned int steps = 0;

	if (!r->count)
		return NULL;
	if (!r->sorted)
		sort(r);
	while (low < high) { /* the first one that starts behind the address */
		middle = low + (high - low) / 2;
		if (r->ranges[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	while (low-- && r->ranges[low].reach > address) {
		range = &r->ranges[low];
		if (++steps > STEPS_MAX) {
			if (ret_limit)
				*ret_limit = true;
			break;
		}
		if (range->end <= address)
			continue;
		if (!r->ranked && !range->open)
			return range;
		if (!found || (r->ranked && range->rank > found->rank))
			found = range;
	}
	return found;
}

void symbol_ranges_done(struct symbol_ranges *r)
{
	free(r->ranges);
	*r = (struct symbol_ranges){ .ranked = r->ranked };
}
