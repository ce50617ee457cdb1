// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Buffers that go from device to device, and private ones that do not. */

#include <errno.h>
#include <linux/dma-buf.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "igt.h"
#include "igt_mmgpu.h"
#include "igt_mmgpu_share.h"

/* ---- contents ------------------------------------------------------------------ */

void igt_mmgpu_copy(int fd, uint32_t dst_bo, uint64_t dst, uint32_t src_bo, uint64_t src,
		    uint64_t width)
{
	struct igt_mmgpu_job job;
	uint32_t to, from;

	igt_mmgpu_job_init(&job, 0);
	to = igt_mmgpu_job_bo(&job, dst_bo, MMGPU_BO_REF_WRITE);
	from = igt_mmgpu_job_bo(&job, src_bo, MMGPU_BO_REF_READ);
	igt_mmgpu_cmd_copy(&job, to, dst, from, src, width);
	igt_assert_eq(igt_mmgpu_job_run(fd, &job), 0);
}

void igt_mmgpu_same(const void *a, const void *b, size_t size, const char *what)
{
	const uint8_t *x = a, *y = b;

	for (size_t i = 0; i < size; i++)
		igt_assert_f(x[i] == y[i], "%s: byte %zu of %zu is %#x, not %#x\n", what, i,
			     size, x[i], y[i]);
}

void *igt_mmgpu_dmabuf_map(int dmabuf, size_t size)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);

	igt_assert(map != MAP_FAILED);
	return map;
}

int __igt_mmgpu_dmabuf_sync(int dmabuf, uint64_t flags)
{
	struct dma_buf_sync args = { .flags = flags };

	return igt_mmgpu_ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &args);
}

/* ---- what the kernel says of a dma-buf ------------------------------------------ */

uint64_t igt_mmgpu_inode(int fd)
{
	struct stat st;

	igt_assert_eq(fstat(fd, &st), 0);
	return st.st_ino;
}

/*
 * A row of the table is "size flags mode count exporter inode name"; what is attached
 * follows, and then "Total N devices attached".
 */
void igt_mmgpu_look(int dmabuf, struct igt_mmgpu_look *look)
{
	FILE *file = fopen("/sys/kernel/debug/dma_buf/bufinfo", "re");
	unsigned long long inode, wanted = igt_mmgpu_inode(dmabuf);
	bool found = false;
	char line[512];
	long files;

	look->attached = -1;
	look->files = -1;
	if (!file) {
		igt_debug("no bufinfo in debugfs\n");
		return;
	}
	while (look->attached < 0 && fgets(line, sizeof(line), file)) {
		if (!found) {
			found = sscanf(line, "%*u %*x %*x %ld %*s %llu", &files, &inode) == 2 &&
				inode == wanted;
			if (found)
				look->files = files;
		} else if (sscanf(line, "Total %d devices attached", &look->attached) != 1) {
			look->attached = -1;
		}
	}
	fclose(file);
	igt_assert_f(look->attached >= 0, "dma-buf %llu is not in bufinfo\n", wanted);
}

void igt_mmgpu_looks_as(int dmabuf, const struct igt_mmgpu_look *before)
{
	int64_t deadline = igt_mmgpu_deadline_ms(10000);
	struct igt_mmgpu_look now;

	for (;;) {
		igt_mmgpu_look(dmabuf, &now);
		if (now.attached == before->attached && now.files == before->files)
			return;
		igt_assert_f(igt_mmgpu_now() < deadline,
			     "%d attached and %ld references, were %d and %ld\n", now.attached,
			     now.files, before->attached, before->files);
		usleep(10000);
	}
}

int igt_mmgpu_count_bos(int fd)
{
	char path[64], node[64], line[256];
	int count = -1;
	ssize_t len;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, node, sizeof(node) - 1);
	igt_assert_lt(0, len);
	node[len] = 0;
	snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%.16s/bos",
		 node + strcspn(node, "0123456789"));
	file = fopen(path, "re");
	if (!file) {
		igt_debug("no %s\n", path);
		return -1;
	}
	/* A heading; a row for each buffer, and indented ones for its grants. */
	while (fgets(line, sizeof(line), file)) {
		unsigned long long size, seq;

		if (sscanf(line, " %llu %llu", &size, &seq) == 2)
			count++;
	}
	fclose(file);
	return count + 1;
}

void igt_mmgpu_await_bos(int fd, int count)
{
	int64_t deadline = igt_mmgpu_deadline_ms(10000);
	int now;

	while ((now = igt_mmgpu_count_bos(fd)) != count) {
		igt_assert_f(igt_mmgpu_now() < deadline, "%d buffers are alive, were %d\n",
			     now, count);
		usleep(10000);
	}
}

/* ---- private buffers and other devices -------------------------------------------- */

#define PAGE	4096
#define SIZE	IGT_MMGPU_PRIVATE_SIZE

struct private {
	int fd;
	uint32_t bo;
	int dmabuf;
	uint64_t *map;
	/* Another file of the owner's, and its handle. */
	int other;
	uint32_t other_bo;
};

static uint64_t pattern(unsigned int i)
{
	return 0x5eed000000000000ull + i * 0x10001ull;
}

static void private_init(struct private *p, bool dumb)
{
	uint64_t size = SIZE;

	/* Dumb buffers are the primary node's. */
	p->fd = dumb ? igt_mmgpu_open_primary() : igt_mmgpu_open();
	igt_mmgpu_bind_mm(p->fd);
	if (dumb)
		igt_assert_eq(__igt_mmgpu_dumb_create(p->fd, PAGE / 4, SIZE / PAGE, 32, &p->bo,
						      NULL, &size), 0);
	else
		p->bo = igt_mmgpu_bo_create(p->fd, SIZE, 0);
	igt_assert_eq_u64(size, SIZE);
	p->map = igt_mmgpu_bo_map(p->fd, p->bo, SIZE, PROT_READ | PROT_WRITE);
	for (unsigned int i = 0; i < SIZE / 8; i++)
		p->map[i] = pattern(i);
	p->dmabuf = igt_mmgpu_export(p->fd, p->bo);
	p->other = igt_mmgpu_reopen(p->fd);
	p->other_bo = igt_mmgpu_import(p->other, p->dmabuf);
}

static void private_fini(struct private *p)
{
	munmap(p->map, SIZE);
	close(p->other);
	close(p->dmabuf);
	close(p->fd);
}

static void private_untouched(const struct private *p)
{
	for (unsigned int i = 0; i < SIZE / 8; i++)
		igt_assert_eq_u64(p->map[i], pattern(i));
}

struct attempt {
	igt_mmgpu_give_fn give;
	int err;
	bool keeps;
	int dmabuf;
	/* A file of the device; the access that the child is granted, 0 for a stranger. */
	int node;
	uint32_t access;
};

static void nothing_left(const struct attempt *attempt, int dmabuf,
			 const struct igt_mmgpu_look *before)
{
	struct igt_mmgpu_look now;

	if (!attempt->keeps) {
		igt_mmgpu_looks_as(dmabuf, before);
		return;
	}
	igt_mmgpu_look(dmabuf, &now);
	igt_assert_eq(now.attached, before->attached);
}

static void must_refuse(const struct attempt *attempt, int dmabuf, const char *who)
{
	for (int i = 0; i < 2; i++) {
		int ret = attempt->give(dmabuf);

		igt_assert_f(ret == -attempt->err, "%s gave it away: %d (%s), expected %d (%s)\n",
			     who, ret, strerror(-ret), -attempt->err, strerror(attempt->err));
	}
}

static const char *name_of(uint32_t access)
{
	return !access ? "a stranger" : access & MMGPU_ACCESS_WRITE ?
	       "a grantee that may write" : "a grantee that may read";
}

static int holder(struct igt_mmgpu_proc *self, void *data)
{
	struct attempt *attempt = data;
	int fd = igt_mmgpu_reopen(attempt->node);
	struct drm_mmgpu_query_mm query;
	struct drm_mmgpu_bo_info info;
	uint32_t handle;
	char byte;
	int again;

	igt_mmgpu_query_mm(fd, MMGPU_QUERY_MM_ASSIGN, &query);
	igt_mmgpu_send(self->sock, &query.caller_mm_seq, sizeof(query.caller_mm_seq));
	igt_mmgpu_recv(self->sock, &byte, 1);

	must_refuse(attempt, attempt->dmabuf, name_of(attempt->access));
	if (!attempt->access) {
		igt_assert_eq(__igt_mmgpu_import(fd, attempt->dmabuf, &handle), -EPERM);
		close(fd);
		return 0;
	}

	/* Really a grantee, and no less refused by a descriptor of its own making. */
	handle = igt_mmgpu_import(fd, attempt->dmabuf);
	igt_mmgpu_bo_info(fd, handle, &info);
	igt_assert_eq_u32(info.access, attempt->access);
	again = igt_mmgpu_export(fd, handle);
	must_refuse(attempt, again, name_of(attempt->access));
	close(again);
	close(fd);
	return 0;
}

static void others_refused(const struct private *p, struct attempt *attempt)
{
	static const uint32_t accesses[] = {
		0, MMGPU_ACCESS_READ, MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE,
	};

	for (size_t i = 0; i < igt_mmgpu_count(accesses); i++) {
		struct igt_mmgpu_proc proc;
		uint64_t seq;

		attempt->access = accesses[i];
		igt_mmgpu_proc_start(&proc, holder, attempt);
		igt_mmgpu_recv(proc.sock, &seq, sizeof(seq));
		if (attempt->access)
			igt_assert_eq(__igt_mmgpu_bo_grant(p->fd, p->bo, attempt->access, seq), 0);
		igt_mmgpu_send(proc.sock, "", 1);
		igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
	}
}

static void owner_refused(const struct private *p, const struct attempt *attempt)
{
	int dmabuf = igt_mmgpu_export(p->other, p->other_bo);

	must_refuse(attempt, p->dmabuf, "the owner");
	must_refuse(attempt, dmabuf, "the owner, by its other file");
	close(dmabuf);
}

struct legacy {
	bool dumb;
	uint64_t heir;
};

static int leave(struct igt_mmgpu_proc *self, void *data)
{
	struct legacy *legacy = data;
	struct private p;

	private_init(&p, legacy->dumb);
	igt_assert_eq(__igt_mmgpu_bo_grant(p.fd, p.bo, MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE,
					   legacy->heir), 0);
	igt_mmgpu_send_fd(self->sock, p.dmabuf);
	return 0;
}

/* A grant outlives its owner, and gives no more than it did before. */
static void heir_refused(int node, bool dumb, struct attempt *attempt)
{
	struct drm_mmgpu_query_mm query;
	struct igt_mmgpu_look before;
	struct igt_mmgpu_proc proc;
	struct legacy legacy;
	uint32_t handle;
	uint64_t *map;
	int dmabuf;

	igt_mmgpu_query_mm(node, MMGPU_QUERY_MM_ASSIGN, &query);
	legacy.dumb = dumb;
	legacy.heir = query.caller_mm_seq;
	igt_mmgpu_proc_start(&proc, leave, &legacy);
	dmabuf = igt_mmgpu_recv_fd(proc.sock);
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);

	igt_mmgpu_look(dmabuf, &before);
	must_refuse(attempt, dmabuf, "the grantee of a dead owner");
	nothing_left(attempt, dmabuf, &before);
	handle = igt_mmgpu_import(node, dmabuf);
	map = igt_mmgpu_bo_map(node, handle, SIZE, PROT_READ);
	for (unsigned int i = 0; i < SIZE / 8; i++)
		igt_assert_eq_u64(map[i], pattern(i));
	munmap(map, SIZE);
	igt_mmgpu_bo_close(node, handle);
	close(dmabuf);
}

static void never_given(igt_mmgpu_give_fn give, int err, bool keeps)
{
	int node = igt_mmgpu_open();
	int bos = igt_mmgpu_count_bos(node);

	for (int dumb = 0; dumb < 2; dumb++) {
		struct attempt attempt = {
			.give = give,
			.err = err,
			.keeps = keeps,
			.node = node,
		};
		struct igt_mmgpu_look before;
		struct private p;

		private_init(&p, dumb);
		attempt.dmabuf = p.dmabuf;
		igt_mmgpu_look(p.dmabuf, &before);
		owner_refused(&p, &attempt);
		others_refused(&p, &attempt);
		nothing_left(&attempt, p.dmabuf, &before);
		private_untouched(&p);

		/* And it works as before. */
		igt_mmgpu_copy(p.fd, igt_mmgpu_bo_create(p.fd, SIZE, 0), 0, p.bo, 0, SIZE);
		private_fini(&p);
		heir_refused(node, dumb, &attempt);
		if (!keeps)
			igt_mmgpu_await_bos(node, bos);
	}
	close(node);
}

void igt_mmgpu_never_given(igt_mmgpu_give_fn give, int err)
{
	never_given(give, err, false);
}

void igt_mmgpu_never_given_but_kept(igt_mmgpu_give_fn give, int err)
{
	never_given(give, err, true);
}
