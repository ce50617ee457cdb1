/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef FAKE_DRM_H
#define FAKE_DRM_H

/*
 * A device without a driver: the tests are linked with an ioctl() that answers for the
 * descriptor fake.fd as mmgpu would, and passes all others on. Enough of it is there to
 * see what the library asks for, and to let it be refused.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <mmgpu_drm.h>

#define FAKE_HANDLES	4096
#define FAKE_PAGE	4096ull

struct fake_submit {
	struct drm_mmgpu_submit args;
	struct drm_mmgpu_cmd *cmds;
	struct drm_mmgpu_bo_ref *refs;
	struct drm_mmgpu_sync in_syncs[8];
	struct drm_mmgpu_sync out_syncs[8];
};

struct fake {
	/* A memfd, so that mapping works. */
	int fd;
	const char *name;
	int major;

	/* What QUERY_MM says; the gate goes by it. */
	uint64_t bound_mm_seq;
	uint64_t caller_mm_seq;
	bool gone;

	/* Refuse one kind of ioctl, number and all, with this errno. */
	unsigned long fail_request;
	int fail_errno;
	/* BO_INFO refuses this handle with this errno. */
	uint32_t fail_handle;
	int fail_handle_errno;

	/* The object behind each handle, 0 if none. */
	uint64_t object[FAKE_HANDLES];
	uint64_t size[FAKE_HANDLES];
	uint64_t objects;
	/* Handles that are open, and closings of handles that were not. */
	int open_handles;
	int bad_closes;
	/* What BO_INFO says of every buffer. */
	uint64_t bo_mm_seq;
	uint32_t bo_access;

	/* The last BO_GRANT that was let through, and how often the next ones see a signal. */
	struct drm_mmgpu_bo_grant grant;
	int interrupt_grants;

	uint64_t params[16];
	int syncobj_wait_errno;
	struct fake_submit submit;
};

extern struct fake fake;

/* A fresh device; memory of the last one is freed. */
void fake_reset(void);
void fake_fini(void);

#define CHECK(cond) do {							\
	if (!(cond)) {								\
		fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #cond); \
		exit(1);							\
	}									\
} while (0)

/* The call failed with that errno, and its explanation has the words. */
#define CHECK_FAIL(call, err, words) do {					\
	CHECK((call) == -(err));						\
	fake_check_words(__FILE__, __LINE__, words);				\
} while (0)

void fake_check_words(const char *file, int line, const char *words);

#define RUN(test) do { fake_reset(); test(); printf("ok %s\n", #test); } while (0)

#endif /* FAKE_DRM_H */
