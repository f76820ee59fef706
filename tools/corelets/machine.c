/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What this machine has that tools depend on. */
#include <cap-ng.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <linux/perf_event.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <zlib.h>

#include "corelets/corelets.h"
#include "lib/btf.h"
#include "lib/btf_find.h"
#include "lib/privilege.h"
#include "lib/text.h"
#include "lib/util.h"

static int sysctl_int(const char *path)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	int value;

	return file && fscanf(file, "%d", &value) == 1 ? value : INT_MIN;
}

static void look_btf(struct machine *m, const char *file)
{
	struct buf passed = {};
	int fd = -1;

	if (!file && kernel_btf_exists()) {
		m->btf = strdup("/sys/kernel/btf/vmlinux");
		return;
	}
	if (file) {
		m->btf = strdup(file);
	} else {
		fd = btf_find(&m->btf, &passed);
		snprintf(m->why_no_btf, sizeof(m->why_no_btf), "none%.*s", (int)passed.len,
			 passed.data ?: "");
		buf_done(&passed);
	}
	if (m->btf && btf_belongs(m->btf, m->why_no_btf))
		free(take_ptr(m->btf));
	close_fd(&fd);
}

static void look_capabilities(struct machine *m)
{
	m->user_namespace = privilege_in_user_namespace();
	if (capng_get_caps_process())
		return;
	for (unsigned int i = 0; i <= CAP_LAST_CAP; i++)
		if (capng_have_capability(CAPNG_EFFECTIVE, i))
			m->capabilities |= 1ull << i;
}

/* "none [integrity] confidentiality" */
static void look_lockdown(struct machine *m)
{
	_cleanup_fclose_ FILE *file = fopen("/sys/kernel/security/lockdown", "re");
	char line[128];

	if (file && fgets(line, sizeof(line), file) && strchr(line, '['))
		sscanf(strchr(line, '['), "[%31[^]]", m->lockdown);
}

static void look_mounts(struct machine *m)
{
	const struct {
		const char *type;
		char **where;
	} types[] = {
		{ "tracefs", &m->tracefs },
		{ "bpf", &m->bpffs },
		{ "cgroup2", &m->cgroup_v2 },
		{ "cgroup", &m->cgroup_v1 },
	};
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *mount;

	while (mounts && (mount = getmntent(mounts)))
		for (size_t i = 0; i < ARRAY_SIZE(types); i++)
			if (!*types[i].where && !strcmp(mount->mnt_type, types[i].type))
				*types[i].where = strdup(mount->mnt_dir);
	if (mounts)
		endmntent(mounts);
}

/* Whether there is a counter of cycles: one for ourselves, in user mode, takes no privilege. */
static bool look_pmu(void)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_HARDWARE,
		.config = PERF_COUNT_HW_CPU_CYCLES,
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
	_cleanup_close_ int fd =
		syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);

	return fd >= 0 || (errno != ENOENT && errno != EOPNOTSUPP && errno != ENODEV);
}

void machine_look(struct machine *m, const char *btf)
{
	*m = (struct machine){
		.paranoid = sysctl_int("/proc/sys/kernel/perf_event_paranoid"),
		.unprivileged_bpf = sysctl_int("/proc/sys/kernel/unprivileged_bpf_disabled"),
		.jit = sysctl_int("/proc/sys/net/core/bpf_jit_enable"),
		.pmu = look_pmu(),
	};
	uname(&m->uts);
	look_btf(m, btf);
	look_capabilities(m);
	look_lockdown(m);
	look_mounts(m);
}

void machine_done(struct machine *m)
{
	free(m->btf);
	free(m->tracefs);
	free(m->bpffs);
	free(m->cgroup_v2);
	free(m->cgroup_v1);
}

char machine_config(const struct machine *m, const char *name)
{
	static const char *const places[] = {
		"/proc/config.gz",
		"/boot/config-%s",
		"/lib/modules/%s/config",
		"/usr/lib/modules/%s/config",
	};
	char path[128], line[256], wanted[64];
	char value = 'n';
	gzFile file = NULL;
	int len;

	for (size_t i = 0; !file && i < ARRAY_SIZE(places); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(path, sizeof(path), places[i], m->uts.release);
#pragma GCC diagnostic pop
		file = gzopen(path, "re"); /* plain text too */
	}
	if (!file)
		return '?';
	len = snprintf(wanted, sizeof(wanted), "CONFIG_%s=", name);
	while (value == 'n' && gzgets(file, line, sizeof(line)))
		if (!strncmp(line, wanted, len))
			value = line[len];
	gzclose(file);
	return value;
}

/* ---- output ---- */

static void put_text(struct buf *b, bool json, const char *label, const char *key, const char *text,
		     const char *absent)
{
	if (json) {
		buf_printf(b, ",\"%s\":", key);
		if (text)
			text_json(b, text, strlen(text));
		else
			buf_str(b, "null");
	} else {
		buf_printf(b, "%-26s", label);
		text_put(b, text ?: absent, strlen(text ?: absent));
		buf_char(b, '\n');
	}
}

static void put_int(struct buf *b, bool json, const char *key, int value)
{
	if (json && value == INT_MIN)
		buf_printf(b, ",\"%s\":null", key);
	else if (json)
		buf_printf(b, ",\"%s\":%d", key, value);
	else if (value != INT_MIN)
		buf_printf(b, "%-26s%d\n", key, value);
}

static void put_bool(struct buf *b, bool json, const char *label, const char *key, bool value)
{
	if (json)
		buf_printf(b, ",\"%s\":%s", key, value ? "true" : "false");
	else
		buf_printf(b, "%-26s%s\n", label, value ? "yes" : "no");
}

static void put_capabilities(const struct machine *m, struct buf *b, bool json)
{
	/* A few, or all but a few. */
	bool lacking = !json && __builtin_popcountll(m->capabilities) > CAP_LAST_CAP / 2;
	uint64_t which = lacking ? ~m->capabilities : m->capabilities;
	const char *separator = lacking ? "all but " : "";

	buf_printf(b, json ? ",\"capabilities\":[" : "%-26s", "capabilities");
	for (unsigned int i = 0; i <= CAP_LAST_CAP; i++) {
		const char *name = which >> i & 1 ? capng_capability_to_name(i) : NULL;

		if (!name)
			continue;
		buf_printf(b, json ? "%s\"CAP_" : "%sCAP_", separator);
		for (; *name; name++)
			buf_char(b, toupper(*name));
		buf_str(b, json ? "\"" : "");
		separator = json ? "," : " ";
	}
	if (!json && *separator != ' ')
		buf_str(b, lacking ? "all" : "none");
	buf_str(b, json ? "]" : "\n");
}

void machine_put(const struct machine *m, struct buf *b, bool json)
{
	char kernel[160];

	snprintf(kernel, sizeof(kernel), "%s%s%s", m->uts.release, json ? "" : " ",
		 json ? "" : m->uts.machine);
	buf_str(b, json ? "{\"type\":\"machine\"" : "");
	put_text(b, json, "kernel", "kernel", kernel, "");
	if (json)
		put_text(b, json, "", "arch", m->uts.machine, "");
	put_text(b, json, "BTF", "btf", m->btf, m->why_no_btf);
	put_capabilities(m, b, json);
	put_bool(b, json, "initial user namespace", "initial_user_namespace", !m->user_namespace);
	put_text(b, json, "lockdown", "lockdown", m->lockdown[0] ? m->lockdown : NULL,
		 "unknown (securityfs is not mounted, or there is none)");
	put_int(b, json, "perf_event_paranoid", m->paranoid);
	put_int(b, json, "unprivileged_bpf_disabled", m->unprivileged_bpf);
	put_int(b, json, "bpf_jit_enable", m->jit);
	put_text(b, json, "tracefs", "tracefs", m->tracefs,
		 "not mounted: root's tools mount it for themselves");
	put_text(b, json, "bpffs", "bpffs", m->bpffs, "not mounted, and not needed");
	put_text(b, json, "cgroup v2", "cgroup_v2", m->cgroup_v2,
		 "not mounted: no --cgroup, no cgroup columns");
	put_text(b, json, "cgroup v1", "cgroup_v1", m->cgroup_v1, "not mounted");
	put_bool(b, json, "PMU (counter of cycles)", "pmu", m->pmu);
	buf_str(b, json ? "}\n" : "");
}
