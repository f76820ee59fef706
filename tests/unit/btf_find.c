/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* btf_find.h: whether a BTF can be a kernel's, with kernels that are made here. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "lib/btf_find.h"
#include "lib/util.h"
#include "test.h"

static char directory[] = "/tmp/btf_find.XXXXXX";

static const char *path_of(const char *name)
{
	static char paths[64][256];
	static int next;
	char *path = paths[next++ % 64];

	snprintf(path, sizeof(paths[0]), "%s/%s", directory, name);
	return path;
}

static void write_file(const char *name, const void *data, size_t len)
{
	FILE *f = fopen(path_of(name), "we");

	if (!f || fwrite(data, 1, len, f) != len || fclose(f))
		abort();
}

/* A BTF with a dentry, and a task whose pid is there. */
static void write_btf(const char *name, uint32_t dentry_size, uint32_t pid_at, const char *mark)
{
	struct btf *btf = btf__new_empty();
	int type = btf__add_int(btf, "int", 4, BTF_INT_SIGNED);
	const void *raw;
	uint32_t len;

	btf__add_struct(btf, "dentry", dentry_size);
	btf__add_struct(btf, "task_struct", 64);
	btf__add_field(btf, "state", type, 0, 0);
	btf__add_field(btf, "pid", type, pid_at, 0);
	if (mark)
		btf__add_str(btf, mark);
	raw = btf__raw_data(btf, &len);
	write_file(name, raw, len);
	btf__free(btf);
}

static void write_cache(const char *name, const char *aliases, const char *size)
{
	char file[64];

	mkdir(path_of("slab"), 0700);
	snprintf(file, sizeof(file), "slab/%s", name);
	mkdir(path_of(file), 0700);
	snprintf(file, sizeof(file), "slab/%s/aliases", name);
	write_file(file, aliases, strlen(aliases));
	snprintf(file, sizeof(file), "slab/%s/object_size", name);
	write_file(file, size, strlen(size));
}

static void check(const char *btf, const struct kernel_facts *facts, int want, const char *want_why)
{
	char why[256] = "";
	int err = btf_agrees(path_of(btf), facts, why);

	if (err != want || strcmp(why, want_why))
		TEST_FAIL("%s: %d (%s), not %d (%s)", btf, err, why, want, want_why);
}

TEST(begins)
{
	libbpf_set_print(NULL);
	CHECK(mkdtemp(directory));
}

TEST(refuses_what_is_no_btf)
{
	const struct kernel_facts facts = {};

	write_file("text", "text", 4);
	check("text", &facts, -EINVAL, "neither BTF nor an ELF file with BTF");
	check("nowhere", &facts, -ENOENT, "No such file or directory");
}

TEST(goes_by_marks)
{
	const struct kernel_facts facts = { .release = "6.1.0", .build_id = "00ff" };

	write_btf("none", 192, 32, NULL);
	write_btf("release", 192, 32, BTF_MARK "6.1.0");
	write_btf("build-id", 192, 32, BTF_MARK "00ff");
	write_btf("other", 192, 32, BTF_MARK "6.1.0-1");
	check("none", &facts, 0, "");
	check("release", &facts, 0, "");
	check("build-id", &facts, 0, "");
	check("other", &facts, -EBADMSG, "it is of 6.1.0-1, this is 6.1.0");
}

TEST(compares_structs_with_the_kernels)
{
	struct kernel_facts facts = {};

	write_btf("kernel", 192, 32, NULL);
	facts.btf = path_of("kernel");
	write_btf("same", 192, 32, BTF_MARK "any");
	write_btf("larger", 200, 32, NULL);
	write_btf("moved", 192, 64, NULL);
	check("kernel", &facts, 0, "");
	facts.release = "any";
	check("same", &facts, 0, "");
	check("larger", &facts, -EBADMSG, "struct dentry has 200 bytes there, here 192");
	check("moved", &facts, -EBADMSG, "task_struct.pid is elsewhere here");
	facts.btf = path_of("nowhere");
	check("moved", &facts, 0, "");
}

TEST(compares_sizes_with_the_slabs)
{
	struct kernel_facts facts = {};

	facts.slab = path_of("slab");
	write_btf("btf", 192, 32, NULL);
	check("btf", &facts, 0, "");
	write_cache("inode_cache", "0\n", "600\n"); /* nothing in the BTF */
	write_cache("dentry", "0\n", "192\n");
	check("btf", &facts, 0, "");
	write_cache("dentry", "2\n", "256\n"); /* shared with larger ones */
	check("btf", &facts, 0, "");
	write_cache("dentry", "0\n", "256\n");
	check("btf", &facts, -EBADMSG, "struct dentry has 192 bytes there, here 256");
}

/* The running kernel contradicts its own BTF nowhere: neither its slabs nor itself. */
TEST(the_kernels_own_belongs_to_it)
{
	char why[256] = "";

	if (access("/sys/kernel/btf/vmlinux", R_OK))
		SKIP("this kernel has no BTF");
	CHECK_INT(btf_belongs("/sys/kernel/btf/vmlinux", why), 0);
	if (why[0])
		TEST_FAIL("%s", why);
}

TEST(ends)
{
	static const char *const files[] = {
		"text",
		"none",
		"release",
		"build-id",
		"other",
		"kernel",
		"same",
		"larger",
		"moved",
		"btf",
		"slab/inode_cache/aliases",
		"slab/inode_cache/object_size",
		"slab/dentry/aliases",
		"slab/dentry/object_size",
		"slab/inode_cache",
		"slab/dentry",
		"slab",
		"",
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		CHECK_INT(remove(path_of(files[i])), 0);
}
