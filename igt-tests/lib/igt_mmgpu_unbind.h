/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_UNBIND_H
#define IGT_MMGPU_UNBIND_H

/* Our first device leaves its driver and comes back, as by an unplug. Only root may. */

/* Finds it, and skips where that is not allowed. First of all. */
void igt_mmgpu_unbind_init(void);
void igt_mmgpu_unbind(void);
/* Does nothing if it is bound. */
void igt_mmgpu_rebind(void);

#endif /* IGT_MMGPU_UNBIND_H */
