/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* /tmp/perf-PID.map, in the root of the process and with its PID as it sees it itself.  Anybody can
 * write to /tmp, so only the user that the process runs as is believed. */
#include <errno.h>
#include <fcntl.h>

#include "lib/symbol_internal.h"
#include "lib/util.h"

#define JIT_SIZE_MAX  (64LL << 20)
#define JIT_LINES_MAX (1 << 20)
#define JIT_READ_MAX  (512ULL << 20) /* of a file that is written again and again */
#define PIECE	      (256 << 10)    /* more than the longest line that is of use */

void jit_done(struct jit *jit)
{
	symbol_names_done(&jit->names);
	*jit = (struct jit){};
}

/* Reads on from where it was left.  A line that is not complete waits for the next time. */
static void jit_read(struct jit *jit, int fd)
{
	_cleanup_free_ char *piece = malloc(PIECE);
	size_t at, start;
	ssize_t got, n;

	while (piece) {
		got = pread(fd, piece, PIECE, jit->done);
		if (got <= 0)
			return;
		for (at = start = 0; (n = symbol_line(piece, got, &at)) >= 0; start = at) {
			if (jit->names.ranges.count >= JIT_LINES_MAX ||
			    symbol_jit_line(&jit->names, piece + start, n))
				jit->limit = true;
		}
		jit->budget += got;
		if (jit->budget > JIT_READ_MAX)
			jit->limit = true;
		if (!start && got < PIECE)
			return;
		start = start ?: (size_t)got; /* of a longer line, the end is no line */
		jit->done += start;
		jit->tail_len = start < sizeof(jit->tail) ? start : sizeof(jit->tail);
		memcpy(jit->tail, piece + start - jit->tail_len, jit->tail_len);
		if (jit->done >= JIT_SIZE_MAX)
			jit->limit = true;
		if (jit->limit)
			return;
	}
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

void jit_update(struct space *space)
{
	struct jit *jit = &space->jit;
	_cleanup_close_ int path_fd = -1, fd = -1;
	char path[64], tail[sizeof(jit->tail)];
	uint64_t budget = jit->budget;
	struct stat st;

	if (!space->own_pid)
		space_identify(space);
	if (!space->own_pid || !space->root)
		return;
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", space->own_pid);
	path_fd = root_open(space->root, path, O_NOFOLLOW);
	if (path_fd < 0 || fstat(path_fd, &st))
		return;
	if (same_file(&st, &jit->st) && st.st_size == jit->st.st_size &&
	    st.st_mtim.tv_sec == jit->st.st_mtim.tv_sec &&
	    st.st_mtim.tv_nsec == jit->st.st_mtim.tv_nsec)
		return;
	jit->untrusted = !S_ISREG(st.st_mode) || st.st_uid != space->uid;
	if (jit->untrusted)
		return;
	fd = file_reopen(path_fd, &st);
	if (fd < 0)
		return;
	/* It has grown, or it was written anew. */
	if (!same_file(&st, &jit->st) || st.st_size < jit->done ||
	    pread(fd, tail, jit->tail_len, jit->done - jit->tail_len) != (ssize_t)jit->tail_len ||
	    memcmp(tail, jit->tail, jit->tail_len)) {
		jit_done(jit);
		jit->budget = budget;
		jit->limit = budget > JIT_READ_MAX;
	}
	jit->st = st;
	if (!jit->limit)
		jit_read(jit, fd);
}

const char *jit_find(struct space *space, uint64_t address, enum frame_why *why)
{
	struct jit *jit = &space->jit;
	const struct symbol_range *range;
	bool limit = false;
	const char *name;

	range = symbol_ranges_find(&jit->names.ranges, address, &limit);
	if (!range) {
		jit_update(space);
		range = symbol_ranges_find(&jit->names.ranges, address, &limit);
	}
	*why = jit->untrusted ? WHY_UNTRUSTED : limit || jit->limit ? WHY_LIMIT : WHY_ANONYMOUS;
	if (!range)
		return NULL;
	name = jit->names.names.data + range->value;
	*why = WHY_LIMIT;
	return *name ? symbol_string(space->symbolizer, name, strlen(name)) : NULL;
}
