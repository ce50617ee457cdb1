/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _MMGPU_COMPAT_DRM_DRM_GEM_SHMEM_HELPER_H_
#define _MMGPU_COMPAT_DRM_DRM_GEM_SHMEM_HELPER_H_

#include <linux/dma-buf.h>
#include <linux/err.h>

#include_next <drm/drm_gem_shmem_helper.h>

/* Can go with 6.12. */
#ifndef HAVE_DRM_GEM_SHMEM_VMAP_LOCKED
#define drm_gem_shmem_vmap_locked	drm_gem_shmem_vmap
#define drm_gem_shmem_vunmap_locked	drm_gem_shmem_vunmap
#endif

/* Can go with 6.12. It does not know what the device exports itself: ask before. */
#ifndef HAVE_DRM_GEM_SHMEM_PRIME_IMPORT_NO_MAP
static inline struct drm_gem_object *
drm_gem_shmem_prime_import_no_map(struct drm_device *dev, struct dma_buf *dma_buf)
{
	struct dma_buf_attachment *attach = dma_buf_attach(dma_buf, dev->dev);
	struct drm_gem_object *obj;

	if (IS_ERR(attach))
		return ERR_CAST(attach);

	obj = drm_gem_shmem_prime_import_sg_table(dev, attach, NULL);
	if (IS_ERR(obj)) {
		dma_buf_detach(dma_buf, attach);
		return obj;
	}

	/* drm_prime_gem_destroy() gives both back. */
	get_dma_buf(dma_buf);
	obj->import_attach = attach;
	obj->resv = dma_buf->resv;

	return obj;
}
#endif

#endif
