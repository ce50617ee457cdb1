/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _MMGPU_COMPAT_DRM_DRM_GEM_H_
#define _MMGPU_COMPAT_DRM_DRM_GEM_H_

#include_next <drm/drm_gem.h>

/* Can go with 6.12. */
#ifndef HAVE_DRM_GEM_IS_IMPORTED
static inline bool drm_gem_is_imported(const struct drm_gem_object *obj)
{
	return obj->import_attach;
}
#endif

#endif
