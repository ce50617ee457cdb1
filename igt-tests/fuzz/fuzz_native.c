// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Operations: files, and our own ioctls except SUBMIT. */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fuzz.h"

#define MSEC	1000000ll

int fuzz_do_open(struct fuzz_run *run)
{
	bool primary = fuzz_chance(run, 400);
	unsigned int node = fuzz_below(run, FUZZ_NODES), i;
	int flags = O_RDWR;
	struct fuzz_file *file;
	int fd = -ENODEV;

	if (!fuzz_chance(run, 20))
		flags |= O_NONBLOCK;
	if (fuzz_chance(run, 100))
		flags |= O_CLOEXEC;
	if (fuzz_chance(run, 20))
		flags = (flags & ~O_ACCMODE) | O_RDONLY;
	for (i = 0; i < FUZZ_NODES && fd < 0; i++) {
		const char *path = (primary ? fuzz->card : fuzz->render)[(node + i) % FUZZ_NODES];

		if (path[0])
			fd = fuzz_sys(run, open(path, flags));
	}
	fuzz_say(run, "    open %s = %d\n", primary ? "card" : "render", fd);
	if (fd < 0)
		return fd;
	file = fuzz_file_add(run, fd, primary, false);
	/* Once a master, always allowed to use global names. */
	if (primary) {
		uint64_t none = 0;

		fuzz_ioctl(run, fd, DRM_IOCTL_SET_MASTER, &none);
		fuzz_ioctl(run, fd, DRM_IOCTL_DROP_MASTER, &none);
	}
	if (fuzz_chance(run, 800)) {
		struct drm_mmgpu_bind_mm bind = {};

		if (fuzz_ioctl(run, fd, DRM_IOCTL_MMGPU_BIND_MM, &bind) == 0) {
			file->bound = true;
			run->obj->mm_seq = bind.mm_seq;
			fuzz->mm_seq[fuzz_below(run, FUZZ_BOARD)] = bind.mm_seq;
		}
	}
	return fd;
}

int fuzz_do_close(struct fuzz_run *run)
{
	struct fuzz_fd *fd = NULL;
	struct fuzz_file *file;

	switch (fuzz_below(run, 8)) {
	case 0:
	case 1:
	case 2:
		fd = fuzz_fd_pick(run, dmabuf);
		break;
	case 3:
	case 4:
		fd = fuzz_fd_pick(run, syncfile);
		break;
	case 5:
		fd = fuzz_fd_pick(run, timeline);
		break;
	}
	if (fd) {
		int old = fd->fd;

		fd->fd = -1;
		return fuzz_sys(run, close(old));
	}
	file = fuzz_file_pick(run);
	if (!file)
		return FUZZ_SKIPPED;
	fuzz_file_close(run, file);
	return fuzz_sys(run, 0);
}

int fuzz_do_dup(struct fuzz_run *run)
{
	struct fuzz_file *file = fuzz_file_pick(run), *copy;
	bool bound, primary;
	int fd;

	if (!file)
		return FUZZ_SKIPPED;
	bound = file->bound;
	primary = file->primary;
	fd = fuzz_sys(run, dup(file->fd));
	if (fd < 0)
		return fd;
	copy = fuzz_file_add(run, fd, primary, false);
	copy->bound = bound;
	return fd;
}

int fuzz_do_get_param(struct fuzz_run *run)
{
	struct drm_mmgpu_get_param args = { .param = fuzz_below(run, MMGPU_PARAM_SVM + 1) };
	struct fuzz_file *file = fuzz_file_pick(run);

	return file ? fuzz_file_ioctl(run, file, DRM_IOCTL_MMGPU_GET_PARAM, &args) : FUZZ_SKIPPED;
}

int fuzz_do_bind(struct fuzz_run *run)
{
	struct fuzz_file *file = fuzz_file_pick(run);
	struct drm_mmgpu_bind_mm args = {};
	int ret;

	if (!file)
		return FUZZ_SKIPPED;
	ret = fuzz_file_ioctl(run, file, DRM_IOCTL_MMGPU_BIND_MM, &args);
	if (ret == 0) {
		file->bound = true;
		run->obj->mm_seq = args.mm_seq;
		fuzz->mm_seq[fuzz_below(run, FUZZ_BOARD)] = args.mm_seq;
	}
	return ret;
}

int fuzz_do_query_mm(struct fuzz_run *run)
{
	struct drm_mmgpu_query_mm args = {
		.flags = fuzz_chance(run, 600) ? MMGPU_QUERY_MM_ASSIGN : 0,
	};
	struct fuzz_file *file = fuzz_file_pick(run);
	int ret;

	if (!file)
		return FUZZ_SKIPPED;
	ret = fuzz_file_ioctl(run, file, DRM_IOCTL_MMGPU_QUERY_MM, &args);
	if (ret == 0 && args.caller_mm_seq)
		fuzz->mm_seq[fuzz_below(run, FUZZ_BOARD)] = args.caller_mm_seq;
	/* An owner that is gone, and a stranger, are told apart here. */
	if (ret == 0 && (args.state & MMGPU_MM_GONE))
		file->bad += 6;
	return ret;
}

/* Most are small: what counts is how many there are, and where they end. */
static uint64_t any_size(struct fuzz_run *run)
{
	switch (fuzz_below(run, 100)) {
	case 0:
	case 1:
		return fuzz_odd(run);
	case 2:
		return 1 + fuzz_below(run, 4 << 20);
	case 3:
	case 4:
	case 5:
	case 6:
	case 7:
		return 1 + fuzz_below(run, 1 << 16);
	default:
		return 4096 * (1 + fuzz_below(run, 4)) - (fuzz_chance(run, 300) ? 8 : 0);
	}
}

int fuzz_do_bo_create(struct fuzz_run *run)
{
	struct drm_mmgpu_bo_create args = {
		.size = any_size(run),
		.flags = fuzz_chance(run, 400) ? MMGPU_BO_SHARED : 0,
	};
	struct fuzz_file *file = fuzz_file_pick(run);
	struct fuzz_thing *bo;
	uint64_t size;
	int ret;

	if (!file)
		return FUZZ_SKIPPED;
	ret = fuzz_file_ioctl(run, file, DRM_IOCTL_MMGPU_BO_CREATE, &args);
	if (ret < 0)
		return ret;
	size = (args.size + 4095) & ~4095ull;
	/* Big ones are never filled: they go again at once. */
	if (size > 8 << 20) {
		struct drm_gem_close close_args = { .handle = args.handle };

		fuzz_file_ioctl(run, file, DRM_IOCTL_GEM_CLOSE, &close_args);
		return ret;
	}
	bo = fuzz_thing_add(run, FUZZ_BO, file, args.handle, size);
	if (bo)
		bo->armed = file->bound && !args.flags;
	return ret;
}

int fuzz_do_bo_info(struct fuzz_run *run)
{
	struct fuzz_thing *bo = fuzz_thing_pick(run, FUZZ_BO, NULL);
	struct drm_mmgpu_bo_info args = {};
	int ret;

	if (!bo)
		return FUZZ_SKIPPED;
	args.handle = fuzz_id(run, bo);
	ret = fuzz_file_ioctl(run, fuzz_file_of(run, bo), DRM_IOCTL_MMGPU_BO_INFO, &args);
	if (ret == 0 && args.handle == bo->id)
		bo->size = args.size;
	return ret;
}

int fuzz_do_bo_wait(struct fuzz_run *run)
{
	struct fuzz_thing *bo = fuzz_thing_pick(run, FUZZ_BO, NULL);
	struct drm_mmgpu_bo_wait args = {};

	if (!bo)
		return FUZZ_SKIPPED;
	args.handle = fuzz_id(run, bo);
	args.flags = fuzz_chance(run, 500) ? MMGPU_BO_WAIT_WRITE : 0;
	if (fuzz_chance(run, 500))
		args.timeout_ns = fuzz_now() + fuzz_below(run, 4 * MSEC);
	return fuzz_file_ioctl(run, fuzz_file_of(run, bo), DRM_IOCTL_MMGPU_BO_WAIT, &args);
}

int fuzz_do_bo_grant(struct fuzz_run *run)
{
	static const uint32_t access[] = {
		MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE, MMGPU_ACCESS_READ, 0,
		MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE,
	};
	struct fuzz_thing *bo = fuzz_thing_pick(run, FUZZ_BO, NULL);
	struct drm_mmgpu_bo_grant args = {};
	unsigned int i;

	/* A private one, if there is one within reach. */
	for (i = 0; bo && !bo->armed && i < 20; i++)
		bo = fuzz_thing_pick(run, FUZZ_BO, NULL);
	if (!bo)
		return FUZZ_SKIPPED;
	args.handle = fuzz_id(run, bo);
	args.access = access[fuzz_below(run, fuzz_count(access))];
	args.mm_seq = fuzz->mm_seq[fuzz_below(run, FUZZ_BOARD)];
	for (i = 0; i < 8 && (!args.mm_seq || args.mm_seq == run->obj->mm_seq); i++)
		args.mm_seq = fuzz->mm_seq[fuzz_below(run, FUZZ_BOARD)];
	if (fuzz_chance(run, 30))
		args.mm_seq += fuzz_below(run, 5) - 2;
	return fuzz_file_ioctl(run, fuzz_file_of(run, bo), DRM_IOCTL_MMGPU_BO_GRANT, &args);
}

int fuzz_do_ctx_create(struct fuzz_run *run)
{
	struct drm_mmgpu_ctx_create args = {
		.priority = (int)fuzz_below(run, 3) - 1,
		.engine = fuzz_chance(run, 500) ? MMGPU_ENGINE_ANY : fuzz_below(run, 2),
	};
	struct fuzz_file *file = fuzz_file_pick(run);
	int ret;

	if (!file)
		return FUZZ_SKIPPED;
	ret = fuzz_file_ioctl(run, file, DRM_IOCTL_MMGPU_CTX_CREATE, &args);
	if (ret == 0)
		fuzz_thing_add(run, FUZZ_CTX, file, args.ctx_id, 0);
	return ret;
}

int fuzz_do_ctx_destroy(struct fuzz_run *run)
{
	struct fuzz_thing *ctx = fuzz_thing_pick(run, FUZZ_CTX, NULL);
	struct drm_mmgpu_ctx_destroy args = {};
	int ret;

	if (!ctx)
		return FUZZ_SKIPPED;
	args.ctx_id = fuzz_id(run, ctx);
	ret = fuzz_file_ioctl(run, fuzz_file_of(run, ctx), DRM_IOCTL_MMGPU_CTX_DESTROY, &args);
	if (ret == 0 && args.ctx_id == ctx->id)
		fuzz_thing_drop(run, ctx);
	return ret;
}

int fuzz_do_ctx_query(struct fuzz_run *run)
{
	struct fuzz_thing *ctx = fuzz_thing_pick(run, FUZZ_CTX, NULL);
	struct drm_mmgpu_ctx_query args = {};
	struct fuzz_file *file = ctx ? fuzz_file_of(run, ctx) : fuzz_file_pick(run);
	int ret;

	if (!file)
		return FUZZ_SKIPPED;
	if (ctx && fuzz_chance(run, 800))
		args.ctx_id = fuzz_id(run, ctx);
	ret = fuzz_file_ioctl(run, file, DRM_IOCTL_MMGPU_CTX_QUERY, &args);
	/* A banned context takes nothing more: away with it, or with its file. */
	if (ret == 0 && (args.status & MMGPU_CTX_BANNED)) {
		struct drm_mmgpu_ctx_destroy gone = { .ctx_id = args.ctx_id };

		if (!args.ctx_id) {
			file->bad += 10;
		} else if (!fuzz_file_ioctl(run, file, DRM_IOCTL_MMGPU_CTX_DESTROY, &gone) &&
			   args.ctx_id == ctx->id) {
			fuzz_thing_drop(run, ctx);
		}
	}
	return ret;
}
