// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu_acts.h"

/* ---- the ring --------------------------------------------------------------------------- */

static struct igt_mmgpu_ring *ring;
static int ring_fd;

struct igt_mmgpu_ring *igt_mmgpu_ring(void)
{
	if (ring)
		return ring;
	ring_fd = memfd_create("ring", MFD_CLOEXEC);
	igt_assert_fd(ring_fd);
	igt_assert_eq(ftruncate(ring_fd, sizeof(*ring)), 0);
	ring = mmap(NULL, sizeof(*ring), PROT_READ | PROT_WRITE, MAP_SHARED, ring_fd, 0);
	igt_assert(ring != MAP_FAILED);
	return ring;
}

void igt_mmgpu_ring_await(const atomic_uint *what, unsigned int round)
{
	for (unsigned int spins = 0; atomic_load(what) < round; spins++) {
		if (spins < 200)
			sched_yield();
		else
			usleep(50);
	}
}

static bool is_settled(const struct igt_mmgpu_guest *g)
{
	return atomic_load(&ring->settled) >= g->round;
}

/* ---- what it does ------------------------------------------------------------------------- */

static void prepare_nothing(struct igt_mmgpu_guest *g)
{
}

static void prepare_import(struct igt_mmgpu_guest *g)
{
	igt_assert_eq(igt_mmgpu_guest_import(g), 0);
}

static void prepare_map(struct igt_mmgpu_guest *g)
{
	prepare_import(g);
	/* To who may read all the time nothing happens but where it may write. */
	igt_assert_eq(igt_mmgpu_guest_map(g, g->left || (g->round & 4)), 0);
}

static void prepare_pages(struct igt_mmgpu_guest *g)
{
	prepare_map(g);
	for (int i = 0; i < IGT_MMGPU_GUEST_PAGES; i++)
		igt_assert_eq(igt_mmgpu_guest_touch(g, i), 0);
}

/* Every other time with jobs: one that runs, and some that wait. */
static void prepare_all(struct igt_mmgpu_guest *g)
{
	prepare_pages(g);
	for (int i = 0; (g->round & 1) && i < IGT_MMGPU_GUEST_JOBS; i++)
		igt_assert_eq(igt_mmgpu_guest_submit(g, IGT_MMGPU_ACT_JOB_NS), 0);
}

static int act_fault(struct igt_mmgpu_guest *g)
{
	return igt_mmgpu_guest_touch(g, g->round % IGT_MMGPU_GUEST_PAGES);
}

static int act_submit(struct igt_mmgpu_guest *g)
{
	return igt_mmgpu_guest_submit(g, igt_mmgpu_rand(&g->rnd) % IGT_MMGPU_ACT_JOB_NS);
}

static int act_import(struct igt_mmgpu_guest *g)
{
	return igt_mmgpu_guest_import(g);
}

static int act_mmap(struct igt_mmgpu_guest *g)
{
	return igt_mmgpu_guest_map(g, g->round & 4) ?: igt_mmgpu_guest_touch(g, -1);
}

/* Never in, whatever becomes of its parent's grant. */
static int forked(struct igt_mmgpu_proc *self, void *data)
{
	struct igt_mmgpu_guest *g = data;
	uint64_t word;

	for (int i = 0; i < 2; i++) {
		igt_assert_eq(igt_mmgpu_touch(&g->map[0], false, &word), SIGSEGV);
		igt_mmgpu_guest_is_stranger(igt_mmgpu_reopen(g->fd), g->dmabuf);
		igt_assert_eq(igt_mmgpu_guest_submit(g, 0), -EPERM);
		igt_mmgpu_ring_await(&ring->settled, g->round);
	}
	return 0;
}

static struct igt_mmgpu_proc child;

static int act_fork(struct igt_mmgpu_guest *g)
{
	igt_mmgpu_proc_start(&child, forked, g);
	return igt_mmgpu_guest_touch(g, -1);
}

static int act_exit(struct igt_mmgpu_guest *g)
{
	if (g->round & 8)
		raise(SIGKILL);
	_exit(0);
}

#define EXEC_ENV	"IGT_MMGPU_RING"

/* Mostly a program that ends at once, as loading ours takes a hundred times as long. */
static int act_exec(struct igt_mmgpu_guest *g)
{
	char *argv[] = { (char *)"true", NULL }, text[64], *env[] = { text, NULL };

	snprintf(text, sizeof(text), EXEC_ENV "=%d %d %u", ring_fd, g->dmabuf, g->round);
	if (g->round % 8)
		execv("/bin/true", argv);
	fcntl(ring_fd, F_SETFD, 0);
	fcntl(g->dmabuf, F_SETFD, 0);
	execve("/proc/self/exe", argv, env);
	return -errno;
}

/* Before main(): the new program, which has the dma-buf and nothing to show for it. */
static void __attribute__((constructor)) executed(void)
{
	struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ };
	const char *text = getenv(EXEC_ENV);
	unsigned int round;
	int fd, dmabuf;
	void *map;

	if (!text || sscanf(text, "%d %d %u", &fd, &dmabuf, &round) != 3)
		return;
	ring = mmap(NULL, sizeof(*ring), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ring == MAP_FAILED)
		_exit(1);
	for (int i = 0; i < 2; i++) {
		map = mmap(NULL, IGT_MMGPU_GUEST_SIZE, PROT_READ, MAP_SHARED, dmabuf, 0);
		if (map != MAP_FAILED || errno != EPERM)
			_exit(2);
		if (!ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &sync) || errno != EPERM)
			_exit(3);
		igt_mmgpu_ring_await(&ring->settled, round);
	}
	_exit(0);
}

static void go_on_waiting(struct igt_mmgpu_guest *g)
{
}

static void go_on_touching(struct igt_mmgpu_guest *g)
{
	while (g->map && !is_settled(g))
		if (igt_mmgpu_guest_touch(g, -1))
			break;
}

static void go_on_submitting(struct igt_mmgpu_guest *g)
{
	while (!is_settled(g) && g->jobs < IGT_MMGPU_GUEST_JOBS)
		if (act_submit(g))
			break;
}

static void go_on_with_child(struct igt_mmgpu_guest *g)
{
	go_on_touching(g);
	igt_mmgpu_ring_await(&ring->settled, g->round);
	igt_assert_eq(igt_mmgpu_proc_join(&child), 0);
}

const struct igt_mmgpu_act igt_mmgpu_acts[IGT_MMGPU_ACTS] = {
	{ "fault", prepare_map, act_fault, go_on_touching },
	{ "submit", prepare_import, act_submit, go_on_submitting },
	{ "import", prepare_nothing, act_import, go_on_waiting },
	{ "mmap", prepare_import, act_mmap, go_on_touching },
	{ "fork", prepare_pages, act_fork, go_on_with_child },
	{ "exit", prepare_all, act_exit, go_on_waiting, .mortal = true },
	{ "exec", prepare_all, act_exec, go_on_waiting, .mortal = true },
};

/* ---- who does it ----------------------------------------------------------------------------- */

void igt_mmgpu_act_do(const struct igt_mmgpu_act *act, struct igt_mmgpu_guest *g)
{
	ring->guest = "waiting for the grant";
	atomic_store(&ring->guest_seq, g->seq);
	atomic_store(&ring->ready, g->round);
	igt_mmgpu_ring_await(&ring->granted, g->round);
	ring->guest = "preparing";
	act->prepare(g);
	ring->guest = "meeting";
	igt_mmgpu_meet(&ring->meeting);
	igt_mmgpu_stall(ring->delay_guest);
	ring->guest = act->name;
	ring->came = act->act(g);
}

/* One page after the other, and each for a while, as an entry that's late comes to stay. */
static void touch_for_a_while(struct igt_mmgpu_guest *g)
{
	for (int page = 0; page < IGT_MMGPU_GUEST_PAGES; page++) {
		for (int i = 0; i < 64; i++) {
			int sig = igt_mmgpu_guest_touch(g, page);

			igt_assert_f(!sig || sig == SIGBUS, "a touch gave signal %d\n", sig);
			if (sig)
				break;
		}
	}
}

static void submit_one(struct igt_mmgpu_guest *g)
{
	int ret;

	if (!g->bo)
		igt_mmgpu_guest_import(g);
	if (!g->bo)
		return;
	ret = igt_mmgpu_guest_submit(g, igt_mmgpu_rand(&g->rnd) % (IGT_MMGPU_ACT_JOB_NS / 10));
	igt_assert_f(!ret || ret == -EPERM, "a submission gave %d\n", ret);
	if (g->jobs == IGT_MMGPU_GUEST_JOBS)
		igt_mmgpu_guest_end_jobs(g);
}

void igt_mmgpu_act_at_random(struct igt_mmgpu_guest *g, int dmabuf)
{
	unsigned int round = 0;

	igt_mmgpu_guest_begin(g, dmabuf, round);
	while (atomic_load(&ring->round) != IGT_MMGPU_OVER) {
		int ret;

		g->round = ++round;
		ring->guest = "mapping";
		ret = igt_mmgpu_guest_map(g, round & 4);
		igt_assert_f(!ret || ret == -EPERM, "mmap gave %d\n", ret);
		ring->guest = "touching";
		if (!ret)
			touch_for_a_while(g);
		ring->guest = "submitting";
		if (round % 4 == 0)
			submit_one(g);
		if (g->map)
			munmap((void *)g->map, IGT_MMGPU_GUEST_SIZE);
		g->map = NULL;
		/* The next import is of a handle that is not there. */
		if (round % 64 == 0)
			igt_mmgpu_guest_end(g);
	}
	igt_mmgpu_guest_end_jobs(g);
	igt_mmgpu_guest_end(g);
}

struct mortal {
	const struct igt_mmgpu_act *act;
	int dmabuf;
	unsigned int round;
};

static int mortal_proc(struct igt_mmgpu_proc *self, void *data)
{
	const struct mortal *mortal = data;
	struct igt_mmgpu_guest g;

	igt_mmgpu_guest_init(&g, igt_mmgpu_open(), true);
	igt_mmgpu_send_fd(self->sock, g.fd);
	igt_mmgpu_guest_begin(&g, mortal->dmabuf, mortal->round);
	igt_mmgpu_act_do(mortal->act, &g);
	igt_assert_f(false, "it survived: %d\n", ring->came);
	return 0;
}

int igt_mmgpu_act_start_mortal(const struct igt_mmgpu_act *act, struct igt_mmgpu_proc *proc,
			       int dmabuf, unsigned int round)
{
	struct mortal mortal = { act, dmabuf, round };

	ring->guest = "starting one that does not survive";
	igt_mmgpu_proc_start(proc, mortal_proc, &mortal);
	return igt_mmgpu_recv_fd(proc->sock);
}

void igt_mmgpu_act_join_mortal(const struct igt_mmgpu_act *act, struct igt_mmgpu_proc *proc,
			       unsigned int round)
{
	int code = igt_mmgpu_proc_join(proc);

	igt_assert_f(!code || (act->act == act_exit && code == -SIGKILL),
		     "round %u: who does not survive ended with %d\n", round, code);
}

bool igt_mmgpu_owner_is_gone(int fd)
{
	struct drm_mmgpu_query_mm query;

	igt_mmgpu_query_mm(fd, 0, &query);
	return query.state & MMGPU_MM_GONE;
}
