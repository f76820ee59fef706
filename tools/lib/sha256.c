/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <endian.h>
#include <string.h>

#include "lib/sha256.h"

static uint32_t rotate(uint32_t v, unsigned int n)
{
	return v >> n | v << (32 - n);
}

/* The first 32 bits of the fractional part of a prime's root, in integers alone: floor(root * 2^32)
 * is the largest x whose power does not exceed the prime's, so shifted. */
static uint32_t root_fraction(unsigned int prime, unsigned int power)
{
	unsigned __int128 low = 0, high = (unsigned __int128)1 << 37;

	while (high - low > 1) {
		unsigned __int128 x = (low + high) / 2;
		/* x^2 <= p 2^64; or x^3 <= p 2^96, as x^2 <= (p 2^96) / x */
		unsigned __int128 most = power == 2 ? (unsigned __int128)prime << 64 :
						      ((unsigned __int128)prime << 96) / x;

		if (x * x <= most)
			low = x;
		else
			high = x;
	}
	return (uint32_t)low;
}

static void block(uint32_t state[8], const uint32_t k[64], const uint8_t *p)
{
	uint32_t w[64], s[8];

	for (size_t i = 0; i < 16; i++) {
		memcpy(&w[i], p + 4 * i, 4);
		w[i] = be32toh(w[i]);
	}
	for (size_t i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];

		w[i] = w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] +
		       (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
	}
	memcpy(s, state, sizeof(s));
	for (size_t i = 0; i < 64; i++) {
		uint32_t a = s[0], e = s[4];
		uint32_t t1 = s[7] + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
			      ((e & s[5]) ^ (~e & s[6])) + k[i] + w[i];
		uint32_t t2 = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) +
			      ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));

		memmove(s + 1, s, 7 * sizeof(*s));
		s[4] += t1;
		s[0] = t1 + t2;
	}
	for (size_t i = 0; i < 8; i++)
		state[i] += s[i];
}

void sha256(const void *data, size_t n, uint8_t ret[32])
{
	uint8_t tail[128] = {};
	const uint8_t *p = data;
	uint64_t bits = htobe64(n * 8);
	uint32_t state[8], k[64];
	size_t primes = 0, rest;

	for (unsigned int v = 2; primes < 64; v++) {
		unsigned int d = 2;

		while (v % d)
			d++;
		if (d < v)
			continue;
		if (primes < 8)
			state[primes] = root_fraction(v, 2);
		k[primes++] = root_fraction(v, 3);
	}
	for (rest = n; rest >= 64; rest -= 64, p += 64)
		block(state, k, p);
	memcpy(tail, p, rest);
	tail[rest] = 0x80;
	memcpy(tail + (rest < 56 ? 56 : 120), &bits, 8);
	block(state, k, tail);
	if (rest >= 56)
		block(state, k, tail + 64);
	for (size_t i = 0; i < 8; i++) {
		state[i] = htobe32(state[i]);
		memcpy(ret + 4 * i, &state[i], 4);
	}
}
