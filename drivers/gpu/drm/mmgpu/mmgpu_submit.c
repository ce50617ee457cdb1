// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/**
 * DOC: Submission
 *
 * One ioctl makes one job: copy, look up, check, wait for a place, lock the buffers,
 * prepare, and then publish. Up to mmgpu_submit_publish() everything can fail and is
 * taken back by one cleanup. Publishing passes the gate, the unplug and the context a
 * last time; after that nothing fails.
 */

#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/time64.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>

#include <drm/mmgpu_drm.h>

#include "mmgpu_access.h"
#include "mmgpu_array.h"
#include "mmgpu_cmd.h"
#include "mmgpu_ctx.h"
#include "mmgpu_device.h"
#include "mmgpu_file.h"
#include "mmgpu_gem.h"
#include "mmgpu_job.h"
#include "mmgpu_sched.h"
#include "mmgpu_submit.h"
#include "mmgpu_svm_thread.h"
#include "mmgpu_sync.h"

#define SUBMIT_BO_REF_FLAGS	(MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE | \
				 MMGPU_BO_REF_NO_IMPLICIT_SYNC)

struct mmgpu_submit {
	struct mmgpu_device *mdev;
	struct mmgpu_file *mfile;
	struct drm_file *file;
	const struct drm_mmgpu_submit *args;

	struct drm_mmgpu_bo_ref *bo_refs;
	struct drm_mmgpu_sync *in_syncs;
	struct drm_mmgpu_sync *out_syncs;

	struct mmgpu_job *job;
	struct mmgpu_out_sync *outs;
	struct ww_acquire_ctx acquire;

	/* How far it came. */
	bool reserved;
	bool job_init;
	bool locked;
	bool published;
};

static int submit_check_arrays(struct mmgpu_submit *sub)
{
	const struct drm_mmgpu_submit *args = sub->args;
	struct mmgpu_device *mdev = sub->mdev;

	if (mmgpu_bad(mdev, args->flags))
		return -EINVAL;

	return mmgpu_array_check(mdev, &args->cmds, sizeof(struct drm_mmgpu_cmd), MMGPU_MAX_CMDS) ?:
	       mmgpu_array_check(mdev, &args->bos, sizeof(*sub->bo_refs), MMGPU_MAX_BOS) ?:
	       mmgpu_array_check(mdev, &args->in_syncs, sizeof(*sub->in_syncs), MMGPU_MAX_SYNCS) ?:
	       mmgpu_array_check(mdev, &args->out_syncs, sizeof(*sub->out_syncs), MMGPU_MAX_SYNCS);
}

#define submit_copy(var, array, size) ({				\
	void *__copy = mmgpu_array_copy(array, size);			\
									\
	(var) = IS_ERR(__copy) ? NULL : __copy;				\
	PTR_ERR_OR_ZERO(__copy);					\
})

static int submit_copy_arrays(struct mmgpu_submit *sub)
{
	const struct drm_mmgpu_submit *args = sub->args;
	struct mmgpu_job *job = sub->job;
	int ret;

	ret = submit_copy(job->cmds, &args->cmds, sizeof(*job->cmds));
	if (ret)
		return ret;
	job->num_cmds = args->cmds.count;

	ret = submit_copy(sub->bo_refs, &args->bos, sizeof(*sub->bo_refs));
	if (ret)
		return ret;
	ret = submit_copy(sub->in_syncs, &args->in_syncs, sizeof(*sub->in_syncs));
	if (ret)
		return ret;

	return submit_copy(sub->out_syncs, &args->out_syncs, sizeof(*sub->out_syncs));
}

static int submit_check_flags(struct mmgpu_submit *sub)
{
	const struct drm_mmgpu_submit *args = sub->args;
	u32 i;

	for (i = 0; i < args->cmds.count; i++)
		if (mmgpu_bad(sub->mdev, !mmgpu_cmd_flags_valid(&sub->job->cmds[i])))
			return -EINVAL;

	for (i = 0; i < args->bos.count; i++)
		if (mmgpu_bad(sub->mdev, sub->bo_refs[i].flags & ~SUBMIT_BO_REF_FLAGS) ||
		    mmgpu_bad(sub->mdev, !mmgpu_bo_ref_access(sub->bo_refs[i].flags)))
			return -EINVAL;

	for (i = 0; i < args->in_syncs.count; i++)
		if (mmgpu_bad(sub->mdev, !mmgpu_sync_valid(&sub->in_syncs[i])))
			return -EINVAL;

	for (i = 0; i < args->out_syncs.count; i++)
		if (mmgpu_bad(sub->mdev, !mmgpu_sync_valid(&sub->out_syncs[i])))
			return -EINVAL;

	return 0;
}

static int submit_check_offered(struct mmgpu_submit *sub)
{
	const struct drm_mmgpu_submit *args = sub->args;
	struct drm_device *drm = &sub->mdev->drm;
	u32 i;

	for (i = 0; i < args->cmds.count; i++)
		sub->job->svm |= sub->job->cmds[i].flags;
	if (sub->job->svm && (mmgpu_bad(sub->mdev, !mmgpu_params.svm) ||
			      mmgpu_bad(sub->mdev, !mmgpu_file_owner(sub->mfile))))
		return -EOPNOTSUPP;

	for (i = 0; i < args->in_syncs.count; i++)
		if (mmgpu_bad(sub->mdev, !mmgpu_sync_offered(drm, &sub->in_syncs[i])))
			return -EOPNOTSUPP;

	for (i = 0; i < args->out_syncs.count; i++)
		if (mmgpu_bad(sub->mdev, !mmgpu_sync_offered(drm, &sub->out_syncs[i])))
			return -EOPNOTSUPP;

	/* What waits for page faults is nobody's implicit fence itself. */
	for (i = 0; sub->job->svm && i < args->bos.count; i++)
		if (mmgpu_bad(sub->mdev, !(sub->bo_refs[i].flags & MMGPU_BO_REF_NO_IMPLICIT_SYNC)))
			return -EINVAL;

	return 0;
}

static int submit_lookup_ctx(struct mmgpu_submit *sub)
{
	struct mmgpu_ctx *ctx = mmgpu_ctx_lookup(sub->mfile, sub->args->ctx_id);

	if (mmgpu_bad(sub->mdev, !ctx))
		return -ENOENT;
	sub->job->ctx = ctx;

	/* Killed in another way it is on its way out; mmgpu_job_enqueue() has the last word. */
	if (mmgpu_bad(sub->mdev, READ_ONCE(ctx->banned)) ||
	    mmgpu_bad(sub->mdev, READ_ONCE(sub->mfile->lost)))
		return -ECANCELED;

	return 0;
}

static int submit_lookup_bos(struct mmgpu_submit *sub)
{
	struct mmgpu_job *job = sub->job;
	u32 count = sub->args->bos.count, i, j;

	if (!count)
		return 0;

	job->objs = kvcalloc(count, sizeof(*job->objs), GFP_KERNEL_ACCOUNT);
	job->bos = kvcalloc(count, sizeof(*job->bos), GFP_KERNEL_ACCOUNT);
	job->maps = kvcalloc(count, sizeof(*job->maps), GFP_KERNEL_ACCOUNT);
	if (!job->objs || !job->bos || !job->maps)
		return -ENOMEM;

	for (i = 0; i < count; i++) {
		struct drm_gem_object *obj;

		obj = drm_gem_object_lookup(sub->file, sub->bo_refs[i].handle);
		if (mmgpu_bad(sub->mdev, !obj))
			return -ENOENT;
		job->objs[i] = obj;
		job->bos[i].size = obj->size;
		job->bos[i].flags = sub->bo_refs[i].flags;
		job->num_bos++;
	}

	/* At most MMGPU_MAX_BOS ^ 2 / 2 compares. Two handles may be one object. */
	for (i = 1; i < count; i++)
		for (j = 0; j < i; j++)
			if (mmgpu_bad(sub->mdev, job->objs[i] == job->objs[j]))
				return -EINVAL;

	return 0;
}

static int submit_lookup_syncs(struct mmgpu_submit *sub)
{
	const struct drm_mmgpu_submit *args = sub->args;
	int in_ret = 0, ret;
	u32 i;

	/* A handle that is unknown goes before an in-sync that has no fence. */
	for (i = 0; i < args->in_syncs.count; i++) {
		ret = mmgpu_deps_add_sync(&sub->job->deps, sub->file, &sub->in_syncs[i]);
		if (ret == -EINVAL)
			in_ret = ret;
		else if (ret)
			return ret;
	}

	if (!args->out_syncs.count)
		return in_ret;

	sub->outs = kvcalloc(args->out_syncs.count, sizeof(*sub->outs), GFP_KERNEL_ACCOUNT);
	if (!sub->outs)
		return -ENOMEM;

	for (i = 0; i < args->out_syncs.count; i++) {
		ret = mmgpu_out_sync_init(&sub->outs[i], sub->file, &sub->out_syncs[i]);
		if (ret)
			return ret;
	}

	return in_ret;
}

static int submit_check_access(struct mmgpu_submit *sub)
{
	struct mmgpu_job *job = sub->job;
	int ret;
	u32 i;

	if (!job->num_bos)
		return 0;

	job->mm_seq = mmgpu_file_caller_seq(sub->mfile);
	for (i = 0; i < job->num_bos; i++) {
		struct mmgpu_bo *bo = to_mmgpu_bo(job->objs[i]);
		u32 want = mmgpu_bo_ref_access(job->bos[i].flags);

		ret = mmgpu_bo_check_access(bo, job->mm_seq, want, MMGPU_DOOR_SUBMIT);
		if (ret)
			return ret;
		job->granted |= mmgpu_bo_needs_grant(bo, job->mm_seq);
	}

	return 0;
}

static int submit_check_cmds(struct mmgpu_submit *sub)
{
	u64 max_delay_ns = (u64)mmgpu_params.max_delay_ms * NSEC_PER_MSEC;
	struct mmgpu_job *job = sub->job;
	u32 i;

	for (i = 0; i < job->num_cmds; i++)
		if (mmgpu_bad(sub->mdev, !mmgpu_cmd_valid(&job->cmds[i], job->bos, job->num_bos,
							  max_delay_ns)))
			return -EINVAL;

	return 0;
}

/* In the order of the errors that the uapi header lists. */
static int submit_parse(struct mmgpu_submit *sub)
{
	return submit_check_arrays(sub) ?:
	       submit_copy_arrays(sub) ?:
	       submit_check_flags(sub) ?:
	       submit_check_offered(sub) ?:
	       submit_lookup_ctx(sub) ?:
	       submit_lookup_bos(sub) ?:
	       submit_lookup_syncs(sub) ?:
	       submit_check_access(sub) ?:
	       submit_check_cmds(sub);
}

/* Everything that may wait or allocate. */
static int submit_prepare(struct mmgpu_submit *sub)
{
	struct mmgpu_job *job = sub->job;
	int ret;
	u32 i;

	if (job->svm) {
		mmgpu_svm_caller_init(&job->svm_caller);
		ret = mmgpu_svm_thread_start(sub->mfile);
		if (ret)
			return ret;
	}

	for (i = 0; i < job->num_bos; i++) {
		ret = mmgpu_bo_map(to_mmgpu_bo(job->objs[i]), true);
		if (ret)
			return ret;
		job->maps[i] = to_mmgpu_bo(job->objs[i])->map.vaddr;
	}

	ret = mmgpu_ctx_reserve(job->ctx);
	if (ret)
		return ret;
	sub->reserved = true;

	ret = mmgpu_sched_job_init(job, sub->file);
	if (ret)
		return ret;
	sub->job_init = true;

	if (job->num_bos) {
		ret = drm_gem_lock_reservations(job->objs, job->num_bos, &sub->acquire);
		/* Two imports of one dma-buf are two objects with one reservation. */
		if (ret == -EALREADY)
			return -EINVAL;
		if (ret)
			return ret;
		sub->locked = true;
	}

	for (i = 0; i < job->num_bos; i++) {
		u32 flags = job->bos[i].flags;

		ret = dma_resv_reserve_fences(job->objs[i]->resv, 1);
		if (ret)
			return ret;

		if (flags & MMGPU_BO_REF_NO_IMPLICIT_SYNC)
			continue;
		ret = mmgpu_deps_add_resv(&job->deps, job->objs[i]->resv,
					  flags & MMGPU_BO_REF_WRITE, job->ctx->fence_context);
		if (ret)
			return ret;
	}

	return mmgpu_deps_wait(&job->deps, &job->base);
}

static enum dma_resv_usage submit_usage(u32 bo_ref_flags)
{
	if (bo_ref_flags & MMGPU_BO_REF_NO_IMPLICIT_SYNC)
		return DMA_RESV_USAGE_BOOKKEEP;

	return bo_ref_flags & MMGPU_BO_REF_WRITE ? DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_READ;
}

/* On success the scheduler has the job. */
static int submit_publish(struct mmgpu_submit *sub)
{
	struct mmgpu_job *job = sub->job;
	struct mmgpu_ctx *ctx = job->ctx;
	int ret, idx;
	u32 i;

	if (!drm_dev_enter(&sub->mdev->drm, &idx))
		return -ENODEV;
	mutex_lock(&ctx->submit_lock);

	ret = mmgpu_file_publish_job(sub->mfile, job);
	if (ret)
		goto out_unlock;

	/* The point of no return. The second reference is for what follows the push. */
	mmgpu_job_get(job);
	sub->published = true;
	drm_sched_job_arm(&job->base);
	for (i = 0; i < job->num_bos; i++)
		dma_resv_add_fence(job->objs[i]->resv, job->fence, submit_usage(job->bos[i].flags));
	for (i = 0; i < sub->args->out_syncs.count; i++)
		mmgpu_out_sync_signal(&sub->outs[i], job->fence);
	drm_sched_entity_push_job(&job->base);

out_unlock:
	mutex_unlock(&ctx->submit_lock);
	drm_dev_exit(idx);

	return ret;
}

static void submit_fini(struct mmgpu_submit *sub)
{
	struct mmgpu_job *job = sub->job;
	u32 i;

	if (sub->locked)
		drm_gem_unlock_reservations(job->objs, job->num_bos, &sub->acquire);

	for (i = 0; sub->outs && i < sub->args->out_syncs.count; i++)
		mmgpu_out_sync_fini(&sub->outs[i]);
	kvfree(sub->outs);
	kvfree(sub->bo_refs);
	kvfree(sub->in_syncs);
	kvfree(sub->out_syncs);

	if (sub->published) {
		mmgpu_job_end_submit(job);
		mmgpu_job_put(job);
		return;
	}

	if (sub->job_init)
		drm_sched_job_cleanup(&job->base);
	if (sub->reserved)
		mmgpu_ctx_unreserve(job->ctx);
	mmgpu_job_free(job);
}

/**
 * mmgpu_ioctl_submit() - DRM_IOCTL_MMGPU_SUBMIT
 * @drm: device
 * @data: &struct drm_mmgpu_submit
 * @file: file
 *
 * Return: 0 or the errors that the uapi header lists.
 */
int mmgpu_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct mmgpu_submit sub = {
		.mdev = to_mmgpu_device(drm),
		.mfile = to_mmgpu_file(file),
		.file = file,
		.args = data,
	};
	int ret;

	sub.job = mmgpu_job_alloc();
	if (!sub.job)
		return -ENOMEM;

	ret = submit_parse(&sub) ?: submit_prepare(&sub) ?: submit_publish(&sub);
	submit_fini(&sub);

	return ret;
}
