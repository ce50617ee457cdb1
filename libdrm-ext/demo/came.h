/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef DEMO_CAME_H
#define DEMO_CAME_H

#include <stdbool.h>

/* What came back from a try: 0, -errno, or one of these. */
enum {
	CAME_NOTHING = 1000,		/* not tried: there is nothing to try it on */
	CAME_POLLERR,
	CAME_NO_POLLERR,
	CAME_SIGNAL = 2000,		/* and the signal's number */
};

/* For a table. */
const char *came_text(int came);

/* Reads, or writes the same again, the byte there. 0, or CAME_SIGNAL and the signal. */
int came_from_touch(void *byte, bool write);

#endif /* DEMO_CAME_H */
