// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu_line.h"
#include "igt_mmgpu_users.h"

#define PAGE	4096ul
#define SIZE	(16 * PAGE)

struct user {
	struct igt_mmgpu_users *users;
	unsigned int index;
};

static bool has_to_stop(const struct user *user)
{
	return atomic_load(&user->users->shared->stop);
}

static void begins(const struct user *user)
{
	atomic_fetch_add(&user->users->shared->begun[user->index], 1);
}

/* Jobs in lines; what ran before the end ran in order, and can be read after it. */
static int use_lines(const struct user *user, int fd, bool svm)
{
	static const struct {
		uint32_t engine;
		unsigned int num_ctx;
	} kinds[] = { { 0, 1 }, { MMGPU_ENGINE_ANY, 1 }, { 1, 3 } };
	struct igt_mmgpu_line lines[igt_mmgpu_count(kinds)];
	unsigned int n = 0, jobs = 1;
	unsigned long ran = 0;
	int ret = 0;

	if (svm)
		ret = __igt_mmgpu_bind_mm(fd, NULL);
	while (n < igt_mmgpu_count(kinds) && !ret) {
		ret = __igt_mmgpu_line_init(&lines[n], fd, kinds[n].engine, kinds[n].num_ctx, svm);
		n++;
	}
	if (!ret)
		begins(user);
	while (!ret && !has_to_stop(user)) {
		for (unsigned int i = 0; i < n && !ret; i++)
			ret = __igt_mmgpu_line_push(&lines[i], jobs);
		for (unsigned int i = 0; i < n && !ret; i++)
			ret = __igt_mmgpu_line_check(&lines[i]);
		jobs = 1 + (jobs + 11) % IGT_MMGPU_LINE_MAX;
	}
	for (unsigned int i = 0; i < n; i++) {
		if (lines[i].map)
			ran += igt_mmgpu_line_check_cut(&lines[i]);
		igt_mmgpu_line_fini(&lines[i]);
	}
	atomic_fetch_add(&user->users->shared->jobs, ran);
	return ret;
}

static int touch(int fd, uint32_t handle)
{
	volatile uint64_t *map = __igt_mmgpu_bo_map(fd, handle, SIZE, PROT_READ | PROT_WRITE);

	if (!map)
		return -errno;
	for (size_t i = 0; i < SIZE / sizeof(*map); i += PAGE / sizeof(*map))
		map[i] = map[i] + 1;
	munmap((void *)map, SIZE);
	return 0;
}

static int share(int fd, int file, uint32_t handle)
{
	uint32_t copy;
	int dmabuf;
	int ret;

	ret = __igt_mmgpu_export(fd, handle, &dmabuf);
	if (ret)
		return ret;
	ret = __igt_mmgpu_import(file, dmabuf, &copy);
	if (!ret)
		ret = touch(file, copy);
	if (!ret)
		ret = __igt_mmgpu_bo_close(file, copy);
	close(dmabuf);
	return ret;
}

static int work(int fd, uint32_t handle, uint32_t ctx)
{
	struct igt_mmgpu_job job;
	int ret = 0;

	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, 0, 0, SIZE, 1);
	igt_mmgpu_cmd_delay(&job, 1);
	for (int i = 0; i < 4 && !ret; i++)
		ret = __igt_mmgpu_job_submit(fd, &job);
	if (!ret)
		ret = __igt_mmgpu_bo_wait(fd, handle, 0, INT64_MAX);
	return ret;
}

/* All of it new each time: buffers, contexts, mappings, dma-bufs. */
static int use_once(int fd, int file)
{
	uint32_t handle, ctx;
	int ret;

	ret = __igt_mmgpu_bo_create(fd, SIZE, 0, &handle);
	if (!ret)
		ret = touch(fd, handle);
	if (!ret)
		ret = share(fd, file, handle);
	if (!ret)
		ret = __igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY, &ctx);
	if (!ret)
		ret = work(fd, handle, ctx);
	if (!ret)
		ret = __igt_mmgpu_ctx_destroy(fd, ctx);
	if (!ret)
		ret = __igt_mmgpu_bo_close(fd, handle);
	return ret;
}

static int use_new_things(const struct user *user, int fd)
{
	int file = __igt_mmgpu_open_driver("mmgpu", IGT_MMGPU_RENDER, 0);
	int ret;

	if (file < 0)
		return file;
	/* May be another device than fd's. */
	ret = use_once(fd, file);
	if (!ret)
		begins(user);
	while (!ret && !has_to_stop(user)) {
		ret = use_once(fd, file);
		atomic_fetch_add(&user->users->shared->jobs, 4 * !ret);
	}
	close(file);
	return ret;
}

static int user_proc(struct igt_mmgpu_proc *self, void *data)
{
	const struct user *user = data;

	/* They load what the test leaves them. */
	igt_assert_neq(nice(10), -1);
	while (!has_to_stop(user)) {
		int fd = __igt_mmgpu_open_driver("mmgpu", IGT_MMGPU_RENDER, 0);
		int ret;

		if (fd == -ENODEV) {
			usleep(1000);
			continue;
		}
		igt_assert_fd(fd);
		if (user->index % 3 < 2)
			ret = use_lines(user, fd, user->index % 3);
		else
			ret = use_new_things(user, fd);
		close(fd);
		igt_assert_f(!ret || ret == -ENODEV, "user %u: %s\n", user->index, strerror(-ret));
		atomic_fetch_add(&user->users->shared->lost, !!ret);
	}
	return 0;
}

void igt_mmgpu_users_start(struct igt_mmgpu_users *users, unsigned int count)
{
	igt_assert_lte(count, IGT_MMGPU_USERS_MAX);
	users->shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	igt_assert(users->shared != MAP_FAILED);
	users->count = count;
	for (unsigned int i = 0; i < count; i++) {
		struct user user = { .users = users, .index = i };

		igt_mmgpu_proc_start(&users->procs[i], user_proc, &user);
	}
}

void igt_mmgpu_users_await(const struct igt_mmgpu_users *users, unsigned int devices)
{
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);

	for (unsigned int i = 0; i < users->count; i++) {
		while (atomic_load(&users->shared->begun[i]) < devices) {
			igt_assert_f(igt_mmgpu_now() < deadline, "user %u does not begin\n", i);
			usleep(1000);
		}
	}
}

unsigned long igt_mmgpu_users_stop(struct igt_mmgpu_users *users)
{
	unsigned long jobs;

	atomic_store(&users->shared->stop, true);
	for (unsigned int i = 0; i < users->count; i++)
		igt_assert_eq(igt_mmgpu_proc_join(&users->procs[i]), 0);
	jobs = atomic_load(&users->shared->jobs);
	munmap(users->shared, PAGE);
	return jobs;
}
