// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/**
 * DOC: Files and binding
 *
 * &struct mmgpu_file is what a descriptor of the node stands for; dup, fork and
 * SCM_RIGHTS share it. &mmgpu_file.owner is NULL until BIND_MM sets it, for ever, so
 * a bound file needs no lock for its gate.
 *
 * Bind refuses a file that has a handle, a context or a job, because those were made
 * under the other rule. That has to be exact against an ioctl which passed the gate
 * just before: what it makes it counts under &mmgpu_file.lock, where the gate is asked
 * once more. Jobs are different, as the submit path takes no lock: only the first job
 * of a legacy file does, and closes the file to bind by &mmgpu_file.submitted.
 *
 * A call that passed the gate of a legacy file and has not returned could still touch
 * what the owner makes later. Such calls are counted, and BIND_MM returns when the last
 * one has: from then on the owner is alone. Not counted are those that can't harm but may
 * take long or have no time: see mmgpu_ioctl_is_overtaken().
 */

#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include <drm/mmgpu_drm.h>

#include "mmgpu_ctx.h"
#include "mmgpu_device.h"
#include "mmgpu_file.h"
#include "mmgpu_job.h"
#include "mmgpu_svm_thread.h"
#include "mmgpu_trace.h"

static void mmgpu_file_free(struct kref *ref)
{
	struct mmgpu_file *mfile = container_of(ref, struct mmgpu_file, ref);

	mmgpu_svm_thread_free(mfile->svm_thread);
	mmgpu_mm_put(mfile->owner);
	xa_destroy(&mfile->ctxs);
	mutex_destroy(&mfile->lock);
	kfree(mfile);
}

/**
 * mmgpu_file_get() - Take a reference
 * @mfile: file that the caller has a reference to
 *
 * Return: @mfile.
 */
struct mmgpu_file *mmgpu_file_get(struct mmgpu_file *mfile)
{
	kref_get(&mfile->ref);
	return mfile;
}

/**
 * mmgpu_file_put() - Drop a reference
 * @mfile: file, or NULL
 */
void mmgpu_file_put(struct mmgpu_file *mfile)
{
	if (mfile)
		kref_put(&mfile->ref, mmgpu_file_free);
}

/**
 * mmgpu_file_refused() - Leave a trace of a refusal by the gate
 * @mfile: bound file
 * @door: where
 * @error: what the gate said
 *
 * Return: @error.
 */
int mmgpu_file_refused(const struct mmgpu_file *mfile, enum mmgpu_door door, int error)
{
	return mmgpu_refuse(&mfile->mdev->drm, door, mmgpu_mm_lookup_seq(current->mm),
			    mmgpu_file_owner(mfile)->seq, error);
}

/**
 * mmgpu_file_publish_job() - Give a job its place, and note that the file has one now
 * @mfile: file
 * @job: job of the file, as for mmgpu_job_enqueue()
 *
 * Return: 0; what the gate says if the file was bound meanwhile; or what
 * mmgpu_job_enqueue() returns.
 */
int mmgpu_file_publish_job(struct mmgpu_file *mfile, struct mmgpu_job *job)
{
	int ret;

	/* A bound file keeps its owner, one with a job can't be bound any more. */
	if (mmgpu_file_owner(mfile) || READ_ONCE(mfile->submitted))
		return mmgpu_file_check(mfile, MMGPU_DOOR_PUBLISH) ?: mmgpu_job_enqueue(job);

	mutex_lock(&mfile->lock);
	ret = mmgpu_file_check(mfile, MMGPU_DOOR_PUBLISH) ?: mmgpu_job_enqueue(job);
	if (!ret)
		WRITE_ONCE(mfile->submitted, true);
	mutex_unlock(&mfile->lock);

	return ret;
}

/**
 * mmgpu_file_wait_legacy() - Wait for the calls that began before the file was bound
 * @mfile: bound file; the caller itself is not in such a call
 *
 * Return: 0 or -ERESTARTSYS.
 */
int mmgpu_file_wait_legacy(struct mmgpu_file *mfile)
{
	/* Pairs with mmgpu_file_enter(). */
	smp_mb();
	return wait_var_event_interruptible(&mfile->legacy_calls,
					    !atomic_read(&mfile->legacy_calls));
}

static void mmgpu_file_owner_gone(struct mmgpu_mm_client *client)
{
	mmgpu_ctx_kill_all(container_of(client, struct mmgpu_file, client), -ECANCELED);
}

/* Whether a new owner can still be set; -EALREADY if one is. */
static int mmgpu_file_can_bind(struct mmgpu_file *mfile)
{
	lockdep_assert_held(&mfile->lock);

	if (mfile->owner)
		return -EALREADY;

	if (mmgpu_bad(mfile->mdev, mfile->num_handles) ||
	    mmgpu_bad(mfile->mdev, mfile->num_ctxs) ||
	    mmgpu_bad(mfile->mdev, mfile->submitted))
		return -EBUSY;

	return 0;
}

static int mmgpu_file_bind(struct mmgpu_file *mfile)
{
	struct mmgpu_mm *m;
	int ret;

	/* A refused call assigns no number, either. */
	mutex_lock(&mfile->lock);
	ret = mmgpu_file_can_bind(mfile);
	mutex_unlock(&mfile->lock);
	if (ret)
		return ret;

	m = mmgpu_mm_assign();
	if (IS_ERR(m))
		return PTR_ERR(m);

	mutex_lock(&mfile->lock);
	ret = mmgpu_file_can_bind(mfile);
	if (!ret)
		/* Pairs with mmgpu_file_owner(). */
		smp_store_release(&mfile->owner, mmgpu_mm_get(m));
	mutex_unlock(&mfile->lock);

	/* Our mm does not end before we return, so it is early enough. */
	if (!ret)
		mmgpu_mm_add_client(m, &mfile->client);
	mmgpu_mm_put(m);

	return ret;
}

/**
 * mmgpu_file_open() - &drm_driver.open
 * @drm: device
 * @file: new file
 *
 * Return: 0 or -ENOMEM.
 */
int mmgpu_file_open(struct drm_device *drm, struct drm_file *file)
{
	struct mmgpu_device *mdev = to_mmgpu_device(drm);
	struct mmgpu_file *mfile;
	int ret;

	mfile = kzalloc_obj(*mfile, GFP_KERNEL_ACCOUNT);
	if (!mfile)
		return -ENOMEM;

	mfile->mdev = mdev;
	mfile->client.gone = mmgpu_file_owner_gone;
	INIT_LIST_HEAD(&mfile->client.link);
	mutex_init(&mfile->lock);
	xa_init_flags(&mfile->ctxs, XA_FLAGS_ALLOC | XA_FLAGS_ACCOUNT);
	kref_init(&mfile->ref);

	ret = mmgpu_ctx_init_default(mfile);
	if (ret) {
		mmgpu_file_put(mfile);
		return ret;
	}

	file->driver_priv = mfile;

	return 0;
}

/**
 * mmgpu_file_postclose() - &drm_driver.postclose
 * @drm: device
 * @file: file that is closed, by whatever process
 */
void mmgpu_file_postclose(struct drm_device *drm, struct drm_file *file)
{
	struct mmgpu_file *mfile = to_mmgpu_file(file);

	/* From here on the owner's end finds nothing to do. */
	if (mfile->owner)
		mmgpu_mm_remove_client(mfile->owner, &mfile->client);

	mmgpu_ctx_destroy_all(mfile);
	mmgpu_svm_thread_close(mfile->svm_thread);
	mmgpu_file_put(mfile);
}

/**
 * mmgpu_file_show_fdinfo() - &file_operations.show_fdinfo, after drm-usage-stats.rst
 * @m: where to print
 * @filp: file; never gated
 */
void mmgpu_file_show_fdinfo(struct seq_file *m, struct file *filp)
{
	struct drm_file *file = filp->private_data;
	struct mmgpu_file *mfile = to_mmgpu_file(file);
	const struct mmgpu_mm *owner = mmgpu_file_owner(mfile);
	struct drm_printer p = drm_seq_file_printer(m);

	drm_show_fdinfo(m, filp);
	/* The engines are all alike: one name, so that no name is the prefix of another. */
	drm_printf(&p, "drm-engine-cpu:\t%lld ns\n", (long long)atomic64_read(&mfile->busy_ns));
	if (mmgpu_params.engines > 1)
		drm_printf(&p, "drm-engine-capacity-cpu:\t%u\n", mmgpu_params.engines);
	if (owner && mmgpu_params.svm)
		drm_printf(&p, "drm-engine-svm:\t%lld ns\n",
			   (long long)atomic64_read(&mfile->svm_ns));
	drm_show_memory_stats(&p, file);
	if (owner)
		drm_printf(&p, "mmgpu-mm-seq:\t%llu\n", owner->seq);
}

/**
 * mmgpu_ioctl_bind_mm() - DRM_IOCTL_MMGPU_BIND_MM
 * @drm: device
 * @data: &struct drm_mmgpu_bind_mm
 * @file: file
 *
 * Return: 0 or the errors that the uapi header lists.
 */
int mmgpu_ioctl_bind_mm(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct mmgpu_file *mfile = to_mmgpu_file(file);
	struct drm_mmgpu_bind_mm *args = data;
	int ret;

	if (mmgpu_bad(mfile->mdev, args->flags) || mmgpu_bad(mfile->mdev, args->pad))
		return -EINVAL;

	if (mmgpu_bad(mfile->mdev, !current->mm || current->flags & PF_KTHREAD))
		return -EINVAL;

	ret = mmgpu_file_bind(mfile);
	if (!ret)
		trace_mmgpu_bind(drm->primary->index, mfile->owner->seq);
	else if (ret == -EALREADY)
		ret = mmgpu_file_gate(mfile);
	if (!ret)
		args->mm_seq = mfile->owner->seq;

	return ret;
}

/**
 * mmgpu_ioctl_query_mm() - DRM_IOCTL_MMGPU_QUERY_MM
 * @drm: device
 * @data: &struct drm_mmgpu_query_mm
 * @file: file; whoever asks, bound or not, unplugged or not
 *
 * Return: 0 or the errors that the uapi header lists.
 */
int mmgpu_ioctl_query_mm(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct mmgpu_file *mfile = to_mmgpu_file(file);
	struct drm_mmgpu_query_mm *args = data;
	const struct mmgpu_mm *owner;
	struct mmgpu_mm *m;

	if (mmgpu_bad(mfile->mdev, args->flags & ~MMGPU_QUERY_MM_ASSIGN))
		return -EINVAL;

	if (args->flags & MMGPU_QUERY_MM_ASSIGN) {
		m = mmgpu_mm_assign();
		if (IS_ERR(m))
			return PTR_ERR(m);
		args->caller_mm_seq = m->seq;
		mmgpu_mm_put(m);
	} else {
		args->caller_mm_seq = mmgpu_mm_lookup_seq(current->mm);
	}

	owner = mmgpu_file_owner(mfile);
	args->bound_mm_seq = owner ? owner->seq : 0;
	args->state = 0;
	if (owner)
		args->state |= MMGPU_MM_BOUND;
	if (owner && mmgpu_mm_is(owner, current->mm))
		args->state |= MMGPU_MM_OWNER;
	if (owner && mmgpu_mm_is_gone(owner))
		args->state |= MMGPU_MM_GONE;

	return 0;
}
