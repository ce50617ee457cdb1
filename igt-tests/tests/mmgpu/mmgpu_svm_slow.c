// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Page faults of jobs that are all answered, but too late; and what it means for an owner who
 * takes a buffer back from a job that waits for one. Meant for a module loaded with a short
 * job_timeout_ms.
 */

#include <errno.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu_grant.h"
#include "igt_mmgpu_unserved.h"

IGT_TEST_DESCRIPTION("Page faults that are answered too late.");

#define PAGE	4096ul
#define PAGES	200ul
#define SIZE	(PAGES * PAGE)
#define REFS	(MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC)
#define SLACK	(3 * IGT_MMGPU_NSEC_PER_SEC)
#define MSEC	IGT_MMGPU_NSEC_PER_MSEC

static uint64_t timeout;
static int fd = -1;

/* ---- a slow server ------------------------------------------------------------------------------ */

static struct igt_mmgpu_stuck stuck;
static volatile unsigned int served;
static volatile bool stop;

static void *serve_slowly(void *data)
{
	static uint8_t page[PAGE];

	memset(page, 0x22, PAGE);
	while (!stop) {
		struct uffd_msg msg;

		igt_mmgpu_poll_ms(stuck.uffd, POLLIN, 10);
		/* Who asked may have gone again. */
		if (read(stuck.uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		usleep(timeout * 1000 / 40);
		if (__igt_mmgpu_stuck_serve(stuck.uffd, msg.arg.pagefault.address & ~(PAGE - 1),
					    page))
			break;
		served++;
	}
	return NULL;
}

static void check_slow(const uint8_t *dst, uint8_t after, bool write)
{
	size_t at = 0;

	while (at < SIZE && dst[at] == (write ? 0xff : 0x22))
		at++;
	igt_info("%u of %lu pages were brought, %lu used\n", served, PAGES,
		 (unsigned long)(at / PAGE));
	igt_assert_lt_u64(0, at);
	/* All that came before the end but the last command's, of four pages. */
	igt_assert_lte_s64(at / PAGE, served);
	igt_assert_lte_s64(served, at / PAGE + 5);
	for (; at < SIZE; at++)
		igt_assert_f(dst[at] == after, "byte %#zx is %#x after the end\n", at, dst[at]);
}

/* Forty pages go into a timeout, and no single one takes long. */
static void slow(bool write)
{
	uint32_t ctx = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	uint32_t handle = igt_mmgpu_bo_create(fd, SIZE, 0);
	uint8_t *map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ);
	uint8_t page[PAGE];
	struct drm_mmgpu_ctx_query query;
	struct igt_mmgpu_job job;
	unsigned int brought;
	pthread_t thread;
	int64_t begin;

	igt_mmgpu_stuck_require();
	igt_mmgpu_stuck_init(&stuck, SIZE);
	served = 0;
	stop = false;
	igt_assert_eq(pthread_create(&thread, NULL, serve_slowly, NULL), 0);
	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_job_bo(&job, handle, REFS);
	/* Page by page, or nothing would be used before all is there. */
	for (unsigned int i = 0; i < 50; i++) {
		size_t at = i * 4 * PAGE;

		if (write)
			igt_mmgpu_cmd_svm_fill(&job, stuck.mem + at, 4 * PAGE, ~0ull);
		else
			igt_mmgpu_cmd_svm_read(&job, 0, at, stuck.mem + at, 4 * PAGE);
	}
	begin = igt_mmgpu_now();
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), -ETIME);
	igt_assert_lte_s64(timeout * MSEC, igt_mmgpu_now() - begin);
	igt_assert_lt_s64(igt_mmgpu_now() - begin, timeout * MSEC + SLACK);
	igt_mmgpu_ctx_query(fd, ctx, &query);
	igt_assert_eq_u32(query.status, MMGPU_CTX_BANNED);
	igt_assert_eq_u64(query.hangs, 1);
	igt_assert_eq_u64(query.faults, 0);

	/* At most the page that it had asked for comes; nobody asks for more. */
	brought = served;
	usleep(timeout * 300);
	igt_assert_lte(served, brought + 1);
	stop = true;
	igt_assert_eq(pthread_join(thread, NULL), 0);
	memset(page, 0x22, PAGE);
	for (unsigned int i = 0; i < PAGES; i++)
		__igt_mmgpu_stuck_serve(stuck.uffd, (uintptr_t)stuck.mem + i * PAGE, page);
	usleep(20000);
	check_slow(write ? stuck.mem : map, write ? 0x22 : 0, write);

	/* And the thread is ready for more. */
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_fill(&job, stuck.mem, SIZE, 0);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_mmgpu_stuck_fini(&stuck);
	munmap(map, SIZE);
	igt_mmgpu_bo_close(fd, handle);
	igt_mmgpu_ctx_destroy(fd, ctx);
}

static void slow_read(void)
{
	slow(false);
}

static void slow_write(void)
{
	slow(true);
}

/* Served at once, each, but more than there is time for: a hang as any other. */
static void endless(void)
{
	uint64_t max = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_CMDS);
	const size_t size = 256ul << 20;
	uint8_t *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint32_t ctx = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	struct drm_mmgpu_cmd *cmds = calloc(max, sizeof(*cmds));
	struct drm_mmgpu_ctx_query query;
	struct igt_mmgpu_job job;
	int64_t begin;

	igt_assert(mem != MAP_FAILED && cmds);
	igt_mmgpu_job_init(&job, ctx);
	for (uint64_t i = 0; i < max; i++) {
		cmds[i].op = MMGPU_OP_COPY;
		cmds[i].flags = MMGPU_CMD_DST_SVM | MMGPU_CMD_SRC_SVM;
		cmds[i].dst = (uintptr_t)mem;
		cmds[i].src = (uintptr_t)mem + (i % 2 ? 1 : size / 2);
		cmds[i].width = size / 2;
		cmds[i].rows = 1;
	}
	job.submit.cmds.array = (uintptr_t)cmds;
	job.submit.cmds.count = max;
	begin = igt_mmgpu_now();
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), -ETIME);
	igt_assert_lte_s64(timeout * MSEC, igt_mmgpu_now() - begin);
	igt_assert_lt_s64(igt_mmgpu_now() - begin, timeout * MSEC + SLACK);
	igt_mmgpu_ctx_query(fd, ctx, &query);
	igt_assert_eq_u32(query.status, MMGPU_CTX_BANNED);
	igt_mmgpu_ctx_destroy(fd, ctx);
	munmap(mem, size);
	free(cmds);
}

/* ---- an owner who wants a buffer back ----------------------------------------------------------- */

/* In the grantee. */
static struct igt_mmgpu_unserved theirs;

/* A job that has begun to use the buffer, and waits with a word of it still to write. */
static int get_stuck(int node, int unused, const void *data)
{
	const struct igt_mmgpu_unserved_way *const *way = data;
	int file = igt_mmgpu_theirs.file;
	uint32_t out = igt_mmgpu_syncobj_create(file);
	struct igt_mmgpu_job job;

	igt_mmgpu_unserved_init(&theirs, *way);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, igt_mmgpu_theirs.bo, REFS);
	igt_mmgpu_cmd_fill(&job, 0, 0, 8, 1);
	igt_mmgpu_cmd_svm_read(&job, 0, 8, theirs.mem + PAGE, 8);
	igt_mmgpu_cmd_fill(&job, 0, 16, 8, 1);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(file, &job);
	igt_mmgpu_theirs.sync_file = igt_mmgpu_syncobj_export(file, out);
	igt_mmgpu_unserved_await(&theirs);
	return 0;
}

static int get_served(int node, int unused, const void *data)
{
	igt_mmgpu_unserved_fini(&theirs);
	return 0;
}

/* Waits for the job, but not for whoever the job waits for. */
static void take_back(const struct igt_mmgpu_unserved_way *way)
{
	struct igt_mmgpu_private own;
	struct igt_mmgpu_peer peer;
	volatile uint64_t *map;
	int64_t begin;

	igt_mmgpu_private_init(&own, PAGE);
	map = (volatile uint64_t *)igt_mmgpu_bo_map(own.fd, own.bo, 0, PROT_READ | PROT_WRITE);
	igt_mmgpu_peer_enter(&peer, &own, IGT_MMGPU_READ_WRITE, true);
	begin = igt_mmgpu_now();
	igt_assert_eq(igt_mmgpu_peer_call(&peer, get_stuck, -1, &way, sizeof(way)), 0);
	igt_assert_eq_u64(map[0], 1);

	igt_mmgpu_private_grant(&own, 0, peer.seq);
	igt_assert_lt_s64(igt_mmgpu_now() - begin, timeout * MSEC + SLACK);
	/* It could have gone on until then. */
	igt_assert_eq(igt_mmgpu_peer_status(&peer), -ETIME);
	igt_assert_eq_u64(map[1], 0);
	igt_assert_eq_u64(map[2], 0);
	map[0] = 0;
	/* With its thread still there, if that cannot be killed. */
	begin = igt_mmgpu_now();
	igt_mmgpu_private_grant(&own, 0, peer.seq);
	igt_mmgpu_private_grant(&own, IGT_MMGPU_READ_WRITE, peer.seq);
	igt_mmgpu_private_grant(&own, 0, peer.seq);
	igt_assert_lt_s64(igt_mmgpu_now() - begin, timeout * MSEC / 2 + SLACK);

	igt_assert_eq(igt_mmgpu_peer_call(&peer, get_served, -1, NULL, 0), 0);
	usleep(20000);
	for (int i = 0; i < 3; i++)
		igt_assert_eq_u64(map[i], 0);
	munmap((void *)map, PAGE);
	igt_mmgpu_peer_stop(&peer);
	igt_mmgpu_private_fini(&own);
}

int igt_main()
{
	igt_fixture() {
		fd = igt_mmgpu_open();
		igt_require_f(igt_mmgpu_get_param(fd, MMGPU_PARAM_SVM), "the module has svm=0\n");
		timeout = igt_mmgpu_get_param(fd, MMGPU_PARAM_JOB_TIMEOUT_MS);
		igt_require_f(timeout <= 5000, "a job cannot hang here in a reasonable time\n");
		igt_mmgpu_bind_mm(fd);
	}

	igt_describe("Each page comes, but all of them take too long.");
	igt_subtest("slow-read")
		slow_read();

	igt_describe("Each page comes, but all of them take too long.");
	igt_subtest("slow-write")
		slow_write();

	igt_describe("More work than there is time for.");
	igt_subtest("endless")
		endless();

	for (int i = 0; i < IGT_MMGPU_UNSERVED_WAYS; i++) {
		const struct igt_mmgpu_unserved_way *way = &igt_mmgpu_unserved_ways[i];

		if (way->write_only)
			continue;
		igt_describe("A grantee's job is stuck with the buffer.");
		igt_subtest_f("revoke-%s", way->name)
			take_back(way);
	}

	igt_fixture() {
		igt_mmgpu_proc_cleanup();
		close(fd);
	}
}
