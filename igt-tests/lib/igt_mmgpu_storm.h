/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_STORM_H
#define IGT_MMGPU_STORM_H

#include <pthread.h>
#include <stdbool.h>

/*
 * A call that takes long, in a storm of signals: about one each millisecond, from a timer
 * or from another thread, with SA_RESTART or without. The functions are called in this
 * order, with the storm from the call to the last EINTR.
 */
struct igt_mmgpu_wait {
	const char *name;
	const char *what;
	void (*begin)(void);
	/* Once: 0 or -errno. */
	int (*call)(void);
	/* Ends the wait, from another thread and after some signals; NULL if it ends itself. */
	void (*release)(void);
	/* After each EINTR. */
	void (*unchanged)(void);
	/* In the end; -EINTR if there is none. */
	int result;
	void (*end)(void);
	/* It can be over before a signal comes. */
	bool brief;
	/* Signals must not end it. */
	bool deaf;
};

/* With storms of all four kinds; unless it is brief, it must be interrupted. */
void igt_mmgpu_storm_run(const struct igt_mmgpu_wait *wait);
/* One of them. Tells how often the call was interrupted. */
unsigned int igt_mmgpu_storm_round(const struct igt_mmgpu_wait *wait, bool by_thread,
				   bool restart);
/* Of each kind; MMGPU_STORMS of the environment. */
unsigned int igt_mmgpu_storm_rounds(void);
/* For a call that goes on by itself after EINTR. */
void igt_mmgpu_storm_interrupted(void);

#endif /* IGT_MMGPU_STORM_H */
