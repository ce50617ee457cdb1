// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * A file that is not bound belongs to whoever holds the descriptor, as with every DRM
 * driver: across fork(), dup(), exec() and SCM_RIGHTS, and between files by PRIME and
 * FLINK. Nothing of the process binding may be felt here.
 */

#include "igt.h"
#include "igt_mmgpu.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <xf86drm.h>

IGT_TEST_DESCRIPTION("Files that are not bound, used by whoever holds the descriptor.");

#define SIZE	(64 * 1024)
#define EXEC_FD	"MMGPU_LEGACY_EXEC_FD"

static int fd = -1;

/* Everything that a client does in its life. */
static void use(int file)
{
	struct drm_mmgpu_ctx_query query;
	struct drm_mmgpu_bo_info info;
	struct igt_mmgpu_job job;
	uint32_t ctx = igt_mmgpu_ctx_create(file, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	uint32_t handle = igt_mmgpu_bo_create(file, SIZE, 0);
	uint64_t *map = igt_mmgpu_bo_map(file, handle, 0, PROT_READ | PROT_WRITE);
	uint32_t bo;

	map[1] = 40;
	igt_mmgpu_job_init(&job, ctx);
	bo = igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_add(&job, bo, 8, 2);
	igt_mmgpu_cmd_copy(&job, bo, 16, bo, 8, 8);
	igt_assert_eq(igt_mmgpu_job_run(file, &job), 0);
	igt_assert_eq_u64(map[2], 42);

	igt_mmgpu_ctx_query(file, ctx, &query);
	igt_assert_eq_u64(query.jobs_done, 1);
	igt_mmgpu_bo_info(file, handle, &info);
	igt_assert_eq_u64(info.size, SIZE);
	igt_mmgpu_bo_wait(file, handle, MMGPU_BO_WAIT_WRITE);

	munmap(map, SIZE);
	igt_mmgpu_bo_close(file, handle);
	igt_mmgpu_ctx_destroy(file, ctx);
}

static uint32_t filled(int file, uint64_t value)
{
	uint32_t handle = igt_mmgpu_bo_create(file, SIZE, 0);
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, 0, 0, SIZE, value);
	igt_assert_eq(igt_mmgpu_job_run(file, &job), 0);
	return handle;
}

static void check_filled(int file, uint32_t handle, uint64_t value)
{
	uint64_t *map = igt_mmgpu_bo_map(file, handle, 0, PROT_READ);

	igt_assert_eq_u64(map[0], value);
	igt_assert_eq_u64(map[SIZE / sizeof(*map) - 1], value);
	munmap(map, SIZE);
}

/* ---- processes ------------------------------------------------------------------ */

static int child_uses(struct igt_mmgpu_proc *self, void *data)
{
	use(*(int *)data);
	return 0;
}

static void fork_uses(void)
{
	use(fd);
	igt_mmgpu_proc_run(child_uses, &fd);
	use(fd);
}

static int child_makes(struct igt_mmgpu_proc *self, void *data)
{
	uint32_t handle = filled(*(int *)data, 17);

	igt_mmgpu_send(self->sock, &handle, sizeof(handle));
	return 0;
}

/* Handles belong to the file, not to who made them. */
static void fork_shares_handles(void)
{
	struct igt_mmgpu_proc proc;
	uint32_t handle;

	igt_mmgpu_proc_start(&proc, child_makes, &fd);
	igt_mmgpu_recv(proc.sock, &handle, sizeof(handle));
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
	check_filled(fd, handle, 17);
	igt_mmgpu_bo_close(fd, handle);
}

static int child_closes(struct igt_mmgpu_proc *self, void *data)
{
	igt_mmgpu_bo_close(fd, *(uint32_t *)data);
	close(fd);
	return 0;
}

static void fork_child_closes(void)
{
	uint32_t handle = filled(fd, 1);
	struct drm_mmgpu_bo_info info;

	igt_mmgpu_proc_run(child_closes, &handle);
	igt_assert_eq(__igt_mmgpu_bo_info(fd, handle, &info), -ENOENT);
	use(fd);
}

static int child_touches(struct igt_mmgpu_proc *self, void *data)
{
	volatile uint64_t *map = data;

	igt_assert_eq_u64(map[0], 5);
	map[1] = 6;
	/* A page that the parent never touched has no PTE to inherit: it faults here. */
	igt_assert_eq_u64(map[SIZE / sizeof(*map) - 1], 0);
	map[SIZE / sizeof(*map) - 1] = 7;
	return 0;
}

static void fork_inherits_mapping(void)
{
	uint32_t handle = igt_mmgpu_bo_create(fd, SIZE, 0);
	uint64_t *map = igt_mmgpu_bo_map(fd, handle, 0, PROT_READ | PROT_WRITE);

	map[0] = 5;
	igt_mmgpu_proc_run(child_touches, map);
	igt_assert_eq_u64(map[1], 6);
	igt_assert_eq_u64(map[SIZE / sizeof(*map) - 1], 7);
	munmap(map, SIZE);
	igt_mmgpu_bo_close(fd, handle);
}

static void dup_uses(void)
{
	int copy = dup(fd);
	uint32_t handle;

	igt_assert_fd(copy);
	use(copy);
	handle = filled(copy, 3);
	close(copy);
	check_filled(fd, handle, 3);
	igt_mmgpu_bo_close(fd, handle);
}

static int child_receives(struct igt_mmgpu_proc *self, void *data)
{
	int file = igt_mmgpu_recv_fd(self->sock);
	uint32_t handle;

	igt_mmgpu_recv(self->sock, &handle, sizeof(handle));
	check_filled(file, handle, 9);
	use(file);
	return 0;
}

static void scm_rights(void)
{
	struct igt_mmgpu_proc proc;
	uint32_t handle;
	int file;

	/* Opened after the fork, so that the socket is the only way to it. */
	igt_mmgpu_proc_start(&proc, child_receives, NULL);
	file = igt_mmgpu_reopen(fd);
	handle = filled(file, 9);
	igt_mmgpu_send_fd(proc.sock, file);
	igt_mmgpu_send(proc.sock, &handle, sizeof(handle));
	close(file);
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
}

/* Runs before libigt does anything, in the program that exec_uses() starts. */
static void __attribute__((constructor)) after_exec(void)
{
	struct drm_mmgpu_bo_create create = { .size = SIZE };
	struct drm_mmgpu_submit submit = { };
	const char *number = getenv(EXEC_FD);
	int file;

	if (!number)
		return;
	/* No use(): its assertions need a libigt that has started. */
	file = atoi(number);
	if (igt_mmgpu_ioctl(file, DRM_IOCTL_MMGPU_BO_CREATE, &create))
		_exit(2);
	if (__igt_mmgpu_bo_close(file, create.handle))
		_exit(3);
	if (__igt_mmgpu_submit(file, &submit))
		_exit(4);
	_exit(0);
}

static int child_execs(struct igt_mmgpu_proc *self, void *data)
{
	int file = *(int *)data;
	char number[16];

	snprintf(number, sizeof(number), "%d", file);
	setenv(EXEC_FD, number, 1);
	igt_assert_eq(fcntl(file, F_SETFD, 0), 0);
	execl("/proc/self/exe", "mmgpu_legacy", NULL);
	return 1;
}

static void exec_uses(void)
{
	igt_mmgpu_proc_run(child_execs, &fd);
}

/* The last of several holders takes everything with it, and only the last. */
static void holders_close(void)
{
	struct igt_mmgpu_proc procs[4];
	int file = igt_mmgpu_reopen(fd);
	uint32_t handle = filled(file, 11);
	int dmabuf = igt_mmgpu_export(file, handle);

	for (size_t i = 0; i < igt_mmgpu_count(procs); i++)
		igt_mmgpu_proc_start(&procs[i], child_uses, &file);
	close(file);
	for (size_t i = 0; i < igt_mmgpu_count(procs); i++)
		igt_assert_eq(igt_mmgpu_proc_join(&procs[i]), 0);

	handle = igt_mmgpu_import(fd, dmabuf);
	check_filled(fd, handle, 11);
	igt_mmgpu_bo_close(fd, handle);
	close(dmabuf);
}

static int child_queries(struct igt_mmgpu_proc *self, void *data)
{
	struct drm_mmgpu_query_mm query;

	igt_mmgpu_query_mm(*(int *)data, 0, &query);
	igt_assert_eq_u32(query.state, 0);
	igt_assert_eq_u64(query.bound_mm_seq, 0);
	igt_assert_eq_u64(query.caller_mm_seq, 0);
	use(*(int *)data);
	igt_mmgpu_query_mm(*(int *)data, 0, &query);
	igt_assert_eq_u64(query.caller_mm_seq, 0);
	return 0;
}

/* There are no events, but asking for them is nobody's privilege. */
static int child_asks_events(struct igt_mmgpu_proc *self, void *data)
{
	char event[64];
	int file = *(int *)data;

	igt_assert_eq(fcntl(file, F_SETFL, fcntl(file, F_GETFL) | O_NONBLOCK), 0);
	igt_assert_eq(read(file, event, sizeof(event)), -1);
	igt_assert_eq(errno, EAGAIN);
	igt_assert_eq(igt_mmgpu_poll_ms(file, POLLIN | POLLOUT, 0), 0);
	return 0;
}

static void events(void)
{
	int file = igt_mmgpu_reopen(fd);

	igt_mmgpu_proc_run(child_asks_events, &file);
	close(file);
}

/* ---- files ------------------------------------------------------------------------ */

static void files_apart(void)
{
	int other = igt_mmgpu_reopen(fd);
	uint32_t ctx = igt_mmgpu_ctx_create(fd, MMGPU_PRIORITY_NORMAL, MMGPU_ENGINE_ANY);
	uint32_t handle = filled(fd, 1);
	struct drm_mmgpu_ctx_query query;
	struct drm_mmgpu_bo_info info;

	igt_assert_eq(__igt_mmgpu_bo_info(other, handle, &info), -ENOENT);
	igt_assert_eq(__igt_mmgpu_ctx_query(other, ctx, &query), -ENOENT);
	igt_mmgpu_bo_info(fd, handle, &info);
	igt_assert(mmap(NULL, SIZE, PROT_READ, MAP_SHARED, other, info.mmap_offset) ==
		   MAP_FAILED);
	igt_assert_eq(errno, EACCES);
	igt_mmgpu_bo_close(fd, handle);
	igt_mmgpu_ctx_destroy(fd, ctx);
	close(other);
}

static void prime_between_files(void)
{
	int other = igt_mmgpu_reopen(fd);
	uint32_t handle = filled(fd, 21);
	int dmabuf = igt_mmgpu_export(fd, handle);
	uint32_t theirs = igt_mmgpu_import(other, dmabuf);
	struct drm_mmgpu_bo_info info;
	struct igt_mmgpu_job job;

	igt_mmgpu_bo_info(other, theirs, &info);
	igt_assert_eq_u64(info.size, SIZE);
	igt_assert_eq_u64(info.mm_seq, 0);
	igt_assert_eq_u32(info.access, MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE);
	check_filled(other, theirs, 21);

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, theirs, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, 0, 0, SIZE, 22);
	igt_assert_eq(igt_mmgpu_job_run(other, &job), 0);
	check_filled(fd, handle, 22);

	/* The import holds the buffer when its maker is gone. */
	igt_mmgpu_bo_close(fd, handle);
	close(dmabuf);
	check_filled(other, theirs, 22);
	igt_mmgpu_bo_close(other, theirs);
	close(other);
}

static void prime_same_handle(void)
{
	int other = igt_mmgpu_reopen(fd);
	uint32_t handle = filled(fd, 1);
	int dmabuf = igt_mmgpu_export(fd, handle);
	uint32_t theirs = igt_mmgpu_import(other, dmabuf);
	int again = igt_mmgpu_export(other, theirs);

	igt_assert_eq_u32(igt_mmgpu_import(fd, dmabuf), handle);
	igt_assert_eq_u32(igt_mmgpu_import(other, dmabuf), theirs);
	/* There and back is no detour: the same object, not an import of an import. */
	igt_assert_eq_u32(igt_mmgpu_import(fd, again), handle);

	/* One handle is one handle, however often it was imported. */
	igt_mmgpu_bo_close(other, theirs);
	igt_assert_eq(__igt_mmgpu_bo_close(other, theirs), -EINVAL);
	igt_mmgpu_bo_close(fd, handle);
	close(again);
	close(dmabuf);
	close(other);
}

/* ---- primary node ------------------------------------------------------------------- */

static void dumb_buffer(void)
{
	int primary = igt_mmgpu_open_primary();
	struct drm_mode_map_dumb map_args = { };
	struct drm_mode_destroy_dumb destroy = { };
	struct igt_mmgpu_job job;
	uint32_t handle, pitch;
	uint32_t *map;
	uint64_t size;

	igt_assert_eq(__igt_mmgpu_dumb_create(primary, 100, 10, 32, &handle, &pitch, &size), 0);
	igt_assert_lte(400, pitch);
	igt_assert_lte_u64(pitch * 10ull, size);

	map_args.handle = handle;
	igt_assert_eq(igt_mmgpu_ioctl(primary, DRM_IOCTL_MODE_MAP_DUMB, &map_args), 0);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, primary, map_args.offset);
	igt_assert(map != MAP_FAILED);
	igt_assert_eq_u32(map[99], 0);

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, handle, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, 0, 4, 4, 0x12345678);
	igt_assert_eq(igt_mmgpu_job_run(primary, &job), 0);
	igt_assert_eq_u32(map[0], 0);
	igt_assert_eq_u32(map[1], 0x12345678);
	igt_assert_eq_u32(map[2], 0);

	munmap(map, size);
	destroy.handle = handle;
	igt_assert_eq(igt_mmgpu_ioctl(primary, DRM_IOCTL_MODE_DESTROY_DUMB, &destroy), 0);
	close(primary);
}

static void flink(void)
{
	int primary = igt_mmgpu_open_primary();
	int other = igt_mmgpu_reopen(primary);
	uint32_t handle = filled(primary, 31);
	struct drm_gem_flink name = { .handle = handle };
	struct drm_gem_open open_args = { };
	uint32_t twin;

	igt_assert_eq(igt_mmgpu_ioctl(primary, DRM_IOCTL_GEM_FLINK, &name), 0);
	open_args.name = name.name;
	igt_assert_eq(igt_mmgpu_ioctl(other, DRM_IOCTL_GEM_OPEN, &open_args), 0);
	igt_assert_eq_u64(open_args.size, SIZE);
	check_filled(other, open_args.handle, 31);

	/* On the same file a name gives a second handle of the same object. */
	open_args.name = name.name;
	igt_assert_eq(igt_mmgpu_ioctl(primary, DRM_IOCTL_GEM_OPEN, &open_args), 0);
	twin = open_args.handle;
	igt_assert_neq_u32(twin, handle);
	igt_mmgpu_bo_close(primary, handle);
	check_filled(primary, twin, 31);

	close(other);
	close(primary);
}

/* What the core keeps for primary nodes stays refused on a render node. */
static void render_node_limits(void)
{
	uint32_t handle = filled(fd, 1);
	struct drm_gem_flink name = { .handle = handle };
	struct drm_gem_open open_args = { .name = 1 };
	struct drm_mode_create_dumb dumb = { .width = 1, .height = 1, .bpp = 32 };

	igt_mmgpu_refused(fd, DRM_IOCTL_GEM_FLINK, &name, EACCES);
	igt_mmgpu_refused(fd, DRM_IOCTL_GEM_OPEN, &open_args, EACCES);
	igt_mmgpu_refused(fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb, EACCES);
	igt_mmgpu_bo_close(fd, handle);
}

static void primary_uses(void)
{
	int primary = igt_mmgpu_open_primary();

	use(primary);
	igt_mmgpu_proc_run(child_uses, &primary);
	close(primary);
}

int igt_main()
{
	igt_fixture()
		fd = igt_mmgpu_open();

	igt_describe("A forked child works with the inherited descriptor, and so does its parent.");
	igt_subtest("fork")
		fork_uses();

	igt_describe("A buffer made by a child is its parent's too.");
	igt_subtest("fork-handles")
		fork_shares_handles();

	igt_describe("A child's GEM_CLOSE counts for the file, its close() only for itself.");
	igt_subtest("fork-close")
		fork_child_closes();

	igt_describe("A mapping is inherited by fork() and shared.");
	igt_subtest("fork-mapping")
		fork_inherits_mapping();

	igt_describe("A duplicated descriptor is the same file.");
	igt_subtest("dup")
		dup_uses();

	igt_describe("A process that gets the descriptor over a socket works with it.");
	igt_subtest("scm-rights")
		scm_rights();

	igt_describe("A program that inherits the descriptor over exec() works with it.");
	igt_subtest("exec")
		exec_uses();

	igt_describe("The file lives until its last holder closes it.");
	igt_subtest("last-close")
		holders_close();

	igt_describe("Work on a legacy file gives the process no number.");
	igt_subtest("no-number")
		igt_mmgpu_proc_run(child_queries, &fd);

	igt_describe("A child may read and poll, and finds nothing.");
	igt_subtest("fork-events")
		events();

	igt_describe("Handles, contexts and mappings of one file mean nothing to another.");
	igt_subtest("files-apart")
		files_apart();

	igt_describe("Two files share a buffer by PRIME, data and lifetime.");
	igt_subtest("prime")
		prime_between_files();

	igt_describe("Importing what the file has already gives the handle that it has.");
	igt_subtest("prime-same-handle")
		prime_same_handle();

	igt_describe("The primary node does all that the render node does.");
	igt_subtest("primary")
		primary_uses();

	igt_describe("A dumb buffer can be mapped and used in jobs.");
	igt_subtest("dumb")
		dumb_buffer();

	igt_describe("Primary nodes share buffers by global names.");
	igt_subtest("flink")
		flink();

	igt_describe("A render node makes neither names nor dumb buffers.");
	igt_subtest("render-node-limits")
		render_node_limits();

	igt_fixture() {
		igt_mmgpu_proc_cleanup();
		close(fd);
	}
}
