/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>

#include "lib/column.h"

#include "test.h"

struct event {
	struct task_info task;
	__u64 u64;
	__s64 s64;
	__u32 u32;
	__s32 s32;
	char text[8];
	struct bytes bytes;
};

static void get_answer(const void *event, size_t size, struct value *v)
{
	(void)event;
	(void)size;
	v->kind = VALUE_UINT;
	v->number = 42;
}

static const struct column table[] = {
	COL_TIME,
	COL_COMM(struct event),
	COL_PID(struct event),
	COL_TID(struct event, .flags = COL_WIDE),
	COL_PPID(struct event, .flags = COL_EXTRA),
	COL_GID(struct event),
	COL(struct event, "U64", u64, 5, "", .want = 1),
	COL(struct event, "U32", u32, 5, "", .flags = COL_EXTRA | COL_ABSENT, .absent = UINT32_MAX),
	COL(struct event, "S32", s32, 5, "", .flags = COL_EXTRA | COL_ABSENT,
	    .absent = (uint64_t)-1),
	COL_GET("ANSWER", "the_answer", get_answer, 3, "virtual", .flags = COL_EXTRA, .want = 2),
	COL(struct event, "TEXT", text, -8, ""),
	COL(struct event, "BYTES", bytes, 0, ""),
	COL_END,
};

static struct columns columns;
static char why[256];

/* The keys that are shown, with commas. */
static const char *shown(const char *list, bool wide)
{
	static char text[512];

	why[0] = '\0';
	if (columns_select(&columns, table, list, wide, why))
		return "refused";
	text[0] = '\0';
	for (size_t i = 0; i < columns.count; i++) {
		strcat(text, i ? "," : "");
		strcat(text, columns.shown[i]->key);
	}
	return text;
}

#define CHECK_SHOWN(list, wide, want)                                      \
	do {                                                               \
		const char *got = shown(list, wide);                       \
		if (strcmp(got, want))                                     \
			TEST_FAIL("%s: %s", list ? list : "default", got); \
	} while (0)

TEST(defaults)
{
	CHECK_SHOWN(NULL, false, "time,comm,pid,u64,text,bytes");
	CHECK(columns.wanted == 1);
	CHECK_SHOWN(NULL, true, "time,comm,pid,tid,u64,text,bytes");
}

TEST(lists)
{
	CHECK_SHOWN("pid", false, "pid");
	CHECK(columns.wanted == 0);
	CHECK_SHOWN("text,pid,comm", false, "text,pid,comm");
	CHECK_SHOWN("ppid", false, "ppid");
	CHECK(columns.wanted == WANT_PPID);
	CHECK_SHOWN("the_answer,u64", true, "the_answer,u64");
	CHECK(columns.wanted == 3);
	CHECK_SHOWN("pid,comm,pid", false, "pid,comm");
	CHECK_SHOWN("PID,Answer", false, "pid,the_answer");
	CHECK_SHOWN("all", false, "time,comm,pid,tid,ppid,gid,u64,u32,s32,the_answer,text,bytes");
	CHECK_SHOWN("s32,all", false,
		    "s32,time,comm,pid,tid,ppid,gid,u64,u32,the_answer,text,bytes");
}

TEST(additions_stay_before_a_last_column_of_open_width)
{
	CHECK_SHOWN("+gid", false, "time,comm,pid,u64,text,gid,bytes");
	CHECK_SHOWN("+gid,u32", false, "time,comm,pid,u64,text,gid,u32,bytes");
	CHECK_SHOWN("+gid,+u32", true, "time,comm,pid,tid,u64,text,gid,u32,bytes");
	CHECK_SHOWN("+pid", false, "time,comm,pid,u64,text,bytes");
	CHECK_SHOWN("+bytes", false, "time,comm,pid,u64,text,bytes");
	CHECK_SHOWN("+the_answer", false, "time,comm,pid,u64,text,the_answer,bytes");
	CHECK(columns.wanted == 3);
}

TEST(what_is_no_column_is_named)
{
	static const char *const bad[] = {
		"",  ",",	  "pid,",     ",pid", "nonsense",     "pid,nonsense",
		"+", "+nonsense", "pid,+uid", "pid ", "+all,nonsense"
	};
	static char longer[4000];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (strcmp(shown(bad[i], false), "refused") || !strstr(why, "--columns"))
			TEST_FAIL("'%s': %s", bad[i], why);
		if (strstr(bad[i], "nonsense") && !strstr(why, "'nonsense'"))
			TEST_FAIL("'%s': %s", bad[i], why);
	}
	memset(longer, 'a', sizeof(longer) - 1);
	CHECK(!strcmp(shown(longer, false), "refused") && strlen(why) < sizeof(why));
	/* Not more than there is room for, however often they are named. */
	longer[0] = '\0';
	for (int i = 0; i < 200; i++)
		strcat(longer, "all,pid,");
	strcat(longer, "tid");
	CHECK(strcmp(shown(longer, false), "refused"));
}

TEST(dropping)
{
	shown(NULL, false);
	CHECK(columns_drop(&columns, COLUMN_TIME));
	CHECK(columns.count == 5 && !strcmp(columns.shown[0]->key, "comm"));
	CHECK(!columns_drop(&columns, COLUMN_TIME));
	CHECK(columns.count == 5 && !strcmp(columns.shown[4]->key, "bytes"));
	shown("pid,time", false);
	CHECK(columns_drop(&columns, COLUMN_TIME) && columns.count == 1);
}

static struct record {
	struct event event;
	char tail[32];
} record;

static struct value get_of(const char *key, size_t size)
{
	struct value v = { .flags = 0xff, .number = 0x5555555555555555 };

	shown(key, false);
	column_value(columns.shown[0], &record, size, &v);
	return v;
}

static struct value get(const char *key)
{
	return get_of(key, sizeof(record));
}

TEST(numbers)
{
	struct value v;

	memset(&record, 0, sizeof(record));
	record.event.u64 = UINT64_MAX;
	record.event.u32 = UINT32_MAX - 1;
	record.event.s32 = -2;
	record.event.task.pid = 4194304;
	v = get("u64");
	CHECK(v.kind == VALUE_UINT && v.number == UINT64_MAX && !v.flags);
	v = get("u32");
	CHECK(v.kind == VALUE_UINT && v.number == UINT32_MAX - 1);
	v = get("s32");
	CHECK(v.kind == VALUE_INT && (int64_t)v.number == -2);
	v = get("pid");
	CHECK(v.kind == VALUE_UINT && v.number == 4194304);
	v = get("the_answer");
	CHECK(v.kind == VALUE_UINT && v.number == 42);
	record.event.u32 = UINT32_MAX;
	record.event.s32 = -1;
	CHECK(get("u32").kind == VALUE_ABSENT);
	CHECK(get("s32").kind == VALUE_ABSENT);
}

TEST(text_in_the_struct)
{
	struct value v;

	memset(&record, 0, sizeof(record));
	v = get("text");
	CHECK(v.kind == VALUE_TEXT && v.len == 0 && !v.flags);
	memcpy(record.event.text, "abc", 3);
	v = get("text");
	CHECK(v.kind == VALUE_TEXT && v.len == 3 && v.data == record.event.text);
	/* Full, without a NUL. */
	memset(record.event.text, 'x', 8);
	v = get("text");
	CHECK(v.kind == VALUE_TEXT && v.len == 8);
}

TEST(text_in_the_tail)
{
	const uint32_t start = sizeof(struct event), end = sizeof(record);
	const struct {
		struct bytes bytes;
		int kind;
	} cases[] = {
		{ { 0, 0, 0 }, VALUE_ABSENT },
		{ { 0, 5, 0 }, VALUE_ABSENT },
		{ { start, 0, 0 }, VALUE_TEXT },
		{ { start, 5, BYTES_TRUNCATED }, VALUE_TEXT },
		{ { start, 32, 0 }, VALUE_TEXT },
		{ { end, 0, 0 }, VALUE_TEXT },
		{ { start, 5, BYTES_UNREAD }, VALUE_UNREAD },
		{ { 0, 0, BYTES_UNREAD }, VALUE_UNREAD },
		/* Beyond the record, or around it. */
		{ { end, 1, 0 }, VALUE_UNREAD },
		{ { end + 1, 0, 0 }, VALUE_UNREAD },
		{ { start, 33, 0 }, VALUE_UNREAD },
		{ { start, UINT32_MAX, 0 }, VALUE_UNREAD },
		{ { UINT32_MAX, 2, 0 }, VALUE_UNREAD },
		{ { UINT32_MAX, UINT32_MAX, 0 }, VALUE_UNREAD },
		{ { 1, UINT32_MAX, 0 }, VALUE_UNREAD },
	};

	memset(&record, 0, sizeof(record));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct value v;

		record.event.bytes = cases[i].bytes;
		v = get("bytes");
		if ((int)v.kind != cases[i].kind)
			TEST_FAIL("case %zu: kind %d", i, v.kind);
		if (v.kind == VALUE_TEXT &&
		    (v.data != (char *)&record + cases[i].bytes.off ||
		     v.len != cases[i].bytes.len || v.flags != cases[i].bytes.flags))
			TEST_FAIL("case %zu: %zu bytes, flags %x", i, v.len, v.flags);
	}
	/* A record is as long as it says, not as the struct is. */
	record.event.bytes = (struct bytes){ start, 5, 0 };
	CHECK(get_of("bytes", start + 5).kind == VALUE_TEXT);
	CHECK(get_of("bytes", start + 4).kind == VALUE_UNREAD);
}

TEST(help_has_every_column)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	columns_help(table, to);
	fclose(to);
	for (const struct column *c = table; c->header; c++)
		CHECK(strstr(text, c->key));
	CHECK(strstr(text, "virtual"));
	free(text);
}
