/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The counts of --summary. */
#include "lib/text.h"
#include "bpfload-watch/watch.h"

struct tally {
	char name[48];
	uint64_t count;
};

static struct tallies {
	const char *by;
	struct tally *tally;
	size_t count;
} tallies[] = { { .by = "program type" }, { .by = "process" }, { .by = "error" } };

static struct slowest {
	uint64_t ns;
	uint32_t id, insns;
	char name[64];
} slowest[5];

static void count_one(struct tallies *t, const char *name)
{
	struct tally *more;

	for (size_t i = 0; i < t->count; i++)
		if (!strcmp(t->tally[i].name, name)) {
			t->tally[i].count++;
			return;
		}
	more = realloc(t->tally, (t->count + 1) * sizeof(*more));
	if (!more)
		return;
	t->tally = more;
	snprintf(more[t->count].name, sizeof(more[t->count].name), "%s", name);
	more[t->count++].count = 1;
}

void count_row(void)
{
	const struct bpfload_event *ev = &row.event;
	struct slowest *least = slowest;
	char process[48];

	snprintf(process, sizeof(process), "%.16s (%u)", ev->task.comm, ev->task.pid);
	count_one(&tallies[1], process);
	if (ev->ret < 0 && ev->ret != NO_RESULT)
		count_one(&tallies[2], error_text(-ev->ret));
	if (ev->via != VIA_BPF || ev->cmd != BPF_PROG_LOAD)
		return;
	count_one(&tallies[0], enum_text(ENUM_PROG_TYPE, ev->prog_type));
	for (size_t i = 1; i < ARRAY_SIZE(slowest); i++)
		if (slowest[i].ns < least->ns)
			least = &slowest[i];
	if (ev->lat_ns == UINT64_MAX || ev->lat_ns <= least->ns)
		return;
	*least = (struct slowest){ .ns = ev->lat_ns,
				   .id = ev->prog_id,
				   .insns = ev->verified_insns };
	if (row_has(&ev->prog_name))
		snprintf(least->name, sizeof(least->name), "%.*s", (int)ev->prog_name.len,
			 row_at(&ev->prog_name));
}

static int by_count(const void *a, const void *b)
{
	const struct tally *x = a, *y = b;

	return x->count != y->count ? (x->count < y->count) - (x->count > y->count) :
				      strcmp(x->name, y->name);
}

static int by_ns(const void *a, const void *b)
{
	const struct slowest *x = a, *y = b;

	return (x->ns < y->ns) - (x->ns > y->ns);
}

void counts_print(struct session *session)
{
	struct output *output = tool_output(session);
	struct buf *b = &output->buf;
	bool json = output->format == OUTPUT_JSON;

	for (size_t i = 0; i < ARRAY_SIZE(tallies); i++) {
		if (tallies[i].count)
			qsort(tallies[i].tally, tallies[i].count, sizeof(struct tally), by_count);
		if (!json && tallies[i].count)
			tool_say(session, "by %s:", tallies[i].by);
		for (size_t k = 0; k < tallies[i].count; k++) {
			const struct tally *t = &tallies[i].tally[k];

			if (json) {
				buf_printf(b, "{\"type\":\"count\",\"by\":\"%s\",\"name\":",
					   tallies[i].by);
				text_json(b, t->name, strlen(t->name));
				buf_printf(b, ",\"count\":%llu}\n", (unsigned long long)t->count);
			} else {
				tool_say(session, "%8llu %s", (unsigned long long)t->count,
					 t->name);
			}
		}
	}
	qsort(slowest, ARRAY_SIZE(slowest), sizeof(*slowest), by_ns);
	if (!json && slowest[0].ns)
		tool_say(session, "slowest loads:");
	for (size_t i = 0; i < ARRAY_SIZE(slowest) && slowest[i].ns; i++) {
		const struct slowest *s = &slowest[i];
		struct buf took = {};

		if (json) {
			buf_printf(
				b,
				"{\"type\":\"slow\",\"lat_ns\":%llu,\"prog_id\":%u,\"insns\":%u,\"name\":",
				(unsigned long long)s->ns, s->id, s->insns);
			text_json(b, s->name, strlen(s->name));
			buf_str(b, "}\n");
		} else {
			output_duration(&took, s->ns);
			tool_say(session, "%8.*s %s (id %u, %u instructions)", (int)took.len,
				 took.data ?: "", *s->name ? s->name : "(no name)", s->id,
				 s->insns);
		}
		buf_done(&took);
	}
}

void counts_done(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(tallies); i++)
		free(tallies[i].tally);
}
