/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "corecheck.h"
#include "lib/text.h"
#include "lib/util.h"

enum { EXIT_HOLDS, EXIT_FAILS, EXIT_USAGE };

static bool json, verbose;

static const char help[] =
	"Usage: corecheck [options] OBJECT... --btf [NAME=]FILE...\n\n"
	"Checks, without loading anything, whether the programs of BPF objects hold on kernels:\n"
	"whether CO-RE relocations find their fields, types and enumerators in the kernel's BTF,\n"
	"and whether it has the hook that a program's section names, with as many arguments as\n"
	"the program reads.  FILE is raw BTF or an ELF file with BTF (a vmlinux).\n\n"
	"A relocation that finds nothing is no failure where the program asks first\n"
	"(bpf_core_field_exists() and the like), so that it cannot get there.\n"
	"Not checked: kprobes, uprobes, the names of classic tracepoints, and what is a module's.\n\n"
	"  -b, --btf [NAME=]FILE...  kernels, and how to call them\n"
	"  -j, --json                JSON lines\n"
	"  -v, --verbose             also, for each program, what it lacks but never reaches\n"
	"  -h, --help                this text\n\n"
	"Exit status: 0 all hold, 1 something fails, 2 usage, or a file cannot be read.\n";

/* ---- hooks ---- */

static const struct {
	const char *section, *what, *prefix;
	uint32_t kind;
	/* of arguments: one that is none, and one for the value that is returned */
	bool counted;
	int extra;
} hooks[] = {
	{ "tp_btf", "tracepoint", "btf_trace_", BTF_KIND_TYPEDEF, true, -1 },
	{ "raw_tp", "tracepoint", "btf_trace_", BTF_KIND_TYPEDEF, true, -1 },
	{ "raw_tp.w", "tracepoint", "btf_trace_", BTF_KIND_TYPEDEF, true, -1 },
	{ "raw_tracepoint", "tracepoint", "btf_trace_", BTF_KIND_TYPEDEF, true, -1 },
	{ "raw_tracepoint.w", "tracepoint", "btf_trace_", BTF_KIND_TYPEDEF, true, -1 },
	{ "fentry", "function", "", BTF_KIND_FUNC, true, 0 },
	{ "fentry.s", "function", "", BTF_KIND_FUNC, true, 0 },
	{ "fexit", "function", "", BTF_KIND_FUNC, true, 1 },
	{ "fexit.s", "function", "", BTF_KIND_FUNC, true, 1 },
	{ "fmod_ret", "function", "", BTF_KIND_FUNC, true, 1 },
	{ "fmod_ret.s", "function", "", BTF_KIND_FUNC, true, 1 },
	{ "lsm", "LSM hook", "bpf_lsm_", BTF_KIND_FUNC, true, 1 },
	{ "lsm.s", "LSM hook", "bpf_lsm_", BTF_KIND_FUNC, true, 1 },
	{ "lsm_cgroup", "LSM hook", "bpf_lsm_", BTF_KIND_FUNC, true, 1 },
	{ "iter", "iterator", "bpf_iter_", BTF_KIND_FUNC, false, 0 },
	{ "iter.s", "iterator", "bpf_iter_", BTF_KIND_FUNC, false, 0 },
};

/* The prototype of a function, or of the functions that a typedef is for; NULL if it is none. */
static const struct btf_type *prototype(const struct btf *btf, const struct btf_type *t)
{
	for (int depth = 0; t && depth < 32; depth++) {
		if (btf_is_func_proto(t))
			return t;
		if (!btf_is_func(t) && !btf_is_typedef(t) && !btf_is_ptr(t) && !btf_is_mod(t))
			return NULL;
		t = btf__type_by_id(btf, t->type);
	}
	return NULL;
}

/* Arguments as programs see them: a struct takes as many as it has words. */
static int count_arguments(const struct btf *btf, const struct btf_type *proto)
{
	int count = 0;

	for (uint32_t i = 0; i < btf_vlen(proto); i++) {
		int64_t size = btf__resolve_size(btf, btf_params(proto)[i].type);

		count += size > 8 ? (size + 7) / 8 : 1;
	}
	return count;
}

bool hook_holds(const struct kernel *kernel, const char *hook, uint32_t context_end, char why[160])
{
	const char *name = strchr(hook, '/');

	for (size_t i = 0; name && i < ARRAY_SIZE(hooks); i++) {
		const struct btf_type *t = NULL, *proto;
		char type[128];
		int used = (context_end + 7) / 8, has;

		if (strncmp(hook, hooks[i].section, name - hook) || hooks[i].section[name - hook])
			continue;
		snprintf(type, sizeof(type), "%s%s", hooks[i].prefix, name + 1);
		for (uint32_t id = kernel_first(kernel, type, essential_length(type)); id && !t;
		     id = kernel_next(kernel, id)) {
			const struct btf_type *u = btf__type_by_id(kernel->btf, id);

			if (btf_kind(u) == hooks[i].kind &&
			    !strcmp(name_of(kernel->btf, u->name_off), type))
				t = u;
		}
		if (!t) {
			snprintf(why, 160, "no %s %.100s", hooks[i].what, name + 1);
			return false;
		}
		if (!hooks[i].counted)
			return true;
		proto = prototype(kernel->btf, t);
		if (!proto) {
			snprintf(why, 160, "%.100s is no function", type);
			return false;
		}
		has = count_arguments(kernel->btf, proto) + hooks[i].extra;
		if (used > has)
			snprintf(why, 160, "%.100s has %d argument%s, not %d", name + 1,
				 has - (hooks[i].extra > 0),
				 has - (hooks[i].extra > 0) == 1 ? "" : "s",
				 used - (hooks[i].extra > 0));
		return used <= has;
	}
	return true;
}

/* ---- checking ---- */

struct check {
	bool holds;
	char why[160];	    /* if it does not */
	struct buf guarded; /* "no task_struct.x", each ended by a NUL */
};

/* What is wrong with a relocation of this program, if it is of this program at all. */
static bool check_relo(struct check *check, const struct object *object,
		       const struct program *program, const struct reach *reach, uint32_t index)
{
	const struct relo *relo = &object->relos[index];
	const struct outcome *outcome = &reach->outcomes[index];
	bool own = relo->section == program->section && relo->insn >= program->insn &&
		   relo->insn < program->insn + program->count;
	const char *at = check->guarded.data;

	if (outcome->state == RELO_HOLDS)
		return true;
	if ((outcome->state == RELO_FAILS && own) || reach->reached[relo->section][relo->insn]) {
		snprintf(check->why, sizeof(check->why), "%s", outcome->why);
		return false;
	}
	for (; own && at && at < check->guarded.data + check->guarded.len; at += strlen(at) + 1)
		if (!strcmp(at, outcome->why))
			own = false;
	if (own)
		buf_add(&check->guarded, outcome->why, strlen(outcome->why) + 1);
	return true;
}

static int check_program(struct check *check, const struct object *object,
			 const struct program *program, const struct kernel *kernel,
			 const struct outcome *outcomes)
{
	struct reach reach;
	int err = reach_run(&reach, object, program, outcomes);

	*check = (struct check){ .holds = true };
	if (err == -EINVAL) {
		check->holds = false;
		snprintf(check->why, sizeof(check->why), "malformed code");
		err = 0;
	}
	/* Of the program itself first. */
	for (int called = 0; !err && called < 2; called++)
		for (uint32_t i = 0; check->holds && i < object->relo_count; i++)
			if ((object->relos[i].section != program->section) == called)
				check->holds = check_relo(check, object, program, &reach, i);
	if (!err && check->holds)
		check->holds = hook_holds(kernel, program->hook, reach.context_end, check->why);
	reach_done(&reach);
	return err ?: check->guarded.failed ? -ENOMEM : 0;
}

/* All programs of an object on all kernels, by program. */
static int check_object(struct check *checks, const struct object *object,
			const struct kernel *kernels, uint32_t kernel_count)
{
	_cleanup_free_ struct outcome *outcomes = calloc(object->relo_count + 1, sizeof(*outcomes));
	int err = outcomes ? 0 : -ENOMEM;

	for (uint32_t k = 0; !err && k < kernel_count; k++) {
		for (uint32_t i = 0; i < object->relo_count; i++)
			relo_resolve(object, &object->relos[i], &kernels[k], &outcomes[i]);
		for (uint32_t p = 0; !err && p < object->program_count; p++)
			err = check_program(&checks[p * kernel_count + k], object,
					    &object->programs[p], &kernels[k], outcomes);
	}
	return err;
}

/* ---- output ---- */

static void put(struct buf *b, const char *text, size_t width)
{
	size_t used = text_put(b, text, strlen(text));

	buf_pad(b, used < width ? width - used : 0);
}

static void widen(size_t *width, const char *text)
{
	size_t n = text_width(text, strlen(text));

	if (n > *width)
		*width = n;
}

static const char *cell(const struct check *check)
{
	return check->holds ? "ok" : check->why;
}

static void print_table(struct buf *b, const struct object *object, const struct check *checks,
			const struct kernel *kernels, uint32_t count)
{
	size_t name = strlen("PROGRAM"), hook = strlen("HOOK"), width;

	for (uint32_t p = 0; p < object->program_count; p++) {
		widen(&name, object->programs[p].name);
		widen(&hook, object->programs[p].hook);
	}
	put(b, object->name, 0);
	buf_char(b, '\n');
	for (uint32_t row = 0; row <= object->program_count; row++) {
		const struct program *program = &object->programs[row - 1];

		buf_str(b, "  ");
		put(b, row ? program->name : "PROGRAM", name + 2);
		put(b, row ? program->hook : "HOOK", hook + 2);
		for (uint32_t k = 0; k < count; k++) {
			width = 0;
			widen(&width, kernels[k].name);
			for (uint32_t p = 0; p < object->program_count; p++)
				widen(&width, cell(&checks[p * count + k]));
			put(b, row ? cell(&checks[(row - 1) * count + k]) : kernels[k].name,
			    k < count - 1 ? width + 2 : 0);
		}
		buf_char(b, '\n');
		for (uint32_t k = 0; row && verbose && k < count; k++) {
			const struct buf *guarded = &checks[(row - 1) * count + k].guarded;

			for (const char *at = guarded->data;
			     at && at < guarded->data + guarded->len; at += strlen(at) + 1) {
				buf_str(b, "    ");
				put(b, kernels[k].name, 0);
				buf_str(b, ": guarded: ");
				put(b, at, 0);
				buf_char(b, '\n');
			}
		}
	}
}

static void json_pair(struct buf *b, const char *key, const char *value)
{
	buf_printf(b, ",\"%s\":", key);
	if (value)
		text_json(b, value, strlen(value));
	else
		buf_str(b, "null");
}

static void print_json(struct buf *b, const struct object *object, const struct check *checks,
		       const struct kernel *kernels, uint32_t count)
{
	for (uint32_t i = 0; i < object->program_count * count; i++) {
		const struct program *program = &object->programs[i / count];
		const struct buf *guarded = &checks[i].guarded;

		buf_str(b, "{\"type\":\"check\"");
		json_pair(b, "object", object->name);
		json_pair(b, "program", program->name);
		json_pair(b, "hook", program->hook);
		json_pair(b, "kernel", kernels[i % count].name);
		buf_printf(b, ",\"ok\":%s", checks[i].holds ? "true" : "false");
		json_pair(b, "why", checks[i].holds ? NULL : checks[i].why);
		buf_str(b, ",\"guarded\":[");
		for (const char *at = guarded->data; at && at < guarded->data + guarded->len;
		     at += strlen(at) + 1) {
			if (at > guarded->data)
				buf_char(b, ',');
			text_json(b, at, strlen(at));
		}
		buf_str(b, "]}\n");
	}
}

/* ---- the command ---- */

static int say(const char *text)
{
	struct buf b = {};

	text_put(&b, text, strlen(text));
	fprintf(stderr, "corecheck: %.*s\n", (int)b.len, b.data ?: "");
	buf_done(&b);
	return EXIT_USAGE;
}

static int check_all(const char *const *paths, uint32_t path_count, const struct kernel *kernels,
		     uint32_t kernel_count)
{
	uint32_t programs = 0, failing = 0;
	int status = EXIT_HOLDS;
	struct buf out = {};

	for (uint32_t i = 0; i < path_count && status == EXIT_HOLDS; i++) {
		struct check *checks = NULL;
		struct object object;
		uint32_t count = 0;
		char why[256];

		if (object_open(&object, paths[i], why))
			status = say(why);
		for (uint32_t k = 0; k < kernel_count && status == EXIT_HOLDS; k++)
			if (object.big_endian !=
			    (btf__endianness(kernels[k].btf) == BTF_BIG_ENDIAN)) {
				snprintf(why, sizeof(why), "%.90s is %s-endian, and %.90s is not",
					 paths[i], object.big_endian ? "big" : "little",
					 kernels[k].path);
				status = say(why);
			}
		if (status == EXIT_HOLDS) {
			count = object.program_count * kernel_count;
			checks = calloc(count, sizeof(*checks));
			if (!checks || check_object(checks, &object, kernels, kernel_count))
				status = say("out of memory");
		}
		if (status == EXIT_HOLDS && json)
			print_json(&out, &object, checks, kernels, kernel_count);
		else if (status == EXIT_HOLDS)
			print_table(&out, &object, checks, kernels, kernel_count);
		for (uint32_t k = 0; checks && k < count; k++) {
			failing += !checks[k].holds;
			buf_done(&checks[k].guarded);
		}
		programs += count;
		free(checks);
		object_close(&object);
		if (out.len)
			fwrite(out.data, 1, out.len, stdout);
		buf_reset(&out);
	}
	buf_done(&out);
	if (status == EXIT_HOLDS && json)
		printf("{\"type\":\"summary\",\"checks\":%u,\"failing\":%u}\n", programs, failing);
	if (fflush(stdout) || ferror(stdout))
		return say("cannot write");
	return status == EXIT_HOLDS && failing ? EXIT_FAILS : status;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level, (void)fmt, (void)args;
	return 0;
}

int main(int argc, char **argv)
{
	_cleanup_free_ const char **objects = calloc(argc + 1, sizeof(*objects));
	_cleanup_free_ struct kernel *kernels = calloc(argc + 1, sizeof(*kernels));
	uint32_t object_count = 0, kernel_count = 0;
	bool options = true, btf = false;
	int status = EXIT_HOLDS;
	char why[256];

	setlocale(LC_CTYPE, "");
	text_init();
	libbpf_set_print(quiet);
	if (!objects || !kernels)
		return say("out of memory");
	for (int i = 1; i < argc && status == EXIT_HOLDS; i++) {
		const char *arg = argv[i];

		if (options && !strncmp(arg, "--btf=", 6)) {
			btf = true;
			arg += 6;
		} else if (options && (!strcmp(arg, "--btf") || !strcmp(arg, "-b"))) {
			btf = true;
			continue;
		} else if (options && (!strcmp(arg, "--json") || !strcmp(arg, "-j"))) {
			json = true;
			continue;
		} else if (options && (!strcmp(arg, "--verbose") || !strcmp(arg, "-v"))) {
			verbose = true;
			continue;
		} else if (options && (!strcmp(arg, "--help") || !strcmp(arg, "-h"))) {
			fputs(help, stdout);
			goto out;
		} else if (options && !strcmp(arg, "--")) {
			options = false;
			continue;
		} else if (options && *arg == '-' && arg[1]) {
			snprintf(why, sizeof(why), "no option %.100s (see --help)", arg);
			status = say(why);
			break;
		}
		if (!btf)
			objects[object_count++] = arg;
		else if (kernel_open(&kernels[kernel_count++], arg, why))
			status = say(why);
	}
	if (status == EXIT_HOLDS && (!object_count || !kernel_count))
		status = say(object_count ? "on which kernels? --btf FILE (see --help)" :
					    "which objects? (see --help)");
	if (status == EXIT_HOLDS)
		status = check_all(objects, object_count, kernels, kernel_count);
out:
	while (kernel_count)
		kernel_close(&kernels[--kernel_count]);
	return status;
}
