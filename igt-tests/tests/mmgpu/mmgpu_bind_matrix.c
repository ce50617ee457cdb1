// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Who gets through which door of a file. The doors and the results that the contract
 * gives for each are in lib/igt_mmgpu_doors.c; here are the ways to come by a file.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_doors.h"

IGT_TEST_DESCRIPTION("Every way to come by a file, bound or not, against every door of it.");

#define STACK_SIZE	(256 * 1024)

/* Kept when a visitor that asserts nothing had no way to try. */
#define EXIT_IMPOSSIBLE	IGT_EXIT_SKIP

/* What a subtest is about; the visit carries node and compat. */
struct setting {
	struct igt_mmgpu_visit *visit;
	/* For roles that bring somebody else along, with another result. */
	struct igt_mmgpu_visit *second;
};

/* ---- children of all kinds ------------------------------------------------------- */

static void wait_for(pid_t pid, int options)
{
	int status;

	igt_assert_eq(waitpid(pid, &status, options), pid);
	igt_assert_f(WIFEXITED(status) && !WEXITSTATUS(status), "the child ended with %#x\n",
		     status);
}

struct guest {
	struct igt_mmgpu_visit *visit;
	enum igt_mmgpu_standing standing;
};

static int guest_main(void *data)
{
	struct guest *guest = data;

	igt_mmgpu_visit_doors(guest->visit, guest->standing);
	return 0;
}

static void *guest_thread(void *data)
{
	guest_main(data);
	return NULL;
}

/* clone() with these flags; where the mm is shared, on a stack of its own. */
static void visit_by_clone(struct igt_mmgpu_visit *v, int flags, enum igt_mmgpu_standing standing)
{
	struct guest guest = { v, standing };
	char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	pid_t pid;

	igt_assert(stack != MAP_FAILED);
	pid = clone(guest_main, stack + STACK_SIZE, flags | SIGCHLD, &guest);
	igt_assert_lt(0, pid);
	wait_for(pid, 0);
	munmap(stack, STACK_SIZE);
}

static int guest_proc(struct igt_mmgpu_proc *self, void *data)
{
	return guest_main(data);
}

static void visit_by_fork(struct igt_mmgpu_visit *v, enum igt_mmgpu_standing standing)
{
	struct guest guest = { v, standing };

	igt_mmgpu_proc_run(guest_proc, &guest);
}

/* ---- legacy: whoever holds it ------------------------------------------------------ */

static void legacy_fork(struct setting *s)
{
	igt_mmgpu_visit_prepare(s->visit, s->visit->node, false);
	visit_by_fork(s->visit, IGT_MMGPU_LEGACY);
}

static int legacy_exec_child(struct igt_mmgpu_proc *self, void *data)
{
	igt_mmgpu_visit_exec(data, IGT_MMGPU_LEGACY, -1);
	return 1;
}

static void legacy_exec(struct setting *s)
{
	igt_mmgpu_visit_prepare(s->visit, s->visit->node, false);
	igt_mmgpu_proc_run(legacy_exec_child, s->visit);
}

static int legacy_owner_exit_child(struct igt_mmgpu_proc *self, void *data)
{
	struct igt_mmgpu_visit *v = data;

	igt_mmgpu_visit_prepare(v, v->node, false);
	igt_mmgpu_send_fd(self->sock, v->fd);
	igt_mmgpu_send_fd(self->sock, v->dmabuf);
	igt_mmgpu_send_fd(self->sock, v->sync_file);
	return 0;
}

/* The file outlives who opened it, as any file does. */
static void legacy_opener_exit(struct setting *s)
{
	struct igt_mmgpu_visit *v = s->visit;
	struct igt_mmgpu_proc opener;

	igt_mmgpu_proc_start(&opener, legacy_owner_exit_child, v);
	v->fd = igt_mmgpu_recv_fd(opener.sock);
	v->dmabuf = igt_mmgpu_recv_fd(opener.sock);
	v->sync_file = igt_mmgpu_recv_fd(opener.sock);
	igt_assert_eq(igt_mmgpu_proc_join(&opener), 0);
	visit_by_fork(v, IGT_MMGPU_LEGACY);
}

/* ---- the owner, in every shape ------------------------------------------------------- */

static void owner(struct setting *s)
{
	igt_mmgpu_visit_prepare(s->visit, s->visit->node, true);
	igt_mmgpu_visit_doors(s->visit, IGT_MMGPU_OWNER);
}

static void thread(struct setting *s)
{
	struct guest guest = { s->visit, IGT_MMGPU_OWNER };
	pthread_t id;

	igt_mmgpu_visit_prepare(s->visit, s->visit->node, true);
	igt_assert_eq(pthread_create(&id, NULL, guest_thread, &guest), 0);
	igt_assert_eq(pthread_join(id, NULL), 0);
}

static void vfork_child(struct setting *s)
{
	igt_mmgpu_visit_prepare(s->visit, s->visit->node, true);
	visit_by_clone(s->visit, CLONE_VM | CLONE_VFORK, IGT_MMGPU_OWNER);
}

static void clone_vm(struct setting *s)
{
	igt_mmgpu_visit_prepare(s->visit, s->visit->node, true);
	visit_by_clone(s->visit, CLONE_VM, IGT_MMGPU_OWNER);
}

/* The owner gets its own file back over a socket. */
static void sent_to_self(struct setting *s)
{
	int socks[2], fd;

	igt_mmgpu_visit_prepare(s->visit, s->visit->node, true);
	igt_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks), 0);
	igt_mmgpu_send_fd(socks[0], s->visit->fd);
	fd = s->visit->fd;
	s->visit->fd = igt_mmgpu_recv_fd(socks[1]);
	close(fd);
	close(socks[0]);
	close(socks[1]);
	igt_mmgpu_visit_doors(s->visit, IGT_MMGPU_OWNER);
}

struct binder {
	int fd;
	int ret;
	uint64_t seq;
};

static int binder_main(void *data)
{
	struct binder *binder = data;

	binder->ret = __igt_mmgpu_bind_mm(binder->fd, &binder->seq);
	return 0;
}

/*
 * Bound by a process that is gone, while its mm lives on in us: ours is the mm, so it's
 * our file, and a stranger gets EPERM and not ESRCH. Who compares processes fails here.
 */
static void binder_gone(struct setting *s)
{
	struct binder binder;
	char *stack;
	pid_t pid;

	igt_mmgpu_visit_open(s->visit, s->visit->node);
	binder.fd = s->visit->fd;

	stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	igt_assert(stack != MAP_FAILED);
	pid = clone(binder_main, stack + STACK_SIZE, CLONE_VM | SIGCHLD, &binder);
	igt_assert_lt(0, pid);
	wait_for(pid, 0);
	munmap(stack, STACK_SIZE);
	igt_assert_eq(binder.ret, 0);

	igt_mmgpu_visit_fill(s->visit, binder.seq);
	*s->second = *s->visit;
	visit_by_fork(s->second, IGT_MMGPU_STRANGER);
	igt_mmgpu_visit_untouched(s->visit);
	igt_mmgpu_visit_doors(s->visit, IGT_MMGPU_OWNER);
}

/* Until the first thread of the process is a zombie: its task has no mm any more. */
static bool leader_is_gone(pid_t pid)
{
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);
	char path[64], line[256], state;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, pid);
	do {
		FILE *file = fopen(path, "re");
		char *end;

		if (!file)
			return false;
		if (!fgets(line, sizeof(line), file))
			line[0] = 0;
		fclose(file);
		end = strrchr(line, ')');
		state = end ? end[2] : 0;
		if (state == 'Z')
			return true;
		sched_yield();
	} while (igt_mmgpu_now() < deadline);
	return false;
}

static void *survivor(void *data)
{
	struct setting *s = data;
	struct guest stranger = { s->second, IGT_MMGPU_STRANGER };
	pid_t pid;
	int status;

	if (!leader_is_gone(getpid()))
		_exit(1);
	*s->second = *s->visit;
	pid = fork();
	if (!pid)
		_exit(guest_main(&stranger));
	if (waitpid(pid, &status, 0) != pid || status)
		_exit(1);
	igt_mmgpu_visit_doors(s->visit, IGT_MMGPU_OWNER);
	_exit(0);
}

static int leader_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct setting *s = data;
	pthread_t id;

	igt_mmgpu_visit_prepare(s->visit, s->visit->node, true);
	igt_assert_eq(pthread_create(&id, NULL, survivor, s), 0);
	/* Only this thread; pthread_exit() would want to unwind. */
	syscall(SYS_exit, 0);
	return 1;
}

/* The thread that bound was the process' first, and is gone: the mm is still the same. */
static void leader_gone(struct setting *s)
{
	igt_mmgpu_proc_run(leader_proc, s);
	/* It was opened over there. */
	s->visit->fd = s->visit->dmabuf = s->visit->sync_file = -1;
}

/* ---- strangers, while the owner lives ----------------------------------------------------- */

static void fork_child(struct setting *s)
{
	igt_mmgpu_visit_prepare(s->visit, s->visit->node, true);
	visit_by_fork(s->visit, IGT_MMGPU_STRANGER);
	igt_mmgpu_visit_untouched(s->visit);
}

static int grandchild_proc(struct igt_mmgpu_proc *self, void *data)
{
	visit_by_fork(data, IGT_MMGPU_STRANGER);
	return 0;
}

static void grandchild(struct setting *s)
{
	igt_mmgpu_visit_prepare(s->visit, s->visit->node, true);
	igt_mmgpu_proc_run(grandchild_proc, s->visit);
	igt_mmgpu_visit_untouched(s->visit);
}

/* Shares the table of files, but not the mm. */
static void clone_files(struct setting *s)
{
	igt_mmgpu_visit_prepare(s->visit, s->visit->node, true);
	visit_by_clone(s->visit, CLONE_FILES | CLONE_FS, IGT_MMGPU_STRANGER);
	igt_mmgpu_visit_untouched(s->visit);
}

static int exec_proc(struct igt_mmgpu_proc *self, void *data)
{
	igt_mmgpu_visit_exec(data, IGT_MMGPU_STRANGER, -1);
	return 1;
}

static void exec_child(struct setting *s)
{
	igt_mmgpu_visit_prepare(s->visit, s->visit->node, true);
	igt_mmgpu_proc_run(exec_proc, s->visit);
	igt_mmgpu_visit_untouched(s->visit);
}

/* vfork and exec: what posix_spawn() does. */
static int spawn_main(void *data)
{
	igt_mmgpu_visit_exec(data, IGT_MMGPU_STRANGER, -1);
	return 1;
}

static void spawned(struct setting *s)
{
	char *stack;
	pid_t pid;

	igt_mmgpu_visit_prepare(s->visit, s->visit->node, true);
	stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	igt_assert(stack != MAP_FAILED);
	pid = clone(spawn_main, stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | SIGCHLD, s->visit);
	igt_assert_lt(0, pid);
	wait_for(pid, 0);
	munmap(stack, STACK_SIZE);
	igt_mmgpu_visit_untouched(s->visit);
}

/* Forked before there was a file, so that it has only what comes over the socket. */
static int receiver_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct guest *guest = data;
	struct igt_mmgpu_visit *v = guest->visit;
	char go;

	v->fd = igt_mmgpu_recv_fd(self->sock);
	v->dmabuf = igt_mmgpu_recv_fd(self->sock);
	v->sync_file = igt_mmgpu_recv_fd(self->sock);
	igt_mmgpu_recv(self->sock, &go, 1);
	return guest_main(guest);
}

static void send_visit(int sock, const struct igt_mmgpu_visit *v)
{
	igt_mmgpu_send_fd(sock, v->fd);
	igt_mmgpu_send_fd(sock, v->dmabuf);
	igt_mmgpu_send_fd(sock, v->sync_file);
}

static void scm_rights(struct setting *s)
{
	struct guest guest = { s->second, IGT_MMGPU_STRANGER };
	struct igt_mmgpu_visit *v = s->visit;
	struct igt_mmgpu_proc receiver;

	igt_mmgpu_proc_start(&receiver, receiver_proc, &guest);
	igt_mmgpu_visit_prepare(v, v->node, true);
	*s->second = *v;
	send_visit(receiver.sock, v);
	igt_mmgpu_send(receiver.sock, "", 1);
	igt_assert_eq(igt_mmgpu_proc_join(&receiver), 0);
	igt_mmgpu_visit_untouched(v);
	/* The owner is no worse off for it. */
	igt_mmgpu_visit_doors(v, IGT_MMGPU_OWNER);
}

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd	438
#endif

/* Takes the descriptors out of the owner's table, as a debugger may. */
static int thief_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct igt_mmgpu_visit *v = data;
	int pidfd;
	char go;

	igt_mmgpu_recv(self->sock, &go, 1);
	pidfd = syscall(SYS_pidfd_open, getppid(), 0);
	igt_assert_fd(pidfd);
	v->fd = syscall(SYS_pidfd_getfd, pidfd, v->fd, 0);
	if (v->fd < 0)
		return EXIT_IMPOSSIBLE;
	v->dmabuf = syscall(SYS_pidfd_getfd, pidfd, v->dmabuf, 0);
	v->sync_file = syscall(SYS_pidfd_getfd, pidfd, v->sync_file, 0);
	igt_mmgpu_visit_doors(v, IGT_MMGPU_STRANGER);
	return 0;
}

static void pidfd_getfd(struct setting *s)
{
	struct igt_mmgpu_proc thief;
	int ret;

	igt_mmgpu_proc_start(&thief, thief_proc, s->second);
	igt_mmgpu_visit_prepare(s->visit, s->visit->node, true);
	*s->second = *s->visit;
	igt_mmgpu_send(thief.sock, "", 1);
	ret = igt_mmgpu_proc_join(&thief);
	igt_require_f(ret != EXIT_IMPOSSIBLE, "may not take descriptors: no root?\n");
	igt_assert_eq(ret, 0);
	igt_mmgpu_visit_untouched(s->visit);
	igt_mmgpu_visit_doors(s->visit, IGT_MMGPU_OWNER);
}

static int keeper_main(void *data)
{
	int *pipe_fd = data;
	char byte;

	close(pipe_fd[1]);
	while (read(pipe_fd[0], &byte, 1) > 0)
		;
	return 0;
}

struct exec_shared {
	struct igt_mmgpu_visit *visit;
	int keep[2];
};

static int exec_shared_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct exec_shared *x = data;
	char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	igt_assert(stack != MAP_FAILED);
	igt_mmgpu_visit_prepare(x->visit, x->visit->node, true);
	igt_assert_lt(0, clone(keeper_main, stack + STACK_SIZE, CLONE_VM | SIGCHLD, x->keep));
	igt_mmgpu_visit_exec(x->visit, IGT_MMGPU_STRANGER, -1);
	return 1;
}

/*
 * The owner executes a program, but somebody else still uses the mm that it leaves: that
 * mm is not gone, and the new program is not in it.
 */
static void exec_shared_mm(struct setting *s)
{
	struct exec_shared x = { .visit = s->visit };

	igt_assert_eq(pipe2(x.keep, O_CLOEXEC), 0);
	igt_mmgpu_proc_run(exec_shared_proc, &x);
	close(x.keep[0]);
	close(x.keep[1]);
	s->visit->fd = s->visit->dmabuf = s->visit->sync_file = -1;
}

/* ---- after the owner's end ------------------------------------------------------------------ */

static int exec_self_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct igt_mmgpu_visit *v = data;

	igt_mmgpu_visit_prepare(v, v->node, true);
	igt_mmgpu_visit_exec(v, IGT_MMGPU_ORPHAN, -1);
	return 1;
}

/* The same program in the same process by the same file, but in another mm. */
static void exec_self(struct setting *s)
{
	igt_mmgpu_proc_run(exec_self_proc, s->visit);
	s->visit->fd = s->visit->dmabuf = s->visit->sync_file = -1;
}

enum ending { BY_EXIT, BY_KILL, BY_EXEC };

struct mortal {
	struct igt_mmgpu_visit *visit;
	enum ending ending;
	/* The holder waits at the first and reports by closing the second. */
	int go[2], done[2];
};

/* An owner with a child that holds the file, and that outlives it. */
static int mortal_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct mortal *m = data;
	pid_t pid;
	char byte;

	igt_mmgpu_visit_prepare(m->visit, m->visit->node, true);
	pid = fork();
	igt_assert_lte(0, pid);
	if (!pid) {
		close(self->sock);
		close(m->go[1]);
		if (read(m->go[0], &byte, 1) != 1)
			_exit(1);
		igt_mmgpu_visit_doors(m->visit, IGT_MMGPU_ORPHAN);
		_exit(write(m->done[1], &byte, 1) != 1);
	}

	switch (m->ending) {
	case BY_EXIT:
		return 0;
	case BY_KILL:
		kill(getpid(), SIGKILL);
		break;
	case BY_EXEC:
		igt_mmgpu_visit_exec(NULL, 0, self->sock);
		break;
	}
	return 1;
}

static void after_the_end(struct setting *s, enum ending ending)
{
	struct mortal m = { .visit = s->visit, .ending = ending };
	struct igt_mmgpu_proc proc;
	char byte;

	igt_assert_eq(pipe2(m.go, O_CLOEXEC), 0);
	igt_assert_eq(pipe2(m.done, O_CLOEXEC), 0);
	igt_mmgpu_proc_start(&proc, mortal_proc, &m);
	close(m.go[0]);
	close(m.done[1]);

	if (ending == BY_EXEC)
		igt_mmgpu_recv(proc.sock, &byte, 1);
	else
		igt_assert_eq(igt_mmgpu_proc_join(&proc), ending == BY_KILL ? -SIGKILL : 0);

	igt_assert_eq(write(m.go[1], "", 1), 1);
	igt_assert_f(igt_mmgpu_poll_ms(m.done[0], POLLIN, IGT_MMGPU_PATIENCE * 1000) & POLLIN,
		     "the holder of the file did not report\n");
	if (ending == BY_EXEC) {
		shutdown(proc.sock, SHUT_WR);
		igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
	}
	close(m.go[1]);
	close(m.done[0]);
	s->visit->fd = s->visit->dmabuf = s->visit->sync_file = -1;
}

static void fork_owner_exit(struct setting *s)
{
	after_the_end(s, BY_EXIT);
}

static void fork_owner_killed(struct setting *s)
{
	after_the_end(s, BY_KILL);
}

static void fork_owner_exec(struct setting *s)
{
	after_the_end(s, BY_EXEC);
}

static int sender_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct igt_mmgpu_visit *v = data;

	igt_mmgpu_visit_prepare(v, v->node, true);
	send_visit(self->sock, v);
	return 0;
}

/* Nothing but the socket connects the two; we are the receiver, and then our child is. */
static void scm_owner_exit(struct setting *s)
{
	struct igt_mmgpu_visit *v = s->visit;
	struct igt_mmgpu_proc sender;

	igt_mmgpu_proc_start(&sender, sender_proc, v);
	v->fd = igt_mmgpu_recv_fd(sender.sock);
	v->dmabuf = igt_mmgpu_recv_fd(sender.sock);
	v->sync_file = igt_mmgpu_recv_fd(sender.sock);
	igt_assert_eq(igt_mmgpu_proc_join(&sender), 0);
	visit_by_fork(v, IGT_MMGPU_ORPHAN);
}

/* ---- the matrix --------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*play)(struct setting *s);
	const char *what;
	/* Also by the 32-bit entry, and on the primary node. */
	bool compat, primary;
} roles[] = {
	{ "legacy-fork", legacy_fork, "a child uses a file that is not bound", true, true },
	{ "legacy-exec", legacy_exec, "so does a program after exec" },
	{ "legacy-opener-exit", legacy_opener_exit, "and who got it from a dead process" },

	{ "owner", owner, "the owner does", true, true },
	{ "thread", thread, "a thread of the owner does" },
	{ "vfork", vfork_child, "a vfork child is the owner, for it shares the mm" },
	{ "clone-vm", clone_vm, "so is a CLONE_VM process" },
	{ "sent-to-self", sent_to_self, "the owner gets its file back by SCM_RIGHTS" },
	{ "binder-gone", binder_gone, "who bound is gone, but not its mm" },
	{ "leader-gone", leader_gone, "the owner's first thread is gone" },

	{ "fork", fork_child, "a child", true, true },
	{ "grandchild", grandchild, "a child's child" },
	{ "clone-files", clone_files, "a child that shares the descriptors" },
	{ "exec", exec_child, "a program that the owner executed in a child" },
	{ "spawn", spawned, "a program that the owner executed after vfork" },
	{ "exec-shared-mm", exec_shared_mm, "the owner after exec, its old mm still in use" },
	{ "scm-rights", scm_rights, "who was sent the file" },
	{ "pidfd-getfd", pidfd_getfd, "who took the file" },

	{ "fork-owner-exit", fork_owner_exit, "a child after the owner's exit", true, true },
	{ "fork-owner-killed", fork_owner_killed, "a child after the owner was killed" },
	{ "fork-owner-exec", fork_owner_exec, "a child after the owner's exec" },
	{ "exec-self", exec_self, "the owner itself after exec" },
	{ "scm-owner-exit", scm_owner_exit, "who was sent the file, after the owner's exit" },
};

static struct setting setting;
static bool has_compat;

static void play(unsigned int role, enum igt_mmgpu_node node, bool compat)
{
	unsigned int wrong;

	if (compat)
		igt_require_f(has_compat, "no 32-bit entry: not x86, or no IA32_EMULATION\n");

	setting.visit = igt_mmgpu_visit_new();
	setting.second = igt_mmgpu_visit_new();
	setting.visit->node = node;
	setting.visit->compat = compat;
	setting.second->node = -1;
	roles[role].play(&setting);

	wrong = igt_mmgpu_visit_judge(setting.visit, igt_subtest_name());
	if (setting.second->node != (enum igt_mmgpu_node)-1)
		wrong += igt_mmgpu_visit_judge(setting.second, igt_subtest_name());
	igt_mmgpu_visit_close(setting.visit);
	igt_mmgpu_visit_free(setting.visit);
	igt_mmgpu_visit_free(setting.second);
	igt_assert_f(!wrong, "%u doors gave a wrong result, see above\n", wrong);
}

int igt_main()
{
	igt_fixture() {
		close(igt_mmgpu_open());
		has_compat = igt_mmgpu_has_compat();
		/* Both ends of a pipe may be ours: an error, not a signal. */
		signal(SIGPIPE, SIG_IGN);
	}

	for (unsigned int i = 0; i < igt_mmgpu_count(roles); i++) {
		igt_describe(roles[i].what);
		igt_subtest(roles[i].name)
			play(i, IGT_MMGPU_RENDER, false);

		if (roles[i].compat) {
			igt_describe_f("%s, by the 32-bit system call", roles[i].what);
			igt_subtest_f("%s-compat", roles[i].name)
				play(i, IGT_MMGPU_RENDER, true);
		}
		if (roles[i].primary) {
			igt_describe_f("%s, on the primary node", roles[i].what);
			igt_subtest_f("%s-primary", roles[i].name)
				play(i, IGT_MMGPU_PRIMARY, false);
		}
	}

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
