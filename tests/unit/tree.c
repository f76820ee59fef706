/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "lib/tree.h"

#include "test.h"

static struct record {
	struct bytes unused;
	__u32 pids[40];
} record;

#define OFF offsetof(struct record, pids)

/* The ancestors of a process, parent first, ended by 0. */
static struct bytes chain(const __u32 *pids)
{
	__u32 n = 0;

	memset(&record, 0, sizeof(record));
	while (pids[n]) {
		record.pids[n] = pids[n];
		n++;
	}
	return (struct bytes){ .off = OFF, .len = (n + 1) * sizeof(__u32) };
}

static void add(__u32 pid, const __u32 *pids)
{
	struct bytes b = chain(pids);

	tree_add(pid, &b, &record, sizeof(record));
}

static unsigned int depth(__u32 pid, const __u32 *pids)
{
	struct bytes b = chain(pids);

	return tree_depth(pid, &b, &record, sizeof(record));
}

#define PIDS(...) ((const __u32[]){ __VA_ARGS__, 0 })

TEST(nothing_is_remembered_at_first)
{
	CHECK(depth(10, PIDS(1)) == 0);
	CHECK(depth(UINT32_MAX, PIDS(UINT32_MAX - 1)) == 0);
}

TEST(children_are_deeper)
{
	add(100, PIDS(1));
	CHECK(depth(100, PIDS(1)) == 0);
	CHECK(depth(101, PIDS(100, 1)) == 1);
	add(101, PIDS(100, 1));
	CHECK(depth(102, PIDS(101, 100, 1)) == 2);
	add(102, PIDS(101, 100, 1));
	CHECK(depth(103, PIDS(102, 101, 100, 1)) == 3);
	/* Its sibling. */
	CHECK(depth(104, PIDS(100, 1)) == 1);
}

TEST(ancestors_that_were_not_shown_do_not_count)
{
	add(200, PIDS(1));
	CHECK(depth(210, PIDS(205, 204, 200, 1)) == 1);
	add(210, PIDS(205, 204, 200, 1));
	CHECK(depth(220, PIDS(215, 210, 205, 204, 200, 1)) == 2);
}

TEST(a_second_exec_of_a_process_is_as_deep_as_the_first)
{
	add(300, PIDS(1));
	add(301, PIDS(300, 1));
	add(301, PIDS(300, 1));
	CHECK(depth(301, PIDS(300, 1)) == 1);
	CHECK(depth(302, PIDS(301, 300, 1)) == 2);
	/* Even if it is told as its own ancestor. */
	CHECK(depth(301, PIDS(301, 300, 1)) == 1);
}

TEST(a_number_that_is_used_again_starts_anew)
{
	add(400, PIDS(1));
	add(401, PIDS(400, 1));
	add(401, PIDS(1));
	CHECK(depth(402, PIDS(401, 1)) == 1);
}

TEST(the_largest_pid)
{
	add(4194303, PIDS(1));
	CHECK(depth(5, PIDS(4194303)) == 1);
}

TEST(a_record_that_lies_is_no_overrun)
{
	const struct bytes wrong[] = {
		{ 0, 8, 0 },
		{ OFF, sizeof(record), 0 },
		{ sizeof(record), 4, 0 },
		{ sizeof(record) + 1, 0, 0 },
		{ UINT32_MAX, 8, 0 },
		{ OFF, UINT32_MAX, 0 },
		{ OFF, 3, 0 },
		{ OFF, 0, 0 },
	};

	add(500, PIDS(1));
	chain(PIDS(500));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (tree_depth(501, &wrong[i], &record, sizeof(record)))
			TEST_FAIL("case %zu", i);
		tree_add(510 + i, &wrong[i], &record, sizeof(record));
		CHECK(depth(600, PIDS(510 + (__u32)i)) == 1);
	}
	/* Ancestors that end with the record rather than with 0. */
	chain(PIDS(1));
	for (int i = 0; i < 40; i++)
		record.pids[i] = 7000 + i;
	CHECK(tree_depth(8, &(struct bytes){ OFF, 160, 0 }, &record, sizeof(record)) == 0);
}
