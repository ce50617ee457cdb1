// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "igt.h"
#include "igt_mmgpu_trace.h"

#define TRACING		"/sys/kernel/tracing"
/* Buffers of our own, so that nobody else's tracing is in the way. */
#define INSTANCE	TRACING "/instances/mmgpu-events"

static void enable(const char *event, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), INSTANCE "/events/mmgpu/%s/enable", event);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	igt_assert_fd(fd);
	igt_assert_eq(write(fd, value, 1), 1);
	close(fd);
}

void igt_mmgpu_trace_start(struct igt_mmgpu_trace *trace, const char *event)
{
	memset(trace, 0, sizeof(*trace));
	/* Of a run that broke off. */
	rmdir(INSTANCE);
	igt_require_f(!mkdir(INSTANCE, 0700), "no " TRACING ": not root, or not mounted\n");
	enable(event, "1");
	snprintf(trace->marker, sizeof(trace->marker), ": %s: ", event);
	trace->pipe = open(INSTANCE "/trace_pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	igt_assert_fd(trace->pipe);
}

void igt_mmgpu_trace_stop(struct igt_mmgpu_trace *trace)
{
	if (trace->pipe <= 0)
		return;
	close(trace->pipe);
	trace->pipe = -1;
	rmdir(INSTANCE);
}

const char *igt_mmgpu_trace_next(struct igt_mmgpu_trace *trace)
{
	for (;;) {
		char *end = memchr(trace->text, '\n', trace->len);
		ssize_t ret;

		if (end) {
			size_t len = end + 1 - trace->text;
			const char *found;

			*end = 0;
			igt_assert_lte(len, sizeof(trace->line));
			memcpy(trace->line, trace->text, len);
			trace->len -= len;
			memmove(trace->text, end + 1, trace->len);
			found = strstr(trace->line, trace->marker);
			if (found)
				return found + strlen(trace->marker);
			continue;
		}
		ret = read(trace->pipe, trace->text + trace->len,
			   sizeof(trace->text) - trace->len);
		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0 && errno == EAGAIN)
			return NULL;
		igt_assert_lt(0, ret);
		trace->len += ret;
	}
}
