// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/* The registry: how numbers are given, found, and forgotten, step by step. */

#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include <kunit/resource.h>
#include <kunit/test.h>

#include "../mmgpu_mm.h"
#include "mmgpu_test_mm.h"

/* Kernel threads have no mm, and one that they use for a while is not theirs. */
static void mmgpu_mm_test_kernel_thread(struct kunit *test)
{
	struct mm_struct *mm;

	KUNIT_EXPECT_PTR_EQ(test, mmgpu_mm_assign(), ERR_PTR(-EINVAL));

	mm = mmgpu_test_mm_create(test);
	mmgpu_test_mm_use(mm);
	KUNIT_EXPECT_PTR_EQ(test, mmgpu_mm_assign(), ERR_PTR(-EINVAL));
	mmgpu_test_mm_unuse(mm);
	KUNIT_EXPECT_EQ(test, mmgpu_mm_lookup_seq(mm), 0);
}

static void mmgpu_mm_test_assign(struct kunit *test)
{
	struct mm_struct *mm = mmgpu_test_mm_create(test);
	struct mm_struct *other_mm = mmgpu_test_mm_create(test);
	struct mmgpu_mm *m, *other;

	KUNIT_EXPECT_EQ(test, mmgpu_mm_lookup_seq(mm), 0);

	m = mmgpu_test_mm_assign(test, mm);
	KUNIT_EXPECT_NE(test, m->seq, 0);
	KUNIT_EXPECT_TRUE(test, mmgpu_mm_is(m, mm));
	KUNIT_EXPECT_FALSE(test, mmgpu_mm_is(m, other_mm));
	KUNIT_EXPECT_FALSE(test, mmgpu_mm_is(m, NULL));
	KUNIT_EXPECT_FALSE(test, mmgpu_mm_is_gone(m));
	KUNIT_EXPECT_EQ(test, mmgpu_mm_lookup_seq(mm), m->seq);
	KUNIT_EXPECT_EQ(test, mmgpu_mm_lookup_seq(other_mm), 0);

	other = mmgpu_test_mm_assign(test, other_mm);
	KUNIT_EXPECT_GT(test, other->seq, m->seq);
	KUNIT_EXPECT_EQ(test, mmgpu_mm_lookup_seq(mm), m->seq);
	KUNIT_EXPECT_EQ(test, mmgpu_mm_lookup_seq(other_mm), other->seq);

	/* Again is the same. */
	KUNIT_EXPECT_PTR_EQ(test, mmgpu_test_mm_assign(test, mm), m);
	KUNIT_EXPECT_EQ(test, mmgpu_mm_lookup_seq(mm), m->seq);
}

static void mmgpu_mm_test_lookup(struct kunit *test)
{
	struct mmgpu_mm *m = mmgpu_test_mm_assign(test, mmgpu_test_mm_create(test));
	unsigned int refs = kref_read(&m->ref);
	struct mmgpu_mm *found;

	found = mmgpu_mm_lookup(m->seq);
	KUNIT_ASSERT_PTR_EQ(test, found, m);
	KUNIT_EXPECT_EQ(test, kref_read(&m->ref), refs + 1);
	mmgpu_mm_put(found);
	KUNIT_EXPECT_EQ(test, kref_read(&m->ref), refs);

	KUNIT_EXPECT_NULL(test, mmgpu_mm_lookup(0));
	KUNIT_EXPECT_NULL(test, mmgpu_mm_lookup(m->seq + 1));
	KUNIT_EXPECT_NULL(test, mmgpu_mm_lookup(m->seq + (1ull << 32)));
	KUNIT_EXPECT_NULL(test, mmgpu_mm_lookup(U64_MAX));
	KUNIT_EXPECT_EQ(test, mmgpu_mm_lookup_seq(NULL), 0);

	/* Putting nothing is allowed. */
	mmgpu_mm_put(NULL);
}

/* A reader that still sees it when the last reference goes: what is over stays over. */
static void mmgpu_mm_test_lookup_late(struct kunit *test)
{
	struct mmgpu_mm *m = mmgpu_test_mm_assign(test, mmgpu_test_mm_create(test));
	unsigned int refs = kref_read(&m->ref);

	refcount_set(&m->ref.refcount, 0);
	KUNIT_EXPECT_NULL(test, mmgpu_mm_lookup(m->seq));
	KUNIT_EXPECT_EQ(test, kref_read(&m->ref), 0);
	refcount_set(&m->ref.refcount, refs);
}

static void mmgpu_mm_test_end(struct kunit *test)
{
	struct mm_struct *mm = mmgpu_test_mm_create(test);
	struct mmgpu_mm *m = mmgpu_test_mm_assign(test, mm);
	u64 seq = m->seq;

	/* Its struct outlives it here, so that its address can be asked for. */
	mmgrab(mm);
	mmgpu_test_mm_end(test, mm);

	KUNIT_EXPECT_TRUE(test, mmgpu_mm_is_gone(m));
	KUNIT_EXPECT_FALSE(test, mmgpu_mm_is(m, mm));
	KUNIT_EXPECT_FALSE(test, mmgpu_mm_is(m, NULL));
	KUNIT_EXPECT_EQ(test, mmgpu_mm_lookup_seq(mm), 0);
	KUNIT_EXPECT_NULL(test, mmgpu_mm_lookup(seq));
	KUNIT_EXPECT_EQ(test, m->seq, seq);

	/* Only this test holds the object, and it is as it was. */
	KUNIT_EXPECT_TRUE(test, mmgpu_test_poll_last_ref(m));
	KUNIT_EXPECT_EQ(test, m->seq, seq);
	KUNIT_EXPECT_TRUE(test, mmgpu_mm_is_gone(m));
	mmdrop(mm);
}

static void mmgpu_mm_test_numbers(struct kunit *test)
{
	u64 last = 0;
	int i;

	for (i = 0; i < 16; i++) {
		struct mm_struct *mm = mmgpu_test_mm_create(test);
		struct mmgpu_mm *m = mmgpu_test_mm_assign(test, mm);

		KUNIT_EXPECT_GT(test, m->seq, last);
		last = m->seq;
		if (i % 3)
			mmgpu_test_mm_end(test, mm);
		if (i % 2)
			mmgpu_test_mm_put(test, m);
	}
}

/* Two threads of one process: the second comes while the first has a notifier, no number. */
static void mmgpu_mm_test_assign_race(struct kunit *test)
{
	struct mm_struct *mm = mmgpu_test_mm_create(test);
	struct mmu_notifier *first;
	struct mmgpu_mm *m;
	u64 seq;

	first = mmu_notifier_get(&mmgpu_mm_notifier_ops, mm);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, first);
	KUNIT_EXPECT_EQ(test, mmgpu_mm_lookup_seq(mm), 0);

	m = mmgpu_test_mm_assign(test, mm);
	seq = m->seq;
	KUNIT_EXPECT_PTR_EQ(test, &m->notifier, first);

	KUNIT_EXPECT_PTR_EQ(test, mmgpu_mm_publish(first, mm), m);
	KUNIT_EXPECT_EQ(test, m->seq, seq);
	KUNIT_EXPECT_EQ(test, mmgpu_mm_lookup_seq(mm), seq);
	mmgpu_mm_put(m);

	/* The notifier's second use is given back: else it would never go. */
	mmgpu_test_mm_end(test, mm);
	KUNIT_EXPECT_TRUE(test, mmgpu_mm_is_gone(m));
	KUNIT_EXPECT_TRUE(test, mmgpu_test_poll_last_ref(m));
}

struct mmgpu_mm_test_assigner {
	struct mmgpu_test_thread thread;
	struct completion *start;
	struct mm_struct *mm;
	struct mmgpu_mm *m;
};

static int mmgpu_mm_test_assign_fn(void *data)
{
	struct mmgpu_mm_test_assigner *assigner = data;

	wait_for_completion(assigner->start);
	assigner->m = mmgpu_mm_assign_to(assigner->mm);

	return 0;
}

static void mmgpu_mm_test_assign_threads(struct kunit *test)
{
	struct mmgpu_mm_test_assigner assigners[4];
	int i, round;

	for (round = 0; round < 10; round++) {
		struct mm_struct *mm = mmgpu_test_mm_create(test);
		DECLARE_COMPLETION_ONSTACK(start);

		for (i = 0; i < ARRAY_SIZE(assigners); i++) {
			assigners[i].start = &start;
			assigners[i].mm = mm;
			mmgpu_test_thread_start(test, &assigners[i].thread, mmgpu_mm_test_assign_fn,
						&assigners[i]);
		}
		complete_all(&start);
		for (i = 0; i < ARRAY_SIZE(assigners); i++)
			mmgpu_test_thread_wait(&assigners[i].thread);

		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, assigners[0].m);
		for (i = 1; i < ARRAY_SIZE(assigners); i++) {
			KUNIT_ASSERT_PTR_EQ(test, assigners[i].m, assigners[0].m);
			mmgpu_mm_put(assigners[i].m);
		}
		KUNIT_EXPECT_EQ(test, mmgpu_mm_lookup_seq(mm), assigners[0].m->seq);

		mmgpu_test_mm_end(test, mm);
		KUNIT_EXPECT_TRUE(test, mmgpu_test_poll_last_ref(assigners[0].m));
		mmgpu_mm_put(assigners[0].m);
	}
}

/* KASAN keeps freed objects back, until their cache is told to shrink. */
static void mmgpu_mm_test_shrink_mm_cache(void)
{
	struct file *file = filp_open("/sys/kernel/slab/mm_struct/shrink", O_WRONLY, 0);
	loff_t pos = 0;

	/* Where there is no such file there is mostly no KASAN. */
	if (IS_ERR(file))
		return;
	kernel_write(file, "1", 1, &pos);
	filp_close(file, NULL);
}

#define RECYCLE_OLD	64
#define RECYCLE_NEW	256

/* A new process whose mm_struct lies where another's lay: by its address it is the old one. */
static void mmgpu_mm_test_recycled_address(struct kunit *test)
{
	struct mm_struct **old_mm, *mm;
	struct mmgpu_mm **old, *m;
	int i, j, recycled = 0;

	old_mm = kunit_kcalloc(test, RECYCLE_OLD, sizeof(*old_mm), GFP_KERNEL);
	old = kunit_kcalloc(test, RECYCLE_OLD, sizeof(*old), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, old_mm);
	KUNIT_ASSERT_NOT_NULL(test, old);

	for (i = 0; i < RECYCLE_OLD; i++) {
		old_mm[i] = mmgpu_test_mm_create(test);
		old[i] = mmgpu_test_mm_assign(test, old_mm[i]);
	}
	/* Every second one stays, so that the pages of the cache do. */
	for (i = 0; i < RECYCLE_OLD; i += 2) {
		mmgpu_test_mm_end(test, old_mm[i]);
		KUNIT_ASSERT_TRUE(test, mmgpu_test_poll_last_ref(old[i]));
	}
	/* The pin goes in the callback that dropped the reference, with BH off. */
	synchronize_rcu();
	mmgpu_mm_test_shrink_mm_cache();

	for (j = 0; j < RECYCLE_NEW && recycled < 4; j++) {
		mm = mmgpu_test_mm_create(test);
		for (i = 0; i < RECYCLE_OLD; i += 2)
			if (mm == old_mm[i])
				break;
		if (i >= RECYCLE_OLD)
			continue;

		recycled++;
		KUNIT_EXPECT_FALSE(test, mmgpu_mm_is(old[i], mm));
		KUNIT_EXPECT_TRUE(test, mmgpu_mm_is_gone(old[i]));
		KUNIT_EXPECT_EQ(test, mmgpu_mm_lookup_seq(mm), 0);
		KUNIT_EXPECT_NULL(test, mmgpu_mm_lookup(old[i]->seq));

		m = mmgpu_test_mm_assign(test, mm);
		KUNIT_EXPECT_PTR_NE(test, m, old[i]);
		KUNIT_EXPECT_GT(test, m->seq, old[RECYCLE_OLD - 1]->seq);
		KUNIT_EXPECT_TRUE(test, mmgpu_mm_is(m, mm));
		KUNIT_EXPECT_FALSE(test, mmgpu_mm_is(old[i], mm));
		KUNIT_EXPECT_EQ(test, mmgpu_mm_lookup_seq(mm), m->seq);
		KUNIT_EXPECT_NULL(test, mmgpu_mm_lookup(old[i]->seq));
	}
	if (!recycled)
		kunit_skip(test, "none of %d new mms lay where an old one lay", RECYCLE_NEW);
	kunit_info(test, "%d of %d new mms lay where an old one lay\n", recycled, j);
}

struct mmgpu_mm_test_lookups {
	struct mmgpu_test_thread thread;
	bool stop;
	/* The newest number; 0 before the first. */
	u64 seq;
	/* The last number that it found. */
	u64 found;
	bool wrong;
};

static int mmgpu_mm_test_lookup_fn(void *data)
{
	struct mmgpu_mm_test_lookups *lookups = data;

	while (!READ_ONCE(lookups->stop)) {
		u64 seq = READ_ONCE(lookups->seq);
		struct mmgpu_mm *m = mmgpu_mm_lookup(seq);

		if (m) {
			if (m->seq != seq)
				lookups->wrong = true;
			WRITE_ONCE(lookups->found, seq);
			mmgpu_mm_put(m);
		}
		cond_resched();
	}

	return 0;
}

/* Lookups by number against the end of what they find, which may free it. */
static void mmgpu_mm_test_lookup_threads(struct kunit *test)
{
	struct mmgpu_mm_test_lookups lookups[2] = {};
	int i, round;
	u64 found;

	for (i = 0; i < 2; i++)
		mmgpu_test_thread_start(test, &lookups[i].thread, mmgpu_mm_test_lookup_fn,
					&lookups[i]);

	for (round = 0; round < 25; round++) {
		struct mm_struct *mm = mmgpu_test_mm_create(test);
		struct mmgpu_mm *m = mmgpu_test_mm_assign(test, mm);
		u64 seq = m->seq;

		for (i = 0; i < 2; i++)
			WRITE_ONCE(lookups[i].seq, seq);
		for (i = 0; i < 2; i++)
			KUNIT_EXPECT_EQ(test, 0,
					read_poll_timeout(READ_ONCE, found, found == seq, 10,
							  MMGPU_TEST_TIMEOUT_MS * 1000UL, false,
							  lookups[i].found));
		mmgpu_test_mm_put(test, m);
		mmgpu_test_mm_end(test, mm);
		KUNIT_EXPECT_NULL(test, mmgpu_mm_lookup(seq));
	}

	for (i = 0; i < 2; i++) {
		WRITE_ONCE(lookups[i].stop, true);
		mmgpu_test_thread_wait(&lookups[i].thread);
		KUNIT_EXPECT_FALSE(test, lookups[i].wrong);
	}
}

static void mmgpu_mm_test_show(struct kunit *test)
{
	struct mmgpu_mm *m = mmgpu_test_mm_assign(test, mmgpu_test_mm_create(test));
	struct mm_struct *gone_mm = mmgpu_test_mm_create(test);
	struct mmgpu_mm *gone = mmgpu_test_mm_assign(test, gone_mm);
	struct seq_file s = { .size = PAGE_SIZE };
	char line[32];
	int notifiers, read;
	u64 last;

	s.buf = kunit_kzalloc(test, s.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s.buf);
	mmgpu_test_mm_end(test, gone_mm);

	mmgpu_mm_show(&s);
	KUNIT_ASSERT_FALSE(test, seq_has_overflowed(&s));
	s.buf[s.count] = '\0';

	read = sscanf(s.buf, "last number %llu, notifiers %d\n", &last, &notifiers);
	KUNIT_ASSERT_EQ_MSG(test, read, 2, "%s", s.buf);
	KUNIT_EXPECT_GE(test, last, gone->seq);
	KUNIT_EXPECT_GE(test, notifiers, 1);
	snprintf(line, sizeof(line), "\n%llu\n", m->seq);
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(s.buf, line), "%s", s.buf);
	snprintf(line, sizeof(line), "\n%llu\n", gone->seq);
	KUNIT_EXPECT_NULL_MSG(test, strstr(s.buf, line), "%s", s.buf);
}

static struct kunit_case mmgpu_mm_test_cases[] = {
	KUNIT_CASE(mmgpu_mm_test_kernel_thread),
	KUNIT_CASE(mmgpu_mm_test_assign),
	KUNIT_CASE(mmgpu_mm_test_lookup),
	KUNIT_CASE(mmgpu_mm_test_lookup_late),
	KUNIT_CASE(mmgpu_mm_test_end),
	KUNIT_CASE(mmgpu_mm_test_numbers),
	KUNIT_CASE(mmgpu_mm_test_assign_race),
	KUNIT_CASE_SLOW(mmgpu_mm_test_assign_threads),
	KUNIT_CASE_SLOW(mmgpu_mm_test_recycled_address),
	KUNIT_CASE_SLOW(mmgpu_mm_test_lookup_threads),
	KUNIT_CASE(mmgpu_mm_test_show),
	{}
};

static struct kunit_suite mmgpu_mm_test_suite = {
	.name = "mmgpu_mm",
	.test_cases = mmgpu_mm_test_cases,
};

kunit_test_suite(mmgpu_mm_test_suite);
