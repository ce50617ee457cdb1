// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* The device as root sees it: its nodes, its driver, its parameters, what is left of the work. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

#define DRIVER	"/sys/bus/platform/drivers/mmgpu/"

bool fuzz_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good;

	if (fd < 0)
		return false;
	good = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return good;
}

long fuzz_read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	long value = -1;

	if (file) {
		if (fscanf(file, "%ld", &value) != 1)
			value = -1;
		fclose(file);
	}
	return value;
}

static bool is_ours(const char *node)
{
	char path[320], target[PATH_MAX];
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/class/drm/%s/device/driver", node);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = 0;
	return !strcmp(strrchr(target, '/') ?: "", "/mmgpu");
}

unsigned int fuzz_find_nodes(void)
{
	DIR *dir = opendir("/sys/class/drm");
	unsigned int renders = 0, cards = 0;
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		bool render = !strncmp(entry->d_name, "renderD", 7);
		unsigned int *n = render ? &renders : &cards;
		char (*to)[32] = render ? fuzz->render : fuzz->card;
		char path[32];

		if ((!render && strncmp(entry->d_name, "card", 4)) || *n == FUZZ_NODES ||
		    strlen(entry->d_name) > 16 || !is_ours(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/dev/dri/%.16s", entry->d_name);
		/* There is no udev here. */
		if (chmod(path, 0666))
			continue;
		memcpy(to[(*n)++], path, sizeof(path));
	}
	if (dir)
		closedir(dir);
	return renders;
}

static void forget_nodes(void)
{
	memset(fuzz->render, 0, sizeof(fuzz->render));
	memset(fuzz->card, 0, sizeof(fuzz->card));
}

/* ---- unbind and rebind ------------------------------------------------------------------ */

/* Of the first device; the nodes of others stay known. */
static void unbind_and_bind(uint64_t seed)
{
	if (!fuzz_write_file(DRIVER "unbind", "mmgpu.0"))
		return;
	fuzz_find_nodes();
	usleep(fuzz_mix2(seed, 1) % 150000);
	/* A name that is still taken, memory that fails: again. */
	while (!fuzz_write_file(DRIVER "bind", "mmgpu.0") && errno != EBUSY && !fuzz->stop)
		usleep(20000);
	forget_nodes();
	fuzz_find_nodes();
	fuzz_add(fuzz->rebinds, 1);
}

/* One process of its own, so that the supervisor sees it hang. */
void fuzz_binder(unsigned int round)
{
	struct fuzz_slot *slot = &fuzz->slot[fuzz->workers][0];
	unsigned int n = 0;

	prctl(PR_SET_NAME, "fuzz-binder");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	slot->kind = FUZZ_MAX_KINDS;
	slot->tid = getpid();
	slot->pid = getpid();
	while (!fuzz_load(fuzz->stop)) {
		uint64_t seed = fuzz_mix2(fuzz->seed ^ round, n++);
		unsigned int wait = 20 + seed % 160;

		/* Five seconds to 45. */
		while (wait-- && !fuzz_load(fuzz->stop))
			usleep(250000);
		if (fuzz_load(fuzz->stop))
			break;
		fuzz_write_file("/sys/kernel/tracing/events/mmgpu/enable", seed >> 32 & 1 ? "1" : "0");
		slot->kind = 0;
		fuzz_store(slot->serial, slot->serial + 1);
		unbind_and_bind(seed);
		slot->kind = FUZZ_MAX_KINDS;
	}
	/* Whoever comes next starts with what was there. */
	fuzz_write_file("/sys/kernel/tracing/events/mmgpu/enable", "0");
	slot->pid = 0;
	_exit(0);
}

/* ---- parameters ------------------------------------------------------------------------- */

static int run(char *const argv[])
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Unloading is refused until the last fence is gone, so it is tried for some time. */
bool fuzz_module_reload(uint64_t seed)
{
	static const char *const caps[] = { "syncobj,timeline", "syncobj,timeline", "syncobj", "none" };
	char engines[24], timeout[24], delay[24], devices[24], svm[8], offer[40];
	char *unload[] = { "rmmod", "mmgpu", NULL };
	char *load[] = { "modprobe", "mmgpu", engines, timeout, delay, devices, svm, offer, NULL };
	unsigned int i;

	fuzz->job_timeout_ms = 10 + fuzz_mix2(seed, 2) % 90;
	fuzz->max_delay_ms = fuzz_mix2(seed, 3) % 300;
	snprintf(engines, sizeof(engines), "engines=%u", 1 + (unsigned int)(fuzz_mix2(seed, 1) % 5));
	snprintf(timeout, sizeof(timeout), "job_timeout_ms=%u", fuzz->job_timeout_ms);
	snprintf(delay, sizeof(delay), "max_delay_ms=%u", fuzz->max_delay_ms);
	snprintf(devices, sizeof(devices), "num_devices=%u",
		 1 + (unsigned int)(fuzz_mix2(seed, 4) % 3));
	snprintf(svm, sizeof(svm), "svm=%u", fuzz_mix2(seed, 5) % 4 != 0);
	snprintf(offer, sizeof(offer), "caps=%s", caps[fuzz_mix2(seed, 6) % fuzz_count(caps)]);

	forget_nodes();
	for (i = 0; i < 300; i++) {
		if (access("/sys/module/mmgpu", F_OK) || !run(unload))
			break;
		usleep(100000);
	}
	if (i == 300) {
		printf("fuzz: the module cannot be unloaded\n");
		return false;
	}
	if (run(load) || !fuzz_find_nodes()) {
		printf("fuzz: %s %s %s %s %s %s: does not load\n", engines, timeout, delay, devices, svm,
		       offer);
		return false;
	}
	printf("fuzz: loaded with %s %s %s %s %s %s\n", engines, timeout, delay, devices, svm, offer);
	fuzz_add(fuzz->reloads, 1);
	return true;
}

/* ---- the end ---------------------------------------------------------------------------- */

struct left {
	long bos, mms, shmem_kb, refs;
};

static struct left before;

static long lines(const char *name, const char *node)
{
	char path[96], line[512];
	long n = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%s/%s", node + strcspn(node, "0123456789"),
		 name);
	file = fopen(path, "re");
	if (!file)
		return -1;
	/* Without the title. */
	while (fgets(line, sizeof(line), file))
		n++;
	fclose(file);
	return n;
}

static long shmem(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];
	long kb = -1;

	while (file && kb < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, "Shmem:", 6))
			kb = strtol(line + 6, NULL, 10);
	if (file)
		fclose(file);
	return kb;
}

static struct left look(void)
{
	struct left now = {
		.bos = lines("bos", fuzz->render[0]), .mms = lines("mms", fuzz->render[0]),
		.shmem_kb = shmem(), .refs = fuzz_read_number("/sys/module/mmgpu/refcnt"),
	};
	unsigned int i;

	for (i = 1; i < FUZZ_NODES && fuzz->render[i][0]; i++)
		now.bos += lines("bos", fuzz->render[i]);
	return now;
}

bool fuzz_baseline_take(void)
{
	before = look();
	return before.bos >= 0;
}

/* A last job may still be on its way out, and RCU after it. */
bool fuzz_baseline_check(void)
{
	struct left now;
	unsigned int i;

	for (i = 0; i < 300; i++) {
		now = look();
		if (now.bos <= 0 && now.mms <= 0 && now.refs <= 0 && now.shmem_kb <= before.shmem_kb + 1024)
			break;
		usleep(100000);
	}
	printf("left over: %ld buffers, %ld mms, %ld references of the module, %+ld KiB of shmem\n",
	       now.bos, now.mms, now.refs, now.shmem_kb - before.shmem_kb);
	return i < 300;
}
