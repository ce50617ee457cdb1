// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <dirent.h>
#include <fcntl.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_baseline.h"

/* The logs of the run, memory that tests share; other processes, and empty places in slabs. */
#define SLACK_KB		256
#define SLACK_MM_STRUCTS	24

static long number_after(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	char line[256];
	long value = -1;

	if (!file)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), file)) {
		const char *at = strstr(line, key);

		if (at)
			sscanf(at + strlen(key), " %ld", &value);
	}
	fclose(file);
	return value;
}

/* Lines without the title. */
static long count_lines(const char *path)
{
	FILE *file = fopen(path, "re");
	char line[256];
	long count = -1;

	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file))
		count++;
	fclose(file);
	return count;
}

/* The directory of our render node, or an empty string. */
static const char *debugfs_of_node(void)
{
	static char dir[96];
	char link[64], node[64];
	ssize_t len;
	int fd;

	/* Another one after a rebind. */
	if (dir[0] && !access(dir, F_OK))
		return dir;
	fd = igt_mmgpu_open();
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, node, sizeof(node) - 1);
	igt_assert_lt(0, len);
	node[len] = 0;
	close(fd);
	snprintf(dir, sizeof(dir), "/sys/kernel/debug/dri/%s", node + strcspn(node, "0123456789"));
	if (access(dir, F_OK))
		dir[0] = 0;
	return dir;
}

static long count_threads(void)
{
	static const char name[] = "mmgpu-svm/";
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	long count = 0;

	igt_assert(proc);
	while ((entry = readdir(proc))) {
		char path[sizeof(entry->d_name) + 16], comm[32] = "";
		FILE *file;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fgets(comm, sizeof(comm), file) && !strncmp(comm, name, strlen(name)))
			count++;
		fclose(file);
	}
	closedir(proc);
	return count;
}

/* Writing or reading some files collects what each CPU keeps for itself. */
static void collect(const char *path, bool write_it)
{
	int fd = open(path, (write_it ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	char byte = '1';

	if (fd < 0)
		return;
	if ((write_it ? write(fd, &byte, 1) : read(fd, &byte, 1)) < 0)
		igt_debug("%s: not collected\n", path);
	close(fd);
}

void igt_mmgpu_baseline_take(struct igt_mmgpu_baseline *now)
{
	const char *dir = debugfs_of_node();
	char path[128];

	collect("/proc/sys/vm/stat_refresh", false);
	collect("/sys/kernel/slab/mm_struct/shrink", true);
	now->shmem_kb = number_after("/proc/meminfo", "Shmem:");
	now->module = number_after("/sys/module/mmgpu/refcnt", "");
	now->mm_structs = number_after("/sys/kernel/slab/mm_struct/objects", "");
	now->threads = count_threads();
	now->bos = now->mms = now->notifiers = -1;
	if (dir[0]) {
		snprintf(path, sizeof(path), "%s/bos", dir);
		now->bos = count_lines(path);
		snprintf(path, sizeof(path), "%s/mms", dir);
		now->mms = count_lines(path);
		now->notifiers = number_after(path, "notifiers");
	}
}

/* Of what debugfs counts; -1 where it does not. */
static bool is_counted_back(long before, long now)
{
	return now <= before && (now >= 0 || before < 0);
}

static bool is_back(const struct igt_mmgpu_baseline *before, const struct igt_mmgpu_baseline *now)
{
	return now->shmem_kb <= before->shmem_kb + SLACK_KB &&
	       is_counted_back(before->bos, now->bos) &&
	       is_counted_back(before->mms, now->mms) &&
	       is_counted_back(before->notifiers, now->notifiers) &&
	       now->module <= before->module && now->threads <= before->threads &&
	       now->mm_structs <= before->mm_structs + SLACK_MM_STRUCTS;
}

static void print(const char *when, const struct igt_mmgpu_baseline *usage)
{
	igt_warn("%s: %ld KiB shmem, %ld buffers, %ld numbers, %ld notifiers, %ld references, %ld threads, %ld mm_structs\n",
		 when, usage->shmem_kb, usage->bos, usage->mms, usage->notifiers, usage->module,
		 usage->threads, usage->mm_structs);
}

void igt_mmgpu_baseline_assert(const struct igt_mmgpu_baseline *before)
{
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);
	struct igt_mmgpu_baseline now;

	do {
		igt_mmgpu_baseline_take(&now);
		if (is_back(before, &now))
			return;
		usleep(5000);
	} while (igt_mmgpu_now() < deadline);
	print("before", before);
	print("after", &now);
	igt_assert_f(false, "something was not given back\n");
}
