// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * A job that runs over JOB_TIMEOUT_MS is killed alone, and its context with it. Meant for
 * a module loaded with a short job_timeout_ms.
 */

#include "igt.h"
#include "igt_mmgpu.h"

#include <errno.h>
#include <sys/mman.h>

IGT_TEST_DESCRIPTION("Jobs that hang.");

#define PAGE	4096ull

static int fd = -1;
static uint64_t timeout;
static uint64_t max_delay;

struct hang {
	uint32_t ctx;
	uint32_t handle;
	uint32_t done;
	uint64_t *map;
};

/* A hanging job on the context, running when this returns. Word 0: 1, and never 2. */
static void hang_start(struct hang *hang, uint32_t ctx)
{
	struct igt_mmgpu_job job;

	hang->ctx = ctx;
	hang->handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	hang->map = igt_mmgpu_bo_map(fd, hang->handle, 0, PROT_READ);
	hang->done = igt_mmgpu_syncobj_create(fd);
	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_job_bo(&job, hang->handle, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, 0, 0, 8, 1);
	igt_mmgpu_cmd_delay(&job, max_delay);
	igt_mmgpu_cmd_fill(&job, 0, 0, 8, 2);
	igt_mmgpu_job_out(&job, hang->done, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_mmgpu_await(hang->map, 1);
}

static void hang_end(struct hang *hang)
{
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, hang->done), -ETIME);
	igt_assert_eq_u64(hang->map[0], 1);
	munmap(hang->map, PAGE);
	igt_mmgpu_bo_close(fd, hang->handle);
	igt_mmgpu_syncobj_destroy(fd, hang->done);
}

static void check_banned(int file, uint32_t ctx, uint64_t jobs_done)
{
	struct drm_mmgpu_ctx_query query;
	struct igt_mmgpu_job job;

	igt_mmgpu_ctx_query(file, ctx, &query);
	igt_assert_eq_u32(query.status, MMGPU_CTX_BANNED);
	igt_assert_eq_u64(query.hangs, 1);
	igt_assert_eq_u64(query.faults, 0);
	igt_assert_eq_u64(query.jobs_done, jobs_done);
	igt_mmgpu_job_init(&job, ctx);
	igt_assert_eq(__igt_mmgpu_job_submit(file, &job), -ECANCELED);
}

static uint32_t new_ctx(uint32_t engine)
{
	return igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, engine);
}

static void banned(void)
{
	uint32_t ctx = new_ctx(MMGPU_ENGINE_ANY);
	struct igt_mmgpu_job job;
	struct hang hang;
	int64_t start;

	igt_mmgpu_job_init(&job, ctx);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	start = igt_mmgpu_now();
	hang_start(&hang, ctx);
	hang_end(&hang);
	/* Not before its time: the job may have started after we looked, never before. */
	igt_assert_lte_s64(timeout * IGT_MMGPU_NSEC_PER_MSEC, igt_mmgpu_now() - start);
	check_banned(fd, ctx, 1);

	/* For good. */
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_delay(&job, 20);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	check_banned(fd, ctx, 1);
	igt_mmgpu_ctx_destroy(fd, ctx);
	ctx = new_ctx(MMGPU_ENGINE_ANY);
	igt_mmgpu_job_init(&job, ctx);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_mmgpu_ctx_destroy(fd, ctx);
}

/* The file's own context has no substitute, but the file still has the others. */
static void banned_default(void)
{
	int file = igt_mmgpu_reopen(fd);
	uint32_t ctx = igt_mmgpu_ctx_create(file, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_delay(&job, max_delay);
	igt_assert_eq(igt_mmgpu_job_run(file, &job), -ETIME);
	check_banned(file, 0, 0);
	igt_mmgpu_job_init(&job, ctx);
	igt_assert_eq(igt_mmgpu_job_run(file, &job), 0);
	igt_assert_eq(__igt_mmgpu_ctx_destroy(file, 0), -EINVAL);
	close(file);
}

/* All commands of a job together, though each alone is short. */
static void sum(void)
{
	uint32_t ctx = new_ctx(MMGPU_ENGINE_ANY);
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	uint64_t *map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ);
	struct igt_mmgpu_job job;
	int count = 0;

	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
	for (int i = 0; i < 30; i++) {
		igt_mmgpu_cmd_delay(&job, timeout / 10 + 1);
		igt_mmgpu_cmd_fill(&job, 0, i * 8, 8, 1);
	}
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), -ETIME);
	check_banned(fd, ctx, 0);

	/* In order, and none after the one that was cut off. */
	while (count < 30 && map[count])
		count++;
	igt_assert_lt(count, 10);
	for (int i = count; i < 30; i++)
		igt_assert_eq_u64(map[i], 0);

	munmap(map, PAGE);
	igt_mmgpu_bo_close(fd, handle);
	igt_mmgpu_ctx_destroy(fd, ctx);
}

/* Waiting is not running. */
static void waiting(void)
{
	uint32_t ctx = new_ctx(MMGPU_ENGINE_ANY);
	uint32_t out = igt_mmgpu_syncobj_create(fd);
	struct igt_mmgpu_gate gate;
	struct igt_mmgpu_job job;
	uint32_t in;

	igt_mmgpu_gate_init(&gate);
	in = igt_mmgpu_gate_syncobj(&gate, fd);
	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_cmd_delay(&job, timeout / 10);
	igt_mmgpu_job_in(&job, in, 0);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_assert_eq(__igt_mmgpu_syncobj_wait(fd, out, 0, igt_mmgpu_deadline_ms(timeout * 2)),
		      -ETIME);
	igt_mmgpu_gate_open(&gate);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, out), 0);
	igt_mmgpu_ctx_destroy(fd, ctx);
	igt_mmgpu_syncobj_destroy(fd, in);
	igt_mmgpu_syncobj_destroy(fd, out);
	igt_mmgpu_gate_fini(&gate);
}

/* Queued jobs of the context are cancelled, those that wait for a held fence too. */
static void queued(void)
{
	enum { JOBS = 10 };
	uint32_t ctx = new_ctx(MMGPU_ENGINE_ANY);
	struct igt_mmgpu_gate gate;
	uint32_t done[JOBS], in;
	struct hang hang;

	igt_mmgpu_gate_init(&gate);
	in = igt_mmgpu_gate_syncobj(&gate, fd);
	hang_start(&hang, ctx);
	for (int i = 0; i < JOBS; i++) {
		struct igt_mmgpu_job job;

		done[i] = igt_mmgpu_syncobj_create(fd);
		igt_mmgpu_job_init(&job, ctx);
		igt_mmgpu_job_bo(&job, hang.handle, MMGPU_BO_REF_WRITE);
		igt_mmgpu_cmd_fill(&job, 0, 0, 8, 3);
		if (i == JOBS / 2)
			igt_mmgpu_job_in(&job, in, 0);
		igt_mmgpu_job_out(&job, done[i], 0);
		igt_mmgpu_job_submit(fd, &job);
	}
	for (int i = JOBS - 1; i >= 0; i--)
		igt_assert_eq(igt_mmgpu_syncobj_result(fd, done[i]), -ECANCELED);
	igt_assert_eq(igt_mmgpu_syncobj_status(fd, hang.done), -ETIME);
	hang_end(&hang);
	check_banned(fd, ctx, 0);
	for (int i = 0; i < JOBS; i++)
		igt_mmgpu_syncobj_destroy(fd, done[i]);
	igt_mmgpu_syncobj_destroy(fd, in);
	igt_mmgpu_ctx_destroy(fd, ctx);
	igt_mmgpu_gate_fini(&gate);
}

/* Jobs of others behind the hang, on the same engine and on the rest. */
static void others(uint32_t hang_engine, uint32_t engine, int file)
{
	enum { JOBS = 20 };
	uint32_t bad = new_ctx(hang_engine);
	uint32_t good = igt_mmgpu_ctx_create(file, MMGPU_PRIORITY_NORMAL, engine);
	uint32_t handle = igt_mmgpu_bo_create(file, PAGE, 0);
	uint64_t *map = igt_mmgpu_bo_map(file, handle, 0, PROT_READ);
	uint32_t done = igt_mmgpu_syncobj_create(file);
	struct drm_mmgpu_ctx_query query;
	struct hang hang;

	hang_start(&hang, bad);
	for (int i = 0; i < JOBS; i++) {
		struct igt_mmgpu_job job;

		igt_mmgpu_job_init(&job, good);
		igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE);
		/* Each counts what the one before it counted. */
		igt_mmgpu_cmd_copy(&job, 0, (i + 1) * 8, 0, i * 8, 8);
		igt_mmgpu_cmd_add(&job, 0, (i + 1) * 8, 1);
		igt_mmgpu_job_out(&job, done, 0);
		igt_mmgpu_job_submit(file, &job);
	}
	igt_assert_eq(igt_mmgpu_syncobj_result(file, done), 0);
	for (int i = 0; i <= JOBS; i++)
		igt_assert_eq_u64(map[i], i);
	igt_mmgpu_ctx_query(file, good, &query);
	igt_assert_eq_u32(query.status, 0);
	igt_assert_eq_u64(query.hangs, 0);
	igt_assert_eq_u64(query.jobs_done, JOBS);
	hang_end(&hang);
	check_banned(fd, bad, 0);

	munmap(map, PAGE);
	igt_mmgpu_bo_close(file, handle);
	igt_mmgpu_syncobj_destroy(file, done);
	igt_mmgpu_ctx_destroy(file, good);
	igt_mmgpu_ctx_destroy(fd, bad);
}

static void others_everywhere(void)
{
	uint32_t engines = igt_mmgpu_get_param(fd, MMGPU_PARAM_ENGINE_COUNT);
	int file = igt_mmgpu_reopen(fd);

	others(0, 0, fd);
	others(0, 0, file);
	others(0, MMGPU_ENGINE_ANY, file);
	if (engines > 1)
		others(0, 1, fd);
	close(file);
}

/* Every engine hangs at the same time, and each comes back. */
static void all_engines(void)
{
	uint32_t engines = igt_mmgpu_get_param(fd, MMGPU_PARAM_ENGINE_COUNT);
	struct hang hang[16];

	igt_assert_lte(engines, igt_mmgpu_count(hang));
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < engines; i++)
			hang_start(&hang[i], new_ctx(i));
		for (uint32_t i = 0; i < engines; i++) {
			struct igt_mmgpu_job job;
			uint32_t ctx = new_ctx(i);

			igt_mmgpu_job_init(&job, ctx);
			igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
			igt_mmgpu_ctx_destroy(fd, ctx);
			hang_end(&hang[i]);
			check_banned(fd, hang[i].ctx, 0);
			igt_mmgpu_ctx_destroy(fd, hang[i].ctx);
		}
	}
}

/* A writer that hung is over: the buffer is free, the next writer runs. */
static void buffer(void)
{
	uint32_t ctx = new_ctx(MMGPU_ENGINE_ANY);
	struct igt_mmgpu_job job;
	struct hang hang;

	hang_start(&hang, ctx);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, hang.handle, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, 0, 8, 8, 5);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_mmgpu_bo_wait(fd, hang.handle, MMGPU_BO_WAIT_WRITE);
	igt_assert_eq_u64(hang.map[1], 5);
	hang_end(&hang);
	igt_mmgpu_ctx_destroy(fd, ctx);
}

/* A hanging job outlives what it belongs to by the timeout at most, with its own error. */
static void destroyed(void)
{
	uint32_t ctx = new_ctx(MMGPU_ENGINE_ANY);
	struct hang hang;

	hang_start(&hang, ctx);
	igt_mmgpu_ctx_destroy(fd, ctx);
	hang_end(&hang);
}

int igt_main()
{
	static const struct {
		const char *name;
		const char *describe;
		void (*run)(void);
	} tests[] = {
		{ "banned", "The fence gets ETIME, the context is banned for good.", banned },
		{ "banned-default", "The file's own context can be banned, others go on.",
		  banned_default },
		{ "sum", "The commands of a job count together.", sum },
		{ "waiting", "Time in the queue does not count.", waiting },
		{ "queued", "Jobs behind it in the context are cancelled.", queued },
		{ "others", "Other contexts lose neither jobs nor order.", others_everywhere },
		{ "all-engines", "All engines hang at once and come back.", all_engines },
		{ "buffer", "The buffer of the job is free afterwards.", buffer },
		{ "destroyed", "A destroyed context's job still ends by the timeout.", destroyed },
	};

	igt_fixture() {
		fd = igt_mmgpu_open();
		timeout = igt_mmgpu_get_param(fd, MMGPU_PARAM_JOB_TIMEOUT_MS);
		max_delay = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_DELAY_MS);
		igt_require_f(timeout < max_delay && timeout <= 5000,
			      "a job cannot hang here in a reasonable time\n");
	}

	for (size_t i = 0; i < igt_mmgpu_count(tests); i++) {
		igt_describe(tests[i].describe);
		igt_subtest(tests[i].name)
			tests[i].run();
	}

	igt_fixture()
		close(fd);
}
