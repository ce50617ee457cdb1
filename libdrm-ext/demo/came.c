// SPDX-License-Identifier: MIT
/* Copyright 2026 The mmgpu developers */

#include <setjmp.h>
#include <signal.h>
#include <string.h>

#include "came.h"

const char *came_text(int came)
{
	switch (came) {
	case 0:
		return "ok";
	case CAME_NOTHING:
		return "-";
	case CAME_POLLERR:
		return "POLLERR";
	case CAME_NO_POLLERR:
		return "no POLLERR";
	case CAME_SIGNAL + SIGSEGV:
		return "SIGSEGV";
	case CAME_SIGNAL + SIGBUS:
		return "SIGBUS";
	default:
		return strerrorname_np(-came) ? strerrorname_np(-came) : "?";
	}
}

static sigjmp_buf back;

static void on_fault(int sig)
{
	siglongjmp(back, sig);
}

int came_from_touch(void *byte, bool write)
{
	struct sigaction action = { .sa_handler = on_fault };
	volatile char *at = byte;
	int sig;

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sig = sigsetjmp(back, 1);
	if (!sig && write)
		*at = *at;
	else if (!sig)
		(void)*at;
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	return sig ? CAME_SIGNAL + sig : 0;
}
