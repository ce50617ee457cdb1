// SPDX-License-Identifier: GPL-2.0-only
/* VMA flags are changed by functions (6.3). */
#include <linux/mm.h>

void *probe = vm_flags_set;
