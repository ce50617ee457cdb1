// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* Child processes, what is sent between them, user memory, and random numbers. */

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "igt.h"
#include "igt_mmgpu.h"

/*
 * libigt brings some forty libraries along, five mappings each, and what a child would spend
 * most of its time on is their inheritance and its end. So children do not have those that
 * draw, load modules or know other drivers, but for what the dynamic linker looks into. They
 * end by _exit(), as destructors are not there.
 */
static void keep_from_children(void)
{
	static const char *const unused[] = {
		"libcairo", "libpixman", "libfontconfig", "libfreetype", "libpng", "libexpat",
		"libbrotli", "libX", "libxcb", "libglib", "libpcre", "libkmod", "libcrypto",
		"libgcrypt", "libgpg-error", "liblz4", "libbz2", "libzstd", "libproc",
		"libpciaccess", "libdrm_amdgpu", "libdrm_nouveau", "libdrm_intel",
	};
	FILE *maps = fopen("/proc/self/maps", "re");
	bool after_code = false;
	char line[512];

	while (maps && fgets(line, sizeof(line), maps)) {
		const char *name = strrchr(line, '/');
		unsigned long start, end;
		char rights[5];
		bool keep;

		if (!name || sscanf(line, "%lx-%lx %4s", &start, &end, rights) != 3)
			continue;
		/* Symbols come before the code, constants after it, relocated ones before data. */
		keep = !strncmp(rights, "r--", 3) && !after_code;
		after_code = rights[2] == 'x';
		for (size_t i = 0; i < igt_mmgpu_count(unused) && !keep; i++)
			if (!strncmp(name + 1, unused[i], strlen(unused[i])))
				madvise((void *)start, end - start, MADV_DONTFORK);
	}
	if (maps)
		fclose(maps);
}

/* Children that are not joined yet, so that none outlives a subtest that failed. */
static pid_t alive[256];

static void remember(pid_t pid)
{
	for (size_t i = 0; i < igt_mmgpu_count(alive); i++) {
		if (!alive[i]) {
			alive[i] = pid;
			return;
		}
	}
	igt_assert_f(false, "too many children\n");
}

static void forget(pid_t pid)
{
	for (size_t i = 0; i < igt_mmgpu_count(alive); i++)
		if (alive[i] == pid)
			alive[i] = 0;
}

void igt_mmgpu_proc_cleanup(void)
{
	for (size_t i = 0; i < igt_mmgpu_count(alive); i++) {
		if (!alive[i])
			continue;
		kill(alive[i], SIGKILL);
		waitpid(alive[i], NULL, 0);
		alive[i] = 0;
	}
}

static void __attribute__((noreturn))
child(struct igt_mmgpu_proc *self, igt_mmgpu_proc_fn fn, void *data)
{
	volatile int code = IGT_EXIT_FAILURE;	/* kept over the jumps */

	memset(alive, 0, sizeof(alive));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/*
	 * libigt does not know that this is a child, so a failed assertion would carry on
	 * with the parent's next subtest. Its jumps end here instead.
	 */
	if (!sigsetjmp(igt_subtest_jmpbuf, 1) && !sigsetjmp(igt_dynamic_jmpbuf, 1))
		code = fn(self, data);
	fflush(NULL);
	_exit(code);
}

void igt_mmgpu_proc_start(struct igt_mmgpu_proc *proc, igt_mmgpu_proc_fn fn, void *data)
{
	static bool kept;
	int socks[2];
	pid_t pid;

	if (!kept)
		keep_from_children();
	kept = true;
	igt_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, socks), 0);
	fflush(NULL);
	pid = fork();
	igt_assert_lte(0, pid);
	if (!pid) {
		struct igt_mmgpu_proc self = { .pid = getpid(), .sock = socks[1] };

		close(socks[0]);
		child(&self, fn, data);
	}
	close(socks[1]);
	proc->pid = pid;
	proc->sock = socks[0];
	remember(pid);
}

int igt_mmgpu_proc_join(struct igt_mmgpu_proc *proc)
{
	int status;
	pid_t pid;

	do
		pid = waitpid(proc->pid, &status, 0);
	while (pid < 0 && errno == EINTR);
	igt_assert_eq(pid, proc->pid);
	forget(pid);
	close(proc->sock);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void igt_mmgpu_proc_run(igt_mmgpu_proc_fn fn, void *data)
{
	struct igt_mmgpu_proc proc;

	igt_mmgpu_proc_start(&proc, fn, data);
	igt_assert_eq(igt_mmgpu_proc_join(&proc), 0);
}

/* One message; fd < 0 sends none. */
static void send_message(int sock, const void *data, size_t size, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t ret;

	if (fd >= 0) {
		struct cmsghdr *cmsg;

		msg.msg_control = control.space;
		msg.msg_controllen = sizeof(control.space);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	}
	do
		ret = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (ret < 0 && errno == EINTR);
	igt_assert_eq(ret, (int)size);
}

static int recv_message(int sock, void *data, size_t size)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { };
	struct iovec iov = { .iov_base = data, .iov_len = size };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space),
	};
	struct cmsghdr *cmsg;
	int fd = -1;
	ssize_t ret;

	do
		ret = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (ret < 0 && errno == EINTR);
	igt_assert_f(ret == (ssize_t)size, "the peer sent %zd bytes instead of %zu\n",
		     ret, size);
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
	return fd;
}

void igt_mmgpu_send(int sock, const void *data, size_t size)
{
	send_message(sock, data, size, -1);
}

void igt_mmgpu_recv(int sock, void *data, size_t size)
{
	igt_assert_eq(recv_message(sock, data, size), -1);
}

void igt_mmgpu_send_fd(int sock, int fd)
{
	igt_assert_fd(fd);
	send_message(sock, "", 1, fd);
}

int igt_mmgpu_recv_fd(int sock)
{
	char byte;
	int fd = recv_message(sock, &byte, 1);

	igt_assert_fd(fd);
	return fd;
}

static size_t pages(size_t size)
{
	size_t page = getpagesize();

	return (size + page - 1) / page * page;
}

void *igt_mmgpu_edge_alloc(size_t size)
{
	char *base = mmap(NULL, pages(size) + getpagesize(), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	igt_assert(base != MAP_FAILED);
	igt_assert_eq(munmap(base + pages(size), getpagesize()), 0);
	return base + pages(size) - size;
}

void igt_mmgpu_edge_free(void *edge, size_t size)
{
	munmap((char *)edge + size - pages(size), pages(size));
}

void *igt_mmgpu_bad_pointer(void)
{
	/* The page of NULL, which mmap_min_addr keeps free, on a multiple of 8. */
	return (void *)8;
}

/* A fault is taken by the thread that made it, so each has a place to go back to. */
static __thread sigjmp_buf touch_back;
static __thread volatile sig_atomic_t touching;

static void on_fault(int sig)
{
	if (touching) {
		touching = false;
		siglongjmp(touch_back, sig);
	}
	signal(sig, SIG_DFL);
}

/* Each time: a process that shares our memory need not share our handlers. */
static void catch_faults(void)
{
	struct sigaction act = { .sa_handler = on_fault };

	sigaction(SIGSEGV, &act, NULL);
	sigaction(SIGBUS, &act, NULL);
}

int igt_mmgpu_touch_read(const volatile void *at, uint64_t expect)
{
	uint64_t value;
	int sig;

	catch_faults();
	sig = sigsetjmp(touch_back, 1);
	if (sig)
		return sig;
	touching = true;
	value = *(const volatile uint64_t *)at;
	touching = false;
	return value == expect ? 0 : -1;
}

int igt_mmgpu_touch_write(volatile void *at, uint64_t value)
{
	int sig;

	catch_faults();
	sig = sigsetjmp(touch_back, 1);
	if (sig)
		return sig;
	touching = true;
	*(volatile uint64_t *)at = value;
	touching = false;
	return 0;
}

void igt_mmgpu_await(const void *map, uint64_t value)
{
	int64_t deadline = igt_mmgpu_deadline_ms(IGT_MMGPU_PATIENCE * 1000);

	while (*(const volatile uint64_t *)map != value) {
		igt_assert_f(igt_mmgpu_now() < deadline, "no job wrote %#llx\n",
			     (unsigned long long)value);
		sched_yield();
	}
}

void igt_mmgpu_drop_root(void)
{
	const uid_t nobody = 65534;

	if (geteuid() != 0)
		return;
	igt_assert_eq(setgroups(0, NULL), 0);
	igt_assert_eq(setresgid(nobody, nobody, nobody), 0);
	/* Leaving uid 0 empties the capability sets. */
	igt_assert_eq(setresuid(nobody, nobody, nobody), 0);
}

/* ---- numbers ------------------------------------------------------------------ */

void igt_mmgpu_rand_init(struct igt_mmgpu_rand *rnd)
{
	const char *seed = getenv("MMGPU_SEED");

	rnd->state = seed ? strtoull(seed, NULL, 0) : (uint64_t)igt_mmgpu_now();
	igt_info("MMGPU_SEED=%#llx\n", (unsigned long long)rnd->state);
}

/* splitmix64: every state is a good one, 0 too. */
uint32_t igt_mmgpu_rand(struct igt_mmgpu_rand *rnd)
{
	uint64_t x = rnd->state += 0x9e3779b97f4a7c15ull;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return (x ^ (x >> 31)) >> 32;
}

uint64_t igt_mmgpu_rand_range(struct igt_mmgpu_rand *rnd, uint64_t min, uint64_t max)
{
	uint64_t wide = (uint64_t)igt_mmgpu_rand(rnd) << 32 | igt_mmgpu_rand(rnd);
	uint64_t span = max - min + 1;

	/* The slight bias of the remainder does not matter to a test. */
	return span ? min + wide % span : wide;
}

void igt_mmgpu_rand_bytes(struct igt_mmgpu_rand *rnd, void *data, size_t size)
{
	char *at = data;

	while (size) {
		uint32_t word = igt_mmgpu_rand(rnd);
		size_t part = size < sizeof(word) ? size : sizeof(word);

		memcpy(at, &word, part);
		at += part;
		size -= part;
	}
}
