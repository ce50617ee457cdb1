// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Starts workers again and again, disturbs them, and sees who hangs. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

#define TICK_MS		20
/* An operation that takes so long gets a signal. */
#define WAKE_TICKS	(300 / TICK_MS)

struct watch {
	uint64_t serial;
	unsigned int ticks;
};

static pid_t workers[FUZZ_MAX_WORKERS + 1];
static unsigned int episodes[FUZZ_MAX_WORKERS + 1];
static unsigned int stopped[FUZZ_MAX_WORKERS];
static struct watch watches[FUZZ_MAX_WORKERS + 1][FUZZ_SLOTS];
static bool hung;

/* ---- starting --------------------------------------------------------------------------- */

static void make_sockets(void)
{
	unsigned int i;
	int pair[2];

	for (i = 0; i < fuzz->workers; i++) {
		if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair))
			exit(2);
		fuzz->rx[i] = fcntl(pair[0], F_DUPFD, FUZZ_FIRST_FD);
		fuzz->tx[i] = fcntl(pair[1], F_DUPFD, FUZZ_FIRST_FD);
		close(pair[0]);
		close(pair[1]);
	}
}

/* What is on its way goes with them. */
static void close_sockets(void)
{
	unsigned int i;

	for (i = 0; i < fuzz->workers; i++) {
		close(fuzz->rx[i]);
		close(fuzz->tx[i]);
	}
}

static void start(unsigned int worker)
{
	unsigned int episode = episodes[worker]++;
	pid_t pid;

	memset(fuzz->slot[worker], 0, sizeof(fuzz->slot[worker]));
	fflush(stdout);
	pid = fork();
	if (!pid && worker == fuzz->workers)
		fuzz_binder(episode);
	if (!pid)
		fuzz_worker(worker, episode);
	if (pid > 0) {
		workers[worker] = pid;
		fuzz_add(fuzz->episodes, 1);
	}
}

/* ---- watching --------------------------------------------------------------------------- */

static void show_file(pid_t pid, pid_t tid, const char *name)
{
	char path[64], text[2048];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", pid, tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return;
	text[len] = 0;
	printf("%s:\n%s%s", path, text, text[len - 1] == '\n' ? "" : "\n");
}

static char state_of(pid_t pid, pid_t tid)
{
	char path[64], text[256] = "", *at;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	at = len > 0 ? strrchr(text, ')') : NULL;
	return at ? at[2] : 0;
}

static void watch_slot(unsigned int worker, unsigned int index, unsigned int patience)
{
	struct fuzz_slot *slot = &fuzz->slot[worker][index];
	struct watch *watch = &watches[worker][index];
	pid_t pid = slot->pid, tid = slot->tid;
	uint32_t kind = slot->kind;
	char state;

	if (!pid || fuzz_load(slot->serial) != watch->serial) {
		watch->serial = slot->serial;
		watch->ticks = 0;
		return;
	}
	watch->ticks++;
	if (watch->ticks % WAKE_TICKS)
		return;
	state = state_of(pid, tid);
	if (!state || state == 'Z' || state == 'X' || state == 'T') {
		watch->ticks = 0;
		return;
	}
	if (worker < fuzz->workers && watch->ticks < patience * 1000 / TICK_MS)
		syscall(SYS_tgkill, pid, tid, SIGUSR1);
	/* The binder sleeps for long between its operations. */
	if (worker == fuzz->workers && kind == FUZZ_MAX_KINDS)
		watch->ticks = 0;
	if (watch->ticks < patience * 1000 / TICK_MS)
		return;
	printf("fuzz: worker %u.%u, process %d, makes no progress for %u s in %s, state %c\n", worker,
	       index, pid, patience, kind < fuzz_kinds ? fuzz_kind[kind].name : "no operation", state);
	show_file(pid, tid, "stack");
	show_file(pid, tid, "wchan");
	show_file(pid, tid, "syscall");
	show_file(pid, tid, "status");
	hung = true;
}

static void watch_all(unsigned int patience)
{
	unsigned int worker, index;

	for (worker = 0; worker <= fuzz->workers; worker++)
		for (index = 0; index < FUZZ_SLOTS; index++)
			watch_slot(worker, index, patience);
}

/* Ends, stops and wakes, as the seed says, if not when. */
static void disturb(uint64_t tick)
{
	uint64_t dice = fuzz_mix2(fuzz->seed ^ 0x5157, tick);
	unsigned int worker = dice % fuzz->workers, i;

	for (i = 0; i < fuzz->workers; i++)
		if (stopped[i] && !--stopped[i] && workers[i])
			kill(workers[i], SIGCONT);
	if (!workers[worker])
		return;
	switch (dice >> 32 & 127) {
	case 0:
		kill(workers[worker], SIGKILL);
		break;
	case 1:
	case 2:
		if (!stopped[worker])
			kill(workers[worker], SIGSTOP);
		stopped[worker] = 1 + (dice >> 40) % 25;
		break;
	case 3:
	case 4:
	case 5:
	case 6:
		kill(workers[worker], SIGUSR1);
		break;
	}
}

/* Their own ends are as planned, a fault in the fuzzer itself is not. */
static void reap(bool again)
{
	unsigned int worker;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (worker = 0; worker <= fuzz->workers && workers[worker] != pid; worker++)
			;
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL && WTERMSIG(status) != SIGALRM) {
			fuzz_add(fuzz->crashes, 1);
			printf("fuzz: process %d died of signal %d\n", pid, WTERMSIG(status));
		} else if (WIFEXITED(status) && WEXITSTATUS(status) > 1) {
			fuzz_add(fuzz->crashes, 1);
			printf("fuzz: process %d ended with %d\n", pid, WEXITSTATUS(status));
		}
		if (worker > fuzz->workers)
			continue;
		workers[worker] = 0;
		if (again)
			start(worker);
		else
			memset(fuzz->slot[worker], 0, sizeof(fuzz->slot[worker]));
	}
}

/* Everybody, children of the dead too: they come to us. */
static bool stop_all(unsigned int patience)
{
	int64_t give_up = fuzz_now() + patience * 1000000000ll;
	unsigned int i;

	fuzz_store(fuzz->stop, 1);
	for (i = 0; i < fuzz->workers; i++)
		if (workers[i])
			kill(workers[i], SIGCONT);
	/* The binder ends by itself, with the device bound. */
	while (workers[fuzz->workers] && fuzz_now() < give_up) {
		reap(false);
		usleep(20000);
	}
	for (i = 0; i <= fuzz->workers; i++)
		if (workers[i])
			kill(workers[i], SIGKILL);
	while (fuzz_now() < give_up) {
		reap(false);
		if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
			return true;
		usleep(20000);
	}
	printf("fuzz: there are processes that do not end\n");
	for (i = 0; i <= fuzz->workers; i++)
		if (workers[i]) {
			show_file(workers[i], workers[i], "stack");
			show_file(workers[i], workers[i], "status");
		}
	return false;
}

/* ---- a run ------------------------------------------------------------------------------ */

static bool is_over(int64_t begin, unsigned int seconds)
{
	if (hung || (fuzz->ioctl_limit && fuzz_load(fuzz->ioctls) >= fuzz->ioctl_limit))
		return true;
	return seconds && fuzz_now() - begin >= seconds * 1000000000ll;
}

/* Until it is over, or until it is time for other parameters. */
static bool phase(const struct fuzz_options *options, int64_t begin, unsigned int phase_seconds)
{
	unsigned int all = fuzz->workers + (fuzz->unbind ? 1 : 0), i;
	int64_t start_time = fuzz_now(), say = start_time;
	static uint64_t tick;

	make_sockets();
	fuzz_timelines_open();
	fuzz_store(fuzz->stop, 0);
	for (i = 0; i < all; i++)
		start(i);
	while (!is_over(begin, options->seconds) &&
	       (!phase_seconds || fuzz_now() - start_time < phase_seconds * 1000000000ll)) {
		usleep(TICK_MS * 1000);
		reap(true);
		disturb(tick++);
		watch_all(options->patience);
		if (fuzz_now() - say >= 60 * 1000000000ll) {
			say = fuzz_now();
			printf("fuzz: %lld s, %llu ioctls, %u PCs, %u programs kept\n",
			       (long long)((say - begin) / 1000000000), (unsigned long long)fuzz->ioctls,
			       fuzz->pc_count, fuzz->corpus_count);
			fflush(stdout);
		}
	}
	if (!stop_all(options->patience))
		return false;
	close_sockets();
	fuzz_timelines_close();
	return !hung;
}

int fuzz_supervise(const struct fuzz_options *options)
{
	int64_t begin = fuzz_now();
	bool good = true;
	double seconds;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	/* Until a worker has its own handler. */
	signal(SIGUSR1, SIG_IGN);
	while (good) {
		if (options->reload)
			good = fuzz_module_reload(fuzz_mix2(fuzz->seed, fuzz->reloads));
		if (good)
			good = phase(options, begin, options->reload);
		if (is_over(begin, options->seconds))
			break;
	}
	seconds = (fuzz_now() - begin) / 1e9;
	printf("%.0f s, %.0f ioctls a second, %u workers\n", seconds, fuzz->ioctls / seconds,
	       fuzz->workers);
	return good ? 0 : 1;
}
