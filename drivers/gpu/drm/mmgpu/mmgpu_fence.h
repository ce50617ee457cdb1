/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_FENCE_H_
#define _MMGPU_FENCE_H_

#include <linux/types.h>

struct dma_fence;

struct dma_fence *mmgpu_fence_alloc(void);
void mmgpu_fence_free(struct dma_fence *fence);
void mmgpu_fence_init_job(struct dma_fence *fence, u64 context, u64 seqno);
void mmgpu_fence_init_ready(struct dma_fence *fence);

#endif /* _MMGPU_FENCE_H_ */
