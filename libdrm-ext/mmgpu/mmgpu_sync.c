// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <linux/sync_file.h>
#include <xf86drm.h>

#include "mmgpu_internal.h"

/* More than there ever are behind one point that has signalled */
#define MAX_FENCES	16

static int wait_point(int fd, uint32_t syncobj, uint64_t point, int64_t timeout_ns)
{
	struct drm_syncobj_timeline_wait timeline = {
		.handles = (uintptr_t)&syncobj,
		.points = (uintptr_t)&point,
		.timeout_nsec = timeout_ns,
		.count_handles = 1,
		.flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT,
	};
	struct drm_syncobj_wait binary = {
		.handles = (uintptr_t)&syncobj,
		.timeout_nsec = timeout_ns,
		.count_handles = 1,
		.flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT,
	};

	/* A device may offer syncobjs without timelines */
	if (point)
		return mmgpu_ioctl(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &timeline);
	return mmgpu_ioctl(fd, DRM_IOCTL_SYNCOBJ_WAIT, &binary);
}

static int read_status(int sync_file, int *status)
{
	struct sync_fence_info fences[MAX_FENCES];
	struct sync_file_info info = { 0 };
	int ret;

	/*
	 * A point is a container whose own status says nothing. Asked for the fences
	 * inside, the kernel sums up their states.
	 */
	memset(fences, 0, sizeof(fences));
	info.num_fences = MAX_FENCES;
	info.sync_fence_info = (uintptr_t)fences;
	ret = mmgpu_ioctl(sync_file, SYNC_IOC_FILE_INFO, &info);
	if (ret)
		return ret;
	*status = info.status < 0 ? info.status : 0;
	return 0;
}

static int export_sync_file(int fd, uint32_t syncobj, int *sync_file)
{
	struct drm_syncobj_handle args = {
		.handle = syncobj,
		.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
		.fd = -1,
	};
	int ret;

	ret = mmgpu_ioctl(fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &args);
	if (!ret)
		*sync_file = args.fd;
	return ret;
}

/* A sync_file is made of binary syncobjs only: take the point into one. */
static int export_point(int fd, uint32_t syncobj, uint64_t point, int *sync_file)
{
	struct drm_syncobj_create tmp = { 0 };
	struct drm_syncobj_transfer transfer = { .src_handle = syncobj, .src_point = point };
	struct drm_syncobj_destroy destroy = { 0 };
	int ret;

	if (!point)
		return export_sync_file(fd, syncobj, sync_file);

	ret = mmgpu_ioctl(fd, DRM_IOCTL_SYNCOBJ_CREATE, &tmp);
	if (ret)
		return ret;
	transfer.dst_handle = tmp.handle;
	ret = mmgpu_ioctl(fd, DRM_IOCTL_SYNCOBJ_TRANSFER, &transfer);
	if (!ret)
		ret = export_sync_file(fd, tmp.handle, sync_file);
	destroy.handle = tmp.handle;
	mmgpu_ioctl(fd, DRM_IOCTL_SYNCOBJ_DESTROY, &destroy);
	return ret;
}

static int syncobj_status(int fd, uint32_t syncobj, uint64_t point, int *status)
{
	int sync_file, ret;

	ret = export_point(fd, syncobj, point, &sync_file);
	if (ret)
		return ret;
	ret = read_status(sync_file, status);
	close(sync_file);
	return ret;
}

static int fail_wait(int fd, int err, uint32_t syncobj)
{
	switch (err) {
	case ETIME:
		return mmgpu_fail(err, "waiting for a syncobj: its job is not over at the timeout: wait again, or longer");
	case ENOENT:
		return mmgpu_fail(err, "waiting for a syncobj: there is no handle %" PRIu32 " on this file: handles of another file do not count here",
				  syncobj);
	case EOPNOTSUPP:
		return mmgpu_fail(err, "waiting for a syncobj: the device does not offer such ones (see the driver's parameter \"caps\")");
	case EMFILE:
	case ENFILE:
		return mmgpu_fail(err, "waiting for a syncobj: too many open files to ask for its status: close some, or raise the limit (ulimit -n)");
	default:
		return mmgpu_fail_file(fd, err, "waiting for a syncobj");
	}
}

drm_public int drm_mmgpu_syncobj_wait(struct drm_mmgpu *dev, uint32_t syncobj, uint64_t point,
				      int64_t timeout_ns, int *status)
{
	int result = 0, ret;

	ret = wait_point(dev->fd, syncobj, point, timeout_ns);
	if (!ret && status)
		ret = syncobj_status(dev->fd, syncobj, point, &result);
	if (ret)
		return fail_wait(dev->fd, -ret, syncobj);
	if (status)
		*status = result;
	return 0;
}
