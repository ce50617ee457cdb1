// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <linux/dma-buf.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu_guest.h"

#define PAGE_BYTES	(IGT_MMGPU_GUEST_PAGE * sizeof(uint64_t))

/* Far from everything, so that a first fault has page tables to allocate. */
#define FAR_AWAY	((void *)0x600000000000)

/* ---- faults ---------------------------------------------------------------------- */

static sigjmp_buf fault_env;
static volatile sig_atomic_t fault_expected;

static void on_fault(int sig)
{
	if (fault_expected)
		siglongjmp(fault_env, sig);
	signal(sig, SIG_DFL);
}

static void catch_faults(void)
{
	/* Not blocked in the handler, so there is nothing to be restored by the jump. */
	struct sigaction act = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &act, NULL);
	sigaction(SIGSEGV, &act, NULL);
}

int igt_mmgpu_touch(volatile uint64_t *at, bool write, uint64_t *value)
{
	int sig;

	fault_expected = 1;
	sig = sigsetjmp(fault_env, 0);
	if (!sig) {
		if (write)
			*at = *value;
		else
			*value = *at;
	}
	fault_expected = 0;
	return sig;
}

static bool may_see(const struct igt_mmgpu_guest *g, uint64_t word)
{
	return !igt_mmgpu_word_is(word, IGT_MMGPU_SEALED) || (g->left & MMGPU_ACCESS_READ);
}

int igt_mmgpu_guest_touch(struct igt_mmgpu_guest *g, int page)
{
	bool write = g->writable && (igt_mmgpu_rand(&g->rnd) & 1);
	uint64_t word = igt_mmgpu_word(IGT_MMGPU_MARK, g->round);
	uint32_t at;
	int sig;

	at = page < 0 ? igt_mmgpu_rand(&g->rnd) % IGT_MMGPU_GUEST_WORDS :
			page * IGT_MMGPU_GUEST_PAGE;
	sig = igt_mmgpu_touch(&g->map[at], write, &word);
	igt_assert_f(sig || write || may_see(g, word),
		     "round %u: the mapping shows %#llx, written when the grant was gone\n",
		     g->round, (unsigned long long)word);
	return sig;
}

/* ---- the guest --------------------------------------------------------------------- */

void igt_mmgpu_guest_init(struct igt_mmgpu_guest *g, int fd, bool bind)
{
	struct drm_mmgpu_query_mm query;

	memset(g, 0, sizeof(*g));
	g->fd = fd;
	g->dmabuf = -1;
	g->rnd.state = igt_mmgpu_now();
	if (bind) {
		igt_mmgpu_bind_mm(g->fd);
		g->svm = igt_mmgpu_get_param(g->fd, MMGPU_PARAM_SVM);
	}
	igt_mmgpu_query_mm(g->fd, MMGPU_QUERY_MM_ASSIGN, &query);
	g->seq = query.caller_mm_seq;
	g->own = igt_mmgpu_bo_create(g->fd, IGT_MMGPU_GUEST_JOBS * PAGE_BYTES, 0);
	g->own_map = igt_mmgpu_bo_map(g->fd, g->own, 0, PROT_READ | PROT_WRITE);
	g->memory = mmap(NULL, IGT_MMGPU_GUEST_JOBS * PAGE_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(g->memory != MAP_FAILED);
	for (unsigned int i = 0; i < 2; i++)
		g->ctx[i] = igt_mmgpu_ctx_create(g->fd, 0, MMGPU_ENGINE_ANY);
	for (unsigned int i = 0; i < IGT_MMGPU_GUEST_JOBS; i++)
		g->syncobj[i] = igt_mmgpu_syncobj_create(g->fd);
	catch_faults();
}

void igt_mmgpu_guest_begin(struct igt_mmgpu_guest *g, int dmabuf, unsigned int round)
{
	g->dmabuf = dmabuf;
	g->round = round;
	g->jobs = 0;
	memset(g->own_map, 0, IGT_MMGPU_GUEST_JOBS * PAGE_BYTES);
	memset(g->memory, 0, IGT_MMGPU_GUEST_JOBS * PAGE_BYTES);
}

void igt_mmgpu_guest_end(struct igt_mmgpu_guest *g)
{
	if (g->map)
		munmap((void *)g->map, IGT_MMGPU_GUEST_SIZE);
	if (g->bo)
		igt_mmgpu_bo_close(g->fd, g->bo);
	g->map = NULL;
	g->bo = 0;
}

int igt_mmgpu_guest_import(struct igt_mmgpu_guest *g)
{
	return __igt_mmgpu_import(g->fd, g->dmabuf, &g->bo);
}

int igt_mmgpu_guest_map(struct igt_mmgpu_guest *g, bool writable)
{
	int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ, fd = g->dmabuf;
	struct drm_mmgpu_bo_info info = { };
	void *map;
	int ret;

	if (g->bo && (g->round & 1)) {
		ret = __igt_mmgpu_bo_info(g->fd, g->bo, &info);
		if (ret)
			return ret;
		fd = g->fd;
	}
	map = mmap(FAR_AWAY, IGT_MMGPU_GUEST_SIZE, prot, MAP_SHARED | MAP_FIXED_NOREPLACE, fd,
		   info.mmap_offset);
	if (map == MAP_FAILED)
		return -errno;
	g->map = map;
	g->writable = writable;
	return 0;
}

int igt_mmgpu_guest_submit(struct igt_mmgpu_guest *g, uint64_t delay_ns)
{
	uint32_t in_parallel = g->round & 2 ? MMGPU_BO_REF_NO_IMPLICIT_SYNC : 0;
	uint64_t mark = igt_mmgpu_word(IGT_MMGPU_MARK, g->round);
	unsigned int page[3], slot = g->jobs % IGT_MMGPU_GUEST_JOBS;
	static struct igt_mmgpu_job job;
	struct drm_mmgpu_cmd *copy;
	uint32_t bo, own;
	int ret;

	for (unsigned int i = 0; i < 3; i++)
		page[i] = igt_mmgpu_rand(&g->rnd) % IGT_MMGPU_GUEST_PAGES;
	igt_mmgpu_job_init(&job, g->ctx[slot % 2]);
	bo = igt_mmgpu_job_bo(&job, g->bo, MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE | in_parallel);
	own = igt_mmgpu_job_bo(&job, g->own, MMGPU_BO_REF_WRITE | in_parallel);
	igt_mmgpu_cmd_fill(&job, bo, page[0] * PAGE_BYTES, PAGE_BYTES, mark);
	igt_mmgpu_cmd_delay(&job, 0)->value = delay_ns;
	copy = igt_mmgpu_cmd_copy(&job, own, slot * PAGE_BYTES, bo, page[1] * PAGE_BYTES,
				  PAGE_BYTES);
	if (g->svm && in_parallel) {
		copy->flags = MMGPU_CMD_DST_SVM;
		copy->dst = (uintptr_t)(g->memory + slot * IGT_MMGPU_GUEST_PAGE);
	}
	igt_mmgpu_cmd_fill(&job, bo, page[2] * PAGE_BYTES, PAGE_BYTES, mark);
	igt_mmgpu_job_out(&job, g->syncobj[slot], 0);
	ret = __igt_mmgpu_job_submit(g->fd, &job);
	if (!ret)
		g->jobs++;
	return ret;
}

/* ---- out or in ----------------------------------------------------------------------- */

void igt_mmgpu_guest_end_jobs(struct igt_mmgpu_guest *g)
{
	unsigned int slots = g->jobs < IGT_MMGPU_GUEST_JOBS ? g->jobs : IGT_MMGPU_GUEST_JOBS;

	for (unsigned int i = 0; i < slots; i++) {
		int status = igt_mmgpu_syncobj_result(g->fd, g->syncobj[i]);

		igt_assert_f(!status || status == -ECANCELED, "round %u: a job ended with %d\n",
			     g->round, status);
	}
	for (unsigned int i = 0; i < slots * IGT_MMGPU_GUEST_PAGE; i++) {
		uint64_t word = may_see(g, g->own_map[i]) ? g->memory[i] : g->own_map[i];

		igt_assert_f(may_see(g, word),
			     "round %u: a job copied %#llx, written when the grant was gone\n",
			     g->round, (unsigned long long)word);
	}
	g->jobs = 0;
}

static int sync_start(int dmabuf, uint64_t flags)
{
	struct dma_buf_sync args = { .flags = DMA_BUF_SYNC_START | flags };
	int ret = igt_mmgpu_ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &args);

	args.flags = DMA_BUF_SYNC_END | flags;
	if (!ret)
		ret = igt_mmgpu_ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &args);
	return ret;
}

static void *map_dmabuf(int dmabuf, int prot)
{
	return mmap(NULL, IGT_MMGPU_GUEST_SIZE, prot, MAP_SHARED, dmabuf, 0);
}

void igt_mmgpu_guest_is_out(struct igt_mmgpu_guest *g)
{
	bool reads = g->left & MMGPU_ACCESS_READ;
	int refused = reads ? -EACCES : -EPERM;
	struct drm_mmgpu_bo_info info;
	void *map;

	/* A writable mapping is of no use to a reader either. */
	for (int i = 0; g->map && (g->writable || !reads) && i < IGT_MMGPU_GUEST_PAGES; i++)
		igt_assert_f(igt_mmgpu_guest_touch(g, i) == SIGBUS,
			     "round %u: page %u is still there\n", g->round, i);
	if (g->bo) {
		igt_assert_eq(__igt_mmgpu_bo_info(g->fd, g->bo, &info), reads ? 0 : -EPERM);
		igt_assert_eq(igt_mmgpu_guest_submit(g, 0), refused);
	}
	igt_mmgpu_guest_end_jobs(g);

	map = map_dmabuf(g->dmabuf, PROT_READ | PROT_WRITE);
	igt_assert(map == MAP_FAILED);
	igt_assert_eq(-errno, refused);
	map = map_dmabuf(g->dmabuf, PROT_READ);
	if (reads) {
		igt_assert(map != MAP_FAILED);
		igt_assert(igt_mmgpu_word_is(*(uint64_t *)map, IGT_MMGPU_SEALED));
		munmap(map, IGT_MMGPU_GUEST_SIZE);
	} else {
		igt_assert(map == MAP_FAILED && errno == EPERM);
	}
	igt_assert_eq(sync_start(g->dmabuf, DMA_BUF_SYNC_RW), refused);
}

void igt_mmgpu_guest_is_in(struct igt_mmgpu_guest *g)
{
	uint64_t word = igt_mmgpu_word(IGT_MMGPU_MARK, g->round), seen = 0;
	struct drm_mmgpu_bo_info info;
	uint64_t *map;

	for (int i = 0; g->map && i < IGT_MMGPU_GUEST_PAGES; i++)
		igt_assert_eq(igt_mmgpu_guest_touch(g, i), 0);
	if (!g->bo)
		igt_assert_eq(igt_mmgpu_guest_import(g), 0);
	igt_mmgpu_bo_info(g->fd, g->bo, &info);
	igt_assert_eq_u32(info.access, MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE);
	igt_assert_eq(igt_mmgpu_guest_submit(g, 0), 0);
	for (unsigned int i = 0; i < g->jobs && i < IGT_MMGPU_GUEST_JOBS; i++)
		igt_assert_eq(igt_mmgpu_syncobj_result(g->fd, g->syncobj[i]), 0);

	map = map_dmabuf(g->dmabuf, PROT_READ | PROT_WRITE);
	igt_assert(map != MAP_FAILED);
	igt_assert_eq(igt_mmgpu_touch(map, true, &word), 0);
	igt_assert_eq(igt_mmgpu_touch(map, false, &seen), 0);
	igt_assert_eq_u64(seen, word);
	munmap(map, IGT_MMGPU_GUEST_SIZE);
	igt_assert_eq(sync_start(g->dmabuf, DMA_BUF_SYNC_RW), 0);
	/* A grant is nothing to pass on. */
	igt_assert_eq(__igt_mmgpu_bo_grant(g->fd, g->bo, MMGPU_ACCESS_READ, g->seq), -EPERM);
}

void igt_mmgpu_guest_is_stranger(int fd, int dmabuf)
{
	uint32_t handle;
	void *map;

	igt_assert_eq(__igt_mmgpu_import(fd, dmabuf, &handle), -EPERM);
	map = map_dmabuf(dmabuf, PROT_READ);
	igt_assert(map == MAP_FAILED && errno == EPERM);
	igt_assert_eq(sync_start(dmabuf, DMA_BUF_SYNC_READ), -EPERM);
}
