/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_TEST_MM_H_
#define _MMGPU_TEST_MM_H_

#include <linux/iopoll.h>
#include <linux/kref.h>

#include "mmgpu_test_thread.h"

struct kunit;
struct mm_struct;
struct mmgpu_mm;

/*
 * Whether only one reference is left, or comes to be: all but the test's own are gone, the
 * notifier's too.
 */
#define mmgpu_test_poll_last_ref(m) ({						\
	unsigned int __refs;							\
										\
	!read_poll_timeout(kref_read, __refs, __refs == 1, 1000,		\
			   MMGPU_TEST_TIMEOUT_MS * 1000UL, false, &(m)->ref);	\
})

struct mm_struct *mmgpu_test_mm_create(struct kunit *test);
void mmgpu_test_mm_end(struct kunit *test, struct mm_struct *mm);

void mmgpu_test_mm_use(struct mm_struct *mm);
void mmgpu_test_mm_unuse(struct mm_struct *mm);

struct mmgpu_mm *mmgpu_test_mm_assign(struct kunit *test, struct mm_struct *mm);
void mmgpu_test_mm_put(struct kunit *test, struct mmgpu_mm *m);

#endif /* _MMGPU_TEST_MM_H_ */
