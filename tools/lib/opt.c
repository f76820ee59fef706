/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <string.h>

#include "lib/opt.h"
#include "lib/util.h"

#define FIRST_LONG 256 /* getopt_long's value of the first option; others count on */

static size_t opt_count(const struct opt *table)
{
	size_t n = 0;

	while (table && table[n].kind != OPT_KIND_END)
		n++;
	return n;
}

static int opt_store(const struct opt *opt, const char *arg, char why[256])
{
	char reason[128] = "";
	char *end;
	int err;

	switch (opt->kind) {
	case OPT_KIND_BOOL:
		*(bool *)opt->target = true;
		return 0;
	case OPT_KIND_STRING:
		*(const char **)opt->target = arg;
		return 0;
	case OPT_KIND_U64:
		errno = 0;
		*(uint64_t *)opt->target = strtoull(arg, &end, 10);
		if (errno || end == arg || *end || strchr(arg, '-')) {
			snprintf(why, 256, "--%s takes a whole number, not '%.100s'", opt->name,
				 arg);
			return -EINVAL;
		}
		return 0;
	default:
		err = opt->parse(arg, opt->target, reason);
		if (err)
			snprintf(why, 256, "--%s: %s", opt->name, reason);
		return err;
	}
}

int opt_parse(const struct opt *common, const struct opt *own, int argc, char **argv, char why[256])
{
	size_t n_common = opt_count(common), n = n_common + opt_count(own);
	_cleanup_free_ struct option *longs = calloc(n + 1, sizeof(*longs));
	_cleanup_free_ char *shorts = calloc(2 * n + 3, 1);
	char *s = shorts;
	int c, err;

	if (!longs || !shorts) {
		snprintf(why, 256, "out of memory");
		return -ENOMEM;
	}
	*s++ = '+'; /* stop at the first word that is no option */
	*s++ = ':';
	for (size_t i = 0; i < n; i++) {
		const struct opt *opt = i < n_common ? &common[i] : &own[i - n_common];

		longs[i].name = opt->name;
		longs[i].has_arg = opt->arg ? required_argument : no_argument;
		longs[i].val = FIRST_LONG + i;
		if (opt->letter) {
			*s++ = opt->letter;
			if (opt->arg)
				*s++ = ':';
		}
	}
	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct opt *opt = NULL;

		if (c == ':') {
			if (optopt < FIRST_LONG)
				snprintf(why, 256, "-%c needs an argument", optopt);
			else
				snprintf(why, 256, "--%s needs an argument",
					 longs[optopt - FIRST_LONG].name);
			return -EINVAL;
		}
		if (c == '?') {
			if (optopt && optopt < FIRST_LONG)
				snprintf(why, 256, "unknown option -%c", optopt);
			else if (optopt)
				snprintf(why, 256, "--%s takes no argument",
					 longs[optopt - FIRST_LONG].name);
			else
				snprintf(why, 256, "unknown or ambiguous option %.100s",
					 argv[optind - 1]);
			return -EINVAL;
		}
		for (size_t i = 0; i < n; i++) {
			const struct opt *o = i < n_common ? &common[i] : &own[i - n_common];

			if (c == FIRST_LONG + (int)i || (c == o->letter && c < FIRST_LONG)) {
				opt = o;
				break;
			}
		}
		err = opt ? opt_store(opt, optarg, why) : -EINVAL;
		if (err)
			return err;
	}
	return optind;
}

void opt_help(const struct opt *table, FILE *to)
{
	for (; table && table->kind != OPT_KIND_END; table++) {
		char left[64];

		if (table->hidden)
			continue;
		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", table->letter ? '-' : ' ',
			 table->letter ?: ' ', table->letter ? "," : " ", table->name,
			 table->arg ? " " : "", table->arg ?: "");
		fprintf(to, "  %-26s %s%s\n", left,
			strlen(left) > 26 ? "\n                             " : "", table->help);
	}
}

void opt_describe(const char *kind, const struct opt *table, FILE *to)
{
	for (; table && table->kind != OPT_KIND_END; table++)
		if (!table->hidden)
			fprintf(to, "%s\t%.1s\t%s\t%s\t%s\t%s\n", kind, &table->letter, table->name,
				table->arg ?: "", table->words ?: "", table->help);
}

int opt_parse_time(const char *arg, void *target, char why[128])
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = {
		{ "", 1e9 },   { "s", 1e9 },  { "ms", 1e6 },
		{ "us", 1e3 }, { "m", 60e9 }, { "h", 3600e9 },
	};
	char *end;
	double v = strtod(arg, &end);

	if (end != arg && isfinite(v) && v >= 0 &&
	    strspn(arg, "0123456789.") == (size_t)(end - arg))
		for (size_t i = 0; i < ARRAY_SIZE(units); i++)
			if (!strcmp(end, units[i].unit) && v * units[i].ns < 9e18) {
				*(uint64_t *)target = v * units[i].ns;
				return 0;
			}
	snprintf(why, 128, "'%.60s' is no time: write 10, 1.5, 500ms, 2m or 1h", arg);
	return -EINVAL;
}

int opt_parse_size(const char *arg, void *target, char why[128])
{
	char *end;
	unsigned long long v;
	int shift = 0;

	errno = 0;
	v = strtoull(arg, &end, 10);
	if (*end == 'K' || *end == 'k')
		shift = 10;
	else if (*end == 'M')
		shift = 20;
	else if (*end == 'G')
		shift = 30;
	end += !!shift;
	if (end == arg || *end || errno || !v || strchr(arg, '-') || v > UINT64_MAX >> shift) {
		snprintf(why, 128, "'%.60s' is no size: write 65536, 512K or 4M", arg);
		return -EINVAL;
	}
	*(uint64_t *)target = v << shift;
	return 0;
}
