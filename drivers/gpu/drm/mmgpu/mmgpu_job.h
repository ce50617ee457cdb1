/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_JOB_H_
#define _MMGPU_JOB_H_

#include <linux/dma-fence.h>
#include <linux/kref.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include <drm/gpu_scheduler.h>

#include "mmgpu_svm.h"
#include "mmgpu_sync.h"

struct drm_gem_object;
struct drm_mmgpu_cmd;
struct mmgpu_bo;
struct mmgpu_cmd_bo;
struct mmgpu_ctx;
struct mmgpu_svm_thread;

/**
 * struct mmgpu_job - a job, with all it needs until its fence has signalled
 */
struct mmgpu_job {
	/** @base: what the scheduler knows of the job */
	struct drm_sched_job base;

	/** @ref: one of the scheduler (or of the ioctl before), one of the engine or thread */
	struct kref ref;

	/** @ctx: its context, with a reference */
	struct mmgpu_ctx *ctx;

	/** @fence: what user space sees; initialized by mmgpu_job_enqueue() */
	struct dma_fence *fence;

	/** @deps: what the job waits for */
	struct mmgpu_deps deps;

	/** @link: in &mmgpu_ctx.jobs */
	struct list_head link;

	/** @enqueued: @fence is initialized; set before anybody else sees the job */
	bool enqueued;

	/** @running: somebody executes it, so nobody cancels it. Under &mmgpu_ctx.lock */
	bool running;

	/** @error: it was cancelled. Under &mmgpu_ctx.lock */
	int error;

	/** @submitting: the ioctl still uses the job's buffers. Under &mmgpu_ctx.lock */
	bool submitting;

	/** @mm_seq: number of the mm that submitted it; only looked at for private buffers */
	u64 mm_seq;

	/** @svm: a command names a CPU address, so it runs on the thread of its file */
	bool svm;

	/** @svm_caller: if so, who submitted it */
	struct mmgpu_svm_caller svm_caller;

	/** @svm_link: in the queue of that thread */
	struct list_head svm_link;

	/** @granted: a buffer is another mm's, so access to it may have been revoked */
	bool granted;

	/** @granted_start: which one it was of &mmgpu_device.granted_starts */
	u64 granted_start;

	/** @granted_link: in &mmgpu_device.granted_jobs while it runs with such buffers */
	struct list_head granted_link;

	/** @cmds: the commands, checked */
	struct drm_mmgpu_cmd *cmds;

	/** @objs: the buffers, with references */
	struct drm_gem_object **objs;

	/** @bos: size and declared access of each of @objs */
	struct mmgpu_cmd_bo *bos;

	/** @maps: where the engine finds each of @objs */
	void **maps;

	/** @num_cmds: number of @cmds */
	u32 num_cmds;

	/** @num_bos: number of @objs, @bos and @maps */
	u32 num_bos;

	/** @exec_work: hands it to the engine's thread */
	struct kthread_work exec_work;

	/** @drop_work: drops what a cancelled job needs no more, with a reference to it */
	struct work_struct drop_work;

	/** @free_work: frees it, away from the scheduler */
	struct work_struct free_work;
};

static inline struct mmgpu_job *to_mmgpu_job(struct drm_sched_job *job)
{
	return container_of(job, struct mmgpu_job, base);
}

struct mmgpu_job *mmgpu_job_alloc(void);
struct mmgpu_job *mmgpu_job_get(struct mmgpu_job *job);
void mmgpu_job_put(struct mmgpu_job *job);
void mmgpu_job_free(struct mmgpu_job *job);

int mmgpu_job_enqueue(struct mmgpu_job *job);
void mmgpu_job_end_submit(struct mmgpu_job *job);
void mmgpu_job_cancel_all_locked(struct mmgpu_ctx *ctx, int error);

int mmgpu_job_start_granted(struct mmgpu_job *job);
void mmgpu_job_end_granted(struct mmgpu_job *job);
int mmgpu_job_wait_granted(const struct mmgpu_bo *bo, u64 seq, u32 access);

bool mmgpu_job_hand_over(struct mmgpu_job *job);
void mmgpu_job_exec(struct mmgpu_job *job, struct mmgpu_svm_thread *thread);
void mmgpu_job_finish(struct mmgpu_job *job, int error);

#endif /* _MMGPU_JOB_H_ */
