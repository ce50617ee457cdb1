/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_SCHED_H_
#define _MMGPU_SCHED_H_

struct drm_file;
struct mmgpu_device;
struct mmgpu_job;

int mmgpu_sched_init(struct mmgpu_device *mdev);
void mmgpu_sched_stop(struct mmgpu_device *mdev);
void mmgpu_sched_flush(struct mmgpu_device *mdev);
void mmgpu_sched_resume(struct mmgpu_device *mdev);
int mmgpu_sched_job_init(struct mmgpu_job *job, struct drm_file *file);

#endif /* _MMGPU_SCHED_H_ */
