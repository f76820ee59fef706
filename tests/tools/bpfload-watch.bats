#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# bpfload-watch: each call that is about BPF, once, with what the kernel made of it; and each
# object's end.  compare-bpf compares the rows with what the workloads say and the kernel told
# them, and with bpftool.
#
# shellcheck disable=SC2016,SC2317,SC2030,SC2031,SC2154 # dollars for jq, functions called by
# name, a process for each test, variables of helpers.bash

load ../helpers

# What is left out: nothing, or the best attach points, so that the next ones are taken; and
# without task storage, where the beginning of a call is remembered.
variants=("" "tp_btf" "tp_btf,raw_tp" "task_storage" "tp_btf,raw_tp,task_storage")

setup_file()
{
	need_root
}

setup()
{
	need_root
	DIR=$(realpath "$BATS_TEST_TMPDIR")/files
	mkdir "$DIR"
	steps_pid=
}

teardown()
{
	if [[ -n $steps_pid && -d /proc/$steps_pid ]]; then
		kill "$steps_pid" || true
	fi
	kill_tools
	if [[ -d $DIR/bpf ]]; then
		umount "$DIR/bpf" || true
	fi
}

# own PROGRAM: prints the name of a link to it, which no other process has.
own()
{
	local name
	name=$(basename "$1" | cut -c 1-7)-$$
	ln -sf "$1" "$DIR/$name"
	echo "$name"
}

each()
{
	each_without "${variants[@]}" -- "$@"
}

# as_it_says ARGUMENT...: the tool told what the workload did (compare-bpf).
as_it_says()
{
	local run status=0
	run=$("$BATS_TEST_DIRNAME/compare-bpf" "$@" 2>&1) || status=$?
	if [[ $status -ne 0 ]]; then
		fail "not as the workload says:
$run
$(show_output)"
	fi
	strict_json "$OUT"
	assert_lost 0
}

# told WORKLOAD ARGUMENT...: the tool with every column, on a workload.
told()
{
	trace bpfload-watch -o all -- "$@"
	as_it_says "$DID" "$OUT"
}

# ---- a workload that waits ----

# steps_start CASE...: bpf-types, which waits after each attachment for steps_on.  $DID is what it
# did so far.
steps_start()
{
	DID=$BATS_TEST_TMPDIR/steps
	steps=0
	rm -f "$DIR/go"
	mkfifo "$DIR/go"
	: >"$DID"
	"$DIR/$(own "$WORKLOADS/bpf-types")" --pause "$@" <"$DIR/go" >"$DID" 2>"$DID.err" 3>&- &
	steps_pid=$!
	exec {steps_fd}>"$DIR/go"
	steps_wait
}

steps_reached()
{
	process_ended "$steps_pid" || [[ $(grep -c '"step":"pause"' "$DID") -gt $steps ]]
}

# Until it waits again, or has ended.
steps_wait()
{
	wait_until steps_reached || fail "bpf-types neither waits nor ends: $(<"$DID.err")"
	steps=$(grep -c '"step":"pause"' "$DID" || true)
}

steps_on()
{
	# It may have ended, or end meanwhile.
	echo >&"$steps_fd" || true
	steps_wait
}

steps_end()
{
	local result=0
	while ! process_ended "$steps_pid"; do
		steps_on
	done
	exec {steps_fd}>&-
	wait "$steps_pid" || result=$?
	steps_pid=
	[[ $result -ne 77 ]] || skip "$(<"$DID.err")"
	assert_equal "$result" 0
}

made='.cmd | IN("PROG_LOAD", "MAP_CREATE", "LINK_CREATE", "RAW_TRACEPOINT_OPEN", "PROG_ATTACH", "PERF_SET_BPF")'

# Until the tool has told all that was made and attached so far.
wait_told()
{
	local count
	count=$(did 'select(.call // "" | IN("BPF_PROG_LOAD", "BPF_MAP_CREATE", "BPF_LINK_CREATE",
		"BPF_RAW_TRACEPOINT_OPEN", "BPF_PROG_ATTACH", "PERF_EVENT_IOC_SET_BPF"))' | wc -l)
	wait_events "$count" "$made"
}

# Of the objects that are there now, what bpftool shows.
show_objects()
{
	local kind id json
	while read -r kind id; do
		# That of Debian 13 shows some links and then ends with an error.
		json=$(bpftool -j "$kind" show id "$id") || [[ $json == "{"* ]] || fail "no $kind $id"
		echo "$kind $json"
	done < <(jq -rs 'reduce .[] as $d ({};
			["prog_id", "map_id", "link_id"] as $ids
			| if $d.call == "close" and ($d.step | IN("unload", "target_unload", "map_close", "link_close"))
				or ($d.call == "close" and $d.step == "detach" and $d.link_id) then
				delpaths([$ids[] | select($d[.]) | [. + "\($d[.])"]])
			elif ($d.ret // -1) >= 0 and ($d.call | IN("BPF_PROG_LOAD", "BPF_MAP_CREATE", "BPF_LINK_CREATE",
					"BPF_RAW_TRACEPOINT_OPEN")) then
				reduce ($ids[] | select($d[.])) as $k (.; .[$k + "\($d[$k])"] = "\($k[:-3]) \($d[$k])")
			else . end) | .[]' "$DID") >>"$BATS_TEST_TMPDIR/shown"
}

# ---- what the workloads do ----

@test "a program of each type: as the kernel and bpftool describe it, and each end" {
	need_command bpftool
	start_tool bpfload-watch --json -o all -n "$(own "$WORKLOADS/bpf-types")"
	: >"$BATS_TEST_TMPDIR/shown"
	steps_start
	while ! process_ended "$steps_pid"; do
		wait_told
		show_objects
		steps_on
	done
	steps_end
	wait_events "$(did 'select(.call // "" | IN("BPF_PROG_LOAD", "BPF_MAP_CREATE", "BPF_LINK_CREATE",
		"BPF_RAW_TRACEPOINT_OPEN")) | select(.ret >= 0)' | wc -l)" '.cmd | endswith("_END")'
	stop_tool
	assert_success
	as_it_says --ends "$DID" "$OUT" "$BATS_TEST_TMPDIR/shown"
	no_leftovers
	[[ $(events 'select(.cmd == "PROG_LOAD" and .ret >= 0).prog_type' | wc -l) -ge 28 ]]
}

@test "a program of each type, by each way in: attached, run, detached" {
	check()
	{
		told bpf-types
		assert_events "$(did 'select(.step == "summary").calls.BPF_PROG_LOAD')" '.cmd == "PROG_LOAD"'
		assert_events 0 '.cmd | IN("MAP_UPDATE_ELEM", "MAP_DELETE_ELEM", "OBJ_GET_INFO_BY_FD")'
		# What is only asked is one row.
		assert_events 1 '.cmd == "QUERIES" and .errors == 0
			and .count == '"$(did 'select(.step == "summary").calls.BPF_OBJ_GET_INFO_BY_FD')"
	}
	each check
}

@test "loads that fail: errno, the line of the log that says why, what the caller asked for" {
	check()
	{
		told bpf-fails
		assert_events 1 '.prog_name == "w_stack" and .ret == -13 and .facts == "caller" and (.log | contains("stack"))'
		assert_events 1 '.prog_name == "w_infinite_loop" and .log == "infinite loop detected at insn 1"'
		assert_events 1 '.prog_name == "w_no_log" and .log == "no log requested"'
		assert_events 1 '.prog_name == "w_too_long" and .ret == -7 and .log == ""'
		assert_events 1 '.uid == 65534 and .prog_name == "w_privilege" and .ret == -1 and .facts == "caller"
			and .capability == "none (user namespace)"'
		assert_events 1 '.uid == 65534'
		assert_events 16 '.cmd == "PROG_LOAD" and .facts == "caller" and .prog_id == null and .tag == null'
		assert_events 21 '.errors == 1 and .ret < 0'
	}
	each check
}

@test "maps of each type, frozen, pinned, bound; an iterator, links updated and detached, a token" {
	check()
	{
		told bpf-maps
		assert_events "$(did 'select(.step == "summary").calls.BPF_MAP_CREATE')" '.cmd == "MAP_CREATE"'
		# Operations on elements are not shown.
		assert_events 0 '.cmd | test("ELEM|BATCH|NEXT_KEY")'
		assert_events 1 '.cmd == "QUERIES" and .count == '"$(did 'select(.step == "summary").calls
			| with_entries(select(.key | test("INFO_BY_FD|GET_NEXT_ID|GET_FD_BY_ID"))) | add')"
	}
	each check
}

@test "what is attached by other calls: sockets, seccomp, perf events, tc and XDP by netlink" {
	check()
	{
		told bpf-other
		assert_events 1 '.cmd == "SECCOMP" and .via == "seccomp" and .insns == 5 and .flags == 2'
		assert_events 1 '.cmd == "PR_SET_SECCOMP" and .via == "prctl" and .insns == 5'
		assert_events 2 '.cmd | IN("SO_ATTACH_FILTER", "SO_ATTACH_REUSEPORT_CBPF")'
		assert_events 3 '.cmd == "RTM_SETLINK" and .ifindex == '"$(did 'select(.step == "replace").ifindex')"
	}
	each check
}

@test "a 32-bit program" {
	"$WORKLOADS/ia32" noop || skip "this kernel runs no 32-bit programs"
	check()
	{
		trace bpfload-watch -o all -- bpf-32
		assert_events 1 '.cmd == "MAP_CREATE" and .map_name == "w32_map" and .map_type == "array" and .max_entries == 32
			and .key_size == 4 and .value_size == 8 and .map_id == '"$(did 'select(.step == "map_create").map_id')"
		assert_events 1 '.cmd == "PROG_LOAD" and .prog_name == "w32_prog" and .insns == 4 and .used_maps == 1
			and .license == "GPL" and .facts == "kernel" and .tag == '"$(did 'select(.step == "load").tag')"'
			and .prog_id == '"$(did 'select(.step == "load").prog_id')"
		assert_events 1 '.cmd == "PROG_LOAD" and .prog_name == "w32_refused" and .ret == -13 and .facts == "caller"
			and .insns == 2 and .log == '"$(did 'select(.step == "load_refused").log_last')"
		assert_events 3 '.compat == 1 and .via == "bpf" and .lat_ns > 0'
		assert_events 3 '.via'
		assert_lost 0
		trace bpfload-watch --all -o all -- bpf-32
		assert_events "$(did 'select(.call | startswith("BPF_"))' | wc -l)" '.compat == 1 and .cmd != "OBJ_GET_INFO_BY_FD"'
		assert_events 4 '.compat == 1 and .cmd == "OBJ_GET_INFO_BY_FD"'
	}
	each check
}

@test "--all: operations on elements, as counts that add up; queries, one by one" {
	check()
	{
		trace bpfload-watch --all -o all -- bpf-maps
		as_it_says --all "$DID" "$OUT"
		# By command, with those that failed; and by map.
		run jq -cn --slurpfile did "$DID" --slurpfile out "$OUT" '
			def add_up: reduce .[] as [$key, $count, $errors] ({};
				.[$key][0] += $count | .[$key][1] += $errors);
			def elements: select(test("^(BPF_)?MAP_.*(_ELEM|_BATCH|_KEY)$"));
			# Newer than the kernel: a number.
			[$out[] | select(.type == "bpf") | if .cmd == "36" then .cmd = "TOKEN_CREATE" else . end] as $rows
			| [$did[] | select(.call)] as $calls
			| [([$rows[] | select(.via) | [.cmd, .count, .errors]] | add_up)
				== ($did[-1] as $s | $s.calls | with_entries(.key as $k | .key |= .[4:] | .value = [.value, $s.failed[$k] // 0])),
			   ([$rows[] | select(.cmd | elements) | ["\(.cmd) \(.map_id)", .count, .errors]] | add_up)
				== ([$calls[] | select(.call | elements) | ["\(.call[4:]) \(.map_id)", 1, if .ret < 0 then 1 else 0 end]] | add_up)]'
		assert_output '[true,true]'
		assert_events 1 '.cmd == "MAP_UPDATE_ELEM" and .map_name == "w_tail" and .map_type == "prog_array" and .count == 3'
	}
	each check
}

# ---- ends ----

@test "each map and link that was made has its end, once; also what was pinned or detached" {
	start_tool bpfload-watch --json -o all -n "$(own "$WORKLOADS/bpf-maps")"
	WORKLOADS=$DIR run_workload "$(own "$WORKLOADS/bpf-maps")"
	wait_events "$(did 'select(.call // "" | IN("BPF_PROG_LOAD", "BPF_MAP_CREATE", "BPF_LINK_CREATE"))
		| select(.ret >= 0)' | wc -l)" '.cmd | endswith("_END")'
	stop_tool
	assert_success
	as_it_says --ends "$DID" "$OUT"
	no_leftovers
}

# The workload's map of that name, made and gone.
gone_map()
{
	local DID
	run_workload bpf-maps freeze
	did 'select(.step == "map_create").map_id'
}

# Until the tool has looked at all ids anew: it has told the end of a map that is gone since.
wait_look()
{
	wait_events 1 ".cmd == \"MAP_END\" and .map_name == \"w_frozen\" and .map_id == $(gone_map)"
}

@test "a program's end: how long it was there, and how often it ran, as last seen" {
	need_command bpftool
	local before after shown
	# --stats has the kernel count.
	start_tool bpfload-watch --json -o all --stats \
		-n "$(own "$WORKLOADS/bpf-types"),bpf-maps"
	before=$(did_clock)
	steps_start socket_filter
	wait_look
	shown=$(bpftool -j prog show id "$(did 'select(.step == "load").prog_id')")
	steps_end
	wait_events 1 '.cmd == "PROG_END" and .prog_id == '"$(jq .id <<<"$shown")"
	after=$(did_clock)
	stop_tool
	assert_success
	assert_equal "$(jq .run_cnt <<<"$shown")" 1
	assert_events 1 '.cmd == "PROG_END" and .prog_id == '"$(jq .id <<<"$shown")"' and .run_count == 1
		and .run_ns == '"$(jq .run_time_ns <<<"$shown")"' and .run_ns > 0
		and .lifetime_ns == .boot_ns - '"$(did 'select(.step == "load").load_time')"'
		and .lifetime_ns > 0 and .lifetime_ns < '"$((after - before))"' and .pid == '"$(did 'select(.step == "load").pid')"
}

# ns since boot
did_clock()
{
	local up
	read -r up _ </proc/uptime
	echo $((10#${up/./} * 10000000))
}

@test "another tool: full names, maps and helpers as bpftool shows them, its probes in one row" {
	need_command bpftool
	local watch tool object kind id
	start_tool bpfload-watch --json --output "$BATS_TEST_TMPDIR/events" -o all -n opensnoop,bpf-maps
	watch=$tool_pid
	start_tool opensnoop --json --path-prefix /nonexistent/
	tool=$tool_pid
	OUT=$BATS_TEST_TMPDIR/events
	for object in "${tool_bpf[@]}"; do
		read -r kind id <<<"$object"
		wait_events 1 ".${kind}_id == $id and (.cmd | IN(\"PROG_LOAD\", \"MAP_CREATE\", \"LINK_CREATE\",
			\"RAW_TRACEPOINT_OPEN\"))"
		bpftool -j "$kind" show id "$id" | jq -c "{kind: \"$kind\"} + ."
		if [[ $kind == prog ]]; then
			bpftool -j prog dump xlated id "$id" | jq -c "{kind: \"dump\", id: $id, dump: .}"
		fi
	done >"$BATS_TEST_TMPDIR/shown"
	wait_look
	tool_pid=$tool
	OUT=$BATS_TEST_TMPDIR/out
	stop_tool
	assert_success
	no_leftovers
	OUT=$BATS_TEST_TMPDIR/events
	tool_pid=$watch
	wait_events "${#tool_bpf[@]}" ".pid == $tool and (.cmd | endswith(\"_END\"))"
	stop_tool
	assert_success
	strict_json "$OUT"
	python3 - "$OUT" "$BATS_TEST_TMPDIR/shown" "$tool" <<-'END'
		import json, re, sys
		rows = [json.loads(l) for l in open(sys.argv[1])]
		rows = [r for r in rows if r["type"] == "bpf" and r["pid"] == int(sys.argv[3])]
		shown = [json.loads(l) for l in open(sys.argv[2])]
		made = ("PROG_LOAD", "MAP_CREATE", "LINK_CREATE", "RAW_TRACEPOINT_OPEN")
		programs = 0
		for it in shown:
		    kind = it["kind"].replace("dump", "prog")
		    mine = [r for r in rows if r["cmd"] in made and r[kind + "_id"] == it["id"]
		            and r["cmd"] in (made[:1] if kind == "prog" else made[1:2] if kind == "map" else made[2:])]
		    ends = [r for r in rows if r["cmd"] == kind.upper() + "_END" and r[kind + "_id"] == it["id"]]
		    assert len(mine) == len(ends) == 1, (it, mine, ends)
		    row, end = mine[0], ends[0]
		    if it["kind"] == "prog":
		        programs += 1
		        want = {"prog_name": it["name"], "prog_type": it["type"], "tag": it["tag"], "jited_len": it.get("bytes_jited"),
		                "uid": it["uid"], "gpl": int(it["gpl_compatible"])}
		        # Those of its load, and those bound to it afterwards.
		        binds = [r for r in rows if r["cmd"] == "PROG_BIND_MAP" and r["prog_id"] == it["id"]]
		        assert set(row["map_ids"]) | {str(r["map_id"]) for r in binds} == {str(i) for i in it["map_ids"]}, (row, it)
		        last = max([row] + binds, key=lambda r: r["boot_ns"])
		        assert row["used_maps"] <= last["used_maps"] == len(it["map_ids"]), (row, last, it)
		        assert end["prog_name"] == row["prog_name"], (row, end)
		        assert 0 < end["lifetime_ns"] <= end["boot_ns"] - row["boot_ns"] + row["lat_ns"], (row, end)
		    elif it["kind"] == "map":
		        want = {"map_name": it["name"], "map_type": it["type"], "max_entries": it["max_entries"] or None,
		                "key_size": it["bytes_key"] or None, "value_size": it["bytes_value"] or None}
		    elif it["kind"] == "link":
		        want = {"link_type": it["type"], "prog_id": it["prog_id"]}
		        if "tp_name" in it:
		            want["target"] = it["tp_name"]
		    else:
		        want = {"source": None} # bpf/strip
		        called = [m.group(1) for d in it["dump"] for m in [re.search(r"\(85\) call (?!pc[+-])(\w+)", d["disasm"])] if m]
		        helpers = list(dict.fromkeys(c[4:] for c in called if c.startswith("bpf_")))
		        assert helpers, it
		        if all(c.startswith("bpf_") for c in called):
		            want["helpers"] = helpers
		        else: # a map's own function in place of the helper
		            assert row["helpers"] is None or set(row["helpers"]) >= set(helpers), (row["helpers"], called)
		    for key, value in want.items():
		        assert row[key] == value, (key, row[key], value)
		assert programs
		assert any(len(r["prog_name"]) > 15 for r in rows if r["cmd"] == "PROG_LOAD") or programs < 3
		probes = [r for r in rows if r["cmd"] == "PROBES"]
		assert len(probes) == 1 and probes[0]["count"] > 3 and probes[0]["errors"] < probes[0]["count"], probes
		# Nothing else is told of than what it holds; but for what it tried in vain.
		extra = [r for r in rows if r["cmd"] in made[:2] and r["errors"] == 0
		         and not any(r[s["kind"] + "_id"] == s["id"] for s in shown if s["kind"] in ("prog", "map"))]
		assert all(r["prog_name"] or r["map_name"] for r in extra), extra
	END
}

# ---- what is folded, and left out ----

# Of the rows, how many calls they stand for, and how many failed.
count_calls()
{
	jq -s --argjson pid "$1" '[.[] | select(.type == "bpf" and .pid == $pid and (.cmd | endswith("_END") | not))]
		| [(map(.count) | add), (map(.errors) | add)]' -c "$OUT"
}

@test "feature probes: one row a process, with their number; with --all one by one" {
	need_command bpftool
	local folded option
	for option in --no-header --all; do
		run_tool bpfload-watch --json --output "$BATS_TEST_TMPDIR/events$option" "$option" -o all --buffer 64M -- \
			sh -c 'exec bpftool feature probe kernel'
		assert_success
		OUT=$BATS_TEST_TMPDIR/events$option
		strict_json "$OUT"
		assert_lost 0
		if [[ $option != --all ]]; then
			folded=$(count_calls "$(events '.cmd == "PROBES"' | jq .pid)")
			assert_events 1 '.cmd == "PROBES"'
			assert_events 1 '.cmd == "PROBES" and .comm == "bpftool" and .count > 500 and .errors > 100 and .via == null'
			# What is no probe by its looks has a name, or is large.
			assert_events 0 '.via and .cmd == "PROG_LOAD" and .prog_name == "" and .insns <= 8'
			[[ $(count_events '.via') -lt 20 ]]
		fi
	done
	assert_events 0 '.cmd == "PROBES" or .cmd == "QUERIES"'
	assert_events 0 '.count != 1 and (.cmd | startswith("MAP_") | not)'
	assert_equal "$(count_calls "$(events '.comm == "bpftool"' | jq -s '.[-1].pid')")" "$folded"
}

# No row about any object of the tool.
own_objects()
{
	printf '%s\n' "${tool_bpf[@]}" | jq -cRn --slurpfile out "$OUT" '[inputs / " " | {"\(.[0])_id": (.[1] | tonumber)}] as $own
		| [$out[] | select(.type == "bpf") | {cmd, prog_id, map_id, link_id} as $r
			| select(any($own[]; to_entries[0] as $e | $r[$e.key] == $e.value))] | length'
}

@test "nothing of the tool itself, neither at its start nor when it looks; --self shows it" {
	local pid
	start_tool bpfload-watch --json --all --snapshot -o all
	wait_look
	stop_tool
	assert_success
	assert_events 0 ".pid == $tool_pid"
	assert_equal "$(own_objects)" 0
	pid=$tool_pid
	# It must not feed on what it asks for itself.
	start_tool bpfload-watch --json --all --self --snapshot --max-events 20000 -o all
	[[ $pid -ne $tool_pid ]]
	wait_look
	stop_tool
	assert_success
	[[ $(count_events) -lt 20000 ]]
	[[ $(count_events ".pid == $tool_pid and .cmd == \"PROG_GET_NEXT_ID\"") -ge 2 ]]
	[[ $(count_events ".pid == $tool_pid and .cmd == \"OBJ_GET_INFO_BY_FD\"") -ge 2 ]]
	# At least its programs and maps were there.
	[[ $(own_objects) -ge ${#tool_bpf[@]} ]]
	start_tool bpfload-watch --json --self -o all
	wait_look
	stop_tool
	assert_success
	# Folded: a row for many, or some if the tool was held up in between.
	run jq -sc "map(select(.pid == $tool_pid and .cmd == \"QUERIES\")) | [length > 0, (map(.count) | add) > 2 * length]" "$OUT"
	assert_output "[true,true]"
}

ids()
{
	bpftool -j "$1" show | jq -c '[.[].id]'
}

@test "--snapshot: what is loaded already, as bpftool lists it" {
	need_command bpftool
	local kind before=() after=()
	steps_start xdp
	for kind in prog map link; do
		before+=("$(ids "$kind")")
	done
	start_tool bpfload-watch --json --snapshot -o all
	# A second look tells nothing twice.
	wait_look
	for kind in prog map link; do
		after+=("$(ids "$kind")")
	done
	stop_tool
	assert_success
	steps_end
	assert_equal "$(own_objects)" 0
	for kind in prog map link; do
		# What was there before and after, was there then.
		run jq -sc --argjson before "${before[0]}" --argjson after "${after[0]}" --arg kind "$kind" '
			[.[] | select(.cmd == ($kind | ascii_upcase) + "_PRESENT")[$kind + "_id"]] as $seen
			| [($before - ($before - $after)) - $seen, ($seen | length) - ($seen | unique | length)]' "$OUT"
		assert_output '[[],0]'
		before=("${before[@]:1}")
		after=("${after[@]:1}")
	done
	assert_events 1 '.cmd == "PROG_PRESENT" and .prog_id == '"$(did 'select(.step == "load").prog_id')"' and .prog_type == "xdp"
		and .prog_name == "w_xdp" and .tag == '"$(did 'select(.step == "load").tag')"' and .ret == null and .via == null
		and .lifetime_ns == .boot_ns - '"$(did 'select(.step == "load").load_time')"
	assert_events 1 '.cmd == "LINK_PRESENT" and .link_type == "xdp" and .link_id == '"$(did 'select(.step == "attach").link_id')"
	# All of them before anything that happened.
	assert_equal "$(events | jq -s 'map(.cmd | endswith("_PRESENT")) | (index(false) // length) > (rindex(true) // -1)')" true
}

@test "--summary: counts by type, process and error, and the slowest loads" {
	trace bpfload-watch --summary -o all -- bpf-fails
	as_it_says "$DID" "$OUT"
	run jq -cn --slurpfile did "$DID" --slurpfile out "$OUT" '
		def count: group_by(.) | map({"\(.[0])": length}) | add;
		[$out[] | select(.type == "count")] as $counts
		| def counted($by): $counts | map(select(.by == $by) | {(.name): .count}) | add;
		[$out[] | select(.type == "bpf" and .via)] as $calls
		| [$calls[] | select(.cmd == "PROG_LOAD")] as $loads
		| [counted("program type") == ([$did[] | select(.call == "BPF_PROG_LOAD").type] | count),
		   counted("error") == ([$did[] | .error // empty] | count),
		   counted("process") == ($calls | map("\(.comm) (\(.pid))") | count),
		   ($counts | length == (unique | length)),
		   [$out[] | select(.type == "slow") | [.lat_ns, .prog_id, .name]]
			== ($loads | sort_by(-.lat_ns)[:5] | map([.lat_ns, .prog_id // 0, .prog_name]))]'
	assert_output '[true,true,true,true,true]'
	assert_equal "$(jq -s 'map(select(.type == "slow"))[0].name' "$OUT")" '"w_too_complex"'
	# On the table, after everything else and on standard error.
	run_tool bpfload-watch --summary --output "$BATS_TEST_TMPDIR/table" -- "$WORKLOADS/bpf-fails"
	assert_success
	assert_output --regexp "by program type:.* 13 socket_filter.*by process:.*by error:.* 10 EINVAL.*slowest loads:.*w_too_complex"
}

# ---- filters ----

@test "-p: one process, and the ends of what it made; -n and -u" {
	local calls
	steps_start socket_filter cgroup_skb
	start_tool bpfload-watch --json -o all -p "$steps_pid"
	calls=$(wc -l <"$DID")
	gone_map >/dev/null
	steps_end
	wait_events 1 '.cmd == "PROG_END" and .prog_name == "w_cgroup_skb"'
	stop_tool
	assert_success
	assert_lost 0
	assert_events 0 ".pid != $(did 'select(.step == "summary").pid')"
	# Since then: the rest of the first case, and the second.
	run jq -sc --argjson skip "$calls" '[.[$skip:][].call // "close" | select(. != "close") | ltrimstr("BPF_")
		| if . == "SO_DETACH_BPF" then "SO_DETACH_FILTER" else . end]' "$DID"
	assert_equal "$(events '.via' | jq -sc 'map(.cmd)')" "$output"

	for options in '-n bpf-fails' '-n bpf-f*' '-u 65534' '-n bpf-maps -u 65534'; do
		# shellcheck disable=SC2086 # words
		run_tool bpfload-watch --json --output "$BATS_TEST_TMPDIR/events" $options -- \
			sh -c '"$1"/bpf-fails && "$1"/bpf-maps types' sh "$WORKLOADS"
		assert_success
		OUT=$BATS_TEST_TMPDIR/events
		assert_lost 0
		case $options in
		-n\ bpf-f*) assert_events 23 '.lat_ns' ;;
		-u*) assert_events 1 '.lat_ns' ;;
		*) assert_no_events ;;
		esac
		assert_events 0 '.comm == "bpf-maps"'
	done
}

@test "-c: only from a cgroup" {
	local top cgroup
	top=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	[[ -n $top ]] || skip "no cgroup v2 is mounted"
	cgroup=$top/corelets-$$-${BATS_TEST_NUMBER}
	mkdir -p "$cgroup/inner" || skip "no cgroup can be made here"
	check()
	{
		run_tool bpfload-watch --json --output "$BATS_TEST_TMPDIR/events" -o all -c "$cgroup" -- \
			sh -c '"$2"/bpf-fails >&2; echo 0 >"$1/inner/cgroup.procs" && exec "$2/bpf-fails" unreachable stack map_key' \
			sh "$cgroup" "$WORKLOADS"
		OUT=$BATS_TEST_TMPDIR/events
		assert_success
		assert_events 3 '.cgroup == "'"${cgroup#"$top"}"'/inner" and .cgroup_id == '"$(stat -c %i "$cgroup/inner")"'
			and .ret < 0'
		assert_events 3
	}
	each check
	rmdir "$cgroup/inner" "$cgroup"
}

@test "--max-events: exactly so many, and no more" {
	run_tool bpfload-watch --json --output "$BATS_TEST_TMPDIR/events" --max-events 5 -- "$WORKLOADS/bpf-fails"
	OUT=$BATS_TEST_TMPDIR/events
	assert_events 5
	strict_json "$OUT"
	assert_equal "$(summary .events)" 5
}

@test "nobody reads: each call that is lost is counted" {
	check()
	{
		start_tool bpfload-watch --json --buffer 4096 -o all -n "$(own "$WORKLOADS/bpf-maps")"
		kill -STOP "$tool_pid"
		WORKLOADS=$DIR run_workload "$(own "$WORKLOADS/bpf-maps")"
		kill -CONT "$tool_pid"
		stop_tool
		assert_success
		local told lost
		told=$(events '.via or .cmd == "QUERIES"' | jq -s 'map(.count) | add // 0')
		lost=$(summary .lost)
		assert_lost "$lost"
		[[ $lost -gt 100 ]]
		assert_equal "$((told + lost))" "$(did 'select(.step == "summary").calls
			| with_entries(select(.key | test("_ELEM$|_BATCH$|NEXT_KEY$") | not)) | add')"
	}
	each check
}

# ---- facts ----

# trace_as CAPABILITY: a workload with this one only.
trace_as()
{
	run_tool bpfload-watch --json --output "$BATS_TEST_TMPDIR/events" -o all -n bpf-32 -- \
		setpriv --bounding-set="-all,+$1" "$WORKLOADS/bpf-32"
	OUT=$BATS_TEST_TMPDIR/events
	assert_lost 0
}

@test "which capability allowed it" {
	"$WORKLOADS/ia32" noop || skip "this kernel runs no 32-bit programs"
	need_command setpriv
	trace_as bpf
	assert_events 3 '.capability == "cap_bpf" and .via'
	assert_events 2 '.ret >= 0 and .facts == "kernel" and .via'
	trace_as sys_admin
	assert_events 3 '.capability == "cap_sys_admin" and .via'
	trace_as net_admin
	assert_events 1 '.capability == "none" and .cmd == "MAP_CREATE"'
	if [[ $(</proc/sys/kernel/unprivileged_bpf_disabled) -ne 0 ]]; then
		assert_events 1 '.ret == -1 and .facts == "caller"'
		assert_events 1 '.via'
	fi
}

@test "XDP by netlink: which programs the interface has afterwards" {
	need_command bpftool
	need_command nsenter
	local id bpftool
	steps_start xdp
	id=$(did 'select(.step == "load").prog_id')
	# In a network of its own, where it can look when bpftool is gone.
	run_as=(unshare -n)
	bpftool=$(own "$(command -v bpftool)")
	start_tool bpfload-watch --json -o all -n "$bpftool"
	run_as=(nsenter -t "$tool_pid" -n)
	"${run_as[@]}" "$DIR/$bpftool" net attach xdpgeneric id "$id" dev lo
	wait_events 1 '.cmd == "RTM_SETLINK"'
	"${run_as[@]}" "$DIR/$bpftool" net detach xdpgeneric dev lo
	wait_events 2 '.cmd == "RTM_SETLINK"'
	stop_tool
	assert_success
	steps_end
	assert_events 1 '.cmd == "RTM_SETLINK" and .via == "netlink" and .ifindex == 1 and .ret == null
		and .target == "lo: xdp '"$id"'" and .capability == "cap_net_admin" and .facts == "kernel"
		and .prog_id == '"$id"' and .prog_type == "xdp" and .tag == '"$(did 'select(.step == "load").tag')"
	assert_events 1 '.cmd == "RTM_SETLINK" and .ifindex == 1 and .target == "lo: none" and .prog_id == null'
	assert_events 2 '.via == "netlink"'
}

@test "tc by netlink: which programs the interface has afterwards" {
	need_command bpftool
	need_command nsenter
	need_command tc
	local id side tc
	mkdir "$DIR/bpf"
	mount -t bpf bpf "$DIR/bpf"
	steps_start sched_cls
	if process_ended "$steps_pid"; then
		skip "no TCX, at which the workload would wait"
	fi
	id=$(did 'select(.step == "load").prog_id')
	bpftool prog pin id "$id" "$DIR/bpf/prog"
	run_as=(unshare -n)
	tc=$(own "$(command -v tc)")
	start_tool bpfload-watch --json -o all -n "$tc"
	run_as=(nsenter -t "$tool_pid" -n)
	"${run_as[@]}" "$DIR/$tc" qdisc add dev lo clsact || skip "no clsact here"
	for side in egress ingress; do
		"${run_as[@]}" "$DIR/$tc" filter add dev lo "$side" bpf direct-action object-pinned "$DIR/bpf/prog" || skip "no cls_bpf here"
		wait_events 1 '.cmd == "RTM_NEWTFILTER" and (.target | contains("'"$side $id"'"))'
	done
	"${run_as[@]}" "$DIR/$tc" filter del dev lo egress
	wait_events 1 '.cmd == "RTM_DELTFILTER"'
	"${run_as[@]}" "$DIR/$tc" qdisc del dev lo clsact
	wait_events 1 '.cmd == "RTM_DELQDISC"'
	stop_tool
	assert_success
	rm "$DIR/bpf/prog"
	steps_end
	assert_events 1 '.cmd == "RTM_NEWTFILTER" and .target == "lo: egress '"$id"'" and .prog_id == '"$id"' and .ifindex == 1'
	assert_events 1 '.cmd == "RTM_NEWTFILTER" and .target == "lo: ingress '"$id"' egress '"$id"'" and .prog_type == "sched_cls"'
	assert_events 1 '.cmd == "RTM_DELTFILTER" and .target == "lo: ingress '"$id"'" and .prog_id == null'
	assert_events 1 '.cmd == "RTM_DELQDISC" and .target == "lo: none"'
	assert_events 4 '.via == "netlink"'
}

@test "names of types and commands are those of this kernel's BTF" {
	need_command bpftool
	trace bpfload-watch --all -o all -- bpf-types
	cp "$OUT" "$BATS_TEST_TMPDIR/types"
	trace bpfload-watch --all -o all -- bpf-maps
	bpftool btf dump file /sys/kernel/btf/vmlinux format c >"$BATS_TEST_TMPDIR/vmlinux.h"
	python3 - "$BATS_TEST_TMPDIR/vmlinux.h" "$BATS_TEST_TMPDIR/types" "$OUT" <<-'END'
		import json, re, sys
		header = open(sys.argv[1]).read()
		rows = [json.loads(l) for f in sys.argv[2:] for l in open(f)]
		rows = [r for r in rows if r["type"] == "bpf" and r["errors"] == 0]
		def names(enum, prefix, lower):
		    body = re.search(r"\benum %s \{(.*?)\}" % enum, header, re.S).group(1)
		    found = {n[len(prefix):]: int(v) for n, v in re.findall(r"(\w+) = (\d+)", body) if n.startswith(prefix)}
		    # What is newer than the kernel has a number.
		    newer = {str(n) for n in range(max(found.values()) + 1, 256)}
		    return {n.lower() if lower else n for n in found} | newer
		for key, enum, prefix, least in (("prog_type", "bpf_prog_type", "BPF_PROG_TYPE_", 20), ("map_type", "bpf_map_type",
		        "BPF_MAP_TYPE_", 20), ("link_type", "bpf_link_type", "BPF_LINK_TYPE_", 2),
		        ("attach_type", "bpf_attach_type", "BPF_", 10), ("cmd", "bpf_cmd", "BPF_", 15)):
		    there = names(enum, prefix, key != "cmd")
		    told = {r[key] for r in rows if r[key] and (key != "cmd" or r["via"] == "bpf")}
		    assert told <= there, (key, told - there)
		    assert len(told) >= least, (key, told)
	END
}

# ---- hostile names ----

@test "hostile paths and arguments: exact bytes in JSON, and nothing but printable characters on the table" {
	need_command bpftool
	local path hex
	mkdir "$DIR/bpf"
	mount -t bpf bpf "$DIR/bpf"
	path=$DIR/bpf/$'x\e[31m\n\x07\xff\xc2\x9b\u202e "\\'
	hex=$(printf %s "$path" | od -An -v -tx1 | tr -d ' \n')
	run_tool bpfload-watch --json --output "$BATS_TEST_TMPDIR/events" -o all -- \
		bpftool map create "$path" type array key 4 value 8 entries 7 name w_hostile
	assert_success
	OUT=$BATS_TEST_TMPDIR/events
	strict_json "$OUT"
	assert_events 1 '.cmd == "OBJ_PIN" and .target_hex == "'"$hex"'" and .map_name == "w_hostile" and .max_entries == 7'
	assert_events 1 '.cmd == "MAP_CREATE" and .map_name == "w_hostile" and (.args_hex | tojson | contains("'"$hex"'"))'
	run_tool bpfload-watch -o all --output "$BATS_TEST_TMPDIR/table" -- bpftool map show pinned "$path"
	assert_success
	python3 - "$BATS_TEST_TMPDIR/table" <<-'END'
		import sys, unicodedata
		text = open(sys.argv[1], "rb").read().decode("utf-8", "strict")
		lines = text.split("\n")
		assert lines.pop() == ""
		assert any("OBJ_GET" in line and r"x\x1b[31m\x0a\x07\xff" in line for line in lines), lines
		for line in lines:
		    for c in line:
		        assert unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"), (line, c)
	END
}
