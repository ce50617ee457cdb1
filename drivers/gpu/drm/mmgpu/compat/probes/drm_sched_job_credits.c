// SPDX-License-Identifier: GPL-2.0-only
/* Jobs have credits and a client id (6.8, 6.17). */
#include <drm/gpu_scheduler.h>

typedef int init(struct drm_sched_job *, struct drm_sched_entity *, u32, void *, u64);

_Static_assert(__builtin_types_compatible_p(typeof(drm_sched_job_init), init));
