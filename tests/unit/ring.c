/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The reading end of the ring, on a file that is laid out as the kernel lays out a ring buffer map:
 * consumer, producer, the data, and the data once more. */
#include <linux/bpf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/ring.h"
#include "test.h"

#define PAGE 4096

/* The writing end. */
struct fake {
	int fd;
	size_t size;
	char *map;
	unsigned long *consumer, *producer;
	char *data;
};

static void fake_open(struct fake *fake, size_t size)
{
	fake->fd = memfd_create("ring", MFD_CLOEXEC);
	fake->size = size;
	CHECK(!ftruncate(fake->fd, 2 * PAGE + 2 * size));
	fake->map =
		mmap(NULL, 2 * PAGE + 2 * size, PROT_READ | PROT_WRITE, MAP_SHARED, fake->fd, 0);
	CHECK(fake->map != MAP_FAILED);
	fake->consumer = (unsigned long *)fake->map;
	fake->producer = (unsigned long *)(fake->map + PAGE);
	fake->data = fake->map + 2 * PAGE;
}

static void fake_close(struct fake *fake)
{
	munmap(fake->map, 2 * PAGE + 2 * fake->size);
	close(fake->fd);
}

/* A byte of the ring, in both places where it is seen. */
static void fake_byte(struct fake *fake, unsigned long at, char byte)
{
	size_t off = at & (fake->size - 1);

	fake->data[off] = byte;
	fake->data[off + fake->size] = byte;
}

static size_t fake_room(uint32_t len)
{
	return (len + 8 + 7) & ~7u;
}

/* Whether a record of that length fits, as the kernel decides it. */
static bool fake_fits(const struct fake *fake, uint32_t len)
{
	return *fake->producer + fake_room(len) - *fake->consumer <= fake->size - 1;
}

/* A record of *len* bytes, each of which is *number* + its place. */
static void fake_put(struct fake *fake, uint32_t number, uint32_t len, uint32_t bits)
{
	unsigned long at = *fake->producer;
	uint32_t word = len | bits;

	for (int i = 0; i < 4; i++)
		fake_byte(fake, at + i, word >> (8 * i));
	for (uint32_t i = 0; i < len; i++)
		fake_byte(fake, at + 8 + i, (char)(number + i));
	*fake->producer = at + fake_room(len);
}

struct seen {
	uint32_t next;	/* number of the record that is to come */
	uint32_t *lens; /* lengths by number */
	uint32_t stop;	/* after so many more; 0: never */
	bool wrong;
};

static int on_record(void *context, void *record, size_t size)
{
	struct seen *seen = context;
	const unsigned char *bytes = record;

	if (size != seen->lens[seen->next])
		seen->wrong = true;
	for (size_t i = 0; i < size && !seen->wrong; i++)
		if (bytes[i] != (unsigned char)(seen->next + i))
			seen->wrong = true;
	seen->next++;
	return seen->stop && !--seen->stop ? -7 : 0;
}

/* Several times around, with records of all lengths up to *longest*. */
static void go_round(size_t size, uint32_t longest, uint32_t count)
{
	uint32_t *lens = calloc(count, sizeof(*lens));
	struct seen seen = { .lens = lens };
	struct fake fake;
	struct ring ring;

	srand(1);
	fake_open(&fake, size);
	CHECK_INT(ring_init(&ring, fake.fd, size), 0);
	for (uint32_t i = 0; i < count;) {
		lens[i] = rand() % 10 ? rand() % 200u : rand() % longest;
		if (fake_fits(&fake, lens[i])) {
			fake_put(&fake, i, lens[i], 0);
			i++;
			continue;
		}
		CHECK_INT(ring_consume(&ring, on_record, &seen), 0);
		CHECK_INT(seen.next, i);
	}
	CHECK_INT(ring_consume(&ring, on_record, &seen), 0);
	CHECK_INT(seen.next, count);
	CHECK(!seen.wrong);
	CHECK(*fake.consumer == *fake.producer);
	CHECK(*fake.producer > 3 * size);
	ring_done(&ring);
	fake_close(&fake);
	free(lens);
}

TEST(a_ring_smaller_than_the_window)
{
	go_round(PAGE, 2000, 2000);
	go_round(64 << 10, 30000, 2000);
}

TEST(a_ring_larger_than_the_window)
{
	go_round(1 << 20, 100000, 4000);
}

TEST(a_record_that_is_not_ready_is_waited_for)
{
	uint32_t lens[] = { 10, 20, 30 };
	struct seen seen = { .lens = lens };
	struct fake fake;
	struct ring ring;

	fake_open(&fake, PAGE);
	CHECK_INT(ring_init(&ring, fake.fd, PAGE), 0);
	CHECK_INT(ring_consume(&ring, on_record, &seen), 0);
	fake_put(&fake, 0, 10, 0);
	fake_put(&fake, 1, 20, BPF_RINGBUF_BUSY_BIT);
	fake_put(&fake, 2, 30, 0);
	CHECK_INT(ring_consume(&ring, on_record, &seen), 0);
	CHECK_INT(seen.next, 1);
	fake_byte(&fake, fake_room(10) + 3, 0);
	CHECK_INT(ring_consume(&ring, on_record, &seen), 0);
	CHECK_INT(seen.next, 3);
	CHECK(!seen.wrong);
	ring_done(&ring);
	fake_close(&fake);
}

TEST(a_discarded_record_is_passed_over)
{
	uint32_t lens[] = { 10, 30 };
	struct seen seen = { .lens = lens };
	struct fake fake;
	struct ring ring;

	fake_open(&fake, PAGE);
	CHECK_INT(ring_init(&ring, fake.fd, PAGE), 0);
	fake_put(&fake, 0, 10, 0);
	fake_put(&fake, 9, 20, BPF_RINGBUF_DISCARD_BIT);
	fake_put(&fake, 1, 30, 0);
	CHECK_INT(ring_consume(&ring, on_record, &seen), 0);
	CHECK_INT(seen.next, 2);
	CHECK(!seen.wrong);
	ring_done(&ring);
	fake_close(&fake);
}

TEST(a_reader_that_stops_goes_on_where_it_was)
{
	uint32_t lens[] = { 1, 2, 3, 4 };
	struct seen seen = { .lens = lens, .stop = 3 };
	struct fake fake;
	struct ring ring;

	fake_open(&fake, PAGE);
	CHECK_INT(ring_init(&ring, fake.fd, PAGE), 0);
	for (uint32_t i = 0; i < 4; i++)
		fake_put(&fake, i, lens[i], 0);
	CHECK_INT(ring_consume(&ring, on_record, &seen), -7);
	CHECK_INT(seen.next, 3);
	CHECK_INT(ring_consume(&ring, on_record, &seen), 0);
	CHECK_INT(seen.next, 4);
	CHECK(!seen.wrong);
	ring_done(&ring);
	fake_close(&fake);
}
