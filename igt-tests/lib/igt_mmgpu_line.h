/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_LINE_H
#define IGT_MMGPU_LINE_H

#include <stdatomic.h>

#include "igt_mmgpu.h"

/*
 * Jobs in a line. Each writes down how many were before it, and counts itself. So one that
 * is lost, runs twice, or runs before its turn is found out. No implicit sync: what keeps
 * the order is the context, or with several contexts what each job waits for.
 */
struct igt_mmgpu_line {
	int fd;
	uint32_t ctx[4];
	unsigned int num_ctx;
	uint32_t bo;
	/* Word 0 is the count; notes follow, or lie in memory without a buffer. */
	uint64_t *map;
	uint64_t *notes;
	/* A timeline: job n signals point n. */
	uint32_t points;
	uint64_t pushed;
	uint64_t checked;
};

/* Most jobs between two checks. */
#define IGT_MMGPU_LINE_MAX	64

/*
 * On num_ctx new contexts, on that engine and those after it, or all on any. With svm the
 * file is bound, and the notes are written through CPU addresses.
 */
int __igt_mmgpu_line_init(struct igt_mmgpu_line *line, int fd, uint32_t engine,
			  unsigned int num_ctx, bool svm);
void igt_mmgpu_line_init(struct igt_mmgpu_line *line, int fd, uint32_t engine,
			 unsigned int num_ctx, bool svm);
/* Also after a refused one of the above. What the device has goes with it or with the file. */
void igt_mmgpu_line_fini(struct igt_mmgpu_line *line);
/* Submits so many, or what came before a refusal. */
int __igt_mmgpu_line_push(struct igt_mmgpu_line *line, unsigned int jobs);
void igt_mmgpu_line_push(struct igt_mmgpu_line *line, unsigned int jobs);
/* Waits for the last; fails unless each ran once, in its turn, with success. */
int __igt_mmgpu_line_check(struct igt_mmgpu_line *line);
void igt_mmgpu_line_check(struct igt_mmgpu_line *line);
/* Of a line that was cut off: fails unless what ran did so in its turn. How many they are. */
uint64_t igt_mmgpu_line_check_cut(struct igt_mmgpu_line *line);

/* ---- processes with such lines ------------------------------------------------------------ */

#define IGT_MMGPU_LOAD_MAX	8

struct igt_mmgpu_load {
	unsigned int workers;
	struct igt_mmgpu_proc procs[IGT_MMGPU_LOAD_MAX];
	/* Shared with them. */
	struct {
		atomic_bool stop;
		atomic_ulong jobs;
	} *shared;
};

/*
 * So many processes push and check lines of every kind: on one engine, on any, from engine
 * to engine, with CPU addresses. Returns when all of them are at it.
 */
void igt_mmgpu_load_start(struct igt_mmgpu_load *load, unsigned int workers);
/* Until more jobs than now have been checked; fails after IGT_MMGPU_PATIENCE. */
void igt_mmgpu_load_await(const struct igt_mmgpu_load *load);
/* Fails if one of them did. Their jobs. */
unsigned long igt_mmgpu_load_stop(struct igt_mmgpu_load *load);

#endif /* IGT_MMGPU_LINE_H */
