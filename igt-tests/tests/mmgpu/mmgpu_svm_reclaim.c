// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * The kernel moves memory about while a job works on it: to swap and back, from small pages
 * to huge ones, to other places, into one page with others that are alike. The job is not to
 * notice. RACE_SECONDS in the environment says how long each is repeated.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/swap.h>

#include "igt.h"
#include "igt_mmgpu_arena.h"
#include "igt_mmgpu_busy.h"
#include "igt_mmgpu_file.h"

IGT_TEST_DESCRIPTION("Memory that moves under a job.");

#define PAGE		4096ul
#define SIZE		IGT_MMGPU_HUGE
#define RW		(PROT_READ | PROT_WRITE)
#define STEPS		8
#define ANONYMOUS	(MAP_PRIVATE | MAP_ANONYMOUS)
#define KSM		"/sys/kernel/mm/ksm/"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

static struct igt_mmgpu_rand rnd;
static struct igt_mmgpu_busy busy;
static uint8_t *dst, *src;
static int64_t begin;

static long vmstat(const char *name)
{
	return igt_mmgpu_file_number("/proc/vmstat", name);
}

/* Source and destination, aligned to huge pages. */
static void fresh(int flags, int advice)
{
	igt_assert(mmap(dst, SIZE, RW, flags | MAP_FIXED, -1, 0) == dst);
	igt_assert(mmap(src, SIZE, RW, flags | MAP_FIXED, -1, 0) == src);
	madvise(dst, SIZE, advice);
	madvise(src, SIZE, advice);
	igt_mmgpu_arena_noise(&rnd, src, SIZE);
	memset(dst, 0, SIZE);
	busy.dst = dst;
	busy.src = src;
	busy.size = SIZE;
	busy.steps = STEPS;
}

static uint8_t *reserve(size_t size)
{
	uint8_t *mem = mmap(NULL, size + IGT_MMGPU_HUGE, PROT_NONE, ANONYMOUS, -1, 0);

	igt_assert(mem != MAP_FAILED);
	return (uint8_t *)(((uintptr_t)mem + IGT_MMGPU_HUGE - 1) & ~(IGT_MMGPU_HUGE - 1));
}

/* ---- swap ---------------------------------------------------------------------------------- */

static bool swapping;

/* Compressed memory: no kernel has an excuse but one without the driver. */
static void swap_on(void)
{
	const unsigned int pages = (64u << 20) / PAGE;
	uint32_t header[PAGE / 4] = { };
	int fd;

	igt_require_f(geteuid() == 0 && igt_mmgpu_has_module("zram"), "no zram to swap to\n");
	igt_require_f(igt_mmgpu_file_write("/sys/block/zram0/disksize", "64M"), "zram0 is in use\n");
	/* As mkswap has it: version, last page, and at the end the mark. */
	header[256] = 1;
	header[257] = pages - 1;
	memcpy((char *)header + PAGE - 10, "SWAPSPACE2", 10);
	fd = open("/dev/zram0", O_WRONLY | O_CLOEXEC);
	igt_assert_fd(fd);
	igt_assert_eq(write(fd, header, PAGE), PAGE);
	close(fd);
	igt_assert_eq(swapon("/dev/zram0", 0), 0);
	swapping = true;
}

static void swap_off(void)
{
	if (!swapping)
		return;
	igt_assert_eq(swapoff("/dev/zram0"), 0);
	swapping = false;
	igt_mmgpu_file_write("/sys/block/zram0/reset", "1");
}

static void page_out(struct igt_mmgpu_busy *b, uint64_t step)
{
	igt_assert_eq(madvise(src, SIZE, MADV_PAGEOUT), 0);
	igt_assert_eq(madvise(dst, SIZE, MADV_PAGEOUT), 0);
}

static void swap(int flags)
{
	long in, out;

	swap_on();
	in = vmstat("pswpin ");
	out = vmstat("pswpout ");
	do {
		fresh(flags, MADV_NOHUGEPAGE);
		/* Also what lies there when the job comes to it. */
		page_out(&busy, 0);
		igt_assert_eq(igt_mmgpu_busy_job(&busy, page_out, false), 0);
		igt_mmgpu_arena_compare("swapped", dst, src, SIZE);
	} while (igt_mmgpu_busy_again(&busy, begin));
	in = vmstat("pswpin ") - in;
	out = vmstat("pswpout ") - out;
	igt_info("%ld pages to swap, %ld back\n", out, in);
	igt_assert_lt_s64(SIZE / PAGE, out);
	igt_assert_lt_s64(SIZE / PAGE, in);
	fresh(ANONYMOUS, MADV_NORMAL);
	swap_off();
}

static void swap_anonymous(void)
{
	swap(ANONYMOUS);
}

static void swap_shared(void)
{
	swap(MAP_SHARED | MAP_ANONYMOUS);
}

/* ---- huge pages ------------------------------------------------------------------------------ */

static unsigned int splits, collapses;

static void split_and_collapse(struct igt_mmgpu_busy *b, uint64_t step)
{
	static unsigned int turn;
	long before = vmstat("thp_split_pmd ");
	size_t page = igt_mmgpu_rand(&rnd) % (SIZE / PAGE);
	char text[64];

	switch (turn++ % 4) {
	case 0:
	case 2:
		/* By the table's entry only. */
		igt_assert_eq(mprotect(src + page * PAGE, PAGE, PROT_READ), 0);
		igt_assert_eq(mprotect(src + page * PAGE, PAGE, RW), 0);
		break;
	case 1:
	case 3:
		/* By the page itself, where debugfs can do that. */
		snprintf(text, sizeof(text), "%d,%p,%p", getpid(), dst, dst + SIZE);
		igt_mmgpu_file_write("/sys/kernel/debug/split_huge_pages", text);
		break;
	}
	splits += vmstat("thp_split_pmd ") > before;
	/* May fail while the job is at it. */
	if (!madvise(src, SIZE, MADV_COLLAPSE))
		collapses++;
	madvise(dst, SIZE, MADV_COLLAPSE);
}

static void huge(void)
{
	igt_require_f(!access("/sys/kernel/mm/transparent_hugepage", F_OK),
		      "a kernel without huge pages\n");
	splits = collapses = 0;
	do {
		fresh(ANONYMOUS, MADV_HUGEPAGE);
		igt_assert_eq(igt_mmgpu_busy_job(&busy, split_and_collapse, false), 0);
		igt_mmgpu_arena_compare("huge", dst, src, SIZE);
	} while (igt_mmgpu_busy_again(&busy, begin));
	igt_info("split %u times, collapsed %u times\n", splits, collapses);
	igt_assert_lt(0, splits);
	igt_require_f(collapses > 0, "pages were split, but the kernel never made huge ones again\n");
}

/* ---- other places ------------------------------------------------------------------------------- */

static void migrate_pages_away(struct igt_mmgpu_busy *b, uint64_t step)
{
	size_t page = igt_mmgpu_rand(&rnd) % (SIZE / PAGE) * PAGE;

	igt_mmgpu_file_write("/proc/sys/vm/compact_memory", "1");
	/* The old place is lost to the kernel, so not too often. */
	if (igt_mmgpu_rand(&rnd) % 8)
		return;
	madvise(src + page, PAGE, MADV_SOFT_OFFLINE);
	madvise(dst + page, PAGE, MADV_SOFT_OFFLINE);
}

static void migrate(void)
{
	long moved = vmstat("pgmigrate_success ");

	igt_require_f(geteuid() == 0 && moved >= 0, "a kernel that does not move pages\n");
	do {
		fresh(ANONYMOUS, MADV_NOHUGEPAGE);
		igt_assert_eq(igt_mmgpu_busy_job(&busy, migrate_pages_away, false), 0);
		igt_mmgpu_arena_compare("migrated", dst, src, SIZE);
	} while (igt_mmgpu_busy_again(&busy, begin) ||
		 (vmstat("pgmigrate_success ") == moved &&
		  igt_mmgpu_now() - begin < 60 * IGT_MMGPU_NSEC_PER_SEC));
	moved = vmstat("pgmigrate_success ") - moved;
	igt_info("%ld pages moved\n", moved);
	igt_assert_lt_s64(0, moved);
}

/* ---- pages that are alike ------------------------------------------------------------------------- */

static long shared_most;

static void scan(struct igt_mmgpu_busy *b, uint64_t step)
{
	long shared = igt_mmgpu_file_number(KSM "pages_sharing", "");

	shared_most = shared > shared_most ? shared : shared_most;
	usleep(1000);
}

static bool ksm_run(const char *how)
{
	return igt_mmgpu_file_write(KSM "run", how);
}

/* The same everywhere, until each job's end; then the others must still have it. */
static void ksm(void)
{
	const uint64_t value = 0x1122334455667788ull;
	struct drm_mmgpu_cmd *cmd;
	struct igt_mmgpu_job job;
	uint8_t *want;

	igt_require_f(geteuid() == 0 && !access(KSM, F_OK), "a kernel without KSM\n");
	want = malloc(SIZE);
	igt_assert(want);
	for (size_t at = 0; at < SIZE; at += 8)
		memcpy(want + at, &value, 8);
	igt_mmgpu_file_write(KSM "pages_to_scan", "4000");
	igt_mmgpu_file_write(KSM "sleep_millisecs", "1");
	igt_assert(ksm_run("1"));
	shared_most = 0;
	do {
		fresh(ANONYMOUS, MADV_NOHUGEPAGE);
		igt_assert_eq(madvise(src, SIZE, MADV_MERGEABLE), 0);
		igt_assert_eq(madvise(dst, SIZE, MADV_MERGEABLE), 0);
		memcpy(src, want, SIZE);
		memcpy(dst, want, SIZE);
		/* Each merged page is copied again when it is written. */
		for (int wait = 0; wait < 200 && igt_mmgpu_file_number(KSM "pages_sharing", "") < 100; wait++)
			usleep(10000);
		igt_assert_eq(igt_mmgpu_busy_job(&busy, scan, false), 0);
		igt_mmgpu_arena_compare("merged", dst, want, SIZE);
		for (int wait = 0; wait < 200 && igt_mmgpu_file_number(KSM "pages_sharing", "") < 100; wait++)
			usleep(10000);
		igt_mmgpu_job_init(&job, 0);
		cmd = igt_mmgpu_cmd_fill(&job, 0, (uintptr_t)dst + 5, SIZE / 2, ~0ull);
		cmd->flags = MMGPU_CMD_DST_SVM;
		igt_assert_eq(igt_mmgpu_job_run(busy.fd, &job), 0);
		igt_mmgpu_arena_compare("merged source", src, want, SIZE);
		igt_mmgpu_arena_compare("merged rest", dst + SIZE / 2 + 5, want + SIZE / 2 + 5,
					SIZE / 2 - 5);
		memset(want, 0xff, 5 + SIZE / 2);
		igt_mmgpu_arena_compare("written", dst + 5, want + 5, SIZE / 2);
		for (size_t at = 0; at < SIZE; at += 8)
			memcpy(want + at, &value, 8);
	} while (igt_mmgpu_busy_again(&busy, begin));
	ksm_run("2");
	ksm_run("0");
	igt_info("up to %ld pages shared while a job ran\n", shared_most);
	igt_assert_lt_s64(0, shared_most);
	free(want);
}

int igt_main()
{
	static const struct {
		const char *name;
		const char *describe;
		void (*run)(void);
	} tests[] = {
		{ "swap", "Memory is swapped out.", swap_anonymous },
		{ "swap-shared", "Shared memory is swapped out.", swap_shared },
		{ "huge", "Huge pages are split and made again.", huge },
		{ "migrate", "Pages move to other places.", migrate },
		{ "ksm", "Pages that are alike become one.", ksm },
	};

	igt_fixture() {
		busy.fd = igt_mmgpu_open();
		igt_require_f(igt_mmgpu_get_param(busy.fd, MMGPU_PARAM_SVM),
			      "the module has svm=0\n");
		igt_mmgpu_bind_mm(busy.fd);
		igt_mmgpu_rand_init(&rnd);
		dst = reserve(SIZE);
		src = reserve(SIZE);
	}

	for (size_t i = 0; i < igt_mmgpu_count(tests); i++) {
		igt_describe(tests[i].describe);
		igt_subtest(tests[i].name) {
			busy.jobs = busy.events = 0;
			begin = igt_mmgpu_now();
			tests[i].run();
			igt_info("%u jobs, %u events\n", busy.jobs, busy.events);
			igt_assert_lt(0, busy.events);
		}
	}

	igt_fixture() {
		swap_off();
		close(busy.fd);
	}
}
