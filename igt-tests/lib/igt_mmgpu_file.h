/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_FILE_H
#define IGT_MMGPU_FILE_H

#include <stdbool.h>
#include <stdint.h>

/* Small files of the kernel: in proc, sysfs, debugfs, tracefs and cgroups. */

/* One write of all of the text; false with errno set if that fails. */
bool igt_mmgpu_file_write(const char *path, const char *text);
/* The number after the name that begins a line ("": in the first line); -1 without one. */
int64_t igt_mmgpu_file_number(const char *path, const char *name);

#endif /* IGT_MMGPU_FILE_H */
