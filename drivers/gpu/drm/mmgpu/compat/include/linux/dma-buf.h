/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _MMGPU_COMPAT_LINUX_DMA_BUF_H_
#define _MMGPU_COMPAT_LINUX_DMA_BUF_H_

#include_next <linux/dma-buf.h>

/* Nobody but the exporter locked anything. Can go with 6.1. */
#ifndef HAVE_DMA_BUF_VMAP_UNLOCKED
#define dma_buf_vmap_unlocked	dma_buf_vmap
#define dma_buf_vunmap_unlocked	dma_buf_vunmap
#endif

#endif
