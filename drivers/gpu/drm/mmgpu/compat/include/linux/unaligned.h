/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _MMGPU_COMPAT_LINUX_UNALIGNED_H_
#define _MMGPU_COMPAT_LINUX_UNALIGNED_H_

/* Can go with 6.1. */
#ifdef HAVE_LINUX_UNALIGNED
#include_next <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#endif
