/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef LIBDRM_MMGPU_H
#define LIBDRM_MMGPU_H

/*
 * libdrm_mmgpu: the user-space side of the mmgpu DRM driver.
 *
 * Build with "pkg-config --cflags --libs libdrm_mmgpu". The flags, parameters
 * and states that the calls below take and give are those of <mmgpu_drm.h>.
 *
 * Return values
 *	Calls that return int give 0, or a negative errno, and write their
 *	outputs (the last arguments) only on success. The caller's errno is not
 *	part of the interface. In the lists of errors below these are left out,
 *	as nearly every call can meet them:
 *
 *	-EPERM	the file is bound to another address space (see Binding)
 *	-ESRCH	the file is bound to an address space that is gone
 *	-ENODEV	the device was unplugged or its driver unbound
 *	-ENOMEM	no memory, here or in the kernel
 *
 *	drm_mmgpu_last_error() puts the last failure into words and says what to
 *	do about it. The library never prints and never aborts.
 *
 * Binding
 *	Who opens the node and calls drm_mmgpu_bind() has a file that only its
 *	own address space can use: not a child after fork(), not a program after
 *	exec(), not the receiver of the descriptor. They open the node again.
 *	Without drm_mmgpu_bind() a file is like that of any DRM driver.
 *
 * Sharing
 *	The buffers of a bound file are private. Their owner gives single ones to
 *	single other address spaces with drm_mmgpu_bo_grant(), and takes them back
 *	with drm_mmgpu_bo_revoke():
 *
 *	the other one	opens the node, asks for its number (drm_mmgpu_query() with
 *			MMGPU_QUERY_MM_ASSIGN) and sends it
 *	the owner	grants the buffer to that number, makes a dma-buf of it with
 *			drm_mmgpu_bo_export() and sends the descriptor
 *	the other one	takes it with drm_mmgpu_bo_import(), maps it and names it in
 *			jobs
 *	the owner	revokes; from its return on, nothing of the other one's reads or
 *			writes the buffer
 *
 *	A grant ends with the grantee's address space: at its exit, and at its exec. It
 *	does not end with the owner's.
 *
 * CPU addresses
 *	The drm_mmgpu_job_svm_...() commands take pointers: to memory of any kind that
 *	the process could use itself, malloc()ed, on a stack, a mapped file. It needs no
 *	registration, is not pinned, and nothing is copied beforehand. They need a bound file, on
 *	a device whose MMGPU_PARAM_SVM is 1.
 *
 *	The memory must stay mapped until the job is over: what is mapped at the address while
 *	the job runs is what it uses. So wait for an out-sync before free(), munmap() and the
 *	return from the function whose variable it is, and before changing what the job reads.
 *
 *	An address that the process may not use in that way (nothing is mapped there, it is
 *	read-only and to be written, it is behind the end of a file) ends the job: the status
 *	of its out-sync is -EFAULT. All commands and rows before have been carried out, and, of
 *	a fill and a copy between ranges that do not overlap, all bytes before; nothing behind
 *	has. Other jobs go on, and so does the context, which counts it (drm_mmgpu_context_query()).
 *	A page that does not come within MMGPU_PARAM_JOB_TIMEOUT_MS is a hang, -ETIME.
 *
 *	A job that has such a command waits for no user of its buffers, and
 *	drm_mmgpu_bo_wait_idle() does not wait for it: syncobjs order it, and tell when it is
 *	over. For buffers that the svm commands name this is so by itself; any other
 *	buffer in the job needs MMGPU_BO_REF_NO_IMPLICIT_SYNC (drm_mmgpu_job_use_bo()).
 *
 * Threads
 *	Everything made from one struct drm_mmgpu may be used by several threads
 *	at once, except a struct drm_mmgpu_job, which is one thread's at a time.
 *	Nobody else may be using what is freed. The library makes no threads and
 *	handles no signals; interrupted system calls are restarted.
 *
 * fork()
 *	A child inherits the objects with the descriptor. Those of a legacy file
 *	keep working, and share the handles with the parent: freeing them in one
 *	process frees them in the other. Those of a bound file can only be freed,
 *	which takes nothing from the parent. Private buffers are not mapped in the
 *	child; the addresses that drm_mmgpu_bo_map() gave are not valid there.
 *
 * Time
 *	Timeouts are absolute, in nanoseconds of CLOCK_MONOTONIC:
 *	drm_mmgpu_deadline() makes one from a duration. A time in the past, 0
 *	included, looks once and does not wait; INT64_MAX waits for ever.
 */

#include <stddef.h>
#include <stdint.h>

#include <mmgpu_drm.h>

#if defined(__cplusplus)
extern "C" {
#endif

/* An open file of the device, what is called a client elsewhere. */
struct drm_mmgpu;
/* A buffer object, as seen through one file. */
struct drm_mmgpu_bo;
/* A queue of jobs on one engine, or on any. */
struct drm_mmgpu_context;
/* A list of commands, with the buffers and syncobjs that they need. */
struct drm_mmgpu_job;

/**
 * drm_mmgpu_last_error - the last failure, in words
 *
 * A sentence or two on what failed in this thread last, why, and what to do:
 *
 *	creating a buffer: this file is bound to address space 17 and the caller
 *	is 23: open the node again in this process
 *
 * Calls that succeed leave it as it is. It is meant for people; programs look at
 * the returned errno.
 *
 * Return: a string, "" if nothing failed yet. It belongs to the library and is
 * overwritten by the next failure in the same thread. Never NULL, never blocks.
 */
const char *drm_mmgpu_last_error(void);

/**
 * drm_mmgpu_deadline - a timeout, @ns nanoseconds from now
 * @ns: duration in nanoseconds; 0 or less makes a time that is over already
 *
 * Return: an absolute time for the calls that wait. What would overflow becomes
 * INT64_MAX, for ever.
 */
int64_t drm_mmgpu_deadline(int64_t ns);

/**
 * drm_mmgpu_find_node - path of a render node of an mmgpu device
 * @index: which one, from 0, in the order of their minor numbers
 * @size: bytes at @path
 * @path: out: the path, with its terminating 0
 *
 * Opens the render nodes of the machine's platform devices for a moment, to ask
 * for the name of their driver.
 *
 * Errors: -ENOENT there are not so many; -EACCES there is none that this user may
 * open, but one that it may not; -ENOSPC @size is too small; -EINVAL @path is NULL.
 */
int drm_mmgpu_find_node(unsigned int index, size_t size, char *path);

/**
 * drm_mmgpu_open - open a node
 * @path: the node, NULL for the first render node of an mmgpu device
 * @devp: out: the new file; end it with drm_mmgpu_close()
 *
 * The descriptor is close-on-exec. The new file is a legacy one, to be bound with
 * drm_mmgpu_bind() if wanted.
 *
 * Errors: those of open(2) and of drm_mmgpu_find_node(); -ENOTSUP this is not an
 * mmgpu device, or one whose interface has another major version; -EINVAL @devp
 * is NULL.
 */
int drm_mmgpu_open(const char *path, struct drm_mmgpu **devp);

/**
 * drm_mmgpu_new - use a descriptor that is open already
 * @fd: descriptor of a node
 * @devp: out: the file; end it with drm_mmgpu_close()
 *
 * @fd stays the caller's, who closes it after drm_mmgpu_close(). Call this once
 * per open file: the duplicates that dup(), fork() and SCM_RIGHTS make share their
 * handles, and two struct drm_mmgpu would close each other's.
 *
 * Errors: -EBADF @fd is not open; -ENOTSUP this is not an mmgpu device, or one
 * whose interface has another major version; -EINVAL @devp is NULL.
 */
int drm_mmgpu_new(int fd, struct drm_mmgpu **devp);

/**
 * drm_mmgpu_close - end the use of a file
 * @dev: the file, or NULL
 *
 * Free the buffers, contexts and jobs made from it before. Closes the descriptor
 * if drm_mmgpu_open() opened it. Does not wait for jobs: when this was the last
 * descriptor of the file, queued jobs are cancelled and a running one ends by
 * itself.
 */
void drm_mmgpu_close(struct drm_mmgpu *dev);

/**
 * drm_mmgpu_get_fd - the descriptor of a file
 * @dev: the file
 *
 * For libdrm's own calls: drmSyncobjCreate() and the like.
 *
 * Return: the descriptor. It stays the file's.
 */
int drm_mmgpu_get_fd(const struct drm_mmgpu *dev);

/**
 * drm_mmgpu_get_version - version of the driver's interface
 * @dev: the file
 *
 * Return: the minor version. The major one is 1.
 */
int drm_mmgpu_get_version(const struct drm_mmgpu *dev);

/**
 * drm_mmgpu_query_param - ask for a limit or a property of the device
 * @dev: the file
 * @param: one of enum drm_mmgpu_param
 * @value: out: the value, in the unit that the parameter's name says
 *
 * Works in every address space. Never blocks.
 *
 * Errors: -EINVAL this driver does not know @param, or @value is NULL. Neither
 * -EPERM nor -ESRCH.
 */
int drm_mmgpu_query_param(struct drm_mmgpu *dev, uint32_t param, uint64_t *value);

/**
 * drm_mmgpu_bind - bind the file to the caller's address space, for ever
 * @dev: the file
 * @mm_seq: out: the number of the address space; may be NULL
 *
 * Do this right after opening, and early in the life of the process: the call gets
 * slower with each mapping. Doing it again succeeds, and gives the same number.
 *
 * Errors: -EBUSY the file has a buffer or a context, or has submitted a job.
 */
int drm_mmgpu_bind(struct drm_mmgpu *dev, uint64_t *mm_seq);

/**
 * drm_mmgpu_query - who owns the file, and who is asking
 * @dev: the file
 * @flags: MMGPU_QUERY_MM_ASSIGN gives the caller's address space a number if it has
 *	none; or 0
 * @state: out: of MMGPU_MM_BOUND, MMGPU_MM_OWNER and MMGPU_MM_GONE; may be NULL
 * @bound_mm_seq: out: number of the owner, 0 for a legacy file; may be NULL
 * @caller_mm_seq: out: number of the caller, 0 if it has none; may be NULL
 *
 * Works in every address space, and after an unplug. Never binds.
 *
 * Errors: -EINVAL unknown @flags. None of -EPERM, -ESRCH, -ENODEV.
 */
int drm_mmgpu_query(struct drm_mmgpu *dev, uint32_t flags, uint32_t *state,
		    uint64_t *bound_mm_seq, uint64_t *caller_mm_seq);

/**
 * drm_mmgpu_bo_new - make a buffer of zeroes
 * @dev: the file
 * @size: bytes; rounded up to whole pages
 * @flags: MMGPU_BO_SHARED or 0
 * @bop: out: the buffer; end its use with drm_mmgpu_bo_put()
 *
 * On a bound file the buffer is private: only the owner's address space can reach
 * it, and those that it is granted to, whoever gets a handle or a dma-buf of it.
 * MMGPU_BO_SHARED makes one that every holder of a handle may use, and other devices too.
 *
 * Errors: -EINVAL @size is 0, unknown @flags, @bop is NULL; -E2BIG @size is over
 * MMGPU_PARAM_MAX_BO_SIZE; -ENOSPC out of memory or handles.
 */
int drm_mmgpu_bo_new(struct drm_mmgpu *dev, uint64_t size, uint32_t flags,
		     struct drm_mmgpu_bo **bop);

/**
 * drm_mmgpu_bo_import - use the buffer behind a dma-buf
 * @dev: the file
 * @fd: descriptor of the dma-buf; stays the caller's and may be closed afterwards
 * @bop: out: the buffer; end its use with drm_mmgpu_bo_put()
 *
 * Importing what this file has already gives the same object again, with one more
 * reference.
 *
 * Errors: -EPERM also for a private buffer of another address space that did not grant
 * it; -EBADF @fd is not open; -EINVAL @fd is not a dma-buf, or @bop is NULL; else what the exporting
 * driver says.
 */
int drm_mmgpu_bo_import(struct drm_mmgpu *dev, int fd, struct drm_mmgpu_bo **bop);

/**
 * drm_mmgpu_bo_wrap - use a GEM handle that was made elsewhere
 * @dev: the file
 * @handle: handle on this file, as of DRM_IOCTL_MODE_CREATE_DUMB or
 *	DRM_IOCTL_GEM_OPEN; on success the library owns it and closes it at the last
 *	drm_mmgpu_bo_put()
 * @bop: out: the buffer
 *
 * A handle that the library has already gives the same object again, with one more
 * reference.
 *
 * Errors: -ENOENT no such handle; -EPERM also for a private buffer of another
 * address space; -EINVAL @bop is NULL.
 */
int drm_mmgpu_bo_wrap(struct drm_mmgpu *dev, uint32_t handle, struct drm_mmgpu_bo **bop);

/**
 * drm_mmgpu_bo_get - take one more reference
 * @bo: the buffer
 *
 * Return: @bo.
 */
struct drm_mmgpu_bo *drm_mmgpu_bo_get(struct drm_mmgpu_bo *bo);

/**
 * drm_mmgpu_bo_put - give a reference back
 * @bo: the buffer, or NULL
 *
 * The last one unmaps the buffer and closes its handle. The memory stays until
 * jobs, dma-bufs and other processes are done with it. Does not wait.
 */
void drm_mmgpu_bo_put(struct drm_mmgpu_bo *bo);

/**
 * drm_mmgpu_bo_get_handle - GEM handle of a buffer
 * @bo: the buffer
 *
 * Return: the handle. It stays the buffer's: never close it.
 */
uint32_t drm_mmgpu_bo_get_handle(const struct drm_mmgpu_bo *bo);

/**
 * drm_mmgpu_bo_get_size - size of a buffer
 * @bo: the buffer
 *
 * Return: bytes, whole pages.
 */
uint64_t drm_mmgpu_bo_get_size(const struct drm_mmgpu_bo *bo);

/**
 * drm_mmgpu_bo_query - who may do what to a buffer
 * @bo: the buffer
 * @flags: out: the flags given at creation, 0 if imported; may be NULL
 * @mm_seq: out: number of the owner's address space, 0 if not private; may be NULL
 * @access: out: the caller's, of MMGPU_ACCESS_READ and MMGPU_ACCESS_WRITE; may be NULL
 *
 * Never blocks.
 *
 * Errors: -EPERM also if the caller may not read the buffer.
 */
int drm_mmgpu_bo_query(struct drm_mmgpu_bo *bo, uint32_t *flags, uint64_t *mm_seq,
		       uint32_t *access);

/**
 * drm_mmgpu_bo_grant - give another address space access to a private buffer
 * @bo: the buffer; the caller's address space must be its owner
 * @mm_seq: number of the other address space, the grantee
 * @access: MMGPU_ACCESS_READ, or that and MMGPU_ACCESS_WRITE
 *
 * The access becomes what @access says, whatever it was before. What was allowed before
 * and is not any more ends as with drm_mmgpu_bo_revoke(), the wait included; otherwise
 * this does not block. The grant covers import, mappings, jobs and the CPU access of
 * dma-bufs; not other devices, and not granting the buffer on.
 *
 * Granting allocates the memory of the whole buffer at once, at the owner's expense.
 *
 * Errors: -EINVAL @access is 0, unknown, or writing without reading, the buffer is not
 * private, @mm_seq is the owner's own; -EPERM also if the caller does not own the
 * buffer; -ESRCH also if no address space has this number, or it is gone; -ENOSPC the
 * buffer has MMGPU_PARAM_MAX_GRANTS grants; -ENOENT something else closed the handle;
 * -EOPNOTSUPP the driver is too old (interface 1.0).
 */
int drm_mmgpu_bo_grant(struct drm_mmgpu_bo *bo, uint64_t mm_seq, uint32_t access);

/**
 * drm_mmgpu_bo_revoke - take the access back
 * @bo: the buffer; the caller's address space must be its owner
 * @mm_seq: number of the grantee
 *
 * When this returns 0, nothing of the grantee's reads or writes the buffer any more:
 * its mappings are empty and fault (see drm_mmgpu_bo_map()), its queued jobs that use the
 * buffer end with -ECANCELED, those that ran are over, its new ones are refused. The
 * grantee keeps its handle, which is of no use. Revoking what was not granted succeeds, so
 * does revoking from an address space that is gone.
 *
 * Blocks while jobs of the grantee that use the buffer run, so at most for
 * MMGPU_PARAM_JOB_TIMEOUT_MS; not for a grantee that is stopped, nor for jobs that did
 * not start. A signal does not end the wait: its handler runs, and the call goes on.
 *
 * Errors: -EINVAL the buffer is not private, @mm_seq is the owner's own; -EPERM also if
 * the caller does not own the buffer; -ENOENT something else closed the handle;
 * -EOPNOTSUPP the driver is too old (interface 1.0).
 */
int drm_mmgpu_bo_revoke(struct drm_mmgpu_bo *bo, uint64_t mm_seq);

/**
 * drm_mmgpu_bo_export - make a dma-buf of a buffer
 * @bo: the buffer
 * @flags: DRM_CLOEXEC and DRM_RDWR, as for drmPrimeHandleToFD() (they need <fcntl.h>);
 *	DRM_RDWR allows writable mappings of the dma-buf
 * @fd: out: a new descriptor; the caller closes it
 *
 * For others to import. The descriptor of a private buffer gives access to nobody: who
 * was not granted the buffer gets -EPERM when importing, mapping or using it.
 *
 * Errors: -EINVAL unknown @flags, @fd is NULL; -EMFILE too many open files.
 */
int drm_mmgpu_bo_export(struct drm_mmgpu_bo *bo, uint32_t flags, int *fd);

/**
 * drm_mmgpu_bo_map - map a buffer for the CPU
 * @bo: the buffer
 * @ptr: out: its first byte; drm_mmgpu_bo_get_size() bytes are there
 *
 * Readable, and writable if the caller may write the buffer. All users of the
 * object share one mapping; each takes it back with drm_mmgpu_bo_unmap(). Does not
 * wait for jobs: see drm_mmgpu_bo_wait_idle() and drm_mmgpu_syncobj_wait().
 *
 * A mapping of a private buffer is not inherited by fork(): a child that touches it
 * gets SIGSEGV or SIGBUS.
 *
 * When the access is revoked, the next touch of the mapping is a SIGBUS, or -EFAULT from
 * a system call. When it is narrowed to reading, so is every touch of a mapping that
 * was made for writing: unmap it and map again. When it is widened, a mapping made
 * before stays read-only until it is unmapped.
 *
 * Errors: -EPERM also if the caller may not read the buffer; -EINVAL @ptr is NULL.
 */
int drm_mmgpu_bo_map(struct drm_mmgpu_bo *bo, void **ptr);

/**
 * drm_mmgpu_bo_unmap - give a mapping back
 * @bo: the buffer
 *
 * The last one removes it. In a child after fork() this knows whether the mapping
 * was inherited, and leaves alone what lies there if it was not.
 *
 * Errors: -EINVAL the buffer is not mapped. No others.
 */
int drm_mmgpu_bo_unmap(struct drm_mmgpu_bo *bo);

/**
 * drm_mmgpu_bo_wait_idle - wait until the jobs that use a buffer are over
 * @bo: the buffer
 * @flags: 0 waits for those that write, before reading; MMGPU_BO_WAIT_WRITE waits for
 *	those that read too, before writing
 * @timeout_ns: absolute, see Time above
 *
 * Blocks. Success says that the jobs are over, not that they succeeded: their
 * syncobjs tell that. Jobs that used the buffer with MMGPU_BO_REF_NO_IMPLICIT_SYNC
 * are not waited for.
 *
 * Errors: -ETIME still busy; -EPERM also if the caller may not read the buffer;
 * -EINVAL unknown @flags.
 */
int drm_mmgpu_bo_wait_idle(struct drm_mmgpu_bo *bo, uint32_t flags, int64_t timeout_ns);

/**
 * drm_mmgpu_context_new - make a context
 * @dev: the file
 * @priority: MMGPU_PRIORITY_LOW, _NORMAL, or _HIGH, which needs CAP_SYS_NICE
 * @engine: index of an engine, below MMGPU_PARAM_ENGINE_COUNT, or MMGPU_ENGINE_ANY
 * @ctxp: out: the context; end it with drm_mmgpu_context_free()
 *
 * Jobs of one context start and end in the order of their submission, those of
 * different contexts in any.
 *
 * Errors: -EINVAL unknown @priority, no such @engine, @ctxp is NULL; -EACCES
 * MMGPU_PRIORITY_HIGH is not allowed; -E2BIG the file has MMGPU_PARAM_MAX_CONTEXTS.
 */
int drm_mmgpu_context_new(struct drm_mmgpu *dev, int32_t priority, uint32_t engine,
			  struct drm_mmgpu_context **ctxp);

/**
 * drm_mmgpu_context_default - the context that every file has
 * @dev: the file
 *
 * Normal priority, any engine.
 *
 * Return: the context, which lives as long as @dev and needs no freeing.
 */
struct drm_mmgpu_context *drm_mmgpu_context_default(struct drm_mmgpu *dev);

/**
 * drm_mmgpu_context_free - end a context
 * @ctx: the context, or NULL; the default one is left alone
 *
 * Its queued jobs are cancelled (their fences end with -ECANCELED), a running one
 * ends by itself. Does not wait.
 */
void drm_mmgpu_context_free(struct drm_mmgpu_context *ctx);

/**
 * drm_mmgpu_context_get_id - id of a context
 * @ctx: the context
 *
 * Return: the id for SUBMIT and CTX_QUERY, 0 for the default context.
 */
uint32_t drm_mmgpu_context_get_id(const struct drm_mmgpu_context *ctx);

/**
 * drm_mmgpu_context_query - what became of a context's jobs
 * @ctx: the context
 * @status: out: MMGPU_CTX_BANNED or 0; may be NULL
 * @hangs: out: jobs that ran over MMGPU_PARAM_JOB_TIMEOUT_MS; may be NULL
 * @faults: out: jobs that met a CPU address they may not use; may be NULL
 * @jobs_done: out: jobs that succeeded; may be NULL
 *
 * Never blocks.
 *
 * Errors: only those of every call.
 */
int drm_mmgpu_context_query(struct drm_mmgpu_context *ctx, uint32_t *status, uint64_t *hangs,
			    uint64_t *faults, uint64_t *jobs_done);

/**
 * drm_mmgpu_job_new - make an empty job
 * @dev: the file
 * @jobp: out: the job; end it with drm_mmgpu_job_free()
 *
 * Then add commands, in the order in which they shall run, and submit:
 *
 *	drm_mmgpu_job_fill(job, bo, 0, size, 0);
 *	drm_mmgpu_job_copy(job, bo, 0, other, 0, 4096);
 *	drm_mmgpu_job_out_sync(job, syncobj, 0);
 *	ret = drm_mmgpu_job_submit(job, ctx);
 *
 * The list of buffers that the kernel wants is made from the commands: each buffer
 * once, for reading, writing or both. A job holds references to its buffers.
 *
 * The calls that add something return nothing. The first that fails (no memory, a
 * buffer of another file) is remembered, what follows is ignored, and
 * drm_mmgpu_job_submit() reports it. Whether a command is right, only the kernel
 * judges.
 *
 * Errors: -EINVAL @jobp is NULL. No others but -ENOMEM.
 */
int drm_mmgpu_job_new(struct drm_mmgpu *dev, struct drm_mmgpu_job **jobp);

/**
 * drm_mmgpu_job_free - free a job
 * @job: the job, or NULL
 *
 * What was submitted runs on.
 */
void drm_mmgpu_job_free(struct drm_mmgpu_job *job);

/**
 * drm_mmgpu_job_reset - make a job empty again, without an error
 * @job: the job
 *
 * Cheaper than a new one: the memory of its lists is kept.
 */
void drm_mmgpu_job_reset(struct drm_mmgpu_job *job);

/**
 * drm_mmgpu_job_get_cmd_count - number of commands in a job
 * @job: the job
 *
 * For splitting work: a job takes at most MMGPU_PARAM_MAX_CMDS.
 *
 * Return: the number of commands.
 */
uint32_t drm_mmgpu_job_get_cmd_count(const struct drm_mmgpu_job *job);

/**
 * drm_mmgpu_job_nop - add a command that does nothing
 * @job: the job
 */
void drm_mmgpu_job_nop(struct drm_mmgpu_job *job);

/**
 * drm_mmgpu_job_fill - add: fill a range with a pattern
 * @job: the job
 * @dst: the buffer
 * @offset: first byte
 * @size: bytes
 * @value: 8 bytes of pattern in the CPU's order, the last copy of it is cut
 */
void drm_mmgpu_job_fill(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *dst, uint64_t offset,
			uint64_t size, uint64_t value);

/**
 * drm_mmgpu_job_fill_2d - add: fill a rectangle with a pattern
 * @job: the job
 * @dst: the buffer
 * @offset: first byte of the first row
 * @pitch: bytes from one row to the next, at least @width
 * @width: bytes of a row
 * @rows: number of rows
 * @value: 8 bytes of pattern; each row starts with the first
 */
void drm_mmgpu_job_fill_2d(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *dst, uint64_t offset,
			   uint32_t pitch, uint64_t width, uint32_t rows, uint64_t value);

/**
 * drm_mmgpu_job_copy - add: copy a range
 * @job: the job
 * @dst: buffer that is written
 * @dst_offset: first byte there
 * @src: buffer that is read; may be @dst, and overlap, as for memmove()
 * @src_offset: first byte there
 * @size: bytes
 */
void drm_mmgpu_job_copy(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *dst, uint64_t dst_offset,
			struct drm_mmgpu_bo *src, uint64_t src_offset, uint64_t size);

/**
 * drm_mmgpu_job_copy_2d - add: copy a rectangle
 * @job: the job
 * @dst: buffer that is written
 * @dst_offset: first byte of the first row there
 * @dst_pitch: bytes from one row to the next there, at least @width
 * @src: buffer that is read; if the rectangles overlap, what they hold where they
 *	do is undefined
 * @src_offset: first byte of the first row there
 * @src_pitch: bytes from one row to the next there, at least @width
 * @width: bytes of a row
 * @rows: number of rows
 */
void drm_mmgpu_job_copy_2d(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *dst,
			   uint64_t dst_offset, uint32_t dst_pitch, struct drm_mmgpu_bo *src,
			   uint64_t src_offset, uint32_t src_pitch, uint64_t width,
			   uint32_t rows);

/**
 * drm_mmgpu_job_add - add: add to a 64-bit integer, atomically
 * @job: the job
 * @dst: the buffer
 * @offset: of the integer, a multiple of 8
 * @value: what is added, modulo 2^64
 */
void drm_mmgpu_job_add(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *dst, uint64_t offset,
		       uint64_t value);

/**
 * drm_mmgpu_job_timestamp - add: write the time
 * @job: the job
 * @dst: the buffer
 * @offset: of a 64-bit integer, a multiple of 8, that gets the nanoseconds of
 *	CLOCK_MONOTONIC
 */
void drm_mmgpu_job_timestamp(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *dst,
			     uint64_t offset);

/**
 * drm_mmgpu_job_svm_fill - add: fill memory of this process with a pattern
 * @job: the job, of a bound file; see CPU addresses above
 * @dst: first byte; must stay mapped until the job is over
 * @size: bytes
 * @value: 8 bytes of pattern in the CPU's order, the last copy of it is cut
 */
void drm_mmgpu_job_svm_fill(struct drm_mmgpu_job *job, void *dst, uint64_t size, uint64_t value);

/**
 * drm_mmgpu_job_svm_fill_2d - add: fill a rectangle in memory of this process
 * @job: the job, of a bound file; see CPU addresses above
 * @dst: first byte of the first row; must stay mapped until the job is over
 * @pitch: bytes from one row to the next, at least @width
 * @width: bytes of a row
 * @rows: number of rows
 * @value: 8 bytes of pattern; each row starts with the first
 */
void drm_mmgpu_job_svm_fill_2d(struct drm_mmgpu_job *job, void *dst, uint32_t pitch,
			       uint64_t width, uint32_t rows, uint64_t value);

/**
 * drm_mmgpu_job_svm_copy - add: copy within the memory of this process
 * @job: the job, of a bound file; see CPU addresses above
 * @dst: memory that is written; must stay mapped until the job is over
 * @src: memory that is read, likewise; may overlap with @dst, as for memmove()
 * @size: bytes
 */
void drm_mmgpu_job_svm_copy(struct drm_mmgpu_job *job, void *dst, const void *src, uint64_t size);

/**
 * drm_mmgpu_job_svm_copy_2d - add: copy a rectangle within the memory of this process
 * @job: the job, of a bound file; see CPU addresses above
 * @dst: first byte of the first row that is written; must stay mapped until the job is over
 * @dst_pitch: bytes from one row to the next there, at least @width
 * @src: first byte of the first row that is read, likewise; if the rectangles overlap, what
 *	they hold where they do is undefined
 * @src_pitch: bytes from one row to the next there, at least @width
 * @width: bytes of a row
 * @rows: number of rows
 */
void drm_mmgpu_job_svm_copy_2d(struct drm_mmgpu_job *job, void *dst, uint32_t dst_pitch,
			       const void *src, uint32_t src_pitch, uint64_t width,
			       uint32_t rows);

/**
 * drm_mmgpu_job_svm_upload - add: copy from memory of this process to a buffer
 * @job: the job, of a bound file; see CPU addresses above
 * @dst: buffer that is written, without implicit ordering
 * @dst_offset: first byte there
 * @src: memory that is read; must stay mapped until the job is over
 * @size: bytes
 */
void drm_mmgpu_job_svm_upload(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *dst,
			      uint64_t dst_offset, const void *src, uint64_t size);

/**
 * drm_mmgpu_job_svm_upload_2d - add: copy a rectangle from memory of this process to a buffer
 * @job: the job, of a bound file; see CPU addresses above
 * @dst: buffer that is written, without implicit ordering
 * @dst_offset: first byte of the first row there
 * @dst_pitch: bytes from one row to the next there, at least @width
 * @src: first byte of the first row that is read; must stay mapped until the job is over
 * @src_pitch: bytes from one row to the next there, at least @width
 * @width: bytes of a row
 * @rows: number of rows
 */
void drm_mmgpu_job_svm_upload_2d(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *dst,
				 uint64_t dst_offset, uint32_t dst_pitch, const void *src,
				 uint32_t src_pitch, uint64_t width, uint32_t rows);

/**
 * drm_mmgpu_job_svm_download - add: copy from a buffer to memory of this process
 * @job: the job, of a bound file; see CPU addresses above
 * @dst: memory that is written; must stay mapped until the job is over
 * @src: buffer that is read, without implicit ordering
 * @src_offset: first byte there
 * @size: bytes
 */
void drm_mmgpu_job_svm_download(struct drm_mmgpu_job *job, void *dst, struct drm_mmgpu_bo *src,
				uint64_t src_offset, uint64_t size);

/**
 * drm_mmgpu_job_svm_download_2d - add: copy a rectangle from a buffer to memory of this process
 * @job: the job, of a bound file; see CPU addresses above
 * @dst: first byte of the first row that is written; must stay mapped until the job is over
 * @dst_pitch: bytes from one row to the next there, at least @width
 * @src: buffer that is read, without implicit ordering
 * @src_offset: first byte of the first row there
 * @src_pitch: bytes from one row to the next there, at least @width
 * @width: bytes of a row
 * @rows: number of rows
 */
void drm_mmgpu_job_svm_download_2d(struct drm_mmgpu_job *job, void *dst, uint32_t dst_pitch,
				   struct drm_mmgpu_bo *src, uint64_t src_offset,
				   uint32_t src_pitch, uint64_t width, uint32_t rows);

/**
 * drm_mmgpu_job_svm_timestamp - add: write the time to memory of this process
 * @job: the job, of a bound file; see CPU addresses above
 * @dst: gets the nanoseconds of CLOCK_MONOTONIC, in one piece; must stay mapped until the
 *	job is over
 */
void drm_mmgpu_job_svm_timestamp(struct drm_mmgpu_job *job, uint64_t *dst);

/**
 * drm_mmgpu_job_delay - add: keep the engine busy
 * @job: the job
 * @ns: nanoseconds, at most MMGPU_PARAM_MAX_DELAY_MS
 *
 * A job that takes longer than MMGPU_PARAM_JOB_TIMEOUT_MS is killed, and its context
 * takes no more.
 */
void drm_mmgpu_job_delay(struct drm_mmgpu_job *job, uint64_t ns);

/**
 * drm_mmgpu_job_use_bo - say how a job uses a buffer
 * @job: the job
 * @bo: the buffer
 * @flags: of MMGPU_BO_REF_READ, MMGPU_BO_REF_WRITE and MMGPU_BO_REF_NO_IMPLICIT_SYNC; added
 *	to what the commands need
 *
 * Commands need no such call. It serves to order a job after the users of a buffer
 * that it does not touch, and to switch implicit ordering off for one that it does.
 */
void drm_mmgpu_job_use_bo(struct drm_mmgpu_job *job, struct drm_mmgpu_bo *bo, uint32_t flags);

/**
 * drm_mmgpu_job_in_sync - let a job wait for a syncobj
 * @job: the job
 * @syncobj: handle on this file; it must have a fence when the job is submitted
 * @point: point on its timeline; 0 for a binary syncobj
 */
void drm_mmgpu_job_in_sync(struct drm_mmgpu_job *job, uint32_t syncobj, uint64_t point);

/**
 * drm_mmgpu_job_out_sync - let a job signal a syncobj when it is over
 * @job: the job
 * @syncobj: handle on this file
 * @point: point on its timeline; 0 for a binary syncobj, whose fence is replaced
 */
void drm_mmgpu_job_out_sync(struct drm_mmgpu_job *job, uint32_t syncobj, uint64_t point);

/**
 * drm_mmgpu_job_submit - queue a job
 * @job: the job; it stays as it is and may be submitted again
 * @ctx: the context, on the same file; NULL for the default one
 *
 * Does not wait for the job. With MMGPU_PARAM_MAX_JOBS unfinished jobs in the context
 * it blocks until one is over. A refused submission changes nothing.
 *
 * The job's result is what drm_mmgpu_syncobj_wait() gives as the status of an
 * out-sync.
 *
 * Errors: the first of the calls that made the job; -E2BIG more commands, buffers or
 * syncobjs than the device takes; -EINVAL a command that is malformed or out of a
 * buffer's range, an in-sync that has no fence yet, a context of another file; -ENOENT
 * a buffer, context or syncobj that is not there (any more); -EPERM also for a buffer
 * that the caller may not use, -EACCES one that it may not write; -ECANCELED the
 * context was banned after a hang; -EOPNOTSUPP the device offers no such syncobjs, or
 * takes no CPU addresses, or the file is not bound. Whether a CPU address may be used is seen
 * when the job runs.
 */
int drm_mmgpu_job_submit(struct drm_mmgpu_job *job, struct drm_mmgpu_context *ctx);

/**
 * drm_mmgpu_syncobj_wait - wait for a syncobj and the jobs behind it
 * @dev: the file
 * @syncobj: handle on this file
 * @point: point on its timeline; 0 for a binary syncobj
 * @timeout_ns: absolute, see Time above
 * @status: out: how the job ended: 0, -ECANCELED (its owner, file or context went away
 *	before it started, or its access to a buffer was revoked), -ETIME (it hung), -ENODEV
 *	(unplugged) or -EFAULT (a CPU address that it may not use, see above); may be NULL
 *
 * Blocks. A fence that is not there yet is waited for. The call succeeds when the job
 * is over, however it ended. The kernel forgets the result of a point when a later one
 * of the same timeline has been looked at; @status is 0 then.
 *
 * Errors: -ETIME not over yet; -ENOENT no such syncobj; -EOPNOTSUPP the device offers
 * no such syncobjs; -EMFILE too many open files to ask for @status.
 */
int drm_mmgpu_syncobj_wait(struct drm_mmgpu *dev, uint32_t syncobj, uint64_t point,
			   int64_t timeout_ns, int *status);

#if defined(__cplusplus)
}
#endif

#endif /* LIBDRM_MMGPU_H */
