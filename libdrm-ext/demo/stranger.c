// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Somebody who holds a bound file's descriptor and is not its owner. What is tried would
 * nearly always succeed for the owner: the handles are right, the memory is there.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libdrm_mmgpu.h>
#include <linux/dma-buf.h>
#include <xf86drm.h>

#include "demo.h"
#include "stranger.h"

/* Newer than the oldest libdrm that the demo is built with */
#define IOCTL_SYNCOBJ_EVENTFD	_IOC(_IOC_READ | _IOC_WRITE, DRM_IOCTL_BASE, 0xcf, 24)
#define IOCTL_SET_CLIENT_NAME	_IOC(_IOC_READ | _IOC_WRITE, DRM_IOCTL_BASE, 0xd1, 16)
#define IOCTL_UNKNOWN		_IO(DRM_IOCTL_BASE, 0x9f)
#define IOCTL_OTHER_TYPE	_IO('m', 0x01)

/* What the contract says must come back. */
enum expected {
	EXPECT_OK,
	EXPECT_GATE,		/* EPERM; ESRCH when the owner is gone */
	EXPECT_NO_ACCESS,	/* EPERM, as a private buffer stays what it is */
	EXPECT_POLLERR,
	EXPECT_NO_MAPPING,	/* SIGSEGV or SIGBUS for the child, others inherit no memory */
};

struct attempt {
	const struct loot *loot;
	const struct key *key;
	enum who who;
};

struct try {
	const char *name;
	enum expected expected;

	/* One of these: */
	int (*run)(const struct attempt *at);
	unsigned long request;

	/* Arguments of the ioctl. */
	uint64_t arg[16];
};

static struct try tries[MAX_TRIES];
static unsigned int try_count;

/* --- things to try that are no ioctl of the file --- */

static void on_alarm(int sig)
{
	(void)sig;
}

/* If it were allowed it would wait for an event: then it ends with EINTR. */
static int do_read(const struct attempt *at)
{
	struct sigaction action = { .sa_handler = on_alarm }, old;
	unsigned int guard;
	char event[64];
	int ret;

	sigaction(SIGALRM, &action, &old);
	guard = alarm(2);
	ret = read(at->key->node, event, sizeof(event)) < 0 ? -errno : 0;
	alarm(guard);
	sigaction(SIGALRM, &old, NULL);
	return ret;
}

static int do_poll(const struct attempt *at)
{
	struct pollfd pfd = { .fd = at->key->node, .events = POLLIN };

	if (poll(&pfd, 1, 0) < 0)
		return -errno;
	return pfd.revents & POLLERR ? CAME_POLLERR : CAME_NO_POLLERR;
}

static int map_and_unmap(int fd, uint64_t offset, uint64_t size)
{
	void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, offset);

	if (map == MAP_FAILED)
		return -errno;
	munmap(map, size);
	return 0;
}

static int do_mmap(const struct attempt *at)
{
	return map_and_unmap(at->key->node, at->loot->mmap_offset, at->loot->size);
}

static int do_dmabuf_mmap(const struct attempt *at)
{
	return map_and_unmap(at->key->dmabuf, 0, at->loot->size);
}

static int do_dmabuf_sync(const struct attempt *at)
{
	struct dma_buf_sync args = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ };

	return demo_ioctl(at->key->dmabuf, DMA_BUF_IOCTL_SYNC, &args);
}

/* Where the owner has its private buffer mapped. */
static int do_touch(const struct attempt *at)
{
	return at->who == WHO_CHILD ? came_from_touch(at->loot->map, false) : CAME_NOTHING;
}

static int import_into_own(int dmabuf, bool bind)
{
	struct drm_mmgpu_bo *bo;
	struct drm_mmgpu *own;
	int ret;

	ret = drm_mmgpu_open(NULL, &own);
	if (ret)
		return ret;
	if (bind)
		ret = drm_mmgpu_bind(own, NULL);
	if (!ret) {
		ret = drm_mmgpu_bo_import(own, dmabuf, &bo);
		if (!ret)
			drm_mmgpu_bo_put(bo);
	}
	drm_mmgpu_close(own);
	return ret;
}

static int do_import(const struct attempt *at)
{
	return import_into_own(at->key->dmabuf, false);
}

static int do_import_bound(const struct attempt *at)
{
	return import_into_own(at->key->dmabuf, true);
}

static int fill_own_buffer(struct drm_mmgpu *own, struct drm_mmgpu_bo *bo)
{
	struct drm_mmgpu_job *job;
	void *map;
	int ret;

	ret = drm_mmgpu_job_new(own, &job);
	if (ret)
		return ret;
	drm_mmgpu_job_fill(job, bo, 0, 4096, 0x5555555555555555);
	ret = drm_mmgpu_job_submit(job, NULL);
	drm_mmgpu_job_free(job);
	if (!ret)
		ret = drm_mmgpu_bo_wait_idle(bo, 0, demo_deadline());
	if (!ret)
		ret = drm_mmgpu_bo_map(bo, &map);
	if (!ret && *(uint64_t *)map != 0x5555555555555555)
		ret = -EBADMSG;
	return ret;
}

/* What the advice says to do: open the node again. */
static int do_own_file(const struct attempt *at)
{
	struct drm_mmgpu_bo *bo;
	struct drm_mmgpu *own;
	int ret;

	(void)at;
	ret = drm_mmgpu_open(NULL, &own);
	if (ret)
		return ret;
	ret = drm_mmgpu_bind(own, NULL);
	if (!ret)
		ret = drm_mmgpu_bo_new(own, 4096, 0, &bo);
	if (!ret) {
		ret = fill_own_buffer(own, bo);
		drm_mmgpu_bo_put(bo);
	}
	drm_mmgpu_close(own);
	return ret;
}

static int do_close(const struct attempt *at)
{
	return close(dup(at->key->node)) ? -errno : 0;
}

/* --- the list --- */

static struct try *add(const char *name, enum expected expected)
{
	struct try *try = &tries[try_count++];

	try->name = name;
	try->expected = expected;
	return try;
}

static void add_run(const char *name, enum expected expected,
		    int (*run)(const struct attempt *at))
{
	add(name, expected)->run = run;
}

static void add_ioctl(const char *name, enum expected expected, unsigned long request,
		      const void *arg)
{
	struct try *try = add(name, expected);

	try->request = request;
	if (arg)
		memcpy(try->arg, arg, _IOC_SIZE(request));
}

/* The arguments stay where they are until the try: this function's are static. */
static void add_own_ioctls(const struct loot *loot)
{
	static struct drm_mmgpu_bo_ref ref = { .flags = MMGPU_BO_REF_WRITE };
	static struct drm_mmgpu_cmd cmd = {
		.op = MMGPU_OP_FILL, .width = 8, .rows = 1, .value = 0x666,
	};

	ref.handle = loot->bo;
	add_ioctl("GET_PARAM", EXPECT_OK, DRM_IOCTL_MMGPU_GET_PARAM,
		  &(struct drm_mmgpu_get_param){ .param = MMGPU_PARAM_MAX_BOS });
	add_ioctl("QUERY_MM", EXPECT_OK, DRM_IOCTL_MMGPU_QUERY_MM,
		  &(struct drm_mmgpu_query_mm){ 0 });
	add_ioctl("BIND_MM", EXPECT_GATE, DRM_IOCTL_MMGPU_BIND_MM,
		  &(struct drm_mmgpu_bind_mm){ 0 });
	add_ioctl("BO_CREATE", EXPECT_GATE, DRM_IOCTL_MMGPU_BO_CREATE,
		  &(struct drm_mmgpu_bo_create){ .size = 4096 });
	add_ioctl("BO_INFO", EXPECT_GATE, DRM_IOCTL_MMGPU_BO_INFO,
		  &(struct drm_mmgpu_bo_info){ .handle = loot->bo });
	add_ioctl("BO_WAIT", EXPECT_GATE, DRM_IOCTL_MMGPU_BO_WAIT,
		  &(struct drm_mmgpu_bo_wait){ .handle = loot->bo });
	add_ioctl("BO_GRANT", EXPECT_GATE, DRM_IOCTL_MMGPU_BO_GRANT,
		  &(struct drm_mmgpu_bo_grant){ .handle = loot->bo, .access = MMGPU_ACCESS_READ,
						.mm_seq = 1 });
	add_ioctl("CTX_CREATE", EXPECT_GATE, DRM_IOCTL_MMGPU_CTX_CREATE,
		  &(struct drm_mmgpu_ctx_create){ .engine = MMGPU_ENGINE_ANY });
	add_ioctl("CTX_QUERY", EXPECT_GATE, DRM_IOCTL_MMGPU_CTX_QUERY,
		  &(struct drm_mmgpu_ctx_query){ .ctx_id = loot->ctx });
	add_ioctl("SUBMIT", EXPECT_GATE, DRM_IOCTL_MMGPU_SUBMIT,
		  &(struct drm_mmgpu_submit){ .cmds = { sizeof(cmd), 1, (uintptr_t)&cmd },
					      .bos = { sizeof(ref), 1, (uintptr_t)&ref } });
	add_ioctl("CTX_DESTROY", EXPECT_GATE, DRM_IOCTL_MMGPU_CTX_DESTROY,
		  &(struct drm_mmgpu_ctx_destroy){ .ctx_id = loot->ctx });
}

static void add_syncobj_ioctls(const struct loot *loot, const struct key *key)
{
	static uint32_t handle;
	static uint64_t point = 1;

	handle = loot->syncobj;
	add_ioctl("SYNCOBJ_CREATE", EXPECT_GATE, DRM_IOCTL_SYNCOBJ_CREATE,
		  &(struct drm_syncobj_create){ 0 });
	add_ioctl("SYNCOBJ_HANDLE_TO_FD", EXPECT_GATE, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD,
		  &(struct drm_syncobj_handle){ .handle = handle, .fd = -1 });
	add_ioctl("SYNCOBJ_FD_TO_HANDLE", EXPECT_GATE, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE,
		  &(struct drm_syncobj_handle){ .fd = key->syncobj });
	add_ioctl("SYNCOBJ_WAIT", EXPECT_GATE, DRM_IOCTL_SYNCOBJ_WAIT,
		  &(struct drm_syncobj_wait){ .handles = (uintptr_t)&handle, .count_handles = 1 });
	add_ioctl("SYNCOBJ_RESET", EXPECT_GATE, DRM_IOCTL_SYNCOBJ_RESET,
		  &(struct drm_syncobj_array){ .handles = (uintptr_t)&handle, .count_handles = 1 });
	add_ioctl("SYNCOBJ_SIGNAL", EXPECT_GATE, DRM_IOCTL_SYNCOBJ_SIGNAL,
		  &(struct drm_syncobj_array){ .handles = (uintptr_t)&handle, .count_handles = 1 });
	add_ioctl("SYNCOBJ_TIMELINE_WAIT", EXPECT_GATE, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT,
		  &(struct drm_syncobj_timeline_wait){ .handles = (uintptr_t)&handle,
						       .points = (uintptr_t)&point,
						       .count_handles = 1 });
	add_ioctl("SYNCOBJ_QUERY", EXPECT_GATE, DRM_IOCTL_SYNCOBJ_QUERY,
		  &(struct drm_syncobj_timeline_array){ .handles = (uintptr_t)&handle,
							.points = (uintptr_t)&point,
							.count_handles = 1 });
	add_ioctl("SYNCOBJ_TRANSFER", EXPECT_GATE, DRM_IOCTL_SYNCOBJ_TRANSFER,
		  &(struct drm_syncobj_transfer){ .src_handle = handle, .dst_handle = handle });
	add_ioctl("SYNCOBJ_TIMELINE_SIGNAL", EXPECT_GATE, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL,
		  &(struct drm_syncobj_timeline_array){ .handles = (uintptr_t)&handle,
							.points = (uintptr_t)&point,
							.count_handles = 1 });
	add_ioctl("SYNCOBJ_EVENTFD", EXPECT_GATE, IOCTL_SYNCOBJ_EVENTFD, NULL);
	add_ioctl("SYNCOBJ_DESTROY", EXPECT_GATE, DRM_IOCTL_SYNCOBJ_DESTROY,
		  &(struct drm_syncobj_destroy){ .handle = handle });
}

static void add_core_ioctls(const struct loot *loot, const struct key *key)
{
	add_ioctl("VERSION", EXPECT_GATE, DRM_IOCTL_VERSION, &(struct drm_version){ 0 });
	add_ioctl("GET_CAP", EXPECT_GATE, DRM_IOCTL_GET_CAP,
		  &(struct drm_get_cap){ .capability = DRM_CAP_PRIME });
	add_ioctl("SET_CLIENT_NAME", EXPECT_GATE, IOCTL_SET_CLIENT_NAME, NULL);
	add_ioctl("PRIME_HANDLE_TO_FD", EXPECT_GATE, DRM_IOCTL_PRIME_HANDLE_TO_FD,
		  &(struct drm_prime_handle){ .handle = loot->bo, .fd = -1 });
	add_ioctl("PRIME_FD_TO_HANDLE", EXPECT_GATE, DRM_IOCTL_PRIME_FD_TO_HANDLE,
		  &(struct drm_prime_handle){ .fd = key->dmabuf });
	add_ioctl("GEM_FLINK", EXPECT_GATE, DRM_IOCTL_GEM_FLINK,
		  &(struct drm_gem_flink){ .handle = loot->bo });
	add_ioctl("GEM_OPEN", EXPECT_GATE, DRM_IOCTL_GEM_OPEN, &(struct drm_gem_open){ .name = 1 });
	add_ioctl("GEM_CLOSE", EXPECT_GATE, DRM_IOCTL_GEM_CLOSE,
		  &(struct drm_gem_close){ .handle = loot->bo });
	add_syncobj_ioctls(loot, key);
	add_ioctl("an unknown DRM ioctl", EXPECT_GATE, IOCTL_UNKNOWN, NULL);
	add_ioctl("an ioctl of another type", EXPECT_GATE, IOCTL_OTHER_TYPE, NULL);
}

static void init_tries(const struct loot *loot, const struct key *key)
{
	memset(tries, 0, sizeof(tries));
	try_count = 0;
	add_own_ioctls(loot);
	add_core_ioctls(loot, key);
	add_run("mmap the node", EXPECT_GATE, do_mmap);
	add_run("read", EXPECT_GATE, do_read);
	add_run("poll", EXPECT_POLLERR, do_poll);
	add_run("touch the owner's mapping", EXPECT_NO_MAPPING, do_touch);
	add_run("mmap the dma-buf", EXPECT_NO_ACCESS, do_dmabuf_mmap);
	add_run("SYNC_START on the dma-buf", EXPECT_NO_ACCESS, do_dmabuf_sync);
	add_run("import into a file of its own", EXPECT_NO_ACCESS, do_import);
	add_run("import into a bound file of its own", EXPECT_NO_ACCESS, do_import_bound);
	add_run("open the node again, bind, work", EXPECT_OK, do_own_file);
	add_run("close", EXPECT_OK, do_close);
}

/* --- trying --- */

static int run(const struct try *try, const struct attempt *at)
{
	uint64_t arg[16];

	if (try->run)
		return try->run(at);
	/* Not drmIoctl(), which would wait for ever for an EAGAIN to end */
	memcpy(arg, try->arg, sizeof(arg));
	return ioctl(at->key->node, try->request, arg) ? -errno : 0;
}

static void ask_numbers(struct column *column, int fd)
{
	struct drm_mmgpu_query_mm query = { .flags = MMGPU_QUERY_MM_ASSIGN };

	demo_ioctl(fd, DRM_IOCTL_MMGPU_QUERY_MM, &query);
	column->mm_seq = query.caller_mm_seq;
	column->owner_mm_seq = query.bound_mm_seq;
}

/* What somebody reads who does not know about any of this. */
static void ask_library(struct column *column, int fd, struct drm_mmgpu *dev)
{
	struct drm_mmgpu *mine = NULL;
	struct drm_mmgpu_bo *bo;

	if (!dev && !drm_mmgpu_new(fd, &mine))
		dev = mine;
	if (dev && !drm_mmgpu_bo_new(dev, 4096, 0, &bo))
		drm_mmgpu_bo_put(bo);
	snprintf(column->words, sizeof(column->words), "%s", drm_mmgpu_last_error());
	drm_mmgpu_close(mine);
}

void stranger_try(struct board *board, enum who who, const struct key *key, struct drm_mmgpu *dev)
{
	const struct attempt at = { &board->loot, key, who };
	struct column *column = &board->columns[who];
	unsigned int i;

	init_tries(&board->loot, key);
	column->pid = getpid();
	ask_numbers(column, key->node);
	ask_library(column, key->node, dev);
	for (i = 0; i < try_count; i++)
		column->came[i] = run(&tries[i], &at);
	column->done = true;
}

/* --- judging --- */

bool stranger_is_right(unsigned int i, enum who who, int came)
{
	switch (tries[i].expected) {
	case EXPECT_OK:
		return came == 0;
	case EXPECT_GATE:
		return came == (who == WHO_AFTER ? -ESRCH : -EPERM);
	case EXPECT_NO_ACCESS:
		return came == -EPERM;
	case EXPECT_POLLERR:
		return came == CAME_POLLERR;
	case EXPECT_NO_MAPPING:
		if (who != WHO_CHILD)
			return came == CAME_NOTHING;
		return came == CAME_SIGNAL + SIGSEGV || came == CAME_SIGNAL + SIGBUS;
	}
	return false;
}

unsigned int stranger_count(void)
{
	/* Nobody needs to have tried to know what there is */
	if (!try_count)
		init_tries(&(struct loot){ 0 }, &(struct key){ 0 });
	return try_count;
}

const char *stranger_name(unsigned int i)
{
	return tries[i].name;
}
