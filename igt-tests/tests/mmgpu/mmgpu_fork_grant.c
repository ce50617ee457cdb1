// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * A grant is for one mm: not for its children, and not for a process that looks like a
 * dead one.
 *
 * MMGPU_FORK_PROCESSES is how many short processes come after dead grantees (150, and 20
 * on a slow kernel).
 */

#include <errno.h>
#include <linux/dma-buf.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_mmgpu_grant.h"
#include "igt_mmgpu_small.h"

IGT_TEST_DESCRIPTION("What a new process has of a grant.");

#define PAGE		4096
#define SIZE		(4 * PAGE)
#define READ_WRITE	IGT_MMGPU_READ_WRITE
#define PATTERN		0x600d600dull

static struct igt_mmgpu_private own;
static struct igt_mmgpu_theirs *const theirs = &igt_mmgpu_theirs;

static uint64_t *map_at(int fd, uint64_t offset)
{
	uint64_t *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	igt_assert(map != MAP_FAILED);
	return map;
}

static void setup(void)
{
	uint64_t *map;

	igt_mmgpu_private_init(&own, SIZE);
	map = map_at(own.fd, own.offset);
	map[0] = PATTERN;
	munmap(map, SIZE);
}

static int wait_code(pid_t pid)
{
	int status;

	igt_assert_lt(0, pid);
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* ---- grantees ---------------------------------------------------------------------------------- */

/* A child of a grantee has none of it: not the mapping, not the handle, not the right. */
static int nothing_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct drm_mmgpu_bo_info info;
	int file = igt_mmgpu_reopen(own.legacy);

	igt_assert_eq(igt_mmgpu_touch_read(data, 0), SIGSEGV);
	igt_assert_eq(__igt_mmgpu_bo_info(theirs->file, theirs->bo, &info), -EPERM);
	igt_assert_eq(igt_mmgpu_access(file, own.dmabuf), -EPERM);
	igt_assert(mmap(NULL, SIZE, PROT_READ, MAP_SHARED, own.dmabuf, 0) == MAP_FAILED);
	igt_assert_eq(errno, EPERM);
	igt_mmgpu_number(file);
	igt_assert_eq(igt_mmgpu_access(file, own.dmabuf), -EPERM);
	return 0;
}

static int fork_grantee(int node_fd, int fd, const void *data)
{
	uint64_t *map = map_at(theirs->file, own.offset);

	igt_assert_eq_u64(*map, PATTERN);
	igt_mmgpu_proc_run(nothing_proc, map);
	munmap(map, SIZE);
	return 0;
}

static void grantee_child(void)
{
	struct igt_mmgpu_peer peer;

	igt_mmgpu_peer_enter(&peer, &own, READ_WRITE, false);
	igt_assert_eq(igt_mmgpu_peer_call(&peer, fork_grantee, -1, NULL, 0), 0);
	igt_mmgpu_peer_stop(&peer);
}

/* A child that is granted the buffer itself maps it anew, and has it without the parent. */
static int granted_child_proc(struct igt_mmgpu_proc *self, void *data)
{
	int file = igt_mmgpu_reopen(own.legacy);
	uint64_t seq = igt_mmgpu_number(file);
	uint64_t *map;

	igt_assert_eq(igt_mmgpu_touch_read(data, 0), SIGSEGV);
	igt_mmgpu_send(self->sock, &seq, sizeof(seq));
	igt_mmgpu_recv(self->sock, &seq, sizeof(seq));

	/* The old mapping does not come back by it. */
	igt_assert_eq(igt_mmgpu_touch_read(data, 0), SIGSEGV);
	map = map_at(own.dmabuf, 0);
	igt_mmgpu_recv(self->sock, &seq, sizeof(seq));
	return igt_mmgpu_touch_read(map, PATTERN);
}

static void granted_child(void)
{
	uint64_t *map = map_at(own.fd, own.offset);
	struct igt_mmgpu_proc proc;
	uint64_t seq;

	igt_assert_eq_u64(*map, PATTERN);
	igt_mmgpu_proc_start(&proc, granted_child_proc, map);
	igt_mmgpu_recv(proc.sock, &seq, sizeof(seq));
	igt_mmgpu_private_grant(&own, READ_WRITE, seq);
	igt_mmgpu_send(proc.sock, &seq, sizeof(seq));
	munmap(map, SIZE);
	igt_mmgpu_send(proc.sock, &seq, sizeof(seq));
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
}

/* ---- processes that look like dead ones ------------------------------------------------------------ */

/* By doors of the dma-buf: DRM core makes ioctls of many processes on one file slow. */
static int has_nothing(void)
{
	struct dma_buf_sync args = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ };
	void *map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, own.dmabuf, 0);

	if (map != MAP_FAILED || errno != EPERM)
		return 1;
	return igt_mmgpu_ioctl(own.dmabuf, DMA_BUF_IOCTL_SYNC, &args) != -EPERM;
}

/* With the pid of a grantee that is gone. */
static void recycled_pid(void)
{
	struct igt_mmgpu_peer peer;
	struct clone_args args = { .exit_signal = SIGCHLD, .set_tid_size = 1 };
	pid_t pid;

	igt_mmgpu_peer_start(&peer, own.legacy);
	igt_mmgpu_private_grant(&own, READ_WRITE, peer.seq);
	igt_assert_eq(igt_mmgpu_peer_access(&peer, own.dmabuf), READ_WRITE);
	pid = peer.proc.pid;
	igt_mmgpu_peer_stop(&peer);

	/* At once, and when its end has got about. */
	for (int i = 0; i < 2; i++) {
		pid_t child;

		args.set_tid = (uintptr_t)&pid;
		fflush(NULL);
		child = syscall(SYS_clone3, &args, sizeof(args));
		if (!child)
			_exit(getpid() != pid || has_nothing());
		igt_require_f(child == pid, "no process with a given pid: %s\n", strerror(errno));
		igt_assert_eq(wait_code(child), 0);
		igt_mmgpu_await_dead(&own, peer.seq);
	}
}

/* The kernel hands an mm_struct out again soon. */
static void recycled_mm(void)
{
	const char *text = getenv("MMGPU_FORK_PROCESSES");
	unsigned int count = text ? strtoul(text, NULL, 0) :
			     igt_mmgpu_is_slow() ? 20 : 150;

	for (unsigned int i = 0; i < count; i++) {
		pid_t pid;

		if (i % 10 == 0) {
			struct igt_mmgpu_peer peer;

			igt_mmgpu_peer_start(&peer, own.legacy);
			igt_mmgpu_private_grant(&own, READ_WRITE, peer.seq);
			igt_mmgpu_peer_stop(&peer);
		}
		pid = fork();
		if (!pid)
			_exit(has_nothing());
		igt_assert_eq(wait_code(pid), 0);
	}
}

static const struct {
	const char *name;
	void (*fn)(void);
	const char *what;
} tests[] = {
	{ "grantee-child", grantee_child, "a grantee's child has nothing of it" },
	{ "granted-child", granted_child, "but may be granted it itself" },
	{ "recycled-pid", recycled_pid, "a process with a dead grantee's pid has nothing" },
	{ "recycled-mm", recycled_mm, "nor have short processes after dead grantees" },
};

int igt_main()
{
	igt_fixture()
		close(igt_mmgpu_open());

	for (unsigned int i = 0; i < igt_mmgpu_count(tests); i++) {
		igt_describe(tests[i].what);
		igt_subtest(tests[i].name) {
			setup();
			tests[i].fn();
			igt_mmgpu_private_fini(&own);
		}
	}

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
