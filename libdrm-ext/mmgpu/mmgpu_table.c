// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mmgpu_internal.h"

void *mmgpu_table_lookup(const struct mmgpu_table *table, uint32_t handle)
{
	return handle < table->size ? table->values[handle] : NULL;
}

static int table_grow(struct mmgpu_table *table, uint32_t handle)
{
	/* By halves and to a minimum, so that n inserts copy O(n) entries */
	uint64_t size = (uint64_t)handle + handle / 2 + 64;
	void **values;

	if (size > UINT32_MAX)
		size = UINT32_MAX;
	if (handle >= size || size > SIZE_MAX / sizeof(*values))
		return -ENOMEM;

	values = realloc(table->values, size * sizeof(*values));
	if (!values)
		return -ENOMEM;
	memset(values + table->size, 0, (size - table->size) * sizeof(*values));
	table->values = values;
	table->size = size;
	return 0;
}

int mmgpu_table_set(struct mmgpu_table *table, uint32_t handle, void *value)
{
	int ret;

	if (handle >= table->size) {
		if (!value)
			return 0;
		ret = table_grow(table, handle);
		if (ret)
			return ret;
	}
	table->values[handle] = value;
	return 0;
}

void mmgpu_table_fini(struct mmgpu_table *table)
{
	free(table->values);
	table->values = NULL;
	table->size = 0;
}
