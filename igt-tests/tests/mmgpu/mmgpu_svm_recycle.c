// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Short processes by the hundred, each with a bound file and a job that names its memory, leave
 * nothing: no mm_struct, number, thread, buffer or reference.
 *
 * MMGPU_SVM_PROCESSES is how many (300, and 50 on a slow kernel).
 */

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <drm.h>

#include "igt.h"
#include "igt_mmgpu_baseline.h"
#include "igt_mmgpu_small.h"
#include "igt_mmgpu_stuck.h"

IGT_TEST_DESCRIPTION("Thousands of short processes with a job each leave nothing.");

/* Some wait for a grace period of RCU, so others use the CPU meanwhile. */
#define WORKERS_PER_CPU	4
#define WORKERS_MAX	32

/* Files of processes that are gone, kept open by a worker. */
#define KEPT		16
#define KEEP_EVERY	16

/* How a short process ends. */
enum way { WAITS, LEAVES, IS_KILLED, WAYS };

/* What it names in its job: as much as one piece of the thread's work, and more. */
#define MEM_SIZE	(20 * 4096)
#define VALUE		0x5eed5eed5eed5eedull

struct task {
	char node[64];
	unsigned int processes;
	unsigned int done;
	/* Of one that went wrong. */
	int status;
};

/* ---- a process that calls nothing but system calls --------------------------------------- */

static int wait_for(int fd, uint32_t syncobj)
{
	struct drm_syncobj_wait wait = {
		.handles = (uintptr_t)&syncobj,
		.timeout_nsec = INT64_MAX,
		.count_handles = 1,
	};
	int err;

	do
		err = igt_mmgpu_small_ioctl(fd, DRM_IOCTL_SYNCOBJ_WAIT, &wait);
	while (err == EINTR);
	return err;
}

/* Its exit code. */
static int short_life(int fd, enum way way)
{
	volatile uint64_t *mem = (void *)syscall(SYS_mmap, NULL, MEM_SIZE, PROT_READ | PROT_WRITE,
						 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct drm_mmgpu_bind_mm bind = { };
	struct drm_syncobj_create syncobj = { };
	struct drm_mmgpu_sync out = { };
	struct drm_mmgpu_cmd cmd = {
		.op = MMGPU_OP_FILL,
		.flags = MMGPU_CMD_DST_SVM,
		.dst = (uintptr_t)mem,
		.width = MEM_SIZE,
		.rows = 1,
		.value = VALUE,
	};
	struct drm_mmgpu_submit submit = {
		.cmds = { .stride = sizeof(cmd), .count = 1, .array = (uintptr_t)&cmd },
		.out_syncs = { .stride = sizeof(out), .count = 1, .array = (uintptr_t)&out },
	};

	if (mem == MAP_FAILED || igt_mmgpu_small_ioctl(fd, DRM_IOCTL_MMGPU_BIND_MM, &bind) ||
	    igt_mmgpu_small_ioctl(fd, DRM_IOCTL_SYNCOBJ_CREATE, &syncobj))
		return 1;
	out.handle = syncobj.handle;
	if (igt_mmgpu_small_ioctl(fd, DRM_IOCTL_MMGPU_SUBMIT, &submit))
		return 2;

	if (way == IS_KILLED)
		syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
	if (way == LEAVES)
		return 0;
	if (wait_for(fd, syncobj.handle))
		return 3;
	return mem[0] == VALUE && mem[MEM_SIZE / 8 - 1] == VALUE ? 0 : 4;
}

/* Few of them come by a file that somebody else opened: then DRM core waits for long. */
static void one_process(struct task *task, unsigned int i, int *kept)
{
	enum way way = i % WAYS;
	int fd = -1, status;
	pid_t pid;

	if (i % KEEP_EVERY == 0) {
		int *place = &kept[i / KEEP_EVERY % KEPT];

		if (*place >= 0)
			syscall(SYS_close, *place);
		fd = *place = igt_mmgpu_small_open(task->node);
	}
	pid = igt_mmgpu_small_fork();
	if (!pid)
		igt_mmgpu_small_exit(short_life(fd >= 0 ? fd : igt_mmgpu_small_open(task->node),
						way));
	status = igt_mmgpu_small_join(pid);
	if (status == (way == IS_KILLED ? SIGKILL : 0))
		task->done++;
	else
		task->status = status;
}

static int worker_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct task *task = data;
	int kept[KEPT];

	for (unsigned int i = 0; i < KEPT; i++)
		kept[i] = -1;
	igt_mmgpu_small_become(task);
	for (unsigned int i = 0; i < task->processes; i++)
		one_process(task, i, kept);
	igt_mmgpu_small_exit(0);
}

static void short_processes(void)
{
	unsigned int total = igt_mmgpu_env_number("MMGPU_SVM_PROCESSES",
						  igt_mmgpu_is_slow() ? 50 : 300);
	unsigned int workers = sysconf(_SC_NPROCESSORS_ONLN) * WORKERS_PER_CPU, done = 0;
	struct igt_mmgpu_baseline before, after;
	struct igt_mmgpu_proc worker[WORKERS_MAX];
	int node = igt_mmgpu_open();
	struct task *task;
	int64_t start;

	if (workers > WORKERS_MAX)
		workers = WORKERS_MAX;
	task = mmap(NULL, workers * sizeof(*task), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(task != MAP_FAILED);

	igt_mmgpu_baseline_take(&before);
	start = igt_mmgpu_now();
	for (unsigned int i = 0; i < workers; i++) {
		task[i].processes = total / workers + (i < total % workers);
		igt_mmgpu_small_node(node, task[i].node, sizeof(task[i].node));
		igt_mmgpu_proc_start(&worker[i], worker_proc, &task[i]);
	}
	for (unsigned int i = 0; i < workers; i++) {
		igt_assert_eq(igt_mmgpu_proc_join(&worker[i]), 0);
		if (task[i].done < task[i].processes)
			igt_warn("status of one: %#x\n", task[i].status);
		done += task[i].done;
	}
	igt_info("%u processes in %lld ms\n", done,
		 (long long)((igt_mmgpu_now() - start) / IGT_MMGPU_NSEC_PER_MSEC));
	igt_assert_eq(done, total);

	igt_mmgpu_baseline_assert(&before);
	igt_mmgpu_baseline_take(&after);
	igt_info("mm_structs: %ld before, %ld after; numbers: %ld, %ld; threads: %ld, %ld\n",
		 before.mm_structs, after.mm_structs, before.mms, after.mms, before.threads,
		 after.threads);
	munmap(task, workers * sizeof(*task));
	close(node);
}

/* ---- files that outlive their owners ------------------------------------------------------ */

static int holder_proc(struct igt_mmgpu_proc *self, void *data)
{
	return short_life(*(int *)data, WAITS);
}

#define HELD		64

static void open_files_hold_no_mm(void)
{
	unsigned int files = igt_mmgpu_is_slow() ? HELD / 4 : HELD;
	struct igt_mmgpu_baseline before, held;
	int fd[HELD];
	int64_t deadline;

	igt_mmgpu_baseline_take(&before);
	for (unsigned int i = 0; i < files; i++) {
		fd[i] = igt_mmgpu_open();
		igt_mmgpu_proc_run(holder_proc, &fd[i]);
	}
	deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);
	do {
		usleep(5000);
		igt_mmgpu_baseline_take(&held);
	} while ((held.mms > before.mms || held.mm_structs > before.mm_structs + files / 4) &&
		 igt_mmgpu_now() < deadline);
	igt_info("%ld mm_structs and %ld numbers with %u files of dead processes, before %ld and %ld\n",
		 held.mm_structs, held.mms, files, before.mm_structs, before.mms);
	igt_assert_lte(held.mms, before.mms);
	igt_assert_lte(held.mm_structs, before.mm_structs + files / 4);
	for (unsigned int i = 0; i < files; i++)
		close(fd[i]);
	igt_mmgpu_baseline_assert(&before);
}

int igt_main()
{
	igt_fixture() {
		int fd = igt_mmgpu_open();

		igt_require_f(igt_mmgpu_get_param(fd, MMGPU_PARAM_SVM), "svm=0\n");
		close(fd);
	}

	igt_describe("short processes with a job each leave nothing");
	igt_subtest("short-processes")
		short_processes();

	igt_describe("files of dead processes keep no mm");
	igt_subtest("open-files-hold-no-mm")
		open_files_hold_no_mm();

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
