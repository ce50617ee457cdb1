// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * The device works on an array from malloc(): no buffer is made, nothing is copied to the
 * device and back. Here it rotates the array by a third of its length, in place. Then it shows
 * what happens if memory is given that is not there.
 *
 *	cc process-array.c $(pkg-config --cflags --libs libdrm_mmgpu)
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libdrm_mmgpu.h>
#include <xf86drm.h>

#define COUNT	300000u
#define SHIFT	(COUNT / 3)

/* Everything the library refuses, it explains. */
static void check(int ret)
{
	if (!ret)
		return;
	fprintf(stderr, "%s\n", drm_mmgpu_last_error());
	exit(1);
}

/*
 * Submits, and waits: until the job is over the memory that it names must stay as it is.
 * Returns how it ended.
 */
static int run(struct drm_mmgpu *dev, struct drm_mmgpu_job *job, uint32_t syncobj)
{
	int status;

	drm_mmgpu_job_out_sync(job, syncobj, 0);
	check(drm_mmgpu_job_submit(job, NULL));
	check(drm_mmgpu_syncobj_wait(dev, syncobj, 0, drm_mmgpu_deadline(10000000000), &status));
	drm_mmgpu_job_reset(job);
	return status;
}

/* The commands of a job run in order, so the second may overwrite what the first has saved. */
static int rotate(struct drm_mmgpu *dev, struct drm_mmgpu_job *job, uint32_t syncobj,
		  uint32_t *array, uint32_t *spare)
{
	uint64_t finished;
	int status;

	drm_mmgpu_job_svm_copy(job, spare, array, SHIFT * sizeof(*array));
	drm_mmgpu_job_svm_copy(job, array, array + SHIFT, (COUNT - SHIFT) * sizeof(*array));
	drm_mmgpu_job_svm_copy(job, array + COUNT - SHIFT, spare, SHIFT * sizeof(*array));
	/* Local variables are memory like any other, as long as this function waits. */
	drm_mmgpu_job_svm_timestamp(job, &finished);
	status = run(dev, job, syncobj);
	if (!status)
		printf("rotated an array of %zu bytes in place, at %" PRIu64 " ns\n",
		       COUNT * sizeof(*array), finished);
	return status;
}

int main(int argc, char **argv)
{
	uint32_t *array = malloc(COUNT * sizeof(*array)), *spare = malloc(SHIFT * sizeof(*spare));
	struct drm_mmgpu_job *job;
	struct drm_mmgpu *dev;
	uint32_t syncobj, i;
	uint64_t svm;
	int status;

	if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
		printf("usage: process-array [NODE]\n");
		return 0;
	}
	if (!array || !spare) {
		perror("malloc");
		return 1;
	}

	check(drm_mmgpu_open(argv[1], &dev));
	check(drm_mmgpu_query_param(dev, MMGPU_PARAM_SVM, &svm));
	if (!svm) {
		fprintf(stderr, "this device takes no CPU addresses\n");
		return 1;
	}
	/* Addresses have a meaning in this process only: bind the file to it. */
	check(drm_mmgpu_bind(dev, NULL));
	check(drm_mmgpu_job_new(dev, &job));
	if (drmSyncobjCreate(drm_mmgpu_get_fd(dev), 0, &syncobj)) {
		perror("drmSyncobjCreate");
		return 1;
	}

	for (i = 0; i < COUNT; i++)
		array[i] = i;
	status = rotate(dev, job, syncobj, array, spare);
	if (status) {
		fprintf(stderr, "the job failed: %s\n", strerror(-status));
		return 1;
	}
	for (i = 0; i < COUNT; i++) {
		if (array[i] != (i + SHIFT) % COUNT) {
			fprintf(stderr, "element %" PRIu32 " is wrong\n", i);
			return 1;
		}
	}

	/* Nothing is mapped at the address 64: the job ends with an error, nobody gets a signal. */
	drm_mmgpu_job_svm_copy(job, array, (void *)64, 8);
	printf("reading what is not mapped: %s\n", strerror(-run(dev, job, syncobj)));

	drm_mmgpu_job_free(job);
	drmSyncobjDestroy(drm_mmgpu_get_fd(dev), syncobj);
	drm_mmgpu_close(dev);
	free(spare);
	free(array);
	return 0;
}
