/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is there, and its end: of programs the kernel tells (PERF_RECORD_BPF_EVENT), of maps and links
 * a look at the ids each second. */
#include <time.h>

#include <bpf/bpf.h>

#include "lib/perf.h"
#include "bpfload-watch/watch.h"

static struct known *known;
static struct prog_details prog;
static size_t known_count, known_cap;

static struct known *known_find(enum object_kind object, uint32_t id)
{
	for (size_t i = 0; i < known_count; i++)
		if (known[i].id == id && known[i].object == object)
			return &known[i];
	return NULL;
}

static struct known *known_add(enum object_kind object, uint32_t id)
{
	struct known *k = known_find(object, id);

	if (!k && known_count == known_cap) {
		size_t cap = known_cap ? 2 * known_cap : 256;
		struct known *more = realloc(known, cap * sizeof(*more));

		if (!more)
			return NULL;
		known = more;
		known_cap = cap;
	}
	if (!k)
		k = &known[known_count++];
	*k = (struct known){ .object = object,
			     .id = id,
			     .there = true,
			     .run_count = UINT64_MAX,
			     .run_ns = UINT64_MAX };
	return k;
}

bool known_probe(enum object_kind object, uint32_t id)
{
	const struct known *k = known_find(object, id);

	return k && k->probe;
}

static void known_drop(struct known *k)
{
	*k = known[--known_count];
}

/* Asks about what is there, and remembers it for its end.  Returns 0 or a negative errno. */
static int known_ask(struct known *k)
{
	struct bpf_map_info map;
	int err;

	if (k->object == OBJECT_PROG) {
		err = prog_details(k->id, false, &prog);
		if (err)
			return err;
		k->type = prog.info.type;
		k->made_ns = prog.info.load_time;
		k->run_count = prog.info.run_cnt;
		k->run_ns = prog.info.run_time_ns;
		memcpy(k->tag, prog.info.tag, sizeof(k->tag));
		/* The one that is known may be longer. */
		if (!*k->name)
			snprintf(k->name, sizeof(k->name), "%.*s", (int)prog.name.len,
				 prog.name.data ?: "");
	} else if (k->object == OBJECT_MAP) {
		err = map_details(k->id, &map);
		if (err)
			return err;
		k->type = map.type;
		snprintf(k->name, sizeof(k->name), "%.16s", map.name);
		/* Of a library's probe, and on its way out. */
		k->probe |= !strncmp(k->name, "libbpf_", 7);
	} else {
		struct bpf_link_info link;
		struct buf target = {};
		uint32_t ifindex;

		err = link_details(k->id, &link, &target, &ifindex);
		if (!err) {
			k->type = link.type;
			snprintf(k->name, sizeof(k->name), "%.*s", (int)target.len,
				 target.data ?: "");
		}
		buf_done(&target);
	}
	return err;
}

static bool filtered;

static void row_object(const struct known *k)
{
	struct bpfload_event *ev = &row.event;

	switch (k->object) {
	case OBJECT_PROG:
		ev->have |= HAVE_PROG;
		ev->prog_id = k->id;
		ev->prog_type = k->type;
		ev->load_ns = k->made_ns;
		memcpy(ev->tag, k->tag, sizeof(ev->tag));
		row_text(&ev->prog_name, k->name);
		break;
	case OBJECT_MAP:
		ev->have |= HAVE_MAP;
		ev->map_id = k->id;
		ev->map_type = k->type;
		row_text(&ev->map_name, k->name);
		break;
	case OBJECT_LINK:
		ev->have |= HAVE_LINK;
		ev->link_id = k->id;
		ev->link_type = k->type;
		if (*k->name)
			row_text(&ev->target, k->name);
	}
}

static void tell_end(struct session *session, struct known *k, uint64_t ns)
{
	if (!k->own && !k->probe && (k->told || !filtered)) {
		row_own(&k->task, ns, VIA_END, k->object);
		row_object(k);
		if (k->made_ns && k->made_ns <= ns)
			row.event.lifetime_ns = ns - k->made_ns;
		row.event.run_count = k->run_count;
		row.event.run_ns = k->run_ns;
		row_tell(session);
	}
	known_drop(k);
}

static struct perf_rings ends;
static bool ends_told; /* by the kernel, for programs */

struct bpf_record {
	struct perf_event_header header;
	uint16_t type, flags;
	uint32_t id;
	uint8_t tag[8];
	uint32_t pid, tid;
	uint64_t time;
};

static void on_end(void *context, const struct perf_event_header *header, unsigned int cpu)
{
	const struct bpf_record *record = (const void *)header;
	struct known *k;

	(void)cpu;
	if (header->type != PERF_RECORD_BPF_EVENT || header->size < sizeof(*record) ||
	    record->type != PERF_BPF_EVENT_PROG_UNLOAD)
		return;
	k = known_find(OBJECT_PROG, record->id);
	if (!k && !filtered && (k = known_add(OBJECT_PROG, record->id))) {
		k->type = TYPE_UNKNOWN;
		memcpy(k->tag, record->tag, sizeof(k->tag));
	}
	if (k)
		tell_end(context, k, record->time);
}

static int next_id(enum object_kind object, uint32_t id, uint32_t *next)
{
	int err = object == OBJECT_PROG ? bpf_prog_get_next_id(id, next) :
		  object == OBJECT_MAP	? bpf_map_get_next_id(id, next) :
					  bpf_link_get_next_id(id, next);

	return err ? -errno : 0;
}

/* This tool's own programs, maps and links are not what is looked for. */
static void own_add(enum object_kind object, int fd, uint32_t id_off)
{
	char info[512] = {};
	uint32_t len = sizeof(info), id;
	struct known *k;

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, info, &len))
		return;
	memcpy(&id, info + id_off, sizeof(id));
	k = known_add(object, id);
	if (k)
		k->own = true;
}

static void own_find(struct session *session)
{
	const struct bpf_object *object = tool_object(session);
	const struct needs *own = tool_needs(session);
	struct bpf_program *program;
	struct bpf_map *map;

	bpf_object__for_each_program(program, object)
		own_add(OBJECT_PROG, bpf_program__fd(program), offsetof(struct bpf_prog_info, id));
	bpf_object__for_each_map(map, object)
		own_add(OBJECT_MAP, bpf_map__fd(map), offsetof(struct bpf_map_info, id));
	for (size_t i = 0; i < own->link_count; i++)
		own_add(OBJECT_LINK, bpf_link__fd(own->links[i]),
			offsetof(struct bpf_link_info, id));
}

static void tell_present(struct session *session, const struct known *k)
{
	row_own(NULL, clock_ns(CLOCK_BOOTTIME), VIA_PRESENT, k->object);
	row_object(k);
	row.event.run_count = k->run_count;
	row.event.run_ns = k->run_ns;
	if (k->made_ns)
		row.event.lifetime_ns = row.event.task.boot_ns - k->made_ns;
	row_tell(session);
}

/* Looks at all ids: what is new to us is remembered, what is gone is told.  A program's end is told
 * by the kernel, if it tells; then its numbers are looked at here. */
static void look_at_ids(struct session *session, bool present, bool *hidden)
{
	uint64_t now = clock_ns(CLOCK_BOOTTIME);

	for (size_t i = 0; i < known_count; i++)
		known[i].there = false;
	for (enum object_kind object = OBJECT_PROG; object <= OBJECT_LINK; object++) {
		uint32_t id = 0;
		int err;

		while (!(err = next_id(object, id, &id))) {
			struct known *k = known_find(object, id);
			bool is_new = !k;

			if (!k)
				k = known_add(object, id);
			if (!k)
				return;
			k->there = true;
			if ((is_new || object == OBJECT_PROG) && known_ask(k) == -ENOENT) {
				/* It is on its way out: of a new one nothing is to be told. */
				if (is_new)
					known_drop(k);
				continue;
			}
			if (present && !k->own && !k->probe)
				tell_present(session, k);
		}
		*hidden |= err == -EPERM;
		if (err == -ENOENT)
			continue;
		/* Not to be seen, or a kernel without these ids: nothing is known to be gone. */
		for (size_t i = 0; i < known_count; i++)
			known[i].there |= known[i].object == object;
	}
	for (size_t i = known_count; i--;)
		if (!known[i].there && !(known[i].object == OBJECT_PROG && ends_told))
			tell_end(session, &known[i], now);
}

static void remember_as(enum object_kind object, uint32_t id, uint32_t type,
			const struct bytes *name, bool probe)
{
	const struct bpfload_event *ev = &row.event;
	struct known *k;

	if (ev->via != VIA_BPF || ev->ret < 0 || !id)
		return;
	k = known_add(object, id);
	if (!k)
		return;
	k->told = true;
	k->probe = probe;
	k->task = ev->task;
	k->type = type;
	k->made_ns = object == OBJECT_PROG ? ev->load_ns : ev->task.boot_ns;
	memcpy(k->tag, ev->tag, sizeof(k->tag));
	if (object == OBJECT_PROG)
		k->run_count = k->run_ns = 0;
	if (row_has(name))
		snprintf(k->name, sizeof(k->name), "%.*s", (int)name->len, row_at(name));
}

/* What a call has made is known by its end. */
void known_made(bool probe)
{
	const struct bpfload_event *ev = &row.event;

	switch (ev->cmd) {
	case BPF_PROG_LOAD:
		remember_as(OBJECT_PROG, ev->prog_id, ev->prog_type, &ev->prog_name, probe);
		break;
	case BPF_MAP_CREATE:
		remember_as(OBJECT_MAP, ev->map_id, ev->map_type, &ev->map_name, probe);
		break;
	case BPF_LINK_CREATE:
	case BPF_RAW_TRACEPOINT_OPEN:
		remember_as(OBJECT_LINK, ev->link_id, ev->link_type, &ev->target, probe);
	}
}

void known_ends(struct session *session)
{
	if (ends_told)
		perf_rings_read(&ends, on_end, session);
}

void known_look(struct session *session)
{
	bool hidden = false;

	look_at_ids(session, false, &hidden);
}

void known_start(struct session *session, bool only_filtered, bool present)
{
	struct perf_event_attr attr = perf_dummy_attr();
	bool hidden = false;
	int err;

	filtered = only_filtered;
	attr.bpf_event = 1;
	attr.sample_id_all = 1;
	attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME;
	err = perf_rings_open(&ends, &attr, 4);
	ends_told = !err;
	if (err && tool_verbose(session))
		tool_say(session, "the ends of programs are looked for once a second: %s",
			 strerror(-err));
	if (!tool_filters(session)->self)
		own_find(session);
	look_at_ids(session, present, &hidden);
	if (hidden && tool_verbose(session))
		tool_say(
			session,
			"not seen: the ends of maps and links, helpers, sources (needs CAP_SYS_ADMIN)");
}

void known_done(void)
{
	perf_rings_close(&ends);
	prog_details_done(&prog);
	free(known);
}
