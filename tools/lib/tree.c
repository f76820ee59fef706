/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/tree.h"

/* Depth + 1 of each pid seen, by pid; pids are at most 2^22 (PID_MAX_LIMIT, linux/threads.h). */
static uint16_t *depths;
static size_t depths_len;

static unsigned int depth_of(uint32_t pid)
{
	return pid < depths_len ? depths[pid] : 0;
}

unsigned int tree_depth(uint32_t pid, const struct bytes *ancestors, const void *event, size_t size)
{
	const char *data = (const char *)event + ancestors->off;
	uint32_t ancestor;

	if (!ancestors->off || ancestors->off > size || ancestors->len > size - ancestors->off)
		return 0;
	for (size_t i = 0; i + sizeof(ancestor) <= ancestors->len; i += sizeof(ancestor)) {
		memcpy(&ancestor, data + i, sizeof(ancestor));
		if (!ancestor)
			break;
		if (ancestor != pid && depth_of(ancestor))
			return depth_of(ancestor);
	}
	return 0;
}

void tree_add(uint32_t pid, const struct bytes *ancestors, const void *event, size_t size)
{
	unsigned int depth = tree_depth(pid, ancestors, event, size);

	if (pid >= depths_len) {
		size_t len = pid + pid / 2 + 1024;
		uint16_t *larger = realloc(depths, len * sizeof(*larger));

		if (!larger)
			return;
		memset(larger + depths_len, 0, (len - depths_len) * sizeof(*larger));
		depths = larger;
		depths_len = len;
	}
	depths[pid] = depth < UINT16_MAX - 1 ? depth + 1 : UINT16_MAX;
}
