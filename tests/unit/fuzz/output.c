/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What must hold of a row of output.h for any event whatever, as the kernel side could never make
 * it: strings anywhere and of any length, any number.  Read back by parsers of its own.
 *
 * The first byte of the input chooses the time format, the rest is the record. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/output.h"
#include "lib/text.h"

#define VIOLATED(cond)                \
	do {                          \
		if (cond)             \
			return #cond; \
	} while (0)

/* An event with a member of every kind. */
struct any_event {
	struct task_info task;
	__u64 lat_ns;
	__u64 bytes;
	__s64 s64;
	__s32 ret;
	__u32 mode;
	__u32 dev;
	__u32 absent;
	char name[12];
	struct bytes text;
	struct bytes path;
	struct bytes args;
};

static unsigned int any_depth(const void *event, size_t size)
{
	(void)size;
	return ((const struct any_event *)event)->mode;
}

static const struct column any_columns[] = {
	COL_TIME,
	COL_COMM(struct any_event),
	COL_PID(struct any_event),
	COL(struct any_event, "LAT", lat_ns, 7, "", .fmt = FMT_DURATION),
	COL(struct any_event, "BYTES", bytes, 6, "", .fmt = FMT_SIZE),
	COL(struct any_event, "S64", s64, 6, ""),
	COL(struct any_event, "RET", ret, 6, "", .fmt = FMT_ERRNO),
	COL(struct any_event, "MODE", mode, 5, "", .fmt = FMT_OCTAL),
	COL(struct any_event, "DEV", dev, 7, "", .fmt = FMT_DEVICE),
	COL(struct any_event, "ABSENT", absent, 6, "", .flags = COL_ABSENT, .absent = UINT32_MAX),
	COL(struct any_event, "NAME", name, -11, ""),
	COL(struct any_event, "TEXT", text, -10, ""),
	COL(struct any_event, "PATH", path, -20, "", .fmt = FMT_PATH),
	COL(struct any_event, "ARGS", args, 0, "", .fmt = FMT_ARGS, .indent = any_depth),
	COL_END,
};

#define ANY_COLUMNS (sizeof(any_columns) / sizeof(any_columns[0]) - 1)

/* ---- UTF-8 ---- */

static size_t utf8_decode(const uint8_t *p, const uint8_t *end, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len, i;

	len = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
	if (!len || len > (size_t)(end - p))
		return 0;
	*ret = len == 1 ? *p : *p & (0xffu >> (len + 1));
	for (i = 1; i < len; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		*ret = *ret << 6 | (p[i] & 0x3f);
	}
	return *ret < least[len] || *ret > 0x10ffff || (*ret >= 0xd800 && *ret < 0xe000) ? 0 : len;
}

static void utf8_encode(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_char(b, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_char(b, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			buf_char(b, (char)(0xe0 | c >> 12));
		} else {
			buf_char(b, (char)(0xf0 | c >> 18));
			buf_char(b, (char)(0x80 | (c >> 12 & 63)));
		}
		buf_char(b, (char)(0x80 | (c >> 6 & 63)));
	}
	buf_char(b, (char)(0x80 | (c & 63)));
}

static bool utf8_valid(const void *s, size_t n)
{
	const uint8_t *p = s, *end = p + n;
	uint32_t c;
	size_t len;

	for (; p < end; p += len) {
		len = utf8_decode(p, end, &c);
		if (!len)
			return false;
	}
	return true;
}

/* Well-formed, and nothing in it that moves a cursor or reorders what is on a line, but for the
 * line ends at its end. */
static const char *row_violation(const struct buf *row, const char *line_end)
{
	size_t end_len = strlen(line_end), len;
	const uint8_t *p = (const uint8_t *)row->data, *end = p + row->len;
	uint32_t c;

	VIOLATED(row->failed || row->len < end_len);
	VIOLATED(memcmp(end - end_len, line_end, end_len));
	for (end -= end_len; p < end; p += len) {
		len = utf8_decode(p, end, &c);
		VIOLATED(!len);
		VIOLATED(c < 0x20 || (c >= 0x7f && c < 0xa0));
		VIOLATED(c >= 0x2028 && c <= 0x202e);
		VIOLATED(c >= 0x200b && c <= 0x200f);
		VIOLATED(c >= 0x2066 && c <= 0x2069);
	}
	return NULL;
}

/* ---- JSON (RFC 8259) ---- */

/* One member: what kind its value is, and its strings, each decoded and ended by "\0". */
struct member {
	char key[40];
	char kind;	 /* s string, a array of strings, n number, t, f, 0 null */
	struct buf text; /* of a number: as written */
	size_t strings;
};

static struct member members[4 * ANY_COLUMNS];
static size_t member_count;

static const struct member *member_find(const char *key, const char *suffix)
{
	char whole[64];

	snprintf(whole, sizeof(whole), "%s%s", key, suffix);
	for (size_t i = 0; i < member_count; i++)
		if (!strcmp(members[i].key, whole))
			return &members[i];
	return NULL;
}

static bool take(const char **p, const char *end, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(end - *p) < n || memcmp(*p, word, n))
		return false;
	*p += n;
	return true;
}

static const char *parse_unit(const char **p, const char *end, uint32_t *ret)
{
	VIOLATED(end - *p < 4);
	*ret = 0;
	for (int i = 0; i < 4; i++, ++*p) {
		char c = **p;

		VIOLATED(!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')));
		*ret = *ret << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return NULL;
}

static const char *parse_string(const char **p, const char *end, struct buf *to)
{
	const char *err;
	uint32_t c, low;

	VIOLATED(!take(p, end, "\""));
	while (!take(p, end, "\"")) {
		VIOLATED(*p >= end || (uint8_t) * *p < 0x20);
		if (**p != '\\') {
			buf_char(to, *(*p)++);
			continue;
		}
		VIOLATED(end - ++*p < 1);
		if (**p != 'u') {
			VIOLATED(!memchr("\"\\/bfnrt", **p, 8));
			buf_char(to, *(*p)++);
			continue;
		}
		++*p;
		err = parse_unit(p, end, &c);
		if (err)
			return err;
		VIOLATED(c >= 0xdc00 && c < 0xe000);
		if (c >= 0xd800 && c < 0xdc00) {
			VIOLATED(!take(p, end, "\\u"));
			err = parse_unit(p, end, &low);
			if (err)
				return err;
			VIOLATED(low < 0xdc00 || low >= 0xe000);
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		}
		utf8_encode(to, c);
	}
	return NULL;
}

static const char *parse_value(const char **p, const char *end, struct member *m)
{
	const char *start = *p;
	const char *err;

	if (**p == '"') {
		m->kind = 's';
		m->strings = 1;
		return parse_string(p, end, &m->text);
	}
	if (take(p, end, "[")) {
		m->kind = 'a';
		if (take(p, end, "]"))
			return NULL;
		do {
			err = parse_string(p, end, &m->text);
			if (err)
				return err;
			buf_char(&m->text, '\0');
			m->strings++;
		} while (take(p, end, ","));
		VIOLATED(!take(p, end, "]"));
		return NULL;
	}
	m->kind = take(p, end, "null") ? '0' : take(p, end, "true") ? 't' : 'n';
	if (m->kind != 'n')
		return NULL;
	take(p, end, "-");
	VIOLATED(*p >= end || **p < '0' || **p > '9');
	VIOLATED(**p == '0' && end - *p > 1 && (*p)[1] >= '0' && (*p)[1] <= '9');
	while (*p < end && **p >= '0' && **p <= '9')
		++*p;
	buf_add(&m->text, start, (size_t)(*p - start));
	return NULL;
}

static const char *parse_object(const struct buf *row)
{
	const char *p = row->data, *end = p + row->len, *err;
	struct buf key = {};

	member_count = 0;
	VIOLATED(!take(&p, end, "{"));
	do {
		struct member *m = &members[member_count];

		VIOLATED(member_count == sizeof(members) / sizeof(members[0]));
		buf_reset(&m->text);
		m->strings = 0;
		buf_reset(&key);
		err = parse_string(&p, end, &key);
		if (!err && (key.len >= sizeof(m->key) || !key.len))
			err = "the length of a key";
		snprintf(m->key, sizeof(m->key), "%.*s", (int)key.len, key.len ? key.data : "");
		if (!err && member_find(m->key, ""))
			err = "a key twice";
		if (!err && !take(&p, end, ":"))
			err = "no colon";
		if (!err)
			err = parse_value(&p, end, m);
		if (err)
			goto out;
		member_count++;
	} while (take(&p, end, ","));
	err = take(&p, end, "}\n") && p == end ? NULL : "the end of the object";
out:
	buf_done(&key);
	return err;
}

/* Whether *hex* has the bytes of s. */
static bool hex_is(const char *hex, size_t hex_len, const uint8_t *s, size_t n)
{
	char two[3];

	if (hex_len != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		snprintf(two, sizeof(two), "%02x", s[i]);
		if (memcmp(hex + 2 * i, two, 2))
			return false;
	}
	return true;
}

/* Text of the event against its members: exact, if need be in hex; marked as what it is. */
static const char *text_violation(const struct column *c, const struct value *v)
{
	const struct member *m = member_find(c->key, ""), *hex = member_find(c->key, "_hex");
	bool valid = v->kind != VALUE_TEXT || utf8_valid(v->data, v->len),
	     args = c->fmt == FMT_ARGS;
	bool text = v->kind == VALUE_TEXT, cut = v->flags & (BYTES_TRUNCATED | BYTES_FRONT_CUT);
	const char *p, *end, *out, *out_hex;

	VIOLATED(!m);
	if (!text) {
		VIOLATED(m->kind != '0' || hex);
		return NULL;
	}
	VIOLATED(m->kind != (args ? 'a' : 's'));
	VIOLATED(cut != !!member_find(c->key, "_truncated"));
	VIOLATED(!!(v->flags & BYTES_DELETED) != !!member_find(c->key, "_deleted"));
	VIOLATED(!!(v->flags & BYTES_DETACHED) != !!member_find(c->key, "_unreachable"));
	VIOLATED(valid != !hex && !args);
	VIOLATED(valid && hex);
	if (!args) {
		VIOLATED(valid && (m->text.len != v->len ||
				   (v->len && memcmp(m->text.data, v->data, v->len))));
		VIOLATED(hex && (hex->kind != 's' || !hex_is(hex->text.data, hex->text.len,
							     (const uint8_t *)v->data, v->len)));
		return NULL;
	}
	/* Every argument by itself. */
	VIOLATED(hex && (hex->kind != 'a' || hex->strings != m->strings));
	p = v->data;
	end = p + v->len;
	out = m->text.data;
	out_hex = hex ? hex->text.data : NULL;
	for (size_t i = 0; i < m->strings; i++) {
		size_t len = strnlen(p, (size_t)(end - p));

		VIOLATED(p >= end);
		VIOLATED(utf8_valid(p, len) && (strlen(out) != len || memcmp(out, p, len)));
		VIOLATED(!utf8_valid(p, len) && !hex);
		if (hex) {
			VIOLATED(!hex_is(out_hex, strlen(out_hex), (const uint8_t *)p, len));
			out_hex += strlen(out_hex) + 1;
		}
		out += strlen(out) + 1;
		p += len + 1;
	}
	VIOLATED(p < end);
	return NULL;
}

static const char *json_violation(const struct output *o, const void *event, size_t size)
{
	const struct any_event *ev = event;
	const char *err = row_violation(&o->buf, "\n");
	char number[32];

	err = err ?: parse_object(&o->buf);
	if (err)
		return err;
	VIOLATED(strcmp(members[0].key, "type") || members[0].kind != 's');
	VIOLATED(strcmp(members[1].key, "time") || members[1].text.len != 30);
	VIOLATED(strcmp(members[2].key, "boot_ns") || members[2].kind != 'n');
	snprintf(number, sizeof(number), "%llu", (unsigned long long)ev->task.boot_ns);
	VIOLATED(members[2].text.len != strlen(number) ||
		 memcmp(members[2].text.data, number, strlen(number)));
	for (const struct column *c = any_columns; c->header; c++) {
		const struct member *m = member_find(c->key, "");
		struct value v;

		VIOLATED(!m);
		if (c->kind == COLUMN_TIME)
			continue;
		column_value(c, event, size, &v);
		if (c->kind == COLUMN_CHARS || c->kind == COLUMN_BYTES) {
			err = text_violation(c, &v);
			if (err)
				return err;
		} else if (v.kind == VALUE_ABSENT) {
			VIOLATED(m->kind != '0');
		} else if (c->fmt == FMT_DEVICE || c->fmt == FMT_OCTAL) {
			VIOLATED(m->kind != 's');
		} else {
			VIOLATED(m->kind != 'n');
			if (v.kind == VALUE_INT)
				snprintf(number, sizeof(number), "%lld", (long long)v.number);
			else
				snprintf(number, sizeof(number), "%llu",
					 (unsigned long long)v.number);
			VIOLATED(m->text.len != strlen(number) ||
				 memcmp(m->text.data, number, strlen(number)));
		}
	}
	return NULL;
}

/* ---- CSV (RFC 4180) and the table ---- */

static const char *csv_violation(const struct output *o)
{
	const char *p = o->buf.data, *end = p + o->buf.len - 2, *err;
	size_t fields = 1;

	err = row_violation(&o->buf, "\r\n");
	if (err)
		return err;
	while (p < end) {
		if (*p == '"') {
			for (p++;; p++) {
				VIOLATED(p >= end);
				if (*p == '"' && (++p >= end || *p != '"'))
					break;
			}
			VIOLATED(p < end && *p != ',');
		} else {
			while (p < end && *p != ',')
				VIOLATED(*p++ == '"');
		}
		if (p < end) {
			p++;
			fields++;
		}
	}
	VIOLATED(fields != o->columns.count);
	return NULL;
}

static const char *output_violation(const uint8_t *data, size_t size, enum output_time time)
{
	static const enum output_format formats[] = { OUTPUT_JSON, OUTPUT_CSV, OUTPUT_TABLE };
	const char *err = NULL;
	char why[256];
	void *event;

	if (size < sizeof(struct any_event))
		size = sizeof(struct any_event);
	event = calloc(1, size); /* exactly as long, so that the sanitizer sees more */
	memcpy(event, data, size);
	for (size_t i = 0; !err && i < 3; i++) {
		struct output o = { .fd = -1, .format = formats[i], .time = time, .event = "any" };

		if (columns_select(&o.columns, any_columns, "all", false, why) || output_init(&o))
			err = "no writer";
		if (!err) {
			output_event(&o, event, size);
			err = formats[i] == OUTPUT_JSON ? json_violation(&o, event, size) :
			      formats[i] == OUTPUT_CSV	? csv_violation(&o) :
							  row_violation(&o.buf, "\n");
		}
		output_done(&o);
	}
	free(event);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t record[sizeof(struct any_event) + 4096] = {};
	const char *err;

	text_init();
	if (!size)
		return 0;
	size--;
	if (size > sizeof(record))
		size = sizeof(record);
	memcpy(record, data + 1, size);
	err = output_violation(record, size, data[0] % 5);
	if (err) {
		fprintf(stderr, "broken promise: %s\n", err);
		abort();
	}
	return 0;
}
