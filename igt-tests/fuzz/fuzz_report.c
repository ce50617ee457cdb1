// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* The memory that all processes share, and what stands in it at the end. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

/* An operation that was tried so often must have succeeded so often, in a thousand. */
#define ENOUGH_TRIES	1500
#define ENOUGH_GOOD	10
/* And all of them together. */
#define ENOUGH_ALL	300

struct fuzz_shared *fuzz;
static int shared_fd = -1;

int fuzz_shared_fd(void)
{
	return shared_fd;
}

void fuzz_shared_attach(int fd)
{
	fuzz = mmap(NULL, sizeof(*fuzz), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fuzz == MAP_FAILED) {
		perror("fuzz: shared memory");
		exit(2);
	}
	shared_fd = fd;
}

int fuzz_shared_create(void)
{
	int fd = memfd_create("fuzz-shared", 0), high = -1;

	if (fd >= 0 && !ftruncate(fd, sizeof(*fuzz)))
		high = fcntl(fd, F_DUPFD, FUZZ_FIRST_FD);
	if (high < 0) {
		perror("fuzz: shared memory");
		exit(2);
	}
	close(fd);
	fuzz_shared_attach(high);
	/* All of it now, so that it's not taken for a leak later. */
	memset(fuzz, 0, sizeof(*fuzz));
	return high;
}

static void print_errors(const struct fuzz_stat *stat)
{
	uint32_t err[FUZZ_ERRNOS];
	unsigned int n, i;

	memcpy(err, stat->err, sizeof(err));
	for (n = 0; n < 4; n++) {
		unsigned int most = 0;

		for (i = 1; i < FUZZ_ERRNOS; i++)
			if (err[i] > err[most])
				most = i;
		if (!err[most] || !most)
			return;
		printf(" %s %u", strerrorname_np(most) ?: "?", err[most]);
		err[most] = 0;
	}
}

bool fuzz_report(bool check)
{
	uint64_t tries = 0, good = 0;
	bool fine = true;
	unsigned int i;

	printf("%-20s %9s %6s %8s %9s  most frequent errors\n", "operation", "tries", "good %",
	       "us each", "no object");
	for (i = 0; i < fuzz_kinds; i++) {
		const struct fuzz_stat *stat = &fuzz->stat[i];

		printf("%-20s %9llu %6.1f %8.0f %9llu ", fuzz_kind[i].name,
		       (unsigned long long)stat->tries,
		       stat->tries ? 100.0 * stat->good / stat->tries : 0.0,
		       stat->tries ? stat->ns / 1e3 / stat->tries : 0.0,
		       (unsigned long long)stat->skipped);
		print_errors(stat);
		printf("\n");
		tries += stat->tries;
		good += stat->good;
	}
	printf("%llu ioctls, %llu system calls in %llu programs, %llu processes, %u rebinds, %u loads\n",
	       (unsigned long long)fuzz->ioctls, (unsigned long long)fuzz->calls,
	       (unsigned long long)fuzz->programs, (unsigned long long)fuzz->episodes, fuzz->rebinds,
	       fuzz->reloads);
	printf("%llu arguments changed, %llu by the 32-bit entry, %llu with a failing allocation\n",
	       (unsigned long long)fuzz->mutated, (unsigned long long)fuzz->compat,
	       (unsigned long long)fuzz->injected);
	printf("%llu operations, %.1f %% good\n", (unsigned long long)tries,
	       tries ? 100.0 * good / tries : 0.0);
	if (fuzz->guided)
		printf("%u PCs, %u edges, %u programs in the corpus\n", fuzz->pc_count, fuzz->edge_count,
		       fuzz->corpus_count);
	if (!check)
		return true;

	/* A fuzzer of which everything is refused at the door finds nothing. */
	for (i = 0; i < fuzz_kinds; i++) {
		const struct fuzz_stat *stat = &fuzz->stat[i];

		if (fuzz_kind[i].optional)
			continue;
		if (stat->tries >= ENOUGH_TRIES && stat->good * 1000 < stat->tries * ENOUGH_GOOD) {
			printf("fuzz: %s succeeds too seldom\n", fuzz_kind[i].name);
			fine = false;
		}
		if (tries >= 2000000 && !stat->good) {
			printf("fuzz: %s never succeeded\n", fuzz_kind[i].name);
			fine = false;
		}
	}
	if (good * 1000 < tries * ENOUGH_ALL) {
		printf("fuzz: too little succeeds\n");
		fine = false;
	}
	if (fuzz->guided && fuzz->ioctls > 10000 && !fuzz->pc_count) {
		printf("fuzz: no coverage: the module was not built with KCOV_INSTRUMENT\n");
		fine = false;
	}
	return fine;
}
