// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/*
 * The interface that programs are compiled against: numbers, sizes and offsets, written
 * down here a second time. What stands here never changes; lines may only be added.
 */

#include <kunit/test.h>

#include <drm/drm.h>
#include <drm/mmgpu_drm.h>

struct mmgpu_uapi_value {
	const char *name;
	u64 value;
	u64 expected;
};

#define VALUE(name, expected)	{ #name, (u64)(name), expected }
#define SIZE(type, expected)	{ "size of " #type, sizeof(struct drm_mmgpu_##type), expected }
#define AT(type, member, expected)						\
	{ #type "." #member, offsetof(struct drm_mmgpu_##type, member), expected }
#define LEN(type, member, expected)						\
	{ "size of " #type "." #member, sizeof_field(struct drm_mmgpu_##type, member), expected }

static void mmgpu_uapi_check(struct kunit *test, const struct mmgpu_uapi_value *values, size_t num)
{
	size_t i;

	for (i = 0; i < num; i++)
		KUNIT_EXPECT_EQ_MSG(test, values[i].value, values[i].expected, "%s",
				    values[i].name);
}

static void mmgpu_uapi_test_layout(struct kunit *test)
{
	static const struct mmgpu_uapi_value values[] = {
		SIZE(get_param, 16),
		AT(get_param, param, 0), LEN(get_param, param, 4),
		AT(get_param, pad, 4), LEN(get_param, pad, 4),
		AT(get_param, value, 8), LEN(get_param, value, 8),

		SIZE(bind_mm, 16),
		AT(bind_mm, flags, 0), LEN(bind_mm, flags, 4),
		AT(bind_mm, pad, 4), LEN(bind_mm, pad, 4),
		AT(bind_mm, mm_seq, 8), LEN(bind_mm, mm_seq, 8),

		SIZE(query_mm, 24),
		AT(query_mm, flags, 0), LEN(query_mm, flags, 4),
		AT(query_mm, state, 4), LEN(query_mm, state, 4),
		AT(query_mm, bound_mm_seq, 8), LEN(query_mm, bound_mm_seq, 8),
		AT(query_mm, caller_mm_seq, 16), LEN(query_mm, caller_mm_seq, 8),

		SIZE(bo_create, 16),
		AT(bo_create, size, 0), LEN(bo_create, size, 8),
		AT(bo_create, flags, 8), LEN(bo_create, flags, 4),
		AT(bo_create, handle, 12), LEN(bo_create, handle, 4),

		SIZE(bo_info, 40),
		AT(bo_info, handle, 0), LEN(bo_info, handle, 4),
		AT(bo_info, flags, 4), LEN(bo_info, flags, 4),
		AT(bo_info, size, 8), LEN(bo_info, size, 8),
		AT(bo_info, mmap_offset, 16), LEN(bo_info, mmap_offset, 8),
		AT(bo_info, mm_seq, 24), LEN(bo_info, mm_seq, 8),
		AT(bo_info, access, 32), LEN(bo_info, access, 4),
		AT(bo_info, pad, 36), LEN(bo_info, pad, 4),

		SIZE(bo_wait, 16),
		AT(bo_wait, handle, 0), LEN(bo_wait, handle, 4),
		AT(bo_wait, flags, 4), LEN(bo_wait, flags, 4),
		AT(bo_wait, timeout_ns, 8), LEN(bo_wait, timeout_ns, 8),

		SIZE(bo_grant, 16),
		AT(bo_grant, handle, 0), LEN(bo_grant, handle, 4),
		AT(bo_grant, access, 4), LEN(bo_grant, access, 4),
		AT(bo_grant, mm_seq, 8), LEN(bo_grant, mm_seq, 8),

		SIZE(ctx_create, 16),
		AT(ctx_create, flags, 0), LEN(ctx_create, flags, 4),
		AT(ctx_create, priority, 4), LEN(ctx_create, priority, 4),
		AT(ctx_create, engine, 8), LEN(ctx_create, engine, 4),
		AT(ctx_create, ctx_id, 12), LEN(ctx_create, ctx_id, 4),

		SIZE(ctx_destroy, 8),
		AT(ctx_destroy, ctx_id, 0), LEN(ctx_destroy, ctx_id, 4),
		AT(ctx_destroy, pad, 4), LEN(ctx_destroy, pad, 4),

		SIZE(ctx_query, 32),
		AT(ctx_query, ctx_id, 0), LEN(ctx_query, ctx_id, 4),
		AT(ctx_query, status, 4), LEN(ctx_query, status, 4),
		AT(ctx_query, hangs, 8), LEN(ctx_query, hangs, 8),
		AT(ctx_query, faults, 16), LEN(ctx_query, faults, 8),
		AT(ctx_query, jobs_done, 24), LEN(ctx_query, jobs_done, 8),

		SIZE(obj_array, 16),
		AT(obj_array, stride, 0), LEN(obj_array, stride, 4),
		AT(obj_array, count, 4), LEN(obj_array, count, 4),
		AT(obj_array, array, 8), LEN(obj_array, array, 8),

		SIZE(cmd, 64),
		AT(cmd, op, 0), LEN(cmd, op, 4),
		AT(cmd, flags, 4), LEN(cmd, flags, 4),
		AT(cmd, dst_bo, 8), LEN(cmd, dst_bo, 4),
		AT(cmd, src_bo, 12), LEN(cmd, src_bo, 4),
		AT(cmd, dst, 16), LEN(cmd, dst, 8),
		AT(cmd, src, 24), LEN(cmd, src, 8),
		AT(cmd, width, 32), LEN(cmd, width, 8),
		AT(cmd, rows, 40), LEN(cmd, rows, 4),
		AT(cmd, dst_pitch, 44), LEN(cmd, dst_pitch, 4),
		AT(cmd, src_pitch, 48), LEN(cmd, src_pitch, 4),
		AT(cmd, pad, 52), LEN(cmd, pad, 4),
		AT(cmd, value, 56), LEN(cmd, value, 8),

		SIZE(bo_ref, 8),
		AT(bo_ref, handle, 0), LEN(bo_ref, handle, 4),
		AT(bo_ref, flags, 4), LEN(bo_ref, flags, 4),

		SIZE(sync, 16),
		AT(sync, handle, 0), LEN(sync, handle, 4),
		AT(sync, flags, 4), LEN(sync, flags, 4),
		AT(sync, point, 8), LEN(sync, point, 8),

		SIZE(submit, 72),
		AT(submit, ctx_id, 0), LEN(submit, ctx_id, 4),
		AT(submit, flags, 4), LEN(submit, flags, 4),
		AT(submit, cmds, 8), LEN(submit, cmds, 16),
		AT(submit, bos, 24), LEN(submit, bos, 16),
		AT(submit, in_syncs, 40), LEN(submit, in_syncs, 16),
		AT(submit, out_syncs, 56), LEN(submit, out_syncs, 16),
	};

	mmgpu_uapi_check(test, values, ARRAY_SIZE(values));
}

/* Direction, size, 'd', and the number behind those of DRM core. */
static void mmgpu_uapi_test_ioctls(struct kunit *test)
{
	static const struct mmgpu_uapi_value values[] = {
		VALUE(DRM_IOCTL_MMGPU_GET_PARAM, 0xc0106440),
		VALUE(DRM_IOCTL_MMGPU_BIND_MM, 0xc0106441),
		VALUE(DRM_IOCTL_MMGPU_QUERY_MM, 0xc0186442),
		VALUE(DRM_IOCTL_MMGPU_BO_CREATE, 0xc0106443),
		VALUE(DRM_IOCTL_MMGPU_BO_INFO, 0xc0286444),
		VALUE(DRM_IOCTL_MMGPU_BO_WAIT, 0x40106445),
		VALUE(DRM_IOCTL_MMGPU_BO_GRANT, 0x40106446),
		VALUE(DRM_IOCTL_MMGPU_CTX_CREATE, 0xc0106447),
		VALUE(DRM_IOCTL_MMGPU_CTX_DESTROY, 0x40086448),
		VALUE(DRM_IOCTL_MMGPU_CTX_QUERY, 0xc0206449),
		VALUE(DRM_IOCTL_MMGPU_SUBMIT, 0x4048644a),
	};

	mmgpu_uapi_check(test, values, ARRAY_SIZE(values));
}

static void mmgpu_uapi_test_constants(struct kunit *test)
{
	static const struct mmgpu_uapi_value values[] = {
		VALUE(MMGPU_PARAM_ENGINE_COUNT, 0),
		VALUE(MMGPU_PARAM_MAX_CMDS, 1),
		VALUE(MMGPU_PARAM_MAX_BOS, 2),
		VALUE(MMGPU_PARAM_MAX_SYNCS, 3),
		VALUE(MMGPU_PARAM_MAX_CONTEXTS, 4),
		VALUE(MMGPU_PARAM_MAX_JOBS, 5),
		VALUE(MMGPU_PARAM_MAX_BO_SIZE, 6),
		VALUE(MMGPU_PARAM_MAX_GRANTS, 7),
		VALUE(MMGPU_PARAM_JOB_TIMEOUT_MS, 8),
		VALUE(MMGPU_PARAM_MAX_DELAY_MS, 9),
		VALUE(MMGPU_PARAM_SVM, 10),

		VALUE(MMGPU_QUERY_MM_ASSIGN, 1),
		VALUE(MMGPU_MM_BOUND, 1),
		VALUE(MMGPU_MM_OWNER, 2),
		VALUE(MMGPU_MM_GONE, 4),

		VALUE(MMGPU_BO_SHARED, 1),
		VALUE(MMGPU_ACCESS_READ, 1),
		VALUE(MMGPU_ACCESS_WRITE, 2),
		VALUE(MMGPU_BO_WAIT_WRITE, 1),

		VALUE(MMGPU_PRIORITY_LOW, U64_MAX),
		VALUE(MMGPU_PRIORITY_NORMAL, 0),
		VALUE(MMGPU_PRIORITY_HIGH, 1),
		VALUE(MMGPU_ENGINE_ANY, 0xffffffff),
		VALUE(MMGPU_CTX_BANNED, 1),

		VALUE(MMGPU_OP_NOP, 0),
		VALUE(MMGPU_OP_FILL, 1),
		VALUE(MMGPU_OP_COPY, 2),
		VALUE(MMGPU_OP_ADD, 3),
		VALUE(MMGPU_OP_TIMESTAMP, 4),
		VALUE(MMGPU_OP_DELAY, 5),
		VALUE(MMGPU_CMD_DST_SVM, 1),
		VALUE(MMGPU_CMD_SRC_SVM, 2),
		VALUE(MMGPU_BO_REF_READ, 1),
		VALUE(MMGPU_BO_REF_WRITE, 2),
		VALUE(MMGPU_BO_REF_NO_IMPLICIT_SYNC, 4),
		VALUE(MMGPU_SYNC_TIMELINE, 1),
	};

	mmgpu_uapi_check(test, values, ARRAY_SIZE(values));
}

static struct kunit_case mmgpu_uapi_test_cases[] = {
	KUNIT_CASE(mmgpu_uapi_test_layout),
	KUNIT_CASE(mmgpu_uapi_test_ioctls),
	KUNIT_CASE(mmgpu_uapi_test_constants),
	{}
};

static struct kunit_suite mmgpu_uapi_test_suite = {
	.name = "mmgpu_uapi",
	.test_cases = mmgpu_uapi_test_cases,
};

kunit_test_suite(mmgpu_uapi_test_suite);
