/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_MM_H_
#define _MMGPU_MM_H_

#include <linux/compiler.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mmu_notifier.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/workqueue.h>

struct mm_struct;
struct seq_file;

/**
 * struct mmgpu_mm - an mm that has a sequence number
 */
struct mmgpu_mm {
	/** @mm: the mm, pinned; NULL from its end on, before the pin is dropped */
	struct mm_struct *mm;

	/** @link: in the list of those whose @notifier, and with it the pin, is to be given back */
	struct list_head link;

	/** @seq: the number, fixed before anybody can find the object */
	u64 seq;

	/** @users: how many of the mm's users are ours, see mmgpu_mm_get_users() */
	unsigned int users;

	/** @svm_threads: threads that files of the mm have, see mmgpu_svm_thread.c */
	unsigned int svm_threads;

	/** @notifier: tells the end of @mm, and pins the struct */
	struct mmu_notifier notifier;

	/** @ref: one of @notifier, one of each holder */
	struct kref ref;

	/** @node: in the registry, by @mm, until the end of @mm */
	struct hlist_node node;

	/** @seq_node: in the registry, by @seq, until the end of @mm */
	struct hlist_node seq_node;

	/** @clients_lock: protects @clients, held while they are told the end */
	struct mutex clients_lock;

	/** @clients: &struct mmgpu_mm_client, who want to know of the end */
	struct list_head clients;

	/** @gone_work: tells the clients */
	struct work_struct gone_work;

	/** @rcu: frees the object after the last lookup */
	struct rcu_head rcu;
};

/**
 * struct mmgpu_mm_client - somebody who wants to know of the end of an mm
 */
struct mmgpu_mm_client {
	/** @link: in &mmgpu_mm.clients */
	struct list_head link;

	/** @gone: called once, from a work item, with &mmgpu_mm.clients_lock held */
	void (*gone)(struct mmgpu_mm_client *client);
};

/**
 * mmgpu_mm_is() - Ask whether an mm is the one that has a number
 * @m: object of the number
 * @mm: an mm that is alive now (current->mm, the mm of a VMA in a fault), or NULL
 *
 * &mmgpu_mm.mm is pinned while it is not NULL, so at the moment of the load no
 * other mm can have its address, and @mm is alive at that moment. Hence two equal
 * pointers are one mm. This is the whole cost of a check on a bound file.
 *
 * Return: true if @mm is it.
 */
static inline bool mmgpu_mm_is(const struct mmgpu_mm *m, const struct mm_struct *mm)
{
	return READ_ONCE(m->mm) == mm && mm;
}

static inline bool mmgpu_mm_is_gone(const struct mmgpu_mm *m)
{
	return !READ_ONCE(m->mm);
}

struct mmgpu_mm *mmgpu_mm_assign(void);
struct mmgpu_mm *mmgpu_mm_get(struct mmgpu_mm *m);
void mmgpu_mm_put(struct mmgpu_mm *m);
struct mmgpu_mm *mmgpu_mm_lookup(u64 seq);
u64 mmgpu_mm_lookup_seq(const struct mm_struct *mm);
struct mm_struct *mmgpu_mm_get_users(struct mmgpu_mm *m);
void mmgpu_mm_put_users(struct mmgpu_mm *m, struct mm_struct *mm);
bool mmgpu_mm_end_if_abandoned(struct mmgpu_mm *m);
void mmgpu_mm_add_client(struct mmgpu_mm *m, struct mmgpu_mm_client *client);
void mmgpu_mm_remove_client(struct mmgpu_mm *m, struct mmgpu_mm_client *client);
void mmgpu_mm_show(struct seq_file *s);
void mmgpu_mm_fini(void);

#if IS_ENABLED(CONFIG_KUNIT)
extern const struct mmu_notifier_ops mmgpu_mm_notifier_ops;
struct mmgpu_mm *mmgpu_mm_publish(struct mmu_notifier *notifier, struct mm_struct *mm);
struct mmgpu_mm *mmgpu_mm_assign_to(struct mm_struct *mm);
#endif

#endif /* _MMGPU_MM_H_ */
