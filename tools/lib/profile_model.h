/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The inside of a profile, for the files profile*.c.
 *
 * Strings, frames, tasks and call tree nodes are each kept once and known by number.  The tree is
 * of exact frames (with their addresses), below a frame for the task's name; a view of it has
 * addresses merged into functions, and is what people look at. */
#ifndef CORELETS_PROFILE_MODEL_H
#define CORELETS_PROFILE_MODEL_H

#include <stdbool.h>

#include "lib/profile.h"

#define PROFILE_NONE	  UINT32_MAX
#define PROFILE_NODES_MAX (1u << 24) /* what a tree may have: some GB of memory */
#define PROFILE_DEPTH_MAX 4096	     /* frames of a stack that is read from a file */

/* Items of one size that are all different, by the first key_size bytes. */
struct set {
	size_t item_size, key_size;
	char *items;
	uint32_t *hashes, *slots;
	uint32_t count, cap, mask;
};

/* Strings that are all different; 0 stands for NULL. */
struct strings {
	struct set set; /* of struct string */
	char *data;
	size_t len, cap;
};

struct string {
	size_t at, len;
};

/* A struct frame in numbers; no padding. */
struct exact {
	uint32_t kind, why, name, linkage, module, build_id, source, line;
	uint64_t address;
};

struct node {
	uint32_t parent, frame; /* the root is number 0 */
};

struct task {
	int32_t pid, tid;
	uint32_t comm;
};

struct stack {
	uint32_t node, task;
	uint64_t values[PROFILE_VALUES];
};

struct memo {
	struct frame frame;
	uint32_t id;
};

#define PROFILE_MEMO 4096

struct profile {
	struct strings strings;
	struct set frames, nodes, tasks, stacks;
	uint64_t totals[PROFILE_VALUES];
	struct profile_about about;
	char *title, *event;
	uint32_t *path; /* of the stack that is being added */
	size_t path_cap;
	struct memo memo[PROFILE_MEMO]; /* frames by the caller's pointers */
};

uint64_t add_sat(uint64_t a, uint64_t b);

/* Makes room for *need* items of *size* bytes in the array at *array* (a pointer to a pointer). */
int array_room(void *array, size_t *cap, size_t need, size_t size);

void set_init(struct set *set, size_t item_size, size_t key_size);
void set_done(struct set *set);
/* The number of the item; it is copied if there is none yet. */
int set_put(struct set *set, const void *item, uint32_t *ret);

static inline void *set_item(const struct set *set, uint32_t id)
{
	return set->items + id * set->item_size;
}

int strings_init(struct strings *strings);
void strings_done(struct strings *strings);
int strings_put(struct strings *strings, const char *s, size_t len, uint32_t *ret);
const char *strings_get(const struct strings *strings, uint32_t id); /* NULL for 0 */

static inline const struct exact *profile_frame(const struct profile *profile, uint32_t id)
{
	return set_item(&profile->frames, id);
}

static inline const struct node *profile_node(const struct profile *profile, uint32_t id)
{
	return set_item(&profile->nodes, id);
}

static inline const char *profile_string(const struct profile *profile, uint32_t id)
{
	return strings_get(&profile->strings, id);
}

int profile_put_frame(struct profile *profile, const struct frame *frame, uint32_t *ret);
/* As profile_add(), with the numbers of frames. */
int profile_put_stack(struct profile *profile, const struct profile_task *task,
		      const uint32_t *frames, size_t count, const uint64_t values[PROFILE_VALUES]);
void profile_get_frame(const struct profile *profile, uint32_t id, struct frame *ret);

/* Time, if the profile has any, else samples. */
bool profile_has_time(const struct profile *profile);
uint64_t profile_weight(const struct profile *profile, const uint64_t values[PROFILE_VALUES]);

/* "user", "inlined", ...: as the outputs call it. */
const char *frame_kind_name(enum frame_kind kind);
const char *path_base(const char *path);
/* The name to show, not yet escaped: of one without a name, "[libc.so.6]" or "[unknown]". */
void frame_label(struct buf *b, const struct frame *frame);
/* The same as the folded form has it: escaped, with the kind at the end. */
void frame_folded(struct buf *b, const struct frame *frame);

enum view_order {
	VIEW_BY_NAME,
	VIEW_BY_WEIGHT,
};

struct view_function {
	uint32_t frame; /* one of its exact frames */
	uint64_t self, total;
};

struct view_node {
	uint32_t parent, function;
	uint64_t self, total;		 /* weight */
	uint64_t self_samples;		 /* and how often */
	uint64_t values[PROFILE_VALUES]; /* of its own */
};

struct view_step {
	uint32_t node, depth;
};

/* Functions called by functions.  Node 0 is the root, which is no function. */
struct view {
	const struct profile *profile;
	struct strings keys; /* a function's number is its key's */
	struct view_function *functions;
	struct view_node *nodes;
	struct view_step *steps; /* all nodes, each before its children; children in order */
	uint32_t function_count, node_count, depth;
};

/* *modules*: functions of the same name in different files are different; else what has the same
 * folded form is the same. */
int view_new(const struct profile *profile, bool modules, enum view_order order, struct view **ret);
void view_free(struct view *view);
void view_frame(const struct view *view, uint32_t function, struct frame *ret);
const char *view_key(const struct view *view, uint32_t function);

/* Writes what is there if it is much, or if *all*; empties the buffer. */
int buf_drain(struct buf *b, int fd, bool all);
/* Ends a form: what is left is written, unless there was an error. */
int buf_finish(struct buf *b, int fd, int err);

/* Adds text for HTML and XML, or as a JSON string without < > & inside, that shows it as text_put() or
 * (with *columns*) text_put_max() would on a terminal.  _plain: it is in that form already. */
void put_xml(struct buf *b, const char *s, size_t n, size_t columns);
void put_xml_plain(struct buf *b, const char *s, size_t n);
void put_shown_json(struct buf *b, const char *s, size_t n);
void put_json_plain(struct buf *b, const char *s, size_t n);
/* Adds the weight of a profile as people read it: "1.23s" or "17 samples". */
void put_weight(struct buf *b, bool time, uint64_t weight);
/* What a profile says of itself, a line each, escaped: put() is called for each. */
void profile_head(const struct profile *profile,
		  void (*put)(void *context, const char *line, size_t len), void *context);

/* Undoes, in place, the escapes of text_put(); those of NUL stay. */
void text_unescape(char *s);

/* How a pprof mapping is called whose frames are of that kind, in *module* (or NULL): its path as it
 * is if the kind is plain from it, else after the kind: "[jit] /tmp/perf-1.map". */
void pprof_put_file(struct buf *b, enum frame_kind kind, const char *module);
enum frame_kind pprof_get_file(const char *file, const char **ret_module);

/* Parts of profile_read(): *data* has size bytes and a NUL behind. */
int folded_parse(struct profile *profile, char *data, size_t size, char why[256]);
int pprof_parse(struct profile *profile, const char *data, size_t size, char why[256]);

#endif
