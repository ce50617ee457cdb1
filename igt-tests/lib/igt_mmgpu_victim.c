// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "igt.h"
#include "igt_mmgpu_cgroup.h"
#include "igt_mmgpu_doors.h"
#include "igt_mmgpu_stuck.h"
#include "igt_mmgpu_victim.h"

#define PAGE		4096
#define FENCES_MAX	2048

const char *const igt_mmgpu_ending_name[] = { "exit", "kill", "exec", "oom" };

struct igt_mmgpu_fate {
	int sync_file;
	int expected;
};

/* What comes over the socket; a descriptor follows, but for TOLD_ALL. */
enum told { TOLD_FENCE, TOLD_UFFD, TOLD_DMABUF, TOLD_FILE, TOLD_ALL };

struct message {
	enum told what;
	int expected;
};

/* ---- the process ---------------------------------------------------------------------- */

static void tell(struct igt_mmgpu_proc *self, enum told what, int expected, int fd)
{
	struct message message = { what, expected };

	igt_mmgpu_send(self->sock, &message, sizeof(message));
	if (what != TOLD_ALL)
		igt_mmgpu_send_fd(self->sock, fd);
}

void igt_mmgpu_victim_submit(struct igt_mmgpu_proc *self, int fd, struct igt_mmgpu_job *job,
			     int expected)
{
	uint32_t out = igt_mmgpu_syncobj_create(fd);
	int sync_file;

	igt_mmgpu_job_out(job, out, 0);
	igt_mmgpu_job_submit(fd, job);
	sync_file = igt_mmgpu_syncobj_export(fd, out);
	tell(self, TOLD_FENCE, expected, sync_file);
	close(sync_file);
	igt_mmgpu_syncobj_destroy(fd, out);
}

void igt_mmgpu_victim_show(struct igt_mmgpu_proc *self, int fd, uint32_t bo)
{
	int dmabuf = igt_mmgpu_export(fd, bo);

	tell(self, TOLD_DMABUF, 0, dmabuf);
	close(dmabuf);
}

static uint32_t new_ctx(int fd)
{
	return igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
}

/* With and without CPU addresses, on two contexts. */
static void load_queued(struct igt_mmgpu_proc *self, const struct igt_mmgpu_victim *victim, int fd)
{
	uint32_t wait = igt_mmgpu_gate_syncobj(victim->gate, fd), ctx = new_ctx(fd);
	struct igt_mmgpu_job job;

	for (unsigned int i = 0; i < 4; i++) {
		igt_mmgpu_job_init(&job, i & 2 ? ctx : 0);
		igt_mmgpu_job_in(&job, wait, 0);
		if (i & 1)
			igt_mmgpu_cmd_svm_fill(&job, &victim->window->spoiled, 8, i);
		igt_mmgpu_victim_submit(self, fd, &job, -ECANCELED);
	}
}

/* In large pieces and in many small ones, for longer than anybody waits. */
static void load_running(struct igt_mmgpu_proc *self, const struct igt_mmgpu_victim *victim, int fd)
{
	uint32_t bo = igt_mmgpu_bo_create(fd, IGT_MMGPU_VICTIM_DATA, MMGPU_BO_SHARED);
	struct igt_mmgpu_window *window = victim->window;
	struct igt_mmgpu_job job;

	igt_mmgpu_victim_show(self, fd, bo);
	igt_mmgpu_job_init(&job, new_ctx(fd));
	igt_mmgpu_job_bo(&job, bo, MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC);
	igt_mmgpu_cmd_svm_fill(&job, &window->running, 8, 1);
	for (unsigned int i = 0; i < 20; i++) {
		struct drm_mmgpu_cmd *cmd;

		igt_mmgpu_cmd_svm_fill(&job, window->data, sizeof(window->data), i);
		igt_mmgpu_cmd_svm_read(&job, 0, 0, window->data, sizeof(window->data));
		cmd = igt_mmgpu_cmd_svm_fill(&job, window->data, 8, ~i);
		cmd->dst_pitch = 8;
		cmd->rows = sizeof(window->data) / 8;
	}
	igt_mmgpu_victim_submit(self, fd, &job, -ECANCELED);
	/* The next one of the context is the thread's as well. */
	igt_mmgpu_job_init(&job, job.submit.ctx_id);
	igt_mmgpu_victim_submit(self, fd, &job, -ECANCELED);
	igt_mmgpu_await(&window->running, 1);
}

void igt_mmgpu_victim_stick(struct igt_mmgpu_proc *self, const struct igt_mmgpu_victim *victim,
			    int fd, uint32_t ctx)
{
	uint32_t bo = igt_mmgpu_bo_create(fd, PAGE, 0);
	struct igt_mmgpu_stuck stuck;
	struct igt_mmgpu_job job;

	igt_mmgpu_stuck_init(&stuck, PAGE);
	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_job_bo(&job, bo, MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC);
	if (victim->write_fault)
		igt_mmgpu_cmd_svm_fill(&job, stuck.mem, PAGE, 1);
	else
		igt_mmgpu_cmd_svm_read(&job, 0, 0, stuck.mem, PAGE);
	igt_mmgpu_cmd_svm_fill(&job, &victim->window->spoiled, 8, 1);
	igt_mmgpu_victim_submit(self, fd, &job, -ECANCELED);
	igt_assert_eq_u64(igt_mmgpu_stuck_await(stuck.uffd), (uintptr_t)stuck.mem);
	/* The test keeps it, or the end of the process would let the fault go. */
	tell(self, TOLD_UFFD, 0, stuck.uffd);
}

/* One job in a fault, and others that wait for the thread. */
static void load_stuck(struct igt_mmgpu_proc *self, const struct igt_mmgpu_victim *victim, int fd)
{
	uint32_t ctx = new_ctx(fd);
	struct igt_mmgpu_job job;

	igt_mmgpu_victim_stick(self, victim, fd, ctx);
	for (unsigned int i = 0; i < 3; i++) {
		igt_mmgpu_job_init(&job, i ? ctx : 0);
		if (i != 1)
			igt_mmgpu_cmd_svm_fill(&job, &victim->window->spoiled, 8, 1);
		igt_mmgpu_victim_submit(self, fd, &job, -ECANCELED);
	}
}

static void load_engine(struct igt_mmgpu_proc *self, int fd)
{
	uint32_t bo = igt_mmgpu_bo_create(fd, PAGE, 0);
	uint64_t *map = igt_mmgpu_bo_map(fd, bo, 0, PROT_READ);
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, new_ctx(fd));
	igt_mmgpu_job_bo(&job, bo, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, 0, 0, 8, 1);
	igt_mmgpu_cmd_delay(&job, 300);
	igt_mmgpu_victim_submit(self, fd, &job, 0);
	/* One that had not begun would be cancelled. */
	igt_mmgpu_await(map, 1);
}

static int open_device(unsigned int nth)
{
	int fd = __igt_mmgpu_open_driver("mmgpu", IGT_MMGPU_RENDER, nth);

	/* There is only one, unless the module was loaded so. */
	return fd >= 0 ? fd : igt_mmgpu_open();
}

static void __attribute__((noreturn)) end_here(struct igt_mmgpu_proc *self,
					       enum igt_mmgpu_ending ending)
{
	const size_t size = 16u << 20;
	char go;

	igt_mmgpu_recv(self->sock, &go, 1);
	if (ending == IGT_MMGPU_BY_EXEC)
		igt_mmgpu_visit_exec(NULL, 0, self->sock);
	while (ending == IGT_MMGPU_BY_OOM) {
		void *more = mmap(NULL, size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (more == MAP_FAILED)
			break;
		memset(more, 1, size);
	}
	_exit(ending == IGT_MMGPU_BY_EXIT ? 0 : 1);
}

static int victim_proc(struct igt_mmgpu_proc *self, void *data)
{
	const struct igt_mmgpu_victim *victim = data;
	int fd[IGT_MMGPU_VICTIM_FILES];

	if (victim->cgroup)
		igt_mmgpu_cgroup_enter(victim->cgroup);
	for (unsigned int i = 0; i < victim->files; i++) {
		fd[i] = open_device(i & 1);
		igt_mmgpu_bind_mm(fd[i]);
	}
	if (victim->load & IGT_MMGPU_RUNNING)
		load_running(self, victim, fd[0]);
	for (unsigned int i = 1; i < victim->files && victim->load & IGT_MMGPU_STUCK; i++)
		load_stuck(self, victim, fd[i]);
	for (unsigned int i = 0; i < victim->files && victim->load & IGT_MMGPU_QUEUED; i++)
		load_queued(self, victim, fd[i]);
	if (victim->load & IGT_MMGPU_ENGINE)
		load_engine(self, fd[0]);
	if (victim->more)
		victim->more(self, victim, fd[0]);
	for (unsigned int i = 0; i < victim->files && victim->keep; i++)
		tell(self, TOLD_FILE, 0, fd[i]);
	for (unsigned int i = 0; i < victim->files && victim->close; i++)
		close(fd[i]);
	tell(self, TOLD_ALL, 0, -1);
	end_here(self, victim->ending);
}

/* ---- the test ------------------------------------------------------------------------- */

static void hear_fence(struct igt_mmgpu_victim *victim, int expected, int sync_file)
{
	struct igt_mmgpu_fate *fate = &victim->fates[victim->fences++];

	igt_assert_lte(victim->fences, FENCES_MAX);
	fate->expected = expected;
	fate->sync_file = sync_file;
}

static void hear(struct igt_mmgpu_victim *victim)
{
	struct message message;
	int fd;

	for (;;) {
		igt_mmgpu_recv(victim->proc.sock, &message, sizeof(message));
		if (message.what == TOLD_ALL)
			return;
		fd = igt_mmgpu_recv_fd(victim->proc.sock);
		switch (message.what) {
		case TOLD_FENCE:
			hear_fence(victim, message.expected, fd);
			break;
		case TOLD_UFFD:
			victim->uffd[victim->uffds++] = fd;
			break;
		case TOLD_FILE:
			victim->fd[victim->fds++] = fd;
			break;
		default:
			victim->map = mmap(NULL, IGT_MMGPU_VICTIM_DATA, PROT_READ, MAP_SHARED, fd,
					   0);
			igt_assert(victim->map != MAP_FAILED);
			close(fd);
		}
	}
}

void igt_mmgpu_victim_start(struct igt_mmgpu_victim *victim)
{
	struct rlimit files = { 2 * FENCES_MAX, 2 * FENCES_MAX };

	igt_assert_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	igt_assert_lte(victim->files, IGT_MMGPU_VICTIM_FILES);
	victim->fates = calloc(FENCES_MAX, sizeof(*victim->fates));
	igt_assert(victim->fates);
	victim->window = mmap(NULL, sizeof(*victim->window), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(victim->window != MAP_FAILED);
	igt_assert_eq(pipe2(victim->program, O_CLOEXEC), 0);
	igt_mmgpu_proc_start(&victim->proc, victim_proc, victim);
	close(victim->program[1]);
	hear(victim);
}

static double ms_since(int64_t start)
{
	return (igt_mmgpu_now() - start) / 1e6;
}

void igt_mmgpu_victim_end(struct igt_mmgpu_victim *victim)
{
	struct igt_mmgpu_proc *proc = &victim->proc;

	victim->start = igt_mmgpu_now();
	if (victim->ending == IGT_MMGPU_BY_KILL)
		igt_assert_eq(kill(proc->pid, SIGKILL), 0);
	else
		igt_mmgpu_send(proc->sock, "", 1);

	/* exec closes the pipe; how long the new program takes to start is nobody's fault. */
	if (victim->ending == IGT_MMGPU_BY_EXEC)
		igt_assert(igt_mmgpu_poll_ms(victim->program[0], POLLIN,
					     IGT_MMGPU_PATIENCE * 1000) & POLLHUP);
	else
		igt_assert_eq(igt_mmgpu_proc_join(proc),
			      victim->ending == IGT_MMGPU_BY_EXIT ? 0 : -SIGKILL);
	victim->wait_ms = ms_since(victim->start);
}

/* What anybody could still write to. */
static void assert_still(const struct igt_mmgpu_victim *victim)
{
	const void *seen[] = { victim->window->data, victim->map };
	void *copy = malloc(2 * IGT_MMGPU_VICTIM_DATA);

	igt_assert(copy);
	for (unsigned int i = 0; i < 2 && seen[i]; i++)
		memcpy(copy + i * IGT_MMGPU_VICTIM_DATA, seen[i], IGT_MMGPU_VICTIM_DATA);
	usleep(50000);
	for (unsigned int i = 0; i < 2 && seen[i]; i++)
		igt_assert_f(!memcmp(copy + i * IGT_MMGPU_VICTIM_DATA, seen[i],
				     IGT_MMGPU_VICTIM_DATA), "written after the fence\n");
	igt_assert_eq_u64(victim->window->spoiled, 0);
	free(copy);
}

void igt_mmgpu_victim_judge(struct igt_mmgpu_victim *victim, unsigned int bound_ms)
{
	for (unsigned int i = 0; i < victim->fences; i++) {
		struct igt_mmgpu_fate *fate = &victim->fates[i];
		int status;

		igt_assert_f(igt_mmgpu_poll_ms(fate->sync_file, POLLIN, IGT_MMGPU_PATIENCE * 1000),
			     "fence %u of %u does not signal\n", i, victim->fences);
		if (fate->expected)
			victim->fence_ms = ms_since(victim->start);
		status = igt_mmgpu_sync_file_status(fate->sync_file);
		igt_assert_f(status == (fate->expected ?: 1) ||
			     (fate->expected == -EFAULT && status == -ECANCELED), "fence %u of %u: %d, not %d\n", i,
			     victim->fences, status, fate->expected ?: 1);
		close(fate->sync_file);
	}
	igt_assert_f(victim->wait_ms < bound_ms, "the wait for the process took %.1f ms\n",
		     victim->wait_ms);
	igt_assert_f(victim->fence_ms < bound_ms, "the last fence took %.1f ms\n",
		     victim->fence_ms);
	assert_still(victim);

	/* Until the mm has ended, who has the file is refused as a stranger. */
	for (unsigned int i = 0; i < victim->fds; i++) {
		struct drm_mmgpu_ctx_query query;
		int ret;

		while ((ret = __igt_mmgpu_ctx_query(victim->fd[i], 0, &query)) == -EPERM) {
			igt_assert_f(ms_since(victim->start) < bound_ms, "the mm does not end\n");
			usleep(1000);
		}
		igt_assert_eq(ret, -ESRCH);
	}
	for (unsigned int i = 0; i < victim->uffds; i++)
		igt_mmgpu_stuck_await_gone(victim->uffd[i], bound_ms);
}

void igt_mmgpu_victim_fini(struct igt_mmgpu_victim *victim)
{
	for (unsigned int i = 0; i < victim->fds; i++)
		close(victim->fd[i]);
	for (unsigned int i = 0; i < victim->uffds; i++)
		close(victim->uffd[i]);
	close(victim->program[0]);
	if (victim->ending == IGT_MMGPU_BY_EXEC) {
		char byte;

		igt_mmgpu_recv(victim->proc.sock, &byte, 1);
		shutdown(victim->proc.sock, SHUT_WR);
		igt_assert_eq(igt_mmgpu_proc_join(&victim->proc), 0);
	}
	if (victim->map)
		munmap(victim->map, IGT_MMGPU_VICTIM_DATA);
	munmap(victim->window, sizeof(*victim->window));
	free(victim->fates);
}
