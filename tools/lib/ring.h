/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The reading end of a BPF ring buffer.
 *
 * As libbpf's, but for memory: that maps the whole ring, twice in a row, and the kernel puts all of
 * its pages into the page table at once, so a ring of 4 MiB counts as 8 MiB of the tool.  Here a
 * window of it is mapped at a time, and moved on as it has been read. */
#ifndef CORELETS_RING_H
#define CORELETS_RING_H

#include <stddef.h>
#include <stdint.h>

struct ring {
	int fd;			 /* of the map; readable when a share of it is filled */
	size_t size;		 /* of the data, in bytes, a power of two */
	unsigned long *consumer; /* how far it has been read: written here only */
	unsigned long *producer; /* how far it has been filled */
	char *window;
	size_t window_off, window_len; /* which part of the data */
	size_t page;
};

/* Called for each record; valid until it returns.  A negative value ends the reading. */
typedef int ring_record_fn(void *context, void *record, size_t size);

/* Maps the ring buffer map *fd*, whose data has *size* bytes.  Returns 0 or a negative errno. */
int ring_init(struct ring *ring, int fd, size_t size);
void ring_done(struct ring *ring);

/* Reads until there is nothing more.  Returns 0, what *each* returned if that was negative (its
 * record has been read), or a negative errno if a window cannot be mapped. */
int ring_consume(struct ring *ring, ring_record_fn *each, void *context);

#endif
