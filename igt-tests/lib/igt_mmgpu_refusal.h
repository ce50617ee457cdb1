/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_REFUSAL_H
#define IGT_MMGPU_REFUSAL_H

#include "igt_mmgpu.h"

#define IGT_MMGPU_REFUSAL_SIZE	8192u

/* The commands of the job, so that tests can name them. */
enum {
	IGT_MMGPU_REFUSAL_COPY,
	IGT_MMGPU_REFUSAL_FILL,
	IGT_MMGPU_REFUSAL_ADD,
	IGT_MMGPU_REFUSAL_TIMESTAMP,
	IGT_MMGPU_REFUSAL_DELAY,
	IGT_MMGPU_REFUSAL_NOP,
};

/*
 * A submission that has everything and is right: the six commands, two buffers (0 read
 * and written, 1 read), a binary and a timeline syncobj to wait for, and one of each to
 * signal. A test spoils one thing of the job and says which error it expects; then
 * nothing at all may have happened.
 */
struct igt_mmgpu_refusal {
	int fd;
	uint32_t ctx;
	uint32_t bo[2];
	/* Signalled binary, signalled timeline at point 1, fresh binary, fresh timeline. */
	uint32_t in[2];
	uint32_t out[2];
	uint8_t *map[2];
	uint32_t next_handle;
	struct igt_mmgpu_job job;
};

void igt_mmgpu_refusal_init(struct igt_mmgpu_refusal *refusal, int fd);
void igt_mmgpu_refusal_fini(struct igt_mmgpu_refusal *refusal);
/* Makes the job right again. */
void igt_mmgpu_refusal_reset(struct igt_mmgpu_refusal *refusal);
/* Submits the job, which must give -err and change nothing. */
void igt_mmgpu_refusal_expect(struct igt_mmgpu_refusal *refusal, int err);
/* Submits the job, which must be accepted; waits, and makes buffers and syncobjs fresh. */
void igt_mmgpu_refusal_accept(struct igt_mmgpu_refusal *refusal);

/* The parts of these, for a test that submits by itself. */
uint64_t igt_mmgpu_refusal_before(struct igt_mmgpu_refusal *refusal);
void igt_mmgpu_refusal_after(struct igt_mmgpu_refusal *refusal, uint64_t before);
void igt_mmgpu_refusal_accepted(struct igt_mmgpu_refusal *refusal);

#endif /* IGT_MMGPU_REFUSAL_H */
