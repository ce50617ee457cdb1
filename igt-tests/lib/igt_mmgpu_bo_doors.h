/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_BO_DOORS_H
#define IGT_MMGPU_BO_DOORS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "igt_mmgpu.h"

/*
 * Every way to a private buffer, tried one after the other by somebody, with the result
 * that the driver's contract gives for who that is. The documentation shows the same table
 * (see igt_mmgpu_bo_doors_print()).
 *
 * The owner creates the buffer; a holder, who may use it at that time, enters: it gets
 * handles, mappings and queued jobs; then something changes; then somebody tries the
 * doors with what is held. The visit lies in memory that survives fork and exec, and the
 * mappings lie at addresses that are the same in every process.
 */

/* Who comes, as far as the buffer is concerned. */
enum igt_mmgpu_bo_standing {
	IGT_MMGPU_BO_OWNER,
	/* A grantee with both accesses, for whatever reason it has them. */
	IGT_MMGPU_BO_WRITER,
	/* A grantee that has never had more than read access. */
	IGT_MMGPU_BO_READER,
	/* Was a writer when it entered and is a reader now. */
	IGT_MMGPU_BO_NARROWED,
	/* Was a writer when it entered and has no access now. */
	IGT_MMGPU_BO_REVOKED,
	/* Any other mm. It may hold handles and descriptors of a legacy file, no mappings. */
	IGT_MMGPU_BO_NOBODY,
	/* Another driver or another device, on whoever's behalf. */
	IGT_MMGPU_BO_DEVICE,
	IGT_MMGPU_BO_STANDINGS,
};

#define IGT_MMGPU_BO_DOORS_MAX	96

struct igt_mmgpu_bo_visit {
	/* Descriptors as the visitor has them. */
	int self;
	/* A render and a primary file with handles of the buffer, legacy unless it entered so. */
	int fd, primary;
	int dmabuf;
	/* Of a second buffer, and cannot be written through. */
	int ro_dmabuf;
	/* Sync_files of jobs that were queued on entry, -1 if there is none. */
	int queued_read, queued_write;

	uint32_t bo, primary_bo;
	uint32_t name;
	uint64_t offset;
	uint64_t owner_seq;

	enum igt_mmgpu_bo_standing standing;
	int result[IGT_MMGPU_BO_DOORS_MAX];
	char note[128];
};

struct igt_mmgpu_bo_visit *igt_mmgpu_bo_visit_new(void);
void igt_mmgpu_bo_visit_free(struct igt_mmgpu_bo_visit *visit);

/* What the owner keeps of its buffers. */
struct igt_mmgpu_bo_owner {
	int fd, primary;
	uint32_t bo, ro_bo;
	uint64_t *map;
};

/* Binds a file, makes the buffers, and fills in everything of the visit that is no file. */
void igt_mmgpu_bo_visit_create(struct igt_mmgpu_bo_visit *visit,
			       struct igt_mmgpu_bo_owner *owner);
/* By the owner, for both buffers. */
void igt_mmgpu_bo_visit_grant(const struct igt_mmgpu_bo_owner *owner, uint32_t access,
			      uint64_t mm_seq);
/* By the owner: fails if somebody wrote who could not. */
void igt_mmgpu_bo_visit_untouched(const struct igt_mmgpu_bo_visit *visit,
				  const struct igt_mmgpu_bo_owner *owner);

/*
 * Opens the files (the render one is bound if wanted), opens the buffer in them, maps it,
 * and with a gate queues jobs behind it. The access is what the caller has now.
 */
void igt_mmgpu_bo_visit_enter(struct igt_mmgpu_bo_visit *visit, bool bind, uint32_t access,
			      struct igt_mmgpu_gate *gate);

/* Tries all doors that there are for this standing. */
void igt_mmgpu_bo_visit_doors(struct igt_mmgpu_bo_visit *visit,
			      enum igt_mmgpu_bo_standing standing);
/* Replaces the program by itself, which then tries the doors. Returns only on failure. */
void igt_mmgpu_bo_visit_exec(struct igt_mmgpu_bo_visit *visit,
			     enum igt_mmgpu_bo_standing standing);

/* Tells of every result that is wrong, and how many there are. */
unsigned int igt_mmgpu_bo_visit_judge(const struct igt_mmgpu_bo_visit *visit, const char *who);

/* The table as reStructuredText. */
void igt_mmgpu_bo_doors_print(FILE *out);

#endif /* IGT_MMGPU_BO_DOORS_H */
