/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_ENGINE_H_
#define _MMGPU_ENGINE_H_

#include <linux/ktime.h>
#include <linux/types.h>
#include <linux/wait.h>

struct drm_mmgpu_cmd;
struct mmgpu_svm;

/**
 * struct mmgpu_exec - commands for mmgpu_engine_exec()
 */
struct mmgpu_exec {
	/** @cmds: commands, checked */
	const struct drm_mmgpu_cmd *cmds;

	/** @num_cmds: number of @cmds */
	u32 num_cmds;

	/** @maps: where each buffer that the commands name lies */
	void *const *maps;

	/** @svm: what reaches the owner's memory; NULL if no command names it */
	struct mmgpu_svm *svm;

	/** @deadline: when to give up */
	ktime_t deadline;

	/** @stop: set by somebody who then wakes @stop_wq: give up now */
	const bool *stop;

	/** @stop_wq: see @stop */
	wait_queue_head_t *stop_wq;
};

int mmgpu_engine_exec(const struct mmgpu_exec *exec);

#endif /* _MMGPU_ENGINE_H_ */
