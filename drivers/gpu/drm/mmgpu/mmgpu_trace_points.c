// SPDX-License-Identifier: GPL-2.0
/* Copyright 2026 The mmgpu developers */

#define CREATE_TRACE_POINTS
#include "mmgpu_trace.h"
