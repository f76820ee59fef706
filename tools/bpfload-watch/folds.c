/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "bpfload-watch/watch.h"

/* Calls of a process that tell nothing about what it does: how many, since when. */
struct fold {
	enum watch_via via;
	struct task_info task; /* of the first */
	uint64_t last_ns;
	uint32_t count, errors;
};

static struct fold folds[256];
static size_t fold_count;

static void fold_tell(struct session *session, struct fold *f)
{
	row_own(&f->task, f->task.boot_ns, f->via, 0);
	row.event.count = f->count;
	row.event.errors = f->errors;
	row_tell(session);
	*f = folds[--fold_count];
}

void fold_add(struct session *session, enum watch_via via)
{
	const struct bpfload_event *ev = &row.event;
	struct fold *f = folds;

	while (f < folds + fold_count && (f->via != via || f->task.pid != ev->task.pid))
		f++;
	if (f == folds + ARRAY_SIZE(folds)) {
		struct bpfload_event copy = *ev;

		fold_tell(session, folds);
		row_start(&copy, sizeof(copy));
		f = folds + fold_count;
	}
	if (f == folds + fold_count) {
		*f = (struct fold){ .via = via, .task = ev->task };
		fold_count++;
	}
	f->last_ns = ev->task.boot_ns;
	f->count++;
	f->errors += ev->ret < 0;
}

void folds_tell(struct session *session, uint64_t before_ns)
{
	for (size_t i = fold_count; i--;)
		if (folds[i].last_ns < before_ns)
			fold_tell(session, &folds[i]);
}
