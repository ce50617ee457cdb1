/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef MMGPU_JOB_H
#define MMGPU_JOB_H

#include "mmgpu_internal.h"

/* An array that grows. What it holds is told by its user. */
struct mmgpu_vec {
	void *data;
	uint32_t count;
	uint32_t room;
};

struct drm_mmgpu_job {
	struct drm_mmgpu *dev;

	/* What the first call that failed gave, and its words; then all others are ignored. */
	int error;
	char message[256];

	struct mmgpu_vec cmds;		/* struct drm_mmgpu_cmd */
	struct mmgpu_vec refs;		/* struct drm_mmgpu_bo_ref */
	struct mmgpu_vec bos;		/* struct drm_mmgpu_bo *, in the order of @refs */
	struct mmgpu_vec in_syncs;	/* struct drm_mmgpu_sync */
	struct mmgpu_vec out_syncs;	/* struct drm_mmgpu_sync */

	/* GEM handle -> its struct drm_mmgpu_bo_ref's index + 1, as a pointer. */
	struct mmgpu_table index;
};

/* A new command, NULL if the job has an error. */
struct drm_mmgpu_cmd *mmgpu_job_cmd(struct drm_mmgpu_job *job, uint32_t op);

/* Index of @bo in the job's list, where it is used as @flags say too. */
uint32_t mmgpu_job_ref(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *bo, uint32_t flags);

/* Puts into words why the kernel refused @job with -err, and returns -err. */
int mmgpu_fail_submit(const struct drm_mmgpu_job *job, uint32_t ctx_id, int err);

#endif /* MMGPU_JOB_H */
