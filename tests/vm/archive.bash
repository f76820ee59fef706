# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Reading the Debian archive with an apt of one's own, for another suite or architecture than the
# machine's, whose apt is only read (which mirror, which keyring).  The caller has die().
#
#	archive_open SUITE ARCH DIR [deb-src]
#
# makes an apt in DIR (sources, lists, cache, state), whose lists of the last 24 hours are used
# again, and leaves its options in the array apt_options (deb-src: for source packages):
#
#	apt-cache "${apt_options[@]}" show bash
#
# One at a time: it holds a lock in DIR until the caller ends.  MIRROR=URI overrides the mirror,
# KEYRING=FILE the keyring, UPDATE=1 renews the lists.

# Prints the URI of each active source of this machine, one a line: one-line
# format (*.list) and deb822 (*.sources).
machine_uris()
{
	local f
	for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		if [[ -f $f ]]; then
			sed -nE 's/^[[:space:]]*deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+).*/\2/p' "$f"
		fi
	done
	for f in /etc/apt/sources.list.d/*.sources; do
		if [[ -f $f ]]; then
			awk 'BEGIN { RS = ""; FS = "\n" }
				tolower($0) !~ /(^|\n)enabled:[ \t]*no/ {
					for (i = 1; i <= NF; i++)
						if (tolower($i) ~ /^uris:/) {
							n = split($i, u, /[ \t]+/)
							for (j = 2; j <= n; j++)
								if (u[j] != "") print u[j]
						}
				}' "$f"
		fi
	done
}

# The mirror of the Debian archive, or of its security archive.
find_mirror()
{
	local want=debian uri
	[[ $1 == *-security ]] && want=debian-security
	while read -r uri; do
		uri=${uri%/}
		if [[ ${uri##*/} == "$want" ]]; then
			echo "$uri"
			return
		fi
	done < <(machine_uris)
	die "no $want archive among this machine's apt sources: set MIRROR=URI"
}

archive_open()
{
	local suite=$1 arch=$2 type=${4:-deb} lists=Packages apt mirror keyring
	[[ $type == deb ]] || lists=Sources
	mkdir -p "$3"
	apt=$(cd "$3" && pwd)
	# apt's own locks would make a second one fail.
	exec 9>"$apt/.lock"
	flock 9
	mirror=${MIRROR:-$(find_mirror "$suite")} || exit
	keyring=${KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}
	[[ -f $keyring ]] || die "no keyring $keyring: install debian-archive-keyring, or set KEYRING=FILE"
	mkdir -p "$apt"/{state,lists/partial,cache/archives/partial}
	touch "$apt/state/status"
	echo "$type [arch=$arch signed-by=$keyring] $mirror $suite main" >"$apt/sources.list"
	apt_options=(
		-o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null
		-o Dir::State="$apt/state" -o Dir::State::status="$apt/state/status"
		-o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt/cache"
		-o APT::Architecture="$arch" -o APT::Architectures::="$arch" -o APT::Sandbox::User=root
		-o Acquire::Languages=none -o Acquire::Check-Valid-Until=false -o Acquire::Retries=3
		-o APT::Update::Error-Mode=any -o Dpkg::Use-Pty=0
	)
	if [[ ${UPDATE-} || -z $(find "$apt/lists" -name "*_$lists*" -mmin -1440 -print -quit) ]]; then
		apt-get "${apt_options[@]}" -qq update >&2 || die "cannot read the package lists of $suite ($arch)"
	fi
}
