#compdef corelets @NAMES@
# zsh completion for corelets and its tools.
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

# Sets $specs and $columns of the caller to those of a tool.
_corelets_tool()
{
	case $1 in
	# @TOOLS@
	doctor)
		specs=(
			'(-j --json)'{-j,--json}'[JSON lines]'
			'(-v --verbose)'{-v,--verbose}'[every attach point that was tried]'
			'--btf=[BTF of this kernel]:FILE: _corelets_value files'
			'--cache[make the files by which the tools start sooner]'
			'(-h --help)'{-h,--help}'[help]'
			'*:tool:(@NAMES@)'
		)
		;;
	*) return 1 ;;
	esac
}

_corelets_some()
{
	local -a some
	case $1 in
	pids) some=(/proc/<->(N:t)) ;;
	tids) some=(/proc/<->/task/<->(N:t)) ;;
	names) some=(${(fu)"$(cat /proc/<->/comm 2>/dev/null)"}) ;;
	columns)
		compset -P '+'
		some=($columns all)
		;;
	esac
	shift
	compadd "$@" -a some
}

_corelets_value()
{
	local kind=$1 root
	shift
	case $kind in
	words) compadd -- $@ ;;
	users) _sequence _users ;;
	pids | tids | names | columns) _sequence _corelets_some $kind ;;
	files) _files ;;
	cgroups)
		root=$(while read -r _ dir type _; do
			[[ $type == cgroup2 ]] && print -r -- $dir && break
		done </proc/self/mounts)
		if [[ $PREFIX == /* ]]; then _files -/; else _files -/ -W "$root"; fi
		;;
	*) _message "$kind" ;;
	esac
}

_corelets_command()
{
	(( after )) && _normal
}

_corelets()
{
	local name tool curcontext=$curcontext
	local -a specs columns
	local -i after
	for name in @NAMES@; do
		[[ ${words[1]:t} == *$name ]] && tool=$name
	done
	if [[ -z $tool ]]; then
		if (( CURRENT == 2 )); then
			_arguments '1:tool:(@NAMES@ doctor)' '(-h --help)'{-h,--help}'[help]' \
				'(-V --version)'{-V,--version}'[version]'
			return
		fi
		shift words
		(( CURRENT-- ))
		tool=$words[1]
	fi
	_corelets_tool $tool || return
	after=${words[(I)--]}
	(( after >= CURRENT )) && after=0
	[[ $tool != doctor ]] && specs+=('*::: :_corelets_command')
	_arguments -s -S $specs
}

_corelets "$@"
