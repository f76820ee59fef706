/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/command.h"
#include "lib/util.h"

int command_find(struct command *command)
{
	const char *dirs = getenv("PATH") ?: "/usr/local/bin:/usr/bin:/bin";
	const char *name = command->argv[0];
	int err = -ENOENT;

	if (strchr(name, '/')) {
		snprintf(command->path, sizeof(command->path), "%s", name);
		return access(name, X_OK) ? -errno : 0;
	}
	while (*name && *dirs) {
		size_t n = strcspn(dirs, ":");
		struct stat st;

		snprintf(command->path, sizeof(command->path), "%.*s%s%s", (int)n, dirs,
			 n ? "/" : "./", name);
		if (!stat(command->path, &st) && S_ISREG(st.st_mode)) {
			if (!access(command->path, X_OK))
				return 0;
			err = -EACCES;
		}
		dirs += n + (dirs[n] == ':');
	}
	return err;
}

static void command_run(const struct command *command, const char *tool, const sigset_t *signals,
			int go)
{
	char byte;

	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, signals, NULL);
	if (read(go, &byte, 1) != 1)
		_exit(EXIT_NOT_RUN); /* the tool has ended */
	close(go);
	execv(command->path, command->argv);
	dprintf(STDERR_FILENO, "%s: cannot run '%s': %s\n", tool, command->argv[0],
		strerror(errno));
	_exit(errno == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN);
}

int command_fork(struct command *command, const char *tool, const sigset_t *signals)
{
	int go[2];

	if (pipe2(go, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	command->pid = fork();
	if (command->pid < 0) {
		int err = -errno;

		close(go[0]);
		close(go[1]);
		command->pid = 0;
		return err;
	}
	if (!command->pid) {
		close(go[1]);
		command_run(command, tool, signals, go[0]);
	}
	close(go[0]);
	command->go = go[1];
	return 0;
}

void command_start(struct command *command)
{
	if (write(command->go, "", 1) == 1)
		close(take_fd(command->go));
}

void command_cancel(struct command *command)
{
	close_fd(&command->go);
	command->go = -1;
}

int command_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
