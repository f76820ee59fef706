/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Perf events on all CPUs, each with a ring that the kernel writes its records to
 * (perf_event_open(2)). */
#ifndef CORELETS_PERF_H
#define CORELETS_PERF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/perf_event.h>

struct perf_ring {
	int fd;
	unsigned int cpu;
	struct perf_event_mmap_page *page; /* the records follow in the next page */
};

struct perf_rings {
	struct perf_ring *ring;
	size_t count;
	size_t bytes;  /* of each ring */
	char *copy;    /* of a record that lies over the end of its ring */
	uint64_t lost; /* records that found no room (PERF_RECORD_LOST) */
};

/* Opens *attr* for all tasks on each CPU that is online, with rings of *pages* pages (a power of two;
 * fewer if the kernel does not give as many).  Set attr->disabled if they are to begin at
 * PERF_EVENT_IOC_ENABLE.  Returns 0 or -errno; nothing is left open after an error. */
int perf_rings_open(struct perf_rings *rings, const struct perf_event_attr *attr, size_t pages);
/* Why perf_rings_open() failed.  Returns whether it was by kernel.perf_event_paranoid. */
bool perf_refusal(int err, char *why, size_t size);
void perf_rings_close(struct perf_rings *rings);

/* PERF_EVENT_IOC_ENABLE, _DISABLE, _SET_BPF, ... on all of them.  Returns 0 or -errno. */
int perf_rings_ioctl(const struct perf_rings *rings, unsigned long request, unsigned long arg);

/* Hands out the records written so far, those of one CPU after those of another (PERF_RECORD_LOST is
 * only counted).  They are valid during the call. */
typedef void perf_record_fn(void *context, const struct perf_event_header *record,
			    unsigned int cpu);
void perf_rings_read(struct perf_rings *rings, perf_record_fn *fn, void *context);

/* The software event that only carries records about tasks, mappings, programs, ...: the caller sets
 * which.  Their time is CLOCK_BOOTTIME, as bpf_ktime_get_boot_ns() has it. */
struct perf_event_attr perf_dummy_attr(void);

#endif
