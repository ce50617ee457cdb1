// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Somebody who gets the dma-buf of another's private buffer, and what it can do with it
 * before the buffer is granted, while it is, and when the grant has been revoked.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libdrm_mmgpu.h>
#include <linux/dma-buf.h>
#include <xf86drm.h>

#include "came.h"
#include "demo.h"
#include "guest.h"

/* What it draws when it may not: in the picture afterwards, it would be seen. */
#define INTRUDER	0xff0000ffu

struct guest {
	struct guest_board *board;
	const struct guest_work *work;
	enum stage stage;
	struct drm_mmgpu *dev;
	struct drm_mmgpu_job *job;
	uint32_t done, late;		/* syncobjs */
	uint64_t size, pitch;
	int dmabuf;

	/* From when it was granted for the first time on. */
	struct drm_mmgpu_bo *bo;
	uint64_t mmap_offset;
	void *map;

	/* Its own, for copies. */
	struct drm_mmgpu_bo *copy;
	void *copy_map;
};

static void check(int ret)
{
	if (ret)
		demo_die("%s", drm_mmgpu_last_error());
}

/* --- what is tried --- */

static int try_import(struct guest *guest)
{
	struct drm_mmgpu_bo *bo;
	struct drm_mmgpu *file;
	int ret;

	ret = drm_mmgpu_open(NULL, &file);
	if (ret)
		return ret;
	ret = drm_mmgpu_bo_import(file, guest->dmabuf, &bo);
	if (!ret)
		drm_mmgpu_bo_put(bo);
	drm_mmgpu_close(file);
	return ret;
}

static int map_and_unmap(struct guest *guest, int fd, uint64_t offset, int prot)
{
	void *map = mmap(NULL, guest->size, prot, MAP_SHARED, fd, offset);

	if (map == MAP_FAILED)
		return -errno;
	munmap(map, guest->size);
	return 0;
}

static int try_dmabuf_read(struct guest *guest)
{
	return map_and_unmap(guest, guest->dmabuf, 0, PROT_READ);
}

static int try_dmabuf_write(struct guest *guest)
{
	return map_and_unmap(guest, guest->dmabuf, 0, PROT_READ | PROT_WRITE);
}

static int try_node_read(struct guest *guest)
{
	return map_and_unmap(guest, drm_mmgpu_get_fd(guest->dev), guest->mmap_offset, PROT_READ);
}

static int try_node_write(struct guest *guest)
{
	return map_and_unmap(guest, drm_mmgpu_get_fd(guest->dev), guest->mmap_offset,
			     PROT_READ | PROT_WRITE);
}

static int sync_start(struct guest *guest, uint64_t flags)
{
	struct dma_buf_sync args = { .flags = DMA_BUF_SYNC_START | flags };
	int ret = demo_ioctl(guest->dmabuf, DMA_BUF_IOCTL_SYNC, &args);

	args.flags = DMA_BUF_SYNC_END | flags;
	if (!ret)
		ret = demo_ioctl(guest->dmabuf, DMA_BUF_IOCTL_SYNC, &args);
	return ret;
}

static int try_sync_read(struct guest *guest)
{
	return sync_start(guest, DMA_BUF_SYNC_READ);
}

static int try_sync_write(struct guest *guest)
{
	return sync_start(guest, DMA_BUF_SYNC_RW);
}

static int try_info(struct guest *guest)
{
	return drm_mmgpu_bo_query(guest->bo, NULL, NULL, NULL);
}

static int try_wait(struct guest *guest)
{
	return drm_mmgpu_bo_wait_idle(guest->bo, MMGPU_BO_WAIT_WRITE, demo_deadline());
}

/* Submits, and tells how the job ended. */
static int run_job(struct guest *guest)
{
	int ret, status;

	drm_mmgpu_job_out_sync(guest->job, guest->done, 0);
	ret = drm_mmgpu_job_submit(guest->job, NULL);
	if (!ret) {
		check(drm_mmgpu_syncobj_wait(guest->dev, guest->done, 0, demo_deadline(), &status));
		ret = status;
	}
	drm_mmgpu_job_reset(guest->job);
	return ret;
}

static int try_copy(struct guest *guest)
{
	int ret;

	memset(guest->copy_map, 0, guest->size);
	drm_mmgpu_job_copy(guest->job, guest->copy, 0, guest->bo, 0, guest->size);
	ret = run_job(guest);
	if (!ret && memcmp(guest->copy_map, guest->work->picture->pixels, guest->size))
		ret = -EBADMSG;
	return ret;
}

static void add_frame(struct guest *guest)
{
	const struct guest_work *work = guest->work;
	uint32_t height = work->picture->height, color = work->accent;
	uint64_t line = work->line * sizeof(color), bottom = (height - work->line) * guest->pitch;
	uint64_t value;

	if (guest->stage != STAGE_WRITE)
		color = INTRUDER;
	value = (uint64_t)color << 32 | color;
	drm_mmgpu_job_fill(guest->job, guest->bo, 0, work->line * guest->pitch, value);
	drm_mmgpu_job_fill(guest->job, guest->bo, bottom, work->line * guest->pitch, value);
	drm_mmgpu_job_fill_2d(guest->job, guest->bo, 0, guest->pitch, line, height, value);
	drm_mmgpu_job_fill_2d(guest->job, guest->bo, guest->pitch - line, guest->pitch, line, height,
			      value);
}

static int try_draw(struct guest *guest)
{
	add_frame(guest);
	return run_job(guest);
}

static int try_grant(struct guest *guest)
{
	return drm_mmgpu_bo_grant(guest->bo, guest->board->guest_mm_seq + 1, MMGPU_ACCESS_READ);
}

static int try_touch(struct guest *guest)
{
	return came_from_touch(guest->map, false);
}

static int try_touch_write(struct guest *guest)
{
	return came_from_touch(guest->map, true);
}

/* The kernel reads the mapping, and has nobody to send a signal to. */
static int try_system_call(struct guest *guest)
{
	int fds[2], ret;

	if (pipe(fds))
		return -errno;
	ret = write(fds[1], guest->map, 1) == 1 ? 0 : -errno;
	close(fds[0]);
	close(fds[1]);
	return ret;
}

static int try_late(struct guest *guest)
{
	int status;

	if (guest->stage != STAGE_REVOKED)
		return CAME_NOTHING;
	check(drm_mmgpu_syncobj_wait(guest->dev, guest->late, 0, demo_deadline(), &status));
	return status;
}

#define SIGNAL(sig)	(CAME_SIGNAL + (sig))

/* And what the contract says must come back. */
static const struct {
	const char *name;
	int (*run)(struct guest *guest);
	bool needs_handle;
	int expected[STAGE_COUNT];
} tries[] = {
	{ "import into a new file", try_import, false, { -EPERM, 0, 0, -EPERM } },
	{ "mmap the dma-buf for reading", try_dmabuf_read, false, { -EPERM, 0, 0, -EPERM } },
	{ "mmap the dma-buf for writing", try_dmabuf_write, false, { -EPERM, -EACCES, 0, -EPERM } },
	{ "SYNC_START for reading", try_sync_read, false, { -EPERM, 0, 0, -EPERM } },
	{ "SYNC_START for writing", try_sync_write, false, { -EPERM, -EACCES, 0, -EPERM } },
	{ "mmap the node for reading", try_node_read, true, { CAME_NOTHING, 0, 0, -EPERM } },
	{ "mmap the node for writing", try_node_write, true, { CAME_NOTHING, -EACCES, 0, -EPERM } },
	{ "BO_INFO", try_info, true, { CAME_NOTHING, 0, 0, -EPERM } },
	{ "BO_WAIT", try_wait, true, { CAME_NOTHING, 0, 0, -EPERM } },
	{ "a job that copies the picture", try_copy, true, { CAME_NOTHING, 0, 0, -EPERM } },
	{ "a job that draws into it", try_draw, true, { CAME_NOTHING, -EACCES, 0, -EPERM } },
	{ "BO_GRANT to somebody else", try_grant, true, { CAME_NOTHING, -EPERM, -EPERM, -EPERM } },
	{ "read in the mapping it has", try_touch, true, { CAME_NOTHING, 0, 0, SIGNAL(SIGBUS) } },
	{ "write in the mapping it has", try_touch_write, true,
	  { CAME_NOTHING, SIGNAL(SIGSEGV), 0, SIGNAL(SIGBUS) } },
	{ "write(2) from the mapping it has", try_system_call, true, { CAME_NOTHING, 0, 0, -EFAULT } },
	{ "the job that was in the queue", try_late, true,
	  { CAME_NOTHING, CAME_NOTHING, CAME_NOTHING, -ECANCELED } },
};

#define TRIES	(sizeof(tries) / sizeof(tries[0]))

_Static_assert(TRIES <= GUEST_TRIES, "struct guest_board has no room for them");

/* --- the guest --- */

static uint32_t create_syncobj(struct guest *guest)
{
	uint32_t handle;

	if (drmSyncobjCreate(drm_mmgpu_get_fd(guest->dev), 0, &handle))
		demo_die("drmSyncobjCreate: %s", strerror(errno));
	return handle;
}

struct guest *guest_new(struct guest_board *board, const struct guest_work *work)
{
	struct guest *guest = calloc(1, sizeof(*guest));

	if (!guest)
		demo_die("out of memory");
	guest->board = board;
	guest->work = work;
	guest->pitch = work->picture->width * sizeof(uint32_t);
	guest->size = guest->pitch * work->picture->height;
	check(drm_mmgpu_open(NULL, &guest->dev));
	check(drm_mmgpu_bind(guest->dev, &board->guest_mm_seq));
	check(drm_mmgpu_job_new(guest->dev, &guest->job));
	guest->done = create_syncobj(guest);
	guest->late = create_syncobj(guest);
	check(drm_mmgpu_bo_new(guest->dev, guest->size, 0, &guest->copy));
	check(drm_mmgpu_bo_map(guest->copy, &guest->copy_map));
	board->guest = getpid();
	return guest;
}

void guest_take(struct guest *guest, int dmabuf)
{
	guest->dmabuf = dmabuf;
}

/* What it gets out of a grant, and keeps when that is gone. */
static void settle_in(struct guest *guest)
{
	struct drm_mmgpu_bo_info info = { 0 };

	if (!guest->bo)
		check(drm_mmgpu_bo_import(guest->dev, guest->dmabuf, &guest->bo));
	else
		check(drm_mmgpu_bo_unmap(guest->bo));
	check(drm_mmgpu_bo_map(guest->bo, &guest->map));
	info.handle = drm_mmgpu_bo_get_handle(guest->bo);
	if (demo_ioctl(drm_mmgpu_get_fd(guest->dev), DRM_IOCTL_MMGPU_BO_INFO, &info))
		demo_die("BO_INFO failed");
	guest->mmap_offset = info.mmap_offset;
}

static void draw_diagonal(const struct guest_work *work, uint32_t *pixels)
{
	uint32_t width = work->picture->width, height = work->picture->height, x, y, i;

	for (y = 0; y < height; y++) {
		x = (uint64_t)y * width / height;
		for (i = 0; i < work->line && x + i < width; i++)
			pixels[(uint64_t)y * width + x + i] = work->accent;
	}
}

/* Behind a job that does nothing for most of the time that a job may take. */
static void leave_job(struct guest *guest)
{
	uint64_t timeout_ms;

	check(drm_mmgpu_query_param(guest->dev, MMGPU_PARAM_JOB_TIMEOUT_MS, &timeout_ms));
	drm_mmgpu_job_delay(guest->job, timeout_ms * 3 / 4 * 1000000);
	check(drm_mmgpu_job_submit(guest->job, NULL));
	drm_mmgpu_job_reset(guest->job);
	guest->stage = STAGE_REVOKED;
	add_frame(guest);
	drm_mmgpu_job_out_sync(guest->job, guest->late, 0);
	check(drm_mmgpu_job_submit(guest->job, NULL));
	drm_mmgpu_job_reset(guest->job);
}

void guest_try(struct guest *guest, enum stage stage)
{
	struct guest_board *board = guest->board;
	unsigned int i;

	guest->stage = stage;
	if (stage == STAGE_READ || stage == STAGE_WRITE)
		settle_in(guest);
	for (i = 0; i < TRIES; i++) {
		board->came[stage][i] = !tries[i].needs_handle || guest->bo ? tries[i].run(guest) :
					CAME_NOTHING;
		if (tries[i].run == try_draw)
			snprintf(board->words, sizeof(board->words), "%s", drm_mmgpu_last_error());
	}
	if (stage == STAGE_WRITE) {
		draw_diagonal(guest->work, guest->map);
		leave_job(guest);
	}
	board->done[stage] = true;
}

int guest_touched(const struct guest_board *board, enum stage stage)
{
	unsigned int i;

	for (i = 0; tries[i].run != try_touch; i++)
		;
	return board->came[stage][i];
}

/* --- judging --- */

void guest_reference(const struct guest_work *work, uint32_t *pixels)
{
	uint32_t width = work->picture->width, height = work->picture->height, x, y;

	for (y = 0; y < height; y++)
		for (x = 0; x < width; x++)
			if (x < work->line || y < work->line || x >= width - work->line ||
			    y >= height - work->line)
				pixels[(uint64_t)y * width + x] = work->accent;
	draw_diagonal(work, pixels);
}

static bool print_row(const struct guest_board *board, unsigned int row)
{
	bool right = true;
	int i, came;

	printf("%-38s", tries[row].name);
	for (i = 0; i < STAGE_COUNT; i++) {
		came = board->done[i] ? board->came[i][row] : CAME_NOTHING;
		printf("%-12s", came_text(came));
		right &= board->done[i] && came == tries[row].expected[i];
	}
	printf("%s\n", right ? "yes" : "NO");
	return right;
}

bool guest_print(const struct guest_board *board)
{
	static const char *const names[STAGE_COUNT] = { "has the fd", "granted", "granted",
							"revoked" };
	static const char *const notes[STAGE_COUNT] = { "no grant", "to read", "to write too",
							"" };
	bool right = true;
	unsigned int i;

	printf("\nA buffer of process %d, address space %llu, and what process %d, address space %llu, does with it:\n\n",
	       board->owner, (unsigned long long)board->owner_mm_seq, board->guest,
	       (unsigned long long)board->guest_mm_seq);
	printf("%-38s", "");
	for (i = 0; i < STAGE_COUNT; i++)
		printf("%-12s", names[i]);
	printf("\n%-38s", "");
	for (i = 0; i < STAGE_COUNT; i++)
		printf("%-12s", notes[i]);
	printf("\n%-38s%-48s%s\n", "--- what was tried", "--- what came back", "--- as promised?");
	for (i = 0; i < TRIES; i++)
		right &= print_row(board, i);
	printf("\nWhat the library tells it then:\n  %s\n\n", board->words);
	right &= !!strstr(board->words, "let its owner grant it");
	fflush(stdout);
	return right;
}
