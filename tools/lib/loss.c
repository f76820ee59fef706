/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "lib/loss.h"

static const char *const names[LOST_REASONS] = {
	[LOST_RING_FULL] = "ring_full", [LOST_MAP_FULL] = "map_full",
	[LOST_UNPAIRED] = "unpaired",	[LOST_READ_FAILED] = "read_failed",
	[LOST_RECURSION] = "recursion", [LOST_NEGATIVE] = "negative_interval",
};

int loss_init(struct loss *loss, struct bpf_object *object)
{
	size_t page = sysconf(_SC_PAGESIZE);
	void *at;

	*loss = (struct loss){ .object = object, .cpu_count = libbpf_num_possible_cpus() };
	loss->size = (loss->cpu_count * sizeof(struct losses) + page - 1) & ~(page - 1);
	at = mmap(NULL, loss->size, PROT_READ, MAP_SHARED,
		  bpf_object__find_map_fd_by_name(object, "lost"), 0);
	if (at == MAP_FAILED)
		return -errno;
	loss->cpus = at;
	return 0;
}

void loss_done(struct loss *loss)
{
	if (loss->cpus)
		munmap((void *)loss->cpus, loss->size);
	loss->cpus = NULL;
}

static uint64_t count_skipped(const struct loss *loss)
{
	struct bpf_program *program;
	uint64_t count = 0;

	bpf_object__for_each_program(program, loss->object) {
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		if (bpf_program__fd(program) >= 0 &&
		    !bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
			count += info.recursion_misses;
	}
	return count;
}

bool loss_look(struct loss *loss, bool programs)
{
	uint64_t before = loss->total;

	memcpy(loss->count, loss->own, sizeof(loss->count));
	for (int cpu = 0; cpu < loss->cpu_count; cpu++)
		for (int i = 0; i < LOST_REASONS; i++)
			loss->count[i] +=
				__atomic_load_n(&loss->cpus[cpu].count[i], __ATOMIC_RELAXED);
	if (programs)
		loss->skipped = count_skipped(loss);
	loss->count[LOST_RECURSION] += loss->skipped;
	loss->total = 0;
	for (int i = 0; i < LOST_REASONS; i++)
		loss->total += loss->count[i];
	return loss->total != before;
}

uint64_t loss_now(const struct loss *loss)
{
	uint64_t total = loss->skipped;

	for (int i = 0; i < LOST_REASONS; i++) {
		total += loss->own[i];
		for (int cpu = 0; cpu < loss->cpu_count; cpu++)
			total += __atomic_load_n(&loss->cpus[cpu].count[i], __ATOMIC_RELAXED);
	}
	return total;
}

uint64_t loss_new(struct loss *loss, enum lost_reason reason, const char **name)
{
	uint64_t n = loss->count[reason] - loss->told[reason];

	loss->told[reason] = loss->count[reason];
	*name = names[reason];
	return n;
}

void loss_put(const struct loss *loss, struct buf *b, bool json)
{
	const char *separator = "";

	for (int i = 0; i < LOST_REASONS; i++) {
		if (!loss->count[i])
			continue;
		buf_printf(b, json ? "%s\"%s\":%llu" : "%s%s %llu", separator, names[i],
			   (unsigned long long)loss->count[i]);
		separator = json ? "," : ", ";
	}
}
