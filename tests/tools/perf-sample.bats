#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# perf-sample: the profile of programs whose profile is known, whatever becomes of them and of their
# files, and that every sample is somewhere.
#
# shellcheck disable=SC2016,SC2317,SC2030,SC2031,SC2154 # dollars for jq, functions called by
# name, a process for each test, variables of helpers.bash

load ../helpers

setup_file()
{
	need_root
}

setup()
{
	need_root
	work=$WORKLOADS/sample-work
}

teardown()
{
	kill_tools
	rm -f "/tmp/perf-$(jq -r '.pid? // 0' "$BATS_TEST_TMPDIR/out" 2>/dev/null | head -n 1).map"
}

# sample [OPTION...] -- COMMAND...: what the tool told goes to $OUT, what the command did to $DID.
sample()
{
	run_tool perf-sample --json --output "$BATS_TEST_TMPDIR/events" "$@"
	DID=$OUT
	OUT=$BATS_TEST_TMPDIR/events
	assert_success
	profile=$(jq -c 'select(.type == "profile")' "$OUT")
}

# sum VALUE [FILTER]: of the stacks for which it holds.  In a filter, has(NAME) is whether a function
# is anywhere in the stack, leaf(NAME) whether it is the innermost.
sum()
{
	jq -s "def has_function(\$name): any(.frames[]; .name == \$name);
		def leaf(\$name): .frames[0].name == \$name;
		map(select(.type == \"stack\") | select(${2-true}) | .$1) | add // 0" "$OUT"
}

samples()
{
	sum samples "${1-true}"
}

# assert_between LOW HIGH VALUE WHAT
assert_between()
{
	if ! jq -en "$1 <= $3 and $3 <= $2" >/dev/null; then
		fail "$4: $3, not from $1 to $2
$(show_output)"
	fi
}

# assert_share PERCENT FILTER [OF [POINTS]]: so many of the samples, within 3 points.
assert_share()
{
	local all some of=${3-true} points=${4-3}
	all=$(samples "$of")
	some=$(samples "($of) and ($2)")
	if [[ ${VM_GUEST-} ]]; then
		points=$((points + 10)) # fewer samples, more interrupts
	fi
	[[ $all -gt 40 ]] || fail "$all samples only"
	assert_between "$(($1 - points))" "$(($1 + points))" "(100 * $some / $all)" "percent of $2"
}

# assert_time LOW HIGH VALUE: the part of the CPU time that was sampled.  An emulated processor comes
# too late for most of its timers.
assert_time()
{
	[[ ${VM_GUEST-} ]] || assert_between "$1" "$2" "$3" "of the CPU time"
}

# assert_processes N: so many were seen in turn().
assert_processes()
{
	local low=$1
	if [[ ${VM_GUEST-} ]]; then
		low=$(($1 * 2 / 3))
	fi
	assert_between "$low" "$1" "$(jq -s 'map(select(.type == "stack" and any(.frames[]; .name == "turn")).pid)
		| unique | length' "$OUT")" processes
}

# assert_shares [POINTS]: of a program of fixed shares, the usual proof that a binary was read.  Of a
# thousand samples, 6 points are more than four times the deviation that is to be expected.
assert_shares()
{
	assert_share 75 'has_function("three")' 'has_function("three") or has_function("one")' "${1-6}"
	assert_share 97 'has_function("three") or has_function("one")' 'has_function("shares")'
}

# ---- what is known ----

@test "two functions at 3:1, and as many samples as there is CPU time" {
	sample -F 999 -- "$work" shares --ms 3000
	assert_lost 0
	assert_equal "$(did '.three == 3 * .one and .one > 1000000')" true
	assert_shares 3
	# Each stack is whole, from the first function on.
	assert_share 99 '[.frames[].name | select(. == "main" or . == "shares" or . == "three" or . == "turn")]
		== ["turn", "three", "shares", "main"]' 'has_function("three")'
	assert_equal "$(samples)" "$(summary .events)"
	assert_equal "$(jq .samples <<<"$profile")" "$(summary .events)"
	assert_equal "$(jq -c '[.frequency, .period_ns, .waits, .off_ns]' <<<"$profile")" "[999,1001001,0,0]"
	assert_time 0.9 1.1 "$(jq .cpu_ns <<<"$profile") / $(did .cpu_ns)"
	assert_equal "$(sum cpu_ns)" "$(jq .cpu_ns <<<"$profile")"
}

@test "recursion: each call is a frame, and a stack that is too deep is marked and counted" {
	sample -F 999 -- "$work" deep --times 50 --ms 500
	assert_share 100 '[.frames[] | select(.name == "recurse")] | length == 50' 'leaf("turn")'
	assert_equal "$(jq .truncated <<<"$profile")" 0
	sample -F 999 -- "$work" deep --times 500 --ms 500
	assert_share 100 '([.frames[] | select(.kind == "user")] | length == 127)
		and (.frames[-1] | .kind == "note" and .name == "[truncated]")' 'leaf("turn")'
	assert_between 40 600 "$(jq .truncated <<<"$profile")" "cut stacks"
	assert_equal "$(samples '.frames[-1].name == "[truncated]"')" "$(jq .truncated <<<"$profile")"
}

@test "--inlined: functions that are inlined, with their source" {
	sample -F 999 -- "$work" inlined --ms 500
	assert_share 100 'leaf("holder")' 'has_function("holder")'
	sample -F 999 --inlined -- "$work" inlined --ms 500
	assert_share 100 'leaf("inlined_turns") and .frames[0].kind == "inlined" and .frames[1].name == "holder"
		and (.frames[0].source | endswith("sample-work.c")) and .frames[0].line > 0' 'has_function("holder")'
}

@test "C++: demangled, and --no-demangle" {
	local int='has_function("sample::Wheel<int>::turn") or has_function("sample::Wheel<int>::turn(unsigned long)")'
	sample -F 999 -- "$WORKLOADS/sample-template"
	assert_share 25 "$int" 'any(.frames[]; (.name // "") | contains("Wheel<"))' 6
	sample -F 999 --no-demangle -- "$WORKLOADS/sample-template"
	assert_share 25 'has_function("_ZN6sample5WheelIiE4turnEm")' 'any(.frames[]; (.name // "") | startswith("_ZN6sample5Wheel"))' 6
}

@test "a static binary" {
	sample -F 999 -- "$WORKLOADS/sample-static" shares --ms 1000
	assert_shares
}

@test "a stripped binary has names by MiniDebugInfo, and none without it" {
	local dir=$BATS_TEST_TMPDIR
	need_command objcopy
	need_command xz
	objcopy --strip-all "$work" "$dir/stripped"
	sample -F 999 -- "$dir/stripped" shares --ms 300
	assert_equal "$(samples 'has_function("three")')" 0
	[[ $(jq .unnamed.no_symbol <<<"$profile") -gt 0 ]]
	nm "$work" --format=posix --defined-only | awk '$2 ~ /[TtDd]/ { print $1 }' | sort >"$dir/keep"
	objcopy --only-keep-debug "$work" "$dir/debug"
	objcopy -S --remove-section .gdb_index --remove-section .comment --keep-symbols="$dir/keep" "$dir/debug" "$dir/mini"
	xz --format=xz "$dir/mini"
	objcopy --add-section .gnu_debugdata="$dir/mini.xz" "$dir/stripped"
	sample -F 999 -- "$dir/stripped" shares --ms 1000
	assert_shares
}

@test "a binary that has been removed while it runs" {
	cp "$work" "$BATS_TEST_TMPDIR/gone"
	sample -F 999 -- "$BATS_TEST_TMPDIR/gone" shares --ms 1000 --unlink
	[[ ! -e $BATS_TEST_TMPDIR/gone ]]
	assert_shares
}

@test "a binary that only its mount namespace has" {
	mkdir "$BATS_TEST_TMPDIR/dir"
	unshare -m true || skip "no mount namespaces here"
	sample -F 999 -- unshare -m bash -c '
		mount -t tmpfs none "$1"
		cp "$2" "$1/hidden"
		exec "$1/hidden" shares --ms 1000' bash "$BATS_TEST_TMPDIR/dir" "$work"
	[[ ! -e $BATS_TEST_TMPDIR/dir/hidden ]]
	assert_shares
}

@test "many processes of 50 ms each" {
	sample -F 999 -- bash -c 'for ((i = 0; i < 40; i++)); do "$1" shares --ms 50; done' bash "$work"
	assert_equal "$(wc -l <"$DID")" 40
	assert_processes 40
	assert_share 75 'has_function("three")' 'has_function("three") or has_function("one")' 6
	assert_time 0.8 1.1 "$(sum cpu_ns 'has_function("shares")') / ($(did .cpu_ns | paste -sd+))"
}

@test "processes of 50 ms in another mount namespace" {
	mkdir "$BATS_TEST_TMPDIR/dir"
	unshare -m true || skip "no mount namespaces here"
	sample -F 999 -- unshare -m bash -c '
		mount -t tmpfs none "$1"
		cp "$2" "$1/hidden"
		for ((i = 0; i < 20; i++)); do "$1/hidden" shares --ms 50; done' bash "$BATS_TEST_TMPDIR/dir" "$work"
	assert_processes 20
}

@test "a process that executes another program: the stacks of each have its names" {
	sample -F 999 -- bash -c '"$1" shares --ms 1; exec "$1" deep --times 3 --ms 300' bash "$work"
	assert_share 100 '[.frames[] | select(.name == "recurse")] | length == 3' 'leaf("turn") and has_function("recurse")'
	cat >"$BATS_TEST_TMPDIR/chain" <<-'END'
		"$1" shares --ms 200
		exec "$2" deep --times 3 --ms 200
	END
	cp "$work" "$BATS_TEST_TMPDIR/other"
	sample -F 999 -- bash "$BATS_TEST_TMPDIR/chain" "$work" "$BATS_TEST_TMPDIR/other"
	assert_equal "$(samples 'has_function("recurse") and has_function("shares")')" 0
	[[ $(samples 'has_function("shares") and any(.frames[]; .module | endswith("/sample-work"))') -gt 30 ]]
	[[ $(samples 'has_function("recurse") and any(.frames[]; .module | endswith("/other"))') -gt 30 ]]
}

@test "code made on the fly, by its perf map" {
	sample -F 999 -- "$work" jit --ms 1000
	assert_share 100 'leaf("jitted_turns") and .frames[0].kind == "jit" and .frames[1].name == "jit"' 'has_function("jit")'
}

@test "the kernel's part: --kernel-only, --user-only" {
	sample -F 999 -- "$work" kernel --ms 1000
	assert_share 100 'any(.frames[]; .kind == "kernel" and (.name | test("read_zero|clear_user|iov_iter_zero|vfs_read|ksys_read")))
		and any(.frames[]; .kind == "user" and .name == "main")' 'any(.frames[]; .kind == "kernel") and has_function("main")'
	assert_share 100 'any(.frames[]; .kind == "kernel")'
	sample -F 999 -K -- "$work" kernel --ms 300
	assert_equal "$(samples 'any(.frames[]; .kind == "user")')" 0
	[[ $(samples 'any(.frames[]; .kind == "kernel")') -gt 30 ]]
	sample -F 999 -U -- "$work" kernel --ms 300
	assert_equal "$(samples 'any(.frames[]; .kind == "kernel")')" 0
	[[ $(samples 'any(.frames[]; .kind == "user")') -gt 30 ]]
}

# Hundredths of seconds that the processors had nothing to do.
idle_ticks()
{
	awk '$1 == "cpu" { print $5 }' /proc/stat
}

@test "-I: the idle tasks too" {
	sample -F 999 -d 300ms
	assert_equal "$(samples '.pid == 0')" 0
	local before after
	before=$(idle_ticks)
	sample -F 999 -d 300ms -I
	after=$(idle_ticks)
	((after - before > 10)) || skip "this machine has no time to be idle"
	[[ $(samples '.pid == 0 and (.comm | startswith("swapper/"))') -gt 0 ]]
}

# ---- off the CPU ----

# Where the kernel does not tell of a switch, the tool says that it missed one.
waits_are_seen()
{
	local three one lost part=90
	[[ ! ${VM_GUEST-} ]] || part=70
	sample --off-cpu -- "$work" waits --times 10
	lost=$(summary .lost)
	assert_equal "$(summary '.lost_by.unpaired // 0')" "$lost"
	three=$(samples 'has_function("three_naps")')
	one=$(samples 'has_function("one_nap")')
	assert_between $((20 - lost)) 20 "$three + $one" "waits, $lost lost"
	assert_equal "$(jq -c '[.samples, .cpu_ns, .event]' <<<"$profile")" '[0,0,"off-cpu"]'
	# Not longer than it was; and as long as asked for, but for what passes (on a processor that is taken
	# away, milliseconds) from when the timer is set until the thread leaves.
	assert_between $((three * 300000 * part)) "$(did .waited_three_ns)" "$(sum off_ns 'has_function("three_naps")')" "ns of three_naps"
	assert_between $((one * 100000 * part)) "$(did .waited_one_ns)" "$(sum off_ns 'has_function("one_nap")')" "ns of one_nap"
	# Where the thread waits, and not how that is seen.
	assert_equal "$(samples 'has_function("waits") and (leaf("schedule") | not)')" 0
	assert_equal "$(samples 'has_function("three_naps") and has_function("do_nanosleep") and has_function("main")')" "$three"
	[[ $lost -eq 0 ]] || return 0
	assert_equal "$three,$one" 10,10
}

@test "--off-cpu: 3:1, each wait once, as long as it was; by every attach point" {
	each_without "" task_storage tp_btf tp_btf,raw_tp -- waits_are_seen
}

@test "--off-cpu --min-off: only waits of at least that" {
	sample --off-cpu --min-off 20ms -- "$work" waits --times 5
	assert_between "$((5 - $(summary .lost)))" 5 "$(samples 'has_function("three_naps")')" "waits"
	# Stacks are sums: none is less than one wait.
	assert_equal "$(samples '.off_ns < 20000000 * .samples')" 0
	sample --off-cpu --min-off 1s -- "$work" waits --times 2
	assert_equal "$(samples)" 0
}

@test "--off-cpu --on-cpu: one picture of both" {
	sample -F 999 --off-cpu --on-cpu -- bash -c '"$1" waits --times 10; "$1" shares --ms 400' bash "$work"
	assert_between 0.7 1 "$(sum off_ns 'has_function("waits")') / $(did '.waited_three_ns + .waited_one_ns' | head -n 1)" "of the waits"
	assert_time 0.9 1.1 "$(sum cpu_ns 'has_function("shares")') / 400000000"
	# What waits begins with a note, and nothing else has one.
	assert_equal "$(samples '(.off_ns > 0) != (.frames[0].kind == "note" and .frames[0].name == "[off-cpu]")')" 0
	assert_equal "$(jq '.samples + .waits' <<<"$profile")" "$(summary .events)"
}

@test "-p with --off-cpu: the one that waits decides, not the one that comes next" {
	"$work" waits --times 1000 3>&- >/dev/null &
	local other=$!
	sample --off-cpu -p "$$,$BASHPID" -d 300ms
	assert_equal "$(samples ".pid == $other")" 0
	sample --off-cpu -p "$other" -d 300ms
	kill "$other"
	[[ $(samples ".pid == $other") -gt 2 ]]
	assert_equal "$(samples ".pid != $other")" 0
}

# ---- every sample is somewhere ----

# runs: how often the program ran, as the kernel counts.
runs()
{
	sed -nE 's,^perf-sample: perf_event/[a-z-]+: ([0-9]+) calls.*,\1,p' "$ERR"
}

@test "samples and losses are all that was taken" {
	"$work" shares --ms 60000 3>&- >/dev/null &
	local busy=$!
	tool_files
	start_tool perf-sample --json --stats --self -F 4999 --buffer 4096 \
		--flamegraph "$BATS_TEST_TMPDIR/graph.svg"
	local out=$OUT
	kill -STOP "$tool_pid"
	# Several pages full.
	local until=$((SECONDS + 2))
	while ((SECONDS < until)); do :; done
	kill -CONT "$tool_pid"
	wait_until grep -q '"reason":"ring_full"' "$out" || fail "no loss is told"
	stop_tool
	kill "$busy"
	assert_success
	[[ $(summary .lost) -gt 30 ]]
	assert_lost "$(summary .lost)"
	assert_equal "$(($(samples) + $(summary .lost)))" "$(runs)"
	assert_equal "$(samples)" "$(summary .events)"
	# A picture says it too.
	grep -q "lost $(summary .lost)," "$BATS_TEST_TMPDIR/graph.svg"
}

@test "the tool and its helper are not in the profile; --self shows them" {
	"$work" shares --ms 60000 3>&- >/dev/null &
	local busy=$!
	sample -F 4999 -d 1
	assert_equal "$(samples '.comm == "perf-sample"')" 0
	sample -F 4999 -d 1 --self
	kill "$busy"
	[[ $(samples '.comm == "perf-sample"') -gt 0 ]]
}

@test "which event it was is said, and can be asked for" {
	sample --event cpu-clock -- "$work" shares --ms 300
	assert_equal "$(jq -r .event <<<"$profile")" cpu-clock
	assert_equal "$(attached)" perf_event/cpu-clock
	sample -- "$work" shares --ms 300
	assert_equal "perf_event/$(jq -r .event <<<"$profile")" "$(attached)"
	if [[ $(attached) == perf_event/cpu-clock ]]; then
		LACKING=ok run_tool perf-sample --event cycles -- touch "$BATS_TEST_TMPDIR/ran"
		assert_failure 3
		assert_output --partial "'samples'"
		assert_equal "${#lines[@]}" 1
		[[ ! -e $BATS_TEST_TMPDIR/ran ]]
	fi
	run_tool perf-sample -- "$work" shares --ms 300
	grep -qF "$(jq -r .event <<<"$profile") at 99 Hz" "$OUT"
}

attached()
{
	head -n 1 "$OUT" | jq -r '.programs[] | select(.need == "samples").attach'
}

# ---- outputs ----

@test "the report, folded, JSON, flame graphs, pprof and speedscope say the same" {
	local dir=$BATS_TEST_TMPDIR
	umask 0
	sample -F 999 --flamegraph "$dir/graph.svg" --pprof "$dir/pprof.gz" --speedscope "$dir/speed.json" -- \
		"$work" shares --ms 1000
	local all ns
	all=$(summary .events)
	ns=$(sum cpu_ns)
	assert_equal "$(stat -c %a "$dir/graph.svg" "$dir/pprof.gz" "$dir/speed.json" | sort -u)" 600
	[[ ${VM_GUEST-} ]] || python3 -c 'import sys, xml.etree.ElementTree as t; t.parse(sys.argv[1])' "$dir/graph.svg"
	grep -q three "$dir/graph.svg"
	assert_equal "$(jq '.profiles | map(.weights | add) | add' "$dir/speed.json")" "$ns"
	need_command protoc
	# Profile.sample (2), of which value (2) is packed: samples, then times.
	assert_equal "$(gzip -dc "$dir/pprof.gz" | python3 -c '
import sys
data = sys.stdin.buffer.read()
def varint(b, at):
    n = shift = 0
    while True:
        n |= (b[at] & 127) << shift
        shift += 7
        at += 1
        if not b[at - 1] & 128:
            return n, at
def fields(b):
    at = 0
    while at < len(b):
        key, at = varint(b, at)
        if key & 7 == 2:
            size, at = varint(b, at)
            yield key >> 3, b[at:at + size]
            at += size
        elif key & 7 == 0:
            value, at = varint(b, at)
            yield key >> 3, value
        else:
            sys.exit("wire type %d" % (key & 7))
def values(sample):
    for number, value in fields(sample):
        if number == 2 and isinstance(value, bytes):
            at = 0
            while at < len(value):
                v, at = varint(value, at)
                yield v
        elif number == 2:
            yield value
sums = [sum(column) for column in zip(*(list(values(v)) for n, v in fields(data) if n == 2))]
print(*sums[:2])')" "$all $ns"
	gzip -dc "$dir/pprof.gz" | protoc --decode_raw >/dev/null
}

@test "--folded: sums up to the CPU time" {
	run_tool perf-sample -F 999 --folded --output "$BATS_TEST_TMPDIR/folded" -- "$work" shares --ms 500
	assert_success
	assert_line --regexp '^perf-sample: [1-9][0-9]* events, 0 lost$'
	assert_equal "$(awk '{ n += $NF } END { printf "%d", n }' "$BATS_TEST_TMPDIR/folded")" \
		"$(sed -nE 's/^perf-sample: ([0-9]+) events.*/\1/p' "$ERR" | awk '{ printf "%d", $1 * 1001001 }')"
	grep -qE '^sample-work;.*;main;shares;three;turn [0-9]+$' "$BATS_TEST_TMPDIR/folded"
}

@test "the report has the functions, their shares, and who is to be asked" {
	run_tool perf-sample -F 999 --output "$BATS_TEST_TMPDIR/report" -- "$work" shares --ms 1000
	assert_success
	grep -qE '^ *[0-9.]+% +[0-9.]+% .*turn$' "$BATS_TEST_TMPDIR/report"
	grep -qE 'lost 0' "$BATS_TEST_TMPDIR/report"
	[[ $(wc -L <"$BATS_TEST_TMPDIR/report") -le 80 ]]
}

@test "--diff: of two profiles, as SVG and HTML" {
	local dir=$BATS_TEST_TMPDIR
	run_tool perf-sample -F 999 --folded --output "$dir/a" -- "$work" shares --ms 300
	run_tool perf-sample -F 999 --pprof "$dir/b" -- "$work" deep --times 3 --ms 300
	assert_success
	for form in svg html; do
		run_tool perf-sample --flamegraph "$dir/diff.$form" --diff "$dir/a" "$dir/b"
		assert_success
		assert_output ''
		[[ ! -s $OUT ]]
		grep -q recurse "$dir/diff.$form"
		grep -q three "$dir/diff.$form"
	done
	cp "$dir/diff.svg" "$dir/same.svg"
	run_tool perf-sample --diff "$dir/a" "$dir/b" --flamegraph "$dir/diff.svg"
	assert_success
	cmp "$dir/diff.svg" "$dir/same.svg"
	for wrong in --nonsense "--flamegraph $dir/diff.png" "$dir/c"; do
		# shellcheck disable=SC2086 # an option and its argument
		run_tool perf-sample --diff "$dir/a" "$dir/b" $wrong
		assert_failure 2
		assert_equal "${#lines[@]}" 1
	done
	run_tool perf-sample --flamegraph "$dir/diff.svg" --diff "$dir/a" "$dir/missing"
	assert_failure 1
	assert_output --partial "$dir/missing"
	run_tool perf-sample --flamegraph "$dir/diff.svg" --diff "$dir/a"
	assert_failure 2
	run_tool perf-sample --diff "$dir/a" "$dir/b"
	assert_failure 2
}

@test "a file that cannot be written is told before anything starts" {
	local option
	for option in --flamegraph --pprof --speedscope; do
		run_tool perf-sample "$option" /nonexistent/file.svg -- touch "$BATS_TEST_TMPDIR/ran"
		assert_failure 1
		assert_output --partial "$option: cannot write /nonexistent/file.svg"
		assert_equal "${#lines[@]}" 1
		[[ ! -e $BATS_TEST_TMPDIR/ran ]]
		run_tool perf-sample "$option" "$BATS_TEST_TMPDIR/" -- touch "$BATS_TEST_TMPDIR/ran"
		assert_failure
		[[ ! -e $BATS_TEST_TMPDIR/ran ]]
	done
}

@test "a file is replaced in the end, or stays as it was" {
	local dir=$BATS_TEST_TMPDIR/dir
	mkdir "$dir"
	echo precious >"$dir/file"
	ln -s file "$dir/link"
	start_tool perf-sample --json --pprof "$dir/link"
	assert_equal "$(<"$dir/file")" precious
	kill -KILL "$tool_pid"
	wait_tool
	assert_equal "$(<"$dir/file")" precious
	assert_equal "$(find "$dir" | wc -l)" 3
	run_tool perf-sample --pprof "$dir/link" -- true
	assert_success
	[[ -L $dir/link && $(head -c 2 "$dir/file" | od -An -tx1) == ' 1f 8b' ]]
	assert_equal "$(find "$dir" | wc -l)" 3
	# Also where only root may write, and the tool is not that any more.
	chown 65534 "$dir"
	chmod 755 "$dir"
	run_tool perf-sample --speedscope "$dir/new" -- true
	assert_success
	assert_equal "$(stat -c '%u %a' "$dir/new")" '0 600'
	run_tool perf-sample --speedscope /dev/null -- true
	assert_success
	[[ -c /dev/null ]]
}

@test "--live: the top functions, on a terminal only" {
	run_tool perf-sample --live -- true
	assert_failure 2
	assert_output --partial terminal
	need_command script
	local screen=$BATS_TEST_TMPDIR/screen
	tool_files
	timeout 60 script -qefc "'$TOOLS/perf-sample' --live -F 999 -- '$work' shares --ms 2500" "$screen" \
		<"/proc/self/fd/$pause_fd" >/dev/null 2>&1 3>&-
	grep -qaF $'\e[H' "$screen"
	grep -qa 'turn' "$screen"
}

# ---- options ----

@test "what makes no sense is refused" {
	local args
	for args in '-F 0' '-F -1' '-F x' '-F 99999999' '--event nonsense' '--flamegraph a.txt' '-K -U' \
		--on-cpu '--min-off 1ms' '--off-cpu -F 99' '--off-cpu -I' '--off-cpu --event cpu-clock' \
		--csv '-o pid' '-T iso' --no-header --diff; do
		# shellcheck disable=SC2086 # words
		run_tool perf-sample $args
		assert_failure 2
		assert_equal "${#lines[@]}" 1
		[[ ! -s $OUT ]]
	done
}

@test "a frequency above the kernel's limit is refused, by its name" {
	run_tool perf-sample -F "$(($(</proc/sys/kernel/perf_event_max_sample_rate) + 1))" -d 100ms
	assert_failure 2
	assert_output --partial perf_event_max_sample_rate
}

@test "-t: one thread of several; a user; a name" {
	sample -F 999 -n sample-work -- bash -c '"$1" shares --ms 300; exec "$2" shares --ms 300' bash "$work" "$WORKLOADS/sample-static"
	[[ $(samples 'has_function("turn")') -gt 30 ]]
	assert_equal "$(samples '.comm != "sample-work"')" 0
	sample -F 999 -u 61234 -- bash -c '"$1" shares --ms 300; setpriv --reuid 61234 --clear-groups "$1" deep --ms 300' bash "$work"
	[[ $(samples 'has_function("recurse")') -gt 30 ]]
	assert_equal "$(samples 'has_function("shares")')" 0
}

@test "hostile names of threads and files can forge nothing" {
	local name file
	for name in $'\e[31mred\nline' $'\xff\xfebad' $'\xe2\x80\xaetxt' 'a;b 7'; do
		file=$BATS_TEST_TMPDIR/$name
		cp "$work" "$file"
		sample -F 999 -- "$file" shares --ms 100
		strict_json "$OUT"
		[[ $(samples 'has_function("turn")') -gt 10 ]]
		for form in --folded ''; do
			# shellcheck disable=SC2086 # none or one
			run_tool perf-sample -F 999 $form --output "$BATS_TEST_TMPDIR/text" -- "$file" shares --ms 100
			assert_success
			python3 - "$BATS_TEST_TMPDIR/text" <<-'END'
				import sys, unicodedata
				text = open(sys.argv[1], "rb").read().decode("utf-8", "strict")
				bad = [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]
				assert not bad, bad
			END
		done
		# Each line of the folded form ends in a number, and has no more fields than there are frames.
		run_tool perf-sample -F 999 --folded --output "$BATS_TEST_TMPDIR/text" -- "$file" shares --ms 100
		run grep -cvE '^[^;]+(;[^;]+)* [0-9]+$' "$BATS_TEST_TMPDIR/text"
		assert_output 0
		run grep -c ';main;shares;' "$BATS_TEST_TMPDIR/text"
		refute_output 0
	done
}

@test "nothing is left" {
	start_tool perf-sample --json --off-cpu --on-cpu
	stop_tool
	assert_success
	no_leftovers
}
