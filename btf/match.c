/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* CO-RE relocations against a kernel's BTF, by libbpf's rules. */
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "corecheck.h"

#define SPEC_MAX    64 /* parts of an access; members passed on the way to one */
#define DEPTH_MAX   32 /* of types within types, where these are compared */
#define TYPE_MATCH  (BPF_CORE_ENUMVAL_VALUE + 1) /* BPF_CORE_TYPE_MATCHES, in later headers */
#define IS_ENUM(t)  (btf_is_enum(t) || btf_is_enum64(t))
#define INT_OFF(t)  btf_int_offset(t)
#define SIGNED_T(t) (btf_int_encoding(t) & BTF_INT_SIGNED)

/* An access: the type it starts from, and each step that has a name or an index. */
struct spec {
	const struct btf *btf;
	uint32_t root, len, steps, bit_off;
	struct {
		uint32_t type, index;
		const char *name; /* NULL: an element of an array */
	} at[SPEC_MAX];
};

static bool field_based(uint32_t kind)
{
	return kind <= BPF_CORE_FIELD_RSHIFT_U64;
}

static bool type_based(uint32_t kind)
{
	return (kind >= BPF_CORE_TYPE_ID_LOCAL && kind <= BPF_CORE_TYPE_SIZE) || kind == TYPE_MATCH;
}

/* What a type is behind modifiers and typedefs; NULL if it is malformed. */
static const struct btf_type *resolve(const struct btf *btf, uint32_t *id)
{
	const struct btf_type *t = btf__type_by_id(btf, *id);

	for (int depth = 0; t && (btf_is_mod(t) || btf_is_typedef(t)); depth++) {
		if (depth == 2 * DEPTH_MAX)
			return NULL;
		*id = t->type;
		t = btf__type_by_id(btf, *id);
	}
	return t;
}

static bool kinds_agree(const struct btf_type *a, const struct btf_type *b)
{
	return btf_kind(a) == btf_kind(b) || (IS_ENUM(a) && IS_ENUM(b));
}

static bool names_agree(const char *a, const char *b)
{
	size_t len = essential_length(a);

	return essential_length(b) == len && !memcmp(a, b, len);
}

static const char *type_name(const struct btf *btf, const struct btf_type *t)
{
	return name_of(btf, t->name_off);
}

/* The name of the index-th enumerator. */
static const char *enumerator(const struct btf *btf, const struct btf_type *t, uint32_t index,
			      uint64_t *value)
{
	if (btf_is_enum(t)) {
		const struct btf_enum *e = btf_enum(t) + index;

		*value = (int64_t)e->val;
		return name_of(btf, e->name_off);
	}
	*value = btf_enum64_value(btf_enum64(t) + index);
	return name_of(btf, btf_enum64(t)[index].name_off);
}

/* The last member of a struct may be an array of no length, which has any element. */
static bool has_element(const struct spec *spec, uint32_t before, const struct btf_array *array,
			uint32_t index)
{
	const struct btf_type *t;

	if (index < array->nelems)
		return true;
	if (!spec->at[before].name || array->nelems)
		return false;
	t = btf__type_by_id(spec->btf, spec->at[before].type);
	return spec->at[before].index == btf_vlen(t) - 1u;
}

static int spec_element(struct spec *spec, uint32_t id, uint32_t index)
{
	int64_t size = btf__resolve_size(spec->btf, id);

	if (size < 0)
		return -EINVAL;
	if (spec->len == SPEC_MAX || spec->steps == SPEC_MAX)
		return -E2BIG;
	spec->at[spec->len].type = id;
	spec->at[spec->len].index = index;
	spec->at[spec->len].name = NULL;
	spec->len++;
	spec->steps++;
	spec->bit_off += index * (uint32_t)size * 8;
	return 0;
}

/* ---- the object's side ---- */

/* One step of an access, below *id, which becomes the type of what is there. */
static int spec_step(struct spec *spec, uint32_t *id, uint32_t index)
{
	const struct btf_type *t = resolve(spec->btf, id);
	const struct btf_array *array;

	if (!t)
		return -EINVAL;
	if (btf_is_composite(t)) {
		const struct btf_member *m = btf_members(t) + index;

		if (index >= btf_vlen(t))
			return -EINVAL;
		if (spec->len == SPEC_MAX)
			return -E2BIG;
		spec->bit_off += btf_member_bit_offset(t, index);
		if (m->name_off) {
			spec->at[spec->len].type = *id;
			spec->at[spec->len].index = index;
			spec->at[spec->len++].name = name_of(spec->btf, m->name_off);
		}
		*id = m->type;
		return 0;
	}
	if (!btf_is_array(t))
		return -EINVAL;
	array = btf_array(t);
	*id = array->type;
	if (!resolve(spec->btf, id) || !has_element(spec, spec->len - 1, array, index))
		return -EINVAL;
	return spec_element(spec, *id, index);
}

/* "0:2:1": the access as the compiler wrote it. */
static int spec_parse(struct spec *spec, const struct object *object, const struct relo *relo)
{
	const char *at = relo->access;
	uint32_t id = relo->type;
	const struct btf_type *t;
	char *end;
	int err = 0;

	*spec = (struct spec){ .btf = object->btf, .root = id };
	if (type_based(relo->kind))
		return strcmp(at, "0") ? -EINVAL : 0;
	t = resolve(object->btf, &id);
	if (!t)
		return -EINVAL;
	for (bool first = true; !err; first = false, at = end + 1) {
		unsigned long index;

		if (*at < '0' || *at > '9')
			return -EINVAL;
		index = strtoul(at, &end, 10);
		if (index > INT32_MAX || (*end && *end != ':'))
			return -EINVAL;
		if (!field_based(relo->kind)) {
			uint64_t value;

			if (!IS_ENUM(t) || *end || index >= btf_vlen(t))
				return -EINVAL;
			spec->at[0].type = id;
			spec->at[0].index = index;
			spec->at[0].name = enumerator(object->btf, t, index, &value);
			spec->len = 1;
			return 0;
		}
		err = first ? spec_element(spec, id, index) : spec_step(spec, &id, index);
		if (!*end)
			break;
	}
	return err;
}

/* "task_struct.mm.exe_file", "list.heads[3]" */
static void spec_put(struct buf *b, const struct spec *spec)
{
	const struct btf_type *t = btf__type_by_id(spec->btf, spec->root);

	buf_str(b, type_name(spec->btf, t));
	for (uint32_t i = 0; i < spec->len; i++)
		if (spec->at[i].name)
			buf_printf(b, ".%s", spec->at[i].name);
		else if (i || spec->at[i].index)
			buf_printf(b, "[%u]", spec->at[i].index);
}

/* ---- whether types agree ---- */

static int fields_agree(const struct btf *a, uint32_t a_id, const struct btf *b, uint32_t b_id)
{
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		const struct btf_type *t = resolve(a, &a_id), *u = resolve(b, &b_id);

		if (!t || !u)
			return -EINVAL;
		if (btf_is_composite(t) && btf_is_composite(u))
			return 1;
		if (!kinds_agree(t, u))
			return 0;
		switch (btf_kind(t)) {
		case BTF_KIND_PTR:
		case BTF_KIND_FLOAT:
			return 1;
		case BTF_KIND_FWD:
		case BTF_KIND_ENUM:
		case BTF_KIND_ENUM64:
			return !*type_name(a, t) || !*type_name(b, u) ||
			       names_agree(type_name(a, t), type_name(b, u));
		case BTF_KIND_INT: /* of bit fields in the old form: not */
			return !INT_OFF(t) && !INT_OFF(u);
		case BTF_KIND_ARRAY:
			a_id = btf_array(t)->type;
			b_id = btf_array(u)->type;
			break;
		default:
			return 0;
		}
	}
	return -EINVAL;
}

/* For the existence of a type: its name is known to agree. */
static int types_agree(const struct btf *a, uint32_t a_id, const struct btf *b, uint32_t b_id,
		       int depth)
{
	if (!kinds_agree(btf__type_by_id(a, a_id), btf__type_by_id(b, b_id)))
		return 0;
	for (; depth; depth--) {
		const struct btf_type *t = resolve(a, &a_id), *u = resolve(b, &b_id);

		if (!t || !u)
			return -EINVAL;
		if (!kinds_agree(t, u))
			return 0;
		switch (btf_kind(t)) {
		case BTF_KIND_UNKN:
		case BTF_KIND_STRUCT:
		case BTF_KIND_UNION:
		case BTF_KIND_ENUM:
		case BTF_KIND_ENUM64:
		case BTF_KIND_FWD:
			return 1;
		case BTF_KIND_INT:
			return !INT_OFF(t) && !INT_OFF(u);
		case BTF_KIND_PTR:
			a_id = t->type;
			b_id = u->type;
			break;
		case BTF_KIND_ARRAY:
			a_id = btf_array(t)->type;
			b_id = btf_array(u)->type;
			break;
		case BTF_KIND_FUNC_PROTO:
			if (btf_vlen(t) != btf_vlen(u))
				return 0;
			for (uint32_t i = 0; i < btf_vlen(t); i++) {
				uint32_t p = btf_params(t)[i].type, q = btf_params(u)[i].type;
				int err;

				if (!resolve(a, &p) || !resolve(b, &q))
					return -EINVAL;
				err = types_agree(a, p, b, q, depth - 1);
				if (err <= 0)
					return err;
			}
			a_id = t->type;
			b_id = u->type;
			break;
		default:
			return 0;
		}
	}
	return -EINVAL;
}

static int types_match(const struct btf *a, uint32_t a_id, const struct btf *b, uint32_t b_id,
		       bool behind_pointer, int depth);

/* Each member, enumerator or parameter of one has its like in the other. */
static int items_match(const struct btf *a, const struct btf_type *t, const struct btf *b,
		       const struct btf_type *u, bool behind_pointer, int depth)
{
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		int found = 0;

		for (uint32_t k = 0; !found && k < btf_vlen(u); k++) {
			uint64_t value;

			if (IS_ENUM(t)) {
				found = names_agree(enumerator(a, t, i, &value),
						    enumerator(b, u, k, &value));
			} else if (names_agree(name_of(a, btf_members(t)[i].name_off),
					       name_of(b, btf_members(u)[k].name_off))) {
				found = types_match(a, btf_members(t)[i].type, b,
						    btf_members(u)[k].type, behind_pointer,
						    depth - 1);
				if (found < 0)
					return found;
			}
		}
		if (!found)
			return 0;
	}
	return 1;
}

/* For BPF_CORE_TYPE_MATCHES. */
static int types_match(const struct btf *a, uint32_t a_id, const struct btf *b, uint32_t b_id,
		       bool behind_pointer, int depth)
{
	for (; depth > 0; depth--) {
		const struct btf_type *t = resolve(a, &a_id), *u = resolve(b, &b_id);
		bool same, local_union, kernel_union;

		if (!t || !u)
			return -EINVAL;
		if (!names_agree(type_name(a, t), type_name(b, u)))
			return 0;
		same = btf_kind(t) == btf_kind(u);
		local_union = btf_is_fwd(t) ? btf_kflag(t) : btf_is_union(t);
		kernel_union = btf_is_fwd(u) ? btf_kflag(u) : btf_is_union(u);
		switch (btf_kind(t)) {
		case BTF_KIND_UNKN:
			return same;
		case BTF_KIND_FWD:
			return (same || (behind_pointer && btf_is_composite(u))) &&
			       local_union == kernel_union;
		case BTF_KIND_ENUM:
		case BTF_KIND_ENUM64:
			return IS_ENUM(u) && t->size == u->size && btf_vlen(t) <= btf_vlen(u) &&
			       items_match(a, t, b, u, false, depth);
		case BTF_KIND_STRUCT:
		case BTF_KIND_UNION:
			if (behind_pointer)
				return same || (btf_is_fwd(u) && local_union == kernel_union);
			if (!same || btf_vlen(t) > btf_vlen(u))
				return 0;
			return items_match(a, t, b, u, behind_pointer, depth);
		case BTF_KIND_INT:
			return same && t->size == u->size && SIGNED_T(t) == SIGNED_T(u);
		case BTF_KIND_PTR:
			if (!same)
				return 0;
			behind_pointer = true;
			a_id = t->type;
			b_id = u->type;
			break;
		case BTF_KIND_ARRAY:
			if (!same || btf_array(t)->nelems != btf_array(u)->nelems)
				return 0;
			a_id = btf_array(t)->type;
			b_id = btf_array(u)->type;
			break;
		case BTF_KIND_FUNC_PROTO:
			if (!same || btf_vlen(t) != btf_vlen(u))
				return 0;
			for (uint32_t i = 0; i < btf_vlen(t); i++) {
				int err = types_match(a, btf_params(t)[i].type, b,
						      btf_params(u)[i].type, behind_pointer,
						      depth - 1);

				if (err <= 0)
					return err;
			}
			a_id = t->type;
			b_id = u->type;
			break;
		default:
			return 0;
		}
	}
	return -EINVAL;
}

/* ---- the kernel's side ---- */

/* The member of this name in *id*, or in what it has without a name; *id* becomes its type.
 * *other*: there is one, of a type that does not agree. */
static int find_member(struct spec *spec, const struct spec *local, uint32_t *id, bool *other)
{
	const struct btf_type *t = resolve(spec->btf, id), *local_type;
	uint32_t at = spec->len, local_member = local->at[at].index;

	if (!t || !btf_is_composite(t))
		return 0;
	local_type = btf__type_by_id(local->btf, local->at[at].type);
	for (uint32_t i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = btf_members(t) + i;
		const char *name = name_of(spec->btf, m->name_off);
		uint32_t off = btf_member_bit_offset(t, i), type = m->type;
		int found = 0;

		if (spec->steps == SPEC_MAX)
			return -E2BIG;
		spec->bit_off += off;
		spec->steps++;
		if (!*name) {
			found = find_member(spec, local, &type, other);
		} else if (!strcmp(name, local->at[at].name)) {
			found = fields_agree(local->btf, btf_members(local_type)[local_member].type,
					     spec->btf, type);
			if (found <= 0) {
				*other = true;
				return found;
			}
			spec->at[at].type = *id;
			spec->at[at].index = i;
			spec->at[at].name = name;
			spec->len++;
		}
		if (found) {
			*id = type;
			return found;
		}
		spec->bit_off -= off;
		spec->steps--;
	}
	return 0;
}

/* Whether the access can be made from a type of the kernel: 1, 0, or a negative errno. */
static int spec_match(struct spec *spec, const struct spec *local, const struct kernel *kernel,
		      uint32_t id, uint32_t kind, bool *other)
{
	const struct btf_type *t;
	int err;

	*spec = (struct spec){ .btf = kernel->btf, .root = id };
	if (kind == TYPE_MATCH)
		return types_match(local->btf, local->root, kernel->btf, id, false, DEPTH_MAX);
	if (type_based(kind))
		return types_agree(local->btf, local->root, kernel->btf, id, DEPTH_MAX);
	if (!field_based(kind)) {
		t = resolve(kernel->btf, &id);
		for (uint32_t i = 0; t && IS_ENUM(t) && i < btf_vlen(t); i++) {
			uint64_t value;

			if (!names_agree(local->at[0].name, enumerator(kernel->btf, t, i, &value)))
				continue;
			spec->at[0].type = id;
			spec->at[0].index = i;
			spec->len = 1;
			return 1;
		}
		return 0;
	}
	for (uint32_t i = 0; i < local->len; i++) {
		t = resolve(kernel->btf, &id);
		if (!t)
			return -EINVAL;
		if (local->at[i].name) {
			err = find_member(spec, local, &id, other);
			if (err <= 0)
				return err;
			continue;
		}
		if (i) { /* the first index is of the type itself */
			if (!btf_is_array(t) ||
			    !has_element(spec, i - 1, btf_array(t), local->at[i].index))
				return 0;
			id = btf_array(t)->type;
			if (!resolve(kernel->btf, &id))
				return -EINVAL;
		}
		err = spec_element(spec, id, local->at[i].index);
		if (err)
			return err;
	}
	return 1;
}

/* ---- what comes out ---- */

struct result {
	uint64_t value;
	int64_t size;  /* of the field, for the width of loads and stores; 0: not told */
	uint32_t type; /* of the field */
};

/* -EUCLEAN: there is none, and there should be. */
static int field_result(const struct spec *spec, uint32_t kind, struct result *r)
{
	const struct btf_type *t, *type;
	uint32_t id, last, bits, off;
	int64_t size;

	if (kind == BPF_CORE_FIELD_EXISTS) {
		r->value = !!spec;
		return 0;
	}
	if (!spec)
		return -EUCLEAN;
	last = spec->len - 1;
	t = btf__type_by_id(spec->btf, spec->at[last].type);
	if (!spec->at[last].name) {
		size = btf__resolve_size(spec->btf, spec->at[last].type);
		if (size < 0 || kind > BPF_CORE_FIELD_BYTE_SIZE)
			return -EINVAL;
		r->value = kind == BPF_CORE_FIELD_BYTE_SIZE ? size : spec->bit_off / 8;
		if (kind == BPF_CORE_FIELD_BYTE_OFFSET) {
			r->size = size;
			r->type = spec->at[last].type;
		}
		return 0;
	}
	id = btf_members(t)[spec->at[last].index].type;
	type = resolve(spec->btf, &id);
	if (!type)
		return -EINVAL;
	bits = btf_member_bitfield_size(t, spec->at[last].index);
	if (bits) {
		size = type->size;
		if (!size)
			return -EINVAL;
		off = spec->bit_off / 8 / size * size;
		/* The smallest integer that has it all. */
		while (spec->bit_off + bits - off * 8 > size * 8) {
			if (size >= 8)
				return -E2BIG;
			size *= 2;
			off = spec->bit_off / 8 / size * size;
		}
	} else {
		size = btf__resolve_size(spec->btf, id);
		if (size < 0)
			return -EINVAL;
		off = spec->bit_off / 8;
	}
	switch (kind) {
	case BPF_CORE_FIELD_BYTE_OFFSET:
		r->value = off;
		if (!bits) {
			r->size = size;
			r->type = id;
		}
		return 0;
	case BPF_CORE_FIELD_BYTE_SIZE:
		r->value = size;
		return 0;
	case BPF_CORE_FIELD_SIGNED:
		r->value =
			(IS_ENUM(type) && btf_kflag(type)) || (btf_is_int(type) && SIGNED_T(type));
		return 0;
	case BPF_CORE_FIELD_LSHIFT_U64:
		if (btf__endianness(spec->btf) == BTF_LITTLE_ENDIAN)
			r->value = 64 - (spec->bit_off + (bits ?: size * 8) - off * 8);
		else
			r->value = (8 - size) * 8 + (spec->bit_off - off * 8);
		return 0;
	default: /* BPF_CORE_FIELD_RSHIFT_U64 */
		r->value = 64 - (bits ?: size * 8);
		return 0;
	}
}

static int result_of(const struct spec *spec, uint32_t kind, struct result *r)
{
	const struct btf_type *t;
	int64_t size;

	*r = (struct result){};
	if (field_based(kind))
		return field_result(spec, kind, r);
	switch (kind) {
	case BPF_CORE_TYPE_ID_TARGET:
		r->value = spec ? spec->root : 0;
		return 0;
	case BPF_CORE_TYPE_SIZE: /* as the ID, 0 if there is none */
		size = spec ? btf__resolve_size(spec->btf, spec->root) : 0;
		r->value = size;
		return size < 0 ? -EINVAL : 0;
	case BPF_CORE_TYPE_EXISTS:
	case BPF_CORE_ENUMVAL_EXISTS:
	case TYPE_MATCH:
		r->value = !!spec;
		return 0;
	case BPF_CORE_ENUMVAL_VALUE:
		if (!spec)
			return -EUCLEAN;
		t = btf__type_by_id(spec->btf, spec->at[0].type);
		enumerator(spec->btf, t, spec->at[0].index, &r->value);
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

/* A load or store of another width: of pointers and unsigned integers only. */
static bool width_may_change(const struct spec *local, const struct result *a,
			     const struct spec *spec, const struct result *b)
{
	const struct btf_type *t = btf__type_by_id(local->btf, a->type);
	const struct btf_type *u = btf__type_by_id(spec->btf, b->type);

	if (btf_is_ptr(t) && btf_is_ptr(u))
		return true;
	return btf_is_int(t) && btf_is_int(u) && !SIGNED_T(t) && !SIGNED_T(u);
}

/* The cause is *before*, the access, and *after*. */
static void conclude(struct outcome *outcome, int state, const char *before,
		     const struct spec *spec, const char *after)
{
	struct buf what = {};

	spec_put(&what, spec);
	outcome->state = state;
	snprintf(outcome->why, sizeof(outcome->why), "%s%.*s%s", before, (int)what.len,
		 what.data ?: "", after);
	buf_done(&what);
}

/* What keeps the instruction from getting the value, if anything does. */
static void apply(struct outcome *outcome, const struct relo *relo, const struct bpf_insn *insn,
		  const struct spec *local, const struct result *before, const struct spec *spec,
		  const struct result *after)
{
	uint32_t class = BPF_CLASS(insn->code);

	outcome->value = after->value;
	if (class != BPF_LDX && class != BPF_ST && class != BPF_STX)
		return;
	if (after->value > INT16_MAX)
		conclude(outcome, RELO_FAILS, "", local, ": too far for a load or store");
	else if (!field_based(relo->kind) || before->size == after->size)
		;
	else if (!width_may_change(local, before, spec, after))
		conclude(outcome, RELO_POISONS, "", local, ": another size");
	else if (after->size != 1 && after->size != 2 && after->size != 4 && after->size != 8)
		conclude(outcome, RELO_FAILS, "", local, ": no size for a load or store");
}

void relo_resolve(const struct object *object, const struct relo *relo, const struct kernel *kernel,
		  struct outcome *outcome)
{
	const struct bpf_insn *insn = &object->sections[relo->section].insns[relo->insn];
	const struct btf_type *t = btf__type_by_id(object->btf, relo->type);
	struct spec local, spec, first;
	struct result before, after, now;
	bool any = false, other = false;
	uint32_t found = 0;
	const char *name;
	int err;

	*outcome = (struct outcome){};
	if (!t || spec_parse(&local, object, relo)) {
		outcome->state = RELO_FAILS;
		snprintf(outcome->why, sizeof(outcome->why), "malformed relocation");
		return;
	}
	outcome->value = relo->type;
	if (relo->kind == BPF_CORE_TYPE_ID_LOCAL)
		return;
	name = type_name(object->btf, t);
	if (!*name) {
		conclude(outcome, RELO_FAILS, "a type without a name", &local, "");
		return;
	}
	err = result_of(&local, relo->kind, &before);
	for (uint32_t id = kernel_first(kernel, name, essential_length(name)); id && !err;
	     id = kernel_next(kernel, id)) {
		const struct btf_type *u = btf__type_by_id(kernel->btf, id);

		if (!kinds_agree(t, u) || !names_agree(name, type_name(kernel->btf, u)))
			continue;
		any = true;
		err = spec_match(&spec, &local, kernel, id, relo->kind, &other);
		if (err <= 0)
			continue;
		err = result_of(&spec, relo->kind, &now);
		if (err)
			break;
		if (!found++) {
			first = spec;
			after = now;
		} else if (spec.bit_off != first.bit_off || now.value != after.value) {
			conclude(outcome, RELO_FAILS, "", &local,
				 ": several of this name that differ");
			return;
		}
	}
	if (!found && !err)
		err = result_of(NULL, relo->kind, &after);
	if (err == -EUCLEAN)
		conclude(outcome, RELO_POISONS, "no ", &local,
			 other ? " of this type" :
			 any   ? "" :
				 " (nor the type)");
	else if (err)
		conclude(outcome, RELO_FAILS, "", &local,
			 err == -E2BIG	    ? ": too complex" :
			 err == -EOPNOTSUPP ? ": an unknown kind of relocation" :
					      ": malformed type");
	else
		apply(outcome, relo, insn, &local, &before, found ? &first : NULL, &after);
}
