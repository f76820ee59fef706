/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* profile.h.  "profile --write DIR" writes what other tests look at instead: each form of some known
 * profiles. */
#define main test_main
#include "test.h"
#undef main

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/profile.h"
#include "lib/sha256.h"
#include "lib/text.h"
#include "lib/util.h"

/* ---- known profiles ---- */

static void must(int err)
{
	if (err) {
		printf("Bail out! %s\n", strerror(-err));
		exit(1);
	}
}

static struct profile *empty_profile(void)
{
	struct profile *profile;

	must(profile_new(&profile));
	return profile;
}

#define PYTHON "/usr/bin/python3.11"
#define LIBC   "/usr/lib/x86_64-linux-gnu/libc.so.6"

static const struct frame start_frame = { .name = "_start",
					  .module = PYTHON,
					  .build_id = "c0ffee",
					  .address = 0x1000 };
static const struct frame main_frame = { .name = "main",
					 .module = PYTHON,
					 .build_id = "c0ffee",
					 .source = "main.c",
					 .line = 12,
					 .address = 0x1234 };
static const struct frame eval_frame = { .name = "eval<int>(char const*)",
					 .linkage = "_Z4evalIiEvPKc",
					 .module = PYTHON,
					 .build_id = "c0ffee",
					 .source = "eval.cc",
					 .line = 99,
					 .address = 0x2345 };
static const struct frame swap_frame = { .kind = FRAME_INLINED,
					 .name = "swap",
					 .module = PYTHON,
					 .build_id = "c0ffee",
					 .source = "swap.h",
					 .line = 3,
					 .address = 0x2345 };
static const struct frame hash_frame = { .kind = FRAME_INLINED,
					 .name = "hash",
					 .module = PYTHON,
					 .build_id = "c0ffee",
					 .source = "hash.h",
					 .line = 7,
					 .address = 0x2345 };
static const struct frame jit_frame = { .kind = FRAME_JIT,
					.name = "py::loop",
					.module = "/tmp/perf-100.map",
					.address = 0x7f0000001000 };
static const struct frame libc_frame = { .why = WHY_NO_SYMBOL, .module = LIBC, .address = 0x8765 };
static const struct frame lost_frame = { .why = WHY_NO_MAPPING, .address = 0xdead };
static const struct frame kernel_frame = { .kind = FRAME_KERNEL,
					   .name = "do_syscall_64",
					   .module = "[kernel]",
					   .address = 0xffffffff81000010 };
static const struct frame module_frame = { .kind = FRAME_KERNEL,
					   .name = "nf_hook",
					   .module = "[nf_tables]",
					   .address = 0xffffffffc0000010 };
static const struct frame bpf_frame = { .kind = FRAME_BPF,
					.name = "bpf_prog_6deef7357e7b4530_count",
					.module = "[bpf]",
					.address = 0xffffffffc1000010 };
static const struct frame off_frame = { .kind = FRAME_NOTE, .name = "[off-cpu]" };

static void add(struct profile *profile, const char *comm, pid_t pid, uint64_t samples,
		uint64_t cpu, uint64_t off, const struct frame *const frames[])
{
	struct profile_task task = { .pid = pid, .tid = pid + 1, .comm = comm };
	const uint64_t values[PROFILE_VALUES] = { samples, cpu, off };
	struct frame copy[64];
	size_t n = 0;

	for (; frames[n]; n++)
		copy[n] = *frames[n];
	must(profile_add(profile, &task, copy, n, values));
}

/* Innermost first, as the functions take them. */
#define ADD(profile, comm, pid, samples, cpu, off, ...) \
	add(profile, comm, pid, samples, cpu, off,      \
	    (const struct frame *const[]){ __VA_ARGS__, NULL })

#define MS 1000000ull

static struct profile *known_profile(void)
{
	struct profile *p = empty_profile();
	struct profile_about about = {
		.title = "cpu-clock at 100 Hz, all CPUs",
		.event = "cpu-clock",
		.start_ns = 1700000000123456789,
		.duration_ns = 10 * 1000 * MS,
		.period_ns = 10 * MS,
		.samples = 100,
		.lost = 3,
		.throttled = 1,
		.truncated = 2,
		.unnamed = { [WHY_NO_SYMBOL] = 7, [WHY_NO_MAPPING] = 5 },
	};

	ADD(p, "python3", 100, 40, 400 * MS, 0, &hash_frame, &swap_frame, &eval_frame, &main_frame,
	    &start_frame);
	ADD(p, "python3", 100, 20, 200 * MS, 0, &eval_frame, &eval_frame, &main_frame,
	    &start_frame);
	ADD(p, "python3", 100, 15, 150 * MS, 0, &jit_frame, &main_frame, &start_frame);
	ADD(p, "python3", 200, 10, 100 * MS, 0, &kernel_frame, &libc_frame, &main_frame,
	    &start_frame);
	ADD(p, "python3", 200, 1, 0, 50 * MS, &off_frame, &kernel_frame, &libc_frame, &main_frame,
	    &start_frame);
	ADD(p, "nginx", 300, 7, 70 * MS, 0, &bpf_frame, &module_frame, &kernel_frame);
	ADD(p, "nginx", 300, 5, 30 * MS, 0, &lost_frame);
	ADD(p, "nginx", 300, 2, 1 * MS, 0, &libc_frame);
	must(profile_set_about(p, &about));
	return p;
}

static struct profile *later_profile(void)
{
	struct profile *p = empty_profile();

	ADD(p, "python3", 100, 10, 100 * MS, 0, &hash_frame, &swap_frame, &eval_frame, &main_frame,
	    &start_frame);
	ADD(p, "python3", 100, 20, 200 * MS, 0, &eval_frame, &eval_frame, &main_frame,
	    &start_frame);
	ADD(p, "python3", 100, 60, 600 * MS, 0, &jit_frame, &main_frame, &start_frame);
	ADD(p, "nginx", 300, 10, 100 * MS, 0, &module_frame, &kernel_frame);
	must(profile_set_about(p, &(struct profile_about){ .title = "later" }));
	return p;
}

/* Names that want to be something else. */
static const char *const hostile[] = {
	"</script><script>window.pwned=1</script>",
	"<img src=x onerror=\"window.pwned=2\">",
	"]]><script xmlns=\"http://www.w3.org/1999/xhtml\">window.pwned=3</script>",
	"\"};window.pwned=4;//",
	"'+(window.pwned=5)+'",
	"</title></text><script>window.pwned=6</script>",
	"&lt;b&gt;&amp;&#60;",
	"<!-- --> <![CDATA[ <?xml ?>",
	"\x1b[31mred\x1b[0m\a\b\r\n",
	"\xe2\x80\xaetxt.exe\xe2\x80\xac",
	"bytes \xff\xfe\xc3(\xed\xa0\x80",
	"back\\slash \\x41 \\u{263a}",
	"semi;colon;s 17",
	"kernel_[k]",
	"inlined_[i]_[j]",
	"[off-cpu]",
	"[kernel]",
	"__proto__",
	"line\xe2\x80\xa8separator",
	"cut\xe2\x80\xa6",
	" ",
	"\xe6\xbc\xa2\xe5\xad\x97 \xf0\x9f\x94\xa5",
};

static struct profile *hostile_profile(void)
{
	struct profile *p = empty_profile();
	_cleanup_free_ char *huge = malloc(10001);

	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		struct frame user = { .name = hostile[i],
				      .module = hostile[i],
				      .source = hostile[i],
				      .build_id = hostile[i],
				      .linkage = hostile[(i + 1) % ARRAY_SIZE(hostile)],
				      .line = 1,
				      .address = i };
		struct frame jit = { .kind = FRAME_JIT, .name = hostile[i] };
		struct frame inlined = { .kind = FRAME_INLINED,
					 .name = hostile[i],
					 .address = 100 + i };

		ADD(p, hostile[i], 1, 1, 0, 0, &user);
		ADD(p, "hostile", 2, 10 + i, 0, 0, &jit, &inlined, &user);
	}
	memset(huge, 'x', 10000);
	huge[10000] = '\0';
	ADD(p, "hostile", 2, 50, 0, 0, &(struct frame){ .name = huge });
	must(profile_set_about(p, &(struct profile_about){ .title = hostile[0],
							   .event = hostile[4] }));
	return p;
}

#define DEEP 500

static struct profile *deep_profile(void)
{
	struct profile *p = empty_profile();
	struct frame frames[DEEP];
	char names[DEEP][16];

	for (size_t i = 0; i < DEEP; i++) {
		snprintf(names[i], sizeof(names[i]), "level%zu", DEEP - i);
		frames[i] = (struct frame){ .name = names[i], .address = i };
	}
	for (size_t from = 0; from < DEEP; from += 50)
		must(profile_add(p, &(struct profile_task){ 1, 1, "deep" }, frames + from,
				 DEEP - from, (uint64_t[PROFILE_VALUES]){ 10 }));
	return p;
}

#define MANY 100000

/* A hundred thousand nodes: stacks of 20, of which the outer ones are shared. */
static struct profile *many_profile(void)
{
	struct profile *p = empty_profile();
	struct frame frames[20];
	char names[20][24];

	for (size_t i = 0; i < MANY / 10; i++) {
		for (size_t k = 0; k < 20; k++) {
			snprintf(names[k], sizeof(names[k]), "f%zu_%zu", k,
				 k < 10 ? i % 1000 * 10 + k : i / 100);
			frames[k] = (struct frame){ .name = names[k], .module = PYTHON };
		}
		snprintf(names[9], sizeof(names[9]), "leaf%zu", i);
		must(profile_add(p, &(struct profile_task){ 1, 1, "many" }, frames, 20,
				 (uint64_t[PROFILE_VALUES]){ 1 + i % 7 }));
	}
	return p;
}

/* ---- forms ---- */

static int write_report(const struct profile *profile, int fd)
{
	return profile_write_report(profile, fd, 80);
}

static int write_buf(const struct profile *profile, int fd, int err, struct buf *b)
{
	(void)profile;
	if (!err && b->len && write(fd, b->data, b->len) != (ssize_t)b->len)
		err = -errno;
	buf_done(b);
	return err;
}

static int write_json(const struct profile *profile, int fd)
{
	struct buf b = {};
	int err = profile_put_json(profile, &b);

	return write_buf(profile, fd, err, &b);
}

static int write_top(const struct profile *profile, int fd)
{
	struct buf b = {};
	int err = profile_put_top(profile, &b, 80, 10);

	return write_buf(profile, fd, err, &b);
}

static int write_diff_svg(const struct profile *profile, int fd)
{
	struct profile *before = known_profile();
	int err = profile_write_diff(before, profile, fd, false);

	profile_free(before);
	return err;
}

static int write_diff_html(const struct profile *profile, int fd)
{
	struct profile *before = known_profile();
	int err = profile_write_diff(before, profile, fd, true);

	profile_free(before);
	return err;
}

static const struct form {
	const char *name;
	int (*write)(const struct profile *profile, int fd);
} forms[] = {
	{ "txt", write_report },
	{ "top", write_top },
	{ "folded", profile_write_folded },
	{ "svg", profile_write_svg },
	{ "html", profile_write_html },
	{ "pb.gz", profile_write_pprof },
	{ "speedscope.json", profile_write_speedscope },
	{ "jsonl", write_json },
	{ "diff.svg", write_diff_svg },
	{ "diff.html", write_diff_html },
};

static const struct {
	const char *name;
	struct profile *(*make)(void);
} makers[] = {
	{ "known", known_profile },	{ "later", later_profile }, { "empty", empty_profile },
	{ "hostile", hostile_profile }, { "deep", deep_profile },   { "many", many_profile },
};

/* What was written last; a pprof file is there unpacked. */
static struct buf got;

static struct buf *written(const struct profile *profile, int (*write)(const struct profile *, int))
{
	int fd = memfd_create("form", MFD_CLOEXEC);
	off_t size;

	buf_reset(&got);
	CHECK_INT(write(profile, fd), 0);
	size = lseek(fd, 0, SEEK_END);
	if (size > 0 && buf_room(&got, size) && pread(fd, got.data, size, 0) == size)
		got.len = size;
	close(fd);
	return &got;
}

/* A profile that was written in one form and read again. */
static struct profile *again(const struct profile *profile,
			     int (*write)(const struct profile *, int))
{
	int fd = memfd_create("form", MFD_CLOEXEC);
	struct profile *ret = NULL;
	char path[64], why[256] = "";

	CHECK_INT(write(profile, fd), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (profile_read(path, &ret, why)) {
		TEST_FAIL("%s", why);
		ret = empty_profile();
	}
	close(fd);
	return ret;
}

/* ---- tests ---- */

TEST(folded)
{
	struct profile *p = known_profile();

	CHECK_STR(
		written(p, profile_write_folded),
		"nginx;[libc.so.6] 1000000\n"
		"nginx;[unknown] 30000000\n"
		"nginx;do_syscall_64_[k];nf_hook_[k];bpf_prog_6deef7357e7b4530_count_[b] 70000000\n"
		"python3;_start;main;[libc.so.6];do_syscall_64_[k] 100000000\n"
		"python3;_start;main;[libc.so.6];do_syscall_64_[k];[off-cpu] 50000000\n"
		"python3;_start;main;eval<int>(char const*);eval<int>(char const*) 200000000\n"
		"python3;_start;main;eval<int>(char const*);swap_[i];hash_[i] 400000000\n"
		"python3;_start;main;py::loop_[j] 150000000\n");
	profile_free(p);
}

TEST(samples_where_there_is_no_time)
{
	struct profile *p = empty_profile();

	ADD(p, "sh", 1, 3, 0, 0, &main_frame);
	ADD(p, "sh", 2, 4, 0, 0, &main_frame);
	CHECK_STR(written(p, profile_write_folded), "sh;main 7\n");
	CHECK_INT(profile_total(p, PROFILE_SAMPLES), 7);
	CHECK_INT(profile_total(p, PROFILE_CPU_NS), 0);
	profile_free(p);
}

TEST(report)
{
	struct profile *p = known_profile();

	CHECK_STR(written(p, write_report),
		  "cpu-clock at 100 Hz, all CPUs\n"
		  "event cpu-clock, sampled every 10.0ms, for 10.0s, from 2023-11-14T22:13:20Z\n"
		  "100 samples: 951ms on CPU, 50.0ms off CPU; lost 3, throttled 1, truncated 2\n"
		  "frames without a name 12: no_mapping 5, no_symbol 7\n"
		  "\n"
		  "Functions, those with the most of their own first\n"
		  "\n"
		  " SELF% TOTAL%     SELF  KIND MODULE         FUNCTION\n"
		  " 40.0%  40.0%    400ms  inl  python3.11     hash\n"
		  " 20.0%  59.9%    200ms  user python3.11     eval<int>(char const*)\n"
		  " 15.0%  15.0%    150ms  jit  perf-100.map   py::loop\n"
		  " 10.0%  22.0%    100ms  kern [kernel]       do_syscall_64\n"
		  "  7.0%   7.0%   70.0ms  bpf  [bpf]          bpf_prog_6deef7357e7b4530_count\n"
		  "  5.0%   5.0%   50.0ms  note -              [off-cpu]\n"
		  "  3.0%   3.0%   30.0ms  user -              [unknown] (no_mapping)\n"
		  "  0.1%  15.1%   1.00ms  user libc.so.6      [libc.so.6] (no_symbol)\n"
		  "  0.0%  89.9%      0ns  user python3.11     _start\n"
		  "  0.0%  89.9%      0ns  user python3.11     main\n"
		  "  0.0%  40.0%      0ns  inl  python3.11     swap\n"
		  "  0.0%   7.0%      0ns  kern [nf_tables]    nf_hook\n"
		  "\n"
		  "Calls, from the outermost function to the innermost\n"
		  "\n"
		  "TOTAL%  SELF% KIND  FUNCTION\n"
		  " 89.9%   0.0% comm  - python3\n"
		  " 89.9%   0.0% user    _start\n"
		  " 89.9%   0.0% user    main\n"
		  " 59.9%   0.0% user    - eval<int>(char const*)\n"
		  " 40.0%   0.0% inl       - swap\n"
		  " 40.0%  40.0% inl         hash\n"
		  " 20.0%  20.0% user      - eval<int>(char const*)\n"
		  " 15.0%   0.0% user    - [libc.so.6] (no_symbol)\n"
		  " 15.0%  10.0% kern      do_syscall_64\n"
		  "  5.0%   5.0% note      [off-cpu]\n"
		  " 15.0%  15.0% jit     - py::loop\n"
		  " 10.1%   0.0% comm  - nginx\n"
		  "  7.0%   0.0% kern    - do_syscall_64\n"
		  "  7.0%   0.0% kern      nf_hook\n"
		  "  7.0%   7.0% bpf       bpf_prog_6deef7357e7b4530_count\n"
		  "  3.0%   3.0% user    - [unknown] (no_mapping)\n"
		  "  0.1% left out: 1 branch of less than 0.5%\n");
	profile_free(p);
}

TEST(top)
{
	struct profile *p = known_profile();

	CHECK_STR(written(p, write_top),
		  "cpu-clock at 100 Hz, all CPUs\n"
		  "event cpu-clock, sampled every 10.0ms, for 10.0s, from 2023-11-14T22:13:20Z\n"
		  "100 samples: 951ms on CPU, 50.0ms off CPU; lost 3, throttled 1, truncated 2\n"
		  "frames without a name 12: no_mapping 5, no_symbol 7\n"
		  " SELF% TOTAL%     SELF  KIND MODULE         FUNCTION\n"
		  " 40.0%  40.0%    400ms  inl  python3.11     hash\n"
		  " 20.0%  59.9%    200ms  user python3.11     eval<int>(char const*)\n"
		  " 15.0%  15.0%    150ms  jit  perf-100.map   py::loop\n"
		  " 10.0%  22.0%    100ms  kern [kernel]       do_syscall_64\n"
		  "  7.0%   7.0%   70.0ms  bpf  [bpf]          bpf_prog_6deef7357e7b4530_count\n");
	profile_free(p);
}

TEST(nothing_sampled)
{
	struct profile *p = empty_profile();

	CHECK_STR(written(p, profile_write_folded), "");
	CHECK_STR(written(p, write_json), "");
	CHECK_STR(written(p, write_top), "0 samples; lost 0, throttled 0, truncated 0\n"
					 " SELF% TOTAL%     SELF  KIND MODULE         FUNCTION\n");
	CHECK(written(p, write_report)->len > 0);
	CHECK_STR(
		written(p, profile_write_speedscope),
		"{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\"exporter\":\"corelets\","
		"\"name\":\"profile\",\"activeProfileIndex\":0,\"shared\":{\"frames\":[]},\"profiles\":["
		"{\"type\":\"sampled\",\"unit\":\"none\",\"name\":\"profile\",\"startValue\":0,\"endValue\":0,"
		"\"samples\":[],\"weights\":[]}]}\n");
	profile_free(p);
}

TEST(json)
{
	struct profile *p = empty_profile();

	ADD(p, "bad\xff", 7, 1, 2, 3, &swap_frame, &eval_frame, &libc_frame);
	ADD(p, "", 8, 1, 0, 0, &(struct frame){ .kind = FRAME_KERNEL, .name = "f" });
	CHECK_STR(
		written(p, write_json),
		"{\"type\":\"stack\",\"comm\":\"bad\\ufffd\",\"comm_hex\":\"626164ff\",\"pid\":7,\"tid\":8,"
		"\"samples\":1,\"cpu_ns\":2,\"off_ns\":3,\"frames\":["
		"{\"kind\":\"inlined\",\"name\":\"swap\",\"module\":\"/usr/bin/python3.11\","
		"\"build_id\":\"c0ffee\",\"source\":\"swap.h\",\"line\":3,\"address\":\"0x2345\"},"
		"{\"kind\":\"user\",\"name\":\"eval<int>(char const*)\",\"linkage\":\"_Z4evalIiEvPKc\","
		"\"module\":\"/usr/bin/python3.11\",\"build_id\":\"c0ffee\",\"source\":\"eval.cc\",\"line\":99,"
		"\"address\":\"0x2345\"},"
		"{\"kind\":\"user\",\"name\":null,\"why\":\"no_symbol\",\"module\":\"" LIBC "\","
		"\"build_id\":null,\"source\":null,\"line\":null,\"address\":\"0x8765\"}]}\n"
		"{\"type\":\"stack\",\"comm\":\"\",\"pid\":8,\"tid\":9,\"samples\":1,\"cpu_ns\":0,\"off_ns\":0,"
		"\"frames\":[{\"kind\":\"kernel\",\"name\":\"f\",\"module\":\"[kernel]\",\"build_id\":null,"
		"\"source\":null,\"line\":null,\"address\":\"0x0\"}]}\n");
	profile_free(p);
}

/* Everything that JSON tells is in a pprof file too. */
TEST(pprof_and_back)
{
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		struct profile *p = makers[i].make(), *back = again(p, profile_write_pprof);
		struct buf want = *written(p, write_json);

		got = (struct buf){};
		CHECK_BYTES(written(back, write_json), want.data, want.len);
		buf_done(&want);
		want = *written(p, profile_write_folded);
		got = (struct buf){};
		CHECK_BYTES(written(back, profile_write_folded), want.data, want.len);
		buf_done(&want);
		for (enum profile_value v = 0; v < PROFILE_VALUES; v++)
			CHECK_INT(profile_total(back, v), profile_total(p, v));
		profile_free(back);
		profile_free(p);
	}
}

TEST(folded_and_back)
{
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		struct profile *p = makers[i].make(), *back = again(p, profile_write_folded);
		struct buf want = *written(p, profile_write_folded);

		got = (struct buf){};
		CHECK_BYTES(written(back, profile_write_folded), want.data, want.len);
		buf_done(&want);
		profile_free(back);
		profile_free(p);
	}
}

/* An inlined frame belongs to the function that it is in, if that one is really there. */
TEST(inlined_alone)
{
	struct profile *p = empty_profile(), *back;
	struct frame elsewhere = swap_frame, other_file = swap_frame, many[200];
	struct buf want;

	elsewhere.address++;
	other_file.module = LIBC;
	ADD(p, "a", 1, 1, 0, 0, &hash_frame);
	ADD(p, "a", 1, 1, 0, 0, &elsewhere, &eval_frame);
	ADD(p, "a", 1, 1, 0, 0, &other_file, &eval_frame);
	ADD(p, "a", 1, 1, 0, 0, &swap_frame, &libc_frame);
	ADD(p, "a", 1, 1, 0, 0, &(struct frame){ .kind = FRAME_INLINED, .address = 0x2345 },
	    &eval_frame);
	for (size_t i = 0; i < 199; i++)
		many[i] = i % 2 ? swap_frame : hash_frame;
	many[199] = eval_frame;
	must(profile_add(p, &(struct profile_task){ 1, 2, "a" }, many, 200,
			 (uint64_t[PROFILE_VALUES]){ 1 }));
	back = again(p, profile_write_pprof);
	want = *written(p, write_json);
	got = (struct buf){};
	CHECK_BYTES(written(back, write_json), want.data, want.len);
	buf_done(&want);
	profile_free(back);
	profile_free(p);
}

TEST(recursion_counts_once)
{
	struct profile *p = empty_profile();
	struct buf *b;

	ADD(p, "a", 1, 6, 0, 0, &main_frame, &main_frame, &start_frame, &main_frame);
	ADD(p, "a", 1, 4, 0, 0, &start_frame, &main_frame);
	b = written(p, write_top);
	CHECK_STR(b, "10 samples; lost 0, throttled 0, truncated 0\n"
		     " SELF% TOTAL%     SELF  KIND MODULE         FUNCTION\n"
		     " 60.0% 100.0%        6  user python3.11     main\n"
		     " 40.0% 100.0%        4  user python3.11     _start\n");
	profile_free(p);
}

TEST(sums_stop_at_their_end)
{
	struct profile *p = empty_profile(), *back;

	ADD(p, "a", 1, UINT64_MAX - 1, 0, 0, &main_frame);
	ADD(p, "a", 1, 5, 0, 0, &main_frame);
	ADD(p, "b", 1, 5, 0, 0, &main_frame);
	CHECK(profile_total(p, PROFILE_SAMPLES) == UINT64_MAX);
	CHECK_STR(written(p, profile_write_folded), "a;main 18446744073709551615\nb;main 5\n");
	back = again(p, profile_write_pprof);
	CHECK(profile_total(back, PROFILE_SAMPLES) == INT64_MAX + 5ull);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		written(p, forms[i].write);
	profile_free(back);
	profile_free(p);
}

TEST(strings_are_copied)
{
	char comm[] = "first", name[] = "one", module[] = "/m";
	struct frame frame = { .name = name, .module = module };
	struct profile *p = empty_profile();

	ADD(p, comm, 1, 1, 0, 0, &frame);
	strcpy(comm, "later");
	strcpy(name, "two");
	ADD(p, comm, 1, 2, 0, 0, &frame);
	name[0] = '\0';
	ADD(p, comm, 1, 4, 0, 0, &frame);
	CHECK_STR(written(p, profile_write_folded), "first;one 1\nlater;[m] 4\nlater;two 2\n");
	profile_free(p);
}

TEST(a_million_samples)
{
	struct profile *p = empty_profile();
	struct frame frames[25];
	char names[25][16];

	for (size_t i = 0; i < 25; i++) {
		snprintf(names[i], sizeof(names[i]), "function%zu", i);
		frames[i] = (struct frame){ .name = names[i],
					    .module = PYTHON,
					    .source = "source.c",
					    .line = i,
					    .address = i };
	}
	for (unsigned int i = 0; i < 1000000; i++)
		must(profile_add(p, &(struct profile_task){ i % 8, i % 8, "worker" },
				 frames + i % 5, 20, (uint64_t[PROFILE_VALUES]){ 1, 1000 }));
	CHECK_INT(profile_total(p, PROFILE_SAMPLES), 1000000);
	CHECK_INT(profile_total(p, PROFILE_CPU_NS), 1000000000);
	written(p, write_json);
	CHECK_INT(got.len > 0 ? memmem(got.data, got.len, "\"samples\":25000,", 16) != NULL : 0, 1);
	profile_free(p);
}

TEST(hash)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf b = {};
		uint8_t hash[32];

		sha256(cases[i].text, strlen(cases[i].text), hash);
		text_hex(&b, hash, sizeof(hash));
		CHECK_BYTES(&b, cases[i].want, 64);
		buf_done(&b);
	}
}

/* ---- files of others, and damaged ones ---- */

/* What reading these bytes says: nothing if they were read, as *folded* tells. */
static void read_bytes(const void *data, size_t n, const char *why_not, const char *folded)
{
	int fd = memfd_create("bytes", MFD_CLOEXEC);
	char path[64], why[256] = "", want[300];
	struct profile *p = NULL;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (write(fd, data, n) != (ssize_t)n)
		abort();
	if (profile_read(path, &p, why)) {
		snprintf(want, sizeof(want), "%s: %s", path, why_not ?: "(no error)");
		if (strcmp(why, want))
			TEST_FAIL("\"%s\", not \"%s\"", why, want);
	} else if (why_not) {
		TEST_FAIL("read, not: %s", why_not);
	} else {
		CHECK_BYTES(written(p, profile_write_folded), folded, strlen(folded));
	}
	profile_free(p);
	close(fd);
}

#define READ(bytes, folded) read_bytes(bytes, sizeof(bytes) - 1, NULL, folded)
#define REFUSED(bytes, why) read_bytes(bytes, sizeof(bytes) - 1, why, NULL)

TEST(folded_of_others)
{
	READ("", "");
	READ("\n\r\n", "");
	READ("a;b 1\r\na;b 2", "a;b 3\n");
	READ("main 5\n", "main 5\n");
	READ("a;b c 3;d 4\n", "a;b c 3;d 4\n");
	READ("a;f_[k];[vdso];[libc.so.6] 1\n", "a;f_[k];[vdso];[libc.so.6] 1\n");
	READ("a;;b 1\n", "a;[unknown];b 1\n");
	READ("a;back\\slash 1\n", "a;back\\x5cslash 1\n");
	READ("a;b 0\n", "");
	REFUSED("a;b\n", "line 1 of folded stacks: no count at the end");
	REFUSED("a 1\n\n;b 1x\n", "line 3 of folded stacks: no count at the end");
	REFUSED("17\n", "line 1 of folded stacks: no count at the end");
	REFUSED("a;b -1\n", "line 1 of folded stacks: no count at the end");
	READ("a 18446744073709551615\n", "a 18446744073709551615\n");
	REFUSED("a 18446744073709551616\n", "line 1 of folded stacks: count out of range");
	REFUSED("a 99999999999999999999999\n", "line 1 of folded stacks: count out of range");
}

TEST(folded_depth)
{
	struct buf b = {};

	for (size_t i = 0; i < 4096; i++)
		buf_str(&b, "f;");
	buf_str(&b, "f 1\n");
	buf_char(&b, '\0');
	read_bytes(b.data, b.len - 1, NULL, b.data);
	b.len--;
	buf_str(&b, "f;");
	for (size_t i = 0; i < 4096; i++)
		buf_str(&b, "f;");
	buf_str(&b, "f 1\n");
	read_bytes(b.data, b.len, "line 2 of folded stacks: too many frames in a stack", NULL);
	buf_done(&b);
}

/* Messages: tag, length, content.  Strings: 1 cpu, 2 nanoseconds, 3 f, 4 g, 5 /bin/x. */
#define STRINGS "\x32\0\x32\3cpu\x32\vnanoseconds\x32\1f\x32\1g\x32\6/bin/x"
#define TYPE	"\x0a\4\x08\1\x10\2"
#define TABLES                                                                    \
	"\x2a\4\x08\1\x10\3\x2a\4\x08\2\x10\4"	       /* functions 1: f, 2: g */ \
	"\x1a\4\x08\1\x28\5"			       /* mapping 1: /bin/x */    \
	"\x22\x0c\x08\1\x10\1\x22\2\x08\1\x22\2\x08\2" /* location 1: f in g */   \
	"\x22\4\x08\2\x10\1"			       /* location 2: no line */

TEST(pprof_of_others)
{
	READ(STRINGS TYPE TABLES "\x12\7\x0a\2\1\2\x12\1\x11", "x;[x];g;f_[i] 17\n");
	/* not packed */
	READ(TYPE "\x12\6\x08\1\x08\2\x10\x11" TABLES STRINGS, "x;[x];g;f_[i] 17\n");
	/* fields that nobody knows */
	READ(STRINGS TYPE TABLES "\xfa\1\3xyz\xf9\1"
				 "12345678\xfd\1"
				 "1234"
				 "\x12\4\x08\2\x10\1",
	     "x;[x] 1\n");
	REFUSED("\0", "no valid pprof file: a number is cut off");
	REFUSED(STRINGS "\x0b", "no valid pprof file: a field of an unknown type");
	REFUSED(STRINGS,
		"no valid pprof file: no types of samples: neither folded stacks nor a pprof file");
	REFUSED(STRINGS "\x12\x50\0", "no valid pprof file: a field is longer than what it is in");
	REFUSED(STRINGS TYPE "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1",
		"no valid pprof file: a number is cut off");
	REFUSED(STRINGS TYPE TABLES TABLES, "no valid pprof file: an id is 0, or there twice");
	REFUSED(STRINGS TYPE TABLES "\x12\4\x08\3\x10\1",
		"no valid pprof file: a sample in a location that is not there");
	REFUSED(STRINGS TYPE TABLES "\x12\2\x08\1",
		"no valid pprof file: a sample with fewer values than there are types");
	REFUSED(STRINGS TYPE TABLES "\x12\6\x08\1\x10\1\x10\1",
		"no valid pprof file: a sample with more values than there are types");
	REFUSED(STRINGS TYPE TABLES "\x12\x0d\x08\1\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\1",
		"no valid pprof file: a negative value: a difference, no profile");
	REFUSED(STRINGS TYPE "\x22\4\x08\1\x10\7\x12\4\x08\1\x10\1",
		"no valid pprof file: a location in a mapping that is not there");
	REFUSED(STRINGS TYPE "\x22\6\x08\1\x22\2\x08\7\x12\4\x08\1\x10\1",
		"no valid pprof file: a line of a function that is not there");
	REFUSED("\x32\1x\x32\0" TYPE,
		"no valid pprof file: no strings, or the first one is not empty");
	REFUSED("\x32\0\x32\1\0" TYPE, "no valid pprof file: a string with a NUL in it");
}

/* Every way to cut a file short, and to change a byte of it, is an error or a profile. */
TEST(damaged)
{
	struct profile *p = known_profile(), *back;
	struct buf whole = *written(p, profile_write_pprof);
	char plain[8192], why[256], path[64];
	z_stream z = { .next_in = (void *)whole.data,
		       .avail_in = whole.len,
		       .next_out = (void *)plain,
		       .avail_out = sizeof(plain) };
	int fd = memfd_create("damaged", MFD_CLOEXEC);
	size_t n, refused = 0;

	got = (struct buf){};
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (n = 1; n < whole.len; n++) {
		CHECK(!ftruncate(fd, 0) && pwrite(fd, whole.data, n, 0) == (ssize_t)n);
		if (n > 1)
			CHECK_INT(profile_read(path, &back, why), -EINVAL);
	}
	CHECK_INT(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
	CHECK_INT(inflate(&z, Z_FINISH), Z_STREAM_END);
	n = z.total_out;
	inflateEnd(&z);
	for (size_t i = 0; i < n; i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			plain[i] ^= 1 << bit;
			CHECK(!ftruncate(fd, 0) && pwrite(fd, plain, n, 0) == (ssize_t)n);
			if (!profile_read(path, &back, why))
				profile_free(back);
			else
				refused++;
			plain[i] ^= 1 << bit;
		}
	}
	CHECK(refused > n && refused < 8 * n);
	buf_done(&whole);
	profile_free(p);
	close(fd);
}

TEST(files_that_cannot_be_read)
{
	struct profile *p;
	char why[256];

	CHECK_INT(profile_read("/nonexistent/\x1b", &p, why), -ENOENT);
	CHECK(!strcmp(why, "/nonexistent/\\x1b: No such file or directory"));
	CHECK_INT(profile_read("/", &p, why), -EISDIR);
	CHECK(!strcmp(why, "/: Is a directory"));
}

TEST(what_cannot_be_written)
{
	struct profile *p = known_profile();
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		if (forms[i].write == write_json || forms[i].write == write_top)
			continue;
		CHECK_INT(forms[i].write(p, -1), -EBADF);
		if (full >= 0)
			CHECK_INT(forms[i].write(p, full), -ENOSPC);
	}
	if (full >= 0)
		close(full);
	profile_free(p);
}

int main(int argc, char **argv)
{
	text_init();
	if (argc != 3 || strcmp(argv[1], "--write"))
		return test_main(argc, argv);
	if (chdir(argv[2]))
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		struct profile *profile = makers[i].make();

		for (size_t k = 0; k < ARRAY_SIZE(forms); k++) {
			char name[64];
			int fd;

			snprintf(name, sizeof(name), "%s.%s", makers[i].name, forms[k].name);
			fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
			must(fd < 0 ? -errno : forms[k].write(profile, fd));
			close(fd);
		}
		profile_free(profile);
	}
	return 0;
}
