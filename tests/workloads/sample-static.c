/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
// build: -O1 -fno-omit-frame-pointer -fno-optimize-sibling-calls -static
/* sample-work, linked statically. */
#include "sample-work.c"
