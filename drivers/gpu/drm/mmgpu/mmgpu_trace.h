/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM mmgpu

#if !defined(_MMGPU_TRACE_H_) || defined(TRACE_HEADER_MULTI_READ)
#define _MMGPU_TRACE_H_

#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/types.h>

TRACE_EVENT(mmgpu_bind,
	    TP_PROTO(int dev, u64 seq),
	    TP_ARGS(dev, seq),
	    TP_STRUCT__entry(
		__field(int, dev)
		__field(u64, seq)
	    ),
	    TP_fast_assign(
		__entry->dev = dev;
		__entry->seq = seq;
	    ),
	    TP_printk("dev=%d mm_seq=%llu", __entry->dev, __entry->seq)
);

TRACE_EVENT(mmgpu_mm_gone,
	    TP_PROTO(u64 seq),
	    TP_ARGS(seq),
	    TP_STRUCT__entry(
		__field(u64, seq)
	    ),
	    TP_fast_assign(
		__entry->seq = seq;
	    ),
	    TP_printk("mm_seq=%llu", __entry->seq)
);

/* access: what the grantee has from now on; before: what it had */
DECLARE_EVENT_CLASS(mmgpu_access,
		    TP_PROTO(int dev, u64 owner_seq, u64 seq, u32 access, u32 before),
		    TP_ARGS(dev, owner_seq, seq, access, before),
		    TP_STRUCT__entry(
			__field(int, dev)
			__field(u64, owner_seq)
			__field(u64, seq)
			__field(u32, access)
			__field(u32, before)
		    ),
		    TP_fast_assign(
			__entry->dev = dev;
			__entry->owner_seq = owner_seq;
			__entry->seq = seq;
			__entry->access = access;
			__entry->before = before;
		    ),
		    TP_printk("dev=%d owner_mm_seq=%llu mm_seq=%llu access=%u before=%u",
			      __entry->dev, __entry->owner_seq, __entry->seq, __entry->access,
			      __entry->before)
);

DEFINE_EVENT(mmgpu_access, mmgpu_grant,
	     TP_PROTO(int dev, u64 owner_seq, u64 seq, u32 access, u32 before),
	     TP_ARGS(dev, owner_seq, seq, access, before)
);

/* Also when a grant is only narrowed. Before the wait for running jobs. */
DEFINE_EVENT(mmgpu_access, mmgpu_revoke,
	     TP_PROTO(int dev, u64 owner_seq, u64 seq, u32 access, u32 before),
	     TP_ARGS(dev, owner_seq, seq, access, before)
);

/* A job met an address that the owner's page tables refuse. */
TRACE_EVENT(mmgpu_svm_fault,
	    TP_PROTO(u64 seq, unsigned long address, bool write),
	    TP_ARGS(seq, address, write),
	    TP_STRUCT__entry(
		__field(u64, seq)
		__field(unsigned long, address)
		__field(bool, write)
	    ),
	    TP_fast_assign(
		__entry->seq = seq;
		__entry->address = address;
		__entry->write = write;
	    ),
	    TP_printk("mm_seq=%llu address=%#lx write=%d", __entry->seq, __entry->address,
		      __entry->write)
);

/*
 * Who was refused is in the event's common fields, but for a job: those are the engine's.
 * caller_mm_seq is the number of the mm that was judged, 0 for none.
 */
TRACE_EVENT(mmgpu_refuse,
	    TP_PROTO(int dev, const char *door, u64 caller_seq, u64 owner_seq, int error),
	    TP_ARGS(dev, door, caller_seq, owner_seq, error),
	    TP_STRUCT__entry(
		__field(int, dev)
		__array(char, door, 16)
		__field(u64, caller_seq)
		__field(u64, owner_seq)
		__field(int, error)
	    ),
	    TP_fast_assign(
		__entry->dev = dev;
		strscpy(__entry->door, door, sizeof(__entry->door));
		__entry->caller_seq = caller_seq;
		__entry->owner_seq = owner_seq;
		__entry->error = error;
	    ),
	    TP_printk("dev=%d door=%s caller_mm_seq=%llu owner_mm_seq=%llu error=%d",
		      __entry->dev, __entry->door, __entry->caller_seq, __entry->owner_seq,
		      __entry->error)
);

#endif /* _MMGPU_TRACE_H_ */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE mmgpu_trace
#include <trace/define_trace.h>
