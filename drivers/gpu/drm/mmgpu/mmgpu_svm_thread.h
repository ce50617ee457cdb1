/* SPDX-License-Identifier: GPL-2.0 */
/* Copyright 2026 The mmgpu developers */
#ifndef _MMGPU_SVM_THREAD_H_
#define _MMGPU_SVM_THREAD_H_

#include <linux/ktime.h>
#include <linux/types.h>

struct mmgpu_device;
struct mmgpu_file;
struct mmgpu_job;
struct mmgpu_svm;
struct mmgpu_svm_thread;

int mmgpu_svm_thread_start(struct mmgpu_file *mfile);
void mmgpu_svm_thread_suspend_all(struct mmgpu_device *mdev);
void mmgpu_svm_thread_resume_all(struct mmgpu_device *mdev);

void mmgpu_svm_thread_close(struct mmgpu_svm_thread *thread);
void mmgpu_svm_thread_free(struct mmgpu_svm_thread *thread);

bool mmgpu_svm_thread_queue(struct mmgpu_svm_thread *thread, struct mmgpu_job *job);
struct mmgpu_svm *mmgpu_svm_thread_begin(struct mmgpu_svm_thread *thread, struct mmgpu_job *job,
					 ktime_t deadline);
bool mmgpu_svm_thread_end(struct mmgpu_svm_thread *thread);

#endif /* _MMGPU_SVM_THREAD_H_ */
