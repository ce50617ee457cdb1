// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Operations: syncobjs, sync_files, and fences that only user space signals. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/sync_file.h>

#include "fuzz.h"

#define MSEC	1000000ll

/* The installed headers may be too old to have this one. */
struct sync_eventfd {
	uint32_t handle;
	uint32_t flags;
	uint64_t point;
	int32_t fd;
	uint32_t pad;
};
#define IOCTL_SYNCOBJ_EVENTFD	DRM_IOWR(0xcf, struct sync_eventfd)

struct sw_sync_fence {
	uint32_t value;
	char name[32];
	int32_t fence;
};
#define SW_SYNC_CREATE_FENCE	_IOWR('W', 0, struct sw_sync_fence)
#define SW_SYNC_INC		_IOW('W', 1, uint32_t)

int fuzz_do_sync_create(struct fuzz_run *run)
{
	struct drm_syncobj_create args = {
		.flags = fuzz_chance(run, 300) ? DRM_SYNCOBJ_CREATE_SIGNALED : 0,
	};
	struct fuzz_file *file = fuzz_file_pick(run);
	struct fuzz_thing *sync;
	int ret;

	if (!file)
		return FUZZ_SKIPPED;
	ret = fuzz_file_ioctl(run, file, DRM_IOCTL_SYNCOBJ_CREATE, &args);
	if (ret < 0)
		return ret;
	sync = fuzz_thing_add(run, FUZZ_SYNC, file, args.handle, 0);
	if (sync) {
		sync->armed = args.flags & DRM_SYNCOBJ_CREATE_SIGNALED;
		sync->timeline = !sync->armed && fuzz_chance(run, 500);
	}
	return ret;
}

int fuzz_do_sync_destroy(struct fuzz_run *run)
{
	struct fuzz_thing *sync = fuzz_thing_pick(run, FUZZ_SYNC, NULL);
	struct drm_syncobj_destroy args = {};
	int ret;

	if (!sync)
		return FUZZ_SKIPPED;
	args.handle = fuzz_id(run, sync);
	ret = fuzz_file_ioctl(run, fuzz_file_of(run, sync), DRM_IOCTL_SYNCOBJ_DESTROY, &args);
	if (ret == 0 && args.handle == sync->id)
		fuzz_thing_drop(run, sync);
	return ret;
}

/* As a syncobj, which only PRIME's sockets would carry on, or as a sync_file. */
int fuzz_do_sync_export(struct fuzz_run *run)
{
	struct fuzz_thing *sync = fuzz_thing_pick(run, FUZZ_SYNC, NULL);
	struct drm_syncobj_handle args = { .fd = -1 };
	struct fuzz_file *file;
	unsigned int i;
	int ret;

	for (i = 0; sync && !sync->armed && i < 6; i++)
		sync = fuzz_thing_pick(run, FUZZ_SYNC, NULL);
	if (!sync)
		return FUZZ_SKIPPED;
	file = fuzz_file_of(run, sync);
	args.handle = fuzz_id(run, sync);
	if (fuzz_chance(run, 700)) {
		args.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE;
		ret = fuzz_file_ioctl(run, file, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &args);
		if (ret == 0 && args.fd > 2)
			fuzz_fd_add(run, syncfile, args.fd, 0);
		return ret;
	}
	ret = fuzz_file_ioctl(run, file, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &args);
	if (ret == 0 && args.fd > 2) {
		struct drm_syncobj_handle back = { .fd = args.fd };
		struct fuzz_file *other = fuzz_file_pick(run);

		if (other && !fuzz_file_ioctl(run, other, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &back))
			fuzz_thing_add(run, FUZZ_SYNC, other, back.handle, sync->size);
		close(args.fd);
	}
	return ret;
}

int fuzz_do_sync_import(struct fuzz_run *run)
{
	struct fuzz_thing *sync = fuzz_thing_pick(run, FUZZ_SYNC, NULL);
	struct fuzz_fd *fence = fuzz_fd_pick(run, syncfile);
	struct drm_syncobj_handle args = {
		.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE,
	};
	int ret;

	if (!sync || !fence)
		return FUZZ_SKIPPED;
	args.handle = fuzz_id(run, sync);
	args.fd = fuzz_chance(run, 30) ? fuzz_any_fd(run) : fence->fd;
	ret = fuzz_file_ioctl(run, fuzz_file_of(run, sync), DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &args);
	if (ret == 0) {
		sync->armed = true;
		sync->timeline = false;
	}
	return ret;
}

/* Handles of one file; how many, and whose. */
static unsigned int some_syncs(struct fuzz_run *run, struct fuzz_file **file, uint32_t *handle,
			       uint64_t *point)
{
	unsigned int n = 1 + fuzz_below(run, 3), i;

	*file = NULL;
	for (i = 0; i < n; i++) {
		struct fuzz_thing *sync = fuzz_thing_pick(run, FUZZ_SYNC, *file);
		unsigned int k;

		for (k = 0; sync && !sync->armed && k < 3; k++)
			sync = fuzz_thing_pick(run, FUZZ_SYNC, *file);
		if (!sync)
			return 0;
		*file = fuzz_file_of(run, sync);
		handle[i] = fuzz_id(run, sync);
		point[i] = sync->timeline ? 1 + fuzz_below(run, sync->size + 1) : 0;
	}
	return n;
}

static uint32_t wait_flags(struct fuzz_run *run)
{
	/* The last bit sets a deadline, which older kernels do not know. */
	return fuzz_below(run, 8) | (fuzz_chance(run, 100) ? 1 << 3 : 0);
}

static int64_t short_timeout(struct fuzz_run *run)
{
	return fuzz_chance(run, 300) ? 0 : fuzz_now() + fuzz_below(run, 3 * MSEC);
}

int fuzz_do_sync_wait(struct fuzz_run *run)
{
	uint32_t *handle = fuzz_alloc(run, 4 * sizeof(*handle));
	struct drm_syncobj_wait args = {};
	struct fuzz_file *file;
	uint64_t point[4];

	args.count_handles = some_syncs(run, &file, handle, point);
	if (!args.count_handles)
		return FUZZ_SKIPPED;
	args.handles = (uintptr_t)handle;
	args.timeout_nsec = short_timeout(run);
	args.flags = wait_flags(run) & ~DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE;
	return fuzz_file_ioctl(run, file, DRM_IOCTL_SYNCOBJ_WAIT, &args);
}

int fuzz_do_sync_timeline_wait(struct fuzz_run *run)
{
	uint32_t *handle = fuzz_alloc(run, 4 * sizeof(*handle));
	uint64_t *point = fuzz_alloc(run, 4 * sizeof(*point));
	struct drm_syncobj_timeline_wait args = {};
	struct fuzz_file *file;

	args.count_handles = some_syncs(run, &file, handle, point);
	if (!args.count_handles)
		return FUZZ_SKIPPED;
	args.handles = (uintptr_t)handle;
	args.points = (uintptr_t)point;
	args.timeout_nsec = short_timeout(run);
	args.flags = wait_flags(run);
	return fuzz_file_ioctl(run, file, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &args);
}

static int reset_or_signal(struct fuzz_run *run, unsigned long request)
{
	uint32_t *handle = fuzz_alloc(run, 4 * sizeof(*handle));
	struct drm_syncobj_array args = {};
	struct fuzz_file *file;
	uint64_t point[4];

	args.count_handles = some_syncs(run, &file, handle, point);
	if (!args.count_handles)
		return FUZZ_SKIPPED;
	args.handles = (uintptr_t)handle;
	return fuzz_file_ioctl(run, file, request, &args);
}

int fuzz_do_sync_reset(struct fuzz_run *run)
{
	return reset_or_signal(run, DRM_IOCTL_SYNCOBJ_RESET);
}

int fuzz_do_sync_signal(struct fuzz_run *run)
{
	return reset_or_signal(run, DRM_IOCTL_SYNCOBJ_SIGNAL);
}

int fuzz_do_sync_timeline_signal(struct fuzz_run *run)
{
	struct fuzz_thing *sync = fuzz_thing_pick(run, FUZZ_SYNC, NULL);
	uint32_t *handle = fuzz_alloc(run, sizeof(*handle));
	uint64_t *point = fuzz_alloc(run, sizeof(*point));
	struct drm_syncobj_timeline_array args = { .count_handles = 1 };
	int ret;

	if (!sync)
		return FUZZ_SKIPPED;
	*handle = fuzz_id(run, sync);
	*point = sync->size + 1;
	args.handles = (uintptr_t)handle;
	args.points = (uintptr_t)point;
	ret = fuzz_file_ioctl(run, fuzz_file_of(run, sync), DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, &args);
	if (ret == 0 && sync->timeline) {
		sync->armed = true;
		sync->size = *point;
	}
	return ret;
}

int fuzz_do_sync_query(struct fuzz_run *run)
{
	uint32_t *handle = fuzz_alloc(run, 4 * sizeof(*handle));
	uint64_t *point = fuzz_alloc(run, 4 * sizeof(*point));
	struct drm_syncobj_timeline_array args = {};
	struct fuzz_file *file;

	args.count_handles = some_syncs(run, &file, handle, point);
	if (!args.count_handles)
		return FUZZ_SKIPPED;
	args.handles = (uintptr_t)handle;
	args.points = (uintptr_t)point;
	args.flags = fuzz_chance(run, 300) ? DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED : 0;
	return fuzz_file_ioctl(run, file, DRM_IOCTL_SYNCOBJ_QUERY, &args);
}

int fuzz_do_sync_transfer(struct fuzz_run *run)
{
	struct fuzz_thing *from = fuzz_thing_pick(run, FUZZ_SYNC, NULL), *to;
	struct drm_syncobj_transfer args = {};
	struct fuzz_file *file;
	unsigned int i;
	int ret;

	for (i = 0; from && !from->armed && i < 6; i++)
		from = fuzz_thing_pick(run, FUZZ_SYNC, NULL);
	if (!from)
		return FUZZ_SKIPPED;
	file = fuzz_file_of(run, from);
	to = fuzz_thing_pick(run, FUZZ_SYNC, file);
	if (!to)
		return FUZZ_SKIPPED;
	args.src_handle = fuzz_id(run, from);
	args.dst_handle = fuzz_id(run, to);
	args.src_point = from->timeline ? from->size : 0;
	args.dst_point = to->timeline ? to->size + 1 : 0;
	ret = fuzz_file_ioctl(run, file, DRM_IOCTL_SYNCOBJ_TRANSFER, &args);
	if (ret == 0) {
		to->armed = true;
		to->size = args.dst_point;
	}
	return ret;
}

int fuzz_do_sync_eventfd(struct fuzz_run *run)
{
	struct fuzz_thing *sync = fuzz_thing_pick(run, FUZZ_SYNC, NULL);
	struct sync_eventfd args = {};
	int ret;

	if (!sync)
		return FUZZ_SKIPPED;
	args.handle = fuzz_id(run, sync);
	args.point = sync->timeline ? sync->size + fuzz_below(run, 2) : 0;
	args.flags = fuzz_chance(run, 300) ? DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE : 0;
	args.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ret = fuzz_file_ioctl(run, fuzz_file_of(run, sync), IOCTL_SYNCOBJ_EVENTFD, &args);
	if (args.fd > 2)
		close(args.fd);
	return ret;
}

/* ---- sync_files ------------------------------------------------------------------------- */

int fuzz_do_sync_file_info(struct fuzz_run *run)
{
	struct fuzz_fd *fence = fuzz_fd_pick(run, syncfile);
	struct sync_file_info args = {};

	if (!fence)
		return FUZZ_SKIPPED;
	if (fuzz_chance(run, 700)) {
		args.num_fences = fuzz_below(run, 9);
		args.sync_fence_info =
			(uintptr_t)fuzz_alloc(run, 8 * sizeof(struct sync_fence_info));
	}
	return fuzz_ioctl(run, fence->fd, SYNC_IOC_FILE_INFO, &args);
}

int fuzz_do_sync_file_merge(struct fuzz_run *run)
{
	struct fuzz_fd *one = fuzz_fd_pick(run, syncfile), *two = fuzz_fd_pick(run, syncfile);
	struct sync_merge_data args = { .name = "fuzz", .fence = -1 };
	int ret;

	if (!one || !two)
		return FUZZ_SKIPPED;
	args.fd2 = two->fd;
	ret = fuzz_ioctl(run, one->fd, SYNC_IOC_MERGE, &args);
	if (ret == 0 && args.fence > 2)
		fuzz_fd_add(run, syncfile, args.fence, 0);
	return ret;
}

/* ---- fences of user space --------------------------------------------------------------- */

/*
 * While a timeline is closed with fences that have not signalled, sw_sync holds a lock that
 * a fence takes when it goes, and DRM's eventfds drop fences as they signal. So nobody
 * has the only reference to a timeline but the supervisor, which signals all first.
 */
void fuzz_timelines_open(void)
{
	for (unsigned int i = 0; i < FUZZ_SHARED_TIMELINES; i++) {
		int fd = open("/sys/kernel/debug/sync/sw_sync", O_RDWR | O_CLOEXEC);

		fuzz->timeline[i] = fcntl(fd, F_DUPFD, FUZZ_FIRST_FD);
		fuzz->timeline_value[i] = 0;
		close(fd);
	}
}

void fuzz_timelines_close(void)
{
	/* Any value is passed once in a round, whatever a fence was created with. */
	uint32_t by = 1u << 29, rounds = 64;

	for (unsigned int i = 0; i < FUZZ_SHARED_TIMELINES; i++) {
		if (fuzz->timeline[i] < 0)
			continue;
		for (uint32_t j = 0; j < 8 * rounds; j++)
			ioctl(fuzz->timeline[i], SW_SYNC_INC, &by);
		close(fuzz->timeline[i]);
		fuzz->timeline[i] = -1;
	}
}

int fuzz_do_sw_sync_create(struct fuzz_run *run)
{
	struct fuzz_fd *timeline = fuzz_fd_pick(run, timeline);
	struct sw_sync_fence args = { .value = 1 + fuzz_below(run, 3), .fence = -1 };
	int ret;

	if (!timeline || fuzz_chance(run, 200)) {
		uint32_t which = fuzz_add(fuzz->timelines_taken, 1) % FUZZ_SHARED_TIMELINES;
		int fd = fcntl(fuzz->timeline[which], F_DUPFD_CLOEXEC, 3);

		if (fd < 0)
			return FUZZ_SKIPPED;
		fuzz_fd_add(run, timeline, fd, which);
		timeline = fuzz_fd_pick(run, timeline);
		if (!timeline)
			return FUZZ_SKIPPED;
	}
	args.value += fuzz_load(fuzz->timeline_value[timeline->size % FUZZ_SHARED_TIMELINES]);
	ret = fuzz_ioctl(run, timeline->fd, SW_SYNC_CREATE_FENCE, &args);
	if (ret == 0 && args.fence > 2)
		fuzz_fd_add(run, syncfile, args.fence, 0);
	return ret;
}

int fuzz_do_sw_sync_inc(struct fuzz_run *run)
{
	struct fuzz_fd *timeline = fuzz_fd_pick(run, timeline);
	uint32_t by = 1 + fuzz_below(run, 2);
	int ret;

	if (!timeline)
		return FUZZ_SKIPPED;
	ret = fuzz_ioctl(run, timeline->fd, SW_SYNC_INC, &by);
	if (ret == 0)
		fuzz_add(fuzz->timeline_value[timeline->size % FUZZ_SHARED_TIMELINES], by);
	return ret;
}
