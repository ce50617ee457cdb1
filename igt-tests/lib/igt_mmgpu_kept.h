/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_KEPT_H
#define IGT_MMGPU_KEPT_H

/*
 * One of everything that may outlive a device: files, mappings, dma-bufs on either side,
 * grants, jobs that run, are queued, or wait for a page or for strangers, their fences in
 * sync_files and syncobjs. Wants the module to be loaded with these parameters, as its jobs are
 * not to end by themselves.
 */
#define IGT_MMGPU_KEPT_PARAMS	"engines=16 job_timeout_ms=60000 max_delay_ms=60000"

/* Engines from here on are blocked by jobs. */
#define IGT_MMGPU_KEPT_ENGINE	10

void igt_mmgpu_kept_make(void);
/* With the device gone, once or more often: fails unless all of it is as it should be. */
void igt_mmgpu_kept_check(void);
/* Gives all back, in any order, and sees that whatever is left keeps the module. */
void igt_mmgpu_kept_drop(void);

#endif /* IGT_MMGPU_KEPT_H */
