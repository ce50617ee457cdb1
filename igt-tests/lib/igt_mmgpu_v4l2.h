/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_V4L2_H
#define IGT_MMGPU_V4L2_H

#include <stdbool.h>
#include <stdint.h>

#include "igt_mmgpu.h"

/*
 * A small client of V4L2, for vivid. Its pictures are 640 by 480, four bytes a pixel, and
 * come from or go to an HDMI connector. V4L2 has no fences: a buffer is the device's from
 * "queue" until "take".
 */
struct igt_mmgpu_video {
	int fd;
	/* V4L2_BUF_TYPE_ and V4L2_MEMORY_ */
	uint32_t type;
	uint32_t memory;
	/* Bytes of a picture. */
	uint32_t size;
	/* By V4L2_MEMORY_MMAP: where the first buffer is mapped. */
	uint8_t *map;
};

/* vivid's instances as the tests load them. */
enum igt_mmgpu_vivid {
	/* Capture and output; maps buffers for itself, without attaching to them. */
	IGT_MMGPU_VIVID_VMALLOC,
	/* Capture only; attaches to buffers, and wants them contiguous. */
	IGT_MMGPU_VIVID_CONTIG,
};

/* Skips where there is no vivid, or it was loaded without that instance. */
void igt_mmgpu_vivid_require(enum igt_mmgpu_vivid instance);
/* -ENODEV if there is no such node; its format and connector are set, nothing queued. */
int __igt_mmgpu_video_open(struct igt_mmgpu_video *video, enum igt_mmgpu_vivid instance,
			   bool output);
void igt_mmgpu_video_open(struct igt_mmgpu_video *video, enum igt_mmgpu_vivid instance,
			  bool output);
void igt_mmgpu_video_close(struct igt_mmgpu_video *video);
/* Closes what a subtest that failed has left open, and which would be busy for others. */
void igt_mmgpu_video_cleanup(void);

/* Captures what the output of the same instance shows, or else test pictures. */
void igt_mmgpu_video_loop(struct igt_mmgpu_video *video, bool loop);

/* Slots for buffers, of video->memory; 0 gives all of them back. */
int __igt_mmgpu_video_request(struct igt_mmgpu_video *video, uint32_t memory,
			      unsigned int count);
/* dmabuf is for V4L2_MEMORY_DMABUF. */
int __igt_mmgpu_video_queue(struct igt_mmgpu_video *video, unsigned int slot, int dmabuf);
void igt_mmgpu_video_queue(struct igt_mmgpu_video *video, unsigned int slot, int dmabuf);
/* Waits for the next buffer that the device is done with, and tells its slot. */
unsigned int igt_mmgpu_video_take(struct igt_mmgpu_video *video);
void igt_mmgpu_video_stream(struct igt_mmgpu_video *video, bool on);

#endif /* IGT_MMGPU_V4L2_H */
