/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _MMGPU_COMPAT_LINUX_FS_H_
#define _MMGPU_COMPAT_LINUX_FS_H_

#include_next <linux/fs.h>

/*
 * Before 6.12 DRM core set the mode bit itself, and this member, which says what extra
 * flags of mmap() are supported, takes the zero: none. Can go with 6.1.
 */
#ifndef HAVE_FOP_UNSIGNED_OFFSET
#define fop_flags		mmap_supported_flags
#define FOP_UNSIGNED_OFFSET	0
#endif

#endif
