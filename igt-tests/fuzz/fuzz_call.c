// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

/* System calls: right ones, and those with something wrong about them. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

int64_t fuzz_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

void fuzz_say(struct fuzz_run *run, const char *format, ...)
{
	char line[256];
	va_list ap;
	int len;

	if (!run->verbose)
		return;
	va_start(ap, format);
	len = vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	if (len >= (int)sizeof(line))
		len = sizeof(line) - 1;
	if (write(STDOUT_FILENO, line, len) < 0)
		return;
}

void *fuzz_alloc(struct fuzz_run *run, size_t size)
{
	size_t aligned = (size + 15) & ~15ull;
	unsigned char *at;

	/* The first part is for the arguments of ioctls. */
	if (aligned > FUZZ_SCRATCH_SIZE / 2 - run->scratch_used)
		return NULL;
	run->scratch_used += aligned;
	/* From the end down: the first of an operation ends where the memory does. */
	at = run->scratch + FUZZ_SCRATCH_SIZE - run->scratch_used;
	if (run->scratch_used == aligned)
		at += aligned - ((size + 3) & ~3ull);
	memset(at, 0, size);
	return at;
}

/* ---- the 32-bit entry ------------------------------------------------------------------- */

#ifdef __x86_64__
#define SYS32_IOCTL	54
#define SYS32_GETPID	20

static int syscall32(int nr, uint32_t a, uint32_t b, uint32_t c)
{
	int ret;

	asm volatile("int $0x80" : "=a"(ret) : "0"(nr), "b"(a), "c"(b), "d"(c)
		     : "memory", "cc", "r8", "r9", "r10", "r11");
	return ret;
}

bool fuzz_compat_probe(void)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		_exit(syscall32(SYS32_GETPID, 0, 0, 0) != getpid());
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}
#else
static int syscall32(int nr, uint32_t a, uint32_t b, uint32_t c)
{
	return -ENOSYS;
}

bool fuzz_compat_probe(void)
{
	return false;
}
#endif

/* ---- where the arguments lie ------------------------------------------------------------ */

/* Not where the fuzzer has anything of its own: results are written there. */
static void *odd_place(struct fuzz_run *run, size_t size)
{
	struct fuzz_map *map;

	switch (fuzz_below(run, 6)) {
	case 0:
		return NULL;
	case 1:
		return (void *)(0xffff888000000000ull + fuzz_below(run, 1 << 20));
	case 2:
		/* The last bytes are not there. */
		return run->scratch + FUZZ_SCRATCH_SIZE - fuzz_below(run, size + 1);
	case 3:
		return (void *)(FUZZ_TASK_SIZE - fuzz_below(run, size + 1));
	case 4:
		/* Memory that can't be written, or that is not there. */
		return (void *)(FUZZ_PLAIN + fuzz_below(run, FUZZ_PLAINS) * FUZZ_PLAIN_SIZE +
				fuzz_below(run, 4096));
	default:
		/* A buffer: its page fault is the driver's own. */
		map = &run->obj->map[fuzz_below(run, FUZZ_MAPS)];
		if (!map->addr)
			return NULL;
		return (void *)(map->addr + fuzz_below(run, 4096));
	}
}

static unsigned long odd_request(struct fuzz_run *run, unsigned long request)
{
	static const uint32_t other[] = { 0, 1, 4, 8, 16, 4096, 0x3ff8, 0x3fff };
	uint32_t size = _IOC_SIZE(request);

	switch (fuzz_below(run, 8)) {
	case 0:
		size = other[fuzz_below(run, fuzz_count(other))];
		break;
	case 1:
		size -= 4;
		break;
	case 2:
		size -= 8;
		break;
	case 3:
		size += 4;
		break;
	case 4:
		size += 8;
		break;
	case 5:
		size -= 1;
		break;
	case 6:
		return request ^ (1ul << (30 + fuzz_below(run, 2)));
	default:
		return request ^ (1ul << fuzz_below(run, 8));
	}
	return _IOC(_IOC_DIR(request), _IOC_TYPE(request), _IOC_NR(request), size & _IOC_SIZEMASK);
}

/*
 * What the kernel around us does with some numbers is known, and not our business: DRM core
 * allocates as many handles of syncobjs as it is told, and warns if that's too much.
 */
static void tame(unsigned long request, unsigned char *at)
{
	static const struct {
		uint8_t nr, count_at;
	} known[] = {
		{ 0xc3, 16 }, { 0xc4, 8 }, { 0xc5, 8 }, { 0xca, 24 }, { 0xcb, 16 }, { 0xcd, 16 },
	};
	unsigned int i;
	uint32_t count;

	for (i = 0; i < fuzz_count(known); i++) {
		if (_IOC_NR(request) != known[i].nr)
			continue;
		memcpy(&count, at + known[i].count_at, sizeof(count));
		count &= 0xffff;
		memcpy(at + known[i].count_at, &count, sizeof(count));
	}
}

/* ---- failing allocations ---------------------------------------------------------------- */

static void fail_nth(struct fuzz_run *run, unsigned int n)
{
	char text[12];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(run->fail_nth, text, len, 0) != len)
		run->fail_nth = -1;
}

/* ---- calls ------------------------------------------------------------------------------ */

static void count_call(struct fuzz_run *run)
{
	fuzz_add(fuzz->calls, 1);
}

int fuzz_sys(struct fuzz_run *run, long ret)
{
	int err = ret < 0 ? -errno : ret > INT32_MAX ? INT32_MAX : (int)ret;

	count_call(run);
	return err;
}

int fuzz_ioctl(struct fuzz_run *run, int fd, unsigned long request, void *args)
{
	size_t size = _IOC_SIZE(request);
	unsigned char *at = run->scratch;
	bool compat, injected;
	uint64_t dice = fuzz_below(run, 1000);
	int ret;

	memcpy(at, args, size);
	if (dice < 110)
		fuzz_mutate(run, at, size);
	else if (dice < 125)
		request = odd_request(run, request);
	else if (dice < 130)
		fd = fuzz_any_fd(run);
	else if (dice < 142)
		at = odd_place(run, size);
	if (dice < 142)
		fuzz_add(fuzz->mutated, 1);
	/* What follows the structure is read too if the size was changed. */
	if (_IOC_SIZE(request) > size)
		memset(run->scratch + size, fuzz_chance(run, 500) ? 0 : 0xff,
		       _IOC_SIZE(request) - size);
	tame(request, run->scratch);
	if (at != run->scratch && at) {
		/* There it may fault, and then the call has to live with what is there. */
		uintptr_t to = (uintptr_t)at;

		if (to + size <= FUZZ_TASK_SIZE && to >= FUZZ_ARENA && !sigsetjmp(run->jump, 0)) {
			run->armed = 1;
			memcpy(at, run->scratch, size);
		}
		run->armed = 0;
	}

	compat = fuzz->has_compat && at == run->scratch && fuzz_chance(run, 40);
	injected = run->fail_nth >= 0 && fuzz_chance(run, 30);
	run->injecting = injected;
	if (injected)
		fail_nth(run, 1 + fuzz_below(run, fuzz_chance(run, 700) ? 6 : 60));
	if (compat) {
		memcpy(run->low, at, FUZZ_LOW_SIZE);
		ret = syscall32(SYS32_IOCTL, fd, request, (uintptr_t)run->low);
		memcpy(at, run->low, size);
	} else {
		ret = syscall(SYS_ioctl, fd, request, at);
		if (ret < 0)
			ret = -errno;
	}
	if (injected) {
		fail_nth(run, 0);
		run->injecting = 0;
		fuzz_add(fuzz->injected, 1);
	}
	if (compat)
		fuzz_add(fuzz->compat, 1);
	fuzz_add(fuzz->ioctls, 1);
	count_call(run);
	if (at == run->scratch)
		memcpy(args, at, size);
	else if (ret >= 0)
		memset(args, 0, size);
	fuzz_say(run, "    ioctl(%d, %#lx)%s%s%s = %d\n", fd, request,
		 dice < 142 ? " changed" : "", compat ? " compat" : "", injected ? " failing" : "",
		 ret);
	return ret;
}

int fuzz_file_ioctl(struct fuzz_run *run, struct fuzz_file *file, unsigned long request,
		    void *args)
{
	int ret = fuzz_ioctl(run, file->fd, request, args);

	fuzz_file_judge(run, file, ret);
	return ret;
}
