# fish completion for corelets and its tools.
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Installed once for each name of a command, by links; each makes it complete its own.

function __corelets_value
    set -l kind $argv[1]
    set -e argv[1]
    switch $kind
        case words
            string join \n -- $argv
        case columns
            set -g __corelets_list $argv all
            if string match -qr '^(--columns=)?\+[^,]*$' -- (commandline -ct)
                set __corelets_list +$argv
            end
            __fish_complete_list , __corelets_columns
        case pids tids users names
            __fish_complete_list , __corelets_$kind
        case cgroups
            set -l root (string match -r '^\S+ (\S+) cgroup2 ' </proc/self/mounts)[2]
            set -l token (string replace -r '^--cgroup=' '' -- (commandline -ct))
            if string match -q '/*' -- $token
                __fish_complete_directories $token
            else
                string replace -- $root/ '' $root/$token*/
            end
    end
end

function __corelets_pids
    __fish_complete_pids
end

function __corelets_tids
    string replace -r '.*/' '' -- /proc/*/task/*
end

function __corelets_users
    __fish_complete_users
end

function __corelets_names
    cat /proc/*/comm 2>/dev/null | sort -u
end

function __corelets_columns
    string join \n -- $__corelets_list
end

# The tool that corelets is to run is this one.
function __corelets_runs
    set -l words (commandline -opc)
    test "$words[2]" = $argv[1]; and not contains -- -- $words
end

function __corelets_options
    not contains -- -- (commandline -opc)
end

# The traced command, after --.
function __corelets_command
    set -l words (commandline -opc)
    set -l at (contains -i -- -- $words)
    set -e words[1..$at]
    complete -C (string join ' ' -- (string escape -- $words) (commandline -ct))
end

set -l command (string replace -r '^.*/([^/]*)\.fish$' '$1' (status filename))

complete -c $command -f
complete -c $command -n 'contains -- -- (commandline -opc)' -x -a '(__corelets_command)'
if test $command = corelets
    complete -c corelets -n 'test (count (commandline -opc)) -eq 1' -x -a '@NAMES@ doctor'
    complete -c corelets -n 'test (count (commandline -opc)) -eq 1' -s V -l version -d version
    complete -c corelets -n 'test (count (commandline -opc)) -eq 1' -s h -l help -d help
    complete -c corelets -n '__corelets_runs doctor' -x -a '@NAMES@'
    complete -c corelets -n '__corelets_runs doctor' -s j -l json -d 'JSON lines'
    complete -c corelets -n '__corelets_runs doctor' -s v -l verbose -d 'every attach point that was tried'
    complete -c corelets -n '__corelets_runs doctor' -l btf -r -F -d 'BTF of this kernel'
    complete -c corelets -n '__corelets_runs doctor' -l cache -d 'make the files by which the tools start sooner'
    complete -c corelets -n '__corelets_runs doctor' -s h -l help -d help
end

for tool in @NAMES@
    set -l when __corelets_options
    if test $command = corelets
        set when "__corelets_runs $tool"
    else if not string match -q "*$tool" -- $command
        continue
    end
    switch $tool
	# @TOOLS@
    end
end
