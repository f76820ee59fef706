#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What every tool promises, line by line of the contract, for every tool that there
# is: a test runs in a loop over tools/*.c.  What a tool alone does is in
# tests/tools/TOOL.bats.
#
# Something happens by "puppets": processes of a known name, user and cgroup that
# wait, and when told so open a file (a name that does not exist) and execute a
# program with that name as its last argument, which asks bpf(2) for it, once.
# marked() says what a tool makes of that, cause() how to have many events of one kind; a new tool that sees
# none of these needs an entry in both.  ONLY=TOOL: of this one alone.
#
# A tool without rows sums up and tells at its end.  For it, puppets and causes use CPU time instead,
# as a program in a directory that is called as the mark is; "N events" are some, or none; and the
# tests of rows, which loop over row_tools, leave it out.

# Each test is a subshell; what helpers.bash sets is not seen from here.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154

load helpers

# The uid that only puppets of these tests have.
readonly test_uid=61234

all_tools()
{
	local file name
	tools=() row_tools=()
	for file in "$TOP"/tools/${ONLY:-*}.c; do
		name=$(basename "$file" .c)
		tools+=("${name//_/-}")
		if "$TOOLS/${tools[-1]}" --help | grep -q '^Columns'; then
			row_tools+=("${tools[-1]}")
		fi
	done
}

setup_file()
{
	# A place that every user can read, as the build directory need not be.
	PUBLIC=$(mktemp -d "${TMPDIR:-/tmp}/corelets-cli.XXXXXX")
	export PUBLIC
	chmod 755 "$PUBLIC"
	mkdir "$PUBLIC/bin"
	all_tools
	local tool
	for tool in "${tools[@]}"; do
		cp "$TOOLS/$tool" "$PUBLIC/$tool"
	done
	cp "$WORKLOADS/exec" "$PUBLIC/bin/exec"
	cp "$WORKLOADS/sample-work" "$PUBLIC/spin"
	cat >"$PUBLIC/puppet" <<-'END'
		# puppet MARK NAME SHAPE [SPINS]
		mark=$1 program=${0%/*}/bin/$2 shape=$3 spins=$4
		printf %s "$2" >/proc/$BASHPID/comm
		act()
		{
			true <"$mark$1"
			if [[ $spins ]]; then
				exec "${0%/*}/marks/${mark##*/}$1/${program##*/}" shares --ms 200
			fi
			exec "$program" noop "$mark$1"
		} 2>/dev/null
		if [[ $shape != now ]]; then
			echo ready
			read -r _
		fi
		case $shape in
		self | now) act '' ;;
		tree) ( (act .grandchild); act .child); act '' ;;
		late) (while [[ -d /proc/$$ ]]; do :; done; act .child) & ;;
		esac
	END
}

teardown_file()
{
	rm -rf "$PUBLIC"
}

setup()
{
	all_tools
	puppets=()
	puppet_count=0
	cgroup=
	declare -gA puppet_mark=() puppet_fd=()
	puppet_as=()
}

teardown()
{
	kill_tools
	local pid
	for pid in "${puppets[@]}"; do
		kill -KILL "$pid" 2>/dev/null || true
	done
	if [[ -n $cgroup && -d $cgroup ]]; then
		wait_until remove_cgroup
	fi
}

remove_cgroup()
{
	rmdir "$cgroup"/*/ "$cgroup" 2>/dev/null
	[[ ! -d $cgroup ]]
}

# Says which tool of the loop it was, should something fail.
trying()
{
	tool=$1
	echo "--- $*"
	if [[ " ${row_tools[*]} " == *" $tool "* ]]; then
		sums=
		only_events='select(has("boot_ns"))'
	else
		sums=yes
		only_events='select(.type == "stack")'
	fi
}

# assert_events N FILTER: exactly so many; of a tool that sums up: some, or none.
assert_events()
{
	local count
	count=$(count_events "$2")
	if [[ $sums ]] && ((count)) && (($1)); then
		return
	fi
	if [[ $count -ne $1 ]]; then
		fail "$count events, not $1: $2
$(show_output)"
	fi
}

# How many events there are in what was told.
told_events()
{
	if [[ $sums ]]; then
		jq -s 'map(select(.type == "stack").samples) | add // 0' "$OUT"
	else
		count_events true
	fi
}

# columns LIST: as an option, in $columns, for a tool that has columns.
columns()
{
	columns=()
	if [[ ! $sums ]]; then
		columns=(-o "$1")
	fi
}

# ---- what happens, and what is seen of it ----

# marked MARK: the filter for the event that $tool makes of an open of MARK and an
# exec with MARK.
marked()
{
	case $tool in
	execsnoop) echo "(.args | type) == \"array\" and .args[-1] == \"$1\"" ;;
	opensnoop) echo ".path == \"$1\"" ;;
	bpfload-watch) echo ".cmd == \"OBJ_GET\" and .target == \"$1\"" ;;
	perf-sample) echo "any(.frames[]; .module // \"\" | contains(\"/${1##*/}/\"))" ;;
	*) fail "tests/cli.bats does not know what makes an event of $tool: say so in marked()" ;;
	esac
}

# shown MARK: what of it is to be read in a row.
shown()
{
	case $tool in
	*) echo "$1" ;;
	esac
}

# program NAME: a program of that name, which does nothing.
program()
{
	if [[ ! -e $PUBLIC/bin/$1 ]]; then
		ln -s exec "$PUBLIC/bin/$1"
	fi
}

# spinner MARK NAME: a program of that name that uses CPU time, where MARK says, as $spinner.
spinner()
{
	spinner=$PUBLIC/marks/${1##*/}/$2
	mkdir -p "${spinner%/*}"
	ln -f "$PUBLIC/spin" "$spinner"
}

# cause N NAME MARK: N events of $tool by threads called NAME, and no others of that name.
cause()
{
	case $tool in
	execsnoop | bpfload-watch)
		program "$2"
		run_workload exec plain --times "$1" --program "$PUBLIC/bin/$2" -- noop "$3"
		;;
	opensnoop) run_workload open --times "$1" --comm "$2" "$3" ;;
	perf-sample)
		spinner "$3" "$2"
		"$spinner" shares --ms $(($1 < 150 ? 100 + 20 * $1 : 3000)) >"$BATS_TEST_TMPDIR/did"
		;;
	*) fail "tests/cli.bats does not know what makes events of $tool: say so in cause()" ;;
	esac
}

# event_type: the type of the events of $tool in JSON.
event_type()
{
	case $tool in
	bpfload-watch) echo bpf ;;
	perf-sample) echo stack ;;
	*) echo "${tool%snoop}" ;;
	esac
}

# kept_capabilities: those that $tool needs while it runs, as its man page says.
kept_capabilities()
{
	case $tool in
	bpfload-watch) echo $((1 << 19 | 1 << 21 | 1 << 34)) ;; # SYS_PTRACE, SYS_ADMIN, SYSLOG
	perf-sample) echo $((1 << 2 | 1 << 19 | 1 << 40)) ;; # DAC_READ_SEARCH, SYS_PTRACE, CHECKPOINT_RESTORE
	*) echo 0 ;;
	esac
}

# start_puppet [NAME [SHAPE]]: as $puppet; returns when it waits.
start_puppet()
{
	local name=${1:-puppet} fifo fd mark
	fifo=$BATS_TEST_TMPDIR/go.$((++puppet_count))
	mark=/nonexistent/mark.$BATS_TEST_NUMBER.$puppet_count
	program "$name"
	mkfifo "$fifo"
	exec {fd}<>"$fifo"
	if [[ $sums ]]; then
		spinner "$mark" "$name"
		spinner "$mark.child" "$name"
		spinner "$mark.grandchild" "$name"
	fi
	"${puppet_as[@]}" bash "$PUBLIC/puppet" "$mark" "$name" "${2:-self}" "$sums" \
		<"$fifo" >"$fifo.ready" 3>&- &
	puppet=$!
	puppets+=("$puppet")
	puppet_mark[$puppet]=$mark
	puppet_fd[$puppet]=$fd
	wait_until test -s "$fifo.ready" || fail "the puppet does not start"
}

# release PUPPET...: lets them act, and waits for their end.
release()
{
	local pid
	for pid; do
		echo >&"${puppet_fd[$pid]}"
	done
	wait "$@" || fail "a puppet failed"
}

# acted PUPPET [SUFFIX]: the filter for what it did.
acted()
{
	marked "${puppet_mark[$1]}${2-}"
}

# assert_only PUPPET...: each of these was seen once, and no other process at all.
assert_only()
{
	local pid n others
	for pid in "${puppets[@]}"; do
		n=0
		if [[ " $* " == *" $pid "* ]]; then
			n=1
		fi
		assert_events "$n" "$(acted "$pid") and .pid == $pid"
	done
	others=$(events "[.pid] | inside([$(IFS=,; echo "$*")]) | not")
	if [[ -n $others ]]; then
		fail "others were seen: $others"
	fi
	assert_lost 0
}

# act NAME: the words of a command that is a puppet which need not be told.
act()
{
	program "$1"
	mark=/nonexistent/mark.$BATS_TEST_NUMBER
	acting=(bash "$PUBLIC/puppet" "$mark" "$1" now "$sums")
	if [[ $sums ]]; then
		spinner "$mark" "$1"
	fi
}

# refused TEXT ARGUMENT...: a bad command line: status 2, one line that has TEXT.
refused()
{
	local text=$1
	shift
	run_tool "$tool" "$@"
	if [[ $status -ne 2 || -s $OUT || ${#lines[@]} -ne 1 || ${lines[0]} != "$tool: "?* ||
		${lines[0]} != *"$text"* ]]; then
		fail "$tool $*: status $status, output: $(<"$OUT"), error: $output
not status 2 and one line with '$text'"
	fi
}

# one_line TEXT: the tool said one line only, which has TEXT.
one_line()
{
	if [[ ${#lines[@]} -ne 1 || ${lines[0]} != "$tool: "?* || ${lines[0]} != *"$1"* ]]; then
		fail "not one line with '$1': $output"
	fi
}

attached()
{
	head -n 1 "$OUT" | jq -r "$1"
}

# The keys of the columns that $tool has, in order.
column_keys()
{
	act keys
	run_tool "$tool" --json --output "$BATS_TEST_TMPDIR/json" -o all -- "${acting[@]}"
	assert_success
	OUT=$BATS_TEST_TMPDIR/json
	events "$(marked "$mark")" | jq -r 'keys_unsorted[]' |
		grep -vxE 'type|time|boot_ns|.*_(hex|truncated|deleted|unreachable)'
}

# as_nobody CAPABILITIES TOOL ARGUMENT...: run_tool as a user who has these (+bpf,+perfmon)
# or none ('').
as_nobody()
{
	local TOOLS=$PUBLIC
	become_nobody "$1"
	shift
	LACKING=ok run_tool "$@"
	run_as=()
}

become_nobody()
{
	run_as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	if [[ -n $1 ]]; then
		run_as+=("--inh-caps=$1" "--ambient-caps=$1")
	fi
}

# ---- without privileges ----

@test "--help and --version need no privileges, no /proc and no BPF" {
	for tool in "${tools[@]}"; do
		trying "$tool"
		for option in --help -h --version -V; do
			run_tool "$tool" "$option"
			assert_success
			assert_output ''
			cp "$OUT" "$BATS_TEST_TMPDIR/expected"
			if [[ $EUID -eq 0 ]]; then
				as_nobody '' "$tool" "$option"
				assert_success
				cmp "$OUT" "$BATS_TEST_TMPDIR/expected"
				# shellcheck disable=SC2016 # expanded inside
				run_as=(unshare -m sh -c 'mount -t tmpfs none /sys &&
					mount -t tmpfs none /proc && exec "$@"' sh)
				LACKING=ok run_tool "$tool" "$option"
				assert_success
				cmp "$OUT" "$BATS_TEST_TMPDIR/expected"
				run_as=()
			fi
		done
		assert_equal "$(grep -cE "^$tool \(corelets\) [0-9]" "$OUT")" 1
		assert_equal "$(wc -l <"$OUT")" 1
	done
}

@test "--help says what the tool is, and a full disk is told" {
	for tool in "${tools[@]}"; do
		trying "$tool"
		run_tool "$tool" --help
		grep -q "^Usage: $tool " "$OUT"
		run bash -c "'$TOOLS/$tool' --help >/dev/full"
		assert_failure 1
	done
}

@test "--help lists every option of the contract, with its letter" {
	# shellcheck disable=SC2054 # each is one word
	local options=(-p,--pid -t,--tid -f,--follow -u,--uid -n,--name -c,--cgroup -d,--duration
		--max-events -j,--json --output --buffer --stats -v,--verbose -V,--version -h,--help
		--self) of_rows=(--csv -o,--columns -T,--timestamp --no-header)
	for tool in "${tools[@]}"; do
		trying "$tool"
		run_tool "$tool" --help
		for option in "${options[@]}"; do
			grep -qE -- "^ +${option/,/, }( |$)" "$OUT" || fail "$tool --help has no $option"
		done
		for option in "${of_rows[@]}"; do
			run grep -cE -- "^ +${option/,/, }( |$)" "$OUT"
			assert_output "$([[ $sums ]] && echo 0 || echo 1)"
		done
		# Nothing is told twice.
		run bash -c "grep -oE -- '^ +(-., )?--[a-z-]+' '$OUT' | sed 's/.*--//' | sort | uniq -d"
		assert_output ''
		run bash -c "grep -oE -- '^ +-., --' '$OUT' | sort | uniq -d"
		assert_output ''
	done
}

@test "every option in --help is taken" {
	for tool in "${tools[@]}"; do
		trying "$tool"
		run_tool "$tool" --help
		while read -r option; do
			run_tool "$tool" "$option"
			if [[ $option =~ ^--(help|version)$ ]]; then
				assert_success
			elif [[ $output == *unknown* ]]; then
				fail "$output"
			fi
		done < <(sed -nE 's/^ +(-., )?(--[a-z-]+) [^a-z ].*/\2/p' "$OUT")
		# Those that take no argument, with --help after them.
		while read -r option; do
			run_tool "$tool" "$option" --help
			assert_success
		done < <(grep -oE -- '^ +(-., )?--[a-z-]+( {2}|$)' "$OUT" | grep -oE -- '--[a-z-]+')
	done
}

@test "a bad command line is status 2 and one line, with nothing on standard output" {
	for tool in "${tools[@]}"; do
		trying "$tool"
		refused --no-such-option --no-such-option
		refused -Q -Q
		refused -Q -jQ
		refused --columns --columns
		refused -p -p
		refused --json --json=yes
		refused extra extra
		refused extra --json extra --csv
		refused command --
		for time in abc 1x 1..5 -1 1e3 inf nan 0x10 '' . 99999999999999h ' '; do
			refused --duration --duration "$time"
		done
		for size in abc 0 -1 4X 4MB 1.5M '' 99999999999999999999 20000000000G 2G; do
			refused --buffer --buffer "$size"
		done
		for n in abc 0 -1 1.5 '' 99999999999999999999 1k; do
			refused --max-events --max-events "$n"
		done
		for columns in nonsense pid,nonsense +nonsense '' ',' 'pid,' + pid,+uid; do
			refused --columns -o "$columns"
		done
		refused sundial -T sundial
		refused --timestamp -T ''
		refused --csv --json --csv
		refused --pid --follow
	done
}

@test "an argument cannot make more than one line of an error, nor reach the terminal raw" {
	for tool in "${tools[@]}"; do
		trying "$tool"
		for text in $'a\nb' $'\e[31mred' $'\x9b31m'; do
			for option in --columns --pid --uid --duration --buffer --timestamp --max-events --cgroup; do
				refused "$tool" "$option" "$text"
				if LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f\x9b]' "$ERR"; then
					fail "$option: $(cat -v "$ERR")"
				fi
			done
			refused "$tool" "$text"
			refused "$tool" "--$text"
		done
	done
}

@test "a duration of nothing is refused, or over at once; it is not endless" {
	need_root
	for tool in "${tools[@]}"; do
		for time in 0 0.0 0ms 0.0000000001; do
			trying "$tool" "$time"
			TOOL_TIMEOUT=5 run_tool "$tool" --json --duration "$time"
			[[ $status -eq 0 || $status -eq 2 ]]
		done
	done
}

@test "-p and -t: what is no process is an error that names it" {
	local gone
	true &
	gone=$!
	wait "$gone"
	for tool in "${tools[@]}"; do
		trying "$tool"
		for option in -p -t; do
			refused "$gone" "$option" "$gone"
			refused "$gone" "$option" "$$,$gone"
			refused "$gone" "$option" "$gone,$$"
			refused abc "$option" abc
			refused "'0'" "$option" 0
			refused "'-1'" "$option" -1
			refused "''" "$option" "$$,,$$"
			refused "''" "$option" "$$,"
			refused "''" "$option" ''
			refused 1.5 "$option" 1.5
			refused 4294967297 "$option" 4294967297
			refused 99999999999999999999 "$option" 99999999999999999999
			refused 0x1 "$option" 0x1
		done
	done
}

@test "-p: a thread is no process" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		coproc "$WORKLOADS/sleeper" --threads one
		read -r line <&"${COPROC[0]}"
		tid=$(jq --argjson pid "$COPROC_PID" '.threads[] | select(.tid != $pid) | .tid' <<<"$line")
		refused "$tid" -p "$tid"
		kill "$COPROC_PID"
		wait "$COPROC_PID" || true
	done
}

@test "-u: who is no user is an error that names it" {
	for tool in "${tools[@]}"; do
		trying "$tool"
		refused nobody-knows-me -u nobody-knows-me
		refused nobody-knows-me -u 0,nobody-knows-me
		refused "''" -u ''
		refused "''" -u 0,
		refused -- -u -1
		refused 4294967296 -u 4294967296
	done
}

@test "-n: a name that no thread can have is refused" {
	for tool in "${tools[@]}"; do
		trying "$tool"
		refused "''" -n ''
		refused "''" -n a,
		refused sixteen-bytes-xx -n sixteen-bytes-xx
	done
}

@test "-c: what is no cgroup of v2 is an error that names it" {
	local v1
	v1=$(findmnt -n -t cgroup -o TARGET | head -n 1)
	for tool in "${tools[@]}"; do
		trying "$tool"
		refused /nonexistent/cgroup -c /nonexistent/cgroup
		refused no-such-cgroup -c no-such-cgroup
		refused "$BATS_TEST_TMPDIR" -c "$BATS_TEST_TMPDIR"
		refused /etc/passwd -c /etc/passwd
		if [[ -n $v1 ]]; then
			refused 'cgroup v1' -c "$v1"
			refused "$v1" -c "$v1"
		fi
	done
}

@test "-c with nothing is an error, not everything" {
	findmnt -n -t cgroup2 >/dev/null || skip "no cgroup v2 is mounted"
	for tool in "${tools[@]}"; do
		trying "$tool"
		TOOL_TIMEOUT=5 refused --cgroup -d 100ms -c ''
	done
}

@test "as an ordinary user: status 3 and what is lacking" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		as_nobody '' "$tool" --json -- \
			touch "$BATS_TEST_TMPDIR/ran"
		assert_failure 3
		assert_output "$tool: needs CAP_BPF and CAP_PERFMON (or root)"
		[[ ! -s $OUT && ! -e $BATS_TEST_TMPDIR/ran ]]
		as_nobody +bpf "$tool"
		assert_failure 3
		one_line CAP_PERFMON
		refute_output --partial CAP_BPF
		as_nobody +perfmon "$tool"
		assert_failure 3
		one_line CAP_BPF
		refute_output --partial CAP_PERFMON
		[[ ! -s $OUT ]]
	done
}

@test "in a user namespace: status 3 and why" {
	unshare -Ur true || skip "no user namespaces here"
	for tool in "${tools[@]}"; do
		trying "$tool"
		run_as=(unshare -Ur)
		LACKING=ok run_tool "$tool"
		run_as=()
		assert_failure 3
		one_line 'user namespace'
		[[ ! -s $OUT ]]
	done
}

# ---- privileges ----

# Whether $tool needs perf events, and only CAP_SYS_ADMIN may open any: values above 2 are what some
# distributions added.
perf_refused()
{
	[[ $tool == perf-sample && $(</proc/sys/kernel/perf_event_paranoid) -gt 2 ]]
}

@test "CAP_BPF and CAP_PERFMON are enough" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		act enough
		as_nobody +bpf,+perfmon "$tool" --json -- "${acting[@]}"
		if perf_refused; then
			assert_failure 3
			one_line kernel.perf_event_paranoid
			continue
		fi
		assert_success
		assert_output ''
		assert_events 1 "$(marked "$mark")"
		assert_lost 0
	done
}

@test "once attached, a tool has given up its capabilities and sets no_new_privs" {
	need_root
	local name value as
	for tool in "${tools[@]}"; do
		for as in root caps; do
			trying "$tool" "$as"
			run_as=()
			if [[ $as == caps ]]; then
				! perf_refused || continue
				become_nobody +bpf,+perfmon
			fi
			TOOLS=$PUBLIC LACKING=ok start_tool "$tool" --json
			for name in CapPrm CapEff CapInh CapAmb; do
				value=$(process_status "$tool_pid" "$name")
				# CAP_BPF: some kernels ask for it to read one's own map.
				[[ $((16#$value & ~(1 << 39) & ~$(kept_capabilities))) -eq 0 ]] ||
					fail "$name: $value"
			done
			assert_equal "$(process_status "$tool_pid" NoNewPrivs)" 1
			stop_tool
			assert_success
		done
	done
}

@test "the traced command has the privileges and the signals that the caller has" {
	need_root
	local what='^(Cap|NoNewPrivs|SigBlk|SigIgn|SigCgt|Groups|Uid|Seccomp:)'
	for tool in "${tools[@]}"; do
		trying "$tool"
		timeout --foreground 60 grep -E "$what" /proc/self/status >"$BATS_TEST_TMPDIR/expected"
		run_tool "$tool" --output "$BATS_TEST_TMPDIR/o" -- grep -E "$what" /proc/self/status
		assert_success
		diff "$BATS_TEST_TMPDIR/expected" "$OUT"
	done
}

@test "the traced command gets no descriptor of the tool" {
	need_root
	local list=(sh -c "ls -l /proc/self/fd | sed -n 's/.*[0-9] \\([0-9]* -> \\)/\\1/p' | grep -v /proc/")
	for tool in "${tools[@]}"; do
		trying "$tool"
		timeout --foreground 60 "${list[@]}" >"$BATS_TEST_TMPDIR/expected" 2>/dev/null 3>&-
		run_tool "$tool" --output "$BATS_TEST_TMPDIR/o" --stats -- "${list[@]}"
		assert_success
		diff <(cut -d' ' -f1 "$BATS_TEST_TMPDIR/expected") <(cut -d' ' -f1 "$OUT")
		refute grep -E 'bpf|epoll|o$' "$OUT"
	done
}

# ---- filters ----

@test "-p: only these processes" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		puppets=()
		for _ in 1 2 3; do
			start_puppet
		done
		start_tool "$tool" --json -p "${puppets[0]},${puppets[2]}"
		release "${puppets[@]}"
		stop_tool
		assert_success
		assert_only "${puppets[0]}" "${puppets[2]}"
	done
}

@test "-p given twice adds up" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		puppets=()
		for _ in 1 2 3; do
			start_puppet
		done
		start_tool "$tool" --json -p "${puppets[0]}" --pid "${puppets[2]}"
		release "${puppets[@]}"
		stop_tool
		assert_only "${puppets[0]}" "${puppets[2]}"
	done
}

@test "-t: only these threads" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		puppets=()
		start_puppet
		start_puppet
		start_tool "$tool" --json -t "$puppet"
		release "${puppets[@]}"
		stop_tool
		assert_success
		assert_only "$puppet"
	done
}

@test "-t: one thread of several" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		# One that execs is the first thread by then.
		[[ $tool != execsnoop && ! $sums ]] || continue
		coproc "$WORKLOADS/sleeper" --threads one,two --path /nonexistent/threads
		read -r line <&"${COPROC[0]}"
		tid=$(jq '.threads[] | select(.comm == "two") | .tid' <<<"$line")
		start_tool "$tool" --json -o +tid -t "$tid"
		kill -USR2 "$COPROC_PID"
		read -r line <&"${COPROC[0]}"
		assert_equal "$(jq .times <<<"$line")" 3
		stop_tool
		kill "$COPROC_PID"
		wait "$COPROC_PID" || true
		assert_events 1 "$(marked /nonexistent/threads) and .tid == $tid and .comm == \"two\""
		assert_equal "$(count_events true)" 1
	done
}

@test "-u: only these users, by number and by name" {
	need_root
	local user
	for tool in "${tools[@]}"; do
		for user in "$test_uid" "4242,$test_uid" nobody; do
			trying "$tool" "$user"
			puppets=()
			start_puppet
			puppet_as=(setpriv --reuid "${user#*,}" --clear-groups)
			start_puppet
			puppet_as=()
			columns +uid
			start_tool "$tool" --json "${columns[@]}" -u "$user"
			release "${puppets[@]}"
			stop_tool
			assert_success
			assert_events 1 "$(acted "$puppet")"
			assert_events 0 "$(acted "${puppets[0]}")"
			[[ $sums ]] || assert_events 0 ".uid != $(id -u "${user#*,}" 2>/dev/null || echo "${user#*,}")"
		done
	done
}

@test "-n: only threads of this name, whole or by prefix" {
	need_root
	local names=(abc abcd ab fifteen-bytes-x xabc)
	# What is asked for, and which of the names it takes.
	local cases=('abc 0' 'abc* 0,1' 'ab,xabc,fifteen-bytes-x 2,4,3' 'a*,fifteen* 0,1,2,3'
		'* 0,1,2,3,4' 'Abc,abc*d -')
	local asked takes i n name
	for tool in "${tools[@]}"; do
		for asked in "${cases[@]}"; do
			takes=${asked#* }
			asked=${asked% *}
			trying "$tool" "$asked"
			start_tool "$tool" --json -n "$asked"
			for name in "${names[@]}"; do
				cause 1 "$name" "/nonexistent/$name"
			done
			stop_tool
			assert_success
			for ((i = 0; i < ${#names[@]}; i++)); do
				n=0
				if [[ ,$takes, == *,$i,* ]]; then
					n=1
				fi
				assert_events "$n" "$(marked "/nonexistent/${names[i]}") and .comm == \"${names[i]}\""
			done
			if [[ $asked == abc ]]; then
				assert_events 0 '.comm != "abc"'
			fi
		done
	done
}

# Makes cgroups $cgroup and $cgroup/below, below $root.
make_cgroup()
{
	root=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)
	if [[ -z $root ]]; then
		skip "no cgroup v2 is mounted"
	fi
	cgroup=$root/corelets-test-$BATS_TEST_NUMBER-$$
	mkdir -p "$cgroup/below" 2>/dev/null || skip "no cgroup can be made below $root"
}

@test "-c: only tasks in this cgroup or below it, however it is named" {
	need_root
	local path
	make_cgroup
	for tool in "${tools[@]}"; do
		for path in "$cgroup" "${cgroup##*/}" "/${cgroup##*/}" "$cgroup/below/.."; do
			trying "$tool" "$path"
			puppets=()
			for _ in outside inside below; do
				start_puppet
			done
			echo "${puppets[1]}" >"$cgroup/cgroup.procs"
			echo "${puppets[2]}" >"$cgroup/below/cgroup.procs"
			start_tool "$tool" --json -c "$path"
			release "${puppets[@]}"
			stop_tool
			assert_success
			assert_only "${puppets[1]}" "${puppets[2]}"
		done
		trying "$tool" below
		puppets=()
		start_puppet
		echo "$puppet" >"$cgroup/cgroup.procs"
		start_puppet
		echo "$puppet" >"$cgroup/below/cgroup.procs"
		start_tool "$tool" --json -c "${cgroup##*/}/below"
		release "${puppets[@]}"
		stop_tool
		assert_only "$puppet"
	done
}

@test "-p -f: a process and its future children and grandchildren; without -f the process" {
	need_root
	for tool in "${tools[@]}"; do
		for follow in '' -f; do
			trying "$tool" "$follow"
			puppets=()
			start_puppet puppet tree
			traced=$puppet
			start_puppet puppet tree
			# shellcheck disable=SC2086 # none or one
			start_tool "$tool" --json -p "$traced" $follow
			release "${puppets[@]}"
			stop_tool
			assert_success
			assert_events 1 "$(acted "$traced") and .pid == $traced"
			for suffix in .child .grandchild; do
				assert_events "${#follow}" "$(acted "$traced" "$suffix") and .pid != $traced" ||
					assert_events $((${#follow} / 2)) "$(acted "$traced" "$suffix")"
				assert_events 0 "$(acted "$puppet" "$suffix")"
			done
			assert_events 0 "$(acted "$puppet")"
			assert_lost 0
		done
	done
}

# Whether what the last puppet started has used its CPU time.
spun()
{
	grep -qs '"what":"work"' "$BATS_TEST_TMPDIR/go.$puppet_count.ready"
}

@test "-p -f: children that outlive the process" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		puppets=()
		start_puppet puppet late
		start_tool "$tool" --json -f -p "$puppet"
		release "$puppet"
		if [[ $sums ]]; then
			wait_until spun || fail "the child does not end"
		else
			wait_events 1 "$(acted "$puppet" .child)"
		fi
		stop_tool
		assert_success
		assert_events 1 "$(acted "$puppet" .child)"
		assert_lost 0
	done
}

@test "filters are ANDed" {
	need_root
	make_cgroup
	for tool in "${tools[@]}"; do
		trying "$tool"
		puppets=()
		puppet_as=(setpriv --reuid "$test_uid" --clear-groups)
		# Each but the last differs in one thing.
		for name in other right right right right; do
			if [[ ${#puppets[@]} -eq 1 ]]; then
				puppet_as=()
			else
				puppet_as=(setpriv --reuid "$test_uid" --clear-groups)
			fi
			start_puppet "$name"
			if [[ ${#puppets[@]} -ne 3 ]]; then
				echo "$puppet" >"$cgroup/cgroup.procs"
			fi
		done
		start_tool "$tool" --json -u "$test_uid" -n right -c "$cgroup" \
			-p "${puppets[0]},${puppets[1]},${puppets[2]},${puppets[4]}" \
			-t "${puppets[0]},${puppets[1]},${puppets[2]},${puppets[3]},${puppets[4]}"
		release "${puppets[@]}"
		stop_tool
		assert_success
		if [[ $tool == execsnoop ]]; then
			assert_only "$puppet"
		else
			assert_events 1 "$(acted "$puppet")"
			assert_equal "$(events true | jq -r .pid | sort -u)" "$puppet"
		fi
	done
}

@test "in a PID namespace, processes have its numbers" {
	need_root
	unshare --pid --fork --mount-proc true || skip "no PID namespaces here"
	for tool in "${tools[@]}"; do
		trying "$tool"
		tool_files
		columns +ppid,tid
		spinner /nonexistent/inside exec
		spinner /nonexistent/other exec
		status=0
		# shellcheck disable=SC2016 # expanded inside
		timeout 60 unshare --pid --fork --mount-proc bash -c '
			tool=$1 out=$2 puppet=$3 sums=$4
			shift 4
			mkfifo "$out.go" "$out.other"
			exec 8<>"$out.go" 9<>"$out.other"
			bash "$puppet" /nonexistent/inside exec self "$sums" <&8 >"$out.ready" &
			inside=$!
			bash "$puppet" /nonexistent/other exec self "$sums" <&9 >"$out.ready2" &
			until [[ -s $out.ready && -s $out.ready2 ]]; do :; done
			env --default-signal=INT "$tool" --json "$@" -p "$inside" >"$out" 8>&- 9>&- &
			traced=$!
			until grep -qs attached "$out" || ! kill -0 "$traced"; do :; done
			echo >&8
			echo >&9
			wait "$inside"
			kill -INT "$traced"
			wait "$traced" || exit
			echo "$inside $$" >"$out.ids"
		' bash "$TOOLS/$tool" "$OUT" "$PUBLIC/puppet" "$sums" "${columns[@]}" 2>"$ERR" 3>&- || status=$?
		tool_ended
		assert_success
		read -r inside shell <"$OUT.ids"
		assert_events 1 "$(marked /nonexistent/inside) and .pid == $inside"
		[[ $sums ]] || assert_events 1 "$(marked /nonexistent/inside) and .tid == $inside and .ppid == $shell"
		assert_events 0 ".pid != $inside"
		assert_events 0 "$(marked /nonexistent/other)"
		rm "$OUT".*
	done
}

@test "in a PID namespace whose /proc is another one's, -p still takes its numbers" {
	need_root
	unshare --pid --fork true || skip "no PID namespaces here"
	for tool in "${tools[@]}"; do
		trying "$tool"
		tool_files
		status=0
		# shellcheck disable=SC2016 # expanded inside
		timeout 60 unshare --pid --fork bash -c '
			# A number that nobody outside has.
			for ((n = 30000; n < 32000; n += 7)); do
				[[ -e /proc/$n ]] || break
			done
			echo $((n - 1)) >/proc/sys/kernel/ns_last_pid
			sleep 60 &
			"$1" --json -d 100ms -p $! >"$2"
			result=$?
			kill $!
			exit $result
		' bash "$TOOLS/$tool" "$OUT" 2>"$ERR" 3>&- || status=$?
		tool_ended
		assert_success
	done
}

# ---- the traced command ----

@test "-- COMMAND: its status is the tool's" {
	need_root
	local json=$BATS_TEST_TMPDIR/json
	for tool in "${tools[@]}"; do
		trying "$tool"
		run_tool "$tool" --json --output "$json" -- true
		assert_success
		run_tool "$tool" --json --output "$json" -- sh -c 'exit 7'
		assert_failure 7
		assert_output ''
		# shellcheck disable=SC2016 # expanded inside
		run_tool "$tool" --json --output "$json" -- sh -c 'kill -TERM $$'
		assert_failure $((128 + 15))
		# shellcheck disable=SC2016 # expanded inside
		run_tool "$tool" --json --output "$json" -- sh -c 'kill -KILL $$'
		assert_failure $((128 + 9))
		OUT=$json
		assert_lost 0
		LACKING=ok run_tool "$tool" --json --output "$json" -- sh -c 'exit 3'
		assert_failure 3
		assert_output ''
	done
}

@test "-- COMMAND: it gets the signal that ends the tool; if it stays, the next one does not wait for it" {
	need_root
	local got=$BATS_TEST_TMPDIR/got pid=$BATS_TEST_TMPDIR/pid
	for tool in "${tools[@]}"; do
		trying "$tool"
		rm -f "$got" "$pid"
		# shellcheck disable=SC2016 # expanded inside
		start_tool "$tool" --json -- bash -c 'trap "echo TERM >\"$1\"" TERM
			echo $$ >"$2"
			while :; do sleep 0.05; done' bash "$got" "$pid"
		wait_until test -s "$pid"
		kill -TERM "$tool_pid"
		wait_until test -s "$got"
		wait_until grep -q '"type":"summary"' "$OUT"
		assert_lost 0
		process_ended "$tool_pid" && fail "it did not wait for the command"
		kill -TERM "$tool_pid"
		wait_tool
		assert_failure $((128 + 15))
		kill -KILL "$(<"$pid")"
	done
}

@test "-- COMMAND: 127 if it is not found, 126 if it cannot be run" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		for command in no-such-command ./no-such-command /nonexistent/command ''; do
			run_tool "$tool" --json -- "$command"
			assert_failure 127
			one_line "'$command'"
			refute_output --partial 'errno'
		done
		echo text >"$BATS_TEST_TMPDIR/text"
		chmod 644 "$BATS_TEST_TMPDIR/text"
		for command in "$BATS_TEST_TMPDIR/text" /etc; do
			run_tool "$tool" --json -- "$command"
			assert_failure 126
			one_line "'$command'"
		done
		PATH=$BATS_TEST_TMPDIR run_tool "$tool" --json -- text
	done
}

@test "-- COMMAND: it and all its descendants, also short-lived ones, and nobody else" {
	need_root
	local path json=$BATS_TEST_TMPDIR/json
	# What sums up has a test of its own.
	for tool in "${row_tools[@]}"; do
		for orphan in '' --orphan; do
			trying "$tool" "$orphan"
			path=/nonexistent/fork-tree
			start_puppet
			# shellcheck disable=SC2086 # none or one
			run_tool "$tool" --json --output "$json" -o +ppid -- \
				"$WORKLOADS/exec" fork-tree "$path" --children 5 --grandchildren 4 $orphan
			assert_success
			release "$puppet"
			cp "$OUT" "$BATS_TEST_TMPDIR/did"
			OUT=$json
			case $tool in
			execsnoop) did='.what == "execve"' seen='.args[0] == "noop"' ;;
			*) did='.what == "open"' seen=$(marked "$path") ;;
			esac
			# Each pid that did it, once.
			diff <(jq "select($did) | .pid" "$BATS_TEST_TMPDIR/did" | sort) \
				<(events "$seen" | jq .pid | sort)
			[[ $(count_events "$seen") -ge 20 ]]
			assert_lost 0
		done
	done
}

@test "-- COMMAND: nobody else, whatever happens meanwhile" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		puppets=()
		start_puppet
		mkfifo "$BATS_TEST_TMPDIR/go-$tool"
		exec {go}<>"$BATS_TEST_TMPDIR/go-$tool"
		start_tool "$tool" --json -- sh -c 'read -r line' <&"$go"
		release "$puppet"
		start_puppet
		release "$puppet"
		echo >&"$go"
		wait_tool
		assert_success
		for puppet in "${puppets[@]}"; do
			assert_events 0 "$(acted "$puppet")"
		done
		exec {go}>&-
	done
}

@test "-- COMMAND: what it does first is seen" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		case $tool in
		execsnoop)
			run_tool "$tool" --json -- "$WORKLOADS/exec" noop first
			assert_events 1 '.args[-1] == "first"'
			;;
		perf-sample)
			spinner /nonexistent/first first
			run_tool "$tool" --json -- "$spinner" shares --ms 200
			assert_events 1 "$(marked /nonexistent/first)"
			;;
		*)
			run_tool "$tool" --json -- "$WORKLOADS/open" /nonexistent/first
			assert_events 1 "$(marked /nonexistent/first)"
			;;
		esac
		assert_success
		[[ $sums ]] || assert_equal "$(events true | jq .pid | sort -u | wc -l)" 1
	done
}

@test "-- COMMAND: it keeps its standard input and output" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		# shellcheck disable=SC2016 # expanded inside
		run_tool "$tool" --output "$BATS_TEST_TMPDIR/rows" -- \
			sh -c 'read -r a && echo "got $a" && echo error >&2' <<<hello
		assert_success
		assert_equal "$(<"$OUT")" 'got hello'
		assert_line error
		assert_line --regexp "^$tool: [0-9]+ events, 0 lost$"
	done
}

@test "-- COMMAND: it is not started if the tool cannot trace" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		LACKING=ok CORELETS_WITHOUT=tp_btf,raw_tp,tp,fentry,fexit,kprobe,perf_event run_tool "$tool" -- \
			touch "$BATS_TEST_TMPDIR/ran"
		assert_failure 3
		[[ ! -e $BATS_TEST_TMPDIR/ran ]]
		run_tool "$tool" --output /nonexistent/file -- touch "$BATS_TEST_TMPDIR/ran"
		assert_failure
		[[ $status -ne 3 ]]
		one_line /nonexistent/file
		[[ ! -e $BATS_TEST_TMPDIR/ran ]]
	done
}

@test "-- COMMAND: options behind it are its own" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		run_tool "$tool" --output "$BATS_TEST_TMPDIR/rows" -- echo --csv --no-such-option -- -p
		assert_success
		assert_equal "$(<"$OUT")" '--csv --no-such-option -- -p'
	done
}

@test "-- COMMAND: the filters hold for it too" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		act wanted
		wanted=("${acting[@]}")
		act unwanted
		run_tool "$tool" --json -n wanted -- "${wanted[@]}"
		assert_success
		assert_events 1 "$(marked "$mark") and .comm == \"wanted\""
		run_tool "$tool" --json -n wanted -- "${acting[@]}"
		assert_success
		assert_no_events
		run_tool "$tool" --json -u "$test_uid" -- setpriv --reuid "$test_uid" --clear-groups "${wanted[@]}"
		assert_events 1 "$(marked "$mark")"
		run_tool "$tool" --json -u "$test_uid" -- "${wanted[@]}"
		assert_no_events
	done
}

# ---- JSON ----

@test "JSON: first attached, last the summary, and every line is strict" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		act json
		columns all
		run_tool "$tool" --json "${columns[@]}" -- "${acting[@]}"
		assert_success
		assert_output ''
		strict_json "$OUT"
		assert_equal "$(attached '.type, .tool, .schema, .kernel' | paste -sd' ')" \
			"attached $tool 1 $(uname -r)"
		assert_equal "$(attached '.version')" "$("$TOOLS/$tool" --version | sed 's/.* //')"
		assert_equal "$(attached '.programs | length > 0 and all(.need != "" and (.attach | test("^[a-z_]+/")))')" true
		assert_equal "$(jq -s 'map(select(.type == "attached")) | length' "$OUT")" 1
		assert_equal "$(jq -s 'map(select(.type == "summary")) | length' "$OUT")" 1
		assert_equal "$(summary .events)" "$(told_events)"
		assert_equal "$(summary .lost_by)" '{}'
		assert_lost 0
		assert_events 1 "$(marked "$mark")"
		assert_equal "$(events true | jq -r .type | sort -u)" "$(event_type)"
	done
}

@test "JSON: time is RFC 3339 in UTC with nanoseconds, boot_ns the same moment" {
	need_root
	for tool in "${row_tools[@]}"; do
		trying "$tool"
		act clocks
		before=$(date +%s%N)
		TZ=Asia/Tokyo run_tool "$tool" --json -- "${acting[@]}"
		after=$(date +%s%N)
		assert_events 1 "$(marked "$mark")"
		python3 - "$OUT" "$before" "$after" <<-'END'
			import calendar, json, re, sys, time
			before, after = int(sys.argv[2]), int(sys.argv[3])
			real = time.clock_gettime_ns(time.CLOCK_REALTIME)
			boot = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
			last = 0
			for line in open(sys.argv[1]):
			    event = json.loads(line)
			    if "boot_ns" not in event:
			        continue
			    m = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})Z", event["time"])
			    assert m, event["time"]
			    at = calendar.timegm(time.strptime(m[1], "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(m[2])
			    assert before - 10**9 <= at <= after + 10**9, (before, at, after)
			    assert abs(at - (event["boot_ns"] + real - boot)) < 10**9, event
		END
	done
}

@test "every member of the event is a column, or is known to be internal" {
	need_root
	need_command bpftool
	# Members that are not shown as they are, and which column has them.
	local internal="
		execsnoop ancestors	what depth and the indentation of --tree are made of
		opensnoop via		shown as call
		opensnoop type		shown as file_type
		bpfload-watch attr	what other columns are made of
		bpfload-watch caps	what capability is made of
		bpfload-watch have	what facts is made of
		bpfload-watch load_ns	what lifetime_ns is made of
		bpfload-watch message	what target is made of
		bpfload-watch perf_config	what target is made of
		bpfload-watch perf_type	what target is made of
		bpfload-watch user_level	what capability is made of
	"
	local keys members member
	for tool in "${row_tools[@]}"; do
		trying "$tool"
		[[ -e $TOOLS/$tool.bpf.o ]] || skip "no BPF objects beside the tools"
		keys=$(column_keys)
		members=$(bpftool btf dump file "$TOOLS/$tool.bpf.o" -j | jq -r '
			(.types | map({key: (.id | tostring), value: .}) | from_entries) as $by
			| .types[] | select(.kind == "STRUCT" and (.members | length > 0))
			| select($by[.members[0].type_id | tostring] | .kind == "STRUCT" and .name == "task_info")
			| .members[1:][].name, ($by[.members[0].type_id | tostring].members[].name)')
		[[ -n $members ]] || fail "no struct that starts with a struct task_info in the BTF of $tool.bpf.o"
		for member in $members; do
			case $member in
			boot_ns | pad* | *_unused) continue ;;
			esac
			if ! grep -qx "$member" <<<"$keys" && ! grep -qE "^\s*$tool $member\s" <<<"$internal"; then
				fail "$tool: '$member' of the event is no column"
			fi
		done
	done
}

@test "--help lists the columns, and -o takes each" {
	need_root
	for tool in "${row_tools[@]}"; do
		trying "$tool"
		keys=$(column_keys)
		run_tool "$tool" --help
		listed=$(sed -n '/^Columns/,/^$/s/^  \([a-z_]*\) .*/\1/p' "$OUT")
		assert_equal "$(grep -vx time <<<"$listed")" "$keys"
		act one
		for key in $keys; do
			run_tool "$tool" --help -o "$key"
			assert_success
		done
		run_tool "$tool" --csv -o "$(paste -sd, <<<"$keys")" -- true
		assert_success
		assert_equal "$(head -n 1 "$OUT" | tr -d '\r')" "$(paste -sd, <<<"$keys")"
	done
}

@test "-o: which columns, in which order; + adds to the default ones" {
	need_root
	for tool in "${row_tools[@]}"; do
		trying "$tool"
		act order
		run_tool "$tool" --json -o uid,pid,comm -- "${acting[@]}"
		assert_success
		assert_equal "$(events true | head -n 1 | jq -r 'keys_unsorted | join(",")')" type,time,boot_ns,uid,pid,comm
		run_tool "$tool" --csv -o comm,uid,pid -- "${acting[@]}"
		assert_equal "$(head -n 1 "$OUT")" $'comm,uid,pid\r'
		run_tool "$tool" -o PID,comm,pid -- "${acting[@]}"
		assert_equal "$(head -n 1 "$OUT" | xargs)" 'PID COMM'
		run_tool "$tool" --csv -- true
		head -n 1 "$OUT" | tr -d '\r' | tr , '\n' >"$BATS_TEST_TMPDIR/default"
		run_tool "$tool" --csv -o +gid -- true
		head -n 1 "$OUT" | tr -d '\r' | tr , '\n' >"$BATS_TEST_TMPDIR/added"
		run diff "$BATS_TEST_TMPDIR/default" "$BATS_TEST_TMPDIR/added"
		assert_equal "$(grep -c '^[<>]' <<<"$output")" 1
		assert_line '> gid'
	done
}

# ---- CSV and table ----

@test "CSV: RFC 4180, with the keys as header, and CRLF" {
	need_root
	local text=$'a,b "c"\n d\xff'
	program csv
	for tool in "${row_tools[@]}"; do
		trying "$tool"
		run_tool "$tool" --csv -o all --output "$BATS_TEST_TMPDIR/csv" -- \
			bash "$PUBLIC/puppet" "/nonexistent/$text" csv now
		assert_success
		run_tool "$tool" --help
		listed=$(sed -n '/^Columns/,/^$/s/^  \([a-z_]*\) .*/\1/p' "$OUT" | paste -sd,)
		python3 - "$BATS_TEST_TMPDIR/csv" "$listed" <<-'END'
			import csv, io, sys
			data = open(sys.argv[1], "rb").read()
			assert data.endswith(b"\r\n")
			assert data.count(b"\n") == data.count(b"\r\n") == data.count(b"\r"), "CRLF"
			rows = list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))
			assert ",".join(rows[0]) == sys.argv[2], rows[0]
			assert any('a,b "c"\\x0a d\\xff' in cell for row in rows[1:] for cell in row), rows
			for row in rows:
			    assert len(row) == len(rows[0]), row
			    assert not any(c < " " for cell in row for c in cell), row
		END
		assert_equal "$(tail -n 1 "$ERR")" ''
	done
}

@test "CSV: numbers are raw" {
	need_root
	for tool in "${row_tools[@]}"; do
		trying "$tool"
		act raw
		run_tool "$tool" --csv -o time,pid,uid,comm -- "${acting[@]}"
		python3 - "$OUT" <<-'END'
			import csv, re, sys
			rows = list(csv.reader(open(sys.argv[1], newline="")))
			assert len(rows) > 1
			for row in rows[1:]:
			    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", row[0]), row
			    assert row[1].isdigit() and row[2].isdigit(), row
		END
		assert_output --regexp "^$tool: [0-9]+ events, 0 lost$"
	done
}

# aligned FILE COLUMNS: in every line each cell but the last begins or ends where its header does.
aligned()
{
	python3 - "$@" <<-'END'
		import re, sys
		lines = open(sys.argv[1], encoding="utf-8").read().split("\n")[:-1]
		n = int(sys.argv[2])
		def cells(line):
		    return [(m.start(), m.end()) for m in re.finditer(r"\S+", line)]
		head = cells(lines[0])
		assert len(head) == n, lines[0]
		assert len(lines) > 1, "no row"
		for line in lines[1:]:
		    row = cells(line)
		    assert len(row) >= n, line
		    for h, r in list(zip(head, row))[:n - 1]:
		        if h[0] != r[0] and h[1] != r[1]:
		            sys.exit("not aligned:\n%s\n%s" % (lines[0], line))
	END
}

@test "table: a header, aligned columns, 80 columns where the data allow" {
	need_root
	for tool in "${row_tools[@]}"; do
		trying "$tool"
		act short
		case $tool in
		bpfload-watch) run_tool "$tool" -n exec -- "$PUBLIC/bin/exec" noop / ;;
		execsnoop | opensnoop) run_tool "$tool" -n true -- true ;;
		*) run_tool "$tool" -n short -- "${acting[@]}" ;;
		esac
		assert_success
		head=$(head -n 1 "$OUT")
		[[ $head == TIME*COMM*PID* ]]
		aligned "$OUT" "$(wc -w <<<"$head")"
		if [[ $(wc -L <"$OUT") -gt 80 ]]; then
			fail "wider than 80: $(<"$OUT")"
		fi
		assert_equal "$(grep -c ' $' "$OUT")" 0
		assert_output --regexp "^$tool: [0-9]+ events, 0 lost$"
		# Names only, so that a cell is a word.
		run_tool "$tool" -o time,comm,pid,uid,gid,cpu,tid,ppid -- "${acting[@]}"
		aligned "$OUT" 8
	done
}

@test "-T: each format, aligned, of the same moments" {
	need_root
	local formats=(clock iso delta mono none) patterns=('[0-2][0-9]:[0-5][0-9]:[0-6][0-9]'
		'[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z' '[0-9]+\.[0-9]{6}' '[0-9]+\.[0-9]{6}' '')
	local i columns
	for tool in "${row_tools[@]}"; do
		for ((i = 0; i < 5; i++)); do
			trying "$tool" "${formats[i]}"
			act times
			run_tool "$tool" -T "${formats[i]}" -o time,comm,pid -- "${acting[@]}"
			assert_success
			columns=3
			if [[ ${formats[i]} == none ]]; then
				columns=2
				assert_equal "$(head -n 1 "$OUT" | xargs)" 'COMM PID'
			else
				run grep -cvE "^(TIME|${patterns[i]}) " "$OUT"
				assert_output 0
			fi
			aligned "$OUT" "$columns"
		done
		# The default is the first.
		TZ=UTC run_tool "$tool" -o time,comm,pid -- "${acting[@]}"
		run grep -cvE "^(TIME|${patterns[0]}) " "$OUT"
		assert_output 0
	done
}

@test "-T clock is the local time, -T mono the monotonic clock" {
	need_root
	for tool in "${row_tools[@]}"; do
		trying "$tool"
		act local
		before=$(TZ=XXX-5:30 date +%H:%M:%S)
		TZ=XXX-5:30 run_tool "$tool" -T clock -o time,comm -- "${acting[@]}"
		after=$(TZ=XXX-5:30 date +%H:%M:%S)
		row=$(sed -n 2p "$OUT")
		if [[ ! $before > $after ]]; then
			[[ ! ${row%% *} < $before && ! ${row%% *} > $after ]]
		fi
		run_tool "$tool" -T mono -o time,comm -- "${acting[@]}"
		row=$(sed -n 2p "$OUT")
		python3 -c 'import sys, time; assert abs(time.monotonic() - float(sys.argv[1])) < 60' "${row%% *}"
	done
}

@test "--no-header" {
	need_root
	for tool in "${row_tools[@]}"; do
		trying "$tool"
		act nohead
		run_tool "$tool" --no-header -n nohead -o comm -- "${acting[@]}"
		assert_success
		assert_equal "$(sort -u "$OUT")" nohead
		run_tool "$tool" --no-header --csv -n nohead -o comm -- "${acting[@]}"
		assert_equal "$(sort -u "$OUT")" $'nohead\r'
	done
}

@test "--output: mode 0600, the same content, nothing on standard output" {
	need_root
	local file
	umask 0
	for tool in "${tools[@]}"; do
		if [[ " ${row_tools[*]} " != *" $tool "* ]]; then
			trying "$tool"
			run_tool "$tool" --json --output "$BATS_TEST_TMPDIR/$tool" -- true
			[[ ! -s $OUT ]]
			assert_equal "$(stat -c %a "$BATS_TEST_TMPDIR/$tool")" 600
			continue
		fi
		trying "$tool"
		act output
		file=$BATS_TEST_TMPDIR/$tool.new
		run_tool "$tool" --csv -T none -n output -o comm,uid --output "$file" -- "${acting[@]}"
		assert_success
		[[ ! -s $OUT ]]
		assert_equal "$(stat -c %a "$file")" 600
		run_tool "$tool" --csv -T none -n output -o comm,uid -- "${acting[@]}"
		cmp "$OUT" "$file"
		mv "$OUT" "$OUT.expected"
		# One that is there is emptied, and nobody else reads it any more.
		seq 100000 >"$file"
		chmod 666 "$file"
		run_tool "$tool" --csv -T none -n output -o comm,uid --output "$file" -- "${acting[@]}"
		assert_equal "$(stat -c %a "$file")" 600
		cmp "$OUT.expected" "$file"
	done
}

@test "--output: a device keeps its mode, and what cannot be written is an error" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		mode=$(stat -c %a /dev/null)
		run_tool "$tool" --json --output /dev/null -- true
		assert_success
		assert_equal "$(stat -c %a /dev/null)" "$mode"
		act full
		run_tool "$tool" --json --output /dev/full -- "${acting[@]}"
		assert_failure 1
		one_line 'No space left on device'
		run_tool "$tool" --json --output "$BATS_TEST_TMPDIR" -- true
		assert_failure
		one_line "$BATS_TEST_TMPDIR"
	done
}

@test "--output: a tool that cannot run leaves the file as it was" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		echo precious >"$PUBLIC/file"
		chmod 666 "$PUBLIC/file"
		chown 65534 "$PUBLIC/file"
		as_nobody '' "$tool" --output "$PUBLIC/file"
		assert_failure 3
		assert_equal "$(<"$PUBLIC/file")" precious
		# This one cannot be made private.
		chown 0 "$PUBLIC/file"
		as_nobody +bpf,+perfmon "$tool" --output "$PUBLIC/file" -- true
		assert_failure
		one_line "$PUBLIC/file"
		assert_equal "$(<"$PUBLIC/file")" precious
	done
}

@test "a row arrives while the tool runs: in a file, and in a pipe" {
	need_root
	for tool in "${row_tools[@]}"; do
		for format in --json --csv ''; do
			for how in file pipe; do
				trying "$tool" "$format" "$how"
				puppets=()
				start_puppet
				if [[ $how == file ]]; then
					# shellcheck disable=SC2086 # none or one
					start_tool "$tool" $format -p "$puppet"
				else
					rm -f "$BATS_TEST_TMPDIR/pipe"
					mkfifo "$BATS_TEST_TMPDIR/pipe"
					cat "$BATS_TEST_TMPDIR/pipe" >"$BATS_TEST_TMPDIR/got" 3>&- &
					reader=$!
					# Nobody but cat may read the pipe.
					READY=privileges start_tool "$tool" $format -p "$puppet" --output "$BATS_TEST_TMPDIR/pipe"
					OUT=$BATS_TEST_TMPDIR/got
				fi
				release "$puppet"
				DEADLINE=5 wait_until grep -qF "$(shown "${puppet_mark[$puppet]}")" "$OUT" ||
					fail "no row within 5 s"
				stop_tool
				assert_success
				if [[ $how == pipe ]]; then
					wait "$reader"
				fi
			done
		done
	done
}

# ---- ends ----

@test "SIGINT and SIGTERM: everything that has happened is told, and nothing is left" {
	need_root
	for tool in "${tools[@]}"; do
		for signal in INT TERM HUP; do
			trying "$tool" "$signal"
			start_tool "$tool" --json -n ending
			cause 300 ending /nonexistent/ending
			stop_tool "$signal"
			assert_success
			assert_output ''
			assert_events 300 "$(marked /nonexistent/ending)"
			assert_lost 0
			no_leftovers
		done
	done
}

@test "at the end everything is told that waits in the ring, however much it is" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		start_tool "$tool" --json --buffer 16M -n ending
		# More than a tool takes at a time, and than it takes before it looks at signals.
		n=12000
		if [[ $tool == execsnoop ]]; then
			n=5000
		fi
		kill -STOP "$tool_pid"
		cause "$n" ending /nonexistent/ending
		kill -INT "$tool_pid"
		kill -CONT "$tool_pid"
		wait_tool
		assert_success
		assert_events "$n" "$(marked /nonexistent/ending)"
		assert_lost 0
	done
}

@test "table and CSV end with everything told, too" {
	need_root
	for tool in "${row_tools[@]}"; do
		for format in '' --csv; do
			trying "$tool" "$format"
			# shellcheck disable=SC2086 # none or one
			start_tool "$tool" $format -n ending
			cause 100 ending /nonexistent/ending
			stop_tool TERM
			assert_success
			assert_equal "$(grep -cF "$(shown /nonexistent/ending)" "$OUT")" 100
			assert_output "$tool: 100 events, 0 lost"
		done
	done
}

@test "--duration" {
	need_root
	for tool in "${tools[@]}"; do
		for time in 0.3 300ms 0.005m; do
			trying "$tool" "$time"
			before=$(date +%s%N)
			TOOL_TIMEOUT=30 run_tool "$tool" --json --duration "$time"
			assert_success
			(($(date +%s%N) - before >= 300000000))
			assert_equal "$(jq -r .type "$OUT" | sed -n '1p;$p' | paste -sd' ')" 'attached summary'
		done
	done
}

@test "--max-events: exactly so many" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		for n in 1 7; do
			start_tool "$tool" --json -n many --max-events "$n"
			cause 50 many /nonexistent/many
			wait_tool
			assert_success
			assert_equal "$(told_events)" "$n"
			assert_equal "$(summary .events)" "$n"
			strict_json "$OUT"
			no_leftovers
		done
		[[ ! $sums ]] || continue
		start_tool "$tool" --csv -n many --max-events 5
		cause 50 many /nonexistent/many
		wait_tool
		assert_success
		assert_equal "$(wc -l <"$OUT")" 6
		assert_output "$tool: 5 events, 0 lost"
	done
}

@test "a closed pipe ends the tool, also on an idle system" {
	need_root
	for tool in "${tools[@]}"; do
		for format in --json ''; do
			trying "$tool" "$format"
			rm -f "$BATS_TEST_TMPDIR/pipe"
			mkfifo "$BATS_TEST_TMPDIR/pipe"
			# shellcheck disable=SC2217 # it only keeps the pipe open
			sleep 60 <"$BATS_TEST_TMPDIR/pipe" 3>&- &
			reader=$!
			# shellcheck disable=SC2086 # none or one
			READY=privileges start_tool "$tool" $format -n nobody-at-all --output "$BATS_TEST_TMPDIR/pipe"
			kill "$reader"
			wait "$reader" || true
			wait_tool
			assert_success
			refute_output --partial 'cannot'
			no_leftovers
		done
		trying "$tool" head
		tool_files
		# shellcheck disable=SC2016 # expanded inside
		run bash -c 'set -o pipefail
			timeout 60 "$1" --json -- bash -c "\"$2\" fork-tree /nonexistent/x --children 20 >&2" 2>"$3" |
				head -n 3' bash "$TOOLS/$tool" "$WORKLOADS/exec" "$ERR"
		assert_success
		assert_equal "${#lines[@]}" 3
		refute grep -q "^$tool:" "$ERR"
	done
}

interrupted()
{
	local blocked
	blocked=$(process_status "$tool_pid" SigBlk)
	[[ $((0x${blocked:-2} & 2)) -eq 0 ]]
}

@test "a reader that is stuck: the first SIGINT waits for it, the second ends the tool" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		columns all
		rm -f "$BATS_TEST_TMPDIR/pipe"
		mkfifo "$BATS_TEST_TMPDIR/pipe"
		# A reader that never reads, of a pipe of one page.
		python3 -c 'import fcntl, sys, time
with open(sys.argv[1]) as pipe:
    fcntl.fcntl(pipe, 1031, 4096)
    time.sleep(60)' "$BATS_TEST_TMPDIR/pipe" 3>&- &
		reader=$!
		READY=privileges start_tool "$tool" --json "${columns[@]}" -n stuck --output "$BATS_TEST_TMPDIR/pipe"
		cause 200 stuck /nonexistent/stuck
		kill -INT "$tool_pid"
		wait_until interrupted
		# It would have ended by now, or the reader has all.
		process_ended "$tool_pid" && fail "the reader was not stuck"
		# timeout(1), too, sends its signal twice: that is one.
		sleep 1
		kill -INT "$tool_pid"
		wait_tool
		assert_failure $((128 + 2))
		no_leftovers
		kill "$reader"
		wait "$reader" || true
	done
}

@test "a reader that is late loses nothing" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		columns all
		rm -f "$BATS_TEST_TMPDIR/pipe"
		mkfifo "$BATS_TEST_TMPDIR/pipe"
		exec {late}<>"$BATS_TEST_TMPDIR/pipe"
		# The tool does not hold the other end itself.
		READY=privileges start_tool "$tool" --json "${columns[@]}" -n late --output "$BATS_TEST_TMPDIR/pipe"
		cause 300 late /nonexistent/late
		kill -TERM "$tool_pid"
		wait_until interrupted
		# timeout(1) signals its child, and then its group: the second one is no haste.
		kill -TERM "$tool_pid"
		kill -HUP "$tool_pid"
		cat "$BATS_TEST_TMPDIR/pipe" >"$BATS_TEST_TMPDIR/got" 3>&- {late}>&- &
		reader=$!
		wait_tool
		exec {late}>&-
		wait "$reader"
		assert_success
		OUT=$BATS_TEST_TMPDIR/got
		assert_events 300 "$(marked /nonexistent/late)"
		assert_lost 0
		strict_json "$OUT"
	done
}

@test "kill -9 leaves nothing in the kernel" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		columns all
		for without in '' tp_btf,raw_tp; do
			CORELETS_WITHOUT=$without start_tool "$tool" --json "${columns[@]}"
			kill -KILL "$tool_pid"
			wait_tool
			assert_failure $((128 + 9))
			no_leftovers
		done
	done
}

@test "nothing is pinned, and no mount is left behind" {
	need_root
	cp /proc/self/mounts "$BATS_TEST_TMPDIR/mounts"
	find /sys/fs/bpf >"$BATS_TEST_TMPDIR/pins" 2>/dev/null || true
	for tool in "${tools[@]}"; do
		trying "$tool"
		columns all
		for without in '' tp_btf,raw_tp; do
			CORELETS_WITHOUT=$without start_tool "$tool" --json "${columns[@]}"
			diff "$BATS_TEST_TMPDIR/mounts" /proc/self/mounts
			diff "$BATS_TEST_TMPDIR/pins" <(find /sys/fs/bpf 2>/dev/null)
			stop_tool
			assert_success
			diff "$BATS_TEST_TMPDIR/mounts" /proc/self/mounts
		done
	done
}

# ---- losses ----

@test "losses: every event is there or counted, told when it happens and at the end" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		start_tool "$tool" --json --buffer 4096 -n flood
		# While it cannot read, one page fills up.
		kill -STOP "$tool_pid"
		cause 150 flood /nonexistent/flood
		kill -CONT "$tool_pid"
		wait_until grep -q '^{"type":"lost","reason":"ring_full","count":[1-9][0-9]*}$' "$OUT" ||
			fail "no loss is told while the tool runs"
		cause 3 flood /nonexistent/after
		stop_tool
		assert_success
		strict_json "$OUT"
		assert_events 3 "$(marked /nonexistent/after)"
		[[ $sums ]] || assert_events_plus_lost 153 "$(marked /nonexistent/flood) or $(marked /nonexistent/after)"
		assert_equal "$(summary '.lost_by | keys[]')" '"ring_full"'
		[[ $(summary .lost) -gt 50 ]]
	done
}

@test "losses: a flood while the tool runs" {
	need_root
	for tool in "${row_tools[@]}"; do
		trying "$tool"
		start_tool "$tool" --json --buffer 1 -n flood
		cause 800 flood /nonexistent/flood
		stop_tool
		assert_success
		assert_events_plus_lost 800 "$(marked /nonexistent/flood)"
	done
}

@test "losses: table and CSV tell them on standard error" {
	need_root
	for tool in "${tools[@]}"; do
		for format in '' --csv; do
			trying "$tool" "$format"
			[[ ! $sums || ! $format ]] || continue
			# shellcheck disable=SC2086 # none or one
			start_tool "$tool" $format --buffer 4096 -n flood
			kill -STOP "$tool_pid"
			cause 150 flood /nonexistent/flood
			kill -CONT "$tool_pid"
			wait_until grep -qE "^$tool: lost [1-9][0-9]* \(ring_full\)$" "$ERR" ||
				fail "no loss is told while the tool runs"
			stop_tool
			assert_success
			if [[ $sums ]]; then
				assert_line --regexp "^$tool: [1-9][0-9]* events, ([1-9][0-9]*) lost \(ring_full [1-9][0-9]*\)$"
				continue
			fi
			rows=$(grep -cF "$(shown /nonexistent/flood)" "$OUT")
			assert_line "$tool: $rows events, $((150 - rows)) lost (ring_full $((150 - rows)))"
		done
	done
}

@test "--buffer is rounded up to what the kernel takes" {
	need_root
	for tool in "${tools[@]}"; do
		for size in 1 5000 100000 3M 512K; do
			trying "$tool" "$size"
			run_tool "$tool" --json --buffer "$size" -- true
			assert_success
			assert_lost 0
		done
	done
}

# ---- what the tool says of itself ----

@test "--stats: events, losses, and calls and ns of each program" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		act stats
		run_tool "$tool" --stats --output "$BATS_TEST_TMPDIR/table" -- "${acting[@]}"
		assert_success
		assert_line --regexp "^$tool: [1-9][0-9]* events, 0 lost$"
		run_tool "$tool" --json --stats --output "$BATS_TEST_TMPDIR/json" -- "${acting[@]}"
		assert_success
		OUT=$BATS_TEST_TMPDIR/json
		called=0
		while read -r point; do
			assert_line --regexp "^$tool: $point: [0-9]+ calls, [0-9]+ ns"
			if [[ $output =~ $point:\ [1-9][0-9]*\ calls,\ [1-9] ]]; then
				called=$((called + 1))
			fi
		done < <(attached '.programs[].attach | split("+")[]')
		[[ $called -gt 0 ]] || fail "no program was called"
	done
}

@test "--stats: with JSON too, events and losses are on standard error" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		act stats
		run_tool "$tool" --json --stats --output "$BATS_TEST_TMPDIR/json" -- "${acting[@]}"
		assert_line --regexp "^$tool: [1-9][0-9]* events, 0 lost$"
	done
}

@test "-v names the attach point of each need, and why" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		run_tool "$tool" --json -v --output "$BATS_TEST_TMPDIR/json" -- true
		assert_success
		OUT=$BATS_TEST_TMPDIR/json
		while IFS=$'\t' read -r need point; do
			assert_line --partial "$tool: $need: $point"
		done < <(attached '.programs[] | [.need, .attach] | @tsv')
		CORELETS_WITHOUT=tp_btf run_tool "$tool" --json -v --output "$BATS_TEST_TMPDIR/json" -- true
		assert_success
		assert_output --regexp "$tool: [a-z ]+: [^ ]+ \(tp_btf/[a-z_]+: [^)]*CORELETS_WITHOUT"
	done
}

@test "a tool does not report itself, nor feed on its own output" {
	need_root
	for tool in "${tools[@]}"; do
		for output_to in file pipe; do
			trying "$tool" "$output_to"
			puppets=()
			start_puppet
			if [[ $output_to == file ]]; then
				start_tool "$tool" --json --output "$BATS_TEST_TMPDIR/o"
			else
				start_tool "$tool" --json
			fi
			release "$puppet"
			stop_tool
			assert_success
			if [[ $output_to == file ]]; then
				OUT=$BATS_TEST_TMPDIR/o
			fi
			assert_events 1 "$(acted "$puppet")"
			assert_events 0 ".pid == $tool_pid"
		done
	done
}

@test "--self shows what the tool does itself" {
	need_root
	for tool in "${tools[@]}"; do
		# Nothing else does something itself once it runs.
		[[ $tool == opensnoop ]] || continue
		trying "$tool"
		start_tool "$tool" --json --self
		stop_tool
		[[ $(count_events ".pid == $tool_pid") -gt 0 ]]
	done
}

# ---- fallbacks ----

@test "CORELETS_WITHOUT: the next attach point is used, and sees the same" {
	need_root
	for tool in "${tools[@]}"; do
		for without in tp_btf tp_btf,raw_tp tp_btf,raw_tp,task_storage; do
			trying "$tool" "$without"
			act fallback
			CORELETS_WITHOUT=$without run_tool "$tool" --json -- "${acting[@]}"
			assert_success
			assert_output ''
			point=raw_tp
			if [[ $without == *raw_tp* ]]; then
				point=tp
			fi
			# There is no other way to sample.
			assert_equal "$(attached "[.programs[].attach | split(\"+\")[] | split(\"/\")[0]] - [\"perf_event\"] | unique[]")" "$point"
			assert_events 1 "$(marked "$mark")"
			assert_lost 0
		done
	done
}

@test "without any attach point: status 3, and one line that names the need" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		run_tool "$tool" --json -- true
		need=$(attached '.programs[-1].need')
		first=$(attached '[.programs[].need | select(. != "fork" and . != "exit")][0]')
		LACKING=ok CORELETS_WITHOUT=tp_btf,raw_tp,tp,fentry,fexit,kprobe,perf_event run_tool "$tool" --json
		assert_failure 3
		one_line "'$first'"
		[[ -n $need && ! -s $OUT ]]
	done
}

@test "classic tracepoints work where tracefs is not mounted" {
	need_root
	for tool in "${tools[@]}"; do
		trying "$tool"
		act classic
		# shellcheck disable=SC2016 # expanded inside
		run_as=(unshare -m bash -c '
			mount --make-rprivate /
			while grep -qE "^[^ ]+ [^ ]+ (tracefs|debugfs) " /proc/self/mounts; do
				umount -l "$(grep -m 1 -E "^[^ ]+ [^ ]+ (tracefs|debugfs) " /proc/self/mounts | cut -d" " -f2)" || exit 99
			done
			exec "$@"' bash)
		CORELETS_WITHOUT=tp_btf,raw_tp run_tool "$tool" --json -- "${acting[@]}"
		run_as=()
		assert_success
		assert_events 1 "$(marked "$mark")"
		assert_equal "$(attached '.programs[0].attach | split("/")[0]')" tp
	done
}

# ---- hostile names ----

@test "hostile names of threads: exact in JSON, harmless on the table and in CSV" {
	need_root
	local names=($'\e[31mred' $'new\nline' $'\xff\xfe\x80bad' $'\xe2\x80\xaetxt' 'back\slash'
		$'\xc2\x9b31m' '"quo"te' $'\xe2\x80\xa8ls' $'cut\xe4\xb8' $'\x9b2J' $'tab\there' 'a,b' ' ')
	local name format
	for name in "${names[@]}"; do
		program "$name"
		printf '%s\0' "$name"
	done >"$BATS_TEST_TMPDIR/names"
	for tool in "${row_tools[@]}"; do
		for format in --json --csv ''; do
			trying "$tool" "$format"
			# shellcheck disable=SC2016,SC2086 # expanded inside; none or one
			run_tool "$tool" $format --output "$BATS_TEST_TMPDIR/lines" -- bash -c '
				public=$1 open=$2
				shift 2
				for name; do
					"$public/bin/$name" noop /nonexistent/hostile
					"$open" --comm "$name" /nonexistent/hostile
				done' bash "$PUBLIC" "$WORKLOADS/open" "${names[@]}"
			OUT=$BATS_TEST_TMPDIR/lines
			assert_success
			if [[ $format == --json ]]; then
				strict_json "$OUT"
				events "$(marked /nonexistent/hostile) and .comm != \"open\"" >"$BATS_TEST_TMPDIR/events"
				python3 - "$BATS_TEST_TMPDIR/names" "$BATS_TEST_TMPDIR/events" <<-'END'
					import json, sys
					names = open(sys.argv[1], "rb").read().split(b"\0")[:-1]
					seen = []
					for line in open(sys.argv[2], encoding="utf-8"):
					    event = json.loads(line)
					    name = event["comm"].encode()
					    if "comm_hex" in event:
					        name = bytes.fromhex(event["comm_hex"])
					        assert "\ufffd" in event["comm"], event
					    # Some tools see both of the two that are called so.
					    if not seen or seen[-1] != name:
					        seen.append(name)
					assert seen == [n[:15] for n in names], seen
				END
				# Escaped, though valid.
				if LC_ALL=C grep -qE $'\xe2\x80\xae|\xe2\x80\xa8|\xc2\x9b' "$OUT"; then
					fail "a control character in JSON is raw"
				fi
			else
				python3 - "$OUT" <<-'END'
					import sys, unicodedata
					text = open(sys.argv[1], "rb").read().decode("utf-8", "strict")
					text = text.replace("\r\n", "\n")
					bad = [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]
					assert not bad, bad
				END
				grep -qF '\x1b[31mred' "$OUT"
				grep -qF 'new\x0aline' "$OUT"
				grep -qF '\xff\xfe\x80bad' "$OUT"
				grep -qF '\u{202e}txt' "$OUT"
				grep -qF 'back\x5cslash' "$OUT"
				grep -qF '\u{009b}31m' "$OUT"
			fi
		done
	done
}
