/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_SYNC_H_
#define _MMGPU_SYNC_H_

#include <linux/atomic.h>
#include <linux/dma-fence.h>
#include <linux/types.h>

struct dma_fence_chain;
struct dma_resv;
struct drm_device;
struct drm_file;
struct drm_mmgpu_sync;
struct drm_sched_job;
struct drm_syncobj;

/**
 * struct mmgpu_dep - a fence that a job waits for
 */
struct mmgpu_dep {
	/** @fence: the fence, with a reference */
	struct dma_fence *fence;

	/** @cb: tells @deps when it signals */
	struct dma_fence_cb cb;

	/** @deps: the list that this is in, once it waits */
	struct mmgpu_deps *deps;
};

/**
 * struct mmgpu_deps - all that a job waits for
 */
struct mmgpu_deps {
	/** @list: the fences */
	struct mmgpu_dep *list;

	/** @count: number of fences */
	u32 count;

	/** @space: number that @list has space for */
	u32 space;

	/** @pending: number that have not signalled, and one until all callbacks are there */
	atomic_t pending;

	/** @ready: signals when all have, or at mmgpu_deps_cancel(); NULL if there are none */
	struct dma_fence *ready;
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
int mmgpu_deps_wait(struct mmgpu_deps *deps, struct drm_sched_job *job);
void mmgpu_deps_cancel(struct mmgpu_deps *deps);
void mmgpu_deps_fini(struct mmgpu_deps *deps);

int mmgpu_out_sync_init(struct mmgpu_out_sync *out, struct drm_file *file,
			const struct drm_mmgpu_sync *sync);
void mmgpu_out_sync_signal(struct mmgpu_out_sync *out, struct dma_fence *fence);
void mmgpu_out_sync_fini(struct mmgpu_out_sync *out);

#endif /* _MMGPU_SYNC_H_ */
