/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Folded stacks: "comm;outermost;...;innermost COUNT", a line each, sorted.
 *
 * Names are escaped as text.h does it, ";" too.  Kernel frames end in _[k], inlined ones in _[i],
 * those of JITs in _[j], BPF programs in _[b]; names in brackets are no functions.  A real name that
 * looks so has that bracket escaped. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/profile_model.h"
#include "lib/util.h"

int profile_write_folded(const struct profile *profile, int fd)
{
	struct buf out = {}, path = {};
	struct view *view = NULL;
	size_t *ends = NULL;
	int err = view_new(profile, false, VIEW_BY_NAME, &view);

	if (!err) {
		ends = calloc(view->depth + 1ul, sizeof(*ends));
		err = ends ? 0 : -ENOMEM;
	}
	for (uint32_t i = 1; !err && i < view->node_count; i++) {
		const struct view_node *node = &view->nodes[view->steps[i].node];
		uint32_t depth = view->steps[i].depth;

		path.len = ends[depth - 1];
		if (depth > 1)
			buf_char(&path, ';');
		buf_str(&path, view_key(view, node->function));
		ends[depth] = path.len;
		if (!node->self)
			continue;
		buf_add(&out, path.data, path.len);
		buf_char(&out, ' ');
		buf_u64(&out, node->self);
		buf_char(&out, '\n');
		out.failed |= path.failed;
		err = buf_drain(&out, fd, false);
	}
	err = buf_finish(&out, fd, err);
	buf_done(&path);
	free(ends);
	view_free(view);
	return err;
}

static int hex_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The character that an escape at s stands for, whose length is returned; 0 if there is none. */
static size_t escape(const char *s, uint32_t *ret)
{
	size_t n = 3;

	if (s[0] != '\\')
		return 0;
	if (s[1] == 'x' && hex_digit(s[2]) >= 0 && hex_digit(s[3]) >= 0) {
		*ret = hex_digit(s[2]) << 4 | hex_digit(s[3]);
		return *ret ? 4 : 0;
	}
	if (s[1] != 'u' || s[2] != '{')
		return 0;
	for (*ret = 0; n < 9 && hex_digit(s[n]) >= 0; n++)
		*ret = *ret << 4 | hex_digit(s[n]);
	return n >= 7 && s[n] == '}' && *ret >= 0x80 && *ret <= 0x10ffff ? n + 1 : 0;
}

void text_unescape(char *s)
{
	char *to = s;
	uint32_t c;
	size_t n;

	for (; *s; s += n) {
		n = escape(s, &c);
		if (!n) {
			*to++ = *s;
			n = 1;
		} else if (n == 4) {
			*to++ = c;
		} else {
			if (c >= 0x10000)
				*to++ = 0xf0 | c >> 18;
			if (c >= 0x800)
				*to++ = (c >= 0x10000 ? 0x80 : 0xe0) | (c >> 12 & 63);
			*to++ = (c >= 0x800 ? 0x80 : 0xc0) | (c >> 6 & 63);
			*to++ = 0x80 | (c & 63);
		}
	}
	*to = '\0';
}

/* What the mark at the end of a name says; the mark is cut off. */
static enum frame_kind folded_kind(char *name)
{
	static const enum frame_kind kinds[] = {
		['i' - 'a'] = FRAME_INLINED,
		['j' - 'a'] = FRAME_JIT,
		['k' - 'a'] = FRAME_KERNEL,
		['b' - 'a'] = FRAME_BPF,
	};
	size_t n = strlen(name);

	if (n < 4 || memcmp(name + n - 4, "_[", 2) || name[n - 1] != ']' ||
	    !strchr("kijb", name[n - 2]))
		return FRAME_USER;
	name[n - 4] = '\0';
	return kinds[name[n - 2] - 'a'];
}

static void folded_frame(char *name, struct frame *frame)
{
	size_t n;

	*frame = (struct frame){ .kind = folded_kind(name), .name = name };
	n = strlen(name);
	if (n && name[0] == '[' && name[n - 1] == ']') {
		if (frame->kind == FRAME_USER) {
			frame->kind = FRAME_NOTE;
		} else {
			frame->name = NULL;
			frame->why = WHY_NO_SYMBOL;
			frame->module = name;
		}
	}
	text_unescape(name);
}

static int folded_line(struct profile *profile, char *line, char *end, struct frame **frames,
		       size_t *cap, const char **ret_why)
{
	uint64_t values[PROFILE_VALUES] = {}, count = 0;
	struct profile_task task = { .comm = line };
	char *number = end, *next;
	size_t n = 0;
	int err;

	while (number > line && isdigit((unsigned char)number[-1]))
		number--;
	*ret_why = "no count at the end";
	if (number == end || number == line || number[-1] != ' ')
		return -EINVAL;
	number[-1] = '\0';
	*ret_why = "count out of range";
	for (const char *p = number; p < end; p++)
		if (__builtin_mul_overflow(count, 10, &count) ||
		    __builtin_add_overflow(count, *p - '0', &count))
			return -EINVAL;
	for (char *p = strchr(line, ';'); p; p = next) {
		*p++ = '\0';
		next = strchr(p, ';');
		*ret_why = "too many frames in a stack";
		if (n >= PROFILE_DEPTH_MAX)
			return -E2BIG;
		n++;
	}
	err = array_room(frames, cap, n, sizeof(**frames));
	if (err)
		return err;
	/* Innermost first, as frames are given. */
	next = line + strlen(line) + 1;
	for (size_t i = n; i--;) {
		char *name = next;

		next += strlen(next) + 1;
		folded_frame(name, &(*frames)[i]);
	}
	text_unescape(line);
	values[PROFILE_SAMPLES] = count;
	*ret_why = "too many different stacks";
	return profile_add(profile, &task, *frames, n, values);
}

int folded_parse(struct profile *profile, char *data, size_t size, char why[256])
{
	_cleanup_free_ struct frame *frames = NULL;
	char *end, *next, *last = data + size;
	const char *what = "";
	size_t cap = 0, number = 1;

	for (char *line = data; line < last; line = next, number++) {
		int err;

		end = memchr(line, '\n', last - line) ?: last;
		next = end + (end < last);
		if (end > line && end[-1] == '\r')
			end--;
		*end = '\0';
		if (end == line)
			continue;
		err = folded_line(profile, line, end, &frames, &cap, &what);
		if (err) {
			if (err == -ENOMEM)
				what = "out of memory";
			snprintf(why, 256, "line %zu of folded stacks: %s", number, what);
			return err;
		}
	}
	return 0;
}
