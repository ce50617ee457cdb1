// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * How fast jobs reach plain memory: copies of 64 MiB compared with memcpy() by one thread, and
 * jobs of 4 KiB compared with the same between buffers. Only ratios within one run count: each
 * round measures the reference, the job, and the reference again, and the median of the
 * rounds' ratios is judged. A round in which the reference changed says that the machine had
 * something else to do; it is repeated.
 */

#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_stuck.h"

IGT_TEST_DESCRIPTION("Speed of jobs with CPU addresses, against memcpy() and jobs without.");

#define ROUNDS		11
#define TRIES		40
/* Most that the second measurement of the reference may differ from the first. */
#define STEADY		0.1

#define BIG		(64ul << 20)
#define SMALL		4096
/* Small jobs in a round. */
#define SMALL_JOBS	200

/*
 * An emulator's TLB is a table by the address's lower bits: what lies a power of two apart
 * would fight for the same places.
 */
#define APART		(77 * 4096)

#define READ_WRITE	(MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC)

static int fd;
static uint32_t bo, done;
static uint8_t *src, *dst;

static void new_memory(void)
{
	const size_t size = 2 * BIG + APART;

	src = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(src != MAP_FAILED);
	memset(src, 1, size);
	dst = src + BIG + APART;
}

/* ---- what is measured --------------------------------------------------------------------- */

static int64_t run(struct igt_mmgpu_job *job)
{
	int64_t start = igt_mmgpu_now(), time;

	igt_mmgpu_job_submit(fd, job);
	igt_mmgpu_syncobj_wait(fd, done, 0);
	time = igt_mmgpu_now() - start;
	igt_assert_eq(igt_mmgpu_syncobj_status(fd, done), 1);
	return time;
}

static void init_job(struct igt_mmgpu_job *job)
{
	igt_mmgpu_job_init(job, 0);
	igt_mmgpu_job_bo(job, bo, READ_WRITE);
	igt_mmgpu_job_out(job, done, 0);
}

enum way { MEMCPY, TO_BO, FROM_BO, SVM, BO, WAYS };

static void add_copy(struct igt_mmgpu_job *job, enum way way, size_t size)
{
	switch (way) {
	case TO_BO:
		igt_mmgpu_cmd_svm_read(job, 0, 0, src, size);
		break;
	case FROM_BO:
		igt_mmgpu_cmd_svm_write(job, dst, 0, 0, size);
		break;
	case SVM:
		igt_mmgpu_cmd_svm_copy(job, dst, src, size);
		break;
	default:
		igt_mmgpu_cmd_copy(job, 0, 0, 0, BIG / 2, size);
	}
}

static double copy_big(enum way way)
{
	struct igt_mmgpu_job job;
	int64_t start;

	if (way == MEMCPY) {
		start = igt_mmgpu_now();
		memcpy(dst, src, BIG);
		return igt_mmgpu_now() - start;
	}
	init_job(&job);
	add_copy(&job, way, BIG);
	return run(&job);
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static double median(double *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), compare);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* Of many, as a job is short, and some are hit by a tick. */
static double copy_small(enum way way)
{
	double times[SMALL_JOBS];
	struct igt_mmgpu_job job;

	init_job(&job);
	add_copy(&job, way, SMALL);
	for (unsigned int i = 0; i < SMALL_JOBS; i++)
		times[i] = run(&job);
	return median(times, SMALL_JOBS);
}

/* ---- the contents, once ------------------------------------------------------------------- */

/* A copy that is fast because it does nothing shall not win. */
static void assert_copies(enum way way, uint8_t value)
{
	volatile uint8_t *map = igt_mmgpu_bo_map(fd, bo, 0, PROT_READ | PROT_WRITE);
	const volatile uint8_t *at = way == TO_BO ? map : dst;

	memset(src, value, BIG);
	memset(dst, 0, BIG);
	memset((void *)map, way == FROM_BO ? value : 0, BIG);
	copy_big(way);
	for (size_t i = 0; i < BIG; i += 1021)
		igt_assert_eq_u32(at[i], value);
	igt_assert_eq_u32(at[BIG - 1], value);
	munmap((void *)map, BIG);
}

/* ---- the limits ---------------------------------------------------------------------------- */

struct subject {
	const char *what;
	enum way way;
	/* Limit of the ratio, reference to job. */
	double limit;
};

/* Prints the median of the ratios; whether it is within the limit. */
static bool measure(const struct subject *subject, enum way reference,
		    double (*time_of)(enum way way), bool at_least)
{
	double ratios[ROUNDS], references[ROUNDS], ratio;
	unsigned int n = 0, tries = 0;
	bool good;

	for (; n < ROUNDS && tries < TRIES; tries++) {
		double before = time_of(reference), job = time_of(subject->way);
		double after = time_of(reference);

		if (before > after * (1 + STEADY) || after > before * (1 + STEADY))
			continue;
		references[n] = (before + after) / 2;
		ratios[n] = at_least ? references[n] / job : job / references[n];
		n++;
	}
	if (n < ROUNDS) {
		printf("%s: the machine is too busy, %u of %u rounds were steady\n", subject->what,
		       n, tries);
		return false;
	}

	ratio = median(ratios, n);
	good = at_least ? ratio >= subject->limit : ratio <= subject->limit;
	printf("%s: %.2f (%.2f to %.2f in %u of %u rounds, reference %.0f us), %s %.1f%s\n",
	       subject->what, ratio, ratios[0], ratios[n - 1], n, tries,
	       median(references, n) / 1000, at_least ? "at least" : "at most", subject->limit,
	       good ? "" : ": MISSED");
	return good;
}

int igt_simple_main()
{
	static const struct subject copies[] = {
		{ "64 MiB, memory to buffer, in the speed of memcpy()", TO_BO, 0.9 },
		{ "64 MiB, buffer to memory, in the speed of memcpy()", FROM_BO, 0.9 },
		{ "64 MiB, memory to memory, in the speed of memcpy()", SVM, 0.5 },
	}, jobs[] = {
		{ "4 KiB, memory to buffer, in the time of a job on buffers", TO_BO, 1.5 },
		{ "4 KiB, buffer to memory, in the time of a job on buffers", FROM_BO, 1.5 },
		{ "4 KiB, memory to memory, in the time of a job on buffers", SVM, 1.5 },
	};
	bool good = true;

	fd = igt_mmgpu_open();
	igt_require_f(igt_mmgpu_get_param(fd, MMGPU_PARAM_SVM), "svm=0\n");
	igt_mmgpu_bind_mm(fd);
	done = igt_mmgpu_syncobj_create(fd);
	bo = igt_mmgpu_bo_create(fd, BIG, 0);
	new_memory();

	for (unsigned int i = 0; i < igt_mmgpu_count(copies); i++) {
		assert_copies(copies[i].way, 3 + i);
		good &= measure(&copies[i], MEMCPY, copy_big, true);
	}
	for (unsigned int i = 0; i < igt_mmgpu_count(jobs); i++)
		good &= measure(&jobs[i], BO, copy_small, false);
	igt_assert(good);
}
