// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* bpfload-watch: what is done to BPF.
 *
 * All of it is seen at the exit of system calls: that is where results are, and pt_regs still has
 * the arguments.  The kernel's own objects are found behind the descriptors that the call took or
 * made; whether such a file is a program, a map or a link is told by the name that the kernel gives
 * to its dentry, for the symbols of their operations are not in every kernel's kallsyms. */
#include "vmlinux.h"
#include "bpfload-watch.h"

#define EVENT	   struct bpfload_event
#define RECORD_MAX (24 << 10)

#include "lib/follow.bpf.h"
#include "lib/syscall.bpf.h"
#include "lib/task.bpf.h"

const volatile bool elements;	      /* count element operations */
const volatile bool queries;	      /* show what only asks */
const volatile enum bpf_cmd commands; /* for the names in this object's BTF: tools/lib/enums.h */

/* enum bpf_cmd of include/uapi/linux/bpf.h; numbers, for a kernel's BTF need not have the names. */
enum {
	CMD_MAP_CREATE = 0,
	CMD_MAP_GET_NEXT_KEY = 4,
	CMD_PROG_LOAD = 5,
	CMD_OBJ_PIN = 6,
	CMD_OBJ_GET = 7,
	CMD_PROG_ATTACH = 8,
	CMD_PROG_DETACH = 9,
	CMD_PROG_TEST_RUN = 10,
	CMD_PROG_GET_NEXT_ID = 11,
	CMD_MAP_GET_NEXT_ID = 12,
	CMD_PROG_GET_FD_BY_ID = 13,
	CMD_MAP_GET_FD_BY_ID = 14,
	CMD_RAW_TRACEPOINT_OPEN = 17,
	CMD_BTF_LOAD = 18,
	CMD_BTF_GET_FD_BY_ID = 19,
	CMD_MAP_LOOKUP_AND_DELETE_ELEM = 21,
	CMD_MAP_FREEZE = 22,
	CMD_MAP_LOOKUP_BATCH = 24,
	CMD_MAP_DELETE_BATCH = 27,
	CMD_LINK_CREATE = 28,
	CMD_LINK_UPDATE = 29,
	CMD_LINK_GET_FD_BY_ID = 30,
	CMD_ITER_CREATE = 33,
	CMD_LINK_DETACH = 34,
	CMD_PROG_BIND_MAP = 35,
	CMD_PROG_ASSOC_STRUCT_OPS = 38,
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct element_key);
	__type(value, struct element_count);
} element_counts SEC(".maps");

/* ---- the kernel's objects ---- */

#define NAME_MAX 16 /* BPF_OBJ_NAME_LEN, include/uapi/linux/bpf.h */

static __always_inline void add_name(__u32 field, const void *name, __u32 max)
{
	struct scratch *s = scratch_current();

	if (s)
		record_string(s, record_field(s, field), name, max, FROM_KERNEL);
}

__noinline int prog_fill(__u64 at)
{
	struct bpf_prog *prog = (void *)at;
	struct scratch *s = scratch_current();
	struct bpf_prog_aux *aux;
	struct bpfload_event *ev;
	struct btf *btf;

	if (!s || !prog)
		return 0;
	ev = &s->event;
	if (ev->have & HAVE_PROG)
		return 0;
	aux = BPF_CORE_READ(prog, aux);
	ev->have |= HAVE_PROG;
	ev->prog_id = BPF_CORE_READ(aux, id);
	ev->prog_type = BPF_CORE_READ(prog, type);
	ev->attach_type = BPF_CORE_READ(prog, expected_attach_type);
	ev->jited_len = BPF_CORE_READ(prog, jited_len);
	ev->gpl = BPF_CORE_READ_BITFIELD_PROBED(prog, gpl_compatible);
	bpf_core_read(ev->tag, sizeof(ev->tag), &prog->tag);
	ev->functions = BPF_CORE_READ(aux, func_cnt);
	ev->used_maps = BPF_CORE_READ(aux, used_map_cnt);
	ev->load_ns = BPF_CORE_READ(aux, load_time);
	ev->verified_insns = prog_verified_insns(aux);
	add_name(offsetof(struct bpfload_event, prog_name), aux->name, NAME_MAX);
	if (BPF_CORE_READ(aux, attach_func_name))
		add_name(offsetof(struct bpfload_event, attach_func),
			 BPF_CORE_READ(aux, attach_func_name), 256);
	btf = prog_attach_btf(aux);
	if (btf)
		add_name(offsetof(struct bpfload_event, attach_btf), btf->name, 64);
	return 0;
}

__noinline int map_fill(__u64 at)
{
	struct bpf_map *map = (void *)at;
	struct scratch *s = scratch_current();
	struct bpfload_event *ev;

	if (!s || !map)
		return 0;
	ev = &s->event;
	if (ev->have & HAVE_MAP)
		return 0;
	ev->have |= HAVE_MAP;
	ev->map_id = BPF_CORE_READ(map, id);
	ev->map_type = BPF_CORE_READ(map, map_type);
	ev->key_size = BPF_CORE_READ(map, key_size);
	ev->value_size = BPF_CORE_READ(map, value_size);
	ev->max_entries = BPF_CORE_READ(map, max_entries);
	ev->map_flags = BPF_CORE_READ(map, map_flags);
	add_name(offsetof(struct bpfload_event, map_name), map->name, NAME_MAX);
	return 0;
}

/* What a perf event is for: "sched:sched_switch", "kprobes:do_exit". */
__noinline int perf_fill(__u64 at)
{
	struct file *file = (void *)at;
	struct perf_event *event = BPF_CORE_READ(file, private_data);
	struct scratch *s = scratch_current();
	struct trace_event_call *call;
	struct bpfload_event *ev;
	__u32 len;

	if (!s)
		return 0;
	ev = &s->event;
	ev->have |= HAVE_PERF;
	ev->perf_type = BPF_CORE_READ(event, attr.type);
	ev->perf_config = BPF_CORE_READ(event, attr.config);
	if (!bpf_core_field_exists(event->tp_event) || ev->target.off)
		return 0;
	call = BPF_CORE_READ(event, tp_event);
	if (!call)
		return 0;
	add_name(offsetof(struct bpfload_event, target), BPF_CORE_READ(call, class, system), 64);
	len = *(volatile __u32 *)&s->len;
	if (len < RECORD_MAX) {
		s->record[len] = ':';
		s->len = len + 1;
	}
	/* A tracepoint, or of a probe the name itself: read as an address, that leads nowhere.  The
	 * flag that tells them apart has had several values. */
	s->source = (__u64)BPF_CORE_READ(call, tp, name);
	if (record_add_string(*(volatile __u64 *)&s->source, 128, FROM_KERNEL)) {
		s->source = (__u64)BPF_CORE_READ(call, name);
		record_add_string(*(volatile __u64 *)&s->source, 128, FROM_KERNEL);
	}
	ev->target.len = s->len - ev->target.off;
	return 0;
}

__noinline int link_fill(__u64 at)
{
	struct bpf_link *link = (void *)at;
	struct scratch *s = scratch_current();
	struct bpfload_event *ev;
	struct cgroup *cgroup;
	struct file *perf;

	if (!s || !link)
		return 0;
	ev = &s->event;
	ev->have |= HAVE_LINK;
	ev->link_id = BPF_CORE_READ(link, id);
	ev->link_type = BPF_CORE_READ(link, type);
	/* BPF_LINK_TYPE_*, include/uapi/linux/bpf.h */
	cgroup = ev->link_type == 3 ? link_cgroup(link) : NULL;
	if (cgroup && !ev->target.off)
		cgroup_path(s, offsetof(struct bpfload_event, target), cgroup);
	perf = ev->link_type == 7 ? link_perf_file(link) : NULL;
	if (perf)
		perf_fill((__u64)perf);
	s->source = (__u64)BPF_CORE_READ(link, prog);
	prog_fill(*(volatile __u64 *)&s->source);
	return 0;
}

static __always_inline __u64 kind(const char name[8])
{
	return *(const __u64 *)name;
}

/* Whether the first *len* characters are the same. */
static __always_inline bool kind_is(__u64 name, __u64 kind, const __u32 len)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return (name ^ kind) >> (64 - 8 * len) == 0;
#else
	return (name ^ kind) << (64 - 8 * len) == 0;
#endif
}

enum { NO_TARGET, TARGET_FD };

#define ANON_INODE_FS_MAGIC 0x09041934 /* include/uapi/linux/magic.h */
#define CGROUP2_SUPER_MAGIC 0x63677270

/* Looks at what is behind a descriptor of the current task; *target*: also at what a program may be
 * attached to. */
__noinline int fd_look(__u32 fd, __u32 target)
{
	static const char prog[8] = "bpf-prog", map[8] = "bpf-map", link[8] = "bpf_link",
			  again[8] = "bpf-link", btf[8] = "btf", perf[8] = "[perf_ev";
	struct file *file = current_file(fd);
	struct scratch *s = scratch_current();
	__u64 name = 0, magic;
	struct btf *types;
	void *object;

	if (!file || !s)
		return 0;
	magic = BPF_CORE_READ(file, f_path.dentry, d_sb, s_magic);
	if (magic != ANON_INODE_FS_MAGIC) {
		if (target && (magic == CGROUP2_SUPER_MAGIC || magic == NSFS_MAGIC)) {
			path_walk((__u64)&file->f_path, true);
			path_add(offsetof(struct bpfload_event, target));
		}
		return 0;
	}
	bpf_probe_read_kernel(&name, sizeof(name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	object = BPF_CORE_READ(file, private_data);
	s->source = (__u64)object;
	if (name == kind(prog)) {
		prog_fill(*(volatile __u64 *)&s->source);
	} else if (kind_is(name, kind(map), 7)) {
		map_fill(*(volatile __u64 *)&s->source);
	} else if (name == kind(link) || name == kind(again)) {
		link_fill(*(volatile __u64 *)&s->source);
	} else if (kind_is(name, kind(btf), 4)) {
		types = object;
		s->event.have |= HAVE_BTF;
		bpf_core_read(&s->event.btf_id, sizeof(s->event.btf_id), &types->id);
	} else if (name == kind(perf)) {
		s->source = (__u64)file;
		perf_fill(*(volatile __u64 *)&s->source);
	}
	return 0;
}

/* ---- the call ---- */

/* The end of a log in the caller's memory: where its string ends is found by reading it.  Loops of
 * loops, for the verifier looks at a function once, but at a loop as often as it may turn. */
#define LOG_PIECES 23 /* and as many times as many, of PATH_SIZE: 2 MiB */

/* Goes on from s->source, not beyond *end*.  Returns what the last read returned, or PATH_SIZE if there
 * is more. */
__noinline int log_read(__u64 end)
{
	struct scratch *s = scratch_current();
	long n = 0;

	if (!s)
		return 0;
	for (int i = 0; i < LOG_PIECES; i++) {
		n = bpf_probe_read_user_str(s->path, PATH_SIZE, (void *)s->source);
		if (n < PATH_SIZE || s->source + n >= end)
			break;
		s->source += PATH_SIZE - 1;
	}
	return n;
}

__noinline int log_add(__u64 log, __u32 size)
{
	struct scratch *s = scratch_current();
	__u64 at, end = log + size;
	long n = 0;

	if (!s)
		return 0;
	s->source = log;
	for (int i = 0; i < LOG_PIECES; i++) {
		n = log_read(end);
		if (n < PATH_SIZE || s->source + n >= end)
			break;
	}
	at = s->source;
	if (n < 0 || n == PATH_SIZE)
		s->event.log.flags |= BYTES_UNREAD;
	if (n > 1)
		at += n - 1;
	if (at > end)
		at = end;
	s->source = at - log > LOG_MAX ? at - LOG_MAX : log;
	if (at != log) {
		record_add(s, &s->event.log, (void *)s->source, at - s->source, LOG_MAX, FROM_USER);
	} else {
		s->event.log.off = s->len;
	}
	return 0;
}

static __always_inline __u32 attr_u32(struct scratch *s, __u32 off)
{
	__u32 v = 0;

	off += s->event.attr.off;
	opaque(off);
	if (off < RECORD_MAX)
		v = *(__u32 *)(s->record + off);
	return v;
}

static __always_inline __u64 attr_u64(struct scratch *s, __u32 off)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return (__u64)attr_u32(s, off) << 32 | attr_u32(s, off + 4);
#else
	return attr_u32(s, off) | (__u64)attr_u32(s, off + 4) << 32;
#endif
}

static __always_inline bool is_element(__u32 cmd)
{
	return (cmd > CMD_MAP_CREATE && cmd <= CMD_MAP_GET_NEXT_KEY) ||
	       cmd == CMD_MAP_LOOKUP_AND_DELETE_ELEM ||
	       (cmd >= CMD_MAP_LOOKUP_BATCH && cmd <= CMD_MAP_DELETE_BATCH);
}

__noinline int element_add(__u32 cmd, __u64 attr, __u32 failed, __u32 compat)
{
	struct element_key key = { .pid = current_ids() >> 32, .cmd = cmd, .compat = compat };
	__u32 off = cmd >= CMD_MAP_LOOKUP_BATCH ? 36 : 0, fd = 0;
	struct element_count *count, new = {};
	struct bpf_map *map = NULL;
	struct file *file;

	bpf_probe_read_user(&fd, sizeof(fd), (void *)attr + off);
	file = current_file(fd);
	if (file)
		map = BPF_CORE_READ(file, private_data);
	if (map && BPF_CORE_READ(file, f_path.dentry, d_sb, s_magic) == ANON_INODE_FS_MAGIC)
		key.map_id = BPF_CORE_READ(map, id);
	count = bpf_map_lookup_elem(&element_counts, &key);
	if (!count) {
		task_info_fill(&new.task);
		if (key.map_id) {
			new.map_type = BPF_CORE_READ(map, map_type);
			bpf_core_read(new.map_name, sizeof(new.map_name), &map->name);
		}
		bpf_map_update_elem(&element_counts, &key, &new, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&element_counts, &key);
		if (!count) {
			lost_count(LOST_MAP_FULL);
			return 0;
		}
	}
	add_u64(&count->count, 1);
	if (failed)
		add_u64(&count->errors, 1);
	return 0;
}

/* Which descriptors of union bpf_attr are looked at, by command. */
__noinline int attr_look(__u32 cmd)
{
	struct scratch *s = scratch_current();
	__u32 type;

	if (!s)
		return 0;
	if (cmd == CMD_MAP_CREATE || cmd == CMD_PROG_LOAD || cmd == CMD_OBJ_GET ||
	    cmd == CMD_BTF_LOAD || cmd == CMD_RAW_TRACEPOINT_OPEN || cmd == CMD_LINK_CREATE ||
	    cmd == CMD_PROG_GET_FD_BY_ID || cmd == CMD_MAP_GET_FD_BY_ID ||
	    cmd == CMD_BTF_GET_FD_BY_ID || cmd == CMD_LINK_GET_FD_BY_ID) {
		if (s->event.ret >= 0)
			fd_look(s->event.ret, NO_TARGET);
	}
	if (cmd == CMD_OBJ_PIN || cmd == CMD_RAW_TRACEPOINT_OPEN)
		fd_look(attr_u32(s, 8), NO_TARGET);
	if (cmd == CMD_LINK_CREATE || cmd == CMD_PROG_ATTACH || cmd == CMD_PROG_DETACH) {
		bool link = cmd == CMD_LINK_CREATE;

		type = attr_u32(s, 8);
		/* BPF_XDP, BPF_TCX_*, BPF_NETKIT_*: a number of an interface */
		if (type == 37 || type == 46 || type == 47 || type == 54 || type == 55)
			s->event.ifindex = attr_u32(s, link ? 4 : 0);
		else if (!s->event.target.off)
			fd_look(attr_u32(s, link ? 4 : 0), TARGET_FD);
		fd_look(attr_u32(s, link ? 0 : 4), NO_TARGET);
	}
	if (cmd == CMD_PROG_TEST_RUN || cmd == CMD_MAP_FREEZE || cmd == CMD_LINK_UPDATE ||
	    cmd == CMD_ITER_CREATE || cmd == CMD_LINK_DETACH || cmd == CMD_PROG_BIND_MAP ||
	    cmd == CMD_PROG_ASSOC_STRUCT_OPS) {
		if (cmd == CMD_LINK_UPDATE)
			fd_look(attr_u32(s, 4), NO_TARGET);
		fd_look(attr_u32(s, 0), NO_TARGET);
		if (cmd == CMD_PROG_BIND_MAP || cmd == CMD_PROG_ASSOC_STRUCT_OPS)
			fd_look(attr_u32(s, 4), NO_TARGET);
	}
	return 0;
}

/* The strings that union bpf_attr points to. */
static __always_inline void attr_strings(struct scratch *s, __u32 cmd)
{
	struct bpfload_event *ev = &s->event;
	__u32 log = 0, size = 0;

	switch (cmd) {
	case CMD_PROG_LOAD:
		record_string(s, &ev->license, (void *)attr_u64(s, 16), 128, FROM_USER);
		log = 32;
		size = 28;
		break;
	case CMD_BTF_LOAD:
		log = 8;
		size = 20;
		break;
	case CMD_OBJ_PIN:
	case CMD_OBJ_GET:
		record_string(s, &ev->target, (void *)attr_u64(s, 0), PATH_SIZE, FROM_USER);
		break;
	case CMD_RAW_TRACEPOINT_OPEN:
		if (attr_u64(s, 0))
			record_string(s, &ev->target, (void *)attr_u64(s, 0), 128, FROM_USER);
		break;
	}
	if (log && ev->ret < 0 && attr_u64(s, log))
		log_add(attr_u64(s, log), attr_u32(s, size));
}

static __always_inline void bpf_fill(struct scratch *s, const struct syscall *sys)
{
	struct bpfload_event *ev = &s->event;
	__u32 cmd = ev->cmd, len = sys->args[2];
	__u64 off = *(volatile __u32 *)&s->len;

	/* What the caller leaves out is zero to the kernel. */
	opaque(off);
	if (off <= RECORD_MAX)
		__builtin_memset(s->record + off, 0, ATTR_MAX);
	if (!record_add(s, &ev->attr, (void *)sys->args[1], len, ATTR_MAX, FROM_USER))
		return;
	s->len = ev->attr.off + ATTR_MAX;
	attr_look(cmd);
	attr_strings(s, cmd);
}

/* The program that a message of rtnetlink asks for: an attribute that is a descriptor, as deep as it
 * may be nested (IFLA_XDP_FD, TCA_BPF_FD, TCA_ACT_BPF_FD, LWT_BPF_PROG_FD). */
#define MESSAGE_STEPS 16 /* and as many times as many, of 4 bytes */

__noinline int message_look(__u32 type, __u32 from)
{
	struct scratch *s = scratch_current();

	if (!s)
		return 0;
	for (int i = 0; i < MESSAGE_STEPS; i++) {
		__u32 at = from + i * 4;
		__u64 off = *(volatile __u32 *)&s->event.message.off + at;
		struct nlattr *attr;

		opaque(off);
		if (off > RECORD_MAX - 8 || at + 8 > s->event.message.len)
			break;
		attr = (struct nlattr *)(s->record + off);
		if (attr->nla_len == 8 && attr->nla_type == type)
			fd_look(*(__u32 *)(attr + 1), NO_TARGET);
	}
	return 0;
}

/* sock_fprog's instructions. */
static __always_inline __u32 filter_len(__u64 at)
{
	__u16 len = 0;

	bpf_probe_read_user(&len, sizeof(len), (void *)at);
	return len;
}

static __always_inline void sockopt_fill(struct scratch *s, const struct syscall *sys)
{
	__u32 fd = 0;

	if (s->event.cmd == 26 || s->event.cmd == 51) { /* classic */
		s->event.insns = filter_len(sys->args[3]);
	} else if (s->event.cmd == 50 || s->event.cmd == 52) {
		if (!bpf_probe_read_user(&fd, sizeof(fd), (void *)sys->args[3]))
			fd_look(fd, NO_TARGET);
	}
}

/* struct user_msghdr and struct iovec: where the first piece of the message is. */
static __always_inline __u64 message_at(const struct syscall *sys, __u32 *len)
{
	__u32 size = syscall_pointer_size(sys->nr, sys->compat);
	__u64 iov, base, n;

	read_user_pointer(&iov, size, sys->args[1] + 2 * size);
	read_user_pointer(&base, size, iov);
	read_user_pointer(&n, size, iov + size);
	*len = n;
	return base;
}

/* A message of rtnetlink that may attach a program: RTM_*, include/uapi/linux/rtnetlink.h. */
static __always_inline __u32 message_type(const struct syscall *sys, enum call what, __u64 *at,
					  __u32 *len)
{
	struct file *file = current_file(sys->args[0]);
	struct nlmsghdr header = {};
	struct socket *socket;
	struct sock *sk;

	if (!file || BPF_CORE_READ(file, f_path.dentry, d_sb, s_magic) != SOCKFS_MAGIC)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	if (BPF_CORE_READ(sk, __sk_common.skc_family) != 16 || BPF_CORE_READ(sk, sk_protocol) != 0)
		return 0;
	*len = sys->args[2];
	*at = what == CALL_SENDTO ? sys->args[1] : message_at(sys, len);
	if (*len < sizeof(header) || bpf_probe_read_user(&header, sizeof(header), (void *)*at))
		return 0;
	switch (header.nlmsg_type) {
	case 16: /* NEWLINK */
	case 19: /* SETLINK */
	case 24: /* NEWROUTE */
	case 37: /* DELQDISC */
	case 44: /* NEWTFILTER */
	case 45: /* DELTFILTER */
	case 48: /* NEWACTION */
		return header.nlmsg_type;
	}
	return 0;
}

__noinline int who_fill(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct scratch *s = scratch_current();
	struct bpfload_event *ev;
	const struct cred *cred;

	if (!s)
		return 0;
	ev = &s->event;
	cred = BPF_CORE_READ(task, cred);
	ev->caps = cred_caps(cred);
	ev->user_level = BPF_CORE_READ(cred, user_ns, level);
	ev->userns = BPF_CORE_READ(cred, user_ns, ns.inum);
	ev->netns = BPF_CORE_READ(task, nsproxy, net_ns, ns.inum);
	if (wants(WANT_NAMESPACES)) {
		ev->mntns = BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum);
		ev->pidns = BPF_CORE_READ(task, nsproxy, pid_ns_for_children, ns.inum);
	}
	ev->cgroup_id = task_cgroup_id(task);
	if (wants(WANT_CGROUP))
		task_cgroup_path(s, offsetof(struct bpfload_event, cgroup), task);
	if (wants(WANT_EXE)) {
		struct file *exe = BPF_CORE_READ(task, mm, exe_file);

		path_walk((__u64)&exe->f_path, true);
		path_add(offsetof(struct bpfload_event, exe));
	}
	if (wants(WANT_ARGS)) {
		struct mm_struct *mm = BPF_CORE_READ(task, mm);
		__u64 start = BPF_CORE_READ(mm, arg_start), end = BPF_CORE_READ(mm, arg_end);

		record_add(s, &ev->args, (void *)start, end - start, ARGS_MAX, FROM_USER);
	}
	return 0;
}

#define IOC_SET_BPF 0x40042408 /* PERF_EVENT_IOC_SET_BPF */

/* Whether a call is about BPF, and what its command is. */
static __always_inline bool call_told(const struct syscall *sys, enum call what, __u32 *via,
				      __u32 *cmd)
{
	switch (what) {
	case CALL_BPF:
		*via = VIA_BPF;
		*cmd = sys->args[0];
		return true;
	case CALL_IOCTL:
		*via = VIA_IOCTL;
		*cmd = sys->args[1];
		return *cmd == IOC_SET_BPF;
	case CALL_SETSOCKOPT:
		*via = VIA_SETSOCKOPT;
		*cmd = sys->args[2];
		/* SOL_SOCKET; SO_ATTACH_FILTER, DETACH, ATTACH_BPF, REUSEPORT_CBPF, REUSEPORT_EBPF,
		 * DETACH_REUSEPORT_BPF: include/uapi/asm-generic/socket.h */
		return (__u32)sys->args[1] == 1 &&
		       (*cmd == 26 || *cmd == 27 || *cmd == 68 || (*cmd >= 50 && *cmd <= 52));
	case CALL_PRCTL:
		*via = VIA_PRCTL;
		*cmd = sys->args[0];
		return *cmd == 22 && (__u32)sys->args[1] == 2; /* PR_SET_SECCOMP, MODE_FILTER */
	case CALL_SECCOMP:
		*via = VIA_SECCOMP;
		*cmd = sys->args[0];
		return *cmd == 1; /* SECCOMP_SET_MODE_FILTER */
	default:
		return false;
	}
}

static __always_inline bool timed(enum call what, __u32 cmd)
{
	return what == CALL_BPF && !is_element(cmd);
}

/* *taken*: the task is a wanted one, and the call was remembered and is forgotten now. */
static __always_inline int call_record(struct syscall *sys, enum call what, const bool taken)
{
	__u32 via = 0, cmd = 0, len = 0;
	struct bpfload_event *ev;
	struct scratch *s;
	__u64 message = 0;

	if (what == CALL_SENDTO || what == CALL_SENDMSG) {
		if (sys->ret < 0)
			return 0;
		via = VIA_NETLINK;
		cmd = message_type(sys, what, &message, &len);
		if (!cmd)
			return 0;
	} else if (!call_told(sys, what, &via, &cmd)) {
		return 0;
	}
	if (!taken && !task_wanted())
		return 0;
	if (!taken && timed(what, cmd))
		pending_take(sys->nr, sys);
	if (via == VIA_BPF && is_element(cmd)) {
		if (elements)
			element_add(cmd, sys->args[1], sys->ret < 0, sys->compat);
		return 0;
	}
	ev = record_new(s, struct bpfload_event);
	if (!ev)
		return 0;
	task_info_fill(&ev->task);
	ev->lat_ns = sys->start_ns ? ev->task.boot_ns - sys->start_ns : ~0ull;
	ev->lifetime_ns = ev->run_count = ev->run_ns = ~0ull;
	ev->gpl = ~0u;
	ev->ret = sys->ret;
	ev->via = via;
	ev->cmd = cmd;
	ev->compat = sys->compat;
	ev->count = 1;
	who_fill();
	if (via == VIA_BPF) {
		bpf_fill(s, sys);
	} else if (via == VIA_IOCTL) {
		fd_look(sys->args[0], TARGET_FD);
		fd_look(sys->args[2], NO_TARGET);
	} else if (via == VIA_SETSOCKOPT) {
		sockopt_fill(s, sys);
	} else if (via == VIA_NETLINK) {
		record_add(s, &ev->message, (void *)message, len, MESSAGE_MAX, FROM_USER);
		for (__u32 from = 0; from < MESSAGE_MAX; from += 4 * MESSAGE_STEPS)
			message_look(cmd == 44 ? 6 : cmd == 48 ? 5 : 1, from);
	} else {
		ev->insns = filter_len(sys->args[2]);
		ev->flags = via == VIA_SECCOMP ? sys->args[1] : 0;
	}
	record_submit_now(s);
	return 0;
}

/* Not inline, for the stack: 512 bytes have to do for all calls on the way together. */
static __noinline int call_args(struct syscall *sys, const struct pt_regs *regs)
{
	syscall_args(sys->args, regs, sys->compat);
	return 0;
}

static __always_inline int call_exit(struct pt_regs *regs, __u32 nr, long ret)
{
	struct syscall sys = { .nr = nr, .ret = ret };
	enum call what;

	if (!bpf_call_maybe(nr))
		return 0;
	sys.compat = syscall_compat();
	what = bpf_call(nr, sys.compat);
	if (!what)
		return 0;
	call_args(&sys, regs);
	return call_record(&sys, what, false);
}

SEC("?tp_btf/sys_exit")
int BPF_PROG(call_done, struct pt_regs *regs, long ret)
{
	return call_exit(regs, SYSCALL_NR(regs), ret);
}

SEC("?raw_tp/sys_exit")
int call_done_raw(struct bpf_raw_tracepoint_args *ctx)
{
	struct pt_regs *regs = (void *)ctx->args[0];

	return call_exit(regs, SYSCALL_NR_READ(regs), ctx->args[1]);
}

SEC("?tp/raw_syscalls/sys_exit")
int call_done_tp(struct trace_event_raw_sys_exit *ctx)
{
	struct syscall sys = { .nr = ctx->id & ~X32_SYSCALL_BIT, .ret = ctx->ret };
	enum call what;

	if (!bpf_call_maybe(sys.nr))
		return 0;
	sys.compat = syscall_compat();
	what = bpf_call(sys.nr, sys.compat);
	if (!what || !task_wanted() || !pending_take(sys.nr, &sys))
		return 0;
	if (what != CALL_BPF)
		sys.start_ns = 0;
	return call_record(&sys, what, true);
}

static __always_inline int call_enter(__u32 nr, struct pt_regs *regs)
{
	__u64 args[5];
	bool compat;

	if (!BPF_NUMBER(nr))
		return 0;
	compat = syscall_compat();
	if (bpf_call(nr, compat) != CALL_BPF)
		return 0;
	syscall_args(args, regs, compat);
	if (timed(CALL_BPF, args[0]) && task_wanted())
		pending_put(nr, args);
	return 0;
}

SEC("?tp_btf/sys_enter")
int BPF_PROG(call_start, struct pt_regs *regs, long id)
{
	return call_enter(id & ~X32_SYSCALL_BIT, regs);
}

SEC("?raw_tp/sys_enter")
int call_start_raw(struct bpf_raw_tracepoint_args *ctx)
{
	return call_enter(ctx->args[1] & ~X32_SYSCALL_BIT, (void *)ctx->args[0]);
}

SEC("?tp/raw_syscalls/sys_enter")
int call_start_tp(struct trace_event_raw_sys_enter *ctx)
{
	__u32 nr = ctx->id & ~X32_SYSCALL_BIT;
	__u64 args[5];

	if (!bpf_call_maybe(nr) || !bpf_call(nr, syscall_compat()) || !task_wanted())
		return 0;
	bpf_core_read(args, sizeof(args), &ctx->args);
	pending_put(nr, args);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
