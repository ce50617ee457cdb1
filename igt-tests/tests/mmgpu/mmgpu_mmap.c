// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Mappings of buffers, by the node and by a dma-buf. */

#include "igt.h"
#include "igt_mmgpu.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <xf86drm.h>

IGT_TEST_DESCRIPTION("CPU mappings of buffer objects.");

#define PAGE	4096ull
#define PAGES	16

static int fd = -1;

/* A buffer of PAGES pages of which each begins with its number. */
static uint32_t handle;
static struct drm_mmgpu_bo_info info;
static uint64_t *whole;
static int dmabuf = -1;

static uint64_t *page_of(void *map, int page)
{
	return (uint64_t *)((char *)map + page * PAGE);
}

static void setup(void)
{
	handle = igt_mmgpu_bo_create(fd, PAGES * PAGE, 0);
	igt_mmgpu_bo_info(fd, handle, &info);
	whole = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ | PROT_WRITE);
	for (int i = 0; i < PAGES; i++)
		*page_of(whole, i) = i + 1;
	dmabuf = igt_mmgpu_export(fd, handle);
}

static void teardown(void)
{
	close(dmabuf);
	munmap(whole, PAGES * PAGE);
	igt_mmgpu_bo_close(fd, handle);
}

/* The two ways to a mapping: which descriptor, and where its buffer begins. */
struct way {
	const char *name;
	bool by_dmabuf;
};

static const struct way ways[] = {
	{ "node", false },
	{ "dmabuf", true },
};

static void *map_way(const struct way *way, uint64_t offset, size_t size, int prot, int flags)
{
	return mmap(NULL, size, prot, flags, way->by_dmabuf ? dmabuf : fd,
		    (way->by_dmabuf ? 0 : info.mmap_offset) + offset);
}

static void *map_ok(const struct way *way, uint64_t offset, size_t size)
{
	void *map = map_way(way, offset, size, PROT_READ | PROT_WRITE, MAP_SHARED);

	igt_assert_f(map != MAP_FAILED, "mmap: %s\n", strerror(errno));
	return map;
}

static void map_refused(const struct way *way, uint64_t offset, size_t size, int prot,
			int flags, int err)
{
	errno = 0;
	igt_assert(map_way(way, offset, size, prot, flags) == MAP_FAILED);
	igt_assert_eq(errno, err);
}

static void coherent(const struct way *way)
{
	uint64_t *one = map_ok(way, 0, PAGES * PAGE);
	uint64_t *two = map_ok(way, 0, PAGES * PAGE);
	struct igt_mmgpu_job job;

	one[1] = 0x1111;
	igt_assert_eq_u64(two[1], 0x1111);
	igt_assert_eq_u64(whole[1], 0x1111);

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_add(&job, 0, 8, 1);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_assert_eq_u64(one[1], 0x1112);
	igt_assert_eq_u64(two[1], 0x1112);

	/* One mapping's end is not the other's. */
	munmap(one, PAGES * PAGE);
	igt_assert_eq_u64(*page_of(two, PAGES - 1), PAGES);
	munmap(two, PAGES * PAGE);
}

/* The core looks for an offset of the node where a buffer begins, and there only. */
static void at_offset(const struct way *way)
{
	for (int first = 0; first < PAGES; first++) {
		void *map;

		if (first && !way->by_dmabuf) {
			map_refused(way, first * PAGE, PAGE, PROT_READ, MAP_SHARED, EINVAL);
			continue;
		}
		map = map_ok(way, first * PAGE, (PAGES - first) * PAGE);
		for (int i = first; i < PAGES; i++)
			igt_assert_eq_u64(*page_of(map, i - first), i + 1);
		munmap(map, (PAGES - first) * PAGE);
	}
}

/* No page but the first may be touched before, or its PTE would hide the wrong answer. */
static void after_partial_munmap(const struct way *way)
{
	char *map;

	/* The front goes: the rest keeps its place in the buffer. */
	map = map_ok(way, 0, PAGES * PAGE);
	igt_assert_eq(munmap(map, 4 * PAGE), 0);
	for (int i = 4; i < PAGES; i++)
		igt_assert_eq_u64(*page_of(map, i), i + 1);
	munmap(map + 4 * PAGE, (PAGES - 4) * PAGE);

	/* A hole, so that there are two mappings. */
	map = map_ok(way, 0, PAGES * PAGE);
	igt_assert_eq(munmap(map + 6 * PAGE, 3 * PAGE), 0);
	for (int i = PAGES - 1; i >= 9; i--)
		igt_assert_eq_u64(*page_of(map, i), i + 1);
	for (int i = 0; i < 6; i++)
		igt_assert_eq_u64(*page_of(map, i), i + 1);
	munmap(map, PAGES * PAGE);

	if (!way->by_dmabuf)
		return;

	/* Written through the remainder of a mapping at an offset. */
	map = map_ok(way, 2 * PAGE, 10 * PAGE);
	igt_assert_eq(munmap(map, 3 * PAGE), 0);
	*page_of(map, 5) = 0x777;
	igt_assert_eq_u64(*page_of(whole, 7), 0x777);
	*page_of(whole, 7) = 8;
	munmap(map, 10 * PAGE);
}

static void after_mremap(const struct way *way)
{
	char *map = map_ok(way, 0, PAGES * PAGE);
	char *room = mmap(NULL, 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *moved;

	igt_assert(room != MAP_FAILED);
	moved = mremap(map + 5 * PAGE, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room);
	igt_assert(moved == room);
	for (int i = 0; i < 4; i++)
		igt_assert_eq_u64(*page_of(moved, i), i + 6);
	for (int i = 9; i < PAGES; i++)
		igt_assert_eq_u64(*page_of(map, i), i + 1);
	munmap(moved, 4 * PAGE);
	munmap(map, PAGES * PAGE);
}

static void after_mprotect(const struct way *way)
{
	char *map = map_ok(way, 0, PAGES * PAGE);

	igt_assert_eq(mprotect(map + 3 * PAGE, 5 * PAGE, PROT_READ), 0);
	for (int i = 0; i < PAGES; i++)
		igt_assert_eq_u64(*page_of(map, i), i + 1);
	igt_assert_eq(mprotect(map + 4 * PAGE, PAGE, PROT_READ | PROT_WRITE), 0);
	*page_of(map, 4) = 0x99;
	igt_assert_eq_u64(*page_of(whole, 4), 0x99);
	*page_of(whole, 4) = 5;
	munmap(map, PAGES * PAGE);
}

static void private_mapping(const struct way *way)
{
	map_refused(way, 0, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, EINVAL);
	map_refused(way, 0, PAGE, PROT_READ, MAP_PRIVATE, EINVAL);
	map_refused(way, 0, PAGE, PROT_NONE, MAP_PRIVATE, EINVAL);
}

static void beyond(const struct way *way)
{
	map_refused(way, 0, (PAGES + 1) * PAGE, PROT_READ, MAP_SHARED, EINVAL);
	map_refused(way, PAGE, PAGES * PAGE, PROT_READ, MAP_SHARED, EINVAL);
	/* On the node another buffer may begin there. */
	if (way->by_dmabuf)
		map_refused(way, PAGES * PAGE, PAGE, PROT_READ, MAP_SHARED, EINVAL);
}

static void read_only(const struct way *way)
{
	uint64_t *map = map_way(way, 0, PAGES * PAGE, PROT_READ, MAP_SHARED);

	igt_assert(map != MAP_FAILED);
	igt_assert_eq_u64(*page_of(map, 3), 4);
	/* Not private, so nothing is taken away from it. */
	igt_assert_eq(mprotect(map, PAGE, PROT_READ | PROT_WRITE), 0);
	map[1] = 0x55;
	igt_assert_eq_u64(whole[1], 0x55);
	munmap(map, PAGES * PAGE);
}

static void outlives_all(const struct way *way)
{
	int other = igt_mmgpu_reopen(fd);
	struct drm_mmgpu_bo_info old;
	uint32_t theirs = igt_mmgpu_bo_create(other, 2 * PAGE, 0);
	int buf = igt_mmgpu_export(other, theirs);
	uint64_t *map;

	igt_mmgpu_bo_info(other, theirs, &old);
	map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
		   way->by_dmabuf ? buf : other, way->by_dmabuf ? 0 : old.mmap_offset);
	igt_assert(map != MAP_FAILED);
	map[0] = 1;
	igt_mmgpu_bo_close(other, theirs);
	close(buf);
	close(other);
	igt_assert_eq_u64(map[0], 1);
	*page_of(map, 1) = 2;
	igt_assert_eq_u64(*page_of(map, 1), 2);
	munmap(map, 2 * PAGE);
}

static void both_ways(void (*check)(const struct way *way))
{
	for (size_t i = 0; i < igt_mmgpu_count(ways); i++) {
		igt_dynamic(ways[i].name) {
			setup();
			check(&ways[i]);
			teardown();
		}
	}
}

/* ---- the node's own ----------------------------------------------------------------- */

static void foreign_offsets(void)
{
	const uint64_t offsets[] = { 0, PAGE, 1ull << 40, INT64_MAX & ~(PAGE - 1) };
	uint64_t *map;

	for (size_t i = 0; i < igt_mmgpu_count(offsets); i++) {
		errno = 0;
		igt_assert(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, offsets[i]) == MAP_FAILED);
		igt_assert_f(errno == EINVAL || errno == EOVERFLOW, "%s\n", strerror(errno));
	}

	/* An offset dies with its buffer. */
	setup();
	map = whole;
	close(dmabuf);
	munmap(map, PAGES * PAGE);
	igt_mmgpu_bo_close(fd, handle);
	errno = 0;
	igt_assert(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, info.mmap_offset) == MAP_FAILED);
	igt_assert_eq(errno, EINVAL);
}

/* The handle decides, not the buffer: a mapping or dma-buf keeps it, but not the right. */
static void closed_handle(void)
{
	setup();
	igt_mmgpu_bo_close(fd, handle);
	errno = 0;
	igt_assert(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, info.mmap_offset) == MAP_FAILED);
	igt_assert_eq(errno, EACCES);
	igt_assert_eq_u64(*page_of(whole, 2), 3);
	handle = igt_mmgpu_import(fd, dmabuf);
	teardown();
}

static void read_only_dmabuf(void)
{
	struct drm_prime_handle args = { .flags = DRM_CLOEXEC };
	uint64_t *map;

	/* The core keeps one dma-buf per buffer, so this must be its first export. */
	args.handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	igt_assert_eq(igt_mmgpu_ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args), 0);
	map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, args.fd, 0);
	igt_assert(map != MAP_FAILED);
	igt_assert_eq_u64(map[0], 0);
	igt_assert_eq(mprotect(map, PAGE, PROT_READ | PROT_WRITE), -1);
	munmap(map, PAGE);
	errno = 0;
	igt_assert(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, args.fd, 0) ==
		   MAP_FAILED);
	igt_assert_eq(errno, EACCES);
	close(args.fd);
	igt_mmgpu_bo_close(fd, args.handle);
}

int igt_main()
{
	static const struct {
		const char *name;
		const char *describe;
		void (*check)(const struct way *way);
	} both[] = {
		{ "coherent", "All mappings and the engines see the same memory.", coherent },
		{ "offset", "A dma-buf may be mapped from any page, the node from the first.", at_offset },
		{ "partial-munmap", "What remains after munmap() of a part shows the same pages.",
		  after_partial_munmap },
		{ "mremap", "A part that was moved shows the same pages.", after_mremap },
		{ "mprotect", "Protection changes split a mapping, not the buffer.",
		  after_mprotect },
		{ "bad-private", "Private mappings are refused, whatever they want to do.",
		  private_mapping },
		{ "bad-range", "A mapping must lie inside the buffer.", beyond },
		{ "read-only", "A read-only mapping may become writable.", read_only },
		{ "outlives", "A mapping lives on without handle, file and dma-buf.",
		  outlives_all },
	};

	igt_fixture()
		fd = igt_mmgpu_open();

	for (size_t i = 0; i < igt_mmgpu_count(both); i++) {
		igt_describe(both[i].describe);
		igt_subtest_with_dynamic(both[i].name)
			both_ways(both[i].check);
	}

	igt_describe("Offsets that belong to no buffer are refused.");
	igt_subtest("bad-offset")
		foreign_offsets();

	igt_describe("A file without a handle may not map, even if the buffer lives.");
	igt_subtest("closed-handle")
		closed_handle();

	igt_describe("A dma-buf exported without DRM_RDWR can only be read.");
	igt_subtest("read-only-dmabuf")
		read_only_dmabuf();

	igt_fixture()
		close(fd);
}
