/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads BPF objects and kernels' BTF.  Files are not trusted: what is read of them is checked. */
#include <byteswap.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "corecheck.h"
#include "lib/util.h"

#define HASHES	 (1u << 16)
#define INSN_LEN sizeof(struct bpf_insn)

static const bool host_big = __BYTE_ORDER == __BIG_ENDIAN;

static int __attribute__((format(printf, 3, 4)))
refuse(char why[256], int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, 256, fmt, args);
	va_end(args);
	return err;
}

const char *name_of(const struct btf *btf, uint32_t off)
{
	return btf__name_by_offset(btf, off) ?: "";
}

size_t essential_length(const char *name)
{
	size_t len = strlen(name);

	/* Three underscores, no more and no less, and something on both sides: the last ones. */
	for (size_t i = len; i-- > 4;)
		if (name[i] != '_' && name[i - 4] != '_' && !memcmp(name + i - 3, "___", 3))
			return i - 3;
	return len;
}

/* ---- kernels ---- */

static uint32_t hash_of(const char *name, size_t len)
{
	uint32_t hash = 2166136261;

	while (len--)
		hash = (hash ^ (uint8_t)*name++) * 16777619; /* FNV-1a */
	return (hash ^ hash >> 16) % HASHES;
}

uint32_t kernel_first(const struct kernel *kernel, const char *name, size_t len)
{
	return kernel->heads[hash_of(name, len)];
}

uint32_t kernel_next(const struct kernel *kernel, uint32_t id)
{
	return kernel->next[id];
}

/* "6.12" of "kernels/6.12/vmlinux.btf", "6.12.1" of "6.12.1.btf" */
static char *column_name(const char *path)
{
	_cleanup_free_ char *copy = strdup(path), *base_copy = strdup(path);
	char *base = base_copy ? basename(base_copy) : NULL, *dir;
	size_t len;

	if (!copy || !base)
		return NULL;
	len = strlen(base);
	if (len > 4 && !strcmp(base + len - 4, ".btf"))
		base[len - 4] = '\0';
	dir = basename(dirname(copy));
	if (!strcmp(base, "vmlinux") && strcmp(dir, "btf") && strcmp(dir, ".") && strcmp(dir, "/"))
		return strdup(dir);
	return strdup(base);
}

/* Of an ELF file, EM_NONE of any other. */
static int machine_of(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	unsigned char head[20];

	if (fd < 0)
		return -errno;
	if (read(fd, head, sizeof(head)) != sizeof(head) || memcmp(head, ELFMAG, SELFMAG))
		return EM_NONE;
	return head[EI_DATA] == ELFDATA2MSB ? head[18] << 8 | head[19] : head[19] << 8 | head[18];
}

int kernel_open(struct kernel *kernel, const char *path, char why[256])
{
	const char *equals = strchr(path, '=');
	uint32_t count;
	int machine;

	*kernel = (struct kernel){ .path = path };
	if (equals && equals > path && access(path, F_OK)) { /* NAME=FILE */
		kernel->path = equals + 1;
		kernel->name = strndup(path, equals - path);
	} else {
		kernel->name = column_name(path);
	}
	machine = machine_of(kernel->path);
	if (machine < 0)
		return refuse(why, machine, "%s: %s", kernel->path, strerror(-machine));
	if (machine == EM_BPF)
		return refuse(why, -EINVAL,
			      "%s: a BPF object, and no kernel's BTF: objects come before --btf",
			      kernel->path);
	kernel->btf = btf__parse(kernel->path, NULL);
	if (!kernel->btf)
		return refuse(why, -EINVAL, "%s: not BTF, nor an ELF file with BTF: %s",
			      kernel->path, strerror(errno));
	count = btf__type_cnt(kernel->btf);
	kernel->heads = calloc(HASHES, sizeof(uint32_t));
	kernel->next = calloc(count, sizeof(uint32_t));
	if (!kernel->heads || !kernel->next || !kernel->name)
		return refuse(why, -ENOMEM, "out of memory");
	while (--count) {
		const char *name =
			name_of(kernel->btf, btf__type_by_id(kernel->btf, count)->name_off);
		uint32_t *head = &kernel->heads[hash_of(name, essential_length(name))];

		kernel->next[count] = *head;
		*head = count;
	}
	return 0;
}

void kernel_close(struct kernel *kernel)
{
	btf__free(kernel->btf);
	free(kernel->heads);
	free(kernel->next);
	free(kernel->name);
}

/* ---- objects ---- */

static uint32_t get32(const struct object *object, const void *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return object->big_endian == host_big ? v : bswap_32(v);
}

static int read_code(const struct object *object, struct section *section, const Elf_Data *data)
{
	section->count = data->d_size / INSN_LEN;
	section->insns = calloc(section->count + 1, INSN_LEN);
	section->relos = calloc(section->count + 1, sizeof(*section->relos));
	section->targets = calloc(section->count + 1, sizeof(*section->targets));
	if (!section->insns || !section->relos || !section->targets)
		return -ENOMEM;
	for (uint32_t i = 0; i < section->count; i++) {
		const uint8_t *at = (const uint8_t *)data->d_buf + i * INSN_LEN;
		struct bpf_insn *insn = &section->insns[i];

		insn->code = at[0];
		insn->dst_reg = object->big_endian ? at[1] >> 4 : at[1] & 15;
		insn->src_reg = object->big_endian ? at[1] & 15 : at[1] >> 4;
		insn->off = object->big_endian ? at[2] << 8 | at[3] : at[3] << 8 | at[2];
		insn->imm = get32(object, at + 4);
	}
	return 0;
}

/* Where calls of functions, and their addresses, lead. */
static void read_targets(struct object *object, uint32_t at, const Elf_Data *rels, size_t rel_len,
			 const Elf_Data *symbols)
{
	struct section *section = &object->sections[at];

	for (size_t i = 0; i < rels->d_size / rel_len; i++) {
		struct target *target;
		const struct bpf_insn *insn;
		GElf_Sym symbol;
		int64_t to;
		GElf_Rel rel;

		if (!gelf_getrel((Elf_Data *)rels, i, &rel) ||
		    rel.r_offset / INSN_LEN >= section->count ||
		    !gelf_getsym((Elf_Data *)symbols, GELF_R_SYM(rel.r_info), &symbol))
			continue;
		insn = &section->insns[rel.r_offset / INSN_LEN];
		target = &section->targets[rel.r_offset / INSN_LEN];
		target->relocated = true;
		if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx >= object->section_count ||
		    !object->sections[symbol.st_shndx].insns)
			continue;
		to = symbol.st_value / INSN_LEN;
		if (insn->code != (BPF_JMP | BPF_CALL))
			to += insn->imm / (int)INSN_LEN;
		else if (GELF_ST_TYPE(symbol.st_info) == STT_SECTION)
			to += insn->imm + 1;
		if (to < 0 || to >= object->sections[symbol.st_shndx].count)
			continue;
		target->section = symbol.st_shndx;
		target->insn = to;
	}
}

static int compare_programs(const void *a, const void *b)
{
	const struct program *x = a, *y = b;

	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	return x->insn < y->insn ? -1 : x->insn > y->insn;
}

/* Global functions in sections of their own, as libbpf sees it: .text has what they call. */
static int read_programs(struct object *object, Elf *elf, const Elf_Data *symbols, size_t size,
			 size_t strings)
{
	object->programs = calloc(symbols->d_size / size + 1, sizeof(*object->programs));
	if (!object->programs)
		return -ENOMEM;
	for (size_t i = 0; i < symbols->d_size / size; i++) {
		struct program *program = &object->programs[object->program_count];
		const struct section *section;
		GElf_Sym symbol;

		if (!gelf_getsym((Elf_Data *)symbols, i, &symbol) ||
		    GELF_ST_TYPE(symbol.st_info) != STT_FUNC ||
		    GELF_ST_BIND(symbol.st_info) == STB_LOCAL ||
		    symbol.st_shndx >= object->section_count)
			continue;
		section = &object->sections[symbol.st_shndx];
		if (!section->insns || !strcmp(section->name, ".text") ||
		    symbol.st_value / INSN_LEN >= section->count)
			continue;
		*program =
			(struct program){ .name = elf_strptr(elf, strings, symbol.st_name) ?: "?",
					  .hook = section->name + (*section->name == '?'),
					  .section = symbol.st_shndx,
					  .insn = symbol.st_value / INSN_LEN,
					  .count = symbol.st_size / INSN_LEN };
		object->program_count++;
	}
	qsort(object->programs, object->program_count, sizeof(*object->programs), compare_programs);
	return 0;
}

static uint32_t section_named(const struct object *object, const char *name)
{
	for (uint32_t i = 1; i < object->section_count; i++)
		if (object->sections[i].insns && !strcmp(object->sections[i].name, name))
			return i;
	return 0;
}

static int relo_add(struct object *object, uint32_t section, const uint8_t *at)
{
	struct relo *relo = &object->relos[object->relo_count];
	uint32_t off = get32(object, at);

	if (off % INSN_LEN || off / INSN_LEN >= object->sections[section].count)
		return -EINVAL;
	*relo = (struct relo){ .section = section,
			       .insn = off / INSN_LEN,
			       .type = get32(object, at + 4),
			       .access = name_of(object->btf, get32(object, at + 8)),
			       .kind = get32(object, at + 12) };
	object->sections[section].relos[relo->insn] = ++object->relo_count;
	return 0;
}

/* The CO-RE part of .BTF.ext (Documentation/bpf/btf.rst): the size of a record; then, for each
 * section: its name, a count, and records. */
static int read_relos(struct object *object, const Elf_Data *ext)
{
	const uint8_t *base = ext->d_buf, *at, *end;
	uint64_t start, len;
	uint32_t size;

	if (ext->d_size < 8)
		return -EINVAL;
	if (get32(object, base + 4) < 32) /* an old header: no such part */
		return 0;
	if (ext->d_size < 32)
		return -EINVAL;
	start = (uint64_t)get32(object, base + 4) + get32(object, base + 24);
	len = get32(object, base + 28);
	if (!len)
		return 0;
	if (len < 4 || start + len > ext->d_size)
		return -EINVAL;
	at = base + start;
	end = at + len;
	size = get32(object, at);
	if (size < sizeof(struct bpf_core_relo) || size % 4)
		return -EINVAL;
	object->relos = calloc(len / size + 1, sizeof(*object->relos));
	if (!object->relos)
		return -ENOMEM;
	for (at += 4; at < end;) {
		uint32_t section, count;

		if (end - at < 8)
			return -EINVAL;
		section = section_named(object, name_of(object->btf, get32(object, at)));
		count = get32(object, at + 4);
		at += 8;
		if (!section || count > (uint64_t)(end - at) / size)
			return -EINVAL;
		for (; count--; at += size)
			if (relo_add(object, section, at))
				return -EINVAL;
	}
	return 0;
}

static int read_elf(struct object *object, Elf *elf, const char *path, char why[256])
{
	Elf_Data *symbols = NULL, *btf = NULL, *ext = NULL;
	size_t names, count, symbol_size = 0, strings = 0;
	GElf_Ehdr ehdr;
	int err;

	if (elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &ehdr) || ehdr.e_machine != EM_BPF)
		return refuse(why, -EINVAL, "%s: not a BPF object", path);
	object->big_endian = ehdr.e_ident[EI_DATA] == ELFDATA2MSB;
	if (elf_getshdrnum(elf, &count) || elf_getshdrstrndx(elf, &names))
		return refuse(why, -EINVAL, "%s: malformed", path);
	object->sections = calloc(count + 1, sizeof(*object->sections));
	if (!object->sections)
		return refuse(why, -ENOMEM, "out of memory");
	object->section_count = count;
	for (size_t i = 1; i < count; i++) {
		Elf_Scn *scn = elf_getscn(elf, i);
		GElf_Shdr shdr;
		Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;
		const char *name;

		if (!scn || !gelf_getshdr(scn, &shdr) ||
		    !(name = elf_strptr(elf, names, shdr.sh_name)))
			return refuse(why, -EINVAL, "%s: malformed", path);
		object->sections[i].name = name;
		if (!data || !data->d_buf)
			continue;
		if (shdr.sh_type == SHT_SYMTAB && shdr.sh_entsize) {
			symbols = data;
			symbol_size = shdr.sh_entsize;
			strings = shdr.sh_link;
		} else if (!strcmp(name, ".BTF")) {
			btf = data;
		} else if (!strcmp(name, ".BTF.ext")) {
			ext = data;
		} else if (shdr.sh_type == SHT_PROGBITS && shdr.sh_flags & SHF_EXECINSTR) {
			err = read_code(object, &object->sections[i], data);
			if (err)
				return refuse(why, err, "out of memory");
		}
	}
	if (!btf || !symbols)
		return refuse(why, -EINVAL, "%s: no %s in this object", path,
			      btf ? "symbols" : "BTF (compile it with -g)");
	object->btf = btf__new(btf->d_buf, btf->d_size);
	if (!object->btf)
		return refuse(why, -errno, "%s: its BTF cannot be read: %s", path, strerror(errno));
	for (size_t i = 1; i < count; i++) {
		Elf_Scn *scn = elf_getscn(elf, i);
		GElf_Shdr shdr;
		Elf_Data *data;

		if (gelf_getshdr(scn, &shdr) && shdr.sh_type == SHT_REL && shdr.sh_entsize &&
		    shdr.sh_info < count && object->sections[shdr.sh_info].insns &&
		    (data = elf_getdata(scn, NULL)))
			read_targets(object, shdr.sh_info, data, shdr.sh_entsize, symbols);
	}
	err = read_programs(object, elf, symbols, symbol_size, strings);
	err = err ?: ext ? read_relos(object, ext) : 0;
	if (err)
		return refuse(why, err, "%s: malformed .BTF.ext, or out of memory", path);
	return object->program_count ? 0 : refuse(why, -EINVAL, "%s: no programs in it", path);
}

int object_open(struct object *object, const char *path, char why[256])
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *copy = strdup(path);
	struct stat st;

	*object = (struct object){};
	if (fd < 0 || fstat(fd, &st))
		return refuse(why, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return refuse(why, -EINVAL, "%s: not a file", path);
	object->elf = malloc(st.st_size + 1);
	object->name = copy ? strdup(basename(copy)) : NULL;
	if (!object->elf || !object->name)
		return refuse(why, -ENOMEM, "out of memory");
	while (object->elf_len < (size_t)st.st_size) {
		ssize_t n = read(fd, (char *)object->elf + object->elf_len,
				 st.st_size - object->elf_len);

		if (n <= 0)
			return refuse(why, -EIO, "%s: cannot be read", path);
		object->elf_len += n;
	}
	elf_version(EV_CURRENT);
	object->handle = elf_memory(object->elf, object->elf_len);
	if (!object->handle)
		return refuse(why, -EINVAL, "%s: not a BPF object", path);
	return read_elf(object, object->handle, path, why);
}

void object_close(struct object *object)
{
	for (uint32_t i = 0; object->sections && i < object->section_count; i++) {
		free(object->sections[i].insns);
		free(object->sections[i].relos);
		free(object->sections[i].targets);
	}
	if (object->handle)
		elf_end(object->handle);
	free(object->sections);
	free(object->programs);
	free(object->relos);
	btf__free(object->btf);
	free(object->elf);
	free(object->name);
}
