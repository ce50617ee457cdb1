// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Workers: episodes, their threads, and what a process does after exec. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "fuzz.h"

/* Programs of an episode: so many that tables fill, so few that many mms come and go. */
#define EPISODE_MIN	60
#define EPISODE_MAX	600

__thread struct fuzz_run *fuzz_self;

static struct fuzz_objects objects;
static struct fuzz_run runs[FUZZ_THREADS];

/* Expected where a mapping is touched; anywhere else the fuzzer itself is broken. */
static void on_fault(int sig)
{
	struct fuzz_run *run = fuzz_self;

	if (run && run->armed) {
		run->armed = 0;
		siglongjmp(run->jump, 1);
	}
	/* The kernel could not put a signal's frame on the stack, or not take it from there. */
	if (run && run->injecting)
		_exit(0);
	signal(sig, SIG_DFL);
}

static void on_signal(int sig)
{
}

static void set_handlers(void)
{
	struct sigaction fault = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	struct sigaction wake = { .sa_handler = on_signal };

	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGBUS, &fault, NULL);
	/* Not restarted: what waits too long is to come back. */
	sigaction(SIGUSR1, &wake, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* ---- programs --------------------------------------------------------------------------- */

static void run_op(struct fuzz_run *run, const struct fuzz_op *op)
{
	const struct fuzz_kind *kind = &fuzz_kind[op->kind];
	struct fuzz_stat *stat = &fuzz->stat[op->kind];
	int64_t begin = fuzz_now();
	int ret;

	run->op = op;
	run->draws = 0;
	run->scratch_used = 0;
	run->slot->kind = op->kind;
	fuzz_store(run->slot->serial, run->slot->serial + 1);
	fuzz_say(run, "  %s:%llx\n", kind->name, (unsigned long long)op->seed);
	ret = kind->fn(run);
	fuzz_say(run, "    = %d%s%s\n", ret, ret < 0 ? " " : "", ret < 0 ? strerror(-ret) : "");
	run->slot->kind = FUZZ_MAX_KINDS;
	fuzz_add(stat->ns, fuzz_now() - begin);
	if (ret == FUZZ_SKIPPED) {
		fuzz_add(stat->skipped, 1);
		return;
	}
	fuzz_add(stat->tries, 1);
	if (ret >= 0)
		fuzz_add(stat->good, 1);
	else if (-ret < FUZZ_ERRNOS)
		fuzz_add(stat->err[-ret], 1);
}

static void run_program(struct fuzz_run *run, const struct fuzz_program *program)
{
	unsigned int i;

	fuzz_kcov_begin(&run->kcov);
	for (i = 0; i < program->count; i++)
		run_op(run, &program->op[i]);
	if (fuzz_kcov_end(&run->kcov))
		fuzz_corpus_add(program);
	fuzz_add(fuzz->programs, 1);
}

void fuzz_run_programs(struct fuzz_run *run, uint64_t seed, unsigned int first, unsigned int count)
{
	struct fuzz_program program;
	unsigned int i;

	for (i = first; i < first + count && !fuzz_load(fuzz->stop); i++) {
		uint64_t at = fuzz_mix2(seed, i);
		char name[16];

		/* A report of the kernel names the task, and so the place to replay. */
		snprintf(name, sizeof(name), "%u%c%u.%u", run->worker, "mtuab"[run->index],
			 run->slot->episode % 100000, i);
		prctl(PR_SET_NAME, name);
		/* Every other worker does what its seed says and nothing else. */
		if (run->worker & 1 || !fuzz_program_from_corpus(&program, at))
			fuzz_program_new(&program, at);
		if (fuzz->trace)
			fuzz_program_print(&program, name);
		run_program(run, &program);
	}
}

/* ---- threads and episodes --------------------------------------------------------------- */

static void run_init(struct fuzz_run *run, unsigned int worker, unsigned int index,
		     unsigned int episode)
{
	uint64_t scratch = FUZZ_SCRATCH + index * FUZZ_SCRATCH_STEP;
	uint64_t low = FUZZ_LOW + index * 2 * FUZZ_LOW_SIZE;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	memset(run, 0, sizeof(*run));
	run->obj = &objects;
	run->worker = worker;
	run->index = index;
	run->fail_nth = -1;
	run->kcov.fd = -1;
	run->verbose = fuzz->trace > 1;
	run->slot = &fuzz->slot[worker][index];
	run->slot->kind = FUZZ_MAX_KINDS;
	run->slot->episode = episode;
	run->scratch = mmap((void *)scratch, FUZZ_SCRATCH_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);
	run->low = mmap((void *)low, FUZZ_LOW_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (run->scratch == MAP_FAILED || run->low == MAP_FAILED)
		_exit(3);
}

static void run_here(struct fuzz_run *run)
{
	fuzz_self = run;
	run->slot->tid = syscall(SYS_gettid);
	fuzz_store(run->slot->pid, getpid());
	if (fuzz->has_fail_nth) {
		int fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);

		run->fail_nth = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FUZZ_FIRST_FD);
		close(fd);
	}
	if (run->kcov.fd >= 0)
		fuzz_kcov_enable(&run->kcov);
}

struct thread {
	struct fuzz_run *run;
	uint64_t seed;
	unsigned int count;
};

static void *thread_main(void *data)
{
	struct thread *thread = data;

	run_here(thread->run);
	fuzz_run_programs(thread->run, thread->seed, 0, thread->count);
	fuzz_store(thread->run->slot->pid, 0);
	return NULL;
}

static uint64_t episode_seed(unsigned int worker, unsigned int episode, unsigned int index)
{
	return fuzz_mix2(fuzz_mix2(fuzz->seed, worker), (uint64_t)episode * FUZZ_SLOTS + index);
}

static void process_init(void)
{
	struct rlimit files = { FUZZ_MAX_FDS, FUZZ_MAX_FDS }, core = {};

	setrlimit(RLIMIT_NOFILE, &files);
	setrlimit(RLIMIT_CORE, &core);
	set_handlers();
	fuzz_objects_init(&objects);
	fuzz_plain_init();
}

/* Every other pair of workers is an ordinary user. */
static void maybe_drop_root(unsigned int worker)
{
	if (worker % 4 >= 2 && geteuid() == 0 && (setresgid(1000, 1000, 1000) ||
						   setresuid(1000, 1000, 1000)))
		_exit(3);
	prctl(PR_SET_DUMPABLE, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void fuzz_worker(unsigned int worker, unsigned int episode)
{
	uint64_t seed = episode_seed(worker, episode, FUZZ_MAX_WORKERS);
	unsigned int threads = seed % 8 < 4 ? 0 : seed % 8 < 6 ? 1 : FUZZ_THREADS - 1, i;
	unsigned int count = EPISODE_MIN + (seed >> 8) % (EPISODE_MAX - EPISODE_MIN);
	struct itimerval storm = { { 0, 7000 }, { 0, 7000 } };
	struct thread thread[FUZZ_THREADS];
	pthread_t id[FUZZ_THREADS];

	process_init();
	for (i = 0; i <= threads; i++) {
		run_init(&runs[i], worker, i, episode);
		fuzz_kcov_open(&runs[i].kcov);
	}
	maybe_drop_root(worker);
	fuzz->pid[worker % FUZZ_BOARD] = getpid();
	if (seed >> 32 & 1) {
		struct sigaction alarm_action = {
			.sa_handler = on_signal, .sa_flags = seed >> 33 & 1 ? SA_RESTART : 0,
		};

		sigaction(SIGALRM, &alarm_action, NULL);
		setitimer(ITIMER_REAL, &storm, NULL);
	}
	for (i = 1; i <= threads; i++) {
		thread[i].run = &runs[i];
		thread[i].seed = episode_seed(worker, episode, i);
		thread[i].count = count;
		if (pthread_create(&id[i], NULL, thread_main, &thread[i]))
			_exit(3);
	}
	run_here(&runs[0]);
	fuzz_run_programs(&runs[0], episode_seed(worker, episode, 0), 0, count);
	/* With everything open and the threads where they are, or one after the other. */
	if (seed >> 40 & 1) {
		for (i = 1; i <= threads; i++)
			pthread_join(id[i], NULL);
		for (i = 0; i < FUZZ_FILES; i++)
			if (objects.file[i].fd >= 0)
				fuzz_file_close(&runs[0], &objects.file[i]);
	}
	if (seed >> 41 & 1)
		kill(getpid(), SIGKILL);
	_exit(0);
}

/* ---- after exec ------------------------------------------------------------------------- */

void fuzz_after_exec(const char *how)
{
	unsigned int worker, index, count, fd;
	struct fuzz_run *run = &runs[0];
	unsigned long long seed;
	struct fuzz_op op = {};
	int shared, verbose;

	if (sscanf(how, "%d,%u,%u,%llx,%u,%d", &shared, &worker, &index, &seed, &count, &verbose) != 6)
		exit(2);
	fuzz_shared_attach(shared);
	if (worker > FUZZ_MAX_WORKERS || index >= FUZZ_SLOTS)
		exit(2);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	process_init();
	run_init(run, worker, 0, fuzz->slot[worker][index].episode);
	run->slot = &fuzz->slot[worker][index];
	run->index = index;
	run->is_child = index >= FUZZ_THREADS;
	run->verbose = verbose;
	run_here(run);
	op.seed = seed;
	run->op = &op;
	for (fd = 3; fd < FUZZ_FIRST_FD; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			fuzz_adopt_fd(run, fd, fuzz_fd_kind_of(fd));
	fuzz_run_programs(run, seed, 0, count);
	run->slot->pid = 0;
	_exit(0);
}

/* ---- again ------------------------------------------------------------------------------ */

void fuzz_replay(unsigned int worker, unsigned int episode, unsigned int programs)
{
	struct fuzz_run *run = &runs[0];

	process_init();
	run_init(run, worker, 0, episode);
	fuzz_kcov_open(&run->kcov);
	maybe_drop_root(worker);
	run->verbose = true;
	run_here(run);
	fuzz_run_programs(run, episode_seed(worker, episode, 0), 0, programs);
	exit(0);
}

/* A line of --trace, or of a file of them: programs whoever ran them. */
static bool parse_program(char *line, struct fuzz_program *program)
{
	static const char blank[] = "\n ";
	char *word, *rest = NULL;

	memset(program, 0, sizeof(*program));
	word = strtok_r(line, blank, &rest);
	if (!word || strcmp(word, "program") || !strtok_r(NULL, blank, &rest))
		return false;
	while ((word = strtok_r(NULL, blank, &rest)) && program->count < FUZZ_PROGRAM_OPS) {
		struct fuzz_op *op = &program->op[program->count++];
		char *at = strchr(word, ':');

		if (!at)
			return false;
		*at++ = 0;
		while (op->kind < fuzz_kinds && strcmp(fuzz_kind[op->kind].name, word))
			op->kind++;
		if (op->kind == fuzz_kinds)
			return false;
		op->seed = strtoull(at, &at, 16);
		while (*at == ',' && op->fixes < FUZZ_FIXES) {
			op->fix_at[op->fixes] = strtoul(at + 1, &at, 10);
			op->fix_value[op->fixes++] = strtoull(at + 1, &at, 16);
		}
	}
	return true;
}

void fuzz_replay_file(const char *path)
{
	struct fuzz_run *run = &runs[0];
	FILE *file = fopen(path, "re");
	struct fuzz_program program;
	char line[4096];

	if (!file) {
		fprintf(stderr, "fuzz: %s: %s\n", path, strerror(errno));
		exit(2);
	}
	process_init();
	run_init(run, 0, 0, 0);
	fuzz_kcov_open(&run->kcov);
	run->verbose = true;
	run_here(run);
	while (fgets(line, sizeof(line), file))
		if (parse_program(line, &program))
			run_program(run, &program);
	exit(0);
}
