// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Of several errors in one submission the first of the contract's order is told. */

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_refusal.h"

#include <errno.h>
#include <limits.h>

IGT_TEST_DESCRIPTION("Submissions with two wrong fields.");

static struct igt_mmgpu_refusal refusal;
static int fd = -1;
static uint32_t empty;
static uint32_t banned;

/*
 * Each spoils what no other touches, so that any two go together: what is about elements
 * uses the second of a list, what is about its address is in another list.
 */
static void submit_flags(struct igt_mmgpu_job *job)
{
	job->submit.flags = 1;
}

static void cmds_count(struct igt_mmgpu_job *job)
{
	job->submit.cmds.count = UINT_MAX;
}

static void out_syncs_count(struct igt_mmgpu_job *job)
{
	job->submit.out_syncs.count = UINT_MAX;
}

static void out_syncs_pointer(struct igt_mmgpu_job *job)
{
	void *bad = igt_mmgpu_bad_pointer();

	job->submit.out_syncs.array = (uintptr_t)bad;
}

static void cmd_pad(struct igt_mmgpu_job *job)
{
	job->cmds[IGT_MMGPU_REFUSAL_NOP].pad = 1;
}

static void bo_no_flags(struct igt_mmgpu_job *job)
{
	job->bos[1].flags = 0;
}

static void in_sync_flags(struct igt_mmgpu_job *job)
{
	job->in_syncs[1].flags = 1u << 31;
}

static void svm_on_legacy(struct igt_mmgpu_job *job)
{
	job->cmds[IGT_MMGPU_REFUSAL_TIMESTAMP].flags = MMGPU_CMD_DST_SVM;
}

static void unknown_ctx(struct igt_mmgpu_job *job)
{
	job->submit.ctx_id = INT_MAX;
}

static void banned_ctx(struct igt_mmgpu_job *job)
{
	if (job->submit.ctx_id != INT_MAX)
		job->submit.ctx_id = banned;
}

static void unknown_bo(struct igt_mmgpu_job *job)
{
	job->bos[0].handle = INT_MAX;
}

/* A third entry, the same as the second: BO 0 may be unknown at the same time. */
static void duplicate_bo(struct igt_mmgpu_job *job)
{
	igt_mmgpu_job_bo(job, job->bos[1].handle, MMGPU_BO_REF_READ);
}

static void unknown_in_sync(struct igt_mmgpu_job *job)
{
	job->in_syncs[0].handle = INT_MAX;
}

static void unknown_out_sync(struct igt_mmgpu_job *job)
{
	job->out_syncs[0].handle = INT_MAX;
}

static void in_sync_without_fence(struct igt_mmgpu_job *job)
{
	igt_mmgpu_job_in(job, empty, 0);
}

static void cmd_range(struct igt_mmgpu_job *job)
{
	job->cmds[IGT_MMGPU_REFUSAL_COPY].dst = UINT64_MAX;
}

static void cmd_index(struct igt_mmgpu_job *job)
{
	job->cmds[IGT_MMGPU_REFUSAL_FILL].dst_bo = 99;
}

static void cmd_read_only(struct igt_mmgpu_job *job)
{
	job->cmds[IGT_MMGPU_REFUSAL_ADD].dst_bo = 1;
}

/*
 * The stages of the contract, in order. Two of one stage are in no order, except where the
 * contract says so: unknown before banned, unknown before duplicate, unknown before no
 * fence.
 */
static const struct step {
	const char *name;
	int stage;
	int err;
	void (*spoil)(struct igt_mmgpu_job *job);
} steps[] = {
	{ "flags", 10, EINVAL, submit_flags },
	{ "cmds-count", 15, E2BIG, cmds_count },
	{ "out-syncs-count", 15, E2BIG, out_syncs_count },
	{ "out-syncs-pointer", 20, EFAULT, out_syncs_pointer },
	{ "cmd-pad", 30, EINVAL, cmd_pad },
	{ "bo-no-flags", 30, EINVAL, bo_no_flags },
	{ "in-sync-flags", 30, EINVAL, in_sync_flags },
	{ "svm-on-legacy", 35, EOPNOTSUPP, svm_on_legacy },
	{ "unknown-ctx", 40, ENOENT, unknown_ctx },
	{ "banned-ctx", 45, ECANCELED, banned_ctx },
	{ "unknown-bo", 50, ENOENT, unknown_bo },
	{ "duplicate-bo", 55, EINVAL, duplicate_bo },
	{ "unknown-in-sync", 60, ENOENT, unknown_in_sync },
	{ "unknown-out-sync", 60, ENOENT, unknown_out_sync },
	{ "in-sync-without-fence", 65, EINVAL, in_sync_without_fence },
	{ "cmd-range", 80, EINVAL, cmd_range },
	{ "cmd-index", 80, EINVAL, cmd_index },
	{ "cmd-read-only", 80, EINVAL, cmd_read_only },
};

/* A hang: the only way to a banned context. */
static void ban(void)
{
	uint64_t timeout = igt_mmgpu_get_param(fd, MMGPU_PARAM_JOB_TIMEOUT_MS);
	uint64_t max = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_DELAY_MS);
	struct igt_mmgpu_job job;

	igt_require_f(timeout < max && timeout <= 5000,
		      "a job cannot hang here in a reasonable time\n");
	if (banned)
		return;
	banned = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	igt_mmgpu_job_init(&job, banned);
	igt_mmgpu_cmd_delay(&job, max);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), -ETIME);
}

static void both(const struct step *first, const struct step *second)
{
	igt_debug("%s and %s\n", first->name, second->name);
	igt_mmgpu_refusal_reset(&refusal);
	first->spoil(&refusal.job);
	second->spoil(&refusal.job);
	igt_mmgpu_refusal_expect(&refusal, first->err);
}

/* The step with every one that comes after it, and at last with all of them. */
static void with_all_later(size_t which)
{
	const struct step *step = &steps[which];

	if (step->spoil == banned_ctx)
		ban();
	igt_mmgpu_refusal_reset(&refusal);
	step->spoil(&refusal.job);
	igt_mmgpu_refusal_expect(&refusal, step->err);
	for (size_t i = which + 1; i < igt_mmgpu_count(steps); i++)
		if (steps[i].stage > step->stage &&
		    (steps[i].spoil != banned_ctx || banned))
			both(step, &steps[i]);

	igt_mmgpu_refusal_reset(&refusal);
	step->spoil(&refusal.job);
	for (size_t i = which + 1; i < igt_mmgpu_count(steps); i++)
		if (steps[i].stage > step->stage &&
		    (steps[i].spoil != banned_ctx || banned))
			steps[i].spoil(&refusal.job);
	igt_mmgpu_refusal_expect(&refusal, step->err);
}

/* Malformed operands are told before operands that are only not offered. */
static void svm_malformed(void)
{
	igt_mmgpu_refusal_reset(&refusal);
	refusal.job.cmds[IGT_MMGPU_REFUSAL_FILL].flags = MMGPU_CMD_DST_SVM | MMGPU_CMD_SRC_SVM;
	igt_mmgpu_refusal_expect(&refusal, EINVAL);
}

/* Data that is not there is told before what stands in data that is there. */
static void tail(void)
{
	struct drm_mmgpu_sync *wide = calloc(2, 2 * sizeof(*wide));

	igt_assert(wide);
	igt_mmgpu_refusal_reset(&refusal);
	wide[0] = refusal.job.out_syncs[0];
	wide[2] = refusal.job.out_syncs[1];
	wide[3].handle = 1;
	refusal.job.submit.out_syncs.array = (uintptr_t)wide;
	refusal.job.submit.out_syncs.stride = 2 * sizeof(*wide);
	refusal.job.cmds[0].pad = 1;
	refusal.job.submit.ctx_id = INT_MAX;
	igt_mmgpu_refusal_expect(&refusal, E2BIG);
	free(wide);
}

int igt_main()
{
	igt_fixture() {
		fd = igt_mmgpu_open();
		igt_mmgpu_refusal_init(&refusal, fd);
		empty = igt_mmgpu_syncobj_create(fd);
	}

	/* Backwards, so that the ban comes early and takes part in all that are before it. */
	for (size_t i = igt_mmgpu_count(steps); i-- > 0;) {
		igt_describe("This error is told before all that the contract puts later.");
		igt_subtest_f("order-%s", steps[i].name)
			with_all_later(i);
	}

	igt_describe("A CPU address where none can be is malformed before it is not supported.");
	igt_subtest("order-svm-malformed")
		svm_malformed();

	igt_describe("Elements with more in them than the driver knows come before their fields.");
	igt_subtest("order-tail")
		tail();

	igt_fixture() {
		igt_mmgpu_syncobj_destroy(fd, empty);
		igt_mmgpu_refusal_fini(&refusal);
		close(fd);
	}
}
