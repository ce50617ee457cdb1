// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Jobs of a grantee that are queued when its access is taken away: nobody waits for them,
 * and the access that there is when they would start decides.
 */

#include <errno.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu_grant.h"
#include "igt_mmgpu_small.h"

IGT_TEST_DESCRIPTION("Revoking grants: queued jobs.");

#define PAGE		4096
#define READ		IGT_MMGPU_READ
#define READ_WRITE	IGT_MMGPU_READ_WRITE

static struct igt_mmgpu_private own;
static struct igt_mmgpu_theirs *const theirs = &igt_mmgpu_theirs;
static uint64_t delay_ms;

static void grant(uint32_t access, uint64_t seq)
{
	igt_mmgpu_private_grant(&own, access, seq);
}

/* Behind a fence of somebody else's, which comes as a sync_file. */
static int queue_job(int node, int fd, const void *data)
{
	const struct igt_mmgpu_peer_job *order = data;
	uint32_t in = igt_mmgpu_syncobj_create(theirs->file);
	uint32_t out = igt_mmgpu_syncobj_create(theirs->file);
	struct igt_mmgpu_job job;

	igt_mmgpu_syncobj_import(theirs->file, in, fd);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, theirs->bo, order->flags);
	if (order->flags & MMGPU_BO_REF_WRITE)
		igt_mmgpu_cmd_fill(&job, 0, 0, 8, 0xbad);
	igt_mmgpu_job_in(&job, in, 0);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(theirs->file, &job);
	theirs->sync_file = igt_mmgpu_syncobj_export(theirs->file, out);
	return 0;
}

static void queued(uint32_t flags, uint32_t left, uint32_t then, int result)
{
	uint64_t *map = igt_mmgpu_bo_map(own.fd, own.bo, 0, PROT_READ | PROT_WRITE);
	struct igt_mmgpu_peer_job order = { .flags = flags };
	struct igt_mmgpu_gate gate;
	struct igt_mmgpu_peer peer;

	igt_mmgpu_gate_init(&gate);
	igt_mmgpu_peer_enter(&peer, &own, READ_WRITE, true);
	igt_assert_eq(igt_mmgpu_peer_call(&peer, queue_job, gate.sync_file, &order,
					  sizeof(order)), 0);
	map[0] = 0;
	grant(left, peer.seq);
	igt_assert_eq(igt_mmgpu_peer_status(&peer), 0);
	if (then != left)
		grant(then, peer.seq);
	/* Fails if the gate had given up: then something has waited for it. */
	igt_mmgpu_gate_open(&gate);
	igt_assert_eq(igt_mmgpu_peer_result(&peer), result);
	igt_assert_eq_u64(map[0], result == 1 && flags & MMGPU_BO_REF_WRITE ? 0xbad : 0);
	igt_mmgpu_peer_stop(&peer);
	igt_mmgpu_gate_fini(&gate);
	munmap(map, own.size);
}

static void queued_revoked(void)
{
	queued(MMGPU_BO_REF_READ, 0, 0, -ECANCELED);
	queued(MMGPU_BO_REF_WRITE, 0, 0, -ECANCELED);
	queued(MMGPU_BO_REF_READ | MMGPU_BO_REF_NO_IMPLICIT_SYNC, 0, 0, -ECANCELED);
}

static void queued_narrowed(void)
{
	queued(MMGPU_BO_REF_READ, READ, READ, 1);
	queued(MMGPU_BO_REF_WRITE, READ, READ, -ECANCELED);
	queued(MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE, READ, READ, -ECANCELED);
}

/* What counts is the access at the start. */
static void queued_again(void)
{
	queued(MMGPU_BO_REF_WRITE, 0, READ_WRITE, 1);
	queued(MMGPU_BO_REF_WRITE, 0, READ, -ECANCELED);
	queued(MMGPU_BO_REF_READ, 0, READ, 1);
}

/* Jobs behind a running one of their context, which alone is waited for; the last tells. */
static int queue_behind(int node, int fd, const void *data)
{
	const struct igt_mmgpu_peer_job *order = data;
	uint32_t out = igt_mmgpu_syncobj_create(theirs->file);
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, theirs->bo, MMGPU_BO_REF_READ);
	igt_mmgpu_cmd_delay(&job, order->ms);
	igt_mmgpu_job_submit(theirs->file, &job);
	for (int i = 0; i < 4; i++) {
		igt_mmgpu_job_init(&job, 0);
		igt_mmgpu_job_bo(&job, theirs->bo, MMGPU_BO_REF_READ);
		igt_mmgpu_cmd_delay(&job, order->ms);
		if (i == 3)
			igt_mmgpu_job_out(&job, out, 0);
		igt_mmgpu_job_submit(theirs->file, &job);
	}
	theirs->sync_file = igt_mmgpu_syncobj_export(theirs->file, out);
	return 0;
}

static void queued_behind(void)
{
	struct igt_mmgpu_peer_job order = { .ms = delay_ms };
	struct igt_mmgpu_peer peer;

	igt_mmgpu_peer_enter(&peer, &own, READ, true);
	igt_assert_eq(igt_mmgpu_peer_call(&peer, queue_behind, -1, &order, sizeof(order)), 0);
	grant(0, peer.seq);
	igt_assert_eq(igt_mmgpu_peer_result(&peer), -ECANCELED);
	igt_mmgpu_peer_stop(&peer);
}

/* By the owner's legacy file, which is open when the grantee is gone. */
static int queue_elsewhere(int node, int fd, const void *data)
{
	theirs->file = own.legacy;
	theirs->bo = own.legacy_bo;
	return queue_job(node, fd, data);
}

static int exec_sleep(int node, int fd, const void *data)
{
	execl("/bin/sleep", "sleep", "1000", NULL);
	return 1;
}

/* A grant ends with the grantee, also for what it left behind. */
static void queued_dead(bool exec)
{
	uint64_t *map = igt_mmgpu_bo_map(own.fd, own.bo, 0, PROT_READ | PROT_WRITE);
	struct igt_mmgpu_peer_job order = { .flags = MMGPU_BO_REF_WRITE };
	struct drm_mmgpu_ctx_query query;
	struct igt_mmgpu_gate gate;
	struct igt_mmgpu_peer peer;

	igt_mmgpu_gate_init(&gate);
	igt_mmgpu_peer_enter(&peer, &own, READ_WRITE, false);
	igt_assert_eq(igt_mmgpu_peer_call(&peer, queue_elsewhere, gate.sync_file, &order,
					  sizeof(order)), 0);
	map[0] = 0;
	if (exec)
		igt_mmgpu_peer_begin(&peer, exec_sleep, -1, NULL, 0);
	else
		igt_mmgpu_peer_stop(&peer);
	igt_mmgpu_await_dead(&own, peer.seq);
	igt_mmgpu_gate_open(&gate);
	igt_mmgpu_bo_wait(own.fd, own.bo, MMGPU_BO_WAIT_WRITE);
	igt_assert_eq_u64(map[0], 0);
	igt_mmgpu_ctx_query(own.legacy, 0, &query);
	igt_assert_eq_u64(query.jobs_done, 0);
	igt_mmgpu_gate_fini(&gate);
	munmap(map, own.size);
}

static void queued_exit(void)
{
	queued_dead(false);
}

static void queued_exec(void)
{
	queued_dead(true);
}

static const struct {
	const char *name;
	void (*fn)(void);
	const char *what;
} tests[] = {
	{ "revoked", queued_revoked, "revoking waits for no job behind a foreign fence; it is cancelled" },
	{ "narrowed", queued_narrowed, "narrowing cancels queued writers only" },
	{ "again", queued_again, "the access at the start of a job decides" },
	{ "exit", queued_exit, "a dead grantee's job is cancelled" },
	{ "exec", queued_exec, "and one of a grantee that executes a program" },
	{ "behind", queued_behind, "nor for a job behind the one that runs" },
};

int igt_main()
{
	igt_fixture() {
		int fd = igt_mmgpu_open();

		/* A job must not hang by itself. */
		delay_ms = igt_mmgpu_get_param(fd, MMGPU_PARAM_JOB_TIMEOUT_MS) / 2;
		if (!igt_mmgpu_is_slow() && delay_ms > 400)
			delay_ms = 400;
		close(fd);
	}

	for (unsigned int i = 0; i < igt_mmgpu_count(tests); i++) {
		igt_describe(tests[i].what);
		igt_subtest(tests[i].name) {
			igt_mmgpu_private_init(&own, 16 * PAGE);
			tests[i].fn();
			igt_mmgpu_proc_cleanup();
			igt_mmgpu_private_fini(&own);
		}
	}

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
