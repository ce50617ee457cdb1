// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Buffers of others in files of ours: the same few tests with every exporter that the
 * kernel has. A second device of ours is another device, and so one of them.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <drm.h>
#include <xf86drm.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_share.h"

IGT_TEST_DESCRIPTION("Import from other drivers: data, mappings, handles, fences, lifetime.");

#define PAGE	4096
#define PAGES	17
#define SIZE	(PAGES * PAGE)

static struct igt_mmgpu_rand rnd;

/* A buffer of somebody else. */
struct theirs {
	int dmabuf;
	/* The exporter's own view of it, and its file if that is not the dma-buf. */
	uint8_t *map;
	int fd;
	/* With jobs of its own, by this handle. */
	uint32_t bo;
};

/* ---- exporters ------------------------------------------------------------------- */

static void make_vgem(struct theirs *theirs)
{
	struct drm_mode_map_dumb map = { };

	theirs->fd = igt_mmgpu_vgem_open();
	igt_assert_eq(__igt_mmgpu_dumb_create(theirs->fd, PAGE / 4, PAGES, 32, &map.handle,
					      NULL, NULL), 0);
	igt_assert_eq(igt_mmgpu_ioctl(theirs->fd, DRM_IOCTL_MODE_MAP_DUMB, &map), 0);
	theirs->map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, theirs->fd,
			   map.offset);
	igt_assert(theirs->map != MAP_FAILED);
	theirs->dmabuf = igt_mmgpu_export(theirs->fd, map.handle);
}

/* Pages of a memfd, in an order that is not the file's. */
static void make_udmabuf(struct theirs *theirs)
{
	struct {
		struct udmabuf_create_list head;
		struct udmabuf_create_item items[2];
	} create = { .head = { .flags = UDMABUF_FLAGS_CLOEXEC, .count = 2 } };
	int dev;

	igt_mmgpu_has_module("udmabuf");
	dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	igt_skip_on_f(dev < 0, "this kernel has no udmabuf\n");
	theirs->fd = memfd_create("mmgpu", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	igt_assert_fd(theirs->fd);
	igt_assert_eq(ftruncate(theirs->fd, SIZE), 0);
	igt_assert_eq(fcntl(theirs->fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	create.items[0].memfd = create.items[1].memfd = theirs->fd;
	create.items[0].offset = 5 * PAGE;
	create.items[0].size = SIZE - 5 * PAGE;
	create.items[1].size = 5 * PAGE;
	theirs->dmabuf = ioctl(dev, UDMABUF_CREATE_LIST, &create);
	igt_assert_fd(theirs->dmabuf);
	close(dev);

	/* The file's pages, where the buffer has them. */
	theirs->map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, theirs->fd, 0);
	igt_assert(theirs->map != MAP_FAILED);
	igt_assert(mmap(theirs->map, SIZE - 5 * PAGE, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_FIXED, theirs->fd, 5 * PAGE) == theirs->map);
	igt_assert(mmap(theirs->map + SIZE - 5 * PAGE, 5 * PAGE, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_FIXED, theirs->fd, 0) != MAP_FAILED);
}

static void make_heap(struct theirs *theirs)
{
	struct dma_heap_allocation_data alloc = { .len = SIZE, .fd_flags = O_RDWR | O_CLOEXEC };

	theirs->fd = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);
	igt_skip_on_f(theirs->fd < 0, "this kernel has no system dma-heap\n");
	igt_assert_eq(ioctl(theirs->fd, DMA_HEAP_IOCTL_ALLOC, &alloc), 0);
	theirs->dmabuf = alloc.fd;
	theirs->map = igt_mmgpu_dmabuf_map(alloc.fd, SIZE);
}

static void make_second(struct theirs *theirs, bool bind)
{
	theirs->fd = __igt_mmgpu_open_driver("mmgpu", IGT_MMGPU_RENDER, 1);
	igt_skip_on_f(theirs->fd < 0, "one device only: load the module with num_devices=2\n");
	if (bind)
		igt_mmgpu_bind_mm(theirs->fd);
	theirs->bo = igt_mmgpu_bo_create(theirs->fd, SIZE, bind ? MMGPU_BO_SHARED : 0);
	theirs->map = igt_mmgpu_bo_map(theirs->fd, theirs->bo, 0, PROT_READ | PROT_WRITE);
	theirs->dmabuf = igt_mmgpu_export(theirs->fd, theirs->bo);
}

static void make_second_legacy(struct theirs *theirs)
{
	make_second(theirs, false);
}

static void make_second_shared(struct theirs *theirs)
{
	make_second(theirs, true);
}

static const struct exporter {
	const char *name;
	void (*make)(struct theirs *theirs);
} exporters[] = {
	{ "vgem", make_vgem },
	{ "udmabuf", make_udmabuf },
	{ "heap", make_heap },
	{ "second-legacy", make_second_legacy },
	{ "second-shared", make_second_shared },
};

static void forget(struct theirs *theirs)
{
	munmap(theirs->map, SIZE);
	close(theirs->dmabuf);
	close(theirs->fd);
}

/* ---- tests ------------------------------------------------------------------------ */

/* A file of ours with a buffer to work with. */
struct mine {
	int fd;
	uint32_t bo;
	uint8_t *map;
};

static void mine_init(struct mine *mine, bool bind)
{
	mine->fd = igt_mmgpu_open();
	if (bind)
		igt_mmgpu_bind_mm(mine->fd);
	mine->bo = igt_mmgpu_bo_create(mine->fd, SIZE, 0);
	mine->map = igt_mmgpu_bo_map(mine->fd, mine->bo, 0, PROT_READ | PROT_WRITE);
}

static void mine_fini(struct mine *mine)
{
	munmap(mine->map, SIZE);
	close(mine->fd);
}

/* Jobs read what the exporter wrote, and it sees what they wrote: every byte of it. */
static void data(struct theirs *theirs)
{
	static uint8_t expected[SIZE];

	for (int bind = 0; bind < 2; bind++) {
		struct mine mine;
		uint32_t bo;

		mine_init(&mine, bind);
		bo = igt_mmgpu_import(mine.fd, theirs->dmabuf);
		igt_mmgpu_rand_bytes(&rnd, theirs->map, SIZE);
		memcpy(expected, theirs->map, SIZE);
		igt_mmgpu_copy(mine.fd, mine.bo, 0, bo, 0, SIZE);
		igt_mmgpu_same(mine.map, expected, SIZE, "read by a job");

		/* Neither end on a page, and over all of them. */
		igt_mmgpu_rand_bytes(&rnd, mine.map, SIZE);
		memcpy(expected + 13, mine.map + 4099, SIZE - 4500);
		igt_mmgpu_copy(mine.fd, bo, 13, mine.bo, 4099, SIZE - 4500);
		igt_mmgpu_same(theirs->map, expected, SIZE, "written by a job");
		mine_fini(&mine);
	}
}

/* By our node the exporter's pages are mapped. */
static void map(struct theirs *theirs)
{
	struct drm_mmgpu_bo_info info;
	uint8_t *whole, *part;
	struct mine mine;
	uint32_t bo;

	mine_init(&mine, true);
	bo = igt_mmgpu_import(mine.fd, theirs->dmabuf);
	igt_mmgpu_bo_info(mine.fd, bo, &info);
	igt_mmgpu_rand_bytes(&rnd, theirs->map, SIZE);
	whole = igt_mmgpu_bo_map(mine.fd, bo, 0, PROT_READ | PROT_WRITE);
	igt_assert_eq(__igt_mmgpu_dmabuf_sync(theirs->dmabuf, DMA_BUF_SYNC_START |
					      DMA_BUF_SYNC_RW), 0);
	igt_mmgpu_same(whole, theirs->map, SIZE, "our mapping");
	igt_mmgpu_rand_bytes(&rnd, whole, SIZE);
	igt_mmgpu_same(theirs->map, whole, SIZE, "what we wrote");
	part = igt_mmgpu_bo_map(mine.fd, bo, 3 * PAGE, PROT_READ);
	igt_mmgpu_same(part, whole, 3 * PAGE, "the first pages");
	igt_assert_eq(__igt_mmgpu_dmabuf_sync(theirs->dmabuf, DMA_BUF_SYNC_END |
					      DMA_BUF_SYNC_RW), 0);
	munmap(part, 3 * PAGE);

	/* It outlives the handle and the file. */
	mine_fini(&mine);
	igt_mmgpu_rand_bytes(&rnd, theirs->map, SIZE);
	igt_mmgpu_same(whole, theirs->map, SIZE, "our mapping after our file");
	munmap(whole, SIZE);
}

static int stranger_imports(struct igt_mmgpu_proc *self, void *data)
{
	struct theirs *theirs = data;
	struct mine mine;
	uint32_t bo;

	mine_init(&mine, true);
	bo = igt_mmgpu_import(mine.fd, theirs->dmabuf);
	igt_mmgpu_copy(mine.fd, mine.bo, 0, bo, 0, SIZE);
	igt_mmgpu_same(mine.map, theirs->map, SIZE, "read by a stranger's job");
	return 0;
}

/* Nobody's in particular, whatever kind of file imports it, and one handle for each. */
static void handles(struct theirs *theirs)
{
	struct drm_mmgpu_query_mm query;
	struct drm_mmgpu_bo_info info;
	struct igt_mmgpu_look before;
	uint32_t bo, legacy_bo;
	struct mine mine;
	int legacy, again;

	igt_mmgpu_look(theirs->dmabuf, &before);
	mine_init(&mine, true);
	legacy = igt_mmgpu_reopen(mine.fd);
	bo = igt_mmgpu_import(mine.fd, theirs->dmabuf);
	legacy_bo = igt_mmgpu_import(legacy, theirs->dmabuf);
	for (int i = 0; i < 3; i++) {
		igt_assert_eq_u32(igt_mmgpu_import(mine.fd, theirs->dmabuf), bo);
		igt_assert_eq_u32(igt_mmgpu_import(legacy, theirs->dmabuf), legacy_bo);
	}
	igt_assert_neq_u32(bo, mine.bo);

	igt_mmgpu_bo_info(mine.fd, bo, &info);
	igt_assert_eq_u64(info.size, SIZE);
	igt_assert_eq_u64(info.mm_seq, 0);
	igt_assert_eq_u32(info.flags, 0);
	igt_assert_eq_u32(info.access, MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE);
	igt_mmgpu_query_mm(mine.fd, 0, &query);
	igt_assert_eq(__igt_mmgpu_bo_grant(mine.fd, bo, MMGPU_ACCESS_READ,
					   query.caller_mm_seq + 1), -EINVAL);

	/* Out again it is what it was. */
	again = igt_mmgpu_export(mine.fd, bo);
	igt_assert_eq_u64(igt_mmgpu_inode(again), igt_mmgpu_inode(theirs->dmabuf));
	close(again);

	/* A handle of one file is not that of another. */
	igt_mmgpu_bo_close(legacy, legacy_bo);
	igt_mmgpu_bo_info(mine.fd, bo, &info);
	igt_assert_eq(__igt_mmgpu_bo_info(legacy, legacy_bo, &info), -ENOENT);
	legacy_bo = igt_mmgpu_import(legacy, theirs->dmabuf);
	igt_mmgpu_rand_bytes(&rnd, theirs->map, SIZE);
	igt_mmgpu_copy(legacy, igt_mmgpu_bo_create(legacy, SIZE, 0), 0, legacy_bo, 0, SIZE);
	igt_mmgpu_proc_run(stranger_imports, theirs);

	close(legacy);
	mine_fini(&mine);
	igt_mmgpu_looks_as(theirs->dmabuf, &before);
}

/* The memory stays as long as one of the two wants it. */
static void lifetime(struct theirs *theirs)
{
	static uint8_t expected[SIZE];
	struct theirs other = *theirs;
	struct mine mine;
	uint32_t bo;

	igt_mmgpu_rand_bytes(&rnd, expected, SIZE);
	mine_init(&mine, true);
	bo = igt_mmgpu_import(mine.fd, theirs->dmabuf);
	memcpy(mine.map, expected, SIZE);
	igt_mmgpu_copy(mine.fd, bo, 0, mine.bo, 0, SIZE);
	mine_fini(&mine);
	igt_mmgpu_same(theirs->map, expected, SIZE, "after our file");

	mine_init(&mine, true);
	bo = igt_mmgpu_import(mine.fd, theirs->dmabuf);
	forget(&other);
	igt_mmgpu_copy(mine.fd, mine.bo, 0, bo, 0, SIZE);
	igt_mmgpu_same(mine.map, expected, SIZE, "after the exporter");
	other.map = igt_mmgpu_bo_map(mine.fd, bo, 0, PROT_READ);
	igt_mmgpu_same(other.map, expected, SIZE, "mapped after the exporter");
	munmap(other.map, SIZE);
	mine_fini(&mine);
}

/* ---- fences ------------------------------------------------------------------------- */

static uint32_t submit(int fd, uint32_t handle, uint32_t flags, uint32_t in, uint64_t value)
{
	uint32_t out = igt_mmgpu_syncobj_create(fd);
	struct igt_mmgpu_job job;
	uint32_t bo;

	igt_mmgpu_job_init(&job, 0);
	bo = igt_mmgpu_job_bo(&job, handle, flags);
	if (value)
		igt_mmgpu_cmd_fill(&job, bo, 0, SIZE, value);
	if (in)
		igt_mmgpu_job_in(&job, in, 0);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(fd, &job);
	return out;
}

static bool is_over(int fd, uint32_t out, int ms)
{
	return __igt_mmgpu_syncobj_wait(fd, out, 0, igt_mmgpu_deadline_ms(ms)) == 0;
}

/*
 * A job that writes, of the exporter's device if it has jobs, and jobs of another file
 * with nothing in common but the dma-buf.
 */
static void order(struct theirs *theirs)
{
	static const uint64_t value = 0x0123456789abcdefull;
	int fence, writer = theirs->bo ? theirs->fd : igt_mmgpu_open();
	uint32_t bo = theirs->bo ?: igt_mmgpu_import(writer, theirs->dmabuf);
	uint32_t written, after, immune, theirs_bo;
	struct igt_mmgpu_gate gate;
	struct igt_mmgpu_job job;
	struct mine mine;

	memset(theirs->map, 0, SIZE);
	mine_init(&mine, true);
	theirs_bo = igt_mmgpu_import(mine.fd, theirs->dmabuf);
	after = igt_mmgpu_syncobj_create(mine.fd);
	igt_mmgpu_gate_init(&gate);
	written = submit(writer, bo, MMGPU_BO_REF_WRITE, igt_mmgpu_gate_syncobj(&gate, writer),
			 value);

	immune = submit(mine.fd, theirs_bo, MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE |
			MMGPU_BO_REF_NO_IMPLICIT_SYNC, 0, 0);
	igt_assert_eq(igt_mmgpu_syncobj_result(mine.fd, immune), 0);

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, mine.bo, MMGPU_BO_REF_WRITE);
	igt_mmgpu_job_bo(&job, theirs_bo, MMGPU_BO_REF_READ);
	igt_mmgpu_cmd_copy(&job, 0, 0, 1, 0, SIZE);
	igt_mmgpu_job_out(&job, after, 0);
	igt_mmgpu_job_submit(mine.fd, &job);
	igt_assert(!is_over(mine.fd, after, 100));
	igt_assert(igt_mmgpu_bo_busy(mine.fd, theirs_bo, 0));
	igt_assert(!igt_mmgpu_poll(theirs->dmabuf, POLLIN));
	igt_assert_eq(__igt_mmgpu_dmabuf_export_fence(theirs->dmabuf, DMA_BUF_SYNC_READ,
						      &fence), 0);
	igt_assert_eq(igt_mmgpu_sync_file_status(fence), 0);

	igt_mmgpu_gate_open(&gate);
	igt_assert_eq(igt_mmgpu_syncobj_result(mine.fd, after), 0);
	igt_assert_eq(igt_mmgpu_syncobj_result(writer, written), 0);
	igt_assert_eq(igt_mmgpu_sync_file_status(fence), 1);
	for (int i = 0; i < SIZE; i += sizeof(value))
		igt_assert_eq_u64(*(uint64_t *)(mine.map + i), value);

	close(fence);
	mine_fini(&mine);
	igt_mmgpu_gate_fini(&gate);
	if (!theirs->bo)
		close(writer);
}

/* A fence that somebody puts into the exporter's dma-buf holds who would have to wait. */
static void fence(struct theirs *theirs)
{
	static const struct {
		uint32_t theirs, ours;
		bool waits;
	} cases[] = {
		{ DMA_BUF_SYNC_WRITE, MMGPU_BO_REF_READ, true },
		{ DMA_BUF_SYNC_READ, MMGPU_BO_REF_WRITE, true },
		{ DMA_BUF_SYNC_READ, MMGPU_BO_REF_READ, false },
		{ DMA_BUF_SYNC_RW, MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC, false },
	};

	for (size_t i = 0; i < igt_mmgpu_count(cases); i++) {
		struct igt_mmgpu_gate gate;
		struct mine mine;
		uint32_t out, bo;

		mine_init(&mine, false);
		bo = igt_mmgpu_import(mine.fd, theirs->dmabuf);
		igt_mmgpu_gate_init(&gate);
		igt_assert_eq(__igt_mmgpu_dmabuf_import_fence(theirs->dmabuf, cases[i].theirs,
							      gate.sync_file), 0);
		out = submit(mine.fd, bo, cases[i].ours, 0, 0);
		if (cases[i].waits)
			igt_assert_f(!is_over(mine.fd, out, 50), "case %zu did not wait\n", i);
		else
			igt_assert_eq(igt_mmgpu_syncobj_result(mine.fd, out), 0);
		igt_mmgpu_gate_open(&gate);
		igt_assert_eq(igt_mmgpu_syncobj_result(mine.fd, out), 0);
		igt_mmgpu_gate_fini(&gate);
		mine_fini(&mine);
	}
}

static const struct {
	const char *name;
	void (*fn)(struct theirs *theirs);
	const char *what;
	/* What is theirs is forgotten by the test itself. */
	bool forgets;
} tests[] = {
	{ "data", data, "jobs read what it wrote, and it reads what they wrote" },
	{ "map", map, "our node maps its pages" },
	{ "handles", handles, "one handle for each file, and nobody is its owner" },
	{ "lifetime", lifetime, "the memory stays after either side is gone", true },
	{ "order", order, "jobs on different files are ordered by the dma-buf" },
	{ "fence", fence, "a fence in the dma-buf holds our jobs" },
};

int igt_main()
{
	igt_fixture() {
		close(igt_mmgpu_open());
		igt_mmgpu_rand_init(&rnd);
	}

	for (size_t e = 0; e < igt_mmgpu_count(exporters); e++) {
		for (size_t t = 0; t < igt_mmgpu_count(tests); t++) {
			igt_describe_f("%s: %s", exporters[e].name, tests[t].what);
			igt_subtest_f("%s-%s", exporters[e].name, tests[t].name) {
				struct theirs theirs = { };
				int fd = igt_mmgpu_open();
				int bos = igt_mmgpu_count_bos(fd);

				exporters[e].make(&theirs);
				tests[t].fn(&theirs);
				if (!tests[t].forgets)
					forget(&theirs);
				igt_mmgpu_await_bos(fd, bos);
				close(fd);
			}
		}
	}

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
