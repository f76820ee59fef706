t() { local a=$EPOCHREALTIME; for i in 1 2 3 4 5; do "$@" >/dev/null 2>&1; done; local b=$EPOCHREALTIME; printf '%s ' "$(( (${b/./}-${a/./})/5000 )) ms: $*;"; }
t /bin/true;  t jq -n 1; t grep x /proc/mounts; 
t build/execsnoop --json -- true;  t build/opensnoop --json -o all -- true
t python3 -c 'for i in range(1000000): pass'; f() { (:); }; t f
echo
