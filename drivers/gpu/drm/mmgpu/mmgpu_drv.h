/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_DRV_H_
#define _MMGPU_DRV_H_

struct drm_driver;
struct drm_minor;

extern const struct drm_driver mmgpu_drm_driver;

/* mmgpu_debugfs.c */
#ifdef CONFIG_DEBUG_FS
void mmgpu_debugfs_init(struct drm_minor *minor);
#endif

#endif /* _MMGPU_DRV_H_ */
