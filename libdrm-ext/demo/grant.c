// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * A client that lets one other process into one of its private buffers, first to look, then
 * to draw, and then not any more.
 *
 * The processes: main prints the table. It forks the guest, who has nothing of the owner's,
 * and the owner. They only have a socket in common: the guest's number comes by it, and the
 * descriptor of a dma-buf goes.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libdrm_mmgpu.h>
#include <xf86drm.h>

#include "came.h"
#include "demo.h"
#include "guest.h"
#include "image.h"
#include "pass.h"

#define ACCENT	0xffc04ad0u	/* violet: this is the granted picture */

static void check(int ret)
{
	if (ret)
		demo_die("%s", drm_mmgpu_last_error());
}

static void work_init(struct guest_work *work, const struct image *picture)
{
	struct scene scene;
	uint32_t line;

	scene_init(&scene, picture, ACCENT);
	/* Not more than there is, of the smallest pictures */
	line = scene.gap < picture->width ? scene.gap : picture->width;
	work->picture = picture;
	work->line = line < picture->height ? line : picture->height;
	work->accent = ACCENT;
}

static void tell(int sock)
{
	if (send(sock, "", 1, MSG_NOSIGNAL) != 1)
		demo_die("the other process is gone");
}

static void hear(int sock)
{
	char byte;

	if (recv(sock, &byte, 1, 0) != 1)
		demo_die("the other process is gone");
}

/* --- the guest --- */

static int guest_main(struct guest_board *board, const struct guest_work *work, int sock)
{
	struct guest *guest;
	int dmabuf;

	demo_name = "grant, guest";
	alarm(2 * DEMO_TIMEOUT_S);
	guest = guest_new(board, work);
	if (send(sock, &board->guest_mm_seq, sizeof(uint64_t), MSG_NOSIGNAL) != sizeof(uint64_t) ||
	    !pass_receive(sock, &dmabuf, 1))
		demo_die("the owner is gone");
	guest_take(guest, dmabuf);
	guest_try(guest, STAGE_BEFORE);
	demo_say("got a dma-buf, and cannot use it");
	tell(sock);

	hear(sock);
	guest_try(guest, STAGE_READ);
	demo_say("may read: copied the picture by a job");
	tell(sock);

	hear(sock);
	guest_try(guest, STAGE_WRITE);
	demo_say("may write: a job drew a frame, the mapping a diagonal, and there is a job in the queue");
	tell(sock);

	hear(sock);
	guest_try(guest, STAGE_REVOKED);
	demo_say("may not any more: the next touch of the mapping was %s",
		 came_text(guest_touched(board, STAGE_REVOKED)));
	return 0;
}

/* --- the owner --- */

struct owner {
	struct drm_mmgpu *dev;
	struct drm_mmgpu_bo *bo;
	uint32_t *map;
	uint64_t guest_mm_seq;
	int sock;
};

static void owner_init(struct owner *owner, struct guest_board *board, const struct image *picture)
{
	uint64_t size = (uint64_t)picture->width * picture->height * sizeof(uint32_t);
	void *map;

	check(drm_mmgpu_open(NULL, &owner->dev));
	check(drm_mmgpu_bind(owner->dev, &board->owner_mm_seq));
	check(drm_mmgpu_bo_new(owner->dev, size, 0, &owner->bo));
	check(drm_mmgpu_bo_map(owner->bo, &map));
	memcpy(map, picture->pixels, size);
	owner->map = map;
	board->owner = getpid();
	demo_say("picture of %u x %u pixels in a private buffer of address space %llu",
		 picture->width, picture->height, (unsigned long long)board->owner_mm_seq);
}

static void send_buffer(struct owner *owner)
{
	int dmabuf;

	if (recv(owner->sock, &owner->guest_mm_seq, sizeof(uint64_t), MSG_WAITALL) !=
	    sizeof(uint64_t))
		demo_die("the guest is gone");
	check(drm_mmgpu_bo_export(owner->bo, DRM_CLOEXEC | DRM_RDWR, &dmabuf));
	pass_send(owner->sock, &dmabuf, 1);
	close(dmabuf);
	hear(owner->sock);
}

static void grant(struct owner *owner, uint32_t access, const char *words)
{
	check(drm_mmgpu_bo_grant(owner->bo, owner->guest_mm_seq, access));
	demo_say("granted it to address space %llu, %s", (unsigned long long)owner->guest_mm_seq,
		 words);
	tell(owner->sock);
	hear(owner->sock);
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

/* What the picture is when nobody draws any more has to stay. */
static void take_back(struct owner *owner)
{
	double start = now_ms();

	check(drm_mmgpu_bo_revoke(owner->bo, owner->guest_mm_seq));
	demo_say("revoked it, in %.1f ms", now_ms() - start);
	tell(owner->sock);
}

static bool finish(struct owner *owner, const struct guest_work *work, const char *path)
{
	struct image result = *work->picture;
	uint64_t i, count = (uint64_t)result.width * result.height;

	result.pixels = owner->map;
	guest_reference(work, work->picture->pixels);
	demo_say("comparing %u x %u pixels with what the guest was allowed to draw", result.width,
		 result.height);
	for (i = 0; i < count; i++) {
		if (result.pixels[i] == work->picture->pixels[i])
			continue;
		fprintf(stderr, "pixel %llu, %llu is %#x and should be %#x\n",
			(unsigned long long)(i % result.width),
			(unsigned long long)(i / result.width), result.pixels[i],
			work->picture->pixels[i]);
		return false;
	}
	demo_say("every pixel is right, writing %s", path);
	return image_save(path, &result);
}

static int owner_main(struct guest_board *board, const struct guest_work *work, int sock, int over,
		      const char *path)
{
	struct owner owner = { .sock = sock };
	char byte;

	demo_name = "grant, owner";
	alarm(2 * DEMO_TIMEOUT_S);
	owner_init(&owner, board, work->picture);
	send_buffer(&owner);
	grant(&owner, MMGPU_ACCESS_READ, "to read");
	grant(&owner, MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE, "to read and write");
	take_back(&owner);

	/* Until the guest is through with trying */
	while (read(over, &byte, 1) > 0)
		;
	return finish(&owner, work, path) ? 0 : 1;
}

/* --- both --- */

static bool reap(pid_t pid, const char *who)
{
	int status;

	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status))
		return true;
	fprintf(stderr, "the %s failed\n", who);
	return false;
}

int main(int argc, char **argv)
{
	struct guest_board *board;
	struct guest_work work;
	struct image picture;
	pid_t guest, owner;
	int socks[2], over[2];
	bool good;

	demo_name = "grant";
	if (argc != 3) {
		fprintf(stderr, "usage: mmgpu-demo-grant IN.png OUT.png\n");
		return 2;
	}
	if (!image_load(argv[1], &picture))
		return 1;
	work_init(&work, &picture);

	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (board == MAP_FAILED || pipe2(over, O_CLOEXEC) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		demo_die("preparing: %s", strerror(errno));

	demo_say("starting the owner of a picture and its guest");
	guest = fork();
	if (!guest) {
		close(over[0]);
		close(socks[0]);
		return guest_main(board, &work, socks[1]);
	}
	owner = fork();
	if (!owner) {
		close(over[1]);
		close(socks[1]);
		return owner_main(board, &work, socks[0], over[0], argv[2]);
	}
	close(over[0]);
	close(over[1]);
	close(socks[0]);
	close(socks[1]);
	good = reap(guest, "guest");
	good = reap(owner, "owner") && good;

	/* If something failed the table may tell why */
	good = guest_print(board) && good;
	demo_say(good ? "everything came back as the contract says" :
			"NOT everything came back as the contract says");
	return good ? 0 : 1;
}
