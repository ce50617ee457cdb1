// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Contexts: ids and limits, priorities, engines, order, and what they count. */

#include "igt.h"
#include "igt_mmgpu.h"

#include <errno.h>
#include <sys/mman.h>

IGT_TEST_DESCRIPTION("Contexts and their engines.");

static int fd = -1;

static void create_destroy(void)
{
	uint32_t one = igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY);
	uint32_t two = igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY);
	struct igt_mmgpu_job job;

	igt_assert_neq_u32(one, two);
	igt_mmgpu_ctx_destroy(fd, one);
	igt_assert_eq(__igt_mmgpu_ctx_destroy(fd, one), -ENOENT);
	igt_mmgpu_job_init(&job, one);
	igt_assert_eq(__igt_mmgpu_job_submit(fd, &job), -ENOENT);
	igt_mmgpu_job_init(&job, two);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_mmgpu_ctx_destroy(fd, two);
}

static void query(void)
{
	uint32_t ctx = igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY);
	struct drm_mmgpu_ctx_query args;

	memset(&args, 0xff, sizeof(args));
	args.ctx_id = ctx;
	igt_assert_eq(igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_CTX_QUERY, &args), 0);
	igt_assert_eq_u32(args.ctx_id, ctx);
	igt_assert_eq_u32(args.status, 0);
	igt_assert_eq_u64(args.hangs, 0);
	igt_assert_eq_u64(args.faults, 0);
	igt_assert_eq_u64(args.jobs_done, 0);
	igt_mmgpu_ctx_destroy(fd, ctx);
}

/* The count is there when the fence is: no waiting between. */
static void jobs_done(uint32_t ctx)
{
	struct drm_mmgpu_ctx_query args;
	struct igt_mmgpu_job job;
	uint64_t start;

	igt_mmgpu_ctx_query(fd, ctx, &args);
	start = args.jobs_done;
	for (int i = 1; i <= 100; i++) {
		igt_mmgpu_job_init(&job, ctx);
		igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
		igt_mmgpu_ctx_query(fd, ctx, &args);
		igt_assert_eq_u64(args.jobs_done, start + i);
	}
}

/* A job counts when it is over. */
static void jobs_waiting(void)
{
	uint32_t ctx = igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY);
	struct drm_mmgpu_ctx_query args;
	struct igt_mmgpu_gate gate;
	struct igt_mmgpu_job job;
	uint32_t wait;

	igt_mmgpu_gate_init(&gate);
	wait = igt_mmgpu_gate_syncobj(&gate, fd);
	igt_mmgpu_job_init(&job, ctx);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_mmgpu_job_in(&job, wait, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_mmgpu_ctx_query(fd, ctx, &args);
	igt_assert_eq_u64(args.jobs_done, 1);
	igt_mmgpu_gate_open(&gate);
	igt_mmgpu_job_init(&job, ctx);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_mmgpu_ctx_query(fd, ctx, &args);
	igt_assert_eq_u64(args.jobs_done, 3);

	igt_mmgpu_syncobj_destroy(fd, wait);
	igt_mmgpu_ctx_destroy(fd, ctx);
	igt_mmgpu_gate_fini(&gate);
}

static void limit(void)
{
	uint64_t max = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_CONTEXTS);
	uint32_t *ids = calloc(max, sizeof(*ids));
	int other = igt_mmgpu_reopen(fd);
	struct drm_mmgpu_ctx_create args = { .engine = MMGPU_ENGINE_ANY, .ctx_id = 0x5a5a };
	struct igt_mmgpu_job job;

	igt_assert(ids);
	for (uint64_t i = 0; i < max; i++) {
		ids[i] = igt_mmgpu_ctx_create(other, 0, MMGPU_ENGINE_ANY);
		for (uint64_t j = 0; j < i; j++)
			igt_assert_neq_u32(ids[j], ids[i]);
	}
	igt_mmgpu_refused(other, DRM_IOCTL_MMGPU_CTX_CREATE, &args, E2BIG);

	/* The file's own is not counted, and other files have their own limit. */
	igt_mmgpu_job_init(&job, 0);
	igt_assert_eq(igt_mmgpu_job_run(other, &job), 0);
	igt_mmgpu_ctx_destroy(fd, igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY));

	/* A free place is free again, whichever it was. */
	igt_mmgpu_ctx_destroy(other, ids[max / 2]);
	igt_mmgpu_ctx_create(other, 0, MMGPU_ENGINE_ANY);
	igt_mmgpu_refused(other, DRM_IOCTL_MMGPU_CTX_CREATE, &args, E2BIG);
	free(ids);
	close(other);
}

static void per_file(void)
{
	int other = igt_mmgpu_reopen(fd);
	uint32_t ctx = igt_mmgpu_ctx_create(other, 0, MMGPU_ENGINE_ANY);
	uint32_t same;

	/* The same id on another file is another context, or none. */
	igt_assert_eq(__igt_mmgpu_ctx_destroy(fd, ctx), -ENOENT);
	same = igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY);
	igt_mmgpu_ctx_destroy(fd, same);
	igt_mmgpu_ctx_destroy(other, ctx);
	close(other);
}

/* ---- priorities ------------------------------------------------------------------------ */

static void priorities(void)
{
	for (int priority = MMGPU_PRIORITY_LOW; priority <= MMGPU_PRIORITY_HIGH; priority++) {
		uint32_t ctx = igt_mmgpu_ctx_create(fd, priority, MMGPU_ENGINE_ANY);
		struct igt_mmgpu_job job;

		igt_mmgpu_job_init(&job, ctx);
		igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
		igt_mmgpu_ctx_destroy(fd, ctx);
	}
}

static int child_without_cap(struct igt_mmgpu_proc *self, void *data)
{
	struct drm_mmgpu_ctx_create args = {
		.priority = MMGPU_PRIORITY_HIGH,
		.engine = MMGPU_ENGINE_ANY,
		.ctx_id = 0x5a5a,
	};

	igt_mmgpu_drop_root();
	igt_mmgpu_refused(fd, DRM_IOCTL_MMGPU_CTX_CREATE, &args, EACCES);
	igt_mmgpu_ctx_destroy(fd, igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, 0));
	igt_mmgpu_ctx_destroy(fd, igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_LOW, 0));
	return 0;
}

/* ---- engines --------------------------------------------------------------------------- */

static void engines(void)
{
	uint32_t count = igt_mmgpu_get_param(fd, MMGPU_PARAM_ENGINE_COUNT);

	for (uint32_t engine = 0; engine < count; engine++) {
		uint32_t ctx = igt_mmgpu_ctx_create(fd, 0, engine);
		struct igt_mmgpu_job job;

		igt_mmgpu_job_init(&job, ctx);
		igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
		igt_mmgpu_ctx_destroy(fd, ctx);
	}
}

struct busy {
	uint32_t handle;
	uint32_t done;
	uint64_t *map;
};

/* A job on the context that is running when this returns, and goes on for ms. */
static void run_delay(struct busy *busy, uint32_t ctx, uint64_t ms)
{
	struct igt_mmgpu_job job;

	busy->handle = igt_mmgpu_bo_create(fd, 4096, 0);
	busy->map = igt_mmgpu_bo_map(fd, busy->handle, 0, PROT_READ);
	busy->done = igt_mmgpu_syncobj_create(fd);
	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_job_bo(&job, busy->handle, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, 0, 0, 8, 1);
	igt_mmgpu_cmd_delay(&job, ms);
	igt_mmgpu_cmd_fill(&job, 0, 0, 8, 2);
	igt_mmgpu_job_out(&job, busy->done, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_mmgpu_await(busy->map, 1);
}

/* Tells how the job ended. */
static int end_delay(struct busy *busy)
{
	int result = igt_mmgpu_syncobj_result(fd, busy->done);

	munmap(busy->map, 4096);
	igt_mmgpu_bo_close(fd, busy->handle);
	igt_mmgpu_syncobj_destroy(fd, busy->done);
	return result;
}

/* While one engine is busy, a job for the second engine runs through. */
static void beside_busy(uint32_t busy_engine, uint32_t engine)
{
	uint32_t one, two;
	struct igt_mmgpu_job job;
	struct busy busy;

	igt_require_f(igt_mmgpu_get_param(fd, MMGPU_PARAM_ENGINE_COUNT) > 1,
		      "needs a device with two engines\n");
	one = igt_mmgpu_ctx_create(fd, 0, busy_engine);
	two = igt_mmgpu_ctx_create(fd, 0, engine);
	run_delay(&busy, one, 1500);
	igt_mmgpu_job_init(&job, two);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_assert_eq(igt_mmgpu_syncobj_status(fd, busy.done), 0);
	igt_assert_eq(end_delay(&busy), 0);
	igt_mmgpu_ctx_destroy(fd, one);
	igt_mmgpu_ctx_destroy(fd, two);
}

/* One engine does one thing at a time. */
static void behind_busy(void)
{
	uint32_t one = igt_mmgpu_ctx_create(fd, 0, 0);
	uint32_t two = igt_mmgpu_ctx_create(fd, 0, 0);
	struct igt_mmgpu_job job;
	struct busy busy;

	run_delay(&busy, one, 300);
	igt_mmgpu_job_init(&job, two);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_assert_eq(igt_mmgpu_syncobj_status(fd, busy.done), 1);
	igt_assert_eq(end_delay(&busy), 0);
	igt_mmgpu_ctx_destroy(fd, one);
	igt_mmgpu_ctx_destroy(fd, two);
}

/*
 * A job that waits for a fence keeps no engine: all the others overtake it, each of
 * another context.
 */
static void waiting_keeps_no_engine(void)
{
	uint32_t count = igt_mmgpu_get_param(fd, MMGPU_PARAM_ENGINE_COUNT);
	uint32_t waiters[16], wait, done;
	struct igt_mmgpu_gate gate;
	struct igt_mmgpu_job job;

	igt_assert_lte(count, igt_mmgpu_count(waiters));
	igt_mmgpu_gate_init(&gate);
	wait = igt_mmgpu_gate_syncobj(&gate, fd);
	done = igt_mmgpu_syncobj_create(fd);
	for (uint32_t engine = 0; engine < count; engine++) {
		waiters[engine] = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_HIGH, engine);
		igt_mmgpu_job_init(&job, waiters[engine]);
		igt_mmgpu_job_in(&job, wait, 0);
		igt_mmgpu_job_out(&job, done, 0);
		igt_mmgpu_job_submit(fd, &job);
	}
	for (uint32_t engine = 0; engine < count; engine++) {
		uint32_t ctx = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_LOW, engine);

		igt_mmgpu_job_init(&job, ctx);
		igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
		igt_mmgpu_ctx_destroy(fd, ctx);
	}
	igt_assert_eq(igt_mmgpu_syncobj_status(fd, done), 0);
	igt_mmgpu_gate_open(&gate);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, done), 0);
	for (uint32_t engine = 0; engine < count; engine++)
		igt_mmgpu_ctx_destroy(fd, waiters[engine]);
	igt_mmgpu_syncobj_destroy(fd, done);
	igt_mmgpu_syncobj_destroy(fd, wait);
	igt_mmgpu_gate_fini(&gate);
}

/* ---- order ------------------------------------------------------------------------------ */

/* Each job writes a timestamp and its number; no implicit sync helps. */
static void order(uint32_t ctx)
{
	enum { JOBS = 64 };
	const uint32_t flags = MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC;
	uint32_t handle = igt_mmgpu_bo_create(fd, 4096, 0);
	uint64_t *map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ);
	uint32_t done[JOBS];

	for (int i = 0; i < JOBS; i++) {
		struct igt_mmgpu_job job;

		done[i] = igt_mmgpu_syncobj_create(fd);
		igt_mmgpu_job_init(&job, ctx);
		igt_mmgpu_job_bo(&job, handle, flags);
		igt_mmgpu_cmd_timestamp(&job, 0, 8 + i * 16);
		if (i % 16 == 0)
			igt_mmgpu_cmd_delay(&job, 5);
		igt_mmgpu_cmd_timestamp(&job, 0, 16 + i * 16);
		igt_mmgpu_cmd_fill(&job, 0, 0, 8, i);
		igt_mmgpu_job_out(&job, done[i], 0);
		igt_mmgpu_job_submit(fd, &job);
	}

	/* When a fence has signalled, all before it have. */
	for (int i = JOBS - 1; i >= 0; i -= 7) {
		igt_assert_eq(igt_mmgpu_syncobj_result(fd, done[i]), 0);
		for (int j = 0; j <= i; j++)
			igt_assert_eq(igt_mmgpu_syncobj_status(fd, done[j]), 1);
	}
	igt_assert_eq_u64(map[0], JOBS - 1);
	for (int i = 1; i < JOBS * 2; i++)
		igt_assert_lte_u64(map[i], map[i + 1]);

	for (int i = 0; i < JOBS; i++)
		igt_mmgpu_syncobj_destroy(fd, done[i]);
	munmap(map, 4096);
	igt_mmgpu_bo_close(fd, handle);
}

static void order_all(void)
{
	uint32_t any = igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY);
	uint32_t first = igt_mmgpu_ctx_create(fd, 0, 0);

	order(0);
	order(any);
	order(first);
	igt_mmgpu_ctx_destroy(fd, any);
	igt_mmgpu_ctx_destroy(fd, first);
}

/* A job that could run at once waits for the one before it in its context. */
static void order_waiting(void)
{
	uint32_t ctx = igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY);
	uint32_t handle = igt_mmgpu_bo_create(fd, 4096, 0);
	uint64_t *map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ);
	uint32_t wait, done = igt_mmgpu_syncobj_create(fd);
	struct igt_mmgpu_gate gate;
	struct igt_mmgpu_job job;

	igt_mmgpu_gate_init(&gate);
	wait = igt_mmgpu_gate_syncobj(&gate, fd);
	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_job_in(&job, wait, 0);
	igt_mmgpu_job_submit(fd, &job);

	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, 0, 0, 8, 1);
	igt_mmgpu_job_out(&job, done, 0);
	igt_mmgpu_job_submit(fd, &job);

	/* Something else that comes later gives it all the time to go wrong. */
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_delay(&job, 20);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_assert_eq_u64(map[0], 0);
	igt_assert_eq(igt_mmgpu_syncobj_status(fd, done), 0);

	igt_mmgpu_gate_open(&gate);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, done), 0);
	igt_assert_eq_u64(map[0], 1);

	munmap(map, 4096);
	igt_mmgpu_bo_close(fd, handle);
	igt_mmgpu_syncobj_destroy(fd, done);
	igt_mmgpu_syncobj_destroy(fd, wait);
	igt_mmgpu_ctx_destroy(fd, ctx);
	igt_mmgpu_gate_fini(&gate);
}

struct shared_ctx {
	uint32_t ctx;
	uint32_t handle;
};

/* Each job moves its own counter to where the next expects it. */
static int child_counts(struct igt_mmgpu_proc *self, void *data)
{
	const struct shared_ctx *shared = data;
	struct igt_mmgpu_job job;
	uint64_t at;

	igt_mmgpu_recv(self->sock, &at, sizeof(at));
	for (int i = 0; i < 100; i++) {
		igt_mmgpu_job_init(&job, shared->ctx);
		igt_mmgpu_job_bo(&job, shared->handle, MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE |
				 MMGPU_BO_REF_NO_IMPLICIT_SYNC);
		/* Nothing is atomic here: only the order of the context keeps the sum right. */
		igt_mmgpu_cmd_copy(&job, 0, at, 0, 0, 8);
		igt_mmgpu_cmd_add(&job, 0, at, 1);
		igt_mmgpu_cmd_copy(&job, 0, 0, 0, at, 8);
		igt_mmgpu_job_submit(fd, &job);
	}
	igt_mmgpu_job_init(&job, shared->ctx);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	return 0;
}

/* Several processes at once on one context, which takes them one after the other. */
static void order_submitters(void)
{
	struct shared_ctx shared = {
		.ctx = igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY),
		.handle = igt_mmgpu_bo_create(fd, 4096, 0),
	};
	uint64_t *map = igt_mmgpu_bo_map(fd, shared.handle, 0, PROT_READ);
	struct drm_mmgpu_ctx_query args;
	struct igt_mmgpu_proc procs[4];

	for (uint64_t i = 0; i < igt_mmgpu_count(procs); i++)
		igt_mmgpu_proc_start(&procs[i], child_counts, &shared);
	for (uint64_t i = 0; i < igt_mmgpu_count(procs); i++) {
		uint64_t at = 64 * (i + 1);

		igt_mmgpu_send(procs[i].sock, &at, sizeof(at));
	}
	for (size_t i = 0; i < igt_mmgpu_count(procs); i++)
		igt_assert_eq(igt_mmgpu_proc_join(&procs[i]), 0);
	igt_assert_eq_u64(map[0], 100 * igt_mmgpu_count(procs));
	igt_mmgpu_ctx_query(fd, shared.ctx, &args);
	igt_assert_eq_u64(args.jobs_done, 101 * igt_mmgpu_count(procs));
	munmap(map, 4096);
	igt_mmgpu_bo_close(fd, shared.handle);
	igt_mmgpu_ctx_destroy(fd, shared.ctx);
}

int igt_main()
{
	igt_fixture()
		fd = igt_mmgpu_open();

	igt_describe("A context can be used until it is destroyed.");
	igt_subtest("create-destroy")
		create_destroy();

	igt_describe("A new context has done nothing.");
	igt_subtest("query")
		query();

	igt_describe("The file's own context can be asked too.");
	igt_subtest("query-default")
		jobs_done(0);

	igt_describe("A job is counted before its fence signals.");
	igt_subtest("jobs-done") {
		uint32_t ctx = igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY);

		jobs_done(ctx);
		igt_mmgpu_ctx_destroy(fd, ctx);
	}

	igt_describe("A job that waits is not counted yet.");
	igt_subtest("jobs-waiting")
		jobs_waiting();

	igt_describe("A file has room for MAX_CONTEXTS that it made.");
	igt_subtest("limit")
		limit();

	igt_describe("An id belongs to its file.");
	igt_subtest("per-file")
		per_file();

	igt_describe("Root gets every priority.");
	igt_subtest("priorities") {
		igt_require_f(geteuid() == 0, "HIGH needs CAP_SYS_NICE\n");
		priorities();
	}

	igt_describe("High priority needs CAP_SYS_NICE, the others nothing.");
	igt_subtest("priority-high-unprivileged")
		igt_mmgpu_proc_run(child_without_cap, NULL);

	igt_describe("Every engine by its number.");
	igt_subtest("engines")
		engines();

	igt_describe("Two engines work at the same time.");
	igt_subtest("engines-parallel")
		beside_busy(0, 1);

	igt_describe("A context for any engine finds the idle one.");
	igt_subtest("engines-balance") {
		beside_busy(0, MMGPU_ENGINE_ANY);
		beside_busy(1, MMGPU_ENGINE_ANY);
	}

	igt_describe("One engine runs one job at a time.");
	igt_subtest("engine-serial")
		behind_busy();

	igt_describe("A job that waits for a fence does not hold an engine.");
	igt_subtest("engine-waiting-job")
		waiting_keeps_no_engine();

	igt_describe("Jobs of one context run and signal in the order of submission.");
	igt_subtest("order")
		order_all();

	igt_describe("A job that waits holds up the ones behind it in its context.");
	igt_subtest("order-waiting")
		order_waiting();

	igt_describe("Jobs of several processes on one context run one after the other.");
	igt_subtest("order-submitters")
		order_submitters();

	igt_fixture() {
		igt_mmgpu_proc_cleanup();
		close(fd);
	}
}
