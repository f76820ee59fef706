#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Which attach points are used, that they see what happens, and that those behind them do when they
# are left out.  Run by tests/vm.bats, in guests and on the live kernel.
#
# shellcheck disable=SC2016,SC2154,SC2317 # expanded inside, variables of helpers.bash, functions called by name

load ../helpers

# Tool, need, attach point, and what is left out so that it is reached.  All kernels of the list
# have the best ones.
points='
	execsnoop exec tp_btf/sched_process_exec
	execsnoop exec raw_tp/sched_process_exec tp_btf
	execsnoop exec tp/sched/sched_process_exec tp_btf,raw_tp
	opensnoop open tp_btf/sys_exit
	opensnoop open raw_tp/sys_exit tp_btf
	opensnoop open tp/raw_syscalls/sys_enter+tp/raw_syscalls/sys_exit tp_btf,raw_tp
	bpfload-watch call tp_btf/sys_enter+tp_btf/sys_exit
	bpfload-watch call raw_tp/sys_enter+raw_tp/sys_exit tp_btf
	bpfload-watch call tp/raw_syscalls/sys_enter+tp/raw_syscalls/sys_exit tp_btf,raw_tp
	perf-sample samples perf_event/cpu-clock
	perf-sample waits tp_btf/sched_switch
	perf-sample waits raw_tp/sched_switch tp_btf
	perf-sample waits tp/sched/sched_switch tp_btf,raw_tp
'

# So there, none may say that it cannot run.
[[ ! ${VM_GUEST-} ]] || export LACKING=ok

# rows TOOL FUNCTION: FUNCTION TOOL NEED POINT for each row of the table.
rows()
{
	local of need point without n=0
	while read -r of need point without; do
		if [[ $of == "$1" ]]; then
			echo "--- CORELETS_WITHOUT='$without': $of"
			CORELETS_WITHOUT=$without "$2" "$1" "$need" "$point"
			n=$((n + 1))
		fi
	done <<<"$points"
	[[ $n -gt 0 ]] || fail "no row for $1"
}

# attached_to TOOL NEED POINT [OPTION]: so the tool said when it was ready.  What a live kernel has is
# its own business.
attached_to()
{
	local used
	used=$(head -n 1 "$OUT" | jq -r --arg need "$2" '.programs[] | select(.need == $need).attach')
	[[ ! ${VM_GUEST-} ]] || assert_equal "$used" "$3"
	echo "# attached: $1 $2${4:+ $4}${CORELETS_WITHOUT:+ without $CORELETS_WITHOUT}: $used" >&3
}

@test "execsnoop: tp_btf, then raw_tp, then the classic tracepoint" {
	check()
	{
		trace execsnoop -- exec plain --times 7 -- one "two words"
		attached_to "$@"
		assert_events 7 '.args == ["noop", "one", "two words"] and .ret == 0 and .comm == "exec"'
		assert_events 8
		assert_lost 0
	}
	rows execsnoop check
}

@test "opensnoop: the exit of the call by tp_btf, then raw_tp, then the classic tracepoint" {
	check()
	{
		trace opensnoop -- open --times 7 /dev/null /nonexistent/x
		attached_to "$@"
		assert_events 7 '.path == "/dev/null" and .ret >= 0'
		assert_events 7 '.path == "/nonexistent/x" and .ret == -2'
		assert_events 14
		assert_lost 0
	}
	rows opensnoop check
}

@test "bpfload-watch: the call by tp_btf, then raw_tp, then the classic tracepoints" {
	check()
	{
		local load='.cmd == "PROG_LOAD" and .prog_name == "w_socket_filter"'
		trace bpfload-watch -- bpf-types socket_filter
		attached_to "$@"
		assert_events 1 "$load and .facts == \"kernel\" and .lat_ns > 0 and .ret >= 0"
		assert_events 1 '.cmd == "SO_ATTACH_BPF" and .prog_name == "w_socket_filter"'
		assert_lost 0
	}
	rows bpfload-watch check
}

@test "opensnoop --light: the function that all opens come to" {
	local call open=fexit/do_sys_openat2 latency=fentry/do_sys_openat2
	# On arm64, kernels before 6.4 have no trampolines: there it is as without --light.
	if [[ $(uname -m) == aarch64 ]] && ! grep -qs ftrace_caller_direct /proc/kallsyms; then
		open=tp_btf/sys_exit latency=tp_btf/sys_enter
	fi
	for call in open openat openat2 creat; do
		# Others have no open and creat.
		[[ $call == openat* || $(uname -m) == x86_64 ]] || continue
		trace opensnoop --light -o +flags,lat_ns -- open --call "$call" --times 5 --flags O_RDWR \
			"$BATS_TEST_TMPDIR/file" /nonexistent/x
		attached_to opensnoop open "$open" --light
		attached_to opensnoop latency "$latency" --light
		assert_events 5 '.path == "/nonexistent/x" and .ret == -2 and .lat_ns > 0'
		[[ $call == creat ]] || assert_events 5 '(.path | endswith("/x")) and .flags == "O_RDWR"'
		assert_events 10
	done
	trace opensnoop --light -o +flags -- ia32 open /etc/passwd 3
	assert_events 6 '.path == "/etc/passwd" and .ret >= 0'
}

@test "perf-sample: the CPU clock; waits by tp_btf, then raw_tp, then the classic tracepoint" {
	# A wait whose end the kernel has left out is counted as lost.
	check()
	{
		run_tool perf-sample --json --off-cpu --on-cpu -F 999 --output "$BATS_TEST_TMPDIR/events" -- \
			bash -c '"$1" waits --times 7; "$1" shares --ms 500' bash "$WORKLOADS/sample-work"
		assert_success
		OUT=$BATS_TEST_TMPDIR/events
		attached_to "$@"
		stacks='map(select(.type == "stack"))'
		found=$(jq -s "$stacks | map(select(.off_ns > 0 and any(.frames[]; .name == \"three_naps\")).samples) | add // 0" "$OUT")
		[[ $found -le 7 && $((found + $(summary .lost))) -ge 7 ]]
		[[ $(jq -s "$stacks | map(select(.cpu_ns > 0 and any(.frames[]; .name == \"three\")).samples) | add" "$OUT") -gt 5 ]]
		[[ $(jq -s "$stacks | map(select(any(.frames[]; .kind == \"kernel\" and .name == \"schedule\")).samples) | add" "$OUT") -gt 5 ]]
	}
	rows perf-sample check
}

@test "every tool is in the table" {
	local file
	for file in "$TOP"/tools/*.c; do
		grep -q "^\s$(basename "$file" .c) " <<<"$points" || fail "no row for $file"
	done
}
