// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Every allocation, and every copy from or to user space, of every call fails once: the
 * first, the second, and so on until there is none left to fail. What then fails says so,
 * leaves everything as it was, and succeeds the next time. For kernels with fault injection.
 * After the third of a call only each sixteenth is tried, unless MMGPU_FAIL_STEP says otherwise.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <xf86drm.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_baseline.h"
#include "igt_mmgpu_calls.h"
#include "igt_mmgpu_inject.h"
#include "igt_mmgpu_small.h"
#include "igt_mmgpu_state.h"
#include "igt_mmgpu_stuck.h"

IGT_TEST_DESCRIPTION("Every allocation and every user copy fails once.");

#define MAX_NTH		2000
#define ALL_UP_TO	3

static struct igt_mmgpu_world world;
static struct igt_mmgpu_baseline before_all;

static struct counts {
	/* All; calls that said ENOMEM or EFAULT; calls that went on without. */
	unsigned int injected, no_memory, fault, tolerated;
} all;

/* What one try came to; the last one is a FAULT too, of the last copy that DRM core makes. */
enum outcome { NO_INJECTION, NO_MEMORY, FAULT, TOLERATED, UNTOLD };

static void files_of(struct igt_mmgpu_world *w, int *files)
{
	files[0] = w->fd;
	files[1] = w->other;
	files[2] = w->bound;
}

/* ---- one try --------------------------------------------------------------------------------- */

static void assert_unchanged(const struct igt_mmgpu_call *call, unsigned int nth, int ret,
			     void *args, const struct igt_mmgpu_state *begun)
{
	char what[64];
	int files[3];

	files_of(&world, files);
	snprintf(what, sizeof(what), "%s with failure %u (%s)", call->name, nth, strerror(-ret));
	if (!call->keeps)
		igt_mmgpu_state_is(begun, files, call->new_mm ? 1 : 3, what);
	igt_assert_f(!call->unchanged || call->unchanged(&world, args), "after %s\n", what);
}

static enum outcome try(const struct igt_mmgpu_call *call, unsigned int nth,
			struct igt_mmgpu_state *begun)
{
	uint64_t args[IGT_MMGPU_CALL_ARGS / sizeof(uint64_t)], spare[igt_mmgpu_count(args)];
	enum outcome outcome;
	int files[3], ret;
	bool injected, untold;
	uint32_t number;

	files_of(&world, files);
	igt_mmgpu_call_begin(call, &world, args);
	memcpy(spare, args, sizeof(args));
	number = igt_mmgpu_untold_number(call, &world);
	if (!begun->len)
		igt_mmgpu_state_take(begun, files, call->new_mm ? 1 : 3);

	igt_mmgpu_inject_begin(nth);
	ret = igt_mmgpu_call_do(call, &world, args);
	injected = igt_mmgpu_inject_end();

	if (!ret) {
		igt_mmgpu_call_end(call, &world, args);
		return injected ? TOLERATED : NO_INJECTION;
	}
	igt_assert_f(injected, "%s: %d without an injection\n", call->name, ret);
	igt_assert_f(ret == -EFAULT || ret == -ENOMEM || (call->err && ret == -call->err),
		     "%s, %u: %s\n", call->name, nth, strerror(-ret));
	untold = ret == -EFAULT && igt_mmgpu_untold_find(call, &world, args, number);
	outcome = untold ? UNTOLD : ret == -EFAULT ? FAULT : NO_MEMORY;
	if (!untold || igt_mmgpu_untold_is_taken_back(call))
		assert_unchanged(call, nth, ret, args, begun);
	memcpy(args, spare, sizeof(args));
	igt_mmgpu_untold_again(call, &world, args, untold);
	return outcome;
}

/* ---- calls that only a new mm can try ---------------------------------------------------- */

struct child {
	const struct igt_mmgpu_call *call;
	unsigned int nth;
};

static int try_in_child(struct igt_mmgpu_proc *self, void *data)
{
	struct igt_mmgpu_state begun = { };
	struct child *child = data;
	enum outcome outcome;

	igt_mmgpu_inject_open();
	outcome = try(child->call, child->nth, &begun);
	igt_mmgpu_send(self->sock, &outcome, sizeof(outcome));
	return 0;
}

static enum outcome try_by_child(const struct igt_mmgpu_call *call, unsigned int nth)
{
	struct child child = { call, nth };
	struct igt_mmgpu_proc proc;
	enum outcome outcome;

	igt_mmgpu_proc_start(&proc, try_in_child, &child);
	igt_mmgpu_recv(proc.sock, &outcome, sizeof(outcome));
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
	return outcome;
}

/* ---- all of a call ------------------------------------------------------------------------ */

static void print(const char *name, const struct counts *counts)
{
	igt_info("%s: %u injections: %u ENOMEM, %u EFAULT, %u tolerated\n", name,
		 counts->injected, counts->no_memory, counts->fault, counts->tolerated);
	all.injected += counts->injected;
	all.no_memory += counts->no_memory;
	all.fault += counts->fault;
	all.tolerated += counts->tolerated;
}

static void sweep(const struct igt_mmgpu_call *call)
{
	struct igt_mmgpu_state before = { }, begun = { };
	struct counts counts = { };
	unsigned int step = igt_mmgpu_env_number("MMGPU_FAIL_STEP", 16);
	enum outcome outcome;
	unsigned int untold = 0;
	int files[3];

	igt_mmgpu_call_require(call, &world);
	files_of(&world, files);
	igt_mmgpu_state_take(&before, files, 3);
	for (unsigned int nth = 1;; nth += nth < ALL_UP_TO ? 1 : step) {
		igt_assert_lt(nth, MAX_NTH);
		outcome = call->new_mm ? try_by_child(call, nth) : try(call, nth, &begun);
		if (outcome == NO_INJECTION)
			break;
		counts.injected++;
		counts.no_memory += outcome == NO_MEMORY;
		counts.fault += outcome == FAULT || outcome == UNTOLD;
		counts.tolerated += outcome == TOLERATED;
		untold += outcome == UNTOLD;
		/* The next one shall not see the end of this one's mm; and nothing is kept for good. */
		if (call->new_mm || call->keeps)
			igt_mmgpu_state_is(&before, files, 3, call->name);
	}
	igt_mmgpu_state_is(&before, files, 3, call->name);
	if (call->request == DRM_IOCTL_MMGPU_SUBMIT) {
		igt_mmgpu_ctx_assert_places(world.fd, world.job.ctx);
		igt_mmgpu_ctx_assert_places(world.bound, world.svm.ctx);
	}
	print(call->name, &counts);
	igt_assert(call->run || counts.injected);
	/* Every ioctl has arguments to copy; an import by vgem cannot be told from none. */
	igt_assert(call->run || step > 1 || counts.fault > untold ||
		   igt_mmgpu_call_fd(call, &world) == world.vgem);
}

/* ---- jobs, which run on threads of the kernel ---------------------------------------------- */

#define PAGES		3
#define PAGE		4096ul
#define MAX_THREADS	16

/* Those whose name begins so. */
static unsigned int find_threads(const char *name, int *fail_nth)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	unsigned int count = 0;

	igt_assert(proc);
	while ((entry = readdir(proc)) && count < MAX_THREADS) {
		char path[sizeof(entry->d_name) + 16], comm[32] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' ? fopen(path, "re") : NULL;
		if (!file)
			continue;
		if (fgets(comm, sizeof(comm), file) && !strncmp(comm, name, strlen(name)))
			fail_nth[count++] = igt_mmgpu_inject_open_thread(atoi(entry->d_name));
		fclose(file);
	}
	closedir(proc);
	return count;
}

/* What an engine does allocates nothing and copies nothing of the user's. */
static void engines(void)
{
	unsigned int engines_count = igt_mmgpu_get_param(world.fd, MMGPU_PARAM_ENGINE_COUNT);
	int fail_nth[MAX_THREADS];
	unsigned int count = find_threads("mmgpu.0/", fail_nth);

	igt_assert_eq(count, engines_count);
	for (unsigned int i = 0; i < count; i++)
		igt_mmgpu_inject_set(fail_nth[i], 1);
	for (int i = 0; i < 10; i++) {
		igt_mmgpu_refusal_reset(&world.job);
		igt_mmgpu_refusal_accept(&world.job);
	}
	for (unsigned int i = 0; i < count; i++) {
		igt_assert_eq(igt_mmgpu_inject_left(fail_nth[i]), 1);
		igt_mmgpu_inject_set(fail_nth[i], 0);
		close(fail_nth[i]);
	}
}

/* From pages that are there to pages that are not, and back to a buffer. */
static int svm_job(const uint8_t *src, uint8_t *dst)
{
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, world.svm.bo[0],
			 MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC);
	igt_mmgpu_cmd_svm_copy(&job, dst, src, PAGES * PAGE);
	igt_mmgpu_cmd_svm_read(&job, 0, 0, dst, PAGE);
	return igt_mmgpu_job_run(world.bound, &job);
}

static uint8_t *new_pages(void)
{
	uint8_t *pages = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	igt_assert(pages != MAP_FAILED);
	return pages;
}

/* The thread takes page faults. One that fails is taken once more, so that no job ends. */
static bool try_svm_job(int fail_nth, unsigned int nth, const uint8_t *src, struct counts *counts)
{
	uint8_t *dst = new_pages();
	bool injected;

	igt_mmgpu_inject_set(fail_nth, nth);
	igt_assert_eq(svm_job(src, dst), 0);
	injected = !igt_mmgpu_inject_left(fail_nth);
	igt_mmgpu_inject_set(fail_nth, 0);

	igt_assert(!memcmp(src, dst, PAGES * PAGE));
	munmap(dst, PAGES * PAGE);
	counts->injected += injected;
	counts->tolerated += injected;
	return injected;
}

/* Those of files that were closed may take a moment to end. */
static int find_svm_thread(void)
{
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);
	int fail_nth[MAX_THREADS];
	unsigned int count;

	while ((count = find_threads("mmgpu-svm/", fail_nth)) != 1) {
		igt_assert_lt_s64(igt_mmgpu_now(), deadline);
		while (count)
			close(fail_nth[--count]);
		usleep(10000);
	}
	return fail_nth[0];
}

static void svm_thread(void)
{
	struct counts counts = { };
	uint8_t *src = new_pages(), *dst = new_pages();
	unsigned int nth = 0;
	int fail_nth;

	memset(src, 0x5a, PAGES * PAGE);
	igt_assert_eq(svm_job(src, dst), 0);
	fail_nth = find_svm_thread();
	while (try_svm_job(fail_nth, ++nth, src, &counts))
		igt_assert_lt(nth, MAX_NTH);
	print("job-svm", &counts);
	igt_assert_lt(0, counts.injected);
	close(fail_nth);
	munmap(src, PAGES * PAGE);
	munmap(dst, PAGES * PAGE);
}

int igt_main()
{
	igt_fixture() {
		igt_mmgpu_inject_require();
		igt_mmgpu_inject_open();
		igt_mmgpu_world_number();
		igt_mmgpu_baseline_take(&before_all);
		igt_mmgpu_world_init(&world);
	}

	for (unsigned int t = 0; t < IGT_MMGPU_CALL_TABLES; t++) {
		for (unsigned int i = 0; i < igt_mmgpu_call_tables[t]->count; i++) {
			const struct igt_mmgpu_call *call = &igt_mmgpu_call_tables[t]->calls[i];

			igt_describe("Each allocation and each user copy of this call fails once.");
			igt_subtest(call->name)
				sweep(call);
		}
	}

	igt_describe("An engine has nothing to allocate.");
	igt_subtest("job-engine")
		engines();

	igt_describe("Each allocation of a job with CPU addresses fails once.");
	igt_subtest("job-svm")
		svm_thread();

	igt_fixture() {
		print("all", &all);
		igt_mmgpu_world_fini(&world);
		igt_mmgpu_baseline_assert(&before_all);
		igt_mmgpu_proc_cleanup();
	}
}
