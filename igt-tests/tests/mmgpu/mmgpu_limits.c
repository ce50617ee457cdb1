// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * What GET_PARAM promises can be had in full. One more than that: mmgpu_submit_bad,
 * mmgpu_args and, for contexts, mmgpu_ctx.
 */

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_small.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

IGT_TEST_DESCRIPTION("Limits, used to the full.");

#define PAGE	4096ull

static int fd = -1;

static void params(void)
{
	static const struct {
		uint32_t param;
		uint64_t min;
		uint64_t max;
	} sane[] = {
		{ MMGPU_PARAM_ENGINE_COUNT, 1, 16 },
		{ MMGPU_PARAM_MAX_CMDS, 1, UINT32_MAX },
		{ MMGPU_PARAM_MAX_BOS, 1, UINT32_MAX },
		{ MMGPU_PARAM_MAX_SYNCS, 1, UINT32_MAX },
		{ MMGPU_PARAM_MAX_CONTEXTS, 1, UINT32_MAX },
		{ MMGPU_PARAM_MAX_JOBS, 1, UINT32_MAX },
		{ MMGPU_PARAM_MAX_BO_SIZE, PAGE, INT64_MAX },
		{ MMGPU_PARAM_MAX_GRANTS, 1, UINT32_MAX },
		{ MMGPU_PARAM_JOB_TIMEOUT_MS, 10, 600000 },
		{ MMGPU_PARAM_MAX_DELAY_MS, 0, 600000 },
		{ MMGPU_PARAM_SVM, 0, 1 },
	};
	struct drm_mmgpu_get_param args = { };

	for (size_t i = 0; i < igt_mmgpu_count(sane); i++) {
		args.param = sane[i].param;
		args.value = UINT64_MAX;
		igt_assert_eq(igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_GET_PARAM, &args), 0);
		igt_assert_eq_u32(args.param, sane[i].param);
		igt_assert_lte_u64(sane[i].min, args.value);
		igt_assert_lte_u64(args.value, sane[i].max);
	}
	igt_assert_eq_u64(igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_BO_SIZE) % PAGE, 0);
}

/* The three limits of a list at once, in one job with elements of odd sizes too. */
static void lists(size_t extra)
{
	uint64_t max_cmds = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_CMDS);
	uint64_t max_bos = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_BOS);
	uint64_t max_syncs = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_SYNCS);
	size_t cmd_stride = sizeof(struct drm_mmgpu_cmd) + extra;
	size_t bo_stride = sizeof(struct drm_mmgpu_bo_ref) + extra;
	size_t sync_stride = sizeof(struct drm_mmgpu_sync) + extra;
	char *cmds = calloc(max_cmds, cmd_stride);
	char *bos = calloc(max_bos, bo_stride);
	char *in = calloc(max_syncs, sync_stride);
	char *out = calloc(max_syncs, sync_stride);
	struct drm_mmgpu_submit submit = {
		.cmds = { cmd_stride, max_cmds, (uintptr_t)cmds },
		.bos = { bo_stride, max_bos, (uintptr_t)bos },
		.in_syncs = { sync_stride, max_syncs, (uintptr_t)in },
		.out_syncs = { sync_stride, max_syncs, (uintptr_t)out },
	};
	uint32_t *handles = calloc(max_bos, sizeof(*handles));
	uint32_t *syncobjs = calloc(max_syncs, sizeof(*syncobjs));
	uint32_t signaled = igt_mmgpu_syncobj_create_signaled(fd);

	igt_assert(cmds && bos && in && out && handles && syncobjs);
	for (uint64_t i = 0; i < max_bos; i++) {
		struct drm_mmgpu_bo_ref bo = { .flags = MMGPU_BO_REF_WRITE };

		bo.handle = handles[i] = igt_mmgpu_bo_create(fd, PAGE, 0);
		memcpy(bos + i * bo_stride, &bo, sizeof(bo));
	}
	for (uint64_t i = 0; i < max_cmds; i++) {
		struct drm_mmgpu_cmd cmd = {
			.op = MMGPU_OP_ADD,
			.dst_bo = i % max_bos,
			.value = 1,
		};

		memcpy(cmds + i * cmd_stride, &cmd, sizeof(cmd));
	}
	for (uint64_t i = 0; i < max_syncs; i++) {
		struct drm_mmgpu_sync sync = { .handle = signaled };

		memcpy(in + i * sync_stride, &sync, sizeof(sync));
		sync.handle = syncobjs[i] = igt_mmgpu_syncobj_create(fd);
		memcpy(out + i * sync_stride, &sync, sizeof(sync));
	}

	igt_assert_eq(__igt_mmgpu_submit(fd, &submit), 0);
	for (uint64_t i = 0; i < max_syncs; i++)
		igt_assert_eq(igt_mmgpu_syncobj_result(fd, syncobjs[i]), 0);
	for (uint64_t i = 0; i < max_bos; i++) {
		uint64_t *map = igt_mmgpu_bo_map(fd, handles[i], 0, PROT_READ);

		igt_assert_eq_u64(map[0], max_cmds / max_bos + (i < max_cmds % max_bos));
		munmap(map, PAGE);
		igt_mmgpu_bo_close(fd, handles[i]);
	}
	for (uint64_t i = 0; i < max_syncs; i++)
		igt_mmgpu_syncobj_destroy(fd, syncobjs[i]);
	igt_mmgpu_syncobj_destroy(fd, signaled);
	free(cmds);
	free(bos);
	free(in);
	free(out);
	free(handles);
	free(syncobjs);
}

/* ---- MAX_JOBS: the submission that waits ------------------------------------------------ */

struct full {
	struct igt_mmgpu_gate gate;
	struct igt_mmgpu_job job;
	uint32_t ctx;
	uint32_t wait;
	uint64_t max;
};

/* A context with no free place, until the gate opens. */
static void full_init(struct full *full)
{
	full->max = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_JOBS);
	igt_mmgpu_gate_init(&full->gate);
	full->wait = igt_mmgpu_gate_syncobj(&full->gate, fd);
	full->ctx = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	igt_mmgpu_job_init(&full->job, full->ctx);
	igt_mmgpu_job_in(&full->job, full->wait, 0);
	for (uint64_t i = 0; i < full->max; i++)
		igt_mmgpu_job_submit(fd, &full->job);
	igt_mmgpu_job_init(&full->job, full->ctx);
}

static void full_fini(struct full *full)
{
	igt_mmgpu_syncobj_destroy(fd, full->wait);
	igt_mmgpu_gate_fini(&full->gate);
}

static uint64_t jobs_done(uint32_t ctx)
{
	struct drm_mmgpu_ctx_query query;

	igt_mmgpu_ctx_query(fd, ctx, &query);
	return query.jobs_done;
}

static void nothing(int sig)
{
}

/* SIGALRM every ms milliseconds, without SA_RESTART; 0 stops it. */
static void ticks(int ms)
{
	struct sigaction action = { .sa_handler = nothing };
	struct itimerval timer = {
		.it_interval.tv_usec = ms * 1000,
		.it_value.tv_usec = ms * 1000,
	};

	igt_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
	igt_assert_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

/* The call must wait, or the signal could not interrupt it; and it must leave no job. */
static void interrupted(struct full *full)
{
	ticks(20);
	for (int i = 0; i < 5; i++)
		igt_assert_eq(igt_mmgpu_ioctl_once(fd, DRM_IOCTL_MMGPU_SUBMIT,
						   &full->job.submit), -EINTR);
	ticks(0);
}

static int child_submits(struct igt_mmgpu_proc *self, void *data)
{
	struct full *full = data;
	char byte = 0;

	ticks(5);
	igt_mmgpu_send(self->sock, &byte, 1);
	igt_assert_eq(igt_mmgpu_job_run(fd, &full->job), 0);
	return 0;
}

static void max_jobs(void)
{
	struct igt_mmgpu_proc proc;
	struct full full;
	char byte;

	full_init(&full);
	interrupted(&full);

	/* Taken up again and again by drmIoctl(), it gets its place in the end. */
	igt_mmgpu_proc_start(&proc, child_submits, &full);
	igt_mmgpu_recv(proc.sock, &byte, 1);
	igt_assert_eq(igt_mmgpu_poll_ms(proc.sock, POLLIN, 50), 0);
	igt_assert_eq_u64(jobs_done(full.ctx), 0);
	igt_mmgpu_gate_open(&full.gate);
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
	igt_assert_eq_u64(jobs_done(full.ctx), full.max + 1);
	igt_mmgpu_ctx_destroy(fd, full.ctx);
	full_fini(&full);
}

static void max_jobs_others(void)
{
	struct igt_mmgpu_job job;
	struct full full;

	full_init(&full);
	igt_mmgpu_job_init(&job, 0);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_mmgpu_gate_open(&full.gate);
	igt_assert_eq(igt_mmgpu_job_run(fd, &full.job), 0);
	igt_mmgpu_ctx_destroy(fd, full.ctx);
	full_fini(&full);
}

/* A refused submission does not wait first. */
static void max_jobs_bad(void)
{
	struct full full;

	full_init(&full);
	full.job.submit.flags = 1;
	igt_assert_eq(__igt_mmgpu_job_submit(fd, &full.job), -EINVAL);
	full.job.submit.flags = 0;
	igt_mmgpu_cmd(&full.job, MMGPU_OP_NOP)->pad = 1;
	igt_assert_eq(__igt_mmgpu_job_submit(fd, &full.job), -EINVAL);
	igt_mmgpu_gate_open(&full.gate);
	igt_mmgpu_ctx_destroy(fd, full.ctx);
	full_fini(&full);
}

/* The running job has a place too. */
static void max_jobs_running(void)
{
	uint64_t max = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_JOBS);
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	uint64_t *map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ);
	uint32_t done = igt_mmgpu_syncobj_create(fd);
	struct igt_mmgpu_job job;
	struct full full;

	full.ctx = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	igt_mmgpu_job_init(&job, full.ctx);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, 0, 0, 8, 1);
	igt_mmgpu_cmd_delay(&job, igt_mmgpu_is_slow() ? 6000 : 1500);
	igt_mmgpu_job_out(&job, done, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_mmgpu_await(map, 1);
	igt_mmgpu_job_init(&full.job, full.ctx);
	for (uint64_t i = 1; i < max; i++)
		igt_mmgpu_job_submit(fd, &full.job);
	interrupted(&full);
	igt_assert_eq(igt_mmgpu_syncobj_status(fd, done), 0);
	igt_assert_eq(igt_mmgpu_job_run(fd, &full.job), 0);
	igt_assert_eq_u64(jobs_done(full.ctx), max + 1);

	igt_mmgpu_ctx_destroy(fd, full.ctx);
	munmap(map, PAGE);
	igt_mmgpu_bo_close(fd, handle);
	igt_mmgpu_syncobj_destroy(fd, done);
}

static int child_waits(struct igt_mmgpu_proc *self, void *data)
{
	struct full *full = data;
	char byte = 0;
	int ret;

	igt_mmgpu_send(self->sock, &byte, 1);
	ret = __igt_mmgpu_job_submit(fd, &full->job);
	igt_mmgpu_send(self->sock, &ret, sizeof(ret));
	return 0;
}

/* Who waits for a place in a context that goes away is woken and told. */
static void max_jobs_destroy(void)
{
	struct igt_mmgpu_proc proc;
	struct full full;
	char byte;
	int ret;

	full_init(&full);
	igt_mmgpu_proc_start(&proc, child_waits, &full);
	igt_mmgpu_recv(proc.sock, &byte, 1);
	igt_assert_eq(igt_mmgpu_poll_ms(proc.sock, POLLIN, 50), 0);
	igt_mmgpu_ctx_destroy(fd, full.ctx);
	igt_mmgpu_recv(proc.sock, &ret, sizeof(ret));
	igt_assert_f(ret == -ENOENT || ret == -ECANCELED, "got %d\n", ret);
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
	full_fini(&full);
}

static void max_jobs_kill(void)
{
	struct igt_mmgpu_proc proc;
	struct full full;
	char byte;

	full_init(&full);
	igt_mmgpu_proc_start(&proc, child_waits, &full);
	igt_mmgpu_recv(proc.sock, &byte, 1);
	igt_assert_eq(igt_mmgpu_poll_ms(proc.sock, POLLIN, 50), 0);
	igt_assert_eq(kill(proc.pid, SIGKILL), 0);
	igt_assert_eq(igt_mmgpu_proc_join(&proc), -SIGKILL);
	igt_mmgpu_gate_open(&full.gate);
	igt_assert_eq(igt_mmgpu_job_run(fd, &full.job), 0);
	igt_assert_eq_u64(jobs_done(full.ctx), full.max + 1);
	igt_mmgpu_ctx_destroy(fd, full.ctx);
	full_fini(&full);
}

int igt_main()
{
	igt_fixture()
		fd = igt_mmgpu_open();

	igt_describe("Every parameter has a sensible value.");
	igt_subtest("params")
		params();

	igt_describe("A job of MAX_CMDS, MAX_BOS and twice MAX_SYNCS.");
	igt_subtest("lists")
		lists(0);

	igt_describe("The same with larger elements.");
	igt_subtest("lists-stride")
		lists(8);

	igt_describe("The same with elements of odd size.");
	igt_subtest("lists-stride-odd")
		lists(13);

	igt_describe("The job over MAX_JOBS waits, interruptibly, and then runs.");
	igt_subtest("max-jobs")
		max_jobs();

	igt_describe("A full context is nobody else's business.");
	igt_subtest("max-jobs-others")
		max_jobs_others();

	igt_describe("A wrong submission to a full context is refused at once.");
	igt_subtest("max-jobs-bad")
		max_jobs_bad();

	igt_describe("A running job counts.");
	igt_subtest("max-jobs-running")
		max_jobs_running();

	igt_describe("Destroying the context ends the wait.");
	igt_subtest("max-jobs-destroy")
		max_jobs_destroy();

	igt_describe("A killed process ends its wait.");
	igt_subtest("max-jobs-kill")
		max_jobs_kill();

	igt_fixture() {
		igt_mmgpu_proc_cleanup();
		close(fd);
	}
}
