/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_USERS_H
#define IGT_MMGPU_USERS_H

#include <stdatomic.h>

#include "igt_mmgpu.h"

#define IGT_MMGPU_USERS_MAX	8

/*
 * Processes that use the device for all that it can, until it is gone, and begin again
 * as soon as there is a new one. Whatever they call may say ENODEV, and nothing else.
 */
struct igt_mmgpu_users {
	unsigned int count;
	struct igt_mmgpu_proc procs[IGT_MMGPU_USERS_MAX];
	/* Shared with them. */
	struct {
		atomic_bool stop;
		/* Devices that each found, and those that were gone under it. */
		atomic_uint begun[IGT_MMGPU_USERS_MAX];
		atomic_uint lost;
		atomic_ulong jobs;
	} *shared;
};

void igt_mmgpu_users_start(struct igt_mmgpu_users *users, unsigned int count);
/* Until each of them is at work on so many devices, one after the other. */
void igt_mmgpu_users_await(const struct igt_mmgpu_users *users, unsigned int devices);
/* Fails if one of them did. Their jobs. */
unsigned long igt_mmgpu_users_stop(struct igt_mmgpu_users *users);

#endif /* IGT_MMGPU_USERS_H */
