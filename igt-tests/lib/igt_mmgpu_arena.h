/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_ARENA_H
#define IGT_MMGPU_ARENA_H

#include "igt_mmgpu.h"

enum igt_mmgpu_arena_kind {
	IGT_MMGPU_ARENA_ANON,
	/* Never touched before. */
	IGT_MMGPU_ARENA_ZERO,
	IGT_MMGPU_ARENA_SHARED,
	IGT_MMGPU_ARENA_READ_ONLY,
	IGT_MMGPU_ARENA_MEMFD,
	IGT_MMGPU_ARENA_MEMFD_PRIVATE,
	IGT_MMGPU_ARENA_FILE,
	IGT_MMGPU_ARENA_FILE_PRIVATE,
	IGT_MMGPU_ARENA_BO,
	IGT_MMGPU_ARENA_CHOPPED,
	/* These fill a whole huge page. */
	IGT_MMGPU_ARENA_HUGE = IGT_MMGPU_ARENA_CHOPPED,
	IGT_MMGPU_ARENA_HUGETLB,
	IGT_MMGPU_ARENA_KINDS,
};

struct igt_mmgpu_arena_part {
	size_t start;
	size_t size;
	enum igt_mmgpu_arena_kind kind;
};

/*
 * Addresses without a gap, of mappings of all kinds side by side, and beside it what
 * should stand there.
 */
struct igt_mmgpu_arena {
	int fd;
	struct igt_mmgpu_rand *rnd;
	uint8_t *mem;
	uint8_t *want;
	size_t size;
	bool hugetlb;
	/* Huge pages that the kernel had set aside before us. */
	unsigned int hugetlb_before;
	unsigned int num_parts;
	struct igt_mmgpu_arena_part parts[1024];
};

#define IGT_MMGPU_ARENA_SIZE	(8ul << 20)
#define IGT_MMGPU_HUGE		(2ul << 20)

/* Buffers in the arena are buffers of this file. */
void igt_mmgpu_arena_init(struct igt_mmgpu_arena *arena, int fd, struct igt_mmgpu_rand *rnd);
void igt_mmgpu_arena_fini(struct igt_mmgpu_arena *arena);
/* New mappings everywhere, with new contents. */
void igt_mmgpu_arena_layout(struct igt_mmgpu_arena *arena);
/* Takes the pages out of the page tables, where that loses nothing. */
void igt_mmgpu_arena_cool(struct igt_mmgpu_arena *arena);
/* A random place for so many bytes, which may be moved to where something borders. */
size_t igt_mmgpu_arena_pick(struct igt_mmgpu_arena *arena, size_t size, bool write);
bool igt_mmgpu_arena_writable(struct igt_mmgpu_arena *arena, size_t at, size_t size);
/* Fails if anything there is not as it should be. */
void igt_mmgpu_arena_check(struct igt_mmgpu_arena *arena, size_t start, size_t size);

/* Fast random contents. */
void igt_mmgpu_arena_noise(struct igt_mmgpu_rand *rnd, void *data, size_t size);
/* Fails with the first difference; name says what was compared. */
void igt_mmgpu_arena_compare(const char *name, const uint8_t *have, const uint8_t *want,
			     size_t size);

#endif /* IGT_MMGPU_ARENA_H */
