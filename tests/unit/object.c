/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Objects as gzip packs them. */
#include <stdlib.h>
#include <zlib.h>

#include "lib/object.h"
#include "lib/util.h"
#include "test.h"

static unsigned char object[100000], packed[sizeof(object)];
static size_t packed_len;

static void pack(size_t len)
{
	z_stream z = {
		.next_in = object, .avail_in = len, .next_out = packed, .avail_out = sizeof(packed)
	};

	for (size_t i = 0; i < len; i++)
		object[i] = i * i / 7;
	CHECK(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY) == Z_OK);
	CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
	deflateEnd(&z);
	packed_len = z.total_out;
}

static bool unpacks(size_t len)
{
	size_t size = 1;
	_cleanup_free_ unsigned char *copy = memcpy(malloc(len), packed, len);
	_cleanup_free_ unsigned char *got = object_unpack(copy, len, &size);

	CHECK(!got == !size);
	return got && !memcmp(got, object, size);
}

TEST(whole)
{
	pack(sizeof(object));
	CHECK(packed_len < sizeof(object) / 2);
	CHECK(unpacks(packed_len));
	pack(1);
	CHECK(unpacks(packed_len));
}

TEST(not_whole)
{
	pack(1000);
	for (size_t len = 1; len < packed_len; len++)
		CHECK(!unpacks(len));
	/* The first byte, the check sum, the length. */
	for (size_t i = 0; i < 3; i++) {
		size_t at = i ? packed_len - 8 / i : 0;

		packed[at]++;
		CHECK(!unpacks(packed_len));
		packed[at]--;
	}
	CHECK(unpacks(packed_len));
}
