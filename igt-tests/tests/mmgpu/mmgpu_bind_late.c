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
#include <sys/time.h>

#include <drm.h>
#include <drm_mode.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_baseline.h"

IGT_TEST_DESCRIPTION("A stranger's ioctl that began before BIND_MM and ends after it.");

#define PAGE	4096

/*
 * How long BIND_MM may go on after the file is bound before we conclude that it waits for
 * the stranger. A wrong conclusion makes the subtest weaker, but not red.
 */
#define BIND_MS		300

/* What the owner has after it has bound the file. */
struct objects {
	uint32_t bo, shared, dumb;
	uint32_t ctx;
	uint32_t syncobj;
};

/* One command at a CPU address, where the stranger has it, too. */
static uint64_t svm_word;
static struct drm_mmgpu_cmd svm_fill = {
	.op = MMGPU_OP_FILL, .flags = MMGPU_CMD_DST_SVM, .width = 8, .rows = 1, .value = 1,
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
FILL(submit_svm, .submit = { .cmds = { sizeof(svm_fill), 1, (uintptr_t)&svm_fill } })
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
	{ "submit-svm", DRM_IOCTL_MMGPU_SUBMIT, submit_svm, "nor gives the owner a thread" },
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

/* Whether BIND_MM returned while the stranger was still held. */
static bool bind_returned(pthread_t thread, int fd)
{
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);
	struct drm_mmgpu_query_mm query;
	struct timespec until;

	do {
		igt_mmgpu_query_mm(fd, 0, &query);
	} while (!query.state && igt_mmgpu_now() < deadline);
	igt_assert_eq_u32(query.state, MMGPU_MM_BOUND | MMGPU_MM_OWNER);

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += BIND_MS * IGT_MMGPU_NSEC_PER_MSEC;
	if (until.tv_nsec >= IGT_MMGPU_NSEC_PER_SEC) {
		until.tv_nsec -= IGT_MMGPU_NSEC_PER_SEC;
		until.tv_sec++;
	}
	return !pthread_timedjoin_np(thread, NULL, &until);
}

static void let_go(int uffd, uint64_t where, const union argument *arg)
{
	struct uffdio_copy copy = { .dst = where, .src = (uintptr_t)arg, .len = PAGE };

	igt_assert_eq(igt_mmgpu_ioctl(uffd, UFFDIO_COPY, &copy), 0);
}

static int *result;
static union argument *argument;

/* A file with a stranger in it, who sits in the call until let go. */
struct held {
	struct stranger stranger;
	struct igt_mmgpu_proc proc;
	uint64_t where;
	int uffd;
};

static void hold(struct held *held, const struct late *late)
{
	int uffd = open_userfaultfd();

	igt_require_f(uffd >= 0, "no userfaultfd for faults of the kernel\n");
	close(uffd);

	*result = 1;
	held->stranger = (struct stranger){ late, igt_mmgpu_open_primary(), result };
	igt_mmgpu_proc_start(&held->proc, stranger_proc, &held->stranger);
	held->uffd = igt_mmgpu_recv_fd(held->proc.sock);
	igt_mmgpu_recv(held->proc.sock, &held->where, sizeof(held->where));
	/* The page is asked for: the call is inside. */
	igt_assert(igt_mmgpu_poll_ms(held->uffd, POLLIN, IGT_MMGPU_PATIENCE * 1000) & POLLIN);
}

/* Tells what the call came to. */
static int release(struct held *held, const struct objects *own)
{
	memset(argument, 0, sizeof(*argument));
	held->stranger.late->fill(argument, own);
	let_go(held->uffd, held->where, argument);
	igt_assert_eq(igt_mmgpu_proc_join(&held->proc), 0);
	close(held->uffd);
	return *result;
}

/* All of the owner's is there, and nothing else. */
static void assert_untouched(int fd, const struct objects *own)
{
	struct drm_mmgpu_ctx_query query;

	if (own->bo) {
		igt_mmgpu_bo_close(fd, own->bo);
		igt_mmgpu_bo_close(fd, own->shared);
		igt_mmgpu_bo_close(fd, own->dumb);
		igt_mmgpu_ctx_query(fd, own->ctx, &query);
		igt_assert_eq_u64(query.jobs_done, 0);
		igt_mmgpu_syncobj_destroy(fd, own->syncobj);
	}
	igt_assert_eq_u32(igt_mmgpu_bo_create(fd, PAGE, 0), 1);
	igt_mmgpu_ctx_query(fd, 0, &query);
	igt_assert_eq_u64(query.jobs_done, 0);
	for (uint32_t id = 1; id < 8; id++)
		if (id != own->ctx)
			igt_assert_eq(__igt_mmgpu_ctx_query(fd, id, &query), -ENOENT);
}

static void late(const struct late *late)
{
	/* What the first handles and ids will be, for a call that comes before them. */
	static const struct objects guess = { 1, 2, 3, 1, 1 }, nothing;
	struct igt_mmgpu_baseline before, after;
	struct binder binder = { };
	struct objects own;
	struct held held;
	pthread_t thread;
	int ret;

	igt_mmgpu_baseline_take(&before);
	hold(&held, late);
	binder.fd = held.stranger.fd;
	igt_assert_eq(pthread_create(&thread, NULL, binder_main, &binder), 0);

	if (bind_returned(thread, binder.fd)) {
		igt_assert_eq(binder.ret, 0);
		own.bo = igt_mmgpu_bo_create(binder.fd, PAGE, 0);
		own.shared = igt_mmgpu_bo_create(binder.fd, PAGE, MMGPU_BO_SHARED);
		igt_assert_eq(__igt_mmgpu_dumb_create(binder.fd, 8, 8, 32, &own.dumb, NULL,
						      NULL), 0);
		own.ctx = igt_mmgpu_ctx_create(binder.fd, 0, MMGPU_ENGINE_ANY);
		own.syncobj = igt_mmgpu_syncobj_create_signaled(binder.fd);
		igt_assert_eq(release(&held, &own), -EPERM);
		igt_mmgpu_baseline_take(&after);
		igt_assert_lte(after.threads, before.threads);
		assert_untouched(binder.fd, &own);
	} else {
		ret = release(&held, &guess);
		igt_debug("BIND_MM waited for the call, which got %d\n", ret);
		igt_assert_lt(ret, 0);
		igt_assert_eq(pthread_join(thread, NULL), 0);
		igt_assert_eq(binder.ret, 0);
		assert_untouched(binder.fd, &nothing);
	}
	close(binder.fd);
}

static void on_alarm(int sig)
{
}

/* If BIND_MM waits, a signal ends that, and it can be called again. */
static void interrupted_bind(void)
{
	struct sigaction act = { .sa_handler = on_alarm }, old;
	static const struct objects guess = { 1, 2, 3, 1, 1 };
	struct drm_mmgpu_bind_mm bind_args = { };
	struct drm_mmgpu_query_mm query;
	struct itimerval again = { { 0, 50000 }, { 0, 50000 } }, off = { };
	struct held held;
	uint64_t seq;
	int fd, ret;

	hold(&held, &lates[0]);
	fd = held.stranger.fd;
	sigaction(SIGALRM, &act, &old);
	setitimer(ITIMER_REAL, &again, NULL);
	ret = igt_mmgpu_ioctl_once(fd, DRM_IOCTL_MMGPU_BIND_MM, &bind_args);
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &old, NULL);
	igt_assert(ret == 0 || ret == -EINTR);

	igt_assert_lt(release(&held, &guess), 0);
	seq = igt_mmgpu_bind_mm(fd);
	igt_mmgpu_query_mm(fd, 0, &query);
	igt_assert_eq_u64(query.bound_mm_seq, seq);
	igt_assert_eq_u32(query.state, MMGPU_MM_BOUND | MMGPU_MM_OWNER);
	close(fd);
}

int igt_main()
{
	igt_fixture() {
		close(igt_mmgpu_open());
		svm_fill.dst = (uintptr_t)&svm_word;
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

	igt_describe("a signal ends BIND_MM's wait for the stranger, if it does wait");
	igt_subtest("interrupted-bind")
		interrupted_bind();

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
