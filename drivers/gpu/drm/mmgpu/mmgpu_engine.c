// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/**
 * DOC: Engine
 *
 * Executes commands on memory that is mapped. It knows no job, file or device, and
 * allocates nothing. It works in pieces, and between two of them sees whether its time
 * is over or somebody wants it to stop; so it needs no timer to end it.
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
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include <drm/mmgpu_drm.h>

#include "mmgpu_engine.h"

/* Bytes between two looks at the clock: tens of microseconds of work. A multiple of 8. */
#define ENGINE_PIECE	SZ_64K

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

static int engine_fill(const struct mmgpu_exec *exec, const struct drm_mmgpu_cmd *cmd)
{
	u8 *dst = exec->maps[cmd->dst_bo] + cmd->dst;
	size_t budget = ENGINE_PIECE;
	u32 row;

	for (row = 0; row < cmd->rows; row++, dst += cmd->dst_pitch) {
		u64 done = 0;

		while (done < cmd->width) {
			size_t len = min_t(u64, cmd->width - done, ENGINE_PIECE);
			int ret;

			fill_piece(dst + done, cmd->value, len);
			done += len;

			ret = engine_spend(exec, &budget, len + ENGINE_ROW_COST);
			if (ret)
				return ret;
		}
	}

	return 0;
}

static int engine_copy_row(const struct mmgpu_exec *exec, size_t *budget, u8 *dst, const u8 *src,
			   u64 width)
{
	/* As memmove() does it, but in pieces: from the end, if the start would spoil the rest. */
	bool backwards = dst > src && dst < src + width;
	u64 left = width;

	while (left) {
		size_t len = min_t(u64, left, ENGINE_PIECE);
		u64 at = backwards ? left - len : width - left;
		int ret;

		memmove(dst + at, src + at, len);
		left -= len;

		ret = engine_spend(exec, budget, len + ENGINE_ROW_COST);
		if (ret)
			return ret;
	}

	return 0;
}

static int engine_copy(const struct mmgpu_exec *exec, const struct drm_mmgpu_cmd *cmd)
{
	const u8 *src = exec->maps[cmd->src_bo] + cmd->src;
	u8 *dst = exec->maps[cmd->dst_bo] + cmd->dst;
	size_t budget = ENGINE_PIECE;
	u32 row;
	int ret;

	for (row = 0; row < cmd->rows; row++) {
		ret = engine_copy_row(exec, &budget, dst, src, cmd->width);
		if (ret)
			return ret;
		dst += cmd->dst_pitch;
		src += cmd->src_pitch;
	}

	return 0;
}

static int engine_delay(const struct mmgpu_exec *exec, u64 ns)
{
	ktime_t now = ktime_get();
	ktime_t end = ktime_add_ns(now, ns);
	bool hang = ktime_after(end, exec->deadline);

	if (hang)
		end = exec->deadline;

	/* Interruptible keeps it out of the load average; no signal reaches a kernel thread. */
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
		atomic64_add(cmd->value, exec->maps[cmd->dst_bo] + cmd->dst);
		return 0;
	case MMGPU_OP_TIMESTAMP:
		WRITE_ONCE(*(u64 *)(exec->maps[cmd->dst_bo] + cmd->dst), ktime_get_ns());
		return 0;
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
 * Return: 0; -ETIME at the deadline, -ENODEV when told to stop, and no command after
 * that has run.
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
