/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "lib/bpf_info.h"
#include "lib/util.h"

/* ---- what helpers are called ---- */

/* A call in a loaded program has, for its number, how far the function is from __bpf_call_base. */
static struct symbol {
	uint64_t address;
	char *name;
} * symbols;
static size_t symbol_count;
static uint64_t call_base;
static bool symbols_read;

static int by_address(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

static void symbols_load(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/kallsyms", "re");
	size_t cap = 0;
	char line[512];

	symbols_read = true;
	while (file && fgets(line, sizeof(line), file)) {
		unsigned long long address;
		char type, name[256];
		struct symbol *more;

		/* Functions of the kernel, not of modules: these have a third word. */
		if (sscanf(line, "%llx %c %255s", &address, &type, name) != 3 || !address ||
		    strchr(line, '\t') || (type != 't' && type != 'T'))
			continue;
		if (!strcmp(name, "__bpf_call_base")) {
			call_base = address;
			continue;
		}
		if (strncmp(name, "bpf_", 4))
			continue;
		if (symbol_count == cap) {
			cap = cap ? 2 * cap : 1024;
			more = realloc(symbols, cap * sizeof(*more));
			if (!more)
				return;
			symbols = more;
		}
		symbols[symbol_count].address = address;
		symbols[symbol_count].name = strdup(name);
		if (symbols[symbol_count].name)
			symbol_count++;
	}
	qsort(symbols, symbol_count, sizeof(*symbols), by_address);
}

void bpf_info_done(void)
{
	while (symbol_count)
		free(symbols[--symbol_count].name);
	free(symbols);
	symbols = NULL;
	call_base = 0;
	symbols_read = false;
}

static const char *helper_name(int32_t imm)
{
	struct symbol key, *found;

	if (imm == BPF_FUNC_tail_call)
		return "tail_call"; /* an instruction of its own, shown as it was */

	if (!symbols_read)
		symbols_load();
	if (!call_base || !imm)
		return NULL;
	key.address = call_base + imm;
	found = bsearch(&key, symbols, symbol_count, sizeof(key), by_address);
	return found ? found->name + strlen("bpf_") : NULL;
}

/* Adds *text* with its NUL unless it is there already. */
static void add_once(struct buf *b, const char *text)
{
	size_t len = strlen(text) + 1;

	for (size_t at = 0; at < b->len; at += strlen(b->data + at) + 1)
		if (!strcmp(b->data + at, text))
			return;
	buf_add(b, text, len);
}

static void find_helpers(const struct bpf_insn *insns, size_t count, struct prog_details *ret)
{
	ret->helpers_known = true;
	for (size_t i = 0; i < count; i++) {
		const char *name;

		if (insns[i].code != (BPF_JMP | BPF_CALL) || insns[i].src_reg)
			continue;
		name = helper_name(insns[i].imm);
		if (name)
			add_once(&ret->helpers, name);
		else
			ret->helpers_known = false;
	}
}

/* ---- programs ---- */

static void find_names(const struct bpf_prog_info *info, const struct bpf_func_info *function,
		       const struct bpf_line_info *line, struct prog_details *ret)
{
	struct btf *btf = btf__load_from_kernel_by_id(info->btf_id);
	const struct btf_type *t;
	const char *text;

	if (!btf)
		return;
	/* That of the info may have been cut. */
	if (ret->name.len == sizeof(info->name) - 1 && info->nr_func_info &&
	    (t = btf__type_by_id(btf, function->type_id)) &&
	    (text = btf__name_by_offset(btf, t->name_off)) &&
	    !strncmp(text, info->name, ret->name.len)) {
		buf_reset(&ret->name);
		buf_str(&ret->name, text);
	}
	if (info->nr_line_info && (text = btf__name_by_offset(btf, line->file_name_off)))
		buf_printf(&ret->source, "%s:%u", text, BPF_LINE_INFO_LINE_NUM(line->line_col));
	btf__free(btf);
}

static int prog_look(int fd, bool deep, struct prog_details *ret)
{
	struct bpf_func_info function = {};
	struct bpf_line_info line = {};
	struct bpf_prog_info more = {};
	_cleanup_free_ struct bpf_insn *insns = NULL;
	_cleanup_free_ uint32_t *maps = NULL;
	__u32 len = sizeof(ret->info);

	memset(&ret->info, 0, sizeof(ret->info));
	if (bpf_obj_get_info_by_fd(fd, &ret->info, &len))
		return -errno;
	buf_add(&ret->name, ret->info.name, strnlen(ret->info.name, sizeof(ret->info.name)));
	if (!deep)
		return 0;
	insns = malloc(ret->info.xlated_prog_len + 1);
	maps = calloc(ret->info.nr_map_ids + 1, sizeof(*maps));
	if (!insns || !maps)
		return -ENOMEM;
	more.xlated_prog_len = ret->info.xlated_prog_len;
	more.xlated_prog_insns = (uintptr_t)insns;
	more.nr_map_ids = ret->info.nr_map_ids;
	more.map_ids = (uintptr_t)maps;
	/* The first of each will do. */
	more.nr_func_info = !!ret->info.nr_func_info;
	more.func_info_rec_size = sizeof(function);
	more.func_info = (uintptr_t)&function;
	more.nr_line_info = !!ret->info.nr_line_info;
	more.line_info_rec_size = sizeof(line);
	more.line_info = (uintptr_t)&line;
	len = sizeof(more);
	if (bpf_obj_get_info_by_fd(fd, &more, &len))
		return -errno;
	/* Not shown if the kernel hides its addresses from us. */
	if (more.xlated_prog_insns)
		find_helpers(insns, ret->info.xlated_prog_len / sizeof(*insns), ret);
	for (uint32_t i = 0; i < ret->info.nr_map_ids; i++) {
		buf_printf(&ret->maps, "%u", maps[i]);
		buf_char(&ret->maps, '\0');
	}
	if (ret->info.btf_id)
		find_names(&ret->info, &function, &line, ret);
	return 0;
}

int prog_details(uint32_t id, bool deep, struct prog_details *ret)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);

	buf_reset(&ret->name);
	buf_reset(&ret->helpers);
	buf_reset(&ret->maps);
	buf_reset(&ret->source);
	ret->helpers_known = false;
	return fd < 0 ? -errno : prog_look(fd, deep, ret);
}

void prog_details_done(struct prog_details *details)
{
	buf_done(&details->name);
	buf_done(&details->helpers);
	buf_done(&details->maps);
	buf_done(&details->source);
}

/* ---- maps and links ---- */

int map_details(uint32_t id, struct bpf_map_info *ret)
{
	_cleanup_close_ int fd = bpf_map_get_fd_by_id(id);
	__u32 len = sizeof(*ret);

	memset(ret, 0, sizeof(*ret));
	return fd < 0 || bpf_obj_get_info_by_fd(fd, ret, &len) ? -errno : 0;
}

/* Newer than the oldest <linux/bpf.h> that we build with: include/uapi/linux/bpf.h of Linux 6.18. */
enum {
	LINK_RAW_TRACEPOINT = 1,
	LINK_TRACING,
	LINK_CGROUP,
	LINK_ITER,
	LINK_NETNS,
	LINK_XDP,
	LINK_PERF_EVENT,
	LINK_NETFILTER = 10,
	LINK_TCX,
	LINK_UPROBE_MULTI,
	LINK_NETKIT,
};

union link_info {
	struct bpf_link_info known;
	struct {
		__u32 type, id, prog_id, unused;
		union {
			struct {
				__u32 family, hook;
				__s32 priority;
			} netfilter;
			struct {
				__u32 ifindex, attach_type;
			} device; /* tcx, netkit */
			struct {
				__u64 path;
				__u64 offsets, refs, cookies;
				__u32 path_size;
			} uprobe_multi;
			struct {
				__u32 kind, unused; /* 1, 2: uprobe; 3, 4: kprobe; 5: tracepoint */
				__u64 name;
				__u32 name_len;
			} perf_event;
		};
		char room[256];
	} new;
};

static void put_target(struct buf *b, const union link_info *info, const char *name)
{
	switch (info->known.type) {
	case LINK_NETNS:
		if (info->known.netns.netns_ino)
			buf_printf(b, "net:[%u]", info->known.netns.netns_ino);
		break;
	case LINK_XDP:
	case LINK_TCX:
	case LINK_NETKIT:
		break;
	case LINK_NETFILTER:
		buf_printf(b, "family %u, hook %u, priority %d", info->new.netfilter.family,
			   info->new.netfilter.hook, info->new.netfilter.priority);
		break;
	default:
		buf_str(b, name);
	}
}

int link_details(uint32_t id, struct bpf_link_info *ret, struct buf *target, uint32_t *ifindex)
{
	_cleanup_close_ int fd = bpf_link_get_fd_by_id(id);
	union link_info info = {};
	__u32 len = sizeof(info.new) - sizeof(info.new.room);
	char name[256] = "";

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	switch (info.known.type) {
	case LINK_RAW_TRACEPOINT:
		info.known.raw_tracepoint.tp_name = (uintptr_t)name;
		info.known.raw_tracepoint.tp_name_len = sizeof(name);
		break;
	case LINK_ITER:
		info.known.iter.target_name = (uintptr_t)name;
		info.known.iter.target_name_len = sizeof(name);
		break;
	case LINK_UPROBE_MULTI:
		info.new.uprobe_multi.path = (uintptr_t)name;
		info.new.uprobe_multi.path_size = sizeof(name);
		break;
	case LINK_PERF_EVENT:
		info.new.perf_event.name = (uintptr_t)name;
		info.new.perf_event.name_len = sizeof(name);
		break;
	}
	len = sizeof(info.new) - sizeof(info.new.room);
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	*ret = info.known;
	*ifindex = info.known.type == LINK_XDP ? info.known.xdp.ifindex :
		   info.known.type == LINK_TCX || info.known.type == LINK_NETKIT ?
						 info.new.device.ifindex :
						 0;
	put_target(target, &info, name);
	return 0;
}
