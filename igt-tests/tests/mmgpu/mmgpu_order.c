// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * That fences order the work: write after read after write, across contexts, engines and
 * files, by implicit sync, binary syncobjs and timelines. First hazard by hazard with a
 * reader that is held, then long random programs against the same run by the CPU.
 */

#include "igt.h"
#include "igt_mmgpu.h"

#include <errno.h>
#include <sys/mman.h>
#include <xf86drm.h>

IGT_TEST_DESCRIPTION("Order of jobs by implicit and explicit synchronisation.");

#define PAGE	4096ull

enum how {
	IMPLICIT,
	BINARY,
	TIMELINE,
};

static const char * const hows[] = { "implicit", "binary", "timeline" };

static int fd = -1;
static int other = -1;
static uint32_t engines;
static struct igt_mmgpu_rand rnd;

/* The same buffer and syncobj on both files. */
struct shared {
	uint32_t handle[2];
};

static int file_of(int which)
{
	return which ? other : fd;
}

static struct shared share_bo(uint64_t size)
{
	struct shared bo;
	int dmabuf;

	bo.handle[0] = igt_mmgpu_bo_create(fd, size, 0);
	dmabuf = igt_mmgpu_export(fd, bo.handle[0]);
	bo.handle[1] = igt_mmgpu_import(other, dmabuf);
	close(dmabuf);
	return bo;
}

static void unshare_bo(const struct shared *bo)
{
	for (int i = 0; i < 2; i++)
		igt_mmgpu_bo_close(file_of(i), bo->handle[i]);
}

static struct shared share_syncobj(void)
{
	struct shared sync;
	int shared;

	sync.handle[0] = igt_mmgpu_syncobj_create(fd);
	igt_assert_eq(drmSyncobjHandleToFD(fd, sync.handle[0], &shared), 0);
	igt_assert_eq(drmSyncobjFDToHandle(other, shared, &sync.handle[1]), 0);
	close(shared);
	return sync;
}

static void unshare_syncobj(const struct shared *sync)
{
	for (int i = 0; i < 2; i++)
		igt_mmgpu_syncobj_destroy(file_of(i), sync->handle[i]);
}

/* Where a job goes: one context of one file. */
struct queue {
	int file;
	uint32_t ctx;
};

static struct queue queue_init(int file, uint32_t engine)
{
	return (struct queue) {
		.file = file,
		.ctx = igt_mmgpu_ctx_create(file_of(file), MMGPU_PRIORITY_NORMAL, engine),
	};
}

static void queue_fini(const struct queue *queue)
{
	igt_mmgpu_ctx_destroy(file_of(queue->file), queue->ctx);
}

/* ---- hazards ------------------------------------------------------------------------------ */

struct place {
	const char *name;
	bool two_files;
	bool two_engines;
};

static const struct place places[] = {
	{ "contexts", false, false },
	{ "engines", false, true },
	{ "files", true, true },
};

/*
 * read 1, write 2, read 2, write 3 of one cell: the first reader is held, everything
 * else is ready to overtake it.
 */
static void hazards(enum how how, const struct place *place)
{
	enum { STEPS = 4 };
	const uint32_t no_implicit = how == IMPLICIT ? 0 : MMGPU_BO_REF_NO_IMPLICIT_SYNC;
	struct shared cell, seen, sync, fence[STEPS];
	struct igt_mmgpu_gate gate;
	struct queue queue[2];
	uint64_t *cell_map, *seen_map;
	uint32_t held;

	igt_require_f(engines > 1 || !place->two_engines, "needs a device with two engines\n");
	igt_mmgpu_gate_init(&gate);
	held = igt_mmgpu_gate_syncobj(&gate, fd);
	queue[0] = queue_init(0, 0);
	queue[1] = queue_init(place->two_files, place->two_engines);
	cell = share_bo(PAGE);
	seen = share_bo(PAGE);
	sync = share_syncobj();
	cell_map = igt_mmgpu_bo_map(fd, cell.handle[0], 0, PROT_READ | PROT_WRITE);
	seen_map = igt_mmgpu_bo_map(fd, seen.handle[0], 0, PROT_READ);
	cell_map[0] = 1;

	for (int i = 0; i < STEPS; i++) {
		const struct queue *to = &queue[i & 1];
		bool write = i & 1;
		struct igt_mmgpu_job job;

		igt_mmgpu_job_init(&job, to->ctx);
		igt_mmgpu_job_bo(&job, cell.handle[to->file],
				 (write ? MMGPU_BO_REF_WRITE : MMGPU_BO_REF_READ) | no_implicit);
		if (write) {
			igt_mmgpu_cmd_fill(&job, 0, 0, 8, 2 + i / 2);
		} else {
			igt_mmgpu_job_bo(&job, seen.handle[to->file],
					 MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC);
			igt_mmgpu_cmd_copy(&job, 1, i * 8, 0, 0, 8);
		}
		if (!i)
			igt_mmgpu_job_in(&job, held, 0);
		else if (how == BINARY)
			igt_mmgpu_job_in(&job, sync.handle[to->file], 0);
		else if (how == TIMELINE)
			igt_mmgpu_job_in(&job, sync.handle[to->file], i);
		if (how == BINARY)
			igt_mmgpu_job_out(&job, sync.handle[to->file], 0);
		else if (how == TIMELINE)
			igt_mmgpu_job_out(&job, sync.handle[to->file], i + 1);
		fence[i] = share_syncobj();
		igt_mmgpu_job_out(&job, fence[i].handle[to->file], 0);
		igt_mmgpu_job_submit(file_of(to->file), &job);
	}

	/* All the time to go wrong: other work goes through both engines. */
	for (int i = 0; i < 2; i++) {
		struct queue by = queue_init(queue[i].file, i && place->two_engines);
		struct igt_mmgpu_job job;

		igt_mmgpu_job_init(&job, by.ctx);
		igt_mmgpu_cmd_delay(&job, 5);
		igt_assert_eq(igt_mmgpu_job_run(file_of(by.file), &job), 0);
		queue_fini(&by);
	}
	for (int i = 0; i < STEPS; i++)
		igt_assert_eq(igt_mmgpu_syncobj_status(fd, fence[i].handle[0]), 0);
	igt_assert_eq_u64(cell_map[0], 1);

	igt_mmgpu_gate_open(&gate);
	for (int i = STEPS - 1; i >= 0; i--)
		igt_assert_eq(igt_mmgpu_syncobj_result(fd, fence[i].handle[0]), 0);
	igt_assert_eq_u64(seen_map[0], 1);
	igt_assert_eq_u64(seen_map[2], 2);
	igt_assert_eq_u64(cell_map[0], 3);

	for (int i = 0; i < STEPS; i++)
		unshare_syncobj(&fence[i]);
	unshare_syncobj(&sync);
	munmap(cell_map, PAGE);
	munmap(seen_map, PAGE);
	unshare_bo(&cell);
	unshare_bo(&seen);
	queue_fini(&queue[0]);
	queue_fini(&queue[1]);
	igt_mmgpu_syncobj_destroy(fd, held);
	igt_mmgpu_gate_fini(&gate);
}

/* Readers are not in each other's way; a writer waits for every one of them. */
static void readers(void)
{
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	uint32_t wrote = igt_mmgpu_syncobj_create(fd);
	struct queue queue[3];
	struct igt_mmgpu_gate gate;
	struct igt_mmgpu_job job;
	uint32_t held;

	igt_mmgpu_gate_init(&gate);
	held = igt_mmgpu_gate_syncobj(&gate, fd);
	for (int i = 0; i < 3; i++)
		queue[i] = queue_init(0, MMGPU_ENGINE_ANY);
	igt_mmgpu_job_init(&job, queue[0].ctx);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_READ);
	igt_mmgpu_job_in(&job, held, 0);
	igt_mmgpu_job_submit(fd, &job);

	igt_mmgpu_job_init(&job, queue[1].ctx);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_READ);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);

	igt_mmgpu_job_init(&job, queue[2].ctx);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
	igt_mmgpu_job_out(&job, wrote, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_assert_eq(__igt_mmgpu_syncobj_wait(fd, wrote, 0, igt_mmgpu_deadline_ms(50)), -ETIME);

	/* And now readers wait for the writer, though the buffer is only being read. */
	igt_mmgpu_job_init(&job, queue[1].ctx);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_READ);
	igt_mmgpu_job_submit(fd, &job);
	igt_assert(igt_mmgpu_bo_busy(fd, handle, 0));
	igt_mmgpu_gate_open(&gate);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, wrote), 0);
	igt_mmgpu_bo_wait(fd, handle, MMGPU_BO_WAIT_WRITE);

	for (int i = 0; i < 3; i++)
		queue_fini(&queue[i]);
	igt_mmgpu_bo_close(fd, handle);
	igt_mmgpu_syncobj_destroy(fd, wrote);
	igt_mmgpu_syncobj_destroy(fd, held);
	igt_mmgpu_gate_fini(&gate);
}

/* Neither waits nor is waited for, on each side. */
static void no_implicit(uint32_t first, uint32_t second)
{
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	struct queue queue[2] = {
		queue_init(0, MMGPU_ENGINE_ANY),
		queue_init(0, MMGPU_ENGINE_ANY),
	};
	struct igt_mmgpu_gate gate;
	struct igt_mmgpu_job job;
	uint32_t held;

	igt_mmgpu_gate_init(&gate);
	held = igt_mmgpu_gate_syncobj(&gate, fd);
	igt_mmgpu_job_init(&job, queue[0].ctx);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE | first);
	igt_mmgpu_job_in(&job, held, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_mmgpu_job_init(&job, queue[1].ctx);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE | second);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_mmgpu_gate_open(&gate);
	igt_mmgpu_bo_wait(fd, handle, MMGPU_BO_WAIT_WRITE);
	queue_fini(&queue[0]);
	queue_fini(&queue[1]);
	igt_mmgpu_bo_close(fd, handle);
	igt_mmgpu_syncobj_destroy(fd, held);
	igt_mmgpu_gate_fini(&gate);
}

/* ---- random programs ------------------------------------------------------------------------ */

enum {
	BOS = 5,
	QUEUES = 6,
	JOBS = 240,
	WORDS = PAGE / sizeof(uint64_t),
};

/* The fences that the next user of a buffer has to wait for: numbers of jobs, -1 none. */
struct users {
	int writer;
	int readers[JOBS];
	int num_readers;
};

static struct {
	struct shared bo[BOS];
	uint64_t *map[BOS];
	uint64_t expect[BOS][WORDS];
	struct users users[BOS];
	struct queue queue[QUEUES];
	/* BINARY: one a job. TIMELINE: one a queue, with the jobs of it as points. */
	struct shared sync[JOBS];
	int queue_of[JOBS];
	uint64_t point_of[JOBS];
	uint64_t last_point[QUEUES];
} prog;

static void prog_init(void)
{
	memset(&prog, 0, sizeof(prog));
	for (int i = 0; i < BOS; i++) {
		prog.bo[i] = share_bo(PAGE);
		prog.map[i] = igt_mmgpu_bo_map(fd, prog.bo[i].handle[0], 0,
					       PROT_READ | PROT_WRITE);
		igt_mmgpu_rand_bytes(&rnd, prog.expect[i], PAGE);
		memcpy(prog.map[i], prog.expect[i], PAGE);
		prog.users[i].writer = -1;
	}
	for (int i = 0; i < QUEUES; i++) {
		uint32_t engine = i / 2;

		prog.queue[i] = queue_init(i & 1, engine < engines ? engine : MMGPU_ENGINE_ANY);
	}
	for (int i = 0; i < JOBS; i++)
		prog.sync[i] = share_syncobj();
}

static void prog_fini(void)
{
	for (int i = 0; i < BOS; i++) {
		munmap(prog.map[i], PAGE);
		unshare_bo(&prog.bo[i]);
	}
	for (int i = 0; i < QUEUES; i++)
		queue_fini(&prog.queue[i]);
	for (int i = 0; i < JOBS; i++)
		unshare_syncobj(&prog.sync[i]);
}

static void wait_for(struct igt_mmgpu_job *job, enum how how, int file, int number)
{
	if (number < 0)
		return;
	if (how == BINARY)
		igt_mmgpu_job_in(job, prog.sync[number].handle[file], 0);
	else
		igt_mmgpu_job_in(job, prog.sync[prog.queue_of[number]].handle[file],
				 prog.point_of[number]);
}

static void depend(struct igt_mmgpu_job *job, enum how how, int file, int bo, bool write)
{
	struct users *users = &prog.users[bo];

	wait_for(job, how, file, users->writer);
	if (!write)
		return;
	for (int i = 0; i < users->num_readers; i++)
		wait_for(job, how, file, users->readers[i]);
}

static void use(int bo, int number, bool write)
{
	struct users *users = &prog.users[bo];

	if (write) {
		users->writer = number;
		users->num_readers = 0;
	} else {
		users->readers[users->num_readers++] = number;
	}
}

/*
 * Copies a part of one buffer to another and adds to a word of it: what comes out depends
 * on what was there, so on the order of everything before.
 */
static void step(enum how how, int number)
{
	const uint32_t flags = how == IMPLICIT ? 0 : MMGPU_BO_REF_NO_IMPLICIT_SYNC;
	int q = igt_mmgpu_rand_range(&rnd, 0, QUEUES - 1);
	int dst = igt_mmgpu_rand_range(&rnd, 0, BOS - 1);
	int src = (dst + igt_mmgpu_rand_range(&rnd, 1, BOS - 1)) % BOS;
	uint64_t words = igt_mmgpu_rand_range(&rnd, 1, WORDS);
	uint64_t to = igt_mmgpu_rand_range(&rnd, 0, WORDS - words);
	uint64_t from = igt_mmgpu_rand_range(&rnd, 0, WORDS - words);
	uint64_t at = igt_mmgpu_rand_range(&rnd, 0, WORDS - 1);
	uint64_t value = igt_mmgpu_rand(&rnd);
	const struct queue *queue = &prog.queue[q];
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, queue->ctx);
	igt_mmgpu_job_bo(&job, prog.bo[dst].handle[queue->file], MMGPU_BO_REF_WRITE | flags);
	igt_mmgpu_job_bo(&job, prog.bo[src].handle[queue->file], MMGPU_BO_REF_READ | flags);
	if (!(igt_mmgpu_rand(&rnd) % 8))
		igt_mmgpu_cmd_delay(&job, 0)->value = igt_mmgpu_rand(&rnd) % 2000000;
	igt_mmgpu_cmd_copy(&job, 0, to * 8, 1, from * 8, words * 8);
	igt_mmgpu_cmd_add(&job, 0, at * 8, value);
	memcpy(&prog.expect[dst][to], &prog.expect[src][from], words * 8);
	prog.expect[dst][at] += value;

	if (how != IMPLICIT) {
		uint32_t line = how == BINARY ? number : q;

		depend(&job, how, queue->file, dst, true);
		depend(&job, how, queue->file, src, false);
		prog.queue_of[number] = q;
		prog.point_of[number] = how == BINARY ? 0 : ++prog.last_point[q];
		igt_mmgpu_job_out(&job, prog.sync[line].handle[queue->file],
				  prog.point_of[number]);
		use(dst, number, true);
		use(src, number, false);
	}
	igt_mmgpu_job_submit(file_of(queue->file), &job);
}

static void program(enum how how)
{
	prog_init();
	for (int i = 0; i < JOBS; i++)
		step(how, i);

	/* An empty job behind each queue: all fences, whatever they were, are over. */
	for (int i = 0; i < QUEUES; i++) {
		struct igt_mmgpu_job job;

		igt_mmgpu_job_init(&job, prog.queue[i].ctx);
		igt_assert_eq(igt_mmgpu_job_run(file_of(prog.queue[i].file), &job), 0);
	}
	for (int i = 0; i < BOS; i++)
		for (unsigned int w = 0; w < WORDS; w++)
			igt_assert_f(prog.map[i][w] == prog.expect[i][w],
				     "buffer %d, word %u: %#llx instead of %#llx\n", i, w,
				     (unsigned long long)prog.map[i][w],
				     (unsigned long long)prog.expect[i][w]);
	prog_fini();
}

int igt_main()
{
	igt_fixture() {
		fd = igt_mmgpu_open();
		other = igt_mmgpu_reopen(fd);
		engines = igt_mmgpu_get_param(fd, MMGPU_PARAM_ENGINE_COUNT);
		igt_mmgpu_rand_init(&rnd);
	}

	for (int how = IMPLICIT; how <= TIMELINE; how++) {
		for (size_t i = 0; i < igt_mmgpu_count(places); i++) {
			igt_describe("Reads and writes of one cell keep their order behind a held reader.");
			igt_subtest_f("hazards-%s-%s", hows[how], places[i].name)
				hazards(how, &places[i]);
		}
	}

	igt_describe("Readers run side by side, a writer waits for all of them.");
	igt_subtest("implicit-readers")
		readers();

	igt_describe("A job without implicit sync does not wait.");
	igt_subtest("no-implicit-sync-waiter")
		no_implicit(0, MMGPU_BO_REF_NO_IMPLICIT_SYNC);

	igt_describe("A job without implicit sync is not waited for.");
	igt_subtest("no-implicit-sync-holder")
		no_implicit(MMGPU_BO_REF_NO_IMPLICIT_SYNC, 0);

	for (int how = IMPLICIT; how <= TIMELINE; how++) {
		igt_describe("A random program over two files and all engines gives the sequential result.");
		igt_subtest_f("program-%s", hows[how])
			program(how);
	}

	igt_fixture() {
		close(other);
		close(fd);
	}
}
