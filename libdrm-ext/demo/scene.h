/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef DEMO_SCENE_H
#define DEMO_SCENE_H

#include "image.h"

/*
 * What is drawn, for both clients: the picture four times, as it is and mirrored to the
 * right, downwards and both, in frames, on a ground tiled with small ones, with one of
 * half the size in the middle. How it gets to the device is the clients' business: here it
 * is only taken apart into rectangles, which is all that the engines know.
 */

enum scene_bo {
	SCENE_SOURCE,	/* the picture, as uploaded */
	SCENE_MIRROR,	/* mirrored to the right */
	SCENE_THUMB,	/* an eighth of its size */
	SCENE_HALF,	/* half its size */
	SCENE_CANVAS,	/* the result */
	SCENE_BO_COUNT
};

struct scene_area {
	uint32_t width;
	uint32_t height;
};

struct scene {
	struct scene_area area[SCENE_BO_COUNT];
	uint32_t gap;		/* between the tiles; half of it is a frame's thickness */
	uint32_t margin_x;	/* around the four pictures */
	uint32_t margin_y;
	uint32_t tiles_x;	/* tiles from one picture's margin to the next one's */
	uint32_t tiles_y;
	uint32_t accent;	/* color of the frame in the middle */
};

/* The steps, in the order of submission. */
enum scene_pass {
	PASS_MIRROR,	/* source -> mirror */
	PASS_SHRINK,	/* source -> thumb, half */
	PASS_TILE,	/* thumb -> canvas; needs SHRINK */
	PASS_COMPOSE,	/* source, mirror -> canvas; needs MIRROR and TILE */
	PASS_INSET,	/* half -> canvas; needs SHRINK and COMPOSE */
	PASS_COUNT
};

struct scene_step {
	const char *name;
	unsigned int needs;	/* a bit for each pass that must be over */
	unsigned int context;	/* 0 and 1 are on different engines, 2 on any */
};

extern const struct scene_step scene_steps[PASS_COUNT];

#define SCENE_CONTEXTS	3

/* One rectangle: a copy, or a fill if @src is SCENE_NO_BO. All in bytes. */
#define SCENE_NO_BO	SCENE_BO_COUNT
struct scene_op {
	enum scene_bo dst, src;
	uint64_t dst_offset, src_offset;
	uint32_t dst_pitch, src_pitch;
	uint64_t width;
	uint32_t rows;
	uint64_t value;
};

typedef void scene_emit(void *data, const struct scene_op *op);

void scene_init(struct scene *scene, const struct image *picture, uint32_t accent);

uint32_t scene_pitch(const struct scene *scene, enum scene_bo bo);
uint64_t scene_size(const struct scene *scene, enum scene_bo bo);

/* Calls @emit with the rectangles of one pass, in their order. */
void scene_pass(const struct scene *scene, enum scene_pass pass, scene_emit *emit, void *data);

/*
 * The same result, painted pixel by pixel by the CPU, from the description and not from the
 * rectangles. NULL if there is no memory.
 */
uint32_t *scene_reference(const struct scene *scene, const struct image *picture);

/* True if @canvas is what it should be; else says on stderr where it differs. */
bool scene_verify(const struct scene *scene, const struct image *picture, const uint32_t *canvas);

/* What both know of the ground: its color in row @y. */
uint32_t scene_ground(const struct scene *scene, uint32_t y);
#define SCENE_FRAME	0xfff0f4f8u	/* frames of the four pictures */

/* Where the pictures lie: the left edge of column 0 or 1, the top of row 0 or 1, ... */
uint32_t scene_picture_x(const struct scene *scene, unsigned int column);
uint32_t scene_picture_y(const struct scene *scene, unsigned int row);
uint32_t scene_tile_x(const struct scene *scene, uint32_t column);
uint32_t scene_tile_y(const struct scene *scene, uint32_t row);
uint32_t scene_inset_x(const struct scene *scene);
uint32_t scene_inset_y(const struct scene *scene);

#endif /* DEMO_SCENE_H */
