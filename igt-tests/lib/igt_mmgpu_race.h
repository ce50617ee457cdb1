/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_RACE_H
#define IGT_MMGPU_RACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "igt_mmgpu.h"

/* How long to repeat each race: RACE_SECONDS in the environment, or half a one. */
double igt_mmgpu_race_seconds(void);

/* ---- meeting ------------------------------------------------------------------------- */

/* Where parties meet, in memory that they share. */
struct igt_mmgpu_meeting {
	/* Counts up by one per party and round. */
	atomic_uint arrived;
	unsigned int parties;
};

/* Returns in all of them at once. Gives up on a party that died: its peers notice. */
void igt_mmgpu_meet(struct igt_mmgpu_meeting *meeting);

/* A few instructions for each of the loops. */
void igt_mmgpu_stall(unsigned int loops);

/*
 * Finds the delays after the meeting with which both sides win equally often. Who won
 * starts a little later next time, and much later when it wins again and again; what is
 * left to chance sweeps over the few instructions that matter.
 */
struct igt_mmgpu_balance {
	struct igt_mmgpu_rand rnd;
	/* At most, of a change that is the first in its direction. */
	int step;
	int bias;
	int streak;
	unsigned int first, second;
};

void igt_mmgpu_balance_init(struct igt_mmgpu_balance *b);
/* For igt_mmgpu_stall() of the one side and of the other. */
void igt_mmgpu_balance_delays(const struct igt_mmgpu_balance *b, unsigned int *first,
			      unsigned int *second);
void igt_mmgpu_balance_result(struct igt_mmgpu_balance *b, bool first_won);

/* ---- supervising ---------------------------------------------------------------------- */

/* A child, and the word for what it is doing, which lies in shared memory. */
struct igt_mmgpu_party {
	const char *name;
	const char *volatile *at;
	struct igt_mmgpu_proc proc;
};

/*
 * Waits for children that race each other. After some time they are told to stop, and
 * then all have to end with 0. Fails as soon as one of them does; and with a word on where
 * each of them stands when the rounds do not count up any more.
 */
void igt_mmgpu_supervise(struct igt_mmgpu_party *parties, unsigned int count,
			 const atomic_uint *rounds, atomic_bool *stop, double seconds);

#endif /* IGT_MMGPU_RACE_H */
