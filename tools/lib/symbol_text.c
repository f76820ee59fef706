/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>

#include "lib/symbol_text.h"

/* Nothing in a module or a BPF program is larger; what is farther away belongs to something that is
 * not in the list. */
#define MODULE_FUNCTION_MAX (128 << 10)

struct cursor {
	const char *p, *end;
};

/* Digits of up to 64 bits, followed by *stop*; 0 stands for the end. */
static bool number(struct cursor *c, unsigned int base, char stop, uint64_t *ret)
{
	const char *start = c->p;
	unsigned int digit;
	uint64_t v = 0;

	for (; c->p < c->end; c->p++) {
		if (*c->p >= '0' && *c->p <= '9')
			digit = *c->p - '0';
		else if ((*c->p | 0x20) >= 'a' && (*c->p | 0x20) <= 'f')
			digit = (*c->p | 0x20) - 'a' + 10;
		else
			break;
		if (digit >= base || __builtin_mul_overflow(v, base, &v) ||
		    __builtin_add_overflow(v, digit, &v))
			return false;
	}
	if (c->p == start)
		return false;
	*ret = v;
	if (!stop)
		return c->p == c->end;
	return c->p < c->end && *c->p++ == stop;
}

ssize_t symbol_line(const char *text, size_t len, size_t *at)
{
	const char *newline = *at < len ? memchr(text + *at, '\n', len - *at) : NULL;
	ssize_t n;

	if (!newline)
		return -1;
	n = newline - (text + *at);
	*at += n + 1;
	return n;
}

bool symbol_maps_line(char *line, size_t n, struct mapping *ret)
{
	struct cursor c = { .p = line, .end = line + n };
	uint64_t major, minor;
	struct mapping m = {};
	char *path, *to;

	if (!number(&c, 16, '-', &m.start) || !number(&c, 16, ' ', &m.end) || m.end <= m.start ||
	    c.end - c.p < 5 || c.p[4] != ' ')
		return false;
	m.executable = c.p[2] == 'x';
	c.p += 5;
	if (!number(&c, 16, ' ', &m.offset) || !number(&c, 16, ':', &major) ||
	    !number(&c, 16, ' ', &minor) || major > UINT32_MAX || minor > UINT32_MAX)
		return false;
	m.major = major;
	m.minor = minor;
	if (!number(&c, 10, ' ', &m.inode)) /* the blank is there without a path too */
		return false;
	while (c.p < c.end && *c.p == ' ')
		c.p++;
	path = line + (c.p - line);
	for (to = path; c.p < c.end; *to++ = *c.p++)
		if (c.end - c.p >= 4 && !memcmp(c.p, "\\012", 4)) {
			c.p += 3;
			*(char *)c.p = '\n';
		}
	*to = '\0';
	m.path = path;
	*ret = m;
	return true;
}

static int names_add(struct symbol_names *names, struct symbol_range *range, const char *name,
		     size_t len)
{
	int err;

	if (names->names.len + len >= UINT32_MAX)
		return -E2BIG;
	range->value = names->names.len;
	err = symbol_ranges_add(&names->ranges, range);
	if (err)
		return err;
	buf_add(&names->names, name, len);
	buf_char(&names->names, '\0');
	return names->names.failed ? -ENOMEM : 0;
}

/* "ffffffff81000010 T entry_SYSCALL_64", "ffffffffc0401000 t nft_do_chain\t[nf_tables]".  A name is
 * kept as "name\0" or "name\0module\0"; the latter have rank bit 0. */
int symbol_kallsyms_line(struct symbol_names *names, const char *line, size_t n)
{
	struct cursor c = { .p = line, .end = line + n };
	struct symbol_range range = { .open = 1, .end = UINT64_MAX };
	unsigned int underscores = 0;
	const char *name, *tab;
	char type;
	int err;

	if (!number(&c, 16, ' ', &range.start) || !range.start || c.end - c.p < 3 || c.p[1] != ' ')
		return 0;
	type = c.p[0];
	if (type != 't' && type != 'T' && type != 'w' && type != 'W')
		return 0;
	name = c.p + 2;
	tab = memchr(name, '\t', c.end - name);
	n = (tab ?: c.end) - name;
	if (!n || n > SYMBOL_NAME_MAX || memchr(line, '\0', c.end - line))
		return 0;
	while (underscores < n && underscores < 15 && name[underscores] == '_')
		underscores++;
	/* Names of sections and not of functions, for addresses that have both. */
	if ((n == 5 && !memcmp(name, "_text", 5)) || (n == 6 && !memcmp(name, "_stext", 6)))
		underscores = 15;
	range.rank = ((type == 'T' ? 2 : type == 't' ? 1 : 0) << 4 | (15 - underscores)) << 1;
	if (tab && c.end - tab > 3 && tab[1] == '[' && c.end[-1] == ']') {
		range.rank |= 1;
		range.end = range.start + MODULE_FUNCTION_MAX;
		if (range.end < range.start)
			range.end = UINT64_MAX;
	}
	err = names_add(names, &range, name, n);
	if (err || !(range.rank & 1))
		return err;
	buf_add(&names->names, tab + 1, c.end - tab - 1);
	buf_char(&names->names, '\0');
	return names->names.failed ? -ENOMEM : 0;
}

/* "7f3a10 40 Interpreter with blanks": start and size in hex.  The same memory is used again for
 * other functions: what is written last holds. */
int symbol_jit_line(struct symbol_names *names, const char *line, size_t n)
{
	struct cursor c = { .p = line, .end = line + n };
	struct symbol_range range = { .rank = names->ranges.count };
	uint64_t size;

	names->ranges.ranked = true;
	if (n > 2 && line[0] == '0' && (line[1] | 0x20) == 'x')
		c.p += 2;
	if (!number(&c, 16, ' ', &range.start))
		return 0;
	if (c.end - c.p > 2 && c.p[0] == '0' && (c.p[1] | 0x20) == 'x')
		c.p += 2;
	if (!number(&c, 16, ' ', &size) || __builtin_add_overflow(range.start, size, &range.end))
		return 0;
	n = c.end - c.p;
	if (!n || memchr(c.p, '\0', n))
		return 0;
	if (n > SYMBOL_NAME_MAX)
		n = 0; /* it hides what was there before, and has no name */
	return names_add(names, &range, c.p, n);
}

void symbol_names_done(struct symbol_names *names)
{
	symbol_ranges_done(&names->ranges);
	buf_done(&names->names);
}
