/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/profile_model.h"
#include "lib/util.h"

struct child {
	uint32_t node, rank;
	uint64_t weight;
};

static int by_name(const void *a, const void *b)
{
	const struct child *x = a, *y = b;

	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static int by_weight(const void *a, const void *b)
{
	const struct child *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return by_name(a, b);
}

static int by_key(const void *a, const void *b, void *view)
{
	return strcmp(view_key(view, *(const uint32_t *)a), view_key(view, *(const uint32_t *)b));
}

const char *view_key(const struct view *view, uint32_t function)
{
	return strings_get(&view->keys, function);
}

void view_frame(const struct view *view, uint32_t function, struct frame *ret)
{
	profile_get_frame(view->profile, view->functions[function].frame, ret);
}

/* What functions are told apart by, starting with what they are sorted by.  No escaped text has
 * control characters, so that a shorter name comes first. */
static void put_key(struct buf *b, const struct frame *frame, bool modules)
{
	frame_folded(b, frame);
	if (!modules)
		return;
	buf_printf(b, "\n%s\n%u%u", frame->module ?: "", frame->kind, frame->why);
}

/* The function of each exact frame. */
static int map_functions(struct view *view, bool modules, uint32_t **ret)
{
	uint32_t count = view->profile->frames.count;
	_cleanup_free_ uint32_t *map = calloc(count + 1ul, sizeof(*map));
	struct buf key = {};
	int err = map ? 0 : -ENOMEM;

	view->functions = calloc(count + 1ul, sizeof(*view->functions));
	if (!view->functions)
		err = -ENOMEM;
	for (uint32_t i = 0; i < count && !err; i++) {
		uint32_t before = view->keys.set.count;
		struct frame frame;

		profile_get_frame(view->profile, i, &frame);
		buf_reset(&key);
		put_key(&key, &frame, modules);
		err = key.failed ? -ENOMEM : strings_put(&view->keys, key.data, key.len, &map[i]);
		if (!err && map[i] == before)
			view->functions[before].frame = i;
	}
	view->function_count = view->keys.set.count;
	buf_done(&key);
	*ret = take_ptr(map);
	return err;
}

/* Merges the nodes of the tree; parents have smaller numbers than their children, here as there. */
static int merge_nodes(struct view *view, const uint32_t *functions)
{
	const struct profile *profile = view->profile;
	uint32_t count = profile->nodes.count;
	_cleanup_free_ uint32_t *map = calloc(count, sizeof(*map));
	struct set nodes;
	int err;

	set_init(&nodes, sizeof(struct node), sizeof(struct node));
	err = map ? set_put(&nodes, &(struct node){ PROFILE_NONE, PROFILE_NONE }, &map[0]) :
		    -ENOMEM;
	for (uint32_t i = 1; i < count && !err; i++) {
		const struct node *node = profile_node(profile, i);

		err = set_put(&nodes, &(struct node){ map[node->parent], functions[node->frame] },
			      &map[i]);
	}
	if (!err) {
		view->node_count = nodes.count;
		view->nodes = calloc(nodes.count, sizeof(*view->nodes));
		err = view->nodes ? 0 : -ENOMEM;
	}
	for (uint32_t i = 0; i < nodes.count && !err; i++) {
		const struct node *node = set_item(&nodes, i);

		view->nodes[i].parent = node->parent;
		view->nodes[i].function = node->frame;
	}
	for (uint32_t i = 0; i < profile->stacks.count && !err; i++) {
		const struct stack *stack = set_item(&profile->stacks, i);
		struct view_node *node = &view->nodes[map[stack->node]];

		for (size_t k = 0; k < PROFILE_VALUES; k++)
			node->values[k] = add_sat(node->values[k], stack->values[k]);
	}
	for (uint32_t i = view->node_count; i-- && !err;) {
		struct view_node *node = &view->nodes[i],
				 *parent = view->nodes + (i ? node->parent : 0);

		node->self = profile_weight(profile, node->values);
		node->self_samples = node->values[PROFILE_SAMPLES];
		node->total = add_sat(node->total, node->self);
		if (i)
			parent->total = add_sat(parent->total, node->total);
	}
	set_done(&nodes);
	return err;
}

static int sort_nodes(struct view *view, enum view_order order)
{
	uint32_t n = view->node_count, functions = view->function_count, steps = 0, top = 0;
	_cleanup_free_ struct child *children = calloc(n, sizeof(*children));
	_cleanup_free_ uint32_t *first = calloc(n + 1ul, sizeof(*first));
	_cleanup_free_ uint32_t *rank = calloc(functions, sizeof(*rank));
	_cleanup_free_ uint32_t *sorted = calloc(functions, sizeof(*sorted));
	_cleanup_free_ struct view_step *pending = calloc(n, sizeof(*pending));

	view->steps = calloc(n, sizeof(*view->steps));
	if (!children || !first || !rank || !sorted || !pending || !view->steps)
		return -ENOMEM;
	for (uint32_t i = 1; i < functions; i++)
		sorted[i] = i;
	if (functions > 1)
		qsort_r(sorted + 1, functions - 1, sizeof(*sorted), by_key, view);
	for (uint32_t i = 1; i < functions; i++)
		rank[sorted[i]] = i;
	/* The children of node i get from first[i] to before first[i + 1]. */
	for (uint32_t i = 1; i < n; i++)
		first[view->nodes[i].parent]++;
	for (uint32_t i = 1; i <= n; i++)
		first[i] += first[i - 1];
	for (uint32_t i = 1; i < n; i++) {
		const struct view_node *node = &view->nodes[i];

		children[--first[node->parent]] =
			(struct child){ i, rank[node->function], node->total };
	}
	for (uint32_t i = 0; i < n; i++)
		if (first[i + 1] - first[i] > 1)
			qsort(children + first[i], first[i + 1] - first[i], sizeof(*children),
			      order == VIEW_BY_NAME ? by_name : by_weight);
	pending[top++] = (struct view_step){ 0, 0 };
	while (top) {
		struct view_step step = pending[--top];

		view->steps[steps++] = step;
		if (view->depth < step.depth)
			view->depth = step.depth;
		for (uint32_t i = first[step.node + 1]; i > first[step.node]; i--)
			pending[top++] = (struct view_step){ children[i - 1].node, step.depth + 1 };
	}
	return 0;
}

/* A recursive function counts once; the names of tasks, of depth 1, are no functions. */
static int sum_functions(struct view *view)
{
	_cleanup_free_ uint32_t *path = calloc(view->depth + 1ul, sizeof(*path));
	_cleanup_free_ uint32_t *inside = calloc(view->function_count, sizeof(*inside));
	uint32_t depth = 0;

	if (!path || !inside)
		return -ENOMEM;
	for (uint32_t i = 1; i < view->node_count; i++) {
		const struct view_node *node = &view->nodes[view->steps[i].node];
		struct view_function *function = &view->functions[node->function];

		for (; depth >= view->steps[i].depth; depth--)
			inside[path[depth]]--;
		depth = view->steps[i].depth;
		path[depth] = node->function;
		if (inside[node->function]++ == 0 && depth > 1)
			function->total = add_sat(function->total, node->total);
		if (depth > 1)
			function->self = add_sat(function->self, node->self);
	}
	return 0;
}

int view_new(const struct profile *profile, bool modules, enum view_order order, struct view **ret)
{
	struct view *view = calloc(1, sizeof(*view));
	_cleanup_free_ uint32_t *functions = NULL;
	int err = view ? strings_init(&view->keys) : -ENOMEM;

	if (!view)
		return err;
	view->profile = profile;
	if (!err)
		err = map_functions(view, modules, &functions);
	if (!err)
		err = merge_nodes(view, functions);
	if (!err)
		err = sort_nodes(view, order);
	if (!err)
		err = sum_functions(view);
	if (err) {
		view_free(view);
		return err;
	}
	*ret = view;
	return 0;
}

void view_free(struct view *view)
{
	if (!view)
		return;
	strings_done(&view->keys);
	free(view->functions);
	free(view->nodes);
	free(view->steps);
	free(view);
}
