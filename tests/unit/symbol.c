/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* symbol.h: files that are compiled here, in this process and in children that are made for it. */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/symbol_internal.h"
#include "lib/util.h"
#include "test.h"

#define MAX 16

/* --------------------------------------------------------- files made here */

static char dir[] = "/tmp/symbol-XXXXXX";

static void dir_remove(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command))
		printf("# %s is still there\n", dir);
}

static void __attribute__((constructor)) dir_make(void)
{
	if (!mkdtemp(dir) || chmod(dir, 0755))
		abort();
	atexit(dir_remove);
}

static int __attribute__((format(printf, 1, 2))) shell(const char *fmt, ...)
{
	char command[4096], *at = command, *end = command + sizeof(command);
	va_list ap;

	at += sprintf(at, "cd %s; (set -e; ", dir);
	va_start(ap, fmt);
	at += vsnprintf(at, end - at, fmt, ap);
	va_end(ap);
	if (end - at < 64)
		abort();
	strcpy(at, ") >log 2>&1 || { sed 's/^/# /' log; false; }");
	return system(command);
}

static const char *path_of(const char *name)
{
	static char path[4][256];
	static unsigned int next;
	char *p = path[next++ % 4];

	snprintf(p, 256, "%s/%s", dir, name);
	return p;
}

static void file_write(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "we");

	if (!file || fputs(text, file) < 0 || fclose(file))
		abort();
}

static const char source[] =
	"extern int mark[], first[], second[];\n" /* line 1 */
	"static inline __attribute__((always_inline))\n"
	"int inner(int x)\n"
	"{\n"
	"	asm volatile(\".globl mark\\nmark: nop\");\n" /* 5 */
	"	return x * 3;\n"
	"}\n"
	"__attribute__((noinline)) int outer(int x)\n"
	"{\n"
	"	return inner(x) + 1;\n" /* 10 */
	"}\n"
	"static __attribute__((noinline)) int hidden(int x)\n"
	"{\n"
	"	asm volatile(\"\");\n"
	"	return x + 7;\n"
	"}\n"
	"int (*hidden_at)(int) = hidden;\n"
	"int call_hidden(int x) { return hidden(x) + 1; }\n"
	"#define FUNCTION(name) asm(\".pushsection .text\\n.globl \" #name \"\\n\" \\\n"
	"	\".type \" #name \", %function\\n\" #name \": nop\\n\" \\\n"
	"	\".size \" #name \", . - \" #name \"\\n.popsection\")\n"
	"FUNCTION(first);\n"
	"FUNCTION(second);\n"
	"FUNCTION(_Z5twiceIiET_S0_);\n"
	"FUNCTION(_ZN4core3fmt5write17h0123456789abcdefE);\n"
	"FUNCTION(_RNvCs15kBYyAo9fc_7mycrate7example);\n"
	"#ifdef MAIN\n"
	"#include <stdio.h>\n"
	"int main(void)\n"
	"{\n"
	"	printf(\"%p\\n\", (void *)hidden);\n"
	"	fflush(stdout);\n"
	"	return getchar() + outer(1) + call_hidden(1);\n"
	"}\n"
	"#endif\n";

/* The source, compiled into a shared object of that name once.  Whether it is there. */
static bool object_make(const char *name)
{
	if (!access(path_of(name), R_OK))
		return true;
	file_write("source.c", source);
	return !shell("cc -g -O2 -shared -fPIC -Wl,--build-id -o %s source.c", name);
}

/* Not everybody who runs tests has a compiler. */
#define NEED(what)                                           \
	do {                                                 \
		if (!(what))                                 \
			SKIP("cannot be made here: " #what); \
	} while (0)

/* ----------------------------------------------------- symbolizer, mappings */

static struct symbolizer *z;
static struct space *space;
static struct frame frames[MAX];

static void open_with(struct symbol_options options, pid_t pid)
{
	if (symbolizer_new(&options, &z) || space_new(z, pid, &space))
		abort();
}

static void open_space(pid_t pid)
{
	open_with((struct symbol_options){}, pid);
}

static void close_space(void)
{
	space_free(space);
	symbolizer_free(z);
}

static size_t find(uint64_t address)
{
	memset(frames, 0x55, sizeof(frames));
	return symbol_user(space, address, false, frames, MAX);
}

static void check_text(const char *file, int line, const char *got, const char *want)
{
	if (!got != !want || (got && strcmp(got, want))) {
		printf("# %s:%d: \"%s\", not \"%s\"\n", file, line, got ?: "(none)",
		       want ?: "(none)");
		test_failures++;
	}
}

#define CHECK_TEXT(got, want) check_text(__FILE__, __LINE__, got, want)

/* One frame, with that name. */
#define CHECK_NAME(address, want)                    \
	do {                                         \
		CHECK_INT(find(address), 1);         \
		CHECK_TEXT(frames[0].name, want);    \
		CHECK_INT(frames[0].why, WHY_NAMED); \
	} while (0)

/* One frame, without a name for that reason. */
#define CHECK_WHY(address, want)                  \
	do {                                      \
		CHECK_INT(find(address), 1);      \
		CHECK_TEXT(frames[0].name, NULL); \
		CHECK_INT(frames[0].why, want);   \
	} while (0)

/* A whole file as if it was mapped at *start*; *path* is what the process calls it. */
static struct mapping mapping_of(const char *name, const char *path, uint64_t start)
{
	struct stat st;

	if (stat(path_of(name), &st))
		abort();
	return (struct mapping){ .start = start,
				 .end = start + ((st.st_size + 4095) & -4096),
				 .major = major(st.st_dev),
				 .minor = minor(st.st_dev),
				 .inode = st.st_ino,
				 .executable = true,
				 .path = path };
}

/* Where *symbol* is in the file. */
static uint64_t offset_of(const char *name, const char *symbol)
{
	char command[512];
	unsigned long address = 0, at, offset, size;
	FILE *pipe;

	snprintf(command, sizeof(command), "nm %s/%s | sed -n 's/ . %s$//p'", dir, name, symbol);
	pipe = popen(command, "re");
	if (!pipe || fscanf(pipe, "%lx", &address) != 1)
		address = 0;
	if (pipe)
		pclose(pipe);
	snprintf(
		command, sizeof(command),
		"readelf -lW %s/%s | sed -nE 's/^ *LOAD +(0x\\S+) (0x\\S+) \\S+ (0x\\S+) .*/\\1 \\2 \\3/p'",
		dir, name);
	pipe = popen(command, "re");
	while (pipe && fscanf(pipe, "%lx %lx %lx", &offset, &at, &size) == 3)
		if (address >= at && address - at < size) {
			pclose(pipe);
			return address - at + offset;
		}
	abort();
}

static void map_object(const char *name, uint64_t start)
{
	struct mapping m = mapping_of(name, path_of(name), start);

	CHECK_INT(space_map(space, &m), 0);
}

static void *load_object(const char *name)
{
	void *object = dlopen(path_of(name), RTLD_NOW | RTLD_LOCAL);

	if (!object)
		printf("# %s\n", dlerror());
	return object;
}

static uint64_t symbol_at(void *object, const char *name)
{
	return (uint64_t)(uintptr_t)dlsym(object, name);
}

/* A child that does nothing until it is killed, in its own root (if there may be one). */
static pid_t child_new(const char *root, int flags, bool (*prepare)(void))
{
	int ready[2], status;
	char byte = 0;
	pid_t pid;

	if (pipe(ready))
		abort();
	pid = fork();
	if (!pid) {
		if (geteuid() && unshare(CLONE_NEWUSER))
			_exit(1);
		if (flags && unshare(flags))
			_exit(1);
		if (prepare && !prepare())
			_exit(1);
		if (root && (chroot(root) || chdir("/")))
			_exit(1);
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1) {
		waitpid(pid, &status, 0);
		pid = 0;
	}
	close(ready[0]);
	return pid;
}

static void child_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ----------------------------------------------------------------- parsers */

TEST(lines_of_maps)
{
	static const struct {
		const char *line, *path;
		struct mapping m;
	} cases[] = {
		{ "55cf8393d000-55cf83942000 r-xp 00002000 fe:10 247134                     /usr/bin/cat",
		  "/usr/bin/cat",
		  { 0x55cf8393d000, 0x55cf83942000, 0x2000, 0xfe, 0x10, 247134, 0, true, NULL } },
		{ "7f751292f000-7f7512951000 rw-p 00000000 00:00 0 ",
		  "",
		  { 0x7f751292f000, 0x7f7512951000, 0, 0, 0, 0, 0, false, NULL } },
		{ "1000-2000 --xs 00000000 00:00 0          /a\\012b c (deleted)",
		  "/a\nb c (deleted)",
		  { 0x1000, 0x2000, 0, 0, 0, 0, 0, true, NULL } },
		{ "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0      [vsyscall]",
		  "[vsyscall]",
		  { 0xffffffffff600000, 0xffffffffff601000, 0, 0, 0, 0, 0, true, NULL } },
	};
	static const char *const bad[] = { "",
					   "x",
					   "1000-1000 r-xp 0 0:0 0 ",
					   "2000-1000 r-xp 0 0:0 0 ",
					   "1000-11111111111111111 r-xp 0 0:0 0 ",
					   "1000-2000 r-xp0 0:0 0 ",
					   "1000-2000 r-xp 0 0:0 0",
					   "1000-2000 r-xp 0 0:0 a ",
					   "1000-2000 r-xp 0 100000000:0 0 ",
					   "1000-2000" };
	struct mapping m;
	char line[128];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		strcpy(line, cases[i].line);
		CHECK(symbol_maps_line(line, strlen(line), &m));
		CHECK_TEXT(m.path, cases[i].path);
		m.path = NULL;
		CHECK(!memcmp(&m, &cases[i].m, sizeof(m)));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		strcpy(line, bad[i]);
		CHECK(!symbol_maps_line(line, strlen(line), &m));
	}
}

static const char *names_find(struct symbol_names *names, uint64_t address)
{
	const struct symbol_range *range = symbol_ranges_find(&names->ranges, address, NULL);

	return range ? names->names.data + range->value : NULL;
}

static void names_add(struct symbol_names *names, const char *line,
		      int (*add)(struct symbol_names *, const char *, size_t))
{
	CHECK_INT(add(names, line, strlen(line)), 0);
}

TEST(lines_of_kallsyms)
{
	static const char *const lines[] = {
		"ffffffff81001000 t local",   "ffffffff81000000 T _stext",
		"ffffffff81000000 t __start", "ffffffff81000000 T start_here",
		"ffffffff81000800 D data",    "ffffffffc0001000 t nft_do_chain\t[nf_tables]",
		"0000000000000000 T hidden",  "ffffffff81000c00 t",
		"ffffffff81000c00 T ",	      "g000000000000000 T g",
		"ffffffff81002000 W weak",
	};
	struct symbol_names names = {};
	const char *name;

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		names_add(&names, lines[i], symbol_kallsyms_line);
	CHECK_INT(names.ranges.count, 6);
	CHECK_TEXT(names_find(&names, 0xffffffff80ffffff), NULL);
	CHECK_TEXT(names_find(&names, 0xffffffff81000000), "start_here");
	CHECK_TEXT(names_find(&names, 0xffffffff81000fff), "start_here");
	CHECK_TEXT(names_find(&names, 0xffffffff81001000), "local");
	CHECK_TEXT(names_find(&names, 0xffffffff82000000), "weak");
	name = names_find(&names, 0xffffffffc0001010);
	CHECK_TEXT(name, "nft_do_chain");
	CHECK_TEXT(name + strlen(name) + 1, "[nf_tables]");
	CHECK_TEXT(names_find(&names, 0xffffffffc0101000), NULL); /* not so large */
	symbol_names_done(&names);
}

TEST(lines_of_perf_maps)
{
	struct symbol_names names = {};

	names_add(&names, "1000 100 a function (x.js:1)", symbol_jit_line);
	names_add(&names, "0x1040 0x20 newer", symbol_jit_line);
	names_add(&names, "1080 20 newer 2", symbol_jit_line);
	names_add(&names, "ffffffffffffff00 200 too long", symbol_jit_line);
	names_add(&names, "2000 zz bad", symbol_jit_line);
	names_add(&names, "2000 10", symbol_jit_line);
	names_add(&names, "2000 10 ", symbol_jit_line);
	names_add(&names, "2000 0 nothing", symbol_jit_line);
	CHECK_INT(names.ranges.count, 3);
	CHECK_TEXT(names_find(&names, 0x103f), "a function (x.js:1)");
	CHECK_TEXT(names_find(&names, 0x1040), "newer");
	CHECK_TEXT(names_find(&names, 0x1060), "a function (x.js:1)");
	CHECK_TEXT(names_find(&names, 0x109f), "newer 2");
	CHECK_TEXT(names_find(&names, 0x10ff), "a function (x.js:1)");
	CHECK_TEXT(names_find(&names, 0x1100), NULL);
	names_add(&names, "1000 90 newest", symbol_jit_line);
	CHECK_TEXT(names_find(&names, 0x1040), "newest");
	CHECK_TEXT(names_find(&names, 0x1090), "newer 2");
	symbol_names_done(&names);
}

/* -------------------------------------------------------------- ELF files */

/* Not inlined, and with a name in the symbol table only. */
__attribute__((noinline)) static int own_function(int x)
{
	asm volatile("");
	return x + 1;
}

TEST(function_of_this_process)
{
	open_space(getpid());
	CHECK_NAME((uintptr_t)own_function, "own_function");
	CHECK_INT(frames[0].kind, FRAME_USER);
	CHECK(frames[0].module && strstr(frames[0].module, "/symbol"));
	CHECK_TEXT(frames[0].source, NULL);
	CHECK_WHY(0x1000, WHY_NO_MAPPING);
	CHECK_INT(symbolizer_unnamed(z)[WHY_NO_MAPPING], 1);
	close_space();
}

TEST(inlined_functions_and_lines)
{
	void *object;
	uint64_t mark, caller;

	NEED(object_make("inlined.so") && (object = load_object("inlined.so")));
	mark = symbol_at(object, "mark");
	caller = symbol_at(object, "call_hidden");
	open_with((struct symbol_options){ .inlined = true }, getpid());
	CHECK_INT(find(mark), 2);
	CHECK_TEXT(frames[0].name, "inner");
	CHECK_INT(frames[0].kind, FRAME_INLINED);
	CHECK_TEXT(frames[0].source, path_of("source.c"));
	CHECK_INT(frames[0].line, 5);
	CHECK_TEXT(frames[1].name, "outer");
	CHECK_INT(frames[1].kind, FRAME_USER);
	CHECK_TEXT(frames[1].source, path_of("source.c"));
	CHECK_INT(frames[1].line, 10);
	CHECK_INT(frames[0].address, frames[1].address);
	CHECK_TEXT(frames[0].module, path_of("inlined.so"));
	CHECK(frames[0].build_id && strlen(frames[0].build_id) >= 16);
	CHECK_INT(symbol_user(space, mark, false, frames, 1), 1); /* no room for more */
	CHECK_TEXT(frames[0].name, "inner");
	CHECK_NAME(caller, "call_hidden");
	CHECK_INT(frames[0].line, 18);
	close_space();

	open_space(getpid());
	CHECK_NAME(mark, "outer");
	CHECK_TEXT(frames[0].source, NULL);
	CHECK_INT(frames[0].line, 0);
	close_space();
	dlclose(object);
}

TEST(return_addresses)
{
	NEED(object_make("plain.so"));
	open_space(getpid());
	map_object("plain.so", 0x10000000);
	CHECK_NAME(0x10000000 + offset_of("plain.so", "second"), "second");
	CHECK_INT(symbol_user(space, 0x10000000 + offset_of("plain.so", "second"), true, frames,
			      MAX),
		  1);
	CHECK_TEXT(frames[0].name, "first");
	CHECK_INT(symbol_user(space, 0, true, frames, MAX), 1);
	CHECK_INT(frames[0].why, WHY_NO_MAPPING);
	close_space();
}

TEST(demangled_names)
{
	static const char *const names[][2] = {
		{ "_Z5twiceIiET_S0_", "twice<int>" },
		{ "_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write" },
		{ "_RNvCs15kBYyAo9fc_7mycrate7example", "mycrate::example" },
	};
	NEED(object_make("plain.so"));
	for (int raw = 0; raw < 2; raw++) {
		open_with((struct symbol_options){ .no_demangle = raw }, getpid());
		map_object("plain.so", 0x10000000);
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			CHECK_NAME(0x10000000 + offset_of("plain.so", names[i][0]), names[i][!raw]);
			CHECK_TEXT(frames[0].linkage, raw ? NULL : names[i][0]);
		}
		close_space();
	}
}

TEST(versions_of_symbols_are_no_part_of_their_name)
{
	file_write("version.map", "V1 { global: versioned; local: *; };");
	file_write("version.c", "int impl(void) { return 1; }\n"
				"__asm__(\".symver impl, versioned@@V1\");\n");
	NEED(!shell("cc -shared -fPIC -Wl,--version-script=version.map -o version.so version.c"));
	open_space(getpid());
	map_object("version.so", 0x10000000);
	CHECK_NAME(0x10000000 + offset_of("version.so", "impl"), "versioned");
	close_space();
}

TEST(stripped_file)
{
	uint64_t hidden;

	NEED(object_make("plain.so") && !shell("strip -o stripped.so plain.so"));
	hidden = 0x10000000 + offset_of("plain.so", "hidden");
	open_space(getpid());
	map_object("stripped.so", 0x10000000);
	CHECK_WHY(hidden, WHY_NO_SYMBOL);
	CHECK_TEXT(frames[0].module, path_of("stripped.so"));
	CHECK_INT(symbolizer_unnamed(z)[WHY_NO_SYMBOL], 1);
	CHECK_NAME(0x10000000 + offset_of("plain.so", "outer"), "outer"); /* .dynsym */
	close_space();
}

TEST(mini_debug_info)
{
	NEED(object_make("plain.so") &&
	     !shell("objcopy --only-keep-debug plain.so mini; objcopy -S mini; "
		    "objcopy --only-keep-debug --keep-symbol=hidden --strip-unneeded plain.so mini; "
		    "xz -kf mini; strip -o mini.so plain.so; "
		    "objcopy --add-section .gnu_debugdata=mini.xz mini.so"));
	open_space(getpid());
	map_object("mini.so", 0x10000000);
	CHECK_NAME(0x10000000 + offset_of("plain.so", "hidden"), "hidden");
	CHECK_NAME(0x10000000 + offset_of("plain.so", "outer"), "outer");
	close_space();
}

/* In a root of its own, as nothing is to be written to /usr/lib/debug. */
TEST(debug_file_by_build_id)
{
	struct mapping m;
	uint64_t hidden;
	pid_t pid;

	NEED(object_make("plain.so") &&
	     !shell("id=$(readelf -n plain.so | sed -n 's/.*Build ID: //p'); mkdir -p ids/lib "
		    "ids/usr/lib/debug/.build-id/${id%%${id#??}}; strip -o ids/lib/x.so plain.so; "
		    "objcopy --only-keep-debug plain.so "
		    "ids/usr/lib/debug/.build-id/${id%%${id#??}}/${id#??}.debug"));
	pid = child_new(path_of("ids"), 0, NULL);
	NEED(pid);
	hidden = 0x10000000 + offset_of("plain.so", "hidden");
	for (int with = 0; with < 2; with++) {
		open_with((struct symbol_options){ .inlined = with }, pid);
		m = mapping_of("ids/lib/x.so", "/lib/x.so", 0x10000000);
		CHECK_INT(space_map(space, &m), 0);
		CHECK_NAME(hidden, "hidden");
		CHECK_TEXT(frames[0].module, "/lib/x.so");
		CHECK_TEXT(frames[0].source, with ? path_of("source.c") : NULL);
		close_space();
	}
	/* Somebody else's tells nothing. */
	if (!geteuid() && !shell("chown -R 1 ids/usr/lib/debug/.build-id")) {
		open_space(pid);
		CHECK_INT(space_map(space, &m), 0);
		CHECK_WHY(hidden, WHY_NO_SYMBOL);
		close_space();
	}
	child_end(pid);
}

TEST(debug_file_by_link)
{
	static const char *const places[] = { ".", ".debug" };
	uint64_t hidden;

	NEED(object_make("plain.so") &&
	     !shell("mkdir -p link/.debug; cc -g -O2 -shared -fPIC -Wl,--build-id=none -o full.so "
		    "source.c; objcopy --only-keep-debug full.so full.debug; "
		    "strip -o link/x.so full.so; objcopy --add-gnu-debuglink=full.debug link/x.so"));
	hidden = 0x10000000 + offset_of("full.so", "hidden");
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		CHECK(!shell("cp full.debug link/%s/", places[i]));
		open_space(getpid());
		map_object("link/x.so", 0x10000000);
		CHECK_NAME(hidden, "hidden");
		close_space();
		/* The CRC of its content is in the link. */
		CHECK(!shell("echo >>link/%s/full.debug", places[i]));
		open_space(getpid());
		map_object("link/x.so", 0x10000000);
		CHECK_WHY(hidden, WHY_NO_SYMBOL);
		close_space();
	}
}

TEST(debug_file_from_debuginfod)
{
	void *library = dlopen("libdebuginfod.so.1", RTLD_NOW);
	char urls[256];

	if (!library)
		SKIP("no libdebuginfod");
	NEED(object_make("plain.so") &&
	     !shell("id=$(readelf -n plain.so | sed -n 's/.*Build ID: //p'); "
		    "mkdir -p server/buildid/$id; strip -o asked.so plain.so; "
		    "objcopy --only-keep-debug plain.so server/buildid/$id/debuginfo"));
	snprintf(urls, sizeof(urls), "file://%s", path_of("server"));
	setenv("DEBUGINFOD_URLS", urls, 1);
	setenv("DEBUGINFOD_CACHE_PATH", path_of("cache"), 1);
	for (int asked = 0; asked < 2; asked++) {
		open_with((struct symbol_options){ .debuginfod = asked }, getpid());
		map_object("asked.so", 0x10000000);
		if (asked)
			CHECK_NAME(0x10000000 + offset_of("plain.so", "hidden"), "hidden");
		else
			CHECK_WHY(0x10000000 + offset_of("plain.so", "hidden"), WHY_NO_SYMBOL);
		close_space();
	}
	unsetenv("DEBUGINFOD_URLS");
}

TEST(stubs_of_calls_to_other_files)
{
#if defined(__x86_64__)
	uint64_t (*stub)(void);
	void *object;

	file_write("stub.c", "void *stub(void)\n"
			     "{\n"
			     "	void *p;\n"
			     "	asm(\"lea getppid@PLT(%rip), %0\" : \"=r\"(p));\n"
			     "	return p;\n"
			     "}\n");
	shell("sed -i 's/(%%rip)/(%%%%rip)/' stub.c");
	NEED(!shell("cc -shared -fPIC -Wl,-z,lazy -o stub.so stub.c") &&
	     (object = load_object("stub.so")));
	stub = (uint64_t(*)(void))dlsym(object, "stub");
	open_space(getpid());
	CHECK_NAME(stub(), "getppid@plt");
	close_space();
	dlclose(object);
#else
	SKIP("written for x86-64");
#endif
}

static void check_static(const char *name, uint64_t start)
{
	open_with((struct symbol_options){ .inlined = true }, getpid());
	map_object(name, start);
	CHECK_INT(find(start + offset_of(name, "mark")), 2);
	CHECK_TEXT(frames[0].name, "inner");
	CHECK_TEXT(frames[1].name, "outer");
	CHECK_INT(find(start + offset_of(name, "hidden")), 1);
	CHECK_TEXT(frames[0].name, "hidden");
	CHECK_INT(frames[0].address, start + offset_of(name, "hidden"));
	close_space();
}

TEST(static_executable)
{
	NEED(object_make("plain.so") &&
	     !shell("cc -g -O2 -static -no-pie -DMAIN -Wl,-z,noseparate-code -o static source.c"));
	check_static("static", 0x400000);
}

TEST(executable_of_32_bits)
{
	file_write("small.c", "#include \"source.c\"\n"
			      "void _start(void) { outer(1); call_hidden(2); }\n");
	NEED(object_make("plain.so") &&
	     !shell("cc -m32 -g -O2 -static -no-pie -nostdlib -Wl,-z,noseparate-code "
		    "-Wl,-Ttext-segment=0x8048000 -o small small.c"));
	check_static("small", 0x8048000);
}

TEST(deleted_executable)
{
	int in[2], out[2];
	unsigned long address = 0;
	char text[32] = "";
	pid_t pid;

	NEED(object_make("plain.so") && !shell("cc -g -O2 -DMAIN -o deleted source.c"));
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		abort();
	pid = fork();
	if (!pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl(path_of("deleted"), "deleted", NULL);
		_exit(127);
	}
	CHECK(read(out[0], text, sizeof(text) - 1) > 2);
	address = strtoul(text, NULL, 16);
	CHECK(!unlink(path_of("deleted")));
	open_space(pid);
	/* What was opened while it lived is enough for later. */
	child_end(pid);
	CHECK_NAME(address, "hidden");
	CHECK_TEXT(frames[0].module, path_of("deleted"));
	close_space();
	for (int i = 0; i < 2; i++)
		close(in[i]), close(out[i]);
}

TEST(damaged_files)
{
	NEED(object_make("plain.so"));
	CHECK(!shell("head -c 4 plain.so >damaged; "
		     "{ head -c 52 plain.so; head -c 9000 /dev/zero; } >zeros; "
		     "head -c 8000 /dev/zero >text"));
	open_space(getpid());
	map_object("damaged", 0x10000000);
	map_object("zeros", 0x20000000);
	map_object("text", 0x30000000);
	CHECK_WHY(0x10000000, WHY_DAMAGED);
	find(0x20001000);
	CHECK_TEXT(frames[0].name, NULL);
	CHECK(frames[0].why == WHY_DAMAGED || frames[0].why == WHY_NO_SYMBOL);
	CHECK_WHY(0x30000000, WHY_DAMAGED);
	CHECK_INT(symbolizer_unnamed(z)[WHY_DAMAGED] + symbolizer_unnamed(z)[WHY_NO_SYMBOL], 3);
	close_space();
}

/* --------------------------------------------------------------- the helper */

TEST(helper_that_dies_is_started_again)
{
	pid_t before;

	NEED(object_make("plain.so"));
	open_space(getpid());
	map_object("plain.so", 0x10000000);
	CHECK_NAME(0x10000000 + offset_of("plain.so", "outer"), "outer");
	before = symbolizer_helper(z);
	CHECK(before > 0);
	kill(before, SIGKILL);
	CHECK_NAME(0x10000000 + offset_of("plain.so", "outer"), "outer"); /* known */
	CHECK_NAME(0x10000000 + offset_of("plain.so", "hidden"), "hidden");
	CHECK(symbolizer_helper(z) > 0 && symbolizer_helper(z) != before);
	close_space();
}

TEST(file_that_gets_shorter_while_it_is_read)
{
	NEED(object_make("plain.so") && !shell("cp plain.so shorter.so"));
	open_space(getpid());
	map_object("shorter.so", 0x10000000);
	map_object("plain.so", 0x20000000);
	CHECK_NAME(0x10000000 + offset_of("plain.so", "outer"), "outer");
	CHECK(!truncate(path_of("shorter.so"), 0));
	CHECK_WHY(0x10000000 + offset_of("plain.so", "hidden"), WHY_DAMAGED);
	CHECK_NAME(0x10000000 + offset_of("plain.so", "outer"), "outer"); /* known */
	CHECK_NAME(0x20000000 + offset_of("plain.so", "hidden"), "hidden");
	close_space();
}

TEST(helper_that_does_not_answer)
{
	struct helper helper = { .timeout_ms = 20000 };
	struct helper_request request = { .op = HELPER_FIND, .id = 1 };
	struct helper_reply *reply;
	pid_t pid;

	CHECK_INT(helper_call(&helper, &request, -1, &reply), 0);
	CHECK_INT(reply->error, -ENOENT);
	pid = helper.pid;
	kill(pid, SIGSTOP);
	helper.timeout_ms = 50;
	CHECK_INT(helper_call(&helper, &request, -1, &reply), -ETIME);
	CHECK_INT(helper.pid, 0);
	CHECK(kill(pid, 0) && errno == ESRCH);
	helper.timeout_ms = 20000;
	CHECK_INT(helper_call(&helper, &request, -1, &reply), 0);
	CHECK_INT(helper.starts, 2);
	helper_stop(&helper);
}

/* Its own limits, as the kernel sees them. */
TEST(helper_has_no_privileges)
{
	struct helper helper = { .timeout_ms = 20000 };
	struct helper_request request = { .op = HELPER_FIND, .id = 1 };
	struct helper_reply *reply;
	char path[64], line[256];
	unsigned int seen = 0;
	unsigned long value;
	FILE *status;

	CHECK_INT(helper_call(&helper, &request, -1, &reply), 0); /* it is ready */
	snprintf(path, sizeof(path), "/proc/%d/status", helper.pid);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status)) {
		if (sscanf(line, "CapPrm: %lx", &value) == 1 ||
		    sscanf(line, "CapEff: %lx", &value) == 1) {
			CHECK_INT(value, 0);
			seen++;
		} else if (sscanf(line, "Seccomp: %lu", &value) == 1) {
			CHECK_INT(value, 2);
			seen++;
		} else if (sscanf(line, "NoNewPrivs: %lu", &value) == 1) {
			CHECK_INT(value, 1);
			seen++;
		}
	}
	if (status)
		fclose(status);
	CHECK_INT(seen, 4);
	helper_stop(&helper);
}

/* ----------------------------------------------------------------- mappings */

TEST(newer_mappings_win)
{
	struct mapping m;
	uint64_t outer, first;

	NEED(object_make("plain.so") && !shell("cp plain.so other.so"));
	outer = offset_of("plain.so", "outer");
	first = offset_of("plain.so", "first");
	CHECK_INT(outer & -4096, first & -4096);
	open_space(getpid());
	m = mapping_of("plain.so", path_of("plain.so"), 0x10000000);
	m.end = m.start + 0x10000;
	CHECK_INT(space_map(space, &m), 0);
	/* A hole in the middle, filled by the other file: both ends are as they were. */
	m = mapping_of("other.so", path_of("other.so"), 0x10004000);
	m.end = m.start + 0x1000;
	m.offset = outer & -4096;
	CHECK_INT(space_map(space, &m), 0);
	CHECK_NAME(0x10000000 + outer, "outer");
	CHECK_TEXT(frames[0].module, path_of("plain.so"));
	CHECK_NAME(0x10004000 + (outer & 4095), "outer");
	CHECK_TEXT(frames[0].module, path_of("other.so"));
	CHECK_NAME(0x10004000 + (first & 4095), "first");
	find(0x10005000);
	CHECK_TEXT(frames[0].module, path_of("plain.so"));
	CHECK_INT(find(0x1000ffff), 1);
	CHECK_TEXT(frames[0].module, path_of("plain.so"));
	CHECK_WHY(0x10010000, WHY_NO_MAPPING);
	/* Over all of it, and what is not executable takes away. */
	m.start = 0x0fff0000;
	m.end = 0x10020000;
	CHECK_INT(space_map(space, &m), 0);
	CHECK_NAME(0x0fff0000 + (outer & 4095), "outer");
	m.executable = false;
	m.start = 0x0fff1000;
	CHECK_INT(space_map(space, &m), 0);
	CHECK_NAME(0x0fff0000 + (outer & 4095), "outer");
	CHECK_WHY(0x10000000 + outer, WHY_NO_MAPPING);
	m.end = m.start;
	CHECK_INT(space_map(space, &m), -EINVAL);
	close_space();
}

TEST(fork_and_exec)
{
	struct space *parent, *child;
	struct mapping m;
	uint64_t outer;

	NEED(object_make("plain.so") && !shell("cp plain.so other.so"));
	outer = 0x10000000 + offset_of("plain.so", "outer");
	open_space(getpid());
	map_object("plain.so", 0x10000000);
	CHECK_INT(space_fork(space, 1 << 30, &child), 0);
	parent = space;
	m = mapping_of("other.so", path_of("other.so"), 0x10000000);
	CHECK_INT(space_map(parent, &m), 0);
	space = child;
	CHECK_NAME(outer, "outer");
	CHECK_TEXT(frames[0].module, path_of("plain.so"));
	space_exec(child);
	CHECK_WHY(outer, WHY_NO_MAPPING);
	CHECK_WHY((uintptr_t)own_function, WHY_NO_MAPPING);
	space_exit(child);
	space_free(child);
	space = parent;
	CHECK_NAME(outer, "outer");
	CHECK_TEXT(frames[0].module, path_of("other.so"));
	space_free(parent);
	CHECK_TEXT(frames[0].name, "outer"); /* still */
	symbolizer_free(z);
}

/* A process that is not there any more when its mappings are told. */
TEST(process_that_is_gone)
{
	struct mapping m;
	unsigned int generation;
	uint64_t outer;
	pid_t pid = fork();
	int fd;

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	NEED(object_make("plain.so"));
	outer = offset_of("plain.so", "outer");
	open_space(pid);
	map_object("plain.so", 0x10000000);
	CHECK_NAME(0x10000000 + outer, "outer");
	close_space();

	open_space(pid);
	m = mapping_of("plain.so", path_of("plain.so"), 0x10000000);
	m.inode++;
	CHECK_INT(space_map(space, &m), 0);
	CHECK_WHY(0x10000000 + outer, WHY_NO_FILE);
	m.inode--;
	m.minor++;
	CHECK_INT(space_map(space, &m), 0);
	CHECK_WHY(0x10000000 + outer, WHY_NO_FILE);
	m.minor--;
	fd = open(path_of("plain.so"), O_RDONLY | O_CLOEXEC);
	if (!ioctl(fd, FS_IOC_GETVERSION, &generation)) {
		m.generation = generation ^ 5;
		CHECK_INT(space_map(space, &m), 0);
		CHECK_WHY(0x10000000 + outer, WHY_NO_FILE);
		m.generation = generation;
		CHECK_INT(space_map(space, &m), 0);
		CHECK_NAME(0x10000000 + outer, "outer");
	}
	close(fd);
	close_space();
}

TEST(links_do_not_lead_out_of_the_root)
{
	struct mapping m;
	pid_t pid;

	NEED(object_make("plain.so") &&
	     !shell("mkdir -p jail/lib; ln -sf $PWD/plain.so jail/lib/out.so; "
		    "ln -sf ../../plain.so jail/lib/up.so; ln -f plain.so jail/lib/in.so; "
		    "ln -sf /lib/in.so jail/lib/link.so"));
	pid = child_new(path_of("jail"), 0, NULL);
	NEED(pid);
	open_space(pid);
	for (int i = 0; i < 3; i++) {
		m = mapping_of("plain.so",
			       (const char *[]){ "/lib/out.so", "/lib/up.so", "/lib/link.so" }[i],
			       0x10000000);
		CHECK_INT(space_map(space, &m), 0);
		if (i < 2)
			CHECK_WHY(0x10000000 + offset_of("plain.so", "outer"), WHY_NO_FILE);
		else
			CHECK_NAME(0x10000000 + offset_of("plain.so", "outer"), "outer");
	}
	close_space();
	child_end(pid);
}

TEST(special_files_are_not_opened)
{
	struct mapping m;

	NEED(!shell("mkfifo fifo"));
	open_space(getpid());
	m = mapping_of("fifo", path_of("fifo"), 0x10000000); /* would wait for who writes */
	m.end = m.start + 0x1000;
	CHECK_INT(space_map(space, &m), 0);
	CHECK_WHY(0x10000000, WHY_NO_FILE);
	close_space();
}

static bool mount_overlay(void)
{
	char options[512];

	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s", path_of("lower"),
		 path_of("upper"), path_of("work"));
	return !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("none", dir, "tmpfs", 0, NULL) &&
	       !shell("mkdir lower upper work merged; cp /proc/self/fd/9 lower/x.so") &&
	       !mount("overlay", path_of("merged"), "overlay", 0, options) &&
	       dlopen(path_of("merged/x.so"), RTLD_NOW | RTLD_LOCAL);
}

/* Where stat(2) names other devices and inodes than maps does. */
TEST(file_of_an_overlay)
{
	char path[64], line[512];
	unsigned long start, end, offset, address = 0;
	FILE *maps;
	int fd;
	pid_t pid;

	NEED(object_make("plain.so"));
	fd = open(path_of("plain.so"), O_RDONLY);
	CHECK_INT(dup2(fd, 9), 9);
	pid = child_new(NULL, CLONE_NEWNS, mount_overlay);
	close(fd);
	close(9);
	NEED(pid);
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, "/merged/x.so") &&
		    sscanf(line, "%lx-%lx r-xp %lx", &start, &end, &offset) == 3)
			address = start - offset + offset_of("plain.so", "hidden");
	if (maps)
		fclose(maps);
	CHECK(address);
	open_space(pid);
	CHECK_NAME(address, "hidden");
	CHECK_TEXT(frames[0].module, path_of("merged/x.so"));
	close_space();
	child_end(pid);
}

/* ---------------------------------------------------------------- perf maps */

static const struct mapping anonymous = { .start = 0x10000000,
					  .end = 0x10010000,
					  .executable = true,
					  .path = "//anon" };

/* A child in a root of its own, with /tmp in it; the name of its perf map there. */
static pid_t jit_new(int flags, char name[64])
{
	pid_t pid;

	if (shell("mkdir -p jit/tmp"))
		return 0;
	pid = child_new(path_of("jit"), flags, NULL);
	if (pid) {
		snprintf(name, 64, "jit/tmp/perf-%d.map", pid);
		open_space(pid);
		CHECK_INT(space_map(space, &anonymous), 0);
	}
	return pid;
}

static void jit_end(pid_t pid)
{
	close_space();
	child_end(pid);
}

TEST(perf_map)
{
	char name[64];
	pid_t pid = jit_new(0, name);

	NEED(pid);
	CHECK_WHY(0x10000010, WHY_ANONYMOUS);
	file_write(name, "10000000 20 one\n10000020 20 two of us\n1000");
	CHECK_NAME(0x10000010, "one");
	CHECK_INT(frames[0].kind, FRAME_JIT);
	CHECK_INT(frames[0].address, 0x10000010);
	CHECK_NAME(0x1000003f, "two of us");
	CHECK_WHY(0x10000040, WHY_ANONYMOUS);
	/* It grows, and is written anew. */
	file_write(name, "10000000 20 one\n10000020 20 two of us\n10000040 20 three\n");
	CHECK_NAME(0x10000040, "three");
	file_write(name, "10000060 20 the fourth has a long name\n10000040 20 fifth\n"
			 "10000080 20 sixth\n");
	CHECK_NAME(0x10000060, "the fourth has a long name");
	CHECK_NAME(0x10000040, "fifth");
	CHECK_WHY(0x10000000, WHY_ANONYMOUS);
	/* What is there at the end is read then. */
	file_write(name, "100000a0 20 last\n");
	space_exit(space);
	CHECK(!unlink(path_of(name)));
	CHECK_NAME(0x100000a0, "last");
	CHECK_WHY(0x0fffffff, WHY_NO_MAPPING);
	jit_end(pid);
}

TEST(perf_map_in_a_pid_namespace)
{
	pid_t pid, inner = 0;
	char path[64], name[64];
	FILE *children;
	int ready[2];

	NEED(!shell("mkdir -p jit/tmp"));
	if (pipe(ready))
		abort();
	pid = fork();
	if (!pid) {
		if ((geteuid() && unshare(CLONE_NEWUSER)) || unshare(CLONE_NEWPID))
			_exit(1);
		inner = fork();
		if (inner < 0)
			_exit(1);
		if (!inner && (chroot(path_of("jit")) || write(ready[1], "x", 1) != 1))
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], name, 1) != 1) {
		close(ready[0]);
		child_end(pid);
		SKIP("no PID namespace");
	}
	close(ready[0]);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	children = fopen(path, "re");
	if (!children || fscanf(children, "%d", &inner) != 1)
		inner = 0;
	if (children)
		fclose(children);
	CHECK(inner);
	file_write("jit/tmp/perf-1.map", "10000000 20 inside\n");
	open_space(inner);
	CHECK_INT(space_map(space, &anonymous), 0);
	CHECK_NAME(0x10000000, "inside");
	close_space();
	kill(inner, SIGKILL);
	child_end(pid);
}

TEST(perf_map_of_somebody_else)
{
	char name[64];
	pid_t pid;

	if (geteuid())
		SKIP("needs root");
	pid = jit_new(0, name);
	NEED(pid);
	file_write(name, "10000000 20 forged\n");
	CHECK(!chown(path_of(name), 1, 1));
	CHECK_WHY(0x10000000, WHY_UNTRUSTED);
	CHECK_INT(symbolizer_unnamed(z)[WHY_UNTRUSTED], 1);
	CHECK(!chown(path_of(name), 0, 0));
	CHECK_NAME(0x10000000, "forged");
	jit_end(pid);
}

TEST(perf_map_that_is_no_file)
{
	char name[64], target[64];
	pid_t pid = jit_new(0, name);

	NEED(pid);
	CHECK(!mkfifo(path_of(name), 0600));
	CHECK_WHY(0x10000000, WHY_UNTRUSTED);
	CHECK(!unlink(path_of(name)));
	file_write("jit/tmp/other", "10000000 20 linked\n");
	CHECK(!symlink("other", path_of(name)));
	CHECK_WHY(0x10000000, WHY_UNTRUSTED);
	CHECK(!unlink(path_of(name)));
	snprintf(target, sizeof(target), "jit/tmp/other");
	CHECK(!rename(path_of(target), path_of(name)));
	CHECK_NAME(0x10000000, "linked");
	jit_end(pid);
}

TEST(code_in_a_memfd)
{
	char path[64];
	FILE *map;
	void *code;
	int fd = memfd_create("code", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, 4096))
		abort();
	code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	CHECK(code != MAP_FAILED);
	open_space(getpid());
	CHECK_WHY((uintptr_t)code, WHY_ANONYMOUS);
	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	map = fopen(path, "wxe");
	if (map) {
		fprintf(map, "%lx 10 generated\n", (unsigned long)code);
		fclose(map);
		CHECK_NAME((uintptr_t)code, "generated");
		CHECK_INT(frames[0].kind, FRAME_JIT);
		unlink(path);
	}
	close_space();
	munmap(code, 4096);
	close(fd);
}

/* ------------------------------------------------------------- the kernel's */

TEST(vdso)
{
	void *object = dlopen("linux-vdso.so.1", RTLD_NOW | RTLD_NOLOAD), *function = NULL;
	static const char *const names[] = { "__vdso_clock_gettime", "__kernel_clock_gettime" };
	size_t i;

	for (i = 0; object && i < ARRAY_SIZE(names) && !function; i++)
		function = dlsym(object, names[i]);
	if (!function)
		SKIP("no vdso");
	open_space(getpid());
	CHECK_NAME((uintptr_t)function, names[i - 1]);
	CHECK_TEXT(frames[0].module, "[vdso]");
	CHECK_INT(space_map(space, &(struct mapping){ .start = 0xf7fc0000,
						      .end = 0xf7fc2000,
						      .executable = true,
						      .path = "[vdso]" }),
		  0);
	CHECK_NAME(0xf7fc0100, "[vdso]"); /* of a process of 32 bits */
	close_space();
}

TEST(kernel_functions)
{
	unsigned long long address, found = 0;
	char type, name[256], line[512];
	FILE *file = fopen("/proc/kallsyms", "re");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%llx %c %255s", &address, &type, name) == 3 &&
		    !strcmp(name, "vfs_read"))
			found = address;
	if (file)
		fclose(file);
	open_space(getpid());
	if (found) {
		CHECK_INT(symbol_kernel(z, found + 1, frames, MAX), 1);
		CHECK_TEXT(frames[0].name, "vfs_read");
		CHECK_TEXT(frames[0].module, "[kernel]");
		CHECK_INT(frames[0].kind, FRAME_KERNEL);
		CHECK_INT(symbol_kernel(z, 0x1000, frames, MAX), 1);
		CHECK_INT(frames[0].why, WHY_NO_SYMBOL);
	} else {
		CHECK_INT(symbol_kernel(z, -4096, frames, MAX), 1);
		CHECK_INT(frames[0].why, WHY_NO_KALLSYMS);
	}
	CHECK_TEXT(frames[0].name, NULL);
	close_space();
}

static void kallsyms_set(const char *text)
{
	int fd = memfd_create("kallsyms", MFD_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
	    dup2(fd, z->kernel.fd) < 0)
		abort();
	close(fd);
}

TEST(modules_and_bpf_programs)
{
	static const char text[] = "ffffffff81000000 T start\n"
				   "ffffffff82000000 T _etext\n"
				   "ffffffffc0001000 t nft_do_chain\t[nf_tables]\n"
				   "ffffffffc0102000 t bpf_prog_0123456789abcdef_exec_done\t[bpf]\n"
				   "ffffffffc0102800 t bpf_trampoline_6442450944\t[bpf]\n";
	static const struct {
		uint64_t address;
		const char *name, *module;
		enum frame_kind kind;
	} cases[] = {
		{ 0xffffffff81000010, "start", "[kernel]", FRAME_KERNEL },
		{ 0xffffffff82000010, NULL, "[kernel]", FRAME_KERNEL },
		{ 0xffffffffc0001010, "nft_do_chain", "[nf_tables]", FRAME_KERNEL },
		{ 0xffffffffc0101000, NULL, "[kernel]", FRAME_KERNEL },
		{ 0xffffffffc0102010, "bpf_prog_0123456789abcdef_exec_done", "[bpf]", FRAME_BPF },
		{ 0xffffffffc0102810, "bpf_trampoline_6442450944", "[bpf]", FRAME_KERNEL },
	};

	open_space(getpid());
	if (z->kernel.fd < 0) {
		close_space();
		SKIP("no /proc/kallsyms");
	}
	kallsyms_set("0000000000000000 T start\n0000000000000000 T end\n");
	CHECK_INT(symbol_kernel(z, 0xffffffff81000010, frames, MAX), 1);
	CHECK_INT(frames[0].why, WHY_NO_KALLSYMS);
	z->kernel.read = false;
	kallsyms_set(text);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CHECK_INT(symbol_kernel(z, cases[i].address, frames, MAX), 1);
		CHECK_TEXT(frames[0].name, cases[i].name);
		CHECK_TEXT(frames[0].module, cases[i].module);
		CHECK_INT(frames[0].kind, cases[i].kind);
		CHECK_INT(frames[0].why, cases[i].name ? WHY_NAMED : WHY_NO_SYMBOL);
		CHECK_INT(frames[0].address, cases[i].address);
	}
	/* A module that comes later is found, but not looked for all the time. */
	kallsyms_set("ffffffff81000000 T start\nffffffff82000000 T _etext\n"
		     "ffffffffc0201000 t new\t[new]\n");
	symbol_kernel(z, 0xffffffffc0201010, frames, MAX);
	CHECK_TEXT(frames[0].name, NULL);
	z->kernel.read_ns -= 10000000000;
	symbol_kernel(z, 0xffffffffc0201010, frames, MAX);
	CHECK_TEXT(frames[0].name, "new");
	close_space();
}

/* In this process, where sanitizers see what it does. */
TEST(elf_file_by_itself)
{
	struct frame found[4];
	struct elf_file *file;
	struct buf strings = {};
	struct elf_want want;
	uint64_t address;
	int fd;

	NEED(object_make("plain.so"));
	fd = open(path_of("plain.so"), O_RDONLY | O_CLOEXEC);
	CHECK_INT(elf_file_open(fd, true, true, &file), 0);
	elf_file_wants(file, &want);
	CHECK_INT(want.kind, ELF_WANT_NOTHING);
	CHECK_INT(elf_file_find(file, offset_of("plain.so", "mark"), &address, found, 4, &strings),
		  2);
	CHECK_TEXT(strings.data + (size_t)found[0].name - 1, "inner");
	CHECK_TEXT(strings.data + (size_t)found[1].name - 1, "outer");
	CHECK_INT(elf_file_find(file, 1ULL << 40, &address, found, 4, &strings), 1);
	CHECK_INT(found[0].why, WHY_NO_SYMBOL);
	buf_done(&strings);
	elf_file_free(file);
}
