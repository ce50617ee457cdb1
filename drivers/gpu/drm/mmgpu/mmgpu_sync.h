/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_SYNC_H_
#define _MMGPU_SYNC_H_

#include <linux/types.h>

struct dma_fence;
struct dma_fence_chain;
struct dma_resv;
struct drm_device;
struct drm_file;
struct drm_mmgpu_sync;
struct drm_syncobj;

/**
 * struct mmgpu_deps - the fences that a job waits for, before they are merged
 */
struct mmgpu_deps {
	/** @fences: the fences, with references */
	struct dma_fence **fences;

	/** @count: number of @fences */
	u32 count;

	/** @space: number that @fences has space for */
	u32 space;
};

/**
 * struct mmgpu_out_sync - a syncobj that a job signals
 */
struct mmgpu_out_sync {
	/** @syncobj: with a reference */
	struct drm_syncobj *syncobj;

	/** @chain: what a timeline needs to take a fence, NULL for a binary syncobj */
	struct dma_fence_chain *chain;

	/** @point: point on the timeline */
	u64 point;
};

bool mmgpu_sync_valid(const struct drm_mmgpu_sync *sync);
bool mmgpu_sync_offered(struct drm_device *drm, const struct drm_mmgpu_sync *sync);

int mmgpu_deps_add_sync(struct mmgpu_deps *deps, struct drm_file *file,
			const struct drm_mmgpu_sync *sync);
int mmgpu_deps_add_resv(struct mmgpu_deps *deps, struct dma_resv *resv, bool write,
			u64 own_context);
int mmgpu_deps_merge(const struct mmgpu_deps *deps, struct dma_fence **fence);
void mmgpu_deps_fini(struct mmgpu_deps *deps);

int mmgpu_out_sync_init(struct mmgpu_out_sync *out, struct drm_file *file,
			const struct drm_mmgpu_sync *sync);
void mmgpu_out_sync_signal(struct mmgpu_out_sync *out, struct dma_fence *fence);
void mmgpu_out_sync_fini(struct mmgpu_out_sync *out);

#endif /* _MMGPU_SYNC_H_ */
