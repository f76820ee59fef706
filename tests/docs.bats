#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# README.md, SECURITY.md, CONTRIBUTING.md and CHANGELOG.md: what they name is there, and what they
# show works.

load helpers

setup()
{
	[[ -z ${VM_GUEST-} ]] || skip "no documents in the guest"
	cd "$TOP" || return
}

@test "links lead somewhere" {
	local doc link count=0
	for doc in *.md; do
		while read -r link; do
			[[ $link == https://* || -e $link ]] || fail "$doc: $link is not there"
			count=$((count + 1))
		done < <(grep -oP '\]\(\K[^)#]+' "$doc")
	done
	[[ $count -ge 5 ]]
}

@test "README's table of tools is what the tools say" {
	local tool
	BUILD=$TOOLS run packaging/readme --check
	assert_success
	for tool in tools/*.c; do
		grep -F "| \`$(basename "$tool" .c)\` | " README.md >/dev/null || fail "no row for $tool"
	done
}

@test "the changelog begins with the version of the Makefile" {
	run grep -m 1 -oP '^## \[\K[^]]+' CHANGELOG.md
	assert_output "$(sed -n 's/^VERSION := //p' Makefile)"
}

@test "each test that SECURITY.md names exists" {
	run python3 - <<-'END'
		import re
		text = re.sub(r"\s+", " ", open("SECURITY.md").read())
		count = 0
		for file, names in re.findall(r'`(tests/[\w./-]+)`[^`":]*: ((?:"[^"]+"(?:, )?)+)', text):
		    source = open(file).read()
		    for name in re.findall(r'"([^"]+)"', names):
		        count += 1
		        if '@test "%s" {\n' % name not in source and "\nTEST(%s)\n" % name not in source:
		            print("%s has no test '%s'" % (file, name))
		# Nothing else is in quotation marks: a name that is not found would be overlooked.
		if count != text.count('"') / 2 or count < 50:
		    print("%d names of tests in %d quotation marks" % (count, text.count('"')))
	END
	assert_success
	assert_output ''
}

@test "the tool in CONTRIBUTING.md builds without warnings, and passes its test" {
	need_root
	need_command clang-format-14
	export TOP TOOLS
	# Its files, and what is built of them, lie over the trees, for this command alone.
	# shellcheck disable=SC2016 # expanded inside
	run timeout 120 unshare --mount --propagation private bash -euc '
		for tree in "$TOP" "$TOOLS"; do
			over=$(mktemp -d -p "$BATS_TEST_TMPDIR")
			mkdir "$over/upper" "$over/work"
			mount -t overlay -o "lowerdir=$tree,upperdir=$over/upper,workdir=$over/work" none "$tree"
		done
		cd "$TOP"
		awk "/^\`\`\`/ { if (out) { close(out); out = \"\" } else if (NF == 2) out = \$2; next }
			out { print >out }" CONTRIBUTING.md
		clang-format-14 --dry-run --Werror bpf/renamesnoop.* tools/renamesnoop.c
		make WERROR=1 BUILD="$TOOLS" "$TOOLS/renamesnoop"
		bats tests/tools/renamesnoop.bats' 3>&-
	assert_success
	assert_line --partial "ok 1 a process that renames itself"
}
