/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_SUBMIT_H_
#define _MMGPU_SUBMIT_H_

struct drm_device;
struct drm_file;

int mmgpu_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* _MMGPU_SUBMIT_H_ */
