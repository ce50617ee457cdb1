// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/*
 * The engine against a reference that goes byte by byte. Whole areas are compared, with
 * what lies before and behind the buffers, so that nothing else may have been written.
 */

#include <linux/prandom.h>
#include <linux/sizes.h>

#include <kunit/resource.h>
#include <kunit/test.h>

#include <drm/mmgpu_drm.h>

#include "../mmgpu_cmd.h"
#include "../mmgpu_engine.h"
#include "../mmgpu_svm.h"
#include "mmgpu_test_thread.h"

#define GUARD	SZ_4K
#define BO_SIZE	(3 * MMGPU_SVM_CHUNK + SZ_4K)
#define AREA	(GUARD + BO_SIZE + GUARD)
#define NUM_BOS	2

struct mmgpu_engine_fixture {
	u8 *area[NUM_BOS];
	u8 *ref[NUM_BOS];
	void *maps[NUM_BOS];
	u8 *snapshot;
	struct mmgpu_cmd_bo bos[NUM_BOS];
	struct rnd_state rnd;
	bool stop;
	wait_queue_head_t stop_wq;
	struct mmgpu_exec exec;
};

KUNIT_DEFINE_ACTION_WRAPPER(kvfree_action, kvfree, const void *);

static u8 *mmgpu_engine_alloc(struct kunit *test)
{
	u8 *area = kvmalloc(AREA, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, area);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, kvfree_action, area));

	return area;
}

static int mmgpu_engine_test_init(struct kunit *test)
{
	struct mmgpu_engine_fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	prandom_seed_state(&fix->rnd, 0x6d6d677075);
	fix->snapshot = mmgpu_engine_alloc(test);
	for (i = 0; i < NUM_BOS; i++) {
		fix->area[i] = mmgpu_engine_alloc(test);
		fix->ref[i] = mmgpu_engine_alloc(test);
		prandom_bytes_state(&fix->rnd, fix->area[i], AREA);
		memcpy(fix->ref[i], fix->area[i], AREA);
		fix->maps[i] = fix->area[i] + GUARD;
		fix->bos[i].size = BO_SIZE;
		fix->bos[i].flags = MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE;
	}

	init_waitqueue_head(&fix->stop_wq);
	fix->exec.maps = fix->maps;
	fix->exec.stop = &fix->stop;
	fix->exec.stop_wq = &fix->stop_wq;
	fix->exec.deadline = KTIME_MAX;
	test->priv = fix;

	return 0;
}

static int mmgpu_engine_run(struct mmgpu_engine_fixture *fix, const struct drm_mmgpu_cmd *cmds,
			    u32 num_cmds)
{
	fix->exec.cmds = cmds;
	fix->exec.num_cmds = num_cmds;

	return mmgpu_engine_exec(&fix->exec);
}

static u64 mmgpu_engine_below(struct mmgpu_engine_fixture *fix, u64 limit)
{
	return prandom_u32_state(&fix->rnd) % limit;
}

static u64 mmgpu_engine_pitch(u64 pitch, u32 row)
{
	return row ? pitch * row : 0;
}

static void mmgpu_engine_ref_fill(struct mmgpu_engine_fixture *fix, const struct drm_mmgpu_cmd *cmd)
{
	u8 *dst = fix->ref[cmd->dst_bo] + GUARD + cmd->dst;
	u64 i;
	u32 row;

	for (row = 0; row < cmd->rows; row++)
		for (i = 0; i < cmd->width; i++)
			dst[mmgpu_engine_pitch(cmd->dst_pitch, row) + i] =
				((const u8 *)&cmd->value)[i % 8];
}

static void mmgpu_engine_ref_copy(struct mmgpu_engine_fixture *fix, const struct drm_mmgpu_cmd *cmd)
{
	const u8 *src = fix->snapshot + GUARD + cmd->src;
	u8 *dst = fix->ref[cmd->dst_bo] + GUARD + cmd->dst;
	u64 i;
	u32 row;

	memcpy(fix->snapshot, fix->ref[cmd->src_bo], AREA);
	for (row = 0; row < cmd->rows; row++)
		for (i = 0; i < cmd->width; i++)
			dst[mmgpu_engine_pitch(cmd->dst_pitch, row) + i] =
				src[mmgpu_engine_pitch(cmd->src_pitch, row) + i];
}

static void mmgpu_engine_expect_ref(struct kunit *test, const struct drm_mmgpu_cmd *cmd)
{
	struct mmgpu_engine_fixture *fix = test->priv;
	size_t at;
	int i;

	for (i = 0; i < NUM_BOS; i++) {
		if (!memcmp(fix->area[i], fix->ref[i], AREA))
			continue;
		for (at = 0; fix->area[i][at] == fix->ref[i][at]; at++)
			;
		KUNIT_FAIL(test,
			   "op %u: %u+%#llx <- %u+%#llx, %llu x %u (%u, %u): %d differs at %#lx",
			   cmd->op, cmd->dst_bo, cmd->dst, cmd->src_bo, cmd->src, cmd->width,
			   cmd->rows, cmd->dst_pitch, cmd->src_pitch, i, (long)at - GUARD);
		/* One difference is one failure. */
		memcpy(fix->area[i], fix->ref[i], AREA);
	}
}

static void mmgpu_engine_check(struct kunit *test, const struct drm_mmgpu_cmd *cmd)
{
	struct mmgpu_engine_fixture *fix = test->priv;

	KUNIT_ASSERT_TRUE(test, mmgpu_cmd_flags_valid(cmd));
	KUNIT_ASSERT_TRUE(test, mmgpu_cmd_valid(cmd, fix->bos, NUM_BOS, 0));
	KUNIT_EXPECT_EQ(test, 0, mmgpu_engine_run(fix, cmd, 1));
	if (cmd->op == MMGPU_OP_FILL)
		mmgpu_engine_ref_fill(fix, cmd);
	else
		mmgpu_engine_ref_copy(fix, cmd);
	mmgpu_engine_expect_ref(test, cmd);
}

/* About the bytes of a value, a page, and the pieces that the engine works in. */
static const u64 mmgpu_engine_widths[] = {
	1, 2, 7, 8, 9, 15, 16, 63, 64, 65, 4095, 4096, 4097,
	MMGPU_SVM_CHUNK - 1, MMGPU_SVM_CHUNK, MMGPU_SVM_CHUNK + 1,
	2 * MMGPU_SVM_CHUNK - 1, 2 * MMGPU_SVM_CHUNK, 2 * MMGPU_SVM_CHUNK + 9,
};

static void mmgpu_engine_test_fill(struct kunit *test)
{
	struct mmgpu_engine_fixture *fix = test->priv;
	u64 dst;
	int i;

	for (i = 0; i < ARRAY_SIZE(mmgpu_engine_widths); i++) {
		for (dst = 0; dst < 8; dst += 1 + dst % 4) {
			struct drm_mmgpu_cmd cmd = {
				.op = MMGPU_OP_FILL,
				.dst = dst,
				.width = mmgpu_engine_widths[i],
				.rows = 1,
				.value = ((u64)prandom_u32_state(&fix->rnd) << 32) |
					 prandom_u32_state(&fix->rnd),
			};

			mmgpu_engine_check(test, &cmd);
		}
	}
}

/* Places rows of @width bytes in a buffer, as far apart as chance says. */
static void mmgpu_engine_place(struct mmgpu_engine_fixture *fix, u64 width, u32 rows, u64 *start,
			       u32 *pitch)
{
	u64 slack = BO_SIZE - width * rows;

	*pitch = width + mmgpu_engine_below(fix, slack / rows + 1);
	*start = mmgpu_engine_below(fix, BO_SIZE - ((u64)*pitch * (rows - 1) + width) + 1);
}

static void mmgpu_engine_test_fill_2d(struct kunit *test)
{
	struct mmgpu_engine_fixture *fix = test->priv;
	int i;

	for (i = 0; i < 60; i++) {
		struct drm_mmgpu_cmd cmd = {
			.op = MMGPU_OP_FILL,
			.dst_bo = mmgpu_engine_below(fix, NUM_BOS),
			.width = 1 + mmgpu_engine_below(fix, 500),
			.rows = 1 + mmgpu_engine_below(fix, 200),
			.value = (u64)prandom_u32_state(&fix->rnd) * prandom_u32_state(&fix->rnd),
		};

		mmgpu_engine_place(fix, cmd.width, cmd.rows, &cmd.dst, &cmd.dst_pitch);
		mmgpu_engine_check(test, &cmd);
	}
}

static void mmgpu_engine_test_copy(struct kunit *test)
{
	struct mmgpu_engine_fixture *fix = test->priv;
	int i, j;

	for (i = 0; i < ARRAY_SIZE(mmgpu_engine_widths); i++) {
		for (j = 0; j < 8; j++) {
			struct drm_mmgpu_cmd cmd = {
				.op = MMGPU_OP_COPY,
				.dst_bo = j % 2,
				.src_bo = !(j % 2),
				.dst = mmgpu_engine_below(fix, 4096),
				.src = mmgpu_engine_below(fix, 4096),
				.width = mmgpu_engine_widths[i],
				.rows = 1,
			};

			mmgpu_engine_check(test, &cmd);
		}
	}
}

static void mmgpu_engine_test_copy_2d(struct kunit *test)
{
	struct mmgpu_engine_fixture *fix = test->priv;
	int i;

	for (i = 0; i < 60; i++) {
		struct drm_mmgpu_cmd cmd = {
			.op = MMGPU_OP_COPY,
			.dst_bo = i % 2,
			.src_bo = !(i % 2),
			.width = 1 + mmgpu_engine_below(fix, 500),
			.rows = 1 + mmgpu_engine_below(fix, 200),
		};

		mmgpu_engine_place(fix, cmd.width, cmd.rows, &cmd.dst, &cmd.dst_pitch);
		mmgpu_engine_place(fix, cmd.width, cmd.rows, &cmd.src, &cmd.src_pitch);
		mmgpu_engine_check(test, &cmd);
	}
}

/* As memmove() does, whichever way, and however far the pieces are apart. */
static void mmgpu_engine_test_copy_overlap(struct kunit *test)
{
	static const u64 distances[] = {
		0, 1, 3, 7, 8, 9, 63, 64, 65, 4095, 4096, MMGPU_SVM_CHUNK - 1,
		MMGPU_SVM_CHUNK, MMGPU_SVM_CHUNK + 1,
	};
	static const u64 widths[] = {
		8, 65, 4097, MMGPU_SVM_CHUNK, MMGPU_SVM_CHUNK + 1, 2 * MMGPU_SVM_CHUNK - 3,
	};
	int i, j, backwards;

	for (i = 0; i < ARRAY_SIZE(widths); i++) {
		for (j = 0; j < ARRAY_SIZE(distances); j++) {
			for (backwards = 0; backwards < 2; backwards++) {
				struct drm_mmgpu_cmd cmd = {
					.op = MMGPU_OP_COPY,
					.dst = 5 + (backwards ? distances[j] : 0),
					.src = 5 + (backwards ? 0 : distances[j]),
					.width = widths[i],
					.rows = 1,
				};

				mmgpu_engine_check(test, &cmd);
			}
		}
	}
}

/* What overlapping rows hold is undefined, but it is theirs alone. */
static void mmgpu_engine_test_copy_2d_overlap(struct kunit *test)
{
	struct mmgpu_engine_fixture *fix = test->priv;
	int i;

	for (i = 0; i < 40; i++) {
		struct drm_mmgpu_cmd cmd = {
			.op = MMGPU_OP_COPY,
			.width = 1 + mmgpu_engine_below(fix, 500),
			.rows = 2 + mmgpu_engine_below(fix, 200),
		};
		u32 row;

		mmgpu_engine_place(fix, cmd.width, cmd.rows, &cmd.dst, &cmd.dst_pitch);
		mmgpu_engine_place(fix, cmd.width, cmd.rows, &cmd.src, &cmd.src_pitch);
		KUNIT_EXPECT_EQ(test, 0, mmgpu_engine_run(fix, &cmd, 1));

		for (row = 0; row < cmd.rows; row++) {
			u64 at = GUARD + cmd.dst + mmgpu_engine_pitch(cmd.dst_pitch, row);

			memcpy(fix->ref[0] + at, fix->area[0] + at, cmd.width);
		}
		mmgpu_engine_expect_ref(test, &cmd);
	}
}

static void mmgpu_engine_test_add(struct kunit *test)
{
	static const u64 values[] = { 0, 1, 0x123456789abcdef0, U64_MAX, 1ull << 63 };
	struct mmgpu_engine_fixture *fix = test->priv;
	struct drm_mmgpu_cmd cmd = { .op = MMGPU_OP_ADD, .dst_bo = 1 };
	int i;

	for (i = 0; i < ARRAY_SIZE(values); i++) {
		for (cmd.dst = 0; cmd.dst <= BO_SIZE - 8; cmd.dst += BO_SIZE / 8 - 8) {
			cmd.value = values[i];
			KUNIT_EXPECT_EQ(test, 0, mmgpu_engine_run(fix, &cmd, 1));
			*(u64 *)(fix->ref[1] + GUARD + cmd.dst) += cmd.value;
			mmgpu_engine_expect_ref(test, &cmd);
		}
	}
}

#define ADD_CMDS	1024
#define ADD_ROUNDS	30

static int mmgpu_engine_add_fn(void *data)
{
	int ret = 0, i;

	for (i = 0; i < ADD_ROUNDS && !ret; i++)
		ret = mmgpu_engine_exec(data);

	return ret;
}

/* Two engines at one word. */
static void mmgpu_engine_test_add_atomic(struct kunit *test)
{
	struct mmgpu_engine_fixture *fix = test->priv;
	u64 before = *(u64 *)fix->maps[0];
	struct mmgpu_test_thread threads[2];
	struct drm_mmgpu_cmd *cmds;
	int i;

	cmds = kunit_kcalloc(test, ADD_CMDS, sizeof(*cmds), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cmds);
	for (i = 0; i < ADD_CMDS; i++) {
		cmds[i].op = MMGPU_OP_ADD;
		cmds[i].value = 0x100000001;
	}
	fix->exec.cmds = cmds;
	fix->exec.num_cmds = ADD_CMDS;

	for (i = 0; i < 2; i++)
		mmgpu_test_thread_start(test, &threads[i], mmgpu_engine_add_fn, &fix->exec);
	for (i = 0; i < 2; i++)
		KUNIT_EXPECT_EQ(test, 0, mmgpu_test_thread_wait(&threads[i]));

	KUNIT_EXPECT_EQ(test, *(u64 *)fix->maps[0],
			before + 2ull * ADD_ROUNDS * ADD_CMDS * 0x100000001);
}

static void mmgpu_engine_test_timestamp(struct kunit *test)
{
	struct mmgpu_engine_fixture *fix = test->priv;
	struct drm_mmgpu_cmd cmds[] = {
		{ .op = MMGPU_OP_TIMESTAMP, .dst = 8 },
		{ .op = MMGPU_OP_DELAY, .value = 2 * NSEC_PER_MSEC },
		{ .op = MMGPU_OP_TIMESTAMP, .dst = BO_SIZE - 8, .dst_bo = 1 },
	};
	u64 before, after, *first = fix->maps[0] + 8, *second = fix->maps[1] + BO_SIZE - 8;

	before = ktime_get_ns();
	KUNIT_EXPECT_EQ(test, 0, mmgpu_engine_run(fix, cmds, ARRAY_SIZE(cmds)));
	after = ktime_get_ns();

	KUNIT_EXPECT_GE(test, *first, before);
	KUNIT_EXPECT_GE(test, *second, *first + 2 * NSEC_PER_MSEC);
	KUNIT_EXPECT_LE(test, *second, after);

	memcpy(fix->ref[0] + GUARD + 8, first, 8);
	memcpy(fix->ref[1] + GUARD + BO_SIZE - 8, second, 8);
	mmgpu_engine_expect_ref(test, &cmds[0]);
}

/* Each command finds what those before it left. */
static void mmgpu_engine_test_order(struct kunit *test)
{
	struct mmgpu_engine_fixture *fix = test->priv;
	const u64 len = MMGPU_SVM_CHUNK + 8;
	struct drm_mmgpu_cmd cmds[] = {
		{ .op = MMGPU_OP_FILL, .width = len, .rows = 1, .value = 40 },
		{ .op = MMGPU_OP_NOP },
		{ .op = MMGPU_OP_ADD, .value = 2 },
		{ .op = MMGPU_OP_COPY, .dst_bo = 1, .width = len, .rows = 1 },
		{ .op = MMGPU_OP_FILL, .width = len, .rows = 1, .value = 7 },
		{ .op = MMGPU_OP_COPY, .dst_bo = 1, .dst = 8, .width = 8, .rows = 1 },
	};
	u64 *maps[NUM_BOS] = { fix->maps[0], fix->maps[1] };

	KUNIT_EXPECT_EQ(test, 0, mmgpu_engine_run(fix, cmds, ARRAY_SIZE(cmds)));
	KUNIT_EXPECT_EQ(test, maps[0][0], 7);
	KUNIT_EXPECT_EQ(test, maps[0][len / 8 - 1], 7);
	KUNIT_EXPECT_EQ(test, maps[1][0], 42);
	KUNIT_EXPECT_EQ(test, maps[1][1], 7);
	KUNIT_EXPECT_EQ(test, maps[1][2], 40);
	KUNIT_EXPECT_EQ(test, maps[1][len / 8 - 1], 40);

	KUNIT_EXPECT_EQ(test, 0, mmgpu_engine_run(fix, NULL, 0));
}

static struct kunit_case mmgpu_engine_test_cases[] = {
	KUNIT_CASE(mmgpu_engine_test_fill),
	KUNIT_CASE(mmgpu_engine_test_fill_2d),
	KUNIT_CASE(mmgpu_engine_test_copy),
	KUNIT_CASE(mmgpu_engine_test_copy_2d),
	KUNIT_CASE(mmgpu_engine_test_copy_overlap),
	KUNIT_CASE(mmgpu_engine_test_copy_2d_overlap),
	KUNIT_CASE(mmgpu_engine_test_add),
	KUNIT_CASE(mmgpu_engine_test_add_atomic),
	KUNIT_CASE(mmgpu_engine_test_timestamp),
	KUNIT_CASE(mmgpu_engine_test_order),
	{}
};

static struct kunit_suite mmgpu_engine_test_suite = {
	.name = "mmgpu_engine",
	.init = mmgpu_engine_test_init,
	.test_cases = mmgpu_engine_test_cases,
};

kunit_test_suite(mmgpu_engine_test_suite);
