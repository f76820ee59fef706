/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What must hold of text.h for any bytes whatever.  Checked with decoders of its
 * own, which share nothing with text.c but the C library's widths.
 *
 * The first byte of the input is the width for text_put_max(), the rest the text. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "lib/text.h"

#define VIOLATED(cond)                \
	do {                          \
		if (cond)             \
			return #cond; \
	} while (0)

static int oracle_width(uint32_t cp)
{
	static locale_t loc;
	locale_t old;
	int width;

	if (!loc)
		loc = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!loc)
		return cp < 0x80 ? 1 : -1;
	old = uselocale(loc);
	width = wcwidth((wchar_t)cp);
	uselocale(old);
	return width;
}

/* By arithmetic: bits first, then whether they needed that many bytes. */
static size_t oracle_decode(const uint8_t *p, size_t n, uint32_t *ret_cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len, i;
	uint32_t cp;

	if (!n)
		return 0;
	len = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
	if (!len || len > n)
		return 0;
	cp = len == 1 ? p[0] : p[0] & (0xffu >> (len + 1));
	for (i = 1; i < len; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		cp = cp << 6 | (p[i] & 0x3f);
	}
	if (cp < least[len] || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
		return 0;
	*ret_cp = cp;
	return len;
}

static void oracle_encode(struct buf *b, uint32_t cp)
{
	if (cp < 0x80) {
		buf_char(b, (char)cp);
	} else if (cp < 0x800) {
		buf_char(b, (char)(0xc0 | cp >> 6));
		buf_char(b, (char)(0x80 | (cp & 63)));
	} else if (cp < 0x10000) {
		buf_char(b, (char)(0xe0 | cp >> 12));
		buf_char(b, (char)(0x80 | (cp >> 6 & 63)));
		buf_char(b, (char)(0x80 | (cp & 63)));
	} else {
		buf_char(b, (char)(0xf0 | cp >> 18));
		buf_char(b, (char)(0x80 | (cp >> 12 & 63)));
		buf_char(b, (char)(0x80 | (cp >> 6 & 63)));
		buf_char(b, (char)(0x80 | (cp & 63)));
	}
}

static bool oracle_valid(const uint8_t *p, size_t n)
{
	uint32_t cp;
	size_t len;

	for (; n; p += len, n -= len) {
		len = oracle_decode(p, n, &cp);
		if (!len)
			return false;
	}
	return true;
}

/* May this be sent to a terminal? */
static bool oracle_harmless(uint32_t cp)
{
	return !(cp < 0x20 || (cp >= 0x7f && cp <= 0x9f) || cp == 0xad || cp == 0x34f ||
		 cp == 0x61c || cp == 0x115f || cp == 0x1160 || cp == 0x180e ||
		 (cp >= 0x200b && cp <= 0x200f) || (cp >= 0x2028 && cp <= 0x202e) ||
		 (cp >= 0x2060 && cp <= 0x206f) || cp == 0x3164 || (cp >= 0xd800 && cp <= 0xf8ff) ||
		 (cp >= 0xfdd0 && cp <= 0xfdef) || (cp >= 0xfe00 && cp <= 0xfe0f) || cp == 0xfeff ||
		 cp == 0xffa0 || (cp >= 0xfff9 && cp <= 0xfffb) || (cp & 0xfffe) == 0xfffe ||
		 (cp >= 0xe0000 && cp <= 0xe0fff) || cp >= 0xf0000 || cp == 0x2026 ||
		 oracle_width(cp) < 0);
}

/* Checks that all of it is harmless, and measures it. */
static const char *oracle_shown(const char *s, size_t n, size_t *ret_width)
{
	const uint8_t *p = (const uint8_t *)s;
	unsigned int marks = 0;
	size_t len, width = 0;
	bool base = false;
	uint32_t cp;

	for (; n; p += len, n -= len) {
		len = oracle_decode(p, n, &cp);
		VIOLATED(!len);
		VIOLATED(!oracle_harmless(cp));
		if (oracle_width(cp)) {
			base = true;
			marks = 0;
		} else {
			VIOLATED(!base);
			VIOLATED(++marks > 8);
		}
		width += (size_t)oracle_width(cp);
	}
	*ret_width = width;
	return NULL;
}

static int hex_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One character or escape of text_put(): its bytes, and what it stands for.
 * Returns 0 if it is neither. */
static size_t token_decode(const char *s, size_t n, struct buf *out)
{
	uint32_t cp = 0;
	size_t i;

	if (!n)
		return 0;
	if (s[0] != '\\') {
		i = oracle_decode((const uint8_t *)s, n, &cp);
		buf_add(out, s, i);
		return i;
	}
	if (n >= 4 && s[1] == 'x' && hex_value(s[2]) >= 0 && hex_value(s[3]) >= 0) {
		buf_char(out, (char)(hex_value(s[2]) << 4 | hex_value(s[3])));
		return 4;
	}
	if (n < 3 || s[1] != 'u' || s[2] != '{')
		return 0;
	for (i = 3; i < n && hex_value(s[i]) >= 0; i++)
		cp = cp << 4 | (uint32_t)hex_value(s[i]);
	if (i == n || s[i] != '}' || i < 7 || i > 9 || cp < 0x80 || cp > 0x10ffff)
		return 0;
	oracle_encode(out, cp);
	return i + 1;
}

static const char *put_violation(const struct buf *put, size_t width, const uint8_t *s, size_t n,
				 struct buf *tmp)
{
	size_t shown, len, i;
	const char *err;

	err = oracle_shown(put->data, put->len, &shown);
	if (err)
		return err;
	VIOLATED(shown != width);
	VIOLATED(text_width(s, n) != width);
	buf_reset(tmp);
	for (i = 0; i < put->len; i += len) {
		len = token_decode(put->data + i, put->len - i, tmp);
		VIOLATED(!len);
	}
	VIOLATED(tmp->len != n || (n && memcmp(tmp->data, s, n)));
	return NULL;
}

static const char *max_violation(const struct buf *put, size_t width, const uint8_t *s, size_t n,
				 size_t columns, struct buf *b, struct buf *tmp)
{
	size_t cols, shown, next, len, i;
	const char *err;
	bool cut;

	buf_reset(b);
	buf_str(b, "before");
	cols = text_put_max(b, s, n, columns, &cut);
	VIOLATED(b->len < 6 || memcmp(b->data, "before", 6));
	memmove(b->data, b->data + 6, b->len -= 6);
	VIOLATED(cols > columns);
	VIOLATED(cut != (width > columns));
	if (!cut) {
		VIOLATED(cols != width);
		VIOLATED(b->len != put->len || (b->len && memcmp(b->data, put->data, b->len)));
		return NULL;
	}
	if (!columns) {
		VIOLATED(b->len);
		return NULL;
	}
	VIOLATED(b->len < 3 || memcmp(b->data + b->len - 3, "\xe2\x80\xa6", 3));
	b->len -= 3;
	VIOLATED(b->len >= put->len || memcmp(b->data, put->data, b->len));
	err = oracle_shown(b->data, b->len, &shown);
	if (err)
		return err;
	VIOLATED(shown + 1 != cols);
	buf_reset(tmp);
	for (i = 0; i < b->len; i += len)
		len = token_decode(put->data + i, put->len - i, tmp);
	VIOLATED(i != b->len); /* not inside an escape */
	len = token_decode(put->data + i, put->len - i, tmp);
	err = oracle_shown(put->data + i, len, &next); /* nor before a mark */
	if (err)
		return err;
	VIOLATED(shown + next < columns); /* there was room for more */
	return NULL;
}

static const char *arg_violation(const struct buf *arg, size_t width, const uint8_t *s, size_t n,
				 struct buf *tmp)
{
	static const char bare[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_@%+=:,./-";
	const char *p = arg->data, *end = p + arg->len;
	const char *err;
	size_t shown;

	err = oracle_shown(arg->data, arg->len, &shown);
	if (err)
		return err;
	VIOLATED(shown != width);
	VIOLATED(!arg->len);
	buf_reset(tmp);
	if (*p == '\'') {
		VIOLATED(arg->len < 2 || end[-1] != '\'');
		buf_add(tmp, p + 1, arg->len - 2);
		VIOLATED(tmp->len && memchr(tmp->data, '\'', tmp->len));
		VIOLATED(tmp->len && memchr(tmp->data, '\\', tmp->len));
	} else if (*p == '$') {
		VIOLATED(arg->len < 3 || p[1] != '\'' || *--end != '\'');
		for (p += 2; p < end; p++) {
			VIOLATED(*p == '\'' || *p == '!');
			if (*p != '\\') {
				buf_char(tmp, *p);
				continue;
			}
			VIOLATED(++p == end);
			if (*p == '\\' || *p == '\'') {
				buf_char(tmp, *p);
				continue;
			}
			VIOLATED(*p != 'x' || end - p < 3);
			VIOLATED(hex_value(p[1]) < 0 || hex_value(p[2]) < 0);
			buf_char(tmp, (char)(hex_value(p[1]) << 4 | hex_value(p[2])));
			p += 2;
		}
	} else {
		VIOLATED(*p == '=');
		for (; p < end; p++)
			VIOLATED(!memchr(bare, *p, sizeof(bare) - 1));
		buf_add(tmp, arg->data, arg->len);
	}
	VIOLATED(tmp->len != n || (n && memcmp(tmp->data, s, n)));
	return NULL;
}

static int json_unit(const char *s, const char *end, uint32_t *ret)
{
	int i;

	if (end - s < 6 || s[0] != '\\' || s[1] != 'u')
		return -1;
	for (*ret = 0, i = 2; i < 6; i++) {
		if (hex_value(s[i]) < 0)
			return -1;
		*ret = *ret << 4 | (uint32_t)hex_value(s[i]);
	}
	return 0;
}

static const char *json_violation(const struct buf *json, bool valid, const uint8_t *s, size_t n,
				  struct buf *tmp)
{
	const char *p = json->data, *end = p + json->len;
	uint32_t unit, low;
	const char *err;
	bool replaced = false;
	size_t width;

	err = oracle_shown(json->data, json->len, &width);
	if (err)
		return err;
	VIOLATED(valid != oracle_valid(s, n));
	VIOLATED(json->len < 2 || *p != '"' || end[-1] != '"');
	buf_reset(tmp);
	for (p++, end--; p < end; p++) {
		VIOLATED(*p == '"');
		if (*p != '\\') {
			buf_char(tmp, *p);
			continue;
		}
		VIOLATED(p + 1 == end);
		if (p[1] == '"' || p[1] == '\\') {
			buf_char(tmp, *++p);
			continue;
		}
		VIOLATED(json_unit(p, end, &unit) < 0);
		p += 5;
		VIOLATED(unit >= 0xdc00 && unit < 0xe000);
		if (unit >= 0xd800 && unit < 0xdc00) {
			VIOLATED(json_unit(p + 1, end, &low) < 0);
			VIOLATED(low < 0xdc00 || low > 0xdfff);
			p += 6;
			unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
		}
		replaced |= unit == 0xfffd;
		oracle_encode(tmp, unit);
	}
	VIOLATED(replaced && valid && oracle_width(0xfffd) >= 0);
	VIOLATED(!replaced && !valid);
	VIOLATED(valid && (tmp->len != n || (n && memcmp(tmp->data, s, n))));
	return NULL;
}

static const char *csv_violation(const struct buf *csv, const struct buf *put, struct buf *tmp)
{
	const char *p = csv->data, *end = p + csv->len;
	const char *err;
	size_t width;

	err = oracle_shown(csv->data, csv->len, &width);
	if (err)
		return err;
	VIOLATED(!csv->len);
	buf_reset(tmp);
	if (*p == '"') {
		VIOLATED(csv->len < 2 || *--end != '"');
		for (p++; p < end; p++) {
			VIOLATED(*p == '"' && (++p == end || *p != '"'));
			buf_char(tmp, *p);
		}
	} else {
		VIOLATED(*p == ' ' || end[-1] == ' ');
		VIOLATED(csv->len == 1 && (*p == '?' || *p == '-'));
		VIOLATED(memchr(p, '"', csv->len) || memchr(p, ',', csv->len));
		buf_add(tmp, p, csv->len);
	}
	VIOLATED(tmp->len != put->len || (put->len && memcmp(tmp->data, put->data, put->len)));
	return NULL;
}

/* Says which promise these n bytes break; NULL if none. */
static const char *text_violation(const uint8_t *s, size_t n, size_t columns)
{
	struct buf put = {}, b = {}, tmp = {};
	const char *err;
	size_t width, i;
	bool valid;

	width = text_put(&put, s, n);
	err = put_violation(&put, width, s, n, &tmp);
	if (err)
		goto out;
	err = max_violation(&put, width, s, n, columns, &b, &tmp);
	if (err)
		goto out;
	buf_reset(&b);
	width = text_put_arg(&b, s, n);
	err = arg_violation(&b, width, s, n, &tmp);
	if (err)
		goto out;
	buf_reset(&b);
	width = text_put_arg0(&b, s, n);
	err = arg_violation(&b, width, s, n, &tmp);
	if (err)
		goto out;
	if (n && memchr(s, '=', n) && b.data[0] != '\'' && b.data[0] != '$') {
		err = "text_put_arg0: assignment";
		goto out;
	}
	buf_reset(&b);
	valid = text_json(&b, s, n);
	err = json_violation(&b, valid, s, n, &tmp);
	if (err)
		goto out;
	buf_reset(&b);
	text_csv(&b, s, n);
	err = csv_violation(&b, &put, &tmp);
	if (err)
		goto out;
	buf_reset(&b);
	text_hex(&b, s, n);
	for (i = 0; !err && i < n; i++)
		if (hex_value(b.data[2 * i]) << 4 != (s[i] & 0xf0) ||
		    hex_value(b.data[2 * i + 1]) != (s[i] & 15))
			err = "text_hex";
	if (b.len != 2 * n)
		err = "text_hex: length";
	if (b.failed || put.failed || tmp.failed)
		err = "out of memory";
out:
	buf_done(&put);
	buf_done(&b);
	buf_done(&tmp);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *err;

	text_init();
	if (!size)
		return 0;
	err = text_violation(data + 1, size - 1, data[0]);
	if (err) {
		fprintf(stderr, "broken promise: %s\n", err);
		abort();
	}
	return 0;
}
