// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * The judge. For each pixel of the canvas: what lies on top there? Shares the layout with
 * scene.c, but none of the ways to draw.
 */

#include <stdio.h>
#include <stdlib.h>

#include "scene.h"

struct judge {
	const struct scene *scene;
	const struct image *picture;
};

static uint32_t source(const struct judge *judge, uint32_t x, uint32_t y)
{
	return judge->picture->pixels[(size_t)y * judge->picture->width + x];
}

/* Whether @x is within @size from @start; tells how far. */
static bool within(uint32_t x, uint32_t start, uint32_t size, uint32_t *at)
{
	*at = x - start;
	return x >= start && x - start < size;
}

static bool inset(const struct judge *judge, uint32_t x, uint32_t y, uint32_t *color)
{
	const struct scene_area *half = &judge->scene->area[SCENE_HALF];
	uint32_t left = scene_inset_x(judge->scene), top = scene_inset_y(judge->scene);
	uint32_t line = judge->scene->gap / 2, u, v;

	if (within(x, left, half->width, &u) && within(y, top, half->height, &v))
		*color = source(judge, u * 2, v * 2);
	else if (within(x, left - line, half->width + 2 * line, &u) &&
		 within(y, top - line, half->height + 2 * line, &v))
		*color = judge->scene->accent;
	else
		return false;
	return true;
}

static bool pictures(const struct judge *judge, uint32_t x, uint32_t y, uint32_t *color)
{
	uint32_t width = judge->picture->width, height = judge->picture->height;
	uint32_t line = judge->scene->gap / 2, i, left, top, u, v;

	for (i = 0; i < 4; i++) {
		left = scene_picture_x(judge->scene, i & 1);
		top = scene_picture_y(judge->scene, i >> 1);
		if (within(x, left, width, &u) && within(y, top, height, &v)) {
			*color = source(judge, i & 1 ? width - 1 - u : u, i & 2 ? height - 1 - v : v);
			return true;
		}
		if (within(x, left - line, width + 2 * line, &u) &&
		    within(y, top - line, height + 2 * line, &v)) {
			*color = SCENE_FRAME;
			return true;
		}
	}
	return false;
}

/* Tiles do not overlap, as a period is longer than all of its tiles with their gaps. */
static bool tiles(const struct judge *judge, uint32_t x, uint32_t y, uint32_t *color)
{
	const struct scene *scene = judge->scene;
	const struct scene_area *thumb = &scene->area[SCENE_THUMB];
	uint32_t i, j, u = 0, v = 0;

	for (i = 0; i <= 2 * scene->tiles_x; i++)
		if (within(x, scene_tile_x(scene, i), thumb->width, &u))
			break;
	for (j = 0; j <= 2 * scene->tiles_y; j++)
		if (within(y, scene_tile_y(scene, j), thumb->height, &v))
			break;
	if (i > 2 * scene->tiles_x || j > 2 * scene->tiles_y)
		return false;
	*color = source(judge, u * 8, v * 8);
	return true;
}

static uint32_t look(const struct judge *judge, uint32_t x, uint32_t y)
{
	uint32_t color;

	if (inset(judge, x, y, &color) || pictures(judge, x, y, &color) ||
	    tiles(judge, x, y, &color))
		return color;
	return scene_ground(judge->scene, y);
}

uint32_t *scene_reference(const struct scene *scene, const struct image *picture)
{
	const struct scene_area *canvas = &scene->area[SCENE_CANVAS];
	const struct judge judge = { scene, picture };
	uint32_t *pixels, x, y;

	pixels = malloc(scene_size(scene, SCENE_CANVAS));
	if (!pixels)
		return NULL;
	for (y = 0; y < canvas->height; y++)
		for (x = 0; x < canvas->width; x++)
			pixels[(size_t)y * canvas->width + x] = look(&judge, x, y);
	return pixels;
}

bool scene_verify(const struct scene *scene, const struct image *picture, const uint32_t *canvas)
{
	const struct scene_area *area = &scene->area[SCENE_CANVAS];
	size_t i, n = (size_t)area->width * area->height, wrong = 0, first = 0;
	uint32_t *expected = scene_reference(scene, picture);

	if (!expected) {
		fprintf(stderr, "not enough memory for the CPU's picture\n");
		return false;
	}
	for (i = 0; i < n; i++) {
		if (canvas[i] == expected[i])
			continue;
		if (!wrong++)
			first = i;
	}
	if (wrong)
		fprintf(stderr, "%zu of %zu pixels are wrong, the first at %zu, %zu: %08x, not %08x\n",
			wrong, n, first % area->width, first / area->width, canvas[first],
			expected[first]);
	free(expected);
	return !wrong;
}
