/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/error.h"
#include "lib/output.h"
#include "lib/text.h"
#include "lib/util.h"

#define FLUSH_AT   (64 << 10)
#define SLOW_CHUNK 4096 /* PIPE_BUF: what a pipe takes without blocking once poll() says so */
#define NS_PER_SEC 1000000000ull
#define INDENT_MAX 20

void output_sync_clocks(struct output *output)
{
	int64_t boot = clock_ns(CLOCK_BOOTTIME);

	output->real_offset = clock_ns(CLOCK_REALTIME) - boot;
	output->mono_offset = clock_ns(CLOCK_MONOTONIC) - boot;
}

int output_init(struct output *output)
{
	struct stat st;

	output->slow = fstat(output->fd, &st) || !S_ISREG(st.st_mode);
	output_sync_clocks(output);
	if (output->time == TIME_NONE)
		columns_drop(&output->columns, COLUMN_TIME);
	for (size_t i = 0; i < output->columns.count; i++) {
		buf_char(&output->keys[i], ',');
		text_json(&output->keys[i], output->columns.shown[i]->key,
			  strlen(output->columns.shown[i]->key));
		buf_char(&output->keys[i], ':');
		if (output->keys[i].failed)
			return -ENOMEM;
	}
	return 0;
}

void output_done(struct output *output)
{
	for (size_t i = 0; i < ARRAY_SIZE(output->keys); i++)
		buf_done(&output->keys[i]);
	buf_done(&output->buf);
	buf_done(&output->cell);
}

int output_flush(struct output *output)
{
	struct buf *b = &output->buf;
	size_t done = 0;

	if (b->failed && !output->error)
		output->error = -ENOMEM;
	while (done < b->len && !output->error) {
		size_t n = b->len - done;
		ssize_t written;

		if (output->slow) {
			if (n > SLOW_CHUNK)
				n = SLOW_CHUNK;
			if (output->waiting && !output->waiting(output->context, output->fd)) {
				output->error = -ECANCELED;
				break;
			}
		}
		written = write(output->fd, b->data + done, n);
		if (written >= 0)
			done += written;
		else if (errno != EINTR && errno != EAGAIN)
			output->error = -errno;
	}
	buf_reset(b);
	return output->error;
}

/* ---- times and numbers ---- */

void output_time_utc(struct buf *b, uint64_t ns)
{
	time_t seconds = ns / NS_PER_SEC;
	struct tm tm;

	gmtime_r(&seconds, &tm);
	buf_printf(b, "%04d-%02d-%02dT%02d:%02d:%02d.%09luZ", tm.tm_year + 1900, tm.tm_mon + 1,
		   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned long)(ns % NS_PER_SEC));
}

static void put_fraction(struct buf *b, uint64_t v, int digits)
{
	char *p = buf_room(b, digits);

	if (!p)
		return;
	b->len += digits;
	while (digits--) {
		p[digits] = '0' + v % 10;
		v /= 10;
	}
}

/* The time column; what is the same for a whole second is formatted once. */
static void put_time(struct output *output, struct buf *b, uint64_t boot_ns)
{
	uint64_t real = boot_ns + output->real_offset, mono = boot_ns + output->mono_offset, delta;
	bool json = output->format == OUTPUT_JSON;
	time_t second = real / NS_PER_SEC;
	struct tm tm;

	if (json || output->time == TIME_ISO || output->time == TIME_CLOCK) {
		bool utc = json || output->time == TIME_ISO;

		if (output->second != second || !output->second_text[0]) {
			if (utc)
				gmtime_r(&second, &tm);
			else
				localtime_r(&second, &tm);
			strftime(output->second_text, sizeof(output->second_text),
				 utc ? "%Y-%m-%dT%H:%M:%S" : "%H:%M:%S", &tm);
			output->second = second;
		}
		buf_str(b, output->second_text);
		if (!utc)
			return;
		buf_char(b, '.');
		put_fraction(b, real % NS_PER_SEC, 9);
		buf_char(b, 'Z');
		return;
	}
	if (output->time == TIME_MONO) {
		buf_u64(b, mono / NS_PER_SEC);
		buf_char(b, '.');
		put_fraction(b, mono % NS_PER_SEC / 1000, 6);
		return;
	}
	/* Rows of several CPUs may come out of order by a little: no negative interval. */
	delta = output->last_boot_ns && boot_ns > output->last_boot_ns ?
			boot_ns - output->last_boot_ns :
			0;
	if (boot_ns > output->last_boot_ns)
		output->last_boot_ns = boot_ns;
	buf_u64(b, delta / NS_PER_SEC);
	buf_char(b, '.');
	put_fraction(b, delta % NS_PER_SEC / 1000, 6);
}

/* Three significant digits of v * scale, with a unit. */
static size_t put_scaled(struct buf *b, double v, const char *unit)
{
	size_t before = b->len;

	buf_printf(b, "%.*f%s", v < 9.995 ? 2 : v < 99.95 ? 1 : 0, v, unit);
	return b->len - before;
}

size_t output_duration(struct buf *b, uint64_t ns)
{
	size_t before = b->len;

	if (ns < 1000) {
		buf_u64(b, ns);
		buf_str(b, "ns");
		return b->len - before;
	}
	if (ns < 999500)
		return put_scaled(b, ns / 1e3, "us");
	if (ns < 999500000)
		return put_scaled(b, ns / 1e6, "ms");
	return put_scaled(b, ns / 1e9, "s");
}

size_t output_size(struct buf *b, uint64_t bytes)
{
	size_t before = b->len;

	if (bytes < 1024) {
		buf_u64(b, bytes);
		return b->len - before;
	}
	if (bytes < 1024 * 1024 * 9995ull / 10000)
		return put_scaled(b, bytes / 1024.0, "K");
	if (bytes < 1024ull * 1024 * 1024 * 9995ull / 10000)
		return put_scaled(b, bytes / 1048576.0, "M");
	return put_scaled(b, bytes / 1073741824.0, "G");
}

/* ---- one value in each format ---- */

static size_t put_octal(struct buf *b, uint64_t v)
{
	size_t before = b->len;

	buf_printf(b, "%04lo", (unsigned long)v);
	return b->len - before;
}

static size_t put_device(struct buf *b, uint64_t v)
{
	size_t before = b->len;

	buf_u64(b, v >> 20); /* MAJOR() of include/linux/kdev_t.h */
	buf_char(b, ':');
	buf_u64(b, v & 0xfffff);
	return b->len - before;
}

static size_t put_number(struct buf *b, const struct value *v)
{
	size_t before = b->len;

	if (v->kind == VALUE_INT)
		buf_s64(b, v->number);
	else
		buf_u64(b, v->number);
	return b->len - before;
}

/* Calls *each* for every argument of an argument area, whose last one may lack its NUL. */
static size_t each_arg(const struct value *v,
		       size_t (*each)(struct buf *, const void *, size_t, size_t), struct buf *b)
{
	const char *p = v->data, *end = p + v->len;
	size_t width = 0, n = 0;

	while (p < end) {
		size_t len = strnlen(p, end - p);

		width += each(b, p, len, n++);
		p += len + 1;
	}
	return width;
}

static size_t table_arg(struct buf *b, const void *arg, size_t len, size_t n)
{
	if (!n)
		return text_put_arg0(b, arg, len);
	buf_char(b, ' ');
	return 1 + text_put_arg(b, arg, len);
}

static size_t json_arg(struct buf *b, const void *arg, size_t len, size_t n)
{
	if (n)
		buf_char(b, ',');
	return !text_json(b, arg, len); /* how many are no valid UTF-8 */
}

static size_t json_arg_hex(struct buf *b, const void *arg, size_t len, size_t n)
{
	buf_str(b, n ? ",\"" : "\"");
	text_hex(b, arg, len);
	buf_char(b, '"');
	return 0;
}

#define CUT_MARK "\xe2\x80\xa6" /* … */

static size_t table_text(struct buf *b, const struct column *c, const struct value *v)
{
	size_t width = 0;

	if (v->flags & BYTES_DETACHED) {
		buf_str(b, "(unreachable)"); /* as getcwd(2) says it */
		width += 13;
	}
	if (v->flags & BYTES_FRONT_CUT) {
		buf_str(b, CUT_MARK);
		width++;
	}
	width += c->fmt == FMT_ARGS ? each_arg(v, table_arg, b) : text_put(b, v->data, v->len);
	if (v->flags & BYTES_TRUNCATED) {
		buf_str(b, CUT_MARK);
		width++;
	}
	if (v->flags & BYTES_DELETED) {
		buf_str(b, " (deleted)");
		width += 10;
	}
	return width;
}

/* Numbers for people. */
static size_t table_value(struct buf *b, const struct column *c, const struct value *v)
{
	const char *name;

	if (v->kind == VALUE_ABSENT || v->kind == VALUE_UNREAD) {
		buf_char(b, v->kind == VALUE_ABSENT ? '-' : '?');
		return 1;
	}
	if (v->kind == VALUE_TEXT)
		return table_text(b, c, v);
	switch (c->fmt) {
	case FMT_ERRNO:
		name = (int64_t)v->number < 0 ? error_name(-(int64_t)v->number) : NULL;
		if (!name)
			return put_number(b, v);
		buf_str(b, name);
		return strlen(name);
	case FMT_OCTAL:
		return put_octal(b, v->number);
	case FMT_DURATION:
		return output_duration(b, v->number);
	case FMT_SIZE:
		return output_size(b, v->number);
	case FMT_DEVICE:
		return put_device(b, v->number);
	default:
		return put_number(b, v);
	}
}

/* How wide a column is at least; negative: aligned left. */
static int column_width(const struct output *output, const struct column *c)
{
	static const int time_widths[] = {
		[TIME_CLOCK] = -8,
		[TIME_ISO] = -30,
		[TIME_DELTA] = -10,
		[TIME_MONO] = -14,
	};

	return c->kind == COLUMN_TIME ? time_widths[output->time] : c->width;
}

static void table_row(struct output *output, const void *event, size_t size)
{
	const struct task_info *task = event;
	struct buf *b = &output->buf;

	for (size_t i = 0; i < output->columns.count; i++) {
		const struct column *c = output->columns.shown[i];
		int least = column_width(output, c);
		size_t width, want = abs(least);
		struct value v;

		if (i)
			buf_char(b, ' ');
		buf_reset(&output->cell);
		if (c->kind == COLUMN_TIME) {
			put_time(output, &output->cell, task->boot_ns);
			width = output->cell.len;
		} else {
			unsigned int depth = c->indent ? c->indent(event, size) : 0;

			column_value(c, event, size, &v);
			depth = depth > INDENT_MAX ? INDENT_MAX : depth;
			buf_pad(&output->cell, 2 * depth);
			width = 2 * depth + table_value(&output->cell, c, &v);
		}
		if (least > 0 && width < want)
			buf_pad(b, want - width);
		buf_add(b, output->cell.data, output->cell.len);
		if (least < 0 && width < want && i + 1 < output->columns.count)
			buf_pad(b, want - width);
	}
	buf_char(b, '\n');
}

static void json_key(struct buf *b, const struct column *c, const char *suffix)
{
	buf_str(b, ",\"");
	buf_str(b, c->key);
	buf_str(b, suffix);
	buf_str(b, "\":");
}

static void json_flags(struct buf *b, const struct column *c, const struct value *v)
{
	if (v->flags & (BYTES_TRUNCATED | BYTES_FRONT_CUT)) {
		json_key(b, c, "_truncated");
		buf_str(b, "true");
	}
	if (v->flags & BYTES_DELETED) {
		json_key(b, c, "_deleted");
		buf_str(b, "true");
	}
	if (v->flags & BYTES_DETACHED) {
		json_key(b, c, "_unreachable");
		buf_str(b, "true");
	}
}

static void json_text(struct buf *b, const struct column *c, const struct value *v)
{
	bool args = c->fmt == FMT_ARGS, valid;

	if (args) {
		buf_char(b, '[');
		valid = !each_arg(v, json_arg, b);
		buf_char(b, ']');
	} else {
		valid = text_json(b, v->data, v->len);
	}
	if (!valid) {
		json_key(b, c, "_hex");
		buf_char(b, args ? '[' : '"');
		if (args)
			each_arg(v, json_arg_hex, b);
		else
			text_hex(b, v->data, v->len);
		buf_char(b, args ? ']' : '"');
	}
	json_flags(b, c, v);
}

static void json_row(struct output *output, const void *event, size_t size)
{
	const struct task_info *task = event;
	struct buf *b = &output->buf;

	buf_str(b, "{\"type\":\"");
	buf_str(b, output->event);
	buf_str(b, "\",\"time\":\"");
	put_time(output, b, task->boot_ns);
	buf_str(b, "\",\"boot_ns\":");
	buf_u64(b, task->boot_ns);
	for (size_t i = 0; i < output->columns.count; i++) {
		const struct column *c = output->columns.shown[i];
		struct value v;

		if (c->kind == COLUMN_TIME)
			continue;
		column_value(c, event, size, &v);
		buf_add(b, output->keys[i].data, output->keys[i].len);
		if (v.kind == VALUE_ABSENT || v.kind == VALUE_UNREAD) {
			buf_str(b, "null");
		} else if (v.kind == VALUE_TEXT) {
			json_text(b, c, &v);
		} else if (c->fmt == FMT_DEVICE || c->fmt == FMT_OCTAL) {
			buf_char(b, '"');
			table_value(b, c, &v);
			buf_char(b, '"');
		} else {
			put_number(b, &v);
		}
	}
	buf_str(b, "}\n");
}

static void csv_row(struct output *output, const void *event, size_t size)
{
	const struct task_info *task = event;
	struct buf *b = &output->buf;

	for (size_t i = 0; i < output->columns.count; i++) {
		const struct column *c = output->columns.shown[i];
		struct value v;

		if (i)
			buf_char(b, ',');
		if (c->kind == COLUMN_TIME) {
			put_time(output, b, task->boot_ns);
			continue;
		}
		column_value(c, event, size, &v);
		if (v.kind == VALUE_TEXT && (c->fmt == FMT_ARGS || v.flags)) {
			/* The table's form has the marks; quoted as CSV wants it. */
			buf_reset(&output->cell);
			table_text(&output->cell, c, &v);
			buf_char(b, '"');
			for (size_t k = 0; k < output->cell.len; k++) {
				if (output->cell.data[k] == '"')
					buf_char(b, '"');
				buf_char(b, output->cell.data[k]);
			}
			buf_char(b, '"');
		} else if (v.kind == VALUE_TEXT) {
			text_csv(b, v.data, v.len);
		} else if (v.kind == VALUE_UNREAD) {
			buf_char(b, '?');
		} else if (v.kind != VALUE_ABSENT) {
			if (c->fmt == FMT_DEVICE || c->fmt == FMT_OCTAL)
				table_value(b, c, &v);
			else
				put_number(b, &v);
		}
	}
	buf_str(b, "\r\n");
}

void output_event(struct output *output, const void *event, size_t size)
{
	if (output->format == OUTPUT_JSON)
		json_row(output, event, size);
	else if (output->format == OUTPUT_CSV)
		csv_row(output, event, size);
	else
		table_row(output, event, size);
	if (output->buf.len >= FLUSH_AT)
		output_flush(output);
}

void output_header(struct output *output)
{
	struct buf *b = &output->buf;

	if (!output->header || output->format == OUTPUT_JSON)
		return;
	for (size_t i = 0; i < output->columns.count; i++) {
		const struct column *c = output->columns.shown[i];
		bool csv = output->format == OUTPUT_CSV, last = i + 1 == output->columns.count;
		int least = csv ? 0 : column_width(output, c);
		size_t len = strlen(c->header), want = abs(least);

		if (i)
			buf_char(b, csv ? ',' : ' ');
		if (csv) {
			buf_str(b, c->key);
			continue;
		}
		if (least > 0 && len < want)
			buf_pad(b, want - len);
		buf_str(b, c->header);
		if (least < 0 && len < want && !last)
			buf_pad(b, want - len);
	}
	buf_str(b, output->format == OUTPUT_CSV ? "\r\n" : "\n");
}
