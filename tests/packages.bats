#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Packages for Fedora and Alpine, as far as Debian can make them.

load helpers

# shellcheck disable=SC2153 # of helpers.bash
RPM=$TOOLS/rpm

setup_file()
{
	[[ -z ${VM_GUEST-} ]] || skip "not in a guest"
	VERSION=$(sed -n 's/^VERSION := //p' "$TOP/Makefile")
	export VERSION
	command -v rpmbuild >/dev/null || return 0
	unset MAKEFLAGS MFLAGS MAKELEVEL BUILD CFLAGS CPPFLAGS LDFLAGS DESTDIR STATIC V WERROR SOURCE_DATE_EPOCH
	# What "make btf" would make.
	mkdir -p "$BATS_FILE_TMPDIR/b/btf"
	echo 5.8 >"$BATS_FILE_TMPDIR/b/btf/5.8.0.btf"
	offline=()
	! unshare --net true 2>/dev/null || offline=(unshare --net)
	"${offline[@]}" make -s -C "$TOP" BUILD="$BATS_FILE_TMPDIR/b" rpm
	rm -rf "$RPM"
	mv "$BATS_FILE_TMPDIR/b/rpm" "$RPM"
}

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
	mapfile -t tools < <(cd "$TOP/bpf" && printf '%s\n' *.bpf.c | sed 's/\.bpf\.c$//')
	[[ ${#tools[@]} -ge 4 ]]
}

# rpms: "${rpms[@]}" are the packages
rpms()
{
	need_command rpmbuild
	rpms=("$RPM"/RPMS/*/corelets-"$VERSION"-*.rpm "$RPM"/RPMS/noarch/corelets-btf-"$VERSION"-*.rpm)
	[[ ${#rpms[@]} -eq 2 && -s ${rpms[0]} && -s ${rpms[1]} ]]
}

@test "rpm: made of what git knows, and the tests that need no privileges ran" {
	local test count=0
	rpms
	for test in "$TOP"/tests/unit/*.c; do
		count=$((count + $(grep -c '^TEST(' "$test")))
	done
	[[ $count -ge 100 ]]
	assert_equal "$(grep -c '^ok ' "$RPM/log")" "$count"
	if [[ -e $TOP/.git ]]; then
		tar tzf "$RPM/SOURCES/corelets-$VERSION.tar.gz" | sed -n 's,^[^/]*/\(.*[^/]\)$,\1,p' | sort >got
		git -C "$TOP" ls-files --cached --others --exclude-standard | LC_ALL=C sort | cmp - <(LC_ALL=C sort got)
	fi
}

@test "rpm: rpmlint has nothing to say, and what it is not asked has a reason" {
	rpms
	need_command rpmlint
	run rpmlint -c "$TOP/packaging/rpm/rpmlint.toml" "${rpms[@]}" "$RPM"/SRPMS/*.rpm \
		"$TOP/packaging/rpm/corelets.spec"
	assert_success
	assert_output --partial "3 packages and 1 specfiles checked; 0 errors, 0 warnings"
	# Each line, or the one before it, is a comment.
	run awk '/^\t#/ { said = 1 } /^\t"/ { if (!said) print } /^\]/ { said = 0 }' \
		"$TOP/packaging/rpm/rpmlint.toml"
	assert_output ""
}

@test "rpm: names are the suite's own, all files have their place, and the tools run" {
	local tool
	rpms
	rpm -qpl "${rpms[@]}" | grep -v '^/usr/lib/\.build-id' >list
	for tool in "${tools[@]}"; do
		grep -Fx "/usr/sbin/corelets-$tool" list
		grep -Fx "/usr/libexec/corelets/bin/$tool" list
		grep -Fx "/usr/share/man/man8/corelets-$tool.8.gz" list
		grep -Fx "/usr/share/bash-completion/completions/corelets-$tool" list
	done
	for file in /usr/sbin/corelets /usr/share/man/man7/corelets.7.gz /usr/share/licenses/corelets/LICENSE \
		/usr/lib/systemd/system/corelets@.service /usr/share/corelets/btf/5.8.0.btf; do
		grep -Fx "$file" list
	done
	run grep -v corelets list
	assert_output ""
	# The suite's own libraries are nobody else's business.
	run rpm -qp --requires --provides "${rpms[0]}"
	refute_output --partial libcorelets
	assert_output --partial libbpf.so

	for tool in "${rpms[@]}"; do
		rpm2cpio "$tool" | cpio -idm --quiet
	done
	run env LD_LIBRARY_PATH=usr/lib64/corelets usr/sbin/corelets execsnoop --version
	assert_output "$("$TOOLS/execsnoop" --version)"
	run readelf -dSW usr/sbin/corelets-execsnoop
	assert_output --regexp 'R(UN)?PATH.*\[/usr/lib64/corelets\]'
	refute_output --regexp '\.symtab|\.debug_'
	run grep -rlE "$TOP|$TOOLS|$BATS_RUN_TMPDIR" .
	assert_output ""
}

@test "apk: a shell script, of this version, that asks for what the build needs" {
	need_command shellcheck
	# abuild reads the variables, and sets others.
	shellcheck -s dash -e SC2034,SC2154 "$TOP/packaging/alpine/APKBUILD"
	# shellcheck disable=SC2016 # expanded inside
	run env -i busybox sh -euc '. "$1/packaging/alpine/APKBUILD"; echo $pkgver; printf "%s\n" $makedepends' \
		sh "$TOP"
	assert_success
	assert_line --index 0 "$VERSION"
	# abuild itself needs a compiler and make.
	awk "/^build_needs=/ { on = 1; next } on && /^'/ { exit } on { gsub(/\\+/, \"\\n\", \$6); print \$6 }" \
		"$TOP/packaging/deps" | grep -vxE 'make|gcc|musl-dev' | sort -u >needs
	[[ $(wc -l <needs) -ge 8 ]]
	assert_equal "$(printf '%s\n' "${lines[@]:1}" | sort)" "$(cat needs)"
}

@test "apk: what it calls make for, make knows, and would install where it belongs" {
	local what
	# shellcheck disable=SC2016 # expanded inside
	for what in build check package; do
		(cd "$TOP" && env -u MAKEFLAGS BUILD="$BATS_TEST_TMPDIR/b" busybox sh -euc '
			make() { command make -n BUILD="$BUILD" "$@"; }
			rm() { echo rm "$@"; }
			pkgdir=/of/apk
			. packaging/alpine/APKBUILD
			"$1"' sh "$what") >"would-$what"
	done
	grep -E -- '-rpath,/usr/lib/corelets .*/execsnoop' would-build
	grep -F /unit/text would-check
	grep -F 'install -m 755 '"$PWD/b/corelets"' /of/apk/usr/sbin/' would-package
	# shellcheck disable=SC2016 # a shell's variable
	grep -F '/of/apk/usr/sbin/corelets-$tool' would-package
	grep -Fx 'rm -r /of/apk/usr/lib/systemd' would-package
}
