/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Programs for corecheck.bats: each has one thing that may hold or not. */

#include "programs.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct item {
	int id;
};

enum colour {
	RED = 1,
	GREEN = 2,
};

struct thing {
	long gone;
	int plain;
	short deep;
	struct item items[8];
	int flags : 3;
	int negative : 5;
	enum colour mode;
	long moved;
	int tail[];
};

struct thing___old {
	int older;
};

struct context {
	int number;
	unsigned int bits;
};

struct twin {
	int first;
};

struct only {
	int member;
};

#pragma clang attribute pop

typedef int only_t;

/* Where the thing is does not matter: nothing of it is ever there. */
#define THING ((struct thing *)context)

PROGRAM(field_offset)
{
	return result = read_at(&THING->gone), 0;
}

PROGRAM(field_size)
{
	return result = bpf_core_field_size(THING->gone), 0;
}

PROGRAM(field_exists)
{
	return result = bpf_core_field_exists(THING->gone), 0;
}

PROGRAM(field_signed)
{
	return result = __builtin_preserve_field_info(THING->negative, 3), 0;
}

PROGRAM(field_lshift)
{
	return result = __builtin_preserve_field_info(THING->flags, 4), 0;
}

PROGRAM(field_rshift)
{
	return result = __builtin_preserve_field_info(THING->flags, 5), 0;
}

PROGRAM(bit_field)
{
	return result = BPF_CORE_READ_BITFIELD_PROBED(THING, flags), 0;
}

PROGRAM(field_of_another_type)
{
	return result = read_at(&THING->plain), 0;
}

PROGRAM(enum_that_is_a_pointer)
{
	return result = read_at(&THING->mode), 0;
}

PROGRAM(anonymous_member)
{
	return result = read_at(&THING->deep), 0;
}

PROGRAM(array_element)
{
	return result = read_at(&THING->items[3].id), 0;
}

PROGRAM(flexible_array)
{
	return result = read_at(&THING->tail[5]), 0;
}

PROGRAM(first_elements)
{
	return result = read_at(&THING->items[1].id) + read_at(&THING->tail[1]), 0;
}

PROGRAM(flavour)
{
	return result = read_at(&((struct thing___old *)context)->older), 0;
}

PROGRAM(enumerator_exists)
{
	return result = bpf_core_enum_value_exists(enum colour, RED), 0;
}

PROGRAM(enumerator_value)
{
	return result = bpf_core_enum_value(enum colour, RED), 0;
}

PROGRAM(enumerator_kept)
{
	return result = bpf_core_enum_value(enum colour, GREEN), 0;
}

PROGRAM(type_exists)
{
	return result = bpf_core_type_exists(struct only) + bpf_core_type_exists(only_t), 0;
}

PROGRAM(type_size)
{
	return result = bpf_core_type_size(struct only), 0;
}

PROGRAM(type_id)
{
	return result = bpf_core_type_id_kernel(struct only), 0;
}

PROGRAM(type_id_local)
{
	return result = bpf_core_type_id_local(struct only), 0;
}

PROGRAM(member_of_type)
{
	return result = read_at(&((struct only *)context)->member), 0;
}

PROGRAM(type_guards)
{
	if (bpf_core_type_exists(struct only))
		result = read_at(&((struct only *)context)->member);
	return 0;
}

PROGRAM(load_of_another_size)
{
	return result = ((struct context *)context)->number, 0;
}

PROGRAM(load_of_unsigned)
{
	return result = ((struct context *)context)->bits, 0;
}

PROGRAM(ambiguous)
{
	return result = read_at(&((struct twin *)context)->first), 0;
}

PROGRAM(guarded)
{
	if (bpf_core_field_exists(THING->gone))
		result = read_at(&THING->gone);
	return 0;
}

PROGRAM(guarded_flavour)
{
	if (bpf_core_field_exists(THING->gone))
		result = read_at(&THING->gone);
	else
		result = read_at(&((struct thing___old *)context)->older);
	return 0;
}

PROGRAM(guarded_by_another)
{
	if (bpf_core_field_exists(THING->deep))
		result = read_at(&THING->gone);
	return 0;
}

PROGRAM(guarded_by_enumerator)
{
	if (bpf_core_enum_value_exists(enum colour, RED))
		result = bpf_core_enum_value(enum colour, RED) + read_at(&THING->gone);
	return 0;
}

PROGRAM(guarded_by_size)
{
	if (bpf_core_type_size(struct only) > 3)
		result = read_at(&THING->gone);
	return 0;
}

PROGRAM(guarded_the_wrong_way)
{
	if (!bpf_core_field_exists(THING->gone))
		result = read_at(&THING->gone);
	return 0;
}

/* Through the stack, which calls and a loop do not change. */
PROGRAM(guarded_by_variable)
{
	volatile long has = bpf_core_field_exists(THING->gone);

	for (int i = 0; i < 20; i++)
		result += bpf_get_prandom_u32();
	if (has)
		result = read_at(&THING->gone);
	return 0;
}

int seen;

/* The verifier does not know what a variable of the object has. */
PROGRAM(guarded_by_global)
{
	seen = bpf_core_field_exists(THING->gone);
	bpf_get_prandom_u32();
	barrier_var(context);
	if (*(volatile int *)&seen)
		result = read_at(&THING->gone);
	return 0;
}

/* Nor what a helper has written over it. */
PROGRAM(guarded_by_overwritten)
{
	volatile long has = bpf_core_field_exists(THING->gone);

	bpf_get_current_comm((void *)&has, sizeof(has));
	if (has)
		result = read_at(&THING->gone);
	return 0;
}

static __noinline long called(void *context)
{
	return read_at(&THING->gone);
}

PROGRAM(calls)
{
	return result = called(context), 0;
}

PROGRAM(calls_guarded)
{
	if (bpf_core_field_exists(THING->gone))
		result = called(context);
	return 0;
}

static __noinline long guarded_inside(void *context, int which)
{
	if (which)
		return read_at(&THING->gone);
	return read_at(&THING->moved);
}

PROGRAM(passes_the_guard)
{
	return result = guarded_inside(context, bpf_core_field_exists(THING->gone)), 0;
}

PROGRAM(fails_of_two)
{
	return result = read_at(&THING->moved) + read_at(&THING->deep) + read_at(&THING->gone), 0;
}
