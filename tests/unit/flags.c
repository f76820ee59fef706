/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "lib/flags.h"

#include "test.h"

#define LARGEFILE 0100000 /* as the kernel has it; glibc's is 0 where it is implied */

static struct buf out;

static struct buf *text(uint64_t flags)
{
	struct value v = { .flags = 0xff };

	open_flags_text(flags, &v);
	CHECK(v.kind == VALUE_TEXT && !v.flags);
	buf_reset(&out);
	buf_add(&out, v.data, v.len);
	return &out;
}

TEST(an_access_mode_is_always_told)
{
	CHECK_STR(text(0), "O_RDONLY");
	CHECK_STR(text(O_WRONLY), "O_WRONLY");
	CHECK_STR(text(O_RDWR | O_CREAT), "O_RDWR|O_CREAT");
	CHECK_STR(text(O_CLOEXEC | O_NOFOLLOW), "O_RDONLY|O_NOFOLLOW|O_CLOEXEC");
	CHECK_STR(text(O_CREAT | O_WRONLY | O_TRUNC), "O_WRONLY|O_CREAT|O_TRUNC");
	CHECK_STR(text(O_PATH | LARGEFILE), "O_RDONLY|O_LARGEFILE|O_PATH");
}

TEST(of_flags_that_overlap_only_the_larger_is_told)
{
	CHECK_STR(text(O_SYNC), "O_RDONLY|O_SYNC");
	CHECK_STR(text(O_DSYNC), "O_RDONLY|O_DSYNC");
	CHECK_STR(text(O_TMPFILE | O_RDWR), "O_RDWR|O_TMPFILE");
	CHECK_STR(text(O_DIRECTORY), "O_RDONLY|O_DIRECTORY");
	CHECK_STR(text(O_SYNC | O_TMPFILE | O_WRONLY), "O_WRONLY|O_SYNC|O_TMPFILE");
}

TEST(what_has_no_name_is_in_hex)
{
	CHECK_STR(text(O_SYNC & ~O_DSYNC), "O_RDONLY|0x100000");
	CHECK_STR(text(3), "0x3");
	CHECK_STR(text(3 | O_CREAT), "O_CREAT|0x3");
	CHECK_STR(text(0x7000000000000000 | O_WRONLY), "O_WRONLY|0x7000000000000000");
	CHECK_STR(text((O_TMPFILE & ~O_DIRECTORY) | O_RDWR), "O_RDWR|0x400000");
}

TEST(all_of_them_at_once)
{
	struct value v;

	open_flags_text(UINT64_MAX, &v);
	CHECK(v.kind == VALUE_TEXT && v.len > 100 && strlen(v.data) == v.len);
	CHECK(strstr(v.data, "O_PATH|0x"));
	open_flags_text(UINT64_MAX & ~3ull, &v);
	CHECK(!strncmp(v.data, "O_RDONLY|", 9));
}

static char why[128];

static struct open_flags parse(const char *list)
{
	struct open_flags flags = {};

	if (open_flags_parse(list, &flags, why))
		TEST_FAIL("'%s' is refused: %s", list, why);
	return flags;
}

TEST(lists)
{
	struct open_flags flags = parse("O_CREAT");

	CHECK(flags.any == O_CREAT && !flags.access);
	flags = parse("o_creat,O_EXCL");
	CHECK(flags.any == (O_CREAT | O_EXCL) && !flags.access);
	flags = parse("O_RDONLY");
	CHECK(!flags.any && flags.access == 1 << O_RDONLY);
	flags = parse("O_WRONLY,O_RDWR,O_PATH");
	CHECK(flags.any == O_PATH && flags.access == (1 << O_WRONLY | 1 << O_RDWR));
	flags = parse("O_LARGEFILE");
	CHECK(flags.any == LARGEFILE);
	flags = parse("O_DIRECTORY");
	CHECK(flags.any == O_DIRECTORY);
	flags = parse("O_DSYNC");
	CHECK(flags.any == O_DSYNC);
}

TEST(a_flag_that_contains_another_is_asked_for_by_its_own_bit)
{
	CHECK(parse("O_SYNC").any == (O_SYNC & ~O_DSYNC));
	CHECK(parse("O_TMPFILE").any == (O_TMPFILE & ~O_DIRECTORY));
	CHECK(parse("O_SYNC,O_DSYNC").any == O_SYNC);
}

TEST(what_is_no_flag_is_named)
{
	static const char *const bad[] = {
		"",	 ",",	     "O_CREAT,",       "O_CREA", "O_CREATE",
		"CREAT", " O_CREAT", "O_CREAT|O_EXCL", "0x40",	 "O_CREAT,nonsense"
	};
	struct open_flags flags = {};
	static char longer[1000];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (open_flags_parse(bad[i], &flags, why) != -EINVAL)
			TEST_FAIL("'%s' is taken", bad[i]);
	CHECK(strstr(why, "'nonsense'"));
	memset(longer, 'O', sizeof(longer) - 1);
	CHECK(open_flags_parse(longer, &flags, why) == -EINVAL && strlen(why) < sizeof(why));
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
