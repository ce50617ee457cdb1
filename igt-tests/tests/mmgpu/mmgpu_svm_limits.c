// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * How many bound files may use CPU addresses at the same time, as each of them gets a kernel
 * thread: some of one mm, and some of all mms. Whoever is refused keeps everything else.
 */

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_baseline.h"
#include "igt_mmgpu_small.h"
#include "igt_mmgpu_stuck.h"

#include <errno.h>

IGT_TEST_DESCRIPTION("Limits of the files that use CPU addresses.");

/* See Documentation/gpu/security.rst. */
#define MAX_OF_MM	64
#define MAX_OF_ALL	4096

static int bound_file(void)
{
	int fd = igt_mmgpu_open();

	igt_mmgpu_bind_mm(fd);
	return fd;
}

/* A job that gives the file its thread, or what SUBMIT says to it. */
static int use_addresses(int fd)
{
	struct igt_mmgpu_job job;
	uint64_t word = 0;
	int ret, status = 0;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_fill(&job, 0, (uintptr_t)&word, sizeof(word), 1)->flags = MMGPU_CMD_DST_SVM;
	ret = __igt_mmgpu_job_run(fd, &job, &status);
	igt_assert_eq(status, 0);
	igt_assert_eq_u64(word, ret ? 0 : 1);
	return ret;
}

static void assert_others_work(int fd)
{
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, 0);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
}

/* The thread of a file that was closed ends some time later. */
static void await_place(int fd, int refusal)
{
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);
	int ret;

	while ((ret = use_addresses(fd)) == refusal && igt_mmgpu_now() < deadline)
		usleep(1000);
	igt_assert_eq(ret, 0);
}

static int stranger_proc(struct igt_mmgpu_proc *self, void *data)
{
	igt_assert_eq(use_addresses(bound_file()), 0);
	return 0;
}

static void files_of_mm(void)
{
	struct igt_mmgpu_baseline before;
	int fd[MAX_OF_MM], over;

	/* Our own number stays for as long as we do. */
	close(bound_file());
	igt_mmgpu_baseline_take(&before);
	for (unsigned int i = 0; i < MAX_OF_MM; i++) {
		fd[i] = bound_file();
		igt_assert_eq(use_addresses(fd[i]), 0);
	}
	over = bound_file();
	for (unsigned int i = 0; i < 3; i++)
		igt_assert_eq(use_addresses(over), -E2BIG);
	assert_others_work(over);
	igt_assert_eq(use_addresses(fd[MAX_OF_MM - 1]), 0);
	igt_mmgpu_proc_run(stranger_proc, NULL);

	close(fd[0]);
	await_place(over, -E2BIG);
	fd[0] = bound_file();
	igt_assert_eq(use_addresses(fd[0]), -E2BIG);
	for (unsigned int i = 0; i < MAX_OF_MM; i++)
		close(fd[i]);
	close(over);
	igt_mmgpu_baseline_assert(&before);
}

/* SUBMIT is what makes the thread; thousands of waits would only take time. */
static int many_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct igt_mmgpu_job job;
	uint64_t word;
	char byte;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_fill(&job, &word, sizeof(word), 1);
	for (unsigned int i = 0; i < MAX_OF_MM; i++)
		igt_mmgpu_job_submit(bound_file(), &job);
	igt_mmgpu_send(self->sock, "", 1);
	igt_mmgpu_recv(self->sock, &byte, 1);
	return 0;
}

static void end_many(struct igt_mmgpu_proc *proc)
{
	igt_mmgpu_send(proc->sock, "", 1);
	igt_assert_eq(igt_mmgpu_proc_join(proc), 0);
}

static void files_of_all(void)
{
	struct igt_mmgpu_proc procs[MAX_OF_ALL / MAX_OF_MM];
	struct igt_mmgpu_baseline before;
	char byte;
	int fd;

	igt_skip_on_f(igt_mmgpu_is_slow(), "%u threads take too long where each lock is checked\n",
		      MAX_OF_ALL);
	igt_mmgpu_baseline_take(&before);
	for (unsigned int i = 0; i < igt_mmgpu_count(procs); i++)
		igt_mmgpu_proc_start(&procs[i], many_proc, NULL);
	for (unsigned int i = 0; i < igt_mmgpu_count(procs); i++)
		igt_mmgpu_recv(procs[i].sock, &byte, 1);
	fd = bound_file();
	for (unsigned int i = 0; i < 3; i++)
		igt_assert_eq(use_addresses(fd), -ENOMEM);
	assert_others_work(fd);

	end_many(&procs[0]);
	await_place(fd, -ENOMEM);
	for (unsigned int i = 1; i < igt_mmgpu_count(procs); i++)
		end_many(&procs[i]);
	close(fd);
	igt_mmgpu_baseline_assert(&before);
}

int igt_main()
{
	igt_fixture() {
		int fd = igt_mmgpu_open();

		igt_require_f(igt_mmgpu_get_param(fd, MMGPU_PARAM_SVM), "svm=0\n");
		close(fd);
	}

	igt_describe("64 files of one mm, and not one more; others have places of their own");
	igt_subtest("files-of-mm")
		files_of_mm();

	igt_describe("4096 files of all mms, and not one more");
	igt_subtest("files-of-all")
		files_of_all();

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
