#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# corelets: the list, running a tool, and doctor, whose every verdict is held against what the
# tool does when it is run.

# What is set in a subshell, for it alone.
# shellcheck disable=SC2030,SC2031

load helpers

setup()
{
	tools=()
	for file in "$TOP"/tools/*.c; do
		tools+=("$(basename "$file" .c)")
	done
	DOCTOR=$BATS_TEST_TMPDIR/doctor
}

# doctor ARGUMENT...: its JSON goes to $DOCTOR, its exit status to $diagnosis.
doctor()
{
	LACKING=ok run_tool corelets doctor --json "$@"
	diagnosis=$status
	mv "$OUT" "$DOCTOR"
	strict_json "$DOCTOR"
}

# of TOOL FILTER: what doctor said of it.
of()
{
	jq -r --arg tool "$1" "select(.type == \"tool\" and .tool == \$tool) | $2" "$DOCTOR"
}

# The same as doctor said, by running the tool: that it starts or not, with the same words, by the
# same attach points.
runs_so()
{
	local tool=$1
	LACKING=ok run_tool "$tool" --json -d 1ms
	assert_equal "$tool: $status" "$tool: $(of "$tool" .status)"
	if [[ $status -eq 0 ]]; then
		assert_equal "$tool: $(of "$tool" '[.needs[].used // empty] | sort | join(" ")')" \
			"$tool: $(jq -r 'select(.type == "attached") | [.programs[].attach] | sort | join(" ")' \
				"$OUT")"
		assert_equal "$(of "$tool" .why)" null
	else
		assert_equal "$(of "$tool" .runs)" no
		assert_equal "$tool: $(of "$tool" .why)" "$output"
	fi
}

# As nobody with these capabilities, from a place that everyone can read.
as_nobody()
{
	PUBLIC=$BATS_FILE_TMPDIR/public
	if [[ ! -d $PUBLIC ]]; then
		mkdir "$PUBLIC"
		chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$PUBLIC"
		cp "$TOOLS/corelets" "${tools[@]/#/$TOOLS/}" "$PUBLIC"
	fi
	TOOLS=$PUBLIC
	run_as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	if [[ $1 ]]; then
		run_as+=("--inh-caps=$1" "--ambient-caps=$1")
	fi
}

# ---- the list, running a tool ----

@test "the list has every tool once, in groups, in its own words" {
	local said
	run_tool corelets
	assert_success
	assert_output ''
	for tool in "${tools[@]}"; do
		said=$("$TOOLS/$tool" --help | sed -n '3s/\.$//p')
		assert_equal "$(grep -cFx "$(printf '  %-15s %s' "$tool" "$said")" "$OUT")" 1
		# Below the heading that it names itself.
		assert_equal "$(awk -v tool="$tool" '/^[^ ]/ { group = $0 } $1 == tool { print group }' "$OUT")" \
			"$("$TOOLS/$tool" --describe options | awk -F '\t' 'NR == 1 { print $4 }')"
	done
	assert_equal "$(grep -c '^  ' "$OUT")" "${#tools[@]}"
}

@test "corelets TOOL is the tool, with its arguments and exit status" {
	run_tool corelets execsnoop --version
	assert_success
	assert_equal "$(<"$OUT")" "$("$TOOLS/execsnoop" --version)"
	run_tool corelets execsnoop --csv --json
	assert_failure 2
	assert_output "execsnoop: --json and --csv exclude each other"
	need_root
	run_tool corelets execsnoop --json --output "$BATS_TEST_TMPDIR/events" -- sh -c 'exit 7'
	assert_failure 7
}

@test "what is no tool is refused, also if there is a file of that name" {
	local dir=$BATS_TEST_TMPDIR
	cp "$TOOLS/corelets" "$dir"
	echo '#!/bin/sh' >"$dir/impostor"
	chmod +x "$dir/impostor"
	TOOLS=$dir run_tool corelets impostor
	assert_failure 2
	assert_output "corelets: no tool 'impostor': 'corelets' lists those that there are"
	TOOLS=$dir PATH=$dir:$PATH run_tool corelets execsnoop
	assert_failure 2
	run_tool corelets ../execsnoop
	assert_failure 2
	run_tool corelets --nonsense
	assert_failure 2
	TOOLS=$dir run_tool corelets
	assert_failure 1
	assert_output "corelets: no tools are installed"
}

@test "installed: found by their plain names, not those of somebody else" {
	local root=$BATS_TEST_TMPDIR/usr
	mkdir -p "$root/sbin" "$root/libexec/corelets/bin"
	cp "$TOOLS/corelets" "$root/sbin"
	cp "$TOOLS/execsnoop" "$root/sbin/corelets-execsnoop"
	ln -s ../../../sbin/corelets-execsnoop "$root/libexec/corelets/bin/execsnoop"
	# Other packages' tools, in the same directory.
	for tool in execsnoop opensnoop; do
		printf '#!/bin/sh\necho impostor\n' >"$root/sbin/$tool"
		chmod +x "$root/sbin/$tool"
	done
	TOOLS=$root/sbin run_tool corelets execsnoop --version
	assert_success
	assert_equal "$(<"$OUT")" "$("$TOOLS/execsnoop" --version)"
	TOOLS=$root/sbin run_tool corelets opensnoop --version
	assert_failure 2
	TOOLS=$root/sbin run_tool corelets
	assert_equal "$(grep -c '^  ' "$OUT")" 1
}

@test "a full disk is told" {
	local words
	for words in '' --help --version doctor\ --help; do
		# shellcheck disable=SC2086 # words
		run bash -c '"$@" >/dev/full' bash "$TOOLS/corelets" $words
		assert_failure 1
	done
}

# ---- doctor ----

@test "doctor: a bad command line is status 2 and one line" {
	local words
	for words in --nonsense "execsnoop --nonsense" nonsense "--json nonsense" "--btf"; do
		# shellcheck disable=SC2086 # words
		run_tool corelets doctor $words
		assert_failure 2
		assert_equal "${#lines[@]}" 1
		assert_output --regexp '^corelets: doctor: '
		[[ ! -s $OUT ]]
	done
}

@test "doctor: every verdict is what the tool does" {
	need_root
	doctor
	assert_equal "$(jq -c 'select(.type == "tool") | .tool' "$DOCTOR" | wc -l)" "${#tools[@]}"
	for tool in "${tools[@]}"; do
		runs_so "$tool"
	done
	run jq -r 'select(.type == "summary") | .tools, .yes + .partly + .no' "$DOCTOR"
	assert_output "${#tools[@]}
${#tools[@]}"
}

@test "doctor: tools that are named, and no others; options before or after" {
	need_root
	doctor execsnoop
	assert_equal "$(jq -r 'select(.type == "tool") | .tool' "$DOCTOR")" execsnoop
	LACKING=ok run_tool corelets doctor perf-sample --json execsnoop
	assert_equal "$(jq -r 'select(.type == "tool") | .tool' "$OUT")" "perf-sample
execsnoop"
}

@test "doctor: an attach point works if the tool runs by it alone" {
	need_root
	doctor execsnoop
	local kind works all=tp_btf,raw_tp,tp
	# Each of the ways to see an exec, with the others left out.
	for kind in tp_btf raw_tp tp; do
		works=$(of execsnoop ".needs[] | select(.need == \"exec\").points[] |
			select(.attach | startswith(\"$kind/\")).works")
		CORELETS_WITHOUT=${all/$kind/} LACKING=ok run_tool execsnoop -d 1ms
		assert_equal "$kind: $status" "$kind: $([[ $works == true ]] && echo 0 || echo 3)"
	done
}

@test "doctor: needs of options and columns are tried too, and named" {
	need_root
	doctor execsnoop opensnoop perf-sample
	assert_equal "$(of execsnoop '[.needs[].with] | tostring')" '[null,"--failed","--follow","--follow"]'
	assert_equal "$(of opensnoop '[.needs[].with] | unique | tostring')" \
		'[null,"--follow","--light","--light -o lat_ns","-o lat_ns"]'
	assert_equal "$(of perf-sample '.needs[] | select(.need == "waits").with')" --off-cpu
	# What works for doctor does for the tool.
	local with
	for with in --failed "-f -p $$"; do
		# shellcheck disable=SC2086 # words
		run_tool execsnoop $with -d 1ms
		assert_success
	done
}

@test "doctor: with attach points left out: partly, by fallbacks, or not" {
	need_root
	local without
	for without in tp_btf tp_btf,raw_tp tp_btf,raw_tp,tp perf_event; do
		export CORELETS_WITHOUT=$without
		echo "--- $without"
		tools=(execsnoop opensnoop)
		if [[ $without == perf_event ]]; then
			tools=(execsnoop perf-sample)
		fi
		doctor "${tools[@]}"
		for tool in "${tools[@]}"; do
			runs_so "$tool"
		done
		run jq -r 'select(.type == "tool") | "\(.tool) \(.runs) \(.fixes | join(","))"' "$DOCTOR"
		case $without in
		tp_btf)
			assert_output "execsnoop yes unset CORELETS_WITHOUT
opensnoop yes unset CORELETS_WITHOUT"
			assert_equal "$(of execsnoop '.needs[0].points[0] | .works, .why')" "false
left out by CORELETS_WITHOUT"
			assert_equal "$diagnosis" 0
			;;
		tp_btf,raw_tp)
			# io_uring has no other hook.
			assert_line "execsnoop yes unset CORELETS_WITHOUT"
			assert_line "opensnoop partly unset CORELETS_WITHOUT"
			assert_equal "$(of opensnoop '.needs[] | select(.need == "io_uring open").lacking')" \
				"opens through io_uring"
			assert_equal "$diagnosis" 0
			;;
		tp_btf,raw_tp,tp)
			assert_output "execsnoop no unset CORELETS_WITHOUT
opensnoop no unset CORELETS_WITHOUT"
			assert_equal "$diagnosis" 3
			;;
		perf_event)
			assert_output "execsnoop yes 
perf-sample no unset CORELETS_WITHOUT"
			assert_equal "$diagnosis" 3
			;;
		esac
	done
}

@test "doctor: as an ordinary user, and with one capability of the two" {
	need_root
	local caps
	for caps in '' +bpf +perfmon; do
		echo "--- '$caps'"
		as_nobody "$caps"
		doctor
		assert_equal "$diagnosis" 3
		for tool in "${tools[@]}"; do
			runs_so "$tool"
			assert_equal "$(of "$tool" .runs)" no
			run of "$tool" '.fixes[]'
			assert_output --partial "sudo corelets TOOL"
		done
		assert_equal "$(jq -r 'select(.type == "machine").capabilities[]' "$DOCTOR")" \
			"$(sed -E 's/./\U&/g; s/^\+/CAP_/' <<<"$caps")"
	done
}

@test "doctor: with the two capabilities alone" {
	need_root
	as_nobody +bpf,+perfmon
	doctor
	for tool in "${tools[@]}"; do
		runs_so "$tool"
	done
	assert_equal "$(of execsnoop .runs)" yes
	# Mounting tracefs is root's; typed tracepoints need none.
	if [[ $(jq -r 'select(.type == "machine").tracefs' "$DOCTOR") == null ]]; then
		run of execsnoop '.needs[0].points[] | select(.attach | startswith("tp/")).works'
		assert_output false
	fi
}

@test "doctor: in a user namespace, root is nobody" {
	need_root
	unshare --user --map-root-user true || skip "no user namespaces here"
	# shellcheck disable=SC2034 # used by run_tool
	run_as=(unshare --user --map-root-user)
	doctor execsnoop
	assert_failure 3
	runs_so execsnoop
	assert_equal "$(of execsnoop '.fixes[]')" \
		"run it outside of the container: in the initial user namespace"
	assert_equal "$(jq 'select(.type == "machine").initial_user_namespace' "$DOCTOR")" false
}

@test "doctor: without BTF, and with a file of it" {
	need_root
	need_command bpftool
	[[ -s /sys/kernel/btf/vmlinux ]] || skip "this kernel has no BTF that could be hidden"
	[[ -e $TOOLS/execsnoop.bpf.o ]] || skip "no BPF objects beside the tools"
	local btf=$BATS_TEST_TMPDIR/this.btf
	bpftool gen min_core_btf /sys/kernel/btf/vmlinux "$btf" "$TOOLS"/*.bpf.o
	mkdir -p "$BATS_TEST_TMPDIR/empty"
	export XDG_DATA_HOME=$BATS_TEST_TMPDIR/data
	# shellcheck disable=SC2016,SC2034 # expanded inside; used by run_tool
	run_as=(unshare --mount --propagation private bash -c
		'mount --bind "$0" /sys/kernel/btf && exec "$@"' "$BATS_TEST_TMPDIR/empty")
	doctor execsnoop opensnoop
	if [[ $(jq -r 'select(.type == "machine").btf' "$DOCTOR") != null ]]; then
		skip "there is a BTF for this kernel elsewhere"
	fi
	assert_failure 3
	for tool in execsnoop opensnoop; do
		runs_so "$tool"
		assert_equal "$(of "$tool" .why)" \
			"this kernel has no BTF (CONFIG_DEBUG_INFO_BTF): pass --btf FILE"
		assert_equal "$(of "$tool" '.fixes[]')" \
			"a kernel with CONFIG_DEBUG_INFO_BTF=y, or a file of its BTF: --btf FILE"
	done
	doctor --btf "$btf" execsnoop
	assert_success
	assert_equal "$(of execsnoop '.needs[0].used')" raw_tp/sched_process_exec
	assert_equal "$(of execsnoop '.needs[0].points[0] | .attach, .works, .why')" \
		"tp_btf/sched_process_exec
false
not in this kernel's BTF"
	doctor --btf /etc/passwd execsnoop
	assert_failure 2
	assert_equal "$(of execsnoop .why)" "--btf /etc/passwd: neither BTF nor an ELF file with BTF"
}

@test "doctor: a kernel option is named if it is not set" {
	need_root
	[[ -e /proc/config.gz ]] || skip "no /proc/config.gz to put another one over"
	doctor opensnoop
	run of opensnoop '[.needs[].points[] | select(.attach | startswith("fexit/")).works] | all'
	if [[ $output == true ]]; then
		skip "fexit works here"
	fi
	local config=$BATS_TEST_TMPDIR/config option=DYNAMIC_FTRACE_WITH_DIRECT_CALLS
	# shellcheck disable=SC2016,SC2034 # expanded inside; used by run_tool
	run_as=(unshare --mount --propagation private bash -c
		'mount --bind "$0" /proc/config.gz && exec "$@"' "$config")
	printf '%s\n' CONFIG_BPF_EVENTS=y CONFIG_DEBUG_INFO_BTF=y | gzip >"$config"
	doctor opensnoop
	assert_equal "$(of opensnoop '.fixes[]')" "a kernel with CONFIG_$option=y (here it is not set)"
	# Plain text is read too.
	printf '%s\n' CONFIG_BPF_EVENTS=y "CONFIG_$option=y" CONFIG_DEBUG_INFO_BTF=y >"$config"
	doctor opensnoop
	assert_equal "$(of opensnoop '.fixes[]')" ''
}

@test "doctor: what it says of the machine" {
	doctor execsnoop
	machine()
	{
		jq -r "select(.type == \"machine\") | $1" "$DOCTOR"
	}
	assert_equal "$(machine '.kernel, .arch')" "$(uname -r; uname -m)"
	assert_equal "$(machine .perf_event_paranoid)" "$(cat /proc/sys/kernel/perf_event_paranoid)"
	assert_equal "$(machine '.unprivileged_bpf_disabled // "-"')" \
		"$(cat /proc/sys/kernel/unprivileged_bpf_disabled 2>/dev/null || echo -)"
	for type in tracefs:tracefs bpf:bpffs cgroup2:cgroup_v2 cgroup:cgroup_v1; do
		assert_equal "$(machine ".${type#*:} // \"\"")" \
			"$(awk -v type="${type%:*}" '$3 == type { print $2; exit }' /proc/self/mounts)"
	done
	assert_equal "$(machine .btf)" "$([[ -e /sys/kernel/btf/vmlinux ]] && echo /sys/kernel/btf/vmlinux || machine .btf)"
}

@test "doctor: leaves nothing in the kernel, nor mounted" {
	need_root
	need_command bpftool
	local before
	before=$(cat /proc/self/mounts)
	start_tool bpfload-watch --json --output "$BATS_TEST_TMPDIR/watched" -n execsnoop
	doctor execsnoop
	assert_success
	stop_tool
	OUT=$BATS_TEST_TMPDIR/watched
	assert_equal "$(cat /proc/self/mounts)" "$before"
	# Each program that doctor's execsnoop had loaded has gone; and there were those of every point.
	jq -r 'select(.cmd == "PROG_LOAD" and .ret >= 0) | .id' "$OUT" | sort -u >"$BATS_TEST_TMPDIR/loaded"
	jq -r 'select(.cmd == "PROG_LOAD" and .ret >= 0) | .attach_func // empty' "$OUT" |
		grep -c '^sched_process_exec$' >"$BATS_TEST_TMPDIR/exec"
	[[ $(wc -l <"$BATS_TEST_TMPDIR/loaded") -ge 10 ]]
	[[ $(<"$BATS_TEST_TMPDIR/exec") -ge 2 ]]
	while read -r id; do
		wait_until prog_gone "$id" || fail "program $id is still there"
	done <"$BATS_TEST_TMPDIR/loaded"
}

prog_gone()
{
	! bpftool prog show id "$1" >/dev/null 2>&1
}

@test "doctor: the table says what JSON says" {
	need_root
	export CORELETS_WITHOUT=tp_btf,raw_tp
	tools=(execsnoop opensnoop)
	doctor "${tools[@]}"
	LACKING=ok run_tool corelets doctor --verbose "${tools[@]}"
	for tool in "${tools[@]}"; do
		assert_equal "$(grep -cE "^$tool +$(of "$tool" .runs) " "$OUT")" 1
		while read -r used; do
			grep -F -- " $used" "$OUT" >/dev/null || fail "$tool: no $used"
		done < <(of "$tool" '.needs[].used // empty')
		while read -r fix; do
			assert_equal "$(grep -cFx -- "  $fix" "$OUT")" 1
		done < <(of "$tool" '.fixes[]')
	done
	assert_equal "$(sed -nE 's/^ {30,}(yes|no) +/\1 /p' "$OUT")" \
		"$(for tool in "${tools[@]}"; do
			of "$tool" '.needs[].points[] |
				"\(if .works then "yes" else "no" end) \(.attach)\(if .why then ": " + .why else "" end)"'
		done)"
}

@test "doctor --cache: each tool's file is made, and used" {
	need_root
	export CORELETS_CACHE=$BATS_TEST_TMPDIR/cache
	run_tool corelets doctor --cache
	assert_success
	assert_equal "$(<"$OUT")" "$(for tool in "${tools[@]}"; do
		printf '%-14s made %s\n' "$tool" "$CORELETS_CACHE/$tool"
	done)"
	for tool in "${tools[@]}"; do
		[[ -s $CORELETS_CACHE/$tool ]]
		run_tool "$tool" -v -d 1ms
		assert_success
		assert_output --partial "BTF: $CORELETS_CACHE/$tool"
	done
	rm -r "$CORELETS_CACHE"
	run_tool corelets doctor --cache --json execsnoop
	assert_success
	assert_equal "$(jq -c . "$OUT")" \
		"{\"type\":\"cache\",\"tool\":\"execsnoop\",\"made\":true,\"text\":\"made $CORELETS_CACHE/execsnoop\"}"
	assert_equal "$(ls "$CORELETS_CACHE")" execsnoop
}

@test "doctor --cache: where it cannot be written" {
	need_root
	as_nobody ''
	export CORELETS_CACHE=/nonexistent/directory
	LACKING=ok run_tool corelets doctor --cache --json execsnoop
	assert_failure 3
	assert_equal "$(jq -c '[.made, (.text | startswith("cannot make "))]' "$OUT")" '[false,true]'
}
