// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * The device goes away and comes back, again and again, under processes that use it and
 * with everything kept that can be kept; in every fourth round the module goes with it, as
 * soon as nothing is kept any more and not before. MMGPU_UNPLUGS is how many rounds.
 * It loads the module by itself.
 */

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_baseline.h"
#include "igt_mmgpu_grant.h"
#include "igt_mmgpu_kept.h"
#include "igt_mmgpu_line.h"
#include "igt_mmgpu_module.h"
#include "igt_mmgpu_small.h"
#include "igt_mmgpu_stuck.h"
#include "igt_mmgpu_unbind.h"
#include "igt_mmgpu_users.h"

IGT_TEST_DESCRIPTION("Unbinding and unloading under load, with everything kept.");

/* One of each kind. */
#define USERS		3
#define UNLOAD_EVERY	4
/* More where each is looked at closely. */
#define ROUNDS		(igt_mmgpu_is_slow() ? 20 : 10)

static struct igt_mmgpu_rand rnd;

static void new_device_works(void)
{
	int file = igt_mmgpu_open();

	igt_mmgpu_bind_mm(file);
	for (unsigned int i = 0; i < 2; i++) {
		struct igt_mmgpu_line line;

		igt_mmgpu_line_init(&line, file, i, 2, i);
		igt_mmgpu_line_push(&line, 10);
		igt_mmgpu_line_check(&line);
		igt_mmgpu_line_fini(&line);
	}
	close(file);
}

static void one_round(bool unload)
{
	igt_mmgpu_kept_make();
	usleep(igt_mmgpu_rand_range(&rnd, 0, 20000));
	igt_mmgpu_unbind();
	igt_mmgpu_kept_check();
	if (unload) {
		igt_mmgpu_kept_drop();
		igt_mmgpu_module_unload();
		igt_mmgpu_module_load(IGT_MMGPU_KEPT_PARAMS);
		new_device_works();
	} else {
		igt_mmgpu_rebind();
		new_device_works();
		igt_mmgpu_kept_check();
		igt_mmgpu_kept_drop();
	}
}

static void load(void)
{
	unsigned int rounds = igt_mmgpu_env_number("MMGPU_UNPLUGS", ROUNDS), unloads = 0;
	struct igt_mmgpu_baseline before;
	struct igt_mmgpu_users users;
	unsigned long jobs;
	int64_t begin;
	int fd;

	igt_mmgpu_stuck_require();
	igt_mmgpu_rand_init(&rnd);
	/* Our own number stays for as long as we do. */
	fd = igt_mmgpu_open();
	igt_mmgpu_number(fd);
	close(fd);
	igt_mmgpu_baseline_take(&before);
	igt_mmgpu_users_start(&users, USERS);
	begin = igt_mmgpu_now();
	for (unsigned int round = 0; round < rounds; round++) {
		bool unload = round % UNLOAD_EVERY == UNLOAD_EVERY - 1;

		igt_mmgpu_users_await(&users, round + 1);
		one_round(unload);
		unloads += unload;
	}
	begin = igt_mmgpu_now() - begin;
	igt_mmgpu_users_await(&users, rounds + 1);
	jobs = igt_mmgpu_users_stop(&users);
	igt_info("%u rounds in %.1f s, %u of them unloaded the module; %lu jobs of others\n", rounds,
		 begin / 1e9, unloads, jobs);
	igt_mmgpu_baseline_assert(&before);
}

int igt_main()
{
	igt_fixture() {
		igt_mmgpu_module_require();
		igt_mmgpu_module_load(IGT_MMGPU_KEPT_PARAMS);
		igt_mmgpu_unbind_init();
	}

	igt_describe("All that is kept is safe, and says ENODEV; the new device works.");
	igt_subtest("load")
		load();

	igt_fixture() {
		igt_mmgpu_proc_cleanup();
		if (igt_mmgpu_module_loaded())
			igt_mmgpu_module_unload();
	}
}
