/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "lib/output.h"
#include "lib/profile_model.h"
#include "lib/text.h"
#include "lib/util.h"

uint64_t add_sat(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

int array_room(void *array, size_t *cap, size_t need, size_t size)
{
	size_t more = *cap ? *cap : 64, bytes;
	void *p;

	if (need <= *cap)
		return 0;
	while (more < need)
		if (__builtin_mul_overflow(more, 2, &more))
			return -ENOMEM;
	if (__builtin_mul_overflow(more, size, &bytes))
		return -ENOMEM;
	p = realloc(*(void **)array, bytes);
	if (!p)
		return -ENOMEM;
	*(void **)array = p;
	*cap = more;
	return 0;
}

/* ---- sets ---- */

/* Whoever chooses the names shall not choose where they collide. */
static uint64_t hash_seed(void)
{
	static uint64_t seed;
	const void *random = (const void *)getauxval(AT_RANDOM);

	if (!seed && random)
		memcpy(&seed, random, sizeof(seed));
	return seed |= 1;
}

static inline uint64_t mix(uint64_t h, uint64_t v)
{
	__uint128_t m = (__uint128_t)(h ^ v) * 0x9e3779b97f4a7c15ull;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint32_t hash_bytes(const void *data, size_t n)
{
	uint64_t h = hash_seed() ^ n, v;
	const char *p = data;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&v, p, 8);
		h = mix(h, v);
	}
	v = 0;
	memcpy(&v, p, n);
	h = mix(h, v);
	return (uint32_t)(h ^ h >> 32);
}

void set_init(struct set *set, size_t item_size, size_t key_size)
{
	*set = (struct set){ .item_size = item_size, .key_size = key_size };
}

void set_done(struct set *set)
{
	free(set->items);
	free(set->hashes);
	free(set->slots);
	*set = (struct set){};
}

static int set_grow(struct set *set)
{
	uint32_t cap = set->cap ? set->cap * 2 : 64, mask = cap * 2 - 1;
	uint32_t *hashes, *slots;
	char *items;

	if (cap > 1u << 30)
		return -ENOMEM;
	items = realloc(set->items, cap * set->item_size);
	if (!items)
		return -ENOMEM;
	set->items = items;
	hashes = realloc(set->hashes, cap * sizeof(*hashes));
	if (!hashes)
		return -ENOMEM;
	set->hashes = hashes;
	slots = calloc(mask + 1ul, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (uint32_t id = 0; id < set->count; id++) {
		uint32_t i = hashes[id] & mask;

		while (slots[i])
			i = (i + 1) & mask;
		slots[i] = id + 1;
	}
	free(set->slots);
	set->slots = slots;
	set->cap = cap;
	set->mask = mask;
	return 0;
}

static int set_append(struct set *set, uint32_t hash, const void *item, uint32_t *ret)
{
	uint32_t i;
	int err = 0;

	if (set->count == set->cap)
		err = set_grow(set);
	if (err)
		return err;
	for (i = hash & set->mask; set->slots[i]; i = (i + 1) & set->mask)
		;
	memcpy(set_item(set, set->count), item, set->item_size);
	set->hashes[set->count] = hash;
	*ret = set->count++;
	set->slots[i] = set->count;
	return 0;
}

int set_put(struct set *set, const void *item, uint32_t *ret)
{
	uint32_t hash = hash_bytes(item, set->key_size), id;

	for (uint32_t i = hash & set->mask; set->cap && (id = set->slots[i]);
	     i = (i + 1) & set->mask) {
		if (set->hashes[id - 1] == hash &&
		    !memcmp(set_item(set, id - 1), item, set->key_size)) {
			*ret = id - 1;
			return 0;
		}
	}
	return set_append(set, hash, item, ret);
}

int strings_init(struct strings *strings)
{
	uint32_t id;

	*strings = (struct strings){};
	set_init(&strings->set, sizeof(struct string), 0);
	return set_append(&strings->set, 0, &(struct string){ 0, SIZE_MAX }, &id);
}

void strings_done(struct strings *strings)
{
	set_done(&strings->set);
	free(strings->data);
	*strings = (struct strings){};
}

int strings_put(struct strings *strings, const char *s, size_t len, uint32_t *ret)
{
	uint32_t hash = hash_bytes(s, len), id;
	struct string item = { strings->len, len };
	struct set *set = &strings->set;
	int err;

	for (uint32_t i = hash & set->mask; (id = set->slots[i]); i = (i + 1) & set->mask) {
		const struct string *have = set_item(set, id - 1);

		if (set->hashes[id - 1] == hash && have->len == len &&
		    !memcmp(strings->data + have->at, s, len)) {
			*ret = id - 1;
			return 0;
		}
	}
	err = array_room(&strings->data, &strings->cap, strings->len + len + 1, 1);
	if (!err)
		err = set_append(set, hash, &item, ret);
	if (err)
		return err;
	memcpy(strings->data + strings->len, s, len);
	strings->data[strings->len + len] = '\0';
	strings->len += len + 1;
	return 0;
}

const char *strings_get(const struct strings *strings, uint32_t id)
{
	return id ? strings->data + ((struct string *)set_item(&strings->set, id))->at : NULL;
}

/* ---- profiles ---- */

int profile_new(struct profile **ret)
{
	struct profile *profile = calloc(1, sizeof(*profile));
	uint32_t root;
	int err;

	if (!profile)
		return -ENOMEM;
	set_init(&profile->frames, sizeof(struct exact), sizeof(struct exact));
	set_init(&profile->nodes, sizeof(struct node), sizeof(struct node));
	set_init(&profile->tasks, sizeof(struct task), sizeof(struct task));
	set_init(&profile->stacks, sizeof(struct stack), offsetof(struct stack, values));
	err = strings_init(&profile->strings);
	if (!err)
		err = set_put(&profile->nodes, &(struct node){ PROFILE_NONE, PROFILE_NONE }, &root);
	if (err) {
		profile_free(profile);
		return err;
	}
	*ret = profile;
	return 0;
}

void profile_free(struct profile *profile)
{
	if (!profile)
		return;
	strings_done(&profile->strings);
	set_done(&profile->frames);
	set_done(&profile->nodes);
	set_done(&profile->tasks);
	set_done(&profile->stacks);
	free(profile->title);
	free(profile->event);
	free(profile->path);
	free(profile);
}

static int put_string(struct profile *profile, const char *s, uint32_t *ret)
{
	*ret = 0;
	return s && *s ? strings_put(&profile->strings, s, strlen(s), ret) : 0;
}

int profile_put_frame(struct profile *profile, const struct frame *frame, uint32_t *ret)
{
	const char *module = frame->module;
	struct exact exact = {
		.kind = frame->kind,
		.why = frame->name && *frame->name ? WHY_NAMED :
		       frame->why		   ?:
						     WHY_NO_SYMBOL,
		.line = frame->line,
		.address = frame->address,
	};
	int err;

	if ((!module || !*module) && (frame->kind == FRAME_KERNEL || frame->kind == FRAME_BPF))
		module = frame->kind == FRAME_KERNEL ? "[kernel]" : "[bpf]";
	err = put_string(profile, frame->name, &exact.name);
	if (!err)
		err = put_string(profile, frame->linkage, &exact.linkage);
	if (!err)
		err = put_string(profile, module, &exact.module);
	if (!err)
		err = put_string(profile, frame->build_id, &exact.build_id);
	if (!err)
		err = put_string(profile, frame->source, &exact.source);
	return err ?: set_put(&profile->frames, &exact, ret);
}

void profile_get_frame(const struct profile *profile, uint32_t id, struct frame *ret)
{
	const struct exact *exact = profile_frame(profile, id);

	*ret = (struct frame){
		.kind = exact->kind,
		.why = exact->why,
		.name = profile_string(profile, exact->name),
		.linkage = profile_string(profile, exact->linkage),
		.module = profile_string(profile, exact->module),
		.build_id = profile_string(profile, exact->build_id),
		.source = profile_string(profile, exact->source),
		.line = exact->line,
		.address = exact->address,
	};
}

static bool same_string(const struct profile *profile, const char *s, uint32_t id)
{
	return id ? s && !strcmp(s, profile_string(profile, id)) : !s || !*s;
}

/* The same pointers mostly mean the same strings, which is faster to see than to look them up. */
static int recall_frame(struct profile *profile, const struct frame *f, uint32_t *ret)
{
	struct memo *memo = &profile->memo[mix((uintptr_t)f->name ^ (uintptr_t)f->module << 1,
					       f->address + f->line) %
					   PROFILE_MEMO];
	const struct frame *m = &memo->frame;
	const struct exact *exact;
	int err;

	if (memo->id && m->address == f->address && m->line == f->line && m->kind == f->kind &&
	    m->why == f->why && m->name == f->name && m->module == f->module &&
	    m->linkage == f->linkage && m->build_id == f->build_id && m->source == f->source) {
		exact = profile_frame(profile, memo->id - 1);
		if (same_string(profile, f->name, exact->name) &&
		    same_string(profile, f->module, exact->module) &&
		    same_string(profile, f->linkage, exact->linkage) &&
		    same_string(profile, f->build_id, exact->build_id) &&
		    same_string(profile, f->source, exact->source)) {
			*ret = memo->id - 1;
			return 0;
		}
	}
	err = profile_put_frame(profile, f, ret);
	if (!err)
		*memo = (struct memo){ *f, *ret + 1 };
	return err;
}

int profile_put_stack(struct profile *profile, const struct profile_task *task,
		      const uint32_t *frames, size_t count, const uint64_t values[PROFILE_VALUES])
{
	struct frame name = { .kind = FRAME_NOTE, .name = task->comm };
	struct task key = { .pid = task->pid, .tid = task->tid };
	struct node node = {};
	struct stack *stack;
	uint32_t id;
	int err = 0;

	if (task->comm)
		err = strings_put(&profile->strings, task->comm, strlen(task->comm), &key.comm);
	if (!err)
		err = recall_frame(profile, &name, &node.frame);
	for (size_t i = count + 1; i-- && !err;) {
		if (profile->nodes.count >= PROFILE_NODES_MAX)
			return -E2BIG;
		err = set_put(&profile->nodes, &node, &id);
		node.parent = id;
		if (i)
			node.frame = frames[i - 1];
	}
	if (!err)
		err = set_put(&profile->tasks, &key, &id);
	if (!err)
		err = set_put(&profile->stacks, &(struct stack){ node.parent, id, {} }, &id);
	if (err)
		return err;
	stack = set_item(&profile->stacks, id);
	for (size_t i = 0; i < PROFILE_VALUES; i++) {
		stack->values[i] = add_sat(stack->values[i], values[i]);
		profile->totals[i] = add_sat(profile->totals[i], values[i]);
	}
	return 0;
}

int profile_add(struct profile *profile, const struct profile_task *task,
		const struct frame *frames, size_t count, const uint64_t values[PROFILE_VALUES])
{
	int err = array_room(&profile->path, &profile->path_cap, count, sizeof(*profile->path));

	for (size_t i = 0; i < count && !err; i++)
		err = recall_frame(profile, &frames[i], &profile->path[i]);
	return err ?: profile_put_stack(profile, task, profile->path, count, values);
}

int profile_set_about(struct profile *profile, const struct profile_about *about)
{
	_cleanup_free_ char *title = strdup(about->title ?: "");
	_cleanup_free_ char *event = strdup(about->event ?: "");

	if (!title || !event)
		return -ENOMEM;
	free(profile->title);
	free(profile->event);
	profile->about = *about;
	profile->about.title = profile->title = take_ptr(title);
	profile->about.event = profile->event = take_ptr(event);
	return 0;
}

uint64_t profile_total(const struct profile *profile, enum profile_value value)
{
	return profile->totals[value];
}

bool profile_has_time(const struct profile *profile)
{
	return profile->totals[PROFILE_CPU_NS] || profile->totals[PROFILE_OFF_NS];
}

uint64_t profile_weight(const struct profile *profile, const uint64_t values[PROFILE_VALUES])
{
	return profile_has_time(profile) ? add_sat(values[PROFILE_CPU_NS], values[PROFILE_OFF_NS]) :
					   values[PROFILE_SAMPLES];
}

/* ---- how frames are called ---- */

const char *frame_kind_name(enum frame_kind kind)
{
	static const char *const names[] = {
		[FRAME_USER] = "user",	   [FRAME_INLINED] = "inlined", [FRAME_JIT] = "jit",
		[FRAME_KERNEL] = "kernel", [FRAME_BPF] = "bpf",		[FRAME_NOTE] = "note",
	};

	return kind < ARRAY_SIZE(names) ? names[kind] : "?";
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

void frame_label(struct buf *b, const struct frame *frame)
{
	const char *base = frame->module ? path_base(frame->module) : "unknown";

	if (frame->name)
		buf_str(b, frame->name);
	else
		buf_printf(b, *base == '[' ? "%s" : "[%s]", base);
}

/* Only what this suite adds is in brackets or has the mark of a kind. */
void frame_folded(struct buf *b, const struct frame *frame)
{
	static const char marks[] = {
		[FRAME_INLINED] = 'i', [FRAME_JIT] = 'j', [FRAME_KERNEL] = 'k',
		[FRAME_BPF] = 'b',     [FRAME_NOTE] = 0,
	};
	struct buf label = {};
	const char *s, *part, *end;
	bool marked, note;

	frame_label(&label, frame);
	s = label.data;
	end = s + label.len;
	marked = end - s >= 4 && !memcmp(end - 4, "_[", 2) && end[-1] == ']' &&
		 memchr("kijb", end[-2], 4);
	note = (!frame->name || frame->kind == FRAME_NOTE) && !marked && end > s && end[-1] == ']';
	if (end > s && *s == '[' && !note) {
		buf_str(b, "\\x5b");
		s++;
	}
	end -= marked;
	while (s < end) {
		part = memchr(s, ';', end - s) ?: end;
		text_put(b, s, part - s);
		if (part < end)
			buf_str(b, "\\x3b");
		s = part + (part < end);
	}
	if (marked)
		buf_str(b, "\\x5d");
	if (marks[frame->kind])
		buf_printf(b, "_[%c]", marks[frame->kind]);
	b->failed |= label.failed;
	buf_done(&label);
}

/* ---- writing ---- */

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			len -= n;
		}
	}
	return 0;
}

int buf_drain(struct buf *b, int fd, bool all)
{
	int err = b->failed ? -ENOMEM : 0;

	if (!err && !all && b->len < 256 << 10)
		return 0;
	if (!err)
		err = write_all(fd, b->data, b->len);
	buf_reset(b);
	return err;
}

int buf_finish(struct buf *b, int fd, int err)
{
	err = err ?: buf_drain(b, fd, true);
	buf_done(b);
	return err;
}

void put_xml_plain(struct buf *b, const char *s, size_t n)
{
	static const char *const names[128] = {
		['<'] = "&lt;", ['>'] = "&gt;", ['&'] = "&amp;", ['"'] = "&quot;", ['\''] = "&#39;",
	};

	for (size_t i = 0; i < n; i++) {
		unsigned char c = s[i];

		if (c < ARRAY_SIZE(names) && names[c])
			buf_str(b, names[c]);
		else
			buf_char(b, (char)c);
	}
}

void put_xml(struct buf *b, const char *s, size_t n, size_t columns)
{
	struct buf shown = {};

	if (columns)
		text_put_max(&shown, s, n, columns, NULL);
	else
		text_put(&shown, s, n);
	put_xml_plain(b, shown.data, shown.len);
	b->failed |= shown.failed;
	buf_done(&shown);
}

void put_json_plain(struct buf *b, const char *s, size_t n)
{
	struct buf json = {};

	text_json(&json, s, n);
	for (size_t i = 0; i < json.len; i++) {
		char c = json.data[i];

		if (c == '<' || c == '>' || c == '&')
			buf_printf(b, "\\u%04x", c);
		else
			buf_char(b, c);
	}
	b->failed |= json.failed;
	buf_done(&json);
}

void put_shown_json(struct buf *b, const char *s, size_t n)
{
	struct buf shown = {};

	text_put(&shown, s, n);
	put_json_plain(b, shown.data, shown.len);
	b->failed |= shown.failed;
	buf_done(&shown);
}

void put_weight(struct buf *b, bool time, uint64_t weight)
{
	if (time) {
		output_duration(b, weight);
		return;
	}
	buf_u64(b, weight);
	buf_str(b, weight == 1 ? " sample" : " samples");
}

void profile_head(const struct profile *profile,
		  void (*put)(void *context, const char *line, size_t len), void *context)
{
	const struct profile_about *a = &profile->about;
	const uint64_t *totals = profile->totals;
	const char *separator = "";
	uint64_t unnamed = 0;
	struct buf b = {};

	if (a->title && *a->title) {
		text_put(&b, a->title, strlen(a->title));
		put(context, b.data, b.len);
		buf_reset(&b);
	}
	if (a->event && *a->event) {
		buf_str(&b, "event ");
		text_put(&b, a->event, strlen(a->event));
		separator = ", ";
	}
	if (a->period_ns) {
		buf_printf(&b, "%ssampled every ", separator);
		output_duration(&b, a->period_ns);
		separator = ", ";
	}
	if (a->duration_ns) {
		buf_printf(&b, "%sfor ", separator);
		output_duration(&b, a->duration_ns);
		separator = ", ";
	}
	if (a->start_ns) {
		buf_printf(&b, "%sfrom ", separator);
		output_time_utc(&b, a->start_ns);
		b.len -= b.len > 11 ? 11 : 0; /* the nanoseconds */
		buf_char(&b, 'Z');
	}
	if (b.len)
		put(context, b.data, b.len);
	buf_reset(&b);
	put_weight(&b, false, a->samples ?: totals[PROFILE_SAMPLES]);
	separator = ": ";
	if (totals[PROFILE_CPU_NS]) {
		buf_str(&b, separator);
		output_duration(&b, totals[PROFILE_CPU_NS]);
		buf_str(&b, " on CPU");
		separator = ", ";
	}
	if (totals[PROFILE_OFF_NS]) {
		buf_str(&b, separator);
		output_duration(&b, totals[PROFILE_OFF_NS]);
		buf_str(&b, " off CPU");
	}
	buf_printf(&b, "; lost %lu, throttled %lu, truncated %lu", (unsigned long)a->lost,
		   (unsigned long)a->throttled, (unsigned long)a->truncated);
	put(context, b.data, b.len);
	buf_reset(&b);
	for (size_t i = 1; i < WHY_COUNT; i++)
		unnamed = add_sat(unnamed, a->unnamed[i]);
	if (unnamed) {
		buf_printf(&b, "frames without a name %lu: ", (unsigned long)unnamed);
		separator = "";
		for (size_t i = 1; i < WHY_COUNT; i++) {
			if (!a->unnamed[i])
				continue;
			buf_printf(&b, "%s%s %lu", separator, frame_why_name(i),
				   (unsigned long)a->unnamed[i]);
			separator = ", ";
		}
		put(context, b.data, b.len);
	}
	buf_done(&b);
}
