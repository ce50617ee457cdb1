// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Doors to a private buffer that lead over somebody else's mapping: a process that may
 * trace the visitor looks at its memory. The mappings are of PFNs, so there are no pages
 * for it to get, whoever the visitor is.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_mmgpu_bo_ways.h"

/* A page that was touched on entry and one that was not. */
#define OLD	1
#define NEW	8

struct target {
	pid_t pid;
	char *at;
};

static char *page(const struct igt_mmgpu_bo_way *way, unsigned int n)
{
	return way->map + n * IGT_MMGPU_BO_PAGE;
}

/* fn runs in a child, on the visitor, and gives 0 or -errno, the same for both pages. */
static int trace(const struct igt_mmgpu_bo_way *way, int (*fn)(const struct target *target))
{
	struct target target = { .pid = getpid() };
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		int ret;

		target.at = page(way, OLD);
		ret = fn(&target);
		target.at = page(way, NEW);
		_exit(fn(&target) == ret ? -ret : 255);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return IGT_MMGPU_BO_WRONG_ANSWER;
	return WEXITSTATUS(status) == 255 ? IGT_MMGPU_BO_UNLIKE : -WEXITSTATUS(status);
}

static int vm_readv(const struct target *target)
{
	uint64_t value;
	struct iovec local = { &value, sizeof(value) }, remote = { target->at, sizeof(value) };

	return process_vm_readv(target->pid, &local, 1, &remote, 1, 0) < 0 ? -errno : 0;
}

IGT_MMGPU_BO_DOOR(vm_readv)
{
	return trace(way, vm_readv);
}

static int vm_writev(const struct target *target)
{
	uint64_t value = IGT_MMGPU_BO_WRITTEN;
	struct iovec local = { &value, sizeof(value) }, remote = { target->at + 8, sizeof(value) };

	return process_vm_writev(target->pid, &local, 1, &remote, 1, 0) < 0 ? -errno : 0;
}

IGT_MMGPU_BO_DOOR(vm_writev)
{
	return trace(way, vm_writev);
}

static int mem_file(const struct target *target, bool write)
{
	uint64_t value = IGT_MMGPU_BO_WRITTEN;
	char path[64];
	int fd, ret;

	snprintf(path, sizeof(path), "/proc/%d/mem", target->pid);
	fd = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write)
		ret = pwrite(fd, &value, sizeof(value), (off_t)(target->at + 8)) < 0 ? -errno : 0;
	else
		ret = pread(fd, &value, sizeof(value), (off_t)target->at) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static int mem_read(const struct target *target)
{
	return mem_file(target, false);
}

IGT_MMGPU_BO_DOOR(mem_read)
{
	return trace(way, mem_read);
}

static int mem_write(const struct target *target)
{
	return mem_file(target, true);
}

IGT_MMGPU_BO_DOOR(mem_write)
{
	return trace(way, mem_write);
}

static int by_ptrace(const struct target *target, bool write)
{
	int ret = 0;

	if (ptrace(PTRACE_SEIZE, target->pid, NULL, NULL) ||
	    ptrace(PTRACE_INTERRUPT, target->pid, NULL, NULL) ||
	    waitpid(target->pid, NULL, __WALL) != target->pid)
		return -ECHILD;
	errno = 0;
	if (write)
		ret = ptrace(PTRACE_POKEDATA, target->pid, target->at + 8,
			     (void *)IGT_MMGPU_BO_WRITTEN) ? -errno : 0;
	else if (ptrace(PTRACE_PEEKDATA, target->pid, target->at, NULL) == -1)
		ret = -errno;
	ptrace(PTRACE_DETACH, target->pid, NULL, NULL);
	return ret;
}

static int peek(const struct target *target)
{
	return by_ptrace(target, false);
}

IGT_MMGPU_BO_DOOR(peek)
{
	return trace(way, peek);
}

static int poke(const struct target *target)
{
	return by_ptrace(target, true);
}

IGT_MMGPU_BO_DOOR(poke)
{
	return trace(way, poke);
}

/* By the visitor itself: pages to keep, as O_DIRECT, RDMA and io_uring take them, too. */
static int splice_page(char *at)
{
	struct iovec iov = { at, IGT_MMGPU_BO_PAGE };
	int fds[2], ret;

	if (pipe(fds))
		return IGT_MMGPU_BO_WRONG_ANSWER;
	ret = vmsplice(fds[1], &iov, 1, 0) < 0 ? -errno : 0;
	close(fds[0]);
	close(fds[1]);
	return ret;
}

IGT_MMGPU_BO_DOOR(vmsplice)
{
	int ret = splice_page(page(way, OLD));

	return splice_page(page(way, NEW)) == ret ? ret : IGT_MMGPU_BO_UNLIKE;
}
