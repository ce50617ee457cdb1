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

/* Whether an operand of so many rows lies within a buffer that the job declares. */
static bool operand_valid(const struct mmgpu_cmd_bo *bos, u32 num_bos, u32 index, u32 need,
			  u64 offset, u64 width, u32 rows, u32 pitch)
{
	u64 end;

	if (index >= num_bos || !(bos[index].flags & need))
		return false;
	if (!width || !rows)
		return false;

	if (rows > 1) {
		/* At most 2^64 - 2^33 + 1, so this can't overflow. */
		u64 start_of_last = (u64)(rows - 1) * pitch;

		if (pitch < width || check_add_overflow(offset, start_of_last, &offset))
			return false;
	}

	return !check_add_overflow(offset, width, &end) && end <= bos[index].size;
}

/**
 * mmgpu_cmd_valid() - Check the operands
 * @cmd: command that has passed mmgpu_cmd_flags_valid(), without SVM operands
 * @bos: the job's buffers
 * @num_bos: number of @bos
 * @max_delay_ns: longest MMGPU_OP_DELAY
 *
 * Return: whether the engine can execute it.
 */
bool mmgpu_cmd_valid(const struct drm_mmgpu_cmd *cmd, const struct mmgpu_cmd_bo *bos,
		     u32 num_bos, u64 max_delay_ns)
{
	switch (cmd->op) {
	case MMGPU_OP_FILL:
		return operand_valid(bos, num_bos, cmd->dst_bo, MMGPU_BO_REF_WRITE,
				     cmd->dst, cmd->width, cmd->rows, cmd->dst_pitch);
	case MMGPU_OP_COPY:
		return operand_valid(bos, num_bos, cmd->dst_bo, MMGPU_BO_REF_WRITE,
				     cmd->dst, cmd->width, cmd->rows, cmd->dst_pitch) &&
		       operand_valid(bos, num_bos, cmd->src_bo, MMGPU_BO_REF_READ,
				     cmd->src, cmd->width, cmd->rows, cmd->src_pitch);
	case MMGPU_OP_ADD:
	case MMGPU_OP_TIMESTAMP:
		return IS_ALIGNED(cmd->dst, sizeof(u64)) &&
		       operand_valid(bos, num_bos, cmd->dst_bo, MMGPU_BO_REF_WRITE,
				     cmd->dst, sizeof(u64), 1, 0);
	case MMGPU_OP_DELAY:
		return cmd->value <= max_delay_ns;
	default:
		return true;
	}
}
