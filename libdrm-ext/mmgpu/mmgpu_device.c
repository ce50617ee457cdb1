// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <xf86drm.h>

#include "mmgpu_internal.h"

#define DRIVER_NAME	"mmgpu"
#define DRIVER_MAJOR	1

#define MAX_DEVICES	256

int mmgpu_ioctl(int fd, unsigned long request, void *arg)
{
	return drmIoctl(fd, request, arg) ? -errno : 0;
}

drm_public int64_t drm_mmgpu_deadline(int64_t ns)
{
	struct timespec ts;
	int64_t now, deadline;

	if (ns <= 0)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	if (__builtin_add_overflow(now, ns, &deadline))
		return INT64_MAX;
	return deadline;
}

/*
 * Name and version of the driver behind @fd. Not drmGetVersion(): that loses the
 * errno when it frees its memory.
 */
static int read_version(int fd, char *name, size_t size, int *major, int *minor)
{
	struct drm_version version = {
		.name = name,
		.name_len = size - 1,
	};
	int ret;

	ret = mmgpu_ioctl(fd, DRM_IOCTL_VERSION, &version);
	if (ret)
		return ret;
	/* The kernel gives the whole length, and copies what fits */
	name[version.name_len < size - 1 ? version.name_len : size - 1] = '\0';
	*major = version.version_major;
	*minor = version.version_minor;
	return 0;
}

/*
 * Whether sysfs says that @fd is a node of ours. Only for a file whose gate refuses
 * VERSION: ioctls of ours must not be tried on other drivers.
 */
static bool is_ours_by_sysfs(int fd)
{
	char path[64], link[256];
	struct stat st;
	ssize_t len;
	char *name;

	if (fstat(fd, &st) || !S_ISCHR(st.st_mode))
		return false;
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device/driver",
		 major(st.st_rdev), minor(st.st_rdev));
	len = readlink(path, link, sizeof(link) - 1);
	if (len < 0)
		return false;
	link[len] = '\0';
	name = strrchr(link, '/');
	return name && !strcmp(name + 1, DRIVER_NAME);
}

static int fail_version(int fd, int err, const char *what)
{
	if (err == EPERM || err == ESRCH)
		return is_ours_by_sysfs(fd) ? mmgpu_fail_file(fd, err, what) :
			mmgpu_fail(err, "%s: the driver refuses to tell its name", what);
	if (err == ENODEV || err == ENOMEM)
		return mmgpu_fail_file(fd, err, what);
	if (err == EBADF)
		return mmgpu_fail(err, "%s: descriptor %d is not open", what, fd);
	return mmgpu_fail(ENOTSUP, "%s: this is not a DRM device: give a node under /dev/dri", what);
}

static int check_driver(int fd, const char *what, int *minor)
{
	char name[32];
	int major, ret;

	ret = read_version(fd, name, sizeof(name), &major, minor);
	if (ret)
		return fail_version(fd, -ret, what);
	if (strcmp(name, DRIVER_NAME))
		return mmgpu_fail(ENOTSUP, "%s: this is a device of the driver %s, not of " DRIVER_NAME ": give no path, to find the right one",
				  what, name);
	if (major != DRIVER_MAJOR)
		return mmgpu_fail(ENOTSUP, "%s: the driver's interface is %d.%d, this library is for %d.x: install the one that came with the driver",
				  what, major, *minor, DRIVER_MAJOR);
	return 0;
}

/* 1 if it is a node of ours, 0 if not, -errno if it cannot be opened. */
static int probe_node(const char *path)
{
	int fd, major, minor, ret;
	char name[32];

	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = read_version(fd, name, sizeof(name), &major, &minor);
	close(fd);
	return !ret && !strcmp(name, DRIVER_NAME);
}

/* PCI and USB devices are never ours, and opening their nodes may wake them up. */
static bool may_be_ours(const drmDevicePtr device)
{
	return (device->available_nodes & (1 << DRM_NODE_RENDER)) &&
	       device->bustype != DRM_BUS_PCI && device->bustype != DRM_BUS_USB;
}

static int compare_paths(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	size_t x_len = strlen(x), y_len = strlen(y);

	/* renderD99 comes before renderD128 */
	if (x_len != y_len)
		return x_len < y_len ? -1 : 1;
	return strcmp(x, y);
}

static int pick_node(const char **paths, int count, unsigned int index, size_t size, char *path)
{
	unsigned int found = 0;
	bool refused = false;
	int i, ret;

	qsort(paths, count, sizeof(*paths), compare_paths);
	for (i = 0; i < count; i++) {
		ret = probe_node(paths[i]);
		if (ret == -EACCES)
			refused = true;
		if (ret != 1 || found++ < index)
			continue;
		if (strlen(paths[i]) >= size)
			return mmgpu_fail(ENOSPC, "finding an mmgpu device: its path needs %zu bytes",
					  strlen(paths[i]) + 1);
		strcpy(path, paths[i]);
		return 0;
	}
	if (refused)
		return mmgpu_fail(EACCES, "finding an mmgpu device: this user may not open the render nodes: join the group that owns them, usually \"render\"");
	if (found)
		return mmgpu_fail(ENOENT, "finding an mmgpu device: there are only %u: load the driver with a larger num_devices",
				  found);
	return mmgpu_fail(ENOENT, "finding an mmgpu device: there is none: load the driver (modprobe mmgpu)");
}

drm_public int drm_mmgpu_find_node(unsigned int index, size_t size, char *path)
{
	const char *paths[MAX_DEVICES];
	drmDevicePtr devices[MAX_DEVICES];
	int count, i, candidates = 0, ret;

	if (!path)
		return mmgpu_fail(EINVAL, "finding an mmgpu device: no place for the path is given");

	count = drmGetDevices2(0, devices, MAX_DEVICES);
	/* On a machine without /dev/dri this is an error, for us it is none found */
	if (count < 0)
		count = 0;
	for (i = 0; i < count; i++)
		if (may_be_ours(devices[i]))
			paths[candidates++] = devices[i]->nodes[DRM_NODE_RENDER];

	ret = pick_node(paths, candidates, index, size, path);
	drmFreeDevices(devices, count);
	return ret;
}

static int device_alloc(int fd, bool close_fd, const char *what, struct drm_mmgpu **devp)
{
	struct drm_mmgpu *dev;
	int minor = 0, ret;

	ret = check_driver(fd, what, &minor);
	if (ret)
		return ret;
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return mmgpu_fail_file(fd, ENOMEM, what);
	dev->fd = fd;
	dev->close_fd = close_fd;
	dev->minor = minor;
	dev->default_ctx.dev = dev;
	pthread_mutex_init(&dev->bo_lock, NULL);
	*devp = dev;
	return 0;
}

static int fail_open(int err, const char *path)
{
	switch (err) {
	case EACCES:
		return mmgpu_fail(err, "opening %s: this user may not open it: join the group that owns it, usually \"render\"",
				  path);
	case ENOENT:
		return mmgpu_fail(err, "opening %s: there is no such node: load the driver (modprobe mmgpu), or give no path, to find it",
				  path);
	default:
		return mmgpu_fail(err, "opening %s: %s", path, strerrordesc_np(err));
	}
}

drm_public int drm_mmgpu_open(const char *path, struct drm_mmgpu **devp)
{
	char found[64], what[128];
	int fd, ret;

	if (!devp)
		return mmgpu_fail(EINVAL, "opening a device: no place for the result is given");
	if (!path) {
		ret = drm_mmgpu_find_node(0, sizeof(found), found);
		if (ret)
			return ret;
		path = found;
	}

	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return fail_open(errno, path);
	snprintf(what, sizeof(what), "opening %s", path);
	ret = device_alloc(fd, true, what, devp);
	if (ret)
		close(fd);
	return ret;
}

drm_public int drm_mmgpu_new(int fd, struct drm_mmgpu **devp)
{
	char what[64];

	if (!devp)
		return mmgpu_fail(EINVAL, "using a descriptor: no place for the result is given");
	snprintf(what, sizeof(what), "using descriptor %d", fd);
	return device_alloc(fd, false, what, devp);
}

drm_public void drm_mmgpu_close(struct drm_mmgpu *dev)
{
	if (!dev)
		return;
	if (dev->close_fd)
		close(dev->fd);
	mmgpu_table_fini(&dev->bos);
	pthread_mutex_destroy(&dev->bo_lock);
	free(dev);
}

drm_public int drm_mmgpu_get_fd(const struct drm_mmgpu *dev)
{
	return dev->fd;
}

drm_public int drm_mmgpu_get_version(const struct drm_mmgpu *dev)
{
	return dev->minor;
}

drm_public int drm_mmgpu_query_param(struct drm_mmgpu *dev, uint32_t param, uint64_t *value)
{
	struct drm_mmgpu_get_param args = { .param = param };
	int ret;

	if (!value)
		return mmgpu_fail(EINVAL, "asking for a parameter: no place for the value is given");
	ret = mmgpu_ioctl(dev->fd, DRM_IOCTL_MMGPU_GET_PARAM, &args);
	if (ret == -EINVAL)
		return mmgpu_fail(EINVAL, "asking for parameter %" PRIu32 ": the driver (interface %d.%d) does not know it",
				  param, DRIVER_MAJOR, dev->minor);
	if (ret)
		return mmgpu_fail_file(dev->fd, -ret, "asking for a parameter");
	*value = args.value;
	return 0;
}

drm_public int drm_mmgpu_bind(struct drm_mmgpu *dev, uint64_t *mm_seq)
{
	struct drm_mmgpu_bind_mm args = { 0 };
	int ret;

	ret = mmgpu_ioctl(dev->fd, DRM_IOCTL_MMGPU_BIND_MM, &args);
	if (ret == -EBUSY)
		return mmgpu_fail(EBUSY, "binding: the file has a buffer or a context, or has submitted a job: bind right after opening");
	if (ret)
		return mmgpu_fail_file(dev->fd, -ret, "binding");
	if (mm_seq)
		*mm_seq = args.mm_seq;
	return 0;
}

drm_public int drm_mmgpu_query(struct drm_mmgpu *dev, uint32_t flags, uint32_t *state,
			       uint64_t *bound_mm_seq, uint64_t *caller_mm_seq)
{
	struct drm_mmgpu_query_mm args = { .flags = flags };
	int ret;

	ret = mmgpu_ioctl(dev->fd, DRM_IOCTL_MMGPU_QUERY_MM, &args);
	if (ret == -EINVAL)
		return mmgpu_fail(EINVAL, "asking for the owner: unknown flags 0x%" PRIx32 ": give MMGPU_QUERY_MM_ASSIGN or 0",
				  flags);
	if (ret)
		return mmgpu_fail_file(dev->fd, -ret, "asking for the owner");
	if (state)
		*state = args.state;
	if (bound_mm_seq)
		*bound_mm_seq = args.bound_mm_seq;
	if (caller_mm_seq)
		*caller_mm_seq = args.caller_mm_seq;
	return 0;
}
