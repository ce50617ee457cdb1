// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * The module itself: its parameters, the good, the bad and those that take syncobjs away,
 * and what keeps it from being unloaded. It loads and unloads mmgpu, so it wants a
 * machine on which nobody has done so.
 */

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_module.h"
#include "igt_mmgpu_unserved.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <xf86drm.h>

IGT_TEST_DESCRIPTION("Loading, parameters and unloading of the module.");

#define PAGE	4096ull

/* Of the subtest that runs; if it failed, it is still open afterwards. */
static int node = -1;

static void without(void)
{
	if (node >= 0)
		close(node);
	node = -1;
	if (igt_mmgpu_module_loaded())
		igt_mmgpu_module_unload();
}

/* Runs with the module loaded so, and starts from and leaves no module. */
static void with(const char *params, void (*run)(int fd))
{
	without();
	igt_mmgpu_module_load(params);
	node = igt_mmgpu_open();
	run(node);
	close(node);
	node = -1;
	igt_mmgpu_module_unload();
}

/* ---- parameters --------------------------------------------------------------------------- */

static void bad(const char *params)
{
	without();
	igt_assert_neq(__igt_mmgpu_module_load(params), 0);
	igt_assert(!igt_mmgpu_module_loaded());
	igt_assert_eq(__igt_mmgpu_open_driver("mmgpu", IGT_MMGPU_RENDER, 0), -ENODEV);
}

static void defaults(int fd)
{
	igt_assert_eq_u64(igt_mmgpu_get_param(fd, MMGPU_PARAM_ENGINE_COUNT), 2);
	igt_assert_eq_u64(igt_mmgpu_get_param(fd, MMGPU_PARAM_JOB_TIMEOUT_MS), 2000);
	igt_assert_eq_u64(igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_DELAY_MS), 10000);
	igt_assert_eq_u64(igt_mmgpu_get_param(fd, MMGPU_PARAM_SVM), 1);
	igt_assert_eq(__igt_mmgpu_open_driver("mmgpu", IGT_MMGPU_RENDER, 1), -ENODEV);
}

/* Where jobs have 10 ms, a busy machine can make one that is empty last longer. */
static int run_empty(int fd)
{
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);
	struct igt_mmgpu_job job;
	uint32_t ctx;
	int ret;

	do {
		ctx = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
		igt_mmgpu_job_init(&job, ctx);
		igt_mmgpu_cmd_delay(&job, 0);
		ret = igt_mmgpu_job_run(fd, &job);
		igt_mmgpu_ctx_destroy(fd, ctx);
	} while (ret == -ETIME && igt_mmgpu_now() < deadline);
	return ret;
}

static void smallest(int fd)
{
	struct igt_mmgpu_job job;

	igt_assert_eq_u64(igt_mmgpu_get_param(fd, MMGPU_PARAM_ENGINE_COUNT), 1);
	igt_assert_eq_u64(igt_mmgpu_get_param(fd, MMGPU_PARAM_JOB_TIMEOUT_MS), 10);
	igt_assert_eq_u64(igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_DELAY_MS), 0);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_delay(&job, 0)->value = 1;
	igt_assert_eq(__igt_mmgpu_job_submit(fd, &job), -EINVAL);
	igt_assert_eq(run_empty(fd), 0);
	igt_assert_eq_u64(igt_mmgpu_get_param(fd, MMGPU_PARAM_SVM), 0);
}

static void largest(int fd)
{
	igt_assert_eq_u64(igt_mmgpu_get_param(fd, MMGPU_PARAM_ENGINE_COUNT), 16);
	igt_assert_eq_u64(igt_mmgpu_get_param(fd, MMGPU_PARAM_JOB_TIMEOUT_MS), 600000);
	igt_assert_eq_u64(igt_mmgpu_get_param(fd, MMGPU_PARAM_MAX_DELAY_MS), 600000);
	for (uint32_t engine = 0; engine < 16; engine++) {
		uint32_t ctx = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, engine);
		struct igt_mmgpu_job job;

		igt_mmgpu_job_init(&job, ctx);
		igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	}
}

static void many_devices(int fd)
{
	int fds[16];

	for (int i = 0; i < 16; i++) {
		struct igt_mmgpu_job job;

		fds[i] = __igt_mmgpu_open_driver("mmgpu", IGT_MMGPU_RENDER, i);
		igt_assert_fd(fds[i]);
		igt_mmgpu_job_init(&job, 0);
		igt_assert_eq(igt_mmgpu_job_run(fds[i], &job), 0);
	}
	igt_assert_eq(__igt_mmgpu_open_driver("mmgpu", IGT_MMGPU_RENDER, 16), -ENODEV);
	for (int i = 0; i < 16; i++)
		close(fds[i]);
}

/* ---- CPU addresses -------------------------------------------------------------------------- */

/* With the parameter, a bound file gets of SVM what a legacy one gets. */
static void svm_off(int fd)
{
	uint32_t handle, refs = MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC;
	struct igt_mmgpu_job job;
	uint64_t words[2] = { };

	igt_assert_eq_u64(igt_mmgpu_get_param(fd, MMGPU_PARAM_SVM), 0);
	for (int bound = 0; bound < 2; bound++) {
		if (bound)
			igt_mmgpu_bind_mm(fd);
		igt_mmgpu_job_init(&job, 0);
		igt_mmgpu_cmd_fill(&job, 0, (uintptr_t)words, 8, 1)->flags = MMGPU_CMD_DST_SVM;
		igt_assert_eq(__igt_mmgpu_job_submit(fd, &job), -EOPNOTSUPP);
		job.cmds[0].op = MMGPU_OP_TIMESTAMP;
		igt_assert_eq(__igt_mmgpu_job_submit(fd, &job), -EOPNOTSUPP);
		job.cmds[0].op = MMGPU_OP_COPY;
		job.cmds[0].src = (uintptr_t)&words[1];
		job.cmds[0].flags = MMGPU_CMD_DST_SVM | MMGPU_CMD_SRC_SVM;
		igt_assert_eq(__igt_mmgpu_job_submit(fd, &job), -EOPNOTSUPP);

		/* Told before what is unknown or out of range, and after what is malformed. */
		job.submit.ctx_id = 99;
		job.cmds[0].dst = ~0ull;
		igt_mmgpu_job_bo(&job, 99, MMGPU_BO_REF_WRITE);
		igt_assert_eq(__igt_mmgpu_job_submit(fd, &job), -EOPNOTSUPP);
		job.cmds[0].op = MMGPU_OP_ADD;
		igt_assert_eq(__igt_mmgpu_job_submit(fd, &job), -EINVAL);
	}
	igt_assert_eq_u64(words[0], 0);

	handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, handle, refs);
	igt_mmgpu_cmd_fill(&job, 0, 0, PAGE, 1);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
}

/* ---- syncobjs ------------------------------------------------------------------------------ */

static uint64_t drm_cap(int fd, uint64_t cap)
{
	uint64_t value = ~0ull;

	igt_assert_eq(drmGetCap(fd, cap, &value), 0);
	return value;
}

static void caps_none(int fd)
{
	struct drm_syncobj_create create = { };
	uint32_t handle = igt_mmgpu_bo_create(fd, PAGE, 0);
	uint64_t *map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ);
	void *bad = igt_mmgpu_bad_pointer();
	struct igt_mmgpu_job job;

	igt_assert_eq_u64(drm_cap(fd, DRM_CAP_SYNCOBJ), 0);
	igt_assert_eq_u64(drm_cap(fd, DRM_CAP_SYNCOBJ_TIMELINE), 0);
	igt_assert_eq(igt_mmgpu_ioctl(fd, DRM_IOCTL_SYNCOBJ_CREATE, &create), -EOPNOTSUPP);

	/* Told before what is unknown. */
	igt_mmgpu_job_init(&job, 99);
	igt_mmgpu_job_in(&job, 1, 0);
	igt_assert_eq(__igt_mmgpu_job_submit(fd, &job), -EOPNOTSUPP);
	igt_mmgpu_job_init(&job, 99);
	igt_mmgpu_job_out(&job, 1, 1);
	igt_assert_eq(__igt_mmgpu_job_submit(fd, &job), -EOPNOTSUPP);
	/* And after what is not there. */
	job.submit.out_syncs.array = (uintptr_t)bad;
	igt_assert_eq(__igt_mmgpu_job_submit(fd, &job), -EFAULT);

	/* Implicit sync is all there is, and it works. */
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, 0, 0, PAGE, 1);
	igt_mmgpu_job_submit(fd, &job);
	igt_mmgpu_bo_wait(fd, handle, 0);
	igt_assert_eq_u64(map[511], 1);
	munmap(map, PAGE);
}

static void caps_syncobj(int fd)
{
	struct igt_mmgpu_job job;
	uint32_t syncobj = igt_mmgpu_syncobj_create(fd);

	igt_assert_eq_u64(drm_cap(fd, DRM_CAP_SYNCOBJ), 1);
	igt_assert_eq_u64(drm_cap(fd, DRM_CAP_SYNCOBJ_TIMELINE), 0);
	igt_mmgpu_job_init(&job, 0);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
	igt_mmgpu_job_out(&job, syncobj, 1);
	igt_assert_eq(__igt_mmgpu_job_submit(fd, &job), -EOPNOTSUPP);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_in(&job, syncobj, 1);
	igt_assert_eq(__igt_mmgpu_job_submit(fd, &job), -EOPNOTSUPP);
}

static void caps_both(int fd)
{
	struct igt_mmgpu_job job;
	uint32_t syncobj = igt_mmgpu_syncobj_create(fd);

	igt_assert_eq_u64(drm_cap(fd, DRM_CAP_SYNCOBJ), 1);
	igt_assert_eq_u64(drm_cap(fd, DRM_CAP_SYNCOBJ_TIMELINE), 1);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_out(&job, syncobj, 1);
	igt_mmgpu_job_submit(fd, &job);
	igt_mmgpu_syncobj_wait(fd, syncobj, 1);
}

/* ---- what keeps the module ----------------------------------------------------------------- */

static void fresh(void)
{
	without();
	igt_mmgpu_module_load("");
}

static void kept_by_file(void)
{
	int fd;

	fresh();
	fd = igt_mmgpu_open();
	igt_mmgpu_module_held();
	igt_mmgpu_bo_create(fd, PAGE, 0);
	igt_mmgpu_module_held();
	close(fd);
	igt_mmgpu_module_unload();
}

static void kept_by_mapping(void)
{
	uint64_t *map;
	int fd;

	fresh();
	fd = igt_mmgpu_open();
	map = igt_mmgpu_bo_map(fd, igt_mmgpu_bo_create(fd, PAGE, 0), 0, PROT_READ | PROT_WRITE);
	close(fd);
	igt_mmgpu_module_held();
	map[0] = 1;
	munmap(map, PAGE);
	igt_mmgpu_module_unload();
}

static void kept_by_dmabuf(void)
{
	int fd, dmabuf;
	uint64_t *map;

	fresh();
	fd = igt_mmgpu_open();
	dmabuf = igt_mmgpu_export(fd, igt_mmgpu_bo_create(fd, PAGE, 0));
	close(fd);
	igt_mmgpu_module_held();
	map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, dmabuf, 0);
	igt_assert(map != MAP_FAILED);
	close(dmabuf);
	igt_mmgpu_module_held();
	igt_assert_eq_u64(map[0], 0);
	munmap(map, PAGE);
	igt_mmgpu_module_unload();
}

/* A fence of which somebody may still ask the names. */
static void kept_by_fence(void)
{
	struct igt_mmgpu_job job;
	uint32_t syncobj;
	int fd, file;

	fresh();
	fd = igt_mmgpu_open();
	syncobj = igt_mmgpu_syncobj_create(fd);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_delay(&job, 20);
	igt_mmgpu_job_out(&job, syncobj, 0);
	igt_mmgpu_job_submit(fd, &job);
	file = igt_mmgpu_syncobj_export(fd, syncobj);
	close(fd);
	igt_mmgpu_module_held();
	igt_assert(igt_mmgpu_poll_ms(file, POLLIN, IGT_MMGPU_PATIENCE * 1000));
	igt_mmgpu_module_held();
	igt_assert_neq(igt_mmgpu_sync_file_status(file), 0);
	close(file);
	igt_mmgpu_module_unload();
}

static void kept_by_job(void)
{
	struct igt_mmgpu_job job;
	int fd;

	for (int round = 0; round < 3; round++) {
		fresh();
		fd = igt_mmgpu_open();
		igt_mmgpu_job_init(&job, 0);
		igt_mmgpu_cmd_delay(&job, 30);
		for (int i = 0; i < 5; i++)
			igt_mmgpu_job_submit(fd, &job);
		close(fd);
		/* As soon as it can go it goes, with the last job just over. */
		igt_mmgpu_module_unload();
	}
}

/* A thread that waits for memory which nobody brings, after all else is gone. */
static void stuck(size_t which, bool keeps)
{
	const struct igt_mmgpu_unserved_way *way = &igt_mmgpu_unserved_ways[which];
	struct igt_mmgpu_unserved mem;
	struct igt_mmgpu_job job;
	uint64_t word = 0;
	uint32_t syncobj;
	int fd;

	without();
	igt_mmgpu_module_load("job_timeout_ms=600");
	igt_mmgpu_unserved_init(&mem, way);
	fd = igt_mmgpu_open();
	igt_mmgpu_bind_mm(fd);
	syncobj = igt_mmgpu_syncobj_create(fd);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_cmd_svm_copy(&job, &word, mem.mem + PAGE, 8);
	igt_mmgpu_job_out(&job, syncobj, 0);
	igt_mmgpu_job_submit(fd, &job);
	igt_mmgpu_unserved_await(&mem);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, syncobj), -ETIME);
	close(fd);
	if (keeps) {
		/* Longer than anything that waits for a time. */
		usleep(1000000);
		igt_mmgpu_module_held();
		igt_mmgpu_unserved_serve(&mem);
	}
	igt_mmgpu_module_unload();
	igt_mmgpu_unserved_fini(&mem);
	usleep(20000);
	igt_assert_eq_u64(word, 0);
}

static void kept_by_thread(void)
{
	stuck(IGT_MMGPU_UNSERVED_WAYS - 1, true);
}

static void not_kept_by_thread(void)
{
	for (size_t i = 0; i < IGT_MMGPU_UNSERVED_WAYS - 1; i++)
		if (!igt_mmgpu_unserved_ways[i].write_only)
			stuck(i, false);
}

int igt_main()
{
	static const struct {
		const char *name;
		const char *params;
	} bads[] = {
		{ "num-devices-zero", "num_devices=0" },
		{ "num-devices", "num_devices=17" },
		{ "engines-zero", "engines=0" },
		{ "engines", "engines=17" },
		{ "job-timeout-small", "job_timeout_ms=9" },
		{ "job-timeout-large", "job_timeout_ms=600001" },
		{ "max-delay", "max_delay_ms=600001" },
		{ "svm", "svm=perhaps" },
		{ "caps", "caps=everything" },
		{ "caps-timeline-alone", "caps=timeline" },
		{ "caps-none-and", "caps=none,syncobj" },
		{ "unsigned", "engines=-1" },
	};
	static const struct {
		const char *name;
		const char *describe;
		const char *params;
		void (*run)(int fd);
	} goods[] = {
		{ "defaults", "The values without parameters.", "", defaults },
		{ "smallest", "The smallest values.",
		  "engines=1 job_timeout_ms=10 max_delay_ms=0 svm=0", smallest },
		{ "largest", "The largest values.",
		  "engines=16 job_timeout_ms=600000 max_delay_ms=600000", largest },
		{ "num-devices", "Sixteen devices.", "num_devices=16", many_devices },
		{ "svm-off", "No CPU addresses for anybody.", "svm=0", svm_off },
		{ "caps-none", "Without syncobjs only implicit sync is left.", "caps=none",
		  caps_none },
		{ "caps-syncobj", "Syncobjs without timelines.", "caps=syncobj", caps_syncobj },
		{ "caps-both", "Both, by name.", "caps=timeline,syncobj", caps_both },
	};
	static const struct {
		const char *name;
		const char *describe;
		void (*run)(void);
	} keeps[] = {
		{ "kept-by-file", "An open file keeps the module.", kept_by_file },
		{ "kept-by-mapping", "A mapping keeps the module.", kept_by_mapping },
		{ "kept-by-dmabuf", "A dma-buf and its mapping keep the module.", kept_by_dmabuf },
		{ "kept-by-fence", "A sync_file keeps the module.", kept_by_fence },
		{ "kept-by-job", "A running job keeps the module, until it is over.", kept_by_job },
		{ "kept-by-thread", "A thread that nothing can wake keeps the module.",
		  kept_by_thread },
		{ "not-kept-by-thread", "One that was killed does not, whatever it waited for.",
		  not_kept_by_thread },
	};

	igt_fixture() {
		igt_mmgpu_module_require();
	}

	for (size_t i = 0; i < igt_mmgpu_count(bads); i++) {
		igt_describe("The module refuses to load with a bad value.");
		igt_subtest_f("bad-%s", bads[i].name)
			bad(bads[i].params);
	}

	for (size_t i = 0; i < igt_mmgpu_count(goods); i++) {
		igt_describe(goods[i].describe);
		igt_subtest(goods[i].name)
			with(goods[i].params, goods[i].run);
	}

	for (size_t i = 0; i < igt_mmgpu_count(keeps); i++) {
		igt_describe(keeps[i].describe);
		igt_subtest(keeps[i].name)
			keeps[i].run();
	}

	igt_fixture() {
		without();
	}
}
