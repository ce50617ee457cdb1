// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* How a visit to a private buffer is prepared. */

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include <drm.h>

#include "igt.h"
#include "igt_mmgpu_bo_ways.h"

/* ---- the owner ------------------------------------------------------------------------------ */

struct igt_mmgpu_bo_visit *igt_mmgpu_bo_visit_new(void)
{
	struct igt_mmgpu_bo_visit *v;
	int self = memfd_create("visit", 0);

	igt_assert_fd(self);
	igt_assert_eq(ftruncate(self, sizeof(*v)), 0);
	v = mmap(NULL, sizeof(*v), PROT_READ | PROT_WRITE, MAP_SHARED, self, 0);
	igt_assert(v != MAP_FAILED);
	v->self = self;
	v->fd = -1;
	v->primary = -1;
	v->dmabuf = -1;
	v->ro_dmabuf = -1;
	v->queued_read = -1;
	v->queued_write = -1;
	for (unsigned int i = 0; i < IGT_MMGPU_BO_DOORS_MAX; i++)
		v->result[i] = IGT_MMGPU_BO_NOT_TRIED;
	return v;
}

void igt_mmgpu_bo_visit_free(struct igt_mmgpu_bo_visit *v)
{
	close(v->self);
	munmap(v, sizeof(*v));
}

static uint64_t *create_bo(int fd, uint32_t *bo)
{
	uint64_t *map;

	*bo = igt_mmgpu_bo_create(fd, IGT_MMGPU_BO_SIZE, 0);
	map = igt_mmgpu_bo_map(fd, *bo, 0, PROT_READ | PROT_WRITE);
	for (unsigned int i = 0; i < IGT_MMGPU_BO_PAGES; i++)
		map[i * IGT_MMGPU_BO_PAGE / 8] = IGT_MMGPU_BO_PATTERN + i;
	return map;
}

void igt_mmgpu_bo_visit_create(struct igt_mmgpu_bo_visit *v, struct igt_mmgpu_bo_owner *owner)
{
	struct drm_prime_handle export = { .flags = DRM_CLOEXEC };
	struct drm_gem_flink flink = { };
	struct drm_mmgpu_bo_info info;

	owner->fd = igt_mmgpu_open();
	v->owner_seq = igt_mmgpu_bind_mm(owner->fd);
	owner->map = create_bo(owner->fd, &owner->bo);
	munmap(create_bo(owner->fd, &owner->ro_bo), IGT_MMGPU_BO_SIZE);
	igt_mmgpu_bo_info(owner->fd, owner->bo, &info);
	v->offset = info.mmap_offset;

	v->dmabuf = igt_mmgpu_export(owner->fd, owner->bo);
	/* A buffer has one dma-buf, with the flags of its first export. */
	export.handle = owner->ro_bo;
	igt_assert_eq(igt_mmgpu_ioctl(owner->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &export), 0);
	v->ro_dmabuf = export.fd;

	owner->primary = igt_mmgpu_open_primary();
	flink.handle = igt_mmgpu_import(owner->primary, v->dmabuf);
	igt_assert_eq(igt_mmgpu_ioctl(owner->primary, DRM_IOCTL_GEM_FLINK, &flink), 0);
	v->name = flink.name;
}

void igt_mmgpu_bo_visit_grant(const struct igt_mmgpu_bo_owner *owner, uint32_t access,
			      uint64_t mm_seq)
{
	igt_assert_eq(__igt_mmgpu_bo_grant(owner->fd, owner->bo, access, mm_seq), 0);
	igt_assert_eq(__igt_mmgpu_bo_grant(owner->fd, owner->ro_bo, access, mm_seq), 0);
}

void igt_mmgpu_bo_visit_untouched(const struct igt_mmgpu_bo_visit *v,
				  const struct igt_mmgpu_bo_owner *owner)
{
	const unsigned int words = IGT_MMGPU_BO_PAGE / 8;
	bool may_write = igt_mmgpu_bo_visit_access(v) & MMGPU_ACCESS_WRITE;

	igt_mmgpu_bo_wait(owner->fd, owner->bo, MMGPU_BO_WAIT_WRITE);
	for (unsigned int i = 0; i < IGT_MMGPU_BO_PAGES * words; i++) {
		uint64_t was = i % words ? 0 : IGT_MMGPU_BO_PATTERN + i / words;

		if (may_write && i % words == 1)
			continue;
		igt_assert_eq_u64(owner->map[i], was);
	}
}

/* ---- the holder ----------------------------------------------------------------------------- */

static int queue(struct igt_mmgpu_bo_visit *v, uint32_t flags, uint32_t in)
{
	uint32_t out = igt_mmgpu_syncobj_create(v->fd);
	struct igt_mmgpu_job job;
	uint32_t bo;

	/* Of their own contexts, so that neither waits for the other. */
	igt_mmgpu_job_init(&job, igt_mmgpu_ctx_create(v->fd, MMGPU_PRIORITY_NORMAL,
						      MMGPU_ENGINE_ANY));
	bo = igt_mmgpu_job_bo(&job, v->bo, flags | MMGPU_BO_REF_NO_IMPLICIT_SYNC);
	if (flags & MMGPU_BO_REF_WRITE)
		igt_mmgpu_cmd_fill(&job, bo, 30 * IGT_MMGPU_BO_PAGE + 8, 8, IGT_MMGPU_BO_WRITTEN);
	igt_mmgpu_job_in(&job, in, 0);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(v->fd, &job);
	return igt_mmgpu_syncobj_export(v->fd, out);
}

void igt_mmgpu_bo_visit_enter(struct igt_mmgpu_bo_visit *v, bool bind, uint32_t access,
			      struct igt_mmgpu_gate *gate)
{
	struct drm_gem_open opened = { .name = v->name };

	v->fd = igt_mmgpu_open();
	if (bind)
		igt_mmgpu_bind_mm(v->fd);
	v->primary = igt_mmgpu_open_primary();
	v->bo = igt_mmgpu_import(v->fd, v->dmabuf);
	igt_assert_eq(igt_mmgpu_ioctl(v->primary, DRM_IOCTL_GEM_OPEN, &opened), 0);
	v->primary_bo = opened.handle;

	igt_mmgpu_bo_visit_map(v, access);

	if (gate) {
		uint32_t in = igt_mmgpu_gate_syncobj(gate, v->fd);

		v->queued_read = queue(v, MMGPU_BO_REF_READ, in);
		if (access & MMGPU_ACCESS_WRITE)
			v->queued_write = queue(v, MMGPU_BO_REF_WRITE, in);
	}
}

/* ---- after exec ----------------------------------------------------------------------------- */

#define VISIT_ENV	"IGT_MMGPU_BO_VISIT"

void igt_mmgpu_bo_visit_exec(struct igt_mmgpu_bo_visit *v, enum igt_mmgpu_bo_standing standing)
{
	const int kept[] = { v->fd, v->primary, v->dmabuf, v->ro_dmabuf };
	char text[64];

	v->standing = standing;
	for (unsigned int i = 0; i < igt_mmgpu_count(kept); i++)
		fcntl(kept[i], F_SETFD, 0);
	snprintf(text, sizeof(text), "%d", v->self);
	setenv(VISIT_ENV, text, 1);
	execl("/proc/self/exe", "visitor", NULL);
}

/* Before main(), so that IGT does not take this for a run of the tests. */
static void __attribute__((constructor)) visitor(void)
{
	const char *text = getenv(VISIT_ENV);
	struct igt_mmgpu_bo_visit *v;

	if (!text)
		return;
	unsetenv(VISIT_ENV);
	v = mmap(NULL, sizeof(*v), PROT_READ | PROT_WRITE, MAP_SHARED, atoi(text), 0);
	if (v == MAP_FAILED)
		_exit(1);
	igt_mmgpu_bo_visit_doors(v, v->standing);
	_exit(0);
}
