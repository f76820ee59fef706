/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* btf_cache.h: what is written is read again, by the same tool on the same kernel, and nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/btf.h>

#include "lib/btf_cache.h"
#include "lib/util.h"
#include "test.h"

static const struct btf_cache_key key = {
	.release = "6.1.0",
	.version = "#1 SMP",
	.machine = "x86_64",
	.build_id = "0123456789abcdef",
	.suite = "0.1.0",
	.btf_size = 5000000,
	.programs = 42,
};

static struct btf_known known_new(void)
{
	struct btf_known known = { .answers = { { "btf_trace_x", BTF_KIND_TYPEDEF, 77 },
						{ "io_cqe", 0, 1 } },
				   .answer_count = 2 };
	struct btf *btf = btf__new_empty();
	const void *data;
	uint32_t len;

	btf__add_struct(btf, "task_struct", 8);
	btf__add_field(btf, "pid", btf__add_int(btf, "int", 4, 0), 0, 0);
	data = btf__raw_data(btf, &len);
	buf_add(&known.data, data, len);
	btf__free(btf);
	return known;
}

/* A directory of its own; the file "tool" in it, with what known_new() knows. */
static char *cache_new(void)
{
	char *directory = strdup("/tmp/btf-cache-XXXXXX"), why[128] = "";
	struct btf_known known = known_new();

	if (!mkdtemp(directory))
		abort();
	CHECK_INT(btf_cache_write(directory, "tool", &key, &known, why), 0);
	buf_done(&known.data);
	return directory;
}

static void cache_free(char *directory)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/tool", directory);
	unlink(path);
	rmdir(directory);
	free(directory);
}

static int read_with(const char *directory, const struct btf_cache_key *with, char why[128])
{
	struct btf_known known = {};
	int err = btf_cache_read(directory, "tool", with, &known, why);

	CHECK(err ? !known.data.data && !known.answer_count : known.data.len > 24);
	buf_done(&known.data);
	return err;
}

TEST(reads_what_was_written)
{
	struct btf_known known = known_new(), again = {};
	char why[128] = "", *directory;
	struct stat st;
	char path[64];

	if (geteuid())
		SKIP("only root makes it");
	directory = cache_new();
	CHECK_INT(btf_cache_read(directory, "tool", &key, &again, why), 0);
	CHECK_INT(again.answer_count, 2);
	CHECK(!memcmp(again.answers, known.answers, 2 * sizeof(again.answers[0])));
	CHECK_INT(again.data.len, known.data.len);
	CHECK(!memcmp(again.data.data, known.data.data, known.data.len));
	CHECK_INT(btf_cache_read(directory, "other", &key, &again, why), -ENOENT);
	CHECK_INT(btf_cache_read("/nonexistent", "tool", &key, &again, why), -ENOENT);
	snprintf(path, sizeof(path), "%s/tool", directory);
	CHECK_INT(stat(path, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0644);
	/* Once more, over it. */
	CHECK_INT(btf_cache_write(directory, "tool", &key, &known, why), 0);
	CHECK_INT(read_with(directory, &key, why), 0);
	cache_free(directory);
	buf_done(&known.data);
	buf_done(&again.data);
}

TEST(each_part_of_the_key_counts)
{
	struct btf_cache_key other[7];
	char why[128], *directory;

	if (geteuid())
		SKIP("only root makes it");
	directory = cache_new();
	for (size_t i = 0; i < ARRAY_SIZE(other); i++)
		other[i] = key;
	strcpy(other[0].release, "6.1.1");
	strcpy(other[1].version, "#2 SMP");
	strcpy(other[2].machine, "aarch64");
	other[3].build_id[0] = '1';
	other[4].btf_size++;
	strcpy(other[5].suite, "0.1.1");
	other[6].programs++;
	for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
		CHECK_INT(read_with(directory, &other[i], why), -ESTALE);
		CHECK(!strcmp(why, i < 5 ? "made for another kernel" : "made by another build"));
	}
	cache_free(directory);
}

/* Wherever a bit is wrong, or the file ends. */
TEST(damage_is_found)
{
	struct btf_known known = {};
	char why[128], *directory, path[64], data[4096];
	ssize_t len;
	int fd;

	if (geteuid())
		SKIP("only root makes it");
	directory = cache_new();
	snprintf(path, sizeof(path), "%s/tool", directory);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = read(fd, data, sizeof(data));
	close(fd);
	CHECK(len > 400 && len < (ssize_t)sizeof(data));
	CHECK_INT(btf_cache_parse(data, len, &key, &known, why), 0);
	buf_done(&known.data);
	for (ssize_t i = 0; i < len; i++) {
		CHECK_INT(btf_cache_parse(data, i, &key, &known, why), -EBADMSG);
		data[i] ^= 1 << i % 8;
		CHECK_INT(btf_cache_parse(data, len, &key, &known, why), -EBADMSG);
		data[i] ^= 1 << i % 8;
	}
	CHECK_INT(btf_cache_parse(data, len + 1, &key, &known, why), -EBADMSG);
	cache_free(directory);
}

/* Written with a sum that is right. */
TEST(what_cannot_be_used_is_refused)
{
	const uint32_t circle[] = { 1, BTF_KIND_TYPEDEF << 24, 1 };
	struct btf_header header = { .magic = BTF_MAGIC,
				     .version = BTF_VERSION,
				     .hdr_len = sizeof(header),
				     .type_len = sizeof(circle),
				     .str_off = sizeof(circle),
				     .str_len = 3 };
	struct btf_known known = known_new();
	char why[128] = "", *directory;

	if (geteuid())
		SKIP("only root makes it");
	directory = cache_new();
	memset(known.answers[1].name, 'x', sizeof(known.answers[1].name));
	CHECK_INT(btf_cache_write(directory, "tool", &key, &known, why), 0);
	CHECK_INT(read_with(directory, &key, why), -EBADMSG);
	known.answer_count = 1;
	CHECK_INT(btf_cache_write(directory, "tool", &key, &known, why), 0);
	CHECK_INT(read_with(directory, &key, why), 0);
	buf_reset(&known.data);
	CHECK_INT(btf_cache_write(directory, "tool", &key, &known, why), 0);
	CHECK_INT(read_with(directory, &key, why), -EBADMSG);
	buf_add(&known.data, &header, sizeof(header));
	buf_add(&known.data, circle, sizeof(circle));
	buf_add(&known.data, "\0x", 3);
	CHECK_INT(btf_cache_write(directory, "tool", &key, &known, why), 0);
	CHECK_INT(read_with(directory, &key, why), -EBADMSG);
	buf_done(&known.data);
	cache_free(directory);
}
