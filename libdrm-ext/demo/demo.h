/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef DEMO_H
#define DEMO_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What a job of the demo holds at most, besides the device's own limits: so that each is
 * short, also on a slow machine.
 */
#define DEMO_JOB_ROWS	50000u
#define DEMO_JOB_BYTES	(16u << 20)

/* No wait of the demo is longer; something is broken then. */
#define DEMO_TIMEOUT_S	60

/* Who speaks, at the start of each line. */
extern const char *demo_name;

/* A line of progress, with the time since the start. */
void demo_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same on stderr, then ends the process with status 1. */
void demo_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Absolute time of the end of patience, in nanoseconds of CLOCK_MONOTONIC. */
int64_t demo_deadline(void);

/* Opens the first render node of the driver, with nothing but libdrm. -1 if there is none. */
int demo_open_node(void);

/* drmIoctl() with the errno as the result. */
int demo_ioctl(int fd, unsigned long request, void *arg);

#endif /* DEMO_H */
