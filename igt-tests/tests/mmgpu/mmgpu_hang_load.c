// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Hangs in a loop, many at once and in every way, while other contexts and engines work.
 * MMGPU_HANGS is how many (100). Meant for a module loaded with a short job_timeout_ms.
 */

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_baseline.h"
#include "igt_mmgpu_grant.h"
#include "igt_mmgpu_line.h"
#include "igt_mmgpu_small.h"
#include "igt_mmgpu_stuck.h"

#include <errno.h>
#include <sys/mman.h>

IGT_TEST_DESCRIPTION("Many hangs under load.");

#define PAGE		4096ull
#define ROWS_SIZE	(8ull << 20)
/* Each uses both kinds of files, several engines and ten contexts. */
#define WORKERS		(igt_mmgpu_is_slow() ? 1 : 3)
/* Jobs behind the hang: of its context, and of another one of its file. */
#define BEHIND		3
#define BESIDE		8

/* Engines that do not hang, so that the others get on; files that hang on their own threads. */
#define ENGINES_FREE	4
#define FILES_HANG	13
#define HANGS_MAX	(16 + FILES_HANG)

static int fd = -1;
static uint64_t timeout, max_delay, engines;

enum way {
	SLEEPS,
	COMPUTES,
	SLEEPS_SVM,
	STUCK_SVM,
};

struct hang {
	enum way way;
	int file;
	uint32_t ctx, flag, rows;
	uint64_t *map;
	/* Of the hang, and of those behind it. */
	uint32_t done[1 + BEHIND];
	struct igt_mmgpu_stuck stuck;
	struct igt_mmgpu_line beside;
	int64_t submitted;
	int64_t ended;
};

static void fill_rows(struct igt_mmgpu_job *job, struct hang *hang)
{
	/* Bytes that are rows of their own; minutes of work, all together. */
	while (job->submit.cmds.count < 60) {
		struct drm_mmgpu_cmd *cmd = igt_mmgpu_cmd_fill(job, 1, 0, 1, 1);

		cmd->rows = ROWS_SIZE;
		cmd->dst_pitch = 1;
	}
}

static void submit_hang(struct hang *hang)
{
	const uint32_t flags = MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC;
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, hang->ctx);
	igt_mmgpu_job_bo(&job, hang->flag, flags);
	igt_mmgpu_job_bo(&job, hang->rows, flags);
	igt_mmgpu_cmd_fill(&job, 0, 0, 8, 1);
	switch (hang->way) {
	case COMPUTES:
		fill_rows(&job, hang);
		break;
	case STUCK_SVM:
		igt_mmgpu_cmd_svm_fill(&job, hang->stuck.mem, 8, 1);
		break;
	case SLEEPS_SVM:
		igt_mmgpu_cmd_svm_fill(&job, &hang->map[1], 8, 1);
		igt_mmgpu_cmd_delay(&job, max_delay);
		break;
	default:
		igt_mmgpu_cmd_delay(&job, max_delay);
		break;
	}
	igt_mmgpu_cmd_fill(&job, 0, 16, 8, 1);
	igt_mmgpu_job_out(&job, hang->done[0], 0);
	hang->submitted = igt_mmgpu_now();
	igt_mmgpu_job_submit(hang->file, &job);

	for (int i = 1; i <= BEHIND; i++) {
		igt_mmgpu_job_init(&job, hang->ctx);
		igt_mmgpu_job_bo(&job, hang->flag, flags);
		igt_mmgpu_cmd_fill(&job, 0, 24, 8, 1);
		igt_mmgpu_job_out(&job, hang->done[i], 0);
		igt_mmgpu_job_submit(hang->file, &job);
	}
}

static void hang_start(struct hang *hang, enum way way, uint32_t engine)
{
	bool svm = way == SLEEPS_SVM || way == STUCK_SVM;

	hang->way = way;
	hang->file = svm ? igt_mmgpu_reopen(fd) : fd;
	if (svm)
		igt_mmgpu_bind_mm(hang->file);
	hang->ctx = igt_mmgpu_ctx_create(hang->file, MMGPU_PRIORITY_NORMAL, engine);
	hang->flag = igt_mmgpu_bo_create(hang->file, PAGE, 0);
	hang->rows = igt_mmgpu_bo_create(hang->file, way == COMPUTES ? ROWS_SIZE : PAGE, 0);
	hang->map = igt_mmgpu_bo_map(hang->file, hang->flag, 0, PROT_READ | PROT_WRITE);
	for (int i = 0; i <= BEHIND; i++)
		hang->done[i] = igt_mmgpu_syncobj_create(hang->file);
	if (way == STUCK_SVM)
		igt_mmgpu_stuck_init(&hang->stuck, PAGE);
	igt_mmgpu_line_init(&hang->beside, hang->file, engine, 1, svm);
	submit_hang(hang);
}

/* It runs; then others queue up behind it. */
static void hang_await(struct hang *hang)
{
	igt_mmgpu_await(hang->map, 1);
	igt_mmgpu_line_push(&hang->beside, BESIDE);
}

static void hang_check(struct hang *hang)
{
	struct drm_mmgpu_ctx_query query;
	struct igt_mmgpu_job job;

	igt_assert_eq(igt_mmgpu_syncobj_result(hang->file, hang->done[0]), -ETIME);
	hang->ended = igt_mmgpu_now();
	igt_assert_lte_s64(timeout * IGT_MMGPU_NSEC_PER_MSEC, hang->ended - hang->submitted);
	for (int i = 1; i <= BEHIND; i++)
		igt_assert_eq(igt_mmgpu_syncobj_result(hang->file, hang->done[i]), -ECANCELED);
	igt_assert_eq_u64(hang->map[0], 1);
	igt_assert_eq_u64(hang->map[1], hang->way == SLEEPS_SVM);
	igt_assert_eq_u64(hang->map[2], 0);
	igt_assert_eq_u64(hang->map[3], 0);

	igt_mmgpu_ctx_query(hang->file, hang->ctx, &query);
	igt_assert_eq_u32(query.status, MMGPU_CTX_BANNED);
	igt_assert_eq_u64(query.hangs, 1);
	igt_assert_eq_u64(query.faults, 0);
	igt_assert_eq_u64(query.jobs_done, 0);
	igt_mmgpu_job_init(&job, hang->ctx);
	igt_assert_eq(__igt_mmgpu_job_submit(hang->file, &job), -ECANCELED);
}

static void hang_end(struct hang *hang)
{
	igt_mmgpu_line_check(&hang->beside);
	igt_mmgpu_line_fini(&hang->beside);
	igt_mmgpu_ctx_destroy(hang->file, hang->ctx);
	for (int i = 0; i <= BEHIND; i++)
		igt_mmgpu_syncobj_destroy(hang->file, hang->done[i]);
	if (hang->way == STUCK_SVM)
		igt_mmgpu_stuck_fini(&hang->stuck);
	munmap(hang->map, PAGE);
	igt_mmgpu_bo_close(hang->file, hang->flag);
	igt_mmgpu_bo_close(hang->file, hang->rows);
	if (hang->file != fd)
		close(hang->file);
}

/* So many jobs of others ran from their submission to their end while that one hung. */
static unsigned int others_run(const struct hang *hang, struct igt_mmgpu_line *others)
{
	if (igt_mmgpu_syncobj_status(hang->file, hang->done[0]))
		return 0;
	igt_mmgpu_line_push(others, others->num_ctx);
	igt_mmgpu_line_check(others);
	return igt_mmgpu_syncobj_status(hang->file, hang->done[0]) ? 0 : others->num_ctx;
}

/*
 * At most so many hangs, at the same time. How many there were, and how many jobs of others
 * ran on the free engines meanwhile.
 */
static unsigned int one_round(unsigned int round, unsigned int most, int64_t *longest,
			      unsigned long *meanwhile)
{
	static struct hang hangs[HANGS_MAX];
	struct igt_mmgpu_line others;
	unsigned int n = 0;

	igt_mmgpu_line_init(&others, fd, (engines - ENGINES_FREE + round * 5) % engines,
			    ENGINES_FREE, false);

	for (unsigned int i = 0; i + ENGINES_FREE < engines && n < most; i++, n++)
		/* One that computes takes the CPU from those who work. */
		hang_start(&hangs[n], i ? SLEEPS : COMPUTES, (i + round * 5) % engines);
	for (unsigned int i = 0; i < FILES_HANG && n < most; i++, n++)
		hang_start(&hangs[n], i % 4 ? SLEEPS_SVM : STUCK_SVM, (i + round) % engines);
	/* The first ones may be over by now, where all is slow. */
	igt_mmgpu_await(hangs[n - 1].map, 1);
	*meanwhile += others_run(&hangs[n - 1], &others);
	for (unsigned int i = 0; i < n; i++)
		hang_await(&hangs[i]);
	for (unsigned int i = 0; i < n; i++)
		hang_check(&hangs[i]);
	for (unsigned int i = 0; i < n; i++) {
		if (hangs[i].ended - hangs[i].submitted > *longest)
			*longest = hangs[i].ended - hangs[i].submitted;
		hang_end(&hangs[i]);
	}
	igt_mmgpu_line_fini(&others);
	return n;
}

static void loop(void)
{
	unsigned int total = igt_mmgpu_env_number("MMGPU_HANGS", 100), done = 0, round = 0;
	struct igt_mmgpu_baseline before;
	struct igt_mmgpu_load load;
	int64_t begin, longest = 0;
	unsigned long jobs, meanwhile = 0;

	igt_mmgpu_stuck_require();
	/* Our own number stays for as long as we do. */
	igt_mmgpu_number(fd);
	igt_mmgpu_baseline_take(&before);
	igt_mmgpu_load_start(&load, WORKERS);
	begin = igt_mmgpu_now();
	while (done < total)
		done += one_round(round++, total - done, &longest, &meanwhile);
	begin = igt_mmgpu_now() - begin;
	jobs = igt_mmgpu_load_stop(&load);
	igt_info("%u hangs in %.1f s, %u rounds; %lu jobs of others, all in order, and %lu while one hung\n",
		 done, begin / 1e9, round, jobs, meanwhile);
	igt_info("the longest was over %.0f ms after its submission, of which it waited for its turn\n",
		 longest / 1e6);
	igt_assert_lt_u64(0, meanwhile);
	igt_mmgpu_baseline_assert(&before);
}

int igt_main()
{
	igt_fixture() {
		fd = igt_mmgpu_open();
		timeout = igt_mmgpu_get_param(fd, MMGPU_PARAM_JOB_TIMEOUT_MS);
		max_delay = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_DELAY_MS);
		engines = igt_mmgpu_get_param(fd, MMGPU_PARAM_ENGINE_COUNT);
		igt_require_f(timeout < max_delay && timeout <= 5000,
			      "a job cannot hang here in a reasonable time\n");
		igt_require_f(engines > ENGINES_FREE,
			      "too few engines to let some work while others hang\n");
	}

	igt_describe("Each hang is killed alone, its context banned; nobody else loses anything.");
	igt_subtest("loop")
		loop();

	igt_fixture() {
		igt_mmgpu_proc_cleanup();
		close(fd);
	}
}
