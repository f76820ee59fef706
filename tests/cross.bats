#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Other architectures: tools and workloads for arm64, which are not run here (tests/vm.bats does),
# and what goes into the BPF side of big-endian machines.

load helpers

# shellcheck disable=SC2153 # of helpers.bash
ARM64=$TOOLS/arm64

setup_file()
{
	local flags=()
	unset MAKEFLAGS MFLAGS MAKELEVEL BUILD CFLAGS CPPFLAGS LDFLAGS DESTDIR STATIC V
	# As the build that there is, or the next make would build all of it again.
	if grep -q -- -Werror "$TOOLS/.user-flags"; then
		flags=(WERROR=1)
	fi
	make -C "$TOP" BUILD="$TOOLS" "${flags[@]}" all corecheck arm64
}

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
	mapfile -t tools < <(cd "$TOP/bpf" && printf '%s\n' *.bpf.c | sed 's/\.bpf\.c$//')
	[[ ${#tools[@]} -ge 4 ]]
}

# header FILE WORD...: what readelf says of each, in one line
header()
{
	local file=$1 word
	shift
	for word; do
		readelf -hW "$file" | sed -n "s/^ *$word: *//p"
	done | paste -sd ' '
}

needed()
{
	readelf -dW "$1" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p' | grep -v '^ld-linux' | sort
}

@test "arm64: each tool and workload is for it, and linked with the libraries that it has here" {
	local tool workload file count=0
	for tool in "${tools[@]}"; do
		assert_equal "$(header "$ARM64/$tool" Class Machine)" "ELF64 AArch64"
		run readelf -lW "$ARM64/$tool"
		assert_output --partial "[Requesting program interpreter: /lib/ld-linux-aarch64.so.1]"
		assert_equal "$(needed "$ARM64/$tool")" "$(needed "$TOOLS/$tool")"
	done
	for workload in "$TOP"/tests/workloads/*.c{,c}; do
		file=$ARM64/workloads/$(basename "${workload%.*}")
		if sed -n 1,5p "$workload" | grep '^// build:.* -m32' >/dev/null; then
			assert_equal "$(header "$file" Class Machine)" "ELF32 ARM"
			count=$((count + 1))
		else
			assert_equal "$(header "$file" Class Machine)" "ELF64 AArch64"
		fi
	done
	[[ $count -ge 2 ]]
}

@test "arm64: no path of this machine in what is built" {
	local tool
	for tool in "${tools[@]}"; do
		run grep -aoE "[^[:cntrl:]]*($TOP|$TOOLS|/sysroot/)[^[:cntrl:]]*" "$ARM64/$tool"
		assert_output ""
	done
}

@test "arm64: its own registers and calls, and no instruction that 5.8 does not know" {
	local tool
	for tool in bpfload-watch execsnoop opensnoop; do
		run bpftool btf dump file "$ARM64/$tool.bpf.o"
		assert_output --partial "'syscallno'"
		refute_output --partial "'orig_ax'"
	done
	run python3 "$TOP/tests/bpf-insns" "$ARM64"/*.bpf.o
	assert_success
}

@test "arm64: on each kernel, each need of each tool has a way whose programs hold" {
	local btfs
	mapfile -t btfs < <(kernel_btfs arm64)
	[[ ${#btfs[@]} -ge 2 ]]
	"$TOOLS/corecheck" --json "$ARM64"/*.bpf.o --btf "${btfs[@]}" >all || [[ $? -eq 1 ]]
	run "$TOP/tests/needs-hold" "$TOP" all "${#btfs[@]}"
	assert_success
	assert_output ""
}

@test "arm64: corecheck tells its kernels from others" {
	local arm64 amd64
	arm64=$(kernel_btfs arm64 | tail -n 1)
	amd64=$(kernel_btfs amd64 | tail -n 1)
	[[ -s ${arm64#*=} && -s ${amd64#*=} ]]
	run "$TOOLS/corecheck" "$ARM64/execsnoop.bpf.o" --btf "$arm64" "$amd64"
	assert_failure 1
	assert_line --regexp "^  exec_exit +tp_btf/sys_exit +ok +no pt_regs\.syscallno$"
}

@test "a missing library of another architecture is one line that says what to do" {
	run make -C "$TOP" --no-print-directory BUILD="$PWD/b" CROSS_COMPILE=aarch64-linux-gnu- \
		SYSROOT=/nonexistent
	assert_failure 2
	assert_equal "${#lines[@]}" 1
	assert_output --partial "libbpf >= 1.1"
	assert_output --partial "make sysroot ARCH=arm64"
}

@test "big-endian: the BPF side of each tool, for each architecture, without warnings" {
	local arch object objects
	for arch in "$TOP"/vmlinux/*/vmlinux.h; do
		arch=$(basename "${arch%/*}")
		objects=("${tools[@]/%/.bpf.o}")
		objects=("${objects[@]/#/$PWD/$arch/}")
		run make -C "$TOP" BUILD="$PWD/$arch" ARCH="$arch" BPF_TARGET=bpfeb WERROR=1 "${objects[@]}"
		assert_success
		refute_output --partial warning
		for object in "${objects[@]}"; do
			assert_equal "$(header "$object" Data Machine)" "2's complement, big endian Linux BPF"
		done
	done
}

# ---- kernels ----

# image FILE...: a kernel's file as arm64 has it, a piece of memory, with what is in the files.
image()
{
	printf 'MZ\0\221'
	head -c 52 /dev/zero
	printf 'ARMd'
	head -c 1000 /dev/zero
	cat "$@"
	head -c 1000 /dev/zero
}

@test "the kernel of an arm64 image, also of a compressed one, and of one that unpacks itself" {
	local file
	# shellcheck source=vm/image.bash
	. "$TOP/tests/vm/image.bash"
	image /dev/null >Image
	is_image Image
	gzip -c <Image >small
	{
		printf 'MZ\0\0zimg'
		head -c 500 /dev/zero
		zstd -qc <Image
	} >zboot
	for file in small zboot; do
		run is_image "$file"
		assert_failure
		extract_vmlinux "$file" out
		cmp out Image
	done
	head -c 2000 /dev/zero >nothing
	run extract_vmlinux nothing out
	assert_failure
}

# raw_btf FILE NAME: of a struct of that name
raw_btf()
{
	echo "struct $2 { int i; } v;" | "${CLANG:-clang}" -target bpfel -g -x c -c - -o v.o
	llvm-objcopy --dump-section .BTF="$1" v.o /dev/null
}

@test "a kernel's BTF is found in memory, and nothing else is taken for it" {
	local kind begin='\x9f\xeb\x01\0' lengths='\x18\0\0\0\0\0\0\0\x10\0\0\0'
	# shellcheck source=vm/image.bash
	. "$TOP/tests/vm/image.bash"
	raw_btf good task_struct
	raw_btf other something
	# The beginning alone; strings that end behind the end, or overlap the types.
	printf '%b' "$begin" >begin
	printf '%b' "$begin$lengths\\x10\\0\\0\\0\\xff\\xff\\xff\\x7f" >long
	printf '%b' "$begin$lengths\\x08\\0\\0\\0\\x10\\0\\0\\0" >overlapping
	cp other padded
	truncate -s %4 padded
	image begin long overlapping padded good begin >Image
	carve_btf Image out
	cmp out good
	for kind in begin long overlapping other; do
		image "$kind" >Image
		run carve_btf Image out
		assert_failure
		[[ ! -e out ]]
	done
}
