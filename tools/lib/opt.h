/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Option tables: parsing, --help and completion follow from one declaration. */
#ifndef CORELETS_OPT_H
#define CORELETS_OPT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum opt_kind { OPT_KIND_END, OPT_KIND_BOOL, OPT_KIND_STRING, OPT_KIND_U64, OPT_KIND_CALL };

struct opt {
	enum opt_kind kind;
	char letter; /* 0: none */
	const char *name;
	const char *arg; /* what the argument is, for --help; NULL: takes none */
	const char *help;
	bool hidden;	   /* not in --help, for it is refused here */
	const char *words; /* what the argument can be, between blanks, if few */
	void *target;
	/* Stores *arg* in *target*.  Returns 0, or a negative errno after a sentence in *why*. */
	int (*parse)(const char *arg, void *target, char why[128]);
};

#define OPT_BOOL(letter_, name_, target_, help_, ...)                                   \
	{                                                                               \
		.kind = OPT_KIND_BOOL, .letter = letter_, .name = name_, .help = help_, \
		.target = 1 ? (target_) : (bool *)0, ##__VA_ARGS__                      \
	}
#define OPT_STRING(letter_, name_, arg_, target_, help_, ...)                            \
	{                                                                                \
		.kind = OPT_KIND_STRING, .letter = letter_, .name = name_, .arg = arg_,  \
		.help = help_, .target = 1 ? (target_) : (const char **)0, ##__VA_ARGS__ \
	}
#define OPT_U64(letter_, name_, arg_, target_, help_)                                \
	{                                                                            \
		.kind = OPT_KIND_U64, .letter = letter_, .name = name_, .arg = arg_, \
		.help = help_, .target = 1 ? (target_) : (uint64_t *)0               \
	}
#define OPT_CALL(letter_, name_, arg_, parse_, target_, help_, ...)                   \
	{                                                                             \
		.kind = OPT_KIND_CALL, .letter = letter_, .name = name_, .arg = arg_, \
		.help = help_, .target = target_, .parse = parse_, ##__VA_ARGS__      \
	}
#define OPT_END                      \
	{                            \
		.kind = OPT_KIND_END \
	}

/* Parses argv against both tables (the second may be NULL), up to "--" or the first word that is
 * no option.  Returns the index of the first argument that is left, or -EINVAL with one line in
 * *why*. */
int opt_parse(const struct opt *common, const struct opt *own, int argc, char **argv,
	      char why[256]);

/* Prints a table's options as --help does. */
void opt_help(const struct opt *table, FILE *to);

/* The same for programs: *kind*, letter, name, argument, words, help, with tabs between. */
void opt_describe(const char *kind, const struct opt *table, FILE *to);

/* Parsers for OPT_CALL.  Times are like 10, 1.5, 500ms, 2m, 1h and go to a uint64_t in ns; sizes
 * like 4096, 512K, 4M go to a uint64_t in bytes. */
int opt_parse_time(const char *arg, void *target, char why[128]);
int opt_parse_size(const char *arg, void *target, char why[128]);

#endif
