// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/* Arrays in user space: their description, and what is copied of them. */

#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/prandom.h>
#include <linux/uaccess.h>

#include <kunit/resource.h>
#include <kunit/test.h>

#include <drm/mmgpu_drm.h>

#include "../mmgpu_array.h"
#include "../mmgpu_device.h"
#include "mmgpu_test_mm.h"

struct mmgpu_array_element {
	u64 a;
	u32 b;
	u32 c;
};

#define SIZE	sizeof(struct mmgpu_array_element)

/* A page of user memory with nothing behind it. */
struct mmgpu_array_fixture {
	unsigned long addr;
	u8 *page;
};

static int mmgpu_array_test_init(struct kunit *test)
{
	struct mmgpu_array_fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fix);
	fix->page = kunit_kzalloc(test, PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fix->page);
	test->priv = fix;

	return 0;
}

/* By the test's own thread: which address space that has ends with it. */
static void mmgpu_array_map(struct kunit *test)
{
	struct mmgpu_array_fixture *fix = test->priv;

	mmgpu_test_mm_use(mmgpu_test_mm_create(test));
	fix->addr = vm_mmap(NULL, 0, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			    MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(fix->addr));
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(fix->addr + PAGE_SIZE, PAGE_SIZE));
}

static void mmgpu_array_store(struct kunit *test)
{
	struct mmgpu_array_fixture *fix = test->priv;

	KUNIT_ASSERT_EQ(test, 0, copy_to_user((void __user *)fix->addr, fix->page, PAGE_SIZE));
}

static void mmgpu_array_test_check(struct kunit *test)
{
	static const struct {
		u32 stride, count, max;
		int ret;
	} cases[] = {
		{ SIZE, 1, 1, 0 },
		{ SIZE, 10, 10, 0 },
		{ SIZE, 11, 10, -E2BIG },
		{ SIZE, U32_MAX, 10, -E2BIG },
		{ SIZE, 1, 0, -E2BIG },
		{ SIZE - 1, 1, 10, -EINVAL },
		{ 0, 1, 10, -EINVAL },
		{ SIZE + 1, 10, 10, 0 },
		{ 4096, 10, 10, 0 },
		{ 4097, 1, 10, -E2BIG },
		{ U32_MAX, 1, 10, -E2BIG },
		/* Which of two errors. */
		{ SIZE - 1, 11, 10, -EINVAL },
		/* Nothing to look at. */
		{ 0, 0, 10, 0 },
		{ U32_MAX, 0, 0, 0 },
	};
	struct mmgpu_device *mdev = kunit_kzalloc(test, sizeof(*mdev), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, mdev);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct drm_mmgpu_obj_array array = {
			.stride = cases[i].stride,
			.count = cases[i].count,
			.array = U64_MAX,
		};

		KUNIT_EXPECT_EQ_MSG(test, cases[i].ret,
				    mmgpu_array_check(mdev, &array, SIZE, cases[i].max),
				    "case %d", i);
	}
}

static void mmgpu_array_test_copy(struct kunit *test)
{
	static const u32 strides[] = { SIZE, SIZE + 1, SIZE + 8, 3 * SIZE, 1000 };
	struct mmgpu_array_fixture *fix = test->priv;
	struct rnd_state rnd;
	int i, pass;
	u32 j;

	mmgpu_array_map(test);
	prandom_seed_state(&rnd, 0x6172726179);
	for (i = 0; i < ARRAY_SIZE(strides); i++) {
		for (pass = 0; pass < 2; pass++) {
			/* One that ends with the page, and one within it. */
			u32 fit = PAGE_SIZE / strides[i];
			struct drm_mmgpu_obj_array array = {
				.stride = strides[i],
				.count = pass ? fit : fit / 2,
			};
			u32 at = pass ? PAGE_SIZE - array.count * strides[i] : 3;
			u8 *copy;

			prandom_bytes_state(&rnd, fix->page, PAGE_SIZE);
			for (j = 0; j < array.count; j++)
				memset(fix->page + at + j * strides[i] + SIZE, 0,
				       strides[i] - SIZE);
			mmgpu_array_store(test);

			array.array = fix->addr + at;
			copy = mmgpu_array_copy(&array, SIZE);
			KUNIT_ASSERT_NOT_ERR_OR_NULL(test, copy);
			for (j = 0; j < array.count; j++)
				KUNIT_EXPECT_MEMEQ(test, copy + j * SIZE,
						   fix->page + at + j * strides[i], SIZE);
			kvfree(copy);
		}
	}
}

/* What this driver does not know must not have been meant. */
static void mmgpu_array_test_tail(struct kunit *test)
{
	struct mmgpu_array_fixture *fix = test->priv;
	struct drm_mmgpu_obj_array array = { .stride = SIZE + 8, .count = 4 };
	u32 bad[] = { SIZE, SIZE + 7, 3 * (SIZE + 8) + SIZE, 4 * (SIZE + 8) - 1 };
	void *copy;
	int i;

	mmgpu_array_map(test);
	array.array = fix->addr;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(fix->page, 0, PAGE_SIZE);
		fix->page[bad[i]] = 0x80;
		mmgpu_array_store(test);
		copy = mmgpu_array_copy(&array, SIZE);
		KUNIT_EXPECT_PTR_EQ_MSG(test, copy, ERR_PTR(-E2BIG), "byte %u", bad[i]);
		if (!IS_ERR(copy))
			kvfree(copy);
	}

	/* Behind the last element nobody looks, nor into the members. */
	memset(fix->page, 0, PAGE_SIZE);
	fix->page[4 * (SIZE + 8)] = 0x80;
	fix->page[SIZE - 1] = 0x80;
	mmgpu_array_store(test);
	copy = mmgpu_array_copy(&array, SIZE);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, copy);
	if (!IS_ERR(copy))
		kvfree(copy);
}

static void mmgpu_array_test_fault(struct kunit *test)
{
	struct mmgpu_array_fixture *fix = test->priv;
	unsigned long end;
	struct {
		u64 array;
		u32 stride, count;
	} cases[9];
	int i;

	mmgpu_array_map(test);
	end = fix->addr + PAGE_SIZE;
	/* The last element, half of it, its tail alone. */
	cases[0] = (typeof(cases[0])){ end - SIZE, SIZE, 2 };
	cases[1] = (typeof(cases[0])){ end - SIZE / 2, SIZE, 1 };
	cases[2] = (typeof(cases[0])){ end - SIZE, SIZE + 8, 1 };
	cases[3] = (typeof(cases[0])){ end - 2 * SIZE - 8, SIZE + 8, 2 };
	cases[4] = (typeof(cases[0])){ end, SIZE, 1 };
	/* Around the end of all addresses, with elements that are near 0 again. */
	cases[5] = (typeof(cases[0])){ U64_MAX - SIZE + 1, SIZE, 2 };
	cases[6] = (typeof(cases[0])){ U64_MAX - 7, SIZE + 8, 3 };
	/* Kernel memory. */
	cases[7] = (typeof(cases[0])){ (unsigned long)fix->page, SIZE, 1 };
	cases[8] = (typeof(cases[0])){ (unsigned long)fix->page, SIZE + 8, 1 };

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct drm_mmgpu_obj_array array = {
			.stride = cases[i].stride,
			.count = cases[i].count,
			.array = cases[i].array,
		};
		void *copy = mmgpu_array_copy(&array, SIZE);

		KUNIT_EXPECT_PTR_EQ_MSG(test, copy, ERR_PTR(-EFAULT), "case %d", i);
		if (!IS_ERR(copy))
			kvfree(copy);
	}
}

static void mmgpu_array_test_empty(struct kunit *test)
{
	struct drm_mmgpu_obj_array array = { .stride = 1, .array = 1 };

	KUNIT_EXPECT_NULL(test, mmgpu_array_copy(&array, SIZE));
}

static struct kunit_case mmgpu_array_test_cases[] = {
	KUNIT_CASE(mmgpu_array_test_check),
	KUNIT_CASE(mmgpu_array_test_copy),
	KUNIT_CASE(mmgpu_array_test_tail),
	KUNIT_CASE(mmgpu_array_test_fault),
	KUNIT_CASE(mmgpu_array_test_empty),
	{}
};

static struct kunit_suite mmgpu_array_test_suite = {
	.name = "mmgpu_array",
	.init = mmgpu_array_test_init,
	.test_cases = mmgpu_array_test_cases,
};

kunit_test_suite(mmgpu_array_test_suite);
