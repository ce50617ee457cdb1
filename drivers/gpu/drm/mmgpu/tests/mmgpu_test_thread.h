/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_TEST_THREAD_H_
#define _MMGPU_TEST_THREAD_H_

#include <linux/completion.h>
#include <linux/types.h>

struct kunit;

/* More than enough for anything, on a slow machine with every sanitizer. */
#define MMGPU_TEST_TIMEOUT_MS	60000

/* Long enough for a thread to do what it must not. */
#define MMGPU_TEST_PAUSE_MS	200

/**
 * struct mmgpu_test_thread - a kernel thread that a test waits for
 */
struct mmgpu_test_thread {
	/** @fn: what it does */
	int (*fn)(void *data);

	/** @data: for @fn */
	void *data;

	/** @ret: what @fn returned */
	int ret;

	/** @begun: that it runs */
	struct completion begun;

	/** @done: that it has */
	struct completion done;
};

void mmgpu_test_thread_start(struct kunit *test, struct mmgpu_test_thread *thread,
			     int (*fn)(void *data), void *data);
int mmgpu_test_thread_wait(struct mmgpu_test_thread *thread);
bool mmgpu_test_thread_is_blocked(struct mmgpu_test_thread *thread);
bool mmgpu_test_thread_ends(struct mmgpu_test_thread *thread);

#endif /* _MMGPU_TEST_THREAD_H_ */
