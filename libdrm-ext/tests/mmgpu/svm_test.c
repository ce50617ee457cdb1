// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Commands on CPU addresses: what the kernel is handed, and what is said when it refuses. */

#include <errno.h>
#include <string.h>

#include <xf86drm.h>

#include "fake_drm.h"
#include "libdrm_mmgpu.h"

#define NO_SYNC		MMGPU_BO_REF_NO_IMPLICIT_SYNC

static struct drm_mmgpu *dev;
static struct drm_mmgpu_job *job;
static struct drm_mmgpu_bo *bo;
static uint64_t here[16], there[16];

static void setup(void)
{
	CHECK(!drm_mmgpu_new(fake.fd, &dev));
	CHECK(!drm_mmgpu_bind(dev, NULL));
	CHECK(!drm_mmgpu_bo_new(dev, 8192, 0, &bo));
	CHECK(!drm_mmgpu_job_new(dev, &job));
}

static void teardown(void)
{
	drm_mmgpu_job_free(job);
	drm_mmgpu_bo_put(bo);
	CHECK(!fake.open_handles && !fake.bad_closes);
	drm_mmgpu_close(dev);
}

static void refuse(int err)
{
	fake.fail_request = DRM_IOCTL_MMGPU_SUBMIT;
	fake.fail_errno = err;
}

static void test_every_command(void)
{
	const uint64_t h = (uintptr_t)here, t = (uintptr_t)there;
	const uint32_t both = MMGPU_CMD_DST_SVM | MMGPU_CMD_SRC_SVM;
	const struct drm_mmgpu_cmd expected[] = {
		{ .op = MMGPU_OP_FILL, .flags = MMGPU_CMD_DST_SVM, .dst = h, .width = 5,
		  .rows = 1, .value = 0xabcdef0123456789 },
		{ .op = MMGPU_OP_FILL, .flags = MMGPU_CMD_DST_SVM, .dst = h, .width = 5,
		  .rows = 3, .dst_pitch = 16, .value = 2 },
		{ .op = MMGPU_OP_COPY, .flags = both, .dst = h, .src = t, .width = 7, .rows = 1 },
		{ .op = MMGPU_OP_COPY, .flags = both, .dst = h, .src = t, .width = 3, .rows = 4,
		  .dst_pitch = 5, .src_pitch = 6 },
		{ .op = MMGPU_OP_COPY, .flags = MMGPU_CMD_SRC_SVM, .dst = 11, .src = t, .width = 9,
		  .rows = 1 },
		{ .op = MMGPU_OP_COPY, .flags = MMGPU_CMD_SRC_SVM, .dst = 11, .src = t, .width = 3,
		  .rows = 4, .dst_pitch = 5, .src_pitch = 6 },
		{ .op = MMGPU_OP_COPY, .flags = MMGPU_CMD_DST_SVM, .dst = h, .src = 13, .width = 9,
		  .rows = 1 },
		{ .op = MMGPU_OP_COPY, .flags = MMGPU_CMD_DST_SVM, .dst = h, .src = 13, .width = 3,
		  .rows = 4, .dst_pitch = 5, .src_pitch = 6 },
		{ .op = MMGPU_OP_TIMESTAMP, .flags = MMGPU_CMD_DST_SVM, .dst = h },
	};

	setup();
	drm_mmgpu_job_svm_fill(job, here, 5, 0xabcdef0123456789);
	drm_mmgpu_job_svm_fill_2d(job, here, 16, 5, 3, 2);
	drm_mmgpu_job_svm_copy(job, here, there, 7);
	drm_mmgpu_job_svm_copy_2d(job, here, 5, there, 6, 3, 4);
	drm_mmgpu_job_svm_upload(job, bo, 11, there, 9);
	drm_mmgpu_job_svm_upload_2d(job, bo, 11, 5, there, 6, 3, 4);
	drm_mmgpu_job_svm_download(job, here, bo, 13, 9);
	drm_mmgpu_job_svm_download_2d(job, here, 5, bo, 13, 6, 3, 4);
	drm_mmgpu_job_svm_timestamp(job, here);
	CHECK(!drm_mmgpu_job_submit(job, NULL));
	CHECK(fake.submit.args.cmds.count == sizeof(expected) / sizeof(expected[0]));
	CHECK(!memcmp(fake.submit.cmds, expected, sizeof(expected)));
	teardown();
}

static void test_only_buffers_are_listed(void)
{
	setup();
	drm_mmgpu_job_svm_fill(job, here, 8, 0);
	drm_mmgpu_job_svm_copy(job, here, there, 8);
	drm_mmgpu_job_svm_timestamp(job, here);
	CHECK(!drm_mmgpu_job_submit(job, NULL));
	CHECK(fake.submit.args.bos.count == 0);

	drm_mmgpu_job_svm_upload(job, bo, 0, here, 8);
	CHECK(!drm_mmgpu_job_submit(job, NULL));
	CHECK(fake.submit.args.bos.count == 1);
	CHECK(fake.submit.refs[0].handle == drm_mmgpu_bo_get_handle(bo));
	CHECK(fake.submit.refs[0].flags == (MMGPU_BO_REF_WRITE | NO_SYNC));
	drm_mmgpu_job_svm_download(job, here, bo, 0, 8);
	CHECK(!drm_mmgpu_job_submit(job, NULL));
	CHECK(fake.submit.args.bos.count == 1);
	CHECK(fake.submit.refs[0].flags == (MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE | NO_SYNC));
	teardown();
}

static void test_buffers_must_be_right(void)
{
	setup();
	drm_mmgpu_job_svm_upload(job, NULL, 0, here, 8);
	drm_mmgpu_job_svm_fill(job, here, 8, 0);
	CHECK(drm_mmgpu_job_get_cmd_count(job) == 0);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "command 0 names no buffer");
	drm_mmgpu_job_reset(job);
	drm_mmgpu_job_svm_timestamp(job, here);
	drm_mmgpu_job_svm_download(job, here, NULL, 0, 8);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "command 1 names no buffer");
	teardown();
}

static void test_implicit_sync_is_explained(void)
{
	setup();
	drm_mmgpu_job_fill(job, bo, 0, 8, 0);
	drm_mmgpu_job_svm_fill(job, here, 8, 0);
	refuse(EINVAL);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL,
		   "waits for no user of the buffer with GEM handle 1: give drm_mmgpu_job_use_bo() MMGPU_BO_REF_NO_IMPLICIT_SYNC");
	/* With the flag it is not that */
	drm_mmgpu_job_use_bo(job, bo, NO_SYNC);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "refuses the job as malformed");
	/* Nor without CPU addresses */
	drm_mmgpu_job_reset(job);
	drm_mmgpu_job_fill(job, bo, 0, 8, 0);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "refuses the job as malformed");
	teardown();
}

/* The library knows the arithmetic of addresses, and nothing of what is mapped. */
static void test_bad_addresses_are_explained(void)
{
	void *last = (void *)(UINTPTR_MAX - 7);

	setup();
	refuse(EINVAL);
	drm_mmgpu_job_svm_copy(job, last, here, 9);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL,
		   "bytes to CPU address 0xfffffffffffffff8) reaches beyond the last CPU address");
	drm_mmgpu_job_reset(job);
	drm_mmgpu_job_svm_copy(job, here, last, 9);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "reaches beyond the last CPU address");
	drm_mmgpu_job_reset(job);
	drm_mmgpu_job_svm_fill_2d(job, last, 8, 8, 2, 0);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "reaches beyond the last CPU address");
	drm_mmgpu_job_reset(job);
	drm_mmgpu_job_svm_fill_2d(job, here, 7, 8, 2, 0);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "has a pitch below its width");
	drm_mmgpu_job_reset(job);
	drm_mmgpu_job_svm_timestamp(job, (void *)((char *)here + 4));
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "no multiple of 8");
	drm_mmgpu_job_reset(job);
	drm_mmgpu_job_svm_upload(job, bo, 8185, here, 8);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "beyond the end of a buffer");

	/* These are for the page tables to refuse */
	drm_mmgpu_job_reset(job);
	drm_mmgpu_job_svm_copy(job, last, NULL, 8);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "refuses the job as malformed");
	teardown();
}

static void test_what_is_missing_is_explained(void)
{
	setup();
	drm_mmgpu_job_svm_fill(job, here, 8, 0);
	refuse(EOPNOTSUPP);
	fake.params[MMGPU_PARAM_SVM] = 0;
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EOPNOTSUPP, "takes no CPU addresses (interface 1.3;");
	fake.params[MMGPU_PARAM_SVM] = 1;
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EOPNOTSUPP, "offer such syncobjs");
	fake.bound_mm_seq = 0;
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EOPNOTSUPP,
		   "only a bound file takes CPU addresses: call drm_mmgpu_bind()");
	/* A job without them is not about them */
	fake.params[MMGPU_PARAM_SVM] = 0;
	drm_mmgpu_job_reset(job);
	drm_mmgpu_job_fill(job, bo, 0, 8, 0);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EOPNOTSUPP, "offer such syncobjs");
	teardown();
}

int main(void)
{
	RUN(test_every_command);
	RUN(test_only_buffers_are_listed);
	RUN(test_buffers_must_be_right);
	RUN(test_implicit_sync_is_explained);
	RUN(test_bad_addresses_are_explained);
	RUN(test_what_is_missing_is_explained);
	fake_fini();
	return 0;
}
