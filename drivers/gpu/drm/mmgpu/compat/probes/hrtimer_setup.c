// SPDX-License-Identifier: GPL-2.0-only
/* hrtimer_setup() takes the callback, which hrtimer_init() did not (6.15). */
#include <linux/hrtimer.h>

void *probe = hrtimer_setup;
