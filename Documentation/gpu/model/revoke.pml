/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
/*
 * Grants and revocation against the grantee's jobs.
 *
 * Abstracts submit_check_access(), mmgpu_job_start_granted(), mmgpu_job_end_granted(),
 * mmgpu_job_find_granted(), mmgpu_job_wait_granted(), and of mmgpu_job_exec() and
 * svm_thread_tick() what of them revoke sees. The owner changes what the grantee may do,
 * and a signal may interrupt it; the grantee has a job on each of two engines, one to read
 * and one to write, and one on the thread of its file, which may wait for a page fault
 * for ever and is then ended by somebody else.
 *
 * Leaves out: two threads of the owner that revoke and grant at once (whoever revokes then
 * waits for jobs of the new grant too), the end of the grantee, several buffers.
 *
 * right: safety
 * right: progress
 *
 * wrong: NO_RECHECK		!beyond		a job is not checked again when it starts
 * wrong: RECHECK_UNLOCKED	!beyond		it is, but revoke may look between the answer and the start
 * wrong: NO_DRAIN		!beyond		revoke does not wait for running jobs
 * wrong: RESTART_SKIPS		!beyond		a revoke that finds nothing to take away does not wait
 * wrong: UNLISTED_EARLY	!beyond		a job leaves the list before it has done its work
 * wrong: WAIT_SPINS		non-progress	revoke waits for jobs that were ended in their thread's place
 */
#define R	1
#define RW	3
#define JOBS	3

byte access;			/* mmgpu_grant.access */

typedef job {
	byte want;
	bool listed;		/* in mmgpu_device.granted_jobs */
	bool over;		/* mmgpu_svm.over */
	bool signalled		/* its fence */
}

job jobs[JOBS];

byte promised;			/* ghost: the most that BO_GRANT has left the grantee */
bool beyond;

#define allowed(n)	(!(jobs[n].want & ~access))

/* A piece of work; on the thread of a file under mmgpu_svm.lock */
inline touch(n)
{
	d_step {
		beyond = !jobs[n].over && jobs[n].want & ~promised;
		assert(!beyond)
	}
}

proctype Job(byte n; bool svm)
{
	/* SUBMIT */
	if
	:: allowed(n) -> skip
	:: else -> goto out
	fi;

	/* Its turn has come. The answer and the list are one step, granted_lock */
#if defined(NO_RECHECK)
	jobs[n].listed = true;
#elif defined(RECHECK_UNLOCKED)
	if
	:: allowed(n) -> skip
	:: else -> goto out
	fi;
	jobs[n].listed = true;
#else
	atomic {
		if
		:: allowed(n) -> jobs[n].listed = true
		:: else -> goto out
		fi
	};
#endif
	touch(n);
	if
	:: svm ->
end_stuck:	false			/* in a page fault that nobody answers */
	:: true
	fi;
#ifdef UNLISTED_EARLY
	jobs[n].listed = false;
#endif
	touch(n);

	jobs[n].listed = false;
out:	atomic {
		/* mmgpu_svm_thread_end(), mmgpu_job_finish() */
		if
		:: !jobs[n].over -> jobs[n].signalled = true
		:: else
		fi
	}
}

/* Ends a job in the place of the thread that runs it */
proctype Tick(byte n)
{
end:	atomic { jobs[n].listed && !jobs[n].signalled -> jobs[n].over = true };
	jobs[n].signalled = true
}

#ifdef WAIT_SPINS
#define waits_for(n)	(jobs[n].listed && jobs[n].want & ~left)
#else
#define waits_for(n)	(jobs[n].listed && jobs[n].want & ~left && !jobs[n].signalled)
#endif

/* mmgpu_job_find_granted(); n = JOBS if there is none */
inline find()
{
	d_step {
		n = 0;
		do
		:: n < JOBS && !waits_for(n) -> n++
		:: else -> break
		od
	}
}

proctype Owner()
{
	byte left, n;
	bool narrowed;

progress:
	do
	:: atomic {
		/* Another access, or the same again */
		if
		:: left = 0
		:: left = R
		:: left = RW
		fi;
		promised = promised | left
	};
	atomic { narrowed = (access & ~left) != 0; access = left };
#ifndef NO_DRAIN
	do
	:: find();
		if
		:: n == JOBS -> break
#ifdef RESTART_SKIPS
		:: !narrowed -> break
#endif
		:: n < JOBS && jobs[n].signalled
		:: n < JOBS -> goto progress	/* -ERESTARTSYS */
		fi
	od;
#endif
	atomic { n = 0; narrowed = false; promised = left }
	od
}

init {
	atomic {
		jobs[0].want = R;
		jobs[1].want = RW;
		jobs[2].want = RW;
		run Job(0, false);
		run Job(1, false);
		run Job(2, true);
		run Tick(2);
		run Owner()
	}
}
