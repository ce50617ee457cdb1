/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_MODULE_H
#define IGT_MMGPU_MODULE_H

#include <stdbool.h>

/* For tests that load and unload mmgpu by themselves. */

/* Skips where that is not allowed, or where somebody else has loaded it. */
void igt_mmgpu_module_require(void);
bool igt_mmgpu_module_loaded(void);
/* With such parameters; 0, or what modprobe's exit says. */
int __igt_mmgpu_module_load(const char *params);
void igt_mmgpu_module_load(const char *params);
/* Tries once: 0 or -errno. */
int igt_mmgpu_module_unload_once(void);
/* Tries for IGT_MMGPU_PATIENCE, as the last fence lets go of it only after a grace period. */
void igt_mmgpu_module_unload(void);
/* Fails unless unloading is refused. */
void igt_mmgpu_module_held(void);

#endif /* IGT_MMGPU_MODULE_H */
