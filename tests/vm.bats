#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The same tests as on the live kernel, inside guests with the kernels of tests/vm/kernels: those
# that tests/vm/subset names.  tests/vm/run gives a shell in such a guest.
#
#	VM_KERNELS="5.10 7.x"	only these
#	VM_TESTS=all		all tests (takes long, see tests/vm/subset)
#	VM_TESTS=REGEXP		those whose names match
#
# What the guests printed is in build/vm: KERNEL.tap, KERNEL.log (the kernel's own).

bats_require_minimum_version 1.5.0
bats_load_library bats-support
bats_load_library bats-assert

TOP=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
export BUILD=${TOOLS:-$TOP/build}
# A test waits until its guest has ended, which has a limit of its own.
limit=900
[[ ${VM_TESTS-} != all ]] || limit=7200
export BATS_TEST_TIMEOUT=$((limit * 2))

kernels()
{
	awk '/^[^#]/ { print $1 }' "$TOP/tests/vm/kernels"
}

# Those that have more to do come first.
kernels_and_tests()
{
	awk '/^[^#]/ { print $5, $1 }' "$TOP/tests/vm/kernels" | sort -rsk 1,1 | while read -r which kernel; do
		if [[ -z ${VM_KERNELS-} || " $VM_KERNELS " == *" $kernel "* ]]; then
			printf '%s\n' "$kernel" "$which"
		fi
	done
}

# Two guests at a time: a test is mostly one process after the other.
# shellcheck disable=SC2016 # expanded inside
setup_file()
{
	export GUESTS=$BATS_FILE_TMPDIR
	mkdir -p "$BUILD/vm"
	kernels_and_tests | VM_TESTS=${VM_TESTS-} setsid xargs -P 2 -n 2 bash -c '
			status=0
			"$1/tests/vm/run" -t "$2" -e VM_TESTS="$VM_TESTS" -l "$BUILD/vm/$3.log" "$3" \
				tests/vm/guest "$4" >"$BUILD/vm/$3.tap" 2>&1 </dev/null || status=$?
			echo "$status" >"$GUESTS/$3.new"
			mv "$GUESTS/$3.new" "$GUESTS/$3.status"
		' bash "$TOP" "$limit" >"$GUESTS/log" 2>&1 3>&- &
	echo $! >"$GUESTS/pid"
}

teardown_file()
{
	# What is still running then was interrupted: the group, which setsid made.
	kill -- "-$(<"$GUESTS/pid")" 2>/dev/null || true
}

# passes_on KERNEL: its guest ended well, and all that it ran passed.
passes_on()
{
	local tap=$BUILD/vm/$1.tap failed
	if [[ -n ${VM_KERNELS-} && " $VM_KERNELS " != *" $1 "* ]]; then
		skip "VM_KERNELS is $VM_KERNELS"
	fi
	until [[ -s $GUESTS/$1.status ]]; do
		[[ -d /proc/$(<"$GUESTS/pid") ]] || fail "$(<"$GUESTS/log")"
		sleep 0.5
	done
	sed -nE "s/^# (attached: .*|kernel: .*)/# $1: \\1/p; s/^(ok .*# skip.*)/# $1: \\1/p" "$tap" >&3
	if [[ $(<"$GUESTS/$1.status") -ne 0 ]]; then
		# What failed, or if it did not come to that, how it ended.
		failed=$(awk '/^not ok/ { shown = 1 } /^(ok|1\.\.|# tests)/ { shown = 0 } shown' "$tap")
		fail "status $(<"$GUESTS/$1.status"); $tap:
$(cut -c 1-2000 <<<"${failed:-$(tail -n 40 "$tap")}")"
	fi
	# It said how many there are, and told of as many.
	assert_equal "$(grep -c '^ok ' "$tap")" "$(sed -n 's/^1\.\.//p' "$tap")"
	[[ $(grep -c '^ok ' "$tap") -gt 0 ]]
}

@test "every kernel of the list has its test" {
	assert_equal "$(sed -n 's/^@test "tools run on \(.*\)" {$/\1/p' "$BATS_TEST_FILENAME")" "$(kernels)"
}

@test "every test of the subset exists" {
	local where name
	cd "$TOP"
	while read -r where name; do
		[[ $where == few || $where == many ]]
		sed -n 's/^@test "\(.*\)" {$/\1/p' tests/vm/attach.bats tests/btf.bats tests/cli.bats \
			tests/tools/*.bats |
			awk -v name="$name" 'index($0, name) == 1 { found = 1 } END { exit !found }' ||
			fail "no test has a name that begins with '$name'"
	done < <(grep -E '^[^#]' tests/vm/subset)
}

@test "a guest's output and status are the command's, and its kernel's complaints fail it" {
	local kernel
	kernel=$(kernels | sed -n 1p)
	run -3 --separate-stderr "$TOP/tests/vm/run" "$kernel" sh -c 'echo out; printf "%s|" "$@"; exit 3' sh 'two  words' "it's" ''
	assert_output "$(printf 'out\ntwo  words|it'\''s||')"
	run -125 "$TOP/tests/vm/run" "$kernel" sh -c 'echo "WARNING: CPU: 0 PID: 1 at nowhere" >/dev/kmsg'
	assert_output --partial 'its kernel complained'
	assert_output --partial 'at nowhere'
	# One that dies, and one that does not end.
	run -125 "$TOP/tests/vm/run" "$kernel" sh -c 'echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger'
	assert_output --partial 'did not come to its end'
	run -125 "$TOP/tests/vm/run" -t 12 "$kernel" sleep 60
	assert_output --partial 'more than 12 seconds'
}

@test "tools run on 5.10" {
	passes_on 5.10
}

@test "tools run on 5.10-full" {
	passes_on 5.10-full
}

@test "tools run on 6.1" {
	passes_on 6.1
}

@test "tools run on 6.12" {
	passes_on 6.12
}

@test "tools run on 6.12-rt" {
	passes_on 6.12-rt
}

@test "tools run on 7.x" {
	passes_on 7.x
}

@test "tools run on 5.10-arm64" {
	passes_on 5.10-arm64
}

@test "tools run on 7.x-arm64" {
	passes_on 7.x-arm64
}

@test "on the live kernel, the same" {
	LIVE=1 TOOLS=$BUILD WORKLOADS=$BUILD/workloads run "$TOP/tests/vm/guest" few
	echo "$output" >"$BUILD/vm/live.tap"
	assert_success
	[[ $(grep -c '^ok ' <<<"$output") -gt 0 ]]
}

@test "the table: of these results, and the README's" {
	[[ -z ${VM_KERNELS-} ]] || skip "VM_KERNELS is $VM_KERNELS"
	run "$TOP/tests/vm/report"
	echo "${output//$'\n'/$'\n'# }" | sed '1s/^/# /' >&3
	assert_success
	assert_equal "$(grep -c '^ok ' "$BUILD/vm/matrix.tap")" "$(sed -n 's/^1\.\.//p' "$BUILD/vm/matrix.tap")"
	run "$TOP/tests/vm/report" --check "$TOP/README.md"
	assert_success
}
