// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "igt.h"
#include "igt_mmgpu_stuck.h"

#define PAGE	4096

/* -1 with errno where there is none for us. */
static int open_userfaultfd(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (uffd >= 0 && ioctl(uffd, UFFDIO_API, &api)) {
		close(uffd);
		uffd = -1;
	}
	return uffd;
}

void igt_mmgpu_stuck_require(void)
{
	int uffd = open_userfaultfd();

	igt_require_f(uffd >= 0, "no userfaultfd that takes faults of the kernel: %s\n",
		      strerror(errno));
	close(uffd);
}

void igt_mmgpu_stuck_init(struct igt_mmgpu_stuck *stuck, size_t size)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	stuck->size = size;
	stuck->mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(stuck->mem != MAP_FAILED);
	/* A huge page would be there at once. */
	madvise(stuck->mem, size, MADV_NOHUGEPAGE);
	stuck->uffd = open_userfaultfd();
	igt_assert_fd(stuck->uffd);
	reg.range.start = (uintptr_t)stuck->mem;
	reg.range.len = size;
	igt_assert_eq(ioctl(stuck->uffd, UFFDIO_REGISTER, &reg), 0);
}

void igt_mmgpu_stuck_fini(struct igt_mmgpu_stuck *stuck)
{
	close(stuck->uffd);
	munmap(stuck->mem, stuck->size);
}

uint64_t igt_mmgpu_stuck_await(int uffd)
{
	struct uffd_msg msg;

	igt_assert_f(igt_mmgpu_poll_ms(uffd, POLLIN, IGT_MMGPU_PATIENCE * 1000) & POLLIN,
		     "nobody waits for a page\n");
	igt_assert_eq(read(uffd, &msg, sizeof(msg)), sizeof(msg));
	igt_assert_eq(msg.event, UFFD_EVENT_PAGEFAULT);
	return msg.arg.pagefault.address & ~(uint64_t)(PAGE - 1);
}

int __igt_mmgpu_stuck_serve(int uffd, uint64_t page, const void *contents)
{
	struct uffdio_copy copy = { .dst = page, .src = (uintptr_t)contents, .len = PAGE };

	return ioctl(uffd, UFFDIO_COPY, &copy) ? -errno : 0;
}

void igt_mmgpu_stuck_await_gone(int uffd, int64_t ms)
{
	int64_t deadline = igt_mmgpu_deadline_ms(ms);
	static const char page[PAGE];
	int ret;

	/* Where nobody maps anything, so that it changes nothing. */
	while ((ret = __igt_mmgpu_stuck_serve(uffd, 0x10000, page)) == -ENOENT) {
		igt_assert_f(igt_mmgpu_now() < deadline, "the memory is still there\n");
		usleep(1000);
	}
	igt_assert_eq(ret, -ESRCH);
}

struct drm_mmgpu_cmd *igt_mmgpu_cmd_svm_fill(struct igt_mmgpu_job *job, void *dst,
					     uint64_t width, uint64_t value)
{
	struct drm_mmgpu_cmd *cmd = igt_mmgpu_cmd_fill(job, 0, (uintptr_t)dst, width, value);

	cmd->flags = MMGPU_CMD_DST_SVM;
	return cmd;
}

struct drm_mmgpu_cmd *igt_mmgpu_cmd_svm_copy(struct igt_mmgpu_job *job, void *dst,
					     const void *src, uint64_t width)
{
	struct drm_mmgpu_cmd *cmd = igt_mmgpu_cmd_copy(job, 0, (uintptr_t)dst, 0,
						       (uintptr_t)src, width);

	cmd->flags = MMGPU_CMD_DST_SVM | MMGPU_CMD_SRC_SVM;
	return cmd;
}

struct drm_mmgpu_cmd *igt_mmgpu_cmd_svm_read(struct igt_mmgpu_job *job, uint32_t bo,
					     uint64_t dst, const void *src, uint64_t width)
{
	struct drm_mmgpu_cmd *cmd = igt_mmgpu_cmd_copy(job, bo, dst, 0, (uintptr_t)src, width);

	cmd->flags = MMGPU_CMD_SRC_SVM;
	return cmd;
}

struct drm_mmgpu_cmd *igt_mmgpu_cmd_svm_write(struct igt_mmgpu_job *job, void *dst,
					      uint32_t bo, uint64_t src, uint64_t width)
{
	struct drm_mmgpu_cmd *cmd = igt_mmgpu_cmd_copy(job, 0, (uintptr_t)dst, bo, src, width);

	cmd->flags = MMGPU_CMD_DST_SVM;
	return cmd;
}
