// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * A storm of signals against every wait that signals can end: the call says EINTR or goes on
 * by itself, nothing is done by halves, and the result is right.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <xf86drm.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_grant.h"
#include "igt_mmgpu_small.h"
#include "igt_mmgpu_storm.h"
#include "igt_mmgpu_stuck.h"

IGT_TEST_DESCRIPTION("Storms of signals against all that waits.");

#define PAGE		4096ul

static int fd = -1;
static uint32_t bo;
static int dmabuf;
static struct igt_mmgpu_private own;

/* Of the wait that is going on. */
static struct igt_mmgpu_gate gate;
static struct igt_mmgpu_job job;
static uint32_t ctx, gate_sync, out;
static struct igt_mmgpu_stuck stuck;
static struct igt_mmgpu_peer peer;
static pthread_t helper;
static int file, helper_ret;
static uint64_t max_jobs;
static int64_t deadline;

static int once(int on, unsigned long request, void *args)
{
	return igt_mmgpu_ioctl_once(on, request, args);
}

static uint64_t jobs_done(int on, uint32_t id)
{
	struct drm_mmgpu_ctx_query query;

	igt_mmgpu_ctx_query(on, id, &query);
	return query.jobs_done;
}

static int soon_ms(void)
{
	return igt_mmgpu_is_slow() ? 400 : 60;
}

/* ---- a buffer that is busy until the gate is opened ------------------------------------------ */

static void gate_begin(void)
{
	igt_mmgpu_gate_init(&gate);
	gate_sync = igt_mmgpu_gate_syncobj(&gate, fd);
	ctx = igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY);
	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_job_in(&job, gate_sync, 0);
}

static void gate_release(void)
{
	igt_mmgpu_gate_open(&gate);
}

static void gate_end(void)
{
	igt_mmgpu_ctx_destroy(fd, ctx);
	igt_mmgpu_syncobj_destroy(fd, gate_sync);
	igt_mmgpu_gate_fini(&gate);
}

static void busy_begin(void)
{
	gate_begin();
	igt_mmgpu_job_bo(&job, bo, MMGPU_BO_REF_WRITE);
	igt_mmgpu_job_submit(fd, &job);
	deadline = 0;
}

static void busy_end(void)
{
	igt_assert(!igt_mmgpu_bo_busy(fd, bo, MMGPU_BO_WAIT_WRITE));
	gate_end();
}

/* By the first call: the storm has begun then. */
static int64_t set_deadline(void)
{
	if (!deadline)
		deadline = igt_mmgpu_deadline_ms(soon_ms());
	return deadline;
}

static int bo_wait(void)
{
	struct drm_mmgpu_bo_wait args = { .handle = bo, .timeout_ns = INT64_MAX };

	return once(fd, DRM_IOCTL_MMGPU_BO_WAIT, &args);
}

static int bo_wait_until(void)
{
	struct drm_mmgpu_bo_wait args = { .handle = bo, .timeout_ns = set_deadline() };

	return once(fd, DRM_IOCTL_MMGPU_BO_WAIT, &args);
}

static int sync_start(void)
{
	struct dma_buf_sync args = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW };

	return once(dmabuf, DMA_BUF_IOCTL_SYNC, &args);
}

/*
 * Taken up again and again, it ends when it was to end. DRM core's own wait counts in ticks
 * of up to 10 ms, of which the first has begun.
 */
static void in_time(int64_t early)
{
	int64_t now = igt_mmgpu_now();

	igt_assert_lte_s64(deadline - early, now);
	igt_assert_lt_s64(now, deadline + 5 * IGT_MMGPU_NSEC_PER_SEC);
}

static void busy_until_end(void)
{
	in_time(0);
	gate_release();
	igt_mmgpu_bo_wait(fd, bo, MMGPU_BO_WAIT_WRITE);
	gate_end();
}

/* ---- a context without a free place ------------------------------------------------------------ */

static void full_begin(void)
{
	gate_begin();
	for (uint64_t i = 0; i < max_jobs; i++)
		igt_mmgpu_job_submit(fd, &job);
	out = igt_mmgpu_syncobj_create(fd);
	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_job_out(&job, out, 0);
}

static int submit(void)
{
	return once(fd, DRM_IOCTL_MMGPU_SUBMIT, &job.submit);
}

static void no_job(void)
{
	igt_assert(!igt_mmgpu_syncobj_has_fence(fd, out));
}

static void full_end(void)
{
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, out), 0);
	igt_assert_eq_u64(jobs_done(fd, ctx), max_jobs + 1);
	igt_mmgpu_ctx_assert_places(fd, ctx);
	igt_mmgpu_syncobj_destroy(fd, out);
	gate_end();
}

static void full_destroy(void)
{
	igt_mmgpu_ctx_destroy(fd, ctx);
}

static void full_destroy_end(void)
{
	no_job();
	igt_mmgpu_syncobj_destroy(fd, out);
	gate_release();
	/* For gate_end() to destroy. */
	ctx = igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY);
	gate_end();
}

/* ---- binding ------------------------------------------------------------------------------------ */

/* A call that began before the file was bound, and cannot read its arguments. */
static void *late_call(void *data)
{
	helper_ret = igt_mmgpu_ioctl(file, DRM_IOCTL_MMGPU_CTX_QUERY, stuck.mem);
	return NULL;
}

static void bind_begin(void)
{
	file = igt_mmgpu_reopen(fd);
	igt_mmgpu_stuck_init(&stuck, PAGE);
	igt_assert_eq(pthread_create(&helper, NULL, late_call, NULL), 0);
	igt_mmgpu_stuck_await(stuck.uffd);
}

static int bind_mm(void)
{
	struct drm_mmgpu_bind_mm args = { };

	return once(file, DRM_IOCTL_MMGPU_BIND_MM, &args);
}

static void bind_release(void)
{
	static const char page[PAGE];

	__igt_mmgpu_stuck_serve(stuck.uffd, (uintptr_t)stuck.mem, page);
}

static void is_bound(void)
{
	struct drm_mmgpu_query_mm query;

	igt_mmgpu_query_mm(file, 0, &query);
	igt_assert_eq_u32(query.state, MMGPU_MM_BOUND | MMGPU_MM_OWNER);
	igt_assert_eq_u64(query.bound_mm_seq, own.seq);
}

static void bind_end(void)
{
	igt_assert_eq(pthread_join(helper, NULL), 0);
	igt_assert_eq(helper_ret, 0);
	is_bound();
	igt_mmgpu_stuck_fini(&stuck);
	close(file);
}

/* ---- revoking ------------------------------------------------------------------------------------ */

static void revoke_begin(void)
{
	igt_mmgpu_peer_enter(&peer, &own, IGT_MMGPU_READ_WRITE, true);
	igt_mmgpu_peer_run(&peer, MMGPU_BO_REF_WRITE, 2 * soon_ms());
}

static int revoke_once(void)
{
	struct drm_mmgpu_bo_grant args = { .handle = own.bo, .mm_seq = peer.seq };

	return once(own.fd, DRM_IOCTL_MMGPU_BO_GRANT, &args);
}

static void is_revoked(void)
{
	igt_assert_eq(igt_mmgpu_peer_access(&peer, own.dmabuf), -EPERM);
}

static void revoke_end(void)
{
	igt_assert_eq(igt_mmgpu_peer_status(&peer), 1);
	is_revoked();
	igt_mmgpu_peer_stop(&peer);
}

/* ---- syncobjs, and events that never come -------------------------------------------------------- */

static void syncobj_begin(void)
{
	out = igt_mmgpu_syncobj_create(fd);
	deadline = 0;
}

static int syncobj_wait_for(int64_t timeout)
{
	struct drm_syncobj_wait args = {
		.handles = (uintptr_t)&out,
		.count_handles = 1,
		.flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT,
		.timeout_nsec = timeout,
	};

	return once(fd, DRM_IOCTL_SYNCOBJ_WAIT, &args);
}

static int syncobj_wait(void)
{
	return syncobj_wait_for(INT64_MAX);
}

static int syncobj_wait_until(void)
{
	return syncobj_wait_for(set_deadline());
}

static int syncobj_timeline_wait(void)
{
	uint64_t point = 1;
	struct drm_syncobj_timeline_wait args = {
		.handles = (uintptr_t)&out,
		.points = (uintptr_t)&point,
		.count_handles = 1,
		.flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT,
		.timeout_nsec = INT64_MAX,
	};

	return once(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &args);
}

static void syncobj_release(void)
{
	drmSyncobjSignal(fd, &out, 1);
}

static void syncobj_timeline_release(void)
{
	uint64_t point = 1;

	drmSyncobjTimelineSignal(fd, &out, &point, 1);
}

static void syncobj_end(void)
{
	igt_mmgpu_syncobj_destroy(fd, out);
}

static void syncobj_until_end(void)
{
	in_time(10 * IGT_MMGPU_NSEC_PER_SEC / 1000);
	syncobj_end();
}

static int read_event(void)
{
	char event[64];

	return read(fd, event, sizeof(event)) < 0 ? -errno : 0;
}

static const struct igt_mmgpu_wait waits[] = {
	{ "bo-wait", "BO_WAIT", busy_begin, bo_wait, gate_release, .end = busy_end },
	{ "bo-wait-until", "BO_WAIT with a deadline, which stays", busy_begin, bo_wait_until,
	  .result = -ETIME, .end = busy_until_end },
	{ "dmabuf-sync", "the wait for a dma-buf's fences", busy_begin, sync_start, gate_release,
	  .end = busy_end },
	{ "submit-full", "SUBMIT without a free place", full_begin, submit, gate_release, no_job,
	  .end = full_end },
	{ "submit-destroyed", "SUBMIT without a free place, till the context goes", full_begin,
	  submit, full_destroy, no_job, -ENOENT, full_destroy_end },
	{ "bind", "BIND_MM, waiting for a call from before", bind_begin, bind_mm, bind_release,
	  is_bound, .end = bind_end },
	{ "revoke", "BO_GRANT, waiting for a running job", revoke_begin, revoke_once, NULL, is_revoked,
	  .end = revoke_end },
	{ "syncobj-wait", "the wait for a syncobj", syncobj_begin, syncobj_wait, syncobj_release,
	  .end = syncobj_end },
	{ "syncobj-wait-until", "the wait for a syncobj, with a deadline", syncobj_begin,
	  syncobj_wait_until, NULL, no_job, -ETIME, syncobj_until_end },
	{ "syncobj-timeline-wait", "the wait for a point of a timeline", syncobj_begin,
	  syncobj_timeline_wait, syncobj_timeline_release, NULL, .end = syncobj_end },
	{ "read", "the wait for an event", .call = read_event, .result = -EINTR },
};

int igt_main()
{
	igt_fixture() {
		fd = igt_mmgpu_open();
		bo = igt_mmgpu_bo_create(fd, PAGE, 0);
		dmabuf = igt_mmgpu_export(fd, bo);
		igt_mmgpu_private_init(&own, PAGE);
		max_jobs = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_JOBS);
	}

	for (size_t i = 0; i < igt_mmgpu_count(waits); i++) {
		igt_describe_f("A storm of signals against %s.", waits[i].what);
		igt_subtest(waits[i].name)
			igt_mmgpu_storm_run(&waits[i]);
	}

	igt_fixture() {
		igt_mmgpu_private_fini(&own);
		close(dmabuf);
		close(fd);
		igt_mmgpu_proc_cleanup();
	}
}
