/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What symbols are read from, damaged.  The first byte says what the rest is:
 *
 *	0	an ELF file
 *	1	an ELF file that is its own debug file, with DWARF
 *	2	/proc/PID/maps
 *	3	a perf map
 *	4	/proc/kallsyms
 *	5	an answer of the helper */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/symbol_helper.h"
#include "lib/symbol_text.h"

/* libdw itself forgets some memory of files that it gives up. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libelf\nleak:libdw\n";
}

static int fd_of(const uint8_t *data, size_t size)
{
	int fd = memfd_create("elf", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	return fd;
}

static void check_string(const char *s, const struct buf *strings)
{
	size_t at = (size_t)s;

	if (at &&
	    (at > strings->len || !memchr(strings->data + at - 1, '\0', strings->len - at + 1)))
		abort();
}

static void fuzz_elf(const uint8_t *data, size_t size, bool debug)
{
	struct frame frames[ELF_FRAMES_MAX];
	struct elf_file *file;
	struct elf_want want;
	uint8_t id[ELF_ID_MAX];
	uint64_t address;
	size_t count;
	int err;

	if (elf_file_open(fd_of(data, size), debug, true, &file))
		return;
	if (elf_file_id(file, id) > ELF_ID_MAX)
		abort();
	for (int i = 0; i < 4; i++) {
		elf_file_wants(file, &want);
		if (!want.kind)
			break;
		err = debug ? elf_file_offer(file, fd_of(data, size)) : 0;
		if (err && err != -ESTALE)
			abort();
	}
	for (uint64_t offset = 0; offset < size && offset < 8192; offset += 32) {
		struct buf strings = {};

		count = elf_file_find(file, offset, &address, frames, ELF_FRAMES_MAX, &strings);
		if (!count || count > ELF_FRAMES_MAX || strings.len > ELF_STRINGS_MAX)
			abort();
		for (size_t i = 0; i < count; i++) {
			if (!frames[i].name != !!frames[i].why)
				abort();
			check_string(frames[i].name, &strings);
			check_string(frames[i].linkage, &strings);
			check_string(frames[i].source, &strings);
		}
		buf_done(&strings);
	}
	elf_file_free(file);
}

static void fuzz_maps(char *text, size_t size)
{
	size_t at = 0, start = 0;
	struct mapping m;
	ssize_t n;

	for (; (n = symbol_line(text, size, &at)) >= 0; start = at) {
		if (!symbol_maps_line(text + start, n, &m))
			continue;
		if (m.end <= m.start || m.path < text + start ||
		    m.path + strlen(m.path) > text + start + n)
			abort();
	}
}

static void fuzz_names(char *text, size_t size,
		       int (*add)(struct symbol_names *, const char *, size_t))
{
	struct symbol_names names = {};
	const struct symbol_range *range;
	size_t at = 0, start = 0;
	ssize_t n;

	for (; (n = symbol_line(text, size, &at)) >= 0; start = at)
		if (add(&names, text + start, n))
			abort();
	symbol_ranges_find(&names.ranges, 0, NULL); /* sorts */
	for (size_t i = 0; i < names.ranges.count; i++) {
		uint64_t address = names.ranges.ranges[i].start;

		range = symbol_ranges_find(&names.ranges, address, NULL);
		if (range && (range->value >= names.names.len || range->start > address ||
			      range->end <= address))
			abort();
	}
	symbol_names_done(&names);
}

static void fuzz_message(const uint8_t *data, size_t size)
{
	static struct helper_message message;
	const struct helper_reply *reply = &message.reply;
	size_t sum = 0;

	size = size < sizeof(message) ? size : sizeof(message);
	memcpy(&message, data, size);
	if (!helper_message_check(&message, size))
		return;
	for (uint32_t i = 0; i < reply->count; i++) {
		const char *strings[] = { reply->frames[i].name, reply->frames[i].linkage,
					  reply->frames[i].source };

		for (int j = 0; j < 3; j++)
			if (strings[j] &&
			    (strings[j] < message.strings ||
			     strings[j] + strlen(strings[j]) >= (char *)&message + size))
				abort();
	}
	sum += strlen(reply->want.link) + reply->build_id_len;
	if (sum >= ELF_LINK_MAX + ELF_ID_MAX)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	text = malloc(size);
	memcpy(text, data + 1, size - 1);
	switch (data[0]) {
	case 0:
	case 1:
		fuzz_elf(data + 1, size - 1, data[0]);
		break;
	case 2:
		fuzz_maps(text, size - 1);
		break;
	case 3:
		fuzz_names(text, size - 1, symbol_jit_line);
		break;
	case 4:
		fuzz_names(text, size - 1, symbol_kallsyms_line);
		break;
	case 5:
		fuzz_message(data + 1, size - 1);
		break;
	}
	free(text);
	return 0;
}
