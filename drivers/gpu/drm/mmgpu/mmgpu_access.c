// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/**
 * DOC: Access to buffers
 *
 * One function, mmgpu_bo_access(), says what the mm with a given number may do with a
 * buffer. Every door asks it, each time, however the caller came by its handle or
 * mapping. It compares numbers, and a number names one mm for ever, so the answer can
 * be asked for a queued job as well as for the caller.
 *
 * Which mm a door asks for is the door's matter: an ioctl asks for current->mm, a page
 * fault for the mm of the VMA, whoever takes the fault.
 *
 * **Grants.** A private buffer has a list of the mms that its owner let in. It is read
 * under RCU, without a lock: one entry for each mm, whose number never changes, and
 * which gives nothing any more once that mm is gone.
 *
 * **Revoking** has three steps. First the entry loses access, so that every door that
 * asks from now on refuses. Then the page tables lose all entries of the buffer, with
 * &mmgpu_bo.grants_lock held for writing; a grantee's page fault asks and inserts with
 * it held for reading, so none inserts what it was allowed before. The owner's
 * faults need no lock, for nobody takes access from the owner. Last, with no lock
 * held, it waits for the jobs that an engine is running (mmgpu_job_wait_granted()).
 *
 * A revocation that is interrupted has done all but wait; the next one waits, although
 * it finds nothing to revoke.
 */

#include <linux/bits.h>
#include <linux/lockdep.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include <kunit/visibility.h>

#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_print.h>
#include <drm/drm_vma_manager.h>

#include <drm/mmgpu_drm.h>

#include "mmgpu_access.h"
#include "mmgpu_device.h"
#include "mmgpu_file.h"
#include "mmgpu_gem.h"
#include "mmgpu_job.h"
#include "mmgpu_mm.h"
#include "mmgpu_trace.h"

/* What one mm was let do with one buffer. */
struct mmgpu_grant {
	/* In &mmgpu_bo.grants. */
	struct list_head link;
	/* The grantee, with a reference. */
	struct mmgpu_mm *m;
	/* Changes under &mmgpu_bo.grants_lock. */
	u32 access;
	struct rcu_head rcu;
};

/* At most 15 characters, for the trace. */
static const char * const mmgpu_door_names[] = {
	[MMGPU_DOOR_IOCTL] = "ioctl",
	[MMGPU_DOOR_COMPAT_IOCTL] = "compat_ioctl",
	[MMGPU_DOOR_POLL] = "poll",
	[MMGPU_DOOR_READ] = "read",
	[MMGPU_DOOR_MMAP] = "mmap",
	[MMGPU_DOOR_PUBLISH] = "publish",
	[MMGPU_DOOR_HANDLE] = "handle",
	[MMGPU_DOOR_SUBMIT] = "submit",
	[MMGPU_DOOR_JOB] = "job",
	[MMGPU_DOOR_BO_INFO] = "bo_info",
	[MMGPU_DOOR_BO_WAIT] = "bo_wait",
	[MMGPU_DOOR_BO_GRANT] = "bo_grant",
	[MMGPU_DOOR_FAULT] = "fault",
	[MMGPU_DOOR_ATTACH] = "attach",
	[MMGPU_DOOR_SYNC_START] = "sync_start",
};

/**
 * mmgpu_refuse() - Leave a trace of a refusal
 * @drm: device
 * @door: where
 * @caller_seq: number of the mm that was refused, 0 if it has none
 * @owner_seq: number of the mm that owns what was refused
 * @error: what it was refused with
 *
 * Return: @error.
 */
int mmgpu_refuse(struct drm_device *drm, enum mmgpu_door door, u64 caller_seq, u64 owner_seq,
		 int error)
{
	const char *name = mmgpu_door_names[door];

	trace_mmgpu_refuse(drm->primary->index, name, caller_seq, owner_seq, error);
	drm_dbg(drm, "%s: mm %llu refused what is mm %llu's: %d\n", name, caller_seq, owner_seq,
		error);

	return error;
}

/**
 * mmgpu_bo_needs_grant() - Ask whether an mm depends on a grant
 * @bo: buffer
 * @seq: number of the mm, 0 if it has none
 *
 * Return: false if its access to the buffer never changes.
 */
bool mmgpu_bo_needs_grant(const struct mmgpu_bo *bo, u64 seq)
{
	return bo->mm_seq && bo->mm_seq != seq;
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_bo_needs_grant);

static struct mmgpu_grant *mmgpu_bo_find_grant(const struct mmgpu_bo *bo, u64 seq)
{
	struct mmgpu_grant *grant;

	list_for_each_entry_rcu(grant, &bo->grants, link, lockdep_is_held(&bo->grants_lock))
		if (grant->m->seq == seq)
			return grant;

	return NULL;
}

/**
 * mmgpu_bo_access() - BO access: what may an mm do with a buffer?
 * @bo: buffer
 * @seq: number of the mm, 0 if it has none
 *
 * Return: of MMGPU_ACCESS_READ and MMGPU_ACCESS_WRITE.
 */
u32 mmgpu_bo_access(const struct mmgpu_bo *bo, u64 seq)
{
	struct mmgpu_grant *grant;
	u32 access = 0;

	if (!mmgpu_bo_needs_grant(bo, seq))
		return MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE;

	rcu_read_lock();
	grant = mmgpu_bo_find_grant(bo, seq);
	if (grant && !mmgpu_mm_is_gone(grant->m))
		access = READ_ONCE(grant->access);
	rcu_read_unlock();

	return access;
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_bo_access);

/**
 * mmgpu_bo_check_access() - Refuse an access that mmgpu_bo_access() does not allow
 * @bo: buffer
 * @seq: number of the mm, 0 if it has none
 * @want: of MMGPU_ACCESS_READ and MMGPU_ACCESS_WRITE
 * @door: where it is refused
 *
 * Return: 0; -EACCES if the mm may read but wants to write; else -EPERM.
 */
int mmgpu_bo_check_access(const struct mmgpu_bo *bo, u64 seq, u32 want, enum mmgpu_door door)
{
	u32 access = mmgpu_bo_access(bo, seq);

	if (likely(!(want & ~access)))
		return 0;

	return mmgpu_refuse(bo->base.base.dev, door, seq, bo->mm_seq, access ? -EACCES : -EPERM);
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_bo_check_access);

/**
 * mmgpu_bo_check_mm() - mmgpu_bo_check_access() for an mm that is alive
 * @bo: buffer
 * @mm: current->mm or the mm of a VMA
 * @want: of MMGPU_ACCESS_READ and MMGPU_ACCESS_WRITE
 * @door: where it is refused
 *
 * Return: as mmgpu_bo_check_access().
 */
int mmgpu_bo_check_mm(const struct mmgpu_bo *bo, const struct mm_struct *mm, u32 want,
		      enum mmgpu_door door)
{
	/* Spares buffers that are not private the lookup. */
	u64 seq = bo->mm_seq ? mmgpu_mm_lookup_seq(mm) : 0;

	return mmgpu_bo_check_access(bo, seq, want, door);
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_bo_check_mm);

/**
 * mmgpu_bo_init_grants() - Prepare a new buffer
 * @bo: buffer
 */
void mmgpu_bo_init_grants(struct mmgpu_bo *bo)
{
	init_rwsem(&bo->grants_lock);
	INIT_LIST_HEAD(&bo->grants);
}

static void mmgpu_grant_free(struct mmgpu_grant *grant)
{
	if (!grant)
		return;

	mmgpu_mm_put(grant->m);
	kfree(grant);
}

static void mmgpu_grant_free_rcu(struct rcu_head *rcu)
{
	mmgpu_grant_free(container_of(rcu, struct mmgpu_grant, rcu));
}

static void mmgpu_grant_remove(struct mmgpu_grant *grant)
{
	list_del_rcu(&grant->link);
	call_rcu(&grant->rcu, mmgpu_grant_free_rcu);
}

/**
 * mmgpu_bo_fini_grants() - Free the grants of a buffer that nobody uses any more
 * @bo: buffer
 */
void mmgpu_bo_fini_grants(struct mmgpu_bo *bo)
{
	struct mmgpu_grant *grant, *next;

	list_for_each_entry_safe(grant, next, &bo->grants, link)
		mmgpu_grant_free(grant);
}

/**
 * mmgpu_bo_show_grants() - Print the grants of a buffer for debugfs
 * @bo: buffer
 * @s: where to
 */
void mmgpu_bo_show_grants(struct mmgpu_bo *bo, struct seq_file *s)
{
	struct mmgpu_grant *grant;

	rcu_read_lock();
	list_for_each_entry_rcu(grant, &bo->grants, link)
		if (!mmgpu_mm_is_gone(grant->m))
			seq_printf(s, "  grant mm_seq=%llu access=%u\n", grant->m->seq,
				   READ_ONCE(grant->access));
	rcu_read_unlock();
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_bo_show_grants);

/* Gives the grants of dead mms back, and counts the others. */
static unsigned int mmgpu_bo_count_grants_locked(struct mmgpu_bo *bo)
{
	struct mmgpu_grant *grant, *next;
	unsigned int count = 0;

	lockdep_assert_held_write(&bo->grants_lock);
	list_for_each_entry_safe(grant, next, &bo->grants, link) {
		if (mmgpu_mm_is_gone(grant->m))
			mmgpu_grant_remove(grant);
		else
			count++;
	}

	return count;
}

static void mmgpu_bo_widen_locked(struct mmgpu_bo *bo, struct mmgpu_grant *grant, u32 access)
{
	trace_mmgpu_grant(bo->base.base.dev->primary->index, bo->mm_seq, grant->m->seq, access,
			  grant->access);
	WRITE_ONCE(grant->access, access);
}

/*
 * Takes what is not in @access out of a grant. When this returns no mapping of the
 * grantee's reaches the buffer.
 */
static void mmgpu_bo_narrow_locked(struct mmgpu_bo *bo, struct mmgpu_grant *grant, u32 access)
{
	struct drm_gem_object *obj = &bo->base.base;

	trace_mmgpu_revoke(obj->dev->primary->index, bo->mm_seq, grant->m->seq, access,
			   grant->access);
	WRITE_ONCE(grant->access, access);
	if (!access)
		mmgpu_grant_remove(grant);

	/* Mappings of dma-bufs too: they are all in one address_space. Who may faults again. */
	drm_vma_node_unmap(&obj->vma_node, obj->dev->anon_inode->i_mapping);
}

static bool mmgpu_bo_change_grant_locked(struct mmgpu_bo *bo, u64 seq, u32 access)
{
	struct mmgpu_grant *grant;

	lockdep_assert_held_write(&bo->grants_lock);
	grant = mmgpu_bo_find_grant(bo, seq);
	if (!grant)
		return false;

	if (grant->access & ~access)
		mmgpu_bo_narrow_locked(bo, grant, access);
	else
		mmgpu_bo_widen_locked(bo, grant, access);

	return true;
}

/* Changes what the mm has, or does nothing. Neither allocates nor waits for a reservation. */
static int mmgpu_bo_change_grant(struct mmgpu_bo *bo, u64 seq, u32 access, bool *changed)
{
	int ret = down_write_killable(&bo->grants_lock);

	if (ret)
		return ret;
	*changed = mmgpu_bo_change_grant_locked(bo, seq, access);
	up_write(&bo->grants_lock);

	return 0;
}

static int mmgpu_bo_add_grant(struct mmgpu_bo *bo, struct mmgpu_mm *m, u32 access)
{
	struct mmgpu_device *mdev = to_mmgpu_device(bo->base.base.dev);
	struct mmgpu_grant *grant;
	int ret;

	grant = kzalloc_obj(*grant, GFP_KERNEL_ACCOUNT);
	if (!grant)
		return -ENOMEM;
	grant->m = mmgpu_mm_get(m);

	/* Now, since the memory is charged to whoever populates it. */
	ret = mmgpu_bo_map(bo, true);
	if (ret)
		goto out_free;

	ret = down_write_killable(&bo->grants_lock);
	if (ret)
		goto out_free;

	/* Another thread may have been faster. */
	if (mmgpu_bo_change_grant_locked(bo, m->seq, access)) {
		ret = 0;
	} else if (mmgpu_bad(mdev, mmgpu_bo_count_grants_locked(bo) >= MMGPU_MAX_GRANTS)) {
		ret = -ENOSPC;
	} else {
		mmgpu_bo_widen_locked(bo, grant, access);
		list_add_tail_rcu(&grant->link, &bo->grants);
		grant = NULL;
	}
	up_write(&bo->grants_lock);

out_free:
	mmgpu_grant_free(grant);

	return ret;
}

VISIBLE_IF_KUNIT int mmgpu_bo_grant(struct mmgpu_bo *bo, u64 seq, u32 access)
{
	struct mmgpu_mm *m = NULL;
	bool changed;
	int ret;

	if (access) {
		m = mmgpu_mm_lookup(seq);
		if (mmgpu_bad(to_mmgpu_device(bo->base.base.dev), !m))
			return -ESRCH;
	}

	/* First, since it takes access away, which nobody may hold up. */
	ret = mmgpu_bo_change_grant(bo, seq, access, &changed);
	if (!ret && !changed && access)
		ret = mmgpu_bo_add_grant(bo, m, access);
	mmgpu_mm_put(m);

	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_bo_grant);

/**
 * mmgpu_ioctl_bo_grant() - DRM_IOCTL_MMGPU_BO_GRANT
 * @drm: device
 * @data: &struct drm_mmgpu_bo_grant
 * @file: file
 *
 * Return: 0 or the errors that the uapi header lists.
 */
int mmgpu_ioctl_bo_grant(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct mmgpu_device *mdev = to_mmgpu_device(drm);
	struct drm_mmgpu_bo_grant *args = data;
	struct drm_gem_object *obj;
	struct mmgpu_bo *bo;
	u64 seq;
	int ret;

	if (mmgpu_bad(mdev, args->access & ~(MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE)) ||
	    mmgpu_bad(mdev, args->access == MMGPU_ACCESS_WRITE))
		return -EINVAL;

	obj = drm_gem_object_lookup(file, args->handle);
	if (mmgpu_bad(mdev, !obj))
		return -ENOENT;

	bo = to_mmgpu_bo(obj);
	seq = mmgpu_file_caller_seq(to_mmgpu_file(file));
	if (mmgpu_bad(mdev, !bo->mm_seq)) {
		ret = -EINVAL;
	} else if (bo->mm_seq != seq) {
		ret = mmgpu_refuse(drm, MMGPU_DOOR_BO_GRANT, seq, bo->mm_seq, -EPERM);
	} else if (mmgpu_bad(mdev, args->mm_seq == seq)) {
		ret = -EINVAL;
	} else {
		ret = mmgpu_bo_grant(bo, args->mm_seq, args->access);
		if (!ret)
			ret = mmgpu_job_wait_granted(bo, args->mm_seq, args->access);
	}
	drm_gem_object_put(obj);

	return ret;
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_ioctl_bo_grant);
