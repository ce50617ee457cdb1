// SPDX-License-Identifier: GPL-2.0-only
/* The lowest priority is called LOW (6.8). */
#include <drm/gpu_scheduler.h>

int probe = DRM_SCHED_PRIORITY_LOW;
