// SPDX-License-Identifier: GPL-2.0-only
/* There is drm_gem_is_imported() (6.15). */
#include <drm/drm_gem.h>

void *probe = drm_gem_is_imported;
