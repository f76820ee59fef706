/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* btf-cut KERNEL-BTF RELEASE OBJECT... >FILE
 *
 * The minimal BTF of a kernel: what the relocations of the BPF objects look at, marked with the
 * kernel's release.  "bpftool gen min_core_btf" keeps all enumerators of an enum of which one is
 * looked at, and more pointers; here it is half as large. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "lib/btf_cut.h"
#include "lib/btf_find.h"
#include "lib/util.h"

#define OBJECTS_MAX 256

static _Noreturn void die(const char *what, int err)
{
	fprintf(stderr, "btf-cut: %s: %s\n", what, strerror(err));
	exit(1);
}

/* The object's file and its BTF stay in memory. */
static void want(struct btf_cut *cut, const char *path)
{
	struct bpf_object *object = bpf_object__open(path);
	struct buf elf = {};
	char block[4096];
	size_t n;
	FILE *file = fopen(path, "re");

	while (file && (n = fread(block, 1, sizeof(block), file)))
		buf_add(&elf, block, n);
	if (!object || !file || elf.failed ||
	    btf_cut_want(cut, bpf_object__btf(object), btf_ext_find(elf.data)))
		die(path, errno ?: EINVAL);
	fclose(file);
}

/* Of a kernel's BTF, raw or in an ELF file. */
static struct btf *cut_out(struct btf_cut *cut, const char *path)
{
	struct btf *kernel = btf__parse(path, NULL), *small;
	struct btf_file file;
	struct buf out = {};
	const void *data;
	uint32_t len;
	int err;

	data = kernel ? btf__raw_data(kernel, &len) : NULL;
	err = data ? btf_file_memory(&file, data, len) : -(errno ?: EINVAL);
	if (!err)
		err = btf_cut_run(cut, &file, &out);
	small = err ? NULL : btf__new(out.data, out.len);
	/* All that was pointed to is void now, so many pointers are the same. */
	if (!small || btf__dedup(small, NULL))
		die(path, err ? -err : EINVAL);
	return small;
}

int main(int argc, char **argv)
{
	struct btf_cut *cut = btf_cut_new();
	char mark[128];
	const void *data;
	struct btf *btf;
	uint32_t len;

	if (argc < 4 || argc > OBJECTS_MAX || !cut) {
		fprintf(stderr, "usage: btf-cut KERNEL-BTF RELEASE OBJECT... >FILE\n");
		return 2;
	}
	for (int i = 3; i < argc; i++)
		want(cut, argv[i]);
	btf = cut_out(cut, argv[1]);
	snprintf(mark, sizeof(mark), BTF_MARK "%s", argv[2]);
	if (btf__add_str(btf, mark) < 0 || !(data = btf__raw_data(btf, &len)))
		die(argv[1], ENOMEM);
	if (fwrite(data, 1, len, stdout) != len || fflush(stdout))
		die("standard output", errno);
	return 0;
}
