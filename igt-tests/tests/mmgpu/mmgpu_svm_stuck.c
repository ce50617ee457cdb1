// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Page faults of jobs that nobody answers. The job ends at the job timeout at the latest,
 * without help of its thread; then it touches nothing any more, even if the answer comes;
 * and nobody else waits for it. Meant for a module loaded with a short job_timeout_ms.
 */

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_unbind.h"
#include "igt_mmgpu_unserved.h"

IGT_TEST_DESCRIPTION("Page faults that nobody answers.");

#define PAGE		4096ul
#define SIZE		(IGT_MMGPU_UNSERVED_PAGES * PAGE)
#define REFS		(MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC)
/* Where the job starts in the memory, and how far it means to go. */
#define FROM		100ul
#define WIDTH		(2 * PAGE)
/* How late somebody may be on a slow machine. */
#define SLACK		(3 * IGT_MMGPU_NSEC_PER_SEC)
#define MSEC		IGT_MMGPU_NSEC_PER_MSEC

static uint64_t timeout;
/* Of other files, all the while. */
static unsigned int threads;
/* The job's memory, and everything else of this test, by a file of its own. */
static struct igt_mmgpu_unserved mem;
static struct stuck {
	int file;
	bool write;
	uint32_t ctx;
	uint32_t bo;
	uint8_t *map;
	/* The job's fence. */
	int fence;
	int64_t begin;
	volatile uint64_t word;
} stuck;

static const struct igt_mmgpu_unserved_way *const ways = igt_mmgpu_unserved_ways;



static int submit(int file, struct igt_mmgpu_job *job)
{
	uint32_t out = igt_mmgpu_syncobj_create(file);
	int fence;

	igt_mmgpu_job_out(job, out, 0);
	igt_mmgpu_job_submit(file, job);
	fence = igt_mmgpu_syncobj_export(file, out);
	igt_mmgpu_syncobj_destroy(file, out);
	return fence;
}

/* 0 or the error, when it has signalled; closes it. */
static int result(int fence)
{
	int status;

	igt_assert(igt_mmgpu_poll_ms(fence, POLLIN, IGT_MMGPU_PATIENCE * 1000));
	status = igt_mmgpu_sync_file_status(fence);
	igt_assert_neq(status, 0);
	close(fence);
	return status < 0 ? status : 0;
}

/* A job that is stuck when this returns. */
static void begin(const struct igt_mmgpu_unserved_way *way, bool write)
{
	struct igt_mmgpu_job job;
	int dmabuf;

	igt_mmgpu_unserved_init(&mem, way);
	stuck.file = igt_mmgpu_open();
	igt_mmgpu_bind_mm(stuck.file);
	stuck.write = write;
	stuck.ctx = igt_mmgpu_ctx_create(stuck.file, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	stuck.bo = igt_mmgpu_bo_create(stuck.file, SIZE, 0);
	/* A mapping of the file would keep it open. */
	dmabuf = igt_mmgpu_export(stuck.file, stuck.bo);
	stuck.map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
	igt_assert(stuck.map != MAP_FAILED);
	close(dmabuf);
	stuck.word = 0;
	stuck.begin = igt_mmgpu_now();

	igt_mmgpu_job_init(&job, stuck.ctx);
	igt_mmgpu_job_bo(&job, stuck.bo, REFS);
	igt_mmgpu_cmd_svm_fill(&job, (void *)&stuck.word, 8, 1);
	if (write)
		igt_mmgpu_cmd_svm_fill(&job, mem.mem + FROM, WIDTH, ~0ull);
	else
		igt_mmgpu_cmd_svm_read(&job, 0, FROM, mem.mem + FROM, WIDTH);
	igt_mmgpu_cmd_svm_fill(&job, (void *)&stuck.word, 8, 2);
	igt_mmgpu_cmd_fill(&job, 0, SIZE - 8, 8, ~0ull);
	stuck.fence = submit(stuck.file, &job);
	igt_mmgpu_unserved_await(&mem);
	igt_assert_eq_u64(stuck.word, 1);
}

/* One byte or the other. */
static void either(const char *what, const uint8_t *from, size_t start, size_t end, uint8_t one,
		   uint8_t two)
{
	for (size_t at = start; at < end; at++)
		igt_assert_f(from[at] == one || from[at] == two,
			     "%s: byte %#zx is %#x instead of %#x or %#x\n", what, at, from[at],
			     one, two);
}

static void all(const char *what, const uint8_t *from, size_t start, size_t end, uint8_t byte)
{
	either(what, from, start, end, byte, byte);
}

/*
 * What there is when everything that may still come has come. A job that was ended may have
 * written what comes before the page that was waited for, or it may have waited first.
 */
static void check(bool done)
{
	uint8_t content = mem.way->content;
	uint8_t *dst = stuck.write ? mem.mem : stuck.map;

	usleep(20000);
	igt_assert_eq_u64(stuck.word, done ? 2 : 1);
	all("memory", mem.mem, 0, FROM, 0x11);
	if (stuck.write) {
		if (done)
			all("memory", dst, FROM, FROM + WIDTH, 0xff);
		else
			either("memory", dst, FROM, PAGE, 0x11, 0xff);
		all("memory", dst, done ? FROM + WIDTH : PAGE, SIZE, content);
		all("buffer", stuck.map, 0, SIZE - 8, 0);
	} else {
		all("memory", mem.mem, FROM, PAGE, 0x11);
		all("memory", mem.mem, PAGE, SIZE, content);
		all("buffer", dst, 0, FROM, 0);
		either("buffer", dst, FROM, PAGE, 0x11, done ? 0x11 : 0);
		all("buffer", dst, PAGE, FROM + WIDTH, done ? content : 0);
		all("buffer", dst, FROM + WIDTH, SIZE - 8, 0);
	}
	all("buffer", stuck.map, SIZE - 8, SIZE, done ? 0xff : 0);
}

/* After serving, since a look at the memory waits for that, too. */
static void end(bool done)
{
	igt_mmgpu_unserved_serve(&mem);
	check(done);
	munmap(stuck.map, SIZE);
	if (stuck.file >= 0)
		close(stuck.file);
	stuck.file = -1;
	igt_mmgpu_unserved_fini(&mem);
}

static int64_t since(int64_t time)
{
	return igt_mmgpu_now() - time;
}

/* ---- what others notice ----------------------------------------------------------------------------- */

/* A job with nothing that could be stuck, and how long it took. */
static int64_t innocent(int file, uint32_t ctx, bool svm)
{
	struct igt_mmgpu_job job;
	uint64_t word = 0;
	uint32_t bo = 0;
	int64_t time;

	igt_mmgpu_job_init(&job, ctx);
	if (svm) {
		igt_mmgpu_cmd_svm_fill(&job, &word, 8, 1);
	} else {
		bo = igt_mmgpu_bo_create(file, PAGE, 0);
		igt_mmgpu_job_bo(&job, bo, MMGPU_BO_REF_WRITE);
		igt_mmgpu_cmd_fill(&job, 0, 0, PAGE, 1);
	}
	time = igt_mmgpu_now();
	igt_assert_eq(igt_mmgpu_job_run(file, &job), 0);
	time = since(time);
	igt_assert_eq_u64(word, svm);
	if (bo)
		igt_mmgpu_bo_close(file, bo);
	return time;
}

/*
 * Buffer jobs of the same file and of others, and CPU addresses of other files. Whether all
 * of them were over while the one was stuck.
 */
static bool innocents(void)
{
	enum { KINDS = 3, ROUNDS = 5 };
	uint32_t ctx = igt_mmgpu_ctx_create(stuck.file, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	int legacy = igt_mmgpu_reopen(stuck.file), bound = igt_mmgpu_reopen(stuck.file);
	int64_t worst[KINDS] = { };
	bool meanwhile;

	igt_mmgpu_bind_mm(bound);
	for (int i = 0; i < ROUNDS; i++) {
		int64_t took[KINDS] = {
			innocent(stuck.file, ctx, false),
			innocent(legacy, 0, false),
			innocent(bound, 0, true),
		};

		for (int j = 0; j < KINDS; j++)
			worst[j] = took[j] > worst[j] ? took[j] : worst[j];
	}
	meanwhile = !igt_mmgpu_sync_file_status(stuck.fence);
	igt_info("meanwhile: own buffers %lld us, another's %lld us, another's memory %lld us\n",
		 (long long)worst[0] / 1000, (long long)worst[1] / 1000,
		 (long long)worst[2] / 1000);
	igt_mmgpu_ctx_destroy(stuck.file, ctx);
	close(legacy);
	close(bound);
	return meanwhile;
}

static void check_banned(int file, uint32_t ctx)
{
	struct drm_mmgpu_ctx_query query;
	struct igt_mmgpu_job job;

	igt_mmgpu_ctx_query(file, ctx, &query);
	igt_assert_eq_u32(query.status, MMGPU_CTX_BANNED);
	igt_assert_eq_u64(query.hangs, 1);
	igt_assert_eq_u64(query.faults, 0);
	igt_assert_eq_u64(query.jobs_done, 0);
	igt_mmgpu_job_init(&job, ctx);
	igt_assert_eq(__igt_mmgpu_job_submit(file, &job), -ECANCELED);
}

/* The stuck job, at its time and not before. */
static void check_timeout(void)
{
	int64_t took;

	igt_assert_eq(result(stuck.fence), -ETIME);
	took = since(stuck.begin);
	igt_assert_lte_s64(timeout * MSEC, took);
	igt_assert_lt_s64(took, timeout * MSEC + SLACK);
}

/* A thread that is lost takes its file along, after one timeout more, and nobody else. */
static void check_lost(int behind)
{
	int64_t time = igt_mmgpu_now();
	struct igt_mmgpu_job job;

	igt_assert_eq(result(behind), -ECANCELED);
	igt_assert_lt_s64(since(time), timeout * MSEC + SLACK);
	igt_mmgpu_job_init(&job, 0);
	igt_assert_eq(__igt_mmgpu_job_submit(stuck.file, &job), -ECANCELED);
	igt_mmgpu_cmd_svm_fill(&job, (void *)&stuck.word, 8, 3);
	igt_assert_eq(__igt_mmgpu_job_submit(stuck.file, &job), -ECANCELED);
}

static bool times_out(const struct igt_mmgpu_unserved_way *way, bool write)
{
	uint64_t word = 0;
	struct igt_mmgpu_job job;
	int queued[2], behind, other;
	bool meanwhile;

	begin(way, write);
	/* Behind it in its context, with and without CPU addresses. */
	igt_mmgpu_job_init(&job, stuck.ctx);
	igt_mmgpu_job_bo(&job, stuck.bo, REFS);
	igt_mmgpu_cmd_fill(&job, 0, SIZE - 16, 8, ~0ull);
	queued[0] = submit(stuck.file, &job);
	igt_mmgpu_job_init(&job, stuck.ctx);
	igt_mmgpu_cmd_svm_fill(&job, &word, 8, ~0ull);
	queued[1] = submit(stuck.file, &job);
	/* Behind it on the file's thread. */
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_fill(&job, &word, 8, 1);
	behind = submit(stuck.file, &job);

	meanwhile = innocents();
	check_timeout();
	check_banned(stuck.file, stuck.ctx);
	for (int i = 0; i < 2; i++)
		igt_assert_eq(result(queued[i]), -ECANCELED);
	if (way->killable) {
		igt_assert_eq(result(behind), 0);
		igt_assert_eq_u64(word, 1);
		innocent(stuck.file, 0, true);
	} else {
		check_lost(behind);
		igt_assert_eq_u64(word, 0);
	}
	other = igt_mmgpu_reopen(stuck.file);
	igt_mmgpu_bind_mm(other);
	innocent(other, 0, true);
	innocent(other, 0, false);
	close(other);
	end(false);
	return meanwhile;
}

/* ---- other ends ---------------------------------------------------------------------------------------- */

/* In time: then nothing has happened, and what waits behind it comes after it. */
static bool served(const struct igt_mmgpu_unserved_way *way, bool write)
{
	struct igt_mmgpu_job job;
	int behind;

	begin(way, write);
	igt_mmgpu_job_init(&job, stuck.ctx);
	igt_mmgpu_job_bo(&job, stuck.bo, REFS);
	behind = submit(stuck.file, &job);
	usleep(timeout * 100);
	igt_assert_eq(igt_mmgpu_sync_file_status(stuck.fence), 0);
	igt_assert_eq(igt_mmgpu_sync_file_status(behind), 0);
	igt_mmgpu_unserved_serve(&mem);
	igt_assert_eq(result(behind), 0);
	igt_assert_eq(igt_mmgpu_sync_file_status(stuck.fence), 1);
	close(stuck.fence);
	end(true);
	return true;
}

static unsigned int count_threads(void)
{
	DIR *dir = opendir("/proc");
	unsigned int count = 0;
	struct dirent *entry;

	igt_assert(dir);
	while ((entry = readdir(dir))) {
		char path[300], name[64] = "";
		FILE *comm;

		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		comm = fopen(path, "re");
		if (!comm)
			continue;
		if (fgets(name, sizeof(name), comm) && !strncmp(name, "mmgpu-svm/", 10))
			count++;
		fclose(comm);
	}
	closedir(dir);
	return count;
}

static void await_threads(unsigned int count)
{
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);

	while (count_threads() != count) {
		igt_assert_f(igt_mmgpu_now() < deadline, "%u threads instead of %u\n",
			     count_threads(), count);
		usleep(10000);
	}
}

/* When nobody is on the way out any more. */
static unsigned int settled_threads(void)
{
	unsigned int last, count = count_threads();

	do {
		last = count;
		usleep(200000);
		count = count_threads();
	} while (count != last);
	return count;
}

/* Who closes does not wait: whether the job still ran then. It is not killed by that. */
static bool closes(const struct igt_mmgpu_unserved_way *way, bool write)
{
	struct igt_mmgpu_job job;
	int behind, ended;
	bool meanwhile;

	await_threads(threads);
	begin(way, write);
	igt_assert_eq(count_threads(), threads + 1);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_fill(&job, (void *)&stuck.word, 8, ~0ull);
	behind = submit(stuck.file, &job);
	close(stuck.file);
	stuck.file = -1;
	meanwhile = !igt_mmgpu_sync_file_status(stuck.fence);
	ended = result(behind);
	igt_assert(ended == -ECANCELED || !meanwhile);
	check_timeout();
	if (way->killable) {
		await_threads(threads);
	} else {
		usleep(100000);
		igt_assert_eq(count_threads(), threads + 1);
	}
	end(false);
	await_threads(threads);
	return meanwhile;
}

static bool unplugs(const struct igt_mmgpu_unserved_way *way, bool write)
{
	struct igt_mmgpu_job job;
	bool meanwhile;
	int64_t time;
	int behind;

	begin(way, write);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_fill(&job, (void *)&stuck.word, 8, ~0ull);
	behind = submit(stuck.file, &job);
	igt_assert_eq(igt_mmgpu_sync_file_status(stuck.fence), 0);
	time = igt_mmgpu_now();
	igt_mmgpu_unbind();
	igt_assert_eq(result(stuck.fence), -ENODEV);
	igt_assert_eq(result(behind), -ENODEV);
	igt_info("after %lld ms\n", (long long)(since(time) / MSEC));
	/* Not by its timeout. */
	meanwhile = since(stuck.begin) < timeout * MSEC;
	igt_mmgpu_job_init(&job, 0);
	igt_assert_eq(__igt_mmgpu_job_submit(stuck.file, &job), -ENODEV);

	/* A new device does not know of it. */
	igt_mmgpu_rebind();
	time = igt_mmgpu_open();
	igt_mmgpu_bind_mm(time);
	innocent(time, 0, true);
	close(time);
	end(false);
	return meanwhile;
}

/* ---- many ----------------------------------------------------------------------------------------------- */

/* As many as there are engines, and more: each file has its own thread. */
static void many_files(void)
{
	enum { FILES = 8 };
	static struct igt_mmgpu_unserved mems[FILES];
	int files[FILES], fences[FILES], legacy = igt_mmgpu_open();
	uint64_t word = 0;

	for (int i = 0; i < FILES; i++) {
		struct igt_mmgpu_job job;

		igt_mmgpu_unserved_init(&mems[i], &ways[0]);
		files[i] = igt_mmgpu_reopen(legacy);
		igt_mmgpu_bind_mm(files[i]);
		igt_mmgpu_job_init(&job, 0);
		igt_mmgpu_cmd_svm_copy(&job, &word, mems[i].mem + PAGE, 8);
		fences[i] = submit(files[i], &job);
		igt_mmgpu_unserved_await(&mems[i]);
	}
	innocent(legacy, 0, false);
	igt_assert_eq(igt_mmgpu_sync_file_status(fences[FILES - 1]), 0);
	for (int i = 0; i < FILES; i++) {
		igt_assert_eq(result(fences[i]), -ETIME);
		igt_mmgpu_unserved_fini(&mems[i]);
		close(files[i]);
	}
	igt_assert_eq_u64(word, 0);
	close(legacy);
}

int igt_main()
{
	static const struct {
		const char *name;
		const char *describe;
		/* Whether it was soon enough to show it. */
		bool (*run)(const struct igt_mmgpu_unserved_way *way, bool write);
	} tests[] = {
		{ "timeout", "The job ends at the timeout, alone.", times_out },
		{ "served", "The answer comes in time.", served },
		{ "close", "The file is closed meanwhile.", closes },
		{ "unplug", "The device goes meanwhile.", unplugs },
	};

	igt_fixture() {
		int fd = igt_mmgpu_open();

		igt_require_f(igt_mmgpu_get_param(fd, MMGPU_PARAM_SVM), "the module has svm=0\n");
		timeout = igt_mmgpu_get_param(fd, MMGPU_PARAM_JOB_TIMEOUT_MS);
		igt_require_f(timeout <= 5000, "a job cannot hang here in a reasonable time\n");
		close(fd);
		igt_mmgpu_unbind_init();
		stuck.file = -1;
		threads = settled_threads();
	}

	for (size_t i = 0; i < igt_mmgpu_count(tests); i++) {
		for (size_t j = 0; j < 2 * IGT_MMGPU_UNSERVED_WAYS; j++) {
			const struct igt_mmgpu_unserved_way *way = &ways[j / 2];
			bool write = j % 2;

			if (way->write_only && !write)
				continue;
			igt_describe(tests[i].describe);
			igt_subtest_f("%s-%s-%s", tests[i].name, way->name,
				      write ? "write" : "read") {
				int tries = 3;

				/* Of one that failed. */
				igt_mmgpu_unserved_fini(&mem);
				if (stuck.file >= 0)
					close(stuck.file);
				stuck.file = -1;
				igt_mmgpu_rebind();
				while (!tests[i].run(way, write))
					igt_assert_f(--tries, "only when the job was over\n");
			}
		}
	}

	igt_describe("More at once than there are engines.");
	igt_subtest("many-files")
		many_files();

	igt_fixture() {
		igt_mmgpu_unserved_fini(&mem);
		igt_mmgpu_rebind();
		igt_mmgpu_proc_cleanup();
	}
}
