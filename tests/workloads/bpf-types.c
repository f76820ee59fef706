/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// build: -static
/*
 * Loads, attaches or runs, detaches and unloads one BPF program of each type, in
 * namespaces and a cgroup of its own, and prints one JSON line for each call (bpf.h).
 *
 *   bpf-types [--pause] [CASE…]	these, or all
 *   bpf-types --list			their names
 *
 * A case is a program type, or for tracing programs fentry, tp_btf or iter.  Its steps:
 * load, then test_run, attach, detach as far as the type has them, unload; and what it
 * needs beside: map_create, update, btf_load, link_close, iter_create, read.
 *
 * A type or an attachment that the kernel refuses has "ret":-errno, and of a load log_last and
 * log_tail (the verifier's); that is no failure.
 *
 * --pause: after each attachment a line {"case":…,"step":"pause"}, then waits for a line
 * on standard input.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <linux/filter.h>
#include <linux/lwtunnel.h>
#include <linux/perf_event.h>
#include <linux/pkt_cls.h>
#include <linux/seg6_local.h>
#include <net/ethernet.h>

#include "bpf.h"

struct type_case {
	const char *name;
	const char *prog_name; /* if not w_NAME */
	__u32 type, attach_type;
	int ret; /* of the program */
	void (*attach)(const struct type_case *c, int prog);
	const char *target;
	__u32 btf_kind;		/* of the kernel's type to attach to, */
	const char *btf_prefix; /* which is called so, and as the target */
	__u32 flags, option, detach_option;
	bool test; /* test run with a packet */
};

static bool pausing;

static void pause_here(void)
{
	char text[64];
	struct json j = {};

	if (!pausing)
		return;
	json_string(&j, "case", subject);
	json_string(&j, "step", "pause");
	json_print(&j);
	if (!fgets(text, sizeof(text), stdin))
		pausing = false;
}

/* ---- ways to attach ---- */

static void socket_attach(const struct type_case *c, int prog)
{
	bool reuse = c->type == BPF_PROG_TYPE_SK_REUSEPORT;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;
	__u32 id = prog_id(prog);
	struct json j = {};
	long ret;

	if (fd < 0 || (reuse && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0))
		die("socket");
	ret = TIMED(setsockopt(fd, SOL_SOCKET, c->option, &prog, sizeof(prog)));
	line(&j, "attach", reuse ? "SO_ATTACH_REUSEPORT_EBPF" : "SO_ATTACH_BPF", ret);
	json_number(&j, "prog_id", id);
	json_number(&j, "fd", fd);
	json_print(&j);
	if (ret >= 0) {
		pause_here();
		ret = TIMED(setsockopt(fd, SOL_SOCKET, c->detach_option, &one, sizeof(one)));
		line(&j, "detach", reuse ? "SO_DETACH_REUSEPORT_BPF" : "SO_DETACH_BPF", ret);
		json_number(&j, "prog_id", id);
		json_number(&j, "fd", fd);
		json_print(&j);
	}
	close(fd);
}

/* The number in a file, or -1. */
static long file_number(const char *path)
{
	char text[32] = {};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	close(fd);
	return n <= 0 ? -1 : atol(text);
}

/* By a link where the kernel has that (5.15), else by ioctl. */
static void perf_attach(const struct type_case *c, int prog)
{
	struct perf_event_attr event = { .size = sizeof(event), .sample_period = 1000000 };
	union bpf_attr attr = { .link_create = { .prog_fd = prog, .attach_type = BPF_PERF_EVENT } };
	const char *dir;
	struct json j = {};
	int fd, link;
	char *path;
	long ret;

	if (c->type == BPF_PROG_TYPE_KPROBE) {
		event.type = file_number("/sys/bus/event_source/devices/kprobe/type");
		event.kprobe_func = (uintptr_t)c->target;
		event.sample_period = 1;
	} else if (c->type == BPF_PROG_TYPE_TRACEPOINT) {
		dir = mount_private("tracefs");
		path = format("%s/events/%s/id", dir ? dir : "", c->target);
		event.type = PERF_TYPE_TRACEPOINT;
		event.config = file_number(path);
		event.sample_period = 1;
		free(path);
	} else {
		event.type = PERF_TYPE_SOFTWARE;
		event.config = PERF_COUNT_SW_CPU_CLOCK;
	}
	fd = TIMED(syscall(SYS_perf_event_open, &event, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
	line(&j, "perf_event_open", "perf_event_open", fd);
	json_number(&j, "perf_type", event.type);
	json_string(&j, "target", c->target);
	json_print(&j);
	if (fd < 0)
		return;
	if (c->option) {
		attr.link_create.target_fd = fd;
		link = link_open("attach", BPF_LINK_CREATE, &attr, c->target, 0);
		if (link >= 0) {
			pause_here();
			link_close(link);
		}
		if (link != -EINVAL) {
			close_step("perf_close", NULL, 0, fd);
			return;
		}
	}
	ret = TIMED(ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog));
	line(&j, "attach", "PERF_EVENT_IOC_SET_BPF", ret);
	json_number(&j, "prog_id", prog_id(prog));
	json_string(&j, "target", c->target);
	json_number(&j, "fd", fd);
	json_print(&j);
	if (ret >= 0)
		pause_here();
	close_step(ret < 0 ? "perf_close" : "detach", "prog_id", prog_id(prog), fd);
}

/* BPF_PROG_ATTACH and _DETACH; the target is what the line says of it. */
static void target_attach(const struct type_case *c, int prog, int target, __u32 map)
{
	union bpf_attr attr = {
		.target_fd = target,
		.attach_bpf_fd = prog,
		.attach_type = c->attach_type,
	};
	__u32 id = prog_id(prog);
	struct json j = {};
	int cmd;
	long ret;

	for (cmd = BPF_PROG_ATTACH; cmd <= BPF_PROG_DETACH; cmd++) {
		attr.attach_flags = cmd == BPF_PROG_ATTACH ? c->flags : 0;
		ret = bpf_call(cmd, &attr);
		line(&j, cmd == BPF_PROG_ATTACH ? "attach" : "detach", commands[cmd], ret);
		json_number(&j, "prog_id", id);
		json_named(&j, "attach_type", c->attach_type, attach_types);
		json_number(&j, "attach_flags", attr.attach_flags);
		if (map)
			json_number(&j, "map_id", map);
		else if (cgroup_path && target)
			json_cgroup(&j);
		json_print(&j);
		if (ret < 0)
			break;
		if (cmd == BPF_PROG_ATTACH)
			pause_here();
	}
}

static void cgroup_attach(const struct type_case *c, int prog)
{
	target_attach(c, prog, cgroup_open(), 0);
}

/* Flow dissectors: of the network namespace that the caller is in. */
static void netns_attach(const struct type_case *c, int prog)
{
	target_attach(c, prog, 0, 0);
}

static void lirc_attach(const struct type_case *c, int prog)
{
	int fd = open("/dev/lirc0", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	target_attach(c, prog, fd, 0);
	close(fd);
}

static void sockmap_attach(const struct type_case *c, int prog)
{
	union bpf_attr attr = map_attr(BPF_MAP_TYPE_SOCKMAP, "w_sockmap", 4, 4, 1, 0);
	int map = map_create("map_create", &attr);

	if (map < 0)
		return;
	target_attach(c, prog, map, map_id(map));
	map_close(map);
}

static void link_attach(const struct type_case *c, int prog, int target, const char *name,
			int ifindex)
{
	union bpf_attr attr = { .link_create = { .prog_fd = prog,
						 .target_fd = target,
						 .attach_type = c->attach_type } };
	__u32 *words = (__u32 *)&attr;
	int link;

	if (c->type == PROG_NETFILTER) { /* link_create.netfilter */
		words[4] = AF_INET;
		words[5] = 0; /* NF_INET_PRE_ROUTING */
		words[6] = -128;
	}
	link = link_open("attach", BPF_LINK_CREATE, &attr, name, ifindex);
	if (link < 0)
		return;
	pause_here();
	link_detach(link);
}

static void cgroup_link(const struct type_case *c, int prog)
{
	int fd = cgroup_open();

	link_attach(c, prog, fd, cgroup_path, 0);
}

static void netns_link(const struct type_case *c, int prog)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	link_attach(c, prog, fd, "/proc/self/ns/net", 0);
	close(fd);
}

static void device_link(const struct type_case *c, int prog)
{
	link_attach(c, prog, interface(), IF_NAME, interface());
}

static void netfilter_link(const struct type_case *c, int prog)
{
	link_attach(c, prog, 0, "netfilter", 0);
}

/* A route of the tunnel kind "bpf", or the segment routing action End.BPF. */
static void route_attach(const struct type_case *c, int prog)
{
	bool seg6 = c->type == BPF_PROG_TYPE_LWT_SEG6LOCAL;
	struct rtmsg head = { .rtm_family = seg6 ? AF_INET6 : AF_INET,
			      .rtm_dst_len = seg6 ? 128 : 32,
			      .rtm_table = RT_TABLE_MAIN,
			      .rtm_protocol = RTPROT_STATIC,
			      .rtm_scope = RT_SCOPE_LINK,
			      .rtm_type = RTN_UNICAST };
	/* Reserved for documentation (RFC 5737, 3849). */
	const unsigned char address4[4] = { 192, 0, 2, 1 };
	const unsigned char address6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 };
	int type, ifindex = interface();
	struct rtattr *encap, *inner;
	__u32 id = prog_id(prog);
	struct json j = {};
	struct netlink n;
	long ret;

	for (type = RTM_NEWROUTE; type <= RTM_DELROUTE; type++) {
		nl_start(&n, type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0, &head,
			 sizeof(head));
		if (seg6)
			nl_put(&n, RTA_DST, address6, sizeof(address6));
		else
			nl_put(&n, RTA_DST, address4, sizeof(address4));
		nl_put_u32(&n, RTA_OIF, ifindex);
		if (type == RTM_NEWROUTE) {
			nl_put(&n, RTA_ENCAP_TYPE,
			       &(__u16){ seg6 ? LWTUNNEL_ENCAP_SEG6_LOCAL : LWTUNNEL_ENCAP_BPF },
			       2);
			encap = nl_put(&n, RTA_ENCAP | NLA_F_NESTED, NULL, 0);
			if (seg6)
				nl_put_u32(&n, SEG6_LOCAL_ACTION, SEG6_LOCAL_ACTION_END_BPF);
			inner = nl_put(&n, (seg6 ? SEG6_LOCAL_BPF : c->option) | NLA_F_NESTED, NULL,
				       0);
			nl_put_u32(&n, seg6 ? SEG6_LOCAL_BPF_PROG : LWT_BPF_PROG_FD, prog);
			nl_put_string(&n, seg6 ? SEG6_LOCAL_BPF_PROG_NAME : LWT_BPF_PROG_NAME,
				      "w_route");
			nl_end(&n, inner);
			nl_end(&n, encap);
		}
		ret = nl_send(&n);
		line(&j, type == RTM_NEWROUTE ? "attach" : "detach",
		     type == RTM_NEWROUTE ? "RTM_NEWROUTE" : "RTM_DELROUTE", ret);
		json_number(&j, "prog_id", id);
		json_number(&j, "ifindex", ifindex);
		json_string(&j, "ifname", IF_NAME);
		json_string(&j, "target", seg6 ? "2001:db8::1/128" : "192.0.2.1/32");
		json_print(&j);
		if (ret < 0)
			break;
		if (type == RTM_NEWROUTE)
			pause_here();
	}
}

static void raw_tracepoint(const struct type_case *c, int prog)
{
	const char *name =
		c->type == BPF_PROG_TYPE_TRACING || c->type == BPF_PROG_TYPE_LSM ? NULL : c->target;
	int link = raw_tracepoint_open(prog, name, c->target);

	if (link < 0)
		return;
	pause_here();
	link_close(link);
}

static void iter_attach(const struct type_case *c, int prog)
{
	union bpf_attr attr = { .link_create = { .prog_fd = prog, .attach_type = c->attach_type } };
	int link = link_open("attach", BPF_LINK_CREATE, &attr, c->target, 0), fd;
	struct json j = {};
	char buf[256];
	long n;

	if (link < 0)
		return;
	pause_here();
	memset(&attr, 0, sizeof(attr));
	attr.iter_create.link_fd = link;
	fd = bpf_step("iter_create", BPF_ITER_CREATE, &attr);
	if (fd >= 0) {
		n = TIMED(read(fd, buf, sizeof(buf)));
		line(&j, "read", "read", n);
		json_print(&j);
		close(fd);
	}
	link_close(link);
}

/* A program of type syscall only runs. */
static void syscall_run(const struct type_case *c, int prog)
{
	union bpf_attr attr = {};
	__u64 context = 0;

	attr.test.ctx_in = (uintptr_t)&context;
	attr.test.ctx_size_in = sizeof(context);
	if (prog_test_run(prog, &attr) != c->ret)
		unexpected("%s: not what the program returns", c->name);
}

static void packet_run(const struct type_case *c, int prog)
{
	char packet[64] = { [12] = ETHERTYPE_IP >> 8 };
	union bpf_attr attr = {};
	long long ret;

	attr.test.data_in = (uintptr_t)packet;
	attr.test.data_size_in = sizeof(packet);
	attr.test.repeat = 1;
	ret = prog_test_run(prog, &attr);
	if (ret >= 0 && ret != c->ret)
		unexpected("%s: returned %lld", c->name, ret);
}

/* ---- loading ---- */

/* Distinct in each case, so that each has a tag of its own. */
static int simple_load(const struct type_case *c, const char *step, const char *name, int ret,
		       union bpf_attr *attr)
{
	static struct bpf_insn insns[3];
	static int count;

	insns[0] = MOV(BPF_REG_2, ++count);
	insns[1] = MOV(BPF_REG_0, ret);
	insns[2] = EXIT;
	attr->prog_type = c->type;
	attr->insns = (uintptr_t)insns;
	attr->insn_cnt = ARRAY_SIZE(insns);
	snprintf(attr->prog_name, sizeof(attr->prog_name), "%s", name);
	return prog_load(step, attr);
}

static void run_case(const struct type_case *c)
{
	union bpf_attr attr = load_attr(c->type, "", NULL, 0);
	char *name = c->prog_name ? duplicate(c->prog_name) : format("w_%.13s", c->name), *type;
	int prog;

	attr.expected_attach_type = c->attach_type;
	if (c->type == BPF_PROG_TYPE_SYSCALL)
		attr.prog_flags = BPF_F_SLEEPABLE;
	if (c->btf_kind) {
		type = format("%s%s", c->btf_prefix, c->target);
		attr.attach_btf_id = btf_find(type, c->btf_kind);
		free(type);
	}
	prog = simple_load(c, "load", name, c->ret, &attr);
	free(name);
	if (prog < 0)
		return;
	if (c->test)
		packet_run(c, prog);
	if (c->attach)
		c->attach(c, prog);
	prog_unload(prog);
}

/* A program that takes the place of another one's function. */
static void ext_case(const struct type_case *c)
{
	const struct type_case victim = { .type = BPF_PROG_TYPE_XDP };
	struct small_btf blob = small_btf("xdp_md");
	struct bpf_func_info function = { .type_id = SMALL_BTF_FUNC };
	struct bpf_line_info source = { .file_name_off = SMALL_BTF_FILE,
					.line_off = SMALL_BTF_FILE,
					.line_col = 17 << 10 | 3 };
	union bpf_attr attr = load_attr(0, "", NULL, 0);
	int btf, target, prog, link;

	btf = btf_load("btf_load", &blob, sizeof(blob));
	if (btf < 0)
		return;
	attr.prog_btf_fd = btf;
	attr.func_info = (uintptr_t)&function;
	attr.func_info_cnt = 1;
	attr.func_info_rec_size = sizeof(function);
	attr.line_info = (uintptr_t)&source;
	attr.line_info_cnt = 1;
	attr.line_info_rec_size = sizeof(source);
	target = simple_load(&victim, "target_load", "w_ext_target", XDP_PASS, &attr);
	if (target >= 0) {
		packet_run(&(struct type_case){ .name = c->name, .ret = XDP_PASS }, target);
		attr.attach_prog_fd = target;
		attr.attach_btf_id = SMALL_BTF_FUNC;
		prog = simple_load(c, "load", "w_ext", XDP_DROP, &attr);
		if (prog >= 0) {
			link = raw_tracepoint_open(prog, NULL, "w_main");
			if (link >= 0) {
				packet_run(&(struct type_case){ .name = c->name, .ret = XDP_DROP },
					   target);
				pause_here();
				link_close(link);
			}
			prog_unload(prog);
		}
		close_step("target_unload", "prog_id", prog_id(target), target);
	}
	btf_close(btf);
}

/* A TCP congestion control, of the three functions that every one must have. */
static void struct_ops_case(const struct type_case *c)
{
	static const char *const members[] = { "ssthresh", "undo_cwnd", "cong_avoid" };
	__u32 ops = btf_find("tcp_congestion_ops", BTF_KIND_STRUCT);
	__u32 value = btf_find("bpf_struct_ops_tcp_congestion_ops", BTF_KIND_STRUCT);
	int btf, map, progs[ARRAY_SIZE(members)] = { -1, -1, -1 }, key = 0;
	struct small_btf blob = small_btf("xdp_md");
	union bpf_attr attr;
	size_t i, data, at;
	char *bytes, *name;
	long ret = 0;

	if (!ops || !value || btf_member(value, "data", &data) < 0)
		return;
	bytes = allocate(btf_types[value]->size);
	if (btf_member(ops, "name", &at) < 0)
		return;
	strcpy(bytes + data + at, "w_bpf");
	for (i = 0; i < ARRAY_SIZE(members) && ret >= 0; i++) {
		attr = load_attr(0, "", NULL, 0);
		attr.attach_btf_id = ops;
		attr.expected_attach_type = btf_member(ops, members[i], &at);
		name = format("w_%s", members[i]);
		ret = progs[i] = simple_load(c, "load", name, 2, &attr);
		*(__u64 *)(bytes + data + at) = progs[i];
		free(name);
	}
	/* Not needed, but the kernel insists. */
	btf = ret < 0 ? ret : btf_load("btf_load", &blob, sizeof(blob));
	if (btf >= 0) {
		attr = map_attr(BPF_MAP_TYPE_STRUCT_OPS, "w_struct_ops", 4, btf_types[value]->size,
				1, 0);
		attr.btf_fd = btf;
		attr.btf_vmlinux_value_type_id = value;
		map = map_create("map_create", &attr);
		if (map >= 0 && map_update("attach", map, &key, bytes) >= 0) {
			pause_here();
			memset(&attr, 0, sizeof(attr));
			attr.map_fd = map;
			attr.key = (uintptr_t)&key;
			bpf_step("detach", BPF_MAP_DELETE_ELEM, &attr);
		}
		if (map >= 0)
			map_close(map);
		btf_close(btf);
	}
	for (i = 0; i < ARRAY_SIZE(members); i++)
		if (progs[i] >= 0)
			prog_unload(progs[i]);
	free(bytes);
}

static const struct type_case cases[] = {
	{ "socket_filter", .type = BPF_PROG_TYPE_SOCKET_FILTER, .attach = socket_attach,
	  .option = SO_ATTACH_BPF, .detach_option = SO_DETACH_BPF, .test = true },
	{ "kprobe", .type = BPF_PROG_TYPE_KPROBE, .attach = perf_attach, .target = "vfs_read",
	  .option = 1 },
	{ "tracepoint", .type = BPF_PROG_TYPE_TRACEPOINT, .attach = perf_attach,
	  .target = "sched/sched_process_exit" },
	{ "xdp", .type = BPF_PROG_TYPE_XDP, .attach_type = BPF_XDP, .ret = XDP_PASS,
	  .attach = device_link, .test = true },
	{ "perf_event", .type = BPF_PROG_TYPE_PERF_EVENT, .attach = perf_attach,
	  .target = "cpu-clock", .option = 1 },
	{ "cgroup_skb", .type = BPF_PROG_TYPE_CGROUP_SKB, .attach_type = BPF_CGROUP_INET_INGRESS,
	  .ret = 1, .attach = cgroup_attach, .flags = BPF_F_ALLOW_MULTI, .test = true },
	{ "cgroup_sock", .type = BPF_PROG_TYPE_CGROUP_SOCK,
	  .attach_type = BPF_CGROUP_INET_SOCK_CREATE, .ret = 1, .attach = cgroup_link },
	{ "cgroup_sock_addr", .type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
	  .attach_type = BPF_CGROUP_INET4_CONNECT, .ret = 1, .attach = cgroup_attach },
	{ "cgroup_device", .type = BPF_PROG_TYPE_CGROUP_DEVICE, .attach_type = BPF_CGROUP_DEVICE,
	  .ret = 1, .attach = cgroup_attach },
	{ "cgroup_sysctl", .type = BPF_PROG_TYPE_CGROUP_SYSCTL, .attach_type = BPF_CGROUP_SYSCTL,
	  .ret = 1, .attach = cgroup_attach },
	{ "cgroup_sockopt", .type = BPF_PROG_TYPE_CGROUP_SOCKOPT,
	  .attach_type = BPF_CGROUP_GETSOCKOPT, .ret = 1, .attach = cgroup_attach },
	{ "sock_ops", .type = BPF_PROG_TYPE_SOCK_OPS, .attach_type = BPF_CGROUP_SOCK_OPS, .ret = 1,
	  .attach = cgroup_attach },
	{ "sk_skb", .type = BPF_PROG_TYPE_SK_SKB, .attach_type = BPF_SK_SKB_STREAM_VERDICT,
	  .ret = 1, .attach = sockmap_attach },
	{ "sk_msg", .type = BPF_PROG_TYPE_SK_MSG, .attach_type = BPF_SK_MSG_VERDICT, .ret = 1,
	  .attach = sockmap_attach },
	{ "sk_reuseport", .type = BPF_PROG_TYPE_SK_REUSEPORT, .ret = 1, .attach = socket_attach,
	  .option = SO_ATTACH_REUSEPORT_EBPF, .detach_option = SO_DETACH_REUSEPORT_BPF },
	{ "sk_lookup", .type = BPF_PROG_TYPE_SK_LOOKUP, .attach_type = BPF_SK_LOOKUP, .ret = 1,
	  .attach = netns_link },
	{ "flow_dissector", .type = BPF_PROG_TYPE_FLOW_DISSECTOR, .attach_type = BPF_FLOW_DISSECTOR,
	  .attach = netns_attach },
	{ "sched_cls", .type = BPF_PROG_TYPE_SCHED_CLS, .attach_type = ATTACH_TCX_INGRESS,
	  .attach = device_link, .test = true },
	{ "sched_act", .type = BPF_PROG_TYPE_SCHED_ACT, .ret = 3, .test = true },
	{ "lwt_in", .type = BPF_PROG_TYPE_LWT_IN, .attach = route_attach, .option = LWT_BPF_IN,
	  .test = true },
	{ "lwt_out", .type = BPF_PROG_TYPE_LWT_OUT, .attach = route_attach, .option = LWT_BPF_OUT,
	  .test = true },
	{ "lwt_xmit", .type = BPF_PROG_TYPE_LWT_XMIT, .attach = route_attach,
	  .option = LWT_BPF_XMIT, .test = true },
	{ "lwt_seg6local", .type = BPF_PROG_TYPE_LWT_SEG6LOCAL, .attach = route_attach,
	  .test = true },
	{ "raw_tracepoint", "w_raw_tp", .type = BPF_PROG_TYPE_RAW_TRACEPOINT,
	  .attach = raw_tracepoint, .target = "sched_process_exit" },
	{ "raw_tracepoint_writable", "w_raw_tp_w", .type = BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
	  .attach = raw_tracepoint, .target = "bpf_test_finish" },
	{ "fentry", .type = BPF_PROG_TYPE_TRACING, .attach_type = BPF_TRACE_FENTRY,
	  .attach = raw_tracepoint, .target = "bpf_fentry_test1", .btf_prefix = "",
	  .btf_kind = BTF_KIND_FUNC },
	{ "tp_btf", .type = BPF_PROG_TYPE_TRACING, .attach_type = BPF_TRACE_RAW_TP,
	  .attach = raw_tracepoint, .target = "sched_process_exit", .btf_prefix = "btf_trace_",
	  .btf_kind = BTF_KIND_TYPEDEF },
	{ "iter", .type = BPF_PROG_TYPE_TRACING, .attach_type = BPF_TRACE_ITER,
	  .attach = iter_attach, .target = "task", .btf_prefix = "bpf_iter_",
	  .btf_kind = BTF_KIND_FUNC },
	{ "struct_ops", .type = BPF_PROG_TYPE_STRUCT_OPS },
	{ "ext", .type = BPF_PROG_TYPE_EXT },
	{ "lsm", .type = BPF_PROG_TYPE_LSM, .attach_type = BPF_LSM_MAC, .attach = raw_tracepoint,
	  .target = "bprm_committed_creds", .btf_prefix = "bpf_lsm_", .btf_kind = BTF_KIND_FUNC },
	{ "lirc_mode2", .type = BPF_PROG_TYPE_LIRC_MODE2, .attach_type = BPF_LIRC_MODE2,
	  .attach = lirc_attach },
	{ "syscall", .type = BPF_PROG_TYPE_SYSCALL, .ret = 7, .attach = syscall_run },
	{ "netfilter", .type = PROG_NETFILTER, .attach_type = ATTACH_NETFILTER, .ret = 1,
	  .attach = netfilter_link },
};

int main(int argc, char **argv)
{
	static const struct option options[] = { { "pause", no_argument, NULL, 'p' },
						 { "list", no_argument, NULL, 'l' },
						 {} };
	size_t i;
	int c, k;

	program = "bpf-types";
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return 2;
		if (c == 'p')
			pausing = true;
		for (i = 0; c == 'l' && i < ARRAY_SIZE(cases); i++)
			puts(cases[i].name);
		if (c == 'l')
			return 0;
	}
	for (k = optind; k < argc; k++) {
		for (i = 0; i < ARRAY_SIZE(cases) && strcmp(cases[i].name, argv[k]); i++)
			;
		if (i == ARRAY_SIZE(cases))
			usage_error("no such case: %s", argv[k]);
	}
	isolate();
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		for (k = optind; k < argc && strcmp(cases[i].name, argv[k]); k++)
			;
		if (optind < argc && k == argc)
			continue;
		subject = cases[i].name;
		if (cases[i].type == BPF_PROG_TYPE_EXT)
			ext_case(&cases[i]);
		else if (cases[i].type == BPF_PROG_TYPE_STRUCT_OPS)
			struct_ops_case(&cases[i]);
		else
			run_case(&cases[i]);
	}
	summary();
	return failed;
}
