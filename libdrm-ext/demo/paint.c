// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Paints the demo's picture, picture.png: nothing in it looks the same when it is
 * mirrored. Only needed to change it: mmgpu-demo-paint picture.png
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"

#define WIDTH	512
#define HEIGHT	384
#define HORIZON	232.0
/* Samples of a pixel in each direction */
#define SAMPLES	4

struct color {
	double r, g, b;
};

static struct color mix(struct color a, struct color b, double t)
{
	t = fmin(fmax(t, 0), 1);
	return (struct color) {
		a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t,
	};
}

static double smooth(double from, double to, double x)
{
	double t = fmin(fmax((x - from) / (to - from), 0), 1);

	return t * t * (3 - 2 * t);
}

static bool in_ellipse(double x, double y, double cx, double cy, double rx, double ry)
{
	double dx = (x - cx) / rx, dy = (y - cy) / ry;

	return dx * dx + dy * dy <= 1;
}

static bool in_triangle(double x, double y, const double p[6])
{
	double a = (p[2] - p[0]) * (y - p[1]) - (p[3] - p[1]) * (x - p[0]);
	double b = (p[4] - p[2]) * (y - p[3]) - (p[5] - p[3]) * (x - p[2]);
	double c = (p[0] - p[4]) * (y - p[5]) - (p[1] - p[5]) * (x - p[4]);

	return (a >= 0 && b >= 0 && c >= 0) || (a <= 0 && b <= 0 && c <= 0);
}

/* Height of a polyline at @x; points are x, y pairs from left to right. */
static double ridge(double x, const double *points, int n)
{
	int i;

	for (i = 0; i < n - 2; i++)
		if (x < points[2 * i + 2])
			break;
	points += 2 * i;
	return points[1] + (points[3] - points[1]) * (x - points[0]) / (points[2] - points[0]);
}

static struct color sky(double x, double y)
{
	const struct color top = { 0.09, 0.20, 0.45 }, middle = { 0.42, 0.60, 0.80 };
	const struct color low = { 1.00, 0.80, 0.58 }, sun = { 1.00, 0.95, 0.70 };
	struct color c = y < 130 ? mix(top, middle, y / 130) : mix(middle, low, (y - 130) / 102);
	double d = hypot(x - 398, y - 98);

	c = mix(c, sun, 0.75 * exp(-d / 42));
	if (d < 30)
		c = mix((struct color) { 1, 0.99, 0.90 }, sun, d / 30);
	return c;
}

static bool in_cloud(double x, double y)
{
	static const double puffs[][4] = {
		{ 190, 62, 34, 13 }, { 214, 52, 24, 16 }, { 238, 64, 30, 11 }, { 170, 67, 22, 8 },
		{ 286, 36, 20, 7 }, { 304, 31, 14, 8 }, { 318, 37, 17, 6 },
	};
	unsigned int i;

	if (y > 70 || (y > 39 && x > 270))
		return false;
	for (i = 0; i < sizeof(puffs) / sizeof(puffs[0]); i++)
		if (in_ellipse(x, y, puffs[i][0], puffs[i][1], puffs[i][2], puffs[i][3]))
			return true;
	return false;
}

/* The light from the lantern, to the right and a little down. */
static double beam(double x, double y)
{
	double dx = x - 92, dy = y - 104 - dx * 0.06;

	if (dx <= 0 || fabs(dy) > 3 + dx * 0.10)
		return 0;
	return 0.55 * (1 - fabs(dy) / (3 + dx * 0.10)) * exp(-dx / 190);
}

static struct color backdrop(double x, double y)
{
	static const double far[] = { 0, 190, 60, 168, 130, 196, 215, 150, 262, 178, 330, 128, 372,
				      168, 420, 186, 470, 158, 512, 176 };
	static const double near[] = { 0, 214, 150, 226, 250, 222, 310, 196, 352, 206, 398, 178,
				       440, 204, 512, 190 };
	struct color c = sky(x, y);
	double top;

	if (in_cloud(x, y))
		c = mix(c, (struct color) { 1, 0.97, 0.95 }, 0.75);
	c = mix(c, (struct color) { 1, 0.96, 0.75 }, beam(x, y));
	top = ridge(x, far, 10);
	if (y > top) {
		c = mix((struct color) { 0.45, 0.50, 0.66 }, (struct color) { 0.72, 0.66, 0.68 },
			(y - 130) / 100);
		/* Snow down to a zigzag */
		if (y < 152 + 4 * fabs(fmod(x / 7, 2) - 1) && y > top)
			c = (struct color) { 0.96, 0.96, 1.00 };
	}
	if (y > ridge(x, near, 8))
		c = mix((struct color) { 0.26, 0.38, 0.40 }, (struct color) { 0.36, 0.50, 0.44 },
			(y - 180) / 50);
	return c;
}

static struct color sea(double x, double y)
{
	const struct color far = { 0.56, 0.66, 0.72 }, near = { 0.04, 0.22, 0.34 };
	const struct color glint = { 1.00, 0.90, 0.66 };
	double depth = (y - HORIZON) / (HEIGHT - HORIZON);
	struct color c = mix(far, near, sqrt(depth));
	double wave = sin(y * y / 260 + 2.2 * sin(x / (9 + 24 * depth)));

	c = mix(c, (struct color) { 0.75, 0.88, 0.92 }, 0.12 * smooth(0.5, 1, wave));
	/* The sun's path on the water gets wider towards us */
	if (fabs(x - 398 - 6 * wave) < 10 + 36 * depth)
		c = mix(c, glint, (0.7 - 0.4 * depth) * smooth(-0.2, 0.7, wave));
	return c;
}

static bool paint_boat(double x, double y, struct color *c)
{
	static const double jib[] = { 262, 288, 291, 288, 291, 222 };
	static const double mainsail[] = { 296, 284, 336, 284, 296, 206 };

	if (in_triangle(x, y, mainsail)) {
		*c = mix((struct color) { 1, 1, 0.97 }, (struct color) { 0.84, 0.82, 0.84 },
			 (x - 296) / 40);
		if (y > 252 && y < 262)
			*c = (struct color) { 0.15, 0.45, 0.72 };
		return true;
	}
	if (in_triangle(x, y, jib)) {
		*c = (struct color) { 0.95, 0.58, 0.18 };
		return true;
	}
	if (x > 292 && x < 295 && y > 196 && y < 292) {
		*c = (struct color) { 0.35, 0.22, 0.12 };
		return true;
	}
	/* A pennant, blown to the left */
	if (y > 196 && y < 204 && x > 276 && x < 293 && fabs(y - 200) < (x - 276) / 4) {
		*c = (struct color) { 0.85, 0.12, 0.15 };
		return true;
	}
	if (y > 290 && y < 306 && x > 258 + (y - 290) * 0.9 && x < 344 - (y - 290) * 1.6) {
		*c = y < 295 ? (struct color) { 0.96, 0.94, 0.88 } :
			       (struct color) { 0.62, 0.16, 0.14 };
		return true;
	}
	return false;
}

static bool paint_lighthouse(double x, double y, struct color *c)
{
	double half = 12 + (y - 116) * 0.065;
	double light = (x - 84 + half) / (2 * half);

	if (y > 116 && y < 250 && fabs(x - 84) < half) {
		*c = ((int)((y - 116) / 22.4) & 1) ? (struct color) { 0.82, 0.16, 0.16 } :
						     (struct color) { 0.97, 0.96, 0.93 };
		if (fabs(x - 84) < 4 && ((y > 150 && y < 158) || (y > 194 && y < 202)))
			*c = (struct color) { 0.16, 0.20, 0.28 };
		*c = mix((struct color) { 0.25, 0.22, 0.35 }, *c, 0.55 + 0.6 * light);
		return true;
	}
	if (y > 111 && y <= 116 && fabs(x - 84) < 18) {
		*c = (struct color) { 0.20, 0.22, 0.28 };
		return true;
	}
	if (y > 96 && y <= 111 && fabs(x - 84) < 9) {
		*c = fabs(fmod(x - 75, 6) - 3) < 2.2 ? (struct color) { 1, 0.95, 0.62 } :
						       (struct color) { 0.20, 0.22, 0.28 };
		return true;
	}
	if (y > 82 && y <= 96 && fabs(x - 84) < (y - 82) * 0.85) {
		*c = (struct color) { 0.70, 0.13, 0.14 };
		return true;
	}
	return false;
}

static bool paint_shore(double x, double y, struct color *c)
{
	static const double rock[] = { 0, 236, 30, 240, 52, 246, 118, 246, 142, 262, 168, 282,
				       190, 304, 236, 330, 300, 352, 360, 390 };
	double top = ridge(x, rock, 10);

	if (x > 360 || y < top)
		return false;
	*c = mix((struct color) { 0.44, 0.56, 0.26 }, (struct color) { 0.20, 0.27, 0.17 },
		 (y - top) / 90);
	/* A path from the door to the lower left */
	if (y > 250 && fabs(x - 84 + (y - 250) * 0.25 + 14 * sin((y - 250) / 26)) <
		       2 + (y - 250) * 0.09)
		*c = mix((struct color) { 0.88, 0.79, 0.58 }, (struct color) { 0.72, 0.60, 0.40 },
			 (y - 250) / 130);
	return true;
}

/* Seven rows of five dots for each letter */
static bool in_text(double x, double y)
{
	static const char *const letters[][7] = {
		{ "     ", "     ", "## # ", "# # #", "# # #", "# # #", "     " },
		{ "     ", "     ", "## # ", "# # #", "# # #", "# # #", "     " },
		{ "     ", "     ", " ####", "#   #", " ####", "    #", " ### " },
		{ "     ", "     ", "#### ", "#   #", "#### ", "#    ", "#    " },
		{ "     ", "     ", "#   #", "#   #", "#   #", " ####", "     " },
	};
	double u = (x - 100) / 4.5, v = (y - 337) / 4.5;
	int letter = floor(u / 6), column = (int)floor(u) % 6, row = floor(v);

	if (u < 0 || v < 0 || letter > 4 || row > 6 || column > 4)
		return false;
	return letters[letter][row][column] == '#';
}

static struct color scene(double x, double y)
{
	struct color c;

	if (in_text(x, y))
		return (struct color) { 1, 1, 1 };
	if (in_text(x - 2, y - 2))
		return (struct color) { 0.05, 0.10, 0.06 };
	if (paint_lighthouse(x, y, &c) || paint_shore(x, y, &c) || paint_boat(x, y, &c))
		return c;
	return y < HORIZON ? backdrop(x, y) : sea(x, y);
}

static uint32_t pixel(int x, int y)
{
	struct color sum = { 0 }, c;
	unsigned char bytes[4] = { 0, 0, 0, 0xff };
	uint32_t result;
	int i, j;

	for (j = 0; j < SAMPLES; j++) {
		for (i = 0; i < SAMPLES; i++) {
			c = scene(x + (i + 0.5) / SAMPLES, y + (j + 0.5) / SAMPLES);
			sum.r += c.r;
			sum.g += c.g;
			sum.b += c.b;
		}
	}
	bytes[0] = lround(255 * fmin(sum.r / SAMPLES / SAMPLES, 1));
	bytes[1] = lround(255 * fmin(sum.g / SAMPLES / SAMPLES, 1));
	bytes[2] = lround(255 * fmin(sum.b / SAMPLES / SAMPLES, 1));
	memcpy(&result, bytes, 4);
	return result;
}

int main(int argc, char **argv)
{
	struct image image = { .width = WIDTH, .height = HEIGHT };
	int x, y;

	if (argc != 2) {
		fprintf(stderr, "usage: mmgpu-demo-paint FILE.png\n");
		return 2;
	}
	image.pixels = malloc(WIDTH * HEIGHT * sizeof(*image.pixels));
	if (!image.pixels)
		return 1;
	for (y = 0; y < HEIGHT; y++)
		for (x = 0; x < WIDTH; x++)
			image.pixels[y * WIDTH + x] = pixel(x, y);
	return image_save(argv[1], &image) ? 0 : 1;
}
