/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Two kernels for corecheck.bats, for their BTF: one that has what the programs look for, though
 * not where they were compiled for; and with OTHER one that has not. */

struct item {
	long pad;
	int id;
};

enum colour {
	GREEN = 4,
#ifndef OTHER
	RED = 7,
#endif
};

struct thing {
	long moved;
#ifdef OTHER
	struct {
		int number;
	} plain;
	struct item items[2];
	int older;
	struct item *mode;
#else
	int plain;
	struct item items[4];
	long gone;
	union {
		struct {
			long pad;
			short deep;
		};
		int other;
	};
	int flags : 3;
	int negative : 5;
	enum colour mode;
#endif
	struct item *first;
	unsigned char text[16];
#ifdef OTHER
	int tail[2];
#else
	int tail[];
#endif
};

struct context {
	long pad;
#ifdef OTHER
	long number;
	unsigned long bits;
#else
	int number;
	unsigned int bits;
#endif
};

/* To libbpf two of one name. */
struct twin {
	int first;
	int second;
};

struct twin___2 {
#ifdef OTHER
	int pad;
#endif
	int first;
};

#ifndef OTHER
struct only {
	int member;
};

typedef int only_t;
#endif

struct pair {
#ifdef OTHER
	int first, second;
#else
	long first, second;
#endif
};

struct linked {
	int pad;
#ifdef OTHER
	struct item *first;
#else
	struct thing *first;
#endif
};

#if __clang_major__ >= 15
enum wide {
	KEPT = 0x1234567891,
#ifndef OTHER
	WIDE = 0x1234567892,
#endif
};

enum grown {
	GROWN = 5,
	MUCH = 0x1234567890,
};
#endif

#ifdef OTHER
typedef void (*btf_trace_changed)(void *data, struct thing *thing);
#else
typedef void (*btf_trace_changed)(void *data, struct item *item, struct thing *thing);
typedef void (*btf_trace_gone)(void *data, struct thing *thing);

int bpf_iter_thing(struct thing *thing)
{
	return thing->moved;
}

int gone_call(struct thing *thing)
{
	return thing->moved;
}
#endif

#ifdef OTHER
int call(struct thing *thing)
#else
int call(struct thing *thing, struct item *item)
#endif
{
	return thing->moved;
}

struct roots {
	struct context context;
	struct twin twin;
	struct twin___2 twin_2;
	enum colour colour;
	struct pair pair;
	struct linked linked;
#if __clang_major__ >= 15
	enum wide wide;
	enum grown grown;
#endif
	btf_trace_changed changed;
#ifndef OTHER
	btf_trace_gone gone;
	struct only only;
	only_t only_t;
#endif
} * roots;
