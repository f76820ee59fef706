# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What the bats tests share: running tools and workloads, and counting what came
# out.  A test file says
#
#	load helpers		(tests/tools: load ../helpers)
#
# A tool's standard output goes to the file $OUT, its standard error to $ERR, its
# exit status to $status; $output and $lines are what it wrote to standard error.
# A tool that ends with status 3 (this kernel, or these privileges, lack what it
# needs) skips the test with the tool's own words; a test that is about that calls
# it as "LACKING=ok run_tool ...".
#
#	run_tool opensnoop -x --json -- "$WORKLOADS/open" --times 23 /nonexistent/a
#	assert_success
#	assert_events 23 '.path == "/nonexistent/a" and .ret == -2'
#	assert_lost 0
#
#	start_tool opensnoop -x --json
#	run_workload open --times 23 /nonexistent/a
#	wait_events 23 '.path == "/nonexistent/a"'
#	stop_tool
#	assert_success
#	no_leftovers
#
# run_as=(setpriv ...) before run_tool or start_tool: the words that the tool is
# started by; they must exec it.

bats_load_library bats-support
bats_load_library bats-assert

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOOLS=${TOOLS:-$TOP/build}
WORKLOADS=${WORKLOADS:-$TOOLS/workloads}
PATH=$PATH:/usr/sbin:/sbin
# Seconds within which everything happens that a test waits for.
DEADLINE=${DEADLINE:-20}
run_as=()
tool_pid=
tool_pids=()
tool_bpf=()

# A descriptor that never has anything to read: a pause that starts no process.
exec {pause_fd}<> <(:)

pause()
{
	read -rt 0.02 -u "$pause_fd" || true
}

# wait_until COMMAND...: until it succeeds; fails after $DEADLINE seconds.
wait_until()
{
	local end=$((SECONDS + DEADLINE))
	until "$@"; do
		if ((SECONDS > end)); then
			return 1
		fi
		pause
	done
}

need_root()
{
	if [[ $EUID -ne 0 ]]; then
		skip "needs root"
	fi
}

need_command()
{
	command -v "$1" >/dev/null || skip "no $1 here"
}

# ---- tools ----

tool_files()
{
	OUT=$BATS_TEST_TMPDIR/out
	ERR=$BATS_TEST_TMPDIR/err
	: >"$OUT"
	: >"$ERR"
}

# What is known after a tool has ended.
# Where programs can be preempted (Linux 7.0), the kernel leaves a program out while another task
# is preempted in it on that CPU; emulated processors make that frequent.  The tool has said so, and
# exact counts cannot be had then.
left_out()
{
	[[ ${VM_GUEST-} ]] &&
		grep -rqsE '"reason":"recursion"|"lost_by":\{[^}]*"recursion"|[(, ]recursion [0-9]' "$BATS_TEST_TMPDIR"
}

skip_if_left_out()
{
	! left_out || skip "this kernel left out runs of programs, and the tool has said so"
}

tool_ended()
{
	skip_if_left_out
	output=$(<"$ERR")
	mapfile -t lines <"$ERR"
	if [[ $status -eq 3 && ${LACKING-} != ok ]]; then
		skip "${lines[0]-status 3, and no reason}"
	fi
}

# run_tool TOOL ARGUMENT...: runs it to its end.
run_tool()
{
	local tool=$1
	shift
	tool_files
	status=0
	timeout --foreground --kill-after=5 "${TOOL_TIMEOUT:-60}" "${run_as[@]}" \
		"$TOOLS/$tool" "$@" >"$OUT" 2>"$ERR" 3>&- || status=$?
	tool_ended
}

is_json()
{
	local arg
	for arg; do
		case $arg in
		--) return 1 ;;
		-j | --json) return 0 ;;
		esac
	done
	return 1
}

process_ended()
{
	local stat
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	stat=${stat##*) }
	[[ $stat == [ZX]* ]]
}

process_status()
{
	sed -n "s/^$2:\\s*//p" "/proc/$1/status" 2>/dev/null
}

tool_ready()
{
	if process_ended "$tool_pid"; then
		return 0
	fi
	if [[ -n $ready_line ]]; then
		grep -qs '^{"type":"attached".*}$' "$ready_file"
	else
		[[ $(process_status "$tool_pid" NoNewPrivs) == 1 ]]
	fi
}

# The BPF objects that a process holds, as "prog 12", "map 13", "link 14".
bpf_ids()
{
	sed -nE 's/^(prog|map|link)_id:\s*([0-9]+)$/\1 \2/p' "/proc/$1"/fdinfo/* 2>/dev/null | sort -u
}

# start_tool TOOL ARGUMENT...: in the background, as $tool_pid; returns once it is
# attached (it has said so in JSON; else, or with READY=privileges, it has given up
# its privileges).
start_tool()
{
	local tool=$1 ready_line='' ready_file i
	shift
	tool_files
	ready_file=$OUT
	if [[ ${READY-} != privileges ]] && is_json "$@"; then
		ready_line=yes
		for ((i = 1; i < $#; i++)); do
			if [[ ${!i} == --output ]]; then
				local next=$((i + 1))
				ready_file=${!next}
			fi
		done
		# What the tool before wrote there is not this one's word.
		if grep -qs '^{"type":"attached"' "$ready_file"; then
			rm "$ready_file"
		fi
	fi
	# A shell starts what runs in the background with SIGINT ignored, and without its input.
	"${run_as[@]}" env --default-signal=HUP,INT,QUIT "$TOOLS/$tool" "$@" <&0 >"$OUT" 2>"$ERR" 3>&- &
	tool_pid=$!
	tool_pids+=("$tool_pid")
	wait_until tool_ready || fail "$tool is not ready after $DEADLINE s: $(<"$ERR")"
	if process_ended "$tool_pid"; then
		status=0
		wait "$tool_pid" || status=$?
		tool_ended
		# One with a short command may be through already.
		if [[ -z $ready_line ]] || ! grep -qs '^{"type":"attached"' "$ready_file"; then
			fail "$tool ended with status $status before it was ready: $output"
		fi
	fi
	mapfile -t tool_bpf < <(bpf_ids "$tool_pid")
}

# Waits for the end of the tool that was started; $status is its exit status.
wait_tool()
{
	if ! wait_until process_ended "$tool_pid"; then
		kill -KILL "$tool_pid"
		fail "still running after $DEADLINE s: $(<"$ERR")"
	fi
	status=0
	wait "$tool_pid" || status=$?
	tool_ended
}

# stop_tool [SIGNAL]: ends the tool that was started (by SIGINT) and waits for it.
stop_tool()
{
	kill -s "${1:-INT}" "$tool_pid"
	wait_tool
}

# For teardown, after a test that failed.
kill_tools()
{
	local pid
	for pid in "${tool_pids[@]}"; do
		if [[ -d /proc/$pid ]]; then
			kill -KILL "$pid" 2>/dev/null || true
		fi
	done
}

teardown()
{
	kill_tools
}

bpf_gone()
{
	local object
	for object in "${tool_bpf[@]}"; do
		# shellcheck disable=SC2086 # two words
		if bpftool ${object/ / show id } >/dev/null 2>&1; then
			left=$object
			return 1
		fi
	done
}

# Of the tool that start_tool started, which has ended, no BPF object is left.
no_leftovers()
{
	local left
	need_command bpftool
	if [[ ${#tool_bpf[@]} -eq 0 ]]; then
		fail "the tool had no BPF object"
	fi
	wait_until bpf_gone || fail "left in the kernel: $left"
}

# ---- workloads ----

# native CALL...: those of the calls that this architecture has (of its own: a 32-bit program may
# have others).
native()
{
	local call
	for call; do
		if [[ $call != open && $call != creat || $(uname -m) == x86_64 ]]; then
			echo "$call"
		fi
	done
}

# run_workload NAME ARGUMENT...: its lines go to the file $DID.  Status 77 skips.
run_workload()
{
	local name=$1 result=0
	shift
	DID=$BATS_TEST_TMPDIR/did
	"$WORKLOADS/$name" "$@" >"$DID" 2>"$DID.err" 3>&- || result=$?
	if [[ $result -eq 77 ]]; then
		skip "$(<"$DID.err")"
	elif [[ $result -ne 0 ]]; then
		fail "$name $*: status $result: $(<"$DID.err")"
	fi
}

# did FILTER: what the last workload said, through jq.
did()
{
	jq -c "$1" "$DID"
}

# ---- events ----

# Events have a time.  A traced command's own lines may be among them, if it writes
# to the same file.
only_events='select(has("boot_ns"))'

# events [FILTER]: prints the events for which the filter holds.
events()
{
	jq -c "$only_events | select(${1:-true})" "$OUT"
}

count_events()
{
	events "${1-}" | wc -l
}

show_output()
{
	echo "--- standard output, to the last 20 lines"
	tail -n 20 "$OUT" | cut -c 1-600
	echo "--- standard error"
	head -n 20 "$ERR" | cut -c 1-600
}

# assert_events N FILTER: exactly so many events for which it holds.
assert_events()
{
	local count
	count=$(count_events "$2")
	if [[ $count -ne $1 ]]; then
		fail "$count events, not $1: $2
$(show_output)"
	fi
}

# assert_no_events [FILTER]
assert_no_events()
{
	assert_events 0 "${1:-true}"
}

# Lines of JSON may come in while this looks: a last one that is not whole does not count.
enough_events()
{
	local count
	count=$(jq -cR "fromjson? | $only_events | select($2)" "$OUT" | wc -l)
	[[ $count -ge $1 ]] || left_out
}

# wait_events N [FILTER]: until the running tool has written so many.
wait_events()
{
	wait_until enough_events "$1" "${2:-true}" || fail "no $1 events after $DEADLINE s: ${2-}
$(show_output)"
	skip_if_left_out
}

# summary FILTER: prints a value of the summary, the last line.
summary()
{
	tail -n 1 "$OUT" | jq -c "if .type == \"summary\" then $1 else error(\"no summary\") end"
}

# assert_lost N: the summary says so, and so do its reasons and the lines of the losses.
assert_lost()
{
	local told by lines
	told=$(summary .lost) || fail "no summary
$(show_output)"
	by=$(summary '.lost_by | add // 0')
	lines=$(jq -s 'map(select(.type == "lost").count) | add // 0' "$OUT")
	if [[ $told -ne $1 || $by -ne $1 || $lines -ne $1 ]]; then
		fail "lost $told, by reason $by, in lines $lines; not $1
$(show_output)"
	fi
}

# assert_events_plus_lost N FILTER: every event came out or is counted as lost.
assert_events_plus_lost()
{
	local count lost
	count=$(count_events "$2")
	lost=$(summary .lost)
	assert_lost "$lost"
	if ((count + lost != $1)); then
		fail "$count events and $lost lost make no $1: $2
$(show_output)"
	fi
}

# strict_json FILE: each line is one object, strictly (RFC 8259) and in UTF-8, with
# no key twice and no number that is none.
strict_json()
{
	python3 - "$1" <<-'END'
		import json, sys

		def unique(pairs):
		    keys = [k for k, _ in pairs]
		    if len(keys) != len(set(keys)):
		        raise ValueError("a key twice: %s" % keys)
		    return dict(pairs)

		def none(word):
		    raise ValueError("no number: " + word)

		data = open(sys.argv[1], "rb").read()
		if data and not data.endswith(b"\n"):
		    sys.exit("the last line does not end")
		for n, line in enumerate(data.split(b"\n")[:-1], 1):
		    try:
		        text = line.decode("utf-8", "strict")
		        if any(c < " " or "\x7f" <= c <= "\x9f" for c in text):
		            raise ValueError("a raw control character")
		        if text != text.strip():
		            raise ValueError("blanks around it")
		        it = json.loads(text, object_pairs_hook=unique, parse_constant=none)
		        if not isinstance(it, dict) or not isinstance(it.get("type", it.get("what")), str):
		            raise ValueError("no object with a type")
		        json.dumps(it, ensure_ascii=False).encode("utf-8", "strict")
		    except ValueError as e:
		        sys.exit("line %d: %s: %r" % (n, e, line[:300]))
	END
}

# ---- fallbacks ----

# each_without LIST... -- COMMAND...: COMMAND once for each CORELETS_WITHOUT.  A kernel
# without the best attach points skips the test; a fallback that does not start where
# those do is a failure.
each_without()
{
	local all=()
	while [[ $1 != -- ]]; do
		all+=("$1")
		shift
	done
	shift
	for CORELETS_WITHOUT in "${all[@]}"; do
		export CORELETS_WITHOUT
		export LACKING=${CORELETS_WITHOUT:+ok}
		echo "--- CORELETS_WITHOUT='$CORELETS_WITHOUT': $*"
		"$@"
	done
	unset CORELETS_WITHOUT LACKING
}

# trace TOOL OPTION... -- WORKLOAD ARGUMENT...: runs it to its end; what the tool told goes
# to $OUT, what the workload did to $DID.
trace()
{
	local tool=$1 options=()
	shift
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	run_tool "$tool" --json --output "$BATS_TEST_TMPDIR/events" "${options[@]}" -- \
		"$WORKLOADS/$2" "${@:3}"
	DID=$OUT
	OUT=$BATS_TEST_TMPDIR/events
	if [[ $status -eq 77 ]]; then
		skip "$output"
	elif [[ $status -ne 0 ]]; then
		fail "status $status: $output"
	fi
}

# kernel_btfs [ARCH]: prints NAME=FILE for the BTF of each kernel of tests/vm/kernels for one of
# Debian's architectures (amd64).
kernel_btfs()
{
	local name arch suite pattern known btf
	mkdir -p "$TOOLS/vm"
	while read -r name arch suite pattern _; do
		known=$TOOLS/vm/$name.kernel # of tests/vm/run too, which says how long it is good
		if [[ ! $(find "$known" -newer "$TOP/tests/vm/kernels" -mmin -1440 2>/dev/null) ]]; then
			"$TOP/tests/vm/fetch-kernel" -a "$arch" "$suite" "$pattern" "$TOOLS/kernels" >"$known.new" ||
				fail "cannot get the kernel $name"
			mv "$known.new" "$known"
		fi
		btf=$(sed -n 's/^btf=//p' "$known")
		[[ -s $btf ]] || fail "no BTF of the kernel $name"
		echo "$name=$btf"
	done < <(awk -v arch="${1:-amd64}" '/^[^#]/ && $2 == arch' "$TOP/tests/vm/kernels")
}
