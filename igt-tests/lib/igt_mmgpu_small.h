/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_SMALL_H
#define IGT_MMGPU_SMALL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Forking a program with all of libigt's libraries mapped costs five times as much as
 * forking a small one. So a process that is to fork thousands of others unmaps them and the
 * heap, and from then on calls nothing but the functions below and what of libc was called
 * before: for others the linker would search through libraries that are not there.
 */

/* Makes the caller small; what lies around "keep" stays mapped. */
void igt_mmgpu_small_become(const void *keep);

/* 0, or the errno. */
int igt_mmgpu_small_ioctl(int fd, unsigned long request, void *arg);
/* The same node by a new file. */
int igt_mmgpu_small_open(const char *node);
pid_t igt_mmgpu_small_fork(void);
/* The exit status as of waitpid(), or -1. */
int igt_mmgpu_small_join(pid_t pid);
void igt_mmgpu_small_exit(int code) __attribute__((noreturn));

/* Path of the node that a file was opened by. */
void igt_mmgpu_small_node(int fd, char *node, size_t size);

/* A number from the environment. */
unsigned int igt_mmgpu_env_number(const char *name, unsigned int otherwise);
/* With lockdep and KASAN, which fork and exec fifty times slower, or with KCSAN. */
bool igt_mmgpu_is_slow(void);

#endif /* IGT_MMGPU_SMALL_H */
