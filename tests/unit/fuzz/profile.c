/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Any bytes as a file of folded stacks or of pprof: they are refused with one line, or make a profile
 * that every form can be written of, and that is the same after it was written and read again. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/profile.h"
#include "lib/text.h"

typedef int form_fn(const struct profile *profile, int fd);

static void broken(const char *promise)
{
	fprintf(stderr, "broken promise: %s\n", promise);
	abort();
}

static int file_new(void)
{
	int fd = memfd_create("profile", MFD_CLOEXEC);

	if (fd < 0)
		broken("a file in memory");
	return fd;
}

static struct profile *read_file(int fd)
{
	struct profile *profile;
	char path[64], why[256] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!profile_read(path, &profile, why))
		return profile;
	if (!*why || strchr(why, '\n') || !memchr(why, '\0', sizeof(why)))
		broken("one line says why");
	return NULL;
}

static char *form(const struct profile *profile, form_fn *write)
{
	int fd = file_new();
	off_t size;
	char *text;

	if (write(profile, fd))
		broken("it can be written");
	size = lseek(fd, 0, SEEK_END);
	text = calloc(1, size + 1);
	if (!text || pread(fd, text, size, 0) != size)
		broken("it can be read");
	close(fd);
	return text;
}

static void same_after(const struct profile *profile, form_fn *write, const char *folded)
{
	int fd = file_new();
	struct profile *again;
	char *text;

	if (write(profile, fd))
		broken("it can be written");
	again = read_file(fd);
	if (!again)
		broken("what is written can be read");
	text = form(again, profile_write_folded);
	if (strcmp(text, folded))
		broken("it is the same after it was read");
	free(text);
	profile_free(again);
	close(fd);
}

static int report(const struct profile *profile, int fd)
{
	return profile_write_report(profile, fd, 80);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static form_fn *const forms[] = { report, profile_write_svg, profile_write_html,
					  profile_write_speedscope };
	struct profile *profile;
	struct buf b = {};
	char *folded;
	int fd = file_new(), diff = file_new();

	text_init();
	if (write(fd, data, size) != (ssize_t)size)
		return 0;
	profile = read_file(fd);
	if (profile) {
		folded = form(profile, profile_write_folded);
		same_after(profile, profile_write_folded, folded);
		/* pprof has signed numbers. */
		if (profile_total(profile, PROFILE_SAMPLES) <= INT64_MAX &&
		    profile_total(profile, PROFILE_CPU_NS) <= INT64_MAX / 2 &&
		    profile_total(profile, PROFILE_OFF_NS) <= INT64_MAX / 2)
			same_after(profile, profile_write_pprof, folded);
		for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
			free(form(profile, forms[i]));
		if (profile_put_json(profile, &b) || profile_put_top(profile, &b, 80, 24) ||
		    profile_write_diff(profile, profile, diff, size & 1))
			broken("it can be written");
		buf_done(&b);
		free(folded);
		profile_free(profile);
	}
	close(fd);
	close(diff);
	return 0;
}
