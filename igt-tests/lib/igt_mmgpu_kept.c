// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_grant.h"
#include "igt_mmgpu_kept.h"
#include "igt_mmgpu_module.h"
#include "igt_mmgpu_share.h"
#include "igt_mmgpu_stuck.h"

/* Longer than the test. */
#define LONG_MS		50000
#define PAGE		4096ul
#define SIZE		(4 * PAGE)

/* What a job that is cut off writes, and what it does not get to. */
#define BEGUN		1
#define NEVER		2
#define MARK		0x1111

static struct igt_mmgpu_rand rnd;

/* A file of the device that will be gone. */
static int fd = -1;

/* ---- fences ------------------------------------------------------------------------------- */

/* Waits for it, and asks it for all that it knows. */
static int fence_ends(int sync_file)
{
	struct sync_fence_info fence = { };
	struct sync_file_info info = { .num_fences = 1, .sync_fence_info = (uintptr_t)&fence };

	igt_assert(igt_mmgpu_poll_ms(sync_file, POLLIN, IGT_MMGPU_PATIENCE * 1000) & POLLIN);
	igt_assert_eq(igt_mmgpu_ioctl(sync_file, SYNC_IOC_FILE_INFO, &info), 0);
	igt_assert_eq_u32(info.num_fences, 1);
	igt_assert_eq(info.status, fence.status);
	/* Of a signalled fence some kernels (7.2) do not ask the driver for names any more. */
	igt_assert_f((!strcmp(fence.driver_name, "mmgpu") && !strcmp(fence.obj_name, "job")) ||
		     (!strcmp(fence.driver_name, "detached-driver") &&
		      !strcmp(fence.obj_name, "signaled-timeline")),
		     "a fence %s of %s\n", fence.obj_name, fence.driver_name);
	return fence.status;
}

static int submit(int file, struct igt_mmgpu_job *job)
{
	uint32_t out = igt_mmgpu_syncobj_create(file);
	int sync_file;

	igt_mmgpu_job_out(job, out, 0);
	igt_mmgpu_job_submit(file, job);
	sync_file = igt_mmgpu_syncobj_export(file, out);
	igt_mmgpu_syncobj_destroy(file, out);
	return sync_file;
}

static int submit_empty(int file, uint32_t ctx)
{
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, ctx);
	return submit(file, &job);
}

/* Runs when this returns; writes into words of a buffer and of memory, if there is one. */
static int submit_long(int file, uint32_t ctx, uint32_t bo, uint64_t *map, uint64_t *svm)
{
	struct igt_mmgpu_job job;
	int sync_file;

	map[0] = 0;
	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_job_bo(&job, bo, MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC);
	if (svm)
		igt_mmgpu_cmd_svm_fill(&job, svm, 8, BEGUN);
	igt_mmgpu_cmd_fill(&job, 0, 0, 8, BEGUN);
	igt_mmgpu_cmd_delay(&job, LONG_MS);
	igt_mmgpu_cmd_fill(&job, 0, 0, 8, NEVER);
	if (svm)
		igt_mmgpu_cmd_svm_fill(&job, svm, 8, NEVER);
	sync_file = submit(file, &job);
	igt_mmgpu_await(map, BEGUN);
	return sync_file;
}

static uint32_t new_ctx(int file, uint32_t which)
{
	return igt_mmgpu_ctx_create(file, MMGPU_PRIORITY_NORMAL, IGT_MMGPU_KEPT_ENGINE + which);
}

/* ---- what is kept -------------------------------------------------------------------------- */

#define FENCES_MAX	4

struct kept {
	int file;
	int dmabuf;
	int other;
	uint32_t bo;
	/* What the words of the buffer are: the first, and the first of the later pages. */
	uint64_t *map;
	uint64_t first, later;
	/* What a job writes without a buffer, and what it gets to write. */
	uint64_t svm, svm_want;
	int fences[FENCES_MAX];
	unsigned int num_fences;
	struct igt_mmgpu_stuck stuck;
	struct igt_mmgpu_gate gate;
	bool gate_shut;
	struct igt_mmgpu_private own;
	struct igt_mmgpu_peer peer;
};

static void keep_fence(struct kept *kept, int sync_file)
{
	igt_assert_lt(kept->num_fences, FENCES_MAX);
	kept->fences[kept->num_fences++] = sync_file;
}

static void fences_are_gone(const struct kept *kept)
{
	for (unsigned int i = 0; i < kept->num_fences; i++)
		igt_assert_eq(fence_ends(kept->fences[i]), -ENODEV);
}

static void drop_fences(struct kept *kept)
{
	while (kept->num_fences)
		close(kept->fences[--kept->num_fences]);
}

/* Before the device goes away only the first page is touched. */
static void map_begin(struct kept *kept, uint64_t *map)
{
	kept->map = map;
	map[1] = MARK;
}

/* All that was there is there, page by page, and can be written. */
static void map_check(struct kept *kept)
{
	volatile uint64_t *map = kept->map;

	igt_assert_eq(igt_mmgpu_touch_read(&map[0], kept->first), 0);
	igt_assert_eq(igt_mmgpu_touch_read(&map[1], MARK), 0);
	for (size_t at = PAGE / 8; at < SIZE / 8; at += PAGE / 8) {
		igt_assert_eq(igt_mmgpu_touch_read(&map[at], kept->later), 0);
		igt_assert_eq(igt_mmgpu_touch_write(&map[at], kept->later + 1), 0);
	}
	kept->later++;
}

static void make_file(struct kept *kept, bool bind)
{
	kept->file = igt_mmgpu_reopen(fd);
	if (bind)
		igt_mmgpu_bind_mm(kept->file);
	kept->bo = igt_mmgpu_bo_create(kept->file, SIZE, 0);
	map_begin(kept, igt_mmgpu_bo_map(kept->file, kept->bo, 0, PROT_READ | PROT_WRITE));
}

static void check_file(struct kept *kept)
{
	struct drm_mmgpu_query_mm query;
	uint32_t handle;

	igt_mmgpu_query_mm(kept->file, 0, &query);
	igt_assert_eq(__igt_mmgpu_bo_create(kept->file, PAGE, 0, &handle), -ENODEV);
	fences_are_gone(kept);
	map_check(kept);
	igt_assert_eq_u64(kept->svm, kept->svm_want);
}

static void drop_file(struct kept *kept)
{
	drop_fences(kept);
	/* Either of them keeps the module. */
	if (igt_mmgpu_rand(&rnd) % 2) {
		munmap(kept->map, SIZE);
		igt_mmgpu_module_held();
		close(kept->file);
	} else {
		close(kept->file);
		igt_mmgpu_module_held();
		munmap(kept->map, SIZE);
	}
}

/* Jobs that run, are queued, and wait for a stranger's fence. */
static void make_jobs(struct kept *kept)
{
	struct igt_mmgpu_job job;
	uint32_t ctx = 0;

	make_file(kept, false);
	kept->first = BEGUN;
	for (uint32_t i = 0; i < 2; i++) {
		ctx = new_ctx(kept->file, i);
		keep_fence(kept, submit_long(kept->file, ctx, kept->bo, kept->map, NULL));
	}
	keep_fence(kept, submit_empty(kept->file, ctx));
	igt_mmgpu_gate_init(&kept->gate);
	kept->gate_shut = true;
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_in(&job, igt_mmgpu_gate_syncobj(&kept->gate, kept->file), 0);
	keep_fence(kept, submit(kept->file, &job));
}

/* What waited for it is over, and nobody had to wait. */
static void open_gate(struct kept *kept)
{
	igt_assert_eq(igt_mmgpu_sync_file_status(kept->gate.sync_file), 0);
	igt_mmgpu_gate_open(&kept->gate);
	kept->gate_shut = false;
}

static void check_jobs(struct kept *kept)
{
	check_file(kept);
	if (kept->gate_shut) {
		open_gate(kept);
		igt_mmgpu_gate_fini(&kept->gate);
	}
}

/* A job with CPU addresses runs, or waits for a page, with others behind it. */
static void make_svm(struct kept *kept)
{
	uint32_t ctx;

	make_file(kept, true);
	ctx = new_ctx(kept->file, 5);
	kept->svm_want = BEGUN;
	kept->first = BEGUN;
	keep_fence(kept, submit_long(kept->file, ctx, kept->bo, kept->map, &kept->svm));
	keep_fence(kept, submit_empty(kept->file, ctx));
}

static void make_stuck(struct kept *kept)
{
	struct igt_mmgpu_job job;
	uint32_t ctx;

	make_file(kept, true);
	ctx = new_ctx(kept->file, 5);
	kept->svm_want = BEGUN;
	igt_mmgpu_stuck_init(&kept->stuck, PAGE);
	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_cmd_svm_fill(&job, &kept->svm, 8, BEGUN);
	igt_mmgpu_cmd_svm_fill(&job, kept->stuck.mem, 8, 1);
	igt_mmgpu_cmd_svm_fill(&job, &kept->svm, 8, NEVER);
	keep_fence(kept, submit(kept->file, &job));
	keep_fence(kept, submit_empty(kept->file, ctx));
	igt_mmgpu_stuck_await(kept->stuck.uffd);
}

static void drop_stuck(struct kept *kept)
{
	igt_mmgpu_stuck_fini(&kept->stuck);
	drop_file(kept);
}

/* Our buffer in another driver, and its dma-buf mapped, without any file of ours. */
static void make_export(struct kept *kept)
{
	int file = igt_mmgpu_reopen(fd);

	kept->bo = igt_mmgpu_bo_create(file, SIZE, 0);
	kept->dmabuf = igt_mmgpu_export(file, kept->bo);
	kept->other = igt_mmgpu_vgem_open();
	igt_mmgpu_import(kept->other, kept->dmabuf);
	map_begin(kept, igt_mmgpu_dmabuf_map(kept->dmabuf, SIZE));
	close(file);
}

static void check_export(struct kept *kept)
{
	map_check(kept);
	igt_assert(igt_mmgpu_poll_ms(kept->dmabuf, POLLOUT, IGT_MMGPU_PATIENCE * 1000) & POLLOUT);
	igt_assert_eq(__igt_mmgpu_dmabuf_sync(kept->dmabuf, DMA_BUF_SYNC_RW), 0);
	igt_assert_eq(__igt_mmgpu_dmabuf_sync(kept->dmabuf, DMA_BUF_SYNC_RW | DMA_BUF_SYNC_END), 0);
}

static void drop_export(struct kept *kept)
{
	/* Each of them keeps the module. */
	close(kept->other);
	igt_mmgpu_module_held();
	close(kept->dmabuf);
	igt_mmgpu_module_held();
	map_check(kept);
	munmap(kept->map, SIZE);
}

/* Another driver's buffer with a job of ours on it, which waits for that driver. */
static void make_import(struct kept *kept)
{
	struct igt_mmgpu_job job;

	kept->file = igt_mmgpu_reopen(fd);
	igt_mmgpu_gate_init(&kept->gate);
	kept->gate_shut = true;
	kept->bo = igt_mmgpu_import(kept->file, kept->gate.dmabuf);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, kept->bo, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, 0, 0, 8, NEVER);
	keep_fence(kept, submit(kept->file, &job));
}

static void check_import(struct kept *kept)
{
	uint64_t *map = igt_mmgpu_dmabuf_map(kept->gate.dmabuf, PAGE);

	fences_are_gone(kept);
	if (kept->gate_shut)
		open_gate(kept);
	igt_assert(igt_mmgpu_poll_ms(kept->gate.dmabuf, POLLOUT, IGT_MMGPU_PATIENCE * 1000) &
		   POLLOUT);
	igt_assert_eq_u64(map[0], 0);
	munmap(map, PAGE);
}

static void drop_import(struct kept *kept)
{
	close(kept->file);
	igt_mmgpu_module_held();
	drop_fences(kept);
	/* The last reference to our fence may be that buffer's. */
	igt_mmgpu_gate_fini(&kept->gate);
}

/* A process that was granted a buffer: its mapping, and its job. */
static struct kept at_peer;

static int peer_makes(int node, int file, const void *data)
{
	int theirs = igt_mmgpu_theirs.file;

	map_begin(&at_peer, igt_mmgpu_bo_map(theirs, igt_mmgpu_theirs.bo, SIZE,
					     PROT_READ | PROT_WRITE));
	at_peer.first = BEGUN;
	keep_fence(&at_peer, submit_long(theirs, new_ctx(theirs, 4),
					 igt_mmgpu_theirs.bo, at_peer.map, NULL));
	return 0;
}

static int peer_checks(int node, int file, const void *data)
{
	uint32_t handle;

	igt_assert_eq(__igt_mmgpu_bo_create(node, PAGE, 0, &handle), -ENODEV);
	map_check(&at_peer);
	fences_are_gone(&at_peer);
	return 0;
}

static void make_grant(struct kept *kept)
{
	igt_mmgpu_private_init(&kept->own, SIZE);
	igt_mmgpu_peer_enter(&kept->peer, &kept->own, IGT_MMGPU_READ_WRITE, true);
	igt_assert_eq(igt_mmgpu_peer_call(&kept->peer, peer_makes, -1, NULL, 0), 0);
}

static void check_grant(struct kept *kept)
{
	igt_assert_eq(__igt_mmgpu_bo_grant(kept->own.fd, kept->own.bo, 0, kept->peer.seq), -ENODEV);
	igt_assert_eq(igt_mmgpu_peer_call(&kept->peer, peer_checks, -1, NULL, 0), 0);
}

static void drop_grant(struct kept *kept)
{
	/* Its other process keeps the buffer. */
	igt_mmgpu_private_fini(&kept->own);
	igt_mmgpu_module_held();
	igt_mmgpu_peer_stop(&kept->peer);
}

/* Nothing but fences: of a job that runs, and of one that the end of its file cancelled. */
static void make_sync_file(struct kept *kept)
{
	struct sync_merge_data merge = { .name = "merged" };
	uint32_t ctx;

	make_file(kept, false);
	ctx = new_ctx(kept->file, 3);
	keep_fence(kept, submit_long(kept->file, ctx, kept->bo, kept->map, NULL));
	keep_fence(kept, submit_empty(kept->file, ctx));
	merge.fd2 = kept->fences[1];
	igt_assert_eq(igt_mmgpu_ioctl(kept->fences[0], SYNC_IOC_MERGE, &merge), 0);
	kept->other = merge.fence;
	munmap(kept->map, SIZE);
	close(kept->file);
}

static void check_sync_file(struct kept *kept)
{
	igt_assert_eq(fence_ends(kept->fences[0]), -ENODEV);
	igt_assert_eq(fence_ends(kept->fences[1]), -ECANCELED);
	/* Of one context the later stands for both. */
	igt_assert_eq(fence_ends(kept->other), -ECANCELED);
}

static void drop_sync_file(struct kept *kept)
{
	drop_fences(kept);
	igt_mmgpu_module_held();
	igt_assert_eq(fence_ends(kept->other), -ECANCELED);
	close(kept->other);
}

/* The same in a syncobj outside of all files, which a later device may get to see. */
static void make_syncobj(struct kept *kept)
{
	uint32_t out;

	make_file(kept, false);
	keep_fence(kept, submit_long(kept->file, new_ctx(kept->file, 2), kept->bo,
				     kept->map, NULL));
	out = igt_mmgpu_syncobj_create(kept->file);
	igt_mmgpu_syncobj_import(kept->file, out, kept->fences[0]);
	igt_assert_eq(drmSyncobjHandleToFD(kept->file, out, &kept->other), 0);
	drop_fences(kept);
	munmap(kept->map, SIZE);
	close(kept->file);
}

static void check_syncobj(struct kept *kept)
{
	int file = __igt_mmgpu_open_driver("mmgpu", IGT_MMGPU_RENDER, 0);
	uint32_t syncobj;

	if (file < 0)
		return;
	igt_assert_eq(drmSyncobjFDToHandle(file, kept->other, &syncobj), 0);
	igt_assert_eq(igt_mmgpu_syncobj_result(file, syncobj), -ENODEV);
	close(file);
}

static void drop_syncobj(struct kept *kept)
{
	close(kept->other);
}

static const struct {
	const char *name;
	/* To make it, to check it, and to give it back. */
	void (*act[3])(struct kept *kept);
} kinds[] = {
	{ "jobs", { make_jobs, check_jobs, drop_file } },
	{ "SVM job", { make_svm, check_file, drop_file } },
	{ "stuck SVM job", { make_stuck, check_file, drop_stuck } },
	{ "exported", { make_export, check_export, drop_export } },
	{ "imported", { make_import, check_import, drop_import } },
	{ "grant", { make_grant, check_grant, drop_grant } },
	{ "sync_file", { make_sync_file, check_sync_file, drop_sync_file } },
	{ "syncobj", { make_syncobj, check_syncobj, drop_syncobj } },
};

static struct kept kepts[igt_mmgpu_count(kinds)];

/* ---- all of them --------------------------------------------------------------------------- */

enum act { MAKE, CHECK, DROP };

/* In any order. */
static void act(enum act act)
{
	unsigned int order[igt_mmgpu_count(kinds)];

	for (unsigned int i = 0; i < igt_mmgpu_count(kinds); i++) {
		unsigned int j = igt_mmgpu_rand_range(&rnd, 0, i);

		order[i] = order[j];
		order[j] = i;
	}
	for (unsigned int i = 0; i < igt_mmgpu_count(kinds); i++) {
		igt_debug("act %d: %s\n", act, kinds[order[i]].name);
		/* Whatever is left, it keeps the module. */
		igt_mmgpu_module_held();
		kinds[order[i]].act[act](&kepts[order[i]]);
	}
}

void igt_mmgpu_kept_make(void)
{
	if (!rnd.state)
		igt_mmgpu_rand_init(&rnd);
	fd = igt_mmgpu_open();
	memset(kepts, 0, sizeof(kepts));
	act(MAKE);
	close(fd);
}

void igt_mmgpu_kept_check(void)
{
	act(CHECK);
}

void igt_mmgpu_kept_drop(void)
{
	act(DROP);
}
