/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_SHARE_H
#define IGT_MMGPU_SHARE_H

#include "igt_mmgpu.h"

/* ---- contents ------------------------------------------------------------------ */

/* By a job of fd that must succeed, with implicit sync on both buffers. */
void igt_mmgpu_copy(int fd, uint32_t dst_bo, uint64_t dst, uint32_t src_bo, uint64_t src,
		    uint64_t width);
/* Fails, and tells where, unless the bytes are the same. */
void igt_mmgpu_same(const void *a, const void *b, size_t size, const char *what);
/* Of the dma-buf by itself, whole pages; never fails to map. */
void *igt_mmgpu_dmabuf_map(int dmabuf, size_t size);
int __igt_mmgpu_dmabuf_sync(int dmabuf, uint64_t flags);

/* ---- what the kernel says of a dma-buf ------------------------------------------ */

struct igt_mmgpu_look {
	/* Devices that are attached; references to its file. */
	int attached;
	long files;
};

/* By debugfs. Where that cannot be read both are -1, so that two looks are alike. */
void igt_mmgpu_look(int dmabuf, struct igt_mmgpu_look *look);
/* Fails unless it looks as before, soon: importers let go in workers of their own. */
void igt_mmgpu_looks_as(int dmabuf, const struct igt_mmgpu_look *before);
/* Buffers of fd's device that are alive, likewise; -1 if debugfs does not tell. */
int igt_mmgpu_count_bos(int fd);
void igt_mmgpu_await_bos(int fd, int count);
/* The same dma-buf has the same number. */
uint64_t igt_mmgpu_inode(int fd);

/* ---- private buffers and other devices -------------------------------------------- */

/* Enough for a picture of 640 by 480. */
#define IGT_MMGPU_PRIVATE_SIZE	(400 * 4096)

/* Tries to give the dma-buf to another device: 0 or -errno, asserting nothing of it. */
typedef int (*igt_mmgpu_give_fn)(int dmabuf);

/*
 * Has the dma-buf of a private buffer given away by everybody who can hold it: the
 * owner, grantees, strangers, each by all descriptors that they can come by, while the
 * owner lives and after that. Fails unless all of them get -err, or if anything of it is
 * seen afterwards: attachments, references, other contents, a buffer that stays.
 */
void igt_mmgpu_never_given(igt_mmgpu_give_fn give, int err);
/* For an importer that loses a reference with each refusal, so that the buffer stays. */
void igt_mmgpu_never_given_but_kept(igt_mmgpu_give_fn give, int err);

#endif /* IGT_MMGPU_SHARE_H */
