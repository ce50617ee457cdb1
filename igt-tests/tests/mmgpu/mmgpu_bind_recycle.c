// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * A process whose mm has the address, the pid or whatever else of a dead one must not be
 * taken for it. The kernel hands an mm_struct out again within a few forks, so thousands
 * of short processes try the files of dead owners.
 *
 * MMGPU_BIND_PROCESSES is how many (2,000), MMGPU_BIND_EXECS how
 * many times a program executes itself (6, and 3 on a slow kernel).
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_small.h"

IGT_TEST_DESCRIPTION("Thousands of short processes try the files of dead and living owners.");

/* Files of dead owners that each process tries. */
#define DEAD_MAX		16
/*
 * Processes between two new owners, and between two that get a number. The end of such an
 * mm waits for an SRCU grace period, so other workers use the CPU meanwhile.
 */
#define OWNER_EVERY		64
#define ASSIGN_EVERY		32
#define WORKERS_PER_CPU		3
#define WORKERS_MAX		24

/* What a short process found out, as its exit code. */
enum verdict {
	REFUSED,
	ACCEPTED_DEAD,
	ACCEPTED_LIVE,
	CALLED_OWNER,
	HAD_A_NUMBER,
	WRONG_DEAD_ERRNO,
	WRONG_LIVE_ERRNO,
	NUMBER_NOT_NEW,
	FAILED,
};

static const char *const verdict_name[] = {
	[REFUSED] = "refused",
	[ACCEPTED_DEAD] = "ACCEPTED on the file of a dead owner",
	[ACCEPTED_LIVE] = "ACCEPTED on the file of a living owner",
	[CALLED_OWNER] = "called the OWNER by QUERY_MM",
	[HAD_A_NUMBER] = "born with a number",
	[WRONG_DEAD_ERRNO] = "refused by a dead owner's file, but not with ESRCH",
	[WRONG_LIVE_ERRNO] = "refused by a living owner's file, but not with EPERM",
	[NUMBER_NOT_NEW] = "given a number that is not greater than all before",
	[FAILED] = "failed in its own right",
};

/* ---- short processes ---------------------------------------------------------------- */

/* What a worker is told and tells, in memory that it shares with its processes. */
struct task {
	unsigned int processes;
	unsigned int cpu;
	/* Bound by a process that lives on. */
	int live;
	char node[64];

	unsigned int count[igt_mmgpu_count(verdict_name)];
	uint64_t last_seq;
	/* Of a process that FAILED. */
	int status;
};

static enum verdict try_files(struct task *task, const int *dead, unsigned int n, bool assign)
{
	struct drm_mmgpu_ctx_query ctx = { };
	struct drm_mmgpu_query_mm query = { };
	int err;

	for (unsigned int i = 0; i < n; i++) {
		err = igt_mmgpu_small_ioctl(dead[i], DRM_IOCTL_MMGPU_CTX_QUERY, &ctx);
		if (err != ESRCH)
			return err ? WRONG_DEAD_ERRNO : ACCEPTED_DEAD;
	}
	err = igt_mmgpu_small_ioctl(task->live, DRM_IOCTL_MMGPU_CTX_QUERY, &ctx);
	if (err != EPERM)
		return err ? WRONG_LIVE_ERRNO : ACCEPTED_LIVE;

	if (n) {
		if (igt_mmgpu_small_ioctl(dead[0], DRM_IOCTL_MMGPU_QUERY_MM, &query))
			return FAILED;
		if (query.state != (MMGPU_MM_BOUND | MMGPU_MM_GONE))
			return CALLED_OWNER;
		if (query.caller_mm_seq)
			return HAD_A_NUMBER;
	}
	if (assign) {
		query.flags = MMGPU_QUERY_MM_ASSIGN;
		if (igt_mmgpu_small_ioctl(task->live, DRM_IOCTL_MMGPU_QUERY_MM, &query))
			return FAILED;
		if (query.state != MMGPU_MM_BOUND)
			return CALLED_OWNER;
		if (query.caller_mm_seq <= task->last_seq)
			return NUMBER_NOT_NEW;
		task->last_seq = query.caller_mm_seq;
		/* Now that it has one, the files are no friendlier. */
		return try_files(task, dead, 0, false);
	}
	return REFUSED;
}

static enum verdict join(struct task *task, pid_t pid)
{
	int status = igt_mmgpu_small_join(pid);

	if (status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) < FAILED)
		return WEXITSTATUS(status);
	task->status = status;
	return FAILED;
}

/* A file whose owner is dead when this returns. */
static int orphan_file(struct task *task)
{
	struct drm_mmgpu_bind_mm bind = { };
	int fd = igt_mmgpu_small_open(task->node);
	pid_t pid = igt_mmgpu_small_fork();

	if (!pid)
		igt_mmgpu_small_exit(igt_mmgpu_small_ioctl(fd, DRM_IOCTL_MMGPU_BIND_MM, &bind) ?
				     FAILED : REFUSED);
	if (join(task, pid) != REFUSED)
		igt_mmgpu_small_exit(FAILED);
	return fd;
}

static int worker_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct task *task = data;
	unsigned int n = 0, next = 0;
	int dead[DEAD_MAX];
	cpu_set_t cpus;

	/* The caches that mm_structs come from are per CPU. */
	CPU_ZERO(&cpus);
	CPU_SET(task->cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	igt_mmgpu_small_become(task);

	for (unsigned int i = 0; i < task->processes; i++) {
		pid_t pid;

		if (i % OWNER_EVERY == 0) {
			if (n == DEAD_MAX)
				syscall(SYS_close, dead[next]);
			else
				n++;
			dead[next] = orphan_file(task);
			next = (next + 1) % DEAD_MAX;
		}
		pid = igt_mmgpu_small_fork();
		if (!pid)
			igt_mmgpu_small_exit(try_files(task, dead, n, i % ASSIGN_EVERY == 0));
		task->count[join(task, pid)]++;
	}
	igt_mmgpu_small_exit(REFUSED);
}

static void short_processes(void)
{
	unsigned int total = igt_mmgpu_env_number("MMGPU_BIND_PROCESSES", 2000);
	unsigned int cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int workers = cpus * WORKERS_PER_CPU;
	unsigned int done = 0, wrong = 0;
	struct igt_mmgpu_proc worker[WORKERS_MAX];
	int live = igt_mmgpu_open();
	struct task *task;
	int64_t start;

	if (workers > WORKERS_MAX)
		workers = WORKERS_MAX;
	task = mmap(NULL, workers * sizeof(*task), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(task != MAP_FAILED);
	igt_mmgpu_bind_mm(live);

	start = igt_mmgpu_now();
	for (unsigned int i = 0; i < workers; i++) {
		task[i].processes = total / workers + (i < total % workers);
		task[i].cpu = i % cpus;
		task[i].live = live;
		igt_mmgpu_small_node(live, task[i].node, sizeof(task[i].node));
		igt_mmgpu_proc_start(&worker[i], worker_proc, &task[i]);
	}
	for (unsigned int i = 0; i < workers; i++)
		igt_assert_eq(igt_mmgpu_proc_join(&worker[i]), 0);

	for (unsigned int v = 0; v < igt_mmgpu_count(verdict_name); v++) {
		unsigned int count = 0;

		for (unsigned int i = 0; i < workers; i++) {
			count += task[i].count[v];
			if (v == FAILED && task[i].count[v])
				igt_warn("last status: %#x\n", task[i].status);
		}
		if (count)
			igt_info("%u processes %s\n", count, verdict_name[v]);
		done += count;
		wrong += v == REFUSED ? 0 : count;
	}
	igt_info("%u processes in %lld ms\n", done,
		 (long long)((igt_mmgpu_now() - start) / IGT_MMGPU_NSEC_PER_MSEC));
	igt_assert_eq(done, total);
	igt_assert_eq(wrong, 0);
	munmap(task, workers * sizeof(*task));
	close(live);
}

/* ---- a program that executes itself ------------------------------------------------------ */

#define CHAIN_ENV	"MMGPU_BIND_CHAIN"

/* Where the files of former lives are, and how many of them are kept. */
#define CHAIN_FD	100
#define CHAIN_FILES	8

/* Tries the files of all lives before this one, begins another, and ends it by exec. */
static enum verdict live_once(unsigned int life, unsigned int lives, const char *node)
{
	struct drm_mmgpu_ctx_query ctx = { };
	struct drm_mmgpu_query_mm query = { };
	struct drm_mmgpu_bind_mm bind = { };
	char *argv[] = { "chain", NULL }, *env[64], text[128];
	unsigned int n = 0;
	int fd;

	for (unsigned int i = 0; i < CHAIN_FILES && i < life; i++) {
		int err = igt_mmgpu_small_ioctl(CHAIN_FD + i, DRM_IOCTL_MMGPU_CTX_QUERY, &ctx);

		if (err != ESRCH)
			return err ? WRONG_DEAD_ERRNO : ACCEPTED_DEAD;
		if (igt_mmgpu_small_ioctl(CHAIN_FD + i, DRM_IOCTL_MMGPU_QUERY_MM, &query))
			return FAILED;
		if (query.state != (MMGPU_MM_BOUND | MMGPU_MM_GONE))
			return CALLED_OWNER;
		if (query.caller_mm_seq)
			return HAD_A_NUMBER;
	}
	if (life == lives)
		return REFUSED;

	fd = open(node, O_RDWR);
	if (fd < 0 || igt_mmgpu_small_ioctl(fd, DRM_IOCTL_MMGPU_BIND_MM, &bind) ||
	    igt_mmgpu_small_ioctl(fd, DRM_IOCTL_MMGPU_CTX_QUERY, &ctx))
		return FAILED;
	if (dup2(fd, CHAIN_FD + life % CHAIN_FILES) < 0)
		return FAILED;
	close(fd);

	for (char **e = environ; *e && n < igt_mmgpu_count(env) - 2; e++)
		if (strncmp(*e, CHAIN_ENV, strlen(CHAIN_ENV)))
			env[n++] = *e;
	snprintf(text, sizeof(text), CHAIN_ENV "=%u %u %s", life + 1, lives, node);
	env[n++] = text;
	env[n] = NULL;
	execve("/proc/self/exe", argv, env);
	return FAILED;
}

/* Before main(): a later life is no run of the tests. */
static void __attribute__((constructor)) next_life(void)
{
	const char *text = getenv(CHAIN_ENV);
	unsigned int life, lives;
	char node[64];

	if (text && sscanf(text, "%u %u %63s", &life, &lives, node) == 3)
		_exit(live_once(life, lives, node));
}

static int chain_proc(struct igt_mmgpu_proc *self, void *data)
{
	char node[64];

	igt_mmgpu_small_node(*(int *)data, node, sizeof(node));
	return live_once(0, igt_mmgpu_env_number("MMGPU_BIND_EXECS", igt_mmgpu_is_slow() ? 3 : 6),
			 node);
}

static void exec_chain(void)
{
	int fd = igt_mmgpu_open();
	struct igt_mmgpu_proc proc[2];

	/* Two at a time, so that one gets what the other has just left. */
	for (int i = 0; i < 2; i++)
		igt_mmgpu_proc_start(&proc[i], chain_proc, &fd);
	for (int i = 0; i < 2; i++) {
		int verdict = igt_mmgpu_proc_join(&proc[i]);

		igt_assert_f(verdict == REFUSED, "a later life was %s (%d)\n",
			     verdict > REFUSED && verdict <= FAILED ? verdict_name[verdict] :
			     "killed", verdict);
	}
	close(fd);
}

int igt_main()
{
	igt_fixture()
		close(igt_mmgpu_open());

	igt_describe("short processes are refused by the files of dead and living owners");
	igt_subtest("short-processes")
		short_processes();

	igt_describe("a program that executes itself is refused by all its former files");
	igt_subtest("exec-chain")
		exec_chain();

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
