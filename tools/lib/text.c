/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* wcwidth() */
#endif
#include <endian.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "text.h"

/* More marks than this on one character are no writing any more: they smear over
 * the rows above and below. */
#define MARKS_MAX 8

#define CODE_POINTS 0x110000

/* What becomes of a character.  Unknown until libc was asked. */
enum {
	CLASS_UNKNOWN,
	CLASS_ESCAPE,
	CLASS_MARK, /* no column of its own */
	CLASS_NARROW,
	CLASS_WIDE,
};

static locale_t text_locale; /* 0: none */

/* A byte for each character; only the pages that were looked at exist in memory. */
static uint8_t class_cache[CODE_POINTS];

/* Beyond ASCII, what must not pass although wcwidth() may like it. */
static const struct {
	uint32_t first, last;
} escaped[] = {
	{ 0x0080, 0x009f },    /* C1 */
	{ 0x00ad, 0x00ad },    /* soft hyphen */
	{ 0x034f, 0x034f },    /* combining grapheme joiner */
	{ 0x0600, 0x0605 },    /* Arabic number signs */
	{ 0x061c, 0x061c },    /* Arabic letter mark */
	{ 0x06dd, 0x06dd },    /* Arabic end of ayah */
	{ 0x070f, 0x070f },    /* Syriac abbreviation mark */
	{ 0x0890, 0x0891 },    /* Arabic pound and piastre marks */
	{ 0x08e2, 0x08e2 },    /* Arabic disputed end of ayah */
	{ 0x115f, 0x1160 },    /* Hangul fillers */
	{ 0x17b4, 0x17b5 },    /* Khmer inherent vowels */
	{ 0x180b, 0x180f },    /* Mongolian variation selectors */
	{ 0x200b, 0x200f },    /* zero-width, LRM, RLM */
	{ 0x2026, 0x2026 },    /* …: says that a table cell was cut */
	{ 0x2028, 0x202e },    /* line and paragraph separator, bidi embeddings */
	{ 0x2060, 0x206f },    /* word joiner, bidi isolates, deprecated controls */
	{ 0x3164, 0x3164 },    /* Hangul filler */
	{ 0xd800, 0xf8ff },    /* surrogates (never well-formed), private use */
	{ 0xfdd0, 0xfdef },    /* noncharacters */
	{ 0xfe00, 0xfe0f },    /* variation selectors */
	{ 0xfeff, 0xfeff },    /* zero-width no-break space */
	{ 0xffa0, 0xffa0 },    /* halfwidth Hangul filler */
	{ 0xfff0, 0xfffb },    /* unassigned ignorables, interlinear annotation */
	{ 0x110bd, 0x110bd },  /* Kaithi number sign */
	{ 0x110cd, 0x110cd },  /* Kaithi number sign above */
	{ 0x13430, 0x1343f },  /* Egyptian format controls */
	{ 0x1bca0, 0x1bca3 },  /* shorthand format controls */
	{ 0x1d173, 0x1d17a },  /* musical format controls */
	{ 0xe0000, 0xe0fff },  /* tags, variation selectors supplement */
	{ 0xf0000, 0x10ffff }, /* private use */
};

int text_init(void)
{
	/* The last one is what the environment says. */
	static const char *const names[] = { "C.UTF-8", "C.utf8", "en_US.UTF-8", "" };
	locale_t loc;
	size_t i;

	if (text_locale)
		return 0;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		loc = newlocale(LC_CTYPE_MASK, names[i], (locale_t)0);
		if (!loc) {
			if (errno == ENOMEM)
				return -ENOMEM;
			continue;
		}
		if (!strcmp(nl_langinfo_l(CODESET, loc), "UTF-8")) {
			text_locale = loc;
			return 0;
		}
		freelocale(loc);
	}
	return -ENOENT;
}

static uint8_t __attribute__((noinline, cold)) class_find(uint32_t cp)
{
	uint8_t class = CLASS_ESCAPE;
	locale_t old;
	size_t i;
	int width;

	if (!text_locale)
		return CLASS_ESCAPE; /* not remembered: text_init() may come yet */
	for (i = 0; i < sizeof(escaped) / sizeof(escaped[0]); i++)
		if (cp >= escaped[i].first && cp <= escaped[i].last)
			goto out;
	if ((cp & 0xfffe) == 0xfffe) /* the noncharacters of each plane */
		goto out;

	old = uselocale(text_locale);
	width = wcwidth((wchar_t)cp);
	uselocale(old);
	if (width == 0)
		class = CLASS_MARK;
	else if (width == 1)
		class = CLASS_NARROW;
	else if (width == 2)
		class = CLASS_WIDE;
out:
	class_cache[cp] = class;
	return class;
}

/* NULL + 0 is not defined in C. */
static inline const uint8_t *bytes_end(const void *s, size_t n)
{
	return n ? (const uint8_t *)s + n : s;
}

/* Decodes one character at p, where *end* is not reached yet.  Returns its bytes, or
 * minus the bytes of the maximal subpart of an ill-formed sequence (-1 to -3). */
static inline int utf8_decode(const uint8_t *p, const uint8_t *end, uint32_t *ret_cp)
{
	size_t left = (size_t)(end - p);
	uint8_t c = p[0], low = 0x80, high = 0xbf;
	uint32_t cp;
	int i, len;

	if (c < 0x80) {
		*ret_cp = c;
		return 1;
	}
	if (c >= 0xc2 && c <= 0xdf) {
		len = 2;
		cp = c & 0x1f;
	} else if (c >= 0xe0 && c <= 0xef) {
		len = 3;
		cp = c & 0x0f;
		if (c == 0xe0)
			low = 0xa0; /* below: overlong */
		else if (c == 0xed)
			high = 0x9f; /* above: surrogates */
	} else if (c >= 0xf0 && c <= 0xf4) {
		len = 4;
		cp = c & 0x07;
		if (c == 0xf0)
			low = 0x90; /* below: overlong */
		else if (c == 0xf4)
			high = 0x8f; /* above: beyond U+10FFFF */
	} else {
		return -1;
	}
	for (i = 1; i < len; i++) {
		if ((size_t)i >= left || p[i] < low || p[i] > high)
			return -i;
		cp = cp << 6 | (p[i] & 0x3f);
		low = 0x80;
		high = 0xbf;
	}
	*ret_cp = cp;
	return len;
}

/* What the next character is, and how it is shown. */
struct glyph {
	uint32_t cp;   /* the byte, if ill-formed */
	uint8_t len;   /* bytes of input */
	uint8_t width; /* columns, escaped or not */
	bool bad;      /* not well-formed */
	bool escape;
};

/* *marks: how many combining marks may follow; 0 at the start of a text. */
static inline struct glyph glyph_next(const uint8_t *p, const uint8_t *end, unsigned int *marks)
{
	struct glyph g = { .len = 1 };
	uint8_t class;
	int len;

	if (*p < 0x80) {
		g.cp = *p;
		g.escape = *p < 0x20 || *p == 0x7f || *p == '\\';
		g.width = g.escape ? 4 : 1;
		*marks = g.escape ? 0 : MARKS_MAX;
		return g;
	}
	len = utf8_decode(p, end, &g.cp);
	if (len < 0) {
		/* One by one: what is left of the subpart is ill-formed as well. */
		g.cp = *p;
		g.bad = g.escape = true;
		g.width = 4;
		*marks = 0;
		return g;
	}
	g.len = (uint8_t)len;
	class = class_cache[g.cp];
	if (__builtin_expect(class == CLASS_UNKNOWN, 0))
		class = class_find(g.cp);
	if (class >= CLASS_NARROW) {
		*marks = MARKS_MAX;
		g.width = class == CLASS_WIDE ? 2 : 1;
	} else if (class == CLASS_MARK && *marks) {
		--*marks;
	} else {
		*marks = 0;
		g.escape = true;
		g.width = g.cp > 0xfffff ? 10 : g.cp > 0xffff ? 9 : 8;
	}
	return g;
}

#define ONES (~0ULL / 0xff)

/* How many bytes at p are printable ASCII, but neither \ nor *quote*. */
static inline size_t plain_run(const uint8_t *p, const uint8_t *end, char quote)
{
	const uint8_t *start = p;
	uint64_t x, bad;

	while (end - p >= 8) {
		memcpy(&x, p, 8);
		x = le64toh(x);
		/* The high bit of a byte is set where it is above 0x7f, 0x7f, below 0x20,
		 * \ or the quote.  A borrow or carry may set it in later bytes by mistake,
		 * but only after one where it is right, and the first is all we ask for. */
		bad = x | (x + ONES) | (x - ONES * 0x20) | ((x ^ ONES * '\\') - ONES);
		if (quote)
			bad |= (x ^ ONES * (uint8_t)quote) - ONES;
		bad &= ONES * 0x80;
		if (bad)
			return (size_t)(p - start) + (unsigned int)__builtin_ctzll(bad) / 8;
		p += 8;
	}
	while (p < end && *p >= 0x20 && *p < 0x7f && *p != '\\' && (!quote || *p != quote))
		p++;
	return (size_t)(p - start);
}

static const char hex_digits[] = "0123456789abcdef";

static void put_byte(struct buf *b, uint8_t c)
{
	char *p = buf_room(b, 4);

	if (!p)
		return;
	p[0] = '\\';
	p[1] = 'x';
	p[2] = hex_digits[c >> 4];
	p[3] = hex_digits[c & 15];
	b->len += 4;
}

static void put_escape(struct buf *b, const struct glyph *g)
{
	if (g->bad || g->cp < 0x80) {
		put_byte(b, (uint8_t)g->cp);
		return;
	}
	buf_add(b, "\\u{", 3);
	buf_hex(b, g->cp, 4);
	buf_char(b, '}');
}

/* text_put(), with *quote* (or 0) doubled; only counts if b is NULL. */
static inline __attribute__((always_inline)) size_t put(struct buf *b, const void *s, size_t n,
							char quote)
{
	const uint8_t *p = s, *end = bytes_end(s, n);
	unsigned int marks = 0;
	size_t cols = 0, run;
	struct glyph g;

	while (p < end) {
		run = plain_run(p, end, quote);
		if (run) {
			if (b)
				buf_add(b, p, run);
			marks = MARKS_MAX;
			cols += run;
			p += run;
		}
		for (; p < end; p += g.len) {
			g = glyph_next(p, end, &marks);
			cols += g.width;
			if (quote && g.cp == (uint8_t)quote) {
				cols++;
				buf_char(b, quote);
			}
			if (!b)
				;
			else if (g.escape)
				put_escape(b, &g);
			else
				buf_add(b, p, g.len);
			if (g.cp < 0x80) { /* probably more of them */
				p += g.len;
				break;
			}
		}
	}
	return cols;
}

size_t text_put(struct buf *b, const void *s, size_t n)
{
	return put(b, s, n, 0);
}

size_t text_width(const void *s, size_t n)
{
	return put(NULL, s, n, 0);
}

size_t text_put_max(struct buf *b, const void *s, size_t n, size_t columns, bool *ret_cut)
{
	const uint8_t *p = s, *end = bytes_end(s, n);
	/* The longest start that leaves a column free. */
	size_t fit_len = b->len, fit_cols = 0;
	size_t cols = 0, run;
	unsigned int marks = 0;
	bool cut = false;
	struct glyph g;

	while (p < end) {
		run = columns - cols;
		run = plain_run(p, (size_t)(end - p) > run ? p + run : end, 0);
		if (run) {
			buf_add(b, p, run);
			marks = MARKS_MAX;
			cols += run;
			p += run;
			fit_cols = cols < columns ? cols : columns - 1;
			fit_len = b->len;
			if (cols == columns && !b->failed)
				fit_len--;
			if (p == end)
				break;
		}
		g = glyph_next(p, end, &marks);
		if (g.width > columns - cols) {
			cut = true;
			break;
		}
		if (g.escape)
			put_escape(b, &g);
		else
			buf_add(b, p, g.len);
		cols += g.width;
		p += g.len;
		if (cols < columns) {
			fit_cols = cols;
			fit_len = b->len;
		}
	}
	if (cut) {
		cols = fit_cols;
		b->len = fit_len;
		if (columns) {
			buf_add(b, "…", strlen("…"));
			cols++;
		}
	}
	if (ret_cut)
		*ret_cut = cut;
	return cols;
}

static const bool bare[256] = {
	['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['0' ... '9'] = true, ['_'] = true,
	['@'] = true,	      ['%'] = true,	    ['+'] = true,	  ['='] = true,
	[':'] = true,	      [','] = true,	    ['.'] = true,	  ['/'] = true,
	['-'] = true,
};

static inline bool arg_is_bare(const uint8_t *s, size_t n)
{
	size_t i;

	if (!n || s[0] == '=')
		return false;
	for (i = 0; i < n; i++)
		if (!bare[s[i]])
			return false;
	return true;
}

static size_t put_quoted(struct buf *b, const uint8_t *s, size_t n)
{
	const uint8_t *p = s, *end = bytes_end(s, n), *bang;
	unsigned int marks = 0;
	bool plain = true;
	size_t cols = 2, run;
	struct glyph g;
	uint8_t i;

	while (plain && p < end) {
		run = plain_run(p, end, '\'');
		if (run) {
			marks = MARKS_MAX;
			cols += run;
			p += run;
			continue;
		}
		g = glyph_next(p, end, &marks);
		cols += g.width;
		p += g.len;
		plain = !g.escape && g.cp != '\'';
	}
	if (plain) {
		buf_char(b, '\'');
		buf_add(b, s, n);
		buf_char(b, '\'');
		return cols;
	}

	buf_add(b, "$'", 2);
	cols = 3;
	marks = 0;
	for (p = s; p < end; p += g.len) {
		run = plain_run(p, end, '\'');
		if (run) {
			bang = memchr(p, '!', run);
			if (bang)
				run = (size_t)(bang - p);
		}
		if (run) {
			buf_add(b, p, run);
			marks = MARKS_MAX;
			cols += run;
			p += run;
			if (p == end)
				break;
		}
		g = glyph_next(p, end, &marks);
		if (g.cp == '\\' || g.cp == '\'') {
			buf_char(b, '\\');
			buf_char(b, (char)g.cp);
			cols += 2;
		} else if (g.escape || g.cp == '!') {
			for (i = 0; i < g.len; i++)
				put_byte(b, p[i]);
			cols += 4 * (size_t)g.len;
			marks = 0;
		} else {
			buf_add(b, p, g.len);
			cols += g.width;
		}
	}
	buf_char(b, '\'');
	return cols;
}

static size_t put_arg(struct buf *b, const void *s, size_t n, bool as_is)
{
	if (!as_is)
		return put_quoted(b, s, n);
	buf_add(b, s, n);
	return n;
}

size_t text_put_arg(struct buf *b, const void *s, size_t n)
{
	return put_arg(b, s, n, arg_is_bare(s, n));
}

/* Whether a shell takes a bare word for something else where a command is due. */
static bool arg0_is_special(const uint8_t *s, size_t n)
{
	static const char *const reserved[] = {
		"case", "coproc",  "do",       "done",	"elif", "else",	     "esac",   "fi",
		"for",	"foreach", "function", "if",	"in",	"nocorrect", "repeat", "select",
		"then", "time",	   "until",    "while", "end",	"noglob",
	};
	size_t i;

	for (i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strlen(reserved[i]) == n && !memcmp(reserved[i], s, n))
			return true;
	/* Any = may make an assignment, were it only in some shell: a=b, a+=b. */
	return memchr(s, '=', n);
}

size_t text_put_arg0(struct buf *b, const void *s, size_t n)
{
	return put_arg(b, s, n, arg_is_bare(s, n) && !arg0_is_special(s, n));
}

static void put_json_escape(struct buf *b, uint32_t cp)
{
	char *p = buf_room(b, 12);
	uint32_t unit[2] = { cp };
	int i, n = 1;

	if (!p)
		return;
	if (cp > 0xffff) {
		unit[0] = 0xd800 + ((cp - 0x10000) >> 10);
		unit[1] = 0xdc00 + (cp & 0x3ff);
		n = 2;
	}
	for (i = 0; i < n; i++, p += 6) {
		p[0] = '\\';
		p[1] = 'u';
		p[2] = hex_digits[unit[i] >> 12];
		p[3] = hex_digits[unit[i] >> 8 & 15];
		p[4] = hex_digits[unit[i] >> 4 & 15];
		p[5] = hex_digits[unit[i] & 15];
	}
	b->len += 6 * (size_t)n;
}

bool text_json(struct buf *b, const void *s, size_t n)
{
	const uint8_t *p = s, *end = bytes_end(s, n);
	unsigned int marks = 0;
	bool valid = true;
	struct glyph g;
	size_t run;

	buf_char(b, '"');
	while (p < end) {
		run = plain_run(p, end, '"');
		if (run) {
			buf_add(b, p, run);
			marks = MARKS_MAX;
			p += run;
		}
		for (; p < end; p += g.len) {
			g = glyph_next(p, end, &marks);
			if (g.bad) {
				valid = false;
				g.len = (uint8_t)-utf8_decode(p, end, &g.cp);
				put_json_escape(b, 0xfffd);
			} else if (g.cp == '"' || g.cp == '\\') {
				buf_char(b, '\\');
				buf_char(b, (char)g.cp);
			} else if (g.escape) {
				put_json_escape(b, g.cp);
			} else {
				buf_add(b, p, g.len);
			}
			if (g.cp < 0x80) {
				p += g.len;
				break;
			}
		}
	}
	buf_char(b, '"');
	return valid;
}

void text_hex(struct buf *b, const void *s, size_t n)
{
	const uint8_t *in = s;
	size_t i;
	char *p;

	if (n > SIZE_MAX / 2) {
		b->failed = true;
		return;
	}
	p = buf_room(b, n * 2);
	if (!p)
		return;
	for (i = 0; i < n; i++) {
		*p++ = hex_digits[in[i] >> 4];
		*p++ = hex_digits[in[i] & 15];
	}
	b->len += n * 2;
}

void text_csv(struct buf *b, const void *s, size_t n)
{
	const char *p = s;

	if (n && !memchr(p, ',', n) && !memchr(p, '"', n) && p[0] != ' ' && p[n - 1] != ' ' &&
	    !(n == 1 && (p[0] == '?' || p[0] == '-'))) {
		put(b, s, n, 0);
		return;
	}
	buf_char(b, '"');
	put(b, s, n, '"');
	buf_char(b, '"');
}

void text_message(struct buf *b, const char *who, const char *fmt, va_list args)
{
	char message[1024];

	vsnprintf(message, sizeof(message), fmt, args);
	buf_printf(b, "%s: ", who);
	text_put(b, message, strlen(message));
	buf_char(b, '\n');
}
