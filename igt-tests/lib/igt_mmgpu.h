/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_H
#define IGT_MMGPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "mmgpu_drm.h"

/*
 * Functions with two underscores return 0 or -errno and touch nothing of their
 * arguments on an error; those without assert success.
 */

#define IGT_MMGPU_NSEC_PER_MSEC	1000000ll
#define IGT_MMGPU_NSEC_PER_SEC	1000000000ll

/* Long enough for any job on a slow emulator; reaching it is a failure. */
#define IGT_MMGPU_PATIENCE	60

#define igt_mmgpu_count(array)	(sizeof(array) / sizeof((array)[0]))

/* ---- nodes -------------------------------------------------------------------- */

enum igt_mmgpu_node {
	IGT_MMGPU_RENDER,
	IGT_MMGPU_PRIMARY,
};

/* The nth node, by minor, of the driver with this name; -ENODEV if there is none. */
int __igt_mmgpu_open_driver(const char *driver, enum igt_mmgpu_node node, unsigned int nth);

/* Our first device. Skip if there is none. */
int igt_mmgpu_open(void);
int igt_mmgpu_open_primary(void);

/* The same device by a new file; the descriptor may be refused to us. */
int igt_mmgpu_reopen(int fd);

/* Whether the module is there, after modprobe where that was allowed (see the .c). */
bool igt_mmgpu_has_module(const char *module);

/* ---- ioctls ------------------------------------------------------------------- */

/* Restarts on EINTR and EAGAIN, as drmIoctl() does. */
int igt_mmgpu_ioctl(int fd, unsigned long request, void *arg);
/* Once, so that EINTR is seen. */
int igt_mmgpu_ioctl_once(int fd, unsigned long request, void *arg);

/* Fails unless the call gives -err and leaves every byte of *args as it was. */
#define igt_mmgpu_refused(fd, request, args, err)				\
	igt_mmgpu_refused_at(fd, request, args, sizeof(*(args)), err, __func__, __LINE__)
void igt_mmgpu_refused_at(int fd, unsigned long request, void *args, size_t size,
			  int err, const char *func, int line);

int __igt_mmgpu_get_param(int fd, uint32_t param, uint64_t *value);
uint64_t igt_mmgpu_get_param(int fd, uint32_t param);

int __igt_mmgpu_bind_mm(int fd, uint64_t *mm_seq);
uint64_t igt_mmgpu_bind_mm(int fd);
int __igt_mmgpu_query_mm(int fd, uint32_t flags, struct drm_mmgpu_query_mm *query);
void igt_mmgpu_query_mm(int fd, uint32_t flags, struct drm_mmgpu_query_mm *query);

int __igt_mmgpu_bo_create(int fd, uint64_t size, uint32_t flags, uint32_t *handle);
uint32_t igt_mmgpu_bo_create(int fd, uint64_t size, uint32_t flags);
int __igt_mmgpu_bo_close(int fd, uint32_t handle);
void igt_mmgpu_bo_close(int fd, uint32_t handle);
int __igt_mmgpu_bo_info(int fd, uint32_t handle, struct drm_mmgpu_bo_info *info);
void igt_mmgpu_bo_info(int fd, uint32_t handle, struct drm_mmgpu_bo_info *info);
/* deadline: absolute, see igt_mmgpu_deadline_ms(). */
int __igt_mmgpu_bo_wait(int fd, uint32_t handle, uint32_t flags, int64_t deadline);
void igt_mmgpu_bo_wait(int fd, uint32_t handle, uint32_t flags);
bool igt_mmgpu_bo_busy(int fd, uint32_t handle, uint32_t flags);
int __igt_mmgpu_bo_grant(int fd, uint32_t handle, uint32_t access, uint64_t mm_seq);

/* NULL with errno, without the underscores never NULL; size 0 means the whole buffer. */
void *__igt_mmgpu_bo_map(int fd, uint32_t handle, size_t size, int prot);
void *igt_mmgpu_bo_map(int fd, uint32_t handle, size_t size, int prot);

int __igt_mmgpu_ctx_create(int fd, int32_t priority, uint32_t engine, uint32_t *ctx_id);
uint32_t igt_mmgpu_ctx_create(int fd, int32_t priority, uint32_t engine);
int __igt_mmgpu_ctx_destroy(int fd, uint32_t ctx_id);
void igt_mmgpu_ctx_destroy(int fd, uint32_t ctx_id);
int __igt_mmgpu_ctx_query(int fd, uint32_t ctx_id, struct drm_mmgpu_ctx_query *query);
void igt_mmgpu_ctx_query(int fd, uint32_t ctx_id, struct drm_mmgpu_ctx_query *query);

int __igt_mmgpu_dumb_create(int fd, uint32_t width, uint32_t height, uint32_t bpp,
			    uint32_t *handle, uint32_t *pitch, uint64_t *size);

/*
 * The handle that the next buffer of this file would get. The core hands out the lowest
 * free one, so two equal answers say that nothing in between kept a handle.
 */
uint32_t igt_mmgpu_next_handle(int fd);

/* PRIME; the descriptor is CLOEXEC and, for us, O_RDWR. */
int __igt_mmgpu_export(int fd, uint32_t handle, int *dmabuf);
int igt_mmgpu_export(int fd, uint32_t handle);
int __igt_mmgpu_import(int fd, int dmabuf, uint32_t *handle);
uint32_t igt_mmgpu_import(int fd, int dmabuf);

/* ---- jobs --------------------------------------------------------------------- */

#define IGT_MMGPU_JOB_MAX	256

/*
 * A job under construction. Put it together by the calls below, in any order. It points
 * to itself: do not copy it.
 */
struct igt_mmgpu_job {
	struct drm_mmgpu_submit submit;
	struct drm_mmgpu_cmd cmds[IGT_MMGPU_JOB_MAX];
	struct drm_mmgpu_bo_ref bos[IGT_MMGPU_JOB_MAX];
	struct drm_mmgpu_sync in_syncs[IGT_MMGPU_JOB_MAX];
	struct drm_mmgpu_sync out_syncs[IGT_MMGPU_JOB_MAX];
};

/* Empties the job. submit.ctx_id, strides and array addresses are set here already. */
void igt_mmgpu_job_init(struct igt_mmgpu_job *job, uint32_t ctx_id);
/* Adds a buffer with MMGPU_BO_REF_ flags and tells its index. */
uint32_t igt_mmgpu_job_bo(struct igt_mmgpu_job *job, uint32_t handle, uint32_t flags);
/* Point 0 stands for a binary syncobj. */
void igt_mmgpu_job_in(struct igt_mmgpu_job *job, uint32_t syncobj, uint64_t point);
void igt_mmgpu_job_out(struct igt_mmgpu_job *job, uint32_t syncobj, uint64_t point);

/* Add a command; the pointer is there to change it before the submission. */
struct drm_mmgpu_cmd *igt_mmgpu_cmd(struct igt_mmgpu_job *job, enum drm_mmgpu_op op);
struct drm_mmgpu_cmd *igt_mmgpu_cmd_fill(struct igt_mmgpu_job *job, uint32_t bo,
					 uint64_t dst, uint64_t width, uint64_t value);
struct drm_mmgpu_cmd *igt_mmgpu_cmd_copy(struct igt_mmgpu_job *job,
					 uint32_t dst_bo, uint64_t dst,
					 uint32_t src_bo, uint64_t src, uint64_t width);
struct drm_mmgpu_cmd *igt_mmgpu_cmd_add(struct igt_mmgpu_job *job, uint32_t bo,
					uint64_t dst, uint64_t value);
struct drm_mmgpu_cmd *igt_mmgpu_cmd_timestamp(struct igt_mmgpu_job *job, uint32_t bo,
					      uint64_t dst);
struct drm_mmgpu_cmd *igt_mmgpu_cmd_delay(struct igt_mmgpu_job *job, uint64_t ms);

int __igt_mmgpu_submit(int fd, struct drm_mmgpu_submit *submit);
int __igt_mmgpu_job_submit(int fd, struct igt_mmgpu_job *job);
void igt_mmgpu_job_submit(int fd, struct igt_mmgpu_job *job);
/*
 * Submits with one more out-sync, waits for it, and tells how the fence ended: 0 or
 * its error. The other returns what the submission said.
 */
int igt_mmgpu_job_run(int fd, struct igt_mmgpu_job *job);
int __igt_mmgpu_job_run(int fd, struct igt_mmgpu_job *job, int *status);

/* ---- fences ------------------------------------------------------------------- */

int64_t igt_mmgpu_now(void);
int64_t igt_mmgpu_deadline_ms(int64_t ms);

uint32_t igt_mmgpu_syncobj_create(int fd);
uint32_t igt_mmgpu_syncobj_create_signaled(int fd);
void igt_mmgpu_syncobj_destroy(int fd, uint32_t syncobj);
/* -ETIME after the deadline; -EINVAL if there is no fence. */
int __igt_mmgpu_syncobj_wait(int fd, uint32_t syncobj, uint64_t point, int64_t deadline);
void igt_mmgpu_syncobj_wait(int fd, uint32_t syncobj, uint64_t point);
bool igt_mmgpu_syncobj_has_fence(int fd, uint32_t syncobj);
int igt_mmgpu_syncobj_export(int fd, uint32_t syncobj);
void igt_mmgpu_syncobj_import(int fd, uint32_t syncobj, int sync_file);

/* As the kernel's sync_file has it: 0 active, 1 signalled, negative: the error. */
int igt_mmgpu_sync_file_status(int sync_file);
int igt_mmgpu_syncobj_status(int fd, uint32_t syncobj);
/* Waits for the binary syncobj and tells 0 or the fence's error. */
int igt_mmgpu_syncobj_result(int fd, uint32_t syncobj);

/* Sync_files from and to a dma-buf; -ENOTTY where the kernel has no such ioctl. */
int __igt_mmgpu_dmabuf_export_fence(int dmabuf, uint32_t flags, int *sync_file);
int __igt_mmgpu_dmabuf_import_fence(int dmabuf, uint32_t flags, int sync_file);
/* Looks once: whether poll() reports events (POLLIN: writers are done, POLLOUT: all). */
bool igt_mmgpu_poll(int fd, short events);
int igt_mmgpu_poll_ms(int fd, short events, int timeout_ms);

/* vgem's primary node. Skips where there is no vgem. */
int igt_mmgpu_vgem_open(void);
/*
 * A fence of vgem on a buffer of its file, as a writer's or a reader's; -EBUSY if the
 * buffer has a fence that it would have to wait for. Must be signalled within 10 seconds.
 */
int __igt_mmgpu_vgem_attach(int vgem, uint32_t handle, bool write, uint32_t *fence);
void igt_mmgpu_vgem_signal(int vgem, uint32_t fence);

/*
 * A fence of another driver that the test signals by itself, on a buffer of vgem's. It is
 * sw_sync's where the kernel has that (debug kernels, slow ones too); else vgem's, which
 * fails when left alone for ten seconds. Skips where there is no vgem.
 */
struct igt_mmgpu_gate {
	int vgem;
	/* Of sw_sync, or negative. */
	int timeline;
	int dmabuf;
	int sync_file;
	uint32_t handle;
	uint32_t fence;
};

void igt_mmgpu_gate_init(struct igt_mmgpu_gate *gate);
void igt_mmgpu_gate_open(struct igt_mmgpu_gate *gate);
void igt_mmgpu_gate_fini(struct igt_mmgpu_gate *gate);
/* A binary syncobj of fd with the gate's fence in it. */
uint32_t igt_mmgpu_gate_syncobj(struct igt_mmgpu_gate *gate, int fd);

/* That a context has room for MAX_JOBS jobs, and so has lost no place to one that failed. */
void igt_mmgpu_ctx_assert_places(int fd, uint32_t ctx);

/* ---- processes ---------------------------------------------------------------- */

/*
 * A child by fork() that the parent may talk to, kill and wait for in any order. An
 * assertion in it ends it with IGT_EXIT_FAILURE, and so does a skip.
 */
struct igt_mmgpu_proc {
	pid_t pid;
	int sock;
};

typedef int (*igt_mmgpu_proc_fn)(struct igt_mmgpu_proc *self, void *data);

/* In the child fn's return value becomes the exit code. */
void igt_mmgpu_proc_start(struct igt_mmgpu_proc *proc, igt_mmgpu_proc_fn fn, void *data);
/* The exit code, or minus the signal that killed it. */
int igt_mmgpu_proc_join(struct igt_mmgpu_proc *proc);
/* start, join, and the exit code must be 0. */
void igt_mmgpu_proc_run(igt_mmgpu_proc_fn fn, void *data);
/*
 * Kills what a failed subtest left behind. For the last fixture of a test: libigt does
 * not like to exit with children.
 */
void igt_mmgpu_proc_cleanup(void);

/* Messages either way, whole ones. recv fails the test if the peer is gone. */
void igt_mmgpu_send(int sock, const void *data, size_t size);
void igt_mmgpu_recv(int sock, void *data, size_t size);
/* Same with a descriptor, by SCM_RIGHTS. */
void igt_mmgpu_send_fd(int sock, int fd);
int igt_mmgpu_recv_fd(int sock);

/* Memory of which the byte after the last one is not mapped. */
void *igt_mmgpu_edge_alloc(size_t size);
void igt_mmgpu_edge_free(void *edge, size_t size);
/* An address at which nothing is mapped, whatever the size. */
void *igt_mmgpu_bad_pointer(void);

/*
 * The signal that touching a word raises, or 0; -1 if it is not what was expected. Several
 * threads may do so at once. From the first use on, other SIGSEGV and SIGBUS kill.
 */
int igt_mmgpu_touch_read(const volatile void *at, uint64_t expect);
int igt_mmgpu_touch_write(volatile void *at, uint64_t value);

/* Until a job has written value there; fails after IGT_MMGPU_PATIENCE. */
void igt_mmgpu_await(const void *map, uint64_t value);

/* Gives up root and every capability, for good: only in a child. */
void igt_mmgpu_drop_root(void);

/* ---- numbers ------------------------------------------------------------------ */

/* A small generator of our own, so that a printed seed gives the same run everywhere. */
struct igt_mmgpu_rand {
	uint64_t state;
};

/* From MMGPU_SEED in the environment or from the clock; prints it. */
void igt_mmgpu_rand_init(struct igt_mmgpu_rand *rnd);
uint32_t igt_mmgpu_rand(struct igt_mmgpu_rand *rnd);
/* In [min, max]. */
uint64_t igt_mmgpu_rand_range(struct igt_mmgpu_rand *rnd, uint64_t min, uint64_t max);
void igt_mmgpu_rand_bytes(struct igt_mmgpu_rand *rnd, void *data, size_t size);

#endif /* IGT_MMGPU_H */
