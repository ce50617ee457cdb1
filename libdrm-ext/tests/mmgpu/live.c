// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * The library on a real device, which the unit tests have not: what it says about results
 * and refusals that only the driver can give. In the tree: scripts/vm -- mmgpu-lib-live
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libdrm_mmgpu.h>
#include <xf86drm.h>

#define SECOND	1000000000ll
#define PAGE	4096

#define CHECK(cond) do {							\
	if (!(cond)) {								\
		printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #cond);	\
		printf("the library says: %s\n", drm_mmgpu_last_error());	\
		exit(1);							\
	}									\
} while (0)

#define CHECK_FAIL(call, err, words) do {					\
	CHECK((call) == -(err));						\
	CHECK(strstr(drm_mmgpu_last_error(), words));				\
} while (0)

static struct drm_mmgpu *dev;
static struct drm_mmgpu_job *job;
static struct drm_mmgpu_bo *a, *b;
static uint32_t syncobj;

static void setup(bool bind)
{
	CHECK(!drm_mmgpu_open(NULL, &dev));
	if (bind)
		CHECK(!drm_mmgpu_bind(dev, NULL));
	CHECK(!drm_mmgpu_bo_new(dev, PAGE, 0, &a));
	CHECK(!drm_mmgpu_bo_new(dev, 2 * PAGE - 1, 0, &b));
	CHECK(!drm_mmgpu_job_new(dev, &job));
	CHECK(!drmSyncobjCreate(drm_mmgpu_get_fd(dev), 0, &syncobj));
}

static void teardown(void)
{
	drm_mmgpu_job_free(job);
	drm_mmgpu_bo_put(a);
	drm_mmgpu_bo_put(b);
	drm_mmgpu_close(dev);
}

static void test_every_op(void)
{
	uint64_t *map;
	void *ptr;
	int status;

	setup(true);
	CHECK(drm_mmgpu_bo_get_size(b) == 2 * PAGE);
	drm_mmgpu_job_nop(job);
	drm_mmgpu_job_fill(job, a, 0, PAGE, 0x0101010101010101);
	drm_mmgpu_job_fill_2d(job, a, 64, 128, 8, 2, 0x0202020202020202);
	drm_mmgpu_job_copy(job, b, 0, a, 0, 72);
	drm_mmgpu_job_copy_2d(job, b, PAGE, 16, a, 64, 128, 8, 2);
	drm_mmgpu_job_add(job, b, 8, 5);
	drm_mmgpu_job_timestamp(job, b, 2 * PAGE - 8);
	drm_mmgpu_job_delay(job, 1000);
	drm_mmgpu_job_out_sync(job, syncobj, 0);
	CHECK(!drm_mmgpu_job_submit(job, NULL));
	CHECK(!drm_mmgpu_syncobj_wait(dev, syncobj, 0, drm_mmgpu_deadline(20 * SECOND), &status));
	CHECK(status == 0);
	CHECK(!drm_mmgpu_bo_wait_idle(b, MMGPU_BO_WAIT_WRITE, 0));

	CHECK(!drm_mmgpu_bo_map(b, &ptr));
	map = ptr;
	CHECK(map[0] == 0x0101010101010101 && map[1] == 0x0101010101010106);
	CHECK(map[8] == 0x0202020202020202 && map[9] == 0);
	CHECK(map[PAGE / 8] == 0x0202020202020202 && map[PAGE / 8 + 1] == 0);
	CHECK(map[PAGE / 8 + 2] == 0x0202020202020202);
	CHECK(map[2 * PAGE / 8 - 1] != 0);
	teardown();
}

static void test_timeline(void)
{
	int status = 1;

	setup(true);
	CHECK_FAIL(drm_mmgpu_syncobj_wait(dev, syncobj, 1, 0, NULL), ETIME, "not over");
	drm_mmgpu_job_in_sync(job, syncobj, 1);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "submit the job that signals it first");
	drm_mmgpu_job_reset(job);

	drm_mmgpu_job_out_sync(job, syncobj, 1);
	CHECK(!drm_mmgpu_job_submit(job, NULL));
	drm_mmgpu_job_reset(job);
	drm_mmgpu_job_in_sync(job, syncobj, 1);
	drm_mmgpu_job_out_sync(job, syncobj, 7);
	CHECK(!drm_mmgpu_job_submit(job, NULL));
	CHECK(!drm_mmgpu_syncobj_wait(dev, syncobj, 7, drm_mmgpu_deadline(20 * SECOND), &status));
	CHECK(status == 0);
	CHECK_FAIL(drm_mmgpu_syncobj_wait(dev, 999, 7, 0, NULL), ENOENT, "no handle 999");
	teardown();
}

/* A hang, seen through a timeline's point and through a binary syncobj. */
static void test_hang(void)
{
	struct drm_mmgpu_context *ctx;
	uint64_t timeout_ms, hangs;
	uint32_t banned, binary;
	int status;

	setup(true);
	CHECK(!drm_mmgpu_context_new(dev, MMGPU_PRIORITY_NORMAL, 0, &ctx));
	CHECK(!drmSyncobjCreate(drm_mmgpu_get_fd(dev), 0, &binary));
	CHECK(!drm_mmgpu_query_param(dev, MMGPU_PARAM_JOB_TIMEOUT_MS, &timeout_ms));
	drm_mmgpu_job_delay(job, (timeout_ms + 3000) * 1000000);
	drm_mmgpu_job_out_sync(job, syncobj, 3);
	drm_mmgpu_job_out_sync(job, binary, 0);
	CHECK(!drm_mmgpu_job_submit(job, ctx));
	CHECK_FAIL(drm_mmgpu_syncobj_wait(dev, syncobj, 3, 0, &status), ETIME, "not over");

	CHECK(!drm_mmgpu_syncobj_wait(dev, syncobj, 3, drm_mmgpu_deadline(60 * SECOND), &status));
	CHECK(status == -ETIME);
	CHECK(!drm_mmgpu_syncobj_wait(dev, binary, 0, 0, &status));
	CHECK(status == -ETIME);
	CHECK(!drm_mmgpu_context_query(ctx, &banned, &hangs, NULL, NULL));
	CHECK(banned == MMGPU_CTX_BANNED && hangs == 1);
	CHECK_FAIL(drm_mmgpu_job_submit(job, ctx), ECANCELED, "make a new context");
	drm_mmgpu_context_free(ctx);
	teardown();
}

static void test_cancelled(void)
{
	struct drm_mmgpu_context *ctx;
	int status;

	setup(true);
	CHECK(!drm_mmgpu_context_new(dev, MMGPU_PRIORITY_LOW, MMGPU_ENGINE_ANY, &ctx));
	drm_mmgpu_job_delay(job, 300000000);
	CHECK(!drm_mmgpu_job_submit(job, ctx));
	drm_mmgpu_job_reset(job);
	drm_mmgpu_job_fill(job, a, 0, 8, 1);
	drm_mmgpu_job_out_sync(job, syncobj, 0);
	CHECK(!drm_mmgpu_job_submit(job, ctx));
	drm_mmgpu_context_free(ctx);
	CHECK(!drm_mmgpu_syncobj_wait(dev, syncobj, 0, drm_mmgpu_deadline(60 * SECOND), &status));
	CHECK(status == -ECANCELED);
	teardown();
}

static void test_refusals(void)
{
	uint64_t max, engines;
	struct drm_mmgpu_context *ctx;
	struct drm_mmgpu_bo *bo;
	uint64_t i;

	setup(false);
	CHECK_FAIL(drm_mmgpu_bind(dev, NULL), EBUSY, "right after opening");
	CHECK(!drm_mmgpu_query_param(dev, MMGPU_PARAM_MAX_BO_SIZE, &max));
	CHECK_FAIL(drm_mmgpu_bo_new(dev, max + 1, 0, &bo), E2BIG, "use several buffers");
	CHECK_FAIL(drm_mmgpu_bo_new(dev, 0, 0, &bo), EINVAL, "size is 0");
	CHECK(!drm_mmgpu_query_param(dev, MMGPU_PARAM_ENGINE_COUNT, &engines));
	CHECK_FAIL(drm_mmgpu_context_new(dev, 0, engines, &ctx), EINVAL, "there is no engine");
	CHECK_FAIL(drm_mmgpu_context_new(dev, -2, 0, &ctx), EINVAL, "there is no priority -2");
	CHECK_FAIL(drm_mmgpu_query_param(dev, 4711, &max), EINVAL, "parameter 4711");
	CHECK_FAIL(drm_mmgpu_bo_import(dev, 0, &bo), EINVAL, "descriptor 0 is not one");

	drm_mmgpu_job_copy(job, a, 1, b, 0, PAGE);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "beyond the end of a buffer");
	drm_mmgpu_job_reset(job);
	CHECK(!drm_mmgpu_query_param(dev, MMGPU_PARAM_MAX_CMDS, &max));
	for (i = 0; i <= max; i++)
		drm_mmgpu_job_nop(job);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), E2BIG, "split it into several");
	drm_mmgpu_job_reset(job);
	drm_mmgpu_job_out_sync(job, 12345, 0);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), ENOENT, "a syncobj is not there");
	teardown();
}

static void test_import(void)
{
	struct drm_mmgpu_bo *again, *shared, *other;
	struct drm_mmgpu *file;
	uint64_t mm_seq;
	int fd, shared_fd;

	setup(true);
	CHECK(!drm_mmgpu_bo_export(a, DRM_CLOEXEC | DRM_RDWR, &fd));
	CHECK(!drm_mmgpu_bo_import(dev, fd, &again) && again == a);
	drm_mmgpu_bo_put(again);
	CHECK(!drm_mmgpu_bo_query(a, NULL, &mm_seq, NULL) && mm_seq);

	/* The same process may import its own private buffer elsewhere */
	CHECK(!drm_mmgpu_open(NULL, &file));
	CHECK(!drm_mmgpu_bo_import(file, fd, &other));
	drm_mmgpu_bo_put(other);
	CHECK(!drm_mmgpu_bo_new(dev, PAGE, MMGPU_BO_SHARED, &shared));
	CHECK(!drm_mmgpu_bo_query(shared, NULL, &mm_seq, NULL) && !mm_seq);
	CHECK(!drm_mmgpu_bo_export(shared, DRM_CLOEXEC, &shared_fd));
	CHECK(!drm_mmgpu_bo_import(file, shared_fd, &other));
	CHECK(drm_mmgpu_bo_get_size(other) == PAGE);
	drm_mmgpu_bo_put(other);
	drm_mmgpu_bo_put(shared);
	drm_mmgpu_close(file);
	close(shared_fd);
	close(fd);
	teardown();
}

static int run(void)
{
	int status;

	drm_mmgpu_job_out_sync(job, syncobj, 0);
	CHECK(!drm_mmgpu_job_submit(job, NULL));
	CHECK(!drm_mmgpu_syncobj_wait(dev, syncobj, 0, drm_mmgpu_deadline(60 * SECOND), &status));
	drm_mmgpu_job_reset(job);
	return status;
}

/* Every command on CPU addresses: a stack, the heap, the program's own data. */
static void test_svm(void)
{
	static uint8_t data[4 * PAGE];
	uint8_t local[64] = { 0 }, *heap = malloc(PAGE);
	uint64_t time = 0, faults;
	void *gone;
	int i;

	setup(true);
	drm_mmgpu_job_svm_fill(job, data, sizeof(data), 0x0807060504030201);
	drm_mmgpu_job_svm_fill_2d(job, data + PAGE, 16, 3, 2, ~0ull);
	drm_mmgpu_job_svm_upload(job, b, 1, data, PAGE);
	drm_mmgpu_job_svm_upload_2d(job, b, PAGE + 1, 8, data + PAGE, 16, 4, 2);
	drm_mmgpu_job_svm_download(job, heap, b, 1, PAGE);
	drm_mmgpu_job_svm_download_2d(job, local, 4, b, PAGE + 1, 8, 4, 2);
	drm_mmgpu_job_svm_copy(job, data + 2 * PAGE + 3, data + 2 * PAGE, PAGE);
	drm_mmgpu_job_svm_copy_2d(job, local + 8, 5, data, 8, 2, 2);
	drm_mmgpu_job_svm_timestamp(job, &time);
	CHECK(!run());
	CHECK(!memcmp(heap, data, PAGE));
	CHECK(!memcmp(local, "\xff\xff\xff\4\xff\xff\xff\4\1\2\0\0\0\1\2\0", 16));
	for (i = 0; i < PAGE; i++)
		CHECK(data[2 * PAGE + 3 + i] == i % 8 + 1);
	CHECK(time && (int64_t)time <= drm_mmgpu_deadline(1));

	/* Memory that was given back: only this job, only an error */
	gone = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(gone != MAP_FAILED && !munmap(gone, PAGE));
	drm_mmgpu_job_svm_fill(job, heap, 8, 42);
	drm_mmgpu_job_svm_fill(job, gone, 8, 42);
	drm_mmgpu_job_svm_fill(job, heap, 8, 43);
	CHECK(run() == -EFAULT);
	CHECK(heap[0] == 42);
	CHECK(!drm_mmgpu_context_query(drm_mmgpu_context_default(dev), NULL, NULL, &faults, NULL));
	CHECK(faults == 1);
	drm_mmgpu_job_svm_fill(job, heap, 8, 44);
	CHECK(!run() && heap[0] == 44);

	/* Implicit order is not to be had */
	drm_mmgpu_job_fill(job, a, 0, 8, 1);
	drm_mmgpu_job_svm_fill(job, heap, 8, 1);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EINVAL, "MMGPU_BO_REF_NO_IMPLICIT_SYNC");
	drm_mmgpu_job_use_bo(job, a, MMGPU_BO_REF_NO_IMPLICIT_SYNC);
	CHECK(!run());
	free(heap);
	teardown();
}

static void test_svm_needs_binding(void)
{
	uint64_t word;

	setup(false);
	drm_mmgpu_job_svm_fill(job, &word, 8, 1);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EOPNOTSUPP, "call drm_mmgpu_bind()");
	teardown();
}

/* In the child: what is inherited is refused, in words, and freeing it harms nobody. */
static void use_inherited(void *map)
{
	struct drm_mmgpu_bo *bo;
	void *mine;

	CHECK_FAIL(drm_mmgpu_bo_new(dev, PAGE, 0, &bo), EPERM, "open the node again in this process");
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EPERM, "this file is bound to address space");
	CHECK_FAIL(drm_mmgpu_bo_wait_idle(a, 0, 0), EPERM, "this file is bound to address space");

	/* Something of the child's own where the buffer was mapped in the parent */
	mine = mmap(map, PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	CHECK(mine == map);
	*(int *)mine = 42;
	CHECK(!drm_mmgpu_bo_unmap(a));
	CHECK(*(int *)mine == 42);
	teardown();
	CHECK(*(int *)mine == 42);
	exit(0);
}

static void test_fork(void)
{
	int status;
	void *map;
	pid_t pid;

	setup(true);
	CHECK(!drm_mmgpu_bo_map(a, &map));
	fflush(stdout);
	pid = fork();
	CHECK(pid >= 0);
	if (!pid)
		use_inherited(map);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status));
	/* The child freed and closed everything: nothing of ours */
	*(int *)map = 1;
	drm_mmgpu_job_fill(job, a, 0, 8, 0);
	CHECK(!drm_mmgpu_job_submit(job, NULL));
	CHECK(!drm_mmgpu_bo_wait_idle(a, 0, drm_mmgpu_deadline(20 * SECOND)));
	CHECK(*(int *)map == 0);
	teardown();
}

/* --- a grant: the child is the grantee, and takes turns with the parent --- */

static int grant_sock;
static sigjmp_buf back;

static void say(const void *data, size_t size)
{
	CHECK(write(grant_sock, data, size) == (ssize_t)size);
}

static void hear(void *data, size_t size)
{
	CHECK(read(grant_sock, data, size) == (ssize_t)size);
}

static void send_fd(int fd)
{
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	union {
		char buffer[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.buffer, .msg_controllen = sizeof(control.buffer),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	CHECK(sendmsg(grant_sock, &msg, 0) == 1);
}

static int receive_fd(void)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	union {
		char buffer[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.buffer, .msg_controllen = sizeof(control.buffer),
	};
	int fd;

	CHECK(recvmsg(grant_sock, &msg, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&msg));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static void on_sigbus(int sig)
{
	siglongjmp(back, sig);
}

/* Whether reading there is a SIGBUS. */
static bool is_sigbus(const volatile uint64_t *map)
{
	struct sigaction action = { .sa_handler = on_sigbus }, old;
	bool caught = true;

	sigaction(SIGBUS, &action, &old);
	if (!sigsetjmp(back, 1)) {
		(void)*map;
		caught = false;
	}
	sigaction(SIGBUS, &old, NULL);
	return caught;
}

static void grantee(void)
{
	struct drm_mmgpu_bo *bo;
	uint64_t *read_map, mine;
	uint32_t access;
	void *map;
	char byte;
	int fd;

	setup(true);
	CHECK(!drm_mmgpu_query(dev, MMGPU_QUERY_MM_ASSIGN, NULL, NULL, &mine) && mine);
	say(&mine, sizeof(mine));
	fd = receive_fd();
	CHECK_FAIL(drm_mmgpu_bo_import(dev, fd, &bo), EPERM, "let its owner grant it first");

	/* Granted for reading */
	say("r", 1);
	hear(&byte, 1);
	CHECK(!drm_mmgpu_bo_import(dev, fd, &bo));
	CHECK(!drm_mmgpu_bo_query(bo, NULL, NULL, &access) && access == MMGPU_ACCESS_READ);
	CHECK(!drm_mmgpu_bo_map(bo, &map));
	read_map = map;
	CHECK(*read_map == 42);
	drm_mmgpu_job_fill(job, bo, 0, 8, 43);
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EACCES, "gives this one no write access");
	CHECK_FAIL(drm_mmgpu_bo_grant(bo, mine + 1, MMGPU_ACCESS_READ), EPERM,
		   "only that one can grant and revoke");
	CHECK(!drm_mmgpu_bo_unmap(bo));

	/* Granted for writing too */
	say("w", 1);
	hear(&byte, 1);
	CHECK(!drm_mmgpu_job_submit(job, NULL));
	CHECK(!drm_mmgpu_bo_wait_idle(bo, 0, drm_mmgpu_deadline(20 * SECOND)));
	CHECK(!drm_mmgpu_bo_map(bo, &map));
	CHECK(*(uint64_t *)map == 43);
	*(uint64_t *)map = 44;

	/* Revoked */
	say("x", 1);
	hear(&byte, 1);
	CHECK(is_sigbus(map));
	CHECK_FAIL(drm_mmgpu_job_submit(job, NULL), EPERM, "let its owner grant it to");
	CHECK_FAIL(drm_mmgpu_bo_wait_idle(bo, 0, 0), EPERM, "let its owner grant it to");
	CHECK(!drm_mmgpu_bo_unmap(bo));
	CHECK_FAIL(drm_mmgpu_bo_map(bo, &map), EPERM, "let its owner grant it to");
	drm_mmgpu_bo_put(bo);
	close(fd);
	teardown();
	exit(0);
}

static void test_grant(void)
{
	int socks[2], fd, status;
	uint64_t *map, other;
	void *ptr;
	pid_t pid;
	char byte;

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks));
	fflush(stdout);
	pid = fork();
	CHECK(pid >= 0);
	grant_sock = socks[!pid];
	close(socks[!!pid]);
	if (!pid)
		grantee();

	setup(true);
	CHECK(!drm_mmgpu_bo_map(a, &ptr));
	map = ptr;
	*map = 42;
	CHECK(!drm_mmgpu_bo_export(a, DRM_CLOEXEC | DRM_RDWR, &fd));
	hear(&other, sizeof(other));
	send_fd(fd);
	hear(&byte, 1);
	CHECK(!drm_mmgpu_bo_grant(a, other, MMGPU_ACCESS_READ));
	say("", 1);
	hear(&byte, 1);
	CHECK(*map == 42);
	CHECK(!drm_mmgpu_bo_grant(a, other, MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE));
	say("", 1);
	hear(&byte, 1);
	CHECK(*map == 44);
	CHECK(!drm_mmgpu_bo_revoke(a, other) && !drm_mmgpu_bo_revoke(a, other));
	say("", 1);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status));

	/* It ended, and nothing can be granted to it any more */
	CHECK_FAIL(drm_mmgpu_bo_grant(a, other, MMGPU_ACCESS_READ), ESRCH, "there is no address space");
	CHECK(!drm_mmgpu_bo_revoke(a, other));
	CHECK(!drm_mmgpu_query(dev, 0, NULL, NULL, &other));
	CHECK_FAIL(drm_mmgpu_bo_grant(a, other, MMGPU_ACCESS_READ), EINVAL, "owns the buffer");
	CHECK_FAIL(drm_mmgpu_bo_grant(a, 1, MMGPU_ACCESS_WRITE), EINVAL, "without reading it");
	CHECK(*map == 44);
	close(fd);
	close(grant_sock);
	teardown();
}

static void test_nodes(void)
{
	char path[64];

	CHECK(!drm_mmgpu_find_node(0, sizeof(path), path));
	CHECK_FAIL(drm_mmgpu_find_node(0, 5, path), ENOSPC, "needs");
	CHECK_FAIL(drm_mmgpu_find_node(100, sizeof(path), path), ENOENT, "num_devices");
	CHECK(!drm_mmgpu_open(path, &dev));
	drm_mmgpu_close(dev);
}

#define RUN(test) do { test(); printf("ok %s\n", #test); fflush(stdout); } while (0)

int main(void)
{
	RUN(test_nodes);
	RUN(test_every_op);
	RUN(test_timeline);
	RUN(test_hang);
	RUN(test_cancelled);
	RUN(test_refusals);
	RUN(test_import);
	RUN(test_svm);
	RUN(test_svm_needs_binding);
	RUN(test_fork);
	RUN(test_grant);
	return 0;
}
