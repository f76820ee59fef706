/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Programs for corecheck.bats: of hooks of real kernels. */

#define SEC(name) __attribute__((section(name), used))

#define HOOK(name, section, arguments)                          \
	SEC(section) int name(unsigned long long *context)      \
	{                                                       \
		return arguments ? !context[(arguments)-1] : 0; \
	}

HOOK(there, "tp_btf/sched_process_fork", 2)
HOOK(third, "tp_btf/sched_process_fork", 3)
HOOK(missing, "tp_btf/none_such", 1)
HOOK(missing_function, "fentry/none_such", 1)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
