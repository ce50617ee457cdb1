// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * The system goes to sleep while jobs run, are queued, and are waited for. Those that run
 * get until the job timeout, the others stay where they are; nothing is lost and nothing
 * hangs for the time asleep. MMGPU_SUSPENDS is how often it does so under load (5; 2 on
 * a slow kernel).
 */

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_baseline.h"
#include "igt_mmgpu_grant.h"
#include "igt_mmgpu_line.h"
#include "igt_mmgpu_nap.h"
#include "igt_mmgpu_share.h"
#include "igt_mmgpu_small.h"
#include "igt_mmgpu_stuck.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <xf86drm.h>

IGT_TEST_DESCRIPTION("Sleep of the system with work on the device.");

#define PAGE		4096ul
#define WORKERS		3
/* Asleep: longer than a job may run. */
#define SECONDS		1
/* Falling asleep as well, which takes as long as the job that hangs. */
#define ALARM		2

static int fd = -1;
static uint64_t timeout;
/* Jobs in each line: few where it takes long to submit them. */
static unsigned int queued_jobs = 20;

/* Counts the time asleep, which the other clock may or may not do. */
static int64_t boot_time(void)
{
	struct timespec ts;

	igt_assert_eq(clock_gettime(CLOCK_BOOTTIME, &ts), 0);
	return ts.tv_sec * IGT_MMGPU_NSEC_PER_SEC + ts.tv_nsec;
}

/* ---- jobs that run while the system goes to sleep ----------------------------------------- */

struct running {
	int file;
	uint32_t ctx, bo, done;
	uint64_t *map;
	uint64_t svm;
};

static void running_start(struct running *run, uint32_t engine, uint64_t ms, bool svm)
{
	struct igt_mmgpu_job job;

	run->file = igt_mmgpu_reopen(fd);
	if (svm)
		igt_mmgpu_bind_mm(run->file);
	run->ctx = igt_mmgpu_ctx_create(run->file, MMGPU_PRIORITY_NORMAL, engine);
	run->bo = igt_mmgpu_bo_create(run->file, PAGE, 0);
	run->map = igt_mmgpu_bo_map(run->file, run->bo, 0, PROT_READ | PROT_WRITE);
	run->done = igt_mmgpu_syncobj_create(run->file);
	run->svm = 0;
	igt_mmgpu_job_init(&job, run->ctx);
	igt_mmgpu_job_bo(&job, run->bo, MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC);
	igt_mmgpu_cmd_fill(&job, 0, 0, 8, 1);
	igt_mmgpu_cmd_delay(&job, ms);
	igt_mmgpu_cmd_fill(&job, 0, 0, 8, 2);
	if (svm)
		igt_mmgpu_cmd_svm_fill(&job, &run->svm, 8, 2);
	igt_mmgpu_job_out(&job, run->done, 0);
	igt_mmgpu_job_submit(run->file, &job);
	igt_mmgpu_await(run->map, 1);
}

static void running_check(struct running *run, int error, bool svm)
{
	struct drm_mmgpu_ctx_query query;

	igt_assert_eq(igt_mmgpu_syncobj_result(run->file, run->done), error);
	igt_assert_eq_u64(run->map[0], error ? 1 : 2);
	igt_assert_eq_u64(run->svm, svm && !error ? 2 : 0);
	igt_mmgpu_ctx_query(run->file, run->ctx, &query);
	igt_assert_eq_u32(query.status, error == -ETIME ? MMGPU_CTX_BANNED : 0);
	igt_assert_eq_u64(query.hangs, error == -ETIME);
	igt_assert_eq_u64(query.jobs_done, !error);
	munmap(run->map, PAGE);
	close(run->file);
}

/* Nobody brings the page, as who could is asleep. The job after that one is not to blame. */
struct waiting {
	int file;
	uint32_t ctx;
	uint32_t done[2];
	struct igt_mmgpu_stuck stuck;
	uint64_t word;
};

static void waiting_start(struct waiting *wait, uint32_t engine)
{
	struct igt_mmgpu_job job;

	wait->file = igt_mmgpu_reopen(fd);
	igt_mmgpu_bind_mm(wait->file);
	wait->ctx = igt_mmgpu_ctx_create(wait->file, MMGPU_PRIORITY_NORMAL, engine);
	igt_mmgpu_stuck_init(&wait->stuck, PAGE);
	wait->word = 0;
	for (int i = 0; i < 2; i++) {
		wait->done[i] = igt_mmgpu_syncobj_create(wait->file);
		igt_mmgpu_job_init(&job, wait->ctx);
		igt_mmgpu_cmd_svm_fill(&job, i ? &wait->word : (void *)wait->stuck.mem, 8, 1);
		igt_mmgpu_job_out(&job, wait->done[i], 0);
		igt_mmgpu_job_submit(wait->file, &job);
	}
	igt_mmgpu_stuck_await(wait->stuck.uffd);
}

/*
 * Whether the job was still there when it was the devices' turn, which a busy system
 * reaches late.
 */
static bool waiting_check(struct waiting *wait)
{
	int result = igt_mmgpu_syncobj_result(wait->file, wait->done[0]);
	bool late = result == -ETIME;
	struct drm_mmgpu_ctx_query query;

	igt_assert_eq(result, late ? -ETIME : -ECANCELED);
	igt_assert_eq(igt_mmgpu_syncobj_result(wait->file, wait->done[1]), late ? -ECANCELED : 0);
	igt_assert_eq_u64(wait->word, !late);
	igt_mmgpu_ctx_query(wait->file, wait->ctx, &query);
	igt_assert_eq_u32(query.status, late ? MMGPU_CTX_BANNED : 0);
	igt_assert_eq_u64(query.hangs, late);
	igt_assert_eq_u64(query.faults, 0);
	igt_assert_eq_u64(query.jobs_done, !late);
	igt_mmgpu_stuck_fini(&wait->stuck);
	close(wait->file);
	return !late;
}

/*
 * Jobs that say when they ran, and so that none did while the device slept. Those at CPU
 * addresses run on a thread, but the scheduler hands them over in the order in which all jobs
 * of their engine came: that one has no other jobs for long.
 */
#define TICKS		100
#define TICK_MS		50

struct ticker {
	int file;
	uint32_t ctx;
	uint64_t *times;
};

static void ticker_start(struct ticker *ticker, uint32_t engine, bool svm)
{
	struct igt_mmgpu_job job;
	uint32_t bo = 0;

	ticker->file = igt_mmgpu_reopen(fd);
	if (svm)
		igt_mmgpu_bind_mm(ticker->file);
	ticker->ctx = igt_mmgpu_ctx_create(ticker->file, MMGPU_PRIORITY_NORMAL, engine);
	if (svm) {
		ticker->times = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		igt_assert(ticker->times != MAP_FAILED);
	} else {
		bo = igt_mmgpu_bo_create(ticker->file, PAGE, 0);
		ticker->times = igt_mmgpu_bo_map(ticker->file, bo, 0, PROT_READ | PROT_WRITE);
	}
	for (unsigned int i = 0; i < TICKS; i++) {
		igt_mmgpu_job_init(&job, ticker->ctx);
		if (svm) {
			igt_mmgpu_cmd_timestamp(&job, 0, (uintptr_t)&ticker->times[i])->flags =
				MMGPU_CMD_DST_SVM;
		} else {
			igt_mmgpu_job_bo(&job, bo, MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC);
			igt_mmgpu_cmd_timestamp(&job, 0, i * 8);
		}
		igt_mmgpu_cmd_delay(&job, TICK_MS);
		igt_mmgpu_job_submit(ticker->file, &job);
	}
}

/* Ends it. The longest time without a tick, by the clock of the time stamps, and the last one before. */
static uint64_t ticker_end(struct ticker *ticker, uint64_t *last)
{
	uint64_t now = igt_mmgpu_now(), gap = 0;
	bool over = false;

	igt_mmgpu_ctx_destroy(ticker->file, ticker->ctx);
	igt_assert_lt_u64(0, ticker->times[0]);
	for (unsigned int i = 1; i <= TICKS && !over; i++) {
		uint64_t next = i < TICKS ? ticker->times[i] : 0;

		over = !next;
		if (over)
			next = now;
		if (next > ticker->times[i - 1] && gap < next - ticker->times[i - 1]) {
			*last = ticker->times[i - 1];
			gap = next - *last;
		}
	}
	munmap(ticker->times, PAGE);
	close(ticker->file);
	return gap;
}

/* ---- buffers that others have to do with ---------------------------------------------------- */

/* Granted to a process that maps it and has a job on it; and another driver's, with a job of ours. */
struct shared {
	struct igt_mmgpu_private own;
	struct igt_mmgpu_peer peer;
	uint64_t *map, *foreign;
	struct igt_mmgpu_gate gate;
	int file;
	uint32_t done;
};

/* In the other process. */
static uint64_t *theirs;

static int peer_maps(int node, int file, const void *data)
{
	theirs = igt_mmgpu_bo_map(igt_mmgpu_theirs.file, igt_mmgpu_theirs.bo, PAGE,
				  PROT_READ | PROT_WRITE);
	theirs[0] = 1;
	return 0;
}

static int peer_touches(int node, int file, const void *data)
{
	return igt_mmgpu_touch_write(&theirs[0], 2);
}

static void shared_start(struct shared *shared)
{
	struct igt_mmgpu_job job;

	igt_mmgpu_private_init(&shared->own, PAGE);
	shared->map = igt_mmgpu_dmabuf_map(shared->own.dmabuf, PAGE);
	igt_mmgpu_peer_enter(&shared->peer, &shared->own, IGT_MMGPU_READ_WRITE, true);
	igt_assert_eq(igt_mmgpu_peer_call(&shared->peer, peer_maps, -1, NULL, 0), 0);
	igt_assert_eq_u64(shared->map[0], 1);

	shared->file = igt_mmgpu_reopen(fd);
	shared->done = igt_mmgpu_syncobj_create(shared->file);
	igt_mmgpu_gate_init(&shared->gate);
	shared->foreign = igt_mmgpu_dmabuf_map(shared->gate.dmabuf, PAGE);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, igt_mmgpu_import(shared->file, shared->gate.dmabuf),
			 MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, 0, 0, 8, 3);
	igt_mmgpu_job_out(&job, shared->done, 0);
	igt_mmgpu_job_submit(shared->file, &job);
}

/* At once: vgem's fences fail if nobody signals them. */
static void shared_wake(struct shared *shared)
{
	igt_assert_eq_u64(shared->foreign[0], 0);
	igt_mmgpu_gate_open(&shared->gate);
}

static void shared_check(struct shared *shared)
{
	igt_assert_eq(igt_mmgpu_peer_result(&shared->peer), 1);
	igt_assert_eq(igt_mmgpu_peer_call(&shared->peer, peer_touches, -1, NULL, 0), 0);
	igt_assert_eq_u64(shared->map[0], 2);
	igt_mmgpu_private_grant(&shared->own, 0, shared->peer.seq);
	igt_assert_eq(igt_mmgpu_peer_call(&shared->peer, peer_touches, -1, NULL, 0), SIGBUS);
	igt_assert_eq(igt_mmgpu_peer_access(&shared->peer, shared->own.dmabuf), -EPERM);
	igt_mmgpu_peer_stop(&shared->peer);
	munmap(shared->map, PAGE);
	igt_mmgpu_private_fini(&shared->own);

	igt_assert_eq(igt_mmgpu_syncobj_result(shared->file, shared->done), 0);
	igt_assert_eq_u64(shared->foreign[0], 3);
	munmap(shared->foreign, PAGE);
	close(shared->file);
	igt_mmgpu_gate_fini(&shared->gate);
}

/* ---- who waits in a call ---------------------------------------------------------------------- */

/* The last one submits more than there may be, which takes too long on a slow kernel. */
enum call { SYNCOBJ, BO, POLL, SUBMIT, CALLS };

static int caller_proc(struct igt_mmgpu_proc *self, void *data)
{
	enum call call = *(enum call *)data;
	int file = igt_mmgpu_reopen(fd);
	uint64_t max = igt_mmgpu_get_param(file, MMGPU_PARAM_MAX_JOBS);
	uint32_t in = igt_mmgpu_syncobj_create(file), out = igt_mmgpu_syncobj_create(file);
	uint32_t bo = igt_mmgpu_bo_create(file, PAGE, 0);
	struct igt_mmgpu_job job;
	char byte = 0;
	int fence;

	igt_mmgpu_send(self->sock, &byte, 1);
	/* Its own job waits for this one, which is still to come. */
	igt_mmgpu_syncobj_import(file, in, igt_mmgpu_recv_fd(self->sock));
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, bo, MMGPU_BO_REF_WRITE);
	igt_mmgpu_job_in(&job, in, 0);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(file, &job);
	fence = igt_mmgpu_syncobj_export(file, out);
	for (uint64_t i = 1; call == SUBMIT && i < max; i++)
		igt_mmgpu_job_submit(file, &job);
	igt_mmgpu_send(self->sock, &byte, 1);
	switch (call) {
	case BO:
		igt_mmgpu_bo_wait(file, bo, MMGPU_BO_WAIT_WRITE);
		break;
	case POLL:
		igt_assert(igt_mmgpu_poll_ms(fence, POLLIN, IGT_MMGPU_PATIENCE * 1000) & POLLIN);
		break;
	case SUBMIT:
		igt_mmgpu_job_submit(file, &job);
		break;
	default:
		break;
	}
	igt_assert_eq(igt_mmgpu_syncobj_result(file, out), 0);
	return 0;
}

static int last_fence(const struct igt_mmgpu_line *line)
{
	uint32_t syncobj = igt_mmgpu_syncobj_create(line->fd);
	int sync_file;

	igt_assert_eq(drmSyncobjTransfer(line->fd, syncobj, 0, line->points, line->pushed, 0), 0);
	sync_file = igt_mmgpu_syncobj_export(line->fd, syncobj);
	igt_mmgpu_syncobj_destroy(line->fd, syncobj);
	return sync_file;
}

/* ---- one sleep with all of it ------------------------------------------------------------- */

/* Whether the device went to sleep in time to take a job out of its page fault. */
static bool with_everything(void (*nap)(unsigned int seconds), unsigned int seconds)
{
	struct running slow, svm, hang;
	struct igt_mmgpu_line lines[4];
	struct waiting waiting;
	struct shared shared;
	struct ticker tickers[2];
	struct igt_mmgpu_proc callers[CALLS];
	struct igt_mmgpu_baseline before;
	enum call calls = igt_mmgpu_is_slow() ? SUBMIT : CALLS;
	int64_t begin, all;
	int bound, sync_file;
	uint64_t last;
	bool queued, running, in_time;
	char byte;

	igt_mmgpu_stuck_require();
	/* Our own number stays for as long as we do. */
	igt_mmgpu_number(fd);
	igt_mmgpu_baseline_take(&before);
	bound = igt_mmgpu_reopen(fd);
	igt_mmgpu_bind_mm(bound);
	for (enum call call = 0; call < calls; call++)
		igt_mmgpu_proc_start(&callers[call], caller_proc, &call);
	for (enum call call = 0; call < calls; call++)
		igt_mmgpu_recv(callers[call].sock, &byte, 1);
	/* Behind the slow job; from engine to engine; behind the hang; on the thread. */
	igt_mmgpu_line_init(&lines[0], fd, 0, 1, false);
	igt_mmgpu_line_init(&lines[1], fd, 0, 4, false);
	igt_mmgpu_line_init(&lines[2], fd, 2, 1, false);
	igt_mmgpu_line_init(&lines[3], bound, 0, 1, true);

	shared_start(&shared);
	ticker_start(&tickers[0], 3, false);
	ticker_start(&tickers[1], 1, true);
	/* From here on against the time that these have. */
	igt_mmgpu_peer_run(&shared.peer, MMGPU_BO_REF_WRITE, timeout * 4 / 10);
	running_start(&hang, 2, igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_DELAY_MS), false);
	running_start(&svm, 1, timeout * 4 / 10, true);
	running_start(&slow, 0, timeout * 4 / 10, false);
	for (size_t i = 0; i < igt_mmgpu_count(lines); i++)
		igt_mmgpu_line_push(&lines[i], queued_jobs);
	sync_file = last_fence(&lines[2]);
	for (enum call call = 0; call < calls; call++)
		igt_mmgpu_send_fd(callers[call].sock, sync_file);
	for (enum call call = 0; call < calls; call++)
		igt_mmgpu_recv(callers[call].sock, &byte, 1);
	waiting_start(&waiting, 1);
	queued = !igt_mmgpu_sync_file_status(sync_file);
	running = !igt_mmgpu_syncobj_status(slow.file, slow.done) &&
		  !igt_mmgpu_syncobj_status(svm.file, svm.done);

	begin = igt_mmgpu_now();
	all = boot_time();
	nap(seconds);
	begin = igt_mmgpu_now() - begin;
	all = boot_time() - all;
	shared_wake(&shared);

	igt_info("asleep, with falling asleep: %.1f s, of which the clock counted %.1f; jobs that end %s, the others %s\n",
		 all / 1e9, begin / 1e9, running ? "ran" : "were over before",
		 queued ? "waited" : "were over before");
	/* Falling asleep, as far as others do it, is part of it. */
	for (size_t i = 0; i < igt_mmgpu_count(tickers); i++)
		igt_assert_lte_u64(begin / 3, ticker_end(&tickers[i], &last));
	running_check(&slow, 0, false);
	running_check(&svm, 0, true);
	running_check(&hang, -ETIME, false);
	in_time = waiting_check(&waiting);
	shared_check(&shared);
	for (size_t i = 0; i < igt_mmgpu_count(lines); i++) {
		igt_mmgpu_line_check(&lines[i]);
		igt_mmgpu_line_fini(&lines[i]);
	}
	for (enum call call = 0; call < calls; call++)
		igt_assert_eq(igt_mmgpu_proc_join(&callers[call]), 0);
	close(sync_file);
	close(bound);
	igt_mmgpu_baseline_assert(&before);
	return in_time;
}

static void sleep_in_time(void (*nap)(unsigned int seconds), unsigned int seconds)
{
	int tries = 5;

	/* A slow kernel may never be, and has shown all the rest. */
	while (!with_everything(nap, seconds) && !igt_mmgpu_is_slow())
		igt_assert_f(--tries, "the device never stopped before a job had hung\n");
}

static void devices(void)
{
	igt_mmgpu_nap_devices_require();
	sleep_in_time(igt_mmgpu_nap_devices, SECONDS);
}

static void s2idle(void)
{
	igt_mmgpu_nap_s2idle_require();
	sleep_in_time(igt_mmgpu_nap_s2idle, ALARM);
}

/* A job that does nothing but take page faults, each of which somebody serves. */
static void submit_faults(int file, uint32_t bo, const void *memory, uint64_t rows, uint32_t done)
{
	struct drm_mmgpu_cmd *cmd;
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, bo, MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC);
	igt_mmgpu_cmd_fill(&job, 0, 0, 8, 1);
	cmd = igt_mmgpu_cmd_svm_read(&job, 0, PAGE, memory, 1);
	cmd->rows = rows;
	cmd->src_pitch = PAGE;
	cmd->dst_pitch = 1;
	igt_mmgpu_cmd_timestamp(&job, 0, 8);
	igt_mmgpu_job_out(&job, done, 0);
	igt_mmgpu_job_submit(file, &job);
}

/* Whether the device went to sleep while the job ran, which had the time to end then. */
static bool nap_in_faults(void)
{
	const uint64_t most = 1 << 17, few = 512;
	int file = igt_mmgpu_reopen(fd), result;
	uint64_t *map, rows, last = 0, end;
	struct ticker ticker;
	uint32_t bo, done;
	uint8_t *memory;
	int64_t took;

	igt_mmgpu_bind_mm(file);
	bo = igt_mmgpu_bo_create(file, PAGE + most, 0);
	map = igt_mmgpu_bo_map(file, bo, 0, PROT_READ | PROT_WRITE);
	done = igt_mmgpu_syncobj_create(file);
	/* Read only, so that it takes page tables and no pages. */
	memory = mmap(NULL, most * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		      -1, 0);
	igt_assert(memory != MAP_FAILED);
	madvise(memory, most * PAGE, MADV_NOHUGEPAGE);

	/* The first one makes the thread, too. */
	for (int i = 0; i < 2; i++) {
		took = igt_mmgpu_now();
		submit_faults(file, bo, memory + i * few * PAGE, few, done);
		igt_assert_eq(igt_mmgpu_syncobj_result(file, done), 0);
		took = igt_mmgpu_now() - took;
	}
	rows = few * (timeout * IGT_MMGPU_NSEC_PER_MSEC / 2) / took;
	if (rows > most - 2 * few)
		rows = most - 2 * few;

	map[0] = 0;
	ticker_start(&ticker, 3, false);
	submit_faults(file, bo, memory + 2 * few * PAGE, rows, done);
	igt_mmgpu_await(map, 1);
	igt_mmgpu_nap_devices(0);
	result = igt_mmgpu_syncobj_result(file, done);
	/* The next tick would have been due: so long it went on, for sure. */
	ticker_end(&ticker, &last);
	end = map[1] - TICK_MS * IGT_MMGPU_NSEC_PER_MSEC;
	igt_info("%lu page faults, %.0f us each: %d, %.0f ms after the device stopped\n",
		 (unsigned long)rows, took / few / 1e3, result, ((double)end - last) / 1e6);

	munmap(memory, most * PAGE);
	munmap(map, PAGE);
	close(file);
	igt_assert_f(!result || result == -ETIME, "a job that only takes page faults: %d\n", result);
	return !result && end > last;
}

static void faults(void)
{
	int tries = 10;

	igt_mmgpu_nap_devices_require();
	while (!nap_in_faults()) {
		igt_skip_on_f(tries == 1 && igt_mmgpu_is_slow(), "too slow to fall asleep around a job\n");
		igt_assert_f(--tries, "the system never fell asleep around the job\n");
	}
}

/*
 * Of two jobs on an engine the first runs, and a longer one on a thread, for which the device
 * waits. Whether the second one could have started meanwhile, had it been let.
 */
static bool nap_behind_thread(void)
{
	const uint32_t flags = MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC;
	int files[2] = { igt_mmgpu_reopen(fd), igt_mmgpu_reopen(fd) }, results[2];
	uint64_t *map[2], word = 0, last = 0, start, end;
	uint32_t ctx[2], done[2];
	struct igt_mmgpu_job job;
	struct ticker ticker;

	igt_mmgpu_bind_mm(files[1]);
	ticker_start(&ticker, 3, false);
	for (int i = 1; i >= 0; i--) {
		uint32_t bo = igt_mmgpu_bo_create(files[i], PAGE, 0);

		map[i] = igt_mmgpu_bo_map(files[i], bo, 0, PROT_READ | PROT_WRITE);
		ctx[i] = igt_mmgpu_ctx_create(files[i], MMGPU_PRIORITY_NORMAL, i);
		done[i] = igt_mmgpu_syncobj_create(files[i]);
		igt_mmgpu_job_init(&job, ctx[i]);
		igt_mmgpu_job_bo(&job, bo, flags);
		igt_mmgpu_cmd_timestamp(&job, 0, 0);
		if (i)
			igt_mmgpu_cmd_svm_fill(&job, &word, 8, 1);
		igt_mmgpu_cmd_delay(&job, timeout * (i ? 7 : 5) / 10);
		igt_mmgpu_cmd_timestamp(&job, 0, 8);
		igt_mmgpu_job_out(&job, done[i], 0);
		igt_mmgpu_job_submit(files[i], &job);
		if (!i)
			igt_mmgpu_job_submit(files[i], &job);
		while (!*(volatile uint64_t *)map[i])
			usleep(100);
	}
	igt_mmgpu_nap_devices(0);
	for (int i = 0; i < 2; i++)
		results[i] = igt_mmgpu_syncobj_result(files[i], done[i]);
	ticker_end(&ticker, &last);
	last += TICK_MS * IGT_MMGPU_NSEC_PER_MSEC;
	start = map[0][0];
	end = map[1][1];
	igt_info("job behind: %.0f ms, thread's end: %.0f ms after the device stopped; %d, %d\n",
		 ((double)start - last) / 1e6, ((double)end - last) / 1e6, results[0], results[1]);
	for (int i = 0; i < 2; i++) {
		munmap(map[i], PAGE);
		close(files[i]);
	}
	if (results[0] || results[1] || end <= last)
		return false;
	igt_assert_f(start <= last || start >= end, "a job started while another was waited for\n");
	/* Its turn came after it, and would have come before. */
	return start >= end;
}

static void behind_thread(void)
{
	int tries = 10;

	igt_mmgpu_nap_devices_require();
	while (!nap_behind_thread()) {
		igt_skip_on_f(tries == 1 && igt_mmgpu_is_slow(), "too slow to fall asleep around a job\n");
		igt_assert_f(--tries, "the system never fell asleep around the job\n");
	}
}

static void load(void)
{
	unsigned int total = igt_mmgpu_env_number("MMGPU_SUSPENDS", igt_mmgpu_is_slow() ? 2 : 5);
	struct igt_mmgpu_baseline before;
	struct igt_mmgpu_load work;
	unsigned long jobs;
	int64_t begin;

	igt_mmgpu_nap_devices_require();
	/* Our own number stays for as long as we do. */
	igt_mmgpu_number(fd);
	igt_mmgpu_baseline_take(&before);
	igt_mmgpu_load_start(&work, WORKERS);
	begin = igt_mmgpu_now();
	for (unsigned int i = 0; i < total; i++) {
		usleep(20000 * (i % 5));
		igt_mmgpu_nap_devices(0);
		igt_mmgpu_load_await(&work);
	}
	begin = igt_mmgpu_now() - begin;
	jobs = igt_mmgpu_load_stop(&work);
	igt_info("%u sleeps in %.1f s; %lu jobs, all in order\n", total, begin / 1e9, jobs);
	igt_mmgpu_baseline_assert(&before);
}

int igt_main()
{
	igt_fixture() {
		fd = igt_mmgpu_open();
		timeout = igt_mmgpu_get_param(fd, MMGPU_PARAM_JOB_TIMEOUT_MS);
		igt_require_f(timeout < SECONDS * 1000,
			      "a job's time is longer than this test wants to sleep\n");
		igt_require_f(igt_mmgpu_get_param(fd, MMGPU_PARAM_ENGINE_COUNT) >= 4,
			      "too few engines for all that is to run at the same time\n");
		if (igt_mmgpu_is_slow())
			queued_jobs = 5;
		igt_mmgpu_nap_init();
	}

	igt_describe("All devices sleep for longer than the job timeout.");
	igt_subtest("devices")
		devices();

	igt_describe("The system suspends to idle until an alarm wakes it.");
	igt_subtest("s2idle")
		s2idle();

	igt_describe("A job whose page faults are served goes on to its end.");
	igt_subtest("faults")
		faults();

	igt_describe("No job starts while one with CPU addresses is waited for.");
	igt_subtest("behind-thread")
		behind_thread();

	igt_describe("Many short sleeps of all devices under load.");
	igt_subtest("load")
		load();

	igt_fixture() {
		igt_mmgpu_proc_cleanup();
		igt_mmgpu_nap_fini();
		close(fd);
	}
}
