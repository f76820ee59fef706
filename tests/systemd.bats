#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Tools for those who are not root: corelets@.service as a real systemd runs it (tests/systemd-boot),
# and the example for sudo.

# shellcheck disable=SC2030,SC2031,SC2153,SC2154 # a process for each test; names of helpers.bash

load helpers

setup_file()
{
	[[ -z ${VM_GUEST-} ]] || skip "nothing is built in the guest"
	export ROOT=$BATS_FILE_TMPDIR/root
	mkdir -p "$ROOT/units"
	make -C "$TOP" WERROR=1 BUILD="$TOOLS" DESTDIR="$ROOT" PREFIX=/usr TOOL_PREFIX=corelets- install
	export UNITS=$ROOT/usr/lib/systemd/system EXAMPLES=$ROOT/usr/share/doc/corelets/examples
	if [[ $EUID -ne 0 || ! -x /lib/systemd/systemd ]] || ! findmnt -n -t cgroup2 >/dev/null; then
		return 0
	fi
	# What journald and services depend on, no more.
	for unit in systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket \
		sysinit.target basic.target shutdown.target; do
		cp "/lib/systemd/system/$unit" "$ROOT/units"
	done
	printf '[Unit]\nWants=systemd-journald.service\n' >"$ROOT/units/test.target"
	install -D "$WORKLOADS/sample-work" "$ROOT/usr/bin/sample-work"
	cp "$UNITS/corelets@.service" "$ROOT/units"
	"$TOP/tests/systemd-boot" "$ROOT" >"$BATS_FILE_TMPDIR/boot" 2>&1 3>&- &
	export BOOT=$!
	wait_until booted || true
}

no_cgroup()
{
	find "$1" -depth -type d -exec rmdir {} + 2>/dev/null
	[[ ! -d $1 ]]
}

teardown_file()
{
	if [[ ${BOOT-} ]] && kill -KILL "$BOOT" 2>/dev/null; then
		wait_until no_cgroup "$(findmnt -n -t cgroup2 -o TARGET | head -n 1)/corelets-systemd-boot"
	fi
}

setup()
{
	tools=()
	for tool in "$TOP"/tools/*.c; do
		tools+=("$(basename "$tool" .c)")
	done
	here=$BATS_TEST_TMPDIR
}

teardown()
{
	if [[ ${INIT-} ]]; then
		inside systemctl stop 'corelets@*'
		inside rm -rf /etc/corelets
		inside find /units -name 'corelets@*.d' -exec rm -r {} +
	fi
}

# Process 1 of the booted systemd, as this machine numbers it; status 0 once the journal is there.
booted()
{
	process_ended "$BOOT" && return
	INIT=$(pgrep -P "$BOOT" -x systemd) && [[ -S /proc/$INIT/root/run/systemd/journal/stdout ]]
}

# For tests that need it, as $INIT.
need_systemd()
{
	need_root
	[[ ${BOOT-} ]] || skip "no systemd, or no cgroup v2 here"
	if process_ended "$BOOT"; then
		fail "systemd does not run: $(<"$BATS_FILE_TMPDIR/boot")"
	fi
	booted
}

# inside COMMAND...: within the booted system.
inside()
{
	timeout 30 nsenter -t "$INIT" --all --wd=/ "$@"
}

# start TOOL [LINE]: as a service, with that line in its configuration; $OUT is its journal.
start()
{
	tool=$1
	OUT=$here/$tool.json
	if [[ ${2-} ]]; then
		mkdir -p "/proc/$INIT/root/etc/corelets"
		echo "$2" >"/proc/$INIT/root/etc/corelets/$tool.conf"
	fi
	since=$(date +%s.%N)
	inside systemctl start "corelets@$tool"
	wait_until told attached || fail "$tool is not attached: $(<"$OUT")"
	# As this machine numbers it: the last to be started.
	service=$(pgrep -P "$INIT" -n)
	assert_equal "$(process_status "$service" NSpid | cut -f 2)" \
		"$(inside systemctl show -P MainPID "corelets@$tool")"
}

told()
{
	inside journalctl -q -o cat --since "@$since" "_SYSTEMD_UNIT=corelets@$tool.service" >"$OUT"
	grep -q "^{\"type\":\"$1\"" "$OUT"
}

# Ends it as systemd does: everything is told, and it has not failed.
stop()
{
	inside systemctl stop "corelets@$tool"
	wait_until told summary || fail "$tool told no summary: $(<"$OUT")"
	run inside systemctl show -P Result "corelets@$tool"
	assert_output success
	assert_lost 0
}

with_example()
{
	local dir=/proc/$INIT/root/units/corelets@$1.service.d
	mkdir "$dir"
	cp "$EXAMPLES/$1.conf" "$dir"
	inside systemctl daemon-reload
}

# ---- the unit ----

@test "systemd has nothing to say about the unit, nor about the examples that add to it" {
	need_command systemd-analyze
	local path=$here/units
	mkdir -p "$path"
	sed "s,/usr/sbin,$ROOT/usr/sbin," "$UNITS/corelets@.service" >"$path/corelets@.service"
	for tool in "${tools[@]}"; do
		if [[ -e $EXAMPLES/$tool.conf ]]; then
			mkdir "$path/corelets@$tool.service.d"
			cp "$EXAMPLES/$tool.conf" "$path/corelets@$tool.service.d"
		fi
		run systemd-analyze verify --man=no "$path/corelets@$tool.service"
		assert_success
		assert_output ''
	done
}

@test "its exposure is not above what SECURITY.md says" {
	need_command systemd-analyze
	local name said
	for name in corelets@ perf-sample.conf bpfload-watch.conf; do
		cp "$UNITS/corelets@.service" "$here"
		mkdir -p "$here/corelets@.service.d"
		if [[ $name == *.conf ]]; then
			cp "$EXAMPLES/$name" "$here/corelets@.service.d/example.conf"
			said=$(grep -oP "\`$name\` \(rated \K[0-9.]+" "$TOP/SECURITY.md")
		else
			said=$(grep -oP "security\` rates this unit \K[0-9.]+" "$TOP/SECURITY.md")
		fi
		run systemd-analyze security --no-pager --offline=true "$here/corelets@.service"
		# Other versions of systemd weigh a little differently.
		run sed -nE "s/^→ Overall exposure level for corelets@.*: ([0-9.]+) .*/\1 $said/p" <<<"$output"
		[[ $output =~ ^[0-9.]+\ [0-9.]+$ ]] && awk '$1 > $2 { exit 1 }' <<<"$output" ||
			fail "$name: not rated: $output"
	done
}

@test "each tool runs as a service: not as root, in a sandbox, with no capabilities left once attached" {
	need_systemd
	for tool in "${tools[@]}"; do
		start "$tool" "OPTIONS=-n nobody-at-all"
		[[ $(process_status "$service" Uid | cut -f 2) -ge 61184 ]] # a dynamic user
		assert_equal "$(process_status "$service" NoNewPrivs)" 1
		assert_equal "$(process_status "$service" Seccomp)" 2
		assert_equal "$((0x$(process_status "$service" CapBnd)))" $((1 << 38 | 1 << 39))
		# bpfload-watch asks about objects by id, as far as it may.
		assert_equal "$((0x$(process_status "$service" CapEff)))" \
			"$([[ $tool == bpfload-watch ]] && echo $((1 << 39)) || echo 0)"
		# Its own view of the machine.
		run awk '$5 == "/" { print $6 }' "/proc/$service/mountinfo"
		assert_output --regexp '^ro(,|$)'
		run ls -A "/proc/$service/root/home" "/proc/$service/root/root"
		assert_output --partial "/home:"
		[[ $(wc -w <<<"$output") -eq 2 ]]
		run awk -F : 'NR > 2 { gsub(/ /, "", $1); print $1 }' "/proc/$service/net/dev"
		assert_output lo
		stop
	done
}

@test "services see what happens on the machine, and lose nothing" {
	need_systemd
	start execsnoop "OPTIONS=-n seen-by-unit"
	cp /bin/true "$here/seen-by-unit"
	for ((i = 0; i < 50; i++)); do
		"$here/seen-by-unit" "number $i"
	done
	stop
	assert_equal "$(events '.args[1] | startswith("number ")' | jq -s 'map(.args[1]) | unique | length')" 50
	# Outside of the service's PID namespace, so without a number that it could tell.
	assert_events 50 '.pid == 0'

	start opensnoop "OPTIONS=-x --path-prefix /nonexistent/"
	run_workload open --times 23 /nonexistent/seen-by-unit
	stop
	assert_events 23 '.path == "/nonexistent/seen-by-unit" and .ret == -2'

	start bpfload-watch "OPTIONS=-n execsnoop"
	run_tool execsnoop -d 10ms
	assert_success
	OUT=$here/bpfload-watch.json
	stop
	assert_events 1 '.cmd == "PROG_LOAD" and .prog_name == "exec_done" and .ret > 0'

	start perf-sample "OPTIONS=-n sample-work"
	run_workload sample-work shares --ms 300
	stop
	# Times 99 a second, of one CPU.
	run jq -s 'map(select(.type == "stack").samples) | add | . > 15 and . < 45' "$OUT"
	assert_output true
}

@test "--output goes into the service's own directory, which nobody else reads" {
	need_systemd
	local file=/proc/$INIT/root/var/lib/private/corelets/execsnoop/events.jsonl
	mkdir -p "/proc/$INIT/root/etc/corelets"
	echo 'OPTIONS=-n in-a-file --output events.jsonl' >"/proc/$INIT/root/etc/corelets/execsnoop.conf"
	inside systemctl start corelets@execsnoop
	wait_until grep -qs '"attached"' "$file"
	cp /bin/true "$here/in-a-file"
	"$here/in-a-file"
	inside systemctl stop corelets@execsnoop
	OUT=$file
	assert_events 1 '.comm == "in-a-file"'
	assert_equal "$(stat -c %a "$file" "$(dirname "$file")" | paste -sd ' ')" "600 700"
	run inside setpriv --reuid 65534 --regid 65534 --clear-groups cat /var/lib/corelets/execsnoop/events.jsonl
	assert_failure
}

@test "what cannot work is not tried again and again" {
	need_systemd
	mkdir -p "/proc/$INIT/root/etc/corelets"
	echo 'OPTIONS=--nonsense' >"/proc/$INIT/root/etc/corelets/execsnoop.conf"
	inside systemctl start corelets@execsnoop
	wait_until inside systemctl is-failed -q corelets@execsnoop
	run inside systemctl show -p ExecMainStatus -p NRestarts corelets@execsnoop
	assert_line ExecMainStatus=2
	assert_line NRestarts=0
	inside systemctl reset-failed corelets@execsnoop
}

@test "perf-sample.conf: names of the kernel's functions, and of other users' programs" {
	need_systemd
	local with mode
	for with in '' example; do
		if [[ $with ]]; then
			with_example perf-sample
		fi
		start perf-sample "OPTIONS=-n sample-work"
		for mode in kernel shares; do
			inside setpriv --reuid 65534 --regid 65534 --clear-groups sample-work "$mode" --ms 200
		done
		stop
		run jq -s 'map(select(.type == "stack").frames[]) |
			(any(.kind == "kernel" and .name != null)), any(.name == "three")' "$OUT"
		assert_output "$([[ $with ]] && echo true || echo false)
$([[ $with ]] && echo true || echo false)"
	done
}

@test "bpfload-watch.conf: what is asked by id, and ends" {
	need_systemd
	local with
	for with in '' example; do
		if [[ $with ]]; then
			with_example bpfload-watch
		fi
		start bpfload-watch "OPTIONS=-n execsnoop"
		run_tool execsnoop -d 300ms
		OUT=$here/bpfload-watch.json
		stop
		run jq -s 'map(select(.type == "bpf")) | any(.cmd == "PROG_LOAD" and (.helpers | length) > 0),
			any(.cmd == "LINK_END")' "$OUT"
		assert_output "$([[ $with ]] && echo true || echo false)
$([[ $with ]] && echo true || echo false)"
	done
}

# ---- sudo ----

# may COMMAND ARGUMENT...: whether sudo would run it for a member of the group.
may()
{
	# shellcheck disable=SC2016 # expanded inside
	unshare --mount --propagation private sh -c '
		mount --bind "$0/sudoers" /etc/sudoers && mount --bind "$0/passwd" /etc/passwd &&
		mount --bind "$0/group" /etc/group && mount --bind "$1" /usr/sbin && shift &&
		sudo -l -U corelets-tester "$@"' "$here" "$ROOT/usr/sbin" "$@"
}

@test "the sudoers example: these command lines, and no other" {
	local example=$EXAMPLES/sudoers.d-example line
	need_command visudo
	run visudo -cf "$example"
	assert_success
	need_root
	need_command sudo
	install -m 440 "$example" "$here/sudoers"
	{ cat /etc/passwd; echo corelets-tester:x:61235:61235::/:/bin/sh; } >"$here/passwd"
	{ cat /etc/group; echo corelets:x:61235:corelets-tester; } >"$here/group"
	for line in corelets-execsnoop "corelets-execsnoop --json" "corelets-opensnoop --failed"; do
		# shellcheck disable=SC2086 # words
		run may /usr/sbin/$line
		assert_success
		assert_output "/usr/sbin/$line"
	done
	for line in "corelets-execsnoop -- /bin/sh" "corelets-execsnoop --json -- /bin/sh" \
		"corelets-execsnoop --json --output /etc/passwd" "corelets-opensnoop --outp=/etc/passwd" \
		"corelets-execsnoop --json --btf /etc/shadow" corelets-perf-sample corelets \
		"corelets execsnoop"; do
		# shellcheck disable=SC2086 # words
		run may /usr/sbin/$line
		assert_failure 1
		assert_output ''
	done
	need_command systemctl
	run may /usr/bin/systemctl start corelets@execsnoop.service
	assert_success
	for line in "start corelets@perf-sample.service" "status corelets@execsnoop.service" \
		"start corelets@execsnoop.service ssh.service" "edit corelets@execsnoop.service"; do
		# shellcheck disable=SC2086 # words
		run may /usr/bin/systemctl $line
		assert_failure 1
	done
}
