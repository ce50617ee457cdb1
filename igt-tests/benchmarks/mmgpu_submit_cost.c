// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * What being bound costs a submission, in instructions: the difference between the same
 * call on a bound and on a legacy file. For QEMU with -icount shift=0, where the time
 * stamp counter counts instructions; scripts/bench starts it like that.
 */

#include <errno.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "igt.h"
#include "igt_mmgpu.h"

IGT_TEST_DESCRIPTION("Instructions of a submission on a bound file and on a legacy file.");

#define ROUNDS		1000
#define WARM_UP		50

/* The contract's limit. */
#define LIMIT		30

#ifdef __x86_64__
static uint64_t instructions(void)
{
	uint32_t low, high;

	asm volatile("rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* Two instructions for each of n rounds. */
static void spend(uint64_t n)
{
	asm volatile("1: dec %0; jnz 1b" : "+r"(n) : : "cc");
}
#else
static uint64_t instructions(void)
{
	return 0;
}

static void spend(uint64_t n)
{
}
#endif

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int64_t median(int64_t *values)
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	return (values[ROUNDS / 2 - 1] + values[ROUNDS / 2]) / 2;
}

/* Whether the counter does count instructions: a known number of them, a few times. */
static bool counts_instructions(void)
{
	const uint64_t n = 100000;

	for (int i = 0; i < 5; i++) {
		uint64_t start = instructions(), used;

		spend(n);
		used = instructions() - start;
		/* A tick in between makes it more. */
		if (used >= 2 * n && used < 2 * n + 16)
			return true;
	}
	return false;
}

struct side {
	int fd;
	struct drm_mmgpu_submit args;
	int64_t count[ROUNDS];
	uint64_t jobs;
};

static int64_t one_call(struct side *side, int expected)
{
	uint64_t start = instructions();
	int ret = ioctl(side->fd, DRM_IOCTL_MMGPU_SUBMIT, &side->args);
	uint64_t used = instructions() - start;

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

	l = median(legacy->count);
	b = median(bound->count);
	printf("%s: legacy %lld, bound %lld, difference %+lld\n", what, (long long)l,
	       (long long)b, (long long)(b - l));
	return b - l;
}

/*
 * Whether the worker that a submission wakes runs at once, in the middle of what is
 * counted, is chance, and costs a hundred times what we look for. It shall wait.
 */
static void stay_on_cpu(void)
{
	struct sched_param param = { .sched_priority = 1 };

	igt_require_f(!sched_setscheduler(0, SCHED_FIFO, &param),
		      "may not run with real-time priority\n");
}

int igt_simple_main()
{
	static struct side legacy, bound;
	int64_t submit, refused;

	legacy.fd = igt_mmgpu_open();
	bound.fd = igt_mmgpu_reopen(legacy.fd);
	igt_mmgpu_bind_mm(bound.fd);
	igt_require_f(counts_instructions(),
		      "no instruction counter: run this by scripts/bench\n");

	stay_on_cpu();
	submit = measure("submission", &legacy, &bound, 0, 0);
	refused = measure("refused submission (unknown context)", &legacy, &bound, 0xabcd, -ENOENT);

	igt_assert_lte_s64(submit, LIMIT);
	igt_assert_lte_s64(refused, LIMIT);
}
