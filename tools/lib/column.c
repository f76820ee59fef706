/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "lib/column.h"
#include "lib/util.h"

static const struct column *column_find(const struct column *table, const char *name)
{
	for (; table->header; table++)
		if (!strcasecmp(table->key, name) || !strcasecmp(table->header, name))
			return table;
	return NULL;
}

static int columns_add(struct columns *columns, const struct column *column)
{
	for (size_t i = 0; i < columns->count; i++)
		if (columns->shown[i] == column)
			return 0;
	if (columns->count == ARRAY_SIZE(columns->shown))
		return -E2BIG;
	columns->shown[columns->count++] = column;
	columns->wanted |= column->want;
	return 0;
}

/* The last column may be as wide as the line: it stays last whatever is added. */
static int columns_add_before_last(struct columns *columns, const struct column *column)
{
	size_t before = columns->count;
	int err = columns_add(columns, column);

	if (err || columns->count == before || before == 0 || columns->shown[before - 1]->width)
		return err;
	columns->shown[before] = columns->shown[before - 1];
	columns->shown[before - 1] = column;
	return 0;
}

int columns_select(struct columns *columns, const struct column *table, const char *list, bool wide,
		   char why[256])
{
	_cleanup_free_ char *copy = strdup(list ?: "");
	char *name, *rest = copy;
	bool defaults;

	if (!copy)
		return -ENOMEM;
	memset(columns, 0, sizeof(*columns));
	defaults = !list || *list == '+';
	for (const struct column *c = table; defaults && c->header; c++)
		if (!(c->flags & COL_EXTRA) && (wide || !(c->flags & COL_WIDE)))
			columns_add(columns, c);
	while (list && (name = strsep(&rest, ","))) {
		const struct column *c;
		int err;

		if (*name == '+' && !defaults) {
			snprintf(why, 256, "--columns: '%.60s': put the first + at the beginning",
				 name);
			return -EINVAL;
		}
		name += *name == '+';
		if (!strcasecmp(name, "all")) {
			for (c = table; c->header; c++)
				columns_add(columns, c);
			continue;
		}
		c = column_find(table, name);
		if (!c) {
			snprintf(why, 256, "--columns: there is no column '%.60s'; see --help",
				 name);
			return -EINVAL;
		}
		err = defaults ? columns_add_before_last(columns, c) : columns_add(columns, c);
		if (err) {
			snprintf(why, 256, "--columns: too many");
			return -EINVAL;
		}
	}
	return 0;
}

bool columns_drop(struct columns *columns, enum column_kind kind)
{
	for (size_t i = 0; i < columns->count; i++)
		if (columns->shown[i]->kind == kind) {
			columns->count--;
			memmove(columns->shown + i, columns->shown + i + 1,
				(columns->count - i) * sizeof(columns->shown[0]));
			return true;
		}
	return false;
}

static void value_bytes(const struct bytes *b, const void *event, size_t size, struct value *v)
{
	v->flags = b->flags;
	if (b->flags & BYTES_UNREAD) {
		v->kind = VALUE_UNREAD;
		return;
	}
	if (!b->off && (b->flags & BYTES_TRUNCATED)) {
		v->kind = VALUE_TEXT; /* there was no room for any of it */
		v->data = "";
		v->len = 0;
		return;
	}
	if (!b->off || b->off > size || b->len > size - b->off) {
		v->kind = b->off ? VALUE_UNREAD : VALUE_ABSENT;
		return;
	}
	v->kind = VALUE_TEXT;
	v->data = (const char *)event + b->off;
	v->len = b->len;
}

void column_value(const struct column *column, const void *event, size_t size, struct value *v)
{
	const void *at = (const char *)event + column->offset;

	v->flags = 0;
	switch (column->kind) {
	case COLUMN_U32:
		v->kind = VALUE_UINT;
		v->number = *(const __u32 *)at;
		break;
	case COLUMN_S32:
		v->kind = VALUE_INT;
		v->number = (int64_t) * (const __s32 *)at;
		break;
	case COLUMN_U64:
		v->kind = VALUE_UINT;
		v->number = *(const __u64 *)at;
		break;
	case COLUMN_S64:
		v->kind = VALUE_INT;
		v->number = *(const __s64 *)at;
		break;
	case COLUMN_CHARS:
		v->kind = VALUE_TEXT;
		v->data = at;
		v->len = strnlen(at, column->size);
		return;
	case COLUMN_BYTES:
		value_bytes(at, event, size, v);
		return;
	case COLUMN_VIRTUAL:
		column->get(event, size, v);
		return;
	case COLUMN_TIME:
		v->kind = VALUE_ABSENT;
		return;
	}
	if ((column->flags & COL_ABSENT) && v->number == column->absent)
		v->kind = VALUE_ABSENT;
}

void value_text(struct value *v, const char *text)
{
	v->kind = text ? VALUE_TEXT : VALUE_ABSENT;
	v->data = text;
	v->len = text ? strlen(text) : 0;
	v->flags = 0;
}

void value_join_path(struct value *v, const struct value *dir)
{
	static char joined[2 * PATH_SIZE + 1];
	size_t len = dir->len;

	if (v->kind != VALUE_TEXT || dir->kind != VALUE_TEXT || len > PATH_SIZE ||
	    v->len > PATH_SIZE)
		return;
	memcpy(joined, dir->data, len);
	if (len && joined[len - 1] != '/')
		joined[len++] = '/';
	memcpy(joined + len, v->data, v->len);
	v->data = joined;
	v->len += len;
	v->flags |= dir->flags;
}

void columns_help(const struct column *table, FILE *to)
{
	for (; table->header; table++)
		fprintf(to, "  %-14s %s%s\n", table->key, table->help,
			table->flags & COL_EXTRA ? " (on request)" :
			table->flags & COL_WIDE	 ? " (on the table on request)" :
						   "");
}
