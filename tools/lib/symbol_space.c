/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is mapped where.  Only executable mappings are kept; each replaces what was there before. */
#include <errno.h>

#include "lib/symbol_internal.h"
#include "lib/util.h"

#define MAPS_MAX (1 << 17) /* twice as many as vm.max_map_count allows by default */
#define DELETED	 " (deleted)"

static bool starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

const struct map *space_find(const struct space *space, uint64_t address)
{
	size_t low = 0, high = space->count, middle;

	while (low < high) { /* the first that starts behind the address */
		middle = low + (high - low) / 2;
		if (space->maps[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && space->maps[low - 1].end > address ? &space->maps[low - 1] : NULL;
}

static int maps_reserve(struct space *space, size_t more)
{
	size_t cap = space->cap ?: 16;
	struct map *grown;

	if (space->count + more <= space->cap)
		return 0;
	while (cap < space->count + more)
		cap *= 2;
	grown = realloc(space->maps, cap * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	space->maps = grown;
	space->cap = cap;
	return 0;
}

/* Cuts [start, end) out, with room for one more that goes to the index in *ret*. */
static int maps_cut(struct space *space, uint64_t start, uint64_t end, size_t *ret)
{
	size_t first, last, n;
	struct map *m, left;
	int err;

	err = maps_reserve(space, 2);
	if (err)
		return err;
	m = space->maps;
	for (n = space->count, first = 0; n > 0;) { /* the first that ends behind *start* */
		if (m[first + n / 2].end <= start) {
			first += n / 2 + 1;
			n -= n / 2 + 1;
		} else {
			n /= 2;
		}
	}
	if (first < space->count && m[first].start < start) {
		left = m[first];
		if (left.end > end) { /* a hole in the middle: two of one */
			memmove(m + first + 1, m + first, (space->count - first) * sizeof(*m));
			space->count++;
			if (left.file)
				left.file->refs++;
		}
		m[first].end = start;
		first++;
	}
	if (first < space->count && m[first].start < start) {
		m[first].offset += start - m[first].start; /* the right half of the two */
		m[first].start = start;
	}
	for (last = first; last < space->count && m[last].end <= end; last++)
		file_put(m[last].file);
	if (last < space->count && m[last].start < end) {
		m[last].offset += end - m[last].start;
		m[last].start = end;
	}
	memmove(m + first, m + last, (space->count - last) * sizeof(*m));
	space->count -= last - first;
	*ret = first;
	return 0;
}

/* A process of 32 bits has another vdso than we have; it is mapped low. */
static enum map_kind kind_of(const struct mapping *mapping)
{
	const char *path = mapping->path;

	if (!strcmp(path, "[vdso]") && mapping->start >> 32 && sizeof(long) == 8)
		return KIND_VDSO;
	if (path[0] == '[' && !starts(path, "[heap") && !starts(path, "[stack") &&
	    !starts(path, "[anon"))
		return KIND_NAMED;
	if (path[0] != '/' || (!mapping->inode && starts(path, "//")))
		return KIND_ANONYMOUS;
	return KIND_FILE;
}

int space_map(struct space *space, const struct mapping *mapping)
{
	struct symbolizer *symbolizer = space->symbolizer;
	const char *path = mapping->path;
	struct map map = { .start = mapping->start,
			   .end = mapping->end,
			   .offset = mapping->offset,
			   .kind = kind_of(mapping) };
	struct mapping named = *mapping;
	enum frame_why why = WHY_NAMED;
	_cleanup_free_ char *cut = NULL;
	size_t at, len = strlen(path);
	int err;

	if (mapping->start >= mapping->end)
		return -EINVAL;
	if (mapping->executable && space->count >= MAPS_MAX)
		return -E2BIG;
	err = maps_cut(space, mapping->start, mapping->end, &at);
	if (err || !mapping->executable)
		return err;
	if (map.kind == KIND_FILE && len > strlen(DELETED) &&
	    !strcmp(path + len - strlen(DELETED), DELETED)) {
		cut = strndup(path, len - strlen(DELETED));
		if (!cut)
			return -ENOMEM;
		named.path = cut;
	}
	switch (map.kind) {
	case KIND_FILE:
		map.file = file_get(space, &named, &why);
		break;
	case KIND_VDSO:
		map.file = file_get_vdso(symbolizer);
		why = map.file ? WHY_NAMED : WHY_NO_FILE;
		break;
	case KIND_ANONYMOUS:
		why = WHY_ANONYMOUS;
		break;
	}
	/* Shared memory that has a name, but no file that anybody could open. */
	if (why && (starts(path, "/memfd:") || starts(path, "/SYSV") || starts(path, "/dev/zero")))
		why = WHY_ANONYMOUS;
	if (why && map.kind != KIND_NAMED && !space->anonymous) {
		space->anonymous = true; /* code may be generated */
		space_identify(space);
	}
	map.why = why;
	map.module = symbol_string(symbolizer, starts(named.path, "//") ? "" : named.path,
				   starts(named.path, "//") ? 0 : strlen(named.path));
	memmove(space->maps + at + 1, space->maps + at, (space->count - at) * sizeof(map));
	space->maps[at] = map;
	space->count++;
	return 0;
}

/* The number after *key* that is last in its line (index 0: the second one, as of Uid). */
static bool status_number(const struct buf *text, const char *key, bool last, unsigned long *ret)
{
	size_t at = 0, start = 0;
	char line[512], *p;
	ssize_t n;

	for (; (n = symbol_line(text->data, text->len, &at)) >= 0; start = at) {
		if ((size_t)n < strlen(key) || n >= (ssize_t)sizeof(line) ||
		    memcmp(text->data + start, key, strlen(key)))
			continue;
		memcpy(line, text->data + start, n);
		line[n] = '\0';
		p = last ? strrchr(line, '\t') : strchr(line + strlen(key) + 1, '\t');
		if (!p)
			return false;
		*ret = strtoul(p, NULL, 10);
		return true;
	}
	return false;
}

void space_identify(struct space *space)
{
	unsigned long uid, pid;
	struct buf text = {};

	if (!file_read_proc(space->pid, "status", &text) &&
	    status_number(&text, "Uid:", false, &uid)) {
		space->uid = uid;
		/* Linux 4.1, e4bc33245124 */
		space->own_pid =
			status_number(&text, "NSpid:", true, &pid) ? (pid_t)pid : space->pid;
	}
	buf_done(&text);
}

static void root_update(struct space *space)
{
	struct root *root = root_get(space->symbolizer, space->pid);

	if (!root)
		return;
	root_put(space->symbolizer, space->root);
	space->root = root;
}

static struct space *space_of(struct symbolizer *symbolizer, pid_t pid)
{
	struct space *space = calloc(1, sizeof(*space));

	if (space)
		*space = (struct space){ .symbolizer = symbolizer, .pid = pid };
	return space;
}

int space_new(struct symbolizer *symbolizer, pid_t pid, struct space **ret)
{
	struct space *space = space_of(symbolizer, pid);
	size_t at = 0, start = 0;
	struct buf text = {};
	struct mapping m;
	ssize_t n;
	int err;

	if (!space)
		return -ENOMEM;
	root_update(space);
	err = file_read_proc(pid, "maps", &text);
	err = err == -ENOMEM ? err : 0;
	for (; !err && (n = symbol_line(text.data, text.len, &at)) >= 0; start = at)
		if (symbol_maps_line(text.data + start, n, &m) && m.executable)
			err = space_map(space, &m);
	buf_done(&text);
	if (err == -ENOMEM) {
		space_free(space);
		return err;
	}
	*ret = space;
	return 0;
}

int space_fork(struct space *parent, pid_t pid, struct space **ret)
{
	struct space *space = space_of(parent->symbolizer, pid);

	if (!space)
		return -ENOMEM;
	space->root = root_ref(parent->root);
	if (maps_reserve(space, parent->count)) {
		space_free(space);
		return -ENOMEM;
	}
	if (parent->count)
		memcpy(space->maps, parent->maps, parent->count * sizeof(*space->maps));
	space->count = parent->count;
	for (size_t i = 0; i < space->count; i++)
		if (space->maps[i].file)
			space->maps[i].file->refs++;
	space->anonymous = parent->anonymous;
	if (space->anonymous)
		space_identify(space);
	*ret = space;
	return 0;
}

static void space_clear(struct space *space)
{
	for (size_t i = 0; i < space->count; i++)
		file_put(space->maps[i].file);
	space->count = 0;
	space->anonymous = false;
	space->own_pid = 0;
	jit_done(&space->jit);
}

void space_exec(struct space *space)
{
	space_clear(space);
	root_update(space);
}

void space_exit(struct space *space)
{
	if (space->anonymous)
		jit_update(space);
}

void space_free(struct space *space)
{
	if (!space)
		return;
	space_clear(space);
	root_put(space->symbolizer, space->root);
	free(space->maps);
	free(space);
}
