// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * What a revocation costs: against the size of what the grantee has mapped, beside what it
 * costs a process to unmap as much by itself, and against the number of processes that
 * have the buffer mapped, all of which lose their page table entries. In instructions
 * where they can be counted (see scripts/bench), else in nanoseconds.
 */

#include <errno.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_cost.h"

IGT_TEST_DESCRIPTION("The cost of a revocation by size of the mapping and number of mappers.");

#define PAGE		4096ull
#define KIB		1024ull
#define MIB		(1024 * KIB)
#define ROUNDS		9
#define MAPPERS_MAX	64

/* Of the second table. */
#define MAPPERS_SIZE	MIB

/*
 * Limits, which a walk over more than what is mapped would pass: the price of a page beside
 * munmap()'s, and that of a mapper among many beside that of the only one. Time is too much
 * a matter of chance for limits.
 */
#define LIMIT_MUNMAP	2
#define LIMIT_MAPPER	2

static bool counted;

static int64_t now(void)
{
	return counted ? (int64_t)igt_mmgpu_instructions() : igt_mmgpu_now();
}

/* ---- who has it mapped ------------------------------------------------------------- */

static struct {
	int fd;
	uint32_t bo;
	uint64_t size;
	int dmabuf;
	int node;
} own;

struct mapper {
	struct igt_mmgpu_proc proc;
	uint64_t seq;
};

static struct mapper mappers[MAPPERS_MAX];

static volatile char *map_all(int dmabuf)
{
	void *map = mmap(NULL, own.size, PROT_READ, MAP_SHARED, dmabuf, 0);

	igt_assert(map != MAP_FAILED);
	return map;
}

/* Touches every page, or times its end by munmap(), whenever it is told to. */
static int mapper_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct drm_mmgpu_query_mm query;
	volatile char *map;
	int64_t took = 0;
	char order;

	if (counted)
		igt_mmgpu_stay_on_cpu();
	igt_mmgpu_query_mm(own.node, MMGPU_QUERY_MM_ASSIGN, &query);
	igt_mmgpu_send(self->sock, &query.caller_mm_seq, sizeof(query.caller_mm_seq));
	igt_mmgpu_recv(self->sock, &order, 1);
	map = map_all(own.dmabuf);
	for (;;) {
		switch (order) {
		case 't':
			for (uint64_t at = 0; at < own.size; at += PAGE)
				(void)map[at];
			break;
		case 'u':
			took = now();
			igt_assert_eq(munmap((void *)map, own.size), 0);
			took = now() - took;
			map = map_all(own.dmabuf);
			break;
		case 'q':
			return 0;
		}
		igt_mmgpu_send(self->sock, &took, sizeof(took));
		igt_mmgpu_recv(self->sock, &order, 1);
	}
}

static int64_t order(struct mapper *mapper, char what)
{
	int64_t took;

	igt_mmgpu_send(mapper->proc.sock, &what, 1);
	igt_mmgpu_recv(mapper->proc.sock, &took, sizeof(took));
	return took;
}

static int64_t grant(struct mapper *mapper, uint32_t access)
{
	int64_t start = now();
	int ret = __igt_mmgpu_bo_grant(own.fd, own.bo, access, mapper->seq);
	int64_t took = now() - start;

	igt_assert_eq(ret, 0);
	return took;
}

static void begin(uint64_t size, unsigned int count)
{
	own.size = size;
	own.bo = igt_mmgpu_bo_create(own.fd, size, 0);
	own.dmabuf = igt_mmgpu_export(own.fd, own.bo);
	for (unsigned int i = 0; i < count; i++) {
		struct mapper *mapper = &mappers[i];

		igt_mmgpu_proc_start(&mapper->proc, mapper_proc, NULL);
		igt_mmgpu_recv(mapper->proc.sock, &mapper->seq, sizeof(mapper->seq));
		grant(mapper, MMGPU_ACCESS_READ);
	}
}

static void end(unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		igt_mmgpu_send(mappers[i].proc.sock, "q", 1);
		igt_assert_eq(igt_mmgpu_proc_join(&mappers[i].proc), 0);
	}
	close(own.dmabuf);
	igt_mmgpu_bo_close(own.fd, own.bo);
}

/* ---- the tables ----------------------------------------------------------------------- */

/* The median for one of count mappers, with all of their pages there or none. */
static int64_t revoke_cost(unsigned int count, bool touched)
{
	int64_t cost[ROUNDS];

	for (unsigned int i = 0; i < ROUNDS; i++) {
		for (unsigned int j = 0; touched && j < count; j++)
			order(&mappers[j], 't');
		cost[i] = grant(&mappers[0], 0);
		grant(&mappers[0], MMGPU_ACCESS_READ);
	}
	return igt_mmgpu_median(cost, ROUNDS);
}

static int64_t munmap_cost(void)
{
	int64_t cost[ROUNDS];

	for (unsigned int i = 0; i < ROUNDS; i++) {
		order(&mappers[0], 't');
		cost[i] = order(&mappers[0], 'u');
	}
	return igt_mmgpu_median(cost, ROUNDS);
}

static void against_size(void)
{
	static const uint64_t sizes[] = { 64 * KIB, 256 * KIB, MIB, 4 * MIB, 16 * MIB, 64 * MIB };
	double ratio = 0;

	printf("by size, one mapper     revocation      munmap   ratio   of no pages\n");
	for (unsigned int i = 0; i < igt_mmgpu_count(sizes); i++) {
		int64_t none, revoke, unmap;

		begin(sizes[i], 1);
		none = revoke_cost(1, false);
		revoke = revoke_cost(1, true);
		unmap = munmap_cost();
		end(1);
		ratio = (double)revoke / unmap;
		printf("%8llu KiB        %14lld %11lld %7.2f %13lld\n",
		       (unsigned long long)(sizes[i] / KIB), (long long)revoke, (long long)unmap,
		       ratio, (long long)none);
	}
	/* The largest one: by there the pages are all that counts. */
	igt_assert_f(!counted || ratio < LIMIT_MUNMAP,
		     "a page costs more than %u times what it costs munmap()\n", LIMIT_MUNMAP);
}

static void against_mappers(void)
{
	int64_t first = 0, revoke = 0;
	unsigned int count;

	printf("by mappers of %llu KiB  revocation  per mapper   to one\n", MAPPERS_SIZE / KIB);
	for (count = 1; count <= MAPPERS_MAX; count *= 2) {
		begin(MAPPERS_SIZE, count);
		revoke = revoke_cost(count, true);
		end(count);
		if (count == 1)
			first = revoke;
		printf("%8u            %14lld %11lld %8.2f\n", count, (long long)revoke,
		       (long long)revoke / count, (double)revoke / first);
	}
	igt_assert_f(!counted || revoke < LIMIT_MAPPER * MAPPERS_MAX * first,
		     "of %u mappers each costs over %u times what one costs\n", MAPPERS_MAX,
		     LIMIT_MAPPER);
}

int igt_simple_main()
{
	own.fd = igt_mmgpu_open();
	own.node = igt_mmgpu_reopen(own.fd);
	igt_mmgpu_bind_mm(own.fd);
	counted = igt_mmgpu_counts_instructions();
	if (counted)
		igt_mmgpu_stay_on_cpu();

	printf("in %s, median of %u\n", counted ? "instructions" : "nanoseconds", ROUNDS);
	against_size();
	against_mappers();
	fflush(stdout);
}
