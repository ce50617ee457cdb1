// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Commands on CPU addresses. The kernel wants a job that has them to wait for no user of
 * its buffers, so the buffers that come with such a command say so.
 */

#include "mmgpu_job.h"

static uint32_t svm_ref(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *bo, uint32_t flags)
{
	return mmgpu_job_ref(job, bo, flags | MMGPU_BO_REF_NO_IMPLICIT_SYNC);
}

static void set_rows(struct drm_mmgpu_cmd *cmd, uint32_t dst_pitch, uint32_t src_pitch,
		     uint64_t width, uint32_t rows)
{
	cmd->dst_pitch = dst_pitch;
	cmd->src_pitch = src_pitch;
	cmd->width = width;
	cmd->rows = rows;
}

drm_public void drm_mmgpu_job_svm_fill_2d(struct drm_mmgpu_job *job, void *dst, uint32_t pitch,
					  uint64_t width, uint32_t rows, uint64_t value)
{
	struct drm_mmgpu_cmd *cmd = mmgpu_job_cmd(job, MMGPU_OP_FILL);

	if (!cmd)
		return;
	cmd->flags = MMGPU_CMD_DST_SVM;
	cmd->dst = (uintptr_t)dst;
	cmd->value = value;
	set_rows(cmd, pitch, 0, width, rows);
}

drm_public void drm_mmgpu_job_svm_fill(struct drm_mmgpu_job *job, void *dst, uint64_t size,
				       uint64_t value)
{
	drm_mmgpu_job_svm_fill_2d(job, dst, 0, size, 1, value);
}

drm_public void drm_mmgpu_job_svm_copy_2d(struct drm_mmgpu_job *job, void *dst,
					  uint32_t dst_pitch, const void *src,
					  uint32_t src_pitch, uint64_t width, uint32_t rows)
{
	struct drm_mmgpu_cmd *cmd = mmgpu_job_cmd(job, MMGPU_OP_COPY);

	if (!cmd)
		return;
	cmd->flags = MMGPU_CMD_DST_SVM | MMGPU_CMD_SRC_SVM;
	cmd->dst = (uintptr_t)dst;
	cmd->src = (uintptr_t)src;
	set_rows(cmd, dst_pitch, src_pitch, width, rows);
}

drm_public void drm_mmgpu_job_svm_copy(struct drm_mmgpu_job *job, void *dst, const void *src,
				       uint64_t size)
{
	drm_mmgpu_job_svm_copy_2d(job, dst, 0, src, 0, size, 1);
}

drm_public void drm_mmgpu_job_svm_upload_2d(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *dst,
					    uint64_t dst_offset, uint32_t dst_pitch,
					    const void *src, uint32_t src_pitch, uint64_t width,
					    uint32_t rows)
{
	uint32_t index = svm_ref(job, dst, MMGPU_BO_REF_WRITE);
	struct drm_mmgpu_cmd *cmd = mmgpu_job_cmd(job, MMGPU_OP_COPY);

	if (!cmd)
		return;
	cmd->flags = MMGPU_CMD_SRC_SVM;
	cmd->dst_bo = index;
	cmd->dst = dst_offset;
	cmd->src = (uintptr_t)src;
	set_rows(cmd, dst_pitch, src_pitch, width, rows);
}

drm_public void drm_mmgpu_job_svm_upload(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *dst,
					 uint64_t dst_offset, const void *src, uint64_t size)
{
	drm_mmgpu_job_svm_upload_2d(job, dst, dst_offset, 0, src, 0, size, 1);
}

drm_public void drm_mmgpu_job_svm_download_2d(struct drm_mmgpu_job *job, void *dst,
					      uint32_t dst_pitch, struct drm_mmgpu_bo *src,
					      uint64_t src_offset, uint32_t src_pitch,
					      uint64_t width, uint32_t rows)
{
	uint32_t index = svm_ref(job, src, MMGPU_BO_REF_READ);
	struct drm_mmgpu_cmd *cmd = mmgpu_job_cmd(job, MMGPU_OP_COPY);

	if (!cmd)
		return;
	cmd->flags = MMGPU_CMD_DST_SVM;
	cmd->dst = (uintptr_t)dst;
	cmd->src_bo = index;
	cmd->src = src_offset;
	set_rows(cmd, dst_pitch, src_pitch, width, rows);
}

drm_public void drm_mmgpu_job_svm_download(struct drm_mmgpu_job *job, void *dst,
					   struct drm_mmgpu_bo *src, uint64_t src_offset,
					   uint64_t size)
{
	drm_mmgpu_job_svm_download_2d(job, dst, 0, src, src_offset, 0, size, 1);
}

drm_public void drm_mmgpu_job_svm_timestamp(struct drm_mmgpu_job *job, uint64_t *dst)
{
	struct drm_mmgpu_cmd *cmd = mmgpu_job_cmd(job, MMGPU_OP_TIMESTAMP);

	if (!cmd)
		return;
	cmd->flags = MMGPU_CMD_DST_SVM;
	cmd->dst = (uintptr_t)dst;
}
