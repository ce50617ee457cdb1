// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "igt.h"
#include "igt_mmgpu_cgroup.h"

#define ROOT	"/sys/fs/cgroup"

static bool write_file(const char *group, const char *file, const char *text)
{
	char path[160];
	bool good;
	int fd;

	snprintf(path, sizeof(path), ROOT "/%s/%s", group, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return good;
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
	snprintf(text, sizeof(text), "%zu", limit);
	igt_assert(write_file(name, "memory.max", text));
	/* There is no such file where there is no swap. */
	write_file(name, "memory.swap.max", "0");
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
