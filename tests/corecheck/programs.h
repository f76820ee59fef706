/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the programs of corecheck.bats share. */
#ifndef CORELETS_TESTS_PROGRAMS_H
#define CORELETS_TESTS_PROGRAMS_H

typedef unsigned char __u8;
typedef unsigned short __u16, __be16;
typedef int __s32;
typedef unsigned int __u32, __be32, __wsum;
typedef long long __s64;
typedef unsigned long long __u64, __be64;
enum { BPF_MAP_TYPE_ARRAY = 2 };

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* What a program found out goes where the compiler cannot follow it. */
long result;

#define PROGRAM(name) SEC("raw_tp") int name(void *context)

static __always_inline long read_at(const void *from)
{
	long value = 0;

	bpf_probe_read_kernel(&value, 4, from);
	return value;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#endif
