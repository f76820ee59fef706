#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# --btf, and kernels that have no BTF: the running one, with its own hidden in a mount namespace.

load helpers

setup()
{
	need_root
	[[ -s /sys/kernel/btf/vmlinux ]] || skip "this kernel has no BTF that could be hidden"
	release=$(uname -r)
	data=$BATS_TEST_TMPDIR/data
	directory=$data/corelets/btf
	mkdir -p "$directory"
	export XDG_DATA_HOME=$data
	# A file beside the tools would be found too.
	if [[ -e $TOOLS/btf/$release.btf || -e /usr/share/corelets/btf/$release.btf ]]; then
		skip "there is a BTF for this kernel already"
	fi
}

# The tools are run where the kernel's BTF is not.
hide()
{
	mkdir -p "$BATS_TEST_TMPDIR/empty"
	# shellcheck disable=SC2016 # expanded inside
	run_as=(unshare --mount --propagation private bash -c
		'mount --bind "$0" /sys/kernel/btf && exec "$@"' "$BATS_TEST_TMPDIR/empty")
}

# What a file for this kernel would have: made of its own BTF.
minimal()
{
	need_command bpftool
	bpftool gen min_core_btf /sys/kernel/btf/vmlinux "$1" "$TOOLS"/*.bpf.o
}

# One exec is seen.
traces()
{
	run_tool execsnoop --json --output "$BATS_TEST_TMPDIR/events" -- true
	OUT=$BATS_TEST_TMPDIR/events
	assert_success
	assert_events 1 '.type == "exec" and .ret == 0'
	assert_lost 0
}

attached()
{
	jq -r 'select(.type == "attached") | .programs[].attach' "$OUT" | tr '+' '\n' |
		sed 's,/.*,,' | sort -u
}

no_btf='execsnoop: this kernel has no BTF (CONFIG_DEBUG_INFO_BTF): pass --btf FILE'

@test "without BTF anywhere: status 3, and what to do" {
	hide
	LACKING=ok run_tool execsnoop -- true
	assert_failure 3
	assert_output "$no_btf"
}

@test "--btf: the kernel's own BTF, and its minimal one" {
	minimal "$BATS_TEST_TMPDIR/small.btf"
	local file
	for file in /sys/kernel/btf/vmlinux "$BATS_TEST_TMPDIR/small.btf"; do
		run_tool execsnoop --json --btf "$file" -- true
		assert_success
		assert_events 1 '.type == "exec"'
		run attached
		assert_output "tp_btf"
	done
}

@test "hidden BTF: --btf FILE, by raw tracepoints instead of typed ones" {
	cp /sys/kernel/btf/vmlinux "$BATS_TEST_TMPDIR/whole.btf"
	minimal "$BATS_TEST_TMPDIR/small.btf"
	hide
	local file
	for file in whole small; do
		run_tool execsnoop --json --btf "$BATS_TEST_TMPDIR/$file.btf" -- true
		assert_success
		assert_events 1 '.type == "exec" and .ret == 0'
		assert_lost 0
		run attached
		assert_output "raw_tp"
	done
}

@test "hidden BTF: every tool starts on the minimal one that is found by the kernel's release" {
	local tool
	minimal "$directory/$release.btf"
	[[ $(stat -c %s "$directory/$release.btf") -lt 65536 ]]
	hide
	for tool in "$TOP"/tools/*.c; do
		tool=$(basename "$tool" .c)
		run_tool "$tool" --json --output "$BATS_TEST_TMPDIR/$tool" -- true
		assert_success
		run jq -r 'select(.type == "attached") | .programs[].attach' "$BATS_TEST_TMPDIR/$tool"
		assert_output --regexp '^(raw_tp|tp|perf_event|fentry)/'
		refute_output --partial tp_btf
	done
	traces
}

@test "hidden BTF: found by the kernel's build ID" {
	local id
	id=$(od -An -v -t x1 /sys/kernel/notes | tr -d ' \n' |
		sed -nE 's/.*040000001400000003000000474e5500(.{40}).*/\1/p')
	[[ $id ]] || skip "no build ID in /sys/kernel/notes"
	minimal "$directory/$id.btf"
	hide
	traces
	run attached
	assert_output "raw_tp"
}

@test "hidden BTF: what others could have written is not trusted" {
	local file=$directory/$release.btf
	minimal "$file"
	hide
	refused()
	{
		LACKING=ok run_tool execsnoop -- true
		assert_failure 3
		assert_output "$no_btf"
	}
	chmod 664 "$file"
	refused
	chmod 646 "$file"
	refused
	chmod 644 "$file"
	chown 65534 "$file"
	refused
	chown 0 "$file"
	chmod 777 "$directory"
	refused
	chmod 755 "$directory"
	chown 65534 "$directory"
	refused
	chown 0 "$directory"
	mv "$file" "$BATS_TEST_TMPDIR/elsewhere"
	ln -s "$BATS_TEST_TMPDIR/elsewhere" "$file"
	refused
	rm "$file"
	mv "$BATS_TEST_TMPDIR/elsewhere" "$file"
	traces
}

@test "BTF of another kernel is refused, by its mark: status 2, or 3 if it was found" {
	minimal "$BATS_TEST_TMPDIR/other.btf"
	# One string more, at the end; its length goes into the head of the file.
	python3 - "$BATS_TEST_TMPDIR/other.btf" <<-'END'
		import sys
		data = bytearray(open(sys.argv[1], "rb").read())
		mark = b"corelets_btf_of:1.2.3-other\0"
		size = int.from_bytes(data[20:24], sys.byteorder) + len(mark)
		data[20:24] = size.to_bytes(4, sys.byteorder)
		open(sys.argv[1], "wb").write(data + mark)
	END
	run_tool execsnoop --btf "$BATS_TEST_TMPDIR/other.btf" -- true
	assert_failure 2
	assert_output --regexp "^execsnoop: --btf .*: not of this kernel: it is of 1.2.3-other, this is ${release//+/\\+}$"
	cp "$BATS_TEST_TMPDIR/other.btf" "$directory/$release.btf"
	hide
	LACKING=ok run_tool execsnoop -- true
	assert_failure 3
	assert_output --regexp "^execsnoop: this kernel has no BTF, and $directory/.* is not of it: it is of 1.2.3-o"
}

@test "BTF of the kernels of the tests is refused here, whole and minimal, with the kernel's own or without" {
	local kernel file count=0 shown
	[[ -z ${VM_GUEST-} ]] || skip "the other kernels are outside of the guest"
	while IFS="=" read -r _ kernel; do
		[[ $kernel != *"$release"* ]] || continue
		count=$((count + 1))
		bpftool gen min_core_btf "$kernel" "$BATS_TEST_TMPDIR/small.btf" "$TOOLS"/*.bpf.o
		for shown in true false; do
			# shellcheck disable=SC2034 # used by run_tool
			if $shown; then run_as=(); else hide; fi
			for file in "$kernel" "$BATS_TEST_TMPDIR/small.btf"; do
				run_tool execsnoop --btf "$file" -- true
				assert_failure 2
				assert_output --regexp "^execsnoop: --btf .*: not of this kernel: (struct|[a-z_]+\.)"
			done
		done
	done < <(kernel_btfs)
	[[ $count -gt 0 ]]
}

@test "--btf: what is no BTF is refused: status 2" {
	run_tool execsnoop --btf /etc/passwd -- true
	assert_failure 2
	assert_output "execsnoop: --btf /etc/passwd: neither BTF nor an ELF file with BTF"
	run_tool execsnoop --btf /nonexistent -- true
	assert_failure 2
	assert_output "execsnoop: --btf /nonexistent: No such file or directory"
}

@test "make btf: a small file for each kernel, with its mark" {
	local name=1.2.3-test
	[[ -x $TOP/btf/make ]] || skip "not here"
	need_command bpftool
	mkdir -p "$BATS_TEST_TMPDIR/build"
	cp "$TOOLS"/*.bpf.o "$BATS_TEST_TMPDIR/build"
	printf '# a comment\nfile\t%s\t/sys/kernel/btf/vmlinux\n' "$name" >"$BATS_TEST_TMPDIR/list"
	BUILD=$BATS_TEST_TMPDIR/build run "$TOP/btf/make" "$BATS_TEST_TMPDIR/list"
	assert_success
	local file=$BATS_TEST_TMPDIR/build/btf/$name.btf
	[[ $(stat -c %s "$file") -lt 65536 ]]
	[[ $(tail -c 27 "$file" | tr '\0' .) == "corelets_btf_of:$name." ]]
	run_tool execsnoop --btf "$file" -- true
	assert_failure 2
	assert_output --partial "it is of $name, this is $release"
}
