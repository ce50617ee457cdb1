// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/**
 * DOC: Synchronisation
 *
 * What a job waits for (in-syncs, and the fences of its buffers) is collected in one
 * list. The scheduler does not see those fences but one of ours, which the last of them
 * signals, and which a cancellation signals too: a stranger's fence that never signals
 * holds up nothing of ours. What a job signals is looked up, and allocated, before the
 * point of no return.
 */

#include <linux/dma-fence-chain.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_syncobj.h>
#include <drm/gpu_scheduler.h>

#include <drm/mmgpu_drm.h>

#include "mmgpu_fence.h"
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

static int mmgpu_deps_grow(struct mmgpu_deps *deps)
{
	u32 space = max(deps->space * 2, 16u);
	struct mmgpu_dep *list;

	list = kvcalloc(space, sizeof(*list), GFP_KERNEL_ACCOUNT);
	if (!list)
		return -ENOMEM;

	if (deps->count)
		memcpy(list, deps->list, deps->count * sizeof(*list));
	kvfree(deps->list);
	deps->list = list;
	deps->space = space;

	return 0;
}

/* Takes over the reference, also when it fails. */
static int mmgpu_deps_add(struct mmgpu_deps *deps, struct dma_fence *fence)
{
	int ret = 0;

	if (dma_fence_is_signaled(fence))
		goto out_put;

	if (deps->count == deps->space) {
		ret = mmgpu_deps_grow(deps);
		if (ret)
			goto out_put;
	}
	deps->list[deps->count++].fence = fence;

	return 0;

out_put:
	dma_fence_put(fence);

	return ret;
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
		if (fence->context == own_context)
			continue;

		ret = mmgpu_deps_add(deps, dma_fence_get(fence));
		if (ret)
			return ret;
	}

	return 0;
}

static void mmgpu_deps_signal_ready(struct mmgpu_deps *deps)
{
	/* As soon as it has signalled the job may run, end and be freed. */
	struct dma_fence *ready = dma_fence_get(deps->ready);

	dma_fence_signal(ready);
	dma_fence_put(ready);
}

static void mmgpu_dep_signalled(struct dma_fence *fence, struct dma_fence_cb *cb)
{
	struct mmgpu_deps *deps = container_of(cb, struct mmgpu_dep, cb)->deps;

	if (atomic_dec_and_test(&deps->pending))
		mmgpu_deps_signal_ready(deps);
}

/**
 * mmgpu_deps_wait() - Make a job wait
 * @deps: complete list; it must not move any more
 * @job: job that the scheduler knows and that is not armed
 *
 * Return: 0 or -ENOMEM.
 */
int mmgpu_deps_wait(struct mmgpu_deps *deps, struct drm_sched_job *job)
{
	int ret;
	u32 i;

	if (!deps->count)
		return 0;

	deps->ready = mmgpu_fence_alloc();
	if (!deps->ready)
		return -ENOMEM;
	mmgpu_fence_init_ready(deps->ready);

	ret = drm_sched_job_add_dependency(job, dma_fence_get(deps->ready));
	if (ret)
		return ret;

	atomic_set(&deps->pending, 1);
	for (i = 0; i < deps->count; i++) {
		struct mmgpu_dep *dep = &deps->list[i];

		dep->deps = deps;
		atomic_inc(&deps->pending);
		if (dma_fence_add_callback(dep->fence, &dep->cb, mmgpu_dep_signalled))
			atomic_dec(&deps->pending);
	}
	if (atomic_dec_and_test(&deps->pending))
		mmgpu_deps_signal_ready(deps);

	return 0;
}

/* After this no callback runs. */
static void mmgpu_deps_remove_callbacks(struct mmgpu_deps *deps)
{
	u32 i;

	/* Those with a list were given to dma_fence_add_callback(), which sets up the node. */
	for (i = 0; i < deps->count; i++)
		if (deps->list[i].deps)
			dma_fence_remove_callback(deps->list[i].fence, &deps->list[i].cb);
}

/**
 * mmgpu_deps_cancel() - Let a job's turn come whatever it waits for
 * @deps: list; the job is kept
 */
void mmgpu_deps_cancel(struct mmgpu_deps *deps)
{
	/* A callback that comes later signals again, and mmgpu_deps_fini() ends them. */
	if (deps->ready)
		mmgpu_deps_signal_ready(deps);
}

/**
 * mmgpu_deps_fini() - Drop the list
 * @deps: list, zeroed or filled
 */
void mmgpu_deps_fini(struct mmgpu_deps *deps)
{
	mmgpu_deps_remove_callbacks(deps);
	while (deps->count)
		dma_fence_put(deps->list[--deps->count].fence);
	kvfree(deps->list);
	dma_fence_put(deps->ready);
	deps->list = NULL;
	deps->space = 0;
	deps->ready = NULL;
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
