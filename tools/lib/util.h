/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Cleanup by scope, and the few helpers that everything uses. */
#ifndef CORELETS_UTIL_H
#define CORELETS_UTIL_H

#include <dirent.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The time of a clock, in ns. */
static inline int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static inline void free_ptr(void *p)
{
	free(*(void **)p);
}

static inline void close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define _cleanup_free_	   __attribute__((cleanup(free_ptr)))
#define _cleanup_close_	   __attribute__((cleanup(close_fd)))
#define _cleanup_fclose_   __attribute__((cleanup(close_file)))
#define _cleanup_closedir_ __attribute__((cleanup(close_dir)))

/* Hands over what a _cleanup_ variable holds. */
#define take_ptr(p)                         \
	({                                  \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})
#define take_fd(fd)                \
	({                         \
		int taken_ = (fd); \
		(fd) = -1;         \
		taken_;            \
	})

#endif
