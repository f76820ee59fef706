#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# --btf, and kernels that have no BTF: the running one, with its own hidden in a mount namespace; and
# the cache of what a tool needs of it.

load helpers

setup_file()
{
	local flags=()
	[[ -e $TOP/Makefile ]] || return 0 # in a guest
	# The flags of the build that there is, or make would build all of it again.
	if grep -q -- -Werror "$TOOLS/.user-flags"; then
		flags=(WERROR=1)
	fi
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
		make -C "$TOP" BUILD="$TOOLS" "${flags[@]}" "$TOOLS/btf-cut" corecheck
}

setup()
{
	need_root
	[[ -s /sys/kernel/btf/vmlinux ]] || skip "this kernel has no BTF that could be hidden"
	release=$(uname -r)
	data=$BATS_TEST_TMPDIR/data
	directory=$data/corelets/btf
	mkdir -p "$directory"
	export XDG_DATA_HOME=$data
	cache=$BATS_TEST_TMPDIR/cache
	export CORELETS_CACHE=$cache
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

# What a file for this kernel would have: made of its own BTF; by bpftool where the other one is not.
minimal()
{
	if [[ -x $TOOLS/btf-cut ]]; then
		"$TOOLS/btf-cut" /sys/kernel/btf/vmlinux "$release" "$TOOLS"/*.bpf.o >"$1"
	else
		minimal_of_bpftool "$1"
	fi
}

minimal_of_bpftool()
{
	need_command bpftool
	bpftool gen min_core_btf /sys/kernel/btf/vmlinux "$1" "$TOOLS"/*.bpf.o
}

# says_btf WHAT: with -v, the tool said so about the BTF that it used.
says_btf()
{
	assert_line "execsnoop: BTF: $1"
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
	minimal_of_bpftool "$BATS_TEST_TMPDIR/bpftool.btf"
	hide
	local file
	for file in whole small bpftool; do
		run_tool execsnoop -v --json --btf "$BATS_TEST_TMPDIR/$file.btf" -- true
		assert_success
		says_btf "$BATS_TEST_TMPDIR/$file.btf"
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

@test "hidden BTF: the names of the BPF interface are those of the build" {
	minimal "$directory/$release.btf"
	hide
	run_tool bpfload-watch --json --all --output "$BATS_TEST_TMPDIR/events" -- "$WORKLOADS/bpf-types" xdp
	OUT=$BATS_TEST_TMPDIR/events
	assert_success
	assert_events 1 '.cmd == "PROG_LOAD" and .prog_type == "xdp"'
	assert_no_events '(.cmd, .prog_type, .map_type, .link_type, .attach_type) | strings | test("^[0-9]+$")'
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
	# refused WHY
	refused()
	{
		LACKING=ok run_tool execsnoop -- true
		assert_failure 3
		assert_output "$no_btf"
		LACKING=ok run_tool execsnoop -v -- true
		says_btf "none ($1)"
	}
	chmod 664 "$file"
	refused "$file: others could write it"
	chmod 646 "$file"
	refused "$file: others could write it"
	chmod 644 "$file"
	chown 65534 "$file"
	refused "$file: others could write it"
	chown 0 "$file"
	chmod 777 "$directory"
	refused "$directory: others could write into it"
	chmod 755 "$directory"
	chown 65534 "$directory"
	refused "$directory: others could write into it"
	chown 0 "$directory"
	mv "$file" "$BATS_TEST_TMPDIR/elsewhere"
	ln -s "$BATS_TEST_TMPDIR/elsewhere" "$file"
	refused "$file: a symbolic link"
	rm "$file"
	mv "$BATS_TEST_TMPDIR/elsewhere" "$file"
	traces
}

@test "BTF of another kernel is refused, by its mark: status 2, or 3 if it was found" {
	minimal_of_bpftool "$BATS_TEST_TMPDIR/other.btf"
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
	[[ -x $TOP/btf/make && -x $TOOLS/btf-cut ]] || skip "not here"
	mkdir -p "$BATS_TEST_TMPDIR/build"
	cp "$TOOLS"/*.bpf.o "$BATS_TEST_TMPDIR/build"
	printf '# a comment\nfile\t%s\t/sys/kernel/btf/vmlinux\n' "$name" >"$BATS_TEST_TMPDIR/list"
	BUILD=$BATS_TEST_TMPDIR/build BTF_CUT=$TOOLS/btf-cut run "$TOP/btf/make" "$BATS_TEST_TMPDIR/list"
	assert_success
	local file=$BATS_TEST_TMPDIR/build/btf/$name.btf
	[[ $(stat -c %s "$file") -lt 12288 ]]
	[[ $(tail -c 27 "$file" | tr '\0' .) == "corelets_btf_of:$name." ]]
	run_tool execsnoop --btf "$file" -- true
	assert_failure 2
	assert_output --partial "it is of $name, this is $release"
}

@test "make btf: for each kernel of the tests, relocations give what they give on the whole" {
	local btf count=0
	[[ -z ${VM_GUEST-} ]] || skip "the other kernels are outside of the guest"
	# Its hooks are not in it: those of classic tracepoints and perf events are not looked for.
	relocations()
	{
		"$TOOLS/corecheck" --json "$TOOLS"/*.bpf.o --btf x="$1" |
			jq -c 'select(.type == "check" and (.hook | test("^(tp|perf_event)/")))'
	}
	for btf in $(kernel_btfs); do
		"$TOOLS/btf-cut" "${btf#*=}" x "$TOOLS"/*.bpf.o >"$BATS_TEST_TMPDIR/small.btf"
		[[ $(stat -c %s "$BATS_TEST_TMPDIR/small.btf") -lt 12288 ]]
		run relocations "$BATS_TEST_TMPDIR/small.btf"
		assert_output "$(relocations "${btf#*=}")"
		count=$((count + $(grep -c '"ok":true' <<<"$output")))
	done
	[[ $count -ge $((4 * 4 * 3)) ]]
}

# ---- the cache ----

make_cache()
{
	CORELETS_CACHE_MAKE=1 run_tool "$1"
	assert_success
	assert_output "$1: made $cache/$1"
}

# What the tools see there is as large as the kernel's BTF, and nothing is in it.
empty_btf()
{
	truncate -s "$(stat -c %s /sys/kernel/btf/vmlinux)" "$BATS_TEST_TMPDIR/zeros"
	bind "$BATS_TEST_TMPDIR/zeros" /sys/kernel/btf/vmlinux
}

# bind FILE OVER: for the tools that are run.
bind()
{
	# shellcheck disable=SC2016 # expanded inside
	run_as=(unshare --mount --propagation private bash -c
		'mount --bind "$0" "$1" && shift && exec "$@"' "$1" "$2")
}

# Not from the cache, and it says why; one exec is seen all the same.
not_cached()
{
	run_tool execsnoop -v --json --output "$BATS_TEST_TMPDIR/events" -- true
	OUT=$BATS_TEST_TMPDIR/events
	assert_success
	says_btf "/sys/kernel/btf/vmlinux ($cache/execsnoop: $1)"
	assert_events 1 '.type == "exec" and .ret == 0'
	run attached
	assert_output "$hooks"
}

@test "cache: every tool starts on it, and reads nothing of the kernel's BTF" {
	local tool
	for tool in "$TOP"/tools/*.c; do
		make_cache "$(basename "$tool" .c)"
	done
	for tool in "$TOP"/tools/*.c; do
		tool=$(basename "$tool" .c)
		# shellcheck disable=SC2034 # used by run_tool
		run_as=()
		CORELETS_WITHOUT=btf_cache run_tool "$tool" --json --output "$BATS_TEST_TMPDIR/without" -- true
		assert_success
		empty_btf
		run_tool "$tool" -v --json --output "$BATS_TEST_TMPDIR/with" -- true
		assert_success
		assert_line "$tool: BTF: $cache/$tool"
		[[ $(head -n 1 "$BATS_TEST_TMPDIR/with") == "$(head -n 1 "$BATS_TEST_TMPDIR/without")" ]]
	done
	traces
	# There was something to read.
	CORELETS_WITHOUT=btf_cache LACKING=ok run_tool execsnoop -- true
	assert_failure 3
}

@test "cache: the same events with it and without" {
	local without
	events_of()
	{
		run_tool execsnoop --json -o all --output "$BATS_TEST_TMPDIR/$1" -- \
			sh -c '/bin/true; exec /nonexistent'
		assert_failure 127
		jq -c 'del(.time, .boot_ns, .pid, .tid, .ppid, .pidns_pid, .cpu)' "$BATS_TEST_TMPDIR/$1"
	}
	without=$(events_of without)
	make_cache execsnoop
	[[ $(events_of with) == "$without" ]]
	[[ $(grep -c '"type":"exec"' "$BATS_TEST_TMPDIR/with") -ge 2 ]]
}

@test "cache: names of the BPF interface are the kernel's" {
	make_cache bpfload-watch
	run_tool bpfload-watch -v --json --all --output "$BATS_TEST_TMPDIR/events" -- "$WORKLOADS/bpf-types" xdp
	OUT=$BATS_TEST_TMPDIR/events
	assert_success
	assert_line "bpfload-watch: BTF: $cache/bpfload-watch"
	assert_events 1 '.cmd == "PROG_LOAD" and .prog_type == "xdp"'
	# All that bpftool finds in the kernel's.
	local name
	need_command bpftool
	for name in $(bpftool btf dump file /sys/kernel/btf/vmlinux |
		sed -n "/ENUM 'bpf_prog_type'/,/^\\[/s/^\t'\\(BPF_[A-Z0-9_]*\\)'.*/\1/p"); do
		grep -aq "$name" "$cache/bpfload-watch" || fail "$name is not in the cache"
	done
}

@test "cache: what is damaged, or others could have written, is not used" {
	local file=$cache/execsnoop
	make_cache execsnoop
	run_tool execsnoop --json -- true
	hooks=$(attached)
	not_trusted="others than root could write it"
	chmod 664 "$file"
	not_cached "$not_trusted"
	chmod 646 "$file"
	not_cached "$not_trusted"
	chmod 644 "$file"
	chown 65534 "$file"
	not_cached "$not_trusted"
	chown 0 "$file"
	chmod 777 "$cache"
	not_cached "others than root could write into this directory"
	chmod 755 "$cache"
	chown 65534 "$cache"
	not_cached "others than root could write into this directory"
	chown 0 "$cache"
	mv "$file" "$BATS_TEST_TMPDIR/elsewhere"
	not_cached "No such file or directory"
	ln -s "$BATS_TEST_TMPDIR/elsewhere" "$file"
	not_cached "a symbolic link"
	rm "$file"
	mkdir "$file"
	not_cached "$not_trusted"
	rmdir "$file"
	mkfifo "$file"
	not_cached "$not_trusted"
	rm "$file"
	: >"$file"
	not_cached "damaged"
	head -c -1 "$BATS_TEST_TMPDIR/elsewhere" >"$file"
	not_cached "damaged, or of another version"
	head -c 5000 /dev/urandom >"$file"
	not_cached "damaged, or of another version"
	head -c 2000000 /dev/zero >"$file"
	not_cached "File too large"
	cp "$BATS_TEST_TMPDIR/elsewhere" "$file"
	run_tool execsnoop -v -- true
	says_btf "$file"
	CORELETS_WITHOUT=btf_cache not_cached "left out by CORELETS_WITHOUT"
}

@test "cache: of another kernel, or another build, it is not used" {
	make_cache execsnoop
	run_tool execsnoop --json -- true
	hooks=$(attached)
	# A build ID of x, with the same release.
	{
		printf '\4\0\0\0\24\0\0\0\3\0\0\0GNU\0'
		printf 'x%.0s' {1..20}
	} >"$BATS_TEST_TMPDIR/notes"
	bind "$BATS_TEST_TMPDIR/notes" /sys/kernel/notes
	not_cached "made for another kernel"
	make_cache execsnoop
	run_tool execsnoop -v -- true
	says_btf "$cache/execsnoop"
	run_as=()
	not_cached "made for another kernel"
	make_cache execsnoop
	run_tool execsnoop -v -- true
	says_btf "$cache/execsnoop"
	run_as=(setarch --uname-2.6)
	not_cached "made for another kernel"
	# The build ID is what counts; without one, there is no cache.
	: >"$BATS_TEST_TMPDIR/none"
	bind "$BATS_TEST_TMPDIR/none" /sys/kernel/notes
	not_cached "this kernel has no build ID"
	CORELETS_CACHE_MAKE=1 LACKING=ok run_tool execsnoop
	assert_failure 3
	assert_output "execsnoop: cannot make $cache/execsnoop: this kernel has no build ID"
	# shellcheck disable=SC2034 # used by run_tool
	run_as=()
	make_cache opensnoop
	cp "$cache/opensnoop" "$cache/execsnoop"
	not_cached "made by another build"
}

@test "cache: made again and again, by root alone, with nothing beside it" {
	local file=$cache/execsnoop
	make_cache execsnoop
	cp "$file" "$BATS_TEST_TMPDIR/first"
	make_cache execsnoop
	cmp "$file" "$BATS_TEST_TMPDIR/first"
	[[ $(stat -c '%a %u %g' "$file" "$cache" | sort -u | tr '\n' ,) == "644 0 0,755 0 0," ]]
	# A link is replaced, what it leads to is left alone.
	echo mine >"$BATS_TEST_TMPDIR/mine"
	ln -sf "$BATS_TEST_TMPDIR/mine" "$file"
	make_cache execsnoop
	[[ $(<"$BATS_TEST_TMPDIR/mine") == mine ]]
	cmp "$file" "$BATS_TEST_TMPDIR/first"
	[[ $(find "$cache" -type f | wc -l) -eq 1 ]]
	chmod 777 "$cache"
	CORELETS_CACHE_MAKE=1 LACKING=ok run_tool execsnoop
	assert_failure 3
	assert_output "execsnoop: cannot make $file: others than root could write into this directory"
	chmod 755 "$cache"
	run_as=(setpriv --reuid 65534 --clear-groups)
	CORELETS_CACHE_MAKE=1 LACKING=ok run_tool execsnoop
	assert_failure 3
	assert_output "execsnoop: cannot make $file: only root makes it"
	# shellcheck disable=SC2034 # used by run_tool
	run_as=()
	hide
	CORELETS_CACHE_MAKE=1 LACKING=ok run_tool execsnoop
	assert_failure 3
	assert_output "execsnoop: cannot make $file: this kernel has no BTF"
}
