/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
/*
 * Grants and revocation against mappings and page faults.
 *
 * Abstracts mmgpu_bo_grant() with mmgpu_bo_narrow_locked() and mmgpu_bo_widen_locked(),
 * mmgpu_gem_fault(), mmgpu_gem_mmap(), and of the kernel mprotect, munmap and the end of an
 * mm. The owner changes what one grantee may do; the grantee has one mapping that may
 * become writable and one that may not; another process, which may be the owner's, takes
 * faults in them (process_vm_readv, a debugger).
 *
 * Leaves out: several pages, mappings that fork, split or move, the list of grants and
 * its reading under RCU (what a grantee may do is one word), the owner's own mappings,
 * which nobody takes anything from.
 *
 * right: safety
 *
 * wrong: FAULT_UNLOCKED	!beyond		a fault asks and inserts without grants_lock
 * wrong: NO_ZAP		!beyond		revoke leaves the page tables to themselves
 * wrong: ZAP_FIRST		!beyond		revoke clears the page tables, then takes the access away
 * wrong: BY_FAULTER		!beyond		a fault asks for the mm of who takes it
 * wrong: BY_READ		!beyond		a read fault asks for read access only, although mprotect needs no fault
 */
typedef rwsem {
	byte readers;
	bool writer
}

#define down_read(s)	atomic { !s.writer; s.readers++ }
#define up_read(s)	s.readers--
#define down_write(s)	atomic { !s.writer && !s.readers; s.writer = true }
#define up_write(s)	s.writer = false

#define R		1
#define RW		3

#define MAYWRITE	0	/* mapped with PROT_WRITE */
#define READONLY	1

#define OWNER		1
#define GRANTEE		2

typedef mapping {
	bool mapped;
	bool writable;		/* VM_WRITE */
	byte pte		/* what the page table lets the grantee do */
}

mapping vma[2];
rwsem mmap_lock;		/* of the grantee's mm */
rwsem grants_lock;
byte access;			/* mmgpu_grant.access */

byte promised;			/* ghost: the most that BO_GRANT has left the grantee */
bool beyond;

/* Where an entry or the promise has changed */
inline look()
{
	beyond = ((vma[MAYWRITE].pte | vma[READONLY].pte) & ~promised) != 0;
	assert(!beyond)
}

inline fault(v)
{
	down_read(mmap_lock);
	if
	:: vma[v].mapped ->
#ifndef FAULT_UNLOCKED
		down_read(grants_lock);
#endif
#ifdef BY_READ
		ok = access & R && (!vma[v].writable || access == RW);
#else
		ok = access & R && (v == READONLY || access == RW);
#endif
#ifdef BY_FAULTER
		ok = ok || me == OWNER;
#endif
		d_step {
			if
			:: ok -> vma[v].pte = (vma[v].writable -> RW : R)
			:: else			/* SIGBUS */
			fi;
			look();
			ok = false
		};
#ifndef FAULT_UNLOCKED
		up_read(grants_lock)
#endif
	:: else
	fi;
	up_read(mmap_lock)
}

proctype Grantee()
{
	byte me = GRANTEE;
	bool ok;

	do
	:: fault(MAYWRITE)
	:: fault(READONLY)
	/* mmap; the answer may be old when the mapping is there */
	:: ok = access == RW;
		down_write(mmap_lock);
		d_step {
			if
			:: ok && !vma[MAYWRITE].mapped ->
				vma[MAYWRITE].mapped = true;
				vma[MAYWRITE].writable = true
			:: else
			fi;
			ok = false
		};
		up_write(mmap_lock)
	:: ok = access & R;
		down_write(mmap_lock);
		d_step { vma[READONLY].mapped = vma[READONLY].mapped || ok; ok = false };
		up_write(mmap_lock)
	/* mprotect changes entries that are there */
	:: down_write(mmap_lock);
		d_step {
			vma[MAYWRITE].writable = vma[MAYWRITE].mapped && !vma[MAYWRITE].writable;
			vma[MAYWRITE].pte = (!vma[MAYWRITE].pte -> 0 :
					     (vma[MAYWRITE].writable -> RW : R));
			look()
		};
		up_write(mmap_lock)
	/* munmap, exec, exit */
	:: down_write(mmap_lock);
		d_step {
			vma[MAYWRITE].mapped = false;
			vma[MAYWRITE].writable = false;
			vma[MAYWRITE].pte = 0;
			vma[READONLY].mapped = false;
			vma[READONLY].pte = 0
		};
		up_write(mmap_lock)
	od
}

proctype Tracer()
{
	byte me = OWNER;
	bool ok;

	do
	:: fault(MAYWRITE)
	:: fault(READONLY)
	od
}

inline zap()
{
#ifndef NO_ZAP
	vma[MAYWRITE].pte = 0;
	vma[READONLY].pte = 0
#else
	skip
#endif
}

/* mmgpu_bo_grant() */
inline grant()
{
#ifdef ZAP_FIRST
	zap();
	down_write(grants_lock);
	access = left;
#else
	down_write(grants_lock);
	if
	:: access & ~left ->
		access = left;
		zap()
	:: else ->
		access = left
	fi;
#endif
	up_write(grants_lock)
}

proctype Owner()
{
	byte left;

	do
	:: atomic {
		if
		:: left = 0
		:: left = R
		:: left = RW
		fi;
		promised = promised | left
	};
	grant();
	d_step { promised = left; look() }
	od
}

init {
	atomic {
		run Grantee();
		run Tracer();
		run Owner()
	}
}
