// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Operations: what a descriptor of a dma-buf can do by itself. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <linux/dma-buf.h>

#include "fuzz.h"

/* The installed headers may be too old to have these. */
struct fence_export {
	uint32_t flags;
	int32_t fd;
};
struct fence_import {
	uint32_t flags;
	int32_t fd;
};
#define EXPORT_FENCE	_IOWR('b', 2, struct fence_export)
#define IMPORT_FENCE	_IOW('b', 3, struct fence_import)

int fuzz_do_dmabuf_sync(struct fuzz_run *run)
{
	struct fuzz_fd *dmabuf = fuzz_fd_pick(run, dmabuf);
	struct dma_buf_sync args = { .flags = 1 + fuzz_below(run, 3) };

	if (!dmabuf)
		return FUZZ_SKIPPED;
	if (fuzz_chance(run, 400))
		args.flags |= DMA_BUF_SYNC_END;
	return fuzz_ioctl(run, dmabuf->fd, DMA_BUF_IOCTL_SYNC, &args);
}

int fuzz_do_dmabuf_export_fence(struct fuzz_run *run)
{
	struct fuzz_fd *dmabuf = fuzz_fd_pick(run, dmabuf);
	struct fence_export args = { .flags = 1 + fuzz_below(run, 3), .fd = -1 };
	int ret;

	if (!dmabuf)
		return FUZZ_SKIPPED;
	ret = fuzz_ioctl(run, dmabuf->fd, EXPORT_FENCE, &args);
	if (ret == 0 && args.fd > 2)
		fuzz_fd_add(run, syncfile, args.fd, 0);
	return ret;
}

int fuzz_do_dmabuf_import_fence(struct fuzz_run *run)
{
	struct fuzz_fd *dmabuf = fuzz_fd_pick(run, dmabuf);
	struct fuzz_fd *fence = fuzz_fd_pick(run, syncfile);
	struct fence_import args = { .flags = 1 + fuzz_below(run, 3) };

	if (!dmabuf || !fence)
		return FUZZ_SKIPPED;
	args.fd = fuzz_chance(run, 30) ? fuzz_any_fd(run) : fence->fd;
	return fuzz_ioctl(run, dmabuf->fd, IMPORT_FENCE, &args);
}

int fuzz_do_dmabuf_name(struct fuzz_run *run)
{
	struct fuzz_fd *dmabuf = fuzz_fd_pick(run, dmabuf);
	char name[64];
	int ret;

	if (!dmabuf)
		return FUZZ_SKIPPED;
	memset(name, 'a' + fuzz_below(run, 26), sizeof(name));
	name[fuzz_below(run, 40)] = 0;
	/* The argument is the text itself: what is copied is as long as the text may be. */
	memcpy(run->scratch, name, sizeof(name));
	ret = fuzz_ioctl(run, dmabuf->fd, _IOC(_IOC_WRITE, 'b', 1, 8), name);
	return ret;
}

int fuzz_do_dmabuf_seek(struct fuzz_run *run)
{
	struct fuzz_fd *dmabuf = fuzz_fd_pick(run, dmabuf);
	int whence = fuzz_chance(run, 900) ? 2 * fuzz_below(run, 2) : fuzz_below(run, 6);

	if (!dmabuf)
		return FUZZ_SKIPPED;
	return fuzz_sys(run, lseek(dmabuf->fd, fuzz_chance(run, 900) ? 0 : fuzz_odd(run), whence));
}
