/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Files that are replaced in the end or not at all. */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/replace.h"
#include "lib/util.h"
#include "test.h"

static char dir[] = "/tmp/replace.XXXXXX";
static char path[64], link_path[64];

static void put(const char *text)
{
	FILE *file = fopen(path, "we");

	CHECK(file && fputs(text, file) >= 0);
	CHECK(file && !fclose(file));
}

static bool has(const char *text)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char got[64] = "";

	return file && fgets(got, sizeof(got), file) && !strcmp(got, text);
}

static int entries(void)
{
	_cleanup_closedir_ DIR *d = opendir(dir);
	int n = 0;

	while (d && readdir(d))
		n++;
	return n - 2;
}

TEST(setup)
{
	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/file", dir);
	snprintf(link_path, sizeof(link_path), "%s/link", dir);
	CHECK(!symlink("file", link_path));
}

TEST(a_new_file_is_there_when_it_is_committed)
{
	struct replace r;
	uint64_t keep = 0;
	struct stat st;

	umask(0);
	CHECK(!replace_open(&r, path, &keep));
	CHECK(!keep);
	CHECK(write(r.fd, "new", 3) == 3);
	CHECK(access(path, F_OK) && errno == ENOENT);
	CHECK(!replace_commit(&r));
	CHECK(has("new"));
	CHECK(!stat(path, &st) && (st.st_mode & 07777) == 0600);
	CHECK(entries() == 2);
}

TEST(what_was_there_stays_until_then_also_behind_a_link)
{
	struct replace r;
	uint64_t keep = 0;
	struct stat st;

	put("old");
	CHECK(!replace_open(&r, link_path, &keep));
	CHECK(write(r.fd, "new", 3) == 3);
	CHECK(has("old"));
	replace_done(&r);
	CHECK(has("old"));
	CHECK(!replace_open(&r, link_path, &keep));
	CHECK(write(r.fd, "new", 3) == 3);
	CHECK(!replace_commit(&r));
	CHECK(has("new"));
	CHECK(!lstat(link_path, &st) && S_ISLNK(st.st_mode));
	CHECK(entries() == 2);
}

TEST(a_device_is_written_to_and_not_replaced)
{
	struct replace r;
	uint64_t keep = 0;
	struct stat st;

	CHECK(!replace_open(&r, "/dev/null", &keep));
	CHECK(write(r.fd, "x", 1) == 1);
	CHECK(!replace_commit(&r));
	CHECK(!stat("/dev/null", &st) && S_ISCHR(st.st_mode));
}

TEST(another_ones_directory_needs_a_capability)
{
	struct replace r;
	uint64_t keep = 0;

	if (geteuid())
		SKIP("not root");
	CHECK(!chown(dir, 65534, 65534));
	CHECK(!replace_open(&r, path, &keep));
	CHECK(keep == 1ull << CAP_DAC_OVERRIDE);
	replace_done(&r);
	/* In a sticky one, root itself cannot replace the file of a third one when it is root no more. */
	CHECK(!chmod(dir, 01777) && !chown(path, 65533, 65533));
	CHECK(replace_open(&r, path, &keep) == -EPERM);
	CHECK(!chown(dir, 0, 0) && !chmod(dir, 0700));
}

TEST(what_cannot_be_written_is_an_error_at_once)
{
	struct replace r;
	uint64_t keep = 0;

	CHECK(replace_open(&r, "/nonexistent/file", &keep) == -ENOENT);
	CHECK(replace_open(&r, "", &keep) == -ENOENT);
	CHECK(replace_open(&r, dir, &keep) == -EISDIR);
	CHECK(entries() == 2);
}

TEST(cleanup)
{
	CHECK(!unlink(path) && !unlink(link_path) && !rmdir(dir));
}
