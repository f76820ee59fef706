/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>

#include "lib/symbol_internal.h"
#include "lib/util.h"

#define REREAD_NS 3000000000LL
#define PIECE	  (64 << 10)

/* Whether addresses are shown is decided when the file is opened, so it is opened early and read
 * late: by then, capabilities may be gone. */
void kernel_init(struct kernel *kernel)
{
	kernel->fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
}

void kernel_done(struct kernel *kernel)
{
	close_fd(&kernel->fd);
	symbol_names_done(&kernel->names);
}

/* Without addresses (kptr_restrict) all lines are left out. */
static void kernel_read(struct kernel *kernel)
{
	_cleanup_free_ char *piece = malloc(PIECE);
	struct symbol_names names = {};
	size_t len = 0, at, start;
	ssize_t got, n;

	kernel->read = true;
	kernel->read_ns = clock_ns(CLOCK_MONOTONIC);
	if (!piece || kernel->fd < 0 || lseek(kernel->fd, 0, SEEK_SET))
		return;
	while ((got = read(kernel->fd, piece + len, PIECE - len)) > 0) {
		len += got;
		for (at = start = 0; (n = symbol_line(piece, len, &at)) >= 0; start = at)
			if (symbol_kallsyms_line(&names, piece + start, n)) {
				symbol_names_done(&names);
				return;
			}
		len -= start;
		memmove(piece, piece + start, len);
		if (len == PIECE)
			len = 0;
	}
	if (names.ranges.count) {
		symbol_names_done(&kernel->names);
		kernel->names = names;
	} else {
		symbol_names_done(&names);
	}
}

static const struct symbol_range *kernel_find(struct kernel *kernel, uint64_t address)
{
	const struct symbol_range *range;

	range = symbol_ranges_find(&kernel->names.ranges, address, NULL);
	/* Behind the end of the kernel's code there is none. */
	if (range && (!strcmp(kernel->names.names.data + range->value, "_etext") ||
		      !strcmp(kernel->names.names.data + range->value, "_einittext")))
		return NULL;
	return range;
}

size_t symbol_kernel(struct symbolizer *symbolizer, uint64_t address, struct frame *frames,
		     size_t max)
{
	struct kernel *kernel = &symbolizer->kernel;
	const struct symbol_range *range;
	const char *name, *module = "[kernel]";
	struct frame *frame = frames;

	if (!max)
		return 0;
	if (!kernel->read)
		kernel_read(kernel);
	range = kernel_find(kernel, address);
	if (!range && kernel->names.ranges.count &&
	    clock_ns(CLOCK_MONOTONIC) - kernel->read_ns > REREAD_NS) {
		kernel_read(kernel); /* a module or BPF program that is new */
		range = kernel_find(kernel, address);
	}
	*frame = (struct frame){ .kind = FRAME_KERNEL, .address = address };
	if (range) {
		name = kernel->names.names.data + range->value;
		if (range->rank & 1)
			module = name + strlen(name) + 1;
		if (!strcmp(module, "[bpf]") && !strncmp(name, "bpf_prog_", 9))
			frame->kind = FRAME_BPF;
		frame->name = symbol_string(symbolizer, name, strlen(name));
		if (!frame->name)
			frame->why = WHY_LIMIT;
	} else {
		frame->why = kernel->names.ranges.count ? WHY_NO_SYMBOL : WHY_NO_KALLSYMS;
	}
	frame->module = symbol_string(symbolizer, module, strlen(module));
	symbolizer->unnamed[frame->why] += !frame->name;
	return 1;
}
