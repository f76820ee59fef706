/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// build: -static -pthread
/*
 * Stays until standard input closes or SIGTERM or SIGINT comes, to be traced by
 * process, thread, name or with its children.
 *
 *   sleeper [--path PATH] [--every MS] [--threads NAME,…] [--name NAME] [--no-stdin]
 *
 * The main thread (--name: its name) and one thread for each NAME open PATH
 * (/nonexistent/sleeper) every MS milliseconds (0, the default: never).
 *
 * First line, once all threads are there:
 *   {"what":"ready","pid":…,"threads":[{"tid":…,"comm":…},…]}
 * For each SIGUSR1, a child that opens PATH once and executes this program as
 * `noop child` once; when that has ended:
 *   {"what":"child","pid":…,"ppid":…,"given":…,"ret":…,"exe":…,"args":[…],…}
 * For each SIGUSR2, one open of PATH by every thread, then:
 *   {"what":"opened","pid":…,"times":THREADS}
 * At the end, for each thread, how many opens there were:
 *   {"what":"open","pid":…,"tid":…,"comm":…,"given":…,"ret":…,"times":…}
 * Each line is written at once; wait for it before the next signal, since equal
 * signals merge.  --no-stdin: end only by signal (a shell gives a program in the
 * background /dev/null as standard input, which is closed at once).
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include "workload.h"

struct worker {
	pthread_t thread;
	pid_t tid;
	char comm[16];
	long times, ret;
};

static const char *path = "/nonexistent/sleeper";
static long every_ms;
static pthread_barrier_t ready;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed, done; /* of what follows, under the lock */
static unsigned long requested;	     /* opens that each thread was asked for */
static long answers;		     /* threads that did the last one */
static bool ending;

static void open_once(struct worker *w)
{
	long fd;

	ask_bpf(path);
	fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);

	w->ret = fd < 0 ? -errno : fd;
	w->times++;
	if (fd >= 0)
		close(fd);
}

static void worker_init(struct worker *w)
{
	w->tid = thread_id();
	if (w->comm[0])
		prctl(PR_SET_NAME, w->comm);
	prctl(PR_GET_NAME, w->comm);
}

static void *work(void *arg)
{
	unsigned long answered = 0;
	struct worker *w = arg;
	struct timespec until;
	int err = 0;

	worker_init(w);
	pthread_barrier_wait(&ready);
	clock_gettime(CLOCK_MONOTONIC, &until);
	pthread_mutex_lock(&lock);
	while (!ending) {
		if (answered != requested) {
			answered++;
			open_once(w);
			answers++;
			pthread_cond_signal(&done);
			continue;
		}
		if (!every_ms) {
			pthread_cond_wait(&changed, &lock);
			continue;
		}
		if (err == ETIMEDOUT) {
			open_once(w);
			until.tv_sec += (until.tv_nsec + every_ms * 1000000) / 1000000000;
			until.tv_nsec = (until.tv_nsec + every_ms * 1000000) % 1000000000;
		}
		err = pthread_cond_timedwait(&changed, &lock, &until);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void child(void)
{
	char *argv[] = { "noop", "child", NULL }, *env[] = { NULL };
	const char *self = self_path();
	struct worker w = {};
	struct json j = {};
	int status, pipes[2];
	sigset_t none;
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		die("pipe2");
	pid = fork();
	if (!pid) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		open_once(&w);
		if (write(pipes[1], &w.ret, sizeof(w.ret)) == sizeof(w.ret))
			execve(self, argv, env);
		_exit(127);
	}
	close(pipes[1]);
	if (pid < 0 || read(pipes[0], &w.ret, sizeof(w.ret)) != sizeof(w.ret) ||
	    waitpid(pid, &status, 0) < 0)
		die("fork");
	close(pipes[0]);
	json_string(&j, "what", "child");
	json_number(&j, "pid", pid);
	json_number(&j, "tid", pid);
	json_number(&j, "ppid", getpid());
	json_string(&j, "given", path);
	json_result(&j, w.ret);
	json_string(&j, "exe", self);
	json_strings(&j, "args", argv);
	json_number(&j, "status", status);
	json_print(&j);
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "path", required_argument, NULL, 'p' },
						 { "every", required_argument, NULL, 'e' },
						 { "threads", required_argument, NULL, 't' },
						 { "name", required_argument, NULL, 'n' },
						 { "no-stdin", no_argument, NULL, 's' },
						 {} };
	struct worker *workers = allocate(sizeof(*workers));
	struct pollfd fds[2] = { { .fd = 0 }, { .events = POLLIN } };
	uint64_t now, next = 0;
	struct signalfd_siginfo info;
	pthread_condattr_t attr;
	struct json j = {};
	char *name, buf[4096];
	long count = 1, i;
	sigset_t signals;
	int c, timeout;
	ssize_t n;

	if (is_noop(argc, argv))
		return 0;
	program = "sleeper";
	setvbuf(stdout, NULL, _IOLBF, 65536);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'p':
			path = optarg;
			break;
		case 'e':
			every_ms = parse_number("--every", optarg, 0, 1000000);
			break;
		case 't':
			for (name = strtok(optarg, ","); name; name = strtok(NULL, ",")) {
				workers = realloc(workers, (count + 1) * sizeof(*workers));
				if (!workers)
					die("threads");
				memset(&workers[count], 0, sizeof(*workers));
				snprintf(workers[count++].comm, 16, "%s", name);
			}
			break;
		case 'n':
			snprintf(workers[0].comm, 16, "%s", optarg);
			break;
		case 's':
			fds[0].fd = -1;
			break;
		default:
			return 2;
		}
	}
	fds[0].events = POLLIN;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	fds[1].fd = signalfd(-1, &signals, SFD_CLOEXEC);
	if (fds[1].fd < 0)
		die("signalfd");

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &attr);
	pthread_cond_init(&done, NULL);
	pthread_barrier_init(&ready, NULL, count);
	worker_init(&workers[0]);
	for (i = 1; i < count; i++) {
		errno = pthread_create(&workers[i].thread, NULL, work, &workers[i]);
		if (errno)
			die("pthread_create");
	}
	pthread_barrier_wait(&ready);
	json_string(&j, "what", "ready");
	json_number(&j, "pid", getpid());
	json_number(&j, "ppid", getppid());
	json_string(&j, "given", path);
	json_key(&j, "threads");
	for (i = 0; i < count; i++) {
		json_format(&j, "%s{\"tid\":%d,\"comm\":", i ? "," : "[", workers[i].tid);
		json_quote(&j, workers[i].comm, strlen(workers[i].comm));
		json_format(&j, "}");
	}
	json_format(&j, "]");
	json_print(&j);

	next = clock_ns(CLOCK_MONOTONIC);
	for (;;) {
		timeout = -1;
		if (every_ms) {
			now = clock_ns(CLOCK_MONOTONIC);
			if (now >= next) {
				open_once(&workers[0]);
				next += every_ms * 1000000;
				continue;
			}
			timeout = (next - now) / 1000000 + 1;
		}
		if (poll(fds, 2, timeout) < 0 && errno != EINTR)
			die("poll");
		if (fds[0].revents) {
			n = read(0, buf, sizeof(buf));
			if (n <= 0)
				break;
		}
		if (!fds[1].revents)
			continue;
		if (read(fds[1].fd, &info, sizeof(info)) != sizeof(info))
			die("signalfd");
		if (info.ssi_signo == SIGUSR1) {
			child();
		} else if (info.ssi_signo == SIGUSR2) {
			open_once(&workers[0]);
			pthread_mutex_lock(&lock);
			answers = 1;
			requested++;
			pthread_cond_broadcast(&changed);
			while (answers < count)
				pthread_cond_wait(&done, &lock);
			pthread_mutex_unlock(&lock);
			json_string(&j, "what", "opened");
			json_number(&j, "pid", getpid());
			json_number(&j, "times", count);
			json_print(&j);
		} else {
			break;
		}
	}

	pthread_mutex_lock(&lock);
	ending = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	for (i = 0; i < count; i++) {
		if (i)
			pthread_join(workers[i].thread, NULL);
		json_string(&j, "what", "open");
		json_string(&j, "call", "openat");
		json_number(&j, "pid", getpid());
		json_number(&j, "tid", workers[i].tid);
		json_string(&j, "comm", workers[i].comm);
		json_string(&j, "given", path);
		json_result(&j, workers[i].ret);
		json_number(&j, "times", workers[i].times);
		json_print(&j);
	}
	return fflush(stdout) ? 1 : 0;
}
