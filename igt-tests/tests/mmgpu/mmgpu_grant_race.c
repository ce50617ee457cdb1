// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * The end of a grant, and the end of who granted, at the same moment as everything that a
 * grantee does. When a revocation has returned the owner seals the buffer: it writes
 * words that nobody else may see, and looks whether they stay. So whatever of the
 * grantee's comes late, a mapping, a copy or a write, shows. When the owner dies instead,
 * the grantee must not notice.
 *
 * RACE_SECONDS in the environment says how long each race is repeated.
 */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "igt.h"
#include "igt_mmgpu_acts.h"
#include "igt_mmgpu_baseline.h"
#include "igt_mmgpu_small.h"

IGT_TEST_DESCRIPTION("Revocation, and the owner's death, against all that a grantee does.");

#define READ_WRITE	(MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE)

/*
 * Fewer rounds say nothing, nor do any in which always the same side is first; but a kernel
 * that checks itself takes some seconds for ten.
 */
#define MIN_ROUNDS	(igt_mmgpu_is_slow() ? 4 : 10)
#define ENOUGH_ROUNDS	(igt_mmgpu_is_slow() ? 200 : 1000)

/* What a revocation may take on a slow machine, besides a job that it waits for. */
#define SLACK_MS	5000

static struct igt_mmgpu_ring *ring;

/* From the owner's side to the grantee's: descriptors. */
static int link_fd[2];

/* The grantee's part in what is running, and what the owner leaves of the grant. */
static const struct igt_mmgpu_act *act;
static uint32_t left;

/* One balance for each of two kinds of rounds, which take different times. */
static bool is_enough(const struct igt_mmgpu_balance *balance, unsigned int rounds)
{
	ring->owner_first = balance[0].first + balance[1].first;
	ring->guest_first = balance[0].second + balance[1].second;
	if (!atomic_load(&ring->stop) || rounds < MIN_ROUNDS)
		return false;
	return (ring->owner_first && ring->guest_first) || rounds >= ENOUGH_ROUNDS;
}

static void await(const atomic_uint *what, unsigned int round)
{
	igt_mmgpu_ring_await(what, round);
}

/* ---- the grantee ------------------------------------------------------------------------- */

/* From the end of the last round to the next one; false when there is none. */
static bool next_round(unsigned int *round)
{
	ring->guest = "waiting for the next round";
	await(&ring->round, *round + 1);
	*round = atomic_load(&ring->round);
	return *round != IGT_MMGPU_OVER;
}

/* A legacy file is granted to just as well as a bound one. */
static void init_guests(struct igt_mmgpu_guest *guests)
{
	for (unsigned int i = 0; i < 2; i++)
		igt_mmgpu_guest_init(&guests[i], igt_mmgpu_open(), i);
}

static void bury_mortal(int dmabuf, unsigned int round, int stranger)
{
	struct igt_mmgpu_proc mortal;
	int fd;

	fd = igt_mmgpu_act_start_mortal(act, &mortal, dmabuf, round);
	igt_mmgpu_send_fd(link_fd[1], fd);
	close(fd);
	ring->guest = "waiting for the end of one that does not survive";
	igt_mmgpu_act_join_mortal(act, &mortal, round);
	await(&ring->settled, round);
	igt_mmgpu_guest_is_stranger(stranger, dmabuf);
}

static void outlive_grant(struct igt_mmgpu_guest *g)
{
	igt_mmgpu_act_do(act, g);
	act->go_on(g);
	ring->guest = "waiting for the seal";
	await(&ring->settled, g->round);
	ring->guest = "trying what is left";
	igt_mmgpu_guest_is_out(g);
	igt_mmgpu_guest_end(g);
}

/* Whose grant is revoked, by an owner who lives. */
static int guest_proc(struct igt_mmgpu_proc *self, void *data)
{
	int dmabuf = *(int *)data, stranger = igt_mmgpu_open();
	struct igt_mmgpu_guest guests[2], *g;
	unsigned int round = 0;

	init_guests(guests);
	if (!act) {
		atomic_store(&ring->guest_seq, guests[1].seq);
		igt_mmgpu_act_at_random(&guests[1], dmabuf);
		return 0;
	}
	while (next_round(&round)) {
		g = &guests[(round >> 3) & 1];
		g->left = left;
		igt_mmgpu_guest_begin(g, dmabuf, round);
		if (act->mortal)
			bury_mortal(dmabuf, round, stranger);
		else
			outlive_grant(g);
		atomic_store(&ring->probed, round);
	}
	return 0;
}

/* ---- the owner ----------------------------------------------------------------------------- */

struct owner {
	int fd;
	uint64_t seq;
	uint32_t bo;
	volatile uint64_t *map;
};

static void owner_init(struct owner *o)
{
	o->fd = igt_mmgpu_open();
	o->seq = igt_mmgpu_bind_mm(o->fd);
	o->bo = igt_mmgpu_bo_create(o->fd, IGT_MMGPU_GUEST_SIZE, 0);
	o->map = igt_mmgpu_bo_map(o->fd, o->bo, 0, PROT_READ | PROT_WRITE);
}

static void owner_fill(struct owner *o, enum igt_mmgpu_word kind, unsigned int round)
{
	for (unsigned int i = 0; i < IGT_MMGPU_GUEST_WORDS; i++)
		o->map[i] = igt_mmgpu_word(kind, round);
}

static void owner_check_seal(struct owner *o, unsigned int round)
{
	uint64_t sealed = igt_mmgpu_word(IGT_MMGPU_SEALED, round);

	for (unsigned int i = 0; i < IGT_MMGPU_GUEST_WORDS; i++)
		igt_assert_f(o->map[i] == sealed,
			     "round %u: word %u became %#llx when the grant was gone\n", round, i,
			     (unsigned long long)o->map[i]);
}

static void owner_grant(struct owner *o, uint32_t access)
{
	int ret = __igt_mmgpu_bo_grant(o->fd, o->bo, access, atomic_load(&ring->guest_seq));

	igt_assert_eq(ret, 0);
}

/* Now and then it narrows the bystander's grant, which empties everybody's page tables. */
static void *churn(void *data)
{
	struct owner *o = data;
	uint64_t seq = atomic_load(&ring->bystander_seq);
	struct igt_mmgpu_rand rnd = { .state = o->seq };
	int ret = 0;

	while (!ret && atomic_load(&ring->round) != IGT_MMGPU_OVER) {
		ret = __igt_mmgpu_bo_grant(o->fd, o->bo, READ_WRITE, seq) ?:
		      __igt_mmgpu_bo_grant(o->fd, o->bo, MMGPU_ACCESS_READ, seq);
		usleep(igt_mmgpu_rand_range(&rnd, 200, 3000));
	}
	return (void *)(intptr_t)ret;
}

static void on_alarm(int sig)
{
}

/* A signal every now and then, which a revocation that waits must survive. */
static void disturb(unsigned int us)
{
	struct itimerval timer = { { .tv_usec = us }, { .tv_usec = us } };

	igt_assert_eq(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void owner_revoke(struct owner *o, unsigned int round)
{
	int64_t start, took;

	ring->owner = "revoking";
	if (round & 16)
		disturb(300);
	start = igt_mmgpu_now();
	owner_grant(o, left);
	took = igt_mmgpu_now() - start;
	if (round & 16)
		disturb(0);
	if (took > ring->slowest)
		ring->slowest = took;
}

static void owner_round(struct owner *o, unsigned int round, struct igt_mmgpu_balance *balance)
{
	int guest_fd = -1;
	bool first;

	igt_mmgpu_balance_delays(balance, &ring->delay_owner, &ring->delay_guest);
	owner_fill(o, IGT_MMGPU_OPEN, round);
	atomic_store(&ring->round, round);
	if (act->mortal)
		guest_fd = igt_mmgpu_recv_fd(link_fd[0]);
	ring->owner = "waiting for the grantee";
	await(&ring->ready, round);
	ring->owner = "granting";
	owner_grant(o, READ_WRITE);
	atomic_store(&ring->granted, round);

	ring->owner = "meeting";
	igt_mmgpu_meet(&ring->meeting);
	igt_mmgpu_stall(ring->delay_owner);
	owner_revoke(o, round);
	first = act->mortal && !igt_mmgpu_owner_is_gone(guest_fd);
	owner_fill(o, IGT_MMGPU_SEALED, round);
	atomic_store(&ring->settled, round);

	ring->owner = "looking at the seal";
	do {
		owner_check_seal(o, round);
		sched_yield();
	} while (atomic_load(&ring->probed) < round);
	owner_check_seal(o, round);

	if (!act->mortal)
		first = ring->came;
	igt_mmgpu_balance_result(balance, first);
	if (act->mortal) {
		/* It is dead by now, and nothing is to be had for it any more. */
		igt_assert_eq(__igt_mmgpu_bo_grant(o->fd, o->bo, MMGPU_ACCESS_READ,
						   atomic_load(&ring->guest_seq)), -ESRCH);
		owner_grant(o, 0);
		close(guest_fd);
	}
}

/* The words that touches are of, and jobs fill too. */
static void owner_fill_some(struct owner *o, enum igt_mmgpu_word kind, unsigned int round)
{
	for (unsigned int i = 0; i < IGT_MMGPU_GUEST_WORDS; i += IGT_MMGPU_GUEST_PAGE)
		o->map[i] = igt_mmgpu_word(kind, round);
}

static bool owner_finds_all(struct owner *o, enum igt_mmgpu_word kind, unsigned int round)
{
	bool all = true;

	for (unsigned int i = 0; i < IGT_MMGPU_GUEST_WORDS; i += IGT_MMGPU_GUEST_PAGE)
		all &= o->map[i] == igt_mmgpu_word(kind, round);
	return all;
}

static bool storm_is_over(unsigned int rounds)
{
	if (!atomic_load(&ring->stop) || rounds < 10 * MIN_ROUNDS)
		return false;
	return (ring->owner_first && ring->guest_first) || rounds >= 10 * ENOUGH_ROUNDS;
}

/* Nobody waits for anybody here: as many revocations as can be. */
static void owner_storm(struct owner *o)
{
	struct igt_mmgpu_rand rnd;

	igt_mmgpu_rand_init(&rnd);
	for (unsigned int round = 1; !storm_is_over(round); round++) {
		atomic_store(&ring->round, round);
		owner_fill_some(o, IGT_MMGPU_OPEN, round);
		ring->owner = "granting";
		owner_grant(o, READ_WRITE);
		igt_mmgpu_stall(igt_mmgpu_rand_range(&rnd, 0, 20000));
		/* Now and then long enough for jobs to run and to queue up. */
		if (round % 8 == 0)
			usleep(igt_mmgpu_rand_range(&rnd, 0, 2000));
		if (owner_finds_all(o, IGT_MMGPU_OPEN, round))
			ring->owner_first++;
		else
			ring->guest_first++;
		owner_revoke(o, round);
		owner_fill_some(o, IGT_MMGPU_SEALED, round);
		for (unsigned int i = igt_mmgpu_rand_range(&rnd, 1, 100); i; i--)
			igt_assert_f(owner_finds_all(o, IGT_MMGPU_SEALED, round),
				     "round %u: a write came when the grant was gone\n", round);
	}
}

static void owner_rounds(struct owner *o)
{
	struct igt_mmgpu_balance balance[2];
	unsigned int round = 0;

	for (unsigned int i = 0; i < 2; i++)
		igt_mmgpu_balance_init(&balance[i]);
	while (!is_enough(balance, round)) {
		round++;
		owner_round(o, round, &balance[round & 1]);
	}
}

static void await_bystander(void)
{
	while (!atomic_load(&ring->bystander_seq))
		usleep(100);
}

static int owner_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct sigaction alarmed = { .sa_handler = on_alarm };
	struct owner o;
	pthread_t thread;
	void *ret;

	owner_init(&o);
	sigaction(SIGALRM, &alarmed, NULL);
	igt_mmgpu_send_fd(self->sock, igt_mmgpu_export(o.fd, o.bo));
	await_bystander();
	igt_assert_eq(__igt_mmgpu_bo_grant(o.fd, o.bo, MMGPU_ACCESS_READ,
					   atomic_load(&ring->bystander_seq)), 0);
	igt_assert_eq(pthread_create(&thread, NULL, churn, &o), 0);

	if (act) {
		owner_rounds(&o);
	} else {
		/* Once, as the grantee stays the same. */
		while (!atomic_load(&ring->guest_seq))
			usleep(100);
		owner_storm(&o);
	}

	atomic_store(&ring->round, IGT_MMGPU_OVER);
	igt_assert_eq(pthread_join(thread, &ret), 0);
	igt_assert_eq((intptr_t)ret, 0);
	atomic_store(&ring->quiet, true);
	return 0;
}

/* Who may read all the time, and must not notice anything. */
static int bystander_proc(struct igt_mmgpu_proc *self, void *data)
{
	int dmabuf = *(int *)data, fd = igt_mmgpu_open();
	uint32_t own = igt_mmgpu_bo_create(fd, 4096, 0);
	volatile uint64_t *map = MAP_FAILED;
	struct drm_mmgpu_query_mm query;
	struct igt_mmgpu_guest g;
	struct igt_mmgpu_job job;
	uint32_t bo, theirs;
	uint64_t word;

	igt_mmgpu_guest_init(&g, fd, false);
	igt_mmgpu_query_mm(fd, 0, &query);
	atomic_store(&ring->bystander_seq, query.caller_mm_seq);
	await(&ring->round, 1);
	bo = igt_mmgpu_import(fd, dmabuf);
	map = igt_mmgpu_bo_map(fd, bo, 0, PROT_READ);
	igt_mmgpu_job_init(&job, 0);
	theirs = igt_mmgpu_job_bo(&job, bo, MMGPU_BO_REF_READ | MMGPU_BO_REF_NO_IMPLICIT_SYNC);
	igt_mmgpu_cmd_copy(&job, igt_mmgpu_job_bo(&job, own, MMGPU_BO_REF_WRITE), 0, theirs, 0,
			   4096);

	/* Longer than anybody grants it anything. */
	while (!atomic_load(&ring->quiet)) {
		ring->bystander = "reading its mapping";
		for (unsigned int i = 0; i < IGT_MMGPU_GUEST_WORDS; i += IGT_MMGPU_GUEST_PAGE)
			igt_assert_eq(igt_mmgpu_touch(&map[i], false, &word), 0);
		ring->bystander = "reading by a job";
		igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
		usleep(300);
	}
	return 0;
}

/* ---- an owner who dies --------------------------------------------------------------------------- */

/* Of this round's, as the grantee has them. */
struct legacy {
	int dmabuf;
	int owner_fd;
};

static void dying_revokes(struct owner *o)
{
	for (;;) {
		owner_grant(o, 0);
		owner_grant(o, READ_WRITE);
	}
}

static int dying_owner(struct igt_mmgpu_proc *self, void *data)
{
	unsigned int round = *(unsigned int *)data;
	struct owner o;

	owner_init(&o);
	owner_fill(&o, IGT_MMGPU_OPEN, round);
	igt_mmgpu_send_fd(link_fd[0], igt_mmgpu_export(o.fd, o.bo));
	igt_mmgpu_send_fd(link_fd[0], o.fd);
	await(&ring->ready, round);
	owner_grant(&o, READ_WRITE);
	atomic_store(&ring->granted, round);
	igt_mmgpu_meet(&ring->meeting);
	igt_mmgpu_stall(ring->delay_owner);
	if (!act)
		dying_revokes(&o);
	raise(SIGKILL);
	return 0;
}

/* Lets one owner after the other live and die. */
static int undertaker_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct igt_mmgpu_balance balance[2];
	unsigned int round = 0;

	for (unsigned int i = 0; i < 2; i++)
		igt_mmgpu_balance_init(&balance[i]);
	while (!is_enough(balance, round)) {
		struct igt_mmgpu_balance *b = &balance[++round & 1];
		struct igt_mmgpu_proc owner;

		igt_mmgpu_balance_delays(b, &ring->delay_owner, &ring->delay_guest);
		ring->owner = "starting an owner";
		igt_mmgpu_proc_start(&owner, dying_owner, &round);
		atomic_store(&ring->round, round);
		if (!act) {
			ring->owner = "killing the owner in the middle of a revocation";
			igt_mmgpu_meet(&ring->meeting);
			usleep(igt_mmgpu_rand_range(&b->rnd, 0, 4000));
			igt_assert_eq(kill(owner.pid, SIGKILL), 0);
		}
		ring->owner = "waiting for the owner's end";
		igt_assert_eq(igt_mmgpu_proc_join(&owner), -SIGKILL);
		atomic_store(&ring->settled, round);
		ring->owner = "waiting for the grantee";
		await(&ring->probed, round);
		igt_mmgpu_balance_result(b, ring->came);
	}
	atomic_store(&ring->round, IGT_MMGPU_OVER);
	return 0;
}

/* What dies with its owner at once leaves nothing to look at but a dma-buf. */
static void outlive_mortal(struct legacy *legacy, unsigned int round, int stranger)
{
	struct igt_mmgpu_proc mortal;
	int fd;

	fd = igt_mmgpu_act_start_mortal(act, &mortal, legacy->dmabuf, round);
	ring->guest = "looking who dies first";
	do
		ring->came = igt_mmgpu_owner_is_gone(legacy->owner_fd);
	while (!ring->came && !igt_mmgpu_owner_is_gone(fd));
	ring->guest = "waiting for the end of one that does not survive";
	igt_mmgpu_act_join_mortal(act, &mortal, round);
	await(&ring->settled, round);
	igt_mmgpu_guest_is_stranger(stranger, legacy->dmabuf);
	close(fd);
}

/* Everything goes on as if nothing had happened. */
static void outlive_owner(struct igt_mmgpu_guest *g, struct legacy *legacy)
{
	igt_mmgpu_act_do(act, g);
	igt_assert_f(!ring->came, "round %u: %s gave %d when the owner died\n", g->round,
		     act->name, ring->came);
	ring->came = igt_mmgpu_owner_is_gone(legacy->owner_fd);
	act->go_on(g);
	ring->guest = "waiting for the owner's end";
	await(&ring->settled, g->round);
	ring->guest = "trying what it has";
	igt_mmgpu_guest_is_in(g);
	igt_mmgpu_guest_end(g);
}

/* Whether the last thing that the owner did was to grant or to revoke, and all doors agree. */
static bool is_in(struct igt_mmgpu_guest *g)
{
	struct drm_mmgpu_bo_info info;
	int ret = __igt_mmgpu_bo_info(g->fd, g->bo, &info);

	for (int i = 0; i < 3; i++) {
		if (ret)
			igt_mmgpu_guest_is_out(g);
		else
			igt_mmgpu_guest_is_in(g);
		usleep(100);
	}
	return !ret;
}

static void outlive_revocations(struct igt_mmgpu_guest *g)
{
	ring->guest = "waiting for the grant";
	atomic_store(&ring->guest_seq, g->seq);
	atomic_store(&ring->ready, g->round);
	await(&ring->granted, g->round);
	igt_assert_eq(igt_mmgpu_guest_import(g), 0);
	igt_assert_eq(igt_mmgpu_guest_map(g, true), 0);
	igt_mmgpu_meet(&ring->meeting);

	ring->guest = "using what it has, now and then";
	while (atomic_load(&ring->settled) < g->round) {
		int sig = igt_mmgpu_guest_touch(g, -1);
		int ret = igt_mmgpu_guest_submit(g, igt_mmgpu_rand(&g->rnd) % IGT_MMGPU_ACT_JOB_NS);

		if (g->jobs == IGT_MMGPU_GUEST_JOBS)
			igt_mmgpu_guest_end_jobs(g);
		igt_assert_f(!sig || sig == SIGBUS, "a touch gave signal %d\n", sig);
		igt_assert_f(!ret || ret == -EPERM, "a submission gave %d\n", ret);
	}
	ring->guest = "trying what it has";
	igt_mmgpu_guest_end_jobs(g);
	ring->came = !is_in(g);
	igt_mmgpu_guest_end(g);
}

static int heir_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct igt_mmgpu_guest guests[2], *g;
	int stranger = igt_mmgpu_open();
	unsigned int round = 0;

	init_guests(guests);
	while (next_round(&round)) {
		struct legacy legacy;

		legacy.dmabuf = igt_mmgpu_recv_fd(link_fd[1]);
		legacy.owner_fd = igt_mmgpu_recv_fd(link_fd[1]);
		g = &guests[(round >> 3) & 1];
		igt_mmgpu_guest_begin(g, legacy.dmabuf, round);
		if (!act)
			outlive_revocations(g);
		else if (act->mortal)
			outlive_mortal(&legacy, round, stranger);
		else
			outlive_owner(g, &legacy);
		close(legacy.dmabuf);
		close(legacy.owner_fd);
		atomic_store(&ring->probed, round);
	}
	return 0;
}

/* ---- the races --------------------------------------------------------------------------------------- */

static struct igt_mmgpu_baseline before;

static void begin(const struct igt_mmgpu_act *which, unsigned int parties)
{
	/* What a subtest that failed has left behind. */
	igt_mmgpu_proc_cleanup();
	if (link_fd[0]) {
		close(link_fd[0]);
		close(link_fd[1]);
	}
	igt_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link_fd), 0);
	act = which;
	memset(ring, 0, sizeof(*ring));
	ring->meeting.parties = parties;
	igt_mmgpu_baseline_take(&before);
}

static void end(const char *who)
{
	igt_info("%s first %u times, the grantee %u times\n", who, ring->owner_first,
		 ring->guest_first);
	igt_mmgpu_baseline_assert(&before);
	igt_assert_f(ring->owner_first && ring->guest_first,
		     "one side always wins: this is no race\n");
}

static void revoke_against(const struct igt_mmgpu_act *which, uint32_t access)
{
	struct igt_mmgpu_party parties[] = {
		{ "owner", &ring->owner },
		{ "grantee", &ring->guest },
		{ "bystander", &ring->bystander },
	};
	uint64_t timeout_ms;
	int fd, dmabuf;

	begin(which, 2);
	left = access;
	igt_mmgpu_proc_start(&parties[0].proc, owner_proc, NULL);
	dmabuf = igt_mmgpu_recv_fd(parties[0].proc.sock);
	igt_mmgpu_proc_start(&parties[1].proc, guest_proc, &dmabuf);
	igt_mmgpu_proc_start(&parties[2].proc, bystander_proc, &dmabuf);
	close(dmabuf);
	igt_mmgpu_supervise(parties, igt_mmgpu_count(parties), &ring->round, &ring->stop,
			    igt_mmgpu_race_seconds());
	end("the owner was");

	fd = igt_mmgpu_open();
	timeout_ms = igt_mmgpu_get_param(fd, MMGPU_PARAM_JOB_TIMEOUT_MS);
	close(fd);
	igt_info("the slowest revocation took %.1f ms\n",
		 (double)ring->slowest / IGT_MMGPU_NSEC_PER_MSEC);
	igt_assert_lt_s64(ring->slowest / IGT_MMGPU_NSEC_PER_MSEC, timeout_ms + SLACK_MS);
}

static void death_against(const struct igt_mmgpu_act *which)
{
	struct igt_mmgpu_party parties[] = {
		{ "owner's undertaker", &ring->owner },
		{ "grantee", &ring->guest },
	};

	begin(which, which ? 2 : 3);
	igt_mmgpu_proc_start(&parties[0].proc, undertaker_proc, NULL);
	igt_mmgpu_proc_start(&parties[1].proc, heir_proc, NULL);
	igt_mmgpu_supervise(parties, igt_mmgpu_count(parties), &ring->round, &ring->stop,
			    igt_mmgpu_race_seconds());
	end(which ? "the owner's death was" : "the owner died revoked");
}

int igt_main()
{
	igt_fixture() {
		close(igt_mmgpu_open());
		ring = igt_mmgpu_ring();
	}

	for (unsigned int i = 0; i < IGT_MMGPU_ACTS; i++) {
		igt_describe_f("a revocation against the grantee's %s", igt_mmgpu_acts[i].name);
		igt_subtest_f("revoke-%s", igt_mmgpu_acts[i].name)
			revoke_against(&igt_mmgpu_acts[i], 0);
	}

	igt_describe("revocations all the time, against a grantee that does everything");
	igt_subtest("revoke-storm")
		revoke_against(NULL, 0);

	/* The two that write. */
	for (unsigned int i = 0; i < 2; i++) {
		igt_describe_f("narrowing to reading against the grantee's %s",
			       igt_mmgpu_acts[i].name);
		igt_subtest_f("narrow-%s", igt_mmgpu_acts[i].name)
			revoke_against(&igt_mmgpu_acts[i], MMGPU_ACCESS_READ);
	}

	for (unsigned int i = 0; i < IGT_MMGPU_ACTS; i++) {
		igt_describe_f("the owner is killed, against the grantee's %s",
			       igt_mmgpu_acts[i].name);
		igt_subtest_f("death-%s", igt_mmgpu_acts[i].name)
			death_against(&igt_mmgpu_acts[i]);
	}

	igt_describe("the owner is killed in the middle of granting and revoking");
	igt_subtest("death-revoke")
		death_against(NULL);

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
