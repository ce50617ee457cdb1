// SPDX-License-Identifier: GPL-2.0-only
/* Imports that are not mapped for a device have a helper (6.16). */
#include <drm/drm_gem_shmem_helper.h>

void *probe = drm_gem_shmem_prime_import_no_map;
