/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef DEMO_GUEST_H
#define DEMO_GUEST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "scene.h"

#define GUEST_TRIES	20

/* What the guest has been granted. */
enum stage {
	STAGE_BEFORE,	/* nothing yet, but it has the dma-buf */
	STAGE_READ,
	STAGE_WRITE,	/* and to read */
	STAGE_REVOKED,
	STAGE_COUNT
};

/* In memory that the processes share. */
struct guest_board {
	pid_t owner, guest;
	uint64_t owner_mm_seq, guest_mm_seq;
	bool done[STAGE_COUNT];
	int came[STAGE_COUNT][GUEST_TRIES];
	char words[400];		/* what the library says of the last refused job */
};

/* What is granted, and to be drawn on it. */
struct guest_work {
	const struct image *picture;
	uint32_t line;				/* thickness, in pixels */
	uint32_t accent;
};

struct guest;

/* Opens the node, and binds. */
struct guest *guest_new(struct guest_board *board, const struct guest_work *work);
void guest_take(struct guest *guest, int dmabuf);

/*
 * Tries everything and writes down what came back. When it may write, it leaves a frame,
 * drawn by a job, a diagonal, drawn by its mapping, and a job in the queue.
 */
void guest_try(struct guest *guest, enum stage stage);

/* What came of reading in the mapping, for came_text(). */
int guest_touched(const struct guest_board *board, enum stage stage);

/* The same frame and diagonal, drawn by the CPU. */
void guest_reference(const struct guest_work *work, uint32_t *pixels);

/* Prints the table. True if everything that came back is what the contract says. */
bool guest_print(const struct guest_board *board);

#endif /* DEMO_GUEST_H */
