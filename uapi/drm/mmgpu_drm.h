/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_DRM_H_
#define _MMGPU_DRM_H_

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * DOC: Rules of the interface
 *
 * Every structure has fixed-size members only, a size that is a multiple of 8
 * and no holes, so that 32-bit and 64-bit programs use the same layout.
 *
 * Padding and every flag bit that is not listed here must be 0, else the call
 * fails with ``EINVAL``. What a member that is only an output holds on entry is
 * ignored. A call that fails writes no output and changes nothing, but for one case:
 * DRM core writes the output when all is done, and if it cannot it says ``EFAULT`` and
 * takes nothing back. What was made stays until the file is closed.
 *
 * Structures grow at their end. DRM core extends a shorter one with zeroes and
 * cuts a longer one, so each later member comes with a flag that turns it on.
 * The version of this interface is the driver's minor version.
 *
 * All numbers of bytes, offsets and addresses are in bytes; all times are in
 * nanoseconds of ``CLOCK_MONOTONIC`` unless the name ends in ``_MS``.
 *
 * Any ioctl that may sleep for long does so interruptibly and is restarted by
 * drmIoctl() without effect on its arguments: timeouts are absolute. The exception is
 * the first step of a revocation, which nobody may put off: only SIGKILL ends it.
 */

/**
 * DOC: Who may call
 *
 * A file starts as a legacy file: whoever holds the descriptor may use it.
 * After %DRM_IOCTL_MMGPU_BIND_MM only the address space (mm) that called it
 * may. Every other caller gets ``EPERM`` from every ioctl, the ones of DRM core
 * included, and ``ESRCH`` once the owner's mm is gone. This is decided before
 * anything else. The two exceptions are %DRM_IOCTL_MMGPU_QUERY_MM and
 * %DRM_IOCTL_MMGPU_GET_PARAM, which any mm may call.
 *
 * The next question is whether the device is still there: ``ENODEV`` after it
 * was unplugged or unbound, from every ioctl but %DRM_IOCTL_MMGPU_QUERY_MM.
 *
 * These errors, and ``EFAULT`` for a bad pointer, can come from every ioctl and
 * are not repeated below. ``ENOMEM`` can too, for the arguments; it is listed where
 * memory is needed for more.
 */

/**
 * DOC: CPU addresses in jobs
 *
 * With %MMGPU_PARAM_SVM, a job of a bound file may name addresses of the owner's mm,
 * with %MMGPU_CMD_DST_SVM and %MMGPU_CMD_SRC_SVM, in any memory that a thread of the owner
 * could use: malloc'd, on a stack, a mapped file. No registration is needed, and nothing
 * is pinned. Each access goes through the page tables as they are at that moment, with
 * page faults, as an access by the kernel for a thread of the owner would, with the
 * rights of protection key 0. A userfaultfd that takes faults of user mode only
 * refuses it. Faults are taken in the name of the thread that submitted the job: its
 * credentials, its limits for a stack that grows, as they were at that moment, and the
 * mm's memory cgroup.
 *
 * An address that the page tables refuse ends the job with the fence error ``EFAULT``,
 * counted in &drm_mmgpu_ctx_query.faults; other jobs lose nothing. So does memory that
 * the OOM killer has reaped. In a copy of one row
 * whose ranges do not overlap, and in a fill, what comes before the first refused byte
 * has then been written, and nothing after it; so have all rows before. With ranges that
 * overlap any part of the row may have been written.
 *
 * Page faults take as long as whoever serves them likes, but the job ends at the
 * latest at %MMGPU_PARAM_JOB_TIMEOUT_MS, like any other that hangs. After its fence has
 * signalled nothing is read and nothing is written. So that no other driver's work depends
 * on a page fault by accident, every buffer in such a job needs
 * %MMGPU_BO_REF_NO_IMPLICIT_SYNC.
 *
 * Such a job runs on a thread of its file, one at a time for each file, and not on
 * an engine; it has the engine's priority only while it waits for its turn. The jobs that
 * follow it in its context run there too until the context has caught up. If the thread
 * sits in a fault that not even SIGKILL ends (a file system in user space can do that), the
 * file is given up one more job timeout later, but not before a second: all that it has
 * queued is cancelled, and each submission gets ``ECANCELED``. At most 64 files of one mm
 * can have such a thread.
 */

/* The numbers of the ioctls, relative to DRM_COMMAND_BASE. */
#define DRM_MMGPU_GET_PARAM		0x00
#define DRM_MMGPU_BIND_MM		0x01
#define DRM_MMGPU_QUERY_MM		0x02
#define DRM_MMGPU_BO_CREATE		0x03
#define DRM_MMGPU_BO_INFO		0x04
#define DRM_MMGPU_BO_WAIT		0x05
#define DRM_MMGPU_BO_GRANT		0x06
#define DRM_MMGPU_CTX_CREATE		0x07
#define DRM_MMGPU_CTX_DESTROY		0x08
#define DRM_MMGPU_CTX_QUERY		0x09
#define DRM_MMGPU_SUBMIT		0x0a

/**
 * enum drm_mmgpu_param - what DRM_IOCTL_MMGPU_GET_PARAM can be asked for
 */
enum drm_mmgpu_param {
	/** @MMGPU_PARAM_ENGINE_COUNT: Number of engines of the device. */
	MMGPU_PARAM_ENGINE_COUNT = 0,

	/** @MMGPU_PARAM_MAX_CMDS: Most commands in one job. */
	MMGPU_PARAM_MAX_CMDS = 1,

	/** @MMGPU_PARAM_MAX_BOS: Most buffer objects in one job. */
	MMGPU_PARAM_MAX_BOS = 2,

	/** @MMGPU_PARAM_MAX_SYNCS: Most in-syncs, and most out-syncs, of one job. */
	MMGPU_PARAM_MAX_SYNCS = 3,

	/** @MMGPU_PARAM_MAX_CONTEXTS: Most created contexts of one file. */
	MMGPU_PARAM_MAX_CONTEXTS = 4,

	/**
	 * @MMGPU_PARAM_MAX_JOBS: Most unfinished jobs of one context, the running
	 * one counted. One more waits in DRM_IOCTL_MMGPU_SUBMIT for a free place.
	 */
	MMGPU_PARAM_MAX_JOBS = 5,

	/** @MMGPU_PARAM_MAX_BO_SIZE: Largest buffer object, in bytes. */
	MMGPU_PARAM_MAX_BO_SIZE = 6,

	/** @MMGPU_PARAM_MAX_GRANTS: Most living grantees of one buffer object. */
	MMGPU_PARAM_MAX_GRANTS = 7,

	/**
	 * @MMGPU_PARAM_JOB_TIMEOUT_MS: Longest run of a job, in milliseconds. A job
	 * that runs longer has hung: its fence gets ``ETIME``, its context is banned.
	 */
	MMGPU_PARAM_JOB_TIMEOUT_MS = 8,

	/** @MMGPU_PARAM_MAX_DELAY_MS: Longest MMGPU_OP_DELAY, in milliseconds. */
	MMGPU_PARAM_MAX_DELAY_MS = 9,

	/**
	 * @MMGPU_PARAM_SVM: 1 if jobs of bound files may name CPU addresses
	 * (MMGPU_CMD_DST_SVM, MMGPU_CMD_SRC_SVM), else 0.
	 */
	MMGPU_PARAM_SVM = 10,
};

/**
 * struct drm_mmgpu_get_param - arguments of DRM_IOCTL_MMGPU_GET_PARAM
 *
 * Any mm may ask, on any file. Never blocks.
 *
 * Errors: ``EINVAL`` unknown @param, non-zero @pad.
 */
struct drm_mmgpu_get_param {
	/** @param: In: one of &enum drm_mmgpu_param. */
	__u32 param;

	/** @pad: Must be 0. */
	__u32 pad;

	/** @value: Out: the value, in the unit that the parameter's name says. */
	__u64 value;
};

/**
 * struct drm_mmgpu_bind_mm - arguments of DRM_IOCTL_MMGPU_BIND_MM
 *
 * Binds the file to the caller's mm, for ever. Bind early, right after open: the
 * call takes the mmap lock for writing and visits every mapping of the process.
 * Binding again from the same mm succeeds and returns the same number. When the call
 * has succeeded, no ioctl or mmap() that began before goes on as the owner: it waits,
 * interruptibly, for those that are on their way, but not for SUBMIT and the waits for
 * syncobjs, which then end with ``EPERM``.
 *
 * Errors: ``EINVAL`` non-zero @flags or @pad, caller without an mm; ``EBUSY`` the
 * file holds a GEM handle or a created context, or a job was submitted on it;
 * ``ENOMEM``.
 */
struct drm_mmgpu_bind_mm {
	/** @flags: In: must be 0. */
	__u32 flags;

	/** @pad: Must be 0. */
	__u32 pad;

	/** @mm_seq: Out: the sequence number of the caller's mm, never 0. */
	__u64 mm_seq;
};

/* Flag of struct drm_mmgpu_query_mm: give the caller's mm a number if it has none. */
#define MMGPU_QUERY_MM_ASSIGN		(1 << 0)

/* State of struct drm_mmgpu_query_mm: the file is bound. */
#define MMGPU_MM_BOUND			(1 << 0)
/* State of struct drm_mmgpu_query_mm: the file is bound to the caller's mm. */
#define MMGPU_MM_OWNER			(1 << 1)
/* State of struct drm_mmgpu_query_mm: the mm that the file is bound to is gone. */
#define MMGPU_MM_GONE			(1 << 2)

/**
 * struct drm_mmgpu_query_mm - arguments of DRM_IOCTL_MMGPU_QUERY_MM
 *
 * Tells the number of the file's owner and the caller's own. Any mm may ask, on
 * any file, after an unplug too. It never binds.
 *
 * Numbers increase strictly in the order in which they are assigned, stay for the
 * life of the mm and are not used again while the module is loaded. Threads and
 * vfork children share their mm's; fork and exec make a new mm without a number.
 *
 * Errors: ``EINVAL`` unknown @flags; ``ENOMEM`` with %MMGPU_QUERY_MM_ASSIGN.
 */
struct drm_mmgpu_query_mm {
	/** @flags: In: %MMGPU_QUERY_MM_ASSIGN or 0. */
	__u32 flags;

	/**
	 * @state: Out: of %MMGPU_MM_BOUND, %MMGPU_MM_OWNER and %MMGPU_MM_GONE.
	 * 0 on a legacy file.
	 */
	__u32 state;

	/** @bound_mm_seq: Out: the owner's number, also when it is gone; 0 on a legacy file. */
	__u64 bound_mm_seq;

	/** @caller_mm_seq: Out: the caller's number, 0 if it has none. */
	__u64 caller_mm_seq;
};

/*
 * Flag of struct drm_mmgpu_bo_create: on a bound file, make a buffer that every
 * holder of a handle may use, and that other devices may attach to. On a legacy
 * file it is kept and changes nothing.
 */
#define MMGPU_BO_SHARED			(1 << 0)

/* The holder may read the buffer. */
#define MMGPU_ACCESS_READ		(1 << 0)
/* The holder may write the buffer. Never without MMGPU_ACCESS_READ. */
#define MMGPU_ACCESS_WRITE		(1 << 1)

/**
 * struct drm_mmgpu_bo_create - arguments of DRM_IOCTL_MMGPU_BO_CREATE
 *
 * Makes a buffer object of zeroes. On a bound file it is private to the owner's mm
 * unless %MMGPU_BO_SHARED is given; so is a dumb buffer.
 *
 * Errors: ``EINVAL`` @size is 0, unknown @flags; ``E2BIG`` @size is over
 * %MMGPU_PARAM_MAX_BO_SIZE; ``ENOMEM``, ``ENOSPC`` out of memory or handles.
 */
struct drm_mmgpu_bo_create {
	/** @size: In: size in bytes; the buffer is rounded up to whole pages. */
	__u64 size;

	/** @flags: In: %MMGPU_BO_SHARED or 0. */
	__u32 flags;

	/** @handle: Out: the GEM handle, never 0. Free it with DRM_IOCTL_GEM_CLOSE. */
	__u32 handle;
};

/**
 * struct drm_mmgpu_bo_info - arguments of DRM_IOCTL_MMGPU_BO_INFO
 *
 * Needs read access to the buffer. Never blocks.
 *
 * Errors: ``EINVAL`` non-zero @pad; ``ENOENT`` unknown @handle; ``EPERM`` the
 * caller's mm may not read the buffer.
 */
struct drm_mmgpu_bo_info {
	/** @handle: In: the GEM handle. */
	__u32 handle;

	/** @flags: Out: the flags given at creation, 0 for a buffer of another device. */
	__u32 flags;

	/** @size: Out: size in bytes, whole pages. */
	__u64 size;

	/**
	 * @mmap_offset: Out: the offset for mmap() of the device file. Only
	 * ``MAP_SHARED`` mappings are made. A mapping of a private buffer is not
	 * inherited by fork().
	 */
	__u64 mmap_offset;

	/** @mm_seq: Out: number of the owner's mm, 0 if the buffer is not private. */
	__u64 mm_seq;

	/** @access: Out: the caller's access, of %MMGPU_ACCESS_READ and %MMGPU_ACCESS_WRITE. */
	__u32 access;

	/** @pad: Must be 0. */
	__u32 pad;
};

/* Flag of struct drm_mmgpu_bo_wait: wait for the readers too, as a writer must. */
#define MMGPU_BO_WAIT_WRITE		(1 << 0)

/**
 * struct drm_mmgpu_bo_wait - arguments of DRM_IOCTL_MMGPU_BO_WAIT
 *
 * Waits, interruptibly, until the buffer can be read, or written with
 * %MMGPU_BO_WAIT_WRITE. Jobs that used it with %MMGPU_BO_REF_NO_IMPLICIT_SYNC are
 * not waited for. Success says that the jobs are over, not that they succeeded.
 *
 * Errors: ``EINVAL`` unknown @flags; ``ENOENT`` unknown @handle; ``EPERM`` the
 * caller's mm may not read the buffer; ``ETIME`` still busy at @timeout_ns.
 */
struct drm_mmgpu_bo_wait {
	/** @handle: In: the GEM handle. */
	__u32 handle;

	/** @flags: In: %MMGPU_BO_WAIT_WRITE or 0. */
	__u32 flags;

	/**
	 * @timeout_ns: In: absolute time of ``CLOCK_MONOTONIC``, in nanoseconds. A
	 * time in the past, 0 and negative ones too, looks once and does not wait.
	 */
	__s64 timeout_ns;
};

/**
 * struct drm_mmgpu_bo_grant - arguments of DRM_IOCTL_MMGPU_BO_GRANT
 *
 * Gives the mm with the number @mm_seq access to a private buffer of the caller,
 * changes that access, or takes it back. A grantee comes by the buffer as by any other
 * (a dma-buf that it imports or maps, a global name). What a grant does not convey:
 * attaching other devices, and granting further.
 *
 * Granting populates the buffer, so that its memory is charged to the owner. A grant
 * ends with the grantee's mm, and outlives the owner's. Granting again replaces the
 * access that the grantee has.
 *
 * Access that is taken away, by 0 or by %MMGPU_ACCESS_READ alone, is gone at once for
 * every new use. The call then waits, interruptibly, for the grantee's jobs that run
 * at that moment, at most %MMGPU_PARAM_JOB_TIMEOUT_MS; queued ones end with
 * ``ECANCELED`` when they would start. When it has returned 0, nothing of the grantee's
 * reaches the buffer any more: mappings, also ones for reading that could write before,
 * raise SIGBUS. Interrupted, it has taken the access away and may not have waited; the
 * same call again waits. Taking away what was not granted succeeds, for any number.
 *
 * Errors, in this order: ``EINVAL`` unknown bits in @access, or write without read;
 * ``ENOENT`` unknown @handle; ``EINVAL`` the buffer is not private; ``EPERM`` it is not
 * the caller's; ``EINVAL`` @mm_seq is the caller's own; ``ESRCH`` @access is not 0 and no
 * living mm has the number @mm_seq; ``ENOMEM``; ``ENOSPC`` %MMGPU_PARAM_MAX_GRANTS
 * others have access.
 */
struct drm_mmgpu_bo_grant {
	/** @handle: In: the GEM handle, on any file of the caller. */
	__u32 handle;

	/** @access: In: of %MMGPU_ACCESS_READ and %MMGPU_ACCESS_WRITE; 0 revokes. */
	__u32 access;

	/** @mm_seq: In: the number of the grantee's mm. */
	__u64 mm_seq;
};

/* Priorities of struct drm_mmgpu_ctx_create. HIGH needs CAP_SYS_NICE. */
#define MMGPU_PRIORITY_LOW		(-1)
#define MMGPU_PRIORITY_NORMAL		0
#define MMGPU_PRIORITY_HIGH		1

/* Engine of struct drm_mmgpu_ctx_create: any, the scheduler balances. */
#define MMGPU_ENGINE_ANY		(~0u)

/**
 * struct drm_mmgpu_ctx_create - arguments of DRM_IOCTL_MMGPU_CTX_CREATE
 *
 * Makes a context. Jobs of one context start and signal in the order of their
 * submission. Context 0 is the file's own, with %MMGPU_PRIORITY_NORMAL and
 * %MMGPU_ENGINE_ANY; it needs no create.
 *
 * Errors: ``EINVAL`` non-zero @flags, unknown @priority, no such @engine;
 * ``EACCES`` %MMGPU_PRIORITY_HIGH without CAP_SYS_NICE; ``E2BIG`` the file has
 * %MMGPU_PARAM_MAX_CONTEXTS contexts; ``ENOMEM``.
 */
struct drm_mmgpu_ctx_create {
	/** @flags: In: must be 0. */
	__u32 flags;

	/** @priority: In: one of the ``MMGPU_PRIORITY_`` values. */
	__s32 priority;

	/** @engine: In: index of an engine, or %MMGPU_ENGINE_ANY. */
	__u32 engine;

	/** @ctx_id: Out: the context's id on this file, never 0. */
	__u32 ctx_id;
};

/**
 * struct drm_mmgpu_ctx_destroy - arguments of DRM_IOCTL_MMGPU_CTX_DESTROY
 *
 * Removes the context. Its queued jobs are cancelled (fence error ``ECANCELED``),
 * a running one ends by itself. Does not wait.
 *
 * Errors: ``EINVAL`` @ctx_id is 0, non-zero @pad; ``ENOENT`` unknown @ctx_id.
 */
struct drm_mmgpu_ctx_destroy {
	/** @ctx_id: In: the context's id. */
	__u32 ctx_id;

	/** @pad: Must be 0. */
	__u32 pad;
};

/* Status of struct drm_mmgpu_ctx_query: a job hung, the context takes no more. */
#define MMGPU_CTX_BANNED		(1 << 0)

/**
 * struct drm_mmgpu_ctx_query - arguments of DRM_IOCTL_MMGPU_CTX_QUERY
 *
 * Tells what became of the jobs of a context, 0 included. The counts of a job are
 * there when its fence signals. Never blocks.
 *
 * Errors: ``ENOENT`` unknown @ctx_id.
 */
struct drm_mmgpu_ctx_query {
	/** @ctx_id: In: the context's id. */
	__u32 ctx_id;

	/** @status: Out: %MMGPU_CTX_BANNED or 0. */
	__u32 status;

	/** @hangs: Out: jobs that ran over %MMGPU_PARAM_JOB_TIMEOUT_MS (0 or 1). */
	__u64 hangs;

	/** @faults: Out: jobs that met a CPU address they may not use. */
	__u64 faults;

	/** @jobs_done: Out: jobs that succeeded. */
	__u64 jobs_done;
};

/**
 * struct drm_mmgpu_obj_array - an array of structures in the caller's memory
 *
 * With @count 0 the other members are ignored. A @stride below the size of the
 * structure is ``EINVAL``. Above it, what follows the structure in each element must
 * be 0, else the call fails with ``E2BIG``, as it does for a @stride over 4096.
 */
struct drm_mmgpu_obj_array {
	/** @stride: Distance from one element to the next, in bytes. */
	__u32 stride;

	/** @count: Number of elements. */
	__u32 count;

	/** @array: Address of the first element. */
	__u64 array;
};

/**
 * enum drm_mmgpu_op - the operations
 *
 * In "dst" and "src" stand &drm_mmgpu_cmd.dst and &drm_mmgpu_cmd.src in the buffers
 * &drm_mmgpu_cmd.dst_bo and &drm_mmgpu_cmd.src_bo, or at CPU addresses. Members that an
 * operation does not name are ignored.
 */
enum drm_mmgpu_op {
	/** @MMGPU_OP_NOP: Does nothing. */
	MMGPU_OP_NOP = 0,

	/**
	 * @MMGPU_OP_FILL: Writes &drm_mmgpu_cmd.value, in the CPU's byte order, over
	 * &drm_mmgpu_cmd.rows rows of &drm_mmgpu_cmd.width bytes at dst. Each row starts
	 * with the first byte of the value; its last copy is cut at the row's end.
	 */
	MMGPU_OP_FILL = 1,

	/**
	 * @MMGPU_OP_COPY: Copies &drm_mmgpu_cmd.rows rows of &drm_mmgpu_cmd.width bytes from
	 * src to dst. With one row, ranges that overlap are copied as memmove()
	 * does, if both are in one buffer or both are CPU addresses. In every other
	 * case, what the memory holds where the two overlap is undefined.
	 */
	MMGPU_OP_COPY = 2,

	/**
	 * @MMGPU_OP_ADD: Adds &drm_mmgpu_cmd.value to the 64-bit integer at dst, atomically
	 * and modulo 2^64. dst must be a multiple of 8, in a buffer object.
	 */
	MMGPU_OP_ADD = 3,

	/**
	 * @MMGPU_OP_TIMESTAMP: Writes the time of ``CLOCK_MONOTONIC``, 64-bit
	 * nanoseconds, to dst. dst must be a multiple of 8.
	 */
	MMGPU_OP_TIMESTAMP = 4,

	/**
	 * @MMGPU_OP_DELAY: Keeps the engine, or the file's thread, busy for
	 * &drm_mmgpu_cmd.value nanoseconds, at most %MMGPU_PARAM_MAX_DELAY_MS.
	 */
	MMGPU_OP_DELAY = 5,
};

/* Flag of struct drm_mmgpu_cmd: dst is a CPU address of the owner's mm, dst_bo is ignored. */
#define MMGPU_CMD_DST_SVM		(1 << 0)
/* Flag of struct drm_mmgpu_cmd: src is a CPU address of the owner's mm, src_bo is ignored. */
#define MMGPU_CMD_SRC_SVM		(1 << 1)

/**
 * struct drm_mmgpu_cmd - one command of a job
 */
struct drm_mmgpu_cmd {
	/** @op: One of &enum drm_mmgpu_op. */
	__u32 op;

	/**
	 * @flags: Of %MMGPU_CMD_DST_SVM (FILL, COPY, TIMESTAMP) and %MMGPU_CMD_SRC_SVM
	 * (COPY).
	 */
	__u32 flags;

	/** @dst_bo: Index in the job's list of buffer objects. */
	__u32 dst_bo;

	/** @src_bo: Index in the job's list of buffer objects. */
	__u32 src_bo;

	/** @dst: Byte offset in the buffer, or CPU address. */
	__u64 dst;

	/** @src: Byte offset in the buffer, or CPU address. */
	__u64 src;

	/** @width: Bytes of a row, not 0. */
	__u64 width;

	/** @rows: Number of rows, not 0. */
	__u32 rows;

	/**
	 * @dst_pitch: Bytes from one row to the next, at least @width. Ignored for one
	 * row.
	 */
	__u32 dst_pitch;

	/**
	 * @src_pitch: Bytes from one row to the next, at least @width. Ignored for one
	 * row.
	 */
	__u32 src_pitch;

	/** @pad: Must be 0. */
	__u32 pad;

	/** @value: Pattern (FILL), addend (ADD), nanoseconds (DELAY). */
	__u64 value;
};

/* Flag of struct drm_mmgpu_bo_ref: the job reads the buffer, after its writers. */
#define MMGPU_BO_REF_READ		(1 << 0)
/* Flag of struct drm_mmgpu_bo_ref: the job writes the buffer, after all its users. */
#define MMGPU_BO_REF_WRITE		(1 << 1)
/*
 * Flag of struct drm_mmgpu_bo_ref: the job waits for no user of the buffer, and
 * BO_WAIT, poll and EXPORT_SYNC_FILE do not see it. Order it by syncobjs.
 */
#define MMGPU_BO_REF_NO_IMPLICIT_SYNC	(1 << 2)

/**
 * struct drm_mmgpu_bo_ref - one buffer object of a job
 */
struct drm_mmgpu_bo_ref {
	/** @handle: The GEM handle. */
	__u32 handle;

	/**
	 * @flags: %MMGPU_BO_REF_READ, %MMGPU_BO_REF_WRITE or both, and
	 * %MMGPU_BO_REF_NO_IMPLICIT_SYNC if wanted.
	 */
	__u32 flags;
};

/* Flag of struct drm_mmgpu_sync: the syncobj is a timeline. */
#define MMGPU_SYNC_TIMELINE		(1 << 0)

/**
 * struct drm_mmgpu_sync - a syncobj that a job waits for, or signals
 */
struct drm_mmgpu_sync {
	/** @handle: The syncobj's handle. */
	__u32 handle;

	/** @flags: 0 for a binary syncobj, or %MMGPU_SYNC_TIMELINE. */
	__u32 flags;

	/** @point: Point on the timeline, not 0; 0 for a binary syncobj. */
	__u64 point;
};

/**
 * struct drm_mmgpu_submit - arguments of DRM_IOCTL_MMGPU_SUBMIT
 *
 * Queues one job: its commands run in order, after every in-sync has signalled and
 * after the users of its buffers that %MMGPU_BO_REF_READ and %MMGPU_BO_REF_WRITE
 * call for; none runs after one that failed. Then the out-syncs and the buffers'
 * fences signal. A job without commands is allowed.
 *
 * The call does not wait for the job. If the context has %MMGPU_PARAM_MAX_JOBS
 * unfinished jobs it waits, interruptibly, until one is done.
 *
 * Errors, in the order of the checks: ``EINVAL`` non-zero @flags or too small a
 * stride, ``E2BIG`` a count over its limit or too large a stride; ``EFAULT`` a bad
 * pointer, ``E2BIG`` an element with more in it than this driver knows; ``EINVAL``
 * unknown op or flag, pad that is not 0, a &drm_mmgpu_bo_ref with neither READ nor WRITE,
 * a &drm_mmgpu_sync.point that does not fit its flags, an SVM flag on an operand that
 * cannot have it; ``EOPNOTSUPP`` SVM on a legacy file or without
 * %MMGPU_PARAM_SVM, syncs that the device does not offer; ``EINVAL`` SVM together with a
 * buffer without %MMGPU_BO_REF_NO_IMPLICIT_SYNC; ``ENOENT`` unknown
 * @ctx_id, ``ECANCELED`` the context is banned or the file given up; ``ENOENT`` unknown GEM handle,
 * ``EINVAL`` a buffer listed twice; ``ENOENT`` unknown syncobj, ``EINVAL`` an in-sync
 * without a fence; ``EPERM`` the caller's mm may not use a buffer, ``EACCES`` it may
 * only not write it; ``EINVAL`` everything else in a command, and two imports of one
 * dma-buf; ``E2BIG`` too many files of the mm use CPU addresses; ``EOPNOTSUPP`` a dma-buf
 * in I/O memory, or what its exporter says. ``ENOMEM``.
 *
 * The job's fence ends with the error 0; ``ECANCELED`` (owner gone, file or context
 * closed, context banned, access revoked, each before the job started, or owner gone
 * while it used CPU addresses, or system suspended while it waited for a page fault);
 * ``ENODEV`` unplugged; ``ETIME`` ran over %MMGPU_PARAM_JOB_TIMEOUT_MS; ``EFAULT`` a CPU address
 * that the owner's page tables refuse.
 */
struct drm_mmgpu_submit {
	/** @ctx_id: In: the context; 0 is the file's own. */
	__u32 ctx_id;

	/** @flags: In: must be 0. */
	__u32 flags;

	/** @cmds: In: array of &struct drm_mmgpu_cmd. */
	struct drm_mmgpu_obj_array cmds;

	/** @bos: In: array of &struct drm_mmgpu_bo_ref, each buffer once. */
	struct drm_mmgpu_obj_array bos;

	/** @in_syncs: In: array of &struct drm_mmgpu_sync that the job waits for. */
	struct drm_mmgpu_obj_array in_syncs;

	/** @out_syncs: In: array of &struct drm_mmgpu_sync that the job signals. */
	struct drm_mmgpu_obj_array out_syncs;
};

#define DRM_IOCTL_MMGPU_GET_PARAM \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_MMGPU_GET_PARAM, struct drm_mmgpu_get_param)
#define DRM_IOCTL_MMGPU_BIND_MM \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_MMGPU_BIND_MM, struct drm_mmgpu_bind_mm)
#define DRM_IOCTL_MMGPU_QUERY_MM \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_MMGPU_QUERY_MM, struct drm_mmgpu_query_mm)
#define DRM_IOCTL_MMGPU_BO_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_MMGPU_BO_CREATE, struct drm_mmgpu_bo_create)
#define DRM_IOCTL_MMGPU_BO_INFO \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_MMGPU_BO_INFO, struct drm_mmgpu_bo_info)
#define DRM_IOCTL_MMGPU_BO_WAIT \
	DRM_IOW(DRM_COMMAND_BASE + DRM_MMGPU_BO_WAIT, struct drm_mmgpu_bo_wait)
#define DRM_IOCTL_MMGPU_BO_GRANT \
	DRM_IOW(DRM_COMMAND_BASE + DRM_MMGPU_BO_GRANT, struct drm_mmgpu_bo_grant)
#define DRM_IOCTL_MMGPU_CTX_CREATE \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_MMGPU_CTX_CREATE, struct drm_mmgpu_ctx_create)
#define DRM_IOCTL_MMGPU_CTX_DESTROY \
	DRM_IOW(DRM_COMMAND_BASE + DRM_MMGPU_CTX_DESTROY, struct drm_mmgpu_ctx_destroy)
#define DRM_IOCTL_MMGPU_CTX_QUERY \
	DRM_IOWR(DRM_COMMAND_BASE + DRM_MMGPU_CTX_QUERY, struct drm_mmgpu_ctx_query)
#define DRM_IOCTL_MMGPU_SUBMIT \
	DRM_IOW(DRM_COMMAND_BASE + DRM_MMGPU_SUBMIT, struct drm_mmgpu_submit)

#if defined(__cplusplus)
}
#endif

#endif /* _MMGPU_DRM_H_ */
