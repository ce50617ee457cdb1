/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_ACCESS_H_
#define _MMGPU_ACCESS_H_

#include <linux/types.h>

#include <drm/mmgpu_drm.h>

struct drm_device;
struct drm_file;
struct mm_struct;
struct mmgpu_bo;
struct seq_file;

/* Doors of files and of buffers: where somebody can be refused. */
enum mmgpu_door {
	MMGPU_DOOR_IOCTL,
	MMGPU_DOOR_COMPAT_IOCTL,
	MMGPU_DOOR_POLL,
	MMGPU_DOOR_READ,
	MMGPU_DOOR_MMAP,
	MMGPU_DOOR_PUBLISH,
	MMGPU_DOOR_HANDLE,
	MMGPU_DOOR_SUBMIT,
	MMGPU_DOOR_JOB,
	MMGPU_DOOR_BO_INFO,
	MMGPU_DOOR_BO_WAIT,
	MMGPU_DOOR_BO_GRANT,
	MMGPU_DOOR_FAULT,
	MMGPU_DOOR_ATTACH,
	MMGPU_DOOR_SYNC_START,
};

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

int mmgpu_refuse(struct drm_device *drm, enum mmgpu_door door, u64 caller_seq, u64 owner_seq,
		 int error);

bool mmgpu_bo_needs_grant(const struct mmgpu_bo *bo, u64 seq);
u32 mmgpu_bo_access(const struct mmgpu_bo *bo, u64 seq);
int mmgpu_bo_check_access(const struct mmgpu_bo *bo, u64 seq, u32 want, enum mmgpu_door door);
int mmgpu_bo_check_mm(const struct mmgpu_bo *bo, const struct mm_struct *mm, u32 want,
		      enum mmgpu_door door);

void mmgpu_bo_init_grants(struct mmgpu_bo *bo);
void mmgpu_bo_fini_grants(struct mmgpu_bo *bo);
void mmgpu_bo_show_grants(struct mmgpu_bo *bo, struct seq_file *s);

int mmgpu_ioctl_bo_grant(struct drm_device *drm, void *data, struct drm_file *file);

#if IS_ENABLED(CONFIG_KUNIT)
int mmgpu_bo_grant(struct mmgpu_bo *bo, u64 seq, u32 access);
#endif

#endif /* _MMGPU_ACCESS_H_ */
