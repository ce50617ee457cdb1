// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/*
 * Commands that chance makes, against an oracle that says the same as the uapi header in
 * arithmetic that has no overflow, and small ones, all of them, byte by byte.
 */

#include <linux/prandom.h>
#include <linux/sizes.h>

#include <kunit/test.h>

#include <drm/mmgpu_drm.h>

#include "../mmgpu_cmd.h"

#define MAX_DELAY_NS	(10000 * NSEC_PER_MSEC)
#define NUM_BOS		5

static const struct mmgpu_cmd_bo mmgpu_cmd_bos[NUM_BOS] = {
	{ .size = SZ_4K, .flags = MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE },
	{ .size = SZ_64K, .flags = MMGPU_BO_REF_WRITE },
	{ .size = SZ_64K, .flags = MMGPU_BO_REF_READ },
	{ .size = SZ_1G, .flags = MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE },
	/* No buffer is as large, so no check may count on it. */
	{ .size = 1ull << 63, .flags = MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE },
};

/* --- the oracle ------------------------------------------------------------------- */

static bool oracle_flags(const struct drm_mmgpu_cmd *cmd)
{
	bool dst_svm_ok = cmd->op == MMGPU_OP_FILL || cmd->op == MMGPU_OP_COPY ||
			  cmd->op == MMGPU_OP_TIMESTAMP;
	bool src_svm_ok = cmd->op == MMGPU_OP_COPY;

	if (cmd->op > MMGPU_OP_DELAY || cmd->pad)
		return false;
	if (cmd->flags & ~3u)
		return false;
	if (cmd->flags & 1 && !dst_svm_ok)
		return false;

	return !(cmd->flags & 2) || src_svm_ok;
}

static bool oracle_rows(u64 start, u64 width, u32 rows, u32 pitch, u128 limit)
{
	u128 end = (u128)start + width;

	if (!width || !rows)
		return false;
	if (rows > 1) {
		if (pitch < width)
			return false;
		end += (u128)pitch * (rows - 1);
	}

	return end <= limit;
}

static bool oracle_bo(u32 index, u32 num_bos, u32 need, u64 start, u64 width, u32 rows, u32 pitch)
{
	if (index >= num_bos)
		return false;
	if (!(mmgpu_cmd_bos[index].flags & need))
		return false;

	return oracle_rows(start, width, rows, pitch, mmgpu_cmd_bos[index].size);
}

static bool oracle_valid(const struct drm_mmgpu_cmd *cmd, u32 num_bos)
{
	const u128 end_of_addresses = (u128)1 << 64;
	u64 width = cmd->width;
	u32 rows = cmd->rows;
	bool dst, src;

	if (cmd->op == MMGPU_OP_NOP)
		return true;
	if (cmd->op == MMGPU_OP_DELAY)
		return cmd->value <= MAX_DELAY_NS;

	if (cmd->op == MMGPU_OP_ADD || cmd->op == MMGPU_OP_TIMESTAMP) {
		if (cmd->dst % 8)
			return false;
		width = 8;
		rows = 1;
	}

	if (cmd->flags & MMGPU_CMD_DST_SVM)
		dst = oracle_rows(cmd->dst, width, rows, cmd->dst_pitch, end_of_addresses);
	else
		dst = oracle_bo(cmd->dst_bo, num_bos, MMGPU_BO_REF_WRITE, cmd->dst, width, rows,
				cmd->dst_pitch);
	if (cmd->op != MMGPU_OP_COPY)
		return dst;

	if (cmd->flags & MMGPU_CMD_SRC_SVM)
		src = oracle_rows(cmd->src, width, rows, cmd->src_pitch, end_of_addresses);
	else
		src = oracle_bo(cmd->src_bo, num_bos, MMGPU_BO_REF_READ, cmd->src, width, rows,
				cmd->src_pitch);

	return dst && src;
}

/* --- what chance makes --------------------------------------------------------------- */

static u64 random_u64(struct rnd_state *rnd)
{
	return (u64)prandom_u32_state(rnd) << 32 | prandom_u32_state(rnd);
}

static u32 below(struct rnd_state *rnd, u32 limit)
{
	return prandom_u32_state(rnd) % limit;
}

static u64 near(struct rnd_state *rnd, u64 value)
{
	return value - 9 + below(rnd, 19);
}

/* A number at which something may go wrong. */
static u64 odd_number(struct rnd_state *rnd)
{
	switch (below(rnd, 6)) {
	case 0:
		return below(rnd, 17);
	case 1:
		return near(rnd, mmgpu_cmd_bos[below(rnd, NUM_BOS)].size);
	case 2:
		return near(rnd, 1ull << below(rnd, 64));
	case 3:
		return near(rnd, 0);
	case 4:
		return prandom_u32_state(rnd);
	default:
		return random_u64(rnd);
	}
}

/* An operand that fits, if only just, into a buffer or into all addresses. */
static void fitting_operand(struct rnd_state *rnd, bool svm, u32 index, u64 width, u32 rows,
			    u64 *start, u32 *pitch)
{
	u128 limit = svm ? (u128)1 << 64 : mmgpu_cmd_bos[index % NUM_BOS].size;
	u128 used;

	*pitch = width + (below(rnd, 2) ? 0 : below(rnd, 64));
	used = width + (rows > 1 ? (u128)*pitch * (rows - 1) : 0);
	if (used > limit) {
		*start = 0;
		return;
	}
	/* Up to the end, or somewhere. */
	*start = limit - used;
	if (*start && below(rnd, 2))
		*start = random_u64(rnd) % *start;
}

static void random_cmd(struct rnd_state *rnd, struct drm_mmgpu_cmd *cmd)
{
	static const u32 ops[] = {
		MMGPU_OP_NOP, MMGPU_OP_FILL, MMGPU_OP_FILL, MMGPU_OP_FILL, MMGPU_OP_COPY,
		MMGPU_OP_COPY, MMGPU_OP_COPY, MMGPU_OP_ADD, MMGPU_OP_TIMESTAMP, MMGPU_OP_DELAY,
	};

	*cmd = (struct drm_mmgpu_cmd) {
		.op = ops[below(rnd, ARRAY_SIZE(ops))],
		.dst_bo = below(rnd, NUM_BOS),
		.src_bo = below(rnd, NUM_BOS),
		.width = 1 + (below(rnd, 2) ? below(rnd, 256) : below(rnd, SZ_4K)),
		.rows = 1 + (below(rnd, 2) ? 0 : below(rnd, 64)),
		.value = below(rnd, 2) ? near(rnd, MAX_DELAY_NS) : random_u64(rnd),
	};
	do {
		cmd->flags = below(rnd, 4);
	} while (!oracle_flags(cmd));

	fitting_operand(rnd, cmd->flags & MMGPU_CMD_DST_SVM, cmd->dst_bo, cmd->width, cmd->rows,
			&cmd->dst, &cmd->dst_pitch);
	fitting_operand(rnd, cmd->flags & MMGPU_CMD_SRC_SVM, cmd->src_bo, cmd->width, cmd->rows,
			&cmd->src, &cmd->src_pitch);
	if (cmd->op == MMGPU_OP_ADD || cmd->op == MMGPU_OP_TIMESTAMP)
		cmd->dst = below(rnd, 8) ? ALIGN_DOWN(cmd->dst, 8) : cmd->dst;

	/* Up to two members become something else. */
	while (below(rnd, 3) == 0) {
		switch (below(rnd, 8)) {
		case 0:
			cmd->dst = odd_number(rnd);
			break;
		case 1:
			cmd->src = odd_number(rnd);
			break;
		case 2:
			cmd->width = odd_number(rnd);
			break;
		case 3:
			cmd->rows = odd_number(rnd);
			break;
		case 4:
			cmd->dst_pitch = below(rnd, 2) ? near(rnd, cmd->width) : odd_number(rnd);
			break;
		case 5:
			cmd->src_pitch = below(rnd, 2) ? near(rnd, cmd->width) : odd_number(rnd);
			break;
		case 6:
			cmd->dst_bo = below(rnd, 2) ? NUM_BOS : odd_number(rnd);
			break;
		default:
			cmd->src_bo = below(rnd, 2) ? NUM_BOS : odd_number(rnd);
			break;
		}
	}
}

/* For messages. Tests run one at a time. */
static const char *describe(const struct drm_mmgpu_cmd *cmd)
{
	static char text[256];

	snprintf(text, sizeof(text),
		 "op %u, flags %u, bo %u+%#llx <- %u+%#llx, width %#llx, rows %u, pitches %u, %u, value %llu",
		 cmd->op, cmd->flags, cmd->dst_bo, cmd->dst, cmd->src_bo, cmd->src, cmd->width,
		 cmd->rows, cmd->dst_pitch, cmd->src_pitch, cmd->value);

	return text;
}

#define NUM_CASES	100000
#define NUM_OPS		(MMGPU_OP_DELAY + 1)

static void mmgpu_cmd_test_valid(struct kunit *test)
{
	unsigned int count[NUM_OPS][2] = {};
	struct rnd_state rnd;
	u32 op;
	int i;

	prandom_seed_state(&rnd, 0x636d64);
	for (i = 0; i < NUM_CASES; i++) {
		struct drm_mmgpu_cmd cmd;
		u32 num_bos;
		bool expected;

		random_cmd(&rnd, &cmd);
		num_bos = below(&rnd, 8) ? NUM_BOS : below(&rnd, NUM_BOS);
		expected = oracle_valid(&cmd, num_bos);
		count[cmd.op][expected]++;
		if (mmgpu_cmd_valid(&cmd, mmgpu_cmd_bos, num_bos, MAX_DELAY_NS) != expected)
			KUNIT_FAIL_AND_ABORT(test, "case %d is %s, of %u buffers: %s", i,
					     expected ? "valid" : "invalid", num_bos,
					     describe(&cmd));
		if (!(i % 1024))
			cond_resched();
	}

	/* Chance that makes only one kind would test nothing. */
	KUNIT_EXPECT_EQ(test, count[MMGPU_OP_NOP][false], 0);
	for (op = MMGPU_OP_FILL; op < NUM_OPS; op++) {
		kunit_info(test, "op %u: %u valid, %u invalid\n", op, count[op][true],
			   count[op][false]);
		KUNIT_EXPECT_GT(test, count[op][true], NUM_CASES / 100);
		KUNIT_EXPECT_GT(test, count[op][false], NUM_CASES / 100);
	}
}

static void mmgpu_cmd_test_flags(struct kunit *test)
{
	unsigned int count[2] = {};
	struct rnd_state rnd;
	int i;

	prandom_seed_state(&rnd, 0x666c616773);
	for (i = 0; i < 20000; i++) {
		struct drm_mmgpu_cmd cmd;
		bool expected;

		/* Whatever stands in the other members. */
		prandom_bytes_state(&rnd, &cmd, sizeof(cmd));
		cmd.op = below(&rnd, 16) ? below(&rnd, NUM_OPS + 2) : odd_number(&rnd);
		cmd.flags = below(&rnd, 4);
		cmd.pad = 0;
		if (!below(&rnd, 8))
			cmd.flags |= 1u << below(&rnd, 32);
		if (!below(&rnd, 8))
			cmd.pad = 1u << below(&rnd, 32);

		expected = oracle_flags(&cmd);
		count[expected]++;
		KUNIT_ASSERT_EQ_MSG(test, mmgpu_cmd_flags_valid(&cmd), expected,
				    "case %d: op %u, flags %#x, pad %#x", i, cmd.op, cmd.flags,
				    cmd.pad);
	}
	KUNIT_EXPECT_GT(test, count[true], 2000);
	KUNIT_EXPECT_GT(test, count[false], 2000);
}

/* Whether every byte of every row lies in the buffer. */
static bool oracle_bytes(u64 start, u64 width, u32 rows, u32 pitch, u64 size)
{
	u64 byte;
	u32 row;

	if (!width || !rows || (rows > 1 && pitch < width))
		return false;
	for (row = 0; row < rows; row++)
		for (byte = 0; byte < width; byte++)
			if (start + row * pitch + byte >= size)
				return false;

	return true;
}

static void mmgpu_cmd_test_small(struct kunit *test)
{
	static const struct mmgpu_cmd_bo bos[] = {
		{ .size = 16, .flags = MMGPU_BO_REF_WRITE },
		{ .size = U64_MAX, .flags = MMGPU_BO_REF_READ },
	};
	struct drm_mmgpu_cmd cmd = { .op = MMGPU_OP_FILL };
	unsigned int count[2] = {};

	for (cmd.dst = 0; cmd.dst < 20; cmd.dst++) {
		for (cmd.width = 0; cmd.width < 20; cmd.width++) {
			for (cmd.rows = 0; cmd.rows < 5; cmd.rows++) {
				for (cmd.dst_pitch = 0; cmd.dst_pitch < 12; cmd.dst_pitch++) {
					bool expected = oracle_bytes(cmd.dst, cmd.width, cmd.rows,
								     cmd.dst_pitch, bos[0].size);

					count[expected]++;
					cmd.op = MMGPU_OP_FILL;
					KUNIT_ASSERT_EQ_MSG(test, expected,
							    mmgpu_cmd_valid(&cmd, bos, 2, 0),
							    "%s", describe(&cmd));
					/* The source is always good. */
					cmd.op = MMGPU_OP_COPY;
					cmd.src_bo = 1;
					cmd.src_pitch = 100;
					KUNIT_ASSERT_EQ_MSG(test, expected,
							    mmgpu_cmd_valid(&cmd, bos, 2, 0),
							    "%s", describe(&cmd));
				}
			}
		}
	}
	KUNIT_EXPECT_GT(test, count[true], 1000);
	KUNIT_EXPECT_GT(test, count[false], 1000);
}

/* Where the rule has an edge of its own. */
static void mmgpu_cmd_test_edges(struct kunit *test)
{
	static const struct {
		struct drm_mmgpu_cmd cmd;
		bool valid;
	} cases[] = {
		/* An address range may end with the last byte, not behind it. */
		{ { .op = MMGPU_OP_FILL, .flags = MMGPU_CMD_DST_SVM, .dst = U64_MAX - 7,
		    .width = 8, .rows = 1 }, true },
		{ { .op = MMGPU_OP_FILL, .flags = MMGPU_CMD_DST_SVM, .dst = U64_MAX - 6,
		    .width = 8, .rows = 1 }, false },
		{ { .op = MMGPU_OP_FILL, .flags = MMGPU_CMD_DST_SVM, .dst = 1,
		    .width = U64_MAX, .rows = 1 }, true },
		{ { .op = MMGPU_OP_FILL, .flags = MMGPU_CMD_DST_SVM, .dst = 2,
		    .width = U64_MAX, .rows = 1 }, false },
		{ { .op = MMGPU_OP_TIMESTAMP, .flags = MMGPU_CMD_DST_SVM, .dst = U64_MAX - 7 },
		  true },
		/* The largest extent that rows and pitch can have. */
		{ { .op = MMGPU_OP_FILL, .flags = MMGPU_CMD_DST_SVM, .width = U32_MAX,
		    .rows = U32_MAX, .dst_pitch = U32_MAX }, true },
		{ { .op = MMGPU_OP_FILL, .flags = MMGPU_CMD_DST_SVM, .dst = 0x1ffffffff,
		    .width = U32_MAX, .rows = U32_MAX, .dst_pitch = U32_MAX }, true },
		{ { .op = MMGPU_OP_FILL, .flags = MMGPU_CMD_DST_SVM, .dst = 0x200000000,
		    .width = U32_MAX, .rows = U32_MAX, .dst_pitch = U32_MAX }, false },
		/* A width of more than 32 bits is over every pitch, and fits in one row. */
		{ { .op = MMGPU_OP_FILL, .dst_bo = 4, .width = 1ull << 32, .rows = 2,
		    .dst_pitch = U32_MAX }, false },
		{ { .op = MMGPU_OP_FILL, .dst_bo = 4, .width = 1ull << 63, .rows = 1 }, true },
		{ { .op = MMGPU_OP_FILL, .dst_bo = 4, .width = (1ull << 63) + 1, .rows = 1 },
		  false },
		/* ADD writes, and need not read. */
		{ { .op = MMGPU_OP_ADD, .dst_bo = 1, .dst = SZ_64K - 8 }, true },
		{ { .op = MMGPU_OP_ADD, .dst_bo = 1, .dst = SZ_64K }, false },
		{ { .op = MMGPU_OP_ADD, .dst_bo = 2 }, false },
		{ { .op = MMGPU_OP_ADD, .dst_bo = 1, .dst = 4 }, false },
		{ { .op = MMGPU_OP_ADD, .dst_bo = 1, .dst = U64_MAX - 7 }, false },
		/* What an operation has no use for is not looked at. */
		{ { .op = MMGPU_OP_NOP, .dst_bo = 99, .dst = U64_MAX, .value = U64_MAX }, true },
		{ { .op = MMGPU_OP_DELAY, .dst_bo = 99, .dst = 1, .value = MAX_DELAY_NS }, true },
		{ { .op = MMGPU_OP_DELAY, .value = MAX_DELAY_NS + 1 }, false },
		{ { .op = MMGPU_OP_FILL, .src_bo = 99, .src = U64_MAX, .src_pitch = 0,
		    .width = 8, .rows = 2, .dst_pitch = 8 }, true },
		{ { .op = MMGPU_OP_FILL, .flags = MMGPU_CMD_DST_SVM, .dst_bo = 99, .width = 1,
		    .rows = 1 }, true },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		KUNIT_EXPECT_TRUE_MSG(test, mmgpu_cmd_flags_valid(&cases[i].cmd), "case %d", i);
		KUNIT_EXPECT_EQ_MSG(test, cases[i].valid,
				    mmgpu_cmd_valid(&cases[i].cmd, mmgpu_cmd_bos, NUM_BOS,
						    MAX_DELAY_NS), "case %d: %s", i,
				    describe(&cases[i].cmd));
		/* The oracle must not be wrong in the same way. */
		KUNIT_EXPECT_EQ_MSG(test, cases[i].valid, oracle_valid(&cases[i].cmd, NUM_BOS),
				    "oracle, case %d", i);
	}
}

static struct kunit_case mmgpu_cmd_test_cases[] = {
	KUNIT_CASE(mmgpu_cmd_test_valid),
	KUNIT_CASE(mmgpu_cmd_test_flags),
	KUNIT_CASE(mmgpu_cmd_test_small),
	KUNIT_CASE(mmgpu_cmd_test_edges),
	{}
};

static struct kunit_suite mmgpu_cmd_test_suite = {
	.name = "mmgpu_cmd",
	.test_cases = mmgpu_cmd_test_cases,
};

kunit_test_suite(mmgpu_cmd_test_suite);
