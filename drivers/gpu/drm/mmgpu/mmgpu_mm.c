// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/**
 * DOC: Sequence numbers of mms
 *
 * A number names one address space for as long as the module is loaded. It is
 * assigned when somebody asks for it, counts up under one lock, and is never
 * used again. There is one &struct mmgpu_mm for each mm with a number.
 *
 * **Lifetime.** The object hangs off the mm by an mmu_notifier, which pins the
 * mm_struct (not the address space). At the mm's end ``->release`` takes the object
 * out of the registry, clears &mmgpu_mm.mm and gives the notifier back, in
 * this order; the pin goes an SRCU grace period later. The first two are done before by
 * whoever finds out that no task runs in the mm any more. So whoever sees a pointer
 * in &mmgpu_mm.mm sees one that is pinned at that moment, and an mm_struct that is
 * used again for another process never compares equal. The object itself stays
 * until its last holder drops it; its number stays true, and matches nobody.
 *
 * **Lookups** are under RCU: by an mm that is alive, so a match cannot end meanwhile; or
 * by number, which finds an mm that may end at any time.
 *
 * **Locks.** ``mms_lock`` protects the registry and the counter; ``->release`` takes it,
 * so nothing sleeps in it. &mmgpu_mm.clients_lock is a mutex, taken by the work
 * item that ``->release`` queues, never by ``->release`` itself: that runs in exit and in
 * exec, and &current->mm there is some other mm or none.
 */

#include <linux/hashtable.h>
#include <linux/mm_types.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include <kunit/visibility.h>

#include "mmgpu_device.h"
#include "mmgpu_mm.h"
#include "mmgpu_trace.h"

/* 10,000 bound processes make chains of ten. */
#define MMS_HASH_BITS	10

static DEFINE_HASHTABLE(mms, MMS_HASH_BITS);
static DEFINE_HASHTABLE(mms_by_seq, MMS_HASH_BITS);
static DEFINE_SPINLOCK(mms_lock);
static u64 mms_last_seq;

/* Those whose notifiers are to be given back. */
static LIST_HEAD(mms_registered);

/* Notifiers that are registered or whose free_notifier has yet to run. */
static atomic_t mms_notifiers = ATOMIC_INIT(0);
static DECLARE_WAIT_QUEUE_HEAD(mms_wq);

static struct mmgpu_mm *to_mmgpu_mm(struct mmu_notifier *notifier)
{
	return container_of(notifier, struct mmgpu_mm, notifier);
}

static void mmgpu_mm_free(struct kref *ref)
{
	struct mmgpu_mm *m = container_of(ref, struct mmgpu_mm, ref);

	mutex_destroy(&m->clients_lock);
	kfree_rcu(m, rcu);
}

/**
 * mmgpu_mm_get() - Take a reference
 * @m: object that the caller has a reference to
 *
 * Return: @m.
 */
struct mmgpu_mm *mmgpu_mm_get(struct mmgpu_mm *m)
{
	kref_get(&m->ref);
	return m;
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_mm_get);

/**
 * mmgpu_mm_put() - Drop a reference
 * @m: object, or NULL
 */
void mmgpu_mm_put(struct mmgpu_mm *m)
{
	if (m)
		kref_put(&m->ref, mmgpu_mm_free);
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_mm_put);

static void mmgpu_mm_gone_work(struct work_struct *work)
{
	struct mmgpu_mm *m = container_of(work, struct mmgpu_mm, gone_work);
	struct mmgpu_mm_client *client;

	mutex_lock(&m->clients_lock);
	list_for_each_entry(client, &m->clients, link)
		client->gone(client);
	mutex_unlock(&m->clients_lock);

	mmgpu_mm_put(m);
}

/* From here on no mm has the number. Returns whether the clients are to be told. */
static bool mmgpu_mm_end_locked(struct mmgpu_mm *m)
{
	lockdep_assert_held(&mms_lock);

	if (!m->mm)
		return false;

	hash_del_rcu(&m->node);
	hash_del_rcu(&m->seq_node);
	WRITE_ONCE(m->mm, NULL);

	return true;
}

static void mmgpu_mm_tell_end(struct mmgpu_mm *m)
{
	trace_mmgpu_mm_gone(m->seq);
	mmgpu_mm_get(m);
	queue_work(mmgpu_signal_wq, &m->gone_work);
}

static void mmgpu_mm_release(struct mmu_notifier *notifier, struct mm_struct *mm)
{
	struct mmgpu_mm *m = to_mmgpu_mm(notifier);
	bool ended, registered;

	/* Whoever takes it off the list gives the notifier back: here, or mmgpu_mm_fini(). */
	spin_lock(&mms_lock);
	ended = mmgpu_mm_end_locked(m);
	registered = !list_empty(&m->link);
	list_del_init(&m->link);
	spin_unlock(&mms_lock);

	if (ended)
		mmgpu_mm_tell_end(m);
	if (registered)
		mmu_notifier_put(notifier);
}

static struct mmu_notifier *mmgpu_mm_alloc_notifier(struct mm_struct *mm)
{
	struct mmgpu_mm *m = kzalloc_obj(*m, GFP_KERNEL_ACCOUNT);

	if (!m)
		return ERR_PTR(-ENOMEM);

	kref_init(&m->ref);
	INIT_LIST_HEAD(&m->link);
	INIT_HLIST_NODE(&m->node);
	INIT_HLIST_NODE(&m->seq_node);
	mutex_init(&m->clients_lock);
	INIT_LIST_HEAD(&m->clients);
	INIT_WORK(&m->gone_work, mmgpu_mm_gone_work);
	atomic_inc(&mms_notifiers);

	return &m->notifier;
}

static void mmgpu_mm_free_notifier(struct mmu_notifier *notifier)
{
	mmgpu_mm_put(to_mmgpu_mm(notifier));
	if (atomic_dec_and_test(&mms_notifiers))
		wake_up(&mms_wq);
}

VISIBLE_IF_KUNIT const struct mmu_notifier_ops mmgpu_mm_notifier_ops = {
	.release = mmgpu_mm_release,
	.alloc_notifier = mmgpu_mm_alloc_notifier,
	.free_notifier = mmgpu_mm_free_notifier,
};
EXPORT_SYMBOL_IF_KUNIT(mmgpu_mm_notifier_ops);

/* Needs the RCU read lock, and an mm that is alive. */
static struct mmgpu_mm *mmgpu_mm_find(const struct mm_struct *mm)
{
	struct mmgpu_mm *m;

	hash_for_each_possible_rcu(mms, m, node, (unsigned long)mm) {
		if (mmgpu_mm_is(m, mm))
			return m;
	}

	return NULL;
}

/**
 * mmgpu_mm_lookup_seq() - Find the number of an mm
 * @mm: an mm that is alive, or NULL
 *
 * Return: the number, 0 if it has none.
 */
u64 mmgpu_mm_lookup_seq(const struct mm_struct *mm)
{
	struct mmgpu_mm *m;
	u64 seq;

	rcu_read_lock();
	m = mmgpu_mm_find(mm);
	seq = m ? m->seq : 0;
	rcu_read_unlock();

	return seq;
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_mm_lookup_seq);

/**
 * mmgpu_mm_lookup() - Find an mm by its number
 * @seq: any number
 *
 * Return: its object, to be dropped with mmgpu_mm_put(); NULL if no mm has the
 * number, or if it is gone.
 */
struct mmgpu_mm *mmgpu_mm_lookup(u64 seq)
{
	struct mmgpu_mm *m, *found = NULL;

	/* Nothing keeps that mm alive, so the last reference may be on its way. */
	rcu_read_lock();
	hash_for_each_possible_rcu(mms_by_seq, m, seq_node, seq) {
		if (m->seq == seq && kref_get_unless_zero(&m->ref)) {
			found = m;
			break;
		}
	}
	rcu_read_unlock();

	return found;
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_mm_lookup);

/* Gives an mm's new notifier a number, unless another thread was faster. */
VISIBLE_IF_KUNIT struct mmgpu_mm *mmgpu_mm_publish(struct mmu_notifier *notifier,
						   struct mm_struct *mm)
{
	struct mmgpu_mm *m = to_mmgpu_mm(notifier);
	bool first;

	mmgpu_mm_get(m);

	spin_lock(&mms_lock);
	first = !m->seq;
	if (first) {
		m->seq = ++mms_last_seq;
		m->mm = mm;
		list_add_tail(&m->link, &mms_registered);
		hash_add_rcu(mms, &m->node, (unsigned long)mm);
		hash_add_rcu(mms_by_seq, &m->seq_node, m->seq);
	}
	spin_unlock(&mms_lock);

	/* One use is for the mm's life; another thread's race made a second one. */
	if (!first)
		mmu_notifier_put(notifier);

	return m;
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_mm_publish);

/* An mm that cannot end meanwhile. */
VISIBLE_IF_KUNIT struct mmgpu_mm *mmgpu_mm_assign_to(struct mm_struct *mm)
{
	struct mmu_notifier *notifier;
	struct mmgpu_mm *m;

	/* In the registry the notifier's own reference is there as long as the mm lives. */
	rcu_read_lock();
	m = mmgpu_mm_find(mm);
	if (m)
		mmgpu_mm_get(m);
	rcu_read_unlock();
	if (m)
		return m;

	/*
	 * Finds the mm's notifier or makes one, under the mm's own mmap lock. No lock
	 * of ours is held: a stranger may hold that lock for long.
	 */
	notifier = mmu_notifier_get(&mmgpu_mm_notifier_ops, mm);
	if (IS_ERR(notifier))
		return PTR_ERR(notifier) == -EINTR ? ERR_PTR(-ERESTARTSYS) : ERR_CAST(notifier);

	return mmgpu_mm_publish(notifier, mm);
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_mm_assign_to);

/**
 * mmgpu_mm_assign() - Give the caller's mm a number if it has none
 *
 * The first time takes the mmap lock for writing and visits every VMA. mm_struct has
 * no other hook that a module can use to learn of its end.
 *
 * Return: the object, to be dropped with mmgpu_mm_put(), or ERR_PTR(): -EINVAL if
 * the caller has no mm, -ENOMEM, -ERESTARTSYS.
 */
struct mmgpu_mm *mmgpu_mm_assign(void)
{
	if (!current->mm || current->flags & PF_KTHREAD)
		return ERR_PTR(-EINVAL);

	return mmgpu_mm_assign_to(current->mm);
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_mm_assign);

/* Whoever else holds it: no task runs in it, nor ever will, and nobody pays for its memory. */
static bool mmgpu_mm_has_no_task(const struct mm_struct *mm)
{
#ifdef CONFIG_MEMCG
	return !rcu_access_pointer(mm->owner);
#else
	return false;
#endif
}

/**
 * mmgpu_mm_get_users() - Keep an mm from ending, for a short time
 * @m: the mm's object
 *
 * Return: the mm, for mmgpu_mm_put_users(); NULL if its last user or its last task is gone,
 * and then it has ended for everybody.
 */
struct mm_struct *mmgpu_mm_get_users(struct mmgpu_mm *m)
{
	struct mm_struct *mm;
	bool ended = false;

	spin_lock(&mms_lock);
	mm = m->mm;
	if (mm && !mmgpu_mm_has_no_task(mm) && mmget_not_zero(mm)) {
		m->users++;
	} else {
		/* Before ->release is called, which may take a while. */
		ended = mmgpu_mm_end_locked(m);
		mm = NULL;
	}
	spin_unlock(&mms_lock);

	if (ended)
		mmgpu_mm_tell_end(m);

	return mm;
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_mm_get_users);

/**
 * mmgpu_mm_put_users() - Take back mmgpu_mm_get_users()
 * @m: the mm's object
 * @mm: the mm
 *
 * If this is what the mm's end has waited for, it comes here, and may take as long as somebody
 * likes (exit_aio() waits for file systems). That must not be a work item of everybody's.
 */
void mmgpu_mm_put_users(struct mmgpu_mm *m, struct mm_struct *mm)
{
	spin_lock(&mms_lock);
	m->users--;
	spin_unlock(&mms_lock);

	mmput(mm);
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_mm_put_users);

/**
 * mmgpu_mm_end_if_abandoned() - End an mm that no task runs in any more
 * @m: the mm's object
 *
 * ->release comes only when its last user lets go. Of ours a page fault may keep one for as
 * long as it likes, and so may somebody who looks at the mm from outside. Where the kernel has
 * no memory cgroups it does not say that no task is left: then the answer is yes if all
 * users are ours, and whoever looks from outside can postpone it.
 *
 * Return: true if the mm has ended, now or before.
 */
bool mmgpu_mm_end_if_abandoned(struct mmgpu_mm *m)
{
	bool ended = false, gone;

	/* Ours are counted while they are held, so other users make a difference here. */
	spin_lock(&mms_lock);
	if (m->mm && (mmgpu_mm_has_no_task(m->mm) || atomic_read(&m->mm->mm_users) == m->users))
		ended = mmgpu_mm_end_locked(m);
	gone = !m->mm;
	spin_unlock(&mms_lock);

	if (ended)
		mmgpu_mm_tell_end(m);

	return gone;
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_mm_end_if_abandoned);

/**
 * mmgpu_mm_add_client() - Ask to be told the end of an mm
 * @m: the mm's object; the mm must be alive
 * @client: whom to tell, with &mmgpu_mm_client.gone set
 */
void mmgpu_mm_add_client(struct mmgpu_mm *m, struct mmgpu_mm_client *client)
{
	mutex_lock(&m->clients_lock);
	list_add_tail(&client->link, &m->clients);
	mutex_unlock(&m->clients_lock);
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_mm_add_client);

/**
 * mmgpu_mm_remove_client() - Take back mmgpu_mm_add_client()
 * @m: the mm's object
 * @client: who was to be told; when this returns it is not, or has been
 */
void mmgpu_mm_remove_client(struct mmgpu_mm *m, struct mmgpu_mm_client *client)
{
	mutex_lock(&m->clients_lock);
	list_del(&client->link);
	mutex_unlock(&m->clients_lock);
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_mm_remove_client);

/**
 * mmgpu_mm_show() - Print the registry for debugfs
 * @s: where to
 */
void mmgpu_mm_show(struct seq_file *s)
{
	struct mmgpu_mm *m;
	int bkt;

	seq_printf(s, "last number %llu, notifiers %d\n", READ_ONCE(mms_last_seq),
		   atomic_read(&mms_notifiers));

	rcu_read_lock();
	hash_for_each_rcu(mms, bkt, m, node)
		seq_printf(s, "%llu\n", m->seq);
	rcu_read_unlock();
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_mm_show);

/**
 * mmgpu_mm_fini() - Give all notifiers back when the module goes
 *
 * No file is open any more, so nobody asks for a number and nobody holds one.
 */
void mmgpu_mm_fini(void)
{
	struct mmgpu_mm *m;

	for (;;) {
		spin_lock(&mms_lock);
		m = list_first_entry_or_null(&mms_registered, struct mmgpu_mm, link);
		if (m) {
			list_del_init(&m->link);
			mmgpu_mm_end_locked(m);
		}
		spin_unlock(&mms_lock);

		if (!m)
			break;
		mmu_notifier_put(&m->notifier);
	}

	/*
	 * mmu_notifier_synchronize() does not wait for callbacks. free_notifier runs with
	 * BH off, so after the last one has counted down a grace period sees it return.
	 */
	wait_event(mms_wq, !atomic_read(&mms_notifiers));
	synchronize_rcu();
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_mm_fini);
