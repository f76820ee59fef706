#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Debian packages: built by "make deb" from a copy of the tree, by somebody without privileges,
# network or anything of the running kernel; built again elsewhere; and installed in a copy of this
# machine, beside the packages that have tools of the same kind.

# What is set in a subshell, for it alone; what is expanded inside; TOOLS is no misspelling.
# shellcheck disable=SC2016,SC2030,SC2031,SC2153

load helpers

others=(libbpf-tools bpfcc-tools bpftrace perf-tools-unstable)

# This machine with a layer of memory above it, in mounts that nobody else sees, until it is killed.
# Services of the packages that are installed in it are not started.
copy_machine()
{
	exec unshare --mount --propagation private bash -euc '
		resolv=$(</etc/resolv.conf)
		mount -t tmpfs none "$COPY"
		cd "$COPY"
		mkdir upper work root
		mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work none root
		for d in proc sys dev; do mount --rbind /$d root/$d; done
		mount -t tmpfs -o mode=1777 none root/tmp
		cd root
		pivot_root . .
		umount -l .
		cd /
		rm -f /etc/resolv.conf
		echo "$resolv" >/etc/resolv.conf
		printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d
		chmod +x /usr/sbin/policy-rc.d
		apt-get -qq update
		apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install "$@"
		touch /tmp/ready
		exec setpriv --pdeathsig KILL sleep infinity
	' bash "$@" >"$COPY.log" 2>&1 </dev/null 3>&-
}

copy_ready()
{
	process_ended "$COPY_PID" || [[ -e /proc/$COPY_PID/root/tmp/ready ]]
}

setup_file()
{
	local flags=() name file
	[[ -z ${VM_GUEST-} ]] || skip "not in a guest"
	need_root
	need_command dh
	unset MAKEFLAGS MFLAGS MAKELEVEL BUILD CFLAGS CPPFLAGS LDFLAGS DESTDIR STATIC V WERROR
	export DEBIAN_FRONTEND=noninteractive
	export COPY=$BATS_FILE_TMPDIR/copy SRC=$BATS_FILE_TMPDIR/src DEB=$BATS_FILE_TMPDIR/src/build/deb
	VERSION=$(sed -n 's/^VERSION := //p' "$TOP/Makefile")
	export VERSION
	mkdir -p "$COPY" "$SRC/build"
	copy_machine "${others[@]}" autopkgtest &
	export COPY_PID=$!

	tar -C "$TOP" --exclude=./build --exclude=./.git -c . | tar -C "$SRC" -x
	# What "make btf" would make, of the kernels that other tests have too.
	if grep -q -- -Werror "$TOOLS/.user-flags"; then
		flags=(WERROR=1)
	fi
	make -C "$TOP" BUILD="$TOOLS" "${flags[@]}" all "$TOOLS/btf-cut"
	cp "$TOOLS"/*.bpf.o "$SRC/build"
	while IFS='=' read -r name file; do
		echo "file $name $file"
	done < <(kernel_btfs) >"$SRC/build/list"
	BUILD=$SRC/build BTF_CUT=$TOOLS/btf-cut "$SRC/btf/make" "$SRC/build/list"

	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
	chown -R 65534:65534 "$SRC"
	unshare --mount --net sh -euc '
		umount -Rl /sys
		exec setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all \
			env HOME=/nonexistent make -C "$SRC" deb' >"$SRC.log" 2>&1 || {
		tail -n 50 "$SRC.log"
		return 1
	}
	DEADLINE=300 wait_until copy_ready
	if process_ended "$COPY_PID"; then
		tail -n 50 "$COPY.log"
		return 1
	fi
	cp "$DEB"/*_* "/proc/$COPY_PID/root/tmp"
}

teardown_file()
{
	if [[ ${COPY_PID-} ]]; then
		kill "$COPY_PID" || true
	fi
}

setup()
{
	cd "$BATS_TEST_TMPDIR" || return
	tools=()
	for tool in "$TOP"/tools/*.c; do
		tools+=("$(basename "$tool" .c)")
	done
	debs=("$DEB"/corelets_*.deb "$DEB"/corelets-btf_*.deb)
	[[ ${#debs[@]} -eq 2 ]]
	# In the copy of the machine.
	inside=(nsenter --mount="/proc/$COPY_PID/ns/mnt")
}

# files DEB…: what is in them, but for directories.
files()
{
	local deb
	for deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -t | sed -n 's/^\.\(.*[^/]\)$/\1/p'
	done
}

@test "both packages, of one version, and the tests that need no privileges ran" {
	local deb test count=0
	for deb in "${debs[@]}"; do
		assert_equal "$(dpkg-deb -f "$deb" Version | cut -d - -f 1)" "$VERSION"
	done
	for test in "$TOP"/tests/unit/*.c; do
		count=$((count + $(grep -c '^TEST(' "$test")))
	done
	[[ $count -ge 100 ]]
	assert_equal "$(grep -c '^ok ' "$SRC.log")" "$count"
}

@test "lintian has nothing to say, and what it is not asked has a reason" {
	local file
	need_command lintian
	# Words that it finds in programs are in the packed BPF objects, by chance: in some builds, so an
	# override would not do.
	run lintian --allow-root --pedantic --display-info --tag-display-limit 0 \
		--suppress-tags spelling-error-in-binary \
		--fail-on error,warning,info,pedantic "$DEB"/*.changes
	assert_success
	assert_output ''
	for file in "$TOP"/packaging/debian/{,source/}*lintian-overrides; do
		[[ $(head -n 1 "$file") == '# '* ]]
	done
}

@test "every tool, under a name of the suite in PATH, with its page and completions" {
	local tool root=$PWD/root
	dpkg-deb -x "${debs[0]}" root
	for tool in "${tools[@]}"; do
		assert_equal "$(realpath "root/usr/libexec/corelets/bin/$tool")" "$root/usr/sbin/corelets-$tool"
		[[ -s root/usr/share/man/man8/corelets-$tool.8.gz ]]
		[[ -s root/usr/share/bash-completion/completions/corelets-$tool ]]
		[[ -s root/usr/share/fish/vendor_completions.d/corelets-$tool.fish ]]
		grep "^#compdef .*\bcorelets-$tool\b" root/usr/share/zsh/vendor-completions/_corelets
	done
	run grep '^ExecStart=' root/usr/lib/systemd/system/corelets@.service
	assert_output --partial =/usr/sbin/corelets
	run find root \( -path '*/bin/*' -o -path '*/sbin/*' \) -type f -printf '%f\n'
	assert_equal "$(sort <<<"$output")" "$(printf '%s\n' corelets "${tools[@]/#/corelets-}" | sort)"
}

@test "corelets-btf has what make btf made, and nothing else" {
	local file
	dpkg-deb -x "${debs[1]}" root
	run ls root/usr/share/corelets/btf
	assert_output "$(ls "$SRC/build/btf")"
	assert [ "${#lines[@]}" -ge 3 ]
	for file in "${lines[@]}"; do
		cmp "root/usr/share/corelets/btf/$file" "$SRC/build/btf/$file"
	done
}

@test "user space is hardened, the BPF side is what it is without that" {
	local file tool fortified=0
	dpkg-deb -x "${debs[0]}" root
	while read -r file; do
		echo "--- $file"
		run readelf -hldW --dyn-syms "$file"
		assert_line --regexp '^ *Type: +DYN '
		assert_line --regexp '^ *GNU_RELRO '
		assert_line --regexp "FLAGS_1.* NOW$([[ $file == *.so ]] || echo ' PIE')"
		assert_output --partial ' __stack_chk_fail@'
		# These would always be the ones that check.
		refute_output --regexp ' v?(as|d|f)?printf@'
		fortified=$((fortified + $(grep -c '_chk@' <<<"$output" || true)))
	done < <(find root/usr/sbin root/usr/lib -type f \( -name '*.so' -o -perm /111 \))
	[[ $fortified -ge ${#tools[@]} ]]
	for tool in "${tools[@]}"; do
		cmp "$DEB/corelets-$VERSION/build/$tool.bpf.o" "$TOOLS/$tool.bpf.o"
	done
}

@test "built again, elsewhere and by somebody else, from its own source: the same bytes" {
	local other="$PWD/some other/place" file count=0
	mkdir -p "$other"
	cp -a "$SRC" "$other/src"
	rm -r "$other/src/build/deb"
	find "$other/src" -type f -exec touch {} +
	touch "$other/src/build/btf"
	chmod -R go= "$other/src"
	# By what git knows, this time.
	git -C "$other/src" init -q
	umask 077
	run env LC_ALL=C.UTF-8 make -C "$other/src" deb DEB_OPTIONS=-S
	assert_success
	for file in "$DEB"/*.{dsc,tar.xz}; do
		cmp "$file" "$other/src/build/deb/${file##*/}"
		count=$((count + 1))
	done
	assert_equal "$count" 4
	dpkg-source -x "$DEB"/*.dsc again
	(cd again && DEB_BUILD_OPTIONS=nocheck TZ=Asia/Tokyo dpkg-buildpackage -us -uc -b) >log 2>&1 ||
		fail "$(tail -n 30 log)"
	run grep '^ok ' log
	assert_failure
	for file in "$DEB"/*.deb; do
		cmp "$file" "${file##*/}"
		count=$((count + 1))
	done
	assert_equal "$count" 7
}

@test "without make btf: no corelets-btf, and it says so; with an old one it says what to do" {
	cp -a "$SRC" src
	rm -r src/build
	run make -C src deb DEB_OPTIONS=-S
	assert_success
	assert_line 'without corelets-btf: "make btf" makes what is in it'
	run ls src/build/deb/
	refute_output --partial btf
	mkdir src/build/btf
	touch -d '1 second' src/bpf/execsnoop.bpf.c
	run make -C src deb DEB_OPTIONS=-S
	assert_failure
	assert_output --partial "build/btf is older than bpf/execsnoop.bpf.c: make btf"
}

# ---- installed ----

# All that there is, but for what apt, dpkg and man keep in their own places.
listing()
{
	"${inside[@]}" find /bin/ /etc /lib/ /opt /sbin/ /srv /usr /var -xdev \( -path /var/lib/dpkg \
		-o -path /var/lib/apt -o -path /var/log -o -path /var/cache/apt -o -path /var/cache/man \
		-o -path /var/cache/debconf \) -prune -o \( ! -type d -printf '%p %y %m %U %G %s %l\n' \
		-o -printf '%p %y %m %U %G\n' \) | sort
}

install_debs()
{
	"${inside[@]}" apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install \
		"${debs[@]/#"$DEB"//tmp}" </dev/null
}

@test "installed beside ${others[*]}: no file and no command of theirs; it runs; nothing is left" {
	local tool paths
	listing >before
	assert_equal "$("${inside[@]}" dpkg-query -W -f '${Status}\n' "${others[@]}" | sort | uniq -c |
		xargs)" "${#others[@]} install ok installed"
	run install_debs
	assert_success
	mapfile -t paths < <(files "${debs[@]}" | sort)
	run "${inside[@]}" dpkg-query -S "${paths[@]}"
	assert_equal "$(sed -n 's/^corelets\(-btf\)\?: //p' <<<"$output" | sort)" \
		"$(printf '%s\n' "${paths[@]}")"
	for tool in corelets "${tools[@]/#/corelets-}"; do
		run "${inside[@]}" bash -c 'type -ap "$1" | xargs -n 1 realpath | sort -u' bash "$tool"
		assert_output "/usr/sbin/$tool"
	done
	run "${inside[@]}" dpkg -S /usr/sbin/execsnoop
	assert_output "libbpf-tools: /usr/sbin/execsnoop"

	# The cache was made, and is used.
	run "${inside[@]}" ls /var/cache/corelets
	assert_output "$(printf '%s\n' "${tools[@]}")"
	# shellcheck disable=SC2034 # used by run_tool
	run_as=("${inside[@]}")
	TOOLS=/usr/sbin run_tool corelets-execsnoop -v --json -- /bin/true
	assert_success
	assert_line 'execsnoop: BTF: /var/cache/corelets/execsnoop'
	assert_events 1 '.type == "exec" and .ret == 0 and .args == ["/bin/true"]'
	assert_lost 0
	TOOLS=/usr/libexec/corelets/bin run_tool opensnoop --json --output /tmp/events -- cat /etc/hostname
	assert_success
	OUT=/proc/$COPY_PID/root/tmp/events
	assert_events 1 '.path == "/etc/hostname" and .ret >= 0'
	TOOLS=/usr/sbin run_tool corelets execsnoop --version
	assert_equal "$(<"$OUT")" "execsnoop (corelets) $VERSION"

	run "${inside[@]}" apt-get -qq -y -o Dpkg::Use-Pty=0 remove corelets
	assert_success
	run "${inside[@]}" dpkg-query -W -f '${Status}' corelets
	refute_output --partial ' installed'
	listing >after
	run diff before after
	assert_success
	run "${inside[@]}" apt-get -qq -y -o Dpkg::Use-Pty=0 purge corelets corelets-btf
	assert_success
}

@test "it is installed also where no cache can be made" {
	inside+=(unshare --mount --propagation private bash -euc 'mount -t tmpfs none /sys; exec "$@"' bash)
	install_debs
	run "${inside[@]}" corelets doctor --cache
	assert_failure
	run "${inside[@]}" ls /var/cache/corelets
	assert_output --partial 'No such file'
	"${inside[@]}" apt-get -qq -y -o Dpkg::Use-Pty=0 purge corelets corelets-btf
}

@test "autopkgtest: the tree's tests, of the installed tools" {
	run "${inside[@]}" bash -c 'cd /tmp && autopkgtest --no-built-binaries --env=FILTER="$1" \
		--ignore-restrictions=isolation-machine corelets*_*.deb *.dsc -- null' bash \
		"^corelets TOOL is the tool|^execveat: of a directory|^kinds of files"
	assert_success
	assert_line --regexp '^live +PASS'
	assert_equal "$(grep -c '^ok ' <<<"$output")" 3
	refute_output --partial '# skip'
}
