/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "lib/event.h"
#include "lib/flags.h"
#include "lib/util.h"

#define ACCESS_MODE 3 /* O_ACCMODE, of which O_PATH is a part in musl */

/* include/uapi/asm-generic/fcntl.h and what architectures have of their own. */
static const struct flag {
	const char *name;
	uint64_t mask, value; /* the flag is set if (flags & mask) == value */
} flag_names[] = {
	{ "O_RDONLY", ACCESS_MODE, O_RDONLY },
	{ "O_WRONLY", ACCESS_MODE, O_WRONLY },
	{ "O_RDWR", ACCESS_MODE, O_RDWR },
	{ "O_CREAT", O_CREAT, O_CREAT },
	{ "O_EXCL", O_EXCL, O_EXCL },
	{ "O_NOCTTY", O_NOCTTY, O_NOCTTY },
	{ "O_TRUNC", O_TRUNC, O_TRUNC },
	{ "O_APPEND", O_APPEND, O_APPEND },
	{ "O_NONBLOCK", O_NONBLOCK, O_NONBLOCK },
	{ "O_SYNC", O_SYNC, O_SYNC },
	{ "O_DSYNC", O_DSYNC, O_DSYNC },
	{ "O_ASYNC", O_ASYNC, O_ASYNC },
	{ "O_DIRECT", O_DIRECT, O_DIRECT },
	{ "O_LARGEFILE", KERNEL_O_LARGEFILE, KERNEL_O_LARGEFILE },
	{ "O_TMPFILE", O_TMPFILE, O_TMPFILE },
	{ "O_DIRECTORY", O_DIRECTORY, O_DIRECTORY },
	{ "O_NOFOLLOW", O_NOFOLLOW, O_NOFOLLOW },
	{ "O_NOATIME", O_NOATIME, O_NOATIME },
	{ "O_CLOEXEC", O_CLOEXEC, O_CLOEXEC },
	{ "O_PATH", O_PATH, O_PATH },
};

/* Whether *part* is one of the bits of *whole*, which has more: O_DSYNC of O_SYNC, O_DIRECTORY of
 * O_TMPFILE. */
static bool flag_contains(const struct flag *whole, const struct flag *part)
{
	return whole != part && part->mask != ACCESS_MODE && whole->mask == whole->value &&
	       (whole->value & part->value) == part->value;
}

int open_flags_parse(const char *arg, void *target, char why[128])
{
	_cleanup_free_ char *copy = strdup(arg);
	struct open_flags *to = target;
	char *rest = copy, *name;

	if (!copy)
		return -ENOMEM;
	while ((name = strsep(&rest, ","))) {
		const struct flag *flag = NULL;
		uint64_t bits;

		for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++)
			if (!strcasecmp(flag_names[i].name, name))
				flag = &flag_names[i];
		if (!flag) {
			snprintf(why, 128, "there is no flag '%.60s'; write O_CREAT,O_WRONLY",
				 name);
			return -EINVAL;
		}
		if (flag->mask == ACCESS_MODE) {
			to->access |= 1 << flag->value;
			continue;
		}
		bits = flag->value;
		for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++)
			if (flag_contains(flag, &flag_names[i]))
				bits &= ~flag_names[i].value; /* the bit of its own */
		to->any |= bits;
	}
	return 0;
}

/* Whether another flag that is set has all bits of this one, and more. */
static bool flag_told_by_other(const struct flag *flag, uint64_t flags)
{
	for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++)
		if ((flags & flag_names[i].mask) == flag_names[i].value &&
		    flag_contains(&flag_names[i], flag))
			return true;
	return false;
}

void open_flags_text(uint64_t flags, struct value *v)
{
	static char text[512];
	uint64_t known = 0;
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(flag_names); i++) {
		const struct flag *flag = &flag_names[i];

		if ((flags & flag->mask) != flag->value)
			continue;
		known |= flag->value;
		if (!flag_told_by_other(flag, flags))
			len += snprintf(text + len, sizeof(text) - len, "%s%s", len ? "|" : "",
					flag->name);
	}
	if (flags & ~known)
		snprintf(text + len, sizeof(text) - len, "%s%#llx", len ? "|" : "",
			 (unsigned long long)(flags & ~known));
	value_text(v, text);
}

const char *file_type_name(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "reg";
	case S_IFDIR:
		return "dir";
	case S_IFCHR:
		return "char";
	case S_IFBLK:
		return "block";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "sock";
	case S_IFLNK:
		return "link";
	default:
		return NULL;
	}
}
