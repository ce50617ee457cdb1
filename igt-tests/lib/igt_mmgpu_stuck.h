/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_STUCK_H
#define IGT_MMGPU_STUCK_H

#include "igt_mmgpu.h"

/*
 * Memory whose page faults wait for a server that does not serve. The descriptor may be
 * sent to another process: as long as one is open, the faults wait.
 */
struct igt_mmgpu_stuck {
	int uffd;
	uint8_t *mem;
	size_t size;
};

/* Skips where faults of the kernel cannot be caught. */
void igt_mmgpu_stuck_require(void);
void igt_mmgpu_stuck_init(struct igt_mmgpu_stuck *stuck, size_t size);
void igt_mmgpu_stuck_fini(struct igt_mmgpu_stuck *stuck);

/* Until somebody waits for a page that was not touched before; tells its address. */
uint64_t igt_mmgpu_stuck_await(int uffd);
/* Puts a page there; -ESRCH when the mm is gone. */
int __igt_mmgpu_stuck_serve(int uffd, uint64_t page, const void *contents);
/* Fails unless the memory that the descriptor stands for is gone within so long. */
void igt_mmgpu_stuck_await_gone(int uffd, int64_t ms);

/* Commands on CPU addresses. */
struct drm_mmgpu_cmd *igt_mmgpu_cmd_svm_fill(struct igt_mmgpu_job *job, void *dst,
					     uint64_t width, uint64_t value);
struct drm_mmgpu_cmd *igt_mmgpu_cmd_svm_copy(struct igt_mmgpu_job *job, void *dst,
					     const void *src, uint64_t width);
struct drm_mmgpu_cmd *igt_mmgpu_cmd_svm_read(struct igt_mmgpu_job *job, uint32_t bo,
					     uint64_t dst, const void *src, uint64_t width);
struct drm_mmgpu_cmd *igt_mmgpu_cmd_svm_write(struct igt_mmgpu_job *job, void *dst,
					      uint32_t bo, uint64_t src, uint64_t width);

#endif /* IGT_MMGPU_STUCK_H */
