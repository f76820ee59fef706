#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# execsnoop: every exec, whichever way, once, with its arguments whole.  Everything is
# checked against what the workload itself says, and once more for every fallback.
#
# shellcheck disable=SC2016,SC2317,SC2030,SC2031,SC2154 # dollars for jq, functions called by
# name, a process for each test, variables of helpers.bash

load ../helpers

# What is left out: nothing, or the best attach points, so that the next ones are taken.
# The last ones show neither the script nor argc.
variants=("" "tp_btf" "tp_btf,raw_tp")
# The same, and without task storage, where something is remembered from the entry of a call.
in_flight=("${variants[@]}" "tp_btf,raw_tp,task_storage")

setup_file()
{
	bats_require_minimum_version 1.5.0
}

setup()
{
	need_root
	DIR=$(realpath "$BATS_TEST_TMPDIR")/files
	mkdir "$DIR"
}

each()
{
	each_without "${variants[@]}" -- "$@"
}

classic()
{
	[[ ${CORELETS_WITHOUT-} == *raw_tp* ]]
}

# What the workload says in the words of the tool.
as_expected='
	def bytes($k): if .[$k + "_hex"] then .[$k + "_hex"] else .[$k] end;
	def memfd: (.exe // "") | startswith("/memfd:");
	def expected: {
		pid, tid: .pid, ppid, uid: (.uid // 0), ret,
		exe: (if .ret < 0 then bytes("path") else .exe | rtrimstr(" (deleted)") end),
		deleted: (.ret >= 0 and (.exe | endswith(" (deleted)")) and (memfd | not)),
		unreachable: memfd,
		script: (if $classic or .ret < 0 then null
			elif .mode == "script" then .path
			elif .way == "memfd-script" then .args[2] else null end),
		argc: (if $classic and .ret >= 0 then null else .argc // 2 end),
		args_len: (.args_bytes // 9),
		args: (if has("args") then bytes("args") else ["noop", "one"] end)
	};
	def seen: {
		pid, tid, ppid, uid, ret, exe: bytes("exe"),
		deleted: (.exe_deleted // false), unreachable: (.exe_unreachable // false),
		script, argc, args_len, args: bytes("args")
	};
	def count(f): reduce f as $x ({}; .[$x | tojson] += 1);
	def expand: (.times // 1) as $n | range($n);
'

# assert_told [FILTER]: the tool told of the execs that the workload did (FILTER: of those only),
# each as often, with exactly these values; of the workload itself; and of nothing else.
assert_told()
{
	local run classic=false
	if classic; then
		classic=true
	fi
	run=$(jq -n --slurpfile did "$DID" --slurpfile out "$OUT" --argjson classic "$classic" \
		--arg workloads "$(realpath "$WORKLOADS")" "$as_expected"'
		[$out[] | select(.type == "exec")] as $events
		| [$did[] | select(.what | startswith("exec")) | select('"${1:-.ret == 0}"')] as $execs
		| count($execs[] | (expand as $i | .) | expected) as $want
		| count($events[1:][] | seen) as $have
		| { missing: ($want | with_entries(select($have[.key] != .value))),
		    other: ($have | with_entries(select($want[.key] != .value))),
		    first: $events[0].exe, execs: ($execs | length) }
		| if .missing == {} and .other == {} and .execs > 0 and (.first | startswith($workloads + "/"))
			then "as it says" else . end
	')
	if [[ $run != '"as it says"' ]]; then
		fail "not as the workload says:
$(cut -c 1-3000 <<<"$run")
$(show_output)"
	fi
	assert_lost 0
}

# The tool with every column, on a workload.
told()
{
	trace execsnoop -o all -- "$@"
	assert_told
}

told_all()
{
	trace execsnoop -x -o all -- "$@"
	assert_told true
}

# ---- ways to execute ----

@test "plain: each exactly once, with exe, args, comm, pid, ppid, pcomm, uid and ret" {
	check()
	{
		told exec plain --times 7 --uid 12345 -- one "two words" ""
		assert_events 7 '.args == ["noop", "one", "two words", ""] and .uid == 12345 and .gid == 12345
			and .comm == "exec" and .pcomm == "exec" and .ret == 0'
		assert_events 1 '.pcomm == "execsnoop" and .uid == 0'
		assert_events 8 '.depth == null'
		strict_json "$OUT"
	}
	each check
}

@test "by default: the columns that are promised" {
	check()
	{
		trace execsnoop -- exec plain
		assert_events 2 'keys - ["time", "boot_ns", "type"] ==
			["args", "comm", "exe", "pcomm", "pid", "ppid", "ret", "script", "tid", "uid"]'
		assert_events 2
	}
	each check
}

@test "execveat: of a directory, with an empty path, of a memfd, of a script in one" {
	check()
	{
		told exec execveat dirfd empty memfd memfd-script --times 3
		assert_events 3 '.exe == "/memfd:workload" and .exe_unreachable == true and .args == ["noop", "one"]'
		told_all exec execveat dirfd empty memfd memfd-script memfd-script-cloexec --times 2
		assert_events 2 '.ret == -2'
	}
	each check
}

@test "-x: arguments that the kernel itself had not read yet come whole, or are said to be unread" {
	check()
	{
		trace execsnoop -x -- exec execveat nofollow
		assert_events 1 '.ret == -40 and (.exe | endswith("/link"))'
		if [[ $(count_events '.ret == -40 and .args == ["noop", "one"]') -eq 0 ]]; then
			assert_events 1 '.ret == -40 and .args == null'
			assert_lost 1
		fi
	}
	each check
}

@test "by a thread that is not the leader: one event, whose tid is the process's" {
	check()
	{
		told exec thread --times 5
		assert_events 5 '.args == ["noop", "thread"] and .tid == .pid'
		# It was not the leader that called.
		assert_equal "$(did 'select(.tid != .pid)' | wc -l)" 5
		told_all exec thread --times 5
	}
	each check
}

@test "int 0x80 of a 64-bit program: execve and execveat, success and failure" {
	check()
	{
		told exec int80 execve execveat --times 3
		told_all exec int80 --times 3
		assert_events 3 '.ret == -2 and .args == ["noop", "one", "two words"]'
	}
	each check
}

@test "a 32-bit program executes itself" {
	"$WORKLOADS/ia32" noop || skip "this kernel runs no 32-bit programs"
	check()
	{
		told ia32 exec 4
		assert_events 4 '.args == ["noop", "one"] and (.exe | endswith("/ia32"))'
	}
	each check
}

@test "scripts: the script and its interpreter, also nested" {
	check()
	{
		told exec script --times 3
		if classic; then
			assert_events 7 '.script == null and .argc == null'
		else
			assert_events 3 '.script == '"$(did 'select(.way == "plain").path' | head -n 1)"' and .argc == 5'
			assert_events 3 '.script == '"$(did 'select(.way == "nested").path' | head -n 1)"' and .argc == 6'
		fi
	}
	each check
}

# ---- arguments ----

@test "300 bytes, 5,000 arguments, 60 KiB and 64 KiB come whole, each argument by itself" {
	check()
	{
		told exec args long many 60k 64k-1 64k
		assert_events 6 'has("args_truncated") | not'
		assert_events 1 '.args[1] | length == 300'
		assert_events 1 '(.args | length) == 5000 and .args[4999] == "4999"'
		assert_events 1 '.args_len == 61440'
		assert_events 1 '.args_len == 65536'
	}
	each check
}

@test "more than 64 KiB: cut, said so, and how long they were" {
	check()
	{
		trace execsnoop -o +argc,args_len -- exec args 64k+1 70000 1m
		assert_events 3 '.args_truncated == true'
		local n
		for n in 65537 70000 1048576; do
			assert_events 1 ".args_len == $n and .args_truncated == true"'
				and (.args | map(length + 1) | add) >= 65536'
		done
		# What is there is what it was, the last one up to where it was cut.
		jq -ne --slurpfile did "$DID" --slurpfile out "$OUT" '
			($did[] | select(.way == "70000")) as $d
			| ($out[] | select(.args_len? == 70000)) as $e
			| ($e.args | length) as $n
			| $e.args[:$n - 1] == $d.args[:$n - 1]
			and ($d.args[$n - 1] | startswith($e.args[-1]))'
		assert_lost 0
		if ! classic; then
			assert_events 1 '.argc == 1050'
		fi
	}
	each check
}

@test "no argument at all, as the kernel gives it to the program" {
	check()
	{
		told exec args empty --times 3
	}
	each check
}

@test "hostile arguments: exact bytes in JSON" {
	check()
	{
		told exec args hostile --times 2
		strict_json "$OUT"
		assert_events 2 '(.args_hex | length) == 57 and (.args | length) == 57 and .args[2] == "two words"
			and .args_hex[45] == "9b33316d" and .args[3] == "new\nline" and .args[1] == ""'
	}
	each check
}

@test "on the table: nothing but printable characters, and pasted into a shell the same command" {
	trace execsnoop -- exec args hostile
	run_tool execsnoop -T none --no-header -o args --output "$BATS_TEST_TMPDIR/table" -- \
		"$WORKLOADS/exec" args hostile
	assert_success
	assert_equal "$(wc -l <"$BATS_TEST_TMPDIR/table")" 2
	python3 - "$BATS_TEST_TMPDIR/table" <<-'END'
		import sys, unicodedata
		for c in open(sys.argv[1], "rb").read().decode("utf-8", "strict").replace("\n", ""):
		    assert unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"), c
	END
	mkdir "$DIR/bin"
	printf '#!/bin/bash\nprintf "%%s\\0" "$@"\n' >"$DIR/bin/noop"
	chmod +x "$DIR/bin/noop"
	cd "$DIR"
	PATH=$DIR/bin:$PATH bash -c "$(sed -n 2p "$BATS_TEST_TMPDIR/table")" >"$BATS_TEST_TMPDIR/have"
	jq -s '.[0].args_hex[1:]' "$DID" >"$BATS_TEST_TMPDIR/hex"
	python3 - "$BATS_TEST_TMPDIR/hex" "$BATS_TEST_TMPDIR/have" <<-'END'
		import json, sys
		want = [bytes.fromhex(a) for a in json.load(open(sys.argv[1]))]
		have = open(sys.argv[2], "rb").read().split(b"\0")
		assert have.pop() == b""
		assert have == want, [(w, h) for w, h in zip(want, have) if w != h]
	END
}

# ---- paths ----

@test "exe: 4,000 bytes, through symlinks, relative, of a deleted file" {
	check()
	{
		told exec path --times 2
		assert_events 4 '(.exe | length) > 3990 and (has("exe_truncated") | not)'
		assert_events 2 '.exe_deleted == true'
		assert_events 2 '.comm == "second" and (.exe | endswith("/exec"))'
	}
	each check
}

@test "exe and cwd inside a chroot start at the process's root" {
	check()
	{
		told exec chroot --times 3
		assert_events 3 '.exe == "/bin/program" and .cwd == "/"'
	}
	each check
}

@test "a PID namespace: its number, and the process's number inside" {
	check()
	{
		trace execsnoop -o all -- exec pidns --times 3
		# The processes are numbered as we see them, their parent too.
		assert_told
		jq -ne --slurpfile did "$DID" --slurpfile out "$OUT" '
			($did[] | select(.what == "pidns").pidns) as $ns
			| [$did[] | select(.ns_pid) | [.pid, .ns_pid, $ns]] as $want
			| $want == [$out[] | select(.type == "exec") | select(.pidns == $ns) | [.pid, .pidns_pid, .pidns]]
			and ($want | length) == 3'
		assert_events 1 '.pidns == '"$(stat -Lc %i /proc/self/ns/pid)"' and .pidns_pid == .pid'
	}
	each check
}

# ---- columns on request ----

# in_shell SCRIPT: the tool with every column; SCRIPT, in a shell, has the workload as $1.
in_shell()
{
	run_tool execsnoop --json --output "$BATS_TEST_TMPDIR/events" -o all -- sh -c "$1" sh "$WORKLOADS/exec" "${@:2}"
	DID=$OUT
	OUT=$BATS_TEST_TMPDIR/events
	assert_success
	assert_lost 0
}

@test "cwd, also a deleted one" {
	check()
	{
		mkdir -p "$DIR/here" "$DIR/gone"
		in_shell 'cd "$2/here" && "$1" plain --times 3 >&2; cd "$2/gone" && rmdir "$2/gone" && exec "$1" plain --times 2' "$DIR"
		assert_events 4 '.cwd == "'"$DIR"'/here" and (has("cwd_deleted") | not)'
		assert_events 2 '.args == ["noop"] and .cwd == "'"$DIR"'/gone" and .cwd_deleted == true'
	}
	each check
}

@test "gid, session leader, login user and session as /proc has them" {
	check()
	{
		in_shell 'cat /proc/self/loginuid; echo; cat /proc/self/sessionid; echo; "$1" plain --uid 77 --times 2 >&2
			exec setsid --wait sh -c '\''echo $$; exec "$0" plain --times 3 >&2'\'' "$1"'
		local loginuid session leader
		{ read -r loginuid; read -r session; read -r leader; } <"$DID"
		[[ $loginuid -ne 4294967295 ]] || loginuid=null
		[[ $session -ne 4294967295 ]] || session=null
		assert_events 2 '.args == ["noop"] and .gid == 77 and .loginuid == '"$loginuid"' and .session == '"$session"
		assert_events 3 '.args == ["noop"] and .sid == '"$leader"' and .gid == 0'
	}
	each check
}

@test "a login user that is set" {
	check()
	{
		in_shell 'echo 4321 >/proc/self/loginuid || exit 0; cat /proc/self/loginuid; echo; cat /proc/self/sessionid; echo
			exec "$1" plain --times 3 >&2'
		local loginuid session
		{ read -r loginuid && read -r session; } <"$DID" || skip "the login user cannot be set here: $output"
		assert_equal "$loginuid" 4321
		assert_events 3 '.args == ["noop"] and .loginuid == 4321 and .session == '"$session"
	}
	each check
}

@test "tty: the controlling terminal, and none" {
	need_command script
	check()
	{
		in_shell 'exec script -qec "tty; exec $1 plain --times 3" /dev/null'
		local name
		name=$(head -n 1 "$DID" | tr -d '\r')
		assert_events 3 '.args == ["noop"] and (.tty | gsub("/"; "")) == "'"$(tr -d / <<<"${name#/dev/}")"'"'
		in_shell 'exec setsid --wait "$1" plain --times 3'
		assert_events 3 '.args == ["noop"] and .tty == null'
	}
	each check
}

@test "a cgroup of its own: path and id" {
	local top cgroup
	top=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	[[ -n $top ]] || skip "no cgroup v2 is mounted"
	cgroup=$top/corelets-exec-$$
	mkdir -p "$cgroup/inner/most" || skip "no cgroup can be made here"
	check()
	{
		in_shell 'echo $$ >"$2/inner/most/cgroup.procs" && exec "$1" plain --times 3' "$cgroup"
		assert_events 3 '.args == ["noop"] and .cgroup == "'"${cgroup#"$top"}"'/inner/most"
			and .cgroup_id == '"$(stat -c %i "$cgroup/inner/most")"
		run_tool execsnoop --json --output "$BATS_TEST_TMPDIR/events" -c "$cgroup" -- \
			sh -c 'echo $$ >"$2/inner/most/cgroup.procs" && exec "$1" plain --times 3' sh "$WORKLOADS/exec" "$cgroup"
		OUT=$BATS_TEST_TMPDIR/events
		assert_events 3 '.args == ["noop"]'
		assert_events 4
	}
	each check
	rmdir "$cgroup/inner/most" "$cgroup/inner" "$cgroup"
}

# ---- failures ----

@test "-x: every failure, with errno, what was asked for, and its arguments" {
	check()
	{
		trace execsnoop -x -o all -- exec fail ENOENT EACCES ENOEXEC ELOOP ENOTDIR --times 3
		assert_told true
		trace execsnoop -x -o all -- exec fail E2BIG EFAULT ENAMETOOLONG --times 3
		assert_lost 0
		assert_events 13
		assert_events 3 '.ret == -14 and .exe == null and .args == ["noop", "one"] and .argc == 2'
		assert_events 3 '.ret == -14 and .exe != null and (.exe | endswith("/exec")) and .args == ["noop"] and .args_truncated == true
			and .argc == null'
		assert_events 3 '.ret == -36 and .exe_truncated == true and (.exe | length) == 4095'
		assert_events 3 '.ret == -7 and .args_truncated == true and .args[0] == "noop" and (.args[1] | test("^x+$"))'
	}
	each_without "${in_flight[@]}" -- check
}

@test "-x: many processes that fail at once, and then do not" {
	check()
	{
		run_tool execsnoop -x --json --output "$BATS_TEST_TMPDIR/events" -- sh -c '
			for i in 1 2 3 4; do
				"$1" fail ENOENT --times 500 >/dev/null &
			done
			wait
			"$1" burst --times 50 >/dev/null' sh "$WORKLOADS/exec"
		OUT=$BATS_TEST_TMPDIR/events
		assert_success
		assert_events 2000 '.ret == -2 and .args == ["noop", "one"]'
		assert_events 50 '.ret == 0 and .args[0] == "noop"'
		assert_events 2056
		assert_lost 0
	}
	each_without "${in_flight[@]}" -- check
}

@test "-x: args_len is never less than it was" {
	trace execsnoop -x -o +args_len -- exec fail E2BIG --times 1
	assert_events 1 '.ret == -7 and (.args_len == null or .args_len == 131078)'
}

@test "without -x: no failures" {
	check()
	{
		trace execsnoop -- exec fail --times 3
		assert_events 1
		assert_lost 0
	}
	each check
}

# ---- options ----

@test "--max-args: so many, said so, and what there was is still counted" {
	check()
	{
		local n
		for n in 1 3 5; do
			trace execsnoop --max-args "$n" -o args,argc,args_len -- exec plain --times 2 -- a "b c" d e
			assert_events 2 '.args == (["noop", "a", "b c", "d", "e"] | .[:'"$n"']) and .args_len == 15
				and (.args_truncated // false) == '"$([[ $n -lt 5 ]] && echo true || echo false)"
			if ! classic; then
				assert_events 2 '.argc == 5'
			fi
		done
	}
	each check
}

@test "--args-contains: part of the arguments joined by blanks" {
	check()
	{
		local n text
		while read -r n text; do
			trace execsnoop --args-contains "$text" -- exec plain --times 3 --program "$WORKLOADS/sleeper" -- \
				noop 'two words' last
			assert_events "$n" '.args[1] == "noop" and .args[3] == "last"'
		done <<-'END'
			3 two words
			3 noop two w
			3 words last
			3 last
			0 lastx
			0 words  last
			0 Two
		END
	}
	each check
}

@test "--tree: depth within what is traced, and indentation on the table" {
	check()
	{
		local i
		trace execsnoop --tree -o depth,args -- exec tree --depth 9
		assert_events 1 '.depth == 0 and .args[1] == "tree" and .args[2] == "--depth"'
		for i in {1..9}; do
			assert_events 1 ".depth == $i and .args[2] == \"$i\""
		done
		assert_events 10
		run_tool execsnoop --tree -T none --no-header -o args --output "$BATS_TEST_TMPDIR/table" -- \
			"$WORKLOADS/exec" tree --depth 9
		assert_success
		assert_equal "$(sed -nE 's/^( *)(exec tree ([0-9]) --depth 9)$/\1\3/p' "$BATS_TEST_TMPDIR/table")" \
			"$(for i in {1..9}; do printf '%*s%s\n' $((2 * i)) '' "$i"; done)"
	}
	each check
}

# ---- many at once ----

@test "200 short processes at once: as many as the kernel's own trace has, and each argument once" {
	check()
	{
		local program=$DIR/witnessed
		cp "$WORKLOADS/exec" "$program"
		unshare -m bash -euc '
			mkdir -p "$1/tracefs"
			mount -t tracefs none "$1/tracefs"
			instance=$1/tracefs/instances/corelets-$$
			mkdir "$instance"
			trap "echo 0 >\"$instance/tracing_on\"; rmdir \"$instance\"" EXIT
			echo 1 >"$instance/events/sched/sched_process_exec/enable"
			"$2/execsnoop" --json --output "$1/events" -- "$3" burst --times 200 --parallel 50 >"$1/did"
			cat "$instance/trace" >"$1/witness"
			cat "$instance"/per_cpu/*/stats >"$1/witness-stats"
		' bash "$DIR" "$TOOLS" "$program" 3>&- || fail "the tool, or tracefs"
		OUT=$DIR/events
		DID=$DIR/did
		# The witness lost nothing itself.
		run ! grep -E '^(overrun|dropped events): [^0]' "$DIR/witness-stats"
		sed -nE "s|.*sched_process_exec: filename=$program pid=([0-9]+).*|\\1|p" "$DIR/witness" | sort >"$DIR/pids"
		assert_equal "$(wc -l <"$DIR/pids")" 201
		events '.exe == "'"$program"'"' | jq .pid | sort | cmp - "$DIR/pids"
		assert_events 201
		assert_lost 0
		assert_equal "$(events '.args[0] == "noop"' | jq -r '.args[1]' | sort)" "$(seq -f 'burst-%05.0f' 0 199)"
		# And each by the process that the workload says.
		assert_equal "$(events '.args[0] == "noop"' | jq -r '"\(.pid) \(.args[1])"' | sort)" \
			"$(did 'select(.what == "execve")' | jq -r '"\(.pid) \(.args[1])"' | sort)"
	}
	each check
}

@test "a buffer of one page, while the tool is stopped: every one lost is counted" {
	check()
	{
		start_tool execsnoop --json --buffer 4096 -u 31313
		kill -STOP "$tool_pid"
		run_workload exec burst --times 300 --uid 31313
		kill -CONT "$tool_pid"
		stop_tool
		assert_success
		assert_events_plus_lost 300 '.args[0] == "noop" and .uid == 31313'
		[[ $(summary .lost) -gt 200 ]]
		assert_equal "$(summary .lost_by.ring_full)" "$(summary .lost)"
	}
	each check
}

@test "SIGTERM and SIGINT right after the last exec: nothing lost, all flushed, nothing left" {
	check()
	{
		local signal
		for signal in TERM INT; do
			start_tool execsnoop --json -u 31314
			# When the signal comes, it has not read a single one.
			kill -STOP "$tool_pid"
			run_workload exec burst --times 100 --uid 31314
			kill -s "$signal" "$tool_pid"
			stop_tool CONT
			assert_success
			assert_events 100
			assert_equal "$(events | jq -r '.args[1]' | sort -u | wc -l)" 100
			assert_lost 0
			no_leftovers
		done
	}
	each check
}
