// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>

#include "igt.h"
#include "igt_mmgpu_busy.h"
#include "igt_mmgpu_race.h"
#include "igt_mmgpu_stuck.h"

int igt_mmgpu_busy_job(struct igt_mmgpu_busy *busy, igt_mmgpu_busy_fn event, bool may_fault)
{
	uint32_t done = igt_mmgpu_syncobj_create(busy->fd);
	struct drm_mmgpu_ctx_query before, after;
	struct igt_mmgpu_job job;
	uint64_t step;
	int status;

	busy->step = 0;
	igt_mmgpu_ctx_query(busy->fd, 0, &before);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_out(&job, done, 0);
	for (step = 1; step <= busy->steps; step++) {
		igt_mmgpu_cmd_svm_fill(&job, (void *)&busy->step, 8, step);
		if (busy->src)
			igt_mmgpu_cmd_svm_copy(&job, busy->dst, busy->src, busy->size);
		else
			igt_mmgpu_cmd_svm_fill(&job, busy->dst, busy->size,
					       step * 0x0101010101010101ull);
	}
	igt_mmgpu_job_submit(busy->fd, &job);
	while (__igt_mmgpu_syncobj_wait(busy->fd, done, 0, 0) == -ETIME) {
		step = busy->step;
		if (!step)
			continue;
		event(busy, step);
		/* It was not over when the event was. */
		if (__igt_mmgpu_syncobj_wait(busy->fd, done, 0, 0) == -ETIME)
			busy->events++;
	}
	status = igt_mmgpu_syncobj_result(busy->fd, done);
	igt_mmgpu_syncobj_destroy(busy->fd, done);

	igt_assert_f(!status || (may_fault && status == -EFAULT), "the job ended with %d\n",
		     status);
	igt_mmgpu_ctx_query(busy->fd, 0, &after);
	igt_assert_eq_u64(after.faults, before.faults + !!status);
	igt_assert_eq_u64(after.jobs_done, before.jobs_done + !status);
	busy->jobs++;
	busy->faults += !!status;
	return status;
}

void igt_mmgpu_busy_check_steps(const uint8_t *mem, size_t size, int *from, int *to)
{
	size_t at = 0;

	*from = mem[0];
	*to = mem[size - 1];
	while (at < size && mem[at] == *from)
		at++;
	while (at < size && mem[at] == *to)
		at++;
	igt_assert_f(at == size, "byte %#zx of %#zx is %u, after %u and before %u\n", at, size,
		     mem[at], *from, *to);
}

bool igt_mmgpu_busy_again(const struct igt_mmgpu_busy *busy, int64_t begin)
{
	int64_t ran = igt_mmgpu_now() - begin;

	if (!busy->events && !busy->faults)
		return ran < 60 * IGT_MMGPU_NSEC_PER_SEC;
	return busy->jobs < 2 || ran < igt_mmgpu_race_seconds() * IGT_MMGPU_NSEC_PER_SEC;
}
