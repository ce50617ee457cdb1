// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* SUBMIT, with all kinds of commands, buffers and syncobjs. */

#include <errno.h>
#include <sys/ioctl.h>

#include "igt.h"
#include "igt_mmgpu_calls.h"
#include "igt_mmgpu_stuck.h"

/* Of a file whose first job names CPU addresses. */
#define SVM_SIZE	8192
#define SVM_FILL	0x77

static void set_lists(struct igt_mmgpu_world *w, struct drm_mmgpu_submit *a)
{
	const size_t arrays[] = {
		offsetof(struct drm_mmgpu_submit, cmds), offsetof(struct drm_mmgpu_submit, bos),
		offsetof(struct drm_mmgpu_submit, in_syncs),
		offsetof(struct drm_mmgpu_submit, out_syncs),
	};

	for (unsigned int i = 0; i < igt_mmgpu_count(arrays); i++) {
		struct drm_mmgpu_obj_array *array = (void *)((char *)a + arrays[i]);

		if (array->count)
			igt_mmgpu_call_list(w, a, arrays[i] + offsetof(struct drm_mmgpu_obj_array,
								       array),
					    (void *)(uintptr_t)array->array,
					    (size_t)array->count * array->stride, false);
	}
}

static void begin(struct igt_mmgpu_world *w, struct igt_mmgpu_refusal *refusal, void *args)
{
	w->jobs = igt_mmgpu_refusal_before(refusal);
	memcpy(args, &refusal->job.submit, sizeof(refusal->job.submit));
	set_lists(w, args);
}

/* ---- buffers and syncobjs of all kinds -------------------------------------------------- */

static void submit_begin(struct igt_mmgpu_world *w, void *args)
{
	igt_mmgpu_refusal_reset(&w->job);
	begin(w, &w->job, args);
}

/* Another call follows. */
static bool submit_unchanged(struct igt_mmgpu_world *w, void *args)
{
	igt_mmgpu_refusal_after(&w->job, w->jobs);
	w->jobs++;
	return true;
}

static void submit_end(struct igt_mmgpu_world *w, void *args)
{
	igt_mmgpu_refusal_accepted(&w->job);
}

/* As a newer program would, whose structures are larger. */
static void submit_wide_begin(struct igt_mmgpu_world *w, void *args)
{
	struct igt_mmgpu_job *job = &w->job.job;
	struct drm_mmgpu_obj_array *arrays[] = {
		&job->submit.cmds, &job->submit.bos, &job->submit.in_syncs, &job->submit.out_syncs,
	};
	uint8_t *wide = w->memory;

	igt_mmgpu_refusal_reset(&w->job);
	for (unsigned int i = 0; i < igt_mmgpu_count(arrays); i++) {
		struct drm_mmgpu_obj_array *array = arrays[i];
		const uint8_t *from = (void *)(uintptr_t)array->array;
		uint32_t stride = array->stride + 8;

		memset(wide, 0, (size_t)array->count * stride);
		for (uint32_t n = 0; n < array->count; n++)
			memcpy(wide + (size_t)n * stride, from + (size_t)n * array->stride,
			       array->stride);
		array->array = (uintptr_t)wide;
		array->stride = stride;
		wide += (size_t)array->count * stride;
	}
	begin(w, &w->job, args);
}

/* Buffers that no job has used yet: they are populated. */
static void submit_first_begin(struct igt_mmgpu_world *w, void *args)
{
	igt_mmgpu_refusal_reset(&w->job);
	for (int i = 0; i < 2; i++) {
		w->temp[i] = igt_mmgpu_bo_create(w->fd, IGT_MMGPU_REFUSAL_SIZE, 0);
		w->job.job.bos[i].handle = w->temp[i];
	}
	w->job.next_handle = igt_mmgpu_next_handle(w->fd);
	begin(w, &w->job, args);
}

static void submit_first_end(struct igt_mmgpu_world *w, void *args)
{
	submit_end(w, args);
	for (int i = 0; i < 2; i++)
		igt_mmgpu_bo_close(w->fd, w->temp[i]);
	w->job.next_handle = igt_mmgpu_next_handle(w->fd);
}

/* It reads a buffer of another driver. */
static void submit_import_begin(struct igt_mmgpu_world *w, void *args)
{
	struct igt_mmgpu_job first;

	igt_mmgpu_refusal_reset(&w->job);
	w->temp[0] = igt_mmgpu_import(w->fd, w->vgem_dmabuf);
	w->job.job.bos[1].handle = w->temp[0];
	/* dma-buf core warns if the exporter has no memory to map it: not this time. */
	igt_mmgpu_job_init(&first, 0);
	igt_mmgpu_job_bo(&first, w->temp[0], MMGPU_BO_REF_READ);
	igt_assert_eq(igt_mmgpu_job_run(w->fd, &first), 0);
	w->job.next_handle = igt_mmgpu_next_handle(w->fd);
	begin(w, &w->job, args);
}

static void submit_import_end(struct igt_mmgpu_world *w, void *args)
{
	submit_end(w, args);
	igt_mmgpu_bo_close(w->fd, w->temp[0]);
	w->job.next_handle = igt_mmgpu_next_handle(w->fd);
}

/* More fences to wait for than the driver's list has room for at first. */
static void submit_waits_begin(struct igt_mmgpu_world *w, void *args)
{
	igt_mmgpu_refusal_reset(&w->job);
	igt_mmgpu_gate_init(&w->gate);
	w->temp[0] = igt_mmgpu_gate_syncobj(&w->gate, w->fd);
	for (int i = 0; i < 20; i++)
		igt_mmgpu_job_in(&w->job.job, w->temp[0], 0);
	begin(w, &w->job, args);
}

static void submit_waits_end(struct igt_mmgpu_world *w, void *args)
{
	igt_mmgpu_gate_open(&w->gate);
	submit_end(w, args);
	igt_mmgpu_syncobj_destroy(w->fd, w->temp[0]);
	igt_mmgpu_gate_fini(&w->gate);
}

/* A fence of a buffer to wait for. */
static void submit_busy_begin(struct igt_mmgpu_world *w, void *args)
{
	struct igt_mmgpu_job first;

	igt_mmgpu_refusal_reset(&w->job);
	igt_mmgpu_gate_init(&w->gate);
	w->temp[0] = igt_mmgpu_gate_syncobj(&w->gate, w->fd);
	w->temp[1] = igt_mmgpu_bo_create(w->fd, IGT_MMGPU_REFUSAL_SIZE, 0);
	igt_mmgpu_job_init(&first, 0);
	igt_mmgpu_job_in(&first, w->temp[0], 0);
	igt_mmgpu_job_bo(&first, w->temp[1], MMGPU_BO_REF_WRITE);
	igt_mmgpu_job_submit(w->fd, &first);
	igt_mmgpu_job_bo(&w->job.job, w->temp[1], MMGPU_BO_REF_WRITE);
	w->job.next_handle = igt_mmgpu_next_handle(w->fd);
	begin(w, &w->job, args);
}

static void submit_busy_end(struct igt_mmgpu_world *w, void *args)
{
	submit_waits_end(w, args);
	igt_mmgpu_bo_close(w->fd, w->temp[1]);
	w->job.next_handle = igt_mmgpu_next_handle(w->fd);
}

static void submit_empty_begin(struct igt_mmgpu_world *w, void *args)
{
	((struct drm_mmgpu_submit *)args)->ctx_id = w->job.ctx;
	w->jobs = igt_mmgpu_refusal_before(&w->job);
}

static void submit_empty_end(struct igt_mmgpu_world *w, void *args)
{
	/* It and another one. */
	igt_assert_eq_u64(igt_mmgpu_refusal_before(&w->job), w->jobs + 2);
}

/* ---- CPU addresses ------------------------------------------------------------------------ */

static void submit_svm_begin(struct igt_mmgpu_world *w, void *args)
{
	struct igt_mmgpu_job *job = &w->svm.job;
	uintptr_t at = (uintptr_t)w->memory;

	igt_mmgpu_refusal_reset(&w->svm);
	job->bos[0].flags |= MMGPU_BO_REF_NO_IMPLICIT_SYNC;
	job->bos[1].flags |= MMGPU_BO_REF_NO_IMPLICIT_SYNC;
	job->cmds[IGT_MMGPU_REFUSAL_COPY].flags = MMGPU_CMD_DST_SVM | MMGPU_CMD_SRC_SVM;
	job->cmds[IGT_MMGPU_REFUSAL_COPY].dst = at;
	job->cmds[IGT_MMGPU_REFUSAL_COPY].src = at + 1024;
	job->cmds[IGT_MMGPU_REFUSAL_FILL].flags = MMGPU_CMD_DST_SVM;
	job->cmds[IGT_MMGPU_REFUSAL_FILL].dst = at + 2048;
	job->cmds[IGT_MMGPU_REFUSAL_TIMESTAMP].flags = MMGPU_CMD_DST_SVM;
	job->cmds[IGT_MMGPU_REFUSAL_TIMESTAMP].dst = at + 4096;
	memset(w->memory, 0x44, SVM_SIZE);
	w->svm.next_handle = igt_mmgpu_next_handle(w->bound);
	begin(w, &w->svm, args);
}

static bool submit_svm_unchanged(struct igt_mmgpu_world *w, void *args)
{
	igt_mmgpu_refusal_after(&w->svm, w->jobs);
	w->jobs++;
	for (unsigned int i = 0; i < SVM_SIZE; i++)
		igt_assert_eq_u32(w->memory[i], 0x44);
	return true;
}

static void submit_svm_end(struct igt_mmgpu_world *w, void *args)
{
	igt_mmgpu_refusal_accepted(&w->svm);
	igt_assert_eq_u32(w->memory[2048], 0x33);
}

/* The first one of a file starts a thread. */
static void submit_thread_begin(struct igt_mmgpu_world *w, void *args)
{
	struct igt_mmgpu_job *job = &w->svm.job;

	w->temp_fd = igt_mmgpu_reopen(w->bound);
	igt_mmgpu_bind_mm(w->temp_fd);
	w->temp[0] = igt_mmgpu_syncobj_create(w->temp_fd);
	memset(w->memory, 0, SVM_SIZE);
	igt_mmgpu_job_init(job, 0);
	igt_mmgpu_cmd_svm_fill(job, w->memory, SVM_SIZE, 0x0101010101010101ull * SVM_FILL);
	igt_mmgpu_job_out(job, w->temp[0], 0);
	memcpy(args, &job->submit, sizeof(job->submit));
	set_lists(w, args);
}

static bool submit_thread_unchanged(struct igt_mmgpu_world *w, void *args)
{
	struct drm_mmgpu_ctx_query query;

	igt_mmgpu_ctx_query(w->temp_fd, 0, &query);
	igt_assert_eq_u64(query.jobs_done, 0);
	igt_assert(!igt_mmgpu_syncobj_has_fence(w->temp_fd, w->temp[0]));
	igt_assert_eq_u32(w->memory[0], 0);
	return true;
}

static void submit_thread_end(struct igt_mmgpu_world *w, void *args)
{
	igt_assert_eq(igt_mmgpu_syncobj_result(w->temp_fd, w->temp[0]), 0);
	for (unsigned int i = 0; i < SVM_SIZE; i++)
		igt_assert_eq_u32(w->memory[i], SVM_FILL);
	close(w->temp_fd);
}

#define SUBMIT		DRM_IOCTL_MMGPU_SUBMIT
#define ON(member)	.file = IGT_MMGPU_CALL_ON(member)

static const struct igt_mmgpu_call calls[] = {
	{ "submit", SUBMIT, ON(fd), submit_begin, submit_end, submit_unchanged },
	{ "submit-wide", SUBMIT, ON(fd), submit_wide_begin, submit_end, submit_unchanged },
	{ "submit-first", SUBMIT, ON(fd), submit_first_begin, submit_first_end, submit_unchanged },
	{ "submit-import", SUBMIT, ON(fd), submit_import_begin, submit_import_end,
	  submit_unchanged },
	{ "submit-waits", SUBMIT, ON(fd), submit_waits_begin, submit_waits_end, submit_unchanged },
	{ "submit-busy", SUBMIT, ON(fd), submit_busy_begin, submit_busy_end, submit_unchanged },
	{ "submit-empty", SUBMIT, ON(fd), submit_empty_begin, submit_empty_end, submit_unchanged },
	{ "submit-svm", SUBMIT, ON(bound), submit_svm_begin, submit_svm_end,
	  submit_svm_unchanged },
	{ "submit-svm-thread", SUBMIT, ON(temp_fd), submit_thread_begin, submit_thread_end,
	  submit_thread_unchanged },
};

const struct igt_mmgpu_call_table igt_mmgpu_calls_submit = { calls, igt_mmgpu_count(calls) };
