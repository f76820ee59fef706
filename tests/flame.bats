#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The forms that profiles are written in, to programs that read them: browsers, pprof, protoc,
# strict parsers.  tests/unit/profile.c writes them, of profiles that it knows.

load helpers

setup_file()
{
	make -s -C "$TOP" BUILD="$TOOLS" "$TOOLS/unit/profile" >&2
	export FORMS=$BATS_FILE_TMPDIR/forms
	mkdir "$FORMS"
	"$TOOLS/unit/profile" --write "$FORMS"
}

# in_browser CHECK NAME...: a check of flame/browser.py, of the SVG and the HTML of each.
in_browser()
{
	local check=$1 name files=()
	shift
	need_command chromium
	need_command chromedriver
	need_command python3
	for name; do
		files+=("$FORMS/$name")
	done
	run timeout 120 python3 "$TOP/tests/flame/browser.py" "$check" "${files[@]}" 3>&-
	assert_success
	for name; do
		assert [ -s "$BATS_TEST_TMPDIR/$name.png" ]
	done
}

@test "flame graph: a click zooms, Reset undoes it" {
	in_browser zoom known.svg known.html
}

@test "flame graph: search marks what matches and tells its share" {
	in_browser search known.svg known.html
}

@test "flame graph: a frame under the pointer says what it is" {
	in_browser tooltip known.svg known.html
}

@test "flame graph: kinds of functions have patterns, and a legend" {
	in_browser kinds known.svg known.html
}

@test "flame graph: what was measured and lost is told" {
	in_browser head known.svg known.html
}

@test "flame graph: everything can be done with the keyboard" {
	in_browser keyboard known.svg known.html
}

@test "flame graph: hostile names are shown and run nothing" {
	in_browser hostile hostile.svg hostile.html
}

@test "flame graph: in the page, no other script runs and nothing is loaded" {
	in_browser policy known.html hostile.html
}

@test "flame graph: stacks of 500 functions" {
	in_browser deep deep.svg deep.html
}

@test "flame graph: 100,000 nodes" {
	in_browser many many.svg many.html
}

@test "flame graph: no samples" {
	in_browser empty empty.svg empty.html
}

@test "flame graph: differences have a sign, a number and a colour" {
	in_browser diff later.diff.svg later.diff.html
}

@test "flame graph: an SVG is well-formed, and a picture without its script" {
	need_command python3
	run python3 - "$FORMS" <<-'END'
		import pathlib, re, sys
		import xml.etree.ElementTree as tree

		svg = "{http://www.w3.org/2000/svg}"
		known = {"title", "desc", "style", "defs", "pattern", "path", "g", "rect", "text", "script", "svg"}
		for path in sorted(pathlib.Path(sys.argv[1]).glob("*.svg")):
		    root = tree.parse(path).getroot()
		    assert {e.tag for e in root.iter()} <= {svg + name for name in known}, path
		    assert len(root.findall(svg + "script")) == 2, path
		    assert path.stat().st_size < 8 << 20, path
		    still = root.find(svg + "g[@id='still']")
		    for rect in still.iter(svg + "rect"):
		        assert float(rect.get("x")) >= 0 and float(rect.get("width")) > 0, path
		        assert float(rect.get("x")) + float(rect.get("width")) < 1200, path
		        assert 0 < float(rect.get("y")) < float(root.get("height")), path
		root = tree.parse(sys.argv[1] + "/known.svg").getroot()
		still = root.find(svg + "g[@id='still']")
		labels = [e.text for e in still.iter(svg + "text")]
		for want in ("cpu-clock at 100 Hz, all CPUs", "all", "python3", "main", "eval<int>(char const*)",
		             "100 samples: 951ms on CPU, 50.0ms off CPU; lost 3, throttled 1, truncated 2", "kernel"):
		    assert want in labels, (want, labels)
		hints = [e.text for e in still.iter(svg + "title")]
		assert "py::loop (jit): 150ms, 14.99%" in hints, hints
		assert root.find(svg + "title").text == "cpu-clock at 100 Hz, all CPUs"
		assert "lost 3, throttled 1, truncated 2" in root.find(svg + "desc").text
		root = tree.parse(sys.argv[1] + "/later.diff.svg").getroot()
		labels = [e.text for e in root.iter(svg + "text")]
		assert "+45.01% py::loop" in labels and "\u221229.96% hash" in labels, labels
	END
	assert_success
}

@test "flame graph: a page or image names nothing that could be loaded" {
	run grep -hoE '(src|href)="?[^ >]*|url\([^)"]*|https?://[A-Za-z0-9./]*' \
		"$FORMS"/{known,later,many,deep,empty}.{svg,html,diff.svg,diff.html}
	assert_success
	run sort -u <<<"$output"
	assert_output 'http://www.w3.org/1999/xhtml
http://www.w3.org/2000/svg
url(#k
url(#k1
url(#k2
url(#k3
url(#k4
url(#k5'
}

@test "pprof: go tool pprof reads it" {
	need_command go
	export HOME=$BATS_TEST_TMPDIR PPROF_TMPDIR=$BATS_TEST_TMPDIR
	local name
	for name in known later empty hostile deep many; do
		run go tool pprof -symbolize=none -raw "$FORMS/$name.pb.gz"
		assert_success
	done
	run go tool pprof -symbolize=none -top "$FORMS/known.pb.gz"
	assert_success
	assert_line 'File: python3.11'
	assert_line 'Build ID: c0ffee'
	assert_line 'Type: cpu'
	assert_line 'Duration: 10s, Total samples = 951ms ( 9.51%)'
	assert_line '     400ms 42.06% 42.06%      400ms 42.06%  hash (inline)'
	assert_line '     200ms 21.03% 63.09%      600ms 63.09%  eval<int>(char const*)'
	assert_line '         0     0%   100%      850ms 89.38%  main'
	assert_line '       1ms  0.11%   100%      101ms 10.62%  [libc.so.6]'
	run go tool pprof -symbolize=none -sample_index=off-cpu -top "$FORMS/known.pb.gz"
	assert_success
	assert_line '      50ms   100%   100%       50ms   100%  [off-cpu]'
	run go tool pprof -symbolize=none -tags "$FORMS/known.pb.gz"
	assert_success
	assert_output --partial 'comm: Total'
	assert_output --partial 'pid: Total'
	assert_output --partial 'tid: Total'
	run go tool pprof -symbolize=none -top -diff_base "$FORMS/known.pb.gz" "$FORMS/known.pb.gz"
	assert_success
}

@test "pprof: every field is one that the format has, and text is UTF-8" {
	need_command protoc
	need_command python3
	local name
	for name in known later empty hostile deep many; do
		gzip -dc <"$FORMS/$name.pb.gz" >"$BATS_TEST_TMPDIR/raw"
		protoc --decode=Profile --proto_path="$TOP/tests/flame" profile.proto \
			<"$BATS_TEST_TMPDIR/raw" >"$BATS_TEST_TMPDIR/$name" 2>"$BATS_TEST_TMPDIR/err"
		run cat "$BATS_TEST_TMPDIR/err"
		assert_output ''
		run grep -E '^\s*[0-9]+[ :]' "$BATS_TEST_TMPDIR/$name"
		assert_failure
	done
	run grep -cE '^(sample|sample_type|mapping|location|function) \{' "$BATS_TEST_TMPDIR/known"
	assert_output $((8 + 3 + 7 + 11 + 10))
	run grep -A 8 '^period_type' "$BATS_TEST_TMPDIR/known"
	assert_output --partial 'period: 10000000'
	run grep -E '^(time|duration)_nanos' "$BATS_TEST_TMPDIR/known"
	assert_output 'time_nanos: 1700000000123456789
duration_nanos: 10000000000'
	run grep -c '^sample_type' "$BATS_TEST_TMPDIR/later"
	assert_output 2
	run grep -A 30 -m 1 '^location {' "$BATS_TEST_TMPDIR/known"
	assert_output --partial 'address: 9029
  line {
    function_id: 1
    line: 7
  }
  line {
    function_id: 2
    line: 3
  }
  line {
    function_id: 3
    line: 99
  }
}'
}

@test "speedscope: the file is strict JSON of the form that it takes" {
	need_command python3
	run python3 - "$FORMS" <<-'END'
		import json, pathlib, sys

		for path in sorted(pathlib.Path(sys.argv[1]).glob("*.speedscope.json")):
		    data = json.loads(path.read_bytes().decode("utf-8", "strict"))
		    assert data["$schema"] == "https://www.speedscope.app/file-format-schema.json"
		    frames, (profile,) = data["shared"]["frames"], data["profiles"]
		    assert profile["type"] == "sampled" and profile["startValue"] == 0
		    assert len(profile["samples"]) == len(profile["weights"])
		    assert sum(profile["weights"]) == profile["endValue"]
		    assert all(0 <= f < len(frames) for s in profile["samples"] for f in s)
		    assert all(s for s in profile["samples"])
		    assert not any(ord(c) < 32 for f in frames for c in f["name"])
		data = json.load(open(sys.argv[1] + "/known.speedscope.json"))
		names = [f["name"] for f in data["shared"]["frames"]]
		profile = data["profiles"][0]
		assert profile["unit"] == "nanoseconds" and profile["endValue"] == 1001000000
		stacks = {";".join(names[f] for f in s): w for s, w in zip(profile["samples"], profile["weights"])}
		folded = dict(line.rsplit(" ", 1) for line in open(sys.argv[1] + "/known.folded"))
		assert stacks == {k: int(v) for k, v in folded.items()}, stacks
	END
	assert_success
}

@test "JSON lines: strict, and all the time is in them" {
	need_command python3
	need_command jq
	local name
	for name in known later empty hostile deep many; do
		run strict_json "$FORMS/$name.jsonl"
		assert_success
	done
	run jq -sc '[(map(.samples) | add), (map(.cpu_ns) | add), (map(.off_ns) | add)]' "$FORMS/known.jsonl"
	assert_output '[100,951000000,50000000]'
	run jq -s 'map(select(.comm_hex)) | length' "$FORMS/hostile.jsonl"
	assert_output 1
}

@test "reports: no line is wider than the terminal, and no text gets out of its place" {
	need_command python3
	run python3 - "$FORMS" <<-'END'
		import pathlib, sys, unicodedata

		files = [p for end in ("txt", "top", "folded") for p in pathlib.Path(sys.argv[1]).glob("*." + end)]
		assert len(files) == 18, files
		for path in files:
		    for line in path.read_bytes().decode("utf-8", "strict").split("\n"):
		        assert not any(unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") for c in line), (path, line)
		        width = sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in line)
		        assert width <= 80 or path.suffix == ".folded", (path, width, line)
		for path in pathlib.Path(sys.argv[1]).glob("*.top"):
		    assert len(path.read_text().splitlines()) <= 10, path
		for path in pathlib.Path(sys.argv[1]).glob("*.folded"):
		    lines = path.read_text().splitlines()
		    assert len(set(line.rsplit(" ", 1)[0] for line in lines)) == len(lines), path
		    assert all(line.rsplit(" ", 1)[1].isdigit() for line in lines), path
	END
	assert_success
}
