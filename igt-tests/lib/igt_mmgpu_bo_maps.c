// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Doors to a private buffer that are mappings: new ones, and old ones that are touched. */

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_mmgpu_bo_ways.h"

#define PAGE	IGT_MMGPU_BO_PAGE
#define SIZE	IGT_MMGPU_BO_SIZE

/* A page that was touched on entry and one that was not. */
#define OLD	1
#define NEW	8

/* ---- touching ------------------------------------------------------------------------ */

static volatile uint64_t *word(const char *map, unsigned int page, unsigned int n)
{
	return (volatile uint64_t *)(map + page * PAGE) + n;
}

static int touch(const char *map, unsigned int page, bool write)
{
	int ret;

	if (write)
		return igt_mmgpu_touch_write(word(map, page, 1), IGT_MMGPU_BO_WRITTEN);
	ret = igt_mmgpu_touch_read(word(map, page, 0), IGT_MMGPU_BO_PATTERN + page);
	return ret < 0 ? IGT_MMGPU_BO_WRONG_ANSWER : ret;
}

/* ---- new mappings ---------------------------------------------------------------------- */

/* Who got it shall have it really. */
static int map_at(int fd, uint64_t offset, unsigned int page, int prot, int flags)
{
	size_t size = SIZE - page * PAGE;
	char *map = mmap(NULL, size, prot, flags, fd, offset + page * PAGE);
	int ret = 0;

	if (map == MAP_FAILED)
		return -errno;
	if (prot & PROT_READ)
		ret = igt_mmgpu_touch_read(word(map, NEW - page, 0), IGT_MMGPU_BO_PATTERN + NEW);
	if (!ret && prot & PROT_WRITE)
		ret = igt_mmgpu_touch_write(word(map, NEW - page, 1), IGT_MMGPU_BO_WRITTEN);
	munmap(map, size);
	return ret < 0 ? IGT_MMGPU_BO_WRONG_ANSWER : ret;
}

IGT_MMGPU_BO_DOOR(map_read)
{
	return map_at(way->fd, way->offset, 0, PROT_READ, MAP_SHARED);
}

IGT_MMGPU_BO_DOOR(map_write)
{
	return map_at(way->fd, way->offset, 0, PROT_READ | PROT_WRITE, MAP_SHARED);
}

IGT_MMGPU_BO_DOOR(map_none)
{
	return map_at(way->fd, way->offset, 0, PROT_NONE, MAP_SHARED);
}

IGT_MMGPU_BO_DOOR(map_private_read)
{
	return map_at(way->fd, way->offset, 0, PROT_READ, MAP_PRIVATE);
}

IGT_MMGPU_BO_DOOR(map_private_write)
{
	return map_at(way->fd, way->offset, 0, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

static int map_and_upgrade(int fd, uint64_t offset)
{
	char *map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, offset);
	int ret;

	if (map == MAP_FAILED)
		return -errno;
	ret = mprotect(map, SIZE, PROT_READ | PROT_WRITE) ? -errno : 0;
	munmap(map, SIZE);
	return ret;
}

IGT_MMGPU_BO_DOOR(map_upgrade)
{
	return map_and_upgrade(way->fd, way->offset);
}

IGT_MMGPU_BO_DOOR(map_offset)
{
	return map_at(v->dmabuf, 0, 4, PROT_READ, MAP_SHARED);
}

/* On the node a buffer is found by where it begins. */
IGT_MMGPU_BO_DOOR(map_middle)
{
	return map_at(v->fd, v->offset, 4, PROT_READ, MAP_SHARED);
}

IGT_MMGPU_BO_DOOR(map_ro_read)
{
	return map_at(v->ro_dmabuf, 0, 0, PROT_READ, MAP_SHARED);
}

IGT_MMGPU_BO_DOOR(map_ro_write)
{
	return map_at(v->ro_dmabuf, 0, 0, PROT_READ | PROT_WRITE, MAP_SHARED);
}

IGT_MMGPU_BO_DOOR(map_ro_upgrade)
{
	return map_and_upgrade(v->ro_dmabuf, 0);
}

/* ---- old mappings ------------------------------------------------------------------------ */

IGT_MMGPU_BO_DOOR(read_touched)
{
	return touch(way->map, OLD, false);
}

IGT_MMGPU_BO_DOOR(write_touched)
{
	return touch(way->map, OLD, true);
}

IGT_MMGPU_BO_DOOR(read_fresh)
{
	return touch(way->map, NEW, false);
}

IGT_MMGPU_BO_DOOR(write_fresh)
{
	return touch(way->map, NEW, true);
}

/* Several threads at once, whose faults take the lock of the VMA and not the mm's. */
#define THREADS		4
#define EACH		5

struct toucher {
	pthread_barrier_t *start;
	const char *map;
	unsigned int first;
	bool write;
	int ret;
};

static void *touch_pages(void *data)
{
	struct toucher *t = data;

	pthread_barrier_wait(t->start);
	t->ret = touch(t->map, t->first, t->write);
	for (unsigned int i = 1; i < EACH; i++) {
		if (touch(t->map, t->first + i, t->write) != t->ret)
			t->ret = IGT_MMGPU_BO_UNLIKE;
	}
	return NULL;
}

static int touch_by_threads(const char *map, bool write)
{
	struct toucher touchers[THREADS];
	pthread_t threads[THREADS];
	pthread_barrier_t start;
	int ret;

	pthread_barrier_init(&start, NULL, THREADS);
	for (unsigned int i = 0; i < THREADS; i++) {
		touchers[i] = (struct toucher){ &start, map, NEW + i * EACH, write };
		if (pthread_create(&threads[i], NULL, touch_pages, &touchers[i]))
			_exit(1);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&start);

	ret = touchers[0].ret;
	for (unsigned int i = 1; i < THREADS; i++) {
		if (touchers[i].ret != ret)
			return IGT_MMGPU_BO_UNLIKE;
	}
	return ret;
}

IGT_MMGPU_BO_DOOR(threads_read)
{
	return touch_by_threads(way->map, false);
}

IGT_MMGPU_BO_DOOR(threads_write)
{
	return touch_by_threads(way->map, true);
}

/* write(2) from the mapping, read(2) into it: the kernel takes the fault. */
static int syscall_page(const char *map, unsigned int page, bool into)
{
	uint64_t value = IGT_MMGPU_BO_WRITTEN;
	int fds[2], ret;

	if (pipe(fds))
		return IGT_MMGPU_BO_WRONG_ANSWER;
	if (into) {
		ret = write(fds[1], &value, 8) == 8 ? 0 : IGT_MMGPU_BO_WRONG_ANSWER;
		if (!ret && read(fds[0], (void *)word(map, page, 1), 8) != 8)
			ret = -errno;
	} else {
		ret = write(fds[1], (void *)word(map, page, 0), 8) == 8 ? 0 : -errno;
		if (!ret && (read(fds[0], &value, 8) != 8 || value != IGT_MMGPU_BO_PATTERN + page))
			ret = IGT_MMGPU_BO_WRONG_ANSWER;
	}
	close(fds[0]);
	close(fds[1]);
	return ret;
}

static int both_pages(const char *map, bool into)
{
	int ret = syscall_page(map, NEW, into);

	return syscall_page(map, OLD, into) == ret ? ret : IGT_MMGPU_BO_UNLIKE;
}

IGT_MMGPU_BO_DOOR(syscall_read)
{
	return both_pages(way->map, false);
}

IGT_MMGPU_BO_DOOR(syscall_write)
{
	return both_pages(way->map, true);
}

/* ---- old mappings, cut and moved -------------------------------------------------------- */

/* A read of what is left, of which the pages must be the right ones. */
static int read_some(const char *map, unsigned int first)
{
	int ret = touch(map, first, false);

	for (unsigned int page = first + 1; page < IGT_MMGPU_BO_PAGES; page += 3) {
		if (touch(map, page, false) != ret)
			return IGT_MMGPU_BO_UNLIKE;
	}
	return ret;
}

IGT_MMGPU_BO_DOOR(munmap_part)
{
	munmap(way->map, 2 * PAGE);
	munmap(way->map + 6 * PAGE, 2 * PAGE);
	return read_some(way->map, NEW);
}

static int protect(const struct igt_mmgpu_bo_way *way, int prot)
{
	return mprotect(way->map, SIZE, prot) ? -errno : 0;
}

IGT_MMGPU_BO_DOOR(mprotect_up)
{
	return protect(way, PROT_READ | PROT_WRITE);
}

/* That it may become writable again is what counts. */
IGT_MMGPU_BO_DOOR(mprotect_down)
{
	protect(way, PROT_READ);
	return read_some(way->map, OLD);
}

IGT_MMGPU_BO_DOOR(mprotect_back)
{
	int ret;

	protect(way, PROT_READ);
	touch(way->map, NEW, false);
	protect(way, PROT_READ | PROT_WRITE);
	ret = touch(way->map, NEW, true);
	return touch(way->map, OLD, true) == ret ? ret : IGT_MMGPU_BO_UNLIKE;
}

static int remap(const struct igt_mmgpu_bo_way *way, size_t old, size_t size, int flags)
{
	void *map = mremap(way->map, old, size, MREMAP_MAYMOVE | flags, way->elsewhere);

	return map == MAP_FAILED ? -errno : 0;
}

IGT_MMGPU_BO_DOOR(mremap_move)
{
	int ret = remap(way, SIZE, SIZE, MREMAP_FIXED);

	if (ret)
		return ret;
	ret = read_some(way->elsewhere, OLD);
	munmap(way->elsewhere, SIZE);
	return ret;
}

IGT_MMGPU_BO_DOOR(mremap_grow)
{
	return remap(way, SIZE, SIZE + PAGE, 0);
}

/* A shared mapping of other files can be doubled by this. */
IGT_MMGPU_BO_DOOR(mremap_copy)
{
	return remap(way, 0, SIZE, MREMAP_FIXED);
}

IGT_MMGPU_BO_DOOR(mremap_keep)
{
	return remap(way, SIZE, SIZE, MREMAP_DONTUNMAP | MREMAP_FIXED);
}

/* Maps the file again, as mmap() does, at the place of the mapping. */
IGT_MMGPU_BO_DOOR(remap_pages)
{
	if (remap_file_pages(way->map, SIZE, 0, way->offset / PAGE, 0))
		return -errno;
	return read_some(way->map, OLD);
}

IGT_MMGPU_BO_DOOR(dontneed)
{
	return madvise(way->map, SIZE, MADV_DONTNEED) ? -errno : 0;
}

/* These are Linux 5.14's, and newer than some headers. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#endif

IGT_MMGPU_BO_DOOR(populate)
{
	return madvise(way->map, SIZE, MADV_POPULATE_READ) ? -errno : 0;
}

IGT_MMGPU_BO_DOOR(dofork)
{
	return madvise(way->map, SIZE, MADV_DOFORK) ? -errno : 0;
}

/* What a child of the visitor gets. */
IGT_MMGPU_BO_DOOR(dofork_child)
{
	int status, ret;
	pid_t pid;

	madvise(way->map, SIZE, MADV_DOFORK);
	pid = fork();
	if (!pid) {
		ret = touch(way->map, OLD, false);
		_exit(touch(way->map, NEW, false) == ret && ret > 0 ? ret : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return IGT_MMGPU_BO_WRONG_ANSWER;
	return WEXITSTATUS(status);
}
