/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef IGT_MMGPU_BO_WAYS_H
#define IGT_MMGPU_BO_WAYS_H

#include <limits.h>

#include "igt_mmgpu_bo_doors.h"

/*
 * Between the files of igt_mmgpu_bo_doors: how each door is tried. A function returns 0,
 * -errno, the signal that it got, or one of these.
 */
#define IGT_MMGPU_BO_NOT_TRIED		INT_MIN
#define IGT_MMGPU_BO_WRONG_ANSWER	(INT_MIN + 1)
/* Of two ways that must be alike. */
#define IGT_MMGPU_BO_UNLIKE		(INT_MIN + 2)

/* Page n of the buffer begins with PATTERN + n, and all else in it is 0. */
#define IGT_MMGPU_BO_PAGE	4096
#define IGT_MMGPU_BO_PAGES	32
#define IGT_MMGPU_BO_SIZE	(IGT_MMGPU_BO_PAGES * IGT_MMGPU_BO_PAGE)
#define IGT_MMGPU_BO_PATTERN	0x600d000000000000ull
/* What a visitor writes, into the second word of a page. */
#define IGT_MMGPU_BO_WRITTEN	0xbadull

/* Pages of a mapping that were touched on entry, the rest were not. */
#define IGT_MMGPU_BO_TOUCHED	4

/* By the node or by a dma-buf. */
struct igt_mmgpu_bo_way {
	const char *name;
	int fd;
	uint64_t offset;
	/* A mapping made on entry, for doors that want one; for this door alone. */
	char *map;
	/* A free place for it to move to. */
	char *elsewhere;
};

/* Declares or begins the function that tries a door. */
#define IGT_MMGPU_BO_DOOR(name)							\
	int igt_mmgpu_bo_try_##name(struct igt_mmgpu_bo_visit *v,		\
				    const struct igt_mmgpu_bo_way *way)

/* What the standing allows. */
uint32_t igt_mmgpu_bo_visit_access(const struct igt_mmgpu_bo_visit *v);

/* Makes the mappings that doors want. */
void igt_mmgpu_bo_visit_map(struct igt_mmgpu_bo_visit *v, uint32_t access);

/* Handles, jobs, the dma-buf: igt_mmgpu_bo_handles.c */
IGT_MMGPU_BO_DOOR(import_new);
IGT_MMGPU_BO_DOOR(import_bound);
IGT_MMGPU_BO_DOOR(import_read_only);
IGT_MMGPU_BO_DOOR(import_again);
IGT_MMGPU_BO_DOOR(import_closed);
IGT_MMGPU_BO_DOOR(open_new);
IGT_MMGPU_BO_DOOR(open_again);
IGT_MMGPU_BO_DOOR(flink);
IGT_MMGPU_BO_DOOR(map_dumb);
IGT_MMGPU_BO_DOOR(prime_export);
IGT_MMGPU_BO_DOOR(info);
IGT_MMGPU_BO_DOOR(wait);
IGT_MMGPU_BO_DOOR(wait_write);
IGT_MMGPU_BO_DOOR(revoke_nobody);
IGT_MMGPU_BO_DOOR(grant_self);
IGT_MMGPU_BO_DOOR(submit_read);
IGT_MMGPU_BO_DOOR(submit_write);
IGT_MMGPU_BO_DOOR(submit_both);
IGT_MMGPU_BO_DOOR(submit_unordered);
IGT_MMGPU_BO_DOOR(queued_read);
IGT_MMGPU_BO_DOOR(queued_write);
IGT_MMGPU_BO_DOOR(sync_read);
IGT_MMGPU_BO_DOOR(sync_write);
IGT_MMGPU_BO_DOOR(sync_both);
IGT_MMGPU_BO_DOOR(sync_end);
IGT_MMGPU_BO_DOOR(dmabuf_look);
IGT_MMGPU_BO_DOOR(dmabuf_fences);
IGT_MMGPU_BO_DOOR(attach_vgem);
IGT_MMGPU_BO_DOOR(attach_second);
IGT_MMGPU_BO_DOOR(gem_close);

/* New mappings, and old ones: igt_mmgpu_bo_maps.c */
IGT_MMGPU_BO_DOOR(map_read);
IGT_MMGPU_BO_DOOR(map_write);
IGT_MMGPU_BO_DOOR(map_none);
IGT_MMGPU_BO_DOOR(map_upgrade);
IGT_MMGPU_BO_DOOR(map_private_read);
IGT_MMGPU_BO_DOOR(map_private_write);
IGT_MMGPU_BO_DOOR(map_offset);
IGT_MMGPU_BO_DOOR(map_middle);
IGT_MMGPU_BO_DOOR(map_ro_read);
IGT_MMGPU_BO_DOOR(map_ro_write);
IGT_MMGPU_BO_DOOR(map_ro_upgrade);
IGT_MMGPU_BO_DOOR(read_touched);
IGT_MMGPU_BO_DOOR(write_touched);
IGT_MMGPU_BO_DOOR(read_fresh);
IGT_MMGPU_BO_DOOR(write_fresh);
IGT_MMGPU_BO_DOOR(threads_read);
IGT_MMGPU_BO_DOOR(threads_write);
IGT_MMGPU_BO_DOOR(syscall_read);
IGT_MMGPU_BO_DOOR(syscall_write);
IGT_MMGPU_BO_DOOR(munmap_part);
IGT_MMGPU_BO_DOOR(mprotect_up);
IGT_MMGPU_BO_DOOR(mprotect_down);
IGT_MMGPU_BO_DOOR(mprotect_back);
IGT_MMGPU_BO_DOOR(mremap_move);
IGT_MMGPU_BO_DOOR(mremap_grow);
IGT_MMGPU_BO_DOOR(mremap_copy);
IGT_MMGPU_BO_DOOR(mremap_keep);
IGT_MMGPU_BO_DOOR(remap_pages);
IGT_MMGPU_BO_DOOR(dontneed);
IGT_MMGPU_BO_DOOR(populate);
IGT_MMGPU_BO_DOOR(dofork);
IGT_MMGPU_BO_DOOR(dofork_child);

/* What looks at memory without touching it: igt_mmgpu_bo_tracer.c */
IGT_MMGPU_BO_DOOR(vm_readv);
IGT_MMGPU_BO_DOOR(vm_writev);
IGT_MMGPU_BO_DOOR(mem_read);
IGT_MMGPU_BO_DOOR(mem_write);
IGT_MMGPU_BO_DOOR(peek);
IGT_MMGPU_BO_DOOR(poke);
IGT_MMGPU_BO_DOOR(vmsplice);

#endif /* IGT_MMGPU_BO_WAYS_H */
