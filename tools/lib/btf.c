/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "lib/btf.h"
#include "lib/btf_cut.h"
#include "lib/btf_find.h"
#include "lib/util.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8
#endif

#define KERNEL_BTFS "/sys/kernel/btf"
#define KERNEL_BTF  KERNEL_BTFS "/vmlinux"
#define HOOKS_MAX   32

static struct btf_file names = { .fd = -1 }; /* the kernel's, for kernel_btf_has() */

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

static struct {
	enum { CUT_NONE, CUT_EMPTY, CUT_FILLED, CUT_REFUSED } state;
	const char *from; /* --btf */
	int fd, handlers[ARRAY_SIZE(hook_kinds)];
	char path[32];
	struct buf data; /* what is in the file */
	struct {
		char name[96];
		uint32_t id; /* 0: not in this kernel */
	} hooks[HOOKS_MAX];
	size_t hook_count;
} cut = { .fd = -1 };

bool kernel_btf_exists(void)
{
	return !access(KERNEL_BTF, R_OK);
}

int kernel_btf_choose(const char **file, char why[256])
{
	static char path[32]; /* of a file that stays open */
	_cleanup_free_ char *found = NULL;
	char reason[256] = "";
	int fd, err;

	if (*file) {
		err = btf_belongs(*file, reason);
		if (err)
			snprintf(why, 256, "--btf %.70s: %s%.140s", *file,
				 err == -EBADMSG ? "not of this kernel: " : "", reason);
		return err;
	}
	fd = kernel_btf_exists() ? -ENOENT : btf_find(&found);
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
	const struct btf_header *header = (const void *)cut.data.data;

	for (size_t i = 0; cut.state == CUT_FILLED && i < cut.hook_count; i++)
		if (!strcmp(cut.hooks[i].name, name))
			return cut.hooks[i].id;
	if (cut.state == CUT_FILLED && !cut.from &&
	    strings_have((const char *)(header + 1) + header->str_off, header->str_len, name))
		return true;
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

/* Called by libbpf just before it loads a program. */
static int hook_prepare(struct bpf_program *program, struct bpf_prog_load_opts *opts, long cookie)
{
	char name[96];
	const struct hook_kind *kind = hook_of(program, name);

	(void)cookie;
	for (size_t i = 0; kind && i < cut.hook_count; i++) {
		if (!cut.hooks[i].id || strcmp(cut.hooks[i].name, name))
			continue;
		opts->expected_attach_type = kind->attach;
		opts->attach_btf_id = cut.hooks[i].id;
		return bpf_program__set_type(program, BPF_PROG_TYPE_TRACING);
	}
	return -ESRCH;
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
	int err;

	cut.hook_count = 0;
	bpf_object__for_each_program(program, object) {
		const struct hook_kind *kind;

		if (cut.hook_count == HOOKS_MAX)
			return -E2BIG;
		kind = hook_of(program, cut.hooks[cut.hook_count].name);
		if (!kind)
			continue;
		err = btf_cut_want_id(want, cut.hooks[cut.hook_count].name, kind->kind);
		if (err)
			return err;
		cut.hook_count++;
	}
	return 0;
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
	buf_done(&cut.data);
	cut.state = state;
}

const char *kernel_btf_path(const char *file)
{
	const char *without = getenv("CORELETS_WITHOUT");

	if (cut.state == CUT_NONE) {
		cut.from = file;
		cut.fd = memfd_create("btf", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
		if (cut.fd < 0) /* before Linux 6.3 */
			cut.fd = memfd_create("btf", MFD_CLOEXEC);
		snprintf(cut.path, sizeof(cut.path), "/proc/self/fd/%d", cut.fd);
		cut.state = CUT_EMPTY;
		if (hooks_register() || access(cut.path, R_OK) || (!file && !kernel_btf_exists()) ||
		    (without && strstr(without, "btf_cut")))
			cut_close(CUT_REFUSED);
	}
	return cut.state == CUT_REFUSED ? file : cut.path;
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
static int cut_make(struct btf_cut *types, struct btf_cut *hooks,
		    const struct bpf_object_skeleton *skeleton)
{
	const struct bpf_object *object = *skeleton->obj;
	struct btf_file file;
	struct buf none = {};
	int err;

	if (!types || !hooks)
		return -ENOMEM;
	err = btf_cut_want(types, bpf_object__btf(object), btf_ext_find(skeleton->data));
	err = err ?: hooks_want(hooks, object);
	err = err ?: btf_file_open(&file, cut.from ?: KERNEL_BTF);
	if (err)
		return err;
	err = btf_cut_run(types, &file, &cut.data);
	btf_file_close(&file);
	if (!err && !cut.from && btf_cut_lacks(types) && modules_have_btf())
		err = -EOPNOTSUPP;
	if (err || !cut.from)
		return err;
	if (!btf_file_open(&file, KERNEL_BTF)) {
		err = btf_cut_run(hooks, &file, &none);
		btf_file_close(&file);
	}
	buf_done(&none);
	return err;
}

int kernel_btf_fill(const struct bpf_object_skeleton *skeleton)
{
	struct btf_cut *types, *hooks;
	int err;

	if (cut.state != CUT_EMPTY)
		return 0;
	types = btf_cut_new();
	hooks = cut.from ? btf_cut_new() : types;
	err = cut_make(types, hooks, skeleton);
	err = err ?: write_all(cut.fd, cut.data.data, cut.data.len);
	for (size_t i = 0; !err && i < cut.hook_count; i++)
		cut.hooks[i].id = btf_cut_id(hooks, cut.hooks[i].name);
	if (hooks != types)
		btf_cut_free(hooks);
	btf_cut_free(types);
	if (err)
		cut_close(CUT_REFUSED);
	else
		cut.state = CUT_FILLED;
	return err ? -EAGAIN : 0;
}

int kernel_btf_enums(const char *const *enums, btf_enumerator_fn *each, void *context)
{
	struct btf_file file;
	int err = btf_file_open(&file, cut.from ?: KERNEL_BTF);

	if (err)
		return err;
	err = btf_file_enums(&file, enums, each, context);
	btf_file_close(&file);
	return err;
}

void kernel_btf_done(void)
{
	cut_close(CUT_NONE);
	btf_file_close(&names);
}
