// SPDX-License-Identifier: GPL-2.0-only
/* Copyright 2026 The mmgpu developers */

/*
 * Faults to order, one for each thing that the debug kernel looks for. It has to report
 * all of them, see scripts/control/hears. Those that come when the module goes may be
 * the kernel's end.
 */

#include <linux/compiler.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/preempt.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/timer.h>

#define LEAKS	16

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static struct timer_list timer;
static refcount_t refs = REFCOUNT_INIT(1);
static LIST_HEAD(list);
static LIST_HEAD(entry);
/* What is written behind the array is still within an object. */
static struct {
	int values[4];
	int behind;
} box;
static unsigned int index = ARRAY_SIZE(box.values);

static void leak(void)
{
	int i;

	/* Some may go unnoticed, by what is left on a stack. */
	for (i = 0; i < LEAKS; i++) {
		u8 *memory = kmalloc(256, GFP_KERNEL);

		if (memory)
			WRITE_ONCE(*memory, i);
	}
}

static void lock_in_both_orders(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static void sleep_in_atomic(void)
{
	preempt_disable();
	might_sleep();
	preempt_enable();
}

static void write_behind_an_array(void)
{
	box.values[READ_ONCE(index)] = 1;
}

static void put_twice(void)
{
	if (refcount_dec_and_test(&refs))
		refcount_dec(&refs);
}

/* The thread does not survive it. */
static int add_twice(void *unused)
{
	list_add(&entry, &list);
	list_add(&entry, &list);
	return 0;
}

static void unmap_half(void)
{
	struct platform_device *pdev;
	dma_addr_t address;
	u8 *memory;

	pdev = platform_device_register_simple("mmgpu_faults", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(pdev))
		return;
	memory = kmalloc(256, GFP_KERNEL);
	if (memory) {
		address = dma_map_single(&pdev->dev, memory, 256, DMA_TO_DEVICE);
		if (!dma_mapping_error(&pdev->dev, address))
			dma_unmap_single(&pdev->dev, address, 128, DMA_TO_DEVICE);
	}
	kfree(memory);
	platform_device_unregister(pdev);
}

static void timer_fn(struct timer_list *unused)
{
}

static void init_active_timer(void)
{
	timer_setup(&timer, timer_fn, 0);
	mod_timer(&timer, jiffies + 600 * HZ);
	timer_setup(&timer, timer_fn, 0);
	timer_delete_sync(&timer);
}

static void use_after_free(void)
{
	u8 *memory = kmalloc(256, GFP_KERNEL);

	if (!memory)
		return;
	kfree(memory);
	OPTIMIZER_HIDE_VAR(memory);
	WRITE_ONCE(*memory, 1);
}

static int __init mmgpu_faults_init(void)
{
	leak();
	lock_in_both_orders();
	sleep_in_atomic();
	write_behind_an_array();
	put_twice();
	unmap_half();
	init_active_timer();
	return 0;
}

static void __exit mmgpu_faults_exit(void)
{
	kthread_run(add_twice, NULL, "mmgpu-faults");
	msleep(1000);
	use_after_free();
}

module_init(mmgpu_faults_init);
module_exit(mmgpu_faults_exit);
MODULE_DESCRIPTION("Faults to order");
MODULE_LICENSE("GPL");
