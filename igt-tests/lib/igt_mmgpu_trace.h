/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_TRACE_H
#define IGT_MMGPU_TRACE_H

#include "igt_mmgpu.h"

/* One kind of the driver's trace events, as they come. */
struct igt_mmgpu_trace {
	int pipe;
	/* Lines that were read and not told yet. */
	size_t len;
	char text[8192];
	char line[512];
	char marker[64];
};

/* Skips where there is no tracing. Stop it, or it goes on after the test. */
void igt_mmgpu_trace_start(struct igt_mmgpu_trace *trace, const char *event);
void igt_mmgpu_trace_stop(struct igt_mmgpu_trace *trace);
/* The fields of the next event that there is already, or NULL. Kept until the next call. */
const char *igt_mmgpu_trace_next(struct igt_mmgpu_trace *trace);

#endif /* IGT_MMGPU_TRACE_H */
