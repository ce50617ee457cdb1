// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * What becomes of the buffers of a bound file: they belong to the owner's mm, through
 * whatever file, handle or dma-buf somebody else comes to them. Each of these ways, for
 * each kind of visitor, is in mmgpu_grant_matrix.
 */

#include <errno.h>
#include <linux/dma-buf.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu.h"

IGT_TEST_DESCRIPTION("Private buffers of bound files: who may use, map and import them.");

#define PAGES	16
#define PAGE	4096
#define SIZE	(PAGES * PAGE)

/* A bound file with a buffer, in which each page begins with PATTERN + its number. */
#define PATTERN	0x600d000000000000ull

static struct {
	int fd;
	uint64_t seq;
	uint32_t bo;
	uint64_t offset;
	int dmabuf;
	/* A legacy file of ours with a handle for the same buffer. */
	int legacy;
	uint32_t legacy_bo;
} own;

static void check_pages(const uint64_t *map, unsigned int first, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		igt_assert_eq_u64(map[i * (PAGE / 8)], PATTERN + first + i);
}

static void setup_bo(uint32_t flags)
{
	struct drm_mmgpu_bo_info info;
	uint64_t *map;

	own.fd = igt_mmgpu_open();
	own.seq = igt_mmgpu_bind_mm(own.fd);
	own.bo = igt_mmgpu_bo_create(own.fd, SIZE, flags);
	igt_mmgpu_bo_info(own.fd, own.bo, &info);
	own.offset = info.mmap_offset;
	map = igt_mmgpu_bo_map(own.fd, own.bo, 0, PROT_READ | PROT_WRITE);
	for (unsigned int i = 0; i < PAGES; i++)
		map[i * (PAGE / 8)] = PATTERN + i;
	munmap(map, SIZE);
	own.dmabuf = igt_mmgpu_export(own.fd, own.bo);
	own.legacy = igt_mmgpu_reopen(own.fd);
	own.legacy_bo = igt_mmgpu_import(own.legacy, own.dmabuf);
}

static void cleanup_bo(void)
{
	close(own.legacy);
	close(own.dmabuf);
	close(own.fd);
}

/* ---- what a buffer says of itself --------------------------------------------------- */

static void assert_info(int fd, uint32_t handle, uint64_t mm_seq, uint32_t flags)
{
	struct drm_mmgpu_bo_info info;

	igt_mmgpu_bo_info(fd, handle, &info);
	igt_assert_eq_u64(info.mm_seq, mm_seq);
	igt_assert_eq_u32(info.flags, flags);
	igt_assert_eq_u32(info.access, MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE);
	igt_assert_eq_u64(info.size % PAGE, 0);
}

static void info(void)
{
	int primary = igt_mmgpu_open_primary();
	uint64_t seq = igt_mmgpu_bind_mm(primary);
	uint32_t dumb;

	assert_info(own.fd, own.bo, own.seq, 0);
	assert_info(own.fd, igt_mmgpu_bo_create(own.fd, 1, MMGPU_BO_SHARED), 0, MMGPU_BO_SHARED);

	/* Imported: the flags of the creation are gone, the owner is not. */
	assert_info(own.legacy, own.legacy_bo, own.seq, 0);

	/* A dumb buffer of a bound file is private, of a legacy file it's not. */
	igt_assert_eq(__igt_mmgpu_dumb_create(primary, 64, 64, 32, &dumb, NULL, NULL), 0);
	assert_info(primary, dumb, seq, 0);
	close(primary);
	primary = igt_mmgpu_open_primary();
	igt_assert_eq(__igt_mmgpu_dumb_create(primary, 64, 64, 32, &dumb, NULL, NULL), 0);
	assert_info(primary, dumb, 0, 0);
	close(primary);

	/* Nor are a legacy file's own. */
	assert_info(own.legacy, igt_mmgpu_bo_create(own.legacy, 1, 0), 0, 0);
	assert_info(own.legacy, igt_mmgpu_bo_create(own.legacy, 1, MMGPU_BO_SHARED), 0,
		    MMGPU_BO_SHARED);
}

/* ---- import ---------------------------------------------------------------------------- */

/* Into every kind of file of the owner's mm, and back. */
static void import_own(void)
{
	int bound = igt_mmgpu_reopen(own.fd);
	int dmabuf = igt_mmgpu_export(own.legacy, own.legacy_bo);
	struct igt_mmgpu_job job;
	uint32_t handle, bo;
	uint64_t *map;

	igt_assert_eq_u64(igt_mmgpu_bind_mm(bound), own.seq);
	handle = igt_mmgpu_import(bound, own.dmabuf);
	assert_info(bound, handle, own.seq, 0);
	igt_assert_eq_u32(igt_mmgpu_import(own.fd, dmabuf), own.bo);

	/* It is the same buffer. */
	igt_mmgpu_job_init(&job, 0);
	bo = igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_add(&job, bo, 0, 1);
	igt_assert_eq(igt_mmgpu_job_run(bound, &job), 0);
	igt_mmgpu_job_init(&job, 0);
	bo = igt_mmgpu_job_bo(&job, own.legacy_bo, MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_add(&job, bo, 0, 1);
	igt_assert_eq(igt_mmgpu_job_run(own.legacy, &job), 0);

	map = igt_mmgpu_bo_map(own.legacy, own.legacy_bo, 0, PROT_READ);
	igt_assert_eq_u64(map[0], PATTERN + 2);
	check_pages(map + PAGE / 8, 1, PAGES - 1);
	munmap(map, SIZE);
	close(dmabuf);
	close(bound);
}

static int map_errno(int fd, uint64_t offset, int prot)
{
	void *map = mmap(NULL, PAGE, prot, MAP_SHARED, fd, offset);

	if (map == MAP_FAILED)
		return -errno;
	munmap(map, PAGE);
	return 0;
}

static int dmabuf_sync(int dmabuf, uint64_t flags)
{
	struct dma_buf_sync args = { .flags = flags };

	return igt_mmgpu_ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &args);
}

static int import_foreign_proc(struct igt_mmgpu_proc *self, void *data)
{
	int fd = igt_mmgpu_reopen(own.legacy);
	struct drm_mmgpu_bo_info bo_info;
	uint32_t handle = 0xdead;

	/* A legacy file, a file bound to us, the inherited legacy file. */
	igt_assert_eq(__igt_mmgpu_import(fd, own.dmabuf, &handle), -EPERM);
	igt_assert_eq(__igt_mmgpu_bo_info(fd, 1, &bo_info), -ENOENT);
	igt_mmgpu_bind_mm(fd);
	igt_assert_eq(__igt_mmgpu_import(fd, own.dmabuf, &handle), -EPERM);
	igt_assert_eq(__igt_mmgpu_bo_info(fd, 1, &bo_info), -ENOENT);
	close(fd);

	/* Repeated, from the start, and with the handle's number free again. */
	fd = igt_mmgpu_reopen(own.legacy);
	for (int i = 0; i < 3; i++)
		igt_assert_eq(__igt_mmgpu_import(fd, own.dmabuf, &handle), -EPERM);
	igt_assert_eq_u32(handle, 0xdead);
	igt_assert_eq_u32(igt_mmgpu_bo_create(fd, PAGE, 0), 1);
	close(fd);
	return 0;
}

static void import_foreign(void)
{
	igt_mmgpu_proc_run(import_foreign_proc, NULL);
}

static int import_shared_proc(struct igt_mmgpu_proc *self, void *data)
{
	int fd = igt_mmgpu_reopen(own.legacy);
	struct igt_mmgpu_job job;
	uint32_t handle, bo;
	uint64_t *map;

	/* All doors, by a file bound to a stranger's mm. */
	igt_mmgpu_bind_mm(fd);
	handle = igt_mmgpu_import(fd, own.dmabuf);
	assert_info(fd, handle, 0, MMGPU_BO_SHARED);
	map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ | PROT_WRITE);
	check_pages(map, 0, PAGES);
	igt_mmgpu_job_init(&job, 0);
	bo = igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, bo, 0, 8, 77);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_assert_eq_u64(map[0], 77);
	igt_assert_eq(dmabuf_sync(own.dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW), 0);
	igt_assert_eq(dmabuf_sync(own.dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW), 0);
	igt_assert_eq(map_errno(own.dmabuf, 0, PROT_READ | PROT_WRITE), 0);
	return 0;
}

static void import_shared(void)
{
	cleanup_bo();
	setup_bo(MMGPU_BO_SHARED);
	igt_mmgpu_proc_run(import_shared_proc, NULL);
}

/* ---- a handle that is there already ---------------------------------------------------------- */

static int legacy_close_proc(struct igt_mmgpu_proc *self, void *data)
{
	/* Releasing is never refused. */
	igt_mmgpu_bo_close(own.legacy, own.legacy_bo);
	return 0;
}

static void legacy_close(void)
{
	struct drm_mmgpu_bo_info bo_info;

	igt_mmgpu_proc_run(legacy_close_proc, NULL);
	igt_assert_eq(__igt_mmgpu_bo_info(own.legacy, own.legacy_bo, &bo_info), -ENOENT);
	assert_info(own.fd, own.bo, own.seq, 0);
}

/* A job of several buffers, one of which is foreign, does nothing at all. */
static int mixed_job_proc(struct igt_mmgpu_proc *self, void *data)
{
	uint32_t mine = igt_mmgpu_bo_create(own.legacy, PAGE, 0);
	uint64_t *map = igt_mmgpu_bo_map(own.legacy, mine, 0, PROT_READ);
	uint32_t out = igt_mmgpu_syncobj_create(own.legacy);
	struct igt_mmgpu_job job;
	uint32_t a;

	igt_mmgpu_job_init(&job, 0);
	a = igt_mmgpu_job_bo(&job, mine, MMGPU_BO_REF_WRITE);
	igt_mmgpu_job_bo(&job, own.legacy_bo, MMGPU_BO_REF_READ);
	igt_mmgpu_cmd_fill(&job, a, 0, 8, 1);
	igt_mmgpu_job_out(&job, out, 0);
	igt_assert_eq(__igt_mmgpu_job_submit(own.legacy, &job), -EPERM);
	igt_assert(!igt_mmgpu_syncobj_has_fence(own.legacy, out));
	igt_assert(!igt_mmgpu_bo_busy(own.legacy, mine, MMGPU_BO_WAIT_WRITE));
	igt_assert_eq_u64(map[0], 0);
	return 0;
}

static void mixed_job(void)
{
	igt_mmgpu_proc_run(mixed_job_proc, NULL);
}

/* ---- dma-buf ------------------------------------------------------------------------------------ */

static void dmabuf_own(void)
{
	uint64_t *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, own.dmabuf, 0);

	igt_assert(map != MAP_FAILED);
	igt_assert_eq(dmabuf_sync(own.dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW), 0);
	check_pages(map, 0, PAGES);
	igt_assert_eq(dmabuf_sync(own.dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW), 0);
	munmap(map, SIZE);

	/* A part of it shows that part. */
	map = mmap(NULL, 3 * PAGE, PROT_READ, MAP_SHARED, own.dmabuf, 5 * PAGE);
	igt_assert(map != MAP_FAILED);
	check_pages(map, 5, 3);
	munmap(map, 3 * PAGE);
	igt_assert_eq(map_errno(own.dmabuf, SIZE, PROT_READ), -EINVAL);
}

/* ---- mappings ------------------------------------------------------------------------------------------ */

/* A mapping shows the page that it is a mapping of, however it was cut and moved. */
static void split_and_move(int fd, uint64_t offset)
{
	uint64_t *map, *moved;

	/* Touched before, and not touched before. */
	for (int touched = 0; touched < 2; touched++) {
		map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
		igt_assert(map != MAP_FAILED);
		if (touched)
			check_pages(map, 0, PAGES);
		munmap(map, 4 * PAGE);
		check_pages(map + 4 * PAGE / 8, 4, PAGES - 4);
		munmap(map + 8 * PAGE / 8, PAGE);
		check_pages(map + 9 * PAGE / 8, 9, PAGES - 9);

		moved = mremap(map + 9 * PAGE / 8, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
		igt_assert(moved != MAP_FAILED);
		check_pages(moved, 9, 4);
		munmap(moved, 4 * PAGE);

		moved = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		igt_assert(moved != MAP_FAILED);
		moved = mremap(map + 4 * PAGE / 8, 4 * PAGE, 4 * PAGE,
			       MREMAP_MAYMOVE | MREMAP_FIXED, moved);
		igt_assert(moved != MAP_FAILED);
		check_pages(moved, 4, 4);
		munmap(moved, SIZE);
		munmap(map, SIZE);
	}

	/* It doesn't grow over what comes behind it. */
	map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, offset);
	igt_assert(map != MAP_FAILED);
	igt_assert(mremap(map, SIZE, 2 * SIZE, MREMAP_MAYMOVE) == MAP_FAILED);
	munmap(map, SIZE);
}

static void move_node(void)
{
	split_and_move(own.fd, own.offset);
}

static void move_dmabuf(void)
{
	split_and_move(own.dmabuf, 0);
}

static void read_only_shared(void)
{
	uint64_t *map;

	cleanup_bo();
	setup_bo(MMGPU_BO_SHARED);
	map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, own.fd, own.offset);
	igt_assert(map != MAP_FAILED);
	igt_assert_eq(mprotect(map, SIZE, PROT_READ | PROT_WRITE), 0);
	map[1] = 2;
	munmap(map, SIZE);
}

/* ------------------------------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	void (*fn)(void);
	const char *what;
} tests[] = {
	{ "info", info, "mm_seq, flags and access of every kind of buffer" },
	{ "import-own", import_own, "into other files of the owner's mm" },
	{ "import-foreign", import_foreign, "into files of another mm: EPERM" },
	{ "import-shared", import_shared, "a SHARED buffer can be imported by everybody" },
	{ "legacy-close", legacy_close, "a child may close a handle of a buffer that it may not use" },
	{ "mixed-job", mixed_job, "one foreign buffer spoils the whole submission" },
	{ "dmabuf-own", dmabuf_own, "the owner maps the dma-buf at any offset" },
	{ "split-and-move-node", move_node, "munmap in the middle and mremap of the node" },
	{ "split-and-move-dmabuf", move_dmabuf, "and of the dma-buf" },
	{ "read-only-shared", read_only_shared, "a read-only mapping of a SHARED buffer may become writable" },
};

int igt_main()
{
	igt_fixture()
		close(igt_mmgpu_open());

	for (unsigned int i = 0; i < igt_mmgpu_count(tests); i++) {
		igt_describe(tests[i].what);
		igt_subtest(tests[i].name) {
			setup_bo(0);
			tests[i].fn();
			cleanup_bo();
		}
	}

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
