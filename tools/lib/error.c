/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Of the C libraries, glibc alone knows the names (strerrorname_np).  Here they are of the kernel's
 * headers, which have each number once. */
#include <stddef.h>

#include "lib/error.h"
#include "lib/util.h"

static const char *const names[] = {
#include "errors.h"
};

const char *error_name(int error)
{
	return error > 0 && (size_t)error < ARRAY_SIZE(names) ? names[error] : NULL;
}
