/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_BUSY_H
#define IGT_MMGPU_BUSY_H

#include "igt_mmgpu.h"

/* For tests that do something to memory while a long job works on it. */

/* Most steps of a job: two commands each, and a byte that is no other's. */
#define IGT_MMGPU_BUSY_STEPS	100

struct igt_mmgpu_busy {
	/* Bound. */
	int fd;
	uint8_t *dst;
	/* NULL to fill instead of to copy. */
	const uint8_t *src;
	size_t size;
	unsigned int steps;
	/* Jobs so far, and how many of them ended in EFAULT. */
	unsigned int jobs;
	unsigned int faults;
	/* Events in the middle of a job. */
	unsigned int events;
	/* Which step the job is at, from 1; it writes this itself. */
	volatile uint64_t step;
};

/* Told the step that the job is at; more calls come until the job is over. */
typedef void (*igt_mmgpu_busy_fn)(struct igt_mmgpu_busy *busy, uint64_t step);

/*
 * Runs a job of many steps, each of which fills all of dst with the step's number as a
 * byte, or copies all of src; meanwhile calls event again and again. The job ends with 0,
 * or with -EFAULT if the event may be the reason for that.
 */
int igt_mmgpu_busy_job(struct igt_mmgpu_busy *busy, igt_mmgpu_busy_fn event, bool may_fault);

/* Fails unless there is one byte from the start on, and before from the end on. */
void igt_mmgpu_busy_check_steps(const uint8_t *mem, size_t size, int *from, int *to);

/* Whether a test that runs since then should have another job. */
bool igt_mmgpu_busy_again(const struct igt_mmgpu_busy *busy, int64_t begin);

#endif /* IGT_MMGPU_BUSY_H */
