/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// build: -static
/*
 * Creates one BPF map of each type, and does what can be done with maps, programs, links and
 * BTF beside attaching, a known number of times.
 *
 *   bpf-maps [CASE…]	these, or all
 *   bpf-maps --list	their names
 *
 *   types		a map of each type, w_TYPE, closed at once
 *   elements		updates, lookups, deletions, one by one and in batches; a queue
 *   freeze		a frozen map, which refuses an update
 *   tail_call		three programs that call each other through a map
 *   pin		map, program and link in a BPF file system of its own, and from there
 *   stats		run statistics, of a program run ten times
 *   ids		the next number, and descriptors by number, of each kind of object
 *   iter		an iterator over a map's elements
 *   link		a link whose program is replaced, detached by force
 *   bind		a map bound to a program
 *   token		a BPF token, which is refused
 *
 * One JSON line for each call (bpf.h).  What the kernel refuses has "ret":-errno.
 */
#define _GNU_SOURCE
#include "bpf.h"

#define POINTER(p) ((uintptr_t)(p))

static const struct bpf_insn pass[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 1 },
	{ .code = BPF_JMP | BPF_EXIT },
};

/* Of any call that fills the attribute with map_fd, key and value. */
static long element(const char *step, int cmd, int map, const void *key, const void *value)
{
	union bpf_attr attr = { .map_fd = map, .key = POINTER(key), .value = POINTER(value) };
	long ret = bpf_call(cmd, &attr);
	struct json j = {};

	line(&j, step, commands[cmd], ret);
	json_number(&j, "map_id", map_id(map));
	json_print(&j);
	return ret;
}

static int must(const char *what, int fd)
{
	errno = -fd;
	if (fd < 0)
		die("%s", what);
	return fd;
}

static int load(const char *name, __u32 type, __u32 attach_type)
{
	union bpf_attr attr = load_attr(type, name, pass, ARRAY_SIZE(pass));

	attr.expected_attach_type = attach_type;
	return must(name, prog_load("load", &attr));
}

static int create(const char *name, __u32 type, __u32 key, __u32 value, __u32 entries, __u32 flags)
{
	union bpf_attr attr = map_attr(type, name, key, value, entries, flags);

	return must(name, map_create("map_create", &attr));
}

/* Returns what the program returned, or -errno. */
static long long run(int prog, __u32 repeat)
{
	char packet[64] = {};
	union bpf_attr attr = {};

	attr.test.data_in = POINTER(packet);
	attr.test.data_size_in = sizeof(packet);
	attr.test.repeat = repeat;
	return prog_test_run(prog, &attr);
}

/* ---- cases ---- */

static void types(void)
{
	const struct {
		__u32 type, key, value, entries, flags;
	} maps[] = {
		{ BPF_MAP_TYPE_HASH, 4, 8, 16, 0 },
		{ BPF_MAP_TYPE_ARRAY, 4, 24, 17, 0 },
		{ BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 3, 0 },
		{ BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 2, 0 },
		{ BPF_MAP_TYPE_PERCPU_HASH, 8, 8, 18, BPF_F_NO_PREALLOC },
		{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 16, 19, 0 },
		{ BPF_MAP_TYPE_STACK_TRACE, 4, 80, 20, 0 },
		{ BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 2, 0 },
		{ BPF_MAP_TYPE_LRU_HASH, 12, 8, 21, 0 },
		{ BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 8, 22, 0 },
		{ BPF_MAP_TYPE_LPM_TRIE, 8, 8, 23, BPF_F_NO_PREALLOC },
		{ BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 2, 0 },
		{ BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4, 3, 0 },
		{ BPF_MAP_TYPE_DEVMAP, 4, 4, 2, 0 },
		{ BPF_MAP_TYPE_SOCKMAP, 4, 4, 2, 0 },
		{ BPF_MAP_TYPE_CPUMAP, 4, 4, 1, 0 },
		{ BPF_MAP_TYPE_XSKMAP, 4, 4, 2, 0 },
		{ BPF_MAP_TYPE_SOCKHASH, 4, 4, 2, 0 },
		{ BPF_MAP_TYPE_CGROUP_STORAGE, 16, 8, 0, 0 },
		{ BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, 2, 0 },
		{ BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, 16, 8, 0, 0 },
		{ BPF_MAP_TYPE_QUEUE, 0, 8, 24, 0 },
		{ BPF_MAP_TYPE_STACK, 0, 8, 25, 0 },
		{ BPF_MAP_TYPE_SK_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC },
		{ BPF_MAP_TYPE_DEVMAP_HASH, 4, 4, 2, 0 },
		{ BPF_MAP_TYPE_STRUCT_OPS, 4, 8, 1, 0 }, /* refused: bpf-types has a real one */
		{ BPF_MAP_TYPE_RINGBUF, 0, 0, sysconf(_SC_PAGESIZE), 0 },
		{ BPF_MAP_TYPE_INODE_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC },
		{ BPF_MAP_TYPE_TASK_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC },
		{ BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 26, 0 },
		{ BPF_MAP_TYPE_USER_RINGBUF, 0, 0, sysconf(_SC_PAGESIZE), 0 },
		{ MAP_CGRP_STORAGE, 4, 4, 0, BPF_F_NO_PREALLOC },
		{ MAP_ARENA, 0, 0, 4, BPF_F_MMAPABLE },
		{ MAP_INSN_ARRAY, 4, 16, 2, 0 },
		{ MAP_RHASH, 4, 8, 27, BPF_F_NO_PREALLOC },
	};
	struct small_btf blob = small_btf("xdp_md");
	int btf = must("BTF", btf_load("btf_load", &blob, sizeof(blob)));
	int inner = create("w_inner", BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0), map;
	union bpf_attr attr;
	char *name;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		name = format("w_%.13s", map_types[maps[i].type]);
		attr = map_attr(maps[i].type, name, maps[i].key, maps[i].value, maps[i].entries,
				maps[i].flags);
		if (maps[i].key == 4 && !maps[i].entries) { /* storage of tasks, sockets… */
			attr.btf_fd = btf;
			attr.btf_key_type_id = attr.btf_value_type_id = 1;
		}
		if (maps[i].type == BPF_MAP_TYPE_ARRAY_OF_MAPS ||
		    maps[i].type == BPF_MAP_TYPE_HASH_OF_MAPS)
			attr.inner_map_fd = inner;
		map = map_create("map_create", &attr);
		if (map >= 0)
			map_close(map);
		free(name);
	}
	map_close(inner);
	btf_close(btf);
}

static long batch(int cmd, int map, void *keys, void *values, __u32 count)
{
	__u32 position;
	union bpf_attr attr = { .batch = { .map_fd = map,
					   .keys = POINTER(keys),
					   .values = POINTER(values),
					   .count = count } };
	struct json j = {};
	long ret;

	if (cmd == BPF_MAP_LOOKUP_BATCH || cmd == BPF_MAP_LOOKUP_AND_DELETE_BATCH)
		attr.batch.out_batch = POINTER(&position);
	ret = bpf_call(cmd, &attr);
	line(&j, "batch", commands[cmd], ret);
	json_number(&j, "map_id", map_id(map));
	json_number(&j, "count", attr.batch.count);
	json_print(&j);
	return ret;
}

/* Ends with ENOENT, at the end of the map: 6 updates, 4 lookups of which 1 fails, 3
 * deletions of which 1 fails, 5 next keys; 2 pushes and 3 pops of which 1 fails. */
static void elements(void)
{
	int map = create("w_elements", BPF_MAP_TYPE_HASH, 4, 8, 16, 0), queue;
	__u32 key, next = 0, keys[16] = { 100, 101, 102, 103 };
	__u64 value = 7, values[16] = { 1, 2, 3, 4 };

	for (key = 0; key < 6; key++)
		if (element("update", BPF_MAP_UPDATE_ELEM, map, &key, &value) < 0)
			unexpected("update of %u", key);
	for (key = 3; key < 7; key++)
		if ((element("lookup", BPF_MAP_LOOKUP_ELEM, map, &key, &value) < 0) != (key == 6))
			unexpected("lookup of %u", key);
	for (key = 4; key < 7; key++)
		if ((element("delete", BPF_MAP_DELETE_ELEM, map, &key, NULL) < 0) != (key == 6))
			unexpected("deletion of %u", key);
	if (element("next_key", BPF_MAP_GET_NEXT_KEY, map, NULL, &next) < 0)
		unexpected("no first key");
	do
		key = next;
	while (!element("next_key", BPF_MAP_GET_NEXT_KEY, map, &key, &next));
	batch(BPF_MAP_UPDATE_BATCH, map, keys, values, 4);
	batch(BPF_MAP_LOOKUP_BATCH, map, keys, values, 16);
	keys[0] = 100;
	keys[1] = 101;
	batch(BPF_MAP_DELETE_BATCH, map, keys, values, 2);
	batch(BPF_MAP_LOOKUP_AND_DELETE_BATCH, map, keys, values, 16);
	map_close(map);

	queue = create("w_queue", BPF_MAP_TYPE_QUEUE, 0, 8, 4, 0);
	element("push", BPF_MAP_UPDATE_ELEM, queue, NULL, &value);
	element("push", BPF_MAP_UPDATE_ELEM, queue, NULL, &value);
	element("pop", BPF_MAP_LOOKUP_AND_DELETE_ELEM, queue, NULL, &value);
	element("pop", BPF_MAP_LOOKUP_AND_DELETE_ELEM, queue, NULL, &value);
	if (element("pop", BPF_MAP_LOOKUP_AND_DELETE_ELEM, queue, NULL, &value) != -ENOENT)
		unexpected("something in an empty queue");
	map_close(queue);
}

static void freeze(void)
{
	int map = create("w_frozen", BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	__u32 key = 0;
	__u64 value = 1;

	element("update", BPF_MAP_UPDATE_ELEM, map, &key, &value);
	element("freeze", BPF_MAP_FREEZE, map, NULL, NULL);
	if (element("update", BPF_MAP_UPDATE_ELEM, map, &key, &value) != -EPERM)
		unexpected("a frozen map that can be written");
	map_close(map);
}

/* The first calls the second, that one the third, which returns 42. */
static void tail_call(void)
{
	int map = create("w_tail", BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 3, 0), progs[3];
	__u32 i;

	for (i = 0; i < ARRAY_SIZE(progs); i++) {
		const struct bpf_insn insns[] = {
			MAP_FD(BPF_REG_2, map),
			MOV(BPF_REG_3, i + 1),
			CALL(BPF_FUNC_tail_call),
			MOV(BPF_REG_0, 40 + i),
			EXIT,
		};
		char *name = format("w_tail_%u", i);
		union bpf_attr attr =
			load_attr(BPF_PROG_TYPE_SOCKET_FILTER, name, insns, ARRAY_SIZE(insns));

		progs[i] = must(name, prog_load("load", &attr));
		element("update", BPF_MAP_UPDATE_ELEM, map, &i, &progs[i]);
		free(name);
	}
	if (run(progs[0], 1) != 42)
		unexpected("the chain of tail calls did not run to its end");
	i = 1;
	element("delete", BPF_MAP_DELETE_ELEM, map, &i, NULL);
	if (run(progs[0], 1) != 40)
		unexpected("the chain of tail calls was not cut");
	/* In this order: the map's references keep the programs. */
	for (i = 0; i < ARRAY_SIZE(progs); i++)
		prog_unload(progs[i]);
	map_close(map);
}

static long object_path(const char *step, int cmd, const char *path, int fd, const char *key,
			__u32 id)
{
	union bpf_attr attr = { .pathname = POINTER(path), .bpf_fd = fd };
	long ret = bpf_call(cmd, &attr);
	struct json j = {};

	line(&j, step, commands[cmd], ret);
	json_string(&j, "path", path);
	json_number(&j, key, id);
	json_print(&j);
	return ret;
}

static void pin_object(const char *dir, const char *name, int fd, const char *key, __u32 id)
{
	char *path = format("%s/%s", dir, name);
	struct json j = {};
	long ret;

	ret = object_path("pin", BPF_OBJ_PIN, path, fd, key, id);
	if (ret >= 0) {
		ret = object_path("get", BPF_OBJ_GET, path, 0, key, id);
		if (ret >= 0)
			close_step("close", key, id, ret);
		ret = TIMED(unlink(path));
		line(&j, "unpin", "unlink", ret);
		json_string(&j, "path", path);
		json_number(&j, key, id);
		json_print(&j);
	}
	if (ret < 0)
		unexpected("%s: %s", path, strerror(-ret));
	free(path);
}

static int cgroup_link(int prog)
{
	union bpf_attr attr = { .link_create = { .prog_fd = prog,
						 .target_fd = cgroup_open(),
						 .attach_type = BPF_CGROUP_INET_EGRESS } };

	return must("link", link_open("attach", BPF_LINK_CREATE, &attr, cgroup_path, 0));
}

static void pin(void)
{
	const char *dir = mount_private("bpf");
	int map = create("w_pin", BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	int prog = load("w_pin", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS);
	int link = cgroup_link(prog);

	if (!dir)
		die("no BPF file system");
	pin_object(dir, "w_map", map, "map_id", map_id(map));
	pin_object(dir, "w_prog", prog, "prog_id", prog_id(prog));
	pin_object(dir, "w_link", link, "link_id", link_id(link));
	link_close(link);
	prog_unload(prog);
	map_close(map);
}

static void stats(void)
{
	int prog = load("w_stats", BPF_PROG_TYPE_SOCKET_FILTER, 0), fd;
	union bpf_attr attr = { .enable_stats.type = BPF_STATS_RUN_TIME };
	struct json j = {};

	fd = bpf_step("enable_stats", BPF_ENABLE_STATS, &attr);
	run(prog, 10);
	json_string(&j, "case", subject);
	json_string(&j, "step", "info");
	json_prog_info(&j, prog);
	json_print(&j);
	if (fd >= 0)
		close_step("disable_stats", NULL, 0, fd);
	prog_unload(prog);
}

static void by_id(int get, int next, const char *key, __u32 id)
{
	union bpf_attr attr = { .start_id = id - 1 };
	struct json j = {};
	long ret;

	ret = bpf_call(next, &attr);
	line(&j, "next_id", commands[next], ret);
	json_number(&j, key, attr.next_id);
	json_print(&j);
	if (ret < 0 || attr.next_id != id)
		unexpected("%s: not %u but %u", commands[next], id, attr.next_id);
	memset(&attr, 0, sizeof(attr));
	attr.start_id = id;
	ret = bpf_call(get, &attr);
	line(&j, "get_fd", commands[get], ret);
	json_number(&j, key, id);
	json_print(&j);
	if (ret < 0)
		unexpected("%s: %s", commands[get], strerror(-ret));
	else
		close_step("close", key, id, ret);
}

static void ids(void)
{
	struct small_btf blob = small_btf("xdp_md");
	int btf = must("BTF", btf_load("btf_load", &blob, sizeof(blob)));
	int map = create("w_ids", BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	int prog = load("w_ids", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS);
	int link = cgroup_link(prog);
	struct bpf_btf_info info = {};

	info_get(btf, &info, sizeof(info));
	by_id(BPF_PROG_GET_FD_BY_ID, BPF_PROG_GET_NEXT_ID, "prog_id", prog_id(prog));
	by_id(BPF_MAP_GET_FD_BY_ID, BPF_MAP_GET_NEXT_ID, "map_id", map_id(map));
	by_id(BPF_LINK_GET_FD_BY_ID, BPF_LINK_GET_NEXT_ID, "link_id", link_id(link));
	by_id(BPF_BTF_GET_FD_BY_ID, BPF_BTF_GET_NEXT_ID, "btf_id", info.id);
	link_close(link);
	prog_unload(prog);
	map_close(map);
	btf_close(btf);
}

/* Eight bytes for each element, and eight at the end. */
static void iter(void)
{
	int map = create("w_iter", BPF_MAP_TYPE_HASH, 4, 8, 16, 0), prog, link, fd;
	const struct bpf_insn insns[] = {
		STORE64(BPF_REG_10, -8, 0),
		LOAD64(BPF_REG_1, BPF_REG_1, 0), /* bpf_iter__bpf_map_elem.meta */
		LOAD64(BPF_REG_1, BPF_REG_1, 0), /* bpf_iter_meta.seq */
		MOVR(BPF_REG_2, BPF_REG_10),
		ADD(BPF_REG_2, -8),
		MOV(BPF_REG_3, 8),
		CALL(BPF_FUNC_seq_write),
		MOV(BPF_REG_0, 0),
		EXIT,
	};
	union bpf_iter_link_info info = { .map.map_fd = map };
	union bpf_attr attr = load_attr(BPF_PROG_TYPE_TRACING, "w_iter", insns, ARRAY_SIZE(insns));
	struct json j = {};
	char text[4096];
	__u64 value = 1;
	__u32 key;
	long n;

	for (key = 0; key < 5; key++)
		element("update", BPF_MAP_UPDATE_ELEM, map, &key, &value);
	attr.expected_attach_type = BPF_TRACE_ITER;
	attr.attach_btf_id = btf_find("bpf_iter_bpf_map_elem", BTF_KIND_FUNC);
	prog = prog_load("load", &attr);
	if (prog >= 0) {
		memset(&attr, 0, sizeof(attr));
		attr.link_create.prog_fd = prog;
		attr.link_create.attach_type = BPF_TRACE_ITER;
		attr.link_create.iter_info = POINTER(&info);
		attr.link_create.iter_info_len = sizeof(info.map);
		link = link_open("attach", BPF_LINK_CREATE, &attr, "bpf_map_elem", 0);
		if (link >= 0) {
			memset(&attr, 0, sizeof(attr));
			attr.iter_create.link_fd = link;
			fd = must("iterator", bpf_step("iter_create", BPF_ITER_CREATE, &attr));
			n = TIMED(read(fd, text, sizeof(text)));
			line(&j, "read", "read", n);
			json_print(&j);
			if (n != 6 * 8)
				unexpected("the iterator wrote %ld bytes", n);
			close(fd);
			link_close(link);
		}
		prog_unload(prog);
	}
	map_close(map);
}

static void replace(void)
{
	int first = load("w_first", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS);
	int second = load("w_second", BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS);
	int fd = cgroup_link(first), i;
	struct json j = {};
	long ret;

	for (i = 0; i < 2; i++) { /* the second time, another one than the old one named */
		union bpf_attr attr = { .link_update = { .link_fd = fd,
							 .new_prog_fd = second,
							 .flags = BPF_F_REPLACE,
							 .old_prog_fd = first } };

		ret = bpf_call(BPF_LINK_UPDATE, &attr);
		line(&j, "update", "BPF_LINK_UPDATE", ret);
		json_number(&j, "new_prog_id", prog_id(second));
		json_number(&j, "old_prog_id", prog_id(first));
		json_link_info(&j, fd);
		json_print(&j);
		if ((ret < 0) != i)
			unexpected("update of the link: %ld", ret);
	}
	if (link_detach(fd) < 0)
		unexpected("the link is not detached");
	prog_unload(first);
	prog_unload(second);
}

static void bind_map(void)
{
	int map = create("w_bind", BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
	int prog = load("w_bind", BPF_PROG_TYPE_SOCKET_FILTER, 0);
	union bpf_attr attr = { .prog_bind_map = { .prog_fd = prog, .map_fd = map } };
	long ret = bpf_call(BPF_PROG_BIND_MAP, &attr);
	struct json j = {};

	line(&j, "bind", "BPF_PROG_BIND_MAP", ret);
	json_number(&j, "map_id", map_id(map));
	json_prog_info(&j, prog);
	json_print(&j);
	map_close(map);
	prog_unload(prog);
}

/* Only a file system of another user namespace gives one. */
static void token(void)
{
	const char *dir = mount_private("bpf");
	int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	union bpf_attr attr = {};
	long ret;

	if (fd < 0)
		die("no BPF file system");
	((__u32 *)&attr)[1] = fd; /* token_create.bpffs_fd */
	ret = bpf_step("token", CMD_TOKEN_CREATE, &attr);
	if (ret >= 0) {
		unexpected("a token");
		close(ret);
	}
	close(fd);
}

static const struct run cases[] = {
	{ "types", types },   { "elements", elements },
	{ "freeze", freeze }, { "tail_call", tail_call },
	{ "pin", pin },	      { "stats", stats },
	{ "ids", ids },	      { "iter", iter },
	{ "link", replace },  { "bind", bind_map },
	{ "token", token },
};

int main(int argc, char **argv)
{
	program = "bpf-maps";
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
