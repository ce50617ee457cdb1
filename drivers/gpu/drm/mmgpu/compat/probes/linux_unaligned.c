// SPDX-License-Identifier: GPL-2.0-only
/* unaligned.h is not the architecture's any more (6.12). */
#include <linux/unaligned.h>
