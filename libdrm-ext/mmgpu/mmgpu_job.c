// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * The command builder. It judges nothing that the kernel judges: it collects what
 * belongs to a job, and makes the list of buffers from the commands.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mmgpu_job.h"

static void job_error(struct drm_mmgpu_job *job, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void job_error(struct drm_mmgpu_job *job, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(job->message, sizeof(job->message), fmt, args);
	va_end(args);
	job->error = -err;
}

/* A zeroed new element at the end of @vec, or NULL and the job's error. */
static void *job_push(struct drm_mmgpu_job *job, struct mmgpu_vec *vec, size_t size)
{
	void *data = vec->data;
	uint32_t room;

	if (vec->count == vec->room) {
		/* Twice the room would not fit into a u32: that many nobody submits */
		room = vec->room ? vec->room * 2 : 16;
		if (room > vec->room && room <= SIZE_MAX / size)
			data = realloc(vec->data, room * size);
		else
			data = NULL;
		if (!data) {
			job_error(job, ENOMEM, "building a job: out of memory after %" PRIu32 " commands: submit what there is and begin a new job",
				  job->cmds.count);
			return NULL;
		}
		vec->data = data;
		vec->room = room;
	}
	return memset((char *)data + vec->count++ * size, 0, size);
}

uint32_t mmgpu_job_ref(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *bo, uint32_t flags)
{
	struct drm_mmgpu_bo_ref *refs, *ref;
	struct drm_mmgpu_bo **slot;
	uint32_t index;

	if (job->error)
		return 0;
	if (!bo || bo->dev != job->dev) {
		job_error(job, EINVAL, "building a job: command %" PRIu32 " names %s: use a buffer of the job's file, drm_mmgpu_bo_export() and _import() bring one over",
			  job->cmds.count, bo ? "a buffer of another file" : "no buffer");
		return 0;
	}

	index = (uintptr_t)mmgpu_table_lookup(&job->index, bo->handle);
	if (index) {
		refs = job->refs.data;
		refs[index - 1].flags |= flags;
		return index - 1;
	}

	/* Room in the table first: then it cannot fail, and the lists stay of one length */
	index = job->refs.count + 1;
	if (mmgpu_table_set(&job->index, bo->handle, (void *)(uintptr_t)index)) {
		job_error(job, ENOMEM, "building a job: out of memory for its list of buffers");
		return 0;
	}
	slot = job_push(job, &job->bos, sizeof(*slot));
	ref = slot ? job_push(job, &job->refs, sizeof(*ref)) : NULL;
	if (!ref) {
		job->bos.count = job->refs.count;
		mmgpu_table_set(&job->index, bo->handle, NULL);
		return 0;
	}
	*slot = drm_mmgpu_bo_get(bo);
	ref->handle = bo->handle;
	ref->flags = flags;
	return index - 1;
}

struct drm_mmgpu_cmd *mmgpu_job_cmd(struct drm_mmgpu_job *job, uint32_t op)
{
	struct drm_mmgpu_cmd *cmd;

	if (job->error)
		return NULL;
	cmd = job_push(job, &job->cmds, sizeof(*cmd));
	if (cmd)
		cmd->op = op;
	return cmd;
}

/* A new command that writes @dst. */
static struct drm_mmgpu_cmd *job_cmd_dst(struct drm_mmgpu_job *job, uint32_t op,
					 struct drm_mmgpu_bo *dst, uint64_t offset)
{
	uint32_t index = mmgpu_job_ref(job, dst, MMGPU_BO_REF_WRITE);
	struct drm_mmgpu_cmd *cmd = mmgpu_job_cmd(job, op);

	if (cmd) {
		cmd->dst_bo = index;
		cmd->dst = offset;
	}
	return cmd;
}

drm_public int drm_mmgpu_job_new(struct drm_mmgpu *dev, struct drm_mmgpu_job **jobp)
{
	struct drm_mmgpu_job *job;

	if (!jobp)
		return mmgpu_fail(EINVAL, "making a job: no place for the result is given");
	job = calloc(1, sizeof(*job));
	if (!job)
		return mmgpu_fail_file(dev->fd, ENOMEM, "making a job");
	job->dev = dev;
	*jobp = job;
	return 0;
}

drm_public void drm_mmgpu_job_reset(struct drm_mmgpu_job *job)
{
	struct drm_mmgpu_bo **bos = job->bos.data;
	uint32_t i;

	for (i = 0; i < job->bos.count; i++) {
		mmgpu_table_set(&job->index, bos[i]->handle, NULL);
		drm_mmgpu_bo_put(bos[i]);
	}
	job->cmds.count = 0;
	job->refs.count = 0;
	job->bos.count = 0;
	job->in_syncs.count = 0;
	job->out_syncs.count = 0;
	job->error = 0;
}

drm_public void drm_mmgpu_job_free(struct drm_mmgpu_job *job)
{
	if (!job)
		return;
	drm_mmgpu_job_reset(job);
	mmgpu_table_fini(&job->index);
	free(job->cmds.data);
	free(job->refs.data);
	free(job->bos.data);
	free(job->in_syncs.data);
	free(job->out_syncs.data);
	free(job);
}

drm_public uint32_t drm_mmgpu_job_get_cmd_count(const struct drm_mmgpu_job *job)
{
	return job->cmds.count;
}

drm_public void drm_mmgpu_job_nop(struct drm_mmgpu_job *job)
{
	mmgpu_job_cmd(job, MMGPU_OP_NOP);
}

drm_public void drm_mmgpu_job_fill_2d(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *dst,
				      uint64_t offset, uint32_t pitch, uint64_t width,
				      uint32_t rows, uint64_t value)
{
	struct drm_mmgpu_cmd *cmd = job_cmd_dst(job, MMGPU_OP_FILL, dst, offset);

	if (!cmd)
		return;
	cmd->dst_pitch = pitch;
	cmd->width = width;
	cmd->rows = rows;
	cmd->value = value;
}

drm_public void drm_mmgpu_job_fill(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *dst,
				   uint64_t offset, uint64_t size, uint64_t value)
{
	drm_mmgpu_job_fill_2d(job, dst, offset, 0, size, 1, value);
}

drm_public void drm_mmgpu_job_copy_2d(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *dst,
				      uint64_t dst_offset, uint32_t dst_pitch,
				      struct drm_mmgpu_bo *src, uint64_t src_offset,
				      uint32_t src_pitch, uint64_t width, uint32_t rows)
{
	uint32_t src_index = mmgpu_job_ref(job, src, MMGPU_BO_REF_READ);
	struct drm_mmgpu_cmd *cmd = job_cmd_dst(job, MMGPU_OP_COPY, dst, dst_offset);

	if (!cmd)
		return;
	cmd->src_bo = src_index;
	cmd->src = src_offset;
	cmd->dst_pitch = dst_pitch;
	cmd->src_pitch = src_pitch;
	cmd->width = width;
	cmd->rows = rows;
}

drm_public void drm_mmgpu_job_copy(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *dst,
				   uint64_t dst_offset, struct drm_mmgpu_bo *src,
				   uint64_t src_offset, uint64_t size)
{
	drm_mmgpu_job_copy_2d(job, dst, dst_offset, 0, src, src_offset, 0, size, 1);
}

drm_public void drm_mmgpu_job_add(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *dst,
				  uint64_t offset, uint64_t value)
{
	struct drm_mmgpu_cmd *cmd = job_cmd_dst(job, MMGPU_OP_ADD, dst, offset);

	if (cmd)
		cmd->value = value;
}

drm_public void drm_mmgpu_job_timestamp(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *dst,
					uint64_t offset)
{
	job_cmd_dst(job, MMGPU_OP_TIMESTAMP, dst, offset);
}

drm_public void drm_mmgpu_job_delay(struct drm_mmgpu_job *job, uint64_t ns)
{
	struct drm_mmgpu_cmd *cmd = mmgpu_job_cmd(job, MMGPU_OP_DELAY);

	if (cmd)
		cmd->value = ns;
}

drm_public void drm_mmgpu_job_use_bo(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *bo,
				     uint32_t flags)
{
	mmgpu_job_ref(job, bo, flags);
}

static void job_sync(struct drm_mmgpu_job *job, struct mmgpu_vec *vec, uint32_t syncobj,
		     uint64_t point)
{
	struct drm_mmgpu_sync *sync;

	if (job->error)
		return;
	sync = job_push(job, vec, sizeof(*sync));
	if (!sync)
		return;
	sync->handle = syncobj;
	sync->flags = point ? MMGPU_SYNC_TIMELINE : 0;
	sync->point = point;
}

drm_public void drm_mmgpu_job_in_sync(struct drm_mmgpu_job *job, uint32_t syncobj, uint64_t point)
{
	job_sync(job, &job->in_syncs, syncobj, point);
}

drm_public void drm_mmgpu_job_out_sync(struct drm_mmgpu_job *job, uint32_t syncobj, uint64_t point)
{
	job_sync(job, &job->out_syncs, syncobj, point);
}

static struct drm_mmgpu_obj_array obj_array(const struct mmgpu_vec *vec, size_t size)
{
	return (struct drm_mmgpu_obj_array) {
		.stride = size,
		.count = vec->count,
		.array = (uintptr_t)vec->data,
	};
}

drm_public int drm_mmgpu_job_submit(struct drm_mmgpu_job *job, struct drm_mmgpu_context *ctx)
{
	struct drm_mmgpu_submit args = { 0 };
	int ret;

	if (job->error)
		return mmgpu_fail(-job->error, "%s", job->message);
	if (!ctx)
		ctx = &job->dev->default_ctx;
	if (ctx->dev != job->dev)
		return mmgpu_fail(EINVAL, "submitting: the context is of another file than the job: make both on one");

	args.ctx_id = ctx->id;
	args.cmds = obj_array(&job->cmds, sizeof(struct drm_mmgpu_cmd));
	args.bos = obj_array(&job->refs, sizeof(struct drm_mmgpu_bo_ref));
	args.in_syncs = obj_array(&job->in_syncs, sizeof(struct drm_mmgpu_sync));
	args.out_syncs = obj_array(&job->out_syncs, sizeof(struct drm_mmgpu_sync));
	ret = mmgpu_ioctl(job->dev->fd, DRM_IOCTL_MMGPU_SUBMIT, &args);
	return ret ? mmgpu_fail_submit(job, ctx->id, -ret) : 0;
}
