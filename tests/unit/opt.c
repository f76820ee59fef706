/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "lib/opt.h"

#include "test.h"

static bool flag, other;
static const char *string;
static uint64_t number, ns, size;
static char called[64];

static int parse_called(const char *arg, void *target, char why[128])
{
	if (!strcmp(arg, "bad")) {
		snprintf(why, 128, "'%s' is bad", arg);
		return -EINVAL;
	}
	strcat(target, arg);
	strcat(target, ";");
	return 0;
}

static const struct opt common[] = {
	OPT_BOOL('f', "flag", &flag, "a flag"),
	OPT_STRING('s', "string", "TEXT", &string, "a string"),
	OPT_CALL('d', "duration", "TIME", opt_parse_time, &ns, "a time"),
	OPT_CALL(0, "buffer", "SIZE", opt_parse_size, &size, "a size"),
	OPT_CALL('c', "call", "WORD[,...]", parse_called, called, "a call"),
	OPT_END,
};

static const struct opt own[] = {
	OPT_BOOL('x', "other", &other, "another flag"),
	OPT_U64(0, "number", "N", &number, "a number"),
	OPT_END,
};

static char why[256];

/* Parses words, a copy of them: getopt may move what it is given. */
static int parse(const struct opt *second, ...)
{
	char *argv[16] = { "tool" };
	va_list words;
	int argc = 1;

	flag = other = false;
	string = NULL;
	number = ns = size = 0;
	called[0] = why[0] = '\0';
	va_start(words, second);
	while ((argv[argc] = va_arg(words, char *)))
		argc++;
	va_end(words);
	return opt_parse(common, second, argc, argv, why);
}

#define PARSE(...)   parse(own, __VA_ARGS__, NULL)
#define REFUSED(...) CHECK(PARSE(__VA_ARGS__) == -EINVAL && why[0] && !strchr(why, '\n'))

TEST(every_kind_is_stored)
{
	CHECK(PARSE("-f", "-s", "text", "--number", "42", "-c", "a", "-cb", "--call=c", "-x") ==
	      11);
	CHECK(flag && other && number == 42);
	CHECK(string && !strcmp(string, "text"));
	CHECK(!strcmp(called, "a;b;c;"));
	CHECK(PARSE("--number=18446744073709551615") == 2 && number == UINT64_MAX);
	CHECK(PARSE("-fx") == 2 && flag && other);
	CHECK(PARSE("-fsx") == 2 && flag && !other && !strcmp(string, "x"));
	CHECK(PARSE("--string=") == 2 && !strcmp(string, ""));
	CHECK(parse(own, NULL) == 1 && !flag);
}

TEST(a_second_table_may_be_missing)
{
	CHECK(parse(NULL, "-f", NULL) == 2 && flag);
	CHECK(parse(NULL, "-x", NULL) == -EINVAL && strstr(why, "-x"));
	CHECK(parse(NULL, "--other", NULL) == -EINVAL && strstr(why, "--other"));
}

TEST(it_stops_at_the_first_word_and_at_two_dashes)
{
	CHECK(PARSE("-f", "word", "-x") == 2 && flag && !other);
	CHECK(PARSE("-f", "--", "-x") == 3 && flag && !other);
	CHECK(PARSE("--", "--", "-x") == 2 && !other);
	CHECK(PARSE("-") == 1);
	CHECK(PARSE("") == 1);
	/* Parsing starts over each time. */
	CHECK(PARSE("-x") == 2 && other);
}

TEST(what_is_wrong_is_named)
{
	REFUSED("-Q");
	CHECK(strstr(why, "-Q"));
	REFUSED("-fQ");
	CHECK(strstr(why, "-Q"));
	REFUSED("--nothing");
	CHECK(strstr(why, "--nothing"));
	REFUSED("--nothing=x");
	CHECK(strstr(why, "--nothing"));
	REFUSED("-s");
	CHECK(strstr(why, "-s"));
	REFUSED("--string");
	CHECK(strstr(why, "--string"));
	REFUSED("--flag=x");
	CHECK(strstr(why, "--flag"));
	REFUSED("-c", "bad");
	CHECK(strstr(why, "--call") && strstr(why, "'bad'"));
	REFUSED("--number", "-1");
	CHECK(strstr(why, "--number") && strstr(why, "-1"));
	REFUSED("--number", "");
	REFUSED("--number", "1x");
	REFUSED("--number", "1.5");
	REFUSED("--number", "0x10");
	REFUSED("--number", "18446744073709551616");
	/* However long it is. */
	static char longer[4000];

	memset(longer, 'a', sizeof(longer) - 1);
	memcpy(longer, "--", 2);
	REFUSED(longer);
	REFUSED("--number", longer);
	REFUSED("-d", longer);
	REFUSED("--buffer", longer);
	CHECK(strlen(why) < sizeof(why));
}

TEST(times)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{ "10", 10000000000 },	   { "1.5", 1500000000 },	  { "500ms", 500000000 },
		{ "2m", 120000000000 },	   { "1h", 3600000000000 },	  { "7us", 7000 },
		{ "0.25s", 250000000 },	   { ".5", 500000000 },		  { "5.", 5000000000 },
		{ "0.5h", 1800000000000 }, { "1000h", 3600000000000000 },
	};
	static const char *const bad[] = {
		"",	 "abc",
		"1x",	 "-1",
		"+1",	 "1e3",
		"inf",	 "nan",
		"0x10",	 "1..5",
		".",	 "1 ms",
		"ms",	 " 1",
		"1 ",	 "1.5.",
		"1,5",	 "1msx",
		"1M",	 "1H",
		"1S",	 "99999999999999h",
		"1e999", "infinity",
		"١",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint64_t v = 0;

		CHECK(!opt_parse_time(good[i].text, &v, why));
		if (v != good[i].ns)
			TEST_FAIL("%s: %" PRIu64 " ns", good[i].text, v);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t v = 42;

		if (opt_parse_time(bad[i], &v, why) != -EINVAL || v != 42)
			TEST_FAIL("'%s' is taken, as %" PRIu64 " ns", bad[i], v);
		else if (!strstr(why, bad[i]))
			TEST_FAIL("'%s' is not named: %s", bad[i], why);
	}
}

TEST(sizes)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "1", 1 },
		{ "4096", 4096 },
		{ "512K", 512 << 10 },
		{ "512k", 512 << 10 },
		{ "4M", 4 << 20 },
		{ "2G", 2ull << 30 },
		{ "18446744073709551615", UINT64_MAX },
		{ "17179869183G", 17179869183ull << 30 },
	};
	static const char *const bad[] = {
		"",
		"0",
		"0K",
		"abc",
		"K",
		"-1",
		"4X",
		"4MB",
		"1.5M",
		"0x10",
		"4 M",
		"4m",
		"4KK",
		"18446744073709551616",
		"17179869184G",
		"99999999999999999999",
		"-1K",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint64_t v = 0;

		CHECK(!opt_parse_size(good[i].text, &v, why));
		if (v != good[i].bytes)
			TEST_FAIL("%s: %" PRIu64 " bytes", good[i].text, v);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t v = 42;

		if (opt_parse_size(bad[i], &v, why) != -EINVAL || v != 42)
			TEST_FAIL("'%s' is taken, as %" PRIu64 " bytes", bad[i], v);
		else if (!strstr(why, bad[i]))
			TEST_FAIL("'%s' is not named: %s", bad[i], why);
	}
}

TEST(help_has_every_option)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	opt_help(common, to);
	opt_help(own, to);
	opt_help(NULL, to);
	fclose(to);
	CHECK(strstr(text, "-f, --flag "));
	CHECK(strstr(text, "-s, --string TEXT "));
	CHECK(strstr(text, "    --buffer SIZE "));
	CHECK(strstr(text, "-c, --call WORD[,...] "));
	CHECK(strstr(text, "    --number N "));
	CHECK(strstr(text, "another flag\n"));
	free(text);
}
