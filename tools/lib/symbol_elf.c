/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* libdwfl finds the symbol tables (of the file itself, of a debug file, in .gnu_debugdata) and the
 * DWARF.  What it finds by address it finds by going through all of it, so the tables to look up
 * addresses in are made here: of the symbols at once, of the units with DWARF at once, of the
 * functions of a unit when it is first asked for. */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <sys/stat.h>
#include <zlib.h>
#if __has_include(<libiberty/demangle.h>)
#include <libiberty/demangle.h>
#else
#include <demangle.h>
#endif
#undef ARRAY_SIZE /* libiberty's */

#include "lib/symbol_elf.h"
#include "lib/symbol_range.h"
#include "lib/symbol_text.h"
#include "lib/util.h"

#define UNITS_MAX  (1U << 20)
#define RANGES_MAX (1U << 16) /* of one function or unit */
#define DEPTH_MAX  128
#define PLT	   (1U << 31) /* in a symbol's value: number in .rel[a].plt */

/* A compilation unit. */
struct unit {
	Dwarf_Die die;
	Dwarf_Addr bias; /* from DWARF to the module */
	bool indexed;
	struct symbol_ranges functions; /* value: number in dies */
	Dwarf_Die *dies;
	size_t count, cap;
};

struct elf_file {
	Dwfl *dwfl;
	Dwfl_Module *module;
	Elf *elf;
	GElf_Addr bias; /* from the file to the module */
	bool inlined, demangle;
	bool have_symbols, have_debug; /* in the file itself */
	bool debug_asked, alt_asked, loaded;
	int debug_fd; /* offered; -1 once libdwfl has it */
	int alt_fd;
	Dwarf *alt;
	struct elf_want want;
	struct symbol_ranges symbols; /* value: number of libdwfl, or PLT */
	const char **plt;
	size_t plt_count;
	struct symbol_ranges unit_ranges; /* value: number in units */
	struct unit *units;
	size_t unit_count;
};

static int find_elf(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
		    char **file_name, Elf **elf)
{
	(void)module, (void)userdata, (void)name, (void)base, (void)file_name, (void)elf;
	return -1;
}

/* The debug file that was offered; libdwfl asks once, and takes the descriptor. */
static int find_debuginfo(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
			  const char *file_name, const char *link, GElf_Word crc, char **ret_name)
{
	struct elf_file *file = *userdata;

	(void)module, (void)name, (void)base, (void)file_name, (void)link, (void)crc;
	(void)ret_name;
	return file ? take_fd(file->debug_fd) : -1;
}

static const Dwfl_Callbacks callbacks = {
	.find_elf = find_elf,
	.find_debuginfo = find_debuginfo,
	.section_address = dwfl_offline_section_address,
};

static bool is_elf(int fd)
{
	char magic[SELFMAG];

	return pread(fd, magic, SELFMAG, 0) == SELFMAG && !memcmp(magic, ELFMAG, SELFMAG);
}

/* The section of that name, or of that type; *ret_header (may be NULL) is set if there is one. */
static Elf_Scn *section_find(Elf *elf, const char *name, GElf_Word type, GElf_Shdr *ret_header)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	const char *s;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		if (!gelf_getshdr(section, &header))
			continue;
		s = name ? elf_strptr(elf, names, header.sh_name) : NULL;
		if (name ? s && !strcmp(s, name) : header.sh_type == type) {
			if (ret_header)
				*ret_header = header;
			return section;
		}
	}
	return NULL;
}

int elf_file_open(int fd, bool inlined, bool demangle, struct elf_file **ret)
{
	struct elf_file *file = is_elf(fd) ? calloc(1, sizeof(*file)) : NULL;
	void **userdata;

	if (!file) {
		close(fd);
		return -EBADMSG;
	}
	*file = (struct elf_file){
		.inlined = inlined, .demangle = demangle, .debug_fd = -1, .alt_fd = -1
	};
	elf_version(EV_CURRENT);
	file->dwfl = dwfl_begin(&callbacks);
	if (file->dwfl) {
		dwfl_report_begin(file->dwfl);
		file->module = dwfl_report_elf(file->dwfl, "file", "file", fd, 0, true);
	}
	if (!file->module)
		close(fd);
	if (!file->module || dwfl_report_end(file->dwfl, NULL, NULL) ||
	    !dwfl_module_info(file->module, &userdata, NULL, NULL, NULL, NULL, NULL, NULL))
		goto fail;
	*userdata = file;
	file->elf = dwfl_module_getelf(file->module, &file->bias);
	if (!file->elf)
		goto fail;
	file->have_symbols = section_find(file->elf, NULL, SHT_SYMTAB, NULL);
	file->have_debug = section_find(file->elf, ".debug_info", 0, NULL) ||
			   section_find(file->elf, ".zdebug_info", 0, NULL);
	*ret = file;
	return 0;
fail:
	elf_file_free(file);
	return -EBADMSG;
}

void elf_file_free(struct elf_file *file)
{
	if (!file)
		return;
	if (file->dwfl)
		dwfl_end(file->dwfl);
	if (file->alt)
		dwarf_end(file->alt);
	close_fd(&file->debug_fd);
	close_fd(&file->alt_fd);
	for (size_t i = 0; i < file->unit_count; i++) {
		symbol_ranges_done(&file->units[i].functions);
		free(file->units[i].dies);
	}
	free(file->units);
	free(file->plt);
	symbol_ranges_done(&file->symbols);
	symbol_ranges_done(&file->unit_ranges);
	free(file);
}

static void want_id(struct elf_want *want, const void *id, ssize_t len)
{
	if (len <= 0 || len > ELF_ID_MAX)
		return;
	want->id_len = len;
	memcpy(want->id, id, len);
}

static void want_link(struct elf_want *want, const char *link)
{
	if (link && strlen(link) < sizeof(want->link))
		strcpy(want->link, link);
}

size_t elf_file_id(const struct elf_file *file, uint8_t id[ELF_ID_MAX])
{
	const void *bits;
	ssize_t len = dwelf_elf_gnu_build_id(file->elf, &bits);

	if (len <= 0 || len > ELF_ID_MAX)
		return 0;
	memcpy(id, bits, len);
	return len;
}

/* The file that dwz(1) took out of several what they have in common. */
static void want_alt(struct elf_file *file, struct elf_want *want)
{
	const char *link = NULL;
	Dwarf_Addr bias;
	const void *id;
	Dwarf *dwarf;

	/* In this order, see find_debuginfo(): what is asked for first is the debug file. */
	dwfl_module_getsymtab(file->module);
	dwarf = dwfl_module_getdwarf(file->module, &bias);
	if (!dwarf)
		return;
	want_id(want, id, dwelf_dwarf_gnu_debugaltlink(dwarf, &link, &id));
	want_link(want, link);
}

void elf_file_wants(struct elf_file *file, struct elf_want *ret)
{
	struct elf_want *want = &file->want;
	GElf_Word crc = 0;

	*want = (struct elf_want){};
	if (!file->debug_asked && (!file->have_symbols || (file->inlined && !file->have_debug))) {
		file->debug_asked = true;
		want->id_len = elf_file_id(file, want->id);
		want_link(want, dwelf_elf_gnu_debuglink(file->elf, &crc));
		want->crc = crc;
		want->kind = ELF_WANT_DEBUG;
	} else if (!file->alt_asked && file->inlined) {
		file->debug_asked = file->alt_asked = true;
		want_alt(file, want);
		want->kind = ELF_WANT_ALT;
	}
	if (!want->id_len && !want->link[0])
		want->kind = ELF_WANT_NOTHING;
	*ret = *want;
}

static bool crc_matches(int fd, uint32_t want)
{
	_cleanup_free_ unsigned char *bytes = malloc(1 << 20);
	uint32_t crc = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t n;

	if (!bytes)
		return false;
	while ((n = pread(fd, bytes, 1 << 20, at)) > 0) {
		crc = crc32(crc, bytes, n);
		at += n;
	}
	return !n && crc == want;
}

/* Whether the file has the build ID that was asked for.  -1: it has none, or none was asked for. */
static int id_matches(int fd, const struct elf_want *want)
{
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	const void *id;
	ssize_t len;
	int ret;

	if (!elf)
		return 0;
	len = dwelf_elf_gnu_build_id(elf, &id);
	ret = len <= 0 || !want->id_len ? -1 : len == want->id_len && !memcmp(id, want->id, len);
	elf_end(elf);
	return ret;
}

int elf_file_offer(struct elf_file *file, int offered)
{
	_cleanup_close_ int fd = offered;
	int matches;

	if (!file->want.kind || !is_elf(fd))
		return -ESTALE;
	matches = id_matches(fd, &file->want);
	if (matches < 0 && file->want.kind == ELF_WANT_DEBUG && file->want.link[0])
		matches = crc_matches(fd, file->want.crc);
	if (matches <= 0)
		return -ESTALE;
	if (file->want.kind == ELF_WANT_DEBUG) {
		close_fd(&file->debug_fd);
		file->debug_fd = take_fd(fd);
	} else if (!file->alt) {
		Dwarf_Addr bias;
		Dwarf *dwarf = dwfl_module_getdwarf(file->module, &bias);

		file->alt = dwarf ? dwarf_begin(fd, DWARF_C_READ) : NULL;
		if (!file->alt)
			return -ESTALE;
		file->alt_fd = take_fd(fd);
		dwarf_setalt(dwarf, file->alt);
	}
	file->want.kind = ELF_WANT_NOTHING;
	return 0;
}

/* ------------------------------------------------------------------ symbols */

static int symbol_add(struct elf_file *file, int number)
{
	struct symbol_range range = { .value = number };
	unsigned int underscores = 0, type;
	GElf_Shdr header;
	GElf_Addr bias;
	GElf_Word shndx;
	GElf_Sym sym;
	Elf *elf;
	const char *name = dwfl_module_getsym_info(file->module, number, &sym, &range.start, &shndx,
						   &elf, &bias);

	type = GELF_ST_TYPE(sym.st_info);
	if (!name || !*name || shndx == SHN_UNDEF ||
	    (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE))
		return 0;
	if (type == STT_NOTYPE || !sym.st_size) {
		if (*name == '$' || !elf || !gelf_getshdr(elf_getscn(elf, shndx), &header) ||
		    !(header.sh_flags & SHF_EXECINSTR))
			return 0;
		range.open = !sym.st_size;
	}
	if (__builtin_add_overflow(range.start, sym.st_size, &range.end))
		return 0;
	if (range.open)
		range.end = header.sh_addr + header.sh_size + bias;
	while (underscores < 15 && name[underscores] == '_')
		underscores++;
	switch (GELF_ST_BIND(sym.st_info)) {
	case STB_GLOBAL:
		range.rank = 2;
		break;
	case STB_WEAK:
		range.rank = 1;
		break;
	}
	range.rank = (range.rank << 1 | (type != STT_NOTYPE)) << 4 | (15 - underscores);
	return symbol_ranges_add(&file->symbols, &range);
}

/* The stubs that calls to other files go through have no symbols: the nth one belongs to the nth
 * relocation of its section. */
static int plt_add(struct elf_file *file)
{
	GElf_Shdr relocations, stubs, symbols;
	Elf_Scn *section, *symbol_section;
	unsigned int header = 1, size = 16;
	Elf_Data *data, *symbol_data;
	bool rela = true;
	GElf_Ehdr ehdr;
	GElf_Sym sym;
	int err = 0;

	if (!gelf_getehdr(file->elf, &ehdr))
		return 0;
	if (ehdr.e_machine == EM_AARCH64)
		header = 2;
	else if (ehdr.e_machine != EM_X86_64 && ehdr.e_machine != EM_386)
		return 0;
	section = section_find(file->elf, ".rela.plt", 0, &relocations);
	if (!section) {
		section = section_find(file->elf, ".rel.plt", 0, &relocations);
		rela = false;
	}
	if (!section || !relocations.sh_entsize)
		return 0;
	symbol_section = elf_getscn(file->elf, relocations.sh_link);
	data = elf_getdata(section, NULL);
	symbol_data = elf_getdata(symbol_section, NULL);
	if (!data || !symbol_data || !gelf_getshdr(symbol_section, &symbols))
		return 0;
	file->plt_count = data->d_size / relocations.sh_entsize;
	file->plt = calloc(file->plt_count + 1, sizeof(*file->plt));
	if (!file->plt)
		return -ENOMEM;
	for (size_t i = 0; i < file->plt_count; i++) {
		GElf_Rela r = {};
		GElf_Rel rel;

		if (rela ? !gelf_getrela(data, i, &r) : !gelf_getrel(data, i, &rel))
			break;
		if (gelf_getsym(symbol_data, GELF_R_SYM(rela ? r.r_info : rel.r_info), &sym))
			file->plt[i] = elf_strptr(file->elf, symbols.sh_link, sym.st_name);
	}
	/* With .plt.sec, the calls go there, and .plt is for the first call only. */
	for (int second = 0; second < 2 && !err; second++) {
		if (!section_find(file->elf, second ? ".plt.sec" : ".plt", 0, &stubs) ||
		    stubs.sh_type == SHT_NOBITS)
			continue;
		for (size_t i = 0; i < file->plt_count && !err; i++) {
			GElf_Addr start = (i + (second ? 0 : header)) * size;
			struct symbol_range range = { .value = PLT | i };

			if (!file->plt[i] || !*file->plt[i] || start + size > stubs.sh_size)
				continue;
			range.start = stubs.sh_addr + file->bias + start;
			range.end = range.start + size;
			err = symbol_ranges_add(&file->symbols, &range);
		}
	}
	return err;
}

/* -------------------------------------------------------------------- DWARF */

static int ranges_of(Dwarf_Die *die, Dwarf_Addr bias, struct symbol_ranges *ranges, uint32_t value)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;
	int err = 0;

	for (unsigned int i = 0; i < RANGES_MAX && !err; i++) {
		at = dwarf_ranges(die, at, &base, &start, &end);
		if (at <= 0)
			break;
		/* Functions that the linker dropped are left at 0, or at the end. */
		if (start && end > start && end + bias > start + bias)
			err = symbol_ranges_add(ranges,
						&(struct symbol_range){ .start = start + bias,
									.end = end + bias,
									.value = value });
	}
	return err;
}

static int units_add(struct elf_file *file)
{
	Dwarf_Die *die = NULL;
	struct unit *grown;
	Dwarf_Addr bias;
	size_t cap = 0;
	int err = 0;

	while (!err && (die = dwfl_module_nextcu(file->module, die, &bias))) {
		if (file->unit_count == UNITS_MAX)
			return -E2BIG;
		if (file->unit_count == cap) {
			cap = cap ? cap * 2 : 64;
			grown = realloc(file->units, cap * sizeof(*grown));
			if (!grown)
				return -ENOMEM;
			file->units = grown;
		}
		err = ranges_of(die, bias, &file->unit_ranges, file->unit_count);
		file->units[file->unit_count++] = (struct unit){ .die = *die, .bias = bias };
	}
	return err;
}

static int functions_add(struct unit *unit, Dwarf_Die *parent, unsigned int depth)
{
	Dwarf_Die die, *grown;
	size_t cap, before;
	int err = 0;

	if (depth > DEPTH_MAX || dwarf_child(parent, &die))
		return 0;
	do {
		switch (dwarf_tag(&die)) {
		case DW_TAG_subprogram:
			if (unit->count == unit->cap) {
				cap = unit->cap ? unit->cap * 2 : 64;
				grown = realloc(unit->dies, cap * sizeof(*grown));
				if (!grown)
					return -ENOMEM;
				unit->dies = grown;
				unit->cap = cap;
			}
			before = unit->functions.count;
			err = ranges_of(&die, unit->bias, &unit->functions, unit->count);
			if (unit->functions.count != before)
				unit->dies[unit->count++] = die;
			/* fall through */
		case DW_TAG_namespace:
		case DW_TAG_module:
		case DW_TAG_class_type:
		case DW_TAG_structure_type:
		case DW_TAG_union_type:
		case DW_TAG_interface_type:
		case DW_TAG_lexical_block:
			err = err ?: functions_add(unit, &die, depth + 1);
		}
	} while (!err && !dwarf_siblingof(&die, &die));
	return err;
}

/* The inlined calls around *pc*, outermost first, behind their function: how many. */
static size_t inlined_find(Dwarf_Die *function, Dwarf_Addr pc, Dwarf_Die *chain, size_t max)
{
	Dwarf_Die scope = *function, die;
	size_t count = 0;
	int tag;

	for (unsigned int depth = 0; depth < DEPTH_MAX && count < max; depth++) {
		if (dwarf_child(&scope, &die))
			return count;
		for (;;) {
			tag = dwarf_tag(&die);
			if ((tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block ||
			     tag == DW_TAG_try_block || tag == DW_TAG_catch_block) &&
			    dwarf_haspc(&die, pc) > 0)
				break;
			if (dwarf_siblingof(&die, &die))
				return count;
		}
		if (tag == DW_TAG_inlined_subroutine)
			chain[count++] = die;
		scope = die;
	}
	return count;
}

/* ------------------------------------------------------------------- frames */

static void load(struct elf_file *file)
{
	int count, err = 0;

	file->loaded = true;
	count = dwfl_module_getsymtab(file->module);
	for (int i = 0; i < count && !err; i++)
		err = symbol_add(file, i);
	if (!err)
		err = plt_add(file);
	if (!err && file->inlined)
		units_add(file);
}

static const char *string_add(struct buf *strings, const char *s)
{
	size_t len = s ? strnlen(s, SYMBOL_NAME_MAX + 1) : 0, at = strings->len;

	if (!len || len > SYMBOL_NAME_MAX || at + len >= ELF_STRINGS_MAX)
		return NULL;
	buf_add(strings, s, len);
	buf_char(strings, '\0');
	return (const char *)(at + 1);
}

/* What the name means: without parameters, which would make one function many, and without the
 * version of the symbol ("read@@GLIBC_2.2.5"). */
static void name_set(struct elf_file *file, struct frame *frame, const char *name,
		     struct buf *strings)
{
	_cleanup_free_ char *clear = NULL, *plain = NULL;
	const char *version;

	if (!name || !*name)
		return;
	version = strchr(name, '@');
	if (version && version != name && strcmp(version, "@plt"))
		plain = strndup(name, version - name);
	frame->why = WHY_NAMED;
	if (file->demangle && name[0] == '_' && (name[1] == 'Z' || name[1] == 'R'))
		clear = cplus_demangle(plain ?: name, DMGL_AUTO | DMGL_ANSI);
	if (clear || plain)
		frame->name = string_add(strings, clear ?: plain);
	if (!frame->name)
		frame->name = string_add(strings, name);
	else
		frame->linkage = string_add(strings, name);
	if (!frame->name)
		frame->why = WHY_LIMIT;
}

static const char *die_name(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	const char *name = NULL;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attr) ||
	    dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attr))
		name = dwarf_formstring(&attr);
	return name ?: dwarf_diename(die);
}

static void source_of_call(Dwarf_Die *unit, Dwarf_Die *call, struct frame *frame,
			   struct buf *strings)
{
	Dwarf_Word number, line = 0;
	Dwarf_Attribute attr;
	Dwarf_Files *files;
	size_t count;

	frame->source = NULL;
	frame->line = 0;
	if (!dwarf_attr(call, DW_AT_call_file, &attr) || dwarf_formudata(&attr, &number) ||
	    dwarf_getsrcfiles(unit, &files, &count) || number >= count)
		return;
	frame->source = string_add(strings, dwarf_filesrc(files, number, NULL, NULL));
	if (frame->source && dwarf_attr(call, DW_AT_call_line, &attr) &&
	    !dwarf_formudata(&attr, &line) && line <= UINT32_MAX)
		frame->line = line;
}

/* The frames that DWARF knows; the last is the function itself.  Its name is left to the symbol
 * table, if that has one. */
static size_t dwarf_find(struct elf_file *file, GElf_Addr address, struct frame *frames, size_t max,
			 struct buf *strings)
{
	const struct symbol_range *range = symbol_ranges_find(&file->unit_ranges, address, NULL);
	Dwarf_Die chain[ELF_FRAMES_MAX];
	struct frame place = {};
	struct unit *unit;
	size_t count = 1;
	Dwarf_Line *line;
	Dwarf_Addr pc;
	int number;

	if (!range)
		return 0;
	unit = &file->units[range->value];
	if (!unit->indexed) {
		unit->indexed = true;
		functions_add(unit, &unit->die, 0);
	}
	pc = address - unit->bias;
	line = dwarf_getsrc_die(&unit->die, pc);
	if (line) {
		place.source = string_add(strings, dwarf_linesrc(line, NULL, NULL));
		if (place.source && !dwarf_lineno(line, &number) && number > 0)
			place.line = number;
	}
	range = symbol_ranges_find(&unit->functions, address, NULL);
	if (range) {
		chain[0] = unit->dies[range->value];
		count += inlined_find(&chain[0], pc, chain + 1, max - 1);
	}
	for (size_t i = 0; i < count; i++) {
		Dwarf_Die *die = &chain[count - 1 - i];

		frames[i] = (struct frame){ .kind = i + 1 < count ? FRAME_INLINED : FRAME_USER,
					    .why = WHY_NO_SYMBOL,
					    .source = place.source,
					    .line = place.line };
		if (i + 1 < count) {
			name_set(file, &frames[i], die_name(die), strings);
			source_of_call(&unit->die, die, &place, strings);
		} else if (range && !symbol_ranges_find(&file->symbols, address, NULL)) {
			name_set(file, &frames[i], die_name(die), strings);
		}
	}
	return count;
}

/* From offset to address, by the segment that is mapped there.  The pages at the ends of segments
 * are mapped as a whole, so the same offset may be in two. */
static bool address_of(struct elf_file *file, uint64_t offset, GElf_Addr *ret)
{
	const uint64_t page = 4096;
	int best = 0, quality;
	size_t count;
	GElf_Phdr p;

	*ret = offset;
	if (elf_getphdrnum(file->elf, &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!gelf_getphdr(file->elf, i, &p) || p.p_type != PT_LOAD ||
		    offset < (p.p_offset & -page) ||
		    offset - (p.p_offset & -page) >=
			    p.p_filesz + (p.p_offset & (page - 1)) + page - 1)
			continue;
		quality = 1 + (offset >= p.p_offset && offset - p.p_offset < p.p_filesz) +
			  2 * !!(p.p_flags & PF_X);
		if (quality > best) {
			best = quality;
			*ret = offset - p.p_offset + p.p_vaddr;
		}
	}
	return best;
}

size_t elf_file_find(struct elf_file *file, uint64_t offset, uint64_t *address,
		     struct frame *frames, size_t max, struct buf *strings)
{
	const struct symbol_range *range;
	bool limit = false;
	GElf_Addr at;
	size_t count;
	char *stub;

	max = max < ELF_FRAMES_MAX ? max : ELF_FRAMES_MAX;
	frames[0] = (struct frame){ .kind = FRAME_USER, .why = WHY_NO_SYMBOL };
	if (!address_of(file, offset, address))
		return 1;
	if (!file->loaded)
		load(file);
	at = *address + file->bias;
	count = file->inlined ? dwarf_find(file, at, frames, max, strings) : 0;
	count += !count;
	range = symbol_ranges_find(&file->symbols, at, &limit);
	if (range && range->value & PLT) {
		if (asprintf(&stub, "%s@plt", file->plt[range->value & ~PLT]) >= 0) {
			name_set(file, &frames[count - 1], stub, strings);
			free(stub);
		}
	} else if (range) {
		GElf_Sym sym;
		GElf_Addr start;

		name_set(file, &frames[count - 1],
			 dwfl_module_getsym_info(file->module, range->value, &sym, &start, NULL,
						 NULL, NULL),
			 strings);
	} else if (limit) {
		frames[count - 1].why = WHY_LIMIT;
	}
	return count;
}
