/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_FUSE_H
#define IGT_MMGPU_FUSE_H

#include "igt_mmgpu.h"

/*
 * A file system of one file in a process of its own, which answers no read but of the first
 * page. The file's bytes are 0x11 in the first page and 0x22 behind it.
 */
struct igt_mmgpu_fuse {
	struct igt_mmgpu_proc proc;
	char dir[32];
	/* The file, all of it, to read and to write. */
	uint8_t *mem;
	size_t size;
};

/* With async, who waits for a read can be killed. Skips where there is no FUSE. */
void igt_mmgpu_fuse_init(struct igt_mmgpu_fuse *fuse, size_t size, bool async);
void igt_mmgpu_fuse_fini(struct igt_mmgpu_fuse *fuse);
/* Until somebody waits for a read. */
void igt_mmgpu_fuse_await(struct igt_mmgpu_fuse *fuse);
/* From now on all reads are answered, those that wait first. */
void igt_mmgpu_fuse_serve(struct igt_mmgpu_fuse *fuse);

#endif /* IGT_MMGPU_FUSE_H */
