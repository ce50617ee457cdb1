// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/* Buffers without a device behind them: who may do what, and what a grant makes of it. */

#include <linux/idr.h>
#include <linux/seq_file.h>
#include <linux/string.h>

#include <kunit/resource.h>
#include <kunit/test.h>

#include <drm/drm_file.h>
#include <drm/drm_gem.h>

#include <drm/mmgpu_drm.h>

#include "../mmgpu_access.h"
#include "../mmgpu_device.h"
#include "../mmgpu_file.h"
#include "../mmgpu_gem.h"
#include "../mmgpu_mm.h"
#include "mmgpu_test_bo.h"
#include "mmgpu_test_mm.h"

#define NONE	0
#define RO	MMGPU_ACCESS_READ
#define RW	(MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE)

static void mmgpu_access_expect(struct kunit *test, struct mmgpu_bo *bo, u64 seq, u32 access)
{
	const int no = access ? -EACCES : -EPERM;

	KUNIT_EXPECT_EQ(test, mmgpu_bo_access(bo, seq), access);
	KUNIT_EXPECT_EQ(test, mmgpu_bo_check_access(bo, seq, 0, MMGPU_DOOR_MMAP), 0);
	KUNIT_EXPECT_EQ(test, mmgpu_bo_check_access(bo, seq, MMGPU_ACCESS_READ, MMGPU_DOOR_MMAP),
			access & MMGPU_ACCESS_READ ? 0 : no);
	KUNIT_EXPECT_EQ(test, mmgpu_bo_check_access(bo, seq, MMGPU_ACCESS_WRITE, MMGPU_DOOR_MMAP),
			access & MMGPU_ACCESS_WRITE ? 0 : no);
	KUNIT_EXPECT_EQ(test, mmgpu_bo_check_access(bo, seq, RW, MMGPU_DOOR_MMAP),
			access == RW ? 0 : no);
}

static void mmgpu_access_test_nobody_s(struct kunit *test)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct mmgpu_bo *bo = mmgpu_test_bo_create(test, 0);
	struct mm_struct *unnumbered = mmgpu_test_mm_create(test);

	mmgpu_access_expect(test, bo, 0, RW);
	mmgpu_access_expect(test, bo, fix->other->seq, RW);
	mmgpu_access_expect(test, bo, U64_MAX, RW);
	KUNIT_EXPECT_FALSE(test, mmgpu_bo_needs_grant(bo, 0));
	KUNIT_EXPECT_FALSE(test, mmgpu_bo_needs_grant(bo, fix->other->seq));
	KUNIT_EXPECT_EQ(test, mmgpu_bo_check_mm(bo, fix->other_mm, RW, MMGPU_DOOR_MMAP), 0);
	KUNIT_EXPECT_EQ(test, mmgpu_bo_check_mm(bo, unnumbered, RW, MMGPU_DOOR_MMAP), 0);
	KUNIT_EXPECT_EQ(test, mmgpu_bo_check_mm(bo, NULL, RW, MMGPU_DOOR_MMAP), 0);
}

static void mmgpu_access_test_private(struct kunit *test)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct mm_struct *unnumbered = mmgpu_test_mm_create(test);
	struct mmgpu_bo *bo = fix->bo;

	mmgpu_access_expect(test, bo, fix->owner->seq, RW);
	mmgpu_access_expect(test, bo, fix->other->seq, NONE);
	mmgpu_access_expect(test, bo, 0, NONE);
	mmgpu_access_expect(test, bo, fix->owner->seq + (1ull << 32), NONE);
	KUNIT_EXPECT_FALSE(test, mmgpu_bo_needs_grant(bo, fix->owner->seq));
	KUNIT_EXPECT_TRUE(test, mmgpu_bo_needs_grant(bo, fix->other->seq));
	KUNIT_EXPECT_TRUE(test, mmgpu_bo_needs_grant(bo, 0));

	KUNIT_EXPECT_EQ(test, mmgpu_bo_check_mm(bo, fix->owner_mm, RW, MMGPU_DOOR_MMAP), 0);
	KUNIT_EXPECT_EQ(test, mmgpu_bo_check_mm(bo, fix->other_mm, RO, MMGPU_DOOR_MMAP), -EPERM);
	KUNIT_EXPECT_EQ(test, mmgpu_bo_check_mm(bo, unnumbered, RO, MMGPU_DOOR_MMAP), -EPERM);
	KUNIT_EXPECT_EQ(test, mmgpu_bo_check_mm(bo, NULL, RO, MMGPU_DOOR_MMAP), -EPERM);

	/* Whoever asked got no number by it. */
	KUNIT_EXPECT_EQ(test, mmgpu_mm_lookup_seq(unnumbered), 0);
}

/* What debugfs says. */
static void mmgpu_access_expect_shown(struct kunit *test, struct mmgpu_bo *bo, const char *text)
{
	struct seq_file s = { .size = PAGE_SIZE };

	s.buf = kunit_kzalloc(test, s.size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, s.buf);
	mmgpu_bo_show_grants(bo, &s);
	KUNIT_EXPECT_STREQ(test, s.buf, text);
}

static void mmgpu_access_test_grant(struct kunit *test)
{
	static const u32 steps[] = { RO, RO, RW, RW, RO, NONE, NONE, RW, NONE, RO };
	struct mmgpu_test_bos *fix = test->priv;
	struct mmgpu_bo *bo = fix->bo, *bo2 = mmgpu_test_bo_create(test, fix->owner->seq);
	struct mmgpu_mm *third = mmgpu_test_mm_assign(test, mmgpu_test_mm_create(test));
	char text[64];
	int i;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		KUNIT_EXPECT_EQ(test, mmgpu_bo_grant(bo, fix->other->seq, steps[i]), 0);
		mmgpu_access_expect(test, bo, fix->other->seq, steps[i]);
		text[0] = '\0';
		if (steps[i])
			snprintf(text, sizeof(text), "  grant mm_seq=%llu access=%u\n",
				 fix->other->seq, steps[i]);
		mmgpu_access_expect_shown(test, bo, text);

		/* Nobody else, nor anything else. */
		mmgpu_access_expect(test, bo, third->seq, NONE);
		mmgpu_access_expect(test, bo, 0, NONE);
		mmgpu_access_expect(test, bo, fix->owner->seq, RW);
		mmgpu_access_expect(test, bo2, fix->other->seq, NONE);
	}
	KUNIT_EXPECT_EQ(test, mmgpu_bo_check_mm(bo, fix->other_mm, RO, MMGPU_DOOR_MMAP), 0);
	KUNIT_EXPECT_EQ(test, mmgpu_bo_check_mm(bo, fix->other_mm, RW, MMGPU_DOOR_MMAP), -EACCES);

	/* Two at once, each its own. */
	KUNIT_EXPECT_EQ(test, mmgpu_bo_grant(bo, third->seq, RW), 0);
	mmgpu_access_expect(test, bo, fix->other->seq, RO);
	mmgpu_access_expect(test, bo, third->seq, RW);
	KUNIT_EXPECT_EQ(test, mmgpu_bo_grant(bo, fix->other->seq, NONE), 0);
	mmgpu_access_expect(test, bo, fix->other->seq, NONE);
	mmgpu_access_expect(test, bo, third->seq, RW);
}

/* Numbers of nobody: nothing to give, and to take from them is no error. */
static void mmgpu_access_test_grant_nobody(struct kunit *test)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct mmgpu_bo *bo = fix->bo;
	u64 seqs[] = { 0, fix->other->seq + 1000, U64_MAX, fix->other->seq };
	int i;

	mmgpu_test_mm_end(test, fix->other_mm);
	for (i = 0; i < ARRAY_SIZE(seqs); i++) {
		KUNIT_EXPECT_EQ(test, mmgpu_bo_grant(bo, seqs[i], RW), -ESRCH);
		KUNIT_EXPECT_EQ(test, mmgpu_bo_grant(bo, seqs[i], NONE), 0);
		mmgpu_access_expect(test, bo, seqs[i], NONE);
	}
	KUNIT_EXPECT_TRUE(test, list_empty(&bo->grants));
	KUNIT_EXPECT_TRUE(test, iosys_map_is_null(&bo->map));
}

/* The owner pays for what it shares. */
static void mmgpu_access_test_grant_populates(struct kunit *test)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct mmgpu_bo *bo = fix->bo;

	KUNIT_EXPECT_TRUE(test, iosys_map_is_null(&bo->map));
	KUNIT_EXPECT_EQ(test, mmgpu_bo_grant(bo, fix->other->seq, RO), 0);
	KUNIT_ASSERT_FALSE(test, iosys_map_is_null(&bo->map));
	KUNIT_EXPECT_NULL(test, memchr_inv(bo->map.vaddr, 0, 2 * PAGE_SIZE));
}

static void mmgpu_access_test_grantee_ends(struct kunit *test)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct mmgpu_bo *bo = fix->bo;

	KUNIT_EXPECT_EQ(test, mmgpu_bo_grant(bo, fix->other->seq, RW), 0);
	mmgpu_test_mm_end(test, fix->other_mm);
	mmgpu_access_expect(test, bo, fix->other->seq, NONE);
	mmgpu_access_expect_shown(test, bo, "");

	/* The entry goes when somebody needs its place; the reference then, and not before. */
	KUNIT_EXPECT_GT(test, kref_read(&fix->other->ref), 1);
	KUNIT_EXPECT_EQ(test, mmgpu_bo_grant(bo, fix->other->seq, NONE), 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&bo->grants));
	KUNIT_EXPECT_TRUE(test, mmgpu_test_poll_last_ref(fix->other));
}

/* A number stays what it is when its mm is gone. */
static void mmgpu_access_test_owner_ends(struct kunit *test)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct mmgpu_bo *bo = fix->bo;
	struct mmgpu_mm *later;

	KUNIT_EXPECT_EQ(test, mmgpu_bo_grant(bo, fix->other->seq, RO), 0);
	mmgpu_test_mm_end(test, fix->owner_mm);
	later = mmgpu_test_mm_assign(test, mmgpu_test_mm_create(test));

	mmgpu_access_expect(test, bo, fix->other->seq, RO);
	mmgpu_access_expect(test, bo, later->seq, NONE);
	mmgpu_access_expect(test, bo, 0, NONE);
}

static void mmgpu_access_test_limit(struct kunit *test)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct mm_struct *mms[MMGPU_MAX_GRANTS];
	struct mmgpu_mm *ms[MMGPU_MAX_GRANTS];
	struct mmgpu_bo *bo = fix->bo;
	int i;

	for (i = 0; i < MMGPU_MAX_GRANTS; i++) {
		mms[i] = mmgpu_test_mm_create(test);
		ms[i] = mmgpu_test_mm_assign(test, mms[i]);
		KUNIT_ASSERT_EQ(test, mmgpu_bo_grant(bo, ms[i]->seq, RO), 0);
	}
	KUNIT_EXPECT_EQ(test, mmgpu_bo_grant(bo, fix->other->seq, RO), -ENOSPC);
	mmgpu_access_expect(test, bo, fix->other->seq, NONE);

	/* Those who are in can be given more, and less. */
	KUNIT_EXPECT_EQ(test, mmgpu_bo_grant(bo, ms[7]->seq, RW), 0);
	mmgpu_access_expect(test, bo, ms[7]->seq, RW);
	KUNIT_EXPECT_EQ(test, mmgpu_bo_grant(bo, fix->other->seq, RO), -ENOSPC);

	KUNIT_EXPECT_EQ(test, mmgpu_bo_grant(bo, ms[7]->seq, NONE), 0);
	KUNIT_EXPECT_EQ(test, mmgpu_bo_grant(bo, fix->other->seq, RO), 0);
	KUNIT_EXPECT_EQ(test, mmgpu_bo_grant(bo, ms[7]->seq, RO), -ENOSPC);

	/* The dead do not count. */
	mmgpu_test_mm_end(test, mms[MMGPU_MAX_GRANTS - 1]);
	KUNIT_EXPECT_EQ(test, mmgpu_bo_grant(bo, ms[7]->seq, RO), 0);
	mmgpu_access_expect(test, bo, ms[7]->seq, RO);
	mmgpu_access_expect(test, bo, fix->other->seq, RO);
	for (i = 0; i < MMGPU_MAX_GRANTS - 1; i++)
		mmgpu_access_expect(test, bo, ms[i]->seq, RO);
}

KUNIT_DEFINE_ACTION_WRAPPER(idr_destroy_action, idr_destroy, struct idr *);

/* A file that is nowhere open, with one handle. */
static struct drm_file *mmgpu_access_file_create(struct kunit *test, struct mmgpu_bo *bo,
						 u32 *handle)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct mmgpu_file *mfile = kunit_kzalloc(test, sizeof(*mfile), GFP_KERNEL);
	struct drm_file *file = kunit_kzalloc(test, sizeof(*file), GFP_KERNEL);
	int id;

	KUNIT_ASSERT_NOT_NULL(test, mfile);
	KUNIT_ASSERT_NOT_NULL(test, file);
	mfile->mdev = fix->mdev;
	file->driver_priv = mfile;
	INIT_RADIX_TREE(&file->object_idr.idr_rt, IDR_RT_MARKER);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, idr_destroy_action,
							   &file->object_idr));
	spin_lock_init(&file->table_lock);
	id = idr_alloc(&file->object_idr, &bo->base.base, 1, 0, GFP_KERNEL);
	KUNIT_ASSERT_GT(test, id, 0);
	*handle = id;

	return file;
}

/* In the order of the checks, each with what comes after it wrong, too. */
static void mmgpu_access_test_ioctl(struct kunit *test)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct drm_device *drm = &fix->mdev->drm;
	struct drm_mmgpu_bo_grant args = {};
	struct drm_file *file, *shared_file;
	u32 handle, shared_handle;

	file = mmgpu_access_file_create(test, fix->bo, &handle);
	shared_file = mmgpu_access_file_create(test, mmgpu_test_bo_create(test, 0),
					       &shared_handle);
#define GRANT(_file, _handle, _access, _seq) ({						\
	args = (struct drm_mmgpu_bo_grant) {						\
		.handle = _handle, .access = _access, .mm_seq = _seq			\
	};										\
	mmgpu_ioctl_bo_grant(drm, &args, _file);						\
})
	mmgpu_test_mm_use(fix->other_mm);
	KUNIT_EXPECT_EQ(test, -EINVAL, GRANT(file, 99, 4, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, GRANT(file, 99, MMGPU_ACCESS_WRITE, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, GRANT(file, 99, 1u << 31, 0));
	KUNIT_EXPECT_EQ(test, -ENOENT, GRANT(file, 99, RO, 0));
	KUNIT_EXPECT_EQ(test, -ENOENT, GRANT(file, 0, NONE, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, GRANT(shared_file, shared_handle, RO, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, GRANT(shared_file, shared_handle, NONE, fix->owner->seq));
	KUNIT_EXPECT_EQ(test, -EPERM, GRANT(file, handle, RO, 0));
	KUNIT_EXPECT_EQ(test, -EPERM, GRANT(file, handle, NONE, fix->other->seq));
	mmgpu_test_mm_unuse(fix->other_mm);

	mmgpu_test_mm_use(fix->owner_mm);
	KUNIT_EXPECT_EQ(test, -EINVAL, GRANT(file, handle, RO, fix->owner->seq));
	KUNIT_EXPECT_EQ(test, -EINVAL, GRANT(file, handle, NONE, fix->owner->seq));
	KUNIT_EXPECT_EQ(test, -ESRCH, GRANT(file, handle, RO, 0));
	KUNIT_EXPECT_EQ(test, -ESRCH, GRANT(file, handle, RW, U64_MAX));
	KUNIT_EXPECT_EQ(test, 0, GRANT(file, handle, NONE, 0));
	KUNIT_EXPECT_EQ(test, 0, GRANT(file, handle, NONE, U64_MAX));
	mmgpu_access_expect(test, fix->bo, fix->other->seq, NONE);

	KUNIT_EXPECT_EQ(test, 0, GRANT(file, handle, RW, fix->other->seq));
	mmgpu_access_expect(test, fix->bo, fix->other->seq, RW);
	KUNIT_EXPECT_EQ(test, 0, GRANT(file, handle, RO, fix->other->seq));
	mmgpu_access_expect(test, fix->bo, fix->other->seq, RO);
	KUNIT_EXPECT_EQ(test, 0, GRANT(file, handle, NONE, fix->other->seq));
	mmgpu_access_expect(test, fix->bo, fix->other->seq, NONE);
	mmgpu_test_mm_unuse(fix->owner_mm);

	/* A grantee may not grant further. */
	KUNIT_EXPECT_EQ(test, 0, mmgpu_bo_grant(fix->bo, fix->other->seq, RW));
	mmgpu_test_mm_use(fix->other_mm);
	KUNIT_EXPECT_EQ(test, -EPERM, GRANT(file, handle, RW, fix->other->seq));
	mmgpu_test_mm_unuse(fix->other_mm);
#undef GRANT
}

static struct kunit_case mmgpu_access_test_cases[] = {
	KUNIT_CASE(mmgpu_access_test_nobody_s),
	KUNIT_CASE(mmgpu_access_test_private),
	KUNIT_CASE(mmgpu_access_test_grant),
	KUNIT_CASE(mmgpu_access_test_grant_nobody),
	KUNIT_CASE(mmgpu_access_test_grant_populates),
	KUNIT_CASE(mmgpu_access_test_grantee_ends),
	KUNIT_CASE(mmgpu_access_test_owner_ends),
	KUNIT_CASE_SLOW(mmgpu_access_test_limit),
	KUNIT_CASE(mmgpu_access_test_ioctl),
	{}
};

static struct kunit_suite mmgpu_access_test_suite = {
	.name = "mmgpu_access",
	.init = mmgpu_test_bos_init,
	.test_cases = mmgpu_access_test_cases,
};

kunit_test_suite(mmgpu_access_test_suite);
