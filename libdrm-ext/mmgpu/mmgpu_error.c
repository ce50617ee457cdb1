// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * What went wrong, in words. The text is made when a call fails and kept per thread,
 * in a fixed buffer: reporting that memory ran out must not need memory.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mmgpu_internal.h"

static _Thread_local char last_error[512];

drm_public const char *drm_mmgpu_last_error(void)
{
	return last_error;
}

int mmgpu_fail(int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(last_error, sizeof(last_error), fmt, args);
	va_end(args);
	return -err;
}

/* strerror() is not safe between threads, and follows the locale. */
static const char *error_text(int err)
{
	const char *text = strerrordesc_np(err);

	return text ? text : "unknown error";
}

static int query_mm(int fd, struct drm_mmgpu_query_mm *query)
{
	*query = (struct drm_mmgpu_query_mm) { 0 };
	return mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_QUERY_MM, query);
}

bool mmgpu_is_foreign(int fd)
{
	struct drm_mmgpu_query_mm query;

	return !query_mm(fd, &query) && (query.state & MMGPU_MM_BOUND) &&
	       !(query.state & MMGPU_MM_OWNER);
}

/* The gate answers -EPERM and -ESRCH. Asking for the numbers assigns none. */
static int fail_gate(int fd, int err, const char *what)
{
	struct drm_mmgpu_query_mm query;

	if (query_mm(fd, &query) || !(query.state & MMGPU_MM_BOUND))
		return mmgpu_fail(err, "%s: %s", what, error_text(err));

	if (query.state & MMGPU_MM_GONE)
		return mmgpu_fail(err, "%s: this file is bound to address space %" PRIu64
				  ", which is gone (its process ended or called exec): open the node again in this process",
				  what, (uint64_t)query.bound_mm_seq);
	if (query.state & MMGPU_MM_OWNER)
		return mmgpu_fail(err, "%s: %s", what, error_text(err));
	if (!query.caller_mm_seq)
		return mmgpu_fail(err, "%s: this file is bound to address space %" PRIu64
				  " and the caller is another one, without a number: open the node again in this process",
				  what, (uint64_t)query.bound_mm_seq);
	return mmgpu_fail(err, "%s: this file is bound to address space %" PRIu64
			  " and the caller is %" PRIu64 ": open the node again in this process",
			  what, (uint64_t)query.bound_mm_seq, (uint64_t)query.caller_mm_seq);
}

int mmgpu_fail_file(int fd, int err, const char *what)
{
	switch (err) {
	case EPERM:
	case ESRCH:
		return fail_gate(fd, err, what);
	case ENODEV:
		return mmgpu_fail(err, "%s: the device was unplugged or its driver unbound: close the file, and open the node again when the device is back",
				  what);
	case ENOMEM:
		return mmgpu_fail(err, "%s: out of memory: free something, or raise the memory limit",
				  what);
	case EBADF:
		return mmgpu_fail(err, "%s: the descriptor %d is closed or not open for this: keep the one given to drm_mmgpu_new() open until drm_mmgpu_close()",
				  what, fd);
	case ENOTTY:
		return mmgpu_fail(err, "%s: this driver does not know the call: load a newer mmgpu module",
				  what);
	default:
		return mmgpu_fail(err, "%s: %s", what, error_text(err));
	}
}

static int fail_private(int fd, int err, uint32_t handle, const char *what)
{
	const char *lacks = err == EACCES ? "no write" : "no";
	struct drm_mmgpu_query_mm query;

	if (query_mm(fd, &query) || !query.caller_mm_seq)
		return mmgpu_fail(err, "%s: the buffer with GEM handle %" PRIu32 " is private to another address space, which gives this one %s access: let its owner grant it (drm_mmgpu_query() tells by which number), or make it with MMGPU_BO_SHARED",
				  what, handle, lacks);
	return mmgpu_fail(err, "%s: the buffer with GEM handle %" PRIu32 " is private to another address space, which gives this one %s access: let its owner grant it to %" PRIu64 ", or make it with MMGPU_BO_SHARED",
			  what, handle, lacks, (uint64_t)query.caller_mm_seq);
}

int mmgpu_fail_bo(int fd, int err, uint32_t handle, const char *what)
{
	if (err == ENOENT)
		return mmgpu_fail(err, "%s: GEM handle %" PRIu32 " is not there any more: something else closed it, leave that to drm_mmgpu_bo_put()",
				  what, handle);
	if ((err == EPERM || err == EACCES) && !mmgpu_is_foreign(fd))
		return fail_private(fd, err, handle, what);
	return mmgpu_fail_file(fd, err, what);
}
