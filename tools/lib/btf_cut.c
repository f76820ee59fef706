/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "lib/btf_cut.h"
#include "lib/util.h"

#define WINDOW	   4096 /* a read(2) of a file in sysfs gets no more at once */
#define MARK	   64	/* types between two that are found without a search */
#define TYPES_MAX  4096 /* in what is cut out */
#define NAME_OTHER 1	/* offset of a name that stands for all that the object does not look at */
#define KIND(x)	   (1u << BTF_KIND_##x)
#define ENUMS	   (KIND(ENUM) | KIND(ENUM64))
#define NAMED	   (ENUMS | KIND(FWD) | KIND(STRUCT) | KIND(UNION))
#define ROOTS \
	(ENUMS | KIND(INT) | KIND(STRUCT) | KIND(UNION) | KIND(FWD) | KIND(TYPEDEF) | KIND(FLOAT))

struct name {
	const char *text; /* of len bytes, without a NUL */
	uint32_t len;
	uint32_t roots;	   /* relocations start from types of this name and these kinds */
	uint32_t found;	   /* these are in the file */
	uint32_t id_kinds; /* the ID of the first one of these kinds is wanted */
	uint32_t id;
	uint32_t off; /* among the new strings; 0: not there yet */
	bool whole;   /* an enum of this name keeps all of its enumerators */
};

struct btf_cut {
	struct name *names; /* a hash table with open addressing */
	uint32_t names_cap, names_count;
	uint32_t kinds;			/* all that are looked for */
	uint64_t starts[1024];		/* of their names: the first bytes, as a bit */
	uint32_t *marks;		/* where each MARKth type is */
	uint32_t file_count;		/* types in the file */
	uint32_t ids[TYPES_MAX], count; /* of each type of the new BTF: the old ID */
	uint16_t slots[2 * TYPES_MAX];	/* the way back: a hash table of indices into ids, plus 1 */
	int err;
	struct buf types, strings;
};

/* ---- the file ---- */

static int read_at(int fd, void *to, size_t len, uint64_t off)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (char *)to + done, len - done, off + done);

		if (n <= 0)
			return n ? -errno : -EINVAL;
		done += n;
	}
	return 0;
}

/* Where in a file of *size* bytes the types and the strings are; those to *strings_off*. */
static int file_layout(struct btf_file *file, const struct btf_header *header, uint64_t size,
		       uint64_t *strings_off)
{
	/* Sums of 32-bit numbers in 64 bits: none overflows. */
	*strings_off = (uint64_t)header->hdr_len + header->str_off;
	if (header->magic != BTF_MAGIC || header->version != BTF_VERSION ||
	    header->hdr_len < sizeof(*header) || header->hdr_len % 4 || header->type_off % 4 ||
	    !header->str_len || *strings_off + header->str_len > size || size > UINT32_MAX ||
	    (uint64_t)header->hdr_len + header->type_off + header->type_len > size)
		return -EINVAL;
	file->types_off = header->hdr_len + header->type_off;
	file->types_len = header->type_len;
	file->strings_len = header->str_len;
	if (file->map)
		return 0;
	file->strings = malloc(header->str_len);
	return file->strings ? 0 : -ENOMEM;
}

/* Since Linux 6.16, a539e2a6d51d ("btf: Allow mmap of vmlinux btf"), the kernel's own can be mapped: no
 * copy, and no read for each page.  Other files might change meanwhile. */
static void file_map(struct btf_file *file, size_t size)
{
	struct statfs fs;
	void *map;

	if (fstatfs(file->fd, &fs) || fs.f_type != SYSFS_MAGIC)
		return;
	map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file->fd, 0);
	if (map == MAP_FAILED)
		return;
	file->map = map;
	file->map_len = size;
}

/* Now no name goes past the end. */
static int strings_end(const struct btf_file *file)
{
	return file->strings[0] || file->strings[file->strings_len - 1] ? -EINVAL : 0;
}

static int file_load(struct btf_file *file, const char *path)
{
	struct btf_header header;
	uint64_t strings_off;
	struct stat st;
	int err;

	file->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (file->fd < 0 || fstat(file->fd, &st))
		return -errno;
	file_map(file, st.st_size);
	err = read_at(file->fd, &header, sizeof(header), 0);
	err = err ?: file_layout(file, &header, st.st_size, &strings_off);
	if (!err && file->map) {
		file->strings = file->map + strings_off;
		file->window = file->map + file->types_off;
		file->window_len = file->types_len;
	} else if (!err) {
		err = read_at(file->fd, file->strings, file->strings_len, strings_off);
	}
	return err ?: strings_end(file);
}

int btf_file_open(struct btf_file *file, const char *path)
{
	int err;

	*file = (struct btf_file){ .fd = -1 };
	err = file_load(file, path);
	if (err)
		btf_file_close(file);
	return err;
}

int btf_file_memory(struct btf_file *file, const void *data, size_t len)
{
	struct btf_header header;
	uint64_t strings_off;
	int err = -EINVAL;

	*file = (struct btf_file){ .fd = -1 };
	if (len >= sizeof(header)) {
		memcpy(&header, data, sizeof(header));
		err = file_layout(file, &header, len, &strings_off);
	}
	if (!err) {
		memcpy(file->strings, data + strings_off, file->strings_len);
		err = strings_end(file);
	}
	file->window = err ? NULL : malloc(file->types_len + 1);
	if (!file->window) {
		btf_file_close(file);
		return err ?: -ENOMEM;
	}
	/* All types are seen through the window, so that nothing is ever read. */
	memcpy(file->window, data + file->types_off, file->types_len);
	file->window_len = file->window_cap = file->types_len;
	return 0;
}

void btf_file_close(struct btf_file *file)
{
	close_fd(&file->fd);
	if (file->map) {
		munmap(file->map, file->map_len);
	} else {
		free(file->strings);
		free(file->window);
	}
	*file = (struct btf_file){ .fd = -1 };
}

/* *len* bytes of the types from *off*, to be used before the next call.  NULL with errno set. */
static const void *types_at(struct btf_file *file, uint32_t off, uint32_t len)
{
	uint32_t n;
	int err;

	if (off > file->types_len || len > file->types_len - off) {
		errno = EINVAL;
		return NULL;
	}
	if (off >= file->window_off && off - file->window_off <= file->window_len &&
	    len <= file->window_len - (off - file->window_off))
		return file->window + (off - file->window_off);
	n = len > WINDOW ? len : WINDOW;
	if (n > file->types_len - off)
		n = file->types_len - off;
	file->window_len = 0;
	if (n > file->window_cap) {
		free(file->window);
		file->window_cap = 0;
		file->window = malloc(n);
		if (!file->window)
			return NULL;
		file->window_cap = n;
	}
	err = read_at(file->fd, file->window, n, (uint64_t)file->types_off + off);
	if (err) {
		errno = -err;
		return NULL;
	}
	file->window_off = off;
	file->window_len = n;
	return file->window;
}

/* The type at *off*; its whole length goes to *size*.  NULL with errno set. */
static const struct btf_type *type_at(struct btf_file *file, uint32_t off, uint32_t *size)
{
	const struct btf_type *t = types_at(file, off, sizeof(*t));
	uint32_t vlen;

	if (!t)
		return NULL;
	vlen = btf_vlen(t);
	*size = sizeof(*t);
	switch (btf_kind(t)) {
	case BTF_KIND_PTR:
	case BTF_KIND_FWD:
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_FUNC:
	case BTF_KIND_FLOAT:
	case BTF_KIND_TYPE_TAG:
		break;
	case BTF_KIND_INT:
	case BTF_KIND_VAR:
	case BTF_KIND_DECL_TAG:
		*size += sizeof(__u32);
		break;
	case BTF_KIND_ARRAY:
		*size += sizeof(struct btf_array);
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
	case BTF_KIND_DATASEC:
	case BTF_KIND_ENUM64:
		*size += vlen * 3 * sizeof(__u32);
		break;
	case BTF_KIND_ENUM:
	case BTF_KIND_FUNC_PROTO:
		*size += vlen * 2 * sizeof(__u32);
		break;
	default:
		errno = EINVAL;
		return NULL;
	}
	return t;
}

static const char *name_at(const struct btf_file *file, uint32_t off)
{
	return off < file->strings_len ? file->strings + off : "";
}

int btf_file_enums(struct btf_file *file, const char *const *enums, btf_enumerator_fn *each,
		   void *context)
{
	uint32_t size;

	for (uint32_t off = 0; off < file->types_len; off += size) {
		const struct btf_type *t = type_at(file, off, &size);
		size_t which = 0;

		if (!t)
			return -errno;
		if (btf_kind(t) != BTF_KIND_ENUM)
			continue;
		while (enums[which] && strcmp(enums[which], name_at(file, t->name_off)))
			which++;
		if (!enums[which])
			continue;
		t = types_at(file, off, size);
		if (!t)
			return -errno;
		for (uint32_t i = 0; i < btf_vlen(t); i++) {
			const struct btf_enum *e = btf_enum(t) + i;

			each(context, which, e->val, name_at(file, e->name_off));
		}
	}
	return 0;
}

/* ---- whether it is sound ---- */

/* Whether a type that *id* contains is known to be sound; what is only pointed to need not be. */
static bool known(const uint32_t *offs, uint32_t count, uint32_t id)
{
	return !id || (id <= count && offs[id] == UINT32_MAX);
}

/* Whether all that a type of these kinds consists of is known to be sound. */
static bool parts_known(const struct btf_type *t, const uint32_t *offs, uint32_t count)
{
	const struct btf_member *m = (const void *)(t + 1);
	const struct btf_array *array = (const void *)(t + 1);

	switch (btf_kind(t)) {
	case BTF_KIND_INT:
	case BTF_KIND_FLOAT:
	case BTF_KIND_FWD:
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		return true;
	case BTF_KIND_PTR:
		return t->type <= count;
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
		return known(offs, count, t->type);
	case BTF_KIND_ARRAY:
		return known(offs, count, array->type) && known(offs, count, array->index_type);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		for (uint32_t i = 0; i < btf_vlen(t); i++)
			if (!known(offs, count, m[i].type))
				return false;
		return true;
	default:
		return false;
	}
}

static bool names_within(const struct btf_type *t, uint32_t strings_len)
{
	uint32_t kind = btf_kind(t), step = kind == BTF_KIND_ENUM ? 2 : 3;
	const uint32_t *item = (const void *)(t + 1);

	if (t->name_off >= strings_len)
		return false;
	if (!(1u << kind & (ENUMS | KIND(STRUCT) | KIND(UNION))))
		return true;
	for (uint32_t i = 0; i < btf_vlen(t); i++, item += step)
		if (*item >= strings_len)
			return false;
	return true;
}

/* The offset of each type, from 1 on. */
static int list_types(struct btf_file *file, uint32_t *offs, uint32_t *ret_count)
{
	uint32_t size;

	*ret_count = 0;
	for (uint32_t off = 0; off < file->types_len; off += size) {
		const struct btf_type *t = type_at(file, off, &size);

		t = t ? types_at(file, off, size) : NULL;
		if (!t || !names_within(t, file->strings_len))
			return -EINVAL;
		offs[++*ret_count] = off;
	}
	return 0;
}

int btf_file_sound(struct btf_file *file)
{
	uint32_t count, left, before, size;
	_cleanup_free_ uint32_t *offs =
		calloc(file->types_len / sizeof(struct btf_type) + 1, sizeof(*offs));

	if (!offs)
		return -ENOMEM;
	if (list_types(file, offs, &count))
		return -EINVAL;
	/* Each round knows what consists of what the one before knew: a circle is never known. */
	for (left = count, before = left + 1; left && left < before;) {
		before = left;
		for (uint32_t id = 1; id <= count; id++) {
			if (offs[id] == UINT32_MAX)
				continue;
			type_at(file, offs[id], &size);
			if (!parts_known(types_at(file, offs[id], size), offs, count))
				continue;
			offs[id] = UINT32_MAX;
			left--;
		}
	}
	return left ? -EINVAL : 0;
}

/* ---- names ---- */

/* Without the flavour: "task_struct" of "task_struct___old", as libbpf sees it. */
static uint32_t essential_len(const char *name)
{
	uint32_t len = strlen(name);

	for (uint32_t i = len; i-- > 4;)
		if (name[i] != '_' && name[i - 1] == '_' && name[i - 2] == '_' &&
		    name[i - 3] == '_' && name[i - 4] != '_')
			return i - 3;
	return len;
}

/* The slot that holds the name, or that it would take. */
static struct name *name_slot(const struct btf_cut *cut, const char *text, uint32_t len)
{
	uint32_t hash = 2166136261;

	for (uint32_t i = 0; i < len; i++)
		hash = (hash ^ (uint8_t)text[i]) * 16777619; /* FNV-1a */
	for (;; hash++) {
		struct name *name = &cut->names[hash & (cut->names_cap - 1)];

		if (!name->text || (name->len == len && !memcmp(name->text, text, len)))
			return name;
	}
}

static struct name *name_find(const struct btf_cut *cut, const char *text, uint32_t len)
{
	struct name *name = cut->names_cap ? name_slot(cut, text, len) : NULL;

	return name && name->text ? name : NULL;
}

static struct name *name_add(struct btf_cut *cut, const char *text, uint32_t len)
{
	uint32_t cap = cut->names_cap;
	struct name *name, *old = cut->names;

	if (2 * cut->names_count >= cap) {
		cut->names = calloc(cap ? 2 * cap : 1024, sizeof(*name));
		if (!cut->names) {
			cut->names = old;
			return NULL;
		}
		cut->names_cap = cap ? 2 * cap : 1024;
		for (uint32_t i = 0; i < cap; i++)
			if (old[i].text)
				*name_slot(cut, old[i].text, old[i].len) = old[i];
		free(old);
	}
	name = name_slot(cut, text, len);
	if (!name->text) {
		cut->names_count++;
		name->text = text;
		name->len = len;
	}
	return name;
}

/* Most names need no more of a look.  A '_' may be where a flavour starts. */
static uint32_t start_bit(const char *text)
{
	uint32_t key = 0;

	for (int i = 0; i < 3 && text[i] && text[i] != '_'; i++)
		key = key * 41 + (uint8_t)text[i];
	return key & 0xffff;
}

static int want_root(struct btf_cut *cut, const char *text, uint32_t len, uint32_t kinds)
{
	uint32_t start = start_bit(text);
	struct name *name = name_add(cut, text, len);

	if (!name)
		return -ENOMEM;
	name->roots |= kinds;
	cut->starts[start / 64] |= 1ull << start % 64;
	cut->kinds |= kinds;
	return 0;
}

/* ---- what an object wants ---- */

struct btf_cut *btf_cut_new(void)
{
	return calloc(1, sizeof(struct btf_cut));
}

void btf_cut_free(struct btf_cut *cut)
{
	if (!cut)
		return;
	free(cut->names);
	free(cut->marks);
	buf_done(&cut->types);
	buf_done(&cut->strings);
	free(cut);
}

int btf_cut_want_id(struct btf_cut *cut, const char *text, uint32_t kind)
{
	int err = want_root(cut, text, strlen(text), 0);

	if (err)
		return err;
	name_slot(cut, text, strlen(text))->id_kinds = 1u << kind;
	cut->kinds |= 1u << kind;
	return 0;
}

int btf_cut_want_enum(struct btf_cut *cut, const char *text)
{
	int err = want_root(cut, text, strlen(text), 0);

	if (err)
		return err;
	name_slot(cut, text, strlen(text))->whole = true;
	cut->kinds |= KIND(ENUM);
	return 0;
}

static const struct btf_type *skip_modifiers(const struct btf *btf, uint32_t id)
{
	const struct btf_type *t = btf__type_by_id(btf, id);

	while (t && (btf_is_typedef(t) || btf_is_mod(t)))
		t = btf__type_by_id(btf, t->type);
	return t;
}

static int want_name(struct btf_cut *cut, const struct btf *btf, uint32_t off, bool member)
{
	const char *text = btf__name_by_offset(btf, off);

	if (!text || !*text)
		return 0;
	return name_add(cut, text, member ? strlen(text) : essential_len(text)) ? 0 : -ENOMEM;
}

/* What lies on the way of *access*, "0:3:1": indices of members, elements, enumerators; the first
 * one is of an array that the type itself may be in. */
static int want_access(struct btf_cut *cut, const struct btf *btf, const struct btf_type *t,
		       const char *access)
{
	uint32_t kind, id, i;
	int err;

	if (1u << btf_kind(t) & ENUMS) {
		i = strtoul(access, NULL, 10);
		if (i >= btf_vlen(t))
			return -EOPNOTSUPP;
		return want_name(cut, btf,
				 btf_kind(t) == BTF_KIND_ENUM ? btf_enum(t)[i].name_off :
								btf_enum64(t)[i].name_off,
				 false);
	}
	while ((access = strchr(access, ':'))) {
		i = strtoul(++access, NULL, 10);
		kind = btf_kind(t);
		if (kind == BTF_KIND_ARRAY) {
			id = btf_array(t)->type;
		} else if (btf_is_composite(t) && i < btf_vlen(t)) {
			err = want_name(cut, btf, btf_members(t)[i].name_off, true);
			if (err)
				return err;
			id = btf_members(t)[i].type;
		} else {
			return -EOPNOTSUPP;
		}
		t = skip_modifiers(btf, id);
		if (!t)
			return -EOPNOTSUPP;
		/* Fields of enums have to be of one of the same name. */
		if (1u << btf_kind(t) & NAMED && want_name(cut, btf, t->name_off, false))
			return -ENOMEM;
	}
	return 0;
}

static int want_relocation(struct btf_cut *cut, const struct btf *btf,
			   const struct bpf_core_relo *relo)
{
	const struct btf_type *t = btf__type_by_id(btf, relo->type_id), *end;
	const char *text, *access = btf__name_by_offset(btf, relo->access_str_off);
	uint32_t kinds;
	int err;

	if (relo->kind == BPF_CORE_TYPE_ID_LOCAL)
		return 0;
	if (!t || relo->kind == BPF_CORE_TYPE_ID_TARGET || relo->kind > BPF_CORE_ENUMVAL_VALUE)
		return -EOPNOTSUPP;
	end = skip_modifiers(btf, relo->type_id);
	kinds = 1u << btf_kind(t);
	text = btf__name_by_offset(btf, t->name_off);
	/* Whether a pointer or a function exists depends on all that it is about. */
	if (!*text || !(kinds & ROOTS) || !end || !(1u << btf_kind(end) & ROOTS) || !access)
		return -EOPNOTSUPP;
	err = want_root(cut, text, essential_len(text), kinds & ENUMS ? ENUMS : kinds);
	if (err || relo->kind == BPF_CORE_TYPE_EXISTS || relo->kind == BPF_CORE_TYPE_SIZE)
		return err;
	return want_access(cut, btf, end, access);
}

const void *btf_ext_find(const void *elf)
{
	const Elf64_Ehdr *ehdr = elf;
	const Elf64_Shdr *section = elf + ehdr->e_shoff;
	const char *names = elf + section[ehdr->e_shstrndx].sh_offset;

	for (uint32_t i = 0; i < ehdr->e_shnum; i++)
		if (!strcmp(names + section[i].sh_name, ".BTF.ext"))
			return elf + section[i].sh_offset;
	return NULL;
}

/* struct btf_ext_header, and struct bpf_core_relo of linux/bpf.h */
int btf_cut_want(struct btf_cut *cut, const struct btf *btf, const void *btf_ext)
{
	const struct {
		uint16_t magic;
		uint8_t version, flags;
		uint32_t len, funcs_off, funcs_len, lines_off, lines_len, relos_off, relos_len;
	} *ext = btf_ext;
	const void *at, *end;
	uint32_t size;
	int err;

	if (!ext || ext->len < sizeof(*ext) || !ext->relos_len)
		return 0;
	at = (const void *)ext + ext->len + ext->relos_off;
	end = at + ext->relos_len;
	/* The size of a record; then, for each section: its name, a count, and records. */
	size = *(const uint32_t *)at;
	for (at += 4; at < end;) {
		uint32_t count = ((const uint32_t *)at)[1];

		for (at += 8; count--; at += size) {
			err = want_relocation(cut, btf, at);
			if (err)
				return err;
		}
	}
	return 0;
}

uint32_t btf_cut_id(const struct btf_cut *cut, const char *text)
{
	const struct name *name = name_find(cut, text, strlen(text));

	return name ? name->id : 0;
}

bool btf_cut_lacks(const struct btf_cut *cut)
{
	for (uint32_t i = 0; i < cut->names_cap; i++) {
		uint32_t found = cut->names[i].found;

		if (cut->names[i].roots & ~(found & ENUMS ? found | ENUMS : found))
			return true;
	}
	return false;
}

/* ---- the cut ---- */

/* The new ID of a type, which will be written in its turn. */
static uint32_t new_id(struct btf_cut *cut, uint32_t old)
{
	uint32_t slot = old * 2654435761u; /* Knuth's multiplicative hash */

	if (!old)
		return 0; /* void */
	for (;; slot++) {
		uint16_t *index = &cut->slots[slot % ARRAY_SIZE(cut->slots)];

		if (*index && cut->ids[*index - 1] == old)
			return *index;
		if (*index)
			continue;
		if (cut->count == TYPES_MAX) {
			cut->err = -E2BIG;
			return 0;
		}
		cut->ids[cut->count++] = old;
		return *index = cut->count;
	}
}

static uint32_t put_string(struct btf_cut *cut, const char *text, uint32_t len)
{
	uint32_t off = cut->strings.len;

	buf_add(&cut->strings, text, len);
	buf_char(&cut->strings, '\0');
	return off;
}

/* The new place of a name; its flavour goes, if it is not that of a *member*. */
static uint32_t new_name(struct btf_cut *cut, const struct btf_file *file, uint32_t off,
			 bool member)
{
	const char *text = file->strings + off;
	struct name *name;

	if (off >= file->strings_len) {
		cut->err = -EINVAL;
		return 0;
	}
	if (!*text)
		return 0;
	name = name_find(cut, text, member ? strlen(text) : essential_len(text));
	if (!name)
		return NAME_OTHER;
	if (!name->off)
		name->off = put_string(cut, name->text, name->len);
	return name->off;
}

/* The first pass: the types with the names of roots. */
static int find_roots(struct btf_cut *cut, struct btf_file *file)
{
	uint32_t off = 0, size;

	cut->marks =
		calloc(file->types_len / sizeof(struct btf_type) / MARK + 1, sizeof(*cut->marks));
	if (!cut->marks)
		return -ENOMEM;
	for (uint32_t id = 1; off < file->types_len; id++, off += size) {
		const struct btf_type *t = type_at(file, off, &size);
		uint32_t kind, start;
		struct name *name;
		const char *text;

		if (!t)
			return -errno;
		cut->file_count = id;
		if (id % MARK == 0)
			cut->marks[id / MARK] = off;
		kind = 1u << btf_kind(t);
		if (!(kind & cut->kinds))
			continue;
		if (t->name_off >= file->strings_len)
			return -EINVAL;
		text = file->strings + t->name_off;
		if (!*text)
			continue;
		start = start_bit(text);
		if (!(cut->starts[start / 64] >> start % 64 & 1))
			continue;
		name = name_slot(cut, text, essential_len(text));
		if (!name->text)
			continue;
		name->found |= kind & name->roots;
		if (kind & name->roots || (kind == KIND(ENUM) && name->whole))
			new_id(cut, id);
		if (kind & name->id_kinds && !name->id)
			name->id = id;
	}
	return off == file->types_len ? 0 : -EINVAL;
}

/* A type with all that belongs to it.  NULL with errno set. */
static const struct btf_type *type_by_id(const struct btf_cut *cut, struct btf_file *file,
					 uint32_t id)
{
	uint32_t at = id < MARK ? 1 : id / MARK * MARK, off, size;

	if (id <= cut->file_count)
		for (off = cut->marks[id / MARK]; type_at(file, off, &size); at++, off += size)
			if (at == id)
				return types_at(file, off, size);
	errno = EINVAL;
	return NULL;
}

static void put_members(struct btf_cut *cut, const struct btf_file *file, const struct btf_type *t,
			struct btf_type *new)
{
	const struct btf_member *m = (const void *)(t + 1);
	uint32_t count = btf_vlen(t), kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct btf_member member = m[i];

		member.name_off = new_name(cut, file, m[i].name_off, true);
		/* Only the last one may be an array without an end, so the last one stays last. */
		if (member.name_off == NAME_OTHER && i < count - 1)
			continue;
		member.type = member.name_off == NAME_OTHER ? 0 : new_id(cut, m[i].type);
		if (member.name_off == NAME_OTHER)
			member.name_off = 0;
		buf_add(&cut->types, &member, sizeof(member));
		kept++;
	}
	new->info = (t->info & ~0xffffu) | kept;
}

static void put_enumerators(struct btf_cut *cut, const struct btf_file *file,
			    const struct btf_type *t, struct btf_type *new)
{
	size_t size =
		btf_kind(t) == BTF_KIND_ENUM ? sizeof(struct btf_enum) : sizeof(struct btf_enum64);
	const char *text = name_at(file, t->name_off);
	const struct name *it = name_find(cut, text, essential_len(text));
	bool whole = it && it->whole;
	const void *at = t + 1;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < btf_vlen(t); i++, at += size) {
		uint32_t name = new_name(cut, file, *(const uint32_t *)at, false);

		if (name == NAME_OTHER && !whole)
			continue;
		if (name == NAME_OTHER) {
			text = name_at(file, *(const uint32_t *)at);
			name = put_string(cut, text, strlen(text));
		}
		buf_add(&cut->types, &name, sizeof(name));
		buf_add(&cut->types, at + sizeof(name), size - sizeof(name));
		kept++;
	}
	new->info = (t->info & ~0xffffu) | kept;
}

static int put_type(struct btf_cut *cut, struct btf_file *file, uint32_t id)
{
	const struct btf_type *t = type_by_id(cut, file, id);
	size_t start = cut->types.len;
	struct btf_array array;
	struct btf_type new;

	if (!t)
		return -errno;
	new = *t;
	new.name_off = new_name(cut, file, t->name_off, false);
	buf_add(&cut->types, &new, sizeof(new));
	switch (btf_kind(t)) {
	case BTF_KIND_INT:
		buf_add(&cut->types, t + 1, sizeof(uint32_t));
		break;
	case BTF_KIND_FLOAT:
	case BTF_KIND_FWD:
		break;
	case BTF_KIND_PTR:
		new.type = 0;
		break;
	case BTF_KIND_TYPEDEF:
	case BTF_KIND_VOLATILE:
	case BTF_KIND_CONST:
	case BTF_KIND_RESTRICT:
	case BTF_KIND_TYPE_TAG:
		new.type = new_id(cut, t->type);
		break;
	case BTF_KIND_ARRAY:
		array = *(const struct btf_array *)(t + 1);
		array.type = new_id(cut, array.type);
		array.index_type = new_id(cut, array.index_type);
		buf_add(&cut->types, &array, sizeof(array));
		break;
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		put_members(cut, file, t, &new);
		break;
	case BTF_KIND_ENUM:
	case BTF_KIND_ENUM64:
		put_enumerators(cut, file, t, &new);
		break;
	default: /* a function, a variable: nothing consists of these */
		return -EINVAL;
	}
	if (!cut->types.failed)
		memcpy(cut->types.data + start, &new, sizeof(new));
	return cut->err;
}

int btf_cut_run(struct btf_cut *cut, struct btf_file *file, struct buf *out)
{
	struct btf_header header = { .magic = BTF_MAGIC,
				     .version = BTF_VERSION,
				     .hdr_len = sizeof(header) };
	int err;

	buf_add(&cut->strings, "\0?", 3); /* NAME_OTHER equals no name */
	err = find_roots(cut, file);
	for (uint32_t i = 0; !err && i < cut->count; i++)
		err = put_type(cut, file, cut->ids[i]);
	if (err)
		return err;
	header.type_len = header.str_off = cut->types.len;
	header.str_len = cut->strings.len;
	buf_add(out, &header, sizeof(header));
	buf_add(out, cut->types.data, cut->types.len);
	buf_add(out, cut->strings.data, cut->strings.len);
	return cut->types.failed || cut->strings.failed || out->failed ? -ENOMEM : 0;
}
