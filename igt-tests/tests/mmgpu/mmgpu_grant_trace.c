// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * What an administrator sees: an event for each grant and each revocation, one for each
 * refusal with who, which door and which number, a debug message, and a table in debugfs.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "igt.h"
#include "igt_mmgpu_file.h"
#include "igt_mmgpu_grant.h"

IGT_TEST_DESCRIPTION("Grants and refusals in the trace, in the log and in debugfs.");

#define PAGE		4096
#define READ		IGT_MMGPU_READ
#define READ_WRITE	IGT_MMGPU_READ_WRITE

static struct igt_mmgpu_private own;
static struct igt_mmgpu_theirs *const theirs = &igt_mmgpu_theirs;

static void grant(uint32_t access, uint64_t seq)
{
	igt_mmgpu_private_grant(&own, access, seq);
}

/* ---- the trace ------------------------------------------------------------------------------ */

#define TRACING		"/sys/kernel/tracing"
#define INSTANCE	TRACING "/instances/mmgpu-test"

static void trace_start(void)
{
	rmdir(INSTANCE);
	igt_require_f(!mkdir(INSTANCE, 0700), "no " TRACING ": not root, or not mounted\n");
	igt_assert(igt_mmgpu_file_write(INSTANCE "/events/mmgpu/enable", "1"));
}

static void trace_stop(void)
{
	igt_mmgpu_file_write(INSTANCE "/events/mmgpu/enable", "0");
	rmdir(INSTANCE);
}

static void trace_clear(void)
{
	int fd = open(INSTANCE "/trace", O_WRONLY | O_TRUNC | O_CLOEXEC);

	igt_assert_fd(fd);
	close(fd);
}

/* How many events of that text there were since it was cleared; pid 0 is anybody's. */
static unsigned int trace_count(pid_t pid, const char *event)
{
	FILE *file = fopen(INSTANCE "/trace", "re");
	unsigned int count = 0;
	char line[512], who[32];

	igt_assert(file);
	snprintf(who, sizeof(who), "-%d ", pid);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = 0;
		if (line[0] == '#')
			continue;
		igt_debug("%s\n", line);
		/* "comm-pid [cpu] flags time: event: fields" */
		if (strlen(line) >= strlen(event) &&
		    !strcmp(line + strlen(line) - strlen(event), event) &&
		    (!pid || strstr(line, who)))
			count++;
	}
	fclose(file);
	return count;
}

static void trace_one(pid_t pid, const char *event)
{
	unsigned int count = trace_count(pid, event);

	igt_assert_f(count == 1, "%u events of process %d: %s\n", count, pid, event);
}

/* Which card it is, as the events have it. */
static unsigned int card(void)
{
	struct stat st;
	int fd = igt_mmgpu_open_primary();

	igt_assert_eq(fstat(fd, &st), 0);
	close(fd);
	return st.st_rdev & 0xff;
}

/* ---- grants ---------------------------------------------------------------------------------- */

static void change(struct igt_mmgpu_peer *peer, uint32_t access, uint32_t before, const char *event)
{
	char text[128];

	trace_clear();
	grant(access, peer->seq);
	if (!event) {
		igt_assert_eq(trace_count(getpid(), ""), 0);
		return;
	}
	snprintf(text, sizeof(text), "%s: dev=%u owner_mm_seq=%llu mm_seq=%llu access=%u before=%u",
		 event, card(), (unsigned long long)own.seq, (unsigned long long)peer->seq,
		 access, before);
	trace_one(getpid(), text);
}

static void grants(void)
{
	struct igt_mmgpu_peer peer;

	igt_mmgpu_peer_start(&peer, own.legacy);
	change(&peer, 0, 0, NULL);
	change(&peer, READ, 0, "mmgpu_grant");
	change(&peer, READ_WRITE, READ, "mmgpu_grant");
	change(&peer, READ, READ_WRITE, "mmgpu_revoke");
	change(&peer, 0, READ, "mmgpu_revoke");
	change(&peer, 0, 0, NULL);
	change(&peer, READ_WRITE, 0, "mmgpu_grant");
	change(&peer, 0, READ_WRITE, "mmgpu_revoke");
	igt_mmgpu_peer_stop(&peer);
}

/* ---- refusals, one of each door ---------------------------------------------------------------- */

static uint64_t *their_map;

/* While everything is granted. */
static int prepare(int node, int fd, const void *data)
{
	their_map = igt_mmgpu_bo_map(theirs->file, theirs->bo, 0, PROT_READ | PROT_WRITE);
	return 0;
}

static int try_import(int node, int fd, const void *data)
{
	uint32_t handle;

	return __igt_mmgpu_import(node, fd, &handle);
}

static int submit(uint32_t flags)
{
	struct igt_mmgpu_job job;

	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, theirs->bo, flags);
	return __igt_mmgpu_job_submit(theirs->file, &job);
}

static int try_read_job(int node, int fd, const void *data)
{
	return submit(MMGPU_BO_REF_READ);
}

static int try_write_job(int node, int fd, const void *data)
{
	return submit(MMGPU_BO_REF_WRITE);
}

static int try_info(int node, int fd, const void *data)
{
	struct drm_mmgpu_bo_info info;

	return __igt_mmgpu_bo_info(theirs->file, theirs->bo, &info);
}

static int try_wait(int node, int fd, const void *data)
{
	return __igt_mmgpu_bo_wait(theirs->file, theirs->bo, 0, 0);
}

static int try_grant(int node, int fd, const void *data)
{
	return __igt_mmgpu_bo_grant(theirs->file, theirs->bo, READ, 0);
}

static int map(int fd, uint64_t offset, int prot)
{
	void *at = mmap(NULL, PAGE, prot, MAP_SHARED, fd, offset);

	return at == MAP_FAILED ? -errno : 0;
}

static int try_map(int node, int fd, const void *data)
{
	return map(fd, 0, PROT_READ);
}

static int try_map_write(int node, int fd, const void *data)
{
	return map(theirs->file, own.offset, PROT_READ | PROT_WRITE);
}

/* Once, which a system call would not do. */
static int try_fault(int node, int fd, const void *data)
{
	return igt_mmgpu_touch_read(their_map, 0);
}

static int sync_start(int fd, uint64_t flags)
{
	struct dma_buf_sync args = { .flags = DMA_BUF_SYNC_START | flags };

	return igt_mmgpu_ioctl(fd, DMA_BUF_IOCTL_SYNC, &args);
}

static int try_sync(int node, int fd, const void *data)
{
	return sync_start(fd, DMA_BUF_SYNC_READ);
}

static int try_sync_write(int node, int fd, const void *data)
{
	return sync_start(fd, DMA_BUF_SYNC_RW);
}

/* The gate of the owner's bound file. */
static int try_ioctl(int node, int fd, const void *data)
{
	return __igt_mmgpu_bo_wait(own.fd, own.bo, 0, 0);
}

static int try_read(int node, int fd, const void *data)
{
	char byte;

	return read(own.fd, &byte, 1) < 0 ? -errno : 0;
}

static int try_poll(int node, int fd, const void *data)
{
	return igt_mmgpu_poll_ms(own.fd, POLLIN, 0) == POLLERR ? -EPERM : 0;
}

static int try_gate_map(int node, int fd, const void *data)
{
	return map(own.fd, own.offset, PROT_READ);
}

static const struct refusal {
	const char *name;
	const char *door;
	igt_mmgpu_peer_fn fn;
	/* What is left of the grant. */
	uint32_t left;
	/* What the visitor gets, and the error in the trace, if that is not the same. */
	int ret, error;
} refusals[] = {
	{ "import", "handle", try_import, 0, -EPERM },
	{ "submit", "submit", try_read_job, 0, -EPERM },
	{ "submit-write", "submit", try_write_job, READ, -EACCES },
	{ "bo-info", "bo_info", try_info, 0, -EPERM },
	{ "bo-wait", "bo_wait", try_wait, 0, -EPERM },
	{ "bo-grant", "bo_grant", try_grant, READ_WRITE, -EPERM },
	{ "mmap", "mmap", try_map, 0, -EPERM },
	{ "mmap-write", "mmap", try_map_write, READ, -EACCES },
	{ "fault", "fault", try_fault, 0, SIGBUS, -EPERM },
	{ "fault-narrowed", "fault", try_fault, READ, SIGBUS, -EACCES },
	{ "sync-start", "sync_start", try_sync, 0, -EPERM },
	{ "sync-start-write", "sync_start", try_sync_write, READ, -EACCES },
	{ "gate-ioctl", "ioctl", try_ioctl, READ_WRITE, -EPERM },
	{ "gate-read", "read", try_read, READ_WRITE, -EPERM },
	{ "gate-poll", "poll", try_poll, READ_WRITE, -EPERM },
	{ "gate-mmap", "mmap", try_gate_map, READ_WRITE, -EPERM },
};

static void refuse_text(char *text, size_t size, const char *door, uint64_t caller, int error)
{
	snprintf(text, size,
		 "mmgpu_refuse: dev=%u door=%s caller_mm_seq=%llu owner_mm_seq=%llu error=%d",
		 card(), door, (unsigned long long)caller, (unsigned long long)own.seq, error);
}

static void refusal_event(const struct refusal *r)
{
	struct igt_mmgpu_peer peer;
	char text[256];

	igt_mmgpu_peer_enter(&peer, &own, READ_WRITE, false);
	igt_assert_eq(igt_mmgpu_peer_call(&peer, prepare, -1, NULL, 0), 0);
	grant(r->left, peer.seq);
	trace_clear();
	igt_assert_eq(igt_mmgpu_peer_call(&peer, r->fn, own.dmabuf, NULL, 0), r->ret);
	refuse_text(text, sizeof(text), r->door, peer.seq, r->error ?: r->ret);
	trace_one(peer.proc.pid, text);
	/* And nothing else of it was refused. */
	igt_assert_eq(trace_count(peer.proc.pid, ""), 1);
	igt_mmgpu_peer_stop(&peer);
}

/* A process that has no number. */
static int numberless_proc(struct igt_mmgpu_proc *self, void *data)
{
	uint32_t handle;

	igt_assert_eq(__igt_mmgpu_import(igt_mmgpu_reopen(own.legacy), own.dmabuf, &handle),
		      -EPERM);
	return 0;
}

static void numberless(void)
{
	struct igt_mmgpu_proc proc;
	char text[256];
	pid_t pid;

	trace_clear();
	igt_mmgpu_proc_start(&proc, numberless_proc, NULL);
	pid = proc.pid;
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
	refuse_text(text, sizeof(text), "handle", 0, -EPERM);
	trace_one(pid, text);
}

/* A job's refusal happens where jobs run, and names the mm that submitted it. */
static int queue_job(int node, int fd, const void *data)
{
	uint32_t in = igt_mmgpu_syncobj_create(theirs->file);
	uint32_t out = igt_mmgpu_syncobj_create(theirs->file);
	struct igt_mmgpu_job job;

	igt_mmgpu_syncobj_import(theirs->file, in, fd);
	igt_mmgpu_job_init(&job, 0);
	igt_mmgpu_job_bo(&job, theirs->bo, MMGPU_BO_REF_WRITE);
	igt_mmgpu_job_in(&job, in, 0);
	igt_mmgpu_job_out(&job, out, 0);
	igt_mmgpu_job_submit(theirs->file, &job);
	theirs->sync_file = igt_mmgpu_syncobj_export(theirs->file, out);
	return 0;
}

static void job(void)
{
	struct igt_mmgpu_peer peer;
	struct igt_mmgpu_gate gate;
	char text[256];

	igt_mmgpu_gate_init(&gate);
	igt_mmgpu_peer_enter(&peer, &own, READ_WRITE, false);
	igt_assert_eq(igt_mmgpu_peer_call(&peer, queue_job, gate.sync_file, NULL, 0), 0);
	grant(READ, peer.seq);
	trace_clear();
	igt_mmgpu_gate_open(&gate);
	igt_assert_eq(igt_mmgpu_peer_result(&peer), -ECANCELED);
	refuse_text(text, sizeof(text), "job", peer.seq, -EACCES);
	trace_one(0, text);
	igt_mmgpu_peer_stop(&peer);
	igt_mmgpu_gate_fini(&gate);
}

/* A device has no number. */
static void attach(void)
{
	struct igt_mmgpu_gate gate;
	uint32_t handle;
	char text[256];

	igt_mmgpu_gate_init(&gate);
	trace_clear();
	igt_assert_eq(__igt_mmgpu_import(gate.vgem, own.dmabuf, &handle), -EPERM);
	refuse_text(text, sizeof(text), "attach", 0, -EPERM);
	trace_one(getpid(), text);
	igt_mmgpu_gate_fini(&gate);
}

/* ---- the log, and debugfs ------------------------------------------------------------------------ */

#define DRM_DEBUG	"/sys/module/drm/parameters/debug"

static bool log_has(int kmsg, const char *text)
{
	char line[1024];
	ssize_t n;

	while ((n = read(kmsg, line, sizeof(line) - 1)) > 0) {
		line[n] = 0;
		if (strstr(line, text))
			return true;
	}
	return false;
}

/* With drm.debug's bit of drivers set. */
static void message(void)
{
	int kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct igt_mmgpu_peer peer;
	char text[128];

	igt_require_f(kmsg >= 0 && lseek(kmsg, 0, SEEK_END) == 0 && igt_mmgpu_file_write(DRM_DEBUG, "0x2"),
		      "no /dev/kmsg or no " DRM_DEBUG ": not root\n");
	igt_mmgpu_peer_start(&peer, own.legacy);
	igt_assert_eq(igt_mmgpu_peer_access(&peer, own.dmabuf), -EPERM);
	igt_assert(igt_mmgpu_file_write(DRM_DEBUG, "0"));
	snprintf(text, sizeof(text), "handle: mm %llu refused what is mm %llu's: -1",
		 (unsigned long long)peer.seq, (unsigned long long)own.seq);
	igt_assert(log_has(kmsg, text));
	close(kmsg);
	igt_mmgpu_peer_stop(&peer);
}

/* All lines after our buffer, which no other has the size of, up to the next buffer. */
static void debugfs_grants(char *text, size_t size)
{
	char path[64], line[256];
	unsigned long long bytes, seq;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%u/bos", card());
	file = fopen(path, "re");
	igt_require_f(file, "no %s: not root, or debugfs is not mounted\n", path);
	text[0] = 0;
	while (fgets(line, sizeof(line), file)) {
		bool is_grant = !strncmp(line, "  grant ", 8);

		if (found && !is_grant)
			break;
		if (found)
			strncat(text, line, size - strlen(text) - 1);
		if (!is_grant)
			found = sscanf(line, "%llu %llu", &bytes, &seq) == 2 && seq == own.seq &&
				bytes == own.size;
	}
	fclose(file);
	igt_assert(found);
}

static void debugfs(void)
{
	struct igt_mmgpu_peer a, b;
	char text[512], want[512];

	debugfs_grants(text, sizeof(text));
	igt_assert(!text[0]);
	igt_mmgpu_peer_start(&a, own.legacy);
	igt_mmgpu_peer_start(&b, own.legacy);
	grant(READ, a.seq);
	grant(READ_WRITE, b.seq);
	debugfs_grants(text, sizeof(text));
	snprintf(want, sizeof(want), "  grant mm_seq=%llu access=1\n  grant mm_seq=%llu access=3\n",
		 (unsigned long long)a.seq, (unsigned long long)b.seq);
	igt_assert_f(!strcmp(text, want), "%s instead of %s", text, want);

	grant(0, a.seq);
	grant(READ, b.seq);
	debugfs_grants(text, sizeof(text));
	snprintf(want, sizeof(want), "  grant mm_seq=%llu access=1\n", (unsigned long long)b.seq);
	igt_assert_f(!strcmp(text, want), "%s instead of %s", text, want);
	igt_mmgpu_peer_stop(&a);
	igt_mmgpu_peer_stop(&b);
}

/* ---------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*fn)(void);
	const char *what;
} tests[] = {
	{ "grants", grants, "mmgpu_grant and mmgpu_revoke, with what there was before" },
	{ "refuse-numberless", numberless, "a refused process without a number has 0" },
	{ "refuse-job", job, "a job that is refused when it would start" },
	{ "refuse-attach", attach, "another driver's attachment" },
};

int igt_main()
{
	igt_fixture()
		close(igt_mmgpu_open());

	igt_subtest_group() {
		igt_fixture()
			trace_start();

		for (unsigned int i = 0; i < igt_mmgpu_count(tests); i++) {
			igt_describe(tests[i].what);
			igt_subtest(tests[i].name) {
				igt_mmgpu_private_init(&own, 16 * PAGE);
				tests[i].fn();
				igt_mmgpu_private_fini(&own);
			}
		}

		for (unsigned int i = 0; i < igt_mmgpu_count(refusals); i++) {
			igt_describe_f("mmgpu_refuse at the door %s", refusals[i].door);
			igt_subtest_f("refuse-%s", refusals[i].name) {
				igt_mmgpu_private_init(&own, 16 * PAGE);
				refusal_event(&refusals[i]);
				igt_mmgpu_private_fini(&own);
			}
		}

		igt_fixture()
			trace_stop();
	}

	igt_describe("A debug message for a refusal.");
	igt_subtest("message") {
		igt_mmgpu_private_init(&own, 16 * PAGE);
		message();
		igt_mmgpu_private_fini(&own);
	}

	igt_describe("The grants of a buffer in debugfs.");
	igt_subtest("debugfs") {
		igt_mmgpu_private_init(&own, 17 * PAGE);
		debugfs();
		igt_mmgpu_private_fini(&own);
	}

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
