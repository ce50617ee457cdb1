// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * The rectangles of the demo, carried out by the CPU, make the picture that the reference
 * paints, for pictures of all shapes; and the reference does see a wrong pixel.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scene.h"

static const struct scene *current;
static uint8_t *memory[SCENE_BO_COUNT];

static void fail(const char *what)
{
	fprintf(stderr, "scene_test: %s, picture of %u x %u\n", what,
		current->area[SCENE_SOURCE].width, current->area[SCENE_SOURCE].height);
	exit(1);
}

static uint8_t *row(enum scene_bo bo, uint64_t offset, uint64_t pitch, uint32_t y, uint64_t width)
{
	offset += pitch * y;
	if (offset + width > scene_size(current, bo))
		fail("a rectangle is out of its buffer");
	return memory[bo] + offset;
}

static void execute(void *data, const struct scene_op *op)
{
	uint32_t y, i;
	uint8_t *dst;

	(void)data;
	if (!op->width || !op->rows ||
	    (op->rows > 1 && (op->dst_pitch < op->width ||
			      (op->src != SCENE_NO_BO && op->src_pitch < op->width))))
		fail("a rectangle that the driver refuses");
	for (y = 0; y < op->rows; y++) {
		dst = row(op->dst, op->dst_offset, op->dst_pitch, y, op->width);
		if (op->src == SCENE_NO_BO) {
			for (i = 0; i < op->width; i++)
				dst[i] = op->value >> (i % 8 * 8);
		} else {
			memcpy(dst, row(op->src, op->src_offset, op->src_pitch, y, op->width),
			       op->width);
		}
	}
}

static void test_size(uint32_t width, uint32_t height)
{
	struct image picture = { .width = width, .height = height };
	struct scene scene;
	uint32_t i, n = width * height;

	picture.pixels = malloc(n * sizeof(uint32_t));
	for (i = 0; i < n; i++)
		picture.pixels[i] = i * 2654435761u;
	scene_init(&scene, &picture, 0xff112233);
	current = &scene;
	for (i = 0; i < SCENE_BO_COUNT; i++)
		memory[i] = calloc(1, scene_size(&scene, i));
	memcpy(memory[SCENE_SOURCE], picture.pixels, n * sizeof(uint32_t));

	for (i = 0; i < PASS_COUNT; i++)
		scene_pass(&scene, i, execute, NULL);
	if (!scene_verify(&scene, &picture, (uint32_t *)memory[SCENE_CANVAS]))
		fail("rectangles and reference differ");

	for (i = 0; i < SCENE_BO_COUNT; i++)
		free(memory[i]);
	free(picture.pixels);
}

int main(void)
{
	static const uint32_t sizes[][2] = {
		{ 1, 1 }, { 1, 2 }, { 3, 1 }, { 7, 9 }, { 8, 8 }, { 15, 33 }, { 127, 65 },
		{ 1, 1000 }, { 1000, 1 }, { 300, 200 }, { 61, 403 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		test_size(sizes[i][0], sizes[i][1]);
	printf("ok scene_test\n");
	return 0;
}
