// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/**
 * DOC: Synchronisation
 *
 * What a job waits for (in-syncs, and the fences of its buffers) is collected in one
 * list and merged into one fence. What it signals is looked up, and allocated, before
 * the point of no return.
 */

#include <linux/dma-fence-chain.h>
#include <linux/dma-fence-unwrap.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_syncobj.h>

#include <drm/mmgpu_drm.h>

#include "mmgpu_sync.h"

/**
 * mmgpu_sync_valid() - Check the members of a sync
 * @sync: from user space
 *
 * Return: whether they are what the uapi header lists.
 */
bool mmgpu_sync_valid(const struct drm_mmgpu_sync *sync)
{
	if (sync->flags & ~MMGPU_SYNC_TIMELINE)
		return false;

	return !(sync->flags & MMGPU_SYNC_TIMELINE) == !sync->point;
}

/**
 * mmgpu_sync_offered() - Ask whether the device offers this kind of syncobj
 * @drm: device
 * @sync: from user space
 *
 * Return: whether it does.
 */
bool mmgpu_sync_offered(struct drm_device *drm, const struct drm_mmgpu_sync *sync)
{
	if (sync->flags & MMGPU_SYNC_TIMELINE)
		return drm_core_check_feature(drm, DRIVER_SYNCOBJ_TIMELINE);

	return drm_core_check_feature(drm, DRIVER_SYNCOBJ);
}

/* Takes over the reference, also when it fails. */
static int mmgpu_deps_add(struct mmgpu_deps *deps, struct dma_fence *fence)
{
	if (deps->count == deps->space) {
		u32 space = max(deps->space * 2, 16u);
		struct dma_fence **fences;

		fences = krealloc_array(deps->fences, space, sizeof(*fences), GFP_KERNEL_ACCOUNT);
		if (!fences) {
			dma_fence_put(fence);
			return -ENOMEM;
		}
		deps->fences = fences;
		deps->space = space;
	}
	deps->fences[deps->count++] = fence;

	return 0;
}

/**
 * mmgpu_deps_add_sync() - Add an in-sync
 * @deps: list
 * @file: file that has the syncobj
 * @sync: what to wait for
 *
 * Return: 0, -ENOENT unknown handle, -EINVAL no fence there, -ENOMEM.
 */
int mmgpu_deps_add_sync(struct mmgpu_deps *deps, struct drm_file *file,
			const struct drm_mmgpu_sync *sync)
{
	struct dma_fence *fence;
	int ret;

	ret = drm_syncobj_find_fence(file, sync->handle, sync->point, 0, &fence);
	if (ret)
		return ret;

	return mmgpu_deps_add(deps, fence);
}

/**
 * mmgpu_deps_add_resv() - Add the users of a buffer
 * @deps: list
 * @resv: the buffer's reservation, locked
 * @write: whether the job writes, and so waits for the readers too
 * @own_context: fence context of the job; what is before it there needs no waiting
 *
 * Return: 0 or -ENOMEM.
 */
int mmgpu_deps_add_resv(struct mmgpu_deps *deps, struct dma_resv *resv, bool write,
			u64 own_context)
{
	struct dma_resv_iter cursor;
	struct dma_fence *fence;
	int ret;

	dma_resv_for_each_fence(&cursor, resv, dma_resv_usage_rw(write), fence) {
		if (fence->context == own_context || dma_fence_is_signaled(fence))
			continue;

		ret = mmgpu_deps_add(deps, dma_fence_get(fence));
		if (ret)
			return ret;
	}

	return 0;
}

/**
 * mmgpu_deps_merge() - Make one fence of the list
 * @deps: list
 * @fence: out: a fence that signals when all have, with a reference; NULL if all have
 *
 * Return: 0 or -ENOMEM.
 */
int mmgpu_deps_merge(const struct mmgpu_deps *deps, struct dma_fence **fence)
{
	struct dma_fence_unwrap *cursors;

	*fence = NULL;
	if (!deps->count)
		return 0;

	cursors = kcalloc(deps->count, sizeof(*cursors), GFP_KERNEL_ACCOUNT);
	if (!cursors)
		return -ENOMEM;
	*fence = __dma_fence_unwrap_merge(deps->count, deps->fences, cursors);
	kfree(cursors);
	if (!*fence)
		return -ENOMEM;

	if (dma_fence_is_signaled(*fence)) {
		dma_fence_put(*fence);
		*fence = NULL;
	}

	return 0;
}

/**
 * mmgpu_deps_fini() - Drop the list
 * @deps: list
 */
void mmgpu_deps_fini(struct mmgpu_deps *deps)
{
	while (deps->count)
		dma_fence_put(deps->fences[--deps->count]);
	kfree(deps->fences);
}

/**
 * mmgpu_out_sync_init() - Look up an out-sync, and allocate what signalling it needs
 * @out: zeroed
 * @file: file that has the syncobj
 * @sync: what to signal
 *
 * Return: 0, -ENOENT unknown handle, -ENOMEM; mmgpu_out_sync_fini() drops it in any case.
 */
int mmgpu_out_sync_init(struct mmgpu_out_sync *out, struct drm_file *file,
			const struct drm_mmgpu_sync *sync)
{
	out->syncobj = drm_syncobj_find(file, sync->handle);
	if (!out->syncobj)
		return -ENOENT;

	if (sync->flags & MMGPU_SYNC_TIMELINE) {
		out->point = sync->point;
		out->chain = dma_fence_chain_alloc();
		if (!out->chain)
			return -ENOMEM;
	}

	return 0;
}

/**
 * mmgpu_out_sync_signal() - Put a job's fence in an out-sync
 * @out: out-sync
 * @fence: the fence
 */
void mmgpu_out_sync_signal(struct mmgpu_out_sync *out, struct dma_fence *fence)
{
	if (out->chain) {
		drm_syncobj_add_point(out->syncobj, out->chain, fence, out->point);
		/* The syncobj has it now. */
		out->chain = NULL;
	} else {
		drm_syncobj_replace_fence(out->syncobj, fence);
	}
}

/**
 * mmgpu_out_sync_fini() - Drop an out-sync
 * @out: out-sync, initialized or zeroed
 */
void mmgpu_out_sync_fini(struct mmgpu_out_sync *out)
{
	dma_fence_chain_free(out->chain);
	if (out->syncobj)
		drm_syncobj_put(out->syncobj);
}
