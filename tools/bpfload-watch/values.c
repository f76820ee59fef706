/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <linux/capability.h>

#include "bpfload-watch/watch.h"
#include "lib/error.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF	    39
#endif

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

void get_cmd(const void *event, size_t size, struct value *v)
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

void get_via(const void *event, size_t size, struct value *v)
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

void get_prog_type(const void *event, size_t size, struct value *v)
{
	const struct bpfload_event *ev = event;

	(void)size;
	value_text(v, about_prog(ev) && ev->prog_type != TYPE_UNKNOWN ?
			      enum_text(ENUM_PROG_TYPE, ev->prog_type) :
			      NULL);
}

void get_map_type(const void *event, size_t size, struct value *v)
{
	const struct bpfload_event *ev = event;

	(void)size;
	value_text(v, about_map(ev) ? enum_text(ENUM_MAP_TYPE, ev->map_type) : NULL);
}

void get_link_type(const void *event, size_t size, struct value *v)
{
	const struct bpfload_event *ev = event;

	(void)size;
	value_text(v, ev->have & HAVE_LINK ? enum_text(ENUM_LINK_TYPE, ev->link_type) : NULL);
}

/* Of a program: the one that it expects, if its type knows any; of an attachment: its own. */
void get_attach_type(const void *event, size_t size, struct value *v)
{
	const struct bpfload_event *ev = event;
	bool attaches =
		ev->via == VIA_BPF && (ev->cmd == BPF_LINK_CREATE || ev->cmd == BPF_PROG_ATTACH ||
				       ev->cmd == BPF_PROG_DETACH);

	(void)size;
	/* Of struct_ops it is the number of a member. */
	value_text(v, attaches || (about_prog(ev) && ev->attach_type &&
				   ev->prog_type != BPF_PROG_TYPE_STRUCT_OPS) ?
			      enum_text(ENUM_ATTACH_TYPE, ev->attach_type) :
			      NULL);
}

/* What the row is about, for people: its type. */
void get_type(const void *event, size_t size, struct value *v)
{
	const struct bpfload_event *ev = event;

	if (ev->have & HAVE_LINK)
		get_link_type(event, size, v);
	else if (about_prog(ev))
		get_prog_type(event, size, v);
	else
		get_map_type(event, size, v);
}

void get_id(const void *event, size_t size, struct value *v)
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

void get_tag(const void *event, size_t size, struct value *v)
{
	const struct bpfload_event *ev = event;
	static char text[17];

	(void)size;
	for (size_t i = 0; i < sizeof(ev->tag); i++)
		snprintf(text + 2 * i, 3, "%02x", ev->tag[i]);
	value_text(v, ev->have & HAVE_PROG ? text : NULL);
}

void get_facts(const void *event, size_t size, struct value *v)
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
#define NET_ADMIN_TYPES 0x112cdfe58ull

void get_capability(const void *event, size_t size, struct value *v)
{
	const struct bpfload_event *ev = event;
	bool admin = ev->caps >> CAP_SYS_ADMIN & 1;
	bool load = ev->cmd == BPF_PROG_LOAD && ev->prog_type < 64;
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

const char *error_text(int error)
{
	static char number[24];

	snprintf(number, sizeof(number), "error %d", error);
	return error_name(error) ?: number;
}

static const char *text_of(const struct bytes *b, size_t *len)
{
	*len = row_has(b) ? b->len : 0;
	return row_at(b);
}

/* In one line: the name, what it is attached to, or why it failed. */
void get_what(const void *event, size_t size, struct value *v)
{
	const struct bpfload_event *ev = event;
	static struct buf b;
	const char *text;
	size_t len;

	(void)size;
	buf_reset(&b);
	text = text_of(about_prog(ev) ? &ev->prog_name : &ev->map_name, &len);
	buf_add(&b, text, len);
	text = text_of(&ev->target, &len);
	if (len) {
		buf_str(&b, b.len ? " -> " : "");
		buf_add(&b, text, len);
	}
	text = text_of(&ev->attach_func, &len);
	if (len) {
		buf_str(&b, b.len ? " -> " : "");
		buf_add(&b, text, len);
	}
	if (ev->ret < 0 && ev->ret != NO_RESULT) {
		buf_str(&b, b.len ? ": " : "");
		buf_str(&b, error_text(-ev->ret));
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
