/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/if_link.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>

#include <bpf/libbpf.h>

#include "lib/netif.h"
#include "lib/util.h"

/* ---- messages of others ---- */

/* The attribute *type* among *len* bytes of them, or NULL. */
static const struct rtattr *attr_find(const void *at, size_t len, unsigned short type)
{
	const char *pos = at, *end = pos + len;

	while (end - pos >= (ptrdiff_t)sizeof(struct rtattr)) {
		const struct rtattr *attr = (const void *)pos;

		if (attr->rta_len < sizeof(*attr) || attr->rta_len > end - pos)
			return NULL;
		if ((attr->rta_type & NLA_TYPE_MASK) == type)
			return attr;
		pos += RTA_ALIGN(attr->rta_len);
		if (pos > end)
			return NULL;
	}
	return NULL;
}

static int attr_is(const struct rtattr *attr, const char *text)
{
	return attr && attr->rta_len >= RTA_LENGTH(strlen(text)) &&
	       !strncmp(RTA_DATA(attr), text, attr->rta_len - RTA_LENGTH(0));
}

/* Whether the bytes have an attribute of this text somewhere: for what is nested deep. */
static int has_text(const char *at, size_t len, const char *text)
{
	return memmem(at, len, text, strlen(text) + 1) != NULL;
}

void netif_parse(const void *message, size_t len, struct netif_message *ret)
{
	const struct nlmsghdr *h = message;
	const char *body = (const char *)message + NLMSG_HDRLEN;
	const struct ifinfomsg *link = (const void *)body;
	const struct tcmsg *tc = (const void *)body;

	*ret = (struct netif_message){};
	if (len < NLMSG_HDRLEN)
		return;
	if (h->nlmsg_len < len)
		len = h->nlmsg_len;
	if (len < NLMSG_HDRLEN)
		return;
	len -= NLMSG_HDRLEN;
	switch (h->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_SETLINK:
		if (len < NLMSG_ALIGN(sizeof(*link)))
			return;
		ret->ifindex = link->ifi_index;
		ret->bpf = attr_find(body + NLMSG_ALIGN(sizeof(*link)),
				     len - NLMSG_ALIGN(sizeof(*link)), IFLA_XDP) != NULL;
		break;
	case RTM_NEWTFILTER:
	case RTM_DELTFILTER:
	case RTM_DELQDISC:
		if (len < NLMSG_ALIGN(sizeof(*tc)))
			return;
		ret->ifindex = tc->tcm_ifindex;
		body += NLMSG_ALIGN(sizeof(*tc));
		len -= NLMSG_ALIGN(sizeof(*tc));
		/* Without a kind, or with its qdisc, a filter of any kind may go. */
		ret->bpf = h->nlmsg_type != RTM_NEWTFILTER && !attr_find(body, len, TCA_KIND);
		ret->bpf |= attr_is(attr_find(body, len, TCA_KIND), "bpf") ||
			    attr_is(attr_find(body, len, TCA_KIND), "clsact") ||
			    (h->nlmsg_type == RTM_NEWTFILTER && has_text(body, len, "bpf"));
		break;
	case RTM_NEWACTION:
		ret->bpf = has_text(body, len, "bpf");
		break;
	case RTM_NEWROUTE:
		/* Lightweight tunnels: LWTUNNEL_ENCAP_BPF is 6. */
		if (len < NLMSG_ALIGN(sizeof(struct rtmsg)))
			return;
		body += NLMSG_ALIGN(sizeof(struct rtmsg));
		len -= NLMSG_ALIGN(sizeof(struct rtmsg));
		{
			const struct rtattr *encap = attr_find(body, len, RTA_ENCAP_TYPE);

			ret->bpf = encap && encap->rta_len >= RTA_LENGTH(sizeof(uint16_t)) &&
				   *(const uint16_t *)RTA_DATA(encap) == 6;
		}
		break;
	}
}

/* ---- asking ---- */

struct tc_request {
	struct nlmsghdr header;
	struct tcmsg tc;
};

/* One reply of a dump of filters: takes the programs in it.  Returns whether it was the last. */
static bool reply_read(const struct nlmsghdr *h, ssize_t left, const char *where,
		       struct netif_prog *progs, size_t max, size_t *count)
{
	for (; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		const struct tcmsg *tc = NLMSG_DATA(h);
		const struct rtattr *options, *id;

		if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
			return true;
		if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*tc)))
			continue;
		options = attr_find((const char *)tc + NLMSG_ALIGN(sizeof(*tc)),
				    h->nlmsg_len - NLMSG_LENGTH(sizeof(*tc)), TCA_OPTIONS);
		id = options ? attr_find(RTA_DATA(options), options->rta_len - RTA_LENGTH(0),
					 TCA_BPF_ID) :
			       NULL;
		if (id && id->rta_len >= RTA_LENGTH(sizeof(uint32_t)) && *count < max)
			progs[(*count)++] =
				(struct netif_prog){ where, *(const uint32_t *)RTA_DATA(id) };
	}
	return false;
}

static void tc_programs(uint32_t ifindex, uint32_t parent, const char *where,
			struct netif_prog *progs, size_t max, size_t *count)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	struct tc_request request = {
		.header = { .nlmsg_len = sizeof(request),
			    .nlmsg_type = RTM_GETTFILTER,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.tc = { .tcm_family = AF_UNSPEC, .tcm_ifindex = ifindex, .tcm_parent = parent },
	};
	struct timeval second = { .tv_sec = 1 };
	_Alignas(struct nlmsghdr) char reply[16384];
	ssize_t n;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second)) ||
	    send(fd, &request, sizeof(request), 0) < 0)
		return;
	while ((n = recv(fd, reply, sizeof(reply), 0)) > 0)
		if (reply_read((void *)reply, n, where, progs, max, count))
			return;
}

static int look(uint32_t ifindex, char name[16], struct netif_prog *progs, size_t max)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, xdp);
	size_t count = 0;

	if (!if_indextoname(ifindex, name))
		return -errno;
	if (!bpf_xdp_query(ifindex, 0, &xdp) && max) {
		uint32_t ids[] = { xdp.prog_id, xdp.drv_prog_id, xdp.skb_prog_id, xdp.hw_prog_id };

		/* The first is there unless several are. */
		for (size_t i = 0; i < ARRAY_SIZE(ids) && count < max; i++)
			if (ids[i] && (!count || !xdp.prog_id))
				progs[count++] = (struct netif_prog){ "xdp", ids[i] };
	}
	tc_programs(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), "ingress", progs, max,
		    &count);
	tc_programs(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), "egress", progs, max, &count);
	return count;
}

int netif_programs(pid_t pid, uint32_t netns, uint32_t ifindex, char name[16],
		   struct netif_prog *progs, size_t max)
{
	_cleanup_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int other = -1;
	struct stat st;
	char path[64];
	int result;

	name[0] = '\0';
	if (own < 0 || fstat(own, &st))
		return -errno;
	if (st.st_ino == netns)
		return look(ifindex, name, progs, max);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	other = open(path, O_RDONLY | O_CLOEXEC);
	if (other < 0 || fstat(other, &st))
		return -errno;
	if (st.st_ino != netns)
		return -ESRCH;
	if (setns(other, CLONE_NEWNET))
		return -errno;
	result = look(ifindex, name, progs, max);
	/* From another namespace the tool would go on with the wrong interfaces. */
	if (setns(own, CLONE_NEWNET))
		abort();
	return result;
}
