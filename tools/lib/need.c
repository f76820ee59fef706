/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf_common.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include <bpf/bpf.h>

#include "lib/need.h"
#include "lib/util.h"

void needs_init(struct needs *needs)
{
	*needs = (struct needs){ .tracefs = -1, .without = getenv("CORELETS_WITHOUT") ?: "" };
}

/* Whether *word* is one of the words of a list with commas. */
static bool list_has(const char *list, const char *word)
{
	size_t len = strlen(word);

	while (*list) {
		size_t n = strcspn(list, ",");

		if (n == len && !memcmp(list, word, len))
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

int needs_add(struct needs *needs, const struct need *table, uint64_t wanted)
{
	needs->without_task_storage = list_has(needs->without, "task_storage");
	for (; table->name; table++) {
		if ((table->when && !*table->when) ||
		    (table->when_wanted && !(table->when_wanted & wanted)))
			continue;
		if (needs->count == NEEDS_MAX)
			return -E2BIG;
		needs->state[needs->count++].need = table;
	}
	return 0;
}

static const char *need_programs(const struct need_state *state)
{
	return state->point < 0 ? NULL : state->need->points[state->point];
}

/* Calls for every program of a point: the next name goes to *name*. */
static bool next_program(const char **at, char name[64])
{
	size_t n;

	if (!*at || !**at)
		return false;
	n = strcspn(*at, "+");
	snprintf(name, 64, "%.*s", (int)n, *at);
	*at += n + ((*at)[n] == '+');
	return true;
}

static struct bpf_program *program_of(struct bpf_object *object, const char *name)
{
	return bpf_object__find_program_by_name(object, name);
}

/* "tp_btf/sys_exit": the section without the mark of programs that are not loaded by default. */
static const char *program_section(const struct bpf_program *program)
{
	const char *section = bpf_program__section_name(program);

	return section + (*section == '?');
}

#define ENOTSUPP 524 /* include/linux/errno.h; of fentry and fexit: arm64 before Linux 6.4 */

static void need_next(struct need_state *state, const char *program, const char *reason)
{
	size_t len = strlen(state->why);

	snprintf(state->why + len, sizeof(state->why) - len, "%s%s: %s", len ? "; " : "", program,
		 reason);
	state->point++;
	if (state->point >= (int)ARRAY_SIZE(state->need->points) ||
	    !state->need->points[state->point])
		state->point = -1;
}

/* Whether the kernel refuses fentry and fexit programs as such, as some do under lockdown: asked with
 * one for a type that is no function, which every other kernel calls invalid. */
static bool trampolines_refused(void)
{
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_TRACE_FEXIT,
		    .attach_btf_id = 1);
	int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, "probe", "GPL", nothing, 2, &opts);

	if (fd >= 0)
		close(fd);
	return fd == -EPERM;
}

static void perf_event_named(const char *name, struct perf_event_attr *attr)
{
	bool cycles = !strcmp(name, "cycles");

	attr->size = sizeof(*attr);
	attr->type = cycles ? PERF_TYPE_HARDWARE : PERF_TYPE_SOFTWARE;
	attr->config = cycles ? PERF_COUNT_HW_CPU_CYCLES : PERF_COUNT_SW_CPU_CLOCK;
}

/* Why this kernel does not open an event, or NULL. */
static const char *perf_event_refused(const char *name)
{
	struct perf_event_attr attr = { .disabled = 1, .sample_period = 1000000 };
	static char why[96];
	int fd, err;

	perf_event_named(name, &attr);
	fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	err = fd < 0 ? -errno : 0;
	close_fd(&fd);
	if (!err || err == -ENODEV) /* that CPU is offline */
		return NULL;
	if (perf_refusal(err, why, sizeof(why)))
		return why;
	/* If the privileges are not enough, loading the programs tells better why. */
	return err == -EACCES || err == -EPERM ? NULL : "no such counter here";
}

/* Why a program cannot be used here, or NULL. */
static const char *program_refused(const struct needs *needs, const struct bpf_program *program,
				   bool (*has_btf_name)(const char *name))
{
	const char *section = program_section(program), *hook = strchr(section, '/');
	char kind[32], type[128];

	snprintf(kind, sizeof(kind), "%.*s", (int)strcspn(section, "/"), section);
	if (list_has(needs->without, kind) || list_has(needs->without, bpf_program__name(program)))
		return "left out by CORELETS_WITHOUT";
	if (hook && !strcmp(kind, "tp_btf")) {
		snprintf(type, sizeof(type), "btf_trace_%s", hook + 1);
		if (!has_btf_name(type))
			return "not in this kernel's BTF";
	}
	if (hook && !strcmp(kind, "perf_event"))
		return perf_event_refused(hook + 1);
	if (hook && (!strcmp(kind, "fentry") || !strcmp(kind, "fexit"))) {
		if (!has_btf_name(hook + 1))
			return "not in this kernel's BTF";
		if (trampolines_refused())
			return "refused by this kernel";
	}
	return NULL;
}

static void programs_autoload(struct bpf_object *object, const char *programs)
{
	char name[64];

	while (next_program(&programs, name)) {
		struct bpf_program *program = program_of(object, name);

		bpf_program__set_autoload(program, true);
		/* Sections of this kind have no more to their name for libbpf. */
		if (!strncmp(program_section(program), "perf_event/", 11))
			bpf_program__set_type(program, BPF_PROG_TYPE_PERF_EVENT);
	}
}

static void map_autocreate(struct bpf_object *object, const char *name, bool create)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);

	if (map)
		bpf_map__set_autocreate(map, create);
}

/* Where a need before has chosen an entry and an exit, the need for entries takes the same one: two
 * would each put down what they have of a call (pending_put), which may be less. */
static void need_share_entry(struct needs *needs, size_t before, struct need_state *state)
{
	for (size_t i = 0; i < before; i++) {
		const char *programs = need_programs(&needs->state[i]);
		char name[64];

		if (!programs || !strchr(programs, '+'))
			continue;
		while (next_program(&programs, name))
			for (size_t point = 0; point < ARRAY_SIZE(state->need->points); point++)
				if (state->need->points[point] &&
				    !strcmp(state->need->points[point], name))
					state->point = point;
	}
}

int needs_choose(struct needs *needs, struct bpf_object *object,
		 bool (*has_btf_name)(const char *name), char why[256])
{
	struct bpf_program *program;
	bool in_flight = false;

	bpf_object__for_each_program(program, object)
		bpf_program__set_autoload(program, false);
	for (size_t i = 0; i < needs->count; i++) {
		struct need_state *state = &needs->state[i];
		const char *programs, *refused;
		char name[64];

		if (state->need->type && state->point >= 0 && !has_btf_name(state->need->type)) {
			snprintf(state->why, sizeof(state->why), "no %s in this kernel's BTF",
				 state->need->type);
			state->point = -1;
		}
		if (state->need->in_flight)
			need_share_entry(needs, i, state);
again:
		programs = need_programs(state);
		while (next_program(&programs, name)) {
			program = program_of(object, name);
			refused = program ? program_refused(needs, program, has_btf_name) :
					    "no such program";
			if (refused) {
				need_next(state, program ? program_section(program) : name,
					  refused);
				goto again;
			}
		}
		if (state->point >= 0) {
			programs = need_programs(state);
			programs_autoload(object, programs);
			in_flight |= state->need->in_flight || strchr(programs, '+');
		} else if (!state->need->optional) {
			snprintf(why, 256, "this kernel has no way to see '%s' (%.180s%s)",
				 state->need->name, state->why,
				 strlen(state->why) > 180 ? "..." : "");
			return -EOPNOTSUPP;
		}
	}
	map_autocreate(object, "pending_storage", in_flight && !needs->without_task_storage);
	map_autocreate(object, "pending_lru", in_flight);
	return 0;
}

bool needs_blame(struct needs *needs, struct bpf_object *object, const char *log)
{
	struct bpf_program *program;

	if (!needs->without_task_storage && strstr(log, "'pending_storage'")) {
		needs->without_task_storage = true;
		return true;
	}
	bpf_object__for_each_program(program, object) {
		const char *name = bpf_program__name(program);
		char said[96];

		snprintf(said, sizeof(said), "prog '%s': ", name);
		if (!bpf_program__autoload(program) || !strstr(log, said))
			continue;
		if (!needs->without_task_storage && strstr(log, "task_storage_get")) {
			needs->without_task_storage = true;
			return true;
		}
		for (size_t i = 0; i < needs->count; i++) {
			const char *programs = need_programs(&needs->state[i]);
			char one[64];

			while (next_program(&programs, one)) {
				if (strcmp(one, name))
					continue;
				need_next(&needs->state[i], program_section(program),
					  "refused by the kernel");
				return true;
			}
		}
	}
	return false;
}

/* ---- classic tracepoints ---- */

/* tracefs, at one of its usual places, or mounted for this process alone: fsmount(2) makes a mount
 * that is in no namespace and goes with its descriptor. */
static int tracefs_open(void)
{
	static const char *const places[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	int fs, fd;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct statfs st;

		fd = open(places[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && !fstatfs(fd, &st) && st.f_type == TRACEFS_MAGIC)
			return fd;
		if (fd >= 0)
			close(fd);
	}
	fs = syscall(SYS_fsopen, "tracefs", 1 /* FSOPEN_CLOEXEC */);
	if (fs < 0)
		return -errno;
	if (syscall(SYS_fsconfig, fs, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0))
		fd = -errno;
	else
		fd = syscall(SYS_fsmount, fs, 1 /* FSMOUNT_CLOEXEC */, 0);
	if (fd == -1)
		fd = -errno;
	close(fs);
	return fd;
}

/* The number that perf_event_open(2) wants for "group/name". */
static int tracepoint_id(struct needs *needs, const char *tracepoint)
{
	char path[160], text[16] = "";
	_cleanup_close_ int fd = -1;

	if (needs->tracefs < 0)
		needs->tracefs = tracefs_open();
	if (needs->tracefs < 0)
		return needs->tracefs;
	snprintf(path, sizeof(path), "events/%s/id", tracepoint);
	fd = openat(needs->tracefs, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return -errno;
	return atoi(text);
}

static struct bpf_link *attach_tracepoint(struct needs *needs, struct bpf_program *program,
					  const char *tracepoint)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr) };
	int id = tracepoint_id(needs, tracepoint), fd;
	struct bpf_link *link;

	if (id < 0) {
		errno = -id;
		return NULL;
	}
	attr.config = id;
	/* The program runs for every CPU's events, whichever CPU is named here. */
	fd = syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return NULL;
	link = bpf_program__attach_perf_event(program, fd);
	if (!link)
		close(fd); /* else it belongs to the link */
	return link;
}

/* Returns 0, or -errno with what to say in *reason*. */
static int attach_perf_event(struct needs *needs, const struct bpf_program *program,
			     const char *name, struct need_event *event, char reason[96])
{
	struct perf_event_attr attr = event->attr;
	int err;

	attr.disabled = 1;
	perf_event_named(name, &attr);
	perf_rings_close(&event->rings);
	err = perf_rings_open(&event->rings, &attr, event->pages);
	if (!err)
		err = perf_rings_ioctl(&event->rings, PERF_EVENT_IOC_SET_BPF,
				       bpf_program__fd(program));
	if (!err)
		err = perf_rings_ioctl(&event->rings, PERF_EVENT_IOC_ENABLE, 0);
	if (!err) {
		needs->rings = &event->rings;
		return 0;
	}
	perf_refusal(err, reason, 96);
	return err;
}

static struct bpf_link *attach_program(struct needs *needs, struct bpf_program *program)
{
	const char *section = program_section(program);

	if (!strncmp(section, "tp/", 3))
		return attach_tracepoint(needs, program, section + 3);
	if (!strncmp(section, "raw_tp/", 7))
		return bpf_program__attach_raw_tracepoint(program, section + 7);
	switch (bpf_program__expected_attach_type(program)) {
	case BPF_TRACE_RAW_TP:
	case BPF_TRACE_FENTRY:
	case BPF_TRACE_FEXIT:
		return bpf_program__attach_trace(program); /* see btf.h */
	default:
		return bpf_program__attach(program);
	}
}

static bool already_attached(const struct needs *needs, const char *name, size_t before)
{
	for (size_t i = 0; i < before; i++) {
		const char *programs = need_programs(&needs->state[i]);
		char one[64];

		while (next_program(&programs, one))
			if (!strcmp(one, name))
				return true;
	}
	return false;
}

int needs_attach(struct needs *needs, struct bpf_object *object)
{
	for (size_t i = 0; i < needs->count; i++) {
		struct need_state *state = &needs->state[i];
		const char *programs = need_programs(state);
		char name[64], reason[96];

		while (next_program(&programs, name)) {
			struct bpf_program *program = program_of(object, name);
			const char *section = program_section(program);
			struct bpf_link *link;
			int err;

			if (already_attached(needs, name, i))
				continue;
			if (!strncmp(section, "perf_event/", 11)) {
				if (!attach_perf_event(needs, program, section + 11,
						       state->need->event, reason))
					continue;
				need_next(state, section, reason);
				return -EAGAIN;
			}
			link = attach_program(needs, program);
			if (link) {
				needs->links[needs->link_count++] = link;
				continue;
			}
			err = -errno;
			if (needs->tracefs < 0 && !strncmp(program_section(program), "tp/", 3))
				snprintf(reason, sizeof(reason),
					 "tracefs is not mounted, and mounting it fails (%s)",
					 strerror(-err));
			else
				snprintf(reason, sizeof(reason), "%s",
					 err == -ENOTSUPP ?
						 "this kernel has no trampolines for it" :
						 strerror(-err));
			need_next(state, program_section(program), reason);
			return -EAGAIN;
		}
	}
	return 0;
}

void needs_detach(struct needs *needs)
{
	while (needs->link_count)
		bpf_link__destroy(needs->links[--needs->link_count]);
	if (needs->rings)
		perf_rings_ioctl(needs->rings, PERF_EVENT_IOC_DISABLE, 0);
	needs->rings = NULL;
	close_fd(&needs->tracefs);
	needs->tracefs = -1;
}

void need_point(const struct need_state *state, struct bpf_object *object, char text[192])
{
	const char *programs = need_programs(state);
	char name[64];
	size_t len = 0;

	text[0] = '\0';
	while (next_program(&programs, name)) {
		snprintf(text + len, 192 - len, "%s%s", len ? "+" : "",
			 program_section(program_of(object, name)));
		len = strlen(text);
	}
}
