/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_STATE_H
#define IGT_MMGPU_STATE_H

#include <stddef.h>

/*
 * All that can be seen of the driver's state from outside, as text: debugfs' tables of
 * buffers, grants and numbers, the dma-bufs, the memory that fdinfo tells of each file, the
 * handles, contexts and syncobjs that it would make next, and the process' descriptors.
 * A buffer's pages may come and go: they are not in it.
 */
struct igt_mmgpu_state {
	char text[8192];
	size_t len;
};

/* Of files of ours. */
void igt_mmgpu_state_take(struct igt_mmgpu_state *state, const int *files, unsigned int count);

/* Fails unless it is like that again, soon: some things are let go of in workers. */
void igt_mmgpu_state_is(const struct igt_mmgpu_state *before, const int *files,
			unsigned int count, const char *what);

#endif /* IGT_MMGPU_STATE_H */
