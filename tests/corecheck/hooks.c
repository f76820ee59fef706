/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Programs for corecheck.bats: of hooks, which may be there or not. */

#define SEC(name) __attribute__((section(name), used))

#define HOOK(name, section, arguments)                         \
	SEC(section) int name(unsigned long long *context)     \
	{                                                      \
		return arguments ? context[(arguments)-1] : 0; \
	}

HOOK(tracepoint, "tp_btf/changed", 1)
HOOK(tracepoint_second, "tp_btf/changed", 2)
HOOK(tracepoint_raw, "raw_tp/changed", 1)
HOOK(tracepoint_raw_second, "raw_tracepoint/changed", 2)
HOOK(tracepoint_third, "?tp_btf/changed", 3)
HOOK(tracepoint_gone, "?tp_btf/gone", 1)
HOOK(tracepoint_raw_gone, "?raw_tp/gone", 0)
HOOK(entry, "fentry/call", 1)
HOOK(entry_second, "fentry/call", 2)
HOOK(entry_third, "fentry/call", 3)
HOOK(exit_second, "fexit/call", 2)
HOOK(exit_third, "fexit/call", 3)
HOOK(entry_gone, "fentry.s/gone_call", 0)
HOOK(iterator_gone, "iter/thing", 1)
HOOK(probe, "kprobe/gone_call", 1)
HOOK(classic, "tp/none/such", 3)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
