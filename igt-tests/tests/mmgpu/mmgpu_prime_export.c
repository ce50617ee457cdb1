// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Buffers of ours in files of others: vgem and a second device of ours attach to the
 * dma-buf. mmgpu_prime_v4l2 has an importer that does not attach, mmgpu_prime_kms one
 * that shows the picture.
 */

#include <errno.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <sys/mman.h>

#include <drm.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_share.h"

IGT_TEST_DESCRIPTION("Export to other drivers: SHARED and legacy buffers yes, private ones never.");

#define PAGE	4096
#define PAGES	16
#define SIZE	(PAGES * PAGE)

static struct igt_mmgpu_rand rnd;

/* A buffer that others may have. */
struct ours {
	int fd;
	uint32_t bo;
	uint8_t *map;
	int dmabuf;
};

static void make_shared(struct ours *ours)
{
	ours->fd = igt_mmgpu_open();
	igt_mmgpu_bind_mm(ours->fd);
	ours->bo = igt_mmgpu_bo_create(ours->fd, SIZE, MMGPU_BO_SHARED);
}

static void make_legacy(struct ours *ours)
{
	ours->fd = igt_mmgpu_open();
	ours->bo = igt_mmgpu_bo_create(ours->fd, SIZE, 0);
}

static void make_dumb(struct ours *ours)
{
	ours->fd = igt_mmgpu_open_primary();
	igt_assert_eq(__igt_mmgpu_dumb_create(ours->fd, PAGE / 4, PAGES, 32, &ours->bo,
					      NULL, NULL), 0);
}

static const struct {
	const char *name;
	void (*make)(struct ours *ours);
} kinds[] = {
	{ "shared", make_shared },
	{ "legacy", make_legacy },
	{ "dumb", make_dumb },
};

static int open_second(void)
{
	int fd = __igt_mmgpu_open_driver("mmgpu", IGT_MMGPU_RENDER, 1);

	igt_require_f(fd >= 0, "one device only: load the module with num_devices=2\n");
	return fd;
}

/* Without implicit sync by a context of its own, so that it waits for no other job. */
static uint32_t submit(int fd, uint32_t handle, uint32_t flags, uint32_t in, uint64_t value)
{
	uint32_t out = igt_mmgpu_syncobj_create(fd);
	struct igt_mmgpu_job job;
	uint32_t bo;

	igt_mmgpu_job_init(&job, flags & MMGPU_BO_REF_NO_IMPLICIT_SYNC ?
			   igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY) : 0);
	bo = igt_mmgpu_job_bo(&job, handle, flags);
	if (value)
		igt_mmgpu_cmd_fill(&job, bo, 0, SIZE, value);
	if (in)
		igt_mmgpu_job_in(&job, in, 0);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(fd, &job);
	return out;
}

/* ---- vgem --------------------------------------------------------------------------- */

/*
 * vgem shows nobody an imported buffer, it hands it on. Who gets it from there gets our
 * buffer, and vgem alone keeps it alive.
 */
static void vgem_hands_on(struct ours *ours)
{
	static uint8_t expected[SIZE];
	int again, fd = igt_mmgpu_open(), vgem = igt_mmgpu_vgem_open();
	struct igt_mmgpu_look before, now;
	struct drm_mmgpu_bo_info info, theirs;
	uint32_t handle, bo;
	uint8_t *map;

	igt_mmgpu_look(ours->dmabuf, &before);
	handle = igt_mmgpu_import(vgem, ours->dmabuf);
	igt_assert_eq_u32(igt_mmgpu_import(vgem, ours->dmabuf), handle);
	igt_mmgpu_look(ours->dmabuf, &now);
	igt_assert(now.attached == 1 || now.attached < 0);
	again = igt_mmgpu_export(vgem, handle);
	igt_assert_eq_u64(igt_mmgpu_inode(again), igt_mmgpu_inode(ours->dmabuf));

	bo = igt_mmgpu_import(fd, again);
	igt_mmgpu_bo_info(ours->fd, ours->bo, &info);
	igt_mmgpu_bo_info(fd, bo, &theirs);
	igt_assert_eq_u64(info.mmap_offset, theirs.mmap_offset);
	close(again);
	igt_mmgpu_bo_close(fd, bo);
	igt_mmgpu_bo_close(vgem, handle);
	igt_mmgpu_looks_as(ours->dmabuf, &before);

	/* Everything of ours goes. */
	igt_mmgpu_rand_bytes(&rnd, expected, SIZE);
	memcpy(ours->map, expected, SIZE);
	handle = igt_mmgpu_import(vgem, ours->dmabuf);
	munmap(ours->map, SIZE);
	close(ours->dmabuf);
	close(ours->fd);

	again = igt_mmgpu_export(vgem, handle);
	map = igt_mmgpu_dmabuf_map(again, SIZE);
	igt_mmgpu_same(map, expected, SIZE, "kept by vgem");
	ours->fd = igt_mmgpu_reopen(fd);
	ours->bo = igt_mmgpu_import(ours->fd, again);
	ours->map = map;
	ours->dmabuf = again;
	close(vgem);
	close(fd);
}

static bool is_over(int fd, uint32_t out)
{
	return __igt_mmgpu_syncobj_wait(fd, out, 0, igt_mmgpu_deadline_ms(50)) == 0;
}

/* Readers and writers of both drivers wait for each other. */
static void vgem_fences(struct ours *ours)
{
	int vgem = igt_mmgpu_vgem_open();
	uint32_t handle = igt_mmgpu_import(vgem, ours->dmabuf);

	for (int mode = 0; mode < 4; mode++) {
		bool theirs = mode & 1, mine = mode & 2, conflict = theirs || mine;
		uint32_t flags = mine ? MMGPU_BO_REF_WRITE : MMGPU_BO_REF_READ;
		struct igt_mmgpu_gate gate;
		uint32_t fence, out, immune, in;

		/* Theirs first. */
		igt_assert_eq(__igt_mmgpu_vgem_attach(vgem, handle, theirs, &fence), 0);
		igt_assert(igt_mmgpu_bo_busy(ours->fd, ours->bo, MMGPU_BO_WAIT_WRITE));
		out = submit(ours->fd, ours->bo, flags, 0, 0);
		immune = submit(ours->fd, ours->bo, flags | MMGPU_BO_REF_NO_IMPLICIT_SYNC, 0, 0);
		if (conflict)
			igt_assert_f(!is_over(ours->fd, out), "mode %d: our job\n", mode);
		else
			igt_assert_eq(igt_mmgpu_syncobj_result(ours->fd, out), 0);
		igt_assert_eq(igt_mmgpu_syncobj_result(ours->fd, immune), 0);
		igt_mmgpu_vgem_signal(vgem, fence);
		igt_assert_eq(igt_mmgpu_syncobj_result(ours->fd, out), 0);
		igt_mmgpu_bo_wait(ours->fd, ours->bo, MMGPU_BO_WAIT_WRITE);

		/* Ours first: vgem does not wait, it says so. */
		igt_mmgpu_gate_init(&gate);
		in = igt_mmgpu_gate_syncobj(&gate, ours->fd);
		out = submit(ours->fd, ours->bo, flags, in, 0);
		igt_assert_eq(__igt_mmgpu_vgem_attach(vgem, handle, theirs, &fence),
			      conflict ? -EBUSY : 0);
		igt_mmgpu_gate_open(&gate);
		igt_assert_eq(igt_mmgpu_syncobj_result(ours->fd, out), 0);
		if (conflict)
			igt_assert_eq(__igt_mmgpu_vgem_attach(vgem, handle, theirs, &fence), 0);
		igt_mmgpu_vgem_signal(vgem, fence);
		igt_mmgpu_gate_fini(&gate);

		/* Without implicit sync ours is none of vgem's business. */
		igt_mmgpu_gate_init(&gate);
		in = igt_mmgpu_gate_syncobj(&gate, ours->fd);
		out = submit(ours->fd, ours->bo, flags | MMGPU_BO_REF_NO_IMPLICIT_SYNC, in, 0);
		igt_assert_eq(__igt_mmgpu_vgem_attach(vgem, handle, theirs, &fence), 0);
		igt_mmgpu_gate_open(&gate);
		igt_assert_eq(igt_mmgpu_syncobj_result(ours->fd, out), 0);
		igt_mmgpu_vgem_signal(vgem, fence);
		igt_mmgpu_gate_fini(&gate);
	}
	close(vgem);
}

/* ---- a second device of ours ----------------------------------------------------------- */

/* The fence that a job of one device leaves holds the job of the other, both ways. */
static void second_orders(struct ours *ours)
{
	int second = open_second();
	uint32_t handle = igt_mmgpu_import(second, ours->dmabuf);
	const uint64_t first_value = 0x1111222233334444ull, last_value = 0x5555666677778888ull;
	volatile uint64_t *seen = (volatile uint64_t *)ours->map;

	for (int back = 0; back < 2; back++) {
		int a = back ? second : ours->fd, b = back ? ours->fd : second;
		uint32_t a_bo = back ? handle : ours->bo, b_bo = back ? ours->bo : handle;
		struct igt_mmgpu_gate gate;
		uint32_t first, last;

		memset(ours->map, 0, SIZE);
		igt_mmgpu_gate_init(&gate);
		first = submit(a, a_bo, MMGPU_BO_REF_WRITE, igt_mmgpu_gate_syncobj(&gate, a),
			       first_value);
		last = submit(b, b_bo, MMGPU_BO_REF_WRITE, 0, last_value);
		igt_assert(!is_over(b, last));
		igt_assert_eq_u64(seen[SIZE / 8 - 1], 0);
		igt_mmgpu_gate_open(&gate);
		igt_assert_eq(igt_mmgpu_syncobj_result(a, first), 0);
		igt_assert_eq(igt_mmgpu_syncobj_result(b, last), 0);
		for (int i = 0; i < SIZE / 8; i++)
			igt_assert_eq_u64(seen[i], last_value);
		igt_mmgpu_gate_fini(&gate);
	}
	close(second);
}

/* Its node maps our buffer, and jobs of both see what is written there. */
static void second_maps(struct ours *ours)
{
	int second = open_second();
	uint32_t handle, staging;
	uint8_t *map, *mine;

	igt_mmgpu_bind_mm(second);
	handle = igt_mmgpu_import(second, ours->dmabuf);
	staging = igt_mmgpu_bo_create(second, SIZE, 0);
	mine = igt_mmgpu_bo_map(second, staging, 0, PROT_READ | PROT_WRITE);
	map = igt_mmgpu_bo_map(second, handle, 0, PROT_READ | PROT_WRITE);

	igt_mmgpu_rand_bytes(&rnd, map, SIZE);
	igt_mmgpu_same(ours->map, map, SIZE, "written by the second node's mapping");
	igt_mmgpu_copy(second, staging, 0, handle, 0, SIZE);
	igt_mmgpu_same(mine, map, SIZE, "read by the second device");
	igt_mmgpu_rand_bytes(&rnd, mine, SIZE);
	igt_mmgpu_copy(second, handle, 0, staging, 0, SIZE);
	igt_mmgpu_same(ours->map, mine, SIZE, "written by the second device");

	/* The mapping outlives the file it came by. */
	close(second);
	igt_mmgpu_rand_bytes(&rnd, ours->map, SIZE);
	igt_mmgpu_same(map, ours->map, SIZE, "after the second device's file");
	munmap(map, SIZE);
	munmap(mine, SIZE);
}

/* ---- private buffers ----------------------------------------------------------------------- */

static int give_to(const char *driver, enum igt_mmgpu_node node, unsigned int nth, int dmabuf)
{
	int fd = __igt_mmgpu_open_driver(driver, node, nth);
	uint32_t handle;
	int ret;

	if (fd < 0)
		return fd;
	ret = __igt_mmgpu_import(fd, dmabuf, &handle);
	close(fd);
	return ret;
}

static int give_vgem(int dmabuf)
{
	return give_to("vgem", IGT_MMGPU_RENDER, 0, dmabuf);
}

static int give_vgem_primary(int dmabuf)
{
	return give_to("vgem", IGT_MMGPU_PRIMARY, 0, dmabuf);
}

static int give_second(int dmabuf)
{
	return give_to("mmgpu", IGT_MMGPU_RENDER, 1, dmabuf);
}

/* Bound by the one who tries, so for an owner's own eyes only. */
static int give_second_bound(int dmabuf)
{
	int fd = __igt_mmgpu_open_driver("mmgpu", IGT_MMGPU_RENDER, 1);
	uint32_t handle;
	int ret;

	if (fd < 0)
		return fd;
	ret = __igt_mmgpu_bind_mm(fd, NULL);
	/* EPERM is what is waited for. */
	ret = ret ? -EIO : __igt_mmgpu_import(fd, dmabuf, &handle);
	close(fd);
	return ret;
}

static const struct {
	const char *name;
	void (*fn)(struct ours *ours);
	const char *what;
} tests[] = {
	{ "vgem", vgem_hands_on, "vgem hands our buffer on, and keeps it alive" },
	{ "vgem-fences", vgem_fences, "vgem's fences hold our jobs, our jobs hold vgem off" },
	{ "second-order", second_orders, "fences go both ways between two devices of ours" },
	{ "second-data", second_maps, "jobs and mappings of another device of ours" },
};

static const struct {
	const char *name;
	const char *driver;
	igt_mmgpu_give_fn give;
} peers[] = {
	{ "vgem", "vgem", give_vgem },
	{ "vgem-primary", "vgem", give_vgem_primary },
	{ "second", "mmgpu", give_second },
	{ "second-bound", "mmgpu", give_second_bound },
};

int igt_main()
{
	igt_fixture() {
		close(igt_mmgpu_open());
		igt_mmgpu_rand_init(&rnd);
	}

	for (size_t k = 0; k < igt_mmgpu_count(kinds); k++) {
		for (size_t t = 0; t < igt_mmgpu_count(tests); t++) {
			igt_describe_f("%s buffers: %s", kinds[k].name, tests[t].what);
			igt_subtest_f("%s-%s", kinds[k].name, tests[t].name) {
				int fd = igt_mmgpu_open();
				int bos = igt_mmgpu_count_bos(fd);
				struct ours ours;

				kinds[k].make(&ours);
				ours.map = igt_mmgpu_bo_map(ours.fd, ours.bo, SIZE,
							    PROT_READ | PROT_WRITE);
				ours.dmabuf = igt_mmgpu_export(ours.fd, ours.bo);
				tests[t].fn(&ours);
				munmap(ours.map, SIZE);
				close(ours.dmabuf);
				close(ours.fd);
				igt_mmgpu_await_bos(fd, bos);
				close(fd);
			}
		}
	}

	for (size_t p = 0; p < igt_mmgpu_count(peers); p++) {
		igt_describe_f("%s cannot attach to a private buffer, whoever asks", peers[p].name);
		igt_subtest_f("private-%s", peers[p].name) {
			if (!strcmp(peers[p].driver, "mmgpu"))
				close(open_second());
			else
				close(igt_mmgpu_vgem_open());
			igt_mmgpu_never_given(peers[p].give, EPERM);
		}
	}

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
