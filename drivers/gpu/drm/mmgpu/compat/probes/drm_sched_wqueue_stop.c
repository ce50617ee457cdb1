// SPDX-License-Identifier: GPL-2.0-only
/* Schedulers are work items, which can be stopped (6.7). */
#include <drm/gpu_scheduler.h>

void *probe = drm_sched_wqueue_stop;
