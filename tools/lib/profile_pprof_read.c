/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads what profile_pprof.c writes, and what others write in that format.  Nothing in the file is
 * trusted: every length, number and reference is checked. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/profile_model.h"
#include "lib/util.h"

#define ITEMS_MAX  (1u << 24) /* of a kind */
#define FRAMES_MAX (1u << 28) /* of all samples together: a bound on time */

struct bytes_at {
	const unsigned char *p, *end;
};

/* One field of a message: a number, or bytes. */
struct field {
	uint64_t number;
	bool is_bytes;
	uint64_t value;
	struct bytes_at bytes;
};

struct mapping_at {
	uint64_t id, file, build_id;
};

struct function_at {
	uint64_t id, name, linkage, source;
};

struct location_at {
	uint64_t id, mapping, address;
	struct bytes_at message;
	size_t first; /* in ids: its frames, once they are made */
	uint32_t count;
	bool made;
};

struct type_at {
	uint64_t type, unit, scale;
	int value; /* which of ours it is; -1: none */
};

struct reader {
	struct profile *profile;
	const char *why;
	char *text; /* all strings, unescaped, with a NUL behind each */
	size_t text_len;
	size_t *strings; /* where they are */
	struct mapping_at *mappings;
	struct function_at *functions;
	struct location_at *locations;
	struct type_at *types;
	uint32_t *ids, *path;
	struct profile_about about;
	uint64_t title, default_type, frames;
	size_t string_count, mapping_count, function_count, location_count, type_count, id_count;
	size_t string_cap, mapping_cap, function_cap, location_cap, type_cap, id_cap, path_cap;
};

static int fail(struct reader *r, const char *why)
{
	r->why = why;
	return -EINVAL;
}

static bool get_varint(struct bytes_at *m, uint64_t *ret)
{
	*ret = 0;
	for (unsigned int shift = 0; shift < 64 && m->p < m->end; shift += 7) {
		unsigned char c = *m->p++;

		*ret |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80))
			return true;
	}
	return false;
}

/* The next field of a message: 1, 0 at the end, or an error. */
static int get_field(struct reader *r, struct bytes_at *m, struct field *f)
{
	static const size_t fixed[] = { [1] = 8, [5] = 4 };
	uint64_t key, len;

	if (m->p == m->end)
		return 0;
	if (!get_varint(m, &key))
		return fail(r, "a field is cut off");
	*f = (struct field){ .number = key >> 3, .is_bytes = (key & 7) == 2 };
	switch (key & 7) {
	case 0:
		return get_varint(m, &f->value) ? 1 : fail(r, "a number is cut off");
	case 2:
		if (!get_varint(m, &len))
			return fail(r, "a length is cut off");
		break;
	case 1:
	case 5:
		len = fixed[key & 7];
		break;
	default:
		return fail(r, "a field of an unknown type");
	}
	if (len > (size_t)(m->end - m->p))
		return fail(r, "a field is longer than what it is in");
	f->bytes = (struct bytes_at){ m->p, m->p + len };
	m->p += len;
	return 1;
}

/* The next of repeated numbers, of which a field has one, or several packed. */
static int get_repeated(struct reader *r, struct field *f, uint64_t *ret)
{
	if (!f->is_bytes) {
		*ret = f->value;
		f->is_bytes = true; /* and there are no more */
		f->bytes = (struct bytes_at){};
		return 1;
	}
	if (f->bytes.p == f->bytes.end)
		return 0;
	return get_varint(&f->bytes, ret) ? 1 : fail(r, "a number is cut off");
}

/* Numbers of a message by their field: to[number], NULL for those that do not matter. */
static int get_numbers(struct reader *r, struct bytes_at m, uint64_t *const *to, size_t count)
{
	struct field f;
	int more;

	while ((more = get_field(r, &m, &f)) > 0)
		if (f.number < count && to[f.number] && !f.is_bytes)
			*to[f.number] = f.value;
	return more;
}

static const char *string(const struct reader *r, uint64_t index)
{
	return index < r->string_count ? r->text + r->strings[index] : "";
}

/* Every item starts with its id. */
static int by_id(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void *find(void *items, size_t count, size_t size, uint64_t id)
{
	/* Mostly they are numbered from 1. */
	if (id && id <= count && *(uint64_t *)((char *)items + (id - 1) * size) == id)
		return (char *)items + (id - 1) * size;
	return count ? bsearch(&id, items, count, size, by_id) : NULL;
}

static int sort(struct reader *r, void *items, size_t count, size_t size)
{
	if (count)
		qsort(items, count, size, by_id);
	for (size_t i = 0; i < count; i++) {
		const uint64_t *id = (uint64_t *)((char *)items + i * size);

		if (!*id || (i && *id == *(uint64_t *)((char *)id - size)))
			return fail(r, "an id is 0, or there twice");
	}
	return 0;
}

static int room(struct reader *r, void *array, size_t *cap, size_t need, size_t size)
{
	r->why = "more strings, functions, mappings or locations than are read";
	return need > ITEMS_MAX ? -E2BIG : array_room(array, cap, need, size);
}

static int add_string(struct reader *r, struct bytes_at s)
{
	size_t n = s.end - s.p;
	int err = room(r, &r->strings, &r->string_cap, r->string_count + 1, sizeof(*r->strings));

	if (err)
		return err;
	if (memchr(s.p, '\0', n))
		return fail(r, "a string with a NUL in it");
	r->strings[r->string_count++] = r->text_len;
	memcpy(r->text + r->text_len, s.p, n);
	r->text[r->text_len + n] = '\0';
	text_unescape(r->text + r->text_len);
	r->text_len += n + 1;
	return 0;
}

static int add_mapping(struct reader *r, struct bytes_at m)
{
	int err =
		room(r, &r->mappings, &r->mapping_cap, r->mapping_count + 1, sizeof(*r->mappings));
	struct mapping_at *item;

	if (err)
		return err;
	item = &r->mappings[r->mapping_count++];
	*item = (struct mapping_at){};
	return get_numbers(
		r, m,
		(uint64_t *const[]){ [1] = &item->id, [5] = &item->file, [6] = &item->build_id },
		7);
}

static int add_function(struct reader *r, struct bytes_at m)
{
	int err = room(r, &r->functions, &r->function_cap, r->function_count + 1,
		       sizeof(*r->functions));
	struct function_at *item;

	if (err)
		return err;
	item = &r->functions[r->function_count++];
	*item = (struct function_at){};
	return get_numbers(
		r, m,
		(uint64_t *const[]){
			[1] = &item->id, [2] = &item->name, [3] = &item->linkage, [4] = &item->source },
		5);
}

static int add_location(struct reader *r, struct bytes_at m)
{
	int err = room(r, &r->locations, &r->location_cap, r->location_count + 1,
		       sizeof(*r->locations));
	struct location_at *item;

	if (err)
		return err;
	item = &r->locations[r->location_count++];
	*item = (struct location_at){ .message = m };
	return get_numbers(
		r, m,
		(uint64_t *const[]){ [1] = &item->id, [2] = &item->mapping, [3] = &item->address },
		4);
}

static int add_type(struct reader *r, struct bytes_at m)
{
	int err = room(r, &r->types, &r->type_cap, r->type_count + 1, sizeof(*r->types));
	struct type_at *item;

	if (err)
		return err;
	item = &r->types[r->type_count++];
	*item = (struct type_at){};
	return get_numbers(r, m, (uint64_t *const[]){ [1] = &item->type, [2] = &item->unit }, 3);
}

/* Everything but the samples, which need all of it. */
static int read_tables(struct reader *r, struct bytes_at m)
{
	bool titled = false;
	struct field f;
	int err = 0, more;

	while (!err && (more = get_field(r, &m, &f)) > 0) {
		bool wants_bytes = f.number >= 1 && f.number <= 6;

		if (wants_bytes && !f.is_bytes)
			return fail(r, "a field of another type than the format has");
		if (f.number == 1)
			err = add_type(r, f.bytes);
		else if (f.number == 3)
			err = add_mapping(r, f.bytes);
		else if (f.number == 4)
			err = add_location(r, f.bytes);
		else if (f.number == 5)
			err = add_function(r, f.bytes);
		else if (f.number == 6)
			err = add_string(r, f.bytes);
		else if (f.number == 9)
			r->about.start_ns = f.value;
		else if (f.number == 10)
			r->about.duration_ns = f.value;
		else if (f.number == 12)
			r->about.period_ns = f.value;
		else if (f.number == 13 && !titled)
			titled = get_repeated(r, &f, &r->title) > 0;
		else if (f.number == 14)
			r->default_type = f.value;
	}
	if (err || more < 0)
		return err ?: more;
	if (!r->string_count || *string(r, 0))
		return fail(r, "no strings, or the first one is not empty");
	err = sort(r, r->mappings, r->mapping_count, sizeof(*r->mappings));
	if (!err)
		err = sort(r, r->functions, r->function_count, sizeof(*r->functions));
	return err ?: sort(r, r->locations, r->location_count, sizeof(*r->locations));
}

static uint64_t time_scale(const char *unit)
{
	static const struct {
		const char *unit;
		uint64_t scale;
	} scales[] = {
		{ "nanoseconds", 1 },
		{ "microseconds", 1000 },
		{ "milliseconds", 1000000 },
		{ "seconds", 1000000000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(scales); i++)
		if (!strcmp(unit, scales[i].unit))
			return scales[i].scale;
	return 0;
}

/* Which of a sample's values is which of ours.  If there is none that we know, it is the one that
 * the file has as its main one. */
static int choose_types(struct reader *r)
{
	struct type_at *main = NULL;
	bool known = false;

	if (!r->type_count)
		return fail(r, "no types of samples: neither folded stacks nor a pprof file");
	for (size_t i = 0; i < r->type_count; i++) {
		struct type_at *t = &r->types[i];
		const char *type = string(r, t->type);
		uint64_t scale = time_scale(string(r, t->unit));

		t->scale = scale ?: 1;
		t->value = !strcmp(type, "samples") || !strcmp(type, "sample") ? PROFILE_SAMPLES :
			   scale && !strcmp(type, "cpu")		       ? PROFILE_CPU_NS :
			   scale && !strcmp(type, "off-cpu")		       ? PROFILE_OFF_NS :
										 -1;
		known |= t->value >= 0;
		if (!main || !r->default_type ||
		    strcmp(string(r, main->type), string(r, r->default_type)))
			main = t;
	}
	if (!known)
		main->value = !time_scale(string(r, main->unit))     ? PROFILE_SAMPLES :
			      !strcmp(string(r, main->type), "wall") ? PROFILE_CPU_NS :
								       PROFILE_OFF_NS;
	return 0;
}

static int make_frame(struct reader *r, struct frame *frame)
{
	uint32_t id;
	int err = profile_put_frame(r->profile, frame, &id);

	if (!err)
		err = array_room(&r->ids, &r->id_cap, r->id_count + 1, sizeof(*r->ids));
	if (!err)
		r->ids[r->id_count++] = id;
	return err;
}

/* The frames of a location, the innermost first. */
static int make_frames(struct reader *r, struct location_at *location)
{
	const struct mapping_at *mapping =
		find(r->mappings, r->mapping_count, sizeof(*r->mappings), location->mapping);
	struct frame frame = { .address = location->address };
	struct bytes_at m = location->message;
	enum frame_kind kind = FRAME_USER;
	const struct function_at *function = NULL;
	struct field f;
	int err = 0, more;

	if (location->mapping && !mapping)
		return fail(r, "a location in a mapping that is not there");
	if (mapping) {
		kind = pprof_get_file(string(r, mapping->file), &frame.module);
		frame.build_id = string(r, mapping->build_id);
	}
	location->first = r->id_count;
	while (!err && (more = get_field(r, &m, &f)) > 0) {
		uint64_t id = 0, line = 0;

		if (f.number != 4 || !f.is_bytes)
			continue;
		/* A frame waits for the next one: all but the last are inlined. */
		if (function) {
			frame.kind = FRAME_INLINED;
			err = make_frame(r, &frame);
		}
		err = err   ?:
			      get_numbers(r, f.bytes, (uint64_t *const[]){ [1] = &id, [2] = &line },
					  3);
		function = find(r->functions, r->function_count, sizeof(*r->functions), id);
		if (err)
			return err;
		if (!function)
			return fail(r, "a line of a function that is not there");
		frame.name = string(r, function->name);
		frame.linkage = string(r, function->linkage);
		if (!strcmp(frame.name, frame.linkage))
			frame.linkage = NULL;
		frame.source = string(r, function->source);
		frame.line = line > UINT32_MAX ? 0 : line;
	}
	if (err || more < 0)
		return err ?: more;
	frame.kind = kind;
	frame.why = function ? WHY_NAMED : mapping ? WHY_NO_SYMBOL : WHY_NO_MAPPING;
	err = make_frame(r, &frame);
	location->count = r->id_count - location->first;
	location->made = true;
	return err;
}

static int add_frames(struct reader *r, uint64_t id, size_t *depth)
{
	struct location_at *location =
		find(r->locations, r->location_count, sizeof(*r->locations), id);
	int err;

	if (!location)
		return fail(r, "a sample in a location that is not there");
	if (!location->made) {
		err = make_frames(r, location);
		if (err)
			return err;
	}
	if (location->count > PROFILE_DEPTH_MAX - *depth)
		return fail(r, "too many frames in a stack");
	r->frames += location->count;
	if (r->frames > FRAMES_MAX)
		return fail(r, "more frames than are read");
	err = array_room(&r->path, &r->path_cap, *depth + location->count, sizeof(*r->path));
	if (err)
		return err;
	memcpy(r->path + *depth, r->ids + location->first, location->count * sizeof(*r->path));
	*depth += location->count;
	return 0;
}

static int add_label(struct reader *r, struct bytes_at m, struct profile_task *task)
{
	uint64_t key = 0, text = 0, number = 0;
	int err =
		get_numbers(r, m, (uint64_t *const[]){ [1] = &key, [2] = &text, [3] = &number }, 4);
	const char *name = string(r, key);

	if (!strcmp(name, "comm") || (!strcmp(name, "thread") && !task->comm))
		task->comm = string(r, text);
	else if (!strcmp(name, "pid"))
		task->pid = number;
	else if (!strcmp(name, "tid"))
		task->tid = number;
	return err;
}

static int read_sample(struct reader *r, struct bytes_at m)
{
	struct profile_task task = { .pid = -1, .tid = -1 };
	uint64_t values[PROFILE_VALUES] = {}, v;
	size_t depth = 0, value = 0;
	struct field f;
	int err = 0, more;

	while (!err && (more = get_field(r, &m, &f)) > 0) {
		int another = 0;

		if (f.number == 3 && f.is_bytes)
			err = add_label(r, f.bytes, &task);
		while (!err && f.number == 1 && (another = get_repeated(r, &f, &v)) > 0)
			err = add_frames(r, v, &depth);
		while (!err && f.number == 2 && (another = get_repeated(r, &f, &v)) > 0) {
			const struct type_at *type = &r->types[value];

			if (value++ == r->type_count)
				return fail(r, "a sample with more values than there are types");
			if (v > INT64_MAX)
				return fail(r, "a negative value: a difference, no profile");
			if (type->value >= 0 && __builtin_mul_overflow(v, type->scale, &v))
				v = UINT64_MAX;
			if (type->value >= 0)
				values[type->value] = add_sat(values[type->value], v);
		}
		err = err ?: another;
	}
	if (err || more < 0)
		return err ?: more;
	if (value != r->type_count)
		return fail(r, "a sample with fewer values than there are types");
	/* Others name no task: then the program stands for it. */
	if (!task.comm && task.pid < 0 && r->mapping_count)
		task.comm = path_base(string(r, r->mappings[0].file));
	task.pid = task.pid < 0 ? 0 : task.pid;
	task.tid = task.tid < 0 ? 0 : task.tid;
	r->why = "too many different stacks";
	return profile_put_stack(r->profile, &task, r->path, depth, values);
}

static int read_samples(struct reader *r, struct bytes_at m)
{
	struct field f;
	int err = 0, more;

	while (!err && (more = get_field(r, &m, &f)) > 0)
		if (f.number == 2)
			err = read_sample(r, f.bytes);
	return err ?: more;
}

int pprof_parse(struct profile *profile, const char *data, size_t size, char why[256])
{
	struct bytes_at m = { (const void *)data, (const void *)(data + size) };
	struct reader r = { .profile = profile };
	int err;

	r.text = malloc(size + 1); /* each string has its length before it: a byte for its NUL */
	err = r.text ? read_tables(&r, m) : -ENOMEM;
	if (!err)
		err = choose_types(&r);
	if (!err)
		err = read_samples(&r, m);
	r.about.title = string(&r, r.title);
	if (!err)
		err = profile_set_about(profile, &r.about);
	if (err)
		snprintf(why, 256, "no valid pprof file: %s",
			 err == -ENOMEM ? "out of memory" : r.why);
	free(r.text);
	free(r.strings);
	free(r.mappings);
	free(r.functions);
	free(r.locations);
	free(r.types);
	free(r.ids);
	free(r.path);
	return err;
}
