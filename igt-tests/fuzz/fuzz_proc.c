// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Operations: processes, descriptors on their way, and what can be read. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"

/* ---- processes -------------------------------------------------------------------------- */

static void exec_self(struct fuzz_run *run, uint64_t seed, unsigned int index, unsigned int count)
{
	char how[96];
	char *argv[] = { "mmgpu_fuzz", how, NULL };
	char *envp[] = { NULL };

	/* Handlers are gone after exec, signals that are ignored stay so. */
	signal(SIGUSR1, SIG_IGN);
	signal(SIGALRM, SIG_IGN);
	snprintf(how, sizeof(how), "--after-exec=%d,%u,%u,%llx,%u,%d", fuzz_shared_fd(), run->worker,
		 index, (unsigned long long)seed, count, run->verbose);
	execve("/proc/self/exe", argv, envp);
}

/* In the child: what it inherited is not its own, and nothing says what it may do. */
static void child_main(struct fuzz_run *run, unsigned int index, uint64_t seed, unsigned int count)
{
	struct fuzz_slot *slot = &fuzz->slot[run->worker][index];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	slot->tid = getpid();
	slot->kind = FUZZ_MAX_KINDS;
	slot->episode = run->slot->episode;
	slot->pid = getpid();
	run->slot = slot;
	run->obj->mm_seq = 0;
	run->index = index;
	run->is_child = true;
	run->kcov.on = false;
	run->fail_nth = -1;
	run->armed = 0;
	fuzz->pid[seed % FUZZ_BOARD] = getpid();
	/* An end by itself, or one that somebody else has to bring about. */
	fuzz_run_programs(run, seed, 0, count);
	slot->pid = 0;
	if (seed % 5 == 0)
		kill(getpid(), SIGKILL);
	_exit(0);
}

/* A place for one more; if there is none, one of them ends. */
static int child_place(struct fuzz_run *run)
{
	unsigned int i, at = fuzz_below(run, FUZZ_CHILDREN);
	pid_t *child = run->obj->child;

	for (i = 0; i < FUZZ_CHILDREN; i++) {
		if (child[i] > 0 && waitpid(child[i], NULL, WNOHANG) == child[i]) {
			fuzz->slot[run->worker][FUZZ_THREADS + i].pid = 0;
			child[i] = 0;
		}
		if (!child[i])
			return i;
	}
	if (fuzz_chance(run, 500))
		return -1;
	kill(child[at], SIGKILL);
	/* The one that waits here is what the child's last job may still hold up. */
	if (waitpid(child[at], NULL, 0) != child[at])
		return -1;
	fuzz->slot[run->worker][FUZZ_THREADS + at].pid = 0;
	child[at] = 0;
	return at;
}

int fuzz_do_fork(struct fuzz_run *run)
{
	unsigned int how = fuzz_below(run, 10), count = 1 + fuzz_below(run, 6);
	uint64_t seed = fuzz_draw(run);
	unsigned int index;
	pid_t pid;
	int place;

	if (run->is_child || run->index)
		return FUZZ_SKIPPED;
	place = child_place(run);
	if (place < 0)
		return FUZZ_SKIPPED;
	index = FUZZ_THREADS + place;
	if (how < 6) {
		pid = fork();
		if (!pid)
			child_main(run, index, seed, count);
	} else if (how < 8) {
		/* Two mms with one table of descriptors. */
		pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
		if (!pid)
			child_main(run, index, seed, count);
	} else {
		pid = vfork();
		if (!pid) {
			exec_self(run, seed, index, count);
			_exit(1);
		}
	}
	fuzz_say(run, "    child %d, seed %llx, %u programs\n", pid, (unsigned long long)seed, count);
	if (pid > 0)
		run->obj->child[place] = pid;
	return fuzz_sys(run, pid);
}

/* The program goes on with another mm, and with the descriptors that it had. */
int fuzz_do_exec(struct fuzz_run *run)
{
	uint64_t seed = fuzz_draw(run);

	if (run->index && !run->is_child)
		return FUZZ_SKIPPED;
	/* It does not come back, so it is counted before; and not too often, or nothing else is. */
	if (!fuzz_chance(run, 200))
		return FUZZ_SKIPPED;
	fuzz_add(fuzz->stat[run->op->kind].tries, 1);
	fuzz_add(fuzz->stat[run->op->kind].good, 1);
	fuzz_say(run, "    exec, seed %llx\n", (unsigned long long)seed);
	fuzz_sys(run, 0);
	exec_self(run, seed, run->index, 4 + seed % 40);
	return -errno;
}

/* ---- descriptors ------------------------------------------------------------------------ */

int fuzz_do_send(struct fuzz_run *run)
{
	unsigned int to = fuzz_below(run, fuzz->workers);
	enum fuzz_fd_kind kind;
	int fd = fuzz_any_fd_of(run, &kind);
	char data = kind;
	struct iovec iov = { &data, 1 };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.space, .msg_controllen = sizeof(control.space),
	};
	struct cmsghdr *head = CMSG_FIRSTHDR(&msg);

	if (fd < 0)
		return FUZZ_SKIPPED;
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(int));
	return fuzz_sys(run, sendmsg(fuzz->tx[to], &msg, MSG_DONTWAIT | MSG_NOSIGNAL));
}

int fuzz_do_recv(struct fuzz_run *run)
{
	char data;
	struct iovec iov = { &data, 1 };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.space, .msg_controllen = sizeof(control.space),
	};
	struct cmsghdr *head;
	int ret, fd = -1;

	ret = fuzz_sys(run, recvmsg(fuzz->rx[run->worker], &msg, MSG_DONTWAIT));
	if (ret < 0)
		return ret;
	head = CMSG_FIRSTHDR(&msg);
	if (!head || head->cmsg_type != SCM_RIGHTS)
		return -ENOMSG;
	memcpy(&fd, CMSG_DATA(head), sizeof(int));
	fuzz_say(run, "    received %d\n", fd);
	fuzz_adopt_fd(run, fd, data);
	return 0;
}

/* ---- looking ---------------------------------------------------------------------------- */

int fuzz_do_poll(struct fuzz_run *run)
{
	struct pollfd fds[3];
	unsigned int i, n = 1 + fuzz_below(run, 3);

	for (i = 0; i < n; i++) {
		fds[i].fd = fuzz_any_fd(run);
		fds[i].events = fuzz_chance(run, 500) ? POLLIN : POLLIN | POLLOUT;
	}
	return fuzz_sys(run, poll(fds, n, fuzz_chance(run, 800) ? 0 : fuzz_below(run, 5)));
}

int fuzz_do_read(struct fuzz_run *run)
{
	struct fuzz_file *file = fuzz_file_pick(run);

	/* Without O_NONBLOCK it lasts until a signal comes. */
	if (!file || (!(fcntl(file->fd, F_GETFL) & O_NONBLOCK) && !fuzz_chance(run, 50)))
		return FUZZ_SKIPPED;
	return fuzz_sys(run, read(file->fd, run->scratch, fuzz_below(run, 4096)));
}

static int read_path(struct fuzz_run *run, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = fuzz_sys(run, read(fd, run->scratch, 8192));
	close(fd);
	return ret;
}

int fuzz_do_fdinfo(struct fuzz_run *run)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fuzz_any_fd(run));
	return read_path(run, path);
}

int fuzz_do_debugfs(struct fuzz_run *run)
{
	static const char *const name[] = { "bos", "mms", "clients", "gem_names", "name" };
	const char *node = fuzz->render[0];
	char path[96];

	if (!node[0])
		return FUZZ_SKIPPED;
	if (fuzz_chance(run, 200))
		snprintf(path, sizeof(path), "/sys/kernel/debug/dma_buf/bufinfo");
	else
		snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%s/%s",
			 node + strcspn(node, "0123456789"),
			 name[fuzz_below(run, fuzz_count(name))]);
	return read_path(run, path);
}
