// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/**
 * DOC: Running jobs with buffers of others
 *
 * Whoever revokes a grant waits for the jobs that run by it. Under &mmgpu_device.granted_lock
 * a job either finds that it was taken away or is on the list when the one who took it
 * away looks there.
 */

#include <linux/dma-fence.h>
#include <linux/list.h>
#include <linux/spinlock.h>

#include <kunit/visibility.h>

#include "mmgpu_access.h"
#include "mmgpu_cmd.h"
#include "mmgpu_ctx.h"
#include "mmgpu_device.h"
#include "mmgpu_file.h"
#include "mmgpu_gem.h"
#include "mmgpu_job.h"

/**
 * mmgpu_job_start_granted() - Ask for a job's buffers again, now that it starts
 * @job: job
 *
 * The answer may have changed since the ioctl. On success mmgpu_job_end_granted() has to follow.
 *
 * Return: 0, or the error of the job's fence.
 */
int mmgpu_job_start_granted(struct mmgpu_job *job)
{
	struct mmgpu_device *mdev = job->ctx->mfile->mdev;
	int error = 0;
	u32 i;

	if (likely(!job->granted))
		return 0;

	spin_lock(&mdev->granted_lock);
	for (i = 0; i < job->num_bos && !error; i++)
		if (mmgpu_bo_check_access(to_mmgpu_bo(job->objs[i]), job->mm_seq,
					  mmgpu_bo_ref_access(job->bos[i].flags), MMGPU_DOOR_JOB))
			error = -ECANCELED;
	if (!error) {
		job->granted_start = ++mdev->granted_starts;
		list_add_tail(&job->granted_link, &mdev->granted_jobs);
	}
	spin_unlock(&mdev->granted_lock);

	return error;
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_job_start_granted);

/**
 * mmgpu_job_end_granted() - Take back mmgpu_job_start_granted()
 * @job: job that does not touch its buffers any more, and whose fence is about to signal
 */
void mmgpu_job_end_granted(struct mmgpu_job *job)
{
	struct mmgpu_device *mdev = job->ctx->mfile->mdev;

	if (likely(!job->granted))
		return;

	spin_lock(&mdev->granted_lock);
	list_del_init(&job->granted_link);
	spin_unlock(&mdev->granted_lock);
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_job_end_granted);

static bool mmgpu_job_uses(const struct mmgpu_job *job, const struct mmgpu_bo *bo, u32 access)
{
	u32 i;

	for (i = 0; i < job->num_bos; i++)
		if (job->objs[i] == &bo->base.base)
			return mmgpu_bo_ref_access(job->bos[i].flags) & ~access;

	return false;
}

/* A running job that has more than @access to the buffer: its fence, with a reference. */
static struct dma_fence *mmgpu_job_find_granted(const struct mmgpu_bo *bo, u64 seq, u32 access,
						u64 last)
{
	struct mmgpu_device *mdev = to_mmgpu_device(bo->base.base.dev);
	struct dma_fence *fence = NULL;
	struct mmgpu_job *job;

	spin_lock(&mdev->granted_lock);
	list_for_each_entry(job, &mdev->granted_jobs, granted_link) {
		/* Granted again meanwhile. */
		if (job->granted_start > last)
			break;
		/* One that was ended while its thread waits for a page fault touches nothing. */
		if (job->mm_seq == seq && mmgpu_job_uses(job, bo, access) &&
		    !dma_fence_is_signaled(job->fence)) {
			fence = dma_fence_get(job->fence);
			break;
		}
	}
	spin_unlock(&mdev->granted_lock);

	return fence;
}

/**
 * mmgpu_job_wait_granted() - Wait for running jobs that may do no longer what they do
 * @bo: private buffer; what is not in @access was taken from the mm before
 * @seq: number of the mm whose jobs to wait for
 * @access: what the mm has left
 *
 * A job that starts later is refused. One that runs ends by itself, at the latest at the
 * job timeout.
 *
 * Return: 0 or -ERESTARTSYS.
 */
int mmgpu_job_wait_granted(const struct mmgpu_bo *bo, u64 seq, u32 access)
{
	struct mmgpu_device *mdev = to_mmgpu_device(bo->base.base.dev);
	struct dma_fence *fence;
	long ret = 0;
	u64 last;

	spin_lock(&mdev->granted_lock);
	last = mdev->granted_starts;
	spin_unlock(&mdev->granted_lock);

	while (ret >= 0 && (fence = mmgpu_job_find_granted(bo, seq, access, last))) {
		ret = dma_fence_wait(fence, true);
		dma_fence_put(fence);
	}

	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_job_wait_granted);
