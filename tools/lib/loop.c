/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/loop.h"
#include "lib/util.h"

#define FIRST_TICK_NS 5000000ull /* somebody may be waiting for the first line */
#define TICK_NS	      50000000ull
#define NS_PER_SEC    1000000000ull

enum { WATCH_RING, WATCH_SIGNALS, WATCH_TICK, WATCH_DEADLINE, WATCH_COMMAND, WATCH_OUTPUT };

static int loop_add(struct loop *loop, int fd, uint32_t events, uint32_t what)
{
	struct epoll_event event = { .events = events, .data.u32 = what };

	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/* The signals that end the tool, but for those that whoever started it had ignored. */
static void stop_signals(sigset_t *set)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	sigemptyset(set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct sigaction action;

		if (!sigaction(signals[i], NULL, &action) && action.sa_handler != SIG_IGN)
			sigaddset(set, signals[i]);
	}
}

/* *every_ns* 0: once. */
static int timer_new(uint64_t first_ns, uint64_t every_ns)
{
	struct itimerspec spec = {
		.it_value = { first_ns / NS_PER_SEC, first_ns % NS_PER_SEC },
		.it_interval = { every_ns / NS_PER_SEC, every_ns % NS_PER_SEC },
	};
	int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0 && timerfd_settime(fd, 0, &spec, NULL)) {
		close(fd);
		return -1;
	}
	return fd;
}

int loop_init(struct loop *loop, int ring_fd, uint64_t duration_ns, int output_fd)
{
	struct stat st;
	sigset_t set;
	int err;

	*loop = (struct loop){
		.epoll = -1, .signals = -1, .tick = -1, .deadline = -1, .command = -1
	};
	signal(SIGPIPE, SIG_IGN);
	stop_signals(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	loop->tick = timer_new(FIRST_TICK_NS, TICK_NS);
	if (loop->epoll < 0 || loop->signals < 0 || loop->tick < 0)
		return -errno;
	err = loop_add(loop, ring_fd, EPOLLIN, WATCH_RING);
	if (!err)
		err = loop_add(loop, loop->signals, EPOLLIN, WATCH_SIGNALS);
	if (!err)
		err = loop_add(loop, loop->tick, EPOLLIN, WATCH_TICK);
	if (!err && duration_ns) {
		loop->deadline = timer_new(duration_ns, 0);
		if (loop->deadline < 0)
			return -errno;
		err = loop_add(loop, loop->deadline, EPOLLIN, WATCH_DEADLINE);
	}
	/* EPOLLERR and EPOLLHUP come unasked. */
	if (!err && !fstat(output_fd, &st) && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		loop_add(loop, output_fd, 0, WATCH_OUTPUT);
	return err;
}

void loop_done(struct loop *loop)
{
	close_fd(&loop->epoll);
	close_fd(&loop->signals);
	close_fd(&loop->tick);
	close_fd(&loop->deadline);
	close_fd(&loop->command);
}

int loop_watch_command(struct loop *loop, pid_t pid)
{
	loop->command_pid = pid;
	loop->command = syscall(SYS_pidfd_open, pid, 0);
	if (loop->command < 0)
		return -errno;
	return loop_add(loop, loop->command, EPOLLIN, WATCH_COMMAND);
}

/* When the first signal came that ends the tool. */
static uint64_t stopped_ns;

/* A second SIGINT kills the process.  Not so one that no terminal has sent, right behind the first
 * signal: timeout(1) signals the process, and then its group. */
static void on_interrupt(int signo, siginfo_t *info, void *context)
{
	(void)context;
	if (info->si_code == SI_KERNEL || clock_ns(CLOCK_MONOTONIC) - stopped_ns >= NS_PER_SEC) {
		signal(signo, SIG_DFL);
		raise(signo);
	}
}

/* Takes the pending signals.  From the first one on, SIGINT goes to on_interrupt(). */
static void loop_take_signals(struct loop *loop)
{
	struct sigaction action = { .sa_sigaction = on_interrupt,
				    .sa_flags = SA_SIGINFO | SA_RESTART };
	struct signalfd_siginfo info;
	struct sigaction old;
	sigset_t set;

	while (read(loop->signals, &info, sizeof(info)) == sizeof(info)) {
		/* What a terminal sends goes to the command by itself. */
		if (info.ssi_code != SI_KERNEL)
			loop->forward = info.ssi_signo;
		loop->done = true;
		if (loop->stopped)
			continue;
		loop->stopped = true;
		stopped_ns = clock_ns(CLOCK_MONOTONIC);
		if (!sigaction(SIGINT, NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(SIGINT, &action, NULL);
		sigemptyset(&set);
		sigaddset(&set, SIGINT);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
	}
}

void loop_end(struct loop *loop, const sigset_t *signals)
{
	loop_take_signals(loop);
	sigprocmask(SIG_SETMASK, signals, NULL);
}

bool loop_wait_writable(struct loop *loop, int fd)
{
	struct pollfd fds[2] = {
		{ .fd = fd, .events = POLLOUT },
		{ .fd = loop->signals, .events = POLLIN },
	};

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return true; /* let write() say why */
		if (fds[0].revents)
			return true;
		if (fds[1].revents)
			loop_take_signals(loop);
	}
}

static void loop_handle(struct loop *loop, uint32_t what, uint32_t events)
{
	switch (what) {
	case WATCH_SIGNALS:
		loop_take_signals(loop);
		break;
	case WATCH_DEADLINE:
		loop->done = true;
		break;
	case WATCH_COMMAND:
		if (waitpid(loop->command_pid, &loop->command_status, 0) == loop->command_pid)
			loop->command_ended = true;
		loop->done = true;
		break;
	case WATCH_OUTPUT:
		if (events & (EPOLLERR | EPOLLHUP)) {
			loop->reader_gone = true;
			loop->done = true;
		}
		break;
	}
}

int loop_run(struct loop *loop, const struct loop_calls *calls)
{
	bool more = false;

	while (!loop->done) {
		struct epoll_event events[8];
		int n = epoll_wait(loop->epoll, events, ARRAY_SIZE(events), more ? 0 : -1);
		bool tick = false;

		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < n; i++) {
			uint64_t expired;

			if (events[i].data.u32 == WATCH_TICK)
				tick = read(loop->tick, &expired, sizeof(expired)) > 0;
			loop_handle(loop, events[i].data.u32, events[i].events);
		}
		more = calls->ring(calls->context);
		if (tick)
			calls->tick(calls->context);
	}
	return 0;
}
