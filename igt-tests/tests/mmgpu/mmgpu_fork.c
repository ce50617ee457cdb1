// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * What a new process inherits: of a private buffer no mapping, whatever kind of process it
 * is and whatever was done to the mapping before; all of it, if the process shares the mm.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_mmgpu_grant.h"

IGT_TEST_DESCRIPTION("What fork, vfork, clone and exec make of mappings.");

#define PAGE		4096
#define PAGES		16
#define SIZE		(PAGES * PAGE)

/* Each page begins with PATTERN + its number. */
#define PATTERN		0x600d000000000000ull

static struct igt_mmgpu_private own;

static volatile uint64_t *page_of(volatile uint64_t *map, unsigned int page)
{
	return map + page * (PAGE / 8);
}

static uint64_t *map_at(int fd, uint64_t offset)
{
	uint64_t *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	igt_assert(map != MAP_FAILED);
	return map;
}

static void fill(int fd, uint32_t bo)
{
	uint64_t *map = igt_mmgpu_bo_map(fd, bo, 0, PROT_READ | PROT_WRITE);

	for (unsigned int i = 0; i < PAGES; i++)
		*page_of(map, i) = PATTERN + i;
	munmap(map, SIZE);
}

/* ---- touching in another process ----------------------------------------------------------- */

/* The same signal for pages that were touched and that were not, read and written; else 255. */
static int touch_all(volatile uint64_t *map)
{
	int ret = igt_mmgpu_touch_read(map, PATTERN);

	for (unsigned int i = 0; i < PAGES; i++)
		if (igt_mmgpu_touch_read(page_of(map, i), PATTERN + i) != ret ||
		    igt_mmgpu_touch_write(page_of(map, i) + 1, 0xdead) != ret)
			return 255;
	return ret & 0xff;
}

static int touch_proc(struct igt_mmgpu_proc *self, void *data)
{
	return touch_all(data);
}

/* What a forked child gets: a signal, 0 if it has the mapping. */
static int child_gets(volatile uint64_t *map)
{
	struct igt_mmgpu_proc proc;

	igt_mmgpu_proc_start(&proc, touch_proc, (void *)map);
	return igt_mmgpu_proc_join(&proc);
}

static int wait_code(pid_t pid)
{
	int status;

	igt_assert_lt(0, pid);
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* A child by clone() with these flags besides CLONE_VM, which must not assert. */
static int clone_fn(void *data)
{
	return touch_all(data);
}

static int clone_gets(volatile uint64_t *map, int flags)
{
	const size_t size = 256 * 1024;
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret;

	igt_assert(stack != MAP_FAILED);
	ret = wait_code(clone(clone_fn, stack + size, flags | SIGCHLD, (void *)map));
	munmap(stack, size);
	return ret;
}

/* ---- mappings -------------------------------------------------------------------------------- */

/*
 * Not there in a child: with pages that were touched, which fork could copy, and without;
 * by any madvise().
 */
static void not_inherited(int fd, uint64_t offset)
{
	static const int advice[] = {
		MADV_DOFORK, MADV_DONTFORK, MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_NORMAL,
		MADV_DOFORK,
	};
	volatile uint64_t *fresh = map_at(fd, offset), *used = map_at(fd, offset);

	for (unsigned int i = 0; i < PAGES / 2; i++)
		igt_assert_eq_u64(*page_of(used, i), PATTERN + i);
	used[1] = 1;

	for (unsigned int i = 0; i <= igt_mmgpu_count(advice); i++) {
		if (i) {
			madvise((void *)fresh, SIZE, advice[i - 1]);
			madvise((void *)used, SIZE, advice[i - 1]);
		}
		igt_assert_eq(child_gets(fresh), SIGSEGV);
		igt_assert_eq(child_gets(used), SIGSEGV);
	}
	igt_assert_eq(madvise((void *)used, SIZE, MADV_DOFORK), -1);
	igt_assert_eq(errno, EINVAL);
	igt_assert_eq(madvise((void *)used, SIZE, MADV_WIPEONFORK), -1);
	igt_assert_eq(errno, EINVAL);

	igt_assert_eq_u64(*used, PATTERN);
	munmap((void *)fresh, SIZE);
	munmap((void *)used, SIZE);
}

static void node(void)
{
	not_inherited(own.fd, own.offset);
}

static void legacy_node(void)
{
	not_inherited(own.legacy, own.offset);
}

static void dmabuf(void)
{
	not_inherited(own.dmabuf, 0);
}

static void read_only(void)
{
	volatile uint64_t *map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, own.dmabuf, 0);

	igt_assert(map != MAP_FAILED);
	igt_assert_eq_u64(*map, PATTERN);
	madvise((void *)map, SIZE, MADV_DOFORK);
	igt_assert_eq(child_gets(map), SIGSEGV);
	munmap((void *)map, SIZE);
}

static int grandchild_proc(struct igt_mmgpu_proc *self, void *data)
{
	return child_gets(data);
}

static void grandchild(void)
{
	volatile uint64_t *map = map_at(own.fd, own.offset);
	struct igt_mmgpu_proc proc;

	igt_assert_eq_u64(*map, PATTERN);
	igt_mmgpu_proc_start(&proc, grandchild_proc, (void *)map);
	igt_assert_eq(igt_mmgpu_proc_join(&proc), SIGSEGV);
	munmap((void *)map, SIZE);
}

/* Cut by munmap() and mprotect(), and moved: each part is a mapping as the whole was. */
static void parts(void)
{
	volatile uint64_t *map = map_at(own.fd, own.offset), *moved;
	static const unsigned int first[] = { 0, 5, 8, 12 };

	for (unsigned int i = 0; i < PAGES; i++)
		igt_assert_eq_u64(*page_of(map, i), PATTERN + i);
	igt_assert_eq(munmap((void *)page_of(map, 4), PAGE), 0);
	igt_assert_eq(mprotect((void *)page_of(map, 8), 2 * PAGE, PROT_READ), 0);
	moved = mremap((void *)page_of(map, 12), 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	igt_assert(moved != MAP_FAILED);

	for (unsigned int i = 0; i < igt_mmgpu_count(first); i++) {
		volatile uint64_t *part = i == 3 ? moved : page_of(map, first[i]);
		int status;
		pid_t pid;

		madvise((void *)part, 2 * PAGE, MADV_DOFORK);
		pid = fork();
		igt_assert_lte(0, pid);
		if (!pid)
			_exit(igt_mmgpu_touch_read(part, PATTERN + first[i]) != SIGSEGV);
		igt_assert_eq(waitpid(pid, &status, 0), pid);
		igt_assert_eq(status, 0);
		igt_assert_eq_u64(*part, PATTERN + first[i]);
	}
	munmap((void *)moved, 2 * PAGE);
	munmap((void *)map, SIZE);
}

/* A copy of the files, or the files themselves, make no difference: a new mm does. */
static void clone_files(void)
{
	volatile uint64_t *map = map_at(own.fd, own.offset);

	igt_assert_eq_u64(*map, PATTERN);
	igt_assert_eq(clone_gets(map, 0), SIGSEGV);
	igt_assert_eq(clone_gets(map, CLONE_FILES | CLONE_FS), SIGSEGV);
	munmap((void *)map, SIZE);
}

/* Who shares the mm has the mapping. */
static void clone_vm(void)
{
	volatile uint64_t *map = map_at(own.fd, own.offset);

	igt_assert_eq(clone_gets(map, CLONE_VM), 0);
	igt_assert_eq(clone_gets(map, CLONE_VM | CLONE_FILES), 0);
	igt_assert_eq(clone_gets(map, CLONE_VM | CLONE_VFORK), 0);
	igt_assert_eq_u64(map[1], 0xdead);
	munmap((void *)map, SIZE);
}

/* Whatever is not private is inherited as ever, and fork can be told not to. */
static void inherited(int fd, uint64_t offset)
{
	volatile uint64_t *map = map_at(fd, offset);

	igt_assert_eq(child_gets(map), 0);
	igt_assert_eq_u64(map[1], 0xdead);
	igt_assert_eq(madvise((void *)map, SIZE, MADV_DONTFORK), 0);
	igt_assert_eq(child_gets(map), SIGSEGV);
	munmap((void *)map, SIZE);
}

static void others(void)
{
	const struct {
		int fd;
		uint32_t flags;
	} files[] = { { own.fd, MMGPU_BO_SHARED }, { own.legacy, 0 } };

	for (unsigned int i = 0; i < igt_mmgpu_count(files); i++) {
		uint32_t bo = igt_mmgpu_bo_create(files[i].fd, SIZE, files[i].flags);
		int buf = igt_mmgpu_export(files[i].fd, bo);
		struct drm_mmgpu_bo_info info;

		fill(files[i].fd, bo);
		igt_mmgpu_bo_info(files[i].fd, bo, &info);
		inherited(files[i].fd, info.mmap_offset);
		inherited(buf, 0);
		close(buf);
	}
}

/* ---- forks while there are faults ------------------------------------------------------------------ */

static volatile bool stop;

static void *fault_thread(void *data)
{
	while (!stop) {
		volatile uint64_t *map = map_at(own.fd, own.offset);

		for (unsigned int i = 0; i < PAGES; i++)
			igt_assert_eq_u64(*page_of(map, i), PATTERN + i);
		*(volatile uint64_t **)data = map;
		sched_yield();
		munmap((void *)map, SIZE);
	}
	return NULL;
}

/* Whatever fork finds half mapped. */
static void while_faulting(void)
{
	int64_t deadline = igt_mmgpu_deadline_ms(2000);
	volatile uint64_t *maps[2] = { };
	pthread_t threads[2];

	stop = false;
	for (unsigned int i = 0; i < 2; i++)
		igt_assert_eq(pthread_create(&threads[i], NULL, fault_thread, &maps[i]), 0);
	while (!maps[0] || !maps[1])
		sched_yield();
	while (igt_mmgpu_now() < deadline) {
		pid_t pid = fork();

		if (!pid) {
			bool none = true;

			for (unsigned int i = 0; i < 2; i++)
				none &= igt_mmgpu_touch_read(maps[i], 0) == SIGSEGV;
			_exit(!none);
		}
		igt_assert_eq(wait_code(pid), 0);
	}
	stop = true;
	for (unsigned int i = 0; i < 2; i++)
		igt_assert_eq(pthread_join(threads[i], NULL), 0);
}

/* ---- what is left of it -------------------------------------------------------------------------------- */

/* Buffers with that owner in debugfs. */
static unsigned int buffers_of(uint64_t mm_seq)
{
	unsigned long long size, seq;
	unsigned int count = 0;
	char path[64], line[256];
	struct stat st;
	FILE *file;

	igt_assert_eq(fstat(own.fd, &st), 0);
	snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%u/bos",
		 (unsigned int)(st.st_rdev & 0xff));
	file = fopen(path, "re");
	igt_require_f(file, "no %s: not root, or debugfs is not mounted\n", path);
	while (fgets(line, sizeof(line), file))
		count += line[0] != '\n' && !strstr(line, "grant") &&
			 sscanf(line, "%llu %llu", &size, &seq) == 2 && seq == mm_seq;
	fclose(file);
	return count;
}

/* Maps, cuts, moves, forks, and ends in the given way. */
static int leave_proc(struct igt_mmgpu_proc *self, void *data)
{
	bool exec = *(bool *)data;
	uint64_t *map, *moved;

	igt_mmgpu_private_fini(&own);
	igt_mmgpu_private_init(&own, SIZE);
	fill(own.fd, own.bo);
	igt_mmgpu_send(self->sock, &own.seq, sizeof(own.seq));
	map = map_at(own.fd, own.offset);
	map_at(own.dmabuf, 0);
	munmap((void *)page_of(map, 3), PAGE);
	moved = mremap((void *)page_of(map, 6), PAGE, PAGE, MREMAP_MAYMOVE);
	igt_assert(moved != MAP_FAILED);
	igt_assert_eq(child_gets(map), SIGSEGV);
	igt_mmgpu_bo_close(own.fd, own.bo);
	if (exec) {
		close(self->sock);
		execl("/bin/true", "true", NULL);
		return 1;
	}
	return 0;
}

/* Every mapping that was counted is counted out again: the buffer goes with the process. */
static void nothing_left(void)
{
	for (int i = 0; i < 2; i++) {
		int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);
		bool exec = i;
		struct igt_mmgpu_proc proc;
		uint64_t seq;

		igt_mmgpu_proc_start(&proc, leave_proc, &exec);
		igt_mmgpu_recv(proc.sock, &seq, sizeof(seq));
		igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
		while (buffers_of(seq)) {
			igt_assert_f(igt_mmgpu_now() < deadline, "its buffer is still there\n");
			usleep(1000);
		}
	}
	igt_assert_lt(0, buffers_of(own.seq));
}

static const struct {
	const char *name;
	void (*fn)(void);
	const char *what;
} tests[] = {
	{ "node", node, "a child has no mapping of the node, by no madvise" },
	{ "legacy-node", legacy_node, "nor one that was made by a legacy file" },
	{ "dmabuf", dmabuf, "nor one of the dma-buf" },
	{ "read-only", read_only, "nor a read-only one" },
	{ "parts", parts, "nor what munmap, mprotect and mremap made of one" },
	{ "grandchild", grandchild, "nor has a child's child" },
	{ "clone-files", clone_files, "nor a process that shares the files only" },
	{ "clone-vm", clone_vm, "who shares the mm has it: clone and vfork" },
	{ "not-private", others, "SHARED and legacy buffers are inherited" },
	{ "while-faulting", while_faulting, "forks while other threads map and fault" },
	{ "nothing-left", nothing_left, "the buffer goes with its last mapping" },
};

int igt_main()
{
	igt_fixture()
		close(igt_mmgpu_open());

	for (unsigned int i = 0; i < igt_mmgpu_count(tests); i++) {
		igt_describe(tests[i].what);
		igt_subtest(tests[i].name) {
			igt_mmgpu_private_init(&own, SIZE);
			fill(own.fd, own.bo);
			tests[i].fn();
			igt_mmgpu_private_fini(&own);
		}
	}

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
