/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the workloads that use BPF share: instructions, bpf(2) without a library, what the
 * kernel says about programs, maps and links, its BTF, rtnetlink, namespaces and a cgroup.
 *
 * Each bpf(2) call but BPF_OBJ_GET_INFO_BY_FD, and each other call that attaches, detaches
 * or ends something, is one JSON line: {"case":…,"step":…,"call":…,"pid":…,"tid":…,
 * "uid":…,"ret":…,"errno":…,…}, with start_ns and end_ns (CLOCK_BOOTTIME, around the call).
 * The last line has the step "summary" and the number of calls by command.
 */
#ifndef WORKLOAD_BPF_H
#define WORKLOAD_BPF_H

#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "workload.h"

/* ---- what is newer than the oldest headers that this builds with ---- */

enum {
	CMD_TOKEN_CREATE = 36,
	PROG_NETFILTER = 32,
	MAP_CGRP_STORAGE = 32,
	MAP_ARENA = 33,
	MAP_INSN_ARRAY = 34,
	MAP_RHASH = 35,
	ATTACH_NETFILTER = 45,
	ATTACH_TCX_INGRESS = 46,
	LINK_STRUCT_OPS = 9,
	LINK_NETFILTER = 10,
	LINK_TCX = 11,
};

/* In the order of their numbers, from 0 on. */
/* clang-format off */
static const char *const prog_types[] = {
	"unspec", "socket_filter", "kprobe", "sched_cls", "sched_act", "tracepoint", "xdp",
	"perf_event", "cgroup_skb", "cgroup_sock", "lwt_in", "lwt_out", "lwt_xmit", "sock_ops",
	"sk_skb", "cgroup_device", "sk_msg", "raw_tracepoint", "cgroup_sock_addr", "lwt_seg6local",
	"lirc_mode2", "sk_reuseport", "flow_dissector", "cgroup_sysctl", "raw_tracepoint_writable",
	"cgroup_sockopt", "tracing", "struct_ops", "ext", "lsm", "sk_lookup", "syscall",
	"netfilter",
};

static const char *const map_types[] = {
	"unspec", "hash", "array", "prog_array", "perf_event_array", "percpu_hash", "percpu_array",
	"stack_trace", "cgroup_array", "lru_hash", "lru_percpu_hash", "lpm_trie", "array_of_maps",
	"hash_of_maps", "devmap", "sockmap", "cpumap", "xskmap", "sockhash", "cgroup_storage",
	"reuseport_sockarray", "percpu_cgroup_storage", "queue", "stack", "sk_storage",
	"devmap_hash", "struct_ops", "ringbuf", "inode_storage", "task_storage", "bloom_filter",
	"user_ringbuf", "cgrp_storage", "arena", "insn_array", "rhash",
};

static const char *const link_types[] = {
	"unspec", "raw_tracepoint", "tracing", "cgroup", "iter", "netns", "xdp", "perf_event",
	"kprobe_multi", "struct_ops", "netfilter", "tcx",
};

static const char *const attach_types[] = {
	"cgroup_inet_ingress", "cgroup_inet_egress", "cgroup_inet_sock_create", "cgroup_sock_ops",
	"sk_skb_stream_parser", "sk_skb_stream_verdict", "cgroup_device", "sk_msg_verdict",
	"cgroup_inet4_bind", "cgroup_inet6_bind", "cgroup_inet4_connect", "cgroup_inet6_connect",
	"cgroup_inet4_post_bind", "cgroup_inet6_post_bind", "cgroup_udp4_sendmsg",
	"cgroup_udp6_sendmsg", "lirc_mode2", "flow_dissector", "cgroup_sysctl",
	"cgroup_udp4_recvmsg", "cgroup_udp6_recvmsg", "cgroup_getsockopt", "cgroup_setsockopt",
	"trace_raw_tp", "trace_fentry", "trace_fexit", "modify_return", "lsm_mac", "trace_iter",
	"cgroup_inet4_getpeername", "cgroup_inet6_getpeername", "cgroup_inet4_getsockname",
	"cgroup_inet6_getsockname", "xdp_devmap", "cgroup_inet_sock_release", "xdp_cpumap",
	"sk_lookup", "xdp", "sk_skb_verdict", "sk_reuseport_select",
	"sk_reuseport_select_or_migrate", "perf_event", "trace_kprobe_multi", "lsm_cgroup",
	"struct_ops", "netfilter", "tcx_ingress", "tcx_egress",
};

static const char *const commands[] = {
	"BPF_MAP_CREATE", "BPF_MAP_LOOKUP_ELEM", "BPF_MAP_UPDATE_ELEM", "BPF_MAP_DELETE_ELEM",
	"BPF_MAP_GET_NEXT_KEY", "BPF_PROG_LOAD", "BPF_OBJ_PIN", "BPF_OBJ_GET", "BPF_PROG_ATTACH",
	"BPF_PROG_DETACH", "BPF_PROG_TEST_RUN", "BPF_PROG_GET_NEXT_ID", "BPF_MAP_GET_NEXT_ID",
	"BPF_PROG_GET_FD_BY_ID", "BPF_MAP_GET_FD_BY_ID", "BPF_OBJ_GET_INFO_BY_FD",
	"BPF_PROG_QUERY", "BPF_RAW_TRACEPOINT_OPEN", "BPF_BTF_LOAD", "BPF_BTF_GET_FD_BY_ID",
	"BPF_TASK_FD_QUERY", "BPF_MAP_LOOKUP_AND_DELETE_ELEM", "BPF_MAP_FREEZE",
	"BPF_BTF_GET_NEXT_ID", "BPF_MAP_LOOKUP_BATCH", "BPF_MAP_LOOKUP_AND_DELETE_BATCH",
	"BPF_MAP_UPDATE_BATCH", "BPF_MAP_DELETE_BATCH", "BPF_LINK_CREATE", "BPF_LINK_UPDATE",
	"BPF_LINK_GET_FD_BY_ID", "BPF_LINK_GET_NEXT_ID", "BPF_ENABLE_STATS", "BPF_ITER_CREATE",
	"BPF_LINK_DETACH", "BPF_PROG_BIND_MAP", "BPF_TOKEN_CREATE",
};
/* clang-format on */

static unsigned int calls_done[ARRAY_SIZE(commands)], calls_failed[ARRAY_SIZE(commands)];

/* ---- instructions ---- */

#define INSN(c, d, s, o, i) \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define MOV(dst, imm)	       INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm)
#define MOVR(dst, src)	       INSN(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define ADD(dst, imm)	       INSN(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm)
#define JUMP(off)	       INSN(BPF_JMP | BPF_JA, 0, 0, off, 0)
#define JEQ(dst, imm, off)     INSN(BPF_JMP | BPF_JEQ | BPF_K, dst, 0, off, imm)
#define JNE(dst, imm, off)     INSN(BPF_JMP | BPF_JNE | BPF_K, dst, 0, off, imm)
#define LOAD64(dst, src, off)  INSN(BPF_LDX | BPF_MEM | BPF_DW, dst, src, off, 0)
#define LOAD32(dst, src, off)  INSN(BPF_LDX | BPF_MEM | BPF_W, dst, src, off, 0)
#define STORE64(dst, off, imm) INSN(BPF_ST | BPF_MEM | BPF_DW, dst, 0, off, imm)
#define STORE32(dst, off, imm) INSN(BPF_ST | BPF_MEM | BPF_W, dst, 0, off, imm)
#define CALL(helper)	       INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define EXIT		       INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
/* Two instructions. */
#define MAP_FD(dst, fd) \
	INSN(BPF_LD | BPF_DW | BPF_IMM, dst, BPF_PSEUDO_MAP_FD, 0, fd), INSN(0, 0, 0, 0, 0)

/* ---- calls and their lines ---- */

static const char *subject;	      /* the "case" of the lines */
static uint64_t call_start, call_end; /* of the last call, CLOCK_BOOTTIME */

/* Does it, and takes the time.  Any expression that returns -1 with errno. */
#define TIMED(call)                                    \
	({                                             \
		call_start = clock_ns(CLOCK_BOOTTIME); \
		long ret_ = (call);                    \
		ret_ = ret_ < 0 ? -errno : ret_;       \
		call_end = clock_ns(CLOCK_BOOTTIME);   \
		ret_;                                  \
	})

/* What the kernel returns: a descriptor or 0, or -errno. */
MAYBE_UNUSED static long bpf_call(int cmd, union bpf_attr *attr)
{
	long ret = TIMED(syscall(SYS_bpf, cmd, attr, sizeof(*attr)));

	calls_done[cmd]++;
	calls_failed[cmd] += ret < 0;
	return ret;
}

MAYBE_UNUSED static void line(struct json *j, const char *step, const char *call, long ret)
{
	if (subject)
		json_string(j, "case", subject);
	json_string(j, "step", step);
	json_string(j, "call", call);
	json_number(j, "pid", getpid());
	json_number(j, "tid", thread_id());
	json_number(j, "uid", getuid());
	json_number(j, "start_ns", call_start);
	json_number(j, "end_ns", call_end);
	json_result(j, ret);
}

MAYBE_UNUSED static void json_number_of(struct json *j, const char *key, unsigned int n,
					const char *const *names, size_t count)
{
	if (n < count)
		json_string(j, key, names[n]);
	else
		json_number(j, key, n);
}
#define json_named(j, key, n, names) json_number_of(j, key, n, names, ARRAY_SIZE(names))

/* A call that has no facts of its own. */
MAYBE_UNUSED static long bpf_step(const char *step, int cmd, union bpf_attr *attr)
{
	long ret = bpf_call(cmd, attr);
	struct json j = {};

	line(&j, step, commands[cmd], ret);
	json_print(&j);
	return ret;
}

MAYBE_UNUSED static void summary(void)
{
	struct json j = {};
	size_t i;
	int part;

	json_string(&j, "step", "summary");
	json_number(&j, "pid", getpid());
	for (part = 0; part < 2; part++) {
		const unsigned int *counts = part ? calls_failed : calls_done;
		const char *comma = "";

		json_key(&j, part ? "failed" : "calls");
		json_raw(&j, "{", 1);
		for (i = 0; i < ARRAY_SIZE(commands); i++) {
			if (!counts[i])
				continue;
			json_format(&j, "%s\"%s\":%u", comma, commands[i], counts[i]);
			comma = ",";
		}
		json_raw(&j, "}", 1);
	}
	json_print(&j);
}

/* ---- what the kernel says ---- */

static long info_get(int fd, void *info, __u32 size)
{
	union bpf_attr attr = { .info = {
					.bpf_fd = fd, .info_len = size, .info = (uintptr_t)info } };
	uint64_t start = call_start, end = call_end;
	long ret = bpf_call(BPF_OBJ_GET_INFO_BY_FD, &attr);

	call_start = start; /* the line is about the call before */
	call_end = end;
	return ret < 0 ? ret : (long)attr.info.info_len;
}

MAYBE_UNUSED static __u32 prog_id(int fd)
{
	struct bpf_prog_info info = {};

	return info_get(fd, &info, sizeof(info)) < 0 ? 0 : info.id;
}

MAYBE_UNUSED static __u32 map_id(int fd)
{
	struct bpf_map_info info = {};

	return info_get(fd, &info, sizeof(info)) < 0 ? 0 : info.id;
}

MAYBE_UNUSED static __u32 link_id(int fd)
{
	struct bpf_link_info info = {};

	return info_get(fd, &info, sizeof(info)) < 0 ? 0 : info.id;
}

MAYBE_UNUSED static void json_prog_info(struct json *j, int fd)
{
	__u32 maps[16] = {}, i;
	struct bpf_prog_info info = { .map_ids = (uintptr_t)maps, .nr_map_ids = ARRAY_SIZE(maps) };
	long size = info_get(fd, &info, sizeof(info));

	if (size < 0) {
		json_number(j, "info_ret", size);
		return;
	}
	json_number(j, "prog_id", info.id);
	json_named(j, "prog_type", info.type, prog_types);
	json_key(j, "tag");
	json_hex(j, info.tag, sizeof(info.tag));
	json_string(j, "name", info.name);
	json_number(j, "load_time", info.load_time);
	json_number(j, "created_by_uid", info.created_by_uid);
	json_bool(j, "gpl_compatible", info.gpl_compatible);
	json_number(j, "jited_prog_len", info.jited_prog_len);
	json_number(j, "xlated_prog_len", info.xlated_prog_len);
	/* Linux 5.16; attach_btf_obj_id: 6.0 */
	if (size >= (long)offsetof(struct bpf_prog_info, attach_btf_obj_id))
		json_number(j, "verified_insns", info.verified_insns);
	json_key(j, "map_ids");
	for (i = 0; i < info.nr_map_ids && i < ARRAY_SIZE(maps); i++)
		json_format(j, "%c%u", i ? ',' : '[', maps[i]);
	json_format(j, "%s", i ? "]" : "[]");
	json_number(j, "btf_id", info.btf_id);
	json_number(j, "nr_func_info", info.nr_func_info);
	json_number(j, "nr_line_info", info.nr_line_info);
	json_number(j, "nr_jited_ksyms", info.nr_jited_ksyms);
	json_number(j, "run_cnt", info.run_cnt);
	json_number(j, "run_time_ns", info.run_time_ns);
	if (size >= (long)sizeof(info)) {
		json_number(j, "attach_btf_obj_id", info.attach_btf_obj_id);
		json_number(j, "attach_btf_id", info.attach_btf_id);
	}
}

MAYBE_UNUSED static void json_map_info(struct json *j, int fd)
{
	struct bpf_map_info info = {};
	long size = info_get(fd, &info, sizeof(info));

	if (size < 0) {
		json_number(j, "info_ret", size);
		return;
	}
	json_number(j, "map_id", info.id);
	json_named(j, "map_type", info.type, map_types);
	json_string(j, "name", info.name);
	json_number(j, "key_size", info.key_size);
	json_number(j, "value_size", info.value_size);
	json_number(j, "max_entries", info.max_entries);
	json_number(j, "map_flags", info.map_flags);
	json_number(j, "btf_id", info.btf_id);
}

MAYBE_UNUSED static void json_link_info(struct json *j, int fd)
{
	char name[64] = {};
	struct bpf_link_info info = {};
	__u32 *words = (__u32 *)&info.raw_tracepoint; /* what depends on the type */
	long size = info_get(fd, &info, sizeof(info));

	if (size < 0) {
		json_number(j, "info_ret", size);
		return;
	}
	json_number(j, "link_id", info.id);
	json_named(j, "link_type", info.type, link_types);
	json_number(j, "link_prog_id", info.prog_id);
	switch (info.type) {
	case BPF_LINK_TYPE_RAW_TRACEPOINT:
		memset(&info, 0, sizeof(info));
		info.raw_tracepoint.tp_name = (uintptr_t)name;
		info.raw_tracepoint.tp_name_len = sizeof(name);
		info_get(fd, &info, sizeof(info));
		json_string(j, "tp_name", name);
		break;
	case BPF_LINK_TYPE_TRACING:
		json_named(j, "link_attach_type", words[0], attach_types);
		json_number(j, "target_obj_id", words[1]);
		json_number(j, "target_btf_id", words[2]);
		break;
	case BPF_LINK_TYPE_CGROUP:
		json_number(j, "cgroup_id", info.cgroup.cgroup_id);
		json_named(j, "link_attach_type", info.cgroup.attach_type, attach_types);
		break;
	case BPF_LINK_TYPE_ITER:
		memset(&info, 0, sizeof(info));
		info.iter.target_name = (uintptr_t)name;
		info.iter.target_name_len = sizeof(name);
		info_get(fd, &info, sizeof(info));
		json_string(j, "target_name", name);
		break;
	case BPF_LINK_TYPE_NETNS:
		json_number(j, "netns_ino", info.netns.netns_ino);
		json_named(j, "link_attach_type", info.netns.attach_type, attach_types);
		break;
	case BPF_LINK_TYPE_XDP:
		json_number(j, "ifindex", words[0]);
		break;
	case LINK_STRUCT_OPS:
		json_number(j, "map_id", words[0]);
		break;
	case LINK_NETFILTER:
		json_number(j, "pf", words[0]);
		json_number(j, "hooknum", words[1]);
		json_number(j, "priority", (__s32)words[2]);
		break;
	case LINK_TCX:
		json_number(j, "ifindex", words[0]);
		json_named(j, "link_attach_type", words[1], attach_types);
		break;
	}
}

/* The end of an object's last descriptor. */
MAYBE_UNUSED static void close_step(const char *step, const char *key, __u32 id, int fd)
{
	long ret = TIMED(close(fd));
	struct json j = {};

	line(&j, step, "close", ret);
	if (key)
		json_number(&j, key, id);
	json_number(&j, "fd", fd);
	json_print(&j);
}

/* ---- programs, maps, links ---- */

static char verifier_log[1 << 16];

static bool log_statistics(const char *s)
{
	return !strncmp(s, "processed ", 10) || !strncmp(s, "verification time ", 18) ||
	       !strncmp(s, "stack depth ", 12) || !strncmp(s, "insns processed ", 16);
}

/* log_last: the last line that is neither empty nor statistics, null without one;
 * log_tail: the last 200 bytes. */
MAYBE_UNUSED static void json_log(struct json *j, const char *log)
{
	size_t len = strlen(log);
	char *copy = duplicate(log), *last = NULL, *s;

	for (s = strtok(copy, "\n"); s; s = strtok(NULL, "\n"))
		if (!log_statistics(s))
			last = s;
	json_string(j, "log_last", last);
	json_string(j, "log_tail", log + (len > 200 ? len - 200 : 0));
	free(copy);
}

MAYBE_UNUSED static union bpf_attr load_attr(__u32 type, const char *name,
					     const struct bpf_insn *insns, __u32 count)
{
	union bpf_attr attr = {
		.prog_type = type,
		.insns = (uintptr_t)insns,
		.insn_cnt = count,
		.license = (uintptr_t) "GPL",
		.log_level = 1,
		.log_size = sizeof(verifier_log),
		.log_buf = (uintptr_t)verifier_log,
	};

	snprintf(attr.prog_name, sizeof(attr.prog_name), "%s", name);
	return attr;
}

/* Returns the descriptor, or -errno. */
MAYBE_UNUSED static int prog_load(const char *step, union bpf_attr *attr)
{
	struct json j = {};
	long ret;

	verifier_log[0] = 0;
	ret = bpf_call(BPF_PROG_LOAD, attr);
	line(&j, step, "BPF_PROG_LOAD", ret);
	json_named(&j, "type", attr->prog_type, prog_types);
	json_number(&j, "insns", attr->insn_cnt);
	json_number(&j, "prog_flags", attr->prog_flags);
	json_string(&j, "license", (const char *)(uintptr_t)attr->license);
	if (attr->expected_attach_type || attr->prog_type == BPF_PROG_TYPE_CGROUP_SKB)
		json_named(&j, "expected_attach_type", attr->expected_attach_type, attach_types);
	json_number(&j, "log_level", attr->log_level);
	json_number(&j, "log_size", attr->log_size);
	if (ret < 0) {
		json_string(&j, "name", attr->prog_name);
		json_log(&j, verifier_log);
	} else {
		json_prog_info(&j, ret);
		if (attr->line_info_cnt)
			json_string(&j, "source", "small.c:17");
	}
	json_print(&j);
	return ret;
}

MAYBE_UNUSED static void prog_unload(int fd)
{
	close_step("unload", "prog_id", prog_id(fd), fd);
}

MAYBE_UNUSED static union bpf_attr map_attr(__u32 type, const char *name, __u32 key, __u32 value,
					    __u32 entries, __u32 flags)
{
	union bpf_attr attr = {
		.map_type = type,
		.key_size = key,
		.value_size = value,
		.max_entries = entries,
		.map_flags = flags,
	};

	snprintf(attr.map_name, sizeof(attr.map_name), "%s", name);
	return attr;
}

MAYBE_UNUSED static int map_create(const char *step, union bpf_attr *attr)
{
	long ret = bpf_call(BPF_MAP_CREATE, attr);
	struct json j = {};

	line(&j, step, "BPF_MAP_CREATE", ret);
	json_named(&j, "type", attr->map_type, map_types);
	if (ret < 0) {
		json_string(&j, "name", attr->map_name);
		json_number(&j, "key_size", attr->key_size);
		json_number(&j, "value_size", attr->value_size);
		json_number(&j, "max_entries", attr->max_entries);
		json_number(&j, "map_flags", attr->map_flags);
	} else {
		json_map_info(&j, ret);
	}
	json_print(&j);
	return ret;
}

MAYBE_UNUSED static void map_close(int fd)
{
	close_step("map_close", "map_id", map_id(fd), fd);
}

MAYBE_UNUSED static long map_update(const char *step, int map, const void *key, const void *value)
{
	union bpf_attr attr = { .map_fd = map, .key = (uintptr_t)key, .value = (uintptr_t)value };
	long ret = bpf_call(BPF_MAP_UPDATE_ELEM, &attr);
	__u32 id = map_id(map);
	struct json j = {};

	line(&j, step, "BPF_MAP_UPDATE_ELEM", ret);
	json_number(&j, "map_id", id);
	json_print(&j);
	return ret;
}

/* A call that returns a link's descriptor.  target, ifindex: NULL or 0 if it has none. */
MAYBE_UNUSED static int link_open(const char *step, int cmd, union bpf_attr *attr,
				  const char *target, int ifindex)
{
	long ret = bpf_call(cmd, attr);
	struct json j = {};

	line(&j, step, commands[cmd], ret);
	if (target)
		json_string(&j, "target", target);
	if (cmd == BPF_LINK_CREATE)
		json_named(&j, "attach_type", attr->link_create.attach_type, attach_types);
	if (ret >= 0)
		json_link_info(&j, ret);
	else if (ifindex)
		json_number(&j, "ifindex", ifindex);
	json_print(&j);
	return ret;
}

MAYBE_UNUSED static int raw_tracepoint_open(int prog, const char *name, const char *target)
{
	union bpf_attr attr = { .raw_tracepoint = { .name = (uintptr_t)name, .prog_fd = prog } };

	return link_open("attach", BPF_RAW_TRACEPOINT_OPEN, &attr, name ? name : target, 0);
}

MAYBE_UNUSED static void link_close(int fd)
{
	close_step("detach", "link_id", link_id(fd), fd);
}

/* Detached by force, the descriptor closed afterwards. */
MAYBE_UNUSED static long link_detach(int fd)
{
	union bpf_attr attr = { .link_detach.link_fd = fd };
	long ret = bpf_call(BPF_LINK_DETACH, &attr);
	struct json j = {};

	line(&j, "detach", "BPF_LINK_DETACH", ret);
	json_number(&j, "link_id", link_id(fd));
	json_print(&j);
	close_step("link_close", "link_id", link_id(fd), fd);
	return ret;
}

/* attr->test but its prog_fd is the caller's.  Returns what the program returned, or -errno. */
MAYBE_UNUSED static long long prog_test_run(int prog, union bpf_attr *attr)
{
	struct json j = {};
	__u32 id = prog_id(prog);
	long ret;

	attr->test.prog_fd = prog;
	ret = bpf_call(BPF_PROG_TEST_RUN, attr);
	line(&j, "test_run", "BPF_PROG_TEST_RUN", ret);
	json_number(&j, "prog_id", id);
	json_number(&j, "repeat", attr->test.repeat);
	if (ret >= 0) {
		json_number(&j, "retval", attr->test.retval);
		json_number(&j, "duration", attr->test.duration);
	}
	json_print(&j);
	return ret < 0 ? ret : attr->test.retval;
}

/* ---- the kernel's BTF ---- */

static const struct btf_type **btf_types; /* from 1 on */
static __u32 btf_count;
static const char *btf_strings;

static size_t btf_size(const struct btf_type *t)
{
	size_t n = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case 17: /* BTF_KIND_DECL_TAG */
		return sizeof(*t) + 4;
	case BTF_KIND_ARRAY:
		return sizeof(*t) + sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
	case 19: /* BTF_KIND_ENUM64 */
		return sizeof(*t) + 12 * n;
	case BTF_KIND_ENUM:
	case BTF_KIND_FUNC_PROTO:
		return sizeof(*t) + 8 * n;
	}
	return sizeof(*t);
}

static void btf_read(void)
{
	size_t size = 0, room = 32 << 20;
	const struct btf_header *h;
	char *data, *at, *end;
	ssize_t n;
	int fd;

	if (btf_types)
		return;
	btf_types = allocate(sizeof(*btf_types));
	fd = open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	data = allocate(room);
	while (size < room && (n = read(fd, data + size, room - size)) > 0)
		size += n;
	close(fd);
	h = (const void *)data;
	if (size < sizeof(*h) || h->magic != BTF_MAGIC || size == room)
		return;
	btf_strings = data + h->hdr_len + h->str_off;
	at = data + h->hdr_len + h->type_off;
	end = at + h->type_len;
	btf_types = allocate((h->type_len / sizeof(struct btf_type) + 2) * sizeof(*btf_types));
	for (; at < end; at += btf_size((const void *)at))
		btf_types[++btf_count] = (const void *)at;
}

/* The number of a type of the kernel, or 0. */
MAYBE_UNUSED static __u32 btf_find(const char *name, __u32 kind)
{
	__u32 i;

	btf_read();
	for (i = 1; i <= btf_count; i++)
		if (BTF_INFO_KIND(btf_types[i]->info) == kind &&
		    !strcmp(btf_strings + btf_types[i]->name_off, name))
			return i;
	return 0;
}

/* The place of a struct's member among its members, and its offset in bytes; or -1. */
MAYBE_UNUSED static int btf_member(__u32 type, const char *name, size_t *offset)
{
	const struct btf_type *t = btf_types[type];
	const struct btf_member *m = (const void *)(t + 1);
	int i, n = BTF_INFO_VLEN(t->info);

	for (i = 0; i < n; i++) {
		if (strcmp(btf_strings + m[i].name_off, name))
			continue;
		*offset = (BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BIT_OFFSET(m[i].offset) :
						     m[i].offset) /
			  8;
		return i;
	}
	return -1;
}

/* The BTF of programs whose only function is `int w_main(struct CONTEXT *ctx)`: number 5. */
struct small_btf {
	struct btf_header header;
	struct btf_type integer;
	__u32 integer_bits;
	struct btf_type context, pointer, proto;
	struct btf_param parameter;
	struct btf_type function;
	char strings[80];
};

enum { SMALL_BTF_FUNC = 5, SMALL_BTF_FILE = 64 /* its name, for lines of source */ };

MAYBE_UNUSED static struct small_btf small_btf(const char *context)
{
	struct small_btf b = {
		.header = { .magic = BTF_MAGIC,
			    .version = BTF_VERSION,
			    .hdr_len = sizeof(b.header),
			    .type_len = offsetof(struct small_btf, strings) - sizeof(b.header),
			    .str_off = offsetof(struct small_btf, strings) - sizeof(b.header),
			    .str_len = sizeof(b.strings) },
		.integer = { .name_off = 1, .info = BTF_KIND_INT << 24, .size = 4 },
		.integer_bits = BTF_INT_SIGNED << 24 | 32,
		.context = { .name_off = 16, .info = BTF_KIND_STRUCT << 24, .size = 4 },
		.pointer = { .info = BTF_KIND_PTR << 24, .type = 2 },
		.proto = { .info = BTF_KIND_FUNC_PROTO << 24 | 1, .type = 1 },
		.parameter = { .name_off = 12, .type = 3 },
		.function = { .name_off = 5,
			      .info = BTF_KIND_FUNC << 24 | BTF_FUNC_GLOBAL,
			      .type = 4 },
		.strings = "\0int\0w_main\0ctx",
	};

	snprintf(b.strings + 16, SMALL_BTF_FILE - 16, "%s", context);
	snprintf(b.strings + SMALL_BTF_FILE, sizeof(b.strings) - SMALL_BTF_FILE, "small.c");
	return b;
}

/* Returns the descriptor, or -errno. */
MAYBE_UNUSED static int btf_load(const char *step, const void *data, __u32 size)
{
	union bpf_attr attr = {
		.btf = (uintptr_t)data,
		.btf_size = size,
		.btf_log_level = 1,
		.btf_log_size = sizeof(verifier_log),
		.btf_log_buf = (uintptr_t)verifier_log,
	};
	struct bpf_btf_info info = {};
	struct json j = {};
	long ret;

	verifier_log[0] = 0;
	ret = bpf_call(BPF_BTF_LOAD, &attr);
	line(&j, step, "BPF_BTF_LOAD", ret);
	json_number(&j, "btf_size", size);
	if (ret < 0)
		json_log(&j, verifier_log);
	else if (info_get(ret, &info, sizeof(info)) >= 0)
		json_number(&j, "btf_id", info.id);
	json_print(&j);
	return ret;
}

MAYBE_UNUSED static void btf_close(int fd)
{
	struct bpf_btf_info info = {};

	info_get(fd, &info, sizeof(info));
	close_step("btf_close", "btf_id", info.id, fd);
}

/* ---- rtnetlink ---- */

struct netlink {
	struct nlmsghdr header;
	char body[1000];
};

MAYBE_UNUSED static void nl_start(struct netlink *n, int type, int flags, const void *head, int len)
{
	memset(n, 0, sizeof(*n));
	n->header.nlmsg_type = type;
	n->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	n->header.nlmsg_len = NLMSG_LENGTH(len);
	memcpy(n->body, head, len);
}

/* Returns the attribute, which nl_end closes if more is put inside. */
MAYBE_UNUSED static struct rtattr *nl_put(struct netlink *n, int type, const void *data, int len)
{
	struct rtattr *a = (void *)((char *)n + NLMSG_ALIGN(n->header.nlmsg_len));

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(a), data, len);
	n->header.nlmsg_len = NLMSG_ALIGN(n->header.nlmsg_len) + RTA_ALIGN(a->rta_len);
	return a;
}

MAYBE_UNUSED static void nl_put_u32(struct netlink *n, int type, __u32 value)
{
	nl_put(n, type, &value, sizeof(value));
}

MAYBE_UNUSED static void nl_put_string(struct netlink *n, int type, const char *s)
{
	nl_put(n, type, s, strlen(s) + 1);
}

MAYBE_UNUSED static void nl_end(struct netlink *n, struct rtattr *nest)
{
	nest->rta_len = (char *)n + n->header.nlmsg_len - (char *)nest;
}

/* Returns 0, or -errno as the kernel acknowledges it. */
MAYBE_UNUSED static long nl_send(struct netlink *n)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char more[2000];
	} reply = {};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	long ret;

	if (fd < 0)
		die("rtnetlink");
	ret = TIMED(send(fd, n, n->header.nlmsg_len, 0));
	if (ret >= 0)
		ret = recv(fd, &reply, sizeof(reply), 0) < 0 ? -errno : reply.error.error;
	close(fd);
	return ret;
}

/* ---- a place of its own ---- */

#define IF_NAME "w_if0"

static char *mounts[4];
static char *cgroup_path;

/* Before the directory of temporary files goes. */
MAYBE_UNUSED static void place_remove(void)
{
	size_t i;

	if (getpid() != temp_owner)
		return;
	if (cgroup_path)
		rmdir(cgroup_path);
	for (i = 0; i < ARRAY_SIZE(mounts) && mounts[i]; i++)
		umount2(mounts[i], MNT_DETACH);
}

MAYBE_UNUSED static void place_signal(int sig)
{
	place_remove();
	temp_signal(sig);
}

/* Mounts a file system where only this process sees it; returns its path, or NULL. */
MAYBE_UNUSED static const char *mount_private(const char *type)
{
	char *path = temp_path(type);
	size_t i;

	for (i = 0; mounts[i]; i++)
		if (!strcmp(mounts[i], path))
			return mounts[i];
	temp_mkdir(path);
	if (mount(type, path, type, 0, NULL) < 0)
		return NULL;
	mounts[i] = path;
	return path;
}

/* Network and mount namespaces of its own; as much memory to lock as is allowed. */
MAYBE_UNUSED static void isolate(void)
{
	const int signals[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE };
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (geteuid())
		skip("needs root");
	if (setrlimit(RLIMIT_MEMLOCK, &limit) < 0 && !getrlimit(RLIMIT_MEMLOCK, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_MEMLOCK, &limit);
	}
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0)
		skip("no namespaces of its own: %s", strerror(errno));
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("mount namespace");
	temp_dir();
	atexit(place_remove);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i], place_signal);
}

/* An interface that is up in the network namespace: a pair of veth, a dummy, or where the
 * kernel has neither, the loopback; its name is IF_NAME.  Returns its ifindex. */
MAYBE_UNUSED static int interface(void)
{
	static const char *const kinds[] = { "veth", "dummy" };
	static int index;
	struct ifinfomsg head = { .ifi_index = 4242 };
	struct ifreq request = { .ifr_name = "lo" };
	struct rtattr *info;
	struct netlink n;
	size_t i;
	int fd;

	if (index)
		return index;
	for (i = 0; i < ARRAY_SIZE(kinds) && !index; i++) {
		nl_start(&n, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &head, sizeof(head));
		nl_put_string(&n, IFLA_IFNAME, IF_NAME);
		info = nl_put(&n, IFLA_LINKINFO, NULL, 0);
		nl_put_string(&n, IFLA_INFO_KIND, kinds[i]);
		nl_end(&n, info);
		if (nl_send(&n) == 0)
			index = head.ifi_index;
	}
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	if (!index) {
		strcpy(request.ifr_newname, IF_NAME);
		if (ioctl(fd, SIOCSIFNAME, &request) < 0)
			die("renaming lo");
		index = 1;
	}
	strcpy(request.ifr_name, IF_NAME);
	request.ifr_flags = IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		die(IF_NAME);
	close(fd);
	return index;
}

/* A cgroup of version 2 for this run, removed at the end.  Returns a descriptor of it. */
MAYBE_UNUSED static int cgroup_open(void)
{
	static int fd = -1;
	char root[4096], path[4096], *text = NULL;
	const char *base = NULL;
	size_t size = 0;
	FILE *f;

	if (fd >= 0)
		return fd;
	f = fopen("/proc/self/mountinfo", "re");
	if (!f)
		die("/proc/self/mountinfo");
	while (!base && getline(&text, &size, f) > 0)
		if (strstr(text, " - cgroup2 ") &&
		    sscanf(text, "%*d %*d %*s %4095s %4095s", root, path) == 2 &&
		    !strcmp(root, "/"))
			base = path;
	free(text);
	fclose(f);
	if (!base)
		base = mount_private("cgroup2");
	if (!base)
		die("no cgroup2");
	cgroup_path = format("%s/w_bpf.%d", base, getpid());
	if (mkdir(cgroup_path, 0755) < 0)
		die("%s", cgroup_path);
	fd = open(cgroup_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die("%s", cgroup_path);
	return fd;
}

MAYBE_UNUSED static void json_cgroup(struct json *j)
{
	struct stat st;

	json_string(j, "target", cgroup_path);
	if (!stat(cgroup_path, &st))
		json_number(j, "cgroup_id", st.st_ino);
}

/* ---- command line ---- */

struct run {
	const char *name;
	void (*run)(void);
};

/* --list, or these cases, or all. */
MAYBE_UNUSED static int run_cases(const struct run *cases, size_t count, int argc, char **argv)
{
	size_t i;
	int k;

	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (i = 0; i < count; i++)
			puts(cases[i].name);
		return 0;
	}
	for (k = 1; k < argc; k++) {
		for (i = 0; i < count && strcmp(cases[i].name, argv[k]); i++)
			;
		if (i == count)
			usage_error("no such case: %s", argv[k]);
	}
	isolate();
	for (i = 0; i < count; i++) {
		for (k = 1; k < argc && strcmp(cases[i].name, argv[k]); k++)
			;
		if (argc > 1 && k == argc)
			continue;
		subject = cases[i].name;
		cases[i].run();
	}
	summary();
	return failed;
}

#endif
