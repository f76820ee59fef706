/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a unit test needs.  One program is one .c file that includes this once:
 *
 *	TEST(list_keeps_order)
 *	{
 *		CHECK(...);		// goes on after a failure
 *		if (!something)
 *			SKIP("no something here");	// leaves the test
 *	}
 *
 * Tests run in the order of the file and report as TAP version 13; the exit status
 * is 1 if any failed.  Arguments choose tests by name. */
#ifndef CORELETS_TEST_H
#define CORELETS_TEST_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/buf.h"

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};

static struct test *tests, **tests_end = &tests;
static unsigned int test_failures; /* of the running test */
static const char *test_skip;	   /* why it was skipped */

#define TEST(id)                                                          \
	static void test_##id(void);                                      \
	static void __attribute__((constructor)) test_add_##id(void)      \
	{                                                                 \
		static struct test t = { .name = #id, .run = test_##id }; \
                                                                          \
		*tests_end = &t;                                          \
		tests_end = &t.next;                                      \
	}                                                                 \
	static void test_##id(void)

#define SKIP(why)                  \
	do {                       \
		test_skip = (why); \
		return;            \
	} while (0)

/* Says no more than the first few failures of a test: loops may have thousands. */
#define TEST_FAIL(...)                                           \
	do {                                                     \
		if (test_failures++ < 10) {                      \
			printf("# %s:%d: ", __FILE__, __LINE__); \
			printf(__VA_ARGS__);                     \
			putchar('\n');                           \
		}                                                \
	} while (0)

#define CHECK(cond)                             \
	do {                                    \
		if (!(cond))                    \
			TEST_FAIL("%s", #cond); \
	} while (0)

/* Two integers. */
#define CHECK_INT(got, want)                                                  \
	do {                                                                  \
		long long got_ = (long long)(got), want_ = (long long)(want); \
                                                                              \
		if (got_ != want_)                                            \
			TEST_FAIL("%s is %lld, not %lld", #got, got_, want_); \
	} while (0)

/* A struct buf * and n bytes that it must contain, no more and no less. */
#define CHECK_BYTES(b, want, n) test_bytes(__FILE__, __LINE__, b, want, n)

/* A struct buf * and the string literal that it must contain. */
#define CHECK_STR(b, want) test_bytes(__FILE__, __LINE__, b, want, sizeof("" want) - 1)

static inline void test_quote(const char *what, const void *s, size_t n)
{
	const unsigned char *p = s;
	size_t i;

	printf("#   %s \"", what);
	for (i = 0; i < n && i < 200; i++) {
		if (p[i] < 0x20 || p[i] > 0x7e || p[i] == '"' || p[i] == '\\')
			printf("\\x%02x", p[i]);
		else
			putchar(p[i]);
	}
	printf("\"%s (%zu bytes)\n", i < n ? "..." : "", n);
}

static inline void test_bytes(const char *file, int line, const struct buf *b, const void *want,
			      size_t n)
{
	if (!b->failed && b->len == n && (!n || !memcmp(b->data, want, n)))
		return;
	if (test_failures++ >= 10)
		return;
	printf("# %s:%d: content differs%s\n", file, line, b->failed ? " (out of memory)" : "");
	test_quote("got ", b->data, b->len);
	test_quote("want", want, n);
}

int main(int argc, char **argv)
{
	unsigned int count = 0, failed = 0;
	struct test *t;
	int i;

	setvbuf(stdout, NULL, _IOLBF, 0); /* nothing is lost, or told twice, if a test dies */
	printf("TAP version 13\n");
	for (t = tests; t; t = t->next) {
		for (i = 1; i < argc && strcmp(argv[i], t->name); i++)
			;
		if (argc > 1 && i == argc)
			continue;
		test_failures = 0;
		test_skip = NULL;
		t->run();
		failed += !!test_failures;
		printf("%s %u - %s%s%s\n", test_failures ? "not ok" : "ok", ++count, t->name,
		       test_skip ? " # SKIP " : "", test_skip ? test_skip : "");
	}
	printf("1..%u\n", count);
	return failed || !count;
}

#endif
