// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <sys/mman.h>
#include <xf86drm.h>

#include "igt.h"
#include "igt_mmgpu_refusal.h"

/* What stands in buffer i before anything was done to it. */
#define CONTENT(i)	((i) ? 0x22 : 0x11)

static void fresh(struct igt_mmgpu_refusal *refusal)
{
	for (int i = 0; i < 2; i++) {
		memset(refusal->map[i], CONTENT(i), IGT_MMGPU_REFUSAL_SIZE);
		refusal->out[i] = igt_mmgpu_syncobj_create(refusal->fd);
	}
}

void igt_mmgpu_refusal_init(struct igt_mmgpu_refusal *refusal, int fd)
{
	uint64_t point = 1;

	memset(refusal, 0, sizeof(*refusal));
	refusal->fd = fd;
	refusal->ctx = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	for (int i = 0; i < 2; i++) {
		refusal->bo[i] = igt_mmgpu_bo_create(fd, IGT_MMGPU_REFUSAL_SIZE, 0);
		refusal->map[i] = igt_mmgpu_bo_map(fd, refusal->bo[i], 0,
						   PROT_READ | PROT_WRITE);
	}
	refusal->in[0] = igt_mmgpu_syncobj_create_signaled(fd);
	refusal->in[1] = igt_mmgpu_syncobj_create(fd);
	igt_assert_eq(drmSyncobjTimelineSignal(fd, &refusal->in[1], &point, 1), 0);
	refusal->next_handle = igt_mmgpu_next_handle(fd);
	fresh(refusal);
	igt_mmgpu_refusal_reset(refusal);
}

void igt_mmgpu_refusal_fini(struct igt_mmgpu_refusal *refusal)
{
	for (int i = 0; i < 2; i++) {
		munmap(refusal->map[i], IGT_MMGPU_REFUSAL_SIZE);
		igt_mmgpu_bo_close(refusal->fd, refusal->bo[i]);
		igt_mmgpu_syncobj_destroy(refusal->fd, refusal->in[i]);
		igt_mmgpu_syncobj_destroy(refusal->fd, refusal->out[i]);
	}
	igt_mmgpu_ctx_destroy(refusal->fd, refusal->ctx);
}

void igt_mmgpu_refusal_reset(struct igt_mmgpu_refusal *refusal)
{
	struct igt_mmgpu_job *job = &refusal->job;
	struct drm_mmgpu_cmd *cmd;

	igt_mmgpu_job_init(job, refusal->ctx);
	igt_mmgpu_job_bo(job, refusal->bo[0], MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE);
	igt_mmgpu_job_bo(job, refusal->bo[1], MMGPU_BO_REF_READ);
	igt_mmgpu_job_in(job, refusal->in[0], 0);
	igt_mmgpu_job_in(job, refusal->in[1], 1);
	igt_mmgpu_job_out(job, refusal->out[0], 0);
	igt_mmgpu_job_out(job, refusal->out[1], 1);

	/* In the order of the enum. Four rows of 64 bytes, 448 bytes from end to end. */
	cmd = igt_mmgpu_cmd_copy(job, 0, 0, 1, 0, 64);
	cmd->rows = 4;
	cmd->dst_pitch = 128;
	cmd->src_pitch = 128;
	cmd = igt_mmgpu_cmd_fill(job, 0, 1024, 64, 0x3333333333333333ull);
	cmd->rows = 4;
	cmd->dst_pitch = 128;
	igt_mmgpu_cmd_add(job, 0, 2048, 1);
	igt_mmgpu_cmd_timestamp(job, 0, 2056);
	igt_mmgpu_cmd_delay(job, 0);
	igt_mmgpu_cmd(job, MMGPU_OP_NOP);
}

static void contents_untouched(struct igt_mmgpu_refusal *refusal)
{
	for (int i = 0; i < 2; i++)
		for (unsigned int at = 0; at < IGT_MMGPU_REFUSAL_SIZE; at++)
			igt_assert_eq_u32(refusal->map[i][at], CONTENT(i));
}

/*
 * An empty job of the same context, to its end: whatever had been queued before it by
 * mistake would be done, and counted, by now.
 */
static uint64_t jobs_until_now(struct igt_mmgpu_refusal *refusal)
{
	struct drm_mmgpu_ctx_query query;
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, refusal->ctx);
	igt_assert_eq(igt_mmgpu_job_run(refusal->fd, &job), 0);
	igt_mmgpu_ctx_query(refusal->fd, refusal->ctx, &query);
	igt_assert_eq_u32(query.status, 0);
	return query.jobs_done;
}

uint64_t igt_mmgpu_refusal_before(struct igt_mmgpu_refusal *refusal)
{
	return jobs_until_now(refusal);
}

void igt_mmgpu_refusal_after(struct igt_mmgpu_refusal *refusal, uint64_t before)
{
	int fd = refusal->fd;

	igt_assert_eq_u64(jobs_until_now(refusal), before + 1);
	for (int i = 0; i < 2; i++) {
		igt_assert(!igt_mmgpu_syncobj_has_fence(fd, refusal->out[i]));
		igt_assert(igt_mmgpu_syncobj_has_fence(fd, refusal->in[i]));
		igt_assert(!igt_mmgpu_bo_busy(fd, refusal->bo[i], MMGPU_BO_WAIT_WRITE));
	}
	igt_assert_eq_u32(igt_mmgpu_next_handle(fd), refusal->next_handle);
	contents_untouched(refusal);
}

void igt_mmgpu_refusal_expect(struct igt_mmgpu_refusal *refusal, int err)
{
	uint64_t jobs = igt_mmgpu_refusal_before(refusal);
	struct igt_mmgpu_job *before = malloc(sizeof(*before));
	struct igt_mmgpu_job *job = &refusal->job;
	int ret;

	igt_assert(before);
	memcpy(before, job, sizeof(*job));
	ret = __igt_mmgpu_job_submit(refusal->fd, job);
	igt_assert_f(ret == -err, "got %d (%s), expected %d (%s)\n", ret, strerror(-ret), -err,
		     strerror(err));
	igt_assert_f(!memcmp(before, job, sizeof(*job)), "the arguments were written to\n");
	free(before);
	igt_mmgpu_refusal_after(refusal, jobs);
}

void igt_mmgpu_refusal_accept(struct igt_mmgpu_refusal *refusal)
{
	/* Not igt_mmgpu_job_run(): the test may have put its lists anywhere. */
	igt_mmgpu_job_submit(refusal->fd, &refusal->job);
	igt_mmgpu_refusal_accepted(refusal);
}

void igt_mmgpu_refusal_accepted(struct igt_mmgpu_refusal *refusal)
{
	int fd = refusal->fd;

	igt_assert_eq(igt_mmgpu_syncobj_result(fd, refusal->out[0]), 0);
	igt_mmgpu_syncobj_wait(fd, refusal->out[1], 1);
	for (int i = 0; i < 2; i++) {
		igt_mmgpu_bo_wait(fd, refusal->bo[i], MMGPU_BO_WAIT_WRITE);
		igt_mmgpu_syncobj_destroy(fd, refusal->out[i]);
	}
	fresh(refusal);
}
