/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One epoll set: the ring buffer, signals, the timers, the traced command, and a reader that goes
 * away. */
#ifndef CORELETS_LOOP_H
#define CORELETS_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct loop {
	int epoll, signals, tick, deadline, command;
	int forward;	  /* a signal for the command, 0: none */
	bool stopped;	  /* by a signal */
	bool done;	  /* set by whoever wants the loop to end */
	bool reader_gone; /* the other end of the output was closed */
	bool command_ended;
	int command_status; /* as wait(2) reports it */
	pid_t command_pid;
};

/* What loop_run() calls; each may set loop->done. */
struct loop_calls {
	/* There may be records: called at least every 50 ms.  Returns whether there are more. */
	bool (*ring)(void *context);
	void (*tick)(void *context); /* every 50 ms, after ring */
	void *context;
};

/* Blocks SIGINT and SIGTERM (unless they are ignored), ignores SIGPIPE, and makes the set.
 * *ring_fd* becomes readable when the ring has filled up by a share.  *duration_ns* 0: no end.
 * *output_fd*: its reader is watched if it is a pipe or socket.  Returns 0 or a negative errno. */
int loop_init(struct loop *loop, int ring_fd, uint64_t duration_ns, int output_fd);
void loop_done(struct loop *loop);

/* Watches a child, and ends when it has ended.  Returns 0 or a negative errno. */
int loop_watch_command(struct loop *loop, pid_t pid);

/* Runs until loop->done, a signal, the end of the duration or of the command, or until the reader
 * is gone.  Returns 0 or a negative errno. */
int loop_run(struct loop *loop, const struct loop_calls *calls);

/* Takes the signals that are pending, and blocks those of *signals* alone from then on. */
void loop_end(struct loop *loop, const sigset_t *signals);

/* Waits until *fd* can be written, and looks at signals meanwhile.  After the first one, SIGINT kills
 * the process, as it would any other; SIGTERM and SIGHUP wait for the end that has begun. */
bool loop_wait_writable(struct loop *loop, int fd);

#endif
