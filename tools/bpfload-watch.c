/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* bpfload-watch: everything that is done to BPF on this machine, as it happens. */
#include <linux/capability.h>
#include <sys/stat.h>

#include <bpf/bpf.h>

#include "lib/bpf_info.h"
#include "lib/enums.h"
#include "lib/netif.h"
#include "lib/perf.h"
#include "lib/text.h"
#include "lib/tool.h"
#include "bpfload-watch.h"
#include "bpfload-watch.skel.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF	    39
#endif

static bool all, summary, snapshot;
static uint64_t columns_wanted;

static const struct opt options[] = {
	OPT_BOOL('a', "all", &all, "also feature probes, queries and (counted) element operations"),
	OPT_BOOL(0, "summary", &summary,
		 "at the end: counts by type, process and error, slowest verifications"),
	OPT_BOOL(0, "snapshot", &snapshot, "begin with what is loaded already"),
	OPT_END,
};

static const struct need needs[] = {
	{ .name = "call",
	  .points = { "call_start+call_done", "call_start_raw+call_done_raw",
		      "call_start_tp+call_done_tp" } },
	NEED_END,
};

/* ---- rows ---- */

/* An event and the strings that it is given on the way. */
static union {
	struct bpfload_event event;
	char data[96 << 10];
} row;
static size_t row_len;

static void row_start(const void *record, size_t size)
{
	if (size > sizeof(row) / 2)
		size = sizeof(row) / 2;
	memset(&row.event, 0, sizeof(row.event));
	memcpy(row.data, record, size);
	row_len = size < sizeof(row.event) ? sizeof(row.event) : size;
}

static void row_add(struct bytes *b, const void *data, size_t len)
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

static void row_text(struct bytes *b, const char *text)
{
	row_add(b, text, strlen(text));
}

static bool row_has(const struct bytes *b)
{
	return b->off && !(b->flags & BYTES_UNREAD);
}

static const char *row_at(const struct bytes *b)
{
	return row.data + b->off;
}

/* The caller's union bpf_attr, zero after what it gave. */
static uint32_t attr_u32(size_t off)
{
	const struct bytes *attr = &row.event.attr;
	uint32_t v = 0;

	if (row_has(attr) && off + sizeof(v) <= ATTR_MAX)
		memcpy(&v, row_at(attr) + off, sizeof(v));
	return v;
}

static uint64_t attr_u64(size_t off)
{
	return attr_u32(off) | (uint64_t)attr_u32(off + 4) << 32;
}

/* ---- what is known to be there ---- */

#define TYPE_UNKNOWN UINT32_MAX

struct known {
	enum object_kind object;
	uint32_t id;
	uint32_t type;
	bool own;	       /* made by this tool */
	bool probe;	       /* made in a probe that was folded */
	bool told;	       /* somebody was seen making it */
	bool there;	       /* seen by the last look at the ids */
	struct task_info task; /* who made it, if that was seen */
	uint64_t made_ns, run_count, run_ns;
	uint8_t tag[8];
	char name[64];
};

static struct known *known;
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

static void known_drop(struct known *k)
{
	*k = known[--known_count];
}

static struct prog_details prog;

/* Asks about what is there, and remembers it for its end.  Returns 0 or a negative errno. */
static int known_look(struct known *k)
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

/* ---- rows of the tool's own ---- */

static uint64_t boot_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

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
		row_text(&ev->name, k->name);
		break;
	case OBJECT_LINK:
		ev->have |= HAVE_LINK;
		ev->link_id = k->id;
		ev->link_type = k->type;
		row_text(&ev->target, k->name);
	}
}

#define NO_RESULT INT32_MIN

static void row_own(const struct task_info *task, uint64_t ns, enum watch_via via, uint32_t cmd)
{
	struct bpfload_event ev = { .via = via,
				    .cmd = cmd,
				    .lat_ns = UINT64_MAX,
				    .lifetime_ns = UINT64_MAX,
				    .run_count = UINT64_MAX,
				    .run_ns = UINT64_MAX,
				    .ret = NO_RESULT,
				    .count = 1 };

	if (task)
		ev.task = *task;
	ev.task.boot_ns = ns;
	row_start(&ev, sizeof(ev));
}

static bool filtered;

static void tell_end(struct session *session, struct known *k, uint64_t ns)
{
	if (!k->own && !k->probe && (k->told || !filtered)) {
		row_own(&k->task, ns, VIA_END, k->object);
		row_object(k);
		if (k->made_ns && k->made_ns <= ns)
			row.event.lifetime_ns = ns - k->made_ns;
		row.event.run_count = k->run_count;
		row.event.run_ns = k->run_ns;
		tool_event(session, &row, row_len);
	}
	known_drop(k);
}

/* ---- ends ---- */

static struct perf_rings ends;
static bool ends_told; /* by the kernel, for programs */
static bool ids_hidden;

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
	struct bpfload_watch_bpf *bpf = tool_skeleton(session);
	const struct needs *own = tool_needs(session);
	struct bpf_program *program;
	struct bpf_map *map;

	bpf_object__for_each_program(program, bpf->obj)
		own_add(OBJECT_PROG, bpf_program__fd(program), offsetof(struct bpf_prog_info, id));
	bpf_object__for_each_map(map, bpf->obj)
		own_add(OBJECT_MAP, bpf_map__fd(map), offsetof(struct bpf_map_info, id));
	for (size_t i = 0; i < own->link_count; i++)
		own_add(OBJECT_LINK, bpf_link__fd(own->links[i]),
			offsetof(struct bpf_link_info, id));
}

static void tell_present(struct session *session, const struct known *k)
{
	row_own(NULL, boot_ns(), VIA_PRESENT, k->object);
	row_object(k);
	row.event.run_count = k->run_count;
	row.event.run_ns = k->run_ns;
	if (k->made_ns)
		row.event.lifetime_ns = row.event.task.boot_ns - k->made_ns;
	tool_event(session, &row, row_len);
}

/* Looks at all ids: what is new to us is remembered, what is gone is told.  A program's end is told
 * by the kernel, if it tells; then its numbers are looked at here. */
static void look_at_ids(struct session *session, bool first)
{
	uint64_t now = boot_ns();

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
			if ((is_new || object == OBJECT_PROG) && known_look(k) == -ENOENT) {
				/* It is on its way out: of a new one nothing is to be told. */
				if (is_new)
					known_drop(k);
				continue;
			}
			if (first && snapshot && !k->own)
				tell_present(session, k);
		}
		ids_hidden |= err == -EPERM;
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

/* ---- folding ---- */

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
	tool_event(session, &row, row_len);
	*f = folds[--fold_count];
}

static void fold_add(struct session *session, enum watch_via via)
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

/* Tells what has come to rest, or all. */
static void folds_tell(struct session *session, uint64_t before_ns)
{
	for (size_t i = fold_count; i--;)
		if (folds[i].last_ns < before_ns)
			fold_tell(session, &folds[i]);
}

static bool is_query(const struct bpfload_event *ev)
{
	switch (ev->cmd) {
	case BPF_PROG_GET_NEXT_ID:
	case BPF_MAP_GET_NEXT_ID:
	case BPF_BTF_GET_NEXT_ID:
	case BPF_LINK_GET_NEXT_ID:
	case BPF_PROG_GET_FD_BY_ID:
	case BPF_MAP_GET_FD_BY_ID:
	case BPF_BTF_GET_FD_BY_ID:
	case BPF_LINK_GET_FD_BY_ID:
	case BPF_OBJ_GET_INFO_BY_FD:
	case BPF_PROG_QUERY:
	case BPF_TASK_FD_QUERY:
		return ev->via == VIA_BPF;
	default:
		return false;
	}
}

/* Where union bpf_attr has what we look at: include/uapi/linux/bpf.h. */
enum {
	PROG_TYPE = 0,
	PROG_INSN_CNT = 4,
	PROG_LOG_LEVEL = 24,
	PROG_LOG_SIZE = 28,
	PROG_LOG_BUF = 32,
	PROG_FLAGS = 44,
	PROG_NAME = 48,
	PROG_ATTACH_TYPE = 68,
	MAP_TYPE = 0,
	MAP_KEY_SIZE = 4,
	MAP_VALUE_SIZE = 8,
	MAP_MAX_ENTRIES = 12,
	MAP_FLAGS = 16,
	MAP_NAME = 28,
	BTF_LOG_BUF = 8,
	BTF_SIZE = 16,
	BTF_LOG_LEVEL = 24,
	ATTACH_TARGET = 4,
	ATTACH_TYPE = 8,
	NAME_SIZE = 16,
};

#define PROBE_INSNS 8
#define PROBE_BTF   160

/* Whether a call only finds out what the kernel can do, as libraries do before they load anything:
 * something tiny and nameless, or of a name that libbpf gives to nothing else. */
static bool is_probe(const struct bpfload_event *ev)
{
	static const char *const names[] = { "libbpf_", "det_arg_ctx", "test", "probe" };
	const char *name;

	if (ev->via != VIA_BPF)
		return false;
	switch (ev->cmd) {
	case BPF_LINK_CREATE:
		return ev->ret == -EBADF && attr_u32(ATTACH_TARGET) == UINT32_MAX;
	case BPF_BTF_LOAD:
		return attr_u32(BTF_SIZE) <= PROBE_BTF && !attr_u32(BTF_LOG_LEVEL);
	case BPF_MAP_CREATE:
		if (attr_u32(MAP_MAX_ENTRIES) > 1)
			return false;
		name = row_at(&ev->attr) + MAP_NAME;
		break;
	case BPF_PROG_LOAD:
		if (attr_u32(PROG_INSN_CNT) > PROBE_INSNS)
			return false;
		name = row_at(&ev->attr) + PROG_NAME;
		break;
	default:
		return false;
	}
	if (!row_has(&ev->attr) || !*name)
		return row_has(&ev->attr);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(name, names[i], i ? NAME_SIZE : strlen(names[i])))
			return true;
	return false;
}

/* ---- what a row says ---- */

/* The last line of a verifier's log that says what is wrong, and not how long it took or where it
 * was. */
static size_t last_line(const char *log, size_t len, const char **line)
{
	static const char *const numbers[] = { "processed ", "verification time ", "stack depth ",
					       "cur state:", "old state:" };

	for (;;) {
		size_t start;
		bool is_number = false;

		while (len && (log[len - 1] == '\n' || log[len - 1] == '\0'))
			len--;
		for (start = len; start && log[start - 1] != '\n';)
			start--;
		for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
			is_number |= len - start > strlen(numbers[i]) &&
				     !memcmp(log + start, numbers[i], strlen(numbers[i]));
		*line = log + start;
		if (!is_number || !start)
			return is_number ? 0 : len - start;
		len = start;
	}
}

static void fill_log(struct bpfload_event *ev)
{
	bool prog_load = ev->cmd == BPF_PROG_LOAD;
	const char *line;
	size_t len;

	if (ev->via != VIA_BPF || ev->ret >= 0 || (!prog_load && ev->cmd != BPF_BTF_LOAD))
		return;
	if (!row_has(&ev->attr) || (ev->log.flags & BYTES_UNREAD))
		return;
	if (!attr_u64(prog_load ? PROG_LOG_BUF : BTF_LOG_BUF) ||
	    !attr_u32(prog_load ? PROG_LOG_LEVEL : BTF_LOG_LEVEL)) {
		row_text(&ev->log, "no log requested");
		return;
	}
	len = last_line(row_at(&ev->log), ev->log.len, &line);
	ev->log.off = line - row.data;
	ev->log.len = len;
}

/* The caller's numbers, where the kernel made nothing of them. */
static void fill_from_attr(struct bpfload_event *ev)
{
	const char *attr = row_at(&ev->attr);

	if (ev->via != VIA_BPF || !row_has(&ev->attr))
		return;
	switch (ev->cmd) {
	case BPF_PROG_LOAD:
		ev->asked = attr_u32(PROG_INSN_CNT);
		ev->flags = attr_u32(PROG_FLAGS);
		if (ev->have & HAVE_PROG)
			return;
		ev->prog_type = attr_u32(PROG_TYPE);
		ev->attach_type = attr_u32(PROG_ATTACH_TYPE);
		row_add(&ev->prog_name, attr + PROG_NAME, strnlen(attr + PROG_NAME, NAME_SIZE));
		break;
	case BPF_MAP_CREATE:
		ev->flags = attr_u32(MAP_FLAGS);
		if (ev->have & HAVE_MAP)
			return;
		ev->map_type = attr_u32(MAP_TYPE);
		ev->key_size = attr_u32(MAP_KEY_SIZE);
		ev->value_size = attr_u32(MAP_VALUE_SIZE);
		ev->max_entries = attr_u32(MAP_MAX_ENTRIES);
		ev->map_flags = ev->flags;
		row_add(&ev->name, attr + MAP_NAME, strnlen(attr + MAP_NAME, NAME_SIZE));
		break;
	case BPF_LINK_CREATE:
	case BPF_PROG_ATTACH:
	case BPF_PROG_DETACH:
		ev->attach_type = attr_u32(ATTACH_TYPE);
	}
}

/* What only the kernel's information by id has. */
static void fill_details(struct bpfload_event *ev)
{
	bool made_prog = ev->via == VIA_BPF && ev->cmd == BPF_PROG_LOAD && ev->ret >= 0;

	if (made_prog && ev->prog_id && (columns_wanted & (WANT_DETAILS | WANT_HELPERS))) {
		int err = prog_details(ev->prog_id, true, &prog);

		if (err == -ENOENT)
			row_text(&ev->detail, "gone already");
		if (err)
			return;
		row_add(&ev->prog_name, prog.name.data ?: "", prog.name.len);
		if (prog.helpers_known)
			row_add(&ev->helpers, prog.helpers.data ?: "", prog.helpers.len);
		row_add(&ev->maps, prog.maps.data ?: "", prog.maps.len);
		if (prog.source.len)
			row_add(&ev->source, prog.source.data, prog.source.len);
	}
	if (ev->link_id && !row_has(&ev->target)) {
		struct bpf_link_info link;
		struct buf target = {};
		char name[16];

		if (!link_details(ev->link_id, &link, &target, &ev->ifindex) && ev->ifindex) {
			netif_programs(ev->task.pid, ev->net_ns, ev->ifindex, name, NULL, 0);
			buf_str(&target, name);
		}
		if (target.len)
			row_add(&ev->target, target.data, target.len);
		buf_done(&target);
	}
}

/* Looks at the interface that a message was about.  Returns whether it is about BPF at all. */
static bool fill_interface(struct bpfload_event *ev)
{
	struct netif_prog progs[16];
	struct netif_message message;
	struct buf text = {};
	char name[16];
	int count;

	netif_parse(row_at(&ev->message), row_has(&ev->message) ? ev->message.len : 0, &message);
	if (!message.bpf)
		return false;
	ev->ifindex = message.ifindex;
	ev->ret = NO_RESULT; /* it comes in a message of its own */
	if (!message.ifindex)
		return true;
	count = netif_programs(ev->task.pid, ev->net_ns, message.ifindex, name, progs,
			       ARRAY_SIZE(progs));
	if (count < 0) {
		buf_printf(&text, "interface %u: not to be seen (%s)", message.ifindex,
			   strerror(-count));
	} else {
		buf_printf(&text, "%s:", name);
		for (int i = 0; i < count; i++)
			buf_printf(&text, " %s %u", progs[i].where, progs[i].id);
		if (!count)
			buf_str(&text, " none");
		/* The program that is there now, if it is the only one. */
		if (count == 1 && !prog_details(progs[0].id, false, &prog)) {
			ev->have |= HAVE_PROG;
			ev->prog_id = progs[0].id;
			ev->prog_type = prog.info.type;
			memcpy(ev->tag, prog.info.tag, sizeof(ev->tag));
			row_add(&ev->prog_name, prog.name.data ?: "", prog.name.len);
		}
	}
	row_add(&ev->target, text.data ?: "", text.len);
	buf_done(&text);
	return true;
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
static void remember(bool probe)
{
	const struct bpfload_event *ev = &row.event;

	switch (ev->cmd) {
	case BPF_PROG_LOAD:
		remember_as(OBJECT_PROG, ev->prog_id, ev->prog_type, &ev->prog_name, probe);
		break;
	case BPF_MAP_CREATE:
		remember_as(OBJECT_MAP, ev->map_id, ev->map_type, &ev->name, probe);
		break;
	case BPF_LINK_CREATE:
	case BPF_RAW_TRACEPOINT_OPEN:
		remember_as(OBJECT_LINK, ev->link_id, ev->link_type, &ev->target, probe);
	}
}

/* ---- counts for --summary ---- */

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

static void count_event(const struct bpfload_event *ev)
{
	struct slowest *least = slowest;
	char process[48];

	if (!summary)
		return;
	snprintf(process, sizeof(process), "%.16s (%u)", ev->task.comm, ev->task.pid);
	count_one(&tallies[1], process);
	if (ev->ret < 0 && ev->ret != NO_RESULT)
		count_one(&tallies[2], strerrorname_np(-ev->ret) ?: "?");
	if (ev->via != VIA_BPF || ev->cmd != BPF_PROG_LOAD)
		return;
	count_one(&tallies[0], enum_text(ENUM_PROG_TYPE, ev->prog_type));
	for (size_t i = 1; i < ARRAY_SIZE(slowest); i++)
		if (slowest[i].ns < least->ns)
			least = &slowest[i];
	if (ev->lat_ns == UINT64_MAX || ev->lat_ns <= least->ns)
		return;
	*least = (struct slowest){ .ns = ev->lat_ns, .id = ev->prog_id, .insns = ev->verified };
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

static void print_counts(struct session *session)
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

/* ---- hooks of the runtime ---- */

static void on_record(struct session *session, void *record, size_t size)
{
	struct bpfload_event *ev = &row.event;

	if (size < sizeof(*ev))
		return;
	row_start(record, size);
	if (!all && is_query(ev)) {
		fold_add(session, VIA_QUERIES);
		return;
	}
	if (!all && is_probe(ev)) {
		remember(true);
		fold_add(session, VIA_PROBES);
		return;
	}
	if (ev->via == VIA_NETLINK && !fill_interface(ev))
		return;
	ev->errors = ev->ret < 0 && ev->ret != NO_RESULT;
	fill_from_attr(ev);
	fill_log(ev);
	fill_details(ev);
	count_event(ev);
	remember(false);
	tool_event(session, &row, row_len);
}

/* Tells the element operations since the last time. */
static void tell_elements(struct session *session)
{
	struct bpfload_watch_bpf *bpf = tool_skeleton(session);
	int fd = bpf_map__fd(bpf->maps.element_counts);
	struct element_key key, next, *last = NULL;
	struct element_count count;

	while (!bpf_map_get_next_key(fd, last, &next)) {
		/* What was read is taken away when the next key is known. */
		if (last)
			bpf_map_delete_elem(fd, last);
		if (bpf_map_lookup_elem(fd, &next, &count))
			break;
		row_own(&count.task, count.task.boot_ns, VIA_BPF, next.cmd);
		row.event.count = count.count;
		row.event.errors = count.errors;
		row.event.compat = next.compat;
		if (next.map_id) {
			row.event.have = HAVE_MAP;
			row.event.map_id = next.map_id;
			row.event.map_type = count.map_type;
			row_add(&row.event.name, count.map_name, strnlen(count.map_name, 16));
		}
		tool_event(session, &row, row_len);
		key = next;
		last = &key;
	}
	if (last)
		bpf_map_delete_elem(fd, last);
}

static void on_tick(struct session *session)
{
	static unsigned int ticks;

	if (ends_told)
		perf_rings_read(&ends, on_end, session);
	if (++ticks % 20)
		return;
	look_at_ids(session, false);
	folds_tell(session, boot_ns() - 1000000000);
	if (all)
		tell_elements(session);
}

static int start(struct session *session, char why[256])
{
	const struct filter_options *filters = tool_filters(session);
	struct perf_event_attr attr = perf_dummy_attr();
	int err;

	(void)why;
	filtered = filters->pids.count || filters->tids.count || filters->uids.count ||
		   filters->comm_count || filters->cgroup || filters->command;
	err = enums_init();
	if (err && tool_verbose(session))
		tool_say(session, "types are shown by number: %s", strerror(-err));
	attr.bpf_event = 1;
	attr.sample_id_all = 1;
	attr.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME;
	err = perf_rings_open(&ends, &attr, 4);
	ends_told = !err;
	if (err && tool_verbose(session))
		tool_say(session, "the ends of programs are looked for once a second: %s",
			 strerror(-err));
	if (!filters->self)
		own_find(session);
	look_at_ids(session, true);
	if (ids_hidden)
		tool_say(
			session,
			"needs CAP_SYS_ADMIN too to see ends, and more than the kernel tells at once");
	return 0;
}

static int finish(struct session *session)
{
	if (ends_told)
		perf_rings_read(&ends, on_end, session);
	look_at_ids(session, false);
	folds_tell(session, UINT64_MAX);
	if (all)
		tell_elements(session);
	if (summary)
		print_counts(session);
	return 0;
}

static void done(void)
{
	perf_rings_close(&ends);
	enums_done();
	bpf_info_done();
	prog_details_done(&prog);
	free(known);
	for (size_t i = 0; i < ARRAY_SIZE(tallies); i++)
		free(tallies[i].tally);
}

static void configure(void *skeleton)
{
	struct bpfload_watch_bpf *bpf = skeleton;

	columns_wanted = bpf->rodata->wanted;
	bpf->rodata->elements = all;
	if (!all)
		bpf_map__set_max_entries(bpf->maps.element_counts, 1);
}

/* ---- columns ---- */

struct number_name {
	uint32_t number;
	const char *name;
};

static const char *name_of(const struct number_name *names, uint32_t number)
{
	while (names->name && names->number != number)
		names++;
	return names->name;
}

static void get_cmd(const void *event, size_t size, struct value *v)
{
	static const struct number_name options[] = {
		{ 26, "SO_ATTACH_FILTER" },
		{ 27, "SO_DETACH_FILTER" },
		{ 50, "SO_ATTACH_BPF" },
		{ 51, "SO_ATTACH_REUSEPORT_CBPF" },
		{ 52, "SO_ATTACH_REUSEPORT_EBPF" },
		{ 68, "SO_DETACH_REUSEPORT_BPF" },
		{ 0, NULL },
	};
	static const struct number_name messages[] = {
		{ 16, "RTM_NEWLINK" },	  { 19, "RTM_SETLINK" },
		{ 24, "RTM_NEWROUTE" },	  { 37, "RTM_DELQDISC" },
		{ 44, "RTM_NEWTFILTER" }, { 45, "RTM_DELTFILTER" },
		{ 48, "RTM_NEWACTION" },  { 0, NULL },
	};
	static const char *const objects[][2] = {
		[OBJECT_PROG] = { "PROG_END", "PROG_PRESENT" },
		[OBJECT_MAP] = { "MAP_END", "MAP_PRESENT" },
		[OBJECT_LINK] = { "LINK_END", "LINK_PRESENT" },
	};
	const struct bpfload_event *ev = event;

	(void)size;
	switch (ev->via) {
	case VIA_BPF:
		value_text(v, enum_text(ENUM_CMD, ev->cmd));
		break;
	case VIA_IOCTL:
		value_text(v, "PERF_SET_BPF");
		break;
	case VIA_SETSOCKOPT:
		value_text(v, name_of(options, ev->cmd));
		break;
	case VIA_PRCTL:
		value_text(v, "PR_SET_SECCOMP");
		break;
	case VIA_SECCOMP:
		value_text(v, "SECCOMP");
		break;
	case VIA_NETLINK:
		value_text(v, name_of(messages, ev->cmd));
		break;
	case VIA_PROBES:
		value_text(v, "PROBES");
		break;
	case VIA_QUERIES:
		value_text(v, "QUERIES");
		break;
	default:
		value_text(v, objects[ev->cmd][ev->via == VIA_PRESENT]);
	}
}

static void get_via(const void *event, size_t size, struct value *v)
{
	static const char *const names[] = {
		[VIA_BPF] = "bpf",     [VIA_IOCTL] = "ioctl",	  [VIA_SETSOCKOPT] = "setsockopt",
		[VIA_PRCTL] = "prctl", [VIA_SECCOMP] = "seccomp", [VIA_NETLINK] = "netlink"
	};
	const struct bpfload_event *ev = event;

	(void)size;
	value_text(v, ev->via < ARRAY_SIZE(names) ? names[ev->via] : NULL);
}

static bool about_prog(const struct bpfload_event *ev)
{
	return (ev->have & HAVE_PROG) || (ev->via == VIA_BPF && ev->cmd == BPF_PROG_LOAD);
}

static bool about_map(const struct bpfload_event *ev)
{
	return (ev->have & HAVE_MAP) || (ev->via == VIA_BPF && ev->cmd == BPF_MAP_CREATE);
}

static void get_prog_type(const void *event, size_t size, struct value *v)
{
	const struct bpfload_event *ev = event;

	(void)size;
	value_text(v, about_prog(ev) && ev->prog_type != TYPE_UNKNOWN ?
			      enum_text(ENUM_PROG_TYPE, ev->prog_type) :
			      NULL);
}

static void get_map_type(const void *event, size_t size, struct value *v)
{
	const struct bpfload_event *ev = event;

	(void)size;
	value_text(v, about_map(ev) ? enum_text(ENUM_MAP_TYPE, ev->map_type) : NULL);
}

static void get_link_type(const void *event, size_t size, struct value *v)
{
	const struct bpfload_event *ev = event;

	(void)size;
	value_text(v, ev->have & HAVE_LINK ? enum_text(ENUM_LINK_TYPE, ev->link_type) : NULL);
}

/* Of a program: the one that it expects, if its type knows any; of an attachment: its own. */
static void get_attach_type(const void *event, size_t size, struct value *v)
{
	const struct bpfload_event *ev = event;
	bool attaches =
		ev->via == VIA_BPF && (ev->cmd == BPF_LINK_CREATE || ev->cmd == BPF_PROG_ATTACH ||
				       ev->cmd == BPF_PROG_DETACH);

	(void)size;
	value_text(v, attaches || (about_prog(ev) && ev->attach_type) ?
			      enum_text(ENUM_ATTACH_TYPE, ev->attach_type) :
			      NULL);
}

/* What the row is about, for people: its type. */
static void get_type(const void *event, size_t size, struct value *v)
{
	const struct bpfload_event *ev = event;

	if (ev->have & HAVE_LINK)
		get_link_type(event, size, v);
	else if (about_prog(ev))
		get_prog_type(event, size, v);
	else
		get_map_type(event, size, v);
}

static void get_id(const void *event, size_t size, struct value *v)
{
	const struct bpfload_event *ev = event;
	uint32_t id = ev->have & HAVE_LINK ? ev->link_id :
		      ev->have & HAVE_PROG ? ev->prog_id :
		      ev->have & HAVE_MAP  ? ev->map_id :
					     ev->btf_id;

	(void)size;
	v->kind = id ? VALUE_UINT : VALUE_ABSENT;
	v->number = id;
}

static void get_tag(const void *event, size_t size, struct value *v)
{
	const struct bpfload_event *ev = event;
	static char text[17];

	(void)size;
	for (size_t i = 0; i < sizeof(ev->tag); i++)
		snprintf(text + 2 * i, 3, "%02x", ev->tag[i]);
	value_text(v, ev->have & HAVE_PROG ? text : NULL);
}

static void get_facts(const void *event, size_t size, struct value *v)
{
	const struct bpfload_event *ev = event;

	(void)size;
	value_text(v, ev->have & (HAVE_PROG | HAVE_MAP) ? "kernel" :
		      about_prog(ev) || about_map(ev)	? "caller" :
							  NULL);
}

/* Which programs take CAP_PERFMON or CAP_NET_ADMIN too: is_perfmon_prog_type() and
 * is_net_admin_prog_type() of kernel/bpf/syscall.c. */
#define PERFMON_TYPES	0x3d0200a4ull
#define NET_ADMIN_TYPES 0x112edfe58ull

static void get_capability(const void *event, size_t size, struct value *v)
{
	const struct bpfload_event *ev = event;
	bool admin = ev->caps >> CAP_SYS_ADMIN & 1, load = ev->cmd == BPF_PROG_LOAD;
	static char text[64];
	const char *missing = admin ? "cap_sys_admin" : "none";

	(void)size;
	value_text(v, NULL);
	if (ev->via > VIA_NETLINK)
		return;
	text[0] = '\0';
	if (ev->user_level)
		missing = "none (user namespace)";
	else if (ev->via == VIA_BPF && ev->caps >> CAP_BPF & 1)
		snprintf(text, sizeof(text), "cap_bpf%s%s",
			 load && PERFMON_TYPES >> ev->prog_type & ev->caps >> CAP_PERFMON & 1 ?
				 ",cap_perfmon" :
				 "",
			 load && NET_ADMIN_TYPES >> ev->prog_type & ev->caps >> CAP_NET_ADMIN & 1 ?
				 ",cap_net_admin" :
				 "");
	else if (ev->via == VIA_IOCTL && ev->caps >> CAP_PERFMON & 1)
		snprintf(text, sizeof(text), "cap_perfmon");
	else if (ev->via == VIA_NETLINK && ev->caps >> CAP_NET_ADMIN & 1)
		snprintf(text, sizeof(text), "cap_net_admin");
	else if (ev->via == VIA_SETSOCKOPT)
		missing = "none"; /* none is asked for */
	value_text(v, text[0] ? text : missing);
}

static const char *text_of(const struct bytes *b, size_t *len)
{
	*len = row_has(b) ? b->len : 0;
	return row_at(b);
}

/* In one line: the name, what it is attached to, or why it failed. */
static void get_what(const void *event, size_t size, struct value *v)
{
	const struct bpfload_event *ev = event;
	static struct buf b;
	const char *text;
	size_t len;

	(void)size;
	buf_reset(&b);
	text = text_of(about_prog(ev) ? &ev->prog_name : &ev->name, &len);
	buf_add(&b, text, len);
	text = text_of(&ev->target, &len);
	if (len) {
		buf_str(&b, b.len ? " -> " : "");
		buf_add(&b, text, len);
	}
	text = text_of(&ev->function, &len);
	if (len) {
		buf_str(&b, b.len ? " -> " : "");
		buf_add(&b, text, len);
	}
	if (ev->ret < 0 && ev->ret != NO_RESULT) {
		buf_str(&b, b.len ? ": " : "");
		buf_str(&b, strerrorname_np(-ev->ret) ?: "error");
	}
	text = text_of(&ev->log, &len);
	if (len) {
		buf_str(&b, b.len ? ": " : "");
		buf_add(&b, text, len);
	}
	if (ev->via == VIA_PROBES)
		buf_printf(&b, "%u feature probes", ev->count);
	else if (ev->via == VIA_QUERIES)
		buf_printf(&b, "%u queries", ev->count);
	else if (ev->count > 1)
		buf_printf(&b, "%s%u times", b.len ? ", " : "", ev->count);
	v->kind = VALUE_TEXT;
	v->data = b.data ?: "";
	v->len = b.len;
}

#define E    struct bpfload_event
#define SOME .flags = COL_WIDE | COL_ABSENT
#define MANY .flags = COL_WIDE | COL_ABSENT, .absent = UINT64_MAX

static const struct column columns[] = {
	COL_TIME,
	COL_COMM(E),
	COL_PID(E),
	COL_TID(E, .flags = COL_EXTRA),
	COL_PPID(E, .flags = COL_EXTRA),
	COL_UID(E, .flags = COL_WIDE),
	COL_GID(E),
	COL_CPU(E),
	COL_GET("CMD", "cmd", get_cmd, -12,
		"what was done: commands of bpf(2), and other calls; _END, _PRESENT: of an object; "
		"PROBES, QUERIES: several, folded"),
	COL_GET("VIA", "via", get_via, -10, "the system call", .flags = COL_WIDE),
	COL_GET("TYPE", "object_type", get_type, -12, "type of program, map or link"),
	COL_GET("ID", "id", get_id, 5, "id of the program, map, link or BTF"),
	COL(E, "LAT", lat_ns, 7, "time that the call took", .fmt = FMT_DURATION,
	    .flags = COL_ABSENT, .absent = UINT64_MAX),
	COL(E, "RET", ret, 6, "what the call returned", .fmt = FMT_ERRNO,
	    .flags = COL_WIDE | COL_ABSENT, .absent = (uint64_t)NO_RESULT),
	COL(E, "COUNT", count, 5, "calls that the row stands for", .flags = COL_WIDE),
	COL(E, "ERRORS", errors, 5, "how many of them failed", .flags = COL_WIDE),
	COL_GET("FACTS", "facts", get_facts, -6, "kernel: its own; caller: as it asked",
		.flags = COL_WIDE),
	COL(E, "PROG", prog_id, 5, "id of the program", SOME),
	COL_GET("PROGTYPE", "prog_type", get_prog_type, -12, "type of the program",
		.flags = COL_WIDE),
	COL_GET("ATTACHTYPE", "attach_type", get_attach_type, -16,
		"where it is to be attached, if the type leaves a choice", .flags = COL_WIDE),
	COL(E, "PROGNAME", prog_name, -15, "name of the program, in full if its BTF has it",
	    .flags = COL_WIDE),
	COL_GET("TAG", "tag", get_tag, -16, "hash of its instructions", .flags = COL_WIDE),
	COL(E, "LICENSE", license, -12, "as the caller gave it", .flags = COL_WIDE),
	COL(E, "GPL", gpl, 3, "1: the license is compatible with the GPL", .flags = COL_WIDE),
	COL_KEY(E, "ASKED", "insns", asked, 6,
		"instructions given, also to filters of sockets and seccomp", SOME),
	COL_KEY(E, "INSNS", "verified_insns", verified, 7,
		"instructions that the verifier looked at (since Linux 5.16)", SOME),
	COL_KEY(E, "JITED", "jited_len", jited, 6, "bytes of machine code", .fmt = FMT_SIZE, SOME),
	COL(E, "FUNCS", functions, 5, "functions", SOME),
	COL(E, "MAPS", used_maps, 4, "maps that it uses", SOME),
	COL_KEY(E, "MAPIDS", "map_ids", maps, -12, "their ids", .fmt = FMT_ARGS, .flags = COL_WIDE,
		.want = WANT_DETAILS),
	COL(E, "HELPERS", helpers, -24, "functions of the kernel that it calls", .fmt = FMT_ARGS,
	    .flags = COL_WIDE, .want = WANT_HELPERS),
	COL(E, "SOURCE", source, -24, "source line of its first instruction", .fmt = FMT_PATH,
	    .flags = COL_WIDE, .want = WANT_SOURCE),
	COL_KEY(E, "FUNCTION", "attach_func", function, -20, "function that it is for",
		.flags = COL_WIDE),
	COL_KEY(E, "BTF", "attach_btf", btf, -8, "whose function that is", .flags = COL_WIDE),
	COL(E, "BTFID", btf_id, 5, "id of the BTF", SOME),
	COL(E, "FLAGS", flags, 5, "flags given to the load, or to seccomp", SOME),
	COL(E, "MAP", map_id, 5, "id of the map", SOME),
	COL_GET("MAPTYPE", "map_type", get_map_type, -12, "type of the map", .flags = COL_WIDE),
	COL_KEY(E, "MAPNAME", "map_name", name, -15, "name of the map", .flags = COL_WIDE),
	COL(E, "KEY", key_size, 4, "bytes of a key", SOME),
	COL(E, "VALUE", value_size, 5, "bytes of a value", SOME),
	COL(E, "ENTRIES", max_entries, 7, "entries at most", SOME),
	COL(E, "MAPFLAGS", map_flags, 5, "flags of the map", SOME),
	COL(E, "LINK", link_id, 5, "id of the link", SOME),
	COL_GET("LINKTYPE", "link_type", get_link_type, -14, "type of the link", .flags = COL_WIDE),
	COL(E, "TARGET", target, -24, "what it is attached to, or the path that it is pinned at",
	    .flags = COL_WIDE),
	COL(E, "IFINDEX", ifindex, 7, "interface", SOME),
	COL(E, "LOG", log, -32, "last line of the verifier's log, of a failure", .flags = COL_WIDE),
	COL(E, "LIFE", lifetime_ns, 7, "of an end: how long it was there", .fmt = FMT_DURATION,
	    MANY),
	COL(E, "RUNS", run_count, 8,
	    "of an end: how often the program had run when last looked at, if that is counted",
	    MANY),
	COL(E, "RUNTIME", run_ns, 7, "of an end: for how long", .fmt = FMT_DURATION, MANY),
	COL_GET("CAPABILITY", "capability", get_capability, -16, "which one allowed it",
		.flags = COL_WIDE),
	COL(E, "32", compat, 2, "1: by a 32-bit program", .flags = COL_WIDE),
	COL(E, "EXE", exe, -24, "program of the process", .fmt = FMT_PATH, .flags = COL_WIDE,
	    .want = WANT_EXE),
	COL(E, "ARGS", args, -32, "its arguments", .fmt = FMT_ARGS, .flags = COL_WIDE,
	    .want = WANT_ARGS),
	COL(E, "CGROUPID", cgroup_id, 8, "id of its cgroup (v2)", .flags = COL_EXTRA),
	COL(E, "CGROUP", cgroup, -24, "path of its cgroup (v2)", .fmt = FMT_PATH, .flags = COL_WIDE,
	    .want = WANT_CGROUP),
	COL_KEY(E, "NETNS", "netns", net_ns, 10, "its network namespace", .flags = COL_WIDE),
	COL_KEY(E, "MNTNS", "mntns", mnt_ns, 10, "its mount namespace", .flags = COL_EXTRA,
		.want = WANT_NAMESPACES),
	COL_KEY(E, "PIDNS", "pidns", pid_ns, 10, "its PID namespace", .flags = COL_EXTRA,
		.want = WANT_NAMESPACES),
	COL_KEY(E, "USERNS", "userns", user_ns, 10, "its user namespace", .flags = COL_EXTRA),
	COL(E, "DETAIL", detail, -12, "what could not be looked at", .flags = COL_WIDE),
	COL_GET("WHAT", "what", get_what, 0, "name, what it is attached to, or why it failed"),
	COL_END,
};

TOOL(bpfload_watch, .brief = "Trace what is done to BPF: loads, attachments, ends", .event = "bpf",
     .columns = columns, .options = options, .needs = needs, .configure = configure, .start = start,
     .record = on_record, .tick = on_tick, .finish = finish, .done = done,
     .keep = 1ull << CAP_SYS_ADMIN | 1ull << CAP_BPF | 1ull << CAP_PERFMON | 1ull << CAP_SYSLOG |
	     1ull << CAP_SYS_PTRACE)
