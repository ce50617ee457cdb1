/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_UNSERVED_H
#define IGT_MMGPU_UNSERVED_H

#include "igt_mmgpu_fuse.h"
#include "igt_mmgpu_stuck.h"

/*
 * Memory that cannot be used for lack of an answer, in every way that there is. Its first
 * page is there, all of it 0x11; the others wait for somebody to serve them.
 */
struct igt_mmgpu_unserved {
	const struct igt_mmgpu_unserved_way *way;
	uint8_t *mem;
	size_t size;
	struct igt_mmgpu_stuck stuck;
	struct igt_mmgpu_proc pager;
	struct igt_mmgpu_fuse fuse;
};

struct igt_mmgpu_unserved_way {
	const char *name;
	/* Whether who waits can be killed, and whether it waits only to write. */
	bool killable;
	bool write_only;
	/* What the other pages hold when they are served. */
	uint8_t content;
	void (*init)(struct igt_mmgpu_unserved *mem);
	void (*await)(struct igt_mmgpu_unserved *mem);
	void (*serve)(struct igt_mmgpu_unserved *mem);
	void (*fini)(struct igt_mmgpu_unserved *mem);
};

#define IGT_MMGPU_UNSERVED_WAYS		5
/* Ends with the one that cannot be killed. */
extern const struct igt_mmgpu_unserved_way igt_mmgpu_unserved_ways[IGT_MMGPU_UNSERVED_WAYS];

#define IGT_MMGPU_UNSERVED_PAGES	4ul

/* Skips where the kernel has no such way. */
void igt_mmgpu_unserved_init(struct igt_mmgpu_unserved *mem,
			     const struct igt_mmgpu_unserved_way *way);
/* Serves, if nobody has. */
void igt_mmgpu_unserved_fini(struct igt_mmgpu_unserved *mem);
/* Until somebody waits. */
void igt_mmgpu_unserved_await(struct igt_mmgpu_unserved *mem);
/* All pages, for good. */
void igt_mmgpu_unserved_serve(struct igt_mmgpu_unserved *mem);

#endif /* IGT_MMGPU_UNSERVED_H */
