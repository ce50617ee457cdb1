/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _MMGPU_COMPAT_DRM_GPU_SCHEDULER_H_
#define _MMGPU_COMPAT_DRM_GPU_SCHEDULER_H_

#include_next <drm/gpu_scheduler.h>

/* Can go with 6.1. */
#ifndef HAVE_DRM_SCHED_PRIORITY_LOW
#define DRM_SCHED_PRIORITY_LOW	DRM_SCHED_PRIORITY_MIN
#endif

/* Every job counted as one credit, and nobody asked who the client is. Can go with 6.1. */
#ifndef HAVE_DRM_SCHED_JOB_CREDITS
#define drm_sched_job_init(job, entity, credits, owner, client_id) \
	drm_sched_job_init(job, entity, owner)
#endif

/* The scheduler was a thread. Can go with 6.1. */
#ifndef HAVE_DRM_SCHED_WQUEUE_STOP
#include <linux/kthread.h>

#define drm_sched_wqueue_stop(sched)	((void)kthread_park((sched)->thread))
#define drm_sched_wqueue_start(sched)	kthread_unpark((sched)->thread)
#endif

/* Each scheduler had a queue for every priority. Can go with 6.1. */
#ifndef HAVE_DRM_SCHED_NUM_RQS
struct mmgpu_compat_sched_init_args {
	const struct drm_sched_backend_ops *ops;
	u32 num_rqs;
	u32 credit_limit;
	long timeout;
	const char *name;
	struct device *dev;
};

static inline int mmgpu_compat_sched_init(struct drm_gpu_scheduler *sched,
					  const struct mmgpu_compat_sched_init_args *args)
{
	const struct drm_sched_init_args old = {
		.ops = args->ops,
		.credit_limit = args->credit_limit,
		.timeout = args->timeout,
		.name = args->name,
		.dev = args->dev,
	};

	return drm_sched_init(sched, &old);
}

#define drm_sched_init_args	mmgpu_compat_sched_init_args
#define drm_sched_init		mmgpu_compat_sched_init
#endif

#endif
