// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_state.h"

static void __attribute__((format(printf, 2, 3)))
add(struct igt_mmgpu_state *state, const char *format, ...)
{
	size_t left = sizeof(state->text) - state->len;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(state->text + state->len, left, format, args);
	va_end(args);
	igt_assert_f(len >= 0 && (size_t)len < left, "more state than there is room for\n");
	state->len += len;
}

static void debugfs_path(char *path, size_t size, int fd, const char *name)
{
	char link[64], node[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, node, sizeof(node) - 1);
	igt_assert_lt(0, len);
	node[len] = 0;
	snprintf(path, size, "/sys/kernel/debug/dri/%.16s/%s", node + strcspn(node, "0123456789"),
		 name);
}

static void add_bos(struct igt_mmgpu_state *state, int fd)
{
	char path[128], line[256], size[32], seq[32], flags[32];
	unsigned int handles, mapped, imported;
	FILE *file;

	debugfs_path(path, sizeof(path), fd, "bos");
	file = fopen(path, "re");
	igt_require_f(file, "no %s: not root, or debugfs is not mounted\n", path);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, " %31s %31s %31s %u %u %u", size, seq, flags, &handles, &mapped,
			   &imported) == 6)
			add(state, "buffer %s %s %s %u %u\n", size, seq, flags, handles, imported);
		else if (strstr(line, "grant"))
			add(state, "%s", line);
	}
	fclose(file);
}

/* Numbers go on, so the last one is not state. */
static void add_mms(struct igt_mmgpu_state *state, int fd)
{
	char path[128], line[256];
	unsigned int count = 0;
	int notifiers = -1;
	FILE *file;

	debugfs_path(path, sizeof(path), fd, "mms");
	file = fopen(path, "re");
	igt_assert(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "last number %*u, notifiers %d", &notifiers) != 1)
			count++;
	fclose(file);
	igt_assert_lte(0, notifiers);
	add(state, "%u numbers, %d notifiers\n", count, notifiers);
}

/* The number of references that a file has is only known of each single one. */
static void add_dmabufs(struct igt_mmgpu_state *state)
{
	FILE *file = fopen("/sys/kernel/debug/dma_buf/bufinfo", "re");
	char line[256];

	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "Total ", 6))
			add(state, "dma-bufs: %s", line);
	fclose(file);
}

static void add_memory(struct igt_mmgpu_state *state, int fd)
{
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	igt_assert(file);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "drm-total-", 10) || !strncmp(line, "drm-shared-", 11))
			add(state, "%s", line);
	fclose(file);
}

/* Each kind hands out the lowest number that is free. */
static void add_next(struct igt_mmgpu_state *state, int fd)
{
	uint32_t syncobj = igt_mmgpu_syncobj_create(fd);
	uint32_t ctx = igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY);

	add(state, "next: buffer %u, context %u, syncobj %u\n", igt_mmgpu_next_handle(fd), ctx,
	    syncobj);
	igt_mmgpu_syncobj_destroy(fd, syncobj);
	igt_mmgpu_ctx_destroy(fd, ctx);
}

static void add_descriptors(struct igt_mmgpu_state *state)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	igt_assert(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	add(state, "%u descriptors\n", count);
}

void igt_mmgpu_state_take(struct igt_mmgpu_state *state, const int *files, unsigned int count)
{
	state->len = 0;
	for (unsigned int i = 0; i < count; i++) {
		add(state, "file %d\n", files[i]);
		add_memory(state, files[i]);
		add_next(state, files[i]);
	}
	add_bos(state, files[0]);
	add_mms(state, files[0]);
	add_dmabufs(state);
	add_descriptors(state);
}

void igt_mmgpu_state_is(const struct igt_mmgpu_state *before, const int *files,
			unsigned int count, const char *what)
{
	int64_t deadline = igt_mmgpu_deadline_ms(20000);
	struct igt_mmgpu_state now;

	do {
		igt_mmgpu_state_take(&now, files, count);
		if (!strcmp(now.text, before->text))
			return;
		usleep(1000);
	} while (igt_mmgpu_now() < deadline);
	igt_warn("before:\n%safter %s:\n%s", before->text, what, now.text);
	igt_assert_f(false, "%s changed something\n", what);
}
