/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which instructions of a program can be reached once relocations have made constants of what a
 * kernel has: constants are followed through registers and the stack, as the verifier does. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "corecheck.h"

#define STACK 512
#define SLOTS (STACK / 4)

struct value {
	enum { UNKNOWN, CONSTANT, CONTEXT, FRAME, SOMEWHERE } kind; /* the last: in the frame */
	uint8_t size;						    /* in the stack: 4 or 8 */
	int64_t n; /* the constant, or the distance from where the pointer starts */
};

/* What is known before an instruction. */
struct state {
	struct value regs[11], stack[SLOTS];
};

static struct value constant(uint64_t n)
{
	return (struct value){ .kind = CONSTANT, .n = n };
}

static bool same(const struct value *a, const struct value *b)
{
	if (a->kind != b->kind || a->kind == UNKNOWN || a->kind == SOMEWHERE)
		return a->kind == b->kind;
	return a->n == b->n && a->size == b->size;
}

static bool join_value(struct value *a, const struct value *b)
{
	bool pointer = a->kind >= FRAME || b->kind >= FRAME;

	if (same(a, b) || a->kind == SOMEWHERE || (a->kind == UNKNOWN && !pointer))
		return false;
	*a = (struct value){ .kind = pointer ? SOMEWHERE : UNKNOWN };
	return true;
}

/* Keeps of *a* what *b* says too.  Returns whether something went. */
static bool join(struct state *a, const struct state *b)
{
	bool changed = false;

	for (int i = 0; i < 11; i++)
		changed |= join_value(&a->regs[i], &b->regs[i]);
	for (int i = 0; i < SLOTS; i++)
		changed |= join_value(&a->stack[i], &b->stack[i]);
	return changed;
}

/* A way to an instruction. */
static int enter(struct reach *reach, uint32_t section, int64_t insn, const struct state *state)
{
	struct state **at;

	if (insn < 0 || insn >= reach->object->sections[section].count)
		return -EINVAL;
	at = &reach->states[section][insn];
	if (*at && !join(*at, state))
		return 0;
	if (!*at) {
		*at = malloc(sizeof(**at));
		if (!*at)
			return -ENOMEM;
		**at = *state;
	}
	if (reach->todo_count == reach->todo_cap) {
		uint32_t cap = 2 * reach->todo_cap + 64;
		struct place *todo = realloc(reach->todo, cap * sizeof(*todo));

		if (!todo)
			return -ENOMEM;
		reach->todo = todo;
		reach->todo_cap = cap;
	}
	reach->todo[reach->todo_count++] = (struct place){ section, insn };
	return 0;
}

/* ---- the stack ---- */

/* Forgets *len* bytes from *off* (0: all above), as seen from the frame pointer. */
static void forget(struct state *state, int64_t off, int64_t len)
{
	for (int i = 0; i < SLOTS; i++) {
		int64_t start = i * 4 - STACK, end = start + state->stack[i].size;

		if (state->stack[i].kind != UNKNOWN && end > off && (!len || start < off + len))
			state->stack[i] = (struct value){};
	}
}

/* What a function that gets these arguments may write to. */
static void forget_arguments(struct state *state)
{
	for (int i = 1; i <= 5; i++)
		if (state->regs[i].kind >= FRAME)
			forget(state, state->regs[i].kind == FRAME ? state->regs[i].n : -STACK, 0);
}

static int size_of(const struct bpf_insn *insn)
{
	switch (BPF_SIZE(insn->code)) {
	case BPF_B:
		return 1;
	case BPF_H:
		return 2;
	case BPF_W:
		return 4;
	default:
		return 8;
	}
}

/* A value of *size* bytes is stored at *to*. */
static void store(struct state *state, const struct value *to, int off, int size,
		  struct value value)
{
	int64_t at = to->n + off;

	if (to->kind == SOMEWHERE)
		forget(state, -STACK, 0);
	if (to->kind != FRAME)
		return;
	forget(state, at, size);
	if (size < 4 || at % 4 || at < -STACK || at + size > 0)
		return;
	if (size == 4 && value.kind != CONSTANT)
		return;
	if (size == 4)
		value.n = (uint32_t)value.n;
	value.size = size;
	state->stack[(at + STACK) / 4] = value;
}

static struct value load(const struct state *state, const struct value *from, int off, int size)
{
	int64_t at = from->n + off;
	struct value value = {};

	if (from->kind == FRAME && at % 4 == 0 && at >= -STACK && at + size <= 0)
		value = state->stack[(at + STACK) / 4];
	if (value.size != size)
		return (struct value){};
	value.size = 0;
	return value;
}

/* ---- registers ---- */

static struct value compute(const struct bpf_insn *insn, struct value a, struct value b)
{
	bool wide = BPF_CLASS(insn->code) == BPF_ALU64;
	uint64_t x = wide ? (uint64_t)a.n : (uint32_t)a.n, y = wide ? (uint64_t)b.n : (uint32_t)b.n;
	unsigned int bits = wide ? 64 : 32;

	if (insn->off) /* signed division, moves that extend the sign */
		return (struct value){};
	if (BPF_OP(insn->code) == BPF_MOV && (wide || b.kind == CONSTANT)) {
		b.n = b.kind == CONSTANT ? y : (uint64_t)b.n;
		return b;
	}
	if (wide && (a.kind == FRAME || a.kind == CONTEXT) && b.kind == CONSTANT &&
	    (BPF_OP(insn->code) == BPF_ADD || BPF_OP(insn->code) == BPF_SUB)) {
		a.n = BPF_OP(insn->code) == BPF_ADD ? (uint64_t)a.n + b.n : (uint64_t)a.n - b.n;
		return a;
	}
	if (BPF_OP(insn->code) == BPF_AND && b.kind == CONSTANT && !y)
		return constant(0);
	if (a.kind != CONSTANT || (b.kind != CONSTANT && BPF_OP(insn->code) != BPF_NEG))
		return (struct value){};
	switch (BPF_OP(insn->code)) {
	case BPF_ADD:
		x += y;
		break;
	case BPF_SUB:
		x -= y;
		break;
	case BPF_MUL:
		x *= y;
		break;
	case BPF_DIV:
		x = y ? x / y : 0;
		break;
	case BPF_MOD:
		x = y ? x % y : x;
		break;
	case BPF_OR:
		x |= y;
		break;
	case BPF_AND:
		x &= y;
		break;
	case BPF_XOR:
		x ^= y;
		break;
	case BPF_LSH:
		x <<= y % bits;
		break;
	case BPF_RSH:
		x >>= y % bits;
		break;
	case BPF_ARSH:
		x = wide ? (uint64_t)((int64_t)x >> y % bits) : (uint64_t)((int32_t)x >> y % bits);
		break;
	case BPF_NEG:
		x = -x;
		break;
	default: /* byte swaps */
		return (struct value){};
	}
	return constant(wide ? x : (uint32_t)x);
}

static struct value arithmetic(const struct bpf_insn *insn, struct value a, struct value b)
{
	struct value value = compute(insn, a, b);

	if (value.kind == UNKNOWN &&
	    (b.kind >= FRAME || (a.kind >= FRAME && BPF_OP(insn->code) != BPF_MOV)))
		value.kind = SOMEWHERE;
	return value;
}

/* Whether a conditional jump is taken: 1, 0, or -1 if that depends. */
static int taken(const struct bpf_insn *insn, const struct value *a, const struct value *b)
{
	bool wide = BPF_CLASS(insn->code) == BPF_JMP;
	uint64_t x = wide ? (uint64_t)a->n : (uint32_t)a->n;
	uint64_t y = wide ? (uint64_t)b->n : (uint32_t)b->n;
	int64_t sx = wide ? a->n : (int32_t)a->n, sy = wide ? b->n : (int32_t)b->n;

	if (a->kind != CONSTANT || b->kind != CONSTANT)
		return -1;
	switch (BPF_OP(insn->code)) {
	case BPF_JEQ:
		return x == y;
	case BPF_JNE:
		return x != y;
	case BPF_JGT:
		return x > y;
	case BPF_JGE:
		return x >= y;
	case BPF_JLT:
		return x < y;
	case BPF_JLE:
		return x <= y;
	case BPF_JSET:
		return !!(x & y);
	case BPF_JSGT:
		return sx > sy;
	case BPF_JSGE:
		return sx >= sy;
	case BPF_JSLT:
		return sx < sy;
	case BPF_JSLE:
		return sx <= sy;
	default:
		return -1;
	}
}

/* ---- instructions ---- */

static int call(struct reach *reach, const struct place *at, struct state *state)
{
	const struct section *section = &reach->object->sections[at->section];
	const struct bpf_insn *insn = &section->insns[at->insn];
	const struct target *target = &section->targets[at->insn];
	struct state callee = {};
	int err = 0;

	for (int i = 1; i <= 5; i++)
		if (state->regs[i].kind == CONTEXT || state->regs[i].kind == CONSTANT)
			callee.regs[i] = state->regs[i];
	callee.regs[10].kind = FRAME;
	if (target->section)
		err = enter(reach, target->section, target->insn, &callee);
	else if (insn->src_reg == BPF_PSEUDO_CALL && !target->relocated)
		err = enter(reach, at->section, (int64_t)at->insn + insn->imm + 1, &callee);
	forget_arguments(state);
	memset(state->regs, 0, 6 * sizeof(state->regs[0]));
	return err;
}

/* A jump; *ret_next is the next instruction, -1 if there is none. */
static int jump(struct reach *reach, const struct place *at, struct state *state, int64_t *ret_next)
{
	const struct bpf_insn *insn = &reach->object->sections[at->section].insns[at->insn];
	bool wide = BPF_CLASS(insn->code) == BPF_JMP;
	struct value b = constant((int64_t)insn->imm);
	int64_t to = *ret_next + insn->off;
	int way, err;

	switch (BPF_OP(insn->code)) {
	case BPF_CALL:
		return call(reach, at, state);
	case BPF_EXIT:
		*ret_next = -1;
		return 0;
	case BPF_JA:
		if (!wide)
			to = *ret_next + insn->imm;
		*ret_next = -1;
		return enter(reach, at->section, to, state);
	}
	if (BPF_SRC(insn->code) == BPF_X && insn->src_reg < 11)
		b = state->regs[insn->src_reg];
	way = taken(insn, &state->regs[insn->dst_reg], &b);
	if (way) {
		struct state there = *state;

		if (BPF_OP(insn->code) == BPF_JEQ && wide && b.kind == CONSTANT)
			there.regs[insn->dst_reg] = b;
		err = enter(reach, at->section, to, &there);
		if (err)
			return err;
	}
	if (way == 1)
		*ret_next = -1;
	else if (BPF_OP(insn->code) == BPF_JNE && wide && b.kind == CONSTANT)
		state->regs[insn->dst_reg] = b;
	return 0;
}

/* One instruction; *ret_next is the next one, -1 if there is none. */
static int step(struct reach *reach, const struct place *at, struct state *state, int64_t *ret_next)
{
	const struct section *section = &reach->object->sections[at->section];
	const struct bpf_insn *insn = &section->insns[at->insn];
	const struct target *target = &section->targets[at->insn];
	const struct outcome *outcome =
		section->relos[at->insn] ? &reach->outcomes[section->relos[at->insn] - 1] : NULL;
	struct value *to, *from, b;

	if (insn->dst_reg > 10 || insn->src_reg > 10)
		return -EINVAL;
	to = &state->regs[insn->dst_reg];
	from = &state->regs[insn->src_reg];
	*ret_next = at->insn + 1;
	if (outcome && outcome->state != RELO_HOLDS) {
		*ret_next = -1;
		return 0;
	}
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		if (BPF_MODE(insn->code) != BPF_IMM) { /* of packets: to r0 */
			memset(state->regs, 0, 6 * sizeof(state->regs[0]));
			return 0;
		}
		if (at->insn + 1 >= section->count)
			return -EINVAL;
		*ret_next = at->insn + 2;
		*to = (struct value){};
		if (outcome)
			*to = constant(outcome->value);
		else if (!target->relocated && !insn->src_reg)
			*to = constant((uint64_t)(uint32_t)insn[1].imm << 32 | (uint32_t)insn->imm);
		if (target->section) { /* for a helper that calls it */
			struct state callback = { .regs[10].kind = FRAME };

			return enter(reach, target->section, target->insn, &callback);
		}
		return 0;
	case BPF_LDX:
		if (from->kind == CONTEXT && from->n + insn->off >= 0 &&
		    from->n + insn->off + size_of(insn) > reach->context_end)
			reach->context_end = from->n + insn->off + size_of(insn);
		*to = BPF_MODE(insn->code) == BPF_MEM ?
			      load(state, from, insn->off, size_of(insn)) :
			      (struct value){};
		return 0;
	case BPF_ST:
		store(state, to, insn->off, size_of(insn), constant((int64_t)insn->imm));
		return 0;
	case BPF_STX:
		if (BPF_MODE(insn->code) == BPF_MEM) {
			store(state, to, insn->off, size_of(insn), *from);
			return 0;
		}
		store(state, to, insn->off, size_of(insn), (struct value){});
		*from = state->regs[0] = (struct value){}; /* what atomics fetch */
		return 0;
	case BPF_ALU:
	case BPF_ALU64:
		b = BPF_SRC(insn->code) == BPF_X ? *from : constant((int64_t)insn->imm);
		if (outcome)
			b = constant((int64_t)(int32_t)outcome->value);
		*to = arithmetic(insn, *to, b);
		return 0;
	default:
		return jump(reach, at, state, ret_next);
	}
}

/* From one entry on, until it meets what has been entered. */
static int walk(struct reach *reach, struct place at)
{
	struct state state = *reach->states[at.section][at.insn];
	int64_t next;
	int err;

	for (;;) {
		reach->reached[at.section][at.insn] = 1;
		err = step(reach, &at, &state, &next);
		if (err || next < 0)
			return err;
		if (next >= reach->object->sections[at.section].count)
			return -EINVAL;
		at.insn = next;
		if (reach->states[at.section][at.insn])
			return enter(reach, at.section, at.insn, &state);
	}
}

int reach_run(struct reach *reach, const struct object *object, const struct program *program,
	      const struct outcome *outcomes)
{
	struct state start = {};
	int err;

	*reach = (struct reach){ .object = object, .outcomes = outcomes };
	reach->reached = calloc(object->section_count, sizeof(*reach->reached));
	reach->states = calloc(object->section_count, sizeof(*reach->states));
	if (!reach->reached || !reach->states)
		return -ENOMEM;
	for (uint32_t i = 0; i < object->section_count; i++) {
		if (!object->sections[i].insns)
			continue;
		reach->reached[i] = calloc(object->sections[i].count + 1, 1);
		reach->states[i] = calloc(object->sections[i].count + 1, sizeof(**reach->states));
		if (!reach->reached[i] || !reach->states[i])
			return -ENOMEM;
	}
	start.regs[1].kind = CONTEXT;
	start.regs[10].kind = FRAME;
	err = enter(reach, program->section, program->insn, &start);
	while (!err && reach->todo_count)
		err = walk(reach, reach->todo[--reach->todo_count]);
	return err;
}

void reach_done(struct reach *reach)
{
	for (uint32_t i = 0; i < reach->object->section_count; i++) {
		for (uint32_t k = 0;
		     reach->states && reach->states[i] && k < reach->object->sections[i].count; k++)
			free(reach->states[i][k]);
		if (reach->states)
			free(reach->states[i]);
		if (reach->reached)
			free(reach->reached[i]);
	}
	free(reach->states);
	free(reach->reached);
	free(reach->todo);
}
