// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Ioctls of syncobjs, sync_files and dma-bufs. */

#include <errno.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <xf86drm.h>

#include "igt.h"
#include "igt_mmgpu_calls.h"

/* Newer than the packaged header. */
struct syncobj_eventfd {
	uint32_t handle;
	uint32_t flags;
	uint64_t point;
	int32_t fd;
	uint32_t pad;
};
#define SYNCOBJ_EVENTFD		DRM_IOWR(0xcf, struct syncobj_eventfd)

static void handles_list(struct igt_mmgpu_world *w, void *args, size_t pointer, uint32_t first,
			 uint32_t second)
{
	w->handles[0] = first;
	w->handles[1] = second;
	igt_mmgpu_call_list(w, args, pointer, w->handles, sizeof(w->handles), false);
}

static void points_list(struct igt_mmgpu_world *w, void *args, size_t pointer, bool out)
{
	w->points[0] = 1;
	w->points[1] = 2;
	igt_mmgpu_call_list(w, args, pointer, w->points, sizeof(w->points), out);
}

static void temps_begin(struct igt_mmgpu_world *w, bool signaled)
{
	for (int i = 0; i < 2; i++)
		w->temp[i] = signaled ? igt_mmgpu_syncobj_create_signaled(w->fd) :
					igt_mmgpu_syncobj_create(w->fd);
}

/* A fence in both syncobjs, or in neither. */
static bool all_fences(struct igt_mmgpu_world *w, bool have)
{
	return igt_mmgpu_syncobj_has_fence(w->fd, w->temp[0]) == have &&
	       igt_mmgpu_syncobj_has_fence(w->fd, w->temp[1]) == have;
}

static void temps_end(struct igt_mmgpu_world *w)
{
	for (int i = 0; i < 2; i++)
		igt_mmgpu_syncobj_destroy(w->fd, w->temp[i]);
}

static bool without_fences(struct igt_mmgpu_world *w, void *args)
{
	return all_fences(w, false);
}

static bool with_fences(struct igt_mmgpu_world *w, void *args)
{
	return all_fences(w, true);
}

static void now_without_fences(struct igt_mmgpu_world *w, void *args)
{
	igt_assert(all_fences(w, false));
	temps_end(w);
}

static void now_with_fences(struct igt_mmgpu_world *w, void *args)
{
	igt_assert(all_fences(w, true));
	temps_end(w);
}

/* ---- syncobjs ---------------------------------------------------------------------------- */

static void create_begin(struct igt_mmgpu_world *w, void *args)
{
	((struct drm_syncobj_create *)args)->flags = DRM_SYNCOBJ_CREATE_SIGNALED;
}

static void create_end(struct igt_mmgpu_world *w, void *args)
{
	struct drm_syncobj_create *a = args;

	igt_assert_eq(igt_mmgpu_syncobj_result(w->fd, a->handle), 0);
	igt_mmgpu_syncobj_destroy(w->fd, a->handle);
}

static void destroy_begin(struct igt_mmgpu_world *w, void *args)
{
	w->temp[0] = igt_mmgpu_syncobj_create(w->fd);
	((struct drm_syncobj_destroy *)args)->handle = w->temp[0];
}

static bool destroy_unchanged(struct igt_mmgpu_world *w, void *args)
{
	return !drmSyncobjReset(w->fd, w->temp, 1);
}

static void destroy_end(struct igt_mmgpu_world *w, void *args)
{
	igt_assert_neq(drmSyncobjDestroy(w->fd, w->temp[0]), 0);
}

static void wait_begin(struct igt_mmgpu_world *w, void *args)
{
	struct drm_syncobj_wait *a = args;

	handles_list(w, args, offsetof(struct drm_syncobj_wait, handles), w->signaled,
		     w->signaled);
	a->count_handles = 2;
	a->flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL;
	a->timeout_nsec = INT64_MAX;
}

static void timeline_wait_begin(struct igt_mmgpu_world *w, void *args)
{
	struct drm_syncobj_timeline_wait *a = args;

	handles_list(w, args, offsetof(struct drm_syncobj_timeline_wait, handles), w->timeline,
		     w->timeline);
	points_list(w, args, offsetof(struct drm_syncobj_timeline_wait, points), false);
	a->count_handles = 2;
	a->flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL;
	a->timeout_nsec = INT64_MAX;
}

static void reset_begin(struct igt_mmgpu_world *w, void *args)
{
	struct drm_syncobj_array *a = args;

	temps_begin(w, true);
	handles_list(w, args, offsetof(struct drm_syncobj_array, handles), w->temp[0],
		     w->temp[1]);
	a->count_handles = 2;
}

/* One: of several, core would leave those before the one that failed signalled. */
static void signal_begin(struct igt_mmgpu_world *w, void *args)
{
	struct drm_syncobj_array *a = args;

	w->temp[0] = igt_mmgpu_syncobj_create(w->fd);
	igt_mmgpu_call_list(w, args, offsetof(struct drm_syncobj_array, handles), w->temp,
			    sizeof(w->temp[0]), false);
	a->count_handles = 1;
}

static void timeline_signal_begin(struct igt_mmgpu_world *w, void *args)
{
	struct drm_syncobj_timeline_array *a = args;

	temps_begin(w, false);
	handles_list(w, args, offsetof(struct drm_syncobj_timeline_array, handles), w->temp[0],
		     w->temp[1]);
	points_list(w, args, offsetof(struct drm_syncobj_timeline_array, points), false);
	a->count_handles = 2;
}

static void query_begin(struct igt_mmgpu_world *w, void *args)
{
	struct drm_syncobj_timeline_array *a = args;

	handles_list(w, args, offsetof(struct drm_syncobj_timeline_array, handles), w->timeline,
		     w->timeline);
	points_list(w, args, offsetof(struct drm_syncobj_timeline_array, points), true);
	a->count_handles = 2;
}

static void query_end(struct igt_mmgpu_world *w, void *args)
{
	igt_assert_eq_u64(w->points[0], 2);
	igt_assert_eq_u64(w->points[1], 2);
}

/* From a binary syncobj to a point of a timeline. */
static void transfer_begin(struct igt_mmgpu_world *w, void *args)
{
	struct drm_syncobj_transfer *a = args;

	w->temp[0] = igt_mmgpu_syncobj_create(w->fd);
	a->src_handle = w->signaled;
	a->dst_handle = w->temp[0];
	a->dst_point = 1;
}

static bool transfer_unchanged(struct igt_mmgpu_world *w, void *args)
{
	return !igt_mmgpu_syncobj_has_fence(w->fd, w->temp[0]);
}

static void transfer_end(struct igt_mmgpu_world *w, void *args)
{
	igt_mmgpu_syncobj_wait(w->fd, w->temp[0], 1);
	igt_mmgpu_syncobj_destroy(w->fd, w->temp[0]);
}

/* ---- descriptors of syncobjs --------------------------------------------------------------- */

static void export_begin(struct igt_mmgpu_world *w, void *args)
{
	((struct drm_syncobj_handle *)args)->handle = w->signaled;
}

static void export_file_begin(struct igt_mmgpu_world *w, void *args)
{
	export_begin(w, args);
	((struct drm_syncobj_handle *)args)->flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE;
}

static void export_end(struct igt_mmgpu_world *w, void *args)
{
	igt_assert_eq(close(((struct drm_syncobj_handle *)args)->fd), 0);
}

static void import_begin(struct igt_mmgpu_world *w, void *args)
{
	igt_assert_eq(drmSyncobjHandleToFD(w->fd, w->signaled, &w->temp_fd), 0);
	((struct drm_syncobj_handle *)args)->fd = w->temp_fd;
}

static void import_end(struct igt_mmgpu_world *w, void *args)
{
	uint32_t handle = ((struct drm_syncobj_handle *)args)->handle;

	igt_assert_eq(igt_mmgpu_syncobj_result(w->fd, handle), 0);
	igt_mmgpu_syncobj_destroy(w->fd, handle);
	close(w->temp_fd);
}

static void import_file_begin(struct igt_mmgpu_world *w, void *args)
{
	struct drm_syncobj_handle *a = args;

	w->temp[0] = igt_mmgpu_syncobj_create(w->fd);
	a->handle = w->temp[0];
	a->fd = w->sync_file;
	a->flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE;
}

static void import_file_end(struct igt_mmgpu_world *w, void *args)
{
	igt_assert(igt_mmgpu_syncobj_has_fence(w->fd, w->temp[0]));
	igt_mmgpu_syncobj_destroy(w->fd, w->temp[0]);
}

static void eventfd_begin(struct igt_mmgpu_world *w, void *args)
{
	struct syncobj_eventfd *a = args;

	w->temp_fd = eventfd(0, EFD_CLOEXEC);
	igt_assert_fd(w->temp_fd);
	a->handle = w->timeline;
	a->point = 2;
	a->fd = w->temp_fd;
}

static void eventfd_end(struct igt_mmgpu_world *w, void *args)
{
	igt_assert(igt_mmgpu_poll(w->temp_fd, POLLIN));
	close(w->temp_fd);
}

/* ---- sync_files ------------------------------------------------------------------------------ */

static struct sync_fence_info fence_info[1];

static void file_info_begin(struct igt_mmgpu_world *w, void *args)
{
	struct sync_file_info *a = args;

	a->num_fences = 1;
	igt_mmgpu_call_list(w, args, offsetof(struct sync_file_info, sync_fence_info), fence_info,
			    sizeof(fence_info), true);
}

static void file_info_end(struct igt_mmgpu_world *w, void *args)
{
	igt_assert_eq(((struct sync_file_info *)args)->status, 1);
}

static void merge_begin(struct igt_mmgpu_world *w, void *args)
{
	((struct sync_merge_data *)args)->fd2 = w->sync_file;
}

static void merge_end(struct igt_mmgpu_world *w, void *args)
{
	igt_assert_eq(close(((struct sync_merge_data *)args)->fence), 0);
}

/* ---- dma-bufs ----------------------------------------------------------------------------------- */

static void sync_start_begin(struct igt_mmgpu_world *w, void *args)
{
	((struct dma_buf_sync *)args)->flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW;
}

static void sync_end_begin(struct igt_mmgpu_world *w, void *args)
{
	((struct dma_buf_sync *)args)->flags = DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW;
}

static void export_sync_begin(struct igt_mmgpu_world *w, void *args)
{
	struct dma_buf_export_sync_file *a = args;

	a->flags = DMA_BUF_SYNC_RW;
	a->fd = -1;
}

static void export_sync_end(struct igt_mmgpu_world *w, void *args)
{
	igt_assert_eq(close(((struct dma_buf_export_sync_file *)args)->fd), 0);
}

static void import_sync_begin(struct igt_mmgpu_world *w, void *args)
{
	struct dma_buf_import_sync_file *a = args;

	a->flags = DMA_BUF_SYNC_WRITE;
	a->fd = w->sync_file;
}

/* Eight bytes with the last one. */
static void set_name_begin(struct igt_mmgpu_world *w, void *args)
{
	strcpy(args, "picture");
}

#define ON(member)	.file = IGT_MMGPU_CALL_ON(member)

static const struct igt_mmgpu_call calls[] = {
	{ "syncobj-create", DRM_IOCTL_SYNCOBJ_CREATE, ON(fd), create_begin, create_end,
	  .makes = IGT_MMGPU_MADE_SYNCOBJ },
	{ "syncobj-destroy", DRM_IOCTL_SYNCOBJ_DESTROY, ON(fd), destroy_begin, destroy_end,
	  destroy_unchanged,
	  .makes = IGT_MMGPU_MADE_END },
	{ "syncobj-wait", DRM_IOCTL_SYNCOBJ_WAIT, ON(fd), wait_begin },
	{ "syncobj-timeline-wait", DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, ON(fd), timeline_wait_begin },
	{ "syncobj-reset", DRM_IOCTL_SYNCOBJ_RESET, ON(fd), reset_begin, now_without_fences,
	  with_fences,
	  .makes = IGT_MMGPU_MADE_CHANGE },
	{ "syncobj-signal", DRM_IOCTL_SYNCOBJ_SIGNAL, ON(fd), signal_begin, import_file_end,
	  transfer_unchanged,
	  .makes = IGT_MMGPU_MADE_CHANGE },
	{ "syncobj-timeline-signal", DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, ON(fd),
	  timeline_signal_begin, now_with_fences, without_fences,
	  .makes = IGT_MMGPU_MADE_CHANGE },
	{ "syncobj-query", DRM_IOCTL_SYNCOBJ_QUERY, ON(fd), query_begin, query_end },
	{ "syncobj-transfer", DRM_IOCTL_SYNCOBJ_TRANSFER, ON(fd), transfer_begin, transfer_end,
	  transfer_unchanged,
	  .makes = IGT_MMGPU_MADE_CHANGE },
	{ "syncobj-export", DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, ON(fd), export_begin, export_end,
	  .makes = IGT_MMGPU_MADE_FD },
	{ "syncobj-import", DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, ON(fd), import_begin, import_end,
	  .makes = IGT_MMGPU_MADE_SYNCOBJ },
	{ "syncobj-export-file", DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, ON(fd), export_file_begin,
	  export_end, .err = EINVAL,
	  .makes = IGT_MMGPU_MADE_FD },
	{ "syncobj-import-file", DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, ON(fd), import_file_begin,
	  import_file_end, transfer_unchanged,
	  .makes = IGT_MMGPU_MADE_CHANGE },
	{ "syncobj-eventfd", SYNCOBJ_EVENTFD, ON(fd), eventfd_begin, eventfd_end,
	  .optional = true },
	{ "sync-file-info", SYNC_IOC_FILE_INFO, ON(sync_file), file_info_begin, file_info_end },
	{ "sync-file-merge", SYNC_IOC_MERGE, ON(sync_file), merge_begin, merge_end },
	{ "dmabuf-sync-start", DMA_BUF_IOCTL_SYNC, ON(dmabuf), sync_start_begin },
	{ "dmabuf-sync-end", DMA_BUF_IOCTL_SYNC, ON(dmabuf), sync_end_begin },
	{ "dmabuf-export-fence", DMA_BUF_IOCTL_EXPORT_SYNC_FILE, ON(dmabuf), export_sync_begin,
	  export_sync_end, .optional = true },
	{ "dmabuf-import-fence", DMA_BUF_IOCTL_IMPORT_SYNC_FILE, ON(dmabuf), import_sync_begin,
	  .optional = true },
	{ "dmabuf-set-name", DMA_BUF_SET_NAME_B, ON(dmabuf), set_name_begin },
};

const struct igt_mmgpu_call_table igt_mmgpu_calls_sync = { calls, igt_mmgpu_count(calls) };
