// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * What being bound costs a submission, in instructions: the difference between the same
 * call on a bound and on a legacy file. For QEMU with -icount shift=0, where the time
 * stamp counter counts instructions; scripts/bench starts it like that.
 */

#include <errno.h>
#include <sys/ioctl.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_cost.h"

IGT_TEST_DESCRIPTION("Instructions of a submission on a bound file and on a legacy file.");

#define ROUNDS		1000
#define WARM_UP		50

/* The contract's limit. */
#define LIMIT		30

struct side {
	int fd;
	struct drm_mmgpu_submit args;
	int64_t count[ROUNDS];
	uint64_t jobs;
};

static int64_t one_call(struct side *side, int expected)
{
	uint64_t start = igt_mmgpu_instructions();
	int ret = ioctl(side->fd, DRM_IOCTL_MMGPU_SUBMIT, &side->args);
	uint64_t used = igt_mmgpu_instructions() - start;

	igt_assert_eq(ret ? -errno : 0, expected);
	return used;
}

/* Until all jobs are done and the engine sleeps, so that each call meets the same. */
static void settle(struct side *side)
{
	struct drm_mmgpu_ctx_query query;
	struct timespec pause = { .tv_nsec = 100000 };

	do {
		nanosleep(&pause, NULL);
		igt_mmgpu_ctx_query(side->fd, 0, &query);
	} while (query.jobs_done < side->jobs);
}

static int64_t measure(const char *what, struct side *legacy, struct side *bound,
		       uint32_t ctx_id, int expected)
{
	struct side *sides[2] = { legacy, bound };
	int64_t l, b;

	for (int i = 0; i < 2; i++)
		sides[i]->args = (struct drm_mmgpu_submit){ .ctx_id = ctx_id };

	for (int i = -WARM_UP; i < ROUNDS; i++) {
		for (int j = 0; j < 2; j++) {
			/* Now this one first, now that one. */
			struct side *side = sides[(i + j) & 1];
			int64_t count = one_call(side, expected);

			if (!expected) {
				side->jobs++;
				settle(side);
			}
			if (i >= 0)
				side->count[i] = count;
		}
	}

	l = igt_mmgpu_median(legacy->count, ROUNDS);
	b = igt_mmgpu_median(bound->count, ROUNDS);
	printf("%s: legacy %lld, bound %lld, difference %+lld\n", what, (long long)l,
	       (long long)b, (long long)(b - l));
	return b - l;
}

int igt_simple_main()
{
	static struct side legacy, bound;
	int64_t submit, refused;

	legacy.fd = igt_mmgpu_open();
	bound.fd = igt_mmgpu_reopen(legacy.fd);
	igt_mmgpu_bind_mm(bound.fd);
	igt_require_f(igt_mmgpu_counts_instructions(),
		      "no instruction counter: run this by scripts/bench\n");

	igt_mmgpu_stay_on_cpu();
	submit = measure("submission", &legacy, &bound, 0, 0);
	refused = measure("refused submission (unknown context)", &legacy, &bound, 0xabcd, -ENOENT);

	igt_assert_lte_s64(submit, LIMIT);
	igt_assert_lte_s64(refused, LIMIT);
}
