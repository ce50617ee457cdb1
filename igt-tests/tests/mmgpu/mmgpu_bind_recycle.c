// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * A process whose mm has the address, the pid or whatever else of a dead one must not be
 * taken for it. The kernel hands an mm_struct out again within a few forks, so thousands
 * of short processes try the files of dead owners.
 *
 * MMGPU_BIND_PROCESSES is how many (20,000), MMGPU_BIND_EXECS how many times a program
 * executes itself (40).
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_mmgpu.h"

IGT_TEST_DESCRIPTION("Thousands of short processes try the files of dead and living owners.");

/* Files of dead owners that each process tries. */
#define DEAD_MAX		16
/* Processes between two new owners; also so many that ask for a number. */
#define OWNER_EVERY		64
#define ASSIGN_EVERY		8

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

/* Per worker, in memory that it shares with its short processes. */
struct score {
	unsigned int count[igt_mmgpu_count(verdict_name)];
	uint64_t last_seq;
};

struct task {
	struct score *score;
	unsigned int processes;
	unsigned int cpu;
	/* Bound by a process that lives on. */
	int live;
};

static unsigned int number_from_env(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : otherwise;
}

/*
 * Forking a program with all of libigt's libraries mapped costs ten times as much as
 * forking a small one. A short process needs none of them: it makes system calls.
 */
static void shed_libraries(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], exe[256];
	ssize_t len;

	igt_assert(maps);
	len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	igt_assert_lt(0, len);
	exe[len] = 0;

	while (fgets(line, sizeof(line), maps)) {
		const char *path = strchr(line, '/'), *name;
		unsigned long start, end;

		if (!path || sscanf(line, "%lx-%lx", &start, &end) != 2)
			continue;
		line[strcspn(line, "\n")] = 0;
		name = strrchr(path, '/') + 1;
		if (!strcmp(path, exe) || !strncmp(name, "libc.", 5) ||
		    !strncmp(name, "libc-", 5) || !strncmp(name, "ld-", 3) ||
		    !strstr(name, ".so"))
			continue;
		madvise((void *)start, end - start, MADV_DONTFORK);
	}
	fclose(maps);
}

/* 0, or the errno: without libdrm, which is not there any more. */
static int raw_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? errno : 0;
}

static enum verdict try_files(const struct task *task, const int *dead, unsigned int n,
			      bool assign)
{
	struct drm_mmgpu_ctx_query ctx = { };
	struct drm_mmgpu_query_mm query = { };
	int err;

	for (unsigned int i = 0; i < n; i++) {
		err = raw_ioctl(dead[i], DRM_IOCTL_MMGPU_CTX_QUERY, &ctx);
		if (err != ESRCH)
			return err ? WRONG_DEAD_ERRNO : ACCEPTED_DEAD;
	}
	err = raw_ioctl(task->live, DRM_IOCTL_MMGPU_CTX_QUERY, &ctx);
	if (err != EPERM)
		return err ? WRONG_LIVE_ERRNO : ACCEPTED_LIVE;

	if (n) {
		if (raw_ioctl(dead[0], DRM_IOCTL_MMGPU_QUERY_MM, &query))
			return FAILED;
		if (query.state != (MMGPU_MM_BOUND | MMGPU_MM_GONE))
			return CALLED_OWNER;
		if (query.caller_mm_seq)
			return HAD_A_NUMBER;
	}
	if (assign) {
		query.flags = MMGPU_QUERY_MM_ASSIGN;
		if (raw_ioctl(task->live, DRM_IOCTL_MMGPU_QUERY_MM, &query))
			return FAILED;
		if (query.state != MMGPU_MM_BOUND)
			return CALLED_OWNER;
		if (query.caller_mm_seq <= task->score->last_seq)
			return NUMBER_NOT_NEW;
		task->score->last_seq = query.caller_mm_seq;
		/* Now that it has one, the files are no friendlier. */
		return try_files(task, dead, 0, false);
	}
	return REFUSED;
}

static int join(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status) > FAILED)
		return FAILED;
	return WEXITSTATUS(status);
}

/* A file whose owner is dead when this returns. */
static int orphan_file(int node)
{
	struct drm_mmgpu_bind_mm bind = { };
	int fd = igt_mmgpu_reopen(node);
	pid_t pid = _Fork();

	if (!pid)
		_exit(raw_ioctl(fd, DRM_IOCTL_MMGPU_BIND_MM, &bind) ? FAILED : REFUSED);
	igt_assert_eq(join(pid), REFUSED);
	return fd;
}

static int worker_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct task *task = data;
	unsigned int n = 0, next = 0;
	int node = igt_mmgpu_open();
	int dead[DEAD_MAX];
	cpu_set_t cpus;

	/* The caches that mm_structs come from are per CPU. */
	CPU_ZERO(&cpus);
	CPU_SET(task->cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	shed_libraries();

	for (unsigned int i = 0; i < task->processes; i++) {
		pid_t pid;

		if (i % OWNER_EVERY == 0) {
			if (n == DEAD_MAX)
				close(dead[next]);
			else
				n++;
			dead[next] = orphan_file(node);
			next = (next + 1) % DEAD_MAX;
		}
		pid = _Fork();
		if (!pid)
			_exit(try_files(task, dead, n, i % ASSIGN_EVERY == 0));
		task->score->count[join(pid)]++;
	}
	return 0;
}

static void short_processes(void)
{
	unsigned int total = number_from_env("MMGPU_BIND_PROCESSES", 20000);
	unsigned int workers = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int done = 0, wrong = 0;
	int live = igt_mmgpu_open();
	struct igt_mmgpu_proc worker[8];
	struct score *score;
	struct task task[8];
	int64_t start;

	if (workers > igt_mmgpu_count(worker))
		workers = igt_mmgpu_count(worker);
	score = mmap(NULL, workers * sizeof(*score), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(score != MAP_FAILED);
	igt_mmgpu_bind_mm(live);

	start = igt_mmgpu_now();
	for (unsigned int i = 0; i < workers; i++) {
		task[i] = (struct task){
			.score = &score[i],
			.processes = total / workers + (i < total % workers),
			.cpu = i,
			.live = live,
		};
		igt_mmgpu_proc_start(&worker[i], worker_proc, &task[i]);
	}
	for (unsigned int i = 0; i < workers; i++)
		igt_assert_eq(igt_mmgpu_proc_join(&worker[i]), 0);

	for (unsigned int v = 0; v < igt_mmgpu_count(verdict_name); v++) {
		unsigned int count = 0;

		for (unsigned int i = 0; i < workers; i++)
			count += score[i].count[v];
		if (count)
			igt_info("%u processes %s\n", count, verdict_name[v]);
		done += count;
		wrong += v == REFUSED ? 0 : count;
	}
	igt_info("%u processes in %lld ms\n", done,
		 (long long)((igt_mmgpu_now() - start) / IGT_MMGPU_NSEC_PER_MSEC));
	igt_assert_eq(done, total);
	igt_assert_eq(wrong, 0);
	munmap(score, workers * sizeof(*score));
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
	char *argv[] = { "chain", NULL }, *env[64], text[128];
	struct drm_mmgpu_ctx_query ctx = { };
	struct drm_mmgpu_query_mm query = { };
	struct drm_mmgpu_bind_mm bind = { };
	unsigned int n = 0;
	int fd;

	for (unsigned int i = 0; i < CHAIN_FILES && i < life; i++) {
		int err = raw_ioctl(CHAIN_FD + i, DRM_IOCTL_MMGPU_CTX_QUERY, &ctx);

		if (err != ESRCH)
			return err ? WRONG_DEAD_ERRNO : ACCEPTED_DEAD;
		if (raw_ioctl(CHAIN_FD + i, DRM_IOCTL_MMGPU_QUERY_MM, &query))
			return FAILED;
		if (query.state != (MMGPU_MM_BOUND | MMGPU_MM_GONE))
			return CALLED_OWNER;
		if (query.caller_mm_seq)
			return HAD_A_NUMBER;
	}
	if (life == lives)
		return REFUSED;

	fd = open(node, O_RDWR);
	if (fd < 0 || raw_ioctl(fd, DRM_IOCTL_MMGPU_BIND_MM, &bind) ||
	    raw_ioctl(fd, DRM_IOCTL_MMGPU_CTX_QUERY, &ctx))
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
	char link[64], node[64] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", *(int *)data);
	igt_assert_lt(0, readlink(link, node, sizeof(node) - 1));
	return live_once(0, number_from_env("MMGPU_BIND_EXECS", 40), node);
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
