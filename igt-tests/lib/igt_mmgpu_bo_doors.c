// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* The table of the doors to a private buffer. */

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_mmgpu_bo_ways.h"
#include "igt_mmgpu_small.h"

enum door_needs {
	/* Handles and descriptors. */
	THINGS,
	/* The same, by the node and by the dma-buf. */
	WAYS,
	/* A mapping that was made writable on entry, by the node and by the dma-buf. */
	OLD_WRITABLE,
	/* One that was made read-only. */
	OLD_READ_ONLY,
};

/* There is no such door for this standing. */
#define NONE	INT_MAX

/* The same for everybody who has an mm, and for everybody. */
#define ALL(r)			{ r, r, r, r, r, r, NONE }
/* For who may read now, and for who may not. */
#define READERS(yes, no)	{ yes, yes, yes, yes, no, no, NONE }
/* For who may write, who may only read, and who may nothing. */
#define WRITERS(yes, read, no)	{ yes, yes, read, read, no, no, NONE }
/* A mapping that a reader cannot have; taken away; never there. */
#define WRITABLE(yes, taken, no) { yes, yes, NONE, taken, taken, no, NONE }
#define READABLE(yes, taken, no) { yes, yes, yes, yes, taken, no, NONE }

/*
 * In the order in which they are tried. The results are those of owner, writer, reader,
 * narrowed, revoked, nobody, device.
 */
static const struct {
	const char *name;
	const char *what;
	int (*fn)(struct igt_mmgpu_bo_visit *v, const struct igt_mmgpu_bo_way *way);
	enum door_needs needs;
	int result[IGT_MMGPU_BO_STANDINGS];
} doors[] = {
#define D(name, fn, needs, what, ...) { name, what, igt_mmgpu_bo_try_##fn, needs, __VA_ARGS__ }
	D("import", import_new, THINGS, "Import of the dma-buf into a new file",
	  READERS(0, -EPERM)),
	D("import-bound", import_bound, THINGS, "into a file bound to the caller's mm",
	  READERS(0, -EPERM)),
	D("import-read-only", import_read_only, THINGS, "of a read-only descriptor",
	  READERS(0, -EPERM)),
	D("import-again", import_again, THINGS,
	  "into a file that has a handle of it: DRM core returns that, and asks nobody", ALL(0)),
	D("gem-open", open_new, THINGS, "``GEM_OPEN`` of its name on a new file",
	  READERS(0, -EPERM)),
	D("gem-open-again", open_again, THINGS, "on a file that has a handle of it",
	  READERS(0, -EPERM)),
	D("gem-flink", flink, THINGS, "``GEM_FLINK``", ALL(0)),
	D("map-dumb", map_dumb, THINGS, "``MODE_MAP_DUMB``", ALL(0)),
	D("prime-export", prime_export, THINGS, "``PRIME_HANDLE_TO_FD``", ALL(0)),
	D("bo-info", info, THINGS, "``BO_INFO``, which tells the access", READERS(0, -EPERM)),
	D("bo-wait", wait, THINGS, "``BO_WAIT``", READERS(0, -EPERM)),
	D("bo-wait-write", wait_write, THINGS, "``BO_WAIT`` with ``MMGPU_BO_WAIT_WRITE``",
	  READERS(0, -EPERM)),
	D("bo-revoke", revoke_nobody, THINGS, "``BO_GRANT`` of access 0 to number 0",
	  { 0, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM, NONE }),
	D("bo-grant-self", grant_self, THINGS, "``BO_GRANT`` to the caller's own number",
	  { -EINVAL, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM, NONE }),

	D("submit-read", submit_read, THINGS, "``SUBMIT`` that reads", READERS(0, -EPERM)),
	D("submit-write", submit_write, THINGS, "``SUBMIT`` that writes",
	  WRITERS(0, -EACCES, -EPERM)),
	D("submit-both", submit_both, THINGS, "``SUBMIT`` that does both",
	  WRITERS(0, -EACCES, -EPERM)),
	D("submit-unordered", submit_unordered, THINGS,
	  "``SUBMIT`` that reads, with ``NO_IMPLICIT_SYNC``", READERS(0, -EPERM)),
	D("queued-read", queued_read, THINGS,
	  "Start of a reading job that was queued before, its fence",
	  { 0, 0, 0, 0, -ECANCELED, NONE, NONE }),
	D("queued-write", queued_write, THINGS,
	  "Start of a writing job that was queued before, its fence",
	  { 0, 0, NONE, -ECANCELED, -ECANCELED, NONE, NONE }),

	D("sync-start-read", sync_read, THINGS, "``SYNC_START`` of the dma-buf, to read",
	  READERS(0, -EPERM)),
	D("sync-start-write", sync_write, THINGS, "to write", WRITERS(0, -EACCES, -EPERM)),
	D("sync-start-both", sync_both, THINGS, "both", WRITERS(0, -EACCES, -EPERM)),
	D("sync-end", sync_end, THINGS, "``SYNC_END``, of each", ALL(0)),
	D("dmabuf-look", dmabuf_look, THINGS, "Size of the dma-buf, ``poll``", ALL(0)),
	D("dmabuf-fences", dmabuf_fences, THINGS, "``EXPORT_`` and ``IMPORT_SYNC_FILE``", ALL(0)),
	D("attach-driver", attach_vgem, THINGS, "Attachment of another driver (vgem)",
	  { -EPERM, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM }),
	D("attach-device", attach_second, THINGS, "Attachment of another mmgpu device",
	  { -EPERM, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM, -EPERM }),

	D("mmap-read", map_read, WAYS, "New mapping, read-only", READERS(0, -EPERM)),
	D("mmap-write", map_write, WAYS, "New mapping, writable", WRITERS(0, -EACCES, -EPERM)),
	D("mmap-none", map_none, WAYS, "New mapping, ``PROT_NONE``", READERS(0, -EPERM)),
	D("mmap-private", map_private_read, WAYS, "New mapping, ``MAP_PRIVATE``, read-only",
	  READERS(-EINVAL, -EPERM)),
	D("mmap-private-write", map_private_write, WAYS, "New mapping, ``MAP_PRIVATE``, writable",
	  WRITERS(-EINVAL, -EACCES, -EPERM)),
	D("mmap-upgrade", map_upgrade, WAYS, "New mapping, read-only, made writable",
	  READERS(-EACCES, -EPERM)),
	D("mmap-offset", map_offset, THINGS, "New mapping of a part, by the dma-buf",
	  READERS(0, -EPERM)),
	D("mmap-node-offset", map_middle, THINGS, "New mapping of a part, by the node",
	  ALL(-EINVAL)),
	D("mmap-read-only-fd", map_ro_read, THINGS,
	  "New mapping, read-only, of a read-only descriptor", READERS(0, -EPERM)),
	D("mmap-read-only-fd-write", map_ro_write, THINGS,
	  "New mapping, writable, of a read-only descriptor", ALL(-EACCES)),
	D("mmap-read-only-fd-upgrade", map_ro_upgrade, THINGS, "the one before, made writable",
	  READERS(-EACCES, -EPERM)),

	D("read-touched", read_touched, OLD_WRITABLE,
	  "Old writable mapping, read, of a page that was touched before",
	  WRITABLE(0, SIGBUS, SIGSEGV)),
	D("write-touched", write_touched, OLD_WRITABLE, "written",
	  WRITABLE(0, SIGBUS, SIGSEGV)),
	D("read-fresh", read_fresh, OLD_WRITABLE, "read, of a page that was never touched",
	  WRITABLE(0, SIGBUS, SIGSEGV)),
	D("write-fresh", write_fresh, OLD_WRITABLE, "written", WRITABLE(0, SIGBUS, SIGSEGV)),
	D("threads-read", threads_read, OLD_WRITABLE, "read by several threads at once",
	  WRITABLE(0, SIGBUS, SIGSEGV)),
	D("threads-write", threads_write, OLD_WRITABLE, "written by several threads at once",
	  WRITABLE(0, SIGBUS, SIGSEGV)),
	D("syscall-read", syscall_read, OLD_WRITABLE, "``write(2)`` from it",
	  WRITABLE(0, -EFAULT, -EFAULT)),
	D("syscall-write", syscall_write, OLD_WRITABLE, "``read(2)`` into it",
	  WRITABLE(0, -EFAULT, -EFAULT)),
	D("munmap", munmap_part, OLD_WRITABLE, "read where ``munmap`` left something",
	  WRITABLE(0, SIGBUS, SIGSEGV)),
	D("mprotect-down", mprotect_down, OLD_WRITABLE, "read when ``mprotect`` made it read-only",
	  WRITABLE(0, SIGBUS, SIGSEGV)),
	D("mprotect-back", mprotect_back, OLD_WRITABLE, "written when it was read-only in between",
	  WRITABLE(0, SIGBUS, SIGSEGV)),
	D("mremap", mremap_move, OLD_WRITABLE, "read where ``mremap`` moved it to",
	  WRITABLE(0, SIGBUS, -EFAULT)),
	D("mremap-grow", mremap_grow, OLD_WRITABLE, "``mremap`` to a larger size",
	  WRITABLE(-EFAULT, -EFAULT, -EFAULT)),
	D("mremap-copy", mremap_copy, OLD_WRITABLE, "``mremap`` that leaves the old one",
	  WRITABLE(-EFAULT, -EFAULT, -EFAULT)),
	D("mremap-keep", mremap_keep, OLD_WRITABLE, "``MREMAP_DONTUNMAP``",
	  WRITABLE(-EINVAL, -EINVAL, -EFAULT)),
	D("remap-file-pages", remap_pages, OLD_WRITABLE, "``remap_file_pages``, then read",
	  { 0, 0, NONE, -EACCES, -EPERM, -EINVAL, NONE }),
	D("madvise-dontneed", dontneed, OLD_WRITABLE, "``MADV_DONTNEED``",
	  WRITABLE(-EINVAL, -EINVAL, -ENOMEM)),
	D("madvise-populate", populate, OLD_WRITABLE, "``MADV_POPULATE_READ``",
	  WRITABLE(-EINVAL, -EINVAL, -ENOMEM)),
	D("madvise-dofork", dofork, OLD_WRITABLE, "``MADV_DOFORK``",
	  WRITABLE(-EINVAL, -EINVAL, -ENOMEM)),
	D("fork", dofork_child, OLD_WRITABLE, "read by a child after that",
	  WRITABLE(SIGSEGV, SIGSEGV, SIGSEGV)),
	D("process-vm-readv", vm_readv, OLD_WRITABLE, "``process_vm_readv`` by a tracer",
	  WRITABLE(-EFAULT, -EFAULT, -EFAULT)),
	D("process-vm-writev", vm_writev, OLD_WRITABLE, "``process_vm_writev`` by a tracer",
	  WRITABLE(-EFAULT, -EFAULT, -EFAULT)),
	D("proc-mem-read", mem_read, OLD_WRITABLE, "``/proc/PID/mem`` read by a tracer",
	  WRITABLE(-EIO, -EIO, -EIO)),
	D("proc-mem-write", mem_write, OLD_WRITABLE, "``/proc/PID/mem`` written by a tracer",
	  WRITABLE(-EIO, -EIO, -EIO)),
	D("ptrace-peek", peek, OLD_WRITABLE, "``PTRACE_PEEKDATA``", WRITABLE(-EIO, -EIO, -EIO)),
	D("ptrace-poke", poke, OLD_WRITABLE, "``PTRACE_POKEDATA``", WRITABLE(-EIO, -EIO, -EIO)),
	D("vmsplice", vmsplice, OLD_WRITABLE, "``vmsplice``, which keeps the pages",
	  WRITABLE(-EFAULT, -EFAULT, -EFAULT)),

	D("read-only-touched", read_touched, OLD_READ_ONLY,
	  "Old read-only mapping, read, of a page that was touched before",
	  READABLE(0, SIGBUS, SIGSEGV)),
	D("read-only-fresh", read_fresh, OLD_READ_ONLY, "read, of a page that was never touched",
	  READABLE(0, SIGBUS, SIGSEGV)),
	D("read-only-threads", threads_read, OLD_READ_ONLY, "read by several threads at once",
	  READABLE(0, SIGBUS, SIGSEGV)),
	D("read-only-write", write_fresh, OLD_READ_ONLY, "written",
	  READABLE(SIGSEGV, SIGSEGV, SIGSEGV)),
	D("read-only-syscall-read", syscall_read, OLD_READ_ONLY, "``write(2)`` from it",
	  READABLE(0, -EFAULT, -EFAULT)),
	D("read-only-syscall-write", syscall_write, OLD_READ_ONLY, "``read(2)`` into it",
	  READABLE(-EFAULT, -EFAULT, -EFAULT)),
	D("read-only-munmap", munmap_part, OLD_READ_ONLY, "read where ``munmap`` left something",
	  READABLE(0, SIGBUS, SIGSEGV)),
	D("read-only-upgrade", mprotect_up, OLD_READ_ONLY, "``mprotect`` to writable",
	  READABLE(-EACCES, -EACCES, -ENOMEM)),
	D("read-only-mremap", mremap_move, OLD_READ_ONLY, "read where ``mremap`` moved it to",
	  READABLE(0, SIGBUS, -EFAULT)),
	D("read-only-remap-file-pages", remap_pages, OLD_READ_ONLY,
	  "``remap_file_pages``, then read", READABLE(0, -EPERM, -EINVAL)),
	D("read-only-fork", dofork_child, OLD_READ_ONLY, "read by a child after ``MADV_DOFORK``",
	  READABLE(SIGSEGV, SIGSEGV, SIGSEGV)),
	D("read-only-process-vm-readv", vm_readv, OLD_READ_ONLY,
	  "``process_vm_readv`` by a tracer", READABLE(-EFAULT, -EFAULT, -EFAULT)),
	D("read-only-proc-mem-read", mem_read, OLD_READ_ONLY, "``/proc/PID/mem`` read by a tracer",
	  READABLE(-EIO, -EIO, -EIO)),
	D("read-only-proc-mem-write", mem_write, OLD_READ_ONLY,
	  "``/proc/PID/mem`` written by a tracer", READABLE(-EIO, -EIO, -EIO)),
	D("read-only-ptrace-poke", poke, OLD_READ_ONLY, "``PTRACE_POKEDATA``",
	  READABLE(-EIO, -EIO, -EIO)),

	D("gem-close", gem_close, THINGS, "``GEM_CLOSE``", ALL(0)),
	D("import-closed", import_closed, THINGS, "Import into the same file after that",
	  READERS(0, -EPERM)),
#undef D
};

_Static_assert(igt_mmgpu_count(doors) <= IGT_MMGPU_BO_DOORS_MAX, "make room for the doors");

static const struct {
	const char *name;
	uint32_t access;
} standings[] = {
	[IGT_MMGPU_BO_OWNER] = { "Owner", MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE },
	[IGT_MMGPU_BO_WRITER] = { "Writer", MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE },
	[IGT_MMGPU_BO_READER] = { "Reader", MMGPU_ACCESS_READ },
	[IGT_MMGPU_BO_NARROWED] = { "Narrowed", MMGPU_ACCESS_READ },
	[IGT_MMGPU_BO_REVOKED] = { "Revoked", 0 },
	[IGT_MMGPU_BO_NOBODY] = { "Nobody", 0 },
	[IGT_MMGPU_BO_DEVICE] = { "Device", 0 },
};

uint32_t igt_mmgpu_bo_visit_access(const struct igt_mmgpu_bo_visit *v)
{
	return standings[v->standing].access;
}

/* ---- results ---------------------------------------------------------------------------- */

static const char *result_name(int result)
{
	switch (result) {
	case NONE:
		return "--";
	case 0:
		return "ok";
	case SIGBUS:
		return "SIGBUS";
	case SIGSEGV:
		return "SIGSEGV";
	case IGT_MMGPU_BO_NOT_TRIED:
		return "nothing, it was not tried";
	case IGT_MMGPU_BO_WRONG_ANSWER:
		return "a wrong answer";
	case IGT_MMGPU_BO_UNLIKE:
		return "two different results";
	default:
		return result < 0 ? strerrorname_np(-result) ?: "an unknown error" : "a signal";
	}
}

unsigned int igt_mmgpu_bo_visit_judge(const struct igt_mmgpu_bo_visit *v, const char *who)
{
	unsigned int wrong = 0;

	for (unsigned int i = 0; i < igt_mmgpu_count(doors); i++) {
		int want = doors[i].result[v->standing];

		if (want == NONE || v->result[i] == want)
			continue;
		igt_warn("%s/%s: got %s (%d), expected %s\n", who, doors[i].name,
			 result_name(v->result[i]), v->result[i], result_name(want));
		wrong++;
	}
	if (wrong && v->note[0])
		igt_warn("%s: %s\n", who, v->note);
	return wrong;
}

void igt_mmgpu_bo_doors_print(FILE *out)
{
	fprintf(out, ".. list-table::\n   :header-rows: 1\n   :widths: 37 9 9 9 9 9 9 9\n\n"
		"   * - Door\n");
	for (unsigned int i = 0; i < IGT_MMGPU_BO_STANDINGS; i++)
		fprintf(out, "     - %s\n", standings[i].name);
	for (unsigned int i = 0; i < igt_mmgpu_count(doors); i++) {
		fprintf(out, "   * - %s\n", doors[i].what);
		for (unsigned int j = 0; j < IGT_MMGPU_BO_STANDINGS; j++)
			fprintf(out, "     - %s\n", result_name(doors[i].result[j]));
	}
}

/* ---- trying ------------------------------------------------------------------------------- */

/* Where the kernel puts nothing by itself, so that the child's and the program's are free. */
#define MAPS		0x100000000000ull
#define ROOM		(4ull * IGT_MMGPU_BO_SIZE)

static struct igt_mmgpu_bo_way way_of(const struct igt_mmgpu_bo_visit *v, unsigned int door,
				      bool by_dmabuf)
{
	char *map = (char *)(MAPS + (door * 2 + by_dmabuf) * ROOM);

	return (struct igt_mmgpu_bo_way){
		.name = by_dmabuf ? "dma-buf" : "node",
		.fd = by_dmabuf ? v->dmabuf : v->fd,
		.offset = by_dmabuf ? 0 : v->offset,
		.map = map,
		.elsewhere = map + ROOM / 2,
	};
}

/* A slow kernel gets half of the doors by the node, and the others by the dma-buf. */
static bool is_one_way(void)
{
	return igt_mmgpu_is_slow();
}

static bool is_by_dmabuf(unsigned int door)
{
	return door & 1;
}

static int try_door(struct igt_mmgpu_bo_visit *v, unsigned int door)
{
	struct igt_mmgpu_bo_way node = way_of(v, door, false);
	struct igt_mmgpu_bo_way dmabuf = way_of(v, door, true);
	int ret, other;

	if (doors[door].result[v->standing] == NONE)
		return NONE;
	if (doors[door].needs == THINGS)
		return doors[door].fn(v, NULL);
	if (is_one_way())
		return doors[door].fn(v, is_by_dmabuf(door) ? &dmabuf : &node);

	ret = doors[door].fn(v, &node);
	other = doors[door].fn(v, &dmabuf);
	if (ret == other)
		return ret;
	snprintf(v->note, sizeof(v->note), "%s: %s by the node, %s by the dma-buf",
		 doors[door].name, result_name(ret), result_name(other));
	return IGT_MMGPU_BO_UNLIKE;
}

void igt_mmgpu_bo_visit_doors(struct igt_mmgpu_bo_visit *v,
			      enum igt_mmgpu_bo_standing standing)
{
	v->standing = standing;
	for (unsigned int i = 0; i < igt_mmgpu_count(doors); i++)
		v->result[i] = try_door(v, i);
}

/* For one door, and touches some of it. */
static void map_for(struct igt_mmgpu_bo_visit *v, unsigned int door, bool by_dmabuf)
{
	bool writable = doors[door].needs == OLD_WRITABLE;
	struct igt_mmgpu_bo_way way = way_of(v, door, by_dmabuf);
	uint64_t *map;

	map = mmap(way.map, IGT_MMGPU_BO_SIZE, writable ? PROT_READ | PROT_WRITE : PROT_READ,
		   MAP_SHARED | MAP_FIXED_NOREPLACE, way.fd, way.offset);
	igt_assert_f(map == (void *)way.map, "mmap by the %s: %s\n", way.name, strerror(errno));
	for (unsigned int i = 0; i < IGT_MMGPU_BO_TOUCHED; i++) {
		volatile uint64_t *page = map + i * IGT_MMGPU_BO_PAGE / 8;

		igt_assert_eq_u64(page[0], IGT_MMGPU_BO_PATTERN + i);
		if (writable)
			page[1] = 0;
	}
}

void igt_mmgpu_bo_visit_map(struct igt_mmgpu_bo_visit *v, uint32_t access)
{
	for (unsigned int i = 0; i < igt_mmgpu_count(doors); i++) {
		if (doors[i].needs == OLD_READ_ONLY ||
		    (doors[i].needs == OLD_WRITABLE && access & MMGPU_ACCESS_WRITE)) {
			if (!is_one_way() || !is_by_dmabuf(i))
				map_for(v, i, false);
			if (!is_one_way() || is_by_dmabuf(i))
				map_for(v, i, true);
		}
	}
}
