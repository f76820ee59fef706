/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// build: -lbpf
/*
 * Loads each program of a BPF object alone, and lets it go; nothing is attached.
 *
 *   core-load OBJECT [BTF]	relocated against this BTF instead of the kernel's
 *
 * One JSON line for each: {"program":…,"loaded":…,"relocation":…}; the last is whether libbpf or the
 * verifier said that a relocation could not be done.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/libbpf.h>

static char said[1 << 20];
static size_t said_len;

static int keep(enum libbpf_print_level level, const char *fmt, va_list args)
{
	int n;

	if (level == LIBBPF_DEBUG)
		return 0;
	n = vsnprintf(said + said_len, sizeof(said) - said_len, fmt, args);
	if (n > 0 && said_len + n < sizeof(said))
		said_len += n;
	return 0;
}

static struct bpf_object *open_object(const char *path, const char *btf)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .btf_custom_path = btf);
	struct bpf_object *object = bpf_object__open_file(path, &opts);

	if (!object) {
		fprintf(stderr, "core-load: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	return object;
}

/* Only the index-th program. */
static bool load_one(const char *path, const char *btf, int index)
{
	struct bpf_object *object = open_object(path, btf);
	struct bpf_program *program;
	struct bpf_map *map;
	int i = 0, err;

	bpf_object__for_each_map(map, object)
		if (bpf_map__type(map) == BPF_MAP_TYPE_RINGBUF)
			bpf_map__set_max_entries(map, getpagesize());
	bpf_object__for_each_program(program, object) {
		bpf_program__set_autoload(program, i == index);
		if (!strncmp(bpf_program__section_name(program), "?perf_event/", 12))
			bpf_program__set_type(program, BPF_PROG_TYPE_PERF_EVENT);
		if (i++ == index)
			printf("{\"program\":\"%s\"", bpf_program__name(program));
	}
	if (index >= i) {
		bpf_object__close(object);
		return false;
	}
	said_len = 0;
	err = bpf_object__load(object);
	printf(",\"loaded\":%s,\"relocation\":%s}\n", err ? "false" : "true",
	       memmem(said, said_len, "CO-RE relocation", 16) ||
			       memmem(said, said_len, "relo #", 6) ?
		       "true" :
		       "false");
	if (getenv("VERBOSE"))
		fwrite(said, 1, said_len, stderr);
	bpf_object__close(object);
	return true;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: core-load OBJECT [BTF]\n");
		return 2;
	}
	libbpf_set_print(keep);
	for (int i = 0; load_one(argv[1], argv[2], i); i++)
		;
	return fflush(stdout) ? 1 : 0;
}
