// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Files, buffers and contexts: life, sharing, mapping, threads, and explanations. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <xf86drm.h>

#include "fake_drm.h"
#include "libdrm_mmgpu.h"

static struct drm_mmgpu *dev;

static void setup(void)
{
	CHECK(!drm_mmgpu_new(fake.fd, &dev));
}

static void teardown(void)
{
	CHECK(!fake.open_handles && !fake.bad_closes);
	drm_mmgpu_close(dev);
}

static void test_other_devices_are_refused(void)
{
	char path[1];
	int fds[2];

	CHECK_FAIL(drm_mmgpu_new(fake.fd, NULL), EINVAL, "no place");
	fake.name = "vgem";
	CHECK_FAIL(drm_mmgpu_new(fake.fd, &dev), ENOTSUP, "driver vgem");
	fake.name = "a name that is longer than any name of a driver";
	CHECK_FAIL(drm_mmgpu_new(fake.fd, &dev), ENOTSUP, "driver a name that");
	fake.name = "mmgpu";
	fake.major = 2;
	CHECK_FAIL(drm_mmgpu_new(fake.fd, &dev), ENOTSUP, "2.3");
	CHECK_FAIL(drm_mmgpu_new(-1, &dev), EBADF, "not open");
	CHECK(!pipe(fds));
	CHECK_FAIL(drm_mmgpu_new(fds[0], &dev), ENOTSUP, "not a DRM device");
	close(fds[0]);
	close(fds[1]);
	CHECK_FAIL(drm_mmgpu_open("/dev/null", &dev), ENOTSUP, "opening /dev/null");
	CHECK_FAIL(drm_mmgpu_open("/dev/dri/none", &dev), ENOENT, "modprobe mmgpu");
	CHECK_FAIL(drm_mmgpu_find_node(0, 0, NULL), EINVAL, "no place");
	CHECK_FAIL(drm_mmgpu_find_node(1000, 0, path), ENOENT, "mmgpu");
}

static void test_bind_and_query(void)
{
	uint64_t number, bound, caller, value;
	uint32_t state;

	setup();
	CHECK(drm_mmgpu_get_fd(dev) == fake.fd && drm_mmgpu_get_version(dev) == 3);
	CHECK(!drm_mmgpu_query(dev, 0, &state, &bound, &caller));
	CHECK(!state && !bound && caller == 7);
	fake.fail_request = DRM_IOCTL_MMGPU_BIND_MM;
	fake.fail_errno = EBUSY;
	CHECK_FAIL(drm_mmgpu_bind(dev, NULL), EBUSY, "right after opening");
	fake.fail_request = 0;
	CHECK(!drm_mmgpu_bind(dev, &number) && number == 7);
	CHECK(!drm_mmgpu_bind(dev, NULL));

	/* What a stranger may ask, and what not */
	fake.caller_mm_seq = 0;
	CHECK(!drm_mmgpu_query(dev, 0, &state, NULL, NULL) && state == MMGPU_MM_BOUND);
	CHECK(!drm_mmgpu_query_param(dev, MMGPU_PARAM_MAX_BOS, &value) && value == 102);
	CHECK_FAIL(drm_mmgpu_bind(dev, NULL), EPERM,
		   "binding: this file is bound to address space 7 and the caller is another one");
	fake.gone = true;
	CHECK_FAIL(drm_mmgpu_bind(dev, NULL), ESRCH, "address space 7, which is gone");
	CHECK_FAIL(drm_mmgpu_query_param(dev, 99, &value), EINVAL, "parameter 99");
	teardown();
}

static void test_buffers_explain(void)
{
	struct drm_mmgpu_bo *bo;

	setup();
	CHECK_FAIL(drm_mmgpu_bo_new(dev, 0, 0, &bo), EINVAL, "size is 0");
	CHECK_FAIL(drm_mmgpu_bo_new(dev, 1, 6, &bo), EINVAL, "unknown flags 0x6");
	CHECK_FAIL(drm_mmgpu_bo_new(dev, 1ull << 40, 0, &bo), E2BIG, "more than the device's 106");
	fake.fail_request = DRM_IOCTL_MMGPU_BO_CREATE;
	fake.fail_errno = ENODEV;
	CHECK_FAIL(drm_mmgpu_bo_new(dev, 1, 0, &bo), ENODEV, "unplugged");
	/* Half done is undone */
	fake.fail_request = DRM_IOCTL_MMGPU_BO_INFO;
	fake.fail_errno = ENOMEM;
	CHECK_FAIL(drm_mmgpu_bo_new(dev, 1, 0, &bo), ENOMEM, "out of memory");
	CHECK(!fake.open_handles);
	fake.fail_request = 0;
	CHECK_FAIL(drm_mmgpu_bo_wrap(dev, 77, &bo), ENOENT, "GEM handle 77");
	CHECK_FAIL(drm_mmgpu_bo_import(dev, 9999, &bo), EBADF, "9999 is not open");
	fake.fail_request = DRM_IOCTL_PRIME_FD_TO_HANDLE;
	fake.fail_errno = EPERM;
	CHECK_FAIL(drm_mmgpu_bo_import(dev, 0, &bo), EPERM, "private buffer of another address space");
	teardown();
}

static void test_import_gives_the_same_object(void)
{
	struct drm_mmgpu_bo *bo, *again, *wrapped;
	uint32_t handle;
	int fd;

	setup();
	CHECK(!drm_mmgpu_bo_new(dev, 5000, 0, &bo));
	CHECK(drm_mmgpu_bo_get_size(bo) == 8192);
	CHECK_FAIL(drm_mmgpu_bo_export(bo, 1 << 30, &fd), EINVAL, "unknown flags");
	CHECK(!drm_mmgpu_bo_export(bo, DRM_CLOEXEC | DRM_RDWR, &fd));
	CHECK(!drm_mmgpu_bo_import(dev, fd, &again) && again == bo);
	handle = drm_mmgpu_bo_get_handle(bo);
	CHECK(!drm_mmgpu_bo_wrap(dev, handle, &wrapped) && wrapped == bo);
	CHECK(drm_mmgpu_bo_get(bo) == bo);

	drm_mmgpu_bo_put(bo);
	drm_mmgpu_bo_put(bo);
	drm_mmgpu_bo_put(bo);
	CHECK(fake.open_handles == 1);
	drm_mmgpu_bo_put(bo);
	CHECK(fake.open_handles == 0);
	CHECK(!drm_mmgpu_bo_import(dev, fd, &again));
	CHECK(drm_mmgpu_bo_get_size(again) == 8192);
	drm_mmgpu_bo_put(again);
	drm_mmgpu_bo_put(NULL);
	close(fd);
	teardown();
}

static bool is_mapped(void *ptr)
{
	unsigned char vec;

	return !mincore(ptr, FAKE_PAGE, &vec);
}

static void test_mappings_are_counted(void)
{
	struct drm_mmgpu_bo *bo;
	void *one, *two;

	setup();
	CHECK(!drm_mmgpu_bo_new(dev, 1, 0, &bo));
	CHECK(!drm_mmgpu_bo_map(bo, &one) && !drm_mmgpu_bo_map(bo, &two) && one == two);
	memset(one, 1, FAKE_PAGE);
	CHECK(!drm_mmgpu_bo_unmap(bo) && is_mapped(one));
	CHECK(!drm_mmgpu_bo_unmap(bo) && !is_mapped(one));
	CHECK_FAIL(drm_mmgpu_bo_unmap(bo), EINVAL, "not mapped");

	CHECK(!drm_mmgpu_bo_map(bo, &one));
	drm_mmgpu_bo_put(bo);
	CHECK(!is_mapped(one));

	/* Where writing is not allowed, reading still is */
	CHECK(!drm_mmgpu_bo_new(dev, 1, 0, &bo));
	fake.bo_access = MMGPU_ACCESS_READ;
	CHECK(!drm_mmgpu_bo_map(bo, &one));
	CHECK(mprotect(one, FAKE_PAGE, PROT_READ) == 0 && is_mapped(one));
	drm_mmgpu_bo_put(bo);
	teardown();
}

/* A child has other things where the parent had its private buffers. */
static void test_fork_keeps_the_childs_memory(void)
{
	struct drm_mmgpu_bo *bo;
	void *ptr;

	setup();
	fake.bo_mm_seq = 7;
	CHECK(!drm_mmgpu_bo_new(dev, 1, 0, &bo));
	CHECK(!drm_mmgpu_bo_map(bo, &ptr));
	fake.caller_mm_seq = 0;
	CHECK(!drm_mmgpu_bo_unmap(bo) && is_mapped(ptr));
	CHECK(!munmap(ptr, FAKE_PAGE));

	/* A legacy file's mapping is inherited, and goes */
	fake.bo_mm_seq = 0;
	CHECK(!drm_mmgpu_bo_map(bo, &ptr));
	drm_mmgpu_bo_put(bo);
	CHECK(!is_mapped(ptr));
	teardown();
}

static void test_contexts(void)
{
	struct drm_mmgpu_context *ctx;
	uint64_t done;

	setup();
	CHECK(!drm_mmgpu_context_new(dev, MMGPU_PRIORITY_LOW, 0, &ctx));
	CHECK(drm_mmgpu_context_get_id(ctx) == 5);
	CHECK(!drm_mmgpu_context_query(ctx, NULL, NULL, NULL, &done) && done == 42);
	drm_mmgpu_context_free(ctx);
	drm_mmgpu_context_free(drm_mmgpu_context_default(dev));
	CHECK(drm_mmgpu_context_get_id(drm_mmgpu_context_default(dev)) == 0);

	fake.fail_request = DRM_IOCTL_MMGPU_CTX_CREATE;
	fake.fail_errno = EINVAL;
	CHECK_FAIL(drm_mmgpu_context_new(dev, 9, 0, &ctx), EINVAL, "no priority 9");
	CHECK_FAIL(drm_mmgpu_context_new(dev, 0, 500, &ctx), EINVAL, "no engine 500, the device has 100");
	fake.fail_errno = EACCES;
	CHECK_FAIL(drm_mmgpu_context_new(dev, 1, 0, &ctx), EACCES, "CAP_SYS_NICE");
	fake.fail_errno = E2BIG;
	CHECK_FAIL(drm_mmgpu_context_new(dev, 1, 0, &ctx), E2BIG, "has 104");
	teardown();
}

static void test_waits_explain(void)
{
	struct drm_mmgpu_bo *bo;

	setup();
	CHECK(!drm_mmgpu_bo_new(dev, 1, 0, &bo));
	CHECK(!drm_mmgpu_bo_wait_idle(bo, 0, 0));
	fake.fail_request = DRM_IOCTL_MMGPU_BO_WAIT;
	fake.fail_errno = ETIME;
	CHECK_FAIL(drm_mmgpu_bo_wait_idle(bo, 0, 0), ETIME, "jobs still use it");
	fake.syncobj_wait_errno = ETIME;
	CHECK_FAIL(drm_mmgpu_syncobj_wait(dev, 1, 0, 0, NULL), ETIME, "not over");
	fake.syncobj_wait_errno = ENOENT;
	CHECK_FAIL(drm_mmgpu_syncobj_wait(dev, 31, 5, 0, NULL), ENOENT, "no handle 31");
	drm_mmgpu_bo_put(bo);
	teardown();
}

static void test_deadlines(void)
{
	struct timespec ts;
	int64_t now;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = ts.tv_sec * 1000000000ll + ts.tv_nsec;
	CHECK(drm_mmgpu_deadline(0) <= now && drm_mmgpu_deadline(-5) <= now);
	CHECK(drm_mmgpu_deadline(INT64_MIN) <= now);
	CHECK(drm_mmgpu_deadline(INT64_MAX) == INT64_MAX);
	CHECK(drm_mmgpu_deadline(1000000000) >= now + 1000000000);
}

static int shared_fd;

/* Importing and putting the same buffer: a handle is never closed twice, nor too early. */
static void *import_and_put(void *arg)
{
	struct drm_mmgpu_bo *bo, *own;
	int i;

	for (i = 0; i < 2000; i++) {
		CHECK(!drm_mmgpu_bo_import(dev, shared_fd, &bo));
		CHECK(!drm_mmgpu_bo_new(dev, 1, 0, &own));
		CHECK(drm_mmgpu_bo_get_handle(bo) != drm_mmgpu_bo_get_handle(own));
		drm_mmgpu_bo_put(bo);
		drm_mmgpu_bo_put(own);
	}
	/* Each thread has words of its own */
	CHECK(drm_mmgpu_last_error()[0] == '\0');
	CHECK_FAIL(drm_mmgpu_bo_new(dev, 0, 0, &bo), EINVAL, "size is 0");
	return arg;
}

static void test_threads(void)
{
	pthread_t threads[4];
	struct drm_mmgpu_bo *bo;
	unsigned int i;

	setup();
	CHECK(!drm_mmgpu_bo_new(dev, 1, 0, &bo));
	CHECK(!drm_mmgpu_bo_export(bo, DRM_CLOEXEC, &shared_fd));
	drm_mmgpu_bo_put(bo);
	for (i = 0; i < 4; i++)
		CHECK(!pthread_create(&threads[i], NULL, import_and_put, NULL));
	for (i = 0; i < 4; i++)
		CHECK(!pthread_join(threads[i], NULL));
	close(shared_fd);
	teardown();
}

int main(void)
{
	RUN(test_other_devices_are_refused);
	RUN(test_bind_and_query);
	RUN(test_buffers_explain);
	RUN(test_import_gives_the_same_object);
	RUN(test_mappings_are_counted);
	RUN(test_fork_keeps_the_childs_memory);
	RUN(test_contexts);
	RUN(test_waits_explain);
	RUN(test_deadlines);
	RUN(test_threads);
	fake_fini();
	return 0;
}
