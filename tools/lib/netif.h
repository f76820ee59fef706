/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which BPF programs an interface has, by rtnetlink. */
#ifndef CORELETS_NETIF_H
#define CORELETS_NETIF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What a message to rtnetlink is about. */
struct netif_message {
	uint32_t ifindex; /* 0: none */
	int bpf;	  /* it names a BPF program, or takes one away */
};

struct netif_prog {
	const char *where; /* "xdp", "ingress", "egress" */
	uint32_t id;
};

/* Reads a message (struct nlmsghdr and what follows, as far as *len* goes; not trusted). */
void netif_parse(const void *message, size_t len, struct netif_message *ret);

/* The programs of *ifindex* in the network namespace *netns* (its inode), which process *pid* is in
 * (takes CAP_SYS_ADMIN if it is not ours).  *name* gets the interface's.  Returns how many of *max*
 * there are, or a negative errno: -ESRCH if the process has gone to another one. */
int netif_programs(pid_t pid, uint32_t netns, uint32_t ifindex, char name[16],
		   struct netif_prog *progs, size_t max);

#endif
