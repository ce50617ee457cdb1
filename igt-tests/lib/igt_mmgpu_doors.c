// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <drm.h>
#include <drm_mode.h>
#include <xf86drm.h>

#include "igt.h"
#include "igt_mmgpu_doors.h"

/*
 * Doors that the installed headers may be too old to know. A kernel that is too old
 * answers EINVAL behind the gate, which is all the same to a stranger.
 */
struct door_eventfd {
	uint32_t handle;
	uint32_t flags;
	uint64_t point;
	int32_t fd;
	uint32_t pad;
};
#define DOOR_SYNCOBJ_EVENTFD		DRM_IOWR(0xcf, struct door_eventfd)

struct door_client_name {
	uint64_t len;
	uint64_t name;
};
#define DOOR_SET_CLIENT_NAME		DRM_IOWR(0xd1, struct door_client_name)

struct door_change_handle {
	uint32_t handle;
	uint32_t new_handle;
};
#define DOOR_GEM_CHANGE_HANDLE		DRM_IOWR(0xd2, struct door_change_handle)

/* What a 32-bit program passes for struct drm_version: three ints, three strings. */
struct door_version32 {
	uint32_t word[9];
};
#define DOOR_VERSION32			DRM_IOWR(0x00, struct door_version32)

/* Results that are no errno. */
#define NOT_TRIED			INT_MIN
#define WRONG_ANSWER			(INT_MIN + 1)

/* In the table: the owner's result differs with the kernel, but it's no refusal. */
#define VARIES				(INT_MIN + 2)

/* Room for the largest argument and for a size that is larger than any. */
#define ARG_MAX_SIZE			512

/* ---- how to knock --------------------------------------------------------------- */

#ifdef __x86_64__
/*
 * The 32-bit entry is open to 64-bit programs too, so no second program is needed; only
 * the argument has to lie below 4 GiB.
 */
static int syscall32(unsigned int nr, unsigned int a, unsigned int b, unsigned int c)
{
	int ret;

	asm volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(a), "c"(b), "d"(c)
		     : "memory", "cc", "r8", "r9", "r10", "r11");
	return ret;
}

#define SYS32_GETPID	20
#define SYS32_IOCTL	54

static int ioctl32(int fd, unsigned int request, void *arg)
{
	void *low = NULL;
	int ret;

	if (arg) {
		low = mmap(NULL, ARG_MAX_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
		if (low == MAP_FAILED)
			return WRONG_ANSWER;
		memcpy(low, arg, _IOC_SIZE(request));
	}
	ret = syscall32(SYS32_IOCTL, fd, request, (uintptr_t)low);
	if (arg) {
		memcpy(arg, low, _IOC_SIZE(request));
		munmap(low, ARG_MAX_SIZE);
	}
	return ret;
}

bool igt_mmgpu_has_compat(void)
{
	int status;
	pid_t pid = fork();

	igt_assert(pid >= 0);
	if (!pid) {
		/* Without the entry this is a general protection fault. */
		signal(SIGSEGV, SIG_DFL);
		_exit(syscall32(SYS32_GETPID, 0, 0, 0) != getpid());
	}
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	return status == 0;
}
#else
static int ioctl32(int fd, unsigned int request, void *arg)
{
	return WRONG_ANSWER;
}

bool igt_mmgpu_has_compat(void)
{
	return false;
}
#endif

/* Once: a door that cannot be passed must not be tried for ever. */
static int knock(struct igt_mmgpu_visit *v, unsigned long request, void *arg)
{
	if (v->compat)
		return ioctl32(v->fd, request, arg);
	return ioctl(v->fd, request, arg) < 0 ? -errno : 0;
}

static bool allowed(const struct igt_mmgpu_visit *v)
{
	return v->standing == IGT_MMGPU_LEGACY || v->standing == IGT_MMGPU_OWNER;
}

/* A door that is one ioctl with constant arguments. */
#define DOOR(fn, request, type, ...)						\
	static int fn(struct igt_mmgpu_visit *v)				\
	{									\
		type arg = { __VA_ARGS__ };					\
										\
		return knock(v, request, &arg);					\
	}

/* ---- the two that everybody may call ---------------------------------------------- */

DOOR(get_param_unknown, DRM_IOCTL_MMGPU_GET_PARAM, struct drm_mmgpu_get_param, .param = 0xabcd)

DOOR(get_param_pad, DRM_IOCTL_MMGPU_GET_PARAM, struct drm_mmgpu_get_param,
     .param = MMGPU_PARAM_ENGINE_COUNT, .pad = 1)

static int get_param(struct igt_mmgpu_visit *v)
{
	struct drm_mmgpu_get_param arg = { .param = MMGPU_PARAM_MAX_DELAY_MS + 1 };
	int ret;

	/* Whatever it is, it is there: SVM may be 0, the number of engines may not. */
	ret = knock(v, DRM_IOCTL_MMGPU_GET_PARAM, &arg);
	if (ret)
		return ret;
	arg.param = MMGPU_PARAM_ENGINE_COUNT;
	arg.value = 0;
	ret = knock(v, DRM_IOCTL_MMGPU_GET_PARAM, &arg);
	return !ret && !arg.value ? WRONG_ANSWER : ret;
}

static int get_param_fault(struct igt_mmgpu_visit *v)
{
	return knock(v, DRM_IOCTL_MMGPU_GET_PARAM, NULL);
}

/* DRM core fills a short argument up with zeroes, and returns as much as it was given. */
static int get_param_short(struct igt_mmgpu_visit *v)
{
	struct drm_mmgpu_get_param arg = { .param = MMGPU_PARAM_ENGINE_COUNT, .value = 0xdead };
	int ret = knock(v, DRM_IOC(DRM_IOC_READWRITE, DRM_IOCTL_BASE,
				   DRM_COMMAND_BASE + DRM_MMGPU_GET_PARAM, 8), &arg);

	return !ret && arg.value != 0xdead ? WRONG_ANSWER : ret;
}

/* It cuts a long one, and returns the rest as it came. */
static int get_param_long(struct igt_mmgpu_visit *v)
{
	uint64_t arg[8] = { MMGPU_PARAM_ENGINE_COUNT, 0, 0xdead, [7] = 0xbeef };
	int ret = knock(v, DRM_IOC(DRM_IOC_READWRITE, DRM_IOCTL_BASE,
				   DRM_COMMAND_BASE + DRM_MMGPU_GET_PARAM, sizeof(arg)), arg);

	return !ret && (!arg[1] || arg[2] != 0xdead || arg[7] != 0xbeef) ? WRONG_ANSWER : ret;
}

/* The answer of QUERY_MM that this visitor must get. */
static bool query_is_right(struct igt_mmgpu_visit *v, const struct drm_mmgpu_query_mm *arg)
{
	static const uint32_t state[] = {
		[IGT_MMGPU_LEGACY] = 0,
		[IGT_MMGPU_OWNER] = MMGPU_MM_BOUND | MMGPU_MM_OWNER,
		[IGT_MMGPU_STRANGER] = MMGPU_MM_BOUND,
		[IGT_MMGPU_ORPHAN] = MMGPU_MM_BOUND | MMGPU_MM_GONE,
	};

	if (arg->state == state[v->standing] && arg->bound_mm_seq == v->owner_seq &&
	    arg->caller_mm_seq == v->caller_seq)
		return true;

	snprintf(v->note, sizeof(v->note),
		 "QUERY_MM said state %#x bound %llu caller %llu, not %#x %llu %llu",
		 arg->state, (unsigned long long)arg->bound_mm_seq,
		 (unsigned long long)arg->caller_mm_seq, state[v->standing],
		 (unsigned long long)v->owner_seq, (unsigned long long)v->caller_seq);
	return false;
}

static int query_mm(struct igt_mmgpu_visit *v)
{
	/* Outputs are ignored on entry. */
	struct drm_mmgpu_query_mm arg = { .state = ~0u, .bound_mm_seq = ~0ull,
					  .caller_mm_seq = ~0ull };
	int ret = knock(v, DRM_IOCTL_MMGPU_QUERY_MM, &arg);

	return !ret && !query_is_right(v, &arg) ? WRONG_ANSWER : ret;
}

/* Gives the visitor a number, which must be a new one unless it has one. */
static int query_mm_assign(struct igt_mmgpu_visit *v)
{
	struct drm_mmgpu_query_mm arg = { .flags = MMGPU_QUERY_MM_ASSIGN };
	int ret = knock(v, DRM_IOCTL_MMGPU_QUERY_MM, &arg);

	if (ret)
		return ret;
	if (!v->caller_seq && arg.caller_mm_seq > v->owner_seq)
		v->caller_seq = arg.caller_mm_seq;
	return query_is_right(v, &arg) ? 0 : WRONG_ANSWER;
}

DOOR(query_mm_bad_flags, DRM_IOCTL_MMGPU_QUERY_MM, struct drm_mmgpu_query_mm, .flags = 1u << 31)

/* Without the direction "write" nothing is read from us: flags are 0 whatever we put. */
static int query_mm_out_only(struct igt_mmgpu_visit *v)
{
	struct drm_mmgpu_query_mm arg = { .flags = ~0u };
	int ret = knock(v, DRM_IOR(DRM_COMMAND_BASE + DRM_MMGPU_QUERY_MM,
				   struct drm_mmgpu_query_mm), &arg);

	return !ret && !query_is_right(v, &arg) ? WRONG_ANSWER : ret;
}

static int query_mm_long(struct igt_mmgpu_visit *v)
{
	struct {
		struct drm_mmgpu_query_mm query;
		uint64_t more[4];
	} arg = { .more = { 1, 2, 3, 4 } };
	int ret = knock(v, DRM_IOC(DRM_IOC_READWRITE, DRM_IOCTL_BASE,
				   DRM_COMMAND_BASE + DRM_MMGPU_QUERY_MM, sizeof(arg)), &arg);

	return !ret && (!query_is_right(v, &arg.query) || arg.more[3] != 4) ? WRONG_ANSWER : ret;
}

/* ---- the rest of ours --------------------------------------------------------------- */

DOOR(bind_mm, DRM_IOCTL_MMGPU_BIND_MM, struct drm_mmgpu_bind_mm)

DOOR(bind_mm_bad_flags, DRM_IOCTL_MMGPU_BIND_MM, struct drm_mmgpu_bind_mm, .flags = 1)

DOOR(bo_create, DRM_IOCTL_MMGPU_BO_CREATE, struct drm_mmgpu_bo_create, .size = 4096)

DOOR(bo_create_shared, DRM_IOCTL_MMGPU_BO_CREATE, struct drm_mmgpu_bo_create,
     .size = 4096, .flags = MMGPU_BO_SHARED)

static int bo_create_fault(struct igt_mmgpu_visit *v)
{
	return knock(v, DRM_IOCTL_MMGPU_BO_CREATE, NULL);
}

DOOR(bo_info, DRM_IOCTL_MMGPU_BO_INFO, struct drm_mmgpu_bo_info, .handle = v->bo)

DOOR(bo_info_unknown, DRM_IOCTL_MMGPU_BO_INFO, struct drm_mmgpu_bo_info, .handle = 0xabcd)

DOOR(bo_wait, DRM_IOCTL_MMGPU_BO_WAIT, struct drm_mmgpu_bo_wait, .handle = v->bo)

DOOR(bo_grant, DRM_IOCTL_MMGPU_BO_GRANT, struct drm_mmgpu_bo_grant,
     .handle = v->bo, .access = MMGPU_ACCESS_READ, .mm_seq = v->caller_seq)

DOOR(ctx_create, DRM_IOCTL_MMGPU_CTX_CREATE, struct drm_mmgpu_ctx_create,
     .engine = MMGPU_ENGINE_ANY)

DOOR(ctx_query, DRM_IOCTL_MMGPU_CTX_QUERY, struct drm_mmgpu_ctx_query, .ctx_id = v->ctx)

DOOR(ctx_destroy, DRM_IOCTL_MMGPU_CTX_DESTROY, struct drm_mmgpu_ctx_destroy,
     .ctx_id = v->spare_ctx)

DOOR(submit, DRM_IOCTL_MMGPU_SUBMIT, struct drm_mmgpu_submit)

DOOR(submit_unknown, DRM_IOCTL_MMGPU_SUBMIT, struct drm_mmgpu_submit, .ctx_id = 0xabcd)

static int submit_bo(struct igt_mmgpu_visit *v)
{
	struct drm_mmgpu_bo_ref ref = { .handle = v->bo, .flags = MMGPU_BO_REF_WRITE };
	struct drm_mmgpu_sync sync = { .handle = v->syncobj };
	struct drm_mmgpu_cmd cmd = { .op = MMGPU_OP_FILL, .width = 8, .rows = 1 };
	struct drm_mmgpu_submit arg = {
		.ctx_id = v->ctx,
		.cmds = { sizeof(cmd), 1, (uintptr_t)&cmd },
		.bos = { sizeof(ref), 1, (uintptr_t)&ref },
		.in_syncs = { sizeof(sync), 1, (uintptr_t)&sync },
		.out_syncs = { sizeof(sync), 1, (uintptr_t)&sync },
	};
	int ret = knock(v, DRM_IOCTL_MMGPU_SUBMIT, &arg);

	/* Later doors want the syncobj signalled, and an idle buffer. */
	if (!ret)
		ret = __igt_mmgpu_syncobj_wait(v->fd, v->syncobj, 0,
					       igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000));
	return ret;
}

DOOR(unknown_ours, DRM_IO(DRM_COMMAND_BASE + 0x5f), char, 0)

/* ---- DRM core's --------------------------------------------------------------------- */

static int version(struct igt_mmgpu_visit *v)
{
	struct door_version32 small = { };
	struct drm_version arg = { };

	return v->compat ? knock(v, DOOR_VERSION32, &small) : knock(v, DRM_IOCTL_VERSION, &arg);
}

DOOR(get_cap, DRM_IOCTL_GET_CAP, struct drm_get_cap, .capability = DRM_CAP_SYNCOBJ)

DOOR(set_client_cap, DRM_IOCTL_SET_CLIENT_CAP, struct drm_set_client_cap,
     .capability = DRM_CLIENT_CAP_STEREO_3D, .value = 1)

DOOR(set_client_name, DOOR_SET_CLIENT_NAME, struct door_client_name, 0)

DOOR(set_version, DRM_IOCTL_SET_VERSION, struct drm_set_version, -1, -1, -1, -1)

DOOR(get_magic, DRM_IOCTL_GET_MAGIC, struct drm_auth, 0)

DOOR(auth_magic, DRM_IOCTL_AUTH_MAGIC, struct drm_auth, 1)

DOOR(set_master, DRM_IOCTL_SET_MASTER, char, 0)

DOOR(gem_close, DRM_IOCTL_GEM_CLOSE, struct drm_gem_close, .handle = v->spare_bo)

DOOR(gem_flink, DRM_IOCTL_GEM_FLINK, struct drm_gem_flink, .handle = v->bo)

DOOR(gem_open, DRM_IOCTL_GEM_OPEN, struct drm_gem_open, .name = v->name)

DOOR(gem_change_handle, DOOR_GEM_CHANGE_HANDLE, struct door_change_handle,
     .handle = v->bo, .new_handle = 0xabcd)

static int prime_export(struct igt_mmgpu_visit *v)
{
	struct drm_prime_handle arg = { .handle = v->bo, .flags = DRM_CLOEXEC | DRM_RDWR };
	int ret = knock(v, DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg);

	if (!ret)
		close(arg.fd);
	return ret;
}

DOOR(prime_import, DRM_IOCTL_PRIME_FD_TO_HANDLE, struct drm_prime_handle, .fd = v->dmabuf)

DOOR(create_dumb, DRM_IOCTL_MODE_CREATE_DUMB, struct drm_mode_create_dumb,
     .width = 8, .height = 8, .bpp = 32)

DOOR(map_dumb, DRM_IOCTL_MODE_MAP_DUMB, struct drm_mode_map_dumb, .handle = v->dumb)

DOOR(destroy_dumb, DRM_IOCTL_MODE_DESTROY_DUMB, struct drm_mode_destroy_dumb,
     .handle = v->spare_dumb)

DOOR(get_resources, DRM_IOCTL_MODE_GETRESOURCES, struct drm_mode_card_res)

DOOR(syncobj_create, DRM_IOCTL_SYNCOBJ_CREATE, struct drm_syncobj_create)

DOOR(syncobj_destroy, DRM_IOCTL_SYNCOBJ_DESTROY, struct drm_syncobj_destroy,
     .handle = v->spare_syncobj)

static int syncobj_export(struct igt_mmgpu_visit *v)
{
	struct drm_syncobj_handle arg = { .handle = v->syncobj };
	int ret = knock(v, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &arg);

	if (!ret)
		close(arg.fd);
	return ret;
}

static int syncobj_export_fence(struct igt_mmgpu_visit *v)
{
	struct drm_syncobj_handle arg = {
		.handle = v->syncobj,
		.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
	};
	int ret = knock(v, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &arg);

	if (!ret)
		close(arg.fd);
	return ret;
}

DOOR(syncobj_import_fence, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, struct drm_syncobj_handle,
     .handle = v->syncobj, .fd = v->sync_file,
     .flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE)

DOOR(syncobj_wait, DRM_IOCTL_SYNCOBJ_WAIT, struct drm_syncobj_wait,
     .handles = (uintptr_t)&v->syncobj, .count_handles = 1)

DOOR(syncobj_timeline_wait, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, struct drm_syncobj_timeline_wait,
     .handles = (uintptr_t)&v->timeline, .points = (uintptr_t)&(uint64_t){ 1 },
     .count_handles = 1)

DOOR(syncobj_query, DRM_IOCTL_SYNCOBJ_QUERY, struct drm_syncobj_timeline_array,
     .handles = (uintptr_t)&v->timeline, .points = (uintptr_t)&(uint64_t){ 0 },
     .count_handles = 1)

DOOR(syncobj_transfer, DRM_IOCTL_SYNCOBJ_TRANSFER, struct drm_syncobj_transfer,
     .src_handle = v->timeline, .src_point = 1, .dst_handle = v->timeline, .dst_point = 3)

DOOR(syncobj_eventfd, DOOR_SYNCOBJ_EVENTFD, struct door_eventfd,
     .handle = v->syncobj, .fd = -1)

DOOR(syncobj_signal, DRM_IOCTL_SYNCOBJ_SIGNAL, struct drm_syncobj_array,
     .handles = (uintptr_t)&v->spare_syncobj, .count_handles = 1)

DOOR(syncobj_timeline_signal, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL,
     struct drm_syncobj_timeline_array, .handles = (uintptr_t)&v->timeline,
     .points = (uintptr_t)&(uint64_t){ 2 }, .count_handles = 1)

DOOR(syncobj_reset, DRM_IOCTL_SYNCOBJ_RESET, struct drm_syncobj_array,
     .handles = (uintptr_t)&v->spare_syncobj, .count_handles = 1)

DOOR(unknown_core, DRM_IO(0xff), char, 0)

/* ---- what is no ioctl of DRM's -------------------------------------------------------- */

/* The number of GET_PARAM, but somebody else's type. */
DOOR(foreign_type, _IOWR('x', DRM_COMMAND_BASE + DRM_MMGPU_GET_PARAM,
			 struct drm_mmgpu_get_param), struct drm_mmgpu_get_param)

DOOR(foreign_query, _IOWR('x', DRM_COMMAND_BASE + DRM_MMGPU_QUERY_MM,
			  struct drm_mmgpu_query_mm), struct drm_mmgpu_query_mm)

DOOR(foreign_fionread, FIONREAD, int, 0)

static int refusal(const struct igt_mmgpu_visit *v)
{
	return v->standing == IGT_MMGPU_ORPHAN ? -ESRCH : -EPERM;
}

/* All numbers there are, so that none is forgotten that a later kernel brings. */
static int every_number(struct igt_mmgpu_visit *v)
{
	static const unsigned int size[] = { 0, 8, 16, 24, 256 };
	uint8_t arg[256];

	if (allowed(v))
		return 0;

	for (unsigned int nr = 0; nr < 256; nr++) {
		if (nr == DRM_COMMAND_BASE + DRM_MMGPU_GET_PARAM ||
		    nr == DRM_COMMAND_BASE + DRM_MMGPU_QUERY_MM)
			continue;
		for (unsigned int i = 0; i < igt_mmgpu_count(size); i++) {
			int ret;

			memset(arg, 0, sizeof(arg));
			ret = knock(v, DRM_IOC(DRM_IOC_READWRITE, DRM_IOCTL_BASE, nr, size[i]),
				    arg);
			if (ret != refusal(v)) {
				snprintf(v->note, sizeof(v->note), "number %#x, size %u", nr,
					 size[i]);
				return ret;
			}
		}
	}
	return refusal(v);
}

/* All types but ours, with a number that the VFS keeps for itself with none of them. */
static int every_type(struct igt_mmgpu_visit *v)
{
	struct drm_mmgpu_get_param arg;

	if (allowed(v))
		return 0;

	for (unsigned int type = 0; type < 256; type++) {
		int ret;

		if (type == DRM_IOCTL_BASE)
			continue;
		memset(&arg, 0, sizeof(arg));
		ret = knock(v, _IOC(_IOC_READ | _IOC_WRITE, type,
				    DRM_COMMAND_BASE + DRM_MMGPU_GET_PARAM, sizeof(arg)), &arg);
		if (ret != refusal(v)) {
			snprintf(v->note, sizeof(v->note), "type %#x", type);
			return ret;
		}
	}
	return refusal(v);
}

/* ---- the other file operations --------------------------------------------------------- */

static void set_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

static int read_nonblock(struct igt_mmgpu_visit *v)
{
	char buf[64];

	set_nonblock(v->fd, true);
	return read(v->fd, buf, sizeof(buf)) < 0 ? -errno : 0;
}

/*
 * Refused at once, where it would sleep for ever if it were not: an alarm ends that.
 * Who may read does so without blocking.
 */
static int read_block(struct igt_mmgpu_visit *v)
{
	char buf[64];
	int ret;

	if (!allowed(v)) {
		set_nonblock(v->fd, false);
		alarm(IGT_MMGPU_PATIENCE / 6);
	}
	ret = read(v->fd, buf, sizeof(buf)) < 0 ? -errno : 0;
	alarm(0);
	set_nonblock(v->fd, true);
	return ret;
}

static int read_vector(struct igt_mmgpu_visit *v)
{
	char buf[64];
	struct iovec iov = { buf, sizeof(buf) };

	return readv(v->fd, &iov, 1) < 0 ? -errno : 0;
}

/* Nothing of DRM's writes or splices, but a driver's fops could let it through. */
static int write_some(struct igt_mmgpu_visit *v)
{
	return write(v->fd, "x", 1) < 0 ? -errno : 0;
}

static int splice_some(struct igt_mmgpu_visit *v)
{
	int fds[2], ret;

	if (pipe(fds))
		return -errno;
	ret = splice(v->fd, NULL, fds[1], NULL, 1, SPLICE_F_NONBLOCK) < 0 ? -errno : 0;
	close(fds[0]);
	close(fds[1]);
	return ret;
}

/* The events of poll() are the result: POLLERR is what a refusal looks like. */
static int poll_file(struct igt_mmgpu_visit *v)
{
	struct pollfd p = { .fd = v->fd, .events = POLLIN | POLLOUT | POLLPRI };

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

static int epoll_file(struct igt_mmgpu_visit *v)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLOUT };
	int epfd = epoll_create1(EPOLL_CLOEXEC);
	int ret;

	if (epfd < 0)
		return -errno;
	ret = epoll_ctl(epfd, EPOLL_CTL_ADD, v->fd, &event) < 0 ? -errno : 0;
	if (!ret) {
		ret = epoll_wait(epfd, &event, 1, 0);
		ret = ret < 0 ? -errno : ret ? (int)event.events : 0;
	}
	close(epfd);
	return ret;
}

static int map_it(struct igt_mmgpu_visit *v, int prot, int flags, uint64_t offset)
{
	void *map = mmap(NULL, 4096, prot, flags, v->fd, offset);

	if (map == MAP_FAILED)
		return -errno;
	/* Who got it shall have it really. */
	if (prot & PROT_READ)
		(void)*(volatile char *)map;
	munmap(map, 4096);
	return 0;
}

static int map_write(struct igt_mmgpu_visit *v)
{
	return map_it(v, PROT_READ | PROT_WRITE, MAP_SHARED, v->offset);
}

static int map_read(struct igt_mmgpu_visit *v)
{
	return map_it(v, PROT_READ, MAP_SHARED, v->offset);
}

static int map_none(struct igt_mmgpu_visit *v)
{
	return map_it(v, PROT_NONE, MAP_SHARED, v->offset);
}

static int map_private(struct igt_mmgpu_visit *v)
{
	return map_it(v, PROT_READ, MAP_PRIVATE, v->offset);
}

static int map_nowhere(struct igt_mmgpu_visit *v)
{
	return map_it(v, PROT_READ, MAP_SHARED, 0);
}

/* Never refused: anybody may look at the description, and close what he holds. */
static int fdinfo(struct igt_mmgpu_visit *v)
{
	unsigned long long seq = 0;
	char line[256];
	FILE *file;

	/* Not /proc/self, which is a leader that may be gone. */
	snprintf(line, sizeof(line), "/proc/thread-self/fdinfo/%d", v->fd);
	file = fopen(line, "re");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "mmgpu-mm-seq:\t%llu", &seq) == 1)
			break;
	}
	fclose(file);
	if (seq == v->owner_seq)
		return 0;
	snprintf(v->note, sizeof(v->note), "fdinfo said mmgpu-mm-seq %llu, not %llu", seq,
		 (unsigned long long)v->owner_seq);
	return WRONG_ANSWER;
}

static int close_dup(struct igt_mmgpu_visit *v)
{
	int fd = dup(v->fd);

	return fd < 0 || close(fd) < 0 ? -errno : 0;
}

/* The node opened again is a new file, which nobody has bound. */
static int reopen(struct igt_mmgpu_visit *v)
{
	struct drm_mmgpu_query_mm query = { };
	char path[64];
	int fd, ret;

	snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", v->fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = ioctl(fd, DRM_IOCTL_MMGPU_QUERY_MM, &query) < 0 ? -errno : 0;
	if (!ret && (query.state || query.bound_mm_seq))
		ret = WRONG_ANSWER;
	close(fd);
	return ret;
}

/* ---- the table --------------------------------------------------------------------------- */

enum door_rule {
	/* Everybody gets the owner's result. */
	OPEN,
	/* Strangers get EPERM, or ESRCH once the owner is gone. */
	GATED,
	/* Strangers get POLLERR. */
	POLLED,
};

/*
 * In the order in which they are tried: what destroys something comes after its last
 * user. The results are the owner's on a render node and on a primary node.
 */
static const struct {
	const char *name;
	int (*fn)(struct igt_mmgpu_visit *v);
	enum door_rule rule;
	int render, primary;
} doors[] = {
	{ "get-param", get_param, OPEN, 0, 0 },
	{ "get-param-unknown", get_param_unknown, OPEN, -EINVAL, -EINVAL },
	{ "get-param-pad", get_param_pad, OPEN, -EINVAL, -EINVAL },
	{ "get-param-fault", get_param_fault, OPEN, -EFAULT, -EFAULT },
	{ "get-param-short", get_param_short, OPEN, 0, 0 },
	{ "get-param-long", get_param_long, OPEN, 0, 0 },
	{ "query-mm", query_mm, OPEN, 0, 0 },
	{ "query-mm-out-only", query_mm_out_only, OPEN, 0, 0 },
	{ "query-mm-assign", query_mm_assign, OPEN, 0, 0 },
	{ "query-mm-again", query_mm, OPEN, 0, 0 },
	{ "query-mm-long", query_mm_long, OPEN, 0, 0 },
	{ "query-mm-bad-flags", query_mm_bad_flags, OPEN, -EINVAL, -EINVAL },

	{ "bind-mm", bind_mm, GATED, 0, 0 },
	{ "bind-mm-bad-flags", bind_mm_bad_flags, GATED, -EINVAL, -EINVAL },
	{ "bo-create", bo_create, GATED, 0, 0 },
	{ "bo-create-shared", bo_create_shared, GATED, 0, 0 },
	{ "bo-create-fault", bo_create_fault, GATED, -EFAULT, -EFAULT },
	{ "bo-info", bo_info, GATED, 0, 0 },
	{ "bo-info-unknown", bo_info_unknown, GATED, -ENOENT, -ENOENT },
	{ "bo-wait", bo_wait, GATED, 0, 0 },
	{ "bo-grant", bo_grant, GATED, -EINVAL, -EINVAL },
	{ "ctx-create", ctx_create, GATED, 0, 0 },
	{ "ctx-query", ctx_query, GATED, 0, 0 },
	{ "submit", submit, GATED, 0, 0 },
	{ "submit-unknown-ctx", submit_unknown, GATED, -ENOENT, -ENOENT },
	{ "submit-bo", submit_bo, GATED, 0, 0 },
	{ "ctx-destroy", ctx_destroy, GATED, 0, 0 },
	{ "unknown-ours", unknown_ours, GATED, -EINVAL, -EINVAL },

	{ "version", version, GATED, 0, 0 },
	{ "get-cap", get_cap, GATED, 0, 0 },
	{ "set-client-cap", set_client_cap, GATED, -EACCES, VARIES },
	{ "set-client-name", set_client_name, GATED, VARIES, VARIES },
	{ "set-version", set_version, GATED, -EACCES, VARIES },
	{ "get-magic", get_magic, GATED, -EACCES, 0 },
	{ "auth-magic", auth_magic, GATED, -EACCES, VARIES },
	{ "set-master", set_master, GATED, -EACCES, VARIES },
	{ "gem-flink", gem_flink, GATED, -EACCES, 0 },
	{ "gem-open", gem_open, GATED, -EACCES, 0 },
	{ "gem-change-handle", gem_change_handle, GATED, -EINVAL, -EINVAL },
	{ "gem-close", gem_close, GATED, 0, 0 },
	{ "prime-export", prime_export, GATED, 0, 0 },
	{ "prime-import", prime_import, GATED, 0, 0 },
	{ "create-dumb", create_dumb, GATED, -EACCES, 0 },
	{ "map-dumb", map_dumb, GATED, -EACCES, 0 },
	{ "destroy-dumb", destroy_dumb, GATED, -EACCES, 0 },
	{ "get-resources", get_resources, GATED, -EACCES, -EOPNOTSUPP },
	{ "syncobj-create", syncobj_create, GATED, 0, 0 },
	{ "syncobj-wait", syncobj_wait, GATED, 0, 0 },
	{ "syncobj-timeline-wait", syncobj_timeline_wait, GATED, 0, 0 },
	{ "syncobj-query", syncobj_query, GATED, 0, 0 },
	{ "syncobj-export", syncobj_export, GATED, 0, 0 },
	{ "syncobj-export-fence", syncobj_export_fence, GATED, 0, 0 },
	{ "syncobj-import-fence", syncobj_import_fence, GATED, 0, 0 },
	{ "syncobj-eventfd", syncobj_eventfd, GATED, VARIES, VARIES },
	{ "syncobj-timeline-signal", syncobj_timeline_signal, GATED, 0, 0 },
	{ "syncobj-transfer", syncobj_transfer, GATED, 0, 0 },
	{ "syncobj-signal", syncobj_signal, GATED, 0, 0 },
	{ "syncobj-reset", syncobj_reset, GATED, 0, 0 },
	{ "syncobj-destroy", syncobj_destroy, GATED, 0, 0 },
	{ "unknown-core", unknown_core, GATED, -EINVAL, -EINVAL },

	{ "foreign-type", foreign_type, GATED, -ENOTTY, -ENOTTY },
	{ "foreign-query", foreign_query, GATED, -ENOTTY, -ENOTTY },
	{ "foreign-fionread", foreign_fionread, GATED, -ENOTTY, -ENOTTY },
	{ "every-number", every_number, GATED, 0, 0 },
	{ "every-type", every_type, GATED, 0, 0 },

	{ "read-nonblock", read_nonblock, GATED, -EAGAIN, -EAGAIN },
	{ "read", read_block, GATED, -EAGAIN, -EAGAIN },
	{ "readv", read_vector, GATED, -EAGAIN, -EAGAIN },
	{ "write", write_some, OPEN, -EINVAL, -EINVAL },
	{ "splice", splice_some, OPEN, -EINVAL, -EINVAL },
	{ "poll", poll_file, POLLED, 0, 0 },
	{ "epoll", epoll_file, POLLED, 0, 0 },
	{ "mmap", map_write, GATED, 0, 0 },
	{ "mmap-read-only", map_read, GATED, 0, 0 },
	{ "mmap-no-access", map_none, GATED, 0, 0 },
	{ "mmap-private", map_private, GATED, -EINVAL, -EINVAL },
	{ "mmap-bad-offset", map_nowhere, GATED, -EINVAL, -EINVAL },
	{ "fdinfo", fdinfo, OPEN, 0, 0 },
	{ "close", close_dup, OPEN, 0, 0 },
	{ "reopen", reopen, OPEN, 0, 0 },
};

_Static_assert(igt_mmgpu_count(doors) <= IGT_MMGPU_DOORS_MAX, "make room for the doors");

static void on_alarm(int sig)
{
}

void igt_mmgpu_visit_doors(struct igt_mmgpu_visit *v, enum igt_mmgpu_standing standing)
{
	/* Not restarted, so that the alarm ends a system call. */
	struct sigaction act = { .sa_handler = on_alarm };

	if (standing == IGT_MMGPU_STRANGER || standing == IGT_MMGPU_ORPHAN)
		sigaction(SIGALRM, &act, NULL);

	v->standing = standing;
	v->caller_seq = standing == IGT_MMGPU_OWNER ? v->owner_seq : 0;
	v->note[0] = 0;
	for (unsigned int i = 0; i < igt_mmgpu_count(doors); i++)
		v->result[i] = doors[i].fn(v);
}

static int expected(const struct igt_mmgpu_visit *v, unsigned int door)
{
	if (doors[door].fn == bind_mm && v->standing == IGT_MMGPU_LEGACY)
		return -EBUSY;
	if (doors[door].rule == OPEN || allowed(v))
		return v->node == IGT_MMGPU_PRIMARY ? doors[door].primary : doors[door].render;
	return doors[door].rule == POLLED ? POLLERR : refusal(v);
}

static const char *result_name(int result, char *buf, size_t size)
{
	if (result == NOT_TRIED)
		return "nothing, it was not tried";
	if (result == WRONG_ANSWER)
		return "a wrong answer";
	if (result == VARIES)
		return "anything but a refusal";
	if (result < 0)
		return strerrorname_np(-result) ?: "an unknown error";
	snprintf(buf, size, "%#x", result);
	return buf;
}

unsigned int igt_mmgpu_visit_judge(const struct igt_mmgpu_visit *v, const char *who)
{
	unsigned int wrong = 0;
	char a[16], b[16];

	for (unsigned int i = 0; i < igt_mmgpu_count(doors); i++) {
		int got = v->result[i], want = expected(v, i);

		if (got == want)
			continue;
		if (want == VARIES && got > VARIES && got != -EPERM && got != -ESRCH)
			continue;
		igt_warn("%s/%s: got %s, expected %s\n", who, doors[i].name,
			 result_name(got, a, sizeof(a)), result_name(want, b, sizeof(b)));
		wrong++;
	}
	if (wrong && v->note[0])
		igt_warn("%s: %s\n", who, v->note);
	return wrong;
}

/* ---- set-up ---------------------------------------------------------------------------------- */

static void keep_over_exec(int fd)
{
	igt_assert_eq(fcntl(fd, F_SETFD, 0), 0);
}

struct igt_mmgpu_visit *igt_mmgpu_visit_new(void)
{
	struct igt_mmgpu_visit *v;
	int self = memfd_create("visit", 0);

	igt_assert_fd(self);
	igt_assert_eq(ftruncate(self, sizeof(*v)), 0);
	v = mmap(NULL, sizeof(*v), PROT_READ | PROT_WRITE, MAP_SHARED, self, 0);
	igt_assert(v != MAP_FAILED);

	v->self = self;
	v->fd = -1;
	v->dmabuf = -1;
	v->sync_file = -1;
	for (unsigned int i = 0; i < IGT_MMGPU_DOORS_MAX; i++)
		v->result[i] = NOT_TRIED;
	return v;
}

void igt_mmgpu_visit_free(struct igt_mmgpu_visit *v)
{
	close(v->self);
	munmap(v, sizeof(*v));
}

void igt_mmgpu_visit_open(struct igt_mmgpu_visit *v, enum igt_mmgpu_node node)
{
	v->node = node;
	v->fd = node == IGT_MMGPU_PRIMARY ? igt_mmgpu_open_primary() : igt_mmgpu_open();
	keep_over_exec(v->fd);
	set_nonblock(v->fd, true);
}

void igt_mmgpu_visit_fill(struct igt_mmgpu_visit *v, uint64_t owner_seq)
{
	struct drm_syncobj_timeline_array signal = {
		.points = (uintptr_t)&(uint64_t){ 1 },
		.count_handles = 1,
	};
	struct drm_mmgpu_bo_info info;

	v->owner_seq = owner_seq;

	v->bo = igt_mmgpu_bo_create(v->fd, 4096, 0);
	v->spare_bo = igt_mmgpu_bo_create(v->fd, 4096, 0);
	v->dumb = v->bo;
	v->spare_dumb = v->spare_bo;
	v->name = 1;
	if (v->node == IGT_MMGPU_PRIMARY) {
		struct drm_gem_flink flink = { .handle = v->bo };
		uint64_t size;
		uint32_t pitch;

		igt_assert_eq(__igt_mmgpu_dumb_create(v->fd, 8, 8, 32, &v->dumb, &pitch,
						      &size), 0);
		igt_assert_eq(__igt_mmgpu_dumb_create(v->fd, 8, 8, 32, &v->spare_dumb, &pitch,
						      &size), 0);
		igt_assert_eq(igt_mmgpu_ioctl(v->fd, DRM_IOCTL_GEM_FLINK, &flink), 0);
		v->name = flink.name;
	}
	igt_mmgpu_bo_info(v->fd, v->bo, &info);
	v->offset = info.mmap_offset;
	v->dmabuf = igt_mmgpu_export(v->fd, v->bo);
	keep_over_exec(v->dmabuf);

	v->ctx = igt_mmgpu_ctx_create(v->fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	v->spare_ctx = igt_mmgpu_ctx_create(v->fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);

	v->syncobj = igt_mmgpu_syncobj_create_signaled(v->fd);
	v->sync_file = igt_mmgpu_syncobj_export(v->fd, v->syncobj);
	keep_over_exec(v->sync_file);
	v->timeline = igt_mmgpu_syncobj_create(v->fd);
	signal.handles = (uintptr_t)&v->timeline;
	igt_assert_eq(igt_mmgpu_ioctl(v->fd, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, &signal), 0);
	v->spare_syncobj = igt_mmgpu_syncobj_create(v->fd);

	v->next_bo = igt_mmgpu_bo_create(v->fd, 4096, 0);
	igt_mmgpu_bo_close(v->fd, v->next_bo);
}

void igt_mmgpu_visit_prepare(struct igt_mmgpu_visit *v, enum igt_mmgpu_node node, bool bind)
{
	igt_mmgpu_visit_open(v, node);
	igt_mmgpu_visit_fill(v, bind ? igt_mmgpu_bind_mm(v->fd) : 0);
}

void igt_mmgpu_visit_close(struct igt_mmgpu_visit *v)
{
	close(v->sync_file);
	close(v->dmabuf);
	close(v->fd);
}

void igt_mmgpu_visit_untouched(const struct igt_mmgpu_visit *v)
{
	struct drm_mmgpu_ctx_query query;
	struct drm_mmgpu_bo_info info;
	uint32_t bo;

	/* Nothing is missing ... */
	igt_mmgpu_bo_info(v->fd, v->bo, &info);
	igt_assert_eq_u64(info.mm_seq, v->owner_seq);
	igt_mmgpu_bo_info(v->fd, v->spare_bo, &info);
	igt_mmgpu_bo_info(v->fd, v->spare_dumb, &info);
	igt_mmgpu_ctx_query(v->fd, v->spare_ctx, &query);

	/* ... nothing was submitted or signalled ... */
	igt_mmgpu_ctx_query(v->fd, v->ctx, &query);
	igt_assert_eq_u64(query.jobs_done, 0);
	igt_mmgpu_ctx_query(v->fd, 0, &query);
	igt_assert_eq_u64(query.jobs_done, 0);
	igt_assert(!igt_mmgpu_syncobj_has_fence(v->fd, v->spare_syncobj));

	/* ... and nothing is there that was not. */
	bo = igt_mmgpu_bo_create(v->fd, 4096, 0);
	igt_assert_eq_u32(bo, v->next_bo);
	igt_mmgpu_bo_close(v->fd, bo);
	for (uint32_t id = 1; id < 32; id++) {
		if (id != v->ctx && id != v->spare_ctx)
			igt_assert_eq(__igt_mmgpu_ctx_query(v->fd, id, &query), -ENOENT);
	}
}

/* ---- after exec -------------------------------------------------------------------------------- */

#define VISIT_ENV	"IGT_MMGPU_VISIT"

void igt_mmgpu_visit_exec(struct igt_mmgpu_visit *v, enum igt_mmgpu_standing standing, int hold)
{
	char *argv[] = { "visitor", NULL };
	char text[64], *env[256];
	unsigned int n = 0;

	if (v)
		v->standing = standing;
	else
		fcntl(hold, F_SETFD, 0);
	snprintf(text, sizeof(text), VISIT_ENV "=%d %d", v ? v->self : -1, hold);

	/* Not by setenv(): the caller may share its environment with its parent. */
	for (char **e = environ; *e && n < igt_mmgpu_count(env) - 2; e++)
		env[n++] = *e;
	env[n++] = text;
	env[n] = NULL;
	execve("/proc/self/exe", argv, env);
}

/* Before main(), so that IGT does not take this for a run of the tests. */
static void __attribute__((constructor)) visitor(void)
{
	const char *text = getenv(VISIT_ENV);
	struct igt_mmgpu_visit *v;
	int self, hold;
	char byte = 0;

	if (!text || sscanf(text, "%d %d", &self, &hold) != 2)
		return;

	if (self < 0) {
		if (write(hold, &byte, 1) != 1)
			_exit(1);
		while (read(hold, &byte, 1) > 0)
			;
		_exit(0);
	}

	v = mmap(NULL, sizeof(*v), PROT_READ | PROT_WRITE, MAP_SHARED, self, 0);
	if (v == MAP_FAILED)
		_exit(1);
	igt_mmgpu_visit_doors(v, v->standing);
	_exit(0);
}
