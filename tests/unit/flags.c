/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <sys/stat.h>

#include "lib/flags.h"

#include "test.h"

#define READ   0
#define WRITE  1
#define BOTH   2
#define CREAT  0x10
#define DSYNC  0x20
#define SYNC   (0x40 | DSYNC)
#define DIRECT 0x80
#define TMP    (0x100 | DIRECT)
#define HIGH   (1ull << 63)

static const struct flag_name names[] = {
	FLAG_MASK("READ", 3, READ),
	FLAG_MASK("WRITE", 3, WRITE),
	FLAG_MASK("BOTH", 3, BOTH),
	FLAG(CREAT),
	FLAG(SYNC),
	FLAG(DSYNC),
	FLAG(DIRECT),
	FLAG(TMP),
	FLAG(HIGH),
	FLAG_NAMES_END,
};

static struct buf out;

static struct buf *text(uint64_t flags)
{
	struct value v = {};

	flags_text(names, flags, &v);
	CHECK(v.kind == VALUE_TEXT);
	buf_reset(&out);
	buf_add(&out, v.data, v.len);
	return &out;
}

TEST(names_in_order)
{
	CHECK_STR(text(0), "READ");
	CHECK_STR(text(WRITE), "WRITE");
	CHECK_STR(text(BOTH | CREAT), "BOTH|CREAT");
	CHECK_STR(text(CREAT | DIRECT), "READ|CREAT|DIRECT");
	CHECK_STR(text(HIGH), "READ|HIGH");
}

TEST(of_flags_that_overlap_only_the_one_with_more_bits)
{
	CHECK_STR(text(SYNC), "READ|SYNC");
	CHECK_STR(text(DSYNC), "READ|DSYNC");
	CHECK_STR(text(TMP | WRITE), "WRITE|TMP");
	CHECK_STR(text(SYNC | TMP), "READ|SYNC|TMP");
}

TEST(what_has_no_name_is_in_hex)
{
	CHECK_STR(text(0x40), "READ|0x40");
	CHECK_STR(text(3), "0x3");
	CHECK_STR(text(3 | CREAT), "CREAT|0x3");
	CHECK_STR(text(0x7000000000000000 | WRITE), "WRITE|0x7000000000000000");
	CHECK_STR(text(0x40 | TMP), "READ|TMP|0x40");
	CHECK_STR(text(UINT64_MAX), "CREAT|SYNC|TMP|HIGH|0x7ffffffffffffe0f");
}

TEST(without_any_name)
{
	static const struct flag_name none[] = { FLAG_NAMES_END };
	struct value v;

	flags_text(none, 0, &v);
	CHECK(v.kind == VALUE_TEXT && v.len == 0);
	flags_text(none, 5, &v);
	CHECK(v.len == 3 && !memcmp(v.data, "0x5", 3));
}

TEST(more_than_fits_is_no_overrun)
{
	static struct flag_name many[65];
	struct value v;

	for (int i = 0; i < 64; i++)
		many[i] =
			(struct flag_name){ "A_RATHER_LONG_NAME_OF_A_FLAG", 1ull << i, 1ull << i };
	flags_text(many, UINT64_MAX, &v);
	CHECK(v.kind == VALUE_TEXT && v.len > 400 && v.len < 4096);
	CHECK(!memchr(v.data, '\0', v.len));
}

TEST(finding)
{
	CHECK(flag_find(names, "SYNC")->value == SYNC);
	CHECK(flag_find(names, "sync")->value == SYNC);
	CHECK(flag_find(names, "READ")->value == READ);
	CHECK(!flag_find(names, "SYN"));
	CHECK(!flag_find(names, "SYNC "));
	CHECK(!flag_find(names, ""));
}

TEST(file_types)
{
	CHECK(!strcmp(file_type_name(S_IFREG | 0644), "reg"));
	CHECK(!strcmp(file_type_name(S_IFDIR), "dir"));
	CHECK(!strcmp(file_type_name(S_IFCHR | 0777), "char"));
	CHECK(!strcmp(file_type_name(S_IFBLK), "block"));
	CHECK(!strcmp(file_type_name(S_IFIFO), "fifo"));
	CHECK(!strcmp(file_type_name(S_IFSOCK), "sock"));
	CHECK(!strcmp(file_type_name(S_IFLNK), "link"));
	CHECK(!file_type_name(0));
	CHECK(!file_type_name(0777));
	CHECK(!file_type_name(0170000));
}
