// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/* Address spaces that belong to no process, for tests. */

#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>

#include <kunit/resource.h>
#include <kunit/test.h>

#include "../mmgpu_mm.h"
#include "mmgpu_test_mm.h"

KUNIT_DEFINE_ACTION_WRAPPER(mmput_action, mmput, struct mm_struct *);
KUNIT_DEFINE_ACTION_WRAPPER(mmgpu_mm_put_action, mmgpu_mm_put, struct mmgpu_mm *);

/**
 * mmgpu_test_mm_create() - Make an mm
 * @test: test
 *
 * KUnit makes one for a thread that maps user memory; it is taken from the thread.
 *
 * Return: the mm, with one user, which goes with mmgpu_test_mm_end() or with the test.
 */
struct mm_struct *mmgpu_test_mm_create(struct kunit *test)
{
	struct mm_struct *mm;

	KUNIT_ASSERT_NULL(test, current->mm);
	KUNIT_ASSERT_NE(test, 0, kunit_vm_mmap(test, NULL, 0, PAGE_SIZE, PROT_READ,
					       MAP_ANONYMOUS | MAP_PRIVATE, 0));
	mm = current->mm;
	kthread_unuse_mm(mm);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, mmput_action, mm));

	return mm;
}

/**
 * mmgpu_test_mm_end() - Drop the user that mmgpu_test_mm_create() made
 * @test: test
 * @mm: mm
 */
void mmgpu_test_mm_end(struct kunit *test, struct mm_struct *mm)
{
	kunit_release_action(test, mmput_action, mm);
}

/**
 * mmgpu_test_mm_use() - Make an mm the test thread's
 * @mm: mm
 *
 * The thread is one more user: it drops one if an assertion ends it.
 */
void mmgpu_test_mm_use(struct mm_struct *mm)
{
	mmget(mm);
	kthread_use_mm(mm);
}

/**
 * mmgpu_test_mm_unuse() - Take back mmgpu_test_mm_use()
 * @mm: mm
 */
void mmgpu_test_mm_unuse(struct mm_struct *mm)
{
	kthread_unuse_mm(mm);
	mmput(mm);
}

/**
 * mmgpu_test_mm_assign() - Give an mm a number
 * @test: test
 * @mm: mm
 *
 * Return: its object, whose reference goes with mmgpu_test_mm_put() or with the test.
 */
struct mmgpu_mm *mmgpu_test_mm_assign(struct kunit *test, struct mm_struct *mm)
{
	struct mmgpu_mm *m = mmgpu_mm_assign_to(mm);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, m);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, mmgpu_mm_put_action, m));

	return m;
}

/**
 * mmgpu_test_mm_put() - Drop the reference that mmgpu_test_mm_assign() took
 * @test: test
 * @m: object
 */
void mmgpu_test_mm_put(struct kunit *test, struct mmgpu_mm *m)
{
	kunit_release_action(test, mmgpu_mm_put_action, m);
}

MODULE_AUTHOR("The mmgpu developers");
MODULE_DESCRIPTION("KUnit tests for mmgpu");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
