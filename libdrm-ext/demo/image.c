// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "image.h"

/* What a VM without much memory can still read, and what the demo then works on */
#define MAX_READ_PIXELS		(40u << 20)
#define MAX_PIXELS		(1u << 20)
#define MAX_SIDE		4096u

/* Says more than libpng would. */
static bool is_png(const char *path)
{
	FILE *file = fopen(path, "rb");
	unsigned char head[8];
	size_t len;

	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return false;
	}
	len = fread(head, 1, sizeof(head), file);
	fclose(file);
	if (len == sizeof(head) && !png_sig_cmp(head, 0, sizeof(head)))
		return true;
	if (len < sizeof(head))
		fprintf(stderr, "%s: not a PNG: it has only %zu bytes\n", path, len);
	else if (head[0] == 0xff && head[1] == 0xd8)
		fprintf(stderr, "%s: not a PNG but a JPEG: convert it first\n", path);
	else
		fprintf(stderr, "%s: not a PNG: it begins with %02x %02x %02x %02x: convert it first\n",
			path, head[0], head[1], head[2], head[3]);
	return false;
}

/* Average of a square of pixels, where it lies within the picture. */
static uint32_t average(const struct image *image, uint32_t x, uint32_t y, uint32_t factor)
{
	uint32_t sum[4] = { 0 }, n = 0, i, j, c;
	uint8_t pixel[4];
	uint32_t result;

	for (j = y * factor; j < (y + 1) * factor && j < image->height; j++) {
		for (i = x * factor; i < (x + 1) * factor && i < image->width; i++, n++) {
			memcpy(pixel, &image->pixels[(size_t)j * image->width + i], 4);
			for (c = 0; c < 4; c++)
				sum[c] += pixel[c];
		}
	}
	for (c = 0; c < 4; c++)
		pixel[c] = sum[c] / n;
	memcpy(&result, pixel, 4);
	return result;
}

static uint32_t shrunk(uint32_t side, uint32_t factor)
{
	return side > factor ? side / factor : 1;
}

/* In place: a pixel is written only after all that are read later lie behind it. */
static void shrink(const char *path, struct image *image)
{
	uint32_t factor = 1, width, height, x, y;

	do {
		width = shrunk(image->width, factor);
		height = shrunk(image->height, factor);
		factor++;
	} while ((uint64_t)width * height > MAX_PIXELS || width > MAX_SIDE || height > MAX_SIDE);
	factor--;
	if (factor == 1)
		return;

	fprintf(stderr, "%s: %u x %u pixels are more than the demo needs: made %u times smaller\n",
		path, image->width, image->height, factor);
	for (y = 0; y < height; y++)
		for (x = 0; x < width; x++)
			image->pixels[(size_t)y * width + x] = average(image, x, y, factor);
	image->width = width;
	image->height = height;
	image->was_larger = true;
}

/* Reads all kinds of PNG; whatever libpng says about a broken one is told. */
static bool decode(const char *path, struct image *image)
{
	png_image png = { .version = PNG_IMAGE_VERSION };

	if (!png_image_begin_read_from_file(&png, path))
		goto failed;
	if ((uint64_t)png.width * png.height > MAX_READ_PIXELS) {
		fprintf(stderr, "%s: too large: %u x %u pixels, the demo reads up to 40 million\n",
			path, png.width, png.height);
		png_image_free(&png);
		return false;
	}
	image->width = png.width;
	image->height = png.height;
	image->has_alpha = png.format & PNG_FORMAT_FLAG_ALPHA;
	image->pixels = malloc((size_t)png.width * png.height * sizeof(*image->pixels));
	if (!image->pixels) {
		fprintf(stderr, "%s: not enough memory for %u x %u pixels\n", path, png.width,
			png.height);
		png_image_free(&png);
		return false;
	}
	/* 16 bits without a word about gamma are as 8 bits, not linear light */
	png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
	png.format = PNG_FORMAT_RGBA;
	if (png_image_finish_read(&png, NULL, image->pixels, 0, NULL))
		return true;
	image_free(image);
failed:
	fprintf(stderr, "%s: a broken PNG: %s\n", path, png.message);
	return false;
}

bool image_load(const char *path, struct image *image)
{
	memset(image, 0, sizeof(*image));
	if (!is_png(path) || !decode(path, image))
		return false;
	shrink(path, image);
	return true;
}

/* Three bytes of each pixel, for pictures without transparency. */
static uint8_t *without_alpha(const struct image *image)
{
	size_t n = (size_t)image->width * image->height, i;
	uint8_t *rgb = malloc(n * 3);

	for (i = 0; rgb && i < n; i++)
		memcpy(rgb + 3 * i, &image->pixels[i], 3);
	return rgb;
}

bool image_save(const char *path, const struct image *image)
{
	png_image png = {
		.version = PNG_IMAGE_VERSION,
		.width = image->width,
		.height = image->height,
		.format = image->has_alpha ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB,
		/* Also in a slow VM */
		.flags = PNG_IMAGE_FLAG_FAST,
	};
	uint8_t *rgb = NULL;
	bool ok;

	if (!image->has_alpha) {
		rgb = without_alpha(image);
		if (!rgb) {
			fprintf(stderr, "%s: not enough memory to write it\n", path);
			return false;
		}
	}
	ok = png_image_write_to_file(&png, path, 0, rgb ? (void *)rgb : image->pixels, 0, NULL);
	if (!ok)
		fprintf(stderr, "%s: %s\n", path, png.message);
	free(rgb);
	return ok;
}

void image_free(struct image *image)
{
	free(image->pixels);
	image->pixels = NULL;
}
