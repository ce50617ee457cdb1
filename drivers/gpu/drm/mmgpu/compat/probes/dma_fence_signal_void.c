// SPDX-License-Identifier: GPL-2.0-only
/* dma_fence_signal() returns nothing any more (6.19). */
#include <linux/dma-fence.h>

_Static_assert(__builtin_types_compatible_p(typeof(&dma_fence_signal),
					    void (*)(struct dma_fence *)));
