/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Programs for corecheck.bats that only clang 15 and later know how to make. */

#include "programs.h"

enum wide {
	WIDE = 0x1234567890,
	KEPT = 0x1234567891,
};

enum grown {
	GROWN = 5,
};

struct pair {
	long second;
};

struct pair___int {
	int second;
};

struct linked {
	struct thing *first;
};

struct thing {
	int none_such;
} __attribute__((preserve_access_index));

PROGRAM(wide_value)
{
	return result = bpf_core_enum_value(enum wide, WIDE), 0;
}

PROGRAM(wide_kept)
{
	return result = bpf_core_enum_value(enum wide, KEPT), 0;
}

PROGRAM(wide_for_narrow)
{
	return result = bpf_core_enum_value(enum grown, GROWN), 0;
}

/* Fails unless the type matches. */
#define MATCHES(name, type)                                                      \
	PROGRAM(name)                                                            \
	{                                                                        \
		if (!bpf_core_type_matches(type))                                \
			result = read_at(&((struct thing *)context)->none_such); \
		return 0;                                                        \
	}

MATCHES(matches, struct pair)
MATCHES(matches_int, struct pair___int)
MATCHES(matches_pointer, struct linked)
MATCHES(matches_enum, enum grown)
