// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Memory of all kinds, for jobs that name CPU addresses. */

#include <fcntl.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu_arena.h"

#define PAGE	4096ul
#define RW	(PROT_READ | PROT_WRITE)

static const char * const kind_names[] = {
	[IGT_MMGPU_ARENA_ANON] = "anonymous",
	[IGT_MMGPU_ARENA_ZERO] = "untouched",
	[IGT_MMGPU_ARENA_SHARED] = "shared anonymous",
	[IGT_MMGPU_ARENA_READ_ONLY] = "read-only",
	[IGT_MMGPU_ARENA_MEMFD] = "memfd",
	[IGT_MMGPU_ARENA_MEMFD_PRIVATE] = "private memfd",
	[IGT_MMGPU_ARENA_FILE] = "file",
	[IGT_MMGPU_ARENA_FILE_PRIVATE] = "private file",
	[IGT_MMGPU_ARENA_BO] = "buffer object",
	[IGT_MMGPU_ARENA_HUGE] = "huge page",
	[IGT_MMGPU_ARENA_HUGETLB] = "hugetlb page",
};

void igt_mmgpu_arena_noise(struct igt_mmgpu_rand *rnd, void *data, size_t size)
{
	uint64_t word = igt_mmgpu_rand_range(rnd, 0, UINT64_MAX);
	uint8_t *at = data;

	/* An odd step meets every value once, and no two neighbours are alike. */
	for (; size >= sizeof(word); at += sizeof(word), size -= sizeof(word)) {
		memcpy(at, &word, sizeof(word));
		word += 0x9e3779b97f4a7c15ull;
	}
	memcpy(at, &word, size);
}

void igt_mmgpu_arena_compare(const char *name, const uint8_t *have, const uint8_t *want,
			     size_t size)
{
	size_t at = 0;

	if (!memcmp(have, want, size))
		return;
	while (have[at] == want[at])
		at++;
	igt_assert_f(false, "%s: byte %#zx of %#zx at %p is %#x instead of %#x\n", name, at, size,
		     have + at, have[at], want[at]);
}

static bool set_hugetlb(unsigned int pages)
{
	int fd = open("/proc/sys/vm/nr_hugepages", O_WRONLY | O_CLOEXEC);
	char text[16];
	bool ok;

	if (fd < 0)
		return false;
	snprintf(text, sizeof(text), "%u", pages);
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

static bool get_hugetlb(unsigned int *pages)
{
	FILE *file = fopen("/proc/sys/vm/nr_hugepages", "re");
	bool ok;

	if (!file)
		return false;
	ok = fscanf(file, "%u", pages) == 1;
	fclose(file);
	return ok;
}

void igt_mmgpu_arena_init(struct igt_mmgpu_arena *arena, int fd, struct igt_mmgpu_rand *rnd)
{
	unsigned int pages;
	uint8_t *mem;

	memset(arena, 0, sizeof(*arena));
	arena->fd = fd;
	arena->rnd = rnd;
	arena->size = IGT_MMGPU_ARENA_SIZE;
	arena->want = malloc(arena->size);
	igt_assert(arena->want);
	mem = mmap(NULL, arena->size + IGT_MMGPU_HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		   -1, 0);
	igt_assert(mem != MAP_FAILED);
	arena->mem = (uint8_t *)(((uintptr_t)mem + IGT_MMGPU_HUGE - 1) & ~(IGT_MMGPU_HUGE - 1));

	/* One page for the arena, if we may have it. */
	arena->hugetlb = get_hugetlb(&arena->hugetlb_before) &&
			 set_hugetlb(arena->hugetlb_before + 1) && get_hugetlb(&pages) &&
			 pages > arena->hugetlb_before;
	if (!arena->hugetlb)
		igt_info("no hugetlb pages to be had, going on without\n");
}

void igt_mmgpu_arena_fini(struct igt_mmgpu_arena *arena)
{
	munmap(arena->mem, arena->size);
	free(arena->want);
	if (arena->hugetlb)
		set_hugetlb(arena->hugetlb_before);
}

static void map(uint8_t *mem, size_t size, int prot, int flags, int fd, off_t offset)
{
	igt_assert(mmap(mem, size, prot, flags | MAP_FIXED, fd, offset) == mem);
}

/* A file with the contents behind some pages of something else. */
static void map_file(struct igt_mmgpu_arena *arena, uint8_t *mem, const uint8_t *want,
		     size_t size, int flags, int fd)
{
	off_t offset = igt_mmgpu_rand_range(arena->rnd, 0, 5) * PAGE;

	igt_assert_fd(fd);
	igt_assert_eq(pwrite(fd, want, size, offset), size);
	map(mem, size, RW, flags, fd, offset);
	close(fd);
}

static void map_bo(struct igt_mmgpu_arena *arena, uint8_t *mem, size_t size)
{
	uint32_t handle = igt_mmgpu_bo_create(arena->fd, size, 0);
	struct drm_mmgpu_bo_info info;

	igt_mmgpu_bo_info(arena->fd, handle, &info);
	map(mem, size, RW, MAP_SHARED, arena->fd, info.mmap_offset);
	igt_mmgpu_bo_close(arena->fd, handle);
}

static int temporary(void)
{
	char path[] = "/tmp/mmgpu-arena-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	igt_assert_fd(fd);
	unlink(path);
	return fd;
}

static void add(struct igt_mmgpu_arena *arena, enum igt_mmgpu_arena_kind kind, size_t start,
		size_t size)
{
	uint8_t *mem = arena->mem + start, *want = arena->want + start;
	bool filled = false;

	igt_assert_lt(arena->num_parts, igt_mmgpu_count(arena->parts));
	arena->parts[arena->num_parts++] = (struct igt_mmgpu_arena_part) {
		.start = start,
		.size = size,
		.kind = kind,
	};

	igt_mmgpu_arena_noise(arena->rnd, want, size);
	switch (kind) {
	case IGT_MMGPU_ARENA_ZERO:
		memset(want, 0, size);
		map(mem, size, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		filled = true;
		break;
	case IGT_MMGPU_ARENA_SHARED:
		map(mem, size, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		break;
	case IGT_MMGPU_ARENA_MEMFD:
		map_file(arena, mem, want, size, MAP_SHARED, memfd_create("arena", MFD_CLOEXEC));
		filled = true;
		break;
	case IGT_MMGPU_ARENA_MEMFD_PRIVATE:
		map_file(arena, mem, want, size, MAP_PRIVATE, memfd_create("arena", MFD_CLOEXEC));
		filled = true;
		break;
	case IGT_MMGPU_ARENA_FILE:
		map_file(arena, mem, want, size, MAP_SHARED, temporary());
		filled = true;
		break;
	case IGT_MMGPU_ARENA_FILE_PRIVATE:
		map_file(arena, mem, want, size, MAP_PRIVATE, temporary());
		filled = true;
		break;
	case IGT_MMGPU_ARENA_BO:
		map_bo(arena, mem, size);
		break;
	case IGT_MMGPU_ARENA_HUGE:
		map(mem, size, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		/* A kernel without huge pages has small ones here. */
		madvise(mem, size, MADV_HUGEPAGE);
		break;
	case IGT_MMGPU_ARENA_HUGETLB:
		map(mem, size, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
		break;
	default:
		map(mem, size, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		madvise(mem, size, MADV_NOHUGEPAGE);
		break;
	}
	if (!filled)
		memcpy(mem, want, size);
	if (kind == IGT_MMGPU_ARENA_READ_ONLY)
		igt_assert_eq(mprotect(mem, size, PROT_READ), 0);
}

/* Small parts of random kinds. */
static void chop(struct igt_mmgpu_arena *arena, size_t start, size_t size)
{
	static const unsigned int most[] = { 1, 2, 8, 40, 200 };
	struct igt_mmgpu_rand *rnd = arena->rnd;

	for (size_t end = start + size; start < end; start += size) {
		enum igt_mmgpu_arena_kind kind = igt_mmgpu_rand(rnd) % IGT_MMGPU_ARENA_CHOPPED;

		/* Few, or large commands find no place to write to. */
		if (kind == IGT_MMGPU_ARENA_READ_ONLY && igt_mmgpu_rand(rnd) % 4)
			kind = IGT_MMGPU_ARENA_ANON;
		size = PAGE * igt_mmgpu_rand_range(rnd, 1, most[igt_mmgpu_rand(rnd) % 5]);
		if (size > end - start)
			size = end - start;
		add(arena, kind, start, size);
	}
}

void igt_mmgpu_arena_layout(struct igt_mmgpu_arena *arena)
{
	size_t slots = arena->size / IGT_MMGPU_HUGE;
	size_t huge = igt_mmgpu_rand(arena->rnd) % slots;
	size_t hugetlb = igt_mmgpu_rand(arena->rnd) % slots;

	/* There is one such page, so what had it must give it back. */
	munmap(arena->mem, arena->size);
	map(arena->mem, arena->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	arena->num_parts = 0;
	for (size_t i = 0; i < slots; i++) {
		if (i == huge)
			add(arena, IGT_MMGPU_ARENA_HUGE, i * IGT_MMGPU_HUGE, IGT_MMGPU_HUGE);
		else if (i == hugetlb && arena->hugetlb)
			add(arena, IGT_MMGPU_ARENA_HUGETLB, i * IGT_MMGPU_HUGE, IGT_MMGPU_HUGE);
		else
			chop(arena, i * IGT_MMGPU_HUGE, IGT_MMGPU_HUGE);
	}
}

void igt_mmgpu_arena_cool(struct igt_mmgpu_arena *arena)
{
	for (unsigned int i = 0; i < arena->num_parts; i++) {
		const struct igt_mmgpu_arena_part *part = &arena->parts[i];

		switch (part->kind) {
		case IGT_MMGPU_ARENA_SHARED:
		case IGT_MMGPU_ARENA_MEMFD:
		case IGT_MMGPU_ARENA_FILE:
			igt_assert_eq(madvise(arena->mem + part->start, part->size,
					      MADV_DONTNEED), 0);
			break;
		default:
			break;
		}
	}
}

static const struct igt_mmgpu_arena_part *part_at(struct igt_mmgpu_arena *arena, size_t at)
{
	const struct igt_mmgpu_arena_part *part = arena->parts;

	while (at >= part->start + part->size)
		part++;
	return part;
}

bool igt_mmgpu_arena_writable(struct igt_mmgpu_arena *arena, size_t at, size_t size)
{
	const struct igt_mmgpu_arena_part *part = part_at(arena, at);

	for (; part < arena->parts + arena->num_parts && part->start < at + size; part++)
		if (part->kind == IGT_MMGPU_ARENA_READ_ONLY)
			return false;
	return true;
}

size_t igt_mmgpu_arena_pick(struct igt_mmgpu_arena *arena, size_t size, bool write)
{
	struct igt_mmgpu_rand *rnd = arena->rnd;
	size_t most = arena->size - size;

	for (int tries = 0; tries < 1000; tries++) {
		size_t at = igt_mmgpu_rand_range(rnd, 0, most);

		switch (igt_mmgpu_rand(rnd) % 4) {
		case 0:
			/* Over the start of a part, or next to it. */
			at = part_at(arena, at)->start;
			break;
		case 1:
			at &= ~(IGT_MMGPU_HUGE - 1);
			break;
		case 2:
			at &= ~(PAGE - 1);
			break;
		case 3:
			if (!write || igt_mmgpu_arena_writable(arena, at, size))
				return at;
			continue;
		}
		at -= igt_mmgpu_rand_range(rnd, 0, at < size ? at : size);
		if (at <= most && (!write || igt_mmgpu_arena_writable(arena, at, size)))
			return at;
	}
	/* Only for sizes at which it would be strange. */
	igt_assert_f(false, "no place for %zu bytes\n", size);
	return 0;
}

void igt_mmgpu_arena_check(struct igt_mmgpu_arena *arena, size_t start, size_t size)
{
	const struct igt_mmgpu_arena_part *part = part_at(arena, start);
	size_t end = start + size;

	for (; part < arena->parts + arena->num_parts && part->start < end; part++) {
		size_t from = part->start > start ? part->start : start;
		size_t to = part->start + part->size < end ? part->start + part->size : end;

		igt_mmgpu_arena_compare(kind_names[part->kind], arena->mem + from,
					arena->want + from, to - from);
	}
}
