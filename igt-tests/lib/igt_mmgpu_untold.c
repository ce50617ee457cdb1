// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* What a call has made whose answer could not be written. */

#include <unistd.h>
#include <xf86drm.h>

#include "igt.h"
#include "igt_mmgpu_calls.h"

/* Each kind gets the lowest number that is free. */
uint32_t igt_mmgpu_untold_number(const struct igt_mmgpu_call *call, struct igt_mmgpu_world *w)
{
	int fd = igt_mmgpu_call_fd(call, w);
	uint32_t number = 0;

	switch (call->makes) {
	case IGT_MMGPU_MADE_BO:
		return fd == w->vgem ? 0 : igt_mmgpu_next_handle(fd);
	case IGT_MMGPU_MADE_CTX:
		number = igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY);
		igt_mmgpu_ctx_destroy(fd, number);
		return number;
	case IGT_MMGPU_MADE_SYNCOBJ:
		number = igt_mmgpu_syncobj_create(fd);
		igt_mmgpu_syncobj_destroy(fd, number);
		return number;
	case IGT_MMGPU_MADE_FD:
		number = dup(STDIN_FILENO);
		close(number);
		return number;
	default:
		return 0;
	}
}

bool igt_mmgpu_untold_find(const struct igt_mmgpu_call *call, struct igt_mmgpu_world *w, void *args,
			   uint32_t number)
{
	int fd = igt_mmgpu_call_fd(call, w);
	struct drm_mmgpu_query_mm query;

	switch (call->makes) {
	case IGT_MMGPU_MADE_BO:
		/* An import again gives the same handle. */
		if (fd == w->vgem)
			number = igt_mmgpu_import(fd, w->dmabuf);
		return !__igt_mmgpu_bo_close(fd, number);
	case IGT_MMGPU_MADE_CTX:
		return !__igt_mmgpu_ctx_destroy(fd, number);
	case IGT_MMGPU_MADE_SYNCOBJ:
		return !drmSyncobjDestroy(fd, number);
	case IGT_MMGPU_MADE_FD:
		return !close(number);
	case IGT_MMGPU_MADE_NUMBER:
		igt_mmgpu_query_mm(fd, 0, &query);
		return query.caller_mm_seq;
	case IGT_MMGPU_MADE_CHANGE:
	case IGT_MMGPU_MADE_END:
		return !call->unchanged(w, args);
	default:
		return false;
	}
}

bool igt_mmgpu_untold_is_taken_back(const struct igt_mmgpu_call *call)
{
	return call->makes < IGT_MMGPU_MADE_NUMBER;
}

void igt_mmgpu_untold_again(const struct igt_mmgpu_call *call, struct igt_mmgpu_world *w, void *args,
			    bool untold)
{
	int ret = igt_mmgpu_call_do(call, w, args);

	if (untold && call->makes == IGT_MMGPU_MADE_END)
		igt_assert_lt(ret, 0);
	else
		igt_assert_eq(ret, 0);
	igt_mmgpu_call_end(call, w, args);
}
