/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_ACCESS_H_
#define _MMGPU_ACCESS_H_

#include <linux/types.h>

#include <drm/mmgpu_drm.h>

struct mm_struct;
struct mmgpu_bo;

/**
 * mmgpu_bo_ref_access() - Translate what a job declares
 * @flags: &drm_mmgpu_bo_ref.flags
 *
 * Return: of MMGPU_ACCESS_READ and MMGPU_ACCESS_WRITE.
 */
static inline u32 mmgpu_bo_ref_access(u32 flags)
{
	return (flags & MMGPU_BO_REF_READ ? MMGPU_ACCESS_READ : 0) |
	       (flags & MMGPU_BO_REF_WRITE ? MMGPU_ACCESS_WRITE : 0);
}

u32 mmgpu_bo_access(const struct mmgpu_bo *bo, u64 seq);
int mmgpu_bo_check_access(const struct mmgpu_bo *bo, u64 seq, u32 want, const char *door);
int mmgpu_bo_check_mm(const struct mmgpu_bo *bo, const struct mm_struct *mm, u32 want,
		      const char *door);

#endif /* _MMGPU_ACCESS_H_ */
