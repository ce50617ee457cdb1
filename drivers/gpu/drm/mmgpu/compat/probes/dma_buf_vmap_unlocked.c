// SPDX-License-Identifier: GPL-2.0-only
/* dma_buf_vmap() wants the reservation, and there is one that does not (6.2). */
#include <linux/dma-buf.h>

void *probe = dma_buf_vmap_unlocked;
