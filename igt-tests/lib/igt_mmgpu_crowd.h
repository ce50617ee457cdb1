/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_CROWD_H
#define IGT_MMGPU_CROWD_H

#include "igt_mmgpu.h"

/* Small processes that do nothing but have a number: grantees by the dozen. */
struct igt_mmgpu_crowd {
	/* The parent of all. */
	struct igt_mmgpu_proc parent;
};

struct igt_mmgpu_one {
	pid_t pid;
	uint64_t seq;
};

/* They ask for their numbers by the caller's legacy file. */
void igt_mmgpu_crowd_start(struct igt_mmgpu_crowd *crowd, int node);
/* One more. */
struct igt_mmgpu_one igt_mmgpu_crowd_add(struct igt_mmgpu_crowd *crowd);
/* It is gone when this returns. */
void igt_mmgpu_crowd_kill(const struct igt_mmgpu_one *one);
/* Those that are left are killed, and may be gone only a moment later. */
void igt_mmgpu_crowd_stop(struct igt_mmgpu_crowd *crowd);

#endif /* IGT_MMGPU_CROWD_H */
