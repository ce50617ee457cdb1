// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/**
 * DOC: Engines and schedulers
 *
 * Each engine is a thread that executes one job at a time, behind a scheduler of its
 * own. The scheduler's timeout is infinite: a job has a deadline, which the engine looks
 * at itself, so a hung job ends on the engine's own thread like any other job.
 *
 * They live as long as the DRM device, hence longer than its last context, and so
 * than its last job.
 */

#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/sched.h>

#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/drm_managed.h>
#include <drm/gpu_scheduler.h>

#include "mmgpu_ctx.h"
#include "mmgpu_device.h"
#include "mmgpu_job.h"
#include "mmgpu_sched.h"

struct mmgpu_engine {
	struct drm_gpu_scheduler sched;
	struct kthread_worker *worker;
};

static struct dma_fence *mmgpu_sched_run_job(struct drm_sched_job *sched_job)
{
	struct mmgpu_job *job = to_mmgpu_job(sched_job);
	struct mmgpu_engine *engine = container_of(sched_job->sched, struct mmgpu_engine, sched);

	/* The engine goes on at once. */
	if (mmgpu_job_hand_over(job))
		return NULL;

	/*
	 * A job that was cancelled has signalled, or does so at this moment: no job before it
	 * runs any more. mmgpu_job_start() refuses it all the same.
	 */
	if (!dma_fence_is_signaled(job->fence)) {
		mmgpu_job_get(job);
		kthread_queue_work(engine->worker, &job->exec_work);
	}

	return dma_fence_get(job->fence);
}

static void mmgpu_sched_free_job(struct drm_sched_job *sched_job)
{
	drm_sched_job_cleanup(sched_job);
	mmgpu_job_put(to_mmgpu_job(sched_job));
}

static const struct drm_sched_backend_ops mmgpu_sched_ops = {
	.run_job = mmgpu_sched_run_job,
	.free_job = mmgpu_sched_free_job,
};

/**
 * mmgpu_sched_job_init() - Let the scheduler know of a job
 * @job: job with its context set
 * @file: file that submits it
 *
 * Until it is armed, drm_sched_job_cleanup() takes this back.
 *
 * Return: 0 or -ENOMEM.
 */
int mmgpu_sched_job_init(struct mmgpu_job *job, struct drm_file *file)
{
	return drm_sched_job_init(&job->base, &job->ctx->entity, 1, file->driver_priv,
				  file->client_id);
}

static void mmgpu_engine_fini(struct drm_device *drm, void *data)
{
	struct mmgpu_engine *engine = data;

	/* Twice, as the work that frees jobs may queue the work that runs them. */
	drm_sched_wqueue_stop(&engine->sched);
	drm_sched_fini(&engine->sched);
	kthread_destroy_worker(engine->worker);
}

static int mmgpu_engine_init(struct mmgpu_device *mdev, struct mmgpu_engine *engine,
			     unsigned int index)
{
	const struct drm_sched_init_args args = {
		.ops = &mmgpu_sched_ops,
		.num_rqs = DRM_SCHED_PRIORITY_COUNT,
		.credit_limit = 1,
		.timeout = MAX_SCHEDULE_TIMEOUT,
		.name = dev_name(mdev->drm.dev),
		.dev = mdev->drm.dev,
	};
	int ret;

	engine->worker = kthread_run_worker(0, "%s/%u", dev_name(mdev->drm.dev), index);
	if (IS_ERR(engine->worker))
		return PTR_ERR(engine->worker);

	ret = drm_sched_init(&engine->sched, &args);
	if (ret) {
		kthread_destroy_worker(engine->worker);
		return ret;
	}

	return drmm_add_action_or_reset(&mdev->drm, mmgpu_engine_fini, engine);
}

/**
 * mmgpu_sched_init() - Start the engines of a device
 * @mdev: device
 *
 * They stop when the DRM device is freed.
 *
 * Return: 0, -ENOMEM or -EINTR.
 */
int mmgpu_sched_init(struct mmgpu_device *mdev)
{
	unsigned int i;
	int ret;

	mdev->engines = drmm_kcalloc(&mdev->drm, mmgpu_params.engines, sizeof(*mdev->engines),
				     GFP_KERNEL);
	if (!mdev->engines)
		return -ENOMEM;

	for (i = 0; i < mmgpu_params.engines; i++) {
		ret = mmgpu_engine_init(mdev, &mdev->engines[i], i);
		if (ret)
			return ret;
		mdev->scheds[i] = &mdev->engines[i].sched;
	}

	return 0;
}

/**
 * mmgpu_sched_stop() - Keep queued jobs from starting
 * @mdev: device
 */
void mmgpu_sched_stop(struct mmgpu_device *mdev)
{
	unsigned int i;

	for (i = 0; i < mmgpu_params.engines; i++)
		drm_sched_wqueue_stop(&mdev->engines[i].sched);
}

/**
 * mmgpu_sched_flush() - Wait for the jobs that run
 * @mdev: device whose queued jobs do not start
 *
 * A job runs at most for the job timeout.
 */
void mmgpu_sched_flush(struct mmgpu_device *mdev)
{
	unsigned int i;

	for (i = 0; i < mmgpu_params.engines; i++)
		kthread_flush_worker(mdev->engines[i].worker);
}

/**
 * mmgpu_sched_resume() - Take back mmgpu_sched_stop()
 * @mdev: device
 */
void mmgpu_sched_resume(struct mmgpu_device *mdev)
{
	unsigned int i;

	for (i = 0; i < mmgpu_params.engines; i++)
		drm_sched_wqueue_start(&mdev->engines[i].sched);
}
