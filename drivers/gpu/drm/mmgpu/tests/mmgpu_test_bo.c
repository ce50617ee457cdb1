// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/* Buffers of a device that is none, for tests. */

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>

#include <kunit/device.h>
#include <kunit/resource.h>
#include <kunit/test.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_kunit_helpers.h>

#include "../mmgpu_device.h"
#include "../mmgpu_gem.h"
#include "../mmgpu_mm.h"
#include "mmgpu_test_bo.h"
#include "mmgpu_test_mm.h"

/* Its dma-bufs hold the module. */
static const struct file_operations mmgpu_test_fops = {
	.owner = THIS_MODULE,
};

static const struct drm_driver mmgpu_test_driver = {
	.driver_features = DRIVER_GEM,
	.gem_create_object = mmgpu_gem_create_object,
	.fops = &mmgpu_test_fops,
	.name = "mmgpu-test",
	.desc = "mmgpu without a device",
};

/* A kernel thread's last put of a file is put off; the device is to go after it. */
static void mmgpu_test_flush_files(void *unused)
{
	flush_delayed_fput();
}

static void mmgpu_test_bo_put(void *bo)
{
	drm_gem_object_put(&((struct mmgpu_bo *)bo)->base.base);
}

/**
 * mmgpu_test_bo_create() - Make a buffer
 * @test: test
 * @owner_seq: number of its owner's mm, 0 for one that is not private
 *
 * Return: the buffer, which goes with the test.
 */
struct mmgpu_bo *mmgpu_test_bo_create(struct kunit *test, u64 owner_seq)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct drm_gem_shmem_object *shmem;
	struct mmgpu_bo *bo;

	shmem = drm_gem_shmem_create(&fix->mdev->drm, MMGPU_TEST_BO_SIZE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, shmem);
	bo = to_mmgpu_bo(&shmem->base);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, mmgpu_test_bo_put, bo));
	bo->mm_seq = owner_seq;
	bo->fresh = false;

	return bo;
}

/**
 * mmgpu_test_bos_init() - &kunit_suite.init of suites that test buffers
 * @test: test
 *
 * Return: 0.
 */
int mmgpu_test_bos_init(struct kunit *test)
{
	struct mmgpu_test_bos *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	static atomic_t count = ATOMIC_INIT(0);
	struct mmgpu_device *mdev;
	struct device *dev;
	char name[32];

	KUNIT_ASSERT_NOT_NULL(test, fix);
	test->priv = fix;
	/* The name of the test before may still be there (DEBUG_KOBJECT_RELEASE). */
	snprintf(name, sizeof(name), "mmgpu-test-%d", atomic_inc_return(&count));
	dev = kunit_device_register(test, name);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	mdev = drm_kunit_helper_alloc_drm_device_with_driver(test, dev, struct mmgpu_device, drm,
							     &mmgpu_test_driver);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mdev);
	fix->mdev = mdev;
	mutex_init(&mdev->bos_lock);
	INIT_LIST_HEAD(&mdev->bos);
	spin_lock_init(&mdev->granted_lock);
	INIT_LIST_HEAD(&mdev->granted_jobs);

	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, mmgpu_test_flush_files, NULL));

	fix->owner_mm = mmgpu_test_mm_create(test);
	fix->owner = mmgpu_test_mm_assign(test, fix->owner_mm);
	fix->other_mm = mmgpu_test_mm_create(test);
	fix->other = mmgpu_test_mm_assign(test, fix->other_mm);
	fix->bo = mmgpu_test_bo_create(test, fix->owner->seq);

	return 0;
}
