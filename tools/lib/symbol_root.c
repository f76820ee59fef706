/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Not where <sys/stat.h> is: that of musl has another struct statx, or none, without the mount. */
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/symbol_root.h"

int root_id(int fd, uint64_t *mount, uint64_t *inode)
{
	struct statx st;

	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &st))
		return -errno;
	*mount = st.stx_mnt_id;
	*inode = st.stx_ino;
	return 0;
}
