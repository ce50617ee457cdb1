/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
/*
 * Bind against calls that are under way on the same file.
 *
 * Abstracts mmgpu_file_enter(), mmgpu_file_exit(), mmgpu_file_gate(), mmgpu_file_bind(),
 * mmgpu_file_wait_legacy(), mmgpu_file_publish_job(), mmgpu_ioctl_gated(), and as one
 * that makes a handle or a context mmgpu_gem_open() and mmgpu_ctx_publish(). Two threads
 * of one mm and a stranger make calls of any kind in any order; a
 * thread of the first may exec.
 *
 * Leaves out: weak memory order (COUNT_LATE is what a missing barrier in
 * mmgpu_file_enter() comes to), QUERY_MM and GET_PARAM, which need no gate, reads and
 * polls, which touch nothing of the file, the end of mms (mm.pml).
 *
 * right: safety
 *
 * wrong: NO_PUBLISH_GATE	!made_by_stranger	the gate is not asked again where handles and contexts are published
 * wrong: NO_JOB_GATE		!made_by_stranger	the same for jobs
 * wrong: JOB_UNLOCKED		!made_by_stranger	the first job asks the gate again, but outside of the lock
 * wrong: NOTED_FIRST		!noted_for_nothing	a job is noted before it is known whether its context takes it
 * wrong: NO_WAIT		!touched_by_stranger	bind does not wait for calls that it overtook
 * wrong: ONLY_FIRST_WAITS	!touched_by_stranger	a bind that finds the file bound by its own mm does not wait
 * wrong: COUNT_LATE		!touched_by_stranger	a call asks the gate first and is counted then
 * wrong: ONE_LOOK		!bound_in_use		bind looks at the counts before it makes the number only
 * wrong: WAIT_INSIDE		invalid end state	bind waits while it is counted itself
 */
byte owner;		/* mmgpu_file.owner; 0 is a legacy file */
byte legacy_calls;
bool things;		/* a handle or a context: mmgpu_file.num_handles, num_ctxs */
bool submitted;

bool queued;		/* ghost: there was a job */
bool returned;		/* ghost: a bind has told its caller that the file is his alone */

bool made_by_stranger, touched_by_stranger, bound_in_use, noted_for_nothing;

#define passes		(!owner || owner == me)

/* mmgpu_file_enter(); ok tells whether the gate let it in */
inline enter()
{
#ifdef COUNT_LATE
	d_step { ok = passes; legacy = ok && !owner };
	if
	:: legacy -> legacy_calls++
	:: else
	fi
#else
	legacy = !owner;
	if
	:: legacy -> legacy_calls++
	:: else
	fi;
	ok = passes
#endif
}

/* mmgpu_file_exit() */
inline leave()
{
	d_step {
		if
		:: legacy -> legacy_calls--
		:: else
		fi;
		legacy = false;
		ok = false
	}
}

inline made()
{
	made_by_stranger = !passes;
	assert(!made_by_stranger)
}

/*
 * What is done under mmgpu_file.lock is one step: all of it that changes is changed there
 * only.
 *
 * BO_CREATE, import, CTX_CREATE ...
 */
inline create()
{
	d_step {
#ifndef NO_PUBLISH_GATE
		ok = ok && passes;
#endif
		if
		:: ok -> things = true; made()
		:: else
		fi
	}
}

/* Whatever looks something up and uses it, or closes it; before that it may take its time */
inline use()
{
	atomic {
		if
		:: ok && things ->
			touched_by_stranger = returned && !passes;
			assert(!touched_by_stranger);
			if
			:: true			/* BO_INFO, mmap, CTX_QUERY ... */
			:: things = false	/* GEM_CLOSE, CTX_DESTROY */
			fi
		:: else
		fi
	}
}

/* Not counted. mmgpu_file_publish_job(); its context may be gone: mmgpu_job_enqueue() */
inline submit()
{
	ok = passes;
	if
	:: ok -> can = true
	:: ok -> can = false
	:: else
	fi;
	if
	:: ok ->
#ifdef NO_JOB_GATE
		d_step { ok = can; submitted = submitted || ok; queued = queued || ok };
#else
		if
		:: owner || submitted -> ok = passes && can
		:: else ->
#if defined(JOB_UNLOCKED)
			ok = passes && can;
			d_step { submitted = submitted || ok; queued = queued || ok }
#elif defined(NOTED_FIRST)
			d_step { ok = passes; submitted = submitted || ok };
			d_step { ok = ok && can; queued = queued || ok }
#else
			d_step {
				ok = passes && can;
				submitted = submitted || ok;
				queued = queued || ok
			}
#endif
		fi;
#endif
		d_step {
			if
			:: ok -> made()
			:: else ->
				noted_for_nothing = submitted && !queued;
				assert(!noted_for_nothing)
			fi;
			ok = false;
			can = false
		}
	:: else
	fi
}

/* mmgpu_file_bind(); mmgpu_mm_assign() takes its time between the two looks */
inline bind()
{
	can = ok && !owner && !things && !submitted;
	d_step {
#ifdef ONE_LOOK
		can = can && !owner;
#else
		can = can && !owner && !things && !submitted;
#endif
		if
		:: can ->
			owner = me;
			bound_in_use = things || submitted;
			assert(!bound_in_use)
		:: else
		fi
	}
}

/* What mmgpu_ioctl_gated() does after BIND_MM, mmgpu_file_wait_legacy() */
inline wait()
{
	if
	:: owner == me ->
#if defined(ONLY_FIRST_WAITS)
		if
		:: can -> !legacy_calls
		:: else
		fi;
#elif !defined(NO_WAIT)
		!legacy_calls;
#endif
		d_step { returned = true; can = false }
	:: can = false			/* interrupted, or refused */
	fi
}

proctype Thread(byte me)
{
	bool ok, legacy, can;

	do
	:: enter();
		if
		:: create(); leave()
		:: use(); leave()
#ifdef WAIT_INSIDE
		:: bind(); wait(); leave()
#else
		:: bind(); leave(); wait()
#endif
		fi
	:: submit()
	/* A new program: its mm is another */
	:: me == 1 -> me = 3
	:: break
	od
}

init {
	atomic {
		run Thread(1);
		run Thread(1);
		run Thread(2)
	}
}
