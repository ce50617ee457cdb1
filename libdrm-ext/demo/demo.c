// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xf86drm.h>

#include "demo.h"

#define MAX_DEVICES	64

const char *demo_name = "demo";

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void speak(FILE *out, const char *fmt, va_list args)
{
	static double start;
	char line[512];

	if (!start)
		start = now();
	vsnprintf(line, sizeof(line), fmt, args);
	/* In one piece, as several processes speak */
	fprintf(out, "%6.2f s  %s: %s\n", now() - start, demo_name, line);
	fflush(out);
}

void demo_say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	speak(stdout, fmt, args);
	va_end(args);
}

void demo_die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	speak(stderr, fmt, args);
	va_end(args);
	exit(1);
}

int64_t demo_deadline(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (ts.tv_sec + DEMO_TIMEOUT_S) * 1000000000ll + ts.tv_nsec;
}

static bool is_ours(int fd)
{
	drmVersionPtr version = drmGetVersion(fd);
	bool ours = version && !strcmp(version->name, "mmgpu");

	drmFreeVersion(version);
	return ours;
}

int demo_open_node(void)
{
	drmDevicePtr devices[MAX_DEVICES];
	int count = drmGetDevices2(0, devices, MAX_DEVICES), fd = -1, i;

	for (i = 0; i < count && fd < 0; i++) {
		if (!(devices[i]->available_nodes & (1 << DRM_NODE_RENDER)) ||
		    devices[i]->bustype != DRM_BUS_PLATFORM)
			continue;
		fd = open(devices[i]->nodes[DRM_NODE_RENDER], O_RDWR | O_CLOEXEC);
		if (fd >= 0 && !is_ours(fd)) {
			close(fd);
			fd = -1;
		}
	}
	if (count > 0)
		drmFreeDevices(devices, count);
	return fd;
}

int demo_ioctl(int fd, unsigned long request, void *arg)
{
	return drmIoctl(fd, request, arg) ? -errno : 0;
}
