/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_CALLS_H
#define IGT_MMGPU_CALLS_H

#include "igt_mmgpu.h"
#include "igt_mmgpu_grant.h"
#include "igt_mmgpu_refusal.h"

/*
 * Every call that a client makes with us, each with arguments that are right, for tests that
 * make it fail by what is not in its arguments: no memory, or no access to theirs. A call
 * that failed must leave everything as it was (igt_mmgpu_state.h), and then must succeed.
 */

#define IGT_MMGPU_CALL_ARGS	256
#define IGT_MMGPU_CALL_LISTS	4

/* Memory that an argument points to. */
struct igt_mmgpu_list {
	/* Where in the arguments the pointer is. */
	size_t pointer;
	void *start;
	size_t size;
	/* The kernel writes it. */
	bool out;
};

/* What the calls work on. Made once; a call uses up only what its begin() makes. */
struct igt_mmgpu_world {
	/* A file of the primary node; another with a buffer to share; a bound one. */
	int fd, other, bound;
	uint32_t bo, dumb, ctx, other_bo, name;
	int dmabuf;
	/* A binary syncobj, and a timeline with points up to 2. */
	uint32_t signaled, timeline;
	int sync_file;
	int vgem, vgem_dmabuf;
	/* Somebody with a number; a file that is bound to its mm. */
	struct igt_mmgpu_peer peer;
	int foreign;
	/* A submission on fd, and on the bound file. */
	struct igt_mmgpu_refusal job;
	struct igt_mmgpu_refusal svm;
	uint8_t *memory;

	/* Of the call that is being tried. */
	struct igt_mmgpu_list list[IGT_MMGPU_CALL_LISTS];
	unsigned int num_lists;
	int temp_fd;
	uint32_t temp[2];
	uint32_t handles[2];
	uint64_t points[2];
	uint64_t jobs;
	struct igt_mmgpu_gate gate;
};

/* What a call makes and answers with, or leaves behind. */
enum igt_mmgpu_made {
	IGT_MMGPU_MADE_NOTHING,
	IGT_MMGPU_MADE_BO,
	IGT_MMGPU_MADE_CTX,
	IGT_MMGPU_MADE_SYNCOBJ,
	IGT_MMGPU_MADE_FD,
	/* Of an mm, for good. */
	IGT_MMGPU_MADE_NUMBER,
	/* unchanged() sees it; a second time makes no difference. */
	IGT_MMGPU_MADE_CHANGE,
	/* The same, but a second time there is nothing left to do it to. */
	IGT_MMGPU_MADE_END,
};

struct igt_mmgpu_call {
	const char *name;
	unsigned long request;
	/* Which descriptor of the world's it is for. */
	size_t file;
	/* Fills in the arguments, which are zero, and the lists that they point to. */
	void (*begin)(struct igt_mmgpu_world *w, void *args);
	/* After a success: judges it, and takes back what it and begin() made. */
	void (*end)(struct igt_mmgpu_world *w, void *args);
	/* If a failure can leave more than igt_mmgpu_state tells: whether it did not. */
	bool (*unchanged)(struct igt_mmgpu_world *w, void *args);
	/* In the place of an ioctl: 0 or -errno. */
	int (*run)(struct igt_mmgpu_world *w);
	/* Only an mm that has never called can try it: begins in a child. */
	bool new_mm;
	/* Not every kernel has it. */
	bool optional;
	/* An error of the kernel's for a lack of memory, besides ENOMEM. */
	int err;
	/* DRM core keeps the dma-buf with the handle, also when the call fails then. */
	bool keeps;
	enum igt_mmgpu_made makes;
};

struct igt_mmgpu_call_table {
	const struct igt_mmgpu_call *calls;
	unsigned int count;
};

extern const struct igt_mmgpu_call_table igt_mmgpu_calls_driver;
extern const struct igt_mmgpu_call_table igt_mmgpu_calls_submit;
extern const struct igt_mmgpu_call_table igt_mmgpu_calls_core;
/* Of syncobjs, sync_files and dma-bufs. */
extern const struct igt_mmgpu_call_table igt_mmgpu_calls_sync;

/* No ioctls: each has a run(). */
extern const struct igt_mmgpu_call_table igt_mmgpu_calls_files;

#define IGT_MMGPU_CALL_TABLES	5
extern const struct igt_mmgpu_call_table *const igt_mmgpu_call_tables[IGT_MMGPU_CALL_TABLES];

/* This process gets its number, which it keeps: before a baseline is taken. */
void igt_mmgpu_world_number(void);
void igt_mmgpu_world_init(struct igt_mmgpu_world *w);
void igt_mmgpu_world_fini(struct igt_mmgpu_world *w);

/* args: IGT_MMGPU_CALL_ARGS bytes. */
void igt_mmgpu_call_begin(const struct igt_mmgpu_call *call, struct igt_mmgpu_world *w,
			  void *args);
void igt_mmgpu_call_end(const struct igt_mmgpu_call *call, struct igt_mmgpu_world *w, void *args);
/* Once: 0 or -errno. */
int igt_mmgpu_call_do(const struct igt_mmgpu_call *call, struct igt_mmgpu_world *w, void *args);
int igt_mmgpu_call_fd(const struct igt_mmgpu_call *call, struct igt_mmgpu_world *w);
/* Skips if this kernel does not have it. */
void igt_mmgpu_call_require(const struct igt_mmgpu_call *call, struct igt_mmgpu_world *w);

/*
 * DRM core answers when all is done, and takes nothing back if it cannot: the call says EFAULT,
 * and what it made stays. This is the number that it will have; ask before the call.
 */
uint32_t igt_mmgpu_untold_number(const struct igt_mmgpu_call *call, struct igt_mmgpu_world *w);
/*
 * After an EFAULT: whether there is something, which is taken back if that is possible. If it
 * is not, nothing is as it was, but the same call has the same result.
 */
bool igt_mmgpu_untold_find(const struct igt_mmgpu_call *call, struct igt_mmgpu_world *w, void *args,
			   uint32_t number);
bool igt_mmgpu_untold_is_taken_back(const struct igt_mmgpu_call *call);
/* The call again, right this time, and judges it. */
void igt_mmgpu_untold_again(const struct igt_mmgpu_call *call, struct igt_mmgpu_world *w, void *args,
			    bool untold);

/* For begin(): an argument that points to a list. */
void igt_mmgpu_call_list(struct igt_mmgpu_world *w, void *args, size_t pointer, void *start,
			 size_t size, bool out);

/* Names a member of struct igt_mmgpu_world. */
#define IGT_MMGPU_CALL_ON(member)	offsetof(struct igt_mmgpu_world, member)

#endif /* IGT_MMGPU_CALLS_H */
