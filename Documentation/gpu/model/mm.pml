/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
/*
 * Numbers: exit and exec against the gate and against lookups by mm.
 *
 * Abstracts mmgpu_mm_assign(), mmgpu_mm_release(), mmgpu_mm_end_locked(),
 * mmgpu_mm_lookup_seq(), mmgpu_mm_is(), mmgpu_file_gate(), and of the kernel mmu_notifier_get(), mmu_notifier_put(), mmput(),
 * and an allocator that hands freed mm_structs out again. Two tasks that share an mm,
 * and a stranger, bind, use the file, ask for their number, exec and exit, in any order.
 *
 * Leaves out: how a reader under RCU sees the hash table change (a lookup is one step),
 * the life of struct mmgpu_mm itself, mmgpu_mm_lookup() by number, whether it is EPERM or
 * ESRCH, unloading.
 *
 * right: safety
 *
 * wrong: RAW_POINTER	!stranger_passes	the file keeps the address of an mm that it does not pin
 * wrong: NOT_CLEARED	!stranger_passes	->release gives the pin back and leaves the pointer
 * wrong: THREAD_GROUP	!stranger_passes	the gate compares thread groups, which exec does not change
 * wrong: REUSED	!someone_else		numbers are used again, as ASIDs are
 * wrong: TASK_EXIT		!owner_refused		a number ends with the first task of its mm that exits
 * wrong: PUT_BY_POINTER	!leaked			->release gives nothing back of an mm that was found out to have ended
 * wrong: TWO_USES	!leaked			both threads that made the notifier keep their use of it
 */
#define ADDRS	3	/* memory for so many mm_structs; address 0 is NULL */
#define MMS	4	/* as many mms are ever made, so are numbers and objects */

typedef mm_struct {
	byte life;	/* ghost: which mm this is; 0 is free memory */
	byte users;	/* mm_users */
	byte count;	/* mm_count: one of all users, one of a notifier */
	byte notifier	/* the object on its list of notifiers */
}

typedef mmgpu_mm {
	byte mm;	/* NULL from the mm's end on */
	byte seq;
	bool registered;/* the notifier has to be given back */
	byte uses;	/* of the notifier */
	byte pins;	/* whose mm_struct the notifier pins */
	bool put	/* the notifier waits for SRCU */
}

mm_struct mm[ADDRS + 1];
mmgpu_mm obj[MMS + 1];
byte last_life, last_obj, last_seq;

byte owner;		/* mmgpu_file.owner */
byte owner_life;	/* ghost: the mm that bound the file */
byte owner_group;

bool stranger_passes, owner_refused, someone_else, leaked;

inline mmdrop(a)
{
	mm[a].count--;
	if
	:: mm[a].count == 0 -> mm[a].life = 0; mm[a].notifier = 0
	:: else
	fi
}

/* mmu_notifier_put() */
inline notifier_put(m)
{
	obj[m].uses--;
	if
	:: obj[m].uses == 0 ->
		mm[obj[m].pins].notifier = 0;
		obj[m].put = true
	:: else
	fi
}

/* Of the last user; with ->release in it, mmgpu_mm_release() */
inline mmput(a)
{
	atomic {
		mm[a].users--;
		last = mm[a].users == 0;
#ifdef TASK_EXIT
		obj[mm[a].notifier].mm = 0
#endif
	};
	if
	:: last ->
#ifndef RAW_POINTER
		/* mms_lock */
		d_step {
			m = mm[a].notifier;
#ifdef PUT_BY_POINTER
			put = m && obj[m].mm;
#else
			put = m && obj[m].registered;
#endif
			if
#ifndef NOT_CLEARED
			:: m -> obj[m].mm = 0; obj[m].registered = false
#else
			:: m -> obj[m].registered = false
#endif
			:: else
			fi
		};
#endif
		d_step {
			if
			:: put -> notifier_put(m)
			:: else
			fi;
			mmdrop(a);
			last = false;
			put = false;
			m = 0
		}
	:: else
	fi
}

/* mmgpu_mm_find(); m = 0 if there is none. The caller is alive, so one object at most. */
inline find(a)
{
	m = last_obj;
	do
	:: m && obj[m].mm != a -> m--
	:: else -> break
	od
}

/* mmgpu_mm_assign() */
inline assign(a)
{
	d_step { find(a) };
	if
	:: m -> skip
	:: else ->
		/* mmu_notifier_get(), under the mm's own lock */
		atomic {
			if
			:: mm[a].notifier ->
				m = mm[a].notifier;
				obj[m].uses++
			:: else ->
				last_obj++;
				m = last_obj;
				obj[m].uses = 1;
				obj[m].pins = a;
				mm[a].notifier = m;
#ifndef RAW_POINTER
				mm[a].count++
#endif
			fi
		};
		/* mms_lock */
		atomic {
			first = !obj[m].seq;
			if
			:: first ->
				last_seq++;
#ifdef REUSED
				obj[m].seq = a;
#else
				obj[m].seq = last_seq;
#endif
				obj[m].mm = a;
				obj[m].registered = true
			:: else
			fi
		};
		/* Never the last use: that is the mm's own */
		d_step {
			if
#ifndef TWO_USES
			:: !first -> obj[m].uses--
#endif
			:: else
			fi;
			first = false
		}
	fi
}

/* BIND_MM; of a stranger's tasks, and on a bound file, QUERY_MM that assigns a number */
inline bind()
{
	assign(me);
	/* mmgpu_file.lock */
	d_step {
		if
		:: !owner && group == 1 ->
			owner = m;
			owner_life = mm[me].life;
			owner_group = group
		:: else
		fi;
		m = 0
	}
}

/* mmgpu_file_gate() of a bound file: one load of mmgpu_mm.mm, and what is made of it */
inline gate()
{
	d_step {
#ifdef THREAD_GROUP
		passes = group == owner_group;
#else
		passes = obj[owner].mm == me;
#endif
		if
		:: passes -> stranger_passes = mm[me].life != owner_life
		:: else -> owner_refused = mm[me].life == owner_life
		fi;
		assert(!stranger_passes);
		assert(!owner_refused);
		passes = false
	}
}

/* mmgpu_mm_lookup_seq(), for access to buffers */
inline number()
{
	d_step {
		find(me);
		if
		:: m && owner && obj[m].seq == obj[owner].seq -> someone_else = mm[me].life != owner_life
		:: else -> owner_refused = owner && mm[me].life == owner_life
		fi;
		assert(!someone_else);
		assert(!owner_refused);
		m = 0
	}
}

/* exec has the new mm before it drops the old one. A child that forks gets one alike. */
inline exec()
{
	d_step {
		free = 1;
		do
		:: free <= ADDRS && mm[free].life -> free++
		:: else -> break
		od;
		if
		:: free <= ADDRS && last_life < MMS ->
			last_life++;
			mm[free].life = last_life;
			mm[free].users = 1;
			mm[free].count = 1;
			old = me;
			me = free
		:: else
		fi;
		free = 0
	};
	if
	:: old -> mmput(old); old = 0
	:: else
	fi
}

proctype Task(byte me; byte group; bool execs)
{
	byte m, free, old;
	bool first, last, put, passes;

	do
	:: bind()
	:: owner -> gate()
	:: number()
	:: execs -> exec()
	:: break
	od;
	mmput(me)
}

/* The pin goes, and with free_notifier the object, unless the file has a reference */
#define after_grace(n)						\
	d_step {						\
		obj[n].put ->					\
		obj[n].put = false;				\
		mmdrop(obj[n].pins);				\
		obj[n].pins = 0;				\
		if						\
		:: n != owner -> obj[n].seq = 0			\
		:: else						\
		fi						\
	}

proctype Srcu()
{
end:	do
	:: after_grace(1)
	:: after_grace(2)
	:: after_grace(3)
	:: after_grace(4)
	od
}

/* mmgpu_mm_get_users(), by who finds no user before ->release has been called */
proctype Finder()
{
end:	d_step { owner && obj[owner].mm && !mm[obj[owner].mm].users -> obj[owner].mm = 0 }
}

init {
	atomic {
		mm[1].life = 1;
		mm[1].users = 2;
		mm[1].count = 1;
		mm[2].life = 2;
		mm[2].users = 1;
		mm[2].count = 1;
		last_life = 2;
		run Srcu();
		run Finder();
		run Task(1, 1, true);
		run Task(1, 1, false);
		run Task(2, 2, true)
	};
	/* The tasks have ended, and the others have nothing to do */
	timeout;
	leaked = mm[1].life || mm[2].life || mm[3].life;
	assert(!leaked)
}
