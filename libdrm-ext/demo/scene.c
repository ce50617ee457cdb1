// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include "scene.h"

const struct scene_step scene_steps[PASS_COUNT] = {
	[PASS_MIRROR] = { "mirror", 0, 0 },
	[PASS_SHRINK] = { "shrink", 0, 1 },
	[PASS_TILE] = { "tile", 1 << PASS_SHRINK, 1 },
	[PASS_COMPOSE] = { "compose", 1 << PASS_MIRROR | 1 << PASS_TILE, 0 },
	[PASS_INSET] = { "inset", 1 << PASS_SHRINK | 1 << PASS_COMPOSE, 2 },
};

static uint32_t at_least(uint32_t value, uint32_t least)
{
	return value > least ? value : least;
}

void scene_init(struct scene *scene, const struct image *picture, uint32_t accent)
{
	uint32_t w = picture->width, h = picture->height;
	struct scene_area thumb = { at_least(w / 8, 1), at_least(h / 8, 1) };

	*scene = (struct scene) { .accent = accent };
	scene->gap = at_least((w < h ? w : h) / 64, 1) * 2;
	scene->margin_x = thumb.width + 2 * scene->gap;
	scene->margin_y = thumb.height + 2 * scene->gap;
	scene->tiles_x = (w + scene->margin_x) / (thumb.width + scene->gap);
	scene->tiles_y = (h + scene->margin_y) / (thumb.height + scene->gap);
	scene->area[SCENE_SOURCE] = (struct scene_area) { w, h };
	scene->area[SCENE_MIRROR] = (struct scene_area) { w, h };
	scene->area[SCENE_THUMB] = thumb;
	scene->area[SCENE_HALF] = (struct scene_area) { at_least(w / 2, 1), at_least(h / 2, 1) };
	scene->area[SCENE_CANVAS] = (struct scene_area) {
		2 * w + 3 * scene->margin_x, 2 * h + 3 * scene->margin_y,
	};
}

uint32_t scene_pitch(const struct scene *scene, enum scene_bo bo)
{
	return scene->area[bo].width * sizeof(uint32_t);
}

uint64_t scene_size(const struct scene *scene, enum scene_bo bo)
{
	return (uint64_t)scene_pitch(scene, bo) * scene->area[bo].height;
}

uint32_t scene_picture_x(const struct scene *scene, unsigned int column)
{
	return scene->margin_x + column * (scene->area[SCENE_SOURCE].width + scene->margin_x);
}

uint32_t scene_picture_y(const struct scene *scene, unsigned int row)
{
	return scene->margin_y + row * (scene->area[SCENE_SOURCE].height + scene->margin_y);
}

/* So that whole tiles lie in the margins, before, between and behind the pictures. */
uint32_t scene_tile_x(const struct scene *scene, uint32_t column)
{
	uint32_t period = scene->area[SCENE_SOURCE].width + scene->margin_x;

	return scene->gap + (uint64_t)column * period / scene->tiles_x;
}

uint32_t scene_tile_y(const struct scene *scene, uint32_t row)
{
	uint32_t period = scene->area[SCENE_SOURCE].height + scene->margin_y;

	return scene->gap + (uint64_t)row * period / scene->tiles_y;
}

uint32_t scene_inset_x(const struct scene *scene)
{
	return (scene->area[SCENE_CANVAS].width - scene->area[SCENE_HALF].width) / 2;
}

uint32_t scene_inset_y(const struct scene *scene)
{
	return (scene->area[SCENE_CANVAS].height - scene->area[SCENE_HALF].height) / 2;
}

/* From a dark blue down to a darker green; red is the lowest byte. */
uint32_t scene_ground(const struct scene *scene, uint32_t y)
{
	uint32_t t = (uint64_t)y * 64 / scene->area[SCENE_CANVAS].height;

	return 0xff000000u | (96 - t) << 16 | (40 + t / 2) << 8 | 24;
}

/* --- the rectangles --- */

static uint64_t offset(const struct scene *scene, enum scene_bo bo, uint32_t x, uint32_t y)
{
	return (uint64_t)y * scene_pitch(scene, bo) + x * sizeof(uint32_t);
}

static void fill(const struct scene *scene, uint32_t x, uint32_t y, uint32_t width,
		 uint32_t height, uint32_t color, scene_emit *emit, void *data)
{
	struct scene_op op = {
		.dst = SCENE_CANVAS,
		.src = SCENE_NO_BO,
		.dst_offset = offset(scene, SCENE_CANVAS, x, y),
		.dst_pitch = scene_pitch(scene, SCENE_CANVAS),
		.width = width * sizeof(uint32_t),
		.rows = height,
		/* Eight bytes are two pixels */
		.value = (uint64_t)color << 32 | color,
	};

	emit(data, &op);
}

/* A whole buffer to a place on the canvas. */
static void place(const struct scene *scene, enum scene_bo src, uint32_t x, uint32_t y,
		  scene_emit *emit, void *data)
{
	struct scene_op op = {
		.dst = SCENE_CANVAS,
		.src = src,
		.dst_offset = offset(scene, SCENE_CANVAS, x, y),
		.dst_pitch = scene_pitch(scene, SCENE_CANVAS),
		.src_pitch = scene_pitch(scene, src),
		.width = scene_pitch(scene, src),
		.rows = scene->area[src].height,
	};

	emit(data, &op);
}

/* The same upside down: row by row. */
static void place_flipped(const struct scene *scene, enum scene_bo src, uint32_t x, uint32_t y,
			  scene_emit *emit, void *data)
{
	uint32_t row, height = scene->area[src].height;
	struct scene_op op = {
		.dst = SCENE_CANVAS,
		.src = src,
		.width = scene_pitch(scene, src),
		.rows = 1,
	};

	for (row = 0; row < height; row++) {
		op.dst_offset = offset(scene, SCENE_CANVAS, x, y + row);
		op.src_offset = offset(scene, src, 0, height - 1 - row);
		emit(data, &op);
	}
}

/*
 * Column @x of @dst from column @from of the source, a pixel wide, with each @step-th row:
 * this is how rectangles mirror and shrink.
 */
static void column(const struct scene *scene, enum scene_bo dst, uint32_t x, uint32_t from,
		   uint32_t step, scene_emit *emit, void *data)
{
	struct scene_op op = {
		.dst = dst,
		.src = SCENE_SOURCE,
		.dst_offset = offset(scene, dst, x, 0),
		.src_offset = offset(scene, SCENE_SOURCE, from, 0),
		.dst_pitch = scene_pitch(scene, dst),
		.src_pitch = scene_pitch(scene, SCENE_SOURCE) * step,
		.width = sizeof(uint32_t),
		.rows = scene->area[dst].height,
	};

	emit(data, &op);
}

static void pass_mirror(const struct scene *scene, scene_emit *emit, void *data)
{
	uint32_t x, width = scene->area[SCENE_SOURCE].width;

	for (x = 0; x < width; x++)
		column(scene, SCENE_MIRROR, x, width - 1 - x, 1, emit, data);
}

static void pass_shrink(const struct scene *scene, scene_emit *emit, void *data)
{
	uint32_t x;

	for (x = 0; x < scene->area[SCENE_THUMB].width; x++)
		column(scene, SCENE_THUMB, x, x * 8, 8, emit, data);
	for (x = 0; x < scene->area[SCENE_HALF].width; x++)
		column(scene, SCENE_HALF, x, x * 2, 2, emit, data);
}

static void pass_tile(const struct scene *scene, scene_emit *emit, void *data)
{
	uint32_t x, y;

	for (y = 0; y < scene->area[SCENE_CANVAS].height; y++)
		fill(scene, 0, y, scene->area[SCENE_CANVAS].width, 1, scene_ground(scene, y), emit,
		     data);
	for (y = 0; y <= 2 * scene->tiles_y; y++)
		for (x = 0; x <= 2 * scene->tiles_x; x++)
			place(scene, SCENE_THUMB, scene_tile_x(scene, x), scene_tile_y(scene, y),
			      emit, data);
}

static void frame(const struct scene *scene, enum scene_bo bo, uint32_t x, uint32_t y,
		  uint32_t color, scene_emit *emit, void *data)
{
	uint32_t line = scene->gap / 2;

	fill(scene, x - line, y - line, scene->area[bo].width + 2 * line,
	     scene->area[bo].height + 2 * line, color, emit, data);
}

static void pass_compose(const struct scene *scene, scene_emit *emit, void *data)
{
	uint32_t x[2] = { scene_picture_x(scene, 0), scene_picture_x(scene, 1) };
	uint32_t y[2] = { scene_picture_y(scene, 0), scene_picture_y(scene, 1) };
	unsigned int i;

	for (i = 0; i < 4; i++)
		frame(scene, SCENE_SOURCE, x[i % 2], y[i / 2], SCENE_FRAME, emit, data);
	place(scene, SCENE_SOURCE, x[0], y[0], emit, data);
	place(scene, SCENE_MIRROR, x[1], y[0], emit, data);
	place_flipped(scene, SCENE_SOURCE, x[0], y[1], emit, data);
	place_flipped(scene, SCENE_MIRROR, x[1], y[1], emit, data);
}

static void pass_inset(const struct scene *scene, scene_emit *emit, void *data)
{
	uint32_t x = scene_inset_x(scene), y = scene_inset_y(scene);

	frame(scene, SCENE_HALF, x, y, scene->accent, emit, data);
	place(scene, SCENE_HALF, x, y, emit, data);
}

void scene_pass(const struct scene *scene, enum scene_pass pass, scene_emit *emit, void *data)
{
	switch (pass) {
	case PASS_MIRROR:
		pass_mirror(scene, emit, data);
		break;
	case PASS_SHRINK:
		pass_shrink(scene, emit, data);
		break;
	case PASS_TILE:
		pass_tile(scene, emit, data);
		break;
	case PASS_COMPOSE:
		pass_compose(scene, emit, data);
		break;
	case PASS_INSET:
		pass_inset(scene, emit, data);
		break;
	case PASS_COUNT:
		break;
	}
}
