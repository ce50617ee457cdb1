/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_VICTIM_H
#define IGT_MMGPU_VICTIM_H

#include "igt_mmgpu.h"

/*
 * A process with bound files and jobs that name its memory, which ends in one way or
 * another. It tells the test each fence before, and how that has to end.
 */

enum igt_mmgpu_ending {
	IGT_MMGPU_BY_EXIT,
	/* SIGKILL, from outside. */
	IGT_MMGPU_BY_KILL,
	/* It replaces itself by a program that lives on. */
	IGT_MMGPU_BY_EXEC,
	/* By the kernel, for want of memory in its cgroup. */
	IGT_MMGPU_BY_OOM,
};

extern const char *const igt_mmgpu_ending_name[];

/* What its jobs do when it ends. */
enum {
	/* Wait for a fence of another driver. */
	IGT_MMGPU_QUEUED = 1,
	/* Copy, in the middle of it. */
	IGT_MMGPU_RUNNING = 2,
	/* Wait for a page that nobody serves, one for each of .stuck files. */
	IGT_MMGPU_STUCK = 4,
	/* Run on an engine, without CPU addresses. */
	IGT_MMGPU_ENGINE = 8,
};

#define IGT_MMGPU_VICTIM_FILES	8
#define IGT_MMGPU_VICTIM_DATA	(2u << 20)

/* Memory that the jobs write and the test sees. */
struct igt_mmgpu_window {
	uint64_t running;
	/* Must stay 0: written by jobs that never start. */
	uint64_t spoiled;
	/* For the test's own use. */
	uint64_t word[14];
	uint8_t data[IGT_MMGPU_VICTIM_DATA];
};

struct igt_mmgpu_victim {
	/* What is wanted. */
	enum igt_mmgpu_ending ending;
	unsigned int load;
	/* Files; those after the first are the ones with a stuck job, if they have any. */
	unsigned int files;
	/* The fault that nobody serves is one for writing. */
	bool write_fault;
	/* Before the end, give the files away, or close them. */
	bool keep, close;
	/* A memory cgroup to enter first. */
	const char *cgroup;
	/* What the queued jobs wait for. */
	struct igt_mmgpu_gate *gate;
	/* More load, in the process, on its first file. */
	void (*more)(struct igt_mmgpu_proc *self, const struct igt_mmgpu_victim *victim, int fd);
	void *data;

	/* What came of it. */
	struct igt_mmgpu_proc proc;
	struct igt_mmgpu_window *window;
	/* Closed when the program ends. */
	int program[2];
	struct igt_mmgpu_fate *fates;
	unsigned int fences;
	int fd[IGT_MMGPU_VICTIM_FILES], uffd[IGT_MMGPU_VICTIM_FILES];
	unsigned int fds, uffds;
	/* A buffer for everybody that the running job writes. */
	void *map;
	int64_t start;
	/* From the start of the end to when a waiting process went on, and to the last fence. */
	double wait_ms, fence_ms;
};

/*
 * In the process: submits, and tells the test the fence and how it has to end. -EFAULT
 * allows -ECANCELED too.
 */
void igt_mmgpu_victim_submit(struct igt_mmgpu_proc *self, int fd, struct igt_mmgpu_job *job,
			     int expected);
/* In the process: submits a job that gets into a fault which nobody serves. */
void igt_mmgpu_victim_stick(struct igt_mmgpu_proc *self, const struct igt_mmgpu_victim *victim,
			    int fd, uint32_t ctx);
/* In the process: shows the test a SHARED buffer of IGT_MMGPU_VICTIM_DATA bytes. */
void igt_mmgpu_victim_show(struct igt_mmgpu_proc *self, int fd, uint32_t bo);

/* Starts it; when this returns its jobs do what they are to do. */
void igt_mmgpu_victim_start(struct igt_mmgpu_victim *victim);
/* Ends it, and waits for it; for exec until the old program is gone. */
void igt_mmgpu_victim_end(struct igt_mmgpu_victim *victim);
/*
 * Fails unless each fence has ended, or does so, as it has to; the one of a killed job, and
 * the wait for the process, within the bound. After that nothing may be written.
 */
void igt_mmgpu_victim_judge(struct igt_mmgpu_victim *victim, unsigned int bound_ms);
/* Lets the new program end, and closes what the process gave away. */
void igt_mmgpu_victim_fini(struct igt_mmgpu_victim *victim);

#endif /* IGT_MMGPU_VICTIM_H */
