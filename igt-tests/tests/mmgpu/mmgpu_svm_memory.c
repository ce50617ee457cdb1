// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * What a job that names CPU addresses does to memory that is in some way special, and to
 * the files behind it: what an access by a thread of the owner does.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_stuck.h"

IGT_TEST_DESCRIPTION("Commands on CPU addresses of special memory.");

#define PAGE	4096ul
#define RW	(PROT_READ | PROT_WRITE)
#define NOISE	0x8877665544332211ull

static int fd = -1;

static int fill(void *dst, size_t size, uint64_t value)
{
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_fill(&job, dst, size, value);
	return igt_mmgpu_job_run(fd, &job);
}

static int copy(void *dst, const void *src, size_t size)
{
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_copy(&job, dst, src, size);
	return igt_mmgpu_job_run(fd, &job);
}

static bool filled(const void *mem, size_t size, uint64_t value)
{
	const uint8_t *bytes = mem;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != (uint8_t)(value >> 8 * (i % 8)))
			return false;
	return true;
}

static void *map(size_t size, int prot, int flags, int file, off_t offset)
{
	void *mem = mmap(NULL, size, prot, flags, file, offset);

	igt_assert(mem != MAP_FAILED);
	return mem;
}

static void *anonymous(size_t size)
{
	return map(size, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* May be read but not written, and stays as it is. */
static void only_read(const void *mem, size_t size)
{
	uint8_t *before = malloc(size), *after = malloc(size);

	igt_assert(before && after);
	memcpy(before, mem, size);
	igt_assert_eq(copy(after, mem, size), 0);
	igt_assert(!memcmp(before, after, size));
	igt_assert_eq(fill((void *)mem, size, NOISE), -EFAULT);
	igt_assert_eq(copy((void *)mem, after, size), -EFAULT);
	igt_assert(!memcmp(mem, before, size));
	free(before);
	free(after);
}

static void not_at_all(void *mem, size_t size)
{
	uint8_t *other = malloc(size);

	igt_assert(other);
	memset(other, 0x33, size);
	igt_assert_eq(copy(other, mem, size), -EFAULT);
	igt_assert(filled(other, size, 0x3333333333333333ull));
	igt_assert_eq(fill(mem, size, NOISE), -EFAULT);
	igt_assert_eq(copy(mem, other, size), -EFAULT);
	free(other);
}

/* ---- stacks ------------------------------------------------------------------------------- */

static void stack(void)
{
	uint8_t from[9000], to[9000];

	igt_assert_eq(fill(from, sizeof(from), NOISE), 0);
	memset(to, 0, sizeof(to));
	igt_assert_eq(copy(to, from, sizeof(to)), 0);
	igt_assert(filled(to, sizeof(to), NOISE));
}

static void *stack_main(void *unused)
{
	stack();
	return NULL;
}

static void thread_stack(void)
{
	pthread_t thread;

	igt_assert_eq(pthread_create(&thread, NULL, stack_main, NULL), 0);
	igt_assert_eq(pthread_join(thread, NULL), 0);
}

/* Where the mapping with this address begins and ends. */
static void find_mapping(const void *at, uintptr_t *start, uintptr_t *end)
{
	FILE *file = fopen("/proc/self/maps", "re");
	char line[512];
	bool found = false;

	igt_assert(file);
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%lx-%lx", start, end) == 2 && (uintptr_t)at >= *start &&
			(uintptr_t)at < *end;
	igt_assert(found);
	fclose(file);
}

/* Of a child, since a stack does not shrink again. */
static int grow(struct igt_mmgpu_proc *self, void *data)
{
	uintptr_t start, end, low;
	uint8_t to[PAGE];
	uint8_t *at;

	fd = igt_mmgpu_reopen(fd);
	igt_mmgpu_bind_mm(fd);
	find_mapping(&at, &start, &end);

	/* Across a page that is not there yet, as a source and as a destination. */
	at = (uint8_t *)start - 100 * PAGE - 77;
	igt_assert_eq(fill(at, 2 * PAGE, NOISE), 0);
	igt_assert(filled(at, 2 * PAGE, NOISE));
	find_mapping(&to, &low, &end);
	igt_assert_lt_u64(low, start);

	at = (uint8_t *)low - 100 * PAGE - 77;
	memset(to, 1, sizeof(to));
	igt_assert_eq(copy(to, at, sizeof(to)), 0);
	igt_assert(filled(to, sizeof(to), 0));
	find_mapping(&to, &start, &end);
	igt_assert_lt_u64(start, low);

	/* Up to a limit. */
	at = (uint8_t *)end - (64ul << 20);
	not_at_all(at, PAGE);
	find_mapping(&to, &low, &end);
	igt_assert_eq_u64(low, start);
	return 0;
}

static void stack_grows(void)
{
	struct rlimit limit;

	igt_assert_eq(getrlimit(RLIMIT_STACK, &limit), 0);
	igt_require_f(limit.rlim_cur >= 4ul << 20, "the stack may not grow\n");
	igt_mmgpu_proc_run(grow, NULL);
}

/* Any mapping may be like a stack. */
static void grows_down(void)
{
	const size_t room = 2048 * PAGE;
	uint8_t *low = map(room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *top = low + room - PAGE, *other = malloc(40 * PAGE);
	uintptr_t start, end;

	igt_assert(other);
	munmap(low, room);
	igt_assert(mmap(top, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN,
			-1, 0) == top);
	igt_assert_eq(fill(top - 20 * PAGE + 5, 20 * PAGE, NOISE), 0);
	igt_assert(filled(top - 20 * PAGE + 5, 20 * PAGE, NOISE));
	find_mapping(top, &start, &end);
	igt_assert_eq_u64(start, (uintptr_t)top - 20 * PAGE);
	igt_assert_eq(copy(other, top - 40 * PAGE, 40 * PAGE), 0);
	igt_assert(filled(other, 20 * PAGE + 5, 0));
	igt_assert(filled(other + 20 * PAGE + 5, 20 * PAGE - 5, NOISE));
	munmap(top - 40 * PAGE, 41 * PAGE);
	free(other);
}

/* ---- files ---------------------------------------------------------------------------------- */

static int temporary(size_t size)
{
	char path[] = "/tmp/mmgpu-svm-XXXXXX";
	int file = mkostemp(path, O_CLOEXEC);

	igt_assert_fd(file);
	unlink(path);
	igt_assert_eq(ftruncate(file, size), 0);
	return file;
}

static void file_shared(void)
{
	uint8_t *mem, *bytes = malloc(8 * PAGE);
	int file = temporary(8 * PAGE);

	igt_assert(bytes);
	mem = map(7 * PAGE, RW, MAP_SHARED, file, PAGE);
	igt_assert_eq(fill(mem + 3, 7 * PAGE - 4, NOISE), 0);
	igt_assert_eq(pread(file, bytes, 8 * PAGE, 0), 8 * PAGE);
	igt_assert(filled(bytes, PAGE + 3, 0));
	igt_assert(filled(bytes + PAGE + 3, 7 * PAGE - 4, NOISE));
	igt_assert_eq(bytes[8 * PAGE - 1], 0);

	/* And back: what is written to the file while it is mapped. */
	memset(bytes, 0x77, PAGE);
	igt_assert_eq(pwrite(file, bytes, PAGE, 2 * PAGE), PAGE);
	igt_assert_eq(copy(bytes + PAGE, mem + PAGE, PAGE), 0);
	igt_assert(!memcmp(bytes, bytes + PAGE, PAGE));
	munmap(mem, 7 * PAGE);
	close(file);
	free(bytes);
}

static void file_private(void)
{
	int file = temporary(4 * PAGE);
	uint8_t *mem = map(4 * PAGE, RW, MAP_PRIVATE, file, 0);
	uint8_t bytes[PAGE];

	memset(bytes, 0x77, PAGE);
	for (int i = 0; i < 4; i++)
		igt_assert_eq(pwrite(file, bytes, PAGE, i * PAGE), PAGE);
	/* A page that was read before, and others. */
	igt_assert_eq(((volatile uint8_t *)mem)[0], 0x77);
	igt_assert_eq(fill(mem + 3, 2 * PAGE, NOISE), 0);
	igt_assert_eq(copy(mem + 3 * PAGE, mem + 8, PAGE), 0);
	igt_assert(filled(mem, 3, 0x7777777777777777ull));
	igt_assert(filled(mem + 3, 2 * PAGE, NOISE));
	igt_assert(filled(mem + 2 * PAGE + 3, PAGE - 3, 0x7777777777777777ull));
	igt_assert(filled(mem + 3 * PAGE, PAGE - 3, NOISE >> 40 | NOISE << 24));
	for (int i = 0; i < 4; i++) {
		igt_assert_eq(pread(file, bytes, PAGE, i * PAGE), PAGE);
		igt_assert(filled(bytes, PAGE, 0x7777777777777777ull));
	}
	munmap(mem, 4 * PAGE);
	close(file);
}

/* One file at two places: one memory. */
static void aliases(void)
{
	int file = memfd_create("aliases", MFD_CLOEXEC);
	uint8_t *one, *two;

	igt_assert_fd(file);
	igt_assert_eq(ftruncate(file, 8 * PAGE), 0);
	one = map(8 * PAGE, RW, MAP_SHARED, file, 0);
	two = map(8 * PAGE, RW, MAP_SHARED, file, 0);
	igt_assert_eq(fill(one, 4 * PAGE, NOISE), 0);
	igt_assert_eq(copy(one + 4 * PAGE, two, 4 * PAGE), 0);
	igt_assert(filled(two, 8 * PAGE, NOISE));
	munmap(one, 8 * PAGE);
	munmap(two, 8 * PAGE);
	close(file);
}

/* ---- rights -------------------------------------------------------------------------------- */

static void read_only(void)
{
	int file = temporary(2 * PAGE);
	char path[64];
	uint8_t *mem;
	int other;

	mem = anonymous(2 * PAGE);
	memset(mem, 0x55, 2 * PAGE);
	igt_assert_eq(mprotect(mem, 2 * PAGE, PROT_READ), 0);
	only_read(mem + 5, PAGE);
	munmap(mem, 2 * PAGE);

	/* Never touched: its page is the zero page. */
	mem = map(2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	only_read(mem + 5, PAGE);
	munmap(mem, 2 * PAGE);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	other = open(path, O_RDONLY | O_CLOEXEC);
	igt_assert_fd(other);
	mem = map(2 * PAGE, PROT_READ, MAP_SHARED, other, 0);
	only_read(mem + 5, PAGE);
	munmap(mem, 2 * PAGE);
	mem = map(2 * PAGE, PROT_READ, MAP_PRIVATE, other, 0);
	only_read(mem + 5, PAGE);
	munmap(mem, 2 * PAGE);
	close(other);
	close(file);
}

/* Code, which a debugger could write all the same. */
static void text(void)
{
	const void *vdso = (void *)getauxval(AT_SYSINFO_EHDR);

	only_read((const void *)((uintptr_t)text & ~7ul), 16);
	igt_require_f(vdso, "no vdso\n");
	only_read(vdso, 512);
}

static void none(void)
{
	uint8_t *mem = anonymous(2 * PAGE);

	memset(mem, 0x55, 2 * PAGE);
	igt_assert_eq(mprotect(mem, 2 * PAGE, PROT_NONE), 0);
	not_at_all(mem + 5, PAGE);
	igt_assert_eq(mprotect(mem, 2 * PAGE, RW), 0);
	igt_assert(filled(mem, 2 * PAGE, 0x5555555555555555ull));
	munmap(mem, 2 * PAGE);
	not_at_all(mem + 5, PAGE);
}

/* A key's rights are a thread's own, and the device is no thread of the owner's. */
static void pkey(void)
{
	uint8_t *mem = anonymous(2 * PAGE);
	int key = pkey_alloc(0, 0);

	igt_require_f(key >= 0, "no protection keys: %s\n", strerror(errno));
	memset(mem, 0x55, 2 * PAGE);
	igt_assert_eq(fill(mem, PAGE, NOISE), 0);
	igt_assert_eq(pkey_mprotect(mem, 2 * PAGE, RW, key), 0);
	not_at_all(mem + 5, PAGE);
	igt_assert(filled(mem, PAGE, NOISE));
	igt_assert(filled(mem + PAGE, PAGE, 0x5555555555555555ull));
	/* With key 0 as ever, whatever this thread thinks of it. */
	igt_assert_eq(pkey_mprotect(mem, 2 * PAGE, RW, 0), 0);
	igt_assert_eq(fill(mem, 2 * PAGE, NOISE), 0);
	igt_assert(filled(mem, 2 * PAGE, NOISE));
	munmap(mem, 2 * PAGE);
	pkey_free(key);
}

/* ---- more kinds ----------------------------------------------------------------------------- */

static void hugetlb(void)
{
	const size_t size = 2ul << 20;
	unsigned int before = 0;
	uint8_t *mem;
	FILE *file = fopen("/proc/sys/vm/nr_hugepages", "r+");

	igt_require_f(file, "no hugetlb pages in this kernel\n");
	igt_assert_eq(fscanf(file, "%u", &before), 1);
	rewind(file);
	igt_assert(fprintf(file, "%u", before + 1) > 0 && !fflush(file));
	mem = mmap(NULL, size, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	igt_require_f(mem != MAP_FAILED, "no hugetlb page to be had\n");

	igt_assert_eq(fill(mem + 3, size - 5, NOISE), 0);
	igt_assert(filled(mem + 3, size - 5, NOISE));
	igt_assert_eq(mem[0] | mem[size - 1], 0);
	igt_assert_eq(copy(mem + size / 2, mem + 3, size / 2), 0);
	igt_assert(filled(mem + size / 2, size / 2, NOISE));
	/* Refused as a whole page. */
	igt_assert_eq(mprotect(mem, size, PROT_READ), 0);
	only_read(mem + 7, 2 * PAGE);
	munmap(mem, size);
	rewind(file);
	fprintf(file, "%u", before);
	fclose(file);
}

/* Memory that nobody can pin, as it is not in the kernel's own map. */
static void secret(void)
{
#ifdef SYS_memfd_secret
	int file = syscall(SYS_memfd_secret, O_CLOEXEC);
	uint8_t *mem;

	igt_require_f(file >= 0, "no memfd_secret: %s\n", strerror(errno));
	igt_assert_eq(ftruncate(file, 4 * PAGE), 0);
	mem = map(4 * PAGE, RW, MAP_SHARED, file, 0);
	igt_assert_eq(fill(mem + 3, 2 * PAGE, NOISE), 0);
	igt_assert_eq(copy(mem + 2 * PAGE + 8, mem + 3, PAGE), 0);
	igt_assert(filled(mem + 3, 2 * PAGE, NOISE));
	igt_assert(filled(mem + 2 * PAGE + 8, PAGE, NOISE));
	munmap(mem, 4 * PAGE);
	close(file);
#else
	igt_skip("memfd_secret is too new for this build\n");
#endif
}

/* A buffer by its mapping and by its index in one job. */
static void own_buffer(void)
{
	uint32_t handle = igt_mmgpu_bo_create(fd, 8 * PAGE, 0);
	uint8_t *mem = igt_mmgpu_bo_map(fd, handle, 0, RW);
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE |
			 MMGPU_BO_REF_NO_IMPLICIT_SYNC);
	igt_mmgpu_cmd_svm_fill(&job, mem + 1, 2 * PAGE, NOISE);
	igt_mmgpu_cmd_svm_write(&job, mem + 3 * PAGE, 0, 1, 2 * PAGE);
	igt_mmgpu_cmd_svm_read(&job, 0, 6 * PAGE, mem + 3 * PAGE, 2 * PAGE - 1);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_assert(filled(mem + 1, 2 * PAGE, NOISE));
	igt_assert(filled(mem + 3 * PAGE, 2 * PAGE, NOISE));
	igt_assert(filled(mem + 6 * PAGE, 2 * PAGE - 1, NOISE));
	igt_assert_eq(mem[8 * PAGE - 1], 0);
	munmap(mem, 8 * PAGE);

	/* The mapping decides, not what the buffer's owner could do otherwise. */
	mem = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ);
	only_read(mem + 5, PAGE);
	munmap(mem, 8 * PAGE);
	not_at_all(mem, PAGE);
	igt_mmgpu_bo_close(fd, handle);
}

/* Of another driver, by a dma-buf's mapping, with no import and no fence. */
static void foreign_buffer(void)
{
	int vgem = igt_mmgpu_vgem_open();
	uint32_t handle;
	int dmabuf;
	void *mem;

	igt_assert_eq(__igt_mmgpu_dumb_create(vgem, 1024, 4, 32, &handle, NULL, NULL), 0);
	dmabuf = igt_mmgpu_export(vgem, handle);
	mem = map(4 * PAGE, RW, MAP_SHARED, dmabuf, 0);
	igt_assert_eq(fill(mem + 1, 2 * PAGE, NOISE), 0);
	igt_assert_eq(copy(mem + 3 * PAGE, mem + 1, PAGE), 0);
	igt_assert(filled(mem + 1, 2 * PAGE, NOISE));
	igt_assert(filled(mem + 3 * PAGE, PAGE, NOISE));
	munmap(mem, 4 * PAGE);
	close(dmabuf);
	close(vgem);
}

int igt_main()
{
	static const struct {
		const char *name;
		const char *describe;
		void (*run)(void);
	} tests[] = {
		{ "stack", "The stack that is in use.", stack },
		{ "thread-stack", "A thread's stack.", thread_stack },
		{ "stack-grows", "The stack grows under a job, up to its limit.", stack_grows },
		{ "grows-down", "So does every mapping that may.", grows_down },
		{ "file-shared", "What is written is in the file.", file_shared },
		{ "file-private", "What is written is not in the file.", file_private },
		{ "aliases", "A file that is mapped twice.", aliases },
		{ "read-only", "Memory that may only be read.", read_only },
		{ "text", "Code, the program's and the kernel's.", text },
		{ "none", "Memory that may not be touched, or is not there.", none },
		{ "pkey", "Memory with a protection key.", pkey },
		{ "hugetlb", "Pages of hugetlbfs.", hugetlb },
		{ "secret", "Memory that the kernel has no address for.", secret },
		{ "own-buffer", "A buffer object by its mapping.", own_buffer },
		{ "foreign-buffer", "A buffer of another driver by its mapping.", foreign_buffer },
	};

	igt_fixture() {
		fd = igt_mmgpu_open();
		igt_require_f(igt_mmgpu_get_param(fd, MMGPU_PARAM_SVM), "the module has svm=0\n");
		igt_mmgpu_bind_mm(fd);
	}

	for (size_t i = 0; i < igt_mmgpu_count(tests); i++) {
		igt_describe(tests[i].describe);
		igt_subtest(tests[i].name)
			tests[i].run();
	}

	igt_fixture() {
		igt_mmgpu_proc_cleanup();
		close(fd);
	}
}
