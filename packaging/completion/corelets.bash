# bash completion for corelets and its tools                         -*- shell-script -*-
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Installed once for each name of a command, by links; each makes it complete its own.

# Sets $options, $kinds and $columns of the caller to those of a tool.
_corelets_tool()
{
	case $1 in
	# @TOOLS@
	doctor)
		options='-j --json -v --verbose --btf --cache -h --help'
		kinds=([--btf]=files)
		;;
	*) return 1 ;;
	esac
}

# Prints what an argument of this kind can be, one a line.
_corelets_candidates()
{
	local path
	case $1 in
	pids) printf '%s\n' /proc/[0-9]* | sed 's,.*/,,' ;;
	tids) printf '%s\n' /proc/[0-9]*/task/[0-9]* | sed 's,.*/,,' ;;
	users) compgen -u ;;
	names) cat /proc/[0-9]*/comm 2>/dev/null | sort -u ;;
	columns)
		# shellcheck disable=SC2086 # words
		printf '%s\n' $columns all
		;;
	words) printf '%s\n' "${@:2}" ;;
	cgroups)
		while read -r _ path kind _; do
			if [[ $kind == cgroup2 ]]; then
				compgen -d -- "$path/$2" | sed "s,^$path/*,,;s,\$,/,"
				break
			fi
		done </proc/self/mounts
		;;
	esac
}

# _corelets_argument KIND...: completes $cur as the argument of an option.
_corelets_argument()
{
	local prefix='' last=$cur candidate
	case $1 in
	nothing) return ;;
	files)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	cgroups)
		compopt -o nospace 2>/dev/null
		if [[ $cur == /* ]]; then
			mapfile -t COMPREPLY < <(compgen -d -S / -- "$cur")
			return
		fi
		set -- cgroups "$cur"
		;;
	pids | tids | users | names | columns)
		last=${cur##*,}
		if [[ $1 == columns ]]; then
			compopt -o nospace 2>/dev/null
			last=${last#+}
		fi
		prefix=${cur%"$last"}
		;;
	esac
	while IFS= read -r candidate; do
		if [[ $candidate == "$last"* ]]; then
			printf -v candidate %q "$candidate"
			COMPREPLY+=("$prefix$candidate")
		fi
	done < <(_corelets_candidates "$@")
	# What bash takes for the word begins after the last colon.
	if [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then
		prefix=${cur%"${cur##*:}"}
		COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
	fi
}

_corelets()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local names='@NAMES@' tool='' first=1 name i options='' columns=''
	local -A kinds=()
	COMPREPLY=()
	for name in $names; do
		if [[ ${COMP_WORDS[0]##*/} == *"$name" ]]; then
			tool=$name
		fi
	done
	if [[ ! $tool && $COMP_CWORD -eq 1 ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$names doctor -h --help -V --version" -- "$cur")
		return
	elif [[ ! $tool ]]; then
		tool=${COMP_WORDS[1]}
		first=2
	fi
	_corelets_tool "$tool" || return
	for ((i = first; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -- ]]; then
			if declare -F _comp_command_offset >/dev/null; then
				_comp_command_offset $((i + 1))
			elif declare -F _command_offset >/dev/null; then
				_command_offset $((i + 1))
			else
				mapfile -t COMPREPLY < <(compgen -c -- "$cur")
			fi
			return
		fi
	done
	# --pid=1 is three words.
	if [[ $cur == = ]]; then
		cur=''
	elif [[ $prev == = && $COMP_CWORD -gt 2 ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if [[ ${kinds[$prev]-} ]]; then
		# shellcheck disable=SC2086 # words
		_corelets_argument ${kinds[$prev]}
	elif [[ $tool == doctor && $cur != -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$names" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	fi
}

complete -F _corelets corelets "${BASH_SOURCE[0]##*/}"
