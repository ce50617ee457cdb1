// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <sys/stat.h>

#include "igt.h"
#include "igt_mmgpu_cgroup.h"
#include "igt_mmgpu_file.h"

#define ROOT	"/sys/fs/cgroup"

static bool write_file(const char *group, const char *file, const char *text)
{
	char path[160];

	snprintf(path, sizeof(path), ROOT "/%s/%s", group, file);
	return igt_mmgpu_file_write(path, text);
}

static int64_t read_number(const char *group, const char *file, const char *name)
{
	char path[160];
	int64_t number;

	snprintf(path, sizeof(path), ROOT "/%s/%s", group, file);
	number = igt_mmgpu_file_number(path, name);
	igt_assert_f(number >= 0, "%s has no number %s\n", path, name);
	return number;
}

void igt_mmgpu_cgroup_make(const char *name, size_t limit)
{
	char path[128], text[32];

	igt_require_f(!access(ROOT "/cgroup.controllers", F_OK), "no cgroup2 at " ROOT "\n");
	igt_require_f(write_file("", "cgroup.subtree_control", "+memory"),
		      "no memory controller: %s\n", strerror(errno));
	snprintf(path, sizeof(path), ROOT "/%s", name);
	igt_require_f(!mkdir(path, 0755) || errno == EEXIST, "mkdir %s: %s\n", path,
		      strerror(errno));
	/* There is no such file where there is no swap. */
	write_file(name, "memory.swap.max", "0");
	if (limit == IGT_MMGPU_CGROUP_UNLIMITED) {
		igt_mmgpu_cgroup_lift(name);
	} else {
		snprintf(text, sizeof(text), "%zu", limit);
		igt_assert(write_file(name, "memory.max", text));
	}
}

void igt_mmgpu_cgroup_lift(const char *name)
{
	igt_assert(write_file(name, "memory.max", "max"));
}

void igt_mmgpu_cgroup_remove(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), ROOT "/%s", name);
	rmdir(path);
}

void igt_mmgpu_cgroup_enter(const char *name)
{
	igt_assert(write_file(name, "cgroup.procs", "0"));
}

int64_t igt_mmgpu_cgroup_memory(const char *name)
{
	return read_number(name, "memory.current", "");
}

int64_t igt_mmgpu_cgroup_oom_kills(const char *name)
{
	return read_number(name, "memory.events", "oom_kill ");
}
