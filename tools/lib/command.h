/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The command of "-- COMMAND": found, forked, held back until tracing has begun, and waited for. */
#ifndef CORELETS_COMMAND_H
#define CORELETS_COMMAND_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/event.h"

enum { EXIT_NOT_RUN = 126, EXIT_NOT_FOUND = 127 }; /* as shells and env(1) have them */

struct command {
	char **argv; /* NULL: there is none */
	char path[PATH_SIZE];
	pid_t pid;
	int go; /* written to when it may start */
};

/* Searches argv[0] as execvp(3) does, but here: the attempts that fail are not the command's.
 * Returns 0 or a negative errno. */
int command_find(struct command *command);

/* Forks; the child waits, and will have *signals* blocked.  *tool* is the name for an error of the
 * child.  Returns 0 or a negative errno. */
int command_fork(struct command *command, const char *tool, const sigset_t *signals);

/* Lets it start. */
void command_start(struct command *command);

/* Ends a command that still waits. */
void command_cancel(struct command *command);

/* The exit status of the wait(2) status, as a shell tells it: 128 + n after signal n. */
int command_status(int status);

#endif
