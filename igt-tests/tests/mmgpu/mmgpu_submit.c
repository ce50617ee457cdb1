// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* What the operations do, against the same done by the CPU. */

#include "igt.h"
#include "igt_mmgpu.h"

#include <errno.h>
#include <sys/mman.h>

IGT_TEST_DESCRIPTION("The operations of jobs, compared with a CPU reference.");

#define PAGE	4096ull

static int fd = -1;
static struct igt_mmgpu_rand rnd;

/*
 * Two buffers and what they should hold. Commands are recorded in the job and done at
 * once by the CPU; check() lets the job run and compares every byte.
 */
struct pair {
	uint64_t size;
	uint32_t handle[2];
	uint8_t *map[2];
	uint8_t *expect[2];
	struct igt_mmgpu_job job;
};

static void pair_begin(struct pair *pair)
{
	igt_mmgpu_job_init(&pair->job, 0);
	for (int i = 0; i < 2; i++)
		igt_mmgpu_job_bo(&pair->job, pair->handle[i],
				 MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE);
}

static void pair_init(struct pair *pair, uint64_t size)
{
	pair->size = size;
	for (int i = 0; i < 2; i++) {
		pair->handle[i] = igt_mmgpu_bo_create(fd, size, 0);
		pair->map[i] = igt_mmgpu_bo_map(fd, pair->handle[i], size,
						PROT_READ | PROT_WRITE);
		pair->expect[i] = malloc(size);
		igt_assert(pair->expect[i]);
		igt_mmgpu_rand_bytes(&rnd, pair->expect[i], size);
		memcpy(pair->map[i], pair->expect[i], size);
	}
	pair_begin(pair);
}

static void pair_fini(struct pair *pair)
{
	for (int i = 0; i < 2; i++) {
		munmap(pair->map[i], pair->size);
		igt_mmgpu_bo_close(fd, pair->handle[i]);
		free(pair->expect[i]);
	}
}

static void check(struct pair *pair)
{
	igt_assert_eq(igt_mmgpu_job_run(fd, &pair->job), 0);
	for (int i = 0; i < 2; i++) {
		if (!memcmp(pair->map[i], pair->expect[i], pair->size))
			continue;
		for (uint64_t at = 0; at < pair->size; at++)
			igt_assert_f(pair->map[i][at] == pair->expect[i][at],
				     "buffer %d, byte %#llx: %#x instead of %#x\n", i,
				     (unsigned long long)at, pair->map[i][at],
				     pair->expect[i][at]);
	}
	pair_begin(pair);
}

struct rect {
	uint64_t start;
	uint64_t width;
	uint32_t rows;
	uint32_t pitch;
};

static void fill(struct pair *pair, int buffer, const struct rect *rect, uint64_t value)
{
	struct drm_mmgpu_cmd *cmd = igt_mmgpu_cmd_fill(&pair->job, buffer, rect->start,
						       rect->width, value);

	cmd->rows = rect->rows;
	cmd->dst_pitch = rect->pitch;
	for (uint32_t row = 0; row < rect->rows; row++) {
		uint8_t *line = pair->expect[buffer] + rect->start +
				(uint64_t)row * rect->pitch;

		for (uint64_t i = 0; i < rect->width; i++)
			line[i] = ((uint8_t *)&value)[i % 8];
	}
}

static void copy(struct pair *pair, int dst, const struct rect *to, int src,
		 const struct rect *from)
{
	struct drm_mmgpu_cmd *cmd = igt_mmgpu_cmd_copy(&pair->job, dst, to->start, src,
						       from->start, to->width);

	cmd->rows = to->rows;
	cmd->dst_pitch = to->pitch;
	cmd->src_pitch = from->pitch;
	for (uint32_t row = 0; row < to->rows; row++)
		memmove(pair->expect[dst] + to->start + (uint64_t)row * to->pitch,
			pair->expect[src] + from->start + (uint64_t)row * from->pitch,
			to->width);
}

/* A rectangle of width × rows somewhere in [base, base + size), with any pitch. */
static struct rect place(uint64_t base, uint64_t size, uint64_t width, uint32_t rows)
{
	struct rect rect = { .width = width, .rows = rows };
	uint64_t room = rows > 1 ? (size - width) / (rows - 1) : 0;

	/* Half of them tight or nearly so, where mistakes of one row show. */
	if (rows > 1)
		rect.pitch = igt_mmgpu_rand(&rnd) & 1 ?
			igt_mmgpu_rand_range(&rnd, width, room) :
			igt_mmgpu_rand_range(&rnd, width, room < width + 8 ? room : width + 8);
	rect.start = base + igt_mmgpu_rand_range(&rnd, 0, size - width -
						 (uint64_t)(rows - 1) * rect.pitch);
	return rect;
}

static void shape(uint64_t size, uint64_t *width, uint32_t *rows)
{
	*rows = igt_mmgpu_rand_range(&rnd, 1, 40);
	*width = igt_mmgpu_rand_range(&rnd, 1, size / *rows);
}

/* ---- fill -------------------------------------------------------------------------------- */

static void fill_1d(void)
{
	static const struct rect cases[] = {
		{ 0, 1, 1 }, { 0, 7, 1 }, { 0, 8, 1 }, { 0, 9, 1 }, { 1, 8, 1 }, { 3, 29, 1 },
		{ 4095, 1, 1 }, { 4095, 2, 1 }, { 4090, 4100, 1 }, { 5, 3 * PAGE, 1 },
		{ 8 * PAGE - 1, 1, 1 }, { 0, 8 * PAGE, 1 },
	};
	struct pair pair;

	pair_init(&pair, 8 * PAGE);
	for (size_t i = 0; i < igt_mmgpu_count(cases); i++) {
		fill(&pair, 0, &cases[i], 0x8877665544332211ull + i);
		check(&pair);
	}
	pair_fini(&pair);
}

static void fill_2d(void)
{
	struct pair pair;

	pair_init(&pair, 64 * 1024);
	for (int i = 0; i < 60; i++) {
		uint64_t width;
		struct rect rect;
		uint32_t rows;

		shape(pair.size, &width, &rows);
		rect = place(0, pair.size, width, rows);
		fill(&pair, i & 1, &rect, (uint64_t)igt_mmgpu_rand(&rnd) << 32 | i);
		if (i % 3 == 2)
			check(&pair);
	}
	pair_fini(&pair);
}

/* ---- copy -------------------------------------------------------------------------------- */

static void copy_2d_between(void)
{
	struct pair pair;

	pair_init(&pair, 64 * 1024);
	for (int i = 0; i < 100; i++) {
		struct rect to, from;
		uint64_t width;
		uint32_t rows;

		shape(pair.size, &width, &rows);
		to = place(0, pair.size, width, rows);
		from = place(0, pair.size, width, rows);
		copy(&pair, i & 1, &to, !(i & 1), &from);
		/* Several in one job too: they run in order. */
		if (i % 4 == 3)
			check(&pair);
	}
	pair_fini(&pair);
}

static void copy_2d_within(void)
{
	struct pair pair;

	pair_init(&pair, 64 * 1024);
	for (int i = 0; i < 60; i++) {
		uint64_t half = pair.size / 2;
		struct rect to, from;
		uint64_t width;
		uint32_t rows;

		shape(half, &width, &rows);
		to = place(i & 1 ? half : 0, half, width, rows);
		from = place(i & 1 ? 0 : half, half, width, rows);
		copy(&pair, 0, &to, 0, &from);
		check(&pair);
	}
	pair_fini(&pair);
}

/* Rows of both that lie between each other, and do not overlap. */
static void copy_2d_interleaved(void)
{
	struct rect to = { 100, 100, 50, 200 };
	struct rect from = { 0, 100, 50, 200 };
	struct pair pair;

	pair_init(&pair, 16 * 1024);
	copy(&pair, 0, &to, 0, &from);
	check(&pair);
	pair_fini(&pair);
}

/* Whatever piece size the engine works in, the whole is one memmove(). */
static void copy_overlap(void)
{
	static const uint64_t widths[] = { 1, 8, 100, PAGE, 64 * 1024, 200001 };
	static const int64_t distances[] = {
		0, 1, -1, 7, -7, 8, -8, 100, -100, 4096, -4096, 4097, -65535, 65536, -65537, 99999,
	};
	struct pair pair;

	pair_init(&pair, 512 * 1024);
	for (size_t w = 0; w < igt_mmgpu_count(widths); w++) {
		for (size_t d = 0; d < igt_mmgpu_count(distances); d++) {
			struct rect from = { 120001, widths[w], 1 };
			struct rect to = { from.start + distances[d], widths[w], 1 };

			copy(&pair, 0, &to, 0, &from);
		}
		check(&pair);
	}
	pair_fini(&pair);
}

/* What overlaps in 2-D is undefined, but only there. */
static void copy_2d_overlap(void)
{
	struct pair pair;

	pair_init(&pair, 64 * 1024);
	for (int i = 0; i < 40; i++) {
		struct rect to, from;
		uint64_t width;
		uint32_t rows;

		shape(pair.size / 4, &width, &rows);
		rows = rows < 2 ? 2 : rows;
		width = width > 1000 ? 1000 : width;
		to = place(16 * 1024, 48 * 1024, width, rows);
		from = place(16 * 1024, 48 * 1024, width, rows);
		copy(&pair, 0, &to, 0, &from);
		/* Take over what the job left in the destination, and see to the rest. */
		igt_assert_eq(igt_mmgpu_job_run(fd, &pair.job), 0);
		for (uint32_t row = 0; row < rows; row++) {
			uint64_t at = to.start + (uint64_t)row * to.pitch;

			memcpy(pair.expect[0] + at, pair.map[0] + at, width);
		}
		igt_assert(!memcmp(pair.map[0], pair.expect[0], pair.size));
		igt_assert(!memcmp(pair.map[1], pair.expect[1], pair.size));
		pair_begin(&pair);
	}
	pair_fini(&pair);
}

static void copy_large(void)
{
	struct rect to = { 13, 3 * 1024 * 1024 + 5, 1 };
	struct rect from = { 4091, 3 * 1024 * 1024 + 5, 1 };
	struct pair pair;

	pair_init(&pair, 4 * 1024 * 1024);
	copy(&pair, 1, &to, 0, &from);
	check(&pair);
	pair_fini(&pair);
}

/* ---- add, timestamp, delay, nop ------------------------------------------------------------- */

static void add(void)
{
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	uint64_t *map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ | PROT_WRITE);
	struct igt_mmgpu_job job;

	map[0] = 1;
	map[1] = -1ull;
	map[511] = 0x00000000ffffffffull;
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_add(&job, 0, 0, 41);
	igt_mmgpu_cmd_add(&job, 0, 8, 3);
	igt_mmgpu_cmd_add(&job, 0, PAGE - 8, 1);
	igt_mmgpu_cmd_add(&job, 0, 16, -5ull);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_assert_eq_u64(map[0], 42);
	igt_assert_eq_u64(map[1], 2);
	igt_assert_eq_u64(map[2], -5ull);
	igt_assert_eq_u64(map[3], 0);
	igt_assert_eq_u64(map[511], 0x100000000ull);
	munmap(map, PAGE);
	igt_mmgpu_bo_close(fd, handle);
}

/* Many at once from every engine, with nothing to order them, and from the CPU too. */
static void add_atomic(void)
{
	enum { JOBS = 40, ADDS = 64, CPU = 100000 };
	uint32_t engines = igt_mmgpu_get_param(fd, MMGPU_PARAM_ENGINE_COUNT);
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	uint64_t *map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ | PROT_WRITE);
	uint32_t ctx[16], done[16];

	igt_require_f(engines > 1, "needs a device with two engines\n");
	igt_assert_lte(engines, igt_mmgpu_count(ctx));
	for (uint32_t i = 0; i < engines; i++) {
		ctx[i] = igt_mmgpu_ctx_create(fd, 0, i);
		done[i] = igt_mmgpu_syncobj_create(fd);
	}
	for (int n = 0; n < JOBS; n++) {
		for (uint32_t i = 0; i < engines; i++) {
			struct igt_mmgpu_job job;

			igt_mmgpu_job_init(&job, ctx[i]);
			igt_mmgpu_job_bo(&job, handle,
					 MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC);
			for (int k = 0; k < ADDS; k++)
				igt_mmgpu_cmd_add(&job, 0, 0, 1);
			igt_mmgpu_job_out(&job, done[i], 0);
			igt_mmgpu_job_submit(fd, &job);
		}
	}
	for (int k = 0; k < CPU; k++)
		__atomic_fetch_add(&map[0], 1, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < engines; i++) {
		igt_assert_eq(igt_mmgpu_syncobj_result(fd, done[i]), 0);
		igt_mmgpu_syncobj_destroy(fd, done[i]);
		igt_mmgpu_ctx_destroy(fd, ctx[i]);
	}
	igt_assert_eq_u64(map[0], (uint64_t)JOBS * ADDS * engines + CPU);
	munmap(map, PAGE);
	igt_mmgpu_bo_close(fd, handle);
}

static void timestamp(void)
{
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	uint64_t *map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ);

	for (int n = 0; n < 20; n++) {
		struct igt_mmgpu_job job;
		uint64_t last = igt_mmgpu_now();

		igt_mmgpu_job_init(&job, 0);
		igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
		for (int i = 0; i < 8; i++)
			igt_mmgpu_cmd_timestamp(&job, 0, i * 8);
		igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
		for (int i = 0; i < 8; i++) {
			igt_assert_lte_u64(last, map[i]);
			last = map[i];
		}
		igt_assert_lte_u64(last, igt_mmgpu_now());
		igt_assert_eq_u64(map[8], 0);
	}
	munmap(map, PAGE);
	igt_mmgpu_bo_close(fd, handle);
}

static void delay(void)
{
	static const uint64_t delays[] = { 0, 1, 1000, 1000000, 100000000 };
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	uint64_t *map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ);

	for (size_t i = 0; i < igt_mmgpu_count(delays); i++) {
		struct igt_mmgpu_job job;

		igt_mmgpu_job_init(&job, 0);
		igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
		igt_mmgpu_cmd_timestamp(&job, 0, 0);
		igt_mmgpu_cmd_delay(&job, 0)->value = delays[i];
		igt_mmgpu_cmd_timestamp(&job, 0, 8);
		igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
		igt_assert_lte_u64(delays[i], map[1] - map[0]);
	}
	munmap(map, PAGE);
	igt_mmgpu_bo_close(fd, handle);
}

/* The longest delay is taken, though it would hang: it is cancelled in the queue. */
static void delay_max(void)
{
	uint64_t max = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_DELAY_MS);
	uint32_t ctx = igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY);
	struct igt_mmgpu_gate gate;
	struct igt_mmgpu_job job;
	uint32_t wait, done;

	igt_mmgpu_gate_init(&gate);
	wait = igt_mmgpu_gate_syncobj(&gate, fd);
	done = igt_mmgpu_syncobj_create(fd);
	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_cmd_delay(&job, max);
	igt_mmgpu_job_in(&job, wait, 0);
	igt_mmgpu_job_out(&job, done, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_mmgpu_ctx_destroy(fd, ctx);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, done), -ECANCELED);
	igt_mmgpu_syncobj_destroy(fd, done);
	igt_mmgpu_syncobj_destroy(fd, wait);
	igt_mmgpu_gate_fini(&gate);
}

static void empty(void)
{
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);

	/* With buffers but nothing to do with them it is a barrier. */
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_mmgpu_bo_close(fd, handle);
}

/* count 0: nothing else of the list is looked at. */
static void empty_ignored(void)
{
	struct drm_mmgpu_obj_array junk = { .stride = 3, .count = 0, .array = 0xdead };
	struct drm_mmgpu_submit submit = {
		.cmds = junk,
		.bos = junk,
		.in_syncs = junk,
		.out_syncs = junk,
	};

	igt_assert_eq(__igt_mmgpu_submit(fd, &submit), 0);
	junk.stride = UINT32_MAX;
	junk.array = UINT64_MAX;
	submit.cmds = submit.bos = submit.in_syncs = submit.out_syncs = junk;
	igt_assert_eq(__igt_mmgpu_submit(fd, &submit), 0);
}

/* Members that an operation does not use may hold anything. */
static void unused_members(void)
{
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	uint64_t *map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ);
	static const enum drm_mmgpu_op ops[] = {
		MMGPU_OP_NOP, MMGPU_OP_FILL, MMGPU_OP_COPY, MMGPU_OP_ADD, MMGPU_OP_TIMESTAMP,
		MMGPU_OP_DELAY,
	};

	for (size_t i = 0; i < igt_mmgpu_count(ops); i++) {
		struct igt_mmgpu_job job;
		struct drm_mmgpu_cmd *cmd;

		igt_mmgpu_job_init(&job, 0);
		igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE);
		cmd = igt_mmgpu_cmd(&job, ops[i]);
		memset(cmd, 0xff, sizeof(*cmd));
		cmd->op = ops[i];
		cmd->flags = 0;
		cmd->pad = 0;
		switch (ops[i]) {
		case MMGPU_OP_COPY:
			cmd->src_bo = 0;
			cmd->src = 64;
			/* fallthrough */
		case MMGPU_OP_FILL:
			cmd->width = 8;
			cmd->rows = 1;
			/* Pitches of one row: too small, too large. */
			cmd->dst_pitch = i & 1 ? 0 : UINT32_MAX;
			cmd->src_pitch = i & 1 ? UINT32_MAX : 0;
			/* fallthrough */
		case MMGPU_OP_ADD:
		case MMGPU_OP_TIMESTAMP:
			cmd->dst_bo = 0;
			cmd->dst = i * 8;
			break;
		case MMGPU_OP_DELAY:
			cmd->value = 1;
			break;
		case MMGPU_OP_NOP:
			break;
		}
		igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	}
	igt_assert_eq_u64(map[MMGPU_OP_FILL], -1ull);
	igt_assert_eq_u64(map[MMGPU_OP_COPY], 0);
	igt_assert_eq_u64(map[MMGPU_OP_ADD], -1ull);
	munmap(map, PAGE);
	igt_mmgpu_bo_close(fd, handle);
}

/* Random jobs of all kinds, several commands each. */
static void mixed(void)
{
	struct pair pair;

	pair_init(&pair, 128 * 1024);
	for (int n = 0; n < 60; n++) {
		int count = igt_mmgpu_rand_range(&rnd, 1, 12);

		for (int i = 0; i < count; i++) {
			int dst = igt_mmgpu_rand(&rnd) & 1;
			uint64_t width, at, value = (uint64_t)igt_mmgpu_rand(&rnd) << 32 | n;
			struct rect to, from;
			uint32_t rows;

			shape(pair.size, &width, &rows);
			to = place(0, pair.size, width, rows);
			from = place(0, pair.size, width, rows);
			switch (igt_mmgpu_rand_range(&rnd, 0, 3)) {
			case 0:
				fill(&pair, dst, &to, value);
				break;
			case 1:
				copy(&pair, dst, &to, !dst, &from);
				break;
			case 2:
				at = igt_mmgpu_rand_range(&rnd, 0, pair.size / 8 - 1) * 8;
				igt_mmgpu_cmd_add(&pair.job, dst, at, value);
				*(uint64_t *)(pair.expect[dst] + at) += value;
				break;
			default:
				igt_mmgpu_cmd(&pair.job, MMGPU_OP_NOP);
			}
		}
		check(&pair);
	}
	pair_fini(&pair);
}

int igt_main()
{
	static const struct {
		const char *name;
		const char *describe;
		void (*run)(void);
	} tests[] = {
		{ "empty", "A job without commands is one.", empty },
		{ "empty-ignored", "With count 0 the rest of a list is ignored.", empty_ignored },
		{ "unused-members", "What an operation does not use may hold anything.",
		  unused_members },
		{ "fill-1d", "Fills of all alignments, and nothing beside them.", fill_1d },
		{ "fill-2d", "Random rectangles are filled, and nothing beside them.", fill_2d },
		{ "copy-2d", "Random rectangles copied between two buffers.", copy_2d_between },
		{ "copy-2d-within", "Random rectangles copied inside a buffer.", copy_2d_within },
		{ "copy-2d-interleaved", "Rows of source and destination may alternate.",
		  copy_2d_interleaved },
		{ "copy-2d-overlap", "Overlapping rectangles write nothing outside of the target.",
		  copy_2d_overlap },
		{ "copy-1d-overlap", "Overlapping 1-D copies in both directions are memmove().",
		  copy_overlap },
		{ "copy-large", "A copy of megabytes at odd addresses.", copy_large },
		{ "add", "64-bit additions, modulo 2^64.", add },
		{ "add-atomic", "Additions of all engines and the CPU at once: none is lost.",
		  add_atomic },
		{ "timestamp", "Timestamps lie in order between two looks at the clock.",
		  timestamp },
		{ "delay", "A delay takes at least its time.", delay },
		{ "delay-max", "The longest delay is accepted.", delay_max },
		{ "mixed", "Random jobs of all operations.", mixed },
	};

	igt_fixture() {
		fd = igt_mmgpu_open();
		igt_mmgpu_rand_init(&rnd);
	}

	for (size_t i = 0; i < igt_mmgpu_count(tests); i++) {
		igt_describe(tests[i].describe);
		igt_subtest(tests[i].name)
			tests[i].run();
	}

	igt_fixture()
		close(fd);
}
