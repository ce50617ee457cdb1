// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * What becomes of jobs when their context is destroyed, their file closed or their process
 * killed: queued ones are cancelled at once, whatever they wait for, a running one ends by
 * itself, and nobody else loses anything.
 */

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_small.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <xf86drm.h>

IGT_TEST_DESCRIPTION("Jobs that lose their context, file or process.");

#define PAGE	4096ull

static int fd = -1;
static struct igt_mmgpu_rand rnd;

/*
 * A file with a context to lose, whose jobs write to a buffer that this process can see
 * and signal fences that it can ask, whatever becomes of the file.
 */
struct victim {
	int file;
	uint32_t ctx;
	uint32_t handle;
	uint32_t kept;
	uint64_t *map;
	struct igt_mmgpu_job job;
};

static void victim_init(struct victim *victim, uint32_t engine)
{
	int dmabuf;

	victim->file = igt_mmgpu_reopen(fd);
	victim->ctx = igt_mmgpu_ctx_create(victim->file, MMGPU_PRIORITY_NORMAL, engine);
	victim->kept = igt_mmgpu_bo_create(fd, PAGE, 0);
	victim->map = igt_mmgpu_bo_map(fd, victim->kept, 0, PROT_READ);
	dmabuf = igt_mmgpu_export(fd, victim->kept);
	victim->handle = igt_mmgpu_import(victim->file, dmabuf);
	close(dmabuf);
}

static void victim_fini(struct victim *victim)
{
	munmap(victim->map, PAGE);
	igt_mmgpu_bo_close(fd, victim->kept);
	if (victim->file >= 0)
		close(victim->file);
}

static void victim_job(struct victim *victim)
{
	igt_mmgpu_job_init(&victim->job, victim->ctx);
	igt_mmgpu_job_bo(&victim->job, victim->handle, MMGPU_BO_REF_WRITE);
}

/* Submits the victim's job and returns its fence as a sync_file. */
static int victim_submit(struct victim *victim)
{
	uint32_t out = igt_mmgpu_syncobj_create(victim->file);
	int sync_file;

	igt_mmgpu_job_out(&victim->job, out, 0);
	igt_mmgpu_job_submit(victim->file, &victim->job);
	sync_file = igt_mmgpu_syncobj_export(victim->file, out);
	igt_mmgpu_syncobj_destroy(victim->file, out);
	return sync_file;
}

/* A job that writes value when it gets to run. */
static int submit_fill(struct victim *victim, uint32_t in, uint64_t at, uint64_t value)
{
	victim_job(victim);
	igt_mmgpu_cmd_fill(&victim->job, 0, at, 8, value);
	if (in)
		igt_mmgpu_job_in(&victim->job, in, 0);
	return victim_submit(victim);
}

/* A job that is running when this returns, and writes 2 when it ends. */
static int submit_running(struct victim *victim, uint64_t ms)
{
	int sync_file;

	victim_job(victim);
	igt_mmgpu_cmd_fill(&victim->job, 0, 0, 8, 1);
	igt_mmgpu_cmd_delay(&victim->job, ms);
	igt_mmgpu_cmd_fill(&victim->job, 0, 0, 8, 2);
	sync_file = victim_submit(victim);
	igt_mmgpu_await(victim->map, 1);
	return sync_file;
}

/* Waits, tells 0 or the error, and closes. */
static int result(int sync_file)
{
	int status;

	igt_assert(igt_mmgpu_poll_ms(sync_file, POLLIN, IGT_MMGPU_PATIENCE * 1000));
	status = igt_mmgpu_sync_file_status(sync_file);
	igt_assert_neq(status, 0);
	close(sync_file);
	return status < 0 ? status : 0;
}

/* ---- the ways to go ------------------------------------------------------------------------ */

static void by_destroy(struct victim *victim)
{
	igt_mmgpu_ctx_destroy(victim->file, victim->ctx);
}

static void by_close(struct victim *victim)
{
	close(victim->file);
	victim->file = -1;
}

struct way {
	const char *name;
	void (*go)(struct victim *victim);
};

static const struct way ways[] = {
	{ "destroy", by_destroy },
	{ "close", by_close },
};

/* The fence signals while what the job waits for has not. */
static void queued(const struct way *way)
{
	struct igt_mmgpu_gate gate;
	struct victim victim;
	int fences[20];

	igt_mmgpu_gate_init(&gate);
	victim_init(&victim, MMGPU_ENGINE_ANY);
	for (size_t i = 0; i < igt_mmgpu_count(fences); i++)
		fences[i] = submit_fill(&victim, igt_mmgpu_gate_syncobj(&gate, victim.file),
					i * 8, 1);
	for (size_t i = 0; i < igt_mmgpu_count(fences); i++)
		igt_assert_eq(igt_mmgpu_sync_file_status(fences[i]), 0);
	way->go(&victim);
	for (size_t i = 0; i < igt_mmgpu_count(fences); i++)
		igt_assert_eq(result(fences[i]), -ECANCELED);
	igt_assert_eq(igt_mmgpu_sync_file_status(gate.sync_file), 0);

	/* Neither then nor when the gate opens does the job do anything. */
	igt_mmgpu_bo_wait(fd, victim.kept, MMGPU_BO_WAIT_WRITE);
	igt_mmgpu_gate_open(&gate);
	for (int i = 0; i < 512; i++)
		igt_assert_eq_u64(victim.map[i], 0);
	victim_fini(&victim);
	igt_mmgpu_gate_fini(&gate);
}

static void running(const struct way *way)
{
	struct victim victim;
	int first, second;

	victim_init(&victim, MMGPU_ENGINE_ANY);
	first = submit_running(&victim, igt_mmgpu_is_slow() ? 1000 : 500);
	second = submit_fill(&victim, 0, 0, 3);
	way->go(&victim);
	igt_assert_eq(result(second), -ECANCELED);
	/* In order: the fence of the running one did not come later. */
	igt_assert_eq(igt_mmgpu_sync_file_status(first), 1);
	igt_assert_eq(result(first), 0);
	igt_assert_eq_u64(victim.map[0], 2);
	victim_fini(&victim);
}

/* Others on the same engine, of the same and of another file, lose neither job nor order. */
static void others(const struct way *way)
{
	enum { JOBS = 30 };
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	uint64_t *map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ);
	uint32_t ctx = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, 0);
	uint32_t done = igt_mmgpu_syncobj_create(fd);
	struct drm_mmgpu_ctx_query query;
	struct victim victim;
	int fence;

	victim_init(&victim, 0);
	fence = submit_running(&victim, 200);
	for (int i = 0; i < JOBS; i++) {
		struct igt_mmgpu_job job;

		close(submit_fill(&victim, 0, 8, i));
		igt_mmgpu_job_init(&job, ctx);
		igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
		igt_mmgpu_cmd_fill(&job, 0, i * 8, 8, i + 1);
		igt_mmgpu_job_out(&job, done, 0);
		igt_mmgpu_job_submit(fd, &job);
	}
	way->go(&victim);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, done), 0);
	for (int i = 0; i < JOBS; i++)
		igt_assert_eq_u64(map[i], i + 1);
	igt_mmgpu_ctx_query(fd, ctx, &query);
	igt_assert_eq_u64(query.jobs_done, JOBS);
	igt_assert_eq(result(fence), 0);

	victim_fini(&victim);
	munmap(map, PAGE);
	igt_mmgpu_bo_close(fd, handle);
	igt_mmgpu_ctx_destroy(fd, ctx);
	igt_mmgpu_syncobj_destroy(fd, done);
}

/* Who waits for a cancelled job goes on: its fence is over. */
static void dependents(const struct way *way)
{
	struct igt_mmgpu_gate gate;
	struct igt_mmgpu_job job;
	struct victim victim;
	uint32_t in = igt_mmgpu_syncobj_create(fd);
	uint32_t out = igt_mmgpu_syncobj_create(fd);
	int fence;

	igt_mmgpu_gate_init(&gate);
	victim_init(&victim, MMGPU_ENGINE_ANY);
	fence = submit_fill(&victim, igt_mmgpu_gate_syncobj(&gate, victim.file), 0, 1);
	igt_mmgpu_syncobj_import(fd, in, fence);

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, victim.kept, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, 0, 8, 8, 5);
	igt_mmgpu_job_in(&job, in, 0);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_assert_eq(igt_mmgpu_syncobj_status(fd, out), 0);
	way->go(&victim);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, out), 0);
	igt_assert_eq_u64(victim.map[0], 0);
	igt_assert_eq_u64(victim.map[1], 5);
	igt_assert_eq(result(fence), -ECANCELED);

	victim_fini(&victim);
	igt_mmgpu_syncobj_destroy(fd, in);
	igt_mmgpu_syncobj_destroy(fd, out);
	igt_mmgpu_gate_fini(&gate);
}

/*
 * At any moment: each job has either run as a whole or not at all, and none has run behind
 * one that has not.
 */
static void any_moment(const struct way *way)
{
	enum { JOBS = 8 };
	int rounds = igt_mmgpu_is_slow() ? 30 : 100, cancelled = 0;

	for (int round = 0; round < rounds; round++) {
		struct victim victim;
		bool over = false;
		int fences[JOBS];

		victim_init(&victim, MMGPU_ENGINE_ANY);
		for (int i = 0; i < JOBS; i++) {
			victim_job(&victim);
			igt_mmgpu_cmd_fill(&victim.job, 0, i * 16, 8, 7);
			igt_mmgpu_cmd_delay(&victim.job, 0)->value =
				igt_mmgpu_rand_range(&rnd, 0, 200000);
			igt_mmgpu_cmd_fill(&victim.job, 0, i * 16 + 8, 8, 7);
			fences[i] = victim_submit(&victim);
		}
		/* At once, or when some have run. */
		if (round & 1)
			igt_mmgpu_poll_ms(fences[igt_mmgpu_rand_range(&rnd, 0, JOBS - 1)],
					  POLLIN, IGT_MMGPU_PATIENCE * 1000);
		way->go(&victim);
		for (int i = 0; i < JOBS; i++) {
			int ret = result(fences[i]);
			uint64_t value = ret ? 0 : 7;

			igt_assert_f(!ret || ret == -ECANCELED, "fence error %d\n", ret);
			igt_assert_f(!over || ret, "job %d ran after one was cancelled\n", i);
			over = ret;
			cancelled += over;
			igt_assert_eq_u64(victim.map[i * 2], value);
			igt_assert_eq_u64(victim.map[i * 2 + 1], value);
		}
		victim_fini(&victim);
	}
	igt_info("%d of %d jobs cancelled\n", cancelled, rounds * JOBS);
}

/* ---- files and processes -------------------------------------------------------------------- */

static void close_copy(void)
{
	struct igt_mmgpu_gate gate;
	struct victim victim;
	int fence;

	igt_mmgpu_gate_init(&gate);
	victim_init(&victim, MMGPU_ENGINE_ANY);
	fence = submit_fill(&victim, igt_mmgpu_gate_syncobj(&gate, victim.file), 0, 1);
	close(dup(victim.file));
	igt_mmgpu_gate_open(&gate);
	igt_assert_eq(result(fence), 0);
	igt_assert_eq_u64(victim.map[0], 1);
	victim_fini(&victim);
	igt_mmgpu_gate_fini(&gate);
}

static int child_submits(struct igt_mmgpu_proc *self, void *data)
{
	struct igt_mmgpu_gate *gate = data;
	int file = igt_mmgpu_open();
	struct igt_mmgpu_job job;
	uint32_t ctx[4], out;
	char byte;

	for (size_t c = 0; c < igt_mmgpu_count(ctx); c++) {
		ctx[c] = c ? igt_mmgpu_ctx_create(file, 0, MMGPU_ENGINE_ANY) : 0;
		out = igt_mmgpu_syncobj_create(file);
		igt_mmgpu_job_init(&job, ctx[c]);
		igt_mmgpu_job_in(&job, igt_mmgpu_gate_syncobj(gate, file), 0);
		igt_mmgpu_job_out(&job, out, 0);
		for (int i = 0; i < 100; i++)
			igt_mmgpu_job_submit(file, &job);
		igt_mmgpu_send_fd(self->sock, igt_mmgpu_syncobj_export(file, out));
	}
	/* Until it is killed, or told to go. */
	igt_mmgpu_recv(self->sock, &byte, 1);
	return 0;
}

static void process_ends(bool by_kill)
{
	struct igt_mmgpu_gate gate;
	struct igt_mmgpu_proc proc;
	int fences[4];
	char byte = 0;

	igt_mmgpu_gate_init(&gate);
	igt_mmgpu_proc_start(&proc, child_submits, &gate);
	for (size_t i = 0; i < igt_mmgpu_count(fences); i++)
		fences[i] = igt_mmgpu_recv_fd(proc.sock);
	for (size_t i = 0; i < igt_mmgpu_count(fences); i++)
		igt_assert_eq(igt_mmgpu_sync_file_status(fences[i]), 0);
	if (by_kill)
		kill(proc.pid, SIGKILL);
	else
		igt_mmgpu_send(proc.sock, &byte, 1);
	igt_assert_eq(igt_mmgpu_proc_join(&proc), by_kill ? -SIGKILL : 0);
	for (size_t i = 0; i < igt_mmgpu_count(fences); i++)
		igt_assert_eq(result(fences[i]), -ECANCELED);
	igt_mmgpu_gate_open(&gate);
	igt_mmgpu_gate_fini(&gate);
}

/* Nobody waits for ever on a timeline that a cancelled job was to move. */
static void cancelled_timeline(void)
{
	struct igt_mmgpu_gate gate;
	struct victim victim;
	uint32_t line, in;
	uint64_t point = 1;
	int fence;

	igt_mmgpu_gate_init(&gate);
	victim_init(&victim, MMGPU_ENGINE_ANY);
	in = igt_mmgpu_gate_syncobj(&gate, victim.file);
	line = igt_mmgpu_syncobj_create(victim.file);
	victim_job(&victim);
	igt_mmgpu_job_in(&victim.job, in, 0);
	igt_mmgpu_job_out(&victim.job, line, point);
	fence = victim_submit(&victim);
	igt_assert_eq(__igt_mmgpu_syncobj_wait(victim.file, line, point, 0), -ETIME);
	igt_mmgpu_ctx_destroy(victim.file, victim.ctx);
	igt_mmgpu_syncobj_wait(victim.file, line, point);
	igt_assert_eq(result(fence), -ECANCELED);
	victim_fini(&victim);
	igt_mmgpu_gate_fini(&gate);
}

int igt_main()
{
	static const struct {
		const char *name;
		const char *describe;
		void (*run)(const struct way *way);
	} tests[] = {
		{ "queued", "Queued jobs are cancelled at once, though their fences wait.", queued },
		{ "running", "A running job ends by itself, and before those behind it.", running },
		{ "others", "Other contexts on the same engine lose nothing.", others },
		{ "dependents", "Who waits for a cancelled job goes on.", dependents },
		{ "any-moment", "Jobs run whole or not at all, in order.", any_moment },
	};

	igt_fixture() {
		fd = igt_mmgpu_open();
		igt_mmgpu_rand_init(&rnd);
	}

	for (size_t i = 0; i < igt_mmgpu_count(tests); i++) {
		for (size_t w = 0; w < igt_mmgpu_count(ways); w++) {
			igt_describe(tests[i].describe);
			igt_subtest_f("%s-%s", ways[w].name, tests[i].name)
				tests[i].run(&ways[w]);
		}
	}

	igt_describe("A timeline point of a cancelled job is reached.");
	igt_subtest("destroy-timeline")
		cancelled_timeline();

	igt_describe("Closing one of two descriptors cancels nothing.");
	igt_subtest("close-copy")
		close_copy();

	igt_describe("Jobs in four contexts of a process that exits are cancelled.");
	igt_subtest("exit")
		process_ends(false);

	igt_describe("Jobs in four contexts of a process that is killed are cancelled.");
	igt_subtest("kill")
		process_ends(true);

	igt_fixture() {
		igt_mmgpu_proc_cleanup();
		close(fd);
	}
}
