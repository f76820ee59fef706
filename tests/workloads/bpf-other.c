/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// build: -static
/*
 * Attaches BPF programs by other calls than bpf(2), and detaches them.
 *
 *   bpf-other [CASE…]	these, or all
 *   bpf-other --list	their names
 *
 *   perf		PERF_EVENT_IOC_SET_BPF, on an event of the kernel's clock
 *   socket_bpf		SO_ATTACH_BPF, SO_DETACH_FILTER
 *   socket_filter	SO_ATTACH_FILTER (classic), SO_DETACH_FILTER
 *   reuseport_bpf	SO_ATTACH_REUSEPORT_EBPF, SO_DETACH_REUSEPORT_BPF
 *   reuseport_filter	SO_ATTACH_REUSEPORT_CBPF (classic), SO_DETACH_REUSEPORT_BPF
 *   seccomp		seccomp(SECCOMP_SET_MODE_FILTER), by a child
 *   prctl		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER), by a child
 *   tc			a qdisc clsact, a filter at its ingress, by rtnetlink
 *   xdp		a program of an interface, replaced, and removed, by rtnetlink
 *
 * One JSON line for each call (bpf.h).  What the kernel refuses has "ret":-errno, as does
 * tc where sch_ingress or cls_bpf is a module that is not loaded: no failure, there alone.
 */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/perf_event.h>
#include <linux/pkt_cls.h>
#include <linux/seccomp.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <sys/prctl.h>

#include "bpf.h"

static int load(const char *name, __u32 type, __u32 attach_type, int ret)
{
	static int count;
	const struct bpf_insn insns[] = { MOV(BPF_REG_2, ++count), MOV(BPF_REG_0, ret), EXIT };
	union bpf_attr attr = load_attr(type, name, insns, ARRAY_SIZE(insns));
	int fd;

	attr.expected_attach_type = attach_type;
	fd = prog_load("load", &attr);
	errno = -fd;
	if (fd < 0)
		die("%s", name);
	return fd;
}

static void perf(void)
{
	struct perf_event_attr event = { .type = PERF_TYPE_SOFTWARE,
					 .size = sizeof(event),
					 .config = PERF_COUNT_SW_CPU_CLOCK,
					 .sample_period = 1000000 };
	int prog = load("w_perf", BPF_PROG_TYPE_PERF_EVENT, 0, 0), fd;
	struct json j = {};
	long ret;

	fd = syscall(SYS_perf_event_open, &event, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		die("perf_event_open");
	ret = TIMED(ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog));
	line(&j, "attach", "PERF_EVENT_IOC_SET_BPF", ret);
	json_number(&j, "prog_id", prog_id(prog));
	json_number(&j, "fd", fd);
	json_print(&j);
	if (ret < 0)
		unexpected("PERF_EVENT_IOC_SET_BPF: %s", strerror(-ret));
	close_step("detach", "prog_id", prog_id(prog), fd);
	prog_unload(prog);
}

/* prog: -1 for a classic filter. */
static void socket_option(const char *step, const char *call, int fd, int option, int prog)
{
	struct sock_filter filter[] = { BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
					BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 0, 0, 0),
					BPF_STMT(BPF_RET | BPF_K, 0xffff) };
	struct sock_fprog classic = { .len = ARRAY_SIZE(filter), .filter = filter };
	bool attach = !strcmp(step, "attach");
	struct json j = {};
	struct stat st;
	long ret;

	if (attach && prog < 0)
		ret = TIMED(setsockopt(fd, SOL_SOCKET, option, &classic, sizeof(classic)));
	else
		ret = TIMED(setsockopt(fd, SOL_SOCKET, option, &prog, sizeof(prog)));
	line(&j, step, call, ret);
	json_number(&j, "fd", fd);
	if (!fstat(fd, &st))
		json_number(&j, "socket_ino", st.st_ino);
	if (prog >= 0)
		json_number(&j, "prog_id", prog_id(prog));
	else
		json_number(&j, "insns", ARRAY_SIZE(filter));
	json_print(&j);
	if (ret < 0)
		unexpected("%s: %s", call, strerror(-ret));
}

static int socket_open(bool reuse)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || (reuse && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0))
		die("socket");
	return fd;
}

static void socket_bpf(void)
{
	int prog = load("w_socket", BPF_PROG_TYPE_SOCKET_FILTER, 0, 0xffff);
	int fd = socket_open(false);

	socket_option("attach", "SO_ATTACH_BPF", fd, SO_ATTACH_BPF, prog);
	socket_option("detach", "SO_DETACH_FILTER", fd, SO_DETACH_FILTER, prog);
	close(fd);
	prog_unload(prog);
}

static void socket_filter(void)
{
	int fd = socket_open(false);

	socket_option("attach", "SO_ATTACH_FILTER", fd, SO_ATTACH_FILTER, -1);
	socket_option("detach", "SO_DETACH_FILTER", fd, SO_DETACH_FILTER, -1);
	close(fd);
}

static void reuseport_bpf(void)
{
	int prog = load("w_reuseport", BPF_PROG_TYPE_SK_REUSEPORT, 0, SK_PASS);
	int fd = socket_open(true);

	socket_option("attach", "SO_ATTACH_REUSEPORT_EBPF", fd, SO_ATTACH_REUSEPORT_EBPF, prog);
	socket_option("detach", "SO_DETACH_REUSEPORT_BPF", fd, SO_DETACH_REUSEPORT_BPF, prog);
	close(fd);
	prog_unload(prog);
}

static void reuseport_filter(void)
{
	int fd = socket_open(true);

	socket_option("attach", "SO_ATTACH_REUSEPORT_CBPF", fd, SO_ATTACH_REUSEPORT_CBPF, -1);
	socket_option("detach", "SO_DETACH_REUSEPORT_BPF", fd, SO_DETACH_REUSEPORT_BPF, -1);
	close(fd);
}

/* Allows everything, in five instructions. */
static void filter_self(bool by_prctl)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x7fffffff, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog classic = { .len = ARRAY_SIZE(filter), .filter = filter };
	unsigned int flags = by_prctl ? 0 : SECCOMP_FILTER_FLAG_LOG;
	struct json j = {};
	int status;
	pid_t pid;
	long ret;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (by_prctl)
			ret = TIMED(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &classic, 0, 0));
		else
			ret = TIMED(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &classic));
		line(&j, "attach", by_prctl ? "PR_SET_SECCOMP" : "SECCOMP_SET_MODE_FILTER", ret);
		json_number(&j, "insns", ARRAY_SIZE(filter));
		json_number(&j, "flags", flags);
		json_print(&j);
		if (ret < 0)
			unexpected("seccomp: %s", strerror(-ret));
		child_exit();
	}
	if (waitpid(pid, &status, 0) < 0)
		die("waitpid");
	failed |= status != 0;
}

static void seccomp_call(void)
{
	filter_self(false);
}

static void seccomp_prctl(void)
{
	filter_self(true);
}

/* Sends it and tells about it; prog: -1 for none. */
static long interface_step(const char *step, const char *call, struct netlink *n, int prog)
{
	long ret = nl_send(n);
	struct json j = {};

	line(&j, step, call, ret);
	json_number(&j, "ifindex", interface());
	json_string(&j, "ifname", IF_NAME);
	if (prog >= 0)
		json_number(&j, "prog_id", prog_id(prog));
	json_print(&j);
	return ret;
}

static void tc(void)
{
	int prog = load("w_tc", BPF_PROG_TYPE_SCHED_CLS, 0, TC_ACT_OK);
	struct tcmsg qdisc = { .tcm_ifindex = interface(),
			       .tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0),
			       .tcm_parent = TC_H_CLSACT };
	struct tcmsg filter = { .tcm_ifindex = interface(),
				.tcm_handle = 1,
				.tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
				.tcm_info = TC_H_MAKE(7 << 16, htons(ETH_P_ALL)) };
	struct rtattr *nest;
	struct netlink n;

	nl_start(&n, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &qdisc, sizeof(qdisc));
	nl_put_string(&n, TCA_KIND, "clsact");
	if (interface_step("qdisc", "RTM_NEWQDISC", &n, -1) == 0) {
		nl_start(&n, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &filter, sizeof(filter));
		nl_put_string(&n, TCA_KIND, "bpf");
		nest = nl_put(&n, TCA_OPTIONS, NULL, 0);
		nl_put_u32(&n, TCA_BPF_FD, prog);
		nl_put_string(&n, TCA_BPF_NAME, "w_tc_filter");
		nl_put_u32(&n, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
		nl_end(&n, nest);
		if (interface_step("attach", "RTM_NEWTFILTER", &n, prog) == 0) {
			nl_start(&n, RTM_DELTFILTER, 0, &filter, sizeof(filter));
			nl_put_string(&n, TCA_KIND, "bpf");
			if (interface_step("detach", "RTM_DELTFILTER", &n, prog) < 0)
				unexpected("the filter stays");
		}
		nl_start(&n, RTM_DELQDISC, 0, &qdisc, sizeof(qdisc));
		nl_put_string(&n, TCA_KIND, "clsact");
		interface_step("qdisc_gone", "RTM_DELQDISC", &n, -1);
	}
	prog_unload(prog);
}

/* prog: -1 to detach; it is replaced only if it is the one expected. */
static long xdp_set(const char *step, int prog, int expected)
{
	struct ifinfomsg head = { .ifi_index = interface() };
	struct rtattr *nest;
	struct netlink n;

	nl_start(&n, RTM_SETLINK, 0, &head, sizeof(head));
	nest = nl_put(&n, IFLA_XDP | NLA_F_NESTED, NULL, 0);
	nl_put_u32(&n, IFLA_XDP_FD, prog);
	nl_put_u32(&n, IFLA_XDP_FLAGS, XDP_FLAGS_SKB_MODE | (expected < 0 ? 0 : XDP_FLAGS_REPLACE));
	if (expected >= 0)
		nl_put_u32(&n, IFLA_XDP_EXPECTED_FD, expected);
	nl_end(&n, nest);
	return interface_step(step, "RTM_SETLINK", &n, prog < 0 ? expected : prog);
}

static void xdp(void)
{
	int first = load("w_xdp", BPF_PROG_TYPE_XDP, 0, XDP_PASS);
	int second = load("w_xdp_second", BPF_PROG_TYPE_XDP, 0, XDP_PASS);

	if (xdp_set("attach", first, -1) < 0 || xdp_set("replace", second, first) < 0 ||
	    xdp_set("detach", -1, second) < 0)
		unexpected("XDP by rtnetlink");
	prog_unload(first);
	prog_unload(second);
}

static const struct run cases[] = {
	{ "perf", perf },
	{ "socket_bpf", socket_bpf },
	{ "socket_filter", socket_filter },
	{ "reuseport_bpf", reuseport_bpf },
	{ "reuseport_filter", reuseport_filter },
	{ "seccomp", seccomp_call },
	{ "prctl", seccomp_prctl },
	{ "tc", tc },
	{ "xdp", xdp },
};

int main(int argc, char **argv)
{
	program = "bpf-other";
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
