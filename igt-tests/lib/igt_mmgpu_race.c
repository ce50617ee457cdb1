// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* For tests that let two things happen at the same moment, again and again. */

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_mmgpu_race.h"
#include "igt_mmgpu_small.h"

/* Without the end of a round for this long, nobody believes in one any more. */
#define STUCK_SECONDS	30

/* Loops: some tenths of a second, which is more than one side can need. */
#define MAX_BIAS	(1 << 27)

double igt_mmgpu_race_seconds(void)
{
	const char *seconds = getenv("RACE_SECONDS");

	return seconds ? atof(seconds) : 0.5;
}

/* ---- meeting ------------------------------------------------------------------------- */

void igt_mmgpu_meet(struct igt_mmgpu_meeting *meeting)
{
	unsigned int target = atomic_fetch_add(&meeting->arrived, 1) / meeting->parties + 1;
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);

	while (atomic_load(&meeting->arrived) < target * meeting->parties &&
	       igt_mmgpu_now() < deadline)
		sched_yield();
}

void igt_mmgpu_stall(unsigned int loops)
{
	for (volatile unsigned int i = 0; i < loops; i++)
		;
}

void igt_mmgpu_balance_init(struct igt_mmgpu_balance *b)
{
	memset(b, 0, sizeof(*b));
	igt_mmgpu_rand_init(&b->rnd);
	/* Loops are as fast there as elsewhere, but not what they are to delay. */
	b->step = igt_mmgpu_is_slow() ? 4000 : 40;
}

void igt_mmgpu_balance_delays(const struct igt_mmgpu_balance *b, unsigned int *first,
			      unsigned int *second)
{
	*first = b->bias < 0 ? -b->bias : 0;
	*second = b->bias > 0 ? b->bias : 0;
}

void igt_mmgpu_balance_result(struct igt_mmgpu_balance *b, bool first_won)
{
	int64_t step = igt_mmgpu_rand_range(&b->rnd, 0, b->step);

	if (first_won != (b->streak > 0))
		b->streak = 0;
	b->streak += first_won ? 1 : -1;
	step <<= abs(b->streak) < 20 ? abs(b->streak) : 20;
	if (step > MAX_BIAS / 4)
		step = MAX_BIAS / 4;
	b->bias += first_won ? -step : step;
	if (abs(b->bias) > MAX_BIAS)
		b->bias = first_won ? -MAX_BIAS : MAX_BIAS;
	if (first_won)
		b->first++;
	else
		b->second++;
}

/* ---- supervising ---------------------------------------------------------------------- */

static void tell_file(const char *name, const char *what, pid_t pid)
{
	char path[64], text[2048];
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, what);
	file = fopen(path, "r");
	if (!file)
		return;
	size = fread(text, 1, sizeof(text) - 1, file);
	text[size] = 0;
	if (size)
		igt_warn("%s, %s:\n%s\n", name, what, text);
	fclose(file);
}

static void tell_where(const struct igt_mmgpu_party *parties, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		const struct igt_mmgpu_party *party = &parties[i];

		igt_warn("%s (process %d): %s\n", party->name, party->proc.pid,
			 *party->at ?: "begins");
		tell_file(party->name, "stack", party->proc.pid);
	}
}

/* Leaves it to be joined. */
static bool has_ended(const struct igt_mmgpu_party *party, bool *good)
{
	siginfo_t info = { };
	int ret;

	ret = waitid(P_PID, party->proc.pid, &info, WEXITED | WNOHANG | WNOWAIT);
	igt_assert_eq(ret, 0);
	*good = info.si_code == CLD_EXITED && !info.si_status;
	return info.si_pid;
}

void igt_mmgpu_supervise(struct igt_mmgpu_party *parties, unsigned int count,
			 const atomic_uint *rounds, atomic_bool *stop, double seconds)
{
	struct timespec pause = { .tv_nsec = 5 * IGT_MMGPU_NSEC_PER_MSEC };
	int64_t end = igt_mmgpu_now() + seconds * IGT_MMGPU_NSEC_PER_SEC;
	int64_t moved = igt_mmgpu_now();
	unsigned int running, last = 0;

	do {
		running = 0;
		nanosleep(&pause, NULL);
		for (unsigned int i = 0; i < count; i++) {
			bool good;

			if (!has_ended(&parties[i], &good)) {
				running++;
				continue;
			}
			if (!good)
				tell_where(parties, count);
			igt_assert_f(good, "the %s failed, see above\n", parties[i].name);
		}
		if (atomic_load(rounds) != last) {
			last = atomic_load(rounds);
			moved = igt_mmgpu_now();
		}
		if (igt_mmgpu_now() - moved > STUCK_SECONDS * IGT_MMGPU_NSEC_PER_SEC) {
			tell_where(parties, count);
			igt_assert_f(false, "round %u does not end: is this a deadlock?\n", last);
		}
		if (igt_mmgpu_now() > end)
			atomic_store(stop, true);
	} while (running);

	for (unsigned int i = 0; i < count; i++)
		igt_assert_eq(igt_mmgpu_proc_join(&parties[i].proc), 0);
}
