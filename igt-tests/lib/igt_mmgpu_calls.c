// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* What the calls work on, and the ioctls of the driver, but for SUBMIT. */

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include "igt.h"
#include "igt_mmgpu_calls.h"
#include "igt_mmgpu_state.h"

#define MEMORY_SIZE	65536ul
#define BO_SIZE		16384

const struct igt_mmgpu_call_table *const igt_mmgpu_call_tables[IGT_MMGPU_CALL_TABLES] = {
	&igt_mmgpu_calls_driver,
	&igt_mmgpu_calls_submit,
	&igt_mmgpu_calls_core,
	&igt_mmgpu_calls_sync,
	&igt_mmgpu_calls_files,
};

/* ---- the world ------------------------------------------------------------------------- */

static void vgem_init(struct igt_mmgpu_world *w)
{
	uint32_t handle;

	w->vgem = igt_mmgpu_vgem_open();
	igt_assert_eq(__igt_mmgpu_dumb_create(w->vgem, 1024, 1, 32, &handle, NULL, NULL), 0);
	w->vgem_dmabuf = igt_mmgpu_export(w->vgem, handle);
}

/* What SVM's commands name lies in the memory, each in a place of its own. */
static void svm_init(struct igt_mmgpu_world *w)
{
	igt_mmgpu_refusal_init(&w->svm, w->bound);
	w->memory = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	igt_assert(w->memory != MAP_FAILED);
}

static int bind_for_peer(int node, int fd, const void *data)
{
	igt_mmgpu_bind_mm(fd);
	return 0;
}

static void peer_init(struct igt_mmgpu_world *w)
{
	igt_mmgpu_peer_start(&w->peer, w->other);
	w->foreign = igt_mmgpu_reopen(w->fd);
	igt_assert_eq(igt_mmgpu_peer_call(&w->peer, bind_for_peer, w->foreign, NULL, 0), 0);
}

void igt_mmgpu_world_number(void)
{
	struct drm_mmgpu_query_mm query;
	int fd = igt_mmgpu_open();

	igt_mmgpu_query_mm(fd, MMGPU_QUERY_MM_ASSIGN, &query);
	close(fd);
}

void igt_mmgpu_world_init(struct igt_mmgpu_world *w)
{
	struct drm_gem_flink flink = { };
	uint64_t point = 2;

	memset(w, 0, sizeof(*w));
	w->fd = igt_mmgpu_open_primary();
	w->other = igt_mmgpu_reopen(w->fd);
	w->bound = igt_mmgpu_open();
	igt_mmgpu_bind_mm(w->bound);

	w->bo = igt_mmgpu_bo_create(w->fd, BO_SIZE, 0);
	igt_assert_eq(__igt_mmgpu_dumb_create(w->fd, 64, 64, 32, &w->dumb, NULL, NULL), 0);
	w->ctx = igt_mmgpu_ctx_create(w->fd, 0, MMGPU_ENGINE_ANY);
	w->other_bo = igt_mmgpu_bo_create(w->other, BO_SIZE, 0);
	w->dmabuf = igt_mmgpu_export(w->other, w->other_bo);
	flink.handle = w->other_bo;
	igt_assert_eq(igt_mmgpu_ioctl(w->other, DRM_IOCTL_GEM_FLINK, &flink), 0);
	w->name = flink.name;

	w->signaled = igt_mmgpu_syncobj_create_signaled(w->fd);
	w->timeline = igt_mmgpu_syncobj_create(w->fd);
	igt_assert_eq(drmSyncobjTimelineSignal(w->fd, &w->timeline, &point, 1), 0);
	w->sync_file = igt_mmgpu_syncobj_export(w->fd, w->signaled);

	vgem_init(w);
	peer_init(w);
	igt_mmgpu_refusal_init(&w->job, w->fd);
	svm_init(w);
	w->temp_fd = -1;
}

void igt_mmgpu_world_fini(struct igt_mmgpu_world *w)
{
	igt_mmgpu_refusal_fini(&w->svm);
	igt_mmgpu_refusal_fini(&w->job);
	close(w->foreign);
	igt_mmgpu_peer_stop(&w->peer);
	munmap(w->memory, MEMORY_SIZE);
	close(w->vgem_dmabuf);
	close(w->vgem);
	close(w->sync_file);
	close(w->dmabuf);
	close(w->bound);
	close(w->other);
	close(w->fd);
}

/* ---- a call ------------------------------------------------------------------------------ */

void igt_mmgpu_call_list(struct igt_mmgpu_world *w, void *args, size_t pointer, void *start,
			 size_t size, bool out)
{
	struct igt_mmgpu_list *list = &w->list[w->num_lists++];

	igt_assert_lte(w->num_lists, IGT_MMGPU_CALL_LISTS);
	list->pointer = pointer;
	list->start = start;
	list->size = size;
	list->out = out;
	*(uint64_t *)((char *)args + pointer) = (uintptr_t)start;
}

void igt_mmgpu_call_begin(const struct igt_mmgpu_call *call, struct igt_mmgpu_world *w,
			  void *args)
{
	memset(args, 0, IGT_MMGPU_CALL_ARGS);
	w->num_lists = 0;
	if (call->begin)
		call->begin(w, args);
}

void igt_mmgpu_call_end(const struct igt_mmgpu_call *call, struct igt_mmgpu_world *w, void *args)
{
	if (call->end)
		call->end(w, args);
}

int igt_mmgpu_call_fd(const struct igt_mmgpu_call *call, struct igt_mmgpu_world *w)
{
	return *(int *)((char *)w + call->file);
}

int igt_mmgpu_call_do(const struct igt_mmgpu_call *call, struct igt_mmgpu_world *w, void *args)
{
	if (call->run)
		return call->run(w);
	return ioctl(igt_mmgpu_call_fd(call, w), call->request, args) ? -errno : 0;
}

void igt_mmgpu_call_require(const struct igt_mmgpu_call *call, struct igt_mmgpu_world *w)
{
	uint64_t args[IGT_MMGPU_CALL_ARGS / sizeof(uint64_t)];
	int ret;

	if (!call->optional)
		return;
	igt_mmgpu_call_begin(call, w, args);
	ret = igt_mmgpu_call_do(call, w, args);
	igt_require_f(ret != -EINVAL && ret != -ENOTTY, "this kernel has no %s\n", call->name);
	igt_assert_eq(ret, 0);
	igt_mmgpu_call_end(call, w, args);
}

/* ---- files and mms ------------------------------------------------------------------------- */

static void get_param_end(struct igt_mmgpu_world *w, void *args)
{
	struct drm_mmgpu_get_param *a = args;

	igt_assert_lt_u64(0, a->value);
}

static void query_mm_end(struct igt_mmgpu_world *w, void *args)
{
	struct drm_mmgpu_query_mm *a = args;

	igt_assert_eq_u32(a->state, MMGPU_MM_BOUND | MMGPU_MM_OWNER);
	igt_assert_eq_u64(a->bound_mm_seq, a->caller_mm_seq);
}

static void query_mm_foreign_end(struct igt_mmgpu_world *w, void *args)
{
	struct drm_mmgpu_query_mm *a = args;

	igt_assert_eq_u32(a->state, MMGPU_MM_BOUND);
	igt_assert_eq_u64(a->bound_mm_seq, w->peer.seq);
}

/* In a child: its mm has no number yet. */
static void query_mm_assign_begin(struct igt_mmgpu_world *w, void *args)
{
	((struct drm_mmgpu_query_mm *)args)->flags = MMGPU_QUERY_MM_ASSIGN;
}

static void query_mm_assign_end(struct igt_mmgpu_world *w, void *args)
{
	struct drm_mmgpu_query_mm *a = args;

	igt_assert_eq_u32(a->state, 0);
	igt_assert_lt_u64(w->peer.seq, a->caller_mm_seq);
}

static void bind_mm_begin(struct igt_mmgpu_world *w, void *args)
{
	w->temp_fd = igt_mmgpu_reopen(w->fd);
}

static void bind_mm_end(struct igt_mmgpu_world *w, void *args)
{
	struct drm_mmgpu_bind_mm *a = args;
	struct drm_mmgpu_query_mm query;

	igt_mmgpu_query_mm(w->temp_fd, 0, &query);
	igt_assert_eq_u32(query.state, MMGPU_MM_BOUND | MMGPU_MM_OWNER);
	igt_assert_eq_u64(query.bound_mm_seq, a->mm_seq);
	close(w->temp_fd);
}

static bool bind_mm_unchanged(struct igt_mmgpu_world *w, void *args)
{
	struct drm_mmgpu_query_mm query;

	igt_mmgpu_query_mm(w->temp_fd, 0, &query);
	return !query.state && !query.caller_mm_seq;
}

/* ---- buffers --------------------------------------------------------------------------------- */

static void bo_create_begin(struct igt_mmgpu_world *w, void *args)
{
	((struct drm_mmgpu_bo_create *)args)->size = BO_SIZE;
}

static void bo_create_end(struct igt_mmgpu_world *w, void *args)
{
	igt_mmgpu_bo_close(w->fd, ((struct drm_mmgpu_bo_create *)args)->handle);
}

static void bo_create_bound_end(struct igt_mmgpu_world *w, void *args)
{
	igt_mmgpu_bo_close(w->bound, ((struct drm_mmgpu_bo_create *)args)->handle);
}

static void bo_info_begin(struct igt_mmgpu_world *w, void *args)
{
	((struct drm_mmgpu_bo_info *)args)->handle = w->bo;
}

static void bo_info_end(struct igt_mmgpu_world *w, void *args)
{
	struct drm_mmgpu_bo_info *a = args;

	igt_assert_eq_u64(a->size, BO_SIZE);
	igt_assert_eq_u32(a->access, MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE);
}

static void bo_wait_begin(struct igt_mmgpu_world *w, void *args)
{
	struct drm_mmgpu_bo_wait *a = args;

	a->handle = w->bo;
	a->timeout_ns = INT64_MAX;
}

/* The peer's access to temp[0], by debugfs. */
static void assert_granted(struct igt_mmgpu_world *w, uint32_t access)
{
	struct igt_mmgpu_state state;
	char line[64];

	igt_mmgpu_state_take(&state, &w->bound, 1);
	snprintf(line, sizeof(line), "grant mm_seq=%llu access=%u",
		 (unsigned long long)w->peer.seq, access);
	igt_assert_f(!!strstr(state.text, access ? line : "grant") == !!access,
		     "not %s:\n%s", access ? line : "without a grant", state.text);
}

static void bo_grant_begin(struct igt_mmgpu_world *w, void *args)
{
	struct drm_mmgpu_bo_grant *a = args;

	w->temp[0] = igt_mmgpu_bo_create(w->bound, BO_SIZE, 0);
	a->handle = w->temp[0];
	a->access = MMGPU_ACCESS_READ;
	a->mm_seq = w->peer.seq;
}

static void bo_grant_end(struct igt_mmgpu_world *w, void *args)
{
	assert_granted(w, ((struct drm_mmgpu_bo_grant *)args)->access);
	igt_mmgpu_bo_close(w->bound, w->temp[0]);
}

static void bo_grant_more_begin(struct igt_mmgpu_world *w, void *args)
{
	struct drm_mmgpu_bo_grant *a = args;

	bo_grant_begin(w, args);
	igt_assert_eq(__igt_mmgpu_bo_grant(w->bound, a->handle, MMGPU_ACCESS_READ, a->mm_seq), 0);
	a->access = IGT_MMGPU_READ_WRITE;
}

static void bo_revoke_begin(struct igt_mmgpu_world *w, void *args)
{
	struct drm_mmgpu_bo_grant *a = args;

	bo_grant_more_begin(w, args);
	a->access = 0;
}

/* ---- contexts ---------------------------------------------------------------------------------- */

static void ctx_create_begin(struct igt_mmgpu_world *w, void *args)
{
	((struct drm_mmgpu_ctx_create *)args)->engine = MMGPU_ENGINE_ANY;
}

static void ctx_create_end(struct igt_mmgpu_world *w, void *args)
{
	igt_mmgpu_ctx_destroy(w->fd, ((struct drm_mmgpu_ctx_create *)args)->ctx_id);
}

static void ctx_destroy_begin(struct igt_mmgpu_world *w, void *args)
{
	w->temp[0] = igt_mmgpu_ctx_create(w->fd, 0, MMGPU_ENGINE_ANY);
	((struct drm_mmgpu_ctx_destroy *)args)->ctx_id = w->temp[0];
}

static void ctx_destroy_end(struct igt_mmgpu_world *w, void *args)
{
	struct drm_mmgpu_ctx_query query;

	igt_assert_eq(__igt_mmgpu_ctx_query(w->fd, w->temp[0], &query), -ENOENT);
}

static void ctx_query_begin(struct igt_mmgpu_world *w, void *args)
{
	memset(args, 0x5a, sizeof(struct drm_mmgpu_ctx_query));
	((struct drm_mmgpu_ctx_query *)args)->ctx_id = w->ctx;
}

static void ctx_query_end(struct igt_mmgpu_world *w, void *args)
{
	struct drm_mmgpu_ctx_query *a = args;

	igt_assert_eq_u64(a->jobs_done | a->hangs | a->faults | a->status, 0);
}

#define ON(member)	.file = IGT_MMGPU_CALL_ON(member)

static const struct igt_mmgpu_call calls[] = {
	{ "get-param", DRM_IOCTL_MMGPU_GET_PARAM, ON(fd), .end = get_param_end },
	{ "query-mm", DRM_IOCTL_MMGPU_QUERY_MM, ON(bound), .end = query_mm_end },
	/* What a stranger may ask does not pass through DRM core. */
	{ "get-param-foreign", DRM_IOCTL_MMGPU_GET_PARAM, ON(foreign), .end = get_param_end },
	{ "query-mm-foreign", DRM_IOCTL_MMGPU_QUERY_MM, ON(foreign), .end = query_mm_foreign_end },
	{ "query-mm-assign", DRM_IOCTL_MMGPU_QUERY_MM, ON(fd), .begin = query_mm_assign_begin,
	  .end = query_mm_assign_end, .new_mm = true,
	  .makes = IGT_MMGPU_MADE_NUMBER },
	{ "bind-mm", DRM_IOCTL_MMGPU_BIND_MM, ON(temp_fd), .begin = bind_mm_begin,
	  .end = bind_mm_end, .unchanged = bind_mm_unchanged, .new_mm = true,
	  .makes = IGT_MMGPU_MADE_NUMBER },
	/* shmem says so when it cannot make an inode. */
	{ "bo-create", DRM_IOCTL_MMGPU_BO_CREATE, ON(fd), .begin = bo_create_begin,
	  .end = bo_create_end, .err = ENOSPC,
	  .makes = IGT_MMGPU_MADE_BO },
	{ "bo-create-bound", DRM_IOCTL_MMGPU_BO_CREATE, ON(bound), .begin = bo_create_begin,
	  .end = bo_create_bound_end, .err = ENOSPC,
	  .makes = IGT_MMGPU_MADE_BO },
	{ "bo-info", DRM_IOCTL_MMGPU_BO_INFO, ON(fd), .begin = bo_info_begin,
	  .end = bo_info_end },
	{ "bo-wait", DRM_IOCTL_MMGPU_BO_WAIT, ON(fd), .begin = bo_wait_begin },
	{ "bo-grant", DRM_IOCTL_MMGPU_BO_GRANT, ON(bound), .begin = bo_grant_begin,
	  .end = bo_grant_end },
	{ "bo-grant-more", DRM_IOCTL_MMGPU_BO_GRANT, ON(bound), .begin = bo_grant_more_begin,
	  .end = bo_grant_end },
	{ "bo-revoke", DRM_IOCTL_MMGPU_BO_GRANT, ON(bound), .begin = bo_revoke_begin,
	  .end = bo_grant_end },
	{ "ctx-create", DRM_IOCTL_MMGPU_CTX_CREATE, ON(fd), .begin = ctx_create_begin,
	  .end = ctx_create_end,
	  .makes = IGT_MMGPU_MADE_CTX },
	{ "ctx-destroy", DRM_IOCTL_MMGPU_CTX_DESTROY, ON(fd), .begin = ctx_destroy_begin,
	  .end = ctx_destroy_end },
	{ "ctx-query", DRM_IOCTL_MMGPU_CTX_QUERY, ON(fd), .begin = ctx_query_begin,
	  .end = ctx_query_end },
};

const struct igt_mmgpu_call_table igt_mmgpu_calls_driver = { calls, igt_mmgpu_count(calls) };
