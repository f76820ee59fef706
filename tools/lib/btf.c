/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "lib/btf.h"
#include "lib/btf_cache.h"
#include "lib/btf_cut.h"
#include "lib/btf_find.h"
#include "lib/util.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8
#endif

#define KERNEL_BTFS "/sys/kernel/btf"
#define KERNEL_BTF  KERNEL_BTFS "/vmlinux"

static struct btf_file names = { .fd = -1 }; /* the kernel's, for kernel_btf_has() */
static struct buf source;		     /* kernel_btf_source() */

/* Kinds of programs that attach to something in the BTF, and what that is. */
static const struct hook_kind {
	const char *section; /* as libbpf wants it */
	const char *prefix;
	uint32_t kind;
	enum bpf_attach_type attach;
} hook_kinds[] = {
	{ "tp_btf+", "btf_trace_", BTF_KIND_TYPEDEF, BPF_TRACE_RAW_TP },
	{ "fentry+", "", BTF_KIND_FUNC, BPF_TRACE_FENTRY },
	{ "fexit+", "", BTF_KIND_FUNC, BPF_TRACE_FEXIT },
};

/* What will be asked. */
static struct {
	const char *names[8];
	size_t count;
	const char *const *enums;
	btf_enumerator_fn *each;
	void *context;
} asked;

static struct {
	enum { CUT_NONE, CUT_EMPTY, CUT_FILLED, CUT_REFUSED } state;
	const char *from; /* --btf */
	int fd, handlers[ARRAY_SIZE(hook_kinds)];
	char path[32];
	struct btf_known known; /* its data is what is in the file */
} cut = { .fd = -1 };

static bool left_out(const char *what)
{
	const char *without = getenv("CORELETS_WITHOUT");

	return without && strstr(without, what);
}

bool kernel_btf_exists(void)
{
	return !access(KERNEL_BTF, R_OK);
}

/* What comes to *source* is put together again in each attempt to load. */
static void source_is(const char *what, const char *about)
{
	buf_reset(&source);
	buf_printf(&source, "%s%s%s%s", what, about && *about ? " (" : "", about ?: "",
		   about && *about ? ")" : "");
}

const char *kernel_btf_source(void)
{
	buf_add(&source, "", 1);
	source.len -= source.len > 0;
	return source.failed ? "" : source.data;
}

int kernel_btf_choose(const char **file, char why[256])
{
	static char path[32]; /* of a file that stays open */
	_cleanup_free_ char *found = NULL;
	struct buf passed = {};
	char reason[256] = "";
	int fd, err;

	if (*file) {
		source_is(*file, NULL);
		err = btf_belongs(*file, reason);
		if (err)
			snprintf(why, 256, "--btf %.70s: %s%.140s", *file,
				 err == -EBADMSG ? "not of this kernel: " : "", reason);
		return err;
	}
	fd = kernel_btf_exists() ? -ENOENT : btf_find(&found, &passed);
	buf_char(&passed, '\0');
	if (!kernel_btf_exists())
		source_is(found ?: "none",
			  passed.failed || passed.len < 2 ? NULL : passed.data + 2);
	buf_done(&passed);
	if (fd < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = btf_belongs(path, reason);
	if (err) {
		snprintf(why, 256, "this kernel has no BTF, and %.100s is not of it: %.100s", found,
			 reason);
		close(fd);
		return err;
	}
	*file = path;
	return 0;
}

void kernel_btf_ask(const char *name)
{
	if (asked.count < ARRAY_SIZE(asked.names))
		asked.names[asked.count++] = name;
}

void kernel_btf_ask_enums(const char *const *enums, btf_enumerator_fn *each, void *context)
{
	asked.enums = enums;
	asked.each = each;
	asked.context = context;
}

/* Whether *name* stands between two NULs. */
static bool strings_have(const char *strings, size_t len, const char *name)
{
	const char *at = strings, *end = strings + len;
	size_t n = strlen(name) + 1;

	for (; at && (at = memmem(at, end - at, name, n)); at++)
		if (at > strings && !at[-1])
			return true;
	return false;
}

bool kernel_btf_has(const char *name)
{
	const struct btf_answer *answers = cut.known.answers;

	for (size_t i = 0; cut.state == CUT_FILLED && i < cut.known.answer_count; i++)
		if (!strcmp(answers[i].name, name))
			return answers[i].id;
	/* Without the kernel's own: types, but no hooks, for these go by the IDs in it. */
	if (!names.strings &&
	    btf_file_open(&names, cut.from && !kernel_btf_exists() ? cut.from : KERNEL_BTF))
		return false;
	return strings_have(names.strings, names.strings_len, name);
}

/* ---- hooks ---- */

/* What a program attaches to, its name in the BTF to *name*; NULL if it is nothing there. */
static const struct hook_kind *hook_of(const struct bpf_program *program, char name[96])
{
	const char *section = bpf_program__section_name(program), *hook = strchr(section, '/');

	for (size_t i = 0; hook && i < ARRAY_SIZE(hook_kinds); i++) {
		size_t len = hook - section;

		if (strncmp(section, hook_kinds[i].section, len) ||
		    hook_kinds[i].section[len] != '+')
			continue;
		if (snprintf(name, 96, "%s%s", hook_kinds[i].prefix, hook + 1) >= 96)
			return NULL;
		return &hook_kinds[i];
	}
	return NULL;
}

static struct btf_answer *answer_of(const char *name, uint32_t kind)
{
	for (size_t i = 0; i < cut.known.answer_count; i++)
		if (cut.known.answers[i].kind == kind && !strcmp(cut.known.answers[i].name, name))
			return &cut.known.answers[i];
	return NULL;
}

static struct btf_answer *answer_add(const char *name, uint32_t kind)
{
	struct btf_answer *answer = &cut.known.answers[cut.known.answer_count];

	if (cut.known.answer_count == BTF_ANSWERS_MAX || strlen(name) >= sizeof(answer->name))
		return NULL;
	cut.known.answer_count++;
	memset(answer, 0, sizeof(*answer));
	strcpy(answer->name, name);
	answer->kind = kind;
	return answer;
}

/* Called by libbpf just before it loads a program. */
static int hook_prepare(struct bpf_program *program, struct bpf_prog_load_opts *opts, long cookie)
{
	char name[96];
	const struct hook_kind *kind = hook_of(program, name);
	const struct btf_answer *answer = kind ? answer_of(name, kind->kind) : NULL;

	(void)cookie;
	if (!answer || !answer->id)
		return -ESRCH;
	opts->expected_attach_type = kind->attach;
	opts->attach_btf_id = answer->id;
	return bpf_program__set_type(program, BPF_PROG_TYPE_TRACING);
}

/* A type for which libbpf (1.1 to 1.7 at least) would load the kernel's BTF comes only then. */
static int hooks_register(void)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .prog_prepare_load_fn = hook_prepare);

	for (size_t i = 0; i < ARRAY_SIZE(hook_kinds); i++) {
		cut.handlers[i] = libbpf_register_prog_handler(hook_kinds[i].section,
							       BPF_PROG_TYPE_RAW_TRACEPOINT,
							       hook_kinds[i].attach, &opts);
		if (cut.handlers[i] < 0)
			return cut.handlers[i];
	}
	return 0;
}

static int hooks_want(struct btf_cut *want, const struct bpf_object *object)
{
	struct bpf_program *program;

	cut.known.answer_count = 0;
	bpf_object__for_each_program(program, object) {
		char name[96];
		const struct hook_kind *kind = hook_of(program, name);
		struct btf_answer *answer;

		if (!kind || answer_of(name, kind->kind))
			continue;
		answer = answer_add(name, kind->kind);
		if (!answer || btf_cut_want_id(want, answer->name, kind->kind))
			return -ENOMEM;
	}
	return 0;
}

static bool hooks_known(const struct bpf_object *object)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object) {
		char name[96];
		const struct hook_kind *kind = hook_of(program, name);

		if (kind && !answer_of(name, kind->kind))
			return false;
	}
	return true;
}

/* ---- what is relocated against ---- */

static void cut_close(int state)
{
	for (size_t i = 0; i < ARRAY_SIZE(hook_kinds); i++)
		if (cut.handlers[i] > 0)
			libbpf_unregister_prog_handler(cut.handlers[i]);
	memset(cut.handlers, 0, sizeof(cut.handlers));
	close_fd(&cut.fd);
	cut.fd = -1;
	buf_done(&cut.known.data);
	cut.known.answer_count = 0;
	cut.state = state;
}

/* The BTF of modules, where libbpf would look for what the kernel lacks. */
static bool modules_have_btf(void)
{
	_cleanup_closedir_ DIR *dir = opendir(KERNEL_BTFS);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "vmlinux"))
			return true;
	return false;
}

const char *kernel_btf_path(const char *file)
{
	if (cut.state == CUT_NONE) {
		cut.from = file;
		cut.fd = memfd_create("btf", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
		if (cut.fd < 0) /* before Linux 6.3 */
			cut.fd = memfd_create("btf", MFD_CLOEXEC);
		snprintf(cut.path, sizeof(cut.path), "/proc/self/fd/%d", cut.fd);
		cut.state = CUT_EMPTY;
		if (hooks_register() || access(cut.path, R_OK) || (!file && !kernel_btf_exists()) ||
		    left_out("btf_cut"))
			cut_close(CUT_REFUSED);
	}
	if (cut.state == CUT_REFUSED && !file && kernel_btf_exists())
		source_is(KERNEL_BTF, "as a whole");
	return cut.state == CUT_REFUSED ? file : cut.path;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0)
			return -errno;
		data += n;
		len -= n;
	}
	return 0;
}

/* Types come from the user's file if there is one, IDs of hooks from the kernel always. */
static int cut_run(struct btf_cut *types, struct btf_cut *hooks,
		   const struct bpf_object_skeleton *skeleton)
{
	const struct bpf_object *object = *skeleton->obj;
	struct btf_known *known = &cut.known;
	struct btf_answer *answer;
	struct btf_file file;
	struct buf none = {};
	int err;

	if (!types || !hooks)
		return -ENOMEM;
	err = btf_cut_want(types, bpf_object__btf(object), btf_ext_find(skeleton->data));
	for (size_t i = 0; !err && asked.enums && asked.enums[i]; i++)
		err = btf_cut_want_enum(types, asked.enums[i]);
	err = err ?: hooks_want(hooks, object);
	err = err ?: btf_file_open(&file, cut.from ?: KERNEL_BTF);
	if (err)
		return err;
	err = btf_cut_run(types, &file, &known->data);
	for (size_t i = 0; !err && !cut.from && i < asked.count; i++)
		if (!answer_of(asked.names[i], 0) && (answer = answer_add(asked.names[i], 0)))
			answer->id = strings_have(file.strings, file.strings_len, asked.names[i]);
	btf_file_close(&file);
	known->lacks = btf_cut_lacks(types);
	if (!err && !cut.from && known->lacks && modules_have_btf())
		err = -EOPNOTSUPP;
	if (!err && cut.from && !btf_file_open(&file, KERNEL_BTF)) {
		err = btf_cut_run(hooks, &file, &none);
		btf_file_close(&file);
	}
	buf_done(&none);
	for (size_t i = 0; !err && i < known->answer_count; i++)
		if (known->answers[i].kind)
			known->answers[i].id = btf_cut_id(hooks, known->answers[i].name);
	return err;
}

static int cut_make(const struct bpf_object_skeleton *skeleton)
{
	struct btf_cut *types = btf_cut_new(), *hooks = cut.from ? btf_cut_new() : types;
	int err = cut_run(types, hooks, skeleton);

	if (hooks != types)
		btf_cut_free(hooks);
	btf_cut_free(types);
	return err;
}

/* What the cache knows; else *why* says why it is not used. */
static int cache_take(const struct bpf_object_skeleton *skeleton, const char *tool, char why[128])
{
	struct btf_cache_key key;
	int err = btf_cache_key(&key, skeleton->data, skeleton->data_sz);

	if (err)
		snprintf(why, 128, "this kernel has no build ID");
	err = err ?: btf_cache_read(btf_cache_directory(), tool, &key, &cut.known, why);
	if (err)
		return err;
	if (!hooks_known(*skeleton->obj))
		snprintf(why, 128, "made by another build");
	else if (cut.known.lacks && modules_have_btf())
		snprintf(why, 128, "a module may have a type that was not in the kernel");
	else
		return 0;
	buf_done(&cut.known.data);
	return -ESTALE;
}

int kernel_btf_fill(const struct bpf_object_skeleton *skeleton, const char *tool)
{
	char why[128] = "left out by CORELETS_WITHOUT", about[512];
	const char *directory = btf_cache_directory();
	int err = -ENOENT;

	if (cut.state != CUT_EMPTY)
		return 0;
	if (!cut.from && !left_out("btf_cache"))
		err = cache_take(skeleton, tool, why);
	if (!cut.from) {
		snprintf(about, sizeof(about), "%.200s/%s%s%s", directory, tool, err ? ": " : "",
			 err ? why : "");
		source_is(err ? KERNEL_BTF : about, err ? about : NULL);
	}
	if (err)
		err = cut_make(skeleton);
	err = err ?: write_all(cut.fd, cut.known.data.data, cut.known.data.len);
	if (err)
		cut_close(CUT_REFUSED);
	else
		cut.state = CUT_FILLED;
	return err ? -EAGAIN : 0;
}

int kernel_btf_keep(const struct bpf_object_skeleton *skeleton, const char *tool, char why[256])
{
	const char *directory = btf_cache_directory();
	struct btf_cache_key key;
	char reason[128] = "";
	int err = btf_cache_key(&key, skeleton->data, skeleton->data_sz);

	if (err)
		snprintf(reason, sizeof(reason), "this kernel has no %s",
			 kernel_btf_exists() ? "build ID" : "BTF");
	else if (cut.state != CUT_EMPTY || (err = cut_make(skeleton)))
		snprintf(reason, sizeof(reason), "this kernel's BTF is needed as a whole");
	else
		err = btf_cache_write(directory, tool, &key, &cut.known, reason);
	snprintf(why, 256, "%.100s/%s%s%s", directory, tool, reason[0] ? ": " : "", reason);
	return err ?: reason[0] ? -EOPNOTSUPP : 0;
}

/* The cut has the enums if it is from a BTF that has them. */
static void tell_enums(void)
{
	struct btf_file file;
	int err;

	if (!asked.enums)
		return;
	if (cut.state == CUT_FILLED)
		err = btf_file_memory(&file, cut.known.data.data, cut.known.data.len);
	else
		err = btf_file_open(&file, cut.from ?: KERNEL_BTF);
	if (!err) {
		btf_file_enums(&file, asked.enums, asked.each, asked.context);
		btf_file_close(&file);
	}
	asked.enums = NULL;
}

void kernel_btf_done(void)
{
	tell_enums();
	asked.count = 0;
	cut_close(CUT_NONE);
	btf_file_close(&names);
	buf_done(&source);
}
