/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_CGROUP_H
#define IGT_MMGPU_CGROUP_H

#include <stddef.h>
#include <stdint.h>

#define IGT_MMGPU_CGROUP_UNLIMITED	SIZE_MAX

/* A memory cgroup of the test's own, without swap; limit in bytes. Skips where none can be. */
void igt_mmgpu_cgroup_make(const char *name, size_t limit);
/* From now on there is no limit. */
void igt_mmgpu_cgroup_lift(const char *name);
void igt_mmgpu_cgroup_remove(const char *name);
/* Moves the caller; what it has so far stays charged to where it was. */
void igt_mmgpu_cgroup_enter(const char *name);
/* What is charged to it, in bytes. */
int64_t igt_mmgpu_cgroup_memory(const char *name);
/* How often somebody was killed there because there was no more. */
int64_t igt_mmgpu_cgroup_oom_kills(const char *name);

#endif /* IGT_MMGPU_CGROUP_H */
