/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _MMGPU_COMPAT_DRM_DRM_FILE_H_
#define _MMGPU_COMPAT_DRM_DRM_FILE_H_

#include_next <drm/drm_file.h>

#include <linux/seq_file.h>

#include <drm/drm_device.h>
#include <drm/drm_gem.h>
#include <drm/drm_print.h>

/* The part that core prints; there was no client id yet. Can go with 6.1. */
#ifndef HAVE_DRM_SHOW_FDINFO
#include_next <drm/drm_drv.h>

static inline void drm_show_fdinfo(struct seq_file *m, struct file *f)
{
	struct drm_file *file = f->private_data;

	seq_printf(m, "drm-driver:\t%s\n", file->minor->dev->driver->name);
}
#endif

/* Can go with 6.1. */
#ifndef HAVE_DRM_SHOW_MEMORY_STATS
static inline int mmgpu_compat_add_size(int id, void *obj, void *total)
{
	/* A handle that is being made has no object yet. */
	if (obj)
		*(u64 *)total += ((struct drm_gem_object *)obj)->size;
	return 0;
}

static inline void drm_show_memory_stats(struct drm_printer *p, struct drm_file *file)
{
	u64 total = 0;

	spin_lock(&file->table_lock);
	idr_for_each(&file->object_idr, mmgpu_compat_add_size, &total);
	spin_unlock(&file->table_lock);

	drm_printf(p, "drm-total-memory:\t%llu KiB\n", total >> 10);
}
#endif

#endif
