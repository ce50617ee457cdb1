// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/*
 * Jobs that start with somebody else's buffer, against whoever takes the grant away. No
 * engine runs them: they start, and are over, when the test says so.
 */

#include <linux/dma-fence.h>
#include <linux/slab.h>

#include <kunit/resource.h>
#include <kunit/test.h>

#include <drm/drm_gem.h>

#include <drm/mmgpu_drm.h>

#include "../mmgpu_access.h"
#include "../mmgpu_cmd.h"
#include "../mmgpu_ctx.h"
#include "../mmgpu_device.h"
#include "../mmgpu_file.h"
#include "../mmgpu_gem.h"
#include "../mmgpu_job.h"
#include "../mmgpu_mm.h"
#include "mmgpu_test_bo.h"
#include "mmgpu_test_mm.h"

#define NONE	0
#define RO	MMGPU_ACCESS_READ
#define RW	(MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE)

#define REF_R	MMGPU_BO_REF_READ
#define REF_W	MMGPU_BO_REF_WRITE
#define REF_N	MMGPU_BO_REF_NO_IMPLICIT_SYNC

struct mmgpu_granted_job {
	struct mmgpu_job job;
	struct mmgpu_file mfile;
	struct mmgpu_ctx ctx;
	struct drm_gem_object *objs[2];
	struct mmgpu_cmd_bo bos[2];
};

struct mmgpu_granted_fence {
	struct dma_fence base;
	/* Of @base. */
	spinlock_t lock;
};

static const char *mmgpu_granted_fence_name(struct dma_fence *fence)
{
	return "mmgpu-test";
}

static const struct dma_fence_ops mmgpu_granted_fence_ops = {
	.get_driver_name = mmgpu_granted_fence_name,
	.get_timeline_name = mmgpu_granted_fence_name,
};

KUNIT_DEFINE_ACTION_WRAPPER(dma_fence_put_action, dma_fence_put, struct dma_fence *);

/* Of a file of the grantee's: one buffer, declared so. */
static struct mmgpu_granted_job *mmgpu_granted_job_create(struct kunit *test, struct mmgpu_bo *bo,
							  u32 flags)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct mmgpu_granted_job *gjob = kunit_kzalloc(test, sizeof(*gjob), GFP_KERNEL);
	struct mmgpu_granted_fence *fence;

	KUNIT_ASSERT_NOT_NULL(test, gjob);
	/* Not the test's memory: readers under RCU may see it longer. */
	fence = kzalloc_obj(*fence, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fence);
	spin_lock_init(&fence->lock);
	dma_fence_init(&fence->base, &mmgpu_granted_fence_ops, &fence->lock,
		       dma_fence_context_alloc(1), 1);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, dma_fence_put_action,
							   &fence->base));

	gjob->mfile.mdev = fix->mdev;
	gjob->ctx.mfile = &gjob->mfile;
	gjob->job.ctx = &gjob->ctx;
	gjob->job.fence = &fence->base;
	gjob->job.granted = true;
	INIT_LIST_HEAD(&gjob->job.granted_link);
	gjob->job.mm_seq = fix->other->seq;
	gjob->job.objs = gjob->objs;
	gjob->job.bos = gjob->bos;
	gjob->job.num_bos = 1;
	gjob->objs[0] = &bo->base.base;
	gjob->bos[0].size = MMGPU_TEST_BO_SIZE;
	gjob->bos[0].flags = flags;

	return gjob;
}

/* As mmgpu_job_exec() does after the last command. */
static void mmgpu_granted_job_end(struct mmgpu_granted_job *gjob)
{
	mmgpu_job_end_granted(&gjob->job);
	dma_fence_signal(gjob->job.fence);
}

static void mmgpu_granted_expect_running(struct kunit *test, unsigned int count)
{
	struct mmgpu_test_bos *fix = test->priv;

	KUNIT_EXPECT_EQ(test, list_count_nodes(&fix->mdev->granted_jobs), count);
}

/* What was granted when it was submitted does not count, but what is now. */
static void mmgpu_job_granted_test_start(struct kunit *test)
{
	static const struct {
		u32 access, flags;
		int ret;
	} cases[] = {
		{ NONE, REF_R, -ECANCELED },
		{ NONE, REF_W, -ECANCELED },
		{ NONE, REF_R | REF_N, -ECANCELED },
		{ RO, REF_R, 0 },
		{ RO, REF_R | REF_N, 0 },
		{ RO, REF_W, -ECANCELED },
		{ RO, REF_R | REF_W, -ECANCELED },
		{ RO, REF_W | REF_N, -ECANCELED },
		{ RW, REF_R, 0 },
		{ RW, REF_W, 0 },
		{ RW, REF_R | REF_W | REF_N, 0 },
	};
	struct mmgpu_test_bos *fix = test->priv;
	struct mmgpu_granted_job *gjob;
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		gjob = mmgpu_granted_job_create(test, fix->bo, cases[i].flags);
		/* It had all when it was submitted. */
		KUNIT_ASSERT_EQ(test, 0, mmgpu_bo_grant(fix->bo, fix->other->seq, RW));
		KUNIT_ASSERT_EQ(test, 0, mmgpu_bo_grant(fix->bo, fix->other->seq, cases[i].access));

		KUNIT_EXPECT_EQ_MSG(test, mmgpu_job_start_granted(&gjob->job), cases[i].ret,
				    "case %d", i);
		/* Nobody waits for what was refused. */
		mmgpu_granted_expect_running(test, !cases[i].ret);
		KUNIT_EXPECT_EQ(test, list_empty(&gjob->job.granted_link), !!cases[i].ret);
		if (!cases[i].ret)
			mmgpu_granted_job_end(gjob);
		mmgpu_granted_expect_running(test, 0);
	}
}

static void mmgpu_job_granted_test_start_others(struct kunit *test)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct mmgpu_bo *free = mmgpu_test_bo_create(test, 0);
	struct mmgpu_granted_job *gjob;

	/* Its own job is nobody's business. */
	gjob = mmgpu_granted_job_create(test, fix->bo, REF_R | REF_W);
	gjob->job.mm_seq = fix->owner->seq;
	gjob->job.granted = false;
	KUNIT_ASSERT_EQ(test, mmgpu_job_start_granted(&gjob->job), 0);
	mmgpu_granted_expect_running(test, 0);
	mmgpu_granted_job_end(gjob);

	/* One of two buffers is enough to refuse it, whichever it is. */
	gjob = mmgpu_granted_job_create(test, free, REF_R);
	gjob->objs[1] = &fix->bo->base.base;
	gjob->bos[1].flags = REF_R;
	gjob->job.num_bos = 2;
	KUNIT_ASSERT_EQ(test, mmgpu_job_start_granted(&gjob->job), -ECANCELED);
	swap(gjob->objs[0], gjob->objs[1]);
	KUNIT_ASSERT_EQ(test, mmgpu_job_start_granted(&gjob->job), -ECANCELED);
	KUNIT_ASSERT_EQ(test, 0, mmgpu_bo_grant(fix->bo, fix->other->seq, RO));
	KUNIT_ASSERT_EQ(test, mmgpu_job_start_granted(&gjob->job), 0);
	mmgpu_granted_job_end(gjob);

	/* The grant of a dead mm serves no job that it left. */
	gjob = mmgpu_granted_job_create(test, fix->bo, REF_R);
	mmgpu_test_mm_end(test, fix->other_mm);
	KUNIT_ASSERT_EQ(test, mmgpu_job_start_granted(&gjob->job), -ECANCELED);
	mmgpu_granted_expect_running(test, 0);
}

/* Whoever revokes. */
struct mmgpu_granted_waiter {
	struct mmgpu_test_thread thread;
	struct mmgpu_test_bos *fix;
	u64 seq;
	u32 access;
};

static int mmgpu_granted_wait_fn(void *data)
{
	struct mmgpu_granted_waiter *waiter = data;
	int ret = mmgpu_bo_grant(waiter->fix->bo, waiter->seq, waiter->access);

	return ret ?: mmgpu_job_wait_granted(waiter->fix->bo, waiter->seq, waiter->access);
}

/* Waits for what uses more than is left, and for nothing else. */
static void mmgpu_job_granted_test_wait(struct kunit *test)
{
	static const struct {
		u32 flags, left;
		bool waits;
	} cases[] = {
		{ REF_R, NONE, true },
		{ REF_W, NONE, true },
		{ REF_R | REF_W | REF_N, NONE, true },
		{ REF_R, RO, false },
		{ REF_R | REF_N, RO, false },
		{ REF_W, RO, true },
		{ REF_R | REF_W, RO, true },
		{ REF_R | REF_W, RW, false },
	};
	struct mmgpu_test_bos *fix = test->priv;
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mmgpu_granted_waiter waiter = {
			.fix = fix, .seq = fix->other->seq, .access = cases[i].left,
		};
		struct mmgpu_granted_job *gjob = mmgpu_granted_job_create(test, fix->bo,
									  cases[i].flags);

		KUNIT_ASSERT_EQ(test, 0, mmgpu_bo_grant(fix->bo, fix->other->seq, RW));
		KUNIT_ASSERT_EQ(test, 0, mmgpu_job_start_granted(&gjob->job));

		mmgpu_test_thread_start(test, &waiter.thread, mmgpu_granted_wait_fn, &waiter);
		if (cases[i].waits)
			KUNIT_EXPECT_TRUE_MSG(test, mmgpu_test_thread_is_blocked(&waiter.thread),
					      "case %d", i);
		else
			KUNIT_EXPECT_TRUE_MSG(test, mmgpu_test_thread_ends(&waiter.thread),
					      "case %d", i);
		/* It is taken away at once, whatever runs. */
		KUNIT_EXPECT_EQ(test, mmgpu_bo_access(fix->bo, fix->other->seq), cases[i].left);

		mmgpu_granted_job_end(gjob);
		KUNIT_EXPECT_EQ(test, mmgpu_test_thread_wait(&waiter.thread), 0);
	}
}

static void mmgpu_job_granted_test_wait_others(struct kunit *test)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct mmgpu_granted_waiter waiter = { .fix = fix, .seq = fix->other->seq };
	struct mmgpu_mm *third = mmgpu_test_mm_assign(test, mmgpu_test_mm_create(test));
	struct mmgpu_bo *bo2 = mmgpu_test_bo_create(test, fix->owner->seq);
	struct mmgpu_granted_job *other_bo, *other_mm, *ended;

	KUNIT_ASSERT_EQ(test, 0, mmgpu_bo_grant(fix->bo, fix->other->seq, RW));
	KUNIT_ASSERT_EQ(test, 0, mmgpu_bo_grant(fix->bo, third->seq, RW));
	KUNIT_ASSERT_EQ(test, 0, mmgpu_bo_grant(bo2, fix->other->seq, RW));

	other_bo = mmgpu_granted_job_create(test, bo2, REF_R | REF_W);
	KUNIT_ASSERT_EQ(test, 0, mmgpu_job_start_granted(&other_bo->job));
	other_mm = mmgpu_granted_job_create(test, fix->bo, REF_R | REF_W);
	other_mm->job.mm_seq = third->seq;
	KUNIT_ASSERT_EQ(test, 0, mmgpu_job_start_granted(&other_mm->job));
	/* Somebody ended it in its thread's place, and that has not noticed yet. */
	ended = mmgpu_granted_job_create(test, fix->bo, REF_R | REF_W);
	KUNIT_ASSERT_EQ(test, 0, mmgpu_job_start_granted(&ended->job));
	dma_fence_signal(ended->job.fence);

	mmgpu_test_thread_start(test, &waiter.thread, mmgpu_granted_wait_fn, &waiter);
	KUNIT_EXPECT_TRUE(test, mmgpu_test_thread_ends(&waiter.thread));

	mmgpu_granted_job_end(other_bo);
	mmgpu_granted_job_end(other_mm);
	mmgpu_job_end_granted(&ended->job);
	KUNIT_EXPECT_EQ(test, mmgpu_test_thread_wait(&waiter.thread), 0);
	mmgpu_granted_expect_running(test, 0);
}

static void mmgpu_job_granted_test_wait_all(struct kunit *test)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct mmgpu_granted_waiter waiter = { .fix = fix, .seq = fix->other->seq };
	struct mmgpu_granted_job *gjobs[3];
	int i;

	KUNIT_ASSERT_EQ(test, 0, mmgpu_bo_grant(fix->bo, fix->other->seq, RW));
	for (i = 0; i < 3; i++) {
		gjobs[i] = mmgpu_granted_job_create(test, fix->bo, REF_R);
		KUNIT_ASSERT_EQ(test, 0, mmgpu_job_start_granted(&gjobs[i]->job));
	}

	/* The last first: it may wait for them in any order, but for each. */
	mmgpu_test_thread_start(test, &waiter.thread, mmgpu_granted_wait_fn, &waiter);
	for (i = 2; i >= 0; i--) {
		KUNIT_EXPECT_TRUE(test, mmgpu_test_thread_is_blocked(&waiter.thread));
		mmgpu_granted_job_end(gjobs[i]);
	}
	KUNIT_EXPECT_EQ(test, mmgpu_test_thread_wait(&waiter.thread), 0);
}

/* A buffer that is granted again while somebody still waits: what starts then is not meant. */
static void mmgpu_job_granted_test_granted_again(struct kunit *test)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct mmgpu_granted_waiter waiter = { .fix = fix, .seq = fix->other->seq };
	struct mmgpu_granted_job *before, *refused, *after;

	KUNIT_ASSERT_EQ(test, 0, mmgpu_bo_grant(fix->bo, fix->other->seq, RW));
	before = mmgpu_granted_job_create(test, fix->bo, REF_R);
	refused = mmgpu_granted_job_create(test, fix->bo, REF_R);
	after = mmgpu_granted_job_create(test, fix->bo, REF_R);

	KUNIT_ASSERT_EQ(test, 0, mmgpu_job_start_granted(&before->job));
	mmgpu_test_thread_start(test, &waiter.thread, mmgpu_granted_wait_fn, &waiter);
	KUNIT_EXPECT_TRUE(test, mmgpu_test_thread_is_blocked(&waiter.thread));
	KUNIT_EXPECT_EQ(test, mmgpu_job_start_granted(&refused->job), -ECANCELED);

	KUNIT_ASSERT_EQ(test, 0, mmgpu_bo_grant(fix->bo, fix->other->seq, RO));
	KUNIT_ASSERT_EQ(test, 0, mmgpu_job_start_granted(&after->job));
	KUNIT_EXPECT_TRUE(test, mmgpu_test_thread_is_blocked(&waiter.thread));

	mmgpu_granted_job_end(before);
	KUNIT_EXPECT_TRUE(test, mmgpu_test_thread_ends(&waiter.thread));
	mmgpu_granted_job_end(after);
	KUNIT_EXPECT_EQ(test, mmgpu_test_thread_wait(&waiter.thread), 0);
}

static struct kunit_case mmgpu_job_granted_test_cases[] = {
	KUNIT_CASE(mmgpu_job_granted_test_start),
	KUNIT_CASE(mmgpu_job_granted_test_start_others),
	KUNIT_CASE(mmgpu_job_granted_test_wait),
	KUNIT_CASE(mmgpu_job_granted_test_wait_others),
	KUNIT_CASE(mmgpu_job_granted_test_wait_all),
	KUNIT_CASE(mmgpu_job_granted_test_granted_again),
	{}
};

static struct kunit_suite mmgpu_job_granted_test_suite = {
	.name = "mmgpu_job_granted",
	.init = mmgpu_test_bos_init,
	.test_cases = mmgpu_job_granted_test_cases,
};

kunit_test_suite(mmgpu_job_granted_test_suite);
