// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Page faults of jobs that user space serves (userfaultfd): missing pages, write-protected
 * ones, pages of shared memory that lack only their entry; by servers that take their time.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "igt.h"
#include "igt_mmgpu_arena.h"
#include "igt_mmgpu_stuck.h"

IGT_TEST_DESCRIPTION("Page faults of jobs, served by user space.");

#define PAGE		4096ul
#define PAGES		64ul
#define SIZE		(PAGES * PAGE)
#define RW		(PROT_READ | PROT_WRITE)

static int fd = -1;
static struct igt_mmgpu_rand rnd;

/* A thread that serves the faults of some memory. */
struct server {
	pthread_t thread;
	int uffd;
	int stop;
	uint64_t mode;
	/* Serves a page later than it could. */
	unsigned int late_us;
	uint8_t *mem;
	/* What missing pages are to hold. */
	const uint8_t *contents;
	/* Of write-protected pages: what was there before the first write. */
	uint8_t *before;
	unsigned int served[PAGES];
	int error;
};

static int serve_page(struct server *server, const struct uffd_msg *msg)
{
	uint64_t at = (msg->arg.pagefault.address & ~(PAGE - 1)) - (uintptr_t)server->mem;
	struct uffdio_range range = { .start = (uintptr_t)server->mem + at, .len = PAGE };
	struct uffdio_copy copy = {
		.dst = range.start,
		.src = (uintptr_t)server->contents + at,
		.len = PAGE,
	};
	struct uffdio_writeprotect protect = { .range = range };
	struct uffdio_continue go_on = { .range = range };

	if (msg->event != UFFD_EVENT_PAGEFAULT || at >= SIZE)
		return EINVAL;
	server->served[at / PAGE]++;
	if (server->late_us)
		usleep(server->late_us);
	switch (server->mode) {
	case UFFDIO_REGISTER_MODE_MISSING:
		/* Of two who ask for one page the second has it already. */
		if (ioctl(server->uffd, UFFDIO_COPY, &copy) && errno != EEXIST)
			return errno;
		return 0;
	case UFFDIO_REGISTER_MODE_WP:
		if (!(msg->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP))
			return EPROTO;
		memcpy(server->before + at, server->mem + at, PAGE);
		return ioctl(server->uffd, UFFDIO_WRITEPROTECT, &protect) ? errno : 0;
	default:
		if (ioctl(server->uffd, UFFDIO_CONTINUE, &go_on) && errno != EEXIST)
			return errno;
		return 0;
	}
}

static void *serve(void *data)
{
	struct server *server = data;
	struct pollfd polls[2] = {
		{ .fd = server->stop, .events = POLLIN },
		{ .fd = server->uffd, .events = POLLIN },
	};
	struct uffd_msg msg;

	while (!server->error && poll(polls, 2, -1) > 0 && !polls[0].revents)
		if (read(server->uffd, &msg, sizeof(msg)) == sizeof(msg))
			server->error = serve_page(server, &msg);
	return NULL;
}

static void server_start(struct server *server, uint8_t *mem, uint64_t mode, uint64_t feature)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)mem, .len = SIZE },
		.mode = mode,
	};
	struct uffdio_api api = { .api = UFFD_API, .features = feature };

	igt_mmgpu_stuck_require();
	server->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	igt_assert_fd(server->uffd);
	igt_require_f(!ioctl(server->uffd, UFFDIO_API, &api) &&
		      !ioctl(server->uffd, UFFDIO_REGISTER, &reg),
		      "no such faults for user space to serve: %s\n", strerror(errno));
	server->mem = mem;
	server->mode = mode;
	server->error = 0;
	memset(server->served, 0, sizeof(server->served));
	server->stop = eventfd(0, EFD_CLOEXEC);
	igt_assert_fd(server->stop);
	igt_assert_eq(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
	uint64_t one = 1;

	igt_assert_eq(write(server->stop, &one, sizeof(one)), 8);
	igt_assert_eq(pthread_join(server->thread, NULL), 0);
	close(server->stop);
	close(server->uffd);
	igt_assert_eq(server->error, 0);
}

static uint8_t *anonymous(void)
{
	uint8_t *mem = mmap(NULL, SIZE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	igt_assert(mem != MAP_FAILED);
	madvise(mem, SIZE, MADV_NOHUGEPAGE);
	return mem;
}

static uint8_t *noise(void)
{
	uint8_t *mem = malloc(SIZE);

	igt_assert(mem);
	igt_mmgpu_arena_noise(&rnd, mem, SIZE);
	return mem;
}

static int copy(void *dst, const void *src, size_t size)
{
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_copy(&job, dst, src, size);
	return igt_mmgpu_job_run(fd, &job);
}

static int fill(void *dst, size_t size, uint64_t value)
{
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_fill(&job, dst, size, value);
	return igt_mmgpu_job_run(fd, &job);
}

/* ---- pages that are missing ----------------------------------------------------------------------- */

static void missing(unsigned int late_us)
{
	static struct server server;
	uint8_t *mem = anonymous(), *contents = noise(), *out = malloc(SIZE);
	const size_t from = 3 * PAGE + 5, to = 60 * PAGE - 7;

	igt_assert(out);
	server.contents = contents;
	server.late_us = late_us;
	server_start(&server, mem, UFFDIO_REGISTER_MODE_MISSING, 0);

	/* Read, then written over, both in the middle of a page. */
	igt_assert_eq(copy(out, mem + from, 20 * PAGE), 0);
	igt_assert(!memcmp(out, contents + from, 20 * PAGE));
	igt_assert_eq(copy(mem + from + 25 * PAGE, out, 20 * PAGE), 0);
	igt_assert_eq(fill(mem + to - 8 * PAGE, 8 * PAGE, 0), 0);
	memcpy(contents + from + 25 * PAGE, out, 20 * PAGE);
	memset(contents + to - 8 * PAGE, 0, 8 * PAGE);

	/* The rest is not asked for by anybody but us. */
	for (unsigned int i = 0; i < PAGES; i++) {
		bool touched = (i >= 3 && i <= 23) || (i >= 28 && i <= 48) || (i >= 51 && i <= 59);

		igt_assert_f(!!server.served[i] == touched, "page %u was asked for %u times\n", i,
			     server.served[i]);
	}
	igt_mmgpu_arena_compare("served", mem, contents, SIZE);
	server_stop(&server);
	munmap(mem, SIZE);
	free(contents);
	free(out);
}

static void missing_at_once(void)
{
	for (int i = 0; i < 10; i++)
		missing(0);
}

static void missing_late(void)
{
	missing(5000);
}

/* While a page is waited for, other contexts and other files go on. */
static void missing_beside(void)
{
	struct igt_mmgpu_stuck stuck;
	uint32_t done = igt_mmgpu_syncobj_create(fd);
	uint32_t ctx = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	int other = igt_mmgpu_reopen(fd);
	uint8_t page[PAGE], out[PAGE] = { };
	struct igt_mmgpu_job job;
	uint64_t word = 0;

	igt_mmgpu_stuck_init(&stuck, PAGE);
	memset(page, 0x66, PAGE);
	igt_mmgpu_bind_mm(other);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_copy(&job, out, stuck.mem, PAGE);
	igt_mmgpu_job_out(&job, done, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_assert_eq_u64(igt_mmgpu_stuck_await(stuck.uffd), (uintptr_t)stuck.mem);

	igt_mmgpu_job_init(&job, ctx);
	igt_mmgpu_cmd_delay(&job, 1);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_fill(&job, &word, 8, 1);
	igt_assert_eq(igt_mmgpu_job_run(other, &job), 0);
	igt_assert_eq_u64(word, 1);
	igt_assert_eq(__igt_mmgpu_syncobj_wait(fd, done, 0, 0), -ETIME);
	igt_assert_eq(out[0], 0);

	igt_assert_eq(__igt_mmgpu_stuck_serve(stuck.uffd, (uintptr_t)stuck.mem, page), 0);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, done), 0);
	igt_assert(!memcmp(out, page, PAGE));
	igt_mmgpu_stuck_fini(&stuck);
	igt_mmgpu_syncobj_destroy(fd, done);
	igt_mmgpu_ctx_destroy(fd, ctx);
	close(other);
}

/* The same job may meet the first of its pages missing and the next and the next. */
static void missing_again(void)
{
	static struct server server;
	uint8_t *mem = anonymous(), *contents = noise(), *out = malloc(SIZE);

	igt_assert(out);
	server.contents = contents;
	server.late_us = 0;
	server_start(&server, mem, UFFDIO_REGISTER_MODE_MISSING, 0);
	for (int round = 0; round < 20; round++) {
		memset(out, 0, SIZE);
		igt_assert_eq(copy(out, mem, SIZE), 0);
		igt_mmgpu_arena_compare("served", out, contents, SIZE);
		igt_assert_eq(madvise(mem, SIZE, MADV_DONTNEED), 0);
	}
	for (unsigned int i = 0; i < PAGES; i++)
		igt_assert_lte(20, server.served[i]);
	server_stop(&server);
	munmap(mem, SIZE);
	free(contents);
	free(out);
}

/* ---- pages that are write-protected ----------------------------------------------------------------- */

/* As a program would that wants to know what was written, and what was there before. */
static void write_protect(unsigned int late_us)
{
	static struct server server;
	uint8_t *mem = anonymous(), *contents = noise(), *out = malloc(SIZE);
	struct uffdio_writeprotect protect = {
		.range = { .start = (uintptr_t)mem, .len = SIZE },
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};
	const size_t from = 3 * PAGE + 5;

	igt_assert(out);
	memcpy(mem, contents, SIZE);
	server.before = calloc(1, SIZE);
	igt_assert(server.before);
	server.late_us = late_us;
	server_start(&server, mem, UFFDIO_REGISTER_MODE_WP, UFFD_FEATURE_PAGEFAULT_FLAG_WP);
	igt_assert_eq(ioctl(server.uffd, UFFDIO_WRITEPROTECT, &protect), 0);

	/* To read is no reason to ask. */
	igt_assert_eq(copy(out, mem, SIZE), 0);
	igt_mmgpu_arena_compare("read", out, contents, SIZE);
	for (unsigned int i = 0; i < PAGES; i++)
		igt_assert_eq(server.served[i], 0);

	igt_assert_eq(copy(mem + from, out + 30 * PAGE, 20 * PAGE), 0);
	igt_assert(!memcmp(mem + from, contents + 30 * PAGE, 20 * PAGE));
	for (unsigned int i = 0; i < PAGES; i++) {
		bool written = i >= 3 && i <= 23;

		igt_assert_f(!!server.served[i] == written, "page %u was asked for %u times\n", i,
			     server.served[i]);
		if (written)
			igt_mmgpu_arena_compare("before", server.before + i * PAGE,
						contents + i * PAGE, PAGE);
	}
	memcpy(contents + from, out + 30 * PAGE, 20 * PAGE);
	igt_mmgpu_arena_compare("written", mem, contents, SIZE);
	server_stop(&server);
	munmap(mem, SIZE);
	free(server.before);
	free(contents);
	free(out);
}

static void protect_at_once(void)
{
	for (int i = 0; i < 10; i++)
		write_protect(0);
}

static void protect_late(void)
{
	write_protect(5000);
}

/* ---- pages that lack only their entry ----------------------------------------------------------------- */

static void minor(void)
{
#ifdef UFFD_FEATURE_MINOR_SHMEM
	static struct server server;
	uint8_t *contents = noise(), *out = malloc(SIZE);
	int file = memfd_create("minor", MFD_CLOEXEC);
	uint8_t *mem;

	igt_assert(out);
	igt_assert_fd(file);
	igt_assert_eq(pwrite(file, contents, SIZE, 0), SIZE);
	mem = mmap(NULL, SIZE, RW, MAP_SHARED, file, 0);
	igt_assert(mem != MAP_FAILED);
	server.late_us = 500;
	server_start(&server, mem, UFFDIO_REGISTER_MODE_MINOR, UFFD_FEATURE_MINOR_SHMEM);
	igt_assert_eq(copy(out, mem, SIZE / 2), 0);
	igt_assert(!memcmp(out, contents, SIZE / 2));
	igt_assert_eq(fill(mem + SIZE / 2, SIZE / 2, 0), 0);
	igt_assert_eq(pread(file, out, SIZE, 0), SIZE);
	memset(contents + SIZE / 2, 0, SIZE / 2);
	igt_mmgpu_arena_compare("minor", out, contents, SIZE);
	for (unsigned int i = 0; i < PAGES; i++)
		igt_assert_lt(0, server.served[i]);
	server_stop(&server);
	munmap(mem, SIZE);
	close(file);
	free(contents);
	free(out);
#else
	igt_skip("minor faults are too new for this build\n");
#endif
}

int igt_main()
{
	static const struct {
		const char *name;
		const char *describe;
		void (*run)(void);
	} tests[] = {
		{ "missing", "A server brings missing pages.", missing_at_once },
		{ "missing-late", "A server takes its time.", missing_late },
		{ "missing-beside", "Others go on meanwhile.", missing_beside },
		{ "missing-again", "Pages go missing again after each job.", missing_again },
		{ "write-protect", "A server wants to know of writes before.", protect_at_once },
		{ "write-protect-late", "And takes its time.", protect_late },
		{ "minor", "A server allows what is there already.", minor },
	};

	igt_fixture() {
		fd = igt_mmgpu_open();
		igt_require_f(igt_mmgpu_get_param(fd, MMGPU_PARAM_SVM), "the module has svm=0\n");
		igt_mmgpu_bind_mm(fd);
		igt_mmgpu_rand_init(&rnd);
	}

	for (size_t i = 0; i < igt_mmgpu_count(tests); i++) {
		igt_describe(tests[i].describe);
		igt_subtest(tests[i].name)
			tests[i].run();
	}

	igt_fixture()
		close(fd);
}
