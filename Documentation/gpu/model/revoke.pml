/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
/*
 * Grants and revocation against the grantee's jobs.
 *
 * Abstracts submit_check_access(), mmgpu_job_start_granted(), mmgpu_job_end_granted(),
 * mmgpu_job_find_granted(), mmgpu_job_wait_granted(), and of mmgpu_job_exec() and
 * svm_thread_tick() what of them revoke sees. The owner changes what the grantee may do,
 * and a signal may interrupt it; another thread of the owner may grant all of it at any
 * time. The grantee submits job after job: on one engine jobs that read, on another jobs
 * that write, and on the thread of its file jobs that may wait for a page fault for ever and
 * are then ended by somebody else.
 *
 * Leaves out: the end of the grantee, several buffers, several threads that revoke. What
 * mmgpu_job.granted_start is compared for is a bit of each job here.
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
 * wrong: WAIT_ALL		non-progress	revoke waits for jobs that start later, by another grant
 */
#define R	1
#define RW	3
#define JOBS	3

byte access;			/* mmgpu_grant.access */

typedef job {
	byte want;
	bool listed;		/* in mmgpu_device.granted_jobs */
	bool old;		/* it started before revoke began to wait */
	bool over;		/* mmgpu_svm.over */
	bool signalled		/* its fence */
}

job jobs[JOBS];

byte promised;			/* ghost: the most that BO_GRANT has left the grantee */
bool again;			/* ghost: the other thread has granted meanwhile */
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
end:	do
	/* SUBMIT */
	:: allowed(n) ->
		atomic {
			jobs[n].over = false;
			jobs[n].signalled = false
		};
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
end_stuck:		false		/* in a page fault that nobody answers */
		:: true
		fi;
#ifdef UNLISTED_EARLY
		jobs[n].listed = false;
#endif
		touch(n);

		/* mmgpu_job_end_granted(), mmgpu_job_finish() */
		jobs[n].listed = false;
out:		atomic { jobs[n].signalled = true; jobs[n].old = false }
	od
}

/* Ends a job in the place of the thread that runs it */
proctype Tick(byte n)
{
end:	do
	:: atomic {
		jobs[n].listed && !jobs[n].signalled ->
		jobs[n].over = true;
		jobs[n].signalled = true
	   }
	od
}

#define runs(n)		(jobs[n].listed && jobs[n].want & ~left)

#if defined(WAIT_SPINS)
#define waits_for(n)	(runs(n) && jobs[n].old)
#elif defined(WAIT_ALL)
#define waits_for(n)	(runs(n) && !jobs[n].signalled)
#else
#define waits_for(n)	(runs(n) && jobs[n].old && !jobs[n].signalled)
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
	bool narrowed, interrupted;

progress:
	do
	:: atomic {
		/* Another access, or the same again */
		if
		:: left = 0
		:: left = R
		:: left = RW
		fi;
		promised = promised | left;
		again = false
	};
	atomic { narrowed = (access & ~left) != 0; access = left };
#ifndef NO_DRAIN
	d_step {
		jobs[0].old = jobs[0].listed;
		jobs[1].old = jobs[1].listed;
		jobs[2].old = jobs[2].listed
	};
	do
	:: find();
		if
		:: n == JOBS -> break
#ifdef RESTART_SKIPS
		:: !narrowed -> break
#endif
		:: n < JOBS && (jobs[n].signalled || !jobs[n].old)
		/* -ERESTARTSYS; more than once would hide that it waits for ever */
		:: n < JOBS && !interrupted -> interrupted = true; goto progress
		fi
	od;
#endif
	atomic {
		if
		:: !again -> promised = left
		:: else
		fi;
		n = 0;
		narrowed = false
	}
	od
}

/* Another thread of the owner */
proctype Granter()
{
end:	do
	:: access != RW -> d_step { promised = RW; again = true; access = RW }
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
		run Owner();
		run Granter()
	}
}
