// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * The owner changes its mappings while a job works on them. A thread of the owner would see
 * the change at once, and so does the job: it goes on with what is there now, or ends where
 * nothing is any more. What was given back is not touched again. RACE_SECONDS in the
 * environment says how long each is repeated.
 */

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_mmgpu_busy.h"

IGT_TEST_DESCRIPTION("Mappings that change under a job.");

#define PAGE		4096ul
#define PAGES		512ul
#define SIZE		(PAGES * PAGE)
#define RW		(PROT_READ | PROT_WRITE)

static struct igt_mmgpu_rand rnd;
static struct igt_mmgpu_busy busy;
static uint8_t *dst, *src;
static int64_t begin;
/* The last byte that a job writes. */
static unsigned int last;

static void *map(void *at, size_t size, int flags, int file)
{
	void *mem = mmap(at, size, RW, flags | (at ? MAP_FIXED : 0), file, 0);

	igt_assert(mem != MAP_FAILED && (!at || mem == at));
	return mem;
}

/* Fresh memory at the addresses of the last round. */
static void fresh(bool copy)
{
	map(dst, SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	map(src, SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	memset(src, 0x77, SIZE);
	busy.dst = dst;
	busy.src = copy ? src : NULL;
	busy.size = SIZE;
	/* On a slow kernel nothing may have fitted into the last one. */
	if (busy.jobs && !busy.events && !busy.faults)
		last = last < IGT_MMGPU_BUSY_STEPS / 2 ? last * 2 : IGT_MMGPU_BUSY_STEPS;
	busy.steps = last;
}

static bool all(const uint8_t *mem, size_t size, uint8_t byte)
{
	return mem[0] == byte && !memcmp(mem, mem + 1, size - 1);
}

/* Some pages, often a single one. */
static uint8_t *pick(uint8_t *mem, size_t *size)
{
	size_t pages = igt_mmgpu_rand(&rnd) % 2 ? 1 : igt_mmgpu_rand_range(&rnd, 1, 100);

	*size = pages * PAGE;
	return mem + igt_mmgpu_rand_range(&rnd, 0, PAGES - pages) * PAGE;
}

/* ---- memory that gets back what was given back --------------------------------------------------- */

enum { VICTIMS = 16 };
static uint8_t *victims[VICTIMS];

/* Takes free pages, which the last to be freed are among. */
static void take_free_pages(int which)
{
	if (!victims[which])
		victims[which] = map(NULL, 128 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	madvise(victims[which], 128 * PAGE, MADV_DONTNEED);
	memset(victims[which], 0xcc, 128 * PAGE);
}

static void check_victims(void)
{
	for (int i = 0; i < VICTIMS; i++)
		if (victims[i])
			igt_assert_f(all(victims[i], 128 * PAGE, 0xcc),
				     "a job wrote to memory of somebody else\n");
}

/* ---- pages go ------------------------------------------------------------------------------------ */

static void drop(struct igt_mmgpu_busy *b, uint64_t step)
{
	static unsigned int turn;
	size_t size;
	uint8_t *at;

	at = pick(turn % 2 ? src : dst, &size);
	igt_assert_eq(madvise(at, size, MADV_DONTNEED), 0);
	take_free_pages(turn++ % VICTIMS);
}

/* Demand zero: what is dropped from the source is zeroes from then on. */
static void dontneed(void)
{
	do {
		fresh(true);
		igt_mmgpu_busy_job(&busy, drop, false);
		for (size_t i = 0; i < SIZE; i++)
			igt_assert_f(!(dst[i] && dst[i] != 0x77), "byte %#zx is %#x\n", i, dst[i]);
		check_victims();
	} while (igt_mmgpu_busy_again(&busy, begin));
}

/* ---- fork ---------------------------------------------------------------------------------------- */

static void fork_child(struct igt_mmgpu_busy *b, uint64_t step)
{
	static uint8_t copy[SIZE];
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	igt_assert_lte(0, pid);
	if (!pid) {
		/* What the parent's job does from now on is none of this. */
		memcpy(copy, dst, SIZE);
		usleep(5000);
		if (memcmp(copy, dst, SIZE))
			_exit(1);
		for (size_t i = 0; i < SIZE; i++)
			if (copy[i] > last && copy[i] != 0x77)
				_exit(2);
		/* Nor is this the parent's. */
		memset(dst, 0xee, SIZE);
		memset(src, 0xee, SIZE);
		_exit(0);
	}
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert_eq(status, 0);
}

static void fork_writes(void)
{
	do {
		fresh(false);
		igt_assert_eq(igt_mmgpu_busy_job(&busy, fork_child, false), 0);
		igt_assert(all(dst, SIZE, last));
	} while (igt_mmgpu_busy_again(&busy, begin));
}

/* The child writes to what the job reads. */
static void fork_reads(void)
{
	do {
		fresh(true);
		memset(dst, 1, SIZE);
		igt_assert_eq(igt_mmgpu_busy_job(&busy, fork_child, false), 0);
		igt_assert(!memcmp(dst, src, SIZE));
	} while (igt_mmgpu_busy_again(&busy, begin));
}

/* ---- rights ------------------------------------------------------------------------------------- */

static void toggle(uint8_t *mem, int prot)
{
	size_t size;
	uint8_t *at = pick(mem, &size);

	igt_assert_eq(mprotect(at, size, prot), 0);
	igt_assert_eq(mprotect(at, size, RW), 0);
}

static void toggle_src(struct igt_mmgpu_busy *b, uint64_t step)
{
	toggle(src, PROT_READ);
}

/* Not to be written is no harm to who reads. */
static void mprotect_harmless(void)
{
	do {
		fresh(true);
		igt_assert_eq(igt_mmgpu_busy_job(&busy, toggle_src, false), 0);
		igt_assert(!memcmp(dst, src, SIZE));
	} while (igt_mmgpu_busy_again(&busy, begin));
}

static void toggle_dst(struct igt_mmgpu_busy *b, uint64_t step)
{
	toggle(dst, igt_mmgpu_rand(&rnd) % 2 ? PROT_READ : PROT_NONE);
}

/* It ends in the middle of a step, or the right comes back before it gets there. */
static void mprotect_short(void)
{
	do {
		int from, to;

		fresh(false);
		if (igt_mmgpu_busy_job(&busy, toggle_dst, true)) {
			igt_mmgpu_busy_check_steps(dst, SIZE, &from, &to);
			igt_assert_eq(from, busy.step - (from == to));
			igt_assert_eq(to, busy.step - 1);
		} else {
			igt_assert(all(dst, SIZE, last));
		}
	} while (igt_mmgpu_busy_again(&busy, begin));
}

static size_t gone_at, gone_size;
/* The step that the job was in when it was gone. */
static uint64_t gone_in;

/* In its last one a job may as well have ended; in any other it comes by again. */
static bool missed_it(int status)
{
	return !status && gone_in == busy.steps;
}

/* Once. The job has some steps left to meet it. */
static bool go(uint64_t step)
{
	uint8_t *at;

	if (gone_size || step > last - 3)
		return false;
	at = pick(dst, &gone_size);
	gone_at = at - dst;
	return true;
}

static void protect(struct igt_mmgpu_busy *b, uint64_t step)
{
	if (!go(step))
		return;
	igt_assert_eq(mprotect(dst + gone_at, gone_size, PROT_READ), 0);
	gone_in = b->step;
}

static void check_ended_there(void)
{
	int from, to;

	igt_assert_eq(gone_at ? dst[0] : busy.step, busy.step);
	if (gone_at) {
		igt_mmgpu_busy_check_steps(dst, gone_at, &from, &to);
		igt_assert_eq(from, to);
	}
	if (gone_at + gone_size < SIZE)
		igt_assert(all(dst + gone_at + gone_size, SIZE - gone_at - gone_size,
			       busy.step - 1));
}

static void mprotect_for_good(void)
{
	do {
		int status;

		fresh(false);
		gone_size = 0;
		status = igt_mmgpu_busy_job(&busy, protect, true);
		if (!gone_size || missed_it(status))
			continue;
		igt_assert_eq(status, -EFAULT);
		check_ended_there();
	} while (igt_mmgpu_busy_again(&busy, begin));
	igt_assert_lt(0, busy.faults);
}

/* ---- mappings go ---------------------------------------------------------------------------------- */

static void unmap(struct igt_mmgpu_busy *b, uint64_t step)
{
	if (!go(step))
		return;
	igt_assert_eq(munmap(dst + gone_at, gone_size), 0);
	gone_in = b->step;
	take_free_pages(step % VICTIMS);
}

static void munmap_dst(void)
{
	do {
		int status;

		fresh(false);
		gone_size = 0;
		status = igt_mmgpu_busy_job(&busy, unmap, true);
		check_victims();
		if (!gone_size || missed_it(status))
			continue;
		igt_assert_eq(status, -EFAULT);
		check_ended_there();
		/* Who comes to this address later has nothing to fear. */
		map(dst + gone_at, gone_size, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		usleep(1000);
		igt_assert(all(dst + gone_at, gone_size, 0));
	} while (igt_mmgpu_busy_again(&busy, begin));
	igt_assert_lt(0, busy.faults);
}

/* Something else at once at the same address, without a moment of nothing in between. */
static void replace(struct igt_mmgpu_busy *b, uint64_t step)
{
	size_t size;
	uint8_t *at = pick(src, &size);

	map(at, size, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	at = pick(dst, &size);
	map(at, size, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	take_free_pages(step % VICTIMS);
}

static void mmap_over(void)
{
	do {
		fresh(true);
		igt_mmgpu_busy_job(&busy, replace, false);
		for (size_t i = 0; i < SIZE; i++)
			igt_assert_f(!(dst[i] && dst[i] != 0x77), "byte %#zx is %#x\n", i, dst[i]);
		check_victims();
	} while (igt_mmgpu_busy_again(&busy, begin));
}

/* ---- mappings move --------------------------------------------------------------------------------- */

static uint8_t *elsewhere;

static void move(uint8_t *from, uint8_t *to)
{
	igt_assert(mremap(from, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
}

static void move_away(struct igt_mmgpu_busy *b, uint64_t step)
{
	if (!go(step))
		return;
	move(dst, elsewhere);
	gone_in = b->step;
	take_free_pages(step % VICTIMS);
}

/* What was written until then has moved along. */
static void mremap_away(void)
{
	do {
		int status, from, to;

		fresh(false);
		gone_size = 0;
		status = igt_mmgpu_busy_job(&busy, move_away, true);
		check_victims();
		if (!gone_size || missed_it(status))
			continue;
		igt_assert_eq(status, -EFAULT);
		igt_mmgpu_busy_check_steps(elsewhere, SIZE, &from, &to);
		igt_assert_eq(from == to ? to + 1 : from, busy.step);
		igt_assert_eq(to, busy.step - 1);
	} while (igt_mmgpu_busy_again(&busy, begin));
	igt_assert_lt(0, busy.faults);
}

static void move_there_and_back(struct igt_mmgpu_busy *b, uint64_t step)
{
	move(dst, elsewhere);
	move(elsewhere, dst);
}

static void mremap_back(void)
{
	do {
		int from, to;

		fresh(false);
		if (igt_mmgpu_busy_job(&busy, move_there_and_back, true)) {
			igt_mmgpu_busy_check_steps(dst, SIZE, &from, &to);
			igt_assert_eq(from == to ? to + 1 : from, busy.step);
			igt_assert_eq(to, busy.step - 1);
		} else {
			igt_assert(all(dst, SIZE, last));
		}
	} while (igt_mmgpu_busy_again(&busy, begin));
}

/* ---- files ------------------------------------------------------------------------------------------ */

static int file = -1;

static void shrink_and_grow(struct igt_mmgpu_busy *b, uint64_t step)
{
	size_t size;

	pick(dst, &size);
	igt_assert_eq(ftruncate(file, SIZE - size), 0);
	take_free_pages(step % VICTIMS);
	igt_assert_eq(ftruncate(file, SIZE), 0);
}

/* What was cut off is zeroes when it comes back, or what was written since. */
static void truncate_file(void)
{
	file = memfd_create("truncate", MFD_CLOEXEC);
	igt_assert_fd(file);
	do {
		fresh(false);
		igt_assert_eq(ftruncate(file, SIZE), 0);
		map(dst, SIZE, MAP_SHARED, file);
		igt_mmgpu_busy_job(&busy, shrink_and_grow, true);
		for (size_t i = 0; i < SIZE; i++)
			igt_assert_f(dst[i] == 0 || dst[i] == busy.step ||
				     dst[i] == busy.step - 1,
				     "byte %#zx is %u in step %u\n", i, dst[i],
				     (unsigned int)busy.step);
		check_victims();
	} while (igt_mmgpu_busy_again(&busy, begin));
	map(dst, SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	close(file);
}

/* ---- the thread itself -------------------------------------------------------------------------------- */

static pid_t pids[16];
static unsigned int num_pids;

static void find_threads(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	num_pids = 0;
	igt_assert(dir);
	while ((entry = readdir(dir)) && num_pids < igt_mmgpu_count(pids)) {
		char path[300], name[64] = "";
		FILE *comm;

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		comm = fopen(path, "re");
		if (!comm)
			continue;
		if (fgets(name, sizeof(name), comm) && !strncmp(name, "mmgpu-svm/", 10))
			pids[num_pids++] = atoi(entry->d_name);
		fclose(comm);
	}
	closedir(dir);
	igt_assert_f(num_pids, "no thread has the name that we look for\n");
}

static void send_signals(struct igt_mmgpu_busy *b, uint64_t step)
{
	static const int sigs[] = { SIGKILL, SIGTERM, SIGSTOP, SIGINT, SIGUSR1, SIGKILL };

	if (!num_pids)
		find_threads();
	for (unsigned int i = 0; i < num_pids; i++)
		kill(pids[i], sigs[igt_mmgpu_rand(&rnd) % igt_mmgpu_count(sigs)]);
	usleep(100);
}

/* Nobody can disturb it. */
static void signals(void)
{
	igt_require_f(geteuid() == 0, "only root may send signals to threads of the kernel\n");
	num_pids = 0;
	do {
		fresh(true);
		igt_assert_eq(igt_mmgpu_busy_job(&busy, send_signals, false), 0);
		igt_assert(!memcmp(dst, src, SIZE));
	} while (igt_mmgpu_busy_again(&busy, begin));
}

int igt_main()
{
	static const struct {
		const char *name;
		const char *describe;
		void (*run)(void);
	} tests[] = {
		{ "dontneed", "Pages are dropped, and come back as zeroes.", dontneed },
		{ "fork-writes", "A child keeps what it got.", fork_writes },
		{ "fork-reads", "A child writes to what the job reads.", fork_reads },
		{ "mprotect-harmless", "The source cannot be written for a moment.",
		  mprotect_harmless },
		{ "mprotect-short", "The destination cannot be written for a moment.",
		  mprotect_short },
		{ "mprotect-for-good", "Nor can it be written later.", mprotect_for_good },
		{ "munmap", "The destination is not there any more.", munmap_dst },
		{ "mmap-over", "Other memory takes its place.", mmap_over },
		{ "mremap-away", "It moves away.", mremap_away },
		{ "mremap-back", "It moves away and comes back.", mremap_back },
		{ "truncate", "The file gets shorter and longer.", truncate_file },
		{ "signals", "Signals to the thread that runs the job.", signals },
	};

	igt_fixture() {
		busy.fd = igt_mmgpu_open();
		igt_require_f(igt_mmgpu_get_param(busy.fd, MMGPU_PARAM_SVM),
			      "the module has svm=0\n");
		igt_mmgpu_bind_mm(busy.fd);
		igt_mmgpu_rand_init(&rnd);
		dst = map(NULL, SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		src = map(NULL, SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		elsewhere = map(NULL, SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	}

	for (size_t i = 0; i < igt_mmgpu_count(tests); i++) {
		igt_describe(tests[i].describe);
		igt_subtest(tests[i].name) {
			busy.jobs = busy.faults = busy.events = 0;
			last = 30;
			begin = igt_mmgpu_now();
			tests[i].run();
			igt_info("%u jobs, %u ended with EFAULT, %u events\n", busy.jobs,
				 busy.faults, busy.events);
			igt_assert_lt(0, busy.events + busy.faults);
		}
	}

	igt_fixture()
		close(busy.fd);
}
