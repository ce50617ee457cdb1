// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/* The end of an mm: who holds it up, who is told, and what can be seen in between. */

#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>

#include <kunit/resource.h>
#include <kunit/test.h>

#include "../mmgpu_mm.h"
#include "mmgpu_test_mm.h"

/* What can be seen from within the end of an mm, before the driver knows of it or after. */
struct mmgpu_life_probe {
	struct mmu_notifier notifier;
	struct mmgpu_mm *m;
	bool called;
	bool is;
	bool gone;
	u64 lookup_seq;
	struct mmgpu_mm *lookup;
	struct mm_struct *users;
	bool gone_then;
};

static void mmgpu_life_probe_release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct mmgpu_life_probe *probe = container_of(notifier, struct mmgpu_life_probe, notifier);

	probe->called = true;
	probe->is = mmgpu_mm_is(probe->m, mm);
	probe->gone = mmgpu_mm_is_gone(probe->m);
	probe->lookup_seq = mmgpu_mm_lookup_seq(mm);
	probe->lookup = mmgpu_mm_lookup(probe->m->seq);
	probe->users = mmgpu_mm_get_users(probe->m);
	probe->gone_then = mmgpu_mm_is_gone(probe->m);
}

static const struct mmu_notifier_ops mmgpu_life_probe_ops = {
	.release = mmgpu_life_probe_release,
};

struct mmgpu_life_client {
	struct mmgpu_mm_client base;
	int *calls;
	int called;
	int order;
	bool in_work;
	struct completion entered;
	struct completion leave;
};

static void mmgpu_life_client_gone(struct mmgpu_mm_client *base)
{
	struct mmgpu_life_client *client = container_of(base, struct mmgpu_life_client, base);

	client->called++;
	client->order = ++*client->calls;
	client->in_work = current->flags & PF_WQ_WORKER;
	complete(&client->entered);
	wait_for_completion(&client->leave);
}

static struct mmgpu_life_client *mmgpu_life_client_create(struct kunit *test, int *calls)
{
	struct mmgpu_life_client *client = kunit_kzalloc(test, sizeof(*client), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, client);
	client->base.gone = mmgpu_life_client_gone;
	client->calls = calls;
	init_completion(&client->entered);
	init_completion(&client->leave);

	return client;
}

static void mmgpu_mm_life_test_window(struct kunit *test)
{
	struct mm_struct *mm = mmgpu_test_mm_create(test);
	struct mmgpu_life_probe *before, *after;
	struct mmgpu_life_client *client;
	struct mmgpu_mm *m;
	int calls = 0;

	before = kunit_kzalloc(test, sizeof(*before), GFP_KERNEL);
	after = kunit_kzalloc(test, sizeof(*after), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, before);
	KUNIT_ASSERT_NOT_NULL(test, after);
	before->notifier.ops = &mmgpu_life_probe_ops;
	after->notifier.ops = &mmgpu_life_probe_ops;

	/* Who registered last is told first. */
	KUNIT_ASSERT_EQ(test, 0, mmu_notifier_register(&after->notifier, mm));
	m = mmgpu_test_mm_assign(test, mm);
	KUNIT_ASSERT_EQ(test, 0, mmu_notifier_register(&before->notifier, mm));
	before->m = m;
	after->m = m;
	client = mmgpu_life_client_create(test, &calls);
	complete_all(&client->leave);
	mmgpu_mm_add_client(m, &client->base);

	/* They hold the struct, so this is the end of the mm alone. */
	mmgpu_test_mm_end(test, mm);
	mmu_notifier_unregister(&before->notifier, mm);
	mmu_notifier_unregister(&after->notifier, mm);

	/* No user is left, and nobody knows until somebody asks for one. */
	KUNIT_ASSERT_TRUE(test, before->called);
	KUNIT_EXPECT_TRUE(test, before->is);
	KUNIT_EXPECT_FALSE(test, before->gone);
	KUNIT_EXPECT_EQ(test, before->lookup_seq, m->seq);
	KUNIT_EXPECT_PTR_EQ(test, before->lookup, m);
	KUNIT_EXPECT_NULL(test, before->users);
	KUNIT_EXPECT_TRUE(test, before->gone_then);

	/* The struct is still there, the number is nobody's. */
	KUNIT_ASSERT_TRUE(test, after->called);
	KUNIT_EXPECT_FALSE(test, after->is);
	KUNIT_EXPECT_TRUE(test, after->gone);
	KUNIT_EXPECT_EQ(test, after->lookup_seq, 0);
	KUNIT_EXPECT_NULL(test, after->lookup);
	KUNIT_EXPECT_NULL(test, after->users);

	/* Who found it in the window has a good reference to what is gone by now. */
	if (before->lookup) {
		KUNIT_EXPECT_TRUE(test, mmgpu_mm_is_gone(before->lookup));
		mmgpu_mm_put(before->lookup);
	}
	flush_work(&m->gone_work);
	KUNIT_EXPECT_EQ(test, calls, 1);
	KUNIT_EXPECT_TRUE(test, mmgpu_test_poll_last_ref(m));
	mmgpu_mm_remove_client(m, &client->base);
}

static bool mmgpu_life_poll_gone(struct mmgpu_mm *m)
{
	bool gone;

	return !read_poll_timeout(mmgpu_mm_is_gone, gone, gone, 1000,
				  MMGPU_TEST_TIMEOUT_MS * 1000UL, false, m);
}

static void mmgpu_mm_life_test_users(struct kunit *test)
{
	struct mm_struct *mm = mmgpu_test_mm_create(test);
	struct mmgpu_mm *m = mmgpu_test_mm_assign(test, mm);

	KUNIT_EXPECT_FALSE(test, mmgpu_mm_end_if_abandoned(m));
	KUNIT_ASSERT_PTR_EQ(test, mmgpu_mm_get_users(m), mm);
	/* The process is there, too. */
	KUNIT_EXPECT_FALSE(test, mmgpu_mm_end_if_abandoned(m));
	KUNIT_ASSERT_PTR_EQ(test, mmgpu_mm_get_users(m), mm);
	KUNIT_EXPECT_FALSE(test, mmgpu_mm_end_if_abandoned(m));

	/* The process ends; the mm does not, and somebody looks at it: a tracer, say. */
	mmget(mm);
	mmgpu_test_mm_end(test, mm);
	KUNIT_EXPECT_FALSE(test, mmgpu_mm_end_if_abandoned(m));
	KUNIT_EXPECT_FALSE(test, mmgpu_mm_is_gone(m));
	KUNIT_EXPECT_TRUE(test, mmgpu_mm_is(m, mm));
	KUNIT_EXPECT_EQ(test, mmgpu_mm_lookup_seq(mm), m->seq);
	mmput(mm);

	mmgpu_mm_put_users(m, mm);
	KUNIT_EXPECT_FALSE(test, mmgpu_mm_is_gone(m));

	/* The last one. */
	mmgpu_mm_put_users(m, mm);
	KUNIT_ASSERT_TRUE(test, mmgpu_life_poll_gone(m));
	KUNIT_EXPECT_TRUE(test, mmgpu_mm_end_if_abandoned(m));
	KUNIT_EXPECT_NULL(test, mmgpu_mm_get_users(m));
	KUNIT_EXPECT_TRUE(test, mmgpu_test_poll_last_ref(m));
}

/* Only we keep it: it ends for everybody, though it is still there. */
static void mmgpu_mm_life_test_abandoned(struct kunit *test)
{
	struct mm_struct *mm = mmgpu_test_mm_create(test);
	struct mmgpu_mm *m = mmgpu_test_mm_assign(test, mm);
	struct mmgpu_life_client *client;
	u64 seq = m->seq;
	int calls = 0;

	client = mmgpu_life_client_create(test, &calls);
	complete_all(&client->leave);
	mmgpu_mm_add_client(m, &client->base);

	KUNIT_ASSERT_PTR_EQ(test, mmgpu_mm_get_users(m), mm);
	KUNIT_ASSERT_PTR_EQ(test, mmgpu_mm_get_users(m), mm);
	mmgpu_test_mm_end(test, mm);
	KUNIT_EXPECT_FALSE(test, mmgpu_mm_is_gone(m));
	KUNIT_EXPECT_EQ(test, calls, 0);

	KUNIT_EXPECT_TRUE(test, mmgpu_mm_end_if_abandoned(m));
	KUNIT_EXPECT_TRUE(test, mmgpu_mm_is_gone(m));
	KUNIT_EXPECT_FALSE(test, mmgpu_mm_is(m, mm));
	KUNIT_EXPECT_EQ(test, mmgpu_mm_lookup_seq(mm), 0);
	KUNIT_EXPECT_NULL(test, mmgpu_mm_lookup(seq));
	KUNIT_EXPECT_NULL(test, mmgpu_mm_get_users(m));
	KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_users), 2);
	KUNIT_EXPECT_TRUE(test, mmgpu_mm_end_if_abandoned(m));
	flush_work(&m->gone_work);
	KUNIT_EXPECT_EQ(test, calls, 1);

	/* The notifier stays with the mm, as long as that is there. */
	KUNIT_EXPECT_EQ(test, kref_read(&m->ref), 2);
	mmgpu_mm_put_users(m, mm);
	msleep(MMGPU_TEST_PAUSE_MS);
	KUNIT_EXPECT_EQ(test, kref_read(&m->ref), 2);
	mmgpu_mm_put_users(m, mm);
	KUNIT_EXPECT_TRUE(test, mmgpu_test_poll_last_ref(m));

	flush_work(&m->gone_work);
	KUNIT_EXPECT_EQ(test, calls, 1);
	mmgpu_mm_remove_client(m, &client->base);
}

/* The last task is gone, and a stranger holds the mm. */
static void mmgpu_mm_life_test_no_task(struct kunit *test)
{
#ifdef CONFIG_MEMCG
	bool looks;

	for (looks = false;; looks = true) {
		struct mm_struct *mm = mmgpu_test_mm_create(test);
		struct mmgpu_mm *m = mmgpu_test_mm_assign(test, mm);

		KUNIT_ASSERT_PTR_EQ(test, mmgpu_mm_get_users(m), mm);
		mmget(mm);
		mmgpu_test_mm_end(test, mm);
		KUNIT_EXPECT_FALSE(test, mmgpu_mm_end_if_abandoned(m));

		/* What exit does. */
		RCU_INIT_POINTER(mm->owner, NULL);
		if (looks)
			KUNIT_EXPECT_TRUE(test, mmgpu_mm_end_if_abandoned(m));
		else
			KUNIT_EXPECT_NULL(test, mmgpu_mm_get_users(m));
		KUNIT_EXPECT_TRUE(test, mmgpu_mm_is_gone(m));

		mmgpu_mm_put_users(m, mm);
		mmput(mm);
		KUNIT_EXPECT_TRUE(test, mmgpu_test_poll_last_ref(m));
		if (looks)
			break;
	}
#else
	kunit_skip(test, "no memory cgroups");
#endif
}

/* Users of ours that came and went leave no trace. */
static void mmgpu_mm_life_test_users_return(struct kunit *test)
{
	struct mm_struct *mm = mmgpu_test_mm_create(test);
	struct mmgpu_mm *m = mmgpu_test_mm_assign(test, mm);
	int before = atomic_read(&mm->mm_users), i;

	for (i = 0; i < 3; i++) {
		KUNIT_ASSERT_PTR_EQ(test, mmgpu_mm_get_users(m), mm);
		KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_users), before + 1);
		mmgpu_mm_put_users(m, mm);
		KUNIT_EXPECT_EQ(test, atomic_read(&mm->mm_users), before);
	}
	KUNIT_EXPECT_EQ(test, m->users, 0);
	mmgpu_test_mm_end(test, mm);
	KUNIT_EXPECT_TRUE(test, mmgpu_mm_is_gone(m));
}

static void mmgpu_mm_life_test_clients(struct kunit *test)
{
	struct mm_struct *mm = mmgpu_test_mm_create(test);
	struct mmgpu_mm *m = mmgpu_test_mm_assign(test, mm);
	struct mmgpu_life_client *clients[3];
	int calls = 0, i;

	for (i = 0; i < 3; i++) {
		clients[i] = mmgpu_life_client_create(test, &calls);
		complete_all(&clients[i]->leave);
		mmgpu_mm_add_client(m, &clients[i]->base);
	}
	mmgpu_mm_remove_client(m, &clients[1]->base);

	/* Somebody else's number ends. */
	mmgpu_test_mm_assign(test, mmgpu_test_mm_create(test));
	KUNIT_EXPECT_EQ(test, calls, 0);

	mmgpu_test_mm_end(test, mm);
	flush_work(&m->gone_work);
	KUNIT_EXPECT_EQ(test, calls, 2);
	KUNIT_EXPECT_EQ(test, clients[0]->order, 1);
	KUNIT_EXPECT_EQ(test, clients[1]->called, 0);
	KUNIT_EXPECT_EQ(test, clients[2]->order, 2);
	KUNIT_EXPECT_TRUE(test, clients[0]->in_work);
	KUNIT_EXPECT_TRUE(test, clients[2]->in_work);

	KUNIT_EXPECT_TRUE(test, mmgpu_test_poll_last_ref(m));
	KUNIT_EXPECT_EQ(test, calls, 2);
	mmgpu_mm_remove_client(m, &clients[0]->base);
	mmgpu_mm_remove_client(m, &clients[2]->base);
	KUNIT_EXPECT_TRUE(test, list_empty(&m->clients));
}

struct mmgpu_life_remover {
	struct mmgpu_test_thread thread;
	struct mmgpu_mm *m;
	struct mmgpu_life_client *client;
};

static int mmgpu_life_remove_fn(void *data)
{
	struct mmgpu_life_remover *remover = data;

	mmgpu_mm_remove_client(remover->m, &remover->client->base);

	return 0;
}

/* A file is closed while it is told the end of its owner. */
static void mmgpu_mm_life_test_remove_waits(struct kunit *test)
{
	struct mm_struct *mm = mmgpu_test_mm_create(test);
	struct mmgpu_mm *m = mmgpu_test_mm_assign(test, mm);
	struct mmgpu_life_remover remover = { .m = m };
	int calls = 0;

	remover.client = mmgpu_life_client_create(test, &calls);
	mmgpu_mm_add_client(m, &remover.client->base);

	/* Whoever ends does not wait for those who are told. */
	mmgpu_test_mm_end(test, mm);
	KUNIT_EXPECT_TRUE(test, mmgpu_mm_is_gone(m));
	wait_for_completion(&remover.client->entered);

	mmgpu_test_thread_start(test, &remover.thread, mmgpu_life_remove_fn, &remover);
	KUNIT_EXPECT_TRUE(test, mmgpu_test_thread_is_blocked(&remover.thread));
	complete(&remover.client->leave);
	mmgpu_test_thread_wait(&remover.thread);

	KUNIT_EXPECT_EQ(test, remover.client->called, 1);
	KUNIT_EXPECT_TRUE(test, list_empty(&m->clients));
	KUNIT_EXPECT_TRUE(test, mmgpu_test_poll_last_ref(m));
}

/* While clients are told, the object stays, though its mm and its notifier are gone. */
static void mmgpu_mm_life_test_told_reference(struct kunit *test)
{
	struct mm_struct *mm = mmgpu_test_mm_create(test);
	struct mmgpu_mm *m = mmgpu_test_mm_assign(test, mm);
	struct mmgpu_life_client *client;
	unsigned int refs;
	int calls = 0;

	client = mmgpu_life_client_create(test, &calls);
	mmgpu_mm_add_client(m, &client->base);
	mmgpu_test_mm_end(test, mm);
	wait_for_completion(&client->entered);

	/* The test's own, and one of the work. */
	KUNIT_EXPECT_EQ(test, 0, read_poll_timeout(kref_read, refs, refs <= 2, 1000,
						   MMGPU_TEST_TIMEOUT_MS * 1000UL, false, &m->ref));
	msleep(MMGPU_TEST_PAUSE_MS);
	KUNIT_EXPECT_EQ(test, kref_read(&m->ref), 2);

	complete(&client->leave);
	flush_work(&m->gone_work);
	mmgpu_mm_remove_client(m, &client->base);
	KUNIT_EXPECT_TRUE(test, mmgpu_test_poll_last_ref(m));
}

/* The notifier of an mm that ends before it has a number: whoever got it gives it back. */
static void mmgpu_mm_life_test_unnumbered(struct kunit *test)
{
	struct mm_struct *mm = mmgpu_test_mm_create(test);
	struct mmu_notifier *notifier;
	struct mmgpu_mm *m;

	notifier = mmu_notifier_get(&mmgpu_mm_notifier_ops, mm);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, notifier);
	m = mmgpu_mm_get(container_of(notifier, struct mmgpu_mm, notifier));

	mmgpu_test_mm_end(test, mm);
	KUNIT_EXPECT_EQ(test, m->seq, 0);
	KUNIT_EXPECT_FALSE(test, work_busy(&m->gone_work));
	KUNIT_EXPECT_EQ(test, kref_read(&m->ref), 2);

	mmu_notifier_put(notifier);
	KUNIT_EXPECT_TRUE(test, mmgpu_test_poll_last_ref(m));
	mmgpu_mm_put(m);
}

static struct kunit_case mmgpu_mm_life_test_cases[] = {
	KUNIT_CASE(mmgpu_mm_life_test_window),
	KUNIT_CASE(mmgpu_mm_life_test_users),
	KUNIT_CASE(mmgpu_mm_life_test_users_return),
	KUNIT_CASE(mmgpu_mm_life_test_abandoned),
	KUNIT_CASE(mmgpu_mm_life_test_no_task),
	KUNIT_CASE(mmgpu_mm_life_test_clients),
	KUNIT_CASE(mmgpu_mm_life_test_remove_waits),
	KUNIT_CASE(mmgpu_mm_life_test_told_reference),
	KUNIT_CASE(mmgpu_mm_life_test_unnumbered),
	{}
};

static struct kunit_suite mmgpu_mm_life_test_suite = {
	.name = "mmgpu_mm_life",
	.test_cases = mmgpu_mm_life_test_cases,
};

kunit_test_suite(mmgpu_mm_life_test_suite);
