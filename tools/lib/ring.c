/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/ring.h"

#define WINDOW	   (256 << 10) /* records that start in so much of the ring are mapped whole */
#define RECORD_MAX (128 << 10) /* the longest record of a tool */

/* kernel/bpf/ringbuf.c: a page for the consumer, a page for the producer, the data; and the data
 * once more, so that a record that goes on at the beginning is in one piece. */

static void *map_at(const struct ring *ring, size_t off, size_t len, int prot)
{
	void *at = mmap(NULL, len, prot, MAP_SHARED, ring->fd, off);

	return at == MAP_FAILED ? NULL : at;
}

int ring_init(struct ring *ring, int fd, size_t size)
{
	*ring = (struct ring){ .fd = fd, .size = size, .page = sysconf(_SC_PAGESIZE) };
	ring->consumer = map_at(ring, 0, ring->page, PROT_READ | PROT_WRITE);
	if (!ring->consumer)
		return -errno;
	ring->producer = map_at(ring, ring->page, ring->page, PROT_READ);
	return ring->producer ? 0 : -errno;
}

void ring_done(struct ring *ring)
{
	if (ring->window)
		munmap(ring->window, ring->window_len);
	if (ring->producer)
		munmap(ring->producer, ring->page);
	if (ring->consumer)
		munmap(ring->consumer, ring->page);
	*ring = (struct ring){ .fd = -1 };
}

/* Whether a record that starts at *off* in the data is mapped whole. */
static bool in_window(const struct ring *ring, size_t off)
{
	return ring->window && off >= ring->window_off &&
	       (ring->window_len == 2 * ring->size || off - ring->window_off < WINDOW);
}

/* The record at *off* in the data, or NULL. */
static uint32_t *record_at(struct ring *ring, size_t off)
{
	size_t len = WINDOW + RECORD_MAX, start = off & ~(ring->page - 1);

	if (!in_window(ring, off)) {
		if (ring->window)
			munmap(ring->window, ring->window_len);
		if (len >= ring->size) {
			start = 0;
			len = 2 * ring->size;
		}
		ring->window = map_at(ring, 2 * ring->page + start, len, PROT_READ);
		if (!ring->window)
			return NULL;
		ring->window_off = start;
		ring->window_len = len;
	}
	return (uint32_t *)(ring->window + (off - ring->window_off));
}

int ring_consume(struct ring *ring, ring_record_fn *each, void *context)
{
	unsigned long at = *ring->consumer;

	for (;;) {
		unsigned long end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);

		if (at >= end)
			return 0;
		while (at < end) {
			uint32_t *header = record_at(ring, at & (ring->size - 1)), word, len;
			int err = 0;

			if (!header)
				return -errno;
			word = __atomic_load_n(header, __ATOMIC_ACQUIRE);
			if (word & BPF_RINGBUF_BUSY_BIT)
				return 0;
			len = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
			if (!(word & BPF_RINGBUF_DISCARD_BIT))
				err = each(context, (char *)header + BPF_RINGBUF_HDR_SZ, len);
			at += (len + BPF_RINGBUF_HDR_SZ + 7) & ~7u;
			__atomic_store_n(ring->consumer, at, __ATOMIC_RELEASE);
			if (err < 0)
				return err;
		}
	}
}
