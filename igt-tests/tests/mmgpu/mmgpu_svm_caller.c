// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * A job with CPU addresses takes page faults on a kernel thread, which is root's, in no
 * cgroup, and without limits. It must get no further than who submitted it.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_cgroup.h"
#include "igt_mmgpu_stuck.h"

IGT_TEST_DESCRIPTION("Page faults of jobs in the name of who submitted them.");

#define PAGE	4096ul
#define KIB	1024ul
#define MIB	(1024 * KIB)
#define RW	(PROT_READ | PROT_WRITE)
#define ROOM	(20 * MIB)
#define CGROUP	"mmgpu-svm-caller"

static int bound_file(void)
{
	int fd = igt_mmgpu_open();

	igt_mmgpu_bind_mm(fd);
	return fd;
}

static int fill(int fd, void *dst, size_t size)
{
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_fill(&job, dst, size, 1);
	return igt_mmgpu_job_run(fd, &job);
}

static int read_word(int fd, const void *src)
{
	struct igt_mmgpu_job job;
	uint64_t word;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_copy(&job, &word, src, sizeof(word));
	return igt_mmgpu_job_run(fd, &job);
}

/* ---- what grows like a stack ---------------------------------------------------------------- */

/* One page, with room to grow below it. */
static uint8_t *growing(int flags)
{
	uint8_t *low = mmap(NULL, ROOM, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint8_t *top = low + ROOM - PAGE;

	igt_assert(low != MAP_FAILED);
	munmap(low, ROOM);
	igt_assert(mmap(top, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN |
			flags, -1, 0) == top);
	return top;
}

/* For a job that reads and for one that writes. */
static void grows(int fd, uint8_t *top, size_t size)
{
	igt_assert_eq(read_word(fd, top - size), 0);
	igt_assert_eq(fill(fd, top - size - PAGE, PAGE), 0);
}

static void grows_not(int fd, uint8_t *top, size_t size)
{
	unsigned char resident;

	igt_assert_eq(read_word(fd, top - size), -EFAULT);
	igt_assert_eq(fill(fd, top - size, PAGE), -EFAULT);
	/* Nothing is mapped there. */
	igt_assert(mincore(top - size, PAGE, &resident) < 0 && errno == ENOMEM);
}

static void set_limit(int which, rlim_t soft)
{
	struct rlimit limit;

	igt_assert_eq(getrlimit(which, &limit), 0);
	limit.rlim_cur = soft;
	igt_assert_eq(setrlimit(which, &limit), 0);
}

static rlim_t address_space(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long pages;

	igt_assert(file && fscanf(file, "%lu", &pages) == 1);
	fclose(file);
	return pages * PAGE;
}

static int stack_limit(struct igt_mmgpu_proc *self, void *data)
{
	int fd = bound_file();
	uint8_t *top = growing(0);

	set_limit(RLIMIT_STACK, MIB);
	grows_not(fd, top, 2 * MIB);
	grows(fd, top, 512 * KIB);
	return 0;
}

/* More than a thread of the kernel has. */
static int stack_limit_raised(struct igt_mmgpu_proc *self, void *data)
{
	int fd = bound_file();
	uint8_t *top = growing(0);

	set_limit(RLIMIT_STACK, 16 * MIB);
	grows(fd, top, 12 * MIB);
	set_limit(RLIMIT_STACK, 13 * MIB);
	grows_not(fd, top, 14 * MIB);
	return 0;
}

static int as_limit(struct igt_mmgpu_proc *self, void *data)
{
	int fd = bound_file();
	uint8_t *top = growing(0);

	set_limit(RLIMIT_AS, address_space() + MIB);
	grows_not(fd, top, 4 * MIB);
	set_limit(RLIMIT_AS, RLIM_INFINITY);
	grows(fd, top, 4 * MIB);
	return 0;
}

static int memlock_limit(struct igt_mmgpu_proc *self, void *data)
{
	int fd = bound_file();
	uint8_t *top = growing(MAP_LOCKED);

	set_limit(RLIMIT_MEMLOCK, 64 * KIB);
	/* Root may lock more. */
	if (!data) {
		grows(fd, top, MIB);
		return 0;
	}
	igt_mmgpu_drop_root();
	grows_not(fd, top, MIB);
	grows(fd, top, 8 * PAGE);
	return 0;
}

/* It counts who submitted the job, and when, not who has the mm by now. */
static int submitted_by_root(struct igt_mmgpu_proc *self, void *data)
{
	int fd = bound_file();
	uint8_t *top = growing(MAP_LOCKED);
	uint32_t out = igt_mmgpu_syncobj_create(fd);
	struct igt_mmgpu_gate gate;
	struct igt_mmgpu_job job;

	set_limit(RLIMIT_MEMLOCK, 64 * KIB);
	igt_mmgpu_gate_init(&gate);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_in(&job, igt_mmgpu_gate_syncobj(&gate, fd), 0);
	igt_mmgpu_cmd_svm_fill(&job, top - MIB, PAGE, 1);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_mmgpu_drop_root();
	igt_mmgpu_gate_open(&gate);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, out), 0);
	grows_not(fd, top, 2 * MIB);
	return 0;
}

/* ---- files ------------------------------------------------------------------------------------ */

#define QUOTA	MIB
#define SIZE	(4 * MIB)

static int fill_file(struct igt_mmgpu_proc *self, void *data)
{
	int fd = bound_file(), file;
	char path[64];
	struct stat info;
	uint8_t *mem;

	igt_mmgpu_drop_root();
	snprintf(path, sizeof(path), "%s/file", (const char *)data);
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	igt_assert_fd(file);
	igt_assert_eq(ftruncate(file, SIZE), 0);
	mem = mmap(NULL, SIZE, RW, MAP_SHARED, file, 0);
	igt_assert(mem != MAP_FAILED);

	igt_assert_eq(fill(fd, mem, QUOTA / 2), 0);
	igt_assert_eq(fill(fd, mem, SIZE), -EFAULT);
	igt_assert_eq(fstat(file, &info), 0);
	igt_assert_lte_u64(info.st_blocks * 512, QUOTA);
	return 0;
}

static void quota(void)
{
	char dir[] = "/tmp/mmgpu-quota-XXXXXX";

	igt_assert(mkdtemp(dir));
	if (mount("mmgpu", dir, "tmpfs", 0, "mode=1777,usrquota,usrquota_block_hardlimit=1M")) {
		int err = errno;

		rmdir(dir);
		igt_skip("no quota in this kernel's tmpfs: %s\n", strerror(err));
	}
	igt_mmgpu_proc_run(fill_file, dir);
	umount2(dir, MNT_DETACH);
	rmdir(dir);
}

/* ---- who pays ------------------------------------------------------------------------------------ */

#define TABLES	1024u
/* What one page table is for. */
#define STEP	(2 * MIB)

/* One word of each; the pages are all the same one, but their tables are not. */
static int make_tables(struct igt_mmgpu_proc *self, void *data)
{
	int64_t before, after;
	struct igt_mmgpu_job job;
	struct drm_mmgpu_cmd *cmd;
	uint32_t bo;
	void *mem;
	int fd;

	igt_mmgpu_cgroup_enter(CGROUP);
	fd = bound_file();
	bo = igt_mmgpu_bo_create(fd, TABLES * sizeof(uint64_t), 0);
	mem = mmap(NULL, TABLES * STEP, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(mem != MAP_FAILED);
	/* Not supported where there are none. */
	madvise(mem, TABLES * STEP, MADV_NOHUGEPAGE);

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, bo, MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC);
	cmd = igt_mmgpu_cmd_svm_read(&job, 0, 0, mem, sizeof(uint64_t));
	cmd->dst_pitch = sizeof(uint64_t);
	cmd->src_pitch = STEP;
	cmd->rows = TABLES;
	before = igt_mmgpu_cgroup_memory(CGROUP);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	after = igt_mmgpu_cgroup_memory(CGROUP);
	igt_info("%u page tables: %lld KiB charged\n", TABLES, (long long)(after - before) / 1024);
	igt_assert_lt_s64(TABLES * PAGE * 3 / 4, after - before);
	return 0;
}

static void page_tables(void)
{
	igt_mmgpu_cgroup_make(CGROUP, IGT_MMGPU_CGROUP_UNLIMITED);
	igt_mmgpu_proc_run(make_tables, NULL);
	igt_mmgpu_cgroup_remove(CGROUP);
}

/* A process that leaves a job behind, which waits for the gate. */
struct left {
	struct igt_mmgpu_gate gate;
	pid_t pid;
	struct igt_mmgpu_stuck stuck;
	void *memory;
};

static int leave_job(struct igt_mmgpu_proc *self, void *data)
{
	struct left *left = data;
	int fd = bound_file();
	uint32_t out = igt_mmgpu_syncobj_create(fd);
	struct igt_mmgpu_job job;
	char byte;

	left->memory = mmap(NULL, 16 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(left->memory != MAP_FAILED);
	*(uint64_t *)left->memory = 1;
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_in(&job, igt_mmgpu_gate_syncobj(&left->gate, fd), 0);
	igt_mmgpu_cmd_svm_fill(&job, left->memory, 16 * PAGE, 2);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(fd, &job);

	igt_mmgpu_send(self->sock, &left->memory, sizeof(left->memory));
	igt_mmgpu_send_fd(self->sock, fd);
	igt_mmgpu_send_fd(self->sock, igt_mmgpu_syncobj_export(fd, out));
	igt_mmgpu_recv(self->sock, &byte, 1);
	return 0;
}

/* Holds the process's mm for as long as nobody serves the page that it reads into. */
static void *hold(void *data)
{
	struct left *left = data;
	struct iovec local = { left->stuck.mem, 8 }, remote = { left->memory, 8 };

	igt_assert_eq(process_vm_readv(left->pid, &local, 1, &remote, 1, 0), 8);
	return NULL;
}

static void held_from_outside(void)
{
	uint64_t contents[PAGE / sizeof(uint64_t)] = { }, page;
	struct igt_mmgpu_proc proc;
	struct left left;
	pthread_t thread;
	int fd, fence;

	igt_mmgpu_stuck_require();
	/* For their sake the kernel notes that no task is left. */
	igt_mmgpu_cgroup_make(CGROUP, IGT_MMGPU_CGROUP_UNLIMITED);
	igt_mmgpu_cgroup_remove(CGROUP);
	igt_mmgpu_gate_init(&left.gate);
	igt_mmgpu_proc_start(&proc, leave_job, &left);
	igt_mmgpu_recv(proc.sock, &left.memory, sizeof(left.memory));
	fd = igt_mmgpu_recv_fd(proc.sock);
	fence = igt_mmgpu_recv_fd(proc.sock);

	left.pid = proc.pid;
	igt_mmgpu_stuck_init(&left.stuck, PAGE);
	igt_assert_eq(pthread_create(&thread, NULL, hold, &left), 0);
	page = igt_mmgpu_stuck_await(left.stuck.uffd);
	igt_mmgpu_send(proc.sock, "", 1);
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);

	igt_mmgpu_gate_open(&left.gate);
	igt_assert(igt_mmgpu_poll_ms(fence, POLLIN, IGT_MMGPU_PATIENCE * 1000));
	igt_assert_eq(igt_mmgpu_sync_file_status(fence), -ECANCELED);

	igt_assert_eq(__igt_mmgpu_stuck_serve(left.stuck.uffd, page, contents), 0);
	igt_assert_eq(pthread_join(thread, NULL), 0);
	igt_mmgpu_stuck_fini(&left.stuck);
	igt_mmgpu_gate_fini(&left.gate);
	close(fence);
	close(fd);
}

int igt_main()
{
	igt_fixture()
		igt_require_f(geteuid() == 0, "only root can be somebody else, too\n");

	igt_describe("A stack grows to the limit of the process.");
	igt_subtest("stack-limit")
		igt_mmgpu_proc_run(stack_limit, NULL);

	igt_describe("The same with a limit above that of kernel threads.");
	igt_subtest("stack-limit-raised")
		igt_mmgpu_proc_run(stack_limit_raised, NULL);

	igt_describe("A stack does not grow beyond the limit of the address space.");
	igt_subtest("as-limit")
		igt_mmgpu_proc_run(as_limit, NULL);

	igt_describe("Nor beyond what the user may lock.");
	igt_subtest("memlock-limit")
		igt_mmgpu_proc_run(memlock_limit, "as nobody");

	igt_describe("Root may lock more, in a job as well.");
	igt_subtest("memlock-root")
		igt_mmgpu_proc_run(memlock_limit, NULL);

	igt_describe("A job has the rights that its submitter had when it was submitted.");
	igt_subtest("submitted-by-root")
		igt_mmgpu_proc_run(submitted_by_root, NULL);

	igt_describe("A job is refused a page of a file when the user's quota is used up.");
	igt_subtest("quota")
		quota();

	igt_describe("Page tables are charged to the memory cgroup of the process.");
	igt_subtest("page-tables")
		page_tables();

	igt_describe("A job ends with the last task of its process, whoever holds its memory.");
	igt_subtest("held-from-outside")
		held_from_outside();

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
