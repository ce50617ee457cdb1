// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * The end of the address space that a file is bound to, while somebody else still holds
 * the file, its fences and its dma-bufs: every fence signals, with the right error, and
 * whoever closes last, all memory comes back.
 */

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_baseline.h"
#include "igt_mmgpu_doors.h"
#include "igt_mmgpu_small.h"

IGT_TEST_DESCRIPTION("What becomes of jobs, fences and memory when a bound file's owner ends.");

#define QUEUED		6

/*
 * How long the running job runs, try by try. It has to be running still when its owner
 * is gone, or the try proves nothing; it must not run into the job timeout.
 */
static const unsigned int run_ms[] = { 300, 1500, 1500, 1500 };

enum ending { BY_EXIT, BY_KILL, BY_EXEC };

static const char *const ending_name[] = { "exit", "kill", "exec" };

/* Words of the SHARED buffer. */
enum { STARTED, FINISHED, QUEUED_RAN, FINISH_TIME };

/* ---- jobs ----------------------------------------------------------------------------- */

struct dying {
	enum ending ending;
	/* Fence that the queued jobs wait for; -1 if they wait for the running one. */
	int sync_file;
	unsigned int run_ms;
};

static void end_here(struct igt_mmgpu_proc *self, enum ending ending)
{
	char byte;

	switch (ending) {
	case BY_EXIT:
		_exit(0);
	case BY_KILL:
		kill(getpid(), SIGKILL);
		break;
	case BY_EXEC:
		/* Whoever we talk to has to have read what we sent before. */
		igt_mmgpu_recv(self->sock, &byte, 1);
		igt_mmgpu_visit_exec(NULL, 0, self->sock);
		break;
	}
	_exit(1);
}

/*
 * Has one job running and others queued behind it, on the same context and on others of
 * the same engine, gives their fences away, and ends.
 */
static int dying_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct dying *dying = data;
	int fd = igt_mmgpu_open();
	uint32_t ctx[2], bo, out, wait = 0;
	volatile uint64_t *map;
	struct igt_mmgpu_job job;

	igt_mmgpu_bind_mm(fd);
	bo = igt_mmgpu_bo_create(fd, 4096, MMGPU_BO_SHARED);
	map = igt_mmgpu_bo_map(fd, bo, 0, PROT_READ);
	for (unsigned int i = 0; i < 2; i++)
		ctx[i] = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, 0);
	if (dying->sync_file >= 0) {
		wait = igt_mmgpu_syncobj_create(fd);
		igt_mmgpu_syncobj_import(fd, wait, dying->sync_file);
	}
	igt_mmgpu_send_fd(self->sock, fd);
	igt_mmgpu_send_fd(self->sock, igt_mmgpu_export(fd, bo));

	out = igt_mmgpu_syncobj_create(fd);
	igt_mmgpu_job_init(&job, ctx[0]);
	igt_mmgpu_job_bo(&job, bo, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_add(&job, 0, STARTED * 8, 1);
	igt_mmgpu_cmd_delay(&job, dying->run_ms);
	igt_mmgpu_cmd_add(&job, 0, FINISHED * 8, 1);
	igt_mmgpu_cmd_timestamp(&job, 0, FINISH_TIME * 8);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_mmgpu_send_fd(self->sock, igt_mmgpu_syncobj_export(fd, out));
	while (!map[STARTED])
		sched_yield();

	for (unsigned int i = 0; i < QUEUED; i++) {
		out = igt_mmgpu_syncobj_create(fd);
		igt_mmgpu_job_init(&job, ctx[i % 2]);
		/* Without implicit sync, so that it's not the buffer that they wait for. */
		igt_mmgpu_job_bo(&job, bo, MMGPU_BO_REF_WRITE |
				 (i < 2 ? 0 : MMGPU_BO_REF_NO_IMPLICIT_SYNC));
		igt_mmgpu_cmd_add(&job, 0, QUEUED_RAN * 8, 1);
		if (wait)
			igt_mmgpu_job_in(&job, wait, 0);
		igt_mmgpu_job_out(&job, out, 0);
		igt_mmgpu_job_submit(fd, &job);
		igt_mmgpu_send_fd(self->sock, igt_mmgpu_syncobj_export(fd, out));
	}
	end_here(self, dying->ending);
	return 1;
}

static int fence_result(int sync_file)
{
	int status;

	igt_assert_f(igt_mmgpu_poll_ms(sync_file, POLLIN, IGT_MMGPU_PATIENCE * 1000),
		     "the fence does not signal\n");
	status = igt_mmgpu_sync_file_status(sync_file);
	igt_assert_neq(status, 0);
	return status < 0 ? status : 0;
}

static void let_end(struct igt_mmgpu_proc *proc, enum ending ending)
{
	char byte;

	if (ending == BY_EXEC) {
		igt_mmgpu_send(proc->sock, "", 1);
		igt_mmgpu_recv(proc->sock, &byte, 1);
	} else {
		igt_assert_eq(igt_mmgpu_proc_join(proc), ending == BY_KILL ? -SIGKILL : 0);
	}
}

/* Whether the owner ended in time; the jobs are judged only then. */
static bool jobs_once(enum ending ending, struct igt_mmgpu_gate *gate, unsigned int ms)
{
	struct dying dying = { ending, gate ? gate->sync_file : -1, ms };
	int fd, dmabuf, running, queued[QUEUED], legacy;
	int running_result, queued_result[QUEUED];
	struct drm_mmgpu_ctx_query query;
	struct igt_mmgpu_proc proc;
	volatile uint64_t *map;
	int64_t ended;
	bool in_time;

	igt_mmgpu_proc_start(&proc, dying_proc, &dying);
	fd = igt_mmgpu_recv_fd(proc.sock);
	dmabuf = igt_mmgpu_recv_fd(proc.sock);
	running = igt_mmgpu_recv_fd(proc.sock);
	for (unsigned int i = 0; i < QUEUED; i++)
		queued[i] = igt_mmgpu_recv_fd(proc.sock);
	let_end(&proc, ending);
	ended = igt_mmgpu_now();
	igt_assert_eq(__igt_mmgpu_ctx_query(fd, 0, &query), -ESRCH);

	running_result = fence_result(running);
	for (unsigned int i = 0; i < QUEUED; i++)
		queued_result[i] = fence_result(queued[i]);
	/* The gate's fence is not in the buffer. */
	igt_assert(igt_mmgpu_poll_ms(dmabuf, POLLOUT, IGT_MMGPU_PATIENCE * 1000) & POLLOUT);

	/* The one that runs is left to finish, the others never start. */
	legacy = igt_mmgpu_open();
	map = igt_mmgpu_bo_map(legacy, igt_mmgpu_import(legacy, dmabuf), 0, PROT_READ);
	igt_assert_eq(running_result, 0);
	igt_assert_eq_u64(map[STARTED], 1);
	igt_assert_eq_u64(map[FINISHED], 1);
	in_time = map[FINISH_TIME] > ended;
	for (unsigned int i = 0; i < QUEUED && (in_time || gate); i++)
		igt_assert_eq(queued_result[i], -ECANCELED);
	if (in_time || gate)
		igt_assert_eq_u64(map[QUEUED_RAN], 0);
	munmap((void *)map, 4096);
	close(legacy);

	if (ending == BY_EXEC) {
		shutdown(proc.sock, SHUT_WR);
		igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
	}
	for (unsigned int i = 0; i < QUEUED; i++)
		close(queued[i]);
	close(running);
	close(dmabuf);
	close(fd);
	return in_time;
}

static void jobs(enum ending ending, struct igt_mmgpu_gate *gate)
{
	for (unsigned int i = 0; i < igt_mmgpu_count(run_ms); i++)
		if (jobs_once(ending, gate, run_ms[i]))
			return;
	igt_skip("too slow: the owner ended only after its job, %zu times\n",
		 igt_mmgpu_count(run_ms));
}

/* A fence that nobody signals does not keep the jobs that wait for it. */
static void foreign_fence(enum ending ending)
{
	struct igt_mmgpu_gate gate;

	/* These cannot start whatever takes how long, so one try will do. */
	igt_mmgpu_gate_init(&gate);
	jobs_once(ending, &gate, run_ms[0]);
	igt_assert_eq(igt_mmgpu_sync_file_status(gate.sync_file), 0);
	igt_mmgpu_gate_open(&gate);
	igt_mmgpu_gate_fini(&gate);
}

/* ---- memory ----------------------------------------------------------------------------- */

#define BOS		8
#define BO_SIZE		(1024 * 1024)

enum { MAPPED = 1, BUSY = 2, EXPORTED = 4, FOREIGN_MAPPING = 8 };

struct hoarder {
	unsigned int what;
	enum ending ending;
};

/* Fills buffers, leaves jobs behind that use them, and ends. */
static int hoarder_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct hoarder *hoarder = data;
	int fd = igt_mmgpu_open(), dmabuf = -1;
	struct igt_mmgpu_job job;
	uint32_t bo[BOS];

	igt_mmgpu_bind_mm(fd);
	for (unsigned int i = 0; i < BOS; i++) {
		/* The last one is for everybody, so that a stranger can map it. */
		bo[i] = igt_mmgpu_bo_create(fd, BO_SIZE, i + 1 < BOS ? 0 : MMGPU_BO_SHARED);

		igt_mmgpu_job_init(&job, 0);
		igt_mmgpu_job_bo(&job, bo[i], MMGPU_BO_REF_WRITE);
		igt_mmgpu_cmd_fill(&job, 0, 0, BO_SIZE, ~0ull);
		igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
		if (hoarder->what & MAPPED)
			memset(igt_mmgpu_bo_map(fd, bo[i], 0, PROT_READ | PROT_WRITE), i,
			       BO_SIZE);
	}
	for (unsigned int i = 0; i < 2 * BOS && hoarder->what & BUSY; i++) {
		igt_mmgpu_job_init(&job, 0);
		igt_mmgpu_job_bo(&job, bo[i % BOS], MMGPU_BO_REF_WRITE);
		igt_mmgpu_cmd_fill(&job, 0, 0, BO_SIZE, i);
		igt_mmgpu_cmd_delay(&job, 20);
		igt_mmgpu_job_submit(fd, &job);
	}
	if (hoarder->what & (EXPORTED | FOREIGN_MAPPING))
		dmabuf = igt_mmgpu_export(fd, bo[BOS - 1]);
	igt_mmgpu_send_fd(self->sock, fd);
	if (dmabuf >= 0)
		igt_mmgpu_send_fd(self->sock, dmabuf);
	end_here(self, hoarder->ending);
	return 1;
}

/*
 * The last descriptor is ours, and the file is bound to a dead mm: we may do nothing with
 * it but close it, and that frees everything.
 */
static void last_close(unsigned int what)
{
	struct hoarder hoarder = { what, BY_EXIT };
	struct igt_mmgpu_baseline before, now;
	struct igt_mmgpu_proc proc;
	int fd, dmabuf = -1;
	void *map = NULL;

	igt_mmgpu_baseline_take(&before);
	igt_assert_lte(0, before.shmem_kb);
	igt_mmgpu_proc_start(&proc, hoarder_proc, &hoarder);
	fd = igt_mmgpu_recv_fd(proc.sock);
	if (what & (EXPORTED | FOREIGN_MAPPING))
		dmabuf = igt_mmgpu_recv_fd(proc.sock);
	let_end(&proc, BY_EXIT);

	/* The file keeps its buffers: else there would be nothing to give back. */
	igt_mmgpu_baseline_take(&now);
	igt_assert_lte(before.shmem_kb + (BOS - 1) * BO_SIZE / 1024, now.shmem_kb);

	if (what & FOREIGN_MAPPING) {
		map = mmap(NULL, BO_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
		igt_assert(map != MAP_FAILED);
		memset(map, 1, BO_SIZE);
	}
	close(fd);

	if (map) {
		/* One of them is still in use, by us; it's no worse for the close. */
		igt_assert_eq(*(volatile uint8_t *)map, 1);
		close(dmabuf);
		dmabuf = -1;
		igt_assert_eq(*(volatile uint8_t *)map, 1);
		munmap(map, BO_SIZE);
	}
	if (dmabuf >= 0)
		close(dmabuf);
	igt_mmgpu_baseline_assert(&before);
}

/* The owner's end and the last close at the same moment, in either order, with jobs about. */
static void end_and_close(void)
{
	struct hoarder hoarder = { BUSY | MAPPED, BY_KILL };
	int rounds = igt_mmgpu_is_slow() ? 4 : 10;
	struct igt_mmgpu_rand rnd;
	struct igt_mmgpu_baseline before;

	igt_mmgpu_rand_init(&rnd);
	igt_mmgpu_baseline_take(&before);
	for (int i = 0; i < rounds; i++) {
		struct igt_mmgpu_proc proc;
		int fd;

		hoarder.ending = i & 1 ? BY_KILL : BY_EXIT;
		igt_mmgpu_proc_start(&proc, hoarder_proc, &hoarder);
		fd = igt_mmgpu_recv_fd(proc.sock);
		if (igt_mmgpu_rand(&rnd) & 1)
			usleep(igt_mmgpu_rand_range(&rnd, 0, 3000));
		close(fd);
		igt_assert_eq(igt_mmgpu_proc_join(&proc), hoarder.ending == BY_KILL ? -SIGKILL : 0);
	}
	igt_mmgpu_baseline_assert(&before);
}

static int many_files_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct igt_mmgpu_job job;
	int fd;

	for (int i = 0; i < 40; i++) {
		fd = igt_mmgpu_open();
		igt_mmgpu_bind_mm(fd);
		igt_mmgpu_bo_create(fd, 65536, 0);
		igt_mmgpu_job_init(&job, igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY));
		igt_mmgpu_cmd_delay(&job, 1);
		igt_mmgpu_job_submit(fd, &job);
		igt_mmgpu_job_submit(fd, &job);
	}
	/* One of them is for the parent. */
	igt_mmgpu_send_fd(self->sock, fd);
	return 0;
}

static void many_files(void)
{
	struct igt_mmgpu_proc proc;
	struct igt_mmgpu_baseline before;
	uint32_t handle;
	int fd;

	igt_mmgpu_baseline_take(&before);
	for (int i = 0; i < 3; i++) {
		igt_mmgpu_proc_start(&proc, many_files_proc, NULL);
		fd = igt_mmgpu_recv_fd(proc.sock);
		igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
		igt_assert_eq(__igt_mmgpu_bo_create(fd, 4096, 0, &handle), -ESRCH);
		close(fd);
	}
	igt_mmgpu_baseline_assert(&before);
}

int igt_main()
{
	static const struct {
		const char *name;
		unsigned int what;
		const char *text;
	} closes[] = {
		{ "last-close", 0, "with buffers that are not in use" },
		{ "last-close-mapped", MAPPED, "with buffers that the owner had mapped" },
		{ "last-close-busy", MAPPED | BUSY, "with jobs queued and running" },
		{ "last-close-exported", BUSY | EXPORTED, "with a dma-buf of a buffer" },
		{ "last-close-foreign-mapping", BUSY | FOREIGN_MAPPING, "that the closer has mapped" },
	};

	igt_fixture()
		close(igt_mmgpu_open());

	for (enum ending i = BY_EXIT; i <= BY_EXEC; i++) {
		igt_describe_f("the owner's jobs after its %s: one ends, the others are cancelled",
			       ending_name[i]);
		igt_subtest_f("jobs-%s", ending_name[i])
			jobs(i, NULL);

		igt_describe_f("the same after %s with jobs that wait for a foreign fence",
			       ending_name[i]);
		igt_subtest_f("foreign-fence-%s", ending_name[i])
			foreign_fence(i);
	}

	for (unsigned int i = 0; i < igt_mmgpu_count(closes); i++) {
		igt_describe_f("a stranger closes last and frees all, %s", closes[i].text);
		igt_subtest(closes[i].name)
			last_close(closes[i].what);
	}

	igt_describe("the owner's end races the last close");
	igt_subtest("end-and-close")
		end_and_close();

	igt_describe("processes with many bound files each leave nothing");
	igt_subtest("many-files")
		many_files();

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
