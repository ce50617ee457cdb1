/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_DOORS_H
#define IGT_MMGPU_DOORS_H

#include <stdbool.h>
#include <stdint.h>

#include "igt_mmgpu.h"

/*
 * Every way into a file of ours, tried one after the other by somebody, with the
 * result that the driver's contract gives for who that is.
 *
 * A test prepares a visit (the file and objects in it for each door to name, so that a
 * door left open would really be walked through), lets somebody try the doors, and
 * judges the results. The visit lies in memory that survives fork and exec. Trying the
 * doors asserts nothing, so that a child of any kind can do it.
 */

/* Who comes. */
enum igt_mmgpu_standing {
	/* The file is not bound: whoever holds it may use it. */
	IGT_MMGPU_LEGACY,
	/* The caller shares the mm that the file is bound to. */
	IGT_MMGPU_OWNER,
	/* Another mm, while the owner's lives. */
	IGT_MMGPU_STRANGER,
	/* Another mm, after the owner's is gone. */
	IGT_MMGPU_ORPHAN,
};

#define IGT_MMGPU_DOORS_MAX	128

struct igt_mmgpu_visit {
	/* Descriptors as the visitor has them; without CLOEXEC. */
	int self;
	int fd;
	int dmabuf;
	int sync_file;

	enum igt_mmgpu_node node;
	enum igt_mmgpu_standing standing;
	/* Enter by the 32-bit system call. */
	bool compat;

	/* Objects in the file. The spare ones are for whoever may destroy them. */
	uint32_t bo, spare_bo, dumb, spare_dumb, next_bo;
	uint32_t ctx, spare_ctx;
	uint32_t syncobj, timeline, spare_syncobj;
	uint32_t name;
	uint64_t offset;
	uint64_t owner_seq;

	/* The visitor's own number, 0 as long as it has none. */
	uint64_t caller_seq;

	int result[IGT_MMGPU_DOORS_MAX];
	char note[128];
};

struct igt_mmgpu_visit *igt_mmgpu_visit_new(void);
void igt_mmgpu_visit_free(struct igt_mmgpu_visit *visit);

/* Opens and, unless it's for IGT_MMGPU_LEGACY, binds the file, and fills it. */
void igt_mmgpu_visit_prepare(struct igt_mmgpu_visit *visit, enum igt_mmgpu_node node,
			     bool bind);
/* The same in two steps, for a file that somebody else binds in between. */
void igt_mmgpu_visit_open(struct igt_mmgpu_visit *visit, enum igt_mmgpu_node node);
void igt_mmgpu_visit_fill(struct igt_mmgpu_visit *visit, uint64_t owner_seq);
/* Closes what the caller holds of it. */
void igt_mmgpu_visit_close(struct igt_mmgpu_visit *visit);

/* Tries all doors. */
void igt_mmgpu_visit_doors(struct igt_mmgpu_visit *visit, enum igt_mmgpu_standing standing);

/* Tells of every result that is wrong, and how many there are. */
unsigned int igt_mmgpu_visit_judge(const struct igt_mmgpu_visit *visit, const char *who);

/* By the owner: fails if a stranger left anything behind or took anything away. */
void igt_mmgpu_visit_untouched(const struct igt_mmgpu_visit *visit);

/* Whether a 64-bit program can enter the kernel by the 32-bit system call. */
bool igt_mmgpu_has_compat(void);

/*
 * Replaces the program by itself, which then tries the doors of the visit and exits
 * with 0, or, without a visit, writes a byte to "hold" and lives until it is closed.
 * Returns only on failure.
 */
void igt_mmgpu_visit_exec(struct igt_mmgpu_visit *visit, enum igt_mmgpu_standing standing,
			  int hold);

#endif /* IGT_MMGPU_DOORS_H */
