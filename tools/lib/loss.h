/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was lost: the counters of the BPF side, by reason. */
#ifndef CORELETS_LOSS_H
#define CORELETS_LOSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/libbpf.h>

#include "lib/buf.h"
#include "lib/event.h"

struct loss {
	struct bpf_object *object;
	const struct losses *cpus; /* the map lost, an element for each possible CPU */
	size_t size;
	int cpu_count;
	uint64_t own[LOST_REASONS]; /* counted by the tool itself */
	uint64_t skipped; /* runs of programs that the kernel left out, being in one of them */
	uint64_t count[LOST_REASONS], told[LOST_REASONS];
	uint64_t total;
};

/* Maps the counters, to be read without a system call or privilege.  Returns 0 or a negative errno. */
int loss_init(struct loss *loss, struct bpf_object *object);
void loss_done(struct loss *loss);

/* Looks at the counters; *programs*: also at what the kernel counts for each program.  Returns
 * whether there is something that loss_tell() has not told. */
bool loss_look(struct loss *loss, bool programs);

/* What has been lost up to now, without telling it. */
uint64_t loss_now(const struct loss *loss);

/* What is new for one reason since the last call, and the reason's name. */
uint64_t loss_new(struct loss *loss, enum lost_reason reason, const char **name);

/* Adds the counts by reason: "ring_full":3,"unpaired":1 or ring_full 3, unpaired 1. */
void loss_put(const struct loss *loss, struct buf *b, bool json);

#endif
