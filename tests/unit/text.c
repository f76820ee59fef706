/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "fuzz/text.c" /* first: it asks for _GNU_SOURCE */

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static struct buf out;
static struct buf want;

static struct buf *put(const void *s, size_t n)
{
	buf_reset(&out);
	text_put(&out, s, n);
	return &out;
}

static struct buf *json(const void *s, size_t n)
{
	buf_reset(&out);
	text_json(&out, s, n);
	return &out;
}

static struct buf *csv(const void *s, size_t n)
{
	buf_reset(&out);
	text_csv(&out, s, n);
	return &out;
}

static struct buf *arg(const void *s, size_t n)
{
	buf_reset(&out);
	text_put_arg(&out, s, n);
	return &out;
}

static struct buf *arg0(const void *s, size_t n)
{
	buf_reset(&out);
	text_put_arg0(&out, s, n);
	return &out;
}

/* String literals with all their bytes. */
#define PUT(s)	 put(s, sizeof(s) - 1)
#define JSON(s)	 json(s, sizeof(s) - 1)
#define CSV(s)	 csv(s, sizeof(s) - 1)
#define ARG(s)	 arg(s, sizeof(s) - 1)
#define ARG0(s)	 arg0(s, sizeof(s) - 1)
#define WIDTH(s) text_width(s, sizeof(s) - 1)

#define NEED_UNICODE()                                          \
	do {                                                    \
		if (text_init())                                \
			SKIP("no UTF-8 locale on this system"); \
	} while (0)

/* ---- inputs ---- */

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 32) % n);
}

/* Bytes of every kind that matters, mixed. */
static void random_text(struct buf *b, size_t pieces, bool nul)
{
	/* clang-format off */
	static const char *const nasty[] = {
		"\x1b[31m", "\x1b]0;t\x07", "\xc2\x9b", "\x9b", "\xe2\x80\xae", "\xe2\x80\xa8",
		"\xe2\x80\x8b", "\xef\xbb\xbf", "\xcc\x81",
		"\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81",
		"\xe4\xb8\xad", "\xf0\x9f\x98\x80", "\xef\xb8\x8f", "\xf3\xa0\x81\x81",
		"\xe2\x80\xa6",
		"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf0\x9f\x98", "\xe4\xb8", "\xc3",
		"\xee\x80\x80", "\xef\xbf\xbe", "\xe1\x85\xa0", "\\", "\\x41", "\\u{202e}", "'",
		"\"",
		"!", "$HOME", "`id`", "$(id)", "~", "=", "A=b", " ", "  ", "\n", "\r\n", "\t",
		",", "?",
		"-", "*", "\xc3\xa9", "e\xcc\x81", "\xd0\x98", "\x7f", "\xff",
		"plain text, long enough",
	};
	/* clang-format on */
	size_t i;
	uint32_t cp;

	for (i = 0; i < pieces; i++) {
		switch (random_below(4)) {
		case 0:
			buf_char(b, (char)(random_below(255) + 1));
			break;
		case 1:
			buf_char(b, (char)(0x20 + random_below(95)));
			break;
		case 2:
			buf_str(b, nasty[random_below(sizeof(nasty) / sizeof(nasty[0]))]);
			break;
		default:
			cp = random_below(8) ? random_below(0x3000) + 1 :
					       random_below(0x10ffff) + 1;
			if (cp < 0xd800 || cp > 0xdfff)
				oracle_encode(b, cp);
		}
		if (nul && !random_below(40))
			buf_char(b, 0);
	}
}

/* Runs a program on *in* and adds its output to *ret_out*.  Returns its exit status;
 * 127 if there is no such program, -1 if it cannot be run. */
static int run(const char *const argv[], const struct buf *in, struct buf *ret_out)
{
	FILE *file = tmpfile();
	int fds[2], status;
	ssize_t n;
	char *p;
	pid_t pid;

	if (!file || (in->len && fwrite(in->data, in->len, 1, file) != 1) || fflush(file) ||
	    pipe(fds)) {
		if (file)
			fclose(file);
		return -1;
	}
	rewind(file);
	pid = fork();
	if (!pid) {
		if (dup2(fileno(file), 0) < 0 || dup2(fds[1], 1) < 0)
			_exit(126);
		close(fds[0]);
		close(fds[1]);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(fds[1]);
	fclose(file);
	while ((p = buf_room(ret_out, 65536)) && (n = read(fds[0], p, 65536)) > 0)
		ret_out->len += (size_t)n;
	close(fds[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static bool have(const char *program)
{
	const char *const argv[] = {
		"sh", "-c", "command -v \"$1\" >/dev/null", "sh", program, NULL
	};
	struct buf nothing = {};
	int status = run(argv, &nothing, &nothing);

	buf_done(&nothing);
	return status == 0;
}

/* ---- buf.h ---- */

TEST(buf_numbers)
{
	static const struct {
		int64_t v;
		const char *s;
	} numbers[] = {
		{ 0, "0" },
		{ 7, "7" },
		{ 9, "9" },
		{ 10, "10" },
		{ 42, "42" },
		{ 99, "99" },
		{ 100, "100" },
		{ 101, "101" },
		{ 999, "999" },
		{ 1000, "1000" },
		{ -1, "-1" },
		{ -10, "-10" },
		{ -100, "-100" },
		{ INT64_MAX, "9223372036854775807" },
		{ INT64_MIN, "-9223372036854775808" },
	};
	struct buf b = {};
	char expect[32];
	uint64_t v;
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		buf_reset(&b);
		buf_s64(&b, numbers[i].v);
		CHECK_BYTES(&b, numbers[i].s, strlen(numbers[i].s));
	}
	buf_reset(&b);
	buf_u64(&b, UINT64_MAX);
	CHECK_STR(&b, "18446744073709551615");
	random_state = 1;
	for (i = 0; i < 20000; i++) {
		random_below(2);
		v = random_state >> random_below(64);
		buf_reset(&b);
		buf_u64(&b, v);
		CHECK_BYTES(&b, expect, (size_t)sprintf(expect, "%" PRIu64, v));
		buf_reset(&b);
		buf_s64(&b, (int64_t)v);
		CHECK_BYTES(&b, expect, (size_t)sprintf(expect, "%" PRId64, (int64_t)v));
		buf_reset(&b);
		buf_hex(&b, v, (unsigned int)i % 18);
		CHECK_BYTES(&b, expect,
			    (size_t)sprintf(expect, "%0*" PRIx64, (int)(i % 18 > 16 ? 16 : i % 18),
					    v));
	}
	buf_done(&b);
}

TEST(buf_grows)
{
	struct buf b = {};
	size_t i;
	char *p;

	buf_add(&b, NULL, 0);
	buf_str(&b, "");
	buf_pad(&b, 0);
	CHECK_STR(&b, "");
	for (i = 0; i < 100000; i++)
		buf_char(&b, (char)i);
	CHECK_INT(b.len, 100000);
	for (i = 0; i < b.len; i++)
		if (b.data[i] != (char)i)
			break;
	CHECK_INT(i, b.len);
	p = b.data;
	buf_reset(&b);
	CHECK_INT(b.len, 0);
	buf_str(&b, "a");
	buf_pad(&b, 3);
	buf_printf(&b, "%d-%s", 5, "x");
	CHECK_STR(&b, "a   5-x");
	CHECK(b.data == p);
	buf_reset(&b);
	buf_printf(&b, "%1000d", 1);
	CHECK_INT(b.len, 1000);
	buf_pad(&b, b.cap - b.len - 3);
	buf_printf(&b, "abc"); /* its NUL needs room too */
	CHECK(b.len < b.cap);
	buf_done(&b);
	CHECK(!b.data && !b.len && !b.cap);
	buf_done(&b);
	buf_done(NULL);
}

TEST(buf_failure_sticks)
{
	struct buf b = {};

	buf_str(&b, "ab");
	CHECK(!buf_room(&b, SIZE_MAX - 1));
	CHECK(b.failed);
	CHECK(!buf_room(&b, 1));
	buf_str(&b, "c");
	buf_char(&b, 'c');
	buf_u64(&b, 1);
	buf_s64(&b, -1);
	buf_hex(&b, 1, 8);
	buf_pad(&b, 5);
	buf_printf(&b, "%d", 1);
	text_put(&b, "a\x01\xff\xc2\x85", 5);
	text_put_max(&b, "abcdef", 6, 3, NULL);
	text_put_max(&b, "abc", 3, 3, NULL);
	text_put_arg(&b, "a'\x01 !", 5);
	text_json(&b, "a\x01\xff\"", 4);
	text_hex(&b, "abc", 3);
	text_csv(&b, "a,\"\x01", 4);
	CHECK_INT(b.len, 2);
	CHECK(b.failed);
	buf_reset(&b);
	CHECK(!b.failed);
	buf_str(&b, "c");
	CHECK_STR(&b, "c");
	buf_done(&b);
}

/* ---- without a locale; must stay before the first text_init() ---- */

TEST(only_ascii_passes_before_init)
{
	CHECK_STR(PUT("a\xc3\xa9\xe4\xb8\xad\xff"), "a\\u{00e9}\\u{4e2d}\\xff");
	CHECK_STR(JSON("a\xc3\xa9\xf0\x9f\x98\x80"), "\"a\\u00e9\\ud83d\\ude00\"");
	CHECK_STR(ARG("\xc3\xa9"), "$'\\xc3\\xa9'");
	CHECK_INT(WIDTH("\xc3\xa9"), 8);
	/* and what was said then is forgotten */
	NEED_UNICODE();
	CHECK_STR(PUT("a\xc3\xa9\xe4\xb8\xad"), "a\xc3\xa9\xe4\xb8\xad");
	CHECK_STR(JSON("a\xc3\xa9\xf0\x9f\x98\x80"), "\"a\xc3\xa9\xf0\x9f\x98\x80\"");
}

TEST(init_leaves_the_programs_locale_alone)
{
	CHECK(!strcmp(setlocale(LC_ALL, NULL), "C"));
	NEED_UNICODE();
	CHECK_INT(text_init(), 0);
	PUT("\xc3\xa9");
	CHECK(!strcmp(setlocale(LC_ALL, NULL), "C"));
	CHECK(uselocale((locale_t)0) == LC_GLOBAL_LOCALE);
}

/* ---- one byte, one character ---- */

TEST(ascii)
{
	char s[] = "a.b", expect[16];
	int c, n;

	for (c = 0; c < 0x80; c++) {
		s[1] = (char)c;
		if (c < 0x20 || c == 0x7f || c == '\\')
			n = sprintf(expect, "a\\x%02xb", c);
		else
			n = sprintf(expect, "a%cb", c);
		CHECK_BYTES(put(s, 3), expect, (size_t)n);
		CHECK_INT(text_width(s, 3), n);
		if (c < 0x20 || c == 0x7f)
			n = sprintf(expect, "\"a\\u%04xb\"", (unsigned int)c);
		else
			n = sprintf(expect, "\"a%s%cb\"", c == '"' || c == '\\' ? "\\" : "", c);
		CHECK_BYTES(json(s, 3), expect, (size_t)n);
		CHECK(text_json(&out, s, 3));
	}
	CHECK_STR(put(NULL, 0), "");
	CHECK_STR(json(NULL, 0), "\"\"");
}

/* The fast path looks at 8 bytes at a time. */
TEST(every_byte_at_every_place)
{
	char s[24];
	size_t at, n;
	int c;

	for (n = 1; n <= sizeof(s); n += n < 9 ? 1 : 5) {
		for (at = 0; at < n; at++) {
			for (c = 0; c < 256; c++) {
				const char *err;

				memset(s, 'a' + c % 26, n);
				s[at] = (char)c;
				err = text_violation((uint8_t *)s, n, n);
				if (err)
					TEST_FAIL("byte %d at %zu of %zu: %s", c, at, n, err);
			}
		}
	}
}

TEST(c1_raw_and_encoded)
{
	char s[4] = "a", expect[16];
	int c;

	for (c = 0x80; c <= 0x9f; c++) {
		s[1] = (char)c;
		CHECK_BYTES(put(s, 2), expect, (size_t)sprintf(expect, "a\\x%02x", c));
		CHECK_STR(json(s, 2), "\"a\\ufffd\"");
		CHECK(!text_json(&out, s, 2));
		s[1] = '\xc2';
		s[2] = (char)c;
		CHECK_BYTES(put(s, 3), expect,
			    (size_t)sprintf(expect, "a\\u{%04x}", (unsigned int)c));
		CHECK_BYTES(json(s, 3), expect,
			    (size_t)sprintf(expect, "\"a\\u%04x\"", (unsigned int)c));
		CHECK(text_json(&out, s, 3));
	}
}

TEST(malformed_utf8)
{
	/* clang-format off */
	static const struct {
		const char *s, *put, *json;
	} cases[] = {
#define Q "\\ufffd"
		/* continuation without a start */
		{ "\x80", "\\x80", Q }, { "\xbf", "\\xbf", Q },
		{ "a\x80z", "a\\x80z", "a" Q "z" }, { "a\x80\xbfz", "a\\x80\\xbfz", "a" Q Q "z" },
		/* overlong: 2, 3 and 4 bytes */
		{ "\xc0\x80", "\\xc0\\x80", Q Q }, { "\xc0\xaf", "\\xc0\\xaf", Q Q },
		{ "\xc1\xbf", "\\xc1\\xbf", Q Q },
		{ "\xe0\x80\x80", "\\xe0\\x80\\x80", Q Q Q },
		{ "\xe0\x9f\xbf", "\\xe0\\x9f\\xbf", Q Q Q },
		{ "\xf0\x80\x80\x80", "\\xf0\\x80\\x80\\x80", Q Q Q Q },
		{ "\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf", Q Q Q Q },
		/* surrogates */
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80", Q Q Q },
		{ "\xed\xbf\xbf", "\\xed\\xbf\\xbf", Q Q Q },
		{ "\xed\xa0\xbd\xed\xb8\x80", "\\xed\\xa0\\xbd\\xed\\xb8\\x80", Q Q Q Q Q Q },
		/* beyond U+10FFFF */
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", Q Q Q Q },
		{ "\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80", Q Q Q Q },
		{ "\xf7\xbf\xbf\xbf", "\\xf7\\xbf\\xbf\\xbf", Q Q Q Q },
		{ "\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80", Q Q Q Q Q },
		{ "\xfc\x84\x80\x80\x80\x80", "\\xfc\\x84\\x80\\x80\\x80\\x80", Q Q Q Q Q Q },
		{ "\xfe", "\\xfe", Q }, { "\xff", "\\xff", Q },
		/* truncated, at the end */
		{ "a\xc3", "a\\xc3", "a" Q },
		{ "a\xe4", "a\\xe4", "a" Q }, { "a\xe4\xb8", "a\\xe4\\xb8", "a" Q },
		{ "a\xf0", "a\\xf0", "a" Q }, { "a\xf0\x9f", "a\\xf0\\x9f", "a" Q },
		{ "a\xf0\x9f\x98", "a\\xf0\\x9f\\x98", "a" Q },
		/* and inside */
		{ "\xc3z", "\\xc3z", Q "z" }, { "\xe4z", "\\xe4z", Q "z" },
		{ "\xe4\xb8z", "\\xe4\\xb8z", Q "z" }, { "\xf0z", "\\xf0z", Q "z" },
		{ "\xf0\x9fz", "\\xf0\\x9fz", Q "z" },
		{ "\xf0\x9f\x98z", "\\xf0\\x9f\\x98z", Q "z" },
		{ "\xc3\xc3\xa9", "\\xc3\xc3\xa9", Q "\xc3\xa9" },
		{ "\xf0\x9f\x98\xc3\xa9", "\\xf0\\x9f\\x98\xc3\xa9", Q "\xc3\xa9" },
		/* table 3-8 of The Unicode Standard */
		{ "\xc0\xaf\xe0\x80\xbf\xf0\x81\x82""A",
		  "\\xc0\\xaf\\xe0\\x80\\xbf\\xf0\\x81\\x82""A",
		  Q Q Q Q Q Q Q Q "A" },
		{ "\xe1\x80\xe2\xf0\x91\x92\xf1\xbf""A",
		  "\\xe1\\x80\\xe2\\xf0\\x91\\x92\\xf1\\xbf""A",
		  Q Q Q Q "A" },
#undef Q
	};
	/* clang-format on */
	char s[4], expect[8];
	size_t i;
	int c;

	NEED_UNICODE();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK_BYTES(put(cases[i].s, strlen(cases[i].s)), cases[i].put,
			    strlen(cases[i].put));
		buf_reset(&want);
		buf_char(&want, '"');
		buf_str(&want, cases[i].json);
		buf_char(&want, '"');
		CHECK_BYTES(json(cases[i].s, strlen(cases[i].s)), want.data, want.len);
		CHECK(!text_json(&out, cases[i].s, strlen(cases[i].s)));
	}
	for (c = 0x80; c < 0x100; c++) {
		s[0] = (char)c;
		CHECK_BYTES(put(s, 1), expect, (size_t)sprintf(expect, "\\x%02x", c));
		CHECK_STR(json(s, 1), "\"\\ufffd\"");
		CHECK(!text_json(&out, s, 1));
	}
}

/* All sequences of up to three bytes, and those of four with the interesting ones. */
TEST(well_formed_or_not)
{
	static const uint8_t edge[] = { 0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0,
					0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xf0, 0xf4, 0xff };
	uint32_t v;
	uint8_t s[4];
	int i, j, k;

	for (v = 0; v < 1 << 24; v++) {
		s[0] = (uint8_t)(v >> 16);
		s[1] = (uint8_t)(v >> 8);
		s[2] = (uint8_t)v;
		if (s[0] < 0x80 || s[0] < 0xc0) { /* nothing new */
			v |= 0xffff;
			continue;
		}
		if ((s[2] & 0x3f) > 1 && (s[2] & 0x3f) < 0x3e)
			continue;
		buf_reset(&out);
		if (text_json(&out, s, 3) != oracle_valid(s, 3))
			TEST_FAIL("%02x %02x %02x", s[0], s[1], s[2]);
		buf_reset(&out);
		if (text_json(&out, s, 2) != oracle_valid(s, 2))
			TEST_FAIL("%02x %02x", s[0], s[1]);
	}
	for (v = 0xf0; v < 0x100; v++) {
		for (i = 0; i < 256; i++) {
			for (j = 0; j < (int)sizeof(edge); j++) {
				for (k = 0; k < (int)sizeof(edge); k++) {
					s[0] = (uint8_t)v;
					s[1] = (uint8_t)i;
					s[2] = edge[j];
					s[3] = edge[k];
					buf_reset(&out);
					if (text_json(&out, s, 4) != oracle_valid(s, 4))
						TEST_FAIL("%02x %02x %02x %02x", s[0], s[1], s[2],
							  s[3]);
				}
			}
		}
	}
}

TEST(every_character)
{
	unsigned int passed = 0, only_escaped_here = 0;
	char expect[32];
	uint32_t cp;
	size_t start, n;
	int width;
	bool ok;

	NEED_UNICODE();
	for (cp = 0x80; cp <= 0x10ffff; cp++) {
		if (cp == 0xd800)
			cp = 0xe000;
		buf_reset(&want);
		buf_char(&want, 'a');
		oracle_encode(&want, cp);
		n = want.len;
		width = oracle_width(cp);
		put(want.data, n);
		passed += out.len == n;
		if (out.len == n) {
			start = n;
			ok = oracle_harmless(cp) && !memcmp(out.data, want.data, n) &&
			     text_width(want.data, n) == (size_t)width + 1;
		} else {
			only_escaped_here += oracle_harmless(cp);
			start = (size_t)sprintf(expect, "a\\u{%04x}", cp);
			ok = out.len == start && !memcmp(out.data, expect, start) &&
			     text_width(want.data, n) == start;
		}
		if (!ok)
			TEST_FAIL("text_put of U+%04X", cp);
		buf_reset(&out);
		ok = text_json(&out, want.data, n);
		if (start == n)
			ok = ok && out.len == n + 2 && !memcmp(out.data + 1, want.data, n);
		else if (cp <= 0xffff)
			ok = ok && out.len == 9 && sprintf(expect, "\"a\\u%04x\"", cp) &&
			     !memcmp(out.data, expect, 9);
		else
			ok = ok && out.len == 15 &&
			     sprintf(expect, "\"a\\u%04x\\u%04x\"", 0xd7c0 + (cp >> 10),
				     0xdc00 | (cp & 0x3ff)) &&
			     !memcmp(out.data, expect, 15);
		if (!ok)
			TEST_FAIL("text_json of U+%04X", cp);
	}
	/* The oracle does not list the rarer format characters; nothing else differs. */
	CHECK(passed > 100000);
	CHECK(only_escaped_here > 0 && only_escaped_here < 100);
}

TEST(letters_pass)
{
	NEED_UNICODE();
	/* the boundaries of each length, as far as there is something to see there */
	CHECK_STR(PUT("\xc2\xa0\xdf\xbf"), "\xc2\xa0\xdf\xbf");
	CHECK_STR(PUT("\xe0\xa0\x80\xed\x9f\xbb"), "\xe0\xa0\x80\xed\x9f\xbb");
	CHECK_STR(PUT("\xef\xbf\xbd\xf0\x90\x80\x80"), "\xef\xbf\xbd\xf0\x90\x80\x80");
	CHECK_STR(PUT("\xf4\x8f\xbf\xbf"), "\\u{10ffff}");
	CHECK_STR(JSON("\xf4\x8f\xbf\xbf"), "\"\\udbff\\udfff\"");
	CHECK_STR(PUT("na\xc3\xafve \xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd \xd7\x90"),
		  "na\xc3\xafve \xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd \xd7\x90");
}

TEST(what_moves_or_hides_text_is_escaped)
{
	/* clang-format off */
	static const uint32_t bad[] = {
		0x61c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e,	/* bidi */
		0x2066, 0x2067, 0x2068, 0x2069,
		0x2028, 0x2029,							/* lines */
		0xad, 0x34f, 0x200b, 0x200c, 0x200d, 0x2060, 0x2061, 0x2064, 0x206a, 0x206f,
		0xfeff, 0xfff9, 0xfffa, 0xfffb, 0x180e, 0x115f, 0x1160, 0x3164, 0xffa0,
		0x600, 0x605, 0x6dd, 0x70f, 0x110bd, 0x1d173, 0x1d17a, 0x1bca0, 0x17b4,
		0xe0001, 0xe0020, 0xe0041, 0xe007f,				/* tags */
		0xfe00, 0xfe0f, 0x180b, 0xe0100, 0xe01ef,			/* variation */
		0xe000, 0xf8ff, 0xf0000, 0xffffd, 0x100000, 0x10fffd,		/* private */
		0xfdd0, 0xfdef, 0xfffe, 0xffff, 0x1fffe, 0x10ffff,		/* no characters */
		0x2026,								/* means cut */
	};
	/* clang-format on */
	char s[8] = "x", expect[16];
	size_t i;

	NEED_UNICODE();
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		buf_reset(&want);
		oracle_encode(&want, bad[i]);
		memcpy(s + 1, want.data, want.len);
		CHECK_BYTES(put(s, 1 + want.len), expect,
			    (size_t)sprintf(expect, "x\\u{%04x}", bad[i]));
	}
	/* Whether a character is assigned is for libc to say; musl does not. */
	if (oracle_width(0x378) < 0)
		CHECK_STR(PUT("\xcd\xb8"), "\\u{0378}");
}

/* ---- widths ---- */

TEST(widths)
{
	NEED_UNICODE();
	CHECK_INT(WIDTH(""), 0);
	CHECK_INT(WIDTH("abc"), 3);
	CHECK_INT(WIDTH("a\tb"), 6);
	CHECK_INT(WIDTH("\xc3\xa9"), 1);
	CHECK_INT(WIDTH("e\xcc\x81"), 1);
	CHECK_INT(WIDTH("\xe4\xb8\xad\xe6\x96\x87"), 4);	     /* CJK */
	CHECK_INT(WIDTH("\xed\x95\x9c"), 2);			     /* Hangul */
	CHECK_INT(WIDTH("\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab"), 2); /* the same, from its parts */
	CHECK_INT(WIDTH("\xef\xbd\x86"), 2);			     /* fullwidth f */
	CHECK_INT(WIDTH("\xef\xbd\xb1"), 1);			     /* halfwidth kana */
	CHECK_INT(WIDTH("\xf0\x9f\x98\x80"), 2);		     /* emoji */
	CHECK_INT(WIDTH("\xe2\x80\x8b"), 8);			     /* \u{200b} */
	CHECK_INT(WIDTH("\xf3\xa0\x81\x81"), 9);		     /* \u{e0041} */
	CHECK_INT(WIDTH("\xf4\x80\x80\x80"), 10);		     /* \u{100000} */
	CHECK_INT(WIDTH("\xff\xfe"), 8);
}

#define MARK	 "\xcc\x81"
#define MARK_ESC "\\u{0301}"

TEST(combining_marks)
{
	NEED_UNICODE();
	CHECK_STR(PUT("e" MARK "x"), "e" MARK "x");
	CHECK_STR(PUT(MARK "x"), MARK_ESC "x");
	CHECK_STR(PUT(MARK MARK), MARK_ESC MARK_ESC);
	CHECK_STR(PUT("\n" MARK "x" MARK), "\\x0a" MARK_ESC "x" MARK);
	CHECK_STR(PUT("a\xff" MARK), "a\\xff" MARK_ESC);
	CHECK_STR(PUT("\xe4\xb8\xad" MARK), "\xe4\xb8\xad" MARK);
	CHECK_STR(PUT("e" MARK MARK MARK MARK MARK MARK MARK MARK),
		  "e" MARK MARK MARK MARK MARK MARK MARK MARK);
	CHECK_STR(PUT("e" MARK MARK MARK MARK MARK MARK MARK MARK MARK MARK "e" MARK),
		  "e" MARK MARK MARK MARK MARK MARK MARK MARK MARK_ESC MARK_ESC "e" MARK);
	CHECK_STR(JSON(MARK "e" MARK), "\"\\u0301e" MARK "\"");
	CHECK_STR(ARG(MARK), "$'\\xcc\\x81'");
	CHECK_STR(ARG("e" MARK), "'e" MARK "'");
	CHECK_STR(ARG("!" MARK "\n"), "$'\\x21\\xcc\\x81\\x0a'");
	CHECK_STR(CSV(MARK ",e" MARK), "\"" MARK_ESC ",e" MARK "\"");
}

/* ---- cut to a width ---- */

static void check_max(int line, const char *s, size_t columns, const char *expect, bool expect_cut)
{
	size_t cols, width;
	bool cut = !expect_cut;

	buf_reset(&out);
	cols = text_put_max(&out, s, strlen(s), columns, &cut);
	test_bytes(__FILE__, line, &out, expect, strlen(expect));
	CHECK_INT(cut, expect_cut);
	CHECK_INT(text_put_max(&out, s, strlen(s), columns, NULL), cols);
	CHECK(cols <= columns);
	if (!cut) {
		width = text_width(s, strlen(s));
		CHECK_INT(cols, width);
	}
}

#define DOTS			"\xe2\x80\xa6"
#define MAX(s, columns, expect) check_max(__LINE__, s, columns, expect, false)
#define CUT(s, columns, expect) check_max(__LINE__, s, columns, expect, true)

TEST(cut_at_each_width)
{
	NEED_UNICODE();
	MAX("", 0, "");
	MAX("", 5, "");
	CUT("abc", 0, "");
	CUT("abc", 1, DOTS);
	CUT("abc", 2, "a" DOTS);
	MAX("abc", 3, "abc");
	MAX("abc", 4, "abc");
	MAX("abc", SIZE_MAX, "abc");
	CUT("a long enough text", 17, "a long enough te" DOTS);
	MAX("a long enough text", 18, "a long enough text");

	/* an escape is whole or not there */
	CUT("a\x1bz", 1, DOTS);
	CUT("a\x1bz", 2, "a" DOTS);
	CUT("a\x1bz", 3, "a" DOTS);
	CUT("a\x1bz", 4, "a" DOTS);
	CUT("a\x1bz", 5, "a" DOTS);
	MAX("a\x1bz", 6, "a\\x1bz");
	CUT("a\x1bzz", 6, "a\\x1b" DOTS);
	CUT("a\x1b", 4, "a" DOTS);
	MAX("a\x1b", 5, "a\\x1b");
	CUT("\xe2\x80\xae", 7, DOTS);
	MAX("\xe2\x80\xae", 8, "\\u{202e}");
	CUT("\xe2\x80\xae\xff", 8, DOTS);
	CUT("\xe2\x80\xae\xff", 9, "\\u{202e}" DOTS);
	CUT("\xf0\x9f", 7, "\\xf0" DOTS);

	/* so is a wide character */
	CUT("\xe4\xb8\xad\xe6\x96\x87", 0, "");
	CUT("\xe4\xb8\xad\xe6\x96\x87", 1, DOTS);
	CUT("\xe4\xb8\xad\xe6\x96\x87", 2, DOTS);
	CUT("\xe4\xb8\xad\xe6\x96\x87", 3, "\xe4\xb8\xad" DOTS);
	MAX("\xe4\xb8\xad\xe6\x96\x87", 4, "\xe4\xb8\xad\xe6\x96\x87");
	CUT("a\xe4\xb8\xad\xe6\x96\x87", 4, "a\xe4\xb8\xad" DOTS);
	CUT("\xe4\xb8\xad"
	    "bc",
	    3, "\xe4\xb8\xad" DOTS);

	/* and marks stay with their character */
	MAX("e" MARK, 1, "e" MARK);
	MAX("e" MARK "e" MARK, 2, "e" MARK "e" MARK);
	CUT("e" MARK "e" MARK, 1, DOTS);
	CUT("e" MARK "e" MARK "e" MARK, 2, "e" MARK DOTS);
	CUT("abe" MARK "d", 3, "ab" DOTS);
	CUT("abe" MARK "def", 4, "abe" MARK DOTS);
	MAX("abe" MARK, 3, "abe" MARK);
}

TEST(cut_keeps_what_was_there)
{
	bool cut;

	buf_reset(&out);
	buf_str(&out, "before");
	text_put_max(&out, "abc", 3, 0, &cut);
	CHECK_STR(&out, "before");
	text_put_max(&out, "abc", 3, 1, &cut);
	CHECK_STR(&out, "before" DOTS);
	CHECK(cut);
}

/* ---- shell words ---- */

TEST(words)
{
	NEED_UNICODE();
	CHECK_STR(ARG("ls"), "ls");
	CHECK_STR(ARG("-la"), "-la");
	CHECK_STR(ARG("/usr/bin/x_y@z%+:,.-0=9"), "/usr/bin/x_y@z%+:,.-0=9");
	CHECK_STR(arg(NULL, 0), "''");
	CHECK_STR(ARG("a b"), "'a b'");
	CHECK_STR(ARG("~"), "'~'");
	CHECK_STR(ARG("~root/x"), "'~root/x'");
	CHECK_STR(ARG("=ls"), "'=ls'");
	CHECK_STR(ARG("$HOME `id` !x"), "'$HOME `id` !x'");
	CHECK_STR(ARG("\"q\""), "'\"q\"'");
	CHECK_STR(ARG("it's"), "$'it\\'s'");
	CHECK_STR(ARG("a\\b"), "$'a\\\\b'");
	CHECK_STR(ARG("it's !x"), "$'it\\'s \\x21x'");
	CHECK_STR(ARG("\x1b[0m"), "$'\\x1b[0m'");
	CHECK_STR(ARG("\n"
		      "1"),
		  "$'\\x0a1'");
	CHECK_STR(ARG("\xc3\xa9"), "'\xc3\xa9'");
	CHECK_STR(ARG("\xc3\xa9\xff"), "$'\xc3\xa9\\xff'");
	CHECK_STR(ARG("\xe2\x80\xae"), "$'\\xe2\\x80\\xae'");
	CHECK_STR(ARG("a\0b"), "$'a\\x00b'");
	CHECK_STR(ARG("if=/dev/zero"), "if=/dev/zero");
	CHECK_STR(ARG("time"), "time");
	CHECK_STR(ARG0("ls"), "ls");
	CHECK_STR(ARG0("/bin/ls"), "/bin/ls");
	CHECK_STR(ARG0("if=/dev/zero"), "'if=/dev/zero'");
	CHECK_STR(ARG0("A+=b"), "'A+=b'");
	CHECK_STR(ARG0("time"), "'time'");
	CHECK_STR(ARG0("timex"), "timex");
	CHECK_STR(ARG0("tim"), "tim");
	CHECK_STR(ARG0("!"), "'!'");
	CHECK_STR(ARG0("a'"), "$'a\\''");
}

static struct buf words_script, words_want;

static void word_add(const void *s, size_t n)
{
	static unsigned int count;

	if (!words_script.len)
		count = 0;
	if (count++ % 500 == 0)
		buf_str(&words_script, "\nprintf '%s\\0'");
	buf_char(&words_script, ' ');
	text_put_arg(&words_script, s, n);
	buf_add(&words_want, s, n);
	buf_char(&words_want, 0);
}

/* What bash understands, in two locales, and interactively (with history expansion). */
TEST(bash_reads_the_same_bytes)
{
	static const char *const shells[][8] = {
		{ "env", "LC_ALL=C", "bash", "--norc", "--noprofile", NULL },
		{ "env", "LC_ALL=C.UTF-8", "bash", "--norc", "--noprofile", NULL },
		{ "sh", "-c",
		  "exec env HISTFILE= LC_ALL=C.UTF-8 bash --norc --noprofile +o emacs -i -H"
		  " 2>/dev/null",
		  NULL },
	};
	static const uint8_t nasty[] =
		" '\"\\$`!~=*?[]{}()<>|&;#^\n\t\r\x01\x1b\x7f\x80\xc2\xe2\xff"
		"09afAFxunx-,_:%@.+/";
	uint8_t s[4];
	size_t i, j, k;
	int c;

	if (!have("bash"))
		SKIP("no bash");
	text_init();
	buf_reset(&words_script);
	buf_reset(&words_want);
	word_add("", 0);
	for (c = 1; c < 256; c++) {
		s[0] = (uint8_t)c;
		word_add(s, 1);
	}
	for (i = 0; i < sizeof(nasty) - 1; i++) {
		for (j = 0; j < sizeof(nasty) - 1; j++) {
			s[0] = nasty[i];
			s[1] = nasty[j];
			word_add(s, 2);
		}
	}
	for (c = 1; c < 256; c++) { /* escapes with a hex digit behind */
		s[0] = (uint8_t)c;
		s[1] = 'a';
		s[2] = '1';
		word_add(s, 3);
	}
	random_state = 42;
	for (i = 0; i < 5000; i++) {
		buf_reset(&want);
		random_text(&want, 1 + random_below(12), false);
		word_add(want.data, want.len);
	}
	buf_reset(&want);
	for (i = 0; i < 3000; i++)
		random_text(&want, 1, false);
	word_add(want.data, want.len);
	buf_char(&words_script, '\n');

	for (k = 0; k < sizeof(shells) / sizeof(shells[0]); k++) {
		buf_reset(&out);
		CHECK_INT(run(shells[k], &words_script, &out), 0);
		CHECK_INT(out.len, words_want.len);
		for (i = 0; i < out.len && i < words_want.len; i++)
			if (out.data[i] != words_want.data[i])
				break;
		if (i < words_want.len) {
			TEST_FAIL("shell %zu differs at byte %zu", k, i);
			test_quote("got ", out.data + i, out.len - i);
			test_quote("want", words_want.data + i, words_want.len - i);
		}
	}
}

/* The first word is always the command, whatever it looks like. */
TEST(bash_runs_the_first_word)
{
	static const char *const shell[] = { "bash", "--norc", "--noprofile", NULL };
	/* clang-format off */
	static const char *const first[] = {
		"if", "then", "else", "elif", "fi", "case", "esac", "for", "select", "while",
		"until",
		"do", "done", "in", "function", "time", "coproc", "{", "}", "!", "[[", "]]",
		"A=b", "A+=b",
		"_a1=", "A[0]=b", "A", "=x", "~", "#", "a b", "a'b", "a\nb", "\xc3\xa9", "\xff",
		"-x",
		"1=2", "a-b=c",
	};
	/* clang-format on */
	size_t i;

	if (!have("bash"))
		SKIP("no bash");
	text_init();
	buf_reset(&words_script);
	buf_reset(&words_want);
	buf_str(&words_script, "PATH=/nonexistent\n"
			       "command_not_found_handle() { printf '%s\\0' \"$@\"; }\n");
	for (i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		text_put_arg0(&words_script, first[i], strlen(first[i]));
		buf_str(&words_script, " ");
		text_put_arg(&words_script, first[i], strlen(first[i]));
		buf_str(&words_script, "\n");
		buf_add(&words_want, first[i], strlen(first[i]) + 1);
		buf_add(&words_want, first[i], strlen(first[i]) + 1);
	}
	buf_reset(&out);
	run(shell, &words_script, &out);
	CHECK_BYTES(&out, words_want.data, words_want.len);
}

/* ---- JSON, CSV and the table's form, as others read them ---- */

static const char python_check[] =
	"import sys, json, csv, io, re, unicodedata\n"
	"bad = 0\n"
	"def fail(*what):\n"
	"    global bad\n"
	"    bad += 1\n"
	"    if bad < 10:\n"
	"        print('#  ', *map(ascii, what))\n"
	"def harmless(s):\n"
	"    for c in s:\n"
	"        if unicodedata.category(c) in ('Cc', 'Cf', 'Zl', 'Zp', 'Co', 'Cs'):\n"
	"            fail('not harmless', s, c)\n"
	"def unescape(s):\n"
	"    def one(m):\n"
	"        if m.group(1):\n"
	"            return bytes([int(m.group(1), 16)])\n"
	"        if m.group(2):\n"
	"            return chr(int(m.group(2), 16)).encode()\n"
	"        return m.group(0)\n"
	"    return re.sub(rb'\\\\x([0-9a-f]{2})|\\\\u\\{([0-9a-f]{4,6})\\}', one, s.encode())\n"
	"def strict(s):\n"
	"    try:\n"
	"        return s.decode(), True\n"
	"    except UnicodeDecodeError:\n"
	"        return s.decode(errors='replace'), False\n"
	"lines = sys.stdin.buffer.read().decode('utf-8', 'strict').split('\\n')\n"
	"if lines.pop():\n"
	"    fail('no newline at the end')\n"
	"count = 0\n"
	"for line in lines:\n"
	"    harmless(line)\n"
	"    doc, field = line.split(' <> ', 1)\n"
	"    doc = json.loads(doc, strict=True)\n"
	"    want = bytes.fromhex(doc['hex'])\n"
	"    text, valid = strict(want)\n"
	"    if doc['text'] != text:\n"
	"        fail('json', doc['text'], text)\n"
	"    if doc['valid'] != valid:\n"
	"        fail('valid', doc['valid'], want)\n"
	"    row = io.StringIO('a,' + field + ',b\\r\\n', newline='')\n"
	"    rows = list(csv.reader(row, strict=True))\n"
	"    if len(rows) != 1 or len(rows[0]) != 3 or rows[0][0] != 'a' or rows[0][2] != 'b':\n"
	"        fail('csv rows', rows)\n"
	"    elif unescape(rows[0][1]) != want:\n"
	"        fail('csv', rows[0][1], want)\n"
	"    count += 1\n"
	"print(count, bad)\n";

TEST(python_reads_the_same_text)
{
	static const char *const argv[] = {
		"python3", "-I", "-X", "utf8", "-c", python_check, NULL
	};
	static struct buf doc, text;
	static const char hex_key[] = "{\"hex\":\"";
	size_t i, end;
	bool valid;

	if (!have("python3"))
		SKIP("no python3");
	text_init();
	buf_reset(&doc);
	random_state = 7;
	for (i = 0; i < 8000; i++) {
		buf_reset(&text);
		if (i % 4 == 0) {
			for (end = random_below(20); end; end--)
				buf_char(&text, (char)random_below(256));
		} else if (i % 4 == 1) { /* close to well-formed */
			for (end = random_below(20); end; end--)
				buf_char(&text, (char)(0x80 + random_below(128)));
		} else {
			random_text(&text, random_below(12), true);
		}
		buf_str(&doc, hex_key);
		text_hex(&doc, text.data, text.len);
		buf_str(&doc, "\",\"text\":");
		valid = text_json(&doc, text.data, text.len);
		buf_printf(&doc, ",\"valid\":%s} <> ", valid ? "true" : "false");
		text_csv(&doc, text.data, text.len);
		buf_char(&doc, '\n');
	}
	buf_reset(&out);
	CHECK_INT(run(argv, &doc, &out), 0);
	CHECK_STR(&out, "8000 0\n");
	buf_done(&doc);
	buf_done(&text);
}

/* jq decodes for itself too; it gets the characters by number beside the string. */
TEST(jq_reads_the_same_characters)
{
	static const char *const argv[] = {
		"jq", "-n", "-c",
		"reduce inputs as $d ([0, 0]; .[0] += 1 |"
		" if ($d.text | explode) == $d.codes then . else .[1] += 1 end)",
		NULL
	};
	static struct buf doc, text, codes;
	uint32_t cp, n;
	size_t i;

	if (!have("jq"))
		SKIP("no jq");
	text_init();
	buf_reset(&doc);
	random_state = 9;
	for (i = 0; i < 3000; i++) {
		buf_reset(&text);
		buf_reset(&codes);
		for (n = random_below(12); n; n--) {
			cp = random_below(3) ? random_below(0x100) : random_below(0x110000);
			if (cp >= 0xd800 && cp < 0xe000)
				cp = 0x202e;
			oracle_encode(&text, cp);
			buf_printf(&codes, "%s%u", codes.len ? "," : "", cp);
		}
		buf_str(&doc, "{\"text\":");
		CHECK(text_json(&doc, text.data, text.len));
		buf_str(&doc, ",\"codes\":[");
		buf_add(&doc, codes.data, codes.len);
		buf_str(&doc, "]}\n");
	}
	buf_reset(&out);
	CHECK_INT(run(argv, &doc, &out), 0);
	CHECK_STR(&out, "[3000,0]\n");
	buf_done(&doc);
	buf_done(&text);
	buf_done(&codes);
}

TEST(json_says_whether_bytes_were_lost)
{
	buf_reset(&out);
	CHECK(text_json(&out, "", 0));
	CHECK(text_json(&out, "a\0\x1b\x7f", 4));
	CHECK(text_json(&out, "\xef\xbf\xbd", 3)); /* U+FFFD itself is well-formed */
	CHECK(!text_json(&out, "\xff", 1));
	CHECK(!text_json(&out, "ok ok ok \xc3", 10));
	CHECK(!text_json(&out, "\xc3 ok ok ok", 10));
	CHECK_STR(JSON("a\0b\n\"\\/"), "\"a\\u0000b\\u000a\\\"\\\\/\"");
	CHECK_STR(JSON("\xe2\x80\xae\xc2\x85\xf3\xa0\x81\x81"), "\"\\u202e\\u0085\\udb40\\udc41\"");
}

TEST(hex)
{
	uint8_t all[256];
	int i;

	for (i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	buf_reset(&out);
	text_hex(&out, NULL, 0);
	CHECK_STR(&out, "");
	text_hex(&out, "\x00\x0f\xf0\xff\x9a", 5);
	CHECK_STR(&out, "000ff0ff9a");
	buf_reset(&out);
	text_hex(&out, all, 256);
	CHECK_INT(out.len, 512);
	for (i = 0; i < 256; i++)
		CHECK(hex_value(out.data[2 * i]) * 16 + hex_value(out.data[2 * i + 1]) == i);
}

TEST(csv_fields)
{
	CHECK_STR(CSV("plain text"), "plain text");
	CHECK_STR(csv(NULL, 0), "\"\"");
	CHECK_STR(CSV("a,b"), "\"a,b\"");
	CHECK_STR(CSV("say \"x\""), "\"say \"\"x\"\"\"");
	CHECK_STR(CSV("\""), "\"\"\"\"");
	CHECK_STR(CSV(" a"), "\" a\"");
	CHECK_STR(CSV("a "), "\"a \"");
	CHECK_STR(CSV(" "), "\" \"");
	CHECK_STR(CSV("a\nb\r"), "a\\x0ab\\x0d");
	CHECK_STR(CSV("a\n,b"), "\"a\\x0a,b\"");
	CHECK_STR(CSV("\x1b\xff"), "\\x1b\\xff");
	CHECK_STR(CSV("\xe2\x80\xae"), "\\u{202e}");
	CHECK_STR(CSV("?"), "\"?\"");
	CHECK_STR(CSV("-"), "\"-\"");
	CHECK_STR(CSV("??"), "??");
	CHECK_STR(CSV("-1"), "-1");
}

/* The promises of the fuzz target, on texts nearer to what breaks them. */
TEST(promises_hold_for_random_texts)
{
	const char *err;
	size_t i, columns;

	NEED_UNICODE();
	random_state = 3;
	for (i = 0; i < 20000; i++) {
		buf_reset(&want);
		random_text(&want, random_below(16), true);
		columns = random_below(i % 2 ? 12 : 80);
		err = text_violation((uint8_t *)want.data, want.len, columns);
		if (err) {
			TEST_FAIL("%zu columns: %s", columns, err);
			test_quote("text", want.data, want.len);
		}
	}
}
