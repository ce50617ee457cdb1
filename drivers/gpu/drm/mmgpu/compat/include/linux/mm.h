/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _MMGPU_COMPAT_LINUX_MM_H_
#define _MMGPU_COMPAT_LINUX_MM_H_

#include_next <linux/mm.h>

/* Can go with 6.1. */
#ifndef HAVE_VM_FLAGS_SET
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

#endif
