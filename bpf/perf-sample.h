/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CORELETS_PERF_SAMPLE_H
#define CORELETS_PERF_SAMPLE_H

#include "lib/event.h"

#define STACK_DEPTH 127 /* frames of the kernel, and as many of the program */

/* A stack: where a thread was when its CPU was sampled, or where it went to sleep. */
struct sample_event {
	struct task_info task; /* boot_ns: of the sample, or when it went off its CPU */
	__u64 off_ns;	       /* time blocked; 0: a sample */
	struct bytes kernel;   /* addresses of 8 bytes each, innermost first */
	struct bytes user;
};

#endif
