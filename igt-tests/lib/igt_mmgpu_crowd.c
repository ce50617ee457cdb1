// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "igt.h"
#include "igt_mmgpu_crowd.h"
#include "igt_mmgpu_small.h"

static void __attribute__((noreturn)) live(int node, int sock)
{
	struct drm_mmgpu_query_mm query = { .flags = MMGPU_QUERY_MM_ASSIGN };
	struct igt_mmgpu_one self = { .pid = syscall(SYS_getpid) };

	syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
	if (!igt_mmgpu_small_ioctl(node, DRM_IOCTL_MMGPU_QUERY_MM, &query))
		self.seq = query.caller_mm_seq;
	syscall(SYS_write, sock, &self, sizeof(self));
	for (;;)
		syscall(SYS_pause);
}

static int parent_proc(struct igt_mmgpu_proc *self, void *data)
{
	int node = *(int *)data, sock = self->sock;
	char more;
	pid_t pid;

	/* Nobody waits for them. */
	signal(SIGCHLD, SIG_IGN);
	igt_mmgpu_small_become(self);
	while (syscall(SYS_read, sock, &more, 1) == 1) {
		pid = igt_mmgpu_small_fork();
		if (!pid)
			live(node, sock);
		/* All of them end then, and who waits for one more gets to know. */
		if (pid < 0)
			igt_mmgpu_small_exit(1);
	}
	igt_mmgpu_small_exit(0);
}

void igt_mmgpu_crowd_start(struct igt_mmgpu_crowd *crowd, int node)
{
	igt_mmgpu_proc_start(&crowd->parent, parent_proc, &node);
}

struct igt_mmgpu_one igt_mmgpu_crowd_add(struct igt_mmgpu_crowd *crowd)
{
	struct igt_mmgpu_one one;

	igt_mmgpu_send(crowd->parent.sock, "", 1);
	igt_mmgpu_recv(crowd->parent.sock, &one, sizeof(one));
	igt_assert_lt(0, one.pid);
	igt_assert_neq_u64(one.seq, 0);
	return one;
}

void igt_mmgpu_crowd_kill(const struct igt_mmgpu_one *one)
{
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);

	while (!kill(one->pid, SIGKILL)) {
		igt_assert(igt_mmgpu_now() < deadline);
		usleep(1000);
	}
}

void igt_mmgpu_crowd_stop(struct igt_mmgpu_crowd *crowd)
{
	shutdown(crowd->parent.sock, SHUT_WR);
	igt_assert_eq(igt_mmgpu_proc_join(&crowd->parent), 0);
}
