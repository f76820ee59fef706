/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The process that reads the ELF files.
 *
 * What is in them is under the control of whoever is looked at, and libdw may crash, loop or be
 * taken over by it.  So a child does that, which has no capabilities, opens nothing (it is sent
 * descriptors), cannot do much more than to read them and to answer (seccomp), and is ended if an
 * answer takes too long.  Its answers are not trusted either. */
#ifndef CORELETS_SYMBOL_HELPER_H
#define CORELETS_SYMBOL_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/symbol_elf.h"

/* Zero-initialised is none, which helper_call() starts. */
struct helper {
	bool inlined, demangle;
	int timeout_ms;
	pid_t pid; /* 0: none */
	int fd;
	uint32_t starts; /* how often; what an earlier one had loaded is not there any more */
};

enum helper_op {
	HELPER_OPEN,  /* the ELF file *fd* is *id* from now on; *offset* 1: leave its DWARF alone */
	HELPER_OFFER, /* *fd* is what *id* wanted */
	HELPER_FIND,  /* what is at *offset* of *id* */
};

struct helper_request {
	uint32_t op, id;
	uint64_t offset;
};

/* What comes back; the pointers are good until the next call. */
struct helper_reply {
	int error; /* -EBADMSG, -ESTALE, -ENOMEM; -ENOENT: *id* is not loaded */
	uint8_t build_id[ELF_ID_MAX];
	uint32_t build_id_len;
	struct elf_want want; /* after OPEN and OFFER */
	uint64_t address;
	uint32_t count;
	struct frame frames[ELF_FRAMES_MAX];
};

/* As it is sent: the frames' pointers are offsets in *strings* plus one. */
struct helper_message {
	struct helper_reply reply;
	char strings[ELF_STRINGS_MAX];
};

/* Checks a message of *len* bytes, and sets its pointers.  Returns whether it is one. */
bool helper_message_check(struct helper_message *message, size_t len);

/* Starts the child, if there is none.  Returns 0 or a negative errno. */
int helper_start(struct helper *helper);

/* Ends it. */
void helper_stop(struct helper *helper);

/* Asks and waits for the answer.  *fd* goes with the request; -1: none.  Returns 0; -EPIPE if the
 * child died of it, -ETIME if it took too long (the child is gone after both), or another negative
 * errno if there could be no child. */
int helper_call(struct helper *helper, const struct helper_request *request, int fd,
		struct helper_reply **ret);

#endif
