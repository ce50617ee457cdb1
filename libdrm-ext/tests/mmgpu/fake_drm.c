// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <xf86drm.h>

#include "fake_drm.h"
#include "libdrm_mmgpu.h"

struct fake fake;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void fake_fini(void)
{
	free(fake.submit.cmds);
	free(fake.submit.refs);
	if (fake.fd > 0)
		close(fake.fd);
	memset(&fake, 0, sizeof(fake));
}

void fake_reset(void)
{
	unsigned int i;

	fake_fini();
	fake.fd = memfd_create("fake", MFD_CLOEXEC);
	CHECK(fake.fd > 0 && !ftruncate(fake.fd, 1 << 24));
	fake.name = "mmgpu";
	fake.major = 1;
	fake.caller_mm_seq = 7;
	fake.bo_access = MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE;
	for (i = 0; i < 16; i++)
		fake.params[i] = 100 + i;
}

void fake_check_words(const char *file, int line, const char *words)
{
	if (strstr(drm_mmgpu_last_error(), words))
		return;
	fprintf(stderr, "%s:%d: \"%s\" has no \"%s\"\n", file, line, drm_mmgpu_last_error(), words);
	exit(1);
}

/* The lowest free handle, as the kernel does. */
static uint32_t new_handle(uint64_t object, uint64_t size)
{
	uint32_t i;

	for (i = 1; fake.object[i]; i++)
		CHECK(i + 1 < FAKE_HANDLES);
	fake.object[i] = object;
	fake.size[i] = size;
	fake.open_handles++;
	return i;
}

static int do_version(struct drm_version *args)
{
	size_t len = strlen(fake.name);

	if (args->name && args->name_len)
		memcpy(args->name, fake.name, len < args->name_len ? len : args->name_len);
	args->name_len = len;
	args->version_major = fake.major;
	args->version_minor = 3;
	return 0;
}

static int do_query_mm(struct drm_mmgpu_query_mm *args)
{
	args->state = 0;
	if (fake.bound_mm_seq)
		args->state |= MMGPU_MM_BOUND;
	if (fake.bound_mm_seq && fake.bound_mm_seq == fake.caller_mm_seq)
		args->state |= MMGPU_MM_OWNER;
	if (fake.gone)
		args->state |= MMGPU_MM_GONE;
	args->bound_mm_seq = fake.bound_mm_seq;
	args->caller_mm_seq = fake.caller_mm_seq;
	return 0;
}

static int do_bo_info(struct drm_mmgpu_bo_info *args)
{
	if (args->pad)
		return EINVAL;
	if (args->handle >= FAKE_HANDLES || !fake.object[args->handle])
		return ENOENT;
	if (args->handle == fake.fail_handle)
		return fake.fail_handle_errno;
	args->size = fake.size[args->handle];
	args->mmap_offset = args->handle * FAKE_PAGE;
	args->mm_seq = fake.bo_mm_seq;
	args->access = fake.bo_access;
	args->flags = 0;
	return 0;
}

static int do_gem_close(const struct drm_gem_close *args)
{
	if (args->handle >= FAKE_HANDLES || !fake.object[args->handle]) {
		fake.bad_closes++;
		return EINVAL;
	}
	fake.object[args->handle] = 0;
	fake.open_handles--;
	return 0;
}

/* The "dma-buf" is a file with the number and the size of the object in it. */
static int do_export(struct drm_prime_handle *args)
{
	uint64_t object[2];

	if (args->flags & ~(DRM_CLOEXEC | DRM_RDWR))
		return EINVAL;
	if (args->handle >= FAKE_HANDLES || !fake.object[args->handle])
		return ENOENT;
	object[0] = fake.object[args->handle];
	object[1] = fake.size[args->handle];
	args->fd = memfd_create("fake dma-buf", MFD_CLOEXEC);
	CHECK(write(args->fd, object, sizeof(object)) == sizeof(object));
	return 0;
}

static int do_import(struct drm_prime_handle *args)
{
	uint64_t object[2];
	uint32_t i;

	if (pread(args->fd, object, sizeof(object), 0) != sizeof(object))
		return errno == EBADF ? EBADF : EINVAL;
	for (i = 1; i < FAKE_HANDLES; i++) {
		if (fake.object[i] == object[0]) {
			args->handle = i;
			return 0;
		}
	}
	args->handle = new_handle(object[0], object[1]);
	return 0;
}

static void *copy_array(const struct drm_mmgpu_obj_array *array, size_t size)
{
	CHECK(!array->count || array->stride == size);
	return array->count ? memcpy(malloc(array->count * size),
				     (void *)(uintptr_t)array->array, array->count * size) : NULL;
}

static void copy_syncs(const struct drm_mmgpu_obj_array *array, struct drm_mmgpu_sync *syncs)
{
	struct drm_mmgpu_sync *copy = copy_array(array, sizeof(*copy));

	CHECK(array->count <= 8);
	if (copy)
		memcpy(syncs, copy, array->count * sizeof(*copy));
	free(copy);
}

static int do_submit(const struct drm_mmgpu_submit *args)
{
	struct fake_submit *submit = &fake.submit;

	free(submit->cmds);
	free(submit->refs);
	submit->args = *args;
	submit->cmds = copy_array(&args->cmds, sizeof(*submit->cmds));
	submit->refs = copy_array(&args->bos, sizeof(*submit->refs));
	copy_syncs(&args->in_syncs, submit->in_syncs);
	copy_syncs(&args->out_syncs, submit->out_syncs);
	return 0;
}

static int do_get_param(struct drm_mmgpu_get_param *args)
{
	if (args->param > MMGPU_PARAM_SVM)
		return EINVAL;
	args->value = fake.params[args->param];
	return 0;
}

static int do_bo_create(struct drm_mmgpu_bo_create *args)
{
	if (!args->size || (args->flags & ~MMGPU_BO_SHARED))
		return EINVAL;
	if (args->size > fake.params[MMGPU_PARAM_MAX_BO_SIZE] * FAKE_PAGE)
		return E2BIG;
	args->handle = new_handle(++fake.objects, (args->size + FAKE_PAGE - 1) / FAKE_PAGE * FAKE_PAGE);
	return 0;
}

static int do_bo_grant(const struct drm_mmgpu_bo_grant *args)
{
	if (args->handle >= FAKE_HANDLES || !fake.object[args->handle])
		return ENOENT;
	if (fake.interrupt_grants && fake.interrupt_grants--)
		return EINTR;
	fake.grant = *args;
	return 0;
}

static int answer(unsigned long request, void *arg)
{
	if (request == DRM_IOCTL_MMGPU_QUERY_MM && request != fake.fail_request)
		return do_query_mm(arg);
	if (request == DRM_IOCTL_MMGPU_GET_PARAM && request != fake.fail_request)
		return do_get_param(arg);
	if (fake.bound_mm_seq && fake.bound_mm_seq != fake.caller_mm_seq)
		return fake.gone ? ESRCH : EPERM;
	if (request == fake.fail_request)
		return fake.fail_errno;

	switch (request) {
	case DRM_IOCTL_VERSION:
		return do_version(arg);
	case DRM_IOCTL_GEM_CLOSE:
		return do_gem_close(arg);
	case DRM_IOCTL_PRIME_HANDLE_TO_FD:
		return do_export(arg);
	case DRM_IOCTL_PRIME_FD_TO_HANDLE:
		return do_import(arg);
	case DRM_IOCTL_SYNCOBJ_WAIT:
	case DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT:
		return fake.syncobj_wait_errno;
	case DRM_IOCTL_MMGPU_BIND_MM:
		fake.bound_mm_seq = fake.caller_mm_seq;
		((struct drm_mmgpu_bind_mm *)arg)->mm_seq = fake.bound_mm_seq;
		return 0;
	case DRM_IOCTL_MMGPU_BO_CREATE:
		return do_bo_create(arg);
	case DRM_IOCTL_MMGPU_BO_INFO:
		return do_bo_info(arg);
	case DRM_IOCTL_MMGPU_BO_WAIT:
		return 0;
	case DRM_IOCTL_MMGPU_CTX_CREATE:
		((struct drm_mmgpu_ctx_create *)arg)->ctx_id = 5;
		return 0;
	case DRM_IOCTL_MMGPU_CTX_DESTROY:
		return 0;
	case DRM_IOCTL_MMGPU_CTX_QUERY:
		((struct drm_mmgpu_ctx_query *)arg)->jobs_done = 42;
		return 0;
	case DRM_IOCTL_MMGPU_BO_GRANT:
		return do_bo_grant(arg);
	case DRM_IOCTL_MMGPU_SUBMIT:
		return do_submit(arg);
	default:
		return ENOTTY;
	}
}

/* Takes the place of libc's, for libdrm too. */
int ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;
	int err;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (fd != fake.fd)
		return syscall(SYS_ioctl, fd, request, arg);

	pthread_mutex_lock(&lock);
	err = answer(request, arg);
	pthread_mutex_unlock(&lock);
	if (!err)
		return 0;
	errno = err;
	return -1;
}
