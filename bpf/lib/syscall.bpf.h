/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* System calls as the raw tracepoints sys_enter and sys_exit show them: which call it is (also
 * made by a 32-bit program, whose numbers are others), and its arguments.
 *
 * pt_regs still holds the arguments at the exit of the call, so one hook is enough.  Only the
 * classic tracepoint, which hides pt_regs, and latencies need the entry remembered. */
#ifndef CORELETS_SYSCALL_BPF_H
#define CORELETS_SYSCALL_BPF_H

#include "lib/trace.bpf.h"

enum call {
	CALL_NONE,
	CALL_OPEN,
	CALL_CREAT,
	CALL_OPENAT,
	CALL_OPENAT2,
	CALL_EXECVE,
	CALL_EXECVEAT,
	CALL_BPF,
	CALL_IOCTL,
	CALL_SETSOCKOPT,
	CALL_PRCTL,
	CALL_SECCOMP,
	CALL_SENDTO,
	CALL_SENDMSG,
};

#if defined(__TARGET_ARCH_x86)

#define TS_COMPAT	0x0002	   /* arch/x86/include/asm/thread_info.h */
#define X32_SYSCALL_BIT 0x40000000 /* arch/x86/include/uapi/asm/unistd.h */

static __always_inline bool syscall_compat(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (CURRENT_TYPED)
		return bpf_get_current_task_btf()->thread_info.status & TS_COMPAT;
	return BPF_CORE_READ(task, thread_info.status) & TS_COMPAT;
}

/* arch/x86/entry/syscalls/syscall_64.tbl and syscall_32.tbl */
#define IF_CALL(nr, n64, n32, compat) ((nr) == ((compat) ? (n32) : (n64)))
#define OPEN_NUMBER(nr)                                                                       \
	((nr) == 257 || (nr) == 2 || (nr) == 437 || (nr) == 85 || (nr) == 295 || (nr) == 5 || \
	 (nr) == 8)
#define EXEC_NUMBER(nr) \
	((nr) == 59 || (nr) == 322 || (nr) == 11 || (nr) == 358 || (nr) == 520 || (nr) == 545)

static __always_inline enum call open_call(__u32 nr, bool compat)
{
	if (IF_CALL(nr, 257, 295, compat))
		return CALL_OPENAT;
	if (IF_CALL(nr, 2, 5, compat))
		return CALL_OPEN;
	if (nr == 437)
		return CALL_OPENAT2;
	if (IF_CALL(nr, 85, 8, compat))
		return CALL_CREAT;
	return CALL_NONE;
}

static __always_inline enum call exec_call(__u32 nr, bool compat)
{
	if (IF_CALL(nr, 59, 11, compat) || (nr == 520 && !compat))
		return CALL_EXECVE;
	if (IF_CALL(nr, 322, 358, compat) || (nr == 545 && !compat))
		return CALL_EXECVEAT;
	return CALL_NONE;
}

#define BPF_NUMBER(nr) ((nr) == 321 || (nr) == 357)

/* A bit for each number of bpf_call(), for it is asked at every call of the machine. */
static const __u64 bpf_call_bits[] = { 0x40500000010000ull,
				       0,
				       0x100020000000ull,
				       0,
				       0x2000000000000000ull,
				       0x6402400000002ull,
				       0,
				       0,
				       0x20000044ull };

/* Calls that do something to BPF, or may. */
static __always_inline enum call bpf_call(__u32 nr, bool compat)
{
	switch (nr) {
	case 16:
		return compat ? CALL_NONE : CALL_IOCTL;
	case 44:
		return compat ? CALL_NONE : CALL_SENDTO;
	case 46:
		return compat ? CALL_NONE : CALL_SENDMSG;
	case 54:
		return compat ? CALL_IOCTL : CALL_SETSOCKOPT;
	case 157:
		return compat ? CALL_NONE : CALL_PRCTL;
	case 172:
		return compat ? CALL_PRCTL : CALL_NONE;
	case 317:
		return compat ? CALL_NONE : CALL_SECCOMP;
	case 321:
		return compat ? CALL_NONE : CALL_BPF;
	case 354:
		return compat ? CALL_SECCOMP : CALL_NONE;
	case 357:
		return compat ? CALL_BPF : CALL_NONE;
	case 366:
		return compat ? CALL_SETSOCKOPT : CALL_NONE;
	case 369:
		return compat ? CALL_SENDTO : CALL_NONE;
	case 370:
		return compat ? CALL_SENDMSG : CALL_NONE;
	case 514: /* x32 from here */
		return compat ? CALL_NONE : CALL_IOCTL;
	case 518:
		return compat ? CALL_NONE : CALL_SENDMSG;
	case 541:
		return compat ? CALL_NONE : CALL_SETSOCKOPT;
	default:
		return CALL_NONE;
	}
}

#define SYSCALL_REG orig_ax

/* How wide a pointer in the caller's memory is: of x32 (512 and up) too. */
static __always_inline __u32 syscall_pointer_size(__u32 nr, bool compat)
{
	return compat || (nr >= 512 && nr < 548) ? 4 : 8;
}

/* Not inline: what it needs of the stack is not there while paths are walked. */
static __noinline void syscall_args(__u64 *args, const struct pt_regs *regs, bool compat)
{
	/* One read: arch/x86/include/asm/ptrace.h has them side by side. */
	struct {
		__u64 bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	} r;

	bpf_core_read(&r, sizeof(r), &regs->bx);
	args[0] = compat ? (__u32)r.bx : r.di;
	args[1] = compat ? (__u32)r.cx : r.si;
	args[2] = compat ? (__u32)r.dx : r.dx;
	args[3] = compat ? (__u32)r.si : r.r10;
	args[4] = compat ? (__u32)r.di : r.r8;
}

#elif defined(__TARGET_ARCH_arm64)

#define _TIF_32BIT		      (1 << 22) /* arch/arm64/include/asm/thread_info.h */

static __always_inline bool syscall_compat(void)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (CURRENT_TYPED)
		return bpf_get_current_task_btf()->thread_info.flags & _TIF_32BIT;
	return BPF_CORE_READ(task, thread_info.flags) & _TIF_32BIT;
}

/* include/uapi/asm-generic/unistd.h and arch/arm64/tools/syscall_32.tbl */
#define IF_CALL(nr, n64, n32, compat) ((nr) == ((compat) ? (n32) : (n64)))
#define OPEN_NUMBER(nr)		      ((nr) == 56 || (nr) == 437 || (nr) == 5 || (nr) == 8 || (nr) == 322)
#define EXEC_NUMBER(nr)		      ((nr) == 221 || (nr) == 281 || (nr) == 11 || (nr) == 387)

static __always_inline enum call open_call(__u32 nr, bool compat)
{
	if (IF_CALL(nr, 56, 322, compat))
		return CALL_OPENAT;
	if (nr == 437)
		return CALL_OPENAT2;
	if (compat && nr == 5)
		return CALL_OPEN;
	if (compat && nr == 8)
		return CALL_CREAT;
	return CALL_NONE;
}

static __always_inline enum call exec_call(__u32 nr, bool compat)
{
	if (IF_CALL(nr, 221, 11, compat))
		return CALL_EXECVE;
	if (IF_CALL(nr, 281, 387, compat))
		return CALL_EXECVEAT;
	return CALL_NONE;
}

#define BPF_NUMBER(nr) ((nr) == 280 || (nr) == 386)

static const __u64 bpf_call_bits[] = { 0x40000020000000ull,
				       0,
				       0x108000000000ull,
				       0x94000ull,
				       0x14401200000ull,
				       0x8000000000000000ull,
				       0x4ull,
				       0,
				       0 };

static __always_inline enum call bpf_call(__u32 nr, bool compat)
{
	switch (nr) {
	case 29:
		return compat ? CALL_NONE : CALL_IOCTL;
	case 54:
		return compat ? CALL_IOCTL : CALL_NONE;
	case 167:
		return compat ? CALL_NONE : CALL_PRCTL;
	case 172:
		return compat ? CALL_PRCTL : CALL_NONE;
	case 206:
		return compat ? CALL_NONE : CALL_SENDTO;
	case 208:
		return compat ? CALL_NONE : CALL_SETSOCKOPT;
	case 211:
		return compat ? CALL_NONE : CALL_SENDMSG;
	case 277:
		return compat ? CALL_NONE : CALL_SECCOMP;
	case 280:
		return compat ? CALL_NONE : CALL_BPF;
	case 290:
		return compat ? CALL_SENDTO : CALL_NONE;
	case 294:
		return compat ? CALL_SETSOCKOPT : CALL_NONE;
	case 296:
		return compat ? CALL_SENDMSG : CALL_NONE;
	case 383:
		return compat ? CALL_SECCOMP : CALL_NONE;
	case 386:
		return compat ? CALL_BPF : CALL_NONE;
	default:
		return CALL_NONE;
	}
}

#define X32_SYSCALL_BIT 0
#define SYSCALL_REG	syscallno

static __always_inline __u32 syscall_pointer_size(__u32 nr, bool compat)
{
	return compat ? 4 : 8;
}

static __noinline void syscall_args(__u64 *args, const struct pt_regs *regs, bool compat)
{
	args[0] = BPF_CORE_READ(regs, orig_x0);
	args[1] = BPF_CORE_READ(regs, regs[1]);
	args[2] = BPF_CORE_READ(regs, regs[2]);
	args[3] = BPF_CORE_READ(regs, regs[3]);
	args[4] = BPF_CORE_READ(regs, regs[4]);
	if (compat)
		for (int i = 0; i < 5; i++)
			args[i] = (__u32)args[i];
}

#else
#error "which registers hold a system call's arguments on this architecture?"
#endif

/* Reads a pointer, or a size, out of the caller's memory: syscall_pointer_size() bytes.  What cannot
 * be read is 0. */
static __always_inline long read_user_pointer(__u64 *ret, __u32 size, __u64 at)
{
	__u32 narrow = 0;
	long err;

	*ret = 0;
	if (size == 8)
		return bpf_probe_read_user(ret, sizeof(*ret), (void *)at);
	err = bpf_probe_read_user(&narrow, sizeof(narrow), (void *)at);
	*ret = narrow;
	return err;
}

/* Whether a number may be one of bpf_call(). */
static __always_inline bool bpf_call_maybe(__u32 nr)
{
	__u64 word = nr / 64;

	opaque(word); /* or something else is compared than is used */
	return word < sizeof(bpf_call_bits) / 8 && (bpf_call_bits[word] >> nr % 64 & 1);
}

/* The call's number, of typed registers (tp_btf) and of plain addresses (raw_tp). */
#define SYSCALL_NR(regs)      ((__u32)(regs)->SYSCALL_REG & ~X32_SYSCALL_BIT)
#define SYSCALL_NR_READ(regs) ((__u32)BPF_CORE_READ(regs, SYSCALL_REG) & ~X32_SYSCALL_BIT)

/* A call as its exit shows it. */
struct syscall {
	__u64 start_ns; /* CLOCK_BOOTTIME; 0: the entry was not looked at */
	__u64 args[5];
	__s64 ret;
	__u32 nr;
	__u32 compat; /* made by a 32-bit program */
};

/* ---- calls in flight ---- */

struct pending {
	__u64 start_ns;
	__u64 args[5];
	__u32 nr;
	__u32 live;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct pending);
} pending_storage SEC(".maps");

/* For kernels that have no task storage in tracing programs (before 5.12), or no memory for it at
 * that moment: since 7.0 there is none on processors without cmpxchg16b. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct pending);
} pending_lru SEC(".maps");

static __always_inline struct pending *pending_stored(__u64 flags)
{
	if (filter.without & WITHOUT_TASK_STORAGE)
		return NULL;
	return bpf_task_storage_get(&pending_storage, bpf_get_current_task_btf(), NULL, flags);
}

static __always_inline void pending_put(__u32 nr, const __u64 *args)
{
	struct pending new = { .start_ns = bpf_ktime_get_boot_ns(), .nr = nr, .live = 1 };
	struct pending *p = pending_stored(BPF_LOCAL_STORAGE_GET_F_CREATE);
	__u32 tid = bpf_get_current_pid_tgid();

	__builtin_memcpy(new.args, args, sizeof(new.args));
	if (p)
		*p = new;
	else if (bpf_map_update_elem(&pending_lru, &tid, &new, BPF_ANY))
		lost_count(LOST_MAP_FULL);
}

#define PENDING_ANY ~0u /* a call whose number is not known */

static __always_inline bool pending_is(const struct pending *p, __u32 nr)
{
	return p && p->live && (p->nr == nr || p->nr == PENDING_ANY || nr == PENDING_ANY);
}

static __always_inline void pending_copy(const struct pending *p, struct syscall *ret)
{
	ret->start_ns = p->start_ns;
	__builtin_memcpy(ret->args, p->args, sizeof(ret->args));
}

/* Takes the entry of call *nr* of the current thread: when it began, and its arguments.  False,
 * counted, if there is none. */
static __always_inline bool pending_take(__u32 nr, struct syscall *ret)
{
	struct pending *p = pending_stored(0);
	__u32 tid = bpf_get_current_pid_tgid();

	if (pending_is(p, nr)) {
		pending_copy(p, ret);
		p->live = 0;
		return true;
	}
	p = bpf_map_lookup_elem(&pending_lru, &tid);
	if (pending_is(p, nr)) {
		pending_copy(p, ret);
		bpf_map_delete_elem(&pending_lru, &tid);
		return true;
	}
	lost_count(LOST_UNPAIRED);
	return false;
}

#endif
