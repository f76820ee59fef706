/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* corelets: lists the tools, runs one, and says which of them run here. */
#ifndef CORELETS_CORELETS_H
#define CORELETS_CORELETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/utsname.h>

#include "lib/buf.h"
#include "lib/exit.h"

/* The suite's tools, in order; NULL ends them. */
extern const char *const tool_names[];

/* Where a tool is: in ../libexec/corelets/bin, or, if there is no such directory, beside this
 * program.  Never in PATH: other packages have tools of the same names.  Returns its path, to be
 * freed; NULL: it is not there. */
char *tool_find(const char *name);

/* A program that runs for us. */
struct answer {
	pid_t pid;
	int out, err; /* files that it writes to */
};

/* Starts a program.  Returns 0 or a negative errno. */
int tool_ask(struct answer *answer, const char *const *argv);

/* Waits for its end; what it wrote is added to *out* and *err*.  Returns its exit status, or a
 * negative errno (-EINTR: a signal ended it). */
int tool_answer(struct answer *answer, struct buf *out, struct buf *err);

/* Cuts the next line off *text*, and its fields, which tabs separate, off each other; a field that is
 * not there is empty.  Returns false at the end. */
bool next_line(char **text, const char **fields, size_t count);

/* One line on standard error. */
__attribute__((format(printf, 1, 2))) void say(const char *fmt, ...);

int doctor(int argc, char **argv);

/* What tools depend on, on this machine. */
struct machine {
	struct utsname uts;
	char *btf; /* that tools use; NULL: none */
	char why_no_btf[256];
	uint64_t capabilities;			       /* effective ones: bits 1 << CAP_* */
	bool user_namespace;			       /* not the initial one */
	char lockdown[32];			       /* empty: it is not known */
	int paranoid, unprivileged_bpf, jit;	       /* sysctls; INT_MIN: not there */
	char *tracefs, *bpffs, *cgroup_v2, *cgroup_v1; /* where they are mounted, or NULL */
	bool pmu;
};

/* *btf*: the user's choice, or NULL. */
void machine_look(struct machine *machine, const char *btf);
void machine_done(struct machine *machine);
void machine_put(const struct machine *machine, struct buf *b, bool json);

/* How the running kernel has CONFIG_*name*: 'y', 'm', 'n', or '?' if its configuration is not to be
 * read. */
char machine_config(const struct machine *machine, const char *name);

#endif
