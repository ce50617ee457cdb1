/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _MMGPU_COMPAT_LINUX_SLAB_H_
#define _MMGPU_COMPAT_LINUX_SLAB_H_

#include_next <linux/slab.h>

/* The driver always names the flags. Can go with 6.1. */
#ifndef kzalloc_obj
#define kzalloc_obj(obj, gfp)	((typeof(obj) *)kzalloc(sizeof(obj), gfp))
#endif

#endif
