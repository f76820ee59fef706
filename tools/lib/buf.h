/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A growable output buffer.
 *
 * A row is put together here and leaves in one write.  Nothing returns an error
 * on the way: running out of memory sets *failed*, after which everything that is
 * added is dropped, and the caller looks once, before it writes the row. */
#ifndef CORELETS_BUF_H
#define CORELETS_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Zero-initialised is empty.  data[0..len) is the content, without a final NUL;
 * data is NULL until something was added. */
struct buf {
	char *data;
	size_t len;
	size_t cap;
	bool failed; /* out of memory: the content lacks something */
};

/* Frees the content and leaves an empty buffer.  Takes NULL. */
void buf_done(struct buf *b);

/* Makes room for n more bytes; the slow half of buf_room(). */
char *buf_grow(struct buf *b, size_t n);

/* Adds what printf() would print, for the cold path. */
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds v in decimal. */
void buf_u64(struct buf *b, uint64_t v);
void buf_s64(struct buf *b, int64_t v);

/* Adds v in lowercase hex, without prefix, with leading zeros up to *digits*
 * digits (0 or 1: as many as it takes; more than 16 count as 16). */
void buf_hex(struct buf *b, uint64_t v, unsigned int digits);

/* Adds n spaces. */
void buf_pad(struct buf *b, size_t n);

/* Empties the buffer and forgets a failure; the memory stays for the next row. */
static inline void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = false;
}

/* At least n bytes that can be written at the end, to be followed by
 * b->len += (bytes written).  NULL if there is no memory, or was none before. */
static inline char *buf_room(struct buf *b, size_t n)
{
	if (__builtin_expect(b->failed || b->cap - b->len < n || !b->data, 0))
		return buf_grow(b, n);
	return b->data + b->len;
}

/* Adds n bytes; s may be NULL if n is 0. */
static inline void buf_add(struct buf *b, const void *s, size_t n)
{
	char *p;

	if (!n)
		return;
	p = buf_room(b, n);
	if (!p)
		return;
	memcpy(p, s, n);
	b->len += n;
}

static inline void buf_char(struct buf *b, char c)
{
	char *p = buf_room(b, 1);

	if (!p)
		return;
	*p = c;
	b->len++;
}

static inline void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

#endif
