/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Capabilities: what is there, why something was refused, and giving them up. */
#ifndef CORELETS_PRIVILEGE_H
#define CORELETS_PRIVILEGE_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the process has what loading and attaching takes.  If not, *why* says what is missing. */
bool privilege_enough(char why[256]);

/* Says in *why* the likely cause of a refusal (EPERM, EACCES) by bpf(2) or perf_event_open(2) in
 * spite of the capabilities.  *memlock*: this kernel charges BPF memory to RLIMIT_MEMLOCK. */
void privilege_refusal(bool memlock, char why[256]);

/* Whether this is another user namespace than the initial one: capabilities do not count then. */
bool privilege_in_user_namespace(void);

/* Gives up all capabilities (but those of *keep*, bits 1 << CAP_*, and CAP_BPF, if *works* fails
 * without it) and sets no_new_privs.  Returns 0 or a negative errno. */
int privilege_drop(uint64_t keep, bool (*works)(void *context), void *context);

#endif
