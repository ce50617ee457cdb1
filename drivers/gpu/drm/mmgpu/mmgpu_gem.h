/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_GEM_H_
#define _MMGPU_GEM_H_

#include <linux/iosys-map.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/types.h>

#include <drm/drm_gem_shmem_helper.h>

struct drm_file;
struct drm_mode_create_dumb;

/**
 * struct mmgpu_bo - a buffer object
 */
struct mmgpu_bo {
	/** @base: the object, its pages and its reservation */
	struct drm_gem_shmem_object base;

	/** @mm_seq: number of the owner's mm, 0 if not private; fixed by the first handle */
	u64 mm_seq;

	/**
	 * @grants_lock: protects changes of @grants; held for writing until a change
	 * has reached the page tables, for reading by a grantee's page fault
	 */
	struct rw_semaphore grants_lock;

	/** @grants: whom the owner let in; see mmgpu_access.c */
	struct list_head grants;

	/** @flags: MMGPU_BO_SHARED or 0, as given at creation */
	u32 flags;

	/** @fresh: has never had a handle; changes under the &mmgpu_file.lock of its creator */
	bool fresh;

	/**
	 * @map: where the kernel sees the contents. Made when first needed, and kept:
	 * the pages do not move until the object is freed.
	 */
	struct iosys_map map;

	/** @mapped: @map is there, and so are the pages; set once, under @map_lock */
	bool mapped;

	/** @map_lock: outside of the reservation, which dma-bufs take themselves */
	struct mutex map_lock;

	/** @link: in &mmgpu_device.bos */
	struct list_head link;
};

static inline struct mmgpu_bo *to_mmgpu_bo(struct drm_gem_object *obj)
{
	return container_of(to_drm_gem_shmem_obj(obj), struct mmgpu_bo, base);
}

int mmgpu_bo_map(struct mmgpu_bo *bo, bool intr);

struct drm_gem_object *mmgpu_gem_create_object(struct drm_device *drm, size_t size);
int mmgpu_gem_dumb_create(struct drm_file *file, struct drm_device *drm,
			  struct drm_mode_create_dumb *args);

int mmgpu_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file);
int mmgpu_ioctl_bo_info(struct drm_device *drm, void *data, struct drm_file *file);
int mmgpu_ioctl_bo_wait(struct drm_device *drm, void *data, struct drm_file *file);

/* mmgpu_prime.c */
struct dma_buf *mmgpu_gem_prime_export(struct drm_gem_object *obj, int flags);
struct drm_gem_object *mmgpu_gem_prime_import(struct drm_device *drm, struct dma_buf *dma_buf);

#endif /* _MMGPU_GEM_H_ */
