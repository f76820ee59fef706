/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <mntent.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>

#include <bpf/bpf.h>

#include "lib/filter.h"
#include "lib/util.h"

#define PID_LIMIT      (4u << 20)  /* PID_MAX_LIMIT, include/linux/threads.h */
#define PIDNS_INIT_INO 0xeffffffcu /* PROC_PID_INIT_INO, include/linux/proc_ns.h */

static int id_list_add(struct id_list *list, uint32_t id)
{
	uint32_t *ids = realloc(list->ids, (list->count + 1) * sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	ids[list->count++] = id;
	list->ids = ids;
	return 0;
}

static int parse_number(const char *text, uint32_t *ret)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || *text == '+' || v > UINT32_MAX)
		return -EINVAL;
	*ret = v;
	return 0;
}

/* As the caller's PID namespace numbers them, whichever /proc is mounted. */
static bool pid_exists(uint32_t id, bool thread)
{
	int fd;

	if (thread)
		return !syscall(SYS_tkill, id, 0) || errno == EPERM;
	fd = syscall(SYS_pidfd_open, id, 0); /* of processes only, not of their threads */
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Calls *one* for each part of a comma-separated list. */
static int parse_list(const char *arg, void *target, char why[128],
		      int (*one)(const char *part, void *target, char why[128]))
{
	_cleanup_free_ char *copy = strdup(arg);
	char *rest = copy, *part;

	if (!copy)
		return -ENOMEM;
	while ((part = strsep(&rest, ","))) {
		int err = one(part, target, why);

		if (err)
			return err;
	}
	return 0;
}

static int parse_task(const char *part, struct id_list *list, char why[128], bool thread)
{
	const char *what = thread ? "thread" : "process";
	uint32_t id;

	if (parse_number(part, &id) || !id) {
		snprintf(why, 128, "'%.60s' is no %s number", part, what);
		return -EINVAL;
	}
	if (!pid_exists(id, thread)) {
		snprintf(why, 128, "there is no %s %u", what, id);
		return -ESRCH;
	}
	return id_list_add(list, id);
}

static int parse_pid(const char *part, void *target, char why[128])
{
	return parse_task(part, target, why, false);
}

static int parse_tid(const char *part, void *target, char why[128])
{
	return parse_task(part, target, why, true);
}

static int parse_user(const char *part, void *target, char why[128])
{
	struct passwd *user;
	uint32_t id;

	if (!parse_number(part, &id))
		return id_list_add(target, id);
	user = *part ? getpwnam(part) : NULL;
	if (!user) {
		snprintf(why, 128, "there is no user '%.60s'", part);
		return -ENOENT;
	}
	return id_list_add(target, user->pw_uid);
}

static int parse_comm(const char *part, void *target, char why[128])
{
	struct filter_options *options = target;
	size_t len = strlen(part), n = options->comm_count;
	bool prefix = len && part[len - 1] == '*';

	if (n == FILTER_COMMS) {
		snprintf(why, 128, "at most %d names", FILTER_COMMS);
		return -E2BIG;
	}
	if (!len || len - prefix > COMM_SIZE - 1) {
		snprintf(why, 128, "'%.60s': names of threads have 1 to %d bytes", part,
			 COMM_SIZE - 1);
		return -EINVAL;
	}
	memcpy(options->comms[n], part, len - prefix);
	options->comm_len[n] = prefix ? len - 1 : len + 1; /* with the NUL: the whole name */
	options->comm_count++;
	return 0;
}

int filter_parse_pids(const char *arg, void *target, char why[128])
{
	return parse_list(arg, target, why, parse_pid);
}

int filter_parse_tids(const char *arg, void *target, char why[128])
{
	return parse_list(arg, target, why, parse_tid);
}

int filter_parse_users(const char *arg, void *target, char why[128])
{
	return parse_list(arg, target, why, parse_user);
}

int filter_parse_comms(const char *arg, void *target, char why[128])
{
	return parse_list(arg, target, why, parse_comm);
}

void filter_options_done(struct filter_options *options)
{
	free(options->pids.ids);
	free(options->tids.ids);
	free(options->uids.ids);
}

/* ---- cgroups ---- */

/* Where cgroup v2 is mounted, at whichever place; NULL if nowhere. */
static char *cgroup2_mount(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	char *path = NULL;

	while (mounts && !path && (entry = getmntent(mounts)))
		if (!strcmp(entry->mnt_type, "cgroup2"))
			path = strdup(entry->mnt_dir);
	if (mounts)
		endmntent(mounts);
	return path;
}

int filter_open_cgroup(const char *path, char why[256])
{
	_cleanup_free_ char *root = NULL, *below = NULL;
	_cleanup_close_ int fd = -1;
	struct statfs fs;

	if (!*path) {
		snprintf(why, 256, "--cgroup: an empty path; write / for the root");
		return -EINVAL;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && !fstatfs(fd, &fs)) {
		if ((unsigned int)fs.f_type == CGROUP2_SUPER_MAGIC)
			return take_fd(fd);
		if ((unsigned int)fs.f_type == CGROUP_SUPER_MAGIC) {
			snprintf(why, 256, "--cgroup: %.150s is of cgroup v1; only v2 is supported",
				 path);
			return -EINVAL;
		}
		close(take_fd(fd));
	}
	root = cgroup2_mount();
	if (!root) {
		snprintf(why, 256, "--cgroup: no cgroup v2 hierarchy is mounted");
		return -ENOENT;
	}
	if (asprintf(&below, "%s/%s", root, path) < 0)
		return -ENOMEM;
	fd = open(below, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && !fstatfs(fd, &fs) && (unsigned int)fs.f_type == CGROUP2_SUPER_MAGIC)
		return take_fd(fd);
	snprintf(why, 256,
		 "--cgroup: there is no cgroup (v2) %.80s, neither as a directory nor below %.80s",
		 path, root);
	return -ENOENT;
}

/* ---- to the BPF side ---- */

static uint32_t read_u32(const char *path, uint32_t otherwise)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	unsigned int v;

	return file && fscanf(file, "%u", &v) == 1 ? v : otherwise;
}

struct map_size {
	const char *name;
	size_t entries; /* 0: do not create it */
};

static int map_use(struct bpf_object *object, const struct map_size *size)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, size->name);

	if (!map)
		return 0;
	if (!size->entries)
		return bpf_map__set_autocreate(map, false);
	return bpf_map__set_max_entries(map, size->entries);
}

int filter_configure(const struct filter_options *options, struct filter *filter,
		     struct bpf_object *object, uint32_t ring_size)
{
	bool follow = options->follow || options->command;
	uint32_t pid_max;
	int cpus = libbpf_num_possible_cpus();
	struct stat st;

	if (cpus < 0)
		return cpus;
	if (!stat("/proc/self/ns/pid", &st) && st.st_ino != PIDNS_INIT_INO)
		filter->pidns = st.st_ino;
	filter->since_ns = clock_ns(CLOCK_BOOTTIME);
	filter->tool = getpid();
	filter->self = options->self ? 0 : getpid();
	filter->command = options->command;
	filter->follow = follow;
	filter->follow_pids = options->follow && options->pids.count;
	filter->pids = options->pids.count;
	filter->only_pid = filter->pids == 1 ? options->pids.ids[0] : 0;
	filter->tids = options->tids.count;
	filter->uids = options->uids.count;
	filter->comms = options->comm_count;
	filter->cgroup = options->cgroup != NULL;
	memcpy(filter->comm, options->comms, sizeof(filter->comm));
	memcpy(filter->comm_len, options->comm_len, sizeof(filter->comm_len));
	filter->ring_shift = 31 - __builtin_clz(ring_size / 8);

	/* In a PID namespace pid_max may be that of the namespace; this is the kernel's limit. */
	pid_max = filter->pidns ? PID_LIMIT : read_u32("/proc/sys/kernel/pid_max", PID_LIMIT);
	const struct map_size sizes[] = {
		{ "events", ring_size },
		{ "scratches", cpus },
		{ "lost", cpus },
		{ "filter_pids", options->pids.count },
		{ "filter_tids", options->tids.count },
		{ "filter_uids", options->uids.count },
		{ "filter_cgroup", options->cgroup ? 1 : 0 },
		{ "followed", follow ? pid_max / FOLLOWED_CHUNK + 1 : 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		int err = map_use(object, &sizes[i]);

		if (err)
			return err;
	}
	return 0;
}

static int list_fill(struct bpf_object *object, const char *name, const struct id_list *list)
{
	int fd = bpf_object__find_map_fd_by_name(object, name);
	uint8_t one = 1;

	for (size_t i = 0; i < list->count; i++)
		if (bpf_map_update_elem(fd, &list->ids[i], &one, BPF_ANY))
			return -errno;
	return 0;
}

int filter_fill(const struct filter_options *options, struct bpf_object *object, int cgroup_fd)
{
	int fd = bpf_object__find_map_fd_by_name(object, "filter_cgroup"), err;
	uint32_t zero = 0;

	if (cgroup_fd >= 0 && bpf_map_update_elem(fd, &zero, &cgroup_fd, BPF_ANY))
		return -errno;
	err = list_fill(object, "filter_pids", &options->pids);
	if (!err)
		err = list_fill(object, "filter_tids", &options->tids);
	if (!err)
		err = list_fill(object, "filter_uids", &options->uids);
	return err;
}
