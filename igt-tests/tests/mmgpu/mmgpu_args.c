// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * What every ioctl but SUBMIT (mmgpu_submit_bad) and BO_GRANT (mmgpu_grant) says to
 * arguments that are wrong: one field at a time, the exact error, no output and no effect.
 * Then sizes and addresses of the structures themselves.
 */

#include "igt.h"
#include "igt_mmgpu.h"

#include <errno.h>
#include <limits.h>
#include <sys/mman.h>

IGT_TEST_DESCRIPTION("Wrong arguments of the ioctls, one at a time.");

static int fd = -1;
static uint32_t bo;
static uint32_t ctx;

union args {
	struct drm_mmgpu_get_param get_param;
	struct drm_mmgpu_bind_mm bind_mm;
	struct drm_mmgpu_query_mm query_mm;
	struct drm_mmgpu_bo_create bo_create;
	struct drm_mmgpu_bo_info bo_info;
	struct drm_mmgpu_bo_wait bo_wait;
	struct drm_mmgpu_bo_grant bo_grant;
	struct drm_mmgpu_ctx_create ctx_create;
	struct drm_mmgpu_ctx_destroy ctx_destroy;
	struct drm_mmgpu_ctx_query ctx_query;
	struct drm_mmgpu_submit submit;
};

/* Arguments that are right, with outputs that nobody writes by chance. */
static void good_args(unsigned long request, union args *args)
{
	memset(args, 0, sizeof(*args));
	switch (request) {
	case DRM_IOCTL_MMGPU_GET_PARAM:
		args->get_param.value = 0x5a5a5a5a5a5a5a5aull;
		break;
	case DRM_IOCTL_MMGPU_BIND_MM:
		args->bind_mm.mm_seq = 0x5a5a5a5a5a5a5a5aull;
		break;
	case DRM_IOCTL_MMGPU_QUERY_MM:
		memset(args, 0x5a, sizeof(args->query_mm));
		args->query_mm.flags = 0;
		break;
	case DRM_IOCTL_MMGPU_BO_CREATE:
		args->bo_create.size = 4096;
		args->bo_create.handle = 0x5a5a5a5a;
		break;
	case DRM_IOCTL_MMGPU_BO_INFO:
		memset(args, 0x5a, sizeof(args->bo_info));
		args->bo_info.handle = bo;
		args->bo_info.pad = 0;
		break;
	case DRM_IOCTL_MMGPU_BO_WAIT:
		args->bo_wait.handle = bo;
		break;
	case DRM_IOCTL_MMGPU_BO_GRANT:
		args->bo_grant.handle = bo;
		break;
	case DRM_IOCTL_MMGPU_CTX_CREATE:
		args->ctx_create.engine = MMGPU_ENGINE_ANY;
		args->ctx_create.ctx_id = 0x5a5a5a5a;
		break;
	case DRM_IOCTL_MMGPU_CTX_DESTROY:
		args->ctx_destroy.ctx_id = ctx;
		break;
	case DRM_IOCTL_MMGPU_CTX_QUERY:
		memset(args, 0x5a, sizeof(args->ctx_query));
		args->ctx_query.ctx_id = ctx;
		break;
	case DRM_IOCTL_MMGPU_SUBMIT:
		break;
	default:
		igt_assert(false);
	}
}

static size_t size_of(unsigned long request)
{
	return _IOC_SIZE(request);
}

/* The file is still a legacy one, with its one buffer, its one context, and no job. */
static void nothing_changed(void)
{
	struct drm_mmgpu_query_mm query;
	struct drm_mmgpu_ctx_query state;
	uint32_t next = igt_mmgpu_next_handle(fd);

	igt_assert_eq_u32(next, bo + 1);
	igt_mmgpu_query_mm(fd, 0, &query);
	igt_assert_eq_u32(query.state, 0);
	igt_mmgpu_ctx_query(fd, ctx, &state);
	igt_assert_eq_u64(state.jobs_done, 0);
	igt_mmgpu_ctx_query(fd, 0, &state);
	igt_assert_eq_u64(state.jobs_done, 0);
}

/* As many contexts can be made as ever. */
static void no_context_kept(void)
{
	uint64_t max = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_CONTEXTS);
	uint32_t *ids = calloc(max, sizeof(*ids));
	uint32_t extra;

	igt_assert(ids);
	for (uint64_t i = 1; i < max; i++)
		ids[i] = igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY);
	igt_assert_eq(__igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY, &extra), -E2BIG);
	for (uint64_t i = 1; i < max; i++)
		igt_mmgpu_ctx_destroy(fd, ids[i]);
	free(ids);
}

static void refused(unsigned long request, union args *args, int err)
{
	igt_mmgpu_refused_at(fd, request, args, size_of(request), err, __func__, __LINE__);
}

/* ---- pads and flags: every bit that has no meaning ------------------------------------ */

static const struct {
	const char *name;
	unsigned long request;
	size_t offset;
	uint32_t known;
} bits[] = {
	{ "get-param-pad", DRM_IOCTL_MMGPU_GET_PARAM,
	  offsetof(struct drm_mmgpu_get_param, pad) },
	{ "bind-mm-flags", DRM_IOCTL_MMGPU_BIND_MM,
	  offsetof(struct drm_mmgpu_bind_mm, flags) },
	{ "bind-mm-pad", DRM_IOCTL_MMGPU_BIND_MM,
	  offsetof(struct drm_mmgpu_bind_mm, pad) },
	{ "query-mm-flags", DRM_IOCTL_MMGPU_QUERY_MM,
	  offsetof(struct drm_mmgpu_query_mm, flags), MMGPU_QUERY_MM_ASSIGN },
	{ "bo-create-flags", DRM_IOCTL_MMGPU_BO_CREATE,
	  offsetof(struct drm_mmgpu_bo_create, flags), MMGPU_BO_SHARED },
	{ "bo-info-pad", DRM_IOCTL_MMGPU_BO_INFO,
	  offsetof(struct drm_mmgpu_bo_info, pad) },
	{ "bo-wait-flags", DRM_IOCTL_MMGPU_BO_WAIT,
	  offsetof(struct drm_mmgpu_bo_wait, flags), MMGPU_BO_WAIT_WRITE },
	{ "ctx-create-flags", DRM_IOCTL_MMGPU_CTX_CREATE,
	  offsetof(struct drm_mmgpu_ctx_create, flags) },
	{ "ctx-destroy-pad", DRM_IOCTL_MMGPU_CTX_DESTROY,
	  offsetof(struct drm_mmgpu_ctx_destroy, pad) },
	{ "submit-flags", DRM_IOCTL_MMGPU_SUBMIT,
	  offsetof(struct drm_mmgpu_submit, flags) },
};

static void every_bit(size_t which)
{
	union args args;

	for (int bit = 0; bit < 32; bit++) {
		if (bits[which].known & (1u << bit))
			continue;
		good_args(bits[which].request, &args);
		*(uint32_t *)((char *)&args + bits[which].offset) |= 1u << bit;
		refused(bits[which].request, &args, EINVAL);
	}
	nothing_changed();
	if (bits[which].request == DRM_IOCTL_MMGPU_CTX_CREATE)
		no_context_kept();
}

/* ---- values ---------------------------------------------------------------------------- */

static void bad_param(void)
{
	const uint32_t params[] = { MMGPU_PARAM_SVM + 1, 0x80000000, UINT_MAX };
	union args args;

	for (size_t i = 0; i < igt_mmgpu_count(params); i++) {
		good_args(DRM_IOCTL_MMGPU_GET_PARAM, &args);
		args.get_param.param = params[i];
		refused(DRM_IOCTL_MMGPU_GET_PARAM, &args, EINVAL);
	}
}

static void bad_create_size(void)
{
	uint64_t max = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_BO_SIZE);
	/* The last two become 0 when they are rounded up carelessly. */
	const uint64_t over[] = { max + 1, 2 * max, 1ull << 63, -4096ull, -1ull };
	union args args;

	good_args(DRM_IOCTL_MMGPU_BO_CREATE, &args);
	args.bo_create.size = 0;
	refused(DRM_IOCTL_MMGPU_BO_CREATE, &args, EINVAL);
	for (size_t i = 0; i < igt_mmgpu_count(over); i++) {
		args.bo_create.size = over[i];
		refused(DRM_IOCTL_MMGPU_BO_CREATE, &args, E2BIG);
	}
	nothing_changed();
}

/* 0, one that was closed, one that never was. */
static void bad_handle(unsigned long request, size_t offset)
{
	uint32_t closed = igt_mmgpu_next_handle(fd);
	const uint32_t handles[] = { 0, closed, INT_MAX, UINT_MAX };
	union args args;

	for (size_t i = 0; i < igt_mmgpu_count(handles); i++) {
		good_args(request, &args);
		*(uint32_t *)((char *)&args + offset) = handles[i];
		refused(request, &args, ENOENT);
	}
}

static uint32_t destroyed_ctx(void)
{
	uint32_t id = igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY);

	igt_mmgpu_ctx_destroy(fd, id);
	return id;
}

static void bad_ctx(unsigned long request, size_t offset)
{
	const uint32_t ids[] = { destroyed_ctx(), INT_MAX, UINT_MAX };
	union args args;

	for (size_t i = 0; i < igt_mmgpu_count(ids); i++) {
		good_args(request, &args);
		*(uint32_t *)((char *)&args + offset) = ids[i];
		refused(request, &args, ENOENT);
	}
	nothing_changed();
}

static void bad_destroy_default(void)
{
	union args args;

	good_args(DRM_IOCTL_MMGPU_CTX_DESTROY, &args);
	args.ctx_destroy.ctx_id = 0;
	refused(DRM_IOCTL_MMGPU_CTX_DESTROY, &args, EINVAL);
	nothing_changed();
}

static void bad_priority(void)
{
	const int32_t priorities[] = {
		MMGPU_PRIORITY_LOW - 1, MMGPU_PRIORITY_HIGH + 1, INT_MIN, INT_MAX,
	};
	union args args;

	for (size_t i = 0; i < igt_mmgpu_count(priorities); i++) {
		good_args(DRM_IOCTL_MMGPU_CTX_CREATE, &args);
		args.ctx_create.priority = priorities[i];
		refused(DRM_IOCTL_MMGPU_CTX_CREATE, &args, EINVAL);
	}
	no_context_kept();
}

static void bad_engine(void)
{
	uint32_t count = igt_mmgpu_get_param(fd, MMGPU_PARAM_ENGINE_COUNT);
	const uint32_t engines[] = { count, count + 1, INT_MAX, MMGPU_ENGINE_ANY - 1 };
	union args args;

	for (size_t i = 0; i < igt_mmgpu_count(engines); i++) {
		good_args(DRM_IOCTL_MMGPU_CTX_CREATE, &args);
		args.ctx_create.engine = engines[i];
		refused(DRM_IOCTL_MMGPU_CTX_CREATE, &args, EINVAL);
	}
	no_context_kept();
}

/* What is malformed is told before what is unknown. */
static void precedence(void)
{
	union args args;

	good_args(DRM_IOCTL_MMGPU_BO_INFO, &args);
	args.bo_info.handle = 0;
	args.bo_info.pad = 1;
	refused(DRM_IOCTL_MMGPU_BO_INFO, &args, EINVAL);

	good_args(DRM_IOCTL_MMGPU_BO_WAIT, &args);
	args.bo_wait.handle = 0;
	args.bo_wait.flags = 1u << 31;
	refused(DRM_IOCTL_MMGPU_BO_WAIT, &args, EINVAL);

	good_args(DRM_IOCTL_MMGPU_CTX_DESTROY, &args);
	args.ctx_destroy.ctx_id = INT_MAX;
	args.ctx_destroy.pad = 1;
	refused(DRM_IOCTL_MMGPU_CTX_DESTROY, &args, EINVAL);

	good_args(DRM_IOCTL_MMGPU_BO_CREATE, &args);
	args.bo_create.size = -1ull;
	args.bo_create.flags = 1u << 31;
	refused(DRM_IOCTL_MMGPU_BO_CREATE, &args, EINVAL);
	nothing_changed();
}

/* ---- addresses and sizes ---------------------------------------------------------------- */

static const struct {
	const char *name;
	unsigned long request;
} requests[] = {
	{ "get-param", DRM_IOCTL_MMGPU_GET_PARAM },
	{ "bind-mm", DRM_IOCTL_MMGPU_BIND_MM },
	{ "query-mm", DRM_IOCTL_MMGPU_QUERY_MM },
	{ "bo-create", DRM_IOCTL_MMGPU_BO_CREATE },
	{ "bo-info", DRM_IOCTL_MMGPU_BO_INFO },
	{ "bo-wait", DRM_IOCTL_MMGPU_BO_WAIT },
	{ "bo-grant", DRM_IOCTL_MMGPU_BO_GRANT },
	{ "ctx-create", DRM_IOCTL_MMGPU_CTX_CREATE },
	{ "ctx-destroy", DRM_IOCTL_MMGPU_CTX_DESTROY },
	{ "ctx-query", DRM_IOCTL_MMGPU_CTX_QUERY },
	{ "submit", DRM_IOCTL_MMGPU_SUBMIT },
};

static void bad_address(unsigned long request)
{
	size_t size = size_of(request);
	char *edge = igt_mmgpu_edge_alloc(size);
	union args args;

	igt_assert_eq(igt_mmgpu_ioctl(fd, request, NULL), -EFAULT);
	igt_assert_eq(igt_mmgpu_ioctl(fd, request, igt_mmgpu_bad_pointer()), -EFAULT);
	igt_assert_eq(igt_mmgpu_ioctl(fd, request, (void *)INTPTR_MIN), -EFAULT);

	/* All but the last eight bytes are there. */
	good_args(request, &args);
	memcpy(edge + 8, &args, size - 8);
	igt_assert_eq(igt_mmgpu_ioctl(fd, request, edge + 8), -EFAULT);
	igt_assert(!memcmp(edge + 8, &args, size - 8));
	nothing_changed();

	/* Up to the last byte is enough. BIND_MM would be for good, a grant needs one. */
	if (request != DRM_IOCTL_MMGPU_BIND_MM && request != DRM_IOCTL_MMGPU_BO_GRANT &&
	    request != DRM_IOCTL_MMGPU_BO_CREATE && request != DRM_IOCTL_MMGPU_CTX_CREATE &&
	    request != DRM_IOCTL_MMGPU_CTX_DESTROY && request != DRM_IOCTL_MMGPU_SUBMIT) {
		memcpy(edge, &args, size);
		igt_assert_eq(igt_mmgpu_ioctl(fd, request, edge), 0);
	}
	igt_mmgpu_edge_free(edge, size);
}

/* An output that cannot be written. Only calls that leave nothing behind are tried. */
static void read_only_args(void)
{
	const unsigned long asks[] = {
		DRM_IOCTL_MMGPU_GET_PARAM, DRM_IOCTL_MMGPU_QUERY_MM,
		DRM_IOCTL_MMGPU_BO_INFO, DRM_IOCTL_MMGPU_CTX_QUERY,
	};
	union args *args = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	igt_assert(args != MAP_FAILED);
	for (size_t i = 0; i < igt_mmgpu_count(asks); i++) {
		igt_assert_eq(mprotect(args, 4096, PROT_READ | PROT_WRITE), 0);
		good_args(asks[i], args);
		igt_assert_eq(mprotect(args, 4096, PROT_READ), 0);
		refused(asks[i], args, EFAULT);
	}
	munmap(args, 4096);
}

static unsigned long resized(unsigned long request, size_t size)
{
	return _IOC(_IOC_DIR(request), _IOC_TYPE(request), _IOC_NR(request), size);
}

/* An older program passes less: the rest is zero, and outputs beyond its end are lost. */
static void short_struct(void)
{
	struct drm_mmgpu_get_param param = { .value = 0x5a5a };
	struct drm_mmgpu_query_mm query;
	struct drm_mmgpu_submit submit;

	igt_assert_eq(igt_mmgpu_ioctl(fd, resized(DRM_IOCTL_MMGPU_GET_PARAM, 8), &param), 0);
	igt_assert_eq_u64(param.value, 0x5a5a);

	memset(&query, 0x5a, sizeof(query));
	query.flags = 0;
	igt_assert_eq(igt_mmgpu_ioctl(fd, resized(DRM_IOCTL_MMGPU_QUERY_MM, 16), &query), 0);
	igt_assert_eq_u32(query.state, 0);
	igt_assert_eq_u64(query.bound_mm_seq, 0);
	igt_assert_eq_u64(query.caller_mm_seq, 0x5a5a5a5a5a5a5a5aull);

	/* Without its lists it is an empty job; with them it would be refused. */
	memset(&submit, 0xff, sizeof(submit));
	submit.ctx_id = 0;
	submit.flags = 0;
	igt_assert_eq(__igt_mmgpu_submit(fd, &submit), -E2BIG);
	igt_assert_eq(igt_mmgpu_ioctl(fd, resized(DRM_IOCTL_MMGPU_SUBMIT, 8), &submit), 0);
}

/* A newer program passes more: the core drops what this driver does not know. */
static void long_struct(void)
{
	struct {
		struct drm_mmgpu_get_param args;
		uint64_t more[2];
	} param = { .more = { 0x1111, 0x2222 } };

	param.args.param = MMGPU_PARAM_ENGINE_COUNT;
	igt_assert_eq(igt_mmgpu_ioctl(fd, resized(DRM_IOCTL_MMGPU_GET_PARAM, sizeof(param)),
				      &param), 0);
	igt_assert_lt_u64(0, param.args.value);
	igt_assert_eq_u64(param.more[0], 0x1111);
	igt_assert_eq_u64(param.more[1], 0x2222);
}

static void unknown_number(void)
{
	uint64_t args[32] = { };

	for (int nr = DRM_COMMAND_BASE + DRM_MMGPU_SUBMIT + 1; nr < DRM_COMMAND_END; nr++)
		igt_assert_eq(igt_mmgpu_ioctl(fd, DRM_IOWR(nr, args), args), -EINVAL);
	nothing_changed();
}

int igt_main()
{
	igt_fixture() {
		fd = igt_mmgpu_open();
		bo = igt_mmgpu_bo_create(fd, 4096, 0);
		ctx = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	}

	for (size_t i = 0; i < igt_mmgpu_count(bits); i++) {
		igt_describe("Every bit without a meaning is refused.");
		igt_subtest_f("bad-%s", bits[i].name)
			every_bit(i);
	}

	igt_describe("A parameter that does not exist.");
	igt_subtest("bad-get-param-param")
		bad_param();

	igt_describe("Size 0, over the limit, and so large that it wraps.");
	igt_subtest("bad-bo-create-size")
		bad_create_size();

	igt_describe("A handle that is none.");
	igt_subtest("bad-bo-info-handle")
		bad_handle(DRM_IOCTL_MMGPU_BO_INFO, offsetof(struct drm_mmgpu_bo_info, handle));

	igt_describe("A handle that is none.");
	igt_subtest("bad-bo-wait-handle")
		bad_handle(DRM_IOCTL_MMGPU_BO_WAIT, offsetof(struct drm_mmgpu_bo_wait, handle));

	igt_describe("A priority that does not exist.");
	igt_subtest("bad-ctx-create-priority")
		bad_priority();

	igt_describe("An engine that does not exist.");
	igt_subtest("bad-ctx-create-engine")
		bad_engine();

	igt_describe("A context that is none.");
	igt_subtest("bad-ctx-destroy-ctx-id")
		bad_ctx(DRM_IOCTL_MMGPU_CTX_DESTROY,
			offsetof(struct drm_mmgpu_ctx_destroy, ctx_id));

	igt_describe("The file's own context stays.");
	igt_subtest("bad-ctx-destroy-default")
		bad_destroy_default();

	igt_describe("A context that is none.");
	igt_subtest("bad-ctx-query-ctx-id")
		bad_ctx(DRM_IOCTL_MMGPU_CTX_QUERY, offsetof(struct drm_mmgpu_ctx_query, ctx_id));

	igt_describe("A context that is none.");
	igt_subtest("bad-submit-ctx-id")
		bad_ctx(DRM_IOCTL_MMGPU_SUBMIT, offsetof(struct drm_mmgpu_submit, ctx_id));

	igt_describe("Of two errors the malformed field is told.");
	igt_subtest("precedence")
		precedence();

	for (size_t i = 0; i < igt_mmgpu_count(requests); i++) {
		igt_describe("Arguments at no address, and with an end at no address.");
		igt_subtest_f("bad-%s-address", requests[i].name)
			bad_address(requests[i].request);
	}

	igt_describe("Arguments that can be read only.");
	igt_subtest("bad-read-only-address")
		read_only_args();

	igt_describe("Numbers that no ioctl has.");
	igt_subtest("bad-number")
		unknown_number();

	igt_describe("A structure larger than the driver's is cut by the core.");
	igt_subtest("long-struct")
		long_struct();

	/* Last: it submits. */
	igt_describe("A structure shorter than the driver's is extended by zeroes.");
	igt_subtest("short-struct")
		short_struct();

	igt_fixture()
		close(fd);
}
