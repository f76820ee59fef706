#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# build/corecheck: small objects (tests/corecheck) on BTF that is made here, beside what libbpf and
# the kernel say to the same; then all objects of the build on all kernels of tests/vm/kernels.

load helpers

setup_file()
{
	local which flags=()
	# The flags of the build that there is, or make would build all of it again.
	if grep -q -- -Werror "$TOOLS/.user-flags"; then
		flags=(WERROR=1)
	fi
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -C "$TOP" BUILD="$TOOLS" "${flags[@]}" corecheck
	cd "$BATS_FILE_TMPDIR" || return
	kernel_btf a.btf
	kernel_btf b.btf -DOTHER
	for which in programs hooks live; do
		compile "$which.c" -o "$which.o"
	done
}

setup()
{
	cd "$BATS_FILE_TMPDIR" || return
}

compile()
{
	local source=$1
	shift
	"${CLANG:-clang}" -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter \
		-I"$TOP/tests/corecheck" -c "$TOP/tests/corecheck/$source" "$@"
}

# kernel_btf FILE FLAG...
kernel_btf()
{
	compile kernel.c -o "$1.o" "${@:2}"
	llvm-objcopy --dump-section .BTF="$1" "$1.o" /dev/null
}

corecheck()
{
	"$TOOLS/corecheck" "$@"
}

# verdicts OBJECT BTF: "PROGRAM: ok", or why not
verdicts()
{
	corecheck --json "$1" --btf "$2" | jq -r 'select(.type == "check") | "\(.program): \(.why // "ok")"'
}

# clang that knows 64-bit enums and bpf_core_type_matches(), which older ones crash on
newer_clang()
{
	local version
	for version in {30..15}; do
		if command -v "clang-$version"; then
			return
		fi
	done
	return 1
}

# ---- relocations ----

@test "a kernel that has all, elsewhere: all programs hold but that of the other kernel's flavour" {
	run verdicts programs.o a.btf
	assert_success
	assert_equal "$(grep -v ': ok$' <<<"$output")" "flavour: no thing___old.older"
	[[ ${#lines[@]} -eq $(grep -c '^PROGRAM(' "$TOP/tests/corecheck/programs.c") ]]
}

@test "a kernel that lacks things: each program fails for what it lacks, and nothing else" {
	run verdicts programs.o b.btf
	assert_success
	assert_output - <<-'END'
		field_offset: no thing.gone
		field_size: no thing.gone
		field_exists: ok
		field_signed: no thing.negative
		field_lshift: no thing.flags
		field_rshift: no thing.flags
		bit_field: no thing.flags
		field_of_another_type: no thing.plain of this type
		enum_that_is_a_pointer: no thing.mode of this type
		anonymous_member: no thing.deep
		array_element: no thing.items[3].id
		flexible_array: no thing.tail[5]
		first_elements: ok
		flavour: ok
		enumerator_exists: ok
		enumerator_value: no colour.RED
		enumerator_kept: ok
		type_exists: ok
		type_size: ok
		type_id: ok
		type_id_local: ok
		member_of_type: no only.member (nor the type)
		type_guards: ok
		load_of_another_size: context.number: another size
		load_of_unsigned: ok
		ambiguous: twin.first: several of this name that differ
		guarded: ok
		guarded_flavour: ok
		guarded_by_another: ok
		guarded_by_enumerator: ok
		guarded_by_size: ok
		guarded_the_wrong_way: no thing.gone
		guarded_by_variable: ok
		guarded_by_global: no thing.gone
		guarded_by_overwritten: no thing.gone
		calls: no thing.gone
		calls_guarded: ok
		passes_the_guard: ok
		fails_of_two: no thing.deep
	END
}

@test "what is guarded is told: in JSON, and with -v" {
	run corecheck --json programs.o --btf b.btf
	assert_failure 1
	run jq -c 'select(.type == "check" and .ok and .guarded != []) | [.program, .guarded[]]' <<<"$output"
	assert_output - <<-'END'
		["type_guards","no only.member (nor the type)"]
		["guarded","no thing.gone"]
		["guarded_flavour","no thing.gone"]
		["guarded_by_another","no thing.gone"]
		["guarded_by_enumerator","no colour.RED","no thing.gone"]
		["guarded_by_size","no thing.gone"]
		["guarded_by_variable","no thing.gone"]
	END
	run corecheck -v programs.o --btf b.btf
	assert_failure 1
	assert_line "    b: guarded: no colour.RED"
	run corecheck programs.o --btf b.btf
	refute_output --partial guarded:
}

# agree OBJECT BTF: corecheck, and a load of each program
agree()
{
	local theirs ours
	need_root
	theirs=$("$WORKLOADS/core-load" "$1" "$2" | jq -c '[.program, .loaded, .relocation]')
	ours=$(corecheck --json "$1" --btf "$2" |
		jq -c 'select(.type == "check") | [.program, .ok, (.ok | not)]')
	[[ -n $theirs ]]
	assert_equal "$ours" "$theirs"
}

@test "libbpf and the verifier say the same: what holds is loaded, and nothing else" {
	agree programs.o a.btf
	agree programs.o b.btf
}

@test "64-bit enums, and matches of whole types: as libbpf and the verifier have it" {
	local newer
	newer=$(newer_clang) || skip "no clang 15 or later here"
	CLANG=$newer kernel_btf newer-a.btf
	CLANG=$newer kernel_btf newer-b.btf -DOTHER
	CLANG=$newer compile newer.c -o newer.o
	run verdicts newer.o newer-a.btf
	assert_output - <<-'END'
		wide_value: ok
		wide_kept: ok
		wide_for_narrow: ok
		matches: ok
		matches_int: no thing.none_such
		matches_pointer: ok
		matches_enum: no thing.none_such
	END
	run verdicts newer.o newer-b.btf
	assert_output - <<-'END'
		wide_value: no wide.WIDE
		wide_kept: ok
		wide_for_narrow: ok
		matches: no thing.none_such
		matches_int: ok
		matches_pointer: no thing.none_such
		matches_enum: no thing.none_such
	END
	agree newer.o newer-a.btf
	agree newer.o newer-b.btf
}

# ---- hooks ----

@test "hooks: there, gone, and with fewer arguments than the program reads" {
	run verdicts hooks.o a.btf
	assert_output - <<-'END'
		tracepoint: ok
		tracepoint_second: ok
		tracepoint_raw: ok
		tracepoint_raw_second: ok
		tracepoint_third: changed has 2 arguments, not 3
		tracepoint_gone: ok
		tracepoint_raw_gone: ok
		entry: ok
		entry_second: ok
		entry_third: call has 2 arguments, not 3
		exit_second: ok
		exit_third: ok
		entry_gone: ok
		iterator_gone: ok
		probe: ok
		classic: ok
	END
	run verdicts hooks.o b.btf
	assert_output - <<-'END'
		tracepoint: ok
		tracepoint_second: changed has 1 argument, not 2
		tracepoint_raw: ok
		tracepoint_raw_second: changed has 1 argument, not 2
		tracepoint_third: changed has 1 argument, not 3
		tracepoint_gone: no tracepoint gone
		tracepoint_raw_gone: no tracepoint gone
		entry: ok
		entry_second: call has 1 argument, not 2
		entry_third: call has 1 argument, not 3
		exit_second: ok
		exit_third: call has 1 argument, not 2
		entry_gone: no function gone_call
		iterator_gone: no iterator thing
		probe: ok
		classic: ok
	END
}

@test "hooks of the running kernel: as the kernel has it" {
	local theirs
	need_root
	[[ -r /sys/kernel/btf/vmlinux ]] || skip "this kernel has no BTF"
	run verdicts live.o /sys/kernel/btf/vmlinux
	assert_output - <<-'END'
		there: ok
		third: sched_process_fork has 2 arguments, not 3
		missing: no tracepoint none_such
		missing_function: no function none_such
	END
	theirs=$("$WORKLOADS/core-load" live.o | jq -c '[.program, .loaded]')
	assert_equal "$theirs" '["there",true]
["third",false]
["missing",false]
["missing_function",false]'
}

# ---- the command ----

@test "the table: programs of several objects by kernels, which may be given names" {
	run corecheck hooks.o live.o --btf new=a.btf --btf=b.btf
	assert_failure 1
	assert_line --index 0 "hooks.o"
	assert_line --index 1 --regexp "^  PROGRAM +HOOK +new +b$"
	assert_line --regexp "^  tracepoint_second +tp_btf/changed +ok +changed has 1 argument, not 2$"
	assert_line "live.o"
	assert_line --regexp "^  there +tp_btf/sched_process_fork +no tracepoint sched_process_fork +no trac"
}

@test "exit status 0 if all hold, 1 if something fails; JSON has a line for each and a sum" {
	run corecheck --json programs.o --btf a=a.btf b=b.btf
	assert_failure 1
	printf '%s\n' "$output" >lines
	strict_json lines
	run jq -c 'select(.type == "summary")' lines
	assert_output '{"type":"summary","checks":78,"failing":21}'
	run jq -c 'select(.program == "calls")' lines
	assert_output - <<-'END'
		{"type":"check","object":"programs.o","program":"calls","hook":"raw_tp","kernel":"a","ok":true,"why":null,"guarded":[]}
		{"type":"check","object":"programs.o","program":"calls","hook":"raw_tp","kernel":"b","ok":false,"why":"no thing.gone","guarded":[]}
	END
	run corecheck "$TOOLS/execsnoop.bpf.o" --btf "$(kernel_btfs | head -n 1)"
	assert_success
}

@test "BTF in an ELF file is taken as a raw one" {
	echo 'int nothing;' >image.c
	cc -c image.c -o image.o
	objcopy --add-section .BTF=b.btf image.o vmlinux
	run verdicts programs.o vmlinux
	assert_success
	assert_equal "$output" "$(verdicts programs.o b.btf)"
}

@test "big-endian: objects on a big-endian kernel; never one on the other" {
	"${CLANG:-clang}" -target bpfeb -mcpu=v3 -O2 -g -c "$TOP/tests/corecheck/programs.c" -o big.o
	"${CLANG:-clang}" -target bpfeb -g -DOTHER -c "$TOP/tests/corecheck/kernel.c" -o big-kernel.o
	llvm-objcopy --dump-section .BTF=big.btf big-kernel.o /dev/null
	run corecheck big.o --btf b.btf
	assert_failure 2
	assert_output "corecheck: big.o is big-endian, and b.btf is not"
	run corecheck programs.o --btf big.btf
	assert_failure 2
	assert_output "corecheck: programs.o is little-endian, and big.btf is not"
	run verdicts big.o big.btf
	assert_success
	assert_equal "$output" "$(verdicts programs.o b.btf)"
}

@test "what is no object, and what is no BTF, is refused: status 2" {
	local args
	echo 'int nothing;' | "${CLANG:-clang}" -target bpf -x c -c - -o plain.o
	for args in "nowhere.o --btf a.btf" "a.btf --btf a.btf" "/bin/true --btf a.btf" \
		"plain.o --btf a.btf" "a.btf.o --btf a.btf" ". --btf a.btf" "programs.o --btf nowhere" \
		"programs.o --btf /bin/true" "programs.o --btf programs.o" "programs.o" "--btf a.btf" \
		"programs.o --btf" "--none-such programs.o --btf a.btf" ""; do
		# shellcheck disable=SC2086 # words
		run corecheck $args
		echo "--- $args: $output"
		assert_failure 2
		assert_output --regexp '^corecheck: [^'$'\n'']+$'
	done
	run corecheck --help
	assert_success
	assert_output --partial "Usage: corecheck"
}

@test "files that are cut off, or changed: an answer or an error, never a crash" {
	python3 - "$TOOLS/corecheck" programs.o b.btf <<-'END'
		import random, subprocess, sys

		corecheck, *paths = sys.argv[1:]
		random.seed(1)
		whole = [open(p, "rb").read() for p in paths]
		told = {0: 0, 1: 0, 2: 0}
		for turn in range(600):
		    which = turn % 2
		    data = bytearray(whole[which])
		    if turn % 3 == 0:
		        data = data[:random.randrange(len(data))]
		    else:
		        for _ in range(1 + turn % 8):
		            data[random.randrange(len(data))] = random.choice((0, 1, 0x7f, 0xff))
		    open("changed", "wb").write(data)
		    files = list(paths)
		    files[which] = "changed"
		    run = subprocess.run([corecheck, files[0], "--btf", files[1]], capture_output=True, timeout=30)
		    if run.returncode not in told:
		        open("crash-%d" % which, "wb").write(data)
		        sys.exit("turn %d: status %d" % (turn, run.returncode))
		    told[run.returncode] += 1
		assert told[1] > 100 and told[2] > 100, told
	END
}

# ---- the objects of the build ----

@test "on each kernel, each need of each tool has a way whose programs hold" {
	local btfs
	mapfile -t btfs < <(kernel_btfs)
	[[ ${#btfs[@]} -ge 4 ]]
	if [[ -r /sys/kernel/btf/vmlinux ]]; then
		btfs+=(live=/sys/kernel/btf/vmlinux)
	fi
	corecheck --json "$TOOLS"/*.bpf.o --btf "${btfs[@]}" >all || [[ $? -eq 1 ]]
	run "$TOP/tests/needs-hold" "$TOP" all "${#btfs[@]}"
	assert_success
	assert_output ""
}

@test "on the minimal BTF of each kernel, relocations give what they give on the whole" {
	local btf count=0
	need_command bpftool
	# Its hooks are not in it: those of classic tracepoints and perf events are not looked for.
	relocations()
	{
		corecheck --json "$TOOLS"/*.bpf.o --btf x="$1" |
			jq -c 'select(.type == "check" and (.hook | test("^(tp|perf_event)/")))'
	}
	for btf in $(kernel_btfs); do
		bpftool gen min_core_btf "${btf#*=}" small.btf "$TOOLS"/*.bpf.o
		run relocations small.btf
		assert_output "$(relocations "${btf#*=}")"
		count=$((count + $(grep -c '"ok":true' <<<"$output")))
	done
	[[ $count -ge $((4 * 4 * 3)) ]]
}

@test "on the running kernel: a program fails here as it does there" {
	local object program ok theirs why loaded relocation
	need_root
	[[ -r /sys/kernel/btf/vmlinux ]] || skip "this kernel has no BTF"
	for object in "$TOOLS"/*.bpf.o; do
		theirs=$("$WORKLOADS/core-load" "$object" | jq -r '"\(.program) \(.loaded) \(.relocation)"')
		while read -r program ok why; do
			read -r loaded relocation < <(sed -n "s/^$program //p" <<<"$theirs")
			echo "$object: $program: ok $ok ($why), loaded $loaded, relocation failed $relocation"
			# What holds may be refused for another reason, but not for this one.
			if $ok; then
				[[ $relocation == false ]]
			else
				[[ $loaded == false ]]
			fi
		done < <(corecheck --json "$object" --btf /sys/kernel/btf/vmlinux |
			jq -r 'select(.type == "check") | "\(.program) \(.ok) \(.why)"')
	done
}
