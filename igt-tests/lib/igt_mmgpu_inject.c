// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <fcntl.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_inject.h"

#define FAIL_NTH	"/proc/thread-self/fail-nth"

static __thread int fail_nth = -1;

/*
 * By default allocations that may sleep are spared. The stack is neither judged nor, unless
 * MMGPU_INJECT_VERBOSE is set, printed: on a serial console that takes longer than all else.
 */
static struct knob {
	const char *name;
	const char *value;
	char before[16];
} knobs[] = {
	{ "failslab/ignore-gfp-wait", "N" },
	{ "failslab/stacktrace-depth", "0" },
	{ "fail_page_alloc/ignore-gfp-wait", "N" },
	{ "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ "fail_page_alloc/min-order", "0" },
	{ "fail_page_alloc/stacktrace-depth", "0" },
	{ "fail_usercopy/stacktrace-depth", "0" },
	{ "failslab/verbose", NULL },
	{ "fail_page_alloc/verbose", NULL },
	{ "fail_usercopy/verbose", NULL },
};

static int open_knob(const struct knob *knob, int flags)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s", knob->name);
	return open(path, flags | O_CLOEXEC);
}

static bool set_knob(const struct knob *knob, const char *value)
{
	int fd = open_knob(knob, O_WRONLY);
	bool done = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);

	close(fd);
	return done;
}

static void restore_knobs(int sig)
{
	for (unsigned int i = 0; i < igt_mmgpu_count(knobs); i++)
		set_knob(&knobs[i], knobs[i].before);
}

void igt_mmgpu_inject_require(void)
{
	const char *verbose = getenv("MMGPU_INJECT_VERBOSE") ?: "0";

	igt_require_f(!access(FAIL_NTH, W_OK), "no " FAIL_NTH ": no debug kernel, or not root\n");
	for (unsigned int i = 0; i < igt_mmgpu_count(knobs); i++) {
		int fd = open_knob(&knobs[i], O_RDONLY);

		igt_require_f(fd >= 0, "no %s in debugfs\n", knobs[i].name);
		igt_assert_lt(0, read(fd, knobs[i].before, sizeof(knobs[i].before) - 1));
		close(fd);
	}
	igt_install_exit_handler(restore_knobs);
	for (unsigned int i = 0; i < igt_mmgpu_count(knobs); i++)
		igt_assert_f(set_knob(&knobs[i], knobs[i].value ?: verbose), "%s: %s\n",
			     knobs[i].name, strerror(errno));
}

void igt_mmgpu_inject_open(void)
{
	/* It belongs to the thread that opened it. */
	fail_nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	igt_assert_fd(fail_nth);
}

void igt_mmgpu_inject_set(int fd, unsigned int nth)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", nth);
	ssize_t ret;

	/* What has not been used up may hit this very call. */
	do
		ret = pwrite(fd, text, len, 0);
	while (ret < 0 && errno == EFAULT);
	igt_assert_eq(ret, len);
}

int igt_mmgpu_inject_open_thread(pid_t tid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/fail-nth", tid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	igt_assert_fd(fd);
	return fd;
}

unsigned int igt_mmgpu_inject_left(int fd)
{
	char text[16] = "";

	igt_assert_lt(0, pread(fd, text, sizeof(text) - 1, 0));
	return strtoul(text, NULL, 10);
}

void igt_mmgpu_inject_begin(unsigned int nth)
{
	igt_mmgpu_inject_set(fail_nth, nth);
}

bool igt_mmgpu_inject_end(void)
{
	char text[16] = "";
	ssize_t ret = pread(fail_nth, text, sizeof(text) - 1, 0);

	igt_mmgpu_inject_set(fail_nth, 0);
	/* This call itself may have been the nth. */
	if (ret < 0)
		return false;
	return strtoul(text, NULL, 10) == 0;
}
