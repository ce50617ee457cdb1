/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_ARRAY_H_
#define _MMGPU_ARRAY_H_

#include <linux/types.h>

struct drm_mmgpu_obj_array;
struct mmgpu_device;

int mmgpu_array_check(struct mmgpu_device *mdev, const struct drm_mmgpu_obj_array *array,
		      size_t size, u32 max);
void *mmgpu_array_copy(const struct drm_mmgpu_obj_array *array, size_t size);

#endif /* _MMGPU_ARRAY_H_ */
