/* SPDX-License-Identifier: MIT */
/* Copyright 2026 The mmgpu developers */
#ifndef DEMO_PASS_H
#define DEMO_PASS_H

#include <stdbool.h>

#define PASS_MAX	4

/* Sends descriptors over a socket; they stay the sender's too. */
void pass_send(int sock, const int *fds, unsigned int count);

/* Gets as many. False when the other end was closed instead. */
bool pass_receive(int sock, int *fds, unsigned int count);

#endif /* DEMO_PASS_H */
