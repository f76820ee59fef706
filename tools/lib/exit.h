/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Exit statuses of the tools, and of corelets(8). */
#ifndef CORELETS_EXIT_H
#define CORELETS_EXIT_H

enum { EXIT_FINE, EXIT_FAILED, EXIT_USAGE, EXIT_LACKING };

#endif
