// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Jobs that meet an address which the owner's page tables refuse, in every way that there
 * is: what they had done by then. MMGPU_SEED gives a run again.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "igt.h"
#include "igt_mmgpu_arena.h"
#include "igt_mmgpu_grant.h"
#include "igt_mmgpu_stuck.h"
#include "igt_mmgpu_trace.h"

IGT_TEST_DESCRIPTION("Commands on CPU addresses that are refused.");

#define PAGE		4096ul
#define PAGES		40ul
#define SIZE		(PAGES * PAGE)
#define RW		(PROT_READ | PROT_WRITE)
#define DST		MMGPU_CMD_DST_SVM
#define SRC		MMGPU_CMD_SRC_SVM
#define JOBS		60
#define REFS		(MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC)

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102
#endif
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY	1
#endif

static int fd = -1;
static uint64_t seq;
static struct igt_mmgpu_rand rnd;
static struct igt_mmgpu_trace trace;

/* Pages of which some are refused. */
struct field {
	uint8_t *mem;
	uint8_t *want;
	/* What may be done to each page, of PROT_READ and PROT_WRITE. */
	int prot[PAGES];
};

static struct field to, from;
static uint32_t bo;
static uint8_t *bo_map, *bo_want;

/* ---- ways to refuse a page ---------------------------------------------------------------------- */

/* Each tells what is still allowed, or -1 if the kernel cannot do it. */
static int hole(uint8_t *page)
{
	return munmap(page, PAGE) ? -1 : 0;
}

static int none(uint8_t *page)
{
	return mprotect(page, PAGE, PROT_NONE) ? -1 : 0;
}

static int read_only(uint8_t *page)
{
	return mprotect(page, PAGE, PROT_READ) ? -1 : PROT_READ;
}

/* Behind the end of a file, where a thread gets SIGBUS. */
static int beyond(uint8_t *page)
{
	int file = memfd_create("empty", MFD_CLOEXEC);

	igt_assert_fd(file);
	igt_assert(mmap(page, PAGE, RW, MAP_SHARED | MAP_FIXED, file, 0) == page);
	close(file);
	return 0;
}

/* A server of page faults that takes none of the kernel's. */
static int user_mode_only(uint8_t *page)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)page, .len = PAGE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffdio_api api = { .api = UFFD_API };
	static int uffd = -1;

	if (uffd < 0) {
		uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
		if (uffd < 0)
			return -1;
		igt_assert_eq(ioctl(uffd, UFFDIO_API, &api), 0);
	}
	igt_assert(mmap(page, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page);
	return ioctl(uffd, UFFDIO_REGISTER, &reg) ? -1 : 0;
}

static int guard(uint8_t *page)
{
	return madvise(page, PAGE, MADV_GUARD_INSTALL) ? -1 : 0;
}

static void ignore(int sig)
{
}

/* Memory that has failed, which is told by a signal that cannot be ignored. */
static int poison(uint8_t *page)
{
	struct sigaction old, new = { .sa_handler = ignore };
	int ret;

	page[0] = 1;
	igt_assert_eq(sigaction(SIGBUS, &new, &old), 0);
	ret = madvise(page, PAGE, MADV_HWPOISON);
	igt_assert_eq(sigaction(SIGBUS, &old, NULL), 0);
	return ret ? -1 : 0;
}

static const struct way {
	const char *name;
	int (*refuse)(uint8_t *page);
} ways[] = {
	{ "hole", hole },
	{ "none", none },
	{ "read-only", read_only },
	{ "beyond", beyond },
	{ "user-mode-only", user_mode_only },
	{ "guard", guard },
	{ "poison", poison },
};

/* A NULL for every way that there is. How many pages are refused, 0 if none can be. */
static unsigned int make_field(struct field *field, const struct way *only)
{
	unsigned int refused = 0;

	igt_assert(mmap(field->mem, SIZE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			0) == field->mem);
	madvise(field->mem, SIZE, MADV_NOHUGEPAGE);
	igt_mmgpu_arena_noise(&rnd, field->want, SIZE);
	memcpy(field->mem, field->want, SIZE);
	for (unsigned int i = 0; i < PAGES; i++) {
		const struct way *way = only ? only :
					&ways[igt_mmgpu_rand(&rnd) % igt_mmgpu_count(ways)];
		int prot = RW;

		if (i % 20 == 7 || igt_mmgpu_rand(&rnd) % 16 == 0) {
			prot = way->refuse(field->mem + i * PAGE);
			if (prot < 0 && only)
				return 0;
			if (prot < 0) {
				prot = none(field->mem + i * PAGE);
				igt_assert_lte(0, prot);
			}
			refused++;
		}
		field->prot[i] = prot;
	}
	return refused;
}

static void check_field(const struct field *field)
{
	for (unsigned int i = 0; i < PAGES; i++)
		if (field->prot[i] & PROT_READ)
			igt_mmgpu_arena_compare("memory", field->mem + i * PAGE,
						field->want + i * PAGE, PAGE);
}

static bool allowed(const struct field *field, uint64_t at, int prot)
{
	return (field->prot[at / PAGE] & prot) == prot;
}

/* ---- one command, and what it should come to ---------------------------------------------------- */

struct outcome {
	int status;
	uint64_t address;
	bool write;
};

/* Byte for byte, until one is refused. Without field, that end is the buffer. */
static struct outcome simulate(const struct drm_mmgpu_cmd *cmd, struct field *dst, uint64_t to_at,
			       struct field *src, uint64_t from_at)
{
	struct outcome outcome = { };

	for (uint32_t row = 0; row < cmd->rows; row++) {
		for (uint64_t i = 0; i < cmd->width; i++) {
			uint64_t d = to_at + row * (uint64_t)cmd->dst_pitch + i;
			uint64_t s = from_at + row * (uint64_t)cmd->src_pitch + i;
			uint8_t byte;

			if (src && !allowed(src, s, PROT_READ)) {
				outcome.address = (uintptr_t)src->mem + s;
				outcome.status = -EFAULT;
				return outcome;
			}
			if (dst && !allowed(dst, d, PROT_WRITE)) {
				outcome.address = (uintptr_t)dst->mem + d;
				outcome.status = -EFAULT;
				outcome.write = true;
				return outcome;
			}
			if (cmd->op == MMGPU_OP_FILL)
				byte = cmd->value >> 8 * (i % 8);
			else
				byte = src ? src->want[s] : bo_want[s];
			(dst ? dst->want : bo_want)[d] = byte;
		}
	}
	return outcome;
}

static void check_trace(const struct outcome *outcome)
{
	const char *event = igt_mmgpu_trace_next(&trace);
	char want[128];

	if (!outcome->status) {
		igt_assert_f(!event, "an event of nothing: %s\n", event);
		return;
	}
	snprintf(want, sizeof(want), "mm_seq=%llu address=%#llx write=%d",
		 (unsigned long long)seq, (unsigned long long)outcome->address, outcome->write);
	igt_assert_f(event, "no event: %s\n", want);
	igt_assert_f(!strcmp(event, want), "%s instead of %s\n", event, want);
	event = igt_mmgpu_trace_next(&trace);
	igt_assert_f(!event, "two events for one job: %s\n", event);
}

/* Of jobs that were not followed so closely. */
static void forget_events(void)
{
	while (igt_mmgpu_trace_next(&trace))
		;
}

static void run(struct igt_mmgpu_job *job, const struct outcome *outcome)
{
	struct drm_mmgpu_ctx_query before, after;

	igt_mmgpu_ctx_query(fd, 0, &before);
	igt_assert_eq(igt_mmgpu_job_run(fd, job), outcome->status);
	check_trace(outcome);
	igt_mmgpu_ctx_query(fd, 0, &after);
	igt_assert_eq_u32(after.status, 0);
	igt_assert_eq_u64(after.hangs, 0);
	igt_assert_eq_u64(after.faults, before.faults + !!outcome->status);
	igt_assert_eq_u64(after.jobs_done, before.jobs_done + !outcome->status);
}

/* Where something is refused so many bytes later, if it is not before that. */
static uint64_t pick(const struct field *field, uint64_t size)
{
	static const uint64_t distances[] = {
		0, 1, 7, 8, 9, 63, 64, 65, 100, PAGE - 1, PAGE, 5000,
		16 * PAGE - 1, 16 * PAGE, 16 * PAGE + 1, 20 * PAGE - 3,
	};
	uint64_t at = igt_mmgpu_rand(&rnd) % PAGES;

	while (field->prot[at] == RW)
		at = (at + 1) % PAGES;
	at *= PAGE;
	at -= distances[igt_mmgpu_rand(&rnd) % igt_mmgpu_count(distances)];
	if (at > SIZE - size)
		at = igt_mmgpu_rand_range(&rnd, 0, SIZE - size);
	return at;
}

static void one_job(void)
{
	struct field *dst = igt_mmgpu_rand(&rnd) % 3 ? &to : NULL;
	struct field *src = igt_mmgpu_rand(&rnd) % 3 ? &from : NULL;
	uint64_t to_at, from_at, to_size, from_size;
	struct outcome outcome;
	struct igt_mmgpu_job job;
	struct drm_mmgpu_cmd *cmd;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, bo, REFS);
	cmd = igt_mmgpu_cmd(&job, MMGPU_OP_COPY);
	cmd->value = igt_mmgpu_rand_range(&rnd, 0, UINT64_MAX);
	/* Without CPU addresses it would be none of ours. */
	if (!src && (!dst || igt_mmgpu_rand(&rnd) % 2)) {
		cmd->op = MMGPU_OP_FILL;
		dst = &to;
	}
	if (igt_mmgpu_rand(&rnd) % 2) {
		cmd->rows = 1;
		cmd->width = igt_mmgpu_rand_range(&rnd, 1, SIZE - 1);
	} else {
		cmd->rows = igt_mmgpu_rand_range(&rnd, 2, 12);
		cmd->width = igt_mmgpu_rand_range(&rnd, 1, 2 * PAGE);
		cmd->dst_pitch = cmd->width + igt_mmgpu_rand_range(&rnd, 0, 1000);
		cmd->src_pitch = cmd->width + igt_mmgpu_rand_range(&rnd, 0, 1000);
	}
	to_size = (cmd->rows - 1) * cmd->dst_pitch + cmd->width;
	from_size = (cmd->rows - 1) * cmd->src_pitch + cmd->width;
	to_at = dst ? pick(dst, to_size) : igt_mmgpu_rand_range(&rnd, 0, SIZE - to_size);
	from_at = src ? pick(src, from_size) : igt_mmgpu_rand_range(&rnd, 0, SIZE - from_size);
	cmd->flags = (dst ? DST : 0) | (src ? SRC : 0);
	cmd->dst = dst ? (uintptr_t)dst->mem + to_at : to_at;
	cmd->src = src ? (uintptr_t)src->mem + from_at : from_at;

	outcome = simulate(cmd, dst, to_at, src, from_at);
	run(&job, &outcome);
	check_field(&to);
	check_field(&from);
	igt_mmgpu_arena_compare("BO", bo_map, bo_want, SIZE);
}

static void random_jobs(const struct way *way)
{
	struct outcome outcome = { .status = -EFAULT, .write = true };
	struct igt_mmgpu_job job;
	unsigned int refused, i;

	forget_events();
	refused = make_field(&to, way);
	igt_require_f(refused > 0, "the kernel has no such pages\n");
	make_field(&from, way);
	for (i = 0; i < JOBS; i++)
		one_job();

	/* A time is written at once or not at all. */
	for (i = 0; to.prot[i] & PROT_WRITE; i++)
		;
	outcome.address = (uintptr_t)to.mem + i * PAGE + 8;
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_timestamp(&job, 0, outcome.address)->flags = DST;
	run(&job, &outcome);
	check_field(&to);
}

/* ---- the end of all addresses ------------------------------------------------------------------- */

/* The last page that a process can have. */
static uint8_t *last_page(void)
{
	static const uint64_t ends[] = { 1ull << 56, 1ull << 47 };

	for (unsigned int i = 0; i < igt_mmgpu_count(ends); i++) {
		void *want = (void *)(ends[i] - 2 * PAGE);
		void *page = mmap(want, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS |
				  MAP_FIXED_NOREPLACE, -1, 0);

		if (page == want)
			return page;
		if (page != MAP_FAILED)
			munmap(page, PAGE);
	}
	return NULL;
}

static void end(void)
{
	static const uint64_t lens[] = { 0, 1, 7, 8, 9, 100, 4000, PAGE };
	uint8_t *page = last_page(), *other = malloc(2 * PAGE), want[PAGE];
	struct outcome outcome = { .status = -EFAULT };
	struct igt_mmgpu_job job;

	forget_events();
	igt_require_f(page && other, "the last page of user space is in use\n");
	outcome.address = (uintptr_t)page + PAGE;
	for (unsigned int i = 0; i < igt_mmgpu_count(lens); i++) {
		uint64_t len = lens[i];
		/* Into what is nobody's, and up to the end of the kernel's. */
		uint64_t widths[] = { len + 8, len + 3 * 65536, -((uintptr_t)page + PAGE - len) };

		for (unsigned int j = 0; j < igt_mmgpu_count(widths); j++) {
			memset(page, 0x11, PAGE);
			memset(want, 0x11, PAGE);
			memset(want + PAGE - len, 0x22, len);
			outcome.write = true;
			igt_mmgpu_job_init(&job, 0);
			igt_mmgpu_cmd_svm_fill(&job, page + PAGE - len, widths[j],
					       0x2222222222222222ull);
			run(&job, &outcome);
			igt_assert(!memcmp(page, want, PAGE));
		}

		outcome.write = false;
		memset(other, 0x33, 2 * PAGE);
		igt_mmgpu_job_init(&job, 0);
		igt_mmgpu_cmd_svm_copy(&job, other, page + PAGE - len, len + 8);
		run(&job, &outcome);
		for (uint64_t at = 0; at < 2 * PAGE; at++)
			igt_assert_eq(other[at], at < len ? 0x22 : 0x33);
	}
	munmap(page, PAGE);
	free(other);
}

/* ---- a mapping that was taken back ------------------------------------------------------------- */

static uint64_t *their_map;

static int map_theirs(int node, int unused, const void *data)
{
	int file = igt_mmgpu_theirs.file;

	their_map = igt_mmgpu_bo_map(file, igt_mmgpu_theirs.bo, 0, RW);
	return 0;
}

/* By the grantee's mapping and with its own file: the buffer is not named in the job. */
static int use_theirs(int node, int unused, const void *data)
{
	uint64_t words[2] = { 0, 1 };
	struct igt_mmgpu_job job;
	int status;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_copy(&job, &words[1], their_map, 8);
	status = igt_mmgpu_job_run(igt_mmgpu_theirs.file, &job);
	igt_assert_eq_u64(words[1], status ? 1 : 0x1234);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_fill(&job, their_map + 1, 8, 0x5678);
	igt_assert_eq(igt_mmgpu_job_run(igt_mmgpu_theirs.file, &job), status);
	return status;
}

static void revoked(void)
{
	struct igt_mmgpu_private own;
	struct igt_mmgpu_peer peer;
	uint64_t *map;

	igt_mmgpu_private_init(&own, PAGE);
	map = igt_mmgpu_bo_map(own.fd, own.bo, 0, RW);
	map[0] = 0x1234;
	igt_mmgpu_peer_enter(&peer, &own, IGT_MMGPU_READ_WRITE, true);
	igt_assert_eq(igt_mmgpu_peer_call(&peer, map_theirs, -1, NULL, 0), 0);
	igt_assert_eq(igt_mmgpu_peer_call(&peer, use_theirs, -1, NULL, 0), 0);
	igt_assert_eq_u64(map[1], 0x5678);
	for (int round = 0; round < 3; round++) {
		map[1] = 0;
		igt_mmgpu_private_grant(&own, round == 1 ? IGT_MMGPU_READ : 0, peer.seq);
		igt_assert_eq(igt_mmgpu_peer_call(&peer, use_theirs, -1, NULL, 0), -EFAULT);
		igt_assert_eq_u64(map[1], 0);
		igt_mmgpu_private_grant(&own, IGT_MMGPU_READ_WRITE, peer.seq);
		igt_assert_eq(igt_mmgpu_peer_call(&peer, use_theirs, -1, NULL, 0), 0);
		igt_assert_eq_u64(map[1], 0x5678);
	}
	munmap(map, PAGE);
	igt_mmgpu_peer_stop(&peer);
	igt_mmgpu_private_fini(&own);
}

static void init_field(struct field *field)
{
	field->mem = mmap(NULL, SIZE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(field->mem != MAP_FAILED);
	field->want = malloc(SIZE);
	igt_assert(field->want);
}

int igt_main()
{
	igt_fixture() {
		fd = igt_mmgpu_open();
		igt_require_f(igt_mmgpu_get_param(fd, MMGPU_PARAM_SVM), "the module has svm=0\n");
		seq = igt_mmgpu_bind_mm(fd);
		igt_mmgpu_rand_init(&rnd);
		init_field(&to);
		init_field(&from);
		bo = igt_mmgpu_bo_create(fd, SIZE, 0);
		bo_map = igt_mmgpu_bo_map(fd, bo, 0, RW);
		bo_want = calloc(1, SIZE);
		igt_assert(bo_want);
		igt_mmgpu_trace_start(&trace, "mmgpu_svm_fault");
	}

	for (size_t i = 0; i < igt_mmgpu_count(ways); i++) {
		igt_describe("All before the first refused byte is there, and nothing after it.");
		igt_subtest(ways[i].name)
			random_jobs(&ways[i]);
	}

	igt_describe("The same with pages of all kinds together.");
	igt_subtest("mixed")
		random_jobs(NULL);

	igt_describe("Over the end of what a process can have.");
	igt_subtest("end")
		end();

	igt_describe("The mapping of a buffer whose grant was taken back.");
	igt_subtest("revoked")
		revoked();

	igt_fixture() {
		igt_mmgpu_trace_stop(&trace);
		igt_mmgpu_proc_cleanup();
		munmap(bo_map, SIZE);
		close(fd);
	}
}
