// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * The same picture once more, without a single buffer object: the device reads a file that is
 * mapped for reading, writes one that is mapped for writing, and in between uses memory from
 * malloc(). Only a client that has bound its file may name such addresses.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libdrm_mmgpu.h>
#include <xf86drm.h>

#include "demo.h"
#include "image.h"
#include "scene.h"

#define ACCENT		0xff48b850u	/* green: this is the picture in a mapped file */

/* Each row is an access of its own to the process, which takes longer than one to a buffer. */
#define MAPPED_JOB_ROWS	(DEMO_JOB_ROWS / 5)

struct client {
	struct drm_mmgpu *dev;
	uint64_t mm_seq;
	uint64_t max_cmds;
	struct drm_mmgpu_context *ctx[SCENE_CONTEXTS];
	/* What are buffers elsewhere. */
	char *memory[SCENE_BO_COUNT];

	/* A timeline for each context; a pass is over at its point. */
	uint32_t timeline[SCENE_CONTEXTS];
	uint64_t points[SCENE_CONTEXTS];
	uint64_t done[PASS_COUNT];
};

/* The library knows what to say. */
static void check(int ret)
{
	if (ret)
		demo_die("%s", drm_mmgpu_last_error());
}

/* --- files --- */

static int open_file(const char *path, uint64_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || ftruncate(fd, size))
		demo_die("%s: %s", path, strerror(errno));
	return fd;
}

static void *map_file(const char *path, int fd, uint64_t size, int prot)
{
	void *map = mmap(NULL, size, prot, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		demo_die("mapping %s: %s", path, strerror(errno));
	return map;
}

/* A file with the picture's pixels, mapped for reading only. */
static void *source_file(const char *path, const struct image *picture, uint64_t size)
{
	int fd = open_file(path, size);
	void *map;

	if (pwrite(fd, picture->pixels, size, 0) != (ssize_t)size)
		demo_die("writing %s failed", path);
	map = map_file(path, fd, size, PROT_READ);
	close(fd);
	return map;
}

/* --- the picture --- */

struct batch {
	struct client *client;
	enum scene_pass pass;
	struct drm_mmgpu_job *job;
	uint64_t rows;
	uint64_t bytes;
	unsigned int jobs;
	unsigned int rectangles;
};

/* The first job of a pass waits for what the pass needs, each moves its timeline on. */
static void batch_submit(struct batch *batch)
{
	struct client *client = batch->client;
	unsigned int ctx = scene_steps[batch->pass].context, i, other;

	for (i = 0; i < PASS_COUNT && !batch->jobs; i++) {
		if (!(scene_steps[batch->pass].needs & (1u << i)))
			continue;
		other = scene_steps[i].context;
		drm_mmgpu_job_in_sync(batch->job, client->timeline[other], client->done[i]);
	}
	drm_mmgpu_job_out_sync(batch->job, client->timeline[ctx], ++client->points[ctx]);
	check(drm_mmgpu_job_submit(batch->job, client->ctx[ctx]));
	drm_mmgpu_job_reset(batch->job);
	batch->jobs++;
	batch->rows = 0;
	batch->bytes = 0;
}

static void batch_emit(void *data, const struct scene_op *op)
{
	struct batch *batch = data;
	struct client *client = batch->client;
	char *dst = client->memory[op->dst] + op->dst_offset;

	if (drm_mmgpu_job_get_cmd_count(batch->job) == client->max_cmds ||
	    batch->rows > MAPPED_JOB_ROWS || batch->bytes > DEMO_JOB_BYTES)
		batch_submit(batch);

	if (op->src == SCENE_NO_BO)
		drm_mmgpu_job_svm_fill_2d(batch->job, dst, op->dst_pitch, op->width, op->rows,
					  op->value);
	else
		drm_mmgpu_job_svm_copy_2d(batch->job, dst, op->dst_pitch,
					  client->memory[op->src] + op->src_offset,
					  op->src_pitch, op->width, op->rows);
	batch->rows += op->rows;
	batch->bytes += op->width * op->rows;
	batch->rectangles++;
}

static void draw(struct client *client, const struct scene *scene, enum scene_pass pass)
{
	struct batch batch = { .client = client, .pass = pass };

	check(drm_mmgpu_job_new(client->dev, &batch.job));
	scene_pass(scene, pass, batch_emit, &batch);
	batch_submit(&batch);
	client->done[pass] = client->points[scene_steps[pass].context];
	drm_mmgpu_job_free(batch.job);
	demo_say("%-8s %5u rectangles in %u jobs", scene_steps[pass].name, batch.rectangles,
		 batch.jobs);
}

/* All that was drawn depends on the last job; the memory may go when it is over. */
static void wait_for_all(struct client *client)
{
	unsigned int ctx = scene_steps[PASS_INSET].context;
	int status;

	check(drm_mmgpu_syncobj_wait(client->dev, client->timeline[ctx],
				     client->done[PASS_INSET], demo_deadline(), &status));
	if (status)
		demo_die("the last job failed: %s", strerror(-status));
}

/* --- the client --- */

static void client_init(struct client *client)
{
	uint64_t engines, svm;
	unsigned int i;

	check(drm_mmgpu_open(NULL, &client->dev));
	check(drm_mmgpu_query_param(client->dev, MMGPU_PARAM_SVM, &svm));
	if (!svm)
		demo_die("the device takes no CPU addresses: load the driver with svm=1");
	check(drm_mmgpu_bind(client->dev, &client->mm_seq));
	check(drm_mmgpu_query_param(client->dev, MMGPU_PARAM_MAX_CMDS, &client->max_cmds));
	check(drm_mmgpu_query_param(client->dev, MMGPU_PARAM_ENGINE_COUNT, &engines));
	check(drm_mmgpu_context_new(client->dev, MMGPU_PRIORITY_NORMAL, 0, &client->ctx[0]));
	check(drm_mmgpu_context_new(client->dev, MMGPU_PRIORITY_NORMAL, 1 % engines,
				    &client->ctx[1]));
	client->ctx[2] = drm_mmgpu_context_default(client->dev);
	for (i = 0; i < SCENE_CONTEXTS; i++)
		if (drmSyncobjCreate(drm_mmgpu_get_fd(client->dev), 0, &client->timeline[i]))
			demo_die("drmSyncobjCreate: %s", strerror(errno));
}

static void allocate(struct client *client, const struct scene *scene)
{
	static const enum scene_bo between[] = { SCENE_MIRROR, SCENE_THUMB, SCENE_HALF };
	unsigned int i;

	for (i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
		client->memory[between[i]] = malloc(scene_size(scene, between[i]));
		if (!client->memory[between[i]])
			demo_die("out of memory");
	}
}

/* A number of the file's fdinfo, -1 if it is not there. */
static long long fdinfo(struct client *client, const char *key)
{
	char path[64], line[128];
	long long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", drm_mmgpu_get_fd(client->dev));
	file = fopen(path, "re");
	while (file && value < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)))
			sscanf(line + strlen(key), "%lld", &value);
	if (file)
		fclose(file);
	return value;
}

/* The kernel's own word: nothing but the thread of the file has worked, and not on buffers. */
static void look_at_fdinfo(struct client *client)
{
	long long svm = fdinfo(client, "drm-engine-svm:"), engines = fdinfo(client, "drm-engine-cpu:");

	if (svm <= 0 || engines != 0)
		demo_die("fdinfo has %lld ns for CPU addresses and %lld ns for engines", svm,
			 engines);
	demo_say("by fdinfo, %lld ms of work on CPU addresses, none on buffers", svm / 1000000);
}

/* What is in the file afterwards, read as anybody reads a file. */
static bool finish(const struct scene *scene, const struct image *picture, const char *canvas,
		   const char *path)
{
	uint64_t size = scene_size(scene, SCENE_CANVAS);
	struct image result = {
		.width = scene->area[SCENE_CANVAS].width,
		.height = scene->area[SCENE_CANVAS].height,
		.has_alpha = picture->has_alpha,
		.pixels = malloc(size),
	};
	FILE *file = fopen(canvas, "re");

	if (!result.pixels || !file || fread(result.pixels, 1, size, file) != size)
		demo_die("reading %s failed", canvas);
	fclose(file);
	demo_say("comparing %u x %u pixels with what the CPU paints", result.width, result.height);
	if (!scene_verify(scene, picture, result.pixels))
		return false;
	demo_say("every pixel is right, writing %s", path);
	return image_save(path, &result);
}

int main(int argc, char **argv)
{
	char source[512], canvas[512];
	struct client client = { 0 };
	struct image picture;
	struct scene scene;
	bool good;
	int fd;

	demo_name = "mapped";
	if (argc != 3) {
		fprintf(stderr, "usage: mmgpu-demo-mapped IN.png OUT.png\n");
		return 2;
	}
	if (!image_load(argv[1], &picture))
		return 1;
	snprintf(source, sizeof(source), "%s.source", argv[2]);
	snprintf(canvas, sizeof(canvas), "%s.canvas", argv[2]);
	scene_init(&scene, &picture, ACCENT);
	client_init(&client);
	allocate(&client, &scene);
	client.memory[SCENE_SOURCE] = source_file(source, &picture, scene_size(&scene, SCENE_SOURCE));
	fd = open_file(canvas, scene_size(&scene, SCENE_CANVAS));
	client.memory[SCENE_CANVAS] = map_file(canvas, fd, scene_size(&scene, SCENE_CANVAS),
					       PROT_READ | PROT_WRITE);
	close(fd);
	demo_say("picture of %u x %u pixels in a file that is mapped read-only, no buffer is made",
		 picture.width, picture.height);

	draw(&client, &scene, PASS_MIRROR);
	draw(&client, &scene, PASS_SHRINK);
	draw(&client, &scene, PASS_TILE);
	draw(&client, &scene, PASS_COMPOSE);
	draw(&client, &scene, PASS_INSET);
	wait_for_all(&client);
	look_at_fdinfo(&client);
	munmap(client.memory[SCENE_CANVAS], scene_size(&scene, SCENE_CANVAS));

	good = finish(&scene, &picture, canvas, argv[2]);
	unlink(source);
	unlink(canvas);
	drm_mmgpu_close(client.dev);
	return good ? 0 : 1;
}
