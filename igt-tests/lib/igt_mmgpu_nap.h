/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_NAP_H
#define IGT_MMGPU_NAP_H

/* Ways to let the system sleep and wake up again. Around all of it: */
void igt_mmgpu_nap_init(void);
void igt_mmgpu_nap_fini(void);

/* Only processes and devices do, for so many seconds. Skips where the kernel has no pm_test. */
void igt_mmgpu_nap_devices_require(void);
void igt_mmgpu_nap_devices(unsigned int seconds);

/*
 * All of it, to idle, until a serial port wakes it after so many seconds, or after a multiple
 * of that if it takes long to fall asleep. Skips where there is no such sleep or port.
 */
void igt_mmgpu_nap_s2idle_require(void);
void igt_mmgpu_nap_s2idle(unsigned int seconds);

#endif /* IGT_MMGPU_NAP_H */
