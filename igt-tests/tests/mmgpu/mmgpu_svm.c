// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Jobs that name CPU addresses, against a reference: every operation with every kind of
 * operand, at random places of memory of all kinds. MMGPU_SEED gives a run again.
 */

#include <errno.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_arena.h"
#include "igt_mmgpu_small.h"

IGT_TEST_DESCRIPTION("Commands on CPU addresses.");

#define BO_SIZE		(1ul << 20)
/* What the driver copies at once. */
#define CHUNK		65536ul
#define DST		MMGPU_CMD_DST_SVM
#define SRC		MMGPU_CMD_SRC_SVM
#define REF(flags)	((flags) | MMGPU_BO_REF_NO_IMPLICIT_SYNC)

#define ROUNDS		(igt_mmgpu_is_slow() ? 1 : 2)

enum { JOBS = 25, MAX_CMDS = 8 };

/* Of a place: BO 0 is written and read, BO 1 read only, and the third is the arena. */
enum { BO_RW, BO_READ, ARENA, PLACES };

static int fd = -1;
static struct igt_mmgpu_rand rnd;
static struct igt_mmgpu_arena arena;
static uint32_t bo[2];
static uint8_t *map[2];
static uint8_t *want[PLACES];

/* A time that a job took, and where it put it. */
struct stamp {
	int place;
	uint64_t at;
};

struct test {
	struct igt_mmgpu_job job;
	int64_t begin;
	unsigned int num_stamps;
	struct stamp stamps[MAX_CMDS];
	/* What was written, to be compared when the job is over. */
	unsigned int num_written;
	struct {
		int place;
		uint64_t at;
		uint64_t size;
	} written[MAX_CMDS];
};

static uint8_t *memory(int place)
{
	return place == ARENA ? arena.mem : map[place];
}

static uint64_t size_of(int place)
{
	return place == ARENA ? arena.size : BO_SIZE;
}

/* How far a command goes in a place. */
static uint64_t extent(uint64_t width, uint32_t rows, uint32_t pitch)
{
	return (rows - 1) * (uint64_t)pitch + width;
}

static uint64_t pick(int place, uint64_t size, bool write)
{
	if (place == ARENA)
		return igt_mmgpu_arena_pick(&arena, size, write);
	return igt_mmgpu_rand_range(&rnd, 0, BO_SIZE - size);
}

/* From single bytes to some chunks, and often next to a round number. */
static uint64_t pick_width(uint64_t max)
{
	static const uint64_t round[] = { 8, 64, 4096, 8192, CHUNK, 2 * CHUNK, 5 * CHUNK };
	uint64_t width = round[igt_mmgpu_rand(&rnd) % igt_mmgpu_count(round)];

	if (igt_mmgpu_rand(&rnd) % 2)
		width += igt_mmgpu_rand_range(&rnd, 0, 16) - 8;
	else
		width = igt_mmgpu_rand_range(&rnd, 1, width);
	return width < 1 ? 1 : width > max ? max : width;
}

static void set_rows(struct drm_mmgpu_cmd *cmd)
{
	cmd->rows = igt_mmgpu_rand_range(&rnd, 2, 40);
	cmd->width = pick_width(3 * 4096);
	cmd->dst_pitch = cmd->width + igt_mmgpu_rand_range(&rnd, 0, 5000);
	cmd->src_pitch = cmd->width + igt_mmgpu_rand_range(&rnd, 0, 5000);
}

static void set_row(struct drm_mmgpu_cmd *cmd)
{
	cmd->rows = 1;
	cmd->width = pick_width(BO_SIZE / 2);
	/* One row ignores them. */
	cmd->dst_pitch = igt_mmgpu_rand(&rnd);
	cmd->src_pitch = igt_mmgpu_rand(&rnd);
}

static void set_dst(struct drm_mmgpu_cmd *cmd, int place, uint64_t at)
{
	cmd->dst_bo = place == ARENA ? 99 : place;
	cmd->dst = place == ARENA ? (uintptr_t)arena.mem + at : at;
	if (place == ARENA)
		cmd->flags |= DST;
}

static void set_src(struct drm_mmgpu_cmd *cmd, int place, uint64_t at)
{
	cmd->src_bo = place == ARENA ? 99 : place;
	cmd->src = place == ARENA ? (uintptr_t)arena.mem + at : at;
	if (place == ARENA)
		cmd->flags |= SRC;
}

static void note(struct test *test, int place, uint64_t at, uint64_t size)
{
	test->written[test->num_written].place = place;
	test->written[test->num_written].at = at;
	test->written[test->num_written++].size = size;
}

/* ---- commands, and what they should do ------------------------------------------------------ */

static void fill(struct test *test, int dst, int unused, bool rows)
{
	struct drm_mmgpu_cmd *cmd = igt_mmgpu_cmd(&test->job, MMGPU_OP_FILL);
	uint64_t at, size;

	rows ? set_rows(cmd) : set_row(cmd);
	cmd->value = igt_mmgpu_rand_range(&rnd, 0, UINT64_MAX);
	size = extent(cmd->width, cmd->rows, rows ? cmd->dst_pitch : 0);
	at = pick(dst, size, true);
	set_dst(cmd, dst, at);
	note(test, dst, at, size);
	for (uint32_t row = 0; row < cmd->rows; row++, at += cmd->dst_pitch)
		for (uint64_t i = 0; i < cmd->width; i++)
			want[dst][at + i] = cmd->value >> 8 * (i % 8);
}

/* One row may overlap with itself, more may not. */
static void copy(struct test *test, int dst, int src, bool rows)
{
	struct drm_mmgpu_cmd *cmd = igt_mmgpu_cmd(&test->job, MMGPU_OP_COPY);
	uint64_t to, from, dst_size, src_size;

	do {
		rows ? set_rows(cmd) : set_row(cmd);
		dst_size = extent(cmd->width, cmd->rows, rows ? cmd->dst_pitch : 0);
		src_size = extent(cmd->width, cmd->rows, rows ? cmd->src_pitch : 0);
		to = pick(dst, dst_size, true);
		from = pick(src, src_size, false);
		/* Near enough to overlap, which random places seldom are. */
		if (!rows && dst == src && igt_mmgpu_rand(&rnd) % 2) {
			from = to + igt_mmgpu_rand_range(&rnd, 0, 2 * cmd->width) - cmd->width;
			if (from > size_of(src) - src_size)
				from = to;
		}
	} while (rows && dst == src && to < from + src_size && from < to + dst_size);

	set_dst(cmd, dst, to);
	set_src(cmd, src, from);
	note(test, dst, to, dst_size);
	for (uint32_t row = 0; row < cmd->rows; row++) {
		memmove(want[dst] + to, want[src] + from, cmd->width);
		to += cmd->dst_pitch;
		from += cmd->src_pitch;
	}
}

/* Whether another time goes to the same place. */
static bool stamped(const struct test *test, const struct stamp *stamp)
{
	for (const struct stamp *other = test->stamps; other < stamp; other++)
		if (other->at == stamp->at)
			return true;
	return false;
}

static void timestamp(struct test *test, int dst, int unused, bool rows)
{
	struct stamp *stamp = &test->stamps[test->num_stamps++];

	stamp->place = dst;
	do
		stamp->at = (pick(dst, 16, true) + 7) & ~7ull;
	while (stamped(test, stamp));
	set_dst(igt_mmgpu_cmd(&test->job, MMGPU_OP_TIMESTAMP), dst, stamp->at);
}

static void add(struct test *test, int dst, int unused, bool rows)
{
	uint64_t at = (pick(dst, 16, true) + 7) & ~7ull;
	uint64_t value = igt_mmgpu_rand_range(&rnd, 0, UINT64_MAX), sum;

	igt_mmgpu_cmd_add(&test->job, dst, at, value);
	memcpy(&sum, want[dst] + at, sizeof(sum));
	sum += value;
	memcpy(want[dst] + at, &sum, sizeof(sum));
	note(test, dst, at, sizeof(sum));
}

/* ---- jobs of such commands -------------------------------------------------------------------- */

static const struct kind {
	const char *name;
	void (*cmd)(struct test *test, int dst, int src, bool rows);
	int dst;
	int src;
	bool rows;
} kinds[] = {
	{ "fill", fill, ARENA, -1, false },
	{ "fill-2d", fill, ARENA, -1, true },
	{ "copy", copy, ARENA, ARENA, false },
	{ "copy-2d", copy, ARENA, ARENA, true },
	{ "copy-from-bo", copy, ARENA, BO_READ, false },
	{ "copy-from-bo-2d", copy, ARENA, BO_READ, true },
	{ "copy-to-bo", copy, BO_RW, ARENA, false },
	{ "copy-to-bo-2d", copy, BO_RW, ARENA, true },
	{ "timestamp", timestamp, ARENA, -1, false },
	/* Without CPU addresses, to be mixed with the others. */
	{ NULL, copy, BO_RW, BO_READ, false },
	{ NULL, copy, BO_RW, BO_RW, false },
	{ NULL, copy, BO_RW, BO_READ, true },
	{ NULL, fill, BO_RW, -1, false },
	{ NULL, fill, BO_RW, -1, true },
	{ NULL, add, BO_RW, -1, false },
};

static void check_stamps(struct test *test)
{
	uint64_t last = test->begin;

	for (unsigned int i = 0; i < test->num_stamps; i++) {
		const struct stamp *stamp = &test->stamps[i];
		uint64_t time;

		memcpy(&time, memory(stamp->place) + stamp->at, sizeof(time));
		igt_assert_lte_s64(last, time);
		memcpy(want[stamp->place] + stamp->at, &time, sizeof(time));
		last = time;
	}
	igt_assert_lte_s64(last, igt_mmgpu_now());
}

static void run(struct test *test)
{
	test->begin = igt_mmgpu_now();
	igt_assert_eq(igt_mmgpu_job_run(fd, &test->job), 0);
	check_stamps(test);
	for (unsigned int i = 0; i < test->num_written; i++) {
		uint64_t at = test->written[i].at, size = test->written[i].size;
		int place = test->written[i].place;

		if (place == ARENA)
			igt_mmgpu_arena_check(&arena, at, size);
		else
			igt_mmgpu_arena_compare("BO", map[place] + at, want[place] + at, size);
	}
}

static void fresh(void)
{
	igt_mmgpu_arena_layout(&arena);
	for (int i = 0; i < 2; i++) {
		igt_mmgpu_arena_noise(&rnd, want[i], BO_SIZE);
		memcpy(map[i], want[i], BO_SIZE);
	}
}

static void begin(struct test *test)
{
	test->num_stamps = 0;
	test->num_written = 0;
	igt_mmgpu_job_init(&test->job, 0);
	igt_mmgpu_job_bo(&test->job, bo[BO_RW], REF(MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE));
	igt_mmgpu_job_bo(&test->job, bo[BO_READ], REF(MMGPU_BO_REF_READ));
}

/* A NULL for commands of all kinds in one job. */
static void random_jobs(const struct kind *only)
{
	static struct test test;
	int rounds = ROUNDS;

	while (rounds--) {
		fresh();
		for (int i = 0; i < JOBS; i++) {
			unsigned int cmds = igt_mmgpu_rand_range(&rnd, 1, MAX_CMDS);

			begin(&test);
			for (unsigned int j = 0; j < cmds; j++) {
				const struct kind *kind = only;

				if (!kind)
					kind = &kinds[igt_mmgpu_rand(&rnd) %
						      igt_mmgpu_count(kinds)];
				/* What a time stamp wrote cannot be known before. */
				if (!only && kind->cmd == timestamp)
					continue;
				kind->cmd(&test, kind->dst, kind->src, kind->rows);
			}
			run(&test);
			if (!(igt_mmgpu_rand(&rnd) % 4))
				igt_mmgpu_arena_cool(&arena);
		}
		/* And that nothing else was touched. */
		igt_mmgpu_arena_check(&arena, 0, arena.size);
		for (int i = 0; i < 2; i++)
			igt_mmgpu_arena_compare("BO", map[i], want[i], BO_SIZE);
	}
}

/* ---- places that are worth a look, each one ------------------------------------------------- */

static void one_copy(int dst, uint64_t to, int src, uint64_t from, uint64_t width)
{
	static struct test test;
	struct drm_mmgpu_cmd *cmd;

	begin(&test);
	cmd = igt_mmgpu_cmd(&test.job, MMGPU_OP_COPY);
	cmd->width = width;
	cmd->rows = 1;
	set_dst(cmd, dst, to);
	set_src(cmd, src, from);
	memmove(want[dst] + to, want[src] + from, width);
	/* A byte on each side, too. */
	note(&test, dst, to - 1, width + 2);
	run(&test);
}

/* Across the end of a page and of a chunk, by every few bytes. */
static void borders(void)
{
	static const uint64_t border[] = { 3 * 4096, CHUNK + 4096, IGT_MMGPU_HUGE };

	fresh();
	for (unsigned int i = 0; i < igt_mmgpu_count(border); i++) {
		for (uint64_t before = 0; before < 10; before++) {
			uint64_t at = border[i] - before;
			uint64_t width = before + igt_mmgpu_rand_range(&rnd, 1, 9);
			uint64_t other = igt_mmgpu_rand_range(&rnd, 1, 4096);

			if (!igt_mmgpu_arena_writable(&arena, at - 1, width + 2))
				continue;
			one_copy(ARENA, at, BO_READ, other, width);
			one_copy(BO_RW, other, ARENA, at, width);
			one_copy(ARENA, at, ARENA, 3 * IGT_MMGPU_HUGE - before, width);
		}
	}
	igt_mmgpu_arena_check(&arena, 0, arena.size);
}

/* As memmove() does, in both directions, by distances around all that is special. */
static void overlap(void)
{
	static const uint64_t distances[] = {
		1, 2, 7, 8, 9, 63, 64, 65, 4095, 4096, 4097, 10000,
		CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK - 8, 3 * CHUNK + 5,
	};

	uint64_t at;

	for (unsigned int i = 0; i < igt_mmgpu_count(distances); i++) {
		uint64_t distance = distances[i];
		uint64_t widths[] = { distance + 1, distance + 15, distance + 3 * CHUNK + 77 };

		/* Also where neither end is there yet. */
		if (i % 6 == 0)
			fresh();
		for (unsigned int j = 0; j < igt_mmgpu_count(widths); j++) {
			at = igt_mmgpu_arena_pick(&arena, widths[j] + distance + 2, true) + 1;
			one_copy(ARENA, at, ARENA, at + distance, widths[j]);
			one_copy(ARENA, at + distance, ARENA, at, widths[j]);
		}
	}
	one_copy(ARENA, at, ARENA, at, CHUNK + 1);
	igt_mmgpu_arena_check(&arena, 0, arena.size);
}

/* As many as a job may have, each on a page that is not there yet. */
static void many(void)
{
	uint64_t max = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_CMDS);
	uint8_t *mem = mmap(NULL, max * 4096, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct drm_mmgpu_cmd *cmds = calloc(max, sizeof(*cmds));
	struct igt_mmgpu_job job;

	igt_assert(mem != MAP_FAILED && cmds);
	madvise(mem, max * 4096, MADV_NOHUGEPAGE);
	igt_mmgpu_job_init(&job, 0);
	for (uint64_t i = 0; i < max; i++) {
		/* Each copies what the one before it wrote. */
		cmds[i].op = i ? MMGPU_OP_COPY : MMGPU_OP_FILL;
		cmds[i].flags = i ? DST | SRC : DST;
		cmds[i].dst = (uintptr_t)mem + i * 4096 + i;
		cmds[i].src = cmds[i].dst - 4097;
		cmds[i].width = 8;
		cmds[i].rows = 1;
		cmds[i].value = 0x1122334455667788ull;
	}
	job.submit.cmds.array = (uintptr_t)cmds;
	job.submit.cmds.count = max;
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	for (uint64_t i = 0; i < max; i++)
		igt_assert(!memcmp(mem + i * 4096 + i, &cmds[0].value, 8));
	munmap(mem, max * 4096);
	free(cmds);
}

int igt_main()
{
	igt_fixture() {
		fd = igt_mmgpu_open();
		igt_require_f(igt_mmgpu_get_param(fd, MMGPU_PARAM_SVM), "the module has svm=0\n");
		igt_mmgpu_bind_mm(fd);
		igt_mmgpu_rand_init(&rnd);
		igt_mmgpu_arena_init(&arena, fd, &rnd);
		want[ARENA] = arena.want;
		for (int i = 0; i < 2; i++) {
			bo[i] = igt_mmgpu_bo_create(fd, BO_SIZE, 0);
			map[i] = igt_mmgpu_bo_map(fd, bo[i], 0, PROT_READ | PROT_WRITE);
			want[i] = malloc(BO_SIZE);
			igt_assert(want[i]);
		}
	}

	for (size_t i = 0; i < igt_mmgpu_count(kinds); i++) {
		if (!kinds[i].name)
			continue;
		igt_describe("Random commands of one kind.");
		igt_subtest(kinds[i].name)
			random_jobs(&kinds[i]);
	}

	igt_describe("Random commands of all kinds in one job, buffer objects among them.");
	igt_subtest("mixed")
		random_jobs(NULL);

	igt_describe("Copies across the ends of pages and mappings.");
	igt_subtest("borders")
		borders();

	igt_describe("Copies onto themselves, as memmove() does it.");
	igt_subtest("overlap")
		overlap();

	igt_describe("As many commands as a job may have.");
	igt_subtest("many")
		many();

	igt_fixture() {
		igt_mmgpu_arena_fini(&arena);
		for (int i = 0; i < 2; i++) {
			munmap(map[i], BO_SIZE);
			free(want[i]);
		}
		close(fd);
	}
}
