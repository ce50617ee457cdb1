/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef MMGPU_INTERNAL_H
#define MMGPU_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>

#include "libdrm_mmgpu.h"

/* The library is compiled with hidden visibility: only what says so gets out. */
#define drm_public __attribute__((visibility("default")))

#define MMGPU_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Handles are small integers that the kernel gives out from the bottom, so an array
 * is the table. 0 is no handle.
 */
struct mmgpu_table {
	uint32_t size;
	void **values;
};

void *mmgpu_table_lookup(const struct mmgpu_table *table, uint32_t handle);
/* -ENOMEM; never for value NULL, nor for a handle that was in the table before. */
int mmgpu_table_set(struct mmgpu_table *table, uint32_t handle, void *value);
void mmgpu_table_fini(struct mmgpu_table *table);

struct drm_mmgpu_context {
	struct drm_mmgpu *dev;
	uint32_t id;
};

struct drm_mmgpu {
	int fd;
	bool close_fd;
	int minor;
	struct drm_mmgpu_context default_ctx;

	/*
	 * Guards @bos, the reference counts and mappings of its buffers, and the life
	 * of their handles: a handle is looked up, imported again or closed under it,
	 * so nobody can take up one that is just going away.
	 */
	pthread_mutex_t bo_lock;
	/* Handle -> struct drm_mmgpu_bo, all buffers of this file. */
	struct mmgpu_table bos;
};

struct drm_mmgpu_bo {
	struct drm_mmgpu *dev;
	uint32_t handle;
	uint64_t size;

	/* Under dev->bo_lock: */
	unsigned int refs;
	unsigned int maps;
	void *map;
	/*
	 * Number of the address space in which a private buffer was mapped, 0 if it is
	 * not private. In any other address space there is nothing of ours at @map.
	 */
	uint64_t map_mm_seq;
};

/* drmIoctl() with the errno as the result. */
int mmgpu_ioctl(int fd, unsigned long request, void *arg);

/* Keep the message for drm_mmgpu_last_error(). Returns -err. */
int mmgpu_fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * The same for a call on the file that gave -err: "what", and what is to be said about
 * an error that any call can meet. Asks the kernel why, so not for a fast path.
 */
int mmgpu_fail_file(int fd, int err, const char *what);

/* Like mmgpu_fail_file() for a call on a buffer, which has its own access rules. */
int mmgpu_fail_bo(int fd, int err, uint32_t handle, const char *what);

/* The same for a refused grant, or with no @access for a refused revocation. */
int mmgpu_fail_grant(struct drm_mmgpu_bo *bo, int err, uint64_t mm_seq, uint32_t access);

/* True if the caller is refused by the file's gate, whatever it asks for. */
bool mmgpu_is_foreign(int fd);

#endif /* MMGPU_INTERNAL_H */
