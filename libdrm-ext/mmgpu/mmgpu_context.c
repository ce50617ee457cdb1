// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "mmgpu_internal.h"

static int fail_create(struct drm_mmgpu *dev, int err, int32_t priority, uint32_t engine)
{
	uint64_t limit;

	if (err == EACCES)
		return mmgpu_fail(err, "creating a context: MMGPU_PRIORITY_HIGH needs CAP_SYS_NICE: use MMGPU_PRIORITY_NORMAL");
	if (err == E2BIG && !drm_mmgpu_query_param(dev, MMGPU_PARAM_MAX_CONTEXTS, &limit))
		return mmgpu_fail(err, "creating a context: the file has %" PRIu64 ", which is the limit: free some, or open the node again",
				  limit);
	if (err == EINVAL && (priority < MMGPU_PRIORITY_LOW || priority > MMGPU_PRIORITY_HIGH))
		return mmgpu_fail(err, "creating a context: there is no priority %" PRId32 ": give one of MMGPU_PRIORITY_LOW, _NORMAL and _HIGH",
				  priority);
	if (err == EINVAL && !drm_mmgpu_query_param(dev, MMGPU_PARAM_ENGINE_COUNT, &limit))
		return mmgpu_fail(err, "creating a context: there is no engine %" PRIu32 ", the device has %" PRIu64 ", counted from 0: give one of them, or MMGPU_ENGINE_ANY",
				  engine, limit);
	return mmgpu_fail_file(dev->fd, err, "creating a context");
}

drm_public int drm_mmgpu_context_new(struct drm_mmgpu *dev, int32_t priority, uint32_t engine,
				     struct drm_mmgpu_context **ctxp)
{
	struct drm_mmgpu_ctx_create args = { .priority = priority, .engine = engine };
	struct drm_mmgpu_context *ctx;
	int ret;

	if (!ctxp)
		return mmgpu_fail(EINVAL, "creating a context: no place for the result is given");
	ctx = malloc(sizeof(*ctx));
	if (!ctx)
		return mmgpu_fail_file(dev->fd, ENOMEM, "creating a context");
	ret = mmgpu_ioctl(dev->fd, DRM_IOCTL_MMGPU_CTX_CREATE, &args);
	if (ret) {
		free(ctx);
		return fail_create(dev, -ret, priority, engine);
	}
	ctx->dev = dev;
	ctx->id = args.ctx_id;
	*ctxp = ctx;
	return 0;
}

drm_public struct drm_mmgpu_context *drm_mmgpu_context_default(struct drm_mmgpu *dev)
{
	return &dev->default_ctx;
}

drm_public void drm_mmgpu_context_free(struct drm_mmgpu_context *ctx)
{
	struct drm_mmgpu_ctx_destroy args;

	if (!ctx || ctx == &ctx->dev->default_ctx)
		return;
	/* Fails where the gate refuses, and then the context is the owner's */
	args = (struct drm_mmgpu_ctx_destroy) { .ctx_id = ctx->id };
	mmgpu_ioctl(ctx->dev->fd, DRM_IOCTL_MMGPU_CTX_DESTROY, &args);
	free(ctx);
}

drm_public uint32_t drm_mmgpu_context_get_id(const struct drm_mmgpu_context *ctx)
{
	return ctx->id;
}

drm_public int drm_mmgpu_context_query(struct drm_mmgpu_context *ctx, uint32_t *status,
				       uint64_t *hangs, uint64_t *faults, uint64_t *jobs_done)
{
	struct drm_mmgpu_ctx_query args = { .ctx_id = ctx->id };
	int ret;

	ret = mmgpu_ioctl(ctx->dev->fd, DRM_IOCTL_MMGPU_CTX_QUERY, &args);
	if (ret == -ENOENT)
		return mmgpu_fail(ENOENT, "asking for a context: context %" PRIu32 " is not there any more: something else destroyed it, leave that to drm_mmgpu_context_free()",
				  ctx->id);
	if (ret)
		return mmgpu_fail_file(ctx->dev->fd, -ret, "asking for a context");
	if (status)
		*status = args.status;
	if (hangs)
		*hangs = args.hangs;
	if (faults)
		*faults = args.faults;
	if (jobs_done)
		*jobs_done = args.jobs_done;
	return 0;
}
