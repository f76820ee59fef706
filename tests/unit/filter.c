/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <mntent.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/filter.h"

#include "test.h"

static struct filter_options options;
static char why[256];

static void reset(void)
{
	filter_options_done(&options);
	memset(&options, 0, sizeof(options));
	why[0] = '\0';
}

static const char *number(long n)
{
	static char text[4][32];
	static unsigned int at;

	snprintf(text[++at & 3], sizeof(text[0]), "%ld", n);
	return text[at & 3];
}

/* A process that has been and is no more. */
static pid_t ended_process(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

TEST(pids)
{
	char list[64];

	reset();
	CHECK(!filter_parse_pids(number(getpid()), &options.pids, why));
	CHECK(options.pids.count == 1 && options.pids.ids[0] == (uint32_t)getpid());
	snprintf(list, sizeof(list), "%d,%d", getppid(), getpid());
	CHECK(!filter_parse_pids(list, &options.pids, why));
	CHECK(options.pids.count == 3 && options.pids.ids[1] == (uint32_t)getppid());
	CHECK(!options.tids.count && !options.uids.count);
}

TEST(pids_that_are_none)
{
	static const char *const bad[] = { "",		 "0",	       "-1",
					   "abc",	 "1x",	       "1.5",
					   "0x1",	 ",",	       "1,",
					   ",1",	 "1,,1",       "+1",
					   "4294967296", "4294967297", "99999999999999999999" };
	char list[64];
	pid_t gone = ended_process();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		reset();
		if (filter_parse_pids(bad[i], &options.pids, why) >= 0 || !why[0])
			TEST_FAIL("'%s' is taken for a process", bad[i]);
		reset();
		if (filter_parse_tids(bad[i], &options.tids, why) >= 0 || !why[0])
			TEST_FAIL("'%s' is taken for a thread", bad[i]);
	}
	reset();
	snprintf(list, sizeof(list), "%d,%d", getpid(), gone);
	CHECK(filter_parse_pids(list, &options.pids, why) == -ESRCH);
	CHECK(strstr(why, number(gone)));
	CHECK(filter_parse_tids(number(gone), &options.tids, why) == -ESRCH);
	CHECK(strstr(why, number(gone)));
}

static pthread_barrier_t barrier;
static pid_t thread_tid;

static void *thread_run(void *arg)
{
	thread_tid = gettid();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return arg;
}

TEST(a_thread_is_a_thread_and_no_process)
{
	pthread_t thread;

	reset();
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&thread, NULL, thread_run, NULL);
	pthread_barrier_wait(&barrier);
	CHECK(!filter_parse_tids(number(thread_tid), &options.tids, why));
	CHECK(options.tids.count == 1 && options.tids.ids[0] == (uint32_t)thread_tid);
	CHECK(filter_parse_pids(number(thread_tid), &options.pids, why) == -ESRCH);
	CHECK(!options.pids.count);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
}

TEST(users)
{
	static const char *const bad[] = {
		"", ",", "root,", "no-such-user-here", "-1", "4294967296", "0,no-such-user-here"
	};

	reset();
	CHECK(!filter_parse_users("root,4242,0,4294967294", &options.uids, why));
	CHECK(options.uids.count == 4 && options.uids.ids[0] == 0 && options.uids.ids[1] == 4242);
	CHECK(options.uids.ids[3] == 4294967294u);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		reset();
		if (filter_parse_users(bad[i], &options.uids, why) >= 0 || !why[0])
			TEST_FAIL("'%s' is taken for a user", bad[i]);
	}
	CHECK(strstr(why, "no-such-user-here"));
}

TEST(names)
{
	reset();
	CHECK(!filter_parse_comms("abc,prefix*,fifteen-bytes-x,a,*", &options, why));
	CHECK(options.comm_count == 5);
	/* A whole name is compared with its NUL. */
	CHECK(options.comm_len[0] == 4 && !memcmp(options.comms[0], "abc", 4));
	CHECK(options.comm_len[1] == 6 && !memcmp(options.comms[1], "prefix", 7));
	CHECK(options.comm_len[2] == COMM_SIZE && !memcmp(options.comms[2], "fifteen-bytes-x", 16));
	CHECK(options.comm_len[3] == 2);
	CHECK(options.comm_len[4] == 0);
	CHECK(!filter_parse_comms("fifteen-bytes-x*", &options, why));
	CHECK(options.comm_count == 6 && options.comm_len[5] == 15);
	/* Only the last star is special. */
	CHECK(!filter_parse_comms("a*b,c**", &options, why));
	CHECK(options.comm_len[6] == 4 && !memcmp(options.comms[6], "a*b", 4));
	CHECK(options.comm_len[7] == 2 && !memcmp(options.comms[7], "c*", 3));
	CHECK(!filter_parse_comms("\xff\n", &options, why));
}

TEST(names_that_no_thread_can_have)
{
	static const char *const bad[] = {
		"", ",", "a,", ",a", "sixteen-bytes-xx", "sixteen-bytes-xx*", "a,,b"
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		reset();
		if (filter_parse_comms(bad[i], &options, why) >= 0 || !why[0])
			TEST_FAIL("'%s' is taken for a name", bad[i]);
	}
	reset();
	for (int i = 0; i < FILTER_COMMS; i++)
		CHECK(!filter_parse_comms("name", &options, why));
	CHECK(filter_parse_comms("name", &options, why) < 0 && strstr(why, "16"));
	CHECK(options.comm_count == FILTER_COMMS);
}

/* Where cgroup v2 is mounted. */
static bool find_cgroup2(char root[4096])
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	bool found = false;

	while (mounts && !found && (entry = getmntent(mounts))) {
		found = !strcmp(entry->mnt_type, "cgroup2");
		if (found)
			snprintf(root, 4096, "%s", entry->mnt_dir);
	}
	if (mounts)
		endmntent(mounts);
	return found;
}

TEST(cgroups_that_are_none)
{
	static const char *const bad[] = {
		"/nonexistent", "nonexistent", "/tmp", "/etc/passwd", "", ".", "/"
	};
	static char longer[5000];
	char root[4096];
	int fd;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		/* "/" and "." are the root of the hierarchy, if it is not a directory of others. */
		if (find_cgroup2(root) && (!strcmp(bad[i], "/") || !strcmp(bad[i], ".")))
			continue;
		fd = filter_open_cgroup(bad[i], why);
		if (fd >= 0 || !strstr(why, "--cgroup"))
			TEST_FAIL("'%s' is taken for a cgroup", bad[i]);
		if (fd >= 0)
			close(fd);
	}
	memset(longer, 'x', sizeof(longer) - 1);
	CHECK(filter_open_cgroup(longer, why) < 0 && strlen(why) < sizeof(why));
}

TEST(cgroups)
{
	struct statfs fs;
	char root[4096];
	int fd;

	if (!find_cgroup2(root))
		SKIP("no cgroup v2 is mounted");
	fd = filter_open_cgroup(root, why);
	CHECK(fd >= 0 && !fstatfs(fd, &fs) && (unsigned int)fs.f_type == CGROUP2_SUPER_MAGIC);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

TEST(cgroup_v1_is_refused_by_name)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	char path[4096] = "";

	while (mounts && (entry = getmntent(mounts)))
		if (!strcmp(entry->mnt_type, "cgroup"))
			snprintf(path, sizeof(path), "%s", entry->mnt_dir);
	if (mounts)
		endmntent(mounts);
	if (!path[0])
		SKIP("no cgroup v1 is mounted");
	CHECK(filter_open_cgroup(path, why) < 0);
	CHECK(strstr(why, "cgroup v1") && strstr(why, path));
}
