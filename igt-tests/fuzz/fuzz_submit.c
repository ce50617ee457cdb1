// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Operations: jobs. A right one is made first, then something in it may be changed. */

#include <errno.h>
#include <string.h>

#include "fuzz.h"

#define MSEC	1000000ull

/* A job under construction. */
struct job {
	struct drm_mmgpu_submit submit;
	unsigned int cmds, bos, ins, outs;
	struct drm_mmgpu_cmd *cmd;
	struct drm_mmgpu_bo_ref *ref;
	struct drm_mmgpu_sync *in, *out;
	uint64_t size[16];	/* of the buffers */
	struct fuzz_thing *sync[4];
	bool svm;
};

/* An offset and a width within size, often at a border of it. */
static void any_range(struct fuzz_run *run, uint64_t size, uint64_t most, __u64 *at,
		      __u64 *width)
{
	*at = fuzz_chance(run, 300) ? 4096 * fuzz_below(run, size / 4096) : fuzz_below(run, size);
	*width = 1 + fuzz_below(run, size - *at < most ? size - *at : most);
	if (fuzz_chance(run, 200))
		*width = size - *at < most ? size - *at : most;
}

static void make_fill_or_copy(struct fuzz_run *run, struct job *job, struct drm_mmgpu_cmd *cmd)
{
	uint64_t dst_size = FUZZ_PLAIN_SIZE, src_size = FUZZ_PLAIN_SIZE;
	uint64_t most = fuzz_chance(run, 30) ? 1 << 20 : 8192;
	bool copy = fuzz_chance(run, 600);

	cmd->op = copy ? MMGPU_OP_COPY : MMGPU_OP_FILL;
	cmd->value = fuzz_draw(run);
	if (job->svm) {
		cmd->flags = copy ? 1 + fuzz_below(run, 3) : MMGPU_CMD_DST_SVM;
		if (!job->bos)
			cmd->flags = copy ? MMGPU_CMD_DST_SVM | MMGPU_CMD_SRC_SVM :
					    MMGPU_CMD_DST_SVM;
	}
	if (!(cmd->flags & MMGPU_CMD_DST_SVM)) {
		cmd->dst_bo = fuzz_below(run, job->bos);
		dst_size = job->size[cmd->dst_bo];
	}
	if (!(cmd->flags & MMGPU_CMD_SRC_SVM)) {
		cmd->src_bo = fuzz_below(run, job->bos);
		src_size = job->size[cmd->src_bo];
	}
	any_range(run, dst_size < src_size ? dst_size : src_size, most, &cmd->dst, &cmd->width);
	cmd->src = fuzz_chance(run, 300) ? cmd->dst : 0;
	cmd->rows = 1;
	if (fuzz_chance(run, 250)) {
		cmd->rows = 1 + fuzz_below(run, 8);
		cmd->width = (cmd->width + cmd->rows - 1) / cmd->rows;
		cmd->dst_pitch = cmd->width;
		cmd->src_pitch = cmd->width;
		if (fuzz_chance(run, 500) && cmd->dst >= cmd->rows * 64) {
			cmd->dst_pitch += 64;
			cmd->dst -= cmd->rows * 64;
		}
		/* The last row begins at 2^32. */
		if (cmd->rows > 1 && fuzz_chance(run, 50))
			cmd->dst_pitch = (1ull << 32) / (cmd->rows - 1) + fuzz_below(run, 3) - 1;
	}
	if (cmd->flags & MMGPU_CMD_DST_SVM)
		cmd->dst = fuzz_address(run, true);
	if (cmd->flags & MMGPU_CMD_SRC_SVM)
		cmd->src = fuzz_address(run, false);
}

static void make_cmd(struct fuzz_run *run, struct job *job, struct drm_mmgpu_cmd *cmd)
{
	unsigned int kind = fuzz_below(run, 20);

	memset(cmd, 0, sizeof(*cmd));
	if (kind < 11 && (job->bos || job->svm)) {
		make_fill_or_copy(run, job, cmd);
	} else if (kind < 16 && (job->bos || job->svm)) {
		cmd->op = kind < 14 && job->bos ? MMGPU_OP_ADD : MMGPU_OP_TIMESTAMP;
		cmd->value = 1;
		if (cmd->op == MMGPU_OP_TIMESTAMP && (!job->bos || (job->svm && kind & 1))) {
			cmd->flags = MMGPU_CMD_DST_SVM;
			cmd->dst = fuzz_address(run, true) & ~7ull;
		} else {
			cmd->dst_bo = fuzz_below(run, job->bos);
			cmd->dst = fuzz_below(run, job->size[cmd->dst_bo] / 8) * 8;
		}
	} else if (kind < 18) {
		cmd->op = MMGPU_OP_DELAY;
		cmd->value = fuzz_below(run, MSEC);
		/* One that hangs, one that is too long. */
		if (fuzz_chance(run, 10))
			cmd->value = (fuzz->job_timeout_ms + 5) * MSEC;
		else if (fuzz_chance(run, 10))
			cmd->value = fuzz->max_delay_ms * MSEC + fuzz_below(run, 2);
	}
}

static void make_bos(struct fuzz_run *run, struct job *job, struct fuzz_file *file)
{
	unsigned int n = fuzz_below(run, fuzz_chance(run, 100) ? 12 : 4), i, k;

	for (i = 0; i < n; i++) {
		struct fuzz_thing *bo = fuzz_thing_pick(run, FUZZ_BO, file);
		uint32_t id;

		if (!bo)
			break;
		id = fuzz_id(run, bo);
		for (k = 0; k < job->bos && job->ref[k].handle != id; k++)
			;
		/* Twice only seldom: it is refused. */
		if (k < job->bos && !fuzz_chance(run, 20))
			continue;
		job->size[job->bos] = bo->size;
		job->ref[job->bos].handle = id;
		job->ref[job->bos].flags = MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE;
		if (fuzz_chance(run, 60))
			job->ref[job->bos].flags = 1 + fuzz_below(run, 2);
		if (job->svm || fuzz_chance(run, 250))
			job->ref[job->bos].flags |= MMGPU_BO_REF_NO_IMPLICIT_SYNC;
		job->bos++;
	}
}

static void make_syncs(struct fuzz_run *run, struct job *job, struct fuzz_file *file)
{
	unsigned int n = fuzz_below(run, 4), i;

	for (i = 0; i < n; i++) {
		struct fuzz_thing *sync = fuzz_thing_pick(run, FUZZ_SYNC, file);
		struct drm_mmgpu_sync *at;
		bool in = fuzz_chance(run, 400);

		if (!sync)
			return;
		if (in && !sync->armed && !fuzz_chance(run, 50))
			continue;
		if (!in)
			job->sync[job->outs] = sync;
		at = in ? &job->in[job->ins++] : &job->out[job->outs++];
		at->handle = fuzz_id(run, sync);
		if (sync->timeline) {
			at->flags = MMGPU_SYNC_TIMELINE;
			at->point = in ? 1 + fuzz_below(run, sync->size) : sync->size + 1;
		}
	}
}

static void set_array(struct drm_mmgpu_obj_array *array, uint32_t stride, uint32_t count,
		      const void *at)
{
	array->stride = stride;
	array->count = count;
	array->array = (uintptr_t)at;
}

/* Anything a job consists of may be changed, once. */
static void mutate_job(struct fuzz_run *run, struct job *job)
{
	switch (fuzz_below(run, 5)) {
	case 0:
	case 1:
		if (job->cmds)
			fuzz_mutate(run, &job->cmd[fuzz_below(run, job->cmds)], sizeof(*job->cmd));
		break;
	case 2:
		if (job->bos)
			fuzz_mutate(run, &job->ref[fuzz_below(run, job->bos)], sizeof(*job->ref));
		break;
	case 3:
		if (job->ins)
			fuzz_mutate(run, &job->in[fuzz_below(run, job->ins)], sizeof(*job->in));
		break;
	default:
		if (job->outs)
			fuzz_mutate(run, &job->out[fuzz_below(run, job->outs)], sizeof(*job->out));
		break;
	}
}

/*
 * The device writes where a job says, so a changed job must not hit the fuzzer itself. Forward
 * from the arena there are holes everywhere; what is not below it or far above it, is moved there.
 */
static void keep_safe(struct job *job)
{
	unsigned int i;

	for (i = 0; i < job->cmds; i++) {
		struct drm_mmgpu_cmd *cmd = &job->cmd[i];
		uint64_t end = cmd->dst + cmd->width;
		uint64_t mask = (1ull << 36) - 1;

		if (!(cmd->flags & MMGPU_CMD_DST_SVM))
			continue;
		if (cmd->dst >= 65536 && cmd->dst < FUZZ_ARENA)
			cmd->dst = FUZZ_ARENA + (cmd->dst & mask);
		if (cmd->dst > FUZZ_ARENA + mask && cmd->dst < FUZZ_TASK_SIZE - 4096)
			cmd->dst = FUZZ_ARENA + (cmd->dst & mask);
		/* A move backwards begins at the end. */
		end = cmd->dst + cmd->width;
		if (end > FUZZ_ARENA + 2 * mask && end < FUZZ_TASK_SIZE)
			cmd->width &= 0xffffff;
		/* From the first page, rows could go anywhere. */
		if (cmd->dst < 65536)
			cmd->dst_pitch &= 0xfff;
	}
}

static int submit(struct fuzz_run *run, bool svm)
{
	struct fuzz_thing *ctx;
	struct fuzz_file *file = fuzz_file_pick(run);
	struct job job = { .svm = svm };
	unsigned int i;
	int ret;

	for (i = 0; svm && file && !file->bound && i < 8; i++)
		file = fuzz_file_pick(run);
	if (!file)
		return FUZZ_SKIPPED;
	job.cmds = fuzz_below(run, fuzz_chance(run, 50) ? 40 : 5);
	if (svm && !job.cmds)
		job.cmds = 1;
	job.cmd = fuzz_alloc(run, (job.cmds + 1) * sizeof(*job.cmd));
	job.ref = fuzz_alloc(run, 12 * sizeof(*job.ref));
	job.in = fuzz_alloc(run, 4 * sizeof(*job.in));
	job.out = fuzz_alloc(run, 4 * sizeof(*job.out));
	make_bos(run, &job, file);
	make_syncs(run, &job, file);
	for (i = 0; i < job.cmds; i++)
		make_cmd(run, &job, &job.cmd[i]);
	if (fuzz_chance(run, 120))
		mutate_job(run, &job);
	keep_safe(&job);

	ctx = fuzz_thing_pick(run, FUZZ_CTX, file);
	if (ctx && fuzz_chance(run, 700))
		job.submit.ctx_id = fuzz_id(run, ctx);
	set_array(&job.submit.cmds, sizeof(*job.cmd), job.cmds, job.cmd);
	set_array(&job.submit.bos, sizeof(*job.ref), job.bos, job.ref);
	set_array(&job.submit.in_syncs, sizeof(*job.in), job.ins, job.in);
	set_array(&job.submit.out_syncs, sizeof(*job.out), job.outs, job.out);
	ret = fuzz_file_ioctl(run, file, DRM_IOCTL_MMGPU_SUBMIT, &job.submit);
	for (i = 0; ret == 0 && i < job.outs; i++) {
		job.sync[i]->armed = true;
		if (job.sync[i]->timeline)
			job.sync[i]->size++;
	}
	/* It hung. A context of its own is replaced, context 0 only with the file. */
	if (ret == -ECANCELED && !job.submit.ctx_id)
		file->bad += 10;
	if (ret == -ECANCELED && ctx && job.submit.ctx_id == ctx->id) {
		struct drm_mmgpu_ctx_destroy gone = { .ctx_id = ctx->id };

		file->bad = 0;
		fuzz_file_ioctl(run, file, DRM_IOCTL_MMGPU_CTX_DESTROY, &gone);
		fuzz_thing_drop(run, ctx);
	}
	return ret;
}

int fuzz_do_submit(struct fuzz_run *run)
{
	return submit(run, false);
}

int fuzz_do_submit_svm(struct fuzz_run *run)
{
	return submit(run, true);
}

/* Lists up to their limits and beyond, and elements that are further apart. */
int fuzz_do_submit_big(struct fuzz_run *run)
{
	static const struct {
		uint32_t size, most;
	} list[] = { { 64, 1024 }, { 8, 256 }, { 16, 256 }, { 16, 256 } };
	struct drm_mmgpu_submit args = {};
	struct drm_mmgpu_obj_array *array[] = {
		&args.cmds, &args.bos, &args.in_syncs, &args.out_syncs
	};
	unsigned int which = fuzz_below(run, 4), i;
	uint32_t size = list[which].size, stride = size, count;
	struct fuzz_file *file = fuzz_file_pick(run);
	unsigned char *at;

	if (!file)
		return FUZZ_SKIPPED;
	if (fuzz_chance(run, 500)) {
		stride += 4 * fuzz_below(run, 64);
		count = 1 + fuzz_below(run, 8);
	} else {
		count = list[which].most - fuzz_below(run, 3) + (fuzz_chance(run, 100) ? 2 : 0);
	}
	at = fuzz_alloc(run, (size_t)stride * count);
	if (!at)
		return FUZZ_SKIPPED;
	/* Commands of zeroes do nothing; the other lists need something in them. */
	for (i = 0; which && i < count; i++) {
		struct fuzz_thing *thing = fuzz_thing_pick(run, which == 1 ? FUZZ_BO : FUZZ_SYNC,
							   file);
		struct drm_mmgpu_bo_ref *ref = (void *)(at + i * stride);
		struct drm_mmgpu_sync *sync = (void *)(at + i * stride);

		if (which == 1) {
			ref->handle = fuzz_chance(run, 500) && thing ? thing->id : i + 1;
			ref->flags = MMGPU_BO_REF_READ;
		} else if (thing) {
			sync->handle = thing->id;
			if (thing->timeline) {
				sync->flags = MMGPU_SYNC_TIMELINE;
				sync->point = which == 2 ? thing->size : ++thing->size;
			}
			if (which == 3)
				thing->armed = true;
		}
	}
	if (fuzz_chance(run, 100))
		fuzz_mutate(run, at, (size_t)stride * count);
	set_array(array[which], stride, count, at);
	return fuzz_file_ioctl(run, file, DRM_IOCTL_MMGPU_SUBMIT, &args);
}
