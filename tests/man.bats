#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Man pages: well-formed, complete, and what they say can be done can be done.

load helpers

# shellcheck disable=SC2153 # TOOLS is no misspelling
setup_file()
{
	[[ -z ${VM_GUEST-} ]] || skip "nothing is built in the guest"
	export PATH=$PATH:/usr/sbin
	make -C "$TOP" WERROR=1 BUILD="$TOOLS" man
}

setup()
{
	here=$BATS_TEST_TMPDIR
	man=$TOOLS/man
	tools=()
	for tool in "$TOP"/tools/*.c; do
		tools+=("$(basename "$tool" .c)")
	done
}

teardown()
{
	if [[ ${cgroup-} ]]; then
		rmdir "$cgroup"
		rmdir --ignore-fail-on-non-empty "${cgroup%/*}"
	fi
	if [[ ${server-} ]]; then
		kill "$server"
	fi
}

# section PAGE NAME: its lines.
section()
{
	sed -n "/^\.SH \"\?$2\"\?\$/,/^\.SH/{/^\.SH/!p}" "$man/$1"
}

# plain PAGE: it, without the marks of roff.
plain()
{
	sed 's/\\f[BIR]//g; s/\\//g' "$man/$1"
}

# The options that a page explains, in the order of the alphabet.
explained()
{
	sed -n '/^\.TP$/{n;/^\\fB\\-/{s/\\f[BIR]//g;s/\\//g;p}}' "$man/$1" |
		grep -oE '(^|, )--?[a-zA-Z-]+' | sed 's/, //' | sort -u
}

# listed COMMAND...: the options that its --help lists.
listed()
{
	"$@" --help | grep -oE -- '^  (-.,| {3}) --[a-z-]+' | grep -oE -- '-(-[a-z-]+|[a-zA-Z])' | sort -u
}

@test "every tool has a page, and the suite two" {
	run ls "$man"
	assert_output "$(printf '%s\n' corelets.7 corelets.8 "${tools[@]/%/.8}" | sort)"
}

@test "mandoc has nothing to say about them" {
	need_command mandoc
	run mandoc -Tlint -Wall "$man"/*
	assert_success
	assert_output ''
}

@test "nor has groff" {
	need_command groff
	run groff -man -ww -b -z -rLL=80n -Tutf8 -Kutf8 "$man"/*
	assert_success
	assert_output ''
}

@test "they say nothing of the machine that they were made on, and carry version and date" {
	local page
	for page in "$man"/*; do
		grep -qE '^\.TH [A-Z-]+ [78] "20[0-9-]{8}" "corelets [0-9.]+" corelets$' "$page"
		run grep -nE "@|$TOP|$TOOLS|$(uname -r)" "$page"
		assert_failure 1
	done
}

@test "every tool's page has all that a page should have" {
	local name
	for tool in "${tools[@]}"; do
		echo "--- $tool"
		for name in NAME SYNOPSIS DESCRIPTION OPTIONS FIELDS EXAMPLES "EXIT STATUS" PRIVILEGES \
			OVERHEAD CAVEATS "SEE ALSO"; do
			[[ $(section "$tool.8" "$name" | wc -w) -gt 3 ]] || fail "nothing in $name"
		done
		if "$TOOLS/$tool" --help | grep '^Columns' >/dev/null; then
			run bash -c "'$TOOLS/$tool' --help | sed -n '/^Columns/,/^\$/s/^  \([a-z_]*\).*/\1/p'"
			assert_output "$(section "$tool.8" COLUMNS | sed -n 's/^\\fB\([a-z_]*\)\\fR$/\1/p')"
		fi
	done
}

@test "pages explain the options of --help, and no others" {
	for tool in "${tools[@]}"; do
		run explained "$tool.8"
		assert_output "$(listed "$TOOLS/$tool")"
	done
	run explained corelets.8
	assert_output "$(sort -u <(listed "$TOOLS/corelets") <(listed "$TOOLS/corelets" doctor))"
}

@test "corelets(7) tells of every option that all tools have, and of no others" {
	local kind letter name
	while IFS='|' read -r kind letter name _; do
		[[ $kind == common ]] || continue
		plain corelets.7 | grep -E -- "--$name\b${letter:+|-$letter\b}" >/dev/null ||
			fail "nothing about --$name"
	done < <("$TOOLS/execsnoop" --describe options | tr '\t' '|')
	while read -r name; do
		"$TOOLS/execsnoop" --help | grep -E -- " $name( |\$)" >/dev/null || fail "$name"
	done < <(plain corelets.7 | grep -oE -- '--[a-z][a-z-]*' | grep -vx -e --cache | sort -u)
}

# has_fields PAGE: all keys in the JSON of standard input are in italics in FIELDS.
has_fields()
{
	local key
	while read -r key; do
		section "$1" FIELDS | grep -E "^\.(I|IR) .*\b$key\b|\b$key\b.*, *$" >/dev/null || fail "nothing about $key"
	done < <(jq -r '.. | objects | keys[]' | sort -u | grep -vx type)
}

@test "what is no column of a table is among the fields" {
	need_root
	run_tool perf-sample --json --output "$here/json" -- "$WORKLOADS/sample-work" shares --ms 100
	assert_success
	grep -E '"type":"(stack|profile)"' "$here/json" | jq -c 'del(.unnamed)' >"$here/keys"
	[[ $(wc -l <"$here/keys") -gt 1 ]]
	has_fields perf-sample.8 <"$here/keys"
	run_tool corelets doctor --json perf-sample
	has_fields corelets.8 <"$OUT"
	has_fields corelets.8 <<<'{"type": "cache", "tool": 1, "made": 1, "text": 1}'
}

@test "the examples run" {
	need_root
	local page example count=0 root
	root=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
	[[ $root ]] || skip "no cgroup v2 here"
	cgroup=$root/system.slice/nginx.service
	mkdir -p "$cgroup"
	cd "$here"
	ln -s /bin/true server
	ln -s /bin/true my-loader
	sleep 60 3>&- &
	server=$!
	export PATH=$TOOLS:$PATH CORELETS_CACHE=$here/cache
	for page in "$man"/*.8; do
		while read -r example; do
			echo "--- $example"
			# Not as long as a reader would have it run.
			example=$(sed -E "s/ -d [0-9]+m?( |\$)/ -d 50ms\\1/; s/-p 1234/-p $server/" <<<"$example")
			if [[ $example != *" -d "* && $example != *" -- "* && $example != *doctor* ]]; then
				example=$(sed -E 's/^([a-z-]+)/\1 -d 50ms/' <<<"$example")
			fi
			run timeout 20 bash -o pipefail -c "$example"
			# The command may fail, and do so on purpose; the tool may not.
			if [[ $status -ne 0 && ! ($example == *" -- cat "* && $status -eq 1) ]]; then
				fail "status $status: $output"
			fi
			count=$((count + 1))
		done < <(section "$(basename "$page")" EXAMPLES | sed -n '/^\.EX$/,/^\.EE$/s/^# //p' |
			sed 's/\\-/-/g; s/\\e/\\/g')
	done
	[[ $count -gt 15 ]]
}
