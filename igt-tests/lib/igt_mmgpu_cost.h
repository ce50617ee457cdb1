/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_COST_H
#define IGT_MMGPU_COST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * For benchmarks: what a call costs. In QEMU with -icount shift=0 the time stamp counter
 * counts instructions, which come out the same each time; scripts/bench starts it so.
 */

/* Where there are none to be counted these never move. */
uint64_t igt_mmgpu_instructions(void);
/* Whether the counter does count instructions, by a known number of them. */
bool igt_mmgpu_counts_instructions(void);

/*
 * Whether the worker that a call wakes runs at once, in the middle of what is counted, is
 * chance, and costs a hundred times what we look for. It shall wait. Skips where the
 * caller may not run with real-time priority.
 */
void igt_mmgpu_stay_on_cpu(void);

/* Sorts the values. */
int64_t igt_mmgpu_median(int64_t *values, size_t count);

#endif /* IGT_MMGPU_COST_H */
