// SPDX-License-Identifier: GPL-2.0-only
/* The shmem helpers are named after the lock they want (6.16). */
#include <drm/drm_gem_shmem_helper.h>

void *probe = drm_gem_shmem_vmap_locked;
