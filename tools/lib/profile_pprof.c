/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The format of pprof (profile.proto of google/pprof): one protocol buffer message, gzipped.
 *
 * Addresses are those in the files as they are linked, so that every mapping starts at 0.  Names are
 * escaped as on a terminal: pprof shows them as they are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/profile_model.h"
#include "lib/text.h"
#include "lib/util.h"

/* What is in a message, by the name of the message and the field's number. */
enum {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE = 2,
	PROFILE_MAPPING = 3,
	PROFILE_LOCATION = 4,
	PROFILE_FUNCTION = 5,
	PROFILE_STRING = 6,
	PROFILE_TIME_NANOS = 9,
	PROFILE_DURATION_NANOS = 10,
	PROFILE_PERIOD_TYPE = 11,
	PROFILE_PERIOD = 12,
	PROFILE_COMMENT = 13,
	PROFILE_DEFAULT_TYPE = 14,
};

struct mapping_item {
	uint32_t file, build_id; /* the key */
	uint64_t limit;
	bool functions, files, lines, inlined;
};

struct function_item {
	uint32_t name, linkage, source;
};

/* A location is a chain of exact frames, the innermost first: all but the last are inlined. */
struct location_item {
	uint32_t inner, frame; /* the key */
	uint32_t mapping;
	bool used;
};

#define CHAIN_MAX 64

struct pprof {
	const struct profile *profile;
	struct strings strings;
	struct set mappings, functions, locations;
	struct buf text, raw, out;
	z_stream z;
	int fd;
};

enum frame_kind pprof_get_file(const char *file, const char **ret_module)
{
	static const char *const others[] = { "[vdso]", "[vsyscall]", "[uprobes]", "[unknown]" };

	*ret_module = file;
	if (!file || file[0] != '[')
		return FRAME_USER;
	for (enum frame_kind kind = 0; kind < FRAME_KINDS; kind++) {
		const char *name = frame_kind_name(kind);
		size_t n = strlen(name);

		if (strncmp(file + 1, name, n) || file[n + 1] != ']')
			continue;
		if (file[n + 2] == ' ') {
			*ret_module = file + n + 3;
			return kind;
		}
		if (file[n + 2])
			break;
		if (kind != FRAME_KERNEL && kind != FRAME_BPF)
			*ret_module = NULL;
		return kind;
	}
	if (!strncmp(file, "[stack", 6) || !strncmp(file, "[heap", 5) || !strncmp(file, "[anon", 5))
		return FRAME_USER;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (!strcmp(file, others[i]))
			return FRAME_USER;
	return FRAME_KERNEL;
}

void pprof_put_file(struct buf *b, enum frame_kind kind, const char *module)
{
	const char *same;

	if (module && pprof_get_file(module, &same) == kind && same == module)
		buf_str(b, module);
	else
		buf_printf(b, "[%s]%s%s", frame_kind_name(kind), module ? " " : "", module ?: "");
}

/* ---- the wire format ---- */

static void put_varint(struct buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_char(b, (char)(v | 0x80));
	buf_char(b, (char)v);
}

static void put_number(struct buf *b, unsigned int field, uint64_t v)
{
	put_varint(b, field << 3);
	put_varint(b, v);
}

static void put_bytes(struct buf *b, unsigned int field, const void *data, size_t n)
{
	put_varint(b, field << 3 | 2);
	put_varint(b, n);
	buf_add(b, data, n);
}

/* A message becomes a field of another one; it is empty again. */
static void put_message(struct buf *b, unsigned int field, struct buf *message)
{
	put_bytes(b, field, message->data, message->len);
	b->failed |= message->failed;
	buf_reset(message);
}

static int compress_out(struct pprof *p, bool all)
{
	int err = p->raw.failed ? -ENOMEM : 0, state = Z_OK;

	if (!err && !all && p->raw.len < 64 << 10)
		return 0;
	p->z.next_in = (void *)p->raw.data;
	p->z.avail_in = p->raw.len;
	while (!err && state != Z_STREAM_END && (all || p->z.avail_in)) {
		p->z.next_out = (void *)buf_room(&p->out, 64 << 10);
		p->z.avail_out = 64 << 10;
		if (!p->z.next_out)
			return -ENOMEM;
		state = deflate(&p->z, all ? Z_FINISH : Z_NO_FLUSH);
		p->out.len += (64 << 10) - p->z.avail_out;
		err = state == Z_OK || state == Z_STREAM_END ? buf_drain(&p->out, p->fd, false) :
							       -EIO;
	}
	buf_reset(&p->raw);
	return err;
}

/* ---- numbers for things ---- */

static int string_plain(struct pprof *p, const char *s, size_t n, uint32_t *ret)
{
	*ret = 0;
	return n ? strings_put(&p->strings, s, n, ret) : 0;
}

static int string_id(struct pprof *p, const char *s, uint32_t *ret)
{
	buf_reset(&p->text);
	if (s)
		text_put(&p->text, s, strlen(s));
	return p->text.failed ? -ENOMEM : string_plain(p, p->text.data, p->text.len, ret);
}

/* The number of the mapping, from 1; 0: none. */
static int mapping_id(struct pprof *p, uint32_t frame, uint32_t *ret)
{
	_cleanup_free_ char *file = NULL;
	struct mapping_item item = {}, *have;
	struct buf b = {};
	struct frame f;
	int err;

	profile_get_frame(p->profile, frame, &f);
	*ret = 0;
	if (f.kind == FRAME_USER && !f.module && !f.build_id)
		return 0;
	pprof_put_file(&b, f.kind, f.module);
	buf_char(&b, '\0');
	file = b.data;
	if (b.failed)
		return -ENOMEM;
	err = string_id(p, file, &item.file);
	if (!err)
		err = string_id(p, f.build_id, &item.build_id);
	if (!err)
		err = set_put(&p->mappings, &item, ret);
	if (err)
		return err;
	have = set_item(&p->mappings, (*ret)++);
	if (have->limit <= f.address)
		have->limit = add_sat(f.address, 1);
	have->functions |= f.name != NULL;
	have->files |= f.source != NULL;
	have->lines |= f.line != 0;
	return 0;
}

static bool same_place(const struct exact *a, const struct exact *b)
{
	return a->kind == FRAME_INLINED && a->name && b->name && a->address == b->address &&
	       a->module == b->module && a->build_id == b->build_id;
}

/* The locations of a stack, innermost first. */
static int put_locations(struct pprof *p, uint32_t node, struct buf *ids)
{
	struct location_item chain = { .inner = PROFILE_NONE };
	const struct node *at = profile_node(p->profile, node), *up;
	unsigned int length = 0;
	uint32_t id;
	int err = 0;

	for (; node && at->parent && !err; node = at->parent, at = up) {
		const struct exact *frame = profile_frame(p->profile, at->frame);
		struct location_item *item;

		up = profile_node(p->profile, at->parent);
		chain.frame = at->frame;
		err = set_put(&p->locations, &chain, &id);
		chain.inner = id;
		if (err || (++length < CHAIN_MAX && up->parent &&
			    same_place(frame, profile_frame(p->profile, up->frame))))
			continue;
		err = mapping_id(p, at->frame, &chain.mapping);
		item = set_item(&p->locations, id);
		item->mapping = chain.mapping;
		item->used = true;
		put_varint(ids, id + 1ull);
		chain = (struct location_item){ .inner = PROFILE_NONE };
		length = 0;
	}
	return err;
}

static uint64_t signed_max(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : v;
}

static void put_label(struct buf *sample, uint32_t key, unsigned int field, uint64_t value)
{
	struct buf b = {};

	put_number(&b, 1, key);
	put_number(&b, field, value);
	put_message(sample, 3, &b);
	buf_done(&b);
}

static int put_samples(struct pprof *p)
{
	const struct profile *profile = p->profile;
	bool off = profile_total(profile, PROFILE_OFF_NS);
	struct buf sample = {}, part = {};
	uint32_t pid, tid, comm, name;
	int err = string_id(p, "pid", &pid);

	if (!err)
		err = string_id(p, "tid", &tid);
	if (!err)
		err = string_id(p, "comm", &comm);
	for (uint32_t i = 0; i < profile->stacks.count && !err; i++) {
		const struct stack *stack = set_item(&profile->stacks, i);
		const struct task *task = set_item(&profile->tasks, stack->task);

		err = put_locations(p, stack->node, &part);
		if (!err)
			err = string_id(p, profile_string(profile, task->comm), &name);
		put_message(&sample, 1, &part);
		for (size_t k = 0; k < PROFILE_VALUES - (size_t)!off; k++)
			put_varint(&part, signed_max(stack->values[k]));
		put_message(&sample, 2, &part);
		put_label(&sample, pid, 3, (int64_t)task->pid);
		put_label(&sample, tid, 3, (int64_t)task->tid);
		if (name)
			put_label(&sample, comm, 2, name);
		put_message(&p->raw, PROFILE_SAMPLE, &sample);
		if (!err)
			err = compress_out(p, false);
	}
	buf_done(&sample);
	buf_done(&part);
	return err;
}

static int put_type(struct pprof *p, unsigned int field, const char *type, const char *unit)
{
	uint32_t type_id, unit_id;
	struct buf b = {};
	int err = string_id(p, type, &type_id) ?: string_id(p, unit, &unit_id);

	if (err)
		return err;
	put_number(&b, 1, type_id);
	put_number(&b, 2, unit_id);
	put_message(&p->raw, field, &b);
	buf_done(&b);
	return 0;
}

static void put_comment(void *context, const char *line, size_t len)
{
	struct pprof *p = context;
	uint32_t id;

	if (string_plain(p, line, len, &id))
		p->raw.failed = true;
	else
		put_number(&p->raw, PROFILE_COMMENT, id);
}

static int put_head(struct pprof *p)
{
	const struct profile_about *about = &p->profile->about;
	bool off = profile_total(p->profile, PROFILE_OFF_NS);
	const char *most = profile_total(p->profile, PROFILE_CPU_NS) ? "cpu" :
			   off					     ? "off-cpu" :
								       "samples";
	uint32_t id;
	int err = put_type(p, PROFILE_SAMPLE_TYPE, "samples", "count");

	if (!err)
		err = put_type(p, PROFILE_SAMPLE_TYPE, "cpu", "nanoseconds");
	if (!err && off)
		err = put_type(p, PROFILE_SAMPLE_TYPE, "off-cpu", "nanoseconds");
	if (!err && about->period_ns)
		err = put_type(p, PROFILE_PERIOD_TYPE, "cpu", "nanoseconds");
	if (!err)
		err = string_id(p, most, &id);
	if (err)
		return err;
	put_number(&p->raw, PROFILE_PERIOD, signed_max(about->period_ns));
	put_number(&p->raw, PROFILE_TIME_NANOS, signed_max(about->start_ns));
	put_number(&p->raw, PROFILE_DURATION_NANOS, signed_max(about->duration_ns));
	put_number(&p->raw, PROFILE_DEFAULT_TYPE, id);
	profile_head(p->profile, put_comment, p);
	return 0;
}

/* A line for each frame of the chain, of which *id* is the last, the innermost first. */
static int put_lines(struct pprof *p, uint32_t id, struct buf *location)
{
	const struct location_item *item = set_item(&p->locations, id);
	uint32_t chain[CHAIN_MAX], n = 0, function;
	struct mapping_item *mapping;
	struct buf line = {};
	int err = 0;

	mapping = item->mapping ? set_item(&p->mappings, item->mapping - 1) : NULL;
	for (; id != PROFILE_NONE; id = item->inner) {
		item = set_item(&p->locations, id);
		chain[n++] = item->frame;
	}
	while (n-- && !err) {
		struct function_item f = {};
		struct frame frame;

		profile_get_frame(p->profile, chain[n], &frame);
		if (!frame.name)
			continue;
		err = string_id(p, frame.name, &f.name);
		if (!err)
			err = string_id(p, frame.linkage ?: frame.name, &f.linkage);
		if (!err)
			err = string_id(p, frame.source, &f.source);
		if (!err)
			err = set_put(&p->functions, &f, &function);
		put_number(&line, 1, function + 1ull);
		put_number(&line, 2, frame.line);
		put_message(location, 4, &line);
		if (mapping) {
			mapping->files |= frame.source != NULL;
			mapping->lines |= frame.line != 0;
			mapping->inlined |= n > 0;
		}
	}
	buf_done(&line);
	return err;
}

static int put_tables(struct pprof *p)
{
	struct buf b = {};
	int err = 0;

	for (uint32_t i = 0; i < p->locations.count && !err; i++) {
		const struct location_item *item = set_item(&p->locations, i);

		if (!item->used)
			continue;
		put_number(&b, 1, i + 1ull);
		put_number(&b, 2, item->mapping);
		put_number(&b, 3, profile_frame(p->profile, item->frame)->address);
		err = put_lines(p, i, &b);
		put_message(&p->raw, PROFILE_LOCATION, &b);
		if (!err)
			err = compress_out(p, false);
	}
	for (uint32_t i = 0; i < p->functions.count && !err; i++) {
		const struct function_item *item = set_item(&p->functions, i);

		put_number(&b, 1, i + 1ull);
		put_number(&b, 2, item->name);
		put_number(&b, 3, item->linkage);
		put_number(&b, 4, item->source);
		put_message(&p->raw, PROFILE_FUNCTION, &b);
		err = compress_out(p, false);
	}
	for (uint32_t i = 0; i < p->mappings.count && !err; i++) {
		const struct mapping_item *item = set_item(&p->mappings, i);

		put_number(&b, 1, i + 1ull);
		put_number(&b, 3, add_sat(item->limit, 4095) & ~4095ull);
		put_number(&b, 5, item->file);
		put_number(&b, 6, item->build_id);
		put_number(&b, 7, item->functions);
		put_number(&b, 8, item->files);
		put_number(&b, 9, item->lines);
		put_number(&b, 10, item->inlined);
		put_message(&p->raw, PROFILE_MAPPING, &b);
		err = compress_out(p, false);
	}
	for (uint32_t i = 0; i < p->strings.set.count && !err; i++) {
		const char *s = strings_get(&p->strings, i) ?: "";

		put_bytes(&p->raw, PROFILE_STRING, s, strlen(s));
		err = compress_out(p, false);
	}
	buf_done(&b);
	return err;
}

/* pprof takes the first mapping for the program's own. */
static int put_main_mapping(struct pprof *p)
{
	for (uint32_t i = 1; i < p->profile->nodes.count; i++) {
		uint32_t frame = profile_node(p->profile, i)->frame, id;
		const struct exact *exact = profile_frame(p->profile, frame);
		const char *module = profile_string(p->profile, exact->module);

		if (exact->kind == FRAME_USER && module && module[0] == '/')
			return mapping_id(p, frame, &id);
	}
	return 0;
}

int profile_write_pprof(const struct profile *profile, int fd)
{
	struct pprof p = { .profile = profile, .fd = fd };
	int err = strings_init(&p.strings);

	set_init(&p.mappings, sizeof(struct mapping_item), offsetof(struct mapping_item, limit));
	set_init(&p.functions, sizeof(struct function_item), sizeof(struct function_item));
	set_init(&p.locations, sizeof(struct location_item),
		 offsetof(struct location_item, mapping));
	if (!err && deflateInit2(&p.z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS, 8,
				 Z_DEFAULT_STRATEGY) != Z_OK)
		err = -ENOMEM;
	if (!err)
		err = put_head(&p);
	if (!err)
		err = put_main_mapping(&p);
	if (!err)
		err = put_samples(&p);
	if (!err)
		err = put_tables(&p);
	if (!err)
		err = compress_out(&p, true);
	deflateEnd(&p.z);
	err = buf_finish(&p.out, fd, err);
	buf_done(&p.raw);
	buf_done(&p.text);
	strings_done(&p.strings);
	set_done(&p.mappings);
	set_done(&p.functions);
	set_done(&p.locations);
	return err;
}
