// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_small.h"
#include "igt_mmgpu_storm.h"

/* libigt and libc use others. */
#define SIGNAL		(SIGRTMIN + 3)

/* Older headers call it differently. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id	_sigev_un._tid
#endif

/* Before a wait is ended, so that there is one in it even if the first few come early. */
#define MIN_SIGNALS	6
#define MIN_EINTR	2
#define MAX_AGAIN	20

struct storm {
	bool by_thread;
	int target;
	timer_t timer;
	pthread_t thread;
	atomic_bool stop;
};

/* Of the round; the calling thread and the one that ends its wait look at them. */
static atomic_uint signals, interrupts;
static atomic_bool over;
static bool restarts;

static void on_signal(int sig)
{
	atomic_fetch_add(&signals, 1);
}

void igt_mmgpu_storm_interrupted(void)
{
	atomic_fetch_add(&interrupts, 1);
}

/* So that a kernel that takes long for a signal has time for something else. */
static long interval_ns(void)
{
	return igt_mmgpu_is_slow() ? 6100000 : 970000;
}

/* At times that have nothing to do with what the target does. */
static void *thread_main(void *data)
{
	struct storm *storm = data;
	long interval = interval_ns();
	unsigned int seed = 1;

	while (!atomic_load(&storm->stop)) {
		struct timespec sleep = { .tv_nsec = interval / 4 + rand_r(&seed) % (2 * interval) };

		nanosleep(&sleep, NULL);
		syscall(SYS_tgkill, getpid(), storm->target, SIGNAL);
	}
	return NULL;
}

static void storm_begin(struct storm *storm, bool by_thread, bool restart)
{
	struct sigaction act = { .sa_handler = on_signal, .sa_flags = restart ? SA_RESTART : 0 };
	struct itimerspec when = { };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL };

	igt_assert_eq(sigaction(SIGNAL, &act, NULL), 0);
	storm->by_thread = by_thread;
	storm->target = syscall(SYS_gettid);
	atomic_store(&storm->stop, false);
	if (by_thread) {
		igt_assert_eq(pthread_create(&storm->thread, NULL, thread_main, storm), 0);
		return;
	}
	event.sigev_notify_thread_id = storm->target;
	igt_assert_eq(timer_create(CLOCK_MONOTONIC, &event, &storm->timer), 0);
	when.it_value.tv_nsec = when.it_interval.tv_nsec = interval_ns();
	igt_assert_eq(timer_settime(storm->timer, 0, &when, NULL), 0);
}

static void storm_end(struct storm *storm)
{
	if (storm->by_thread) {
		atomic_store(&storm->stop, true);
		pthread_join(storm->thread, NULL);
	} else {
		igt_assert_eq(timer_delete(storm->timer), 0);
	}
}

/* ---- a call in it ----------------------------------------------------------------------- */

static bool has_met_signals(void)
{
	return restarts ? atomic_load(&signals) >= MIN_SIGNALS :
			  atomic_load(&interrupts) >= MIN_EINTR;
}

static void *release_main(void *data)
{
	const struct igt_mmgpu_wait *wait = data;
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE / 10 * 1000);

	/* A wait that no signal ends is ended all the same, and then judged. */
	while (!has_met_signals() && !atomic_load(&over) && igt_mmgpu_now() < deadline)
		usleep(300);
	wait->release();
	return NULL;
}

static int call_until_done(const struct igt_mmgpu_wait *wait)
{
	int ret;

	for (;;) {
		ret = wait->call();
		if (ret != -EINTR)
			return ret;
		igt_mmgpu_storm_interrupted();
		if (wait->unchanged)
			wait->unchanged();
		if (wait->result == -EINTR && has_met_signals())
			return ret;
	}
}

unsigned int igt_mmgpu_storm_round(const struct igt_mmgpu_wait *wait, bool by_thread, bool restart)
{
	struct storm storm;
	pthread_t thread;
	int ret;

	if (wait->begin)
		wait->begin();
	atomic_store(&signals, 0);
	atomic_store(&interrupts, 0);
	atomic_store(&over, false);
	restarts = restart;
	if (wait->release)
		igt_assert_eq(pthread_create(&thread, NULL, release_main, (void *)wait), 0);

	storm_begin(&storm, by_thread, restart);
	ret = call_until_done(wait);
	storm_end(&storm);

	atomic_store(&over, true);
	if (wait->release)
		igt_assert_eq(pthread_join(thread, NULL), 0);
	igt_assert_eq(ret, wait->result);
	if (wait->deaf)
		igt_assert_eq(atomic_load(&interrupts), 0);
	if (wait->end)
		wait->end();
	return atomic_load(&interrupts);
}

unsigned int igt_mmgpu_storm_rounds(void)
{
	return igt_mmgpu_env_number("MMGPU_STORMS", igt_mmgpu_is_slow() ? 1 : 2);
}

/* On a busy machine a wait that ends by itself can be over before a signal comes. */
static unsigned int round_with_eintr(const struct igt_mmgpu_wait *wait, bool by_thread)
{
	unsigned int count = igt_mmgpu_storm_round(wait, by_thread, false);

	if (wait->brief || wait->deaf)
		return count;
	for (int i = 0; !count && !wait->release && i < MAX_AGAIN; i++)
		count = igt_mmgpu_storm_round(wait, by_thread, false);
	igt_assert_f(count, "never interrupted\n");
	return count;
}

void igt_mmgpu_storm_run(const struct igt_mmgpu_wait *wait)
{
	unsigned int shown = 0, restarted = 0, all = 0;

	for (unsigned int i = 0; i < igt_mmgpu_storm_rounds(); i++) {
		for (int by_thread = 0; by_thread < 2; by_thread++) {
			shown += round_with_eintr(wait, by_thread);
			all += atomic_load(&signals);
			/* What has no other end than a signal would go on for ever. */
			if (wait->result == -EINTR)
				continue;
			restarted += igt_mmgpu_storm_round(wait, by_thread, true);
			all += atomic_load(&signals);
		}
	}
	igt_info("%s: %u signals, EINTR %u times, and %u times although SA_RESTART was set\n",
		 wait->name, all, shown, restarted);
}
