// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/**
 * DOC: Engine
 *
 * Executes commands on memory that is mapped, or through &struct mmgpu_svm. It knows no
 * job, file or device, and allocates nothing. It works in pieces, and between two of them
 * sees whether its time is over or somebody wants it to stop; so it needs no timer to
 * end it, unless a page fault holds it up.
 *
 * Other engines and the CPUs of user space may use the same memory at any time. That can
 * spoil contents, which is up to them, and nothing else: all that steers the engine is
 * in the command, which nobody else can write.
 */

#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include <kunit/visibility.h>

#include <drm/mmgpu_drm.h>

#include "mmgpu_engine.h"
#include "mmgpu_svm.h"

/* Bytes between two looks at the clock: tens of microseconds of work. A multiple of 8. */
#define ENGINE_PIECE	MMGPU_SVM_CHUNK

/* What a row costs besides its bytes, so that many short rows are looked at as often. */
#define ENGINE_ROW_COST	64

/* 0 to go on, else the fence's error. */
static int engine_pause(const struct mmgpu_exec *exec)
{
	cond_resched();

	if (READ_ONCE(*exec->stop))
		return -ENODEV;
	if (ktime_after(ktime_get(), exec->deadline))
		return -ETIME;

	return 0;
}

/* Takes work off the budget; looks up when it is used. */
static int engine_spend(const struct mmgpu_exec *exec, size_t *budget, size_t cost)
{
	if (cost < *budget) {
		*budget -= cost;
		return 0;
	}

	*budget = ENGINE_PIECE;
	return engine_pause(exec);
}

static void fill_piece(u8 *dst, u64 value, size_t len)
{
	size_t words = len / sizeof(value), i;

	if (IS_ALIGNED((unsigned long)dst, sizeof(value)))
		memset64((u64 *)dst, value, words);
	else
		for (i = 0; i < words; i++)
			put_unaligned(value, (u64 *)dst + i);

	memcpy(dst + words * sizeof(value), &value, len % sizeof(value));
}

static int engine_fill_piece(const struct mmgpu_exec *exec, const struct drm_mmgpu_cmd *cmd,
			     u64 dst, size_t len)
{
	if (cmd->flags & MMGPU_CMD_DST_SVM)
		return mmgpu_svm_write(exec->svm, dst, exec->svm->buf, len);

	if (!mmgpu_svm_begin(exec->svm))
		return -ECANCELED;
	fill_piece(exec->maps[cmd->dst_bo] + dst, cmd->value, len);
	mmgpu_svm_end(exec->svm);

	return 0;
}

static int engine_fill(const struct mmgpu_exec *exec, const struct drm_mmgpu_cmd *cmd)
{
	size_t budget = ENGINE_PIECE;
	u64 dst = cmd->dst;
	u32 row;

	/* Pieces are a multiple of the value, so each begins as this does. */
	if (cmd->flags & MMGPU_CMD_DST_SVM)
		fill_piece(exec->svm->buf, cmd->value, min_t(u64, cmd->width, ENGINE_PIECE));

	for (row = 0; row < cmd->rows; row++, dst += cmd->dst_pitch) {
		u64 done = 0;

		while (done < cmd->width) {
			size_t len = min_t(u64, cmd->width - done, ENGINE_PIECE);
			int ret;

			ret = engine_fill_piece(exec, cmd, dst + done, len);
			if (ret)
				return ret;
			done += len;

			ret = engine_spend(exec, &budget, len + ENGINE_ROW_COST);
			if (ret)
				return ret;
		}
	}

	return 0;
}

static int engine_copy_piece(const struct mmgpu_exec *exec, const struct drm_mmgpu_cmd *cmd,
			     u64 dst, u64 src, size_t len, bool backwards)
{
	void *const *maps = exec->maps;

	switch (cmd->flags & (MMGPU_CMD_DST_SVM | MMGPU_CMD_SRC_SVM)) {
	case MMGPU_CMD_DST_SVM | MMGPU_CMD_SRC_SVM:
		return mmgpu_svm_move(exec->svm, dst, src, len, backwards);
	case MMGPU_CMD_DST_SVM:
		return mmgpu_svm_write(exec->svm, dst, maps[cmd->src_bo] + src, len);
	case MMGPU_CMD_SRC_SVM:
		return mmgpu_svm_read(exec->svm, maps[cmd->dst_bo] + dst, src, len);
	default:
		if (!mmgpu_svm_begin(exec->svm))
			return -ECANCELED;
		memmove(maps[cmd->dst_bo] + dst, maps[cmd->src_bo] + src, len);
		mmgpu_svm_end(exec->svm);
		return 0;
	}
}

/* Whether copying from the start would spoil what is still to be copied. */
static bool engine_copies_backwards(const struct drm_mmgpu_cmd *cmd, u64 dst, u64 src)
{
	bool dst_svm = cmd->flags & MMGPU_CMD_DST_SVM;

	if (dst_svm != !!(cmd->flags & MMGPU_CMD_SRC_SVM))
		return false;
	if (!dst_svm && cmd->dst_bo != cmd->src_bo)
		return false;

	return dst > src && dst - src < cmd->width;
}

static int engine_copy_row(const struct mmgpu_exec *exec, const struct drm_mmgpu_cmd *cmd,
			   size_t *budget, u64 dst, u64 src)
{
	bool backwards = engine_copies_backwards(cmd, dst, src);
	u64 left = cmd->width;

	while (left) {
		size_t len = min_t(u64, left, ENGINE_PIECE);
		u64 at = backwards ? left - len : cmd->width - left;
		int ret;

		ret = engine_copy_piece(exec, cmd, dst + at, src + at, len, backwards);
		if (ret)
			return ret;
		left -= len;

		ret = engine_spend(exec, budget, len + ENGINE_ROW_COST);
		if (ret)
			return ret;
	}

	return 0;
}

static int engine_copy(const struct mmgpu_exec *exec, const struct drm_mmgpu_cmd *cmd)
{
	size_t budget = ENGINE_PIECE;
	u64 dst = cmd->dst, src = cmd->src;
	u32 row;
	int ret;

	for (row = 0; row < cmd->rows; row++) {
		ret = engine_copy_row(exec, cmd, &budget, dst, src);
		if (ret)
			return ret;
		dst += cmd->dst_pitch;
		src += cmd->src_pitch;
	}

	return 0;
}

static int engine_add(const struct mmgpu_exec *exec, const struct drm_mmgpu_cmd *cmd)
{
	if (!mmgpu_svm_begin(exec->svm))
		return -ECANCELED;
	atomic64_add(cmd->value, exec->maps[cmd->dst_bo] + cmd->dst);
	mmgpu_svm_end(exec->svm);

	return 0;
}

static int engine_timestamp(const struct mmgpu_exec *exec, const struct drm_mmgpu_cmd *cmd)
{
	u64 now = ktime_get_ns();

	if (cmd->flags & MMGPU_CMD_DST_SVM)
		return mmgpu_svm_write(exec->svm, cmd->dst, &now, sizeof(now));

	if (!mmgpu_svm_begin(exec->svm))
		return -ECANCELED;
	WRITE_ONCE(*(u64 *)(exec->maps[cmd->dst_bo] + cmd->dst), now);
	mmgpu_svm_end(exec->svm);

	return 0;
}

static int engine_delay(const struct mmgpu_exec *exec, u64 ns)
{
	ktime_t now = ktime_get();
	ktime_t end = ktime_add_ns(now, ns);
	bool hang = ktime_after(end, exec->deadline);

	if (hang)
		end = exec->deadline;

	/*
	 * Interruptible keeps it out of the load average. The only signal that a kernel thread
	 * gets here says that the job is over.
	 */
	if (ktime_after(end, now))
		wait_event_interruptible_hrtimeout(*exec->stop_wq, READ_ONCE(*exec->stop),
						   ktime_sub(end, now));

	if (READ_ONCE(*exec->stop))
		return -ENODEV;

	return hang ? -ETIME : 0;
}

static int engine_exec_one(const struct mmgpu_exec *exec, const struct drm_mmgpu_cmd *cmd)
{
	switch (cmd->op) {
	case MMGPU_OP_FILL:
		return engine_fill(exec, cmd);
	case MMGPU_OP_COPY:
		return engine_copy(exec, cmd);
	case MMGPU_OP_ADD:
		return engine_add(exec, cmd);
	case MMGPU_OP_TIMESTAMP:
		return engine_timestamp(exec, cmd);
	case MMGPU_OP_DELAY:
		return engine_delay(exec, cmd->value);
	default:
		return 0;
	}
}

/**
 * mmgpu_engine_exec() - Execute commands in order
 * @exec: what to execute
 *
 * May sleep.
 *
 * Return: 0; -ETIME at the deadline, -ENODEV when told to stop, -EFAULT at an address
 * that the owner's page tables refuse, -ECANCELED if the owner's mm is gone or somebody
 * else ended the job; no command after that has run.
 */
int mmgpu_engine_exec(const struct mmgpu_exec *exec)
{
	u32 i;
	int ret;

	for (i = 0; i < exec->num_cmds; i++) {
		ret = engine_pause(exec);
		if (ret)
			return ret;

		ret = engine_exec_one(exec, &exec->cmds[i]);
		if (ret)
			return ret;
	}

	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_engine_exec);
