/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "fuzz/output.c" /* first: it asks for _GNU_SOURCE */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "test.h"

static struct output out;

/* A writer of these columns into a file in memory. */
static struct output *writer(enum output_format format, enum output_time time, const char *columns)
{
	char why[256];

	if (out.fd > 0)
		close(out.fd);
	output_done(&out);
	out = (struct output){ .format = format, .time = time, .header = true, .event = "any" };
	out.fd = memfd_create("out", MFD_CLOEXEC);
	CHECK(!columns_select(&out.columns, any_columns, columns, false, why));
	CHECK(!output_init(&out));
	out.real_offset = 1000000000ll * 1000000000; /* 2001-09-09T01:46:40Z */
	out.mono_offset = -5000000000ll;
	return &out;
}

static struct record {
	struct any_event event;
	char tail[256];
} record;

static void clear(void)
{
	memset(&record, 0, sizeof(record));
	record.event.task.boot_ns = 12345678901;
	memcpy(record.event.task.comm, "comm", 4);
}

/* A string of the record. */
static struct bytes put(const char *s, size_t n, uint32_t flags)
{
	static size_t used;

	if (used + n > sizeof(record.tail))
		used = 0;
	memcpy(record.tail + used, s, n);
	used += n;
	return (struct bytes){ offsetof(struct record, tail) + used - n, n, flags };
}

#define BYTES(s, flags) put(s, sizeof(s) - 1, flags)

/* The row of the record. */
static struct buf *row(enum output_format format, const char *columns)
{
	writer(format, TIME_CLOCK, columns);
	output_event(&out, &record, sizeof(record));
	return &out.buf;
}

#define TABLE(columns) row(OUTPUT_TABLE, columns)
#define CSV(columns)   row(OUTPUT_CSV, columns)
/* What follows type, time and boot_ns. */
#define CHECK_JSON(columns, want)                                                              \
	CHECK_STR(row(OUTPUT_JSON, columns),                                                   \
		  "{\"type\":\"any\",\"time\":\"2001-09-09T01:46:52.345678901Z\",\"boot_ns\":" \
		  "12345678901" want "}\n")

TEST(headers)
{
	writer(OUTPUT_TABLE, TIME_CLOCK, "time,comm,pid,name,args");
	output_header(&out);
	CHECK_STR(&out.buf, "TIME     COMM                PID NAME        ARGS\n");
	writer(OUTPUT_TABLE, TIME_NONE, "time,pid,name");
	output_header(&out);
	CHECK_STR(&out.buf, "    PID NAME\n");
	writer(OUTPUT_CSV, TIME_CLOCK, "lat_ns,time,args");
	output_header(&out);
	CHECK_STR(&out.buf, "lat_ns,time,args\r\n");
	writer(OUTPUT_JSON, TIME_CLOCK, "pid");
	output_header(&out);
	CHECK(out.buf.len == 0);
	writer(OUTPUT_CSV, TIME_CLOCK, "pid");
	out.header = false;
	output_header(&out);
	CHECK(out.buf.len == 0);
}

TEST(cells_are_aligned_and_never_cut)
{
	clear();
	record.event.task.pid = 42;
	CHECK_STR(TABLE("comm,pid,name"), "comm                 42 \n");
	memcpy(record.event.name, "twelve bytes", 12);
	record.event.task.pid = 4000000000;
	CHECK_STR(TABLE("pid,name,comm"), "4000000000 twelve bytes comm\n");
	/* By columns of the terminal, not by bytes. */
	memcpy(record.event.name, "\xe4\xb8\xad\xe6\x96\x87\0\0\0\0\0", 12);
	if (!text_init())
		CHECK_STR(TABLE("name,comm"), "\xe4\xb8\xad\xe6\x96\x87        comm\n");
}

TEST(a_time_is_as_wide_in_the_header_as_in_the_rows)
{
	static const enum output_time times[] = { TIME_CLOCK, TIME_ISO, TIME_DELTA, TIME_MONO };

	clear();
	for (int i = 0; i < 4; i++) {
		const char *at, *nl;

		writer(OUTPUT_TABLE, times[i], "time,comm,pid");
		output_header(&out);
		nl = memchr(out.buf.data, '\n', out.buf.len);
		at = memmem(out.buf.data, out.buf.len, "COMM", 4);
		output_event(&out, &record, sizeof(record));
		nl = memchr(out.buf.data, '\n', out.buf.len);
		at = memmem(out.buf.data, out.buf.len, "COMM", 4);
		if (memcmp(nl + 1 + (at - out.buf.data), "comm ", 5))
			TEST_FAIL("format %d: \n%.*s", times[i], (int)out.buf.len, out.buf.data);
	}
}

TEST(times)
{
	clear();
	setenv("TZ", "XXX-5:30", 1);
	tzset();
	CHECK_STR(TABLE("time"), "07:16:52\n");
	writer(OUTPUT_TABLE, TIME_ISO, "time");
	output_event(&out, &record, sizeof(record));
	CHECK_STR(&out.buf, "2001-09-09T01:46:52.345678901Z\n");
	writer(OUTPUT_CSV, TIME_MONO, "time");
	output_event(&out, &record, sizeof(record));
	CHECK_STR(&out.buf, "7.345678\r\n");
	writer(OUTPUT_CSV, TIME_NONE, "time,pid");
	output_event(&out, &record, sizeof(record));
	CHECK_STR(&out.buf, "0\r\n");
	/* JSON has it, whatever is asked for. */
	writer(OUTPUT_JSON, TIME_NONE, "pid");
	output_event(&out, &record, sizeof(record));
	CHECK_STR(&out.buf,
		  "{\"type\":\"any\",\"time\":\"2001-09-09T01:46:52.345678901Z\",\"boot_ns\":"
		  "12345678901,\"pid\":0}\n");
}

TEST(seconds_change)
{
	static const uint64_t boots[] = { 0, 999999999, 1000000000, 999999999, 86400000000000 };

	clear();
	setenv("TZ", "UTC", 1);
	tzset();
	writer(OUTPUT_CSV, TIME_ISO, "time");
	for (int i = 0; i < 5; i++) {
		record.event.task.boot_ns = boots[i];
		output_event(&out, &record, sizeof(record));
	}
	CHECK_STR(&out.buf, "2001-09-09T01:46:40.000000000Z\r\n2001-09-09T01:46:40.999999999Z\r\n"
			    "2001-09-09T01:46:41.000000000Z\r\n2001-09-09T01:46:40.999999999Z\r\n"
			    "2001-09-10T01:46:40.000000000Z\r\n");
	/* CLOCK_REALTIME was set meanwhile. */
	out.real_offset += 3600 * 1000000000ll;
	buf_reset(&out.buf);
	output_event(&out, &record, sizeof(record));
	CHECK_STR(&out.buf, "2001-09-10T02:46:40.000000000Z\r\n");
}

TEST(deltas_are_never_negative)
{
	static const uint64_t boots[] = { 5000000000, 5000001000, 5000000000, 5000002000,
					  7500002000 };

	clear();
	writer(OUTPUT_CSV, TIME_DELTA, "time");
	for (int i = 0; i < 5; i++) {
		record.event.task.boot_ns = boots[i];
		output_event(&out, &record, sizeof(record));
	}
	CHECK_STR(&out.buf, "0.000000\r\n0.000001\r\n0.000000\r\n0.000001\r\n2.500000\r\n");
}

TEST(utc)
{
	struct buf b = {};

	output_time_utc(&b, 0);
	CHECK_STR(&b, "1970-01-01T00:00:00.000000000Z");
	buf_reset(&b);
	output_time_utc(&b, 951782400000000001);
	CHECK_STR(&b, "2000-02-29T00:00:00.000000001Z");
	buf_reset(&b);
	output_time_utc(&b, UINT64_MAX);
	CHECK_STR(&b, "2554-07-21T23:34:33.709551615Z");
	buf_done(&b);
}

TEST(numbers_are_for_people_on_the_table_and_raw_elsewhere)
{
	clear();
	record.event.lat_ns = 1234567;
	record.event.bytes = 65536;
	record.event.s64 = INT64_MIN;
	record.event.ret = -2;
	record.event.mode = 0644;
	record.event.dev = 8 << 20 | 1;
	record.event.absent = UINT32_MAX;
	CHECK_STR(TABLE("lat_ns,bytes,ret,mode,dev,absent"),
		  " 1.23ms  64.0K ENOENT  0644     8:1      -\n");
	CHECK_STR(CSV("lat_ns,bytes,s64,ret,mode,dev,absent"),
		  "1234567,65536,-9223372036854775808,-2,0644,8:1,\r\n");
	CHECK_JSON("lat_ns,bytes,s64,ret,mode,dev,absent",
		   ",\"lat_ns\":1234567,\"bytes\":65536,\"s64\":-9223372036854775808,\"ret\":-2,"
		   "\"mode\":\"0644\",\"dev\":\"8:1\",\"absent\":null");
	record.event.ret = 3;
	record.event.dev = UINT32_MAX;
	record.event.mode = 07777777;
	CHECK_STR(TABLE("ret,dev,mode"), "     3 4095:1048575 7777777\n");
	/* What has no name is a number. */
	record.event.ret = -4000;
	CHECK_STR(TABLE("ret"), " -4000\n");
	record.event.ret = INT32_MIN;
	CHECK_STR(TABLE("ret"), "-2147483648\n");
}

TEST(durations)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "0ns" },
		{ 1, "1ns" },
		{ 999, "999ns" },
		{ 1000, "1.00us" },
		{ 1234, "1.23us" },
		{ 9994, "9.99us" },
		{ 9996, "10.0us" },
		{ 99949, "99.9us" },
		{ 99951, "100us" },
		{ 999499, "999us" },
		{ 999500, "1.00ms" },
		{ 1200000, "1.20ms" },
		{ 999499999, "999ms" },
		{ 999500000, "1.00s" },
		{ 3450000000, "3.45s" },
		{ 60000000000, "60.0s" },
		{ 3600000000000, "3600s" },
	};
	struct buf b = {};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&b);
		CHECK(output_duration(&b, cases[i].ns) == b.len && b.len <= 7);
		buf_char(&b, '\0');
		if (strcmp(b.data, cases[i].text))
			TEST_FAIL("%" PRIu64 " ns: %s, not %s", cases[i].ns, b.data, cases[i].text);
	}
	buf_done(&b);
}

TEST(sizes)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0" },	      { 512, "512" },		{ 1023, "1023" },
		{ 1024, "1.00K" },    { 1536, "1.50K" },	{ 65536, "64.0K" },
		{ 1 << 20, "1.00M" }, { 1047552, "1023K" },	{ 3 << 19, "1.50M" },
		{ 1 << 30, "1.00G" }, { 100ull << 30, "100G" },
	};
	struct buf b = {};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_reset(&b);
		CHECK(output_size(&b, cases[i].bytes) == b.len);
		buf_char(&b, '\0');
		if (strcmp(b.data, cases[i].text))
			TEST_FAIL("%" PRIu64 " bytes: %s, not %s", cases[i].bytes, b.data,
				  cases[i].text);
	}
	buf_done(&b);
}

TEST(absent_unread_and_empty_differ)
{
	clear();
	CHECK_STR(TABLE("text"), "-\n");
	CHECK_STR(CSV("text,pid"), ",0\r\n");
	CHECK_JSON("text", ",\"text\":null");
	record.event.text = BYTES("", 0);
	CHECK_STR(TABLE("text"), "\n");
	CHECK_STR(CSV("text,pid"), "\"\",0\r\n");
	CHECK_JSON("text", ",\"text\":\"\"");
	record.event.text = BYTES("x", BYTES_UNREAD);
	CHECK_STR(TABLE("text"), "?\n");
	CHECK_STR(CSV("text,pid"), "?,0\r\n");
	CHECK_JSON("text", ",\"text\":null");
	record.event.text = BYTES("?", 0);
	CHECK_STR(CSV("text,pid"), "\"?\",0\r\n");
	record.event.args = BYTES("", 0);
	CHECK_JSON("args", ",\"args\":[]");
	record.event.args = BYTES("\0", 0);
	CHECK_JSON("args", ",\"args\":[\"\"]");
	CHECK_STR(TABLE("args"), "''\n");
}

TEST(what_is_cut_says_so)
{
	clear();
	record.event.text = BYTES("abc", BYTES_TRUNCATED);
	CHECK_STR(TABLE("text"), "abc\xe2\x80\xa6\n");
	CHECK_STR(CSV("text"), "\"abc\xe2\x80\xa6\"\r\n");
	CHECK_JSON("text", ",\"text\":\"abc\",\"text_truncated\":true");
	record.event.path = BYTES("/b", BYTES_FRONT_CUT);
	CHECK_STR(TABLE("path"), "\xe2\x80\xa6/b\n");
	CHECK_JSON("path", ",\"path\":\"/b\",\"path_truncated\":true");
	record.event.args = BYTES("a\0b", BYTES_TRUNCATED);
	CHECK_STR(TABLE("args"), "a b\xe2\x80\xa6\n");
	CHECK_JSON("args", ",\"args\":[\"a\",\"b\"],\"args_truncated\":true");
	/* Even if nothing at all is left of it. */
	record.event.text = BYTES("", BYTES_TRUNCATED);
	CHECK_STR(TABLE("text"), "\xe2\x80\xa6\n");
	CHECK_JSON("text", ",\"text\":\"\",\"text_truncated\":true");
	record.event.text = (struct bytes){ .flags = BYTES_TRUNCATED };
	CHECK_STR(TABLE("text"), "\xe2\x80\xa6\n");
	CHECK_JSON("text", ",\"text\":\"\",\"text_truncated\":true");
}

TEST(paths_that_are_gone_or_elsewhere)
{
	clear();
	record.event.path = BYTES("/a", BYTES_DELETED);
	CHECK_STR(TABLE("path"), "/a (deleted)\n");
	CHECK_STR(CSV("path"), "\"/a (deleted)\"\r\n");
	CHECK_JSON("path", ",\"path\":\"/a\",\"path_deleted\":true");
	record.event.path = BYTES("/a", BYTES_DETACHED);
	CHECK_STR(TABLE("path"), "(unreachable)/a\n");
	CHECK_JSON("path", ",\"path\":\"/a\",\"path_unreachable\":true");
	record.event.path = BYTES("/a", BYTES_DETACHED | BYTES_DELETED | BYTES_TRUNCATED);
	CHECK_STR(TABLE("path"), "(unreachable)/a\xe2\x80\xa6 (deleted)\n");
	CHECK_JSON("path", ",\"path\":\"/a\",\"path_truncated\":true,\"path_deleted\":true,"
			   "\"path_unreachable\":true");
}

TEST(hostile_text)
{
	clear();
	memcpy(record.event.task.comm, "\x1b[31m\n\xff\\", 9);
	CHECK_STR(TABLE("comm,pid"), "\\x1b[31m\\x0a\\xff\\x5c       0\n");
	CHECK_STR(CSV("comm,pid"), "\\x1b[31m\\x0a\\xff\\x5c,0\r\n");
	CHECK_JSON("comm",
		   ",\"comm\":\"\\u001b[31m\\u000a\\ufffd\\\\\",\"comm_hex\":\"1b5b33316d0aff5c\"");
	record.event.text = BYTES("a,\"b\"", 0);
	CHECK_STR(CSV("text,pid"), "\"a,\"\"b\"\"\",0\r\n");
	record.event.text = BYTES("a,\"b\"", BYTES_TRUNCATED);
	CHECK_STR(CSV("text,pid"), "\"a,\"\"b\"\"\xe2\x80\xa6\",0\r\n");
}

TEST(arguments)
{
	clear();
	record.event.args = BYTES("echo\0two words\0it's\0\n\0", 0);
	CHECK_STR(TABLE("args"), "echo 'two words' $'it\\'s' $'\\x0a'\n");
	CHECK_STR(CSV("args"), "\"echo 'two words' $'it\\'s' $'\\x0a'\"\r\n");
	CHECK_JSON("args", ",\"args\":[\"echo\",\"two words\",\"it's\",\"\\u000a\"]");
	record.event.args = BYTES("a\0\xff\0b\0", 0);
	CHECK_JSON("args",
		   ",\"args\":[\"a\",\"\\ufffd\",\"b\"],\"args_hex\":[\"61\",\"ff\",\"62\"]");
	/* The first word of a command. */
	record.event.args = BYTES("a=b\0a=b\0", 0);
	CHECK_STR(TABLE("args"), "'a=b' a=b\n");
	record.event.mode = 3;
	CHECK_STR(TABLE("args"), "      'a=b' a=b\n");
	record.event.mode = 1000000;
	TABLE("args");
	CHECK(out.buf.len < 100);
	CHECK_JSON("args", ",\"args\":[\"a=b\",\"a=b\"]");
}

TEST(any_event_at_all)
{
	uint64_t state = 88172645463325252;
	struct bytes *strings[] = { &record.event.text, &record.event.path, &record.event.args };

	for (int i = 0; i < 20000; i++) {
		uint8_t *p = (uint8_t *)&record;
		const char *err;

		for (size_t k = 0; k < sizeof(record); k++) {
			state ^= state << 13;
			state ^= state >> 7;
			state ^= state << 17;
			p[k] = state >> 32;
			/* Often what matters. */
			if (state >> 60 == 1)
				p[k] = "\0\n\x1b\"\\,\xe2\x80"[state >> 40 & 7];
			else if (state >> 60 < 9)
				p[k] &= 0x7f;
		}
		/* Mostly inside the record. */
		for (int k = 0; i % 8 && k < 3; k++) {
			strings[k]->off = sizeof(record.event) + (strings[k]->off & 63);
			strings[k]->len &= 127;
			strings[k]->flags &= i & 16 ? 31 : 0;
		}
		err = output_violation(p, sizeof(record), i % 5);
		if (err)
			TEST_FAIL("round %d: %s", i, err);
	}
}

/* ---- writing ---- */

TEST(a_write_that_fails_is_told)
{
	clear();
	writer(OUTPUT_CSV, TIME_ISO, "pid");
	close(out.fd);
	out.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	output_event(&out, &record, sizeof(record));
	CHECK(output_flush(&out) == -ENOSPC && out.error == -ENOSPC);
	/* And again, without another try. */
	CHECK(output_flush(&out) == -ENOSPC);
	writer(OUTPUT_CSV, TIME_ISO, "pid");
	close(out.fd);
	out.fd = -1;
	output_event(&out, &record, sizeof(record));
	CHECK(output_flush(&out) == -EBADF);
}

TEST(a_reader_that_has_gone_is_told)
{
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	clear();
	writer(OUTPUT_CSV, TIME_ISO, "pid");
	close(out.fd);
	CHECK(!pipe2(fds, O_CLOEXEC));
	close(fds[0]);
	out.fd = fds[1];
	output_event(&out, &record, sizeof(record));
	CHECK(output_flush(&out) == -EPIPE);
}

static int waits;

static bool wait_three_times(void *context, int fd)
{
	char bytes[4096];

	(void)fd;
	while (read(*(int *)context, bytes, sizeof(bytes)) > 0)
		;
	return ++waits < 4;
}

TEST(whoever_waits_may_give_up)
{
	int fds[2];

	clear();
	writer(OUTPUT_CSV, TIME_ISO, "pid");
	close(out.fd);
	CHECK(!pipe2(fds, O_CLOEXEC | O_NONBLOCK));
	out.fd = fds[1];
	out.slow = true;
	out.waiting = wait_three_times;
	out.context = &fds[0];
	for (int i = 0; i < 10000; i++)
		output_event(&out, &record, sizeof(record));
	CHECK(output_flush(&out) == -ECANCELED && waits == 4);
	close(fds[0]);
}

TEST(everything_is_written_in_order)
{
	enum { ROWS = 30000 };
	static char got[1 << 20];
	struct buf want = {};
	ssize_t n;

	clear();
	writer(OUTPUT_CSV, TIME_ISO, "pid,name");
	for (unsigned int i = 0; i < ROWS; i++) {
		record.event.task.pid = i;
		output_event(&out, &record, sizeof(record));
		buf_printf(&want, "%u,\"\"\r\n", i);
	}
	CHECK(!output_flush(&out));
	n = pread(out.fd, got, sizeof(got), 0);
	CHECK(n == (ssize_t)want.len && !memcmp(got, want.data, want.len));
	buf_done(&want);
}
