/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * floor OBJECT PROGRAM BYTES
 *
 * Attaches one program of floor.bpf.o, says "ready", and empties the ring until SIGINT, as seldom
 * as the tools do.
 */
#include <bpf/libbpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static int ignore(void *context, void *record, size_t size)
{
	(void)context;
	(void)record;
	(void)size;
	return 0;
}

/* The constants of floor.bpf.c, in its order. */
struct constants {
	__u32 bytes, openat;
};

int main(int argc, char **argv)
{
	struct bpf_program *program, *wanted;
	struct constants constants = { .openat = SYS_openat };
	struct ring_buffer *ring;
	struct bpf_object *object;
	struct bpf_map *map;

	if (argc != 4)
		return 2;
	signal(SIGINT, on_signal);
	object = bpf_object__open_file(argv[1], NULL);
	if (!object)
		return 1;
	wanted = bpf_object__find_program_by_name(object, argv[2]);
	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, program == wanted);
	constants.bytes = strtoul(argv[3], NULL, 10);
	map = bpf_object__find_map_by_name(object, ".rodata");
	if (!wanted || !map || bpf_map__set_initial_value(map, &constants, sizeof(constants)))
		return 1;
	if (bpf_object__load(object) || !bpf_program__attach(wanted))
		return 1;
	ring = ring_buffer__new(bpf_object__find_map_fd_by_name(object, "events"), ignore, NULL,
				NULL);
	if (!ring)
		return 1;
	puts("ready");
	fflush(stdout);
	while (!stop) {
		usleep(10000);
		ring_buffer__consume(ring);
	}
	return 0;
}
