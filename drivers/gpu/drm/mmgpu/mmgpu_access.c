// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/**
 * DOC: Access to buffers
 *
 * One function, mmgpu_bo_access(), says what the mm with a given number may do with a
 * buffer. Every door asks it, each time, however the caller came by its handle or
 * mapping. It compares numbers, and a number names one mm for ever, so the answer can
 * be asked for an mm that ended long ago (a queued job) as well as for the caller.
 *
 * Which mm a door asks for is the door's matter: an ioctl asks for current->mm, a page
 * fault for the mm of the VMA, whoever takes the fault.
 */

#include <linux/bits.h>

#include <drm/drm_device.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include "mmgpu_access.h"
#include "mmgpu_gem.h"
#include "mmgpu_mm.h"
#include "mmgpu_trace.h"

/**
 * mmgpu_bo_access() - BO access: what may an mm do with a buffer?
 * @bo: buffer
 * @seq: number of the mm, 0 if it has none
 *
 * Return: of MMGPU_ACCESS_READ and MMGPU_ACCESS_WRITE.
 */
u32 mmgpu_bo_access(const struct mmgpu_bo *bo, u64 seq)
{
	if (!bo->mm_seq || bo->mm_seq == seq)
		return MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE;

	return 0;
}

/**
 * mmgpu_bo_check_access() - Refuse an access that mmgpu_bo_access() does not allow
 * @bo: buffer
 * @seq: number of the mm, 0 if it has none
 * @want: of MMGPU_ACCESS_READ and MMGPU_ACCESS_WRITE
 * @door: name of the door, a string constant, for the trace
 *
 * Return: 0; -EACCES if the mm may read but wants to write; else -EPERM.
 */
int mmgpu_bo_check_access(const struct mmgpu_bo *bo, u64 seq, u32 want, const char *door)
{
	struct drm_device *drm = bo->base.base.dev;
	u32 access = mmgpu_bo_access(bo, seq);
	int ret;

	if (likely(!(want & ~access)))
		return 0;

	ret = access ? -EACCES : -EPERM;
	trace_mmgpu_refuse(drm->primary->index, door, seq, bo->mm_seq, ret);
	drm_dbg(drm, "%s: mm %llu refused a buffer of mm %llu: %d\n", door, seq, bo->mm_seq, ret);

	return ret;
}

/**
 * mmgpu_bo_check_mm() - mmgpu_bo_check_access() for an mm that is alive
 * @bo: buffer
 * @mm: current->mm or the mm of a VMA
 * @want: of MMGPU_ACCESS_READ and MMGPU_ACCESS_WRITE
 * @door: name of the door, a string constant, for the trace
 *
 * Return: as mmgpu_bo_check_access().
 */
int mmgpu_bo_check_mm(const struct mmgpu_bo *bo, const struct mm_struct *mm, u32 want,
		      const char *door)
{
	/* Spares buffers that are not private the lookup. */
	u64 seq = bo->mm_seq ? mmgpu_mm_lookup_seq(mm) : 0;

	return mmgpu_bo_check_access(bo, seq, want, door);
}
