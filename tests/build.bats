#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What the Makefile promises.  Everything is built from copies of the tree, in
# temporary directories; nothing is read from the tree's own build directory.

bats_load_library bats-support
bats_load_library bats-assert

setup_file()
{
	unset MAKEFLAGS MFLAGS MAKELEVEL BUILD CFLAGS CPPFLAGS LDFLAGS DESTDIR WERROR STATIC V
	bats_require_minimum_version 1.5.0
	export TOP="$BATS_TEST_DIRNAME/.."
	export SRC="$BATS_FILE_TMPDIR/src"
	copy_tree "$SRC"
	make -C "$SRC" >/dev/null
}

setup()
{
	cd "$SRC" || return
	local all=(bpf/*.bpf.c)
	all=("${all[@]#bpf/}")
	tools=("${all[@]%.bpf.c}")
	tool=${tools[0]}
}

# copy_tree DIRECTORY: the sources, as a fresh clone has them.
copy_tree()
{
	mkdir -p "$1"
	tar -C "$TOP" -c Makefile tools bpf vmlinux packaging tests/build.mk | tar -C "$1" -x
}

# Makes what comes later newer than everything that there is.
mark()
{
	local newest
	newest=$(find . -type f -printf '%T@\n' | sort -n | tail -n 1)
	while touch "$BATS_TEST_TMPDIR/mark" && [[ $(stat -c %.9Y "$BATS_TEST_TMPDIR/mark") < $newest ]]; do
		:
	done
	sleep 0.02
}

# What has been built since, without dependency files.
built()
{
	find build -type f -newer "$BATS_TEST_TMPDIR/mark" ! -name '*.d' | sort
}

# lines WORD…: the words, one a line, sorted as built() does.
lines()
{
	printf '%s\n' "$@" | sort
}

needs_command()
{
	command -v "$1" >/dev/null || skip "no $1 here"
}

@test "every tool is found and built" {
	for t in "${tools[@]}"; do
		[[ -x build/$t ]]
		[[ -f tools/$t.c ]]
	done
}

@test "a second make does nothing" {
	mark
	run make -q
	assert_success
	run make
	assert_success
	refute_output --partial build/
	run built
	assert_output ""
}

@test "a touched .bpf.c rebuilds its tool and nothing else" {
	mark
	touch "bpf/$tool.bpf.c"
	make
	run built
	assert_output "$(lines "build/$tool.bpf.o" "build/$tool".{skel.h,object.gz,object.o,o} "build/$tool")"
}

@test "a touched front end is compiled, and its BPF object is not" {
	mark
	touch "tools/$tool.c"
	make
	run built
	assert_output "$(lines "build/$tool.o" "build/$tool")"
}

@test "a touched event header rebuilds both sides of its tool and nothing else" {
	[[ -f bpf/$tool.h ]] || skip "$tool has no event header"
	mark
	touch "bpf/$tool.h"
	make
	run built
	local parts=(tools/"$tool"/*.c)
	parts=("${parts[@]/#tools/build/parts}")
	parts=("${parts[@]/%.c/.o}")
	[[ -d tools/$tool ]] || parts=()
	assert_output "$(lines "build/$tool.bpf.o" "build/$tool".{skel.h,object.gz,object.o,o} "build/$tool" \
		"${parts[@]}")"
}

@test "a touched header of the runtime leaves the BPF objects alone" {
	mark
	touch tools/lib/tool.h
	make
	run built
	assert_line build/lib/tool.o
	assert_line "build/$tool"
	refute_output --partial .bpf.o
	refute_output --partial .skel.h
}

@test "a touched header of the BPF side rebuilds the programs that include it" {
	local header=bpf/lib/trace.bpf.h
	mark
	touch "$header"
	make
	run built
	assert_line "build/$tool.bpf.o"
	refute_output --partial build/lib/
}

@test "other flags rebuild what they are for" {
	mark
	make CFLAGS=-O1
	run built
	assert_line "build/$tool.o"
	assert_line build/lib/tool.o
	refute_output --partial .bpf.o
	make
	run make -q
	assert_success
	run make -q WERROR=1
	assert_failure 1
	run make -q STATIC=1
	assert_failure 1
	run make -q CLANG="$(command -v clang)"
	assert_failure 1
}

@test "distribution flags reach user space only" {
	run make -B -n V=1 CFLAGS=-DC_MARK CPPFLAGS=-DCPP_MARK LDFLAGS=-Wl,-z,now
	assert_success
	run grep -c -e '-target bpf.*_MARK' <<<"$output"
	assert_output 0
	run make -B -n V=1 CFLAGS=-DC_MARK CPPFLAGS=-DCPP_MARK LDFLAGS=-Wl,-z,now
	assert_line --regexp "-DCPP_MARK -DC_MARK .*tools/$tool\.c"
	assert_line --regexp "-Wl,-z,now .*build/$tool\.o"
}

@test "quiet by default, commands with V=1" {
	touch "tools/$tool.c"
	run make
	assert_line "  CC       build/$tool.o"
	refute_output --partial "-Wall"
	touch "tools/$tool.c"
	run make V=1
	assert_output --partial "-Wall"
}

@test "no warnings from gcc 12 and clang 14, BPF by clang 14" {
	needs_command gcc-12
	needs_command clang-14
	run make BUILD="$BATS_FILE_TMPDIR/14" CC=gcc-12 CLANG=clang-14 WERROR=1
	assert_success
	refute_output --partial warning
	run make BUILD="$BATS_TEST_TMPDIR/b" CC=clang-14 CLANG=clang-14 WERROR=1
	assert_success
	refute_output --partial warning
}

@test "no warnings from BPF by clang 19" {
	needs_command clang-19
	run make BUILD="$BATS_FILE_TMPDIR/19" CLANG=clang-19 WERROR=1
	assert_success
	refute_output --partial warning
}

@test "no BPF object has an instruction that 5.8 does not know, nor needs more stack than there is" {
	run python3 "$TOP/tests/bpf-stack" build/*.bpf.o
	assert_success
	run python3 "$TOP/tests/bpf-insns" build/*.bpf.o
	assert_success
	for v in 14 19; do
		if [[ -d $BATS_FILE_TMPDIR/$v ]]; then
			run python3 "$TOP/tests/bpf-stack" "$BATS_FILE_TMPDIR/$v"/*.bpf.o
			assert_success
			run python3 "$TOP/tests/bpf-insns" "$BATS_FILE_TMPDIR/$v"/*.bpf.o
			assert_success
		fi
	done
}

@test "the check of instructions finds what it looks for" {
	needs_command clang-19
	cd "$BATS_TEST_TMPDIR"
	cat >new.c <<-'END'
		long n;
		int m;
		long fetch(long v) { return __sync_fetch_and_add(&n, v); }
		long swap(long v) { return __sync_lock_test_and_set(&n, v); }
		long compare(long v) { return __sync_val_compare_and_swap(&n, 1, v); }
		long divide(long v) { return v / n; }
		long load(void) { return m; }
	END
	cat >old.c <<-'END'
		long n;
		void add(long v) { __sync_fetch_and_add(&n, v); }
	END
	clang-19 -target bpf -mcpu=v4 -O2 -c new.c
	run python3 "$TOP/tests/bpf-insns" new.o
	assert_failure 1
	assert_equal "$(grep -c atomic <<<"$output")" 3
	assert_output --partial "signed division"
	assert_output --partial "sign-extending load"
	clang-14 -target bpf -mcpu=v3 -O2 -c old.c
	run python3 "$TOP/tests/bpf-insns" old.o
	assert_success
}

@test "the objects have BTF and no DWARF" {
	for t in "${tools[@]}"; do
		run readelf -SW "build/$t.bpf.o"
		assert_output --partial " .BTF "
		assert_output --partial " .BTF.ext "
		refute_output --partial .debug_
	done
}

@test "builds in different directories are identical" {
	local other="$BATS_TEST_TMPDIR/a rather/different place" t
	copy_tree "$other"
	make
	make -C "$other" BUILD="$BATS_TEST_TMPDIR/elsewhere"
	for t in "${tools[@]}"; do
		cmp "build/$t.bpf.o" "$BATS_TEST_TMPDIR/elsewhere/$t.bpf.o"
		cmp "build/$t" "$BATS_TEST_TMPDIR/elsewhere/$t"
	done
}

@test "BPF objects are identical wherever they are built, by each clang" {
	local v build other n t objects=("${tools[@]/%/.bpf.o}")
	for v in 14 19; do
		command -v "clang-$v" >/dev/null || continue
		for n in 1 9 30 100; do
			other="$BATS_TEST_TMPDIR/$(printf "%${n}s" "" | tr ' ' d)"
			build="$BATS_TEST_TMPDIR/$v.$n"
			copy_tree "$other"
			make -C "$other" BUILD="$build" CLANG="clang-$v" "${objects[@]/#/$build/}"
			for t in "${objects[@]}"; do
				cmp "$BATS_TEST_TMPDIR/$v.1/$t" "$build/$t"
			done
			rm -rf "$other"
		done
	done
}

@test "the build reads neither /sys nor the network" {
	unshare -m -n true || skip "needs unshare -m -n (root)"
	needs_command strace
	# shellcheck disable=SC2016 # expanded inside
	run unshare -m -n sh -euc '
		mount -t tmpfs none /sys
		test -z "$(ls /sys)"
		exec strace -f -qq -e trace=file -o "$1/trace" make BUILD="$1/build"
	' sh "$BATS_TEST_TMPDIR"
	assert_success
	for t in "${tools[@]}"; do
		cmp "build/$t" "$BATS_TEST_TMPDIR/build/$t"
	done
	# Nor was the kernel's BTF, configuration or symbol table looked for anywhere else.
	run grep -E '"/sys/kernel|"/boot|"/lib/modules|"/proc/(config|kallsyms)' \
		"$BATS_TEST_TMPDIR/trace"
	assert_failure 1
}

@test "install and uninstall" {
	local root=$BATS_TEST_TMPDIR/root t
	make install DESTDIR="$root" PREFIX=/usr TOOL_PREFIX=cl-
	for t in "${tools[@]}"; do
		cmp "build/$t" "$root/usr/sbin/cl-$t"
		[[ -s $root/usr/share/man/man8/cl-$t.8 ]]
		[[ $(realpath "$root/usr/libexec/corelets/bin/$t") == $(realpath "$root/usr/sbin/cl-$t") ]]
		run "$root/usr/sbin/corelets" "$t" --version
		assert_output "$("build/$t" --version)"
		run head -n 1 "$root/usr/share/zsh/site-functions/_corelets"
		assert_output --regexp "^#compdef corelets .*\bcl-$t\b"
		[[ -s $root/usr/share/bash-completion/completions/cl-$t ]]
		[[ -s $root/usr/share/fish/vendor_completions.d/cl-$t.fish ]]
	done
	touch "$root/usr/sbin/of-somebody-else"
	make uninstall DESTDIR="$root" PREFIX=/usr TOOL_PREFIX=cl-
	run find "$root" ! -type d
	assert_output "$root/usr/sbin/of-somebody-else"
	[[ ! -e $root/usr/libexec ]]
}

@test "SHARED=1: the runtime is a library of the suite, also after a build without; uninstall takes no other" {
	local root=$BATS_TEST_TMPDIR/root
	make SHARED=1 PREFIX=/usr DESTDIR="$root" install
	run readelf -dW "$root/usr/sbin/$tool"
	assert_output --partial '[libcorelets.so]'
	assert_output --partial '[/usr/lib/corelets]'
	run env LD_LIBRARY_PATH="$root/usr/lib/corelets" "$root/usr/sbin/$tool" --version
	assert_success
	touch "$root/usr/lib/corelets/other"
	make SHARED=1 PREFIX=/usr DESTDIR="$root" uninstall
	run find "$root" ! -type d
	assert_output "$root/usr/lib/corelets/other"
	make
	run readelf -dW "build/$tool"
	refute_output --partial libcorelets
}

@test "STATIC=1 leaves libbpf, libelf and zlib out of what is loaded" {
	make BUILD="$BATS_TEST_TMPDIR/b" STATIC=1
	run ldd "$BATS_TEST_TMPDIR/b/$tool"
	assert_success
	refute_output --regexp 'lib(bpf|elf|z)\.so'
	run ldd "build/$tool"
	assert_output --partial libbpf.so
	"$BATS_TEST_TMPDIR/b/$tool" --version
}

@test "a missing library is one line that says what to do" {
	run env PKG_CONFIG_LIBDIR=/nonexistent PKG_CONFIG_PATH='' make --no-print-directory
	assert_failure 2
	assert_equal "${#lines[@]}" 1
	assert_output --partial "libbpf >= 1.1"
	assert_output --partial "packaging/deps build"
}

@test "a missing compiler is one line that says what to do" {
	run make --no-print-directory CLANG=clang-of-nobody
	assert_failure 2
	assert_equal "${#lines[@]}" 1
	assert_output --partial "not found: clang-of-nobody"
}

@test "the PATH of an ordinary user is enough" {
	run env PATH=/usr/bin:/bin make BUILD="$BATS_TEST_TMPDIR/b"
	assert_success
}

@test "packaging/deps does nothing where everything is there" {
	run packaging/deps build
	assert_success
	assert_output ""
	run packaging/deps
	assert_failure 1
	assert_output "packaging/deps: usage: packaging/deps build|test"
}

@test "in parallel, unless the user says otherwise" {
	# shellcheck disable=SC2016 # expanded by make's shell
	local show='show: ; @echo "$$MAKEFLAGS"'
	run make --eval="$show" show
	assert_output --regexp "-j$(nproc)( |\$)"
	run make -j1 --eval="$show" show
	assert_output --partial "-j1"
	run make -j7 --eval="$show" show
	assert_output --partial "-j7"
}

@test "make without any tool is no error" {
	mkdir "$BATS_TEST_TMPDIR/empty"
	cp -r Makefile tests packaging "$BATS_TEST_TMPDIR/empty"
	run make -C "$BATS_TEST_TMPDIR/empty" --no-print-directory
	assert_success
}

@test "clean leaves nothing but downloaded kernels" {
	cp -a "$SRC" "$BATS_TEST_TMPDIR/src"
	cd "$BATS_TEST_TMPDIR/src"
	mkdir -p build/kernels
	make clean
	run find build -mindepth 1
	assert_output build/kernels
}

@test "vmlinux.h is the one that SOURCES names" {
	local sources
	for sources in vmlinux/*/SOURCES; do
		run sed -n 's/^vmlinux.h-sha256: //p' "$sources"
		assert_output "$(sha256sum "${sources%SOURCES}vmlinux.h" | cut -d' ' -f1)"
	done
}
