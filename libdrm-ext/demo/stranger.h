/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef DEMO_STRANGER_H
#define DEMO_STRANGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "came.h"

#define MAX_TRIES	64

/* Who tries to use a file that is bound to another address space. */
enum who {
	WHO_CHILD,	/* forked by the owner */
	WHO_EXEC,	/* a program that the owner started */
	WHO_SOCKET,	/* got the descriptors over a socket */
	WHO_AFTER,	/* the same, when the owner is gone */
	WHO_COUNT
};

/* What the owner has, and strangers want. */
struct loot {
	uint32_t bo;
	uint32_t ctx;
	uint32_t syncobj;
	uint64_t mmap_offset;
	uint64_t size;
	void *map;
};

struct column {
	pid_t pid;
	uint64_t mm_seq;		/* the stranger's own number */
	uint64_t owner_mm_seq;		/* the owner's, as the stranger is told */
	char words[400];		/* what the library says */
	int came[MAX_TRIES];
	bool done;
};

/* In memory that all the processes share. */
struct board {
	struct loot loot;
	struct column columns[WHO_COUNT];
};

#define KEY_COUNT	3

/* The descriptors that a stranger has: numbers of its own. */
struct key {
	union {
		struct {
			int node;	/* the bound file */
			int dmabuf;	/* of a private buffer */
			int syncobj;	/* of a syncobj of the file */
		};
		int fds[KEY_COUNT];
	};
};

/*
 * Tries everything, and writes down what came back. @dev is the library's object if it was
 * inherited.
 */
struct drm_mmgpu;
void stranger_try(struct board *board, enum who who, const struct key *key,
		  struct drm_mmgpu *dev);

/* What is tried: how many things, what they are called, and what must come back. */
unsigned int stranger_count(void);
const char *stranger_name(unsigned int i);
bool stranger_is_right(unsigned int i, enum who who, int came);

/* Prints the table. True if everything that came back is what the contract says. */
bool table_print(const struct board *board, pid_t owner, uint64_t owner_mm_seq);

#endif /* DEMO_STRANGER_H */
