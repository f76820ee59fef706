/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CORELETS_SHA256_H
#define CORELETS_SHA256_H

#include <stddef.h>
#include <stdint.h>

/* SHA-256 (FIPS 180-4) of n bytes. */
void sha256(const void *data, size_t n, uint8_t ret[32]);

#endif
