// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* The protocol of /dev/fuse as far as a mapped file needs it. */

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "igt.h"
#include "igt_mmgpu_fuse.h"

#define PAGE	4096ul
#define ROOT	FUSE_ROOT_ID
#define FILE_ID	2
#define HELD	64

struct fs {
	int dev;
	int sock;
	size_t size;
	bool async;
	bool serving;
	unsigned int num_held;
	struct {
		uint64_t unique;
		struct fuse_read_in read;
	} held[HELD];
};

/* What the child of igt_mmgpu_fuse_init() gets. */
struct start {
	int dev;
	size_t size;
	bool async;
};

static void reply(struct fs *fs, uint64_t unique, int error, const void *data, size_t size)
{
	struct fuse_out_header out = {
		.len = sizeof(out) + size,
		.error = -error,
		.unique = unique,
	};
	struct iovec iov[2] = {
		{ .iov_base = &out, .iov_len = sizeof(out) },
		{ .iov_base = (void *)data, .iov_len = size },
	};

	/* Who asked may be gone. */
	if (writev(fs->dev, iov, size ? 2 : 1) < 0)
		igt_debug("fuse: %s\n", strerror(errno));
}

static void set_attr(struct fs *fs, struct fuse_attr *attr, uint64_t node)
{
	attr->ino = node;
	attr->size = node == FILE_ID ? fs->size : 0;
	attr->blocks = attr->size / 512;
	attr->mode = node == FILE_ID ? S_IFREG | 0666 : S_IFDIR | 0755;
	attr->nlink = 1;
	attr->blksize = PAGE;
}

static void do_init(struct fs *fs, const struct fuse_in_header *in,
		    const struct fuse_init_in *args)
{
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = args->minor < FUSE_KERNEL_MINOR_VERSION ? args->minor :
			 FUSE_KERNEL_MINOR_VERSION,
		/* So that the first page is there and the others are not. */
		.max_readahead = PAGE,
		.flags = fs->async ? FUSE_ASYNC_READ : 0,
		.max_background = HELD,
		.congestion_threshold = HELD,
		.max_write = PAGE,
		.time_gran = 1,
	};

	reply(fs, in->unique, 0, &out, sizeof(out));
}

static void do_lookup(struct fs *fs, const struct fuse_in_header *in, const char *name)
{
	struct fuse_entry_out out = {
		.nodeid = FILE_ID,
		.entry_valid = UINT32_MAX,
		.attr_valid = UINT32_MAX,
	};

	set_attr(fs, &out.attr, FILE_ID);
	if (strcmp(name, "file"))
		reply(fs, in->unique, ENOENT, NULL, 0);
	else
		reply(fs, in->unique, 0, &out, sizeof(out));
}

static void do_getattr(struct fs *fs, const struct fuse_in_header *in)
{
	struct fuse_attr_out out = { .attr_valid = UINT32_MAX };

	set_attr(fs, &out.attr, in->nodeid);
	reply(fs, in->unique, 0, &out, sizeof(out));
}

static void answer_read(struct fs *fs, uint64_t unique, const struct fuse_read_in *args)
{
	uint64_t end = args->offset + args->size;
	static uint8_t data[32 * PAGE];

	end = end < fs->size ? end : fs->size;
	end = end < args->offset + sizeof(data) ? end : args->offset + sizeof(data);
	for (uint64_t at = args->offset; at < end; at++)
		data[at - args->offset] = at < PAGE ? 0x11 : 0x22;
	reply(fs, unique, 0, data, end > args->offset ? end - args->offset : 0);
}

static void do_read(struct fs *fs, const struct fuse_in_header *in,
		    const struct fuse_read_in *args)
{
	char byte = 0;

	if (fs->serving || args->offset + args->size <= PAGE) {
		answer_read(fs, in->unique, args);
		return;
	}
	igt_assert_lt(fs->num_held, HELD);
	fs->held[fs->num_held].unique = in->unique;
	fs->held[fs->num_held++].read = *args;
	igt_mmgpu_send(fs->sock, &byte, 1);
}

static void do_request(struct fs *fs, const struct fuse_in_header *in)
{
	const void *args = in + 1;
	struct fuse_open_out open_out = { .fh = 1 };
	struct fuse_write_out write_out = { };

	switch (in->opcode) {
	case FUSE_INIT:
		do_init(fs, in, args);
		break;
	case FUSE_LOOKUP:
		do_lookup(fs, in, args);
		break;
	case FUSE_GETATTR:
		do_getattr(fs, in);
		break;
	case FUSE_OPEN:
		reply(fs, in->unique, 0, &open_out, sizeof(open_out));
		break;
	case FUSE_READ:
		do_read(fs, in, args);
		break;
	case FUSE_WRITE:
		write_out.size = ((const struct fuse_write_in *)args)->size;
		reply(fs, in->unique, 0, &write_out, sizeof(write_out));
		break;
	case FUSE_RELEASE:
	case FUSE_FLUSH:
	case FUSE_FSYNC:
		reply(fs, in->unique, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
	case FUSE_DESTROY:
		/* These want no answer. That a read is interrupted changes nothing for us. */
		break;
	default:
		reply(fs, in->unique, ENOSYS, NULL, 0);
		break;
	}
}

/* Files of the test's must not stay open because of us. */
static void close_others(int one, int two)
{
	for (int i = 3; i < 1024; i++)
		if (i != one && i != two)
			close(i);
}

static int serve(struct igt_mmgpu_proc *self, void *data)
{
	const struct start *start = data;
	static struct fs fs;
	struct pollfd polls[2] = {
		{ .fd = start->dev, .events = POLLIN },
		{ .fd = self->sock, .events = POLLIN },
	};
	static union {
		struct fuse_in_header in;
		char space[FUSE_MIN_READ_BUFFER + PAGE];
	} request;
	char byte;

	fs.dev = start->dev;
	fs.sock = self->sock;
	fs.size = start->size;
	fs.async = start->async;
	close_others(fs.dev, fs.sock);
	while (poll(polls, 2, -1) > 0) {
		if (polls[1].revents) {
			/* Told to serve, or nobody is there to be told by. */
			if (recv(fs.sock, &byte, 1, 0) != 1)
				return 0;
			fs.serving = true;
			for (unsigned int i = 0; i < fs.num_held; i++)
				answer_read(&fs, fs.held[i].unique, &fs.held[i].read);
			fs.num_held = 0;
			igt_mmgpu_send(fs.sock, &byte, 1);
		}
		if (polls[0].revents) {
			if (read(fs.dev, &request, sizeof(request)) > 0)
				do_request(&fs, &request.in);
			else if (errno == ENODEV)
				return 0;
		}
	}
	return 0;
}

void igt_mmgpu_fuse_init(struct igt_mmgpu_fuse *fuse, size_t size, bool async)
{
	struct start start = { .size = size, .async = async };
	char text[96];
	int file;

	igt_require_f(geteuid() == 0, "only root mounts\n");
	igt_require_f(!access("/dev/fuse", F_OK) || igt_mmgpu_has_module("fuse"),
		      "no FUSE: load it, or set MMGPU_MODPROBE=1\n");
	start.dev = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	igt_assert_fd(start.dev);
	snprintf(fuse->dir, sizeof(fuse->dir), "/tmp/mmgpu-fuse-XXXXXX");
	igt_assert(mkdtemp(fuse->dir));
	snprintf(text, sizeof(text), "fd=%d,rootmode=40000,user_id=0,group_id=0", start.dev);
	igt_assert_eq(mount("mmgpu", fuse->dir, "fuse", MS_NOSUID | MS_NODEV, text), 0);
	igt_mmgpu_proc_start(&fuse->proc, serve, &start);
	close(start.dev);

	snprintf(text, sizeof(text), "%s/file", fuse->dir);
	file = open(text, O_RDWR | O_CLOEXEC);
	igt_assert_fd(file);
	fuse->size = size;
	fuse->mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	igt_assert(fuse->mem != MAP_FAILED);
	close(file);
	igt_assert_eq(*(volatile uint8_t *)fuse->mem, 0x11);
}

void igt_mmgpu_fuse_await(struct igt_mmgpu_fuse *fuse)
{
	char byte;

	igt_assert_f(igt_mmgpu_poll_ms(fuse->proc.sock, POLLIN, IGT_MMGPU_PATIENCE * 1000),
		     "nobody reads\n");
	igt_mmgpu_recv(fuse->proc.sock, &byte, 1);
}

void igt_mmgpu_fuse_serve(struct igt_mmgpu_fuse *fuse)
{
	char byte = 1;

	igt_mmgpu_send(fuse->proc.sock, &byte, 1);
	/* Its answer is behind what it told of reads until then. */
	do
		igt_mmgpu_recv(fuse->proc.sock, &byte, 1);
	while (!byte);
}

void igt_mmgpu_fuse_fini(struct igt_mmgpu_fuse *fuse)
{
	munmap(fuse->mem, fuse->size);
	umount2(fuse->dir, MNT_DETACH);
	rmdir(fuse->dir);
	/* What still waits ends with the connection. */
	kill(fuse->proc.pid, SIGKILL);
	igt_mmgpu_proc_join(&fuse->proc);
}
