/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// build: -static
/*
 * Loads of programs, and other calls of bpf(2), that must fail, each for one known reason.
 *
 *   bpf-fails [STEP…]	these, or all
 *   bpf-fails --list	their names
 *
 * One JSON line for each (bpf.h).  Of what has a log, log_last is its last line but for
 * statistics and empty ones, log_tail its last 200 bytes; log_last is null without a log.
 * A call that does not fail is a failure of this program.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <grp.h>

#include "bpf.h"

#define PROGRAM(...)                                       \
	.insns = (const struct bpf_insn[]){ __VA_ARGS__ }, \
	.count = sizeof((const struct bpf_insn[]){ __VA_ARGS__ }) / sizeof(struct bpf_insn)

enum { KERNEL_LIMIT = 1000000 }; /* of instructions, in a program and looked at */

struct fail_case {
	const char *step;
	__u32 type; /* 0: of socket filters */
	const struct bpf_insn *insns;
	__u32 count;
	int err; /* 0: it differs between kernels */
	const char *license;
	void (*run)(const struct fail_case *c);
	__u32 log_size, log_level; /* 0: a log of level 1 */
	bool no_log;
};

static void expect(const struct fail_case *c, long ret)
{
	if (ret >= 0) {
		unexpected("%s: did not fail", c->step);
		close(ret);
	} else if (c->err && ret != -c->err) {
		unexpected("%s: %s, not %s", c->step, strerror(-ret), strerror(c->err));
	}
}

static void load(const struct fail_case *c, const struct bpf_insn *insns, __u32 count)
{
	char *name = format("w_%.13s", c->step);
	union bpf_attr attr =
		load_attr(c->type ? c->type : BPF_PROG_TYPE_SOCKET_FILTER, name, insns, count);

	if (c->license)
		attr.license = (uintptr_t)c->license;
	if (c->log_size)
		attr.log_size = c->log_size;
	if (c->log_level)
		attr.log_level = c->log_level;
	if (c->no_log)
		attr.log_level = attr.log_size = attr.log_buf = 0;
	expect(c, prog_load(c->step, &attr));
	free(name);
}

/* Beyond the end of an array's element, looked up and checked as it should be. */
static void map_value(const struct fail_case *c)
{
	union bpf_attr attr = map_attr(BPF_MAP_TYPE_ARRAY, "w_fails", 4, 8, 1, 0);
	int map = map_create("map_create", &attr);
	const struct bpf_insn insns[] = {
		STORE32(BPF_REG_10, -4, 0),
		MOVR(BPF_REG_2, BPF_REG_10),
		ADD(BPF_REG_2, -4),
		MAP_FD(BPF_REG_1, map),
		CALL(BPF_FUNC_map_lookup_elem),
		JEQ(BPF_REG_0, 0, 1),
		LOAD64(BPF_REG_0, BPF_REG_0, 8),
		MOV(BPF_REG_0, 0),
		EXIT,
	};

	if (map < 0)
		die("map");
	load(c, insns, ARRAY_SIZE(insns));
	map_close(map);
}

/* What a lookup returns, used unchecked.  Of an array, newer kernels know that it is there. */
static void null_pointer(const struct fail_case *c)
{
	union bpf_attr attr = map_attr(BPF_MAP_TYPE_HASH, "w_fails", 4, 8, 1, 0);
	int map = map_create("map_create", &attr);
	const struct bpf_insn insns[] = {
		STORE32(BPF_REG_10, -4, 0),
		MOVR(BPF_REG_2, BPF_REG_10),
		ADD(BPF_REG_2, -4),
		MAP_FD(BPF_REG_1, map),
		CALL(BPF_FUNC_map_lookup_elem),
		LOAD64(BPF_REG_0, BPF_REG_0, 0),
		EXIT,
	};

	if (map < 0)
		die("map");
	load(c, insns, ARRAY_SIZE(insns));
	map_close(map);
}

/* A loop that ends, but late.  A long one: each turn is compared with those before. */
static void too_complex(const struct fail_case *c)
{
	enum { BODY = 1000 };
	struct bpf_insn insns[BODY + 3];
	int i;

	insns[0] = MOV(BPF_REG_0, 0);
	for (i = 1; i <= BODY; i++)
		insns[i] = ADD(BPF_REG_0, 1);
	insns[i++] = JNE(BPF_REG_0, 2 * KERNEL_LIMIT, -BODY - 1);
	insns[i++] = EXIT;
	load(c, insns, i);
}

/* Of 9000 branches, the other side of each is still to be looked at. */
static void branches(const struct fail_case *c)
{
	enum { BRANCHES = 9000 };
	struct bpf_insn *insns = allocate((BRANCHES + 3) * sizeof(*insns)), *at = insns;
	int i;

	*at++ = CALL(BPF_FUNC_get_prandom_u32);
	for (i = 0; i < BRANCHES; i++)
		*at++ = JEQ(BPF_REG_0, i, 0);
	*at++ = MOV(BPF_REG_0, 0);
	*at++ = EXIT;
	load(c, insns, at - insns);
	free(insns);
}

/* More instructions than a program may have. */
static void too_long(const struct fail_case *c)
{
	struct bpf_insn *insns = allocate((KERNEL_LIMIT + 1) * sizeof(*insns));
	int i;

	for (i = 0; i < KERNEL_LIMIT; i++)
		insns[i] = MOV(BPF_REG_0, 0);
	insns[i] = EXIT;
	load(c, insns, KERNEL_LIMIT + 1);
	free(insns);
}

static void too_short(const struct fail_case *c)
{
	load(c, &EXIT, 0);
}

/* A valid program whose log is longer than its buffer. */
static void long_log(const struct fail_case *c)
{
	struct bpf_insn insns[202];
	int i;

	for (i = 0; i < 201; i++)
		insns[i] = MOV(BPF_REG_0, i);
	insns[i] = EXIT;
	load(c, insns, ARRAY_SIZE(insns));
}

/* As a user who may do nothing, in a user namespace where he may do all. */
static void unprivileged(const struct fail_case *c)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		if (setgroups(0, NULL) < 0 || setresgid(65534, 65534, 65534) < 0 ||
		    setresuid(65534, 65534, 65534) < 0)
			die("setresuid");
		if (unshare(CLONE_NEWUSER) < 0 && errno != EPERM)
			die("user namespace");
		load(c, c->insns, c->count);
		child_exit();
	}
	if (waitpid(pid, &status, 0) < 0)
		die("waitpid");
	calls_done[BPF_PROG_LOAD]++; /* the child's */
	calls_failed[BPF_PROG_LOAD]++;
	failed |= status != 0;
}

static void map_key(const struct fail_case *c)
{
	union bpf_attr attr = map_attr(BPF_MAP_TYPE_HASH, "w_map_key", 0, 8, 1, 0);

	expect(c, map_create(c->step, &attr));
}

static void map_kind(const struct fail_case *c)
{
	union bpf_attr attr = map_attr(9999, "w_map_kind", 4, 8, 1, 0);

	expect(c, map_create(c->step, &attr));
}

static void btf_magic(const struct fail_case *c)
{
	struct small_btf blob = small_btf("xdp_md");

	blob.header.magic = 0x1234;
	expect(c, btf_load(c->step, &blob, sizeof(blob)));
}

/* A pointer to a type that is not there. */
static void btf_type(const struct fail_case *c)
{
	struct small_btf blob = small_btf("xdp_md");

	blob.pointer.type = 99;
	expect(c, btf_load(c->step, &blob, sizeof(blob)));
}

static void command(const struct fail_case *c)
{
	union bpf_attr attr = {};
	struct json j = {};
	long ret = TIMED(syscall(SYS_bpf, 9999, &attr, sizeof(attr)));

	line(&j, c->step, "9999", ret);
	json_print(&j);
	expect(c, ret);
}

int main(int argc, char **argv)
{
	const struct fail_case cases[] = {
		{ "unreachable", .err = EINVAL,
		  PROGRAM(MOV(BPF_REG_0, 0), EXIT, MOV(BPF_REG_0, 1), EXIT) },
		{ "stack", .err = EACCES,
		  PROGRAM(STORE64(BPF_REG_10, -520, 0), MOV(BPF_REG_0, 0), EXIT) },
		{ "map_value", .err = EACCES, .run = map_value },
		{ "null_pointer", .err = EACCES, .run = null_pointer },
		{ "uninitialized", .err = EACCES, PROGRAM(MOVR(BPF_REG_0, BPF_REG_5), EXIT) },
		{ "infinite_loop", .err = EINVAL,
		  PROGRAM(MOV(BPF_REG_0, 0), JNE(BPF_REG_0, 1, -2), EXIT) },
		{ "too_complex", .err = E2BIG, .run = too_complex, .log_level = 4 },
		{ "branches", .run = branches, .log_level = 4 },
		{ "too_long", .err = E2BIG, .run = too_long },
		{ "no_instructions", .err = E2BIG, .run = too_short },
		{ "license", .type = BPF_PROG_TYPE_TRACEPOINT, .err = EINVAL,
		  .license = "Proprietary",
		  PROGRAM(CALL(BPF_FUNC_get_current_task), MOV(BPF_REG_0, 0), EXIT) },
		{ "helper", .err = EINVAL, PROGRAM(CALL(9999), MOV(BPF_REG_0, 0), EXIT) },
		{ "type", .type = 9999, PROGRAM(MOV(BPF_REG_0, 0), EXIT) },
		{ "privilege", .type = BPF_PROG_TYPE_KPROBE, .err = EPERM, .run = unprivileged,
		  PROGRAM(MOV(BPF_REG_0, 0), EXIT) },
		{ "no_log", .err = EACCES, .no_log = true,
		  PROGRAM(MOVR(BPF_REG_0, BPF_REG_5), EXIT) },
		{ "long_log", .err = ENOSPC, .run = long_log, .log_size = 256 },
		{ "map_key", .err = EINVAL, .run = map_key },
		{ "map_kind", .err = EINVAL, .run = map_kind },
		{ "btf_magic", .err = EINVAL, .run = btf_magic },
		{ "btf_type", .err = EINVAL, .run = btf_type },
		{ "command", .err = EINVAL, .run = command },
	};
	size_t i;
	int k;

	program = "bpf-fails";
	for (k = 1; k < argc; k++) {
		for (i = 0; i < ARRAY_SIZE(cases) && strcmp(cases[i].step, argv[k]); i++)
			;
		if (i == ARRAY_SIZE(cases) && strcmp(argv[k], "--list"))
			usage_error("no such step: %s", argv[k]);
	}
	for (i = 0; argc > 1 && !strcmp(argv[1], "--list") && i < ARRAY_SIZE(cases); i++)
		puts(cases[i].step);
	if (argc > 1 && !strcmp(argv[1], "--list"))
		return 0;
	isolate();
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		for (k = 1; k < argc && strcmp(cases[i].step, argv[k]); k++)
			;
		if (argc > 1 && k == argc)
			continue;
		if (cases[i].run)
			cases[i].run(&cases[i]);
		else
			load(&cases[i], cases[i].insns, cases[i].count);
	}
	summary();
	return failed;
}
