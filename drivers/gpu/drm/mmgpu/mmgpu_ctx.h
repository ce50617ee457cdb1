/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_CTX_H_
#define _MMGPU_CTX_H_

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <drm/gpu_scheduler.h>

struct drm_device;
struct drm_file;
struct mmgpu_file;

/**
 * struct mmgpu_ctx - a context: a queue of jobs that start and signal in order
 *
 * A context lives until its last job is freed, which may be after its file is closed.
 */
struct mmgpu_ctx {
	/** @entity: what the scheduler knows of the context */
	struct drm_sched_entity entity;

	/** @mfile: its file, with a reference; also holds the device */
	struct mmgpu_file *mfile;

	/** @ref: one of the file's table, one of each job */
	struct kref ref;

	/** @rcu: frees the context after the last lookup */
	struct rcu_head rcu;

	/** @submit_lock: from arming a job to pushing it, to keep the order */
	struct mutex submit_lock;

	/** @fence_context: fence context of the jobs' fences */
	u64 fence_context;

	/** @lock: protects what follows; job fences are signalled under it, in order */
	spinlock_t lock;

	/** @seqno: of the last job */
	u64 seqno;

	/** @jobs: &struct mmgpu_job whose fence has not signalled, in order */
	struct list_head jobs;

	/** @num_jobs: length of @jobs and places reserved for more */
	unsigned int num_jobs;

	/** @wq: woken when @num_jobs falls */
	wait_queue_head_t wq;

	/** @killed: what a submission gets, 0 while the context takes jobs */
	int killed;

	/** @banned: a job hung */
	bool banned;

	/** @hangs: number of jobs that hung */
	u64 hangs;

	/** @faults: number of jobs that met a CPU address they may not use */
	u64 faults;

	/** @jobs_done: number of jobs that succeeded */
	u64 jobs_done;
};

struct mmgpu_ctx *mmgpu_ctx_lookup(struct mmgpu_file *mfile, u32 id);
void mmgpu_ctx_put(struct mmgpu_ctx *ctx);

int mmgpu_ctx_reserve(struct mmgpu_ctx *ctx);
void mmgpu_ctx_unreserve(struct mmgpu_ctx *ctx);

int mmgpu_ctx_init_default(struct mmgpu_file *mfile);
void mmgpu_ctx_kill_all(struct mmgpu_file *mfile, int error);
void mmgpu_ctx_destroy_all(struct mmgpu_file *mfile);

int mmgpu_ioctl_ctx_create(struct drm_device *drm, void *data, struct drm_file *file);
int mmgpu_ioctl_ctx_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int mmgpu_ioctl_ctx_query(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* _MMGPU_CTX_H_ */
