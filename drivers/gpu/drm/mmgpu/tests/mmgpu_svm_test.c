// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/* The engine at CPU addresses of an mm that nobody lives in. */

#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/prandom.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>

#include <kunit/resource.h>
#include <kunit/test.h>

#include <drm/mmgpu_drm.h>

#include "../mmgpu_engine.h"
#include "../mmgpu_mm.h"
#include "../mmgpu_svm.h"
#include "mmgpu_test_mm.h"

#define BO_SIZE		(2 * MMGPU_SVM_CHUNK + PAGE_SIZE)
#define USER_SIZE	(3 * MMGPU_SVM_CHUNK)

/* Nothing is there. */
#define HOLE		(MMGPU_SVM_CHUNK + 5 * PAGE_SIZE)

struct mmgpu_svm_fixture {
	struct mm_struct *mm;
	struct mmgpu_mm *m;
	unsigned long addr;
	/* What the user's memory should hold, and what it does. */
	u8 *ref;
	u8 *user;
	void *maps[1];
	struct rnd_state rnd;
	bool stop;
	wait_queue_head_t stop_wq;
	struct mmgpu_svm svm;
	struct mmgpu_svm_caller caller;
	struct mmgpu_exec exec;
};

KUNIT_DEFINE_ACTION_WRAPPER(kvfree_action, kvfree, const void *);
KUNIT_DEFINE_ACTION_WRAPPER(svm_fini_action, mmgpu_svm_fini, struct mmgpu_svm *);
KUNIT_DEFINE_ACTION_WRAPPER(caller_fini_action, mmgpu_svm_caller_fini, struct mmgpu_svm_caller *);

static void *mmgpu_svm_test_alloc(struct kunit *test, size_t size)
{
	void *mem = kvzalloc(size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, mem);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, kvfree_action, mem));

	return mem;
}

static int mmgpu_svm_test_init(struct kunit *test)
{
	struct mmgpu_svm_fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, fix);
	test->priv = fix;
	prandom_seed_state(&fix->rnd, 0x73766d);
	fix->ref = mmgpu_svm_test_alloc(test, USER_SIZE);
	fix->user = mmgpu_svm_test_alloc(test, USER_SIZE);
	fix->maps[0] = mmgpu_svm_test_alloc(test, BO_SIZE);
	prandom_bytes_state(&fix->rnd, fix->maps[0], BO_SIZE);

	fix->mm = mmgpu_test_mm_create(test);
	fix->m = mmgpu_test_mm_assign(test, fix->mm);
	KUNIT_ASSERT_EQ(test, 0, mmgpu_svm_init(&fix->svm, fix->m));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, svm_fini_action, &fix->svm));
	mmgpu_svm_caller_init(&fix->caller);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, caller_fini_action, &fix->caller));
	mmgpu_svm_assume(&fix->svm, &fix->caller);
	fix->svm.over = false;

	init_waitqueue_head(&fix->stop_wq);
	fix->exec.maps = fix->maps;
	fix->exec.stop = &fix->stop;
	fix->exec.stop_wq = &fix->stop_wq;
	fix->exec.deadline = KTIME_MAX;
	fix->exec.svm = &fix->svm;

	return 0;
}

/* Each test by itself, as some want the memory otherwise. */
static void mmgpu_svm_test_map(struct kunit *test)
{
	struct mmgpu_svm_fixture *fix = test->priv;

	mmgpu_test_mm_use(fix->mm);
	fix->addr = vm_mmap(NULL, 0, USER_SIZE, PROT_READ | PROT_WRITE,
			    MAP_ANONYMOUS | MAP_PRIVATE, 0);
	mmgpu_test_mm_unuse(fix->mm);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(fix->addr));
}

static void mmgpu_svm_test_unmap(struct kunit *test, unsigned long at, unsigned long len)
{
	struct mmgpu_svm_fixture *fix = test->priv;

	mmgpu_test_mm_use(fix->mm);
	KUNIT_EXPECT_EQ(test, 0, vm_munmap(fix->addr + at, len));
	mmgpu_test_mm_unuse(fix->mm);
}

/* All of the user's memory, but for what is not there. */
static void mmgpu_svm_test_expect(struct kunit *test, const char *what)
{
	struct mmgpu_svm_fixture *fix = test->priv;
	unsigned long at, left;

	mmgpu_test_mm_use(fix->mm);
	for (at = 0; at < USER_SIZE; at += PAGE_SIZE) {
		left = copy_from_user(fix->user + at, (void __user *)fix->addr + at, PAGE_SIZE);
		if (left)
			memcpy(fix->user + at, fix->ref + at, PAGE_SIZE);
	}
	mmgpu_test_mm_unuse(fix->mm);

	if (!memcmp(fix->user, fix->ref, USER_SIZE))
		return;
	for (at = 0; fix->user[at] == fix->ref[at]; at++)
		;
	KUNIT_FAIL(test, "%s: the user's memory differs at %#lx", what, at);
	memcpy(fix->ref, fix->user, USER_SIZE);
}

static int mmgpu_svm_test_run(struct mmgpu_svm_fixture *fix, const struct drm_mmgpu_cmd *cmd)
{
	fix->exec.cmds = cmd;
	fix->exec.num_cmds = 1;

	return mmgpu_engine_exec(&fix->exec);
}

static const u64 mmgpu_svm_test_widths[] = {
	1, 7, 8, 9, 4095, 4097, MMGPU_SVM_CHUNK - 1, MMGPU_SVM_CHUNK, MMGPU_SVM_CHUNK + 1,
	2 * MMGPU_SVM_CHUNK - 3,
};

static void mmgpu_svm_test_fill(struct kunit *test)
{
	struct mmgpu_svm_fixture *fix = test->priv;
	u64 dst, byte;
	int i;

	mmgpu_svm_test_map(test);
	for (i = 0; i < ARRAY_SIZE(mmgpu_svm_test_widths); i++) {
		for (dst = 0; dst < 16; dst += 5) {
			struct drm_mmgpu_cmd cmd = {
				.op = MMGPU_OP_FILL,
				.flags = MMGPU_CMD_DST_SVM,
				.dst = fix->addr + dst,
				.width = mmgpu_svm_test_widths[i],
				.rows = 1,
				.value = (u64)prandom_u32_state(&fix->rnd) *
					 prandom_u32_state(&fix->rnd),
			};

			KUNIT_EXPECT_EQ(test, 0, mmgpu_svm_test_run(fix, &cmd));
			for (byte = 0; byte < cmd.width; byte++)
				fix->ref[dst + byte] = ((u8 *)&cmd.value)[byte % 8];
			mmgpu_svm_test_expect(test, "fill");
		}
	}
}

static void mmgpu_svm_test_copy(struct kunit *test)
{
	struct mmgpu_svm_fixture *fix = test->priv;
	int i, j;

	mmgpu_svm_test_map(test);
	for (i = 0; i < ARRAY_SIZE(mmgpu_svm_test_widths); i++) {
		u64 width = mmgpu_svm_test_widths[i];

		for (j = 0; j < 4; j++) {
			u64 user = prandom_u32_state(&fix->rnd) % (USER_SIZE - width);
			u64 bo = prandom_u32_state(&fix->rnd) % (BO_SIZE - width);
			struct drm_mmgpu_cmd to = {
				.op = MMGPU_OP_COPY,
				.flags = MMGPU_CMD_DST_SVM,
				.dst = fix->addr + user,
				.src = bo,
				.width = width,
				.rows = 1,
			};
			struct drm_mmgpu_cmd from = {
				.op = MMGPU_OP_COPY,
				.flags = MMGPU_CMD_SRC_SVM,
				.dst = BO_SIZE - width,
				.src = fix->addr + user,
				.width = width,
				.rows = 1,
			};

			KUNIT_EXPECT_EQ(test, 0, mmgpu_svm_test_run(fix, &to));
			memcpy(fix->ref + user, fix->maps[0] + bo, width);
			mmgpu_svm_test_expect(test, "copy");

			KUNIT_EXPECT_EQ(test, 0, mmgpu_svm_test_run(fix, &from));
			KUNIT_EXPECT_EQ(test, 0, memcmp(fix->maps[0] + BO_SIZE - width,
							fix->ref + user, width));
			mmgpu_svm_test_expect(test, "copy back");
		}
	}
}

/* As memmove() does, from the user's memory to itself. */
static void mmgpu_svm_test_move(struct kunit *test)
{
	static const u64 distances[] = {
		0, 1, 7, 8, 63, 64, 4095, 4096, MMGPU_SVM_CHUNK - 1, MMGPU_SVM_CHUNK,
		MMGPU_SVM_CHUNK + 1,
	};
	struct mmgpu_svm_fixture *fix = test->priv;
	struct drm_mmgpu_cmd cmd = {
		.op = MMGPU_OP_COPY,
		.flags = MMGPU_CMD_DST_SVM,
		.width = BO_SIZE,
		.rows = 1,
	};
	int i, j, backwards;

	mmgpu_svm_test_map(test);
	cmd.dst = fix->addr;
	KUNIT_ASSERT_EQ(test, 0, mmgpu_svm_test_run(fix, &cmd));
	memcpy(fix->ref, fix->maps[0], BO_SIZE);

	cmd.flags = MMGPU_CMD_DST_SVM | MMGPU_CMD_SRC_SVM;
	for (i = 0; i < ARRAY_SIZE(mmgpu_svm_test_widths); i++) {
		for (j = 0; j < ARRAY_SIZE(distances); j++) {
			for (backwards = 0; backwards < 2; backwards++) {
				u64 dst = 3 + (backwards ? distances[j] : 0);
				u64 src = 3 + (backwards ? 0 : distances[j]);

				cmd.dst = fix->addr + dst;
				cmd.src = fix->addr + src;
				cmd.width = mmgpu_svm_test_widths[i];
				if (max(dst, src) + cmd.width > USER_SIZE)
					continue;
				KUNIT_EXPECT_EQ(test, 0, mmgpu_svm_test_run(fix, &cmd));
				memmove(fix->ref + dst, fix->ref + src, cmd.width);
				mmgpu_svm_test_expect(test, "move");
			}
		}
	}
}

static void mmgpu_svm_test_timestamp(struct kunit *test)
{
	struct mmgpu_svm_fixture *fix = test->priv;
	struct drm_mmgpu_cmd cmd = { .op = MMGPU_OP_TIMESTAMP, .flags = MMGPU_CMD_DST_SVM };
	u64 before = ktime_get_ns(), *stamp;

	mmgpu_svm_test_map(test);
	stamp = (u64 *)(fix->ref + 8);
	cmd.dst = fix->addr + 8;
	KUNIT_EXPECT_EQ(test, 0, mmgpu_svm_test_run(fix, &cmd));

	mmgpu_test_mm_use(fix->mm);
	KUNIT_EXPECT_EQ(test, 0, copy_from_user(stamp, (void __user *)fix->addr + 8, 8));
	mmgpu_test_mm_unuse(fix->mm);
	KUNIT_EXPECT_GE(test, *stamp, before);
	KUNIT_EXPECT_LE(test, *stamp, ktime_get_ns());
	mmgpu_svm_test_expect(test, "timestamp");
}

/* Before the first byte that is refused all is written, and behind it nothing. */
static void mmgpu_svm_test_hole(struct kunit *test)
{
	static const u64 starts[] = { 0, 5, HOLE - 1, HOLE, HOLE + 100 };
	struct mmgpu_svm_fixture *fix = test->priv;
	int i, copy;

	mmgpu_svm_test_map(test);
	mmgpu_svm_test_unmap(test, HOLE, PAGE_SIZE);
	for (i = 0; i < ARRAY_SIZE(starts); i++) {
		for (copy = 0; copy < 2; copy++) {
			struct drm_mmgpu_cmd cmd = {
				.op = copy ? MMGPU_OP_COPY : MMGPU_OP_FILL,
				.flags = MMGPU_CMD_DST_SVM,
				.dst = fix->addr + starts[i],
				.width = 2 * MMGPU_SVM_CHUNK,
				.rows = 1,
				.value = 0x1111111111111111ull * (i + 1),
			};
			u64 len = starts[i] < HOLE ? HOLE - starts[i] : 0;

			KUNIT_EXPECT_EQ(test, -EFAULT, mmgpu_svm_test_run(fix, &cmd));
			if (copy)
				memcpy(fix->ref + starts[i], fix->maps[0], len);
			else
				memset(fix->ref + starts[i], 0x11 * (i + 1), len);
			mmgpu_svm_test_expect(test, copy ? "copy" : "fill");
		}
	}

	/* Now the hole is what is read. */
	for (i = 0; i < ARRAY_SIZE(starts); i++) {
		struct drm_mmgpu_cmd cmd = {
			.op = MMGPU_OP_COPY,
			.flags = MMGPU_CMD_SRC_SVM,
			.src = fix->addr + starts[i],
			.width = 2 * MMGPU_SVM_CHUNK,
			.rows = 1,
		};

		KUNIT_EXPECT_EQ(test, -EFAULT, mmgpu_svm_test_run(fix, &cmd));
		if (starts[i] < HOLE)
			KUNIT_EXPECT_EQ(test, 0, memcmp(fix->maps[0], fix->ref + starts[i],
							HOLE - starts[i]));
	}
}

static void mmgpu_svm_test_protection(struct kunit *test)
{
	struct mmgpu_svm_fixture *fix = test->priv;
	struct drm_mmgpu_cmd cmd = { .op = MMGPU_OP_COPY, .width = 16, .rows = 1 };
	unsigned long ro, none;

	mmgpu_svm_test_map(test);
	mmgpu_test_mm_use(fix->mm);
	ro = vm_mmap(NULL, 0, PAGE_SIZE, PROT_READ, MAP_ANONYMOUS | MAP_PRIVATE, 0);
	none = vm_mmap(NULL, 0, PAGE_SIZE, PROT_NONE, MAP_ANONYMOUS | MAP_PRIVATE, 0);
	mmgpu_test_mm_unuse(fix->mm);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(ro));
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(none));

	cmd.flags = MMGPU_CMD_SRC_SVM;
	cmd.src = ro;
	KUNIT_EXPECT_EQ(test, 0, mmgpu_svm_test_run(fix, &cmd));
	KUNIT_EXPECT_NULL(test, memchr_inv(fix->maps[0], 0, 16));
	cmd.src = none;
	KUNIT_EXPECT_EQ(test, -EFAULT, mmgpu_svm_test_run(fix, &cmd));
	/* The kernel's own memory is no CPU address of the owner's. */
	cmd.src = (unsigned long)fix->ref;
	KUNIT_EXPECT_EQ(test, -EFAULT, mmgpu_svm_test_run(fix, &cmd));
	cmd.src = U64_MAX - 15;
	KUNIT_EXPECT_EQ(test, -EFAULT, mmgpu_svm_test_run(fix, &cmd));

	cmd.flags = MMGPU_CMD_DST_SVM;
	cmd.src = 0;
	cmd.dst = ro;
	KUNIT_EXPECT_EQ(test, -EFAULT, mmgpu_svm_test_run(fix, &cmd));
	cmd.dst = none;
	KUNIT_EXPECT_EQ(test, -EFAULT, mmgpu_svm_test_run(fix, &cmd));
	memset(fix->maps[0], 0xff, 16);
	cmd.dst = (unsigned long)fix->ref;
	KUNIT_EXPECT_EQ(test, -EFAULT, mmgpu_svm_test_run(fix, &cmd));
	cmd.op = MMGPU_OP_TIMESTAMP;
	KUNIT_EXPECT_EQ(test, -EFAULT, mmgpu_svm_test_run(fix, &cmd));
	cmd.op = MMGPU_OP_FILL;
	KUNIT_EXPECT_EQ(test, -EFAULT, mmgpu_svm_test_run(fix, &cmd));
	KUNIT_EXPECT_NULL(test, memchr_inv(fix->ref, 0, 16));
	mmgpu_svm_test_expect(test, "protection");
}

/* Nothing is at 0, and it is an address like any other. */
static void mmgpu_svm_test_address_zero(struct kunit *test)
{
	static const struct drm_mmgpu_cmd cmds[] = {
		{ .op = MMGPU_OP_FILL, .flags = MMGPU_CMD_DST_SVM, .width = 4096, .rows = 1 },
		{ .op = MMGPU_OP_TIMESTAMP, .flags = MMGPU_CMD_DST_SVM },
		{ .op = MMGPU_OP_COPY, .flags = MMGPU_CMD_DST_SVM, .width = 8, .rows = 1 },
		{ .op = MMGPU_OP_COPY, .flags = MMGPU_CMD_DST_SVM, .width = 100, .rows = 1 },
		{ .op = MMGPU_OP_COPY, .flags = MMGPU_CMD_SRC_SVM, .width = 100, .rows = 1 },
		{ .op = MMGPU_OP_COPY, .flags = MMGPU_CMD_DST_SVM | MMGPU_CMD_SRC_SVM,
		  .width = 100, .rows = 1 },
	};
	struct mmgpu_svm_fixture *fix = test->priv;
	struct drm_mmgpu_cmd cmd = cmds[5];
	int i;

	mmgpu_svm_test_map(test);
	for (i = 0; i < ARRAY_SIZE(cmds); i++)
		KUNIT_EXPECT_EQ_MSG(test, -EFAULT, mmgpu_svm_test_run(fix, &cmds[i]), "case %d",
				    i);
	cmd.dst = fix->addr;
	KUNIT_EXPECT_EQ(test, -EFAULT, mmgpu_svm_test_run(fix, &cmd));
	cmd.dst = 0;
	cmd.src = fix->addr;
	KUNIT_EXPECT_EQ(test, -EFAULT, mmgpu_svm_test_run(fix, &cmd));
	mmgpu_svm_test_expect(test, "address 0");
}

/* A job that others ended: in both directions nothing moves. */
static void mmgpu_svm_test_over(struct kunit *test)
{
	struct mmgpu_svm_fixture *fix = test->priv;
	struct drm_mmgpu_cmd cmd = { .op = MMGPU_OP_COPY, .width = 16, .rows = 1 };

	mmgpu_svm_test_map(test);
	memset(fix->maps[0], 0xee, 16);
	fix->svm.over = true;

	cmd.flags = MMGPU_CMD_DST_SVM;
	cmd.dst = fix->addr;
	KUNIT_EXPECT_EQ(test, -ECANCELED, mmgpu_svm_test_run(fix, &cmd));
	cmd.flags |= MMGPU_CMD_SRC_SVM;
	cmd.src = fix->addr + PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, -ECANCELED, mmgpu_svm_test_run(fix, &cmd));
	mmgpu_svm_test_expect(test, "over");

	cmd.flags = MMGPU_CMD_SRC_SVM;
	cmd.dst = 0;
	KUNIT_EXPECT_EQ(test, -ECANCELED, mmgpu_svm_test_run(fix, &cmd));
	KUNIT_EXPECT_NULL(test, memchr_inv(fix->maps[0], 0xee, 16));
}

/* Users of the mm are held for a piece of work and no longer. */
static void mmgpu_svm_test_owner_ends(struct kunit *test)
{
	struct mmgpu_svm_fixture *fix = test->priv;
	struct drm_mmgpu_cmd cmd = {
		.op = MMGPU_OP_FILL,
		.flags = MMGPU_CMD_DST_SVM,
		.width = USER_SIZE,
		.rows = 1,
	};
	int users;

	mmgpu_svm_test_map(test);
	cmd.dst = fix->addr;
	users = atomic_read(&fix->mm->mm_users);
	KUNIT_EXPECT_EQ(test, 0, mmgpu_svm_test_run(fix, &cmd));
	KUNIT_EXPECT_EQ(test, atomic_read(&fix->mm->mm_users), users);
	KUNIT_EXPECT_EQ(test, fix->m->users, 0);
	cmd.dst = PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, -EFAULT, mmgpu_svm_test_run(fix, &cmd));
	KUNIT_EXPECT_EQ(test, atomic_read(&fix->mm->mm_users), users);
	KUNIT_EXPECT_EQ(test, fix->m->users, 0);

	mmgpu_test_mm_end(test, fix->mm);
	KUNIT_ASSERT_TRUE(test, mmgpu_mm_is_gone(fix->m));
	cmd.dst = fix->addr;
	KUNIT_EXPECT_EQ(test, -ECANCELED, mmgpu_svm_test_run(fix, &cmd));
	KUNIT_EXPECT_EQ(test, fix->m->users, 0);
}

static struct kunit_case mmgpu_svm_test_cases[] = {
	KUNIT_CASE(mmgpu_svm_test_fill),
	KUNIT_CASE(mmgpu_svm_test_copy),
	KUNIT_CASE(mmgpu_svm_test_move),
	KUNIT_CASE(mmgpu_svm_test_timestamp),
	KUNIT_CASE(mmgpu_svm_test_hole),
	KUNIT_CASE(mmgpu_svm_test_protection),
	KUNIT_CASE(mmgpu_svm_test_address_zero),
	KUNIT_CASE(mmgpu_svm_test_over),
	KUNIT_CASE(mmgpu_svm_test_owner_ends),
	{}
};

static struct kunit_suite mmgpu_svm_test_suite = {
	.name = "mmgpu_svm",
	.init = mmgpu_svm_test_init,
	.test_cases = mmgpu_svm_test_cases,
};

kunit_test_suite(mmgpu_svm_test_suite);
