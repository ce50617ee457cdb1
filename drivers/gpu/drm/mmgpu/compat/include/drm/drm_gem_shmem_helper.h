/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _MMGPU_COMPAT_DRM_DRM_GEM_SHMEM_HELPER_H_
#define _MMGPU_COMPAT_DRM_DRM_GEM_SHMEM_HELPER_H_

#include_next <drm/drm_gem_shmem_helper.h>

/* Can go with 6.12. */
#ifndef HAVE_DRM_GEM_SHMEM_VMAP_LOCKED
#define drm_gem_shmem_vmap_locked	drm_gem_shmem_vmap
#define drm_gem_shmem_vunmap_locked	drm_gem_shmem_vunmap
#endif

#endif
