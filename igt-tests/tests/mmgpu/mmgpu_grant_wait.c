// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * How long a revocation waits at most: jobs that begin meanwhile, because another thread of
 * the owner has granted again, and a job that was ended without its thread do not count.
 */

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu_grant.h"
#include "igt_mmgpu_unserved.h"

IGT_TEST_DESCRIPTION("Revoking grants: the end of the wait.");

#define PAGE		4096
#define UNORDERED	(MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC)

static struct igt_mmgpu_private own;
static struct igt_mmgpu_theirs *const theirs = &igt_mmgpu_theirs;

static void *revoke_thread(void *data)
{
	igt_mmgpu_private_grant(&own, 0, *(uint64_t *)data);
	return NULL;
}

/* Whether the wait for the first job was over while the second one still ran. */
static bool one_after_the_other(uint64_t ms)
{
	struct igt_mmgpu_peer peer;
	pthread_t thread;
	bool busy;

	igt_mmgpu_peer_enter(&peer, &own, IGT_MMGPU_READ_WRITE, true);
	igt_mmgpu_peer_run(&peer, UNORDERED, ms / 3);
	igt_assert_eq(pthread_create(&thread, NULL, revoke_thread, &peer.seq), 0);
	while (igt_mmgpu_peer_access(&peer, own.dmabuf) != -EPERM)
		usleep(1000);
	igt_mmgpu_private_grant(&own, IGT_MMGPU_READ_WRITE, peer.seq);
	igt_mmgpu_peer_run(&peer, UNORDERED, ms);

	igt_assert_eq(pthread_join(thread, NULL), 0);
	busy = !igt_mmgpu_peer_status(&peer);
	/* A later one waits for the second. */
	igt_mmgpu_private_grant(&own, 0, peer.seq);
	igt_assert_eq(igt_mmgpu_peer_status(&peer), 1);
	igt_mmgpu_peer_stop(&peer);
	return busy;
}

/* A slow kernel needs longer jobs to show it. */
static void granted_again(void)
{
	uint64_t timeout = igt_mmgpu_get_param(own.fd, MMGPU_PARAM_JOB_TIMEOUT_MS);

	igt_require_f(igt_mmgpu_get_param(own.fd, MMGPU_PARAM_ENGINE_COUNT) >= 2,
		      "one engine only: load the module with engines=2\n");
	for (uint64_t ms = 300; !one_after_the_other(ms); ms *= 2)
		igt_assert_f(ms * 2 < timeout, "jobs of a later grant are waited for\n");
}

static struct igt_mmgpu_unserved memory;

/* Nobody can get its thread out of the fault, so it stays there when the job is over. */
static int run_into_fault(int node, int fd, const void *data)
{
	uint32_t out = igt_mmgpu_syncobj_create(theirs->file);
	struct igt_mmgpu_job job;

	igt_mmgpu_unserved_init(&memory, &igt_mmgpu_unserved_ways[IGT_MMGPU_UNSERVED_WAYS - 1]);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, theirs->bo, UNORDERED);
	igt_mmgpu_cmd_svm_fill(&job, memory.mem, memory.size, 1);
	igt_mmgpu_cmd_fill(&job, 0, 0, PAGE, ~0ull);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(theirs->file, &job);
	igt_mmgpu_unserved_await(&memory);
	return igt_mmgpu_syncobj_result(theirs->file, out);
}

static int serve_fault(int node, int fd, const void *data)
{
	igt_mmgpu_unserved_fini(&memory);
	return 0;
}

static void ended_in_fault(void)
{
	struct igt_mmgpu_peer peer;
	uint64_t *map;

	igt_require_f(!access("/dev/fuse", F_OK) || igt_mmgpu_has_module("fuse"),
		      "no FUSE: load it, or set MMGPU_MODPROBE=1\n");
	igt_mmgpu_peer_enter(&peer, &own, IGT_MMGPU_READ_WRITE, true);
	igt_assert_eq(igt_mmgpu_peer_call(&peer, run_into_fault, -1, NULL, 0), -ETIME);
	igt_mmgpu_private_grant(&own, 0, peer.seq);

	/* Nor does the thread do anything with the buffer when it comes back. */
	map = igt_mmgpu_bo_map(own.fd, own.bo, 0, PROT_READ | PROT_WRITE);
	map[0] = 0;
	igt_assert_eq(igt_mmgpu_peer_call(&peer, serve_fault, -1, NULL, 0), 0);
	usleep(50000);
	igt_assert_eq_u64(map[0], 0);
	munmap(map, own.size);
	igt_mmgpu_peer_stop(&peer);
}

int igt_main()
{
	static const struct {
		const char *name;
		void (*fn)(void);
		const char *what;
	} tests[] = {
		{ "granted-again", granted_again,
		  "a job that another thread's grant let begin is not waited for" },
		{ "ended-in-fault", ended_in_fault,
		  "nor is the thread of a job that ended while it waits for a page" },
	};

	for (unsigned int i = 0; i < igt_mmgpu_count(tests); i++) {
		igt_describe(tests[i].what);
		igt_subtest(tests[i].name) {
			igt_mmgpu_private_init(&own, PAGE);
			tests[i].fn();
			igt_mmgpu_proc_cleanup();
			igt_mmgpu_private_fini(&own);
		}
	}

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
