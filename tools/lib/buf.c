/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "buf.h"

#define BUF_MIN 256

void buf_done(struct buf *b)
{
	if (!b)
		return;
	free(b->data);
	*b = (struct buf){};
}

char *buf_grow(struct buf *b, size_t n)
{
	size_t need, cap = b->cap;
	char *data;

	if (b->failed)
		return NULL;
	if (__builtin_add_overflow(b->len, n, &need))
		goto fail;
	if (need > cap || !b->data) {
		if (cap > SIZE_MAX / 2)
			goto fail;
		cap *= 2;
		if (cap < BUF_MIN)
			cap = BUF_MIN;
		if (cap < need)
			cap = need;
		data = realloc(b->data, cap);
		if (!data)
			goto fail;
		b->data = data;
		b->cap = cap;
	}
	return b->data + b->len;
fail:
	b->failed = true;
	return NULL;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = true;
		return;
	}
	p = buf_room(b, (size_t)n + 1); /* the NUL is written, but not content */
	if (!p)
		return;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

/* clang-format off */
static const char digit_pairs[] =
	"00010203040506070809" "10111213141516171819"
	"20212223242526272829" "30313233343536373839"
	"40414243444546474849" "50515253545556575859"
	"60616263646566676869" "70717273747576777879"
	"80818283848586878889" "90919293949596979899";
/* clang-format on */

void buf_u64(struct buf *b, uint64_t v)
{
	char tmp[20], *p = tmp + sizeof(tmp);

	while (v >= 100) {
		p -= 2;
		memcpy(p, digit_pairs + v % 100 * 2, 2);
		v /= 100;
	}
	if (v >= 10) {
		p -= 2;
		memcpy(p, digit_pairs + v * 2, 2);
	} else {
		*--p = (char)('0' + v);
	}
	buf_add(b, p, (size_t)(tmp + sizeof(tmp) - p));
}

void buf_s64(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_char(b, '-');
	buf_u64(b, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

void buf_hex(struct buf *b, uint64_t v, unsigned int digits)
{
	char tmp[16], *p = tmp + sizeof(tmp), *pad;

	if (digits > sizeof(tmp))
		digits = sizeof(tmp);
	pad = p - digits;
	do {
		*--p = "0123456789abcdef"[v & 15];
		v >>= 4;
	} while (v || p > pad);
	buf_add(b, p, (size_t)(tmp + sizeof(tmp) - p));
}

void buf_pad(struct buf *b, size_t n)
{
	char *p = n ? buf_room(b, n) : NULL;

	if (!p)
		return;
	memset(p, ' ', n);
	b->len += n;
}
