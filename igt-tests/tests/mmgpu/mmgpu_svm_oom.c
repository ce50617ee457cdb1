// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * A process with jobs that name its memory is killed because its cgroup has no more: by
 * what the process touches itself, by what another one does, or by what a job does. The
 * kernel takes such a process's memory away before it is gone. A job may meet that, and must
 * not take the missing pages for empty ones.
 */

#include <errno.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu_baseline.h"
#include "igt_mmgpu_cgroup.h"
#include "igt_mmgpu_small.h"
#include "igt_mmgpu_stuck.h"
#include "igt_mmgpu_victim.h"

IGT_TEST_DESCRIPTION("Jobs with CPU addresses of a process that the OOM killer ends.");

/* Most of it is the process's, until its cgroup is full. The gate stays closed for as long. */
#define BOUND_MS	(igt_mmgpu_is_slow() ? 30000 : 10000)

#define CGROUP		"mmgpu-svm-oom"
/* A slow kernel takes long to get there. */
#define LIMIT		((igt_mmgpu_is_slow() ? 32u : 64u) << 20)

/* ---- what the jobs read ----------------------------------------------------------------- */

#define FULL		0xa5a5a5a5a5a5a5a5ull
#define COPIES		30

/*
 * Copies memory that nobody else has, round and round, to a buffer that the test sees. For
 * the time between the kill and the end of the mm the pages go one by one.
 */
static void copy_private(struct igt_mmgpu_proc *self, const struct igt_mmgpu_victim *victim,
			 int fd)
{
	const size_t size = IGT_MMGPU_VICTIM_DATA;
	uint32_t bo = igt_mmgpu_bo_create(fd, size, MMGPU_BO_SHARED);
	struct igt_mmgpu_job job;
	uint8_t *mem;

	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(mem != MAP_FAILED);
	memset(mem, FULL & 0xff, size);
	igt_mmgpu_victim_show(self, fd, bo);

	igt_mmgpu_job_init(&job, igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY));
	igt_mmgpu_job_bo(&job, bo, MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC);
	igt_mmgpu_cmd_fill(&job, 0, 0, size, FULL);
	igt_mmgpu_cmd_svm_fill(&job, &victim->window->word[0], 8, 1);
	for (unsigned int i = 0; i < COPIES; i++) {
		struct drm_mmgpu_cmd *cmd = igt_mmgpu_cmd_svm_read(&job, 0, 0, mem, 8);

		cmd->dst_pitch = 8;
		cmd->src_pitch = 8;
		cmd->rows = size / 8;
		igt_mmgpu_cmd_svm_read(&job, 0, 0, mem, size);
	}
	igt_mmgpu_victim_submit(self, fd, &job, -EFAULT);
	igt_mmgpu_await(&victim->window->word[0], 1);
}

static void assert_full(const struct igt_mmgpu_victim *victim)
{
	const uint64_t *map = victim->map;

	for (size_t i = 0; i < IGT_MMGPU_VICTIM_DATA / 8; i++)
		igt_assert_f(map[i] == FULL, "a page that was taken away was read: %#llx at %#zx\n",
			     (unsigned long long)map[i], i * 8);
}

static void copy_once(void)
{
	struct igt_mmgpu_victim victim = {
		.ending = IGT_MMGPU_BY_OOM,
		.files = 1,
		.cgroup = CGROUP,
		.more = copy_private,
	};
	int64_t kills = igt_mmgpu_cgroup_oom_kills(CGROUP);

	igt_mmgpu_victim_start(&victim);
	igt_mmgpu_victim_end(&victim);
	igt_mmgpu_victim_judge(&victim, BOUND_MS);
	igt_assert_lt_s64(kills, igt_mmgpu_cgroup_oom_kills(CGROUP));
	assert_full(&victim);
	igt_mmgpu_victim_fini(&victim);
}

static void reaped_pages(void)
{
	unsigned int rounds = igt_mmgpu_is_slow() ? 1 : 4;
	struct igt_mmgpu_baseline before;

	igt_mmgpu_baseline_take(&before);
	for (unsigned int i = 0; i < rounds; i++)
		copy_once();
	igt_mmgpu_baseline_assert(&before);
}

/* ---- who asks for too much -------------------------------------------------------------- */

static void hog_itself(unsigned int load, unsigned int files)
{
	/* On a slow kernel the files are kept open with some loads, and closed with the others. */
	unsigned int first = igt_mmgpu_is_slow() && load & IGT_MMGPU_QUEUED;
	unsigned int last = igt_mmgpu_is_slow() ? first : 1;
	struct igt_mmgpu_baseline before;

	igt_mmgpu_baseline_take(&before);
	for (unsigned int i = first; i <= last; i++) {
		struct igt_mmgpu_gate gate;
		struct igt_mmgpu_victim victim = {
			.ending = IGT_MMGPU_BY_OOM,
			.load = load,
			.files = files,
			.keep = i,
			.cgroup = CGROUP,
			.gate = &gate,
		};
		int64_t kills = igt_mmgpu_cgroup_oom_kills(CGROUP);

		igt_mmgpu_gate_init(&gate);
		igt_mmgpu_victim_start(&victim);
		igt_mmgpu_victim_end(&victim);
		igt_mmgpu_victim_judge(&victim, BOUND_MS);
		igt_assert_lt_s64(kills, igt_mmgpu_cgroup_oom_kills(CGROUP));
		igt_info("%.1f ms to the wait, %.1f ms to the last of %u fences\n",
			 victim.wait_ms, victim.fence_ms, victim.fences);
		igt_mmgpu_victim_fini(&victim);
		igt_mmgpu_gate_open(&gate);
		igt_mmgpu_gate_fini(&gate);
	}
	igt_mmgpu_baseline_assert(&before);
}

/* Fills more than there may be, by the thread of the file. */
static void hog_by_job(struct igt_mmgpu_proc *self, const struct igt_mmgpu_victim *victim, int fd)
{
	const size_t size = 4 * LIMIT;
	const int *flags = victim->data;
	struct igt_mmgpu_job job;
	void *mem;

	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, *flags | MAP_ANONYMOUS | MAP_NORESERVE,
		   -1, 0);
	igt_assert(mem != MAP_FAILED);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_fill(&job, mem, size, 1);
	igt_mmgpu_cmd_svm_fill(&job, &victim->window->spoiled, 8, 1);
	igt_mmgpu_victim_submit(self, fd, &job, -EFAULT);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_fill(&job, &victim->window->spoiled, 8, 1);
	igt_mmgpu_victim_submit(self, fd, &job, -EFAULT);
}

/* Somebody else's jobs, all the while. */
static unsigned int bystander(int fd, int64_t until)
{
	struct igt_mmgpu_job job;
	unsigned int jobs = 0;
	uint64_t word;

	do {
		igt_mmgpu_job_init(&job, 0);
		igt_mmgpu_cmd_svm_fill(&job, &word, 8, ++jobs);
		igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
		igt_assert_eq_u64(word, jobs);
	} while (igt_mmgpu_now() < until);
	return jobs;
}

static void job_hogs(int flags)
{
	struct igt_mmgpu_baseline before;
	int fd = igt_mmgpu_open();

	igt_mmgpu_bind_mm(fd);
	/* The thread of this file stays. */
	bystander(fd, 0);
	igt_mmgpu_baseline_take(&before);
	for (unsigned int i = 0; i < 2; i++) {
		struct igt_mmgpu_victim victim = {
			/* It only waits, until the kernel does it. */
			.ending = IGT_MMGPU_BY_KILL,
			.files = 1,
			.keep = i,
			.cgroup = CGROUP,
			.more = hog_by_job,
			.data = &flags,
		};
		int64_t kills = igt_mmgpu_cgroup_oom_kills(CGROUP);
		int64_t deadline = igt_mmgpu_deadline_ms(2 * BOUND_MS);

		igt_mmgpu_victim_start(&victim);
		while (igt_mmgpu_cgroup_oom_kills(CGROUP) == kills) {
			igt_assert_f(igt_mmgpu_now() < deadline, "nobody was killed\n");
			igt_assert_lt(0, bystander(fd, 0));
		}
		/* It is being killed already. */
		igt_mmgpu_victim_end(&victim);
		igt_mmgpu_victim_judge(&victim, BOUND_MS);
		bystander(fd, 0);
		igt_info("%.1f ms to the wait, %.1f ms to the last fence\n", victim.wait_ms,
			 victim.fence_ms);
		igt_mmgpu_victim_fini(&victim);
	}
	igt_mmgpu_baseline_assert(&before);
	close(fd);
}

/*
 * The first to fill the cgroup once took longer than the gate stays closed, and no other
 * did: as if the virtual machine had to get memory from its host that it had never used.
 */
static void use_memory(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	igt_assert(mem != MAP_FAILED);
	memset(mem, 1, size);
	munmap(mem, size);
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
		{ "stuck", IGT_MMGPU_STUCK, 3, "jobs in faults that nobody serves" },
		{ "all", IGT_MMGPU_QUEUED | IGT_MMGPU_RUNNING | IGT_MMGPU_STUCK, 3,
		  "jobs of all kinds" },
	};

	igt_fixture() {
		int fd = igt_mmgpu_open();

		igt_require_f(igt_mmgpu_get_param(fd, MMGPU_PARAM_SVM), "svm=0\n");
		close(fd);
		igt_mmgpu_stuck_require();
		igt_mmgpu_cgroup_make(CGROUP, LIMIT);
		use_memory(2 * LIMIT);
	}

	for (unsigned int i = 0; i < igt_mmgpu_count(loads); i++) {
		igt_describe_f("a process that touches too much, with %s", loads[i].text);
		igt_subtest(loads[i].name)
			hog_itself(loads[i].load, loads[i].files);
	}

	igt_describe("pages that are taken away are not read as zeroes");
	igt_subtest("reaped-pages")
		reaped_pages();

	igt_describe("a job that touches too much memory of its own");
	igt_subtest("job-hogs-private")
		job_hogs(MAP_PRIVATE);

	igt_describe("a job that touches too much shared memory");
	igt_subtest("job-hogs-shared")
		job_hogs(MAP_SHARED);

	igt_fixture() {
		igt_mmgpu_proc_cleanup();
		igt_mmgpu_cgroup_remove(CGROUP);
	}
}
