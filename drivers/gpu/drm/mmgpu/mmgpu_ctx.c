// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/**
 * DOC: Contexts
 *
 * A context is a scheduler entity and the list of its unfinished jobs. Killing one
 * (destroy, close, hang, owner gone, unplug) cancels the jobs that do not run: their
 * fences signal at once, whatever they waited for, unless one that runs has to signal
 * first. The scheduler learns of it later: such a job waits for nothing any more, passes
 * through it like any other, and no engine executes it. So the scheduler's own way
 * to kill an entity never has anything to do. It is not to be trusted with a queue: 6.1
 * leaks the fence of the job before, 6.12 can put the entity back into the tree of its
 * run queue meanwhile, and all kernels leave the killed jobs in the scheduler's load.
 */

#include <linux/capability.h>
#include <linux/dma-fence.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include <drm/drm_device.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>

#include <drm/mmgpu_drm.h>

#include "mmgpu_ctx.h"
#include "mmgpu_device.h"
#include "mmgpu_file.h"
#include "mmgpu_job.h"

static void mmgpu_ctx_release(struct kref *ref)
{
	struct mmgpu_ctx *ctx = container_of(ref, struct mmgpu_ctx, ref);
	struct drm_device *drm = &ctx->mfile->mdev->drm;

	/* Every job has a reference, so the queue is empty. */
	drm_sched_entity_destroy(&ctx->entity);
	mutex_destroy(&ctx->submit_lock);
	mmgpu_file_put(ctx->mfile);
	kfree_rcu(ctx, rcu);
	drm_dev_put(drm);
}

/**
 * mmgpu_ctx_put() - Drop a reference
 * @ctx: context, or NULL
 *
 * The last one may free the device and with it the scheduler and the engines, so
 * none of their threads calls this.
 */
void mmgpu_ctx_put(struct mmgpu_ctx *ctx)
{
	if (ctx)
		kref_put(&ctx->ref, mmgpu_ctx_release);
}

/**
 * mmgpu_ctx_lookup() - Find a context
 * @mfile: file
 * @id: id, 0 for the file's own
 *
 * Return: the context with a reference for mmgpu_ctx_put(), or NULL.
 */
struct mmgpu_ctx *mmgpu_ctx_lookup(struct mmgpu_file *mfile, u32 id)
{
	struct mmgpu_ctx *ctx;

	rcu_read_lock();
	ctx = xa_load(&mfile->ctxs, id);
	if (ctx && !kref_get_unless_zero(&ctx->ref))
		ctx = NULL;
	rcu_read_unlock();

	return ctx;
}

static bool mmgpu_ctx_try_reserve(struct mmgpu_ctx *ctx, int *ret)
{
	bool decided = true;

	spin_lock(&ctx->lock);
	*ret = ctx->killed;
	if (!*ret && ctx->num_jobs >= MMGPU_MAX_JOBS)
		decided = false;
	else if (!*ret)
		ctx->num_jobs++;
	spin_unlock(&ctx->lock);

	return decided;
}

/**
 * mmgpu_ctx_reserve() - Wait for a place for one more job
 * @ctx: context
 *
 * Return: 0; -ERESTARTSYS; or what a submission gets if the context was killed.
 */
int mmgpu_ctx_reserve(struct mmgpu_ctx *ctx)
{
	int ret, intr;

	intr = wait_event_interruptible(ctx->wq, mmgpu_ctx_try_reserve(ctx, &ret));

	return intr ?: ret;
}

/**
 * mmgpu_ctx_unreserve() - Take back mmgpu_ctx_reserve() when there is no job after all
 * @ctx: context
 */
void mmgpu_ctx_unreserve(struct mmgpu_ctx *ctx)
{
	spin_lock(&ctx->lock);
	ctx->num_jobs--;
	spin_unlock(&ctx->lock);
	wake_up(&ctx->wq);
}

static void mmgpu_ctx_kill(struct mmgpu_ctx *ctx, int fence_error, int submit_error)
{
	spin_lock(&ctx->lock);
	if (!ctx->killed)
		ctx->killed = submit_error;
	mmgpu_job_cancel_all_locked(ctx, fence_error);
	spin_unlock(&ctx->lock);
	wake_up_all(&ctx->wq);
}

static struct mmgpu_ctx *mmgpu_ctx_create(struct mmgpu_file *mfile, s32 priority, u32 engine)
{
	struct mmgpu_device *mdev = mfile->mdev;
	struct drm_gpu_scheduler **scheds = mdev->scheds;
	unsigned int num_scheds = mmgpu_params.engines;
	enum drm_sched_priority prio;
	struct mmgpu_ctx *ctx;
	int ret;

	if (priority == MMGPU_PRIORITY_HIGH)
		prio = DRM_SCHED_PRIORITY_HIGH;
	else if (priority == MMGPU_PRIORITY_NORMAL)
		prio = DRM_SCHED_PRIORITY_NORMAL;
	else
		prio = DRM_SCHED_PRIORITY_LOW;

	if (engine != MMGPU_ENGINE_ANY) {
		scheds += engine;
		num_scheds = 1;
	}

	ctx = kzalloc_obj(*ctx, GFP_KERNEL_ACCOUNT);
	if (!ctx)
		return ERR_PTR(-ENOMEM);

	ret = drm_sched_entity_init(&ctx->entity, prio, scheds, num_scheds, NULL);
	if (ret) {
		kfree(ctx);
		return ERR_PTR(ret);
	}

	kref_init(&ctx->ref);
	mutex_init(&ctx->submit_lock);
	spin_lock_init(&ctx->lock);
	INIT_LIST_HEAD(&ctx->jobs);
	init_waitqueue_head(&ctx->wq);
	ctx->fence_context = dma_fence_context_alloc(1);
	ctx->mfile = mmgpu_file_get(mfile);
	drm_dev_get(&mdev->drm);

	return ctx;
}

/* Shows lockdep the order that mmgpu_device.h lists before any path can take another one. */
static void mmgpu_ctx_prime_lockdep(struct mmgpu_ctx *ctx)
{
	if (!IS_ENABLED(CONFIG_PROVE_LOCKING))
		return;

	mutex_lock(&ctx->submit_lock);
	mutex_lock(&ctx->mfile->lock);
	spin_lock(&ctx->lock);
	spin_unlock(&ctx->lock);
	mutex_unlock(&ctx->mfile->lock);
	mutex_unlock(&ctx->submit_lock);
}

/**
 * mmgpu_ctx_init_default() - Make context 0 of a new file
 * @mfile: file
 *
 * Return: 0 or -ENOMEM.
 */
int mmgpu_ctx_init_default(struct mmgpu_file *mfile)
{
	struct mmgpu_ctx *ctx;
	int ret;

	ctx = mmgpu_ctx_create(mfile, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);

	mmgpu_ctx_prime_lockdep(ctx);

	ret = xa_insert(&mfile->ctxs, 0, ctx, GFP_KERNEL_ACCOUNT);
	if (ret)
		mmgpu_ctx_put(ctx);

	return ret;
}

/**
 * mmgpu_ctx_kill_all() - Cancel what a file has queued
 * @mfile: file that is open
 * @error: error of the fences
 */
void mmgpu_ctx_kill_all(struct mmgpu_file *mfile, int error)
{
	struct mmgpu_ctx *ctx;
	unsigned long id;

	xa_for_each(&mfile->ctxs, id, ctx) {
		/* Somebody may be destroying it. */
		ctx = mmgpu_ctx_lookup(mfile, id);
		if (!ctx)
			continue;
		mmgpu_ctx_kill(ctx, error, error);
		mmgpu_ctx_put(ctx);
	}
}

/**
 * mmgpu_ctx_destroy_all() - Destroy the contexts of a file that is closed
 * @mfile: file
 */
void mmgpu_ctx_destroy_all(struct mmgpu_file *mfile)
{
	struct mmgpu_ctx *ctx;
	unsigned long id;

	xa_for_each(&mfile->ctxs, id, ctx) {
		xa_erase(&mfile->ctxs, id);
		mmgpu_ctx_kill(ctx, -ECANCELED, -ENOENT);
		mmgpu_ctx_put(ctx);
	}
}

/* Makes the context known; after that it is no longer the caller's. */
static int mmgpu_ctx_publish(struct mmgpu_file *mfile, struct mmgpu_ctx *ctx, u32 *id)
{
	int ret;

	mutex_lock(&mfile->lock);
	ret = mmgpu_file_check(mfile, MMGPU_DOOR_PUBLISH);
	if (!ret && mmgpu_bad(mfile->mdev, mfile->num_ctxs >= MMGPU_MAX_CONTEXTS))
		ret = -E2BIG;
	if (!ret)
		ret = xa_alloc(&mfile->ctxs, id, ctx, XA_LIMIT(1, U32_MAX), GFP_KERNEL_ACCOUNT);
	if (!ret)
		mfile->num_ctxs++;
	mutex_unlock(&mfile->lock);

	return ret;
}

/**
 * mmgpu_ioctl_ctx_create() - DRM_IOCTL_MMGPU_CTX_CREATE
 * @drm: device
 * @data: &struct drm_mmgpu_ctx_create
 * @file: file
 *
 * Return: 0 or the errors that the uapi header lists.
 */
int mmgpu_ioctl_ctx_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct mmgpu_device *mdev = to_mmgpu_device(drm);
	struct mmgpu_file *mfile = to_mmgpu_file(file);
	struct drm_mmgpu_ctx_create *args = data;
	struct mmgpu_ctx *ctx;
	u32 id;
	int ret;

	if (mmgpu_bad(mdev, args->flags) ||
	    mmgpu_bad(mdev, args->priority < MMGPU_PRIORITY_LOW) ||
	    mmgpu_bad(mdev, args->priority > MMGPU_PRIORITY_HIGH))
		return -EINVAL;

	if (args->engine != MMGPU_ENGINE_ANY &&
	    mmgpu_bad(mdev, args->engine >= mmgpu_params.engines))
		return -EINVAL;

	if (args->priority == MMGPU_PRIORITY_HIGH && mmgpu_bad(mdev, !capable(CAP_SYS_NICE)))
		return -EACCES;

	ctx = mmgpu_ctx_create(mfile, args->priority, args->engine);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);

	ret = mmgpu_ctx_publish(mfile, ctx, &id);
	if (ret) {
		mmgpu_ctx_put(ctx);
		return ret;
	}

	args->ctx_id = id;

	return 0;
}

/**
 * mmgpu_ioctl_ctx_destroy() - DRM_IOCTL_MMGPU_CTX_DESTROY
 * @drm: device
 * @data: &struct drm_mmgpu_ctx_destroy
 * @file: file
 *
 * Return: 0 or the errors that the uapi header lists.
 */
int mmgpu_ioctl_ctx_destroy(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct mmgpu_device *mdev = to_mmgpu_device(drm);
	struct mmgpu_file *mfile = to_mmgpu_file(file);
	struct drm_mmgpu_ctx_destroy *args = data;
	struct mmgpu_ctx *ctx;

	if (mmgpu_bad(mdev, args->pad) || mmgpu_bad(mdev, !args->ctx_id))
		return -EINVAL;

	mutex_lock(&mfile->lock);
	ctx = xa_erase(&mfile->ctxs, args->ctx_id);
	if (ctx)
		mfile->num_ctxs--;
	mutex_unlock(&mfile->lock);

	if (mmgpu_bad(mdev, !ctx))
		return -ENOENT;

	mmgpu_ctx_kill(ctx, -ECANCELED, -ENOENT);
	mmgpu_ctx_put(ctx);

	return 0;
}

/**
 * mmgpu_ioctl_ctx_query() - DRM_IOCTL_MMGPU_CTX_QUERY
 * @drm: device
 * @data: &struct drm_mmgpu_ctx_query
 * @file: file
 *
 * Return: 0 or the errors that the uapi header lists.
 */
int mmgpu_ioctl_ctx_query(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct drm_mmgpu_ctx_query *args = data;
	struct mmgpu_ctx *ctx;

	ctx = mmgpu_ctx_lookup(to_mmgpu_file(file), args->ctx_id);
	if (mmgpu_bad(to_mmgpu_device(drm), !ctx))
		return -ENOENT;

	spin_lock(&ctx->lock);
	args->status = ctx->banned ? MMGPU_CTX_BANNED : 0;
	args->hangs = ctx->hangs;
	args->faults = ctx->faults;
	args->jobs_done = ctx->jobs_done;
	spin_unlock(&ctx->lock);

	mmgpu_ctx_put(ctx);

	return 0;
}
