// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/**
 * DOC: Shared virtual addressing
 *
 * A kernel thread that uses the owner's mm copies to and from plain CPU addresses. The
 * page tables decide at that moment what it may touch; nothing is pinned, and no page
 * is remembered.
 *
 * A copy is tried with page faults off, under &mmgpu_svm.lock, after a look at
 * &mmgpu_svm.over. What it could not reach is faulted in with no lock held, as a thread
 * of the owner would, and then it is tried again. So a fault may take as long as it likes
 * while somebody else ends the job and signals its fence, and after that nothing is read or
 * written. Whoever ends it sends the thread SIGKILL, which ends the wait for the fault.
 *
 * The kernel judges a page fault by who takes it, not by the mm alone: the memory cgroup that
 * pays for page tables, the credentials that a file system's quota asks for, the resource
 * limits of a stack that grows. A kernel thread's are root's, without any limit. So faults are
 * taken in the name of the thread that submitted the job: see &struct mmgpu_svm_caller.
 *
 * The mm's users are held for one chunk, so the end of the process waits for at most
 * that; between two chunks it may be gone.
 */

#include <linux/align.h>
#include <linux/cred.h>
#include <linux/kthread.h>
#include <linux/memcontrol.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/resource.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>

#include <kunit/visibility.h>

#include "mmgpu_mm.h"
#include "mmgpu_svm.h"
#include "mmgpu_trace.h"

/* One copy. At most one end is the kernel's; 0 is an address of user space like others. */
struct svm_copy {
	void *kdst;
	const void *ksrc;
	/* Without kdst, and without ksrc. */
	void __user *udst;
	const void __user *usrc;
	bool backwards;
	/* Out, when the page tables refuse: which address, and whether to write there. */
	const void __user *refused;
	bool refused_write;
};

/**
 * mmgpu_svm_init() - Prepare
 * @svm: zeroed
 * @m: the owner's mm
 *
 * Return: 0 or -ENOMEM.
 */
int mmgpu_svm_init(struct mmgpu_svm *svm, struct mmgpu_mm *m)
{
	svm->buf = kvmalloc(MMGPU_SVM_CHUNK, GFP_KERNEL_ACCOUNT);
	if (!svm->buf)
		return -ENOMEM;

	svm->m = m;
	svm->over = true;
	mutex_init(&svm->lock);

	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_svm_init);

/**
 * mmgpu_svm_fini() - Take back mmgpu_svm_init()
 * @svm: initialized
 */
void mmgpu_svm_fini(struct mmgpu_svm *svm)
{
	mutex_destroy(&svm->lock);
	kvfree(svm->buf);
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_svm_fini);

static const unsigned int svm_limits[MMGPU_SVM_LIMITS] = {
	RLIMIT_STACK, RLIMIT_AS, RLIMIT_MEMLOCK,
};

/**
 * mmgpu_svm_caller_init() - Note who submits a job
 * @caller: zeroed
 */
void mmgpu_svm_caller_init(struct mmgpu_svm_caller *caller)
{
	unsigned int i;

	caller->cred = get_current_cred();
	for (i = 0; i < MMGPU_SVM_LIMITS; i++)
		caller->limits[i] = rlimit(svm_limits[i]);
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_svm_caller_init);

/**
 * mmgpu_svm_caller_fini() - Take back mmgpu_svm_caller_init()
 * @caller: initialized, or zeroed, which it is again
 */
void mmgpu_svm_caller_fini(struct mmgpu_svm_caller *caller)
{
	put_cred(caller->cred);
	caller->cred = NULL;
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_svm_caller_fini);

/**
 * mmgpu_svm_assume() - From now on take page faults in somebody's name
 * @svm: of the current thread, which is a kernel thread and shares its limits with nobody
 * @caller: whose; must stay for as long as the thread uses the owner's memory
 */
void mmgpu_svm_assume(struct mmgpu_svm *svm, const struct mmgpu_svm_caller *caller)
{
	unsigned int i;

	svm->caller = caller;

	task_lock(current);
	for (i = 0; i < MMGPU_SVM_LIMITS; i++)
		current->signal->rlim[svm_limits[i]].rlim_cur = caller->limits[i];
	task_unlock(current);
}
EXPORT_SYMBOL_IF_KUNIT(mmgpu_svm_assume);

static bool svm_words_allowed(const void __user *dst, const void __user *src)
{
	return IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) ||
	       IS_ALIGNED((unsigned long)dst | (unsigned long)src, sizeof(long));
}

/* These are for a section that user_access_begin() began, where nothing may be called. */
static __always_inline bool svm_move_word(void __user *dst, const void __user *src)
{
	unsigned long value;

	unsafe_get_user(value, (const unsigned long __user *)src, fault);
	unsafe_put_user(value, (unsigned long __user *)dst, fault);

	return true;

fault:
	return false;
}

static __always_inline bool svm_move_byte(void __user *dst, const void __user *src)
{
	u8 value;

	unsafe_get_user(value, (const u8 __user *)src, fault);
	unsafe_put_user(value, (u8 __user *)dst, fault);

	return true;

fault:
	return false;
}

/* Eight words at a time, forwards; of those where it met a fault some may be copied. */
static __always_inline size_t svm_move_words(void __user *dst, const void __user *src, size_t len)
{
	const size_t word = sizeof(long);
	size_t done;

	for (done = 0; len - done >= 8 * word; done += 8 * word) {
		void __user *d = dst + done;
		const void __user *s = src + done;

		if (!svm_move_word(d, s) ||
		    !svm_move_word(d + word, s + word) ||
		    !svm_move_word(d + 2 * word, s + 2 * word) ||
		    !svm_move_word(d + 3 * word, s + 3 * word) ||
		    !svm_move_word(d + 4 * word, s + 4 * word) ||
		    !svm_move_word(d + 5 * word, s + 5 * word) ||
		    !svm_move_word(d + 6 * word, s + 6 * word) ||
		    !svm_move_word(d + 7 * word, s + 7 * word))
			break;
	}

	return done;
}

/*
 * From user to user. Returns how much could be copied, and not less if the ranges overlap,
 * since it can't be copied twice then.
 */
static size_t svm_move(void __user *dst, const void __user *src, size_t len, bool backwards)
{
	const bool words = svm_words_allowed(dst, src);
	const size_t word = sizeof(long);
	size_t done = 0;

	if (!user_access_begin(dst, len))
		return 0;

	if (words && !backwards && (dst >= src + len || src >= dst + len))
		done = svm_move_words(dst, src, len);

	for (; words && len - done >= word; done += word) {
		size_t at = backwards ? len - done - word : done;

		if (!svm_move_word(dst + at, src + at))
			goto out;
	}
	for (; done < len; done++) {
		size_t at = backwards ? len - done - 1 : done;

		if (!svm_move_byte(dst + at, src + at))
			break;
	}
out:
	user_access_end();

	return done;
}

/* One aligned word goes at once, for whoever polls it. */
static size_t svm_write_word(void __user *dst, const void *src)
{
	u64 value = get_unaligned((const u64 *)src);

	if (!user_access_begin(dst, sizeof(u64)))
		return 0;
	unsafe_put_user(value, (u64 __user *)dst, fault);
	user_access_end();

	return sizeof(u64);

fault:
	user_access_end();

	return 0;
}

/* With page faults off. Returns how much could be copied of @len bytes at @at. */
static size_t svm_try(const struct svm_copy *copy, size_t at, size_t len)
{
	if (!copy->ksrc && !access_ok(copy->usrc + at, len))
		return 0;
	if (!copy->kdst && !access_ok(copy->udst + at, len))
		return 0;

	if (copy->kdst)
		return len - __copy_from_user_inatomic(copy->kdst + at, copy->usrc + at, len);
	if (!copy->ksrc)
		return svm_move(copy->udst + at, copy->usrc + at, len, copy->backwards);
	if (len == sizeof(u64) && IS_ALIGNED((unsigned long)(copy->udst + at), sizeof(u64)))
		return svm_write_word(copy->udst + at, copy->ksrc + at);

	return len - __copy_to_user_inatomic(copy->udst + at, copy->ksrc + at, len);
}

/*
 * fault_in_safe_writeable(), but the wait for the mmap lock ends with SIGKILL, and a stack
 * grows. Writes nothing. Returns how much is there.
 */
static size_t svm_fault_in_writeable(void __user *dst, size_t len)
{
	unsigned long start = untagged_addr((unsigned long)dst), addr = start;
	struct mm_struct *mm = current->mm;
	bool unlocked = false;

	while (addr - start < len) {
		struct vm_area_struct *vma;

		/* A read grows a stack; fixup_user_fault() would only complain. */
		if (mmap_read_lock_killable(mm))
			break;
		vma = find_vma(mm, addr);
		if (vma && addr < vma->vm_start && vma->vm_flags & VM_GROWSDOWN) {
			mmap_read_unlock(mm);
			if (fault_in_readable((const char __user *)addr, 1))
				break;
			continue;
		}
		if (!vma || addr < vma->vm_start ||
		    fixup_user_fault(mm, addr, FAULT_FLAG_WRITE, &unlocked)) {
			mmap_read_unlock(mm);
			break;
		}
		mmap_read_unlock(mm);
		addr = PAGE_ALIGN_DOWN(addr + PAGE_SIZE);
	}

	return min(addr - start, len);
}

/* Returns how much of @len bytes at @at can be tried now, 0 if the page tables refuse. */
static size_t svm_fault_in(struct svm_copy *copy, size_t at, size_t len)
{
	size_t ready = len;

	if (!copy->ksrc) {
		copy->refused = copy->usrc + at;
		copy->refused_write = false;
		if (!access_ok(copy->usrc + at, len))
			return 0;
		ready -= fault_in_readable(copy->usrc + at, len);
		if (!ready)
			return 0;
	}

	if (!copy->kdst) {
		copy->refused = copy->udst + at;
		copy->refused_write = true;
		if (!access_ok(copy->udst + at, ready))
			return 0;
		ready = svm_fault_in_writeable(copy->udst + at, ready);
	}

	return ready;
}

/* Of @len bytes at @at those that are in one page at both ends. */
static size_t svm_to_page_end(const struct svm_copy *copy, size_t at, size_t len)
{
	if (!copy->ksrc)
		len = min_t(size_t, len, PAGE_SIZE - offset_in_page(copy->usrc + at));
	if (!copy->kdst)
		len = min_t(size_t, len, PAGE_SIZE - offset_in_page(copy->udst + at));

	return len;
}

/* How many times a page may go away again before it is copied. */
#define SVM_MAX_ROUNDS	100

/*
 * What was not copied is @left bytes, at the end or, backwards, at the start. Faults in what
 * comes next of it; in a @hurry, because pages go away before the last one is there, only
 * one at each end. Returns how much that is, 0 if the page tables refuse it.
 */
static size_t svm_fault_in_part(struct svm_copy *copy, size_t len, size_t left, bool hurry)
{
	size_t at = len - left, next;

	if (copy->backwards) {
		next = min_t(size_t, left, PAGE_SIZE);
		return svm_fault_in(copy, left - next, next) < next ? 0 : next;
	}

	/* All of it is refused if user space ends in the range. */
	next = hurry ? 0 : svm_fault_in(copy, at, left);

	return next ?: svm_fault_in(copy, at, svm_to_page_end(copy, at, left));
}

/* svm_fault_in_part() in the name of whoever submitted the job. */
static size_t svm_fault_in_next(const struct mmgpu_svm *svm, struct svm_copy *copy, size_t len,
				size_t left, bool hurry)
{
	struct mem_cgroup *memcg = get_mem_cgroup_from_mm(current->mm);
	struct mem_cgroup *old_memcg = set_active_memcg(memcg);
	const struct cred *old_cred = override_creds(svm->caller->cred);
	size_t ready = svm_fault_in_part(copy, len, left, hurry);

	revert_creds(old_cred);
	set_active_memcg(old_memcg);
	mem_cgroup_put(memcg);

	return ready;
}

/* In the owner's mm. Forwards, all before the first byte that is refused is copied. */
static int svm_copy_in_mm(struct mmgpu_svm *svm, struct svm_copy *copy, size_t len)
{
	size_t left = len, try = len;
	unsigned int rounds = 0;
	bool hurry = false;

	while (left) {
		size_t at = copy->backwards ? left - try : len - left;
		size_t done;

		if (!mmgpu_svm_begin(svm))
			return -ECANCELED;
		pagefault_disable();
		done = svm_try(copy, at, try);
		pagefault_enable();
		mmgpu_svm_end(svm);

		left -= done;
		rounds = done ? 0 : rounds + 1;
		hurry |= rounds > 1;
		if (done == try) {
			try = left;
			continue;
		}

		cond_resched();
		WRITE_ONCE(svm->faults, svm->faults + 1);
		try = svm_fault_in_next(svm, copy, len, left, hurry);
		WRITE_ONCE(svm->faults, svm->faults + 1);

		/* There are pages that can be there and still not be used (shadow stacks). */
		if (try && rounds < SVM_MAX_ROUNDS)
			continue;

		/* Nobody reads the error of a job that is over. */
		if (fatal_signal_pending(current))
			return -ECANCELED;
		trace_mmgpu_svm_fault(svm->m->seq, (unsigned long)copy->refused,
				      copy->refused_write);
		return -EFAULT;
	}

	return 0;
}

static int svm_copy(struct mmgpu_svm *svm, struct svm_copy *copy, size_t len)
{
	struct mm_struct *mm;
	int ret;

	mm = mmgpu_mm_get_users(svm->m);
	if (!mm)
		return -ECANCELED;

	kthread_use_mm(mm);
	ret = svm_copy_in_mm(svm, copy, len);
	kthread_unuse_mm(mm);
	mmgpu_mm_put_users(svm->m, mm);

	return ret;
}

/**
 * mmgpu_svm_read() - Copy from the owner's memory
 * @svm: where the job runs
 * @dst: kernel memory
 * @src: CPU address
 * @len: at most MMGPU_SVM_CHUNK
 *
 * Return: 0; -EFAULT if the page tables refuse; -ECANCELED if the mm is gone or the
 * job is over.
 */
int mmgpu_svm_read(struct mmgpu_svm *svm, void *dst, u64 src, size_t len)
{
	struct svm_copy copy = { .kdst = dst, .usrc = u64_to_user_ptr(src) };

	return svm_copy(svm, &copy, len);
}

/**
 * mmgpu_svm_write() - Copy to the owner's memory
 * @svm: where the job runs
 * @dst: CPU address
 * @src: kernel memory
 * @len: at most MMGPU_SVM_CHUNK
 *
 * Return: as mmgpu_svm_read().
 */
int mmgpu_svm_write(struct mmgpu_svm *svm, u64 dst, const void *src, size_t len)
{
	struct svm_copy copy = { .udst = u64_to_user_ptr(dst), .ksrc = src };

	return svm_copy(svm, &copy, len);
}

/**
 * mmgpu_svm_move() - Copy within the owner's memory
 * @svm: where the job runs
 * @dst: CPU address
 * @src: CPU address
 * @len: at most MMGPU_SVM_CHUNK
 * @backwards: from the end to the start
 *
 * Return: as mmgpu_svm_read().
 */
int mmgpu_svm_move(struct mmgpu_svm *svm, u64 dst, u64 src, size_t len, bool backwards)
{
	struct svm_copy copy = {
		.udst = u64_to_user_ptr(dst),
		.usrc = u64_to_user_ptr(src),
		.backwards = backwards,
	};

	return svm_copy(svm, &copy, len);
}
