/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Processes and their address spaces, as they were at some moment: kept up to date by the records
 * that the kernel writes about forks, execs, mappings and exits (perf_event_open(2)). */
#ifndef CORELETS_PROCESS_H
#define CORELETS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/symbol.h"

struct processes;

struct process {
	struct process *next; /* of those with the same hash */
	pid_t pid;
	struct space *space; /* NULL: not asked for yet */
	char *mappings;	     /* of before that: perf records, one after the other */
	size_t mappings_len, mappings_cap;
	uint64_t exited_ns; /* CLOCK_BOOTTIME; 0: it has not */
	void *stacks;	    /* its owner's */
};

/* Whoever has something that belongs to an address space: called when it is about to change. */
typedef void process_fn(void *context, struct process *process);

/* Starts to listen.  *flush* is called before an exec, and before a process is forgotten.  Returns 0
 * or -errno. */
int processes_new(struct symbolizer *symbolizer, process_fn *flush, void *context,
		  struct processes **ret);
void processes_free(struct processes *processes);

/* The process *pid* as it was at *boot_ns*; *user*: with its address space.  NULL: out of memory. */
struct process *process_at(struct processes *processes, pid_t pid, uint64_t boot_ns, bool user);

/* To be called now and then: takes in what is older than the call before, and forgets the processes
 * that have ended some time ago. */
void processes_tick(struct processes *processes);

void processes_each(struct processes *processes, process_fn *fn, void *context);

/* Records about processes that the kernel had no room for, or we no memory. */
uint64_t processes_lost(const struct processes *processes);

#endif
