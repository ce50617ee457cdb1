// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Why a submission or a grant was refused. The kernel has one errno for many causes; here,
 * after the fact, the causes are looked for in the order in which the kernel does. What is
 * found is a message only: nothing depends on it being complete.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <xf86drm.h>

#include "mmgpu_job.h"

static const char *op_name(uint32_t op)
{
	static const char *const names[] = {
		[MMGPU_OP_NOP] = "NOP",
		[MMGPU_OP_FILL] = "FILL",
		[MMGPU_OP_COPY] = "COPY",
		[MMGPU_OP_ADD] = "ADD",
		[MMGPU_OP_TIMESTAMP] = "TIMESTAMP",
		[MMGPU_OP_DELAY] = "DELAY",
	};

	return op < MMGPU_ARRAY_SIZE(names) ? names[op] : "unknown";
}

static const char *explain_e2big(const struct drm_mmgpu_job *job, uint64_t *count, uint64_t *max)
{
	const struct {
		const char *what;
		uint32_t count;
		uint32_t param;
	} limits[] = {
		{ "commands", job->cmds.count, MMGPU_PARAM_MAX_CMDS },
		{ "buffers", job->refs.count, MMGPU_PARAM_MAX_BOS },
		{ "in-syncs", job->in_syncs.count, MMGPU_PARAM_MAX_SYNCS },
		{ "out-syncs", job->out_syncs.count, MMGPU_PARAM_MAX_SYNCS },
	};
	unsigned int i;

	for (i = 0; i < MMGPU_ARRAY_SIZE(limits); i++) {
		if (drm_mmgpu_query_param(job->dev, limits[i].param, max) || limits[i].count <= *max)
			continue;
		*count = limits[i].count;
		return limits[i].what;
	}
	return NULL;
}

static int fail_e2big(const struct drm_mmgpu_job *job)
{
	uint64_t count, max;
	const char *what = explain_e2big(job, &count, &max);

	if (!what)
		return mmgpu_fail(E2BIG, "submitting: this driver is older than the library and does not know all that the job uses: load a newer mmgpu module");
	return mmgpu_fail(E2BIG, "submitting: %" PRIu64 " %s are more than the device's %" PRIu64 " for one job: split it into several",
			  count, what, max);
}

static bool ctx_exists(const struct drm_mmgpu_job *job, uint32_t ctx_id)
{
	struct drm_mmgpu_ctx_query args = { .ctx_id = ctx_id };

	return mmgpu_ioctl(job->dev->fd, DRM_IOCTL_MMGPU_CTX_QUERY, &args) != -ENOENT;
}

/* Handle of the first buffer for which BO_INFO gives -err, 0 if there is none. */
static uint32_t find_bo(const struct drm_mmgpu_job *job, int err)
{
	const struct drm_mmgpu_bo_ref *refs = job->refs.data;
	struct drm_mmgpu_bo_info info;
	uint32_t i;

	for (i = 0; i < job->refs.count; i++) {
		info = (struct drm_mmgpu_bo_info) { .handle = refs[i].handle };
		if (mmgpu_ioctl(job->dev->fd, DRM_IOCTL_MMGPU_BO_INFO, &info) == -err)
			return refs[i].handle;
	}
	return 0;
}

/* Handle of the first buffer that the job writes and the caller may only read. */
static uint32_t find_read_only_bo(const struct drm_mmgpu_job *job)
{
	const struct drm_mmgpu_bo_ref *refs = job->refs.data;
	struct drm_mmgpu_bo_info info;
	uint32_t i;

	for (i = 0; i < job->refs.count; i++) {
		info = (struct drm_mmgpu_bo_info) { .handle = refs[i].handle };
		if (!mmgpu_ioctl(job->dev->fd, DRM_IOCTL_MMGPU_BO_INFO, &info) &&
		    (refs[i].flags & MMGPU_BO_REF_WRITE) && !(info.access & MMGPU_ACCESS_WRITE))
			return refs[i].handle;
	}
	return 0;
}

static int fail_enoent(const struct drm_mmgpu_job *job, uint32_t ctx_id)
{
	uint32_t handle;

	if (!ctx_exists(job, ctx_id))
		return mmgpu_fail(ENOENT, "submitting: context %" PRIu32 " is not there any more: something else destroyed it, leave that to drm_mmgpu_context_free()",
				  ctx_id);
	handle = find_bo(job, ENOENT);
	if (handle)
		return mmgpu_fail_bo(job->dev->fd, ENOENT, handle, "submitting");
	return mmgpu_fail(ENOENT, "submitting: a syncobj is not there: give handles of this file, which nobody has destroyed");
}

static int fail_ecanceled(const struct drm_mmgpu_job *job, uint32_t ctx_id)
{
	uint64_t timeout_ms = 0;

	drm_mmgpu_query_param(job->dev, MMGPU_PARAM_JOB_TIMEOUT_MS, &timeout_ms);
	return mmgpu_fail(ECANCELED, "submitting: context %" PRIu32 " is banned, one of its jobs ran for over %" PRIu64 " ms: make a new context, and shorter jobs",
			  ctx_id, timeout_ms);
}

/* Whether @rows rows of @width bytes from @offset end at a number: tells the last byte. */
static bool has_end(uint64_t offset, uint64_t width, uint32_t rows, uint32_t pitch, uint64_t *last)
{
	uint64_t span = rows > 1 ? (uint64_t)(rows - 1) * pitch : 0;

	return !__builtin_add_overflow(offset, span, last) &&
	       !__builtin_add_overflow(*last, width - 1, last);
}

/*
 * What is wrong with one operand of @width bytes times @rows, NULL if nothing. With @svm it is
 * at a CPU address.
 */
static const char *check_operand(const struct drm_mmgpu_job *job, bool svm, uint32_t bo,
				 uint64_t offset, uint64_t width, uint32_t rows, uint32_t pitch)
{
	struct drm_mmgpu_bo *const *bos = job->bos.data;
	uint64_t last;
	bool ends;

	if (rows > 1 && pitch < width)
		return "has a pitch below its width";
	ends = has_end(offset, width, rows, pitch, &last);
	if (svm)
		return ends ? NULL : "reaches beyond the last CPU address";
	return ends && last < bos[bo]->size ? NULL : "reaches beyond the end of a buffer";
}

static const char *check_dst(const struct drm_mmgpu_job *job, const struct drm_mmgpu_cmd *cmd,
			     uint64_t width, uint32_t rows)
{
	return check_operand(job, cmd->flags & MMGPU_CMD_DST_SVM, cmd->dst_bo, cmd->dst, width,
			     rows, cmd->dst_pitch);
}

static const char *check_rectangle(const struct drm_mmgpu_job *job, const struct drm_mmgpu_cmd *cmd)
{
	const char *wrong;

	if (!cmd->width || !cmd->rows)
		return "has no bytes or no rows";
	wrong = check_dst(job, cmd, cmd->width, cmd->rows);
	if (!wrong && cmd->op == MMGPU_OP_COPY)
		wrong = check_operand(job, cmd->flags & MMGPU_CMD_SRC_SVM, cmd->src_bo, cmd->src,
				      cmd->width, cmd->rows, cmd->src_pitch);
	return wrong;
}

static const char *check_cmd(const struct drm_mmgpu_job *job, const struct drm_mmgpu_cmd *cmd)
{
	uint64_t max_ms;

	switch (cmd->op) {
	case MMGPU_OP_FILL:
	case MMGPU_OP_COPY:
		return check_rectangle(job, cmd);
	case MMGPU_OP_ADD:
	case MMGPU_OP_TIMESTAMP:
		if (cmd->dst % 8)
			return "has an offset that is no multiple of 8";
		return check_dst(job, cmd, 8, 1);
	case MMGPU_OP_DELAY:
		if (!drm_mmgpu_query_param(job->dev, MMGPU_PARAM_MAX_DELAY_MS, &max_ms) &&
		    cmd->value / 1000000 >= max_ms && cmd->value > max_ms * 1000000)
			return "is longer than MMGPU_PARAM_MAX_DELAY_MS";
		return NULL;
	default:
		return NULL;
	}
}

static int fail_cmd(uint32_t i, const struct drm_mmgpu_cmd *cmd, const char *wrong)
{
	char to[40];

	if (!wrong)
		return 0;
	if (cmd->flags & MMGPU_CMD_DST_SVM)
		snprintf(to, sizeof(to), "CPU address 0x%" PRIx64, (uint64_t)cmd->dst);
	else
		snprintf(to, sizeof(to), "offset %" PRIu64, (uint64_t)cmd->dst);
	if (cmd->op == MMGPU_OP_FILL || cmd->op == MMGPU_OP_COPY)
		return mmgpu_fail(EINVAL, "submitting: command %" PRIu32 " (%s, %" PRIu32 " rows of %" PRIu64 " bytes to %s) %s: correct it, nothing of the job was queued",
				  i, op_name(cmd->op), cmd->rows, (uint64_t)cmd->width, to, wrong);
	return mmgpu_fail(EINVAL, "submitting: command %" PRIu32 " (%s to %s, value %" PRIu64 ") %s: correct it, nothing of the job was queued",
			  i, op_name(cmd->op), to, (uint64_t)cmd->value, wrong);
}

static bool has_fence(const struct drm_mmgpu_job *job, const struct drm_mmgpu_sync *sync)
{
	uint64_t point = sync->point;
	uint32_t handle = sync->handle;
	struct drm_syncobj_timeline_wait timeline = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)&point,
		.count_handles = 1,
	};
	struct drm_syncobj_wait binary = { .handles = (uintptr_t)&handle, .count_handles = 1 };

	/* Without WAIT_FOR_SUBMIT the kernel says EINVAL when there is none */
	if (sync->point)
		return mmgpu_ioctl(job->dev->fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &timeline) != -EINVAL;
	return mmgpu_ioctl(job->dev->fd, DRM_IOCTL_SYNCOBJ_WAIT, &binary) != -EINVAL;
}

static bool has_svm(const struct drm_mmgpu_job *job)
{
	const struct drm_mmgpu_cmd *cmds = job->cmds.data;
	uint32_t i;

	for (i = 0; i < job->cmds.count; i++)
		if (cmds[i].flags & (MMGPU_CMD_DST_SVM | MMGPU_CMD_SRC_SVM))
			return true;
	return false;
}

static int fail_eopnotsupp(const struct drm_mmgpu_job *job)
{
	uint32_t state = 0;
	uint64_t svm = 0;

	if (has_svm(job) &&
	    (drm_mmgpu_query_param(job->dev, MMGPU_PARAM_SVM, &svm) || !svm))
		return mmgpu_fail(EOPNOTSUPP, "submitting: the device takes no CPU addresses (interface 1.%d; see the driver's parameter \"svm\"): copy through buffers instead",
				  job->dev->minor);
	if (has_svm(job) && !drm_mmgpu_query(job->dev, 0, &state, NULL, NULL) &&
	    !(state & MMGPU_MM_BOUND))
		return mmgpu_fail(EOPNOTSUPP, "submitting: only a bound file takes CPU addresses: call drm_mmgpu_bind() right after opening it");
	return mmgpu_fail(EOPNOTSUPP, "submitting: the device does not offer such syncobjs (see the driver's parameter \"caps\"): order the jobs by their buffers instead");
}

/* What is wrong with the list of buffers. */
static int fail_refs(const struct drm_mmgpu_job *job)
{
	const struct drm_mmgpu_bo_ref *refs = job->refs.data;
	bool svm = has_svm(job);
	uint32_t i;

	for (i = 0; i < job->refs.count; i++) {
		if (!(refs[i].flags & (MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE)))
			return mmgpu_fail(EINVAL, "submitting: the buffer with GEM handle %" PRIu32 " is neither read nor written: give drm_mmgpu_job_use_bo() MMGPU_BO_REF_READ or _WRITE",
					  refs[i].handle);
		if (svm && !(refs[i].flags & MMGPU_BO_REF_NO_IMPLICIT_SYNC))
			return mmgpu_fail(EINVAL, "submitting: a job with CPU addresses waits for no user of the buffer with GEM handle %" PRIu32 ": give drm_mmgpu_job_use_bo() MMGPU_BO_REF_NO_IMPLICIT_SYNC, and order the jobs by syncobjs",
					  refs[i].handle);
	}
	return 0;
}

static int fail_einval(const struct drm_mmgpu_job *job)
{
	const struct drm_mmgpu_sync *syncs = job->in_syncs.data;
	const struct drm_mmgpu_cmd *cmds = job->cmds.data;
	uint32_t i;
	int ret;

	ret = fail_refs(job);
	if (ret)
		return ret;
	for (i = 0; i < job->in_syncs.count; i++)
		if (!has_fence(job, &syncs[i]))
			return mmgpu_fail(EINVAL, "submitting: the job waits for syncobj %" PRIu32 ", point %" PRIu64 ", which nothing is going to signal: submit the job that signals it first",
					  syncs[i].handle, (uint64_t)syncs[i].point);
	for (i = 0; i < job->cmds.count; i++) {
		ret = fail_cmd(i, &cmds[i], check_cmd(job, &cmds[i]));
		if (ret)
			return ret;
	}
	return mmgpu_fail(EINVAL, "submitting: the driver refuses the job as malformed (turn on drm.debug=2 and look into the kernel log)");
}

static int fail_access(const struct drm_mmgpu_job *job, int err)
{
	uint32_t handle = 0;

	if (!mmgpu_is_foreign(job->dev->fd))
		handle = err == EPERM ? find_bo(job, EPERM) : find_read_only_bo(job);
	if (handle)
		return mmgpu_fail_bo(job->dev->fd, err, handle, "submitting");
	return mmgpu_fail_file(job->dev->fd, err, "submitting");
}

int mmgpu_fail_submit(const struct drm_mmgpu_job *job, uint32_t ctx_id, int err)
{
	switch (err) {
	case E2BIG:
		return fail_e2big(job);
	case ENOENT:
		return fail_enoent(job, ctx_id);
	case ECANCELED:
		return fail_ecanceled(job, ctx_id);
	case EINVAL:
		return fail_einval(job);
	case EPERM:
	case EACCES:
		return fail_access(job, err);
	case EOPNOTSUPP:
		return fail_eopnotsupp(job);
	default:
		return mmgpu_fail_file(job->dev->fd, err, "submitting");
	}
}

/* What the kernel calls EINVAL, in its order. */
static int fail_grant_einval(struct drm_mmgpu_bo *bo, const char *what, uint64_t mm_seq,
			     uint32_t access)
{
	uint64_t owner = 0;

	if (access & ~(MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE))
		return mmgpu_fail(EINVAL, "%s: unknown access 0x%" PRIx32 ": give MMGPU_ACCESS_READ, with _WRITE if wanted",
				  what, access);
	if (access == MMGPU_ACCESS_WRITE)
		return mmgpu_fail(EINVAL, "%s: nobody can write a buffer without reading it: give MMGPU_ACCESS_READ too",
				  what);
	if (!drm_mmgpu_bo_query(bo, NULL, &owner, NULL) && !owner)
		return mmgpu_fail(EINVAL, "%s: the buffer with GEM handle %" PRIu32 " is not private, so every holder of it has access: make it on a bound file and without MMGPU_BO_SHARED",
				  what, bo->handle);
	if (owner && owner == mm_seq)
		return mmgpu_fail(EINVAL, "%s: address space %" PRIu64 " owns the buffer, its own access stays as it is: give the number of another one",
				  what, mm_seq);
	return mmgpu_fail(EINVAL, "%s: the driver refuses it as malformed (turn on drm.debug=2 and look into the kernel log)",
			  what);
}

static int fail_grant_eperm(struct drm_mmgpu_bo *bo, const char *what)
{
	uint64_t owner;

	if (mmgpu_is_foreign(bo->dev->fd))
		return mmgpu_fail_file(bo->dev->fd, EPERM, what);
	/* Who may read it is told whose it is */
	if (!drm_mmgpu_bo_query(bo, NULL, &owner, NULL))
		return mmgpu_fail(EPERM, "%s: the buffer with GEM handle %" PRIu32 " belongs to address space %" PRIu64 ": only that one can grant and revoke",
				  what, bo->handle, owner);
	return mmgpu_fail(EPERM, "%s: the buffer with GEM handle %" PRIu32 " belongs to another address space: only that one can grant and revoke",
			  what, bo->handle);
}

static int fail_grant_enospc(struct drm_mmgpu_bo *bo, const char *what)
{
	uint64_t max;

	if (drm_mmgpu_query_param(bo->dev, MMGPU_PARAM_MAX_GRANTS, &max))
		return mmgpu_fail(ENOSPC, "%s: the buffer has as many grants as the device allows: revoke one",
				  what);
	return mmgpu_fail(ENOSPC, "%s: the buffer has %" PRIu64 " grants, more the device does not allow: revoke one, or use MMGPU_BO_SHARED",
			  what, max);
}

int mmgpu_fail_grant(struct drm_mmgpu_bo *bo, int err, uint64_t mm_seq, uint32_t access)
{
	const char *what = access ? "granting a buffer" : "revoking a grant";

	switch (err) {
	case EINVAL:
		return fail_grant_einval(bo, what, mm_seq, access);
	case EPERM:
		return fail_grant_eperm(bo, what);
	case ESRCH:
		if (mmgpu_is_foreign(bo->dev->fd))
			return mmgpu_fail_file(bo->dev->fd, err, what);
		return mmgpu_fail(err, "%s: there is no address space %" PRIu64 " (any more): let the other process ask drm_mmgpu_query() for its number, with MMGPU_QUERY_MM_ASSIGN, after its last exec",
				  what, mm_seq);
	case ENOSPC:
		return fail_grant_enospc(bo, what);
	case EOPNOTSUPP:
		return mmgpu_fail(err, "%s: this driver (interface 1.%d) makes no grants: load a newer mmgpu module",
				  what, bo->dev->minor);
	default:
		return mmgpu_fail_bo(bo->dev->fd, err, bo->handle, what);
	}
}
