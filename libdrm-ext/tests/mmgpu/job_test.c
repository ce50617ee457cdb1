// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* The command builder: what it hands to the kernel, and what it says when refused. */

#include <errno.h>
#include <string.h>

#include <xf86drm.h>

#include "fake_drm.h"
#include "libdrm_mmgpu.h"

static struct drm_mmgpu *dev;
static struct drm_mmgpu_job *job;
static struct drm_mmgpu_bo *a, *b;

static void setup(void)
{
	CHECK(!drm_mmgpu_new(fake.fd, &dev));
	CHECK(!drm_mmgpu_bo_new(dev, 8192, 0, &a));
	CHECK(!drm_mmgpu_bo_new(dev, 100, 0, &b));
	CHECK(!drm_mmgpu_job_new(dev, &job));
}

static void teardown(void)
{
	drm_mmgpu_job_free(job);
	drm_mmgpu_bo_put(b);
	drm_mmgpu_bo_put(a);
	CHECK(!fake.open_handles && !fake.bad_closes);
	drm_mmgpu_close(dev);
}

static void test_every_op(void)
{
	const struct drm_mmgpu_cmd expected[] = {
		{ .op = MMGPU_OP_NOP },
		{ .op = MMGPU_OP_FILL, .dst_bo = 0, .dst = 8, .width = 16, .rows = 1, .value = 0xabcdef0123456789 },
		{ .op = MMGPU_OP_FILL, .dst_bo = 0, .dst = 1, .width = 5, .rows = 3, .dst_pitch = 64,
		  .value = 2 },
		{ .op = MMGPU_OP_COPY, .dst_bo = 0, .src_bo = 1, .dst = 3, .src = 4, .width = 5, .rows = 1 },
		{ .op = MMGPU_OP_COPY, .dst_bo = 1, .src_bo = 0, .dst = 1, .src = 2, .width = 3,
		  .rows = 4, .dst_pitch = 5, .src_pitch = 6 },
		{ .op = MMGPU_OP_ADD, .dst_bo = 1, .dst = 16, .value = UINT64_MAX },
		{ .op = MMGPU_OP_TIMESTAMP, .dst_bo = 1, .dst = 24 },
		{ .op = MMGPU_OP_DELAY, .value = 1000 },
	};

	setup();
	drm_mmgpu_job_nop(job);
	drm_mmgpu_job_fill(job, a, 8, 16, 0xabcdef0123456789);
	drm_mmgpu_job_fill_2d(job, a, 1, 64, 5, 3, 2);
	drm_mmgpu_job_copy(job, a, 3, b, 4, 5);
	drm_mmgpu_job_copy_2d(job, b, 1, 5, a, 2, 6, 3, 4);
	drm_mmgpu_job_add(job, b, 16, UINT64_MAX);
	drm_mmgpu_job_timestamp(job, b, 24);
	drm_mmgpu_job_delay(job, 1000);
	CHECK(drm_mmgpu_job_get_cmd_count(job) == 8);
	CHECK(!drm_mmgpu_job_submit(job, NULL));

	CHECK(fake.submit.args.ctx_id == 0 && fake.submit.args.flags == 0);
	CHECK(fake.submit.args.cmds.count == 8);
	CHECK(!memcmp(fake.submit.cmds, expected, sizeof(expected)));
	teardown();
}

static void test_uses_are_merged(void)
{
	setup();
	drm_mmgpu_job_fill(job, a, 0, 8, 0);
	drm_mmgpu_job_copy(job, b, 0, a, 0, 8);
	drm_mmgpu_job_copy(job, b, 0, b, 8, 8);
	drm_mmgpu_job_use_bo(job, a, MMGPU_BO_REF_NO_IMPLICIT_SYNC);
	CHECK(!drm_mmgpu_job_submit(job, NULL));

	CHECK(fake.submit.args.bos.count == 2);
	CHECK(fake.submit.refs[0].handle == drm_mmgpu_bo_get_handle(a));
	CHECK(fake.submit.refs[0].flags == (MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE |
					    MMGPU_BO_REF_NO_IMPLICIT_SYNC));
	CHECK(fake.submit.refs[1].flags == (MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE));

	/* ADD and TIMESTAMP only write */
	drm_mmgpu_job_reset(job);
	drm_mmgpu_job_add(job, b, 0, 1);
	drm_mmgpu_job_timestamp(job, a, 0);
	CHECK(!drm_mmgpu_job_submit(job, NULL));
	CHECK(fake.submit.refs[0].handle == drm_mmgpu_bo_get_handle(b));
	CHECK(fake.submit.refs[0].flags == MMGPU_BO_REF_WRITE);
	CHECK(fake.submit.refs[1].flags == MMGPU_BO_REF_WRITE);
	teardown();
}

static void test_empty_job(void)
{
	setup();
	drm_mmgpu_job_in_sync(job, 3, 0);
	drm_mmgpu_job_in_sync(job, 4, 17);
	drm_mmgpu_job_out_sync(job, 5, UINT64_MAX);
	CHECK(!drm_mmgpu_job_submit(job, drm_mmgpu_context_default(dev)));

	CHECK(!fake.submit.args.cmds.count && !fake.submit.args.bos.count);
	CHECK(fake.submit.args.in_syncs.count == 2 && fake.submit.args.out_syncs.count == 1);
	CHECK(fake.submit.in_syncs[0].handle == 3 && !fake.submit.in_syncs[0].flags &&
	      !fake.submit.in_syncs[0].point);
	CHECK(fake.submit.in_syncs[1].handle == 4 &&
	      fake.submit.in_syncs[1].flags == MMGPU_SYNC_TIMELINE &&
	      fake.submit.in_syncs[1].point == 17);
	CHECK(fake.submit.out_syncs[0].point == UINT64_MAX);
	teardown();
}

static void test_it_grows(void)
{
	struct drm_mmgpu_bo *bos[1000];
	uint32_t i;

	setup();
	for (i = 0; i < 1000; i++) {
		CHECK(!drm_mmgpu_bo_new(dev, 8, 0, &bos[i]));
		drm_mmgpu_job_add(job, bos[i], 0, i);
		/* The job keeps what it needs */
		drm_mmgpu_bo_put(bos[i]);
	}
	for (i = 0; i < 50000; i++)
		drm_mmgpu_job_add(job, a, 0, i);
	CHECK(fake.open_handles == 1002);
	CHECK(!drm_mmgpu_job_submit(job, NULL));

	CHECK(fake.submit.args.bos.count == 1001 && fake.submit.args.cmds.count == 51000);
	for (i = 0; i < 1000; i++)
		CHECK(fake.submit.cmds[i].dst_bo == i && fake.submit.cmds[i].value == i);
	for (i = 0; i < 50000; i++)
		CHECK(fake.submit.cmds[1000 + i].dst_bo == 1000 &&
		      fake.submit.cmds[1000 + i].value == i);

	drm_mmgpu_job_reset(job);
	CHECK(fake.open_handles == 2);
	CHECK(!drm_mmgpu_job_submit(job, NULL));
	CHECK(!fake.submit.args.bos.count && !fake.submit.args.cmds.count);
	teardown();
}

static void test_first_error_is_kept(void)
{
	struct drm_mmgpu *other;
	struct drm_mmgpu_bo *foreign;

	setup();
	CHECK(!drm_mmgpu_new(fake.fd, &other));
	CHECK(!drm_mmgpu_bo_new(other, 8, 0, &foreign));

	drm_mmgpu_job_nop(job);
	drm_mmgpu_job_copy(job, a, 0, foreign, 0, 8);
	drm_mmgpu_job_fill(job, NULL, 0, 8, 0);
	drm_mmgpu_job_in_sync(job, 1, 0);
	CHECK(drm_mmgpu_job_get_cmd_count(job) == 1);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "command 1 names a buffer of another file");
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "another file");

	drm_mmgpu_job_reset(job);
	drm_mmgpu_job_fill(job, NULL, 0, 8, 0);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "command 0 names no buffer");
	drm_mmgpu_job_reset(job);
	CHECK_FAIL(drm_mmgpu_job_submit(job, drm_mmgpu_context_default(other)), EINVAL,
		   "context is of another file");
	CHECK(!drm_mmgpu_job_submit(job, NULL));

	drm_mmgpu_bo_put(foreign);
	drm_mmgpu_close(other);
	teardown();
}

static void refuse(int err)
{
	fake.fail_request = DRM_IOCTL_MMGPU_SUBMIT;
	fake.fail_errno = err;
}

static void test_limits_are_explained(void)
{
	uint32_t i;

	setup();
	refuse(E2BIG);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), E2BIG, "older than the library");
	for (i = 0; i < 102; i++)
		drm_mmgpu_job_nop(job);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), E2BIG,
		   "102 commands are more than the device's 101 for one job: split it");
	drm_mmgpu_job_reset(job);
	for (i = 0; i < 104; i++)
		drm_mmgpu_job_out_sync(job, 1, i);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), E2BIG, "104 out-syncs");
	teardown();
}

/* Each line a command that the driver refuses, and what must be said about it. */
static void test_bad_commands_are_explained(void)
{
	static const struct {
		uint64_t dst, src, width;
		uint32_t rows, dst_pitch, src_pitch;
		const char *words;
	} copies[] = {
		{ 0, 0, 0, 1, 0, 0, "command 1 (COPY, 1 rows of 0 bytes to offset 0) has no bytes" },
		{ 0, 0, 4, 0, 4, 4, "has no bytes or no rows" },
		{ 0, 0, 8, 2, 7, 8, "has a pitch below its width" },
		{ 0, 0, 8, 2, 8, 7, "has a pitch below its width" },
		{ 8185, 0, 8, 1, 0, 0, "beyond the end" },
		{ 0, 4089, 8, 1, 0, 0, "beyond the end" },
		{ 0, 0, 8, 1025, 8, 8, "beyond the end" },
		{ UINT64_MAX, 0, 8, 1, 0, 0, "beyond the end" },
		{ 0, 0, UINT64_MAX, 1, 0, 0, "beyond the end" },
		{ 0, 0, 8, UINT32_MAX, UINT32_MAX, UINT32_MAX, "beyond the end" },
		/* Right, as far as the library knows */
		{ 8184, 4088, 8, 1, 7, 7, "refuses the job as malformed" },
		{ 0, 0, 8, 512, 16, 8, "refuses the job as malformed" },
	};
	unsigned int i;

	setup();
	refuse(EINVAL);
	for (i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
		drm_mmgpu_job_reset(job);
		drm_mmgpu_job_nop(job);
		drm_mmgpu_job_copy_2d(job, a, copies[i].dst, copies[i].dst_pitch, b, copies[i].src,
				      copies[i].src_pitch, copies[i].width, copies[i].rows);
		CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, copies[i].words);
	}

	drm_mmgpu_job_reset(job);
	drm_mmgpu_job_timestamp(job, a, 12);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "command 0 (TIMESTAMP to offset 12");
	drm_mmgpu_job_reset(job);
	drm_mmgpu_job_add(job, a, 8192, 1);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "beyond the end");
	drm_mmgpu_job_reset(job);
	drm_mmgpu_job_delay(job, fake.params[MMGPU_PARAM_MAX_DELAY_MS] * 1000000 + 1);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "longer than MMGPU_PARAM_MAX_DELAY_MS");
	drm_mmgpu_job_reset(job);
	drm_mmgpu_job_use_bo(job, a, MMGPU_BO_REF_NO_IMPLICIT_SYNC);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "neither read nor written");
	drm_mmgpu_job_reset(job);
	drm_mmgpu_job_in_sync(job, 9, 33);
	fake.syncobj_wait_errno = EINVAL;
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "syncobj 9, point 33");
	teardown();
}

static void test_missing_things_are_explained(void)
{
	setup();
	drm_mmgpu_job_copy(job, a, 0, b, 0, 8);
	refuse(ENOENT);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), ENOENT, "a syncobj is not there");
	fake.fail_handle = drm_mmgpu_bo_get_handle(b);
	fake.fail_handle_errno = ENOENT;
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), ENOENT, "GEM handle 2 is not there");
	refuse(ECANCELED);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), ECANCELED, "ran for over 108 ms");
	refuse(EOPNOTSUPP);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EOPNOTSUPP, "caps");
	teardown();
}

static void test_access_is_explained(void)
{
	setup();
	drm_mmgpu_job_copy(job, a, 0, b, 0, 8);
	refuse(EPERM);
	fake.fail_handle = drm_mmgpu_bo_get_handle(a);
	fake.fail_handle_errno = EPERM;
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EPERM,
		   "GEM handle 1 is private to another address space");
	refuse(EACCES);
	fake.fail_handle = 0;
	fake.bo_access = MMGPU_ACCESS_READ;
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EACCES, "no write access");

	fake.bound_mm_seq = 17;
	fake.caller_mm_seq = 23;
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EPERM,
		   "submitting: this file is bound to address space 17 and the caller is 23: open the node again in this process");
	fake.bound_mm_seq = 0;
	teardown();
}

int main(void)
{
	RUN(test_every_op);
	RUN(test_uses_are_merged);
	RUN(test_empty_job);
	RUN(test_it_grows);
	RUN(test_first_error_is_kept);
	RUN(test_limits_are_explained);
	RUN(test_bad_commands_are_explained);
	RUN(test_missing_things_are_explained);
	RUN(test_access_is_explained);
	fake_fini();
	return 0;
}
