/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "lib/replace.h"
#include "lib/util.h"

#define TRIES 100

/* The directory of *path*; the caller frees it. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? strndup(path, slash == path ? 1 : slash - path) : strdup(".");
}

/* Another name beside that of the file. */
static char *other_name(const char *path)
{
	uint64_t random;
	char *name;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random) ||
	    asprintf(&name, "%s.%012llx", path, (unsigned long long)random >> 16) < 0)
		return NULL;
	return name;
}

/* A file without a name if the file system can do that, so that nothing of it is left whatever
 * happens. */
static int open_temporary(struct replace *r, const char *directory)
{
	r->fd = -1;
	errno = EOPNOTSUPP;
	if (!access("/proc/self/fd", X_OK)) /* see give_name() */
		r->fd = open(directory, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	for (int i = 0; i < TRIES && r->fd < 0; i++) {
		if (errno != EOPNOTSUPP && errno != EISDIR && errno != EEXIST && errno != EINVAL)
			return -errno;
		free(r->temporary);
		r->temporary = other_name(r->path);
		if (!r->temporary)
			return -ENOMEM;
		r->fd = open(r->temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	}
	return r->fd < 0 || fchmod(r->fd, 0600) ? -errno : 0;
}

static int open_in(struct replace *r, const char *directory, bool exists, uint64_t *keep)
{
	struct stat st, dir;

	if (stat(directory, &dir) || (exists && stat(r->path, &st)))
		return -errno;
	if (exists && S_ISDIR(st.st_mode))
		return -EISDIR;
	if (exists && !S_ISREG(st.st_mode)) {
		r->in_place = true;
		r->fd = open(r->path, O_WRONLY | O_CLOEXEC);
		return r->fd < 0 ? -errno : 0;
	}
	/* Somebody else's, which nobody may replace but root, who is to be so no more by then. */
	if (exists && dir.st_mode & S_ISVTX && st.st_uid != geteuid() && dir.st_uid != geteuid())
		return -EPERM;
	if (dir.st_uid != geteuid() || (~dir.st_mode & (S_IWUSR | S_IXUSR)))
		*keep |= 1ull << CAP_DAC_OVERRIDE;
	return open_temporary(r, directory);
}

int replace_open(struct replace *r, const char *path, uint64_t *keep)
{
	_cleanup_free_ char *directory = NULL;
	bool exists;
	int err;

	*r = (struct replace)REPLACE_NONE;
	r->path = realpath(path, NULL);
	exists = r->path;
	if (!exists)
		r->path = errno == ENOENT && *path ? strdup(path) : NULL;
	if (!r->path)
		return -errno;
	directory = directory_of(r->path);
	err = directory ? open_in(r, directory, exists, keep) : -ENOMEM;
	if (err)
		replace_done(r);
	return err;
}

static int give_name(struct replace *r)
{
	char from[64];

	snprintf(from, sizeof(from), "/proc/self/fd/%d", r->fd);
	for (int i = 0; i < TRIES; i++) {
		_cleanup_free_ char *name = other_name(r->path);

		if (!name)
			return -ENOMEM;
		if (!linkat(AT_FDCWD, from, AT_FDCWD, name, AT_SYMLINK_FOLLOW)) {
			r->temporary = take_ptr(name);
			return 0;
		}
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

int replace_commit(struct replace *r)
{
	int err = 0;

	if (!r->in_place && !r->temporary)
		err = give_name(r);
	if (!err && close(take_fd(r->fd)))
		err = -errno;
	if (!err && !r->in_place && rename(r->temporary, r->path))
		err = -errno;
	if (!err) {
		free(r->temporary);
		r->temporary = NULL;
	}
	replace_done(r);
	return err;
}

void replace_done(struct replace *r)
{
	if (r->temporary)
		unlink(r->temporary);
	close_fd(&r->fd);
	free(r->temporary);
	free(r->path);
	*r = (struct replace)REPLACE_NONE;
}
