// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * BIND_MM against everything that makes it impossible, at the same moment. One of the
 * two wins: either the file got something, and cannot be bound, or it is bound, and got
 * nothing. RACE_SECONDS in the environment says how long each race is repeated.
 */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <drm.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_race.h"

IGT_TEST_DESCRIPTION("BIND_MM against concurrent creators of handles, contexts and jobs.");

#define RIVALS_MAX	3

/* How the parties meet. Lies in memory that they share. */
struct ring {
	struct igt_mmgpu_meeting meeting;
	/* Loops that each side waits after the meeting. */
	unsigned int delay_us, delay_them;
	struct {
		int ret;
		uint32_t id;
		uint32_t syncobj;
		unsigned int rounds;
		int closed;
	} rival[RIVALS_MAX];
};

static struct ring *ring;
static double race_seconds;

static void meet(void)
{
	igt_mmgpu_meet(&ring->meeting);
}

static void balance_delays(const struct igt_mmgpu_balance *b)
{
	igt_mmgpu_balance_delays(b, &ring->delay_us, &ring->delay_them);
}

static void balance_report(const struct igt_mmgpu_balance *b, const char *name)
{
	igt_info("%s: %u times bound first, %u times created first\n", name, b->first,
		 b->second);
	igt_assert_f(b->first && b->second, "one side always wins: this is no race\n");
}

/* ---- the creators ------------------------------------------------------------------- */

/* What imports are of: a buffer that everybody may use, in a file of its own. */
static struct {
	int fd;
	int dmabuf;
	uint32_t name;
} source;

static int create_bo(int fd, uint32_t *id, uint32_t syncobj)
{
	return __igt_mmgpu_bo_create(fd, 4096, 0, id);
}

static int create_bo_shared(int fd, uint32_t *id, uint32_t syncobj)
{
	return __igt_mmgpu_bo_create(fd, 4096, MMGPU_BO_SHARED, id);
}

static int create_dumb(int fd, uint32_t *id, uint32_t syncobj)
{
	return __igt_mmgpu_dumb_create(fd, 8, 8, 32, id, NULL, NULL);
}

static int create_import(int fd, uint32_t *id, uint32_t syncobj)
{
	return __igt_mmgpu_import(fd, source.dmabuf, id);
}

static int create_open(int fd, uint32_t *id, uint32_t syncobj)
{
	struct drm_gem_open args = { .name = source.name };
	int ret = igt_mmgpu_ioctl(fd, DRM_IOCTL_GEM_OPEN, &args);

	*id = args.handle;
	return ret;
}

static int create_ctx(int fd, uint32_t *id, uint32_t syncobj)
{
	return __igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY, id);
}

static int create_job(int fd, uint32_t *id, uint32_t syncobj)
{
	struct drm_mmgpu_sync out = { .handle = syncobj };
	struct drm_mmgpu_submit args = {
		.out_syncs = { sizeof(out), 1, (uintptr_t)&out },
	};

	*id = 0;
	return __igt_mmgpu_submit(fd, &args);
}

enum kind { BUFFER, CONTEXT, JOB };

static const struct creator {
	const char *name;
	int (*fn)(int fd, uint32_t *id, uint32_t syncobj);
	enum kind kind;
} creators[] = {
	{ "bo-create", create_bo, BUFFER },
	{ "bo-create-shared", create_bo_shared, BUFFER },
	{ "dumb-create", create_dumb, BUFFER },
	{ "prime-import", create_import, BUFFER },
	{ "gem-open", create_open, BUFFER },
	{ "ctx-create", create_ctx, CONTEXT },
	{ "submit", create_job, JOB },
};

/*
 * The primary node, as its master. On any other file DRM core remembers who called last,
 * and waits for an RCU grace period when that is somebody else: then the parties would
 * come milliseconds apart, and miss the moment that this is about.
 */
static int contested = -1;

static int open_contested(void)
{
	contested = igt_mmgpu_open_primary();
	igt_assert_eq(igt_mmgpu_ioctl(contested, DRM_IOCTL_SET_MASTER, NULL), 0);
	return contested;
}

static void close_contested(void)
{
	close(contested);
	contested = -1;
}

static void start_race(unsigned int parties)
{
	/* What a subtest that failed has left behind. */
	igt_mmgpu_proc_cleanup();
	if (contested >= 0)
		close_contested();

	memset(ring, 0, sizeof(*ring));
	ring->meeting.parties = parties;
}

/* ---- one creation against one bind ----------------------------------------------------- */

static const struct creator *current;

/* Gets each round's file over the socket, so that it is not the opener's twin by fork. */
static int creator_proc(struct igt_mmgpu_proc *self, void *data)
{
	char go;

	for (;;) {
		int fd;

		igt_mmgpu_recv(self->sock, &go, 1);
		if (go != 'y')
			return 0;
		fd = igt_mmgpu_recv_fd(self->sock);
		ring->rival[0].syncobj = igt_mmgpu_syncobj_create(fd);
		meet();
		igt_mmgpu_stall(ring->delay_them);
		ring->rival[0].ret = current->fn(fd, &ring->rival[0].id, ring->rival[0].syncobj);
		close(fd);
		igt_mmgpu_send(self->sock, "", 1);
	}
}

/* Nothing at all in the file that we have bound. */
static void assert_empty(int fd, uint32_t syncobj)
{
	struct drm_mmgpu_ctx_query query;
	struct drm_mmgpu_bo_info info;
	uint32_t handle;

	for (uint32_t id = 1; id < 4; id++) {
		igt_assert_eq(__igt_mmgpu_bo_info(fd, id, &info), -ENOENT);
		igt_assert_eq(__igt_mmgpu_ctx_query(fd, id, &query), -ENOENT);
	}
	igt_mmgpu_ctx_query(fd, 0, &query);
	igt_assert_eq_u64(query.jobs_done, 0);
	if (syncobj)
		igt_assert(!igt_mmgpu_syncobj_has_fence(fd, syncobj));

	/* Not even a number that is taken. */
	handle = igt_mmgpu_bo_create(fd, 4096, 0);
	igt_assert_eq_u32(handle, 1);
}

/* What was created is there, in a file that stayed a legacy one. */
static void assert_created(int fd, enum kind kind)
{
	struct drm_mmgpu_ctx_query query;
	struct drm_mmgpu_bo_info info;

	switch (kind) {
	case BUFFER:
		igt_mmgpu_bo_info(fd, ring->rival[0].id, &info);
		igt_assert_eq_u64(info.mm_seq, 0);
		break;
	case CONTEXT:
		igt_mmgpu_ctx_query(fd, ring->rival[0].id, &query);
		break;
	case JOB:
		igt_assert_eq(igt_mmgpu_syncobj_result(fd, ring->rival[0].syncobj), 0);
		igt_mmgpu_ctx_query(fd, 0, &query);
		igt_assert_eq_u64(query.jobs_done, 1);
		break;
	}
}

static void bind_against(const struct creator *creator)
{
	int64_t end = igt_mmgpu_now() + race_seconds * IGT_MMGPU_NSEC_PER_SEC;
	struct igt_mmgpu_proc rival;
	struct igt_mmgpu_balance balance;
	char byte;

	igt_mmgpu_balance_init(&balance);
	start_race(2);
	current = creator;
	igt_mmgpu_proc_start(&rival, creator_proc, NULL);

	while (igt_mmgpu_now() < end || balance.first + balance.second < 20) {
		struct drm_mmgpu_query_mm query;
		int fd = open_contested();
		uint64_t seq;
		int ret;

		balance_delays(&balance);
		igt_mmgpu_send(rival.sock, "y", 1);
		igt_mmgpu_send_fd(rival.sock, fd);
		meet();
		igt_mmgpu_stall(ring->delay_us);
		ret = __igt_mmgpu_bind_mm(fd, &seq);
		igt_mmgpu_recv(rival.sock, &byte, 1);

		igt_mmgpu_query_mm(fd, 0, &query);
		if (!ret) {
			igt_assert_eq(ring->rival[0].ret, -EPERM);
			igt_assert_eq_u32(query.state, MMGPU_MM_BOUND | MMGPU_MM_OWNER);
			assert_empty(fd, ring->rival[0].syncobj);
		} else {
			igt_assert_eq(ret, -EBUSY);
			igt_assert_eq(ring->rival[0].ret, 0);
			igt_assert_eq_u32(query.state, 0);
			assert_created(fd, creator->kind);
		}
		close_contested();
		igt_mmgpu_balance_result(&balance, !ret);
	}
	igt_mmgpu_send(rival.sock, "n", 1);
	igt_assert_eq(igt_mmgpu_proc_join(&rival), 0);

	balance_report(&balance, creator->name);
}

/* ---- creators in a loop --------------------------------------------------------------------- */

/*
 * Creates and removes until it is refused. What it created it may remove, for as long as
 * that exists nobody can have bound the file.
 */
static int looping_proc(struct igt_mmgpu_proc *self, void *data)
{
	unsigned int me = *(unsigned int *)data;
	int fd = igt_mmgpu_recv_fd(self->sock);
	unsigned int rounds = 0;
	int ret = 0, closed = 0;

	meet();
	do {
		const struct creator *creator = &creators[rounds % igt_mmgpu_count(creators)];
		uint32_t id;

		/*
		 * Jobs would end the game at once, they make EBUSY for ever. And all
		 * imports of one dma-buf share a handle, which one of us would close
		 * under the others.
		 */
		if (creator->kind == JOB || (creator->fn == create_import && me))
			continue;
		ret = creator->fn(fd, &id, 0);
		if (!ret)
			closed = creator->kind == CONTEXT ? __igt_mmgpu_ctx_destroy(fd, id) :
				 __igt_mmgpu_bo_close(fd, id);
		sched_yield();
	} while (!ret && !closed && ++rounds < 5000);

	ring->rival[me].ret = ret;
	ring->rival[me].closed = closed;
	ring->rival[me].rounds = rounds;
	return 0;
}

static void bind_against_loops(unsigned int rivals)
{
	int64_t end = igt_mmgpu_now() + race_seconds * IGT_MMGPU_NSEC_PER_SEC;
	unsigned int games = 0, busy = 0, created = 0;

	while (igt_mmgpu_now() < end || games < 3) {
		struct igt_mmgpu_proc rival[RIVALS_MAX];
		uint64_t seq;
		int fd, ret;

		start_race(rivals + 1);
		fd = open_contested();
		for (unsigned int i = 0; i < rivals; i++) {
			igt_mmgpu_proc_start(&rival[i], looping_proc, &i);
			igt_mmgpu_send_fd(rival[i].sock, fd);
		}
		meet();
		while ((ret = __igt_mmgpu_bind_mm(fd, &seq)) == -EBUSY) {
			busy++;
			sched_yield();
		}
		igt_assert_eq(ret, 0);
		for (unsigned int i = 0; i < rivals; i++) {
			igt_assert_eq(igt_mmgpu_proc_join(&rival[i]), 0);
			/* 0 is who had enough before we had a chance. */
			if (ring->rival[i].ret)
				igt_assert_eq(ring->rival[i].ret, -EPERM);
			igt_assert_eq(ring->rival[i].closed, 0);
			created += ring->rival[i].rounds;
		}
		assert_empty(fd, 0);
		close_contested();
		games++;
	}
	igt_info("%u files bound, after %u times EBUSY and %u creations\n", games, busy, created);
}

/* ---- two that bind ------------------------------------------------------------------------------ */

static int binder_proc(struct igt_mmgpu_proc *self, void *data)
{
	unsigned int me = *(unsigned int *)data;
	struct drm_mmgpu_query_mm query;
	uint64_t seq = 0;
	char go;
	int fd;

	for (;;) {
		igt_mmgpu_recv(self->sock, &go, 1);
		if (go != 'y')
			return 0;
		fd = igt_mmgpu_recv_fd(self->sock);
		meet();
		ring->rival[me].ret = __igt_mmgpu_bind_mm(fd, &seq);
		igt_mmgpu_query_mm(fd, 0, &query);
		igt_assert_eq_u32(query.state, ring->rival[me].ret ? MMGPU_MM_BOUND :
				  MMGPU_MM_BOUND | MMGPU_MM_OWNER);
		if (!ring->rival[me].ret)
			igt_assert_eq_u64(query.bound_mm_seq, seq);
		close(fd);
		igt_mmgpu_send(self->sock, &query.bound_mm_seq, sizeof(query.bound_mm_seq));
	}
}

/* One of them is the owner, the other a stranger, and both know which. */
static void bind_against_bind(void)
{
	int64_t end = igt_mmgpu_now() + race_seconds * IGT_MMGPU_NSEC_PER_SEC;
	unsigned int won[2] = { };
	struct igt_mmgpu_proc rival[2];

	start_race(2);
	for (unsigned int i = 0; i < 2; i++)
		igt_mmgpu_proc_start(&rival[i], binder_proc, &i);

	while (igt_mmgpu_now() < end || won[0] + won[1] < 20) {
		int fd = open_contested();
		uint64_t seq[2];

		for (unsigned int i = 0; i < 2; i++) {
			igt_mmgpu_send(rival[i].sock, "y", 1);
			igt_mmgpu_send_fd(rival[i].sock, fd);
		}
		for (unsigned int i = 0; i < 2; i++)
			igt_mmgpu_recv(rival[i].sock, &seq[i], sizeof(seq[i]));
		igt_assert_eq_u64(seq[0], seq[1]);
		if (ring->rival[0].ret) {
			igt_assert_eq(ring->rival[0].ret, -EPERM);
			igt_assert_eq(ring->rival[1].ret, 0);
			won[1]++;
		} else {
			igt_assert_eq(ring->rival[1].ret, -EPERM);
			won[0]++;
		}
		close_contested();
	}
	for (unsigned int i = 0; i < 2; i++) {
		igt_mmgpu_send(rival[i].sock, "n", 1);
		igt_assert_eq(igt_mmgpu_proc_join(&rival[i]), 0);
	}
	igt_info("won %u to %u\n", won[0], won[1]);
}

/* ---- the same mm ------------------------------------------------------------------------------------ */

struct own_thread {
	const struct creator *creator;
	int fd;
	int ret;
	uint32_t id;
};

static void *own_thread_main(void *data)
{
	struct own_thread *own = data;

	meet();
	igt_mmgpu_stall(ring->delay_them);
	own->ret = own->creator->fn(own->fd, &own->id, 0);
	return NULL;
}

/*
 * A thread of the binder is never refused. Its buffer is private if, and only if, the
 * file is bound: what is made after the bind, or is published after it, is the owner's.
 */
static void bind_against_thread(const struct creator *creator)
{
	int64_t end = igt_mmgpu_now() + race_seconds * IGT_MMGPU_NSEC_PER_SEC;
	struct igt_mmgpu_balance balance;

	igt_mmgpu_balance_init(&balance);
	start_race(2);

	while (igt_mmgpu_now() < end || balance.first + balance.second < 20) {
		struct own_thread own = { .creator = creator, .fd = open_contested() };
		struct drm_mmgpu_bo_info info;
		uint64_t seq = 0;
		pthread_t thread;
		int ret;

		balance_delays(&balance);
		igt_assert_eq(pthread_create(&thread, NULL, own_thread_main, &own), 0);
		meet();
		igt_mmgpu_stall(ring->delay_us);
		ret = __igt_mmgpu_bind_mm(own.fd, &seq);
		igt_assert_eq(pthread_join(thread, NULL), 0);

		igt_assert_eq(own.ret, 0);
		igt_mmgpu_bo_info(own.fd, own.id, &info);
		if (ret) {
			igt_assert_eq(ret, -EBUSY);
			igt_assert_eq_u64(info.mm_seq, 0);
		} else {
			igt_assert_eq_u64(info.mm_seq, seq);
		}
		close_contested();
		igt_mmgpu_balance_result(&balance, !ret);
	}
	balance_report(&balance, creator->name);
}

/* ---- a submission that comes to nothing ----------------------------------------------------- */

struct submitter {
	int fd;
	struct igt_mmgpu_job job;
	int ret;
};

static void *submitter_main(void *data)
{
	struct submitter *submitter = data;

	meet();
	igt_mmgpu_stall(ring->delay_them);
	submitter->ret = __igt_mmgpu_job_submit(submitter->fd, &submitter->job);
	return NULL;
}

/* Whose context goes away under it; then the file can be bound as before. */
static void submit_against_destroy(void)
{
	int64_t end = igt_mmgpu_now() + race_seconds * IGT_MMGPU_NSEC_PER_SEC;
	struct igt_mmgpu_balance balance;

	igt_mmgpu_balance_init(&balance);
	start_race(2);

	while (igt_mmgpu_now() < end || balance.first + balance.second < 20) {
		struct submitter submitter = { .fd = open_contested() };
		uint32_t ctx = igt_mmgpu_ctx_create(submitter.fd, MMGPU_PRIORITY_NORMAL,
						    MMGPU_ENGINE_ANY);
		pthread_t thread;
		uint64_t seq;
		int ret;

		igt_mmgpu_job_init(&submitter.job, ctx);
		balance_delays(&balance);
		igt_assert_eq(pthread_create(&thread, NULL, submitter_main, &submitter), 0);
		meet();
		igt_mmgpu_stall(ring->delay_us);
		igt_mmgpu_ctx_destroy(submitter.fd, ctx);
		igt_assert_eq(pthread_join(thread, NULL), 0);

		ret = __igt_mmgpu_bind_mm(submitter.fd, &seq);
		if (submitter.ret) {
			igt_assert_eq(submitter.ret, -ENOENT);
			igt_assert_eq(ret, 0);
		} else {
			igt_assert_eq(ret, -EBUSY);
		}
		close_contested();
		igt_mmgpu_balance_result(&balance, submitter.ret);
	}
	igt_info("%u times destroyed first, %u times submitted first\n", balance.first,
		 balance.second);
	igt_assert_f(balance.first && balance.second, "one side always wins: this is no race\n");
}

/* ---- seen from outside -------------------------------------------------------------------------------- */

static int watcher_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct drm_mmgpu_query_mm query;
	uint32_t handle;
	char go;
	int fd, ret;

	for (;;) {
		igt_mmgpu_recv(self->sock, &go, 1);
		if (go != 'y')
			return 0;
		fd = igt_mmgpu_recv_fd(self->sock);
		meet();
		/* State and number change together, and only once. */
		do {
			igt_mmgpu_query_mm(fd, 0, &query);
			igt_assert_eq(!query.state, !query.bound_mm_seq);
		} while (!query.state);
		igt_assert_eq_u32(query.state, MMGPU_MM_BOUND);
		ret = __igt_mmgpu_bo_create(fd, 4096, 0, &handle);
		igt_assert_eq(ret, -EPERM);
		close(fd);
		igt_mmgpu_send(self->sock, &query.bound_mm_seq, sizeof(query.bound_mm_seq));
	}
}

static void bind_against_query(void)
{
	int64_t end = igt_mmgpu_now() + race_seconds * IGT_MMGPU_NSEC_PER_SEC;
	struct igt_mmgpu_proc watcher;

	start_race(2);
	igt_mmgpu_proc_start(&watcher, watcher_proc, NULL);
	while (igt_mmgpu_now() < end) {
		int fd = open_contested();
		uint64_t seq;

		igt_mmgpu_send(watcher.sock, "y", 1);
		igt_mmgpu_send_fd(watcher.sock, fd);
		meet();
		igt_mmgpu_bind_mm(fd);
		igt_mmgpu_recv(watcher.sock, &seq, sizeof(seq));
		igt_assert_eq_u64(seq, igt_mmgpu_bind_mm(fd));
		close_contested();
	}
	igt_mmgpu_send(watcher.sock, "n", 1);
	igt_assert_eq(igt_mmgpu_proc_join(&watcher), 0);
}

static int mortal_proc(struct igt_mmgpu_proc *self, void *data)
{
	int fd = igt_mmgpu_open();

	igt_mmgpu_bind_mm(fd);
	igt_mmgpu_send_fd(self->sock, fd);
	meet();
	igt_mmgpu_stall(ring->delay_them);
	return 0;
}

/* EPERM, then ESRCH, and never anything else or back again. */
static void exit_against_ioctl(void)
{
	int64_t end = igt_mmgpu_now() + race_seconds * IGT_MMGPU_NSEC_PER_SEC;
	struct igt_mmgpu_rand rnd;
	unsigned long refused = 0;

	igt_mmgpu_rand_init(&rnd);
	start_race(2);
	while (igt_mmgpu_now() < end) {
		struct drm_mmgpu_ctx_query query;
		struct igt_mmgpu_proc owner;
		int64_t deadline;
		int fd, ret;

		ring->delay_them = igt_mmgpu_rand_range(&rnd, 0, 10000);
		igt_mmgpu_proc_start(&owner, mortal_proc, NULL);
		fd = igt_mmgpu_recv_fd(owner.sock);
		igt_assert_eq(__igt_mmgpu_ctx_query(fd, 0, &query), -EPERM);
		deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);
		meet();
		while ((ret = __igt_mmgpu_ctx_query(fd, 0, &query)) == -EPERM &&
		       igt_mmgpu_now() < deadline)
			refused++;
		for (int i = 0; i < 100; i++) {
			igt_assert_eq(ret, -ESRCH);
			ret = __igt_mmgpu_ctx_query(fd, 0, &query);
		}
		igt_assert_eq(igt_mmgpu_proc_join(&owner), 0);
		close(fd);
	}
	igt_info("%lu times EPERM on the way\n", refused);
}

int igt_main()
{
	igt_fixture() {
		struct drm_gem_flink flink = { };

		race_seconds = igt_mmgpu_race_seconds();
		ring = mmap(NULL, sizeof(*ring), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		igt_assert(ring != MAP_FAILED);

		source.fd = igt_mmgpu_open_primary();
		flink.handle = igt_mmgpu_bo_create(source.fd, 4096, 0);
		igt_assert_eq(igt_mmgpu_ioctl(source.fd, DRM_IOCTL_GEM_FLINK, &flink), 0);
		source.name = flink.name;
		source.dmabuf = igt_mmgpu_export(source.fd, flink.handle);
		/* See open_contested(). */
		igt_mmgpu_ioctl(source.fd, DRM_IOCTL_DROP_MASTER, NULL);
	}

	for (unsigned int i = 0; i < igt_mmgpu_count(creators); i++) {
		igt_describe_f("BIND_MM against %s by another process", creators[i].name);
		igt_subtest(creators[i].name)
			bind_against(&creators[i]);
	}

	igt_describe("BIND_MM against a process that creates and removes all the time");
	igt_subtest("loop")
		bind_against_loops(1);

	igt_describe("BIND_MM against three of them");
	igt_subtest("loops")
		bind_against_loops(3);

	igt_describe("two processes that bind one file");
	igt_subtest("bind")
		bind_against_bind();

	igt_describe("BIND_MM against BO_CREATE by a thread of the same process");
	igt_subtest("thread-bo-create")
		bind_against_thread(&creators[0]);

	igt_describe("BIND_MM against a dumb buffer by a thread of the same process");
	igt_subtest("thread-dumb-create")
		bind_against_thread(&creators[2]);

	igt_describe("a submission that finds its context destroyed does not keep BIND_MM from working");
	igt_subtest("submit-destroyed")
		submit_against_destroy();

	igt_describe("a stranger that looks on sees the file become bound, whole and once");
	igt_subtest("query")
		bind_against_query();

	igt_describe("the owner's exit turns EPERM to ESRCH, once");
	igt_subtest("owner-exit")
		exit_against_ioctl();

	igt_fixture() {
		igt_mmgpu_proc_cleanup();
		close(source.dmabuf);
		close(source.fd);
	}
}
