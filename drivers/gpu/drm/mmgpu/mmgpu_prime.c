// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/**
 * DOC: dma-bufs
 *
 * Buffers that are not private go through DRM's helpers like any other driver's. A
 * private buffer can be exported too, since a descriptor conveys no access, but nobody
 * can attach to its dma-buf or map it in the kernel, as what another device does with the
 * pages is out of our hands. There is no ``.vmap`` at all, because dma_buf_vmap() hands a
 * mapping that exists to later callers without asking.
 *
 * What others export is attached to, but not mapped for a device: the processor does all
 * the work.
 */

#include <linux/dma-buf.h>
#include <linux/module.h>
#include <linux/sched.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_prime.h>

#include <drm/mmgpu_drm.h>

#include "mmgpu_access.h"
#include "mmgpu_device.h"
#include "mmgpu_gem.h"

MODULE_IMPORT_NS("DMA_BUF");

/* DRM's own. An import knows our buffers by this address, and DRM's table has no name. */
static const struct dma_buf_ops mmgpu_shared_dmabuf_ops = {
	.attach = drm_gem_map_attach,
	.detach = drm_gem_map_detach,
	.map_dma_buf = drm_gem_map_dma_buf,
	.unmap_dma_buf = drm_gem_unmap_dma_buf,
	.release = drm_gem_dmabuf_release,
	.mmap = drm_gem_dmabuf_mmap,
	.vmap = drm_gem_dmabuf_vmap,
	.vunmap = drm_gem_dmabuf_vunmap,
};

static int mmgpu_private_attach(struct dma_buf *dma_buf, struct dma_buf_attachment *attach)
{
	struct drm_gem_object *obj = dma_buf->priv;

	/* A device has no mm, so it has no number. */
	return mmgpu_refuse(obj->dev, MMGPU_DOOR_ATTACH, 0, to_mmgpu_bo(obj)->mm_seq, -EPERM);
}

static int mmgpu_private_begin_cpu_access(struct dma_buf *dma_buf, enum dma_data_direction dir)
{
	struct drm_gem_object *obj = dma_buf->priv;
	u32 want = 0;

	if (dir == DMA_FROM_DEVICE || dir == DMA_BIDIRECTIONAL)
		want |= MMGPU_ACCESS_READ;
	if (dir == DMA_TO_DEVICE || dir == DMA_BIDIRECTIONAL)
		want |= MMGPU_ACCESS_WRITE;

	return mmgpu_bo_check_mm(to_mmgpu_bo(obj), current->mm, want, MMGPU_DOOR_SYNC_START);
}

/* Nobody gets as far as the mapping operations, but dma_buf_export() wants them. */
static const struct dma_buf_ops mmgpu_private_dmabuf_ops = {
	.attach = mmgpu_private_attach,
	.map_dma_buf = drm_gem_map_dma_buf,
	.unmap_dma_buf = drm_gem_unmap_dma_buf,
	.release = drm_gem_dmabuf_release,
	.mmap = drm_gem_dmabuf_mmap,
	.begin_cpu_access = mmgpu_private_begin_cpu_access,
};

/**
 * mmgpu_gem_prime_export() - &drm_gem_object_funcs.export
 * @obj: object
 * @flags: of the new descriptor
 *
 * Return: the dma-buf or ERR_PTR().
 */
struct dma_buf *mmgpu_gem_prime_export(struct drm_gem_object *obj, int flags)
{
	struct dma_buf_export_info exp_info = {
		.exp_name = KBUILD_MODNAME,
		.owner = obj->dev->driver->fops->owner,
		.ops = to_mmgpu_bo(obj)->mm_seq ? &mmgpu_private_dmabuf_ops :
						  &mmgpu_shared_dmabuf_ops,
		.size = obj->size,
		.flags = flags,
		.priv = obj,
		.resv = obj->resv,
	};

	return drm_gem_dmabuf_export(obj->dev, &exp_info);
}

/**
 * mmgpu_gem_prime_import() - &drm_driver.gem_prime_import
 * @drm: device
 * @dma_buf: what to import
 *
 * Whether the caller may have a handle is for &drm_gem_object_funcs.open to say.
 *
 * Return: the object or ERR_PTR().
 */
struct drm_gem_object *mmgpu_gem_prime_import(struct drm_device *drm, struct dma_buf *dma_buf)
{
	struct drm_gem_object *obj;

	if (dma_buf->ops == &mmgpu_private_dmabuf_ops ||
	    dma_buf->ops == &mmgpu_shared_dmabuf_ops) {
		obj = dma_buf->priv;
		if (obj->dev == drm) {
			drm_gem_object_get(obj);
			return obj;
		}
	}

	return drm_gem_shmem_prime_import_no_map(drm, dma_buf);
}
