// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Submissions with CPU addresses that are refused, with the exact error, and no trace of the
 * job; and those that only look wrong, which are for the page tables to refuse.
 */

#include <errno.h>
#include <limits.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_refusal.h"

IGT_TEST_DESCRIPTION("Submissions with wrong CPU addresses.");

#define COPY		IGT_MMGPU_REFUSAL_COPY
#define FILL		IGT_MMGPU_REFUSAL_FILL
#define ADD		IGT_MMGPU_REFUSAL_ADD
#define TIMESTAMP	IGT_MMGPU_REFUSAL_TIMESTAMP
#define DELAY		IGT_MMGPU_REFUSAL_DELAY
#define NOP		IGT_MMGPU_REFUSAL_NOP
#define DST		MMGPU_CMD_DST_SVM
#define SRC		MMGPU_CMD_SRC_SVM
#define TOP		UINT64_MAX

static struct igt_mmgpu_refusal refusal;
static int fd = -1;
/* Where the job's commands read and write, besides its buffers. */
static uint64_t memory[512];

/* One member of struct igt_mmgpu_job, and what to put there. */
struct change {
	size_t offset;
	size_t size;
	uint64_t value;
};

#define SET(member, val)							\
	{									\
		.offset = offsetof(struct igt_mmgpu_job, member),		\
		.size = sizeof(((struct igt_mmgpu_job *)NULL)->member),		\
		.value = (uint64_t)(val),					\
	}

struct bad {
	const char *name;
	int err;
	struct change change[5];
};

/* The job that is right, with a CPU address wherever one can be. */
static void reset(void)
{
	struct igt_mmgpu_job *job = &refusal.job;

	igt_mmgpu_refusal_reset(&refusal);
	job->bos[0].flags |= MMGPU_BO_REF_NO_IMPLICIT_SYNC;
	job->bos[1].flags |= MMGPU_BO_REF_NO_IMPLICIT_SYNC;
	job->cmds[COPY].flags = DST | SRC;
	job->cmds[COPY].dst = (uintptr_t)memory;
	job->cmds[COPY].src = (uintptr_t)&memory[128];
	job->cmds[FILL].flags = DST;
	job->cmds[FILL].dst = (uintptr_t)&memory[256];
	job->cmds[TIMESTAMP].flags = DST;
	job->cmds[TIMESTAMP].dst = (uintptr_t)&memory[511];
	/* Ignored with a CPU address. */
	job->cmds[COPY].dst_bo = job->cmds[COPY].src_bo = UINT_MAX;
	job->cmds[FILL].dst_bo = job->cmds[TIMESTAMP].dst_bo = UINT_MAX;
}

static void apply(const struct change *change)
{
	char *at = (char *)&refusal.job + change->offset;

	if (change->size == sizeof(uint32_t))
		*(uint32_t *)at = change->value;
	else if (change->size == sizeof(uint64_t))
		*(uint64_t *)at = change->value;
}

static void spoil(const struct bad *bad)
{
	for (unsigned int i = 0; i < igt_mmgpu_count(bad->change); i++)
		if (bad->change[i].size)
			apply(&bad->change[i]);
}

static void expect(int err)
{
	memset(memory, 0x44, sizeof(memory));
	igt_mmgpu_refusal_expect(&refusal, err);
	for (unsigned int i = 0; i < igt_mmgpu_count(memory); i++)
		igt_assert_eq_u64(memory[i], 0x4444444444444444ull);
}

static void run(const struct bad *bad)
{
	reset();
	spoil(bad);
	expect(bad->err);
}

static const struct bad flags[] = {
	{ "nop-dst", EINVAL, { SET(cmds[NOP].flags, DST) } },
	{ "nop-src", EINVAL, { SET(cmds[NOP].flags, SRC) } },
	{ "delay-dst", EINVAL, { SET(cmds[DELAY].flags, DST) } },
	{ "delay-src", EINVAL, { SET(cmds[DELAY].flags, SRC) } },
	{ "add-dst", EINVAL, { SET(cmds[ADD].flags, DST), SET(cmds[ADD].dst, memory) } },
	{ "add-src", EINVAL, { SET(cmds[ADD].flags, SRC) } },
	{ "fill-src", EINVAL, { SET(cmds[FILL].flags, SRC) } },
	{ "fill-both", EINVAL, { SET(cmds[FILL].flags, DST | SRC) } },
	{ "timestamp-src", EINVAL, { SET(cmds[TIMESTAMP].flags, SRC) } },
	{ "timestamp-both", EINVAL, { SET(cmds[TIMESTAMP].flags, DST | SRC) } },
	{ "unknown", EINVAL, { SET(cmds[COPY].flags, DST | SRC | 4) } },
	{ "unknown-high", EINVAL, { SET(cmds[COPY].flags, 1u << 31 | DST) } },
	{ "pad", EINVAL, { SET(cmds[FILL].pad, 1) } },
};

/* What waits for page faults is nobody's implicit fence, not even a reader's. */
static const struct bad implicit[] = {
	{ "first", EINVAL, { SET(bos[0].flags, MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE) } },
	{ "second", EINVAL, { SET(bos[1].flags, MMGPU_BO_REF_READ) } },
	{ "unused", EINVAL, { SET(submit.cmds.count, 2),
			      SET(bos[1].flags, MMGPU_BO_REF_READ) } },
};

/* Rows of COPY and FILL: four of 64 bytes, each 128 from the next, 448 from end to end. */
static const struct bad ranges[] = {
	{ "fill-wraps", EINVAL, { SET(cmds[FILL].dst, TOP - 446) } },
	{ "fill-wraps-far", EINVAL, { SET(cmds[FILL].dst, TOP) } },
	{ "copy-dst-wraps", EINVAL, { SET(cmds[COPY].dst, TOP - 446) } },
	{ "copy-src-wraps", EINVAL, { SET(cmds[COPY].src, TOP - 446) } },
	{ "row-wraps", EINVAL, { SET(cmds[COPY].rows, 1), SET(cmds[COPY].src, TOP - 62) } },
	{ "row-wraps-dst", EINVAL, { SET(cmds[FILL].rows, 1), SET(cmds[FILL].dst, TOP - 62) } },
	{ "width-wraps", EINVAL, { SET(cmds[FILL].rows, 1), SET(cmds[FILL].width, TOP),
				   SET(cmds[FILL].dst, 2) } },
	{ "rows-wrap", EINVAL, { SET(cmds[FILL].rows, UINT_MAX),
				 SET(cmds[FILL].dst_pitch, UINT_MAX),
				 SET(cmds[FILL].dst, TOP - (1ull << 63)),
				 SET(cmds[FILL].width, 1) } },
	/* By the start of the last row alone. */
	{ "rows-wrap-src", EINVAL, { SET(cmds[COPY].rows, UINT_MAX),
				       SET(cmds[COPY].src_pitch, UINT_MAX),
				       SET(cmds[COPY].src, 1ull << 34) } },
	{ "timestamp-wraps", EINVAL, { SET(cmds[TIMESTAMP].dst, TOP - 6) } },
	{ "timestamp-odd", EINVAL, { SET(cmds[TIMESTAMP].dst, (uintptr_t)memory + 4) } },
	{ "width-zero", EINVAL, { SET(cmds[COPY].width, 0) } },
	{ "rows-zero", EINVAL, { SET(cmds[FILL].rows, 0) } },
	{ "dst-pitch", EINVAL, { SET(cmds[FILL].dst_pitch, 63) } },
	{ "src-pitch", EINVAL, { SET(cmds[COPY].src_pitch, 63) } },
	/* The operand that is in a buffer is checked as ever. */
	{ "bo-index", EINVAL, { SET(cmds[COPY].flags, DST) } },
	{ "bo-range", EINVAL, { SET(cmds[COPY].flags, SRC), SET(cmds[COPY].dst_bo, 0) } },
	{ "bo-read-only", EINVAL, { SET(cmds[COPY].flags, SRC), SET(cmds[COPY].dst_bo, 1),
				    SET(cmds[COPY].dst, 0) } },
};

/* Accepted; the job ends with EFAULT. */
static const struct bad faults[] = {
	{ "fill-ends-at-top", EFAULT, { SET(cmds[FILL].dst, TOP - 447) } },
	{ "copy-dst-ends-at-top", EFAULT, { SET(cmds[COPY].dst, TOP - 447) } },
	{ "copy-src-ends-at-top", EFAULT, { SET(cmds[COPY].src, TOP - 447) } },
	{ "timestamp-ends-at-top", EFAULT, { SET(cmds[TIMESTAMP].dst, TOP - 7) } },
	{ "byte-at-top", EFAULT, { SET(cmds[FILL].rows, 1), SET(cmds[FILL].width, 1),
				   SET(cmds[FILL].dst, TOP) } },
	{ "all-there-is", EFAULT, { SET(cmds[FILL].rows, 1), SET(cmds[FILL].width, TOP),
				    SET(cmds[FILL].dst, 1) } },
	{ "all-there-is-src", EFAULT, { SET(cmds[COPY].rows, 1), SET(cmds[COPY].width, TOP),
					SET(cmds[COPY].src, 1), SET(cmds[COPY].dst, 1) } },
	{ "null", EFAULT, { SET(cmds[FILL].dst, 0) } },
	{ "null-src", EFAULT, { SET(cmds[COPY].src, 0) } },
	{ "null-timestamp", EFAULT, { SET(cmds[TIMESTAMP].dst, 0) } },
	{ "hole", EFAULT, { SET(cmds[FILL].dst, 0x7ffffffff000ull) } },
	{ "hole-src", EFAULT, { SET(cmds[COPY].src, 0x800000000000ull) } },
	{ "between", EFAULT, { SET(cmds[COPY].src, 0x8000000000000000ull) } },
	{ "kernel", EFAULT, { SET(cmds[FILL].dst, 0xffffffff81000000ull) } },
	{ "kernel-src", EFAULT, { SET(cmds[COPY].src, 0xffff888000001000ull) } },
	{ "kernel-timestamp", EFAULT, { SET(cmds[TIMESTAMP].dst, 0xffffffff81000000ull) } },
};

static void run_fault(const struct bad *bad)
{
	struct drm_mmgpu_ctx_query before, after;

	reset();
	spoil(bad);
	igt_mmgpu_ctx_query(fd, refusal.ctx, &before);
	igt_assert_eq(igt_mmgpu_job_run(fd, &refusal.job), -bad->err);
	igt_mmgpu_ctx_query(fd, refusal.ctx, &after);
	igt_assert_eq_u64(after.faults, before.faults + 1);
	igt_assert_eq_u64(after.jobs_done, before.jobs_done);
	igt_assert_eq_u64(after.hangs, 0);
	igt_assert_eq_u32(after.status, 0);

	/* The context goes on; and everything is fresh again. */
	reset();
	igt_mmgpu_refusal_accept(&refusal);
	igt_mmgpu_ctx_query(fd, refusal.ctx, &after);
	igt_assert_eq_u64(after.faults, before.faults + 1);
	igt_assert_eq_u64(after.jobs_done, before.jobs_done + 1);
}

/* ---- of several errors the first of the contract's order -------------------------------------- */

static const struct step {
	struct bad bad;
	int stage;
} steps[] = {
	{ { "flags", EINVAL, { SET(submit.flags, 1) } }, 10 },
	{ { "count", E2BIG, { SET(submit.out_syncs.count, UINT_MAX) } }, 15 },
	{ { "pointer", EFAULT, { SET(submit.in_syncs.array, 8) } }, 20 },
	{ { "operand", EINVAL, { SET(cmds[ADD].flags, DST) } }, 30 },
	{ { "implicit-sync", EINVAL, { SET(bos[1].flags, MMGPU_BO_REF_READ) } }, 37 },
	{ { "context", ENOENT, { SET(submit.ctx_id, INT_MAX) } }, 40 },
	{ { "handle", ENOENT, { SET(bos[0].handle, INT_MAX) } }, 50 },
	{ { "syncobj", ENOENT, { SET(out_syncs[0].handle, INT_MAX) } }, 60 },
	{ { "range", EINVAL, { SET(cmds[FILL].dst, TOP) } }, 80 },
	{ { "alignment", EINVAL, { SET(cmds[TIMESTAMP].dst, 12) } }, 80 },
};

static void order(size_t which)
{
	const struct step *step = &steps[which];

	for (size_t i = which + 1; i < igt_mmgpu_count(steps); i++) {
		if (steps[i].stage == step->stage)
			continue;
		reset();
		spoil(&step->bad);
		spoil(&steps[i].bad);
		expect(step->bad.err);
	}
	reset();
	for (size_t i = which; i < igt_mmgpu_count(steps); i++)
		spoil(&steps[i].bad);
	expect(step->bad.err);
}

/* ---- the same on a legacy file ------------------------------------------------------------------ */

/* EOPNOTSUPP comes after what is malformed, and before what is wrong with buffers. */
static void legacy(void)
{
	static const struct {
		unsigned int cmd;
		uint32_t flags;
	} operands[] = {
		{ FILL, DST }, { COPY, DST }, { COPY, SRC }, { COPY, DST | SRC }, { TIMESTAMP, DST },
	};
	struct igt_mmgpu_refusal bound = refusal;
	int file = igt_mmgpu_reopen(fd);

	igt_mmgpu_refusal_init(&refusal, file);
	for (unsigned int i = 0; i < igt_mmgpu_count(operands); i++) {
		struct drm_mmgpu_cmd *cmd = &refusal.job.cmds[operands[i].cmd];

		igt_mmgpu_refusal_reset(&refusal);
		cmd->flags = operands[i].flags;
		cmd->dst = cmd->src = (uintptr_t)memory;
		expect(EOPNOTSUPP);
	}
	for (unsigned int i = 0; i < igt_mmgpu_count(flags); i++)
		run(&flags[i]);
	for (unsigned int i = 0; i < igt_mmgpu_count(steps); i++) {
		reset();
		spoil(&steps[i].bad);
		expect(steps[i].stage < 35 ? steps[i].bad.err : EOPNOTSUPP);
	}
	igt_mmgpu_refusal_fini(&refusal);
	close(file);
	memcpy(&refusal, &bound, sizeof(refusal));
}

/* A buffer with implicit sync is for jobs without CPU addresses, in the same context. */
static void without(void)
{
	igt_mmgpu_refusal_reset(&refusal);
	igt_mmgpu_refusal_accept(&refusal);
	reset();
	refusal.job.cmds[COPY].flags = 0;
	refusal.job.cmds[COPY].dst_bo = 0;
	refusal.job.cmds[COPY].src_bo = 1;
	refusal.job.cmds[COPY].dst = refusal.job.cmds[COPY].src = 0;
	igt_mmgpu_refusal_accept(&refusal);
}

static void table(const char *prefix, const char *describe, const struct bad *bad, size_t count,
		  void (*fn)(const struct bad *bad))
{
	for (size_t i = 0; i < count; i++) {
		igt_describe(describe);
		igt_subtest_f("%s-%s", prefix, bad[i].name)
			fn(&bad[i]);
	}
}

int igt_main()
{
	igt_fixture() {
		fd = igt_mmgpu_open();
		igt_require_f(igt_mmgpu_get_param(fd, MMGPU_PARAM_SVM), "the module has svm=0\n");
		igt_mmgpu_bind_mm(fd);
		igt_mmgpu_refusal_init(&refusal, fd);
	}

	igt_describe("The job that all others are made of is accepted.");
	igt_subtest("good") {
		reset();
		igt_mmgpu_refusal_accept(&refusal);
	}

	table("flags", "CPU addresses where none can be.", flags, igt_mmgpu_count(flags), run);
	table("sync", "Every buffer needs NO_IMPLICIT_SYNC.", implicit, igt_mmgpu_count(implicit),
	      run);
	table("range", "What cannot be a range is refused.", ranges, igt_mmgpu_count(ranges), run);
	table("fault", "What can be a range is for the page tables.", faults,
	      igt_mmgpu_count(faults), run_fault);

	for (size_t i = 0; i < igt_mmgpu_count(steps); i++) {
		igt_describe("This error is told before all that the contract puts later.");
		igt_subtest_f("order-%s", steps[i].bad.name)
			order(i);
	}

	igt_describe("Legacy files have no CPU addresses.");
	igt_subtest("legacy")
		legacy();

	igt_describe("Jobs without CPU addresses are what they were.");
	igt_subtest("without")
		without();

	igt_fixture() {
		igt_mmgpu_refusal_fini(&refusal);
		close(fd);
	}
}
