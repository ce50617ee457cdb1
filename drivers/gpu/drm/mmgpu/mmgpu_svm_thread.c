// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

/**
 * DOC: Threads of bound files
 *
 * A job that names CPU addresses runs on a thread of its file, so a page fault that
 * takes long holds up that file and no engine. The scheduler is done with the job when it
 * hands it over. What follows it in its context goes the same way as long as it is
 * unfinished, which keeps the order.
 *
 * While a job runs, a work item looks every ten milliseconds whether it has to end: the job
 * timeout, an unplug, an owner that waits for nobody but us to let go of its mm, or a page fault
 * that nobody serves because the system is going to sleep. It then ends the job in the thread's
 * place: marks it as over, signals its fence, and sends the thread SIGKILL, which any wait for
 * a page fault is to obey.
 *
 * Some do not (a file system in user space can be such a one), so nobody ever waits for the
 * thread. It has references of its own to all that it uses, the module included, and
 * ends when its file is closed and it has nothing to do. If it has not come back after
 * another job timeout, and a second at least, it is given up as lost: all that its file has
 * queued is cancelled, and the file takes no job any more. The mm is looked at even then, for
 * the sake of its other files.
 */

#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <drm/drm_device.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>

#include "mmgpu_ctx.h"
#include "mmgpu_device.h"
#include "mmgpu_file.h"
#include "mmgpu_job.h"
#include "mmgpu_mm.h"
#include "mmgpu_svm.h"
#include "mmgpu_svm_thread.h"

#define SVM_TICK_MS		10
#define SVM_STUCK_TICKS		5
#define SVM_LOST_TICK_MS	1000u

/*
 * Nothing else limits kernel threads: neither of one mm, whose files can be many, nor of
 * all mms together.
 */
#define SVM_MAX_THREADS_OF_MM	64
#define SVM_MAX_THREADS		4096

static DEFINE_SPINLOCK(svm_threads_lock);
static unsigned int svm_threads;

struct mmgpu_svm_thread {
	struct mmgpu_svm svm;
	/* With a reference of the thread's; the file's last one frees this. */
	struct mmgpu_file *mfile;
	/* In &mmgpu_device.svm_threads; the thread has a reference of the device. */
	struct list_head link;
	struct task_struct *task;

	/* Protects what follows. */
	spinlock_t queue_lock;
	struct list_head queue;
	bool closed;
	wait_queue_head_t wq;

	/* Of the job that runs, under svm.lock; NULL between two jobs. */
	struct mmgpu_job *job;
	/* When it has to be over; and when it is, when the thread has to be back. */
	ktime_t deadline;
	/* &mmgpu_svm.faults as it was at the last look, and for how many looks before. */
	unsigned int faults;
	unsigned int waits;
	/* Whether it counts in &mmgpu_device.svm_running. */
	bool running;
	struct delayed_work tick;
};

static void svm_thread_enter(struct mmgpu_device *mdev)
{
	atomic_inc(&mdev->svm_running);
	/* Pairs with mmgpu_svm_thread_suspend_all(): it sees us, or we see that it was there. */
	smp_mb__after_atomic();
}

static void svm_thread_leave(struct mmgpu_device *mdev)
{
	if (atomic_dec_and_test(&mdev->svm_running) && READ_ONCE(mdev->suspended))
		wake_up(&mdev->svm_wq);
}

/* 0 if the job may go on, else the error of its fence. */
static int svm_thread_verdict_locked(struct mmgpu_svm_thread *thread)
{
	const struct mmgpu_device *mdev = thread->mfile->mdev;
	unsigned int faults = READ_ONCE(thread->svm.faults);

	lockdep_assert_held(&thread->svm.lock);

	thread->waits = faults & 1 && faults == thread->faults ? thread->waits + 1 : 0;
	thread->faults = faults;

	if (READ_ONCE(mdev->gone))
		return -ENODEV;
	if (ktime_after(ktime_get(), thread->deadline))
		return -ETIME;
	/* One fault for longer than it takes to serve it: whoever could is asleep. */
	if (READ_ONCE(mdev->suspended) && thread->waits >= SVM_STUCK_TICKS)
		return -ECANCELED;
	/* The end of the mm does not end a job that does without it. */
	if (mmgpu_mm_end_if_abandoned(thread->svm.m) && thread->job->svm)
		return -ECANCELED;

	return 0;
}

static void svm_thread_stop_running_locked(struct mmgpu_svm_thread *thread)
{
	lockdep_assert_held(&thread->svm.lock);

	if (thread->running)
		svm_thread_leave(thread->mfile->mdev);
	thread->running = false;
}

/* When a thread has to be back: not sooner than it may get a CPU on a busy machine. */
static ktime_t svm_thread_last_moment(void)
{
	return ktime_add_ms(ktime_get(), max(mmgpu_params.job_timeout_ms, SVM_LOST_TICK_MS));
}

/* The thread has a reference to the job until it has had the lock. */
static void svm_thread_end_job_locked(struct mmgpu_svm_thread *thread, int error)
{
	lockdep_assert_held(&thread->svm.lock);

	thread->svm.over = true;
	thread->deadline = svm_thread_last_moment();
	send_sig(SIGKILL, thread->task, 1);
	mmgpu_job_finish(thread->job, error);
	svm_thread_stop_running_locked(thread);
}

static void svm_thread_give_up_locked(struct mmgpu_svm_thread *thread)
{
	lockdep_assert_held(&thread->svm.lock);

	/* What is enqueued after this is refused, what was before is cancelled. */
	spin_lock(&thread->queue_lock);
	WRITE_ONCE(thread->mfile->lost, true);
	spin_unlock(&thread->queue_lock);

	mmgpu_ctx_kill_all(thread->mfile, -ECANCELED);
}

/* Returns when to look again, in ms. */
static unsigned int svm_thread_look_locked(struct mmgpu_svm_thread *thread)
{
	int error;

	lockdep_assert_held(&thread->svm.lock);

	if (!thread->svm.over) {
		error = svm_thread_verdict_locked(thread);
		if (error)
			svm_thread_end_job_locked(thread, error);
		return SVM_TICK_MS;
	}

	/* The job is over and the thread is not back. Its mm may still end for the others. */
	mmgpu_mm_end_if_abandoned(thread->svm.m);

	/* Whoever serves the fault may be asleep with the system. */
	if (READ_ONCE(thread->mfile->mdev->suspended))
		thread->deadline = svm_thread_last_moment();

	if (!thread->mfile->lost && ktime_after(ktime_get(), thread->deadline))
		svm_thread_give_up_locked(thread);

	return thread->mfile->lost ? SVM_LOST_TICK_MS : SVM_TICK_MS;
}

static void svm_thread_tick(struct work_struct *work)
{
	struct mmgpu_svm_thread *thread = container_of(to_delayed_work(work),
						       struct mmgpu_svm_thread, tick);
	bool cookie = dma_fence_begin_signalling();
	unsigned int ms;

	mutex_lock(&thread->svm.lock);
	if (thread->job) {
		ms = svm_thread_look_locked(thread);
		queue_delayed_work(mmgpu_signal_wq, &thread->tick, msecs_to_jiffies(ms));
	}
	mutex_unlock(&thread->svm.lock);

	dma_fence_end_signalling(cookie);
}

/**
 * mmgpu_svm_thread_begin() - Begin to run a job
 * @thread: the current thread
 * @job: job; what it touches, it touches by leave of what this returns
 * @deadline: when somebody else ends it
 *
 * Return: for &mmgpu_exec.svm.
 */
struct mmgpu_svm *mmgpu_svm_thread_begin(struct mmgpu_svm_thread *thread, struct mmgpu_job *job,
					 ktime_t deadline)
{
	mutex_lock(&thread->svm.lock);
	thread->job = job;
	thread->deadline = deadline;
	thread->svm.over = false;
	mutex_unlock(&thread->svm.lock);

	queue_delayed_work(mmgpu_signal_wq, &thread->tick, msecs_to_jiffies(SVM_TICK_MS));

	return &thread->svm;
}

/**
 * mmgpu_svm_thread_end() - End what mmgpu_svm_thread_begin() began
 * @thread: the current thread
 *
 * Return: true if the job is still to be finished; false if somebody else did it.
 */
bool mmgpu_svm_thread_end(struct mmgpu_svm_thread *thread)
{
	bool ours;

	mutex_lock(&thread->svm.lock);
	ours = !thread->svm.over;
	thread->svm.over = true;
	thread->job = NULL;
	mutex_unlock(&thread->svm.lock);

	/* After this nobody sends a signal for that job. */
	cancel_delayed_work_sync(&thread->tick);
	flush_signals(current);

	return ours;
}

/* Returns true if there is something to do, which may be to end. */
static bool svm_thread_next(struct mmgpu_svm_thread *thread, struct mmgpu_job **job)
{
	struct mmgpu_device *mdev = thread->mfile->mdev;
	bool decided = false;

	*job = NULL;
	svm_thread_enter(mdev);

	if (!READ_ONCE(mdev->suspended)) {
		spin_lock(&thread->queue_lock);
		*job = list_first_entry_or_null(&thread->queue, struct mmgpu_job, svm_link);
		if (*job)
			list_del_init(&(*job)->svm_link);
		decided = *job || thread->closed;
		spin_unlock(&thread->queue_lock);
	}

	/* With a job it leaves when that is over. */
	if (*job)
		thread->running = true;
	else
		svm_thread_leave(mdev);

	return decided;
}

static int svm_thread_main(void *data)
{
	struct mmgpu_svm_thread *thread = data;
	struct mmgpu_device *mdev = thread->mfile->mdev;
	struct mmgpu_job *job;

	allow_kernel_signal(SIGKILL);

	for (;;) {
		wait_event_idle(thread->wq, svm_thread_next(thread, &job));
		if (!job)
			break;
		mmgpu_job_exec(job, thread);
		mmgpu_job_put(job);

		mutex_lock(&thread->svm.lock);
		svm_thread_stop_running_locked(thread);
		mutex_unlock(&thread->svm.lock);
	}

	spin_lock(&mdev->svm_lock);
	list_del(&thread->link);
	spin_unlock(&mdev->svm_lock);

	mmgpu_file_put(thread->mfile);
	drm_dev_put(&mdev->drm);
	module_put_and_kthread_exit(0);
}

/**
 * mmgpu_svm_thread_queue() - Hand a job over
 * @thread: thread of the job's file
 * @job: job; its context is locked
 *
 * The job is in its context's list. So either it is not cancelled, and the file has
 * not been closed, or it waits for one that the thread is running.
 *
 * Return: true if the thread will execute it, with a reference of its own; false if the
 * thread is lost.
 */
bool mmgpu_svm_thread_queue(struct mmgpu_svm_thread *thread, struct mmgpu_job *job)
{
	bool taken;

	lockdep_assert_held(&job->ctx->lock);

	spin_lock(&thread->queue_lock);
	taken = !thread->mfile->lost;
	if (taken)
		list_add_tail(&mmgpu_job_get(job)->svm_link, &thread->queue);
	spin_unlock(&thread->queue_lock);
	if (taken)
		wake_up(&thread->wq);

	return taken;
}

/**
 * mmgpu_svm_thread_suspend_all() - Keep jobs from starting, and wait for those that run
 * @mdev: device
 *
 * A job that waits long for a page fault is ended, the others have until the job timeout.
 */
void mmgpu_svm_thread_suspend_all(struct mmgpu_device *mdev)
{
	unsigned int ms = mmgpu_params.job_timeout_ms + 10 * SVM_TICK_MS;

	WRITE_ONCE(mdev->suspended, true);
	/* Pairs with svm_thread_enter(). */
	smp_mb();
	wait_event_timeout(mdev->svm_wq, !atomic_read(&mdev->svm_running), msecs_to_jiffies(ms));
}

/**
 * mmgpu_svm_thread_resume_all() - Take back mmgpu_svm_thread_suspend_all()
 * @mdev: device
 */
void mmgpu_svm_thread_resume_all(struct mmgpu_device *mdev)
{
	struct mmgpu_svm_thread *thread;

	WRITE_ONCE(mdev->suspended, false);

	spin_lock(&mdev->svm_lock);
	list_for_each_entry(thread, &mdev->svm_threads, link)
		wake_up(&thread->wq);
	spin_unlock(&mdev->svm_lock);
}

/**
 * mmgpu_svm_thread_close() - Let a thread end when it has nothing to do
 * @thread: thread of a file that is closed and whose jobs are cancelled, or NULL
 */
void mmgpu_svm_thread_close(struct mmgpu_svm_thread *thread)
{
	if (!thread)
		return;

	spin_lock(&thread->queue_lock);
	thread->closed = true;
	spin_unlock(&thread->queue_lock);
	wake_up(&thread->wq);
}

static int svm_thread_count(struct mmgpu_mm *m)
{
	int ret = 0;

	spin_lock(&svm_threads_lock);
	if (m->svm_threads >= SVM_MAX_THREADS_OF_MM) {
		ret = -E2BIG;
	} else if (svm_threads >= SVM_MAX_THREADS) {
		ret = -ENOMEM;
	} else {
		m->svm_threads++;
		svm_threads++;
	}
	spin_unlock(&svm_threads_lock);

	return ret;
}

/**
 * mmgpu_svm_thread_free() - Free what belongs to a thread that has ended, or never began
 * @thread: thread, or NULL
 */
void mmgpu_svm_thread_free(struct mmgpu_svm_thread *thread)
{
	if (!thread)
		return;

	spin_lock(&svm_threads_lock);
	thread->svm.m->svm_threads--;
	svm_threads--;
	spin_unlock(&svm_threads_lock);
	mmgpu_svm_fini(&thread->svm);
	kfree(thread);
}

static struct mmgpu_svm_thread *svm_thread_create(struct mmgpu_file *mfile)
{
	struct drm_device *drm = &mfile->mdev->drm;
	struct mmgpu_svm_thread *thread;
	struct task_struct *task;
	int ret;

	thread = kzalloc_obj(*thread, GFP_KERNEL_ACCOUNT);
	if (!thread)
		return ERR_PTR(-ENOMEM);

	ret = mmgpu_svm_init(&thread->svm, mfile->owner);
	if (ret) {
		kfree(thread);
		return ERR_PTR(ret);
	}

	ret = svm_thread_count(mfile->owner);
	if (ret) {
		mmgpu_svm_fini(&thread->svm);
		kfree(thread);
		return ERR_PTR(ret);
	}

	spin_lock_init(&thread->queue_lock);
	INIT_LIST_HEAD(&thread->queue);
	init_waitqueue_head(&thread->wq);
	INIT_DELAYED_WORK(&thread->tick, svm_thread_tick);

	task = kthread_create(svm_thread_main, thread, "mmgpu-svm/%d-%llu", drm->primary->index,
			      mfile->owner->seq);
	if (IS_ERR(task)) {
		mmgpu_svm_thread_free(thread);
		/* EAGAIN, when the system is out of threads, would make drmIoctl() try for ever. */
		return ERR_PTR(PTR_ERR(task) == -EINTR ? -EINTR : -ENOMEM);
	}

	/* An ioctl on an open file calls, so the module is there. */
	__module_get(THIS_MODULE);
	thread->mfile = mmgpu_file_get(mfile);
	thread->task = task;
	drm_dev_get(drm);
	spin_lock(&mfile->mdev->svm_lock);
	list_add_tail(&thread->link, &mfile->mdev->svm_threads);
	spin_unlock(&mfile->mdev->svm_lock);
	wake_up_process(task);

	return thread;
}

/**
 * mmgpu_svm_thread_start() - Start the thread of a file, unless there is one
 * @mfile: bound file
 *
 * Return: 0, -ENOMEM, -EINTR; -E2BIG if too many files of the mm have one; or what the
 * gate says.
 */
int mmgpu_svm_thread_start(struct mmgpu_file *mfile)
{
	struct mmgpu_svm_thread *thread;
	int ret;

	/* Pairs with the release below. */
	if (smp_load_acquire(&mfile->svm_thread))
		return 0;

	mutex_lock(&mfile->lock);
	/* A call that began before the bind must not make the owner one. */
	ret = mmgpu_file_check(mfile, MMGPU_DOOR_PUBLISH);
	if (!ret && !mfile->svm_thread) {
		thread = svm_thread_create(mfile);
		if (IS_ERR(thread))
			ret = PTR_ERR(thread);
		else
			/* Pairs with the acquire above and with mmgpu_job_hand_over(). */
			smp_store_release(&mfile->svm_thread, thread);
	}
	mutex_unlock(&mfile->lock);

	return ret;
}
