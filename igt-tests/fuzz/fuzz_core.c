// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Operations: ioctls of DRM core. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <drm_mode.h>

#include "fuzz.h"

int fuzz_do_version(struct fuzz_run *run)
{
	struct fuzz_file *file = fuzz_file_pick(run);
	struct drm_version args = {
		.name_len = fuzz_below(run, 32), .date_len = fuzz_below(run, 32),
		.desc_len = fuzz_below(run, 64),
	};

	args.name = fuzz_alloc(run, 32);
	args.date = fuzz_alloc(run, 32);
	args.desc = fuzz_alloc(run, 64);
	return file ? fuzz_file_ioctl(run, file, DRM_IOCTL_VERSION, &args) : FUZZ_SKIPPED;
}

int fuzz_do_caps(struct fuzz_run *run)
{
	struct fuzz_file *file = fuzz_file_pick(run);
	static const uint64_t known[] = {
		DRM_CAP_PRIME, DRM_CAP_TIMESTAMP_MONOTONIC, DRM_CAP_SYNCOBJ,
		DRM_CAP_SYNCOBJ_TIMELINE,
	};
	struct drm_get_cap get = { .capability = known[fuzz_below(run, fuzz_count(known))] };
	struct drm_set_client_cap set = {
		.capability = fuzz_below(run, 7), .value = fuzz_below(run, 2),
	};

	if (!file)
		return FUZZ_SKIPPED;
	if (fuzz_chance(run, 100))
		return fuzz_file_ioctl(run, file, DRM_IOCTL_SET_CLIENT_CAP, &set);
	/* The others only a device with a display has. */
	if (fuzz_chance(run, 100))
		get.capability = fuzz_below(run, 0x16);
	return fuzz_file_ioctl(run, file, DRM_IOCTL_GET_CAP, &get);
}

int fuzz_do_gem_close(struct fuzz_run *run)
{
	struct fuzz_thing *bo = fuzz_thing_pick(run, FUZZ_BO, NULL);
	struct drm_gem_close args = {};
	int ret;

	if (!bo)
		return FUZZ_SKIPPED;
	args.handle = fuzz_id(run, bo);
	ret = fuzz_file_ioctl(run, fuzz_file_of(run, bo), DRM_IOCTL_GEM_CLOSE, &args);
	if (ret == 0 && args.handle == bo->id)
		fuzz_thing_drop(run, bo);
	return ret;
}

/* A buffer on a primary node that may use global names, for which there is a better chance. */
static struct fuzz_thing *primary_bo(struct fuzz_run *run)
{
	struct fuzz_thing *bo = NULL;
	unsigned int i;

	for (i = 0; i < 6; i++) {
		bo = fuzz_thing_pick(run, FUZZ_BO, NULL);
		if (!bo || fuzz_file_of(run, bo)->primary)
			break;
	}
	return bo;
}

static struct fuzz_file *primary_file(struct fuzz_run *run)
{
	struct fuzz_file *file = NULL;
	unsigned int i;

	for (i = 0; i < 6; i++) {
		file = fuzz_file_pick(run);
		if (!file || file->primary)
			break;
	}
	return file;
}

int fuzz_do_flink(struct fuzz_run *run)
{
	struct fuzz_thing *bo = primary_bo(run);
	struct drm_gem_flink args = {};
	int ret;

	if (!bo)
		return FUZZ_SKIPPED;
	args.handle = fuzz_id(run, bo);
	ret = fuzz_file_ioctl(run, fuzz_file_of(run, bo), DRM_IOCTL_GEM_FLINK, &args);
	if (ret == 0)
		fuzz->name[fuzz_below(run, FUZZ_BOARD)] = args.name;
	return ret;
}

int fuzz_do_gem_open(struct fuzz_run *run)
{
	struct fuzz_file *file = primary_file(run);
	struct drm_gem_open args = {};
	unsigned int i;
	int ret;

	if (!file)
		return FUZZ_SKIPPED;
	args.name = fuzz->name[fuzz_below(run, FUZZ_BOARD)];
	for (i = 0; i < 8 && !args.name; i++)
		args.name = fuzz->name[fuzz_below(run, FUZZ_BOARD)];
	if (fuzz_chance(run, 100))
		args.name = fuzz_below(run, 32);
	ret = fuzz_file_ioctl(run, file, DRM_IOCTL_GEM_OPEN, &args);
	if (ret == 0)
		fuzz_thing_add(run, FUZZ_BO, file, args.handle, args.size);
	return ret;
}

int fuzz_do_export(struct fuzz_run *run)
{
	struct fuzz_thing *bo = fuzz_thing_pick(run, FUZZ_BO, NULL);
	struct drm_prime_handle args = { .fd = -1 };
	int ret;

	if (!bo)
		return FUZZ_SKIPPED;
	args.handle = fuzz_id(run, bo);
	args.flags = fuzz_chance(run, 850) ? DRM_RDWR : 0;
	if (fuzz_chance(run, 200))
		args.flags |= DRM_CLOEXEC;
	ret = fuzz_file_ioctl(run, fuzz_file_of(run, bo), DRM_IOCTL_PRIME_HANDLE_TO_FD, &args);
	if (ret == 0 && args.fd > 2)
		fuzz_fd_add(run, dmabuf, args.fd, bo->size);
	return ret;
}

int fuzz_do_import(struct fuzz_run *run)
{
	struct fuzz_fd *dmabuf = fuzz_fd_pick(run, dmabuf);
	struct fuzz_file *file = fuzz_file_pick(run);
	struct drm_prime_handle args = {};
	int ret;

	if (!file || !dmabuf)
		return FUZZ_SKIPPED;
	args.fd = fuzz_chance(run, 20) ? fuzz_any_fd(run) : dmabuf->fd;
	ret = fuzz_file_ioctl(run, file, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args);
	if (ret == 0)
		fuzz_thing_add(run, FUZZ_BO, file, args.handle, dmabuf->size);
	return ret;
}

int fuzz_do_dumb_create(struct fuzz_run *run)
{
	static const uint32_t bpp[] = { 32, 16, 8, 24, 1, 64 };
	struct fuzz_file *file = primary_file(run);
	struct drm_mode_create_dumb args = {
		.width = 1 + fuzz_below(run, 200), .height = 1 + fuzz_below(run, 100),
		.bpp = bpp[fuzz_below(run, fuzz_count(bpp))],
	};
	struct fuzz_thing *bo;
	int ret;

	if (!file)
		return FUZZ_SKIPPED;
	ret = fuzz_file_ioctl(run, file, DRM_IOCTL_MODE_CREATE_DUMB, &args);
	if (ret == 0 && args.size > 8 << 20) {
		struct drm_gem_close close_args = { .handle = args.handle };

		fuzz_file_ioctl(run, file, DRM_IOCTL_GEM_CLOSE, &close_args);
	} else if (ret == 0) {
		bo = fuzz_thing_add(run, FUZZ_BO, file, args.handle, args.size);
		if (bo)
			bo->armed = file->bound;
	}
	return ret;
}

int fuzz_do_dumb_map(struct fuzz_run *run)
{
	struct fuzz_thing *bo = primary_bo(run);
	struct drm_mode_map_dumb args = {};

	if (!bo)
		return FUZZ_SKIPPED;
	args.handle = fuzz_id(run, bo);
	return fuzz_file_ioctl(run, fuzz_file_of(run, bo), DRM_IOCTL_MODE_MAP_DUMB, &args);
}

int fuzz_do_dumb_destroy(struct fuzz_run *run)
{
	struct fuzz_thing *bo = primary_bo(run);
	struct drm_mode_destroy_dumb args = {};
	int ret;

	if (!bo)
		return FUZZ_SKIPPED;
	args.handle = fuzz_id(run, bo);
	ret = fuzz_file_ioctl(run, fuzz_file_of(run, bo), DRM_IOCTL_MODE_DESTROY_DUMB, &args);
	if (ret == 0 && args.handle == bo->id)
		fuzz_thing_drop(run, bo);
	return ret;
}

int fuzz_do_master(struct fuzz_run *run)
{
	struct fuzz_file *file = primary_file(run), *other;
	struct drm_auth magic = {};
	uint64_t none = 0;
	int ret;

	if (!file)
		return FUZZ_SKIPPED;
	ret = fuzz_file_ioctl(run, file, DRM_IOCTL_SET_MASTER, &none);
	other = primary_file(run);
	if (ret == 0 && other && !fuzz_file_ioctl(run, other, DRM_IOCTL_GET_MAGIC, &magic))
		fuzz_file_ioctl(run, file, DRM_IOCTL_AUTH_MAGIC, &magic);
	/* Or nobody else could become one. */
	if (fuzz_chance(run, 950))
		fuzz_file_ioctl(run, file, DRM_IOCTL_DROP_MASTER, &none);
	return ret;
}

/* Any number, any size, any contents; few of them get anywhere. */
int fuzz_do_wild(struct fuzz_run *run)
{
	unsigned int nr = fuzz_below(run, 256), dir = fuzz_below(run, 4), type = 'd', i;
	unsigned int size = fuzz_below(run, 65) * 4;
	struct fuzz_file *file = fuzz_file_pick(run);
	int fd = file ? file->fd : -1;
	uint64_t args[64] = {};

	if (fuzz_chance(run, 600))
		nr = DRM_COMMAND_BASE + fuzz_below(run, 14);
	if (fuzz_chance(run, 50)) {
		type = fuzz_draw(run) & 0xff;
		fd = fuzz_any_fd(run);
	}
	if (fd < 0)
		return FUZZ_SKIPPED;
	/* Small numbers pass as handles and flags. */
	for (i = 0; i < fuzz_count(args); i++)
		if (fuzz_chance(run, 300))
			args[i] = fuzz_chance(run, 700) ? fuzz_below(run, 16) : fuzz_odd(run);
	return fuzz_ioctl(run, fd, _IOC(dir, type, nr, size), args);
}

/* ---- buffers of other drivers ----------------------------------------------------------- */

#define PAGES		4

/*
 * Of vgem, which is a DRM driver too. Not of udmabuf, which syncs in another direction than it
 * maps, and CONFIG_DMA_API_DEBUG hears it.
 */
static int vgem(void)
{
	struct drm_mode_create_dumb dumb = { .width = 64, .height = 64, .bpp = 32 };
	struct drm_prime_handle prime = { .flags = DRM_RDWR | DRM_CLOEXEC };
	int fd, ret = -ENOENT;

	fd = open(fuzz->vgem, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!ioctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb)) {
		prime.handle = dumb.handle;
		if (!ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime))
			ret = prime.fd;
	}
	close(fd);
	return ret;
}

/* Looks for the node, as root. */
void fuzz_find_vgem(void)
{
	struct drm_version version = { .name_len = 8 };
	char path[] = "/dev/dri/card0", name[9] = "";
	int fd;

	version.name = name;
	for (; path[13] <= '9' && !fuzz->vgem[0]; path[13]++) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (!ioctl(fd, DRM_IOCTL_VERSION, &version) && !strncmp(name, "vgem", 4) &&
		    !fchmod(fd, 0666))
			memcpy(fuzz->vgem, path, sizeof(path));
		close(fd);
	}
}

int fuzz_do_dmabuf_foreign(struct fuzz_run *run)
{
	int fd = vgem();

	if (fd >= 0)
		fuzz_fd_add(run, dmabuf, fd, PAGES * 4096);
	return fd;
}
