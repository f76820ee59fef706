/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text of traced programs, made safe to show.
 *
 * Everything here takes n arbitrary bytes (NUL included; s may be NULL if n is 0)
 * and adds well-formed UTF-8 to a buffer.  A character passes as it is if it is
 * visible and stays in its place; all others are escaped:
 *
 *   \xNN      a byte: C0 controls, DEL, the backslash itself, and each byte that is
 *             not part of well-formed UTF-8 (The Unicode Standard, table 3-7)
 *   \u{XXXX}  a character (four to six lowercase digits): C1 controls, line and
 *             paragraph separator, bidirectional controls and all other format
 *             characters (category Cf), default-ignorable ones (zero-width joiner,
 *             fillers, tags; variation selectors too, which change the width that
 *             terminals give to the character before), private use, noncharacters,
 *             what libc does not know as printable; a combining mark without a
 *             character before it that it could combine with, or after 8 others;
 *             and U+2026 (…), which means "cut here" on a table
 *
 * so that the exact bytes can always be told from what is shown.
 *
 * Widths are libc's (wcwidth), in columns of a terminal.  What libc said about a
 * character is remembered in a table that is not locked: one thread prints. */
#ifndef CORELETS_TEXT_H
#define CORELETS_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* Finds a UTF-8 locale to take widths from; the program's own locale is not
 * touched.  Returns 0; -ENOENT if this system has none, which is no reason to
 * stop: then, as before the first call, only ASCII passes and everything else is
 * escaped (by number in JSON, where nothing is lost); or -ENOMEM. */
int text_init(void);

/* Adds s for a terminal.  Returns the columns it takes. */
size_t text_put(struct buf *b, const void *s, size_t n);

/* As text_put(), but at most *columns* columns: text that takes more is cut and
 * ends in … (one column), never inside an escape or a wide character, and
 * *ret_cut is set to whether that happened (ret_cut may be NULL).  With no column
 * at all nothing is added, and text that takes any counts as cut. */
size_t text_put_max(struct buf *b, const void *s, size_t n, size_t columns, bool *ret_cut);

/* The columns that text_put() would take. */
size_t text_width(const void *s, size_t n);

/* Adds s as one shell word that bash reads back as the same bytes (all but NUL,
 * which no argument can contain), and that is as safe for a terminal as
 * text_put().  Returns the columns it takes.  The word is
 *
 *   bare     if it has only [A-Za-z0-9_@%+=:,./-], is not empty, and does not
 *            start with = (which zsh expands)
 *   '...'    if text_put() would escape nothing in it, and it has no quote
 *   $'...'   otherwise: what would be escaped is \xNN for each byte, \ is \\, and
 *            ' is \' (and ! is \x21: some shells expand it in this kind of quotes)
 *
 * A ~ is never bare.  text_put_arg() is for arguments; the first word of a command
 * goes through text_put_arg0(), which also quotes what a shell could take there for
 * an assignment (anything with a =) or a reserved word (if, time, ...). */
size_t text_put_arg(struct buf *b, const void *s, size_t n);
size_t text_put_arg0(struct buf *b, const void *s, size_t n);

/* Adds s as a JSON string (RFC 8259), with its quotes.  Whatever text_put() would
 * escape is \uXXXX, as a surrogate pair above U+FFFF; " and \ are \" and \\.
 * Returns false if s is not well-formed UTF-8: then each maximal subpart of an
 * ill-formed sequence (The Unicode Standard, 3.9) is \ufffd, and the caller adds
 * KEY_hex. */
bool text_json(struct buf *b, const void *s, size_t n);

/* Adds two lowercase hex digits for each byte, without quotes. */
void text_hex(struct buf *b, const void *s, size_t n);

/* Adds s as a CSV field (RFC 4180): the form of text_put(), in quotes if it has a
 * comma or a quote (doubled), starts or ends with a space, is empty, or is just ?
 * or -; bare, these three are the caller's, for values that it does not have. */
void text_csv(struct buf *b, const void *s, size_t n);

/* Adds a line for standard error, "WHO: …", of up to 1023 bytes, as text_put() does: what it quotes can
 * forge nothing. */
__attribute__((format(printf, 3, 0))) void text_message(struct buf *b, const char *who,
							const char *fmt, va_list args);

#endif
