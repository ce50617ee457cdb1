// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/* Arrays in user space whose elements may be larger than the structure that we know. */

#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include <kunit/visibility.h>

#include <drm/mmgpu_drm.h>

#include "mmgpu_array.h"
#include "mmgpu_device.h"

/* Bounds what one call reads. */
#define ARRAY_MAX_STRIDE	4096

/**
 * mmgpu_array_check() - Check the description of an array
 * @mdev: device
 * @array: description
 * @size: size of the structure
 * @max: most elements
 *
 * Return: 0, -EINVAL or -E2BIG as the uapi header says.
 */
int mmgpu_array_check(struct mmgpu_device *mdev, const struct drm_mmgpu_obj_array *array,
		      size_t size, u32 max)
{
	if (!array->count)
		return 0;
	if (mmgpu_bad(mdev, array->stride < size))
		return -EINVAL;
	if (mmgpu_bad(mdev, array->count > max) ||
	    mmgpu_bad(mdev, array->stride > ARRAY_MAX_STRIDE))
		return -E2BIG;

	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_array_check);

/**
 * mmgpu_array_copy() - Copy an array from user space
 * @array: description that has passed mmgpu_array_check()
 * @size: size of the structure
 *
 * Return: structures without gaps, for kvfree(); NULL for an empty array; ERR_PTR() with
 * -ENOMEM, -EFAULT, or -E2BIG if an element has more in it than we know.
 */
void *mmgpu_array_copy(const struct drm_mmgpu_obj_array *array, size_t size)
{
	u64 addr = array->array;
	void *copy;
	int ret = 0;
	u32 i;

	if (!array->count)
		return NULL;

	copy = kvmalloc_array(array->count, size, GFP_KERNEL_ACCOUNT);
	if (!copy)
		return ERR_PTR(-ENOMEM);

	if (array->stride == size) {
		if (copy_from_user(copy, u64_to_user_ptr(addr), array->count * size))
			ret = -EFAULT;
	} else {
		for (i = 0; i < array->count && !ret; i++) {
			ret = copy_struct_from_user(copy + i * size, size, u64_to_user_ptr(addr),
						    array->stride);
			if (!ret && check_add_overflow(addr, array->stride, &addr) &&
			    i + 1 < array->count)
				ret = -EFAULT;
		}
	}
	if (ret) {
		kvfree(copy);
		return ERR_PTR(ret);
	}

	return copy;
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_array_copy);
