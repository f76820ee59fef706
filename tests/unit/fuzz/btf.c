/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Any bytes as a BTF file: what btf_cut.h makes of them is refused, or a BTF that libbpf takes; and
 * what it calls sound has an end wherever it is followed. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "lib/btf_cut.h"

/* One relocation for each type of the object. */
static struct {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t len, funcs_off, funcs_len, lines_off, lines_len, relos_off, relos_len;
	uint32_t record_size, section_name, count;
	struct bpf_core_relo relos[8];
} ext = { .len = 32, .record_size = 16, .relos_len = 12 };

static struct btf *local;

static void want(int type_id)
{
	ext.relos[ext.count++].type_id = type_id;
	ext.relos_len += sizeof(ext.relos[0]);
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level, (void)fmt, (void)args;
	return 0;
}

static void init(void)
{
	libbpf_set_print(quiet);
	local = btf__new_empty();
	want(btf__add_int(local, "int", 4, 0));
	want(btf__add_struct(local, "s", 8));
	btf__add_field(local, "a", 1, 0, 0);
	btf__add_field(local, "b", 1, 32, 0);
	want(btf__add_union(local, "u", 8));
	btf__add_field(local, "c", 1, 0, 0);
	want(btf__add_enum(local, "e", 4));
	btf__add_enum_value(local, "A", 1);
	want(btf__add_typedef(local, "t", 1));
	want(btf__add_fwd(local, "f", BTF_FWD_STRUCT));
}

static void follow(const uint8_t *data, size_t size)
{
	struct btf_file file;
	struct btf *btf;
	int err = btf_file_memory(&file, data, size);

	if (err)
		return;
	err = btf_file_sound(&file);
	btf_file_close(&file);
	btf = err ? NULL : btf__new(data, size);
	for (uint32_t id = 1; btf && id < btf__type_cnt(btf); id++) {
		const struct btf_type *t = btf__type_by_id(btf, id);

		if (!btf__name_by_offset(btf, t->name_off))
			abort();
		while (btf_is_mod(t) || btf_is_typedef(t) || btf_is_array(t)) {
			t = btf__type_by_id(btf, btf_is_array(t) ? btf_array(t)->type : t->type);
			if (!t)
				abort();
		}
	}
	btf__free(btf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct btf_cut *cut = btf_cut_new();
	struct btf_file file;
	struct buf out = {};
	char path[32];
	struct btf *btf;
	int fd, err;

	if (!local)
		init();
	fd = memfd_create("btf", 0);
	if (!cut || fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = btf_cut_want(cut, local, &ext) ?:
					       btf_cut_want_id(cut, "btf_trace_x", BTF_KIND_TYPEDEF);
	if (err)
		abort();
	if (!btf_file_open(&file, path)) {
		err = btf_cut_run(cut, &file, &out);
		btf_file_close(&file);
		btf = err ? NULL : btf__new(out.data, out.len);
		if (!err && !btf) {
			fprintf(stderr, "libbpf does not take what was made\n");
			abort();
		}
		btf__free(btf);
	}
	close(fd);
	follow(data, size);
	btf_cut_free(cut);
	buf_done(&out);
	return 0;
}
