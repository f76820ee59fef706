/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CORELETS_ERROR_H
#define CORELETS_ERROR_H

/* The name of an error number, as errno(3) has it ("ENOENT"); NULL if it has none. */
const char *error_name(int error);

#endif
