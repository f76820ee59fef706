/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/profile_model.h"
#include "lib/text.h"
#include "lib/util.h"

/* ---- JSON lines ---- */

static void put_key(struct buf *b, const char *key, const char *suffix)
{
	buf_printf(b, ",\"%s%s\":", key, suffix);
}

static void put_text(struct buf *b, const char *key, const char *s)
{
	put_key(b, key, "");
	if (!s) {
		buf_str(b, "null");
	} else if (!text_json(b, s, strlen(s))) {
		put_key(b, key, "_hex");
		buf_char(b, '"');
		text_hex(b, s, strlen(s));
		buf_char(b, '"');
	}
}

static void put_number(struct buf *b, const char *key, int64_t v)
{
	put_key(b, key, "");
	buf_s64(b, v);
}

static void put_count(struct buf *b, const char *key, uint64_t v)
{
	put_key(b, key, "");
	buf_u64(b, v);
}

static void put_frame(struct buf *b, const struct frame *frame)
{
	buf_printf(b, "{\"kind\":\"%s\"", frame_kind_name(frame->kind));
	put_text(b, "name", frame->name);
	if (frame->linkage)
		put_text(b, "linkage", frame->linkage);
	if (!frame->name)
		put_text(b, "why", frame_why_name(frame->why));
	put_text(b, "module", frame->module);
	put_text(b, "build_id", frame->build_id);
	put_text(b, "source", frame->source);
	if (frame->line)
		put_count(b, "line", frame->line);
	else
		put_text(b, "line", NULL);
	put_key(b, "address", "");
	buf_str(b, "\"0x");
	buf_hex(b, frame->address, 1);
	buf_str(b, "\"}");
}

static void put_stack(const struct profile *profile, struct buf *b, const struct stack *stack)
{
	const struct task *task = set_item(&profile->tasks, stack->task);
	const struct node *node = profile_node(profile, stack->node);
	const char *separator = "";

	buf_str(b, "{\"type\":\"stack\"");
	put_text(b, "comm", profile_string(profile, task->comm));
	put_number(b, "pid", task->pid);
	put_number(b, "tid", task->tid);
	put_count(b, "samples", stack->values[PROFILE_SAMPLES]);
	put_count(b, "cpu_ns", stack->values[PROFILE_CPU_NS]);
	put_count(b, "off_ns", stack->values[PROFILE_OFF_NS]);
	buf_str(b, ",\"frames\":[");
	for (; node->parent; node = profile_node(profile, node->parent)) {
		struct frame frame;

		profile_get_frame(profile, node->frame, &frame);
		buf_str(b, separator);
		put_frame(b, &frame);
		separator = ",";
	}
	buf_str(b, "]}\n");
}

static int by_weight(const void *a, const void *b, void *context)
{
	const struct profile *profile = context;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	const struct stack *x = set_item(&profile->stacks, i), *y = set_item(&profile->stacks, k);
	uint64_t v = profile_weight(profile, x->values), w = profile_weight(profile, y->values);

	if (v != w)
		return v > w ? -1 : 1;
	return i < k ? -1 : i > k;
}

int profile_put_json(const struct profile *profile, struct buf *b)
{
	uint32_t count = profile->stacks.count;
	_cleanup_free_ uint32_t *order = calloc(count + 1ul, sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	qsort_r(order, count, sizeof(*order), by_weight, (void *)profile);
	for (uint32_t i = 0; i < count; i++)
		put_stack(profile, b, set_item(&profile->stacks, order[i]));
	return b->failed ? -ENOMEM : 0;
}

/* ---- speedscope: its file format, as its own schema describes it ---- */

static void put_shown(struct buf *b, const char *s)
{
	put_shown_json(b, s, strlen(s));
}

static void put_shared(struct buf *b, const struct view *view, uint32_t function)
{
	struct buf label = {};
	struct frame frame;

	view_frame(view, function, &frame);
	frame_folded(&label, &frame); /* no field tells the kinds apart: the name has to */
	buf_str(b, function > 1 ? ",{\"name\":" : "{\"name\":");
	put_json_plain(b, label.data, label.len);
	if (frame.source || frame.module) {
		buf_str(b, ",\"file\":");
		put_shown(b, frame.source ?: frame.module);
	}
	buf_char(b, '}');
	b->failed |= label.failed;
	buf_done(&label);
}

int profile_write_speedscope(const struct profile *profile, int fd)
{
	const char *title = profile->title && *profile->title ? profile->title : "profile",
		   *comma = "";
	_cleanup_free_ uint32_t *path = NULL;
	struct view *view = NULL;
	struct buf b = {};
	int err = view_new(profile, true, VIEW_BY_NAME, &view);

	if (!err) {
		path = calloc(view->depth + 1ul, sizeof(*path));
		err = path ? 0 : -ENOMEM;
	}
	if (err)
		goto out;
	buf_str(&b, "{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\","
		    "\"exporter\":\"corelets\",\"name\":");
	put_shown(&b, title);
	buf_str(&b, ",\"activeProfileIndex\":0,\"shared\":{\"frames\":[");
	for (uint32_t i = 1; i < view->function_count && !err; i++) {
		put_shared(&b, view, i);
		err = buf_drain(&b, fd, false);
	}
	buf_printf(&b, "]},\"profiles\":[{\"type\":\"sampled\",\"unit\":\"%s\",\"name\":",
		   profile_has_time(profile) ? "nanoseconds" : "none");
	put_shown(&b, title);
	buf_str(&b, ",\"startValue\":0,\"endValue\":");
	buf_u64(&b, view->nodes[0].total);
	buf_str(&b, ",\"samples\":[");
	for (uint32_t i = 1; i < view->node_count && !err; i++) {
		const struct view_node *node = &view->nodes[view->steps[i].node];
		uint32_t depth = view->steps[i].depth;

		path[depth] = node->function - 1;
		if (!node->self)
			continue;
		buf_str(&b, comma);
		for (uint32_t k = 1; k <= depth; k++) {
			buf_char(&b, k == 1 ? '[' : ',');
			buf_u64(&b, path[k]);
		}
		buf_char(&b, ']');
		comma = ",";
		err = buf_drain(&b, fd, false);
	}
	buf_str(&b, "],\"weights\":[");
	comma = "";
	for (uint32_t i = 1; i < view->node_count && !err; i++) {
		const struct view_node *node = &view->nodes[view->steps[i].node];

		if (!node->self)
			continue;
		buf_str(&b, comma);
		buf_u64(&b, node->self);
		comma = ",";
		err = buf_drain(&b, fd, false);
	}
	buf_str(&b, "]}]}\n");
out:
	err = buf_finish(&b, fd, err);
	view_free(view);
	return err;
}
