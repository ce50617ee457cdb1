// SPDX-License-Identifier: GPL-2.0-only
/* drm_driver has a date (until 6.13). */
#include <drm/drm_drv.h>

int probe(const struct drm_driver *driver);
int probe(const struct drm_driver *driver)
{
	return !driver->date;
}
