/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_DEVICE_H_
#define _MMGPU_DEVICE_H_

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include <drm/drm_device.h>
#include <drm/drm_print.h>

struct drm_gpu_scheduler;
struct mmgpu_engine;
struct platform_device;
struct workqueue_struct;

/*
 * Lock order, outermost first:
 *
 *	drm_file.prime.lock, drm_device.filelist_mutex, mmgpu_mm.clients_lock
 *	  mmgpu_bo.map_lock			populating, once
 *	    dma_resv of the buffers
 *	      mmgpu_ctx.submit_lock		arm, publish and push in one order
 *	        mmgpu_file.lock			publishing, against bind
 *	          mmgpu_device.bos_lock
 *	          mmgpu_device.svm_lock
 *	        mmgpu_svm.lock			a piece of a job, against its end
 *	          mmgpu_ctx.lock		jobs signal in order
 *	            locks of fences, ours and strangers'
 *	            queue_lock (mmgpu_svm_thread.c)
 *	  mmgpu_device.granted_lock		a job starts, against revoke
 *	  mms_lock (mmgpu_mm.c)			the registry; nothing is taken in it
 *
 *	mmap_lock or VMA lock
 *	  mmgpu_bo.map_lock			from mmap
 *	  mmgpu_bo.grants_lock			a page fault, against revoke
 *	    locks of the mm's page tables and reverse mappings
 *
 * mmgpu_ctx_init_default() shows the inner part to lockdep. No callback of a fence takes a lock
 * of ours.
 */

/* What GET_PARAM tells; the uapi header says what each one limits. */
#define MMGPU_MAX_CMDS		1024
#define MMGPU_MAX_BOS		256
#define MMGPU_MAX_SYNCS		256
#define MMGPU_MAX_CONTEXTS	128
#define MMGPU_MAX_JOBS		128
#define MMGPU_MAX_BO_SIZE	SZ_1G
#define MMGPU_MAX_GRANTS	64
#define MMGPU_MAX_ENGINES	16

/**
 * struct mmgpu_params - the module's parameters, checked, the same for every device
 */
struct mmgpu_params {
	/** @num_devices: number of devices that the module makes */
	unsigned int num_devices;

	/** @engines: number of engines of each device */
	unsigned int engines;

	/** @job_timeout_ms: longest run of a job */
	unsigned int job_timeout_ms;

	/** @max_delay_ms: longest MMGPU_OP_DELAY */
	unsigned int max_delay_ms;

	/** @svm: whether jobs may name CPU addresses */
	bool svm;

	/** @features: of DRIVER_SYNCOBJ and DRIVER_SYNCOBJ_TIMELINE */
	u32 features;
};

extern struct mmgpu_params mmgpu_params;

/**
 * struct mmgpu_device - one device
 */
struct mmgpu_device {
	/** @drm: the DRM device; its references are the references of all this */
	struct drm_device drm;

	/** @engines: array of &mmgpu_params.engines */
	struct mmgpu_engine *engines;

	/** @scheds: one scheduler for each engine, as an entity wants them */
	struct drm_gpu_scheduler *scheds[MMGPU_MAX_ENGINES];

	/** @gone: the device was unplugged; running jobs stop */
	bool gone;

	/** @gone_wq: woken when @gone is set */
	wait_queue_head_t gone_wq;

	/** @granted_lock: protects @granted_jobs, and the decision that a job gets in there */
	spinlock_t granted_lock;

	/** @granted_starts: how many jobs got in there so far */
	u64 granted_starts;

	/** @granted_jobs: jobs that run with buffers that another mm granted theirs */
	struct list_head granted_jobs;

	/** @suspended: no job is to start */
	bool suspended;

	/** @svm_running: threads of files that run a job or look whether they may */
	atomic_t svm_running;

	/** @svm_wq: woken when @svm_running falls to 0 while @suspended */
	wait_queue_head_t svm_wq;

	/** @svm_lock: protects @svm_threads */
	spinlock_t svm_lock;

	/** @svm_threads: threads of files, to be woken */
	struct list_head svm_threads;

	/** @bos_lock: protects @bos */
	struct mutex bos_lock;

	/** @bos: all &struct mmgpu_bo, for debugfs */
	struct list_head bos;
};

#define to_mmgpu_device(dev) container_of(dev, struct mmgpu_device, drm)

/**
 * mmgpu_bad() - Say why an ioctl is refused
 * @mdev: device
 * @cond: condition under which it is refused
 *
 * User space can make every refusal happen, so they are debug messages.
 *
 * Return: @cond.
 */
#define mmgpu_bad(mdev, cond) ({					\
	bool __cond = (cond);						\
									\
	if (unlikely(__cond))						\
		drm_dbg(&(mdev)->drm, "refused: %s\n", #cond);		\
	__cond;								\
})

/* Frees jobs; its work may sleep for long, and may drop last references. */
extern struct workqueue_struct *mmgpu_wq;

/* Signals fences, where nobody else does: for dead mms, for page faults that take too long. */
extern struct workqueue_struct *mmgpu_signal_wq;

int mmgpu_params_check(void);
extern const struct dev_pm_ops mmgpu_device_pm_ops;

int mmgpu_device_probe(struct platform_device *pdev);

#endif /* _MMGPU_DEVICE_H_ */
