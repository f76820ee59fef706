/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* btf_cut.h: small BTFs made here, and the kernel's with the objects of the build. */
#include <errno.h>
#include <glob.h>
#include <libgen.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "lib/btf_cut.h"
#include "lib/util.h"
#include "test.h"

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"

/* What a compiler puts into .BTF.ext, for one section. */
struct ext {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t len, funcs_off, funcs_len, lines_off, lines_len, relos_off, relos_len;
	uint32_t record_size, section_name, count;
	struct bpf_core_relo relos[16];
};

static struct ext ext_empty(void)
{
	return (struct ext){
		.magic = BTF_MAGIC, .version = 1, .len = 32, .record_size = 16, .relos_len = 12
	};
}

static void ext_add(struct ext *ext, int type_id, enum bpf_core_relo_kind kind)
{
	ext->relos[ext->count++] = (struct bpf_core_relo){ .type_id = type_id, .kind = kind };
	ext->relos_len += sizeof(struct bpf_core_relo);
}

/* One for a member, an enumerator: "0:2". */
static void ext_access(struct ext *ext, struct btf *local, int type_id,
		       enum bpf_core_relo_kind kind, const char *access)
{
	ext_add(ext, type_id, kind);
	ext->relos[ext->count - 1].access_str_off = btf__add_str(local, access);
}

/* All members of the task of local_new(), and an enumerator. */
static void ext_fill(struct ext *ext, struct btf *local, int task, int state)
{
	char access[] = "0:0";

	for (; access[2] <= '8'; access[2]++)
		ext_access(ext, local, task, BPF_CORE_FIELD_BYTE_OFFSET, access);
	ext_access(ext, local, state, BPF_CORE_ENUMVAL_VALUE, "0");
}

/* A file in memory; its path is good until the next call. */
static const char *file_of(const void *data, size_t len)
{
	static char path[32];
	static int fd = -1;

	if (fd >= 0)
		close(fd);
	fd = memfd_create("btf", 0);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

static int cut_file(struct btf_cut *cut, const char *path, struct buf *out)
{
	struct btf_file file;
	int err = btf_file_open(&file, path);

	if (err)
		return err;
	err = btf_cut_run(cut, &file, out);
	btf_file_close(&file);
	return err;
}

/* What an object sees of a kernel: NULL, with errno, if the cut fails. */
static struct btf *cut_of(struct btf *kernel, const struct btf *local, const struct ext *ext,
			  bool *ret_lacks)
{
	struct btf_cut *cut = btf_cut_new();
	struct btf *result = NULL;
	struct buf out = {};
	const void *data;
	uint32_t len;
	int err;

	data = btf__raw_data(kernel, &len);
	err = btf_cut_want(cut, local, ext);
	err = err ?: cut_file(cut, file_of(data, len), &out);
	if (!err)
		result = btf__new(out.data, out.len);
	if (ret_lacks)
		*ret_lacks = btf_cut_lacks(cut);
	btf_cut_free(cut);
	buf_done(&out);
	errno = -err;
	return result;
}

static const struct btf_member *member_of(const struct btf *btf, const struct btf_type *t,
					  const char *name)
{
	const struct btf_member *m = btf_members(t);

	for (int i = 0; i < btf_vlen(t); i++, m++)
		if (!strcmp(btf__name_by_offset(btf, m->name_off), name))
			return m;
	return NULL;
}

/* A kernel: a task with what members may be, and a hundred types that nobody asks for. */
static struct btf *kernel_new(void)
{
	struct btf *btf = btf__new_empty();
	int i32, u64, task, chars, pid_t_id, list, anon, state, flex;

	i32 = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	for (int i = 0; i < 100; i++) {
		char name[32];

		snprintf(name, sizeof(name), "other_%d", i);
		btf__add_struct(btf, name, 8);
		btf__add_field(btf, "pid", i32, 0, 0);
	}
	u64 = btf__add_int(btf, "u64", 8, 0);
	list = btf__add_struct(btf, "list_head", 16);
	btf__add_field(btf, "next", list + 1, 0, 0);
	btf__add_field(btf, "prev", list + 1, 64, 0);
	btf__add_ptr(btf, list);
	chars = btf__add_array(btf, i32, i32, 16);
	flex = btf__add_array(btf, i32, u64, 0);
	pid_t_id = btf__add_typedef(btf, "pid_t", i32);
	anon = btf__add_union(btf, NULL, 8);
	btf__add_field(btf, "low", i32, 0, 0);
	btf__add_field(btf, "whole", u64, 0, 0);
	state = btf__add_enum(btf, "state", 4);
	btf__add_enum_value(btf, "STATE_IDLE", 3);
	btf__add_enum_value(btf, "STATE_NEW", 7);
	task = btf__add_struct(btf, "task_struct", 128);
	btf__add_field(btf, "unknown", u64, 0, 0);
	btf__add_field(btf, "pid", pid_t_id, 64, 0);
	btf__add_field(btf, NULL, anon, 128, 0);
	btf__add_field(btf, "comm", chars, 192, 0);
	btf__add_field(btf, "list", list, 704, 0);
	btf__add_field(btf, "bits", i32, 832, 3);
	btf__add_field(btf, "state", state, 864, 0);
	btf__add_field(btf, "zero", flex, 896, 0);
	btf__add_field(btf, "tail", flex, 896, 0);
	btf__add_typedef(btf, "btf_trace_fork", btf__add_ptr(btf, task));
	return btf;
}

/* An object that knows some of it, and things that are not there. */
static struct btf *local_new(int *ret_task, int *ret_state)
{
	struct btf *btf = btf__new_empty();
	int i32 = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);

	*ret_task = btf__add_struct(btf, "task_struct___old", 64);
	btf__add_field(btf, "pid", i32, 0, 0);
	btf__add_field(btf, "whole", i32, 32, 0);
	btf__add_field(btf, "comm", i32, 64, 0);
	btf__add_field(btf, "next", i32, 96, 0);
	btf__add_field(btf, "list", i32, 128, 0);
	btf__add_field(btf, "bits", i32, 160, 0);
	btf__add_field(btf, "state", i32, 192, 0);
	btf__add_field(btf, "zero", i32, 224, 0);
	btf__add_field(btf, "gone", i32, 256, 0);
	*ret_state = btf__add_enum(btf, "state___old", 4);
	btf__add_enum_value(btf, "STATE_NEW___old", 1);
	btf__add_enum_value(btf, "STATE_GONE", 2);
	return btf;
}

TEST(keeps_what_the_object_names_as_it_was)
{
	struct ext ext = ext_empty();
	const struct btf_member *m;
	const struct btf_type *t;
	struct btf *kernel = kernel_new(), *local, *cut;
	bool lacks;
	int task, state, id;

	local = local_new(&task, &state);
	ext_fill(&ext, local, task, state);
	cut = cut_of(kernel, local, &ext, &lacks);
	CHECK(cut);
	CHECK(!lacks);
	if (!cut)
		goto out;
	CHECK(btf__type_cnt(cut) < 20);
	CHECK(btf__find_by_name(cut, "other_1") < 0);
	CHECK(btf__find_by_name(cut, "btf_trace_fork") < 0);
	id = btf__find_by_name_kind(cut, "task_struct", BTF_KIND_STRUCT);
	CHECK(id > 0);
	t = btf__type_by_id(cut, id);
	CHECK_INT(t->size, 128);
	CHECK(!member_of(cut, t, "unknown"));
	CHECK(!member_of(cut, t, "gone"));
	m = member_of(cut, t, "pid");
	CHECK(m && m->offset == 64);
	CHECK(m && btf_is_typedef(btf__type_by_id(cut, m->type)));
	CHECK(m && btf__resolve_size(cut, m->type) == 4);
	m = member_of(cut, t, "");
	CHECK(m && m->offset == 128);
	t = m ? btf__type_by_id(cut, m->type) : t;
	CHECK(btf_is_union(t) && member_of(cut, t, "whole") && !member_of(cut, t, "low"));
	t = btf__type_by_id(cut, id);
	m = member_of(cut, t, "comm");
	CHECK(m && btf__resolve_size(cut, m->type) == 64);
	m = member_of(cut, t, "list");
	CHECK(m && btf__resolve_size(cut, m->type) == 16);
	t = m ? btf__type_by_id(cut, m->type) : t;
	m = member_of(cut, t, "next");
	CHECK(m && btf_is_ptr(btf__type_by_id(cut, m->type)));
	CHECK(m && !btf__type_by_id(cut, m->type)->type);
	t = btf__type_by_id(cut, id);
	m = member_of(cut, t, "bits");
	CHECK(m && m - btf_members(t) < btf_vlen(t) &&
	      btf_member_bitfield_size(t, m - btf_members(t)) == 3 &&
	      btf_member_bit_offset(t, m - btf_members(t)) == 832);
	/* An array of no length that was not the last member must not become it. */
	m = member_of(cut, t, "zero");
	CHECK(m && m - btf_members(t) < btf_vlen(t) - 1);
	CHECK(!member_of(cut, t, "tail"));
	id = btf__find_by_name_kind(cut, "state", BTF_KIND_ENUM);
	CHECK(id > 0);
	t = btf__type_by_id(cut, id);
	CHECK_INT(btf_vlen(t), 1);
	CHECK_INT(btf_enum(t)->val, 7);
	CHECK(!strcmp(btf__name_by_offset(cut, btf_enum(t)->name_off), "STATE_NEW"));
out:
	btf__free(cut);
	btf__free(local);
	btf__free(kernel);
}

/* What lies beside the way of a relocation goes, wherever the object knows it from. */
TEST(keeps_no_more_than_is_looked_at)
{
	struct ext ext = ext_empty();
	struct btf *kernel = kernel_new(), *local, *cut;
	const struct btf_type *t;
	int task, state, other, id;

	local = local_new(&task, &state);
	other = btf__add_struct(local, "list_head", 16);
	btf__add_field(local, "prev", 1, 0, 0);
	btf__add_struct(local, "task_struct", 64);
	btf__add_field(local, "list", other, 0, 0);
	ext_access(&ext, local, other + 1, BPF_CORE_FIELD_BYTE_OFFSET, "0:0:0");
	cut = cut_of(kernel, local, &ext, NULL);
	CHECK(cut);
	id = cut ? btf__find_by_name_kind(cut, "task_struct", BTF_KIND_STRUCT) : 0;
	CHECK(id > 0);
	t = btf__type_by_id(cut, id);
	CHECK(member_of(cut, t, "list") && !member_of(cut, t, "pid") && !member_of(cut, t, "comm"));
	id = btf__find_by_name_kind(cut, "list_head", BTF_KIND_STRUCT);
	CHECK(id > 0);
	t = btf__type_by_id(cut, id);
	CHECK(member_of(cut, t, "prev") && !member_of(cut, t, "next"));
	CHECK(btf__find_by_name(cut, "state") < 0);
	btf__free(cut);
	btf__free(local);
	btf__free(kernel);
}

struct told {
	char text[256];
};

static void tell(void *context, size_t which, uint32_t value, const char *name)
{
	struct told *told = context;
	size_t len = strlen(told->text);

	snprintf(told->text + len, sizeof(told->text) - len, "%zu %u %s;", which, value, name);
}

TEST(keeps_whole_enums_that_are_asked_for)
{
	static const char *const enums[] = { "none_such", "state", NULL };
	struct btf_cut *cut = btf_cut_new();
	struct btf *kernel = kernel_new();
	struct told told = {};
	struct buf out = {};
	struct btf_file file;
	const void *data;
	uint32_t len;

	data = btf__raw_data(kernel, &len);
	CHECK_INT(btf_cut_want_enum(cut, "none_such"), 0);
	CHECK_INT(btf_cut_want_enum(cut, "state"), 0);
	CHECK_INT(cut_file(cut, file_of(data, len), &out), 0);
	CHECK(!btf_cut_lacks(cut));
	CHECK_INT(btf_file_memory(&file, out.data, out.len), 0);
	CHECK_INT(btf_file_sound(&file), 0);
	CHECK_INT(btf_file_enums(&file, enums, tell, &told), 0);
	CHECK(!strcmp(told.text, "1 3 STATE_IDLE;1 7 STATE_NEW;"));
	btf_file_close(&file);
	buf_done(&out);
	btf_cut_free(cut);
	btf__free(kernel);
}

/* What is sound to btf_file_sound(): libbpf follows it to its end. */
TEST(finds_what_cannot_be_followed)
{
	const struct {
		const char *what;
		uint32_t words[12];
		uint32_t count;
		int err;
	} cases[] = {
		{ "nothing", {}, 0, 0 },
		{ "a typedef of nothing", { 1, BTF_KIND_TYPEDEF << 24, 0 }, 3, 0 },
		{ "of itself", { 1, BTF_KIND_TYPEDEF << 24, 1 }, 3, -EINVAL },
		{ "of what is not there", { 1, BTF_KIND_TYPEDEF << 24, 2 }, 3, -EINVAL },
		{ "a name too far", { 9, BTF_KIND_TYPEDEF << 24, 0 }, 3, -EINVAL },
		{ "a pointer to itself", { 0, BTF_KIND_PTR << 24, 1 }, 3, 0 },
		{ "one to what is not there", { 0, BTF_KIND_PTR << 24, 2 }, 3, -EINVAL },
		{ "two in a circle",
		  { 0, BTF_KIND_CONST << 24, 2, 0, BTF_KIND_VOLATILE << 24, 1 },
		  6,
		  -EINVAL },
		{ "a struct", { 1, BTF_KIND_STRUCT << 24 | 1, 4, 1, 0, 0 }, 6, 0 },
		{ "a struct in itself", { 1, BTF_KIND_STRUCT << 24 | 1, 4, 1, 1, 0 }, 6, -EINVAL },
		{ "a member's name too far",
		  { 1, BTF_KIND_STRUCT << 24 | 1, 4, 8, 0, 0 },
		  6,
		  -EINVAL },
		{ "an array of itself", { 0, BTF_KIND_ARRAY << 24, 0, 1, 0, 1 }, 6, -EINVAL },
		{ "a struct cut off", { 1, BTF_KIND_STRUCT << 24 | 2, 4, 1, 0, 0 }, 6, -EINVAL },
		{ "a function", { 1, BTF_KIND_FUNC << 24, 0 }, 3, -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t types = 4 * cases[i].count;
		struct btf_header header = { .magic = BTF_MAGIC,
					     .version = BTF_VERSION,
					     .hdr_len = sizeof(header),
					     .type_len = types,
					     .str_off = types,
					     .str_len = 3 };
		struct buf data = {};
		struct btf_file file;
		int err;

		buf_add(&data, &header, sizeof(header));
		buf_add(&data, cases[i].words, types);
		buf_add(&data, "\0x", 3);
		CHECK_INT(btf_file_memory(&file, data.data, data.len), 0);
		err = btf_file_sound(&file);
		if (err != cases[i].err)
			TEST_FAIL("%s: %d", cases[i].what, err);
		btf_file_close(&file);
		CHECK_INT(btf_file_memory(&file, data.data, data.len - 1), -EINVAL);
		buf_done(&data);
	}
}

TEST(says_what_is_lacking)
{
	struct ext ext = ext_empty();
	struct btf *kernel = kernel_new(), *local = btf__new_empty(), *cut;
	int i32 = btf__add_int(local, "int", 4, 0);
	bool lacks;

	/* Another kind of this name is not it. */
	ext_add(&ext, btf__add_union(local, "task_struct", 4), BPF_CORE_TYPE_EXISTS);
	cut = cut_of(kernel, local, &ext, &lacks);
	CHECK(cut && btf__type_cnt(cut) == 1);
	CHECK(lacks);
	btf__free(cut);
	/* An enum may have become one of 64 bits. */
	ext = ext_empty();
	ext_access(&ext, local, btf__add_enum64(local, "state", 8, false), BPF_CORE_ENUMVAL_EXISTS,
		   "0");
	btf__add_enum64_value(local, "STATE_NEW", 1);
	cut = cut_of(kernel, local, &ext, &lacks);
	CHECK(cut && btf__find_by_name_kind(cut, "state", BTF_KIND_ENUM) > 0);
	CHECK(!lacks);
	btf__free(cut);
	/* Nothing is asked for. */
	ext = ext_empty();
	cut = cut_of(kernel, local, &ext, &lacks);
	CHECK(cut && btf__type_cnt(cut) == 1);
	CHECK(!lacks);
	btf__free(cut);
	(void)i32;
	btf__free(local);
	btf__free(kernel);
}

TEST(refuses_relocations_that_need_the_whole)
{
	struct btf *kernel = kernel_new(), *local = btf__new_empty();
	int task = btf__add_struct(local, "task_struct", 4);
	int pointer = btf__add_typedef(local, "task_ptr", btf__add_ptr(local, task));
	const struct {
		int type;
		enum bpf_core_relo_kind kind;
		bool refused;
	} cases[] = {
		{ task, BPF_CORE_TYPE_ID_TARGET, true },
		{ task, BPF_CORE_ENUMVAL_VALUE + 1 /* BPF_CORE_TYPE_MATCHES */, true },
		{ pointer, BPF_CORE_TYPE_EXISTS, true },
		{ pointer - 1, BPF_CORE_TYPE_EXISTS, true },
		{ 99, BPF_CORE_TYPE_EXISTS, true },
		{ task, BPF_CORE_TYPE_ID_LOCAL, false },
		{ task, BPF_CORE_TYPE_SIZE, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ext ext = ext_empty();
		struct btf *cut;

		ext_add(&ext, cases[i].type, cases[i].kind);
		cut = cut_of(kernel, local, &ext, NULL);
		CHECK_INT(errno, cases[i].refused ? EOPNOTSUPP : 0);
		btf__free(cut);
	}
	btf__free(local);
	btf__free(kernel);
}

TEST(finds_ids_where_libbpf_does)
{
	static const struct {
		const char *name;
		uint32_t kind;
	} hooks[] = {
		{ "btf_trace_sys_exit", BTF_KIND_TYPEDEF },
		{ "btf_trace_sched_process_exec", BTF_KIND_TYPEDEF },
		{ "btf_trace_none_such", BTF_KIND_TYPEDEF },
		{ "do_sys_openat2", BTF_KIND_FUNC },
		{ "vfs_read", BTF_KIND_FUNC },
		{ "task_struct", BTF_KIND_FUNC },
	};
	struct btf_cut *cut = btf_cut_new();
	struct buf out = {};
	struct btf *btf = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++)
		CHECK_INT(btf_cut_want_id(cut, hooks[i].name, hooks[i].kind), 0);
	if (access(KERNEL_BTF, R_OK)) {
		btf_cut_free(cut);
		SKIP("this kernel has no BTF");
	}
	CHECK_INT(cut_file(cut, KERNEL_BTF, &out), 0);
	btf = btf__parse(KERNEL_BTF, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(hooks); i++) {
		int id = btf__find_by_name_kind(btf, hooks[i].name, hooks[i].kind);

		CHECK_INT(btf_cut_id(cut, hooks[i].name), id < 0 ? 0 : id);
	}
	CHECK_INT(btf_cut_id(cut, "pid_t"), 0);
	CHECK(!btf_cut_lacks(cut));
	btf__free(btf);
	buf_done(&out);
	btf_cut_free(cut);
}

/* Whatever is cut off or changed: an error or a BTF, never a crash. */
TEST(survives_malformed_files)
{
	struct ext ext = ext_empty();
	struct btf *kernel = kernel_new(), *local;
	const void *raw;
	int task, state;
	uint32_t len;
	char *data;

	local = local_new(&task, &state);
	ext_fill(&ext, local, task, state);
	raw = btf__raw_data(kernel, &len);
	data = malloc(len);
	for (uint32_t i = 0; i < 4 * len; i++) {
		struct btf_cut *cut = btf_cut_new();
		struct buf out = {};
		bool cut_off = i < len;
		struct btf *btf;
		int err;

		memcpy(data, raw, len);
		if (!cut_off)
			data[i % len] ^= i < 2 * len ? 0xff : i < 3 * len ? 1 : 0x20;
		btf_cut_want(cut, local, &ext);
		err = cut_file(cut, file_of(data, cut_off ? i : len), &out);
		if (cut_off || i == len)
			CHECK_INT(err, -EINVAL);
		if (!err) {
			btf = btf__new(out.data, out.len);
			CHECK(btf);
			btf__free(btf);
		}
		btf_cut_free(cut);
		buf_done(&out);
	}
	free(data);
	btf__free(local);
	btf__free(kernel);
}

TEST(refuses_other_files)
{
	struct btf_file file;

	CHECK_INT(btf_file_open(&file, "/nonexistent"), -ENOENT);
	CHECK_INT(btf_file_open(&file, "/proc/self/exe"), -EINVAL);
	CHECK_INT(btf_file_open(&file, "/dev/null"), -EINVAL);
	CHECK_INT(btf_file_open(&file, "/"), -EISDIR);
	btf_file_close(&file);
}

/* ---- the objects of the build ---- */

/* The object, relocated, but not loaded: its first program cannot be. */
static struct bpf_object *relocate(const char *path, const char *btf)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = btf);
	struct bpf_object *object = bpf_object__open_file(path, &opts);
	struct bpf_program *program;
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
		if (bpf_map__type(map) == BPF_MAP_TYPE_RINGBUF)
			bpf_map__set_max_entries(map, getpagesize());
	bpf_object__for_each_program(program, object) {
		bpf_program__set_autoload(program, true);
		/* TRACING would need the running kernel's. */
		bpf_program__set_type(program, BPF_PROG_TYPE_RAW_TRACEPOINT);
	}
	bpf_program__set_type(bpf_object__next_program(object, NULL), BPF_PROG_TYPE_UNSPEC);
	CHECK(bpf_object__load(object));
	return object;
}

static void compare(struct bpf_object *a, struct bpf_object *b, const char *what)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, a) {
		const char *name = bpf_program__name(p);
		const struct bpf_program *q = bpf_object__find_program_by_name(b, name);
		const struct bpf_insn *x = bpf_program__insns(p), *y = bpf_program__insns(q);
		size_t n = bpf_program__insn_cnt(p);

		CHECK_INT(bpf_program__insn_cnt(q), n);
		for (size_t i = 0; i < n && i < bpf_program__insn_cnt(q); i++) {
			if (!memcmp(&x[i], &y[i], sizeof(*x)))
				continue;
			/* Loads of a map's descriptor: two slots. */
			if (x[i].code == y[i].code && x[i].code == 0x18 && x[i].src_reg)
				continue;
			TEST_FAIL("%s: %s: instruction %zu differs", what, name, i);
		}
	}
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level, (void)fmt, (void)args;
	return 0;
}

static void compare_relocations(const char *object_path, const char *btf_path)
{
	struct bpf_object *whole = relocate(object_path, btf_path), *small;
	struct btf_cut *cut = btf_cut_new();
	struct buf out = {}, elf = {};
	char what[512], block[4096];
	FILE *file = fopen(object_path, "re");
	size_t n;

	while (file && (n = fread(block, 1, sizeof(block), file)))
		buf_add(&elf, block, n);
	fclose(file);
	snprintf(what, sizeof(what), "%s on %s", object_path, btf_path);
	CHECK_INT(btf_cut_want(cut, bpf_object__btf(whole), btf_ext_find(elf.data)), 0);
	CHECK_INT(cut_file(cut, btf_path, &out), 0);
	printf("# %s: %zu bytes%s\n", what, out.len, btf_cut_lacks(cut) ? ", something lacks" : "");
	small = relocate(object_path, file_of(out.data, out.len));
	compare(whole, small, what);
	bpf_object__close(small);
	bpf_object__close(whole);
	btf_cut_free(cut);
	buf_done(&elf);
	buf_done(&out);
}

/* On this kernel, and on those whose BTF the build directory has. */
TEST(relocates_objects_as_the_whole_does)
{
	char exe[4096] = "", pattern[4200];
	glob_t objects = {}, btfs = {};
	const char *build;

	if (geteuid())
		SKIP("only root can load objects");
	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		SKIP("no /proc");
	build = dirname(dirname(exe));
	snprintf(pattern, sizeof(pattern), "%s/*.bpf.o", build);
	glob(pattern, 0, NULL, &objects);
	snprintf(pattern, sizeof(pattern), "%s/kernels/*/vmlinux.btf", build);
	glob(pattern, 0, NULL, &btfs);
	glob(KERNEL_BTF, GLOB_APPEND, NULL, &btfs);
	libbpf_set_print(quiet);
	for (size_t i = 0; i < objects.gl_pathc; i++)
		for (size_t k = 0; k < btfs.gl_pathc; k++)
			compare_relocations(objects.gl_pathv[i], btfs.gl_pathv[k]);
	test_skip = objects.gl_pathc && btfs.gl_pathc ? NULL : "no objects, or no BTF";
	globfree(&objects);
	globfree(&btfs);
}
