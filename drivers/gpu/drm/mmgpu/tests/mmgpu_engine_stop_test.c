// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/* How the engine ends before its commands do: deadline, stop, a job that others ended. */

#include <linux/mutex.h>

#include <kunit/resource.h>
#include <kunit/test.h>

#include <drm/mmgpu_drm.h>

#include "../mmgpu_engine.h"
#include "../mmgpu_svm.h"
#include "mmgpu_test_thread.h"

#define OLD	0x0123456789abcdefull
#define NEW	0xfedcba9876543210ull

/* Long after it was told, the engine has to have noticed. */
#define LATE_NS	(20ull * NSEC_PER_SEC)

struct mmgpu_stop_fixture {
	u64 words[8];
	void *maps[1];
	bool stop;
	wait_queue_head_t stop_wq;
	struct mmgpu_exec exec;

	/* Executes, and has to be stopped. */
	struct mmgpu_test_thread thread;
};

static int mmgpu_engine_stop_test_init(struct kunit *test)
{
	struct mmgpu_stop_fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	for (i = 0; i < ARRAY_SIZE(fix->words); i++)
		fix->words[i] = OLD;
	fix->maps[0] = fix->words;
	init_waitqueue_head(&fix->stop_wq);
	fix->exec.maps = fix->maps;
	fix->exec.stop = &fix->stop;
	fix->exec.stop_wq = &fix->stop_wq;
	fix->exec.deadline = KTIME_MAX;
	test->priv = fix;

	return 0;
}

static void mmgpu_stop_set(struct mmgpu_stop_fixture *fix, const struct drm_mmgpu_cmd *cmds,
			   u32 num_cmds)
{
	fix->exec.cmds = cmds;
	fix->exec.num_cmds = num_cmds;
}

static int mmgpu_stop_fn(void *data)
{
	struct mmgpu_stop_fixture *fix = data;

	return mmgpu_engine_exec(&fix->exec);
}

static void mmgpu_stop_start(struct kunit *test)
{
	struct mmgpu_stop_fixture *fix = test->priv;

	mmgpu_test_thread_start(test, &fix->thread, mmgpu_stop_fn, fix);
}

/* What comes before has run, and nothing after. */
#define FILL_WORD(word)								\
	{ .op = MMGPU_OP_FILL, .dst = (word) * 8, .width = 8, .rows = 1, .value = NEW }

/*
 * Busy until somebody ends it. No job has such a pitch, but an engine that works row by row can
 * not tell it from a very large buffer.
 */
#define FILL_FOR_EVER(word)							\
	{ .op = MMGPU_OP_FILL, .dst = (word) * 8, .width = 8, .rows = U32_MAX, .value = NEW }
#define COPY_FOR_EVER(word)							\
	{ .op = MMGPU_OP_COPY, .dst = (word) * 8, .width = 8, .rows = U32_MAX }

static void mmgpu_engine_stop_test_delay(struct kunit *test)
{
	static const u64 delays[] = { 0, 1, 1000, 30 * NSEC_PER_MSEC };
	struct mmgpu_stop_fixture *fix = test->priv;
	int i;

	for (i = 0; i < ARRAY_SIZE(delays); i++) {
		struct drm_mmgpu_cmd cmd = { .op = MMGPU_OP_DELAY, .value = delays[i] };
		u64 start = ktime_get_ns(), took;

		mmgpu_stop_set(fix, &cmd, 1);
		KUNIT_EXPECT_EQ(test, 0, mmgpu_engine_exec(&fix->exec));
		took = ktime_get_ns() - start;
		KUNIT_EXPECT_GE(test, took, delays[i]);
		KUNIT_EXPECT_LT(test, took, delays[i] + LATE_NS);
	}
}

/* It waits as long as it may, and fails when its time is over. */
static void mmgpu_engine_stop_test_delay_deadline(struct kunit *test)
{
	struct mmgpu_stop_fixture *fix = test->priv;
	const struct drm_mmgpu_cmd cmds[] = {
		FILL_WORD(0),
		{ .op = MMGPU_OP_DELAY, .value = 60 * NSEC_PER_SEC },
		FILL_WORD(1),
	};
	u64 start = ktime_get_ns(), took;

	fix->exec.deadline = ktime_add_ms(ktime_get(), 50);
	mmgpu_stop_set(fix, cmds, ARRAY_SIZE(cmds));
	KUNIT_EXPECT_EQ(test, -ETIME, mmgpu_engine_exec(&fix->exec));
	took = ktime_get_ns() - start;
	KUNIT_EXPECT_GE(test, took, 50 * NSEC_PER_MSEC);
	KUNIT_EXPECT_LT(test, took, LATE_NS);
	KUNIT_EXPECT_EQ(test, fix->words[0], NEW);
	KUNIT_EXPECT_EQ(test, fix->words[1], OLD);
}

static void mmgpu_engine_stop_test_deadline_passed(struct kunit *test)
{
	struct mmgpu_stop_fixture *fix = test->priv;
	const struct drm_mmgpu_cmd cmds[] = { FILL_WORD(0) };

	fix->exec.deadline = ktime_sub_ns(ktime_get(), 1);
	mmgpu_stop_set(fix, cmds, ARRAY_SIZE(cmds));
	KUNIT_EXPECT_EQ(test, -ETIME, mmgpu_engine_exec(&fix->exec));
	KUNIT_EXPECT_EQ(test, fix->words[0], OLD);

	/* Told to stop as well: the device is gone, nobody hung. */
	fix->stop = true;
	KUNIT_EXPECT_EQ(test, -ENODEV, mmgpu_engine_exec(&fix->exec));
	KUNIT_EXPECT_EQ(test, fix->words[0], OLD);

	/* A job without commands takes no time. */
	mmgpu_stop_set(fix, NULL, 0);
	KUNIT_EXPECT_EQ(test, 0, mmgpu_engine_exec(&fix->exec));
}

static void mmgpu_engine_stop_test_work_deadline(struct kunit *test)
{
	struct mmgpu_stop_fixture *fix = test->priv;
	const struct drm_mmgpu_cmd endless[] = { FILL_FOR_EVER(0), COPY_FOR_EVER(2) };
	int i;

	for (i = 0; i < ARRAY_SIZE(endless); i++) {
		const struct drm_mmgpu_cmd cmds[] = { endless[i], FILL_WORD(1) };
		u64 start = ktime_get_ns(), took;

		fix->exec.deadline = ktime_add_ms(ktime_get(), 50);
		mmgpu_stop_set(fix, cmds, ARRAY_SIZE(cmds));
		KUNIT_EXPECT_EQ(test, -ETIME, mmgpu_engine_exec(&fix->exec));
		took = ktime_get_ns() - start;
		KUNIT_EXPECT_GE(test, took, 50 * NSEC_PER_MSEC);
		KUNIT_EXPECT_LT(test, took, LATE_NS);
		KUNIT_EXPECT_EQ(test, fix->words[1], OLD);
	}
	KUNIT_EXPECT_EQ(test, fix->words[0], NEW);
	KUNIT_EXPECT_EQ(test, fix->words[2], NEW);
}

static void mmgpu_engine_stop_test_stop(struct kunit *test)
{
	const struct drm_mmgpu_cmd busy[] = {
		{ .op = MMGPU_OP_DELAY, .value = 60 * NSEC_PER_SEC },
		FILL_FOR_EVER(2),
		COPY_FOR_EVER(3),
	};
	struct mmgpu_stop_fixture *fix = test->priv;
	int i;

	for (i = 0; i < ARRAY_SIZE(busy); i++) {
		const struct drm_mmgpu_cmd cmds[] = { FILL_WORD(0), busy[i], FILL_WORD(1) };
		u64 start, took;

		fix->words[0] = OLD;
		fix->stop = false;
		mmgpu_stop_set(fix, cmds, ARRAY_SIZE(cmds));
		mmgpu_stop_start(test);
		KUNIT_EXPECT_TRUE(test, mmgpu_test_thread_is_blocked(&fix->thread));

		start = ktime_get_ns();
		WRITE_ONCE(fix->stop, true);
		wake_up_all(&fix->stop_wq);
		KUNIT_EXPECT_EQ(test, -ENODEV, mmgpu_test_thread_wait(&fix->thread));
		took = ktime_get_ns() - start;
		KUNIT_EXPECT_LT(test, took, LATE_NS);
		KUNIT_EXPECT_EQ(test, fix->words[0], NEW);
		KUNIT_EXPECT_EQ(test, fix->words[1], OLD);
	}
}

/* A job with CPU addresses that somebody else ended touches no buffer either. */
static void mmgpu_engine_stop_test_over(struct kunit *test)
{
	static const u32 ops[] = {
		MMGPU_OP_FILL, MMGPU_OP_COPY, MMGPU_OP_ADD, MMGPU_OP_TIMESTAMP,
	};
	struct mmgpu_stop_fixture *fix = test->priv;
	struct mmgpu_svm svm = {};
	int i;

	mutex_init(&svm.lock);
	fix->exec.svm = &svm;
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		const struct drm_mmgpu_cmd cmds[] = {
			{ .op = ops[i], .src = 8, .width = 8, .rows = 1, .value = NEW },
			FILL_WORD(2),
		};

		fix->words[0] = OLD;
		fix->words[1] = NEW;
		fix->words[2] = OLD;
		mmgpu_stop_set(fix, cmds, ARRAY_SIZE(cmds));

		svm.over = true;
		KUNIT_EXPECT_EQ(test, -ECANCELED, mmgpu_engine_exec(&fix->exec));
		KUNIT_EXPECT_EQ(test, fix->words[0], OLD);
		KUNIT_EXPECT_EQ(test, fix->words[2], OLD);

		svm.over = false;
		KUNIT_EXPECT_EQ(test, 0, mmgpu_engine_exec(&fix->exec));
		KUNIT_EXPECT_NE(test, fix->words[0], OLD);
		KUNIT_EXPECT_EQ(test, fix->words[2], NEW);
	}
	mutex_destroy(&svm.lock);
}

/* Who ends a job holds the lock meanwhile, and no piece of work is on its way then. */
static void mmgpu_engine_stop_test_over_lock(struct kunit *test)
{
	static const u32 ops[] = {
		MMGPU_OP_FILL, MMGPU_OP_COPY, MMGPU_OP_ADD, MMGPU_OP_TIMESTAMP,
	};
	struct mmgpu_stop_fixture *fix = test->priv;
	struct mmgpu_svm svm = {};
	int i;

	mutex_init(&svm.lock);
	fix->exec.svm = &svm;
	fix->words[1] = NEW;
	for (i = 0; i < ARRAY_SIZE(ops); i++) {
		const struct drm_mmgpu_cmd cmds[] = {
			{ .op = ops[i], .src = 8, .width = 8, .rows = 1, .value = NEW },
		};

		mmgpu_stop_set(fix, cmds, ARRAY_SIZE(cmds));
		svm.over = false;
		mutex_lock(&svm.lock);
		mmgpu_stop_start(test);
		KUNIT_EXPECT_TRUE(test, mmgpu_test_thread_is_blocked(&fix->thread));
		svm.over = true;
		mutex_unlock(&svm.lock);

		KUNIT_EXPECT_EQ(test, -ECANCELED, mmgpu_test_thread_wait(&fix->thread));
		KUNIT_EXPECT_EQ(test, fix->words[0], OLD);
	}
	mutex_destroy(&svm.lock);
}

static struct kunit_case mmgpu_engine_stop_test_cases[] = {
	KUNIT_CASE(mmgpu_engine_stop_test_delay),
	KUNIT_CASE(mmgpu_engine_stop_test_delay_deadline),
	KUNIT_CASE(mmgpu_engine_stop_test_deadline_passed),
	KUNIT_CASE(mmgpu_engine_stop_test_work_deadline),
	KUNIT_CASE(mmgpu_engine_stop_test_stop),
	KUNIT_CASE(mmgpu_engine_stop_test_over),
	KUNIT_CASE(mmgpu_engine_stop_test_over_lock),
	{}
};

static struct kunit_suite mmgpu_engine_stop_test_suite = {
	.name = "mmgpu_engine_stop",
	.init = mmgpu_engine_stop_test_init,
	.test_cases = mmgpu_engine_stop_test_cases,
};

kunit_test_suite(mmgpu_engine_stop_test_suite);
