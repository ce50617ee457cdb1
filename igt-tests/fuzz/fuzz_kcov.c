// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * What a thread reached in the kernel, where CONFIG_KCOV is there and the module was built for
 * it. Only system calls are seen: an engine, or a file's thread, works for nobody in particular.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

#define KCOV_INIT_TRACE	_IOR('c', 1, unsigned long)
#define KCOV_ENABLE	_IO('c', 100)
#define KCOV_TRACE_PC	0
#define AREA_WORDS	(64 << 10)

bool fuzz_kcov_open(struct fuzz_kcov *kcov)
{
	int fd;

	kcov->fd = -1;
	kcov->on = false;
	if (!fuzz->guided)
		return false;
	fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return false;
	kcov->fd = fcntl(fd, F_DUPFD_CLOEXEC, FUZZ_FIRST_FD);
	close(fd);
	if (kcov->fd < 0 || ioctl(kcov->fd, KCOV_INIT_TRACE, AREA_WORDS))
		return false;
	kcov->area = mmap(NULL, AREA_WORDS * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED,
			  kcov->fd, 0);
	if (kcov->area == MAP_FAILED) {
		close(kcov->fd);
		kcov->fd = -1;
	}
	return kcov->fd >= 0;
}

/* For the calling thread. */
void fuzz_kcov_enable(struct fuzz_kcov *kcov)
{
	kcov->on = !ioctl(kcov->fd, KCOV_ENABLE, KCOV_TRACE_PC);
}

void fuzz_kcov_begin(struct fuzz_kcov *kcov)
{
	if (kcov->on)
		__atomic_store_n(&kcov->area[0], 0, __ATOMIC_RELAXED);
}

static bool add_pc(uint64_t pc)
{
	uint32_t at = fuzz_mix(pc) % FUZZ_PCS, i;

	for (i = 0; i < FUZZ_PCS; i++, at = (at + 1) % FUZZ_PCS) {
		uint64_t there = fuzz_load(fuzz->pc[at]);

		if (there == pc)
			return false;
		if (there)
			continue;
		if (__atomic_compare_exchange_n(&fuzz->pc[at], &there, pc, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED)) {
			fuzz_add(fuzz->pc_count, 1);
			return true;
		}
		if (there == pc)
			return false;
	}
	return false;
}

/* Two places one after the other, by a hash: what is lost is only a reason to keep a program. */
static bool add_edge(uint64_t from, uint64_t to)
{
	uint32_t at = fuzz_mix2(from, to) % FUZZ_EDGES;
	uint8_t bit = 1 << (at & 7);

	if (fuzz_load(fuzz->edge[at / 8]) & bit)
		return false;
	if (__atomic_fetch_or(&fuzz->edge[at / 8], bit, __ATOMIC_RELAXED) & bit)
		return false;
	fuzz_add(fuzz->edge_count, 1);
	return true;
}

unsigned int fuzz_kcov_end(struct fuzz_kcov *kcov)
{
	uint64_t n, i, last = 0;
	unsigned int found = 0;

	if (!kcov->on)
		return 0;
	n = __atomic_load_n(&kcov->area[0], __ATOMIC_RELAXED);
	if (n > AREA_WORDS - 1)
		n = AREA_WORDS - 1;
	for (i = 1; i <= n; i++) {
		uint64_t pc = kcov->area[i];

		/* A PC is new only if its edge is. */
		if (add_edge(last, pc))
			found += 1 + add_pc(pc);
		last = pc;
	}
	return found;
}
