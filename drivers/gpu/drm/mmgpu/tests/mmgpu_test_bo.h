/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_TEST_BO_H_
#define _MMGPU_TEST_BO_H_

#include <linux/types.h>

struct kunit;
struct mm_struct;
struct mmgpu_bo;
struct mmgpu_device;
struct mmgpu_mm;

#define MMGPU_TEST_BO_SIZE	(2 * PAGE_SIZE)

/**
 * struct mmgpu_test_bos - &kunit.priv of suites that test buffers
 */
struct mmgpu_test_bos {
	/** @mdev: what buffers see of a device; no engine, no node */
	struct mmgpu_device *mdev;

	/** @owner_mm: the mm of @owner */
	struct mm_struct *owner_mm;

	/** @owner: whose @bo is */
	struct mmgpu_mm *owner;

	/** @other_mm: the mm of @other */
	struct mm_struct *other_mm;

	/** @other: somebody else */
	struct mmgpu_mm *other;

	/** @bo: private to @owner */
	struct mmgpu_bo *bo;
};

int mmgpu_test_bos_init(struct kunit *test);
struct mmgpu_bo *mmgpu_test_bo_create(struct kunit *test, u64 owner_seq);

#endif /* _MMGPU_TEST_BO_H_ */
