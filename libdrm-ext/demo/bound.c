// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * The same picture by a client that binds its file, through the library. Meanwhile others
 * who came by its descriptors try to use them: a forked child, a program that was started,
 * a process that got them over a socket, and that one again when the owner is gone.
 *
 * The processes: main prints the table. It forks the receiver, before there is anything to
 * inherit, and the owner, which opens the device.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libdrm_mmgpu.h>
#include <xf86drm.h>

#include "demo.h"
#include "image.h"
#include "pass.h"
#include "scene.h"
#include "stranger.h"

#define ACCENT	0xffb8a818u	/* teal: this is the bound client's picture */
#define SECRET	0x7e57ab1e5ec4e7ull

struct owner {
	struct drm_mmgpu *dev;
	uint64_t mm_seq;
	uint64_t max_cmds;
	struct drm_mmgpu_context *ctx[SCENE_CONTEXTS];
	struct drm_mmgpu_bo *bo[SCENE_BO_COUNT];

	/* A timeline for each context; a pass is over at its point. */
	uint32_t timeline[SCENE_CONTEXTS];
	uint64_t points[SCENE_CONTEXTS];
	uint64_t done[PASS_COUNT];

	/* What the strangers are after. */
	struct drm_mmgpu_bo *secret;
	uint64_t *secret_map;
	uint32_t syncobj;
	struct key key;
};

/* The memory that all share, and in it the owner's number. */
struct shared {
	struct board board;
	uint64_t owner_mm_seq;
};

/* The library knows what to say. */
static void check(int ret)
{
	if (ret)
		demo_die("%s", drm_mmgpu_last_error());
}

/* --- the picture --- */

struct batch {
	struct owner *owner;
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
	struct owner *owner = batch->owner;
	unsigned int ctx = scene_steps[batch->pass].context, i, other;

	for (i = 0; i < PASS_COUNT && !batch->jobs; i++) {
		if (!(scene_steps[batch->pass].needs & (1u << i)))
			continue;
		other = scene_steps[i].context;
		drm_mmgpu_job_in_sync(batch->job, owner->timeline[other], owner->done[i]);
	}
	drm_mmgpu_job_out_sync(batch->job, owner->timeline[ctx], ++owner->points[ctx]);
	check(drm_mmgpu_job_submit(batch->job, owner->ctx[ctx]));
	drm_mmgpu_job_reset(batch->job);
	batch->jobs++;
	batch->rows = 0;
	batch->bytes = 0;
}

static void batch_emit(void *data, const struct scene_op *op)
{
	struct batch *batch = data;
	struct drm_mmgpu_job *job = batch->job;
	struct drm_mmgpu_bo *dst = batch->owner->bo[op->dst], *src;

	if (drm_mmgpu_job_get_cmd_count(job) == batch->owner->max_cmds ||
	    batch->rows > DEMO_JOB_ROWS || batch->bytes > DEMO_JOB_BYTES)
		batch_submit(batch);

	/* Only the timelines put the jobs into order */
	drm_mmgpu_job_use_bo(job, dst, MMGPU_BO_REF_NO_IMPLICIT_SYNC);
	if (op->src == SCENE_NO_BO) {
		drm_mmgpu_job_fill_2d(job, dst, op->dst_offset, op->dst_pitch, op->width, op->rows,
				      op->value);
	} else {
		src = batch->owner->bo[op->src];
		drm_mmgpu_job_use_bo(job, src, MMGPU_BO_REF_NO_IMPLICIT_SYNC);
		drm_mmgpu_job_copy_2d(job, dst, op->dst_offset, op->dst_pitch, src, op->src_offset,
				      op->src_pitch, op->width, op->rows);
	}
	batch->rows += op->rows;
	batch->bytes += op->width * op->rows;
	batch->rectangles++;
}

static void draw(struct owner *owner, const struct scene *scene, enum scene_pass pass)
{
	struct batch batch = { .owner = owner, .pass = pass };

	check(drm_mmgpu_job_new(owner->dev, &batch.job));
	scene_pass(scene, pass, batch_emit, &batch);
	batch_submit(&batch);
	owner->done[pass] = owner->points[scene_steps[pass].context];
	drm_mmgpu_job_free(batch.job);
	demo_say("%-8s %5u rectangles in %u jobs", scene_steps[pass].name, batch.rectangles,
		 batch.jobs);
}

static bool finish(struct owner *owner, const struct scene *scene, const struct image *picture,
		   const char *path)
{
	struct image result = {
		.width = scene->area[SCENE_CANVAS].width,
		.height = scene->area[SCENE_CANVAS].height,
		.has_alpha = picture->has_alpha,
	};
	unsigned int ctx = scene_steps[PASS_INSET].context;
	void *map;
	int status;

	check(drm_mmgpu_syncobj_wait(owner->dev, owner->timeline[ctx], owner->done[PASS_INSET],
				     demo_deadline(), &status));
	if (status)
		demo_die("the last job failed: %s", strerror(-status));
	check(drm_mmgpu_bo_map(owner->bo[SCENE_CANVAS], &map));
	result.pixels = map;
	demo_say("comparing %u x %u pixels with what the CPU paints", result.width, result.height);
	if (!scene_verify(scene, picture, result.pixels))
		return false;
	demo_say("every pixel is right, writing %s", path);
	return image_save(path, &result);
}

/* --- the owner --- */

static uint32_t create_syncobj(struct owner *owner, uint32_t flags)
{
	uint32_t handle;

	if (drmSyncobjCreate(drm_mmgpu_get_fd(owner->dev), flags, &handle))
		demo_die("drmSyncobjCreate: %s", strerror(errno));
	return handle;
}

static void owner_init(struct owner *owner, const struct scene *scene)
{
	uint64_t engines;
	unsigned int i;

	check(drm_mmgpu_open(NULL, &owner->dev));
	check(drm_mmgpu_bind(owner->dev, &owner->mm_seq));
	check(drm_mmgpu_query_param(owner->dev, MMGPU_PARAM_MAX_CMDS, &owner->max_cmds));
	check(drm_mmgpu_query_param(owner->dev, MMGPU_PARAM_ENGINE_COUNT, &engines));
	check(drm_mmgpu_context_new(owner->dev, MMGPU_PRIORITY_NORMAL, 0, &owner->ctx[0]));
	check(drm_mmgpu_context_new(owner->dev, MMGPU_PRIORITY_NORMAL, 1 % engines,
				    &owner->ctx[1]));
	owner->ctx[2] = drm_mmgpu_context_default(owner->dev);
	for (i = 0; i < SCENE_CONTEXTS; i++)
		owner->timeline[i] = create_syncobj(owner, 0);
	for (i = 0; i < SCENE_BO_COUNT; i++)
		check(drm_mmgpu_bo_new(owner->dev, scene_size(scene, i), 0, &owner->bo[i]));
}

static void upload(struct owner *owner, const struct scene *scene, const struct image *picture)
{
	void *map;

	check(drm_mmgpu_bo_map(owner->bo[SCENE_SOURCE], &map));
	memcpy(map, picture->pixels, scene_size(scene, SCENE_SOURCE));
	check(drm_mmgpu_bo_unmap(owner->bo[SCENE_SOURCE]));
}

static void hide_secret(struct owner *owner, struct loot *loot)
{
	struct drm_mmgpu_bo_info info = { 0 };
	void *map;

	check(drm_mmgpu_bo_new(owner->dev, 4096, 0, &owner->secret));
	check(drm_mmgpu_bo_map(owner->secret, &map));
	owner->secret_map = map;
	*owner->secret_map = SECRET;
	owner->syncobj = create_syncobj(owner, DRM_SYNCOBJ_CREATE_SIGNALED);
	owner->key.node = drm_mmgpu_get_fd(owner->dev);
	check(drm_mmgpu_bo_export(owner->secret, DRM_CLOEXEC | DRM_RDWR, &owner->key.dmabuf));
	if (drmSyncobjHandleToFD(owner->key.node, owner->syncobj, &owner->key.syncobj))
		demo_die("drmSyncobjHandleToFD: %s", strerror(errno));

	info.handle = drm_mmgpu_bo_get_handle(owner->secret);
	if (demo_ioctl(owner->key.node, DRM_IOCTL_MMGPU_BO_INFO, &info))
		demo_die("BO_INFO failed");
	loot->bo = info.handle;
	loot->ctx = drm_mmgpu_context_get_id(owner->ctx[1]);
	loot->syncobj = owner->syncobj;
	loot->mmap_offset = info.mmap_offset;
	loot->size = info.size;
	loot->map = map;
}

static pid_t start_child(struct owner *owner, struct shared *shared)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	demo_name = "bound, child";
	alarm(2 * DEMO_TIMEOUT_S);
	stranger_try(&shared->board, WHO_CHILD, &owner->key, owner->dev);
	_exit(0);
}

/* dup() makes descriptors that exec leaves open. */
static pid_t start_program(struct owner *owner, int memory)
{
	char args[4][16];
	pid_t pid = fork();

	if (pid)
		return pid;
	snprintf(args[0], sizeof(args[0]), "%d", dup(memory));
	snprintf(args[1], sizeof(args[1]), "%d", dup(owner->key.node));
	snprintf(args[2], sizeof(args[2]), "%d", dup(owner->key.dmabuf));
	snprintf(args[3], sizeof(args[3]), "%d", dup(owner->key.syncobj));
	execl("/proc/self/exe", "mmgpu-demo-bound", "--stranger", args[0], args[1], args[2],
	      args[3], NULL);
	_exit(127);
}

static bool reap(pid_t pid, const char *who)
{
	int status;

	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status))
		return true;
	fprintf(stderr, "the %s failed\n", who);
	return false;
}

/* After all the tries, the owner has what it had. */
static void look_after_secret(struct owner *owner)
{
	uint64_t mm_seq;
	uint32_t access;

	if (*owner->secret_map != SECRET)
		demo_die("somebody wrote into the private buffer");
	check(drm_mmgpu_bo_query(owner->secret, NULL, &mm_seq, &access));
	check(drm_mmgpu_context_query(owner->ctx[1], NULL, NULL, NULL, NULL));
	if (mm_seq != owner->mm_seq || access != (MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE))
		demo_die("the private buffer is not the owner's any more");
	drmSyncobjDestroy(drm_mmgpu_get_fd(owner->dev), owner->syncobj);
	drm_mmgpu_bo_put(owner->secret);
	demo_say("nobody touched the private buffer");
}

static int owner_main(struct shared *shared, int memory, int sock, char **argv)
{
	struct owner owner = { 0 };
	struct image picture;
	struct scene scene;
	pid_t child, program;
	char byte;

	demo_name = "bound, owner";
	alarm(2 * DEMO_TIMEOUT_S);
	if (!image_load(argv[1], &picture))
		return 1;
	scene_init(&scene, &picture, ACCENT);
	owner_init(&owner, &scene);
	shared->owner_mm_seq = owner.mm_seq;
	demo_say("picture of %u x %u pixels, the file is bound to address space %llu",
		 picture.width, picture.height, (unsigned long long)owner.mm_seq);

	hide_secret(&owner, &shared->board.loot);
	fflush(NULL);
	pass_send(sock, owner.key.fds, KEY_COUNT);
	child = start_child(&owner, shared);
	program = start_program(&owner, memory);
	demo_say("a child, a program and a receiver of the descriptors try to use them now");

	upload(&owner, &scene, &picture);
	draw(&owner, &scene, PASS_MIRROR);
	draw(&owner, &scene, PASS_SHRINK);
	draw(&owner, &scene, PASS_TILE);
	draw(&owner, &scene, PASS_COMPOSE);
	draw(&owner, &scene, PASS_INSET);
	if (!finish(&owner, &scene, &picture, argv[2]))
		return 1;

	/* The receiver says when it is through */
	if (!reap(child, "child") || !reap(program, "program") || read(sock, &byte, 1) != 1)
		return 1;
	look_after_secret(&owner);
	return 0;
}

/* --- the others --- */

static int receiver_main(struct shared *shared, int sock, int go)
{
	struct key key;
	char byte = 0;

	demo_name = "bound, receiver";
	alarm(2 * DEMO_TIMEOUT_S);
	if (!pass_receive(sock, key.fds, KEY_COUNT))
		return 1;
	stranger_try(&shared->board, WHO_SOCKET, &key, NULL);
	if (write(sock, &byte, 1) != 1 || read(go, &byte, 1) != 1)
		return 1;
	stranger_try(&shared->board, WHO_AFTER, &key, NULL);
	return 0;
}

static int program_main(char **argv)
{
	struct key key = { { { atoi(argv[3]), atoi(argv[4]), atoi(argv[5]) } } };
	struct shared *shared;

	alarm(2 * DEMO_TIMEOUT_S);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[2]), 0);
	if (shared == MAP_FAILED)
		return 1;
	stranger_try(&shared->board, WHO_EXEC, &key, NULL);
	return 0;
}

int main(int argc, char **argv)
{
	int memory, socks[2], go[2];
	pid_t receiver, owner;
	struct shared *shared;
	bool good;

	demo_name = "bound";
	if (argc == 6 && !strcmp(argv[1], "--stranger"))
		return program_main(argv);
	if (argc != 3) {
		fprintf(stderr, "usage: mmgpu-demo-bound IN.png OUT.png\n");
		return 2;
	}

	memory = memfd_create("mmgpu-demo", MFD_CLOEXEC);
	if (memory < 0 || ftruncate(memory, sizeof(*shared)) || pipe2(go, O_CLOEXEC) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		demo_die("preparing: %s", strerror(errno));
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	if (shared == MAP_FAILED)
		demo_die("mmap: %s", strerror(errno));

	demo_say("starting the owner and a process that will be sent its descriptors");
	receiver = fork();
	if (!receiver) {
		close(go[1]);
		close(socks[0]);
		return receiver_main(shared, socks[1], go[0]);
	}
	owner = fork();
	if (!owner) {
		close(go[1]);
		close(socks[1]);
		return owner_main(shared, memory, socks[0], argv);
	}
	close(socks[0]);
	close(socks[1]);
	close(go[0]);
	good = reap(owner, "owner");
	if (good)
		good = write(go[1], "", 1) == 1;
	close(go[1]);
	good = reap(receiver, "receiver") && good;

	/* If something failed the table may tell why */
	good = table_print(&shared->board, owner, shared->owner_mm_seq) && good;
	demo_say(good ? "everything came back as the contract says" :
			"NOT everything came back as the contract says");
	return good ? 0 : 1;
}
