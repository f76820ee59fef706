/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The parts of bpfload-watch: rows under construction, what is known to be there, what calls say. */
#ifndef CORELETS_BPFLOAD_WATCH_WATCH_H
#define CORELETS_BPFLOAD_WATCH_WATCH_H

#include "lib/bpf_info.h"
#include "lib/enums.h"
#include "lib/tool.h"
#include "bpfload-watch.h"

/* ---- row.c ---- */

#define NO_RESULT    INT32_MIN	/* ret of what is no call, or answers elsewhere */
#define TYPE_UNKNOWN UINT32_MAX /* prog_type of a program that was never looked at */

/* The event that is worked on, and the strings that it is given on the way. */
extern union row {
	struct bpfload_event event;
	char data[96 << 10];
} row;

/* Begins with a record of the ring. */
void row_start(const void *record, size_t size);
/* Begins with an event of the tool's own; *task* may be NULL. */
void row_own(const struct task_info *task, uint64_t boot_ns, enum watch_via via, uint32_t cmd);
void row_add(struct bytes *b, const void *data, size_t len);
void row_text(struct bytes *b, const char *text);
bool row_has(const struct bytes *b);
const char *row_at(const struct bytes *b);
/* Shows the row. */
void row_tell(struct session *session);

/* ---- calls.c ---- */

/* Whether a call only asks, or only finds out what the kernel can do, as libraries do before they
 * load anything: something tiny and nameless, or of a name that libbpf gives to nothing else. */
bool call_queries(void);
bool call_probes(void);
/* Completes the row of a call.  Returns false if it is not about BPF after all. */
bool call_fill(void);
void calls_done(void);

/* ---- known.c ---- */

/* A program, map or link that is there. */
struct known {
	enum object_kind object;
	uint32_t id;
	uint32_t type;
	bool own;	       /* made by this tool */
	bool probe;	       /* made in a probe that was folded */
	bool told;	       /* somebody was seen making it */
	bool there;	       /* seen by the last look at the ids */
	struct task_info task; /* who made it, if that was seen */
	uint64_t made_ns, run_count, run_ns;
	uint8_t tag[8];
	char name[64];
};

/* Begins to watch ends; *filtered*: only of what the filters let through; *present*: what is there
 * already gets a row.  Never fails, but says what cannot be seen. */
void known_start(struct session *session, bool filtered, bool present);
/* Remembers what the call in the row has made, for its end. */
void known_made(bool probe);
/* Whether that was made in a probe. */
bool known_probe(enum object_kind object, uint32_t id);
/* Tells the programs that the kernel says have ended. */
void known_ends(struct session *session);
/* Looks at all ids, which tells the ends of the others. */
void known_look(struct session *session);
void known_done(void);

/* ---- folds.c ---- */

/* Counts the call in the row among those of its process that make one row. */
void fold_add(struct session *session, enum watch_via via);
/* Tells what has come to rest before then. */
void folds_tell(struct session *session, uint64_t before_ns);

/* ---- counts.c ---- */

/* Counts the row for --summary. */
void count_row(void);
void counts_print(struct session *session);
void counts_done(void);

/* ---- values.c: columns that are not just a member ---- */

/* "EINVAL", or "error 524", valid until the next call. */
const char *error_text(int error);
void get_cmd(const void *event, size_t size, struct value *v);
void get_via(const void *event, size_t size, struct value *v);
void get_prog_type(const void *event, size_t size, struct value *v);
void get_map_type(const void *event, size_t size, struct value *v);
void get_link_type(const void *event, size_t size, struct value *v);
void get_attach_type(const void *event, size_t size, struct value *v);
void get_type(const void *event, size_t size, struct value *v);
void get_id(const void *event, size_t size, struct value *v);
void get_tag(const void *event, size_t size, struct value *v);
void get_facts(const void *event, size_t size, struct value *v);
void get_capability(const void *event, size_t size, struct value *v);
void get_what(const void *event, size_t size, struct value *v);

#endif
