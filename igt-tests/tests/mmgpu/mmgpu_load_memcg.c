// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * A process that makes more and more of everything until its memory cgroup has no more:
 * the call that is too much says ENOMEM, what was there before it works, others notice
 * nothing, and with less the process goes on.
 */

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_baseline.h"
#include "igt_mmgpu_cgroup.h"
#include "igt_mmgpu_grant.h"
#include "igt_mmgpu_line.h"
#include "igt_mmgpu_small.h"
#include "igt_mmgpu_stuck.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>

IGT_TEST_DESCRIPTION("The limit of a memory cgroup.");

#define PAGE		4096ul
#define GROUP		"mmgpu-load"
#define LIMIT		(2ul << 20)
#define MOST		65536

static int fd = -1;
static uint64_t number;

/*
 * What a greedy process has. Static, and locked in memory before it enters the cgroup: there
 * it gets no page any more, and for want of one it would fault for ever.
 */
static struct {
	int file;
	uint32_t gate;
	unsigned int count;
	uint32_t ids[MOST];
	int files[MOST];
	struct igt_mmgpu_job job;
} mine;

/* ---- things to have more and more of ------------------------------------------------------- */

static int more_buffers(void)
{
	return __igt_mmgpu_bo_create(mine.file, PAGE, 0, &mine.ids[mine.count]);
}

static void less_buffers(void)
{
	igt_mmgpu_bo_close(mine.file, mine.ids[mine.count]);
}

static int more_files(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", mine.file);
	mine.files[mine.count] = open(path, O_RDWR | O_CLOEXEC);
	return mine.files[mine.count] < 0 ? -errno : 0;
}

static void less_files(void)
{
	close(mine.files[mine.count]);
}

static int more_contexts(void)
{
	int file = mine.count ? mine.files[mine.count - 1] : mine.file;
	int ret = __igt_mmgpu_ctx_create(file, MMGPU_PRIORITY_NORMAL, 0, &mine.ids[mine.count]);
	char path[64];

	if (ret == -E2BIG) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", mine.file);
		file = open(path, O_RDWR | O_CLOEXEC);
		ret = file < 0 ? -errno : __igt_mmgpu_ctx_create(file, MMGPU_PRIORITY_NORMAL, 0,
								 &mine.ids[mine.count]);
		if (ret && file >= 0)
			close(file);
	}
	mine.files[mine.count] = file;
	return ret;
}

static void less_contexts(void)
{
	int file = mine.files[mine.count];

	igt_mmgpu_ctx_destroy(file, mine.ids[mine.count]);
	if (file != mine.file && (!mine.count || mine.files[mine.count - 1] != file))
		close(file);
}

#define JOBS_OF_CTX	128

/* They wait in contexts, each as many as there may be. */
static int more_jobs(void)
{
	uint32_t *ctx = &mine.ids[mine.count / JOBS_OF_CTX];
	bool new_one = mine.count % JOBS_OF_CTX == 0;
	int ret = 0;

	if (new_one)
		ret = __igt_mmgpu_ctx_create(mine.file, MMGPU_PRIORITY_NORMAL, 0, ctx);
	if (ret)
		return ret;
	igt_mmgpu_job_init(&mine.job, *ctx);
	igt_mmgpu_cmd(&mine.job, MMGPU_OP_NOP);
	igt_mmgpu_job_in(&mine.job, mine.gate, 0);
	ret = __igt_mmgpu_job_submit(mine.file, &mine.job);
	if (ret && new_one)
		igt_mmgpu_ctx_destroy(mine.file, *ctx);
	return ret;
}

/* All at once, with the context. */
static void less_jobs(void)
{
	if (mine.count % JOBS_OF_CTX == 0)
		igt_mmgpu_ctx_destroy(mine.file, mine.ids[mine.count / JOBS_OF_CTX]);
}

static const struct thing {
	const char *name;
	int (*more)(void);
	void (*less)(void);
	/* What else than ENOMEM a lack of memory may be called, by shmem. */
	int error;
} things[] = {
	{ "buffers", more_buffers, less_buffers, -ENOSPC },
	{ "files", more_files, less_files },
	{ "contexts", more_contexts, less_contexts },
	{ "jobs", more_jobs, less_jobs },
};

/* ---- the greedy process --------------------------------------------------------------------- */

/* Nobody there may be killed for it, so that it is the call that fails. */
static void prepare(void)
{
	struct rlimit limit = { MOST + 64, MOST + 64 };
	int adj = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	igt_assert_fd(adj);
	igt_assert_eq(write(adj, "-1000", 5), 5);
	close(adj);
	igt_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	igt_assert_eq(mlockall(MCL_CURRENT), 0);
}

/* A job that waits for a page, for as long as we like; what waits for it is queued. */
static void gate_init(struct igt_mmgpu_stuck *gate)
{
	int file = igt_mmgpu_reopen(mine.file);
	struct igt_mmgpu_job job;
	uint32_t out;

	igt_mmgpu_bind_mm(file);
	igt_mmgpu_stuck_init(gate, PAGE);
	out = igt_mmgpu_syncobj_create(file);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_fill(&job, gate->mem, 8, 1);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(file, &job);
	igt_mmgpu_stuck_await(gate->uffd);
	mine.gate = igt_mmgpu_syncobj_create(mine.file);
	igt_mmgpu_syncobj_import(mine.file, mine.gate, igt_mmgpu_syncobj_export(file, out));
}

/* What was given back takes some grace periods of RCU until it is there again. */
static void one_line(struct igt_mmgpu_line *line)
{
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);
	uint64_t end = line->pushed + 20;

	while (line->pushed < end) {
		int ret = __igt_mmgpu_line_push(line, end - line->pushed);

		igt_assert_f(!ret || (ret == -ENOMEM && igt_mmgpu_now() < deadline),
			     "a job with what was given back: %d\n", ret);
		if (ret)
			usleep(5000);
	}
	igt_mmgpu_line_check(line);
}

/* As much as there may be, and none of it again. How many these were. */
static unsigned int more_and_less(const struct thing *thing, struct igt_mmgpu_line *line)
{
	unsigned int count;
	int ret;

	mine.count = 0;
	do
		ret = thing->more();
	while (!ret && ++mine.count < MOST);
	count = mine.count;

	/* What was there before is as it was, and what needs no memory works. */
	igt_assert_eq(igt_mmgpu_get_param(mine.file, MMGPU_PARAM_MAX_JOBS), JOBS_OF_CTX);
	igt_mmgpu_line_check(line);
	while (mine.count) {
		mine.count--;
		thing->less();
	}
	igt_assert_f(ret == -ENOMEM || (ret && ret == thing->error), "%s: %d\n", thing->name, ret);
	one_line(line);
	return count;
}

/* What the first ones left behind would be missing in the end. */
static void again_and_again(const struct thing *thing, struct igt_mmgpu_line *line)
{
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);
	unsigned int first, again;

	first = more_and_less(thing, line);
	igt_assert_lt(0, first);
	/* KASAN keeps for long what was given back, and takes long for the rest. */
	if (igt_mmgpu_is_slow()) {
		igt_info("%u %s\n", first, thing->name);
		return;
	}
	do {
		usleep(20000);
		again = more_and_less(thing, line);
	} while (again < first * 3 / 4 && igt_mmgpu_now() < deadline);
	igt_info("%u %s, then %u\n", first, thing->name, again);
	igt_assert_lte(first * 3 / 4, again);
}

static int greedy_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct igt_mmgpu_stuck gate;
	struct igt_mmgpu_line line;
	static const char page[PAGE];

	mine.file = igt_mmgpu_reopen(fd);
	igt_mmgpu_bind_mm(mine.file);
	igt_mmgpu_line_init(&line, mine.file, 0, 1, false);
	one_line(&line);
	prepare();
	gate_init(&gate);
	igt_mmgpu_cgroup_enter(GROUP);
	for (size_t i = 0; i < igt_mmgpu_count(things); i++)
		again_and_again(&things[i], &line);
	igt_assert_eq(__igt_mmgpu_stuck_serve(gate.uffd, (uintptr_t)gate.mem, page), 0);
	igt_assert_eq(igt_mmgpu_syncobj_result(mine.file, mine.gate), 0);
	igt_mmgpu_line_fini(&line);
	return 0;
}

/* ---- pages ------------------------------------------------------------------------------------ */

static int pages_proc(struct igt_mmgpu_proc *self, void *data)
{
	int file = igt_mmgpu_reopen(fd);
	struct igt_mmgpu_line line;
	struct igt_mmgpu_job job;
	uint32_t big, small;

	igt_mmgpu_bind_mm(file);
	igt_mmgpu_line_init(&line, file, 0, 1, false);
	prepare();
	igt_mmgpu_cgroup_enter(GROUP);
	for (int round = 0; round < 2; round++) {
		big = igt_mmgpu_bo_create(file, 8 * LIMIT, 0);
		igt_mmgpu_job_init(&job, 0);
		igt_mmgpu_job_bo(&job, big, MMGPU_BO_REF_WRITE);
		igt_mmgpu_cmd_fill(&job, 0, 0, 8, 1);
		igt_assert_eq(__igt_mmgpu_job_submit(file, &job), -ENOMEM);
		igt_assert(!__igt_mmgpu_bo_map(file, big, 0, PROT_READ | PROT_WRITE));
		igt_assert_eq(errno, ENOMEM);
		igt_assert_eq(__igt_mmgpu_bo_grant(file, big, IGT_MMGPU_READ, number), -ENOMEM);
		igt_mmgpu_bo_close(file, big);

		small = igt_mmgpu_bo_create(file, LIMIT / 4, 0);
		igt_mmgpu_job_init(&job, 0);
		igt_mmgpu_job_bo(&job, small, MMGPU_BO_REF_WRITE);
		igt_mmgpu_cmd_fill(&job, 0, 0, LIMIT / 4, 1);
		igt_assert_eq(igt_mmgpu_job_run(file, &job), 0);
		igt_mmgpu_bo_close(file, small);
		one_line(&line);
	}
	return 0;
}

/* ---- somebody who notices nothing ------------------------------------------------------------- */

static void beside_others(igt_mmgpu_proc_fn fn)
{
	struct igt_mmgpu_baseline before;
	struct igt_mmgpu_proc proc;
	struct igt_mmgpu_load load;

	igt_mmgpu_cgroup_make(GROUP, LIMIT);
	igt_mmgpu_baseline_take(&before);
	igt_mmgpu_load_start(&load, 1);
	igt_mmgpu_proc_start(&proc, fn, NULL);
	/* Readable when it is over. One that fails needs memory to say so. */
	igt_mmgpu_poll_ms(proc.sock, POLLIN, IGT_MMGPU_PATIENCE * 1000);
	igt_mmgpu_cgroup_lift(GROUP);
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
	igt_info("%lu MiB; %lu jobs of somebody else meanwhile\n", LIMIT >> 20,
		 igt_mmgpu_load_stop(&load));
	igt_mmgpu_baseline_assert(&before);
	igt_mmgpu_cgroup_remove(GROUP);
}

int igt_main()
{
	igt_fixture() {
		igt_require_f(geteuid() == 0, "only root makes cgroups\n");
		fd = igt_mmgpu_open();
		number = igt_mmgpu_number(fd);
	}

	igt_describe("Who populates a buffer that is too large gets ENOMEM.");
	igt_subtest("pages")
		beside_others(pages_proc);

	igt_describe("As many buffers, files, contexts, jobs as there may be, and one more.");
	igt_subtest("objects") {
		igt_mmgpu_stuck_require();
		beside_others(greedy_proc);
	}

	igt_fixture() {
		igt_mmgpu_proc_cleanup();
		close(fd);
	}
}
