// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include "igt.h"
#include "igt_mmgpu_line.h"
#include "igt_mmgpu_stuck.h"

#define SIZE	4096ul

int __igt_mmgpu_line_init(struct igt_mmgpu_line *line, int fd, uint32_t engine,
			  unsigned int num_ctx, bool svm)
{
	uint64_t engines;
	void *map;
	int ret;

	memset(line, 0, sizeof(*line));
	igt_assert_lte(num_ctx, igt_mmgpu_count(line->ctx));
	line->fd = fd;
	ret = __igt_mmgpu_get_param(fd, MMGPU_PARAM_ENGINE_COUNT, &engines);
	while (!ret && line->num_ctx < num_ctx) {
		if (engine != MMGPU_ENGINE_ANY)
			engine %= engines;
		ret = __igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, engine,
					     &line->ctx[line->num_ctx]);
		line->num_ctx += !ret;
		engine += engine != MMGPU_ENGINE_ANY;
	}
	if (!ret)
		ret = drmSyncobjCreate(fd, 0, &line->points) ? -errno : 0;
	if (!ret)
		ret = __igt_mmgpu_bo_create(fd, SIZE, 0, &line->bo);
	if (ret)
		return ret;

	map = __igt_mmgpu_bo_map(fd, line->bo, 0, PROT_READ | PROT_WRITE);
	if (!map)
		return -errno;
	line->map = map;
	line->notes = line->map + 1;
	if (svm) {
		line->notes = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		igt_assert(line->notes != MAP_FAILED);
	}
	return 0;
}

void igt_mmgpu_line_init(struct igt_mmgpu_line *line, int fd, uint32_t engine,
			 unsigned int num_ctx, bool svm)
{
	igt_assert_eq(__igt_mmgpu_line_init(line, fd, engine, num_ctx, svm), 0);
}

void igt_mmgpu_line_fini(struct igt_mmgpu_line *line)
{
	int ret = 0;

	for (unsigned int i = 0; i < line->num_ctx && !ret; i++)
		ret = __igt_mmgpu_ctx_destroy(line->fd, line->ctx[i]);
	if (!ret && line->points)
		ret = drmSyncobjDestroy(line->fd, line->points) ? -errno : 0;
	if (!ret && line->bo)
		ret = __igt_mmgpu_bo_close(line->fd, line->bo);
	igt_assert_f(!ret || ret == -ENODEV, "giving a line back: %d\n", ret);
	if (!line->map)
		return;
	if (line->notes != line->map + 1)
		munmap(line->notes, SIZE);
	munmap(line->map, SIZE);
}

int __igt_mmgpu_line_push(struct igt_mmgpu_line *line, unsigned int jobs)
{
	const uint32_t flags = MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE |
			       MMGPU_BO_REF_NO_IMPLICIT_SYNC;
	int ret = 0;

	igt_assert_lte_u64(line->pushed + jobs, line->checked + IGT_MMGPU_LINE_MAX);
	while (jobs-- && !ret) {
		uint64_t *note = &line->notes[line->pushed % IGT_MMGPU_LINE_MAX];
		struct igt_mmgpu_job job;

		igt_mmgpu_job_init(&job, line->ctx[line->pushed % line->num_ctx]);
		igt_mmgpu_job_bo(&job, line->bo, flags);
		if (line->notes == line->map + 1)
			igt_mmgpu_cmd_copy(&job, 0, (char *)note - (char *)line->map, 0, 0, 8);
		else
			igt_mmgpu_cmd_svm_write(&job, note, 0, 0, 8);
		igt_mmgpu_cmd_add(&job, 0, 0, 1);
		if (line->num_ctx > 1 && line->pushed)
			igt_mmgpu_job_in(&job, line->points, line->pushed);
		igt_mmgpu_job_out(&job, line->points, line->pushed + 1);
		ret = __igt_mmgpu_job_submit(line->fd, &job);
		line->pushed += !ret;
	}
	return ret;
}

void igt_mmgpu_line_push(struct igt_mmgpu_line *line, unsigned int jobs)
{
	igt_assert_eq(__igt_mmgpu_line_push(line, jobs), 0);
}

/* Not yet checked ones up to there. */
static void check_notes(struct igt_mmgpu_line *line, uint64_t end)
{
	for (; line->checked < end; line->checked++)
		igt_assert_eq_u64(line->notes[line->checked % IGT_MMGPU_LINE_MAX], line->checked);
}

int __igt_mmgpu_line_check(struct igt_mmgpu_line *line)
{
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);
	uint64_t done = 0;
	int ret;

	if (line->pushed) {
		ret = __igt_mmgpu_syncobj_wait(line->fd, line->points, line->pushed, deadline);
		if (ret)
			return ret;
	}
	for (unsigned int i = 0; i < line->num_ctx; i++) {
		struct drm_mmgpu_ctx_query query;

		ret = __igt_mmgpu_ctx_query(line->fd, line->ctx[i], &query);
		if (ret)
			return ret;
		igt_assert_eq_u32(query.status, 0);
		igt_assert_eq_u64(query.hangs, 0);
		igt_assert_eq_u64(query.faults, 0);
		done += query.jobs_done;
	}
	igt_assert_eq_u64(done, line->pushed);
	check_notes(line, line->pushed);
	igt_assert_eq_u64(line->map[0], line->pushed);
	return 0;
}

void igt_mmgpu_line_check(struct igt_mmgpu_line *line)
{
	igt_assert_eq(__igt_mmgpu_line_check(line), 0);
}

uint64_t igt_mmgpu_line_check_cut(struct igt_mmgpu_line *line)
{
	/* The last ones may still be running: each counts itself after it has written. */
	uint64_t ran = *(volatile uint64_t *)line->map;

	igt_assert_lte_u64(line->checked, ran);
	igt_assert_lte_u64(ran, line->pushed);
	check_notes(line, ran);
	return ran;
}

/* ---- processes ------------------------------------------------------------------------------ */

struct worker {
	struct igt_mmgpu_load *load;
	unsigned int index;
};

static int worker_proc(struct igt_mmgpu_proc *self, void *data)
{
	const struct worker *worker = data;
	struct igt_mmgpu_line lines[6];
	int fd = igt_mmgpu_open(), bound = igt_mmgpu_reopen(fd);
	uint64_t engines = igt_mmgpu_get_param(fd, MMGPU_PARAM_ENGINE_COUNT);
	uint32_t engine = worker->index % engines;
	unsigned int n = 0;
	char byte = 0;

	igt_mmgpu_bind_mm(bound);
	igt_mmgpu_line_init(&lines[n++], fd, engine, 1, false);
	igt_mmgpu_line_init(&lines[n++], fd, MMGPU_ENGINE_ANY, 1, false);
	igt_mmgpu_line_init(&lines[n++], fd, engine, 3, false);
	igt_mmgpu_line_init(&lines[n++], bound, (engine + 1) % engines, 1, false);
	igt_mmgpu_line_init(&lines[n++], bound, engine, 1, true);
	igt_mmgpu_line_init(&lines[n++], bound, engine, 2, true);

	for (unsigned int round = 0; !atomic_load(&worker->load->shared->stop); round++) {
		unsigned int jobs = 1 + round * 7 % IGT_MMGPU_LINE_MAX;

		for (unsigned int i = 0; i < n; i++)
			igt_mmgpu_line_push(&lines[i], jobs);
		if (!round)
			igt_mmgpu_send(self->sock, &byte, 1);
		for (unsigned int i = 0; i < n; i++) {
			igt_mmgpu_line_check(&lines[i]);
			atomic_fetch_add(&worker->load->shared->jobs, jobs);
		}
	}
	for (unsigned int i = 0; i < n; i++)
		igt_mmgpu_line_fini(&lines[i]);
	close(fd);
	close(bound);
	return 0;
}

void igt_mmgpu_load_start(struct igt_mmgpu_load *load, unsigned int workers)
{
	char byte;

	igt_assert_lte(workers, IGT_MMGPU_LOAD_MAX);
	load->shared = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(load->shared != MAP_FAILED);
	load->workers = workers;
	for (unsigned int i = 0; i < workers; i++) {
		struct worker worker = { .load = load, .index = i };

		igt_mmgpu_proc_start(&load->procs[i], worker_proc, &worker);
	}
	for (unsigned int i = 0; i < workers; i++)
		igt_mmgpu_recv(load->procs[i].sock, &byte, 1);
}

void igt_mmgpu_load_await(const struct igt_mmgpu_load *load)
{
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);
	unsigned long jobs = atomic_load(&load->shared->jobs);

	while (atomic_load(&load->shared->jobs) == jobs) {
		igt_assert_f(igt_mmgpu_now() < deadline, "the load does not get on\n");
		usleep(1000);
	}
}

unsigned long igt_mmgpu_load_stop(struct igt_mmgpu_load *load)
{
	unsigned long jobs;

	atomic_store(&load->shared->stop, true);
	for (unsigned int i = 0; i < load->workers; i++)
		igt_assert_eq(igt_mmgpu_proc_join(&load->procs[i]), 0);
	jobs = atomic_load(&load->shared->jobs);
	munmap(load->shared, SIZE);
	return jobs;
}
