/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a call says: its attributes, the end of its log, what the kernel tells by id. */
#include "lib/netif.h"
#include "bpfload-watch/watch.h"

/* Where union bpf_attr has what we look at: include/uapi/linux/bpf.h. */
enum {
	PROG_TYPE = 0,
	PROG_INSN_CNT = 4,
	PROG_LOG_LEVEL = 24,
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

static struct prog_details prog;

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

bool call_queries(void)
{
	const struct bpfload_event *ev = &row.event;

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

bool call_probes(void)
{
	const struct bpfload_event *ev = &row.event;
	static const char *const names[] = { "libbpf_", "det_arg_ctx", "test", "probe" };
	const char *name;

	if (ev->via != VIA_BPF)
		return false;
	switch (ev->cmd) {
	case BPF_LINK_CREATE:
		return ev->ret == -EBADF && attr_u32(ATTACH_TARGET) == UINT32_MAX;
	case BPF_PROG_BIND_MAP:
		return known_probe(OBJECT_MAP, ev->map_id);
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

/* The last line of a verifier's log that says what is wrong, and not how long it took or where it
 * was. */
static size_t last_line(const char *log, size_t len, const char **line)
{
	static const char *const numbers[] = { "processed ",	     "insns processed ",
					       "verification time ", "stack depth ",
					       "cur state:",	     "old state:" };

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
		ev->insns = attr_u32(PROG_INSN_CNT);
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
		row_add(&ev->map_name, attr + MAP_NAME, strnlen(attr + MAP_NAME, NAME_SIZE));
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

	if (made_prog && ev->prog_id) {
		int err = prog_details(ev->prog_id, true, &prog);

		if (err == -ENOENT)
			row_text(&ev->detail, "gone already");
		if (err)
			return;
		row_add(&ev->prog_name, prog.name.data ?: "", prog.name.len);
		ev->jited_len = prog.info.jited_prog_len; /* of all its functions */
		if (prog.helpers_known)
			row_add(&ev->helpers, prog.helpers.data ?: "", prog.helpers.len);
		row_add(&ev->map_ids, prog.maps.data ?: "", prog.maps.len);
		if (prog.source.len)
			row_add(&ev->source, prog.source.data, prog.source.len);
	}
	if (ev->have & HAVE_PERF && !row_has(&ev->target)) {
		char text[64];

		snprintf(text, sizeof(text), "perf event %u:%llu", ev->perf_type,
			 (unsigned long long)ev->perf_config);
		row_text(&ev->target, text);
	}
	if (ev->link_id && !row_has(&ev->target) && !call_queries()) {
		struct bpf_link_info link;
		struct buf target = {};
		char name[16];

		if (!link_details(ev->link_id, &link, &target, &ev->ifindex) && ev->ifindex) {
			netif_programs(ev->task.pid, ev->netns, ev->ifindex, name, NULL, 0);
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
	if (!message.bpf && !(ev->have & HAVE_PROG))
		return false;
	ev->ifindex = message.ifindex;
	ev->ret = NO_RESULT; /* it comes in a message of its own */
	if (!message.ifindex)
		return true;
	count = netif_programs(ev->task.pid, ev->netns, message.ifindex, name, progs,
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
	}
	row_add(&ev->target, text.data ?: "", text.len);
	buf_done(&text);
	return true;
}

bool call_fill(void)
{
	struct bpfload_event *ev = &row.event;

	if (ev->via == VIA_NETLINK && !fill_interface(ev))
		return false;
	ev->errors = ev->ret < 0 && ev->ret != NO_RESULT;
	fill_from_attr(ev);
	fill_log(ev);
	fill_details(ev);
	return true;
}

void calls_done(void)
{
	prog_details_done(&prog);
}
