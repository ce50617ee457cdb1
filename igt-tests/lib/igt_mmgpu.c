// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <xf86drm.h>

#include "igt.h"
#include "igt_mmgpu.h"

/* ---- nodes -------------------------------------------------------------------- */

static int minor_of(const char *name, enum igt_mmgpu_node node)
{
	const char *prefix = node == IGT_MMGPU_RENDER ? "renderD" : "card";
	size_t len = strlen(prefix);
	char *end;
	long minor;

	if (strncmp(name, prefix, len))
		return -1;
	minor = strtol(name + len, &end, 10);
	return *end || end == name + len ? -1 : (int)minor;
}

static bool is_driver(int fd, const char *driver)
{
	drmVersionPtr version = drmGetVersion(fd);
	bool same = version && !strcmp(version->name, driver);

	drmFreeVersion(version);
	return same;
}

/*
 * Looks at the nodes themselves. drmGetDevices2() does not know devices of the faux bus,
 * as vgem's is since 6.14, and libigt's openers load modules.
 */
int __igt_mmgpu_open_driver(const char *driver, enum igt_mmgpu_node node, unsigned int nth)
{
	unsigned int found = 0;
	struct dirent **list;
	int minors[256];
	int count, n = 0;
	int ret = -ENODEV;

	count = scandir("/dev/dri", &list, NULL, NULL);
	if (count < 0)
		return errno == ENOENT ? -ENODEV : -errno;
	for (int i = 0; i < count; i++) {
		int minor = minor_of(list[i]->d_name, node);

		if (minor >= 0 && n < (int)igt_mmgpu_count(minors))
			minors[n++] = minor;
		free(list[i]);
	}
	free(list);

	/* By number: scandir()'s order has card10 before card2. */
	for (int i = 0; i < n; i++) {
		for (int j = i + 1; j < n; j++) {
			int swap = minors[i];

			if (minors[j] < swap) {
				minors[i] = minors[j];
				minors[j] = swap;
			}
		}
	}

	for (int i = 0; i < n; i++) {
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "/dev/dri/%s%d",
			 node == IGT_MMGPU_RENDER ? "renderD" : "card", minors[i]);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (is_driver(fd, driver) && found++ == nth) {
			ret = fd;
			break;
		}
		close(fd);
	}
	return ret;
}

static int open_ours(enum igt_mmgpu_node node)
{
	int fd = __igt_mmgpu_open_driver("mmgpu", node, 0);

	igt_require_f(fd >= 0, "no mmgpu device: is the module loaded?\n");
	return fd;
}

int igt_mmgpu_open(void)
{
	return open_ours(IGT_MMGPU_RENDER);
}

int igt_mmgpu_open_primary(void)
{
	return open_ours(IGT_MMGPU_PRIMARY);
}

int igt_mmgpu_reopen(int fd)
{
	char path[64];
	int copy;

	/* The link of /proc leads to the inode, so this is a new open of the node. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	copy = open(path, O_RDWR | O_CLOEXEC);
	igt_assert_fd(copy);
	return copy;
}

/*
 * On a person's machine a test loads nothing that was not asked for. The VMs of
 * scripts/vm, which have this file, are there to be used up.
 */
bool igt_mmgpu_has_module(const char *module)
{
	char text[128];

	snprintf(text, sizeof(text), "/sys/module/%s", module);
	if (!access(text, F_OK))
		return true;
	if (!getenv("MMGPU_MODPROBE") && access("/vm/command", F_OK))
		return false;
	snprintf(text, sizeof(text), "modprobe -q %s", module);
	return system(text) == 0;
}

/* ---- ioctls ------------------------------------------------------------------- */

int igt_mmgpu_ioctl(int fd, unsigned long request, void *arg)
{
	return drmIoctl(fd, request, arg) ? -errno : 0;
}

int igt_mmgpu_ioctl_once(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

void igt_mmgpu_refused_at(int fd, unsigned long request, void *args, size_t size,
			  int err, const char *func, int line)
{
	char before[256];
	int ret;

	igt_assert_lte(size, sizeof(before));
	memcpy(before, args, size);
	ret = igt_mmgpu_ioctl(fd, request, args);
	igt_assert_f(ret == -err, "%s:%d: got %d (%s), expected %d (%s)\n",
		     func, line, ret, strerror(-ret), -err, strerror(err));
	igt_assert_f(!memcmp(before, args, size),
		     "%s:%d: a refused call wrote to its arguments\n", func, line);
}

int __igt_mmgpu_get_param(int fd, uint32_t param, uint64_t *value)
{
	struct drm_mmgpu_get_param args = { .param = param };
	int ret = igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_GET_PARAM, &args);

	if (!ret)
		*value = args.value;
	return ret;
}

uint64_t igt_mmgpu_get_param(int fd, uint32_t param)
{
	uint64_t value;

	igt_assert_eq(__igt_mmgpu_get_param(fd, param, &value), 0);
	return value;
}

int __igt_mmgpu_bind_mm(int fd, uint64_t *mm_seq)
{
	struct drm_mmgpu_bind_mm args = { };
	int ret = igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_BIND_MM, &args);

	if (!ret && mm_seq)
		*mm_seq = args.mm_seq;
	return ret;
}

uint64_t igt_mmgpu_bind_mm(int fd)
{
	uint64_t mm_seq;

	igt_assert_eq(__igt_mmgpu_bind_mm(fd, &mm_seq), 0);
	return mm_seq;
}

int __igt_mmgpu_query_mm(int fd, uint32_t flags, struct drm_mmgpu_query_mm *query)
{
	struct drm_mmgpu_query_mm args = { .flags = flags };
	int ret = igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_QUERY_MM, &args);

	if (!ret)
		*query = args;
	return ret;
}

void igt_mmgpu_query_mm(int fd, uint32_t flags, struct drm_mmgpu_query_mm *query)
{
	igt_assert_eq(__igt_mmgpu_query_mm(fd, flags, query), 0);
}

int __igt_mmgpu_bo_create(int fd, uint64_t size, uint32_t flags, uint32_t *handle)
{
	struct drm_mmgpu_bo_create args = { .size = size, .flags = flags };
	int ret = igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_BO_CREATE, &args);

	if (!ret)
		*handle = args.handle;
	return ret;
}

uint32_t igt_mmgpu_bo_create(int fd, uint64_t size, uint32_t flags)
{
	uint32_t handle;

	igt_assert_eq(__igt_mmgpu_bo_create(fd, size, flags, &handle), 0);
	igt_assert_neq_u32(handle, 0);
	return handle;
}

int __igt_mmgpu_bo_close(int fd, uint32_t handle)
{
	struct drm_gem_close args = { .handle = handle };

	return igt_mmgpu_ioctl(fd, DRM_IOCTL_GEM_CLOSE, &args);
}

void igt_mmgpu_bo_close(int fd, uint32_t handle)
{
	igt_assert_eq(__igt_mmgpu_bo_close(fd, handle), 0);
}

int __igt_mmgpu_bo_info(int fd, uint32_t handle, struct drm_mmgpu_bo_info *info)
{
	struct drm_mmgpu_bo_info args = { .handle = handle };
	int ret = igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_BO_INFO, &args);

	if (!ret)
		*info = args;
	return ret;
}

void igt_mmgpu_bo_info(int fd, uint32_t handle, struct drm_mmgpu_bo_info *info)
{
	igt_assert_eq(__igt_mmgpu_bo_info(fd, handle, info), 0);
}

int __igt_mmgpu_bo_wait(int fd, uint32_t handle, uint32_t flags, int64_t deadline)
{
	struct drm_mmgpu_bo_wait args = {
		.handle = handle,
		.flags = flags,
		.timeout_ns = deadline,
	};

	return igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_BO_WAIT, &args);
}

void igt_mmgpu_bo_wait(int fd, uint32_t handle, uint32_t flags)
{
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);

	igt_assert_eq(__igt_mmgpu_bo_wait(fd, handle, flags, deadline), 0);
}

bool igt_mmgpu_bo_busy(int fd, uint32_t handle, uint32_t flags)
{
	int ret = __igt_mmgpu_bo_wait(fd, handle, flags, 0);

	igt_assert_f(!ret || ret == -ETIME, "BO_WAIT: %d\n", ret);
	return ret;
}

int __igt_mmgpu_bo_grant(int fd, uint32_t handle, uint32_t access, uint64_t mm_seq)
{
	struct drm_mmgpu_bo_grant args = {
		.handle = handle,
		.access = access,
		.mm_seq = mm_seq,
	};

	return igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_BO_GRANT, &args);
}

void *__igt_mmgpu_bo_map(int fd, uint32_t handle, size_t size, int prot)
{
	struct drm_mmgpu_bo_info info;
	void *map;
	int ret;

	ret = __igt_mmgpu_bo_info(fd, handle, &info);
	if (ret) {
		errno = -ret;
		return NULL;
	}
	map = mmap(NULL, size ? size : info.size, prot, MAP_SHARED, fd, info.mmap_offset);
	return map == MAP_FAILED ? NULL : map;
}

void *igt_mmgpu_bo_map(int fd, uint32_t handle, size_t size, int prot)
{
	void *map = __igt_mmgpu_bo_map(fd, handle, size, prot);

	igt_assert(map);
	return map;
}

int __igt_mmgpu_ctx_create(int fd, int32_t priority, uint32_t engine, uint32_t *ctx_id)
{
	struct drm_mmgpu_ctx_create args = { .priority = priority, .engine = engine };
	int ret = igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_CTX_CREATE, &args);

	if (!ret)
		*ctx_id = args.ctx_id;
	return ret;
}

uint32_t igt_mmgpu_ctx_create(int fd, int32_t priority, uint32_t engine)
{
	uint32_t ctx_id;

	igt_assert_eq(__igt_mmgpu_ctx_create(fd, priority, engine, &ctx_id), 0);
	igt_assert_neq_u32(ctx_id, 0);
	return ctx_id;
}

int __igt_mmgpu_ctx_destroy(int fd, uint32_t ctx_id)
{
	struct drm_mmgpu_ctx_destroy args = { .ctx_id = ctx_id };

	return igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_CTX_DESTROY, &args);
}

void igt_mmgpu_ctx_destroy(int fd, uint32_t ctx_id)
{
	igt_assert_eq(__igt_mmgpu_ctx_destroy(fd, ctx_id), 0);
}

int __igt_mmgpu_ctx_query(int fd, uint32_t ctx_id, struct drm_mmgpu_ctx_query *query)
{
	struct drm_mmgpu_ctx_query args = { .ctx_id = ctx_id };
	int ret = igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_CTX_QUERY, &args);

	if (!ret)
		*query = args;
	return ret;
}

void igt_mmgpu_ctx_query(int fd, uint32_t ctx_id, struct drm_mmgpu_ctx_query *query)
{
	igt_assert_eq(__igt_mmgpu_ctx_query(fd, ctx_id, query), 0);
}

int __igt_mmgpu_dumb_create(int fd, uint32_t width, uint32_t height, uint32_t bpp,
			    uint32_t *handle, uint32_t *pitch, uint64_t *size)
{
	struct drm_mode_create_dumb args = {
		.width = width,
		.height = height,
		.bpp = bpp,
	};
	int ret = igt_mmgpu_ioctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &args);

	if (ret)
		return ret;
	*handle = args.handle;
	if (pitch)
		*pitch = args.pitch;
	if (size)
		*size = args.size;
	return 0;
}

uint32_t igt_mmgpu_next_handle(int fd)
{
	uint32_t handle = igt_mmgpu_bo_create(fd, 1, 0);

	igt_mmgpu_bo_close(fd, handle);
	return handle;
}

int __igt_mmgpu_export(int fd, uint32_t handle, int *dmabuf)
{
	struct drm_prime_handle args = { .handle = handle, .flags = DRM_CLOEXEC | DRM_RDWR };
	int ret = igt_mmgpu_ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args);

	if (!ret)
		*dmabuf = args.fd;
	return ret;
}

int igt_mmgpu_export(int fd, uint32_t handle)
{
	int dmabuf;

	igt_assert_eq(__igt_mmgpu_export(fd, handle, &dmabuf), 0);
	return dmabuf;
}

int __igt_mmgpu_import(int fd, int dmabuf, uint32_t *handle)
{
	struct drm_prime_handle args = { .fd = dmabuf };
	int ret = igt_mmgpu_ioctl(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args);

	if (!ret)
		*handle = args.handle;
	return ret;
}

uint32_t igt_mmgpu_import(int fd, int dmabuf)
{
	uint32_t handle;

	igt_assert_eq(__igt_mmgpu_import(fd, dmabuf, &handle), 0);
	return handle;
}

/* ---- jobs --------------------------------------------------------------------- */

static void set_array(struct drm_mmgpu_obj_array *array, const void *first, size_t stride)
{
	array->stride = stride;
	array->array = (uintptr_t)first;
}

void igt_mmgpu_job_init(struct igt_mmgpu_job *job, uint32_t ctx_id)
{
	memset(job, 0, sizeof(*job));
	job->submit.ctx_id = ctx_id;
	set_array(&job->submit.cmds, job->cmds, sizeof(job->cmds[0]));
	set_array(&job->submit.bos, job->bos, sizeof(job->bos[0]));
	set_array(&job->submit.in_syncs, job->in_syncs, sizeof(job->in_syncs[0]));
	set_array(&job->submit.out_syncs, job->out_syncs, sizeof(job->out_syncs[0]));
}

static uint32_t next_of(struct drm_mmgpu_obj_array *array)
{
	igt_assert_f(array->count < IGT_MMGPU_JOB_MAX, "job too large for the builder\n");
	return array->count++;
}

uint32_t igt_mmgpu_job_bo(struct igt_mmgpu_job *job, uint32_t handle, uint32_t flags)
{
	uint32_t index = next_of(&job->submit.bos);

	job->bos[index].handle = handle;
	job->bos[index].flags = flags;
	return index;
}

static void set_sync(struct drm_mmgpu_sync *sync, uint32_t syncobj, uint64_t point)
{
	sync->handle = syncobj;
	sync->flags = point ? MMGPU_SYNC_TIMELINE : 0;
	sync->point = point;
}

void igt_mmgpu_job_in(struct igt_mmgpu_job *job, uint32_t syncobj, uint64_t point)
{
	set_sync(&job->in_syncs[next_of(&job->submit.in_syncs)], syncobj, point);
}

void igt_mmgpu_job_out(struct igt_mmgpu_job *job, uint32_t syncobj, uint64_t point)
{
	set_sync(&job->out_syncs[next_of(&job->submit.out_syncs)], syncobj, point);
}

struct drm_mmgpu_cmd *igt_mmgpu_cmd(struct igt_mmgpu_job *job, enum drm_mmgpu_op op)
{
	struct drm_mmgpu_cmd *cmd = &job->cmds[next_of(&job->submit.cmds)];

	cmd->op = op;
	return cmd;
}

struct drm_mmgpu_cmd *igt_mmgpu_cmd_fill(struct igt_mmgpu_job *job, uint32_t bo,
					 uint64_t dst, uint64_t width, uint64_t value)
{
	struct drm_mmgpu_cmd *cmd = igt_mmgpu_cmd(job, MMGPU_OP_FILL);

	cmd->dst_bo = bo;
	cmd->dst = dst;
	cmd->width = width;
	cmd->rows = 1;
	cmd->value = value;
	return cmd;
}

struct drm_mmgpu_cmd *igt_mmgpu_cmd_copy(struct igt_mmgpu_job *job,
					 uint32_t dst_bo, uint64_t dst,
					 uint32_t src_bo, uint64_t src, uint64_t width)
{
	struct drm_mmgpu_cmd *cmd = igt_mmgpu_cmd(job, MMGPU_OP_COPY);

	cmd->dst_bo = dst_bo;
	cmd->dst = dst;
	cmd->src_bo = src_bo;
	cmd->src = src;
	cmd->width = width;
	cmd->rows = 1;
	return cmd;
}

struct drm_mmgpu_cmd *igt_mmgpu_cmd_add(struct igt_mmgpu_job *job, uint32_t bo,
					uint64_t dst, uint64_t value)
{
	struct drm_mmgpu_cmd *cmd = igt_mmgpu_cmd(job, MMGPU_OP_ADD);

	cmd->dst_bo = bo;
	cmd->dst = dst;
	cmd->value = value;
	return cmd;
}

struct drm_mmgpu_cmd *igt_mmgpu_cmd_timestamp(struct igt_mmgpu_job *job, uint32_t bo,
					      uint64_t dst)
{
	struct drm_mmgpu_cmd *cmd = igt_mmgpu_cmd(job, MMGPU_OP_TIMESTAMP);

	cmd->dst_bo = bo;
	cmd->dst = dst;
	return cmd;
}

struct drm_mmgpu_cmd *igt_mmgpu_cmd_delay(struct igt_mmgpu_job *job, uint64_t ms)
{
	struct drm_mmgpu_cmd *cmd = igt_mmgpu_cmd(job, MMGPU_OP_DELAY);

	cmd->value = ms * IGT_MMGPU_NSEC_PER_MSEC;
	return cmd;
}

int __igt_mmgpu_submit(int fd, struct drm_mmgpu_submit *submit)
{
	return igt_mmgpu_ioctl(fd, DRM_IOCTL_MMGPU_SUBMIT, submit);
}

int __igt_mmgpu_job_submit(int fd, struct igt_mmgpu_job *job)
{
	return __igt_mmgpu_submit(fd, &job->submit);
}

void igt_mmgpu_job_submit(int fd, struct igt_mmgpu_job *job)
{
	igt_assert_eq(__igt_mmgpu_job_submit(fd, job), 0);
}

int __igt_mmgpu_job_run(int fd, struct igt_mmgpu_job *job, int *status)
{
	uint32_t done = igt_mmgpu_syncobj_create(fd);
	int ret;

	igt_mmgpu_job_out(job, done, 0);
	ret = __igt_mmgpu_job_submit(fd, job);
	job->submit.out_syncs.count--;
	if (!ret)
		*status = igt_mmgpu_syncobj_result(fd, done);
	igt_mmgpu_syncobj_destroy(fd, done);
	return ret;
}

int igt_mmgpu_job_run(int fd, struct igt_mmgpu_job *job)
{
	int status;

	igt_assert_eq(__igt_mmgpu_job_run(fd, job, &status), 0);
	return status;
}
