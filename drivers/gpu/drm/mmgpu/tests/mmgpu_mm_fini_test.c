// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/*
 * When the module goes: living mms keep nothing of it, dying ones give back what they have, each
 * once. A file that is bound meanwhile would lose its owner here; nobody but tests has one.
 */

#include <linux/mmu_notifier.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>

#include <kunit/test.h>

#include "../mmgpu_mm.h"
#include "mmgpu_test_mm.h"

static int mmgpu_fini_test_fn(void *unused)
{
	mmgpu_mm_fini();

	return 0;
}

struct mmgpu_fini_test_client {
	struct mmgpu_mm_client base;
	int called;
};

static void mmgpu_fini_test_gone(struct mmgpu_mm_client *base)
{
	container_of(base, struct mmgpu_fini_test_client, base)->called++;
}

static void mmgpu_mm_fini_test_living(struct kunit *test)
{
	struct mm_struct *mm = mmgpu_test_mm_create(test);
	struct mm_struct *dying_mm = mmgpu_test_mm_create(test);
	struct mmgpu_mm *m = mmgpu_test_mm_assign(test, mm);
	struct mmgpu_mm *dying = mmgpu_test_mm_assign(test, dying_mm);
	struct mmgpu_fini_test_client client = { .base.gone = mmgpu_fini_test_gone };
	struct mmgpu_mm *again;

	mmgpu_mm_add_client(m, &client.base);

	mmgpu_test_mm_end(test, dying_mm);
	flush_work(&dying->gone_work);
	mmgpu_mm_fini();

	/* Both notifiers are through, not only on their way. */
	KUNIT_EXPECT_EQ(test, kref_read(&m->ref), 1);
	KUNIT_EXPECT_EQ(test, kref_read(&dying->ref), 1);
	KUNIT_EXPECT_TRUE(test, mmgpu_mm_is_gone(m));
	KUNIT_EXPECT_EQ(test, mmgpu_mm_lookup_seq(mm), 0);
	KUNIT_EXPECT_NULL(test, mmgpu_mm_lookup(m->seq));

	/* This driver does not go, so the mm can get a number, which is a new one. */
	again = mmgpu_test_mm_assign(test, mm);
	KUNIT_EXPECT_PTR_NE(test, again, m);
	KUNIT_EXPECT_GT(test, again->seq, dying->seq);

	mmgpu_test_mm_end(test, mm);
	flush_work(&again->gone_work);
	flush_work(&m->gone_work);
	KUNIT_EXPECT_TRUE(test, mmgpu_mm_is_gone(again));
	KUNIT_EXPECT_EQ(test, client.called, 0);
	KUNIT_EXPECT_TRUE(test, mmgpu_test_poll_last_ref(again));
}

/* One that has ended for us, and is kept by a page fault that nobody answers. */
static void mmgpu_mm_fini_test_abandoned(struct kunit *test)
{
	struct mm_struct *mm = mmgpu_test_mm_create(test);
	struct mmgpu_mm *m = mmgpu_test_mm_assign(test, mm);
	struct mmgpu_test_thread thread;

	KUNIT_ASSERT_PTR_EQ(test, mmgpu_mm_get_users(m), mm);
	mmgpu_test_mm_end(test, mm);
	KUNIT_EXPECT_TRUE(test, mmgpu_mm_end_if_abandoned(m));
	flush_work(&m->gone_work);

	mmgpu_test_thread_start(test, &thread, mmgpu_fini_test_fn, NULL);
	KUNIT_EXPECT_TRUE(test, mmgpu_test_thread_ends(&thread));
	KUNIT_EXPECT_EQ(test, kref_read(&m->ref), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_users), 1);

	/* Nothing of ours is called by its end now. */
	mmgpu_mm_put_users(m, mm);
	mmgpu_test_thread_wait(&thread);
	KUNIT_EXPECT_EQ(test, kref_read(&m->ref), 1);
}

/* The end of an mm takes the notifier first, and has not given it back yet. */
static void mmgpu_mm_fini_test_after_release(struct kunit *test)
{
	struct mm_struct *mm = mmgpu_test_mm_create(test);
	struct mmgpu_mm *m = mmgpu_test_mm_assign(test, mm);
	struct mmgpu_test_thread thread;
	struct mmu_notifier *notifier;

	/* The use that it has not given back. */
	notifier = mmu_notifier_get(&mmgpu_mm_notifier_ops, mm);
	KUNIT_ASSERT_PTR_EQ(test, notifier, &m->notifier);
	mmgpu_test_mm_end(test, mm);
	KUNIT_EXPECT_TRUE(test, mmgpu_mm_is_gone(m));
	flush_work(&m->gone_work);

	mmgpu_test_thread_start(test, &thread, mmgpu_fini_test_fn, NULL);
	/* Longer than whoever does not wait for the notifier takes. */
	synchronize_rcu();
	synchronize_rcu();
	KUNIT_EXPECT_TRUE(test, mmgpu_test_thread_is_blocked(&thread));
	KUNIT_EXPECT_EQ(test, kref_read(&m->ref), 2);

	mmu_notifier_put(notifier);
	mmgpu_test_thread_wait(&thread);
	KUNIT_EXPECT_EQ(test, kref_read(&m->ref), 1);
}

/* The end of an mm comes second: it has been called, and finds that all is done. */
static void mmgpu_mm_fini_test_before_release(struct kunit *test)
{
	struct mm_struct *mm = mmgpu_test_mm_create(test);
	struct mmgpu_mm *m = mmgpu_test_mm_assign(test, mm);
	struct mmgpu_test_thread thread;
	struct mmu_notifier *notifier;

	/* A use of the test's, so that there is one to take away wrongly. */
	notifier = mmu_notifier_get(&mmgpu_mm_notifier_ops, mm);
	KUNIT_ASSERT_PTR_EQ(test, notifier, &m->notifier);
	mmgpu_test_thread_start(test, &thread, mmgpu_fini_test_fn, NULL);
	KUNIT_EXPECT_TRUE(test, mmgpu_test_thread_is_blocked(&thread));
	KUNIT_EXPECT_TRUE(test, mmgpu_mm_is_gone(m));

	mmgpu_mm_notifier_ops.release(notifier, mm);
	KUNIT_EXPECT_FALSE(test, work_busy(&m->gone_work));
	KUNIT_EXPECT_TRUE(test, mmgpu_test_thread_is_blocked(&thread));
	KUNIT_EXPECT_EQ(test, kref_read(&m->ref), 2);

	mmu_notifier_put(notifier);
	mmgpu_test_thread_wait(&thread);
	KUNIT_EXPECT_EQ(test, kref_read(&m->ref), 1);
}

static struct kunit_case mmgpu_mm_fini_test_cases[] = {
	KUNIT_CASE(mmgpu_mm_fini_test_living),
	KUNIT_CASE(mmgpu_mm_fini_test_abandoned),
	KUNIT_CASE(mmgpu_mm_fini_test_after_release),
	KUNIT_CASE(mmgpu_mm_fini_test_before_release),
	{}
};

static struct kunit_suite mmgpu_mm_fini_test_suite = {
	.name = "mmgpu_mm_fini",
	.test_cases = mmgpu_mm_fini_test_cases,
};

kunit_test_suite(mmgpu_mm_fini_test_suite);
