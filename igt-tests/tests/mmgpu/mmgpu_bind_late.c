// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * An ioctl that was let in before the file was bound, and goes on after. The kernel reads
 * its argument behind the gate, and how long that takes is up to the caller: here the
 * argument lies in a page that userfaultfd keeps away until the file has an owner, and
 * the owner has objects in it. None of these may be touched.
 *
 * A driver may as well let BIND_MM wait for such a call. Then the call ends before the
 * file is bound, and before there is anything to touch.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <drm.h>
#include <drm_mode.h>

#include "igt.h"
#include "igt_mmgpu.h"

IGT_TEST_DESCRIPTION("A stranger's ioctl that began before BIND_MM and ends after it.");

#define PAGE	4096

/* How long BIND_MM may take before we conclude that it waits for the stranger. */
#define BIND_SECONDS	5

/* What the owner has after it has bound the file. */
struct objects {
	uint32_t bo, shared, dumb;
	uint32_t ctx;
	uint32_t syncobj;
};

union argument {
	struct drm_mmgpu_bo_info bo_info;
	struct drm_mmgpu_bo_wait bo_wait;
	struct drm_mmgpu_bo_create bo_create;
	struct drm_mmgpu_ctx_create ctx_create;
	struct drm_mmgpu_ctx_destroy ctx_destroy;
	struct drm_mmgpu_ctx_query ctx_query;
	struct drm_mmgpu_submit submit;
	struct drm_mmgpu_bind_mm bind;
	struct drm_gem_close close;
	struct drm_gem_flink flink;
	struct drm_gem_open open;
	struct drm_prime_handle prime;
	struct drm_mode_create_dumb create_dumb;
	struct drm_mode_map_dumb map_dumb;
	struct drm_mode_destroy_dumb destroy_dumb;
	struct drm_syncobj_destroy syncobj_destroy;
	struct drm_syncobj_handle syncobj_export;
	uint8_t page[PAGE];
};

#define FILL(fn, ...)								\
	static void fn(union argument *arg, const struct objects *own)		\
	{									\
		*arg = (union argument){ __VA_ARGS__ };				\
	}

FILL(bo_info, .bo_info = { .handle = own->bo })
FILL(bo_wait, .bo_wait = { .handle = own->bo })
FILL(bo_create, .bo_create = { .size = PAGE })
FILL(ctx_create, .ctx_create = { .engine = MMGPU_ENGINE_ANY })
FILL(ctx_destroy, .ctx_destroy = { .ctx_id = own->ctx })
FILL(ctx_query, .ctx_query = { .ctx_id = own->ctx })
FILL(submit, .submit = { })
FILL(submit_ctx, .submit = { .ctx_id = own->ctx })
FILL(bind, .bind = { })
FILL(gem_close, .close = { .handle = own->bo })
FILL(flink, .flink = { .handle = own->shared })
FILL(export, .prime = { .handle = own->shared, .flags = DRM_CLOEXEC | DRM_RDWR })
FILL(create_dumb, .create_dumb = { .width = 8, .height = 8, .bpp = 32 })
FILL(map_dumb, .map_dumb = { .handle = own->dumb })
FILL(destroy_dumb, .destroy_dumb = { .handle = own->dumb })
FILL(syncobj_destroy, .syncobj_destroy = { .handle = own->syncobj })
FILL(syncobj_export, .syncobj_export = { .handle = own->syncobj })

static const struct late {
	const char *name;
	unsigned long request;
	void (*fill)(union argument *arg, const struct objects *own);
	const char *what;
} lates[] = {
	{ "bo-info", DRM_IOCTL_MMGPU_BO_INFO, bo_info, "tells nothing of the owner's buffer" },
	{ "bo-wait", DRM_IOCTL_MMGPU_BO_WAIT, bo_wait, "does not wait for it" },
	{ "bo-create", DRM_IOCTL_MMGPU_BO_CREATE, bo_create, "makes no buffer" },
	{ "ctx-create", DRM_IOCTL_MMGPU_CTX_CREATE, ctx_create, "makes no context" },
	{ "ctx-destroy", DRM_IOCTL_MMGPU_CTX_DESTROY, ctx_destroy, "leaves the context alone" },
	{ "ctx-query", DRM_IOCTL_MMGPU_CTX_QUERY, ctx_query, "tells nothing of it" },
	{ "submit", DRM_IOCTL_MMGPU_SUBMIT, submit, "submits nothing" },
	{ "submit-ctx", DRM_IOCTL_MMGPU_SUBMIT, submit_ctx, "nor to the owner's context" },
	{ "bind", DRM_IOCTL_MMGPU_BIND_MM, bind, "cannot bind what is bound" },
	{ "gem-close", DRM_IOCTL_GEM_CLOSE, gem_close, "closes no handle" },
	{ "gem-flink", DRM_IOCTL_GEM_FLINK, flink, "gets no name" },
	{ "prime-export", DRM_IOCTL_PRIME_HANDLE_TO_FD, export, "gets no dma-buf" },
	{ "create-dumb", DRM_IOCTL_MODE_CREATE_DUMB, create_dumb, "makes no dumb buffer" },
	{ "map-dumb", DRM_IOCTL_MODE_MAP_DUMB, map_dumb, "gets no offset" },
	{ "destroy-dumb", DRM_IOCTL_MODE_DESTROY_DUMB, destroy_dumb, "leaves the dumb buffer alone" },
	{ "syncobj-destroy", DRM_IOCTL_SYNCOBJ_DESTROY, syncobj_destroy, "leaves the syncobj alone" },
	{ "syncobj-export", DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, syncobj_export, "and gets no fd of it" },
};

struct stranger {
	const struct late *late;
	int fd;
	/* Shared with the owner. */
	int *result;
};

/* -1 where there is none for us. */
static int open_userfaultfd(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (uffd >= 0 && ioctl(uffd, UFFDIO_API, &api)) {
		close(uffd);
		uffd = -1;
	}
	return uffd;
}

/* Gives the power over its argument to the owner, and calls. */
static int stranger_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct stranger *stranger = data;
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int uffd = open_userfaultfd();
	void *arg = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t where = (uintptr_t)arg;

	igt_assert(arg != MAP_FAILED);
	range.range.start = where;
	range.range.len = PAGE;
	igt_assert_eq(igt_mmgpu_ioctl(uffd, UFFDIO_REGISTER, &range), 0);
	igt_mmgpu_send_fd(self->sock, uffd);
	igt_mmgpu_send(self->sock, &where, sizeof(where));
	*stranger->result = igt_mmgpu_ioctl_once(stranger->fd, stranger->late->request, arg);
	return 0;
}

struct binder {
	int fd;
	int ret;
	uint64_t seq;
};

static void *binder_main(void *data)
{
	struct binder *binder = data;

	binder->ret = __igt_mmgpu_bind_mm(binder->fd, &binder->seq);
	return NULL;
}

/* Whether the call was let go before BIND_MM returned. */
static bool join_in_time(pthread_t thread)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += BIND_SECONDS;
	return !pthread_timedjoin_np(thread, NULL, &until);
}

static void let_go(int uffd, uint64_t where, const union argument *arg)
{
	struct uffdio_copy copy = { .dst = where, .src = (uintptr_t)arg, .len = PAGE };

	igt_assert_eq(igt_mmgpu_ioctl(uffd, UFFDIO_COPY, &copy), 0);
}

static int *result;
static union argument *argument;

static void late(const struct late *late)
{
	struct stranger stranger = { .late = late, .result = result };
	struct drm_mmgpu_ctx_query query;
	struct objects own = { 1, 2, 3, 1, 1 };
	struct igt_mmgpu_proc proc;
	struct binder binder = { };
	pthread_t thread;
	uint64_t where;
	bool bound;
	int uffd;

	uffd = open_userfaultfd();
	igt_require_f(uffd >= 0, "no userfaultfd for faults of the kernel\n");
	close(uffd);

	*result = 1;
	stranger.fd = binder.fd = igt_mmgpu_open_primary();
	igt_mmgpu_proc_start(&proc, stranger_proc, &stranger);
	uffd = igt_mmgpu_recv_fd(proc.sock);
	igt_mmgpu_recv(proc.sock, &where, sizeof(where));

	/* The page is asked for: the call is inside. */
	igt_assert(igt_mmgpu_poll_ms(uffd, POLLIN, IGT_MMGPU_PATIENCE * 1000) & POLLIN);
	igt_assert_eq(pthread_create(&thread, NULL, binder_main, &binder), 0);
	bound = join_in_time(thread);
	if (bound) {
		igt_assert_eq(binder.ret, 0);
		own.bo = igt_mmgpu_bo_create(binder.fd, PAGE, 0);
		own.shared = igt_mmgpu_bo_create(binder.fd, PAGE, MMGPU_BO_SHARED);
		igt_assert_eq(__igt_mmgpu_dumb_create(binder.fd, 8, 8, 32, &own.dumb, NULL,
						      NULL), 0);
		own.ctx = igt_mmgpu_ctx_create(binder.fd, 0, MMGPU_ENGINE_ANY);
		own.syncobj = igt_mmgpu_syncobj_create_signaled(binder.fd);
	}
	memset(argument, 0, sizeof(*argument));
	late->fill(argument, &own);
	let_go(uffd, where, argument);
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
	close(uffd);

	if (!bound) {
		/* The call was first, whatever it did; EBUSY if it made something. */
		igt_info("BIND_MM waited for the call, which got %d\n", *result);
		igt_assert_eq(pthread_join(thread, NULL), 0);
		igt_assert(binder.ret == 0 || (binder.ret == -EBUSY && !*result) ||
			   (binder.ret == -EPERM && late->request == DRM_IOCTL_MMGPU_BIND_MM));
		close(binder.fd);
		return;
	}

	igt_assert_eq(*result, -EPERM);
	/* All is there, and nothing else. */
	igt_mmgpu_bo_close(binder.fd, own.bo);
	igt_mmgpu_bo_close(binder.fd, own.shared);
	igt_mmgpu_bo_close(binder.fd, own.dumb);
	igt_assert_eq_u32(igt_mmgpu_bo_create(binder.fd, PAGE, 0), own.bo);
	igt_mmgpu_ctx_query(binder.fd, own.ctx, &query);
	igt_assert_eq_u64(query.jobs_done, 0);
	igt_mmgpu_ctx_query(binder.fd, 0, &query);
	igt_assert_eq_u64(query.jobs_done, 0);
	for (uint32_t id = 1; id < 8; id++)
		if (id != own.ctx)
			igt_assert_eq(__igt_mmgpu_ctx_query(binder.fd, id, &query), -ENOENT);
	igt_mmgpu_syncobj_destroy(binder.fd, own.syncobj);
	close(binder.fd);
}

int igt_main()
{
	igt_fixture() {
		close(igt_mmgpu_open());
		result = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			      -1, 0);
		argument = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				-1, 0);
		igt_assert(result != MAP_FAILED && argument != MAP_FAILED);
	}

	for (unsigned int i = 0; i < igt_mmgpu_count(lates); i++) {
		igt_describe_f("a stranger's call from before the bind %s", lates[i].what);
		igt_subtest(lates[i].name)
			late(&lates[i]);
	}

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
