/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_FILE_H_
#define _MMGPU_FILE_H_

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/types.h>
#include <linux/wait_bit.h>
#include <linux/xarray.h>

#include <drm/drm_file.h>

#include "mmgpu_access.h"
#include "mmgpu_mm.h"

struct mmgpu_ctx;
struct mmgpu_device;
struct mmgpu_job;
struct mmgpu_svm_thread;
struct seq_file;

/**
 * struct mmgpu_file - one open of a node
 *
 * Contexts have references, so the numbers that fdinfo shows can be counted until the
 * last job is over.
 */
struct mmgpu_file {
	/** @mdev: the device */
	struct mmgpu_device *mdev;

	/** @owner: the mm that the file is bound to, or NULL; set once */
	struct mmgpu_mm *owner;

	/** @client: tells the end of @owner */
	struct mmgpu_mm_client client;

	/**
	 * @lock: makes bind exact. Whoever makes something that outlives its ioctl
	 * (a handle, a context, the first job) passes the gate again under this
	 * lock and counts it there; bind looks at the counts and sets @owner there.
	 */
	struct mutex lock;

	/** @num_handles: GEM handles, under @lock */
	unsigned int num_handles;

	/** @num_ctxs: created contexts, under @lock */
	unsigned int num_ctxs;

	/**
	 * @legacy_calls: calls that passed the gate of the legacy file and have not
	 * returned. Bind waits for them, so that none goes on as the owner.
	 */
	atomic_t legacy_calls;

	/** @submitted: a job was submitted; set once, under @lock */
	bool submitted;

	/** @ctxs: contexts by id; 0 is there from open to close */
	struct xarray ctxs;

	/** @busy_ns: time that engines spent on jobs of this file */
	atomic64_t busy_ns;

	/** @svm_thread: runs jobs that name CPU addresses; set once, under @lock */
	struct mmgpu_svm_thread *svm_thread;

	/** @lost: @svm_thread never came back from a page fault; the file takes no job any more */
	bool lost;

	/** @svm_ns: time that @svm_thread spent on jobs, page faults included */
	atomic64_t svm_ns;

	/** @ref: one of the open file, one of each context */
	struct kref ref;
};

static inline struct mmgpu_file *to_mmgpu_file(const struct drm_file *file)
{
	return file->driver_priv;
}

/**
 * mmgpu_file_owner() - Find the mm that a file is bound to
 * @mfile: file
 *
 * Return: its object, as long as @mfile is there; NULL for a legacy file.
 */
static inline const struct mmgpu_mm *mmgpu_file_owner(const struct mmgpu_file *mfile)
{
	/* Pairs with bind's release: who sees the owner sees its number. */
	return smp_load_acquire(&mfile->owner);
}

/**
 * mmgpu_file_gate() - The file gate: may the caller use this file?
 * @mfile: file
 *
 * Two loads and two compares on a bound file, one of each on a legacy one. The owner,
 * once seen, stays, and current->mm lives as long as current runs in it: what this
 * says of a bound file holds until the system call returns. Of a legacy file it holds
 * until somebody binds it, hence &mmgpu_file.lock.
 *
 * Return: 0, -EPERM, or -ESRCH if the owner's mm is gone.
 */
static inline int mmgpu_file_gate(const struct mmgpu_file *mfile)
{
	const struct mmgpu_mm *owner = mmgpu_file_owner(mfile);

	if (!owner || likely(mmgpu_mm_is(owner, current->mm)))
		return 0;

	return mmgpu_mm_is_gone(owner) ? -ESRCH : -EPERM;
}

int mmgpu_file_refused(const struct mmgpu_file *mfile, enum mmgpu_door door, int error);

/**
 * mmgpu_file_check() - Ask the gate, and leave a trace if it refuses
 * @mfile: file
 * @door: where it is asked
 *
 * Return: as mmgpu_file_gate().
 */
static inline int mmgpu_file_check(const struct mmgpu_file *mfile, enum mmgpu_door door)
{
	int ret = mmgpu_file_gate(mfile);

	return likely(!ret) ? 0 : mmgpu_file_refused(mfile, door, ret);
}

/**
 * mmgpu_file_exit() - End a call that mmgpu_file_enter() let in as a legacy one
 * @mfile: file
 */
static inline void mmgpu_file_exit(struct mmgpu_file *mfile)
{
	if (atomic_dec_and_test(&mfile->legacy_calls) && unlikely(mmgpu_file_owner(mfile)))
		wake_up_var(&mfile->legacy_calls);
}

/**
 * mmgpu_file_enter() - Begin a call on a file: ask the gate
 * @mfile: file
 * @legacy: out: whether the call is to end with mmgpu_file_exit(), refused or not
 *
 * What a call does on a legacy file it may do only as long as the file is one. Nothing
 * stops a caller between the gate and the work (its arguments may lie on a page that
 * somebody else serves), so such calls are counted. On a bound file nothing is written.
 *
 * Return: as mmgpu_file_gate().
 */
static inline int mmgpu_file_enter(struct mmgpu_file *mfile, bool *legacy)
{
	*legacy = !mmgpu_file_owner(mfile);
	if (*legacy) {
		atomic_inc(&mfile->legacy_calls);
		/* Pairs with bind: either it sees the call, or the call sees the owner. */
		smp_mb__after_atomic();
	}

	return mmgpu_file_gate(mfile);
}

/**
 * mmgpu_file_caller_seq() - Find the number of the caller's mm
 * @mfile: file whose gate the caller has passed
 *
 * Return: the number, 0 if it has none.
 */
static inline u64 mmgpu_file_caller_seq(const struct mmgpu_file *mfile)
{
	const struct mmgpu_mm *owner = mmgpu_file_owner(mfile);

	/* The file may have been bound by another mm since. */
	if (owner && mmgpu_mm_is(owner, current->mm))
		return owner->seq;

	return mmgpu_mm_lookup_seq(current->mm);
}

int mmgpu_file_publish_job(struct mmgpu_file *mfile, struct mmgpu_job *job);
int mmgpu_file_wait_legacy(struct mmgpu_file *mfile);
struct mmgpu_file *mmgpu_file_get(struct mmgpu_file *mfile);
void mmgpu_file_put(struct mmgpu_file *mfile);

int mmgpu_file_open(struct drm_device *drm, struct drm_file *file);
void mmgpu_file_postclose(struct drm_device *drm, struct drm_file *file);
void mmgpu_file_show_fdinfo(struct seq_file *m, struct file *filp);

int mmgpu_ioctl_bind_mm(struct drm_device *drm, void *data, struct drm_file *file);
int mmgpu_ioctl_query_mm(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* _MMGPU_FILE_H_ */
