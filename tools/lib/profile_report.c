/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The profile as text for people.  The kind of a frame has a column of its own, where no name can
 * pretend to be of another one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/output.h"
#include "lib/profile_model.h"
#include "lib/text.h"
#include "lib/util.h"

#define TOP_ROWS    30
#define LEAST	    0.005 /* of all: less is left out of the tree */
#define UNLIMITED   100000
#define TREE_MARGIN 20 /* what is before the function in the tree */

static const char *short_kind(enum frame_kind kind)
{
	return kind == FRAME_KERNEL  ? "kern" :
	       kind == FRAME_INLINED ? "inl" :
				       frame_kind_name(kind);
}

static void put_percent(struct buf *b, uint64_t part, uint64_t all)
{
	buf_printf(b, "%5.1f%%", all ? 100.0 * part / all : 0.0);
}

static void put_right(struct buf *b, size_t width, const struct buf *cell)
{
	buf_pad(b, cell->len < width ? width - cell->len : 0);
	buf_add(b, cell->data, cell->len);
}

/* The name, or what stands for it and why; in that many columns. */
static void put_name(struct buf *b, const struct frame *frame, size_t columns)
{
	struct buf label = {};

	frame_label(&label, frame);
	if (!frame->name)
		buf_printf(&label, " (%s)", frame_why_name(frame->why));
	text_put_max(b, label.data, label.len, columns, NULL);
	b->failed |= label.failed;
	buf_done(&label);
}

struct head {
	struct buf *b;
	size_t columns;
};

/* The line is escaped already; it is broken at spaces, where there are some. */
static void put_head(void *context, const char *line, size_t len)
{
	const struct head *head = context;
	size_t width = 0, from = 0, space = 0;

	for (size_t i = 0; i < len; i++) {
		bool starts = (line[i] & 0xc0) != 0x80;

		if (line[i] == ' ')
			space = i;
		if (starts && ++width > head->columns) {
			size_t to = space > from ? space : i;

			buf_add(head->b, line + from, to - from);
			buf_char(head->b, '\n');
			from = space > from ? to + 1 : to;
			width = i + 1 - from;
		}
	}
	buf_add(head->b, line + from, len - from);
	buf_char(head->b, '\n');
}

struct ranking {
	const struct view *view;
	uint32_t *order, count;
};

static int by_self(const void *a, const void *b, void *context)
{
	const struct view *view = context;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	const struct view_function *x = &view->functions[i], *y = &view->functions[k];

	if (x->self != y->self)
		return x->self > y->self ? -1 : 1;
	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	return strcmp(view_key(view, i), view_key(view, k));
}

/* The functions that have any weight, those with the most of their own first. */
static int rank(const struct view *view, struct ranking *ranking)
{
	*ranking = (struct ranking){ .view = view };
	ranking->order = calloc(view->function_count, sizeof(*ranking->order));
	if (!ranking->order)
		return -ENOMEM;
	for (uint32_t i = 1; i < view->function_count; i++)
		if (view->functions[i].total)
			ranking->order[ranking->count++] = i;
	qsort_r(ranking->order, ranking->count, sizeof(*ranking->order), by_self, (void *)view);
	return 0;
}

static size_t module_width(size_t columns)
{
	return columns < 100 ? 14 : 24;
}

static void put_top_header(struct buf *b, size_t columns)
{
	struct buf line = {};

	buf_str(&line, " SELF% TOTAL%     SELF  KIND MODULE");
	buf_pad(&line, module_width(columns) - 6 + 1);
	buf_str(&line, "FUNCTION");
	text_put_max(b, line.data, line.len, columns, NULL);
	buf_char(b, '\n');
	buf_done(&line);
}

static void put_function(struct buf *b, const struct view *view, uint32_t id, size_t columns)
{
	const struct view_function *function = &view->functions[id];
	uint64_t all = view->nodes[0].total;
	size_t width = module_width(columns), used, before = 24 + 5 + width + 1;
	struct buf cell = {};
	struct frame frame;

	view_frame(view, id, &frame);
	put_percent(b, function->self, all);
	buf_char(b, ' ');
	put_percent(b, function->total, all);
	buf_char(b, ' ');
	if (profile_has_time(view->profile))
		output_duration(&cell, function->self);
	else
		buf_u64(&cell, function->self);
	put_right(b, 8, &cell);
	buf_printf(b, "  %-4s ", short_kind(frame.kind));
	used = frame.module ? text_put_max(b, path_base(frame.module),
					   strlen(path_base(frame.module)), width, NULL) :
			      text_put(b, "-", 1);
	buf_pad(b, width - used + 1);
	put_name(b, &frame, columns > before + 8 ? columns - before : 8);
	buf_char(b, '\n');
	buf_done(&cell);
}

/* At most *rows* of them; returns how many there were. */
static uint32_t put_functions(struct buf *b, const struct ranking *ranking, size_t columns,
			      uint32_t rows, uint64_t *ret_rest)
{
	uint32_t n = ranking->count < rows ? ranking->count : rows;

	put_top_header(b, columns);
	for (uint32_t i = 0; i < n; i++)
		put_function(b, ranking->view, ranking->order[i], columns);
	*ret_rest = 0;
	for (uint32_t i = n; i < ranking->count; i++)
		*ret_rest = add_sat(*ret_rest, ranking->view->functions[ranking->order[i]].self);
	return n;
}

/* ---- the call tree ---- */

struct level {
	uint32_t indent, shown; /* how many of its children are worth showing */
};

static int put_tree(struct buf *b, const struct view *view, size_t columns, int fd)
{
	uint64_t all = view->nodes[0].total, left = 0, least = (uint64_t)(all * LEAST);
	_cleanup_free_ uint32_t *shown = calloc(view->node_count, sizeof(*shown));
	_cleanup_free_ uint32_t *indents = calloc(view->depth + 1ul, sizeof(*indents));
	uint32_t skipping = UINT32_MAX, branches = 0, deepest;
	int err = 0;

	if (!shown || !indents)
		return -ENOMEM;
	deepest = columns > 60 ? (columns - TREE_MARGIN) / 4 : 10;
	for (uint32_t i = 1; i < view->node_count; i++) {
		const struct view_node *node = &view->nodes[i];

		shown[node->parent] += node->total && node->total >= least;
	}
	buf_str(b, "TOTAL%  SELF% KIND  FUNCTION\n");
	for (uint32_t i = 1; i < view->node_count && !err; i++) {
		const struct view_node *node = &view->nodes[view->steps[i].node];
		uint32_t depth = view->steps[i].depth, indent;
		bool branch = depth == 1 || shown[node->parent] > 1;
		struct frame frame;

		if (depth > skipping)
			continue;
		skipping = UINT32_MAX;
		if (!node->total || node->total < least) {
			left = add_sat(left, node->total);
			branches += node->total > 0;
			skipping = depth;
			continue;
		}
		/* What calls only one function stays above it. */
		indents[depth] = depth == 1 ? 0 : indents[depth - 1] + branch;
		indent = indents[depth] < deepest ? indents[depth] : deepest;
		view_frame(view, node->function, &frame);
		put_percent(b, node->total, all);
		buf_char(b, ' ');
		put_percent(b, node->self, all);
		buf_printf(b, " %-4s  ", depth == 1 ? "comm" : short_kind(frame.kind));
		buf_pad(b, 2ul * indent);
		buf_str(b, branch ? "- " : "  ");
		put_name(b, &frame,
			 columns > TREE_MARGIN + 2 * indent + 10 ?
				 columns - TREE_MARGIN - 2 * indent - 2 :
				 8);
		buf_char(b, '\n');
		err = buf_drain(b, fd, false);
	}
	if (branches) {
		put_percent(b, left, all);
		buf_printf(b, " left out: %u branch%s of less than %.1f%%\n", branches,
			   branches == 1 ? "" : "es", 100 * LEAST);
	}
	return err;
}

int profile_write_report(const struct profile *profile, int fd, unsigned int columns)
{
	struct ranking ranking = {};
	struct view *view = NULL;
	struct buf b = {};
	struct head head = { &b, columns ?: UNLIMITED };
	uint64_t rest;
	uint32_t n;
	int err = view_new(profile, true, VIEW_BY_WEIGHT, &view);

	if (!err)
		err = rank(view, &ranking);
	if (!err) {
		profile_head(profile, put_head, &head);
		buf_str(&b, "\nFunctions, those with the most of their own first\n\n");
		n = put_functions(&b, &ranking, head.columns, TOP_ROWS, &rest);
		if (n < ranking.count) {
			put_percent(&b, rest, view->nodes[0].total);
			buf_printf(&b, " left out: %u more functions\n", ranking.count - n);
		}
		buf_str(&b, "\nCalls, from the outermost function to the innermost\n\n");
		err = put_tree(&b, view, head.columns, fd);
	}
	free(ranking.order);
	view_free(view);
	return buf_finish(&b, fd, err);
}

int profile_put_top(const struct profile *profile, struct buf *b, unsigned int columns,
		    unsigned int rows)
{
	struct ranking ranking = {};
	struct view *view = NULL;
	struct buf above = {};
	struct head head = { &above, columns ?: UNLIMITED };
	uint32_t lines = 1;
	uint64_t rest;
	int err = view_new(profile, true, VIEW_BY_WEIGHT, &view);

	if (!err)
		err = rank(view, &ranking);
	if (!err) {
		profile_head(profile, put_head, &head);
		for (size_t i = 0; i < above.len && lines < rows; i++) {
			buf_char(b, above.data[i]);
			lines += above.data[i] == '\n';
		}
		if (lines < rows)
			put_functions(b, &ranking, head.columns, rows - lines, &rest);
		err = b->failed || above.failed ? -ENOMEM : 0;
	}
	buf_done(&above);
	free(ranking.order);
	view_free(view);
	return err;
}
