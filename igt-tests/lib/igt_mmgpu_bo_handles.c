// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Doors to a private buffer that are ioctls: handles, jobs, the dma-buf. */

#include <errno.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <sys/mman.h>

#include <drm.h>
#include <drm_mode.h>

#include "igt.h"
#include "igt_mmgpu_bo_ways.h"

static uint64_t own_seq(struct igt_mmgpu_bo_visit *v)
{
	struct drm_mmgpu_query_mm query = { };

	__igt_mmgpu_query_mm(v->fd, MMGPU_QUERY_MM_ASSIGN, &query);
	return query.caller_mm_seq;
}

/* ---- handles ------------------------------------------------------------------------ */

/* What was refused is not there, what was given is the buffer. */
static int check_handle(struct igt_mmgpu_bo_visit *v, int fd, uint32_t handle, int ret)
{
	struct drm_mmgpu_bo_info info;

	if (ret)
		return __igt_mmgpu_bo_info(fd, 1, &info) == -ENOENT ? ret :
			IGT_MMGPU_BO_WRONG_ANSWER;
	if (__igt_mmgpu_bo_info(fd, handle, &info) || info.mm_seq != v->owner_seq)
		return IGT_MMGPU_BO_WRONG_ANSWER;
	return 0;
}

static int import_into(struct igt_mmgpu_bo_visit *v, int dmabuf, bool bind)
{
	int fd = igt_mmgpu_reopen(v->fd);
	uint32_t handle = 0;
	int ret;

	ret = bind ? __igt_mmgpu_bind_mm(fd, NULL) : 0;
	if (!ret)
		ret = __igt_mmgpu_import(fd, dmabuf, &handle);
	ret = check_handle(v, fd, handle, ret);
	close(fd);
	return ret;
}

IGT_MMGPU_BO_DOOR(import_new)
{
	return import_into(v, v->dmabuf, false);
}

IGT_MMGPU_BO_DOOR(import_bound)
{
	return import_into(v, v->dmabuf, true);
}

IGT_MMGPU_BO_DOOR(import_read_only)
{
	return import_into(v, v->ro_dmabuf, false);
}

/* DRM core knows the handle and asks nobody. */
IGT_MMGPU_BO_DOOR(import_again)
{
	uint32_t handle = 0;
	int ret = 0;

	for (int i = 0; i < 3 && !ret; i++)
		ret = __igt_mmgpu_import(v->fd, v->dmabuf, &handle);
	return !ret && handle != v->bo ? IGT_MMGPU_BO_WRONG_ANSWER : ret;
}

IGT_MMGPU_BO_DOOR(gem_close)
{
	return __igt_mmgpu_bo_close(v->fd, v->bo);
}

/* Into the same file, after the handle was closed. */
IGT_MMGPU_BO_DOOR(import_closed)
{
	uint32_t handle = 0;

	return __igt_mmgpu_import(v->fd, v->dmabuf, &handle);
}

static int open_name(int fd, uint32_t name)
{
	struct drm_gem_open opened = { .name = name };
	int ret = igt_mmgpu_ioctl(fd, DRM_IOCTL_GEM_OPEN, &opened);

	if (!ret && opened.size != IGT_MMGPU_BO_SIZE)
		return IGT_MMGPU_BO_WRONG_ANSWER;
	return ret;
}

IGT_MMGPU_BO_DOOR(open_new)
{
	int fd = igt_mmgpu_reopen(v->primary);
	int ret = check_handle(v, fd, 1, open_name(fd, v->name));

	close(fd);
	return ret;
}

IGT_MMGPU_BO_DOOR(open_again)
{
	return open_name(v->primary, v->name);
}

IGT_MMGPU_BO_DOOR(flink)
{
	struct drm_gem_flink flink = { .handle = v->primary_bo };
	int ret = igt_mmgpu_ioctl(v->primary, DRM_IOCTL_GEM_FLINK, &flink);

	return !ret && flink.name != v->name ? IGT_MMGPU_BO_WRONG_ANSWER : ret;
}

IGT_MMGPU_BO_DOOR(map_dumb)
{
	struct drm_mode_map_dumb map = { .handle = v->primary_bo };
	int ret = igt_mmgpu_ioctl(v->primary, DRM_IOCTL_MODE_MAP_DUMB, &map);

	return !ret && map.offset != v->offset ? IGT_MMGPU_BO_WRONG_ANSWER : ret;
}

IGT_MMGPU_BO_DOOR(prime_export)
{
	int dmabuf, ret = __igt_mmgpu_export(v->fd, v->bo, &dmabuf);

	if (!ret)
		close(dmabuf);
	return ret;
}

IGT_MMGPU_BO_DOOR(info)
{
	struct drm_mmgpu_bo_info info;
	int ret = __igt_mmgpu_bo_info(v->fd, v->bo, &info);

	if (ret)
		return ret;
	if (info.access == igt_mmgpu_bo_visit_access(v) && info.mm_seq == v->owner_seq &&
	    info.size == IGT_MMGPU_BO_SIZE && info.mmap_offset == v->offset && !info.flags)
		return 0;
	snprintf(v->note, sizeof(v->note), "BO_INFO said access %#x of mm %llu", info.access,
		 (unsigned long long)info.mm_seq);
	return IGT_MMGPU_BO_WRONG_ANSWER;
}

static int64_t patience(void)
{
	return igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);
}

IGT_MMGPU_BO_DOOR(wait)
{
	return __igt_mmgpu_bo_wait(v->fd, v->bo, 0, patience());
}

IGT_MMGPU_BO_DOOR(wait_write)
{
	return __igt_mmgpu_bo_wait(v->fd, v->bo, MMGPU_BO_WAIT_WRITE, patience());
}

/* Takes nothing from anybody, but only the owner may say so. */
IGT_MMGPU_BO_DOOR(revoke_nobody)
{
	return __igt_mmgpu_bo_grant(v->fd, v->bo, 0, 0);
}

IGT_MMGPU_BO_DOOR(grant_self)
{
	return __igt_mmgpu_bo_grant(v->fd, v->bo, MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE,
				    own_seq(v));
}

/* ---- jobs ----------------------------------------------------------------------------- */

/* Reads what page 8 begins with, writes into page 9, as far as the flags declare. */
static int submit(struct igt_mmgpu_bo_visit *v, uint32_t flags)
{
	struct igt_mmgpu_job job;
	uint32_t scratch, a, b;
	uint64_t *map = NULL;
	int ret, status;

	ret = __igt_mmgpu_bo_create(v->fd, IGT_MMGPU_BO_PAGE, 0, &scratch);
	if (ret)
		return IGT_MMGPU_BO_WRONG_ANSWER;
	igt_mmgpu_job_init(&job, 0);
	a = igt_mmgpu_job_bo(&job, scratch, MMGPU_BO_REF_WRITE);
	b = igt_mmgpu_job_bo(&job, v->bo, flags);
	if (flags & MMGPU_BO_REF_READ)
		igt_mmgpu_cmd_copy(&job, a, 0, b, 8 * IGT_MMGPU_BO_PAGE, 8);
	if (flags & MMGPU_BO_REF_WRITE)
		igt_mmgpu_cmd_fill(&job, b, 9 * IGT_MMGPU_BO_PAGE + 8, 8, IGT_MMGPU_BO_WRITTEN);
	ret = __igt_mmgpu_job_run(v->fd, &job, &status);
	if (!ret && status)
		ret = IGT_MMGPU_BO_WRONG_ANSWER;
	if (!ret && flags & MMGPU_BO_REF_READ) {
		map = __igt_mmgpu_bo_map(v->fd, scratch, 0, PROT_READ);
		if (!map || *map != IGT_MMGPU_BO_PATTERN + 8)
			ret = IGT_MMGPU_BO_WRONG_ANSWER;
		munmap(map, IGT_MMGPU_BO_PAGE);
	}
	__igt_mmgpu_bo_close(v->fd, scratch);
	return ret;
}

/* Three times, as a first refusal must not be a last one. */
static int submit_often(struct igt_mmgpu_bo_visit *v, uint32_t flags)
{
	int ret = submit(v, flags);

	for (int i = 0; i < 2; i++)
		if (submit(v, flags) != ret)
			return IGT_MMGPU_BO_UNLIKE;
	return ret;
}

IGT_MMGPU_BO_DOOR(submit_read)
{
	return submit_often(v, MMGPU_BO_REF_READ);
}

IGT_MMGPU_BO_DOOR(submit_write)
{
	return submit_often(v, MMGPU_BO_REF_WRITE);
}

IGT_MMGPU_BO_DOOR(submit_both)
{
	return submit_often(v, MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE);
}

IGT_MMGPU_BO_DOOR(submit_unordered)
{
	return submit_often(v, MMGPU_BO_REF_READ | MMGPU_BO_REF_NO_IMPLICIT_SYNC);
}

static int queued(int sync_file)
{
	int status;

	if (!igt_mmgpu_poll_ms(sync_file, POLLIN, IGT_MMGPU_PATIENCE * 1000))
		return -ETIME;
	status = igt_mmgpu_sync_file_status(sync_file);
	return status > 0 ? 0 : status ?: IGT_MMGPU_BO_WRONG_ANSWER;
}

IGT_MMGPU_BO_DOOR(queued_read)
{
	return queued(v->queued_read);
}

IGT_MMGPU_BO_DOOR(queued_write)
{
	return queued(v->queued_write);
}

/* ---- the dma-buf ------------------------------------------------------------------------ */

static int dmabuf_sync(struct igt_mmgpu_bo_visit *v, uint64_t flags)
{
	struct dma_buf_sync args = { .flags = flags };

	return igt_mmgpu_ioctl(v->dmabuf, DMA_BUF_IOCTL_SYNC, &args);
}

IGT_MMGPU_BO_DOOR(sync_read)
{
	return dmabuf_sync(v, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
}

IGT_MMGPU_BO_DOOR(sync_write)
{
	return dmabuf_sync(v, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
}

IGT_MMGPU_BO_DOOR(sync_both)
{
	return dmabuf_sync(v, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW);
}

IGT_MMGPU_BO_DOOR(sync_end)
{
	return dmabuf_sync(v, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ) ?:
	       dmabuf_sync(v, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE) ?:
	       dmabuf_sync(v, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW);
}

/* Size and busy state. */
IGT_MMGPU_BO_DOOR(dmabuf_look)
{
	off_t size = lseek(v->dmabuf, 0, SEEK_END);

	if (size < 0)
		return -errno;
	if (size != IGT_MMGPU_BO_SIZE ||
	    !igt_mmgpu_poll_ms(v->dmabuf, POLLOUT, IGT_MMGPU_PATIENCE * 1000))
		return IGT_MMGPU_BO_WRONG_ANSWER;
	return 0;
}

IGT_MMGPU_BO_DOOR(dmabuf_fences)
{
	int sync_file, ret;

	ret = __igt_mmgpu_dmabuf_export_fence(v->dmabuf, DMA_BUF_SYNC_RW, &sync_file);
	if (ret)
		return ret;
	ret = __igt_mmgpu_dmabuf_import_fence(v->dmabuf, DMA_BUF_SYNC_READ, sync_file);
	close(sync_file);
	return ret;
}

static int attach(struct igt_mmgpu_bo_visit *v, int fd)
{
	uint32_t handle;
	int ret;

	if (fd < 0)
		return IGT_MMGPU_BO_WRONG_ANSWER;
	ret = __igt_mmgpu_import(fd, v->dmabuf, &handle);
	close(fd);
	return ret;
}

IGT_MMGPU_BO_DOOR(attach_vgem)
{
	return attach(v, __igt_mmgpu_open_driver("vgem", IGT_MMGPU_RENDER, 0));
}

IGT_MMGPU_BO_DOOR(attach_second)
{
	return attach(v, __igt_mmgpu_open_driver("mmgpu", IGT_MMGPU_RENDER, 1));
}
