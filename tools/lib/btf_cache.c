/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/btf_cache.h"
#include "lib/btf_cut.h"
#include "lib/btf_find.h"
#include "lib/replace.h"
#include "lib/util.h"

#ifndef CORELETS_VERSION
#define CORELETS_VERSION "unknown"
#endif

#define KERNEL_BTF "/sys/kernel/btf/vmlinux"
#define FILE_MAX   (1 << 20)

/* A file: this, the answers, the data. */
struct head {
	char magic[16];
	uint64_t sum; /* of all that follows it */
	struct btf_cache_key key;
	uint32_t lacks, answer_count, data_len, zero;
};

static const char magic[16] = "corelets BTF 1\n";

__attribute__((format(printf, 3, 4))) static int refuse(char why[128], int err, const char *fmt,
							...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, 128, fmt, args);
	va_end(args);
	return err;
}

/* Tells one build from another, and finds damage; nobody can write here who would fake it. */
static uint64_t hash(const void *data, size_t len)
{
	uint64_t h = len, word = 0;
	size_t at = 0;

	for (; at + sizeof(word) <= len; at += sizeof(word)) {
		memcpy(&word, data + at, sizeof(word));
		h = (h ^ word) * 0x9e3779b97f4a7c15; /* 2^64 divided by the golden ratio */
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, data + at, len - at);
	return (h ^ word) * 0x9e3779b97f4a7c15;
}

int btf_cache_key(struct btf_cache_key *key, const void *elf, size_t size)
{
	struct utsname uts;
	struct stat st;

	memset(key, 0, sizeof(*key)); /* it is compared as bytes */
	kernel_build_id(key->build_id);
	if (!key->build_id[0] || stat(KERNEL_BTF, &st) || uname(&uts))
		return -ENODATA;
	snprintf(key->release, sizeof(key->release), "%s", uts.release);
	snprintf(key->version, sizeof(key->version), "%s", uts.version);
	snprintf(key->machine, sizeof(key->machine), "%s", uts.machine);
	snprintf(key->suite, sizeof(key->suite), "%s", CORELETS_VERSION);
	key->btf_size = st.st_size;
	key->programs = hash(elf, size);
	return 0;
}

const char *btf_cache_directory(void)
{
	return secure_getenv("CORELETS_CACHE") ?: BTF_CACHE;
}

/* The directory, if nobody but root can have written there. */
static int directory_open(const char *directory, char why[128])
{
	_cleanup_close_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return refuse(why, -errno, "%s", strerror(errno));
	if (!written_by(fd, S_IFDIR, 0))
		return refuse(why, -EPERM, "others than root could write into this directory");
	return take_fd(fd);
}

/* ---- reading ---- */

static int read_whole(int fd, struct buf *to)
{
	char chunk[8192];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0 && to->len < FILE_MAX)
		buf_add(to, chunk, n);
	return n < 0 ? -errno : n ? -EFBIG : to->failed ? -ENOMEM : 0;
}

static int data_sound(const struct buf *data)
{
	struct btf_file file;
	int err = btf_file_memory(&file, data->data, data->len);

	if (err)
		return err;
	err = btf_file_sound(&file);
	btf_file_close(&file);
	return err;
}

int btf_cache_parse(const void *file, size_t len, const struct btf_cache_key *key,
		    struct btf_known *known, char why[128])
{
	const size_t sum_end = offsetof(struct head, key);
	struct head head;
	size_t answers;

	if (len < sizeof(head))
		return refuse(why, -EBADMSG, "damaged");
	memcpy(&head, file, sizeof(head));
	answers = head.answer_count * sizeof(known->answers[0]);
	if (memcmp(head.magic, magic, sizeof(magic)) ||
	    head.sum != hash(file + sum_end, len - sum_end))
		return refuse(why, -EBADMSG, "damaged, or of another version");
	if (memcmp(&head.key, key, offsetof(struct btf_cache_key, suite)) ||
	    head.key.btf_size != key->btf_size)
		return refuse(why, -ESTALE, "made for another kernel");
	if (memcmp(&head.key, key, sizeof(*key)))
		return refuse(why, -ESTALE, "made by another build");
	if (head.answer_count > BTF_ANSWERS_MAX || len != sizeof(head) + answers + head.data_len)
		return refuse(why, -EBADMSG, "damaged");
	memcpy(known->answers, file + sizeof(head), answers);
	known->answer_count = head.answer_count;
	known->lacks = head.lacks;
	for (uint32_t i = 0; i < known->answer_count; i++)
		if (!memchr(known->answers[i].name, '\0', sizeof(known->answers[i].name)))
			return refuse(why, -EBADMSG, "damaged");
	buf_add(&known->data, file + sizeof(head) + answers, head.data_len);
	if (known->data.failed || data_sound(&known->data))
		return refuse(why, -EBADMSG, "damaged");
	return 0;
}

int btf_cache_read(const char *directory, const char *tool, const struct btf_cache_key *key,
		   struct btf_known *known, char why[128])
{
	_cleanup_close_ int dir = directory_open(directory, why), fd = -1;
	struct buf file = {};
	int err;

	if (dir < 0)
		return dir;
	fd = openat(dir, tool, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return refuse(why, -errno, "%s",
			      errno == ELOOP ? "a symbolic link" : strerror(errno));
	if (!written_by(fd, S_IFREG, 0))
		return refuse(why, -EPERM, "others than root could write it");
	err = read_whole(fd, &file);
	if (err)
		refuse(why, err, "%s", strerror(-err));
	else
		err = btf_cache_parse(file.data, file.len, key, known, why);
	buf_done(&file);
	if (err) {
		buf_done(&known->data);
		known->answer_count = 0;
	}
	return err;
}

/* ---- writing ---- */

static int file_write(const char *path, const struct buf *file)
{
	struct replace replace;
	uint64_t keep = 0;
	size_t done = 0;
	ssize_t n = 0;
	int err;

	/* It would be followed to what it leads to, and never read. */
	if (readlink(path, (char[1]){}, 1) >= 0 && unlink(path))
		return -errno;
	err = replace_open(&replace, path, &keep);
	if (err)
		return err;
	while (done < file->len && (n = write(replace.fd, file->data + done, file->len - done)) > 0)
		done += n;
	if (n < 0 || fchmod(replace.fd, 0644)) {
		err = -errno;
		replace_done(&replace);
		return err;
	}
	return replace_commit(&replace);
}

int btf_cache_write(const char *directory, const char *tool, const struct btf_cache_key *key,
		    const struct btf_known *known, char why[128])
{
	_cleanup_close_ int dir = -1;
	_cleanup_free_ char *path = NULL;
	struct head head = { .lacks = known->lacks,
			     .answer_count = known->answer_count,
			     .data_len = known->data.len };
	struct buf file = {};
	int err;

	if (geteuid())
		return refuse(why, -EPERM, "only root makes it");
	if (mkdir(directory, 0755) && errno != EEXIST)
		return refuse(why, -errno, "%s", strerror(errno));
	dir = directory_open(directory, why);
	if (dir < 0)
		return dir;
	if (asprintf(&path, "%s/%s", directory, tool) < 0) {
		path = NULL;
		return refuse(why, -ENOMEM, "out of memory");
	}
	memcpy(head.magic, magic, sizeof(magic));
	head.key = *key;
	buf_add(&file, &head, sizeof(head));
	buf_add(&file, known->answers, known->answer_count * sizeof(known->answers[0]));
	buf_add(&file, known->data.data, known->data.len);
	err = file.failed ? -ENOMEM : 0;
	if (!err) {
		head.sum = hash(file.data + offsetof(struct head, key),
				file.len - offsetof(struct head, key));
		memcpy(file.data + offsetof(struct head, sum), &head.sum, sizeof(head.sum));
		err = file_write(path, &file);
	}
	buf_done(&file);
	return err ? refuse(why, err, "%s", strerror(-err)) : 0;
}
