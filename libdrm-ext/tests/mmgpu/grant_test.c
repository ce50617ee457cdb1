// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Grants: what the library asks for, and what it says when that is refused. */

#include <errno.h>

#include <xf86drm.h>

#include "fake_drm.h"
#include "libdrm_mmgpu.h"

#define READ_WRITE	(MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE)

static struct drm_mmgpu *dev;
static struct drm_mmgpu_bo *bo;

/* The owner of a private buffer: address space 7. */
static void setup(void)
{
	fake.bo_mm_seq = 7;
	CHECK(!drm_mmgpu_new(fake.fd, &dev));
	CHECK(!drm_mmgpu_bind(dev, NULL));
	CHECK(!drm_mmgpu_bo_new(dev, 4096, 0, &bo));
}

static void teardown(void)
{
	drm_mmgpu_bo_put(bo);
	CHECK(!fake.open_handles && !fake.bad_closes);
	drm_mmgpu_close(dev);
}

static void refuse(int err)
{
	fake.fail_request = DRM_IOCTL_MMGPU_BO_GRANT;
	fake.fail_errno = err;
}

static bool asked_for(uint64_t mm_seq, uint32_t access)
{
	return fake.grant.handle == drm_mmgpu_bo_get_handle(bo) && fake.grant.mm_seq == mm_seq &&
	       fake.grant.access == access;
}

static void test_it_asks_for_what_is_wanted(void)
{
	setup();
	CHECK(!drm_mmgpu_bo_grant(bo, 1ull << 40, MMGPU_ACCESS_READ));
	CHECK(asked_for(1ull << 40, MMGPU_ACCESS_READ));
	CHECK(!drm_mmgpu_bo_grant(bo, 9, READ_WRITE));
	CHECK(asked_for(9, READ_WRITE));
	CHECK(!drm_mmgpu_bo_revoke(bo, 9));
	CHECK(asked_for(9, 0));
	CHECK(drm_mmgpu_last_error()[0] == '\0');
	teardown();
}

static void test_signals_do_not_end_it(void)
{
	setup();
	fake.interrupt_grants = 3;
	CHECK(!drm_mmgpu_bo_revoke(bo, 9));
	CHECK(asked_for(9, 0) && !fake.interrupt_grants);
	teardown();
}

static void test_nothing_is_no_grant(void)
{
	setup();
	CHECK_FAIL(drm_mmgpu_bo_grant(bo, 9, 0), EINVAL, "use drm_mmgpu_bo_revoke()");
	/* Not even asked, as the kernel would take access away */
	CHECK(!fake.grant.handle);
	teardown();
}

static void test_malformed_grants_are_explained(void)
{
	setup();
	refuse(EINVAL);
	CHECK_FAIL(drm_mmgpu_bo_grant(bo, 9, 12), EINVAL, "granting a buffer: unknown access 0xc");
	CHECK_FAIL(drm_mmgpu_bo_grant(bo, 9, MMGPU_ACCESS_WRITE), EINVAL,
		   "nobody can write a buffer without reading it");
	CHECK_FAIL(drm_mmgpu_bo_grant(bo, 7, READ_WRITE), EINVAL, "address space 7 owns the buffer");
	CHECK_FAIL(drm_mmgpu_bo_revoke(bo, 7), EINVAL,
		   "revoking a grant: address space 7 owns the buffer");
	CHECK_FAIL(drm_mmgpu_bo_grant(bo, 9, READ_WRITE), EINVAL, "refuses it as malformed");
	fake.bo_mm_seq = 0;
	CHECK_FAIL(drm_mmgpu_bo_grant(bo, 9, READ_WRITE), EINVAL,
		   "the buffer with GEM handle 1 is not private");
	CHECK_FAIL(drm_mmgpu_bo_revoke(bo, 9), EINVAL, "is not private");
	teardown();
}

static void test_missing_things_are_explained(void)
{
	setup();
	refuse(ESRCH);
	CHECK_FAIL(drm_mmgpu_bo_grant(bo, 23, READ_WRITE), ESRCH,
		   "there is no address space 23 (any more): let the other process ask");
	refuse(ENOENT);
	CHECK_FAIL(drm_mmgpu_bo_grant(bo, 9, READ_WRITE), ENOENT, "GEM handle 1 is not there");
	refuse(ENOSPC);
	CHECK_FAIL(drm_mmgpu_bo_grant(bo, 9, READ_WRITE), ENOSPC, "has 107 grants");
	refuse(ENOMEM);
	CHECK_FAIL(drm_mmgpu_bo_grant(bo, 9, READ_WRITE), ENOMEM, "granting a buffer: out of memory");
	refuse(ENODEV);
	CHECK_FAIL(drm_mmgpu_bo_revoke(bo, 9), ENODEV, "revoking a grant: the device was unplugged");
	refuse(EOPNOTSUPP);
	CHECK_FAIL(drm_mmgpu_bo_revoke(bo, 9), EOPNOTSUPP, "(interface 1.3) makes no grants");
	teardown();
}

/* Three ways not to be the owner. */
static void test_strangers_are_told_why(void)
{
	setup();
	fake.caller_mm_seq = 23;
	CHECK_FAIL(drm_mmgpu_bo_grant(bo, 9, READ_WRITE), EPERM,
		   "granting a buffer: this file is bound to address space 7 and the caller is 23");
	CHECK_FAIL(drm_mmgpu_bo_revoke(bo, 9), EPERM, "open the node again in this process");
	fake.gone = true;
	CHECK_FAIL(drm_mmgpu_bo_revoke(bo, 9), ESRCH, "address space 7, which is gone");

	/* A grantee, with a file of its own */
	fake.gone = false;
	fake.bound_mm_seq = 23;
	refuse(EPERM);
	CHECK_FAIL(drm_mmgpu_bo_grant(bo, 9, READ_WRITE), EPERM,
		   "belongs to address space 7: only that one can grant and revoke");
	fake.fail_handle = drm_mmgpu_bo_get_handle(bo);
	fake.fail_handle_errno = EPERM;
	CHECK_FAIL(drm_mmgpu_bo_revoke(bo, 9), EPERM,
		   "belongs to another address space: only that one can grant and revoke");
	fake.fail_handle = 0;
	teardown();
}

/* What a grantee reads when its access is gone: by which number to ask for it. */
static void test_the_refused_are_told_their_number(void)
{
	struct drm_mmgpu_bo *import;
	void *map;

	setup();
	fake.bound_mm_seq = 23;
	fake.caller_mm_seq = 23;
	fake.fail_handle = drm_mmgpu_bo_get_handle(bo);
	fake.fail_handle_errno = EPERM;
	CHECK_FAIL(drm_mmgpu_bo_map(bo, &map), EPERM,
		   "gives this one no access: let its owner grant it to 23");
	/* On a legacy file, without a number */
	fake.bound_mm_seq = 0;
	fake.caller_mm_seq = 0;
	CHECK_FAIL(drm_mmgpu_bo_map(bo, &map), EPERM, "drm_mmgpu_query() tells by which number");
	fake.fail_request = DRM_IOCTL_PRIME_FD_TO_HANDLE;
	fake.fail_errno = EPERM;
	CHECK_FAIL(drm_mmgpu_bo_import(dev, 0, &import), EPERM, "let its owner grant it first");
	fake.fail_handle = 0;
	teardown();
}

int main(void)
{
	RUN(test_it_asks_for_what_is_wanted);
	RUN(test_signals_do_not_end_it);
	RUN(test_nothing_is_no_grant);
	RUN(test_malformed_grants_are_explained);
	RUN(test_missing_things_are_explained);
	RUN(test_strangers_are_told_why);
	RUN(test_the_refused_are_told_their_number);
	fake_fini();
	return 0;
}
