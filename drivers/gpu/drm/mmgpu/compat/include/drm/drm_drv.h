/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _MMGPU_COMPAT_DRM_DRM_DRV_H_
#define _MMGPU_COMPAT_DRM_DRM_DRV_H_

#include_next <drm/drm_drv.h>

#include <drm/drm_gem.h>
#include <drm/drm_prime.h>

/* Members that drm_driver has lost, or that have got a default. Can go with 6.12. */
#ifdef HAVE_DRM_DRIVER_PRIME_MMAP
#define MMGPU_COMPAT_PRIME_FIELDS					\
	.prime_handle_to_fd = drm_gem_prime_handle_to_fd,		\
	.prime_fd_to_handle = drm_gem_prime_fd_to_handle,		\
	.gem_prime_mmap = drm_gem_prime_mmap,
#else
#define MMGPU_COMPAT_PRIME_FIELDS
#endif

#ifdef HAVE_DRM_DRIVER_DATE
#define MMGPU_COMPAT_DRIVER_FIELDS MMGPU_COMPAT_PRIME_FIELDS .date = "20261123",
#else
#define MMGPU_COMPAT_DRIVER_FIELDS MMGPU_COMPAT_PRIME_FIELDS
#endif

#endif
