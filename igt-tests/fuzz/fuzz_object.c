// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* What a process has: files, handles, contexts, syncobjs, descriptors. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

/* So many refusals in a row, and a file is not worth trying any more. */
#define BAD_ENOUGH	25

void fuzz_objects_init(struct fuzz_objects *obj)
{
	unsigned int i;

	memset(obj, 0, sizeof(*obj));
	for (i = 0; i < FUZZ_FILES; i++)
		obj->file[i].fd = -1;
	for (i = 0; i < FUZZ_DMABUFS; i++)
		obj->dmabuf[i].fd = -1;
	for (i = 0; i < FUZZ_SYNCFILES; i++)
		obj->syncfile[i].fd = -1;
	for (i = 0; i < FUZZ_TIMELINES; i++)
		obj->timeline[i].fd = -1;
}

static void keep_stale(struct fuzz_run *run, uint32_t id)
{
	run->obj->stale[run->obj->stale_next++ % FUZZ_STALE] = id;
}

/* ---- files ------------------------------------------------------------------------------ */

void fuzz_file_close(struct fuzz_run *run, struct fuzz_file *file)
{
	int fd = file->fd;

	file->fd = -1;
	file->generation++;
	close(fd);
}

struct fuzz_file *fuzz_file_add(struct fuzz_run *run, int fd, bool primary, bool received)
{
	struct fuzz_file *file = &run->obj->file[fuzz_below(run, FUZZ_FILES)];
	unsigned int i;

	/* A free place if there is one. */
	for (i = 0; i < FUZZ_FILES && file->fd >= 0; i++)
		if (run->obj->file[i].fd < 0)
			file = &run->obj->file[i];
	if (file->fd >= 0)
		fuzz_file_close(run, file);
	file->fd = fd;
	file->primary = primary;
	file->received = received;
	file->bound = false;
	file->bad = 0;
	return file;
}

struct fuzz_file *fuzz_file_pick(struct fuzz_run *run)
{
	unsigned int at = fuzz_below(run, FUZZ_FILES), i;

	for (i = 0; i < FUZZ_FILES; i++) {
		struct fuzz_file *file = &run->obj->file[(at + i) % FUZZ_FILES];

		if (file->fd >= 0)
			return file;
	}
	fuzz_do_open(run);
	for (i = 0; i < FUZZ_FILES; i++)
		if (run->obj->file[i].fd >= 0)
			return &run->obj->file[i];
	return NULL;
}

struct fuzz_file *fuzz_file_of(struct fuzz_run *run, const struct fuzz_thing *thing)
{
	return &run->obj->file[thing->file];
}

void fuzz_file_judge(struct fuzz_run *run, struct fuzz_file *file, int ret)
{
	switch (ret) {
	case -EPERM:
		file->bad += file->received ? 2 : 1;
		break;
	case -ESRCH:
	case -ENODEV:
		file->bad += 4;
		break;
	case -ECANCELED:
		/* Its context hung. */
		file->bad += 2;
		break;
	default:
		if (ret >= 0)
			file->bad = 0;
		break;
	}
	if (file->bad > BAD_ENOUGH && file->fd >= 0)
		fuzz_file_close(run, file);
}

/* ---- handles, contexts, syncobjs -------------------------------------------------------- */

static struct fuzz_thing *table_of(struct fuzz_run *run, enum fuzz_table table, size_t *count)
{
	switch (table) {
	case FUZZ_BO:
		*count = FUZZ_BOS;
		return run->obj->bo;
	case FUZZ_CTX:
		*count = FUZZ_CTXS;
		return run->obj->ctx;
	default:
		*count = FUZZ_SYNCS;
		return run->obj->sync;
	}
}

static bool is_alive(struct fuzz_run *run, const struct fuzz_thing *thing)
{
	const struct fuzz_file *file = &run->obj->file[thing->file];

	return thing->id && file->fd >= 0 && file->generation == thing->generation;
}

/* Tables are small, so that what was made is used; what falls out is given back. */
static void give_back(struct fuzz_run *run, enum fuzz_table table, struct fuzz_thing *thing)
{
	struct fuzz_file *file = fuzz_file_of(run, thing);
	struct drm_gem_close bo = { .handle = thing->id };
	struct drm_mmgpu_ctx_destroy ctx = { .ctx_id = thing->id };
	struct drm_syncobj_destroy sync = { .handle = thing->id };

	if (table == FUZZ_BO)
		fuzz_file_ioctl(run, file, DRM_IOCTL_GEM_CLOSE, &bo);
	else if (table == FUZZ_CTX)
		fuzz_file_ioctl(run, file, DRM_IOCTL_MMGPU_CTX_DESTROY, &ctx);
	else
		fuzz_file_ioctl(run, file, DRM_IOCTL_SYNCOBJ_DESTROY, &sync);
	fuzz_thing_drop(run, thing);
}

struct fuzz_thing *fuzz_thing_add(struct fuzz_run *run, enum fuzz_table table,
				  struct fuzz_file *file, uint32_t id, uint64_t size)
{
	size_t count, i;
	struct fuzz_thing *all = table_of(run, table, &count), *thing;
	unsigned int index = file - run->obj->file;

	if (!id)
		return NULL;
	/* The core gives a handle twice if it is the same object. */
	for (i = 0; i < count; i++)
		if (all[i].id == id && all[i].file == index && is_alive(run, &all[i]))
			return &all[i];
	thing = &all[fuzz_below(run, count)];
	for (i = 0; i < count && is_alive(run, thing); i++)
		if (!is_alive(run, &all[i]))
			thing = &all[i];
	if (is_alive(run, thing))
		give_back(run, table, thing);
	thing->id = id;
	thing->file = index;
	thing->generation = file->generation;
	thing->armed = false;
	thing->timeline = false;
	thing->size = size;
	return thing;
}

struct fuzz_thing *fuzz_thing_pick(struct fuzz_run *run, enum fuzz_table table,
				   struct fuzz_file *file)
{
	size_t count, i;
	struct fuzz_thing *all = table_of(run, table, &count);
	size_t at = fuzz_below(run, count);

	for (i = 0; i < count; i++) {
		struct fuzz_thing *thing = &all[(at + i) % count];

		if (is_alive(run, thing) && (!file || thing->file == file - run->obj->file))
			return thing;
	}
	return NULL;
}

void fuzz_thing_drop(struct fuzz_run *run, struct fuzz_thing *thing)
{
	keep_stale(run, thing->id);
	thing->id = 0;
}

uint32_t fuzz_id(struct fuzz_run *run, const struct fuzz_thing *thing)
{
	static const enum fuzz_table table[] = { FUZZ_BO, FUZZ_CTX, FUZZ_SYNC };
	struct fuzz_thing *other;

	if (thing && !fuzz_chance(run, 35))
		return thing->id;
	switch (fuzz_below(run, 4)) {
	case 0:
		return run->obj->stale[fuzz_below(run, FUZZ_STALE)];
	case 1:
		/* Another file's, or no such kind of object. */
		other = fuzz_thing_pick(run, table[fuzz_below(run, 3)], NULL);
		return other ? other->id : 0;
	case 2:
		return fuzz_odd(run);
	default:
		return thing ? thing->id + 1 : 1;
	}
}

/* ---- descriptors ------------------------------------------------------------------------ */

void fuzz_fd_add_(struct fuzz_run *run, struct fuzz_fd *table, size_t count, int fd, uint64_t size)
{
	struct fuzz_fd *at = &table[fuzz_below(run, count)];
	size_t i;
	int old;

	if (fd < 0)
		return;
	for (i = 0; i < count && at->fd >= 0; i++)
		if (table[i].fd < 0)
			at = &table[i];
	old = at->fd;
	at->fd = fd;
	at->size = size;
	if (old >= 0)
		close(old);
}

struct fuzz_fd *fuzz_fd_pick_(struct fuzz_run *run, struct fuzz_fd *table, size_t count)
{
	size_t at = fuzz_below(run, count), i;

	for (i = 0; i < count; i++)
		if (table[(at + i) % count].fd >= 0)
			return &table[(at + i) % count];
	return NULL;
}

int fuzz_any_fd_of(struct fuzz_run *run, enum fuzz_fd_kind *kind)
{
	struct fuzz_file *file;
	struct fuzz_fd *fd = NULL;

	switch (fuzz_below(run, 8)) {
	case 0:
	case 1:
	case 2:
		*kind = FUZZ_FD_DMABUF;
		fd = fuzz_fd_pick(run, dmabuf);
		break;
	case 3:
		*kind = FUZZ_FD_SYNCFILE;
		fd = fuzz_fd_pick(run, syncfile);
		break;
	case 4:
		*kind = FUZZ_FD_TIMELINE;
		fd = fuzz_fd_pick(run, timeline);
		break;
	}
	if (fd)
		return fd->fd;
	file = fuzz_file_pick(run);
	*kind = file && file->primary ? FUZZ_FD_CARD : FUZZ_FD_RENDER;
	return file ? file->fd : -1;
}

int fuzz_any_fd(struct fuzz_run *run)
{
	enum fuzz_fd_kind kind;

	return fuzz_any_fd_of(run, &kind);
}

void fuzz_adopt_fd(struct fuzz_run *run, int fd, enum fuzz_fd_kind kind)
{
	switch (kind) {
	case FUZZ_FD_RENDER:
	case FUZZ_FD_CARD:
		fuzz_file_add(run, fd, kind == FUZZ_FD_CARD, true);
		break;
	case FUZZ_FD_DMABUF:
		fuzz_fd_add(run, dmabuf, fd, lseek(fd, 0, SEEK_END));
		break;
	case FUZZ_FD_SYNCFILE:
		fuzz_fd_add(run, syncfile, fd, 0);
		break;
	case FUZZ_FD_TIMELINE:
		fuzz_fd_add(run, timeline, fd, 0);
		break;
	default:
		close(fd);
		break;
	}
}

/* After exec nobody remembers. */
enum fuzz_fd_kind fuzz_fd_kind_of(int fd)
{
	static const struct {
		const char *part;
		enum fuzz_fd_kind kind;
	} known[] = {
		{ "/dri/renderD", FUZZ_FD_RENDER }, { "/dri/card", FUZZ_FD_CARD },
		{ "dmabuf", FUZZ_FD_DMABUF }, { "sync_file", FUZZ_FD_SYNCFILE },
		{ "sw_sync", FUZZ_FD_TIMELINE },
	};
	char link[32], name[128];
	unsigned int i;
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, name, sizeof(name) - 1);
	name[len > 0 ? len : 0] = 0;
	for (i = 0; i < fuzz_count(known); i++)
		if (strstr(name, known[i].part))
			return known[i].kind;
	return FUZZ_FD_OTHER;
}
