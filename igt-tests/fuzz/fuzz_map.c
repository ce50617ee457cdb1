// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Operations: mappings of buffers and of plain memory, and touching them. */

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fuzz.h"

static struct fuzz_map *any_map(struct fuzz_run *run)
{
	unsigned int at = fuzz_below(run, FUZZ_MAPS), i;

	for (i = 0; i < FUZZ_MAPS; i++) {
		struct fuzz_map *map = &run->obj->map[(at + i) % FUZZ_MAPS];

		if (map->addr)
			return map;
	}
	return NULL;
}

/* Maps over what is in that place, as MAP_FIXED does. */
static int map_fd(struct fuzz_run *run, int fd, uint64_t size, uint64_t offset)
{
	unsigned int slot = fuzz_below(run, FUZZ_MAPS);
	uint64_t addr = FUZZ_ARENA + slot * FUZZ_MAP_SIZE;
	int prot = PROT_READ | (fuzz_chance(run, 700) ? PROT_WRITE : 0);
	int flags = MAP_FIXED | (fuzz_chance(run, 950) ? MAP_SHARED : MAP_PRIVATE);
	struct fuzz_map *map = &run->obj->map[slot];
	int ret;

	if (!size || size > FUZZ_MAP_SIZE)
		size = 4096 * (1 + fuzz_below(run, 16));
	/* A part of it, or more than there is. */
	if (fuzz_chance(run, 250)) {
		uint64_t skip = fuzz_below(run, size / 4096);

		offset += skip * 4096;
		size -= skip * 4096;
	}
	if (fuzz_chance(run, 200))
		size = 4096 * (1 + fuzz_below(run, size / 4096 + (fuzz_chance(run, 50) ? 2 : 0)));
	if (fuzz_chance(run, 15))
		offset = fuzz_odd(run) & ~4095ull;
	if (fuzz_chance(run, 50))
		prot = fuzz_below(run, 8);
	if (fuzz_chance(run, 50))
		flags |= MAP_POPULATE;
	ret = fuzz_sys(run, (long)mmap((void *)addr, size, prot, flags, fd, offset) < 0 ? -1 : 0);
	fuzz_say(run, "    mmap(%#llx, %#llx, %d, %#x, %d, %#llx) = %d\n", (long long)addr,
		 (long long)size, prot, flags, fd, (long long)offset, ret);
	if (ret == 0) {
		map->addr = addr;
		map->size = size;
		map->prot = prot;
	}
	return ret;
}

int fuzz_do_map_node(struct fuzz_run *run)
{
	struct fuzz_thing *bo = fuzz_thing_pick(run, FUZZ_BO, NULL);
	struct drm_mmgpu_bo_info info = {};
	struct fuzz_file *file;
	int ret;

	if (!bo)
		return FUZZ_SKIPPED;
	file = fuzz_file_of(run, bo);
	info.handle = bo->id;
	ret = fuzz_file_ioctl(run, file, DRM_IOCTL_MMGPU_BO_INFO, &info);
	if (ret < 0)
		return ret;
	/* By another file than the one it is from, once in a while. */
	if (fuzz_chance(run, 50))
		file = fuzz_file_pick(run);
	return map_fd(run, file ? file->fd : -1, info.size, info.mmap_offset);
}

int fuzz_do_map_dmabuf(struct fuzz_run *run)
{
	struct fuzz_fd *dmabuf = fuzz_fd_pick(run, dmabuf);

	return dmabuf ? map_fd(run, dmabuf->fd, dmabuf->size, 0) : FUZZ_SKIPPED;
}

/* A range of whole pages within a mapping, most times all of it. */
static void any_part(struct fuzz_run *run, const struct fuzz_map *map, uint64_t *addr, size_t *size)
{
	uint64_t pages = (map->size + 4095) / 4096;
	uint64_t skip = fuzz_chance(run, 500) ? 0 : fuzz_below(run, pages);

	*addr = map->addr + skip * 4096;
	*size = (pages - skip) * 4096;
	if (fuzz_chance(run, 400))
		*size = 4096 * (1 + fuzz_below(run, pages - skip));
}

int fuzz_do_unmap(struct fuzz_run *run)
{
	struct fuzz_map *map = any_map(run);
	uint64_t addr;
	size_t size;

	if (!map)
		return FUZZ_SKIPPED;
	any_part(run, map, &addr, &size);
	if (addr == map->addr && size >= map->size)
		map->addr = 0;
	return fuzz_sys(run, munmap((void *)addr, size));
}

int fuzz_do_mprotect(struct fuzz_run *run)
{
	struct fuzz_map *map = any_map(run);
	uint64_t addr;
	size_t size;

	if (!map)
		return FUZZ_SKIPPED;
	any_part(run, map, &addr, &size);
	return fuzz_sys(run, mprotect((void *)addr, size, fuzz_below(run, 8)));
}

/* To another place of the arena, and longer or shorter. */
int fuzz_do_mremap(struct fuzz_run *run)
{
	struct fuzz_map *map = any_map(run), *to;
	unsigned int slot = fuzz_below(run, FUZZ_MAPS);
	uint64_t addr, dst = FUZZ_ARENA + slot * FUZZ_MAP_SIZE;
	size_t size, new_size;
	long ret;

	if (!map)
		return FUZZ_SKIPPED;
	any_part(run, map, &addr, &size);
	new_size = size;
	if (fuzz_chance(run, 200))
		new_size = 4096 * (1 + fuzz_below(run, size / 4096));
	if (fuzz_chance(run, 50))
		new_size = size + 4096;
	to = &run->obj->map[slot];
	if (fuzz_chance(run, 30))
		return fuzz_sys(run, remap_file_pages((void *)addr, size, 0, fuzz_below(run, 16), 0));
	if (to == map) {
		ret = (long)mremap((void *)addr, size, new_size, 0);
	} else {
		int flags = MREMAP_MAYMOVE | MREMAP_FIXED;

		if (new_size == size && fuzz_chance(run, 200))
			flags |= 4; /* MREMAP_DONTUNMAP */
		ret = (long)mremap((void *)addr, size, new_size, flags, (void *)dst);
		if (ret > 0) {
			to->addr = dst;
			to->size = new_size;
			to->prot = map->prot;
		}
	}
	return fuzz_sys(run, ret < 0 ? -1 : 0);
}

int fuzz_do_madvise(struct fuzz_run *run)
{
	/* MADV_ of what copies, drops, merges, moves, populates. */
	static const int advice[] = {
		MADV_DONTFORK, MADV_DOFORK, MADV_DONTNEED, MADV_WILLNEED, MADV_HUGEPAGE,
		MADV_NOHUGEPAGE, MADV_MERGEABLE, MADV_FREE, MADV_REMOVE, MADV_WIPEONFORK,
		MADV_KEEPONFORK, MADV_COLD, MADV_PAGEOUT, 22, 23, MADV_DONTDUMP,
	};
	int which = advice[fuzz_below(run, fuzz_count(advice))];
	struct fuzz_map *map = any_map(run);
	uint64_t addr = FUZZ_PLAIN + fuzz_below(run, FUZZ_PLAINS) * FUZZ_PLAIN_SIZE;
	size_t size = FUZZ_PLAIN_SIZE;

	if (map && fuzz_chance(run, 600))
		any_part(run, map, &addr, &size);
	return fuzz_sys(run, madvise((void *)addr, size, which));
}

/* ---- touching --------------------------------------------------------------------------- */

int fuzz_do_touch(struct fuzz_run *run)
{
	bool write_it = fuzz_chance(run, 500);
	struct fuzz_map *map = any_map(run);
	volatile uint64_t *at;
	uint64_t addr, pages;

	if (!map)
		return FUZZ_SKIPPED;
	addr = map->addr;
	pages = map->size / 4096;
	if (pages > 8) {
		addr += 4096 * fuzz_below(run, pages - 8);
		pages = 8;
	}
	if (sigsetjmp(run->jump, 0)) {
		run->armed = 0;
		fuzz_say(run, "    a signal\n");
		return -EFAULT;
	}
	run->armed = 1;
	for (; pages; pages--, addr += 4096) {
		at = (volatile uint64_t *)addr;
		if (write_it)
			*at = addr;
		else
			(void)*at;
	}
	run->armed = 0;
	return 0;
}

/* The kernel touches it for us. */
int fuzz_do_usercopy(struct fuzz_run *run)
{
	struct fuzz_map *map = any_map(run);
	uint64_t addr;
	size_t size;
	int fd, ret;

	if (!map)
		return FUZZ_SKIPPED;
	any_part(run, map, &addr, &size);
	if (fuzz_chance(run, 300))
		return fuzz_sys(run, msync((void *)addr, size, MS_SYNC));
	if (fuzz_chance(run, 100)) {
		unsigned char vec[FUZZ_MAP_SIZE / 4096];

		return fuzz_sys(run, mincore((void *)addr, size, vec));
	}
	fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (size > 32768)
		size = 32768;
	ret = fuzz_sys(run, read(fd, (void *)addr, size));
	close(fd);
	return ret;
}

/* Another process's memory, or our own; buffers are not to be had that way. */
int fuzz_do_process_vm(struct fuzz_run *run)
{
	pid_t pid = fuzz_chance(run, 300) ? getpid() : fuzz->pid[fuzz_below(run, FUZZ_BOARD)];
	struct iovec local = { fuzz_alloc(run, 4096), 4096 }, remote;
	struct fuzz_map *map = any_map(run);

	if (!pid)
		pid = getpid();
	remote.iov_base = (void *)(FUZZ_PLAIN + fuzz_below(run, FUZZ_PLAINS) * FUZZ_PLAIN_SIZE);
	if (map && fuzz_chance(run, 500))
		remote.iov_base = (void *)map->addr;
	remote.iov_len = 4096;
	if (fuzz_chance(run, 500))
		return fuzz_sys(run, process_vm_readv(pid, &local, 1, &remote, 1, 0));
	return fuzz_sys(run, process_vm_writev(pid, &local, 1, &remote, 1, 0));
}

/* ---- plain memory, for CPU addresses ---------------------------------------------------- */

static int map_plain(struct fuzz_run *run, unsigned int slot, unsigned int how)
{
	void *addr = (void *)(FUZZ_PLAIN + slot * FUZZ_PLAIN_SIZE);
	int flags = MAP_FIXED | MAP_NORESERVE, fd = -1, ret;
	int prot = PROT_READ | PROT_WRITE;

	switch (how) {
	case 0:
		prot = PROT_READ;
		break;
	case 1:
		prot = PROT_NONE;
		break;
	case 2:
	case 3:
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		/* Behind its end: SIGBUS. */
		if (fd >= 0 && ftruncate(fd, FUZZ_PLAIN_SIZE / (how == 2 ? 1 : 2)))
			fd = -1;
		break;
	}
	flags |= fd >= 0 ? (how & 1 ? MAP_PRIVATE : MAP_SHARED) : MAP_PRIVATE | MAP_ANONYMOUS;
	ret = (long)mmap(addr, FUZZ_PLAIN_SIZE, prot, flags, fd, 0) < 0 ? -1 : 0;
	if (run)
		ret = fuzz_sys(run, ret);
	if (fd >= 0)
		close(fd);
	return ret;
}

/* Before anything is known about the operation, so that addresses are good for something. */
void fuzz_plain_init(void)
{
	unsigned int i;

	for (i = 0; i < FUZZ_PLAINS; i++)
		map_plain(NULL, i, i < 3 ? 7 : i);
}

int fuzz_do_plain(struct fuzz_run *run)
{
	unsigned int slot = fuzz_below(run, FUZZ_PLAINS);
	uint64_t addr = FUZZ_PLAIN + slot * FUZZ_PLAIN_SIZE;
	uint64_t part = 4096 * fuzz_below(run, FUZZ_PLAIN_SIZE / 4096);

	switch (fuzz_below(run, 6)) {
	case 0:
		return fuzz_sys(run, munmap((void *)(addr + part), 4096 * 16));
	case 1:
		return fuzz_sys(run, mprotect((void *)(addr + part), 4096, fuzz_below(run, 8)));
	default:
		return map_plain(run, slot, fuzz_below(run, 12));
	}
}

uint64_t fuzz_address(struct fuzz_run *run, bool write)
{
	uint64_t plain = FUZZ_PLAIN + fuzz_below(run, FUZZ_PLAINS) * FUZZ_PLAIN_SIZE;
	struct fuzz_map *map;

	switch (fuzz_below(run, 16)) {
	case 0:
		/* A buffer's mapping, in the job of another buffer or of the same. */
		map = any_map(run);
		return map ? map->addr + fuzz_below(run, map->size) : plain;
	case 1:
		/* Across the end of a mapping. */
		return plain + FUZZ_PLAIN_SIZE - fuzz_below(run, 8192);
	case 2:
		return fuzz_odd(run);
	case 3:
		/* The fuzzer's own: to read only. */
		return write ? FUZZ_TASK_SIZE - fuzz_below(run, 64) : (uintptr_t)__builtin_frame_address(0);
	case 4:
		return 0 - fuzz_below(run, 8192);
	default:
		return plain + fuzz_below(run, FUZZ_PLAIN_SIZE / (fuzz_chance(run, 500) ? 1 : 64));
	}
}
