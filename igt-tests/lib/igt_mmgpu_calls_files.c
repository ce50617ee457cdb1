// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* What is no ioctl: opening, closing, mapping, page faults, fdinfo. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu_calls.h"
#include "igt_mmgpu_small.h"

#define PAGE		4096ul
#define MAP_SIZE	(4 * PAGE)
#define VALUE		0x600dull

/* Of the try; each mapping is where none was before, so that it needs page tables. */
static char node[64];
static int map_fd;
static uint64_t map_offset;
static char *map;
static uintptr_t next_place = 0x200000000000ul;

/* ---- files ---------------------------------------------------------------------------------- */

static void open_begin(struct igt_mmgpu_world *w, void *args)
{
	igt_mmgpu_small_node(w->fd, node, sizeof(node));
}

static int open_run(struct igt_mmgpu_world *w)
{
	w->temp_fd = open(node, O_RDWR | O_CLOEXEC);
	return w->temp_fd < 0 ? -errno : 0;
}

static void open_end(struct igt_mmgpu_world *w, void *args)
{
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, 0);
	igt_assert_eq(igt_mmgpu_job_run(w->temp_fd, &job), 0);
	close(w->temp_fd);
}

/* With something of everything in it. */
static void close_begin(struct igt_mmgpu_world *w, void *args)
{
	struct igt_mmgpu_job job;

	w->temp_fd = igt_mmgpu_reopen(w->fd);
	igt_mmgpu_job_init(&job, igt_mmgpu_ctx_create(w->temp_fd, 0, MMGPU_ENGINE_ANY));
	igt_mmgpu_job_bo(&job, igt_mmgpu_bo_create(w->temp_fd, PAGE, 0), MMGPU_BO_REF_WRITE);
	igt_mmgpu_job_bo(&job, igt_mmgpu_import(w->temp_fd, w->dmabuf), MMGPU_BO_REF_READ);
	igt_mmgpu_job_out(&job, igt_mmgpu_syncobj_create(w->temp_fd), 0);
	igt_mmgpu_job_submit(w->temp_fd, &job);
}

static int close_run(struct igt_mmgpu_world *w)
{
	return close(w->temp_fd) ? -errno : 0;
}

static int fdinfo_run(struct igt_mmgpu_world *w)
{
	char path[64], text[1024];
	ssize_t ret;
	int fd, err;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", w->bound);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = read(fd, text, sizeof(text));
	err = errno;
	close(fd);
	return ret < 0 ? -err : 0;
}

/* ---- mappings ---------------------------------------------------------------------------------- */

static void map_bo_begin(struct igt_mmgpu_world *w, int fd)
{
	struct drm_mmgpu_bo_info info;

	w->temp[0] = igt_mmgpu_bo_create(fd, MAP_SIZE, 0);
	igt_mmgpu_bo_info(fd, w->temp[0], &info);
	map_fd = fd;
	map_offset = info.mmap_offset;
}

static void map_begin(struct igt_mmgpu_world *w, void *args)
{
	map_bo_begin(w, w->fd);
}

static void map_private_begin(struct igt_mmgpu_world *w, void *args)
{
	map_bo_begin(w, w->bound);
}

static int map_run(struct igt_mmgpu_world *w)
{
	void *at = (void *)next_place;

	/* A gigabyte on: nothing of it is in use. */
	next_place += 1ul << 30;
	map = mmap(at, MAP_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, map_fd,
		   map_offset);
	return map == MAP_FAILED ? -errno : 0;
}

static void map_judge(struct igt_mmgpu_world *w)
{
	for (size_t at = 0; at < MAP_SIZE; at += PAGE) {
		igt_assert_eq(igt_mmgpu_touch_write(map + at, VALUE), 0);
		igt_assert_eq(igt_mmgpu_touch_read(map + at, VALUE), 0);
	}
	munmap(map, MAP_SIZE);
}

static void map_end(struct igt_mmgpu_world *w, void *args)
{
	map_judge(w);
	igt_mmgpu_bo_close(map_fd, w->temp[0]);
}

static void map_dmabuf_begin(struct igt_mmgpu_world *w, void *args)
{
	map_begin(w, args);
	w->temp_fd = igt_mmgpu_export(w->fd, w->temp[0]);
	map_fd = w->temp_fd;
	map_offset = 0;
}

static void map_dmabuf_end(struct igt_mmgpu_world *w, void *args)
{
	map_judge(w);
	close(w->temp_fd);
	igt_mmgpu_bo_close(w->fd, w->temp[0]);
}

/* ---- what is done to mappings ----------------------------------------------------------------------- */

static void mapped_begin(struct igt_mmgpu_world *w, void *args)
{
	map_private_begin(w, args);
	igt_assert_eq(map_run(w), 0);
}

/* A process waits for memory then, and does not notice. */
static int fault_run(struct igt_mmgpu_world *w)
{
	*(volatile uint64_t *)map = VALUE;
	return 0;
}

static void system_fault_begin(struct igt_mmgpu_world *w, void *args)
{
	mapped_begin(w, args);
	w->temp_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	igt_assert_fd(w->temp_fd);
}

static int system_fault_run(struct igt_mmgpu_world *w)
{
	return read(w->temp_fd, map, MAP_SIZE) == (ssize_t)MAP_SIZE ? 0 : -EFAULT;
}

static void system_fault_end(struct igt_mmgpu_world *w, void *args)
{
	map_end(w, args);
	close(w->temp_fd);
}

static int munmap_run(struct igt_mmgpu_world *w)
{
	return munmap(map + PAGE, PAGE) ? -errno : 0;
}

static void munmap_end(struct igt_mmgpu_world *w, void *args)
{
	igt_assert_eq(igt_mmgpu_touch_read(map, 0), 0);
	igt_assert_eq(igt_mmgpu_touch_read(map + PAGE, 0), SIGSEGV);
	igt_assert_eq(igt_mmgpu_touch_read(map + 2 * PAGE, 0), 0);
	munmap(map, MAP_SIZE);
	igt_mmgpu_bo_close(map_fd, w->temp[0]);
}

static int mprotect_run(struct igt_mmgpu_world *w)
{
	return mprotect(map + PAGE, PAGE, PROT_READ) ? -errno : 0;
}

static void mprotect_end(struct igt_mmgpu_world *w, void *args)
{
	igt_assert_eq(igt_mmgpu_touch_write(map + PAGE, VALUE), SIGSEGV);
	igt_assert_eq(mprotect(map, MAP_SIZE, PROT_READ | PROT_WRITE), 0);
	map_end(w, args);
}

static const struct igt_mmgpu_call calls[] = {
	{ "open", .begin = open_begin, .end = open_end, .run = open_run },
	{ "close", .begin = close_begin, .run = close_run },
	/* procfs says so when it cannot make an inode. */
	{ "fdinfo", .run = fdinfo_run, .err = ENOENT },
	{ "mmap", .begin = map_begin, .end = map_end, .run = map_run },
	{ "mmap-private", .begin = map_private_begin, .end = map_end, .run = map_run },
	{ "mmap-dmabuf", .begin = map_dmabuf_begin, .end = map_dmabuf_end, .run = map_run },
	{ "fault", .begin = mapped_begin, .end = map_end, .run = fault_run },
	{ "system-fault", .begin = system_fault_begin, .end = system_fault_end,
	  .run = system_fault_run },
	{ "munmap", .begin = mapped_begin, .end = munmap_end, .run = munmap_run },
	{ "mprotect", .begin = mapped_begin, .end = mprotect_end, .run = mprotect_run },
};

const struct igt_mmgpu_call_table igt_mmgpu_calls_files = { calls, igt_mmgpu_count(calls) };
