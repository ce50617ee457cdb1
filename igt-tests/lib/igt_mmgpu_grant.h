/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_GRANT_H
#define IGT_MMGPU_GRANT_H

#include "igt_mmgpu.h"

/* For tests of grants: an owner's private buffer, and processes that it may be granted to. */

#define IGT_MMGPU_READ		MMGPU_ACCESS_READ
#define IGT_MMGPU_READ_WRITE	(MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE)

struct igt_mmgpu_private {
	/* Bound. */
	int fd;
	uint64_t seq;
	uint32_t bo;
	uint64_t size;
	/* For mmap() of any file of the device. */
	uint64_t offset;
	int dmabuf;
	/* A legacy file of the owner's with a handle for the same buffer. */
	int legacy;
	uint32_t legacy_bo;
};

void igt_mmgpu_private_init(struct igt_mmgpu_private *own, uint64_t size);
void igt_mmgpu_private_fini(struct igt_mmgpu_private *own);
void igt_mmgpu_private_grant(const struct igt_mmgpu_private *own, uint32_t access,
			     uint64_t mm_seq);

/* The caller's number, which it gets if it has none. */
uint64_t igt_mmgpu_number(int fd);
/* The caller's access to a dma-buf's buffer by that file, or -errno of importing it. */
int igt_mmgpu_access(int fd, int dmabuf);
/* Waits until nothing can be granted to that mm any more, which takes a while. */
void igt_mmgpu_await_dead(const struct igt_mmgpu_private *own, uint64_t mm_seq);

/*
 * A process with a number that calls functions of the test when it is told to. It keeps
 * what they put into static variables.
 */
struct igt_mmgpu_peer {
	struct igt_mmgpu_proc proc;
	uint64_t seq;
};

/* node: a legacy file of the peer's own. The fd was sent along with the call, or is -1. */
typedef int (*igt_mmgpu_peer_fn)(int node, int fd, const void *data);

void igt_mmgpu_peer_start(struct igt_mmgpu_peer *peer, int node);
/* Calls fn over there with a copy of the data; the result is igt_mmgpu_peer_end()'s. */
void igt_mmgpu_peer_begin(struct igt_mmgpu_peer *peer, igt_mmgpu_peer_fn fn, int fd,
			  const void *data, size_t size);
int igt_mmgpu_peer_end(struct igt_mmgpu_peer *peer);
int igt_mmgpu_peer_call(struct igt_mmgpu_peer *peer, igt_mmgpu_peer_fn fn, int fd,
			const void *data, size_t size);
/* igt_mmgpu_access() of the peer, by its own file. */
int igt_mmgpu_peer_access(struct igt_mmgpu_peer *peer, int dmabuf);
/* It exits; its mm may live on for a moment. */
void igt_mmgpu_peer_stop(struct igt_mmgpu_peer *peer);

/* ---- its jobs --------------------------------------------------------------------------- */

/* Of a peer that entered, in its process. */
struct igt_mmgpu_theirs {
	/* A file of its own with a handle for the buffer. */
	int file;
	uint32_t bo;
	/* The fence of its last job. */
	int sync_file;
};

extern struct igt_mmgpu_theirs igt_mmgpu_theirs;

struct igt_mmgpu_peer_job {
	/* Of the buffer. */
	uint32_t flags;
	uint64_t ms;
};

/* Starts it, grants it the access and lets it open the buffer. */
void igt_mmgpu_peer_enter(struct igt_mmgpu_peer *peer, const struct igt_mmgpu_private *own,
			  uint32_t access, bool bind);
/* Lets it run a job for that long, which runs when this returns. */
void igt_mmgpu_peer_run(struct igt_mmgpu_peer *peer, uint32_t flags, uint64_t ms);
/* The state of the fence: 0 not signalled, 1 signalled, or the error; at once, or when it is. */
int igt_mmgpu_peer_status(struct igt_mmgpu_peer *peer);
int igt_mmgpu_peer_result(struct igt_mmgpu_peer *peer);
/* The same by whoever calls this; without a buffer if that is 0. Its fence. */
int igt_mmgpu_run(int file, uint32_t bo, const struct igt_mmgpu_peer_job *job);

#endif /* IGT_MMGPU_GRANT_H */
