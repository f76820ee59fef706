/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The writers: table, JSON lines, CSV.  The only code that prints event text. */
#ifndef CORELETS_OUTPUT_H
#define CORELETS_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "lib/buf.h"
#include "lib/column.h"

enum output_format { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_CSV };
enum output_time { TIME_CLOCK, TIME_ISO, TIME_DELTA, TIME_MONO, TIME_NONE };

struct output {
	int fd;
	enum output_format format;
	enum output_time time;
	bool header;
	const char *event; /* "type" of an event in JSON */
	struct columns columns;
	struct buf buf, cell;
	struct buf keys[64];   /* JSON: ,"key": of each column */
	int64_t real_offset;   /* CLOCK_REALTIME - CLOCK_BOOTTIME, ns */
	int64_t mono_offset;   /* CLOCK_MONOTONIC - CLOCK_BOOTTIME, ns */
	uint64_t last_boot_ns; /* of the previous row, for TIME_DELTA */
	time_t second;	       /* whose text is in *second_text* */
	char second_text[32];
	int error; /* negative errno of a write, which ends the tool */
	bool slow; /* the descriptor is a pipe, socket or terminal: may block */
	/* Called while a write has to wait; returns false to give up. */
	bool (*waiting)(void *context, int fd);
	void *context;
};

/* Makes a writer ready; output->fd, format, time, header, event and columns are set already.
 * Returns 0 or -ENOMEM. */
int output_init(struct output *output);
void output_done(struct output *output);

/* Looks at the clocks again: CLOCK_REALTIME may have been set. */
void output_sync_clocks(struct output *output);

/* The header line of table and CSV. */
void output_header(struct output *output);

/* One event.  *event* starts with a struct task_info. */
void output_event(struct output *output, const void *event, size_t size);

/* Writes what is buffered.  Returns 0, or the error (-EPIPE: nobody reads any more). */
int output_flush(struct output *output);

/* Adds a time as RFC 3339 in UTC with nanoseconds; ns since the epoch. */
void output_time_utc(struct buf *b, uint64_t ns);

/* Adds a duration for people, at most 7 columns: 830ns, 1.2ms, 3.45s.  Returns its columns. */
size_t output_duration(struct buf *b, uint64_t ns);

/* Adds a size for people: 512, 64K, 1.5M.  Returns its columns. */
size_t output_size(struct buf *b, uint64_t bytes);

#endif
