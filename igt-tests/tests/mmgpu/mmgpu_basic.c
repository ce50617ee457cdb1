// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* The short look whether the driver works at all; the topics have binaries of their own. */

#include "igt.h"
#include "igt_mmgpu.h"

#include <sys/mman.h>
#include <xf86drm.h>

IGT_TEST_DESCRIPTION("Basic use of the mmgpu driver: identity, parameters, a job.");

static int fd = -1;

static void check_version(void)
{
	drmVersionPtr version = drmGetVersion(fd);

	igt_assert(version);
	igt_assert(!strcmp(version->name, "mmgpu"));
	igt_assert_eq(version->version_major, 1);
	igt_assert_lte(0, version->version_minor);
	igt_assert_lt(0, strlen(version->desc));
	drmFreeVersion(version);
}

static void check_job(void)
{
	uint32_t handle = igt_mmgpu_bo_create(fd, 4096, 0);
	uint64_t *map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ);
	struct igt_mmgpu_job job;
	uint32_t bo;

	igt_mmgpu_job_init(&job, 0);
	bo = igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, bo, 0, 4096, 0x0123456789abcdefull);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	for (int i = 0; i < 512; i++)
		igt_assert_eq_u64(map[i], 0x0123456789abcdefull);
	munmap(map, 4096);
	igt_mmgpu_bo_close(fd, handle);
}

int igt_main()
{
	igt_fixture()
		fd = igt_mmgpu_open();

	igt_describe("The driver's name and the uapi's version are what the header was written for.");
	igt_subtest("version")
		check_version();

	igt_describe("A job fills a buffer and its fence signals without an error.");
	igt_subtest("job")
		check_job();

	igt_fixture()
		close(fd);
}
