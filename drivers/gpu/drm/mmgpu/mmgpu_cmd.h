/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_CMD_H_
#define _MMGPU_CMD_H_

#include <linux/types.h>

struct drm_mmgpu_cmd;

/**
 * struct mmgpu_cmd_bo - what a command must know of a buffer to be checked
 */
struct mmgpu_cmd_bo {
	/** @size: in bytes */
	u64 size;

	/** @flags: MMGPU_BO_REF_READ and MMGPU_BO_REF_WRITE as the job declares them */
	u32 flags;
};

bool mmgpu_cmd_flags_valid(const struct drm_mmgpu_cmd *cmd);
bool mmgpu_cmd_valid(const struct drm_mmgpu_cmd *cmd, const struct mmgpu_cmd_bo *bos,
		     u32 num_bos, u64 max_delay_ns);

#endif /* _MMGPU_CMD_H_ */
