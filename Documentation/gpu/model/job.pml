/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
/*
 * One context: jobs are submitted, cancelled, run and hang, and every fence signals, once
 * and in order.
 *
 * Abstracts mmgpu_job_enqueue(), mmgpu_job_end_submit(), mmgpu_job_cancel_all_locked(),
 * mmgpu_job_drain_locked(), mmgpu_job_hand_over(), mmgpu_job_start(), mmgpu_job_finish(),
 * mmgpu_sched_run_job(), mmgpu_deps_cancel(), and of drm_sched that it takes one job after
 * the other. Each job is one for an engine or for the thread of its file, may wait for a
 * fence that never signals, may hang; at any time the context is killed (close, destroy,
 * owner gone, unplug).
 *
 * Leaves out: other contexts, priorities and engines, jobs that are ended in their
 * thread's place (svm.pml), references, the limit of jobs.
 *
 * right: safety
 *
 * wrong: NO_DRAIN		!unsignalled	the end of a job does not signal the cancelled ones behind it
 * wrong: CANCEL_RUNNING	!touched_late	a job that runs is cancelled too
 * wrong: START_ANYWAY		!touched_late	a cancelled job is executed when its turn comes
 * wrong: DROP_SUBMITTING	!touched_late	cancelling drops the buffers of a job that SUBMIT still works on
 * wrong: KILL_UNSEEN		!unsignalled	SUBMIT does not look whether the context was killed
 * wrong: NO_READY		!stuck		a cancelled job goes on waiting for the fences that it depends on
 * wrong: CANCEL_HUNG		!twice		a hang cancels all jobs of its context, the one that hangs too
 * wrong: HAND_OVER_SVM		!out_of_order	only jobs with CPU addresses go to the thread, not what follows them
 */
#define JOBS	3

typedef job {
	bool svm;
	bool waits;		/* for a fence of a stranger, which never signals */
	bool listed;		/* in mmgpu_ctx.jobs */
	bool submitting;
	bool pushed;		/* the scheduler has it */
	bool running;
	bool error;
	bool exec;		/* handed to the engine */
	bool signalled;
	bool dropped;		/* its buffers */
	bool passed		/* the scheduler is done with it */
}

job jobs[JOBS];
bool killed;			/* mmgpu_ctx.killed */
chan queue = [JOBS] of { byte };/* of the thread */

bool unsignalled, out_of_order, twice, touched_late, stuck;

/* Buffers, by SUBMIT or by whoever executes */
inline touch(n, fenced)
{
	d_step {
		touched_late = jobs[n].dropped || (fenced && jobs[n].signalled);
		assert(!touched_late)
	}
}

/* These are for mmgpu_ctx.lock. mmgpu_job_signal_locked() */
inline signal(n)
{
	twice = jobs[n].signalled;
	assert(!twice);
	out_of_order = n && jobs[n - 1].listed;
	assert(!out_of_order);
	jobs[n].listed = false;
	jobs[n].signalled = true
}

/* mmgpu_job_drain_locked(); jobs that signalled are not in the list */
inline drain()
{
	i = 0;
	do
	:: i < JOBS && jobs[i].listed && jobs[i].error -> signal(i); i++
	:: i < JOBS && !jobs[i].listed -> i++
	:: else -> break
	od;
	i = 0
}

/* mmgpu_job_cancel_all_locked() */
inline cancel_all()
{
	i = 0;
	do
	:: i < JOBS ->
		if
#ifdef CANCEL_RUNNING
		:: jobs[i].listed && !jobs[i].error ->
#else
		:: jobs[i].listed && !jobs[i].error && !jobs[i].running ->
#endif
			jobs[i].error = true;
#ifndef NO_READY
			jobs[i].waits = false;
#endif
			if
#ifdef DROP_SUBMITTING
			:: true -> jobs[i].dropped = true
#else
			:: !jobs[i].submitting -> jobs[i].dropped = true
#endif
			:: else
			fi
		:: else
		fi;
		i++
	:: else -> break
	od;
	drain()
}

proctype Submitter()
{
	byte n;
	bool ok;

	do
	:: n < JOBS ->
		/* mmgpu_job_enqueue() */
		d_step {
#ifdef KILL_UNSEEN
			ok = true;
#else
			ok = !killed;
#endif
			jobs[n].listed = ok;
			jobs[n].submitting = ok
		};
		if
		:: ok ->
			touch(n, false);
			jobs[n].pushed = true;
			touch(n, false);
			/* mmgpu_job_end_submit() */
			d_step {
				jobs[n].submitting = false;
				jobs[n].dropped = jobs[n].error;
				ok = false
			}
		:: else
		fi;
		n++
	:: n == JOBS -> break
	od
}

/* mmgpu_job_exec() */
inline execute(n)
{
	/* mmgpu_job_start() */
	d_step {
#ifdef START_ANYWAY
		runs = true;
#else
		runs = !jobs[n].error;
#endif
		jobs[n].running = runs
	};
	if
	:: runs ->
		touch(n, true);
		if
		:: hang = true
		:: hang = false
		fi;
		touch(n, true);
		/* mmgpu_job_finish() */
		d_step {
#ifdef CANCEL_HUNG
			jobs[n].running = !hang;
			if
			:: hang -> cancel_all()
			:: else
			fi;
#endif
			signal(n);
			if
			:: hang -> killed = true; cancel_all()
#ifndef NO_DRAIN
			:: !hang -> drain()
#endif
			:: else
			fi;
			hang = false;
			runs = false
		}
	:: else
	fi
}

proctype Engine()
{
	byte n, i;
	bool runs, hang;

end:	do
	:: n < JOBS && jobs[n].exec -> execute(n); n++
	:: n < JOBS && jobs[n].passed && !jobs[n].exec -> n++
	od
}

/* The thread of the file */
proctype Thread()
{
	byte n, i;
	bool runs, hang;

end:	do
	:: queue ? n -> execute(n); n = 0
	od
}

/* drm_sched, mmgpu_sched_run_job() */
proctype Scheduler()
{
	byte n;

end:	do
	:: n < JOBS && jobs[n].pushed ->
		!jobs[n].waits;
		/* mmgpu_job_hand_over() */
		atomic {
			if
#ifdef HAND_OVER_SVM
			:: jobs[n].listed && jobs[n].svm -> queue ! n; goto passed
#else
			:: jobs[n].listed && (jobs[n].svm || (n && jobs[n - 1].listed)) ->
				queue ! n;
				goto passed
#endif
			:: else
			fi
		};
		if
		:: jobs[n].signalled
		:: else ->
			jobs[n].exec = true;
			/* The engine is busy until then */
			jobs[n].signalled
		fi;
passed:		atomic { jobs[n].passed = true; n++ }
	od
}

proctype Killer()
{
	byte i;

	d_step { killed = true; cancel_all() }
}

init {
	byte n;

	atomic {
		do
		:: n < JOBS ->
			if
			:: jobs[n].svm = true
			:: true
			fi;
			if
			:: jobs[n].waits = true
			:: true
			fi;
			n++
		:: n == JOBS -> n = 0; break
		od;
		run Submitter();
		run Scheduler();
		run Engine();
		run Thread();
		run Killer()
	};
	/* The end: nobody can do anything any more */
	timeout;
	d_step {
		do
		:: n < JOBS ->
			unsignalled = unsignalled || jobs[n].listed;
			stuck = stuck || (jobs[n].pushed && !jobs[n].passed);
			n++
		:: n == JOBS -> break
		od;
		assert(!unsignalled);
		assert(!stuck)
	}
}
