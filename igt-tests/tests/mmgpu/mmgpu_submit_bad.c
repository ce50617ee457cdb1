// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * A job that is right in everything is spoilt in one field: the exact error, and no trace
 * of the job. In which order several errors are told: mmgpu_submit_order.
 */

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_refusal.h"

#include <errno.h>
#include <limits.h>

IGT_TEST_DESCRIPTION("Submissions with one wrong field.");

#define SIZE		((uint64_t)IGT_MMGPU_REFUSAL_SIZE)
#define EXTENT		448ull
#define COPY		IGT_MMGPU_REFUSAL_COPY
#define FILL		IGT_MMGPU_REFUSAL_FILL
#define ADD		IGT_MMGPU_REFUSAL_ADD
#define TIMESTAMP	IGT_MMGPU_REFUSAL_TIMESTAMP
#define DELAY		IGT_MMGPU_REFUSAL_DELAY
#define NOP		IGT_MMGPU_REFUSAL_NOP

static struct igt_mmgpu_refusal refusal;
static int fd = -1;

/* One member of struct igt_mmgpu_job, and what to put there. */
struct change {
	size_t offset;
	size_t size;
	uint64_t value;
};

#define SET(member, val)							\
	{									\
		.offset = offsetof(struct igt_mmgpu_job, member),		\
		.size = sizeof(((struct igt_mmgpu_job *)NULL)->member),		\
		.value = (uint64_t)(val),					\
	}

struct bad {
	const char *name;
	int err;
	struct change change[4];
};

static void apply(const struct change *change)
{
	char *at = (char *)&refusal.job + change->offset;

	if (change->size == sizeof(uint32_t))
		*(uint32_t *)at = change->value;
	else if (change->size == sizeof(uint64_t))
		*(uint64_t *)at = change->value;
}

static void run(const struct bad *bad)
{
	igt_mmgpu_refusal_reset(&refusal);
	for (size_t i = 0; i < igt_mmgpu_count(bad->change); i++)
		apply(&bad->change[i]);
	igt_mmgpu_refusal_expect(&refusal, bad->err);
}

#define LIST(name, list, size)							\
	{ name "-stride-zero", EINVAL, { SET(submit.list.stride, 0) } },	\
	{ name "-stride-small", EINVAL, { SET(submit.list.stride, (size) - 1) } }, \
	{ name "-stride-large", E2BIG, { SET(submit.list.stride, 4097) } },	\
	{ name "-stride-max", E2BIG, { SET(submit.list.stride, UINT_MAX) } },	\
	{ name "-count-max", E2BIG, { SET(submit.list.count, UINT_MAX) } },	\
	{ name "-array-null", EFAULT, { SET(submit.list.array, 0) } },		\
	{ name "-array-kernel", EFAULT, { SET(submit.list.array, INT64_MIN) } }, \
	{ name "-array-wrap", EFAULT, { SET(submit.list.array, -16) } }

static const struct bad lists[] = {
	{ "ctx-id", ENOENT, { SET(submit.ctx_id, INT_MAX) } },
	{ "flags", EINVAL, { SET(submit.flags, 1) } },
	LIST("cmds", cmds, sizeof(struct drm_mmgpu_cmd)),
	LIST("bos", bos, sizeof(struct drm_mmgpu_bo_ref)),
	LIST("in-syncs", in_syncs, sizeof(struct drm_mmgpu_sync)),
	LIST("out-syncs", out_syncs, sizeof(struct drm_mmgpu_sync)),
};

static const struct bad bos[] = {
	{ "bo-handle-zero", ENOENT, { SET(bos[0].handle, 0) } },
	{ "bo-handle", ENOENT, { SET(bos[1].handle, INT_MAX) } },
	{ "bo-flags-none", EINVAL, { SET(bos[1].flags, 0) } },
	{ "bo-flags-no-access", EINVAL, { SET(bos[1].flags, MMGPU_BO_REF_NO_IMPLICIT_SYNC) } },
};

static const struct bad syncs[] = {
	{ "in-sync-handle-zero", ENOENT, { SET(in_syncs[0].handle, 0) } },
	{ "in-sync-handle", ENOENT, { SET(in_syncs[1].handle, INT_MAX) } },
	{ "in-sync-binary-point", EINVAL, { SET(in_syncs[0].point, 1) } },
	{ "in-sync-timeline-point-zero", EINVAL, { SET(in_syncs[1].point, 0) } },
	{ "in-sync-timeline-point-future", EINVAL, { SET(in_syncs[1].point, 2) } },
	{ "in-sync-timeline-point-max", EINVAL, { SET(in_syncs[1].point, -1) } },
	{ "out-sync-handle-zero", ENOENT, { SET(out_syncs[0].handle, 0) } },
	{ "out-sync-handle", ENOENT, { SET(out_syncs[1].handle, INT_MAX) } },
	{ "out-sync-binary-point", EINVAL, { SET(out_syncs[0].point, 1) } },
	{ "out-sync-timeline-point-zero", EINVAL, { SET(out_syncs[1].point, 0) } },
};

static const struct bad cmds[] = {
	{ "cmd-op", EINVAL, { SET(cmds[NOP].op, MMGPU_OP_DELAY + 1) } },
	{ "cmd-op-max", EINVAL, { SET(cmds[NOP].op, UINT_MAX) } },
	{ "cmd-pad", EINVAL, { SET(cmds[COPY].pad, 1) } },
	{ "cmd-pad-fill", EINVAL, { SET(cmds[FILL].pad, 1u << 31) } },
	{ "cmd-pad-nop", EINVAL, { SET(cmds[NOP].pad, 1) } },
	{ "cmd-pad-delay", EINVAL, { SET(cmds[DELAY].pad, 1) } },

	/* The value over MAX_DELAY_MS by one is in limits(). */
	{ "delay-value-max", EINVAL, { SET(cmds[DELAY].value, -1) } },

	{ "copy-dst-bo", EINVAL, { SET(cmds[COPY].dst_bo, 2) } },
	{ "copy-dst-bo-max", EINVAL, { SET(cmds[COPY].dst_bo, UINT_MAX) } },
	{ "copy-src-bo", EINVAL, { SET(cmds[COPY].src_bo, 2) } },
	{ "copy-src-bo-max", EINVAL, { SET(cmds[COPY].src_bo, UINT_MAX) } },
	{ "fill-dst-bo", EINVAL, { SET(cmds[FILL].dst_bo, 2) } },
	{ "add-dst-bo", EINVAL, { SET(cmds[ADD].dst_bo, 2) } },
	{ "timestamp-dst-bo", EINVAL, { SET(cmds[TIMESTAMP].dst_bo, 2) } },

	/* Used beyond what the bo_ref says. */
	{ "copy-dst-read-only", EINVAL, { SET(cmds[COPY].dst_bo, 1) } },
	{ "copy-src-write-only", EINVAL, { SET(bos[0].flags, MMGPU_BO_REF_WRITE),
					   SET(cmds[COPY].src_bo, 0),
					   SET(cmds[COPY].src, SIZE / 2) } },
	{ "fill-dst-read-only", EINVAL, { SET(cmds[FILL].dst_bo, 1) } },
	{ "add-dst-read-only", EINVAL, { SET(cmds[ADD].dst_bo, 1) } },
	{ "timestamp-dst-read-only", EINVAL, { SET(cmds[TIMESTAMP].dst_bo, 1) } },
};

static const struct bad ranges[] = {
	{ "copy-dst-over", EINVAL, { SET(cmds[COPY].dst, SIZE - EXTENT + 1) } },
	{ "copy-dst-end", EINVAL, { SET(cmds[COPY].dst, SIZE) } },
	{ "copy-dst-wrap", EINVAL, { SET(cmds[COPY].dst, -EXTENT) } },
	{ "copy-dst-max", EINVAL, { SET(cmds[COPY].dst, -1) } },
	{ "copy-src-over", EINVAL, { SET(cmds[COPY].src, SIZE - EXTENT + 1) } },
	{ "copy-src-end", EINVAL, { SET(cmds[COPY].src, SIZE) } },
	{ "copy-src-wrap", EINVAL, { SET(cmds[COPY].src, -EXTENT) } },
	{ "copy-src-max", EINVAL, { SET(cmds[COPY].src, -1) } },
	{ "copy-width-zero", EINVAL, { SET(cmds[COPY].width, 0) } },
	{ "copy-width-over", EINVAL, { SET(cmds[COPY].rows, 1), SET(cmds[COPY].width, SIZE + 1) } },
	{ "copy-width-max", EINVAL, { SET(cmds[COPY].rows, 1), SET(cmds[COPY].width, -1) } },
	{ "copy-width-wrap", EINVAL, { SET(cmds[COPY].rows, 1), SET(cmds[COPY].width, -64),
				       SET(cmds[COPY].dst, 64), SET(cmds[COPY].src, 64) } },
	/* A width whose low 32 bits are harmless. */
	{ "copy-width-truncated", EINVAL, { SET(cmds[COPY].width, (1ull << 32) + 64) } },
	{ "copy-rows-zero", EINVAL, { SET(cmds[COPY].rows, 0) } },
	{ "copy-rows-over", EINVAL, { SET(cmds[COPY].rows, 65) } },
	{ "copy-rows-max", EINVAL, { SET(cmds[COPY].rows, UINT_MAX) } },
	{ "copy-dst-pitch-small", EINVAL, { SET(cmds[COPY].dst_pitch, 63) } },
	{ "copy-dst-pitch-zero", EINVAL, { SET(cmds[COPY].dst_pitch, 0) } },
	{ "copy-dst-pitch-over", EINVAL, { SET(cmds[COPY].dst_pitch, SIZE / 3) } },
	{ "copy-dst-pitch-max", EINVAL, { SET(cmds[COPY].dst_pitch, UINT_MAX) } },
	{ "copy-src-pitch-small", EINVAL, { SET(cmds[COPY].src_pitch, 63) } },
	{ "copy-src-pitch-zero", EINVAL, { SET(cmds[COPY].src_pitch, 0) } },
	{ "copy-src-pitch-over", EINVAL, { SET(cmds[COPY].src_pitch, SIZE / 3) } },
	{ "copy-src-pitch-max", EINVAL, { SET(cmds[COPY].src_pitch, UINT_MAX) } },
	/* (rows - 1) * pitch is 2^32: nothing in 32 bits. */
	{ "copy-rows-pitch-32", EINVAL, { SET(cmds[COPY].rows, 65537),
					  SET(cmds[COPY].dst_pitch, 65536),
					  SET(cmds[COPY].src_pitch, 65536) } },
	/* (rows - 1) * pitch + width + dst is 2^64 + 512 - 66. */
	{ "copy-rows-pitch-64", EINVAL, { SET(cmds[COPY].rows, UINT_MAX),
					  SET(cmds[COPY].dst_pitch, UINT_MAX),
					  SET(cmds[COPY].src_pitch, UINT_MAX),
					  SET(cmds[COPY].dst, (3ull << 32) + 446) } },

	{ "fill-dst-over", EINVAL, { SET(cmds[FILL].dst, SIZE - EXTENT + 1) } },
	{ "fill-dst-wrap", EINVAL, { SET(cmds[FILL].dst, -EXTENT) } },
	{ "fill-width-zero", EINVAL, { SET(cmds[FILL].width, 0) } },
	{ "fill-width-over", EINVAL, { SET(cmds[FILL].rows, 1), SET(cmds[FILL].width, SIZE + 1),
				       SET(cmds[FILL].dst, 0) } },
	{ "fill-width-wrap", EINVAL, { SET(cmds[FILL].rows, 1), SET(cmds[FILL].width, -1024) } },
	{ "fill-rows-zero", EINVAL, { SET(cmds[FILL].rows, 0) } },
	{ "fill-rows-over", EINVAL, { SET(cmds[FILL].rows, 57) } },
	{ "fill-dst-pitch-small", EINVAL, { SET(cmds[FILL].dst_pitch, 63) } },
	{ "fill-dst-pitch-zero", EINVAL, { SET(cmds[FILL].dst_pitch, 0) } },
	{ "fill-rows-pitch-32", EINVAL, { SET(cmds[FILL].rows, 65537),
					  SET(cmds[FILL].dst_pitch, 65536) } },

	{ "add-dst-unaligned", EINVAL, { SET(cmds[ADD].dst, 2052) } },
	{ "add-dst-odd", EINVAL, { SET(cmds[ADD].dst, 1) } },
	{ "add-dst-end", EINVAL, { SET(cmds[ADD].dst, SIZE) } },
	{ "add-dst-wrap", EINVAL, { SET(cmds[ADD].dst, -8) } },
	{ "timestamp-dst-unaligned", EINVAL, { SET(cmds[TIMESTAMP].dst, 2052) } },
	{ "timestamp-dst-end", EINVAL, { SET(cmds[TIMESTAMP].dst, SIZE) } },
	{ "timestamp-dst-wrap", EINVAL, { SET(cmds[TIMESTAMP].dst, -8) } },
};

/* CPU addresses: where they have no meaning, and where only a bound file has them. */
static const struct bad svm[] = {
	{ "nop-svm-dst", EINVAL, { SET(cmds[NOP].flags, MMGPU_CMD_DST_SVM) } },
	{ "nop-svm-src", EINVAL, { SET(cmds[NOP].flags, MMGPU_CMD_SRC_SVM) } },
	{ "delay-svm-dst", EINVAL, { SET(cmds[DELAY].flags, MMGPU_CMD_DST_SVM) } },
	{ "delay-svm-src", EINVAL, { SET(cmds[DELAY].flags, MMGPU_CMD_SRC_SVM) } },
	{ "add-svm-dst", EINVAL, { SET(cmds[ADD].flags, MMGPU_CMD_DST_SVM) } },
	{ "add-svm-src", EINVAL, { SET(cmds[ADD].flags, MMGPU_CMD_SRC_SVM) } },
	{ "fill-svm-src", EINVAL, { SET(cmds[FILL].flags, MMGPU_CMD_SRC_SVM) } },
	{ "fill-svm-both", EINVAL, { SET(cmds[FILL].flags,
					 MMGPU_CMD_DST_SVM | MMGPU_CMD_SRC_SVM) } },
	{ "timestamp-svm-src", EINVAL, { SET(cmds[TIMESTAMP].flags, MMGPU_CMD_SRC_SVM) } },
	{ "copy-svm-dst", EOPNOTSUPP, { SET(cmds[COPY].flags, MMGPU_CMD_DST_SVM) } },
	{ "copy-svm-src", EOPNOTSUPP, { SET(cmds[COPY].flags, MMGPU_CMD_SRC_SVM) } },
	{ "copy-svm-both", EOPNOTSUPP, { SET(cmds[COPY].flags,
					     MMGPU_CMD_DST_SVM | MMGPU_CMD_SRC_SVM) } },
	{ "fill-svm-dst", EOPNOTSUPP, { SET(cmds[FILL].flags, MMGPU_CMD_DST_SVM) } },
	{ "timestamp-svm-dst", EOPNOTSUPP, { SET(cmds[TIMESTAMP].flags, MMGPU_CMD_DST_SVM) } },
};

/* ---- what no table says --------------------------------------------------------------- */

static void every_bit(size_t offset, uint32_t known)
{
	for (int bit = 0; bit < 32; bit++) {
		if (known & (1u << bit))
			continue;
		igt_mmgpu_refusal_reset(&refusal);
		*(uint32_t *)((char *)&refusal.job + offset) |= 1u << bit;
		igt_mmgpu_refusal_expect(&refusal, EINVAL);
	}
}

/* The list is one longer than allowed, and all of it is right. */
static void bad_count(uint32_t param, struct drm_mmgpu_obj_array *list, const void *element)
{
	uint64_t max = igt_mmgpu_get_param(fd, param);
	char *all;

	igt_mmgpu_refusal_reset(&refusal);
	all = calloc(max + 1, list->stride);
	igt_assert(all);
	for (uint64_t i = 0; i <= max; i++)
		memcpy(all + i * list->stride, element, list->stride);
	list->array = (uintptr_t)all;
	list->count = max + 1;
	igt_mmgpu_refusal_expect(&refusal, E2BIG);
	free(all);
}

static struct drm_mmgpu_obj_array *list_of(int which, size_t *size)
{
	struct drm_mmgpu_obj_array *list[] = {
		&refusal.job.submit.cmds,
		&refusal.job.submit.bos,
		&refusal.job.submit.in_syncs,
		&refusal.job.submit.out_syncs,
	};

	*size = list[which]->stride;
	return list[which];
}

/* Every element but the last byte of the last one can be read. */
static void bad_array_edge(int which)
{
	struct drm_mmgpu_obj_array *list;
	size_t size, all;
	char *edge;

	igt_mmgpu_refusal_reset(&refusal);
	list = list_of(which, &size);
	all = size * list->count;
	edge = igt_mmgpu_edge_alloc(all);
	memcpy(edge + 1, (void *)(uintptr_t)list->array, all - 1);
	list->array = (uintptr_t)edge + 1;
	igt_mmgpu_refusal_expect(&refusal, EFAULT);

	/* With the last byte it is a job, wherever it lies. */
	igt_mmgpu_refusal_reset(&refusal);
	memcpy(edge, (void *)(uintptr_t)list->array, all);
	list->array = (uintptr_t)edge;
	igt_mmgpu_refusal_accept(&refusal);
	igt_mmgpu_edge_free(edge, all);
}

/* Elements that are larger than ours: fine while the rest is zero. */
static void bad_array_tail(int which)
{
	struct drm_mmgpu_obj_array *list;
	size_t size, extra[] = { 1, 8, 24, 1000 };

	igt_mmgpu_refusal_reset(&refusal);
	list = list_of(which, &size);
	for (size_t e = 0; e < igt_mmgpu_count(extra); e++) {
		size_t stride = size + extra[e];
		char *wide = calloc(list->count, stride);

		igt_assert(wide);
		/* In the first element and in the last, at the first byte and at the last. */
		for (int at = 0; at < 5; at++) {
			uint32_t element = at & 1 ? list->count - 1 : 0;
			char *tail = wide + element * stride + size;

			igt_mmgpu_refusal_reset(&refusal);
			for (uint32_t i = 0; i < list->count; i++)
				memcpy(wide + i * stride,
				       (char *)(uintptr_t)list->array + i * size, size);
			list->stride = stride;
			list->array = (uintptr_t)wide;
			if (at == 4) {
				igt_mmgpu_refusal_accept(&refusal);
				break;
			}
			tail += at & 2 ? extra[e] - 1 : 0;
			*tail = 1;
			igt_mmgpu_refusal_expect(&refusal, E2BIG);
			*tail = 0;
		}
		free(wide);
		igt_mmgpu_refusal_reset(&refusal);
	}
}

static void bad_duplicate_bo(void)
{
	igt_mmgpu_refusal_reset(&refusal);
	refusal.job.bos[1].handle = refusal.bo[0];
	igt_mmgpu_refusal_expect(&refusal, EINVAL);
}

/* The same object under two handles, which GEM_OPEN on the primary node makes. */
static void bad_duplicate_object(void)
{
	static struct igt_mmgpu_refusal twins;
	int primary = igt_mmgpu_open_primary();
	struct drm_gem_open open_args = { };
	struct drm_gem_flink name = { };

	igt_mmgpu_refusal_init(&twins, primary);
	name.handle = twins.bo[0];
	igt_assert_eq(igt_mmgpu_ioctl(primary, DRM_IOCTL_GEM_FLINK, &name), 0);
	open_args.name = name.name;
	igt_assert_eq(igt_mmgpu_ioctl(primary, DRM_IOCTL_GEM_OPEN, &open_args), 0);
	twins.next_handle = igt_mmgpu_next_handle(primary);

	/* One at a time both will do. */
	twins.job.bos[0].handle = open_args.handle;
	igt_mmgpu_refusal_accept(&twins);
	igt_mmgpu_refusal_reset(&twins);
	twins.job.bos[1].handle = open_args.handle;
	igt_mmgpu_refusal_expect(&twins, EINVAL);
	igt_mmgpu_refusal_fini(&twins);
	close(primary);
}

static void bad_in_sync_no_fence(void)
{
	uint32_t empty = igt_mmgpu_syncobj_create(fd);

	igt_mmgpu_refusal_reset(&refusal);
	refusal.job.in_syncs[0].handle = empty;
	igt_mmgpu_refusal_expect(&refusal, EINVAL);
	igt_mmgpu_refusal_reset(&refusal);
	refusal.job.in_syncs[1].handle = empty;
	igt_mmgpu_refusal_expect(&refusal, EINVAL);
	igt_mmgpu_syncobj_destroy(fd, empty);
}

static void bad_closed_handles(void)
{
	uint32_t bo = igt_mmgpu_bo_create(fd, SIZE, 0);
	uint32_t syncobj = igt_mmgpu_syncobj_create_signaled(fd);
	uint32_t ctx = igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY);

	igt_mmgpu_bo_close(fd, bo);
	igt_mmgpu_syncobj_destroy(fd, syncobj);
	igt_mmgpu_ctx_destroy(fd, ctx);
	igt_mmgpu_refusal_reset(&refusal);
	refusal.job.bos[0].handle = bo;
	igt_mmgpu_refusal_expect(&refusal, ENOENT);
	igt_mmgpu_refusal_reset(&refusal);
	refusal.job.in_syncs[0].handle = syncobj;
	igt_mmgpu_refusal_expect(&refusal, ENOENT);
	igt_mmgpu_refusal_reset(&refusal);
	refusal.job.submit.ctx_id = ctx;
	igt_mmgpu_refusal_expect(&refusal, ENOENT);
}

static void bad_delay(void)
{
	uint64_t max = igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_DELAY_MS);

	igt_mmgpu_refusal_reset(&refusal);
	refusal.job.cmds[DELAY].value = max * IGT_MMGPU_NSEC_PER_MSEC + 1;
	igt_mmgpu_refusal_expect(&refusal, EINVAL);
}

/* The last bytes of a buffer: what the range tests refuse by one is right without. */
static void in_range(void)
{
	igt_mmgpu_refusal_reset(&refusal);
	refusal.job.cmds[COPY].dst = SIZE - EXTENT;
	refusal.job.cmds[COPY].src = SIZE - EXTENT;
	igt_mmgpu_refusal_accept(&refusal);
	igt_mmgpu_refusal_reset(&refusal);
	refusal.job.cmds[COPY].rows = 64;
	refusal.job.cmds[FILL].dst = SIZE - EXTENT;
	refusal.job.cmds[ADD].dst = SIZE - 8;
	refusal.job.cmds[TIMESTAMP].dst = SIZE - 8;
	igt_mmgpu_refusal_accept(&refusal);
	igt_mmgpu_refusal_reset(&refusal);
	refusal.job.cmds[COPY].rows = 1;
	refusal.job.cmds[COPY].width = SIZE;
	refusal.job.cmds[FILL].rows = 1;
	refusal.job.cmds[FILL].dst = 0;
	refusal.job.cmds[FILL].width = SIZE;
	igt_mmgpu_refusal_accept(&refusal);
}

static void table(const char *describe, const struct bad *bad, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		igt_describe(describe);
		igt_subtest_f("bad-%s", bad[i].name)
			run(&bad[i]);
	}
}

int igt_main()
{
	static const char * const names[] = { "cmds", "bos", "in-syncs", "out-syncs" };

	igt_fixture() {
		fd = igt_mmgpu_open();
		igt_mmgpu_refusal_init(&refusal, fd);
	}

	igt_describe("The job that all others are made of is accepted.");
	igt_subtest("good") {
		igt_mmgpu_refusal_reset(&refusal);
		igt_mmgpu_refusal_accept(&refusal);
	}

	igt_describe("So are commands that end at the end of a buffer.");
	igt_subtest("good-ranges")
		in_range();

	table("A wrong context or list is refused.", lists, igt_mmgpu_count(lists));
	table("A wrong buffer is refused.", bos, igt_mmgpu_count(bos));
	table("A wrong syncobj is refused.", syncs, igt_mmgpu_count(syncs));
	table("A wrong command is refused.", cmds, igt_mmgpu_count(cmds));
	table("A command that leaves its buffer is refused.", ranges, igt_mmgpu_count(ranges));
	table("CPU addresses are refused on a legacy file.", svm, igt_mmgpu_count(svm));

	igt_describe("Every flag of a command without a meaning.");
	igt_subtest("bad-cmd-flags")
		every_bit(offsetof(struct igt_mmgpu_job, cmds[COPY].flags),
			  MMGPU_CMD_DST_SVM | MMGPU_CMD_SRC_SVM);

	igt_describe("Every flag of a buffer without a meaning.");
	igt_subtest("bad-bo-flags")
		every_bit(offsetof(struct igt_mmgpu_job, bos[0].flags), MMGPU_BO_REF_READ |
			  MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC);

	igt_describe("Every flag of a syncobj without a meaning.");
	igt_subtest("bad-in-sync-flags")
		every_bit(offsetof(struct igt_mmgpu_job, in_syncs[1].flags),
			  MMGPU_SYNC_TIMELINE);

	igt_describe("Every flag of a syncobj without a meaning.");
	igt_subtest("bad-out-sync-flags")
		every_bit(offsetof(struct igt_mmgpu_job, out_syncs[1].flags),
			  MMGPU_SYNC_TIMELINE);

	igt_describe("One command too many.");
	igt_subtest("bad-cmds-count")
		bad_count(MMGPU_PARAM_MAX_CMDS, &refusal.job.submit.cmds,
			  &refusal.job.cmds[NOP]);

	igt_describe("One buffer too many.");
	igt_subtest("bad-bos-count")
		bad_count(MMGPU_PARAM_MAX_BOS, &refusal.job.submit.bos, &refusal.job.bos[0]);

	igt_describe("One in-sync too many.");
	igt_subtest("bad-in-syncs-count")
		bad_count(MMGPU_PARAM_MAX_SYNCS, &refusal.job.submit.in_syncs,
			  &refusal.job.in_syncs[0]);

	igt_describe("One out-sync too many.");
	igt_subtest("bad-out-syncs-count")
		bad_count(MMGPU_PARAM_MAX_SYNCS, &refusal.job.submit.out_syncs,
			  &refusal.job.out_syncs[0]);

	for (int i = 0; i < 4; i++) {
		igt_describe("A list whose last byte is not there.");
		igt_subtest_f("bad-%s-array-edge", names[i])
			bad_array_edge(i);

		igt_describe("Elements with something in what follows the structure.");
		igt_subtest_f("bad-%s-tail", names[i])
			bad_array_tail(i);
	}

	igt_describe("A buffer listed twice.");
	igt_subtest("bad-bo-duplicate")
		bad_duplicate_bo();

	igt_describe("A buffer listed under two handles of it.");
	igt_subtest("bad-bo-duplicate-object")
		bad_duplicate_object();

	igt_describe("A syncobj without a fence has nothing to wait for.");
	igt_subtest("bad-in-sync-no-fence")
		bad_in_sync_no_fence();

	igt_describe("Handles and contexts that are closed again.");
	igt_subtest("bad-closed")
		bad_closed_handles();

	igt_describe("A delay over the limit, by a nanosecond.");
	igt_subtest("bad-delay-value")
		bad_delay();

	igt_fixture() {
		igt_mmgpu_refusal_fini(&refusal);
		close(fd);
	}
}
