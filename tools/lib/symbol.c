/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <sys/resource.h>

#include "lib/symbol_internal.h"
#include "lib/util.h"

#define CHUNK	       (64 << 10)
#define TIMEOUT_MS     20000 /* for one answer of the helper, at first */
#define TIMEOUT_MIN_MS 1000
#define FILE_NS_MAX    20000000000LL /* of the helper's time for one file */
#define FILES_MAX      (1 << 15)
#define WANTS_MAX      4 /* debug files of one file */
#define FILES_SPARED   2 /* the caller gets one of so many descriptors */

/* ------------------------------------------------------------------ strings */

static size_t hash(const char *s, size_t len)
{
	uint64_t h = 14695981039346656037ULL; /* FNV-1a */

	while (len--)
		h = (h ^ (unsigned char)*s++) * 1099511628211ULL;
	return h ^ h >> 32;
}

static const char **string_slot(const char **strings, size_t cap, const char *s, size_t len)
{
	size_t i = hash(s, len) & (cap - 1);

	while (strings[i] && (strncmp(strings[i], s, len) || strings[i][len]))
		i = (i + 1) & (cap - 1);
	return &strings[i];
}

static int strings_grow(struct symbolizer *z)
{
	size_t cap = z->string_cap ? z->string_cap * 2 : 1024;
	const char **grown = calloc(cap, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	for (size_t i = 0; i < z->string_cap; i++)
		if (z->strings[i])
			*string_slot(grown, cap, z->strings[i], strlen(z->strings[i])) =
				z->strings[i];
	free(z->strings);
	z->strings = grown;
	z->string_cap = cap;
	return 0;
}

const char *symbol_string(struct symbolizer *z, const char *s, size_t len)
{
	size_t size = sizeof(char *) + (len + 1 > CHUNK ? len + 1 : CHUNK);
	const char **slot;
	char *chunk;

	if (!len || (z->string_count * 2 >= z->string_cap && strings_grow(z)))
		return NULL;
	slot = string_slot(z->strings, z->string_cap, s, len);
	if (*slot)
		return *slot;
	if (len + 1 > z->chunk_left) {
		chunk = malloc(size);
		if (!chunk)
			return NULL;
		memcpy(chunk, &z->chunk, sizeof(char *));
		z->chunk = chunk;
		z->chunk_left = size - sizeof(char *);
	}
	/* From the end of the chunk to its start. */
	z->chunk_left -= len + 1;
	chunk = z->chunk + sizeof(char *) + z->chunk_left;
	memcpy(chunk, s, len);
	chunk[len] = '\0';
	z->string_count++;
	*slot = chunk;
	return chunk;
}

static const char *string_of(struct symbolizer *z, const char *s)
{
	return s ? symbol_string(z, s, strlen(s)) : NULL;
}

/* --------------------------------------------------------------- symbolizer */

/* Files stay open as long as they are mapped: thousands, where 1024 is the default. */
static size_t files_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 256;
	if (limit.rlim_cur < FILES_MAX && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max < FILES_MAX ? limit.rlim_max : FILES_MAX;
		if (setrlimit(RLIMIT_NOFILE, &limit))
			getrlimit(RLIMIT_NOFILE, &limit);
	}
	return (limit.rlim_cur < FILES_MAX ? limit.rlim_cur : FILES_MAX) / FILES_SPARED;
}

int symbolizer_new(const struct symbol_options *options, struct symbolizer **ret)
{
	struct symbolizer *z = calloc(1, sizeof(*z));

	if (!z)
		return -ENOMEM;
	z->options = *options;
	z->helper.inlined = options->inlined;
	z->helper.demangle = !options->no_demangle;
	z->helper.timeout_ms = TIMEOUT_MS;
	z->files_max = files_max();
	z->own_root = root_get(z, 0);
	kernel_init(&z->kernel);
	helper_start(&z->helper); /* if it cannot be yet, then when it is needed */
	*ret = z;
	return 0;
}

void symbolizer_free(struct symbolizer *z)
{
	char *chunk;

	if (!z)
		return;
	helper_stop(&z->helper);
	files_free(z);
	root_put(z, z->own_root);
	kernel_done(&z->kernel);
	debug_done(z);
	for (size_t i = 0; i < z->found_cap; i++)
		free(z->found[i].frames);
	free(z->found);
	free(z->strings);
	while ((chunk = z->chunk)) {
		memcpy(&z->chunk, chunk, sizeof(char *));
		free(chunk);
	}
	free(z);
}

pid_t symbolizer_helper(const struct symbolizer *z)
{
	return z->helper.pid;
}

const uint64_t *symbolizer_unnamed(const struct symbolizer *z)
{
	return z->unnamed;
}

/* -------------------------------------------------------------------- files */

static int ask(struct file *file, enum helper_op op, uint64_t offset, int fd,
	       struct helper_reply **ret)
{
	struct helper_request request = { .op = op, .id = file->id, .offset = offset };
	struct helper *helper = &file->symbolizer->helper;
	int64_t start = clock_ns(CLOCK_MONOTONIC);
	int err = helper_call(helper, &request, fd, ret);

	file->spent_ns += clock_ns(CLOCK_MONOTONIC) - start;
	/* Whoever has one such file may have many. */
	if (err == -ETIME && helper->timeout_ms > TIMEOUT_MIN_MS)
		helper->timeout_ms /= 2;
	return err ?: (*ret)->error;
}

/* Offers the helper what it wants, one candidate after the other. */
static int load_debug(struct file *file, struct elf_want want)
{
	struct helper_reply *reply;
	unsigned int wants = 0;
	int err = 0, fd;

	for (unsigned int n = 0; want.kind && wants < WANTS_MAX; n++) {
		fd = debug_open(file, &want, n);
		if (fd < 0 && fd != -ERANGE)
			continue;
		err = ask(file, HELPER_OFFER, 0, fd, &reply);
		if (fd >= 0)
			close(fd);
		if (err == -ESTALE && fd >= 0)
			continue;
		if (err)
			return err;
		want = reply->want;
		wants++;
		n = -1;
	}
	return 0;
}

static int load(struct file *file)
{
	struct symbolizer *z = file->symbolizer;
	char hex[2 * ELF_ID_MAX + 1] = "";
	struct helper_reply *reply;
	int err;

	if (helper_start(&z->helper))
		return -EAGAIN;
	if (file->loaded == z->helper.starts)
		return 0;
	err = ask(file, HELPER_OPEN, file->bare, file->fd, &reply);
	if (err)
		return err;
	for (uint32_t i = 0; i < reply->build_id_len; i++)
		snprintf(hex + 2 * i, 3, "%02x", reply->build_id[i]);
	file->build_id = symbol_string(z, hex, strlen(hex));
	if (!file->bare)
		err = load_debug(file, reply->want);
	if (!err)
		file->loaded = z->helper.starts;
	return err;
}

/* What killed the helper may be the files before: it is tried again in a new one, and then without
 * DWARF and debug files, before the file is given up. */
static int file_ask(struct file *file, uint64_t offset, struct helper_reply **ret)
{
	unsigned int deaths = 0;
	int err;

	while (!file->why) {
		if (file->fd < 0)
			return -EAGAIN; /* closed: it is mapped nowhere */
		err = load(file) ?: ask(file, HELPER_FIND, offset, -1, ret);
		if (!err)
			return 0;
		if (err == -ENOENT && ++deaths < 8) {
			file->loaded = 0; /* others took its place */
		} else if ((err == -EPIPE && deaths++) || err == -ETIME) {
			if (file->bare || file->spent_ns > 2 * FILE_NS_MAX)
				file->why = err == -ETIME ? WHY_LIMIT : WHY_DAMAGED;
			file->bare = true;
			deaths = 0;
		} else if (err == -EBADMSG) {
			file->why = WHY_DAMAGED;
		} else if (err != -EPIPE) {
			return err;
		}
	}
	return -EBADMSG;
}

static struct found *found_slot(struct found *found, size_t cap, uint32_t file, uint64_t offset)
{
	uint64_t h = (offset ^ (uint64_t)file << 40) * 0x9e3779b97f4a7c15ULL;
	size_t i = (h ^ h >> 29) & (cap - 1);

	while (found[i].file && (found[i].file != file || found[i].offset != offset))
		i = (i + 1) & (cap - 1);
	return &found[i];
}

static int found_grow(struct symbolizer *z)
{
	size_t cap = z->found_cap ? z->found_cap * 2 : 1024;
	struct found *grown = calloc(cap, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	for (size_t i = 0; i < z->found_cap; i++)
		if (z->found[i].file)
			*found_slot(grown, cap, z->found[i].file, z->found[i].offset) = z->found[i];
	free(z->found);
	z->found = grown;
	z->found_cap = cap;
	return 0;
}

/* The frames at *offset*, or NULL, with *why* if that is not the file's. */
static const struct found *file_find(struct file *file, uint64_t offset, enum frame_why *why)
{
	struct symbolizer *z = file->symbolizer;
	struct helper_reply *reply;
	struct found *found;

	*why = file->why;
	if (z->found_count * 2 >= z->found_cap && found_grow(z)) {
		*why = WHY_LIMIT;
		return NULL;
	}
	found = found_slot(z->found, z->found_cap, file->id, offset);
	if (found->file)
		return found;
	if (file->spent_ns > FILE_NS_MAX && !file->why)
		*why = file->why = WHY_LIMIT;
	if (*why)
		return NULL;
	*why = WHY_LIMIT;
	if (file_ask(file, offset, &reply)) {
		*why = file->why ?: WHY_LIMIT;
		return NULL;
	}
	found->frames = reply->count ? calloc(reply->count, sizeof(*found->frames)) : NULL;
	if (!found->frames)
		return NULL;
	*found = (struct found){ offset, file->id, reply->count, found->frames };
	z->found_count++;
	for (uint32_t i = 0; i < reply->count; i++) {
		struct frame *frame = &found->frames[i], *from = &reply->frames[i];

		*frame = (struct frame){ .kind = from->kind,
					 .why = from->why,
					 .name = string_of(z, from->name),
					 .linkage = string_of(z, from->linkage),
					 .source = string_of(z, from->source),
					 .line = from->line,
					 .build_id = file->build_id,
					 .address = reply->address };
		if (!frame->name && !frame->why)
			frame->why = WHY_LIMIT;
	}
	return found;
}

size_t symbol_user(struct space *space, uint64_t address, bool call, struct frame *frames,
		   size_t max)
{
	struct symbolizer *z = space->symbolizer;
	uint64_t at = call ? address - 1 : address;
	const struct map *map = space_find(space, at);
	const struct found *found = NULL;
	struct frame *frame = frames;
	enum frame_why why;
	size_t count;

	if (!max)
		return 0;
	*frame = (struct frame){ .kind = FRAME_USER, .why = WHY_NO_MAPPING, .address = at };
	if (map) {
		frame->why = map->why;
		frame->module = map->module;
		frame->address = at - map->start + map->offset;
		if (map->file && !map->why)
			found = file_find(map->file, frame->address, &frame->why);
	}
	if (found) {
		count = found->count < max ? found->count : max;
		for (size_t i = 0; i < count; i++) {
			frames[i] = found->frames[i];
			frames[i].module = map->module;
			z->unnamed[frames[i].why] += !frames[i].name;
		}
		return count;
	}
	if (map && map->kind == KIND_NAMED) {
		frame->name = map->module;
	} else if (map && frame->why != WHY_NO_SYMBOL) {
		frame->address = map->kind == KIND_FILE ? frame->address : at;
		frame->name = jit_find(space, at, &why);
		if (frame->name)
			*frame = (struct frame){ .kind = FRAME_JIT,
						 .name = frame->name,
						 .module = "[jit]",
						 .address = at };
		else if (frame->why == WHY_ANONYMOUS)
			frame->why = why;
	}
	z->unnamed[frame->why] += !frame->name;
	return 1;
}
