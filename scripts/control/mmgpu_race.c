// SPDX-License-Identifier: GPL-2.0-only
/* Copyright 2026 The mmgpu developers */

/*
 * A data race to order: two threads count in one plain variable. The data-race
 * kernel has to report it, see scripts/control/hears.
 */

#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>

static unsigned long counter;

static noinline void count_racily(void)
{
	counter++;
}

static int count(void *unused)
{
	while (!kthread_should_stop()) {
		count_racily();
		cond_resched();
	}
	return 0;
}

static int __init mmgpu_race_init(void)
{
	struct task_struct *threads[2];
	int i;

	for (i = 0; i < 2; i++) {
		threads[i] = kthread_run(count, NULL, "mmgpu-race/%d", i);
		if (IS_ERR(threads[i])) {
			if (i)
				kthread_stop(threads[0]);
			return PTR_ERR(threads[i]);
		}
	}
	schedule_timeout_uninterruptible(3 * HZ);
	for (i = 0; i < 2; i++)
		kthread_stop(threads[i]);
	return 0;
}

static void __exit mmgpu_race_exit(void)
{
}

module_init(mmgpu_race_init);
module_exit(mmgpu_race_exit);
MODULE_DESCRIPTION("A data race to order");
MODULE_LICENSE("GPL");
