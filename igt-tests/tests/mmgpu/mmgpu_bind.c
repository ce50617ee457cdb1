// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * BIND_MM and QUERY_MM themselves: when a file can be bound and when not, and what the
 * numbers of address spaces are like. Who may then use the file is mmgpu_bind_matrix's,
 * what becomes of buffers mmgpu_bind_bo's.
 */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <drm.h>

#include "igt.h"
#include "igt_mmgpu.h"

IGT_TEST_DESCRIPTION("Binding a file to the caller's address space, and the numbers of these.");

/* A page that children write their findings to. */
static uint64_t *shared;

static uint64_t caller_seq(int fd, uint32_t flags)
{
	struct drm_mmgpu_query_mm query;

	igt_mmgpu_query_mm(fd, flags, &query);
	return query.caller_mm_seq;
}

static void assert_state(int fd, uint32_t state, uint64_t bound)
{
	struct drm_mmgpu_query_mm query;

	igt_mmgpu_query_mm(fd, 0, &query);
	igt_assert_eq_u32(query.state, state);
	igt_assert_eq_u64(query.bound_mm_seq, bound);
}

static void assert_legacy(int fd)
{
	assert_state(fd, 0, 0);
}

static void assert_owner(int fd, uint64_t seq)
{
	assert_state(fd, MMGPU_MM_BOUND | MMGPU_MM_OWNER, seq);
	igt_assert_eq_u64(caller_seq(fd, 0), seq);
}

/* ---- binding ------------------------------------------------------------------------ */

static void *bind_in_thread(void *data)
{
	/* On an error it stays as it was: a thread must not assert. */
	__igt_mmgpu_bind_mm(*(int *)data, &shared[0]);
	return NULL;
}

static int bind_in_clone(void *data)
{
	int fd = *(int *)data;

	return __igt_mmgpu_bind_mm(fd, &shared[1]) ? 1 : 0;
}

/* Again and again, from whoever shares the mm: the same number, whatever the file holds. */
static void idempotent(int fd)
{
	const size_t size = 256 * 1024;
	uint64_t seq = igt_mmgpu_bind_mm(fd);
	struct igt_mmgpu_job job;
	pthread_t thread;
	char *stack;
	int status;
	pid_t pid;

	igt_assert_neq_u64(seq, 0);
	assert_owner(fd, seq);
	igt_assert_eq_u64(igt_mmgpu_bind_mm(fd), seq);

	shared[0] = 0;
	igt_assert_eq(pthread_create(&thread, NULL, bind_in_thread, &fd), 0);
	igt_assert_eq(pthread_join(thread, NULL), 0);
	igt_assert_eq_u64(shared[0], seq);

	stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(stack != MAP_FAILED);
	pid = clone(bind_in_clone, stack + size, CLONE_VM | SIGCHLD, &fd);
	igt_assert_lt(0, pid);
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert_eq(status, 0);
	igt_assert_eq_u64(shared[1], seq);
	munmap(stack, size);

	/* What would be EBUSY before is none of its business now. */
	igt_mmgpu_bo_create(fd, 4096, 0);
	igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	igt_mmgpu_job_init(&job, 0);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_assert_eq_u64(igt_mmgpu_bind_mm(fd), seq);
	assert_owner(fd, seq);
}

/* All files of a process are bound to one number, also when none was open in between. */
static void one_number(int fd)
{
	int second = igt_mmgpu_reopen(fd);
	int primary = igt_mmgpu_open_primary();
	uint64_t seq = igt_mmgpu_bind_mm(fd);

	igt_assert_eq_u64(caller_seq(second, 0), seq);
	assert_legacy(second);
	igt_assert_eq_u64(igt_mmgpu_bind_mm(second), seq);
	igt_assert_eq_u64(igt_mmgpu_bind_mm(primary), seq);
	close(second);
	close(primary);
	assert_owner(fd, seq);
}

static int kept_number_proc(struct igt_mmgpu_proc *self, void *data)
{
	uint64_t seq;
	int fd;

	/* No file of ours is open here but the parent's, and that is not bound. */
	fd = igt_mmgpu_open();
	seq = igt_mmgpu_bind_mm(fd);
	close(fd);
	for (int i = 0; i < 20; i++) {
		fd = igt_mmgpu_open();
		igt_assert_eq_u64(caller_seq(fd, 0), seq);
		igt_assert_eq_u64(igt_mmgpu_bind_mm(fd), seq);
		close(fd);
	}
	return 0;
}

static int own_open_proc(struct igt_mmgpu_proc *self, void *data)
{
	int parents = *(int *)data;
	uint32_t handle, bo;
	struct drm_mmgpu_bo_info info;
	struct igt_mmgpu_job job;
	struct drm_mmgpu_query_mm query;
	uint64_t *map, seq;
	int fd;

	igt_mmgpu_query_mm(parents, 0, &query);
	igt_assert_eq_u32(query.state, MMGPU_MM_BOUND);
	igt_assert_eq(__igt_mmgpu_bo_create(parents, 4096, 0, &handle), -EPERM);

	/* By /proc the descriptor leads to the node, not to the parent's file. */
	fd = igt_mmgpu_reopen(parents);
	seq = igt_mmgpu_bind_mm(fd);
	igt_assert_neq_u64(seq, query.bound_mm_seq);
	assert_owner(fd, seq);
	handle = igt_mmgpu_bo_create(fd, 4096, 0);
	igt_mmgpu_bo_info(fd, handle, &info);
	igt_assert_eq_u64(info.mm_seq, seq);
	map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ);
	igt_mmgpu_job_init(&job, 0);
	bo = igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, bo, 0, 4096, seq);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_assert_eq_u64(map[511], seq);
	return 0;
}

static void own_open(int fd)
{
	uint64_t seq = igt_mmgpu_bind_mm(fd);

	igt_mmgpu_proc_run(own_open_proc, &fd);
	assert_owner(fd, seq);
}

static int child_binds_proc(struct igt_mmgpu_proc *self, void *data)
{
	int fd = *(int *)data;
	char byte;

	shared[0] = igt_mmgpu_bind_mm(fd);
	assert_owner(fd, shared[0]);
	igt_mmgpu_bo_create(fd, 4096, 0);
	igt_mmgpu_send(self->sock, "", 1);
	/* Until the parent has looked. */
	igt_mmgpu_recv(self->sock, &byte, 1);
	return 0;
}

/* A file belongs to who binds it, not to who opened it. */
static void child_binds(int fd)
{
	struct igt_mmgpu_proc child;
	struct drm_version version = { };
	uint32_t handle;
	char byte;

	igt_mmgpu_proc_start(&child, child_binds_proc, &fd);
	igt_mmgpu_recv(child.sock, &byte, 1);
	assert_state(fd, MMGPU_MM_BOUND, shared[0]);
	igt_assert_eq(__igt_mmgpu_bind_mm(fd, NULL), -EPERM);
	igt_assert_eq(__igt_mmgpu_bo_create(fd, 4096, 0, &handle), -EPERM);
	igt_assert_eq(igt_mmgpu_ioctl(fd, DRM_IOCTL_VERSION, &version), -EPERM);

	igt_mmgpu_send(child.sock, "", 1);
	igt_assert_eq(igt_mmgpu_proc_join(&child), 0);
	assert_state(fd, MMGPU_MM_BOUND | MMGPU_MM_GONE, shared[0]);
	/* It's not up for the next one. */
	igt_assert_eq(__igt_mmgpu_bind_mm(fd, NULL), -ESRCH);
	igt_assert_eq(__igt_mmgpu_bo_create(fd, 4096, 0, &handle), -ESRCH);
}

static void bad_argument(int fd, uint32_t flags, uint32_t pad)
{
	struct drm_mmgpu_bind_mm args = { .flags = flags, .pad = pad, .mm_seq = 0xdead };
	uint32_t handle;

	igt_assert_eq(igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_BIND_MM, &args), -EINVAL);
	igt_assert_eq_u64(args.mm_seq, 0xdead);
	assert_legacy(fd);

	/* Flags and pads come before the state of the file ... */
	handle = igt_mmgpu_bo_create(fd, 4096, 0);
	igt_assert_eq(igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_BIND_MM, &args), -EINVAL);
	assert_legacy(fd);
	igt_mmgpu_bo_close(fd, handle);

	/* ... and of a bound one too. */
	igt_mmgpu_bind_mm(fd);
	igt_assert_eq(igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_BIND_MM, &args), -EINVAL);
}

static void bad_query_flags(int fd)
{
	for (int bit = 1; bit < 32; bit++) {
		struct drm_mmgpu_query_mm args = { .flags = 1u << bit, .state = 0xdead };

		igt_assert_eq(igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_QUERY_MM, &args), -EINVAL);
		args.flags |= MMGPU_QUERY_MM_ASSIGN;
		igt_assert_eq(igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_QUERY_MM, &args), -EINVAL);
		igt_assert_eq_u32(args.state, 0xdead);
	}
}

static int bad_query_assigns_nothing_proc(struct igt_mmgpu_proc *self, void *data)
{
	int fd = *(int *)data;

	igt_assert_eq_u64(caller_seq(fd, 0), 0);
	bad_query_flags(fd);
	igt_assert_eq_u64(caller_seq(fd, 0), 0);
	return 0;
}

/* ---- EBUSY --------------------------------------------------------------------------- */

static void assert_busy(int fd)
{
	struct drm_mmgpu_bind_mm args = { .mm_seq = 0xdead };

	igt_assert_eq(igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_BIND_MM, &args), -EBUSY);
	igt_assert_eq_u64(args.mm_seq, 0xdead);
	assert_legacy(fd);
}

static void busy_handle(int fd)
{
	uint32_t a = igt_mmgpu_bo_create(fd, 4096, 0);
	uint32_t b = igt_mmgpu_bo_create(fd, 4096, MMGPU_BO_SHARED);

	assert_busy(fd);
	igt_mmgpu_bo_close(fd, a);
	assert_busy(fd);
	igt_mmgpu_bo_close(fd, b);
	igt_mmgpu_bind_mm(fd);
}

static void busy_dumb(int fd)
{
	int primary = igt_mmgpu_open_primary();
	uint32_t handle;

	igt_assert_eq(__igt_mmgpu_dumb_create(primary, 8, 8, 32, &handle, NULL, NULL), 0);
	assert_busy(primary);
	igt_mmgpu_bo_close(primary, handle);
	igt_mmgpu_bind_mm(primary);
	close(primary);
}

/* A handle is a handle, wherever the buffer comes from. */
static void busy_import(int fd)
{
	int other = igt_mmgpu_reopen(fd);
	int dmabuf = igt_mmgpu_export(other, igt_mmgpu_bo_create(other, 4096, 0));
	uint32_t handle = igt_mmgpu_import(fd, dmabuf);

	assert_busy(fd);
	igt_mmgpu_bo_close(fd, handle);
	igt_mmgpu_bind_mm(fd);
	close(dmabuf);
	close(other);
}

static void busy_open(int fd)
{
	int primary = igt_mmgpu_open_primary();
	int other = igt_mmgpu_open_primary();
	struct drm_gem_flink flink = { .handle = igt_mmgpu_bo_create(other, 4096, 0) };
	struct drm_gem_open opened = { };

	igt_assert_eq(igt_mmgpu_ioctl(other, DRM_IOCTL_GEM_FLINK, &flink), 0);
	opened.name = flink.name;
	igt_assert_eq(igt_mmgpu_ioctl(primary, DRM_IOCTL_GEM_OPEN, &opened), 0);
	assert_busy(primary);
	igt_mmgpu_bo_close(primary, opened.handle);
	igt_mmgpu_bind_mm(primary);
	close(primary);
	close(other);
}

/* The handle is what counts: the buffer may live on in a mapping or a dma-buf. */
static void mapping_is_not_busy(int fd)
{
	uint32_t handle = igt_mmgpu_bo_create(fd, 4096, 0);
	volatile uint64_t *map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ | PROT_WRITE);
	int dmabuf = igt_mmgpu_export(fd, handle);
	struct drm_mmgpu_bo_info info;
	uint64_t seq;

	*map = 1;
	igt_mmgpu_bo_close(fd, handle);
	seq = igt_mmgpu_bind_mm(fd);
	igt_assert_eq_u64(*map, 1);

	/* It was made by a legacy file, so it is nobody's. */
	handle = igt_mmgpu_import(fd, dmabuf);
	igt_mmgpu_bo_info(fd, handle, &info);
	igt_assert_eq_u64(info.mm_seq, 0);
	assert_owner(fd, seq);
	munmap((void *)map, 4096);
	close(dmabuf);
}

static void busy_context(int fd)
{
	uint32_t a = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	uint32_t b = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_LOW, 0);

	assert_busy(fd);
	igt_mmgpu_ctx_destroy(fd, a);
	assert_busy(fd);
	igt_mmgpu_ctx_destroy(fd, b);
	igt_mmgpu_bind_mm(fd);
}

static void busy_submit(int fd, bool created)
{
	uint32_t ctx = 0;
	struct igt_mmgpu_job job;

	if (created)
		ctx = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	igt_mmgpu_job_init(&job, ctx);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	if (created)
		igt_mmgpu_ctx_destroy(fd, ctx);
	/* The job is long done, its context is gone: it was submitted all the same. */
	assert_busy(fd);
}

/* A refused call changes nothing. */
static void refused_submit_is_not_busy(int fd)
{
	struct igt_mmgpu_job job;
	uint32_t handle, ctx;

	igt_mmgpu_job_init(&job, 77);
	igt_assert_eq(__igt_mmgpu_job_submit(fd, &job), -ENOENT);
	igt_mmgpu_job_init(&job, 0);
	job.submit.flags = 1;
	igt_assert_eq(__igt_mmgpu_job_submit(fd, &job), -EINVAL);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_fill(&job, 0, 0, 8, 0);
	igt_assert_eq(__igt_mmgpu_job_submit(fd, &job), -EINVAL);
	igt_assert_eq(__igt_mmgpu_bo_create(fd, 0, 0, &handle), -EINVAL);
	igt_assert_eq(__igt_mmgpu_ctx_create(fd, 77, 0, &ctx), -EINVAL);
	igt_mmgpu_bind_mm(fd);
}

static void syncobj_is_not_busy(int fd)
{
	uint32_t a = igt_mmgpu_syncobj_create_signaled(fd);
	uint32_t b = igt_mmgpu_syncobj_create(fd);

	igt_mmgpu_bind_mm(fd);
	/* They go on working in the bound file. */
	igt_mmgpu_syncobj_wait(fd, a, 0);
	igt_assert(!igt_mmgpu_syncobj_has_fence(fd, b));
	igt_mmgpu_syncobj_destroy(fd, a);
	igt_mmgpu_syncobj_destroy(fd, b);
}

static int busy_other_proc(struct igt_mmgpu_proc *self, void *data)
{
	shared[0] = igt_mmgpu_bo_create(*(int *)data, 4096, 0);
	return 0;
}

/* What a child made in the file is in the file. */
static void busy_by_child(int fd)
{
	igt_mmgpu_proc_run(busy_other_proc, &fd);
	assert_busy(fd);
	igt_mmgpu_bo_close(fd, shared[0]);
	igt_mmgpu_bind_mm(fd);
}

/* ---- numbers ----------------------------------------------------------------------------- */

static int query_assigns_nothing_proc(struct igt_mmgpu_proc *self, void *data)
{
	int fd = *(int *)data;
	struct drm_mmgpu_query_mm query;
	uint64_t seq;

	for (int i = 0; i < 3; i++)
		igt_assert_eq_u64(caller_seq(fd, 0), 0);
	seq = caller_seq(fd, MMGPU_QUERY_MM_ASSIGN);
	igt_assert_neq_u64(seq, 0);
	igt_assert_eq_u64(caller_seq(fd, MMGPU_QUERY_MM_ASSIGN), seq);
	igt_assert_eq_u64(caller_seq(fd, 0), seq);

	/* A number is no binding, but it's the number that a binding has. */
	igt_mmgpu_query_mm(fd, MMGPU_QUERY_MM_ASSIGN, &query);
	igt_assert_eq_u32(query.state, 0);
	igt_assert_eq_u64(query.bound_mm_seq, 0);
	igt_mmgpu_bo_close(fd, igt_mmgpu_bo_create(fd, 4096, 0));
	igt_assert_eq_u64(igt_mmgpu_bind_mm(fd), seq);
	assert_owner(fd, seq);
	return 0;
}

static int assign_proc(struct igt_mmgpu_proc *self, void *data)
{
	shared[0] = caller_seq(*(int *)data, MMGPU_QUERY_MM_ASSIGN);
	return 0;
}

static int bind_own_proc(struct igt_mmgpu_proc *self, void *data)
{
	shared[0] = igt_mmgpu_bind_mm(igt_mmgpu_reopen(*(int *)data));
	return 0;
}

/* Each number is greater than all before it, though mms come and go at one address. */
static void numbers_increase(int fd)
{
	uint64_t last = 0;

	for (int i = 0; i < 30; i++) {
		igt_mmgpu_proc_run(i & 1 ? assign_proc : bind_own_proc, &fd);
		igt_assert_lt_u64(last, shared[0]);
		last = shared[0];
	}
}

static int fork_has_none_proc(struct igt_mmgpu_proc *self, void *data)
{
	uint64_t seq;

	igt_assert_eq_u64(caller_seq(*(int *)data, 0), 0);
	seq = caller_seq(*(int *)data, MMGPU_QUERY_MM_ASSIGN);
	igt_assert_lt_u64(shared[0], seq);
	return 0;
}

/* The parent's number is not the child's, and the child's does not change the parent's. */
static void fork_has_none(int fd)
{
	shared[0] = caller_seq(fd, MMGPU_QUERY_MM_ASSIGN);
	igt_mmgpu_proc_run(fork_has_none_proc, &fd);
	igt_assert_eq_u64(caller_seq(fd, 0), shared[0]);
}

/* Two that ask at the same time, many times: one number for one mm, two for two. */
struct asker {
	pthread_barrier_t *barrier;
	int fd;
	uint64_t seq;
};

static void *ask(void *data)
{
	struct asker *asker = data;
	struct drm_mmgpu_query_mm query = { .flags = MMGPU_QUERY_MM_ASSIGN };

	pthread_barrier_wait(asker->barrier);
	if (!igt_mmgpu_ioctl(asker->fd, DRM_IOCTL_MMGPU_QUERY_MM, &query))
		asker->seq = query.caller_mm_seq;
	return NULL;
}

static int threads_agree_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct asker asker[4];
	pthread_t thread[4];
	pthread_barrier_t barrier;

	igt_assert_eq(pthread_barrier_init(&barrier, NULL, 4), 0);
	for (int i = 0; i < 4; i++) {
		asker[i] = (struct asker){ &barrier, igt_mmgpu_reopen(*(int *)data), 0 };
		igt_assert_eq(pthread_create(&thread[i], NULL, ask, &asker[i]), 0);
	}
	for (int i = 0; i < 4; i++)
		igt_assert_eq(pthread_join(thread[i], NULL), 0);
	for (int i = 0; i < 4; i++)
		igt_assert_eq_u64(asker[i].seq, asker[0].seq);
	igt_assert_neq_u64(asker[0].seq, 0);
	igt_assert_eq_u64(igt_mmgpu_bind_mm(asker[0].fd), asker[0].seq);
	return 0;
}

static void threads_agree(int fd)
{
	for (int i = 0; i < 10; i++)
		igt_mmgpu_proc_run(threads_agree_proc, &fd);
}

/* ---- CPU addresses ------------------------------------------------------------------------ */

static int fill_stack(int fd, uint64_t *word)
{
	struct igt_mmgpu_job job;
	int status;
	int ret;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_fill(&job, 0, (uintptr_t)word, 8, 1)->flags = MMGPU_CMD_DST_SVM;
	ret = __igt_mmgpu_job_run(fd, &job, &status);
	return ret ? ret : status;
}

/* What binding buys; more of it in mmgpu_svm. */
static void buys_svm(int fd)
{
	uint64_t word = 0;

	igt_require_f(igt_mmgpu_get_param(fd, MMGPU_PARAM_SVM), "the module has svm=0\n");
	igt_assert_eq(fill_stack(fd, &word), -EOPNOTSUPP);
	igt_assert_eq_u64(word, 0);
	/* What was refused has not made it busy. */
	igt_mmgpu_bind_mm(fd);
	igt_assert_eq(fill_stack(fd, &word), 0);
	igt_assert_eq_u64(word, 1);
}

/* ------------------------------------------------------------------------------------------------ */

static void busy_submit_default(int fd)
{
	busy_submit(fd, false);
}

static void busy_submit_created(int fd)
{
	busy_submit(fd, true);
}

static void bad_flags(int fd)
{
	bad_argument(fd, 1, 0);
}

static void bad_flags_high(int fd)
{
	bad_argument(fd, 1u << 31, 0);
}

static void bad_pad(int fd)
{
	bad_argument(fd, 0, 1);
}

static void bad_query(int fd)
{
	bad_query_flags(fd);
	igt_mmgpu_proc_run(bad_query_assigns_nothing_proc, &fd);
}

static void number_is_kept(int fd)
{
	igt_mmgpu_proc_run(kept_number_proc, NULL);
}

static void query_assigns_nothing(int fd)
{
	igt_mmgpu_proc_run(query_assigns_nothing_proc, &fd);
}

static const struct {
	const char *name;
	void (*fn)(int fd);
	const char *what;
} tests[] = {
	{ "idempotent", idempotent, "binding again gives the same number, with handles too" },
	{ "one-number", one_number, "all files of a process are bound to the same number" },
	{ "number-is-kept", number_is_kept, "a number stays when the last file is closed" },
	{ "own-open", own_open, "a child that opens the node by itself can bind and work" },
	{ "child-binds", child_binds, "a child may bind an inherited file, which the opener loses" },
	{ "bad-flags", bad_flags, "BIND_MM with a flag" },
	{ "bad-flags-high", bad_flags_high, "BIND_MM with the highest flag" },
	{ "bad-pad", bad_pad, "BIND_MM with something in the pad" },
	{ "bad-query-flags", bad_query, "QUERY_MM with unknown flags, which assign nothing" },

	{ "busy-handle", busy_handle, "EBUSY while a GEM handle is open" },
	{ "busy-dumb", busy_dumb, "EBUSY with a dumb buffer" },
	{ "busy-import", busy_import, "EBUSY with an imported buffer" },
	{ "busy-gem-open", busy_open, "EBUSY with a buffer opened by its name" },
	{ "busy-child", busy_by_child, "EBUSY with a buffer that a child made" },
	{ "busy-context", busy_context, "EBUSY while a created context exists" },
	{ "busy-submit", busy_submit_default, "EBUSY for ever after a submission" },
	{ "busy-submit-created", busy_submit_created, "even if its context is gone" },
	{ "not-busy-mapping", mapping_is_not_busy, "a mapping or dma-buf alone is no handle" },
	{ "not-busy-refused", refused_submit_is_not_busy, "what was refused leaves no trace" },
	{ "not-busy-syncobj", syncobj_is_not_busy, "syncobjs never make EBUSY" },

	{ "query-assigns-nothing", query_assigns_nothing, "a query alone gives no number" },
	{ "numbers-increase", numbers_increase, "each number is greater than all before" },
	{ "fork-has-none", fork_has_none, "a forked mm has no number until it asks" },
	{ "threads-agree", threads_agree, "threads that ask at once get one number" },

	{ "buys-svm", buys_svm, "a bound file may name CPU addresses, a legacy one may not" },
};

int igt_main()
{
	igt_fixture() {
		close(igt_mmgpu_open());
		shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			      -1, 0);
		igt_assert(shared != MAP_FAILED);
	}

	for (unsigned int i = 0; i < igt_mmgpu_count(tests); i++) {
		igt_describe(tests[i].what);
		igt_subtest(tests[i].name) {
			int fd = igt_mmgpu_open();

			tests[i].fn(fd);
			close(fd);
		}
	}

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
