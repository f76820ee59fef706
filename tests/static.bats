#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# All with musl, as on Alpine, and the archive of static tools that is made of it: what is in it, and
# that it runs where there is nothing else.

load helpers

# shellcheck disable=SC2153 # of helpers.bash
MUSL=$TOOLS/musl

setup_file()
{
	unset MAKEFLAGS MFLAGS MAKELEVEL BUILD CFLAGS CPPFLAGS LDFLAGS DESTDIR STATIC V SOURCE_DATE_EPOCH
	need_command musl-gcc
	need_command dpkg-source
	ARCHIVE=$(make -s -C "$TOP" BUILD="$TOOLS" WERROR=1 WHAT="all corecheck unit" static | tail -n 1)
	export ARCHIVE
}

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
	mapfile -t tools < <(cd "$TOP/bpf" && printf '%s\n' *.bpf.c | sed 's/\.bpf\.c$//')
	[[ ${#tools[@]} -ge 4 ]]
}

# Unpacks the archive: its one directory is $top.
unpack()
{
	tar xJf "$ARCHIVE"
	top=$(echo corelets-*)
	[[ -d $top && $top == "$(basename "$ARCHIVE" .tar.xz)" ]]
}

@test "musl: the tests of the runtime" {
	local test count=0
	for test in "$TOP"/tests/unit/*.c; do
		test=$MUSL/unit/$(basename "$test" .c)
		run readelf -lW "$test"
		assert_success
		refute_output --partial INTERP
		run "$test"
		assert_success
		count=$((count + 1))
	done
	[[ $count -ge 14 ]]
}

@test "static: each tool, stripped, needs no other file; nor is a path of this machine in it" {
	local file
	unpack
	run find "$top" -type f -perm /111
	assert_equal "$(sort <<<"$output")" \
		"$(printf '%s\n' "$top/sbin/corelets" "${tools[@]/#/$top/sbin/corelets-}" | sort)"
	for file in "$top"/sbin/*; do
		run readelf -lSdW "$file"
		assert_success
		assert_output --partial "There is no dynamic section"
		refute_output --regexp 'INTERP|\.debug_|\.symtab'
		run grep -aoE "[^[:cntrl:]]*($TOP|$TOOLS|/sysroot/)[^[:cntrl:]]*" "$file"
		assert_output ""
	done
	for file in "${tools[@]}"; do
		run "$top/libexec/corelets/bin/$file" --version
		assert_output "$("$TOOLS/$file" --version)"
		[[ -s $top/share/man/man8/corelets-$file.8 ]]
	done
	run cat "$top/share/doc/corelets/LIBRARIES"
	for file in elfutils libbpf libcap-ng libiberty musl xz-utils zlib; do
		assert_line --regexp "^$file [0-9]"
		[[ -s $top/share/doc/corelets/copyright/$file ]]
	done
}

@test "static: the same archive, wherever and whenever it is made" {
	mkdir "a different place"
	tar -C "$TOP" -c Makefile LICENSE README.md tools bpf vmlinux packaging tests/build.mk |
		tar -C "a different place" -xm
	touch -r "$TOP/packaging/musl" "a different place/packaging/musl"
	(umask 077 && make -s -C "a different place" BUILD="$PWD/elsewhere" MUSL="$TOOLS/sysroot/musl" \
		WERROR=1 static)
	cmp "$ARCHIVE" "elsewhere/$(basename "$ARCHIVE")"
}

# told N: what the Nth program of tests/vm/alone.c printed, and at its end "= STATUS".
told()
{
	awk -v n="$1" '/^\$ / { at++; next } at == n' guest
}

# told_json N STATUS: in $OUT
told_json()
{
	assert_equal "$(told "$1" | tail -n 1)" "= $2"
	# shellcheck disable=SC2034 # of helpers.bash
	OUT=$PWD/$1 ERR=$PWD/guest
	told "$1" | grep '^{' >"$OUT"
}

alone()
{
	local tool
	unpack
	musl-gcc -static -O2 -g -Wall -Wextra -Werror -o init "$TOP/tests/vm/alone.c"
	printf '%s\n' init "$top" | cpio -o -H newc -R 0:0 --quiet >root
	find "$top" -mindepth 1 | sort | cpio -o -H newc -R 0:0 --quiet >>root
	BUILD=$TOOLS "$TOP/tests/vm/run" -t 200 -i root "$1" >guest

	assert_equal "$(told 1)" "$("$TOOLS/execsnoop" --version)

= 0"
	run told 2
	assert_line "= 0"
	for tool in "${tools[@]}"; do
		assert_output --partial "$tool"
	done
	told_json 3 0
	assert_equal "$(jq -c 'select(.type == "tool" and .runs != "no").tool' "$OUT")" \
		"$(printf '"%s"\n' "${tools[@]}")"
	run told 4
	assert_output --partial "nobody-else"
	assert_line "= 2"
	# The helper that reads ELF files works, too.
	told_json 5 0
	[[ $(jq -s 'map(select(.frames[0].name == "burn_burn_burn" and .frames[0].module == "/init").samples) |
		add' "$OUT") -ge 10 ]]

	VM_GUEST=1 skip_if_left_out
	told_json 6 0
	assert_events 1
	assert_events 1 '.exe == "/'"$top"'/sbin/corelets-opensnoop" and .ret == 0'
	assert_lost 0
	told_json 7 0
	assert_events 2
	assert_events 1 '.path == "/etc/passwd" and .ret >= 0 and .uid == 4711'
	assert_events 1 '.path == "/nowhere" and .ret == -2 and .uid == 4711'
	assert_lost 0
	told_json 8 0
	assert_equal "$(jq -c 'select(.cmd == "PROG_LOAD" and .ret >= 0).comm' "$OUT" | sort -u)" '"corelets-execsn"'
}

@test "static: in a guest that has nothing else, on the oldest kernel" {
	alone "$(awk '/^[^#]/ && $2 == "amd64" { print $1; exit }' "$TOP/tests/vm/kernels")"
}

@test "static: in a guest that has nothing else, on the newest kernel" {
	alone "$(awk '/^[^#]/ && $2 == "amd64" { name = $1 } END { print name }' "$TOP/tests/vm/kernels")"
}
