// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * The device is unbound from its driver under those who use it, as an unplug would do:
 * fences and ioctls say ENODEV, mappings stay harmless, and after a rebind it is a new
 * device for everyone. mmgpu_unplug_load does it again and again.
 */

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_unbind.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <sys/mman.h>
#include <xf86drm.h>

IGT_TEST_DESCRIPTION("Unbinding the device in use.");

#define PAGE	4096ull

/* A job of the file; waits for the gate if there is one. Its fence as a sync_file. */
static int submit(int fd, uint32_t ctx, struct igt_mmgpu_gate *gate, uint64_t ms)
{
	uint32_t out = igt_mmgpu_syncobj_create(fd);
	struct igt_mmgpu_job job;
	int sync_file;

	igt_mmgpu_job_init(&job, ctx);
	if (gate)
		igt_mmgpu_job_in(&job, igt_mmgpu_gate_syncobj(gate, fd), 0);
	if (ms)
		igt_mmgpu_cmd_delay(&job, ms);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(fd, &job);
	sync_file = igt_mmgpu_syncobj_export(fd, out);
	igt_mmgpu_syncobj_destroy(fd, out);
	return sync_file;
}

static int result(int sync_file)
{
	int status;

	igt_assert(igt_mmgpu_poll_ms(sync_file, POLLIN, IGT_MMGPU_PATIENCE * 1000));
	status = igt_mmgpu_sync_file_status(sync_file);
	igt_assert_neq(status, 0);
	close(sync_file);
	return status < 0 ? status : 0;
}

/* ---- what every call says ------------------------------------------------------------------ */

static void ioctls(void)
{
	uint8_t args[256] = { };
	static const unsigned long requests[] = {
		DRM_IOCTL_MMGPU_GET_PARAM, DRM_IOCTL_MMGPU_BIND_MM, DRM_IOCTL_MMGPU_BO_CREATE,
		DRM_IOCTL_MMGPU_BO_INFO, DRM_IOCTL_MMGPU_BO_WAIT, DRM_IOCTL_MMGPU_BO_GRANT,
		DRM_IOCTL_MMGPU_CTX_CREATE, DRM_IOCTL_MMGPU_CTX_DESTROY,
		DRM_IOCTL_MMGPU_CTX_QUERY, DRM_IOCTL_MMGPU_SUBMIT, DRM_IOCTL_GEM_CLOSE,
		DRM_IOCTL_PRIME_HANDLE_TO_FD, DRM_IOCTL_PRIME_FD_TO_HANDLE,
		DRM_IOCTL_SYNCOBJ_CREATE, DRM_IOCTL_VERSION,
	};
	struct drm_mmgpu_query_mm query;
	struct drm_mmgpu_bo_info info;
	int fd = igt_mmgpu_open();
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	char path[64];

	igt_mmgpu_bo_info(fd, handle, &info);
	igt_mmgpu_unbind();

	/* Before any argument: right ones, and wrong ones. */
	for (size_t i = 0; i < igt_mmgpu_count(requests); i++) {
		memset(args, 0, sizeof(args));
		igt_assert_eq(igt_mmgpu_ioctl(fd, requests[i], args), -ENODEV);
		memset(args, 0xff, sizeof(args));
		igt_assert_eq(igt_mmgpu_ioctl(fd, requests[i], args), -ENODEV);
	}
	igt_assert_eq(__igt_mmgpu_bo_info(fd, handle, &info), -ENODEV);

	igt_mmgpu_query_mm(fd, 0, &query);
	igt_assert_eq_u32(query.state, 0);
	igt_mmgpu_query_mm(fd, MMGPU_QUERY_MM_ASSIGN, &query);
	igt_assert_neq_u64(query.caller_mm_seq, 0);

	errno = 0;
	igt_assert(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, info.mmap_offset) == MAP_FAILED);
	igt_assert_eq(errno, ENODEV);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	igt_assert_eq(open(path, O_RDWR | O_CLOEXEC), -1);
	igt_assert_f(errno == ENODEV || errno == ENXIO, "open: %s\n", strerror(errno));
	close(fd);
	igt_mmgpu_rebind();
}

static void bound_ioctls(void)
{
	struct drm_mmgpu_query_mm query;
	int fd = igt_mmgpu_open();
	uint64_t mm_seq = igt_mmgpu_bind_mm(fd);

	igt_mmgpu_unbind();
	igt_mmgpu_query_mm(fd, 0, &query);
	igt_assert_eq_u32(query.state, MMGPU_MM_BOUND | MMGPU_MM_OWNER);
	igt_assert_eq_u64(query.bound_mm_seq, mm_seq);
	igt_assert_eq(__igt_mmgpu_bind_mm(fd, NULL), -ENODEV);
	close(fd);
	igt_mmgpu_rebind();
	/* The number belongs to the mm, not to the device. */
	fd = igt_mmgpu_open();
	igt_assert_eq_u64(igt_mmgpu_bind_mm(fd), mm_seq);
	close(fd);
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static void queued(void)
{
	struct igt_mmgpu_gate gate;
	int fd = igt_mmgpu_open();
	int fences[20];

	igt_mmgpu_gate_init(&gate);
	for (size_t i = 0; i < igt_mmgpu_count(fences); i++)
		fences[i] = submit(fd, 0, &gate, 0);
	igt_mmgpu_unbind();
	for (size_t i = 0; i < igt_mmgpu_count(fences); i++)
		igt_assert_eq(result(fences[i]), -ENODEV);
	igt_assert_eq(igt_mmgpu_sync_file_status(gate.sync_file), 0);
	igt_mmgpu_gate_open(&gate);
	close(fd);
	igt_mmgpu_gate_fini(&gate);
	igt_mmgpu_rebind();
}

/* Jobs of every engine in the middle of a delay. */
static void running(void)
{
	int fd = igt_mmgpu_open();
	uint32_t engines = igt_mmgpu_get_param(fd, MMGPU_PARAM_ENGINE_COUNT);
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	uint64_t *map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ);
	int fences[16], behind[16];

	igt_assert_lte(engines, igt_mmgpu_count(fences));
	for (uint32_t i = 0; i < engines; i++) {
		uint32_t ctx = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, i);
		uint32_t out = igt_mmgpu_syncobj_create(fd);
		struct igt_mmgpu_job job;

		igt_mmgpu_job_init(&job, ctx);
		igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC);
		igt_mmgpu_cmd_fill(&job, 0, i * 16, 8, 1);
		igt_mmgpu_cmd_delay(&job, 50000);
		igt_mmgpu_cmd_fill(&job, 0, i * 16 + 8, 8, 1);
		igt_mmgpu_job_out(&job, out, 0);
		igt_mmgpu_job_submit(fd, &job);
		fences[i] = igt_mmgpu_syncobj_export(fd, out);
		behind[i] = submit(fd, ctx, NULL, 0);
		igt_mmgpu_await(map + i * 2, 1);
	}
	igt_mmgpu_unbind();
	for (uint32_t i = 0; i < engines; i++) {
		igt_assert_eq(result(behind[i]), -ENODEV);
		igt_assert_eq(result(fences[i]), -ENODEV);
		igt_assert_eq_u64(map[i * 2 + 1], 0);
	}
	munmap(map, PAGE);
	close(fd);
	igt_mmgpu_rebind();
}

/* Kept fences answer for themselves, after the device and all files are gone. */
static void sync_file(void)
{
	struct sync_fence_info fence = { };
	struct sync_file_info info = {
		.num_fences = 1,
		.sync_fence_info = (uintptr_t)&fence,
	};
	int fd = igt_mmgpu_open();
	int file = submit(fd, 0, NULL, 50000);

	igt_mmgpu_unbind();
	close(fd);
	igt_mmgpu_rebind();
	igt_assert(igt_mmgpu_poll_ms(file, POLLIN, IGT_MMGPU_PATIENCE * 1000));
	igt_assert_eq(igt_mmgpu_ioctl(file, SYNC_IOC_FILE_INFO, &info), 0);
	igt_assert_eq(info.status, -ENODEV);
	igt_assert_lt(0, strlen(fence.driver_name));
	close(file);
}

static int child_waits(struct igt_mmgpu_proc *self, void *data)
{
	struct igt_mmgpu_gate *gate = data;
	int fd = igt_mmgpu_open();
	uint64_t max = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_JOBS);
	uint32_t in = igt_mmgpu_gate_syncobj(gate, fd);
	struct igt_mmgpu_job job;
	char byte = 0;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_in(&job, in, 0);
	for (uint64_t i = 0; i < max; i++)
		igt_mmgpu_job_submit(fd, &job);
	igt_mmgpu_send(self->sock, &byte, 1);
	igt_assert_eq(__igt_mmgpu_job_submit(fd, &job), -ENODEV);
	return 0;
}

static int child_waits_bo(struct igt_mmgpu_proc *self, void *data)
{
	struct igt_mmgpu_gate *gate = data;
	int fd = igt_mmgpu_open();
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	struct igt_mmgpu_job job;
	char byte = 0;
	int ret;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
	igt_mmgpu_job_in(&job, igt_mmgpu_gate_syncobj(gate, fd), 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_mmgpu_send(self->sock, &byte, 1);
	/* Woken by the fence, or too late to begin. */
	ret = __igt_mmgpu_bo_wait(fd, handle, 0, INT64_MAX);
	igt_assert_f(!ret || ret == -ENODEV, "BO_WAIT: %d\n", ret);
	return 0;
}

/* Nobody goes on sleeping in an ioctl. */
static void waiters(void)
{
	struct igt_mmgpu_proc procs[2];
	struct igt_mmgpu_gate gate;
	char byte;

	igt_mmgpu_gate_init(&gate);
	igt_mmgpu_proc_start(&procs[0], child_waits, &gate);
	igt_mmgpu_proc_start(&procs[1], child_waits_bo, &gate);
	for (int i = 0; i < 2; i++) {
		igt_mmgpu_recv(procs[i].sock, &byte, 1);
		igt_assert_eq(igt_mmgpu_poll_ms(procs[i].sock, POLLIN, 30), 0);
	}
	igt_mmgpu_unbind();
	for (int i = 0; i < 2; i++)
		igt_assert_eq(igt_mmgpu_proc_join(&procs[i]), 0);
	igt_mmgpu_gate_open(&gate);
	igt_mmgpu_gate_fini(&gate);
	igt_mmgpu_rebind();
}

/* ---- memory ---------------------------------------------------------------------------------- */

struct maps {
	uint64_t *node;
	uint64_t *dmabuf;
};

static int child_touches(struct igt_mmgpu_proc *self, void *data)
{
	struct maps *maps = data;

	/* A page that was touched before and one that was not; to live is all. */
	for (int page = 0; page < 2; page++) {
		uint64_t *at[2] = { maps->node, maps->dmabuf };

		for (int i = 0; i < 2; i++) {
			volatile uint64_t *word = at[i] + page * PAGE / sizeof(uint64_t);

			*word = *word + 1;
		}
	}
	return 0;
}

static void mappings(void)
{
	int fd = igt_mmgpu_open();
	uint32_t handle = igt_mmgpu_bo_create(fd, 2 * PAGE, 0);
	int dmabuf = igt_mmgpu_export(fd, handle);
	struct maps maps;

	maps.node = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ | PROT_WRITE);
	maps.dmabuf = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
	igt_assert(maps.dmabuf != MAP_FAILED);
	maps.node[0] = maps.dmabuf[0] = 1;
	igt_mmgpu_unbind();
	igt_mmgpu_proc_run(child_touches, &maps);
	close(fd);
	igt_mmgpu_proc_run(child_touches, &maps);
	munmap(maps.node, 2 * PAGE);
	munmap(maps.dmabuf, 2 * PAGE);
	close(dmabuf);
	igt_mmgpu_rebind();
}

/* Buffers of the device that was, and of another driver that it had imported. */
static void dmabufs(void)
{
	int fd = igt_mmgpu_open();
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	int dmabuf = igt_mmgpu_export(fd, handle);
	struct igt_mmgpu_gate gate;
	struct igt_mmgpu_job job;
	uint32_t theirs;
	int ret;

	igt_mmgpu_gate_init(&gate);
	theirs = igt_mmgpu_import(fd, gate.dmabuf);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, theirs, MMGPU_BO_REF_WRITE);
	igt_mmgpu_job_submit(fd, &job);
	igt_mmgpu_unbind();
	/* Our fence on their buffer is over; theirs is their own business. */
	igt_mmgpu_gate_open(&gate);
	igt_assert(igt_mmgpu_poll_ms(gate.dmabuf, POLLOUT, IGT_MMGPU_PATIENCE * 1000) & POLLOUT);
	igt_mmgpu_rebind();
	close(fd);

	fd = igt_mmgpu_open();
	ret = __igt_mmgpu_import(fd, dmabuf, &handle);
	igt_assert_f(!ret || ret == -ENODEV, "import: %d\n", ret);
	theirs = igt_mmgpu_import(fd, gate.dmabuf);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, theirs, MMGPU_BO_REF_WRITE);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	close(fd);
	close(dmabuf);
	igt_mmgpu_gate_fini(&gate);
}

int igt_main()
{
	static const struct {
		const char *name;
		const char *describe;
		void (*run)(void);
	} tests[] = {
		{ "ioctls", "Every call says ENODEV, but the question for numbers.", ioctls },
		{ "bound", "A bound file keeps its owner, a rebound device the numbers.",
		  bound_ioctls },
		{ "queued", "Queued jobs end with ENODEV at once.", queued },
		{ "running", "Running jobs end with ENODEV.", running },
		{ "sync-file", "A fence can be asked when all else is gone.", sync_file },
		{ "waiters", "Who waits in a call is woken.", waiters },
		{ "mappings", "Mappings can be touched as before.", mappings },
		{ "dmabufs", "Shared buffers outlive the device, on both sides.", dmabufs },
	};

	igt_fixture() {
		igt_mmgpu_unbind_init();
	}

	for (size_t i = 0; i < igt_mmgpu_count(tests); i++) {
		igt_describe(tests[i].describe);
		igt_subtest(tests[i].name) {
			/* Whatever a failed one before left. */
			igt_mmgpu_rebind();
			tests[i].run();
		}
	}

	igt_fixture() {
		igt_mmgpu_proc_cleanup();
		igt_mmgpu_rebind();
	}
}
