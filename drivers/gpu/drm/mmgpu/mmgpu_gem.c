// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/**
 * DOC: Buffer objects
 *
 * A buffer is a &struct drm_gem_shmem_object, or somebody else's dma-buf. Whether it is
 * private, and whose, is fixed when it gets its first handle, under the lock that
 * bind takes, and never changes.
 *
 * The pages are populated and mapped for the engines at once, when the first job or
 * mapping needs them, and stay until the object is freed. So nothing on the way of a
 * job or of a page fault allocates or takes the reservation.
 *
 * A CPU mapping is made of PFNs, which get_user_pages() refuses: taking the entries out of
 * the page tables and refusing the faults takes the buffer away for good. The page is
 * found by the offset in the object, not in the VMA, as VMAs are split and moved.
 */

#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include <kunit/visibility.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_mode.h>
#include <drm/drm_utils.h>
#include <drm/drm_vma_manager.h>

#include <drm/mmgpu_drm.h>

#include "mmgpu_access.h"
#include "mmgpu_device.h"
#include "mmgpu_file.h"
#include "mmgpu_gem.h"
#include "mmgpu_mm.h"

static int mmgpu_bo_map_import(struct mmgpu_bo *bo)
{
	struct dma_buf *dma_buf = bo->base.base.import_attach->dmabuf;
	struct iosys_map map;
	int ret;

	/* 6.1 leaves it to the exporter to take the reservation. */
	ret = dma_buf_vmap_unlocked(dma_buf, &map);
	if (ret)
		return ret;

	/* The engines use plain memory operations. */
	if (map.is_iomem) {
		dma_buf_vunmap_unlocked(dma_buf, &map);
		return -EOPNOTSUPP;
	}
	bo->map = map;

	return 0;
}

static int mmgpu_bo_map_own(struct mmgpu_bo *bo)
{
	struct dma_resv *resv = bo->base.base.resv;
	int ret;

	dma_resv_lock(resv, NULL);
	ret = drm_gem_shmem_vmap_locked(&bo->base, &bo->map);
	dma_resv_unlock(resv);

	return ret;
}

/**
 * mmgpu_bo_map() - Populate a buffer and map it for the kernel
 * @bo: buffer; no reservation is held
 * @intr: whether any signal ends the wait for somebody who does the same, or only SIGKILL
 *
 * Populating may take long. It is done with nothing locked but the one buffer, and
 * stays done.
 *
 * Return: 0, -ENOMEM, -EINTR; for a dma-buf of another device -EOPNOTSUPP if it is in
 * I/O memory, or what its exporter says.
 */
int mmgpu_bo_map(struct mmgpu_bo *bo, bool intr)
{
	int ret;

	/* Pairs with the release below: who sees it mapped sees the pages. */
	if (smp_load_acquire(&bo->mapped))
		return 0;

	ret = intr ? mutex_lock_interruptible(&bo->map_lock) : mutex_lock_killable(&bo->map_lock);
	if (ret)
		return ret;
	if (!bo->mapped) {
		ret = drm_gem_is_imported(&bo->base.base) ? mmgpu_bo_map_import(bo) :
							    mmgpu_bo_map_own(bo);
		if (!ret)
			/* Pairs with the acquire above. */
			smp_store_release(&bo->mapped, true);
	}
	mutex_unlock(&bo->map_lock);

	return ret;
}

static void mmgpu_bo_unmap(struct mmgpu_bo *bo)
{
	struct drm_gem_object *obj = &bo->base.base;

	if (!bo->mapped)
		return;

	if (drm_gem_is_imported(obj)) {
		dma_buf_vunmap_unlocked(obj->import_attach->dmabuf, &bo->map);
	} else {
		dma_resv_lock(obj->resv, NULL);
		drm_gem_shmem_vunmap_locked(&bo->base, &bo->map);
		dma_resv_unlock(obj->resv);
	}
}

static void mmgpu_gem_free(struct drm_gem_object *obj)
{
	struct mmgpu_device *mdev = to_mmgpu_device(obj->dev);
	struct mmgpu_bo *bo = to_mmgpu_bo(obj);

	mutex_lock(&mdev->bos_lock);
	list_del(&bo->link);
	mutex_unlock(&mdev->bos_lock);

	mmgpu_bo_unmap(bo);
	mmgpu_bo_fini_grants(bo);
	mutex_destroy(&bo->map_lock);
	drm_gem_shmem_free(&bo->base);
}

/* Every new handle on any file comes by here: create, dumb, import, GEM_OPEN. */
static int mmgpu_gem_open(struct drm_gem_object *obj, struct drm_file *file)
{
	struct mmgpu_file *mfile = to_mmgpu_file(file);
	struct mmgpu_device *mdev = mfile->mdev;
	struct mmgpu_bo *bo = to_mmgpu_bo(obj);
	int ret;

	mutex_lock(&mfile->lock);

	ret = mmgpu_file_check(mfile, MMGPU_DOOR_PUBLISH);
	if (ret)
		goto out_unlock;

	if (bo->fresh) {
		if (mfile->owner && !(bo->flags & MMGPU_BO_SHARED) && !drm_gem_is_imported(obj))
			bo->mm_seq = mfile->owner->seq;
		/* Pairs with mmgpu_gem_mmap(): who may map it sees whose it is. */
		smp_store_release(&bo->fresh, false);

		mutex_lock(&mdev->bos_lock);
		list_add_tail(&bo->link, &mdev->bos);
		mutex_unlock(&mdev->bos_lock);
	}

	ret = mmgpu_bo_check_mm(bo, current->mm, MMGPU_ACCESS_READ, MMGPU_DOOR_HANDLE);
	if (!ret)
		mfile->num_handles++;

out_unlock:
	mutex_unlock(&mfile->lock);

	return ret;
}

static void mmgpu_gem_close(struct drm_gem_object *obj, struct drm_file *file)
{
	struct mmgpu_file *mfile = to_mmgpu_file(file);

	mutex_lock(&mfile->lock);
	mfile->num_handles--;
	mutex_unlock(&mfile->lock);
}

static vm_fault_t mmgpu_gem_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct drm_gem_object *obj = vma->vm_private_data;
	struct mmgpu_bo *bo = to_mmgpu_bo(obj);
	pgoff_t page = vmf->pgoff - drm_vma_node_start(&obj->vma_node);
	u32 want = MMGPU_ACCESS_READ;
	vm_fault_t ret;
	bool granted;
	u64 seq;

	/* mprotect upgrades an entry with no fault, so a read fault may be all there is. */
	if (vma->vm_flags & VM_MAYWRITE)
		want |= MMGPU_ACCESS_WRITE;

	if (page >= obj->size >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;

	/* Not current->mm: a tracer, or a kernel thread, may be taking the fault. */
	seq = bo->mm_seq ? mmgpu_mm_lookup_seq(vma->vm_mm) : 0;

	/* Who revokes takes the entries out after the last of these. */
	granted = mmgpu_bo_needs_grant(bo, seq);
	if (granted)
		down_read(&bo->grants_lock);

	if (mmgpu_bo_check_access(bo, seq, want, MMGPU_DOOR_FAULT))
		ret = VM_FAULT_SIGBUS;
	else
		ret = vmf_insert_pfn(vma, vmf->address, page_to_pfn(bo->base.pages[page]));

	if (granted)
		up_read(&bo->grants_lock);

	return ret;
}

static const struct vm_operations_struct mmgpu_gem_vm_ops = {
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
	.fault = mmgpu_gem_fault,
};

/* The mapping becomes its exporter's, and so does the reference that keeps the memory. */
static int mmgpu_gem_mmap_import(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	int ret;

	vma->vm_private_data = NULL;
	vma->vm_ops = NULL;

	/* Not obj->dma_buf, which goes with the last handle. */
	ret = dma_buf_mmap(obj->import_attach->dmabuf, vma, 0);
	if (ret)
		return ret;

	/* DRM core expects it of every mapping, and not every exporter sets it. */
	vm_flags_set(vma, VM_DONTEXPAND);
	/* Taken by core for a mapping of ours. */
	drm_gem_object_put(obj);

	return 0;
}

/* mmap of the node and of a dma-buf. */
static int mmgpu_gem_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	struct mmgpu_bo *bo = to_mmgpu_bo(obj);
	u32 want = MMGPU_ACCESS_READ;
	int ret;

	if (vma->vm_flags & VM_WRITE)
		want |= MMGPU_ACCESS_WRITE;

	/* Core allows the node before mmgpu_gem_open() says whose it is. Before, it says this. */
	if (smp_load_acquire(&bo->fresh))
		return -EACCES;

	ret = mmgpu_bo_check_mm(bo, vma->vm_mm, want, MMGPU_DOOR_MMAP);
	if (ret)
		return ret;

	/* VM_SHARED is not set when the descriptor is read-only. */
	if (mmgpu_bad(to_mmgpu_device(obj->dev), !(vma->vm_flags & VM_MAYSHARE)))
		return -EINVAL;

	if (drm_gem_is_imported(obj))
		return mmgpu_gem_mmap_import(obj, vma);

	/* mmap() can't be restarted. */
	ret = mmgpu_bo_map(bo, false);
	if (ret)
		return ret;

	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	if (bo->mm_seq) {
		/* fork leaves it out, and with VM_IO madvise can't bring it back. */
		vm_flags_set(vma, VM_DONTCOPY | VM_IO);
		if (!(vma->vm_flags & VM_WRITE))
			vm_flags_clear(vma, VM_MAYWRITE);
	}
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);

	return 0;
}

static const struct drm_gem_object_funcs mmgpu_gem_funcs = {
	.free = mmgpu_gem_free,
	.open = mmgpu_gem_open,
	.close = mmgpu_gem_close,
	.print_info = drm_gem_shmem_object_print_info,
	.export = mmgpu_gem_prime_export,
	.pin = drm_gem_shmem_object_pin,
	.unpin = drm_gem_shmem_object_unpin,
	.get_sg_table = drm_gem_shmem_object_get_sg_table,
	.vmap = drm_gem_shmem_object_vmap,
	.vunmap = drm_gem_shmem_object_vunmap,
	.mmap = mmgpu_gem_mmap,
	.vm_ops = &mmgpu_gem_vm_ops,
};

/**
 * mmgpu_gem_create_object() - &drm_driver.gem_create_object
 * @drm: device
 * @size: size in bytes, whole pages
 *
 * Return: the object, for the shmem helper to initialize, or ERR_PTR(-ENOMEM).
 */
struct drm_gem_object *mmgpu_gem_create_object(struct drm_device *drm, size_t size)
{
	struct mmgpu_bo *bo;

	bo = kzalloc_obj(*bo, GFP_KERNEL_ACCOUNT);
	if (!bo)
		return ERR_PTR(-ENOMEM);

	bo->base.base.funcs = &mmgpu_gem_funcs;
	bo->fresh = true;
	mutex_init(&bo->map_lock);
	mmgpu_bo_init_grants(bo);
	INIT_LIST_HEAD(&bo->link);

	return &bo->base.base;
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_gem_create_object);

static int mmgpu_bo_create(struct drm_file *file, struct mmgpu_device *mdev, u64 size, u32 flags,
			   u32 *handle)
{
	struct drm_gem_shmem_object *shmem;
	int ret;

	if (mmgpu_bad(mdev, !size))
		return -EINVAL;
	if (mmgpu_bad(mdev, size > MMGPU_MAX_BO_SIZE))
		return -E2BIG;

	shmem = drm_gem_shmem_create(&mdev->drm, size);
	if (IS_ERR(shmem))
		return PTR_ERR(shmem);

	to_mmgpu_bo(&shmem->base)->flags = flags;

	ret = drm_gem_handle_create(file, &shmem->base, handle);
	drm_gem_object_put(&shmem->base);

	return ret;
}

/**
 * mmgpu_gem_dumb_create() - &drm_driver.dumb_create
 * @file: file
 * @drm: device
 * @args: DRM core has checked that none is 0 and that nothing overflows 32 bits
 *
 * Return: 0 or the errors of DRM_IOCTL_MMGPU_BO_CREATE.
 */
int mmgpu_gem_dumb_create(struct drm_file *file, struct drm_device *drm,
			  struct drm_mode_create_dumb *args)
{
	u32 pitch = args->width * DIV_ROUND_UP(args->bpp, 8);
	u64 size = PAGE_ALIGN((u64)pitch * args->height);
	int ret;

	ret = mmgpu_bo_create(file, to_mmgpu_device(drm), size, 0, &args->handle);
	if (ret)
		return ret;

	args->pitch = pitch;
	args->size = size;

	return 0;
}

/**
 * mmgpu_ioctl_bo_create() - DRM_IOCTL_MMGPU_BO_CREATE
 * @drm: device
 * @data: &struct drm_mmgpu_bo_create
 * @file: file
 *
 * Return: 0 or the errors that the uapi header lists.
 */
int mmgpu_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct mmgpu_device *mdev = to_mmgpu_device(drm);
	struct drm_mmgpu_bo_create *args = data;

	if (mmgpu_bad(mdev, args->flags & ~MMGPU_BO_SHARED))
		return -EINVAL;

	return mmgpu_bo_create(file, mdev, args->size, args->flags, &args->handle);
}

/**
 * mmgpu_ioctl_bo_info() - DRM_IOCTL_MMGPU_BO_INFO
 * @drm: device
 * @data: &struct drm_mmgpu_bo_info
 * @file: file
 *
 * Return: 0 or the errors that the uapi header lists.
 */
int mmgpu_ioctl_bo_info(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct mmgpu_device *mdev = to_mmgpu_device(drm);
	struct drm_mmgpu_bo_info *args = data;
	struct drm_gem_object *obj;
	struct mmgpu_bo *bo;
	u32 access;
	u64 seq;
	int ret = 0;

	if (mmgpu_bad(mdev, args->pad))
		return -EINVAL;

	obj = drm_gem_object_lookup(file, args->handle);
	if (mmgpu_bad(mdev, !obj))
		return -ENOENT;

	bo = to_mmgpu_bo(obj);
	seq = mmgpu_file_caller_seq(to_mmgpu_file(file));
	access = mmgpu_bo_access(bo, seq);
	if (!(access & MMGPU_ACCESS_READ)) {
		ret = mmgpu_refuse(drm, MMGPU_DOOR_BO_INFO, seq, bo->mm_seq, -EPERM);
		goto out_put;
	}

	args->flags = bo->flags;
	args->size = obj->size;
	args->mmap_offset = drm_vma_node_offset_addr(&obj->vma_node);
	args->mm_seq = bo->mm_seq;
	args->access = access;

out_put:
	drm_gem_object_put(obj);

	return ret;
}

static int mmgpu_bo_wait(struct mmgpu_bo *bo, enum dma_resv_usage usage, s64 timeout_ns)
{
	struct dma_resv *resv = bo->base.base.resv;

	while (!dma_resv_test_signaled(resv, usage)) {
		/* Jiffies may come in bursts, so that the wait ends early: look at the clock. */
		unsigned long timeout = drm_timeout_abs_to_jiffies(timeout_ns);
		long left;

		if (!timeout)
			return -ETIME;

		left = dma_resv_wait_timeout(resv, usage, true, timeout);
		if (left)
			return left < 0 ? left : 0;
	}

	return 0;
}

/**
 * mmgpu_ioctl_bo_wait() - DRM_IOCTL_MMGPU_BO_WAIT
 * @drm: device
 * @data: &struct drm_mmgpu_bo_wait
 * @file: file
 *
 * Return: 0 or the errors that the uapi header lists.
 */
int mmgpu_ioctl_bo_wait(struct drm_device *drm, void *data, struct drm_file *file)
{
	struct mmgpu_device *mdev = to_mmgpu_device(drm);
	struct drm_mmgpu_bo_wait *args = data;
	struct drm_gem_object *obj;
	bool write;
	int ret;

	if (mmgpu_bad(mdev, args->flags & ~MMGPU_BO_WAIT_WRITE))
		return -EINVAL;

	obj = drm_gem_object_lookup(file, args->handle);
	if (mmgpu_bad(mdev, !obj))
		return -ENOENT;

	ret = mmgpu_bo_check_mm(to_mmgpu_bo(obj), current->mm, MMGPU_ACCESS_READ,
				MMGPU_DOOR_BO_WAIT);
	if (!ret) {
		write = args->flags & MMGPU_BO_WAIT_WRITE;
		ret = mmgpu_bo_wait(to_mmgpu_bo(obj), dma_resv_usage_rw(write), args->timeout_ns);
	}

	drm_gem_object_put(obj);

	return ret;
}
