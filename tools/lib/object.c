/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdlib.h>
#include <zlib.h>
#include "lib/object.h"
#include "lib/util.h"

#define DEFLATE_MOST 1032 /* bytes that one becomes: zlib_tech.html, "Maximum Compression Factor" */

void *object_unpack(const unsigned char *packed, size_t len, size_t *size)
{
	_cleanup_free_ unsigned char *object = NULL;
	z_stream z = { .next_in = (unsigned char *)packed, .avail_in = len };
	const unsigned char *tail;

	*size = 0;
	if (len < 18)
		return NULL;
	tail = packed + len - 4; /* RFC 1952: how long it is unpacked */
	z.avail_out = tail[0] | tail[1] << 8 | tail[2] << 16 | (unsigned int)tail[3] << 24;
	if (z.avail_out / DEFLATE_MOST > len)
		return NULL;
	object = z.next_out = malloc(z.avail_out);
	if (!object || inflateInit2(&z, 16 + MAX_WBITS))
		return NULL;
	if (inflate(&z, Z_FINISH) == Z_STREAM_END && !z.avail_out)
		*size = z.total_out;
	inflateEnd(&z);
	return *size ? take_ptr(object) : NULL;
}
