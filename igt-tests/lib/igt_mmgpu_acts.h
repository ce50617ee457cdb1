/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_ACTS_H
#define IGT_MMGPU_ACTS_H

#include <limits.h>
#include <stdatomic.h>

#include "igt_mmgpu_guest.h"
#include "igt_mmgpu_race.h"

/*
 * What a grantee does while its grant, or its owner, comes to an end: round by round, and
 * each round with a meeting. The test plays the owner.
 */

/* No round follows. */
#define IGT_MMGPU_OVER		UINT_MAX

/* Lies in memory that all parties share, the ones after exec too. */
struct igt_mmgpu_ring {
	struct igt_mmgpu_meeting meeting;
	/* Loops that each side waits after it. */
	unsigned int delay_owner, delay_guest;

	/* The round. The others say for which one it is true. */
	atomic_uint round, ready, granted, settled, probed;
	atomic_ullong guest_seq;
	/* What came of the act: 0, -errno or a signal. */
	int came;
	/* What the grantee is doing; the string is in all of them. */
	const char *volatile guest;

	/* The test's own. */
	atomic_bool stop, quiet;
	atomic_ullong bystander_seq;
	const char *volatile owner, *volatile bystander;
	unsigned int owner_first, guest_first;
	int64_t slowest;
};

/* The same each time, made by the first call. */
struct igt_mmgpu_ring *igt_mmgpu_ring(void);

/* Until *what is round. For what takes its time anyway: this one sleeps. */
void igt_mmgpu_ring_await(const atomic_uint *what, unsigned int round);

struct igt_mmgpu_act {
	const char *name;
	/* With the grant, before the meeting. */
	void (*prepare)(struct igt_mmgpu_guest *g);
	/* At the meeting. 0, -errno or a signal; or it does not return. */
	int (*act)(struct igt_mmgpu_guest *g);
	/* From then on until it's refused or, if nobody refuses, until the round is settled. */
	void (*go_on)(struct igt_mmgpu_guest *g);
	/* The grantee does not survive it. */
	bool mortal;
};

#define IGT_MMGPU_ACTS	7
extern const struct igt_mmgpu_act igt_mmgpu_acts[IGT_MMGPU_ACTS];

/* How long the jobs of acts take, at most. */
#define IGT_MMGPU_ACT_JOB_NS	(2 * IGT_MMGPU_NSEC_PER_MSEC)

/* In the grantee: up to the act and with it. The result is in the ring. */
void igt_mmgpu_act_do(const struct igt_mmgpu_act *act, struct igt_mmgpu_guest *g);

/*
 * The same without meetings: faults, maps, submits and imports until there is no round any
 * more, whether it's granted or not. What it may not see it does not see at any time.
 */
void igt_mmgpu_act_at_random(struct igt_mmgpu_guest *g, int dmabuf);

/*
 * For an act that is mortal: a child that does it, and ends. The bound file that comes
 * back tells when its mm is gone, which is long before it can be joined.
 */
int igt_mmgpu_act_start_mortal(const struct igt_mmgpu_act *act, struct igt_mmgpu_proc *mortal,
			       int dmabuf, unsigned int round);
void igt_mmgpu_act_join_mortal(const struct igt_mmgpu_act *act, struct igt_mmgpu_proc *mortal,
			       unsigned int round);

/* Whether the mm that a file is bound to is gone. */
bool igt_mmgpu_owner_is_gone(int fd);

#endif /* IGT_MMGPU_ACTS_H */
