/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
/*
 * Jobs with CPU addresses: page faults that nobody answers, the job timeout, and an owner
 * that exits.
 *
 * Abstracts mmgpu_svm_begin() and svm_copy_in_mm(), mmgpu_mm_get_users(),
 * mmgpu_mm_put_users(), mmgpu_mm_end_if_abandoned(), mmgpu_mm_gone_work(), mmgpu_job_exec(),
 * mmgpu_job_finish(), mmgpu_svm_thread_begin(), mmgpu_svm_thread_end(), svm_thread_tick(),
 * and of mmgpu_job_enqueue() and mmgpu_svm_thread_queue() what they ask of a lost thread.
 * One mm has bound two files. The thread of the first has two jobs of one context and gets
 * one of another context at any time; the second has one. A fault is answered, or never;
 * then it ends by SIGKILL, or on the first file not even by that. The owner exits at some
 * time or stays, and both files stay open elsewhere. The job timeout comes or is too far away to
 * help, but not both that and an owner that stays.
 *
 * Leaves out: how a copy is tried and repeated, other users of the mm than its owner and
 * us, unplugging and suspending (which tick judges like the timeout), jobs that need no CPU
 * address, and that the thread waits for the work item; the order does not need that.
 *
 * right: safety
 *
 * wrong: COPY_UNLOCKED		!touched_late	a piece asks whether the job is over, and copies without the lock
 * wrong: FAULT_LOCKED		!unsignalled	a piece faults its pages in with the lock held
 * wrong: NO_FLUSH		!innocent	the signal for one job is still there when the next one runs
 * wrong: FINISH_UNLOCKED	!out_of_order	whoever ends a job gives the lock back, then signals the fence
 * wrong: TWO_SIGNALLERS	!twice		a thread finishes its job although somebody else did
 * wrong: NO_GONE_CHECK		!started_late	a thread that found the mm gone takes the next job of its queue
 * wrong: ABANDONED_ONE		!unsignalled	an mm is abandoned when it has one user, not as many as are ours
 * wrong: COUNT_EARLY		!owner_lives	a user is counted as ours before it is there
 * wrong: COUNT_LATE		!owner_lives	a user is counted as ours until after it is gone
 * wrong: NO_PUT		!unreaped	a piece that finds the mm ended does not give its user back
 * wrong: LOOK_ONCE		!unended	nobody looks at the mm of a thread that does not come back
 * wrong: NEVER_LOST		!unsignalled	what is queued behind a job that does not come back waits with it
 * wrong: LOST_UNASKED		!unsignalled	a file whose thread is lost takes jobs
 */
#define FILES	2
#define JOBS	4
#define OTHER	2		/* the job of the other context */

#define file_of(n)	((n) == 3 -> 1 : 0)
#define before(n)	((n) == 1)	/* whether job n - 1 is in front of it in its context */

typedef job {
	bool listed;		/* in mmgpu_ctx.jobs, or was */
	bool queued;		/* its thread has it */
	bool running;
	bool error;
	bool signalled
}

typedef thread {
	bool lock;		/* mmgpu_svm.lock, where it is held for more than a step */
	bool over;
	byte busy;		/* the job that runs, and one more; 0 if none */
	bool sigkill;
	bool lost;		/* mmgpu_file.lost */
	bool told		/* ghost: a fence has said that the owner is gone */
}

job jobs[JOBS];
thread threads[FILES];
byte mm_users = 1, ours;	/* the owner's; mmgpu_mm.users */
bool ended;			/* no mmgpu_mm.mm any more */
bool exited;			/* ghost: the owner has */
bool reaped;			/* ghost: the mm has no user */
bool stuck;			/* ghost: in a fault that nothing ends */
bool timeouts;			/* the job timeout is near */
bool exits;			/* the owner will */

bool touched_late, unsignalled, innocent, out_of_order, twice, owner_lives, started_late;
bool unended, unreaped;

inline signal(n)
{
	twice = jobs[n].signalled;
	assert(!twice);
	out_of_order = before(n) && !jobs[n - 1].signalled;
	assert(!out_of_order);
	jobs[n].signalled = true
}

/* mmgpu_job_cancel_all_locked(), for one job */
inline cancel(n)
{
	if
	:: jobs[n].listed && !jobs[n].running && !jobs[n].error ->
		jobs[n].error = true;
		if
		:: !before(n) || jobs[n - 1].signalled -> signal(n)
		:: else
		fi
	:: else
	fi
}

/* mmgpu_job_finish(): a hang cancels what is behind, and what is cancelled signals */
inline finish(n, hang)
{
	signal(n);
	if
	:: n == 0 ->
		jobs[1].error = jobs[1].error || (hang && !jobs[1].running);
		if
		:: jobs[1].error && !jobs[1].signalled -> signal(1)
		:: else
		fi
	:: else
	fi
}

/* mmgpu_ctx_kill_all() of one file */
inline kill_all(f)
{
	if
	:: f == 0 -> cancel(0); cancel(1); cancel(OTHER)
	:: else -> cancel(3)
	fi
}

/* The last one: mmgpu_mm_release() */
inline mmput()
{
	mm_users--;
	if
	:: !mm_users -> reaped = true; ended = true
	:: else
	fi
}

inline get_users()
{
#ifdef COUNT_EARLY
	ours++;
	atomic {
		if
		:: mm_users && !ended -> mm_users++
		:: else -> ours--; ended = true; gone = true; goto out
		fi
	}
#else
	atomic {
		if
		:: mm_users && !ended -> mm_users++; ours++
		:: else -> ended = true; gone = true; goto out
		fi
	}
#endif
}

inline put_users()
{
#ifdef COUNT_LATE
	d_step { mmput() };
	ours--
#else
	ours--;
	d_step { mmput() }
#endif
}

inline fault()
{
	if
	:: true
	/* SIGKILL, which comes for a job that is over */
	:: true ->
		threads[f].sigkill;
		d_step {
			innocent = !threads[f].over;
			assert(!innocent)
		}
	/* A file system that does not answer, and does not listen */
	:: f == 0 ->
		stuck = true;
end_stuck:	false
	fi
}

/* A copy of a chunk; mmgpu_svm_begin() and mmgpu_svm_end() make one step of its last part */
inline piece()
{
	get_users();
#ifdef FAULT_LOCKED
	atomic { !threads[f].lock; threads[f].lock = true };
	if
	:: !threads[f].over -> fault()
	:: else
	fi;
	threads[f].lock = false;
#else
	fault();
#endif
#ifdef COPY_UNLOCKED
	over = threads[f].over;
	atomic {
#else
	atomic {
		!threads[f].lock;
		over = threads[f].over;
#endif
		touched_late = !over && (jobs[n].signalled || reaped);
		assert(!touched_late)
	};
#ifdef NO_PUT
	if
	:: !ended -> put_users()
	:: else
	fi
#else
	put_users()
#endif
}

/* svm_thread_main(), mmgpu_job_exec() */
proctype Thread(byte f)
{
	byte n = (f == 0 -> 0 : 3);
	bool over, gone;	/* gone: the job ends because the mm has ended */

end:	do
	:: n < JOBS && file_of(n) == f && jobs[n].queued ->
		/* mmgpu_job_start() */
		atomic {
			jobs[n].running = !jobs[n].error;
			if
			:: jobs[n].error -> goto next
			:: else
			fi
		};
#ifndef NO_GONE_CHECK
		if
		:: ended -> d_step { finish(n, false); threads[f].told = true }; goto next
		:: else
		fi;
#endif
		/* mmgpu_svm_thread_begin() */
		atomic {
			!threads[f].lock;
			started_late = threads[f].told;
			assert(!started_late);
			threads[f].busy = n + 1;
			threads[f].over = false
		};
		do
		:: !over -> piece()
		:: true -> break
		od;
out:		/* mmgpu_svm_thread_end() */
		atomic {
			!threads[f].lock;
			over = threads[f].over;
#ifdef TWO_SIGNALLERS
			over = false;
#endif
			threads[f].over = true;
			threads[f].busy = 0;
#ifndef NO_FLUSH
			threads[f].sigkill = false
#endif
		};
		d_step {
			if
			:: !over -> finish(n, false); threads[f].told = threads[f].told || gone
			:: else
			fi;
			over = false;
			gone = false
		};
next:		n++
	od
}

#ifdef ABANDONED_ONE
#define abandoned	(ours && mm_users == 1)
#else
#define abandoned	(ours && mm_users == ours)
#endif

/* mmgpu_mm_end_if_abandoned() */
inline end_mm()
{
	owner_lives = !exited;
	assert(!owner_lives);
	ended = true
}

/*
 * svm_thread_tick(), from when there is something to see; the deadline may pass at any
 * time. What it does under mmgpu_svm.lock is one step, but to cancel what is queued takes
 * other locks.
 */
proctype Tick(byte f)
{
	byte n;
	bool hang;

end:	do
	:: atomic {
		threads[f].busy && !threads[f].over && !threads[f].lock &&
		(timeouts || abandoned || ended) ->
		if
		:: timeouts -> hang = true
		:: abandoned || ended -> end_mm()
		fi;
		n = threads[f].busy - 1;
		threads[f].over = true;
		threads[f].sigkill = true;
#ifdef FINISH_UNLOCKED
	   };
	   atomic {
#endif
		finish(n, hang);
		threads[f].told = threads[f].told || !hang;
		n = 0;
		hang = false
	   }
#ifndef LOOK_ONCE
	:: atomic {
		threads[f].busy && threads[f].over && !threads[f].lock && abandoned && !ended ->
		end_mm()
	   }
#endif
#ifndef NEVER_LOST
	:: atomic {
		threads[f].busy && threads[f].over && !threads[f].lock && timeouts &&
		!threads[f].lost ->
		threads[f].lost = true;
		threads[f].lock = true
	   };
		d_step { kill_all(f); threads[f].lock = false }
#endif
	od
}

/* mmgpu_mm_gone_work() */
proctype Gone()
{
end:	ended;
	d_step { kill_all(0) };
	d_step { kill_all(1) }
}

/* SUBMIT to the other context, by the owner; and its scheduler: mmgpu_job_hand_over() */
proctype Submitter()
{
#ifdef LOST_UNASKED
	jobs[OTHER].listed = !exited;
#else
	jobs[OTHER].listed = !exited && !threads[0].lost;
#endif
	d_step {
		if
		:: !jobs[OTHER].listed || jobs[OTHER].error
#ifndef LOST_UNASKED
		:: jobs[OTHER].listed && !jobs[OTHER].error && threads[0].lost -> cancel(OTHER)
#endif
		:: else -> jobs[OTHER].queued = true
		fi
	}
}

proctype Owner()
{
	if
	:: exits -> d_step { exited = true; mmput() }
	:: else
	fi
}

init {
	byte n;

	atomic {
		if
		:: timeouts = true; exits = true
		:: timeouts = true
		:: exits = true
		fi;
		jobs[0].listed = true;
		jobs[0].queued = true;
		jobs[1].listed = true;
		jobs[1].queued = true;
		jobs[3].listed = true;
		jobs[3].queued = true;
		run Thread(0);
		run Thread(1);
		run Tick(0);
		run Tick(1);
		run Gone();
		run Submitter();
		run Owner()
	};
	/* The end: nobody can do anything any more */
	timeout;
	d_step {
		do
		:: n < JOBS ->
			unsignalled = unsignalled || (jobs[n].listed && !jobs[n].signalled);
			n++
		:: n == JOBS -> break
		od;
		assert(!unsignalled);
		unended = exited && !ended;
		assert(!unended);
		/* Only such a file system may keep the mm */
		unreaped = exited && !reaped && !stuck;
		assert(!unreaped)
	}
}
