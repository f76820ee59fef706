/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "lib/frame.h"

static const char *const why_names[WHY_COUNT] = {
	[WHY_NAMED] = "named",
	[WHY_NO_MAPPING] = "no_mapping",
	[WHY_NO_FILE] = "no_file",
	[WHY_NO_SYMBOL] = "no_symbol",
	[WHY_ANONYMOUS] = "anonymous",
	[WHY_DAMAGED] = "damaged",
	[WHY_LIMIT] = "limit",
	[WHY_UNTRUSTED] = "untrusted",
	[WHY_NO_KALLSYMS] = "no_kallsyms",
};

const char *frame_why_name(enum frame_why why)
{
	return (unsigned int)why < WHY_COUNT ? why_names[why] : "unknown";
}
