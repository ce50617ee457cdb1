// SPDX-License-Identifier: GPL-2.0-only
/* drm_sched_init_args has num_rqs (6.7). */
#include <drm/gpu_scheduler.h>

int probe(const struct drm_sched_init_args *args);
int probe(const struct drm_sched_init_args *args)
{
	return args->num_rqs;
}
