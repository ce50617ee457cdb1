// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/* Mappings of a private buffer by way of its dma-buf: page faults, and what revoking does. */

#include <linux/dma-buf.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include <kunit/resource.h>
#include <kunit/test.h>

#include <drm/drm_gem.h>

#include <drm/mmgpu_drm.h>

#include "../mmgpu_access.h"
#include "../mmgpu_gem.h"
#include "../mmgpu_mm.h"
#include "mmgpu_test_bo.h"
#include "mmgpu_test_mm.h"

MODULE_IMPORT_NS("DMA_BUF");

#define NONE	0
#define RO	MMGPU_ACCESS_READ
#define RW	(MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE)

#define MARK	0x6d6d6770755f7632ull

KUNIT_DEFINE_ACTION_WRAPPER(dma_buf_put_action, dma_buf_put, struct dma_buf *);

static struct dma_buf *mmgpu_gem_test_export(struct kunit *test)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct drm_gem_object *obj = &fix->bo->base.base;
	struct dma_buf *dma_buf = obj->funcs->export(obj, O_RDWR);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dma_buf);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, dma_buf_put_action, dma_buf));

	return dma_buf;
}

/* In the mm that the test uses. Returns an address or an error. */
static long mmgpu_gem_test_map(struct dma_buf *dma_buf, unsigned long prot)
{
	return vm_mmap(dma_buf->file, 0, MMGPU_TEST_BO_SIZE, prot, MAP_SHARED, 0);
}

static long mmgpu_gem_test_map_in(struct mm_struct *mm, struct dma_buf *dma_buf, unsigned long prot)
{
	long addr;

	mmgpu_test_mm_use(mm);
	addr = mmgpu_gem_test_map(dma_buf, prot);
	mmgpu_test_mm_unuse(mm);

	return addr;
}

/* The second page, so that a fault has to find it. */
static void __user *mmgpu_gem_test_at(long addr)
{
	return (void __user *)addr + PAGE_SIZE + 8;
}

static bool mmgpu_gem_test_reads(struct mm_struct *mm, long addr, u64 *value)
{
	bool ok;

	*value = 0;
	mmgpu_test_mm_use(mm);
	ok = !copy_from_user(value, mmgpu_gem_test_at(addr), sizeof(*value));
	mmgpu_test_mm_unuse(mm);

	return ok;
}

static bool mmgpu_gem_test_writes(struct mm_struct *mm, long addr, u64 value)
{
	bool ok;

	mmgpu_test_mm_use(mm);
	ok = !copy_to_user(mmgpu_gem_test_at(addr), &value, sizeof(value));
	mmgpu_test_mm_unuse(mm);

	return ok;
}

static u64 *mmgpu_gem_test_word(struct mmgpu_bo *bo)
{
	return bo->map.vaddr + PAGE_SIZE + 8;
}

static void mmgpu_gem_test_mmap(struct kunit *test)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct dma_buf *dma_buf = mmgpu_gem_test_export(test);
	struct mm_struct *unnumbered = mmgpu_test_mm_create(test);
	long addr;

	KUNIT_EXPECT_EQ(test, mmgpu_gem_test_map_in(fix->other_mm, dma_buf, PROT_READ), -EPERM);
	KUNIT_EXPECT_EQ(test, mmgpu_gem_test_map_in(unnumbered, dma_buf, PROT_READ), -EPERM);

	KUNIT_ASSERT_EQ(test, 0, mmgpu_bo_grant(fix->bo, fix->other->seq, RO));
	KUNIT_EXPECT_EQ(test, mmgpu_gem_test_map_in(fix->other_mm, dma_buf, PROT_READ | PROT_WRITE),
			-EACCES);
	addr = mmgpu_gem_test_map_in(fix->other_mm, dma_buf, PROT_READ);
	KUNIT_ASSERT_GT(test, addr, 0);

	mmap_read_lock(fix->other_mm);
	KUNIT_EXPECT_FALSE(test, find_vma(fix->other_mm, addr)->vm_flags & VM_MAYWRITE);
	KUNIT_EXPECT_TRUE(test, find_vma(fix->other_mm, addr)->vm_flags & VM_DONTCOPY);
	KUNIT_EXPECT_TRUE(test, find_vma(fix->other_mm, addr)->vm_flags & VM_IO);
	mmap_read_unlock(fix->other_mm);

	KUNIT_EXPECT_GT(test, mmgpu_gem_test_map_in(fix->owner_mm, dma_buf, PROT_READ | PROT_WRITE),
			0);
	KUNIT_ASSERT_EQ(test, 0, mmgpu_bo_grant(fix->bo, fix->other->seq, NONE));
	KUNIT_EXPECT_EQ(test, mmgpu_gem_test_map_in(fix->other_mm, dma_buf, PROT_READ), -EPERM);
}

/* Core lets a file map a buffer before it is known to be private. */
static void mmgpu_gem_test_mmap_fresh(struct kunit *test)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct dma_buf *dma_buf = mmgpu_gem_test_export(test);

	fix->bo->fresh = true;
	KUNIT_EXPECT_EQ(test, mmgpu_gem_test_map_in(fix->owner_mm, dma_buf, PROT_READ), -EACCES);
	fix->bo->fresh = false;
	KUNIT_EXPECT_GT(test, mmgpu_gem_test_map_in(fix->owner_mm, dma_buf, PROT_READ), 0);
}

/* A mapping that is there loses and gains with the grant, and the owner's does not. */
static void mmgpu_gem_test_revoke(struct kunit *test)
{
	static const struct {
		u32 access;
		bool ok;
	} steps[] = {
		{ NONE, false }, { RW, true }, { RO, false }, { RW, true }, { RW, true },
		{ NONE, false }, { RO, false },
	};
	struct mmgpu_test_bos *fix = test->priv;
	struct dma_buf *dma_buf = mmgpu_gem_test_export(test);
	long mine, theirs;
	u64 value;
	int i;

	KUNIT_ASSERT_EQ(test, 0, mmgpu_bo_grant(fix->bo, fix->other->seq, RW));
	theirs = mmgpu_gem_test_map_in(fix->other_mm, dma_buf, PROT_READ | PROT_WRITE);
	mine = mmgpu_gem_test_map_in(fix->owner_mm, dma_buf, PROT_READ | PROT_WRITE);
	KUNIT_ASSERT_GT(test, theirs, 0);
	KUNIT_ASSERT_GT(test, mine, 0);
	KUNIT_EXPECT_TRUE(test, mmgpu_gem_test_writes(fix->other_mm, theirs, MARK));
	KUNIT_EXPECT_EQ(test, *mmgpu_gem_test_word(fix->bo), MARK);

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		KUNIT_ASSERT_EQ(test, 0, mmgpu_bo_grant(fix->bo, fix->other->seq, steps[i].access));
		/* The page tables had the page a moment ago, if access was allowed. */
		KUNIT_EXPECT_EQ_MSG(test, steps[i].ok,
				    mmgpu_gem_test_reads(fix->other_mm, theirs, &value), "step %d",
				    i);
		KUNIT_EXPECT_EQ(test, value, steps[i].ok ? *mmgpu_gem_test_word(fix->bo) : 0);
		KUNIT_EXPECT_EQ_MSG(test, steps[i].ok,
				    mmgpu_gem_test_writes(fix->other_mm, theirs, i), "step %d", i);
		KUNIT_EXPECT_EQ(test, steps[i].ok, *mmgpu_gem_test_word(fix->bo) == i);

		KUNIT_EXPECT_TRUE(test, mmgpu_gem_test_writes(fix->owner_mm, mine, MARK + i));
		KUNIT_EXPECT_TRUE(test, mmgpu_gem_test_reads(fix->owner_mm, mine, &value));
		KUNIT_EXPECT_EQ(test, value, MARK + i);
		KUNIT_EXPECT_EQ(test, *mmgpu_gem_test_word(fix->bo), MARK + i);
	}
}

static void mmgpu_gem_test_revoke_other(struct kunit *test)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct dma_buf *dma_buf = mmgpu_gem_test_export(test);
	struct mm_struct *third_mm = mmgpu_test_mm_create(test);
	struct mmgpu_mm *third = mmgpu_test_mm_assign(test, third_mm);
	long addr, third_addr;
	u64 value;

	KUNIT_ASSERT_EQ(test, 0, mmgpu_bo_grant(fix->bo, fix->other->seq, RO));
	KUNIT_ASSERT_EQ(test, 0, mmgpu_bo_grant(fix->bo, third->seq, RO));
	addr = mmgpu_gem_test_map_in(fix->other_mm, dma_buf, PROT_READ);
	third_addr = mmgpu_gem_test_map_in(third_mm, dma_buf, PROT_READ);
	KUNIT_ASSERT_GT(test, addr, 0);
	KUNIT_ASSERT_GT(test, third_addr, 0);
	*mmgpu_gem_test_word(fix->bo) = MARK;
	KUNIT_EXPECT_TRUE(test, mmgpu_gem_test_reads(fix->other_mm, addr, &value));
	KUNIT_EXPECT_TRUE(test, mmgpu_gem_test_reads(third_mm, third_addr, &value));

	KUNIT_ASSERT_EQ(test, 0, mmgpu_bo_grant(fix->bo, third->seq, NONE));
	KUNIT_EXPECT_TRUE(test, mmgpu_gem_test_reads(fix->other_mm, addr, &value));
	KUNIT_EXPECT_EQ(test, value, MARK);
	KUNIT_EXPECT_FALSE(test, mmgpu_gem_test_reads(third_mm, third_addr, &value));
}

/* A tracer: whose mapping it is decides, not who takes the fault. */
static void mmgpu_gem_test_fault_by_other(struct kunit *test)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct dma_buf *dma_buf = mmgpu_gem_test_export(test);
	unsigned long addr;
	int ret;

	KUNIT_ASSERT_EQ(test, 0, mmgpu_bo_grant(fix->bo, fix->other->seq, RO));
	addr = mmgpu_gem_test_map_in(fix->other_mm, dma_buf, PROT_READ);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));

	/* By nobody, with the grant. */
	mmap_read_lock(fix->other_mm);
	ret = fixup_user_fault(fix->other_mm, addr, 0, NULL);
	mmap_read_unlock(fix->other_mm);
	KUNIT_EXPECT_EQ(test, ret, 0);

	/* By the owner, without. */
	KUNIT_ASSERT_EQ(test, 0, mmgpu_bo_grant(fix->bo, fix->other->seq, NONE));
	mmgpu_test_mm_use(fix->owner_mm);
	mmap_read_lock(fix->other_mm);
	ret = fixup_user_fault(fix->other_mm, addr, 0, NULL);
	mmap_read_unlock(fix->other_mm);
	mmgpu_test_mm_unuse(fix->owner_mm);
	KUNIT_EXPECT_EQ(test, ret, -EFAULT);
}

/* What a thread does: a fault in a mapping, or a revocation. */
struct mmgpu_gem_test_change {
	struct mmgpu_test_thread thread;
	struct mmgpu_test_bos *fix;
	struct mm_struct *mm;
	long addr;
};

static int mmgpu_gem_test_fault_fn(void *data)
{
	struct mmgpu_gem_test_change *change = data;
	u64 value;

	return mmgpu_gem_test_reads(change->mm, change->addr, &value) ? 0 : -EFAULT;
}

static int mmgpu_gem_test_revoke_fn(void *data)
{
	struct mmgpu_gem_test_change *change = data;

	return mmgpu_bo_grant(change->fix->bo, change->fix->other->seq, NONE);
}

/* While access is being taken away no fault of a grantee's gets by, and the reverse. */
static void mmgpu_gem_test_fault_waits(struct kunit *test)
{
	struct mmgpu_test_bos *fix = test->priv;
	struct dma_buf *dma_buf = mmgpu_gem_test_export(test);
	struct mmgpu_gem_test_change change = { .fix = fix, .mm = fix->other_mm };
	struct mmgpu_gem_test_change owner = { .fix = fix, .mm = fix->owner_mm };

	KUNIT_ASSERT_EQ(test, 0, mmgpu_bo_grant(fix->bo, fix->other->seq, RW));
	change.addr = mmgpu_gem_test_map_in(fix->other_mm, dma_buf, PROT_READ | PROT_WRITE);
	owner.addr = mmgpu_gem_test_map_in(fix->owner_mm, dma_buf, PROT_READ | PROT_WRITE);
	KUNIT_ASSERT_GT(test, change.addr, 0);
	KUNIT_ASSERT_GT(test, owner.addr, 0);

	/* A fault comes while somebody revokes. The owner's waits for nobody. */
	down_write(&fix->bo->grants_lock);
	mmgpu_test_thread_start(test, &change.thread, mmgpu_gem_test_fault_fn, &change);
	KUNIT_EXPECT_TRUE(test, mmgpu_test_thread_is_blocked(&change.thread));
	mmgpu_test_thread_start(test, &owner.thread, mmgpu_gem_test_fault_fn, &owner);
	KUNIT_EXPECT_TRUE(test, mmgpu_test_thread_ends(&owner.thread));
	up_write(&fix->bo->grants_lock);
	KUNIT_EXPECT_EQ(test, 0, mmgpu_test_thread_wait(&change.thread));
	KUNIT_EXPECT_EQ(test, 0, mmgpu_test_thread_wait(&owner.thread));

	/* Somebody revokes while a fault is on its way. */
	down_read(&fix->bo->grants_lock);
	mmgpu_test_thread_start(test, &change.thread, mmgpu_gem_test_revoke_fn, &change);
	KUNIT_EXPECT_TRUE(test, mmgpu_test_thread_is_blocked(&change.thread));
	up_read(&fix->bo->grants_lock);
	KUNIT_EXPECT_EQ(test, 0, mmgpu_test_thread_wait(&change.thread));
	KUNIT_EXPECT_EQ(test, -EFAULT, mmgpu_gem_test_fault_fn(&change));
}

static struct kunit_case mmgpu_gem_test_cases[] = {
	KUNIT_CASE(mmgpu_gem_test_mmap),
	KUNIT_CASE(mmgpu_gem_test_mmap_fresh),
	KUNIT_CASE(mmgpu_gem_test_revoke),
	KUNIT_CASE(mmgpu_gem_test_revoke_other),
	KUNIT_CASE(mmgpu_gem_test_fault_by_other),
	KUNIT_CASE(mmgpu_gem_test_fault_waits),
	{}
};

static struct kunit_suite mmgpu_gem_test_suite = {
	.name = "mmgpu_gem",
	.init = mmgpu_test_bos_init,
	.test_cases = mmgpu_gem_test_cases,
};

kunit_test_suite(mmgpu_gem_test_suite);
