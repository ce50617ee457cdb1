// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Many tenants of one device at the same time: bound processes with contexts and buffers,
 * and one who floods it. MMGPU_LOAD_PROCESSES is how many processes (30; 8 on a slow kernel),
 * each with ten contexts and MMGPU_LOAD_BOS buffers (100; 30); MMGPU_LOAD_BACKLOG how many jobs the flooder
 * has unfinished in each of its 100 contexts (2).
 */

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_baseline.h"
#include "igt_mmgpu_grant.h"
#include "igt_mmgpu_line.h"
#include "igt_mmgpu_share.h"
#include "igt_mmgpu_small.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <drm.h>

IGT_TEST_DESCRIPTION("Many contexts, processes and buffers on one device.");

#define PAGE		4096ul

static int fd = -1;

/* Time that an empty job takes from its submission until somebody knows of its end. */
static int64_t empty_job(uint32_t ctx)
{
	int64_t begin = igt_mmgpu_now();
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, ctx);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	return igt_mmgpu_now() - begin;
}

static int compare_times(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median_us(uint32_t ctx)
{
	int64_t times[21];

	for (size_t i = 0; i < igt_mmgpu_count(times); i++)
		times[i] = empty_job(ctx);
	qsort(times, igt_mmgpu_count(times), sizeof(times[0]), compare_times);
	return times[igt_mmgpu_count(times) / 2] / 1e3;
}

/* ---- a town of processes --------------------------------------------------------------- */

#define STREETS		4
#define CONTEXTS	10
#define JOBS		5
/* Of so many buffers one has pages. */
#define POPULATED	8

struct town {
	char node[64];
	unsigned int processes;
	unsigned int bos;
	/* Readable at its end, when nobody has the other end any more: to work, and to leave. */
	int work[2], leave[2];
	atomic_uint born, worked, left;
	/* Line and errno of what went wrong. */
	atomic_int line, err;
};

/* It calls nothing but system calls: see igt_mmgpu_small_become(). */
#define MUST(town, expr)							\
	do {									\
		int err_ = (expr);						\
										\
		if (err_) {							\
			atomic_store(&(town)->err, err_);			\
			atomic_store(&(town)->line, __LINE__);			\
			igt_mmgpu_small_exit(1);				\
		}								\
	} while (0)

struct citizen {
	int fd;
	uint32_t ctx[CONTEXTS];
	uint32_t bo, syncobj;
	volatile uint64_t *map;
};

static void wait_for_end(const int *pipe)
{
	char byte;

	while (syscall(SYS_read, pipe[0], &byte, 1))
		;
}

/* One more in the first word, by jobs of all contexts; the word says how many there were. */
static void citizen_works(struct town *town, struct citizen *self, unsigned int jobs, uint64_t sum)
{
	struct drm_mmgpu_cmd cmd = { .op = MMGPU_OP_ADD, .value = 1 };
	struct drm_mmgpu_bo_ref ref = { .handle = self->bo, .flags = MMGPU_BO_REF_WRITE };
	struct drm_mmgpu_sync out = { .handle = self->syncobj };
	struct drm_mmgpu_submit submit = {
		.cmds = { .stride = sizeof(cmd), .count = 1, .array = (uintptr_t)&cmd },
		.bos = { .stride = sizeof(ref), .count = 1, .array = (uintptr_t)&ref },
		.out_syncs = { .stride = sizeof(out), .count = 1, .array = (uintptr_t)&out },
	};
	struct drm_syncobj_wait wait = {
		.handles = (uintptr_t)&self->syncobj,
		.timeout_nsec = INT64_MAX,
		.count_handles = 1,
	};
	int err;

	for (unsigned int i = 0; i < jobs * CONTEXTS; i++) {
		submit.ctx_id = self->ctx[i % CONTEXTS];
		do
			err = igt_mmgpu_small_ioctl(self->fd, DRM_IOCTL_MMGPU_SUBMIT, &submit);
		while (err == EINTR);
		MUST(town, err);
	}
	/* Implicit sync has put them in a row. */
	do
		err = igt_mmgpu_small_ioctl(self->fd, DRM_IOCTL_SYNCOBJ_WAIT, &wait);
	while (err == EINTR);
	MUST(town, err);
	MUST(town, *self->map == sum ? 0 : ERANGE);
}

static void citizen_buffers(struct town *town, struct citizen *self)
{
	for (unsigned int i = 0; i < town->bos; i++) {
		struct drm_mmgpu_bo_create create = { .size = PAGE };
		struct drm_mmgpu_bo_info info = { };
		volatile uint64_t *map;

		MUST(town, igt_mmgpu_small_ioctl(self->fd, DRM_IOCTL_MMGPU_BO_CREATE, &create));
		if (i % POPULATED)
			continue;
		info.handle = create.handle;
		MUST(town, igt_mmgpu_small_ioctl(self->fd, DRM_IOCTL_MMGPU_BO_INFO, &info));
		map = (void *)syscall(SYS_mmap, NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
				      self->fd, info.mmap_offset);
		MUST(town, map == MAP_FAILED ? errno : 0);
		if (!i) {
			self->bo = create.handle;
			self->map = map;
			MUST(town, *map ? ERANGE : 0);
		} else {
			syscall(SYS_munmap, map, PAGE);
		}
	}
}

static void citizen_lives(struct town *town)
{
	struct drm_syncobj_create syncobj = { };
	struct drm_mmgpu_bind_mm bind = { };
	struct citizen self;

	syscall(SYS_close, town->work[1]);
	syscall(SYS_close, town->leave[1]);
	self.fd = igt_mmgpu_small_open(town->node);
	MUST(town, self.fd < 0 ? errno : 0);
	MUST(town, igt_mmgpu_small_ioctl(self.fd, DRM_IOCTL_MMGPU_BIND_MM, &bind));
	for (unsigned int i = 0; i < CONTEXTS; i++) {
		struct drm_mmgpu_ctx_create create = { .engine = MMGPU_ENGINE_ANY };

		MUST(town, igt_mmgpu_small_ioctl(self.fd, DRM_IOCTL_MMGPU_CTX_CREATE, &create));
		self.ctx[i] = create.ctx_id;
	}
	MUST(town, igt_mmgpu_small_ioctl(self.fd, DRM_IOCTL_SYNCOBJ_CREATE, &syncobj));
	self.syncobj = syncobj.handle;
	citizen_buffers(town, &self);
	citizen_works(town, &self, 1, CONTEXTS);
	atomic_fetch_add(&town->born, 1);
	wait_for_end(town->work);
	citizen_works(town, &self, JOBS, CONTEXTS * (JOBS + 1));
	atomic_fetch_add(&town->worked, 1);
	wait_for_end(town->leave);
	igt_mmgpu_small_exit(0);
}

struct street {
	struct town *town;
	unsigned int processes;
};

static int street_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct street street = *(struct street *)data;
	struct town *town = street.town;
	int code = 0;

	close(town->work[1]);
	close(town->leave[1]);
	igt_mmgpu_small_become(town);
	for (unsigned int i = 0; i < street.processes && !atomic_load(&town->line); i++) {
		pid_t pid = igt_mmgpu_small_fork();

		if (!pid)
			citizen_lives(town);
		MUST(town, pid < 0 ? errno : 0);
	}
	for (unsigned int i = 0; i < street.processes; i++) {
		int status;

		if (syscall(SYS_wait4, -1, &status, 0, NULL) < 0 || status)
			code = 1;
	}
	igt_mmgpu_small_exit(code);
}

static void await_all(struct town *town, atomic_uint *count, const char *what)
{
	int64_t deadline = igt_mmgpu_deadline_ms((igt_mmgpu_is_slow() ? 2000 : 200) * 1000);

	while (atomic_load(count) < town->processes) {
		igt_assert_f(!atomic_load(&town->line), "a process failed in line %d: %s\n",
			     atomic_load(&town->line), strerror(atomic_load(&town->err)));
		igt_assert_f(igt_mmgpu_now() < deadline, "only %u of %u %s\n", atomic_load(count),
			     town->processes, what);
		usleep(5000);
	}
}

static long available_mib(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];
	long kb = 0;

	igt_assert(file);
	while (fgets(line, sizeof(line), file))
		sscanf(line, "MemAvailable: %ld", &kb);
	fclose(file);
	return kb / 1024;
}

static void tenants(void)
{
	struct rlimit limit = { 100000, 100000 };
	struct igt_mmgpu_proc procs[STREETS];
	struct igt_mmgpu_baseline before;
	double alone, among;
	struct town *town;
	int64_t begin, born, worked;
	int bos, with;
	long memory;

	setrlimit(RLIMIT_NPROC, &limit);
	town = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(town != MAP_FAILED);
	town->processes = igt_mmgpu_env_number("MMGPU_LOAD_PROCESSES", igt_mmgpu_is_slow() ? 8 : 30);
	town->bos = igt_mmgpu_env_number("MMGPU_LOAD_BOS", igt_mmgpu_is_slow() ? 30 : 100);
	igt_mmgpu_small_node(fd, town->node, sizeof(town->node));
	igt_assert_eq(pipe2(town->work, 0), 0);
	igt_assert_eq(pipe2(town->leave, 0), 0);
	/* First, as a context keeps the fence of its last job. */
	alone = median_us(0);
	igt_mmgpu_baseline_take(&before);
	bos = igt_mmgpu_count_bos(fd);
	memory = available_mib();

	begin = igt_mmgpu_now();
	for (unsigned int i = 0; i < STREETS; i++) {
		struct street street = {
			.town = town,
			.processes = (town->processes + i) / STREETS,
		};

		igt_mmgpu_proc_start(&procs[i], street_proc, &street);
	}
	await_all(town, &town->born, "were born");
	born = igt_mmgpu_now() - begin;
	with = igt_mmgpu_count_bos(fd);
	if (bos >= 0)
		igt_assert_eq(with - bos, (int)(town->processes * town->bos));
	memory -= available_mib();
	among = median_us(0);

	begin = igt_mmgpu_now();
	close(town->work[1]);
	await_all(town, &town->worked, "did their work");
	worked = igt_mmgpu_now() - begin;

	begin = igt_mmgpu_now();
	close(town->leave[1]);
	for (unsigned int i = 0; i < STREETS; i++)
		igt_assert_eq(igt_mmgpu_proc_join(&procs[i]), 0);
	close(town->work[0]);
	close(town->leave[0]);
	igt_mmgpu_baseline_assert(&before);
	igt_info("%u bound processes, %u contexts, %u buffers in %.1f s and %ld MiB; %u jobs at once in %.1f s; all gone after %.1f s\n",
		 town->processes, town->processes * CONTEXTS, town->processes * town->bos,
		 born / 1e9, memory, town->processes * CONTEXTS * JOBS, worked / 1e9,
		 (igt_mmgpu_now() - begin) / 1e9);
	igt_info("an empty job of somebody else: %.0f us before, %.0f us among them\n", alone, among);
	munmap(town, PAGE);
}

/* ---- one who floods ---------------------------------------------------------------------- */

#define FLOOD_CONTEXTS	100
#define FLOOD_MS	1
#define SAMPLES		3

struct flood {
	unsigned int backlog;
	atomic_bool stop;
	atomic_uint rounds;
	atomic_ulong submitted, done;
};

static int flood_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct flood *flood = *(struct flood **)data;
	uint64_t submitted[FLOOD_CONTEXTS] = { }, done;
	struct drm_mmgpu_ctx_query query;
	int file = igt_mmgpu_reopen(fd);
	uint32_t ctx[FLOOD_CONTEXTS];
	struct igt_mmgpu_job job;

	for (int i = 0; i < FLOOD_CONTEXTS; i++)
		ctx[i] = igt_mmgpu_ctx_create(file, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	do {
		done = 0;
		for (int i = 0; i < FLOOD_CONTEXTS; i++) {
			igt_mmgpu_ctx_query(file, ctx[i], &query);
			done += query.jobs_done;
			igt_mmgpu_job_init(&job, ctx[i]);
			igt_mmgpu_cmd_delay(&job, FLOOD_MS);
			while (submitted[i] < query.jobs_done + flood->backlog) {
				igt_mmgpu_job_submit(file, &job);
				submitted[i]++;
				atomic_fetch_add(&flood->submitted, 1);
			}
		}
		atomic_store(&flood->done, done);
		atomic_fetch_add(&flood->rounds, 1);
	} while (!atomic_load(&flood->stop));

	for (int i = 0; i < FLOOD_CONTEXTS; i++) {
		igt_mmgpu_job_init(&job, ctx[i]);
		igt_assert_eq(igt_mmgpu_job_run(file, &job), 0);
		igt_mmgpu_ctx_query(file, ctx[i], &query);
		igt_assert_eq_u32(query.status, 0);
		igt_assert_eq_u64(query.jobs_done, submitted[i] + 1);
	}
	return 0;
}

/*
 * The order is the scheduler's: some let the oldest job run, others a job of each context in turn.
 * None lets more jobs pass than were there before, and those that came while the counts were read.
 */
static void sample(struct flood *flood, int32_t priority, const char *name)
{
	uint32_t ctx = igt_mmgpu_ctx_create(fd, priority, MMGPU_ENGINE_ANY);
	bool in_turn = false;

	for (int i = 0; i < SAMPLES; i++) {
		unsigned long done = atomic_load(&flood->done);
		unsigned long backlog = atomic_load(&flood->submitted) - done;
		double ms = empty_job(ctx) / 1e6;
		unsigned long passed = atomic_load(&flood->done) - done;

		igt_info("%s: %.1f ms behind %lu jobs, while %lu of them or of later ones were done\n",
			 name, ms, backlog, passed);
		in_turn |= passed <= backlog + FLOOD_CONTEXTS;
	}
	/* The counts may be read too late, but not each time. */
	igt_assert(in_turn);
	igt_mmgpu_ctx_destroy(fd, ctx);
}

static void flooder(void)
{
	struct igt_mmgpu_baseline before;
	struct igt_mmgpu_line line;
	struct igt_mmgpu_proc proc;
	struct flood *flood;
	uint64_t max;

	flood = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(flood != MAP_FAILED);
	max = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_JOBS);
	flood->backlog = igt_mmgpu_env_number("MMGPU_LOAD_BACKLOG", 2);
	if (flood->backlog > max)
		flood->backlog = max;
	igt_mmgpu_baseline_take(&before);
	igt_mmgpu_proc_start(&proc, flood_proc, &flood);
	/* Readable is it when the flooder has died. */
	while (atomic_load(&flood->rounds) < 2)
		igt_assert_eq(igt_mmgpu_poll_ms(proc.sock, POLLIN, 5), 0);

	sample(flood, MMGPU_PRIORITY_NORMAL, "normal");
	sample(flood, MMGPU_PRIORITY_HIGH, "high");
	/* Nor does he spoil anything. */
	igt_mmgpu_line_init(&line, fd, 0, 1, false);
	igt_mmgpu_line_push(&line, 20);
	igt_mmgpu_line_check(&line);
	igt_mmgpu_line_fini(&line);

	atomic_store(&flood->stop, true);
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
	igt_info("%lu jobs of %u contexts\n", atomic_load(&flood->submitted), FLOOD_CONTEXTS);
	igt_mmgpu_baseline_assert(&before);
	munmap(flood, PAGE);
}

int igt_main()
{
	igt_fixture() {
		fd = igt_mmgpu_open();
		/* Ours stays for as long as we do. */
		igt_mmgpu_number(fd);
	}

	igt_describe("Bound processes with contexts and buffers, all alive and at work at once.");
	igt_subtest("tenants")
		tenants();

	igt_describe("Somebody's empty job gets its turn under a flood of another's.");
	igt_subtest("flood")
		flooder();

	igt_fixture() {
		igt_mmgpu_proc_cleanup();
		close(fd);
	}
}
