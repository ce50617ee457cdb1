// SPDX-License-Identifier: GPL-2.0-only
/* There is drm_show_fdinfo() (6.5). */
#include <drm/drm_file.h>

void *probe = drm_show_fdinfo;
