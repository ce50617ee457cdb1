// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/**
 * DOC: Jobs
 *
 * A job is on its context's list from mmgpu_job_enqueue() to the signalling of its
 * fence, which happens under &mmgpu_ctx.lock, only for the first of the list, and
 * exactly once: by the engine or the thread that ran it, by whoever ended it in the
 * place of a thread that waits for a page fault, or by whoever cancelled it before it ran.
 *
 * A cancelled job has to wait for its turn in the scheduler, behind whoever has a higher
 * priority, before it can be freed. What it holds (buffers, commands, fences of
 * strangers) goes at once.
 *
 * The scheduler and the engine (or thread) each hold a reference. Who drops the last one leaves the
 * freeing to a work item, as it drops the context, maybe the device, and buffers whose
 * reservation must not be taken where fences are signalled.
 */

#include <linux/mm.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>

#include <drm/mmgpu_drm.h>

#include "mmgpu_cmd.h"
#include "mmgpu_ctx.h"
#include "mmgpu_device.h"
#include "mmgpu_engine.h"
#include "mmgpu_fence.h"
#include "mmgpu_file.h"
#include "mmgpu_job.h"
#include "mmgpu_svm_thread.h"

/* Drops all that only running needs; may be called twice, but not at once. */
static void mmgpu_job_drop(struct mmgpu_job *job)
{
	mmgpu_deps_fini(&job->deps);
	mmgpu_svm_caller_fini(&job->svm_caller);
	while (job->num_bos)
		drm_gem_object_put(job->objs[--job->num_bos]);
	kvfree(job->objs);
	kvfree(job->bos);
	kvfree(job->maps);
	kvfree(job->cmds);
	job->objs = NULL;
	job->bos = NULL;
	job->maps = NULL;
	job->cmds = NULL;
}

static void mmgpu_job_drop_work(struct work_struct *work)
{
	struct mmgpu_job *job = container_of(work, struct mmgpu_job, drop_work);

	mmgpu_job_drop(job);
	mmgpu_job_put(job);
}

/**
 * mmgpu_job_free() - Free a job and drop what it holds
 * @job: job, or NULL; the scheduler has never seen it or has done with it
 */
void mmgpu_job_free(struct mmgpu_job *job)
{
	if (!job)
		return;

	mmgpu_job_drop(job);
	mmgpu_ctx_put(job->ctx);

	/* Last, since this may be what keeps the module. */
	if (job->enqueued)
		dma_fence_put(job->fence);
	else
		mmgpu_fence_free(job->fence);
	kfree(job);
}

static void mmgpu_job_free_work(struct work_struct *work)
{
	mmgpu_job_free(container_of(work, struct mmgpu_job, free_work));
}

static void mmgpu_job_release(struct kref *ref)
{
	struct mmgpu_job *job = container_of(ref, struct mmgpu_job, ref);

	queue_work(mmgpu_wq, &job->free_work);
}

/**
 * mmgpu_job_get() - Take a reference
 * @job: job that the caller has a reference to
 *
 * Return: @job.
 */
struct mmgpu_job *mmgpu_job_get(struct mmgpu_job *job)
{
	kref_get(&job->ref);
	return job;
}

/**
 * mmgpu_job_put() - Drop a reference of a job that is over
 * @job: job
 */
void mmgpu_job_put(struct mmgpu_job *job)
{
	kref_put(&job->ref, mmgpu_job_release);
}

/* Needs &mmgpu_ctx.lock, and the job to be the first of the list. */
static void mmgpu_job_signal_locked(struct mmgpu_job *job, int error)
{
	/* The scheduler may free the job as soon as the fence has signalled. */
	struct dma_fence *fence = dma_fence_get(job->fence);
	struct mmgpu_ctx *ctx = job->ctx;

	lockdep_assert_held(&ctx->lock);
	WARN_ON_ONCE(!list_is_first(&job->link, &ctx->jobs));

	if (!error)
		ctx->jobs_done++;
	list_del_init(&job->link);
	ctx->num_jobs--;

	if (error)
		dma_fence_set_error(fence, error);
	dma_fence_signal(fence);
	dma_fence_put(fence);
}

/* Signals cancelled jobs up to the first that is not; that one does the rest. */
static void mmgpu_job_drain_locked(struct mmgpu_ctx *ctx)
{
	struct mmgpu_job *job;

	while ((job = list_first_entry_or_null(&ctx->jobs, struct mmgpu_job, link))) {
		if (!job->error)
			break;
		mmgpu_job_signal_locked(job, job->error);
	}
}

/**
 * mmgpu_job_cancel_all_locked() - Cancel the jobs of a context that do not run
 * @ctx: context, locked
 * @error: error of their fences
 *
 * They signal at once, or right after the one that runs. The caller wakes
 * &mmgpu_ctx.wq.
 */
void mmgpu_job_cancel_all_locked(struct mmgpu_ctx *ctx, int error)
{
	struct mmgpu_job *job;

	lockdep_assert_held(&ctx->lock);

	list_for_each_entry(job, &ctx->jobs, link) {
		if (job->running || job->error)
			continue;
		job->error = error;
		mmgpu_deps_cancel(&job->deps);

		/* Else the ioctl does it, which is not done with the buffers. */
		if (!job->submitting)
			queue_work(mmgpu_wq, &mmgpu_job_get(job)->drop_work);
	}

	mmgpu_job_drain_locked(ctx);
}

/**
 * mmgpu_job_enqueue() - Give a job its place
 * @job: job with a place reserved; its context's submit_lock is held
 *
 * On success the job has a fence, which will signal whatever happens, and must be
 * pushed to the scheduler.
 *
 * Return: 0, or what a submission gets if the context was killed.
 */
int mmgpu_job_enqueue(struct mmgpu_job *job)
{
	struct mmgpu_ctx *ctx = job->ctx;
	int ret;

	lockdep_assert_held(&ctx->submit_lock);

	spin_lock(&ctx->lock);
	ret = ctx->killed ?: READ_ONCE(ctx->mfile->lost) ? -ECANCELED : 0;
	if (!ret) {
		mmgpu_fence_init_job(job->fence, ctx->fence_context, ++ctx->seqno);
		job->enqueued = true;
		job->submitting = true;
		list_add_tail(&job->link, &ctx->jobs);
	}
	spin_unlock(&ctx->lock);

	return ret;
}

/**
 * mmgpu_job_end_submit() - End what mmgpu_job_enqueue() began
 * @job: job that the caller has a reference to, and whose buffers it is done with
 */
void mmgpu_job_end_submit(struct mmgpu_job *job)
{
	bool cancelled;

	spin_lock(&job->ctx->lock);
	job->submitting = false;
	cancelled = job->error;
	spin_unlock(&job->ctx->lock);

	if (cancelled)
		mmgpu_job_drop(job);
}

/**
 * mmgpu_job_hand_over() - Give a job to the thread of its file, if that is to run it
 * @job: job whose turn in the scheduler has come
 *
 * A thread that is lost takes none: then the job is cancelled.
 *
 * Return: whether it was given away, with a reference of its own.
 */
bool mmgpu_job_hand_over(struct mmgpu_job *job)
{
	struct mmgpu_svm_thread *thread;
	struct mmgpu_ctx *ctx = job->ctx;
	bool given = false;

	/* Pairs with mmgpu_svm_thread_start(). */
	thread = smp_load_acquire(&ctx->mfile->svm_thread);
	if (likely(!thread))
		return false;

	/*
	 * The jobs before it that an engine ran are over, or it would not be its turn. So
	 * what is unfinished there the thread has.
	 */
	spin_lock(&ctx->lock);
	if (!list_empty(&job->link) && (job->svm || !list_is_first(&job->link, &ctx->jobs))) {
		given = mmgpu_svm_thread_queue(thread, job);
		if (!given) {
			mmgpu_job_cancel_all_locked(ctx, -ECANCELED);
			wake_up_all(&ctx->wq);
		}
	}
	spin_unlock(&ctx->lock);

	return given;
}

/* False if it was cancelled; else it is running from here on, and nobody drops its parts. */
static bool mmgpu_job_start(struct mmgpu_job *job)
{
	struct mmgpu_ctx *ctx = job->ctx;

	spin_lock(&ctx->lock);
	job->running = !job->error;
	spin_unlock(&ctx->lock);

	return job->running;
}

/**
 * mmgpu_job_finish() - End a job that was running
 * @job: job that is not finished; it touches nothing any more
 * @error: of its fence
 */
void mmgpu_job_finish(struct mmgpu_job *job, int error)
{
	struct mmgpu_ctx *ctx = job->ctx;
	bool cookie = dma_fence_begin_signalling();

	spin_lock(&ctx->lock);

	if (error == -EFAULT)
		ctx->faults++;
	if (error == -ETIME) {
		ctx->hangs++;
		ctx->banned = true;
		if (!ctx->killed)
			ctx->killed = -ECANCELED;
	}

	mmgpu_job_signal_locked(job, error);
	if (error == -ETIME)
		mmgpu_job_cancel_all_locked(ctx, -ECANCELED);
	else
		mmgpu_job_drain_locked(ctx);

	spin_unlock(&ctx->lock);
	wake_up_all(&ctx->wq);

	dma_fence_end_signalling(cookie);
}

/**
 * mmgpu_job_exec() - Execute a job
 * @job: job that has its turn; cancelled, it has signalled
 * @thread: the thread of a bound file if that executes it, NULL if an engine does
 */
void mmgpu_job_exec(struct mmgpu_job *job, struct mmgpu_svm_thread *thread)
{
	struct mmgpu_file *mfile = job->ctx->mfile;
	struct mmgpu_device *mdev = mfile->mdev;
	ktime_t start = ktime_get();
	struct mmgpu_exec exec = {
		.deadline = ktime_add_ms(start, mmgpu_params.job_timeout_ms),
		.stop = &mdev->gone,
		.stop_wq = &mdev->gone_wq,
	};
	const struct mmgpu_mm *owner;
	bool ours = true;
	int error;

	if (!mmgpu_job_start(job))
		return;

	exec.cmds = job->cmds;
	exec.num_cmds = job->num_cmds;
	exec.maps = job->maps;

	/* Its cancellation may only be on its way, and what it waited for be cancelled already. */
	owner = mmgpu_file_owner(mfile);
	if (owner && mmgpu_mm_is_gone(owner))
		error = -ECANCELED;
	else if (drm_dev_is_unplugged(&mdev->drm))
		error = -ENODEV;
	else
		error = mmgpu_job_start_granted(job);
	if (!error) {
		if (thread) {
			exec.svm = mmgpu_svm_thread_begin(thread, job, exec.deadline);
			if (job->svm)
				mmgpu_svm_assume(exec.svm, &job->svm_caller);
		}
		error = mmgpu_engine_exec(&exec);
		if (thread)
			ours = mmgpu_svm_thread_end(thread);
		mmgpu_job_end_granted(job);
	}

	atomic64_add(ktime_to_ns(ktime_sub(ktime_get(), start)),
		     thread ? &mfile->svm_ns : &mfile->busy_ns);
	if (ours)
		mmgpu_job_finish(job, error);
}

/* On the thread of an engine, with a reference to the job. */
static void mmgpu_job_exec_work(struct kthread_work *work)
{
	struct mmgpu_job *job = container_of(work, struct mmgpu_job, exec_work);
	bool cookie = dma_fence_begin_signalling();

	mmgpu_job_exec(job, NULL);

	dma_fence_end_signalling(cookie);
	mmgpu_job_put(job);
}

/**
 * mmgpu_job_alloc() - Allocate a job and its fence
 *
 * Return: the job, to fill in and then to enqueue or to give to mmgpu_job_free(); NULL if
 * there is no memory.
 */
struct mmgpu_job *mmgpu_job_alloc(void)
{
	struct mmgpu_job *job;

	job = kzalloc_obj(*job, GFP_KERNEL_ACCOUNT);
	if (!job)
		return NULL;

	job->fence = mmgpu_fence_alloc();
	if (!job->fence) {
		kfree(job);
		return NULL;
	}

	kref_init(&job->ref);
	INIT_LIST_HEAD(&job->link);
	INIT_LIST_HEAD(&job->svm_link);
	INIT_LIST_HEAD(&job->granted_link);
	kthread_init_work(&job->exec_work, mmgpu_job_exec_work);
	INIT_WORK(&job->drop_work, mmgpu_job_drop_work);
	INIT_WORK(&job->free_work, mmgpu_job_free_work);

	return job;
}
