// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/**
 * DOC: Fences
 *
 * There are two kinds. A job's fence is what user space and other drivers see; its
 * holders may keep it for as long as they like, long after the job, the file and the
 * device are gone. So it owns all it needs: static names, its lock, and a reference of
 * the module, which an RCU callback drops after the last lookup under RCU.
 *
 * The other kind says that a job's in-fences have signalled, or that nobody needs them
 * any more. Only the scheduler sees it.
 *
 * Both are allocated in the ioctl, and signalled without allocating.
 */

#include <linux/dma-fence.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "mmgpu_fence.h"

struct mmgpu_fence {
	struct dma_fence base;
	/* The fence's own lock, which must live as long as the fence. */
	spinlock_t lock;
	struct rcu_head rcu;
};

static struct mmgpu_fence *to_mmgpu_fence(struct dma_fence *fence)
{
	return container_of(fence, struct mmgpu_fence, base);
}

static const char *mmgpu_fence_get_driver_name(struct dma_fence *fence)
{
	return "mmgpu";
}

static const char *mmgpu_fence_get_job_name(struct dma_fence *fence)
{
	return "job";
}

static const char *mmgpu_fence_get_ready_name(struct dma_fence *fence)
{
	return "ready";
}

static void mmgpu_fence_free_rcu(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct mmgpu_fence, rcu));
	/* Unloading ends with rcu_barrier(), so it waits for the return from here. */
	module_put(THIS_MODULE);
}

static void mmgpu_fence_release(struct dma_fence *fence)
{
	call_rcu(&to_mmgpu_fence(fence)->rcu, mmgpu_fence_free_rcu);
}

static const struct dma_fence_ops mmgpu_fence_job_ops = {
	.get_driver_name = mmgpu_fence_get_driver_name,
	.get_timeline_name = mmgpu_fence_get_job_name,
	.release = mmgpu_fence_release,
};

static const struct dma_fence_ops mmgpu_fence_ready_ops = {
	.get_driver_name = mmgpu_fence_get_driver_name,
	.get_timeline_name = mmgpu_fence_get_ready_name,
	.release = mmgpu_fence_release,
};

/**
 * mmgpu_fence_alloc() - Allocate a fence of either kind
 *
 * Return: memory to initialize, or to give to mmgpu_fence_free(); NULL if there is none.
 */
struct dma_fence *mmgpu_fence_alloc(void)
{
	struct mmgpu_fence *fence = kzalloc_obj(*fence, GFP_KERNEL_ACCOUNT);

	return fence ? &fence->base : NULL;
}

/**
 * mmgpu_fence_free() - Free a fence that was not initialized
 * @fence: fence, or NULL
 */
void mmgpu_fence_free(struct dma_fence *fence)
{
	if (fence)
		kfree(to_mmgpu_fence(fence));
}

/**
 * mmgpu_fence_init_job() - Make it the fence of a job
 * @fence: from mmgpu_fence_alloc(); the caller gets its reference
 * @context: fence context of the job's context
 * @seqno: place of the job among the context's
 */
void mmgpu_fence_init_job(struct dma_fence *fence, u64 context, u64 seqno)
{
	/* An ioctl on an open file calls, so the module is there. */
	__module_get(THIS_MODULE);
	spin_lock_init(&to_mmgpu_fence(fence)->lock);
	dma_fence_init(fence, &mmgpu_fence_job_ops, &to_mmgpu_fence(fence)->lock, context, seqno);
}

/**
 * mmgpu_fence_init_ready() - Make it the fence that lets a job start
 * @fence: from mmgpu_fence_alloc(); the caller gets its reference
 */
void mmgpu_fence_init_ready(struct dma_fence *fence)
{
	__module_get(THIS_MODULE);
	/* A lock class of its own: job fences that signal call back into it. */
	spin_lock_init(&to_mmgpu_fence(fence)->lock);
	dma_fence_init(fence, &mmgpu_fence_ready_ops, &to_mmgpu_fence(fence)->lock,
		       dma_fence_context_alloc(1), 1);
}
