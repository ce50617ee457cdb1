// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * What a revocation waits for, and what it does not: running jobs of the grantee's that
 * have more of the buffer than is left to it, and nothing and nobody else.
 */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_mmgpu_grant.h"
#include "igt_mmgpu_small.h"

IGT_TEST_DESCRIPTION("Revoking grants: what it waits for.");

#define PAGE		4096
#define READ		IGT_MMGPU_READ
#define READ_WRITE	IGT_MMGPU_READ_WRITE

static struct igt_mmgpu_private own;
static struct igt_mmgpu_theirs *const theirs = &igt_mmgpu_theirs;
/* A slow kernel gets slow jobs, or they would be over before the revocation begins. */
static uint64_t delay_ms;
/* What is done in several steps while a job runs gets so many times longer. */
#define LONG	4

static void grant(uint32_t access, uint64_t seq)
{
	igt_mmgpu_private_grant(&own, access, seq);
}

static void peer_enter(struct igt_mmgpu_peer *peer, uint32_t access, bool bind)
{
	igt_mmgpu_peer_enter(peer, &own, access, bind);
}

static void peer_job(struct igt_mmgpu_peer *peer, uint32_t flags)
{
	igt_mmgpu_peer_run(peer, flags, delay_ms);
}

/* ---- what is waited for ------------------------------------------------------------------------ */

static void waits(uint32_t flags, bool bind, uint32_t left)
{
	struct igt_mmgpu_peer peer;

	peer_enter(&peer, READ_WRITE, bind);
	peer_job(&peer, flags);
	grant(left, peer.seq);
	/* It ended by itself. */
	igt_assert_eq(igt_mmgpu_peer_status(&peer), 1);
	igt_mmgpu_peer_stop(&peer);
}

static void running_read(void)
{
	waits(MMGPU_BO_REF_READ, true, 0);
	waits(MMGPU_BO_REF_READ, false, 0);
}

static void running_write(void)
{
	waits(MMGPU_BO_REF_WRITE, true, 0);
	waits(MMGPU_BO_REF_WRITE, false, 0);
}

static void running_unordered(void)
{
	waits(MMGPU_BO_REF_READ | MMGPU_BO_REF_NO_IMPLICIT_SYNC, true, 0);
	waits(MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC, false, 0);
}

static void narrow_write(void)
{
	waits(MMGPU_BO_REF_WRITE, true, READ);
	waits(MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE, false, READ);
}

/* By a legacy file that is the owner's: the number counts, not the file. */
static int start_in_owners_file(int node, int fd, const void *data)
{
	theirs->sync_file = igt_mmgpu_run(own.legacy, own.legacy_bo, data);
	return 0;
}

static void running_elsewhere(void)
{
	struct igt_mmgpu_peer_job order = { .flags = MMGPU_BO_REF_READ, .ms = delay_ms };
	struct igt_mmgpu_peer peer;

	igt_mmgpu_peer_start(&peer, own.legacy);
	grant(READ, peer.seq);
	igt_assert_eq(igt_mmgpu_peer_call(&peer, start_in_owners_file, -1, &order, sizeof(order)),
		      0);
	grant(0, peer.seq);
	igt_assert_eq(igt_mmgpu_peer_status(&peer), 1);
	igt_mmgpu_peer_stop(&peer);
}

/* Two at once, on two engines; the longer one counts. */
static int start_two(int node, int fd, const void *data)
{
	struct igt_mmgpu_peer_job order = *(const struct igt_mmgpu_peer_job *)data;
	int other;

	theirs->sync_file = igt_mmgpu_run(theirs->file, theirs->bo, &order);
	order.ms /= 4;
	other = igt_mmgpu_run(theirs->file, theirs->bo, &order);
	close(other);
	return 0;
}

static void running_two(void)
{
	struct igt_mmgpu_peer_job order = { .flags = MMGPU_BO_REF_READ, .ms = delay_ms };
	struct igt_mmgpu_peer peer;

	igt_require_f(igt_mmgpu_get_param(own.fd, MMGPU_PARAM_ENGINE_COUNT) >= 2,
		      "one engine only: load the module with engines=2\n");
	peer_enter(&peer, READ, true);
	igt_assert_eq(igt_mmgpu_peer_call(&peer, start_two, -1, &order, sizeof(order)), 0);
	grant(0, peer.seq);
	igt_assert_eq(igt_mmgpu_peer_status(&peer), 1);
	igt_mmgpu_peer_stop(&peer);
}

/* Its mm may be gone; what it started still writes. */
static void running_dead(void)
{
	struct igt_mmgpu_peer_job order = { .flags = MMGPU_BO_REF_READ, .ms = delay_ms };
	struct igt_mmgpu_peer peer;
	int64_t begin;

	igt_mmgpu_peer_start(&peer, own.legacy);
	grant(READ, peer.seq);
	/* In a file that stays open without it. */
	begin = igt_mmgpu_now();
	igt_assert_eq(igt_mmgpu_peer_call(&peer, start_in_owners_file, -1, &order, sizeof(order)),
		      0);
	kill(peer.proc.pid, SIGKILL);
	igt_assert_eq(igt_mmgpu_proc_join(&peer.proc), -SIGKILL);
	grant(0, peer.seq);
	igt_assert_lte_s64(delay_ms * IGT_MMGPU_NSEC_PER_MSEC, igt_mmgpu_now() - begin);
}

/* A job that hangs is waited for until it is killed. */
static void running_hang(void)
{
	uint64_t timeout = igt_mmgpu_get_param(own.fd, MMGPU_PARAM_JOB_TIMEOUT_MS);
	uint64_t longest = igt_mmgpu_get_param(own.fd, MMGPU_PARAM_MAX_DELAY_MS);
	struct igt_mmgpu_peer peer;

	igt_require_f(longest > timeout, "max_delay_ms makes no hang\n");
	peer_enter(&peer, READ_WRITE, true);
	igt_mmgpu_peer_run(&peer, MMGPU_BO_REF_WRITE, longest);
	grant(0, peer.seq);
	igt_assert_eq(igt_mmgpu_peer_status(&peer), -ETIME);
	igt_mmgpu_peer_stop(&peer);
}

/* ---- what is not --------------------------------------------------------------------------------- */

/* Revokes while that job runs, and it still runs when that is done. */
static void does_not_wait(struct igt_mmgpu_peer *revoked, uint32_t left, int sync_file)
{
	grant(left, revoked->seq);
	igt_assert_eq(igt_mmgpu_sync_file_status(sync_file), 0);
}

static void other_grantee(void)
{
	struct igt_mmgpu_peer a, b;

	peer_enter(&a, READ, true);
	peer_enter(&b, READ, true);
	peer_job(&b, MMGPU_BO_REF_READ);
	grant(0, a.seq);
	igt_assert_eq(igt_mmgpu_peer_status(&b), 0);
	igt_assert_eq(igt_mmgpu_peer_result(&b), 1);
	igt_mmgpu_peer_stop(&a);
	igt_mmgpu_peer_stop(&b);
}

static void owners_job(void)
{
	struct igt_mmgpu_peer_job order = { .flags = MMGPU_BO_REF_WRITE, .ms = delay_ms };
	struct igt_mmgpu_peer peer;
	int sync_file;

	peer_enter(&peer, READ, true);
	sync_file = igt_mmgpu_run(own.fd, own.bo, &order);
	does_not_wait(&peer, 0, sync_file);
	close(sync_file);
	igt_mmgpu_peer_stop(&peer);
}

/* That uses nothing of the owner's. */
static int start_own_job(int node, int fd, const void *data)
{
	theirs->sync_file = igt_mmgpu_run(theirs->file, 0, data);
	return 0;
}

static void other_buffer(void)
{
	struct igt_mmgpu_peer_job order = { .ms = delay_ms };
	struct igt_mmgpu_peer peer;

	peer_enter(&peer, READ_WRITE, true);
	igt_assert_eq(igt_mmgpu_peer_call(&peer, start_own_job, -1, &order, sizeof(order)), 0);
	grant(0, peer.seq);
	igt_assert_eq(igt_mmgpu_peer_status(&peer), 0);
	igt_mmgpu_peer_stop(&peer);
}

/* What a reader may do anyway goes on. */
static void narrow_read(void)
{
	struct igt_mmgpu_peer peer;

	peer_enter(&peer, READ_WRITE, true);
	peer_job(&peer, MMGPU_BO_REF_READ);
	grant(READ, peer.seq);
	igt_assert_eq(igt_mmgpu_peer_status(&peer), 0);
	/* Taking the rest waits for it. */
	grant(0, peer.seq);
	igt_assert_eq(igt_mmgpu_peer_status(&peer), 1);
	igt_mmgpu_peer_stop(&peer);
}

/* Nor does widening, or granting the same again. */
static void widen(void)
{
	struct igt_mmgpu_peer peer;

	peer_enter(&peer, READ, true);
	peer_job(&peer, MMGPU_BO_REF_READ);
	grant(READ, peer.seq);
	grant(READ_WRITE, peer.seq);
	grant(READ_WRITE, peer.seq);
	igt_assert_eq(igt_mmgpu_peer_status(&peer), 0);
	igt_mmgpu_peer_stop(&peer);
}

/* ---- signals, and who is stopped -------------------------------------------------------------------- */

static void on_alarm(int sig)
{
}

/* Again and again, as the first may come before the call that it is for; 0 stops that. */
static void alarm_each_ms(uint64_t ms, int flags)
{
	struct sigaction act = { .sa_handler = on_alarm, .sa_flags = flags };
	struct itimerval timer = { { .tv_usec = ms * 1000 }, { .tv_usec = ms * 1000 } };

	sigaction(SIGALRM, &act, NULL);
	igt_assert_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static int revoke_once(uint64_t seq)
{
	struct drm_mmgpu_bo_grant args = { .handle = own.bo, .mm_seq = seq };

	return igt_mmgpu_ioctl_once(own.fd, DRM_IOCTL_MMGPU_BO_GRANT, &args);
}

/* Interrupted it has taken everything and not waited; the next one does. */
static void interrupted(void)
{
	struct igt_mmgpu_peer peer;

	peer_enter(&peer, READ_WRITE, true);
	igt_mmgpu_peer_run(&peer, MMGPU_BO_REF_WRITE, LONG * delay_ms);
	for (int i = 0; i < 2; i++) {
		alarm_each_ms(delay_ms / 8, 0);
		igt_assert_eq(revoke_once(peer.seq), -EINTR);
		alarm_each_ms(0, 0);
		igt_assert_eq(igt_mmgpu_peer_status(&peer), 0);
		igt_assert_eq(igt_mmgpu_peer_access(&peer, own.dmabuf), -EPERM);
	}
	igt_assert_eq(revoke_once(peer.seq), 0);
	igt_assert_eq(igt_mmgpu_peer_status(&peer), 1);
	igt_mmgpu_peer_stop(&peer);
}

static void restarted(void)
{
	struct igt_mmgpu_peer peer;

	peer_enter(&peer, READ_WRITE, true);
	peer_job(&peer, MMGPU_BO_REF_WRITE);
	alarm_each_ms(delay_ms / 8, SA_RESTART);
	igt_assert_eq(revoke_once(peer.seq), 0);
	alarm_each_ms(0, 0);
	igt_assert_eq(igt_mmgpu_peer_status(&peer), 1);
	igt_mmgpu_peer_stop(&peer);
}

static int revoker_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct igt_mmgpu_peer peer;

	igt_mmgpu_private_fini(&own);
	igt_mmgpu_private_init(&own, PAGE);
	peer_enter(&peer, READ_WRITE, true);
	igt_mmgpu_peer_run(&peer, MMGPU_BO_REF_WRITE, *(uint64_t *)data);
	igt_mmgpu_send_fd(self->sock, own.dmabuf);
	grant(0, peer.seq);
	return 0;
}

/* Whether it was gone before the job that it waited for. */
static bool kill_revoker(void)
{
	uint64_t ms = igt_mmgpu_get_param(own.fd, MMGPU_PARAM_JOB_TIMEOUT_MS) * 3 / 4;
	struct igt_mmgpu_proc proc;
	int dmabuf, status;
	bool busy;

	igt_mmgpu_proc_start(&proc, revoker_proc, &ms);
	dmabuf = igt_mmgpu_recv_fd(proc.sock);
	usleep(20000);
	kill(proc.pid, SIGKILL);
	status = igt_mmgpu_proc_join(&proc);
	busy = !igt_mmgpu_poll(dmabuf, POLLOUT);
	/* Not killed at all: it was done already. */
	igt_assert(status == -SIGKILL || !busy);
	close(dmabuf);
	return status == -SIGKILL && busy;
}

/* Who waits can be killed. A kernel may be too slow to show it at once. */
static void killed(void)
{
	int tries = 5;

	while (!kill_revoker())
		igt_assert_f(--tries, "it ends only after the job that it waits for\n");
}

static volatile uint64_t *their_map;

static int map_all(int node, int fd, const void *data)
{
	their_map = igt_mmgpu_bo_map(theirs->file, theirs->bo, 0, PROT_READ | PROT_WRITE);
	for (uint64_t i = 0; i < own.size; i += PAGE)
		their_map[i / 8] = 1;
	return 0;
}

static int touch_map(int node, int fd, const void *data)
{
	/* libigt has a handler that exits. */
	signal(SIGBUS, SIG_DFL);
	return *their_map;
}

/* It does not have to run for its mapping to be gone, and finds it gone when it goes on. */
static void stopped(void)
{
	struct igt_mmgpu_peer peer;
	int64_t begin;
	int status;

	peer_enter(&peer, READ_WRITE, true);
	igt_assert_eq(igt_mmgpu_peer_call(&peer, map_all, -1, NULL, 0), 0);
	kill(peer.proc.pid, SIGSTOP);
	igt_assert_eq(waitpid(peer.proc.pid, &status, WUNTRACED), peer.proc.pid);
	igt_assert(WIFSTOPPED(status));

	begin = igt_mmgpu_now();
	grant(READ, peer.seq);
	grant(0, peer.seq);
	igt_info("revoked from a stopped process in %lld us\n",
		 (long long)(igt_mmgpu_now() - begin) / 1000);

	igt_mmgpu_peer_begin(&peer, touch_map, -1, NULL, 0);
	kill(peer.proc.pid, SIGCONT);
	igt_assert_eq(igt_mmgpu_proc_join(&peer.proc), -SIGBUS);
}

/* Stopped with a job that runs: the job is all that is waited for. */
static void stopped_running(void)
{
	struct igt_mmgpu_peer peer;

	peer_enter(&peer, READ_WRITE, true);
	peer_job(&peer, MMGPU_BO_REF_WRITE);
	kill(peer.proc.pid, SIGSTOP);
	grant(0, peer.seq);
	kill(peer.proc.pid, SIGCONT);
	igt_assert_eq(igt_mmgpu_peer_status(&peer), 1);
	igt_mmgpu_peer_stop(&peer);
}

/* ---- while it waits ------------------------------------------------------------------------------------ */

static void *revoke_thread(void *data)
{
	grant(0, *(uint64_t *)data);
	return NULL;
}

/* Whether all of it was done before the job was. */
static bool go_on_during(uint64_t ms)
{
	struct igt_mmgpu_peer peer, other;
	struct igt_mmgpu_job job;
	pthread_t thread;
	uint64_t *map;
	bool busy;

	peer_enter(&peer, READ_WRITE, true);
	igt_mmgpu_peer_start(&other, own.legacy);
	igt_mmgpu_peer_run(&peer, MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC, ms);
	igt_assert_eq(pthread_create(&thread, NULL, revoke_thread, &peer.seq), 0);
	/* It has begun when the access is gone. */
	while (igt_mmgpu_peer_access(&peer, own.dmabuf) != -EPERM)
		usleep(1000);

	grant(READ_WRITE, other.seq);
	igt_assert_eq(igt_mmgpu_peer_access(&other, own.dmabuf), READ_WRITE);
	grant(0, other.seq);
	map = igt_mmgpu_bo_map(own.fd, own.bo, 0, PROT_READ | PROT_WRITE);
	map[0] = 1;
	munmap(map, own.size);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, own.bo, MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC);
	igt_assert_eq(igt_mmgpu_job_run(own.fd, &job), 0);
	busy = !igt_mmgpu_peer_status(&peer);

	igt_assert_eq(pthread_join(thread, NULL), 0);
	igt_assert_eq(igt_mmgpu_peer_status(&peer), 1);
	igt_mmgpu_peer_stop(&peer);
	igt_mmgpu_peer_stop(&other);
	return busy;
}

/*
 * No lock is held: the owner goes on with the buffer, and others are granted and revoked.
 * A slow kernel needs a longer job to show it.
 */
static void others_go_on(void)
{
	for (uint64_t ms = delay_ms; !go_on_during(ms); ms *= 2)
		igt_assert_f(ms < LONG * delay_ms, "nobody goes on before the job is done\n");
}

static const struct {
	const char *name;
	void (*fn)(void);
	const char *what;
} tests[] = {
	{ "running-read", running_read, "waits for a running job that reads" },
	{ "running-write", running_write, "for one that writes" },
	{ "running-unordered", running_unordered, "for one with NO_IMPLICIT_SYNC" },
	{ "running-elsewhere", running_elsewhere, "for one in somebody else's file" },
	{ "running-two", running_two, "for all of them" },
	{ "running-dead", running_dead, "for one of a grantee that is dead" },
	{ "running-hang", running_hang, "for one that hangs, until the job timeout" },
	{ "narrow-write", narrow_write, "narrowing waits for a running job that writes" },
	{ "narrow-read", narrow_read, "but for none that only reads" },
	{ "widen", widen, "widening waits for nothing" },
	{ "other-grantee", other_grantee, "no wait for another grantee's job" },
	{ "owners-job", owners_job, "nor for the owner's" },
	{ "other-buffer", other_buffer, "nor for one of the grantee's without the buffer" },
	{ "interrupted", interrupted, "a signal ends the wait, the next call waits on" },
	{ "restarted", restarted, "or the same call, by SA_RESTART" },
	{ "killed", killed, "a killed owner does not wait" },
	{ "stopped", stopped, "a stopped grantee cannot hold it up" },
	{ "stopped-running", stopped_running, "nor one with a running job" },
	{ "others-go-on", others_go_on, "who waits holds up nobody else" },
};

int igt_main()
{
	igt_fixture() {
		int fd = igt_mmgpu_open();

		delay_ms = igt_mmgpu_is_slow() ? 1000 : 400;
		igt_require_f(LONG * delay_ms < igt_mmgpu_get_param(fd, MMGPU_PARAM_JOB_TIMEOUT_MS),
			      "a job that is to end would hang\n");
		close(fd);
	}

	for (unsigned int i = 0; i < igt_mmgpu_count(tests); i++) {
		igt_describe(tests[i].what);
		igt_subtest(tests[i].name) {
			igt_mmgpu_private_init(&own, 16 * PAGE);
			tests[i].fn();
			igt_mmgpu_proc_cleanup();
			igt_mmgpu_private_fini(&own);
		}
	}

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
