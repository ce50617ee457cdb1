// SPDX-License-Identifier: GPL-2.0-only
/* Symbols can be visible to KUnit only (6.2). */
#include <linux/kconfig.h>
#include <kunit/visibility.h>
