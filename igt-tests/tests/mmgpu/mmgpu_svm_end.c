// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * The end of an address space that jobs are using: queued behind a foreign fence, in the
 * middle of a copy, or in a page fault that nobody serves. Whoever waits for the process
 * or for a fence waits for a bounded time, and after that nothing is written any more.
 *
 * The bound is far above what is measured, and far below the job timeout of this run, by
 * which everything would end in any case.
 */

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu_baseline.h"
#include "igt_mmgpu_small.h"
#include "igt_mmgpu_stuck.h"
#include "igt_mmgpu_victim.h"

IGT_TEST_DESCRIPTION("What becomes of jobs with CPU addresses when their address space ends.");

/* A kernel that checks itself is slow. */
#define BOUND_MS	(igt_mmgpu_is_slow() ? 10000 : 2000)

static struct igt_mmgpu_rand rnd;

/* ---- every load, every ending --------------------------------------------------------- */

static void end_once(struct igt_mmgpu_victim victim)
{
	struct igt_mmgpu_gate gate;

	igt_mmgpu_gate_init(&gate);
	victim.gate = &gate;
	igt_mmgpu_victim_start(&victim);
	/* At any moment of what runs. */
	usleep(igt_mmgpu_rand_range(&rnd, 0, 20000));
	igt_mmgpu_victim_end(&victim);
	igt_mmgpu_victim_judge(&victim, BOUND_MS);
	/* The other driver's fence was none of their business. */
	igt_assert_eq(igt_mmgpu_sync_file_status(gate.sync_file), 0);
	igt_info("%s: %.1f ms to the wait, %.1f ms to the last of %u fences\n",
		 igt_mmgpu_ending_name[victim.ending], victim.wait_ms, victim.fence_ms,
		 victim.fences);
	igt_mmgpu_victim_fini(&victim);
	igt_mmgpu_gate_open(&gate);
	igt_mmgpu_gate_fini(&gate);
}

static void end_with(enum igt_mmgpu_ending ending, unsigned int load, unsigned int files)
{
	unsigned int step = igt_mmgpu_is_slow() ? 3 : 1;
	struct igt_mmgpu_baseline before;

	igt_mmgpu_baseline_take(&before);
	/*
	 * The files: closed by the end, open elsewhere; the fault: reading, writing. A slow
	 * kernel gets neither and both.
	 */
	for (unsigned int i = 0; i < 4; i += step)
		end_once((struct igt_mmgpu_victim) {
			.ending = ending,
			.load = load,
			.files = files,
			.keep = i & 1,
			.write_fault = i & 2,
		});
	igt_mmgpu_baseline_assert(&before);
}

/* ---- end and close, in either order ----------------------------------------------------- */

/* A close ends nothing that runs; the end of the mm does. */
static void close_first(void)
{
	struct igt_mmgpu_baseline before;

	igt_mmgpu_baseline_take(&before);
	for (enum igt_mmgpu_ending ending = 0; ending < IGT_MMGPU_BY_OOM; ending++) {
		struct igt_mmgpu_victim victim = {
			.ending = ending,
			.load = IGT_MMGPU_RUNNING | IGT_MMGPU_STUCK,
			.files = 2,
			.close = true,
		};
		uint64_t seen;

		igt_mmgpu_victim_start(&victim);
		/* The next large piece comes by. */
		seen = *(volatile uint64_t *)victim.window->data;
		while (*(volatile uint64_t *)victim.window->data == seen)
			usleep(1000);
		igt_mmgpu_victim_end(&victim);
		igt_mmgpu_victim_judge(&victim, BOUND_MS);
		igt_mmgpu_victim_fini(&victim);
	}
	igt_mmgpu_baseline_assert(&before);
}

static void end_and_close(void)
{
	unsigned int rounds = igt_mmgpu_is_slow() ? 4 : 10;
	struct igt_mmgpu_baseline before;

	igt_mmgpu_baseline_take(&before);
	for (unsigned int i = 0; i < rounds; i++) {
		struct igt_mmgpu_victim victim = {
			.ending = IGT_MMGPU_BY_KILL,
			.load = i & 2 ? IGT_MMGPU_STUCK : IGT_MMGPU_RUNNING,
			.files = 1 + !!(i & 2),
			.keep = true,
			.write_fault = i & 1,
		};

		igt_mmgpu_victim_start(&victim);
		kill(victim.proc.pid, SIGKILL);
		usleep(igt_mmgpu_rand_range(&rnd, 0, 15000));
		while (victim.fds)
			close(victim.fd[--victim.fds]);
		igt_mmgpu_victim_end(&victim);
		igt_mmgpu_victim_judge(&victim, BOUND_MS);
		igt_mmgpu_victim_fini(&victim);
	}
	igt_mmgpu_baseline_assert(&before);
}

/* ---- several files of one mm ------------------------------------------------------------ */

/*
 * Each of them holds the mm for its fault. None may take the other for somebody who still
 * lives in it.
 */
static void stuck_files(unsigned int stuck)
{
	struct igt_mmgpu_baseline before;

	igt_mmgpu_baseline_take(&before);
	for (enum igt_mmgpu_ending ending = 0; ending < IGT_MMGPU_BY_OOM; ending++) {
		struct igt_mmgpu_victim victim = {
			.ending = ending,
			.load = IGT_MMGPU_STUCK,
			.files = 1 + stuck,
			.keep = ending == IGT_MMGPU_BY_KILL,
		};

		igt_mmgpu_victim_start(&victim);
		igt_assert_eq(victim.uffds, stuck);
		igt_mmgpu_victim_end(&victim);
		igt_mmgpu_victim_judge(&victim, BOUND_MS);
		igt_info("%s: %.1f ms to the wait, %.1f ms to the last fence\n",
			 igt_mmgpu_ending_name[ending], victim.wait_ms, victim.fence_ms);
		igt_mmgpu_victim_fini(&victim);
	}
	igt_mmgpu_baseline_assert(&before);
}

enum { BO_STARTED, BO_FINISHED };

/* A job that names no CPU address, behind one that does, so on the same thread. */
static void job_on_thread(struct igt_mmgpu_proc *self, const struct igt_mmgpu_victim *victim,
			  int fd)
{
	uint32_t ctx = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	uint32_t bo = igt_mmgpu_bo_create(fd, 4096, 0);
	struct igt_mmgpu_job job;
	volatile uint64_t *map;

	map = igt_mmgpu_bo_map(fd, bo, 0, PROT_READ);
	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_cmd_delay(&job, 100);
	igt_mmgpu_cmd_svm_fill(&job, &victim->window->word[0], 8, 1);
	igt_mmgpu_job_submit(fd, &job);

	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_job_bo(&job, bo, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_add(&job, 0, BO_STARTED * 8, 1);
	igt_mmgpu_cmd_delay(&job, 700);
	igt_mmgpu_cmd_add(&job, 0, BO_FINISHED * 8, 1);
	igt_mmgpu_victim_submit(self, fd, &job, 0);
	igt_mmgpu_await((const void *)(map + BO_STARTED), 1);
}

/*
 * What runs without CPU addresses goes on to its end, as it does on an engine, whatever
 * another file of the same mm waits for.
 */
static void bo_job_runs_on(void)
{
	struct igt_mmgpu_victim victim = {
		.ending = IGT_MMGPU_BY_KILL,
		.load = IGT_MMGPU_STUCK | IGT_MMGPU_ENGINE,
		.files = 2,
		.keep = true,
		.more = job_on_thread,
	};

	igt_mmgpu_victim_start(&victim);
	igt_mmgpu_victim_end(&victim);
	igt_mmgpu_victim_judge(&victim, BOUND_MS);
	igt_mmgpu_victim_fini(&victim);
}

/* ---- a thousand jobs -------------------------------------------------------------------- */

/* A kernel that checks itself takes seconds to submit so many. */
#define JOBS		(igt_mmgpu_is_slow() ? 125u : 1000u)
#define PER_CTX		125

static void submit_thousand(struct igt_mmgpu_proc *self, const struct igt_mmgpu_victim *victim,
			    int fd)
{
	const bool *svm = victim->data;
	uint32_t wait = 0, ctx = 0;
	struct igt_mmgpu_job job;

	if (victim->gate)
		wait = igt_mmgpu_gate_syncobj(victim->gate, fd);
	for (unsigned int i = 0, jobs = JOBS; i < jobs; i++) {
		if (i % PER_CTX == 0)
			ctx = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
		igt_mmgpu_job_init(&job, ctx);
		if (svm && *svm)
			igt_mmgpu_cmd_svm_fill(&job, &victim->window->spoiled, 8, 1);
		if (wait)
			igt_mmgpu_job_in(&job, wait, 0);
		/*
		 * A slow kernel has to be done before the gate opens by itself. Fences of a
		 * context signal in order, so the last tells of all, and some others of each.
		 */
		if (i % 25 == 0 || i % PER_CTX == PER_CTX - 1)
			igt_mmgpu_victim_submit(self, fd, &job, -ECANCELED);
		else
			igt_mmgpu_job_submit(fd, &job);
	}
}

/* The first job of the file is stuck, so that the thread has all the others in its queue. */
static void submit_thousand_behind(struct igt_mmgpu_proc *self,
				   const struct igt_mmgpu_victim *victim, int fd)
{
	igt_mmgpu_victim_stick(self, victim, fd, 0);
	submit_thousand(self, victim, fd);
}

static void thousand(const char *what, enum igt_mmgpu_ending ending, struct igt_mmgpu_gate *gate,
		     void (*more)(struct igt_mmgpu_proc *, const struct igt_mmgpu_victim *, int),
		     bool svm)
{
	struct igt_mmgpu_victim victim = {
		.ending = ending,
		.files = 1,
		.gate = gate,
		.more = more,
		.data = &svm,
	};

	igt_mmgpu_victim_start(&victim);
	igt_mmgpu_victim_end(&victim);
	igt_mmgpu_victim_judge(&victim, BOUND_MS);
	igt_info("%s with %s: %.1f ms to the wait, %.1f ms to the last of %u fences\n",
		 igt_mmgpu_ending_name[ending], what, victim.wait_ms, victim.fence_ms,
		 victim.fences);
	igt_mmgpu_victim_fini(&victim);
}

static void thousand_jobs(enum igt_mmgpu_ending ending)
{
	struct igt_mmgpu_baseline before;
	struct igt_mmgpu_gate gate;

	igt_mmgpu_baseline_take(&before);
	thousand("no job", ending, NULL, NULL, false);
	for (unsigned int svm = 0; svm < 2; svm++) {
		igt_mmgpu_gate_init(&gate);
		thousand(svm ? "jobs with CPU addresses behind a foreign fence" :
			 "jobs behind a foreign fence", ending, &gate, submit_thousand, svm);
		igt_mmgpu_gate_open(&gate);
		igt_mmgpu_gate_fini(&gate);
	}
	thousand("jobs behind one in a fault", ending, NULL, submit_thousand_behind, true);
	igt_mmgpu_baseline_assert(&before);
}

int igt_main()
{
	static const struct {
		const char *name;
		unsigned int load, files;
		const char *text;
	} loads[] = {
		{ "queued", IGT_MMGPU_QUEUED, 1, "jobs that wait for a foreign fence" },
		{ "running", IGT_MMGPU_RUNNING, 1, "a job in the middle of a copy" },
		{ "stuck", IGT_MMGPU_STUCK, 2, "a job in a fault that nobody serves" },
		{ "all", IGT_MMGPU_QUEUED | IGT_MMGPU_RUNNING | IGT_MMGPU_STUCK |
		  IGT_MMGPU_ENGINE, 3, "jobs of all kinds, on several files" },
	};

	igt_fixture() {
		int fd = igt_mmgpu_open();

		igt_require_f(igt_mmgpu_get_param(fd, MMGPU_PARAM_SVM), "svm=0\n");
		close(fd);
		igt_mmgpu_stuck_require();
		igt_mmgpu_rand_init(&rnd);
	}

	for (enum igt_mmgpu_ending i = 0; i < IGT_MMGPU_BY_OOM; i++) {
		for (unsigned int j = 0; j < igt_mmgpu_count(loads); j++) {
			igt_describe_f("%s with %s", igt_mmgpu_ending_name[i], loads[j].text);
			igt_subtest_f("%s-%s", loads[j].name, igt_mmgpu_ending_name[i])
				end_with(i, loads[j].load, loads[j].files);
		}
	}

	igt_describe("a job that runs when its file is closed ends with the mm");
	igt_subtest("close-first")
		close_first();

	igt_describe("the end of the mm and the last close at the same moment");
	igt_subtest("end-and-close")
		end_and_close();

	for (unsigned int i = 2; i < IGT_MMGPU_VICTIM_FILES; i += 4) {
		igt_describe_f("%u files of one mm, each with a job in a fault", i);
		igt_subtest_f("stuck-files-%u", i)
			stuck_files(i);
	}

	igt_describe("a job without CPU addresses goes on, on the thread of a bound file too");
	igt_subtest("bo-job-runs-on")
		bo_job_runs_on();

	for (enum igt_mmgpu_ending i = 0; i < IGT_MMGPU_BY_OOM; i++) {
		igt_describe_f("how long %s takes with a thousand jobs, 125 on a slow kernel", igt_mmgpu_ending_name[i]);
		igt_subtest_f("thousand-jobs-%s", igt_mmgpu_ending_name[i])
			thousand_jobs(i);
	}

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
