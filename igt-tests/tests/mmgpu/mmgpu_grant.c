// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * BO_GRANT: its errors and their order, and what a grant gives to whom. What each access
 * opens is mmgpu_grant_matrix's matter.
 */

#include <errno.h>
#include <pthread.h>

#include "igt.h"
#include "igt_mmgpu_grant.h"

IGT_TEST_DESCRIPTION("Grants of private buffers to other address spaces.");

#define PAGE	4096

/* The subtest is the owner. */
static struct igt_mmgpu_private own;

static void grant(uint32_t access, uint64_t seq)
{
	igt_mmgpu_private_grant(&own, access, seq);
}

static int peer_access(struct igt_mmgpu_peer *peer)
{
	return igt_mmgpu_peer_access(peer, own.dmabuf);
}

static int my_access(void)
{
	struct drm_mmgpu_bo_info info;

	igt_mmgpu_bo_info(own.legacy, own.legacy_bo, &info);
	return info.access;
}

static void refused(int fd, uint32_t handle, uint32_t access, uint64_t seq, int err)
{
	struct drm_mmgpu_bo_grant args = { .handle = handle, .access = access, .mm_seq = seq };

	igt_mmgpu_refused(fd, DRM_IOCTL_MMGPU_BO_GRANT, &args, err);
}

static uint64_t dead_number(void)
{
	struct igt_mmgpu_peer peer;

	igt_mmgpu_peer_start(&peer, own.legacy);
	igt_mmgpu_peer_stop(&peer);
	igt_mmgpu_await_dead(&own, peer.seq);
	return peer.seq;
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void bad_access(void)
{
	struct igt_mmgpu_peer peer;

	igt_mmgpu_peer_start(&peer, own.legacy);
	refused(own.fd, own.bo, MMGPU_ACCESS_WRITE, peer.seq, EINVAL);
	for (int bit = 2; bit < 32; bit++) {
		refused(own.fd, own.bo, 1u << bit, peer.seq, EINVAL);
		refused(own.fd, own.bo, IGT_MMGPU_READ_WRITE | 1u << bit, peer.seq, EINVAL);
	}
	igt_assert_eq(peer_access(&peer), -EPERM);

	/* What there is stays. */
	grant(IGT_MMGPU_READ, peer.seq);
	refused(own.fd, own.bo, MMGPU_ACCESS_WRITE, peer.seq, EINVAL);
	refused(own.fd, own.bo, 1u << 31, peer.seq, EINVAL);
	igt_assert_eq(peer_access(&peer), IGT_MMGPU_READ);
	igt_mmgpu_peer_stop(&peer);
}

static void bad_handle(void)
{
	static const uint32_t handles[] = { 0, 1000, 0x80000000u, ~0u };
	uint32_t closed = igt_mmgpu_bo_create(own.fd, PAGE, 0);
	struct igt_mmgpu_peer peer;

	igt_mmgpu_peer_start(&peer, own.legacy);
	igt_mmgpu_bo_close(own.fd, closed);
	refused(own.fd, closed, IGT_MMGPU_READ, peer.seq, ENOENT);
	for (unsigned int i = 0; i < igt_mmgpu_count(handles); i++) {
		refused(own.fd, handles[i], IGT_MMGPU_READ, peer.seq, ENOENT);
		refused(own.fd, handles[i], 0, 0, ENOENT);
	}
	igt_mmgpu_peer_stop(&peer);
}

/* Shared, legacy, and from another driver: there is nothing to grant. */
static void bad_buffer(void)
{
	uint32_t shared = igt_mmgpu_bo_create(own.fd, PAGE, MMGPU_BO_SHARED);
	uint32_t legacy = igt_mmgpu_bo_create(own.legacy, PAGE, 0);
	struct igt_mmgpu_gate gate;
	uint32_t imported;
	struct igt_mmgpu_peer peer;

	igt_mmgpu_peer_start(&peer, own.legacy);
	for (uint32_t access = 0; access <= IGT_MMGPU_READ_WRITE; access += access ? 2 : 1) {
		refused(own.fd, shared, access, peer.seq, EINVAL);
		refused(own.legacy, legacy, access, peer.seq, EINVAL);
	}
	igt_mmgpu_gate_init(&gate);
	imported = igt_mmgpu_import(own.fd, gate.dmabuf);
	refused(own.fd, imported, IGT_MMGPU_READ, peer.seq, EINVAL);
	refused(own.fd, imported, 0, peer.seq, EINVAL);
	igt_mmgpu_gate_fini(&gate);
	igt_mmgpu_peer_stop(&peer);
}

static void bad_own_number(void)
{
	refused(own.fd, own.bo, IGT_MMGPU_READ, own.seq, EINVAL);
	refused(own.fd, own.bo, IGT_MMGPU_READ_WRITE, own.seq, EINVAL);
	refused(own.legacy, own.legacy_bo, IGT_MMGPU_READ_WRITE, own.seq, EINVAL);
	/* Not even to take it away. */
	refused(own.fd, own.bo, 0, own.seq, EINVAL);
	igt_assert_eq(my_access(), IGT_MMGPU_READ_WRITE);
}

static void bad_number(void)
{
	uint64_t numbers[] = { 0, ~0ull, 1ull << 63, own.seq + 100000, dead_number(), 0 };
	struct igt_mmgpu_peer peer;

	/* Never assigned is what comes after the last that was. */
	igt_mmgpu_peer_start(&peer, own.legacy);
	numbers[5] = peer.seq + 1;
	for (unsigned int i = 0; i < igt_mmgpu_count(numbers); i++) {
		refused(own.fd, own.bo, IGT_MMGPU_READ, numbers[i], ESRCH);
		refused(own.fd, own.bo, IGT_MMGPU_READ_WRITE, numbers[i], ESRCH);
		/* Which cannot have it anyway. */
		grant(0, numbers[i]);
	}
	/* A number that is assigned later has not been granted anything before. */
	igt_assert_eq(peer_access(&peer), -EPERM);
	igt_mmgpu_peer_stop(&peer);
}

/* With every kind of handle for somebody else's buffer. */
static int not_owner_proc(struct igt_mmgpu_proc *self, void *data)
{
	int fd = igt_mmgpu_reopen(own.legacy);
	uint64_t seq = igt_mmgpu_number(fd);
	uint32_t handle, shared;

	/* A handle of the owner's in a file that it shares with us. */
	refused(own.legacy, own.legacy_bo, IGT_MMGPU_READ, seq, EPERM);
	refused(own.legacy, own.legacy_bo, IGT_MMGPU_READ_WRITE, own.seq, EPERM);
	refused(own.legacy, own.legacy_bo, 0, seq, EPERM);
	refused(own.legacy, own.legacy_bo, 0, 0, EPERM);

	/* A handle of one's own, as a grantee with all there is to have. */
	igt_mmgpu_send(self->sock, &seq, sizeof(seq));
	igt_mmgpu_recv(self->sock, &seq, sizeof(seq));
	igt_mmgpu_bind_mm(fd);
	handle = igt_mmgpu_import(fd, own.dmabuf);
	refused(fd, handle, IGT_MMGPU_READ, seq, EPERM);
	refused(fd, handle, IGT_MMGPU_READ_WRITE, own.seq, EPERM);
	refused(fd, handle, 0, seq, EPERM);
	refused(fd, handle, IGT_MMGPU_READ, igt_mmgpu_number(fd), EPERM);

	/* The order: malformed, handle, private, owner. */
	shared = igt_mmgpu_bo_create(fd, PAGE, MMGPU_BO_SHARED);
	refused(fd, handle, MMGPU_ACCESS_WRITE, seq, EINVAL);
	refused(fd, 1000, IGT_MMGPU_READ, seq, ENOENT);
	refused(fd, shared, IGT_MMGPU_READ, 0, EINVAL);
	refused(fd, handle, IGT_MMGPU_READ, 0, EPERM);
	return 0;
}

static void bad_owner(void)
{
	struct igt_mmgpu_proc proc;
	struct igt_mmgpu_peer third;
	uint64_t seq;

	igt_mmgpu_peer_start(&third, own.legacy);
	igt_mmgpu_proc_start(&proc, not_owner_proc, NULL);
	igt_mmgpu_recv(proc.sock, &seq, sizeof(seq));
	grant(IGT_MMGPU_READ_WRITE, seq);
	igt_mmgpu_send(proc.sock, &third.seq, sizeof(third.seq));
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
	igt_assert_eq(peer_access(&third), -EPERM);
	igt_assert_eq(my_access(), IGT_MMGPU_READ_WRITE);
	igt_mmgpu_peer_stop(&third);
}

/* What is checked first is told, of each two that can be wrong together. */
static void precedence(void)
{
	uint32_t shared = igt_mmgpu_bo_create(own.fd, PAGE, MMGPU_BO_SHARED);

	/* Malformed before an unknown handle, a shared buffer, the own and a bad number. */
	refused(own.fd, 1000, MMGPU_ACCESS_WRITE, 0, EINVAL);
	refused(own.fd, own.bo, 1u << 7, 0, EINVAL);
	/* An unknown handle before any number. */
	refused(own.fd, 1000, IGT_MMGPU_READ, own.seq, ENOENT);
	refused(own.fd, 1000, IGT_MMGPU_READ, 0, ENOENT);
	/* A shared buffer before any number. */
	refused(own.fd, shared, IGT_MMGPU_READ, 0, EINVAL);
	refused(own.fd, shared, 0, 0, EINVAL);
	/* The own number before a revocation that always succeeds. */
	refused(own.fd, own.bo, 0, own.seq, EINVAL);
}

/* ---- whose files ------------------------------------------------------------------------------- */

/* The caller's mm counts, and that it has the buffer in the file. */
static void owners_files(void)
{
	int bound = igt_mmgpu_reopen(own.fd), primary = igt_mmgpu_open_primary();
	struct {
		int fd;
		uint32_t bo;
	} files[] = { { own.fd, own.bo }, { own.legacy, own.legacy_bo }, { bound }, { primary } };
	struct igt_mmgpu_peer peer;

	igt_mmgpu_bind_mm(bound);
	files[2].bo = igt_mmgpu_import(bound, own.dmabuf);
	files[3].bo = igt_mmgpu_import(primary, own.dmabuf);

	igt_mmgpu_peer_start(&peer, own.legacy);
	for (unsigned int i = 0; i < igt_mmgpu_count(files); i++) {
		for (unsigned int j = 0; j < igt_mmgpu_count(files); j++) {
			igt_assert_eq(__igt_mmgpu_bo_grant(files[i].fd, files[i].bo, IGT_MMGPU_READ_WRITE,
							   peer.seq), 0);
			igt_assert_eq(peer_access(&peer), IGT_MMGPU_READ_WRITE);
			igt_assert_eq(__igt_mmgpu_bo_grant(files[j].fd, files[j].bo, 0,
							   peer.seq), 0);
			igt_assert_eq(peer_access(&peer), -EPERM);
		}
	}
	igt_mmgpu_peer_stop(&peer);
	close(primary);
	close(bound);
}

static int grantees_files_proc(struct igt_mmgpu_proc *self, void *data)
{
	int later = igt_mmgpu_reopen(own.legacy), primary = igt_mmgpu_open_primary();
	uint64_t seq = igt_mmgpu_number(later);
	struct drm_mmgpu_bo_info info;
	int bound;

	igt_mmgpu_send(self->sock, &seq, sizeof(seq));
	igt_mmgpu_recv(self->sock, &seq, sizeof(seq));

	/* Its own, of each kind. */
	igt_assert_eq(igt_mmgpu_access(later, own.dmabuf), IGT_MMGPU_READ);
	igt_assert_eq(igt_mmgpu_access(primary, own.dmabuf), IGT_MMGPU_READ);
	bound = igt_mmgpu_reopen(own.legacy);
	igt_mmgpu_bind_mm(bound);
	igt_assert_eq(igt_mmgpu_access(bound, own.dmabuf), IGT_MMGPU_READ);

	/* The owner's legacy one, and the handle in it. */
	igt_mmgpu_bo_info(own.legacy, own.legacy_bo, &info);
	igt_assert_eq_u32(info.access, IGT_MMGPU_READ);
	igt_assert_eq_u64(info.mm_seq, own.seq);

	/* The owner's bound one stays closed. */
	igt_assert_eq(__igt_mmgpu_bo_info(own.fd, own.bo, &info), -EPERM);
	return 0;
}

static void grantees_files(void)
{
	struct igt_mmgpu_proc proc;
	uint64_t seq;

	igt_mmgpu_proc_start(&proc, grantees_files_proc, NULL);
	igt_mmgpu_recv(proc.sock, &seq, sizeof(seq));
	grant(IGT_MMGPU_READ, seq);
	igt_mmgpu_send(proc.sock, &seq, sizeof(seq));
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
}

/* ---- what a grant is ------------------------------------------------------------------------------ */

static void access_changes(void)
{
	static const uint32_t steps[] = {
		IGT_MMGPU_READ, IGT_MMGPU_READ_WRITE, IGT_MMGPU_READ_WRITE, IGT_MMGPU_READ, IGT_MMGPU_READ, 0, 0, IGT_MMGPU_READ_WRITE, 0,
		IGT_MMGPU_READ, 0,
	};
	struct igt_mmgpu_peer a, b;

	igt_mmgpu_peer_start(&a, own.legacy);
	igt_mmgpu_peer_start(&b, own.legacy);
	grant(IGT_MMGPU_READ, b.seq);
	for (unsigned int i = 0; i < igt_mmgpu_count(steps); i++) {
		grant(steps[i], a.seq);
		igt_assert_eq(peer_access(&a), steps[i] ? (int)steps[i] : -EPERM);
		/* Another grantee's is its own. */
		igt_assert_eq(peer_access(&b), IGT_MMGPU_READ);
	}
	igt_assert_eq(my_access(), IGT_MMGPU_READ_WRITE);
	igt_mmgpu_peer_stop(&a);
	igt_mmgpu_peer_stop(&b);
}

/* A buffer's grants are that buffer's. */
static void one_buffer(void)
{
	uint32_t other = igt_mmgpu_bo_create(own.fd, PAGE, 0);
	int dmabuf = igt_mmgpu_export(own.fd, other);
	struct igt_mmgpu_peer peer;

	igt_mmgpu_peer_start(&peer, own.legacy);
	grant(IGT_MMGPU_READ_WRITE, peer.seq);
	igt_assert_eq(igt_mmgpu_peer_access(&peer, dmabuf), -EPERM);
	igt_assert_eq(__igt_mmgpu_bo_grant(own.fd, other, IGT_MMGPU_READ, peer.seq), 0);
	grant(0, peer.seq);
	igt_assert_eq(igt_mmgpu_peer_access(&peer, dmabuf), IGT_MMGPU_READ);
	igt_assert_eq(peer_access(&peer), -EPERM);
	igt_mmgpu_peer_stop(&peer);
	close(dmabuf);
}

/* A dumb buffer is one like any other. */
static void dumb(void)
{
	int primary = igt_mmgpu_open_primary();
	uint32_t bo;
	struct igt_mmgpu_peer peer;

	igt_mmgpu_bind_mm(primary);
	igt_assert_eq(__igt_mmgpu_dumb_create(primary, 64, 64, 32, &bo, NULL, NULL), 0);
	close(own.dmabuf);
	own.dmabuf = igt_mmgpu_export(primary, bo);
	igt_mmgpu_peer_start(&peer, own.legacy);
	igt_assert_eq(peer_access(&peer), -EPERM);
	igt_assert_eq(__igt_mmgpu_bo_grant(primary, bo, IGT_MMGPU_READ_WRITE, peer.seq), 0);
	igt_assert_eq(peer_access(&peer), IGT_MMGPU_READ_WRITE);
	igt_mmgpu_peer_stop(&peer);
	close(primary);
}

static void *thread_access(void *data)
{
	static int ret;

	ret = igt_mmgpu_access(igt_mmgpu_reopen(own.legacy), own.dmabuf);
	return &ret;
}

static int by_thread(int node, int fd, const void *data)
{
	pthread_t thread;
	void *ret;

	igt_assert_eq(pthread_create(&thread, NULL, thread_access, NULL), 0);
	igt_assert_eq(pthread_join(thread, &ret), 0);
	return *(int *)ret;
}

static void threads(void)
{
	struct igt_mmgpu_peer peer;

	igt_mmgpu_peer_start(&peer, own.legacy);
	grant(IGT_MMGPU_READ, peer.seq);
	igt_assert_eq(igt_mmgpu_peer_call(&peer, by_thread, -1, NULL, 0), IGT_MMGPU_READ);
	igt_mmgpu_peer_stop(&peer);
}

/* By another thread of the owner than the one that bound. */
static void *thread_grant(void *data)
{
	static int ret;

	ret = __igt_mmgpu_bo_grant(own.fd, own.bo, IGT_MMGPU_READ, *(uint64_t *)data);
	return &ret;
}

static void owners_thread(void)
{
	struct igt_mmgpu_peer peer;
	pthread_t thread;
	void *ret;

	igt_mmgpu_peer_start(&peer, own.legacy);
	igt_assert_eq(pthread_create(&thread, NULL, thread_grant, &peer.seq), 0);
	igt_assert_eq(pthread_join(thread, &ret), 0);
	igt_assert_eq(*(int *)ret, 0);
	igt_assert_eq(peer_access(&peer), IGT_MMGPU_READ);
	igt_mmgpu_peer_stop(&peer);
}

static const struct {
	const char *name;
	void (*fn)(void);
	const char *what;
} tests[] = {
	{ "bad-access", bad_access, "write without read, or an unknown bit: EINVAL" },
	{ "bad-handle", bad_handle, "no such handle: ENOENT" },
	{ "bad-buffer", bad_buffer, "a buffer that is not private: EINVAL" },
	{ "bad-owner", bad_owner, "somebody else's buffer, granted or not: EPERM" },
	{ "bad-own-number", bad_own_number, "the owner's own number: EINVAL" },
	{ "bad-number", bad_number, "0, unknown, dead and never assigned: ESRCH; revoking succeeds" },
	{ "precedence", precedence, "of two errors the first of the order is told" },
	{ "owners-files", owners_files, "by any file of the owner's that has the buffer" },
	{ "owners-thread", owners_thread, "by any thread of the owner's" },
	{ "grantees-files", grantees_files, "for every file that the grantee may use" },
	{ "grantees-threads", threads, "for every thread of the grantee's" },
	{ "access", access_changes, "granted, widened, narrowed, revoked, each twice" },
	{ "one-buffer", one_buffer, "and no other of the owner's" },
	{ "dumb", dumb, "a dumb buffer" },
};

int igt_main()
{
	igt_fixture()
		close(igt_mmgpu_open());

	for (unsigned int i = 0; i < igt_mmgpu_count(tests); i++) {
		igt_describe(tests[i].what);
		igt_subtest(tests[i].name) {
			igt_mmgpu_private_init(&own, 16 * PAGE);
			tests[i].fn();
			igt_mmgpu_private_fini(&own);
		}
	}

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
