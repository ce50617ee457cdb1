// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/*
 * Everybody tries every door to a private buffer. The doors and their results are in
 * lib/igt_mmgpu_bo_doors.c; here is who comes, and by which way it got there. With --doors
 * the binary prints both as the documentation has them.
 */

#include <getopt.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_mmgpu_bo_doors.h"

IGT_TEST_DESCRIPTION("Who may do what with a private buffer: owner, grantees, everybody else.");

#define READ_WRITE	(MMGPU_ACCESS_READ | MMGPU_ACCESS_WRITE)

enum role {
	/* Made the buffer. */
	OWNER,
	/* A process that was there before the buffer, and was granted it. */
	GRANTEE,
	/* Such a process that was sent the owner's legacy files and dma-bufs. */
	STRANGER,
};

/* What becomes of it when it holds everything. */
enum turn {
	NOTHING,
	NARROW,
	REVOKE,
	/* Revoke and grant again. */
	REGRANT,
	/* The owner exits. */
	OWNER_EXIT,
};

/* Who tries the doors then. */
enum visitor_is {
	ITSELF,
	CHILD,
	/* A child whose parent is gone. */
	ORPHAN,
	/* The program that it executes. */
	PROGRAM,
};

static const struct visitor {
	const char *name;
	enum igt_mmgpu_bo_standing standing;
	const char *what;
	enum role role;
	bool bind;
	uint32_t access;
	enum turn turn;
	enum visitor_is is;
} visitors[] = {
	{ "owner", IGT_MMGPU_BO_OWNER, "the owner, by another bound file",
	  OWNER, true, READ_WRITE },
	{ "owner-legacy", IGT_MMGPU_BO_OWNER, "the owner, by a legacy file",
	  OWNER, false, READ_WRITE },
	{ "grantee-write", IGT_MMGPU_BO_WRITER, "a grantee, read-write, by its own bound file",
	  GRANTEE, true, READ_WRITE },
	{ "grantee-write-legacy", IGT_MMGPU_BO_WRITER, "a grantee, read-write, by a legacy file",
	  GRANTEE, false, READ_WRITE },
	{ "granted-again", IGT_MMGPU_BO_WRITER,
	  "a grantee that was revoked and granted the same again", GRANTEE, true, READ_WRITE,
	  REGRANT },
	{ "granted-again-legacy", IGT_MMGPU_BO_WRITER, "the same by a legacy file",
	  GRANTEE, false, READ_WRITE, REGRANT },
	{ "owner-gone-write", IGT_MMGPU_BO_WRITER, "a grantee, read-write, whose owner is gone",
	  GRANTEE, true, READ_WRITE, OWNER_EXIT },
	{ "grantee-read", IGT_MMGPU_BO_READER, "a grantee, read, by its own bound file",
	  GRANTEE, true, MMGPU_ACCESS_READ },
	{ "grantee-read-legacy", IGT_MMGPU_BO_READER, "a grantee, read, by a legacy file",
	  GRANTEE, false, MMGPU_ACCESS_READ },
	{ "owner-gone-read", IGT_MMGPU_BO_READER, "a grantee, read, whose owner is gone",
	  GRANTEE, false, MMGPU_ACCESS_READ, OWNER_EXIT },
	{ "narrowed", IGT_MMGPU_BO_NARROWED, "a grantee, read-write first and read now",
	  GRANTEE, true, READ_WRITE, NARROW },
	{ "narrowed-legacy", IGT_MMGPU_BO_NARROWED, "the same by a legacy file",
	  GRANTEE, false, READ_WRITE, NARROW },
	{ "revoked", IGT_MMGPU_BO_REVOKED, "a grantee of before", GRANTEE, true, READ_WRITE,
	  REVOKE },
	{ "revoked-legacy", IGT_MMGPU_BO_REVOKED, "the same by a legacy file",
	  GRANTEE, false, READ_WRITE, REVOKE },
	{ "child", IGT_MMGPU_BO_NOBODY, "a forked child of the owner, with all its files",
	  OWNER, false, READ_WRITE, NOTHING, CHILD },
	{ "orphan", IGT_MMGPU_BO_NOBODY, "the same when the owner is gone",
	  OWNER, false, READ_WRITE, NOTHING, ORPHAN },
	{ "stranger", IGT_MMGPU_BO_NOBODY, "a process that was sent files and dma-buf",
	  STRANGER, false, 0 },
	{ "grantee-child", IGT_MMGPU_BO_NOBODY, "a forked child of a grantee, with all its files",
	  GRANTEE, false, READ_WRITE, NOTHING, CHILD },
	{ "grantee-orphan", IGT_MMGPU_BO_NOBODY, "the same when the grantee is gone",
	  GRANTEE, false, READ_WRITE, NOTHING, ORPHAN },
	{ "grantee-exec", IGT_MMGPU_BO_NOBODY, "the program that a grantee executes",
	  GRANTEE, false, READ_WRITE, NOTHING, PROGRAM },
	{ "owner-exec", IGT_MMGPU_BO_NOBODY, "the program that the owner executes",
	  OWNER, false, READ_WRITE, NOTHING, PROGRAM },
};

static struct igt_mmgpu_bo_visit *visit;
static struct igt_mmgpu_gate gate;
/* Closed when the last visitor is gone. */
static int alive[2];
/* An orphan waits here until it is one. */
static int orphaned[2];

/* ---- the processes ----------------------------------------------------------------- */

static void send_files(int sock)
{
	igt_mmgpu_send_fd(sock, visit->dmabuf);
	igt_mmgpu_send_fd(sock, visit->ro_dmabuf);
}

static void recv_files(int sock)
{
	visit->dmabuf = igt_mmgpu_recv_fd(sock);
	visit->ro_dmabuf = igt_mmgpu_recv_fd(sock);
}

static void report(int sock)
{
	igt_mmgpu_send(sock, "", 1);
}

static void await(int sock)
{
	char byte;

	igt_mmgpu_recv(sock, &byte, 1);
}

static int owner_proc(struct igt_mmgpu_proc *self, void *data)
{
	const struct visitor *who = data;
	struct igt_mmgpu_bo_owner owner;
	uint64_t seq;

	close(orphaned[1]);
	igt_mmgpu_recv(self->sock, &seq, sizeof(seq));
	igt_mmgpu_bo_visit_create(visit, &owner);
	if (who->role == STRANGER) {
		igt_mmgpu_bo_visit_enter(visit, false, READ_WRITE, NULL);
		igt_mmgpu_send_fd(self->sock, visit->fd);
		igt_mmgpu_send_fd(self->sock, visit->primary);
	} else {
		igt_mmgpu_bo_visit_grant(&owner, who->access, seq);
	}
	send_files(self->sock);

	await(self->sock);
	switch (who->turn) {
	case NARROW:
		igt_mmgpu_bo_visit_grant(&owner, MMGPU_ACCESS_READ, seq);
		break;
	case REVOKE:
		igt_mmgpu_bo_visit_grant(&owner, 0, seq);
		break;
	case REGRANT:
		igt_mmgpu_bo_visit_grant(&owner, 0, seq);
		igt_mmgpu_bo_visit_grant(&owner, who->access, seq);
		break;
	case OWNER_EXIT:
		return 0;
	case NOTHING:
		break;
	}
	report(self->sock);

	/* The doors are tried. */
	await(self->sock);
	igt_mmgpu_bo_visit_untouched(visit, &owner);
	return 0;
}

static void visit_by_child(const struct visitor *who)
{
	int status;
	pid_t pid = fork();

	igt_assert_lte(0, pid);
	if (!pid) {
		char byte;

		if (who->is == ORPHAN && read(orphaned[0], &byte, 1))
			_exit(1);
		igt_mmgpu_bo_visit_doors(visit, who->standing);
		_exit(0);
	}
	if (who->is == ORPHAN)
		return;
	igt_assert_eq(waitpid(pid, &status, 0), pid);
	igt_assert_eq(status, 0);
}

static int visitor_proc(struct igt_mmgpu_proc *self, void *data)
{
	const struct visitor *who = data;
	struct igt_mmgpu_bo_owner owner;
	int node = igt_mmgpu_open();
	struct drm_mmgpu_query_mm query;

	close(alive[0]);
	close(orphaned[1]);
	if (who->role == OWNER) {
		igt_mmgpu_bo_visit_create(visit, &owner);
	} else {
		igt_mmgpu_query_mm(node, MMGPU_QUERY_MM_ASSIGN, &query);
		igt_mmgpu_send(self->sock, &query.caller_mm_seq, sizeof(query.caller_mm_seq));
		if (who->role == STRANGER) {
			visit->fd = igt_mmgpu_recv_fd(self->sock);
			visit->primary = igt_mmgpu_recv_fd(self->sock);
		}
		recv_files(self->sock);
	}
	if (who->role != STRANGER)
		igt_mmgpu_bo_visit_enter(visit, who->bind, who->access,
					 who->is == ITSELF ? &gate : NULL);
	close(node);
	report(self->sock);

	await(self->sock);
	switch (who->is) {
	case ITSELF:
		igt_mmgpu_bo_visit_doors(visit, who->standing);
		break;
	case CHILD:
	case ORPHAN:
		visit_by_child(who);
		break;
	case PROGRAM:
		igt_mmgpu_bo_visit_exec(visit, who->standing);
		return 1;
	}
	if (who->role == OWNER && who->is != ORPHAN)
		igt_mmgpu_bo_visit_untouched(visit, &owner);
	return 0;
}

static void forward_fd(int from, int to)
{
	int fd = igt_mmgpu_recv_fd(from);

	igt_mmgpu_send_fd(to, fd);
	close(fd);
}

static void run(const struct visitor *who)
{
	bool has_owner = who->role != OWNER;
	struct igt_mmgpu_proc visitor, owner;
	unsigned int wrong;
	uint64_t seq;
	char byte;
	int ret;

	visit = igt_mmgpu_bo_visit_new();
	igt_mmgpu_gate_init(&gate);
	igt_assert_eq(pipe(alive), 0);
	igt_assert_eq(pipe(orphaned), 0);
	igt_mmgpu_proc_start(&visitor, visitor_proc, (void *)who);
	close(alive[1]);
	if (has_owner) {
		igt_mmgpu_proc_start(&owner, owner_proc, (void *)who);
		igt_mmgpu_recv(visitor.sock, &seq, sizeof(seq));
		igt_mmgpu_send(owner.sock, &seq, sizeof(seq));
		for (int i = 0; i < (who->role == STRANGER ? 4 : 2); i++)
			forward_fd(owner.sock, visitor.sock);
	}
	await(visitor.sock);

	if (has_owner) {
		report(owner.sock);
		if (who->turn == OWNER_EXIT)
			igt_assert_eq(igt_mmgpu_proc_join(&owner), 0);
		else
			await(owner.sock);
	}
	igt_mmgpu_gate_open(&gate);

	report(visitor.sock);
	ret = igt_mmgpu_proc_join(&visitor);
	close(orphaned[1]);
	/* An orphan ends when it likes. */
	igt_assert_eq(read(alive[0], &byte, 1), 0);
	wrong = igt_mmgpu_bo_visit_judge(visit, who->name);
	igt_assert_eq(ret, 0);
	if (has_owner && who->turn != OWNER_EXIT) {
		report(owner.sock);
		igt_assert_eq(igt_mmgpu_proc_join(&owner), 0);
	}

	igt_assert_eq_u32(wrong, 0);
	close(alive[0]);
	close(orphaned[0]);
	igt_mmgpu_gate_fini(&gate);
	igt_mmgpu_bo_visit_free(visit);
}

/* ---- other devices -------------------------------------------------------------------- */

static int importer_proc(struct igt_mmgpu_proc *self, void *data)
{
	struct igt_mmgpu_bo_owner owner;

	igt_mmgpu_bo_visit_create(visit, &owner);
	igt_mmgpu_bo_visit_doors(visit, IGT_MMGPU_BO_DEVICE);
	return 0;
}

static void importer(void)
{
	visit = igt_mmgpu_bo_visit_new();
	igt_mmgpu_proc_run(importer_proc, NULL);
	igt_assert_eq_u32(igt_mmgpu_bo_visit_judge(visit, "importer"), 0);
	igt_mmgpu_bo_visit_free(visit);
}

/* ------------------------------------------------------------------------------------------ */

static const char *const standings[] = {
	[IGT_MMGPU_BO_OWNER] = "Owner",
	[IGT_MMGPU_BO_WRITER] = "Writer",
	[IGT_MMGPU_BO_READER] = "Reader",
	[IGT_MMGPU_BO_NARROWED] = "Narrowed",
	[IGT_MMGPU_BO_REVOKED] = "Revoked",
	[IGT_MMGPU_BO_NOBODY] = "Nobody",
	[IGT_MMGPU_BO_DEVICE] = "Device",
};

static int print_doors(int opt, int opt_index, void *data)
{
	enum igt_mmgpu_bo_standing standing = IGT_MMGPU_BO_STANDINGS;

	printf(".. Printed by \"mmgpu_grant_matrix --doors\", which tests it; scripts/lint compares.\n\n");
	for (unsigned int i = 0; i < igt_mmgpu_count(visitors); i++) {
		if (visitors[i].standing == standing) {
			printf(";\n  %s", visitors[i].what);
			continue;
		}
		standing = visitors[i].standing;
		printf("%s%s\n  %s", i ? ".\n" : "", standings[standing], visitors[i].what);
	}
	printf(".\n%s\n  another driver or another device, on whoever's behalf.\n\n",
	       standings[IGT_MMGPU_BO_DEVICE]);
	igt_mmgpu_bo_doors_print(stdout);
	fflush(stdout);
	_exit(0);
}

static const struct option options[] = {
	{ "doors", no_argument, NULL, 'D' },
	{ }
};

int igt_main_args(NULL, options, "  --doors  print the table of the documentation\n",
		  print_doors, NULL)
{
	igt_fixture() {
		close(igt_mmgpu_open());
		igt_require_f(igt_mmgpu_has_module("vgem"),
			      "no vgem: load it, or set MMGPU_MODPROBE=1\n");
	}

	for (unsigned int i = 0; i < igt_mmgpu_count(visitors); i++) {
		igt_describe_f("%s: every door", visitors[i].what);
		igt_subtest(visitors[i].name)
			run(&visitors[i]);
	}

	igt_describe("Other devices, on the owner's behalf: every door that they have.");
	igt_subtest("importer")
		importer();

	igt_fixture()
		igt_mmgpu_proc_cleanup();
}
