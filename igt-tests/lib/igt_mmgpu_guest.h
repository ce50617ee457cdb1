/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_GUEST_H
#define IGT_MMGPU_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "igt_mmgpu.h"

/*
 * Somebody who was granted a buffer, for tests that take the grant away: maps it, faults,
 * submits jobs that read and write it, and knows what it read. The buffer consists of
 * IGT_MMGPU_GUEST_WORDS words, each of a kind and with the number of a round.
 */
#define IGT_MMGPU_GUEST_PAGE	512ull
#define IGT_MMGPU_GUEST_PAGES	8
#define IGT_MMGPU_GUEST_WORDS	(IGT_MMGPU_GUEST_PAGES * IGT_MMGPU_GUEST_PAGE)
#define IGT_MMGPU_GUEST_SIZE	(IGT_MMGPU_GUEST_WORDS * sizeof(uint64_t))
#define IGT_MMGPU_GUEST_JOBS	4

enum igt_mmgpu_word {
	/* The owner's, while it is granted. */
	IGT_MMGPU_OPEN = 0x0be,
	/* The owner's, since the grant was taken away: for nobody's eyes. */
	IGT_MMGPU_SEALED = 0x5ea,
	/* The guest's. */
	IGT_MMGPU_MARK = 0x3a7,
};

static inline uint64_t igt_mmgpu_word(enum igt_mmgpu_word kind, unsigned int round)
{
	return (uint64_t)kind << 48 | round;
}

static inline bool igt_mmgpu_word_is(uint64_t word, enum igt_mmgpu_word kind)
{
	return word >> 48 == kind;
}

struct igt_mmgpu_guest {
	int fd;
	int dmabuf;
	uint64_t seq;
	struct igt_mmgpu_rand rnd;
	unsigned int round;

	/* What is left when the grant was taken away: MMGPU_ACCESS_READ or 0. */
	uint32_t left;

	/* The granted buffer, as far as the guest has it. */
	uint32_t bo;
	volatile uint64_t *map;
	bool writable;

	/* Its own, with a page for each job to copy to: a buffer, and memory. */
	uint32_t own;
	uint64_t *own_map;
	uint64_t *memory;
	bool svm;
	uint32_t ctx[2];
	uint32_t syncobj[IGT_MMGPU_GUEST_JOBS];
	unsigned int jobs;
};

/* Takes over fd, and binds it or, for a legacy file, only gets a number. */
void igt_mmgpu_guest_init(struct igt_mmgpu_guest *g, int fd, bool bind);

/* A new round with a dma-buf, of which the guest has nothing else yet. */
void igt_mmgpu_guest_begin(struct igt_mmgpu_guest *g, int dmabuf, unsigned int round);
/* Lets go of everything. */
void igt_mmgpu_guest_end(struct igt_mmgpu_guest *g);

/* These assert nothing: 0 or -errno. */
int igt_mmgpu_guest_import(struct igt_mmgpu_guest *g);
/* By the node or by the dma-buf, as the round has it. */
int igt_mmgpu_guest_map(struct igt_mmgpu_guest *g, bool writable);
/*
 * One job that writes the buffer, takes a while, reads it, and writes it again. Of a bound
 * file it's in some rounds one that names a CPU address.
 */
int igt_mmgpu_guest_submit(struct igt_mmgpu_guest *g, uint64_t delay_ns);

/* Waits for its jobs, which may have been cancelled, and looks at what they copied. */
void igt_mmgpu_guest_end_jobs(struct igt_mmgpu_guest *g);

/*
 * Reads or writes somewhere in the mapping; page < 0 is any. 0, or the signal that it
 * got. Fails if what it reads is sealed and not for its eyes.
 */
int igt_mmgpu_guest_touch(struct igt_mmgpu_guest *g, int page);
/* The same at any address, without judging. */
int igt_mmgpu_touch(volatile uint64_t *at, bool write, uint64_t *value);

/*
 * After the grant was taken away: fails if the guest can still do anything. Waits for its
 * jobs.
 */
void igt_mmgpu_guest_is_out(struct igt_mmgpu_guest *g);
/* While it has the grant: fails if there is anything that it can't do. */
void igt_mmgpu_guest_is_in(struct igt_mmgpu_guest *g);
/* For who has the dma-buf and was never granted it. */
void igt_mmgpu_guest_is_stranger(int fd, int dmabuf);

#endif /* IGT_MMGPU_GUEST_H */
