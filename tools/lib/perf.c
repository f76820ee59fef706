/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "lib/perf.h"
#include "lib/util.h"

#define RECORD_MAX 65536 /* header.size has 16 bits */

static int ring_map(struct perf_rings *rings, struct perf_ring *ring, size_t *pages)
{
	size_t page = sysconf(_SC_PAGESIZE);

	for (; *pages; *pages /= 2) {
		void *map = mmap(NULL, (1 + *pages) * page, PROT_READ | PROT_WRITE, MAP_SHARED,
				 ring->fd, 0);

		if (map != MAP_FAILED) {
			ring->page = map;
			return 0;
		}
		/* Beyond kernel.perf_event_mlock_kb: less will do.  All rings have one size. */
		if ((errno != EPERM && errno != ENOMEM) || rings->count > 1)
			break;
	}
	return -errno;
}

int perf_rings_open(struct perf_rings *rings, const struct perf_event_attr *attr, size_t pages)
{
	int cpus = libbpf_num_possible_cpus(), err = 0;

	*rings = (struct perf_rings){};
	if (cpus < 0)
		return cpus;
	rings->ring = calloc(cpus, sizeof(*rings->ring));
	rings->copy = malloc(RECORD_MAX);
	if (!rings->ring || !rings->copy)
		err = -ENOMEM;
	for (int cpu = 0; cpu < cpus && !err; cpu++) {
		struct perf_ring *ring = &rings->ring[rings->count];

		ring->cpu = cpu;
		ring->fd = syscall(SYS_perf_event_open, attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
		if (ring->fd < 0 && errno == ENODEV)
			continue; /* offline */
		if (ring->fd < 0) {
			err = -errno;
			break;
		}
		rings->count++;
		err = ring_map(rings, ring, &pages);
	}
	if (!err && !rings->count)
		err = -ENODEV;
	rings->bytes = pages * sysconf(_SC_PAGESIZE);
	if (err)
		perf_rings_close(rings);
	return err;
}

/* Linux's values go to 2; some distributions have 3 or 4 for what only CAP_SYS_ADMIN overrides. */
bool perf_refusal(int err, char *why, size_t size)
{
	_cleanup_fclose_ FILE *file = NULL;
	unsigned int paranoid;

	snprintf(why, size, "%s", strerror(-err));
	if (err != -EACCES && err != -EPERM)
		return false;
	file = fopen("/proc/sys/kernel/perf_event_paranoid", "re");
	if (!file || fscanf(file, "%u", &paranoid) != 1 || paranoid <= 2)
		return false;
	snprintf(why, size, "kernel.perf_event_paranoid is %u: set it to 2, or add CAP_SYS_ADMIN",
		 paranoid);
	return true;
}

void perf_rings_close(struct perf_rings *rings)
{
	for (size_t i = 0; i < rings->count; i++) {
		if (rings->ring[i].page)
			munmap(rings->ring[i].page, rings->bytes + sysconf(_SC_PAGESIZE));
		close(rings->ring[i].fd);
	}
	free(rings->ring);
	free(rings->copy);
	*rings = (struct perf_rings){};
}

int perf_rings_ioctl(const struct perf_rings *rings, unsigned long request, unsigned long arg)
{
	for (size_t i = 0; i < rings->count; i++)
		if (ioctl(rings->ring[i].fd, request, arg))
			return -errno;
	return 0;
}

static void ring_read(struct perf_rings *rings, struct perf_ring *ring, perf_record_fn *fn,
		      void *context)
{
	const char *data = (char *)ring->page + sysconf(_SC_PAGESIZE);
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->page->data_tail;

	while (tail != head) {
		size_t at = tail & (rings->bytes - 1), left = rings->bytes - at;
		const struct perf_event_header *record = (const void *)(data + at);
		size_t size = record->size; /* records are aligned: a header is never cut */

		if (size > left) {
			memcpy(rings->copy, record, left);
			memcpy(rings->copy + left, data, size - left);
			record = (const void *)rings->copy;
		}
		if (record->type == PERF_RECORD_LOST)
			rings->lost += ((const uint64_t *)(record + 1))[1]; /* after the id */
		else
			fn(context, record, ring->cpu);
		tail += size;
	}
	__atomic_store_n(&ring->page->data_tail, tail, __ATOMIC_RELEASE);
}

void perf_rings_read(struct perf_rings *rings, perf_record_fn *fn, void *context)
{
	for (size_t i = 0; i < rings->count; i++)
		ring_read(rings, &rings->ring[i], fn, context);
}

struct perf_event_attr perf_dummy_attr(void)
{
	return (struct perf_event_attr){
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(struct perf_event_attr),
		.config = PERF_COUNT_SW_DUMMY,
		.sample_period = 1,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
		.sample_id_all = 1,
		.use_clockid = 1,
		.clockid = CLOCK_BOOTTIME,
	};
}
