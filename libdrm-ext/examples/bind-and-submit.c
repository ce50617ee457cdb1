// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * The shortest useful program: bind the file to this process, let the device fill one
 * buffer and copy it into another, wait, look. From now on nobody else can use the
 * file or the buffers, whatever descriptors they get hold of.
 *
 *	cc bind-and-submit.c $(pkg-config --cflags --libs libdrm_mmgpu)
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libdrm_mmgpu.h>
#include <xf86drm.h>

#define SIZE	65536
#define PATTERN	0x1122334455667788ull

/* Everything the library refuses, it explains. */
static void check(int ret)
{
	if (!ret)
		return;
	fprintf(stderr, "%s\n", drm_mmgpu_last_error());
	exit(1);
}

static void submit(struct drm_mmgpu *dev, struct drm_mmgpu_bo *a, struct drm_mmgpu_bo *b,
		   uint32_t syncobj)
{
	struct drm_mmgpu_job *job;

	check(drm_mmgpu_job_new(dev, &job));
	drm_mmgpu_job_fill(job, a, 0, SIZE, PATTERN);
	drm_mmgpu_job_copy(job, b, 0, a, 0, SIZE);
	drm_mmgpu_job_out_sync(job, syncobj, 0);
	check(drm_mmgpu_job_submit(job, NULL));
	drm_mmgpu_job_free(job);
}

static void wait_for(struct drm_mmgpu *dev, uint32_t syncobj)
{
	int status;

	check(drm_mmgpu_syncobj_wait(dev, syncobj, 0, drm_mmgpu_deadline(10000000000), &status));
	if (!status)
		return;
	fprintf(stderr, "the job failed: %s\n", strerror(-status));
	exit(1);
}

static void verify(struct drm_mmgpu_bo *bo)
{
	uint64_t *data;
	void *ptr;

	check(drm_mmgpu_bo_map(bo, &ptr));
	data = ptr;
	if (data[0] != PATTERN || data[SIZE / sizeof(*data) - 1] != PATTERN) {
		fprintf(stderr, "the copy is wrong\n");
		exit(1);
	}
	check(drm_mmgpu_bo_unmap(bo));
}

int main(int argc, char **argv)
{
	struct drm_mmgpu_bo *a, *b;
	struct drm_mmgpu *dev;
	uint32_t syncobj;
	uint64_t mm_seq;

	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		printf("usage: bind-and-submit [NODE]\n");
		return 0;
	}

	check(drm_mmgpu_open(argv[1], &dev));
	check(drm_mmgpu_bind(dev, &mm_seq));
	check(drm_mmgpu_bo_new(dev, SIZE, 0, &a));
	check(drm_mmgpu_bo_new(dev, SIZE, 0, &b));
	if (drmSyncobjCreate(drm_mmgpu_get_fd(dev), 0, &syncobj)) {
		perror("drmSyncobjCreate");
		return 1;
	}

	submit(dev, a, b, syncobj);
	wait_for(dev, syncobj);
	verify(b);
	printf("filled and copied %d bytes, as address space %" PRIu64 " only\n", SIZE, mm_seq);

	drmSyncobjDestroy(drm_mmgpu_get_fd(dev), syncobj);
	drm_mmgpu_bo_put(b);
	drm_mmgpu_bo_put(a);
	drm_mmgpu_close(dev);
	return 0;
}
