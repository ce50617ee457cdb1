/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _MMGPU_COMPAT_LINUX_KTHREAD_H_
#define _MMGPU_COMPAT_LINUX_KTHREAD_H_

#include_next <linux/kthread.h>

/* kthread_create_worker() started the thread, too. Can go with 6.12. */
#ifndef kthread_run_worker
#define kthread_run_worker	kthread_create_worker
#endif

#endif
