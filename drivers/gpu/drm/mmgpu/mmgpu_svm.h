/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_SVM_H_
#define _MMGPU_SVM_H_

#include <linux/mutex.h>
#include <linux/types.h>

struct cred;
struct mmgpu_mm;

/* RLIMIT_STACK, RLIMIT_AS and RLIMIT_MEMLOCK, which a stack that grows must keep to. */
#define MMGPU_SVM_LIMITS	3

/**
 * struct mmgpu_svm_caller - in whose name the page faults of a job are taken
 */
struct mmgpu_svm_caller {
	/** @cred: of the thread that submitted the job, with a reference; NULL for nobody's */
	const struct cred *cred;

	/** @limits: its resource limits, as they were then */
	unsigned long limits[MMGPU_SVM_LIMITS];
};

/**
 * struct mmgpu_svm - how a job reaches the memory of its owner
 */
struct mmgpu_svm {
	/** @m: the owner's mm; its holder keeps it */
	struct mmgpu_mm *m;

	/** @lock: held around each piece of work, and by whoever sets @over */
	struct mutex lock;

	/** @over: the job's fence has signalled, or is about to: touch nothing. Under @lock */
	bool over;

	/** @faults: odd while it waits for page faults, of which those of one chunk count as one */
	unsigned int faults;

	/** @caller: of the job that runs; its holder keeps it */
	const struct mmgpu_svm_caller *caller;

	/** @buf: space for MMGPU_SVM_CHUNK bytes */
	u8 *buf;
};

/* Most bytes in one piece of work: for so long it may hold the mm's users. */
#define MMGPU_SVM_CHUNK		65536

int mmgpu_svm_init(struct mmgpu_svm *svm, struct mmgpu_mm *m);
void mmgpu_svm_fini(struct mmgpu_svm *svm);

void mmgpu_svm_caller_init(struct mmgpu_svm_caller *caller);
void mmgpu_svm_caller_fini(struct mmgpu_svm_caller *caller);
void mmgpu_svm_assume(struct mmgpu_svm *svm, const struct mmgpu_svm_caller *caller);

int mmgpu_svm_read(struct mmgpu_svm *svm, void *dst, u64 src, size_t len);
int mmgpu_svm_write(struct mmgpu_svm *svm, u64 dst, const void *src, size_t len);
int mmgpu_svm_move(struct mmgpu_svm *svm, u64 dst, u64 src, size_t len, bool backwards);

/**
 * mmgpu_svm_begin() - Begin a piece of work that touches a buffer
 * @svm: where the job runs, NULL on the thread of an engine
 *
 * An engine signals its jobs itself. A job that depends on page faults may be ended
 * by others, and after that it must not touch anything any more.
 *
 * Return: true if the job goes on; the piece then ends with mmgpu_svm_end().
 */
static inline bool mmgpu_svm_begin(struct mmgpu_svm *svm)
{
	if (!svm)
		return true;

	mutex_lock(&svm->lock);
	if (!svm->over)
		return true;
	mutex_unlock(&svm->lock);

	return false;
}

/**
 * mmgpu_svm_end() - End what mmgpu_svm_begin() began
 * @svm: as there
 */
static inline void mmgpu_svm_end(struct mmgpu_svm *svm)
{
	if (svm)
		mutex_unlock(&svm->lock);
}

#endif /* _MMGPU_SVM_H_ */
