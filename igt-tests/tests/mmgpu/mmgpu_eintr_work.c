// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * A storm of signals against what takes long by itself: populating, page faults, a first
 * bind, the start of a thread, locks that others want. What cannot be restarted is not
 * ended by signals; the rest says EINTR, has done nothing then, and gets done in the end.
 */

#include <errno.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_grant.h"
#include "igt_mmgpu_small.h"
#include "igt_mmgpu_storm.h"
#include "igt_mmgpu_stuck.h"

IGT_TEST_DESCRIPTION("Storms of signals against what takes long.");

#define PAGE		4096ul
/* Some milliseconds of work. */
#define BIG		(8ul << 20)
#define PATTERN		0x600d600dull
#define VMAS		300

static int fd = -1, bound = -1;
static uint32_t bo, other_bo;
static struct igt_mmgpu_peer peer;

/* Of the call that is going on. */
static struct igt_mmgpu_job job;
static uint32_t ctx, out, temp_bo;
static pthread_t helper;
static int file, dmabuf, helper_ret;
static void *map;

static uint64_t jobs_done(int on, uint32_t id)
{
	struct drm_mmgpu_ctx_query query;

	igt_mmgpu_ctx_query(on, id, &query);
	return query.jobs_done;
}

static int submit(void)
{
	return igt_mmgpu_ioctl_once(fd, DRM_IOCTL_MMGPU_SUBMIT, &job.submit);
}

static void no_job(void)
{
	igt_assert(!igt_mmgpu_syncobj_has_fence(fd, out));
}

/* ---- populating, the same buffer twice at once ----------------------------------------------------- */

/* Not by mmap: that would hold the lock of the mm all the time. */
static void *populate(void *data)
{
	struct igt_mmgpu_job empty;

	igt_mmgpu_job_init(&empty, 0);
	igt_mmgpu_job_bo(&empty, temp_bo, MMGPU_BO_REF_READ);
	helper_ret = __igt_mmgpu_job_submit(file, &empty);
	return NULL;
}

/* Who finds the owner of a lock on another CPU spins, and hears no signal. */
static void use_cpus(long count)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	for (long i = 0; i < count; i++)
		CPU_SET(i, &cpus);
	igt_assert_eq(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
}

/* temp_bo, which is that file's. */
static void populate_begin(int on)
{
	file = on;
	use_cpus(1);
	igt_assert_eq(pthread_create(&helper, NULL, populate, NULL), 0);
	/* It goes first. */
	usleep(1000);
}

static void populate_end(void)
{
	igt_assert_eq(pthread_join(helper, NULL), 0);
	igt_assert_eq(helper_ret, 0);
	use_cpus(sysconf(_SC_NPROCESSORS_ONLN));
	igt_mmgpu_bo_close(file, temp_bo);
}

static void submit_begin(void)
{
	ctx = igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY);
	out = igt_mmgpu_syncobj_create(fd);
	temp_bo = igt_mmgpu_bo_create(fd, BIG, 0);
	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_job_bo(&job, temp_bo, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, 0, 0, BIG, PATTERN);
	igt_mmgpu_job_out(&job, out, 0);
	populate_begin(fd);
}

static void submit_end(void)
{
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, out), 0);
	igt_assert_eq_u64(jobs_done(fd, ctx), 1);
	igt_mmgpu_ctx_assert_places(fd, ctx);
	igt_mmgpu_ctx_destroy(fd, ctx);
	igt_mmgpu_syncobj_destroy(fd, out);
	populate_end();
}

static void map_begin(void)
{
	temp_bo = igt_mmgpu_bo_create(fd, BIG, 0);
	populate_begin(fd);
}

static int map_once(void)
{
	map = __igt_mmgpu_bo_map(fd, temp_bo, 0, PROT_READ);
	return map ? 0 : -errno;
}

static void map_end(void)
{
	for (size_t at = 0; at < BIG; at += PAGE)
		igt_assert_eq_u64(*(uint64_t *)((char *)map + at), 0);
	munmap(map, BIG);
	populate_end();
}

static void grant_begin(void)
{
	temp_bo = igt_mmgpu_bo_create(bound, BIG, 0);
	dmabuf = igt_mmgpu_export(bound, temp_bo);
	populate_begin(bound);
}

static int grant(void)
{
	struct drm_mmgpu_bo_grant args = {
		.handle = temp_bo,
		.access = MMGPU_ACCESS_READ,
		.mm_seq = peer.seq,
	};

	return igt_mmgpu_ioctl_once(bound, DRM_IOCTL_MMGPU_BO_GRANT, &args);
}

static void not_granted(void)
{
	igt_assert_eq(igt_mmgpu_peer_access(&peer, dmabuf), -EPERM);
}

static void grant_end(void)
{
	igt_assert_eq(igt_mmgpu_peer_access(&peer, dmabuf), MMGPU_ACCESS_READ);
	close(dmabuf);
	populate_end();
}

/* Every page of a fresh mapping is faulted in. */
static void fault_begin(void)
{
	temp_bo = igt_mmgpu_bo_create(bound, BIG, 0);
	map = igt_mmgpu_bo_map(bound, temp_bo, 0, PROT_READ | PROT_WRITE);
}

static int fault(void)
{
	volatile uint64_t *at = map;

	for (size_t i = 0; i < BIG / sizeof(*at); i += PAGE / sizeof(*at))
		at[i] = at[i] + PATTERN + i;
	return 0;
}

static void fault_end(void)
{
	const uint64_t *at = map;

	for (size_t i = 0; i < BIG / sizeof(*at); i += PAGE / sizeof(*at))
		igt_assert_eq_u64(at[i], PATTERN + i);
	munmap(map, BIG);
	igt_mmgpu_bo_close(bound, temp_bo);
}

/* ---- the thread of a file, and the locks of two buffers ---------------------------------------------- */

static void thread_begin(void)
{
	file = igt_mmgpu_reopen(bound);
	igt_mmgpu_bind_mm(file);
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(map != MAP_FAILED);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_fill(&job, map, PAGE, PATTERN);
}

static int thread_submit(void)
{
	return igt_mmgpu_ioctl_once(file, DRM_IOCTL_MMGPU_SUBMIT, &job.submit);
}

static void thread_end(void)
{
	igt_mmgpu_await((char *)map + PAGE - sizeof(uint64_t), PATTERN);
	igt_mmgpu_job_init(&job, 0);
	igt_assert_eq(igt_mmgpu_job_run(file, &job), 0);
	igt_assert_eq_u64(jobs_done(file, 0), 2);
	munmap(map, PAGE);
	close(file);
}

#define LOCK_JOBS	100

/* The other way round. */
static void *lock_jobs(void *data)
{
	struct igt_mmgpu_job mine;

	igt_mmgpu_job_init(&mine, ctx);
	igt_mmgpu_job_bo(&mine, other_bo, MMGPU_BO_REF_WRITE);
	igt_mmgpu_job_bo(&mine, bo, MMGPU_BO_REF_WRITE);
	helper_ret = 0;
	for (int i = 0; i < LOCK_JOBS && !helper_ret; i++)
		helper_ret = __igt_mmgpu_job_submit(fd, &mine);
	return NULL;
}

static void lock_begin(void)
{
	ctx = igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY);
	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_job_bo(&job, bo, MMGPU_BO_REF_WRITE);
	igt_mmgpu_job_bo(&job, other_bo, MMGPU_BO_REF_WRITE);
	igt_assert_eq(pthread_create(&helper, NULL, lock_jobs, NULL), 0);
}

static int lock_submit(void)
{
	int ret = 0;

	for (int i = 0; i < LOCK_JOBS && !ret; i++) {
		while ((ret = submit()) == -EINTR)
			igt_mmgpu_storm_interrupted();
	}
	return ret;
}

static void lock_end(void)
{
	igt_assert_eq(pthread_join(helper, NULL), 0);
	igt_assert_eq(helper_ret, 0);
	igt_mmgpu_bo_wait(fd, bo, MMGPU_BO_WAIT_WRITE);
	igt_assert_eq_u64(jobs_done(fd, ctx), 2 * LOCK_JOBS);
	igt_mmgpu_ctx_assert_places(fd, ctx);
	igt_mmgpu_ctx_destroy(fd, ctx);
}

/* ---- the first bind of a process with many mappings --------------------------------------------------- */

static void many_mappings(void)
{
	for (int i = 0; i < VMAS; i++) {
		/* Neighbours that are alike would become one. */
		void *one = mmap(NULL, PAGE, i & 1 ? PROT_READ : PROT_NONE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		igt_assert(one != MAP_FAILED);
	}
}

static void bind_begin(void)
{
	file = igt_mmgpu_reopen(fd);
}

static int bind_mm(void)
{
	struct drm_mmgpu_bind_mm args = { };

	return igt_mmgpu_ioctl_once(file, DRM_IOCTL_MMGPU_BIND_MM, &args);
}

static void not_bound(void)
{
	struct drm_mmgpu_query_mm query;

	igt_mmgpu_query_mm(file, 0, &query);
	igt_assert_eq_u32(query.state, 0);
	igt_assert_eq_u64(query.caller_mm_seq, 0);
}

static void bind_end(void)
{
	struct drm_mmgpu_query_mm query;

	igt_mmgpu_query_mm(file, 0, &query);
	igt_assert_eq_u32(query.state, MMGPU_MM_BOUND | MMGPU_MM_OWNER);
	close(file);
}

static const struct igt_mmgpu_wait first_bind = {
	"first-bind", "a first BIND_MM", bind_begin, bind_mm, NULL, not_bound, .end = bind_end,
	.brief = true,
};

/* One that has no number. */
static int bind_in_child(struct igt_mmgpu_proc *self, void *data)
{
	const int *kind = data;

	many_mappings();
	igt_mmgpu_storm_round(&first_bind, *kind & 1, *kind & 2);
	return 0;
}

static void bind_first(void)
{
	for (unsigned int i = 0; i < igt_mmgpu_storm_rounds(); i++)
		for (int kind = 0; kind < 4; kind++)
			igt_mmgpu_proc_run(bind_in_child, &kind);
}

static const struct igt_mmgpu_wait works[] = {
	{ "submit-populates", "SUBMIT, while another thread populates its buffer", submit_begin,
	  submit, NULL, no_job, .end = submit_end },
	{ "grant-populates", "BO_GRANT, while another thread populates the buffer", grant_begin,
	  grant, NULL, not_granted, .end = grant_end },
	{ "mmap", "mmap, while another thread populates the buffer", map_begin, map_once,
	  .end = map_end, .brief = true, .deaf = true },
	{ "fault", "page faults", fault_begin, fault, .end = fault_end, .brief = true },
	{ "submit-thread", "SUBMIT, when it starts a thread", thread_begin, thread_submit,
	  .end = thread_end, .brief = true, .deaf = true },
	{ "submit-locks", "SUBMIT, when others lock the same buffers", lock_begin, lock_submit,
	  .end = lock_end, .brief = true },
};

int igt_main()
{
	igt_fixture() {
		fd = igt_mmgpu_open();
		bo = igt_mmgpu_bo_create(fd, PAGE, 0);
		other_bo = igt_mmgpu_bo_create(fd, PAGE, 0);
	}

	/* As long as this process has no number itself, its children bind as it would. */
	igt_describe("A storm of signals against the first BIND_MM of many processes.");
	igt_subtest(first_bind.name)
		bind_first();

	igt_fixture() {
		bound = igt_mmgpu_open();
		igt_mmgpu_bind_mm(bound);
		igt_mmgpu_peer_start(&peer, fd);
	}

	for (size_t i = 0; i < igt_mmgpu_count(works); i++) {
		igt_describe_f("A storm of signals against %s.", works[i].what);
		igt_subtest(works[i].name)
			igt_mmgpu_storm_run(&works[i]);
	}

	igt_fixture() {
		igt_mmgpu_peer_stop(&peer);
		close(bound);
		close(fd);
		igt_mmgpu_proc_cleanup();
	}
}
