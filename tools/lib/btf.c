/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <fcntl.h>
#include <linux/btf.h>
#include <string.h>
#include <unistd.h>

#include "lib/btf.h"
#include "lib/util.h"

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

static char *strings;
static size_t strings_len;

bool kernel_btf_exists(void)
{
	return !access(KERNEL_BTF, R_OK);
}

/* The string section holds every name, each between two NULs (Documentation/bpf/btf.rst). */
static void strings_read(void)
{
	_cleanup_close_ int fd = open(KERNEL_BTF, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *data = NULL;
	struct btf_header header;
	size_t done = 0;

	if (fd < 0 || pread(fd, &header, sizeof(header), 0) != sizeof(header) ||
	    header.magic != BTF_MAGIC)
		return;
	data = malloc(header.str_len);
	while (data && done < header.str_len) {
		ssize_t n = pread(fd, data + done, header.str_len - done,
				  header.hdr_len + header.str_off + done);

		if (n <= 0)
			return;
		done += n;
	}
	strings = take_ptr(data);
	strings_len = done;
}

bool kernel_btf_has(const char *name)
{
	size_t len = strlen(name) + 1;
	const char *at;

	if (!strings)
		strings_read();
	if (!strings)
		return false;
	at = strings;
	while ((at = memmem(at, strings + strings_len - at, name, len))) {
		if (at > strings && !at[-1])
			return true;
		at++;
	}
	return false;
}

void kernel_btf_done(void)
{
	free(take_ptr(strings));
}
