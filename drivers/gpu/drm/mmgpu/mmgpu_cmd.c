// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/**
 * DOC: Checking commands
 *
 * What is checked here the engine takes for granted. The functions see a command and
 * the sizes of the buffers, no device, file or job.
 */

#include <linux/align.h>
#include <linux/kernel.h>
#include <linux/overflow.h>

#include <kunit/visibility.h>

#include <drm/mmgpu_drm.h>

#include "mmgpu_cmd.h"

/**
 * mmgpu_cmd_flags_valid() - Check the operation, the flags and the padding
 * @cmd: command
 *
 * Return: whether they are what the uapi header lists.
 */
bool mmgpu_cmd_flags_valid(const struct drm_mmgpu_cmd *cmd)
{
	u32 allowed;

	switch (cmd->op) {
	case MMGPU_OP_NOP:
	case MMGPU_OP_ADD:
	case MMGPU_OP_DELAY:
		allowed = 0;
		break;
	case MMGPU_OP_FILL:
	case MMGPU_OP_TIMESTAMP:
		allowed = MMGPU_CMD_DST_SVM;
		break;
	case MMGPU_OP_COPY:
		allowed = MMGPU_CMD_DST_SVM | MMGPU_CMD_SRC_SVM;
		break;
	default:
		return false;
	}

	return !(cmd->flags & ~allowed) && !cmd->pad;
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_cmd_flags_valid);

/* Where an operand of so many rows ends, or false if that is no number. */
static bool operand_end(u64 start, u64 width, u32 rows, u32 pitch, u64 *end)
{
	if (!width || !rows)
		return false;

	if (rows > 1) {
		/* At most 2^64 - 2^33 + 1, so this can't overflow. */
		u64 start_of_last = (u64)(rows - 1) * pitch;

		if (pitch < width || check_add_overflow(start, start_of_last, &start))
			return false;
	}

	/* What ends with the last byte that there is ends at 0. */
	return !check_add_overflow(start, width, end) || !*end;
}

/* Whether an operand lies within a buffer that the job declares. */
static bool operand_valid(const struct mmgpu_cmd_bo *bos, u32 num_bos, u32 index, u32 need,
			  u64 offset, u64 width, u32 rows, u32 pitch)
{
	u64 end;

	if (index >= num_bos || !(bos[index].flags & need))
		return false;

	return operand_end(offset, width, rows, pitch, &end) && end && end <= bos[index].size;
}

static bool dst_valid(const struct drm_mmgpu_cmd *cmd, const struct mmgpu_cmd_bo *bos,
		      u32 num_bos, u64 width, u32 rows)
{
	u64 end;

	if (cmd->flags & MMGPU_CMD_DST_SVM)
		return operand_end(cmd->dst, width, rows, cmd->dst_pitch, &end);

	return operand_valid(bos, num_bos, cmd->dst_bo, MMGPU_BO_REF_WRITE, cmd->dst, width, rows,
			     cmd->dst_pitch);
}

static bool src_valid(const struct drm_mmgpu_cmd *cmd, const struct mmgpu_cmd_bo *bos,
		      u32 num_bos)
{
	u64 end;

	if (cmd->flags & MMGPU_CMD_SRC_SVM)
		return operand_end(cmd->src, cmd->width, cmd->rows, cmd->src_pitch, &end);

	return operand_valid(bos, num_bos, cmd->src_bo, MMGPU_BO_REF_READ, cmd->src, cmd->width,
			     cmd->rows, cmd->src_pitch);
}

/**
 * mmgpu_cmd_valid() - Check the operands
 * @cmd: command that has passed mmgpu_cmd_flags_valid()
 * @bos: the job's buffers
 * @num_bos: number of @bos
 * @max_delay_ns: longest MMGPU_OP_DELAY
 *
 * What lies at a CPU address is for the page tables to say when the job runs.
 *
 * Return: whether the engine can execute it.
 */
bool mmgpu_cmd_valid(const struct drm_mmgpu_cmd *cmd, const struct mmgpu_cmd_bo *bos,
		     u32 num_bos, u64 max_delay_ns)
{
	switch (cmd->op) {
	case MMGPU_OP_FILL:
		return dst_valid(cmd, bos, num_bos, cmd->width, cmd->rows);
	case MMGPU_OP_COPY:
		return dst_valid(cmd, bos, num_bos, cmd->width, cmd->rows) &&
		       src_valid(cmd, bos, num_bos);
	case MMGPU_OP_ADD:
	case MMGPU_OP_TIMESTAMP:
		return IS_ALIGNED(cmd->dst, sizeof(u64)) &&
		       dst_valid(cmd, bos, num_bos, sizeof(u64), 1);
	case MMGPU_OP_DELAY:
		return cmd->value <= max_delay_ns;
	default:
		return true;
	}
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_cmd_valid);
