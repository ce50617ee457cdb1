// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * A client as they have always been: plain libdrm and the driver's uapi header, a file
 * that is shared with a forked child. It never binds, and everything works for everybody
 * who holds the descriptor.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mmgpu_drm.h>
#include <xf86drm.h>

#include "demo.h"
#include "image.h"
#include "scene.h"

#define ACCENT	0xff2890f8u	/* orange: this is the legacy client's picture */

struct gpu {
	int fd;
	uint32_t max_cmds;
	uint32_t engines;
	uint32_t ctx[SCENE_CONTEXTS];
	uint32_t bo[SCENE_BO_COUNT];
	uint32_t done[PASS_COUNT];	/* a syncobj for each pass */
};

/* The job that is being made, of one pass. */
struct batch {
	struct gpu *gpu;
	enum scene_pass pass;
	struct drm_mmgpu_cmd *cmds;
	uint32_t count;
	uint64_t rows;
	uint64_t bytes;
	unsigned int jobs;
	unsigned int rectangles;
};

static void call(struct gpu *gpu, unsigned long request, void *arg, const char *what)
{
	int ret = demo_ioctl(gpu->fd, request, arg);

	if (ret)
		demo_die("%s: %s", what, strerror(-ret));
}

static uint64_t get_param(struct gpu *gpu, uint32_t param)
{
	struct drm_mmgpu_get_param args = { .param = param };

	call(gpu, DRM_IOCTL_MMGPU_GET_PARAM, &args, "GET_PARAM");
	return args.value;
}

static uint32_t create_bo(struct gpu *gpu, uint64_t size)
{
	struct drm_mmgpu_bo_create args = { .size = size };
	uint64_t max = get_param(gpu, MMGPU_PARAM_MAX_BO_SIZE);

	if (size > max)
		demo_die("the picture is too large: a buffer of %llu bytes is needed, the device allows %llu",
			 (unsigned long long)size, (unsigned long long)max);
	call(gpu, DRM_IOCTL_MMGPU_BO_CREATE, &args, "BO_CREATE");
	return args.handle;
}

static void *map_bo(struct gpu *gpu, uint32_t handle, uint64_t size)
{
	struct drm_mmgpu_bo_info info = { .handle = handle };
	void *map;

	call(gpu, DRM_IOCTL_MMGPU_BO_INFO, &info, "BO_INFO");
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, gpu->fd, info.mmap_offset);
	if (map == MAP_FAILED)
		demo_die("mmap: %s", strerror(errno));
	return map;
}

static uint32_t create_ctx(struct gpu *gpu, uint32_t engine)
{
	struct drm_mmgpu_ctx_create args = { .engine = engine };

	call(gpu, DRM_IOCTL_MMGPU_CTX_CREATE, &args, "CTX_CREATE");
	return args.ctx_id;
}

static void gpu_init(struct gpu *gpu, const struct scene *scene)
{
	unsigned int i;

	gpu->fd = demo_open_node();
	if (gpu->fd < 0)
		demo_die("there is no mmgpu device that this user may open: load the driver (modprobe mmgpu)");
	gpu->max_cmds = get_param(gpu, MMGPU_PARAM_MAX_CMDS);
	gpu->engines = get_param(gpu, MMGPU_PARAM_ENGINE_COUNT);
	gpu->ctx[0] = create_ctx(gpu, 0);
	gpu->ctx[1] = create_ctx(gpu, 1 % gpu->engines);
	for (i = 0; i < SCENE_BO_COUNT; i++)
		gpu->bo[i] = create_bo(gpu, scene_size(scene, i));
	for (i = 0; i < PASS_COUNT; i++)
		if (drmSyncobjCreate(gpu->fd, 0, &gpu->done[i]))
			demo_die("drmSyncobjCreate: %s", strerror(errno));
}

static void upload(struct gpu *gpu, const struct scene *scene, const struct image *picture)
{
	uint64_t size = scene_size(scene, SCENE_SOURCE);
	void *map = map_bo(gpu, gpu->bo[SCENE_SOURCE], size);

	memcpy(map, picture->pixels, size);
	munmap(map, size);
}

/* Every syncobj that the pass waits for. */
static uint32_t fill_in_syncs(const struct gpu *gpu, enum scene_pass pass,
			      struct drm_mmgpu_sync *syncs)
{
	uint32_t count = 0, i;

	for (i = 0; i < PASS_COUNT; i++)
		if (scene_steps[pass].needs & (1u << i))
			syncs[count++] = (struct drm_mmgpu_sync) { .handle = gpu->done[i] };
	return count;
}

/*
 * The jobs of a pass are in one context, so in order: the first waits for what the pass
 * needs, the last tells that it is over. The buffers order nothing.
 */
static void batch_submit(struct batch *batch, bool last)
{
	struct gpu *gpu = batch->gpu;
	struct drm_mmgpu_sync in[PASS_COUNT];
	struct drm_mmgpu_sync out = { .handle = gpu->done[batch->pass] };
	struct drm_mmgpu_bo_ref refs[SCENE_BO_COUNT];
	struct drm_mmgpu_submit args = {
		.ctx_id = gpu->ctx[scene_steps[batch->pass].context],
		.cmds = { sizeof(*batch->cmds), batch->count, (uintptr_t)batch->cmds },
		.bos = { sizeof(*refs), SCENE_BO_COUNT, (uintptr_t)refs },
		.in_syncs = { sizeof(*in), 0, (uintptr_t)in },
		.out_syncs = { sizeof(out), last, (uintptr_t)&out },
	};
	uint32_t i;

	for (i = 0; i < SCENE_BO_COUNT; i++) {
		refs[i].handle = gpu->bo[i];
		refs[i].flags = MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE |
				MMGPU_BO_REF_NO_IMPLICIT_SYNC;
	}
	if (!batch->jobs)
		args.in_syncs.count = fill_in_syncs(gpu, batch->pass, in);
	call(gpu, DRM_IOCTL_MMGPU_SUBMIT, &args, "SUBMIT");
	batch->jobs++;
	batch->count = 0;
	batch->rows = 0;
	batch->bytes = 0;
}

static void batch_emit(void *data, const struct scene_op *op)
{
	struct batch *batch = data;

	if (batch->count == batch->gpu->max_cmds || batch->rows > DEMO_JOB_ROWS ||
	    batch->bytes > DEMO_JOB_BYTES)
		batch_submit(batch, false);
	batch->cmds[batch->count++] = (struct drm_mmgpu_cmd) {
		.op = op->src == SCENE_NO_BO ? MMGPU_OP_FILL : MMGPU_OP_COPY,
		.dst_bo = op->dst,
		.src_bo = op->src == SCENE_NO_BO ? 0 : op->src,
		.dst = op->dst_offset,
		.src = op->src_offset,
		.width = op->width,
		.rows = op->rows,
		.dst_pitch = op->dst_pitch,
		.src_pitch = op->src_pitch,
		.value = op->value,
	};
	batch->rows += op->rows;
	batch->bytes += op->width * op->rows;
	batch->rectangles++;
}

static void draw(struct gpu *gpu, const struct scene *scene, enum scene_pass pass)
{
	struct batch batch = { .gpu = gpu, .pass = pass };

	batch.cmds = calloc(gpu->max_cmds, sizeof(*batch.cmds));
	if (!batch.cmds)
		demo_die("out of memory");
	scene_pass(scene, pass, batch_emit, &batch);
	batch_submit(&batch, true);
	free(batch.cmds);
	demo_say("%-8s %5u rectangles in %u jobs", scene_steps[pass].name, batch.rectangles,
		 batch.jobs);
}

static void wait_for(struct gpu *gpu, enum scene_pass pass)
{
	int ret = drmSyncobjWait(gpu->fd, &gpu->done[pass], 1, demo_deadline(), 0, NULL);

	if (ret)
		demo_die("waiting for %s: %s", scene_steps[pass].name, strerror(-ret));
}

/* The child has the parent's descriptor, and nothing is different with it. */
static pid_t draw_in_child(struct gpu *gpu, const struct scene *scene)
{
	pid_t pid = fork();

	if (pid < 0)
		demo_die("fork: %s", strerror(errno));
	if (pid)
		return pid;
	demo_name = "legacy, child";
	demo_say("goes on with the parent's descriptor");
	gpu->ctx[2] = create_ctx(gpu, MMGPU_ENGINE_ANY);
	draw(gpu, scene, PASS_INSET);
	wait_for(gpu, PASS_INSET);
	demo_say("drew the picture in the middle");
	exit(0);
}

static void reap(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		demo_die("the child failed");
}

static bool save(struct gpu *gpu, const struct scene *scene, const struct image *picture,
		 const char *path)
{
	struct image result = {
		.width = scene->area[SCENE_CANVAS].width,
		.height = scene->area[SCENE_CANVAS].height,
		.has_alpha = picture->has_alpha,
		.pixels = map_bo(gpu, gpu->bo[SCENE_CANVAS], scene_size(scene, SCENE_CANVAS)),
	};

	demo_say("comparing %u x %u pixels with what the CPU paints", result.width, result.height);
	if (!scene_verify(scene, picture, result.pixels))
		return false;
	demo_say("every pixel is right, writing %s", path);
	return image_save(path, &result);
}

/*
 * For scripts/demo, without a device: is this a picture? If it is too large, make one that
 * is not: outside a VM that is a matter of a second.
 */
static bool fit(const char *in, const char *out)
{
	struct image picture;
	bool good = image_load(in, &picture);

	if (good && picture.was_larger)
		good = image_save(out, &picture);
	image_free(&picture);
	return good;
}

int main(int argc, char **argv)
{
	struct gpu gpu = { 0 };
	struct image picture;
	struct scene scene;
	pid_t child;

	demo_name = "legacy";
	if (argc == 4 && !strcmp(argv[1], "--fit"))
		return fit(argv[2], argv[3]) ? 0 : 1;
	if (argc != 3) {
		fprintf(stderr, "usage: mmgpu-demo-legacy IN.png OUT.png\n");
		return 2;
	}
	if (!image_load(argv[1], &picture))
		return 1;

	scene_init(&scene, &picture, ACCENT);
	gpu_init(&gpu, &scene);
	demo_say("picture of %u x %u pixels, %u engines, at most %u commands in a job",
		 picture.width, picture.height, gpu.engines, gpu.max_cmds);
	upload(&gpu, &scene, &picture);
	draw(&gpu, &scene, PASS_MIRROR);
	draw(&gpu, &scene, PASS_SHRINK);
	draw(&gpu, &scene, PASS_TILE);
	draw(&gpu, &scene, PASS_COMPOSE);
	child = draw_in_child(&gpu, &scene);
	reap(child);
	wait_for(&gpu, PASS_INSET);
	return save(&gpu, &scene, &picture, argv[2]) ? 0 : 1;
}
