/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "corelets/corelets.h"
#include "lib/text.h"
#include "lib/util.h"

const char *const tool_names[] = {
#include "corelets.names"
	NULL
};

void say(const char *fmt, ...)
{
	struct buf line = {};
	va_list args;

	va_start(args, fmt);
	text_message(&line, "corelets", fmt, args);
	va_end(args);
	fwrite(line.data, 1, line.len, stderr);
	buf_done(&line);
}

char *tool_find(const char *name)
{
	_cleanup_free_ char *self = realpath("/proc/self/exe", NULL), *path = NULL;
	struct stat st;
	char *slash = self ? strrchr(self, '/') : NULL;

	for (size_t i = 0; slash && tool_names[i]; i++) {
		if (strcmp(tool_names[i], name))
			continue;
		*slash = '\0';
		if (asprintf(&path, "%s/../libexec/corelets/bin", self) < 0)
			return NULL;
		if (stat(path, &st)) {
			free(take_ptr(path));
			path = strdup(self);
		}
		if (!path || asprintf(&slash, "%s/%s", path, name) < 0)
			return NULL;
		free(path);
		path = slash;
		return access(path, X_OK) ? NULL : take_ptr(path);
	}
	return NULL;
}

/* Adds what a file has. */
static void slurp(int fd, struct buf *b)
{
	char part[4096];
	ssize_t n;

	for (off_t at = 0; (n = pread(fd, part, sizeof(part), at)) > 0; at += n)
		buf_add(b, part, n);
}

int tool_ask(struct answer *answer, const char *const *argv)
{
	posix_spawn_file_actions_t files;
	int failed;

	*answer = (struct answer){ .out = memfd_create("out", MFD_CLOEXEC),
				   .err = memfd_create("err", MFD_CLOEXEC) };
	if (answer->out < 0 || answer->err < 0)
		return -errno;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, answer->out, 1);
	posix_spawn_file_actions_adddup2(&files, answer->err, 2);
	failed = posix_spawn(&answer->pid, argv[0], &files, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&files);
	return -failed;
}

int tool_answer(struct answer *answer, struct buf *out, struct buf *err)
{
	_cleanup_close_ int out_fd = answer->out;
	_cleanup_close_ int err_fd = answer->err;
	int status;

	while (waitpid(answer->pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	slurp(out_fd, out);
	slurp(err_fd, err);
	buf_char(out, '\0');
	buf_char(err, '\0');
	if (out->failed || err->failed)
		return -ENOMEM;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

bool next_line(char **text, const char **fields, size_t count)
{
	char *line = strsep(text, "\n");

	if (!line || !*line)
		return false;
	for (size_t i = 0; i < count; i++)
		fields[i] = strsep(&line, "\t") ?: "";
	return true;
}

/* ---- the list ---- */

struct listed {
	const char *name;
	char group[32], brief[128];
};

static int by_group(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	return strcasecmp(x->group, y->group) ?: strcmp(x->name, y->name);
}

/* Each tool says itself what it is. */
static int list(void)
{
	struct listed tools[ARRAY_SIZE(tool_names)] = {};
	size_t count = 0;
	int status = EXIT_FINE;

	for (size_t i = 0; tool_names[i]; i++) {
		_cleanup_free_ char *path = tool_find(tool_names[i]);
		const char *fields[5];
		struct buf out = {}, err = {};
		struct answer answer;
		char *text;
		int failed;

		if (!path)
			continue;
		failed =
			tool_ask(&answer, (const char *[]){ path, "--describe", "options", NULL }) ?:
				tool_answer(&answer, &out, &err);
		text = out.data;
		if (!failed && next_line(&text, fields, ARRAY_SIZE(fields))) {
			tools[count].name = tool_names[i];
			snprintf(tools[count].group, sizeof(tools->group), "%s", fields[3]);
			snprintf(tools[count].brief, sizeof(tools->brief), "%s", fields[4]);
			count++;
		} else {
			say("%s does not say what it is", path);
			status = EXIT_FAILED;
		}
		buf_done(&out);
		buf_done(&err);
	}
	qsort(tools, count, sizeof(*tools), by_group);
	for (size_t i = 0; i < count; i++) {
		if (!i || strcmp(tools[i].group, tools[i - 1].group))
			printf("%s%s\n", i ? "\n" : "", tools[i].group);
		printf("  %-15s %s\n", tools[i].name, tools[i].brief);
	}
	if (!count) {
		say("no tools are installed");
		return EXIT_FAILED;
	}
	return fflush(stdout) || ferror(stdout) ? EXIT_FAILED : status;
}

/* ---- main ---- */

static int help(void)
{
	printf("Usage: corelets [TOOL [ARG...] | doctor [options] [TOOL...]]\n"
	       "\n"
	       "List the tools, run one, or say which of them run on this machine.\n"
	       "\n"
	       "Commands:\n"
	       "  (none)                     the tools, by what they are about\n"
	       "  TOOL [ARG...]              run this tool, whatever its file is called here\n"
	       "  doctor [TOOL...]           try these tools, or all\n"
	       "\n"
	       "Options:\n"
	       "  -V, --version              version\n"
	       "  -h, --help                 this text; doctor --help, TOOL --help: theirs\n"
	       "\n"
	       "Exit status: that of the tool; 0 fine, 1 failed, 2 bad command line; doctor: see its help.\n");
	return fflush(stdout) || ferror(stdout) ? EXIT_FAILED : EXIT_FINE;
}

int main(int argc, char **argv)
{
	_cleanup_free_ char *path = NULL;

	text_init();
	if (argc < 2)
		return list();
	if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))
		return help();
	if (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version")) {
		printf("corelets (corelets) %s\n", CORELETS_VERSION);
		return fflush(stdout) || ferror(stdout) ? EXIT_FAILED : EXIT_FINE;
	}
	if (!strcmp(argv[1], "doctor"))
		return doctor(argc - 1, argv + 1);
	path = tool_find(argv[1]);
	if (!path) {
		say("no tool '%.100s': 'corelets' lists those that there are", argv[1]);
		return EXIT_USAGE;
	}
	execv(path, argv + 1);
	say("cannot run %s: %s", path, strerror(errno));
	return EXIT_FAILED;
}
