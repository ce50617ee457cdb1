// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Buffers: making them, what they tell, and when they are idle. Mappings: mmgpu_mmap. */

#include "igt.h"
#include "igt_mmgpu.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <xf86drm.h>

IGT_TEST_DESCRIPTION("Buffer objects: creation, information, waiting.");

#define PAGE	4096ull

static int fd = -1;

/* ---- creation ---------------------------------------------------------------------- */

static void check_zero(uint32_t handle, uint64_t size)
{
	uint64_t *map = igt_mmgpu_bo_map(fd, handle, size, PROT_READ);

	for (uint64_t i = 0; i < size / sizeof(*map); i++)
		igt_assert_eq_u64(map[i], 0);
	munmap(map, size);
}

static void create_sizes(void)
{
	static const struct {
		uint64_t size;
		uint64_t rounded;
	} cases[] = {
		{ 1, PAGE },
		{ PAGE - 1, PAGE },
		{ PAGE, PAGE },
		{ PAGE + 1, 2 * PAGE },
		{ 16 * PAGE, 16 * PAGE },
		{ 1024 * 1024 + 7, 1024 * 1024 + PAGE },
	};

	for (size_t i = 0; i < igt_mmgpu_count(cases); i++) {
		struct drm_mmgpu_bo_create create = { .size = cases[i].size };
		struct drm_mmgpu_bo_info info;

		igt_assert_eq(igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_BO_CREATE, &create), 0);
		igt_assert_eq_u64(create.size, cases[i].size);
		igt_assert_neq_u32(create.handle, 0);
		igt_mmgpu_bo_info(fd, create.handle, &info);
		igt_assert_eq_u64(info.size, cases[i].rounded);
		check_zero(create.handle, info.size);
		igt_mmgpu_bo_close(fd, create.handle);
	}
}

/* Memory that held something goes back to the system and comes again. */
static void create_recycled(void)
{
	for (int i = 0; i < 50; i++) {
		uint32_t handle = igt_mmgpu_bo_create(fd, 64 * PAGE, 0);
		void *map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ | PROT_WRITE);

		check_zero(handle, 64 * PAGE);
		memset(map, 0xa5, 64 * PAGE);
		munmap(map, 64 * PAGE);
		igt_mmgpu_bo_close(fd, handle);
	}
}

static void create_info(void)
{
	static const uint32_t flags[] = { 0, MMGPU_BO_SHARED };

	for (size_t i = 0; i < igt_mmgpu_count(flags); i++) {
		uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, flags[i]);
		struct drm_mmgpu_bo_info info;

		/* The outputs are outputs whatever stands there before. */
		memset(&info, 0xff, sizeof(info));
		info.handle = handle;
		info.pad = 0;
		igt_assert_eq(igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_BO_INFO, &info), 0);
		igt_assert_eq_u32(info.handle, handle);
		igt_assert_eq_u32(info.flags, flags[i]);
		igt_assert_eq_u64(info.size, PAGE);
		igt_assert_eq_u64(info.mmap_offset % PAGE, 0);
		igt_assert_neq_u64(info.mmap_offset, 0);
		igt_assert_eq_u64(info.mm_seq, 0);
		igt_assert_eq_u32(info.access, MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE);
		igt_assert_eq_u32(info.pad, 0);
		igt_mmgpu_bo_close(fd, handle);
	}
}

static void import_info(void)
{
	int other = igt_mmgpu_reopen(fd);
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, MMGPU_BO_SHARED);
	int dmabuf = igt_mmgpu_export(fd, handle);
	uint32_t theirs = igt_mmgpu_import(other, dmabuf);
	struct drm_mmgpu_bo_info info;

	/* The same object, so not "imported": it keeps the flags of its creation. */
	igt_mmgpu_bo_info(other, theirs, &info);
	igt_assert_eq_u32(info.flags, MMGPU_BO_SHARED);
	igt_assert_eq_s64(lseek(dmabuf, 0, SEEK_END), PAGE);
	igt_mmgpu_bo_close(fd, handle);
	close(dmabuf);
	close(other);
}

static void foreign_info(void)
{
	struct drm_mmgpu_bo_info info;
	struct igt_mmgpu_gate foreign;
	uint32_t handle;

	igt_mmgpu_gate_init(&foreign);
	handle = igt_mmgpu_import(fd, foreign.dmabuf);
	memset(&info, 0xff, sizeof(info));
	info.handle = handle;
	info.pad = 0;
	igt_assert_eq(igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_BO_INFO, &info), 0);
	igt_assert_eq_u32(info.flags, 0);
	igt_assert_eq_u64(info.size, lseek(foreign.dmabuf, 0, SEEK_END));
	igt_assert_eq_u64(info.mm_seq, 0);
	igt_assert_eq_u32(info.access, MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE);
	/* It goes back out as what it came in as. */
	igt_assert_eq_u32(igt_mmgpu_import(fd, foreign.dmabuf), handle);
	igt_mmgpu_gate_open(&foreign);
	igt_mmgpu_bo_close(fd, handle);
	igt_mmgpu_gate_fini(&foreign);
}

static void create_max_size(void)
{
	uint64_t max = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_BO_SIZE);
	struct drm_mmgpu_bo_info info;
	uint32_t handle;

	igt_assert_lte_u64(PAGE, max);
	handle = igt_mmgpu_bo_create(fd, max, 0);
	igt_mmgpu_bo_info(fd, handle, &info);
	igt_assert_eq_u64(info.size, max);
	igt_mmgpu_bo_close(fd, handle);
}

static void create_many(void)
{
	enum { COUNT = 2000 };
	uint32_t first = igt_mmgpu_next_handle(fd);
	static uint32_t handles[COUNT];

	for (int i = 0; i < COUNT; i++) {
		handles[i] = igt_mmgpu_bo_create(fd, PAGE, 0);
		for (int j = i - 1; j >= 0 && j > i - 5; j--)
			igt_assert_neq_u32(handles[i], handles[j]);
	}
	for (int i = 0; i < COUNT; i++)
		igt_mmgpu_bo_close(fd, handles[i]);
	igt_assert_eq_u32(igt_mmgpu_next_handle(fd), first);
}

static void close_twice(void)
{
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	struct drm_mmgpu_bo_info info;

	igt_mmgpu_bo_close(fd, handle);
	igt_assert_eq(__igt_mmgpu_bo_close(fd, handle), -EINVAL);
	igt_assert_eq(__igt_mmgpu_bo_info(fd, handle, &info), -ENOENT);
	igt_assert_eq(__igt_mmgpu_bo_wait(fd, handle, 0, 0), -ENOENT);
}

/* A job holds its buffers: the handle may go while it waits. */
static void close_busy(void)
{
	struct igt_mmgpu_gate gate;
	struct igt_mmgpu_job job;
	uint32_t handle, done;
	uint64_t *map;

	igt_mmgpu_gate_init(&gate);
	handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ);
	done = igt_mmgpu_syncobj_create(fd);

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, 0, 0, PAGE, 77);
	igt_mmgpu_job_in(&job, igt_mmgpu_gate_syncobj(&gate, fd), 0);
	igt_mmgpu_job_out(&job, done, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_mmgpu_bo_close(fd, handle);
	igt_assert_eq_u64(map[0], 0);

	igt_mmgpu_gate_open(&gate);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, done), 0);
	igt_assert_eq_u64(map[0], 77);

	munmap(map, PAGE);
	igt_mmgpu_syncobj_destroy(fd, done);
	igt_mmgpu_syncobj_destroy(fd, job.in_syncs[0].handle);
	igt_mmgpu_gate_fini(&gate);
}

/* ---- waiting ------------------------------------------------------------------------ */

static uint32_t busy;
static struct igt_mmgpu_gate gate;

/* A buffer in use, as flags say, by a job that waits for the gate. */
static void make_busy(uint32_t flags)
{
	struct igt_mmgpu_job job;
	uint32_t wait;

	igt_mmgpu_gate_init(&gate);
	wait = igt_mmgpu_gate_syncobj(&gate, fd);
	busy = igt_mmgpu_bo_create(fd, PAGE, 0);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, busy, flags);
	igt_mmgpu_job_in(&job, wait, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_mmgpu_syncobj_destroy(fd, wait);
}

static void end_busy(void)
{
	igt_mmgpu_bo_wait(fd, busy, MMGPU_BO_WAIT_WRITE);
	igt_mmgpu_bo_close(fd, busy);
	igt_mmgpu_gate_fini(&gate);
}

static const int64_t past[] = { 0, 1, -1, INT64_MIN };

static void wait_idle(void)
{
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, 0);

	for (size_t i = 0; i < igt_mmgpu_count(past); i++) {
		igt_assert_eq(__igt_mmgpu_bo_wait(fd, handle, 0, past[i]), 0);
		igt_assert_eq(__igt_mmgpu_bo_wait(fd, handle, MMGPU_BO_WAIT_WRITE, past[i]), 0);
	}
	igt_assert_eq(__igt_mmgpu_bo_wait(fd, handle, 0, INT64_MAX), 0);
	igt_mmgpu_bo_close(fd, handle);
}

static void wait_past(void)
{
	make_busy(MMGPU_BO_REF_WRITE);
	for (size_t i = 0; i < igt_mmgpu_count(past); i++)
		igt_assert_eq(__igt_mmgpu_bo_wait(fd, busy, 0, past[i]), -ETIME);
	igt_assert_eq(__igt_mmgpu_bo_wait(fd, busy, 0, igt_mmgpu_now() - 1), -ETIME);
	igt_mmgpu_gate_open(&gate);
	end_busy();
}

static void wait_timeout(void)
{
	int64_t deadline;

	make_busy(MMGPU_BO_REF_WRITE);
	deadline = igt_mmgpu_deadline_ms(50);
	igt_assert_eq(__igt_mmgpu_bo_wait(fd, busy, 0, deadline), -ETIME);
	igt_assert_lte_s64(deadline, igt_mmgpu_now());
	igt_mmgpu_gate_open(&gate);
	end_busy();
}

static void wait_readers(void)
{
	make_busy(MMGPU_BO_REF_READ);
	igt_assert_eq(__igt_mmgpu_bo_wait(fd, busy, 0, 0), 0);
	igt_assert_eq(__igt_mmgpu_bo_wait(fd, busy, 0, INT64_MAX), 0);
	igt_assert_eq(__igt_mmgpu_bo_wait(fd, busy, MMGPU_BO_WAIT_WRITE, 0), -ETIME);
	igt_mmgpu_gate_open(&gate);
	igt_assert_eq(__igt_mmgpu_bo_wait(fd, busy, MMGPU_BO_WAIT_WRITE, INT64_MAX), 0);
	end_busy();
}

static void wait_no_implicit(void)
{
	make_busy(MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC);
	igt_assert_eq(__igt_mmgpu_bo_wait(fd, busy, 0, 0), 0);
	igt_assert_eq(__igt_mmgpu_bo_wait(fd, busy, MMGPU_BO_WAIT_WRITE, 0), 0);
	igt_mmgpu_gate_open(&gate);
	end_busy();
}

static volatile sig_atomic_t signals;

static void count_signal(int sig)
{
	signals++;
}

static int waiter(struct igt_mmgpu_proc *self, void *data)
{
	struct sigaction action = { .sa_handler = count_signal };
	struct drm_mmgpu_bo_wait args = { .handle = busy, .timeout_ns = INT64_MAX };
	char byte = 0;
	int ret;

	igt_assert_eq(sigaction(SIGUSR1, &action, NULL), 0);
	igt_mmgpu_send(self->sock, &byte, 1);

	/* Without SA_RESTART the signal shows, whenever it comes. */
	ret = igt_mmgpu_ioctl_once(fd, DRM_IOCTL_MMGPU_BO_WAIT, &args);
	igt_assert_eq(ret, -EINTR);
	igt_assert_lt(0, signals);
	igt_mmgpu_send(self->sock, &byte, 1);

	/* drmIoctl() goes on where it was. */
	igt_assert_eq(igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_BO_WAIT, &args), 0);
	return 0;
}

/* Sends until the child says that one was seen: no guess when it is asleep. */
static void storm(struct igt_mmgpu_proc *proc)
{
	char byte;

	do
		kill(proc->pid, SIGUSR1);
	while (!igt_mmgpu_poll_ms(proc->sock, POLLIN, 20));
	igt_mmgpu_recv(proc->sock, &byte, 1);
}

static void wait_signal(void)
{
	struct igt_mmgpu_proc proc;
	char byte;

	make_busy(MMGPU_BO_REF_WRITE);
	igt_mmgpu_proc_start(&proc, waiter, NULL);
	igt_mmgpu_recv(proc.sock, &byte, 1);
	storm(&proc);
	for (int i = 0; i < 10; i++) {
		kill(proc.pid, SIGUSR1);
		igt_assert(!igt_mmgpu_poll_ms(proc.sock, POLLIN, 5));
	}
	igt_mmgpu_gate_open(&gate);
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
	end_busy();
}

/* A wait says that the jobs are over, not that they did anything. */
static void wait_cancelled(void)
{
	struct igt_mmgpu_job job;
	uint32_t handle, wait, ctx;

	igt_mmgpu_gate_init(&gate);
	wait = igt_mmgpu_gate_syncobj(&gate, fd);
	handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	ctx = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, 0, 0, PAGE, 1);
	igt_mmgpu_job_in(&job, wait, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_assert(igt_mmgpu_bo_busy(fd, handle, 0));
	igt_mmgpu_ctx_destroy(fd, ctx);
	igt_mmgpu_bo_wait(fd, handle, MMGPU_BO_WAIT_WRITE);
	check_zero(handle, PAGE);

	igt_mmgpu_bo_close(fd, handle);
	igt_mmgpu_syncobj_destroy(fd, wait);
	igt_mmgpu_gate_fini(&gate);
}

/* A fence of another driver on an imported buffer counts like ours. */
static void wait_foreign(void)
{
	uint32_t handle;

	igt_mmgpu_gate_init(&gate);
	handle = igt_mmgpu_import(fd, gate.dmabuf);
	igt_assert_eq(__igt_mmgpu_bo_wait(fd, handle, 0, 0), -ETIME);
	igt_mmgpu_gate_open(&gate);
	igt_mmgpu_bo_wait(fd, handle, MMGPU_BO_WAIT_WRITE);
	igt_mmgpu_bo_close(fd, handle);
	igt_mmgpu_gate_fini(&gate);
}

int igt_main()
{
	igt_fixture()
		fd = igt_mmgpu_open();

	igt_describe("Sizes are rounded up to pages, and the memory is zero.");
	igt_subtest("create-sizes")
		create_sizes();

	igt_describe("Memory that was used before comes back as zeroes.");
	igt_subtest("create-zeroed")
		create_recycled();

	igt_describe("BO_INFO tells what the buffer was made as.");
	igt_subtest("info")
		create_info();

	igt_describe("A buffer of the same device is not a foreign one after PRIME.");
	igt_subtest("info-import")
		import_info();

	igt_describe("A buffer of another driver has no flags and no owner.");
	igt_subtest("info-import-foreign")
		foreign_info();

	igt_describe("The largest size is allowed.");
	igt_subtest("create-max-size")
		create_max_size();

	igt_describe("Many handles, all different, all given back.");
	igt_subtest("create-many")
		create_many();

	igt_describe("A closed handle is unknown everywhere.");
	igt_subtest("close-twice")
		close_twice();

	igt_describe("A queued job keeps its buffer when the handle is closed.");
	igt_subtest("close-busy")
		close_busy();

	igt_describe("Waiting for an idle buffer succeeds with every timeout.");
	igt_subtest("wait-idle")
		wait_idle();

	igt_describe("A timeout in the past looks once.");
	igt_subtest("wait-past")
		wait_past();

	igt_describe("A wait ends with ETIME, and not before its time.");
	igt_subtest("wait-timeout")
		wait_timeout();

	igt_describe("Only a writer waits for readers.");
	igt_subtest("wait-readers")
		wait_readers();

	igt_describe("Jobs without implicit sync are not waited for.");
	igt_subtest("wait-no-implicit-sync")
		wait_no_implicit();

	igt_describe("A signal interrupts the wait, which can be taken up again.");
	igt_subtest("wait-signal")
		wait_signal();

	igt_describe("A cancelled job ends the wait as any other.");
	igt_subtest("wait-cancelled")
		wait_cancelled();

	igt_describe("The wait sees the fence of another driver on an imported buffer.");
	igt_subtest("wait-foreign")
		wait_foreign();

	igt_fixture() {
		igt_mmgpu_proc_cleanup();
		close(fd);
	}
}
