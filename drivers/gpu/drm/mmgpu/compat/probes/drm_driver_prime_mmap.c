// SPDX-License-Identifier: GPL-2.0-only
/* drm_driver has gem_prime_mmap, and the prime hooks have no default (until 6.6). */
#include <drm/drm_drv.h>

int probe(const struct drm_driver *driver);
int probe(const struct drm_driver *driver)
{
	return !driver->gem_prime_mmap;
}
