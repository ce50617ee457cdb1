// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Arguments of every call, and whatever they point to, in memory that cannot be used: it
 * ends at each boundary of a field, or it cannot be written where the kernel answers. Each
 * time EFAULT, and nothing has changed. Only DRM core's answer comes when all is done: what
 * was made then stays. Where memory is only read, read-only memory will do.
 */

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <drm.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_baseline.h"
#include "igt_mmgpu_calls.h"
#include "igt_mmgpu_state.h"

IGT_TEST_DESCRIPTION("Arguments at guard pages and in memory that is read-only.");

#define PAGE	4096ul
/* All fields begin at a multiple of that. */
#define FIELD	4

static struct igt_mmgpu_world world;
static struct igt_mmgpu_baseline before_all;
/* Two pages, of which the second is spoiled. */
static char *pages;

struct attempt {
	const struct igt_mmgpu_call *call;
	uint64_t args[IGT_MMGPU_CALL_ARGS / sizeof(uint64_t)];
	unsigned int tries;
};

static size_t args_size(const struct igt_mmgpu_call *call)
{
	return _IOC_SIZE(call->request);
}

static bool answers(const struct igt_mmgpu_call *call)
{
	return _IOC_DIR(call->request) & _IOC_READ;
}

static bool is_of_drm(const struct igt_mmgpu_call *call)
{
	return _IOC_TYPE(call->request) == DRM_IOCTL_BASE;
}

/* What is at "from", so that all but the first bytes are in a page with that protection. */
static char *spoil(const void *from, size_t size, size_t good, int prot)
{
	char *at = pages + PAGE - good;

	igt_assert_eq(mprotect(pages + PAGE, PAGE, PROT_READ | PROT_WRITE), 0);
	memset(pages, 0, 2 * PAGE);
	memcpy(at, from, size);
	igt_assert_eq(mprotect(pages + PAGE, PAGE, prot), 0);
	return at;
}

static void must_fault(struct attempt *try, void *args, const char *what, size_t good)
{
	const struct igt_mmgpu_call *call = try->call;
	int ret = igt_mmgpu_ioctl(igt_mmgpu_call_fd(call, &world), call->request, args);

	igt_assert_f(ret == -EFAULT, "%s, %s with %zu good bytes: %d\n", call->name, what, good,
		     ret);
	try->tries++;
}

/* Of the structure itself. */
static void spoil_args(struct attempt *try, size_t good, int prot)
{
	size_t size = args_size(try->call);
	char *args = spoil(try->args, size, good, prot);

	must_fault(try, args, prot == PROT_READ ? "read-only arguments" : "cut arguments", good);
	/* sync_files write as far as they can. */
	igt_assert_f(!is_of_drm(try->call) || !memcmp(args, try->args, good),
		     "%s: wrote some of its answer\n", try->call->name);
}

static void bad_args(struct attempt *try)
{
	size_t size = args_size(try->call);

	for (size_t good = 0; good < size; good += FIELD) {
		spoil_args(try, good, PROT_NONE);
		if (answers(try->call) && !is_of_drm(try->call))
			spoil_args(try, good, PROT_READ);
	}
	spoil_args(try, size - 1, PROT_NONE);
}

/* Of what it points to. */
static void bad_list(struct attempt *try, const struct igt_mmgpu_list *list)
{
	uint64_t *pointer = (uint64_t *)((char *)try->args + list->pointer);
	uint64_t right = *pointer;
	char name[32];

	snprintf(name, sizeof(name), "list at %zu", list->pointer);
	for (size_t good = 0; good < list->size; good += FIELD) {
		*pointer = (uintptr_t)spoil(list->start, list->size, good, PROT_NONE);
		must_fault(try, try->args, name, good);
		if (!list->out)
			continue;
		*pointer = (uintptr_t)spoil(list->start, list->size, good, PROT_READ);
		must_fault(try, try->args, name, good);
	}
	*pointer = (uintptr_t)spoil(list->start, list->size, list->size - 1, PROT_NONE);
	must_fault(try, try->args, name, list->size - 1);
	/* NULL would be right for some: then there is no list. */
	*pointer = (uintptr_t)igt_mmgpu_bad_pointer();
	must_fault(try, try->args, name, 0);
	*pointer = right;
}

/* The answer goes where the call's end looks for it. */
static void good_call(struct attempt *try)
{
	const struct igt_mmgpu_call *call = try->call;
	int fd = igt_mmgpu_call_fd(call, &world);
	void *args = try->args;

	/* One page at a time has room, and only memory that is read may be read-only. */
	if (!answers(call)) {
		args = spoil(try->args, args_size(call), 0, PROT_READ);
	} else if (world.num_lists && !world.list[0].out) {
		const struct igt_mmgpu_list *list = &world.list[0];

		*(uint64_t *)((char *)try->args + list->pointer) =
			(uintptr_t)spoil(list->start, list->size, 0, PROT_READ);
	}
	igt_assert_eq(igt_mmgpu_ioctl(fd, call->request, args), 0);
}

static void fault(const struct igt_mmgpu_call *call)
{
	const int files[] = { world.fd, world.other, world.bound };
	const unsigned int count = call->new_mm ? 1 : 3;
	struct attempt try = { .call = call };
	struct igt_mmgpu_state begun;

	igt_mmgpu_call_begin(call, &world, try.args);
	igt_mmgpu_state_take(&begun, files, count);

	bad_args(&try);
	for (unsigned int i = 0; i < world.num_lists; i++)
		bad_list(&try, &world.list[i]);
	igt_mmgpu_state_is(&begun, files, count, call->name);
	igt_assert(!call->unchanged || call->unchanged(&world, try.args));

	good_call(&try);
	igt_mmgpu_call_end(call, &world, try.args);
	igt_info("%s: %u times\n", call->name, try.tries);
}

/* DRM core has nowhere to write its answer. */
static void untold(const struct igt_mmgpu_call *call)
{
	const int files[] = { world.fd, world.other, world.bound };
	const unsigned int count = call->new_mm ? 1 : 3;
	struct attempt try = { .call = call };
	struct igt_mmgpu_state begun;
	uint32_t number;
	bool made;

	igt_mmgpu_call_begin(call, &world, try.args);
	number = igt_mmgpu_untold_number(call, &world);
	igt_mmgpu_state_take(&begun, files, count);

	must_fault(&try, spoil(try.args, args_size(call), 0, PROT_READ), "read-only arguments", 0);
	made = igt_mmgpu_untold_find(call, &world, try.args, number);
	igt_assert_eq(made, call->makes != IGT_MMGPU_MADE_NOTHING);
	if (igt_mmgpu_untold_is_taken_back(call) && !call->keeps)
		igt_mmgpu_state_is(&begun, files, count, call->name);
	igt_mmgpu_untold_again(call, &world, try.args, made);
}

static int fault_in_child(struct igt_mmgpu_proc *self, void *data)
{
	fault(data);
	return 0;
}

static int untold_in_child(struct igt_mmgpu_proc *self, void *data)
{
	untold(data);
	return 0;
}

static void run(const struct igt_mmgpu_call *call)
{
	const int files[] = { world.fd, world.other, world.bound };
	struct igt_mmgpu_state before;

	igt_mmgpu_call_require(call, &world);
	igt_mmgpu_state_take(&before, files, 3);
	if (call->new_mm)
		igt_mmgpu_proc_run(fault_in_child, (void *)call);
	else
		fault(call);
	if (is_of_drm(call) && answers(call) && call->new_mm)
		igt_mmgpu_proc_run(untold_in_child, (void *)call);
	else if (is_of_drm(call) && answers(call))
		untold(call);
	igt_mmgpu_state_is(&before, files, 3, call->name);
}

int igt_main()
{
	igt_fixture() {
		igt_mmgpu_world_number();
		igt_mmgpu_baseline_take(&before_all);
		igt_mmgpu_world_init(&world);
		pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		igt_assert(pages != MAP_FAILED);
	}

	for (unsigned int t = 0; t < IGT_MMGPU_CALL_TABLES; t++) {
		for (unsigned int i = 0; i < igt_mmgpu_call_tables[t]->count; i++) {
			const struct igt_mmgpu_call *call = &igt_mmgpu_call_tables[t]->calls[i];

			if (call->run)
				continue;
			igt_describe("Its arguments, and what they point to, cannot be used.");
			igt_subtest(call->name)
				run(call);
		}
	}

	igt_fixture() {
		igt_mmgpu_world_fini(&world);
		igt_mmgpu_baseline_assert(&before_all);
		igt_mmgpu_proc_cleanup();
	}
}
