// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xf86drm.h>

#include "mmgpu_internal.h"

static int bo_info(struct drm_mmgpu *dev, uint32_t handle, struct drm_mmgpu_bo_info *info)
{
	*info = (struct drm_mmgpu_bo_info) { .handle = handle };
	return mmgpu_ioctl(dev->fd, DRM_IOCTL_MMGPU_BO_INFO, info);
}

/* Fails where the gate refuses, and then there is nothing to be done about it. */
static void close_handle(struct drm_mmgpu *dev, uint32_t handle)
{
	struct drm_gem_close args = { .handle = handle };

	mmgpu_ioctl(dev->fd, DRM_IOCTL_GEM_CLOSE, &args);
}

/* Puts an object for @handle into the table. Call with bo_lock held. */
static int bo_publish_locked(struct drm_mmgpu *dev, uint32_t handle, uint64_t size,
			     struct drm_mmgpu_bo **bop)
{
	struct drm_mmgpu_bo *bo;

	bo = calloc(1, sizeof(*bo));
	if (!bo)
		return -ENOMEM;
	bo->dev = dev;
	bo->handle = handle;
	bo->size = size;
	bo->refs = 1;
	if (mmgpu_table_set(&dev->bos, handle, bo)) {
		free(bo);
		return -ENOMEM;
	}
	*bop = bo;
	return 0;
}

/* The object of @handle, new or with one more reference. Call with bo_lock held. */
static int bo_find_locked(struct drm_mmgpu *dev, uint32_t handle, struct drm_mmgpu_bo **bop)
{
	struct drm_mmgpu_bo *bo = mmgpu_table_lookup(&dev->bos, handle);
	struct drm_mmgpu_bo_info info;
	int ret;

	if (bo) {
		bo->refs++;
		*bop = bo;
		return 0;
	}
	ret = bo_info(dev, handle, &info);
	if (ret)
		return ret;
	return bo_publish_locked(dev, handle, info.size, bop);
}

static int fail_create(struct drm_mmgpu *dev, int err, uint64_t size, uint32_t flags)
{
	uint64_t max;

	if (err == EINVAL && !size)
		return mmgpu_fail(err, "creating a buffer: its size is 0: ask for at least one byte");
	if (err == EINVAL)
		return mmgpu_fail(err, "creating a buffer: unknown flags 0x%" PRIx32 ": give MMGPU_BO_SHARED or 0",
				  flags);
	if (err == E2BIG && !drm_mmgpu_query_param(dev, MMGPU_PARAM_MAX_BO_SIZE, &max))
		return mmgpu_fail(err, "creating a buffer: %" PRIu64 " bytes are more than the device's %" PRIu64 ": use several buffers",
				  size, max);
	return mmgpu_fail_file(dev->fd, err, "creating a buffer");
}

drm_public int drm_mmgpu_bo_new(struct drm_mmgpu *dev, uint64_t size, uint32_t flags,
				struct drm_mmgpu_bo **bop)
{
	struct drm_mmgpu_bo_create args = { .size = size, .flags = flags };
	struct drm_mmgpu_bo_info info;
	int ret;

	if (!bop)
		return mmgpu_fail(EINVAL, "creating a buffer: no place for the result is given");
	ret = mmgpu_ioctl(dev->fd, DRM_IOCTL_MMGPU_BO_CREATE, &args);
	if (ret)
		return fail_create(dev, -ret, size, flags);

	/* Only the driver knows the size of its pages */
	ret = bo_info(dev, args.handle, &info);
	if (!ret) {
		pthread_mutex_lock(&dev->bo_lock);
		ret = bo_publish_locked(dev, args.handle, info.size, bop);
		pthread_mutex_unlock(&dev->bo_lock);
	}
	if (ret) {
		close_handle(dev, args.handle);
		return mmgpu_fail_file(dev->fd, -ret, "creating a buffer");
	}
	return 0;
}

static int fail_import(struct drm_mmgpu *dev, int err, int fd)
{
	if (err == EBADF)
		return mmgpu_fail(err, "importing a dma-buf: descriptor %d is not open", fd);
	if (err == EINVAL)
		return mmgpu_fail(err, "importing a dma-buf: descriptor %d is not one, or its exporter does not share it with this device",
				  fd);
	if (err == EPERM && !mmgpu_is_foreign(dev->fd))
		return mmgpu_fail(err, "importing a dma-buf: it is a private buffer of another address space: let its owner grant it first (drm_mmgpu_bo_grant()), or make it with MMGPU_BO_SHARED");
	return mmgpu_fail_file(dev->fd, err, "importing a dma-buf");
}

drm_public int drm_mmgpu_bo_import(struct drm_mmgpu *dev, int fd, struct drm_mmgpu_bo **bop)
{
	struct drm_prime_handle args = { .fd = fd };
	int ret;

	if (!bop)
		return mmgpu_fail(EINVAL, "importing a dma-buf: no place for the result is given");

	/*
	 * The kernel gives a handle that this file has already once more, without
	 * counting: between this and the lookup nobody may close it.
	 */
	pthread_mutex_lock(&dev->bo_lock);
	ret = mmgpu_ioctl(dev->fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args);
	if (!ret) {
		ret = bo_find_locked(dev, args.handle, bop);
		if (ret)
			close_handle(dev, args.handle);
	}
	pthread_mutex_unlock(&dev->bo_lock);
	return ret ? fail_import(dev, -ret, fd) : 0;
}

drm_public int drm_mmgpu_bo_wrap(struct drm_mmgpu *dev, uint32_t handle, struct drm_mmgpu_bo **bop)
{
	int ret;

	if (!bop)
		return mmgpu_fail(EINVAL, "wrapping a handle: no place for the result is given");
	pthread_mutex_lock(&dev->bo_lock);
	ret = bo_find_locked(dev, handle, bop);
	pthread_mutex_unlock(&dev->bo_lock);
	return ret ? mmgpu_fail_bo(dev->fd, -ret, handle, "wrapping a handle") : 0;
}

drm_public struct drm_mmgpu_bo *drm_mmgpu_bo_get(struct drm_mmgpu_bo *bo)
{
	pthread_mutex_lock(&bo->dev->bo_lock);
	bo->refs++;
	pthread_mutex_unlock(&bo->dev->bo_lock);
	return bo;
}

/* Removes the mapping, if this address space has it. */
static void unmap_locked(struct drm_mmgpu_bo *bo)
{
	struct drm_mmgpu_query_mm query = { 0 };

	/*
	 * fork() copies our pointer, but no mapping of a private buffer: by now there
	 * may be something else at that address.
	 */
	if (!bo->map_mm_seq ||
	    (!mmgpu_ioctl(bo->dev->fd, DRM_IOCTL_MMGPU_QUERY_MM, &query) &&
	     query.caller_mm_seq == bo->map_mm_seq))
		munmap(bo->map, bo->size);
	bo->map = NULL;
}

drm_public void drm_mmgpu_bo_put(struct drm_mmgpu_bo *bo)
{
	struct drm_mmgpu *dev;

	if (!bo)
		return;
	dev = bo->dev;
	pthread_mutex_lock(&dev->bo_lock);
	if (--bo->refs) {
		pthread_mutex_unlock(&dev->bo_lock);
		return;
	}
	if (bo->map)
		unmap_locked(bo);
	/* It is in the table, so this needs no memory and cannot fail */
	mmgpu_table_set(&dev->bos, bo->handle, NULL);
	close_handle(dev, bo->handle);
	pthread_mutex_unlock(&dev->bo_lock);
	free(bo);
}

drm_public uint32_t drm_mmgpu_bo_get_handle(const struct drm_mmgpu_bo *bo)
{
	return bo->handle;
}

drm_public uint64_t drm_mmgpu_bo_get_size(const struct drm_mmgpu_bo *bo)
{
	return bo->size;
}

drm_public int drm_mmgpu_bo_query(struct drm_mmgpu_bo *bo, uint32_t *flags, uint64_t *mm_seq,
				  uint32_t *access)
{
	struct drm_mmgpu_bo_info info;
	int ret;

	ret = bo_info(bo->dev, bo->handle, &info);
	if (ret)
		return mmgpu_fail_bo(bo->dev->fd, -ret, bo->handle, "asking for a buffer's owner");
	if (flags)
		*flags = info.flags;
	if (mm_seq)
		*mm_seq = info.mm_seq;
	if (access)
		*access = info.access;
	return 0;
}

drm_public int drm_mmgpu_bo_export(struct drm_mmgpu_bo *bo, uint32_t flags, int *fd)
{
	struct drm_prime_handle args = { .handle = bo->handle, .flags = flags, .fd = -1 };
	int ret;

	if (!fd)
		return mmgpu_fail(EINVAL, "exporting a buffer: no place for the result is given");
	ret = mmgpu_ioctl(bo->dev->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args);
	if (ret == -EINVAL)
		return mmgpu_fail(EINVAL, "exporting a buffer: unknown flags 0x%" PRIx32 ": give DRM_CLOEXEC and DRM_RDWR only",
				  flags);
	if (ret == -EMFILE || ret == -ENFILE)
		return mmgpu_fail(-ret, "exporting a buffer: too many open files: close some, or raise the limit (ulimit -n)");
	if (ret)
		return mmgpu_fail_bo(bo->dev->fd, -ret, bo->handle, "exporting a buffer");
	*fd = args.fd;
	return 0;
}

static int map_locked(struct drm_mmgpu_bo *bo)
{
	struct drm_mmgpu_query_mm query = { 0 };
	struct drm_mmgpu_bo_info info;
	int prot = PROT_READ, ret;
	void *map;

	ret = bo_info(bo->dev, bo->handle, &info);
	if (ret)
		return ret;
	if (info.mm_seq) {
		ret = mmgpu_ioctl(bo->dev->fd, DRM_IOCTL_MMGPU_QUERY_MM, &query);
		if (ret)
			return ret;
	}
	if (info.access & MMGPU_ACCESS_WRITE)
		prot |= PROT_WRITE;
	map = mmap(NULL, bo->size, prot, MAP_SHARED, bo->dev->fd, info.mmap_offset);
	if (map == MAP_FAILED)
		return -errno;
	bo->map = map;
	bo->map_mm_seq = query.caller_mm_seq;
	return 0;
}

drm_public int drm_mmgpu_bo_map(struct drm_mmgpu_bo *bo, void **ptr)
{
	int ret = 0;

	if (!ptr)
		return mmgpu_fail(EINVAL, "mapping a buffer: no place for the result is given");
	pthread_mutex_lock(&bo->dev->bo_lock);
	if (!bo->map)
		ret = map_locked(bo);
	if (!ret) {
		bo->maps++;
		*ptr = bo->map;
	}
	pthread_mutex_unlock(&bo->dev->bo_lock);
	return ret ? mmgpu_fail_bo(bo->dev->fd, -ret, bo->handle, "mapping a buffer") : 0;
}

drm_public int drm_mmgpu_bo_unmap(struct drm_mmgpu_bo *bo)
{
	bool mapped;

	pthread_mutex_lock(&bo->dev->bo_lock);
	mapped = bo->maps > 0;
	if (mapped && !--bo->maps)
		unmap_locked(bo);
	pthread_mutex_unlock(&bo->dev->bo_lock);
	return mapped ? 0 : mmgpu_fail(EINVAL, "unmapping a buffer: it is not mapped: call this once for each drm_mmgpu_bo_map()");
}

static int fail_wait(struct drm_mmgpu_bo *bo, int err, uint32_t flags)
{
	if (err == ETIME)
		return mmgpu_fail(err, "waiting for a buffer: jobs still use it at the timeout: wait again, or longer");
	if (err == EINVAL)
		return mmgpu_fail(err, "waiting for a buffer: unknown flags 0x%" PRIx32 ": give MMGPU_BO_WAIT_WRITE or 0",
				  flags);
	return mmgpu_fail_bo(bo->dev->fd, err, bo->handle, "waiting for a buffer");
}

drm_public int drm_mmgpu_bo_wait_idle(struct drm_mmgpu_bo *bo, uint32_t flags, int64_t timeout_ns)
{
	struct drm_mmgpu_bo_wait args = {
		.handle = bo->handle,
		.flags = flags,
		.timeout_ns = timeout_ns,
	};
	int ret;

	ret = mmgpu_ioctl(bo->dev->fd, DRM_IOCTL_MMGPU_BO_WAIT, &args);
	return ret ? fail_wait(bo, -ret, flags) : 0;
}
