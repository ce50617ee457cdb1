// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Private buffers, shared with one address space at a time. */

#include <errno.h>
#include <inttypes.h>

#include <xf86drm.h>

#include "mmgpu_internal.h"

static int bo_grant(struct drm_mmgpu_bo *bo, uint64_t mm_seq, uint32_t access)
{
	struct drm_mmgpu_bo_grant args = {
		.handle = bo->handle,
		.access = access,
		.mm_seq = mm_seq,
	};

	/* Goes on after a signal: the kernel then waits for what is left */
	return mmgpu_ioctl(bo->dev->fd, DRM_IOCTL_MMGPU_BO_GRANT, &args);
}

drm_public int drm_mmgpu_bo_grant(struct drm_mmgpu_bo *bo, uint64_t mm_seq, uint32_t access)
{
	int ret;

	/* The kernel's word for taking access away. Who computed it did not mean to wait. */
	if (!access)
		return mmgpu_fail(EINVAL, "granting a buffer: no access is given: give MMGPU_ACCESS_READ, with _WRITE if wanted, or use drm_mmgpu_bo_revoke()");
	ret = bo_grant(bo, mm_seq, access);
	return ret ? mmgpu_fail_grant(bo, -ret, mm_seq, access) : 0;
}

drm_public int drm_mmgpu_bo_revoke(struct drm_mmgpu_bo *bo, uint64_t mm_seq)
{
	int ret;

	ret = bo_grant(bo, mm_seq, 0);
	return ret ? mmgpu_fail_grant(bo, -ret, mm_seq, 0) : 0;
}
