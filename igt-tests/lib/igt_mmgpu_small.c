// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_small.h"

int igt_mmgpu_small_ioctl(int fd, unsigned long request, void *arg)
{
	return syscall(SYS_ioctl, fd, request, arg) ? errno : 0;
}

int igt_mmgpu_small_open(const char *node)
{
	return syscall(SYS_openat, AT_FDCWD, node, O_RDWR | O_CLOEXEC);
}

pid_t igt_mmgpu_small_fork(void)
{
	return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

int igt_mmgpu_small_join(pid_t pid)
{
	int status;

	return pid > 0 && syscall(SYS_wait4, pid, &status, 0, NULL) == pid ? status : -1;
}

void igt_mmgpu_small_exit(int code)
{
	for (;;)
		syscall(SYS_exit_group, code);
}

static bool is_needed(const char *name, uintptr_t start, uintptr_t end, const void *keep)
{
	static const char *const needed[] = { "libc.", "libc-", "ld-", "ld.", "[stack", "[v" };
	uintptr_t tls = (uintptr_t)&errno;

	for (unsigned int i = 0; i < igt_mmgpu_count(needed); i++)
		if (!strncmp(name, needed[i], strlen(needed[i])))
			return true;
	return !strncmp(name, program_invocation_short_name,
			strlen(program_invocation_short_name)) ||
	       (start <= tls && tls < end) ||
	       (start <= (uintptr_t)keep && (uintptr_t)keep < end);
}

void igt_mmgpu_small_become(const void *keep)
{
	struct {
		unsigned long start, size;
	} drop[512];
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned int n = 0;
	char line[512];

	igt_assert(maps);
	while (fgets(line, sizeof(line), maps) && n < igt_mmgpu_count(drop)) {
		const char *slash = strrchr(line, '/'), *bracket = strchr(line, '[');
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx", &start, &end) != 2)
			continue;
		if (is_needed(slash ? slash + 1 : bracket ?: "", start, end, keep))
			continue;
		drop[n].start = start;
		drop[n].size = end - start;
		n++;
	}
	fclose(maps);

	/* Binds syscall() and what looks errno up. */
	igt_assert_eq(igt_mmgpu_small_ioctl(-1, 0, NULL), EBADF);
	while (n--)
		syscall(SYS_munmap, drop[n].start, drop[n].size);
}

void igt_mmgpu_small_node(int fd, char *node, size_t size)
{
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, node, size - 1);
	igt_assert_lt(0, len);
	node[len] = 0;
}

unsigned int igt_mmgpu_env_number(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : otherwise;
}

bool igt_mmgpu_is_slow(void)
{
	return !access("/proc/lockdep", F_OK) || !access("/sys/kernel/debug/kcsan", F_OK);
}
