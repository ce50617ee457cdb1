/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef DEMO_IMAGE_H
#define DEMO_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

/* Pixels of 4 bytes, red first, rows without gaps. */
struct image {
	uint32_t width;
	uint32_t height;
	bool has_alpha;
	bool was_larger;	/* than the demo needs, in the file */
	uint32_t *pixels;
};

/*
 * All kinds of PNG become 8 bits of red, green, blue and alpha. What is larger than the
 * demo needs is made smaller by a whole factor. These two say on stderr what is wrong, and
 * return false.
 */
bool image_load(const char *path, struct image *image);
bool image_save(const char *path, const struct image *image);

void image_free(struct image *image);

#endif /* DEMO_IMAGE_H */
