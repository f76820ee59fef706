/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "lib/perf.h"
#include "lib/process.h"
#include "lib/util.h"

#define BUCKETS	     4096
#define PAGES	     64		   /* of each ring */
#define GRACE_NS     1000000000ull /* within which the last samples of a process have come */
#define MAPPINGS_MAX (256 << 10)   /* bytes kept of a process that has not been sampled yet */

/* A record that waits for its turn. */
struct note {
	uint64_t boot_ns;
	uint64_t number;
	struct perf_event_header *record;
};

struct processes {
	struct symbolizer *symbolizer;
	process_fn *flush;
	void *context;
	struct perf_rings rings;
	struct process *buckets[BUCKETS];
	struct note *notes; /* [done, count): in order of time once sorted */
	size_t done, count, cap;
	uint64_t number, dropped;
	uint64_t read_ns;  /* all that happened before is in the notes */
	uint64_t tick_ns;  /* of the tick before */
	bool foreign_proc; /* /proc is another PID namespace's */
};

/* perf_event_open(2); behind each, as sample_type says: */
struct record_id {
	uint32_t pid, tid;
	uint64_t boot_ns;
};

struct record_task { /* PERF_RECORD_FORK, PERF_RECORD_EXIT */
	struct perf_event_header header;
	uint32_t pid, ppid, tid, ptid;
};

struct record_comm { /* PERF_RECORD_COMM */
	struct perf_event_header header;
	uint32_t pid, tid;
};

struct record_mmap { /* PERF_RECORD_MMAP2 */
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t start, len, offset;
	uint32_t major, minor;
	uint64_t inode, generation;
	uint32_t prot, flags;
	char path[];
};

/* ---- the table ---- */

static struct process **bucket_of(struct processes *ps, pid_t pid)
{
	return &ps->buckets[(uint32_t)pid % BUCKETS];
}

static struct process *find(struct processes *ps, pid_t pid)
{
	struct process *p = *bucket_of(ps, pid);

	while (p && p->pid != pid)
		p = p->next;
	return p;
}

static struct process *find_or_add(struct processes *ps, pid_t pid)
{
	struct process **bucket = bucket_of(ps, pid), *p = find(ps, pid);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->pid = pid;
	p->next = *bucket;
	*bucket = p;
	return p;
}

static void forget_mappings(struct process *p)
{
	free(p->mappings);
	p->mappings = NULL;
	p->mappings_len = p->mappings_cap = 0;
}

/* Takes a process out of the list at *at*. */
static void forget(struct processes *ps, struct process **at)
{
	struct process *p = *at;

	ps->flush(ps->context, p);
	*at = p->next;
	space_free(p->space);
	forget_mappings(p);
	free(p);
}

static void map_record(struct space *space, const struct record_mmap *r)
{
	space_map(space, &(struct mapping){
				 .start = r->start,
				 .end = r->start + r->len,
				 .offset = r->offset,
				 .major = r->major,
				 .minor = r->minor,
				 .inode = r->inode,
				 .generation = r->generation,
				 .executable = r->prot & PROT_EXEC,
				 .path = r->path,
			 });
}

static int keep_mapping(struct process *p, const struct perf_event_header *record)
{
	size_t need = p->mappings_len + record->size, cap = p->mappings_cap ?: 1024;
	char *grown;

	if (need > MAPPINGS_MAX)
		return -E2BIG;
	while (cap < need)
		cap *= 2;
	if (cap != p->mappings_cap) {
		grown = realloc(p->mappings, cap);
		if (!grown)
			return -ENOMEM;
		p->mappings = grown;
		p->mappings_cap = cap;
	}
	memcpy(p->mappings + p->mappings_len, record, record->size);
	p->mappings_len = need;
	return 0;
}

/* What is in /proc now, and on top of it what we have been told. */
static void open_space(struct processes *ps, struct process *p)
{
	/* In another namespace's /proc the number is another process's; 0 is nobody's. */
	if (space_new(ps->symbolizer, ps->foreign_proc ? 0 : p->pid, &p->space))
		return;
	for (size_t at = 0; at < p->mappings_len;) {
		const struct record_mmap *r = (const void *)(p->mappings + at);

		map_record(p->space, r);
		at += r->header.size;
	}
	forget_mappings(p);
}

/* ---- what the kernel tells ---- */

static void forked(struct processes *ps, const struct record_task *r)
{
	struct process *parent, *p, **at;

	if (r->pid == r->ppid)
		return; /* a thread */
	for (at = bucket_of(ps, r->pid); *at; at = &(*at)->next)
		if ((*at)->pid == (pid_t)r->pid) {
			forget(ps, at); /* the number is used again */
			break;
		}
	parent = find(ps, r->ppid);
	if (!parent)
		return;
	p = find_or_add(ps, r->pid);
	if (!p)
		ps->dropped++;
	else if (parent->space)
		space_fork(parent->space, ps->foreign_proc ? 0 : r->pid, &p->space);
	else if (parent->mappings_len && (p->mappings = malloc(parent->mappings_len))) {
		memcpy(p->mappings, parent->mappings, parent->mappings_len);
		p->mappings_len = p->mappings_cap = parent->mappings_len;
	}
}

static void executed(struct processes *ps, pid_t pid)
{
	struct process *p = find_or_add(ps, pid);

	if (!p) {
		ps->dropped++;
		return;
	}
	ps->flush(ps->context, p);
	if (p->space)
		space_exec(p->space);
	forget_mappings(p);
	p->exited_ns = 0;
}

static void mapped(struct processes *ps, const struct record_mmap *r)
{
	struct process *p = find(ps, r->pid);

	/* One that was there before us is looked up in /proc. */
	if (p && p->space)
		map_record(p->space, r);
	else if (p && keep_mapping(p, &r->header))
		ps->dropped++;
}

static void take_note(struct processes *ps, const struct note *note)
{
	const struct perf_event_header *h = note->record;
	const struct record_task *task = (const void *)h;
	struct process *p;

	if (h->type == PERF_RECORD_FORK) {
		forked(ps, task);
	} else if (h->type == PERF_RECORD_COMM && h->misc & PERF_RECORD_MISC_COMM_EXEC) {
		executed(ps, ((const struct record_comm *)h)->pid);
	} else if (h->type == PERF_RECORD_MMAP2) {
		mapped(ps, (const struct record_mmap *)h);
	} else if (h->type == PERF_RECORD_EXIT && task->pid == task->tid) {
		p = find(ps, task->pid);
		if (p)
			p->exited_ns = note->boot_ns;
		if (p && p->space)
			space_exit(p->space);
	}
}

/* The least that a record of this type has before its record_id. */
static size_t record_least(uint32_t type)
{
	switch (type) {
	case PERF_RECORD_FORK:
	case PERF_RECORD_EXIT:
		return sizeof(struct record_task);
	case PERF_RECORD_COMM:
		return sizeof(struct record_comm);
	case PERF_RECORD_MMAP2:
		return sizeof(struct record_mmap) + 1;
	default:
		return SIZE_MAX / 2;
	}
}

static void add_note(void *context, const struct perf_event_header *record, unsigned int cpu)
{
	struct processes *ps = context;
	struct record_id id;
	struct note *note;

	(void)cpu;
	if (record->size < record_least(record->type) + sizeof(id))
		return;
	memcpy(&id, (const char *)record + record->size - sizeof(id), sizeof(id));
	if (ps->count == ps->cap) {
		size_t cap = ps->cap ? ps->cap * 2 : 256;
		struct note *grown = realloc(ps->notes, cap * sizeof(*grown));

		if (!grown) {
			ps->dropped++;
			return;
		}
		ps->notes = grown;
		ps->cap = cap;
	}
	note = &ps->notes[ps->count];
	*note = (struct note){ id.boot_ns, ps->number++, malloc(record->size) };
	if (!note->record) {
		ps->dropped++;
		return;
	}
	memcpy(note->record, record, record->size);
	ps->count++;
}

static int by_time(const void *a, const void *b)
{
	const struct note *x = a, *y = b;

	if (x->boot_ns != y->boot_ns)
		return x->boot_ns < y->boot_ns ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

static void read_notes(struct processes *ps)
{
	size_t left = ps->count - ps->done;

	if (left && ps->done)
		memmove(ps->notes, ps->notes + ps->done, left * sizeof(*ps->notes));
	ps->done = 0;
	ps->count = left;
	ps->read_ns = clock_ns(CLOCK_BOOTTIME);
	perf_rings_read(&ps->rings, add_note, ps);
	if (ps->count != left)
		qsort(ps->notes, ps->count, sizeof(*ps->notes), by_time);
}

/* Takes in what happened until *until*. */
static void catch_up(struct processes *ps, uint64_t until)
{
	if (until > ps->read_ns)
		read_notes(ps);
	while (ps->done < ps->count && ps->notes[ps->done].boot_ns <= until) {
		take_note(ps, &ps->notes[ps->done]);
		free(ps->notes[ps->done++].record);
	}
}

/* ---- for others ---- */

struct process *process_at(struct processes *ps, pid_t pid, uint64_t at_ns, bool user)
{
	struct process *p;

	catch_up(ps, at_ns);
	p = find_or_add(ps, pid);
	if (p && user && !p->space)
		open_space(ps, p);
	return p;
}

/* Whether a process whose first thread has ended has others. */
static bool has_threads(const struct processes *ps, pid_t pid)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[64];
	int threads = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = ps->foreign_proc ? NULL : opendir(path);
	if (!dir)
		return false;
	for (struct dirent *entry; (entry = readdir(dir));)
		threads += entry->d_name[0] != '.';
	return threads > 1;
}

void processes_tick(struct processes *ps)
{
	uint64_t now = clock_ns(CLOCK_BOOTTIME);

	/* Not all of it: samples of before an exec or exit may still be under way. */
	read_notes(ps);
	catch_up(ps, ps->tick_ns);
	ps->tick_ns = now;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct process **at = &ps->buckets[i]; *at;) {
			struct process *p = *at;

			if (!p->exited_ns || p->exited_ns + GRACE_NS > now ||
			    (p->space && has_threads(ps, p->pid)))
				at = &p->next;
			else
				forget(ps, at);
		}
}

void processes_each(struct processes *ps, process_fn *fn, void *context)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct process *p = ps->buckets[i]; p; p = p->next)
			fn(context, p);
}

uint64_t processes_lost(const struct processes *ps)
{
	return ps->rings.lost + ps->dropped;
}

static bool is_foreign_proc(void)
{
	char text[32] = "";

	return readlink("/proc/self", text, sizeof(text) - 1) <= 0 || atoi(text) != getpid();
}

int processes_new(struct symbolizer *symbolizer, process_fn *flush, void *context,
		  struct processes **ret)
{
	struct perf_event_attr attr = perf_dummy_attr();
	struct processes *ps = calloc(1, sizeof(*ps));
	int err;

	if (!ps)
		return -ENOMEM;
	attr.mmap = attr.mmap2 = attr.comm = attr.comm_exec = attr.task = 1;
	ps->symbolizer = symbolizer;
	ps->flush = flush;
	ps->context = context;
	ps->foreign_proc = is_foreign_proc();
	err = perf_rings_open(&ps->rings, &attr, PAGES);
	if (err) {
		free(ps);
		return err;
	}
	*ret = ps;
	return 0;
}

void processes_free(struct processes *ps)
{
	if (!ps)
		return;
	for (size_t i = 0; i < BUCKETS; i++)
		while (ps->buckets[i])
			forget(ps, &ps->buckets[i]);
	for (; ps->done < ps->count; ps->done++)
		free(ps->notes[ps->done].record);
	free(ps->notes);
	perf_rings_close(&ps->rings);
	free(ps);
}
