#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# opensnoop: every open, whichever way it was asked for, once, with what the kernel
# made of it.  Everything is checked against what the workload itself says, and once
# more for every fallback.
#
# shellcheck disable=SC2016,SC2317,SC2030,SC2031,SC2154 # dollars for jq, functions called by
# name, a process for each test, variables of helpers.bash

load ../helpers

# What is left out: nothing, or the best attach points, so that the next ones are taken.  The
# last ones have no arguments at the exit of a call.
variants=("" "tp_btf" "tp_btf,raw_tp")
# The same, and without task storage, where something is remembered from the entry.
in_flight=("${variants[@]}" "task_storage" "tp_btf,raw_tp,task_storage")
# Those that see io_uring.
uring=("" "tp_btf")

setup_file()
{
	need_root
}

setup()
{
	need_root
	DIR=$(realpath "$BATS_TEST_TMPDIR")/files
	mkdir "$DIR"
	echo x >"$DIR/file"
}

each()
{
	each_without "${variants[@]}" -- "$@"
}

# What the workload says in the words of the tool.  A path that the kernel calls
# "x (deleted)" is x, marked; what has no directory is marked as unreachable.
as_expected='
	def bytes($k): if .[$k + "_hex"] then .[$k + "_hex"] else .[$k] end;
	def type: {"file": "reg", "chr": "char", "blk": "block", "lnk": "link"}[.] // .;
	def gone: (.mode // "") != "hostile" and ((.path // "") | endswith(" (deleted)"));
	def expected: . as $d | {
		pid, tid, ppid, ret,
		call: (if .uring then "io_uring" elif .int80 then .call + "/32" else .call end),
		flags: (.flags | split("|") | sort),
		mode: (if .flags | test("O_CREAT|O_TMPFILE") then .mode else null end),
		given: bytes("given"),
		dev, ino, file_type: (.type // null | if . then type else . end),
		path: (if .ret >= 0 then bytes("path") | if $d | gone then rtrimstr(" (deleted)") else . end
			elif .given == null then null
			elif .given | startswith("/") then bytes("given")
			elif .errno == 9 then .given
			else (.dirfd // .cwd) + "/" + .given end),
		deleted: (.ret >= 0 and gone and (.path | startswith("/memfd:") | not)),
		unreachable: ((.path // "") | startswith("/memfd:")),
		truncated: false
	};
	def seen: {
		pid, tid, ppid, ret, call,
		flags: (.call as $c | .flags | split("|") | sort
			# What the kernel adds to every open of io_uring.
			| if $c == "io_uring" then . - ["O_LARGEFILE"] else . end),
		mode, given: bytes("given"), dev, ino, file_type, path: bytes("path"),
		deleted: (.path_deleted // false), unreachable: (.path_unreachable // false),
		truncated: (.path_truncated // .given_truncated // false)
	};
	# Of open-cases: mode is the name of the case there, and not printed here.
	def comparable: del(.mode);
	def count(f): reduce f as $x ({}; .[$x | tojson] += 1);
	def expand: .times as $n | range($n);
'

# assert_told [FILTER [KEYS]]: the tool told of exactly the opens that the workload did, each as
# often, with exactly these values, and of those that prepared; nothing else.
assert_told()
{
	local run
	run=$(jq -n --slurpfile did "$DID" --slurpfile out "$OUT" "$as_expected"'
		def keys_of: if any($did[]; has("way")) then comparable else . end;
		[$out[] | select(.type == "open")] as $events
		| [$did[] | select(.what == "open" and (.way as $w | ["too-long", "beyond"] | index($w) | not))] as $opens
		| [$did[] | select(.what == "setup")] as $setups
		| ($events | map(select([.pid, .tid, .given, .ret] as $e
			| .call == "openat" and (.flags | test("O_CLOEXEC"))
			  and any($setups[]; [.pid, .tid, .given, .ret] == $e)))) as $prepared
		| count($opens[] | (expand as $i | .) | expected | keys_of) as $want
		| count(($events - $prepared)[] | seen | keys_of) as $have
		| { missing: ($want | with_entries(select($have[.key] != .value))),
		    other: ($have | with_entries(select($want[.key] != .value))),
		    prepared: (($prepared | length) - ($setups | length)), opens: ($opens | length) }
		| if .missing == {} and .other == {} and .prepared == 0 and .opens > 0 then "as it says" else . end
	')
	if [[ $run != '"as it says"' ]]; then
		fail "not as the workload says:
$run
$(show_output)"
	fi
	assert_lost 0
}

# The tool with every column, on a workload.
told()
{
	trace opensnoop -o all -- "$@"
	assert_told
}

# ---- ways to open ----

@test "open, openat, openat2, creat: each exactly once, with ret, path, flags, mode and file" {
	check()
	{
		local call
		for call in $(native open openat openat2); do
			told open --call "$call" --times 5 --flags 'O_RDWR|O_CREAT|O_NOFOLLOW' --mode 0640 \
				--chdir "$DIR" "$DIR/file" file ../files/./file "$DIR/missing/x" missing/x
			assert_events 25 '.call == "'"$call"'" and .comm == "open" and .uid == 0 and .gid == 0 and .fixed == 0
				and if .ret >= 0 then .path == "'"$DIR"'/file" and .mode == "0640" and .file_type == "reg"
				else .ret == -2 and .path == "'"$DIR"'/missing/x" and .dev == null and .ino == null end'
		done
		for call in $(native creat); do
			told open --call creat --times 5 --mode 0604 "$DIR/file" "$DIR/new" "$DIR/missing/x"
			assert_events 15 '.call == "creat" and .flags == "O_WRONLY|O_CREAT|O_TRUNC" and .mode == "0604"'
			rm "$DIR/new"
		done
	}
	each check
}

@test "by default: comm, pid, call, root, ret and path, and the same events" {
	check()
	{
		trace opensnoop -- open --times 7 --comm opener "$DIR/file" "$DIR/missing"
		assert_lost 0
		assert_events 14 'keys - ["time", "boot_ns", "type"] == ["call", "comm", "path", "pid", "ret", "root"]'
		assert_events 7 '.comm == "opener" and .call == "openat" and .root == "/" and .ret == 3
			and .path == "'"$DIR"'/file"'
		assert_events 7 '.ret == -2 and .path == "'"$DIR"'/missing"'
		assert_events 14 '.pid == '"$(did 'select(.what == "open").pid' | head -n 1)"
	}
	each check
}

@test "time and boot_ns lie within the run, and rise" {
	check()
	{
		local before after
		before=$(date +%s%N)
		trace opensnoop -o all -- open --times 20 "$DIR/file"
		after=$(date +%s%N)
		jq -se --argjson before "$before" --argjson after "$after" 'map(select(.type == "open"))
			| length == 20 and (map(.boot_ns) | . == sort)
			and all(.[]; (.time | .[:19] + "Z" | fromdate) as $s
				| $s >= ($before / 1e9 | floor) and $s <= ($after / 1e9))' "$OUT"
	}
	each check
}

@test "every thread under its own number" {
	check()
	{
		# Making threads may open files of its own.
		trace opensnoop -o all --path-prefix "$DIR/" -- open --threads 4 --times 3 "$DIR/missing" "$DIR/file/x"
		assert_told
		assert_equal "$(events | jq .tid | sort -u | wc -l)" 4
	}
	each check
}

@test "32-bit calls of a 64-bit program are told as such" {
	check()
	{
		local call
		for call in open openat openat2; do
			told open --int80 --call "$call" --times 3 --flags O_RDWR --dirfd "$DIR" --chdir "$DIR" \
				"$DIR/file" file missing
			assert_events 9 '.call == "'"$call"'/32"'
		done
		told open --int80 --call creat --mode 0600 --times 3 "$DIR/file" "$DIR/missing/x"
		assert_events 6 '.call == "creat/32" and .mode == "0600"'
	}
	each check
}

@test "a 32-bit program" {
	"$WORKLOADS/ia32" noop || skip "this kernel runs no 32-bit programs"
	check()
	{
		trace opensnoop -- ia32 open "$DIR/file" 4
		assert_events 4 '.call == "open/32" and .ret == 3 and .path == "'"$DIR"'/file"'
		assert_events 4 '.call == "openat/32" and .ret == 3 and .path == "'"$DIR"'/file"'
		assert_events 8
		assert_lost 0
	}
	each check
}

# Before Linux 6.3 no tracepoint has the request with the path that was asked for.
need_uring()
{
	"$TOOLS/opensnoop" --json --duration 1ms 2>/dev/null | grep -q 'io_uring_submit_req' ||
		skip "this kernel has no tracepoint io_uring_submit_req"
}

@test "io_uring: openat and openat2, at once or by a worker, success and failure" {
	need_uring
	check()
	{
		local call how
		for call in openat openat2; do
			for how in --uring --uring-async; do
				trace opensnoop -o all -- open "$how" --call "$call" --times 3 --flags 'O_RDWR|O_CREAT' --mode 0640 \
					--chdir "$DIR" "$DIR/file" file "$DIR/missing/x" missing/x
				# A worker thread opens for the one that asked: the same process.
				assert_events 12 '.call == "io_uring" and .comm != ""
					and .pid == '"$(did .pid | head -n 1)"
				assert_events 6 '.path == "'"$DIR"'/file" and .ret == '"$(did .ret | head -n 1)"' and .mode == "0640"
					and .ino == '"$(stat -c %i "$DIR/file")"' and .file_type == "reg"'
				assert_events 6 '.ret == -2 and .path == "'"$DIR"'/missing/x" and .dev == null'
				assert_events 3 '.given == "missing/x" and .dir == "'"$DIR"'"'
				assert_events 12 '(.flags | test("^O_RDWR\\|O_CREAT(\\|O_LARGEFILE)?$")) and .lat_ns >= 0'
				assert_events 12
				assert_lost 0
			done
		done
		told open --uring --dirfd "$DIR" --times 3 file missing
	}
	each_without "${uring[@]}" -- check
}

@test "openat2 whose struct the kernel refuses" {
	check()
	{
		trace opensnoop -- open --call openat2 --how-size 8 --times 3 "$DIR/file"
		assert_events 3 '.call == "openat2" and .ret == -22 and .path == "'"$DIR"'/file"'
		assert_events 3
	}
	each check
}

@test "io_uring: a path of 3,000 bytes that is not there comes whole, or is said to be cut" {
	check()
	{
		local path
		path=$DIR/$(printf 'ten-bytes/%.0s' {1..300})missing
		trace opensnoop -o +given -- open --uring "$path"
		assert_events 1 '.ret == -2 and (.path == "'"$path"'" or .path_truncated == true)
			and (.given == "'"$path"'" or .given_truncated == true)'
	}
	each_without "${uring[@]}" -- check
}

@test "io_uring and classic tracepoints only: not seen, said so, and everything else is" {
	export CORELETS_WITHOUT=tp_btf,raw_tp
	trace opensnoop -v -- open --uring --times 3 --dirfd "$DIR" file missing
	assert_events 1 '.path == "'"$DIR"'" and .call == "openat"'
	assert_events 1
	assert_output --partial "opens through io_uring"
}

# ---- paths ----

@test "relative to a directory's descriptor; one that is not open" {
	check()
	{
		mkdir -p "$DIR/sub"
		told open --times 3 --dirfd "$DIR/sub" ../file ../missing .. . "$DIR/file"
		assert_events 3 '.given == "../missing" and .dir == "'"$DIR"'/sub" and .path == "'"$DIR"'/sub/../missing"'
		assert_events 3 '.given == "../file" and .dir == "'"$DIR"'/sub" and .path == "'"$DIR"'/file"'
		assert_events 3 '.given == "'"$DIR"'/file" and .dir == null'
		told open --times 3 --bad-dirfd file "$DIR/file"
		assert_events 3 '.ret == -9 and .given == "file" and .path == "file" and .dir == null'
	}
	each check
}

@test "symlinks: a chain of them, .., magic links, and those that are refused" {
	check()
	{
		told open-cases symlink --times 3
	}
	each check
}

@test "bind mounts of a directory and a file, another file system: as the process sees them" {
	check()
	{
		told open-cases bind --times 3
		assert_events 15 '.root == "/" and .mntns != '"$(stat -Lc %i /proc/self/ns/mnt)"' and (.flags | test("CLOEXEC") | not)'
	}
	each check
}

@test "chroot: the path starts at the process's root, and root says where that is" {
	check()
	{
		local root
		told open-cases chroot --times 3
		root=$(did 'select(.way == "root").path_outside')
		assert_events 12 '.root == '"$root"
		assert_events 6 '.root == '"$root"' and .path == "/x"'
		assert_events 3 '.root == '"$root"' and .path == "/" and .file_type == "dir"'
		assert_events 3 '.root == '"$root"' and .path == "/missing" and .ret == -2'
		assert_events 2 '.root == "/"'
	}
	each check
}

@test "the working directory has been deleted or renamed" {
	check()
	{
		trace opensnoop -o all -- open-cases cwd --times 3
		local gone after
		gone=$(did 'select(.way == "dot").path | rtrimstr(" (deleted)")')
		after=$(did 'select(.way == "renamed").path')
		assert_events 3 '.given == "file" and .ret == -2 and .dir == '"$gone"' and .dir_deleted == true
			and .path == '"$gone"' + "/file"'
		assert_events 3 '.given == "." and .path == '"$gone"' and .path_deleted == true'
		assert_events 3 '.given == ".." and .path == ('"$gone"' | rtrimstr("/gone")) and (has("path_deleted") | not)'
		assert_events 3 '.given == "file" and .ret >= 0 and .path == '"$after"
		assert_events 13
		assert_lost 0
	}
	each check
}

@test "paths of 4,000 bytes, of long and of 2,000 short names, come whole" {
	check()
	{
		trace opensnoop -o all -- open-cases deep --times 2
		assert_lost 0
		DID_ALL=$DID
		for way in long-names short-names missing name-too-long; do
			DID=$BATS_TEST_TMPDIR/did-$way
			jq -c "select(.way == \"$way\")" "$DID_ALL" >"$DID"
			run jq -n --slurpfile did "$DID" --slurpfile out "$OUT" '
				$did[0] as $d | [$out[] | select(.type == "open" and .given == $d.given and .ret == $d.ret
					and .path == $d.path and (.flags | test("CLOEXEC") | not)
					and ((has("path_truncated") or has("given_truncated")) | not))] | length'
			assert_output 2
		done
		assert_equal "$(jq -s 'map(select(.way == "short-names").path | split("/") | length)[0] > 1900' "$DID_ALL")" true
		assert_equal "$(jq -s 'map(select(.way == "long-names").path | length)[0] > 3990' "$DID_ALL")" true
		# The kernel takes no path of 4,096 bytes; we say that there was more than we show.
		assert_events 2 '.ret == -36 and .given_truncated == true and .path_truncated == true and (.given | length) == 4095'
	}
	each check
}

@test "a path longer than the kernel itself can tell is marked as cut at its front" {
	check()
	{
		local made
		trace opensnoop -o all -- open-cases deep beyond
		made=$(did 'select(.way == "beyond").path_made')
		assert_events 1 '.flags == "O_RDONLY" and .path_truncated == true and (.path | length) > 3800
			and (.path as $p | '"$made"' | endswith($p))'
	}
	each check
}

@test "kinds of files: O_PATH, FIFO, device, directory, link, memfd, O_TMPFILE, unlinked" {
	check()
	{
		told open-cases types --times 3 path fifo chr dir lnk proc memfd unlinked
		assert_events 3 '.given == "/dev/null" and .path == "/dev/null" and .file_type == "char"'
		assert_events 3 '.path == "/memfd:workload" and .path_unreachable == true'
		told open-cases types tmpfile # once: each may have an inode of its own
		assert_events 1 '(.flags | test("O_TMPFILE")) and .mode == "0600" and .path_deleted == true'
	}
	each check
}

@test "a pipe, opened anew through /proc, has the name that the kernel gives it" {
	check()
	{
		told open-cases types --times 3 pipe
		assert_events 3 '.file_type == "fifo" and .path == "pipe:[\(.ino)]"'
	}
	each check
}

@test "failures: errno, path as given, and no file" {
	check()
	{
		told open-cases fail --times 3
		local n
		for n in 2 20 21 17 24 14 22 9; do
			assert_events 3 ".ret == -$n and .dev == null and .ino == null and .file_type == null"
		done
		assert_events 6 '.ret == -6'
		assert_events 3 '.ret == -14 and .path == null and .given == null'
	}
	each check
}

@test "hostile file names: exact bytes in JSON" {
	check()
	{
		told open-cases hostile
		strict_json "$OUT"
		# Those that are no UTF-8 have the bytes beside them, and only those.
		assert_equal "$(count_events 'has("path_hex")')" \
			"$(did 'select(has("given_hex"))' | wc -l)"
		[[ $(count_events 'has("path_hex")') -ge 20 ]]
	}
	each check
}

@test "hostile file names on the table: a line for each, and nothing but printable characters" {
	run_tool opensnoop -T none --output "$BATS_TEST_TMPDIR/table" -- "$WORKLOADS/open-cases" hostile
	assert_success
	python3 - "$BATS_TEST_TMPDIR/table" "$(jq -s length "$OUT")" <<-'END'
		import sys, unicodedata
		text = open(sys.argv[1], "rb").read().decode("utf-8", "strict")
		lines = text.split("\n")
		assert lines.pop() == ""
		assert len(lines) == int(sys.argv[2]) + 1, (len(lines), sys.argv[2])
		for line in lines:
		    for c in line:
		        assert unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"), (line, c)
	END
}

@test "a cgroup of its own: path and id" {
	local top cgroup=
	top=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	[[ -n $top ]] || skip "no cgroup v2 is mounted"
	cgroup=$top/corelets-$$-${BATS_TEST_NUMBER}
	mkdir -p "$cgroup/inner" || skip "no cgroup can be made here"
	check()
	{
		run_tool opensnoop --json --output "$BATS_TEST_TMPDIR/events" -n open -o all -- \
			sh -c 'echo $$ >"$1/inner/cgroup.procs" && exec "$2" --times 3 /nonexistent/x' \
			sh "$cgroup" "$WORKLOADS/open"
		OUT=$BATS_TEST_TMPDIR/events
		assert_success
		assert_events 3 '.cgroup == "'"${cgroup#"$top"}"'/inner" and .cgroup_id == '"$(stat -c %i "$cgroup/inner")"'
			and .path == "/nonexistent/x"'
		assert_events 3
	}
	each check
	rmdir "$cgroup/inner" "$cgroup"
}

# ---- latency ----

@test "latency: about what the caller waited, always there, never negative" {
	check()
	{
		trace opensnoop -o all -- open-cases latency --delay 60 --times 2
		# The reader waits for the writer.
		assert_events 2 '.flags == "O_RDONLY" and .ret >= 0 and .lat_ns >= 55e6 and .lat_ns < 600e6'
		assert_events 2 '.flags == "O_WRONLY" and .ret >= 0 and .lat_ns < 55e6'
		# Interrupted: the kernel says ERESTARTSYS until it knows whether the call begins anew.
		assert_events 2 '.ret < 0 and .lat_ns >= 25e6 and .lat_ns < 600e6'
		assert_events 6
		assert_lost 0
		trace opensnoop -o lat_ns,ret,path -- open --times 300 --threads 3 "$DIR/file" "$DIR/missing"
		assert_events 1800 '.lat_ns > 0 and .lat_ns < 1e9'
		assert_lost 0
		# No longer than the caller saw it.
		trace opensnoop -o lat_ns,ret,path -- open-cases types chr
		assert_events 1 '.path == "/dev/null" and .lat_ns <= '"$(did 'select(.way == "chr").lat_ns')"
	}
	each_without "${in_flight[@]}" -- check
}

@test "latency, where the exit of a call has no arguments: one entry, which has them" {
	# The typed entry could be had, and would take the place of what the classic one noted.
	export CORELETS_WITHOUT=open_exit,open_exit_raw
	trace opensnoop -o all -- open --times 20 "$DIR/file" "$DIR/missing"
	assert_events 20 '.ret >= 0 and .given == "'"$DIR/file"'" and .lat_ns > 0'
	assert_events 20 '.ret == -2 and .path == "'"$DIR/missing"'" and .lat_ns > 0'
	assert_events 40
	assert_lost 0
}

# blocked PID: it waits in openat.
blocked()
{
	local openat=257
	[[ $(uname -m) != aarch64 ]] || openat=56
	[[ $(</proc/"$1"/syscall) == $openat\ * ]]
}

@test "an open that began before the tool did: told without latency, or counted as lost" {
	mkfifo "$DIR/fifo"
	check()
	{
		"$WORKLOADS/open" "$DIR/fifo" >"$BATS_TEST_TMPDIR/blocked" 3>&- &
		local pid=$!
		wait_until blocked "$pid"
		start_tool opensnoop --json -p "$pid" -o +lat_ns
		: >"$DIR/fifo"
		wait "$pid"
		stop_tool
		assert_success
		assert_lost 1
		assert_equal "$(summary .lost_by.unpaired)" 1
		# What is opened at the exit of the call has its arguments there, but for the classic ones.
		if [[ $CORELETS_WITHOUT != *raw_tp* ]]; then
			assert_events 1 '.path == "'"$DIR"'/fifo" and .ret >= 0 and .lat_ns == null'
			assert_events 1
		else
			assert_no_events
		fi
	}
	each_without "${in_flight[@]}" -- check
}

@test "an open that a signal interrupts has failed with EINTR, as its caller sees it" {
	check()
	{
		trace opensnoop -- open-cases latency interrupted --delay 20
		assert_events 1 '.ret == -4'
	}
	each check
}

# ---- options ----

@test "-x: failures only, every one" {
	check()
	{
		trace opensnoop -x -- open --times 6 "$DIR/file" "$DIR/missing" "$DIR/file/x" "$DIR"
		assert_events 6 '.ret == -2 and .path == "'"$DIR"'/missing"'
		assert_events 6 '.ret == -20 and .path == "'"$DIR"'/file/x"'
		assert_events 12
		assert_lost 0
	}
	each check
	check()
	{
		trace opensnoop -x -- open --uring --times 6 "$DIR/file" "$DIR/missing"
		assert_events 6 '.ret == -2 and .path == "'"$DIR"'/missing" and .call == "io_uring"'
		assert_events 6
		assert_lost 0
	}
	each_without "${uring[@]}" -- check
}

@test "-F: the path as given" {
	check()
	{
		trace opensnoop -F -- open --times 4 --chdir "$DIR" file ../files/file missing "$DIR/missing"
		assert_events 4 '.path == "file" and .ret >= 0'
		assert_events 4 '.path == "../files/file" and .ret >= 0'
		assert_events 4 '.path == "missing" and .ret == -2'
		assert_events 4 '.path == "'"$DIR"'/missing" and .ret == -2'
		assert_events 16
		trace opensnoop -F --path-prefix "$DIR/f" -- open --times 4 --chdir "$DIR" file ../files/file missing
		assert_events 4 '.path == "file"'
		assert_events 4 '.path == "../files/file"'
		assert_events 8
	}
	each check
}

# flags_case ASKED FLAGS N: with --flags ASKED, an open with FLAGS is told N times.
flags_case()
{
	trace opensnoop --flags "$1" -o flags,path,ret -- open --times 2 --flags "$2" --mode 0600 "$DIR/file" "$DIR/missing/x"
	assert_events $((2 * $3)) "$(printf '.flags == "%s"' "$2")"
	assert_events $((2 * $3))
	assert_lost 0
}

@test "--flags: any of them" {
	check()
	{
		flags_case O_CREAT,O_WRONLY O_RDONLY 0
		flags_case O_CREAT,O_WRONLY O_WRONLY 2
		flags_case O_CREAT,O_WRONLY 'O_RDWR|O_CREAT' 2
		flags_case O_RDONLY O_RDONLY 2
		[[ -z $CORELETS_WITHOUT ]] || return 0
		flags_case O_CREAT O_RDONLY 0
		flags_case O_CREAT 'O_RDWR|O_CREAT' 2
		flags_case O_WRONLY O_RDONLY 0
		flags_case O_WRONLY O_WRONLY 2
		flags_case O_WRONLY 'O_RDWR|O_CREAT|O_TRUNC' 0
		flags_case O_RDONLY O_WRONLY 0
		flags_case O_RDWR O_RDWR 2
		flags_case O_RDONLY,O_APPEND 'O_WRONLY|O_APPEND' 2
	}
	each check
}

@test "--flags: those made of several bits are only themselves" {
	check()
	{
		flags_case O_SYNC 'O_WRONLY|O_SYNC' 2
		flags_case O_SYNC 'O_WRONLY|O_DSYNC' 0
		flags_case O_DSYNC 'O_WRONLY|O_DSYNC' 2
		trace opensnoop --flags O_TMPFILE -- open --flags 'O_RDWR|O_TMPFILE' --mode 0600 "$DIR"
		assert_events 1
		trace opensnoop --flags O_TMPFILE -- open --flags O_DIRECTORY "$DIR"
		assert_no_events
	}
	each_without "" -- check
}

@test "--flags: what there is not is refused" {
	run_tool opensnoop --flags O_CREAT,O_NOTHING
	assert_failure 2
	assert_output --partial O_NOTHING
	assert_equal "${#lines[@]}" 1
}

@test "every flag by its name" {
	local flags=(O_CREAT O_EXCL O_NOCTTY O_TRUNC O_APPEND O_NONBLOCK O_SYNC O_DSYNC O_ASYNC O_DIRECT
		O_LARGEFILE O_DIRECTORY O_NOFOLLOW O_NOATIME O_CLOEXEC O_PATH O_TMPFILE) flag
	check()
	{
		for flag in "${flags[@]}"; do
			trace opensnoop -o flags,given -- open --flags "O_WRONLY|$flag" --mode 0600 /nonexistent/x
			assert_events 1 '.flags == "O_WRONLY|'"$flag"'"'
		done
	}
	each_without "" -- check
}

# prefix_case PREFIX N: of the opens below, N are told.
prefix_case()
{
	trace opensnoop --path-prefix "$1" -- open --chdir "$DIR" file sub/file "$DIR/file" "$DIR/subx/file" \
		missing sub/missing "$DIR/missing" subx/missing
	assert_events "$2" '.path | startswith("'"$1"'")'
	assert_events "$2"
	assert_lost 0
}

@test "--path-prefix: successes, and failures absolute and relative; neighbours are not it" {
	mkdir "$DIR/sub" "$DIR/subx"
	echo >"$DIR/sub/file"
	echo >"$DIR/subx/file"
	check()
	{
		prefix_case / 8
		prefix_case "$DIR/sub/" 2
		prefix_case "$DIR/missing" 2
		prefix_case "$DIR/missing/longer/than/the/path" 0
		# What is left of the path before, on the same processor, is not part of this one.
		# shellcheck disable=SC2034 # of helpers.bash
		run_as=(taskset -c 0)
		trace opensnoop --path-prefix "$DIR/missing" -- open --chdir "$DIR" missing . ./missing "$DIR"
		# shellcheck disable=SC2034 # of helpers.bash
		run_as=()
		assert_events 1
		[[ -z $CORELETS_WITHOUT ]] || return 0
		prefix_case "$DIR" 8
		prefix_case "$DIR/" 8
		prefix_case "$DIR/file" 2
		prefix_case "$DIR/files" 0
		prefix_case "$DIR/sub" 4
		prefix_case "$DIR/subx" 2
		prefix_case "$DIR/sub/file" 1
		prefix_case "$DIR/sub/filex" 0
		prefix_case "$DIR/m" 2
		prefix_case /nonexistent 0
	}
	each check
}

@test "--path-prefix: from the root directory, through .., and of the deep" {
	check()
	{
		trace opensnoop --path-prefix / -- open --chdir / dev/null nonexistent /nonexistent . ..
		assert_events 5
		trace opensnoop --path-prefix /nonex -- open --chdir / dev/null nonexistent /nonexistent //nonexistent .
		assert_events 2
		trace opensnoop --path-prefix "$DIR" -- open --chdir /dev "null" "/dev/../$DIR/file"
		assert_events 1 '.path == "'"$DIR"'/file"'
		assert_events 1
		# 2,000 names: more than is walked in one go.
		export TMPDIR=$DIR
		trace opensnoop --path-prefix "$DIR/workload." -x -- open-cases deep short-names
		assert_events 0
		trace opensnoop --path-prefix "$DIR/workload." -- open-cases deep short-names
		assert_events 2 '(.path | length) > 3900 and (has("path_truncated") | not)'
		trace opensnoop --path-prefix /s/s/s -- open-cases deep short-names
		assert_no_events
	}
	each check
}

@test "--path-prefix: a failure relative to a directory of 128 names" {
	local i deep=$DIR
	for i in {1..8}; do
		deep+=$(printf '/%.0s' {1..1} && printf 's/%.0s' {1..15})
		deep=${deep%/}
	done
	mkdir -p "$deep"
	check()
	{
		trace opensnoop --path-prefix "$DIR" -- open --chdir "$deep" missing
		assert_events 1 '.ret == -2'
		trace opensnoop --path-prefix /s/s/s -- open --chdir "$deep" missing
		assert_no_events
		trace opensnoop -- open --chdir "$deep" missing
		assert_events 1 '.path == "'"$deep"'/missing" or .path_truncated == true'
	}
	each check
}

@test "--path-prefix: what makes no sense is refused" {
	local long
	long=/$(printf 'x%.0s' {1..300})
	for prefix in etc "" "$long"; do
		run_tool opensnoop --path-prefix "$prefix"
		assert_failure 2
		assert_output --partial path-prefix
		assert_equal "${#lines[@]}" 1
	done
}

# ---- many at once ----

@test "20,000 failing opens in a burst, by one thread and by four: none lost" {
	check()
	{
		local threads
		for threads in 1 4; do
			trace opensnoop -- open-cases burst --threads "$threads" --prefix /nonexistent/burst
			assert_events 20000 '.path == "/nonexistent/burst" and .ret == -2 and .call == "openat"'
			assert_events 20000
			assert_lost 0
			assert_equal "$(summary .events)" 20000
		done
	}
	each_without "${in_flight[@]}" -- check
}

@test "20,000 different names: each one exactly once" {
	check()
	{
		trace opensnoop -- open-cases burst --threads 4 --unique --prefix /nonexistent/u
		jq -r '.path // empty' "$OUT" | sort >"$BATS_TEST_TMPDIR/have"
		for thread in 0 1 2 3; do
			seq -f "/nonexistent/u-$thread-%06.0f" 0 4999
		done | sort >"$BATS_TEST_TMPDIR/want"
		cmp "$BATS_TEST_TMPDIR/have" "$BATS_TEST_TMPDIR/want"
		assert_lost 0
	}
	each check
}

@test "a buffer of one page: every one lost is counted" {
	check()
	{
		local threads
		for threads in 1 4; do
			trace opensnoop --buffer 4096 -- open-cases burst --threads "$threads"
			assert_events_plus_lost 20000 '.path == "/nonexistent/burst" and .ret == -2'
			assert_equal "$(summary .events)" "$(count_events)"
			assert_equal "$(summary '.lost_by.ring_full // 0')" "$(summary .lost)"
		done
		# Nobody reads: what is more than a page is lost for certain.
		start_tool opensnoop --json --buffer 4096 --path-prefix "$DIR/"
		kill -STOP "$tool_pid"
		run_workload open-cases burst --prefix "$DIR/burst"
		kill -CONT "$tool_pid"
		stop_tool
		assert_success
		assert_events_plus_lost 20000 '.ret == -2'
		[[ $(summary .lost) -gt 19000 ]]
	}
	each check
}

# ---- ends ----

@test "SIGTERM and SIGINT right after the last open: nothing lost, all flushed, nothing left" {
	check()
	{
		local signal
		for signal in TERM INT; do
			start_tool opensnoop --json --path-prefix "$DIR/burst"
			# When the signal comes, it has not read a single one.
			kill -STOP "$tool_pid"
			run_workload open-cases burst --times 3000 --threads 2 --unique --prefix "$DIR/burst"
			kill -s "$signal" "$tool_pid"
			stop_tool CONT
			assert_success
			strict_json "$OUT"
			assert_events 3000 '.ret == -2'
			assert_lost 0
			assert_equal "$(jq -s 'map(select(.path).path) | unique | length' "$OUT")" 3000
			no_leftovers
		done
	}
	each check
}

@test "a closed pipe: it ends, with what was written whole" {
	check()
	{
		mkfifo "$BATS_TEST_TMPDIR/pipe"
		head -n 101 <"$BATS_TEST_TMPDIR/pipe" >"$BATS_TEST_TMPDIR/head" 3>&- &
		local head=$!
		run_tool opensnoop --json --output "$BATS_TEST_TMPDIR/pipe" -- \
			"$WORKLOADS/open-cases" burst --threads 2
		wait "$head" # not for the timer of the test itself
		rm "$BATS_TEST_TMPDIR/pipe"
		assert_success
		assert_output ""
		strict_json "$BATS_TEST_TMPDIR/head"
		OUT=$BATS_TEST_TMPDIR/head
		assert_events 100 '.path == "/nonexistent/burst"'
	}
	each check
}

@test "timeout 2 opensnoop >file: everything is in the file" {
	local without files=() pids=() i=0
	# All variants at once, on the same opens.
	for without in "${variants[@]}"; do
		files+=("$BATS_TEST_TMPDIR/out-$i")
		CORELETS_WITHOUT=$without timeout 2 "$TOOLS/opensnoop" --json --path-prefix "$DIR/burst" \
			>"${files[i]}" 2>"${files[i]}.err" 3>&- &
		pids+=("$!")
		i=$((i + 1))
	done
	attached()
	{
		local file
		for file in "${files[@]}"; do
			grep -qs attached "$file" || return 1
		done
	}
	wait_until attached || fail "$(cat "$BATS_TEST_TMPDIR"/out-*.err)"
	run_workload open-cases burst --times 5000 --prefix "$DIR/burst"
	for i in "${!pids[@]}"; do
		status=0
		wait "${pids[i]}" || status=$?
		assert_equal "$status" 124	# timeout's own
		OUT=${files[i]}
		strict_json "$OUT"
		assert_events 5000 '.path == "'"$DIR"'/burst"'
		assert_lost 0
	done
}

@test "it shows neither its own opens nor what it causes by printing" {
	start_tool opensnoop --json
	run_workload open --times 10 /nonexistent/marker
	wait_events 10 '.path == "/nonexistent/marker"'
	stop_tool
	assert_success
	assert_events 10 '.path == "/nonexistent/marker"'
	assert_no_events ".pid == $tool_pid"
}

@test "--light sees the same opens, by whichever hook" {
	trace opensnoop --light -o +flags,lat_ns -- open --times 5 --flags 'O_RDWR|O_CREAT' --mode 0600 \
		"$DIR/file" /nonexistent/x
	assert_events 5 '.path == "'"$DIR"'/file" and .ret >= 0 and .flags == "O_RDWR|O_CREAT" and .lat_ns > 0'
	assert_events 5 '.path == "/nonexistent/x" and .ret == -2'
	assert_events 10
	assert_lost 0
}
