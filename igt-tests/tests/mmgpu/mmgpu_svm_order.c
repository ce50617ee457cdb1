// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Jobs with and without CPU addresses, in one context and in many: they run and signal in
 * the order of their submission, data and fences pass between them, and one that fails
 * spoils nothing. MMGPU_SEED gives a run again.
 */

#include <errno.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_stuck.h"

IGT_TEST_DESCRIPTION("Order of jobs with CPU addresses among others.");

#define PAGE	4096ul
#define DST	MMGPU_CMD_DST_SVM
#define REFS	(MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC)
#define SIZE	(1ul << 20)

static int fd = -1;
static struct igt_mmgpu_rand rnd;

/* ---- order ------------------------------------------------------------------------------------ */

enum { JOBS = 200, CTXS = 4 };

enum kind {
	EMPTY,
	BO_SHORT,
	BO_LONG,
	SVM_SHORT,
	SVM_LONG,
	SVM_FAULT,
	KINDS,
};

/* When each began and ended, by itself. */
struct times {
	uint64_t begin;
	uint64_t end;
};

struct line {
	uint32_t ctx;
	uint32_t bo;
	struct times *bo_times;
	struct times svm_times[JOBS];
	enum kind kinds[JOBS];
	uint32_t done[JOBS];
};

static uint8_t *from, *to;

static bool is_svm(enum kind kind)
{
	return kind >= SVM_SHORT;
}

static void submit_kind(struct line *line, int i, enum kind kind)
{
	struct times *times = &line->svm_times[i];
	struct igt_mmgpu_job job;

	line->kinds[i] = kind;
	line->done[i] = igt_mmgpu_syncobj_create(fd);
	igt_mmgpu_job_init(&job, line->ctx);
	igt_mmgpu_job_out(&job, line->done[i], 0);
	if (is_svm(kind)) {
		igt_mmgpu_cmd_timestamp(&job, 0, (uintptr_t)&times->begin)->flags = DST;
		if (kind == SVM_LONG)
			igt_mmgpu_cmd_svm_copy(&job, to, from, SIZE);
		igt_mmgpu_cmd_timestamp(&job, 0, (uintptr_t)&times->end)->flags = DST;
		if (kind == SVM_FAULT)
			igt_mmgpu_cmd_svm_fill(&job, igt_mmgpu_bad_pointer(), 8, 1);
	} else if (kind != EMPTY) {
		igt_mmgpu_job_bo(&job, line->bo, REFS);
		igt_mmgpu_cmd_timestamp(&job, 0, i * sizeof(*times));
		if (kind == BO_LONG)
			igt_mmgpu_cmd_delay(&job, 1);
		igt_mmgpu_cmd_timestamp(&job, 0, i * sizeof(*times) + 8);
	}
	igt_mmgpu_job_submit(fd, &job);
}

static bool signalled(struct line *line, int i)
{
	return !__igt_mmgpu_syncobj_wait(fd, line->done[i], 0, 0);
}

/* What has signalled is looked at before what must have, so no other moment can deceive. */
static int check_signals(struct line *line, int first)
{
	for (int i = JOBS - 1; i >= first; i--) {
		if (!signalled(line, i))
			continue;
		for (int before = first; before < i; before++)
			igt_assert_f(signalled(line, before), "job %d of %d is over before %d\n",
				     i, line->kinds[i], before);
		return i + 1;
	}
	return first;
}

static void check_times(struct line *line)
{
	uint64_t last = 0;

	for (int i = 0; i < JOBS; i++) {
		struct times *times = is_svm(line->kinds[i]) ? &line->svm_times[i] :
				      &line->bo_times[i];

		igt_assert_eq(igt_mmgpu_syncobj_status(fd, line->done[i]),
			      line->kinds[i] == SVM_FAULT ? -EFAULT : 1);
		igt_mmgpu_syncobj_destroy(fd, line->done[i]);
		if (line->kinds[i] == EMPTY)
			continue;
		igt_assert_f(times->begin && last <= times->begin,
			     "job %d of kind %d began before the one before it ended\n", i,
			     line->kinds[i]);
		igt_assert_lte_s64(times->begin, times->end);
		last = times->end;
	}
}

/* As many contexts at once, with jobs of these kinds. */
static void order(int ctxs, enum kind first, enum kind last)
{
	static struct line lines[CTXS];
	uint32_t engines = igt_mmgpu_get_param(fd, MMGPU_PARAM_ENGINE_COUNT);
	int seen[CTXS] = { };
	bool all = false;

	for (int c = 0; c < ctxs; c++) {
		struct line *line = &lines[c];

		memset(line, 0, sizeof(*line));
		line->ctx = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL,
						 c % 2 ? c % engines : MMGPU_ENGINE_ANY);
		line->bo = igt_mmgpu_bo_create(fd, JOBS * sizeof(struct times), 0);
		line->bo_times = igt_mmgpu_bo_map(fd, line->bo, 0, PROT_READ);
	}
	/* More than a context takes at once, so this waits for some of them. */
	for (int i = 0; i < JOBS; i++)
		for (int c = 0; c < ctxs; c++)
			submit_kind(&lines[c], i, igt_mmgpu_rand_range(&rnd, first, last));
	while (!all) {
		all = true;
		for (int c = 0; c < ctxs; c++) {
			seen[c] = check_signals(&lines[c], seen[c]);
			all = all && seen[c] == JOBS;
		}
	}
	for (int c = 0; c < ctxs; c++) {
		check_times(&lines[c]);
		munmap(lines[c].bo_times, JOBS * sizeof(struct times));
		igt_mmgpu_bo_close(fd, lines[c].bo);
		igt_mmgpu_ctx_destroy(fd, lines[c].ctx);
	}
}

/* ---- data from one to the other ----------------------------------------------------------------- */

static uint32_t step(int file, uint32_t ctx, struct igt_mmgpu_job *job, uint32_t in)
{
	uint32_t out = igt_mmgpu_syncobj_create(file);

	job->submit.ctx_id = ctx;
	if (in) {
		igt_mmgpu_job_in(job, in, 0);
		igt_mmgpu_job_out(job, out, 0);
		igt_mmgpu_job_submit(file, job);
		igt_mmgpu_syncobj_destroy(file, in);
	} else {
		igt_mmgpu_job_out(job, out, 0);
		igt_mmgpu_job_submit(file, job);
	}
	return out;
}

/* A number goes through memory and buffers, by contexts that know of each other by fences. */
static void chain(void)
{
	enum { ROUNDS = 60 };
	uint32_t handle = igt_mmgpu_bo_create(fd, 2 * PAGE, 0);
	uint64_t *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				-1, 0);
	uint32_t ctxs[3], last = 0;

	igt_assert(memory != MAP_FAILED);
	for (int i = 0; i < 3; i++)
		ctxs[i] = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	for (int round = 0; round < ROUNDS; round++) {
		struct igt_mmgpu_job job;

		igt_mmgpu_job_init(&job, 0);
		igt_mmgpu_job_bo(&job, handle, REFS);
		igt_mmgpu_cmd_svm_read(&job, 0, 0, memory, 8);
		last = step(fd, ctxs[round % 3], &job, last);

		igt_mmgpu_job_init(&job, 0);
		igt_mmgpu_job_bo(&job, handle, REFS);
		igt_mmgpu_cmd_add(&job, 0, 0, 1);
		igt_mmgpu_cmd_copy(&job, 0, PAGE, 0, 0, 8);
		last = step(fd, ctxs[(round + 1) % 3], &job, last);

		igt_mmgpu_job_init(&job, 0);
		igt_mmgpu_job_bo(&job, handle, REFS);
		igt_mmgpu_cmd_svm_write(&job, &memory[1], 0, PAGE, 8);
		igt_mmgpu_cmd_svm_copy(&job, memory, &memory[1], 8);
		last = step(fd, ctxs[(round + 2 * (round % 2)) % 3], &job, last);
	}
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, last), 0);
	igt_assert_eq_u64(memory[0], ROUNDS);
	igt_mmgpu_syncobj_destroy(fd, last);
	for (int i = 0; i < 3; i++)
		igt_mmgpu_ctx_destroy(fd, ctxs[i]);
	igt_mmgpu_bo_close(fd, handle);
	munmap(memory, PAGE);
}

/* A job that waits for another's fence is not in the way of those that do not. */
static void waits(void)
{
	uint32_t ctx = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	uint32_t out = igt_mmgpu_syncobj_create(fd), in;
	struct igt_mmgpu_gate gate;
	struct igt_mmgpu_job job;
	uint64_t words[2] = { };

	igt_mmgpu_gate_init(&gate);
	in = igt_mmgpu_gate_syncobj(&gate, fd);
	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_job_in(&job, in, 0);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_cmd_svm_fill(&job, &words[0], 8, 1);
	igt_mmgpu_job_submit(fd, &job);
	for (int i = 0; i < 10; i++) {
		igt_mmgpu_job_init(&job, 0);
		igt_mmgpu_cmd_svm_fill(&job, &words[1], 8, i);
		igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
		igt_assert_eq_u64(words[1], i);
	}
	igt_assert_eq(__igt_mmgpu_syncobj_wait(fd, out, 0, 0), -ETIME);
	igt_assert_eq_u64(words[0], 0);
	igt_mmgpu_gate_open(&gate);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, out), 0);
	igt_assert_eq_u64(words[0], 1);
	igt_mmgpu_gate_fini(&gate);
	igt_mmgpu_syncobj_destroy(fd, in);
	igt_mmgpu_syncobj_destroy(fd, out);
	igt_mmgpu_ctx_destroy(fd, ctx);
}

/* ---- failures ---------------------------------------------------------------------------------- */

/* Commands run in order, none after the one that failed. */
static void commands(void)
{
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	uint64_t *map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ);
	uint64_t words[4] = { };
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, handle, REFS);
	igt_mmgpu_cmd_svm_fill(&job, &words[0], 8, 1);
	igt_mmgpu_cmd_svm_copy(&job, &words[1], &words[0], 8);
	igt_mmgpu_cmd_svm_fill(&job, igt_mmgpu_bad_pointer(), 8, 1);
	igt_mmgpu_cmd_svm_fill(&job, &words[2], 8, 1);
	igt_mmgpu_cmd_timestamp(&job, 0, (uintptr_t)&words[3])->flags = DST;
	igt_mmgpu_cmd_fill(&job, 0, 0, 8, ~0ull);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), -EFAULT);
	igt_assert_eq_u64(words[0], 1);
	igt_assert_eq_u64(words[1], 1);
	igt_assert_eq_u64(words[2], 0);
	igt_assert_eq_u64(words[3], 0);
	igt_assert_eq_u64(map[0], 0);
	munmap(map, PAGE);
	igt_mmgpu_bo_close(fd, handle);
}

static uint32_t submit(int file, uint32_t ctx, void *dst, uint32_t in)
{
	uint32_t out = igt_mmgpu_syncobj_create(file);
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, ctx);
	if (in)
		igt_mmgpu_job_in(&job, in, 0);
	if (dst)
		igt_mmgpu_cmd_svm_fill(&job, dst, 8, 1);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(file, &job);
	return out;
}

/* Jobs of all kinds before, behind and beside one that fails, with all of them queued. */
static void others(void)
{
	enum { ROUNDS = 20 };
	uint32_t ctx = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	struct drm_mmgpu_ctx_query query;
	int file = igt_mmgpu_reopen(fd);

	igt_mmgpu_bind_mm(file);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t words[6] = { };
		uint32_t good[6], bad[2];

		good[0] = submit(fd, ctx, &words[0], 0);
		bad[0] = submit(fd, ctx, igt_mmgpu_bad_pointer(), 0);
		good[1] = submit(fd, ctx, &words[1], 0);
		/* Waiting for it is no reason to fail. */
		good[2] = submit(fd, 0, &words[2], bad[0]);
		bad[1] = submit(fd, 0, igt_mmgpu_bad_pointer(), good[1]);
		good[3] = submit(fd, 0, NULL, bad[1]);
		good[4] = submit(file, 0, &words[4], 0);
		good[5] = submit(fd, ctx, &words[5], 0);
		for (int i = 0; i < 2; i++) {
			igt_assert_eq(igt_mmgpu_syncobj_result(fd, bad[i]), -EFAULT);
			igt_mmgpu_syncobj_destroy(fd, bad[i]);
		}
		for (int i = 0; i < 6; i++) {
			int of = i == 4 ? file : fd;

			igt_assert_eq(igt_mmgpu_syncobj_result(of, good[i]), 0);
			igt_mmgpu_syncobj_destroy(of, good[i]);
			igt_assert_eq_u64(words[i], i != 3);
		}
	}
	igt_mmgpu_ctx_query(fd, ctx, &query);
	igt_assert_eq_u64(query.faults, ROUNDS);
	igt_assert_eq_u64(query.jobs_done, 3 * ROUNDS);
	igt_assert_eq_u32(query.status, 0);
	igt_mmgpu_ctx_query(file, 0, &query);
	igt_assert_eq_u64(query.faults, 0);
	igt_mmgpu_ctx_destroy(fd, ctx);
	close(file);
}

int igt_main()
{
	static const struct {
		const char *name;
		const char *describe;
		int ctxs;
		enum kind first;
		enum kind last;
	} orders[] = {
		{ "one", "All kinds of jobs in one context.", 1, EMPTY, SVM_FAULT },
		{ "svm", "Only jobs with CPU addresses.", 1, SVM_SHORT, SVM_LONG },
		{ "alternate", "Long jobs of an engine, and short ones of the thread.", 1, BO_LONG,
		  SVM_SHORT },
		{ "many", "Some contexts at once.", CTXS, EMPTY, SVM_FAULT },
	};

	igt_fixture() {
		fd = igt_mmgpu_open();
		igt_require_f(igt_mmgpu_get_param(fd, MMGPU_PARAM_SVM), "the module has svm=0\n");
		igt_mmgpu_bind_mm(fd);
		igt_mmgpu_rand_init(&rnd);
		from = malloc(SIZE);
		to = malloc(SIZE);
		igt_assert(from && to);
	}

	for (size_t i = 0; i < igt_mmgpu_count(orders); i++) {
		igt_describe(orders[i].describe);
		igt_subtest_f("order-%s", orders[i].name)
			order(orders[i].ctxs, orders[i].first, orders[i].last);
	}

	igt_describe("Data and fences between jobs with and without CPU addresses.");
	igt_subtest("chain")
		chain();

	igt_describe("A job that waits for a fence holds up only its context.");
	igt_subtest("waits")
		waits();

	igt_describe("Commands run in order, none after the one that failed.");
	igt_subtest("commands")
		commands();

	igt_describe("A fault spoils only its job.");
	igt_subtest("others")
		others();

	igt_fixture() {
		free(from);
		free(to);
		close(fd);
	}
}
