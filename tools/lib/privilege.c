/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <cap-ng.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "lib/privilege.h"
#include "lib/util.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF	    39
#endif

static bool have(unsigned int capability)
{
	return capng_have_capability(CAPNG_EFFECTIVE, capability);
}

bool privilege_enough(char why[256])
{
	bool bpf, perfmon;

	if (capng_get_caps_process())
		return true; /* let the kernel decide */
	bpf = have(CAP_BPF) || have(CAP_SYS_ADMIN);
	perfmon = have(CAP_PERFMON) || have(CAP_SYS_ADMIN);
	if (bpf && perfmon)
		return true;
	if (bpf || perfmon)
		snprintf(why, 256, "needs %s too (or root)", bpf ? "CAP_PERFMON" : "CAP_BPF");
	else
		snprintf(why, 256, "needs CAP_BPF and CAP_PERFMON (or root)");
	return false;
}

static bool file_has(const char *path, const char *text)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char line[256];

	return file && fgets(line, sizeof(line), file) && strstr(line, text);
}

/* The initial user namespace maps everything to itself. */
bool privilege_in_user_namespace(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/uid_map", "re");
	unsigned int inside, outside, count;

	return file && (fscanf(file, "%u %u %u", &inside, &outside, &count) != 3 || inside ||
			outside || count != 4294967295u);
}

void privilege_refusal(bool memlock, char why[256])
{
	struct rlimit limit;

	if (file_has("/sys/kernel/security/lockdown", "[confidentiality]"))
		snprintf(why, 256, "refused by kernel lockdown (confidentiality)");
	else if (privilege_in_user_namespace())
		snprintf(
			why, 256,
			"refused in a user namespace: capabilities must be held in the initial one");
	else if (memlock && !getrlimit(RLIMIT_MEMLOCK, &limit) && limit.rlim_cur != RLIM_INFINITY)
		snprintf(
			why, 256,
			"RLIMIT_MEMLOCK of %lu KiB is too low on this kernel, and raising it needs CAP_SYS_RESOURCE: run 'ulimit -l unlimited' first",
			(unsigned long)limit.rlim_cur >> 10);
	else
		snprintf(
			why, 256,
			"refused by the kernel in spite of the capabilities: by a seccomp filter or a security module?");
}

static int apply(capng_select_t what, uint64_t keep, bool effective, bool permitted)
{
	capng_clear(what);
	for (unsigned int i = 0; i <= CAP_LAST_CAP; i++)
		if (keep >> i & 1)
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, i);
	if (permitted)
		capng_update(CAPNG_ADD, CAPNG_PERMITTED, CAP_BPF);
	if (effective)
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_BPF);
	return capng_apply(what) ? -EPERM : 0;
}

int privilege_drop(uint64_t keep, bool (*works)(void *context), void *context)
{
	capng_select_t what = CAPNG_SELECT_CAPS;
	bool bpf = false;
	int err;

	if (capng_get_caps_process())
		return -EPERM;
	for (unsigned int i = 0; i <= CAP_LAST_CAP; i++)
		if (!have(i))
			keep &= ~(1ull << i);
	if (have(CAP_SETPCAP))
		what = CAPNG_SELECT_BOTH;
	/* Before Linux 5.19 (c8644cd0efe7), with kernel.unprivileged_bpf_disabled, not even a
	 * program's own descriptor can be asked about without CAP_BPF. */
	if (have(CAP_BPF)) {
		err = apply(what, keep, false, true);
		if (err)
			return err;
		bpf = !works(context);
	}
	err = apply(CAPNG_SELECT_CAPS, keep, bpf, bpf);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return err;
}
