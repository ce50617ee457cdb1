// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Ioctls of DRM core: what a client asks of any driver, and handles for buffers. */

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include <drm.h>
#include <drm_mode.h>

#include "igt.h"
#include "igt_mmgpu_calls.h"

/* ---- what is asked of any driver ----------------------------------------------------------- */

static char version_text[3][64];

static void version_begin(struct igt_mmgpu_world *w, void *args)
{
	struct drm_version *a = args;

	a->name_len = a->date_len = a->desc_len = sizeof(version_text[0]);
	memset(version_text, 0, sizeof(version_text));
	igt_mmgpu_call_list(w, args, offsetof(struct drm_version, name), version_text[0], 5, true);
	a->date = version_text[1];
	a->desc = version_text[2];
}

static void version_end(struct igt_mmgpu_world *w, void *args)
{
	struct drm_version *a = args;

	igt_assert_eq(a->version_major, 1);
	igt_assert(!strncmp(a->name, "mmgpu", 5));
}

static void get_cap_begin(struct igt_mmgpu_world *w, void *args)
{
	((struct drm_get_cap *)args)->capability = DRM_CAP_SYNCOBJ;
}

static void get_cap_end(struct igt_mmgpu_world *w, void *args)
{
	igt_assert_eq_u64(((struct drm_get_cap *)args)->value, 1);
}

/* ---- global names ------------------------------------------------------------------------------ */

static void temp_bo_begin(struct igt_mmgpu_world *w)
{
	w->temp[0] = igt_mmgpu_bo_create(w->fd, 16384, 0);
}

static void gem_close_begin(struct igt_mmgpu_world *w, void *args)
{
	temp_bo_begin(w);
	((struct drm_gem_close *)args)->handle = w->temp[0];
}

static void gem_close_end(struct igt_mmgpu_world *w, void *args)
{
	struct drm_mmgpu_bo_info info;

	igt_assert_eq(__igt_mmgpu_bo_info(w->fd, w->temp[0], &info), -ENOENT);
}

static void gem_flink_begin(struct igt_mmgpu_world *w, void *args)
{
	temp_bo_begin(w);
	((struct drm_gem_flink *)args)->handle = w->temp[0];
}

static void gem_flink_end(struct igt_mmgpu_world *w, void *args)
{
	igt_assert_neq_u32(((struct drm_gem_flink *)args)->name, 0);
	igt_mmgpu_bo_close(w->fd, w->temp[0]);
}

static void gem_open_begin(struct igt_mmgpu_world *w, void *args)
{
	((struct drm_gem_open *)args)->name = w->name;
}

static void gem_open_end(struct igt_mmgpu_world *w, void *args)
{
	struct drm_gem_open *a = args;

	igt_assert_eq_u64(a->size, 16384);
	igt_mmgpu_bo_close(w->fd, a->handle);
}

/* ---- PRIME ---------------------------------------------------------------------------------------- */

static void export_begin(struct igt_mmgpu_world *w, void *args)
{
	struct drm_prime_handle *a = args;

	temp_bo_begin(w);
	a->handle = w->temp[0];
	a->flags = DRM_CLOEXEC | DRM_RDWR;
	a->fd = -1;
}

static void export_bound_begin(struct igt_mmgpu_world *w, void *args)
{
	struct drm_prime_handle *a = args;

	w->temp[0] = igt_mmgpu_bo_create(w->bound, 16384, 0);
	a->handle = w->temp[0];
	a->flags = DRM_CLOEXEC;
	a->fd = -1;
}

static void export_judge(int fd, uint32_t handle, int dmabuf)
{
	igt_assert_eq(lseek(dmabuf, 0, SEEK_END), 16384);
	close(dmabuf);
	igt_mmgpu_bo_close(fd, handle);
}

static void export_end(struct igt_mmgpu_world *w, void *args)
{
	export_judge(w->fd, w->temp[0], ((struct drm_prime_handle *)args)->fd);
}

static void export_bound_end(struct igt_mmgpu_world *w, void *args)
{
	export_judge(w->bound, w->temp[0], ((struct drm_prime_handle *)args)->fd);
}

static void import_begin(struct igt_mmgpu_world *w, void *args)
{
	((struct drm_prime_handle *)args)->fd = w->dmabuf;
}

static void import_vgem_begin(struct igt_mmgpu_world *w, void *args)
{
	((struct drm_prime_handle *)args)->fd = w->vgem_dmabuf;
}

static void import_end(struct igt_mmgpu_world *w, void *args)
{
	igt_mmgpu_bo_close(w->fd, ((struct drm_prime_handle *)args)->handle);
}

static void import_by_vgem_end(struct igt_mmgpu_world *w, void *args)
{
	igt_mmgpu_bo_close(w->vgem, ((struct drm_prime_handle *)args)->handle);
}

/* ---- dumb buffers ----------------------------------------------------------------------------------- */

static void dumb_create_begin(struct igt_mmgpu_world *w, void *args)
{
	struct drm_mode_create_dumb *a = args;

	a->width = a->height = 64;
	a->bpp = 32;
}

static void dumb_create_end(struct igt_mmgpu_world *w, void *args)
{
	struct drm_mode_create_dumb *a = args;

	igt_assert_eq_u64(a->size, 16384);
	igt_mmgpu_bo_close(w->fd, a->handle);
}

static void dumb_map_begin(struct igt_mmgpu_world *w, void *args)
{
	((struct drm_mode_map_dumb *)args)->handle = w->dumb;
}

static void dumb_map_end(struct igt_mmgpu_world *w, void *args)
{
	igt_assert_neq_u64(((struct drm_mode_map_dumb *)args)->offset, 0);
}

static void dumb_destroy_begin(struct igt_mmgpu_world *w, void *args)
{
	igt_assert_eq(__igt_mmgpu_dumb_create(w->fd, 64, 64, 32, &w->temp[0], NULL, NULL), 0);
	((struct drm_mode_destroy_dumb *)args)->handle = w->temp[0];
}

static bool dumb_destroy_unchanged(struct igt_mmgpu_world *w, void *args)
{
	struct drm_mmgpu_bo_info info;

	return !__igt_mmgpu_bo_info(w->fd, w->temp[0], &info);
}

#define ON(member)	.file = IGT_MMGPU_CALL_ON(member)

static const struct igt_mmgpu_call calls[] = {
	{ "version", DRM_IOCTL_VERSION, ON(fd), version_begin, version_end },
	{ "get-cap", DRM_IOCTL_GET_CAP, ON(fd), get_cap_begin, get_cap_end },
	{ "gem-close", DRM_IOCTL_GEM_CLOSE, ON(fd), gem_close_begin, gem_close_end },
	{ "gem-flink", DRM_IOCTL_GEM_FLINK, ON(fd), gem_flink_begin, gem_flink_end },
	{ "gem-open", DRM_IOCTL_GEM_OPEN, ON(fd), gem_open_begin, gem_open_end,
	  .makes = IGT_MMGPU_MADE_BO },
	{ "export", DRM_IOCTL_PRIME_HANDLE_TO_FD, ON(fd), export_begin, export_end,
	  .keeps = true, .makes = IGT_MMGPU_MADE_FD },
	{ "export-private", DRM_IOCTL_PRIME_HANDLE_TO_FD, ON(bound), export_bound_begin,
	  export_bound_end,
	  .keeps = true, .makes = IGT_MMGPU_MADE_FD },
	{ "import", DRM_IOCTL_PRIME_FD_TO_HANDLE, ON(fd), import_begin, import_end,
	  .makes = IGT_MMGPU_MADE_BO },
	{ "import-vgem", DRM_IOCTL_PRIME_FD_TO_HANDLE, ON(fd), import_vgem_begin, import_end,
	  .makes = IGT_MMGPU_MADE_BO },
	{ "import-by-vgem", DRM_IOCTL_PRIME_FD_TO_HANDLE, ON(vgem), import_begin,
	  import_by_vgem_end,
	  .makes = IGT_MMGPU_MADE_BO },
	/* shmem says so when it cannot make an inode. */
	{ "dumb-create", DRM_IOCTL_MODE_CREATE_DUMB, ON(fd), dumb_create_begin, dumb_create_end,
	  .err = ENOSPC,
	  .makes = IGT_MMGPU_MADE_BO },
	{ "dumb-map", DRM_IOCTL_MODE_MAP_DUMB, ON(fd), dumb_map_begin, dumb_map_end },
	{ "dumb-destroy", DRM_IOCTL_MODE_DESTROY_DUMB, ON(fd), dumb_destroy_begin,
	  gem_close_end, dumb_destroy_unchanged,
	  .makes = IGT_MMGPU_MADE_END },
};

const struct igt_mmgpu_call_table igt_mmgpu_calls_core = { calls, igt_mmgpu_count(calls) };
