/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Columns, declared once: header, rows, JSON keys, CSV, --columns and --help follow.  Where a value
 * lies and what it is comes from the event struct, so that a renamed member does not compile. */
#ifndef CORELETS_COLUMN_H
#define CORELETS_COLUMN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/event.h"

enum column_kind {
	COLUMN_VIRTUAL,
	COLUMN_U32,
	COLUMN_S32,
	COLUMN_U64,
	COLUMN_S64,
	COLUMN_CHARS,
	COLUMN_BYTES,
	COLUMN_TIME,
};

enum column_fmt {
	FMT_PLAIN,
	FMT_ERRNO, /* a result: negative ones are errno names on the table */
	FMT_OCTAL,
	FMT_DURATION, /* ns */
	FMT_SIZE,     /* bytes */
	FMT_DEVICE,   /* the kernel's dev_t, as major:minor everywhere */
	FMT_PATH,
	FMT_ARGS, /* NUL-terminated strings: shell words on the table, an array in JSON */
};

#define COL_WIDE   1 /* in JSON and CSV by default, on the table only if asked for */
#define COL_EXTRA  2 /* only if asked for */
#define COL_ABSENT 4 /* the value .absent means that there is none */

/* What one cell shows. */
struct value {
	enum { VALUE_ABSENT, VALUE_UNREAD, VALUE_INT, VALUE_UINT, VALUE_TEXT } kind;
	uint64_t number;
	const char *data;
	size_t len;
	uint32_t flags; /* BYTES_* */
};

struct column {
	const char *header; /* on the table */
	const char *key;    /* in JSON, CSV and for -o */
	const char *help;
	enum column_kind kind;
	enum column_fmt fmt;
	uint16_t offset, size;
	int8_t width; /* at least; 0: the rest of the line */
	uint8_t flags;
	uint64_t want; /* WANT_* bit that makes the BPF side fill it */
	uint64_t absent;
	/* Makes the value where it is not just a member.  v->data must live until the next call. */
	void (*get)(const void *event, size_t size, struct value *v);
	/* Depth that the cell is indented by on the table, in steps of two columns. */
	unsigned int (*indent)(const void *event, size_t size);
};

#define COLUMN_KIND(type, member) \
	_Generic(((type *)0)->member, \
	__u32: COLUMN_U32, __s32: COLUMN_S32, __u64: COLUMN_U64, __s64: COLUMN_S64, \
	char *: COLUMN_CHARS, struct bytes: COLUMN_BYTES)

/* A column that shows a member.  Width < 0: aligned left. */
#define COL_KEY(type, header_, key_, member, width_, help_, ...)                                  \
	{                                                                                         \
		.header = header_, .key = key_, .help = help_, .kind = COLUMN_KIND(type, member), \
		.offset = offsetof(type, member), .size = sizeof(((type *)0)->member),            \
		.width = width_, ##__VA_ARGS__                                                    \
	}
#define COL(type, header_, member, width_, help_, ...) \
	COL_KEY(type, header_, #member, member, width_, help_, ##__VA_ARGS__)
/* A column that a function makes. */
#define COL_GET(header_, key_, get_, width_, help_, ...)                               \
	{                                                                              \
		.header = header_, .key = key_, .help = help_, .kind = COLUMN_VIRTUAL, \
		.get = get_, .width = width_, ##__VA_ARGS__                            \
	}
#define COL_TIME                                                                      \
	{                                                                             \
		.header = "TIME", .key = "time", .help = "when it happened (see -T)", \
		.kind = COLUMN_TIME, .width = -8                                      \
	}
#define COL_END                \
	{                      \
		.header = NULL \
	}

/* The columns that every event has by its struct task_info. */
#define COL_COMM(type)	   COL_KEY(type, "COMM", "comm", task.comm, -15, "name of the thread")
#define COL_PID(type)	   COL_KEY(type, "PID", "pid", task.pid, 7, "process")
#define COL_TID(type, ...) COL_KEY(type, "TID", "tid", task.tid, 7, "thread", ##__VA_ARGS__)
#define COL_PPID(type, ...)                                                              \
	COL_KEY(type, "PPID", "ppid", task.ppid, 7, "parent process", .want = WANT_PPID, \
		##__VA_ARGS__)
#define COL_UID(type, ...) COL_KEY(type, "UID", "uid", task.uid, 5, "user", ##__VA_ARGS__)
#define COL_GID(type)	   COL_KEY(type, "GID", "gid", task.gid, 5, "group", .flags = COL_EXTRA)
#define COL_CPU(type)	   COL_KEY(type, "CPU", "cpu", task.cpu, 3, "processor", .flags = COL_EXTRA)

/* The columns that are shown, in order. */
struct columns {
	const struct column *shown[64];
	size_t count;
	uint64_t wanted; /* their .want bits */
};

/* Chooses columns from *table*: the default ones of the table (or, if *wide*, of JSON and CSV), or
 * what *list* names ("pid,comm", "+tid" adds to the default ones, "all").  Returns 0, or -EINVAL
 * with one line in *why*. */
int columns_select(struct columns *columns, const struct column *table, const char *list, bool wide,
		   char why[256]);

/* Takes a column away, if it is there, and returns whether it was. */
bool columns_drop(struct columns *columns, enum column_kind kind);

/* The value of a column (not of COLUMN_TIME) in an event of *size* bytes. */
void column_value(const struct column *column, const void *event, size_t size, struct value *v);

/* Makes *v* the string *text*, or absent if that is NULL. */
void value_text(struct value *v, const char *text);

/* Puts the path *dir* before the relative path *v*, if there is one; the result is valid until the
 * next call. */
void value_join_path(struct value *v, const struct value *dir);

/* Prints the columns as --help does. */
void columns_help(const struct column *table, FILE *to);

#endif
