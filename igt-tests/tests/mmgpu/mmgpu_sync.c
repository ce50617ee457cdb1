// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Fences as user space sees them: syncobjs, binary and timeline, sync_files, eventfds, and
 * what a dma-buf shows. That they order the work: mmgpu_order.
 */

#include "igt.h"
#include "igt_mmgpu.h"

#include <errno.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <time.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <xf86drm.h>

IGT_TEST_DESCRIPTION("Syncobjs, sync_files and the fences of a dma-buf.");

#define PAGE	4096ull

static int fd = -1;
static struct igt_mmgpu_gate gate;
static struct igt_mmgpu_job job;
static uint32_t held;

/* Starts an empty job that waits for the gate. */
static void gated(uint32_t ctx)
{
	igt_mmgpu_gate_init(&gate);
	held = igt_mmgpu_gate_syncobj(&gate, fd);
	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_job_in(&job, held, 0);
}

static void gated_end(void)
{
	igt_mmgpu_syncobj_destroy(fd, held);
	igt_mmgpu_gate_fini(&gate);
}

/* ---- syncobjs ----------------------------------------------------------------------------- */

static void binary_out(void)
{
	uint32_t out = igt_mmgpu_syncobj_create(fd);

	gated(0);
	igt_assert(!igt_mmgpu_syncobj_has_fence(fd, out));
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_assert(igt_mmgpu_syncobj_has_fence(fd, out));
	igt_assert_eq(igt_mmgpu_syncobj_status(fd, out), 0);
	igt_assert_eq(__igt_mmgpu_syncobj_wait(fd, out, 0, igt_mmgpu_deadline_ms(20)), -ETIME);
	igt_mmgpu_gate_open(&gate);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, out), 0);

	/* The next job takes the place of the old fence. */
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_delay(&job, 500);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_assert_eq(igt_mmgpu_syncobj_status(fd, out), 0);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, out), 0);
	igt_mmgpu_syncobj_destroy(fd, out);
	gated_end();
}

static void binary_in(void)
{
	uint32_t out = igt_mmgpu_syncobj_create(fd);
	uint32_t done = igt_mmgpu_syncobj_create_signaled(fd);

	gated(0);
	/* One that is done, and the same one twice, change nothing. */
	igt_mmgpu_job_in(&job, done, 0);
	igt_mmgpu_job_in(&job, held, 0);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(fd, &job);

	/* What becomes of the syncobj afterwards is not the job's business. */
	igt_assert_eq(drmSyncobjReset(fd, &held, 1), 0);
	igt_mmgpu_job_init(&job, igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY));
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_assert_eq(igt_mmgpu_syncobj_status(fd, out), 0);
	igt_mmgpu_gate_open(&gate);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, out), 0);
	igt_mmgpu_ctx_destroy(fd, job.submit.ctx_id);
	igt_mmgpu_syncobj_destroy(fd, out);
	igt_mmgpu_syncobj_destroy(fd, done);
	gated_end();
}

/* In is the fence before the submission, out the one after it. */
static void binary_in_out(void)
{
	gated(0);
	igt_mmgpu_job_out(&job, held, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_mmgpu_job_submit(fd, &job);
	igt_assert_eq(igt_mmgpu_syncobj_status(fd, held), 0);
	igt_mmgpu_gate_open(&gate);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, held), 0);
	gated_end();
}

static uint64_t point_of(uint32_t syncobj)
{
	uint64_t point;

	igt_assert_eq(drmSyncobjQuery(fd, &syncobj, &point, 1), 0);
	return point;
}

static void timeline_out(void)
{
	uint32_t line = igt_mmgpu_syncobj_create(fd);

	gated(0);
	igt_mmgpu_job_out(&job, line, 5);
	igt_mmgpu_job_submit(fd, &job);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_out(&job, line, 9);
	igt_mmgpu_job_submit(fd, &job);
	igt_assert_eq_u64(point_of(line), 0);
	igt_assert_eq(__igt_mmgpu_syncobj_wait(fd, line, 1, 0), -ETIME);
	igt_assert_eq(__igt_mmgpu_syncobj_wait(fd, line, 9, 0), -ETIME);
	igt_assert_eq(__igt_mmgpu_syncobj_wait(fd, line, 10, 0), -EINVAL);
	igt_mmgpu_gate_open(&gate);
	igt_mmgpu_syncobj_wait(fd, line, 9);
	igt_mmgpu_syncobj_wait(fd, line, 1);
	igt_assert_eq_u64(point_of(line), 9);
	igt_mmgpu_syncobj_destroy(fd, line);
	gated_end();
}

/* A point is reached by the first that is not below it. */
static void timeline_in(void)
{
	uint32_t line = igt_mmgpu_syncobj_create(fd);
	uint32_t early = igt_mmgpu_syncobj_create(fd);
	uint32_t late = igt_mmgpu_syncobj_create(fd);
	uint32_t ctx[3];

	for (int i = 0; i < 3; i++)
		ctx[i] = igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_out(&job, line, 3);
	igt_mmgpu_job_submit(fd, &job);
	gated(ctx[0]);
	igt_mmgpu_job_out(&job, line, 7);
	igt_mmgpu_job_submit(fd, &job);

	igt_mmgpu_job_init(&job, ctx[1]);
	igt_mmgpu_job_in(&job, line, 2);
	igt_mmgpu_job_out(&job, early, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_mmgpu_job_init(&job, ctx[2]);
	igt_mmgpu_job_in(&job, line, 4);
	igt_mmgpu_job_out(&job, late, 0);
	igt_mmgpu_job_submit(fd, &job);

	igt_assert_eq(igt_mmgpu_syncobj_result(fd, early), 0);
	igt_assert_eq(igt_mmgpu_syncobj_status(fd, late), 0);
	igt_mmgpu_gate_open(&gate);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, late), 0);

	for (int i = 0; i < 3; i++)
		igt_mmgpu_ctx_destroy(fd, ctx[i]);
	igt_mmgpu_syncobj_destroy(fd, line);
	igt_mmgpu_syncobj_destroy(fd, early);
	igt_mmgpu_syncobj_destroy(fd, late);
	gated_end();
}

/*
 * A long way to the point, listed as often as a list can be: what the job keeps of that
 * must not grow with the product.
 */
static void timeline_in_long(void)
{
	enum { POINTS = 3000, BUILD_MS = 2000 };
	uint64_t max = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_SYNCS);
	struct drm_mmgpu_sync *in = calloc(max, sizeof(*in));
	uint32_t line = igt_mmgpu_syncobj_create(fd);
	uint32_t out = igt_mmgpu_syncobj_create(fd);
	uint64_t points = 0;
	struct timespec start, now;

	igt_assert(in);
	igt_mmgpu_gate_init(&gate);
	held = igt_mmgpu_gate_syncobj(&gate, fd);
	/* vgem gives up after 10 s, so a slow kernel gets a shorter timeline. */
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		points++;
		igt_assert_eq(drmSyncobjTransfer(fd, line, points, held, 0, 0), 0);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (points < POINTS &&
		 (points <= max || (now.tv_sec - start.tv_sec) * 1000 +
		  (now.tv_nsec - start.tv_nsec) / 1000000 < BUILD_MS));
	for (uint64_t i = 0; i < max; i++) {
		in[i].handle = line;
		in[i].flags = MMGPU_SYNC_TIMELINE;
		in[i].point = points - i;
	}
	igt_mmgpu_job_init(&job, 0);
	job.submit.in_syncs.array = (uintptr_t)in;
	job.submit.in_syncs.count = max;
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_assert_eq(igt_mmgpu_syncobj_status(fd, out), 0);
	igt_mmgpu_gate_open(&gate);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, out), 0);
	igt_mmgpu_syncobj_destroy(fd, line);
	igt_mmgpu_syncobj_destroy(fd, out);
	free(in);
	gated_end();
}

/* A syncobj is shared by a descriptor, whatever file and process it goes to. */
static int child_signals(struct igt_mmgpu_proc *self, void *data)
{
	int file = igt_mmgpu_open();
	struct igt_mmgpu_job own;
	uint32_t syncobj;
	int shared = igt_mmgpu_recv_fd(self->sock);

	igt_assert_eq(drmSyncobjFDToHandle(file, shared, &syncobj), 0);
	igt_mmgpu_job_init(&own, 0);
	igt_mmgpu_cmd_delay(&own, 50);
	igt_mmgpu_job_out(&own, syncobj, 0);
	igt_mmgpu_job_submit(file, &own);
	igt_mmgpu_syncobj_wait(file, syncobj, 0);
	return 0;
}

static void across_processes(void)
{
	uint32_t syncobj = igt_mmgpu_syncobj_create(fd);
	struct igt_mmgpu_proc proc;
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);
	int shared;

	igt_assert_eq(drmSyncobjHandleToFD(fd, syncobj, &shared), 0);
	igt_mmgpu_proc_start(&proc, child_signals, NULL);
	igt_mmgpu_send_fd(proc.sock, shared);
	/* Waits for the submission too, which is the other process's. */
	igt_assert_eq(drmSyncobjWait(fd, &syncobj, 1, deadline,
				     DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT, NULL), 0);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, syncobj), 0);
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
	igt_mmgpu_syncobj_destroy(fd, syncobj);
	close(shared);
}

/* ---- sync_files --------------------------------------------------------------------------- */

static void sync_file_export(void)
{
	uint32_t out = igt_mmgpu_syncobj_create(fd);
	int file;

	gated(0);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(fd, &job);
	file = igt_mmgpu_syncobj_export(fd, out);
	igt_mmgpu_syncobj_destroy(fd, out);
	igt_assert_eq(igt_mmgpu_sync_file_status(file), 0);
	igt_assert(!igt_mmgpu_poll(file, POLLIN));
	igt_mmgpu_gate_open(&gate);
	igt_assert(igt_mmgpu_poll_ms(file, POLLIN, IGT_MMGPU_PATIENCE * 1000) & POLLIN);
	igt_assert_eq(igt_mmgpu_sync_file_status(file), 1);
	close(file);
	gated_end();
}

static void sync_file_import(void)
{
	int other = igt_mmgpu_reopen(fd);
	uint32_t out = igt_mmgpu_syncobj_create(fd);
	uint32_t in = igt_mmgpu_syncobj_create(other);
	uint32_t done = igt_mmgpu_syncobj_create(other);
	int file;

	gated(0);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(fd, &job);
	file = igt_mmgpu_syncobj_export(fd, out);
	igt_mmgpu_syncobj_import(other, in, file);
	close(file);

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_in(&job, in, 0);
	igt_mmgpu_job_out(&job, done, 0);
	igt_mmgpu_job_submit(other, &job);
	igt_assert_eq(igt_mmgpu_syncobj_status(other, done), 0);
	igt_mmgpu_gate_open(&gate);
	igt_assert_eq(igt_mmgpu_syncobj_result(other, done), 0);
	igt_mmgpu_syncobj_destroy(fd, out);
	close(other);
	gated_end();
}

/* The names of the fence can be asked for when all that made it is gone. */
static void sync_file_outlives(void)
{
	struct sync_fence_info fence = { };
	struct sync_file_info info = {
		.num_fences = 1,
		.sync_fence_info = (uintptr_t)&fence,
	};
	int other = igt_mmgpu_reopen(fd);
	uint32_t out = igt_mmgpu_syncobj_create(other);
	uint32_t ctx = igt_mmgpu_ctx_create(other, 0, MMGPU_ENGINE_ANY);
	int file;

	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_cmd_delay(&job, 50);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(other, &job);
	file = igt_mmgpu_syncobj_export(other, out);
	igt_assert_eq(igt_mmgpu_ioctl(file, SYNC_IOC_FILE_INFO, &info), 0);
	igt_assert_eq(info.num_fences, 1);
	igt_assert_lt(0, strlen(fence.driver_name));
	igt_assert_lt(0, strlen(fence.obj_name));
	igt_mmgpu_syncobj_wait(other, out, 0);
	igt_mmgpu_ctx_destroy(other, ctx);
	close(other);

	memset(&fence, 0, sizeof(fence));
	igt_assert_eq(igt_mmgpu_ioctl(file, SYNC_IOC_FILE_INFO, &info), 0);
	igt_assert_eq(info.status, 1);
	igt_assert_eq(fence.status, 1);
	igt_assert_lt_u64(0, fence.timestamp_ns);
	close(file);
}

/* ---- eventfd: not in libdrm of Debian 12, nor in Linux 6.1 ---------------------------------- */

struct eventfd_args {
	uint32_t handle;
	uint32_t flags;
	uint64_t point;
	int32_t fd;
	uint32_t pad;
};

#define SYNCOBJ_EVENTFD	DRM_IOWR(0xcf, struct eventfd_args)

static void eventfd_signal(uint64_t point)
{
	struct eventfd_args args = { .point = point };
	uint64_t count;

	/* A kernel that knows the call looks for the handle. */
	igt_require_f(igt_mmgpu_ioctl(fd, SYNCOBJ_EVENTFD, &args) == -ENOENT,
		      "this kernel has no DRM_IOCTL_SYNCOBJ_EVENTFD\n");
	args.handle = igt_mmgpu_syncobj_create(fd);
	args.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	igt_assert_fd(args.fd);

	gated(0);
	igt_mmgpu_job_out(&job, args.handle, point);
	igt_mmgpu_job_submit(fd, &job);
	igt_assert_eq(igt_mmgpu_ioctl(fd, SYNCOBJ_EVENTFD, &args), 0);
	igt_assert(!igt_mmgpu_poll(args.fd, POLLIN));
	igt_mmgpu_gate_open(&gate);
	igt_assert(igt_mmgpu_poll_ms(args.fd, POLLIN, IGT_MMGPU_PATIENCE * 1000) & POLLIN);
	igt_assert_eq(read(args.fd, &count, sizeof(count)), sizeof(count));
	igt_assert_eq_u64(count, 1);
	igt_mmgpu_syncobj_destroy(fd, args.handle);
	close(args.fd);
	gated_end();
}

/* ---- dma-bufs ----------------------------------------------------------------------------- */

/* What poll() and EXPORT_SYNC_FILE say of a buffer: who has still to wait for it. */
static void check_seen(int dmabuf, bool readers_wait, bool writers_wait)
{
	static const uint32_t flags[] = { DMA_BUF_SYNC_READ, DMA_BUF_SYNC_WRITE };
	const bool wait[] = { readers_wait, writers_wait };

	igt_assert_eq(igt_mmgpu_poll(dmabuf, POLLIN), !readers_wait);
	igt_assert_eq(igt_mmgpu_poll(dmabuf, POLLOUT), !writers_wait);
	for (int i = 0; i < 2; i++) {
		int file, ret = __igt_mmgpu_dmabuf_export_fence(dmabuf, flags[i], &file);

		igt_skip_on_f(ret == -ENOTTY, "this kernel has no EXPORT_SYNC_FILE\n");
		igt_assert_eq(ret, 0);
		igt_assert_eq(igt_mmgpu_sync_file_status(file), !wait[i]);
		close(file);
	}
}

static void dmabuf_shows(uint32_t flags, bool readers_wait, bool writers_wait)
{
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, MMGPU_BO_SHARED);
	int dmabuf = igt_mmgpu_export(fd, handle);
	uint32_t out = igt_mmgpu_syncobj_create(fd);

	check_seen(dmabuf, false, false);
	gated(0);
	igt_mmgpu_job_bo(&job, handle, flags);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(fd, &job);
	check_seen(dmabuf, readers_wait, writers_wait);
	igt_mmgpu_gate_open(&gate);
	igt_mmgpu_syncobj_wait(fd, out, 0);
	igt_assert(igt_mmgpu_poll_ms(dmabuf, POLLOUT, IGT_MMGPU_PATIENCE * 1000) & POLLOUT);
	check_seen(dmabuf, false, false);

	igt_mmgpu_syncobj_destroy(fd, out);
	igt_mmgpu_bo_close(fd, handle);
	close(dmabuf);
	gated_end();
}

/* A process with the dma-buf and nothing else of ours. */
static int child_polls(struct igt_mmgpu_proc *self, void *data)
{
	int dmabuf = igt_mmgpu_recv_fd(self->sock);
	bool busy[2];

	busy[0] = !igt_mmgpu_poll(dmabuf, POLLIN);
	busy[1] = !igt_mmgpu_poll(dmabuf, POLLOUT);
	igt_mmgpu_send(self->sock, busy, sizeof(busy));
	igt_assert(igt_mmgpu_poll_ms(dmabuf, POLLIN, IGT_MMGPU_PATIENCE * 1000) & POLLIN);
	igt_assert(igt_mmgpu_poll_ms(dmabuf, POLLOUT, IGT_MMGPU_PATIENCE * 1000) & POLLOUT);
	igt_mmgpu_send(self->sock, busy, sizeof(busy));
	return 0;
}

static void foreign_poll(bool shared_on_bound)
{
	int file = igt_mmgpu_reopen(fd);
	struct igt_mmgpu_proc proc;
	uint32_t handle, in;
	int dmabuf;
	bool busy[2];

	igt_mmgpu_proc_start(&proc, child_polls, NULL);
	if (shared_on_bound)
		igt_mmgpu_bind_mm(file);
	handle = igt_mmgpu_bo_create(file, PAGE, shared_on_bound ? MMGPU_BO_SHARED : 0);
	dmabuf = igt_mmgpu_export(file, handle);

	igt_mmgpu_gate_init(&gate);
	in = igt_mmgpu_gate_syncobj(&gate, file);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_delay(&job, 100);
	igt_mmgpu_job_in(&job, in, 0);
	igt_mmgpu_job_submit(file, &job);

	igt_mmgpu_send_fd(proc.sock, dmabuf);
	igt_mmgpu_recv(proc.sock, busy, sizeof(busy));
	igt_assert(busy[0]);
	igt_assert(busy[1]);
	igt_assert_eq(igt_mmgpu_poll_ms(proc.sock, POLLIN, 30), 0);
	igt_mmgpu_gate_open(&gate);
	igt_mmgpu_recv(proc.sock, busy, sizeof(busy));
	igt_assert(!igt_mmgpu_bo_busy(file, handle, MMGPU_BO_WAIT_WRITE));
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
	close(dmabuf);
	close(file);
	igt_mmgpu_gate_fini(&gate);
}

/* A fence that somebody put into the dma-buf is waited for like one of ours. */
static void dmabuf_import(uint32_t import_flags, uint32_t ref_flags, bool waits)
{
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, MMGPU_BO_SHARED);
	int dmabuf = igt_mmgpu_export(fd, handle);
	uint32_t out = igt_mmgpu_syncobj_create(fd);
	int ret;

	igt_mmgpu_gate_init(&gate);
	ret = __igt_mmgpu_dmabuf_import_fence(dmabuf, import_flags, gate.sync_file);
	igt_skip_on_f(ret == -ENOTTY, "this kernel has no IMPORT_SYNC_FILE\n");
	igt_assert_eq(ret, 0);

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, handle, ref_flags);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(fd, &job);
	if (!waits)
		igt_assert_eq(igt_mmgpu_syncobj_result(fd, out), 0);
	else
		igt_assert_eq(__igt_mmgpu_syncobj_wait(fd, out, 0, igt_mmgpu_deadline_ms(50)),
			      -ETIME);
	igt_mmgpu_gate_open(&gate);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, out), 0);

	igt_mmgpu_syncobj_destroy(fd, out);
	igt_mmgpu_bo_close(fd, handle);
	close(dmabuf);
	igt_mmgpu_gate_fini(&gate);
}

/* A buffer of another driver: its fence holds our job, and ours shows on it. */
static void foreign_buffer(void)
{
	uint32_t out = igt_mmgpu_syncobj_create(fd);
	uint32_t handle;
	uint64_t *map;

	igt_mmgpu_gate_init(&gate);
	handle = igt_mmgpu_import(fd, gate.dmabuf);
	map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, gate.dmabuf, 0);
	igt_assert(map != MAP_FAILED);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, 0, 0, PAGE, 0x123456789ull);
	igt_mmgpu_cmd_delay(&job, 500);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_assert_eq(__igt_mmgpu_syncobj_wait(fd, out, 0, igt_mmgpu_deadline_ms(50)), -ETIME);
	igt_assert_eq_u64(map[0], 0);

	igt_mmgpu_gate_open(&gate);
	igt_mmgpu_await(map, 0x123456789ull);
	/* Running now: vgem's own fence is over, so this is ours. */
	igt_assert(!igt_mmgpu_poll(gate.dmabuf, POLLIN));
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, out), 0);
	igt_assert(igt_mmgpu_poll_ms(gate.dmabuf, POLLOUT, IGT_MMGPU_PATIENCE * 1000) & POLLOUT);
	igt_assert_eq_u64(map[511], 0x123456789ull);

	munmap(map, PAGE);
	igt_mmgpu_bo_close(fd, handle);
	igt_mmgpu_syncobj_destroy(fd, out);
	igt_mmgpu_gate_fini(&gate);
}

int igt_main()
{
	igt_fixture()
		fd = igt_mmgpu_open();

	igt_describe("A binary out-sync holds the job's fence from the submission on.");
	igt_subtest("binary-out")
		binary_out();

	igt_describe("A job waits for all its in-syncs as they were when it was submitted.");
	igt_subtest("binary-in")
		binary_in();

	igt_describe("The same syncobj may be waited for and signalled.");
	igt_subtest("binary-in-out")
		binary_in_out();

	igt_describe("Timeline points are signalled by jobs.");
	igt_subtest("timeline-out")
		timeline_out();

	igt_describe("A job waits for a timeline point, and not for later ones.");
	igt_subtest("timeline-in")
		timeline_in();

	igt_describe("All in-syncs may be far down one timeline.");
	igt_subtest("timeline-in-long")
		timeline_in_long();

	igt_describe("A syncobj carries fences between processes.");
	igt_subtest("process")
		across_processes();

	igt_describe("A sync_file shows when the job is over.");
	igt_subtest("sync-file-export")
		sync_file_export();

	igt_describe("A sync_file of one file holds a job of another.");
	igt_subtest("sync-file-import")
		sync_file_import();

	igt_describe("A sync_file is good for questions after all that made it is gone.");
	igt_subtest("sync-file-outlives")
		sync_file_outlives();

	igt_describe("An eventfd is told of a binary syncobj.");
	igt_subtest("eventfd-binary")
		eventfd_signal(0);

	igt_describe("An eventfd is told of a timeline point.");
	igt_subtest("eventfd-timeline")
		eventfd_signal(3);

	igt_describe("Readers and writers have to wait for a job that writes.");
	igt_subtest("dmabuf-write")
		dmabuf_shows(MMGPU_BO_REF_WRITE, true, true);

	igt_describe("Writers only have to wait for a job that reads.");
	igt_subtest("dmabuf-read")
		dmabuf_shows(MMGPU_BO_REF_READ, false, true);

	igt_describe("Nobody sees a job without implicit sync.");
	igt_subtest("dmabuf-no-implicit-sync")
		dmabuf_shows(MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC, false, false);

	igt_describe("Another process polls the dma-buf of a legacy file's buffer.");
	igt_subtest("foreign-poll-legacy")
		foreign_poll(false);

	igt_describe("Another process polls the dma-buf of a bound file's shared buffer.");
	igt_subtest("foreign-poll-shared")
		foreign_poll(true);

	igt_describe("A foreign writer's fence holds our readers.");
	igt_subtest("dmabuf-import-write")
		dmabuf_import(DMA_BUF_SYNC_WRITE, MMGPU_BO_REF_READ, true);

	igt_describe("A foreign reader's fence holds our writers.");
	igt_subtest("dmabuf-import-read")
		dmabuf_import(DMA_BUF_SYNC_READ, MMGPU_BO_REF_WRITE, true);

	igt_describe("Readers do not wait for each other, foreign ones neither.");
	igt_subtest("dmabuf-import-read-read")
		dmabuf_import(DMA_BUF_SYNC_READ, MMGPU_BO_REF_READ, false);

	igt_describe("Without implicit sync a job is immune to what others add.");
	igt_subtest("dmabuf-import-no-implicit-sync")
		dmabuf_import(DMA_BUF_SYNC_RW, MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE |
			      MMGPU_BO_REF_NO_IMPLICIT_SYNC, false);

	igt_describe("Fences go both ways on a buffer of another driver.");
	igt_subtest("foreign-buffer")
		foreign_buffer();

	igt_fixture() {
		igt_mmgpu_proc_cleanup();
		close(fd);
	}
}
