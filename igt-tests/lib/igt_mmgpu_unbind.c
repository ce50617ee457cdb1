// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_unbind.h"

#define DRIVER	"/sys/bus/platform/drivers/mmgpu/"

/* The device's name on its bus, which outlives the DRM device. */
static char device[NAME_MAX + 1];

void igt_mmgpu_unbind_init(void)
{
	char link[64], path[PATH_MAX];
	struct stat st;
	ssize_t len;
	int fd;

	igt_require_f(geteuid() == 0, "only root may unbind a device\n");
	fd = igt_mmgpu_open();
	igt_assert_eq(fstat(fd, &st), 0);
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u/device", major(st.st_rdev),
		 minor(st.st_rdev));
	len = readlink(link, path, sizeof(path) - 1);
	igt_assert_lt(0, len);
	path[len] = 0;
	snprintf(device, sizeof(device), "%s", basename(path));
	close(fd);
}

static int write_driver(const char *file)
{
	char path[PATH_MAX];
	int fd, ret = 0;

	snprintf(path, sizeof(path), DRIVER "%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	igt_assert_fd(fd);
	if (write(fd, device, strlen(device)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

void igt_mmgpu_unbind(void)
{
	igt_assert_eq(write_driver("unbind"), 0);
}

void igt_mmgpu_rebind(void)
{
	int ret, fd;

	ret = write_driver("bind");
	igt_assert_f(!ret || ret == -EBUSY, "bind: %s\n", strerror(-ret));
	fd = igt_mmgpu_open();
	close(fd);
}
