// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Pictures of V4L2 in buffers of ours. vivid maps a dma-buf in the kernel without
 * attaching to it, so it comes by another door than GPUs and displays do. It has no
 * fences: nobody waits for anybody, the test does.
 */

#include <errno.h>
#include <linux/videodev2.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_share.h"
#include "igt_mmgpu_v4l2.h"

IGT_TEST_DESCRIPTION("vivid captures into our buffers and shows them; never private ones.");

/* Frames until a picture is there that was shown. */
#define LOOP_TRIES	300

#define PAGE	4096
#define SIZE	IGT_MMGPU_PRIVATE_SIZE

static struct igt_mmgpu_rand rnd;

/* Somewhat larger than a picture; behind it lies what nobody should touch. */
struct frame {
	int fd;
	uint32_t bo;
	int dmabuf;
	uint8_t *map;
};

enum kind { SHARED, LEGACY, DUMB };

static void frame_init(struct frame *frame, enum kind kind)
{
	frame->fd = kind == DUMB ? igt_mmgpu_open_primary() : igt_mmgpu_open();
	if (kind == SHARED)
		igt_mmgpu_bind_mm(frame->fd);
	if (kind == DUMB)
		igt_assert_eq(__igt_mmgpu_dumb_create(frame->fd, PAGE / 4, SIZE / PAGE, 32,
						      &frame->bo, NULL, NULL), 0);
	else
		frame->bo = igt_mmgpu_bo_create(frame->fd, SIZE,
						kind == SHARED ? MMGPU_BO_SHARED : 0);
	frame->map = igt_mmgpu_bo_map(frame->fd, frame->bo, SIZE, PROT_READ | PROT_WRITE);
	frame->dmabuf = igt_mmgpu_export(frame->fd, frame->bo);
	memset(frame->map, 0xa5, SIZE);
}

static void frame_fini(struct frame *frame)
{
	munmap(frame->map, SIZE);
	close(frame->dmabuf);
	close(frame->fd);
}

static void check_tail(const struct frame *frame, uint32_t size)
{
	igt_assert_lt(size, SIZE);
	for (uint32_t i = size; i < SIZE; i++)
		igt_assert_f(frame->map[i] == 0xa5, "byte %u behind the picture\n", i);
}

/* What our device finds in the frame is the picture, too. */
static void check_job(const struct frame *frame, const uint8_t *expected, uint32_t size)
{
	uint32_t copy = igt_mmgpu_bo_create(frame->fd, SIZE, 0);
	uint8_t *map = igt_mmgpu_bo_map(frame->fd, copy, 0, PROT_READ);

	igt_mmgpu_copy(frame->fd, copy, 0, frame->bo, 0, SIZE);
	igt_mmgpu_same(map, expected, size, "read by a job");
	munmap(map, SIZE);
	igt_mmgpu_bo_close(frame->fd, copy);
}

/* The test picture as vivid paints it into memory of its own. */
static uint8_t *reference(struct igt_mmgpu_video *video)
{
	uint8_t *copy = malloc(video->size);
	bool plain = true;

	igt_assert(copy);
	igt_assert_eq(__igt_mmgpu_video_request(video, V4L2_MEMORY_MMAP, 2), 0);
	igt_mmgpu_video_queue(video, 0, -1);
	igt_mmgpu_video_queue(video, 1, -1);
	igt_mmgpu_video_stream(video, true);
	while (igt_mmgpu_video_take(video))
		;
	memcpy(copy, video->map, video->size);
	igt_mmgpu_video_stream(video, false);
	igt_assert_eq(__igt_mmgpu_video_request(video, V4L2_MEMORY_MMAP, 0), 0);

	for (uint32_t i = 4; i < video->size; i++)
		plain = plain && copy[i] == copy[i % 4];
	igt_assert_f(!plain, "the test picture is of one colour\n");
	return copy;
}

static void capture(enum kind kind)
{
	struct igt_mmgpu_video video;
	struct igt_mmgpu_look before[2];
	struct frame frames[2];
	uint8_t *expected;

	igt_mmgpu_video_open(&video, IGT_MMGPU_VIVID_VMALLOC, false);
	expected = reference(&video);
	igt_assert_eq(__igt_mmgpu_video_request(&video, V4L2_MEMORY_DMABUF, 2), 0);
	for (int i = 0; i < 2; i++) {
		frame_init(&frames[i], kind);
		igt_mmgpu_look(frames[i].dmabuf, &before[i]);
		igt_mmgpu_video_queue(&video, i, frames[i].dmabuf);
	}
	igt_mmgpu_video_stream(&video, true);
	for (int i = 0; i < 6; i++) {
		unsigned int slot = igt_mmgpu_video_take(&video);
		struct frame *frame = &frames[slot];

		igt_mmgpu_same(frame->map, expected, video.size, "captured");
		check_job(frame, expected, video.size);
		check_tail(frame, video.size);
		memset(frame->map, 0xa5, SIZE);
		igt_mmgpu_video_queue(&video, slot, frame->dmabuf);
	}
	igt_mmgpu_video_stream(&video, false);
	igt_assert_eq(__igt_mmgpu_video_request(&video, V4L2_MEMORY_DMABUF, 0), 0);
	for (int i = 0; i < 2; i++) {
		igt_mmgpu_looks_as(frames[i].dmabuf, &before[i]);
		frame_fini(&frames[i]);
	}
	igt_mmgpu_video_close(&video);
	free(expected);
}

static void capture_shared(void)
{
	capture(SHARED);
}

static void capture_legacy(void)
{
	capture(LEGACY);
}

static void capture_dumb(void)
{
	capture(DUMB);
}

/* A picture that a job has painted goes out, round, and in again. */
static void loop(void)
{
	struct igt_mmgpu_video in, out;
	struct frame shown[2], seen;
	uint8_t *picture[2];

	igt_mmgpu_video_open(&in, IGT_MMGPU_VIVID_VMALLOC, false);
	igt_mmgpu_video_open(&out, IGT_MMGPU_VIVID_VMALLOC, true);
	igt_assert_eq_u32(in.size, out.size);
	igt_assert_eq(__igt_mmgpu_video_request(&out, V4L2_MEMORY_DMABUF, 2), 0);
	igt_assert_eq(__igt_mmgpu_video_request(&in, V4L2_MEMORY_DMABUF, 1), 0);
	for (int i = 0; i < 2; i++) {
		uint32_t staging;

		frame_init(&shown[i], i ? LEGACY : SHARED);
		staging = igt_mmgpu_bo_create(shown[i].fd, SIZE, 0);
		picture[i] = igt_mmgpu_bo_map(shown[i].fd, staging, 0, PROT_READ | PROT_WRITE);
		igt_mmgpu_rand_bytes(&rnd, picture[i], out.size);
		igt_mmgpu_copy(shown[i].fd, shown[i].bo, 0, staging, 0, out.size);
		igt_mmgpu_video_queue(&out, i, shown[i].dmabuf);
	}
	frame_init(&seen, SHARED);
	igt_mmgpu_video_stream(&out, true);

	/* vivid keeps showing the last one that it has. */
	for (int last = 1, i = 0; i < 3; last = !last, i++) {
		igt_assert_eq(igt_mmgpu_video_take(&out), !last);
		/* The first frames need not be looped yet, or may show the one before. */
		for (int tries = 0; tries < LOOP_TRIES; tries++) {
			/* A connection may be lost again: vivid reads its control early. */
			igt_mmgpu_video_loop(&in, true);
			igt_mmgpu_video_queue(&in, 0, seen.dmabuf);
			igt_mmgpu_video_stream(&in, true);
			igt_assert_eq(igt_mmgpu_video_take(&in), 0);
			igt_mmgpu_video_stream(&in, false);
			if (!memcmp(seen.map, picture[last], in.size))
				break;
		}
		igt_mmgpu_same(seen.map, picture[last], in.size, "looped");
		check_job(&seen, picture[last], in.size);
		check_tail(&seen, in.size);
		igt_mmgpu_video_queue(&out, !last, shown[!last].dmabuf);
	}

	igt_mmgpu_video_stream(&out, false);
	igt_mmgpu_video_loop(&in, false);
	igt_mmgpu_video_close(&out);
	igt_mmgpu_video_close(&in);
	for (int i = 0; i < 2; i++) {
		munmap(picture[i], SIZE);
		frame_fini(&shown[i]);
	}
	frame_fini(&seen);
}

/* What is queued stays alive, and goes when the video's file goes. */
static void outlives(void)
{
	int fd = igt_mmgpu_open(), bos = igt_mmgpu_count_bos(fd);
	struct igt_mmgpu_video video;
	struct frame frame;

	igt_mmgpu_video_open(&video, IGT_MMGPU_VIVID_VMALLOC, false);
	igt_assert_eq(__igt_mmgpu_video_request(&video, V4L2_MEMORY_DMABUF, 2), 0);
	frame_init(&frame, SHARED);
	igt_mmgpu_video_queue(&video, 0, frame.dmabuf);
	frame_fini(&frame);
	igt_mmgpu_await_bos(fd, bos < 0 ? bos : bos + 1);
	igt_mmgpu_video_stream(&video, true);
	igt_assert_eq(igt_mmgpu_video_take(&video), 0);
	igt_mmgpu_video_close(&video);
	igt_mmgpu_await_bos(fd, bos);
	close(fd);
}

/* ---- refusals ------------------------------------------------------------------------- */

static int give(int dmabuf, enum igt_mmgpu_vivid instance, bool output)
{
	struct igt_mmgpu_video video;
	int ret;

	/* EPERM and EFAULT are what is waited for. */
	if (__igt_mmgpu_video_open(&video, instance, output))
		return -EIO;
	ret = __igt_mmgpu_video_request(&video, V4L2_MEMORY_DMABUF, 1) ? -EIO :
	      __igt_mmgpu_video_queue(&video, 0, dmabuf);
	igt_mmgpu_video_close(&video);
	return ret;
}

static int give_capture(int dmabuf)
{
	return give(dmabuf, IGT_MMGPU_VIVID_VMALLOC, false);
}

static int give_output(int dmabuf)
{
	return give(dmabuf, IGT_MMGPU_VIVID_VMALLOC, true);
}

static int give_contig(int dmabuf)
{
	return give(dmabuf, IGT_MMGPU_VIVID_CONTIG, false);
}

/* Whether a buffer of the same size is taken, if it is not private. */
static int give_shared(igt_mmgpu_give_fn fn)
{
	struct igt_mmgpu_look before;
	struct frame frame;
	int ret;

	frame_init(&frame, SHARED);
	igt_mmgpu_look(frame.dmabuf, &before);
	ret = fn(frame.dmabuf);
	igt_mmgpu_looks_as(frame.dmabuf, &before);
	frame_fini(&frame);
	return ret;
}

/* vivid has one error for every buffer that it cannot map. */
static void private_capture(void)
{
	igt_assert_eq(give_shared(give_capture), 0);
	igt_mmgpu_never_given(give_capture, EFAULT);
	igt_assert_eq(give_shared(give_capture), 0);
}

static void private_output(void)
{
	igt_assert_eq(give_shared(give_output), 0);
	igt_mmgpu_never_given(give_output, EFAULT);
	igt_assert_eq(give_shared(give_output), 0);
}

static void private_contig(void)
{
	int ret;

	igt_mmgpu_vivid_require(IGT_MMGPU_VIVID_CONTIG);
	/* It may attach to a shared one, but wants its pages in a row. */
	ret = give_shared(give_contig);
	igt_assert_f(!ret || ret == -EFAULT, "a shared buffer: %d\n", ret);
	/* videobuf2 drops no reference after a refused attach (6.12 to 7.2, not 6.1). */
	igt_mmgpu_never_given_but_kept(give_contig, EPERM);
}

static const struct {
	const char *name;
	void (*fn)(void);
	const char *what;
} tests[] = {
	{ "capture-shared", capture_shared, "pictures arrive in SHARED buffers of a bound file" },
	{ "capture-legacy", capture_legacy, "pictures arrive in a legacy file's buffers" },
	{ "capture-dumb", capture_dumb, "pictures arrive in dumb buffers" },
	{ "loop", loop, "a picture that a job painted is shown and captured" },
	{ "outlives", outlives, "a queued buffer lives as long as it is queued" },
	{ "private-capture", private_capture, "no capture into a private buffer: EFAULT" },
	{ "private-output", private_output, "no private buffer is shown: EFAULT" },
	{ "private-contig", private_contig, "a driver that attaches gets EPERM" },
};

int igt_main()
{
	igt_fixture() {
		close(igt_mmgpu_open());
		igt_mmgpu_rand_init(&rnd);
		igt_mmgpu_vivid_require(IGT_MMGPU_VIVID_VMALLOC);
	}

	for (size_t i = 0; i < igt_mmgpu_count(tests); i++) {
		igt_describe(tests[i].what);
		igt_subtest(tests[i].name) {
			igt_mmgpu_video_cleanup();
			tests[i].fn();
		}
	}

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
