// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Time, syncobjs, sync_files, dma-buf fences, and a fence that the test holds. */

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>
#include <xf86drm.h>

#include "igt.h"
#include "igt_mmgpu.h"

int64_t igt_mmgpu_now(void)
{
	struct timespec ts;

	igt_assert_eq(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	return ts.tv_sec * IGT_MMGPU_NSEC_PER_SEC + ts.tv_nsec;
}

int64_t igt_mmgpu_deadline_ms(int64_t ms)
{
	return igt_mmgpu_now() + ms * IGT_MMGPU_NSEC_PER_MSEC;
}

static uint32_t syncobj_create(int fd, uint32_t flags)
{
	uint32_t syncobj;

	igt_assert_eq(drmSyncobjCreate(fd, flags, &syncobj), 0);
	return syncobj;
}

uint32_t igt_mmgpu_syncobj_create(int fd)
{
	return syncobj_create(fd, 0);
}

uint32_t igt_mmgpu_syncobj_create_signaled(int fd)
{
	return syncobj_create(fd, DRM_SYNCOBJ_CREATE_SIGNALED);
}

void igt_mmgpu_syncobj_destroy(int fd, uint32_t syncobj)
{
	igt_assert_eq(drmSyncobjDestroy(fd, syncobj), 0);
}

int __igt_mmgpu_syncobj_wait(int fd, uint32_t syncobj, uint64_t point, int64_t deadline)
{
	if (point)
		return drmSyncobjTimelineWait(fd, &syncobj, &point, 1, deadline, 0, NULL);
	return drmSyncobjWait(fd, &syncobj, 1, deadline, 0, NULL);
}

void igt_mmgpu_syncobj_wait(int fd, uint32_t syncobj, uint64_t point)
{
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);

	igt_assert_eq(__igt_mmgpu_syncobj_wait(fd, syncobj, point, deadline), 0);
}

bool igt_mmgpu_syncobj_has_fence(int fd, uint32_t syncobj)
{
	int ret = __igt_mmgpu_syncobj_wait(fd, syncobj, 0, 0);

	igt_assert_f(!ret || ret == -ETIME || ret == -EINVAL, "syncobj wait: %d\n", ret);
	return ret != -EINVAL;
}

int igt_mmgpu_syncobj_export(int fd, uint32_t syncobj)
{
	int sync_file;

	igt_assert_eq(drmSyncobjExportSyncFile(fd, syncobj, &sync_file), 0);
	return sync_file;
}

void igt_mmgpu_syncobj_import(int fd, uint32_t syncobj, int sync_file)
{
	igt_assert_eq(drmSyncobjImportSyncFile(fd, syncobj, sync_file), 0);
}

int igt_mmgpu_sync_file_status(int sync_file)
{
	struct sync_file_info info = { };

	igt_assert_eq(igt_mmgpu_ioctl(sync_file, SYNC_IOC_FILE_INFO, &info), 0);
	return info.status;
}

int igt_mmgpu_syncobj_status(int fd, uint32_t syncobj)
{
	int sync_file = igt_mmgpu_syncobj_export(fd, syncobj);
	int status = igt_mmgpu_sync_file_status(sync_file);

	close(sync_file);
	return status;
}

int igt_mmgpu_syncobj_result(int fd, uint32_t syncobj)
{
	int status;

	igt_mmgpu_syncobj_wait(fd, syncobj, 0);
	status = igt_mmgpu_syncobj_status(fd, syncobj);
	igt_assert_neq(status, 0);
	return status < 0 ? status : 0;
}

int __igt_mmgpu_dmabuf_export_fence(int dmabuf, uint32_t flags, int *sync_file)
{
	struct dma_buf_export_sync_file args = { .flags = flags, .fd = -1 };
	int ret = igt_mmgpu_ioctl(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &args);

	if (!ret)
		*sync_file = args.fd;
	return ret;
}

int __igt_mmgpu_dmabuf_import_fence(int dmabuf, uint32_t flags, int sync_file)
{
	struct dma_buf_import_sync_file args = { .flags = flags, .fd = sync_file };

	return igt_mmgpu_ioctl(dmabuf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &args);
}

int igt_mmgpu_poll_ms(int fd, short events, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int ret;

	do
		ret = poll(&pfd, 1, timeout_ms);
	while (ret < 0 && errno == EINTR);
	igt_assert_lte(0, ret);
	return ret ? pfd.revents : 0;
}

bool igt_mmgpu_poll(int fd, short events)
{
	return igt_mmgpu_poll_ms(fd, events, 0) & events;
}

/* ---- ioctls of vgem and sw_sync, which libdrm has no header for, and the gate ----- */

struct vgem_fence_attach {
	uint32_t handle;
	uint32_t flags;
	uint32_t out_fence;
	uint32_t pad;
};

struct vgem_fence_signal {
	uint32_t fence;
	uint32_t flags;
};

#define VGEM_ATTACH	DRM_IOWR(DRM_COMMAND_BASE + 0x1, struct vgem_fence_attach)
#define VGEM_SIGNAL	DRM_IOW(DRM_COMMAND_BASE + 0x2, struct vgem_fence_signal)
#define VGEM_WRITE	0x1

int igt_mmgpu_vgem_open(void)
{
	int fd;

	igt_require_f(igt_mmgpu_has_module("vgem"),
		      "no vgem: load it, or set MMGPU_MODPROBE=1\n");
	/* The core makes no dumb buffers on render nodes. */
	fd = __igt_mmgpu_open_driver("vgem", IGT_MMGPU_PRIMARY, 0);
	igt_assert_fd(fd);
	return fd;
}

int __igt_mmgpu_vgem_attach(int vgem, uint32_t handle, bool write, uint32_t *fence)
{
	struct vgem_fence_attach attach = {
		.handle = handle,
		.flags = write ? VGEM_WRITE : 0,
	};
	int ret = igt_mmgpu_ioctl(vgem, VGEM_ATTACH, &attach);

	if (!ret)
		*fence = attach.out_fence;
	return ret;
}

void igt_mmgpu_vgem_signal(int vgem, uint32_t fence)
{
	struct vgem_fence_signal args = { .fence = fence };

	/* ETIMEDOUT says that vgem gave up before us: the test proved nothing. */
	igt_assert_eq(igt_mmgpu_ioctl(vgem, VGEM_SIGNAL, &args), 0);
}

struct sw_sync_create {
	uint32_t value;
	char name[32];
	int32_t fence;
};

#define SW_SYNC		"/sys/kernel/debug/sync/sw_sync"
#define SW_SYNC_CREATE	_IOWR('W', 0, struct sw_sync_create)
#define SW_SYNC_INC	_IOW('W', 1, uint32_t)

static int sw_sync_fence(int timeline)
{
	struct sw_sync_create create = { .value = 1, .name = "gate" };

	igt_assert_eq(igt_mmgpu_ioctl(timeline, SW_SYNC_CREATE, &create), 0);
	return create.fence;
}

void igt_mmgpu_gate_init(struct igt_mmgpu_gate *gate)
{
	int vgem = igt_mmgpu_vgem_open();

	memset(gate, 0, sizeof(*gate));
	gate->vgem = vgem;
	igt_assert_eq(__igt_mmgpu_dumb_create(gate->vgem, 1024, 1, 32, &gate->handle,
					      NULL, NULL), 0);
	gate->dmabuf = igt_mmgpu_export(gate->vgem, gate->handle);

	gate->timeline = open(SW_SYNC, O_RDWR | O_CLOEXEC);
	if (gate->timeline >= 0) {
		gate->sync_file = sw_sync_fence(gate->timeline);
		igt_assert_eq(__igt_mmgpu_dmabuf_import_fence(gate->dmabuf, DMA_BUF_SYNC_WRITE,
							      gate->sync_file), 0);
	} else {
		igt_assert_eq(__igt_mmgpu_vgem_attach(gate->vgem, gate->handle, true,
						      &gate->fence), 0);
		igt_assert_eq(__igt_mmgpu_dmabuf_export_fence(gate->dmabuf, DMA_BUF_SYNC_READ,
							      &gate->sync_file), 0);
	}
}

void igt_mmgpu_gate_open(struct igt_mmgpu_gate *gate)
{
	uint32_t one = 1;

	if (gate->timeline >= 0)
		igt_assert_eq(igt_mmgpu_ioctl(gate->timeline, SW_SYNC_INC, &one), 0);
	else
		igt_mmgpu_vgem_signal(gate->vgem, gate->fence);
}

void igt_mmgpu_gate_fini(struct igt_mmgpu_gate *gate)
{
	if (gate->timeline >= 0)
		close(gate->timeline);
	close(gate->sync_file);
	close(gate->dmabuf);
	close(gate->vgem);
	memset(gate, 0, sizeof(*gate));
}

uint32_t igt_mmgpu_gate_syncobj(struct igt_mmgpu_gate *gate, int fd)
{
	uint32_t syncobj = igt_mmgpu_syncobj_create(fd);

	igt_mmgpu_syncobj_import(fd, syncobj, gate->sync_file);
	return syncobj;
}

static void nothing(int sig)
{
}

void igt_mmgpu_ctx_assert_places(int fd, uint32_t ctx)
{
	uint64_t max = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_JOBS);
	/* Without SA_RESTART: it ends the wait for a place that nobody gives back. */
	struct sigaction action = { .sa_handler = nothing }, before;
	struct igt_mmgpu_gate gate;
	struct igt_mmgpu_job job;
	uint32_t wait;

	igt_mmgpu_gate_init(&gate);
	wait = igt_mmgpu_gate_syncobj(&gate, fd);
	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_job_in(&job, wait, 0);
	igt_assert_eq(sigaction(SIGALRM, &action, &before), 0);
	alarm(IGT_MMGPU_PATIENCE);
	for (uint64_t i = 0; i < max; i++) {
		int ret = igt_mmgpu_ioctl_once(fd, DRM_IOCTL_MMGPU_SUBMIT, &job.submit);

		igt_assert_f(!ret, "only %llu of %llu jobs have a place: %d\n",
			     (unsigned long long)i, (unsigned long long)max, ret);
	}
	alarm(0);
	igt_assert_eq(sigaction(SIGALRM, &before, NULL), 0);
	igt_mmgpu_gate_open(&gate);
	igt_mmgpu_job_init(&job, ctx);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_mmgpu_syncobj_destroy(fd, wait);
	igt_mmgpu_gate_fini(&gate);
}
