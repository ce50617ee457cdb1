// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_mmgpu_unserved.h"

#define PAGE	4096ul
#define SIZE	(IGT_MMGPU_UNSERVED_PAGES * PAGE)

/* ---- a page that is missing, and nobody who brings it ---------------------------------------------- */

static void missing_init(struct igt_mmgpu_unserved *mem)
{
	uint8_t page[PAGE];

	igt_mmgpu_stuck_require();
	igt_mmgpu_stuck_init(&mem->stuck, SIZE);
	mem->mem = mem->stuck.mem;
	memset(page, 0x11, PAGE);
	igt_assert_eq(__igt_mmgpu_stuck_serve(mem->stuck.uffd, (uintptr_t)mem->mem, page), 0);
}

/* Leaves the message there. */
static void uffd_await(struct igt_mmgpu_unserved *mem)
{
	igt_assert_f(igt_mmgpu_poll_ms(mem->stuck.uffd, POLLIN, IGT_MMGPU_PATIENCE * 1000) &
		     POLLIN, "nobody waits for a page\n");
}

static void missing_serve(struct igt_mmgpu_unserved *mem)
{
	uint8_t page[PAGE];

	memset(page, 0x22, PAGE);
	for (size_t at = PAGE; at < SIZE; at += PAGE)
		igt_assert_eq(__igt_mmgpu_stuck_serve(mem->stuck.uffd, (uintptr_t)mem->mem + at,
						      page), 0);
}

static void missing_fini(struct igt_mmgpu_unserved *mem)
{
	igt_mmgpu_stuck_fini(&mem->stuck);
}

/* ---- the same with a process that would bring it, but is stopped ------------------------------------- */

static int pager(struct igt_mmgpu_proc *self, void *data)
{
	struct igt_mmgpu_unserved *mem = data;
	struct pollfd polls[2] = {
		{ .fd = mem->stuck.uffd, .events = POLLIN },
		{ .fd = self->sock, .events = POLLIN },
	};
	uint8_t page[PAGE];
	char byte = 0;

	memset(page, 0x22, PAGE);
	/* Files of the device must not stay open because of us. */
	for (int i = 3; i < 1024; i++)
		if (i != mem->stuck.uffd && i != self->sock)
			close(i);
	igt_mmgpu_send(self->sock, &byte, 1);
	while (poll(polls, 2, -1) > 0) {
		struct uffd_msg msg;
		int ret;

		if (read(mem->stuck.uffd, &msg, sizeof(msg)) == sizeof(msg)) {
			ret = __igt_mmgpu_stuck_serve(mem->stuck.uffd,
						      msg.arg.pagefault.address & ~(PAGE - 1),
						      page);
			igt_assert(!ret || ret == -EEXIST || ret == -ESRCH);
		}
		/* Told to bring all that is left, and to end. */
		if (polls[1].revents)
			break;
	}
	for (size_t at = PAGE; at < SIZE; at += PAGE)
		__igt_mmgpu_stuck_serve(mem->stuck.uffd, (uintptr_t)mem->mem + at, page);
	return 0;
}

static void stopped_init(struct igt_mmgpu_unserved *mem)
{
	int status;
	char byte;

	missing_init(mem);
	igt_mmgpu_proc_start(&mem->pager, pager, mem);
	igt_mmgpu_recv(mem->pager.sock, &byte, 1);
	igt_assert_eq(kill(mem->pager.pid, SIGSTOP), 0);
	igt_assert_eq(waitpid(mem->pager.pid, &status, WUNTRACED), mem->pager.pid);
	igt_assert(WIFSTOPPED(status));
}

static void stopped_serve(struct igt_mmgpu_unserved *mem)
{
	char byte = 0;

	igt_assert_eq(kill(mem->pager.pid, SIGCONT), 0);
	igt_mmgpu_send(mem->pager.sock, &byte, 1);
	igt_assert_eq(igt_mmgpu_proc_join(&mem->pager), 0);
}

/* ---- a page that waits for leave to be written ---------------------------------------------------------- */

static void protect(struct igt_mmgpu_unserved *mem, uint64_t mode)
{
	struct uffdio_writeprotect args = {
		.range = { .start = (uintptr_t)mem->mem + PAGE, .len = SIZE - PAGE },
		.mode = mode,
	};

	igt_assert_eq(ioctl(mem->stuck.uffd, UFFDIO_WRITEPROTECT, &args), 0);
}

static void protected_init(struct igt_mmgpu_unserved *mem)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_WP };

	igt_mmgpu_stuck_require();
	mem->stuck.size = SIZE;
	mem->mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(mem->mem != MAP_FAILED);
	mem->stuck.mem = mem->mem;
	madvise(mem->mem, SIZE, MADV_NOHUGEPAGE);
	memset(mem->mem, 0x11, SIZE);
	mem->stuck.uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	igt_assert_fd(mem->stuck.uffd);
	reg.range.start = (uintptr_t)mem->mem;
	reg.range.len = SIZE;
	igt_require_f(!ioctl(mem->stuck.uffd, UFFDIO_API, &api) &&
		      !ioctl(mem->stuck.uffd, UFFDIO_REGISTER, &reg),
		      "no write protection by user space\n");
	protect(mem, UFFDIO_WRITEPROTECT_MODE_WP);
}

static void protected_serve(struct igt_mmgpu_unserved *mem)
{
	protect(mem, 0);
}

/* ---- a file system that does not answer ------------------------------------------------------------------ */

static void async_init(struct igt_mmgpu_unserved *mem)
{
	igt_mmgpu_fuse_init(&mem->fuse, SIZE, true);
	mem->mem = mem->fuse.mem;
}

static void sync_init(struct igt_mmgpu_unserved *mem)
{
	igt_mmgpu_fuse_init(&mem->fuse, SIZE, false);
	mem->mem = mem->fuse.mem;
}

static void fuse_await(struct igt_mmgpu_unserved *mem)
{
	igt_mmgpu_fuse_await(&mem->fuse);
}

static void fuse_serve(struct igt_mmgpu_unserved *mem)
{
	igt_mmgpu_fuse_serve(&mem->fuse);
}

static void fuse_fini(struct igt_mmgpu_unserved *mem)
{
	igt_mmgpu_fuse_fini(&mem->fuse);
}

const struct igt_mmgpu_unserved_way igt_mmgpu_unserved_ways[IGT_MMGPU_UNSERVED_WAYS] = {
	{ "missing", true, false, 0x22, missing_init, uffd_await, missing_serve, missing_fini },
	{ "stopped", true, false, 0x22, stopped_init, uffd_await, stopped_serve, missing_fini },
	{ "protected", true, true, 0x11, protected_init, uffd_await, protected_serve,
	  missing_fini },
	{ "fuse", true, false, 0x22, async_init, fuse_await, fuse_serve, fuse_fini },
	{ "fuse-sync", false, false, 0x22, sync_init, fuse_await, fuse_serve, fuse_fini },
};

void igt_mmgpu_unserved_init(struct igt_mmgpu_unserved *mem,
			     const struct igt_mmgpu_unserved_way *way)
{
	memset(mem, 0, sizeof(*mem));
	mem->size = SIZE;
	way->init(mem);
	mem->way = way;
}

void igt_mmgpu_unserved_await(struct igt_mmgpu_unserved *mem)
{
	mem->way->await(mem);
}

void igt_mmgpu_unserved_serve(struct igt_mmgpu_unserved *mem)
{
	if (mem->size)
		mem->way->serve(mem);
	mem->size = 0;
}

void igt_mmgpu_unserved_fini(struct igt_mmgpu_unserved *mem)
{
	if (!mem->way)
		return;
	igt_mmgpu_unserved_serve(mem);
	mem->way->fini(mem);
	mem->way = NULL;
}
