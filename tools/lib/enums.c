/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/btf.h"
#include "lib/enums.h"
#include "lib/util.h"

#define VALUES 256 /* the enums count from 0 */

static const char *const enums[] = { [ENUM_CMD] = "bpf_cmd",
				     [ENUM_PROG_TYPE] = "bpf_prog_type",
				     [ENUM_ATTACH_TYPE] = "bpf_attach_type",
				     [ENUM_MAP_TYPE] = "bpf_map_type",
				     [ENUM_LINK_TYPE] = "bpf_link_type",
				     [ENUM_COUNT] = NULL };

static const char *const prefixes[] = { [ENUM_CMD] = "BPF_",
					[ENUM_PROG_TYPE] = "BPF_PROG_TYPE_",
					[ENUM_ATTACH_TYPE] = "BPF_",
					[ENUM_MAP_TYPE] = "BPF_MAP_TYPE_",
					[ENUM_LINK_TYPE] = "BPF_LINK_TYPE_" };

static char *names[ENUM_COUNT][VALUES];

/* The first name of a value is the one in use, but for names kept for old programs. */
static void keep(void *context, size_t which, uint32_t value, const char *name)
{
	size_t len = strlen(prefixes[which]);
	const char *old;

	(void)context;
	if (value >= VALUES || strncmp(name, prefixes[which], len))
		return;
	old = names[which][value];
	if (old && !strstr(old, "_deprecated"))
		return;
	free(names[which][value]);
	names[which][value] = strdup(name + len);
	for (char *c = names[which][value]; c && *c && which != ENUM_CMD; c++)
		*c = tolower(*c);
}

void enums_ask(void)
{
	kernel_btf_ask_enums(enums, keep, NULL);
}

void enums_init(const struct btf *own)
{
	const void *data;
	uint32_t len;
	struct btf_file file;

	data = btf__raw_data(own, &len);
	if (!data || btf_file_memory(&file, data, len))
		return;
	btf_file_enums(&file, enums, keep, NULL);
	btf_file_close(&file);
}

void enums_done(void)
{
	for (size_t i = 0; i < ENUM_COUNT; i++)
		for (size_t k = 0; k < VALUES; k++) {
			free(names[i][k]);
			names[i][k] = NULL;
		}
}

const char *enum_text(enum kernel_enum which, uint32_t value)
{
	static char numbers[8][12];
	static unsigned int next;

	if (value < VALUES && names[which][value])
		return names[which][value];
	next = (next + 1) % ARRAY_SIZE(numbers);
	snprintf(numbers[next], sizeof(numbers[next]), "%u", value);
	return numbers[next];
}
