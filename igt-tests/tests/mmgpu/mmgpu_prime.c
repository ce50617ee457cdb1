// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * dma-bufs of ours among files of ours: handles, and what somebody who has only the
 * descriptor of a private buffer can see and do. Who may import what: mmgpu_bind_bo
 * and mmgpu_grant. Other drivers: mmgpu_prime_import, _export, _v4l2, _kms.
 */

#include <errno.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_share.h"

IGT_TEST_DESCRIPTION("dma-bufs of ours: handles, what holders see, fences that they add.");

#define PAGE	4096
#define SIZE	(16 * PAGE)

static int open_bound(void)
{
	int fd = igt_mmgpu_open();

	igt_mmgpu_bind_mm(fd);
	return fd;
}

static int open_bound_primary(void)
{
	int fd = igt_mmgpu_open_primary();

	igt_mmgpu_bind_mm(fd);
	return fd;
}

static uint32_t submit(int fd, uint32_t ctx, uint32_t handle, uint32_t flags, uint32_t in,
		       uint64_t value)
{
	uint32_t out = igt_mmgpu_syncobj_create(fd);
	struct igt_mmgpu_job job;
	uint32_t bo;

	igt_mmgpu_job_init(&job, ctx);
	bo = igt_mmgpu_job_bo(&job, handle, flags);
	if (value)
		igt_mmgpu_cmd_fill(&job, bo, 0, SIZE, value);
	if (in)
		igt_mmgpu_job_in(&job, in, 0);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(fd, &job);
	return out;
}

static bool is_over(int fd, uint32_t out)
{
	return __igt_mmgpu_syncobj_wait(fd, out, 0, igt_mmgpu_deadline_ms(50)) == 0;
}

/* ---- handles ---------------------------------------------------------------------- */

/* A handle for each file, however often it imports, and one close ends it. */
static void repeated(int (*open_fn)(void), uint32_t flags)
{
	int fd = open_fn();
	int files[] = { fd, open_bound(), igt_mmgpu_open(), open_bound_primary() };
	uint32_t handles[igt_mmgpu_count(files)];
	struct drm_mmgpu_bo_info info, first;
	uint32_t bo = igt_mmgpu_bo_create(fd, SIZE, flags);
	int dmabuf = igt_mmgpu_export(fd, bo);
	struct igt_mmgpu_look before;

	igt_mmgpu_look(dmabuf, &before);
	igt_mmgpu_bo_info(fd, bo, &first);
	igt_assert_eq_u32(first.flags, flags);
	for (size_t i = 0; i < igt_mmgpu_count(files); i++) {
		/* So that a wrong file's handle is not the right number. */
		for (size_t j = 0; j < i; j++)
			igt_mmgpu_bo_create(files[i], PAGE, 0);
		handles[i] = igt_mmgpu_import(files[i], dmabuf);
	}
	igt_assert_eq_u32(handles[0], bo);
	for (size_t i = 0; i < igt_mmgpu_count(files); i++) {
		int again = igt_mmgpu_export(files[i], handles[i]);

		/* It is one dma-buf, whoever exports it. */
		igt_assert_eq_u64(igt_mmgpu_inode(again), igt_mmgpu_inode(dmabuf));
		for (int j = 0; j < 3; j++)
			igt_assert_eq_u32(igt_mmgpu_import(files[i], again), handles[i]);
		close(again);
		igt_mmgpu_bo_info(files[i], handles[i], &info);
		igt_assert_eq_u64(info.mmap_offset, first.mmap_offset);
		igt_assert_eq_u64(info.mm_seq, first.mm_seq);
		igt_assert_eq_u32(info.flags, first.flags);
		igt_assert_eq_u64(info.size, SIZE);
	}
	for (size_t i = 0; i < igt_mmgpu_count(files); i++) {
		igt_mmgpu_bo_close(files[i], handles[i]);
		igt_assert_eq(__igt_mmgpu_bo_info(files[i], handles[i], &info), -ENOENT);
		for (size_t j = i + 1; j < igt_mmgpu_count(files); j++)
			igt_mmgpu_bo_info(files[j], handles[j], &info);
	}
	for (size_t i = 1; i < igt_mmgpu_count(files); i++)
		close(files[i]);

	/* What is left is our descriptor. No device was attached: it is the same one. */
	if (before.files > 0)
		before.files = 1;
	igt_mmgpu_looks_as(dmabuf, &before);
	close(dmabuf);
	close(fd);
}

static void repeated_private(void)
{
	repeated(open_bound, 0);
}

static void repeated_shared(void)
{
	repeated(open_bound, MMGPU_BO_SHARED);
}

static void repeated_legacy(void)
{
	repeated(igt_mmgpu_open, 0);
}

/* The descriptor alone keeps the buffer: what is in it, and whose it is. */
static void kept(int (*open_fn)(void), uint32_t flags)
{
	int fd = open_fn();
	uint32_t bo = igt_mmgpu_bo_create(fd, SIZE, flags);
	struct drm_mmgpu_bo_info before, info;
	int dmabuf = igt_mmgpu_export(fd, bo);
	uint64_t *map;

	igt_mmgpu_bo_info(fd, bo, &before);
	igt_assert_eq(igt_mmgpu_syncobj_result(fd, submit(fd, 0, bo, MMGPU_BO_REF_WRITE, 0,
							  0xabcdefull)), 0);
	close(fd);
	for (int i = 0; i < 2; i++) {
		fd = i ? igt_mmgpu_open() : open_bound();
		bo = igt_mmgpu_import(fd, dmabuf);
		igt_mmgpu_bo_info(fd, bo, &info);
		igt_assert_eq_u64(info.mm_seq, before.mm_seq);
		igt_assert_eq_u32(info.flags, before.flags);
		map = igt_mmgpu_bo_map(fd, bo, 0, PROT_READ);
		for (int j = 0; j < SIZE / 8; j++)
			igt_assert_eq_u64(map[j], 0xabcdefull);
		munmap(map, SIZE);
		close(fd);
	}
	close(dmabuf);
}

static void kept_all(void)
{
	kept(open_bound, 0);
	kept(open_bound, MMGPU_BO_SHARED);
	kept(igt_mmgpu_open, 0);
}

/* ---- what a holder of the descriptor sees ------------------------------------------ */

static struct {
	int fd;
	uint32_t bo;
	int dmabuf;
} own;

static void own_init(void)
{
	own.fd = open_bound();
	own.bo = igt_mmgpu_bo_create(own.fd, SIZE, 0);
	own.dmabuf = igt_mmgpu_export(own.fd, own.bo);
}

static void own_fini(void)
{
	close(own.dmabuf);
	close(own.fd);
}

/* What fdinfo has behind a key, or an empty text. */
static void fdinfo(int fd, const char *key, char value[64])
{
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	igt_assert(file);
	value[0] = 0;
	while (fgets(line, sizeof(line), file)) {
		size_t len = strlen(key);

		if (!strncmp(line, key, len) && line[len] == ':')
			sscanf(line + len + 1, " %63[^\n]", value);
	}
	fclose(file);
}

static int set_name(int dmabuf, const char *name)
{
	return igt_mmgpu_ioctl(dmabuf, DMA_BUF_SET_NAME_B, (void *)name);
}

static int stranger_looks(struct igt_mmgpu_proc *self, void *data)
{
	char text[64], byte;

	igt_assert_eq_s64(lseek(own.dmabuf, 0, SEEK_END), SIZE);
	igt_assert_eq_s64(lseek(own.dmabuf, 0, SEEK_SET), 0);
	fdinfo(own.dmabuf, "size", text);
	igt_assert_eq_u64(strtoull(text, NULL, 10), SIZE);
	fdinfo(own.dmabuf, "exp_name", text);
	igt_assert_f(!strcmp(text, "mmgpu"), "exporter '%s'\n", text);
	fdinfo(own.dmabuf, "name", text);
	igt_assert_f(!strcmp(text, "the owner's"), "name '%s'\n", text);
	igt_assert_eq(set_name(own.dmabuf, "a stranger's"), 0);

	/* Nothing of what is in it. */
	igt_assert_eq(read(own.dmabuf, &byte, 1), -1);
	igt_assert_eq(pread(own.dmabuf, &byte, 1, 0), -1);
	igt_assert_eq(write(own.dmabuf, &byte, 1), -1);
	igt_assert(mmap(NULL, PAGE, PROT_NONE, MAP_SHARED, own.dmabuf, 0) == MAP_FAILED);
	igt_assert_eq(errno, EPERM);
	return 0;
}

/* Size and name are for everybody: security.rst says so. */
static void visible(void)
{
	char text[64];

	igt_assert_eq(set_name(own.dmabuf, "the owner's"), 0);
	igt_mmgpu_proc_run(stranger_looks, NULL);
	fdinfo(own.dmabuf, "name", text);
	igt_assert_f(!strcmp(text, "a stranger's"), "name '%s'\n", text);
}

static const struct busy {
	uint32_t flags;
	bool readers_wait, writers_wait;
} busy_cases[] = {
	{ MMGPU_BO_REF_WRITE, true, true },
	{ MMGPU_BO_REF_READ, false, true },
	{ MMGPU_BO_REF_READ | MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC, false, false },
};

/* Sees who would have to wait, and makes a job of its own wait by what it sees. */
static int stranger_watches(struct igt_mmgpu_proc *self, void *data)
{
	const struct busy *busy = data;
	const uint32_t want[] = { DMA_BUF_SYNC_READ, DMA_BUF_SYNC_WRITE };
	const bool wait[] = { busy->readers_wait, busy->writers_wait };
	int fd = igt_mmgpu_reopen(own.fd);
	uint32_t bo = igt_mmgpu_bo_create(fd, SIZE, 0);
	uint32_t out[2], in[2];
	char byte;

	igt_assert_eq(igt_mmgpu_poll(own.dmabuf, POLLIN), !wait[0]);
	igt_assert_eq(igt_mmgpu_poll(own.dmabuf, POLLOUT), !wait[1]);
	for (int i = 0; i < 2; i++) {
		int file;

		igt_assert_eq(__igt_mmgpu_dmabuf_export_fence(own.dmabuf, want[i], &file), 0);
		igt_assert_eq(igt_mmgpu_sync_file_status(file), !wait[i]);
		in[i] = igt_mmgpu_syncobj_create(fd);
		igt_mmgpu_syncobj_import(fd, in[i], file);
		close(file);
		out[i] = submit(fd, igt_mmgpu_ctx_create(fd, 0, MMGPU_ENGINE_ANY), bo,
				MMGPU_BO_REF_READ, in[i], 0);
	}
	for (int i = 0; i < 2; i++) {
		if (wait[i])
			igt_assert(!is_over(fd, out[i]));
		else
			igt_assert_eq(igt_mmgpu_syncobj_result(fd, out[i]), 0);
	}

	igt_mmgpu_send(self->sock, "", 1);
	igt_assert(igt_mmgpu_poll_ms(own.dmabuf, POLLOUT, IGT_MMGPU_PATIENCE * 1000) & POLLOUT);
	igt_assert(igt_mmgpu_poll(own.dmabuf, POLLIN));
	for (int i = 0; i < 2; i++)
		igt_assert_eq(igt_mmgpu_syncobj_result(fd, out[i]), 0);
	igt_mmgpu_recv(self->sock, &byte, 1);
	return 0;
}

static void watched(void)
{
	for (size_t i = 0; i < igt_mmgpu_count(busy_cases); i++) {
		struct igt_mmgpu_proc proc;
		struct igt_mmgpu_gate gate;
		uint32_t out;
		char byte;

		igt_mmgpu_gate_init(&gate);
		out = submit(own.fd, 0, own.bo, busy_cases[i].flags,
			     igt_mmgpu_gate_syncobj(&gate, own.fd), 0);
		igt_mmgpu_proc_start(&proc, stranger_watches, (void *)&busy_cases[i]);
		igt_mmgpu_recv(proc.sock, &byte, 1);
		igt_mmgpu_gate_open(&gate);
		igt_assert_eq(igt_mmgpu_syncobj_result(own.fd, out), 0);
		igt_mmgpu_send(proc.sock, "", 1);
		igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
		igt_mmgpu_gate_fini(&gate);
	}
}

/* ---- fences that a holder adds ------------------------------------------------------- */

/* Blocks everything that waits by the dma-buf until it's told to stop. */
static int stranger_blocks(struct igt_mmgpu_proc *self, void *data)
{
	int fd = igt_mmgpu_reopen(own.fd);
	struct drm_mmgpu_query_mm query;
	struct igt_mmgpu_gate gate;
	char byte;

	/* Or the owner's close would not be the last. */
	close(own.fd);
	igt_mmgpu_query_mm(fd, MMGPU_QUERY_MM_ASSIGN, &query);
	igt_mmgpu_gate_init(&gate);
	igt_assert_eq(__igt_mmgpu_dmabuf_import_fence(own.dmabuf, DMA_BUF_SYNC_RW,
						      gate.sync_file), 0);
	igt_mmgpu_send(self->sock, &query.caller_mm_seq, sizeof(query.caller_mm_seq));
	igt_mmgpu_recv(self->sock, &byte, 1);
	/* Fails if vgem has given the fence up, for then nobody was blocked. */
	igt_mmgpu_gate_open(&gate);
	igt_mmgpu_gate_fini(&gate);
	close(fd);
	return 0;
}

/* Returns the stranger's number. */
static uint64_t block(struct igt_mmgpu_proc *stranger)
{
	uint64_t seq;

	/* Not in the child, whose skip would be a failure. */
	close(igt_mmgpu_vgem_open());
	igt_mmgpu_proc_start(stranger, stranger_blocks, NULL);
	igt_mmgpu_recv(stranger->sock, &seq, sizeof(seq));
	return seq;
}

static void unblock(struct igt_mmgpu_proc *stranger)
{
	igt_mmgpu_send(stranger->sock, "", 1);
	igt_assert_eq(igt_mmgpu_proc_join(stranger), 0);
}

/* Jobs by implicit sync wait, without it they are immune, and mappings don't care. */
static void blocked_jobs(void)
{
	uint32_t ctx = igt_mmgpu_ctx_create(own.fd, 0, MMGPU_ENGINE_ANY);
	uint64_t *map = igt_mmgpu_bo_map(own.fd, own.bo, 0, PROT_READ | PROT_WRITE);
	struct igt_mmgpu_proc stranger;
	uint32_t reader, immune;

	block(&stranger);
	reader = submit(own.fd, 0, own.bo, MMGPU_BO_REF_READ, 0, 0);
	igt_assert(!is_over(own.fd, reader));
	immune = submit(own.fd, ctx, own.bo, MMGPU_BO_REF_WRITE | MMGPU_BO_REF_NO_IMPLICIT_SYNC,
			0, 0x77);
	igt_assert_eq(igt_mmgpu_syncobj_result(own.fd, immune), 0);
	igt_assert_eq_u64(map[SIZE / 8 - 1], 0x77);
	map[0] = 0x78;
	igt_assert_eq(__igt_mmgpu_bo_wait(own.fd, own.bo, 0, igt_mmgpu_deadline_ms(20)), -ETIME);
	igt_assert(!is_over(own.fd, reader));
	unblock(&stranger);
	igt_assert_eq(igt_mmgpu_syncobj_result(own.fd, reader), 0);
	munmap(map, SIZE);
}

/* Nothing that ends something waits: it is over before the stranger lets go. */
static void blocked_end(void)
{
	uint32_t ctx = igt_mmgpu_ctx_create(own.fd, 0, MMGPU_ENGINE_ANY);
	uint64_t *map = igt_mmgpu_bo_map(own.fd, own.bo, 0, PROT_READ | PROT_WRITE);
	int bos, other = igt_mmgpu_reopen(own.fd);
	struct igt_mmgpu_proc stranger;
	uint32_t out[2];
	uint64_t seq;
	int files[2];

	seq = block(&stranger);
	igt_assert_eq(__igt_mmgpu_bo_grant(own.fd, own.bo, MMGPU_ACCESS_READ, seq), 0);
	igt_assert_eq(__igt_mmgpu_bo_grant(own.fd, own.bo, 0, seq), 0);

	for (int i = 0; i < 2; i++) {
		out[i] = submit(own.fd, i ? ctx : 0, own.bo, MMGPU_BO_REF_WRITE, 0, 0x99);
		files[i] = igt_mmgpu_syncobj_export(own.fd, out[i]);
	}
	igt_mmgpu_ctx_destroy(own.fd, ctx);
	igt_assert_eq(igt_mmgpu_syncobj_result(own.fd, out[1]), -ECANCELED);
	igt_assert_eq(igt_mmgpu_sync_file_status(files[0]), 0);

	map[1] = 1;
	munmap(map, SIZE);
	igt_mmgpu_bo_close(own.fd, own.bo);
	bos = igt_mmgpu_count_bos(other);
	close(own.fd);
	igt_assert(igt_mmgpu_poll_ms(files[0], POLLIN, IGT_MMGPU_PATIENCE * 1000) & POLLIN);
	igt_assert_eq(igt_mmgpu_sync_file_status(files[0]), -ECANCELED);
	/* The stranger's descriptor is all that keeps it. */
	close(own.dmabuf);
	igt_mmgpu_await_bos(other, bos);
	unblock(&stranger);
	igt_mmgpu_await_bos(other, bos < 0 ? bos : bos - 1);
	for (int i = 0; i < 2; i++)
		close(files[i]);
	own.fd = other;
	own.dmabuf = dup(other);
}

static int owner_leaves(struct igt_mmgpu_proc *self, void *data)
{
	uint32_t out;
	char byte;

	own_init();
	igt_mmgpu_send_fd(self->sock, own.dmabuf);
	igt_mmgpu_recv(self->sock, &byte, 1);
	out = submit(own.fd, 0, own.bo, MMGPU_BO_REF_WRITE, 0, 1);
	igt_assert(!is_over(own.fd, out));
	igt_mmgpu_send_fd(self->sock, igt_mmgpu_syncobj_export(own.fd, out));
	igt_mmgpu_recv(self->sock, &byte, 1);
	return 0;
}

/* The owner exits, its job is cancelled and its memory freed, all behind the fence. */
static void blocked_exit(void)
{
	int bos, dmabuf, fence, busy, fd = igt_mmgpu_open();
	struct igt_mmgpu_proc owner;
	struct igt_mmgpu_gate gate;

	bos = igt_mmgpu_count_bos(fd);
	igt_mmgpu_proc_start(&owner, owner_leaves, NULL);
	dmabuf = igt_mmgpu_recv_fd(owner.sock);
	igt_mmgpu_gate_init(&gate);
	igt_assert_eq(__igt_mmgpu_dmabuf_import_fence(dmabuf, DMA_BUF_SYNC_RW, gate.sync_file), 0);
	igt_mmgpu_send(owner.sock, "", 1);
	fence = igt_mmgpu_recv_fd(owner.sock);
	igt_assert_eq(igt_mmgpu_sync_file_status(fence), 0);
	igt_mmgpu_send(owner.sock, "", 1);
	igt_assert_eq(igt_mmgpu_proc_join(&owner), 0);

	igt_assert(igt_mmgpu_poll_ms(fence, POLLIN, IGT_MMGPU_PATIENCE * 1000) & POLLIN);
	igt_assert_eq(igt_mmgpu_sync_file_status(fence), -ECANCELED);
	/* Busy still, by the stranger's own fence. poll() would hold the dma-buf till its end. */
	igt_assert_eq(__igt_mmgpu_dmabuf_export_fence(dmabuf, DMA_BUF_SYNC_READ, &busy), 0);
	igt_assert_eq(igt_mmgpu_sync_file_status(busy), 0);
	close(dmabuf);
	igt_mmgpu_await_bos(fd, bos);
	igt_mmgpu_gate_open(&gate);
	igt_mmgpu_gate_fini(&gate);
	close(busy);
	close(fence);
	close(fd);
}

/* --------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*fn)(void);
	const char *what;
	bool with_own;
} tests[] = {
	{ "repeated-private", repeated_private, "one handle for each file of the owner's" },
	{ "repeated-shared", repeated_shared, "the same with a SHARED buffer" },
	{ "repeated-legacy", repeated_legacy, "the same with a legacy file's buffer" },
	{ "kept", kept_all, "the descriptor keeps the contents and the owner" },
	{ "visible", visible, "a stranger sees size, exporter and name, no contents", true },
	{ "watched", watched, "a stranger sees a private buffer's fences", true },
	{ "blocked-jobs", blocked_jobs, "a stranger's fence holds implicit sync only", true },
	{ "blocked-end", blocked_end, "nothing that ends something waits for it", true },
	{ "blocked-exit", blocked_exit, "nor does the exit of the owner" },
};

int igt_main()
{
	igt_fixture()
		close(igt_mmgpu_open());

	for (size_t i = 0; i < igt_mmgpu_count(tests); i++) {
		igt_describe(tests[i].what);
		igt_subtest(tests[i].name) {
			int fd = igt_mmgpu_open();
			int bos = igt_mmgpu_count_bos(fd);

			if (tests[i].with_own)
				own_init();
			tests[i].fn();
			if (tests[i].with_own)
				own_fini();
			igt_mmgpu_await_bos(fd, bos);
			close(fd);
		}
	}

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
