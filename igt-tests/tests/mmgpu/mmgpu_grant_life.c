// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * How long a grant lasts and what it costs: the end of the grantee's mm, the end of the
 * owner's, MAX_GRANTS, and who pays for the memory.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_mmgpu_cgroup.h"
#include "igt_mmgpu_crowd.h"
#include "igt_mmgpu_grant.h"
#include "igt_mmgpu_small.h"

IGT_TEST_DESCRIPTION("The life of grants, and whose memory a granted buffer is.");

#define PAGE	4096
#define PATTERN	0x600d600dull

static struct igt_mmgpu_private own;

static void grant(uint32_t access, uint64_t seq)
{
	igt_mmgpu_private_grant(&own, access, seq);
}

/* ---- what debugfs says ---------------------------------------------------------------------- */

/* A line of a buffer of the owner in "bos", and its grants after it. */
struct debugfs_bo {
	unsigned long long size, mm_seq;
	int mapped;
	unsigned int grants;
};

/* The first buffer of that owner and size. */
static void debugfs_bo(uint64_t mm_seq, uint64_t size, struct debugfs_bo *bo)
{
	char path[64], line[256];
	bool found = false;
	struct stat st;
	FILE *file;

	igt_assert_eq(fstat(own.fd, &st), 0);
	snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%u/bos", (unsigned int)(st.st_rdev & 0xff));
	file = fopen(path, "re");
	igt_require_f(file, "no %s: not root, or debugfs is not mounted\n", path);
	memset(bo, 0, sizeof(*bo));
	while (fgets(line, sizeof(line), file)) {
		struct debugfs_bo at = { };
		unsigned int access;

		if (sscanf(line, " grant mm_seq=%llu access=%u", &at.mm_seq, &access) == 2) {
			bo->grants += found;
			continue;
		}
		if (found)
			break;
		found = sscanf(line, "%llu %llu %*s %*u %d", &at.size, &at.mm_seq, &at.mapped) == 3 &&
			at.mm_seq == mm_seq && at.size == size;
		if (found)
			*bo = at;
	}
	fclose(file);
	igt_assert_f(found, "no buffer of mm %llu in %s\n", (unsigned long long)mm_seq, path);
}

static unsigned int grants(void)
{
	struct debugfs_bo bo;

	debugfs_bo(own.seq, own.size, &bo);
	return bo.grants;
}

/* ---- the end of the grantee ------------------------------------------------------------------- */

static int exec_sleep(int node, int fd, const void *data)
{
	execl("/bin/sleep", "sleep", "1000", NULL);
	return 1;
}

static void grantee_ends(void (*end)(struct igt_mmgpu_peer *peer))
{
	struct igt_mmgpu_peer gone, stays;

	igt_mmgpu_peer_start(&gone, own.legacy);
	igt_mmgpu_peer_start(&stays, own.legacy);
	grant(IGT_MMGPU_READ_WRITE, gone.seq);
	grant(IGT_MMGPU_READ, stays.seq);
	igt_assert_eq(grants(), 2);
	end(&gone);
	igt_mmgpu_await_dead(&own, gone.seq);
	igt_assert_eq(grants(), 1);

	/* It can be revoked all the same, and not be granted again. */
	grant(0, gone.seq);
	igt_assert_eq(__igt_mmgpu_bo_grant(own.fd, own.bo, IGT_MMGPU_READ, gone.seq), -ESRCH);
	igt_assert_eq(igt_mmgpu_peer_access(&stays, own.dmabuf), IGT_MMGPU_READ);
	igt_mmgpu_peer_stop(&stays);
}

static void grantee_exit(void)
{
	grantee_ends(igt_mmgpu_peer_stop);
}

static void kill_peer(struct igt_mmgpu_peer *peer)
{
	kill(peer->proc.pid, SIGKILL);
	igt_assert_eq(igt_mmgpu_proc_join(&peer->proc), -SIGKILL);
}

static void grantee_killed(void)
{
	grantee_ends(kill_peer);
}

/* The process lives on, with another mm. */
static void exec_peer(struct igt_mmgpu_peer *peer)
{
	igt_mmgpu_peer_begin(peer, exec_sleep, -1, NULL, 0);
}

static void grantee_exec(void)
{
	grantee_ends(exec_peer);
}

/* ---- the end of the owner ------------------------------------------------------------------------ */

static struct {
	int file;
	uint32_t bo;
	uint64_t *map;
} grantee;

static int use(int node, int fd, const void *data)
{
	grantee.file = igt_mmgpu_reopen(node);
	igt_mmgpu_bind_mm(grantee.file);
	grantee.bo = igt_mmgpu_import(grantee.file, fd);
	grantee.map = igt_mmgpu_bo_map(grantee.file, grantee.bo, 0, PROT_READ | PROT_WRITE);
	igt_assert_eq_u64(grantee.map[0], PATTERN);
	return 0;
}

/* Old mapping, new mapping, job, another file. */
static int use_on(int node, int fd, const void *data)
{
	struct igt_mmgpu_job job;
	uint64_t *map;

	igt_assert_eq_u64(grantee.map[0], PATTERN);
	igt_assert_eq_u64(grantee.map[PAGE / 8], 0);
	map = igt_mmgpu_bo_map(grantee.file, grantee.bo, 0, PROT_READ | PROT_WRITE);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, grantee.bo, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, 0, 8, 8, 0x123);
	igt_assert_eq(igt_mmgpu_job_run(grantee.file, &job), 0);
	igt_assert_eq_u64(map[1], 0x123);
	igt_assert_eq(igt_mmgpu_access(node, fd), IGT_MMGPU_READ_WRITE);
	/* It inherits the contents, not the rights. */
	igt_assert_eq(__igt_mmgpu_bo_grant(grantee.file, grantee.bo, 0, 0), -EPERM);
	return 0;
}

struct heir {
	uint64_t seq;
};

static int owner_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct heir *heir = data;
	uint64_t *map;
	char byte;

	igt_mmgpu_private_fini(&own);
	igt_mmgpu_private_init(&own, 2 * PAGE);
	map = igt_mmgpu_bo_map(own.fd, own.bo, 0, PROT_READ | PROT_WRITE);
	map[0] = PATTERN;
	grant(IGT_MMGPU_READ_WRITE, heir->seq);
	igt_mmgpu_send_fd(self->sock, own.dmabuf);
	igt_mmgpu_recv(self->sock, &byte, 1);
	return 0;
}

/* A compositor does not crash because its client ends. */
static void owner_ends(bool killed)
{
	struct igt_mmgpu_peer peer, other;
	struct igt_mmgpu_proc owner;
	struct heir heir;
	int dmabuf;

	igt_mmgpu_peer_start(&peer, own.legacy);
	igt_mmgpu_peer_start(&other, own.legacy);
	heir.seq = peer.seq;
	igt_mmgpu_proc_start(&owner, owner_proc, &heir);
	dmabuf = igt_mmgpu_recv_fd(owner.sock);
	igt_assert_eq(igt_mmgpu_peer_call(&peer, use, dmabuf, NULL, 0), 0);

	if (killed)
		kill(owner.pid, SIGKILL);
	else
		igt_mmgpu_send(owner.sock, "", 1);
	igt_assert_eq(igt_mmgpu_proc_join(&owner), killed ? -SIGKILL : 0);
	igt_assert_eq(igt_mmgpu_peer_call(&peer, use_on, dmabuf, NULL, 0), 0);
	igt_assert_eq(igt_mmgpu_peer_access(&other, dmabuf), -EPERM);
	close(dmabuf);
	igt_mmgpu_peer_stop(&peer);
	igt_mmgpu_peer_stop(&other);
}

static void owner_exit(void)
{
	owner_ends(false);
}

static void owner_killed(void)
{
	owner_ends(true);
}

/* ---- how many ------------------------------------------------------------------------------------- */

static void max_grants(void)
{
	uint64_t max = igt_mmgpu_get_param(own.fd, MMGPU_PARAM_MAX_GRANTS);
	struct igt_mmgpu_one *ones = calloc(max, sizeof(*ones));
	struct igt_mmgpu_crowd crowd;
	struct igt_mmgpu_peer extra;

	igt_assert(ones);
	igt_mmgpu_peer_start(&extra, own.legacy);
	igt_mmgpu_crowd_start(&crowd, own.legacy);
	for (uint64_t i = 0; i < max; i++) {
		ones[i] = igt_mmgpu_crowd_add(&crowd);
		grant(IGT_MMGPU_READ, ones[i].seq);
	}
	for (int i = 0; i < 2; i++)
		igt_assert_eq(__igt_mmgpu_bo_grant(own.fd, own.bo, IGT_MMGPU_READ, extra.seq),
			      -ENOSPC);
	igt_assert_eq(grants(), max);
	igt_assert_eq(igt_mmgpu_peer_access(&extra, own.dmabuf), -EPERM);

	/* What comes before in the order, and what needs no place. */
	igt_assert_eq(__igt_mmgpu_bo_grant(own.fd, own.bo, IGT_MMGPU_READ, own.seq), -EINVAL);
	igt_assert_eq(__igt_mmgpu_bo_grant(own.fd, own.bo, IGT_MMGPU_READ, ~0ull), -ESRCH);
	grant(0, extra.seq);
	grant(IGT_MMGPU_READ_WRITE, ones[max / 2].seq);
	grant(IGT_MMGPU_READ, ones[max / 2].seq);

	/* A place that was given back, by revoking and by dying. */
	grant(0, ones[0].seq);
	grant(IGT_MMGPU_READ_WRITE, extra.seq);
	igt_assert_eq(igt_mmgpu_peer_access(&extra, own.dmabuf), IGT_MMGPU_READ_WRITE);
	igt_assert_eq(__igt_mmgpu_bo_grant(own.fd, own.bo, IGT_MMGPU_READ, ones[0].seq), -ENOSPC);
	igt_mmgpu_crowd_kill(&ones[1]);
	igt_mmgpu_await_dead(&own, ones[1].seq);
	grant(IGT_MMGPU_READ, ones[0].seq);

	/* All of them at once. */
	for (uint64_t i = 2; i < max; i++)
		igt_mmgpu_crowd_kill(&ones[i]);
	for (uint64_t i = 2; i < max; i++)
		igt_mmgpu_await_dead(&own, ones[i].seq);
	igt_assert_eq(grants(), 2);
	for (uint64_t i = 0; i < max - 2; i++)
		grant(IGT_MMGPU_READ, igt_mmgpu_crowd_add(&crowd).seq);
	igt_assert_eq(__igt_mmgpu_bo_grant(own.fd, own.bo, IGT_MMGPU_READ, ones[1].seq), -ESRCH);
	igt_assert_eq(__igt_mmgpu_bo_grant(own.fd, own.bo, IGT_MMGPU_READ,
					   igt_mmgpu_crowd_add(&crowd).seq), -ENOSPC);
	igt_mmgpu_crowd_stop(&crowd);
	igt_mmgpu_peer_stop(&extra);
	free(ones);
}

/* More dead grantees than MAX_GRANTS leave nothing behind. */
static void many_dead(void)
{
	uint64_t max = igt_mmgpu_get_param(own.fd, MMGPU_PARAM_MAX_GRANTS);
	struct igt_mmgpu_crowd crowd;

	igt_mmgpu_crowd_start(&crowd, own.legacy);
	for (uint64_t i = 0; i < max + 2; i++) {
		struct igt_mmgpu_one one = igt_mmgpu_crowd_add(&crowd);

		grant(IGT_MMGPU_READ, one.seq);
		igt_mmgpu_crowd_kill(&one);
	}
	igt_mmgpu_crowd_stop(&crowd);
}

/* ---- memory ---------------------------------------------------------------------------------------- */

/* Granted is populated, before anybody touches it. */
static void populates(void)
{
	struct igt_mmgpu_peer peer;
	struct debugfs_bo bo;

	igt_mmgpu_peer_start(&peer, own.legacy);
	debugfs_bo(own.seq, own.size, &bo);
	igt_assert_eq(bo.mapped, 0);
	grant(0, peer.seq);
	debugfs_bo(own.seq, own.size, &bo);
	igt_assert_eq(bo.mapped, 0);
	grant(IGT_MMGPU_READ, peer.seq);
	debugfs_bo(own.seq, own.size, &bo);
	igt_assert_eq(bo.mapped, 1);
	igt_mmgpu_peer_stop(&peer);
}

#define OWNER_GROUP	"mmgpu-owner"
#define GRANTEE_GROUP	"mmgpu-grantee"
#define MEMORY_SIZE	(32ll << 20)

static int enter_grantee(int node, int fd, const void *data)
{
	igt_mmgpu_cgroup_enter(GRANTEE_GROUP);
	return 0;
}

static int touch_all(int node, int fd, const void *data)
{
	struct igt_mmgpu_job job;
	uint64_t *map;
	uint32_t bo;

	bo = igt_mmgpu_import(node, fd);
	map = igt_mmgpu_bo_map(node, bo, 0, PROT_READ | PROT_WRITE);
	for (uint64_t i = 0; i < MEMORY_SIZE; i += PAGE)
		map[i / 8] = 1;
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, bo, MMGPU_BO_REF_WRITE);
	igt_mmgpu_cmd_fill(&job, 0, 0, MEMORY_SIZE, 2);
	return igt_mmgpu_job_run(node, &job);
}

static int charged_owner(struct igt_mmgpu_proc *self, void *data)
{
	int64_t before, owner, other;
	struct igt_mmgpu_peer peer;

	igt_mmgpu_peer_start(&peer, own.legacy);
	igt_assert_eq(igt_mmgpu_peer_call(&peer, enter_grantee, -1, NULL, 0), 0);
	igt_mmgpu_cgroup_enter(OWNER_GROUP);
	igt_mmgpu_private_fini(&own);
	igt_mmgpu_private_init(&own, MEMORY_SIZE);
	before = igt_mmgpu_cgroup_memory(OWNER_GROUP);
	other = igt_mmgpu_cgroup_memory(GRANTEE_GROUP);
	grant(IGT_MMGPU_READ_WRITE, peer.seq);
	owner = igt_mmgpu_cgroup_memory(OWNER_GROUP) - before;
	igt_assert_eq(igt_mmgpu_peer_call(&peer, touch_all, own.dmabuf, NULL, 0), 0);
	other = igt_mmgpu_cgroup_memory(GRANTEE_GROUP) - other;
	igt_info("owner: %lld KiB more; grantee: %lld KiB more\n", (long long)owner / 1024,
		 (long long)other / 1024);
	/* Each CPU has some pages charged in advance. */
	igt_assert_lte_s64(MEMORY_SIZE - MEMORY_SIZE / 8, owner);
	igt_assert_lt_s64(other, MEMORY_SIZE / 4);
	igt_mmgpu_peer_stop(&peer);
	return 0;
}

/* The pages are the owner's, as its memory cgroup sees it. */
static void charges_owner(void)
{
	struct igt_mmgpu_proc proc;

	igt_mmgpu_cgroup_make(OWNER_GROUP, IGT_MMGPU_CGROUP_UNLIMITED);
	igt_mmgpu_cgroup_make(GRANTEE_GROUP, IGT_MMGPU_CGROUP_UNLIMITED);
	igt_mmgpu_proc_start(&proc, charged_owner, NULL);
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
	igt_mmgpu_cgroup_remove(OWNER_GROUP);
	igt_mmgpu_cgroup_remove(GRANTEE_GROUP);
}

/* ---------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*fn)(void);
	const char *what;
} tests[] = {
	{ "grantee-exit", grantee_exit, "a grant ends with the grantee" },
	{ "grantee-killed", grantee_killed, "also when it is killed" },
	{ "grantee-exec", grantee_exec, "and when it executes a program" },
	{ "owner-exit", owner_exit, "it stays when the owner is gone" },
	{ "owner-killed", owner_killed, "also when it is killed" },
	{ "max-grants", max_grants, "ENOSPC at MAX_GRANTS living grantees, dead ones don't count" },
	{ "many-dead", many_dead, "more dead grantees than that" },
	{ "populates", populates, "granting populates the buffer" },
	{ "charges-owner", charges_owner, "at the owner's expense" },
};

int igt_main()
{
	igt_fixture()
		close(igt_mmgpu_open());

	for (unsigned int i = 0; i < igt_mmgpu_count(tests); i++) {
		igt_describe(tests[i].what);
		igt_subtest(tests[i].name) {
			igt_mmgpu_private_init(&own, 16 * PAGE);
			tests[i].fn();
			igt_mmgpu_proc_cleanup();
			igt_mmgpu_private_fini(&own);
		}
	}

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
