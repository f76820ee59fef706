/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads the texts that symbols come from: a line of /proc/PID/maps, of /proc/kallsyms, of a perf
 * map (tools/perf/Documentation/jit-interface.txt of the kernel).  What is in them is not trusted. */
#ifndef CORELETS_SYMBOL_TEXT_H
#define CORELETS_SYMBOL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/symbol.h"
#include "lib/symbol_range.h"

/* Names longer than this are no help to anybody. */
#define SYMBOL_NAME_MAX 16384

/* Cuts the next line off text[*at..len): returns its length, with *at* behind its newline; or -1 if
 * no whole line is left. */
ssize_t symbol_line(const char *text, size_t len, size_t *at);

/* One line of maps, n bytes, which are changed: newlines in paths are \012 there, and ret->path
 * points into it (line[n] becomes 0).  Returns whether it is one. */
bool symbol_maps_line(char *line, size_t n, struct mapping *ret);

/* Names and where they are: kallsyms, perf maps.  range->value is an offset in names. */
struct symbol_names {
	struct symbol_ranges ranges;
	struct buf names; /* each is NUL-terminated */
};

/* Adds a line.  Lines of other symbols, and what is no such line, are left out.  Both return 0 or a
 * negative errno. */
int symbol_kallsyms_line(struct symbol_names *names, const char *line, size_t n);
int symbol_jit_line(struct symbol_names *names, const char *line, size_t n);

void symbol_names_done(struct symbol_names *names);

#endif
