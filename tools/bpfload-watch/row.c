/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "bpfload-watch/watch.h"

union row row;
static size_t row_len;

void row_start(const void *record, size_t size)
{
	if (size > sizeof(row) / 2)
		size = sizeof(row) / 2;
	memset(&row.event, 0, sizeof(row.event));
	memcpy(row.data, record, size);
	row_len = size < sizeof(row.event) ? sizeof(row.event) : size;
}

void row_add(struct bytes *b, const void *data, size_t len)
{
	b->flags = 0;
	if (len > sizeof(row) - row_len) {
		len = sizeof(row) - row_len;
		b->flags = BYTES_TRUNCATED;
	}
	memcpy(row.data + row_len, data, len);
	b->off = row_len;
	b->len = len;
	row_len += len;
}

void row_text(struct bytes *b, const char *text)
{
	row_add(b, text, strlen(text));
}

bool row_has(const struct bytes *b)
{
	return b->off && !(b->flags & BYTES_UNREAD);
}

const char *row_at(const struct bytes *b)
{
	return row.data + b->off;
}

void row_own(const struct task_info *task, uint64_t boot_ns, enum watch_via via, uint32_t cmd)
{
	struct bpfload_event ev = { .via = via,
				    .cmd = cmd,
				    .lat_ns = UINT64_MAX,
				    .lifetime_ns = UINT64_MAX,
				    .run_count = UINT64_MAX,
				    .run_ns = UINT64_MAX,
				    .ret = NO_RESULT,
				    .gpl = UINT32_MAX,
				    .count = 1 };

	if (task)
		ev.task = *task;
	ev.task.boot_ns = boot_ns;
	row_start(&ev, sizeof(ev));
}

void row_tell(struct session *session)
{
	tool_event(session, &row, row_len);
}
