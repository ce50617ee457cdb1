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
 * While a job runs, a work item looks every ten milliseconds whether it has to end: the
 * job timeout, an unplug, an owner that waits for nobody but us to let go of its mm, or a
 * page fault that nobody serves because the system is going to sleep.
 * It then ends the job in the thread's place: marks it as over, signals its fence, and
 * sends the thread SIGKILL, which any wait for a page fault is to obey.
 *
 * Some do not (a file system in user space can be such a one), so nobody ever waits for the
 * thread. It has references of its own to all that it uses, the module included, and
 * ends when its file is closed and it has nothing to do. If it has not come back after
 * another job timeout it is given up as lost: all that its file has queued is cancelled,
 * and no job goes to it any more.
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

#define SVM_TICK_MS	10

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
	bool lost;
	wait_queue_head_t wq;

	/* Of the job that runs, under svm.lock; NULL between two jobs. */
	struct mmgpu_job *job;
	/* When it has to be over; and when it is, when the thread has to be back. */
	ktime_t deadline;
	struct delayed_work tick;
};

/* 0 if the job may go on, else the error of its fence. */
static int svm_thread_verdict(const struct mmgpu_svm_thread *thread, bool *abandoned)
{
	if (READ_ONCE(thread->mfile->mdev->gone))
		return -ENODEV;
	if (ktime_after(ktime_get(), thread->deadline))
		return -ETIME;
	*abandoned = thread->job->svm && mmgpu_mm_is_abandoned(thread->svm.m);
	if (*abandoned)
		return -ECANCELED;
	if (READ_ONCE(thread->mfile->mdev->suspended) && READ_ONCE(thread->svm.faulting))
		return -ECANCELED;

	return 0;
}

/* Ends the job that runs, if it has to end; returns it with a reference. */
static struct mmgpu_job *svm_thread_judge_locked(struct mmgpu_svm_thread *thread, int *error,
						 bool *abandoned)
{
	lockdep_assert_held(&thread->svm.lock);

	*error = svm_thread_verdict(thread, abandoned);
	if (!*error)
		return NULL;

	thread->svm.over = true;
	thread->deadline = ktime_add_ms(ktime_get(), mmgpu_params.job_timeout_ms);
	send_sig(SIGKILL, thread->task, 1);

	return mmgpu_job_get(thread->job);
}

static void svm_thread_give_up(struct mmgpu_svm_thread *thread)
{
	spin_lock(&thread->queue_lock);
	thread->lost = true;
	spin_unlock(&thread->queue_lock);

	mmgpu_ctx_kill_all(thread->mfile, -ECANCELED);
}

static void svm_thread_tick(struct work_struct *work)
{
	struct mmgpu_svm_thread *thread = container_of(to_delayed_work(work),
						       struct mmgpu_svm_thread, tick);
	struct mmgpu_job *job = NULL;
	bool abandoned = false, lost = false;
	int error;

	mutex_lock(&thread->svm.lock);
	if (thread->job && !thread->svm.over)
		job = svm_thread_judge_locked(thread, &error, &abandoned);
	else if (thread->job)
		lost = ktime_after(ktime_get(), thread->deadline);
	if (thread->job && !lost)
		queue_delayed_work(mmgpu_wq, &thread->tick, msecs_to_jiffies(SVM_TICK_MS));
	mutex_unlock(&thread->svm.lock);

	/* The mm does not end before the thread is back, but its owner has. */
	if (abandoned)
		mmgpu_ctx_kill_all(thread->mfile, -ECANCELED);
	if (job) {
		mmgpu_job_finish(job, error);
		mmgpu_job_put(job);
	} else if (lost) {
		svm_thread_give_up(thread);
	}
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

	queue_delayed_work(mmgpu_wq, &thread->tick, msecs_to_jiffies(SVM_TICK_MS));

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

static void svm_thread_enter(struct mmgpu_device *mdev)
{
	atomic_inc(&mdev->svm_running);
	/* Pairs with mmgpu_svm_suspend(): either it sees us, or we see that it was there. */
	smp_mb__after_atomic();
}

static void svm_thread_leave(struct mmgpu_device *mdev)
{
	if (atomic_dec_and_test(&mdev->svm_running) && READ_ONCE(mdev->suspended))
		wake_up(&mdev->svm_wq);
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

	/* With a job it leaves when that is done. */
	if (!*job)
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
		svm_thread_leave(mdev);
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
	taken = !thread->lost;
	if (taken)
		list_add_tail(&mmgpu_job_get(job)->svm_link, &thread->queue);
	spin_unlock(&thread->queue_lock);
	if (taken)
		wake_up(&thread->wq);

	return taken;
}

/**
 * mmgpu_svm_suspend() - Keep jobs from starting, and wait for those that run
 * @mdev: device
 *
 * A job that waits for a page fault is ended, the others have until the job timeout. A
 * thread that does not come back is left behind; it touches nothing any more.
 */
void mmgpu_svm_suspend(struct mmgpu_device *mdev)
{
	unsigned int ms = mmgpu_params.job_timeout_ms + 10 * SVM_TICK_MS;

	WRITE_ONCE(mdev->suspended, true);
	/* Pairs with svm_thread_enter(). */
	smp_mb();
	wait_event_timeout(mdev->svm_wq, !atomic_read(&mdev->svm_running), msecs_to_jiffies(ms));
}

/**
 * mmgpu_svm_resume() - Take back mmgpu_svm_suspend()
 * @mdev: device
 */
void mmgpu_svm_resume(struct mmgpu_device *mdev)
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

/**
 * mmgpu_svm_thread_free() - Free what belongs to a thread that has ended, or never began
 * @thread: thread, or NULL
 */
void mmgpu_svm_thread_free(struct mmgpu_svm_thread *thread)
{
	if (!thread)
		return;

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

	spin_lock_init(&thread->queue_lock);
	INIT_LIST_HEAD(&thread->queue);
	init_waitqueue_head(&thread->wq);
	INIT_DELAYED_WORK(&thread->tick, svm_thread_tick);

	task = kthread_create(svm_thread_main, thread, "mmgpu-svm/%d-%llu", drm->primary->index,
			      mfile->owner->seq);
	if (IS_ERR(task)) {
		mmgpu_svm_thread_free(thread);
		return ERR_CAST(task);
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
 * Return: 0, -ENOMEM or -EINTR.
 */
int mmgpu_svm_thread_start(struct mmgpu_file *mfile)
{
	struct mmgpu_svm_thread *thread;
	int ret = 0;

	/* Pairs with the release below. */
	if (smp_load_acquire(&mfile->svm_thread))
		return 0;

	mutex_lock(&mfile->lock);
	if (!mfile->svm_thread) {
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
