/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The first and only other program of a guest that has nothing but the archive of static tools, in
 * /corelets-…: runs them, and says what tests/vm/run waits for (tests/vm/init). */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS 16
#define WORDS	 16

/* Each prints what the test compares.  "/init": this program, with what it is to do. */
static const char *const commands[COMMANDS][WORDS] = {
	{ "sbin/corelets-execsnoop", "--version" },
	{ "sbin/corelets" },
	{ "sbin/corelets", "doctor", "--json" },
	{ "sbin/corelets-opensnoop", "-j", "-u", "nobody-else", "--", "/init" },
	{ "sbin/corelets-perf-sample", "-j", "--", "/init", "burn" },
	{ "sbin/corelets-execsnoop", "-j", "--", "sbin/corelets-opensnoop", "--version" },
	{ "sbin/corelets-opensnoop", "-j", "-u", "somebody", "-o", "+uid", "--", "/init", "open-as",
	  "4711" },
	{ "sbin/corelets-bpfload-watch", "-j", "--", "sbin/corelets-execsnoop", "-j", "--",
	  "/init" },
};

/* Found by name, in the symbol table of this program. */
__attribute__((noinline)) void burn_burn_burn(void)
{
	for (clock_t end = clock() + CLOCKS_PER_SEC / 2; clock() < end;)
		for (volatile int i = 0; i < 1000000; i++)
			;
}

static int work(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "burn"))
		burn_burn_burn();
	else if (argc == 3 && !strcmp(argv[1], "open-as"))
		return setuid(atoi(argv[2])) || open("/etc/passwd", O_RDONLY) < 0 ||
		       open("/nowhere", O_RDONLY) >= 0;
	return argc > 3;
}

static int run(const char *const *words)
{
	int status;
	pid_t pid;

	printf("$");
	for (const char *const *word = words; *word; word++)
		printf(" %s", *word);
	printf("\n");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		execv(words[0], (char *const *)words);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid)
		return 1;
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	printf("\n= %d\n", status);
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
	return 0;
}

static void serial_port(const char *path, int target)
{
	int fd = open(path, O_RDWR | O_NOCTTY);
	struct termios t;

	if (!tcgetattr(fd, &t)) {
		cfmakeraw(&t);
		tcsetattr(fd, TCSANOW, &t);
	}
	dup2(fd, target);
}

int main(int argc, char **argv)
{
	static char log[1 << 20];
	FILE *console, *passwd;
	int err, n;
	glob_t at;

	if (getpid() != 1)
		return work(argc, argv);
	mkdir("/dev", 0755), mkdir("/proc", 0755), mkdir("/sys", 0755), mkdir("/etc", 0755);
	err = mount("dev", "/dev", "devtmpfs", 0, NULL) | mount("proc", "/proc", "proc", 0, NULL) |
	      mount("sys", "/sys", "sysfs", 0, NULL);
	serial_port("/dev/console", 3);
	serial_port("/dev/ttyS1", STDOUT_FILENO);
	dup2(STDOUT_FILENO, STDERR_FILENO);
	console = fdopen(3, "w");
	setbuf(console, NULL);
	fprintf(console, "guest: begins\n");
	passwd = fopen("/etc/passwd", "w");
	err |= !passwd || fputs("somebody:x:4711:4711::/:/init\n", passwd) < 0 || fclose(passwd);
	err |= glob("/corelets-*", GLOB_ERR, NULL, &at) || at.gl_pathc != 1 ||
	       chdir(at.gl_pathv[0]);
	for (n = 0; !err && n < COMMANDS && commands[n][0]; n++)
		err |= run(commands[n]);
	fprintf(console, "guest: kernel log\n");
	n = klogctl(3 /* SYSLOG_ACTION_READ_ALL */, log, sizeof(log));
	fwrite(log, n > 0 ? n : 0, 1, console);
	fprintf(console, "guest: status %d\n", err ? 1 : 0);
	tcdrain(3);
	reboot(RB_AUTOBOOT);
	return 1;
}
