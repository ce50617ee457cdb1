// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu_grant.h"

void igt_mmgpu_private_init(struct igt_mmgpu_private *own, uint64_t size)
{
	struct drm_mmgpu_bo_info info;

	own->fd = igt_mmgpu_open();
	own->seq = igt_mmgpu_bind_mm(own->fd);
	own->bo = igt_mmgpu_bo_create(own->fd, size, 0);
	igt_mmgpu_bo_info(own->fd, own->bo, &info);
	own->size = info.size;
	own->offset = info.mmap_offset;
	own->dmabuf = igt_mmgpu_export(own->fd, own->bo);
	own->legacy = igt_mmgpu_reopen(own->fd);
	own->legacy_bo = igt_mmgpu_import(own->legacy, own->dmabuf);
}

void igt_mmgpu_private_fini(struct igt_mmgpu_private *own)
{
	close(own->legacy);
	close(own->dmabuf);
	close(own->fd);
}

void igt_mmgpu_private_grant(const struct igt_mmgpu_private *own, uint32_t access,
			     uint64_t mm_seq)
{
	igt_assert_eq(__igt_mmgpu_bo_grant(own->fd, own->bo, access, mm_seq), 0);
}

uint64_t igt_mmgpu_number(int fd)
{
	struct drm_mmgpu_query_mm query;

	igt_mmgpu_query_mm(fd, MMGPU_QUERY_MM_ASSIGN, &query);
	return query.caller_mm_seq;
}

int igt_mmgpu_access(int fd, int dmabuf)
{
	struct drm_mmgpu_bo_info info;
	uint32_t handle;
	int ret = __igt_mmgpu_import(fd, dmabuf, &handle);

	if (ret)
		return ret;
	ret = __igt_mmgpu_bo_info(fd, handle, &info);
	igt_mmgpu_bo_close(fd, handle);
	/* Revoked since then: the first door is shut, too. */
	if (ret == -EPERM)
		igt_assert_eq(__igt_mmgpu_import(fd, dmabuf, &handle), -EPERM);
	else
		igt_assert_eq(ret, 0);
	return ret ?: (int)info.access;
}

void igt_mmgpu_await_dead(const struct igt_mmgpu_private *own, uint64_t mm_seq)
{
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);
	uint32_t bo = igt_mmgpu_bo_create(own->fd, 1, 0);
	int ret;

	while (!(ret = __igt_mmgpu_bo_grant(own->fd, bo, IGT_MMGPU_READ, mm_seq))) {
		igt_assert(igt_mmgpu_now() < deadline);
		usleep(1000);
	}
	igt_assert_eq(ret, -ESRCH);
	igt_mmgpu_bo_close(own->fd, bo);
}

/* ---- peers ------------------------------------------------------------------------------ */

#define DATA_MAX	256

/* The peer is forked, so a function is at the same address there. */
struct call {
	igt_mmgpu_peer_fn fn;
	bool has_fd;
	char data[DATA_MAX] __attribute__((aligned(16)));
};

static int peer_proc(struct igt_mmgpu_proc *self, void *data)
{
	int node = igt_mmgpu_reopen(*(int *)data);
	uint64_t seq = igt_mmgpu_number(node);

	igt_mmgpu_send(self->sock, &seq, sizeof(seq));
	for (;;) {
		struct call call;
		int fd = -1, ret;

		igt_mmgpu_recv(self->sock, &call, sizeof(call));
		if (!call.fn)
			return 0;
		if (call.has_fd)
			fd = igt_mmgpu_recv_fd(self->sock);
		ret = call.fn(node, fd, call.data);
		if (call.has_fd)
			close(fd);
		igt_mmgpu_send(self->sock, &ret, sizeof(ret));
	}
}

void igt_mmgpu_peer_start(struct igt_mmgpu_peer *peer, int node)
{
	igt_mmgpu_proc_start(&peer->proc, peer_proc, &node);
	igt_mmgpu_recv(peer->proc.sock, &peer->seq, sizeof(peer->seq));
}

void igt_mmgpu_peer_begin(struct igt_mmgpu_peer *peer, igt_mmgpu_peer_fn fn, int fd,
			  const void *data, size_t size)
{
	struct call call = { .fn = fn, .has_fd = fd >= 0 };

	igt_assert_lte(size, sizeof(call.data));
	if (size)
		memcpy(call.data, data, size);
	igt_mmgpu_send(peer->proc.sock, &call, sizeof(call));
	if (fd >= 0)
		igt_mmgpu_send_fd(peer->proc.sock, fd);
}

int igt_mmgpu_peer_end(struct igt_mmgpu_peer *peer)
{
	int ret;

	igt_mmgpu_recv(peer->proc.sock, &ret, sizeof(ret));
	return ret;
}

int igt_mmgpu_peer_call(struct igt_mmgpu_peer *peer, igt_mmgpu_peer_fn fn, int fd,
			const void *data, size_t size)
{
	igt_mmgpu_peer_begin(peer, fn, fd, data, size);
	return igt_mmgpu_peer_end(peer);
}

static int tell_access(int node, int fd, const void *data)
{
	int file = igt_mmgpu_reopen(node);
	int ret = igt_mmgpu_access(file, fd);

	close(file);
	return ret;
}

int igt_mmgpu_peer_access(struct igt_mmgpu_peer *peer, int dmabuf)
{
	return igt_mmgpu_peer_call(peer, tell_access, dmabuf, NULL, 0);
}

void igt_mmgpu_peer_stop(struct igt_mmgpu_peer *peer)
{
	struct call call = { };

	igt_mmgpu_send(peer->proc.sock, &call, sizeof(call));
	igt_assert_eq(igt_mmgpu_proc_join(&peer->proc), 0);
}

/* ---- jobs ------------------------------------------------------------------------------- */

struct igt_mmgpu_theirs igt_mmgpu_theirs;

static int enter(int node, int fd, const void *data)
{
	const bool *bind = data;

	igt_mmgpu_theirs.file = igt_mmgpu_reopen(node);
	if (*bind)
		igt_mmgpu_bind_mm(igt_mmgpu_theirs.file);
	igt_mmgpu_theirs.bo = igt_mmgpu_import(igt_mmgpu_theirs.file, fd);
	return 0;
}

void igt_mmgpu_peer_enter(struct igt_mmgpu_peer *peer, const struct igt_mmgpu_private *own,
			  uint32_t access, bool bind)
{
	igt_mmgpu_peer_start(peer, own->legacy);
	igt_mmgpu_private_grant(own, access, peer->seq);
	igt_assert_eq(igt_mmgpu_peer_call(peer, enter, own->dmabuf, &bind, sizeof(bind)), 0);
}

/* It says that it runs by writing into a buffer that belongs to nobody. */
int igt_mmgpu_run(int file, uint32_t bo, const struct igt_mmgpu_peer_job *what)
{
	uint32_t flag = igt_mmgpu_bo_create(file, 1, MMGPU_BO_SHARED);
	uint32_t out = igt_mmgpu_syncobj_create(file);
	uint64_t *map = igt_mmgpu_bo_map(file, flag, 0, PROT_READ);
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, igt_mmgpu_ctx_create(file, MMGPU_PRIORITY_NORMAL,
						      MMGPU_ENGINE_ANY));
	igt_mmgpu_job_bo(&job, flag, MMGPU_BO_REF_WRITE);
	if (bo)
		igt_mmgpu_job_bo(&job, bo, what->flags);
	igt_mmgpu_cmd_fill(&job, 0, 0, 8, 1);
	igt_mmgpu_cmd_delay(&job, what->ms);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(file, &job);
	igt_mmgpu_await(map, 1);
	return igt_mmgpu_syncobj_export(file, out);
}

static int run(int node, int fd, const void *data)
{
	igt_mmgpu_theirs.sync_file = igt_mmgpu_run(igt_mmgpu_theirs.file, igt_mmgpu_theirs.bo,
						   data);
	return 0;
}

void igt_mmgpu_peer_run(struct igt_mmgpu_peer *peer, uint32_t flags, uint64_t ms)
{
	struct igt_mmgpu_peer_job job = { .flags = flags, .ms = ms };

	igt_assert_eq(igt_mmgpu_peer_call(peer, run, -1, &job, sizeof(job)), 0);
}

static int status(int node, int fd, const void *data)
{
	return igt_mmgpu_sync_file_status(igt_mmgpu_theirs.sync_file);
}

static int result(int node, int fd, const void *data)
{
	igt_assert(igt_mmgpu_poll_ms(igt_mmgpu_theirs.sync_file, POLLIN,
				     IGT_MMGPU_PATIENCE * 1000));
	return status(node, fd, data);
}

int igt_mmgpu_peer_status(struct igt_mmgpu_peer *peer)
{
	return igt_mmgpu_peer_call(peer, status, -1, NULL, 0);
}

int igt_mmgpu_peer_result(struct igt_mmgpu_peer *peer)
{
	return igt_mmgpu_peer_call(peer, result, -1, NULL, 0);
}
