/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_BASELINE_H
#define IGT_MMGPU_BASELINE_H

/*
 * What the driver holds of the machine, and what must be as before when all is closed. A
 * number is -1 where this kernel does not show it.
 */
struct igt_mmgpu_baseline {
	long shmem_kb;
	/* Lines of debugfs. */
	long bos;
	long mms;
	long notifiers;
	/* References to the module. */
	long module;
	/* Threads of bound files. */
	long threads;
	long mm_structs;
};

void igt_mmgpu_baseline_take(struct igt_mmgpu_baseline *now);

/*
 * Waits until nothing is more than before, but for what others may use meanwhile, and fails
 * if that takes IGT_MMGPU_PATIENCE. There is nothing to wait for: fences and numbers are freed
 * some grace periods after the last close, and that is as it should be.
 */
void igt_mmgpu_baseline_assert(const struct igt_mmgpu_baseline *before);

#endif /* IGT_MMGPU_BASELINE_H */
