/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_INJECT_H
#define IGT_MMGPU_INJECT_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * The kernel's fault injection: the nth allocation or copy from or to user space that the
 * calling thread makes from now on fails.
 */

/* Skips where the kernel has none, or not for us. Until the exit nothing is spared. */
void igt_mmgpu_inject_require(void);

/* For each thread that injects: before the first, and after fork. */
void igt_mmgpu_inject_open(void);

/* Nothing but the system call in question may be between the two. */
void igt_mmgpu_inject_begin(unsigned int nth);
/* Whether it came to the nth one. */
bool igt_mmgpu_inject_end(void);

/* The same for another thread, of the kernel too: a descriptor, the nth, what is left of it. */
int igt_mmgpu_inject_open_thread(pid_t tid);
void igt_mmgpu_inject_set(int fail_nth, unsigned int nth);
unsigned int igt_mmgpu_inject_left(int fail_nth);

#endif /* IGT_MMGPU_INJECT_H */
