// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/*
 * Threads for tests. They are never told to stop: kthread_stop() makes a signal pending, as
 * far as some functions are concerned.
 */

#include <linux/delay.h>
#include <linux/kthread.h>

#include <kunit/test.h>

#include "mmgpu_test_thread.h"

static int mmgpu_test_thread_fn(void *data)
{
	struct mmgpu_test_thread *thread = data;

	complete(&thread->begun);
	thread->ret = thread->fn(thread->data);
	/* The module may go as soon as the test is over. */
	kthread_complete_and_exit(&thread->done, 0);
}

/**
 * mmgpu_test_thread_start() - Start a thread, and wait until it runs
 * @test: test
 * @thread: thread; the test must not end before it has waited for it
 * @fn: what it does
 * @data: for @fn
 */
void mmgpu_test_thread_start(struct kunit *test, struct mmgpu_test_thread *thread,
			     int (*fn)(void *data), void *data)
{
	struct task_struct *task;

	thread->fn = fn;
	thread->data = data;
	init_completion(&thread->begun);
	init_completion(&thread->done);
	task = kthread_run(mmgpu_test_thread_fn, thread, "mmgpu-test");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	wait_for_completion(&thread->begun);
}

/**
 * mmgpu_test_thread_wait() - Wait until a thread is done
 * @thread: thread
 *
 * Return: what its function returned.
 */
int mmgpu_test_thread_wait(struct mmgpu_test_thread *thread)
{
	wait_for_completion(&thread->done);

	return thread->ret;
}

/**
 * mmgpu_test_thread_is_blocked() - See whether a thread is held up
 * @thread: thread that was started just now
 *
 * Return: whether it is not done, although it had time.
 */
bool mmgpu_test_thread_is_blocked(struct mmgpu_test_thread *thread)
{
	msleep(MMGPU_TEST_PAUSE_MS);

	return !completion_done(&thread->done);
}

/**
 * mmgpu_test_thread_ends() - See whether a thread is done
 * @thread: thread
 *
 * Return: false if it is not in spite of all the time that it had.
 */
bool mmgpu_test_thread_ends(struct mmgpu_test_thread *thread)
{
	if (!wait_for_completion_timeout(&thread->done, msecs_to_jiffies(MMGPU_TEST_TIMEOUT_MS)))
		return false;
	/* For mmgpu_test_thread_wait(). */
	complete(&thread->done);

	return true;
}
