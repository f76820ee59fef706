/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/profile_model.h"
#include "lib/text.h"
#include "lib/util.h"

#define SIZE_LIMIT (1ul << 30) /* of a file, and of what is in it */
#define CHUNK	   (64u << 10)

static int too_large(char why[256])
{
	snprintf(why, 256, "larger than 1 GiB");
	return -EFBIG;
}

static int load(const char *path, struct buf *b, char why[256])
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = 1;
	int err;

	while (fd >= 0 && n) {
		char *room = buf_room(b, CHUNK);

		if (!room)
			return -ENOMEM;
		n = read(fd, room, CHUNK);
		if (n < 0 && errno != EINTR)
			break;
		b->len += n > 0 ? n : 0;
		if (b->len > SIZE_LIMIT)
			return too_large(why);
	}
	if (fd >= 0 && !n)
		return 0;
	err = -errno;
	snprintf(why, 256, "%s", strerror(-err));
	return err;
}

/* As gzip(1) does: one member after the other, and zeros behind them are no matter. */
static int gunzip(const struct buf *in, struct buf *out, char why[256])
{
	z_stream z = { .next_in = (void *)in->data, .avail_in = in->len };
	int err = inflateInit2(&z, 16 + MAX_WBITS) == Z_OK ? 0 : -ENOMEM, state = Z_OK;

	if (err)
		return err;
	while (!err) {
		z.next_out = (void *)buf_room(out, CHUNK);
		z.avail_out = CHUNK;
		if (!z.next_out) {
			err = -ENOMEM;
			break;
		}
		state = inflate(&z, Z_NO_FLUSH);
		out->len += CHUNK - z.avail_out;
		if (out->len > SIZE_LIMIT)
			err = too_large(why);
		else if (state == Z_STREAM_END && (!z.avail_in || !*z.next_in))
			break;
		else if (state == Z_STREAM_END)
			inflateReset(&z);
		else if (state == Z_MEM_ERROR)
			err = -ENOMEM;
		else if (state != Z_OK)
			err = -EINVAL;
	}
	inflateEnd(&z);
	if (err == -EINVAL)
		snprintf(why, 256, "the compressed data are damaged, or end too early");
	return err;
}

/* The first string of a pprof file is the empty one, whose length is a NUL; folded stacks have
 * none. */
static int parse(struct profile *profile, struct buf *b, char why[256])
{
	size_t size = b->len;

	buf_char(b, '\0');
	if (b->failed)
		return -ENOMEM;
	return memchr(b->data, '\0', size) ? pprof_parse(profile, b->data, size, why) :
					     folded_parse(profile, b->data, size, why);
}

static void done(struct buf *b)
{
	buf_done(b);
}

int profile_read(const char *path, struct profile **ret, char why[256])
{
	__attribute__((cleanup(done))) struct buf raw = {}, plain = {}, name = {};
	char what[256] = "out of memory";
	struct profile *profile = NULL;
	int err;

	err = load(path, &raw, what);
	if (!err && raw.len >= 2 && !memcmp(raw.data, "\x1f\x8b", 2)) {
		err = gunzip(&raw, &plain, what);
		buf_done(&raw);
	} else {
		plain = raw;
		raw = (struct buf){};
	}
	if (!err)
		err = profile_new(&profile);
	if (!err)
		err = parse(profile, &plain, what);
	if (!err && (!profile->title || !*profile->title)) {
		struct profile_about about = profile->about;

		about.title = path_base(path);
		err = profile_set_about(profile, &about);
	}
	if (!err) {
		*ret = profile;
		return 0;
	}
	profile_free(profile);
	text_put_max(&name, path, strlen(path), 100, NULL);
	buf_char(&name, '\0');
	snprintf(why, 256, "%.150s: %.100s", name.failed ? "" : name.data, what);
	return err;
}
