// SPDX-License-Identifier: GPL-2.0-only
/* Compiles with every kernel; guards against answers of a broken toolchain. */
#include <linux/module.h>
#include <drm/drm_drv.h>

int canary(struct drm_device *dev);
int canary(struct drm_device *dev)
{
	return drm_dev_is_unplugged(dev);
}
