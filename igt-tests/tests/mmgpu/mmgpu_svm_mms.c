// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * An address means what it means in the mm that the file is bound to: not in another
 * process that has the same address, nor in the program that the owner has become. Who
 * shares the mm shares the addresses.
 */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_mmgpu_baseline.h"
#include "igt_mmgpu_race.h"
#include "igt_mmgpu_stuck.h"

IGT_TEST_DESCRIPTION("Whose memory a CPU address in a job names.");

#define PAGE		4096

/* ---- equal addresses -------------------------------------------------------------------- */

#define MMS		4
#define AREA		(192 * 1024)

/* At one address in all of them, and one page until somebody writes. */
static uint64_t *area_src, *area_dst;
static uint64_t in_program[PAGE / 8];

static void fill_words(uint64_t *words, size_t size, uint64_t value)
{
	for (size_t i = 0; i < size / 8; i++)
		words[i] = value;
}

static void assert_words(const char *what, const uint64_t *words, size_t size, uint64_t value)
{
	for (size_t i = 0; i < size / 8; i++)
		igt_assert_f(words[i] == value, "%s: %#llx at %zu, not %#llx\n", what,
			     (unsigned long long)words[i], i * 8, (unsigned long long)value);
}

/* One round of all ways between memory and a buffer, in which only our own value may appear. */
static void one_round(int fd, uint32_t bo, uint64_t *map, uint64_t value)
{
	struct igt_mmgpu_job job;

	fill_words(area_src, AREA, value);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, bo, MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE |
			 MMGPU_BO_REF_NO_IMPLICIT_SYNC);
	igt_mmgpu_cmd_svm_read(&job, 0, 0, area_src, AREA);
	igt_mmgpu_cmd_svm_copy(&job, area_dst, area_src, AREA);
	igt_mmgpu_cmd_svm_fill(&job, in_program, sizeof(in_program), value);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	assert_words("to a buffer", map, AREA, value);
	assert_words("copied", area_dst, AREA, value);
	assert_words("in the program", in_program, sizeof(in_program), value);

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, bo, MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE |
			 MMGPU_BO_REF_NO_IMPLICIT_SYNC);
	igt_mmgpu_cmd_fill(&job, 0, 0, AREA, ~value);
	igt_mmgpu_cmd_svm_write(&job, area_dst, 0, 0, AREA);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	assert_words("from a buffer", area_dst, AREA, ~value);
	assert_words("what was only read", area_src, AREA, value);
}

static int equal_proc(struct igt_mmgpu_proc *self, void *data)
{
	unsigned int me = *(unsigned int *)data, rounds = 0;
	int64_t deadline;
	uint64_t *map;
	uint32_t bo;
	char go;
	int fd;

	fd = igt_mmgpu_open();
	igt_mmgpu_bind_mm(fd);
	bo = igt_mmgpu_bo_create(fd, AREA, 0);
	map = igt_mmgpu_bo_map(fd, bo, 0, PROT_READ);
	/* What the parent had there, as long as nobody has written. */
	assert_words("inherited", area_src, AREA, 1);
	igt_mmgpu_send(self->sock, "", 1);
	igt_mmgpu_recv(self->sock, &go, 1);

	deadline = igt_mmgpu_deadline_ms(igt_mmgpu_race_seconds() * 1000);
	do
		one_round(fd, bo, map, (uint64_t)(me + 1) << 48 | ++rounds);
	while (igt_mmgpu_now() < deadline);
	igt_mmgpu_send(self->sock, &rounds, sizeof(rounds));
	return 0;
}

static uint64_t *new_area(void)
{
	uint64_t *area = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			      0);

	igt_assert(area != MAP_FAILED);
	fill_words(area, AREA, 1);
	return area;
}

static void equal_addresses(void)
{
	unsigned int me[MMS], rounds = 0;
	struct igt_mmgpu_baseline before;
	struct igt_mmgpu_proc proc[MMS];
	char ready;

	igt_mmgpu_baseline_take(&before);
	area_src = new_area();
	area_dst = new_area();
	for (unsigned int i = 0; i < MMS; i++) {
		me[i] = i;
		igt_mmgpu_proc_start(&proc[i], equal_proc, &me[i]);
	}
	for (unsigned int i = 0; i < MMS; i++)
		igt_mmgpu_recv(proc[i].sock, &ready, 1);
	for (unsigned int i = 0; i < MMS; i++)
		igt_mmgpu_send(proc[i].sock, "", 1);
	for (unsigned int i = 0; i < MMS; i++) {
		unsigned int n;

		igt_mmgpu_recv(proc[i].sock, &n, sizeof(n));
		igt_assert_eq(igt_mmgpu_proc_join(&proc[i]), 0);
		rounds += n;
	}
	igt_info("%u rounds\n", rounds);
	/* None of it was ours. */
	assert_words("the parent's", area_src, AREA, 1);
	assert_words("the parent's", area_dst, AREA, 1);
	assert_words("the parent's", in_program, sizeof(in_program), 0);
	munmap(area_src, AREA);
	munmap(area_dst, AREA);
	igt_mmgpu_baseline_assert(&before);
}

/* ---- who shares the mm ------------------------------------------------------------------ */

/* A job that copies one local variable to another: 0, or what went wrong. */
static int use_stack(int fd)
{
	volatile uint64_t src = 0x5eed, dst = 0;
	struct igt_mmgpu_job job;
	int status, ret;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_copy(&job, (void *)&dst, (void *)&src, 8);
	ret = __igt_mmgpu_job_run(fd, &job, &status);
	if (ret || status)
		return ret ?: status;
	return dst == src ? 0 : -EBADMSG;
}

struct sharer {
	int fd;
	int result;
	pthread_t leader;
	/* Written when nobody but the sharer is left. */
	int sock;
	pid_t parent;
};

static void *thread_fn(void *data)
{
	struct sharer *sharer = data;

	sharer->result = use_stack(sharer->fd);
	return NULL;
}

static int vm_child(void *data)
{
	thread_fn(data);
	return 0;
}

#define STACK_SIZE	(256 * 1024)

static char *new_stack(void)
{
	char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	igt_assert(stack != MAP_FAILED);
	return stack + STACK_SIZE;
}

static int share_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct sharer sharer = { .fd = igt_mmgpu_open(), .result = -1 };
	struct igt_mmgpu_job job;
	pthread_t thread;
	int status;
	pid_t pid;

	igt_mmgpu_bind_mm(sharer.fd);
	igt_assert_eq(pthread_create(&thread, NULL, thread_fn, &sharer), 0);
	igt_assert_eq(pthread_join(thread, NULL), 0);
	igt_assert_eq(sharer.result, 0);

	sharer.result = -1;
	pid = clone(vm_child, new_stack(), CLONE_VM | CLONE_VFORK | SIGCHLD, &sharer);
	igt_assert_lt(0, pid);
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert_eq(sharer.result, 0);

	/* What does not share it is refused, with the same address on its stack. */
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_fill(&job, &sharer.result, sizeof(sharer.result), 0);
	pid = fork();
	if (!pid)
		_exit(__igt_mmgpu_job_submit(sharer.fd, &job) == -EPERM ? 0 : 1);
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert_eq(status, 0);
	return 0;
}

static void thread_and_vfork(void)
{
	igt_mmgpu_proc_run(share_proc, NULL);
}

/* As long as somebody lives in the mm its jobs go on; then they end. */
static void *last_thread(void *data)
{
	struct sharer *sharer = data;
	int result;
	char byte;

	if (sharer->leader)
		pthread_join(sharer->leader, NULL);
	while (sharer->parent && getppid() == sharer->parent)
		usleep(1000);
	for (int i = 0; i < 20; i++) {
		result = use_stack(sharer->fd);
		if (result)
			break;
	}
	if (write(sharer->sock, &result, sizeof(result)) != sizeof(result) ||
	    read(sharer->sock, &byte, 1) != 1)
		_exit(1);
	_exit(0);
}

static int last_child(void *data)
{
	last_thread(data);
	return 0;
}

/* The mm's first thread ends, its jobs must not. */
static int leader_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct sharer *sharer = data;
	pthread_t thread;

	sharer->fd = igt_mmgpu_open();
	sharer->sock = self->sock;
	sharer->leader = pthread_self();
	igt_mmgpu_bind_mm(sharer->fd);
	igt_mmgpu_send_fd(self->sock, sharer->fd);
	igt_assert_eq(pthread_create(&thread, NULL, last_thread, sharer), 0);
	syscall(SYS_exit, 0);
	return 1;
}

/* The whole process ends; one that shares the mm lives on. */
static int parent_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct sharer *sharer = data;

	sharer->fd = igt_mmgpu_open();
	sharer->sock = self->sock;
	sharer->parent = getpid();
	igt_mmgpu_bind_mm(sharer->fd);
	igt_mmgpu_send_fd(self->sock, sharer->fd);
	igt_assert_lt(0, clone(last_child, new_stack(), CLONE_VM, sharer));
	return 0;
}

static void lives_on(igt_mmgpu_proc_fn fn)
{
	struct drm_mmgpu_ctx_query query;
	struct sharer sharer = { };
	struct igt_mmgpu_proc proc;
	int64_t deadline;
	int fd, result, ret;

	igt_mmgpu_proc_start(&proc, fn, &sharer);
	fd = igt_mmgpu_recv_fd(proc.sock);
	igt_mmgpu_recv(proc.sock, &result, sizeof(result));
	igt_assert_eq(result, 0);
	igt_assert_eq(__igt_mmgpu_ctx_query(fd, 0, &query), -EPERM);
	igt_mmgpu_send(proc.sock, "", 1);

	/* Not before the last one in it ends; for a child of init there is nothing to wait for. */
	deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);
	while ((ret = __igt_mmgpu_ctx_query(fd, 0, &query)) == -EPERM &&
	       igt_mmgpu_now() < deadline)
		usleep(1000);
	igt_assert_eq(ret, -ESRCH);
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
	close(fd);
}

/* ---- after exec --------------------------------------------------------------------------- */

#define EXEC_ENV	"MMGPU_SVM_EXEC"

/* Far from where kernels put anything by themselves. */
#define SAME_PAGE	((void *)0x123450000000ul)

/* What a program sees that was started with the file, and has the same address. */
struct later {
	int bind, submit;
	uint64_t before, after;
};

static uint64_t *map_same_page(void)
{
	void *page = mmap(SAME_PAGE, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return page == SAME_PAGE ? page : NULL;
}

/* Before main(): this is no run of the tests. No assertions here. */
static void __attribute__((constructor)) later_life(void)
{
	const char *text = getenv(EXEC_ENV);
	struct igt_mmgpu_job job;
	struct later later = { };
	uint64_t mm_seq, *page;
	int fd, sock;
	char go;

	if (!text || sscanf(text, "%d %d", &fd, &sock) != 2)
		return;
	page = map_same_page();
	if (!page)
		_exit(2);
	*page = 7;
	later.bind = __igt_mmgpu_bind_mm(fd, &mm_seq);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_fill(&job, page, PAGE, 1);
	later.submit = __igt_mmgpu_job_submit(fd, &job);
	later.before = *page;
	if (write(sock, &later, sizeof(later)) != sizeof(later) || read(sock, &go, 1) != 1)
		_exit(3);
	usleep(50000);
	later.after = *(volatile uint64_t *)page;
	_exit(write(sock, &later, sizeof(later)) != sizeof(later));
}

struct before_exec {
	struct igt_mmgpu_gate *gate;
	int fd, sock;
	/* Somebody else stays in the old mm. */
	bool vfork;
};

static int exec_here(void *data)
{
	struct before_exec *before = data;
	char *argv[] = { "later", NULL }, *env[2] = { }, text[64];

	snprintf(text, sizeof(text), EXEC_ENV "=%d %d", dup(before->fd), dup(before->sock));
	env[0] = text;
	execve("/proc/self/exe", argv, env);
	_exit(4);
}

/* A job is queued that writes the page; then the program is another one. */
static int exec_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct before_exec *before = data;
	struct igt_mmgpu_job job;
	uint64_t *page;
	uint32_t out;
	int status;

	before->fd = igt_mmgpu_open();
	before->sock = self->sock;
	igt_mmgpu_bind_mm(before->fd);
	page = map_same_page();
	igt_assert(page);
	out = igt_mmgpu_syncobj_create(before->fd);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_in(&job, igt_mmgpu_gate_syncobj(before->gate, before->fd), 0);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_cmd_svm_fill(&job, page, PAGE, 1);
	igt_mmgpu_job_submit(before->fd, &job);
	igt_mmgpu_send_fd(self->sock, igt_mmgpu_syncobj_export(before->fd, out));
	if (!before->vfork)
		exec_here(before);

	/* vfork() returns when the child has its own mm. */
	igt_assert_lt(0, clone(exec_here, new_stack(), CLONE_VM | CLONE_VFORK | SIGCHLD, before));
	igt_assert_lt(0, waitpid(-1, &status, 0));
	igt_assert_eq(status, 0);
	igt_assert_eq(igt_mmgpu_syncobj_result(before->fd, out), 0);
	assert_words("the owner's", page, PAGE, 1);
	return 0;
}

static void exec_same_address(bool vfork)
{
	int error = vfork ? -EPERM : -ESRCH, sync_file;
	struct igt_mmgpu_proc proc;
	struct igt_mmgpu_gate gate;
	struct before_exec before = { .gate = &gate, .vfork = vfork };
	struct later later;

	igt_mmgpu_gate_init(&gate);
	igt_mmgpu_proc_start(&proc, exec_proc, &before);
	sync_file = igt_mmgpu_recv_fd(proc.sock);
	igt_mmgpu_recv(proc.sock, &later, sizeof(later));
	igt_assert_eq(later.bind, error);
	igt_assert_eq(later.submit, error);
	igt_assert_eq_u64(later.before, 7);

	igt_mmgpu_gate_open(&gate);
	igt_assert(igt_mmgpu_poll_ms(sync_file, POLLIN, IGT_MMGPU_PATIENCE * 1000));
	igt_assert_eq(igt_mmgpu_sync_file_status(sync_file), vfork ? 1 : -ECANCELED);
	igt_mmgpu_send(proc.sock, "", 1);
	igt_mmgpu_recv(proc.sock, &later, sizeof(later));
	igt_assert_eq_u64(later.after, 7);
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
	close(sync_file);
	igt_mmgpu_gate_fini(&gate);
}

int igt_main()
{
	igt_fixture() {
		int fd = igt_mmgpu_open();

		igt_require_f(igt_mmgpu_get_param(fd, MMGPU_PARAM_SVM), "svm=0\n");
		close(fd);
	}

	igt_describe("processes that use the same addresses never see each other");
	igt_subtest("equal-addresses")
		equal_addresses();

	igt_describe("a thread and a vfork child use the owner's addresses, a forked one does not");
	igt_subtest("thread-and-vfork")
		thread_and_vfork();

	igt_describe("the owner's first thread ends, and its jobs go on");
	igt_subtest("leader-gone")
		lives_on(leader_proc);

	igt_describe("the owner ends, and the jobs of who shares its mm go on");
	igt_subtest("owner-gone")
		lives_on(parent_proc);

	igt_describe("after exec the same address is refused, and what was queued writes nothing");
	igt_subtest("exec-same-address")
		exec_same_address(false);

	igt_describe("the same for a program that a vfork child became");
	igt_subtest("vfork-exec")
		exec_same_address(true);

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
