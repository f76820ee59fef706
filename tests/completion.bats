#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Completion, as "make install" puts it in place: what bash, zsh and fish themselves make of the
# end of a command line (tests/complete).

load helpers

setup_file()
{
	[[ -z ${VM_GUEST-} ]] || skip "nothing is built in the guest"
	export ROOT=$BATS_FILE_TMPDIR/root
	export PATH=$PATH:/usr/sbin
	make -C "$TOP" WERROR=1 BUILD="$TOOLS" DESTDIR="$ROOT" PREFIX=/usr TOOL_PREFIX=corelets- install
}

setup()
{
	here=$BATS_TEST_TMPDIR
	lines=()
	expected=()
}

teardown()
{
	if [[ ${sleeper-} ]]; then
		kill "$sleeper"
	fi
	if [[ ${cgroup-} ]]; then
		rmdir "$cgroup"
	fi
}

# offers LINE CANDIDATE...: at the end of LINE, these and no others.
offers()
{
	lines+=("$1")
	shift
	expected+=("$(printf '%s\n' "$@" | LC_ALL=C sort | paste -sd ' ')")
}

# check SHELL: all that was said with offers.
check()
{
	local i told
	mapfile -t told < <("$BATS_TEST_DIRNAME/complete" "$1" "$ROOT" "${lines[@]}")
	for i in "${!lines[@]}"; do
		assert_equal "$1: ${lines[i]}: ${told[i]-}" "$1: ${lines[i]}: ${expected[i]}"
	done
}

# A process of this name, as $sleeper, without threads.
start_sleeper()
{
	cp "$(command -v sleep)" "$here/$1"
	"$here/$1" 60 3>&- &
	sleeper=$!
	wait_until grep -qx "$1" "/proc/$sleeper/comm"
}

# As $cgroup, where one can be made.
make_cgroup()
{
	local root
	root=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
	if [[ $root ]] && mkdir "$root/$1" 2>/dev/null; then
		cgroup=$root/$1
	fi
}

# What all three offer alike.
common_cases()
{
	local tool=corelets-execsnoop options
	offers "$tool --max-" --max-args --max-events
	offers "corelets-opensnoop --gi" --given-path
	offers "corelets-perf-sample --event " cycles cpu-clock
	offers "$tool -T " clock iso delta mono none
	offers "$tool -o comm,pi" comm,pid comm,pidns comm,pidns_pid
	offers "$tool -o +pi" +pid +pidns +pidns_pid
	offers "$tool --json -u roo" root
	offers "corelets ex" execsnoop
	offers "corelets do" doctor
	offers "corelets opensnoop --gi" --given-path
	offers "corelets doctor --ca" --cache
	offers "corelets doctor ex" execsnoop
	start_sleeper "unseen-name"
	offers "$tool -n comm,unseen" comm,unseen-name
	offers "$tool --name unseen" unseen-name
	touch "$here/only-this.btf"
	offers "$tool --btf $here/onl" "$here/only-this.btf"
	offers "$tool -d " ''
	# Not the tool's options, but the command's own completion.
	cat >"$here/command-of-this" <<<'#!/bin/sh'
	chmod +x "$here/command-of-this"
	offers "$tool --json -- $here/command-o" "$here/command-of-this"
	# Every option that the tool has.
	mapfile -t options < <("$TOOLS/execsnoop" --describe options |
		awk -F '\t' '$1 == "own" || $1 == "common" { print "--" $3 }')
	[[ ${#options[@]} -gt 20 ]]
	offers "$tool --" "${options[@]}"
}

@test "bash completes" {
	need_command python3
	[[ -e /usr/share/bash-completion/bash_completion ]] || skip "no bash-completion here"
	common_cases
	offers "corelets-execsnoop --columns=comm,pi" --columns=comm,pid comm,pidns comm,pidns_pid
	make_cgroup "complete-$$"
	if [[ $cgroup ]]; then
		offers "corelets-execsnoop -c complete-$$" "complete-$$/"
		offers "corelets-execsnoop -c $cgroup" "$cgroup/"
	fi
	check bash
}

@test "zsh completes" {
	need_command python3
	need_command zsh
	common_cases
	offers "corelets-execsnoop --columns=comm,pi" --columns=comm,pid --columns=comm,pidns \
		--columns=comm,pidns_pid
	make_cgroup "complete-$$"
	if [[ $cgroup ]]; then
		offers "corelets-execsnoop -c complete-$$" "complete-$$"
		offers "corelets-execsnoop -c $cgroup" "$cgroup"
	fi
	check zsh
}

@test "fish completes" {
	need_command python3
	need_command fish
	common_cases
	offers "corelets-execsnoop --columns=comm,pi" --columns=comm,pid --columns=comm,pidns \
		--columns=comm,pidns_pid
	make_cgroup "complete-$$"
	if [[ $cgroup ]]; then
		offers "corelets-execsnoop -c complete-$$" "complete-$$/"
		offers "corelets-execsnoop -c $cgroup" "$cgroup/"
	fi
	check fish
}

@test "processes and threads are offered by number, also after a comma" {
	local shell
	need_command python3
	start_sleeper "unseen-name"
	for shell in bash zsh fish; do
		command -v "$shell" >/dev/null || continue
		run "$BATS_TEST_DIRNAME/complete" "$shell" "$ROOT" "corelets-execsnoop -p $sleeper" \
			"corelets-execsnoop --tid 1,$sleeper"
		assert_success
		assert_line --index 0 --regexp "(^| )$sleeper( |$)"
		assert_line --index 1 --regexp "(^| )1,$sleeper( |$)"
	done
}

@test "the words that are offered are taken" {
	local tool kind name words word count=0
	for tool in "$TOP"/tools/*.c; do
		tool=$(basename "$tool" .c)
		"$TOOLS/$tool" --describe options >"$here/options"
		# Tabs are blanks for read, which would join empty fields.
		while IFS='|' read -r kind _ name _ words _; do
			[[ $kind == own || $kind == common ]] || continue
			for word in $words; do
				run "$TOOLS/$tool" "--$name" "$word" --help
				assert_success
				count=$((count + 1))
			done
		done < <(tr '\t' '|' <"$here/options")
	done
	[[ $count -gt 5 ]]
}
