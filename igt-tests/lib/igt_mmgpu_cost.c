// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <sched.h>
#include <stdlib.h>

#include "igt.h"
#include "igt_mmgpu_cost.h"

#ifdef __x86_64__
uint64_t igt_mmgpu_instructions(void)
{
	uint32_t low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* Two instructions for each of n rounds. */
static void spend(uint64_t n)
{
	asm volatile("1: dec %0; jnz 1b" : "+r"(n) : : "cc");
}
#else
uint64_t igt_mmgpu_instructions(void)
{
	return 0;
}

static void spend(uint64_t n)
{
}
#endif

bool igt_mmgpu_counts_instructions(void)
{
	const uint64_t n = 100000;

	for (int i = 0; i < 5; i++) {
		uint64_t start = igt_mmgpu_instructions(), used;

		spend(n);
		used = igt_mmgpu_instructions() - start;
		/* A tick in between makes it more. */
		if (used >= 2 * n && used < 2 * n + 16)
			return true;
	}
	return false;
}

void igt_mmgpu_stay_on_cpu(void)
{
	struct sched_param param = { .sched_priority = 1 };

	igt_require_f(!sched_setscheduler(0, SCHED_FIFO, &param),
		      "may not run with real-time priority\n");
}

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int64_t igt_mmgpu_median(int64_t *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return (values[(count - 1) / 2] + values[count / 2]) / 2;
}
