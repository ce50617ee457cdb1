// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

#include <linux/seq_file.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>

#include "mmgpu_access.h"
#include "mmgpu_device.h"
#include "mmgpu_drv.h"
#include "mmgpu_gem.h"
#include "mmgpu_mm.h"

/* All numbers of living mms; the registry is the module's, not the device's. */
static int mms_show(struct seq_file *s, void *data)
{
	mmgpu_mm_show(s);
	return 0;
}

static int bos_show(struct seq_file *s, void *data)
{
	struct drm_info_node *node = s->private;
	struct mmgpu_device *mdev = to_mmgpu_device(node->minor->dev);
	struct mmgpu_bo *bo;

	seq_printf(s, "%10s %20s %7s %7s %8s %8s\n", "size", "mm_seq", "flags", "handles", "mapped",
		   "imported");

	mutex_lock(&mdev->bos_lock);
	list_for_each_entry(bo, &mdev->bos, link) {
		struct drm_gem_object *obj = &bo->base.base;

		seq_printf(s, "%10zu %20llu %#7x %7u %8d %8d\n", obj->size, bo->mm_seq, bo->flags,
			   READ_ONCE(obj->handle_count), READ_ONCE(bo->mapped),
			   drm_gem_is_imported(obj));
		mmgpu_bo_show_grants(bo, s);
	}
	mutex_unlock(&mdev->bos_lock);

	return 0;
}

static const struct drm_info_list mmgpu_debugfs_list[] = {
	{ "mms", mms_show },
	{ "bos", bos_show },
};

/**
 * mmgpu_debugfs_init() - &drm_driver.debugfs_init
 * @minor: the minor whose directory it is
 */
void mmgpu_debugfs_init(struct drm_minor *minor)
{
	drm_debugfs_create_files(mmgpu_debugfs_list, ARRAY_SIZE(mmgpu_debugfs_list),
				 minor->debugfs_root, minor);
}
